/* SPDX-License-Identifier: MIT */
/*
 * Trace events: what stands under /sys/kernel/tracing/events, and what perf_event_open(2) opens by id.
 * One trace_event_call an event; who listens (tracefs `enable`, perf events, BPF programs) is counted in it.
 */
#ifndef _KERNEL_TRACE_EVENTS_H
#define _KERNEL_TRACE_EVENTS_H

#include <kernel/types.h>
#include <kernel/list.h>

struct trace_event_call;
struct dentry;
struct bpf_prog_array;
struct pt_regs;
struct seq_file;
struct perf_event;

#define TRACE_EVENT_FL_TRACEPOINT	(1 << 0)
#define TRACE_EVENT_FL_KPROBE		(1 << 1)
#define TRACE_EVENT_FL_UPROBE		(1 << 2)
#define TRACE_EVENT_FL_CAP_ANY		(1 << 4)	/* of a task's own, anybody may record it */
#define TRACE_EVENT_FL_SYSCALL		(1 << 3)	/* syscalls:sys_enter_NAME and sys_exit_NAME */

/* One field of an event's record, as its `format` file shows it. */
struct trace_event_field {
	const char *type;	/* "unsigned long" */
	const char *name;
	u16 offset;
	u16 size;
	bool is_signed;
};

struct trace_event_call {
	struct list_head list;
	const char *group;		/* "kprobes" */
	const char *name;
	u16 id;				/* unique; what the id file shows */
	unsigned int flags;		/* TRACE_EVENT_FL_ */
	unsigned int nr_fields;
	const struct trace_event_field *fields;	/* without the four common ones */
	const char *print_fmt;
	/* Turns the source of events on or off; called when the first listener comes and after the last has gone. */
	int (*reg)(struct trace_event_call *call, bool on);
	/* Others listen than before, without the source having been turned on or off. May be NULL. */
	int (*listeners_changed)(struct trace_event_call *call);
	/* Formats a record for the `trace` file. */
	void (*print)(struct seq_file *m, struct trace_event_call *call, const void *record);
	void *data;

	int enable_count;		/* listeners: tracefs enable + perf events */
	bool tracefs_enabled, was_enabled;
	int perf_refcount;
	struct list_head perf_events;	/* struct perf_event, linked by tp_list */
	struct bpf_prog_array *prog_array;
	struct bpf_prog *only_prog;	/* under the rules of 2015: the one in prog_array, owned by the event */
	struct event_filter *filter;	/* of tracefs; NULL: everything */
	struct dentry *dir;
};

/* The head of every record (8 bytes; common_type is the event's id). */
struct trace_entry {
	u16 type;
	u8 flags;
	u8 preempt_count;
	int pid;
};

/* trace_entry.flags */
#define TRACE_FLAG_IRQS_OFF	0x01
#define TRACE_FLAG_NEED_RESCHED	0x04
#define TRACE_FLAG_HARDIRQ	0x08

/* Fills the head of a record with the event and the present state of the processor. */
void trace_event_fill_entry(struct trace_event_call *call, struct trace_entry *entry);
/* Where the last field of the event's record ends: how far programs may read. */
unsigned int trace_event_record_end(const struct trace_event_call *call);

/* Makes the event visible under events/GROUP/NAME and gives it an id. 0, -EEXIST or -ENOMEM. */
int trace_add_event_call(struct trace_event_call *call);
/* -EBUSY while anything listens. */
int trace_remove_event_call(struct trace_event_call *call);
struct trace_event_call *trace_find_event(int id);
struct trace_event_call *trace_find_event_by_name(const char *group, const char *name);

/* A listener comes or goes. */
int trace_event_get(struct trace_event_call *call);
void trace_event_put(struct trace_event_call *call);

/* Stores a record of @size bytes (head included, filled here) that passes the event's filter in the trace buffer that the `trace` file shows. */
void trace_buffer_write(struct trace_event_call *call, void *record, size_t size);
/* Stores a line of bpf_trace_printk. */
void trace_buffer_printk(const char *text, size_t length);

/* For the attach rules of overrides (A12): is the call's probe at a function's entry, and may that function be made to fail? */
bool trace_kprobe_on_func_entry(struct trace_event_call *call);
bool trace_kprobe_error_injectable(struct trace_event_call *call);
/* Is it a kprobe that goes through the function tracer? */
bool trace_kprobe_ftrace(struct trace_event_call *call);
/* Where a kprobe event's first probe is: symbol and offset, or the address alone (*symbol is NULL). False: no kprobe event. */
bool trace_kprobe_describe(struct trace_event_call *call, bool *is_return, const char **symbol, u64 *offset, u64 *addr);

/* Makes a trace event of its own for a uprobe PMU event, invisible in tracefs; @filename is looked up. */
struct trace_event_call *create_local_trace_uprobe(const char *filename, unsigned long offset, unsigned long ref_ctr_offset,
						   bool is_return);
void destroy_local_trace_uprobe(struct trace_event_call *call);

/* Makes a trace event of its own for a kprobe PMU event, invisible in tracefs (create_local_trace_kprobe). */
struct trace_event_call *create_local_trace_kprobe(const char *func, void *addr, unsigned long offset, bool is_return);
void destroy_local_trace_kprobe(struct trace_event_call *call);

/* Offers a record to every enabled perf event of @call. */
void perf_trace_submit(struct trace_event_call *call, void *record, size_t size, struct pt_regs *regs);

#endif
