// SPDX-License-Identifier: MIT
/* What the files of /proc/PID say of a process in text, but for its memory. (man 5 proc) */
#include <kernel/fdtable.h>
#include <kernel/kdebug.h>
#include <kernel/mm.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/time.h>
#include <kernel/tty.h>
#include "pid.h"
#include "internal.h"

int proc_pid_status(struct seq_file *m, struct task_struct *task)
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

		struct memory_sizes sizes = proc_measure(mm);

		seq_printf(m, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n", mm->total_vm * kb,
			   mm->total_vm * kb, sizes.locked * kb, 0UL);
		seq_printf(m, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", max(mm->hiwater_rss, mm->rss) * kb, mm->rss * kb);
		seq_printf(m, "RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n",
			   (mm->rss - min(mm->rss, sizes.rss_file)) * kb, sizes.rss_file * kb, 0UL);
		seq_printf(m, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n", sizes.data * kb,
			   sizes.stack * kb, (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) / 1024,
			   (sizes.code * PAGE_SIZE - (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK))) / 1024);
		seq_printf(m, "VmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\n", proc_count_tables(mm) * kb, 0UL);
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

int proc_pid_stat(struct seq_file *m, struct task_struct *task)
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

int proc_pid_wchan(struct seq_file *m, struct task_struct *task)
{
	seq_putc(m, '0');
	return 0;
}

int proc_pid_stack(struct seq_file *m, struct task_struct *task)
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

int proc_pid_limits(struct seq_file *m, struct task_struct *task)
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

int proc_pid_mounts(struct seq_file *m, struct task_struct *task)
{
	struct mount *mount;

	list_for_each_entry(mount, &mount_list, list)
		show_mount(m, mount);
	return 0;
}

int proc_pid_mountinfo(struct seq_file *m, struct task_struct *task)
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

int proc_pid_cgroup(struct seq_file *m, struct task_struct *task)
{
	seq_puts(m, "0::/\n");
	return 0;
}

int proc_pid_personality(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%08lx\n", task->personality);
	return 0;
}

/* How good a victim: the share of the memory that it has, of a thousand, and what oom_score_adj adds. */
int proc_pid_oom_score(struct seq_file *m, struct task_struct *task)
{
	long points = task->mm ? task->mm->rss * 1000 / totalram_pages : 0;

	points += task->signal ? task->signal->oom_score_adj : 0;
	seq_printf(m, "%ld\n", max(points * 2 / 3 + 666, 0L));
	return 0;
}

/* The old scale, -17 to 15. */
int proc_pid_oom_adj(struct seq_file *m, struct task_struct *task)
{
	int adj = task->signal ? task->signal->oom_score_adj : 0;

	seq_printf(m, "%d\n", adj == 1000 ? 15 : adj * 17 / 1000);
	return 0;
}

int proc_pid_timerslack(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%lu\n", task->timer_slack_ns);
	return 0;
}

/* No core is ever written; this is what it would have in it. */
int proc_pid_coredump_filter(struct seq_file *m, struct task_struct *task)
{
	seq_puts(m, "00000033\n");
	return 0;
}
