// SPDX-License-Identifier: MIT
/*
 * Puts a uprobe on instructions of every kind in turn, and on returns, and checks that the program's results stay what
 * they are without. Prints a line for each; exit code 0 if all is well.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../lib/bpf.h"

/* FUNCTION(name, code before, the probed instruction, code after): takes a number and gives one. */
#define FUNCTION(name, before, probed, after)						\
	long f_##name(long x);								\
	extern char at_##name[];							\
	__asm__(".text\n f_" #name ":\n" before "\n at_" #name ":\n" probed "\n" after "\n ret\n")

static long cell __attribute__((used)) = 1234;
static __attribute__((used)) long helper(long x) { return 3 * x + 1; }
static long (*volatile pointer)(long) __attribute__((used)) = helper;
__asm__(".set cell_address, cell\n .set helper_address, helper\n .set pointer_address, pointer\n");

FUNCTION(nop, "mov %rdi, %rax", "nop", "");
FUNCTION(lea, "", "lea 3(%rdi), %rax", "");
FUNCTION(load, "", "mov cell_address(%rip), %rax", "add %rdi, %rax");
FUNCTION(load_rsi, "", "mov cell_address(%rip), %rsi", "lea (%rsi,%rdi), %rax");
FUNCTION(load_r13, "push %r13", "mov cell_address(%rip), %r13", "lea (%r13,%rdi), %rax\n pop %r13");
FUNCTION(store, "mov %rdi, %rax", "addq $5, cell_address(%rip)", "add cell_address(%rip), %rax\n subq $5, cell_address(%rip)");
FUNCTION(sse, "", "movq cell_address(%rip), %xmm9", "movq %xmm9, %rax");
FUNCTION(lea_rip, "", "lea cell_address(%rip), %rax", "mov (%rax), %rax");
FUNCTION(call, "sub $8, %rsp", "call helper_address", "add $8, %rsp");
FUNCTION(call_register, "sub $8, %rsp\n mov $helper_address, %eax", "call *%rax", "add $8, %rsp");
FUNCTION(call_memory, "sub $8, %rsp", "call *pointer_address(%rip)", "add $8, %rsp");
FUNCTION(jump, "mov %rdi, %rax", "jmp 1f", "xor %eax, %eax\n 1:");
FUNCTION(jump_memory, "lea 1f(%rip), %rax\n push %rax\n mov %rsp, %rax", "jmp *(%rax)", "ud2\n 1: pop %rax\n mov %rdi, %rax");
FUNCTION(taken, "mov %rdi, %rax\n test %rdi, %rdi", "jne 1f", "xor %eax, %eax\n 1:");
FUNCTION(not_taken, "mov %rdi, %rax\n test %rdi, %rdi", "je 1f", "add $100, %rax\n 1:");
FUNCTION(far_taken, "mov %rdi, %rax\n test %rdi, %rdi", ".byte 0x0f, 0x85, 3, 0, 0, 0", "xor %rax, %rax");
FUNCTION(push, "", "push %rdi", "pop %rax");
FUNCTION(push_r12, "mov %r12, %r8\n mov %rdi, %r12", "push %r12", "pop %rax\n mov %r8, %r12");
FUNCTION(pop, "push %rdi", "pop %rax", "");
FUNCTION(ret, "mov %rdi, %rax", "ret", "ud2");
FUNCTION(pushf, "xor %eax, %eax\n cmp %rdi, %rdi", "pushf", "pop %rax\n and $0x8d5, %eax");
FUNCTION(popf, "mov $1, %eax\n push $0x202", "popf", "adc %rdi, %rax");
FUNCTION(xchg, "mov %rdi, %r8\n xor %eax, %eax", "xchg %r8, %rax", "");
FUNCTION(loop, "mov $4, %ecx\n mov %rdi, %rax\n 2: inc %rax", "loop 2b", "");
FUNCTION(string, "mov %rdi, %rax\n push %rax\n push $0\n mov %rsp, %rdi\n lea 8(%rsp), %rsi\n mov $8, %ecx",
	 "rep movsb", "pop %rax\n pop %rcx");
FUNCTION(cmov, "mov %rdi, %rax\n xor %ecx, %ecx\n test %rcx, %rcx", "cmovne %rcx, %rax", "");
FUNCTION(leave, "push %rbp\n mov %rsp, %rbp\n mov %rdi, %rax\n sub $64, %rsp", "leave", "");
FUNCTION(prefixed, "", ".byte 0x66\n nop", "mov %rdi, %rax");

static const struct { const char *name; long (*fn)(long); const char *at; int hits; } functions[] = {
#define ENTRY(name, hits) { #name, f_##name, at_##name, hits }
	ENTRY(nop, 1), ENTRY(lea, 1), ENTRY(load, 1), ENTRY(load_rsi, 1), ENTRY(load_r13, 1), ENTRY(store, 1), ENTRY(sse, 1),
	ENTRY(lea_rip, 1), ENTRY(call, 1), ENTRY(call_register, 1), ENTRY(call_memory, 1), ENTRY(jump, 1),
	ENTRY(jump_memory, 1), ENTRY(taken, 1), ENTRY(not_taken, 1), ENTRY(far_taken, 1), ENTRY(push, 1), ENTRY(push_r12, 1),
	ENTRY(pop, 1), ENTRY(ret, 1), ENTRY(pushf, 1), ENTRY(popf, 1), ENTRY(xchg, 1), ENTRY(loop, 4), ENTRY(string, 8),
	ENTRY(cmov, 1), ENTRY(leave, 1), ENTRY(prefixed, 1),
};

static int uprobe_type, failures;

/* Where the code at @at is in the file, by /proc/self/maps. */
static unsigned long file_offset(const void *at)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char *line = NULL;
	size_t room = 0;
	unsigned long offset = 0;

	while (f && getline(&line, &room, f) > 0) {
		char *rest;
		unsigned long start = strtoul(line, &rest, 16), end = strtoul(rest + 1, &rest, 16);

		if ((unsigned long)at >= start && (unsigned long)at < end)
			offset = (unsigned long)at - start + strtoul(rest + 6, NULL, 16);
	}
	if (f)
		fclose(f);
	free(line);
	return offset;
}

