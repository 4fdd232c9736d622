// SPDX-License-Identifier: MIT
/*
 * The directory of a process, /proc/PID, and what is in it. Nothing of it is kept: inodes are made when a name is looked
 * up and die with their last user, and each access finds the task again by its number. (man 5 proc)
 */
#include <kernel/fs.h>
#include <kernel/fdtable.h>
#include <kernel/init.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/ptrace.h>
#include <kernel/perf_event.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/tty.h>
#include <kernel/uaccess.h>
#include <trace/events/task.h>
#include "internal.h"
#include "../../mm/walk.h"

struct pid_entry {
	const char *name;
	umode_t mode;
	int (*show)(struct seq_file *m, struct task_struct *task);
	const struct file_operations *fops;
	const struct inode_operations *iops;
	int (*link)(struct task_struct *task, struct path *path);	/* what a magic link leads to */
};

/* ---- From an inode to its task --------------------------------------------------------------------------------------- */

/* i_private holds the task's number, and above it a descriptor's plus one; i_generation tells its reuse. */
static struct task_struct *task_of(const struct inode *inode)
{
	struct task_struct *task = find_task_by_vpid((pid_t)(unsigned long)inode->i_private);

	return task && (u32)task->start_time == inode->i_generation ? task : NULL;
}

static int fd_of(const struct inode *inode)
{
	return (int)((unsigned long)inode->i_private >> 32) - 1;
}

static int pid_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = dentry->d_inode;
	struct task_struct *task = inode ? task_of(inode) : NULL;
	int fd = inode ? fd_of(inode) : -1;

	if (!task)
		return 0;
	if (fd >= 0)
		return task->files && fd < (int)task->files->fdt->max_fds && task->files->fdt->fd[fd];
	return 1;
}

static const struct dentry_operations pid_dentry_operations = { .d_revalidate = pid_revalidate };

/* Rights follow from the process; who may change its files' modes would be nobody. */
static int pid_setattr(struct dentry *dentry, struct iattr *attr)
{
	int err = attr->ia_valid & ATTR_MODE ? -EPERM : setattr_prepare(dentry, attr);

	if (!err)
		setattr_copy(dentry->d_inode, attr);
	return err;
}

static const struct inode_operations pid_file_iops = { .setattr = pid_setattr };

