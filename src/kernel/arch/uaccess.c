// SPDX-License-Identifier: MIT
/* Copies that may fault. A fault in a copy is first given to the page fault handler, then ends the copy early. */
#include <kernel/extable.h>
#include <kernel/fault-inject.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/err.h>
#include <kernel/slab.h>
#include <kernel/uaccess.h>

bool access_ok(const void __user *addr, unsigned long size)
{
	unsigned long a = (unsigned long)addr;

	return size <= TASK_SIZE_MAX && a <= TASK_SIZE_MAX - size;
}

/* Bytes not copied. A fault in the words is retried bytewise, so that the count is exact. */
static noinline unsigned long copy_faultable(void *to, const void *from, unsigned long n)
{
	unsigned long words = n >> 3, rest = n & 7;

	__asm__ __volatile__("1: rep movsq\n"
			     "   movq %3, %%rcx\n"
			     "2: rep movsb\n"
			     "   jmp 4f\n"
			     "3: leaq (%3, %%rcx, 8), %%rcx\n"
			     "5: rep movsb\n"
			     "4:\n"
			     _ASM_EXTABLE(1b, 3b)
			     _ASM_EXTABLE(2b, 4b)
			     _ASM_EXTABLE(5b, 4b)
			     : "+D" (to), "+S" (from), "+c" (words) : "r" (rest) : "memory");
	return words;
}

/* Bytes not cleared, in words before the last one: as on x86-64, a word that faults is not tried again bytewise. */
static noinline unsigned long clear_faultable(void *to, unsigned long n)
{
	unsigned long words = n >> 3, rest = n & 7;

	__asm__ __volatile__("1: rep stosq\n"
			     "   movq %2, %%rcx\n"
			     "2: rep stosb\n"
			     "   jmp 4f\n"
			     "3: leaq (%2, %%rcx, 8), %%rcx\n"
			     "4:\n"
			     _ASM_EXTABLE(1b, 3b)
			     _ASM_EXTABLE(2b, 4b)
			     : "+D" (to), "+c" (words) : "r" (rest), "a" (0) : "memory");
	return words;
}

/* One byte, or -1. */
static int load_byte(const char *from)
{
	int value;

	__asm__ __volatile__("1: movzbl (%1), %0\n"
			     "   jmp 3f\n"
			     "2: movl $-1, %0\n"
			     "3:\n"
			     _ASM_EXTABLE(1b, 2b)
			     : "=r" (value) : "r" (from) : "memory");
	return value;
}

unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return access_ok(from, n) ? copy_faultable(to, from, n) : n;
}

unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return access_ok(to, n) ? copy_faultable(to, from, n) : n;
}

unsigned long copy_from_user(void *to, const void __user *from, unsigned long n)
{
	unsigned long left = should_fail_usercopy() ? n : raw_copy_from_user(to, from, n);

	/* Nothing of the kernel's stack must show where nothing was read. */
	if (left)
		memset(to + (n - left), 0, left);
	return left;
}

unsigned long copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return should_fail_usercopy() ? n : raw_copy_to_user(to, from, n);
}

unsigned long clear_user(void __user *to, unsigned long n)
{
	return access_ok(to, n) ? clear_faultable(to, n) : n;
}

unsigned long copy_from_user_nofault(void *dst, const void __user *src, size_t size)
{
	unsigned long left = size;

	if ((unsigned long)src > TASK_SIZE_MAX - size || size > TASK_SIZE_MAX || !current->mm)
		return -EFAULT;
	pagefault_disable();
	left = copy_faultable(dst, src, size);
	pagefault_enable();
	return left ? -EFAULT : 0;
}

notrace unsigned long copy_to_user_nofault(void __user *dst, const void *src, size_t size)
{
	unsigned long left;

	if ((unsigned long)dst > TASK_SIZE_MAX - size || size > TASK_SIZE_MAX || !current->mm)
		return -EFAULT;
	pagefault_disable();
	left = copy_faultable(dst, src, size);
	pagefault_enable();
	return left ? -EFAULT : 0;
}

