/* SPDX-License-Identifier: MIT */
/*
 * The seam between the probe core (kprobes.c, kretprobes.c) and x86-64.
 */
#ifndef _KPROBES_X86_ARCH_H
#define _KPROBES_X86_ARCH_H

#include <kernel/kprobes.h>

/* Where a probe @offset bytes into the function at @function goes, and whether that counts as its entry (A16). */
kprobe_opcode_t *arch_adjust_kprobe_addr(unsigned long function, unsigned long offset, bool *on_func_entry);
/* 0, or -EILSEQ if @addr is inside an instruction (C4), -EINVAL if the function cannot be decoded. */
int arch_check_insn_boundary(unsigned long addr, unsigned long function);
/* Sets KPROBE_FLAG_FTRACE if the probe can and is to go through the function tracer's call (C3). */
void arch_check_ftrace_location(struct kprobe *p);
void arch_prepare_kprobe_ftrace(struct kprobe *p);
void arch_arm_kprobe_ftrace(struct kprobe *p);
void arch_disarm_kprobe_ftrace(struct kprobe *p);
/* Copies or classifies the instruction at p->addr. -EINVAL or -EOPNOTSUPP for what cannot be probed (C5, C9). */
int arch_prepare_kprobe(struct kprobe *p);
void arch_remove_kprobe(struct kprobe *p);
/* Writes int3, or the original byte back. */
void arch_arm_kprobe(struct kprobe *p);
void arch_disarm_kprobe(struct kprobe *p);
/* At a function's entry: takes the return address off the stack and puts the trampoline there (C20). */
void arch_prepare_kretprobe(struct kretprobe_instance *ri, struct pt_regs *regs);
/* Where a hooked function returns to. */
void arch_rethook_trampoline(void);

/* The state of the probe being handled on this CPU (C13). */
enum kprobe_status { KPROBE_HIT_ACTIVE = 1, KPROBE_HIT_SS = 2, KPROBE_REENTER = 4, KPROBE_HIT_SSDONE = 8 };

struct kprobe_ctlblk {
	unsigned long status;
	unsigned long saved_flags;	/* IF of the probed code */
	struct { struct kprobe *kp; unsigned long status, saved_flags; } prev;
};

extern struct kprobe *current_kprobe;
extern struct kprobe_ctlblk kprobe_ctlblk;

#endif
