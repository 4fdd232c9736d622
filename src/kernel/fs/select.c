// SPDX-License-Identifier: MIT
/* Waiting for several files at once. (man 2 poll, man 2 select) */
#include <kernel/fs.h>
#include <kernel/fdtable.h>
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

#define FOREVER		((u64)-1)

/* One place on one wait queue. */
struct poll_entry {
	struct file *file;
	wait_queue_head_t *wq;
	wait_queue_entry_t wait;
	struct poller *poller;
	struct poll_entry *next;
};

struct poller {
	poll_table table;
	struct poll_entry *entries;
	bool triggered;
	int error;
};

static int poll_wake(wait_queue_entry_t *wait, unsigned int mode, int flags, void *key)
{
	struct poll_entry *entry = container_of(wait, struct poll_entry, wait);

	entry->poller->triggered = true;
	return default_wake_function(wait, mode, flags, key);
}

static void enqueue(struct file *file, wait_queue_head_t *wq, poll_table *table)
{
	struct poller *poller = container_of(table, struct poller, table);
	struct poll_entry *entry = kmalloc(sizeof(*entry), GFP_KERNEL);

	if (!entry) {
		poller->error = -ENOMEM;
		return;
	}
	entry->file = get_file(file);
	entry->wq = wq;
	entry->poller = poller;
	entry->next = poller->entries;
	poller->entries = entry;
	init_waitqueue_func_entry(&entry->wait, poll_wake);
	entry->wait.private = current;
	add_wait_queue(wq, &entry->wait);
}

static void poller_init(struct poller *poller)
{
	memset(poller, 0, sizeof(*poller));
	poller->table._qproc = enqueue;
	poller->table._key = ~(__poll_t)0;
}

static void poller_free(struct poller *poller)
{
	struct poll_entry *entry;

	while ((entry = poller->entries)) {
		poller->entries = entry->next;
		remove_wait_queue(entry->wq, &entry->wait);
		fput(entry->file);
		kfree(entry);
	}
}

/* Sleeps until a queue was woken; false when the time @end has come. */
static bool poller_wait(struct poller *poller, u64 end)
{
	bool in_time = true;

	set_current_state(TASK_INTERRUPTIBLE);
	if (!poller->triggered && !signal_pending(current)) {
		if (end == FOREVER)
			schedule();
		else
			in_time = !schedule_until(end);
	}
	__set_current_state(TASK_RUNNING);
	poller->triggered = false;
	return in_time;
}

static __poll_t poll_file(struct file *file, poll_table *table)
{
	return file->f_op->poll ? file->f_op->poll(file, table) : DEFAULT_POLLMASK;
}

/*
 * Looks until @look finds something or fails, a signal comes, or the time is over. @look puts the task on the queues of
 * *@table and makes that NULL when nobody has to sleep any more, and after one round, for the queues are known then.
 */
static int poll_until(int (*look)(void *what, unsigned int n, poll_table **table), void *what, unsigned int n, u64 end)
{
	struct poller poller;
	poll_table *table = &poller.table;
	int found;

	poller_init(&poller);
	if (!end)
		table = NULL;
	for (;;) {
		found = look(what, n, &table);
		if (!found && poller.error)
			found = poller.error;
		if (found || !end)
			break;
		if (signal_pending(current)) {
			found = -ERESTARTNOHAND;
			break;
		}
		if (!poller_wait(&poller, end))
			end = 0;	/* one last look */
	}
	poller_free(&poller);
	return found;
}

/* ---- poll --------------------------------------------------------------------------------------------------------- */

static __poll_t poll_one(struct pollfd *p, poll_table *table)
{
	struct file *file;
	__poll_t mask;

	p->revents = 0;
	if (p->fd < 0)
		return 0;
	file = fget(p->fd);
	if (!file)
		return p->revents = POLLNVAL;
	mask = poll_file(file, table) & ((u16)p->events | EPOLLERR | EPOLLHUP);
	fput(file);
	return p->revents = mask;
}

static int look_at_each(void *what, unsigned int count, poll_table **table)
{
	struct pollfd *fds = what;
	int found = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (poll_one(&fds[i], *table)) {
			found++;
			*table = NULL;
		}
	}
	*table = NULL;
	return found;
}

