// SPDX-License-Identifier: MIT
/* Timers in values of maps: what Linux 6.1 printed is test/bpf/timers.txt. */
#include "../lib/bpf.h"
#include <linux/btf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INFO(kind, vlen)	((kind) << 24 | (vlen))
#define STRINGS			"\0int\0long\0bpf_timer\0with\0number\0timer\0main\0called"

static const struct {
	struct btf_header header;
	unsigned int types[29];
	char strings[sizeof(STRINGS)];
} types = {
	{ BTF_MAGIC, BTF_VERSION, 0, sizeof(struct btf_header), 0, sizeof(types.types), sizeof(types.types), sizeof(types.strings) },
	{
		1, INFO(BTF_KIND_INT, 0), 4, BTF_INT_SIGNED << 24 | 32,		/* 1: int */
		5, INFO(BTF_KIND_INT, 0), 8, BTF_INT_SIGNED << 24 | 64,		/* 2: long */
		10, INFO(BTF_KIND_STRUCT, 0), 16,				/* 3: struct bpf_timer */
		20, INFO(BTF_KIND_STRUCT, 2), 24, 25, 2, 0, 32, 3, 64,		/* 4: struct with */
		0, INFO(BTF_KIND_FUNC_PROTO, 0), 1,				/* 5: int (void) */
		38, INFO(BTF_KIND_FUNC, BTF_FUNC_GLOBAL), 5,			/* 6: main */
		43, INFO(BTF_KIND_FUNC, BTF_FUNC_STATIC), 5,			/* 7: called */
	},
	STRINGS,
};

static int btf, map;

#define INSN(code, dst, src, off, imm)	{ code, dst, src, off, imm }
#define MOVE(dst, src)			INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, imm)			INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define ADD(dst, imm)			INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define CALL(helper)			INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT				INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define MAP(dst)			INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, map), INSN(0, 0, 0, 0, 0)
#define COUNT(insns)			(sizeof(insns) / sizeof(*(insns)))

static int load(unsigned int type, const struct bpf_insn *insns, unsigned int count, unsigned int callback)
{
	struct bpf_func_info functions[] = { { 0, 6 }, { callback, 7 } };
	static char log[1 << 16];
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)"GPL";
	attr.log_level = 1;
	attr.log_buf = (unsigned long)log;
	attr.log_size = sizeof(log);
	attr.prog_btf_fd = btf;
	attr.func_info = (unsigned long)functions;
	attr.func_info_cnt = callback ? 2 : 1;
	attr.func_info_rec_size = sizeof(*functions);
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0) {
		char *end = strstr(log, "\nprocessed"), *line = end;

		while (line && line > log && line[-1] != '\n')
			line--;
		printf("%.*s: %s\n", line ? (int)(end - line) : 0, line, strerror(errno));
	}
	return fd;
}

static void run(const char *what, int fd)
{
	unsigned char packet[64] = { 0 };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.data_in = (unsigned long)packet;
	attr.test.data_size_in = sizeof(packet);
	if (sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)))
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %d\n", what, (int)attr.test.retval);
}

/* The element 1, its timer in r1; ends with 99 if it is not there. */
#define TIMER_OF_ONE									\
	INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 1), MOVE(2, 10), ADD(2, -4), MAP(1),	\
	CALL(BPF_FUNC_map_lookup_elem), INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0), SET(0, 99), EXIT, MOVE(1, 0), ADD(1, 8)
#define SLOTS_OF_TIMER	11

static int program_init(int flags)
{
	struct bpf_insn insns[] = { TIMER_OF_ONE, MAP(2), SET(3, flags), CALL(BPF_FUNC_timer_init), EXIT };

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, COUNT(insns), 0);
}

static int program_start(int nanoseconds, int flags)
{
	struct bpf_insn insns[] = { TIMER_OF_ONE, SET(2, nanoseconds), SET(3, flags), CALL(BPF_FUNC_timer_start), EXIT };

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, COUNT(insns), 0);
}

static int program_cancel(void)
{
	struct bpf_insn insns[] = { TIMER_OF_ONE, CALL(BPF_FUNC_timer_cancel), EXIT };

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, COUNT(insns), 0);
}

#define CALLED		(SLOTS_OF_TIMER + 4)
#define SET_CALLBACK	TIMER_OF_ONE, INSN(BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, CALLED - SLOTS_OF_TIMER - 1),	\
			INSN(0, 0, 0, 0, 0), CALL(BPF_FUNC_timer_set_callback), EXIT

