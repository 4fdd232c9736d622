// SPDX-License-Identifier: MIT
/*
 * The BPF programs, made instruction by instruction: one for each function, which decides about each of its calls, and one
 * that begins the counting when the command has been executed. What a program does:
 *
 *	is it the task?  count the call.  are the arguments right?  are the callers on the stack?  count the match.
 *	is it the nth (or: a stack not seen before)?  keep number, task, arguments and stack.  override.
 */
#define __FRAME_OFFSETS		/* RDI, RSI ...: offsets in struct pt_regs */
#include <asm/ptrace-abi.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "../lib/bpf.h"
#include "inject.h"

#define MAX_INSNS	8192
#define MAX_JUMPS	1024
#define LOG_SIZE	65536

/* Registers of the programs. */
#define CONTEXT		BPF_REG_6
#define STATE		BPF_REG_7
#define FOUND		BPF_REG_8	/* how many of the callers; then the hash of the stack */
#define EVENT		BPF_REG_9

/* The program's stack: addresses, and behind them small things. */
#define FRAMES		(-8 * STACK_DEPTH)
#define KEY		(FRAMES - 8)
#define NAME		(FRAMES - 24)
#define HASH		(FRAMES - 32)

struct code {
	struct bpf_insn insns[MAX_INSNS];
	int count;
	int exits[MAX_JUMPS], exit_count;	/* jumps to the end */
};

static struct code code;

static int emit(int opcode, int dst, int src, int offset, int immediate)
{
	if (code.count == MAX_INSNS) {
		complain("too many callers for one program");
		exit(EXIT_USAGE);
	}
	code.insns[code.count] = (struct bpf_insn){ opcode, dst, src, offset, immediate };
	return code.count++;
}

#define MOV(dst, value)		emit(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define MOV_REG(dst, src)	emit(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ALU(op, dst, value)	emit(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, value)
#define ALU_REG(op, dst, src)	emit(BPF_ALU64 | (op) | BPF_X, dst, src, 0, 0)
#define LOAD(dst, src, offset)	emit(BPF_LDX | BPF_MEM | BPF_DW, dst, src, offset, 0)
#define STORE(dst, offset, src)	emit(BPF_STX | BPF_MEM | BPF_DW, dst, src, offset, 0)
#define STORE_VALUE(dst, offset, value) emit(BPF_ST | BPF_MEM | BPF_DW, dst, 0, offset, value)
#define CALL(helper)		emit(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define JUMP_IF(op, dst, value)	emit(BPF_JMP | (op) | BPF_K, dst, 0, 0, value)
#define JUMP_IF_REG(op, dst, src) emit(BPF_JMP | (op) | BPF_X, dst, src, 0, 0)
#define JUMP()			emit(BPF_JMP | BPF_JA, 0, 0, 0, 0)

static void load_constant(int dst, int kind, unsigned long value)
{
	emit(BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, (int)value);
	emit(0, 0, 0, 0, (int)(value >> 32));
}

/* The jump goes to the next instruction. */
static void land(int jump)
{
	code.insns[jump].off = code.count - jump - 1;
}

static void or_exit(int jump)
{
	code.exits[code.exit_count++] = jump;
}

/* r0 = the element of a map; its key is at KEY. */
static void look_up(int map)
{
	MOV_REG(BPF_REG_2, BPF_REG_10);
	ALU(BPF_ADD, BPF_REG_2, KEY);
	load_constant(BPF_REG_1, BPF_PSEUDO_MAP_FD, map);
	CALL(BPF_FUNC_map_lookup_elem);
}

static void begin(int state_map)
{
	code.count = code.exit_count = 0;
	MOV_REG(CONTEXT, BPF_REG_1);
	STORE_VALUE(BPF_REG_10, KEY, 0);
	look_up(state_map);
	or_exit(JUMP_IF(BPF_JEQ, BPF_REG_0, 0));
	MOV_REG(STATE, BPF_REG_0);
}

static void increment(int base, size_t field, int scratch)
{
	LOAD(scratch, base, field);
	ALU(BPF_ADD, scratch, 1);
	STORE(base, field, scratch);
}

