// SPDX-License-Identifier: MIT
/*
 * The system calls about time. (clock_gettime(2), nanosleep(2), setitimer(2))
 */
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "../process/process.h"
#include <linux/time.h>

#define CLOCK_RESOLUTION_NS 1

static int read_clock(int id, u64 *ns)
{
	u64 utime, stime;

	switch (id) {
	case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: case CLOCK_TAI:
		*ns = ktime_get_real_ns();
		return 0;
	case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_RAW: case CLOCK_MONOTONIC_COARSE: case CLOCK_BOOTTIME:
		*ns = ktime_get_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		thread_group_cputime(current, &utime, &stime);
		*ns = utime + stime;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = current->utime + current->stime;
		return 0;
	default:
		return -EINVAL;
	}
}

SYSCALL_DEFINE2(clock_gettime, int, id, struct __kernel_timespec __user *, uts)
{
	struct timespec64 ts;
	u64 ns;
	int ret = read_clock(id, &ns);

	if (ret)
		return ret;
	ts = ns_to_timespec64(ns);
	return put_timespec64(&ts, uts);
}

SYSCALL_DEFINE2(clock_getres, int, id, struct __kernel_timespec __user *, uts)
{
	struct timespec64 ts = { 0, CLOCK_RESOLUTION_NS };
	u64 ns;
	int ret = read_clock(id, &ns);

	if (ret || !uts)
		return ret;
	return put_timespec64(&ts, uts);
}

SYSCALL_DEFINE2(clock_settime, int, id, const struct __kernel_timespec __user *, uts)
{
	struct timespec64 ts;

	if (id != CLOCK_REALTIME)
		return -EINVAL;
	if (get_timespec64(&ts, uts))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	set_real_time_ns(timespec64_to_ns(&ts));
	return 0;
}

SYSCALL_DEFINE2(gettimeofday, struct __kernel_old_timeval __user *, utv, void __user *, tz)
{
	u64 ns = ktime_get_real_ns();
	struct __kernel_old_timeval tv = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / 1000 };
	int zone[2] = { 0, 0 };

	if (utv && copy_to_user(utv, &tv, sizeof(tv)))
		return -EFAULT;
	return tz && copy_to_user(tz, zone, sizeof(zone)) ? -EFAULT : 0;
}

SYSCALL_DEFINE1(time, long __user *, where)
{
	long seconds = ktime_get_real_seconds();

	if (where && put_user(seconds, where))
		return -EFAULT;
	return seconds;
}

/* Sleeps until @expires on the monotonic clock; a signal leaves the rest in the restart block. */
static long sleep_until(u64 expires, void __user *rmtp);

static long restart_sleep(struct restart_block *restart)
{
	return sleep_until(restart->expires, restart->rmtp);
}

static long sleep_until(u64 expires, void __user *rmtp)
{
	struct restart_block *restart = &current->restart_block;
	u64 now;

	while ((now = ktime_get_ns()) < expires) {
		if (signal_pending(current)) {
			struct timespec64 left = ns_to_timespec64(expires - now);

			if (rmtp && put_timespec64(&left, rmtp))
				return -EFAULT;
			restart->fn = restart_sleep;
			restart->expires = expires;
			restart->rmtp = rmtp;
			return -ERESTART_RESTARTBLOCK;
		}
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_until(expires);
	}
	return 0;
}

static long do_nanosleep(const struct __kernel_timespec __user *rqtp, struct __kernel_timespec __user *rmtp)
{
	struct timespec64 ts;

	if (get_timespec64(&ts, rqtp))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	return sleep_until(ktime_get_ns() + timespec64_to_ns(&ts), rmtp);
}

SYSCALL_DEFINE2(nanosleep, const struct __kernel_timespec __user *, rqtp, struct __kernel_timespec __user *, rmtp)
{
	return do_nanosleep(rqtp, rmtp);
}

#ifndef TIMER_ABSTIME
#define TIMER_ABSTIME 1
#endif

