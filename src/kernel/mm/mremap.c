// SPDX-License-Identifier: MIT
/* Making areas larger and smaller and moving them. (mremap(2)) */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include "internal.h"
#include "walk.h"

struct move {
	struct mm_struct *mm;
	unsigned long delta;
	int error;
};

static void move_pte(pte_t *pte, unsigned long addr, void *data)
{
	struct move *move = data;
	pte_t *to;

	if (move->error)
		return;
	to = lookup_pte(move->mm->pgd, addr + move->delta, GFP_KERNEL);
	if (!to) {
		move->error = -ENOMEM;
		return;
	}
	*to = *pte;
	*pte = 0;
}

/* A new area for the same memory at @new, the entries moved there. */
static int move_area(struct vm_area_struct *vma, unsigned long old, unsigned long old_len, unsigned long new,
		     unsigned long new_len)
{
	struct move move = { .mm = vma->vm_mm, .delta = new - old };
	struct vm_area_struct *to;
	int ret = insert_area(vma->vm_mm, new, new_len, vma->vm_flags, &to);

	if (ret)
		return ret;
	to->vm_pgoff = vma->vm_pgoff + ((old - vma->vm_start) >> PAGE_SHIFT);
	to->vm_ops = vma->vm_ops;
	to->vm_private_data = vma->vm_private_data;
	to->vm_file = vma->vm_file ? get_file(vma->vm_file) : NULL;
	if (to->vm_ops && to->vm_ops->open)
		to->vm_ops->open(to);
	walk_ptes(vma->vm_mm, old, old + min(old_len, new_len), move_pte, &move);
	flush_tlb();
	return move.error;
}

#define MREMAP_FLAGS (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)

/* What is wrong with the arguments alone. */
static bool mremap_refused(unsigned long addr, unsigned long old_len, unsigned long new_len, unsigned long flags,
			   unsigned long new_addr)
{
	if ((flags & ~MREMAP_FLAGS) || ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE)))
		return true;
	if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
		return true;
	if (offset_in_page(addr) || !new_len)
		return true;
	return (flags & MREMAP_FIXED) && (offset_in_page(new_addr) || new_len > TASK_SIZE || new_addr > TASK_SIZE - new_len ||
					  (new_addr < addr + old_len && addr < new_addr + new_len));
}

SYSCALL_DEFINE5(mremap, unsigned long, addr, unsigned long, old_len, unsigned long, new_len, unsigned long, flags,
		unsigned long, new_addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *next;
	unsigned long to;
	int ret;

	old_len = PAGE_ALIGN(old_len);
	new_len = PAGE_ALIGN(new_len);
	if (mremap_refused(addr, old_len, new_len, flags, new_addr))
		return -EINVAL;
	vma = find_vma(mm, addr);
	if (!vma || vma->vm_start > addr)
		return -EFAULT;
	/* What gets smaller where it is may be several areas. */
	if (old_len >= new_len && !(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
		ret = new_len < old_len ? do_munmap(mm, addr + new_len, old_len - new_len) : 0;
		return ret ? ret : (long)addr;
	}
	/* The length 0 means another view of the same memory, which must be shared. */
	if (!old_len && !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EINVAL;
	if (old_len > vma->vm_end - addr)
		return -EFAULT;
	if (new_len > old_len && (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EFAULT;
	if (mm->total_vm + ((new_len - old_len) >> PAGE_SHIFT) > rlimit(RLIMIT_AS) >> PAGE_SHIFT)
		return -ENOMEM;
	if (flags & MREMAP_FIXED) {
		ret = do_munmap(mm, new_addr, new_len);
		if (ret)
			return ret;
		to = new_addr;
	} else {
		next = list_is_last(&vma->vm_list, &mm->mmap) ? NULL : list_next_entry(vma, vm_list);
		if (old_len && !(flags & MREMAP_DONTUNMAP) && addr + old_len == vma->vm_end &&
		    addr + new_len <= TASK_SIZE && (!next || next->vm_start >= addr + new_len)) {
			vma->vm_end = addr + new_len;
			mm->total_vm += (new_len - old_len) >> PAGE_SHIFT;
			return addr;
		}
		if (!(flags & MREMAP_MAYMOVE))
			return -ENOMEM;
		/* The place is found by mapping it; move_area() replaces that mapping. */
		to = do_mmap(NULL, new_addr, new_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(to))
			return to;
	}
	vma = find_vma(mm, addr);
	ret = move_area(vma, addr, old_len, to, new_len);
	if (!ret && old_len && !(flags & MREMAP_DONTUNMAP))
		ret = do_munmap(mm, addr, old_len);
	return ret ? ret : (long)to;
}
