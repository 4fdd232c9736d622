// SPDX-License-Identifier: MIT
/*
 * Which keys survive in LRU maps: the same sequence of updates, look-ups by user space, look-ups by a program (which count as
 * uses) and deletions, on maps of several sizes and flags. Prints what is left from time to time; the lines are
 * the same on a Linux machine with one processor (as root) and here.
 */
#include "../lib/bpf.h"
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#define INSN(c, d, s, o, i) ((struct bpf_insn){ .code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i })
#define MAP(d, fd)	INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

static unsigned int state;

static unsigned int draw(unsigned int below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

/* A program that looks up in @lru the key that stands in the array @wanted. */
static int load(int lru, int wanted)
{
	struct bpf_insn program[] = {
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		MAP(1, wanted),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 8, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 0, 0, 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, 10, 1, -4, 0),
		MAP(1, lru),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (unsigned long)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (unsigned long)"GPL";
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int look_up_by_program(int program, int wanted, unsigned int key)
{
	unsigned char packet[64] = { 0 };
	unsigned int zero = 0;
	union bpf_attr attr;

	bpf_map_update_elem(wanted, &zero, &key, BPF_ANY);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = program;
	attr.test.data_in = (unsigned long)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1;
	return sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)) ? -1 : (int)attr.test.retval;
}

static void follow(int type, unsigned int entries, unsigned int flags, unsigned int keys, unsigned int steps)
{
	int lru = bpf_map_create(type, "lru", 4, 8, entries, flags), i, failures[5] = { 0 };
	int wanted = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wanted", 4, 4, 1, 0), program = load(lru, wanted);
	unsigned int key, step, found, sum;
	unsigned long value[64];

	printf("== type %d, %u entries, flags %#x, %u keys: %s\n", type, entries, flags, keys,
	       lru < 0 || program < 0 ? strerror(errno) : "ok");
	state = 42;
	for (step = 1; step <= steps; step++) {
		key = draw(keys);
		value[0] = step;
		switch (draw(8)) {
		case 0:
			failures[0] += bpf_map_lookup_elem(lru, &key, value) < 0;
			break;
		case 1:
		case 2:
			failures[1] += look_up_by_program(program, wanted, key) != 1;
			break;
		case 3:
			failures[2] += draw(4) ? 0 : bpf_map_delete_elem(lru, &key) < 0;
			break;
		case 4:
			failures[3] += bpf_map_update_elem(lru, &key, value, BPF_NOEXIST) < 0;
			break;
		case 5:
			failures[4] += bpf_map_update_elem(lru, &key, value, BPF_EXIST) < 0;
			break;
		default:
			bpf_map_update_elem(lru, &key, value, BPF_ANY);
		}
		if (step % (steps / 5))
			continue;
		for (key = found = sum = 0; key < keys; key++)
			if (!bpf_map_lookup_elem(lru, &key, value)) {
				found++;
				sum = sum * 31 + key + (unsigned int)value[0] * 7;
			}
		printf("step %u: %u keys, %08x, failures", step, found, sum);
		for (i = 0; i < 5; i++)
			printf(" %d", failures[i]);
		printf("\n");
	}
}

int main(void)
{
	static const unsigned int entries[] = { 1, 3, 50, 128, 200, 400 };
	unsigned int i;

	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		follow(BPF_MAP_TYPE_LRU_HASH, entries[i], 0, entries[i] * 3, entries[i] * 20 + 100);
		follow(BPF_MAP_TYPE_LRU_HASH, entries[i], BPF_F_NO_COMMON_LRU, entries[i] * 2, entries[i] * 10 + 100);
		follow(BPF_MAP_TYPE_LRU_PERCPU_HASH, entries[i], 0, entries[i] * 2, entries[i] * 10 + 100);
	}
	return 0;
}
