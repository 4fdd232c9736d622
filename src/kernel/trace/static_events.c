// SPDX-License-Identifier: MIT
/*
 * The kernel's static trace events, made from the headers of <trace/events/>: the headers are included once for each
 * part. A new event needs only its declaration there, and a new header a line in the two lists below.
 */
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/seq_file.h>
#include <kernel/string.h>
#include <kernel/trace_events.h>
#include <kernel/tracepoint.h>
#include <trace/events/exceptions.h>
#include <trace/events/irq.h>
#include <trace/events/kmem.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>
#include <trace/events/syscalls.h>
#include <trace/events/task.h>
#include "record.h"

#define CREATE_TRACE_EVENTS

#define ALL_EVENTS "all_events.h"

/* ---- the record ---- */

#undef DECLARE_EVENT_CLASS
#undef DEFINE_EVENT
#define __field(type, name)		type name;
#define __array(type, name, length)	type name[length];
#define __string(name, source)		u32 __data_loc_##name;
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)	\
	struct trace_event_raw_##cls {					\
		struct trace_entry ent;					\
		tstruct							\
		char __data[];						\
	};
#define DEFINE_EVENT(cls, name, proto, args)
#include ALL_EVENTS

/* ---- filling it ---- */

#undef __field
#undef __array
#undef __string
#undef DECLARE_EVENT_CLASS
#define __field(type, name)
#define __array(type, name, length)
#define __string(name, source)		__data_size += record_string_size(source);
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)	\
	static inline size_t data_size_##cls(proto)			\
	{								\
		size_t __data_size = 0;					\
		tstruct							\
		return __data_size;					\
	}
#include ALL_EVENTS

#undef __string
#undef DECLARE_EVENT_CLASS
#define __string(name, source)						\
	__entry->__data_loc_##name = __at | (u32)record_string_size(source) << 16; \
	__at += record_string_size(source);
