// SPDX-License-Identifier: MIT
/*
 * count-calls [-f ERRNO] PATTERN... -- COMMAND ARGUMENT...
 *
 * Attaches one program to all functions whose names fit a pattern (a * stands for anything), by a single kprobe.multi link, runs
 * the command, and prints how often each function was called, in the order of their addresses. With -f the program also
 * has every such call fail with that error: the kernel refuses unless all of the functions may be made to fail.
 */
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FUNCTIONS	4096

static char names[1 << 18];
static const char *chosen[MAX_FUNCTIONS];
static unsigned int count;
static char log_text[65536];

static int fits(const char *pattern, const char *name)
{
	if (*pattern == '*')
		return fits(pattern + 1, name) || (*name && fits(pattern, name + 1));
	return *pattern == *name && (!*name || fits(pattern + 1, name + 1));
}

/* The functions that can be attached to and fit one of the patterns. */
static void choose(char **patterns, int number)
{
	int fd = open("/sys/kernel/tracing/available_filter_functions", O_RDONLY), i;
	char *name = names, *end;
	long n = 0, got;

	if (fd < 0) {
		printf("available_filter_functions: %s\n", strerror(errno));
		exit(1);
	}
	while ((got = read(fd, names + n, sizeof(names) - 1 - n)) > 0)
		n += got;
	close(fd);
	for (; (end = strchr(name, '\n')); name = end + 1) {
		*end = '\0';
		for (i = 0; i < number && !fits(patterns[i], name); i++)
			;
		if (i < number && count < MAX_FUNCTIONS)
			chosen[count++] = name;
	}
}

static int load(int map, int failure)
{
	struct bpf_insn program[32] = {
		MOV_REG(6, 1), CALL(get_func_ip), STORE64(10, -8, 0),
		MAP(1, map), MOV_REG(2, 10), ADD(2, -8), CALL(map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3, 0),
		MOV(1, 1), INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		INSN(BPF_JMP | BPF_JA, 0, 0, 10, 0),
		MOV(1, 1), STORE64(10, -16, 1),
		MAP(1, map), MOV_REG(2, 10), ADD(2, -8), MOV_REG(3, 10), ADD(3, -16), MOV(4, 0), CALL(map_update_elem),
	};
	union bpf_attr attr;
	int length = 22, fd;

	if (failure) {
		program[length++] = MOV_REG(1, 6);
		program[length++] = MOV(2, -failure);
		program[length++] = CALL(override_return);
	}
	program[length++] = MOV(0, 0);
	program[length++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_KPROBE;
	attr.expected_attach_type = BPF_TRACE_KPROBE_MULTI;
	attr.insns = (unsigned long)program;
	attr.insn_cnt = length;
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	memcpy(attr.prog_name, "count_calls", 12);
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		printf("load: %s\n%s", strerror(errno), log_text);
	return fd;
}

static int attach(int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.attach_type = BPF_TRACE_KPROBE_MULTI;
	attr.link_create.kprobe_multi.syms = (unsigned long)chosen;
	attr.link_create.kprobe_multi.cnt = count;
	return sys_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

static void run(char **command)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		execve(command[0], command, NULL);
		printf("%s: %s\n", command[0], strerror(errno));
		exit(127);
	}
	waitpid(child, &status, 0);
	printf("count-calls: the command ended with %d\n", WEXITSTATUS(status));
}

static unsigned long address_of(const char *wanted)
{
	static char symbols[1 << 19];
	static long length;
	char line[256], *at;

	if (!length) {
		int fd = open("/proc/kallsyms", O_RDONLY);
		long got;

		while ((got = read(fd, symbols + length, sizeof(symbols) - 1 - length)) > 0)
			length += got;
		close(fd);
	}
	/* A line is 16 digits, a blank, a letter, a blank, the name. */
	snprintf(line, sizeof(line), " %s\n", wanted);
	at = strstr(symbols, line);
	return at ? strtoul(at - 18, NULL, 16) : 0;
}

static void print_counts(int map)
{
	unsigned long address, calls;
	unsigned int i, called = 0;

	for (i = 0; i < count; i++) {
		address = address_of(chosen[i]);
		if (bpf_map_lookup_elem(map, &address, &calls))
			continue;
		called++;
		printf("%8lu %s\n", calls, chosen[i]);
	}
	printf("count-calls: %u of %u functions were called\n", called, count);
}

int main(int argc, char **argv)
{
	int first = 1, end, failure = 0, map, program, link;

	if (argc > 2 && !strcmp(argv[1], "-f")) {
		failure = atoi(argv[2]);
		first = 3;
	}
	for (end = first; end < argc && strcmp(argv[end], "--"); end++)
		;
	if (end == first || end + 1 >= argc) {
		printf("usage: count-calls [-f ERRNO] PATTERN... -- COMMAND ARGUMENT...\n");
		return 2;
	}
	choose(argv + first, end - first);
	printf("count-calls: %u functions\n", count);
	if (!count)
		return 1;
	map = bpf_map_create(BPF_MAP_TYPE_HASH, "calls", 8, 8, MAX_FUNCTIONS, 0);
	program = load(map, failure);
	if (map < 0 || program < 0)
		return 1;
	link = attach(program);
	if (link < 0) {
		printf("count-calls: refused: %s\n", strerror(errno));
		return 1;
	}
	run(argv + end + 1);
	close(link);
	print_counts(map);
	return 0;
}
