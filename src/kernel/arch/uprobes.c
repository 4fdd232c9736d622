// SPDX-License-Identifier: MIT
/*
 * Uprobes on x86-64: which instructions can be probed, and how each is got over: by emulation, or by a single step of a
 * copy elsewhere, whose effects on rip are put right afterwards.
 */
#include <asm/processor-flags.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "../../kprobes/x86/insn.h"
#include "../events/uprobes.h"

#ifndef ENOTSUPP
#define ENOTSUPP	524
#endif

/* arch_uprobe.fixups */
#define FIX_IP		0x01	/* rip is relative to the copy */
#define FIX_CALL	0x02	/* so is the return address that was pushed */
#define FIX_SETF	0x04	/* the instruction sets TF itself */
#define FIX_SCRATCH	0x08	/* a register stands in for rip */

/* In thread.trap_nr while stepping: no exception has happened. */
#define UPROBE_TRAP_NR	~0UL

struct arch_uprobe_ops {
	bool (*emulate)(struct arch_uprobe *auprobe, struct pt_regs *regs);
};

static const u8 register_offsets[16] = {
	offsetof(struct pt_regs, ax), offsetof(struct pt_regs, cx), offsetof(struct pt_regs, dx),
	offsetof(struct pt_regs, bx), offsetof(struct pt_regs, sp), offsetof(struct pt_regs, bp),
	offsetof(struct pt_regs, si), offsetof(struct pt_regs, di), offsetof(struct pt_regs, r8),
	offsetof(struct pt_regs, r9), offsetof(struct pt_regs, r10), offsetof(struct pt_regs, r11),
	offsetof(struct pt_regs, r12), offsetof(struct pt_regs, r13), offsetof(struct pt_regs, r14),
	offsetof(struct pt_regs, r15),
};

static unsigned long *register_at(struct pt_regs *regs, u8 offset)
{
	return (void *)regs + offset;
}

static int emulate_push(struct pt_regs *regs, unsigned long value)
{
	unsigned long sp = regs->sp - sizeof(value);

	if (copy_to_user((void __user *)sp, &value, sizeof(value)))
		return -EFAULT;
	regs->sp = sp;
	return 0;
}

/* ---- emulated instructions ---- */

static bool emulate_jump(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	regs->ip += auprobe->length + auprobe->displacement;
	return true;
}

static bool emulate_call(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	if (emulate_push(regs, regs->ip + auprobe->length))
		force_sig(SIGSEGV);
	else
		regs->ip += auprobe->length + auprobe->displacement;
	return true;
}

static bool emulate_conditional_jump(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	bool holds = condition_holds(regs->flags, auprobe->condition);

	regs->ip += auprobe->length + (holds ? auprobe->displacement : 0);
	return true;
}

static bool emulate_push_register(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	if (emulate_push(regs, *register_at(regs, auprobe->reg)))
		force_sig(SIGSEGV);
	else
		regs->ip += auprobe->length;
	return true;
}

static const struct arch_uprobe_ops jump_ops = { emulate_jump }, call_ops = { emulate_call },
	conditional_jump_ops = { emulate_conditional_jump }, push_ops = { emulate_push_register }, step_ops = { NULL };

/* ---- which ---- */

/* Not: privileged or of 32-bit code, port input and output, software interrupts, hlt. Linux's list, seen by asking it. */
static bool one_byte_opcode_ok(u8 opcode)
{
	static const u8 refused[] = {
		0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x26, 0x27, 0x2e, 0x2f, 0x36, 0x37, 0x3e, 0x3f, 0x60, 0x61, 0x62,
		0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a, 0xcc, 0xcd, 0xce, 0xcf, 0xd4, 0xd5, 0xd6, 0xe4, 0xe5, 0xe6, 0xe7, 0xea,
		0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xfa, 0xfb,
	};

	return !memchr(refused, opcode, sizeof(refused));
}

