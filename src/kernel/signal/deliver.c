// SPDX-License-Identifier: MIT
/*
 * Delivering signals on the way back to user mode: default actions, entering handlers, restarting system calls.
 */
#include <asm/unistd_64.h>
#include <kernel/kernel.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "signal-internal.h"

/* A system call that a signal interrupted returns -ERESTART...: what the user sees depends on what is done with the signal. */
static void restart_for_handler(struct pt_regs *regs, const struct k_sigaction *action)
{
	if ((long)regs->orig_ax < 0)
		return;
	switch (-(long)regs->ax) {
	case ERESTART_RESTARTBLOCK:
	case ERESTARTNOHAND:
		regs->ax = -EINTR;
		break;
	case ERESTARTSYS:
		if (!(action->sa_flags & SA_RESTART)) {
			regs->ax = -EINTR;
			break;
		}
		/* fall through */
	case ERESTARTNOINTR:
		regs->ax = regs->orig_ax;
		regs->ip -= 2;
		break;
	}
}

static void restart_without_handler(struct pt_regs *regs)
{
	if ((long)regs->orig_ax < 0)
		return;
	switch (-(long)regs->ax) {
	case ERESTARTNOHAND:
	case ERESTARTSYS:
	case ERESTARTNOINTR:
		regs->ax = regs->orig_ax;
		regs->ip -= 2;
		break;
	case ERESTART_RESTARTBLOCK:
		regs->ax = __NR_restart_syscall;
		regs->ip -= 2;
		break;
	}
	regs->orig_ax = -1;
}

static void stop_task(int sig)
{
	set_current_state(TASK_STOPPED);
	current->exit_code = sig << 8 | 0x7f;
	wake_up_interruptible(&current->real_parent->signal->wait_chldexit);
	schedule();
	current->exit_code = 0;
}

static void default_action(int sig)
{
	switch (signal_default(sig)) {
	case DEFAULT_IGNORE:
		return;
	case DEFAULT_STOP:
		stop_task(sig);
		return;
	default:
		current->flags |= PF_SIGNALED;
		do_group_exit(sig);
	}
}

static sigset_t *mask_to_save(void)
{
	return current->restore_sigmask ? &current->saved_sigmask : &current->blocked;
}

static void enter_handler(int sig, const kernel_siginfo_t *info, struct pt_regs *regs)
{
	struct k_sigaction *action = &current->sighand->action[sig - 1], copy = *action;

	restart_for_handler(regs, &copy);
	if (setup_rt_frame(sig, &copy, info, mask_to_save(), regs)) {
		/* No room for the frame: SIGSEGV, whose own handler is of no use then. */
		current->sighand->action[SIGSEGV - 1].sa_handler = SIG_DFL;
		force_sig(SIGSEGV);
		return;
	}
	current->restore_sigmask = false;
	*sigbits(&current->blocked) |= *sigbits(&copy.sa_mask);
	if (!(copy.sa_flags & SA_NODEFER))
		*sigbits(&current->blocked) |= sigmask(sig);
	if (copy.sa_flags & SA_RESETHAND)
		action->sa_handler = SIG_DFL;
	recalc_sigpending();
}

void do_signal(struct pt_regs *regs)
{
	kernel_siginfo_t info;
	int sig;

	while ((sig = dequeue_signal(~*sigbits(&current->blocked), &info))) {
		__sighandler_t handler = current->sighand->action[sig - 1].sa_handler;

		if (handler == SIG_IGN)
			continue;
		if (handler == SIG_DFL) {
			if (is_global_init(current) && sig != SIGKILL && info.si_code <= 0)
				continue;
			default_action(sig);
			continue;
		}
		enter_handler(sig, &info, regs);
		return;
	}
	restart_without_handler(regs);
	restore_saved_sigmask_unless(false);
}

int set_user_sigmask(const sigset_t __user *umask, size_t size)
{
	sigset_t mask;

	if (!umask)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, umask, sizeof(mask)))
		return -EFAULT;
	*sigbits(&mask) &= ~(sigmask(SIGKILL) | sigmask(SIGSTOP));
	current->saved_sigmask = current->blocked;
	current->restore_sigmask = true;
	current->blocked = mask;
	recalc_sigpending();
	return 0;
}

void restore_saved_sigmask_unless(bool interrupted)
{
	if (interrupted || !current->restore_sigmask)
		return;
	current->restore_sigmask = false;
	current->blocked = current->saved_sigmask;
	recalc_sigpending();
}