static struct dentry *instantiate(struct dentry *dentry, struct task_struct *task, int fd,
				  const struct pid_entry *entry)
{
	struct inode *inode = new_inode(dentry->d_sb);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_ino = get_next_ino();
	inode->i_mode = entry->mode;
	/* What a program whose image may not be dumped has is root's; all may look into its directories. */
	if (entry->mode == (S_IFDIR | 0555) || (task->mm && !task->mm->undumpable)) {
		inode->i_uid.val = task->cred->euid.val;
		inode->i_gid.val = task->cred->egid.val;
	}
	inode->i_generation = (u32)task->start_time;
	inode->i_private = (void *)((unsigned long)(u32)task->pid | (unsigned long)(fd + 1) << 32);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	if (S_ISDIR(entry->mode))
		set_nlink(inode, 2);
	if (entry->fops)
		inode->i_fop = entry->fops;
	inode->i_op = entry->iops ? entry->iops : &pid_file_iops;
	dentry->d_flags |= DCACHE_DONTCACHE;
	dentry->d_op = &pid_dentry_operations;
	d_add(dentry, inode);
	return NULL;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------------ */

/* Pages of kinds of areas. */
struct memory_sizes {
	unsigned long locked, data, stack, code, rss_file;
};

static void count_pte(pte_t *pte, unsigned long addr, void *data)
{
	++*(unsigned long *)data;
}

static struct memory_sizes measure(struct mm_struct *mm)
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
static unsigned long count_tables(struct mm_struct *mm)
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

static int status_show(struct seq_file *m, struct task_struct *task)
{
	const struct cred *cred = task->cred;
	struct task_struct *t;
	u64 ignored = 0, caught = 0;
	int threads = 0;

	seq_puts(m, "Name:\t");
	seq_escape(m, task->comm, "\n\\");
	if (task->fs)
		seq_printf(m, "\nUmask:\t%04o", task->fs->umask);
	seq_printf(m, "\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", task_state_name(task),
		   task->tgid, task->pid, task->real_parent ? task->real_parent->tgid : 0);
	seq_printf(m, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", cred->uid.val, cred->euid.val, cred->suid.val, cred->fsuid.val,
		   cred->gid.val, cred->egid.val, cred->sgid.val, cred->fsgid.val);
	seq_printf(m, "FDSize:\t%u\nGroups:\t", task->files ? task->files->fdt->max_fds : 0);
	for (int i = 0; i < cred->ngroups; i++)
		seq_printf(m, "%u ", cred->groups[i]);
	seq_puts(m, cred->ngroups ? "\n" : " \n");
	if (task->mm) {
		struct mm_struct *mm = task->mm;
		unsigned long kb = PAGE_SIZE / 1024;

		struct memory_sizes sizes = measure(mm);

		seq_printf(m, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n", mm->total_vm * kb,
			   mm->total_vm * kb, sizes.locked * kb, 0UL);
		seq_printf(m, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", max(mm->hiwater_rss, mm->rss) * kb, mm->rss * kb);
		seq_printf(m, "RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n",
			   (mm->rss - min(mm->rss, sizes.rss_file)) * kb, sizes.rss_file * kb, 0UL);
		seq_printf(m, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n", sizes.data * kb,
			   sizes.stack * kb, (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) / 1024,
			   (sizes.code * PAGE_SIZE - (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK))) / 1024);
		seq_printf(m, "VmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\n", count_tables(mm) * kb, 0UL);
		seq_printf(m, "CoreDumping:\t0\nTHP_enabled:\t0\n");
	}
	for_each_process_thread_all(t)
		threads += t->tgid == task->tgid;
	for (int i = 0; task->sighand && i < _NSIG; i++) {
		if (task->sighand->action[i].sa_handler == SIG_IGN)
			ignored |= 1ULL << i;
		else if (task->sighand->action[i].sa_handler != SIG_DFL)
			caught |= 1ULL << i;
	}
	seq_printf(m, "Threads:\t%d\nSigQ:\t0/%lu\n", threads,
		   task->signal ? task->signal->rlim[RLIMIT_SIGPENDING].rlim_cur : 0);
	seq_printf(m, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		   (unsigned long)task->pending.signal,
		   (unsigned long)(task->signal ? task->signal->shared_pending.signal : 0),
		   (unsigned long)task->blocked, ignored, caught);
	seq_printf(m, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n",
		   cred->cap_inheritable, cred->cap_permitted, cred->cap_effective, cred->cap_bset, cred->cap_ambient);
	seq_printf(m, "NoNewPrivs:\t%d\nSpeculation_Store_Bypass:\tnot vulnerable\n", task->no_new_privs);
	seq_puts(m, "SpeculationIndirectBranch:\tnot affected\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n");
	seq_printf(m, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", task->nvcsw, task->nivcsw);
	return 0;
}

static int stat_show(struct seq_file *m, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct task_struct *t;
	u64 utime = 0, stime = 0;
	dev_t tty_nr;
	pid_t tpgid;
	int threads = 0;

	for_each_process_thread_all(t)
		threads += t->tgid == task->tgid;
	thread_group_cputime(task, &utime, &stime);
	tty_nr = task_tty_nr(task, &tpgid);
	seq_printf(m, "%d (", task->pid);
	seq_escape(m, task->comm, "\n\\");
	seq_printf(m, ") %c %d %d %d %d %d %u ", task_state_name(task)[0],
		   task->real_parent ? task->real_parent->tgid : 0, task->pgrp, task->session,
		   (int)new_encode_dev(tty_nr), tpgid, task->flags);
	seq_printf(m, "%lu 0 %lu 0 %llu %llu %llu %llu ", task->min_flt, task->maj_flt, nsec_to_clock_t(utime),
		   nsec_to_clock_t(stime), task->signal ? nsec_to_clock_t(task->signal->cutime) : 0,
		   task->signal ? nsec_to_clock_t(task->signal->cstime) : 0);
	seq_printf(m, "%d %d %d 0 %llu %lu %lu %lu ", 20 + task->nice, task->nice, threads,
		   nsec_to_clock_t(task->start_boottime), mm ? mm->total_vm * PAGE_SIZE : 0, mm ? mm->rss : 0,
		   task->signal ? task->signal->rlim[RLIMIT_RSS].rlim_cur : 0);
	seq_printf(m, "%lu %lu %lu 0 0 ", mm ? mm->start_code : 0, mm ? mm->end_code : 0, mm ? mm->start_stack : 0);
	seq_printf(m, "%lu %lu 0 0 0 0 0 %d 0 0 0 0 0 0 ", (unsigned long)task->pending.signal & 0x7fffffff,
		   (unsigned long)task->blocked & 0x7fffffff, task->exit_signal);
	seq_printf(m, "%lu %lu %lu %lu %lu %lu %lu %d\n", mm ? mm->start_data : 0, mm ? mm->end_data : 0,
		   mm ? mm->start_brk : 0, mm ? mm->arg_start : 0, mm ? mm->arg_end : 0, mm ? mm->env_start : 0,
		   mm ? mm->env_end : 0, task->exit_code);
	return 0;
}

static int statm_show(struct seq_file *m, struct task_struct *task)
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

static int wchan_show(struct seq_file *m, struct task_struct *task)
{
	seq_putc(m, '0');
	return 0;
}

static int stack_show(struct seq_file *m, struct task_struct *task)
{
	unsigned long entries[64];
	unsigned int n;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	n = stack_trace_save_tsk(task, entries, ARRAY_SIZE(entries), 0);
	for (unsigned int i = 0; i < n; i++)
		seq_printf(m, "[<0>] %pB\n", (void *)entries[i]);
	return 0;
}

static int limits_show(struct seq_file *m, struct task_struct *task)
{
	static const struct {
		const char *name, *unit;
	} limits[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", NULL },
		[RLIMIT_RTPRIO] = { "Max realtime priority", NULL },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};

	if (!task->signal)
		return 0;
	seq_printf(m, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		unsigned long values[2] = { task->signal->rlim[i].rlim_cur, task->signal->rlim[i].rlim_max };

		seq_printf(m, "%-25s ", limits[i].name);
		for (int j = 0; j < 2; j++) {
			if (values[j] == ~0UL)
				seq_printf(m, "%-20s ", "unlimited");
			else
				seq_printf(m, "%-20lu ", values[j]);
		}
		if (limits[i].unit)
			seq_printf(m, "%-10s\n", limits[i].unit);
		else
			seq_putc(m, '\n');
	}
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

static int maps_show(struct seq_file *m, struct task_struct *task)
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

static int mounts_show(struct seq_file *m, struct task_struct *task)
{
	struct mount *mount;

	list_for_each_entry(mount, &mount_list, list)
		show_mount(m, mount);
	return 0;
}

static int mountinfo_show(struct seq_file *m, struct task_struct *task)
{
	struct mount *mount;

	list_for_each_entry(mount, &mount_list, list) {
		struct super_block *sb = mount->mnt.mnt_sb;
		struct path path = { &mount->mnt, mount->mnt.mnt_root };
		char *buffer = kmalloc(PATH_MAX, GFP_KERNEL), *root;

		if (!buffer)
			return -ENOMEM;
		root = dentry_path_raw(mount->mnt.mnt_root, buffer, PATH_MAX);
		seq_printf(m, "%d %d %u:%u %s ", mount->mnt_id, mount->mnt_parent->mnt_id, MAJOR(sb->s_dev), MINOR(sb->s_dev),
			   IS_ERR(root) ? "/" : root);
		kfree(buffer);
		seq_path(m, &path, " \t\n\\");
		seq_printf(m, " %s - %s %s %s\n", mount->mnt.mnt_flags & MNT_READONLY ? "ro" : "rw,relatime",
			   sb->s_type->name, mount->mnt_devname, sb_rdonly(sb) ? "ro" : "rw");
	}
	return 0;
}

static int cgroup_show(struct seq_file *m, struct task_struct *task)
{
	seq_puts(m, "0::/\n");
	return 0;
}

static int personality_show(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%08lx\n", task->personality);
	return 0;
}

/* How good a victim: the share of the memory that it has, of a thousand, and what oom_score_adj adds. */
static int oom_score_show(struct seq_file *m, struct task_struct *task)
{
	long points = task->mm ? task->mm->rss * 1000 / totalram_pages : 0;

	points += task->signal ? task->signal->oom_score_adj : 0;
	seq_printf(m, "%ld\n", max(points * 2 / 3 + 666, 0L));
	return 0;
}

/* The old scale, -17 to 15. */
static int oom_adj_show(struct seq_file *m, struct task_struct *task)
{
	int adj = task->signal ? task->signal->oom_score_adj : 0;

	seq_printf(m, "%d\n", adj == 1000 ? 15 : adj * 17 / 1000);
	return 0;
}

static int timerslack_show(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%lu\n", task->timer_slack_ns);
	return 0;
}

/* No core is ever written; this is what it would have in it. */
static int coredump_filter_show(struct seq_file *m, struct task_struct *task)
{
	seq_puts(m, "00000033\n");
	return 0;
}

static int comm_show(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%s\n", task->comm);
	return 0;
}

static int show_task(struct seq_file *m, void *v)
{
	const struct inode *inode = m->private;
	struct task_struct *task = task_of(inode);
	const struct pid_entry *entry = (const void *)inode->i_link;

	return task ? entry->show(m, task) : -ESRCH;
}

static int text_open(struct inode *inode, struct file *file)
{
	return single_open(file, show_task, inode);
}

static ssize_t comm_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = task_of(file_inode(file));
	char comm[TASK_COMM_LEN] = { 0 };

	if (copy_from_user(comm, buf, min_t(size_t, count, sizeof(comm) - 1)))
		return -EFAULT;
	if (!task)
		return -ESRCH;
	if (task->tgid != current->tgid)
		return -EINVAL;
	trace_task_rename(task, comm);
	strscpy(task->comm, comm, sizeof(task->comm));
	perf_event_comm(task, false);
	return count;
}

static const struct file_operations text_fops = {
	.open = text_open, .read = seq_read, .llseek = seq_lseek, .release = single_release,
};
static const struct file_operations comm_fops = {
	.open = text_open, .read = seq_read, .write = comm_write, .llseek = seq_lseek, .release = single_release,
};

/* ---- Files that are read as they are ----------------------------------------------------------------------------------- */

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
	struct task_struct *task = task_of(file_inode(file));

	if (!task)
		return -ESRCH;
	return task->mm ? read_memory(task, task->mm->arg_start, task->mm->arg_end, buf, count, pos) : 0;
}

static ssize_t environ_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = task_of(file_inode(file));

	if (!task)
		return -ESRCH;
	return task->mm ? read_memory(task, task->mm->env_start, task->mm->env_end, buf, count, pos) : 0;
}