#define __assign_str(name, source)					\
	strcpy((char *)__entry + (__entry->__data_loc_##name & 0xffff), (source) ? (source) : RECORD_NULL_STRING)
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)	\
	static noinline void fill_##cls(struct trace_event_call *call, proto) \
	{								\
		size_t size = sizeof(struct trace_event_raw_##cls) + data_size_##cls(args); \
		struct trace_event_raw_##cls *__entry = trace_record_reserve(&size); \
		u32 __at = offsetof(struct trace_event_raw_##cls, __data); \
									\
		if (!__entry)						\
			return;						\
		(void)__at;						\
		tstruct							\
		assign							\
		trace_record_commit(call, __entry, size);		\
	}
#include ALL_EVENTS

/* ---- printing it ---- */

#undef DECLARE_EVENT_CLASS
#define __get_str(name)			((const char *)__entry + (__entry->__data_loc_##name & 0xffff))
#define __print_flags(flags, delim, names...)				\
	({ static const struct trace_print_flags __names[] = { names, { 0, NULL } };	\
	   trace_print_flags(flags, delim, __names); })
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)	\
	static void print_##cls(struct seq_file *m, struct trace_event_call *call, const void *record) \
	{								\
		const struct trace_event_raw_##cls *__entry = record;	\
									\
		seq_printf(m, print);					\
	}
#include ALL_EVENTS

/* ---- describing it ---- */

#undef __string
#undef __field
#undef __array
#undef __get_str
#undef __print_flags
#undef DECLARE_EVENT_CLASS
#define record_is_signed(type)		((type)-1 < (type)1)
#define __field(type, field)						\
	{ #type, #field, offsetof(record_type, field), sizeof(type), record_is_signed(type) },
#define __array(type, field, length)					\
	{ #type "[" __stringify(length) "]", #field, offsetof(record_type, field), sizeof(type[length]), \
	  record_is_signed(type) },
#define __string(field, source)						\
	{ "__data_loc char[]", #field, offsetof(record_type, __data_loc_##field), 4, true },
/* A function, for the name record_type of each class to be its own; called once at boot. */
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)	\
	static void __init describe_##cls(struct trace_event_call *call)	\
	{								\
		typedef struct trace_event_raw_##cls record_type;	\
		static const struct trace_event_field fields[] = { tstruct }; \
									\
		call->fields = fields;					\
		call->nr_fields = ARRAY_SIZE(fields);			\
	}
#include ALL_EVENTS

#undef DECLARE_EVENT_CLASS
#undef TP_printk
#define TP_printk(fmt, args...)		"\"" fmt "\", " __stringify(args)
#define __entry REC
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)	\
	static const char print_fmt_##cls[] = print;
#include ALL_EVENTS
#undef __entry

/* ---- the events ---- */

#undef DECLARE_EVENT_CLASS
#undef DEFINE_EVENT
#define DECLARE_EVENT_CLASS(cls, proto, args, tstruct, assign, print)
#define DEFINE_EVENT(cls, event, proto, args)				\
	/* Keeps the type in the type information. */			\
	static const btf_trace_##event __used __btf_trace_type_##event;	\
	struct tracepoint __tracepoint_##event;				\
	static struct trace_event_call event_##event;			\
	noinline void __trace_##event(proto)				\
	{								\
		if (!list_empty(&__tracepoint_##event.probes)) {	\
			const u64 raw[] = { RAW_ARGS(args) };		\
									\
			call_tracepoint_probes(&__tracepoint_##event, raw, ARRAY_SIZE(raw)); \
		}							\
		if (event_##event.enable_count)				\
			fill_##cls(&event_##event, args);		\
	}								\
	static const unsigned int nr_args_##event = COUNT_ARGS(args);
#include ALL_EVENTS

static int listen(struct trace_event_call *call, bool on)
{
	struct tracepoint *tp = call->data;

	tp->users += on ? 1 : -1;
	return 0;
}

#undef DEFINE_EVENT
#define DEFINE_EVENT(cls, event, proto, args)				\
	{ &__tracepoint_##event, &event_##event, EVENT_GROUP, #event, &nr_args_##event, describe_##cls, print_##cls, \
	  print_fmt_##cls },
static const struct {
	struct tracepoint *tp;
	struct trace_event_call *call;
	const char *group, *name;
	const unsigned int *nr_args;
	void (*describe)(struct trace_event_call *call);
	void (*print)(struct seq_file *m, struct trace_event_call *call, const void *record);
	const char *print_fmt;
} static_events[] = {
#define EVENT_GROUP "exceptions"
#include <trace/events/exceptions.h>
#undef EVENT_GROUP
#define EVENT_GROUP "task"
#include <trace/events/task.h>
#undef EVENT_GROUP
#define EVENT_GROUP "irq"
#include <trace/events/irq.h>
#undef EVENT_GROUP
#define EVENT_GROUP "signal"
#include <trace/events/signal.h>
#undef EVENT_GROUP
#define EVENT_GROUP "sched"
#include <trace/events/sched.h>
#undef EVENT_GROUP
#define EVENT_GROUP "raw_syscalls"
#include <trace/events/syscalls.h>
#undef EVENT_GROUP
#define EVENT_GROUP "kmem"
#include <trace/events/kmem.h>
#undef EVENT_GROUP
};

struct tracepoint *tracepoint_find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(static_events); i++)
		if (!strcmp(static_events[i].name, name))
			return static_events[i].tp;
	return NULL;
}

static int __init static_events_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(static_events); i++) {
		struct trace_event_call *call = static_events[i].call;
		struct tracepoint *tp = static_events[i].tp;

		INIT_LIST_HEAD(&tp->probes);
		tp->name = static_events[i].name;
		tp->nr_args = *static_events[i].nr_args;
		call->group = static_events[i].group;
		call->name = static_events[i].name;
		call->flags = TRACE_EVENT_FL_TRACEPOINT;
		if (!strcmp(call->group, "raw_syscalls"))
			call->flags |= TRACE_EVENT_FL_CAP_ANY;
		call->print = static_events[i].print;
		call->print_fmt = static_events[i].print_fmt;
		call->reg = listen;
		call->data = tp;
		static_events[i].describe(call);
		trace_add_event_call(call);
	}
	return 0;
}
device_initcall(static_events_init);
