/* SPDX-License-Identifier: MIT */
/*
 * Static tracepoints. A header of <trace/events/> declares each event once, with TRACE_EVENT() or with a class of records
 * and events of that class; code that includes the header calls trace_NAME(). trace/static_events.c includes the same
 * headers several times and makes from them the record, its description in tracefs and the functions that fill and
 * print it. (Documentation/trace/tracepoints.rst)
 *
 * TP_STRUCT__entry holds __field(type, name), __array(type, name, length) and __string(name, source); TP_fast_assign
 * fills __entry, with __assign_str(name, source) for strings; TP_printk is the line of the `trace` file.
 */
#ifndef _KERNEL_TRACEPOINT_H
#define _KERNEL_TRACEPOINT_H

#include <kernel/compiler.h>
#include <kernel/list.h>
#include <kernel/types.h>

#define MAX_TRACEPOINT_ARGS 12		/* what a raw tracepoint program can read */

/* Somebody who wants a tracepoint's arguments as they are, 64 bits each. */
struct tracepoint_probe {
	struct list_head list;
	void (*func)(struct tracepoint_probe *probe, const u64 *args, unsigned int nr_args);
};

struct tracepoint {
	const char *name;
	int users;			/* listeners of the trace event and raw probes */
	unsigned int nr_args;
	struct list_head probes;	/* struct tracepoint_probe */
};

/* The tracepoint of a name, or NULL. */
struct tracepoint *tracepoint_find(const char *name);
void tracepoint_probe_register(struct tracepoint *tp, struct tracepoint_probe *probe);
void tracepoint_probe_unregister(struct tracepoint *tp, struct tracepoint_probe *probe);

#define TP_PROTO(args...)		args
#define TP_ARGS(args...)		args
#define TP_STRUCT__entry(args...)	args
#define TP_fast_assign(args...)		args
#define TP_printk(fmt, args...)		fmt, ##args

/* An event with a class of its own. */
#define TRACE_EVENT(name, proto, args, tstruct, assign, print)				\
	DECLARE_EVENT_CLASS(name, PARAMS(proto), PARAMS(args), PARAMS(tstruct), PARAMS(assign), PARAMS(print)) \
	DEFINE_EVENT(name, name, PARAMS(proto), PARAMS(args))
#define PARAMS(args...)			args

#ifndef CREATE_TRACE_EVENTS
/* For those who call them: nothing but a test while nobody listens. */
#define DECLARE_EVENT_CLASS(name, proto, args, tstruct, assign, print)
#define DEFINE_EVENT(cls, name, proto, args)						\
	typedef void (*btf_trace_##name)(void *__data, proto);				\
	extern struct tracepoint __tracepoint_##name;					\
	void __trace_##name(proto);							\
	static __always_inline void trace_##name(proto)					\
	{										\
		if (unlikely(READ_ONCE(__tracepoint_##name.users)))			\
			__trace_##name(args);						\
	}										\
	static __always_inline bool trace_##name##_enabled(void)			\
	{										\
		return unlikely(READ_ONCE(__tracepoint_##name.users));			\
	}
#endif

#endif