static ssize_t auxv_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = task_of(file_inode(file));
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
	struct task_struct *task = task_of(file_inode(file));
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

static const struct file_operations cmdline_fops = { .read = cmdline_read, .llseek = generic_file_llseek };
static const struct file_operations environ_fops = { .read = environ_read, .llseek = generic_file_llseek };
static const struct file_operations auxv_fops = { .read = auxv_read, .llseek = generic_file_llseek };
static const struct file_operations mem_fops = {
	.read = mem_read, .write = mem_write, .llseek = generic_file_llseek,
};

/* Numbers of the task's that may be changed, by who has @CAPABILITY if it is not negative. */
#define NUMBER_LENGTH	13	/* of the text, with the NUL; what is longer is cut */
#define NUMBER_FILE(NAME, FIELD, MIN, MAX, CAPABILITY)								\
static ssize_t NAME ## _read(struct file *file, char __user *buf, size_t count, loff_t *pos)			\
{														\
	struct task_struct *task = task_of(file_inode(file));							\
	char text[NUMBER_LENGTH];										\
														\
	if (!task)												\
		return -ESRCH;											\
	return simple_read_from_buffer(buf, count, pos, text,							\
				       scnprintf(text, sizeof(text), "%d\n", task->FIELD));			\
}														\
static ssize_t NAME ## _write(struct file *file, const char __user *buf, size_t count, loff_t *pos)		\
{														\
	struct task_struct *task = task_of(file_inode(file));							\
	char text[NUMBER_LENGTH] = { 0 };									\
	int value, err;												\
														\
	if ((CAPABILITY) >= 0 && !capable(CAPABILITY))								\
		return -EPERM;											\
	if (copy_from_user(text, buf, min_t(size_t, count, sizeof(text) - 1)))					\
		return -EFAULT;											\
	err = kstrtoint(strim(text), 0, &value);								\
	if (err)												\
		return err;											\
	if (value < (MIN) || value > (MAX))									\
		return -EINVAL;											\
	if (!task)												\
		return -ESRCH;											\
	task->FIELD = value;											\
	return count;												\
}														\
static const struct file_operations NAME ## _fops = {								\
	.read = NAME ## _read, .write = NAME ## _write, .llseek = generic_file_llseek,				\
}

