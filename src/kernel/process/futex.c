// SPDX-License-Identifier: MIT
/* Futexes: waiting for a word of user memory, by its address and address space. (man futex) */
#include <linux/futex.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "process.h"

struct waiter {
	struct list_head list;
	struct task_struct *task;
	struct mm_struct *mm;
	unsigned long address;
	u32 bitset;
	bool woken;
};

static LIST_HEAD(waiters);

static int wake(unsigned long address, int count, u32 bitset)
{
	struct waiter *w, *next;
	int woken = 0;

	list_for_each_entry_safe(w, next, &waiters, list) {
		if (woken >= count)
			break;
		if (w->mm != current->mm || w->address != address || !(w->bitset & bitset))
			continue;
		list_del_init(&w->list);
		w->woken = true;
		wake_up_process(w->task);
		woken++;
	}
	return woken;
}

int futex_wake_address(unsigned int __user *addr, int count)
{
	return wake((unsigned long)addr, count, FUTEX_BITSET_MATCH_ANY);
}

static long futex_wait(u32 __user *uaddr, u32 value, bool timed, u64 end, u32 bitset)
{
	struct waiter w = { .task = current, .mm = current->mm, .address = (unsigned long)uaddr, .bitset = bitset };
	long ret = 0;
	u32 now;

	if (!bitset)
		return -EINVAL;
	if (get_user(now, uaddr))
		return -EFAULT;
	if (now != value)
		return -EAGAIN;
	list_add_tail(&w.list, &waiters);
	while (!w.woken) {
		if (timed && ktime_get_ns() >= end) {
			ret = -ETIMEDOUT;
			break;
		}
		if (signal_pending(current)) {
			ret = timed ? -EINTR : -ERESTARTSYS;
			break;
		}
		set_current_state(TASK_INTERRUPTIBLE);
		if (timed)
			schedule_until(end);
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	if (w.woken)
		return 0;
	list_del(&w.list);
	return ret;
}

static long futex_requeue(unsigned long from, int nr_wake, int nr_requeue, unsigned long to)
{
	int done = wake(from, nr_wake, FUTEX_BITSET_MATCH_ANY);
	struct waiter *w;

	list_for_each_entry(w, &waiters, list) {
		if (!nr_requeue)
			break;
		if (w->mm != current->mm || w->address != from)
			continue;
		w->address = to;
		nr_requeue--;
		done++;
	}
	return done;
}

SYSCALL_DEFINE6(futex, u32 __user *, uaddr, int, op, u32, val, const struct __kernel_timespec __user *, utime,
		u32 __user *, uaddr2, u32, val3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool timed = utime && (cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET);
	struct timespec64 ts;
	u64 end = 0;
	u32 value;

	if ((unsigned long)uaddr & 3)
		return -EINVAL;
	if (timed) {
		if (get_timespec64(&ts, utime))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		end = timespec64_to_ns(&ts);
		if (cmd == FUTEX_WAIT)
			end += ktime_get_ns();
		else if (op & FUTEX_CLOCK_REALTIME)
			end -= ktime_get_real_ns() - ktime_get_ns();
	}
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait(uaddr, val, timed, end, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait(uaddr, val, timed, end, val3);
	case FUTEX_WAKE:
		return wake((unsigned long)uaddr, val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val3 ? wake((unsigned long)uaddr, val, val3) : -EINVAL;
	case FUTEX_CMP_REQUEUE:
		if (get_user(value, uaddr))
			return -EFAULT;
		if (value != val3)
			return -EAGAIN;
		fallthrough;
	case FUTEX_REQUEUE:
		return futex_requeue((unsigned long)uaddr, val, (unsigned long)utime, (unsigned long)uaddr2);
	}
	return -ENOSYS;
}

SYSCALL_DEFINE2(set_robust_list, struct robust_list_head __user *, head, size_t, len)
{
	if (len != sizeof(*head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

static void owner_died(u32 __user *uaddr)
{
	u32 value;

	if (get_user(value, uaddr) || (value & FUTEX_TID_MASK) != (u32)current->pid)
		return;
	if (!put_user((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, uaddr) && (value & FUTEX_WAITERS))
		wake((unsigned long)uaddr, 1, FUTEX_BITSET_MATCH_ANY);
}

/* Marks the locks that the dying thread still holds. */
void exit_robust_list(struct task_struct *task)
{
	struct robust_list_head __user *head = task->robust_list;
	struct robust_list __user *entry, *pending;
	long offset;

	task->robust_list = NULL;
	if (!head || !task->mm || get_user(entry, &head->list.next) || get_user(offset, &head->futex_offset) ||
	    get_user(pending, &head->list_op_pending))
		return;
	for (int limit = 0; entry != &head->list && limit < ROBUST_LIST_LIMIT; limit++) {
		struct robust_list __user *next;
		bool last = get_user(next, &entry->next);

		if (entry != pending)
			owner_died((void __user *)entry + offset);
		if (last)
			return;
		entry = next;
	}
	if (pending)
		owner_died((void __user *)pending + offset);
}
