// SPDX-License-Identifier: MIT
/*
 * BPF programs on trace events, raw tracepoints, uprobes and clocks: what may be attached where, what programs read, and
 * their output in a mapped buffer. Prints one line for each question; the lines are the same on Linux 6.1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../lib/bpf.h"

#define TRACING "/sys/kernel/tracing/"

/* Instructions: 64-bit moves and adds, loads, stores, calls. */
#define INSN(c, d, s, o, i)	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(dst, imm)		INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define MOV_REG(dst, src)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, imm)		INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define LOAD(dst, src, off)	INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE(dst, src, off)	INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE_IMM(off, imm)	INSN(BPF_ST | BPF_MEM | BPF_DW, 10, 0, off, imm)
#define MAP(dst, fd)		INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define CALL(helper)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##helper)
#define SKIP_IF_ZERO(reg, n)	INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, n, 0)
#define EXIT			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* map[key] = r7 */
#define KEEP(fd, key)		STORE_IMM(-8, key), MOV_REG(2, 10), ADD(2, -8), MAP(1, fd), CALL(map_lookup_elem), SKIP_IF_ZERO(0, 1), \
				STORE(0, 7, 0)

static int load_program(int type, const struct bpf_insn *insns, unsigned int count)
{
	union bpf_attr attr = { .prog_type = type, .insns = (unsigned long)insns, .insn_cnt = count,
				.license = (unsigned long)"GPL" };

	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define LOAD_PROGRAM(type, ...)	load_program(type, (struct bpf_insn[]){ __VA_ARGS__ },	\
					     sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn))

static int show(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok");
	return result;
}

static int number_in(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return atoi(text);
}

static int open_event(unsigned int type, unsigned long config, const void *path, unsigned long offset)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = type, .config = config,
					.config1 = (unsigned long)path, .config2 = offset };

	return sys_perf_event_open(&attr, 0, -1, -1, 0);
}

static int attach(int event, int program)
{
	return ioctl(event, PERF_EVENT_IOC_SET_BPF, program);
}

static int raw_tracepoint(int program, const char *name)
{
	union bpf_attr attr = { .raw_tracepoint = { .name = (unsigned long)name, .prog_fd = program } };

	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

static long value_of(int map, unsigned int key)
{
	unsigned long long value = 0;

	bpf_map_lookup_elem(map, &key, &value);
	return value;
}

/* How far programs may read: to the end of the record, or of the arguments. */
static void contexts(int sys_enter)
{
	int openat = number_in(TRACING "events/syscalls/sys_enter_openat/id");
	int exec = number_in(TRACING "events/sched/sched_process_exec/id");

	for (int offset = 8; offset <= 64; offset += 8) {
		int program = LOAD_PROGRAM(BPF_PROG_TYPE_TRACEPOINT, LOAD(0, 1, offset), EXIT);
		int raw = LOAD_PROGRAM(BPF_PROG_TYPE_RAW_TRACEPOINT, LOAD(0, 1, offset - 8), EXIT);

		printf("context + %d\n", offset);
		show(" sys_enter", attach(open_event(PERF_TYPE_TRACEPOINT, sys_enter, NULL, 0), program));
		show(" sys_enter_openat", attach(open_event(PERF_TYPE_TRACEPOINT, openat, NULL, 0), program));
		show(" sched_process_exec", attach(open_event(PERF_TYPE_TRACEPOINT, exec, NULL, 0), program));
		show(" 8 less, raw sched_switch", raw_tracepoint(raw, "sched_switch"));
		close(program);
		close(raw);
	}
}

static void many(int sys_enter)
{
	int program = 0, n;

	for (n = 0; n < 70 && program >= 0; n++) {
		program = LOAD_PROGRAM(BPF_PROG_TYPE_TRACEPOINT, MOV(0, 1), EXIT);
		if (attach(open_event(PERF_TYPE_TRACEPOINT, sys_enter, NULL, 0), program) < 0)
			break;
		close(program);
	}
	printf("programs on an event: %d, then %s\n", n, strerror(errno));
	for (int fd = 3; fd < 200; fd++)
		close(fd);
}

static __attribute__((noinline)) long probed(long x)
{
	__asm__ __volatile__("");
	return 3 * x;
}

static unsigned long offset_in_file(const void *at)
{
	extern char __executable_start[];

	return (const char *)at - __executable_start;
}

static void output(void)
{
	int results = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 4, 0);
	int events = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, NULL, 4, 4, 2, 0);
	int program = LOAD_PROGRAM(BPF_PROG_TYPE_KPROBE, STORE_IMM(-16, 0x11223344), MAP(2, events), MOV(3, 0), MOV_REG(4, 10),
				   ADD(4, -16), MOV(5, 8), CALL(perf_event_output), MOV_REG(7, 0), KEEP(results, 1), MOV(0, 0), EXIT);
	int uprobe = open_event(number_in("/sys/bus/event_source/devices/uprobe/type"), 0, "/proc/self/exe",
				offset_in_file(probed));
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
					.sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_IP, .sample_period = 1, .wakeup_events = 1 };
	struct perf_event_mmap_page *page;
	unsigned long long *words;
	unsigned int key = 0;
	int buffer;

	show("program with output", program);
	show("on a uprobe", attach(uprobe, program));
	probed(1);
	printf("without an event: %ld\n", value_of(results, 1));
	buffer = sys_perf_event_open(&attr, -1, 0, -1, 0);
	show("event into the map", bpf_map_update_elem(events, &key, &buffer, BPF_ANY));
	probed(1);
	printf("without a buffer: %ld\n", value_of(results, 1));
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
	words = (unsigned long long *)((char *)page + 4096);
	printf("result %ld\n", probed(2));
	printf("with a buffer: %ld, %llu bytes, at the probe: %s, raw %llx %llx\n", value_of(results, 1), page->data_head,
	       words[1] == (unsigned long)probed ? "yes" : "no", words[2], words[3]);
	ioctl(buffer, PERF_EVENT_IOC_DISABLE, 0);
	probed(1);
	printf("disabled: %ld\n", value_of(results, 1));
	close(uprobe);
	close(buffer);
}

static void clock_samples(void)
{
	int results = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 4, 0);
	int program = LOAD_PROGRAM(BPF_PROG_TYPE_PERF_EVENT, LOAD(7, 1, 168), KEEP(results, 2), MOV(0, 0), EXIT);
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
					.sample_period = 1000000, .sample_type = PERF_SAMPLE_IP, .disabled = 1 };
	int event = sys_perf_event_open(&attr, 0, -1, -1, 0);
	struct perf_event_mmap_page *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);

	show("program on a clock", attach(event, program));
	show("another", attach(event, program));
	ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
	for (volatile int i = 0; i < 10000000; i++)
		;
	printf("period %ld, samples %llu\n", value_of(results, 2), page->data_head);
}

int main(void)
{
	int sys_enter = number_in(TRACING "events/raw_syscalls/sys_enter/id");

	contexts(sys_enter);
	many(sys_enter);
	output();
	clock_samples();
	show("no such tracepoint", raw_tracepoint(LOAD_PROGRAM(BPF_PROG_TYPE_RAW_TRACEPOINT, MOV(0, 0), EXIT), "nosuch"));
	return 0;
}
