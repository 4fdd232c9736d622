// SPDX-License-Identifier: MIT
/* System calls about processes and the system that fit nowhere else: ids, limits, usage, names, prctl, reboot. */
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/times.h>
#include <linux/utsname.h>
#include <kernel/io.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/reboot.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <generated/platform.h>
#include "process.h"

/* ---- who ---- */

SYSCALL_DEFINE0(getpid) { return current->tgid; }
SYSCALL_DEFINE0(gettid) { return current->pid; }
SYSCALL_DEFINE0(getppid) { return current->group_leader->real_parent->tgid; }
SYSCALL_DEFINE0(getpgrp) { return current->pgrp; }

SYSCALL_DEFINE1(getpgid, pid_t, pid)
{
	struct task_struct *task = pid ? find_task_by_vpid(pid) : current;

	return task ? task->pgrp : -ESRCH;
}

SYSCALL_DEFINE1(getsid, pid_t, pid)
{
	struct task_struct *task = pid ? find_task_by_vpid(pid) : current;

	return task ? task->session : -ESRCH;
}

SYSCALL_DEFINE2(setpgid, pid_t, pid, pid_t, pgid)
{
	struct task_struct *task = pid ? find_task_by_vpid(pid) : current->group_leader, *t;
	bool exists = false;

	if (!pgid)
		pgid = pid ? pid : task->pid;
	if (pgid < 0)
		return -EINVAL;
	if (!task)
		return -ESRCH;
	if (task->group_leader != task)
		return -EINVAL;
	if (task->real_parent == current->group_leader) {
		if (task->session != current->session)
			return -EPERM;
		if (!(task->flags & PF_FORKNOEXEC))
			return -EACCES;
	} else if (task != current->group_leader) {
		return -ESRCH;
	}
	if (task->session == task->pid)
		return -EPERM;
	list_for_each_entry(t, &task_list, tasks)
		exists |= t->pgrp == pgid && t->session == current->session;
	if (pgid != task->pid && !exists)
		return -EPERM;
	task->pgrp = pgid;
	return 0;
}

SYSCALL_DEFINE0(setsid)
{
	struct task_struct *leader = current->group_leader, *t;

	list_for_each_entry(t, &task_list, tasks)
		if (t->pgrp == leader->pid)
			return -EPERM;
	leader->session = leader->pgrp = leader->pid;
	leader->signal->tty = NULL;
	return leader->pid;
}

/* ---- the system ---- */

char host_name[__NEW_UTS_LEN + 1] = "(none)", domain_name[__NEW_UTS_LEN + 1] = "(none)";

SYSCALL_DEFINE1(uname, struct new_utsname __user *, name)
{
	struct new_utsname u = { .sysname = UTS_SYSNAME, .release = UTS_RELEASE, .version = UTS_VERSION, .machine = "x86_64" };

	strscpy(u.nodename, host_name, sizeof(u.nodename));
	strscpy(u.domainname, domain_name, sizeof(u.domainname));
	return copy_to_user(name, &u, sizeof(u)) ? -EFAULT : 0;
}

static long set_name(char *to, const char __user *name, int len)
{
	char text[__NEW_UTS_LEN + 1] = "";

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	if (copy_from_user(text, name, len))
		return -EFAULT;
	memcpy(to, text, sizeof(text));
	return 0;
}

SYSCALL_DEFINE2(sethostname, char __user *, name, int, len) { return set_name(host_name, name, len); }
SYSCALL_DEFINE2(setdomainname, char __user *, name, int, len) { return set_name(domain_name, name, len); }

void si_meminfo(struct sysinfo *info)
{
	info->totalram = totalram_pages;
	info->freeram = nr_free_pages_count;
	info->mem_unit = PAGE_SIZE;
}

SYSCALL_DEFINE1(sysinfo, struct sysinfo __user *, uinfo)
{
	struct sysinfo info = { .uptime = ktime_get_seconds() };
	struct task_struct *task;

	si_meminfo(&info);
	info.totalram *= PAGE_SIZE;
	info.freeram *= PAGE_SIZE;
	info.mem_unit = 1;
	list_for_each_entry(task, &task_list, tasks)
		info.procs++;
	return copy_to_user(uinfo, &info, sizeof(info)) ? -EFAULT : 0;
}

/* ---- limits and usage ---- */

/* The most that RLIMIT_NOFILE may be: /proc/sys/fs/nr_open. */
#define NR_OPEN_MAX (1024 * 1024)

