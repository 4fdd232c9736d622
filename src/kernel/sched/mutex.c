// SPDX-License-Identifier: MIT
/* Sleeping locks. Without preemption inside the kernel, testing and taking a lock needs no atomic operation. */
#include <kernel/kernel.h>
#include <kernel/mutex.h>
#include <kernel/sched.h>
#include "sched.h"

void __mutex_init(struct mutex *lock, const char *name)
{
	lock->owner = NULL;
	lock->name = name;
	init_waitqueue_head(&lock->wait);
}

static __always_inline bool take(struct mutex *lock, unsigned long ip)
{
	if (lock->owner)
		return false;
	lock->owner = current;
	lock_acquired(lock, ip);
	return true;
}

static noinline int mutex_wait(struct mutex *lock, unsigned int state, unsigned long ip)
{
	long ret;

	if (WARN(lock->owner == current, "mutex: task takes a lock that it holds\n"))
		dump_stack();
	ret = ___wait_event(lock->wait, take(lock, ip), state, 1, 0, schedule());
	return ret ? -EINTR : 0;
}

void mutex_lock(struct mutex *lock)
{
	if (!take(lock, _RET_IP_))
		mutex_wait(lock, TASK_UNINTERRUPTIBLE, _RET_IP_);
}

int mutex_lock_interruptible(struct mutex *lock)
{
	return take(lock, _RET_IP_) ? 0 : mutex_wait(lock, TASK_INTERRUPTIBLE, _RET_IP_);
}

void mutex_unlock(struct mutex *lock)
{
	WARN_ONCE(lock->owner != current, "mutex: released by a task that does not hold it\n");
	lock->owner = NULL;
	lock_released(lock);
	if (waitqueue_active(&lock->wait))
		wake_up(&lock->wait);
}
