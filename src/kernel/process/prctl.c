// SPDX-License-Identifier: MIT
/* prctl: what a task may say about itself. (man 2 prctl) */
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <kernel/kernel.h>
#include <kernel/perf_event.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <trace/events/task.h>
#include "process.h"

static long set_comm(const char __user *name)
{
	char comm[TASK_COMM_LEN] = "";

	if (strncpy_from_user(comm, name, sizeof(comm) - 1) < 0)
		return -EFAULT;
	comm[sizeof(comm) - 1] = '\0';
	trace_task_rename(current, comm);
	strscpy(current->comm, comm, sizeof(current->comm));
	perf_event_comm(current, false);
	return 0;
}

/* What concerns capabilities; -ENOSYS if @option does not. */
static long cap_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)
{
	struct cred *cred = current->cred;
	u64 bit = arg3 <= CAP_LAST_CAP ? 1ULL << arg3 : 0;

	switch (option) {
	case PR_CAPBSET_READ:
		return arg2 > CAP_LAST_CAP ? -EINVAL : (long)(cred->cap_bset >> arg2 & 1);
	case PR_CAPBSET_DROP:
		if (!capable(CAP_SETPCAP))
			return -EPERM;
		if (arg2 > CAP_LAST_CAP)
			return -EINVAL;
		cred->cap_bset &= ~(1ULL << arg2);
		return 0;
	case PR_SET_SECUREBITS:
		if (((cred->securebits & SECURE_ALL_LOCKS) >> 1 & (cred->securebits ^ arg2)) ||
		    (cred->securebits & SECURE_ALL_LOCKS & ~arg2) || (arg2 & ~(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) ||
		    !capable(CAP_SETPCAP))
			return -EPERM;
		cred->securebits = arg2;
		return 0;
	case PR_GET_SECUREBITS:
		return cred->securebits;
	case PR_GET_KEEPCAPS:
		return !!(cred->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		if (arg2 > 1)
			return -EINVAL;
		if (cred->securebits & SECBIT_KEEP_CAPS_LOCKED)
			return -EPERM;
		cred->securebits = (cred->securebits & ~SECBIT_KEEP_CAPS) | (arg2 ? SECBIT_KEEP_CAPS : 0);
		return 0;
	case PR_CAP_AMBIENT:
		if (arg2 == PR_CAP_AMBIENT_CLEAR_ALL) {
			if (arg3 || arg4 || arg5)
				return -EINVAL;
			cred->cap_ambient = 0;
			return 0;
		}
		if (!bit || arg4 || arg5)
			return -EINVAL;
		if (arg2 == PR_CAP_AMBIENT_IS_SET)
			return !!(cred->cap_ambient & bit);
		if (arg2 == PR_CAP_AMBIENT_LOWER) {
			cred->cap_ambient &= ~bit;
			return 0;
		}
		if (arg2 != PR_CAP_AMBIENT_RAISE)
			return -EINVAL;
		if (!(cred->cap_permitted & cred->cap_inheritable & bit) ||
		    (cred->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		cred->cap_ambient |= bit;
		return 0;
	}
	return -ENOSYS;
}

SYSCALL_DEFINE5(prctl, int, option, unsigned long, arg2, unsigned long, arg3, unsigned long, arg4, unsigned long, arg5)
{
	bool more = arg3 || arg4 || arg5;
	long ret = cap_prctl(option, arg2, arg3, arg4, arg5);

	if (ret != -ENOSYS)
		return ret;
	switch (option) {
	case PR_SET_NAME:
		return set_comm((const char __user *)arg2);
	case PR_GET_NAME:
		return copy_to_user((char __user *)arg2, current->comm, sizeof(current->comm)) ? -EFAULT : 0;
	case PR_SET_PDEATHSIG:
		if (arg2 > _NSIG)
			return -EINVAL;
		current->pdeath_signal = arg2;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(current->pdeath_signal, (int __user *)arg2);
	case PR_GET_DUMPABLE:
		return !current->mm->undumpable;
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		current->mm->undumpable = !arg2;
		return 0;
	case PR_SET_NO_NEW_PRIVS:
		if (arg2 != 1 || more)
			return -EINVAL;
		current->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || more ? -EINVAL : current->no_new_privs;
	case PR_GET_TIMERSLACK:
		return current->timer_slack_ns;
	case PR_SET_TIMERSLACK:
		current->timer_slack_ns = (long)arg2 > 0 ? arg2 : current->default_timer_slack_ns;
		return 0;
	case PR_SET_CHILD_SUBREAPER:
		current->signal->is_child_subreaper = arg2;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)current->signal->is_child_subreaper, (int __user *)arg2);
	case PR_GET_TSC:
		return put_user(PR_TSC_ENABLE, (int __user *)arg2);
	case PR_GET_THP_DISABLE:
		return arg2 || more ? -EINVAL : current->mm->thp_disabled;
	case PR_SET_THP_DISABLE:
		if (more)
			return -EINVAL;
		current->mm->thp_disabled = arg2;
		return 0;
	case PR_MCE_KILL_GET:
		return arg2 || more ? -EINVAL : PR_MCE_KILL_DEFAULT;
	}
	return -EINVAL;
}
