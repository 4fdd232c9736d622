// SPDX-License-Identifier: MIT
/*
 * bpf(2) with what nobody means: random commands and attributes, and programs, types and records that were right and then damaged.
 *
 *	bpf-hostile SEED CALLS
 *
 * Prints how many calls of each command succeeded; what matters is that the kernel goes on.
 */
#include "../lib/bpf.h"
#include <linux/btf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_KEPT	20
#define KEPT		64
#define COMMANDS	40

#define INFO(kind, vlen)	((kind) << 24 | (vlen))
#define STRINGS			"\0int\0long\0bpf_spin_lock\0bpf_timer\0kptr\0task_struct\0value\0main\0called"

static const struct {
	struct btf_header header;
	unsigned int types[54];
	char strings[sizeof(STRINGS)];
} good_types = {
	{ BTF_MAGIC, BTF_VERSION, 0, sizeof(struct btf_header), 0, sizeof(good_types.types), sizeof(good_types.types),
	  sizeof(good_types.strings) },
	{
		1, INFO(BTF_KIND_INT, 0), 4, BTF_INT_SIGNED << 24 | 32,					/* 1: int */
		5, INFO(BTF_KIND_INT, 0), 8, BTF_INT_SIGNED << 24 | 64,					/* 2: long */
		10, INFO(BTF_KIND_STRUCT, 1), 4, 1, 1, 0,						/* 3: struct bpf_spin_lock */
		24, INFO(BTF_KIND_STRUCT, 0), 16,							/* 4: struct bpf_timer */
		39, INFO(BTF_KIND_STRUCT, 0), 0,							/* 5: struct task_struct */
		34, INFO(BTF_KIND_TYPE_TAG, 0), 5,							/* 6: kptr */
		0, INFO(BTF_KIND_PTR, 0), 6,								/* 7 */
		51, INFO(BTF_KIND_STRUCT, 4), 40, 1, 2, 0, 10, 3, 64, 24, 4, 128, 34, 7, 256,		/* 8: struct value */
		0, INFO(BTF_KIND_FUNC_PROTO, 2), 1, 1, 1, 5, 7,						/* 9: int (int, pointer) */
		57, INFO(BTF_KIND_FUNC, BTF_FUNC_GLOBAL), 9,						/* 10: main */
		62, INFO(BTF_KIND_FUNC, BTF_FUNC_STATIC), 9,						/* 11: called */
	},
	STRINGS,
};

#define INSN(code, dst, src, off, imm)	{ code, dst, src, off, imm }

/* Looks an element up, calls a function and a helper with a callback. */
static const struct bpf_insn good_program[] = {
	INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
	INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
	INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
	INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
	INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, FIRST_KEPT), INSN(0, 0, 0, 0, 0),
	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
	INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
	INSN(BPF_LDX | BPF_MEM | BPF_DW, 7, 0, 0, 0),
	INSN(BPF_STX | BPF_MEM | BPF_DW, 0, 7, 0, 0),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 3),
	INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 7), INSN(0, 0, 0, 0, 0),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
	INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop),
	INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 2),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
	INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
	INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
};

static unsigned int state;

