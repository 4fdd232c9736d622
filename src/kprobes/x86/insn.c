// SPDX-License-Identifier: MIT
/*
 * Instruction lengths in 64-bit mode, after the opcode maps of the AMD64 manual, volume 3, appendix A.
 *
 * Each map is a string of 256 letters, one an opcode:
 *   -  no operand bytes        m  ModRM                 x  not an instruction in 64-bit mode
 *   b  imm8 (or rel8)          M  ModRM, imm8           p  prefix (or escape to another map)
 *   w  imm16                   Z  ModRM, imm16/32       e  imm16, imm8 (enter)
 *   z  imm16/32                v  imm16/32/64           o  moffs (address size)
 *   d  rel32                   3  ModRM, imm if /0 or /1 (group 3)
 */
#include "insn.h"
#include <kernel/err.h>
#include <kernel/kprobes.h>

static const char one_byte_map[] =
	"mmmmbzxx" "mmmmbzxp"	/* 00 */
	"mmmmbzxx" "mmmmbzxx"	/* 10 */
	"mmmmbzpx" "mmmmbzpx"	/* 20 */
	"mmmmbzpx" "mmmmbzpx"	/* 30 */
	"pppppppp" "pppppppp"	/* 40: REX */
	"--------" "--------"	/* 50 */
	"xxxmpppp" "zZbM----"	/* 60 */
	"bbbbbbbb" "bbbbbbbb"	/* 70 */
	"MZxMmmmm" "mmmmmmmm"	/* 80 */
	"--------" "--x-----"	/* 90 */
	"oooo----" "bz------"	/* a0 */
	"bbbbbbbb" "vvvvvvvv"	/* b0 */
	"MMw-ppMZ" "e-w--bx-"	/* c0 */
	"mmmmxxx-" "mmmmmmmm"	/* d0 */
	"bbbbbbbb" "ddxb----"	/* e0 */
	"p-pp--33" "------mm";	/* f0 */

static const char two_byte_map[] =
	"mmmmx---" "--x-xm-M"	/* 00 */
	"mmmmmmmm" "mmmmmmmm"	/* 10 */
	"mmmmxxxx" "mmmmmmmm"	/* 20 */
	"------x-" "pxpxxxxx"	/* 30 */
	"mmmmmmmm" "mmmmmmmm"	/* 40 */
	"mmmmmmmm" "mmmmmmmm"	/* 50 */
	"mmmmmmmm" "mmmmmmmm"	/* 60 */
	"MMMMmmm-" "mmxxmmmm"	/* 70 */
	"dddddddd" "dddddddd"	/* 80 */
	"mmmmmmmm" "mmmmmmmm"	/* 90 */
	"---mMmxx" "---mMmmm"	/* a0 */
	"mmmmmmmm" "mmMmmmmm"	/* b0 */
	"mmMmMMMm" "--------"	/* c0 */
	"mmmmmmmm" "mmmmmmmm"	/* d0 */
	"mmmmmmmm" "mmmmmmmm"	/* e0 */
	"mmmmmmmm" "mmmmmmmm";	/* f0 */

/* The bytes of one instruction, read in order; running past the end is remembered, not acted on. */
struct cursor {
	const u8 *code;
	size_t size, at;
	bool overrun;
};

static u8 peek(struct cursor *c)
{
	if (c->at < c->size)
		return c->code[c->at];
	c->overrun = true;
	return 0;
}

static u8 next(struct cursor *c)
{
	u8 byte = peek(c);

	c->at++;
	return byte;
}

static void skip(struct cursor *c, u8 *offset, u8 *size, u8 bytes)
{
	if (!bytes)
		return;
	*offset = c->at;
	*size = bytes;
	c->at += bytes;
	if (c->at > c->size)
		c->overrun = true;
}

static void legacy_prefixes(struct insn *insn, struct cursor *c)
{
	for (; !c->overrun; insn->nr_prefixes++) {
		switch (peek(c)) {
		case 0x66: insn->operand16 = true; break;
		case 0x67: insn->address32 = true; break;
		case 0xf0: insn->lock = true; break;
		case 0xf2: insn->repne = true; break;
		case 0xf3: insn->rep = true; break;
		case 0x2e: insn->segment_cs = true; break;
		case 0x26: case 0x36: case 0x3e: case 0x64: case 0x65: break;
		default: return;
		}
		c->at++;
	}
}

/* Bytes of immediate of an instruction of map letter @kind. */
static u8 immediate_size(const struct insn *insn, char kind)
{
	u8 z = insn->operand16 && !(insn->rex & 8) ? 2 : 4;

	switch (kind) {
	case 'b': case 'M': return 1;
	case 'w': return 2;
	case 'e': return 3;
	case 'd': return 4;
	case 'z': case 'Z': return z;
	case 'v': return insn->rex & 8 ? 8 : z;
	case 'o': return insn->address32 ? 4 : 8;
	case '3': return INSN_REG(insn) > 1 ? 0 : insn->opcode == 0xf6 ? 1 : z;
	default: return 0;
	}
}

static void memory_operand(struct insn *insn, struct cursor *c)
{
	u8 mod = INSN_MOD(insn), rm = INSN_RM(insn), bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	if (mod == 3)
		return;
	if (rm == 4) {
		u8 sib = next(c);

		if (mod == 0 && (sib & 7) == 5)
			bytes = 4;
	} else if (mod == 0 && rm == 5) {
		insn->rip_relative = true;
		bytes = 4;
	}
	skip(c, &insn->disp_offset, &insn->disp_size, bytes);
}

int insn_decode(struct insn *insn, const u8 *code, size_t size)
{
	struct cursor c = { .code = code, .size = size < MAX_INSN_SIZE ? size : MAX_INSN_SIZE };
	char kind;

	*insn = (struct insn){ .map = 1 };
	legacy_prefixes(insn, &c);
	if ((peek(&c) & 0xf0) == 0x40)
		insn->rex = next(&c);

	insn->opcode = next(&c);
	if (!insn->rex && (insn->opcode == 0xc4 || insn->opcode == 0xc5)) {
		u8 payload = next(&c);

		insn->vex = true;
		insn->map = 2;
		if (insn->opcode == 0xc4) {
			insn->map = (payload & 31) + 1;
			next(&c);
		}
		insn->opcode = next(&c);
	} else if (insn->opcode == 0x0f) {
		insn->map = 2;
		insn->opcode = next(&c);
		if (insn->opcode == 0x38 || insn->opcode == 0x3a) {
			insn->map = insn->opcode == 0x38 ? 3 : 4;
			insn->opcode = next(&c);
		}
	}
	switch (insn->map) {
	case 1: kind = one_byte_map[insn->opcode]; break;
	case 2: kind = two_byte_map[insn->opcode]; break;
	case 3: kind = 'm'; break;
	case 4: kind = 'M'; break;
	default: return -EINVAL;
	}
	if (kind == 'x' || kind == 'p')
		return -EINVAL;

	insn->has_modrm = kind == 'm' || kind == 'M' || kind == 'Z' || kind == '3';
	if (insn->has_modrm) {
		insn->modrm = next(&c);
		memory_operand(insn, &c);
	}
	skip(&c, &insn->imm_offset, &insn->imm_size, immediate_size(insn, kind));
	if (c.overrun)
		return -EINVAL;
	insn->length = c.at;
	return 0;
}
