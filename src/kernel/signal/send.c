// SPDX-License-Identifier: MIT
/*
 * Signals: sending, what is pending, taking the next. (signal(7))
 */
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/wait.h>
#include "signal-internal.h"

#define SYNCHRONOUS	(sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | sigmask(SIGTRAP) | sigmask(SIGFPE) | sigmask(SIGSYS))

unsigned long *sigbits(sigset_t *set)
{
	return (unsigned long *)set;
}

static unsigned long bits_of(const sigset_t *set)
{
	return *(const unsigned long *)set;
}

enum signal_default signal_default(int sig)
{
	switch (sig) {
	case SIGCHLD: case SIGCONT: case SIGWINCH: case SIGURG:
		return DEFAULT_IGNORE;
	case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU:
		return DEFAULT_STOP;
	case SIGQUIT: case SIGILL: case SIGTRAP: case SIGABRT: case SIGFPE: case SIGSEGV: case SIGBUS: case SIGSYS:
	case SIGXCPU: case SIGXFSZ:
		return DEFAULT_CORE;
	default:
		return DEFAULT_TERMINATE;
	}
}

static bool ignored(struct task_struct *task, int sig)
{
	__sighandler_t handler = task->sighand->action[sig - 1].sa_handler;

	if (bits_of(&task->blocked) & sigmask(sig))
		return false;	/* it may be handled by the time it is unblocked */
	if (is_global_init(task) && handler == SIG_DFL)
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && signal_default(sig) == DEFAULT_IGNORE);
}

static unsigned long deliverable(struct task_struct *task)
{
	unsigned long pending = bits_of(&task->pending.signal) | bits_of(&task->signal->shared_pending.signal);

	return pending & ~bits_of(&task->blocked);
}

static void recalc(struct task_struct *task)
{
	task->sigpending = deliverable(task) != 0;
}

void recalc_sigpending(void)
{
	recalc(current);
}

bool __signal_pending(struct task_struct *task)
{
	return task->sigpending;
}

bool __fatal_signal_pending(struct task_struct *task)
{
	return task->sigpending && ((bits_of(&task->pending.signal) | bits_of(&task->signal->shared_pending.signal)) &
				    sigmask(SIGKILL));
}

bool signal_pending_state(unsigned int state, struct task_struct *task)
{
	if (!(state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) || !signal_pending(task))
		return false;
	return (state & TASK_INTERRUPTIBLE) || __fatal_signal_pending(task);
}

static void wake_for_signal(struct task_struct *task, int sig)
{
	task->sigpending = true;
	wake_up_state(task, sig == SIGKILL ? TASK_INTERRUPTIBLE | TASK_WAKEKILL : TASK_INTERRUPTIBLE);
}

static void discard(struct sigpending *pending, unsigned long mask)
{
	struct sigqueue *q, *tmp;

	*sigbits(&pending->signal) &= ~mask;
	list_for_each_entry_safe(q, tmp, &pending->list, list)
		if (mask & sigmask(q->info.si_signo)) {
			list_del(&q->list);
			kfree(q);
		}
}

void flush_sigqueue(struct sigpending *pending)
{
	discard(pending, ~0UL);
}

void flush_signals(struct task_struct *task)
{
	flush_sigqueue(&task->pending);
	flush_sigqueue(&task->signal->shared_pending);
	recalc(task);
}

/* A thread of the process that can take the signal now; else the leader. */
static struct task_struct *choose_thread(struct task_struct *process, int sig)
{
	struct task_struct *t;

	if (!(bits_of(&process->blocked) & sigmask(sig)) && !(process->flags & PF_EXITING))
		return process;
	list_for_each_entry(t, &process->group_leader->thread_group, thread_node)
		if (!(bits_of(&t->blocked) & sigmask(sig)) && !(t->flags & PF_EXITING))
			return t;
	return process;
}

static void fill_info(kernel_siginfo_t *to, int sig, kernel_siginfo_t *info)
{
	if (info == SEND_SIG_NOINFO || info == SEND_SIG_PRIV) {
		memset(to, 0, sizeof(*to));
		to->si_signo = sig;
		to->si_code = info == SEND_SIG_PRIV ? SI_KERNEL : SI_USER;
		if (info == SEND_SIG_NOINFO) {
			to->si_pid = current->tgid;
			to->si_uid = current->cred.uid;
		}
		return;
	}
	*to = *info;
}

