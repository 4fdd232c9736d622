// SPDX-License-Identifier: MIT
/*
 * Perf events: their state and time, whom they count for, what an overflow does, the programs on them, groups, and their life with
 * tasks. (man perf_event_open; semantics A12, A13, B2, B12)
 */
#include <kernel/bpf.h>
#include <kernel/bpf_rules.h>
#include <kernel/irq.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/perf_event.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/time.h>
#include <kernel/trace_events.h>
#include "../trace/filter.h"
#include "internal.h"
#include "ring_buffer.h"

static u64 next_event_id = 1;
static LIST_HEAD(all_events);

/* ---- time and state ---- */

/* The clock of a task's event stands still while the task does not run. */
u64 perf_event_time(const struct perf_event *event)
{
	return event->task ? task_sched_runtime(event->task) : ktime_get_ns();
}

static u64 enabled_time(const struct perf_event *event)
{
	u64 time = event->total_time_enabled;

	if (event->state == PERF_EVENT_STATE_ACTIVE)
		time += perf_event_time(event) - event->time_enabled_from;
	return time;
}

void perf_event_set_state(struct perf_event *event, enum perf_event_state state)
{
	if (event->state == state || event->state == PERF_EVENT_STATE_EXIT)
		return;
	if (event->state == PERF_EVENT_STATE_ACTIVE && event->pmu && event->pmu->enabled)
		event->pmu->enabled(event, false);
	event->total_time_enabled = enabled_time(event);
	event->time_enabled_from = perf_event_time(event);
	event->state = state;
	if (state == PERF_EVENT_STATE_ACTIVE && event->pmu && event->pmu->enabled)
		event->pmu->enabled(event, true);
	perf_event_update_userpage(event);
}

unsigned int perf_nr_events;

void perf_iterate(void (*what)(struct perf_event *event, void *data), void *data)
{
	struct perf_event *event;

	list_for_each_entry(event, &all_events, all)
		if (perf_event_counts_here(event))
			what(event, data);
}

static bool inherited_by(const struct perf_event *event, const struct task_struct *task)
{
	struct perf_inheritance *child;

	list_for_each_entry(child, &event->inherited, list)
		if (child->task == task)
			return true;
	return false;
}

bool perf_event_counts_here(const struct perf_event *event)
{
	return event->state == PERF_EVENT_STATE_ACTIVE && event->group_leader->state == PERF_EVENT_STATE_ACTIVE &&
	       (!event->task || event->task == current || inherited_by(event, current));
}
NOKPROBE_SYMBOL(perf_event_counts_here);

u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
	if (event->pmu && event->pmu->read)
		event->pmu->read(event);
	*enabled = *running = enabled_time(event);
	return event->count;
}

bool is_sampling_event(const struct perf_event *event)
{
	return event->attr.sample_period != 0;
}

/* ---- overflow ---- */

struct perf_event *perf_program_event;

/* A program of type PERF_EVENT decides about each sample. */
static bool program_drops(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	struct { struct pt_regs regs; u64 sample_period, addr; } ctx = { *regs, data->period, data->addr };
	u32 ret = 1;

	if (++bpf_prog_active == 1) {
		perf_program_event = event;
		ret = bpf_prog_run(event->prog, &ctx);
		perf_program_event = NULL;
	} else {
		ret = 0;
	}
	bpf_prog_active--;
	return !ret;
}

u64 perf_event_clock_advance(struct perf_event *event)
{
	u64 now = enabled_time(event), advance = now - event->clock_seen;

	event->clock_seen = now;
	return advance;
}

void perf_event_overflow(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	if (!is_sampling_event(event))
		return;
	if (event->event_limit && --event->event_limit == 0) {
		perf_event_set_state(event, PERF_EVENT_STATE_OFF);
		irq_work_queue(&event->wakeup);
	}
	if (event->prog && !event->tp_event && program_drops(event, data, regs))
		return;
	perf_event_output(event, data, regs);
}

