// SPDX-License-Identifier: MIT
/* Helpers about the current task: signals to it, its control group and namespaces. (man bpf-helpers) */
#include <kernel/irq_work.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/time.h>
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

/* Control groups cannot be made: all tasks are in the root of the hierarchy. */
BPF_HELPER(get_current_cgroup_id)
{
	return 1;
}

BPF_HELPER(get_current_ancestor_cgroup_id)
{
	return (int)r1 ? 0 : 1;
}

/* Namespaces have no files here whose device and inode could be named. */
BPF_HELPER(get_ns_current_pid_tgid)
{
	memset((void *)r3, 0, (u32)r4);
	return -EINVAL;
}

/* There are no leap seconds here that anyone could have told the kernel of. */
BPF_HELPER(ktime_get_tai_ns)
{
	return ktime_get_real_ns();
}
