/* SPDX-License-Identifier: MIT */
/* xxHash64 (the xxHash specification, "XXH64"). */
#ifndef _KERNEL_XXHASH_H
#define _KERNEL_XXHASH_H

#include <kernel/types.h>

u64 xxh64(const void *data, size_t length, u64 seed);

#endif
