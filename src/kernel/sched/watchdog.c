// SPDX-License-Identifier: MIT
/*
 * Two watchdogs. A task that sleeps uninterruptibly for longer than kernel.hung_task_timeout_secs is reported, and so is
 * kernel code that keeps the processor for longer than twice kernel.watchdog_thresh seconds. The wording is Linux's
 * (kernel/hung_task.c, kernel/watchdog.c). The first needs no thread here: a timer that runs only while somebody sleeps so.
 * (Documentation/admin-guide/lockup-watchdogs.rst, Documentation/admin-guide/sysctl/kernel.rst)
 */
#include <kernel/init.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/proc_fs.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/timer.h>
#include "sched.h"

static int hung_task_timeout_secs = 120, hung_task_warnings = 10, hung_task_panic;
static int watchdog_thresh = 10, softlockup_panic;

/* ---- Tasks that do not wake ----------------------------------------------------------------------------------------- */

static void check_hung_tasks(struct timer_list *timer);
static DEFINE_TIMER(hung_task_timer, check_hung_tasks);

void hung_task_watch(void)
{
	if (!timer_pending(&hung_task_timer) && hung_task_timeout_secs && hung_task_warnings)
		mod_timer_ns(&hung_task_timer, ktime_get_ns() + hung_task_timeout_secs * (u64)NSEC_PER_SEC);
}

static void report_hung_task(struct task_struct *task, unsigned long seconds)
{
	pr_err("INFO: task %s:%d blocked for more than %lu seconds.\n", task->comm, task->pid, seconds);
	pr_err("      %s %s %s\n", print_tainted(), UTS_RELEASE, UTS_VERSION);
	pr_err("\"echo 0 > /proc/sys/kernel/hung_task_timeout_secs\" disables this message.\n");
	pr_info("task:%-15.15s state:D stack:%-5lu pid:%-5d ppid:%-6d flags:0x%08lx\n", task->comm, 0UL, task->pid,
		task->real_parent ? task->real_parent->tgid : 0, 0UL);
	show_stack(task, NULL);
	if (hung_task_panic)
		panic("hung_task: blocked tasks");
}

/* A task is hung if it has slept through a whole interval between two checks. */
static void check_hung_tasks(struct timer_list *timer)
{
	struct task_struct *task;
	bool watch = false;

	list_for_each_entry(task, &task_list, tasks) {
		unsigned long switches = task->nvcsw + task->nivcsw;

		if (task->__state != TASK_UNINTERRUPTIBLE)
			continue;
		watch = true;
		if (!hung_task_timeout_secs || !hung_task_warnings)
			return;
		if (switches != task->last_switch_count) {
			task->last_switch_count = switches;
			task->last_switch_time = ktime_get_seconds();
			continue;
		}
		if (hung_task_warnings > 0)
			hung_task_warnings--;
		report_hung_task(task, ktime_get_seconds() - task->last_switch_time);
	}
	if (watch)
		hung_task_watch();
}

static int set_hung_task_timeout(int seconds)
{
	if (timer_pending(&hung_task_timer)) {
		del_timer(&hung_task_timer);
		if (seconds)
			mod_timer_ns(&hung_task_timer, ktime_get_ns() + seconds * (u64)NSEC_PER_SEC);
	}
	return 0;
}

/* ---- Kernel code that does not end ---------------------------------------------------------------------------------- */

/* Since when the processor has been in kernel code without a pause, and when that was last reported. */
static u64 softlockup_since, softlockup_period;

void touch_softlockup_watchdog(void)
{
	softlockup_since = softlockup_period = 0;
}

void softlockup_tick(struct pt_regs *regs)
{
	u64 now = ktime_get_ns();

	if (user_mode(regs) || current == &init_task) {
		touch_softlockup_watchdog();
		return;
	}
	if (!softlockup_since)
		softlockup_since = softlockup_period = now;
	if (!watchdog_thresh || now - softlockup_period < 2 * watchdog_thresh * (u64)NSEC_PER_SEC)
		return;
	softlockup_period = now;
	printk(KERN_EMERG "watchdog: BUG: soft lockup - CPU#%d stuck for %us! [%s:%d]\n", 0,
	       (unsigned int)((now - softlockup_since) / NSEC_PER_SEC), current->comm, current->pid);
	show_regs(regs);
	add_taint(TAINT_SOFTLOCKUP);
	if (softlockup_panic)
		panic("softlockup: hung tasks");
}

static int watchdog_init(void)
{
	int max = INT_MAX / HZ;

	proc_sys_create_int("kernel/hung_task_timeout_secs", 0644, &hung_task_timeout_secs, 0, max, set_hung_task_timeout);
	proc_sys_create_int("kernel/hung_task_warnings", 0644, &hung_task_warnings, -1, INT_MAX, NULL);
	proc_sys_create_int("kernel/hung_task_panic", 0644, &hung_task_panic, 0, 1, NULL);
	proc_sys_create_int("kernel/watchdog_thresh", 0644, &watchdog_thresh, 0, 60, NULL);
	return proc_sys_create_int("kernel/softlockup_panic", 0644, &softlockup_panic, 0, 1, NULL);
}
device_initcall(watchdog_init);