static long do_prlimit(struct task_struct *task, unsigned int resource, const struct rlimit *new, struct rlimit *old)
{
	struct rlimit *limit;

	if (resource >= RLIM_NLIMITS || (new && new->rlim_cur > new->rlim_max))
		return -EINVAL;
	limit = &task->signal->rlim[resource];
	if (new && resource == RLIMIT_NOFILE && new->rlim_max > NR_OPEN_MAX)
		return -EPERM;
	if (new && new->rlim_max > limit->rlim_max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (old)
		*old = *limit;
	if (new)
		*limit = *new;
	return 0;
}

static bool same_ids(const struct task_struct *task)
{
	const struct cred *mine = current->cred, *its = task->cred;

	return mine->uid.val == its->euid.val && mine->uid.val == its->suid.val && mine->uid.val == its->uid.val && mine->gid.val == its->egid.val &&
	       mine->gid.val == its->sgid.val && mine->gid.val == its->gid.val;
}

SYSCALL_DEFINE4(prlimit64, pid_t, pid, unsigned int, resource, const struct rlimit64 __user *, new_rlim,
		struct rlimit64 __user *, old_rlim)
{
	struct task_struct *task = pid ? find_task_by_vpid(pid) : current;
	struct rlimit new, old;
	long ret;

	if (new_rlim && copy_from_user(&new, new_rlim, sizeof(new)))
		return -EFAULT;
	if (!task)
		return -ESRCH;
	if (task->tgid != current->tgid && !same_ids(task) && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	ret = do_prlimit(task, resource, new_rlim ? &new : NULL, &old);
	if (!ret && old_rlim && copy_to_user(old_rlim, &old, sizeof(old)))
		return -EFAULT;
	return ret;
}

SYSCALL_DEFINE2(getrlimit, unsigned int, resource, struct rlimit __user *, rlim)
{
	struct rlimit old;
	long ret = do_prlimit(current, resource, NULL, &old);

	return ret ? ret : copy_to_user(rlim, &old, sizeof(old)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(setrlimit, unsigned int, resource, struct rlimit __user *, rlim)
{
	struct rlimit new;

	if (copy_from_user(&new, rlim, sizeof(new)))
		return -EFAULT;
	return do_prlimit(current, resource, &new, NULL);
}

void thread_group_cputime(struct task_struct *task, u64 *utime, u64 *stime)
{
	struct task_struct *t;

	*utime = task->signal->utime;
	*stime = task->signal->stime;
	list_for_each_entry(t, &task_list, tasks)
		if (t->tgid == task->tgid && !(t->flags & PF_EXITING)) {
			*utime += t->utime;
			*stime += t->stime;
		}
}

static void add_time(struct __kernel_old_timeval *tv, u64 ns)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / NSEC_PER_USEC;
}

/* RUSAGE_BOTH: the process and its reaped children together. */
void getrusage_of(struct task_struct *task, int who, struct rusage *r)
{
	struct signal_struct *sig = task->signal;
	u64 utime = 0, stime = 0;

	memset(r, 0, sizeof(*r));
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH) {
		utime = sig->cutime;
		stime = sig->cstime;
		r->ru_minflt = sig->cmin_flt;
		r->ru_nvcsw = sig->cnvcsw;
		r->ru_nivcsw = sig->cnivcsw;
		r->ru_maxrss = sig->cmaxrss;
	}
	if (who == RUSAGE_THREAD) {
		utime = task->utime;
		stime = task->stime;
		r->ru_minflt = task->min_flt;
		r->ru_nvcsw = task->nvcsw;
		r->ru_nivcsw = task->nivcsw;
	} else if (who != RUSAGE_CHILDREN) {
		u64 u, s;

		thread_group_cputime(task, &u, &s);
		utime += u;
		stime += s;
		r->ru_minflt += sig->min_flt + task->min_flt;
		r->ru_nvcsw += sig->nvcsw + task->nvcsw;
		r->ru_nivcsw += sig->nivcsw + task->nivcsw;
		r->ru_maxrss = max_t(unsigned long, r->ru_maxrss, max(sig->maxrss, task->mm ? task->mm->hiwater_rss : 0));
	}
	r->ru_maxrss *= PAGE_SIZE / 1024;
	add_time((struct __kernel_old_timeval *)&r->ru_utime, utime);
	add_time((struct __kernel_old_timeval *)&r->ru_stime, stime);
}

SYSCALL_DEFINE2(getrusage, int, who, struct rusage __user *, ru)
{
	struct rusage r;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	getrusage_of(current, who, &r);
	return copy_to_user(ru, &r, sizeof(r)) ? -EFAULT : 0;
}

SYSCALL_DEFINE1(times, struct tms __user *, tbuf)
{
	struct tms t;
	u64 u, s;

	thread_group_cputime(current, &u, &s);
	t.tms_utime = nsec_to_clock_t(u);
	t.tms_stime = nsec_to_clock_t(s);
	t.tms_cutime = nsec_to_clock_t(current->signal->cutime);
	t.tms_cstime = nsec_to_clock_t(current->signal->cstime);
	if (tbuf && copy_to_user(tbuf, &t, sizeof(t)))
		return -EFAULT;
	return nsec_to_clock_t(ktime_get_ns());
}

SYSCALL_DEFINE1(personality, unsigned int, persona)
{
	unsigned long old = current->personality;

	if (persona != 0xffffffff)
		current->personality = persona;
	return old;
}

/* ---- the end ---- */

void machine_halt(void)
{
	for (;;) {
		local_irq_disable();
		native_halt();
	}
}

/* The device turns N into its own exit status; a machine without it only stops. */
void machine_exit(unsigned int status)
{
	outl(status, PLATFORM_DEBUG_EXIT_PORT);
	machine_halt();
}

SYSCALL_DEFINE4(reboot, int, magic1, int, magic2, unsigned int, cmd, void __user *, arg)
{
	char command[64];
	unsigned int status = 0;

	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if ((u32)magic1 != LINUX_REBOOT_MAGIC1 || (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
						   magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_HALT:
		pr_emerg("reboot: System halted\n");
		machine_halt();
	case LINUX_REBOOT_CMD_POWER_OFF:
		pr_emerg("reboot: Power down\n");
		machine_exit(0);
	case LINUX_REBOOT_CMD_RESTART:
		pr_emerg("reboot: Restarting system\n");
		machine_exit(0);
	case LINUX_REBOOT_CMD_RESTART2:
		if (strncpy_from_user(command, arg, sizeof(command) - 1) < 0)
			return -EFAULT;
		command[sizeof(command) - 1] = '\0';
		if (strstarts(command, "exit=") && kstrtouint(command + 5, 0, &status))
			return -EINVAL;
		machine_exit(status);
	}
	return -EINVAL;
}
