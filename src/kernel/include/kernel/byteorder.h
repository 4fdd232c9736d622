/* SPDX-License-Identifier: MIT */
/* Byte order conversion and unaligned access; the processor is little-endian and does not mind alignment. */
#ifndef _KERNEL_BYTEORDER_H
#define _KERNEL_BYTEORDER_H

#include <kernel/types.h>

#define cpu_to_le16(x)	((__le16)(u16)(x))
#define cpu_to_le32(x)	((__le32)(u32)(x))
#define cpu_to_le64(x)	((__le64)(u64)(x))
#define le16_to_cpu(x)	((u16)(__le16)(x))
#define le32_to_cpu(x)	((u32)(__le32)(x))
#define le64_to_cpu(x)	((u64)(__le64)(x))
#define cpu_to_be16(x)	((__be16)__builtin_bswap16(x))
#define cpu_to_be32(x)	((__be32)__builtin_bswap32(x))
#define cpu_to_be64(x)	((__be64)__builtin_bswap64(x))
#define be16_to_cpu(x)	__builtin_bswap16((u16)(x))
#define be32_to_cpu(x)	__builtin_bswap32((u32)(x))
#define be64_to_cpu(x)	__builtin_bswap64((u64)(x))

#define get_unaligned(ptr) ({ struct { __typeof__(*(ptr)) x; } __packed const *__p = (const void *)(ptr); __p->x; })
#define put_unaligned(val, ptr) do { struct { __typeof__(*(ptr)) x; } __packed *__p = (void *)(ptr); __p->x = (val); } while (0)

static inline u16 get_unaligned_le16(const void *p) { return get_unaligned((const u16 *)p); }
static inline u32 get_unaligned_le32(const void *p) { return get_unaligned((const u32 *)p); }
static inline u64 get_unaligned_le64(const void *p) { return get_unaligned((const u64 *)p); }
static inline void put_unaligned_le16(u16 v, void *p) { put_unaligned(v, (u16 *)p); }
static inline void put_unaligned_le32(u32 v, void *p) { put_unaligned(v, (u32 *)p); }
static inline void put_unaligned_le64(u64 v, void *p) { put_unaligned(v, (u64 *)p); }

#endif
