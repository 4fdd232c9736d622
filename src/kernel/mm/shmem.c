// SPDX-License-Identifier: MIT
/* Anonymous memory that a process shares with its children: pages that belong to an object, not to an address space. */
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include "internal.h"

struct shared_memory {
	int areas;
	unsigned long nr_pages;
	struct page *pages[];
};

static void shared_open(struct vm_area_struct *vma)
{
	((struct shared_memory *)vma->vm_private_data)->areas++;
}

static void shared_close(struct vm_area_struct *vma)
{
	struct shared_memory *shared = vma->vm_private_data;

	if (--shared->areas)
		return;
	for (unsigned long i = 0; i < shared->nr_pages; i++)
		if (shared->pages[i])
			put_page(shared->pages[i]);
	kvfree(shared);
}

static vm_fault_t shared_fault(struct vm_fault *vmf)
{
	struct shared_memory *shared = vmf->vma->vm_private_data;
	struct page **page;

	if (vmf->pgoff >= shared->nr_pages)
		return VM_FAULT_SIGBUS;
	page = &shared->pages[vmf->pgoff];
	if (!*page)
		*page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
	if (!*page)
		return VM_FAULT_OOM;
	get_page(*page);
	vmf->page = *page;
	return 0;
}

static const struct vm_operations_struct shared_vm_ops = {
	.open = shared_open,
	.close = shared_close,
	.fault = shared_fault,
};

int shmem_zero_setup(struct vm_area_struct *vma)
{
	unsigned long nr_pages = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	struct shared_memory *shared = kvzalloc(struct_size(shared, pages, nr_pages), GFP_KERNEL);

	if (!shared)
		return -ENOMEM;
	shared->areas = 1;
	shared->nr_pages = nr_pages;
	vma->vm_private_data = shared;
	vma->vm_ops = &shared_vm_ops;
	return 0;
}
