// SPDX-License-Identifier: MIT
/* execve by a process with several threads: the others end, and the caller becomes the leader. */
#include <kernel/fdtable.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include "process.h"

static unsigned int other_threads(void)
{
	struct task_struct *task;
	unsigned int n = 0;

	list_for_each_entry(task, &task_list, tasks)
		if (task->tgid == current->tgid && task != current && !(task->flags & PF_EXITING)) {
			task->pending.signal |= sigmask(SIGKILL);
			task->sigpending = true;
			wake_up_state(task, TASK_INTERRUPTIBLE | TASK_WAKEKILL | __TASK_STOPPED);
			n++;
		}
	return n;
}

static void take_leadership(void)
{
	struct task_struct *leader = current->group_leader, *child, *next;
	pid_t pid = current->pid;

	/* The old leader gets our number and vanishes. */
	current->pid = current->tgid;
	leader->pid = pid;
	leader->tgid = pid;
	list_del_init(&current->thread_node);
	current->group_leader = current;
	current->exit_signal = SIGCHLD;
	current->real_parent = current->parent = leader->real_parent;
	list_replace_init(&leader->sibling, &current->sibling);
	list_for_each_entry_safe(child, next, &leader->children, sibling) {
		child->real_parent = child->parent = current;
		list_move_tail(&child->sibling, &current->children);
	}
	current->signal->nr_threads = 1;
	leader->exit_state = EXIT_DEAD;
	list_del_init(&leader->tasks);
	flush_pending(&leader->pending);
	release_sighand(leader);
	leader->signal = NULL;
	put_task_struct(leader);
}

int de_thread(void)
{
	struct sighand_struct *old = current->sighand;

	/* The others die each for itself, not the process with them. */
	current->signal->group_exec_task = current;
	while (current->signal->live > 1) {
		other_threads();
		schedule_timeout_uninterruptible(1);
		if (current->signal->group_exit) {
			current->signal->group_exec_task = NULL;
			return -EAGAIN;
		}
	}
	current->signal->group_exec_task = NULL;
	if (current->group_leader != current)
		take_leadership();
	/* Handlers are shared with another process (CLONE_SIGHAND without CLONE_THREAD): part. */
	if (old->count > 1) {
		current->sighand = kmemdup(old, sizeof(*old), GFP_KERNEL);
		if (!current->sighand) {
			current->sighand = old;
			return -ENOMEM;
		}
		current->sighand->count = 1;
		init_waitqueue_head(&current->sighand->signalfd_wqh);
		old->count--;
	}
	return 0;
}
