// SPDX-License-Identifier: MIT
/* Exceptions: to a probe, a notifier, a fixup, a signal for user code, or an oops. */
#include <asm/processor-flags.h>
#include <kernel/bug.h>
#include <kernel/extable.h>
#include <kernel/irqflags.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/uprobes.h>
#include "arch.h"

int __weak kprobe_int3_handler(struct pt_regs *regs)
{
	return 0;
}

int __weak kprobe_page_fault(struct pt_regs *regs, unsigned int trapnr)
{
	return 0;
}

static struct notifier_block *die_chain;

int notifier_call_chain(struct notifier_block *head, unsigned long val, void *v)
{
	int ret = NOTIFY_DONE;

	for (; head; head = head->next) {
		ret = head->notifier_call(head, val, v);
		if (ret & NOTIFY_STOP_MASK)
			break;
	}
	return ret;
}

int register_die_notifier(struct notifier_block *nb)
{
	struct notifier_block **link = &die_chain;

	while (*link && (*link)->priority >= nb->priority)
		link = &(*link)->next;
	nb->next = *link;
	*link = nb;
	return 0;
}

int unregister_die_notifier(struct notifier_block *nb)
{
	for (struct notifier_block **link = &die_chain; *link; link = &(*link)->next)
		if (*link == nb) {
			*link = nb->next;
			return 0;
		}
	return -ENOENT;
}

int notify_die(enum die_val val, const char *str, struct pt_regs *regs, long err, int trap, int sig)
{
	struct die_args args = { regs, str, err, trap, sig };

	return notifier_call_chain(die_chain, val, &args);
}
NOKPROBE_SYMBOL(notify_die);

static const struct { const char *name; int sig, code; } trap_info[32] = {
	[0] = { "divide error", SIGFPE, FPE_INTDIV },
	[4] = { "overflow", SIGSEGV, 0 },
	[5] = { "bounds", SIGSEGV, 0 },
	[6] = { "invalid opcode", SIGILL, ILL_ILLOPN },
	[7] = { "device not available", SIGSEGV, 0 },
	[9] = { "coprocessor segment overrun", SIGFPE, 0 },
	[10] = { "invalid TSS", SIGSEGV, 0 },
	[11] = { "segment not present", SIGBUS, 0 },
	[12] = { "stack segment", SIGBUS, 0 },
	[13] = { "general protection fault", SIGSEGV, 0 },
	[15] = { "spurious interrupt", SIGSEGV, 0 },
	[17] = { "alignment check", SIGBUS, BUS_ADRALN },
};

static void signal_trap(struct pt_regs *regs, unsigned int trapnr, unsigned long error_code, int sig, int code,
			void __user *addr)
{
	current->thread.trap_nr = trapnr;
	current->thread.error_code = error_code;
	if (code)
		force_sig_fault(sig, code, addr);
	else
		force_sig(sig);
}

static void do_trap(struct pt_regs *regs, unsigned int trapnr, unsigned long error_code, const char *str, int sig,
		    int code, void __user *addr)
{
	if (user_mode(regs)) {
		local_irq_enable();
		signal_trap(regs, trapnr, error_code, sig, code, addr);
		local_irq_disable();
		return;
	}
	if (fixup_exception(regs, trapnr, error_code, 0))
		return;
	current->thread.trap_nr = trapnr;
	current->thread.error_code = error_code;
	if (notify_die(DIE_TRAP, str, regs, error_code, trapnr, sig) != NOTIFY_STOP)
		die(str, regs, error_code);
}
NOKPROBE_SYMBOL(do_trap);

void do_error_trap(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	do_trap(regs, trapnr, error_code == -1 ? 0 : error_code, trap_info[trapnr].name, trap_info[trapnr].sig,
		trap_info[trapnr].code, trapnr == 0 ? (void __user *)regs->ip : NULL);
}

void do_invalid_op(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	if (!user_mode(regs) && report_bug(regs->ip, regs) == BUG_TRAP_TYPE_WARN) {
		regs->ip += 2;
		return;
	}
	do_trap(regs, trapnr, 0, "invalid opcode", SIGILL, ILL_ILLOPN, (void __user *)regs->ip);
}

void do_general_protection(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	char text[90] = "general protection fault";
	unsigned long address;

	if (!user_mode(regs) && kprobe_page_fault(regs, trapnr))
		return;
	if (!user_mode(regs) && error_code)
		snprintf(text, sizeof(text), "general protection fault, maybe segment-related");
	else if (!user_mode(regs) && !search_exception_tables(regs->ip) && gp_fault_address(regs, &address))
		snprintf(text, sizeof(text), "general protection fault, %s 0x%lx",
			 (long)address >> 47 != 0 && (long)address >> 47 != -1 ?
			 "probably for non-canonical address" : "maybe for address", address);
	do_trap(regs, trapnr, error_code, text, SIGSEGV, 0, NULL);
}

void do_math_error(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	do_trap(regs, trapnr, 0, trapnr == 19 ? "simd exception" : "fpu exception", SIGFPE, FPE_FLTINV,
		(void __user *)regs->ip);
}

void do_int3(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	if (user_mode(regs)) {
		local_irq_enable();
		if (!uprobe_handle_breakpoint(regs))
			signal_trap(regs, trapnr, 0, SIGTRAP, 0, NULL);
		local_irq_disable();
		return;
	}
	if (kprobe_int3_handler(regs))
		return;
	if (notify_die(DIE_INT3, "int3", regs, 0, trapnr, SIGTRAP) == NOTIFY_STOP)
		return;
	die("int3", regs, 0);
}
NOKPROBE_SYMBOL(do_int3);

void do_debug(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	unsigned long dr6;

	__asm__ __volatile__("movq %%db6, %0" : "=r" (dr6));
	__asm__ __volatile__("movq %0, %%db6" : : "r" (0xffff0ff0UL));
	if (user_mode(regs)) {
		local_irq_enable();
		if (uprobe_handle_step(regs)) {
			local_irq_disable();
			return;
		}
		regs->flags &= ~X86_EFLAGS_TF;
		signal_trap(regs, trapnr, 0, SIGTRAP, TRAP_TRACE, (void __user *)regs->ip);
		local_irq_disable();
		return;
	}
	if (notify_die(DIE_DEBUG, "debug", regs, (long)&dr6, trapnr, SIGTRAP) == NOTIFY_STOP)
		return;
	/* A single step that nobody asked for, such as a user's TF at a system call. */
	regs->flags &= ~X86_EFLAGS_TF;
}
NOKPROBE_SYMBOL(do_debug);

void do_nmi(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	if (notify_die(DIE_NMI, "nmi", regs, 0, trapnr, 0) != NOTIFY_STOP)
		pr_emerg("Uhhuh. NMI received for unknown reason on CPU 0.\n");
}
NOKPROBE_SYMBOL(do_nmi);

void do_double_fault(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	pr_emerg("PANIC: double fault, error_code: 0x%lx\n", error_code);
	show_regs(regs);
	panic("Machine halted.");
}

void do_machine_check(struct pt_regs *regs, long error_code, unsigned int trapnr)
{
	panic("Machine check");
}
