/* SPDX-License-Identifier: MIT */
/*
 * Programs that may sleep, and what has to wait until they are through. (docs/sleepable.md; semantics D7, D14)
 */
#ifndef _BPF_SLEEPABLE_H
#define _BPF_SLEEPABLE_H

#include <kernel/bpf.h>
#include "run_context.h"

/*
 * What a trampoline calls before and after a sleepable program. Enter returns 0 if the program is not to be run (it is
 * running already, D6); otherwise what exit wants to have.
 */
typedef u64 (*bpf_trampoline_enter_t)(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx);
typedef void (*bpf_trampoline_exit_t)(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx);

u64 __bpf_prog_enter_sleepable(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx);
void __bpf_prog_exit_sleepable(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx);
/* The same with the scheme that the series of 2020 rejected: readers of one SRCU domain. */
u64 __bpf_prog_enter_sleepable_srcu(struct bpf_prog *prog, struct bpf_tramp_run_ctx *run_ctx);
void __bpf_prog_exit_sleepable_srcu(struct bpf_prog *prog, u64 start, struct bpf_tramp_run_ctx *run_ctx);

/* The pair that a trampoline made now is to call for sleepable programs: by the option bpf_sleepable=. */
bpf_trampoline_enter_t bpf_sleepable_enter(void);
bpf_trampoline_exit_t bpf_sleepable_exit(void);

/*
 * Calls @func when no program that runs now, sleepable or not, can still see what is to be freed. At once if none sleeps.
 * The whole of the wait's state is in @deferred.
 */
void bpf_call_after_programs(struct bpf_deferred *deferred, void (*func)(struct bpf_deferred *deferred));
/* Waits for the same. */
void bpf_wait_for_programs(void);

#endif
