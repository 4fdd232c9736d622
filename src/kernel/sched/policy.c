// SPDX-License-Identifier: MIT
/*
 * Scheduling policies, priorities and affinity. All tasks take turns alike on the one processor: policies are checked,
 * kept and shown, no more. (sched(7), setpriority(2), ioprio_set(2))
 */
#include <linux/ioprio.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>

#define ROUND_ROBIN_SLICE_NS	(100 * NSEC_PER_MSEC)
#define NICE_MIN		-20
#define NICE_MAX		19

static struct task_struct *task_or_self(pid_t pid)
{
	return pid ? find_task_by_vpid(pid) : current;
}

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool may_change(const struct task_struct *task)
{
	return current->cred->euid.val == task->cred->euid.val || current->cred->euid.val == task->cred->uid.val || capable(CAP_SYS_NICE);
}

SYSCALL_DEFINE0(sched_yield)
{
	yield();
	return 0;
}

SYSCALL_DEFINE3(sched_getaffinity, pid_t, pid, unsigned int, len, unsigned long __user *, user_mask_ptr)
{
	unsigned long one = 1;

	if (len < sizeof(one) || (len & (sizeof(one) - 1)))
		return -EINVAL;
	if (!task_or_self(pid))
		return -ESRCH;
	return copy_to_user(user_mask_ptr, &one, sizeof(one)) ? -EFAULT : (long)sizeof(one);
}

SYSCALL_DEFINE3(sched_setaffinity, pid_t, pid, unsigned int, len, const unsigned long __user *, user_mask_ptr)
{
	struct task_struct *task = task_or_self(pid);
	unsigned long bits = 0;

	if (copy_from_user(&bits, user_mask_ptr, min(len, (unsigned int)sizeof(bits))))
		return -EFAULT;
	if (!task)
		return -ESRCH;
	if (!may_change(task))
		return -EPERM;
	return bits & 1 ? 0 : -EINVAL;
}

static int set_policy(pid_t pid, int policy, int priority, bool keep_policy)
{
	struct task_struct *task = task_or_self(pid);
	bool reset = policy & SCHED_RESET_ON_FORK;

	if (pid < 0)
		return -EINVAL;
	if (!task)
		return -ESRCH;
	if (keep_policy) {
		policy = task->policy;
		reset = task->sched_reset_on_fork;
	}
	policy &= ~SCHED_RESET_ON_FORK;
	if (policy < 0 || (policy > SCHED_BATCH && policy != SCHED_IDLE))
		return -EINVAL;
	if (priority < 0 || priority > 99 || is_real_time(policy) != (priority != 0))
		return -EINVAL;
	if (!may_change(task) || (is_real_time(policy) && !capable(CAP_SYS_NICE) &&
				  (unsigned long)priority > task->signal->rlim[RLIMIT_RTPRIO].rlim_cur))
		return -EPERM;
	task->policy = policy;
	task->rt_priority = priority;
	task->sched_reset_on_fork = reset;
	return 0;
}

SYSCALL_DEFINE3(sched_setscheduler, pid_t, pid, int, policy, const struct sched_param __user *, param)
{
	int priority;

	if (policy < 0 || !param || pid < 0)
		return -EINVAL;
	return get_user(priority, (const int __user *)param) ? -EFAULT : set_policy(pid, policy, priority, false);
}

SYSCALL_DEFINE2(sched_setparam, pid_t, pid, const struct sched_param __user *, param)
{
	int priority;

	if (!param || pid < 0)
		return -EINVAL;
	return get_user(priority, (const int __user *)param) ? -EFAULT : set_policy(pid, 0, priority, true);
}

SYSCALL_DEFINE1(sched_getscheduler, pid_t, pid)
{
	struct task_struct *task = task_or_self(pid);

	if (pid < 0)
		return -EINVAL;
	return task ? (long)(task->policy | (task->sched_reset_on_fork ? SCHED_RESET_ON_FORK : 0)) : -ESRCH;
}

SYSCALL_DEFINE2(sched_getparam, pid_t, pid, struct sched_param __user *, param)
{
	struct task_struct *task = task_or_self(pid);

	if (pid < 0 || !param)
		return -EINVAL;
	return task ? put_user((int)task->rt_priority, (int __user *)param) : -ESRCH;
}

static bool policy_known(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE || policy == SCHED_DEADLINE ||
	       is_real_time(policy);
}

SYSCALL_DEFINE1(sched_get_priority_max, int, policy)
{
	return is_real_time(policy) ? 99 : policy_known(policy) ? 0 : -EINVAL;
}

SYSCALL_DEFINE1(sched_get_priority_min, int, policy)
{
	return is_real_time(policy) ? 1 : policy_known(policy) ? 0 : -EINVAL;
}

SYSCALL_DEFINE2(sched_rr_get_interval, pid_t, pid, struct __kernel_timespec __user *, interval)
{
	struct task_struct *task = task_or_self(pid);
	struct timespec64 ts;

	if (pid < 0)
		return -EINVAL;
	if (!task)
		return -ESRCH;
	ts = ns_to_timespec64(task->policy == SCHED_RR ? ROUND_ROBIN_SLICE_NS : 0);
	return put_timespec64(&ts, interval);
}

