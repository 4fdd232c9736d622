// SPDX-License-Identifier: MIT
/* Futexes: waiting for a word of user memory, by its address and address space. (man futex) */
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <kernel/fault-inject.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "process.h"

/* What a futex is known by: its address in an address space, or, in shared memory, where the memory is. */
struct futex_key {
	struct mm_struct *mm;
	unsigned long address;
};

struct waiter {
	struct list_head list;
	struct task_struct *task;
	struct futex_key key;
	u32 bitset;
	bool woken;
	bool pi;			/* waits for a lock that is handed over */
};

static LIST_HEAD(waiters);

static int get_key(const void __user *uaddr, bool private, struct futex_key *key)
{
	unsigned long address = (unsigned long)uaddr;
	struct vm_area_struct *vma;
	struct page *page;

	if (address & 3)
		return -EINVAL;
	if (address >= TASK_SIZE || should_fail_futex(!private))
		return -EFAULT;
	*key = (struct futex_key){ current->mm, address };
	if (private)
		return 0;
	vma = find_vma(current->mm, address);
	if (!vma || vma->vm_start > address || should_fail_futex(true))
		return -EFAULT;
	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	page = get_user_page(current->mm, address, vma->vm_flags & VM_WRITE);
	if (!page)
		return -EFAULT;
	/* Such a page stays where it is as long as it is mapped. */
	*key = (struct futex_key){ NULL, page_to_phys(page) + offset_in_page(address) };
	put_page(page);
	return 0;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->mm == b->mm && a->address == b->address;
}

static int wake(const struct futex_key *key, int count, u32 bitset)
{
	struct waiter *w, *next;
	int woken = 0;

	list_for_each_entry_safe(w, next, &waiters, list) {
		if (!same_key(&w->key, key) || !(w->bitset & bitset))
			continue;
		if (w->pi)
			return -EINVAL;
		list_del_init(&w->list);
		w->woken = true;
		wake_up_process(w->task);
		if (++woken >= count)
			break;
	}
	return woken;
}

int futex_wake_address(unsigned int __user *addr, int count)
{
	struct futex_key key;

	return get_key(addr, false, &key) ? 0 : wake(&key, count, FUTEX_BITSET_MATCH_ANY);
}

