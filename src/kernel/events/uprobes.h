/* SPDX-License-Identifier: MIT */
/* Between the parts of uprobes: breakpoints (uprobes.c), hits (uprobe_hit.c) and x86-64 (arch/uprobes.c). */
#ifndef _EVENTS_UPROBES_H
#define _EVENTS_UPROBES_H

#include <kernel/uprobes.h>

#define UPROBE_INSN	0xcc
#define UPROBE_MAX_INSN	16

struct arch_uprobe_ops;

struct arch_uprobe {
	u8 insn[UPROBE_MAX_INSN];	/* as in the file */
	u8 ixol[UPROBE_MAX_INSN];	/* as it is stepped */
	const struct arch_uprobe_ops *ops;
	u8 length;
	u8 fixups;
	u8 condition;			/* of a conditional jump */
	u8 reg;				/* pushed, or in place of rip: offset in pt_regs */
	s32 displacement;		/* of a jump or call */
};

/* What stepping borrowed from the task. */
struct arch_uprobe_task {
	unsigned long saved_scratch_register;
	unsigned long saved_trap_nr;
	bool saved_tf;
};

struct uprobe {
	struct list_head list;
	struct file *file;		/* for reading the instruction */
	struct inode *inode;
	loff_t offset, ref_ctr_offset;
	struct list_head consumers;
	struct arch_uprobe arch;
	bool prepared;
	int refs;			/* registration, hits and hooked returns */
};

/* A function that a uretprobe has hooked. */
struct return_instance {
	struct return_instance *next;	/* the caller's */
	struct uprobe *uprobe;
	unsigned long func, stack, orig_ret_vaddr;
	bool chained;			/* hooked already by another: returns to the trampoline */
};

struct uprobe_task {
	struct uprobe *active_uprobe;	/* being stepped */
	unsigned long vaddr, xol_vaddr;
	struct arch_uprobe_task autask;
	struct return_instance *return_instances;
	unsigned int depth;
};

struct uprobe *uprobe_get(struct uprobe *uprobe);
void uprobe_put(struct uprobe *uprobe);
/* The uprobe of the breakpoint at @vaddr of the current task, with a reference; NULL: none. */
struct uprobe *uprobe_find_active(unsigned long vaddr, bool *is_breakpoint);
/* Takes the breakpoints of @uprobe out of @mm. */
void uprobe_unapply(struct uprobe *uprobe, struct mm_struct *mm);

/* ---- x86-64 ---- */

/* Classifies arch.insn: 0, -ENOTSUPP or -ENOEXEC. */
int arch_uprobe_analyze_insn(struct arch_uprobe *auprobe);
/* Emulates the instruction if that is how it is done. True: done (or a signal is on its way). */
bool arch_uprobe_skip_sstep(struct arch_uprobe *auprobe, struct pt_regs *regs);
void arch_uprobe_pre_xol(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs);
/* After the step. 0, or -errno if the stack could not be written. */
int arch_uprobe_post_xol(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs);
/* The stepped instruction faulted: everything back to the probed address. */
void arch_uprobe_abort_xol(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs);
bool arch_uprobe_xol_was_trapped(void);
/* Puts @trampoline in place of the return address on the stack. The old one, or 0 if the stack is not readable. */
unsigned long arch_uretprobe_hijack_return_addr(unsigned long trampoline, struct pt_regs *regs);

#endif
