// SPDX-License-Identifier: MIT
/* The end of tasks, and waiting for it. (man wait, exit_group) */
#include <linux/wait.h>
#include <kernel/tty.h>
#include <kernel/completion.h>
#include <kernel/fdtable.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/percpu.h>
#include <kernel/rcupdate_trace.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/uprobes.h>
#include <trace/events/sched.h>
#include "process.h"

void __weak kprobe_flush_task(struct task_struct *task)
{
}

void __weak perf_event_exit_task(struct task_struct *task)
{
}

static void exit_mm(void)
{
	struct mm_struct *mm = current->mm;

	if (!mm)
		return;
	if (current->clear_child_tid && mm->mm_users > 1) {
		put_user(0, current->clear_child_tid);
		futex_wake_address((unsigned int __user *)current->clear_child_tid, 1);
	}
	current->clear_child_tid = NULL;
	uprobe_free_utask(current);
	current->mm = NULL;
	mmput(mm);
}

void mm_release_vfork(struct task_struct *task)
{
	struct completion *done = task->vfork_done;

	task->vfork_done = NULL;
	if (done)
		complete(done);
}

/* Who gets the orphans: another thread of the process, else init. */
static struct task_struct *find_new_reaper(struct task_struct *father)
{
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks)
		if (task->tgid == father->tgid && task != father && !(task->flags & PF_EXITING))
			return task->group_leader;
	for (task = father->real_parent; task->pid; task = task->real_parent)
		if (task->signal && task->signal->is_child_subreaper && !(task->flags & PF_EXITING))
			return task->group_leader;
	task = find_task_by_vpid(1);
	return task ? task : &init_task;
}

static void reparent_children(struct task_struct *father)
{
	struct task_struct *child, *next, *reaper;

	if (list_empty(&father->children))
		return;
	reaper = find_new_reaper(father);
	if (reaper == father)
		return;
	list_for_each_entry_safe(child, next, &father->children, sibling) {
		child->real_parent = child->parent = reaper;
		list_move_tail(&child->sibling, &reaper->children);
		if (child->pdeath_signal)
			send_signal_to(child->pdeath_signal, SEND_SIG_NOINFO, child, true);
		/* However it was made: init waits for it in the ordinary way. */
		if (child->exit_signal > 0 || !child->exit_signal)
			child->exit_signal = SIGCHLD;
		if (child->exit_state == EXIT_ZOMBIE)
			notify_parent(child, SIGCHLD);
	}
}

void release_task(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *leader = task->group_leader;
	bool leader_too;

	task->exit_state = EXIT_DEAD;
	list_del_init(&task->tasks);
	list_del_init(&task->sibling);
	list_del_init(&task->thread_node);
	flush_pending(&task->pending);
	release_sighand(task);
	/* A leader that died before its threads is reaped when the last of them goes. */
	leader_too = leader != task && --signal->nr_threads == 1 && leader->exit_state == EXIT_ZOMBIE &&
		     leader->exit_signal == -1;
	if (leader == task) {
		flush_pending(&signal->shared_pending);
		kfree(signal);
		task->signal = NULL;
	}
	put_task_struct(task);
	if (leader_too)
		release_task(leader);
}

static bool ignores_children(struct task_struct *parent)
{
	struct k_sigaction *sa;

	if (!parent->sighand)
		return true;
	sa = &parent->sighand->action[SIGCHLD - 1];
	return parent == &init_task || sa->sa_handler == SIG_IGN || (sa->sa_flags & SA_NOCLDWAIT);
}

/* The process is gone: tell the parent, or go without a trace. */
static void exit_notify(struct task_struct *leader)
{
	bool autoreap = leader->exit_signal == SIGCHLD && ignores_children(leader->real_parent);

	leader->exit_state = EXIT_ZOMBIE;
	if (leader->exit_signal > 0)
		notify_parent(leader, leader->exit_signal);
	pidfd_wake();
	if (leader->exit_signal < 0 || autoreap) {
		wake_up_interruptible_all(&leader->real_parent->signal->wait_chldexit);
		release_task(leader);
	}
}

bool pgrp_is_orphaned(pid_t pgrp, const struct task_struct *ignored)
{
	struct task_struct *task;

	for_each_process(task)
		if (task->pgrp == pgrp && task != ignored && !task->exit_state && task->real_parent->pid > 1 &&
		    task->real_parent->pgrp != pgrp && task->real_parent->session == task->session)
			return false;
	return true;
}