static unsigned int next(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static unsigned int below(unsigned int limit)
{
	return next() % limit;
}

/* Copies and changes some bytes, or none. */
static void damage(void *to, const void *from, unsigned int bytes)
{
	unsigned char *at = to;

	memcpy(to, from, bytes);
	for (unsigned int count = below(3) ? 0 : below(6); count--; )
		at[below(bytes)] = below(2) ? next() : at[below(bytes)] ^ 1u << below(8);
}

static unsigned int some_number(void)
{
	static const unsigned int edges[] = { 0, 1, 2, 4, 8, 16, 64, 4096, 65535, 0x7fffffff, 0x80000000, 0xffffffff };

	return below(3) ? below(24) : below(4) ? edges[below(sizeof(edges) / sizeof(*edges))] : next();
}

/* Descriptors that are good for something lie there. */
static void keep(int fd)
{
	if (fd < 0)
		return;
	dup2(fd, FIRST_KEPT + 1 + below(KEPT));
	close(fd);
}

static unsigned int some_fd(void)
{
	return below(8) ? FIRST_KEPT + below(KEPT) : some_number();
}

static int load_types(void)
{
	static unsigned char types[sizeof(good_types)];
	union bpf_attr attr = { 0 };

	damage(types, &good_types, sizeof(good_types));
	attr.btf = (unsigned long)types;
	attr.btf_size = offsetof(typeof(good_types), strings) + sizeof(good_types.strings) + (below(10) ? 0 : below(9) - 4);
	return sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static int create_map(void)
{
	union bpf_attr attr = { 0 };

	attr.map_type = below(34);
	attr.key_size = below(3) ? 4 : some_number();
	attr.value_size = below(3) ? 40 : some_number();
	attr.max_entries = below(3) ? 4 : below(200);
	attr.map_flags = below(2) ? 0 : below(4) ? 1u << below(14) : next();
	if (below(2)) {
		attr.btf_fd = load_types();
		attr.btf_key_type_id = below(6) ? 1 : below(12);
		attr.btf_value_type_id = below(6) ? 8 : below(12);
	}
	if (attr.map_type == BPF_MAP_TYPE_ARRAY_OF_MAPS || attr.map_type == BPF_MAP_TYPE_HASH_OF_MAPS)
		attr.inner_map_fd = some_fd();
	return sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int load_program(void)
{
	static const unsigned int types[] = { 1, 2, 3, 5, 7, 17, 26, 29, 31 };
	static const struct bpf_func_info good_functions[] = { { 0, 10 }, { 19, 11 } };
	static const struct bpf_line_info good_lines[] = { { 0, 1, 5, 1024 }, { 9, 1, 5, 2048 }, { 19, 1, 5, 4096 } };
	struct bpf_insn insns[sizeof(good_program) / sizeof(*good_program)];
	struct bpf_func_info functions[2];
	struct bpf_line_info lines[3];
	static char log[4096];
	union bpf_attr attr = { 0 };

	damage(insns, good_program, sizeof(insns));
	damage(functions, good_functions, sizeof(functions));
	damage(lines, good_lines, sizeof(lines));
	attr.prog_type = below(10) ? types[below(sizeof(types) / sizeof(*types))] : some_number();
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(*insns);
	attr.license = (unsigned long)"GPL";
	attr.prog_flags = below(4) ? 0 : below(64);
	attr.expected_attach_type = attr.prog_type == 26 ? 23 + below(6) : attr.prog_type == 29 ? 27 : below(10) ? 0 : some_number();
	attr.attach_btf_id = attr.prog_type >= 26 && below(4) ? bpf_kernel_function_id("bpf_lsm_file_open") + below(9) - 4 : 0;
	attr.log_level = below(8);
	attr.log_buf = attr.log_level ? (unsigned long)log : 0;
	attr.log_size = attr.log_level ? sizeof(log) : 0;
	attr.prog_btf_fd = load_types();
	attr.func_info = (unsigned long)functions;
	attr.func_info_cnt = below(10) ? 2 : some_number();
	attr.func_info_rec_size = below(10) ? sizeof(*functions) : some_number();
	attr.line_info = (unsigned long)lines;
	attr.line_info_cnt = below(2) ? 0 : below(10) ? 3 : some_number();
	attr.line_info_rec_size = below(10) ? sizeof(*lines) : some_number();
	attr.core_relo_cnt = below(10) ? 0 : some_number();
	attr.core_relo_rec_size = some_number();
	attr.core_relos = (unsigned long)lines;
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Any command, with numbers, descriptors and addresses in its attributes. */
static int anything(unsigned int command)
{
	static unsigned char memory[8192];
	union bpf_attr attr = { 0 };
	unsigned int *words = (unsigned int *)&attr;

	for (unsigned int i = 0; i < sizeof(attr) / 4; i++) {
		if (!below(3))
			continue;
		words[i] = below(2) ? some_fd() : some_number();
		if (i % 2 == 0 && below(2)) {
			unsigned long address = below(8) ? (unsigned long)memory + below(4096) : next();

			memcpy(&words[i], &address, sizeof(address));
			i++;
		}
	}
	return sys_bpf(command, &attr, below(4) ? sizeof(attr) : below(200));
}

int main(int argc, char **argv)
{
	unsigned int calls = argc > 2 ? strtoul(argv[2], NULL, 0) : 2000, good[COMMANDS] = { 0 };

	state = (argc > 1 ? strtoul(argv[1], NULL, 0) : 1) * 2654435761u | 1;
	dup2(bpf_map_create(BPF_MAP_TYPE_ARRAY, "first", 4, 40, 4, 0), FIRST_KEPT);
	while (calls--) {
		unsigned int command;
		int result;

		switch (below(6)) {
		case 0:
			command = BPF_MAP_CREATE;
			result = create_map();
			break;
		case 1:
		case 2:
			command = BPF_PROG_LOAD;
			result = load_program();
			break;
		case 3:
			command = BPF_BTF_LOAD;
			result = load_types();
			break;
		default:
			command = below(COMMANDS);
			result = anything(command);
		}
		if (result < 0)
			continue;
		good[command]++;
		if (result > 2)
			keep(result);
		for (int fd = 3; fd < FIRST_KEPT; fd++)
			close(fd);
	}
	for (unsigned int command = 0; command < COMMANDS; command++)
		if (good[command])
			printf("%u: %u\n", command, good[command]);
	printf("done\n");
	return 0;
}
