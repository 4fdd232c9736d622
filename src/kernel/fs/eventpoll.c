// SPDX-License-Identifier: MIT
/* Waiting for many files, which are named once. (man 7 epoll) */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "internal.h"

#define MAX_NESTING	4	/* of descriptors that watch descriptors */
#define MAX_QUEUES	2	/* wait queues that one file's ->poll names */
#define FOREVER		((u64)-1)

struct eventpoll {
	wait_queue_head_t wait;
	struct list_head items;
	struct file *file;		/* its own */
	bool woken;
};

/* A file that an epoll descriptor watches. It holds no reference: the file's end takes it away. */
struct epitem {
	struct eventpoll *ep;
	struct file *file;
	int fd;
	struct epoll_event event;
	bool spent;			/* EPOLLONESHOT: reported, and not asked for again */
	bool triggered;			/* something happened since it was last reported (EPOLLET) */
	struct list_head in_ep, in_file;
	unsigned int nr_queues;
	struct {
		wait_queue_head_t *wq;
		wait_queue_entry_t wait;
		struct epitem *item;
	} queues[MAX_QUEUES];
	poll_table table;
};

static const struct file_operations eventpoll_fops;

static int ep_wake(wait_queue_entry_t *wait, unsigned int mode, int flags, void *key)
{
	struct epitem *item = wait->private;

	item->triggered = true;
	item->ep->woken = true;
	wake_up_all(&item->ep->wait);
	return 0;
}

static void ep_enqueue(struct file *file, wait_queue_head_t *wq, poll_table *table)
{
	struct epitem *item = container_of(table, struct epitem, table);
	unsigned int i = item->nr_queues;

	if (i == MAX_QUEUES)
		return;
	item->queues[i].wq = wq;
	init_waitqueue_func_entry(&item->queues[i].wait, ep_wake);
	item->queues[i].wait.private = item;
	add_wait_queue(wq, &item->queues[i].wait);
	item->nr_queues++;
}

static __poll_t poll_file(struct file *file, poll_table *table)
{
	return file->f_op->poll ? file->f_op->poll(file, table) : DEFAULT_POLLMASK;
}

static void remove_item(struct epitem *item)
{
	for (unsigned int i = 0; i < item->nr_queues; i++)
		remove_wait_queue(item->queues[i].wq, &item->queues[i].wait);
	list_del(&item->in_ep);
	list_del(&item->in_file);
	kfree(item);
}

/* The last reference to @file goes. */
void eventpoll_release(struct file *file)
{
	while (!list_empty(&file->f_ep))
		remove_item(list_first_entry(&file->f_ep, struct epitem, in_file));
}

static int ep_release(struct inode *inode, struct file *file)
{
	struct eventpoll *ep = file->private_data;

	while (!list_empty(&ep->items))
		remove_item(list_first_entry(&ep->items, struct epitem, in_ep));
	kfree(ep);
	return 0;
}

/* What @item has to report now. */
static __poll_t ready(struct epitem *item)
{
	if (item->spent)
		return 0;
	if ((item->event.events & EPOLLET) && !item->triggered)
		return 0;
	return poll_file(item->file, NULL) & (item->event.events | EPOLLERR | EPOLLHUP);
}

static __poll_t ep_poll(struct file *file, poll_table *table)
{
	struct eventpoll *ep = file->private_data;
	struct epitem *item;

	poll_wait(file, &ep->wait, table);
	list_for_each_entry(item, &ep->items, in_ep)
		if (ready(item))
			return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static const struct file_operations eventpoll_fops = {
	.release = ep_release,
	.poll = ep_poll,
	.llseek = noop_llseek,
};

static int do_epoll_create(int flags)
{
	struct eventpoll *ep;
	struct file *file;
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return -ENOMEM;
	init_waitqueue_head(&ep->wait);
	INIT_LIST_HEAD(&ep->items);
	fd = get_unused_fd_flags(flags);
	if (fd < 0) {
		kfree(ep);
		return fd;
	}
	file = anon_inode_getfile("[eventpoll]", &eventpoll_fops, ep, O_RDWR | flags);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		kfree(ep);
		return PTR_ERR(file);
	}
	ep->file = file;
	fd_install(fd, file);
	return fd;
}

SYSCALL_DEFINE1(epoll_create1, int, flags)
{
	return do_epoll_create(flags);
}

SYSCALL_DEFINE1(epoll_create, int, size)
{
	return size <= 0 ? -EINVAL : do_epoll_create(0);
}

static int add_item(struct eventpoll *ep, struct file *file, int fd, const struct epoll_event *event)
{
	struct epitem *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (!item)
		return -ENOMEM;
	item->ep = ep;
	item->file = file;
	item->fd = fd;
	item->event = *event;
	item->triggered = true;
	item->table._qproc = ep_enqueue;
	item->table._key = ~(__poll_t)0;
	list_add_tail(&item->in_ep, &ep->items);
	list_add(&item->in_file, &file->f_ep);
	poll_file(file, &item->table);
	ep->woken = true;
	wake_up_all(&ep->wait);
	return 0;
}

static int control(struct eventpoll *ep, int op, struct file *file, int fd, const struct epoll_event *event)
{
	struct epitem *item, *found = NULL;

	list_for_each_entry(item, &ep->items, in_ep)
		if (item->file == file && item->fd == fd)
			found = item;
	switch (op) {
	case EPOLL_CTL_ADD:
		return found ? -EEXIST : add_item(ep, file, fd, event);
	case EPOLL_CTL_DEL:
		if (!found)
			return -ENOENT;
		remove_item(found);
		return 0;
	case EPOLL_CTL_MOD:
		if (!found)
			return -ENOENT;
		found->event = *event;
		found->triggered = true;
		found->spent = false;
		ep->woken = true;
		wake_up_all(&ep->wait);
		return 0;
	}
	return -EINVAL;
}

