// SPDX-License-Identifier: MIT
/* Signals: sending, pending sets, choosing the next one, default actions. (man 7 signal) */
#include <linux/sched.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <trace/events/signal.h>
#include "process.h"
#include "signal.h"

#define SIG_STOP_MASK	(sigmask(SIGSTOP) | sigmask(SIGTSTP) | sigmask(SIGTTIN) | sigmask(SIGTTOU))
#define SIG_IGNORE_MASK	(sigmask(SIGCONT) | sigmask(SIGCHLD) | sigmask(SIGWINCH) | sigmask(SIGURG))
#define SIG_CORE_MASK	(sigmask(SIGQUIT) | sigmask(SIGILL) | sigmask(SIGTRAP) | sigmask(SIGABRT) | sigmask(SIGFPE) | \
			 sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGSYS) | sigmask(SIGXCPU) | sigmask(SIGXFSZ))
/* Faults are delivered before signals from outside. */
#define SYNCHRONOUS_MASK (sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | sigmask(SIGTRAP) | sigmask(SIGFPE) | \
			  sigmask(SIGSYS))

bool __signal_pending(struct task_struct *task)
{
	return task->sigpending;
}

bool __fatal_signal_pending(struct task_struct *task)
{
	return task->sigpending && (task->pending.signal & sigmask(SIGKILL));
}

unsigned long rlimit(unsigned int limit)
{
	return current->signal->rlim[limit].rlim_cur;
}

void recalc_sigpending(void)
{
	current->sigpending = ((current->pending.signal | current->signal->shared_pending.signal) & ~current->blocked) ||
			      (current->pending.signal & sigmask(SIGKILL));
}

void flush_pending(struct sigpending *pending)
{
	struct sigqueue *q, *next;

	pending->signal = 0;
	list_for_each_entry_safe(q, next, &pending->list, list) {
		list_del(&q->list);
		kfree(q);
	}
}

void flush_signal_handlers(struct sighand_struct *sighand, bool force)
{
	for (int i = 0; i < _NSIG; i++) {
		struct k_sigaction *sa = &sighand->action[i];

		if (force || sa->sa_handler != SIG_IGN)
			sa->sa_handler = SIG_DFL;
		sa->sa_flags = 0;
		sa->sa_mask = 0;
		sa->sa_restorer = NULL;
	}
}

static bool sig_ignored(struct task_struct *task, int sig)
{
	__sighandler_t handler = task->sighand->action[sig - 1].sa_handler;

	if (task->blocked & sigmask(sig))
		return false;
	if (is_global_init(task) && handler == SIG_DFL && !sig_kernel_only(sig))
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && (SIG_IGNORE_MASK & sigmask(sig)));
}

static void remove_pending(struct sigpending *pending, unsigned long mask)
{
	struct sigqueue *q, *next;

	pending->signal &= ~mask;
	list_for_each_entry_safe(q, next, &pending->list, list)
		if (mask & sigmask(q->info.si_signo)) {
			list_del(&q->list);
			kfree(q);
		}
}

static bool wants_signal(int sig, struct task_struct *task)
{
	return !(task->flags & PF_EXITING) && (sig == SIGKILL || !(task->blocked & sigmask(sig)));
}

static void wake_for_signal(struct task_struct *task, bool fatal)
{
	task->sigpending = true;
	wake_up_state(task, TASK_INTERRUPTIBLE | (fatal ? TASK_WAKEKILL | __TASK_STOPPED : 0));
}

static void choose_thread(int sig, struct task_struct *task, bool group)
{
	struct task_struct *t;

	if (wants_signal(sig, task)) {
		wake_for_signal(task, sig == SIGKILL);
		if (sig != SIGKILL)
			return;
	}
	if (!group)
		return;
	list_for_each_entry(t, &task_list, tasks)
		if (t->tgid == task->tgid && t != task && wants_signal(sig, t)) {
			wake_for_signal(t, sig == SIGKILL);
			if (sig != SIGKILL)
				return;
			t->pending.signal |= sigmask(SIGKILL);
		}
}

