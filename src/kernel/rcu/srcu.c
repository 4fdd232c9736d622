// SPDX-License-Identifier: MIT
/*
 * Sleepable RCU. The two functions that readers call are what the series of 2020 measured: they are calls, and each has a
 * full barrier, because elsewhere a processor may be adding the counters up. This kernel has one processor and would not
 * need it; it is here so that a reader executes what one executes in Linux. (Documentation/RCU/)
 */
#include <kernel/bug.h>
#include <kernel/completion.h>
#include <kernel/irqflags.h>
#include <kernel/jiffies.h>
#include <kernel/kernel.h>
#include <kernel/srcu.h>

enum { IDLE, OTHER_HALF, OWN_HALF };

static __always_inline void full_barrier(void)
{
	__asm__ __volatile__("lock; addl $0, -4(%%rsp)" ::: "memory", "cc");
}

int __srcu_read_lock(struct srcu_struct *ssp)
{
	int idx = READ_ONCE(ssp->srcu_idx) & 1;

	WRITE_ONCE(ssp->srcu_lock_count[idx], ssp->srcu_lock_count[idx] + 1);
	full_barrier();		/* in before anything that is read */
	return idx;
}

void __srcu_read_unlock(struct srcu_struct *ssp, int idx)
{
	full_barrier();		/* out after everything that was read */
	WRITE_ONCE(ssp->srcu_unlock_count[idx], ssp->srcu_unlock_count[idx] + 1);
}

static bool half_is_empty(struct srcu_struct *ssp, unsigned int idx)
{
	return ssp->srcu_lock_count[idx & 1] == ssp->srcu_unlock_count[idx & 1];
}

static void begin(struct srcu_struct *ssp)
{
	ssp->waiting = ssp->next;
	ssp->next = NULL;
	ssp->next_last = &ssp->next;
	ssp->phase = ssp->waiting ? OTHER_HALF : IDLE;
}

/* Goes on as far as readers let it. False: look again later. */
static bool advance(struct srcu_struct *ssp)
{
	/* A reader may have read the index long ago and count itself in now: both halves have to have been empty. */
	if (ssp->phase == OTHER_HALF) {
		if (!half_is_empty(ssp, ssp->srcu_idx + 1))
			return false;
		ssp->srcu_idx++;
		ssp->phase = OWN_HALF;
	}
	return half_is_empty(ssp, ssp->srcu_idx + 1);
}

static void srcu_work(struct work_struct *work)
{
	struct srcu_struct *ssp = container_of(work, struct srcu_struct, work);
	struct rcu_head *head, *then;

	while (ssp->phase != IDLE) {
		if (!advance(ssp)) {
			mod_timer(&ssp->timer, jiffies + 1);
			return;
		}
		head = ssp->waiting;
		ssp->waiting = NULL;
		for (; head; head = then) {
			then = head->next;
			head->func(head);
		}
		begin(ssp);
	}
}

static void srcu_timer(struct timer_list *timer)
{
	struct srcu_struct *ssp = from_timer(ssp, timer, timer);

	schedule_work(&ssp->work);
}

int init_srcu_struct(struct srcu_struct *ssp)
{
	*ssp = (struct srcu_struct){ .next_last = &ssp->next };
	INIT_WORK(&ssp->work, srcu_work);
	timer_setup(&ssp->timer, srcu_timer, 0);
	return 0;
}

void call_srcu(struct srcu_struct *ssp, struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	unsigned long flags;

	if (ssp->phase == IDLE && half_is_empty(ssp, 0) && half_is_empty(ssp, 1)) {
		func(head);
		return;
	}
	local_irq_save(flags);
	head->func = func;
	head->next = NULL;
	*ssp->next_last = head;
	ssp->next_last = &head->next;
	if (ssp->phase == IDLE) {
		begin(ssp);
		schedule_work(&ssp->work);
	}
	local_irq_restore(flags);
}

unsigned long srcu_readers(const struct srcu_struct *ssp)
{
	return ssp->srcu_lock_count[0] + ssp->srcu_lock_count[1] - ssp->srcu_unlock_count[0] - ssp->srcu_unlock_count[1];
}

unsigned int srcu_waiting(const struct srcu_struct *ssp)
{
	const struct rcu_head *head;
	unsigned int count = 0;

	for (head = ssp->waiting; head; head = head->next)
		count++;
	for (head = ssp->next; head; head = head->next)
		count++;
	return count;
}

struct waiter {
	struct rcu_head rcu;
	struct completion done;
};

static void wake_waiter(struct rcu_head *head)
{
	complete(&container_of(head, struct waiter, rcu)->done);
}

void synchronize_srcu(struct srcu_struct *ssp)
{
	struct waiter waiter;

	init_completion(&waiter.done);
	call_srcu(ssp, &waiter.rcu, wake_waiter);
	wait_for_completion(&waiter.done);
}
