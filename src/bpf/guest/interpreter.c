// SPDX-License-Identifier: MIT
/*
 * Runs programs that were loaded while net.core.bpf_jit_enable was 0: the verified instructions, one by one. Each call
 * of a function of the program has a frame of its own; a tail call goes on in the same one. (RFC 9669)
 */
#include <kernel/init.h>
#include "internal.h"

#define MAX_TAIL_CALL_CNT	33
/* The mode of loads that the verifier has marked: it is no mode that user space can ask for. */
#define BPF_PROBE_MEM		0x20
#define MAX_BPF_STACK		512

extern const struct bpf_helper_entry __start_bpf_helpers[], __stop_bpf_helpers[];

static bpf_helper_fn helpers[__BPF_FUNC_MAX_ID];
static bpf_helper_fn load_8, load_16, load_32;

static u64 swap_bytes(u64 value, u32 bits, bool big)
{
	u64 cut = bits == 64 ? value : value & ((1ull << bits) - 1);

	if (!big)
		return cut;
	return bits == 16 ? __builtin_bswap16(cut) : bits == 32 ? __builtin_bswap32(cut) : __builtin_bswap64(cut);
}

/* The operations that 32 and 64 bits share, on operands cut and extended for their width. */
static u64 alu(u8 op, u64 dst, u64 src, bool wide)
{
	u32 shift = src & (wide ? 63 : 31);

	switch (op) {
	case BPF_ADD: return dst + src;
	case BPF_SUB: return dst - src;
	case BPF_MUL: return dst * src;
	case BPF_DIV: return src ? dst / src : 0;
	case BPF_MOD: return src ? dst % src : dst;
	case BPF_OR: return dst | src;
	case BPF_AND: return dst & src;
	case BPF_XOR: return dst ^ src;
	case BPF_MOV: return src;
	case BPF_NEG: return -dst;
	case BPF_LSH: return dst << shift;
	case BPF_RSH: return dst >> shift;
	case BPF_ARSH: return wide ? (u64)((s64)dst >> shift) : (u64)(u32)((s32)dst >> shift);
	default: return dst;
	}
}

static bool taken(u8 op, u64 a, u64 b, bool wide)
{
	s64 sa = wide ? (s64)a : (s32)a, sb = wide ? (s64)b : (s32)b;

	switch (op) {
	case BPF_JA: return true;
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return a & b;
	case BPF_JSGT: return sa > sb;
	case BPF_JSGE: return sa >= sb;
	case BPF_JSLT: return sa < sb;
	case BPF_JSLE: return sa <= sb;
	default: return false;
	}
}

static u64 load(const void *at, u8 size)
{
	switch (size) {
	case BPF_B: return *(const u8 *)at;
	case BPF_H: return *(const u16 *)at;
	case BPF_W: return *(const u32 *)at;
	default: return *(const u64 *)at;
	}
}

static void store(void *at, u8 size, u64 value)
{
	switch (size) {
	case BPF_B: *(u8 *)at = value; break;
	case BPF_H: *(u16 *)at = value; break;
	case BPF_W: *(u32 *)at = value; break;
	default: *(u64 *)at = value;
	}
}

/* Read, change and write; what was there goes to @src if it is asked for. There is one CPU. */
static void atomic(const struct bpf_insn *insn, u64 *regs)
{
	void *at = (void *)(regs[insn->dst_reg] + insn->off);
	u8 size = BPF_SIZE(insn->code);
	u64 *src = &regs[insn->src_reg], old = load(at, size), operand = *src;

	switch (insn->imm) {
	case BPF_XCHG:
		store(at, size, operand);
		*src = old;
		return;
	case BPF_CMPXCHG:
		if (old == (size == BPF_W ? (u32)regs[BPF_REG_0] : regs[BPF_REG_0]))
			store(at, size, operand);
		regs[BPF_REG_0] = old;
		return;
	default:
		store(at, size, alu(insn->imm & 0xf0, old, operand, true));
		if (insn->imm & BPF_FETCH)
			*src = old;
	}
}

static const struct bpf_insn *tail_call(const u64 *regs, u32 *count)
{
	const struct bpf_prog *prog;

	if (*count >= MAX_TAIL_CALL_CNT)
		return NULL;
	prog = bpf_fd_array_entry((struct bpf_map *)regs[BPF_REG_2], (u32)regs[BPF_REG_3]);
	if (!prog)
		return NULL;
	(*count)++;
	return prog->insns;
}

/* False: the packet is too short, and the program is to end with 0. */
static bool load_packet(const struct bpf_insn *insn, u64 *regs)
{
	u64 offset = insn->imm + (BPF_MODE(insn->code) == BPF_IND ? (u32)regs[insn->src_reg] : 0);
	u8 size = BPF_SIZE(insn->code);
	bpf_helper_fn fn = size == BPF_B ? load_8 : size == BPF_H ? load_16 : load_32;
	s64 value = fn(regs[BPF_REG_6], (u32)offset, 0, 0, 0);

	regs[BPF_REG_0] = value;
	return value >= 0;
}

