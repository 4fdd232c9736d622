// SPDX-License-Identifier: MIT
/* The attributes of perf events: versions by size, and what contradicts itself. (man perf_event_open) */
#include <asm/perf_regs.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "attr.h"
#include "internal.h"

/* Segment registers other than cs and ss are not kept in 64-bit mode; what lies above is reserved. */
#define REGS_NOT_THERE	(1ull << PERF_REG_X86_DS | 1ull << PERF_REG_X86_ES | 1ull << PERF_REG_X86_FS | 1ull << PERF_REG_X86_GS)
#define REGS_RESERVED	(((1ull << PERF_REG_X86_XMM0) - 1) & ~((1ull << PERF_REG_X86_64_MAX) - 1))

static bool regs_valid(u64 mask)
{
	return mask && !(mask & (REGS_NOT_THERE | REGS_RESERVED));
}

static int check(struct perf_event_attr *attr)
{
	u64 type = attr->sample_type;

	if (attr->__reserved_1 || attr->__reserved_2 || attr->__reserved_3)
		return -EINVAL;
	if ((type & ~(u64)(PERF_SAMPLE_MAX - 1)) || (attr->read_format & ~(u64)(PERF_FORMAT_MAX - 1)))
		return -EINVAL;
	if ((type & PERF_SAMPLE_BRANCH_STACK) &&
	    ((attr->branch_sample_type & ~(u64)(PERF_SAMPLE_BRANCH_MAX - 1)) ||
	     !(attr->branch_sample_type & ~(u64)(PERF_SAMPLE_BRANCH_USER | PERF_SAMPLE_BRANCH_KERNEL | PERF_SAMPLE_BRANCH_HV))))
		return -EINVAL;
	if ((type & PERF_SAMPLE_REGS_USER) && !regs_valid(attr->sample_regs_user))
		return -EINVAL;
	if ((type & PERF_SAMPLE_STACK_USER) && (attr->sample_stack_user >= 0xffff || attr->sample_stack_user & 7))
		return -EINVAL;
	if (!attr->sample_max_stack)
		attr->sample_max_stack = sysctl_perf_event_max_stack;
	if ((type & PERF_SAMPLE_REGS_INTR) && !regs_valid(attr->sample_regs_intr))
		return -EINVAL;
	/* There are no control groups. */
	if (type & PERF_SAMPLE_CGROUP)
		return -EINVAL;
	if ((type & PERF_SAMPLE_WEIGHT) && (type & PERF_SAMPLE_WEIGHT_STRUCT))
		return -EINVAL;
	if ((!attr->inherit && attr->inherit_thread) || (attr->remove_on_exec && attr->enable_on_exec) ||
	    (attr->sigtrap && !attr->remove_on_exec))
		return -EINVAL;
	return 0;
}

int perf_copy_attr(struct perf_event_attr __user *uattr, struct perf_event_attr *attr)
{
	u32 size;

	if (get_user(size, &uattr->size))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	if (size < PERF_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		goto wrong_size;
	memset(attr, 0, sizeof(*attr));
	if (copy_from_user(attr, uattr, min_t(u32, size, sizeof(*attr))))
		return -EFAULT;
	/* What this kernel does not know must be zero. */
	for (u32 i = sizeof(*attr); i < size; i++) {
		u8 byte;

		if (get_user(byte, (u8 __user *)uattr + i))
			return -EFAULT;
		if (byte)
			goto wrong_size;
	}
	attr->size = size;
	return check(attr);
wrong_size:
	put_user((u32)sizeof(*attr), &uattr->size);
	return -E2BIG;
}
