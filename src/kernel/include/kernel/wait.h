/* SPDX-License-Identifier: MIT */
/* Wait queues: sleeping until a condition holds. */
#ifndef _KERNEL_WAIT_H
#define _KERNEL_WAIT_H

#include <kernel/wait-types.h>
#include <kernel/errno.h>

int default_wake_function(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key);
int autoremove_wake_function(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key);

#define DECLARE_WAITQUEUE(name, tsk) \
	wait_queue_entry_t name = { .private = (tsk), .func = default_wake_function, .entry = { NULL, NULL } }
#define DEFINE_WAIT_FUNC(name, function) \
	wait_queue_entry_t name = { .private = current, .func = function, .entry = LIST_HEAD_INIT((name).entry) }
#define DEFINE_WAIT(name)	DEFINE_WAIT_FUNC(name, autoremove_wake_function)

static inline void init_waitqueue_func_entry(wait_queue_entry_t *wait, wait_queue_func_t func)
{
	wait->flags = 0;
	wait->private = NULL;
	wait->func = func;
}

static inline bool waitqueue_active(const wait_queue_head_t *wq)
{
	return !list_empty(&wq->head);
}

void add_wait_queue(wait_queue_head_t *wq, wait_queue_entry_t *wait);
void remove_wait_queue(wait_queue_head_t *wq, wait_queue_entry_t *wait);
void prepare_to_wait(wait_queue_head_t *wq, wait_queue_entry_t *wait, int state);
void prepare_to_wait_exclusive(wait_queue_head_t *wq, wait_queue_entry_t *wait, int state);
void finish_wait(wait_queue_head_t *wq, wait_queue_entry_t *wait);
/* @nr: exclusive waiters to wake; 0: all. */
void __wake_up(wait_queue_head_t *wq, unsigned int mode, int nr, void *key);

#define wake_up(wq)			__wake_up(wq, TASK_NORMAL, 1, NULL)
#define wake_up_nr(wq, nr)		__wake_up(wq, TASK_NORMAL, nr, NULL)
#define wake_up_all(wq)			__wake_up(wq, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(wq)	__wake_up(wq, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_all(wq)	__wake_up(wq, TASK_INTERRUPTIBLE, 0, NULL)
#define wake_up_poll(wq, m)		__wake_up(wq, TASK_NORMAL, 1, (void *)(unsigned long)(m))
#define wake_up_interruptible_poll(wq, m) __wake_up(wq, TASK_INTERRUPTIBLE, 1, (void *)(unsigned long)(m))

/* The value of ___wait_event: 0, -ERESTARTSYS, or what is left of the timeout. */
#define ___wait_event(wq, condition, state, exclusive, ret, cmd) ({		\
	DEFINE_WAIT(__wait);							\
	long __ret = ret;							\
	for (;;) {								\
		if (exclusive)							\
			prepare_to_wait_exclusive(&(wq), &__wait, state);	\
		else								\
			prepare_to_wait(&(wq), &__wait, state);			\
		if (condition)							\
			break;							\
		if (signal_pending_state(state, current)) {			\
			__ret = -ERESTARTSYS;					\
			break;							\
		}								\
		cmd;								\
	}									\
	finish_wait(&(wq), &__wait);						\
	__ret; })

#define ___wait_timeout(wq, condition, state, timeout) ({			\
	long __tmo = (timeout);							\
	bool __cond = !!(condition);						\
	long __r = 0;								\
	if (!__cond)								\
		__r = ___wait_event(wq, (__cond = !!(condition)) || !__tmo, state, 0, 0, __tmo = schedule_timeout(__tmo)); \
	__r ? __r : __cond ? (__tmo ? __tmo : 1) : 0; })

#define wait_event(wq, condition) do {						\
	if (!(condition))							\
		(void)___wait_event(wq, condition, TASK_UNINTERRUPTIBLE, 0, 0, schedule()); } while (0)
#define wait_event_interruptible(wq, condition) \
	({ int __r = 0; if (!(condition)) __r = ___wait_event(wq, condition, TASK_INTERRUPTIBLE, 0, 0, schedule()); __r; })
#define wait_event_interruptible_exclusive(wq, condition) \
	({ int __r = 0; if (!(condition)) __r = ___wait_event(wq, condition, TASK_INTERRUPTIBLE, 1, 0, schedule()); __r; })
#define wait_event_killable(wq, condition) \
	({ int __r = 0; if (!(condition)) __r = ___wait_event(wq, condition, TASK_KILLABLE, 0, 0, schedule()); __r; })
#define wait_event_timeout(wq, condition, timeout) ___wait_timeout(wq, condition, TASK_UNINTERRUPTIBLE, timeout)
#define wait_event_interruptible_timeout(wq, condition, timeout) ___wait_timeout(wq, condition, TASK_INTERRUPTIBLE, timeout)

/* The macros above need the scheduler. */
#include <kernel/sched.h>

#endif