static bool is_legacy_prefix(u8 byte)
{
	return memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", byte, 11) != NULL;
}

/* Operands relative to rip are addressed by a register that the instruction does not use and that holds what rip would. */
static void replace_rip(struct arch_uprobe *auprobe, const struct insn *insn)
{
	u8 *modrm = &auprobe->ixol[insn->disp_offset - 1], used = INSN_REG(insn), vvvv = 0, number;
	u8 *prefix = &auprobe->ixol[insn->nr_prefixes];

	if (!insn->rip_relative)
		return;
	if (insn->vex) {
		bool three = *prefix == 0xc4;

		vvvv = ~prefix[three ? 2 : 1] >> 3 & 15;
		if (three)
			prefix[1] |= 0x20;	/* B, inverted */
	} else if (insn->rex) {
		*prefix &= ~0x01;		/* B */
	}
	/* Not rbx if it can be helped: cmpxchg16b uses it. */
	number = used != 6 && vvvv != 6 ? 6 : used != 7 && vvvv != 7 ? 7 : 3;
	*modrm = 0x80 | used << 3 | number;
	auprobe->reg = register_offsets[number];
	auprobe->fixups |= FIX_SCRATCH;
}

static int prepare_step(struct arch_uprobe *auprobe, const struct insn *insn)
{
	auprobe->ops = &step_ops;
	auprobe->fixups = FIX_IP;
	if (insn->map == 1) {
		switch (insn->opcode) {
		case 0x9d:		/* popf */
			auprobe->fixups |= FIX_SETF;
			break;
		case 0xc2: case 0xc3: case 0xca: case 0xcb:
			auprobe->fixups = 0;
			break;
		case 0xff:
			if (INSN_REG(insn) == 2 || INSN_REG(insn) == 3)
				auprobe->fixups = FIX_CALL;
			else if (INSN_REG(insn) == 4 || INSN_REG(insn) == 5)
				auprobe->fixups = 0;
			break;
		}
	}
	replace_rip(auprobe, insn);
	return 0;
}

static int prepare_branch(struct arch_uprobe *auprobe, const struct insn *insn, const struct arch_uprobe_ops *ops)
{
	/* What operand-size prefixes do to branches differs between makers. */
	if (insn->operand16)
		return -ENOTSUPP;
	auprobe->ops = ops;
	auprobe->condition = insn->opcode & 15;
	auprobe->displacement = insn_s32(auprobe->insn, insn->imm_offset, insn->imm_size);
	return 0;
}

int arch_uprobe_analyze_insn(struct arch_uprobe *auprobe)
{
	const u8 *code = auprobe->insn;
	unsigned int prefixes = 0;
	struct insn insn;

	memcpy(auprobe->ixol, code, sizeof(auprobe->ixol));
	while (prefixes < 14 && is_legacy_prefix(code[prefixes]))
		prefixes++;
	if (code[prefixes] == 0x62)
		return -ENOEXEC;
	for (unsigned int i = 0; i < prefixes; i++)
		if (memchr("\x26\x2e\x36\x3e\xf0", code[i], 5))
			return -ENOTSUPP;
	if (insn_decode(&insn, code, 15)) {
		if ((code[prefixes] & 0xf0) == 0x40)
			prefixes++;
		if (code[prefixes] == 0x0f) {
			/* Whatever it does, it does it in the copy. */
			auprobe->ops = &step_ops;
			auprobe->fixups = FIX_IP;
			return 0;
		}
		return code[prefixes] == 0xc4 || code[prefixes] == 0xc5 ? -ENOEXEC : -ENOTSUPP;
	}
	auprobe->length = insn.length;
	if ((insn.map == 1 || insn.vex) && !one_byte_opcode_ok(insn.opcode))
		return -ENOTSUPP;
	/* Loads of ss hold back the trap of the step. */
	if (insn.map == 1 && insn.opcode == 0x8e && INSN_REG(&insn) == 2)
		return -ENOTSUPP;
	if (insn.map == 2 && !insn.vex && (insn.opcode & 0xf0) == 0x80)
		return prepare_branch(auprobe, &insn, &conditional_jump_ops);
	if (insn.map == 1) {
		switch (insn.opcode) {
		case 0xe8:
			return prepare_branch(auprobe, &insn, &call_ops);
		case 0xe9: case 0xeb:
			return prepare_branch(auprobe, &insn, &jump_ops);
		case 0x70 ... 0x7f:
			return prepare_branch(auprobe, &insn, &conditional_jump_ops);
		case 0x90:
			if (insn.rex & 1)
				break;	/* xchg %r8, %rax */
			auprobe->ops = &jump_ops;
			return 0;
		case 0x50 ... 0x57:
			if (insn.operand16)
				break;
			auprobe->ops = &push_ops;
			auprobe->reg = register_offsets[(insn.opcode & 7) | (insn.rex & 1) << 3];
			return 0;
		}
	}
	return prepare_step(auprobe, &insn);
}

