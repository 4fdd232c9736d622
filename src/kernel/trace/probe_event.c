// SPDX-License-Identifier: MIT
/* Records of probe events: their description and their making. (Documentation/trace/kprobetrace.rst) */
#include "probe_event.h"
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/slab.h>
#include <kernel/string.h>

#define MAX_TRACE_RECORD	4072	/* what fits on a page of Linux's ring buffer */
#define MAX_PERF_RECORD		8192

/* A kernel probe may hit while a record of a user probe is being made, and an interrupt may come. */
#define RECORD_DEPTH		3U
static char records[RECORD_DEPTH][MAX_PERF_RECORD] __attribute__((aligned(8)));
static unsigned int depth;

static struct trace_event_field field(const char *type, const char *name, size_t offset, size_t size, bool is_signed)
{
	/* Copies: the event may outlive the probe that it was made for. */
	return (struct trace_event_field){ kstrdup(type, GFP_KERNEL), kstrdup(name, GFP_KERNEL), offset, size, is_signed };
}

static char *make_print_fmt(bool is_return, const struct probe_arg *args, int nr_args)
{
	size_t room = 128, at;
	char *fmt;

	for (int i = 0; i < nr_args; i++)
		room += (args[i].count + 2) * (MAX_ARG_NAME_LEN + 32);
	fmt = kmalloc(room, GFP_KERNEL);
	if (!fmt)
		return NULL;
	at = scnprintf(fmt, room, is_return ? "\"(%%lx <- %%lx)" : "\"(%%lx)");
	at += probe_args_print_fmt(args, nr_args, fmt + at, room - at);
	at += scnprintf(fmt + at, room - at, "\"%s",
			is_return ? ", REC->__probe_func, REC->__probe_ret_ip" : ", REC->__probe_ip");
	probe_args_print_values(args, nr_args, fmt + at, room - at);
	return fmt;
}

int probe_event_describe(struct trace_event_call *call, struct probe_layout *layout, bool is_return,
			 const struct probe_arg *args, int nr_args, size_t args_size)
{
	unsigned int n = 0, nr = (is_return ? 2 : 1) + nr_args;
	struct trace_event_field *fields = kcalloc(nr, sizeof(*fields), GFP_KERNEL);
	size_t head = sizeof(struct trace_entry);

	call->fields = fields;
	call->print_fmt = make_print_fmt(is_return, args, nr_args);
	if (!fields || !call->print_fmt)
		return -ENOMEM;
	call->nr_fields = nr;
	fields[n++] = field("unsigned long", is_return ? "__probe_func" : "__probe_ip", head, 8, false);
	if (is_return)
		fields[n++] = field("unsigned long", "__probe_ret_ip", head + 8, 8, false);
	*layout = (struct probe_layout){ .is_return = is_return, .head_size = head + 8 * n, .args_size = args_size };
	for (int i = 0; i < nr_args; i++)
		fields[n++] = field(args[i].c_type ? args[i].c_type : args[i].type->c_type, args[i].name,
				    layout->head_size + args[i].offset, probe_arg_size(&args[i]),
				    args[i].type->print == PRINT_SIGNED || probe_arg_is_string(&args[i]));
	for (n = 0; n < nr; n++)
		if (!fields[n].type || !fields[n].name)
			return -ENOMEM;
	return 0;
}

void probe_event_free_description(struct trace_event_call *call)
{
	for (unsigned int i = 0; i < call->nr_fields; i++) {
		kfree(call->fields[i].type);
		kfree(call->fields[i].name);
	}
	kfree(call->fields);
	kfree(call->print_fmt);
}

struct trace_probe_event *trace_probe_event_alloc(const char *group, const char *name)
{
	struct trace_probe_event *event = kzalloc(sizeof(*event), GFP_KERNEL);

	if (!event)
		return NULL;
	INIT_LIST_HEAD(&event->probes);
	INIT_LIST_HEAD(&event->call.perf_events);
	event->call.group = kstrdup(group, GFP_KERNEL);
	event->call.name = kstrdup(name, GFP_KERNEL);
	if (event->call.group && event->call.name)
		return event;
	trace_probe_event_free(event);
	return NULL;
}

void trace_probe_event_free(struct trace_probe_event *event)
{
	probe_event_free_description(&event->call);
	kfree(event->call.group);
	kfree(event->call.name);
	kfree(event);
}

void probe_event_emit(struct trace_event_call *call, const struct probe_layout *layout, const struct probe_arg *args,
		      int nr_args, struct pt_regs *regs, unsigned long addr, unsigned long ret_addr, bool to_trace,
		      bool to_perf)
{
	char *record = records[min(depth, RECORD_DEPTH - 1)];
	unsigned long *head = (unsigned long *)(record + sizeof(struct trace_entry));
	size_t fixed = layout->head_size + layout->args_size;
	size_t strings = probe_args_dynamic_size(args, nr_args, regs);
	/* A perf sample has 4 bytes before the record and is a multiple of 8. */
	size_t perf_size = ALIGN(fixed + strings + sizeof(u32), sizeof(u64)) - sizeof(u32);

	if (perf_size > MAX_PERF_RECORD || depth == RECORD_DEPTH)
		return;
	depth++;
	memset(record, 0, perf_size);
	head[0] = addr;
	if (layout->is_return)
		head[1] = ret_addr;
	probe_args_store(args, nr_args, regs, record, layout->head_size, layout->args_size, strings);
	if (to_trace && fixed + strings <= MAX_TRACE_RECORD)
		trace_buffer_write(call, record, fixed + strings);
	if (to_perf) {
		trace_event_fill_entry(call, (struct trace_entry *)record);
		perf_trace_submit(call, record, perf_size, regs);
	}
	depth--;
}
NOKPROBE_SYMBOL(probe_event_emit);
