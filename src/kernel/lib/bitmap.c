// SPDX-License-Identifier: MIT
/* Bit counting. */
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
