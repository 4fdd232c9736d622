// SPDX-License-Identifier: MIT
/*
 * The system calls about clocks and sleeping. (clock_gettime(2), nanosleep(2))
 */
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/security.h>
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

SYSCALL_DEFINE2(clock_gettime, int, which_clock, struct __kernel_timespec __user *, tp)
{
	struct timespec64 ts;
	u64 ns;
	int ret = read_clock(which_clock, &ns);

	if (ret)
		return ret;
	ts = ns_to_timespec64(ns);
	return put_timespec64(&ts, tp);
}

SYSCALL_DEFINE2(clock_getres, int, which_clock, struct __kernel_timespec __user *, tp)
{
	struct timespec64 ts = { 0, CLOCK_RESOLUTION_NS };
	u64 ns;
	int ret = read_clock(which_clock, &ns);

	if (ret || !tp)
		return ret;
	return put_timespec64(&ts, tp);
}

static int set_time(const struct timespec64 *ts)
{
	int err;

	if (!timespec64_valid(ts))
		return -EINVAL;
	err = capable(CAP_SYS_TIME) ? security_settime(ts, NULL) : -EPERM;
	if (!err)
		set_real_time_ns(timespec64_to_ns(ts));
	return err;
}

SYSCALL_DEFINE2(clock_settime, int, which_clock, const struct __kernel_timespec __user *, tp)
{
	struct timespec64 ts;

	if (which_clock != CLOCK_REALTIME)
		return -EINVAL;
	if (get_timespec64(&ts, tp))
		return -EFAULT;
	return set_time(&ts);
}

SYSCALL_DEFINE2(gettimeofday, struct __kernel_old_timeval __user *, utv, void __user *, tz)
{
	u64 ns = ktime_get_real_ns();
	int zone[2] = { 0, 0 };

	if (utv && (put_user(ns / NSEC_PER_SEC, &utv->tv_sec) || put_user(ns % NSEC_PER_SEC / 1000, &utv->tv_usec)))
		return -EFAULT;
	return tz && copy_to_user(tz, zone, sizeof(zone)) ? -EFAULT : 0;
}

SYSCALL_DEFINE1(time, long __user *, tloc)
{
	long seconds = ktime_get_real_seconds();

	if (tloc && put_user(seconds, tloc))
		return -EFAULT;
	return seconds;
}

SYSCALL_DEFINE2(settimeofday, struct __kernel_old_timeval __user *, utv, void __user *, tz)
{
	struct __kernel_old_timeval tv;

	if (!utv)
		return tz && !capable(CAP_SYS_TIME) ? -EPERM : 0;
	if (copy_from_user(&tv, utv, sizeof(tv)))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec > USEC_PER_SEC)
		return -EINVAL;
	return set_time(&(struct timespec64){ tv.tv_sec, tv.tv_usec * NSEC_PER_USEC });
}

bool itimerspec_valid(const struct __kernel_itimerspec *spec)
{
	return spec->it_value.tv_sec >= 0 && (u64)spec->it_value.tv_nsec < NSEC_PER_SEC &&
	       spec->it_interval.tv_sec >= 0 && (u64)spec->it_interval.tv_nsec < NSEC_PER_SEC;
}

u64 clamp_timespec_ns(const struct __kernel_timespec *ts)
{
	return ts->tv_sec >= KTIME_MAX / NSEC_PER_SEC / 2 ? (u64)KTIME_MAX / 2 : ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec;
}

u64 absolute_to_boot_ns(int clock, u64 value)
{
	u64 real, now = ktime_get_ns();

	if (clock != CLOCK_REALTIME && clock != CLOCK_TAI)
		return max(value, 1ULL);
	real = ktime_get_real_ns();
	return value > real ? now + (value - real) : now;
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

SYSCALL_DEFINE4(clock_nanosleep, int, which_clock, int, flags, const struct __kernel_timespec __user *, rqtp,
		struct __kernel_timespec __user *, rmtp)
{
	struct timespec64 ts;
	u64 now, wanted;
	long ret;

	if (which_clock != CLOCK_REALTIME && which_clock != CLOCK_MONOTONIC && which_clock != CLOCK_BOOTTIME &&
			which_clock != CLOCK_TAI)
		return -EINVAL;
	if (!(flags & TIMER_ABSTIME))
		return do_nanosleep(rqtp, rmtp);
	if (get_timespec64(&ts, rqtp))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	read_clock(which_clock, &now);
	wanted = timespec64_to_ns(&ts);
	if (wanted <= now)
		return 0;
	ret = sleep_until(ktime_get_ns() + (wanted - now), NULL);
	return ret == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : ret;
}