static void test_task(const struct options *options)
{
	unsigned long words[2];

	if (options->task == TASK_COMM) {
		memcpy(words, options->comm, sizeof(words));
		STORE_VALUE(BPF_REG_10, NAME, 0);
		STORE_VALUE(BPF_REG_10, NAME + 8, 0);
		MOV_REG(BPF_REG_1, BPF_REG_10);
		ALU(BPF_ADD, BPF_REG_1, NAME);
		MOV(BPF_REG_2, COMM_LEN);
		CALL(BPF_FUNC_get_current_comm);
		for (int i = 0; i < 2; i++) {
			LOAD(BPF_REG_1, BPF_REG_10, NAME + 8 * i);
			load_constant(BPF_REG_2, 0, words[i]);
			or_exit(JUMP_IF_REG(BPF_JNE, BPF_REG_1, BPF_REG_2));
		}
	} else if (options->task != TASK_ANY) {
		CALL(BPF_FUNC_get_current_pid_tgid);
		if (options->task == TASK_PID) {
			/* Thread or process, whichever has the number. */
			MOV_REG(BPF_REG_1, BPF_REG_0);
			emit(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_1, 0, 0);
			int hit = JUMP_IF(BPF_JEQ, BPF_REG_1, options->pid);

			ALU(BPF_RSH, BPF_REG_0, 32);
			or_exit(JUMP_IF(BPF_JNE, BPF_REG_0, options->pid));
			land(hit);
		} else {
			ALU(BPF_RSH, BPF_REG_0, 32);
			LOAD(BPF_REG_1, STATE, offsetof(struct state, pid));
			or_exit(JUMP_IF_REG(BPF_JNE, BPF_REG_0, BPF_REG_1));
		}
	}
	increment(STATE, offsetof(struct state, calls), BPF_REG_1);
}

/* Offsets in struct pt_regs of the registers that carry arguments. */
static const int argument_offsets[] = { RDI, RSI, RDX, RCX, R8, R9 };

static void test_conditions(const struct options *options)
{
	for (int i = 0; i < options->condition_count; i++) {
		const struct condition *condition = &options->conditions[i];
		const char *operator = condition->operator;
		int jump = operator[0] == '=' ? BPF_JEQ : operator[0] == '!' ? BPF_JNE : operator[0] == '&' ? BPF_JSET :
			   operator[0] == '<' ? (operator[1] ? BPF_JLE : BPF_JLT) : operator[1] ? BPF_JGE : BPF_JGT;
		int hit;

		LOAD(BPF_REG_1, CONTEXT, argument_offsets[condition->argument - 1]);
		load_constant(BPF_REG_2, 0, condition->value);
		hit = JUMP_IF_REG(jump, BPF_REG_1, BPF_REG_2);
		or_exit(JUMP());
		land(hit);
	}
}

/* Jumps taken if r1 is in the function: r4 and r5 are lost. */
static int jumps_if_inside(const struct function *function, int *jumps)
{
	for (int i = 0; i < function->range_count; i++) {
		int below;

		load_constant(BPF_REG_4, 0, function->ranges[i].start);
		below = JUMP_IF_REG(BPF_JLT, BPF_REG_1, BPF_REG_4);
		load_constant(BPF_REG_5, 0, function->ranges[i].end);
		jumps[i] = JUMP_IF_REG(BPF_JLT, BPF_REG_1, BPF_REG_5);
		land(below);
	}
	return function->range_count;
}

/* Goes through the addresses once, looking for the callers in order, and for those that must not be there. */
static void test_callers(const struct options *options)
{
	int hits[MAX_RANGES];

	MOV(FOUND, 0);
	for (int frame = 1; frame < STACK_DEPTH; frame++) {
		int next[MAX_CALLERS], next_count = 0;

		LOAD(BPF_REG_1, BPF_REG_10, FRAMES + 8 * frame);
		for (int i = 0; i < options->not_caller_count; i++) {
			int n = jumps_if_inside(&options->not_callers[i], hits);
			int over = JUMP();

			while (n--)
				land(hits[n]);
			or_exit(JUMP());
			land(over);
		}
		for (int i = 0; i < options->caller_count; i++) {
			int other = JUMP_IF(BPF_JNE, FOUND, i);
			int n = jumps_if_inside(&options->callers[i], hits);
			int over = JUMP();

			while (n--)
				land(hits[n]);
			MOV(FOUND, i + 1);
			next[next_count++] = JUMP();
			land(over);
			land(other);
		}
		while (next_count--)
			land(next[next_count]);
	}
	or_exit(JUMP_IF(BPF_JNE, FOUND, options->caller_count));
}

static void get_stack(void)
{
	for (int i = 0; i < STACK_DEPTH; i++)
		STORE_VALUE(BPF_REG_10, FRAMES + 8 * i, 0);
	MOV_REG(BPF_REG_1, CONTEXT);
	MOV_REG(BPF_REG_2, BPF_REG_10);
	ALU(BPF_ADD, BPF_REG_2, FRAMES);
	MOV(BPF_REG_3, 8 * STACK_DEPTH);
	MOV(BPF_REG_4, 0);
	CALL(BPF_FUNC_get_stack);
}

