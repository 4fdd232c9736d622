/* SPDX-License-Identifier: MIT */
/*
 * Perf events: tracepoint, kprobe, uprobe and software events behind perf_event_open(2), their samples and the buffers
 * that user space maps. (man perf_event_open)
 */
#ifndef _KERNEL_PERF_EVENT_H
#define _KERNEL_PERF_EVENT_H

#include <linux/perf_event.h>
#include <kernel/types.h>
#include <kernel/irq_work.h>
#include <kernel/list.h>
#include <kernel/refcount.h>
#include <kernel/timer.h>
#include <kernel/wait.h>

struct trace_event_call;
struct bpf_prog;
struct event_filter;
struct task_struct;
struct file;
struct perf_buffer;
struct pt_regs;
struct vm_area_struct;

enum perf_event_state { PERF_EVENT_STATE_EXIT, PERF_EVENT_STATE_OFF, PERF_EVENT_STATE_ACTIVE };

struct perf_event {
	struct perf_event_attr attr;
	const struct pmu *pmu;
	enum perf_event_state state;
	struct task_struct *task;	/* counts only in this task; NULL: in all */
	int cpu;			/* -1: any */
	u64 count;
	u64 id;
	u64 lost_samples;
	u64 time_enabled_from;		/* by the event's clock: the task's run time, or time */
	u64 total_time_enabled;
	u64 clock_seen;			/* of a software clock: enabled time that is in count */
	u64 sample_period, last_period;
	s64 period_left;
	int event_limit;		/* overflows until it disables itself; 0: no limit */
	struct perf_event *group_leader;
	struct list_head siblings;	/* of a leader */
	struct list_head sibling;	/* in the leader's siblings */
	unsigned int nr_siblings;
	struct list_head all;		/* every event there is */
	struct list_head inherited;	/* struct perf_inheritance: descendants that it counts in, too */
	struct list_head tp_list;	/* in trace_event_call.perf_events, or among the software events */
	struct trace_event_call *tp_event;
	struct event_filter *filter;	/* PERF_EVENT_IOC_SET_FILTER */
	struct timer_list timer;	/* samples of the clocks */
	struct bpf_prog *prog;		/* attached by PERF_EVENT_IOC_SET_BPF */
	u64 bpf_cookie;
	struct perf_buffer *rb;		/* where samples go; its own or, after SET_OUTPUT, another's */
	struct list_head rb_entry;
	unsigned int mmap_count;
	wait_queue_head_t waitq;
	struct irq_work wakeup;
	refcount_t refcount;		/* the file and BPF links */
};

struct perf_inheritance {
	struct list_head list;
	struct task_struct *task;
};

struct pmu {
	const char *name;
	int type;			/* perf_event_attr.type; also in /sys/bus/event_source/devices/NAME/type */
	int (*event_init)(struct perf_event *event);	/* -ENOENT: not mine */
	void (*destroy)(struct perf_event *event);
	/* The event was enabled or disabled. May be NULL. */
	void (*enabled)(struct perf_event *event, bool on);
	/* Brings event->count up to date. May be NULL. */
	void (*read)(struct perf_event *event);
};

/* What a sample is made from. */
struct perf_sample_data {
	u64 addr;
	u64 period;
	const void *raw;		/* PERF_SAMPLE_RAW; NULL: none */
	u32 raw_size;
};

int perf_pmu_register(struct pmu *pmu);

/* The perf event behind a file, or NULL if the file is something else. */
struct perf_event *perf_file_event(struct file *file);
void perf_event_get(struct perf_event *event);
void perf_event_put(struct perf_event *event);

/* Whether the event counts what the running task does, here and now. */
bool perf_event_counts_here(const struct perf_event *event);
/* Something happened @nr times: counts, and takes a sample when the period is over. @regs NULL: counts only. */
void perf_swevent_event(struct perf_event *event, u64 nr, struct perf_sample_data *data, struct pt_regs *regs);
/* A period is over: what the event's limit and program say, then a sample. */
void perf_event_overflow(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs);
/* The time for which the event was enabled since the last call. */
u64 perf_event_clock_advance(struct perf_event *event);
/* The registers of the calling function's caller, as far as samples need them. */
#define perf_fetch_caller_regs(r)							\
	do {										\
		unsigned long *__frame = __builtin_frame_address(0);			\
		memset(r, 0, sizeof(*(r)));						\
		(r)->ip = __frame[1];							\
		(r)->sp = (unsigned long)(__frame + 2);					\
		(r)->bp = __frame[0];							\
		(r)->cs = __KERNEL_CS;							\
		(r)->ss = __KERNEL_DS;							\
	} while (0)
/* Events other than the clocks that exist: without any, occurrences need not be told. */
extern unsigned int perf_sw_enabled;
/* An occurrence of PERF_COUNT_SW_@config. */
void perf_sw_event(unsigned int config, u64 nr, struct pt_regs *regs, u64 addr);
bool is_sampling_event(const struct perf_event *event);
/* The present count and times, as read(2) gives them. */
u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running);

/* Calls @what for every event that counts here. */
void perf_iterate(void (*what)(struct perf_event *event, void *data), void *data);
/* Events that there are. */
extern unsigned int perf_nr_events;

/* What profilers want to know of tasks (sideband.c). */
void perf_event_comm(struct task_struct *task, bool exec);
void perf_event_mmap(struct vm_area_struct *vma);
void perf_event_task(struct task_struct *task, bool born);
void perf_event_switch(const struct task_struct *other, bool out);

/* Tasks: exit, exec and fork. */
void perf_event_exit_task(struct task_struct *task);
void perf_event_exec(void);
void perf_event_fork(struct task_struct *child);

/*
 * Attaches @prog, whose reference it takes over on success, to the event's source.
 * -EINVAL wrong kind of program or an override where none is allowed, -EEXIST, -E2BIG (A12, A13, A21).
 */
int perf_event_set_bpf_prog(struct perf_event *event, struct bpf_prog *prog, u64 bpf_cookie);
void perf_event_free_bpf_prog(struct perf_event *event);

/* Whose overflow a program of type PERF_EVENT is deciding about; NULL: none. */
extern struct perf_event *perf_program_event;
/* A sample of bpf_perf_event_output() with @size bytes at @raw. 0 or -errno. */
int perf_event_bpf_output(struct perf_event *event, struct pt_regs *regs, const void *raw, u32 size);

#endif
