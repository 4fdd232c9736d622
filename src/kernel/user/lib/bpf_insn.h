/* SPDX-License-Identifier: MIT */
/*
 * BPF programs written instruction by instruction: a word for each instruction that the programs here use, in the order of the
 * assembler (destination first). (Documentation/bpf/instruction-set.rst)
 */
#ifndef _USER_BPF_INSN_H
#define _USER_BPF_INSN_H

#include <linux/bpf.h>

#define INSN(code, dst, src, off, imm)	((struct bpf_insn){ code, dst, src, off, imm })

#define MOV(dst, value)			INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define MOV_REG(dst, src)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, value)			INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define ADD_REG(dst, src)		INSN(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define SHIFT_LEFT(dst, value)		INSN(BPF_ALU64 | BPF_LSH | BPF_K, dst, 0, 0, value)

/* Two slots: 64 bits, or what @src (BPF_PSEUDO_) makes of them. */
#define LOAD_IMM64(dst, src, value)	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int)(value)), \
					INSN(0, 0, 0, 0, (int)((unsigned long long)(value) >> 32))
#define LOAD_FD(dst, src, fd)		INSN(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, fd), INSN(0, 0, 0, 0, 0)
#define MAP(dst, fd)			LOAD_FD(dst, BPF_PSEUDO_MAP_FD, fd)

#define LOAD64(dst, src, off)		INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define LOAD32(dst, src, off)		INSN(BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0)
#define STORE64(dst, off, src)		INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define SET64(dst, off, value)		INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, off, value)
#define SET32(dst, off, value)		INSN(BPF_ST | BPF_MEM | BPF_W, dst, 0, off, value)
/* To the stack. */
#define STORE(off, value)		SET32(BPF_REG_10, off, value)

#define JUMP(off)			INSN(BPF_JMP | BPF_JA, 0, 0, off, 0)
#define JEQ(dst, value, off)		INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, off, value)
#define JNE(dst, value, off)		INSN(BPF_JMP | BPF_JNE | BPF_K, dst, 0, off, value)
#define JNE32(dst, value, off)		INSN(BPF_JMP32 | BPF_JNE | BPF_K, dst, 0, off, value)

/* A helper by its name, by its number; a function of the program. */
#define CALL(name)			CALL_NUMBER(BPF_FUNC_##name)
#define CALL_NUMBER(number)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, number)
#define CALL_FUNCTION(off)		INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, off)
#define EXIT				INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define RETURN(value)			MOV(BPF_REG_0, value), EXIT

/* A program as two arguments: its instructions, and how many. */
#define INSNS(...)			(struct bpf_insn[]){ __VA_ARGS__ }, \
					sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn)

#endif
