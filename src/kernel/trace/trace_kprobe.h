/* SPDX-License-Identifier: MIT */
/* Between trace_kprobe.c (what a probe event is) and kprobe_events.c (the files that define and show them). */
#ifndef _TRACE_TRACE_KPROBE_H
#define _TRACE_TRACE_KPROBE_H

#include "dyn_event.h"
#include "probe_event.h"
#include <kernel/kprobes.h>
#include <kernel/list.h>
#include <kernel/trace_events.h>

#define KPROBE_EVENT_SYSTEM	"kprobes"
#define KRETPROBE_MAXACTIVE_MAX	4096

struct trace_kprobe {
	struct dyn_event dyn;
	struct list_head sibling;	/* its event's probes */
	struct trace_probe_event *event;
	struct kretprobe rp;		/* rp.kp alone for a plain probe */
	bool registered;		/* false: of a module that is not there */
	unsigned long nhit;
	char *symbol;			/* "SYM" or "MOD:SYM"; NULL: given by address */
	unsigned long offset;
	int nr_args;
	struct probe_arg *args;
};

extern const struct dyn_event_operations trace_kprobe_ops;

struct trace_kprobe *trace_kprobe_alloc(const char *symbol, unsigned long offset, void *addr, bool is_return, int maxactive,
					int nr_args);
void trace_kprobe_free(struct trace_kprobe *tk);

/*
 * Registers @tk, whose arguments take @args_size bytes, under GROUP/NAME, or adds it to the probes that stand there.
 * On failure *error may say more.
 */
int trace_kprobe_register(struct trace_kprobe *tk, size_t args_size, const char *group, const char *name,
			  struct probe_event_error *error);
/* Removes and frees it. -EBUSY while its event has listeners. */
int trace_kprobe_unregister(struct trace_kprobe *tk);
bool trace_kprobe_is_return(const struct trace_kprobe *tk);
unsigned long trace_kprobe_nmissed(const struct trace_kprobe *tk);

/* trace_buffer.c: drops the records of an event that goes away. */
void trace_buffer_forget(struct trace_event_call *call);

#endif
