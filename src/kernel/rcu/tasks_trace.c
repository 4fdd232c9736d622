// SPDX-License-Identifier: MIT
/*
 * Grace periods of "tasks trace" RCU. There is one processor and no kernel preemption, so whoever starts a grace period
 * finds every other reader asleep: those tasks are the holdouts. Each is told by a flag, which it finds when it leaves its
 * outermost reader; when the last has left, a kernel thread makes the calls. (Documentation/RCU/; semantics D7, D14)
 *
 * /sys/kernel/debug/rcu/tasks_trace shows how many grace periods there were and who is waited for.
 */
#include <kernel/completion.h>
#include <kernel/debugfs.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/bug.h>
#include <kernel/rcupdate_trace.h>
#include <kernel/seq_file.h>
#include <kernel/workqueue.h>

struct callbacks {
	struct rcu_head *first, **last;
};

static struct callbacks waiting = { .last = &waiting.first };	/* for the grace period under way */
static struct callbacks next = { .last = &next.first };		/* for the one after it */
static LIST_HEAD(holdouts);
static bool in_grace_period;
static unsigned long completed;

static void add(struct callbacks *list, struct rcu_head *head)
{
	head->next = NULL;
	*list->last = head;
	list->last = &head->next;
}

static struct rcu_head *take_all(struct callbacks *list)
{
	struct rcu_head *first = list->first;

	list->first = NULL;
	list->last = &list->first;
	return first;
}

/* Whether there are any. */
static bool find_holdouts(void)
{
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks) {
		if (!task->trc_reader_nesting)
			continue;
		task->trc_reader_need_qs = true;
		list_add_tail(&task->trc_holdout, &holdouts);
	}
	return !list_empty(&holdouts);
}

static void grace_period_done(struct work_struct *work)
{
	unsigned long flags;

	for (;;) {
		struct rcu_head *head, *then;

		local_irq_save(flags);
		completed++;
		head = take_all(&waiting);
		local_irq_restore(flags);
		for (; head; head = then) {
			then = head->next;
			head->func(head);
		}
		local_irq_save(flags);
		in_grace_period = next.first != NULL;
		if (in_grace_period) {
			waiting.first = next.first;
			waiting.last = next.last;
			take_all(&next);
		}
		if (!in_grace_period || find_holdouts()) {
			local_irq_restore(flags);
			return;
		}
		local_irq_restore(flags);
	}
}

static DECLARE_WORK(done_work, grace_period_done);

static void leave(struct task_struct *task)
{
	unsigned long flags;

	local_irq_save(flags);
	task->trc_reader_need_qs = false;
	list_del_init(&task->trc_holdout);
	if (list_empty(&holdouts))
		schedule_work(&done_work);
	local_irq_restore(flags);
}

void rcu_read_unlock_trace_special(struct task_struct *task)
{
	leave(task);
}

void exit_tasks_rcu(struct task_struct *task)
{
	task->trc_reader_nesting = 0;
	if (task->trc_reader_need_qs)
		leave(task);
}

void call_rcu_tasks_trace(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	unsigned long flags;
	bool now;

	head->func = func;
	local_irq_save(flags);
	now = !in_grace_period && !find_holdouts();
	if (now) {
		completed++;
	} else {
		add(in_grace_period ? &next : &waiting, head);
		in_grace_period = true;
	}
	local_irq_restore(flags);
	if (now)
		func(head);
}

struct waiter {
	struct rcu_head rcu;
	struct completion done;
};

static void wake_waiter(struct rcu_head *head)
{
	complete(&container_of(head, struct waiter, rcu)->done);
}

void synchronize_rcu_tasks_trace(void)
{
	struct waiter waiter;

	WARN_ON_ONCE(rcu_read_lock_trace_held());
	init_completion(&waiter.done);
	call_rcu_tasks_trace(&waiter.rcu, wake_waiter);
	wait_for_completion(&waiter.done);
}

static int tasks_trace_show(struct seq_file *m, void *v)
{
	struct task_struct *task;
	struct rcu_head *head;
	unsigned int count = 0;

	for (head = waiting.first; head; head = head->next)
		count++;
	for (head = next.first; head; head = head->next)
		count++;
	seq_printf(m, "grace periods: %lu\nwaiting: %u\n", completed, count);
	list_for_each_entry(task, &holdouts, trc_holdout)
		seq_printf(m, "holdout: %s[%d]\n", task->comm, task->pid);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(tasks_trace);

static int __init tasks_trace_init(void)
{
	debugfs_create_file("tasks_trace", 0400, debugfs_create_dir("rcu", NULL), NULL, &tasks_trace_fops);
	return 0;
}
late_initcall(tasks_trace_init);
