/* SPDX-License-Identifier: MIT */
/* Tracepoints of device interrupts. */
#if !defined(_TRACE_EVENTS_IRQ_H) || defined(CREATE_TRACE_EVENTS)
#define _TRACE_EVENTS_IRQ_H

#include <kernel/string.h>
#include <kernel/tracepoint.h>

TRACE_EVENT(irq_handler_entry,
	TP_PROTO(int irq, const char *name),
	TP_ARGS(irq, name),
	TP_STRUCT__entry(
		__field(int, irq)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->irq = irq;
		__assign_str(name, name);
	),
	TP_printk("irq=%d name=%s", __entry->irq, __get_str(name))
)

TRACE_EVENT(irq_handler_exit,
	TP_PROTO(int irq, const char *name, int ret),
	TP_ARGS(irq, name, ret),
	TP_STRUCT__entry(
		__field(int, irq)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->irq = irq;
		__entry->ret = ret;
	),
	TP_printk("irq=%d ret=%s", __entry->irq, __entry->ret ? "handled" : "unhandled")
)

#endif
