/* SPDX-License-Identifier: MIT */
/* Tracepoints of signals: sent and delivered. */
#if !defined(_TRACE_EVENTS_SIGNAL_H) || defined(CREATE_TRACE_EVENTS)
#define _TRACE_EVENTS_SIGNAL_H

#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/tracepoint.h>

/* The result of signal_generate. */
#define TRACE_SIGNAL_DELIVERED		0
#define TRACE_SIGNAL_IGNORED		1
#define TRACE_SIGNAL_ALREADY_PENDING	2

TRACE_EVENT(signal_generate,
	TP_PROTO(int sig, const kernel_siginfo_t *info, struct task_struct *task, int group, int result),
	TP_ARGS(sig, info, task, group, result),
	TP_STRUCT__entry(
		__field(int, sig)
		__field(int, errno)
		__field(int, code)
		__array(char, comm, TASK_COMM_LEN)
		__field(pid_t, pid)
		__field(int, group)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->sig = sig;
		__entry->errno = info == SEND_SIG_NOINFO || info == SEND_SIG_PRIV ? 0 : info->si_errno;
		__entry->code = info == SEND_SIG_NOINFO ? SI_USER : info == SEND_SIG_PRIV ? SI_KERNEL : info->si_code;
		memcpy(__entry->comm, task->comm, TASK_COMM_LEN);
		__entry->pid = task->pid;
		__entry->group = group;
		__entry->result = result;
	),
	TP_printk("sig=%d errno=%d code=%d comm=%s pid=%d grp=%d res=%d", __entry->sig, __entry->errno, __entry->code,
		__entry->comm, __entry->pid, __entry->group, __entry->result)
)

TRACE_EVENT(signal_deliver,
	TP_PROTO(int sig, const kernel_siginfo_t *info, unsigned long sa_handler, unsigned long sa_flags),
	TP_ARGS(sig, info, sa_handler, sa_flags),
	TP_STRUCT__entry(
		__field(int, sig)
		__field(int, errno)
		__field(int, code)
		__field(unsigned long, sa_handler)
		__field(unsigned long, sa_flags)
	),
	TP_fast_assign(
		__entry->sig = sig;
		__entry->errno = info->si_errno;
		__entry->code = info->si_code;
		__entry->sa_handler = sa_handler;
		__entry->sa_flags = sa_flags;
	),
	TP_printk("sig=%d errno=%d code=%d sa_handler=%lx sa_flags=%lx", __entry->sig, __entry->errno, __entry->code,
		__entry->sa_handler, __entry->sa_flags)
)

#endif
