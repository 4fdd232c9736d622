/* SPDX-License-Identifier: MIT */
/*
 * Trampolines: one for each function of the kernel that fentry, fexit, fmod_ret or LSM programs are attached to.
 * (docs/trampolines.md; semantics D1 to D7, D14)
 */
#ifndef _BPF_TRAMPOLINE_H
#define _BPF_TRAMPOLINE_H

#include <kernel/time.h>
#include "link.h"
#include "run_context.h"

struct bpf_trampoline;

/* A program on a trampoline. */
struct bpf_tramp_link {
	struct bpf_link link;
	struct list_head tramp_list;
	u64 cookie;
};

/* The function that @prog was loaded for; with a reference. NULL: no memory. */
struct bpf_trampoline *bpf_trampoline_get(struct bpf_prog *prog);
void bpf_trampoline_put(struct bpf_trampoline *tr);
/* Number of the kernel's type information in the upper half, of the function in the lower. */
u64 bpf_trampoline_key(const struct bpf_trampoline *tr);
/* 0, -E2BIG, -EBUSY (the program is on it already, or something else has the function's entry), -ENOTSUPP, -ENOMEM. */
int bpf_trampoline_link_prog(struct bpf_tramp_link *link, struct bpf_trampoline *tr);
void bpf_trampoline_unlink_prog(struct bpf_tramp_link *link, struct bpf_trampoline *tr);

/* The links' commands of bpf(2): attaches to what the program was loaded for. */
int bpf_tracing_prog_attach(struct bpf_prog *prog, int tgt_prog_fd, u32 btf_id, u64 bpf_cookie);

/* The same for any program of type TRACING or LSM: on a tracepoint, too. */
int bpf_tracing_attach(struct bpf_prog *prog, int tgt_prog_fd, u32 btf_id, u64 bpf_cookie);

/* Looks up what attach_btf_id names, for the verifier and for attaching. */
void bpf_resolve_attach_target(struct bpf_prog *prog, u32 *attach_flags);

/* ---- around a program ---- */

u64 __bpf_prog_enter(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx);
void __bpf_prog_exit(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx);

/*
 * The part that all programs have in common. 0: do not run it, it is running already (D6). LSM programs are not held
 * back: what they decide about must be decided.
 */
static __always_inline u64 bpf_tramp_prog_enter(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx)
{
	if (unlikely(++prog->active != 1) && prog->type != BPF_PROG_TYPE_LSM) {
		prog->recursion_misses++;
		return 0;
	}
	run_ctx->saved_run_ctx = bpf_run_ctx;
	bpf_run_ctx = (struct bpf_run_ctx){ .bpf_cookie = run_ctx->bpf_cookie, .prog = prog };
	return bpf_stats_wanted() ? ktime_get_ns() : 1;
}

static __always_inline void bpf_tramp_prog_leave(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx)
{
	if (likely(start)) {
		bpf_run_ctx = run_ctx->saved_run_ctx;
		if (unlikely(start > 1) && bpf_stats_wanted()) {
			prog->run_cnt++;
			prog->run_time_ns += ktime_get_ns() - start;
		}
	}
	prog->active--;
}

#endif
