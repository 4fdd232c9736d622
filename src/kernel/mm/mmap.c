// SPDX-License-Identifier: MIT
/* The areas of a process's memory and the calls that change them: mmap, munmap, mprotect, mremap, brk. */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/perf_event.h>
#include <kernel/msr.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/uprobes.h>
#include "internal.h"
#include "walk.h"

#define MMAP_MIN_ADDR	0x10000UL
#define MAX_MAP_COUNT	65530
/* What MAP_SHARED ignores of what it does not know; MAP_SHARED_VALIDATE knows these only. */
#define LEGACY_MAP_MASK	(MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | \
			 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | \
			 MAP_HUGETLB | MAP_UNINITIALIZED)

struct mm_struct init_mm = { .mmap = LIST_HEAD_INIT(init_mm.mmap), .mm_users = 2 };

struct mm_struct *mm_alloc(void)
{
	struct mm_struct *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	if (!mm)
		return NULL;
	mm->pgd = new_pgd();
	if (!mm->pgd) {
		kfree(mm);
		return NULL;
	}
	INIT_LIST_HEAD(&mm->mmap);
	mm->mm_users = 1;
	return mm;
}

void set_mm_exe_file(struct mm_struct *mm, struct file *file)
{
	mm->exe_file = file ? get_file(file) : NULL;
	if (file)
		file_inode(file)->i_writecount--;
}

static void drop_exe_file(struct mm_struct *mm)
{
	if (!mm->exe_file)
		return;
	file_inode(mm->exe_file)->i_writecount++;
	fput(mm->exe_file);
	mm->exe_file = NULL;
}

void mmget(struct mm_struct *mm)
{
	mm->mm_users++;
}

static void free_area(struct vm_area_struct *vma)
{
	list_del(&vma->vm_list);
	vma->vm_mm->map_count--;
	vma->vm_mm->total_vm -= (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	unmap_range(vma->vm_mm, vma->vm_start, vma->vm_end);
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	if (vma->vm_file)
		fput(vma->vm_file);
	kfree(vma);
}

void mmput(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *next;
	extern unsigned long swapper_pg_dir[];

	if (--mm->mm_users)
		return;
	list_for_each_entry_safe(vma, next, &mm->mmap, vm_list)
		free_area(vma);
	uprobe_clear_state(mm);
	if (read_cr3() == __pa(mm->pgd))
		write_cr3(__pa(swapper_pg_dir));
	free_page_tables(mm);
	drop_exe_file(mm);
	kfree(mm);
}

struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->mmap, vm_list)
		if (vma->vm_end > addr)
			return vma;
	return NULL;
}

