/* SPDX-License-Identifier: MIT */
/* Random numbers. Deterministic: the sequence depends on the seed given on the command line (random.seed=) only. */
#ifndef _KERNEL_RANDOM_H
#define _KERNEL_RANDOM_H

#include <kernel/types.h>

void get_random_bytes(void *buf, size_t len);
u32 get_random_u32(void);
u64 get_random_u64(void);
#define get_random_int		get_random_u32
#define get_random_long		get_random_u64
#define prandom_u32		get_random_u32

#endif
