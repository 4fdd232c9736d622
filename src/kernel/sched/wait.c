// SPDX-License-Identifier: MIT
/* Wait queues and completions. */
#include <kernel/completion.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/wait.h>

int default_wake_function(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key)
{
	return wake_up_state(wait->private, mode | TASK_WAKEKILL);
}

int autoremove_wake_function(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key)
{
	int woken = wake_up_state(wait->private, mode);

	if (woken)
		list_del_init(&wait->entry);
	return woken;
}

void add_wait_queue(wait_queue_head_t *wq, wait_queue_entry_t *wait)
{
	unsigned long flags;

	local_irq_save(flags);
	wait->flags &= ~WQ_FLAG_EXCLUSIVE;
	list_add(&wait->entry, &wq->head);
	local_irq_restore(flags);
}

void remove_wait_queue(wait_queue_head_t *wq, wait_queue_entry_t *wait)
{
	unsigned long flags;

	local_irq_save(flags);
	list_del_init(&wait->entry);
	local_irq_restore(flags);
}

static void prepare(wait_queue_head_t *wq, wait_queue_entry_t *wait, int state, bool exclusive)
{
	unsigned long flags;

	local_irq_save(flags);
	if (list_empty(&wait->entry)) {
		if (exclusive)
			list_add_tail(&wait->entry, &wq->head);
		else
			list_add(&wait->entry, &wq->head);
	}
	wait->flags = exclusive ? WQ_FLAG_EXCLUSIVE : 0;
	set_current_state(state);
	local_irq_restore(flags);
}

void prepare_to_wait(wait_queue_head_t *wq, wait_queue_entry_t *wait, int state)
{
	prepare(wq, wait, state, false);
}

void prepare_to_wait_exclusive(wait_queue_head_t *wq, wait_queue_entry_t *wait, int state)
{
	prepare(wq, wait, state, true);
}

void finish_wait(wait_queue_head_t *wq, wait_queue_entry_t *wait)
{
	unsigned long flags;

	__set_current_state(TASK_RUNNING);
	local_irq_save(flags);
	if (!list_empty(&wait->entry))
		list_del_init(&wait->entry);
	local_irq_restore(flags);
}

void __wake_up(wait_queue_head_t *wq, unsigned int mode, int nr, void *key)
{
	wait_queue_entry_t *wait, *next;
	unsigned long flags;

	local_irq_save(flags);
	list_for_each_entry_safe(wait, next, &wq->head, entry) {
		bool exclusive = wait->flags & WQ_FLAG_EXCLUSIVE;

		if (wait->func(wait, mode, 0, key) && exclusive && !--nr)
			break;
	}
	local_irq_restore(flags);
}

bool signal_pending_state(unsigned int state, struct task_struct *task)
{
	if (!(state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) || !signal_pending(task))
		return false;
	return (state & TASK_INTERRUPTIBLE) || fatal_signal_pending(task);
}

/* ---- completions ---- */

void complete(struct completion *x)
{
	unsigned long flags;

	local_irq_save(flags);
	if (x->done != UINT_MAX)
		x->done++;
	local_irq_restore(flags);
	wake_up(&x->wait);
}

bool try_wait_for_completion(struct completion *x)
{
	unsigned long flags;
	bool done;

	local_irq_save(flags);
	done = x->done;
	if (done && x->done != UINT_MAX)
		x->done--;
	local_irq_restore(flags);
	return done;
}

void wait_for_completion(struct completion *x)
{
	wait_event(x->wait, try_wait_for_completion(x));
}

int wait_for_completion_killable(struct completion *x)
{
	return wait_event_killable(x->wait, try_wait_for_completion(x));
}
