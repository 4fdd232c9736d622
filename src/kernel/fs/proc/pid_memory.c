// SPDX-License-Identifier: MIT
/* A process's memory in /proc/PID: its sizes, what is mapped where, and what is in it. */
#include <kernel/mm.h>
#include <kernel/uaccess.h>
#include "pid.h"
#include "../../mm/walk.h"

static void count_pte(pte_t *pte, unsigned long addr, void *data)
{
	++*(unsigned long *)data;
}

struct memory_sizes proc_measure(struct mm_struct *mm)
{
	struct memory_sizes sizes = { 0 };
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->mmap, vm_list) {
		unsigned long pages = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;

		if (vma->vm_flags & VM_LOCKED)
			sizes.locked += pages;
		if (vma->vm_flags & VM_GROWSDOWN)
			sizes.stack += pages;
		else if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
			sizes.data += pages;
		else if ((vma->vm_flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
			sizes.code += pages;
		if (vma->vm_file)
			walk_ptes(mm, vma->vm_start, vma->vm_end, count_pte, &sizes.rss_file);
	}
	return sizes;
}

/* Pages of page tables; the lowest level's, which are nearly all. */
unsigned long proc_count_tables(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	unsigned long tables = 0, last = ~0UL;

	list_for_each_entry(vma, &mm->mmap, vm_list)
		for (unsigned long at = vma->vm_start >> 21; at <= (vma->vm_end - 1) >> 21; at++)
			if (at != last) {
				last = at;
				tables++;
			}
	return tables;
}

int proc_pid_statm(struct seq_file *m, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (mm)
		seq_printf(m, "%lu %lu 0 %lu 0 %lu 0\n", mm->total_vm, mm->rss,
			   (mm->end_code - mm->start_code) / PAGE_SIZE,
			   (mm->end_data - mm->start_data + mm->brk - mm->start_brk) / PAGE_SIZE);
	else
		seq_puts(m, "0 0 0 0 0 0 0\n");
	return 0;
}

/* One line of maps. */
static void show_vma(struct seq_file *m, struct mm_struct *mm, struct vm_area_struct *vma)
{
	const char *name = vma->vm_ops && vma->vm_ops->name ? vma->vm_ops->name(vma) : NULL;
	struct inode *inode = vma->vm_file ? file_inode(vma->vm_file) : NULL;
	dev_t dev = inode ? inode->i_sb->s_dev : 0;
	size_t start = m->count;

	seq_printf(m, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %lu ", vma->vm_start, vma->vm_end,
		   vma->vm_flags & VM_READ ? 'r' : '-', vma->vm_flags & VM_WRITE ? 'w' : '-',
		   vma->vm_flags & VM_EXEC ? 'x' : '-', vma->vm_flags & VM_MAYSHARE ? 's' : 'p',
		   inode ? (u64)vma->vm_pgoff << PAGE_SHIFT : 0, MAJOR(dev), MINOR(dev), inode ? inode->i_ino : 0);
	if (!name && !inode && vma->vm_start <= mm->brk && vma->vm_end >= mm->start_brk && mm->brk > mm->start_brk)
		name = "[heap]";
	if (!name && !inode && vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
		name = "[stack]";
	if (name || inode) {
		while (m->count - start < 73 && !seq_has_overflowed(m))
			seq_putc(m, ' ');
		if (inode)
			seq_path(m, &vma->vm_file->f_path, "\n");
		else
			seq_puts(m, name);
	}
	seq_putc(m, '\n');
}

int proc_pid_maps(struct seq_file *m, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct vm_area_struct *vma;

	if (!mm)
		return 0;
	mmget(mm);
	list_for_each_entry(vma, &mm->mmap, vm_list)
		show_vma(m, mm, vma);
	mmput(mm);
	return 0;
}

/* A stretch of a process's memory as a file. */
static ssize_t read_memory(struct task_struct *task, unsigned long start, unsigned long end, char __user *buf,
			   size_t count, loff_t *pos)
{
	size_t done = 0;
	char *page;

	if (end < start || (unsigned long)*pos >= end - start)
		return 0;
	count = min_t(size_t, count, end - start - *pos);
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while (done < count) {
		int n = access_process_vm(task, start + *pos, page, min_t(size_t, count - done, PAGE_SIZE), false);

		if (n <= 0)
			break;
		if (copy_to_user(buf + done, page, n)) {
			free_page((unsigned long)page);
			return -EFAULT;
		}
		done += n;
		*pos += n;
	}
	free_page((unsigned long)page);
	return done;
}

static ssize_t cmdline_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = proc_task(file_inode(file));

	if (!task)
		return -ESRCH;
	return task->mm ? read_memory(task, task->mm->arg_start, task->mm->arg_end, buf, count, pos) : 0;
}

static ssize_t environ_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = proc_task(file_inode(file));

	if (!task)
		return -ESRCH;
	return task->mm ? read_memory(task, task->mm->env_start, task->mm->env_end, buf, count, pos) : 0;
}

static ssize_t auxv_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = proc_task(file_inode(file));
	unsigned int n = 0;

	if (!task)
		return -ESRCH;
	if (!task->mm)
		return 0;
	do {
		n += 2;
	} while (n < ARRAY_SIZE(task->mm->saved_auxv) && task->mm->saved_auxv[n - 2]);
	return simple_read_from_buffer(buf, count, pos, task->mm->saved_auxv, n * sizeof(long));
}

static ssize_t mem_rw(struct file *file, char __user *buf, size_t count, loff_t *pos, bool write)
{
	struct task_struct *task = proc_task(file_inode(file));
	char *page;
	size_t done = 0;
	ssize_t err = 0;

	if (!task)
		return -ESRCH;
	if (!task->mm)
		return 0;
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while (done < count && !err) {
		int n = min_t(size_t, count - done, PAGE_SIZE);

		if (write && copy_from_user(page, buf + done, n)) {
			err = -EFAULT;
			break;
		}
		n = access_process_vm(task, *pos, page, n, write);
		if (n <= 0)
			err = -EIO;
		else if (!write && copy_to_user(buf + done, page, n))
			err = -EFAULT;
		if (err)
			break;
		done += n;
		*pos += n;
	}
	free_page((unsigned long)page);
	return done ? (ssize_t)done : err;
}

static ssize_t mem_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return mem_rw(file, buf, count, pos, false);
}

static ssize_t mem_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return mem_rw(file, (char __user *)buf, count, pos, true);
}

const struct file_operations proc_pid_cmdline_ops = { .read = cmdline_read, .llseek = generic_file_llseek };
const struct file_operations proc_environ_operations = { .read = environ_read, .llseek = generic_file_llseek };
const struct file_operations proc_auxv_operations = { .read = auxv_read, .llseek = generic_file_llseek };
const struct file_operations proc_mem_operations = {
	.read = mem_read, .write = mem_write, .llseek = generic_file_llseek,
};
