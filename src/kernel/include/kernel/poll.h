/* SPDX-License-Identifier: MIT */
/* poll(2) inside the kernel: a file's ->poll names the wait queues that a change of its state wakes. */
#ifndef _KERNEL_POLL_H
#define _KERNEL_POLL_H

#include <linux/poll.h>
#include <linux/eventpoll.h>
#include <kernel/types.h>
#include <kernel/fs.h>
#include <kernel/wait.h>

struct poll_table_struct;
typedef void (*poll_queue_proc)(struct file *file, wait_queue_head_t *wq, struct poll_table_struct *table);

typedef struct poll_table_struct {
	poll_queue_proc _qproc;
	__poll_t _key;
} poll_table;

#define DEFAULT_POLLMASK	(EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)

static inline void poll_wait(struct file *file, wait_queue_head_t *wq, poll_table *table)
{
	if (table && table->_qproc && wq)
		table->_qproc(file, wq, table);
}

#endif
