/* SPDX-License-Identifier: MIT */
/* Tracepoints of page faults. */
#if !defined(_TRACE_EVENTS_EXCEPTIONS_H) || defined(CREATE_TRACE_EVENTS)
#define _TRACE_EVENTS_EXCEPTIONS_H

#include <kernel/ptrace.h>
#include <kernel/tracepoint.h>

DECLARE_EVENT_CLASS(x86_exceptions,
	TP_PROTO(unsigned long address, struct pt_regs *regs, unsigned long error_code),
	TP_ARGS(address, regs, error_code),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned long, ip)
		__field(unsigned long, error_code)
	),
	TP_fast_assign(
		__entry->address = address;
		__entry->ip = regs->ip;
		__entry->error_code = error_code;
	),
	TP_printk("address=%ps ip=%ps error_code=0x%lx", (void *)__entry->address, (void *)__entry->ip, __entry->error_code)
)
DEFINE_EVENT(x86_exceptions, page_fault_user,
	TP_PROTO(unsigned long address, struct pt_regs *regs, unsigned long error_code), TP_ARGS(address, regs, error_code))
DEFINE_EVENT(x86_exceptions, page_fault_kernel,
	TP_PROTO(unsigned long address, struct pt_regs *regs, unsigned long error_code), TP_ARGS(address, regs, error_code))

#endif
