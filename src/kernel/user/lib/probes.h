/* SPDX-License-Identifier: MIT */
/* Probe events by tracefs, and programs on them. Functions return -1 with errno set. */
#ifndef _USER_PROBES_H
#define _USER_PROBES_H

#define TRACING "/sys/kernel/debug/tracing/"

/* The decimal number that a file holds. */
int number_in(const char *path);
/* A line for kprobe_events. */
int probe_command(const char *text);
/* Removes all probe events. */
void forget_probes(void);
/* A perf event of the trace event GROUP/NAME. */
int open_event(const char *name);
/* A probe event kprobes/NAME, defined by @definition ("p", "r3"), on @place, opened. */
int probe(const char *definition, const char *name, const char *place);
/* PERF_EVENT_IOC_SET_BPF. */
int set_bpf(int event, int program);
/* A program on what it was loaded for: BPF_RAW_TRACEPOINT_OPEN without a name. */
int attach_tracing(int program);
/* An element of an array of 64-bit numbers. */
unsigned long long value_in(int map, unsigned int key);
/* errno's name, the kernel's own ENOTSUPP among them. */
const char *error_name(void);

#endif
