// SPDX-License-Identifier: MIT
/*
 * Which mutexes each task holds, and the one rule that is checked of them: none is held any more when a system call
 * returns. The report is that of Linux's lockdep, and like lockdep this stops looking after the first.
 * (Documentation/locking/lockdep-design.rst)
 */
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/mutex.h>
#include <kernel/sched.h>
#include "sched.h"

static bool debug_locks = true;

void lock_acquired(const struct mutex *lock, unsigned long ip)
{
	struct task_struct *task = current;

	if (task->lockdep_depth < MAX_LOCK_DEPTH)
		task->held_locks[task->lockdep_depth] = (struct held_lock){ lock, lock->name, ip };
	task->lockdep_depth++;
}

/* Usually the last one taken. */
void lock_released(const struct mutex *lock)
{
	struct task_struct *task = current;
	unsigned int depth = min(task->lockdep_depth, (unsigned int)MAX_LOCK_DEPTH);

	for (unsigned int i = depth; i--;) {
		if (task->held_locks[i].instance != lock)
			continue;
		for (; i + 1 < depth; i++)
			task->held_locks[i] = task->held_locks[i + 1];
		task->lockdep_depth--;
		return;
	}
	/* One that found no room, or another task's. */
	if (task->lockdep_depth > MAX_LOCK_DEPTH)
		task->lockdep_depth--;
}

void debug_show_held_locks(struct task_struct *task)
{
	unsigned int depth = min(task->lockdep_depth, (unsigned int)MAX_LOCK_DEPTH);

	if (!depth) {
		printk("no locks held by %s/%d.\n", task->comm, task->pid);
		return;
	}
	printk("%d lock%s held by %s/%d:\n", depth, depth > 1 ? "s" : "", task->comm, task->pid);
	for (unsigned int i = 0; i < depth; i++)
		printk(" #%d: %px (%s){+.+.}-{3:3}, at: %pS\n", i, task->held_locks[i].instance,
		       task->held_locks[i].name ?: "?", (void *)task->held_locks[i].acquire_ip);
}

void lockdep_sys_exit(void)
{
	if (!debug_locks)
		return;
	debug_locks = false;
	pr_warn("\n");
	pr_warn("================================================\n");
	pr_warn("WARNING: lock held when returning to user space!\n");
	pr_warn("%s %s %s\n", UTS_RELEASE, UTS_VERSION, print_tainted());
	pr_warn("------------------------------------------------\n");
	pr_warn("%s/%d is leaving the kernel with locks still held!\n", current->comm, current->pid);
	debug_show_held_locks(current);
}
