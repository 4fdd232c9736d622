// SPDX-License-Identifier: MIT
/* Signals read from a descriptor. (signalfd(2)) */
#include <linux/signalfd.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "../process/signal.h"

struct signalfd_ctx {
	sigset_t mask;
};

static void describe(struct signalfd_siginfo *out, const kernel_siginfo_t *info)
{
	memset(out, 0, sizeof(*out));
	out->ssi_signo = info->si_signo;
	out->ssi_errno = info->si_errno;
	out->ssi_code = info->si_code;
	if (info->si_code == SI_TIMER) {
		out->ssi_tid = info->si_tid;
		out->ssi_overrun = info->si_overrun;
	} else if (info->si_code > 0 && info->si_signo != SIGCHLD) {
		out->ssi_addr = (u64)info->si_addr;
		return;
	} else {
		out->ssi_pid = info->si_pid;
		out->ssi_uid = info->si_uid;
	}
	if (info->si_signo == SIGCHLD && info->si_code > 0) {
		out->ssi_status = info->si_status;
		out->ssi_utime = info->si_utime;
		out->ssi_stime = info->si_stime;
	} else if (info->si_code < 0) {
		out->ssi_int = info->si_int;
		out->ssi_ptr = (u64)info->si_ptr;
	}
}

static ssize_t signalfd_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct signalfd_ctx *ctx = file->private_data;
	wait_queue_head_t *wq = &current->sighand->signalfd_wqh;
	struct signalfd_siginfo out;
	kernel_siginfo_t info;
	size_t done = 0;
	int sig, ret;

	if (size < sizeof(out))
		return -EINVAL;
	for (; done + sizeof(out) <= size; done += sizeof(out)) {
		sig = dequeue_signal(ctx->mask, &info);
		if (!sig && (done || (file->f_flags & O_NONBLOCK)))
			break;
		if (!sig) {
			ret = wait_event_interruptible(*wq, (sig = dequeue_signal(ctx->mask, &info)));
			if (ret)
				return ret;
		}
		describe(&out, &info);
		if (copy_to_user(buf + done, &out, sizeof(out)))
			return done ? (ssize_t)done : -EFAULT;
	}
	return done ? (ssize_t)done : -EAGAIN;
}

static __poll_t signalfd_poll(struct file *file, poll_table *table)
{
	struct signalfd_ctx *ctx = file->private_data;

	poll_wait(file, &current->sighand->signalfd_wqh, table);
	return (current->pending.signal | current->signal->shared_pending.signal) & ctx->mask ? EPOLLIN : 0;
}

static int signalfd_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static void signalfd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct signalfd_ctx *ctx = file->private_data;

	seq_printf(m, "sigmask:\t%016lx\n", ctx->mask);
}

static const struct file_operations signalfd_fops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_show_fdinfo,
	.llseek = noop_llseek,
};

static int do_signalfd(int fd, const sigset_t __user *umask, size_t size, int flags)
{
	struct signalfd_ctx *ctx;
	struct file *file;
	sigset_t mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, umask, sizeof(mask)))
		return -EFAULT;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	mask &= ~(sigmask(SIGKILL) | sigmask(SIGSTOP));
	if (fd != -1) {
		file = fget(fd);
		if (!file)
			return -EBADF;
		if (file->f_op != &signalfd_fops) {
			fput(file);
			return -EINVAL;
		}
		((struct signalfd_ctx *)file->private_data)->mask = mask;
		wake_up_all(&current->sighand->signalfd_wqh);
		fput(file);
		return fd;
	}
	ctx = kmalloc(sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	ctx->mask = mask;
	fd = anon_inode_getfd("[signalfd]", &signalfd_fops, ctx, O_RDWR | flags);
	if (fd < 0)
		kfree(ctx);
	return fd;
}

SYSCALL_DEFINE4(signalfd4, int, ufd, const sigset_t __user *, user_mask, size_t, sizemask, int, flags)
{
	return do_signalfd(ufd, user_mask, sizemask, flags);
}

SYSCALL_DEFINE3(signalfd, int, ufd, const sigset_t __user *, user_mask, size_t, sizemask)
{
	return do_signalfd(ufd, user_mask, sizemask, 0);
}
