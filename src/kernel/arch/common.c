// SPDX-License-Identifier: MIT
/* System calls: the table, made from the records that SYSCALL_DEFINE left, and the way from the entry code to it. */
#include <asm/processor-flags.h>
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
/* Numbers that nobody has taken lead to sys_ni_syscall. */
sys_call_ptr_t sys_call_table[NR_syscalls];
static bool trace_unknown;

/* Not recorded by SYSCALL_DEFINE0: it has no number of its own. */
long __do_sys_ni_syscall(const struct pt_regs *regs __always_unused)
{
	return -ENOSYS;
}
SYSCALL_ALIAS(ni_syscall);

static int __init syscall_table_init(void)
{
	for (size_t i = 0; i < NR_syscalls; i++)
		sys_call_table[i] = __x64_sys_ni_syscall;
	for (const struct syscall_entry *e = __start_syscall_table; e < __stop_syscall_table; e++) {
		if (e->nr >= NR_syscalls || sys_call_table[e->nr] != __x64_sys_ni_syscall)
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

/* True: sysretq will do. */
bool do_syscall_64(struct pt_regs *regs, unsigned long nr)
{
	local_irq_enable();
	if (trace_sys_enter_enabled()) {
		trace_sys_enter(regs, nr);
		/* A probe may have sent the call elsewhere. */
		nr = (int)regs->orig_ax;
	}
	if (unlikely(trace_unknown && (nr >= NR_syscalls || sys_call_table[nr] == __x64_sys_ni_syscall)))
		pr_info("%s[%d]: unknown system call %ld\n", current->comm, current->pid, nr);
	regs->ax = likely(nr < NR_syscalls) ? sys_call_table[nr](regs) : __x64_sys_ni_syscall(regs);
	trace_sys_exit(regs, regs->ax);
	local_irq_disable();
	exit_to_user_mode_loop(regs);
	return regs->cx == regs->ip && regs->r11 == regs->flags && regs->cs == __USER_CS && regs->ss == __USER_DS &&
	       regs->ip < TASK_SIZE_MAX && !(regs->flags & (X86_EFLAGS_RF | X86_EFLAGS_TF));
}
NOKPROBE_SYMBOL(do_syscall_64);
