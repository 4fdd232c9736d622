/* SPDX-License-Identifier: MIT */
/* The trace event behind probes of a name, kernel or user: what its record looks like and how it is made. */
#ifndef _TRACE_PROBE_EVENT_H
#define _TRACE_PROBE_EVENT_H

#include "probe_args.h"
#include <kernel/list.h>
#include <kernel/trace_events.h>

/* struct trace_entry, the probe's address, for a return where it goes; the arguments; their strings. */
struct probe_layout {
	bool is_return;
	size_t head_size, args_size;
};

/* An event name and the probes that share it. */
struct trace_probe_event {
	struct trace_event_call call;
	struct list_head probes;
	struct probe_layout layout;
};

/* Why a probe was refused, for the error log: the word of the command that is wrong, counted from 0. */
struct probe_event_error {
	const char *message;	/* NULL: not said */
	int word;
};

/* Lays out the record, whose arguments take @args_size bytes, and describes it in @call for `format`. 0 or -ENOMEM. */
int probe_event_describe(struct trace_event_call *call, struct probe_layout *layout, bool is_return,
			 const struct probe_arg *args, int nr_args, size_t args_size);
/* Frees what probe_event_describe() left in @call, also after an error. */
void probe_event_free_description(struct trace_event_call *call);

/* An event of that name without probes, which has to be described; NULL: no memory. Freeing takes the description along. */
struct trace_probe_event *trace_probe_event_alloc(const char *group, const char *name);
void trace_probe_event_free(struct trace_probe_event *event);

/* Makes a record of a hit and hands it to the trace buffer, to perf events, or both. */
void probe_event_emit(struct trace_event_call *call, const struct probe_layout *layout, const struct probe_arg *args,
		      int nr_args, struct pt_regs *regs, unsigned long addr, unsigned long ret_addr, bool to_trace,
		      bool to_perf);

/* The two addresses of a record. */
static inline unsigned long probe_record_addr(const void *record)
{
	return *(const unsigned long *)((const char *)record + sizeof(struct trace_entry));
}

static inline unsigned long probe_record_ret_addr(const void *record)
{
	return *(const unsigned long *)((const char *)record + sizeof(struct trace_entry) + sizeof(unsigned long));
}

#endif
