/* SPDX-License-Identifier: MIT */
/*
 * RCU whose readers may sleep, and whose cost is the reader's nesting count: "tasks trace". A grace period waits for
 * every task that was in a reader when it began. (Documentation/RCU/; semantics D7, D14; src/kernel/rcu/tasks_trace.c)
 */
#ifndef _KERNEL_RCUPDATE_TRACE_H
#define _KERNEL_RCUPDATE_TRACE_H

#include <kernel/compiler.h>
#include <kernel/sched.h>

void rcu_read_unlock_trace_special(struct task_struct *task);

static inline void rcu_read_lock_trace(void)
{
	struct task_struct *task = current;

	WRITE_ONCE(task->trc_reader_nesting, task->trc_reader_nesting + 1);
	barrier();
}

static inline void rcu_read_unlock_trace(void)
{
	struct task_struct *task = current;
	int nesting = task->trc_reader_nesting - 1;

	barrier();
	WRITE_ONCE(task->trc_reader_nesting, nesting);
	/* Somebody waits for this reader. */
	if (unlikely(task->trc_reader_need_qs) && !nesting)
		rcu_read_unlock_trace_special(task);
}

static inline bool rcu_read_lock_trace_held(void)
{
	return current->trc_reader_nesting > 0;
}

/*
 * Calls @func when every reader that there is now has left. With none there is nothing to wait for, and @func has
 * been called before this returns; otherwise a kernel thread calls it.
 */
void call_rcu_tasks_trace(struct rcu_head *head, void (*func)(struct rcu_head *head));
/* Waits until every reader that there is now has left. May not be called by a reader. */
void synchronize_rcu_tasks_trace(void);
/* A task that dies inside a reader (of an oops) leaves it. */
void exit_tasks_rcu(struct task_struct *task);

#endif