/* SIGCONT and the stop signals cancel each other as they are sent. */
static void prepare_signal(int sig, struct task_struct *task)
{
	struct task_struct *t;

	if (SIG_STOP_MASK & sigmask(sig)) {
		remove_pending(&task->signal->shared_pending, sigmask(SIGCONT));
		remove_pending(&task->pending, sigmask(SIGCONT));
	} else if (sig == SIGCONT) {
		remove_pending(&task->signal->shared_pending, SIG_STOP_MASK);
		list_for_each_entry(t, &task_list, tasks) {
			if (t->tgid != task->tgid)
				continue;
			remove_pending(&t->pending, SIG_STOP_MASK);
			if (t->__state & __TASK_STOPPED) {
				t->exit_code = 0xffff;
				wake_up_state(t, __TASK_STOPPED);
				notify_parent(t->group_leader, SIGCHLD);
			}
		}
	}
}

int send_signal_to(int sig, kernel_siginfo_t *info, struct task_struct *task, bool group)
{
	struct sigpending *pending;
	struct sigqueue *q;
	unsigned long flags;

	if (!task->sighand || task->exit_state || !task->signal)
		return -ESRCH;
	local_irq_save(flags);
	prepare_signal(sig, task);
	if ((sig_ignored(task, sig) && info != SEND_SIG_PRIV) || (task->flags & PF_KTHREAD && sig != SIGKILL)) {
		trace_signal_generate(sig, info, task, group, TRACE_SIGNAL_IGNORED);
		goto out;
	}
	pending = group && sig != SIGKILL ? &task->signal->shared_pending : &task->pending;
	if (sig < SIGRTMIN_KERNEL && (pending->signal & sigmask(sig))) {
		trace_signal_generate(sig, info, task, group, TRACE_SIGNAL_ALREADY_PENDING);
		goto wake;
	}
	trace_signal_generate(sig, info, task, group, TRACE_SIGNAL_DELIVERED);
	if (sig != SIGKILL) {
		q = kmalloc(sizeof(*q), GFP_ATOMIC);
		if (q) {
			memset(&q->info, 0, sizeof(q->info));
			if (info == SEND_SIG_NOINFO) {
				q->info.si_code = SI_USER;
				q->info.si_pid = current->tgid;
				q->info.si_uid = current->cred->uid.val;
			} else if (info == SEND_SIG_PRIV) {
				q->info.si_code = SI_KERNEL;
			} else {
				q->info = *info;
			}
			q->info.si_signo = sig;
			list_add_tail(&q->list, &pending->list);
		} else if (sig >= SIGRTMIN_KERNEL && info != SEND_SIG_NOINFO && info != SEND_SIG_PRIV) {
			local_irq_restore(flags);
			return -EAGAIN;
		}
	}
	pending->signal |= sigmask(sig);
	wake_up_all(&task->sighand->signalfd_wqh);
wake:
	choose_thread(sig, task, group);
out:
	local_irq_restore(flags);
	return 0;
}

int send_sig_info(int sig, kernel_siginfo_t *info, struct task_struct *task)
{
	if (sig < 0 || sig > _NSIG)
		return -EINVAL;
	return sig ? send_signal_to(sig, info, task, true) : 0;
}

int send_sig(int sig, struct task_struct *task, int priv)
{
	return send_sig_info(sig, priv ? SEND_SIG_PRIV : SEND_SIG_NOINFO, task);
}

int kill_pgrp_nr(pid_t pgrp, int sig, int priv)
{
	struct task_struct *task;
	int ret = -ESRCH;

	list_for_each_entry(task, &task_list, tasks)
		if (task->pgrp == pgrp && task->group_leader == task && task->pid)
			ret = send_sig(sig, task, priv);
	return ret;
}

