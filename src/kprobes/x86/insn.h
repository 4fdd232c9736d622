/* SPDX-License-Identifier: MIT */
/*
 * How long is the instruction, and what is it: just enough decoding of 64-bit code to place a probe.
 */
#ifndef _KPROBES_X86_INSN_H
#define _KPROBES_X86_INSN_H

#include <asm/processor-flags.h>
#include <kernel/types.h>

struct insn {
	u8 length;		/* in bytes; 0: the bytes are no instruction */
	u8 nr_prefixes;		/* legacy prefixes before REX or VEX */
	u8 rex;			/* 0: none */
	bool operand16, address32, lock, rep, repne, segment_cs, vex;
	u8 map;			/* 1: one byte; 2: 0f; 3: 0f 38; 4: 0f 3a */
	u8 opcode;
	bool has_modrm;
	u8 modrm;
	u8 disp_offset, disp_size;	/* of the displacement, from the first byte */
	u8 imm_offset, imm_size;
	bool rip_relative;
};

#define INSN_MOD(insn)	((insn)->modrm >> 6)
#define INSN_REG(insn)	(((insn)->modrm >> 3) & 7)
#define INSN_RM(insn)	((insn)->modrm & 7)

/* Decodes at most @size bytes at @code. 0, or -EINVAL if they do not hold one whole instruction of 64-bit mode. */
int insn_decode(struct insn *insn, const u8 *code, size_t size);

/* The sign-extended displacement or immediate at @offset. */
static inline s32 insn_s32(const u8 *code, u8 offset, u8 size)
{
	switch (size) {
	case 1: return (s8)code[offset];
	case 2: return (s16)(code[offset] | code[offset + 1] << 8);
	case 4: return (s32)(code[offset] | code[offset + 1] << 8 | code[offset + 2] << 16 | (u32)code[offset + 3] << 24);
	default: return 0;
	}
}

/* Does condition code @cc (low four bits of Jcc's opcode) hold? Inline: a function of its own could be probed. */
static __always_inline bool condition_holds(unsigned long flags, u8 cc)
{
	bool of = flags & X86_EFLAGS_OF, sf = flags & X86_EFLAGS_SF, zf = flags & X86_EFLAGS_ZF, holds = false;

	switch (cc >> 1) {
	case 0: holds = of; break;
	case 1: holds = flags & X86_EFLAGS_CF; break;
	case 2: holds = zf; break;
	case 3: holds = zf || (flags & X86_EFLAGS_CF); break;
	case 4: holds = sf; break;
	case 5: holds = flags & X86_EFLAGS_PF; break;
	case 6: holds = sf != of; break;
	case 7: holds = zf || sf != of; break;
	}
	return holds != (cc & 1);
}

#endif
