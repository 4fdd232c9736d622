// SPDX-License-Identifier: MIT
/* Bit counting and searching. */
#include <kernel/bitops.h>
#include <kernel/kernel.h>

unsigned int hweight32(u32 w)
{
	w -= w >> 1 & 0x55555555;
	w = (w & 0x33333333) + (w >> 2 & 0x33333333);
	return ((w + (w >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

unsigned long hweight64(u64 w)
{
	return hweight32(w) + hweight32(w >> 32);
}

static unsigned long find(const unsigned long *addr, unsigned long size, unsigned long offset, unsigned long invert)
{
	unsigned long word;

	if (offset >= size)
		return size;
	word = (addr[offset / 64] ^ invert) & (~0UL << (offset % 64));
	for (offset &= ~63UL; !word; word = addr[offset / 64] ^ invert) {
		offset += 64;
		if (offset >= size)
			return size;
	}
	return min(offset + __ffs(word), size);
}

unsigned long find_next_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	return find(addr, size, offset, 0);
}

unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size, unsigned long offset)
{
	return find(addr, size, offset, ~0UL);
}

void bitmap_set(unsigned long *map, unsigned int start, unsigned int len)
{
	while (len--)
		__set_bit(start++, map);
}

void bitmap_clear(unsigned long *map, unsigned int start, unsigned int len)
{
	while (len--)
		__clear_bit(start++, map);
}
