// SPDX-License-Identifier: MIT
/* Waiting for children: wait4, waitid. (man waitpid) */
#include <linux/wait.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <trace/events/sched.h>
#include "process.h"

struct wait_opts {
	int which;			/* P_ALL, P_PID, P_PGID */
	pid_t pid;
	int options;
	/* results */
	pid_t found;
	uid_t uid;
	int code, status;		/* CLD_ and its value; wait4's status word */
	int word;
	struct rusage *usage;
};

void getrusage_of(struct task_struct *task, int who, struct rusage *r);

static bool eligible(const struct wait_opts *wo, const struct task_struct *child)
{
	if (wo->which == P_PID && child->pid != wo->pid)
		return false;
	if (wo->which == P_PGID && child->pgrp != wo->pid)
		return false;
	/* Clones (exit signal not SIGCHLD) are waited for only on request. */
	return (wo->options & __WALL) || ((child->exit_signal != SIGCHLD) == !!(wo->options & __WCLONE));
}

static void reap(struct wait_opts *wo, struct task_struct *child)
{
	struct signal_struct *mine = current->signal, *its = child->signal;

	if (wo->usage)
		getrusage_of(child, RUSAGE_BOTH, wo->usage);
	mine->cutime += its->utime + its->cutime;
	mine->cstime += its->stime + its->cstime;
	mine->cmin_flt += its->min_flt + its->cmin_flt;
	mine->cnvcsw += its->nvcsw + its->cnvcsw;
	mine->cnivcsw += its->nivcsw + its->cnivcsw;
	mine->cmaxrss = max3(mine->cmaxrss, its->maxrss, its->cmaxrss);
	release_task(child);
}

/* True if a child has something to tell. *@any: there is a child that might later. */
static bool try_wait(struct wait_opts *wo, bool *any)
{
	struct task_struct *child;

	*any = false;
	list_for_each_entry(child, &current->group_leader->children, sibling) {
		int code = child->exit_code;

		if (!eligible(wo, child))
			continue;
		*any = true;
		wo->found = child->pid;
		wo->uid = child->cred->uid.val;
		if (child->exit_state == EXIT_ZOMBIE && child->signal && !child->signal->live) {
			if (!(wo->options & WEXITED))
				continue;
			wo->word = code;
			wo->code = (code & 0x7f) == 0 ? CLD_EXITED : code & 0x80 ? CLD_DUMPED : CLD_KILLED;
			wo->status = (code & 0x7f) == 0 ? code >> 8 & 0xff : code & 0x7f;
			if (!(wo->options & WNOWAIT))
				reap(wo, child);
			return true;
		}
		if ((child->__state & __TASK_STOPPED) && (wo->options & WSTOPPED) && code) {
			wo->word = code << 8 | 0x7f;
			wo->code = CLD_STOPPED;
			wo->status = code;
			if (!(wo->options & WNOWAIT))
				child->exit_code = 0;
			return true;
		}
		if ((wo->options & WCONTINUED) && code == 0xffff && !child->exit_state) {
			wo->word = 0xffff;
			wo->code = CLD_CONTINUED;
			wo->status = SIGCONT;
			if (!(wo->options & WNOWAIT))
				child->exit_code = 0;
			return true;
		}
	}
	wo->found = 0;
	return false;
}

/* A child's PID, 0 (WNOHANG), or -errno. */
static long do_wait(struct wait_opts *wo)
{
	wait_queue_head_t *wq = &current->signal->wait_chldexit;
	bool done, any;
	int ret;

	trace_sched_process_wait(wo->pid);
	done = try_wait(wo, &any);
	if (!done && !any)
		return -ECHILD;
	if (!done && (wo->options & WNOHANG))
		return 0;
	if (!done) {
		ret = wait_event_interruptible(*wq, (done = try_wait(wo, &any)) || !any);
		if (ret)
			return ret;
	}
	return done ? wo->found : -ECHILD;
}

SYSCALL_DEFINE4(wait4, pid_t, upid, int __user *, stat_addr, int, options, struct rusage __user *, ru)
{
	struct rusage usage;
	struct wait_opts wo = { .options = options | WEXITED, .usage = ru ? &usage : NULL };
	long ret;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (upid == INT_MIN)
		return -ESRCH;
	if (upid == -1) {
		wo.which = P_ALL;
	} else if (upid < 0) {
		wo.which = P_PGID;
		wo.pid = -upid;
	} else if (upid == 0) {
		wo.which = P_PGID;
		wo.pid = current->pgrp;
	} else {
		wo.which = P_PID;
		wo.pid = upid;
	}
	ret = do_wait(&wo);
	if (ret > 0) {
		if (stat_addr && put_user(wo.word, stat_addr))
			return -EFAULT;
		if (ru && copy_to_user(ru, &usage, sizeof(usage)))
			return -EFAULT;
	}
	return ret;
}

SYSCALL_DEFINE5(waitid, int, which, pid_t, upid, siginfo_t __user *, infop, int, options, struct rusage __user *, ru)
{
	struct rusage usage;
	struct wait_opts wo = { .which = which, .pid = upid, .options = options, .usage = ru ? &usage : NULL };
	siginfo_t info = { 0 };
	long ret;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	switch (which) {
	case P_ALL:
		break;
	case P_PID:
		if (upid <= 0)
			return -EINVAL;
		break;
	case P_PGID:
		if (upid < 0)
			return -EINVAL;
		if (!upid)
			wo.pid = current->pgrp;
		break;
	case P_PIDFD: {
		struct task_struct *task = upid < 0 ? ERR_PTR(-EINVAL) : pidfd_get_task(upid);

		if (IS_ERR(task))
			return PTR_ERR(task);
		wo.which = P_PID;
		wo.pid = task->pid;
		put_task_struct(task);
		break;
	}
	default:
		return -EINVAL;
	}
	ret = do_wait(&wo);
	if (ret < 0)
		return ret;
	if (ret > 0) {
		info.si_signo = SIGCHLD;
		info.si_code = wo.code;
		info.si_pid = wo.found;
		info.si_uid = wo.uid;
		info.si_status = wo.status;
		if (ru && copy_to_user(ru, &usage, sizeof(usage)))
			return -EFAULT;
	}
	return infop && copy_to_user(infop, &info, sizeof(info)) ? -EFAULT : 0;
}
