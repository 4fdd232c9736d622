/* SPDX-License-Identifier: MIT */
/* What the files of perf events share with nobody else. */
#ifndef _EVENTS_INTERNAL_H
#define _EVENTS_INTERNAL_H

#include <kernel/perf_event.h>

/* -1: everything for everybody; 0: no raw samples of the kernel's; 1: no events of a CPU; 2: nothing of the kernel. */
extern int sysctl_perf_event_paranoid;
extern int sysctl_perf_event_sample_rate;
extern int sysctl_perf_event_max_stack;

/* core.c: a new event, which is off, with its lists and number; its clock; on and off, which the source and user space are told. */
void perf_event_register(struct perf_event *event);
u64 perf_event_time(const struct perf_event *event);
void perf_event_set_state(struct perf_event *event, enum perf_event_state state);
/* An event leads itself until it is in a group. */
void perf_group_attach(struct perf_event *event, struct perf_event *leader);

/* file.c: the descriptor; samples of @event go to @output's buffer, or with NULL to its own again. 0 or -errno. */
extern const struct file_operations perf_fops;
int perf_event_set_output(struct perf_event *event, struct perf_event *output);

#endif
