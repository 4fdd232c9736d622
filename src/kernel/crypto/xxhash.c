// SPDX-License-Identifier: MIT
/* xxHash64, after the xxHash specification: four lanes of 8 bytes, then the tail, then the avalanche. */
#include <kernel/xxhash.h>

#define PRIME64_1	0x9e3779b185ebca87ULL
#define PRIME64_2	0xc2b2ae3d27d4eb4fULL
#define PRIME64_3	0x165667b19e3779f9ULL
#define PRIME64_4	0x85ebca77c2b2ae63ULL
#define PRIME64_5	0x27d4eb2f165667c5ULL

static inline u64 rotate_left(u64 value, int count)
{
	return value << count | value >> (64 - count);
}

static inline u64 load64(const u8 *p)
{
	u64 value;

	__builtin_memcpy(&value, p, 8);
	return value;
}

static inline u32 load32(const u8 *p)
{
	u32 value;

	__builtin_memcpy(&value, p, 4);
	return value;
}

static inline u64 xxh64_round(u64 lane, u64 input)
{
	return rotate_left(lane + input * PRIME64_2, 31) * PRIME64_1;
}

static inline u64 merge_lane(u64 hash, u64 lane)
{
	return (hash ^ xxh64_round(0, lane)) * PRIME64_1 + PRIME64_4;
}

u64 xxh64(const void *data, size_t length, u64 seed)
{
	const u8 *p = data, *end = p + length;
	u64 hash;

	if (length >= 32) {
		u64 a = seed + PRIME64_1 + PRIME64_2, b = seed + PRIME64_2, c = seed, d = seed - PRIME64_1;

		for (; end - p >= 32; p += 32) {
			a = xxh64_round(a, load64(p));
			b = xxh64_round(b, load64(p + 8));
			c = xxh64_round(c, load64(p + 16));
			d = xxh64_round(d, load64(p + 24));
		}
		hash = rotate_left(a, 1) + rotate_left(b, 7) + rotate_left(c, 12) + rotate_left(d, 18);
		hash = merge_lane(merge_lane(merge_lane(merge_lane(hash, a), b), c), d);
	} else {
		hash = seed + PRIME64_5;
	}
	hash += length;
	for (; end - p >= 8; p += 8)
		hash = rotate_left(hash ^ xxh64_round(0, load64(p)), 27) * PRIME64_1 + PRIME64_4;
	if (end - p >= 4) {
		hash = rotate_left(hash ^ load32(p) * PRIME64_1, 23) * PRIME64_2 + PRIME64_3;
		p += 4;
	}
	for (; p < end; p++)
		hash = rotate_left(hash ^ *p * PRIME64_5, 11) * PRIME64_1;
	hash = (hash ^ hash >> 33) * PRIME64_2;
	hash = (hash ^ hash >> 29) * PRIME64_3;
	return hash ^ hash >> 32;
}