/* A load through a pointer that nobody vouches for: 0 where it would fault. */
static u64 probe_load(const void *from, u8 size)
{
	static const u8 bytes[] = { [BPF_W >> 3] = 4, [BPF_H >> 3] = 2, [BPF_B >> 3] = 1, [BPF_DW >> 3] = 8 };
	u64 value = 0;

	return copy_from_kernel_nofault(&value, from, bytes[size >> 3]) ? 0 : value;
}

static u64 interpret(u64 *regs, const struct bpf_insn *insn);

/* A function of the program: its own r6 to r10, the caller's r1 to r5. */
static noinline u64 call_function(const u64 *caller, const struct bpf_insn *insn)
{
	u64 stack[MAX_BPF_STACK / sizeof(u64)], regs[MAX_BPF_REG];

	memcpy(regs, caller, 6 * sizeof(regs[0]));
	regs[BPF_REG_10] = (u64)(stack + ARRAY_SIZE(stack));
	return interpret(regs, insn);
}

static u64 interpret(u64 *regs, const struct bpf_insn *insn)
{
	u32 tail_calls = 0;

	for (;; insn++) {
		u8 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);
		u64 *dst = &regs[insn->dst_reg], *src = &regs[insn->src_reg];
		u64 operand = insn->code & BPF_X ? *src : (u64)(s64)insn->imm;
		const struct bpf_insn *next;

		switch (class) {
		case BPF_ALU64:
			*dst = alu(op, *dst, operand, true);
			break;
		case BPF_ALU:
			*dst = op == BPF_END ? swap_bytes(*dst, insn->imm, insn->code & BPF_TO_BE) :
					       (u32)alu(op, (u32)*dst, (u32)operand, false);
			break;
		case BPF_JMP:
			if (op == BPF_EXIT)
				return regs[BPF_REG_0];
			if (op != BPF_CALL) {
				if (taken(op, *dst, operand, true))
					insn += insn->off;
				break;
			}
			if (insn->src_reg == BPF_PSEUDO_CALL) {
				regs[BPF_REG_0] = call_function(regs, insn + insn->imm + 1);
			} else if (insn->imm == BPF_FUNC_tail_call) {
				next = tail_call(regs, &tail_calls);
				if (next)
					insn = next - 1;
			} else {
				regs[BPF_REG_0] = helpers[insn->imm](regs[BPF_REG_1], regs[BPF_REG_2], regs[BPF_REG_3],
								     regs[BPF_REG_4], regs[BPF_REG_5]);
			}
			break;
		case BPF_JMP32:
			if (op == BPF_JA)
				insn += insn->imm;
			else if (taken(op, (u32)*dst, (u32)operand, false))
				insn += insn->off;
			break;
		case BPF_LDX:
			if (BPF_MODE(insn->code) == BPF_PROBE_MEM)
				*dst = probe_load((void *)(*src + insn->off), BPF_SIZE(insn->code));
			else
				*dst = load((void *)(*src + insn->off), BPF_SIZE(insn->code));
			break;
		case BPF_ST:
			store((void *)(*dst + insn->off), BPF_SIZE(insn->code), insn->imm);
			break;
		case BPF_STX:
			if (BPF_MODE(insn->code) == BPF_ATOMIC)
				atomic(insn, regs);
			else
				store((void *)(*dst + insn->off), BPF_SIZE(insn->code), *src);
			break;
		case BPF_LD:
			if (BPF_MODE(insn->code) != BPF_IMM) {
				if (!load_packet(insn, regs))
					return 0;
				break;
			}
			*dst = (u32)insn->imm | (u64)insn[1].imm << 32;
			insn++;
			break;
		}
	}
}

unsigned int bpf_interpret(const void *ctx, const void *insns)
{
	u64 stack[MAX_BPF_STACK / sizeof(u64)], regs[MAX_BPF_REG];

	regs[BPF_REG_1] = (u64)ctx;
	regs[BPF_REG_10] = (u64)(stack + ARRAY_SIZE(stack));
	return interpret(regs, insns);
}

bool bpf_interpreter_has_helpers(const struct bpf_insn *insns, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (insns[i].code == (BPF_JMP | BPF_CALL) && !insns[i].src_reg && insns[i].imm != BPF_FUNC_tail_call &&
		    ((u32)insns[i].imm >= ARRAY_SIZE(helpers) || !helpers[insns[i].imm]))
			return false;
	return true;
}

static int __init bpf_interpreter_init(void)
{
	const struct bpf_helper_entry *entry;

	for (entry = __start_bpf_helpers; entry < __stop_bpf_helpers; entry++) {
		bpf_helper_fn fn = (bpf_helper_fn)entry->addr;

		if (entry->id < ARRAY_SIZE(helpers))
			helpers[entry->id] = fn;
		else if (entry->id == BPF_COP_HELPER_SKB_LOAD_8)
			load_8 = fn;
		else if (entry->id == BPF_COP_HELPER_SKB_LOAD_16)
			load_16 = fn;
		else if (entry->id == BPF_COP_HELPER_SKB_LOAD_32)
			load_32 = fn;
	}
	return 0;
}
core_initcall(bpf_interpreter_init);
