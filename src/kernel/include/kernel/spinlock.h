/* SPDX-License-Identifier: MIT */
/*
 * Spin locks of a kernel with one processor and no preemption inside the kernel: only the _irq variants have anything to
 * keep out. The owner is still checked: taking a held lock is a deadlock and is reported.
 */
#ifndef _KERNEL_SPINLOCK_H
#define _KERNEL_SPINLOCK_H

#include <kernel/types.h>
#include <kernel/bug.h>
#include <kernel/irqflags.h>

typedef struct spinlock {
	bool locked;
} spinlock_t;
typedef spinlock_t raw_spinlock_t;
typedef spinlock_t rwlock_t;

#define __SPIN_LOCK_UNLOCKED(name)	{ false }
#define DEFINE_SPINLOCK(name)		spinlock_t name = { false }
#define DEFINE_RAW_SPINLOCK		DEFINE_SPINLOCK
#define DEFINE_RWLOCK			DEFINE_SPINLOCK
#define spin_lock_init(lock)		((lock)->locked = false)
#define raw_spin_lock_init		spin_lock_init
#define rwlock_init			spin_lock_init

static __always_inline void spin_lock(spinlock_t *lock)
{
	BUG_ON(lock->locked);
	lock->locked = true;
	barrier();
}

static __always_inline void spin_unlock(spinlock_t *lock)
{
	barrier();
	lock->locked = false;
}

static __always_inline bool spin_trylock(spinlock_t *lock)
{
	if (lock->locked)
		return false;
	lock->locked = true;
	return true;
}

static __always_inline bool spin_is_locked(spinlock_t *lock) { return lock->locked; }
#define spin_lock_irq(lock)	do { local_irq_disable(); spin_lock(lock); } while (0)
#define spin_unlock_irq(lock)	do { spin_unlock(lock); local_irq_enable(); } while (0)
#define spin_lock_irqsave(lock, flags)		do { local_irq_save(flags); spin_lock(lock); } while (0)
#define spin_unlock_irqrestore(lock, flags)	do { spin_unlock(lock); local_irq_restore(flags); } while (0)
#define spin_lock_bh		spin_lock
#define spin_unlock_bh		spin_unlock
#define raw_spin_lock		spin_lock
#define raw_spin_unlock		spin_unlock
#define raw_spin_lock_irqsave	spin_lock_irqsave
#define raw_spin_unlock_irqrestore spin_unlock_irqrestore
#define assert_spin_locked(lock) BUG_ON(!spin_is_locked(lock))
#define lockdep_assert_held(lock) ((void)(lock))
/* Readers of an rwlock never sleep, so without preemption they need nothing. */
#define read_lock(lock)		((void)(lock), barrier())
#define read_unlock(lock)	((void)(lock), barrier())
#define write_lock		spin_lock
#define write_unlock		spin_unlock

#define preempt_disable()	barrier()
#define preempt_enable()	barrier()

#endif