/* Ends the program if this stack has failed before, or another has failed in this run. */
static void test_stack_is_new(int seen_map)
{
	LOAD(BPF_REG_1, STATE, offsetof(struct state, fired));
	or_exit(JUMP_IF(BPF_JNE, BPF_REG_1, 0));
	/* FNV-1a, by addresses instead of bytes. */
	load_constant(FOUND, 0, 0xcbf29ce484222325UL);
	load_constant(BPF_REG_3, 0, 0x100000001b3UL);
	for (int i = 0; i < STACK_DEPTH; i++) {
		LOAD(BPF_REG_1, BPF_REG_10, FRAMES + 8 * i);
		ALU_REG(BPF_XOR, FOUND, BPF_REG_1);
		ALU_REG(BPF_MUL, FOUND, BPF_REG_3);
		/* The product's high half into the low one, where the addresses differ. */
		MOV_REG(BPF_REG_1, FOUND);
		ALU(BPF_RSH, BPF_REG_1, 32);
		ALU_REG(BPF_XOR, FOUND, BPF_REG_1);
	}
	STORE(BPF_REG_10, KEY, FOUND);
	STORE(BPF_REG_10, HASH, FOUND);
	look_up(seen_map);
	or_exit(JUMP_IF(BPF_JNE, BPF_REG_0, 0));
	load_constant(BPF_REG_1, BPF_PSEUDO_MAP_FD, seen_map);
	MOV_REG(BPF_REG_2, BPF_REG_10);
	ALU(BPF_ADD, BPF_REG_2, KEY);
	MOV_REG(BPF_REG_3, BPF_REG_10);
	ALU(BPF_ADD, BPF_REG_3, HASH);
	MOV(BPF_REG_4, BPF_ANY);
	CALL(BPF_FUNC_map_update_elem);
	/* No room any more: what cannot be remembered must not fail, or there would be no end. */
	or_exit(JUMP_IF(BPF_JNE, BPF_REG_0, 0));
}

static void test_number(const struct options *options)
{
	LOAD(BPF_REG_1, STATE, offsetof(struct state, matched));
	load_constant(BPF_REG_2, 0, options->first);
	or_exit(JUMP_IF_REG(BPF_JLT, BPF_REG_1, BPF_REG_2));
	load_constant(BPF_REG_2, 0, options->last);
	or_exit(JUMP_IF_REG(BPF_JGT, BPF_REG_1, BPF_REG_2));
}

/* Into the next element of the map of events, if there is one. */
static void keep_event(const struct injection *injection, int function)
{
	int full;

	LOAD(BPF_REG_1, STATE, offsetof(struct state, fired));
	STORE(BPF_REG_10, KEY, BPF_REG_1);
	look_up(injection->event_map);
	full = JUMP_IF(BPF_JEQ, BPF_REG_0, 0);
	MOV_REG(EVENT, BPF_REG_0);
	LOAD(BPF_REG_1, STATE, offsetof(struct state, matched));
	STORE(EVENT, offsetof(struct event, number), BPF_REG_1);
	STORE_VALUE(EVENT, offsetof(struct event, function), function);
	for (int i = 0; i < 6; i++) {
		LOAD(BPF_REG_1, CONTEXT, argument_offsets[i]);
		STORE(EVENT, offsetof(struct event, arguments) + 8 * i, BPF_REG_1);
	}
	CALL(BPF_FUNC_get_current_pid_tgid);
	STORE(EVENT, offsetof(struct event, pid_tgid), BPF_REG_0);
	MOV_REG(BPF_REG_1, EVENT);
	ALU(BPF_ADD, BPF_REG_1, offsetof(struct event, comm));
	MOV(BPF_REG_2, COMM_LEN);
	CALL(BPF_FUNC_get_current_comm);
	MOV_REG(BPF_REG_1, CONTEXT);
	MOV_REG(BPF_REG_2, EVENT);
	ALU(BPF_ADD, BPF_REG_2, offsetof(struct event, stack));
	MOV(BPF_REG_3, 8 * STACK_DEPTH);
	MOV(BPF_REG_4, 0);
	CALL(BPF_FUNC_get_stack);
	STORE(EVENT, offsetof(struct event, stack_bytes), BPF_REG_0);
	land(full);
	increment(STATE, offsetof(struct state, fired), BPF_REG_1);
}

