/* SPDX-License-Identifier: MIT */
/*
 * Commands that define and remove probe events, as written to kprobe_events and uprobe_events: what they have in common.
 * (Documentation/trace/kprobetrace.rst, uprobetracer.rst)
 */
#ifndef _TRACE_PROBE_COMMAND_H
#define _TRACE_PROBE_COMMAND_H

#include "probe_args.h"
#include <kernel/types.h>

#define MAX_EVENT_NAME_LEN	64

/* A command cut into words at white space, and the word that is being looked at. */
struct probe_command {
	const char *subsystem;			/* for the error log, "trace_kprobe" */
	char **words;
	int nr_words, word;
	bool is_delete;				/* the line begins with a hyphen */
};

struct probe_event_name {
	char group[MAX_EVENT_NAME_LEN];
	char event[MAX_EVENT_NAME_LEN];		/* empty: not given */
};

/*
 * Says in the error log what is wrong with the present word, @offset bytes in; behind the last one if there is none.
 * Returns @code.
 */
int probe_command_refuse(const struct probe_command *cmd, const char *message, int offset, int code);
/* "[GROUP/][EVENT]", or with a dot, at @text in the first word. 0 or -EINVAL. */
int probe_command_parse_name(const struct probe_command *cmd, const char *text, struct probe_event_name *name);
/* The words from the third on, as arguments, whose number and size are counted. Errors as of probe_arg_parse(). */
int probe_command_parse_args(struct probe_command *cmd, struct probe_arg *args, int *nr_args, unsigned int flags,
			     size_t *size);
/* "-:[GROUP/]EVENT" or "-:GROUP/": cuts the first word. *@group is NULL if none is given. 0 or -EINVAL. */
int probe_command_parse_delete(struct probe_command *cmd, char **group, char **event);
/* Does the command to delete name this place, and the first arguments, or none at all? */
bool probe_command_matches(const struct probe_command *cmd, const char *place, const struct probe_arg *args, int nr_args);

/* Runs the lines of a write; text behind a # is none. A command that is refused ends it. Returns @count or the error. */
ssize_t probe_commands_write(const char *subsystem, const char __user *buf, size_t count,
			     int (*run)(struct probe_command *cmd));

#endif
