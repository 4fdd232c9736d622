/* SPDX-License-Identifier: MIT */
/* Making and handing out the records of static trace events. */
#ifndef _TRACE_RECORD_H
#define _TRACE_RECORD_H

#include <kernel/string.h>
#include <kernel/trace_events.h>
#include <kernel/tracepoint.h>

struct dentry;

#define RECORD_NULL_STRING "(null)"

static inline size_t record_string_size(const char *source)
{
	return strlen(source ? source : RECORD_NULL_STRING) + 1;
}

/*
 * Memory for a record of *@size bytes, which is rounded so that a perf sample with the record in it is a multiple of 8.
 * NULL if it is too large or records are being made four deep. What was reserved must be committed, the last first.
 */
void *trace_record_reserve(size_t *size);
/* Hands the record to who listens: the trace buffer, BPF programs, perf events. */
void trace_record_commit(struct trace_event_call *call, void *record, size_t size);
/* The same with the registers of an exception, for what samples record; NULL: those of the caller. */
void trace_record_commit_regs(struct trace_event_call *call, void *record, size_t size, struct pt_regs *regs);

/* Files that tell how records lie in memory. */
void trace_create_format_files(struct dentry *events_dir);

void call_tracepoint_probes(struct tracepoint *tp, const u64 *args, unsigned int nr_args);

struct trace_print_flags {
	unsigned long mask;
	const char *name;
};
/* The names of the bits of @flags with @delim between them, and the rest in hexadecimal. Valid until four more calls. */
const char *trace_print_flags(unsigned long flags, const char *delim, const struct trace_print_flags *names);

/* An argument as 64 bits: what is shorter is filled with zeros. */
#define RAW_ARG(x)						\
	({ __typeof__(x) __x = (x); u64 __raw = 0; __builtin_memcpy(&__raw, &__x, sizeof(__x)); __raw; })
#define RAW_ARGS1(a)		RAW_ARG(a)
#define RAW_ARGS2(a, b...)	RAW_ARG(a), RAW_ARGS1(b)
#define RAW_ARGS3(a, b...)	RAW_ARG(a), RAW_ARGS2(b)
#define RAW_ARGS4(a, b...)	RAW_ARG(a), RAW_ARGS3(b)
#define RAW_ARGS5(a, b...)	RAW_ARG(a), RAW_ARGS4(b)
#define RAW_ARGS6(a, b...)	RAW_ARG(a), RAW_ARGS5(b)
#define RAW_ARGS7(a, b...)	RAW_ARG(a), RAW_ARGS6(b)
#define RAW_ARGS8(a, b...)	RAW_ARG(a), RAW_ARGS7(b)
#define __COUNT_ARGS(a, b, c, d, e, f, g, h, n, rest...)	n
#define COUNT_ARGS(args...)	__COUNT_ARGS(args, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define __RAW_ARGS(n, args...)	__PASTE(RAW_ARGS, n)(args)
#define RAW_ARGS(args...)	__RAW_ARGS(COUNT_ARGS(args), args)

#endif
