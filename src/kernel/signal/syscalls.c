// SPDX-License-Identifier: MIT
/*
 * The system calls about signals.
 */
#include <kernel/cred.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/uaccess.h>
#include <linux/signal.h>
#include "signal-internal.h"

#define UNBLOCKABLE (sigmask(SIGKILL) | sigmask(SIGSTOP))

static bool valid_signal(int sig)
{
	return sig >= 0 && sig <= _NSIG;
}

SYSCALL_DEFINE4(rt_sigaction, int, sig, const struct k_sigaction __user *, act, struct k_sigaction __user *, oact, size_t, size)
{
	struct k_sigaction new, *action;

	if (size != sizeof(sigset_t) || sig < 1 || sig > _NSIG)
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (act && sig_kernel_only(sig))
		return -EINVAL;
	action = &current->sighand->action[sig - 1];
	if (oact && copy_to_user(oact, action, sizeof(*action)))
		return -EFAULT;
	if (act) {
		*sigbits(&new.sa_mask) &= ~UNBLOCKABLE;
		*action = new;
		if (new.sa_handler == SIG_IGN || (new.sa_handler == SIG_DFL && signal_default(sig) == DEFAULT_IGNORE)) {
			kernel_siginfo_t info;

			/* What was pending is discarded. */
			while (dequeue_signal(sigmask(sig), &info))
				;
		}
	}
	return 0;
}