/* Sleeps on @w until woken; then it is in the list no more. */
static long wait_on(struct waiter *w, bool timed, u64 end)
{
	long ret = 0;

	list_add_tail(&w->list, &waiters);
	while (!w->woken) {
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
	if (w->woken)
		return 0;
	list_del(&w->list);
	return ret;
}

static long futex_wait(u32 __user *uaddr, const struct futex_key *key, u32 value, bool timed, u64 end, u32 bitset)
{
	struct waiter w = { .task = current, .key = *key, .bitset = bitset };
	u32 now;

	if (!bitset)
		return -EINVAL;
	if (get_user(now, uaddr))
		return -EFAULT;
	return now == value ? wait_on(&w, timed, end) : -EAGAIN;
}

static long futex_requeue(const struct futex_key *from, int nr_wake, int nr_requeue, const struct futex_key *to)
{
	int done = nr_wake ? wake(from, nr_wake, FUTEX_BITSET_MATCH_ANY) : 0;
	struct waiter *w;

	list_for_each_entry(w, &waiters, list) {
		if (done < 0 || !nr_requeue)
			break;
		if (!same_key(&w->key, from))
			continue;
		w->key = *to;
		nr_requeue--;
		done++;
	}
	return done;
}

/* FUTEX_WAKE_OP: changes the second word and wakes its waiters too if its old value says so. */
static long futex_wake_op(const struct futex_key *key, int nr_wake, u32 __user *uaddr2, const struct futex_key *key2,
			  int nr_wake2, u32 encoded)
{
	int op = encoded >> 28 & 7, cmp = encoded >> 24 & 15;
	int oparg = (int)(encoded << 8) >> 20, cmparg = (int)(encoded << 20) >> 20;
	int old, new, woken;
	bool more;

	if (encoded & (FUTEX_OP_OPARG_SHIFT << 28)) {
		if (oparg < 0 || oparg > 31)
			oparg &= 31;
		oparg = 1 << oparg;
	}
	if (get_user(old, (int __user *)uaddr2))
		return -EFAULT;
	switch (op) {
	case FUTEX_OP_SET: new = oparg; break;
	case FUTEX_OP_ADD: new = old + oparg; break;
	case FUTEX_OP_OR: new = old | oparg; break;
	case FUTEX_OP_ANDN: new = old & ~oparg; break;
	case FUTEX_OP_XOR: new = old ^ oparg; break;
	default: return -ENOSYS;
	}
	if (put_user(new, (int __user *)uaddr2))
		return -EFAULT;
	switch (cmp) {
	case FUTEX_OP_CMP_EQ: more = old == cmparg; break;
	case FUTEX_OP_CMP_NE: more = old != cmparg; break;
	case FUTEX_OP_CMP_LT: more = old < cmparg; break;
	case FUTEX_OP_CMP_GE: more = old >= cmparg; break;
	case FUTEX_OP_CMP_LE: more = old <= cmparg; break;
	case FUTEX_OP_CMP_GT: more = old > cmparg; break;
	default: return -ENOSYS;
	}
	woken = wake(key, nr_wake, FUTEX_BITSET_MATCH_ANY);
	if (woken >= 0 && more)
		woken += wake(key2, nr_wake2, FUTEX_BITSET_MATCH_ANY);
	return woken;
}

/*
 * Locks whose word holds the owner's number (FUTEX_LOCK_PI). There are no priorities to inherit here: the lock goes to
 * whoever has waited longest.
 */
static long lock_pi(u32 __user *uaddr, struct futex_key *key, bool private, bool timed, u64 end, bool try)
{
	struct waiter w = { .task = current, .bitset = FUTEX_BITSET_MATCH_ANY, .pi = true };
	u32 value, tid = current->pid;
	struct task_struct *owner;
	int err;

retry:
	w.key = *key;
	if (get_user(value, uaddr))
		return -EFAULT;
	if (should_fail_futex(true))
		goto faulted;
	if ((value & FUTEX_TID_MASK) == tid || should_fail_futex(true))
		return -EDEADLK;
	/* The word is about to be changed. */
	if (should_fail_futex(true))
		goto faulted;
	if (!(value & FUTEX_TID_MASK))
		return put_user(tid | (value & (FUTEX_OWNER_DIED | FUTEX_WAITERS)), uaddr);
	if (try)
		return -EAGAIN;
	owner = find_task_by_vpid(value & FUTEX_TID_MASK);
	if (!owner || (owner->flags & PF_KTHREAD))
		return owner ? -EPERM : -ESRCH;
	if (put_user(value | FUTEX_WAITERS, uaddr))
		return -EFAULT;
	return wait_on(&w, timed, end);
faulted:
	/* As on Linux, whose locks are handled with the page that has to be there: brought in, then all over again. */
	cond_resched();
	err = private ? 0 : get_key(uaddr, false, key);
	if (err)
		return err;
	goto retry;
}

static long unlock_pi(u32 __user *uaddr, const struct futex_key *key)
{
	struct waiter *w, *first = NULL;
	bool more = false;
	u32 value;

	if (get_user(value, uaddr))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != (u32)current->pid)
		return -EPERM;
	list_for_each_entry(w, &waiters, list) {
		if (!same_key(&w->key, key) || !w->pi)
			continue;
		more = first;
		if (first)
			break;
		first = w;
	}
	if (put_user(first ? (u32)first->task->pid | (more ? FUTEX_WAITERS : 0) : 0, uaddr))
		return -EFAULT;
	if (first) {
		list_del_init(&first->list);
		first->woken = true;
		wake_up_process(first->task);
	}
	return 0;
}

