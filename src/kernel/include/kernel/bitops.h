/* SPDX-License-Identifier: MIT */
/* Bits in words and in arrays of longs. */
#ifndef _KERNEL_BITOPS_H
#define _KERNEL_BITOPS_H

#include <kernel/types.h>
#include <kernel/compiler.h>

#define BITS_PER_LONG		64
#define BITS_PER_BYTE		8
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define GENMASK_ULL		GENMASK
#define BITS_TO_LONGS(n)	(((n) + 63UL) / 64)
#define BIT_WORD(n)		((n) / BITS_PER_LONG)
#define BIT_MASK(n)		(1UL << ((n) % BITS_PER_LONG))
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

static inline void __set_bit(unsigned long nr, volatile unsigned long *addr) { addr[nr / 64] |= BIT_MASK(nr); }
static inline void __clear_bit(unsigned long nr, volatile unsigned long *addr) { addr[nr / 64] &= ~BIT_MASK(nr); }
static inline bool test_bit(unsigned long nr, const volatile unsigned long *addr)
{ return addr[nr / 64] >> (nr % 64) & 1; }
static inline void set_bit(unsigned long nr, volatile unsigned long *addr)
{ __atomic_fetch_or(&addr[nr / 64], BIT_MASK(nr), __ATOMIC_SEQ_CST); }
static inline void clear_bit(unsigned long nr, volatile unsigned long *addr)
{ __atomic_fetch_and(&addr[nr / 64], ~BIT_MASK(nr), __ATOMIC_SEQ_CST); }
static inline bool test_and_set_bit(unsigned long nr, volatile unsigned long *addr)
{ return __atomic_fetch_or(&addr[nr / 64], BIT_MASK(nr), __ATOMIC_SEQ_CST) >> (nr % 64) & 1; }
static inline bool test_and_clear_bit(unsigned long nr, volatile unsigned long *addr)
{ return __atomic_fetch_and(&addr[nr / 64], ~BIT_MASK(nr), __ATOMIC_SEQ_CST) >> (nr % 64) & 1; }
#define __test_and_set_bit test_and_set_bit
#define __test_and_clear_bit test_and_clear_bit

static inline unsigned long __ffs(unsigned long w) { return __builtin_ctzl(w); }
static inline unsigned long __fls(unsigned long w) { return 63 - __builtin_clzl(w); }
static inline unsigned long ffz(unsigned long w) { return __ffs(~w); }
static inline int ffs(int w) { return w ? __builtin_ctz(w) + 1 : 0; }
static inline int fls(unsigned int w) { return w ? 32 - __builtin_clz(w) : 0; }
static inline int fls64(u64 w) { return w ? 64 - __builtin_clzll(w) : 0; }
unsigned int hweight32(u32 w);
unsigned long hweight64(u64 w);
#define hweight_long hweight64

#define ilog2(n)		(fls64(n) - 1)
static inline bool is_power_of_2(unsigned long n) { return n && !(n & (n - 1)); }
static inline unsigned long roundup_pow_of_two(unsigned long n) { return n <= 1 ? 1 : 1UL << fls64(n - 1); }
static inline unsigned long rounddown_pow_of_two(unsigned long n) { return 1UL << __fls(n); }
static inline u32 rol32(u32 w, unsigned int n) { return w << (n & 31) | w >> (-n & 31); }
static inline u32 ror32(u32 w, unsigned int n) { return w >> (n & 31) | w << (-n & 31); }
static inline u64 rol64(u64 w, unsigned int n) { return w << (n & 63) | w >> (-n & 63); }
static inline u64 ror64(u64 w, unsigned int n) { return w >> (n & 63) | w << (-n & 63); }

#endif
