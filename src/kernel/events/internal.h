/* SPDX-License-Identifier: MIT */
/* What the files of perf events share with nobody else. */
#ifndef _EVENTS_INTERNAL_H
#define _EVENTS_INTERNAL_H

/* -1: everything for everybody; 0: no raw samples of the kernel's; 1: no events of a CPU; 2: nothing of the kernel. */
extern int sysctl_perf_event_paranoid;
extern int sysctl_perf_event_sample_rate;
extern int sysctl_perf_event_max_stack;

#endif
