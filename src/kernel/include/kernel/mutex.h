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
int mutex_lock_killable(struct mutex *lock);
int mutex_trylock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
static inline bool mutex_is_locked(struct mutex *lock) { return lock->owner; }
#define mutex_lock_nested(lock, subclass) mutex_lock(lock)
#define mutex_destroy(lock)	((void)(lock))

struct rw_semaphore {
	int count;			/* readers, or -1: a writer */
	int writers_waiting;
	wait_queue_head_t wait;
};

#define __RWSEM_INITIALIZER(name) { .wait = __WAIT_QUEUE_HEAD_INITIALIZER((name).wait) }
#define DECLARE_RWSEM(name)	struct rw_semaphore name = __RWSEM_INITIALIZER(name)
void init_rwsem(struct rw_semaphore *sem);
void down_read(struct rw_semaphore *sem);
int down_read_trylock(struct rw_semaphore *sem);
void up_read(struct rw_semaphore *sem);
void down_write(struct rw_semaphore *sem);
int down_write_trylock(struct rw_semaphore *sem);
void up_write(struct rw_semaphore *sem);
void downgrade_write(struct rw_semaphore *sem);

#endif
