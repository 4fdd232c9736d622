/* SPDX-License-Identifier: MIT */
/* Access to user memory, and to kernel memory that may not be there. */
#ifndef _KERNEL_UACCESS_H
#define _KERNEL_UACCESS_H

#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/string.h>
#include <kernel/sched.h>

/* Bytes NOT copied. */
unsigned long copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long copy_to_user(void __user *to, const void *from, unsigned long n);
unsigned long clear_user(void __user *to, unsigned long n);
#define __copy_from_user copy_from_user
#define __copy_to_user copy_to_user
/* The same for single values: fail_usercopy leaves them alone, as on x86-64. */
unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n);
/* Without faulting pages in, for code that cannot sleep. */
unsigned long copy_from_user_nofault(void *dst, const void __user *src, size_t size);
unsigned long copy_to_user_nofault(void __user *dst, const void *src, size_t size);
/* Length without the NUL, @count if there is none in reach, -EFAULT. */
long strncpy_from_user(char *dst, const char __user *src, long count);
/* Length with the NUL; more than @n if longer, 0 on a fault. */
long strnlen_user(const char __user *s, long n);
/* 0 or -EFAULT. */
long copy_from_kernel_nofault(void *dst, const void *src, size_t size);
/* Length with the NUL, -EFAULT; always terminated. */
long strncpy_from_kernel_nofault(char *dst, const void *unsafe_addr, long count);
long strncpy_from_user_nofault(char *dst, const void __user *unsafe_addr, long count);
/* Copies a structure of an older or newer user space: 0, -E2BIG if unknown bytes are set, -EFAULT. */
int copy_struct_from_user(void *dst, size_t ksize, const void __user *src, size_t usize);
int check_zeroed_user(const void __user *from, size_t size);

bool access_ok(const void __user *addr, unsigned long size);

#define get_user(x, ptr) ({							\
	__typeof__((__typeof__(*(ptr)))0) __gu;						\
	int __err = raw_copy_from_user(&__gu, ptr, sizeof(__gu)) ? -EFAULT : 0;	\
	if (__err)								\
		__builtin_memset(&__gu, 0, sizeof(__gu));			\
	(x) = __gu;								\
	__err; })
#define put_user(x, ptr) ({							\
	__typeof__(*(ptr)) __pu = (__typeof__(*(ptr)))(x);			\
	raw_copy_to_user(ptr, &__pu, sizeof(__pu)) ? -EFAULT : 0; })
#define __get_user get_user
#define __put_user put_user
#define get_kernel_nofault(val, ptr) ({						\
	const __typeof__(val) *__gk = (ptr);					\
	copy_from_kernel_nofault(&(val), __gk, sizeof(val)); })

#define u64_to_user_ptr(x)	((void __user *)(uintptr_t)(x))

static inline void pagefault_disable(void) { current->pagefault_disabled++; barrier(); }
static inline void pagefault_enable(void) { barrier(); current->pagefault_disabled--; }
#define faulthandler_disabled()	(current->pagefault_disabled != 0)

#endif