void perf_swevent_event(struct perf_event *event, u64 nr, struct perf_sample_data *data, struct pt_regs *regs)
{
	event->count += nr;
	if (!regs || !is_sampling_event(event))
		return;
	if ((event->attr.sample_type & PERF_SAMPLE_PERIOD) && !event->attr.freq) {
		data->period = nr;
		perf_event_overflow(event, data, regs);
		return;
	}
	data->period = event->last_period;
	if (nr == 1 && event->sample_period == 1 && !event->attr.freq) {
		perf_event_overflow(event, data, regs);
		return;
	}
	event->period_left -= nr;
	if (event->period_left > 0)
		return;
	while (event->period_left <= 0)
		event->period_left += event->sample_period;
	perf_event_overflow(event, data, regs);
}
NOKPROBE_SYMBOL(perf_swevent_event);

void perf_trace_submit(struct trace_event_call *call, void *record, size_t size, struct pt_regs *regs)
{
	struct perf_event *event;

	list_for_each_entry(event, &call->perf_events, tp_list) {
		struct perf_sample_data data = { .raw = record, .raw_size = size };

		if (!perf_event_counts_here(event) || (event->attr.exclude_kernel && !user_mode(regs)) ||
		    (event->filter && !filter_match_preds(event->filter, call, record)))
			continue;
		perf_swevent_event(event, 1, &data, regs);
	}
}
NOKPROBE_SYMBOL(perf_trace_submit);

static void wake_up_readers(struct irq_work *work)
{
	struct perf_event *event = container_of(work, struct perf_event, wakeup), *other;

	wake_up_all(&event->waitq);
	if (event->rb)
		list_for_each_entry(other, &event->rb->event_list, rb_entry)
			wake_up_all(&other->waitq);
}

/* ---- BPF ---- */

int perf_event_set_bpf_prog(struct perf_event *event, struct bpf_prog *prog, u64 bpf_cookie)
{
	bool is_kprobe, is_uprobe, is_tracepoint;

	if (!event->tp_event) {
		if (event->prog)
			return -EEXIST;
		if (prog->type != BPF_PROG_TYPE_PERF_EVENT)
			return -EINVAL;
		event->prog = prog;
		event->bpf_cookie = bpf_cookie;
		return 0;
	}
	/* The PMUs of probes came later: a program of theirs was one for an event that is no tracepoint. */
	if (bpf_rules == BPF_RULES_2017 && event->attr.type != PERF_TYPE_TRACEPOINT)
		return -EINVAL;
	is_kprobe = event->tp_event->flags & TRACE_EVENT_FL_KPROBE;
	is_uprobe = event->tp_event->flags & TRACE_EVENT_FL_UPROBE;
	is_tracepoint = event->tp_event->flags & (TRACE_EVENT_FL_TRACEPOINT | TRACE_EVENT_FL_SYSCALL);
	if ((is_kprobe || is_uprobe) && prog->type != BPF_PROG_TYPE_KPROBE)
		return -EINVAL;
	if (is_tracepoint && prog->type != BPF_PROG_TYPE_TRACEPOINT)
		return -EINVAL;
	if (prog->type == BPF_PROG_TYPE_KPROBE && prog->sleepable && !is_uprobe)
		return -EINVAL;
	if (prog->kprobe_override && !is_kprobe)
		return -EINVAL;
	if (is_tracepoint && prog->max_ctx_offset > trace_event_record_end(event->tp_event))
		return -EACCES;
	return perf_event_attach_bpf_prog(event, prog, bpf_cookie);
}

void perf_event_free_bpf_prog(struct perf_event *event)
{
	if (perf_event_free_only_prog(event) || !event->prog)
		return;
	if (event->tp_event) {
		perf_event_detach_bpf_prog(event);
		return;
	}
	bpf_prog_put(event->prog);
	event->prog = NULL;
}

/* ---- groups ---- */

