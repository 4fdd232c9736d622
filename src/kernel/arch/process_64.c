// SPDX-License-Identifier: MIT
/* What a thread sets of its processor: the bases of FS and GS. (man 2 arch_prctl) */
#include <asm/prctl.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>

SYSCALL_DEFINE2(arch_prctl, int, option, unsigned long, arg2)
{
	struct thread_struct *thread = &current->thread;

	switch (option) {
	case ARCH_SET_FS:
		if (arg2 >= TASK_SIZE_MAX)
			return -EPERM;
		thread->fsbase = arg2;
		wrmsrl(MSR_FS_BASE, arg2);
		return 0;
	case ARCH_SET_GS:
		if (arg2 >= TASK_SIZE_MAX)
			return -EPERM;
		thread->gsbase = arg2;
		wrmsrl(MSR_KERNEL_GS_BASE, arg2);
		return 0;
	case ARCH_GET_CPUID:
		return 1;	/* the instruction works */
	case ARCH_GET_FS:
		return put_user(thread->fsbase, (unsigned long __user *)arg2);
	case ARCH_GET_GS:
		return put_user(thread->gsbase, (unsigned long __user *)arg2);
	}
	return -EINVAL;
}
