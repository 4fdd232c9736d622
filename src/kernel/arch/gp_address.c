// SPDX-License-Identifier: MIT
/* What a general protection fault was about: the memory operand of the instruction, from its bytes and the registers. */
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/ptrace.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include "../../kprobes/x86/insn.h"
#include "arch.h"

static unsigned long register_value(const struct pt_regs *regs, unsigned int number)
{
	const unsigned long values[16] = {
		regs->ax, regs->cx, regs->dx, regs->bx, regs->sp, regs->bp, regs->si, regs->di,
		regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13, regs->r14, regs->r15,
	};

	return values[number & 15];
}

bool gp_fault_address(const struct pt_regs *regs, unsigned long *address)
{
	unsigned int at, base;
	struct insn insn;
	u8 code[15];

	if (copy_from_kernel_nofault(code, (void *)regs->ip, sizeof(code)) || insn_decode(&insn, code, sizeof(code)))
		return false;
	/* String instructions have their operands in rsi and rdi. */
	if (insn.map == 1 && !insn.has_modrm && (insn.opcode & 0xfe) == 0xa4) {
		*address = (long)regs->si >> 47 != 0 && (long)regs->si >> 47 != -1 ? regs->si : regs->di;
		return true;
	}
	/* mov between rax and an address that is in the instruction. */
	if (insn.map == 1 && insn.opcode >= 0xa0 && insn.opcode <= 0xa3) {
		memcpy(address, code + insn.imm_offset, sizeof(*address));
		return true;
	}
	if (insn.vex || !insn.has_modrm || INSN_MOD(&insn) == 3)
		return false;
	at = insn.nr_prefixes + (insn.rex ? 1 : 0) + (insn.map == 1 ? 1 : insn.map == 2 ? 2 : 3);
	*address = insn.disp_size ? (long)insn_s32(code, insn.disp_offset, insn.disp_size) : 0;
	if (insn.rip_relative) {
		*address += regs->ip + insn.length;
		return true;
	}
	if (INSN_RM(&insn) == 4) {
		u8 sib = code[at + 1];
		unsigned int index = (sib >> 3 & 7) | (insn.rex & 2) << 2;

		base = (sib & 7) | (insn.rex & 1) << 3;
		if (index != 4)
			*address += register_value(regs, index) << (sib >> 6);
		/* Without a displacement mode, base 5 means none. */
		if ((sib & 7) != 5 || INSN_MOD(&insn))
			*address += register_value(regs, base);
		return true;
	}
	base = INSN_RM(&insn) | (insn.rex & 1) << 3;
	*address += register_value(regs, base);
	return true;
}
