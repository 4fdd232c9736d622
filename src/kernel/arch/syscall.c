// SPDX-License-Identifier: MIT
/* System calls: the table, made from the records that SYSCALL_DEFINE left, and the way from the entry code to it. */
#include <asm/processor-flags.h>
#include <asm/prctl.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <trace/events/syscalls.h>
#include "arch.h"

extern const struct syscall_entry __start_syscall_table[], __stop_syscall_table[];
sys_call_ptr_t sys_call_table[NR_syscalls];
static bool trace_unknown;

static int __init syscall_table_init(void)
{
	for (const struct syscall_entry *e = __start_syscall_table; e < __stop_syscall_table; e++) {
		if (e->nr >= NR_syscalls || sys_call_table[e->nr])
			panic("system call %lu (%s) defined twice", e->nr, e->name);
		sys_call_table[e->nr] = e->fn;
	}
	return 0;
}
early_initcall(syscall_table_init);

static int __init debug_syscalls_setup(char *value)
{
	trace_unknown = true;
	return 1;
}
early_param("debug_syscalls", debug_syscalls_setup);

const char *syscall_name(unsigned long nr)
{
	for (const struct syscall_entry *e = __start_syscall_table; e < __stop_syscall_table; e++)
		if (e->nr == nr)
			return e->name;
	return NULL;
}

/* True: sysretq will do. */
bool do_syscall_64(struct pt_regs *regs, unsigned long nr)
{
	local_irq_enable();
	if (trace_sys_enter_enabled()) {
		trace_sys_enter(regs, nr);
		/* A probe may have sent the call elsewhere. */
		nr = (int)regs->orig_ax;
	}
	if (likely(nr < NR_syscalls && sys_call_table[nr])) {
		regs->ax = sys_call_table[nr](regs);
	} else {
		if (trace_unknown)
			pr_info("%s[%d]: unknown system call %ld\n", current->comm, current->pid, nr);
		regs->ax = -ENOSYS;
	}
	trace_sys_exit(regs, regs->ax);
	local_irq_disable();
	exit_to_user_mode_loop(regs);
	return regs->cx == regs->ip && regs->r11 == regs->flags && regs->cs == __USER_CS && regs->ss == __USER_DS &&
	       regs->ip < TASK_SIZE_MAX && !(regs->flags & (X86_EFLAGS_RF | X86_EFLAGS_TF));
}
NOKPROBE_SYMBOL(do_syscall_64);

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
