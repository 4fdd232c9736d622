// SPDX-License-Identifier: MIT
/*
 * Runs BPF programs (BPF_PROG_TEST_RUN on raw tracepoint programs) and prints what they return: instructions, calls, helpers,
 * maps from inside. The lines are the same on Linux (as root) and here.
 */
#include "../lib/bpf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INSN(c, d, s, o, i)	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define MOV(d, i)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOVX(d, s)		INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ALU(op, d, i)		INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALUX(op, d, s)		INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALU32(op, d, i)		INSN(BPF_ALU | (op) | BPF_K, d, 0, 0, i)
#define ALU32X(op, d, s)	INSN(BPF_ALU | (op) | BPF_X, d, s, 0, 0)
#define LDX(size, d, s, o)	INSN(BPF_LDX | (size) | BPF_MEM, d, s, o, 0)
#define STX(size, d, s, o)	INSN(BPF_STX | (size) | BPF_MEM, d, s, o, 0)
#define ST(size, d, o, i)	INSN(BPF_ST | (size) | BPF_MEM, d, 0, o, i)
#define ATOMIC(size, op, d, s, o) INSN(BPF_STX | (size) | BPF_ATOMIC, d, s, o, op)
#define JMP(op, d, i, o)	INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JMPX(op, d, s, o)	INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define CALL(id)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, id)
#define CALL_REL(to)		INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, to)
#define EXIT			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LD64(d, s, value)	INSN(BPF_LD | BPF_DW | BPF_IMM, d, s, 0, (int)(value)), \
				INSN(0, 0, 0, 0, (int)((unsigned long long)(value) >> 32))
#define MAP(d, fd)		LD64(d, BPF_PSEUDO_MAP_FD, fd)
#define VALUE(d, fd)		LD64(d, BPF_PSEUDO_MAP_VALUE, (unsigned int)(fd))

static char log_buffer[1 << 16];

static int load(const struct bpf_insn *insns, int count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)"GPL";
	attr.log_level = 1;
	attr.log_buf = (unsigned long)log_buffer;
	attr.log_size = sizeof(log_buffer);
	log_buffer[0] = '\0';
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void run(const char *what, const struct bpf_insn *insns, int count)
{
	unsigned long long ctx[3] = { 11, 22, 33 };
	union bpf_attr attr;
	int fd = load(insns, count);

	if (fd < 0) {
		printf("%s: not loaded: %s\n", what, strerror(errno));
		if (errno != EACCES)
			printf("%s", log_buffer);
		return;
	}
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.ctx_in = (unsigned long)ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	if (sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
		printf("%s: not run: %s\n", what, strerror(errno));
	else
		printf("%s: %#x\n", what, attr.test.retval);
	close(fd);
}

#define RUN(what, ...) do {								\
	struct bpf_insn insns[] = { __VA_ARGS__ };					\
	run(what, insns, sizeof(insns) / sizeof(insns[0]));				\
} while (0)

