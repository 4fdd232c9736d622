// SPDX-License-Identifier: MIT
/* Descriptors for processes. (pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2)) */
#include <linux/pidfd.h>
#include <kernel/err.h>
#include <kernel/fdtable.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "process.h"

/* One queue for all: processes end seldom enough. */
static DECLARE_WAIT_QUEUE_HEAD(ends);

void pidfd_wake(void)
{
	wake_up_all(&ends);
}

static int pidfd_release(struct inode *inode, struct file *file)
{
	put_task_struct(file->private_data);
	return 0;
}

static __poll_t pidfd_poll(struct file *file, poll_table *table)
{
	struct task_struct *task = file->private_data;

	poll_wait(file, &ends, table);
	return task->exit_state ? EPOLLIN | EPOLLRDNORM : 0;
}

static void pidfd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct task_struct *task = file->private_data;

	seq_printf(m, "Pid:\t%d\n", task->exit_state == EXIT_DEAD ? -1 : task->pid);
}

static const struct file_operations pidfd_fops = {
	.release = pidfd_release,
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_show_fdinfo,
};

static int new_pidfd(struct task_struct *task, int flags)
{
	int fd = anon_inode_getfd("[pidfd]", &pidfd_fops, task, O_RDWR | O_CLOEXEC | flags);

	if (fd >= 0)
		get_task_struct(task);
	return fd;
}

int install_pidfd(struct task_struct *task, int __user *where)
{
	int fd = new_pidfd(task, 0);

	if (fd < 0)
		return fd;
	if (put_user(fd, where)) {
		close_fd(fd);
		return -EFAULT;
	}
	return 0;
}

struct task_struct *pidfd_get_task(int fd)
{
	struct file *file = fget(fd);
	struct task_struct *task = ERR_PTR(-EBADF);

	if (!file)
		return task;
	if (file->f_op == &pidfd_fops) {
		task = file->private_data;
		get_task_struct(task);
	}
	fput(file);
	return task;
}

SYSCALL_DEFINE2(pidfd_open, pid_t, pid, unsigned int, flags)
{
	struct task_struct *task;

	if (flags & ~PIDFD_NONBLOCK)
		return -EINVAL;
	if (pid <= 0)
		return -EINVAL;
	task = find_task_by_vpid(pid);
	if (!task)
		return -ESRCH;
	return task->group_leader == task ? new_pidfd(task, flags & O_NONBLOCK) : -EINVAL;
}

SYSCALL_DEFINE4(pidfd_send_signal, int, pidfd, int, sig, siginfo_t __user *, uinfo, unsigned int, flags)
{
	struct task_struct *task;
	kernel_siginfo_t info;
	long ret;

	if (flags)
		return -EINVAL;
	task = pidfd_get_task(pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	ret = -EFAULT;
	if (uinfo && copy_from_user(&info, uinfo, sizeof(info)))
		goto out;
	ret = -EINVAL;
	if (sig < 0 || sig > _NSIG || (uinfo && info.si_signo != sig))
		goto out;
	ret = -EPERM;
	if (uinfo && task->tgid != current->tgid && (info.si_code >= 0 || info.si_code == SI_TKILL))
		goto out;
	ret = -ESRCH;
	if (task->exit_state == EXIT_DEAD)
		goto out;
	ret = check_kill(task, uinfo ? &info : SEND_SIG_NOINFO, sig) ?:
	      send_sig_info(sig, uinfo ? &info : SEND_SIG_NOINFO, task);
out:
	put_task_struct(task);
	return ret;
}

SYSCALL_DEFINE3(pidfd_getfd, int, pidfd, int, fd, unsigned int, flags)
{
	struct task_struct *task;
	struct file *file = NULL;
	int ret;

	if (flags)
		return -EINVAL;
	task = pidfd_get_task(pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (task->exit_state)
		ret = -ESRCH;
	else if (current->cred->euid.val && task->cred->euid.val != current->cred->euid.val && !capable(CAP_SYS_PTRACE))
		ret = -EPERM;
	else if (!(file = fget_task(task, fd)))
		ret = -EBADF;
	else
		ret = get_unused_fd_flags(O_CLOEXEC);
	if (ret >= 0)
		fd_install(ret, file);
	else if (file)
		fput(file);
	put_task_struct(task);
	return ret;
}