NUMBER_FILE(oom_score_adj, oom_score_adj, -1000, 1000, -1);
NUMBER_FILE(make_it_fail, make_it_fail, 0, 1, CAP_SYS_RESOURCE);

static ssize_t fail_nth_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task = task_of(file_inode(file));
	char text[NUMBER_LENGTH];

	if (!task)
		return -ESRCH;
	return simple_read_from_buffer(buf, count, pos, text, scnprintf(text, sizeof(text), "%u\n", task->fail_nth));
}

static ssize_t fail_nth_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct task_struct *task;
	unsigned int value;
	int err = kstrtouint_from_user(buf, count, 0, &value);

	if (err)
		return err;
	task = task_of(file_inode(file));
	if (!task)
		return -ESRCH;
	task->fail_nth = value;
	return count;
}

static const struct file_operations fail_nth_fops = { .read = fail_nth_read, .write = fail_nth_write };

/* ---- Links -------------------------------------------------------------------------------------------------------------- */

static int exe_path(struct task_struct *task, struct path *path)
{
	if (!task->mm || !task->mm->exe_file)
		return -ENOENT;
	*path = task->mm->exe_file->f_path;
	return 0;
}

static int cwd_path(struct task_struct *task, struct path *path)
{
	if (!task->fs)
		return -ENOENT;
	*path = task->fs->pwd;
	return 0;
}

