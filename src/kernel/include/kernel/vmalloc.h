/* SPDX-License-Identifier: MIT */
/* Virtually contiguous memory, and memory for code. */
#ifndef _KERNEL_VMALLOC_H
#define _KERNEL_VMALLOC_H

#include <kernel/types.h>
#include <kernel/gfp.h>

void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
void *__vmalloc(unsigned long size, gfp_t gfp);
void *vmalloc_user(unsigned long size);
void vfree(const void *addr);
struct page *vmalloc_to_page(const void *addr);
/* Maps pages one behind the other; a page may be there several times. @prot is __PAGE_KERNEL. The caller keeps its references. */
void *vmap(struct page **pages, unsigned int count, unsigned long flags, unsigned long prot);
void vunmap(const void *addr);

/*
 * Executable memory within reach of the kernel's own branches (from MODULES_VADDR): read-only for ordinary stores,
 * written with text_poke(). Page-aligned, filled with int3. NULL when out of memory.
 */
void *exec_alloc(size_t size);
void exec_free(void *addr);
/* True for addresses in allocated executable memory. */
bool is_exec_address(unsigned long addr);
/* Gives code in such memory a name in symbol look-ups ("bpf_prog_…"): [start, start + size). */
int exec_name(void *addr, size_t size, const char *name);
void exec_unname(void *addr);
/* The names one after the other, in the order in which they were given; NULL behind the last. */
const char *exec_symbol_get(unsigned long pos, unsigned long *address);

#endif