SYSCALL_DEFINE4(sched_getattr, pid_t, pid, struct sched_attr __user *, uattr, unsigned int, usize, unsigned int, flags)
{
	struct task_struct *task = task_or_self(pid);
	struct sched_attr attr = { 0 };

	if (!uattr || pid < 0 || usize > PAGE_SIZE || usize < SCHED_ATTR_SIZE_VER0 || flags)
		return -EINVAL;
	if (!task)
		return -ESRCH;
	attr.size = min_t(unsigned int, usize, sizeof(attr));
	attr.sched_policy = task->policy;
	attr.sched_flags = task->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	attr.sched_nice = is_real_time(task->policy) ? 0 : task->nice;
	attr.sched_priority = task->rt_priority;
	return copy_to_user(uattr, &attr, attr.size) ? -EFAULT : 0;
}

SYSCALL_DEFINE3(sched_setattr, pid_t, pid, struct sched_attr __user *, uattr, unsigned int, flags)
{
	struct sched_attr attr = { 0 };
	struct task_struct *task = task_or_self(pid);
	u32 size;
	int ret;

	if (!uattr || pid < 0 || flags)
		return -EINVAL;
	if (get_user(size, &uattr->size))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&attr, sizeof(attr), uattr, size);
	if (ret)
		return ret;
	if ((int)attr.sched_policy < 0 || (attr.sched_flags & ~SCHED_FLAG_RESET_ON_FORK))
		return -EINVAL;
	if (!task)
		return -ESRCH;
	attr.sched_nice = clamp(attr.sched_nice, NICE_MIN, NICE_MAX);
	if (!is_real_time(attr.sched_policy) && attr.sched_nice < task->nice && !capable(CAP_SYS_NICE))
		return -EPERM;
	ret = set_policy(pid, attr.sched_policy | (attr.sched_flags & SCHED_FLAG_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0),
			 attr.sched_priority, false);
	if (!ret && !is_real_time(attr.sched_policy))
		task->nice = attr.sched_nice;
	return ret;
}

/* ---- nice values, for a task, a process group or a user ---- */

static bool is_meant(const struct task_struct *task, int which, unsigned int who)
{
	switch (which) {
	case PRIO_PROCESS: return task->pid == (pid_t)who;
	case PRIO_PGRP: return task->pgrp == (pid_t)who;
	default: return task->cred->uid.val == who;
	}
}

static unsigned int who_or_self(int which, int who)
{
	return who ? who : which == PRIO_PROCESS ? current->pid : which == PRIO_PGRP ? current->pgrp :
	       (int)current->cred->uid.val;
}

/* The highest, as 20 less the nice value, so that it is never negative. */
SYSCALL_DEFINE2(getpriority, int, which, int, who)
{
	struct task_struct *task;
	long best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	for_each_process_thread_all(task)
		if (is_meant(task, which, who_or_self(which, who)))
			best = max(best, (long)(20 - task->nice));
	return best;
}

SYSCALL_DEFINE3(setpriority, int, which, int, who, int, niceval)
{
	struct task_struct *task;
	int ret = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	niceval = clamp(niceval, NICE_MIN, NICE_MAX);
	for_each_process_thread_all(task) {
		if (!is_meant(task, which, who_or_self(which, who)))
			continue;
		if (!may_change(task)) {
			ret = -EPERM;
			continue;
		}
		if (niceval < task->nice && (unsigned long)(20 - niceval) > task->signal->rlim[RLIMIT_NICE].rlim_cur &&
		    !capable(CAP_SYS_NICE)) {
			ret = -EACCES;
			continue;
		}
		task->nice = niceval;
		if (ret == -ESRCH)
			ret = 0;
	}
	return ret;
}

/* ---- priorities of input and output: kept and shown ---- */

SYSCALL_DEFINE2(ioprio_get, int, which, int, who)
{
	struct task_struct *task = task_or_self(who);

	if (which != IOPRIO_WHO_PROCESS)
		return -EINVAL;
	return task ? task->ioprio : -ESRCH;
}

SYSCALL_DEFINE3(ioprio_set, int, which, int, who, int, ioprio)
{
	struct task_struct *task = task_or_self(who);
	int class = IOPRIO_PRIO_CLASS(ioprio), level = IOPRIO_PRIO_DATA(ioprio);

	if (class > IOPRIO_CLASS_IDLE || (class == IOPRIO_CLASS_NONE && level) ||
	    (class != IOPRIO_CLASS_IDLE && class != IOPRIO_CLASS_NONE && level >= IOPRIO_NR_LEVELS))
		return -EINVAL;
	if (class == IOPRIO_CLASS_RT && !capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (which != IOPRIO_WHO_PROCESS)
		return -EINVAL;
	if (!task)
		return -ESRCH;
	if (!may_change(task))
		return -EPERM;
	task->ioprio = ioprio;
	return 0;
}

SYSCALL_DEFINE3(getcpu, unsigned int __user *, cpup, unsigned int __user *, nodep, void __user *, unused)
{
	return (cpup && put_user(0u, cpup)) || (nodep && put_user(0u, nodep)) ? -EFAULT : 0;
}
