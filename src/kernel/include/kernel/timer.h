/* SPDX-License-Identifier: MIT */
/* Timers: functions called from the clock interrupt, by ticks or by nanoseconds. */
#ifndef _KERNEL_TIMER_H
#define _KERNEL_TIMER_H

#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/time.h>

struct timer_list {
	struct list_head entry;
	unsigned long expires;		/* jiffies */
	void (*function)(struct timer_list *timer);
	u64 expires_ns;			/* of struct hrtimer users; 0: use expires */
};

#define from_timer(var, callback_timer, field) container_of(callback_timer, __typeof__(*var), field)
#define DEFINE_TIMER(name, fn)	struct timer_list name = { .function = fn }
void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags);
#define timer_setup_on_stack timer_setup
#define destroy_timer_on_stack(timer) ((void)(timer))
int mod_timer(struct timer_list *timer, unsigned long expires);
/* At a time of ktime_get_ns(). */
int mod_timer_ns(struct timer_list *timer, u64 expires_ns);
int del_timer(struct timer_list *timer);
#define del_timer_sync		del_timer
#define timer_delete_sync	del_timer
static inline bool timer_pending(const struct timer_list *timer)
{
	return timer->entry.next && timer->entry.next != LIST_POISON1;
}

/* Sleeps until a time of ktime_get_ns(); false if woken before. The state must have been set. */
bool schedule_until(u64 ns);

#endif
