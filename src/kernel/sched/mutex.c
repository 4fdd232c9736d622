// SPDX-License-Identifier: MIT
/* Sleeping locks. Without preemption inside the kernel, testing and taking a lock needs no atomic operation. */
#include <kernel/kernel.h>
#include <kernel/mutex.h>
#include <kernel/sched.h>

void mutex_init(struct mutex *lock)
{
	lock->owner = NULL;
	init_waitqueue_head(&lock->wait);
}

int mutex_trylock(struct mutex *lock)
{
	if (lock->owner)
		return 0;
	lock->owner = current;
	return 1;
}

static noinline int mutex_wait(struct mutex *lock, unsigned int state)
{
	long ret;

	if (WARN(lock->owner == current, "mutex: task takes a lock that it holds\n"))
		dump_stack();
	ret = ___wait_event(lock->wait, mutex_trylock(lock), state, 1, 0, schedule());
	return ret ? -EINTR : 0;
}

void mutex_lock(struct mutex *lock)
{
	if (!mutex_trylock(lock))
		mutex_wait(lock, TASK_UNINTERRUPTIBLE);
}

int mutex_lock_interruptible(struct mutex *lock)
{
	return mutex_trylock(lock) ? 0 : mutex_wait(lock, TASK_INTERRUPTIBLE);
}

int mutex_lock_killable(struct mutex *lock)
{
	return mutex_trylock(lock) ? 0 : mutex_wait(lock, TASK_KILLABLE);
}

void mutex_unlock(struct mutex *lock)
{
	WARN_ONCE(lock->owner != current, "mutex: released by a task that does not hold it\n");
	lock->owner = NULL;
	if (waitqueue_active(&lock->wait))
		wake_up(&lock->wait);
}

void init_rwsem(struct rw_semaphore *sem)
{
	sem->count = 0;
	sem->writers_waiting = 0;
	init_waitqueue_head(&sem->wait);
}

int down_read_trylock(struct rw_semaphore *sem)
{
	if (sem->count < 0 || sem->writers_waiting)
		return 0;
	sem->count++;
	return 1;
}

void down_read(struct rw_semaphore *sem)
{
	wait_event(sem->wait, down_read_trylock(sem));
}

void up_read(struct rw_semaphore *sem)
{
	if (!--sem->count)
		wake_up_all(&sem->wait);
}

int down_write_trylock(struct rw_semaphore *sem)
{
	if (sem->count)
		return 0;
	sem->count = -1;
	return 1;
}

void down_write(struct rw_semaphore *sem)
{
	if (down_write_trylock(sem))
		return;
	sem->writers_waiting++;
	wait_event(sem->wait, down_write_trylock(sem));
	sem->writers_waiting--;
}

void up_write(struct rw_semaphore *sem)
{
	sem->count = 0;
	wake_up_all(&sem->wait);
}

void downgrade_write(struct rw_semaphore *sem)
{
	sem->count = 1;
	wake_up_all(&sem->wait);
}
