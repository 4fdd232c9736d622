/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update. Readers do not sleep, the kernel is not preempted and there is one processor: when anyone else runs
 * at all, every reader outside interrupts has finished.
 */
#ifndef _KERNEL_RCU_H
#define _KERNEL_RCU_H

#include <kernel/types.h>
#include <kernel/slab.h>

#define rcu_read_lock()		barrier()
#define rcu_read_unlock()	barrier()
#define rcu_read_lock_held()	true
#define rcu_dereference(p)	READ_ONCE(p)
#define rcu_dereference_protected(p, c) (p)
#define rcu_dereference_check(p, c) (p)
#define rcu_access_pointer(p)	READ_ONCE(p)
#define rcu_assign_pointer(p, v) WRITE_ONCE(p, v)
#define RCU_INIT_POINTER(p, v)	((p) = (v))
#define synchronize_rcu()	barrier()
#define rcu_barrier()		barrier()
#define kfree_rcu(ptr, head)	kfree(ptr)
static inline void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head)) { func(head); }

#endif