static int root_path(struct task_struct *task, struct path *path)
{
	if (!task->fs)
		return -ENOENT;
	*path = task->fs->root;
	return 0;
}

static struct file *file_at(struct task_struct *task, int fd)
{
	return task->files && fd >= 0 && fd < (int)task->files->fdt->max_fds ? task->files->fdt->fd[fd] : NULL;
}

/* Where a magic link leads, with references. */
static int magic_path(struct dentry *dentry, struct path *path)
{
	struct inode *inode = dentry->d_inode;
	struct task_struct *task = task_of(inode);
	const struct pid_entry *entry = (const void *)inode->i_link;
	int err = 0;

	if (!task)
		return -ESRCH;
	if (fd_of(inode) >= 0) {
		struct file *file = file_at(task, fd_of(inode));

		if (!file)
			return -ENOENT;
		*path = file->f_path;
	} else {
		err = entry->link(task, path);
	}
	if (!err)
		path_get(path);
	return err;
}

static int magic_readlink(struct dentry *dentry, char __user *buffer, int size)
{
	char *page = (char *)__get_free_page(GFP_KERNEL), *text;
	struct path path;
	int len;

	if (!page)
		return -ENOMEM;
	len = magic_path(dentry, &path);
	if (!len) {
		text = d_path(&path, page, PAGE_SIZE);
		len = PTR_ERR_OR_ZERO(text);
		if (!len) {
			len = min_t(int, strlen(text), size);
			if (copy_to_user(buffer, text, len))
				len = -EFAULT;
		}
		path_put(&path);
	}
	free_page((unsigned long)page);
	return len;
}