/* Adds 1 and 16 times the key. */
static int program_count(void)
{
	struct bpf_insn insns[] = {
		SET_CALLBACK, INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 2, 0, 0), INSN(BPF_ALU64 | BPF_MUL | BPF_K, 2, 0, 0, 16), ADD(2, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 3, 2, 0, BPF_ADD), SET(0, 0), EXIT,
	};

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, COUNT(insns), CALLED);
}

/* Sets the timer again, up to three times. */
static int program_again(void)
{
	struct bpf_insn insns[] = {
		SET_CALLBACK, SET(2, 1), INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 3, 2, 0, BPF_ADD | BPF_FETCH),
		INSN(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 5, 1), MOVE(1, 3), ADD(1, 8), SET(2, 100000), SET(3, 0),
		CALL(BPF_FUNC_timer_start), SET(0, 0), EXIT,
	};

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, COUNT(insns), CALLED);
}

/* Ends itself, and tells what came of it. */
static int program_itself(void)
{
	struct bpf_insn insns[] = {
		SET_CALLBACK, MOVE(6, 3), MOVE(1, 3), ADD(1, 8), CALL(BPF_FUNC_timer_cancel),
		INSN(BPF_STX | BPF_MEM | BPF_DW, 6, 0, 0, 0), SET(0, 0), EXIT,
	};

	return load(BPF_PROG_TYPE_SCHED_CLS, insns, COUNT(insns), CALLED);
}

static void show(const char *what)
{
	long value[3] = { -1, -1, -1 };
	int key = 1;

	if (bpf_map_lookup_elem(map, &key, value))
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %ld %ld %ld\n", what, value[0], value[1], value[2]);
}

static void wait_for_timer(void)
{
	nanosleep(&(struct timespec){ 0, 60000000 }, NULL);
}

static void set_element(const char *what)
{
	long value[3] = { 0, 77, 88 };
	int key = 1;

	printf("%s: %s\n", what, bpf_map_update_elem(map, &key, value, BPF_ANY) ? strerror(errno) : "ok");
}

static void kind(enum bpf_map_type type)
{
	int init, start, count, cancel, again, itself, later, key = 1;
	union bpf_attr attr;

	printf("== kind %u\n", type);
	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = 24;
	attr.max_entries = 3;
	attr.btf_fd = btf;
	attr.btf_key_type_id = 1;
	attr.btf_value_type_id = 4;
	map = sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
	printf("create: %s\n", map < 0 ? strerror(errno) : "ok");
	if (map < 0)
		return;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	printf("freeze: %s\n", sys_bpf(BPF_MAP_FREEZE, &attr, sizeof(attr)) ? strerror(errno) : "ok");
	init = program_init(CLOCK_MONOTONIC);
	start = program_start(1000000, 0);
	count = program_count();
	cancel = program_cancel();
	again = program_again();
	itself = program_itself();
	later = program_start(2000000000, 0);
	run("no element, or no timer", init);
	set_element("set");
	show("element");
	run("start", start);
	run("callback", count);
	run("cancel", cancel);
	run("another clock", program_init(CLOCK_THREAD_CPUTIME_ID));
	run("no clock", program_init(99));
	run("init", init);
	run("init again", init);
	run("start", start);
	run("callback", count);
	run("start with flags", program_start(1000, 1));
	run("start", start);
	wait_for_timer();
	show("expired");
	run("cancel", cancel);
	run("start", start);
	run("callback", count);
	run("start for later", later);
	run("start for sooner", start);
	wait_for_timer();
	show("expired");
	run("start for later", later);
	run("cancel", cancel);
	run("cancel", cancel);
	run("callback that starts again", again);
	set_element("set");
	run("init", init);
	run("callback that starts again", again);
	run("start", start);
	wait_for_timer();
	show("expired");
	run("callback that cancels", itself);
	run("start", start);
	wait_for_timer();
	show("expired");
	run("callback", count);
	run("start for later", later);
	printf("delete: %s\n", bpf_map_delete_elem(map, &key) ? strerror(errno) : "ok");
	set_element("set");
	run("start", start);
	run("init", init);
	run("callback", count);
	close(count);
	run("start", start);
	wait_for_timer();
	show("the program's descriptor is closed");
	run("start for later", later);
	close(map);
	/* Only programs hold the map now. */
	run("start", start);
	run("init", init);
	close(init), close(start), close(cancel), close(again), close(itself), close(later);
}

int main(void)
{
	static const enum bpf_map_type kinds[] = {
		BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY,
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (unsigned long)&types;
	attr.btf_size = offsetof(typeof(types), strings) + sizeof(types.strings);
	btf = sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
	printf("== types: %s\n", btf < 0 ? strerror(errno) : "ok");
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		kind(kinds[i]);
	return 0;
}
