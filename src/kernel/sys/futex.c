// SPDX-License-Identifier: MIT
/*
 * futex(2): waiting for a word in memory to change, as libc's locks do. A futex is known by its address space and
 * address. Priority inheritance is not offered.
 */
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/list.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include <linux/futex.h>

struct futex_waiter {
	struct list_head list;
	struct task_struct *task;
	struct mm_struct *mm;
	unsigned long address;
	u32 bitset;
	bool woken;
};

static LIST_HEAD(waiters);

int futex_wake(unsigned long address, int count, u32 bitset)
{
	struct futex_waiter *w, *tmp;
	int woken = 0;

	list_for_each_entry_safe(w, tmp, &waiters, list) {
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

/* @expires: monotonic ns; 0: none. */
static long futex_wait(unsigned long address, u32 expected, u64 expires, u32 bitset)
{
	struct futex_waiter w = { .task = current, .mm = current->mm, .address = address, .bitset = bitset };
	u32 value;
	long ret = 0;

	if (get_user(value, (u32 __user *)address))
		return -EFAULT;
	if (value != expected)
		return -EAGAIN;
	list_add_tail(&w.list, &waiters);
	while (!w.woken) {
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		if (expires && ktime_get_ns() >= expires) {
			ret = -ETIMEDOUT;
			break;
		}
		set_current_state(TASK_INTERRUPTIBLE);
		if (expires)
			schedule_until(expires);
		else
			schedule();
	}
	if (w.woken)
		return 0;
	list_del(&w.list);
	return ret;
}

static long futex_requeue(unsigned long from, unsigned long to, int nr_wake, int nr_requeue, const u32 *expected)
{
	struct futex_waiter *w;
	int done;
	u32 value;

	if (expected) {
		if (get_user(value, (u32 __user *)from))
			return -EFAULT;
		if (value != *expected)
			return -EAGAIN;
	}
	done = futex_wake(from, nr_wake, FUTEX_BITSET_MATCH_ANY);
	list_for_each_entry(w, &waiters, list) {
		if (nr_requeue <= 0)
			break;
		if (w->mm == current->mm && w->address == from) {
			w->address = to;
			nr_requeue--;
			done++;
		}
	}
	return done;
}

static int deadline(const struct __kernel_timespec __user *utime, int op, u64 *expires)
{
	bool absolute = (op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	struct timespec64 ts;
	u64 ns, now = ktime_get_ns();

	*expires = 0;
	if (!utime)
		return 0;
	if (get_timespec64(&ts, utime))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	ns = timespec64_to_ns(&ts);
	if (!absolute)
		ns += now;
	else if (op & FUTEX_CLOCK_REALTIME)
		ns = ns > ktime_get_real_ns() ? now + (ns - ktime_get_real_ns()) : now;
	*expires = max_t(u64, ns, 1);
	return 0;
}

SYSCALL_DEFINE6(futex, u32 __user *, uaddr, int, op, u32, val, const struct __kernel_timespec __user *, utime,
		u32 __user *, uaddr2, u32, val3)
{
	unsigned long address = (unsigned long)uaddr, address2 = (unsigned long)uaddr2;
	int count2 = (int)(long)utime, ret;
	u64 expires;

	if (address % sizeof(u32))
		return -EINVAL;
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		val3 = FUTEX_BITSET_MATCH_ANY;
		/* fall through */
	case FUTEX_WAIT_BITSET:
		if (!val3)
			return -EINVAL;
		ret = deadline(utime, op, &expires);
		return ret ? ret : futex_wait(address, val, expires, val3);
	case FUTEX_WAKE:
		return futex_wake(address, val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val3 ? futex_wake(address, val, val3) : -EINVAL;
	case FUTEX_REQUEUE:
		return futex_requeue(address, address2, val, count2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(address, address2, val, count2, &val3);
	default:
		return -ENOSYS;
	}
}

SYSCALL_DEFINE2(set_robust_list, void __user *, head, size_t, len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

SYSCALL_DEFINE3(get_robust_list, int, pid, void __user *__user *, head, size_t __user *, len)
{
	struct task_struct *p = pid ? find_task_by_vpid(pid) : current;

	if (!p)
		return -ESRCH;
	return put_user(p->robust_list, head) || put_user(sizeof(struct robust_list_head), len) ? -EFAULT : 0;
}
