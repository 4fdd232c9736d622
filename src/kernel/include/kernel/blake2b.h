/* SPDX-License-Identifier: MIT */
/* BLAKE2b with a 32-byte digest and no key, RFC 7693. */
#ifndef _KERNEL_BLAKE2B_H
#define _KERNEL_BLAKE2B_H

#include <kernel/types.h>

#define BLAKE2B_256_HASH_SIZE	32

void blake2b_256(const void *data, size_t length, u8 digest[BLAKE2B_256_HASH_SIZE]);

#endif