static void stop_and_continue(struct task_struct *task, int sig)
{
	struct task_struct *t;

	if (sig == SIGCONT) {
		discard(&task->signal->shared_pending, sigmask(SIGSTOP) | sigmask(SIGTSTP) | sigmask(SIGTTIN) | sigmask(SIGTTOU));
		list_for_each_entry(t, &task->group_leader->thread_group, thread_node)
			wake_up_state(t, __TASK_STOPPED);
		wake_up_state(task->group_leader, __TASK_STOPPED);
	} else if (signal_default(sig) == DEFAULT_STOP) {
		discard(&task->signal->shared_pending, sigmask(SIGCONT));
	}
}

int send_signal_to(int sig, kernel_siginfo_t *info, struct task_struct *task, bool to_thread)
{
	struct sigpending *pending = to_thread ? &task->pending : &task->signal->shared_pending;
	struct sigqueue *q;

	if (!sig)
		return 0;
	if (task->exit_state || !task->sighand)
		return -ESRCH;
	stop_and_continue(task, sig);
	if (ignored(task, sig))
		return 0;
	if (sig < SIGRTMIN_KERNEL && (bits_of(&pending->signal) & sigmask(sig)))
		return 0;	/* ordinary signals do not queue */
	q = kmalloc(sizeof(*q), GFP_ATOMIC);
	if (q) {
		fill_info(&q->info, sig, info);
		list_add_tail(&q->list, &pending->list);
	}
	*sigbits(&pending->signal) |= sigmask(sig);
	if (!to_thread)
		task = choose_thread(task, sig);
	if (sig == SIGKILL || !(bits_of(&task->blocked) & sigmask(sig)))
		wake_for_signal(task, sig);
	return 0;
}

int send_sig_info(int sig, kernel_siginfo_t *info, struct task_struct *task)
{
	return send_signal_to(sig, info, task, false);
}

int send_sig(int sig, struct task_struct *task, int priv)
{
	return send_sig_info(sig, priv ? SEND_SIG_PRIV : SEND_SIG_NOINFO, task);
}

/* A fault's signal cannot be blocked or ignored: then it has its default action. */
int force_sig_info(kernel_siginfo_t *info)
{
	int sig = info->si_signo;
	struct k_sigaction *action = &current->sighand->action[sig - 1];

	if ((bits_of(&current->blocked) & sigmask(sig)) || action->sa_handler == SIG_IGN) {
		action->sa_handler = SIG_DFL;
		*sigbits(&current->blocked) &= ~sigmask(sig);
	}
	return send_signal_to(sig, info, current, true);
}

int force_sig(int sig)
{
	kernel_siginfo_t info = { .si_signo = sig, .si_code = SI_KERNEL };

	return force_sig_info(&info);
}

int force_sig_fault(int sig, int code, void __user *addr)
{
	kernel_siginfo_t info = { .si_signo = sig, .si_code = code };

	info.si_addr = addr;
	return force_sig_info(&info);
}

int kill_pgrp_nr(pid_t pgrp, int sig, int priv)
{
	struct task_struct *p;
	int ret = -ESRCH;

	for_each_process(p)
		if (p->pgrp == pgrp) {
			int err = send_sig(sig, p, priv);

			if (ret)
				ret = err;
		}
	return ret;
}

static int take(struct sigpending *pending, unsigned long mask, kernel_siginfo_t *info)
{
	unsigned long set = bits_of(&pending->signal) & mask;
	struct sigqueue *q, *found = NULL;
	bool more = false;
	int sig;

	if (!set)
		return 0;
	if (set & SYNCHRONOUS)
		set &= SYNCHRONOUS;
	sig = __builtin_ctzl(set) + 1;
	list_for_each_entry(q, &pending->list, list) {
		if (q->info.si_signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = q;
	}
	if (found) {
		*info = found->info;
		list_del(&found->list);
		kfree(found);
	} else {
		memset(info, 0, sizeof(*info));
		info->si_signo = sig;
	}
	if (!more)
		*sigbits(&pending->signal) &= ~sigmask(sig);
	return sig;
}

int dequeue_signal(unsigned long mask, kernel_siginfo_t *info)
{
	int sig = take(&current->pending, mask, info);

	if (!sig)
		sig = take(&current->signal->shared_pending, mask, info);
	recalc_sigpending();
	return sig;
}
