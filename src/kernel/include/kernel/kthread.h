/* SPDX-License-Identifier: MIT */
/* Kernel threads. */
#ifndef _KERNEL_KTHREAD_H
#define _KERNEL_KTHREAD_H

#include <kernel/sched.h>
#include <kernel/err.h>

/* Created stopped; wake_up_process() starts it. ERR_PTR on failure. */
__printf(3, 4) struct task_struct *kthread_create(int (*threadfn)(void *data), void *data, const char *fmt, ...);
#define kthread_run(threadfn, data, fmt, ...) ({					\
	struct task_struct *__k = kthread_create(threadfn, data, fmt, ##__VA_ARGS__);	\
	if (!IS_ERR(__k))								\
		wake_up_process(__k);							\
	__k; })
/* Asks the thread to return and waits for that; its return value. */
int kthread_stop(struct task_struct *task);
bool kthread_should_stop(void);

#endif