/* ---- getting over it ---- */

bool arch_uprobe_skip_sstep(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	return auprobe->ops->emulate && auprobe->ops->emulate(auprobe, regs);
}

void arch_uprobe_pre_xol(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs)
{
	struct arch_uprobe_task *autask = &utask->autask;

	if (auprobe->fixups & FIX_SCRATCH) {
		unsigned long *reg = register_at(regs, auprobe->reg);

		autask->saved_scratch_register = *reg;
		*reg = utask->vaddr + auprobe->length;
	}
	regs->ip = utask->xol_vaddr;
	autask->saved_trap_nr = current->thread.trap_nr;
	current->thread.trap_nr = UPROBE_TRAP_NR;
	autask->saved_tf = regs->flags & X86_EFLAGS_TF;
	regs->flags |= X86_EFLAGS_TF;
}

static void give_back_register(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs)
{
	if (auprobe->fixups & FIX_SCRATCH)
		*register_at(regs, auprobe->reg) = utask->autask.saved_scratch_register;
}

int arch_uprobe_post_xol(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs)
{
	int ret = 0;

	current->thread.trap_nr = utask->autask.saved_trap_nr;
	give_back_register(auprobe, utask, regs);
	if (auprobe->fixups & FIX_IP) {
		regs->ip += utask->vaddr - utask->xol_vaddr;
	} else if (auprobe->fixups & FIX_CALL) {
		regs->sp += sizeof(long);
		ret = emulate_push(regs, utask->vaddr + auprobe->length);
	}
	/* The task was being stepped itself: its debugger wants to know of this instruction too. */
	if (utask->autask.saved_tf)
		send_sig(SIGTRAP, current, 0);
	else if (!(auprobe->fixups & FIX_SETF))
		regs->flags &= ~X86_EFLAGS_TF;
	return ret;
}

void arch_uprobe_abort_xol(struct arch_uprobe *auprobe, struct uprobe_task *utask, struct pt_regs *regs)
{
	current->thread.trap_nr = utask->autask.saved_trap_nr;
	give_back_register(auprobe, utask, regs);
	regs->ip = utask->vaddr;
	if (!utask->autask.saved_tf)
		regs->flags &= ~X86_EFLAGS_TF;
}

bool arch_uprobe_xol_was_trapped(void)
{
	return current->thread.trap_nr != UPROBE_TRAP_NR;
}

unsigned long arch_uretprobe_hijack_return_addr(unsigned long trampoline, struct pt_regs *regs)
{
	unsigned long address = 0;

	if (copy_from_user(&address, (void __user *)regs->sp, sizeof(address)))
		return 0;
	if (address == trampoline)
		return address;
	return copy_to_user((void __user *)regs->sp, &trampoline, sizeof(trampoline)) ? 0 : address;
}
