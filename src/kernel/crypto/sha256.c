// SPDX-License-Identifier: MIT
/* SHA-256, FIPS 180-4 sections 4.1.2, 4.2.2, 5 and 6.2; names of the functions and variables are the standard's. */
#include <kernel/sha256.h>
#include <kernel/string.h>

static const u32 K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline u32 rotate_right(u32 value, int count)
{
	return value >> count | value << (32 - count);
}

static void sha256_block(u32 H[8], const u8 *block)
{
	u32 W[64], a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];

	for (int t = 0; t < 16; t++) {
		u32 word;

		memcpy(&word, block + 4 * t, 4);
		W[t] = __builtin_bswap32(word);
	}
	for (int t = 16; t < 64; t++) {
		u32 sigma0 = rotate_right(W[t - 15], 7) ^ rotate_right(W[t - 15], 18) ^ W[t - 15] >> 3;
		u32 sigma1 = rotate_right(W[t - 2], 17) ^ rotate_right(W[t - 2], 19) ^ W[t - 2] >> 10;

		W[t] = sigma1 + W[t - 7] + sigma0 + W[t - 16];
	}
	for (int t = 0; t < 64; t++) {
		u32 Sigma1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
		u32 Sigma0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
		u32 T1 = h + Sigma1 + ((e & f) ^ (~e & g)) + K[t] + W[t];
		u32 T2 = Sigma0 + ((a & b) ^ (a & c) ^ (b & c));

		h = g, g = f, f = e, e = d + T1, d = c, c = b, b = a, a = T1 + T2;
	}
	H[0] += a, H[1] += b, H[2] += c, H[3] += d, H[4] += e, H[5] += f, H[6] += g, H[7] += h;
}

void sha256(const void *data, size_t length, u8 digest[SHA256_DIGEST_SIZE])
{
	u32 H[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	u64 bits = __builtin_bswap64((u64)length * 8);
	const u8 *p = data;
	size_t left = length;
	u8 tail[128];
	size_t tail_size;

	for (; left >= 64; left -= 64, p += 64)
		sha256_block(H, p);
	tail_size = left < 56 ? 64 : 128;
	memset(tail, 0, sizeof(tail));
	memcpy(tail, p, left);
	tail[left] = 0x80;
	memcpy(tail + tail_size - 8, &bits, 8);
	for (size_t i = 0; i < tail_size; i += 64)
		sha256_block(H, tail + i);
	for (int i = 0; i < 8; i++) {
		u32 word = __builtin_bswap32(H[i]);

		memcpy(digest + 4 * i, &word, 4);
	}
}
