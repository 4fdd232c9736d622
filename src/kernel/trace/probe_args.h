/* SPDX-License-Identifier: MIT */
/*
 * Fetch arguments of probe events: NAME=%reg, $stackN, $retval, $comm, @addr, @sym+off, \imm, +off(FETCHARG), :TYPE.
 * (Documentation/trace/kprobetrace.rst; semantics C21)
 */
#ifndef _TRACE_PROBE_ARGS_H
#define _TRACE_PROBE_ARGS_H

#include <kernel/ptrace.h>
#include <kernel/types.h>

struct seq_file;

#define MAX_TRACE_ARGS		128
#define MAX_FETCH_DEPTH		8
#define MAX_ARG_NAME		32
#define MAX_STRING		256

enum fetch_base { FETCH_REG, FETCH_STACK_ADDR, FETCH_STACK, FETCH_RETVAL, FETCH_COMM, FETCH_MEMORY, FETCH_IMMEDIATE };

struct fetch_type {
	const char *name;		/* "u8", "x64", "string" ... */
	const char *c_type;		/* in the format file */
	const char *print;		/* in its print fmt */
	u8 size;
	bool is_signed, is_hex, is_string, is_symbol, is_char;
};

struct probe_arg {
	char name[MAX_ARG_NAME];
	char *text;			/* as given, for kprobe_events */
	const struct fetch_type *type;
	enum fetch_base base;
	unsigned long value;		/* register offset, stack index, address, immediate */
	unsigned int depth;		/* dereferences, innermost first */
	long offsets[MAX_FETCH_DEPTH];
	bool user[MAX_FETCH_DEPTH];
	u16 offset;			/* in the record */
};

struct probe_arg_error {
	const char *message;
	int position;			/* in the argument's text */
};

/* Parses "[NAME=]FETCHARG[:TYPE]", the @index-th argument. 0, or -EINVAL, -ENOENT, -ENOMEM with *error filled. */
int probe_arg_parse(struct probe_arg *arg, const char *text, int index, bool is_return, struct probe_arg_error *error);
void probe_arg_free(struct probe_arg *arg);

/*
 * Stores all arguments in @record; strings go behind @fixed_size. Returns the bytes used; at most @fixed_size +
 * nr_args * MAX_STRING.
 */
size_t probe_args_fetch(const struct probe_arg *args, int nr_args, struct pt_regs *regs, void *record, size_t fixed_size);
void probe_args_print(struct seq_file *m, const struct probe_arg *args, int nr_args, const void *record);

#endif
