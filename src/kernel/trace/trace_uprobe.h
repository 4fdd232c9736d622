/* SPDX-License-Identifier: MIT */
/* Between trace_uprobe.c (what a uprobe event is) and uprobe_events.c (the files that define and show them). */
#ifndef _TRACE_TRACE_UPROBE_H
#define _TRACE_TRACE_UPROBE_H

#include "dyn_event.h"
#include "probe_event.h"
#include <kernel/list.h>
#include <kernel/trace_events.h>
#include <kernel/uprobes.h>

#define UPROBE_EVENT_SYSTEM	"uprobes"

struct trace_uprobe {
	struct dyn_event dyn;
	struct list_head sibling;	/* its event's probes */
	struct trace_probe_event *event;
	struct uprobe_consumer consumer;
	struct file *file;
	char *filename;			/* as given */
	unsigned long offset, ref_ctr_offset;
	bool is_return;
	unsigned long nhit;
	int nr_args;
	struct probe_arg *args;
};

extern const struct dyn_event_operations trace_uprobe_ops;

/* Opens the file. ERR_PTR(-ENOENT ..), -EINVAL if it is no regular file. */
struct trace_uprobe *trace_uprobe_alloc(const char *filename, unsigned long offset, unsigned long ref_ctr_offset,
					bool is_return, int nr_args);
void trace_uprobe_free(struct trace_uprobe *tu);
/* Makes @tu visible as GROUP/NAME, or adds it to the probes that stand there. On failure *error may say more. */
int trace_uprobe_register(struct trace_uprobe *tu, size_t args_size, const char *group, const char *name,
			  struct probe_event_error *error);
/* Removes and frees it. -EBUSY while its event has listeners. */
int trace_uprobe_unregister(struct trace_uprobe *tu);

#endif
