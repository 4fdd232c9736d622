// SPDX-License-Identifier: MIT
/* Timers that a process makes on the clocks, and that send it signals. (timer_create(2)) */
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "../process/process.h"
#include <linux/time.h>

struct k_itimer {
	struct list_head list;		/* in signal->posix_timers */
	struct timer_list timer;
	int id, clock, notify, signo;
	sigval_t value;
	struct task_struct *task;	/* who gets the signal; with a reference */
	bool to_thread;
	u64 expires, interval;		/* ns since boot; 0: not armed */
	int overrun;
};

static bool still_pending(const struct k_itimer *t, struct sigpending *pending)
{
	struct sigqueue *q;

	list_for_each_entry(q, &pending->list, list)
		if (q->info.si_code == SI_TIMER && q->info.si_tid == t->id)
			return true;
	return false;
}

static void fired(struct timer_list *timer)
{
	struct k_itimer *t = from_timer(t, timer, timer);
	kernel_siginfo_t info = { .si_signo = t->signo, .si_code = SI_TIMER };
	u64 now = ktime_get_ns();

	if (t->notify != SIGEV_NONE && !t->task->exit_state) {
		struct sigpending *pending = t->to_thread ? &t->task->pending : &t->task->signal->shared_pending;

		if (still_pending(t, pending)) {
			t->overrun++;
		} else {
			info.si_tid = t->id;
			info.si_value = t->value;
			t->overrun = 0;
			send_signal_to(t->signo, &info, t->task, !t->to_thread);
		}
	}
	if (!t->interval) {
		t->expires = 0;
		return;
	}
	for (t->expires += t->interval; t->expires <= now; t->expires += t->interval)
		t->overrun += t->overrun < INT_MAX;
	mod_timer_ns(&t->timer, t->expires);
}

static struct k_itimer *find_timer(int id)
{
	struct k_itimer *t;

	list_for_each_entry(t, &current->signal->posix_timers, list)
		if (t->id == id)
			return t;
	return NULL;
}

static void free_timer(struct k_itimer *t)
{
	del_timer(&t->timer);
	list_del(&t->list);
	put_task_struct(t->task);
	kfree(t);
}

void exit_posix_timers(struct signal_struct *signal)
{
	struct k_itimer *t, *next;

	list_for_each_entry_safe(t, next, &signal->posix_timers, list)
		free_timer(t);
}

static bool has_timers(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

SYSCALL_DEFINE3(timer_create, int, which_clock, struct sigevent __user *, timer_event_spec, int __user *,
		created_timer_id)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct task_struct *target = current->group_leader;
	struct k_itimer *t;

	if (!has_timers(which_clock))
		return which_clock == CLOCK_MONOTONIC_RAW || which_clock == CLOCK_REALTIME_COARSE ||
				which_clock == CLOCK_MONOTONIC_COARSE ?
		       -EOPNOTSUPP : -EINVAL;
	if (timer_event_spec && copy_from_user(&event, timer_event_spec, sizeof(event)))
		return -EFAULT;
	if (event.sigev_notify & SIGEV_THREAD_ID) {
		target = find_task_by_vpid(event._sigev_un._tid);
		if (!target || target->tgid != current->tgid)
			return -EINVAL;
	}
	switch (event.sigev_notify) {
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		if (event.sigev_signo <= 0 || event.sigev_signo > _NSIG)
			return -EINVAL;
		break;
	case SIGEV_NONE:
		break;
	default:
		return -EINVAL;
	}
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -EAGAIN;
	t->id = current->signal->next_timer_id;
	if (put_user(t->id, created_timer_id)) {
		kfree(t);
		return -EFAULT;
	}
	current->signal->next_timer_id = (t->id + 1) & INT_MAX;
	t->clock = which_clock;
	t->notify = event.sigev_notify;
	t->signo = event.sigev_signo;
	if (timer_event_spec)
		t->value = event.sigev_value;
	else
		t->value.sival_int = t->id;
	t->to_thread = event.sigev_notify & SIGEV_THREAD_ID;
	t->task = target;
	get_task_struct(target);
	timer_setup(&t->timer, fired, 0);
	list_add_tail(&t->list, &current->signal->posix_timers);
	return 0;
}

static void read_timer(const struct k_itimer *t, struct __kernel_itimerspec *spec)
{
	u64 now = ktime_get_ns(), left = !t->expires ? 0 : t->expires > now ? t->expires - now : 1;

	spec->it_value = (struct __kernel_timespec){ left / NSEC_PER_SEC, left % NSEC_PER_SEC };
	spec->it_interval = (struct __kernel_timespec){ t->interval / NSEC_PER_SEC, t->interval % NSEC_PER_SEC };
}

SYSCALL_DEFINE2(timer_gettime, int, timer_id, struct __kernel_itimerspec __user *, setting)
{
	struct k_itimer *t = find_timer(timer_id);
	struct __kernel_itimerspec spec;

	if (!t)
		return -EINVAL;
	read_timer(t, &spec);
	return copy_to_user(setting, &spec, sizeof(spec)) ? -EFAULT : 0;
}

SYSCALL_DEFINE4(timer_settime, int, timer_id, int, flags, const struct __kernel_itimerspec __user *, new_setting,
		struct __kernel_itimerspec __user *, old_setting)
{
	struct k_itimer *t;
	struct __kernel_itimerspec spec, old;
	u64 value;

	if (!new_setting)
		return -EINVAL;
	if (copy_from_user(&spec, new_setting, sizeof(spec)))
		return -EFAULT;
	if (!itimerspec_valid(&spec))
		return -EINVAL;
	t = find_timer(timer_id);
	if (!t)
		return -EINVAL;
	read_timer(t, &old);
	del_timer(&t->timer);
	t->overrun = 0;
	value = clamp_timespec_ns(&spec.it_value);
	t->interval = clamp_timespec_ns(&spec.it_interval);
	t->expires = !value ? 0 : flags & TIMER_ABSTIME ? absolute_to_boot_ns(t->clock, value) : ktime_get_ns() + value;
	if (t->expires)
		mod_timer_ns(&t->timer, t->expires);
	return old_setting && copy_to_user(old_setting, &old, sizeof(old)) ? -EFAULT : 0;
}

SYSCALL_DEFINE1(timer_getoverrun, int, timer_id)
{
	struct k_itimer *t = find_timer(timer_id);

	return t ? t->overrun : -EINVAL;
}

SYSCALL_DEFINE1(timer_delete, int, timer_id)
{
	struct k_itimer *t = find_timer(timer_id);

	if (!t)
		return -EINVAL;
	free_timer(t);
	return 0;
}
