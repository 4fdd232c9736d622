/* SPDX-License-Identifier: MIT */
/* What the parts of user memory management share. */
#ifndef _MM_INTERNAL_H
#define _MM_INTERNAL_H

#include <kernel/mm.h>

#define FAULT_FLAG_INSTRUCTION	0x100

/*
 * Makes @address usable: 0, or VM_FAULT_ bits with *@code the SEGV_ reason. @present: the entry exists and forbade
 * the access.
 */
vm_fault_t handle_mm_fault(struct mm_struct *mm, unsigned long address, unsigned int flags, bool present, int *code);
/* A copy of the current process's memory, pages shared until written. NULL when out of memory. */
struct mm_struct *dup_mm(struct mm_struct *old);
/* Makes room and maps [addr, addr + len) without asking ->mmap; vm_flags are final. */
int insert_area(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long vm_flags,
		struct vm_area_struct **result);
/* Room for an area where mmap would choose it; 0: none. */
unsigned long unmapped_area(struct mm_struct *mm, unsigned long len);
int do_brk_area(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long vm_flags);
/* Gives an area memory of its own that its copies share. */
int shmem_zero_setup(struct vm_area_struct *vma);
void flush_tlb(void);
/* Area borders at @start and @end where an area crosses them. */
int isolate_areas(struct mm_struct *mm, unsigned long start, unsigned long end);
/* Pages in what is accessible of a range, as far as memory goes. */
void populate(struct mm_struct *mm, unsigned long start, unsigned long end);

#endif
