/* SPDX-License-Identifier: MIT */
/*
 * Perf events, as far as probes and BPF need them: tracepoint and kprobe events and software clocks behind
 * perf_event_open(2). (man perf_event_open)
 */
#ifndef _KERNEL_PERF_EVENT_H
#define _KERNEL_PERF_EVENT_H

#include <linux/perf_event.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/refcount.h>

struct trace_event_call;
struct bpf_prog;
struct task_struct;
struct file;
struct pt_regs;

enum perf_event_state { PERF_EVENT_STATE_OFF, PERF_EVENT_STATE_ACTIVE };

struct perf_event {
	struct perf_event_attr attr;
	const struct pmu *pmu;
	enum perf_event_state state;
	struct task_struct *task;	/* counts only in this task; NULL: in all */
	int cpu;			/* -1: any */
	u64 count;
	u64 id;
	u64 time_enabled_from;
	u64 total_time_enabled;
	struct list_head tp_list;	/* in trace_event_call.perf_events */
	struct trace_event_call *tp_event;
	bool owns_tp_event;		/* a kprobe PMU event: its trace event dies with it */
	struct bpf_prog *prog;		/* attached by PERF_EVENT_IOC_SET_BPF */
	u64 bpf_cookie;
	refcount_t refcount;		/* the file and BPF links */
};

struct pmu {
	const char *name;
	int type;			/* perf_event_attr.type; also in /sys/bus/event_source/devices/NAME/type */
	int (*event_init)(struct perf_event *event);	/* -ENOENT: not mine */
	void (*destroy)(struct perf_event *event);
};

int perf_pmu_register(struct pmu *pmu);

/* The perf event behind a file, or NULL if the file is something else. */
struct perf_event *perf_file_event(struct file *file);
void perf_event_get(struct perf_event *event);
void perf_event_put(struct perf_event *event);

/*
 * Attaches @prog, whose reference it takes over on success, to the event's source.
 * -EINVAL wrong kind of program or an override where none is allowed, -EEXIST, -E2BIG (A12, A13, A21).
 */
int perf_event_set_bpf_prog(struct perf_event *event, struct bpf_prog *prog, u64 bpf_cookie);
void perf_event_free_bpf_prog(struct perf_event *event);

#endif
