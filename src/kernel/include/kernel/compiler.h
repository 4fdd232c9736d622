/* SPDX-License-Identifier: MIT */
/* What the compiler is told about code and data, under Linux's names. */
#ifndef _KERNEL_COMPILER_H
#define _KERNEL_COMPILER_H

#ifndef __ASSEMBLER__

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" ::: "memory")
#define unreachable()		__builtin_unreachable()

#ifndef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#endif
#define noinline		__attribute__((noinline))
#define notrace			__attribute__((no_instrument_function))
#define __packed		__attribute__((packed))
#define __aligned(x)		__attribute__((aligned(x)))
#define __used			__attribute__((used))
#define __unused		__attribute__((unused))
#define __maybe_unused		__attribute__((unused))
#define __always_unused		__attribute__((unused))
#define __must_check		__attribute__((warn_unused_result))
#define __noreturn		__attribute__((noreturn))
#define __cold			__attribute__((cold))
#define __pure			__attribute__((pure))
#define __weak			__attribute__((weak))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define __section(s)		__attribute__((section(s)))
#define __visible
#define asmlinkage
#define fallthrough		__attribute__((fallthrough))

/* User pointers are only documented as such; nothing checks them. */
#ifndef __user
#define __user
#endif
#ifndef __force
#define __force
#endif
#define __iomem
#define __percpu
#define __rcu

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)	do { *(volatile __typeof__(x) *)&(x) = (val); } while (0)

/* Code and data of the boot phase; kept, since memory is not that short. */
#define __init			__section(".init.text") __cold notrace
#define __initdata
#define __initconst
#define __exit			__used
#define __ro_after_init
#define __read_mostly

#define ___PASTE(a, b)		a##b
#define __PASTE(a, b)		___PASTE(a, b)
#define __UNIQUE_ID(prefix)	__PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)
#define __stringify_1(x...)	#x
#define __stringify(x...)	__stringify_1(x)

#define mb()			__asm__ __volatile__("mfence" ::: "memory")
#define rmb()			__asm__ __volatile__("lfence" ::: "memory")
#define wmb()			__asm__ __volatile__("sfence" ::: "memory")
/* One processor: ordering among CPUs needs only the compiler. */
#define smp_mb()		barrier()
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)

#endif
#endif