static bool takes_time(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2;
}

static bool takes_second_word(int cmd)
{
	return cmd == FUTEX_REQUEUE || cmd == FUTEX_CMP_REQUEUE || cmd == FUTEX_WAKE_OP;
}

SYSCALL_DEFINE6(futex, u32 __user *, uaddr, int, op, u32, val, const struct __kernel_timespec __user *, utime,
		u32 __user *, uaddr2, u32, val3)
{
	int cmd = op & FUTEX_CMD_MASK, val2 = (int)(unsigned long)utime, ret;
	bool timed = utime && takes_time(cmd), private = op & FUTEX_PRIVATE_FLAG;
	struct futex_key key, key2 = { 0 };
	struct timespec64 ts;
	u64 end = 0;
	u32 value;

	if (timed) {
		if (should_fail_futex(!private) || get_timespec64(&ts, utime))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		end = timespec64_to_ns(&ts);
		if (cmd == FUTEX_WAIT)
			end += ktime_get_ns();
		else if (cmd == FUTEX_LOCK_PI || (op & FUTEX_CLOCK_REALTIME))
			end = end > ktime_get_real_ns() ? ktime_get_ns() + (end - ktime_get_real_ns()) : 0;
	}
	if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	if (cmd > FUTEX_LOCK_PI2 || cmd == FUTEX_FD || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_CMP_REQUEUE_PI)
		return -ENOSYS;
	ret = get_key(uaddr, private, &key);
	if (!ret && takes_second_word(cmd))
		ret = get_key(uaddr2, private, &key2);
	if (ret)
		return ret;
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait(uaddr, &key, val, timed, end, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait(uaddr, &key, val, timed, end, val3);
	case FUTEX_WAKE:
		return wake(&key, val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val3 ? wake(&key, val, val3) : -EINVAL;
	case FUTEX_CMP_REQUEUE:
		if (get_user(value, uaddr))
			return -EFAULT;
		if (value != val3)
			return -EAGAIN;
		fallthrough;
	case FUTEX_REQUEUE:
		return (int)val < 0 || val2 < 0 ? -EINVAL : futex_requeue(&key, val, val2, &key2);
	case FUTEX_WAKE_OP:
		return futex_wake_op(&key, val, uaddr2, &key2, val2, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_TRYLOCK_PI:
		return lock_pi(uaddr, &key, private, timed, end, cmd == FUTEX_TRYLOCK_PI);
	case FUTEX_UNLOCK_PI:
		return unlock_pi(uaddr, &key);
	}
	return -ENOSYS;
}

SYSCALL_DEFINE3(get_robust_list, int, pid, struct robust_list_head __user *__user *, head_ptr, size_t __user *, len_ptr)
{
	struct task_struct *task = pid ? find_task_by_vpid(pid) : current;

	if (!task)
		return -ESRCH;
	if (task != current && task->cred->uid.val != current->cred->uid.val && !capable(CAP_SYS_PTRACE))
		return -EPERM;
	if (put_user(sizeof(struct robust_list_head), len_ptr))
		return -EFAULT;
	return put_user((struct robust_list_head __user *)task->robust_list, head_ptr);
}

/* Other processors, to which these commands speak, there are none. */
#define MEMBARRIER_COMMANDS	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | \
				 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED | \
				 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | \
				 MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | \
				 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

SYSCALL_DEFINE3(membarrier, int, cmd, unsigned int, flags, int, cpu_id)
{
	if (flags)
		return -EINVAL;
	if (cmd == MEMBARRIER_CMD_QUERY)
		return MEMBARRIER_COMMANDS;
	return cmd > 0 && !(cmd & (cmd - 1)) && (cmd & MEMBARRIER_COMMANDS) ? 0 : -EINVAL;
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
		futex_wake_address(uaddr, 1);
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
