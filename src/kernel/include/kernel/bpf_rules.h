/* SPDX-License-Identifier: MIT */
/*
 * Whose rules bpf(2) follows: those of Linux 6.1, or of one of the series that error injection by BPF came from. The
 * verifier's share of them is in src/bpf/verifier/rules.ts. (docs/eras.md; semantics A29, B1 to B9, D8, D10)
 */
#ifndef _KERNEL_BPF_RULES_H
#define _KERNEL_BPF_RULES_H

#include <linux/bpf.h>
#include <kernel/types.h>

enum bpf_rules {
	BPF_RULES_6_1,
	BPF_RULES_2015,		/* commit 2541517c32be: BPF programs on kprobes */
	BPF_RULES_2017,		/* commit 329fca60a959: bpf_override_return as it was merged */
	BPF_RULES_2020,		/* commit 10496f261ed3: sleepable programs */
};

/* The kernel option bpf_rules=, and later what root wrote to /proc/sys/kernel/bpf_rules. */
extern enum bpf_rules bpf_rules;

/* 0, or the errno that the kernel of the year has for a command, a kind of map or a program that came later. */
int bpf_rules_check_command(int cmd);
int bpf_rules_check_map(const union bpf_attr *attr);
int bpf_rules_check_prog(const union bpf_attr *attr);

struct perf_event;
struct bpf_prog;

/*
 * 2015: a probe event has one program, whoever set it; 0 or -EINVAL, -EEXIST, or what looking @prog_fd up gives, in
 * that order (B2). Closing any descriptor of the event takes the program away (B3).
 */
int perf_event_set_only_prog(struct perf_event *event, int prog_fd);
bool perf_event_free_only_prog(struct perf_event *event);

/* 2017: a program has sent the probed call away. Every probe looks here, and only the next that runs programs clears it. (A29) */
extern bool bpf_kprobe_override;

/* The lone `ret` of 2017, in the same place as the handler of kprobes on the function tracer. */
void override_func(void);

#endif
