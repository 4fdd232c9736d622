/* SPDX-License-Identifier: MIT */
/* SHA-256, FIPS 180-4. */
#ifndef _KERNEL_SHA256_H
#define _KERNEL_SHA256_H

#include <kernel/types.h>

#define SHA256_DIGEST_SIZE	32

void sha256(const void *data, size_t length, u8 digest[SHA256_DIGEST_SIZE]);

#endif
