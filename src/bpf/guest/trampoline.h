/* SPDX-License-Identifier: MIT */
/* Programs on functions: one trampoline for each function that has some. (docs/trampolines.md; semantics D1 to D7, D14) */
#ifndef _BPF_TRAMPOLINE_H
#define _BPF_TRAMPOLINE_H

#include "link.h"
#include "sleepable.h"

#define BPF_MAX_TRAMP_LINKS	38
#define BPF_MAX_TRAMP_ARGS	6	/* registers; more arguments are on the stack */

struct bpf_trampoline;

/* One program's place on a trampoline. */
struct bpf_tramp_link {
	struct bpf_link link;
	struct list_head on;			/* its trampoline's programs of one kind, in the order of attaching */
	u64 cookie;
	struct bpf_trampoline *trampoline;	/* NULL: not attached */
};

/* 0, -E2BIG, -EBUSY if the program is there already, -ENOTSUPP for too many arguments, or -ENOMEM. */
int bpf_trampoline_link_prog(struct bpf_tramp_link *link);
void bpf_trampoline_unlink_prog(struct bpf_tramp_link *link);

/* What a trampoline calls before and after a program that may not sleep. */
u64 __bpf_prog_enter(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx);
void __bpf_prog_exit(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx);

/* Fills in which function prog->attach_btf_id names. */
void bpf_prog_find_attach_target(struct bpf_prog *prog);

/* Fills @to, of @room bytes, with the code for @request; 0 or -errno. */
struct bpf_cop_trampoline;
int bpf_coprocessor_trampoline(struct bpf_cop_trampoline *request, void *to, u32 room);

/* A link for a TRACING or LSM program, by BPF_RAW_TRACEPOINT_OPEN or BPF_LINK_CREATE: its descriptor or -errno. */
int bpf_tracing_prog_attach(struct bpf_prog *prog, u64 cookie);

#endif
