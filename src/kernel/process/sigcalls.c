// SPDX-License-Identifier: MIT
/* The system calls about signals. (man 7 signal) */
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/signal.h>
#include <kernel/syscalls.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "process.h"
#include "signal.h"

void set_current_blocked(unsigned long mask)
{
	current->blocked = mask & ~(sigmask(SIGKILL) | sigmask(SIGSTOP));
	recalc_sigpending();
}

int set_user_sigmask(const sigset_t __user *mask, size_t size)
{
	sigset_t set;

	if (!mask)
		return 0;
	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, mask, sizeof(set)))
		return -EFAULT;
	current->saved_sigmask = current->blocked;
	current->restore_sigmask = true;
	set_current_blocked(set);
	return 0;
}

void restore_saved_sigmask_unless(bool interrupted)
{
	if (interrupted || !current->restore_sigmask)
		return;
	current->restore_sigmask = false;
	set_current_blocked(current->saved_sigmask);
}

bool show_unhandled_signals(struct task_struct *task, int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGTRAP;
}

void report_unhandled(int sig, kernel_siginfo_t *info)
{
	struct pt_regs *regs = task_pt_regs(current);

	if (info->si_code <= 0)
		return;
	if (current->thread.trap_nr == 14 && (sig == SIGSEGV || sig == SIGBUS))
		pr_info("%s[%d]: segfault at %lx ip %016lx sp %016lx error %lx\n", current->comm, current->pid,
			current->thread.cr2, regs->ip, regs->sp, current->thread.error_code);
	else
		pr_info("traps: %s[%d] trap %lu ip:%lx sp:%lx error:%lx\n", current->comm, current->pid,
			current->thread.trap_nr, regs->ip, regs->sp, current->thread.error_code);
}

SYSCALL_DEFINE4(rt_sigaction, int, sig, const struct k_sigaction __user *, act, struct k_sigaction __user *, oact,
		size_t, sigsetsize)
{
	struct k_sigaction new, *sa;

	if (sigsetsize != sizeof(sigset_t) || sig < 1 || sig > _NSIG || (act && sig_kernel_only(sig)))
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	sa = &current->sighand->action[sig - 1];
	if (oact && copy_to_user(oact, sa, sizeof(*sa)))
		return -EFAULT;
	if (act) {
		new.sa_mask &= ~(sigmask(SIGKILL) | sigmask(SIGSTOP));
		*sa = new;
	}
	return 0;
}