static int poll_user(struct pollfd __user *user, unsigned int count, u64 end)
{
	struct pollfd few[16], *fds = few;
	int found;

	if (count > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	if (count > ARRAY_SIZE(few)) {
		fds = kmalloc(count * sizeof(*fds), GFP_KERNEL);
		if (!fds)
			return -ENOMEM;
	}
	if (copy_from_user(fds, user, count * sizeof(*fds))) {
		found = -EFAULT;
	} else {
		found = poll_until(look_at_each, fds, count, end);
		for (unsigned int i = 0; i < count && found >= 0; i++)
			if (put_user(fds[i].revents, &user[i].revents))
				found = -EFAULT;
	}
	if (fds != few)
		kfree(fds);
	return found;
}

/* When a timeout that starts now ends; 0 for "do not wait". */
static u64 end_of(const struct timespec64 *timeout)
{
	u64 now = ktime_get_ns();

	if (!timeout)
		return FOREVER;
	if (!timeout->tv_sec && !timeout->tv_nsec)
		return 0;
	if (timeout->tv_sec > (s64)(FOREVER / 4 / NSEC_PER_SEC))
		return FOREVER;
	return now + timeout->tv_sec * NSEC_PER_SEC + timeout->tv_nsec;
}

static struct timespec64 left_until(u64 end)
{
	u64 now = ktime_get_ns();

	return ns_to_timespec64(end > now ? end - now : 0);
}

SYSCALL_DEFINE3(poll, struct pollfd __user *, ufds, unsigned int, nfds, int, timeout_msecs)
{
	struct timespec64 ts = { timeout_msecs / 1000, timeout_msecs % 1000 * NSEC_PER_MSEC };

	return poll_user(ufds, nfds, end_of(timeout_msecs < 0 ? NULL : &ts));
}

SYSCALL_DEFINE5(ppoll, struct pollfd __user *, ufds, unsigned int, nfds, struct __kernel_timespec __user *, tsp,
		const sigset_t __user *, sigmask, size_t, sigsetsize)
{
	struct timespec64 ts;
	u64 end;
	int found;

	if (tsp && get_timespec64(&ts, tsp))
		return -EFAULT;
	if (tsp && !timespec64_valid(&ts))
		return -EINVAL;
	end = end_of(tsp ? &ts : NULL);
	found = set_user_sigmask(sigmask, sigsetsize);
	if (found)
		return found;
	found = poll_user(ufds, nfds, end);
	restore_saved_sigmask_unless(found == -ERESTARTNOHAND);
	if (tsp) {
		ts = end && end != FOREVER ? left_until(end) : ts;
		put_timespec64(&ts, tsp);
	}
	return found;
}

/* ---- select ------------------------------------------------------------------------------------------------------- */

#define IN_SET	(EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR)
#define OUT_SET	(EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR)
#define EX_SET	EPOLLPRI

#define BITS	(8 * sizeof(long))

struct fd_sets {
	unsigned long *wanted[3], *found[3];
};

static int look_at_sets(void *what, unsigned int n, poll_table **table)
{
	struct fd_sets *sets = what;
	static const __poll_t masks[3] = { IN_SET, OUT_SET, EX_SET };
	int count = 0;

	for (unsigned int fd = 0; fd < n; fd++) {
		unsigned long bit = 1UL << (fd % BITS);
		bool any = false;
		struct file *file;
		__poll_t mask;

		for (int i = 0; i < 3; i++)
			any |= sets->wanted[i][fd / BITS] & bit;
		if (!any)
			continue;
		file = fget(fd);
		if (!file)
			return -EBADF;
		mask = poll_file(file, *table);
		fput(file);
		for (int i = 0; i < 3; i++) {
			if ((sets->wanted[i][fd / BITS] & bit) && (mask & masks[i])) {
				sets->found[i][fd / BITS] |= bit;
				count++;
				*table = NULL;
			}
		}
	}
	*table = NULL;
	return count;
}

static int select_user(int n, void __user *in, void __user *out, void __user *ex, u64 end)
{
	void __user *user[3] = { in, out, ex };
	struct fd_sets sets;
	size_t words;
	unsigned long *bits;
	int found;

	if (n < 0)
		return -EINVAL;
	n = min_t(unsigned int, n, current->files->fdt->max_fds);
	words = DIV_ROUND_UP(n, BITS);
	bits = kcalloc(6 * words + 1, sizeof(long), GFP_KERNEL);
	if (!bits)
		return -ENOMEM;
	found = 0;
	for (int i = 0; i < 3; i++) {
		sets.wanted[i] = bits + i * words;
		sets.found[i] = bits + (3 + i) * words;
		if (user[i] && copy_from_user(sets.wanted[i], user[i], words * sizeof(long)))
			found = -EFAULT;
		if (n % BITS && words)
			sets.wanted[i][words - 1] &= (1UL << (n % BITS)) - 1;
	}
	if (!found)
		found = poll_until(look_at_sets, &sets, n, end);
	for (int i = 0; i < 3 && found >= 0; i++)
		if (user[i] && copy_to_user(user[i], sets.found[i], words * sizeof(long)))
			found = -EFAULT;
	kfree(bits);
	return found;
}

SYSCALL_DEFINE5(select, int, n, void __user *, inp, void __user *, outp, void __user *, exp,
		struct __kernel_old_timeval __user *, tvp)
{
	struct __kernel_old_timeval tv;
	struct timespec64 ts;
	u64 end;
	int found;

	if (tvp && copy_from_user(&tv, tvp, sizeof(tv)))
		return -EFAULT;
	if (tvp && (tv.tv_sec < 0 || tv.tv_usec < 0))
		return -EINVAL;
	if (tvp)
		ts = (struct timespec64){ tv.tv_sec + tv.tv_usec / USEC_PER_SEC, tv.tv_usec % USEC_PER_SEC * 1000 };
	end = end_of(tvp ? &ts : NULL);
	found = select_user(n, inp, outp, exp, end);
	if (tvp && end && end != FOREVER) {
		ts = left_until(end);
		tv.tv_sec = ts.tv_sec;
		tv.tv_usec = ts.tv_nsec / 1000;
		if (copy_to_user(tvp, &tv, sizeof(tv)))
			return found;
	}
	return found;
}

SYSCALL_DEFINE6(pselect6, int, n, void __user *, inp, void __user *, outp, void __user *, exp,
		struct __kernel_timespec __user *, tsp, void __user *, sig)
{
	struct {
		const sigset_t __user *mask;
		size_t size;
	} with = { NULL, 0 };
	struct timespec64 ts;
	u64 end;
	int found;

	if (sig && copy_from_user(&with, sig, sizeof(with)))
		return -EFAULT;
	if (tsp && get_timespec64(&ts, tsp))
		return -EFAULT;
	if (tsp && !timespec64_valid(&ts))
		return -EINVAL;
	end = end_of(tsp ? &ts : NULL);
	found = set_user_sigmask(with.mask, with.size);
	if (found)
		return found;
	found = select_user(n, inp, outp, exp, end);
	restore_saved_sigmask_unless(found == -ERESTARTNOHAND);
	if (tsp && end && end != FOREVER) {
		ts = left_until(end);
		put_timespec64(&ts, tsp);
	}
	return found;
}