static int open_uprobe(const void *at, int is_return, pid_t pid)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = uprobe_type, .config = is_return,
					.config1 = (unsigned long)"/proc/self/exe", .config2 = file_offset(at) };

	return sys_perf_event_open(&attr, pid, pid == -1 ? 0 : -1, -1, 0);
}

static long count(int fd)
{
	unsigned long long value = 0;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		return -1;
	return value;
}

static void report(const char *what, int good, long got, long hits)
{
	printf("%s: %s, %ld hits\n", what, good ? "the same" : "DIFFERENT", hits);
	if (!good)
		printf("  got %ld\n", got);
	failures += !good;
}

static __attribute__((noinline)) long factorial(long n)
{
	long (*volatile self)(long) = factorial;	/* no loop of the compiler's making */

	return n < 2 ? 1 : n * self(n - 1);
}

static volatile unsigned long fault_ip;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	unsigned long *gregs = (unsigned long *)context + 5;	/* uc_flags, uc_link, uc_stack come first */

	fault_ip = gregs[16];
	gregs[16] += 2;			/* over the instruction */
}

FUNCTION(fault, "mov %rdi, %rax\n xor %ecx, %ecx", "mov (%rcx), %edx", "");

int main(void)
{
	struct sigaction action = { .sa_handler = (void (*)(int))(void *)on_fault, .sa_flags = SA_SIGINFO };
	char text[16] = "";
	int fd, ret_fd, all, status;
	long result;

	fd = open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		uprobe_type = atoi(text);
	close(fd);
	for (unsigned int i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		long expected = functions[i].fn(7), hits;

		fd = open_uprobe(functions[i].at, 0, 0);
		if (fd < 0) {
			printf("%s: %s\n", functions[i].name, strerror(errno));
			failures++;
			continue;
		}
		result = functions[i].fn(7);
		hits = count(fd);
		close(fd);
		report(functions[i].name, result == expected && hits == functions[i].hits && functions[i].fn(7) == expected,
		       result, hits);
	}

	/* Returns, nested, with a probe on the entry as well. */
	fd = open_uprobe(factorial, 0, 0);
	ret_fd = open_uprobe(factorial, 1, 0);
	result = factorial(10);
	report("recursion", result == 3628800 && count(fd) == 10 && count(ret_fd) == 10, result, count(ret_fd));
	close(fd);
	close(ret_fd);

	/* A child's hits are its own; an event for all tasks sees both. */
	fd = open_uprobe(helper, 0, 0);
	all = open_uprobe(helper, 1, -1);
	if (fork() == 0)
		_exit(pointer(2) == 7 ? 0 : 1);
	wait(&status);
	result = pointer(3);
	report("fork", result == 10 && status == 0 && count(fd) == 1 && count(all) == 2, result, count(all));
	close(fd);
	close(all);

	/* A stepped instruction that faults: the signal sees the instruction's own address. */
	sigaction(SIGSEGV, &action, NULL);
	fd = open_uprobe(at_fault, 0, 0);
	result = f_fault(5);
	report("fault", result == 5 && fault_ip == (unsigned long)at_fault, fault_ip, count(fd));
	close(fd);
	return failures != 0;
}
