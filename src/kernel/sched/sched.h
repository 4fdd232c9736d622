/* SPDX-License-Identifier: MIT */
/* What the parts of the scheduler share. */
#ifndef _SCHED_SCHED_H
#define _SCHED_SCHED_H

#include <kernel/types.h>

struct mutex;
struct pt_regs;
struct task_struct;

void timer_program(bool idle);
void scheduler_tick(bool user);
void __noreturn cpu_idle(void);
/* Adds the time since the last call to the current task. */
void account_time(bool user);
/* From the tick: ITIMER_VIRTUAL, ITIMER_PROF and RLIMIT_CPU of the current process. */
void run_cpu_timers(void);
/* Somebody goes to sleep uninterruptibly. */
void hung_task_watch(void);
/* From the clock interrupt; from every switch of tasks. */
void softlockup_tick(struct pt_regs *regs);
void touch_softlockup_watchdog(void);

/* Mutexes that the current task has taken and let go of. */
void lock_acquired(const struct mutex *lock, unsigned long ip);
void lock_released(const struct mutex *lock);

#endif
