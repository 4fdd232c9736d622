// SPDX-License-Identifier: MIT
/*
 * CRC-32C by eight tables ("slicing by 8"): one step takes eight bytes, because a mount checks every byte of every tree
 * block it reads. The tables are computed at start-up.
 */
#include <kernel/crc32c.h>
#include <kernel/init.h>

/* 0x1edc6f41 with its bits reversed. */
#define CRC32C_POLYNOMIAL	0x82f63b78

static u32 crc32c_table[8][256];

static int crc32c_init(void)
{
	for (unsigned int byte = 0; byte < 256; byte++) {
		u32 crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ CRC32C_POLYNOMIAL : crc >> 1;
		crc32c_table[0][byte] = crc;
	}
	for (unsigned int byte = 0; byte < 256; byte++)
		for (int slice = 1; slice < 8; slice++) {
			u32 previous = crc32c_table[slice - 1][byte];

			crc32c_table[slice][byte] = (previous >> 8) ^ crc32c_table[0][previous & 0xff];
		}
	return 0;
}
core_initcall(crc32c_init);

u32 crc32c(u32 crc, const void *data, size_t length)
{
	const u8 *p = data;

	for (; length >= 8; length -= 8, p += 8) {
		u64 word;

		__builtin_memcpy(&word, p, 8);
		word ^= crc;
		crc = crc32c_table[7][word & 0xff] ^ crc32c_table[6][(word >> 8) & 0xff] ^
		      crc32c_table[5][(word >> 16) & 0xff] ^ crc32c_table[4][(word >> 24) & 0xff] ^
		      crc32c_table[3][(word >> 32) & 0xff] ^ crc32c_table[2][(word >> 40) & 0xff] ^
		      crc32c_table[1][(word >> 48) & 0xff] ^ crc32c_table[0][word >> 56];
	}
	while (length--)
		crc = (crc >> 8) ^ crc32c_table[0][(crc ^ *p++) & 0xff];
	return crc;
}
