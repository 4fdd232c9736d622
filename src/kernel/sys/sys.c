// SPDX-License-Identifier: MIT
/*
 * Small system calls about the system, the process and its limits.
 */
#include <kernel/cred.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/uaccess.h>
#include <kernel/utsname.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>

struct new_utsname init_utsname = {
	.sysname = UTS_SYSNAME,
	.nodename = "enomem",
	.release = UTS_RELEASE,
	.version = UTS_VERSION,
	.machine = "x86_64",
	.domainname = "(none)",
};

SYSCALL_DEFINE1(uname, struct new_utsname __user *, name)
{
	return copy_to_user(name, &init_utsname, sizeof(init_utsname)) ? -EFAULT : 0;
}

static long set_name(char *field, const char __user *name, int len)
{
	char text[__NEW_UTS_LEN + 1] = "";

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	if (copy_from_user(text, name, len))
		return -EFAULT;
	memcpy(field, text, sizeof(text));
	return 0;
}

SYSCALL_DEFINE2(sethostname, char __user *, name, int, len) { return set_name(init_utsname.nodename, name, len); }
SYSCALL_DEFINE2(setdomainname, char __user *, name, int, len) { return set_name(init_utsname.domainname, name, len); }

SYSCALL_DEFINE1(sysinfo, struct sysinfo __user *, info)
{
	struct sysinfo value = {
		.uptime = ktime_get_seconds(),
		.totalram = totalram_pages,
		.freeram = nr_free_pages_count,
		.mem_unit = PAGE_SIZE,
	};
	struct task_struct *p;

	for_each_process_thread_all(p)
		value.procs++;
	return copy_to_user(info, &value, sizeof(value)) ? -EFAULT : 0;
}

SYSCALL_DEFINE0(getpid) { return current->tgid; }
SYSCALL_DEFINE0(gettid) { return current->pid; }
SYSCALL_DEFINE0(getppid) { return current->group_leader->real_parent->tgid; }
SYSCALL_DEFINE0(getpgrp) { return current->pgrp; }

SYSCALL_DEFINE1(getpgid, pid_t, pid)
{
	struct task_struct *p = pid ? find_task_by_vpid(pid) : current;

	return p ? p->pgrp : -ESRCH;
}

SYSCALL_DEFINE1(getsid, pid_t, pid)
{
	struct task_struct *p = pid ? find_task_by_vpid(pid) : current;

	return p ? p->session : -ESRCH;
}

static void set_group_and_session(struct task_struct *process, pid_t pgrp, pid_t session)
{
	struct task_struct *p;

	for_each_process_thread_all(p)
		if (p->tgid == process->tgid) {
			p->pgrp = pgrp;
			p->session = session;
		}
}

SYSCALL_DEFINE2(setpgid, pid_t, pid, pid_t, pgid)
{
	struct task_struct *p = current->group_leader, *member;
	bool found = false;

	if (pgid < 0)
		return -EINVAL;
	if (pid && pid != p->tgid) {
		p = find_task_by_vpid(pid);
		if (!p || p->real_parent->group_leader != current->group_leader)
			return -ESRCH;
		if (!(p->flags & PF_FORKNOEXEC))
			return -EACCES;
	}
	if (p->session == p->tgid || p->session != current->session)
		return -EPERM;
	if (!pgid)
		pgid = p->tgid;
	for_each_process(member)
		if (member->pgrp == pgid && member->session == current->session)
			found = true;
	if (pgid != p->tgid && !found)
		return -EPERM;
	set_group_and_session(p, pgid, p->session);
	return 0;
}

SYSCALL_DEFINE0(setsid)
{
	struct task_struct *leader = current->group_leader, *p;

	for_each_process(p)
		if (p->pgrp == leader->tgid)
			return -EPERM;
	set_group_and_session(leader, leader->tgid, leader->tgid);
	return leader->tgid;
}

/* ---- limits and use ---- */

