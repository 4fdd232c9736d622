// SPDX-License-Identifier: MIT
/*
 * Interval timers and what else counts a process's time: ITIMER_REAL and alarm; ITIMER_VIRTUAL, ITIMER_PROF and
 * RLIMIT_CPU, which the tick checks. (setitimer(2), getrlimit(2))
 */
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include "../process/process.h"
#include "sched.h"
#include <linux/time.h>

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

static u64 left_until(u64 expires, u64 now)
{
	/* A timer that is armed has something left. */
	return !expires ? 0 : expires > now ? expires - now : NSEC_PER_USEC;
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
	u64 left = left_until(current->signal->it_real_expires, ktime_get_ns());
	int ret = set_real_timer((u64)min_t(unsigned int, seconds, INT_MAX) * NSEC_PER_SEC, 0);

	if (ret)
		return ret;
	/* Rounded, but never down to nothing. */
	return left ? max_t(long, 1, (left + NSEC_PER_SEC / 2) / NSEC_PER_SEC) : 0;
}

/* ---- processor time ---- */

static void check_cpu_itimer(struct cpu_itimer *timer, u64 used, int sig)
{
	if (!timer->expires || used < timer->expires)
		return;
	if (timer->incr)
		while (timer->expires <= used)
			timer->expires += timer->incr;
	else
		timer->expires = 0;
	send_sig(sig, current, 1);
}

void run_cpu_timers(void)
{
	struct signal_struct *signal = current->signal;
	struct rlimit *limit = &signal->rlim[RLIMIT_CPU];
	u64 utime, stime;

	if (!signal->it_virtual.expires && !signal->it_prof.expires && limit->rlim_cur == RLIM_INFINITY)
		return;
	thread_group_cputime(current, &utime, &stime);
	check_cpu_itimer(&signal->it_virtual, utime, SIGVTALRM);
	check_cpu_itimer(&signal->it_prof, utime + stime, SIGPROF);
	if (limit->rlim_max != RLIM_INFINITY && (utime + stime) / NSEC_PER_SEC >= limit->rlim_max) {
		send_sig(SIGKILL, current, 1);
	} else if (limit->rlim_cur != RLIM_INFINITY && (utime + stime) / NSEC_PER_SEC >= limit->rlim_cur) {
		/* Another warning each second. */
		limit->rlim_cur++;
		send_sig(SIGXCPU, current, 1);
	}
}

/* ---- the calls ---- */

static void ns_to_timeval(u64 ns, struct __kernel_old_timeval *tv)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / NSEC_PER_USEC;
}

static u64 timeval_to_ns(const struct __kernel_old_timeval *tv)
{
	return tv->tv_sec > KTIME_MAX / NSEC_PER_SEC - 1 ? (u64)KTIME_MAX / 2 :
	       tv->tv_sec * NSEC_PER_SEC + tv->tv_usec * NSEC_PER_USEC;
}

static bool timeval_valid(const struct __kernel_old_timeval *tv)
{
	return tv->tv_sec >= 0 && tv->tv_usec >= 0 && tv->tv_usec < USEC_PER_SEC;
}

/* The timer and the present time on its clock; NULL for ITIMER_REAL. */
static struct cpu_itimer *cpu_itimer(int which, u64 *now)
{
	u64 utime, stime;

	thread_group_cputime(current, &utime, &stime);
	*now = which == ITIMER_VIRTUAL ? utime : which == ITIMER_PROF ? utime + stime : ktime_get_ns();
	return which == ITIMER_VIRTUAL ? &current->signal->it_virtual :
	       which == ITIMER_PROF ? &current->signal->it_prof : NULL;
}

static void get_itimer(int which, struct __kernel_old_itimerval *value)
{
	u64 now;
	struct cpu_itimer *timer = cpu_itimer(which, &now);

	ns_to_timeval(left_until(timer ? timer->expires : current->signal->it_real_expires, now), &value->it_value);
	ns_to_timeval(timer ? timer->incr : current->signal->it_real_incr, &value->it_interval);
}

SYSCALL_DEFINE2(getitimer, int, which, struct __kernel_old_itimerval __user *, uvalue)
{
	struct __kernel_old_itimerval value;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	get_itimer(which, &value);
	return copy_to_user(uvalue, &value, sizeof(value)) ? -EFAULT : 0;
}

SYSCALL_DEFINE3(setitimer, int, which, const struct __kernel_old_itimerval __user *, uvalue,
		struct __kernel_old_itimerval __user *, uold)
{
	struct __kernel_old_itimerval value = { 0 }, old;
	struct cpu_itimer *timer;
	u64 now;
	int ret = 0;

	if (uvalue && copy_from_user(&value, uvalue, sizeof(value)))
		return -EFAULT;
	if (which < ITIMER_REAL || which > ITIMER_PROF || !timeval_valid(&value.it_value) ||
	    !timeval_valid(&value.it_interval))
		return -EINVAL;
	get_itimer(which, &old);
	timer = cpu_itimer(which, &now);
	if (timer) {
		timer->incr = timeval_to_ns(&value.it_interval);
		timer->expires = timeval_to_ns(&value.it_value) ? now + timeval_to_ns(&value.it_value) : 0;
	} else {
		ret = set_real_timer(timeval_to_ns(&value.it_value), timeval_to_ns(&value.it_interval));
	}
	if (ret)
		return ret;
	return uold && copy_to_user(uold, &old, sizeof(old)) ? -EFAULT : 0;
}

/* The process has gone: its timers with it. */
void exit_itimers(struct task_struct *task)
{
	struct timer_list *timer = task->signal->real_timer;

	exit_posix_timers(task->signal);
	if (!timer)
		return;
	del_timer(timer);
	task->signal->real_timer = NULL;
	kfree(timer);
}