static const struct inode_operations magic_link_iops = { .get_link_path = magic_path, .readlink = magic_readlink };

/* ---- Descriptors ---------------------------------------------------------------------------------------------------------- */

static int parse_number(const struct qstr *name)
{
	int n = 0;

	if (!name->len || name->len > 9 || (name->name[0] == '0' && name->len > 1))
		return -1;
	for (unsigned int i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return -1;
		n = n * 10 + name->name[i] - '0';
	}
	return n;
}

static int fdinfo_show(struct seq_file *m, void *v)
{
	const struct inode *inode = m->private;
	struct task_struct *task = task_of(inode);
	struct file *file = task ? file_at(task, fd_of(inode)) : NULL;

	if (!file)
		return -ENOENT;
	seq_printf(m, "pos:\t%lli\nflags:\t0%o\nmnt_id:\t%i\nino:\t%lu\n", file->f_pos, file->f_flags,
		   real_mount(file->f_path.mnt)->mnt_id, file_inode(file)->i_ino);
	if (file->f_op->show_fdinfo)
		file->f_op->show_fdinfo(m, file);
	return 0;
}

static int fdinfo_open(struct inode *inode, struct file *file)
{
	return single_open(file, fdinfo_show, inode);
}

static const struct file_operations fdinfo_fops = {
	.open = fdinfo_open, .read = seq_read, .llseek = seq_lseek, .release = single_release,
};

static const struct pid_entry fd_entry = { .mode = S_IFLNK | 0700, .iops = &magic_link_iops };
static const struct pid_entry fdinfo_entry = { .mode = S_IFREG | 0444, .fops = &fdinfo_fops };

static struct dentry *lookup_fd(struct inode *dir, struct dentry *dentry, const struct pid_entry *entry)
{
	struct task_struct *task = task_of(dir);
	int fd = parse_number(&dentry->d_name);
	struct file *file = task ? file_at(task, fd) : NULL;

	if (!file)
		return ERR_PTR(-ENOENT);
	dentry = instantiate(dentry, task, fd, entry);
	return dentry;
}

static struct dentry *fd_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct dentry *result = lookup_fd(dir, dentry, &fd_entry);
	struct task_struct *task = task_of(dir);
	struct file *file;

	if (result)
		return result;
	/* The permission bits say how the file was opened. */
	file = file_at(task, fd_of(dentry->d_inode));
	dentry->d_inode->i_mode = S_IFLNK | (file->f_mode & FMODE_READ ? 0500 : 0) |
				  (file->f_mode & FMODE_WRITE ? 0300 : 0);
	i_size_write(dentry->d_inode, 64);
	return NULL;
}

static struct dentry *fdinfo_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	return lookup_fd(dir, dentry, &fdinfo_entry);
}

