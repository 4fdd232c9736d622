/* SPDX-License-Identifier: MIT */
/* Work done later by a kernel thread. */
#ifndef _KERNEL_WORKQUEUE_H
#define _KERNEL_WORKQUEUE_H

#include <kernel/types.h>
#include <kernel/list.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	struct list_head entry;
	work_func_t func;
};

#define DECLARE_WORK(n, f)	struct work_struct n = { .entry = LIST_HEAD_INIT((n).entry), .func = f }
#define INIT_WORK(w, f)		do { INIT_LIST_HEAD(&(w)->entry); (w)->func = (f); } while (0)
/* False if it was queued already. Safe in interrupts. */
bool schedule_work(struct work_struct *work);

#endif
