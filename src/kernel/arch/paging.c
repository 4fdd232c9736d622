// SPDX-License-Identifier: MIT
/*
 * Page tables. The kernel's half of every address space is the same: direct map, vmalloc area, kernel image with text
 * read-only and the rest not executable, area for code made at run time. (Documentation/x86/x86_64/mm.rst)
 */
#include <kernel/init.h>
#include <kernel/io.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/string.h>
#include "../boot/boot.h"
#include "pgtable.h"

extern pte_t swapper_pg_dir[], boot_pdpt[], boot_pdpt_kernel[];

/* The entry for @addr in the last level, tables made on the way if @gfp is not 0. */
pte_t *lookup_pte(pte_t *table, unsigned long addr, gfp_t gfp)
{
	for (int shift = 39; shift > PAGE_SHIFT; shift -= 9) {
		pte_t *entry = &table[addr >> shift & 511];

		if (!(*entry & _PAGE_PRESENT)) {
			unsigned long page;

			if (!gfp)
				return NULL;
			page = get_zeroed_page(gfp);
			if (!page)
				return NULL;
			/* Permissions are the last level's alone. */
			*entry = __pa((void *)page) | _PAGE_PRESENT | _PAGE_RW | _PAGE_USER;
		} else if (*entry & _PAGE_PSE) {
			return NULL;
		}
		table = __va(*entry & PTE_PFN_MASK);
	}
	return &table[addr >> PAGE_SHIFT & 511];
}

int map_kernel_page(unsigned long addr, unsigned long phys, unsigned long prot)
{
	pte_t *pte = lookup_pte(swapper_pg_dir, addr, GFP_KERNEL);

	if (!pte)
		return -ENOMEM;
	*pte = phys | prot;
	invlpg(addr);
	return 0;
}

/* Returns what was mapped, or 0. */
pte_t unmap_kernel_page(unsigned long addr)
{
	pte_t *pte = lookup_pte(swapper_pg_dir, addr, 0), old;

	if (!pte)
		return 0;
	old = *pte;
	*pte = 0;
	invlpg(addr);
	return old;
}

pte_t *lookup_kernel_pte(unsigned long addr)
{
	return lookup_pte(swapper_pg_dir, addr, 0);
}

static void __init map_kernel_image(void)
{
	/* A new tree, filled on the side and switched to at once: the code runs from the boot's pages meanwhile. */
	pte_t *pdpt = (pte_t *)get_zeroed_page(GFP_KERNEL);
	pte_t *scratch = (pte_t *)get_zeroed_page(GFP_KERNEL);

	for (unsigned long addr = (unsigned long)_text; addr < (unsigned long)_end; addr += PAGE_SIZE) {
		unsigned long prot = __PAGE_KERNEL;
		pte_t *pte;

		if (addr < (unsigned long)_etext)
			prot = __PAGE_KERNEL_ROX;
		else if ((addr >= (unsigned long)__start_rodata && addr < (unsigned long)__end_rodata) ||
			 addr >= (unsigned long)__bss_stop)
			prot = __PAGE_KERNEL_RO;
		scratch[511] = __pa(pdpt) | _PAGE_PRESENT | _PAGE_RW;
		pte = lookup_pte(scratch, addr, GFP_KERNEL);
		if (!pte)
			panic("no memory for page tables");
		*pte = __pa((void *)addr) | prot;
	}
	swapper_pg_dir[511] = __pa(pdpt) | _PAGE_PRESENT | _PAGE_RW;
	free_page((unsigned long)scratch);
}

static void __init map_direct(void)
{
	unsigned long end = max(max_pfn << PAGE_SHIFT, 4UL << 30), addr;

	/* The boot's pages are executable and cover 4 GiB; these are not and cover all of memory. */
	pte_t *pdpt = (pte_t *)get_zeroed_page(GFP_KERNEL);

	for (addr = 0; addr < end; addr += 1UL << 30) {
		pte_t *pd;

		if (addr >= max_pfn << PAGE_SHIFT)
			break;
		pd = (pte_t *)get_zeroed_page(GFP_KERNEL);
		for (int i = 0; i < 512; i++)
			if (addr + (unsigned long)i * 0x200000 < max_pfn << PAGE_SHIFT)
				pd[i] = (addr + (unsigned long)i * 0x200000) | __PAGE_KERNEL | _PAGE_PSE;
		pdpt[addr >> 30] = __pa(pd) | _PAGE_PRESENT | _PAGE_RW;
	}
	swapper_pg_dir[pgd_index(PAGE_OFFSET)] = __pa(pdpt) | _PAGE_PRESENT | _PAGE_RW;
}

void __init paging_init(void)
{
	unsigned long vmalloc_tables = get_zeroed_page(GFP_KERNEL);

	map_direct();
	map_kernel_image();
	swapper_pg_dir[pgd_index(VMALLOC_START)] = __pa((void *)vmalloc_tables) | _PAGE_PRESENT | _PAGE_RW;
	swapper_pg_dir[0] = 0;
	/* Global pages outlive a write to CR3; dropping PGE drops them. */
	write_cr4(read_cr4() & ~0x80UL);
	write_cr3(__pa(swapper_pg_dir));
	write_cr4(read_cr4() | 0x80UL);
}

pte_t *new_pgd(void)
{
	pte_t *pgd = (pte_t *)get_zeroed_page(GFP_KERNEL);

	if (pgd)
		memcpy(pgd + 256, swapper_pg_dir + 256, 256 * sizeof(*pgd));
	return pgd;
}
