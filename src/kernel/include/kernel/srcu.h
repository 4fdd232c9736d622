/* SPDX-License-Identifier: MIT */
/*
 * Sleepable RCU: readers of one domain count themselves in and out, in one of two halves. A grace period sends new readers
 * to the other half and waits until the first is empty. (Documentation/RCU/; src/kernel/rcu/srcu.c)
 */
#ifndef _KERNEL_SRCU_H
#define _KERNEL_SRCU_H

#include <kernel/compiler.h>
#include <kernel/timer.h>
#include <kernel/types.h>
#include <kernel/workqueue.h>

struct srcu_struct {
	unsigned int srcu_idx;			/* the half for new readers is its last bit */
	unsigned long srcu_lock_count[2];
	unsigned long srcu_unlock_count[2];
	unsigned int phase;			/* of the grace period under way; 0: there is none */
	struct rcu_head *waiting, *next, **next_last;
	struct work_struct work;
	struct timer_list timer;		/* looks again while there are readers */
};

int init_srcu_struct(struct srcu_struct *ssp);
/* Which half the reader is in; srcu_read_unlock() wants to know. */
int __srcu_read_lock(struct srcu_struct *ssp);
void __srcu_read_unlock(struct srcu_struct *ssp, int idx);

static inline int srcu_read_lock(struct srcu_struct *ssp)
{
	return __srcu_read_lock(ssp);
}

static inline void srcu_read_unlock(struct srcu_struct *ssp, int idx)
{
	__srcu_read_unlock(ssp, idx);
}

/* Calls @func when every reader that there is now has left; at once if there is none. */
void call_srcu(struct srcu_struct *ssp, struct rcu_head *head, void (*func)(struct rcu_head *head));
/* Readers that there are, and calls that wait for them. */
unsigned long srcu_readers(const struct srcu_struct *ssp);
unsigned int srcu_waiting(const struct srcu_struct *ssp);
/* Waits until every reader that there is now has left. May not be called by a reader. */
void synchronize_srcu(struct srcu_struct *ssp);

#endif
