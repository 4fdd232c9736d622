// SPDX-License-Identifier: MIT
/*
 * Kprobes on a function's entry by way of the function tracer: the five bytes that the compiler left for it become a call
 * of ftrace_regs_caller, which leads here with all registers. No exception, no copy of an instruction. This is
 * what the kernel of 2017 had for such probes; the option kprobes_on_ftrace has it under any rules. (semantics A29, C3)
 */
#include "arch.h"
#include <kernel/bpf_rules.h>
#include <kernel/init.h>
#include <kernel/irq.h>
#include <kernel/string.h>
#include <kernel/text-patching.h>

#define MCOUNT_INSN_SIZE	5

extern const unsigned long __start_mcount_loc[], __stop_mcount_loc[];
void ftrace_regs_caller(void);
void kprobes_inc_nmissed_count(struct kprobe *p);
void kprobe_ftrace_handler(struct pt_regs *regs);

static const u8 nop5[MCOUNT_INSN_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
static bool kprobes_on_ftrace;

static int __init kprobes_on_ftrace_option(char *value)
{
	kprobes_on_ftrace = !*value || *value == 'y' || *value == '1';
	return 0;
}
early_param("kprobes_on_ftrace", kprobes_on_ftrace_option);

bool is_ftrace_location(unsigned long addr)
{
	for (const unsigned long *loc = __start_mcount_loc; loc < __stop_mcount_loc; loc++)
		if (*loc == addr)
			return true;
	return false;
}

unsigned long ftrace_location_get(unsigned long index)
{
	return index < __stop_mcount_loc - __start_mcount_loc ? __start_mcount_loc[index] : 0;
}

void arch_check_ftrace_location(struct kprobe *p)
{
	p->flags &= ~KPROBE_FLAG_FTRACE;
	/* Where a trampoline has the place already, the probe is an int3. */
	if ((kprobes_on_ftrace || bpf_rules == BPF_RULES_2017) && is_ftrace_location((unsigned long)p->addr) &&
	    !memcmp(p->addr, nop5, sizeof(nop5)))
		p->flags |= KPROBE_FLAG_FTRACE;
}

void arch_prepare_kprobe_ftrace(struct kprobe *p)
{
	p->opcode = nop5[0];
	memcpy(p->ainsn.opcode_bytes, nop5, sizeof(nop5));
	p->ainsn.size = MCOUNT_INSN_SIZE;
}

void arch_arm_kprobe_ftrace(struct kprobe *p)
{
	s32 rel = (unsigned long)ftrace_regs_caller - ((unsigned long)p->addr + MCOUNT_INSN_SIZE);
	u8 call[MCOUNT_INSN_SIZE] = { 0xe8 };

	memcpy(call + 1, &rel, sizeof(rel));
	text_poke(p->addr, call, sizeof(call));
	text_poke_sync();
}

void arch_disarm_kprobe_ftrace(struct kprobe *p)
{
	text_poke(p->addr, nop5, sizeof(nop5));
	text_poke_sync();
}

/* @regs as at the function's entry, ip behind the call. */
void kprobe_ftrace_handler(struct pt_regs *regs)
{
	unsigned long addr = regs->ip - MCOUNT_INSN_SIZE, flags;
	struct kprobe *p = get_kprobe((void *)addr);

	if (!p || kprobe_disabled(p))
		return;
	if (kprobe_running()) {
		kprobes_inc_nmissed_count(p);
		return;
	}
	local_irq_save(flags);
	/* Handlers expect ip as it is after an int3. */
	regs->ip = addr + 1;
	current_kprobe = p;
	kprobe_ctlblk.status = KPROBE_HIT_ACTIVE;
	if (!p->pre_handler || !p->pre_handler(p, regs)) {
		regs->ip = addr + MCOUNT_INSN_SIZE;
		if (p->post_handler) {
			kprobe_ctlblk.status = KPROBE_HIT_SSDONE;
			p->post_handler(p, regs, 0);
		}
	}
	current_kprobe = NULL;
	local_irq_restore(flags);
}
NOKPROBE_SYMBOL(kprobe_ftrace_handler);