/* Members go on alone when their leader goes. */
static void perf_group_detach(struct perf_event *event)
{
	struct perf_event *sibling, *tmp;

	if (event->group_leader != event) {
		event->group_leader->nr_siblings--;
		list_del_init(&event->sibling);
		event->group_leader = event;
		return;
	}
	list_for_each_entry_safe(sibling, tmp, &event->siblings, sibling) {
		list_del_init(&sibling->sibling);
		sibling->group_leader = sibling;
	}
	event->nr_siblings = 0;
}

void perf_group_attach(struct perf_event *event, struct perf_event *leader)
{
	event->group_leader = leader;
	if (leader == event)
		return;
	list_add_tail(&event->sibling, &leader->siblings);
	leader->nr_siblings++;
}

/* ---- life ---- */

void perf_event_register(struct perf_event *event)
{
	refcount_set(&event->refcount, 1);
	INIT_LIST_HEAD(&event->tp_list);
	INIT_LIST_HEAD(&event->siblings);
	INIT_LIST_HEAD(&event->sibling);
	INIT_LIST_HEAD(&event->inherited);
	INIT_LIST_HEAD(&event->rb_entry);
	init_waitqueue_head(&event->waitq);
	init_irq_work(&event->wakeup, wake_up_readers);
	list_add_tail(&event->all, &all_events);
	perf_nr_events++;
	event->group_leader = event;
	event->state = PERF_EVENT_STATE_OFF;
	event->id = next_event_id++;
}

void perf_event_get(struct perf_event *event)
{
	refcount_inc(&event->refcount);
}

void perf_event_put(struct perf_event *event)
{
	struct perf_inheritance *child, *tmp;

	if (!refcount_dec_and_test(&event->refcount))
		return;
	perf_event_set_state(event, PERF_EVENT_STATE_OFF);
	perf_event_free_bpf_prog(event);
	if (event->pmu && event->pmu->destroy)
		event->pmu->destroy(event);
	if (event->rb)
		ring_buffer_attach(event, NULL);
	perf_group_detach(event);
	list_del(&event->all);
	perf_nr_events--;
	list_for_each_entry_safe(child, tmp, &event->inherited, list)
		kfree(child);
	irq_work_sync(&event->wakeup);
	event_filter_free(event->filter);
	if (event->task)
		put_task_struct(event->task);
	kfree(event);
}

void perf_event_exit_task(struct task_struct *task)
{
	struct perf_event *event;
	struct perf_inheritance *child, *tmp;

	perf_event_task(task, false);
	list_for_each_entry(event, &all_events, all) {
		if (event->task == task) {
			perf_event_set_state(event, PERF_EVENT_STATE_OFF);
			event->state = PERF_EVENT_STATE_EXIT;
			wake_up_all(&event->waitq);
		}
		list_for_each_entry_safe(child, tmp, &event->inherited, list) {
			if (child->task != task)
				continue;
			list_del(&child->list);
			kfree(child);
		}
	}
}

void perf_event_exec(void)
{
	struct perf_event *event;

	list_for_each_entry(event, &all_events, all) {
		if (event->task != current)
			continue;
		if (event->attr.enable_on_exec) {
			event->attr.enable_on_exec = 0;
			perf_event_set_state(event, PERF_EVENT_STATE_ACTIVE);
		}
		if (event->attr.remove_on_exec) {
			perf_event_set_state(event, PERF_EVENT_STATE_OFF);
			event->state = PERF_EVENT_STATE_EXIT;
			wake_up_all(&event->waitq);
		}
	}
}

void perf_event_fork(struct task_struct *child)
{
	struct perf_event *event;

	perf_event_task(child, true);
	list_for_each_entry(event, &all_events, all) {
		struct perf_inheritance *inheritance;

		if (!event->attr.inherit || !event->task || event->state == PERF_EVENT_STATE_EXIT)
			continue;
		if (event->task != current && !inherited_by(event, current))
			continue;
		if (event->attr.inherit_thread && child->group_leader == child)
			continue;
		inheritance = kmalloc(sizeof(*inheritance), GFP_KERNEL);
		if (!inheritance)
			continue;
		inheritance->task = child;
		list_add_tail(&inheritance->list, &event->inherited);
	}
}
