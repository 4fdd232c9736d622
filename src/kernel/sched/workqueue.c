// SPDX-License-Identifier: MIT
/* One thread that does queued work in order. (Documentation/core-api/workqueue.rst) */
#include <kernel/completion.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/kthread.h>
#include <kernel/wait.h>
#include <kernel/workqueue.h>

static LIST_HEAD(queue);
static DECLARE_WAIT_QUEUE_HEAD(work_added);

bool schedule_work(struct work_struct *work)
{
	unsigned long flags;
	bool queued = false;

	local_irq_save(flags);
	if (list_empty(&work->entry)) {
		list_add_tail(&work->entry, &queue);
		queued = true;
	}
	local_irq_restore(flags);
	wake_up(&work_added);
	return queued;
}

static int worker(void *unused)
{
	for (;;) {
		struct work_struct *work;

		wait_event(work_added, !list_empty(&queue));
		local_irq_disable();
		work = list_first_entry(&queue, struct work_struct, entry);
		list_del_init(&work->entry);
		local_irq_enable();
		work->func(work);
	}
	return 0;
}

static int __init workqueue_init(void)
{
	return PTR_ERR_OR_ZERO(kthread_run(worker, NULL, "kworker/0:0"));
}
early_initcall(workqueue_init);