static void link_area(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct *next = find_vma(mm, vma->vm_start);

	list_add_tail(&vma->vm_list, next ? &next->vm_list : &mm->mmap);
	mm->map_count++;
	mm->total_vm += (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

/* Cuts @vma in two at @addr; @vma keeps the lower part. */
static int split_area(struct vm_area_struct *vma, unsigned long addr)
{
	struct vm_area_struct *upper = kmalloc(sizeof(*upper), GFP_KERNEL);

	if (!upper)
		return -ENOMEM;
	*upper = *vma;
	upper->vm_start = addr;
	upper->vm_pgoff += (addr - vma->vm_start) >> PAGE_SHIFT;
	vma->vm_end = addr;
	if (upper->vm_file)
		get_file(upper->vm_file);
	if (upper->vm_ops && upper->vm_ops->open)
		upper->vm_ops->open(upper);
	list_add(&upper->vm_list, &vma->vm_list);
	vma->vm_mm->map_count++;
	return 0;
}

int isolate_areas(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;
	int ret = 0;

	vma = find_vma(mm, start);
	if (vma && vma->vm_start < start)
		ret = split_area(vma, start);
	vma = find_vma(mm, end);
	if (!ret && vma && vma->vm_start < end)
		ret = split_area(vma, end);
	return ret;
}

int do_munmap(struct mm_struct *mm, unsigned long start, size_t len)
{
	struct vm_area_struct *vma, *next;
	unsigned long end;

	if (offset_in_page(start) || start > TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	len = PAGE_ALIGN(len);
	end = start + len;
	if (!len)
		return -EINVAL;
	if (isolate_areas(mm, start, end))
		return -ENOMEM;
	list_for_each_entry_safe(vma, next, &mm->mmap, vm_list)
		if (vma->vm_start >= start && vma->vm_end <= end)
			free_area(vma);
	return 0;
}

/* The highest gap of @len bytes below mmap_base, or above it if there is none. */
unsigned long unmapped_area(struct mm_struct *mm, unsigned long len)
{
	struct vm_area_struct *vma;
	unsigned long top = mm->mmap_base, low;

	list_for_each_entry_reverse(vma, &mm->mmap, vm_list) {
		if (vma->vm_start >= mm->mmap_base)
			continue;
		if (vma->vm_end <= top && top - vma->vm_end >= len)
			return top - len;
		top = min(top, vma->vm_start);
	}
	if (top >= MMAP_MIN_ADDR + len)
		return top - len;
	low = mm->mmap_base;
	list_for_each_entry(vma, &mm->mmap, vm_list) {
		if (vma->vm_end <= low)
			continue;
		if (vma->vm_start >= low + len)
			break;
		low = vma->vm_end;
	}
	return low + len <= TASK_SIZE ? low : 0;
}

int insert_area(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long vm_flags,
		struct vm_area_struct **result)
{
	struct vm_area_struct *vma, *prev;
	int ret;

	if (find_vma(mm, addr) && find_vma(mm, addr)->vm_start < addr + len) {
		ret = do_munmap(mm, addr, len);
		if (ret)
			return ret;
	}
	if (mm->map_count >= MAX_MAP_COUNT)
		return -ENOMEM;
	/* Anonymous memory right behind an area of the same kind makes that one larger. */
	list_for_each_entry(prev, &mm->mmap, vm_list)
		if (!result && prev->vm_end == addr && prev->vm_flags == vm_flags && !prev->vm_file && !prev->vm_ops) {
			prev->vm_end += len;
			mm->total_vm += len >> PAGE_SHIFT;
			return 0;
		}
	vma = kzalloc(sizeof(*vma), GFP_KERNEL);
	if (!vma)
		return -ENOMEM;
	vma->vm_mm = mm;
	vma->vm_start = addr;
	vma->vm_end = addr + len;
	vma->vm_flags = vm_flags;
	link_area(mm, vma);
	if (result)
		*result = vma;
	return 0;
}

int do_brk_area(struct mm_struct *mm, unsigned long addr, unsigned long len, unsigned long vm_flags)
{
	return insert_area(mm, addr, PAGE_ALIGN(len), vm_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, NULL);
}

/* RLIMIT_AS, RLIMIT_DATA, and what could never be had: more private memory than there is. */
static bool may_expand(struct mm_struct *mm, unsigned long len, unsigned long vm_flags)
{
	bool data = (vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
	unsigned long pages = len >> PAGE_SHIFT, data_pages = 0;
	struct vm_area_struct *vma;

	if (mm->total_vm + pages > rlimit(RLIMIT_AS) >> PAGE_SHIFT)
		return false;
	if (!data)
		return true;
	if (!(vm_flags & VM_NORESERVE) && pages > totalram_pages)
		return false;
	if (rlimit(RLIMIT_DATA) == RLIM_INFINITY)
		return true;
	list_for_each_entry(vma, &mm->mmap, vm_list)
		if ((vma->vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE)
			data_pages += (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	return data_pages + pages <= rlimit(RLIMIT_DATA) >> PAGE_SHIFT;
}

static unsigned long prot_flags(unsigned long prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) | (prot & PROT_EXEC ? VM_EXEC : 0);
}

unsigned long do_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
		      unsigned long pgoff)
{
	struct mm_struct *mm = current->mm;
	unsigned long vm_flags = prot_flags(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
	unsigned long type = flags & MAP_TYPE;
	struct vm_area_struct *vma, *next;
	int ret;

	if (!len || (type != MAP_PRIVATE && type != MAP_SHARED && (type != MAP_SHARED_VALIDATE || !file)))
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & ~LEGACY_MAP_MASK))
		return -EOPNOTSUPP;
	len = PAGE_ALIGN(len);
	if (!len || len > TASK_SIZE)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (offset_in_page(addr))
			return -EINVAL;
		if (addr > TASK_SIZE - len)
			return -ENOMEM;
		if (addr < MMAP_MIN_ADDR && !capable(CAP_SYS_RAWIO))
			return -EPERM;
		next = find_vma(mm, addr);
		if ((flags & MAP_FIXED_NOREPLACE) && next && next->vm_start < addr + len)
			return -EEXIST;
	} else {
		addr = PAGE_ALIGN(addr);
		next = find_vma(mm, addr);
		if (!addr || addr < MMAP_MIN_ADDR || addr > TASK_SIZE - len || (next && next->vm_start < addr + len))
			addr = unmapped_area(mm, len);
		if (!addr)
			return -ENOMEM;
	}
	if (type != MAP_PRIVATE)
		vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (flags & MAP_LOCKED)
		vm_flags |= VM_LOCKED;
	if (flags & MAP_GROWSDOWN)
		vm_flags |= VM_GROWSDOWN;
	if (flags & MAP_NORESERVE)
		vm_flags |= VM_NORESERVE;
	ret = security_mmap_addr(addr);
	if (ret)
		return ret;
	/* Private memory that will be written takes room of its own. */
	if ((prot & PROT_WRITE) && type == MAP_PRIVATE && !(flags & MAP_NORESERVE)) {
		ret = security_vm_enough_memory(mm, len >> PAGE_SHIFT);
		if (ret)
			return ret;
	}
	if (file) {
		if (!(file->f_mode & FMODE_READ))
			return -EACCES;
		if (type != MAP_PRIVATE && (prot & PROT_WRITE) && !(file->f_mode & FMODE_WRITE))
			return -EACCES;
		if (type != MAP_PRIVATE && !(file->f_mode & FMODE_WRITE))
			vm_flags &= ~VM_MAYWRITE;
		if (!file->f_op->mmap)
			return -ENODEV;
	}
	if (!may_expand(mm, len, vm_flags))
		return -ENOMEM;
	ret = insert_area(mm, addr, len, vm_flags, file || type != MAP_PRIVATE ? &vma : NULL);
	if (ret)
		return ret;
	if (!file && type != MAP_PRIVATE) {
		ret = shmem_zero_setup(vma);
		if (ret) {
			do_munmap(mm, addr, len);
			return ret;
		}
	}
	if (file) {
		vma->vm_pgoff = pgoff;
		vma->vm_file = get_file(file);
		ret = file->f_op->mmap(file, vma);
		if (ret) {
			vma->vm_ops = NULL;
			do_munmap(mm, addr, len);
			return ret;
		}
		uprobe_mmap(vma);
		perf_event_mmap(vma);
	}
	return addr;
}

SYSCALL_DEFINE6(mmap, unsigned long, addr, unsigned long, len, unsigned long, prot, unsigned long, flags,
		unsigned long, fd, unsigned long, off)
{
	struct file *file = NULL;
	unsigned long ret;

	if (offset_in_page(off))
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fget(fd);
		if (!file)
			return -EBADF;
	}
	ret = security_mmap_file(file, prot, prot, flags);
	if (!ret)
		ret = do_mmap(file, addr, len, prot, flags, off >> PAGE_SHIFT);
	if (!IS_ERR_VALUE(ret) && (flags & (MAP_POPULATE | MAP_LOCKED)))
		populate(current->mm, ret, ret + PAGE_ALIGN(len));
	if (file)
		fput(file);
	return ret;
}

SYSCALL_DEFINE2(munmap, unsigned long, addr, size_t, len)
{
	return do_munmap(current->mm, addr, len);
}

SYSCALL_DEFINE3(mprotect, unsigned long, start, size_t, len, unsigned long, prot)
{
	struct mm_struct *mm = current->mm;
	unsigned long end, at = start, flags = prot_flags(prot);
	struct vm_area_struct *vma;
	int err;

	unsigned long grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || offset_in_page(start))
		return -EINVAL;
	if (!len)
		return 0;
	end = start + PAGE_ALIGN(len);
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (end > TASK_SIZE)
		return -ENOMEM;
	if (grows) {
		vma = find_vma(mm, start);
		if (!vma || vma->vm_start >= end)
			return -ENOMEM;
		if ((grows & PROT_GROWSUP) || !(vma->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		start = at = vma->vm_start;
	}
	if (isolate_areas(mm, start, end))
		return -ENOMEM;
	list_for_each_entry(vma, &mm->mmap, vm_list) {
		if (vma->vm_end <= start)
			continue;
		if (at >= end || vma->vm_start > at)
			break;
		if (((flags & VM_WRITE) && !(vma->vm_flags & VM_MAYWRITE)) ||
		    ((flags & VM_EXEC) && !(vma->vm_flags & VM_MAYEXEC)))
			return -EACCES;
		err = security_file_mprotect(vma, prot, prot);
		if (err)
			return err;
		vma->vm_flags = (vma->vm_flags & ~(VM_READ | VM_WRITE | VM_EXEC)) | flags;
		protect_range(vma, vma->vm_start, vma->vm_end);
		at = vma->vm_end;
	}
	return at >= end ? 0 : -ENOMEM;
}

SYSCALL_DEFINE1(brk, unsigned long, brk)
{
	struct mm_struct *mm = current->mm;
	unsigned long old = PAGE_ALIGN(mm->brk), new = PAGE_ALIGN(brk);
	struct vm_area_struct *next;

	if (brk < mm->start_brk || brk > TASK_SIZE)
		return mm->brk;
	if (new < old) {
		if (do_munmap(mm, new, old - new))
			return mm->brk;
	} else if (new > old) {
		next = find_vma(mm, old);
		if (next && next->vm_start < new + PAGE_SIZE)
			return mm->brk;
		if (!may_expand(mm, new - old, VM_READ | VM_WRITE))
			return mm->brk;
		if (do_brk_area(mm, old, new - old, VM_READ | VM_WRITE))
			return mm->brk;
	}
	mm->brk = brk;
	return brk;
}