static bool has_stopped(pid_t pgrp)
{
	struct task_struct *task;

	for_each_process(task)
		if (task->pgrp == pgrp && (task->__state & __TASK_STOPPED))
			return true;
	return false;
}

/* Process groups that nobody is left to continue are told so and continued. (man 3 exit) */
static void kill_orphaned_groups(struct task_struct *leader)
{
	struct task_struct *parent = leader->real_parent, *child;

	if (parent->pgrp != leader->pgrp && parent->session == leader->session && pgrp_is_orphaned(leader->pgrp, leader) &&
	    has_stopped(leader->pgrp)) {
		kill_pgrp_nr(leader->pgrp, SIGHUP, 1);
		kill_pgrp_nr(leader->pgrp, SIGCONT, 1);
	}
	for_each_process(child)
		/* Children have been given to another parent by now; they are known by their stop. */
		if ((child->__state & __TASK_STOPPED) && child->pgrp != leader->pgrp && child->session == leader->session &&
		    child->real_parent->pid == 1 && pgrp_is_orphaned(child->pgrp, NULL)) {
			kill_pgrp_nr(child->pgrp, SIGHUP, 1);
			kill_pgrp_nr(child->pgrp, SIGCONT, 1);
		}
}

void __noreturn do_exit(long code)
{
	struct task_struct *task = current, *leader = task->group_leader;
	struct signal_struct *signal = task->signal;
	bool group_dead;

	if (!task->pid)
		panic("Attempted to kill the idle task!");
	if (task->flags & PF_EXITING) {
		/* A second oops on the way out: stop here for ever. */
		pr_alert("Fixing recursive fault but reboot is needed!\n");
		set_current_state(TASK_UNINTERRUPTIBLE);
		for (;;)
			schedule();
	}
	task->flags |= PF_EXITING;
	group_dead = --signal->live == 0;
	if (group_dead && is_global_init(task))
		panic("Attempted to kill init! exitcode=0x%08x",
		      signal->group_exit ? signal->group_exit_code : (int)code);
	if (group_dead)
		exit_itimers(task);
	if (!(task->flags & PF_KTHREAD))
		task->exit_code = code;
	exit_tasks_rcu(task);
	exit_robust_list(task);
	mm_release_vfork(task);
	signal->maxrss = task->mm ? max(signal->maxrss, task->mm->hiwater_rss) : signal->maxrss;
	perf_event_exit_task(task);
	exit_mm();
	trace_sched_process_exit(task);
	if (group_dead && leader->pid == leader->session)
		disassociate_ctty(leader);
	exit_files(task);
	exit_fs(task);
	kprobe_flush_task(task);
	signal->utime += task->utime;
	signal->stime += task->stime;
	signal->min_flt += task->min_flt;
	signal->nvcsw += task->nvcsw;
	signal->nivcsw += task->nivcsw;
	if (signal->group_exit)
		task->exit_code = signal->group_exit_code;
	reparent_children(task);
	if (group_dead)
		kill_orphaned_groups(leader);
	local_irq_disable();
	task->exit_state = EXIT_ZOMBIE;
	if (group_dead) {
		leader->exit_code = signal->group_exit ? signal->group_exit_code : leader->exit_code;
		if (task != leader)
			release_task(task);
		exit_notify(leader);
	} else if (task != leader) {
		release_task(task);
		wake_up_all(&signal->wait_chldexit);
	}
	task->__state = TASK_DEAD;
	schedule();
	BUG();
}

void __noreturn do_group_exit(int exit_code)
{
	struct signal_struct *signal = current->signal;
	struct task_struct *task;

	if (!signal->group_exit) {
		signal->group_exit = true;
		signal->group_exit_code = exit_code;
		if (signal->live > 1)
			list_for_each_entry(task, &task_list, tasks)
				if (task->tgid == current->tgid && task != current && !(task->flags & PF_EXITING)) {
					task->pending.signal |= sigmask(SIGKILL);
					task->sigpending = true;
					wake_up_state(task, TASK_INTERRUPTIBLE | TASK_WAKEKILL | __TASK_STOPPED);
				}
	}
	do_exit(signal->group_exit_code);
}

SYSCALL_DEFINE1(exit, int, error_code)
{
	do_exit((error_code & 0xff) << 8);
}

SYSCALL_DEFINE1(exit_group, int, error_code)
{
	do_group_exit((error_code & 0xff) << 8);
}
