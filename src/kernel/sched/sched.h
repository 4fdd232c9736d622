/* SPDX-License-Identifier: MIT */
/* What the parts of the scheduler share. */
#ifndef _SCHED_SCHED_H
#define _SCHED_SCHED_H

#include <kernel/types.h>

struct task_struct;

void timer_program(bool idle);
void scheduler_tick(bool user);
void __noreturn cpu_idle(void);
/* Adds the time since the last call to the current task. */
void account_time(bool user);
/* From the tick: ITIMER_VIRTUAL, ITIMER_PROF and RLIMIT_CPU of the current process. */
void run_cpu_timers(void);

#endif
