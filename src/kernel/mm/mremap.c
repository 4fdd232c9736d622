// SPDX-License-Identifier: MIT
/* mremap, and the calls that give advice about memory or ask about it. (man mremap, madvise, mincore, mlock, msync) */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
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

SYSCALL_DEFINE5(mremap, unsigned long, addr, unsigned long, old_len, unsigned long, new_len, unsigned long, flags,
		unsigned long, new_addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma, *next;
	unsigned long to;
	int ret;

	if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) || offset_in_page(addr) ||
	    ((flags & MREMAP_FIXED) && (!(flags & MREMAP_MAYMOVE) || offset_in_page(new_addr))))
		return -EINVAL;
	old_len = PAGE_ALIGN(old_len);
	new_len = PAGE_ALIGN(new_len);
	if (!new_len)
		return -EINVAL;
	vma = find_vma(mm, addr);
	if (!vma || vma->vm_start > addr)
		return -EFAULT;
	if (!old_len || addr + old_len > vma->vm_end)
		return old_len ? -EFAULT : -EINVAL;
	if (!(flags & MREMAP_FIXED)) {
		if (new_len <= old_len) {
			ret = new_len < old_len ? do_munmap(mm, addr + new_len, old_len - new_len) : 0;
			return ret ? ret : (long)addr;
		}
		if (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
			return -EFAULT;
		next = list_is_last(&vma->vm_list, &mm->mmap) ? NULL : list_next_entry(vma, vm_list);
		if (addr + old_len == vma->vm_end && addr + new_len <= TASK_SIZE &&
		    (!next || next->vm_start >= addr + new_len)) {
			vma->vm_end = addr + new_len;
			mm->total_vm += (new_len - old_len) >> PAGE_SHIFT;
			return addr;
		}
		if (!(flags & MREMAP_MAYMOVE))
			return -ENOMEM;
		/* The place is found by mapping it; move_area() replaces that mapping. */
		to = do_mmap(NULL, 0, new_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
		if (IS_ERR_VALUE(to))
			return to;
	} else {
		if (new_addr > TASK_SIZE - new_len || (new_addr < addr + old_len && addr < new_addr + new_len))
			return -EINVAL;
		ret = do_munmap(mm, new_addr, new_len);
		if (ret)
			return ret;
		to = new_addr;
	}
	vma = find_vma(mm, addr);
	ret = move_area(vma, addr, old_len, to, new_len);
	if (!ret)
		ret = do_munmap(mm, addr, old_len);
	return ret ? ret : (long)to;
}

SYSCALL_DEFINE3(madvise, unsigned long, start, size_t, len, int, advice)
{
	struct vm_area_struct *vma;
	unsigned long end = start + PAGE_ALIGN(len);

	if (offset_in_page(start) || end < start)
		return -EINVAL;
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
		list_for_each_entry(vma, &current->mm->mmap, vm_list)
			if (vma->vm_start < end && vma->vm_end > start && !(vma->vm_flags & VM_PFNMAP))
				unmap_range(current->mm, max(start, vma->vm_start), min(end, vma->vm_end));
		return 0;
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return 0;
	}
	return -EINVAL;
}

/* Files change by write(2) alone, and nothing is ever paged out: these have nothing to do but to check. */

SYSCALL_DEFINE3(msync, unsigned long, start, size_t, len, int, flags)
{
	return offset_in_page(start) || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ? -EINVAL : 0;
}

SYSCALL_DEFINE2(mlock, unsigned long, start, size_t, len) { return 0; }
SYSCALL_DEFINE2(munlock, unsigned long, start, size_t, len) { return 0; }
SYSCALL_DEFINE1(mlockall, int, flags) { return flags ? 0 : -EINVAL; }
SYSCALL_DEFINE0(munlockall) { return 0; }

SYSCALL_DEFINE3(mincore, unsigned long, start, size_t, len, unsigned char __user *, vec)
{
	if (offset_in_page(start))
		return -EINVAL;
	for (unsigned long i = 0; i < PFN_UP(len); i++) {
		pte_t *pte = lookup_pte(current->mm->pgd, start + i * PAGE_SIZE, 0);
		unsigned char here = pte && *pte;

		if (put_user(here, vec + i))
			return -EFAULT;
	}
	return 0;
}
