// SPDX-License-Identifier: MIT
/* The way of a static event's record from the tracepoint to those who listen. */
#include <kernel/bpf.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include "record.h"

#define RECORD_DEPTH	4
#define RECORD_BYTES	2048

/* An interrupt may come while a record is being made, and a probe inside either. */
static char records[RECORD_DEPTH][RECORD_BYTES] __attribute__((aligned(8)));
static unsigned int depth;

void *trace_record_reserve(size_t *size)
{
	*size = ALIGN(*size + sizeof(u32), sizeof(u64)) - sizeof(u32);
	if (*size > RECORD_BYTES || depth == RECORD_DEPTH)
		return NULL;
	return records[depth++];
}
NOKPROBE_SYMBOL(trace_record_reserve);

/* Where the tracepoint stands, for samples: its caller's instruction and stack. */
static void caller_regs(struct pt_regs *regs, unsigned long *frame)
{
	memset(regs, 0, sizeof(*regs));
	regs->ip = frame[1];
	regs->sp = (unsigned long)(frame + 2);
	regs->bp = frame[0];
	regs->cs = __KERNEL_CS;
	regs->ss = __KERNEL_DS;
}

void trace_record_commit_regs(struct trace_event_call *call, void *record, size_t size, struct pt_regs *regs)
{
	trace_event_fill_entry(call, record);
	if (call->tracefs_enabled)
		trace_buffer_write(call, record, size);
	if (call->perf_refcount) {
		bool keep = true;

		if (call->prog_array) {
			/* Programs see the registers' address in place of the head, which they cannot read. */
			*(struct pt_regs **)record = regs;
			keep = trace_call_bpf(call, record);
			trace_event_fill_entry(call, record);
		}
		if (keep)
			perf_trace_submit(call, record, size, regs);
	}
	depth--;
}
NOKPROBE_SYMBOL(trace_record_commit_regs);

void trace_record_commit(struct trace_event_call *call, void *record, size_t size)
{
	/* Frames: this function's, fill_CLASS's, __trace_EVENT's; that one returns to the traced code. */
	unsigned long *frame = __builtin_frame_address(0);
	struct pt_regs regs;

	frame = (unsigned long *)frame[0];
	frame = (unsigned long *)frame[0];
	caller_regs(&regs, frame);
	trace_record_commit_regs(call, record, size, &regs);
}
NOKPROBE_SYMBOL(trace_record_commit);

void call_tracepoint_probes(struct tracepoint *tp, const u64 *args, unsigned int nr_args)
{
	struct tracepoint_probe *probe, *next;

	list_for_each_entry_safe(probe, next, &tp->probes, list)
		probe->func(probe, args, nr_args);
}

void tracepoint_probe_register(struct tracepoint *tp, struct tracepoint_probe *probe)
{
	list_add_tail(&probe->list, &tp->probes);
	tp->users++;
}

void tracepoint_probe_unregister(struct tracepoint *tp, struct tracepoint_probe *probe)
{
	list_del(&probe->list);
	tp->users--;
}

const char *trace_print_flags(unsigned long flags, const char *delim, const struct trace_print_flags *names)
{
	static char texts[4][256];
	static unsigned int next;
	char *text = texts[next++ % ARRAY_SIZE(texts)];
	size_t at = 0;

	text[0] = '\0';
	for (; names->name; names++) {
		if (!names->mask || (flags & names->mask) != names->mask)
			continue;
		at += scnprintf(text + at, 256 - at, "%s%s", at ? delim : "", names->name);
		flags &= ~names->mask;
	}
	if (flags)
		scnprintf(text + at, 256 - at, "%s0x%lx", at ? delim : "", flags);
	return text;
}