static int fd_readdir(struct file *file, struct dir_context *ctx)
{
	struct task_struct *task = task_of(file_inode(file));
	bool info = file_inode(file)->i_link;

	if (!task)
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	for (unsigned int fd = ctx->pos - 2; task->files && fd < task->files->fdt->max_fds; fd++) {
		char name[12];

		ctx->pos = fd + 2;
		if (!task->files->fdt->fd[fd])
			continue;
		if (!dir_emit(ctx, name, sprintf(name, "%u", fd), fd + 1, info ? DT_REG : DT_LNK))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static const struct file_operations fd_dir_fops = {
	.read = generic_read_dir, .iterate_shared = fd_readdir, .llseek = generic_file_llseek,
};
static const struct inode_operations fd_dir_iops = { .lookup = fd_lookup };
static const struct inode_operations fdinfo_dir_iops = { .lookup = fdinfo_lookup };

/* ---- The directory itself --------------------------------------------------------------------------------------------------- */

static const struct file_operations task_dir_fops;
static const struct inode_operations task_dir_iops;

#define TEXT(NAME, MODE, SHOW)	{ NAME, S_IFREG | (MODE), .show = SHOW, .fops = &text_fops }
#define LINK(NAME, PATH)	{ NAME, S_IFLNK | 0777, .link = PATH, .iops = &magic_link_iops }
#define FILE_OF(NAME, MODE, FOPS) { NAME, S_IFREG | (MODE), .fops = &(FOPS) }

static const struct pid_entry entries[] = {
	{ "task", S_IFDIR | 0555, .fops = &task_dir_fops, .iops = &task_dir_iops },
	{ "fd", S_IFDIR | 0500, .fops = &fd_dir_fops, .iops = &fd_dir_iops },
	{ "fdinfo", S_IFDIR | 0555, .fops = &fd_dir_fops, .iops = &fdinfo_dir_iops },
	FILE_OF("environ", 0400, environ_fops),
	FILE_OF("auxv", 0400, auxv_fops),
	TEXT("status", 0444, status_show),
	TEXT("limits", 0444, limits_show),
	TEXT("oom_adj", 0644, oom_adj_show),
	TEXT("personality", 0400, personality_show),
	TEXT("oom_score", 0444, oom_score_show),
	TEXT("timerslack_ns", 0666, timerslack_show),
	TEXT("coredump_filter", 0644, coredump_filter_show),
	{ "comm", S_IFREG | 0644, .show = comm_show, .fops = &comm_fops },
	FILE_OF("cmdline", 0444, cmdline_fops),
	TEXT("stat", 0444, stat_show),
	TEXT("statm", 0444, statm_show),
	TEXT("maps", 0444, maps_show),
	FILE_OF("mem", 0600, mem_fops),
	LINK("cwd", cwd_path),
	LINK("root", root_path),
	LINK("exe", exe_path),
	TEXT("mounts", 0444, mounts_show),
	TEXT("mountinfo", 0444, mountinfo_show),
	TEXT("stack", 0400, stack_show),
	TEXT("wchan", 0444, wchan_show),
	TEXT("cgroup", 0444, cgroup_show),
	FILE_OF("oom_score_adj", 0644, oom_score_adj_fops),
	FILE_OF("make-it-fail", 0644, make_it_fail_fops),
	FILE_OF("fail-nth", 0644, fail_nth_fops),
};

/* A thread's directory has no "task". */
static unsigned int first_entry(struct inode *dir)
{
	return dir->i_link ? 1 : 0;
}

static struct dentry *pid_dir_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct task_struct *task = task_of(dir);
	struct dentry *result;

	if (!task)
		return ERR_PTR(-ENOENT);
	for (unsigned int i = first_entry(dir); i < ARRAY_SIZE(entries); i++) {
		if (strcmp(entries[i].name, dentry->d_name.name))
			continue;
		result = instantiate(dentry, task, -1, &entries[i]);
		/* i_link is free here: it remembers the entry of files and links, and marks fdinfo. */
		if (!result && (!S_ISDIR(entries[i].mode) || entries[i].iops == &fdinfo_dir_iops))
			dentry->d_inode->i_link = (const char *)&entries[i];
		return result;
	}
	return ERR_PTR(-ENOENT);
}

static int pid_dir_readdir(struct file *file, struct dir_context *ctx)
{
	unsigned int first = first_entry(file_inode(file));

	if (!task_of(file_inode(file)))
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	for (; ctx->pos - 2 + first < ARRAY_SIZE(entries); ctx->pos++) {
		const struct pid_entry *entry = &entries[ctx->pos - 2 + first];

		if (!dir_emit(ctx, entry->name, strlen(entry->name), ctx->pos + 1000, (entry->mode & S_IFMT) >> 12))
			break;
	}
	return 0;
}

static const struct file_operations pid_dir_fops = {
	.read = generic_read_dir, .iterate_shared = pid_dir_readdir, .llseek = generic_file_llseek,
};
static const struct inode_operations pid_dir_iops = { .lookup = pid_dir_lookup };
static const struct pid_entry pid_dir = { "", S_IFDIR | 0555, .fops = &pid_dir_fops, .iops = &pid_dir_iops };

static struct dentry *task_dir_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct task_struct *leader = task_of(dir), *task = find_task_by_vpid(parse_number(&dentry->d_name));
	struct dentry *result;

	if (!leader || !task || task->tgid != leader->tgid)
		return ERR_PTR(-ENOENT);
	result = instantiate(dentry, task, -1, &pid_dir);
	if (!result)
		dentry->d_inode->i_link = "";	/* a thread's */
	return result;
}

