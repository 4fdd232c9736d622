// SPDX-License-Identifier: MIT
/*
 * Software events: clocks, page faults, context switches, output of BPF programs. (man perf_event_open, PERF_COUNT_SW_)
 */
#include <kernel/err.h>
#include <kernel/init.h>
#include <kernel/irq.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/perf_event.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/time.h>
#include <kernel/timer.h>

/* Shorter periods of a clock would leave no time for anything else. */
#define MIN_CLOCK_PERIOD	10000

static LIST_HEAD(software_events);	/* by tp_list; all but the clocks */

unsigned int perf_sw_enabled;

static bool is_clock(const struct perf_event *event)
{
	return event->attr.config == PERF_COUNT_SW_CPU_CLOCK || event->attr.config == PERF_COUNT_SW_TASK_CLOCK;
}

void perf_sw_event(unsigned int config, u64 nr, struct pt_regs *regs, u64 addr)
{
	struct perf_event *event;

	list_for_each_entry(event, &software_events, tp_list) {
		struct perf_sample_data data = { .addr = addr };

		if (event->attr.config != config || !perf_event_counts_here(event) ||
		    (regs && (user_mode(regs) ? event->attr.exclude_user : event->attr.exclude_kernel)))
			continue;
		perf_swevent_event(event, nr, &data, regs);
	}
}
NOKPROBE_SYMBOL(perf_sw_event);

/* ---- clocks ---- */

static u64 period_ns(const struct perf_event *event)
{
	u64 period = event->attr.freq ? NSEC_PER_SEC / max_t(u64, event->attr.sample_freq, 1) : event->sample_period;

	return max_t(u64, period, MIN_CLOCK_PERIOD);
}

/* In the timer's interrupt: a sample of what it interrupted. */
static void clock_tick(struct timer_list *timer)
{
	struct perf_event *event = from_timer(event, timer, timer);
	struct pt_regs *regs = get_irq_regs();
	struct perf_sample_data data = { .period = event->last_period };

	if (event->state != PERF_EVENT_STATE_ACTIVE)
		return;
	if (regs && perf_event_counts_here(event) && !(event->attr.exclude_idle && current == &init_task) &&
	    !(user_mode(regs) ? event->attr.exclude_user : event->attr.exclude_kernel))
		perf_event_overflow(event, &data, regs);
	if (event->state == PERF_EVENT_STATE_ACTIVE)
		mod_timer_ns(timer, ktime_get_ns() + period_ns(event));
}

static void software_enabled(struct perf_event *event, bool on)
{
	if (!is_clock(event) || !is_sampling_event(event))
		return;
	if (on)
		mod_timer_ns(&event->timer, ktime_get_ns() + period_ns(event));
	else
		del_timer(&event->timer);
}

/* A clock's count is the time for which it was enabled. */
static void software_read(struct perf_event *event)
{
	if (is_clock(event))
		event->count += perf_event_clock_advance(event);
}

static int software_init(struct perf_event *event)
{
	if (event->attr.type != PERF_TYPE_SOFTWARE || event->attr.config >= PERF_COUNT_SW_MAX)
		return -ENOENT;
	if (event->attr.sample_type & PERF_SAMPLE_BRANCH_STACK)
		return -EOPNOTSUPP;
	if (((event->attr.sample_type & PERF_SAMPLE_REGS_USER) && event->attr.sample_regs_user >> 32) ||
	    ((event->attr.sample_type & PERF_SAMPLE_REGS_INTR) && event->attr.sample_regs_intr >> 32))
		return -EOPNOTSUPP;
	if (is_clock(event)) {
		timer_setup(&event->timer, clock_tick, 0);
	} else {
		list_add_tail(&event->tp_list, &software_events);
		perf_sw_enabled++;
	}
	return 0;
}

static void software_destroy(struct perf_event *event)
{
	if (is_clock(event)) {
		del_timer_sync(&event->timer);
	} else {
		list_del_init(&event->tp_list);
		perf_sw_enabled--;
	}
}

static struct pmu software_pmu = {
	.name = "software", .type = PERF_TYPE_SOFTWARE, .event_init = software_init, .destroy = software_destroy,
	.enabled = software_enabled, .read = software_read,
};

static int __init software_pmu_init(void)
{
	return perf_pmu_register(&software_pmu);
}
device_initcall(software_pmu_init);