static void instructions(void)
{
	RUN("context", LDX(BPF_DW, 0, 1, 8), EXIT);
	RUN("1 / 0", MOV(0, 1), MOV(1, 0), ALUX(BPF_DIV, 0, 1), EXIT);
	RUN("7 % 0", MOV(0, 7), MOV(1, 0), ALUX(BPF_MOD, 0, 1), EXIT);
	RUN("-1 % 0, 32 bits, upper half", MOV(0, -1), MOV(1, 0), ALU32X(BPF_MOD, 0, 1), ALU(BPF_RSH, 0, 32), EXIT);
	RUN("-10 / 3, upper half", MOV(0, -10), ALU(BPF_DIV, 0, 3), ALU(BPF_RSH, 0, 32), EXIT);
	RUN("1 << 65", MOV(0, 1), MOV(1, 65), ALUX(BPF_LSH, 0, 1), EXIT);
	RUN("-8 s>> 1", MOV(0, -8), ALU(BPF_ARSH, 0, 1), EXIT);
	RUN("be32", LD64(0, 0, 0x12345678), INSN(BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 32), EXIT);
	RUN("be64, upper half", LD64(0, 0, 0x12345678), INSN(BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 64),
	    ALU(BPF_RSH, 0, 32), EXIT);
	RUN("byte store, word load", ST(BPF_DW, 10, -8, 0), ST(BPF_B, 10, -8, 0x1ff), LDX(BPF_W, 0, 10, -8), EXIT);
	RUN("xchg", ST(BPF_DW, 10, -8, 3), MOV(1, 9), ATOMIC(BPF_DW, BPF_XCHG, 10, 1, -8), MOVX(0, 1), EXIT);
	RUN("cmpxchg", ST(BPF_DW, 10, -8, 3), MOV(0, 3), MOV(1, 9), ATOMIC(BPF_DW, BPF_CMPXCHG, 10, 1, -8),
	    LDX(BPF_DW, 1, 10, -8), ALU(BPF_LSH, 0, 8), ALUX(BPF_OR, 0, 1), EXIT);
	RUN("fetch and", ST(BPF_DW, 10, -8, 0xff), MOV(1, 0x0f), ATOMIC(BPF_DW, BPF_AND | BPF_FETCH, 10, 1, -8),
	    LDX(BPF_DW, 0, 10, -8), ALU(BPF_LSH, 0, 8), ALUX(BPF_OR, 0, 1), EXIT);
	RUN("bounded loop", MOV(0, 0), MOV(1, 0), ALUX(BPF_ADD, 0, 1), ALU(BPF_ADD, 1, 1), JMP(BPF_JLT, 1, 100, -3), EXIT);
	RUN("function", MOV(6, 5), MOV(1, 7), CALL_REL(2), ALUX(BPF_ADD, 0, 6), EXIT,
	    MOV(6, 1), MOVX(0, 1), ALU(BPF_MUL, 0, 6), EXIT);
}

