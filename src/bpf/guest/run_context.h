/* SPDX-License-Identifier: MIT */
/* What helpers know of the run that they are called from. */
#ifndef _BPF_RUN_CONTEXT_H
#define _BPF_RUN_CONTEXT_H

#include <kernel/bpf.h>

struct bpf_run_ctx {
	const struct pt_regs *regs;	/* where the event happened; NULL: in the caller of the program */
	u64 bpf_cookie;
	const struct bpf_prog *prog;	/* the one that a trampoline runs, or NULL */
};

extern struct bpf_run_ctx bpf_run_ctx;

/* What a trampoline keeps on its stack for each program while that runs. */
struct bpf_tramp_run_ctx {
	u64 bpf_cookie;			/* set by the trampoline */
	struct bpf_run_ctx saved_run_ctx;
	int srcu_idx;
};

/* Registers to walk the stack from: the event's, or those of the program that called the helper with this frame. */
const struct pt_regs *bpf_regs_behind(const unsigned long *frame);
#define bpf_run_regs()	bpf_regs_behind(__builtin_frame_address(0))
u32 bpf_walk_kernel_stack(const struct pt_regs *regs, u64 *ips, u32 max);

#endif