/* How deep descriptors that watch descriptors would be nested below @file; too deep if @ep is among them. */
static int depth_below(struct file *file, const struct eventpoll *ep)
{
	struct eventpoll *below = file->private_data;
	struct epitem *item;
	int depth = 0;

	if (file->f_op != &eventpoll_fops)
		return 0;
	if (below == ep)
		return MAX_NESTING + 1;
	list_for_each_entry(item, &below->items, in_ep)
		depth = max(depth, depth_below(item->file, ep));
	return depth + 1;
}

/* How deep @ep itself is watched. */
static int depth_above(const struct eventpoll *ep)
{
	struct epitem *item;
	int depth = 0;

	list_for_each_entry(item, &ep->file->f_ep, in_file)
		depth = max(depth, depth_above(item->ep) + 1);
	return depth;
}

SYSCALL_DEFINE4(epoll_ctl, int, epfd, int, op, int, fd, struct epoll_event __user *, user)
{
	struct epoll_event event = { 0 };
	struct file *ep, *file;
	int err = -EBADF;

	if (op != EPOLL_CTL_DEL && copy_from_user(&event, user, sizeof(event)))
		return -EFAULT;
	ep = fget(epfd);
	if (!ep)
		return -EBADF;
	file = fget(fd);
	if (file) {
		if (!file->f_op->poll)
			err = -EPERM;
		else if (file == ep || ep->f_op != &eventpoll_fops)
			err = -EINVAL;
		else if (op == EPOLL_CTL_ADD && depth_below(file, ep->private_data) + depth_above(ep->private_data) > MAX_NESTING)
			err = -ELOOP;
		else
			err = control(ep->private_data, op, file, fd, &event);
		fput(file);
	}
	fput(ep);
	return err;
}

/* Reports up to @max ready items; each goes to the end, so that all get their turn. */
static int collect(struct eventpoll *ep, struct epoll_event __user *user, int max)
{
	struct epitem *item, *next;
	LIST_HEAD(reported);
	int n = 0;

	list_for_each_entry_safe(item, next, &ep->items, in_ep) {
		struct epoll_event event = { .data = item->event.data };

		if (n == max)
			break;
		event.events = ready(item);
		if (!event.events)
			continue;
		if (copy_to_user(&user[n], &event, sizeof(event))) {
			n = n ? n : -EFAULT;
			break;
		}
		item->triggered = false;
		item->spent = item->event.events & EPOLLONESHOT;
		list_move_tail(&item->in_ep, &reported);
		n++;
	}
	list_splice_tail(&reported, &ep->items);
	return n;
}

static int wait_and_collect(struct eventpoll *ep, struct epoll_event __user *user, int max, u64 end)
{
	for (;;) {
		DEFINE_WAIT(wait);
		bool in_time = true;
		int n;

		ep->woken = false;
		n = collect(ep, user, max);
		if (n || !end)
			return n;
		if (signal_pending(current))
			return -EINTR;
		prepare_to_wait(&ep->wait, &wait, TASK_INTERRUPTIBLE);
		if (!ep->woken && !signal_pending(current)) {
			if (end == FOREVER)
				schedule();
			else
				in_time = !schedule_until(end);
		}
		finish_wait(&ep->wait, &wait);
		if (!in_time)
			end = 0;
	}
}

static int do_epoll_wait(int epfd, struct epoll_event __user *user, int max, u64 end)
{
	struct file *file;
	int n;

	if (max <= 0 || max > INT_MAX / (int)sizeof(struct epoll_event))
		return -EINVAL;
	if (!access_ok(user, max * sizeof(*user)))
		return -EFAULT;
	file = fget(epfd);
	if (!file)
		return -EBADF;
	if (file->f_op == &eventpoll_fops)
		n = wait_and_collect(file->private_data, user, max, end);
	else
		n = -EINVAL;
	fput(file);
	return n;
}

static u64 end_of(int milliseconds)
{
	return milliseconds < 0 ? FOREVER : milliseconds ? ktime_get_ns() + milliseconds * NSEC_PER_MSEC : 0;
}

SYSCALL_DEFINE4(epoll_wait, int, epfd, struct epoll_event __user *, events, int, maxevents, int, timeout)
{
	return do_epoll_wait(epfd, events, maxevents, end_of(timeout));
}

SYSCALL_DEFINE6(epoll_pwait2, int, epfd, struct epoll_event __user *, events, int, maxevents,
		const struct __kernel_timespec __user *, timeout, const sigset_t __user *, sigmask, size_t, sigsetsize)
{
	struct timespec64 ts;
	u64 end = FOREVER;
	int n;

	if (timeout) {
		if (get_timespec64(&ts, timeout))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		end = ts.tv_sec || ts.tv_nsec ? ktime_get_ns() + timespec64_to_ns(&ts) : 0;
	}
	n = set_user_sigmask(sigmask, sigsetsize);
	if (n)
		return n;
	n = do_epoll_wait(epfd, events, maxevents, end);
	restore_saved_sigmask_unless(n == -EINTR);
	return n;
}

SYSCALL_DEFINE6(epoll_pwait, int, epfd, struct epoll_event __user *, events, int, maxevents, int, timeout,
		const sigset_t __user *, sigmask, size_t, sigsetsize)
{
	int n = set_user_sigmask(sigmask, sigsetsize);

	if (n)
		return n;
	n = do_epoll_wait(epfd, events, maxevents, end_of(timeout));
	restore_saved_sigmask_unless(n == -EINTR);
	return n;
}