SYSCALL_DEFINE4(rt_sigprocmask, int, how, const sigset_t __user *, nset, sigset_t __user *, oset, size_t, sigsetsize)
{
	sigset_t set, old = current->blocked;

	if (sigsetsize != sizeof(sigset_t))
		return -EINVAL;
	if (nset) {
		if (copy_from_user(&set, nset, sizeof(set)))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK: set_current_blocked(old | set); break;
		case SIG_UNBLOCK: set_current_blocked(old & ~set); break;
		case SIG_SETMASK: set_current_blocked(set); break;
		default: return -EINVAL;
		}
	}
	return oset && copy_to_user(oset, &old, sizeof(old)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(rt_sigpending, sigset_t __user *, uset, size_t, sigsetsize)
{
	sigset_t set = (current->pending.signal | current->signal->shared_pending.signal) & current->blocked;

	if (sigsetsize > sizeof(set))
		return -EINVAL;
	return copy_to_user(uset, &set, min(sigsetsize, sizeof(set))) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(rt_sigsuspend, const sigset_t __user *, unewset, size_t, sigsetsize)
{
	int ret = set_user_sigmask(unewset, sigsetsize);

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

SYSCALL_DEFINE4(rt_sigtimedwait, const sigset_t __user *, uthese, siginfo_t __user *, uinfo,
		const struct __kernel_timespec __user *, uts, size_t, sigsetsize)
{
	struct timespec64 ts;
	kernel_siginfo_t info;
	sigset_t these;
	u64 end = ~0ULL;
	int sig;

	if (sigsetsize != sizeof(sigset_t))
		return -EINVAL;
	if (copy_from_user(&these, uthese, sizeof(these)) || (uts && get_timespec64(&ts, uts)))
		return -EFAULT;
	if (uts && !timespec64_valid(&ts))
		return -EINVAL;
	if (uts)
		end = ktime_get_ns() + timespec64_to_ns(&ts);
	for (;;) {
		sigset_t blocked = current->blocked;

		sig = dequeue_signal(these, &info);
		if (sig)
			break;
		if (ktime_get_ns() >= end)
			return -EAGAIN;
		/* What is waited for may come even if it is blocked. */
		current->blocked &= ~these;
		recalc_sigpending();
		set_current_state(TASK_INTERRUPTIBLE);
		if (uts)
			schedule_until(end);
		else
			schedule();
		current->blocked = blocked;
		sig = dequeue_signal(these, &info);
		if (sig)
			break;
		if (signal_pending(current))
			return -EINTR;
	}
	return uinfo && copy_to_user(uinfo, &info, sizeof(info)) ? -EFAULT : sig;
}

SYSCALL_DEFINE2(sigaltstack, const stack_t __user *, uss, stack_t __user *, uoss)
{
	unsigned long sp = task_pt_regs(current)->sp;
	bool on = sp > current->sas_ss_sp && sp - current->sas_ss_sp <= current->sas_ss_size;
	stack_t new, old = { .ss_sp = (void *)current->sas_ss_sp, .ss_size = current->sas_ss_size };

	old.ss_flags = !current->sas_ss_size ? SS_DISABLE : on ? SS_ONSTACK : 0;
	if (uss) {
		if (copy_from_user(&new, uss, sizeof(new)))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (new.ss_flags & ~(SS_DISABLE | SS_ONSTACK | (1u << 31)))
			return -EINVAL;
		if (new.ss_flags & SS_DISABLE) {
			current->sas_ss_sp = current->sas_ss_size = 0;
		} else {
			if (new.ss_size < 2048)
				return -ENOMEM;
			current->sas_ss_sp = (unsigned long)new.ss_sp;
			current->sas_ss_size = new.ss_size;
		}
	}
	return uoss && copy_to_user(uoss, &old, sizeof(old)) ? -EFAULT : 0;
}

static bool may_kill(const struct task_struct *task, int sig)
{
	const struct cred *mine = current->cred, *its = task->cred;

	return mine->euid.val == its->suid.val || mine->euid.val == its->uid.val || mine->uid.val == its->suid.val || mine->uid.val == its->uid.val ||
	       capable(CAP_KILL) || (sig == SIGCONT && task->session == current->session);
}

int check_kill(struct task_struct *task, kernel_siginfo_t *info, int sig)
{
	return may_kill(task, sig) ? security_task_kill(task, (struct kernel_siginfo *)info, sig, NULL) : -EPERM;
}

SYSCALL_DEFINE2(kill, pid_t, pid, int, sig)
{
	struct task_struct *task;
	int ret = -ESRCH, err;

	if (sig < 0 || sig > _NSIG)
		return -EINVAL;
	if (pid > 0) {
		task = find_task_by_vpid(pid);
		if (!task)
			return -ESRCH;
		return check_kill(task, NULL, sig) ?: send_sig(sig, task, 0);
	}
	if (pid == INT_MIN)
		return -ESRCH;
	list_for_each_entry(task, &task_list, tasks) {
		if (task->group_leader != task || !task->pid)
			continue;
		if (pid == -1 ? task->pid == 1 || task->tgid == current->tgid || (task->flags & PF_KTHREAD) :
				task->pgrp != (pid ? -pid : current->pgrp))
			continue;
		err = check_kill(task, NULL, sig);
		if (err) {
			ret = ret ? err : 0;
			continue;
		}
		send_sig(sig, task, 0);
		ret = 0;
	}
	return ret;
}

static long do_tkill(pid_t tgid, pid_t pid, int sig, kernel_siginfo_t *info)
{
	struct task_struct *task = find_task_by_vpid(pid);
	kernel_siginfo_t own = { .si_signo = sig, .si_code = SI_TKILL };
	int err;

	if (sig < 0 || sig > _NSIG)
		return -EINVAL;
	if (!task || (tgid > 0 && task->tgid != tgid))
		return -ESRCH;
	err = check_kill(task, info, sig);
	if (err)
		return err;
	own.si_pid = current->tgid;
	own.si_uid = current->cred->uid.val;
	return sig ? send_signal_to(sig, info ? info : &own, task, false) : 0;
}

SYSCALL_DEFINE3(tgkill, pid_t, tgid, pid_t, pid, int, sig)
{
	return tgid <= 0 || pid <= 0 ? -EINVAL : do_tkill(tgid, pid, sig, NULL);
}

SYSCALL_DEFINE2(tkill, pid_t, pid, int, sig)
{
	return pid <= 0 ? -EINVAL : do_tkill(0, pid, sig, NULL);
}

SYSCALL_DEFINE4(rt_tgsigqueueinfo, pid_t, tgid, pid_t, pid, int, sig, siginfo_t __user *, uinfo)
{
	kernel_siginfo_t info;

	if (copy_from_user(&info, uinfo, sizeof(info)))
		return -EFAULT;
	if (pid <= 0 || tgid <= 0)
		return -EINVAL;
	if ((info.si_code >= 0 || info.si_code == SI_TKILL) && current->pid != pid)
		return -EPERM;
	info.si_signo = sig;
	return do_tkill(tgid, pid, sig, &info);
}

SYSCALL_DEFINE3(rt_sigqueueinfo, pid_t, pid, int, sig, siginfo_t __user *, uinfo)
{
	struct task_struct *task = find_task_by_vpid(pid);
	kernel_siginfo_t info;

	if (copy_from_user(&info, uinfo, sizeof(info)))
		return -EFAULT;
	if ((info.si_code >= 0 || info.si_code == SI_TKILL) && current->tgid != pid)
		return -EPERM;
	if (!task)
		return -ESRCH;
	info.si_signo = sig;
	return check_kill(task, &info, sig) ?: send_sig_info(sig, &info, task);
}

/* A sleep that a handled signal interrupted goes on from here. */
SYSCALL_DEFINE0(restart_syscall)
{
	struct restart_block *restart = &current->restart_block;

	return restart->fn ? restart->fn(restart) : -EINTR;
}