static void helpers(void)
{
	int array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "array", 4, 8, 4, 0);
	int hash = bpf_map_create(BPF_MAP_TYPE_HASH, "hash", 4, 8, 4, 0);
	int one = bpf_map_create(BPF_MAP_TYPE_ARRAY, "one", 4, 16, 1, 0);
	int tail = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "tail", 4, 4, 1, 0);
	unsigned long long value = 40;
	unsigned int key = 2, fd;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	strcpy(page, "user memory");
	bpf_map_update_elem(array, &key, &value, BPF_ANY);
	RUN("array lookup and increment", ST(BPF_W, 10, -4, 2), MAP(1, array), MOVX(2, 10), ALU(BPF_ADD, 2, -4), CALL(1),
	    JMP(BPF_JNE, 0, 0, 2), MOV(0, -1), EXIT, MOV(1, 2), ATOMIC(BPF_DW, BPF_ADD, 0, 1, 0), LDX(BPF_DW, 0, 0, 0), EXIT);
	bpf_map_lookup_elem(array, &key, &value);
	printf("value from outside: %llu\n", value);
	RUN("array lookup outside", ST(BPF_W, 10, -4, 9), MAP(1, array), MOVX(2, 10), ALU(BPF_ADD, 2, -4), CALL(1),
	    JMP(BPF_JNE, 0, 0, 2), MOV(0, -1), EXIT, MOV(0, 1), EXIT);
	RUN("hash update", ST(BPF_W, 10, -4, 5), ST(BPF_DW, 10, -16, 77), MAP(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4),
	    MOVX(3, 10), ALU(BPF_ADD, 3, -16), MOV(4, BPF_NOEXIST), CALL(2), EXIT);
	RUN("hash update again", ST(BPF_W, 10, -4, 5), ST(BPF_DW, 10, -16, 78), MAP(1, hash), MOVX(2, 10),
	    ALU(BPF_ADD, 2, -4), MOVX(3, 10), ALU(BPF_ADD, 3, -16), MOV(4, BPF_NOEXIST), CALL(2), EXIT);
	key = 5;
	if (!bpf_map_lookup_elem(hash, &key, &value))
		printf("value from outside: %llu\n", value);
	RUN("hash delete", ST(BPF_W, 10, -4, 5), MAP(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4), CALL(3), EXIT);
	RUN("hash delete again", ST(BPF_W, 10, -4, 5), MAP(1, hash), MOVX(2, 10), ALU(BPF_ADD, 2, -4), CALL(3), EXIT);
	RUN("direct value", VALUE(1, one), ST(BPF_W, 1, 4, 1234), LDX(BPF_W, 0, 1, 4), EXIT);
	RUN("pid and tgid agree", CALL(BPF_FUNC_get_current_pid_tgid), MOVX(1, 0), ALU(BPF_RSH, 1, 32),
	    ALU32X(BPF_XOR, 0, 1), EXIT);
	RUN("uid and gid", CALL(BPF_FUNC_get_current_uid_gid), EXIT);
	RUN("comm", MOVX(1, 10), ALU(BPF_ADD, 1, -16), MOV(2, 16), CALL(BPF_FUNC_get_current_comm), LDX(BPF_W, 0, 10, -16),
	    EXIT);
	RUN("time goes on", CALL(BPF_FUNC_ktime_get_ns), MOVX(6, 0), CALL(BPF_FUNC_ktime_get_ns), JMPX(BPF_JGE, 0, 6, 2),
	    MOV(0, 0), EXIT, MOV(0, 1), EXIT);
	RUN("probe_read_kernel of a bad address", MOVX(1, 10), ALU(BPF_ADD, 1, -8), ST(BPF_DW, 10, -8, -1), MOV(2, 8),
	    LD64(3, 0, 0xffff800000000000ull), CALL(BPF_FUNC_probe_read_kernel), LDX(BPF_DW, 1, 10, -8),
	    ALUX(BPF_ADD, 0, 1), EXIT);
	RUN("probe_read_user", MOVX(1, 10), ALU(BPF_ADD, 1, -8), MOV(2, 8), LD64(3, 0, (unsigned long)page),
	    CALL(BPF_FUNC_probe_read_user), LDX(BPF_W, 0, 10, -8), EXIT);
	RUN("probe_read_user_str", MOVX(1, 10), ALU(BPF_ADD, 1, -16), MOV(2, 16), LD64(3, 0, (unsigned long)page),
	    CALL(BPF_FUNC_probe_read_user_str), EXIT);
	RUN("probe_read_user of a bad address", MOVX(1, 10), ALU(BPF_ADD, 1, -8), MOV(2, 8), MOV(3, 16),
	    CALL(BPF_FUNC_probe_read_user), EXIT);
	RUN("trace_printk", LD64(1, 0, 0x0a64253d78ull), STX(BPF_DW, 10, 1, -8), MOVX(1, 10), ALU(BPF_ADD, 1, -8), MOV(2, 6),
	    MOV(3, 42), CALL(BPF_FUNC_trace_printk), EXIT);
	RUN("tail call into nothing", MAP(2, tail), MOV(3, 0), CALL(BPF_FUNC_tail_call), MOV(0, 3), EXIT);
	{
		struct bpf_insn target[] = { MOV(0, 99), EXIT };

		key = 0;
		fd = load(target, 2);
		printf("tail target: %d\n", bpf_map_update_elem(tail, &key, &fd, BPF_ANY));
	}
	RUN("tail call", MAP(2, tail), MOV(3, 0), CALL(BPF_FUNC_tail_call), MOV(0, 3), EXIT);
	RUN("tail call outside", MAP(2, tail), MOV(3, 1), CALL(BPF_FUNC_tail_call), MOV(0, 3), EXIT);
	RUN("refused", MOVX(0, 2), EXIT);
}

/* With the argument "interpreter" programs are interpreted, not compiled: the answers are the same. */
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "interpreter")) {
		int fd = open("/proc/sys/net/core/bpf_jit_enable", O_WRONLY);

		if (write(fd, "0", 1) != 1)
			return 1;
		close(fd);
	}
	instructions();
	helpers();
	return 0;
}