/* A signal that the current thread cannot escape: if it is blocked or ignored, the default action takes place. */
int force_sig_info(kernel_siginfo_t *info)
{
	int sig = info->si_signo;
	struct k_sigaction *sa = &current->sighand->action[sig - 1];
	struct sigqueue *q;

	if (sa->sa_handler == SIG_IGN || (current->blocked & sigmask(sig))) {
		sa->sa_handler = SIG_DFL;
		current->blocked &= ~sigmask(sig);
	}
	current->pending.signal |= sigmask(sig);
	q = kmalloc(sizeof(*q), GFP_ATOMIC);
	if (q) {
		q->info = *info;
		list_add(&q->list, &current->pending.list);
	}
	current->sigpending = true;
	return 0;
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

static bool ignores_stops(const struct task_struct *parent)
{
	const struct k_sigaction *sa = &parent->sighand->action[SIGCHLD - 1];

	return sa->sa_handler == SIG_IGN || (sa->sa_flags & SA_NOCLDSTOP);
}

void notify_parent(struct task_struct *task, int sig)
{
	kernel_siginfo_t info = { .si_signo = sig };
	struct task_struct *parent = task->real_parent;
	int code = task->exit_code;

	if (!parent->signal)
		return;
	info.si_pid = task->tgid;
	info.si_uid = task->cred->uid.val;
	info.si_utime = nsec_to_clock_t(task->signal->utime + task->utime);
	info.si_stime = nsec_to_clock_t(task->signal->stime + task->stime);
	if (task->exit_state) {
		info.si_code = code & 0x80 ? CLD_DUMPED : code & 0x7f ? CLD_KILLED : CLD_EXITED;
		info.si_status = code & 0x7f ? code & 0x7f : code >> 8 & 0xff;
	} else {
		info.si_code = code == 0xffff ? CLD_CONTINUED : CLD_STOPPED;
		info.si_status = code == 0xffff ? SIGCONT : code;
	}
	if (parent != &init_task && (task->exit_state || !ignores_stops(parent)))
		send_signal_to(sig, &info, parent, true);
	wake_up_interruptible_all(&parent->signal->wait_chldexit);
}

/* ---- taking one ---- */

static int take_from(struct sigpending *pending, unsigned long candidates, kernel_siginfo_t *info)
{
	unsigned long set = pending->signal & candidates;
	struct sigqueue *q, *found = NULL;
	int sig;

	if (!set)
		return 0;
	if (set & SYNCHRONOUS_MASK)
		set &= SYNCHRONOUS_MASK;
	sig = __ffs(set) + 1;
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	pending->signal &= ~sigmask(sig);
	list_for_each_entry(q, &pending->list, list) {
		if (q->info.si_signo != sig)
			continue;
		if (found) {
			pending->signal |= sigmask(sig);	/* more of the same are queued */
			break;
		}
		found = q;
	}
	if (found) {
		*info = found->info;
		list_del(&found->list);
		kfree(found);
	}
	return sig;
}

int dequeue_signal(unsigned long candidates, kernel_siginfo_t *info)
{
	unsigned long flags;
	int sig;

	local_irq_save(flags);
	sig = take_from(&current->pending, candidates, info);
	if (!sig)
		sig = take_from(&current->signal->shared_pending, candidates, info);
	recalc_sigpending();
	local_irq_restore(flags);
	return sig;
}

static void do_stop(int sig)
{
	current->exit_code = sig;
	set_current_state(__TASK_STOPPED);
	notify_parent(current->group_leader, SIGCHLD);
	schedule();
}

/* The next signal that has a handler, with its action; 0 if there is none. Default actions are taken here. */
int get_signal(kernel_siginfo_t *info, struct k_sigaction *action)
{
	for (;;) {
		struct k_sigaction *sa;
		int sig;

		if (current->signal->group_exec_task && current->signal->group_exec_task != current &&
		    !current->signal->group_exit)
			do_exit(SIGKILL);
		if (current->signal->group_exit || (current->pending.signal & sigmask(SIGKILL)))
			do_group_exit(SIGKILL);
		sig = dequeue_signal(~current->blocked, info);
		if (!sig)
			return 0;
		sa = &current->sighand->action[sig - 1];
		trace_signal_deliver(sig, info, (unsigned long)sa->sa_handler, sa->sa_flags);
		if (sa->sa_handler == SIG_IGN)
			continue;
		if (sa->sa_handler != SIG_DFL) {
			*action = *sa;
			if (sa->sa_flags & SA_ONESHOT)
				sa->sa_handler = SIG_DFL;
			return sig;
		}
		if (SIG_IGNORE_MASK & sigmask(sig))
			continue;
		/* Nothing but a fault of its own kills init. */
		if (is_global_init(current) && info->si_code <= 0 && !sig_kernel_only(sig))
			continue;
		if (SIG_STOP_MASK & sigmask(sig)) {
			if (sig != SIGSTOP && pgrp_is_orphaned(current->pgrp, NULL))
				continue;
			do_stop(sig);
			continue;
		}
		current->flags |= PF_SIGNALED;
		/* No core is written; the status does not claim one. */
		if ((SIG_CORE_MASK & sigmask(sig)) && show_unhandled_signals(current, sig))
			report_unhandled(sig, info);
		do_group_exit(sig);
	}
}
