// SPDX-License-Identifier: MIT
/*
 * Advice about memory, and questions about it. Nothing is ever paged out: locking marks areas and pages them in.
 * (madvise(2), mlock(2), msync(2), mincore(2))
 */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"
#include "walk.h"

void populate(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	struct page *page;

	list_for_each_entry(vma, &mm->mmap, vm_list) {
		if (vma->vm_end <= start || (vma->vm_flags & VM_PFNMAP) || !(vma->vm_flags & (VM_READ | VM_WRITE)))
			continue;
		for (unsigned long at = max(start, vma->vm_start); at < min(end, vma->vm_end); at += PAGE_SIZE) {
			page = get_user_page(mm, at, (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE);
			if (!page)
				return;
			put_page(page);
		}
	}
}

/*
 * Calls @visit for the parts of a range that are mapped, in areas of their own; the first error, or -ENOMEM if some of
 * the range is not mapped.
 */
static int for_areas(unsigned long start, unsigned long end,
		     int (*visit)(struct vm_area_struct *vma, unsigned long data), unsigned long data)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long at = start;
	int ret;

	if (isolate_areas(mm, start, end))
		return -ENOMEM;
	list_for_each_entry(vma, &mm->mmap, vm_list) {
		if (vma->vm_end <= start)
			continue;
		if (vma->vm_start >= end)
			break;
		if (vma->vm_start > at)
			at = ~0UL;	/* a gap, which is told in the end */
		ret = visit(vma, data);
		if (ret)
			return ret;
		if (at != ~0UL)
			at = vma->vm_end;
	}
	return at != ~0UL && at >= end ? 0 : -ENOMEM;
}

/* ---- madvise ---- */

static int advise(struct vm_area_struct *vma, unsigned long advice)
{
	switch (advice) {
	case MADV_FREE:
		if (vma->vm_file || (vma->vm_flags & VM_SHARED))
			return -EINVAL;
		fallthrough;
	case MADV_DONTNEED:
		if (vma->vm_flags & (VM_LOCKED | VM_PFNMAP))
			return -EINVAL;
		unmap_range(vma->vm_mm, vma->vm_start, vma->vm_end);
		return 0;
	case MADV_DONTFORK:
		vma->vm_flags |= VM_DONTCOPY;
		return 0;
	case MADV_DOFORK:
		if (vma->vm_flags & VM_IO)
			return -EINVAL;
		vma->vm_flags &= ~VM_DONTCOPY;
		return 0;
	case MADV_WIPEONFORK:
		if (vma->vm_file || (vma->vm_flags & VM_SHARED))
			return -EINVAL;
		vma->vm_flags |= VM_WIPEONFORK;
		return 0;
	case MADV_KEEPONFORK:
		vma->vm_flags &= ~VM_WIPEONFORK;
		return 0;
	case MADV_DONTDUMP:
		vma->vm_flags |= VM_DONTDUMP;
		return 0;
	case MADV_DODUMP:
		vma->vm_flags &= ~VM_DONTDUMP;
		return 0;
	case MADV_WILLNEED:
		return vma->vm_file ? 0 : -EBADF;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		populate(vma->vm_mm, vma->vm_start, vma->vm_end);
		return 0;
	}
	return 0;
}

static bool advice_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED: case MADV_DONTNEED:
	case MADV_FREE: case MADV_DONTFORK: case MADV_DOFORK: case MADV_DONTDUMP: case MADV_DODUMP:
	case MADV_WIPEONFORK: case MADV_KEEPONFORK: case MADV_COLD: case MADV_PAGEOUT:
	case MADV_POPULATE_READ: case MADV_POPULATE_WRITE:
		return true;
	}
	return false;
}

SYSCALL_DEFINE3(madvise, unsigned long, start, size_t, len_in, int, behavior)
{
	unsigned long end = start + PAGE_ALIGN(len_in);

	if (!advice_known(behavior) || offset_in_page(start) || (len_in && !PAGE_ALIGN(len_in)) || end < start)
		return -EINVAL;
	return end == start ? 0 : end > TASK_SIZE ? -ENOMEM : for_areas(start, end, advise, behavior);
}

/* ---- mlock ---- */

static int set_locked(struct vm_area_struct *vma, unsigned long lock)
{
	vma->vm_flags = (vma->vm_flags & ~VM_LOCKED) | (lock ? VM_LOCKED : 0);
	return 0;
}