SYSCALL_DEFINE4(rt_sigprocmask, int, how, const sigset_t __user *, set, sigset_t __user *, oset, size_t, size)
{
	unsigned long mask, old = *sigbits(&current->blocked);

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (set) {
		if (copy_from_user(&mask, set, sizeof(mask)))
			return -EFAULT;
		mask &= ~UNBLOCKABLE;
		switch (how) {
		case SIG_BLOCK: mask |= old; break;
		case SIG_UNBLOCK: mask = old & ~mask; break;
		case SIG_SETMASK: break;
		default: return -EINVAL;
		}
		*sigbits(&current->blocked) = mask;
		recalc_sigpending();
	}
	return oset && copy_to_user(oset, &old, sizeof(old)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(rt_sigpending, sigset_t __user *, set, size_t, size)
{
	unsigned long pending = *sigbits(&current->pending.signal) | *sigbits(&current->signal->shared_pending.signal);

	if (size > sizeof(pending))
		return -EINVAL;
	pending &= *sigbits(&current->blocked);
	return copy_to_user(set, &pending, size) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(rt_sigsuspend, const sigset_t __user *, mask, size_t, size)
{
	int ret = set_user_sigmask(mask, size);

	if (ret)
		return ret;
	while (!signal_pending(current)) {
		set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return -ERESTARTNOHAND;
}

SYSCALL_DEFINE0(pause)
{
	while (!signal_pending(current)) {
		set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return -ERESTARTNOHAND;
}

SYSCALL_DEFINE4(rt_sigtimedwait, const sigset_t __user *, uset, siginfo_t __user *, uinfo,
		const struct __kernel_timespec __user *, uts, size_t, size)
{
	unsigned long set, old = *sigbits(&current->blocked);
	long timeout = MAX_SCHEDULE_TIMEOUT;
	kernel_siginfo_t info;
	struct timespec64 ts;
	int sig;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (copy_from_user(&set, uset, sizeof(set)))
		return -EFAULT;
	set &= ~UNBLOCKABLE;
	if (uts) {
		if (get_timespec64(&ts, uts))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		timeout = nsecs_to_jiffies(timespec64_to_ns(&ts));
	}
	sig = dequeue_signal(set, &info);
	if (!sig && timeout) {
		/* Unblocked while asleep, so that they wake the task. */
		*sigbits(&current->blocked) = old & ~set;
		recalc_sigpending();
		schedule_timeout_interruptible(timeout);
		*sigbits(&current->blocked) = old;
		sig = dequeue_signal(set, &info);
	}
	if (!sig)
		return signal_pending(current) ? -EINTR : -EAGAIN;
	return uinfo && copy_to_user(uinfo, &info, sizeof(info)) ? -EFAULT : sig;
}

static bool may_kill(const struct task_struct *task, int sig)
{
	const struct cred *us = &current->cred, *them = &task->cred;

	if (us->euid == them->suid || us->euid == them->uid || us->uid == them->suid || us->uid == them->uid)
		return true;
	return capable(CAP_KILL) || (sig == SIGCONT && task->session == current->session);
}

SYSCALL_DEFINE2(kill, pid_t, pid, int, sig)
{
	pid_t pgrp = pid == 0 ? current->pgrp : -pid;
	struct task_struct *p;
	int ret = -ESRCH;

	if (!valid_signal(sig))
		return -EINVAL;
	if (pid > 0) {
		p = find_task_by_vpid(pid);
		if (!p)
			return -ESRCH;
		return may_kill(p, sig) ? send_signal_to(sig, SEND_SIG_NOINFO, p, false) : -EPERM;
	}
	for_each_process(p) {
		bool match = pid == -1 ? p->pid > 1 && p != current->group_leader && !(p->flags & PF_KTHREAD) : p->pgrp == pgrp;

		if (!match)
			continue;
		if (!may_kill(p, sig)) {
			if (ret == -ESRCH)
				ret = -EPERM;
			continue;
		}
		send_signal_to(sig, SEND_SIG_NOINFO, p, false);
		ret = 0;
	}
	return ret;
}

static long do_tkill(pid_t tgid, pid_t tid, int sig)
{
	kernel_siginfo_t info = { .si_signo = sig, .si_code = SI_TKILL };
	struct task_struct *p = find_task_by_vpid(tid);

	if (!valid_signal(sig) || tid <= 0)
		return -EINVAL;
	if (!p || (tgid > 0 && p->tgid != tgid))
		return -ESRCH;
	if (!may_kill(p, sig))
		return -EPERM;
	info.si_pid = current->tgid;
	info.si_uid = current->cred.uid;
	return send_signal_to(sig, &info, p, true);
}

SYSCALL_DEFINE3(tgkill, pid_t, tgid, pid_t, tid, int, sig)
{
	return tgid <= 0 ? -EINVAL : do_tkill(tgid, tid, sig);
}

SYSCALL_DEFINE2(tkill, pid_t, tid, int, sig)
{
	return do_tkill(0, tid, sig);
}

SYSCALL_DEFINE3(rt_sigqueueinfo, pid_t, pid, int, sig, siginfo_t __user *, uinfo)
{
	struct task_struct *p = find_task_by_vpid(pid);
	kernel_siginfo_t info;

	if (copy_from_user(&info, uinfo, sizeof(info)))
		return -EFAULT;
	if (!valid_signal(sig))
		return -EINVAL;
	info.si_signo = sig;
	if ((info.si_code >= 0 || info.si_code == SI_TKILL) && pid != current->tgid)
		return -EPERM;
	if (!p)
		return -ESRCH;
	return may_kill(p, sig) ? send_signal_to(sig, &info, p, false) : -EPERM;
}

SYSCALL_DEFINE2(sigaltstack, const stack_t __user *, uss, stack_t __user *, uoss)
{
	unsigned long sp = task_pt_regs(current)->sp;
	bool on = current->sas_ss_size && sp > current->sas_ss_sp && sp - current->sas_ss_sp <= current->sas_ss_size;
	stack_t ss, old = {
		.ss_sp = (void *)current->sas_ss_sp,
		.ss_flags = current->sas_ss_size ? (on ? SS_ONSTACK : 0) : SS_DISABLE,
		.ss_size = current->sas_ss_size,
	};

	if (uss) {
		if (copy_from_user(&ss, uss, sizeof(ss)))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (ss.ss_flags & ~(SS_DISABLE | SS_ONSTACK | (int)SS_AUTODISARM))
			return -EINVAL;
		if (ss.ss_flags & SS_DISABLE) {
			ss.ss_sp = NULL;
			ss.ss_size = 0;
		} else if (ss.ss_size < MINSIGSTKSZ) {
			return -ENOMEM;
		}
		current->sas_ss_sp = (unsigned long)ss.ss_sp;
		current->sas_ss_size = ss.ss_size;
	}
	return uoss && copy_to_user(uoss, &old, sizeof(old)) ? -EFAULT : 0;
}

SYSCALL_DEFINE0(restart_syscall)
{
	struct restart_block *restart = &current->restart_block;

	return restart->fn ? restart->fn(restart) : -EINTR;
}
