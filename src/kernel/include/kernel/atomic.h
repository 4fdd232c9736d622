/* SPDX-License-Identifier: MIT */
/* Atomic counters. One processor, but interrupts come between instructions: each operation is one locked instruction. */
#ifndef _KERNEL_ATOMIC_H
#define _KERNEL_ATOMIC_H

#include <kernel/types.h>
#include <kernel/compiler.h>

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC64_INIT(i)	{ (i) }
#define ATOMIC_LONG_INIT(i)	{ (i) }

#define xchg(ptr, v)		__atomic_exchange_n(ptr, v, __ATOMIC_SEQ_CST)
#define cmpxchg(ptr, o, n) ({						\
	__typeof__(*(ptr)) __o = (o);					\
	__atomic_compare_exchange_n(ptr, &__o, n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	__o; })

#define __ATOMIC_FAMILY(prefix, type, base)						\
static __always_inline base prefix##_read(const type *v)				\
{ return READ_ONCE(v->counter); }							\
static __always_inline void prefix##_set(type *v, base i)				\
{ WRITE_ONCE(v->counter, i); }								\
static __always_inline void prefix##_add(base i, type *v)				\
{ __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST); }				\
static __always_inline void prefix##_sub(base i, type *v)				\
{ __atomic_fetch_sub(&v->counter, i, __ATOMIC_SEQ_CST); }				\
static __always_inline void prefix##_inc(type *v) { prefix##_add(1, v); }		\
static __always_inline void prefix##_dec(type *v) { prefix##_sub(1, v); }		\
static __always_inline base prefix##_add_return(base i, type *v)			\
{ return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST); }			\
static __always_inline base prefix##_sub_return(base i, type *v)			\
{ return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST); }			\
static __always_inline base prefix##_fetch_add(base i, type *v)				\
{ return __atomic_fetch_add(&v->counter, i, __ATOMIC_SEQ_CST); }			\
static __always_inline base prefix##_inc_return(type *v) { return prefix##_add_return(1, v); } \
static __always_inline base prefix##_dec_return(type *v) { return prefix##_sub_return(1, v); } \
static __always_inline bool prefix##_dec_and_test(type *v) { return prefix##_sub_return(1, v) == 0; } \
static __always_inline bool prefix##_inc_and_test(type *v) { return prefix##_add_return(1, v) == 0; } \
static __always_inline bool prefix##_sub_and_test(base i, type *v) { return prefix##_sub_return(i, v) == 0; } \
static __always_inline base prefix##_xchg(type *v, base n) { return xchg(&v->counter, n); } \
static __always_inline base prefix##_cmpxchg(type *v, base o, base n) { return cmpxchg(&v->counter, o, n); } \
static __always_inline bool prefix##_add_unless(type *v, base a, base u)		\
{											\
	base c = prefix##_read(v);							\
	while (c != u) {								\
		base seen = prefix##_cmpxchg(v, c, c + a);				\
		if (seen == c)								\
			return true;							\
		c = seen;								\
	}										\
	return false;									\
}											\
static __always_inline bool prefix##_inc_not_zero(type *v) { return prefix##_add_unless(v, 1, 0); }

__ATOMIC_FAMILY(atomic, atomic_t, int)
__ATOMIC_FAMILY(atomic64, atomic64_t, s64)
__ATOMIC_FAMILY(atomic_long, atomic_long_t, long)

#endif
