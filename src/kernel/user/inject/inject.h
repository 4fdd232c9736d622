/* SPDX-License-Identifier: MIT */
/* Between the files of inject: what is asked for, what the BPF programs keep, and who does what. docs/picking.md */
#ifndef _USER_INJECT_H
#define _USER_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Exit codes. */
enum {
	EXIT_FIRED = 0,			/* a fault fired and the command ended by itself */
	EXIT_NOT_FIRED = 1,		/* the command ran, and no call was picked */
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3,		/* the function cannot be made to fail */
	EXIT_UNAVAILABLE = 4,		/* no privilege, or the kernel lacks something */
	EXIT_NO_COMMAND = 5,		/* the command could not be started */
	EXIT_TROUBLE = 7,		/* the command was killed or did not end, or the kernel complained */
};

#define MAX_FUNCTIONS	64
#define MAX_CALLERS	8
#define MAX_CONDITIONS	8
#define MAX_RANGES	4		/* "f", "f.constprop.0", "f.part.0" ... are all f */
#define STACK_DEPTH	40		/* addresses kept of a stack */
#define MAX_EVENTS	64		/* faults that are kept with their stacks */
#define MAX_COUNTED	4096		/* calls that --count looks at */
#define COMM_LEN	16

struct range {
	unsigned long start, end;
};

/* A function by the name that its users know. */
struct function {
	const char *name;
	struct range ranges[MAX_RANGES];
	int range_count;
};

/* "arg2 >= 4096" */
struct condition {
	int argument;			/* from 1 */
	char operator[3];
	unsigned long value;
};

enum task_choice { TASK_COMMAND, TASK_PID, TASK_COMM, TASK_ANY };

struct options {
	struct function functions[MAX_FUNCTIONS];
	int function_count;
	const char *error;		/* as given, or NULL */
	bool has_value, force;
	long value;			/* to be returned; without has_value what suits the function */
	unsigned long first, last;	/* which of the matching calls */
	struct function callers[MAX_CALLERS], not_callers[MAX_CALLERS];
	int caller_count, not_caller_count;
	struct condition conditions[MAX_CONDITIONS];
	int condition_count;
	enum task_choice task;
	pid_t pid;
	char comm[COMM_LEN];
	bool count_only, every_stack, verbose, list;
	const char *pattern;		/* of the list */
	unsigned int timeout, max_runs;	/* seconds; 0: none */
	char **command;
};

/* What the programs count: element 0 of the map "state". */
struct state {
	unsigned long pid;		/* the command's, 0 until it has been executed */
	unsigned long calls;		/* by the task that is asked for */
	unsigned long matched;		/* of these, from the callers and with the arguments asked for */
	unsigned long fired;
};

/* A call that was made to fail (or, with --count, would have been). */
struct event {
	unsigned long number;		/* of the matching call, from 1 */
	unsigned long function;		/* index in options.functions */
	unsigned long pid_tgid;
	char comm[COMM_LEN];
	unsigned long arguments[6];
	long stack_bytes;
	unsigned long stack[STACK_DEPTH];
};

/* symbols.c */
int symbols_read(void);
/* All bodies of a function; false if there is none. */
bool symbols_find(const char *name, struct function *function);
/* "name+0x12/0x80", or the number. */
const char *symbols_format(unsigned long address, char *text, size_t size);
/* The name of the function around an address, without the compiler's suffix; NULL if there is none. */
const char *symbols_name(unsigned long address, char *text, size_t size);
/* Names that somebody who wrote @name may have meant, separated by commas. */
void symbols_suggest(const char *name, char *text, size_t size);

/* options.c */
void options_parse(int argc, char **argv, struct options *options);

/* list.c: /sys/kernel/debug/error_injection/list */
#define INJECTION_LIST "/sys/kernel/debug/error_injection/list"
enum injection_type { TYPE_UNKNOWN, TYPE_NULL, TYPE_ERRNO, TYPE_ERRNO_NULL, TYPE_TRUE };
int list_print(const char *pattern);
/* Adds the functions that a pattern with "*" names; false if there is none. System calls must be asked for by their prefix. */
bool list_expand(const char *pattern, struct options *options);
/* 0, or an exit code after having said why the function cannot be made to fail. */
int list_check(const struct options *options, const char *function);
/* What the function is to return; 0, or an exit code after having said what is wrong. */
int list_value(const struct options *options, const char *function, long *value);
const char *list_describe_value(const char *function, long value, char *text, size_t size);

/* program.c: the maps, and a BPF program for each function. */
struct injection {
	int state_map, event_map, seen_map;
	int programs[MAX_FUNCTIONS], events[MAX_FUNCTIONS];
	int arm_program, arm_event;
	char names[MAX_FUNCTIONS][64];	/* of the kprobe events */
};
int program_create_maps(const struct options *options, struct injection *injection);
int program_load(const struct options *options, struct injection *injection, int function, long value);
int program_load_arm(struct injection *injection);

/* attach.c */
int attach_all(const struct options *options, struct injection *injection);
void detach_all(const struct options *options, struct injection *injection);

/* run.c */
int run_command(const struct options *options, struct injection *injection, int *status);
int run_once(const struct options *options, struct injection *injection);
int run_every_stack(const struct options *options, struct injection *injection);

/* "inject: text" on standard error. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

#endif
