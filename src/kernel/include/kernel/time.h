/* SPDX-License-Identifier: MIT */
/* Time: clocks in nanoseconds, ticks, user space's structures. (Documentation/core-api/timekeeping.rst) */
#ifndef _KERNEL_TIME_H
#define _KERNEL_TIME_H

#include <linux/time.h>
#include <linux/time_types.h>
#include <kernel/types.h>

#define HZ			100
#define USER_HZ			100
#define NSEC_PER_SEC		1000000000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_USEC		1000L
#define USEC_PER_SEC		1000000L
#define MSEC_PER_SEC		1000L
#define USEC_PER_MSEC		1000L
#define TICK_NSEC		(NSEC_PER_SEC / HZ)
#define KTIME_MAX		((s64)~((u64)1 << 63))

struct timespec64 {
	time64_t tv_sec;
	long tv_nsec;
};

extern volatile unsigned long jiffies;
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
u64 nsec_to_clock_t(u64 ns);

/* Nanoseconds since boot (all monotonic clocks are the same here), and since 1970. */
u64 ktime_get_ns(void);
static inline ktime_t ktime_get(void) { return (ktime_t)ktime_get_ns(); }
#define ktime_get_mono_fast_ns	ktime_get_ns
#define ktime_get_boottime_ns	ktime_get_ns
#define ktime_get_raw_ns	ktime_get_ns
#define ktime_get_coarse_ns	ktime_get_ns
#define local_clock		ktime_get_ns
#define sched_clock		ktime_get_ns
u64 ktime_get_real_ns(void);
time64_t ktime_get_real_seconds(void);
time64_t ktime_get_seconds(void);
void ktime_get_real_ts64(struct timespec64 *ts);
#define ktime_get_coarse_real_ts64 ktime_get_real_ts64
#define ktime_get_boottime_ts64	ktime_get_ts64
void set_real_time_ns(u64 ns);
/* For timers: user space's times, and a time on a clock as one of ktime_get_ns(), never 0. */
bool itimerspec_valid(const struct __kernel_itimerspec *spec);
u64 clamp_timespec_ns(const struct __kernel_timespec *ts);
u64 absolute_to_boot_ns(int clock, u64 value);
/* TSC ticks a second. */
extern u64 tsc_hz;
/* TSC ticks as ns since boot, and a moment's TSC value. */
u64 tsc_to_ns(u64 tsc);

struct timespec64 ns_to_timespec64(s64 ns);
static inline s64 timespec64_to_ns(const struct timespec64 *ts) { return ts->tv_sec * NSEC_PER_SEC + ts->tv_nsec; }
static inline bool timespec64_valid(const struct timespec64 *ts)
{
	return ts->tv_sec >= 0 && (unsigned long)ts->tv_nsec < (unsigned long)NSEC_PER_SEC;
}
static inline int timespec64_compare(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec != b->tv_sec ? (a->tv_sec < b->tv_sec ? -1 : 1) : (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}
static inline bool timespec64_equal(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}
/* 0 or -EFAULT. */
int get_timespec64(struct timespec64 *ts, const struct __kernel_timespec __user *uts);
int put_timespec64(const struct timespec64 *ts, struct __kernel_timespec __user *uts);

#define ktime_add(a, b)		((a) + (b))
#define ktime_sub(a, b)		((a) - (b))
#define ktime_add_ns(a, n)	((a) + (s64)(n))
#define ktime_to_ns(t)		(t)
#define ktime_to_us(t)		((t) / NSEC_PER_USEC)
#define ktime_to_ms(t)		((t) / NSEC_PER_MSEC)
#define ns_to_ktime(n)		((ktime_t)(n))
#define ktime_set(s, n)		((ktime_t)(s) * NSEC_PER_SEC + (n))

void ndelay(unsigned long ns);
void mdelay(unsigned long ms);

#endif
