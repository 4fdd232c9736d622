// SPDX-License-Identifier: MIT
/* BLAKE2b, RFC 7693 sections 2 and 3; names are the RFC's. */
#include <kernel/blake2b.h>
#include <kernel/string.h>

static const u64 IV[8] = {
	0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
	0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL,
};

static const u8 SIGMA[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static inline u64 rotate_right(u64 value, int count)
{
	return value >> count | value << (64 - count);
}

static inline void G(u64 v[16], int a, int b, int c, int d, u64 x, u64 y)
{
	v[a] = v[a] + v[b] + x;
	v[d] = rotate_right(v[d] ^ v[a], 32);
	v[c] = v[c] + v[d];
	v[b] = rotate_right(v[b] ^ v[c], 24);
	v[a] = v[a] + v[b] + y;
	v[d] = rotate_right(v[d] ^ v[a], 16);
	v[c] = v[c] + v[d];
	v[b] = rotate_right(v[b] ^ v[c], 63);
}

static void F(u64 h[8], const u8 *block, u64 t, bool final)
{
	u64 m[16], v[16];

	memcpy(m, block, 128);
	memcpy(v, h, 64);
	memcpy(v + 8, IV, 64);
	v[12] ^= t;
	if (final)
		v[14] = ~v[14];
	for (int round = 0; round < 12; round++) {
		const u8 *s = SIGMA[round % 10];

		G(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
		G(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
		G(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
		G(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
		G(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
		G(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
		G(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
		G(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
	}
	for (int i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

void blake2b_256(const void *data, size_t length, u8 digest[BLAKE2B_256_HASH_SIZE])
{
	const u8 *p = data;
	size_t done = 0;
	u8 last[128];
	u64 h[8];

	memcpy(h, IV, sizeof(h));
	/* Parameter block: digest length 32, no key, fanout 1, depth 1. */
	h[0] ^= 0x01010000 ^ BLAKE2B_256_HASH_SIZE;
	for (; length - done > 128; done += 128)
		F(h, p + done, done + 128, false);
	memset(last, 0, sizeof(last));
	memcpy(last, p + done, length - done);
	F(h, last, length, true);
	memcpy(digest, h, BLAKE2B_256_HASH_SIZE);
}
