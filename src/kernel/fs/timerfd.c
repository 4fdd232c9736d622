// SPDX-License-Identifier: MIT
/* Timers read from a descriptor. (timerfd_create(2)) */
#include <linux/timerfd.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include <linux/time.h>

struct timerfd_ctx {
	struct timer_list timer;
	wait_queue_head_t wait;
	int clock, settime_flags;
	u64 expires, interval;		/* ns since boot; 0: not armed */
	u64 ticks;			/* expirations not yet read */
};

static void expired(struct timer_list *timer)
{
	struct timerfd_ctx *ctx = from_timer(ctx, timer, timer);
	u64 now = ktime_get_ns();

	ctx->ticks++;
	if (ctx->interval) {
		for (ctx->expires += ctx->interval; ctx->expires <= now; ctx->expires += ctx->interval)
			ctx->ticks++;
		mod_timer_ns(&ctx->timer, ctx->expires);
	} else {
		ctx->expires = 0;
	}
	wake_up_all(&ctx->wait);
}

static ssize_t timerfd_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct timerfd_ctx *ctx = file->private_data;
	u64 ticks;
	int ret;

	if (size < sizeof(ticks))
		return -EINVAL;
	if (!ctx->ticks && (file->f_flags & O_NONBLOCK))
		return -EAGAIN;
	ret = wait_event_interruptible(ctx->wait, ctx->ticks);
	if (ret)
		return ret;
	ticks = ctx->ticks;
	ctx->ticks = 0;
	return put_user(ticks, (u64 __user *)buf) ? -EFAULT : (ssize_t)sizeof(ticks);
}

static __poll_t timerfd_poll(struct file *file, poll_table *table)
{
	struct timerfd_ctx *ctx = file->private_data;

	poll_wait(file, &ctx->wait, table);
	return ctx->ticks ? EPOLLIN : 0;
}

static int timerfd_release(struct inode *inode, struct file *file)
{
	struct timerfd_ctx *ctx = file->private_data;

	del_timer(&ctx->timer);
	kfree(ctx);
	return 0;
}

static void read_timer(const struct timerfd_ctx *ctx, struct __kernel_itimerspec *spec)
{
	u64 now = ktime_get_ns(), left = ctx->expires > now ? ctx->expires - now : 0;

	spec->it_value = (struct __kernel_timespec){ left / NSEC_PER_SEC, left % NSEC_PER_SEC };
	spec->it_interval = (struct __kernel_timespec){ ctx->interval / NSEC_PER_SEC, ctx->interval % NSEC_PER_SEC };
}

static void timerfd_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct timerfd_ctx *ctx = file->private_data;
	struct __kernel_itimerspec spec;

	read_timer(ctx, &spec);
	seq_printf(m, "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n",
		   ctx->clock, ctx->ticks, ctx->settime_flags, (u64)spec.it_value.tv_sec, (u64)spec.it_value.tv_nsec,
		   (u64)spec.it_interval.tv_sec, (u64)spec.it_interval.tv_nsec);
}

static const struct file_operations timerfd_fops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.show_fdinfo = timerfd_show_fdinfo,
	.llseek = noop_llseek,
};

SYSCALL_DEFINE2(timerfd_create, int, clockid, int, flags)
{
	struct timerfd_ctx *ctx;
	int fd;

	if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) ||
	    (clockid != CLOCK_REALTIME && clockid != CLOCK_MONOTONIC && clockid != CLOCK_BOOTTIME &&
	     clockid != CLOCK_REALTIME_ALARM && clockid != CLOCK_BOOTTIME_ALARM))
		return -EINVAL;
	/* No clock of this machine wakes it from a sleep. */
	if (clockid == CLOCK_REALTIME_ALARM || clockid == CLOCK_BOOTTIME_ALARM)
		return capable(CAP_WAKE_ALARM) ? -EOPNOTSUPP : -EPERM;
	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	init_waitqueue_head(&ctx->wait);
	timer_setup(&ctx->timer, expired, 0);
	ctx->clock = clockid;
	fd = anon_inode_getfd("[timerfd]", &timerfd_fops, ctx, O_RDWR | flags);
	if (fd < 0)
		kfree(ctx);
	return fd;
}

/* The timer behind a descriptor; the file is to be put. */
static struct timerfd_ctx *get_timer(int fd, struct file **file)
{
	*file = fget(fd);
	if (!*file)
		return ERR_PTR(-EBADF);
	if ((*file)->f_op == &timerfd_fops)
		return (*file)->private_data;
	fput(*file);
	return ERR_PTR(-EINVAL);
}

SYSCALL_DEFINE4(timerfd_settime, int, ufd, int, flags, const struct __kernel_itimerspec __user *, utmr,
		struct __kernel_itimerspec __user *, otmr)
{
	struct __kernel_itimerspec spec, old;
	struct timerfd_ctx *ctx;
	struct file *file;
	u64 value;

	if (copy_from_user(&spec, utmr, sizeof(spec)))
		return -EFAULT;
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || !itimerspec_valid(&spec))
		return -EINVAL;
	ctx = get_timer(ufd, &file);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	read_timer(ctx, &old);
	del_timer(&ctx->timer);
	ctx->ticks = 0;
	ctx->settime_flags = flags;
	value = clamp_timespec_ns(&spec.it_value);
	ctx->interval = clamp_timespec_ns(&spec.it_interval);
	ctx->expires = !value ? 0 : flags & TFD_TIMER_ABSTIME ? absolute_to_boot_ns(ctx->clock, value) :
		       ktime_get_ns() + value;
	if (ctx->expires)
		mod_timer_ns(&ctx->timer, ctx->expires);
	fput(file);
	return otmr && copy_to_user(otmr, &old, sizeof(old)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(timerfd_gettime, int, ufd, struct __kernel_itimerspec __user *, otmr)
{
	struct __kernel_itimerspec spec;
	struct file *file;
	struct timerfd_ctx *ctx = get_timer(ufd, &file);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	read_timer(ctx, &spec);
	fput(file);
	return copy_to_user(otmr, &spec, sizeof(spec)) ? -EFAULT : 0;
}