/* The next task with a number of at least @pid: of process @tgid, or any process's leader. */
static struct task_struct *next_task(pid_t pid, pid_t tgid)
{
	struct task_struct *task, *best = NULL;

	for_each_process_thread_all(task) {
		if (task->pid < pid || (tgid ? task->tgid != tgid : task->pid != task->tgid))
			continue;
		if (!best || task->pid < best->pid)
			best = task;
	}
	return best;
}

static int readdir_tasks(struct dir_context *ctx, loff_t first, pid_t tgid)
{
	struct task_struct *task;

	while ((task = next_task(ctx->pos - first, tgid))) {
		char name[12];
		pid_t pid = task->pid;

		ctx->pos = first + pid;
		if (!dir_emit(ctx, name, sprintf(name, "%d", pid), pid, DT_DIR))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static int task_dir_readdir(struct file *file, struct dir_context *ctx)
{
	struct task_struct *leader = task_of(file_inode(file));

	if (!leader)
		return -ENOENT;
	if (!dir_emit_dots(file, ctx))
		return 0;
	return readdir_tasks(ctx, 2, leader->tgid);
}

static const struct file_operations task_dir_fops = {
	.read = generic_read_dir, .iterate_shared = task_dir_readdir, .llseek = generic_file_llseek,
};
static const struct inode_operations task_dir_iops = { .lookup = task_dir_lookup };

struct dentry *proc_pid_lookup(struct dentry *dentry)
{
	int pid = parse_number(&dentry->d_name);
	struct task_struct *task = pid > 0 ? find_task_by_vpid(pid) : NULL;

	if (!task) {
		dentry->d_flags |= DCACHE_DONTCACHE;
		d_add(dentry, NULL);
		return NULL;
	}
	return instantiate(dentry, task, -1, &pid_dir);
}

int proc_pid_readdir(struct file *file, struct dir_context *ctx, loff_t first)
{
	return readdir_tasks(ctx, first, 0);
}

/* ---- self --------------------------------------------------------------------------------------------------------------------- */

static const char *self_get_link(struct dentry *dentry, struct inode *inode, char **to_free)
{
	return *to_free = kasprintf(GFP_KERNEL, "%d", current->tgid) ?: ERR_PTR(-ENOMEM);
}

static const char *thread_self_get_link(struct dentry *dentry, struct inode *inode, char **to_free)
{
	return *to_free = kasprintf(GFP_KERNEL, "%d/task/%d", current->tgid, current->pid) ?: ERR_PTR(-ENOMEM);
}

static const struct inode_operations self_iops = { .get_link = self_get_link };
static const struct inode_operations thread_self_iops = { .get_link = thread_self_get_link };

static int proc_self_init(void)
{
	pseudo_create(proc_root(), "self", S_IFLNK | S_IRWXUGO, NULL, NULL, &self_iops);
	pseudo_create(proc_root(), "thread-self", S_IFLNK | S_IRWXUGO, NULL, NULL, &thread_self_iops);
	return 0;
}
fs_initcall(proc_self_init);
