/* SPDX-License-Identifier: MIT */
/*
 * Fetch arguments of probe events: [NAME=]FETCHARG[:TYPE] with FETCHARG one of %REG, $stackN, $stack, $argN, $retval, $comm,
 * @ADDR, @SYM+-OFFS, \IMM, \"TEXT" and +-[u]OFFS(FETCHARG). (Documentation/trace/kprobetrace.rst; semantics C21)
 */
#ifndef _TRACE_PROBE_ARGS_H
#define _TRACE_PROBE_ARGS_H

#include <kernel/ptrace.h>
#include <kernel/types.h>

struct seq_file;

#define MAX_TRACE_ARGS		128	/* what stands behind is not looked at */
#define MAX_ARG_NAME_LEN	32
#define MAX_ARGSTR_LEN		63
#define MAX_ARRAY_LEN		64
#define MAX_PROBE_EVENT_SIZE	3072	/* of all arguments, without strings */
#define MAX_STRING_SIZE		4096
/* An argument may take this many steps, from its base to storing it. */
#define MAX_FETCH_STEPS		15

enum fetch_base {
	FETCH_REG, FETCH_STACK_ADDR, FETCH_STACK, FETCH_ARGUMENT, FETCH_RETVAL, FETCH_COMM, FETCH_TEXT, FETCH_SYMBOL,
	FETCH_FILE_OFFSET, FETCH_IMMEDIATE,
};

enum fetch_store { STORE_VALUE, STORE_MEMORY, STORE_STRING, STORE_SYMBOL_NAME };

enum fetch_print { PRINT_UNSIGNED, PRINT_SIGNED, PRINT_HEX, PRINT_SYMBOL, PRINT_STRING };

struct fetch_type {
	const char *name;		/* "u8", "x64", "string" ... */
	const char *c_type;		/* in the format file */
	const char *fmt;		/* in its print fmt */
	u8 size;
	enum fetch_print print;
};

struct dereference {
	long offset;
	bool user;			/* the address is the process's */
};

struct probe_arg {
	char *name;
	char *text;			/* FETCHARG[:TYPE] as given */
	const struct fetch_type *type;
	char *c_type;			/* of an array, "u8[]"; NULL: the type's */
	unsigned int count;		/* elements of an array; 0: no array */
	unsigned int offset;		/* behind the record's head */
	enum fetch_base base;
	unsigned long value;		/* register offset, stack index, argument number, offset in the file, immediate */
	unsigned long mapped;		/* of FETCH_FILE_OFFSET: where that is in the process, set before fetching */
	bool user;			/* memory is the process's */
	char *data;			/* of FETCH_SYMBOL and FETCH_TEXT */
	unsigned int nr_steps;		/* dereferences that give the next address, innermost first */
	struct dereference steps[MAX_FETCH_STEPS];
	enum fetch_store store;
	struct dereference last;	/* of STORE_MEMORY and STORE_STRING */
	bool bitfield;
	u8 left, right;			/* its shifts, in the type's size */
};

struct probe_arg_error {
	const char *message;		/* NULL: refused without a word */
	int position;			/* in the argument's text */
};

/* Of probe_arg_parse(). Without _KERNEL the probe is in user code: memory is the process's, @+OFFS is in the file. */
#define PROBE_ARG_KERNEL	1
#define PROBE_ARG_RETURN	2
#define PROBE_ARG_FENTRY	4	/* on a function's entry: $argN are there */

/*
 * Parses the text of @args[@index], whose predecessors are there, and adds what it takes in the record to *@size.
 * 0, or -EINVAL, -ERANGE, -E2BIG, -ENOMEM with *@error filled. @args[@index] must be freed in any case.
 */
int probe_arg_parse(struct probe_arg *args, int index, const char *text, unsigned int flags, size_t *size,
		    struct probe_arg_error *error);
/* Looks the argument's symbol up, if it has one. 0, -ENOENT, or -EINVAL, -ERANGE for its offset. */
int probe_arg_resolve(struct probe_arg *arg);
void probe_arg_free(struct probe_arg *arg);

/* The number, from 1, of the first argument of another type or name; 0 if all are alike. */
int probe_args_first_difference(const struct probe_arg *a, int nr_a, const struct probe_arg *b, int nr_b);
/* Are they, being alike, also written alike? */
bool probe_args_same_texts(const struct probe_arg *a, const struct probe_arg *b, int nr_args);

/* The bytes that strings take behind the fixed part. */
size_t probe_args_dynamic_size(const struct probe_arg *args, int nr_args, struct pt_regs *regs);
/* Stores all arguments in @record: head, @args_size bytes of arguments (zeros before), @dynamic_size bytes of strings. */
void probe_args_store(const struct probe_arg *args, int nr_args, struct pt_regs *regs, void *record, size_t head_size,
		      size_t args_size, size_t dynamic_size);
void probe_args_print(struct seq_file *m, const struct probe_arg *args, int nr_args, const void *record, size_t head_size);

/* The end of an event's print fmt: `NAME=%..."` and `, REC->NAME`. Return what they take. */
size_t probe_args_print_fmt(const struct probe_arg *args, int nr_args, char *buf, size_t room);
size_t probe_args_print_values(const struct probe_arg *args, int nr_args, char *buf, size_t room);

static inline size_t probe_arg_size(const struct probe_arg *arg)
{
	return (size_t)arg->type->size * (arg->count ? arg->count : 1);
}

static inline bool probe_arg_is_string(const struct probe_arg *arg)
{
	return arg->type->print == PRINT_STRING;
}

#endif
