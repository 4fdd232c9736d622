/* SPDX-License-Identifier: MIT */
/* Sleeping locks: mutexes, and reader-writer semaphores and semaphores made of the same parts. */
#ifndef _KERNEL_MUTEX_H
#define _KERNEL_MUTEX_H

#include <kernel/types.h>
#include <kernel/wait.h>

struct task_struct;

struct mutex {
	struct task_struct *owner;
	wait_queue_head_t wait;
	const char *name;		/* as written where it was initialised; for reports */
};

#define __MUTEX_INITIALIZER(lock)	{ .wait = __WAIT_QUEUE_HEAD_INITIALIZER((lock).wait), .name = #lock }
#define DEFINE_MUTEX(name)	struct mutex name = __MUTEX_INITIALIZER(name)

void __mutex_init(struct mutex *lock, const char *name);
#define mutex_init(lock)	__mutex_init(lock, #lock)
void mutex_lock(struct mutex *lock);
int mutex_lock_interruptible(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
static inline bool mutex_is_locked(struct mutex *lock) { return lock->owner; }
#define mutex_lock_nested(lock, subclass) mutex_lock(lock)
#define mutex_destroy(lock)	((void)(lock))

#endif
