// SPDX-License-Identifier: MIT
/*
 * Timers, in a list ordered by time, and the clock interrupt. The APIC timer is set for the next thing that is due: a
 * timer, or the tick if a task is running. While the processor idles there are no ticks.
 */
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/timer.h>
#include <generated/platform.h>
#include "../arch/arch.h"
#include "../boot/boot.h"
#include "sched.h"

static LIST_HEAD(timers);
static u64 next_tick;

static void update_jiffies(u64 now)
{
	jiffies = now / TICK_NSEC;
}

/* Sets the APIC timer; called with interrupts off. @idle: no tick is wanted. */
void timer_program(bool idle)
{
	u64 now = ktime_get_ns(), due = ~0ULL;

	if (!list_empty(&timers))
		due = list_first_entry(&timers, struct timer_list, entry)->expires_ns;
	if (!idle) {
		if (next_tick <= now)
			next_tick = now - now % TICK_NSEC + TICK_NSEC;
		due = min(due, next_tick);
	}
	if (due == ~0ULL)
		lapic_timer_set(0);
	else
		lapic_timer_set(due > now ? (due - now) * (PLATFORM_TICKS_PER_SECOND / NSEC_PER_SEC) + 1 : 1);
}

static void insert(struct timer_list *timer)
{
	struct timer_list *other;

	list_for_each_entry_reverse(other, &timers, entry)
		if (other->expires_ns <= timer->expires_ns)
			break;
	list_add(&timer->entry, &other->entry);
	if (timers.next == &timer->entry)
		timer_program(current->pid == 0);
}

void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags)
{
	*timer = (struct timer_list){ .function = function };
}

int mod_timer_ns(struct timer_list *timer, u64 expires_ns)
{
	unsigned long flags;
	int pending;

	local_irq_save(flags);
	pending = timer_pending(timer);
	if (pending)
		list_del(&timer->entry);
	timer->expires_ns = expires_ns;
	timer->expires = expires_ns / TICK_NSEC;
	insert(timer);
	local_irq_restore(flags);
	return pending;
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
	return mod_timer_ns(timer, expires > KTIME_MAX / TICK_NSEC ? KTIME_MAX : (u64)expires * TICK_NSEC);
}

int del_timer(struct timer_list *timer)
{
	unsigned long flags;
	int pending;

	local_irq_save(flags);
	pending = timer_pending(timer);
	if (pending) {
		list_del(&timer->entry);
		timer->entry.next = NULL;
	}
	local_irq_restore(flags);
	return pending;
}

static void run_timers(u64 now)
{
	while (!list_empty(&timers)) {
		struct timer_list *timer = list_first_entry(&timers, struct timer_list, entry);

		if (timer->expires_ns > now)
			break;
		list_del(&timer->entry);
		timer->entry.next = NULL;
		timer->function(timer);
	}
}

void timer_interrupt(struct pt_regs *regs)
{
	u64 now = ktime_get_ns();

	update_jiffies(now);
	run_timers(now);
	softlockup_tick(regs);
	if (now >= next_tick)
		scheduler_tick(user_mode(regs));
	timer_program(current->pid == 0 && !current->need_resched);
}

/* ---- sleeping for a time ---- */

struct sleeper {
	struct timer_list timer;
	struct task_struct *task;
};

static void wake_sleeper(struct timer_list *timer)
{
	wake_up_process(from_timer((struct sleeper *)NULL, timer, timer)->task);
}

bool schedule_until(u64 ns)
{
	struct sleeper sleeper = { .task = current };

	timer_setup(&sleeper.timer, wake_sleeper, 0);
	mod_timer_ns(&sleeper.timer, ns);
	schedule();
	del_timer(&sleeper.timer);
	return ktime_get_ns() >= ns;
}

long schedule_timeout(long timeout)
{
	u64 end;
	s64 left;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return timeout;
	}
	if (timeout <= 0) {
		__set_current_state(TASK_RUNNING);
		return 0;
	}
	end = ktime_get_ns() + (u64)timeout * TICK_NSEC;
	schedule_until(end);
	left = end - ktime_get_ns();
	update_jiffies(ktime_get_ns());
	return left > 0 ? DIV_ROUND_UP(left, TICK_NSEC) : 0;
}

long schedule_timeout_interruptible(long timeout)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout);
}

long schedule_timeout_uninterruptible(long timeout)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}