/* Kernels before 5.0 load no kprobe program that does not name their version. */
static unsigned int kernel_version(void)
{
	struct utsname name;
	unsigned long a, b, c;
	char *at;

	if (uname(&name))
		return 0;
	a = strtoul(name.release, &at, 10);
	b = *at == '.' ? strtoul(at + 1, &at, 10) : 0;
	c = *at == '.' ? strtoul(at + 1, &at, 10) : 0;
	return a << 16 | b << 8 | (c > 255 ? 255 : c);
}

static int load(int type, const char *what)
{
	static char log[LOG_SIZE];
	const char *missing;
	union bpf_attr attr = { 0 };
	int fd;

	for (int i = 0; i < code.exit_count; i++)
		land(code.exits[i]);
	MOV(BPF_REG_0, 0);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	attr.prog_type = type;
	attr.insns = (unsigned long)code.insns;
	attr.insn_cnt = code.count;
	attr.license = (unsigned long)"GPL";
	attr.kern_version = kernel_version();
	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", what);
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd >= 0)
		return fd;
	if (errno == EPERM) {
		complain("the kernel lets this user load no BPF program: root, or CAP_BPF and CAP_PERFMON, are needed");
		return -1;
	}
	if (errno == ENOSYS || errno == ENODEV) {
		complain("BPF is not there: %s", errno == ENOSYS ? "CONFIG_BPF_SYSCALL" : "the machine has no co-processor for it");
		return -1;
	}
	attr.log_buf = (unsigned long)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	missing = strstr(log, "unknown func ") ?: strstr(log, "invalid func ");
	if (missing && !strncmp(missing + 13, "bpf_override_return", 19))
		complain("the kernel has no bpf_override_return: it has not been built with CONFIG_BPF_KPROBE_OVERRIDE");
	else if (missing)
		complain("the kernel is too old: its BPF has no %.*s", (int)strcspn(missing + 13, "#\n"), missing + 13);
	else
		complain("the kernel refuses the program for %s: %s\n%s", what, strerror(errno), log);
	return fd;
}

int program_create_maps(const struct options *options, struct injection *injection)
{
	injection->state_map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "inject_state", 4, sizeof(struct state), 1, 0);
	injection->event_map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "inject_events", 4, sizeof(struct event),
					      options->count_only ? MAX_COUNTED : MAX_EVENTS, 0);
	injection->seen_map = bpf_map_create(BPF_MAP_TYPE_HASH, "inject_seen", 8, 8, options->every_stack ? 65536 : 1,
					     BPF_F_NO_PREALLOC);
	if (injection->state_map >= 0 && injection->event_map >= 0 && injection->seen_map >= 0)
		return 0;
	complain("BPF maps cannot be made: %s%s", strerror(errno),
		 errno == EPERM ? "; root, or CAP_BPF and CAP_PERFMON, are needed" : "");
	return EXIT_UNAVAILABLE;
}

int program_load(const struct options *options, struct injection *injection, int function, long value)
{
	begin(injection->state_map);
	test_task(options);
	test_conditions(options);
	if (options->caller_count || options->not_caller_count || options->every_stack)
		get_stack();
	if (options->caller_count || options->not_caller_count)
		test_callers(options);
	increment(STATE, offsetof(struct state, matched), BPF_REG_1);
	if (options->every_stack)
		test_stack_is_new(injection->seen_map);
	else if (!options->count_only)
		test_number(options);
	keep_event(injection, function);
	if (!options->count_only) {
		MOV_REG(BPF_REG_1, CONTEXT);
		load_constant(BPF_REG_2, 0, value);
		CALL(BPF_FUNC_override_return);
	}
	injection->programs[function] = load(BPF_PROG_TYPE_KPROBE, options->functions[function].name);
	return injection->programs[function] < 0 ? EXIT_UNAVAILABLE : 0;
}

/* At sched_process_exec: the process that has announced itself by a negative number counts from here on. */
int program_load_arm(struct injection *injection)
{
	begin(injection->state_map);
	CALL(BPF_FUNC_get_current_pid_tgid);
	ALU(BPF_RSH, BPF_REG_0, 32);
	LOAD(BPF_REG_1, STATE, offsetof(struct state, pid));
	MOV_REG(BPF_REG_2, BPF_REG_0);
	ALU(BPF_NEG, BPF_REG_2, 0);
	or_exit(JUMP_IF_REG(BPF_JNE, BPF_REG_1, BPF_REG_2));
	STORE(STATE, offsetof(struct state, pid), BPF_REG_0);
	injection->arm_program = load(BPF_PROG_TYPE_TRACEPOINT, "arm");
	return injection->arm_program < 0 ? EXIT_UNAVAILABLE : 0;
}