static int set_limit(unsigned int resource, const struct rlimit *new)
{
	struct rlimit *old = &current->signal->rlim[resource];

	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (new->rlim_max > old->rlim_max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	*old = *new;
	return 0;
}

SYSCALL_DEFINE2(getrlimit, unsigned int, resource, struct rlimit __user *, rlim)
{
	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	return copy_to_user(rlim, &current->signal->rlim[resource], sizeof(*rlim)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(setrlimit, unsigned int, resource, const struct rlimit __user *, rlim)
{
	struct rlimit new;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (copy_from_user(&new, rlim, sizeof(new)))
		return -EFAULT;
	return set_limit(resource, &new);
}

SYSCALL_DEFINE4(prlimit64, pid_t, pid, unsigned int, resource, const struct rlimit64 __user *, new, struct rlimit64 __user *, old)
{
	struct task_struct *p = pid ? find_task_by_vpid(pid) : current;
	struct rlimit value, previous;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	if (new && copy_from_user(&value, new, sizeof(value)))
		return -EFAULT;
	previous = p->signal->rlim[resource];
	if (new) {
		int ret;

		if (p->tgid != current->tgid)
			return -EPERM;
		ret = set_limit(resource, &value);
		if (ret)
			return ret;
	}
	return old && copy_to_user(old, &previous, sizeof(previous)) ? -EFAULT : 0;
}

static void to_timeval(u64 ns, struct __kernel_old_timeval *tv)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / 1000;
}

SYSCALL_DEFINE2(getrusage, int, who, struct rusage __user *, ru)
{
	struct signal_struct *s = current->signal;
	struct rusage value = { 0 };
	u64 utime = 0, stime = 0;

	switch (who) {
	case RUSAGE_SELF:
		thread_group_cputime(current, &utime, &stime);
		value.ru_nvcsw = s->nvcsw + current->nvcsw;
		value.ru_nivcsw = s->nivcsw + current->nivcsw;
		value.ru_minflt = s->min_flt + current->min_flt;
		value.ru_maxrss = s->maxrss;
		break;
	case RUSAGE_THREAD:
		utime = current->utime;
		stime = current->stime;
		value.ru_minflt = current->min_flt;
		break;
	case RUSAGE_CHILDREN:
		utime = s->cutime;
		stime = s->cstime;
		value.ru_nvcsw = s->cnvcsw;
		value.ru_nivcsw = s->cnivcsw;
		value.ru_minflt = s->cmin_flt;
		value.ru_maxrss = s->cmaxrss;
		break;
	default:
		return -EINVAL;
	}
	to_timeval(utime, (void *)&value.ru_utime);
	to_timeval(stime, (void *)&value.ru_stime);
	return copy_to_user(ru, &value, sizeof(value)) ? -EFAULT : 0;
}

/* ---- scheduling: one CPU, one class ---- */

SYSCALL_DEFINE0(sched_yield)
{
	yield();
	return 0;
}

SYSCALL_DEFINE3(sched_getaffinity, pid_t, pid, unsigned int, len, unsigned long __user *, mask)
{
	unsigned long cpus = 1;

	if (pid && !find_task_by_vpid(pid))
		return -ESRCH;
	if (len < sizeof(cpus) || len % sizeof(cpus))
		return -EINVAL;
	return copy_to_user(mask, &cpus, sizeof(cpus)) ? -EFAULT : (long)sizeof(cpus);
}

SYSCALL_DEFINE3(sched_setaffinity, pid_t, pid, unsigned int, len, const unsigned long __user *, mask)
{
	unsigned long cpus = 0;

	if (pid && !find_task_by_vpid(pid))
		return -ESRCH;
	if (copy_from_user(&cpus, mask, min_t(unsigned int, len, sizeof(cpus))))
		return -EFAULT;
	return cpus & 1 ? 0 : -EINVAL;
}

SYSCALL_DEFINE1(sched_getscheduler, pid_t, pid)
{
	return pid && !find_task_by_vpid(pid) ? -ESRCH : SCHED_NORMAL;
}

SYSCALL_DEFINE2(sched_getparam, pid_t, pid, int __user *, param)
{
	if (pid && !find_task_by_vpid(pid))
		return -ESRCH;
	return put_user(0, param);
}

SYSCALL_DEFINE2(getpriority, int, which, int, who)
{
	return 20 - current->nice;
}

SYSCALL_DEFINE3(setpriority, int, which, int, who, int, nice)
{
	nice = clamp(nice, -20, 19);
	if (nice < current->nice && !capable(CAP_SYS_NICE))
		return -EACCES;
	current->nice = nice;
	return 0;
}

SYSCALL_DEFINE3(getcpu, unsigned int __user *, cpu, unsigned int __user *, node, void __user *, unused)
{
	return (cpu && put_user(0u, cpu)) || (node && put_user(0u, node)) ? -EFAULT : 0;
}

SYSCALL_DEFINE1(personality, unsigned int, personality)
{
	unsigned int old = current->personality;

	if (personality != 0xffffffff)
		current->personality = personality;
	return old;
}

/* ---- the task itself ---- */

SYSCALL_DEFINE5(prctl, int, option, unsigned long, arg2, unsigned long, arg3, unsigned long, arg4, unsigned long, arg5)
{
	char comm[TASK_COMM_LEN] = "";

	switch (option) {
	case PR_SET_NAME:
		if (strncpy_from_user(comm, (const char __user *)arg2, sizeof(comm) - 1) < 0)
			return -EFAULT;
		memcpy(current->comm, comm, sizeof(comm));
		return 0;
	case PR_GET_NAME:
		memcpy(comm, current->comm, sizeof(comm));
		return copy_to_user((char __user *)arg2, comm, sizeof(comm)) ? -EFAULT : 0;
	case PR_SET_PDEATHSIG:
		if (arg2 > _NSIG)
			return -EINVAL;
		current->pdeath_signal = arg2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(current->pdeath_signal, (int __user *)arg2);
	case PR_GET_DUMPABLE:
		return 1;
	case PR_SET_DUMPABLE:
		return arg2 > 1 ? -EINVAL : 0;
	case PR_GET_SECUREBITS:
		return current->cred.securebits;
	case PR_CAPBSET_READ:
		return arg2 > CAP_LAST_CAP ? -EINVAL : (long)(current->cred.cap_bset >> arg2 & 1);
	case PR_CAPBSET_DROP:
		if (arg2 > CAP_LAST_CAP)
			return -EINVAL;
		if (!capable(CAP_SETPCAP))
			return -EPERM;
		current->cred.cap_bset &= ~(1ULL << arg2);
		return 0;
	case PR_SET_NO_NEW_PRIVS: case PR_SET_CHILD_SUBREAPER:
		return 0;
	default:
		return -EINVAL;
	}
}
