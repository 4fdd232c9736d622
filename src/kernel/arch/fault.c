// SPDX-License-Identifier: MIT
/* Page faults: demand paging for user addresses, fixups for copies, an oops for the rest. */
#include <asm/processor-flags.h>
#include <kernel/extable.h>
#include <kernel/kallsyms.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/msr.h>
#include <kernel/perf_event.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/uaccess.h>
#include <trace/events/exceptions.h>
#include "../mm/internal.h"
#include "arch.h"
#include "pgtable.h"

/* With more free pages than these no page fault can run out of memory. */
#define PAGES_THAT_SUFFICE	64

#define PF_PROT		0x01
#define PF_WRITE	0x02
#define PF_USER		0x04
#define PF_INSTR	0x10

static void dump_page_table(unsigned long address)
{
	static const char *const names[] = { "PGD", "P4D", "PUD", "PMD", "PTE" };
	pte_t *table = __va(read_cr3() & PTE_PFN_MASK);
	int shifts[] = { 39, 39, 30, 21, 12 };

	printk(KERN_INFO);
	for (int i = 0; i < 5; i++) {
		pte_t entry = table[address >> shifts[i] & 511];

		pr_cont("%s %lx ", names[i], entry);
		if (!(entry & _PAGE_PRESENT) || (entry & _PAGE_PSE) || i == 4)
			break;
		if (i)
			table = __va(entry & PTE_PFN_MASK);
		/* With four levels the P4D is the PGD's entry again. */
	}
	pr_cont("\n");
}

static void show_fault_oops(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	if (address < PAGE_SIZE && !user_mode(regs))
		pr_alert("BUG: kernel NULL pointer dereference, address: %px\n", (void *)address);
	else
		pr_alert("BUG: unable to handle page fault for address: %px\n", (void *)address);
	pr_alert("#PF: %s %s in %s mode\n", error_code & PF_USER ? "user" : "supervisor",
		 error_code & PF_INSTR ? "instruction fetch" : error_code & PF_WRITE ? "write access" : "read access",
		 user_mode(regs) ? "user" : "kernel");
	pr_alert("#PF: error_code(0x%04lx) - %s\n", error_code,
		 !(error_code & PF_PROT) ? "not-present page" : "permissions violation");
	dump_page_table(address);
}

static void kernel_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address)
{
	if (fixup_exception(regs, 14, error_code, address))
		return;
	if (address - ((unsigned long)current->stack - PAGE_SIZE) < PAGE_SIZE)
		pr_emerg("BUG: kernel stack overflow?\n");
	printk_bust();
	show_fault_oops(regs, error_code, address);
	current->thread.cr2 = address;
	current->thread.trap_nr = 14;
	current->thread.error_code = error_code;
	die("Oops", regs, error_code);
}

static void user_fault_signal(struct pt_regs *regs, unsigned long error_code, unsigned long address, int sig, int code)
{
	current->thread.cr2 = address;
	current->thread.trap_nr = 14;
	current->thread.error_code = error_code | PF_USER;
	force_sig_fault(sig, code, (void __user *)address);
}

void do_page_fault(struct pt_regs *regs, unsigned long error_code, unsigned int trapnr)
{
	unsigned long address = read_cr2();
	bool user = user_mode(regs);
	unsigned int flags = 0;
	vm_fault_t fault;
	int code = SEGV_MAPERR;

	if (user)
		trace_page_fault_user(address, regs, error_code);
	else
		trace_page_fault_kernel(address, regs, error_code);
	if (!user && kprobe_page_fault(regs, trapnr))
		return;
	/* Kernel addresses, faults where no sleep is allowed, and threads without user memory: nothing to page in. */
	if (!user && (address >= TASK_SIZE_MAX || faulthandler_disabled() || !current->mm ||
		      (error_code & PF_INSTR) || !search_exception_tables(regs->ip))) {
		kernel_fault(regs, error_code, address);
		return;
	}
	if (user || (regs->flags & X86_EFLAGS_IF))
		local_irq_enable();
	if (address >= TASK_SIZE_MAX) {
		fault = VM_FAULT_SIGSEGV;
		goto failed;
	}
	if (error_code & PF_WRITE)
		flags |= FAULT_FLAG_WRITE;
	if (error_code & PF_INSTR)
		flags |= FAULT_FLAG_INSTRUCTION;
	if (user)
		flags |= FAULT_FLAG_USER;
	fault = handle_mm_fault(current->mm, address, flags, error_code & PF_PROT, &code);
	if (!fault) {
		if (perf_sw_enabled) {
			perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS, 1, regs, address);
			perf_sw_event(PERF_COUNT_SW_PAGE_FAULTS_MIN, 1, regs, address);
		}
		local_irq_disable();
		return;
	}
failed:
	local_irq_disable();
	if (!user) {
		kernel_fault(regs, error_code, address);
		return;
	}
	local_irq_enable();
	if ((fault & VM_FAULT_OOM) && nr_free_pages_count > PAGES_THAT_SUFFICE) {
		/* An allocation was made to fail; memory there is. The access happens again. */
		pr_warn_once("Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF\n");
	} else if (fault & VM_FAULT_OOM) {
		pr_err("Out of memory: Killed process %d (%s)\n", current->pid, current->comm);
		force_sig(SIGKILL);
	} else if (fault & VM_FAULT_SIGBUS) {
		user_fault_signal(regs, error_code, address, SIGBUS, BUS_ADRERR);
	} else {
		if (address >= TASK_SIZE_MAX)
			error_code |= PF_PROT;
		user_fault_signal(regs, error_code, address, SIGSEGV, code);
	}
	local_irq_disable();
}
NOKPROBE_SYMBOL(do_page_fault);
