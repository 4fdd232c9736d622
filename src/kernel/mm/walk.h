/* SPDX-License-Identifier: MIT */
/* Visits of a process's page table entries. */
#ifndef _MM_WALK_H
#define _MM_WALK_H

#include "../arch/pgtable.h"

struct mm_struct;
struct vm_area_struct;

/* An entry without access rights: not present for the processor, but there. */
#define _PAGE_PROTNONE	0x400UL

typedef void (*pte_visitor)(pte_t *pte, unsigned long addr, void *data);

/* Calls @visit for each entry in the range that is not empty. */
void walk_ptes(struct mm_struct *mm, unsigned long start, unsigned long end, pte_visitor visit, void *data);
void unmap_range(struct mm_struct *mm, unsigned long start, unsigned long end);
/* Gives existing entries the area's present rights. */
void protect_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);
int copy_page_range(struct vm_area_struct *to, struct vm_area_struct *from);
void free_page_tables(struct mm_struct *mm);

#endif
