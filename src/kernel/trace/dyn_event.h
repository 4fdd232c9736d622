/* SPDX-License-Identifier: MIT */
/* The events that commands define: kernel and user probes, in one list, in the order of definition. */
#ifndef _TRACE_DYN_EVENT_H
#define _TRACE_DYN_EVENT_H

#include "probe_command.h"
#include <kernel/fs.h>
#include <kernel/list.h>
#include <kernel/mutex.h>
#include <kernel/seq_file.h>
#include <kernel/trace_events.h>

struct dyn_event;

/* A kind of them. */
struct dyn_event_operations {
	const char *subsystem;		/* for the error log */
	/* Defines one; @place is a copy of the command's second word. */
	int (*create)(struct probe_command *cmd, char *place);
	/* Removes and frees it. -EBUSY while its event has listeners. */
	int (*unregister)(struct dyn_event *event);
	/* "p", "r", "r20" */
	void (*describe_type)(const struct dyn_event *event, char *buf, size_t size);
	/* The place, as a command says it. */
	void (*describe_place)(const struct dyn_event *event, char *buf, size_t size);
};

struct dyn_event {
	struct list_head list;		/* dyn_event_list */
	const struct dyn_event_operations *ops;
	struct trace_event_call *call;	/* which others may share */
	const struct probe_arg *args;
	int nr_args;
};

extern struct list_head dyn_event_list;
extern struct mutex dyn_event_mutex;

static inline bool dyn_event_is(const struct dyn_event *event, const struct dyn_event_operations *ops)
{
	return !ops || event->ops == ops;
}

/* Those of a kind; all for NULL. With dyn_event_mutex held. */
#define for_each_dyn_event_of(event, ops)			\
	list_for_each_entry(event, &dyn_event_list, list)	\
		if (!dyn_event_is(event, ops)) {} else

/* Puts a new one behind the others. */
void dyn_event_add(struct dyn_event *event, const struct dyn_event_operations *ops, struct trace_event_call *call,
		   const struct probe_arg *args, int nr_args);

/* The files of a kind: running the command of a line, the list of definitions, and opening. */
int dyn_event_run(const struct dyn_event_operations *ops, struct probe_command *cmd);
int dyn_events_open(struct inode *inode, struct file *file, const struct dyn_event_operations *ops);

#endif