/* Kernel addresses are those of the upper half that are canonical. */
static bool kernel_range_ok(const void *addr, size_t size)
{
	unsigned long a = (unsigned long)addr;

	return a >= TASK_SIZE_MAX + PAGE_SIZE && (long)a >> 47 == -1;
}

long copy_from_kernel_nofault(void *dst, const void *src, size_t size)
{
	unsigned long left;

	if (!kernel_range_ok(src, size))
		return -ERANGE;
	pagefault_disable();
	left = copy_faultable(dst, src, size);
	pagefault_enable();
	return left ? -EFAULT : 0;
}

static long copy_string_nofault(char *dst, const char *src, long count)
{
	long n;

	if (count <= 0)
		return 0;
	pagefault_disable();
	for (n = 0; n < count; n++) {
		int c = load_byte(src + n);

		if (c < 0) {
			pagefault_enable();
			dst[0] = '\0';
			return -EFAULT;
		}
		dst[n] = c;
		if (!c)
			break;
	}
	pagefault_enable();
	if (n == count) {
		dst[count - 1] = '\0';
		return count;
	}
	return n + 1;
}

long strncpy_from_kernel_nofault(char *dst, const void *unsafe_addr, long count)
{
	if (!kernel_range_ok(unsafe_addr, count))
		return -ERANGE;
	return copy_string_nofault(dst, unsafe_addr, count);
}

long strncpy_from_user_nofault(char *dst, const void __user *unsafe_addr, long count)
{
	if ((unsigned long)unsafe_addr >= TASK_SIZE_MAX || !current->mm)
		return -EFAULT;
	return copy_string_nofault(dst, unsafe_addr, count);
}

notrace long strncpy_from_user(char *dst, const char __user *src, long count)
{
	if (should_fail_usercopy())
		return -EFAULT;
	for (long n = 0; n < count; n++) {
		int c = access_ok(src + n, 1) ? load_byte(src + n) : -1;

		if (c < 0)
			return -EFAULT;
		dst[n] = c;
		if (!c)
			return n;
	}
	return count;
}

notrace long strnlen_user(const char __user *s, long n)
{
	for (long i = 0; i < n; i++) {
		int c = access_ok(s + i, 1) ? load_byte(s + i) : -1;

		if (c < 0)
			return 0;
		if (!c)
			return i + 1;
	}
	return n + 1;
}

notrace int check_zeroed_user(const void __user *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int c = access_ok(from + i, 1) ? load_byte(from + i) : -1;

		if (c)
			return c < 0 ? -EFAULT : 0;
	}
	return 1;
}

int copy_struct_from_user(void *dst, size_t ksize, const void __user *src, size_t usize)
{
	size_t size = min(ksize, usize);
	int zeroed;

	if (usize > ksize) {
		zeroed = check_zeroed_user(src + ksize, usize - ksize);
		if (zeroed <= 0)
			return zeroed ? zeroed : -E2BIG;
	}
	if (usize < ksize)
		memset(dst + usize, 0, ksize - usize);
	return copy_from_user(dst, src, size) ? -EFAULT : 0;
}

/* ---- copies of user data in new kernel memory ---- */

void *memdup_user(const void __user *src, size_t len)
{
	void *p = kmalloc(len, GFP_KERNEL);

	if (!p)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(p, src, len)) {
		kfree(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}

void *memdup_user_nul(const void __user *src, size_t len)
{
	char *p = kmalloc(len + 1, GFP_KERNEL);

	if (!p)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(p, src, len)) {
		kfree(p);
		return ERR_PTR(-EFAULT);
	}
	p[len] = '\0';
	return p;
}

char *strndup_user(const char __user *s, long n)
{
	long len = strnlen_user(s, n);
	char *p;

	if (!len)
		return ERR_PTR(-EFAULT);
	if (len > n)
		return ERR_PTR(-EINVAL);
	p = memdup_user(s, len);
	if (!IS_ERR(p))
		p[len - 1] = '\0';
	return p;
}