static unsigned long locked_pages(const struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	unsigned long pages = 0;

	list_for_each_entry(vma, &mm->mmap, vm_list)
		if (vma->vm_flags & VM_LOCKED)
			pages += (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	return pages;
}

static int do_mlock(unsigned long start, size_t len, bool lock, bool page_in)
{
	unsigned long end = PAGE_ALIGN(start + len);
	int ret;

	start &= PAGE_MASK;
	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (lock && !capable(CAP_IPC_LOCK)) {
		if (!rlimit(RLIMIT_MEMLOCK))
			return -EPERM;
		if (locked_pages(current->mm) + ((end - start) >> PAGE_SHIFT) > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)
			return -ENOMEM;
	}
	if (end > TASK_SIZE)
		return -ENOMEM;
	ret = for_areas(start, end, set_locked, lock);
	if (!ret && page_in)
		populate(current->mm, start, end);
	return ret;
}

SYSCALL_DEFINE2(mlock, unsigned long, start, size_t, len) { return do_mlock(start, len, true, true); }
SYSCALL_DEFINE2(munlock, unsigned long, start, size_t, len) { return do_mlock(start, len, false, false); }

SYSCALL_DEFINE3(mlock2, unsigned long, start, size_t, len, int, flags)
{
	return flags & ~MLOCK_ONFAULT ? -EINVAL : do_mlock(start, len, true, !(flags & MLOCK_ONFAULT));
}

static void lock_all(bool lock)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &current->mm->mmap, vm_list)
		set_locked(vma, lock);
}

SYSCALL_DEFINE1(mlockall, int, flags)
{
	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!capable(CAP_IPC_LOCK)) {
		if (!rlimit(RLIMIT_MEMLOCK))
			return -EPERM;
		if (current->mm->total_vm > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)
			return -ENOMEM;
	}
	if (flags & MCL_CURRENT) {
		lock_all(true);
		if (!(flags & MCL_ONFAULT))
			populate(current->mm, 0, TASK_SIZE);
	}
	return 0;
}

SYSCALL_DEFINE0(munlockall)
{
	lock_all(false);
	return 0;
}

/* ---- what changes nothing ---- */

static int visit_nothing(struct vm_area_struct *vma, unsigned long data)
{
	return data && (vma->vm_flags & VM_LOCKED) ? -EBUSY : 0;
}

SYSCALL_DEFINE3(msync, unsigned long, start, size_t, len, int, flags)
{
	unsigned long end = start + PAGE_ALIGN(len);

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || offset_in_page(start) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end < start || end > TASK_SIZE)
		return -ENOMEM;
	return end == start ? 0 : for_areas(start, end, visit_nothing, flags & MS_INVALIDATE);
}

SYSCALL_DEFINE3(mincore, unsigned long, start, size_t, len, unsigned char __user *, vec)
{
	struct vm_area_struct *vma;

	if (offset_in_page(start))
		return -EINVAL;
	if (start >= TASK_SIZE || len > TASK_SIZE - start)
		return -ENOMEM;
	for (unsigned long i = 0; i < PFN_UP(len); i++) {
		unsigned long at = start + i * PAGE_SIZE;
		unsigned char here;
		pte_t *pte;

		vma = find_vma(current->mm, at);
		if (!vma || vma->vm_start > at)
			return -ENOMEM;
		pte = lookup_pte(current->mm->pgd, at, 0);
		here = pte && *pte;
		if (put_user(here, vec + i))
			return -EFAULT;
	}
	return 0;
}

/* The old way to map a file's pages in another order; kept by Linux on top of mmap(2), and hardly used. */
SYSCALL_DEFINE5(remap_file_pages, unsigned long, start, unsigned long, size, unsigned long, prot, unsigned long, pgoff,
		unsigned long, flags)
{
	struct vm_area_struct *vma;
	unsigned long ret, length = size & PAGE_MASK;

	start &= PAGE_MASK;
	if (prot || start + length <= start || pgoff + (length >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	vma = find_vma(current->mm, start);
	if (!vma || vma->vm_start > start || !(vma->vm_flags & VM_SHARED) || !vma->vm_file || start + length > vma->vm_end)
		return -EINVAL;
	prot = (vma->vm_flags & VM_READ ? PROT_READ : 0) | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
	       (vma->vm_flags & VM_EXEC ? PROT_EXEC : 0);
	ret = do_mmap(vma->vm_file, start, length, prot, MAP_SHARED | MAP_FIXED, pgoff);
	return IS_ERR_VALUE(ret) ? (long)ret : 0;
}
