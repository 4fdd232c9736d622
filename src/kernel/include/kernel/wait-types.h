/* SPDX-License-Identifier: MIT */
/* The structures of wait queues, for headers that <kernel/wait.h> itself needs. */
#ifndef _KERNEL_WAIT_TYPES_H
#define _KERNEL_WAIT_TYPES_H

#include <linux/wait.h>
#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/errno.h>
#include <kernel/spinlock.h>

struct task_struct;
struct wait_queue_entry;

typedef int (*wait_queue_func_t)(struct wait_queue_entry *wait, unsigned int mode, int flags, void *key);

#define WQ_FLAG_EXCLUSIVE	0x01

typedef struct wait_queue_entry {
	unsigned int flags;
	void *private;			/* the task, with the default function */
	wait_queue_func_t func;
	struct list_head entry;
} wait_queue_entry_t;

typedef struct wait_queue_head {
	spinlock_t lock;
	struct list_head head;
} wait_queue_head_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name)	{ .lock = { false }, .head = LIST_HEAD_INIT((name).head) }
#define DECLARE_WAIT_QUEUE_HEAD(name)	wait_queue_head_t name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define init_waitqueue_head(wq)	do { spin_lock_init(&(wq)->lock); INIT_LIST_HEAD(&(wq)->head); } while (0)

#endif
