// SPDX-License-Identifier: MIT
/* Time from the TSC: the clocks, ticks, and delays. The TSC's frequency is CPUID's or measured with the APIC timer. */
#include <kernel/init.h>
#include <kernel/io.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/sched.h>
#include <kernel/time.h>
#include <kernel/timer.h>
#include <kernel/uaccess.h>
#include <generated/platform.h>
#include "../boot/boot.h"

#define CALIBRATION_COUNTS 2000000	/* of the APIC timer: 2 ms */

u64 tsc_hz;
volatile unsigned long jiffies;
static u64 tsc_base, mult;		/* ns = ticks * mult >> 32 */
/* No clock chip: 2023-01-01 00:00:00 UTC unless the command line says otherwise. */
static u64 boot_real_ns = 1672531200UL * NSEC_PER_SEC;

static int __init realtime_setup(char *value)
{
	unsigned long long seconds;

	if (kstrtoull(value, 0, &seconds))
		return 0;
	boot_real_ns = seconds * NSEC_PER_SEC;
	return 1;
}
early_param("realtime", realtime_setup);

static u64 __init cpuid_tsc_hz(void)
{
	u32 a, b, c, d;

	cpuid_count(0, 0, &a, &b, &c, &d);
	if (a < 0x15)
		return 0;
	cpuid_count(0x15, 0, &a, &b, &c, &d);
	return a && b && c ? (u64)c * b / a : 0;
}

/* The boot's mapping still covers the APIC. */
static u64 __init calibrate(void)
{
	void __iomem *lapic = __va(PLATFORM_LOCAL_APIC_ADDRESS);
	u64 start, end;
	u32 first, last;

	writel(0x100 | 0xff, lapic + 0xf0);
	writel(0xb, lapic + 0x3e0);
	writel(1 << 16, lapic + 0x320);
	writel(0xffffffff, lapic + 0x380);
	first = readl(lapic + 0x390);
	start = rdtsc();
	do
		last = readl(lapic + 0x390);
	while (first - last < CALIBRATION_COUNTS);
	end = rdtsc();
	writel(0, lapic + 0x380);
	return (end - start) * PLATFORM_TICKS_PER_SECOND / (first - last);
}

void __init time_early_init(void)
{
	tsc_base = rdtsc();
	tsc_hz = cpuid_tsc_hz();
	if (!tsc_hz)
		tsc_hz = calibrate();
	mult = ((u64)NSEC_PER_SEC << 32) / tsc_hz;
}

u64 tsc_to_ns(u64 tsc)
{
	return (unsigned __int128)(tsc - tsc_base) * mult >> 32;
}

u64 ktime_get_ns(void)
{
	return tsc_to_ns(rdtsc());
}

u64 ktime_get_real_ns(void)
{
	return boot_real_ns + ktime_get_ns();
}

void set_real_time_ns(u64 ns)
{
	boot_real_ns = ns - ktime_get_ns();
}

time64_t ktime_get_real_seconds(void)
{
	return ktime_get_real_ns() / NSEC_PER_SEC;
}

time64_t ktime_get_seconds(void)
{
	return ktime_get_ns() / NSEC_PER_SEC;
}

struct timespec64 ns_to_timespec64(s64 ns)
{
	struct timespec64 ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += NSEC_PER_SEC;
	}
	return ts;
}

void ktime_get_real_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(ktime_get_real_ns());
}

int get_timespec64(struct timespec64 *ts, const struct __kernel_timespec __user *uts)
{
	struct __kernel_timespec kts;

	if (copy_from_user(&kts, uts, sizeof(kts)))
		return -EFAULT;
	*ts = (struct timespec64){ kts.tv_sec, kts.tv_nsec };
	return 0;
}

int put_timespec64(const struct timespec64 *ts, struct __kernel_timespec __user *uts)
{
	struct __kernel_timespec kts = { ts->tv_sec, ts->tv_nsec };

	return copy_to_user(uts, &kts, sizeof(kts)) ? -EFAULT : 0;
}

u64 nsec_to_clock_t(u64 ns)
{
	return ns / (NSEC_PER_SEC / USER_HZ);
}

void ndelay(unsigned long ns)
{
	u64 end = ktime_get_ns() + ns;

	while (ktime_get_ns() < end)
		cpu_relax();
}

void mdelay(unsigned long ms)
{
	ndelay(ms * NSEC_PER_MSEC);
}