SYSCALL_DEFINE4(clock_nanosleep, int, id, int, flags, const struct __kernel_timespec __user *, rqtp,
		struct __kernel_timespec __user *, rmtp)
{
	struct timespec64 ts;
	u64 now, wanted;
	long ret;

	if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME && id != CLOCK_TAI)
		return -EINVAL;
	if (!(flags & TIMER_ABSTIME))
		return do_nanosleep(rqtp, rmtp);
	if (get_timespec64(&ts, rqtp))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	read_clock(id, &now);
	wanted = timespec64_to_ns(&ts);
	if (wanted <= now)
		return 0;
	ret = sleep_until(ktime_get_ns() + (wanted - now), NULL);
	return ret == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : ret;
}

/* ---- ITIMER_REAL and alarm ---- */

static void real_timer_fired(struct timer_list *timer)
{
	struct task_struct *p;

	for_each_process(p)
		if (p->signal->real_timer == timer) {
			send_sig(SIGALRM, p, 1);
			if (p->signal->it_real_incr) {
				p->signal->it_real_expires += p->signal->it_real_incr;
				mod_timer_ns(timer, p->signal->it_real_expires);
			} else {
				p->signal->it_real_expires = 0;
			}
			return;
		}
}

static u64 real_timer_left(void)
{
	u64 expires = current->signal->it_real_expires, now = ktime_get_ns();

	return expires > now ? expires - now : 0;
}

static int set_real_timer(u64 value, u64 interval)
{
	struct signal_struct *signal = current->signal;

	if (!signal->real_timer) {
		signal->real_timer = kzalloc(sizeof(*signal->real_timer), GFP_KERNEL);
		if (!signal->real_timer)
			return -ENOMEM;
		timer_setup(signal->real_timer, real_timer_fired, 0);
	}
	if (timer_pending(signal->real_timer))
		del_timer(signal->real_timer);
	signal->it_real_incr = interval;
	signal->it_real_expires = value ? ktime_get_ns() + value : 0;
	if (value)
		mod_timer_ns(signal->real_timer, signal->it_real_expires);
	return 0;
}

SYSCALL_DEFINE1(alarm, unsigned int, seconds)
{
	u64 left = real_timer_left();
	int ret = set_real_timer((u64)seconds * NSEC_PER_SEC, 0);

	return ret ? ret : (long)((left + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
}

static void ns_to_timeval(u64 ns, struct __kernel_old_timeval *tv)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / 1000;
}

static void get_itimer(struct __kernel_old_itimerval *value)
{
	ns_to_timeval(real_timer_left(), &value->it_value);
	ns_to_timeval(current->signal->it_real_incr, &value->it_interval);
}

SYSCALL_DEFINE2(getitimer, int, which, struct __kernel_old_itimerval __user *, uvalue)
{
	struct __kernel_old_itimerval value;

	if (which != ITIMER_REAL)
		return -EINVAL;
	get_itimer(&value);
	return copy_to_user(uvalue, &value, sizeof(value)) ? -EFAULT : 0;
}

SYSCALL_DEFINE3(setitimer, int, which, const struct __kernel_old_itimerval __user *, uvalue,
		struct __kernel_old_itimerval __user *, uold)
{
	struct __kernel_old_itimerval value = { 0 }, old;
	int ret;

	if (which != ITIMER_REAL)
		return -EINVAL;
	if (uvalue && copy_from_user(&value, uvalue, sizeof(value)))
		return -EFAULT;
	get_itimer(&old);
	ret = set_real_timer(value.it_value.tv_sec * NSEC_PER_SEC + value.it_value.tv_usec * 1000,
			     value.it_interval.tv_sec * NSEC_PER_SEC + value.it_interval.tv_usec * 1000);
	if (ret)
		return ret;
	return uold && copy_to_user(uold, &old, sizeof(old)) ? -EFAULT : 0;
}

/* The process has gone: its timer with it. */
void exit_itimers(struct task_struct *task)
{
	struct timer_list *timer = task->signal->real_timer;

	if (!timer)
		return;
	del_timer(timer);
	task->signal->real_timer = NULL;
	kfree(timer);
}
