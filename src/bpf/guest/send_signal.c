// SPDX-License-Identifier: MIT
/* Helpers that send the current task a signal. (man bpf-helpers) */
#include <kernel/irq_work.h>
#include <kernel/irqflags.h>
#include <kernel/sched.h>
#include "internal.h"
#include "run_context.h"

/* The one signal that waits for interrupts to be on. */
static struct {
	struct irq_work work;
	struct task_struct *task;
	int sig;
	bool whole_process;
} waiting;

static void send_waiting(struct irq_work *work)
{
	/* 0 only asks whether a signal could be sent. */
	if (waiting.sig)
		send_signal_to(waiting.sig, SEND_SIG_PRIV, waiting.task, waiting.whole_process);
	put_task_struct(waiting.task);
}

static long send_signal(u32 sig, bool whole_process)
{
	if ((current->flags & (PF_KTHREAD | PF_EXITING)) || is_global_init(current))
		return -EPERM;
	if (sig > _NSIG)
		return -EINVAL;
	/* On a trampoline a program runs as part of its function; elsewhere in an exception, or with preemption off. */
	if (bpf_run_ctx.prog && !irqs_disabled())
		return sig ? send_signal_to(sig, SEND_SIG_PRIV, current, whole_process) : 0;
	if (waiting.work.pending)
		return -EBUSY;
	waiting.work.func = send_waiting;
	get_task_struct(current);
	waiting.task = current;
	waiting.sig = sig;
	waiting.whole_process = whole_process;
	irq_work_queue(&waiting.work);
	return 0;
}

BPF_HELPER(send_signal)
{
	return send_signal(r1, true);
}

BPF_HELPER(send_signal_thread)
{
	return send_signal(r1, false);
}
