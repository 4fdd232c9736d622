/* SPDX-License-Identifier: MIT */
/* CRC-32C (Castagnoli), RFC 3720 B.4. */
#ifndef _KERNEL_CRC32C_H
#define _KERNEL_CRC32C_H

#include <kernel/types.h>

/* The bare register step: no inversion before or after. A checksum is ~crc32c(~0, data, length). */
u32 crc32c(u32 crc, const void *data, size_t length);

#endif
