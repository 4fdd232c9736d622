/* SPDX-License-Identifier: MIT */
/* Page table entries of x86-64 (Intel SDM volume 3, 4.5). */
#ifndef _ARCH_PGTABLE_H
#define _ARCH_PGTABLE_H

#include <kernel/types.h>
#include <kernel/gfp.h>

typedef unsigned long pte_t;

#define _PAGE_PRESENT	0x001UL
#define _PAGE_RW	0x002UL
#define _PAGE_USER	0x004UL
#define _PAGE_PWT	0x008UL
#define _PAGE_PCD	0x010UL
#define _PAGE_ACCESSED	0x020UL
#define _PAGE_DIRTY	0x040UL
#define _PAGE_PSE	0x080UL
#define _PAGE_GLOBAL	0x100UL
#define _PAGE_SPECIAL	0x200UL		/* software: no struct page behind it */
#define _PAGE_NX	(1UL << 63)
#define PTE_PFN_MASK	0x000ffffffffff000UL

#define __PAGE_KERNEL		(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_NX)
#define __PAGE_KERNEL_RO	(__PAGE_KERNEL & ~(_PAGE_RW | _PAGE_DIRTY))
#define __PAGE_KERNEL_ROX	(__PAGE_KERNEL_RO & ~_PAGE_NX)
#define __PAGE_KERNEL_NOCACHE	(__PAGE_KERNEL | _PAGE_PCD | _PAGE_PWT)

#define pgd_index(addr)	((addr) >> 39 & 511)

pte_t *lookup_pte(pte_t *table, unsigned long addr, gfp_t gfp);
pte_t *lookup_kernel_pte(unsigned long addr);
int map_kernel_page(unsigned long addr, unsigned long phys, unsigned long prot);
pte_t unmap_kernel_page(unsigned long addr);
/* A top-level table whose kernel half is the kernel's; NULL when out of memory. */
pte_t *new_pgd(void);

#endif
