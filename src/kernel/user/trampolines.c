// SPDX-License-Identifier: MIT
/*
 * trampolines [interpreter] [order|context|walk|attach|probes]...
 *
 * Programs on functions of the kernel: when they run, what they see, what they may read, how they are attached, and what becomes of
 * probes on the same function. Prints one line for each question; the lines are the same on Linux 6.1. (docs/trampolines.md)
 */
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include "lib/probes.h"
#include <fcntl.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* map[key] = r7 */
#define KEEP(fd, key)			STORE(-4, key), MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4), MAP(BPF_REG_1, fd), \
					CALL(map_lookup_elem), JEQ(BPF_REG_0, 0, 1), STORE64(BPF_REG_0, 0, BPF_REG_7)
/* r7 = 10 * map[0] + digit; map[0] = r7: which programs ran, in order */
#define RAN(fd, digit)			STORE(-4, 0), MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4), MAP(BPF_REG_1, fd), \
					CALL(map_lookup_elem), JEQ(BPF_REG_0, 0, 4), LOAD64(BPF_REG_7, BPF_REG_0, 0), \
					INSN(BPF_ALU64 | BPF_MUL | BPF_K, BPF_REG_7, 0, 0, 10), ADD(BPF_REG_7, digit), \
					STORE64(BPF_REG_0, 0, BPF_REG_7)

enum { FENTRY = BPF_TRACE_FENTRY, FEXIT = BPF_TRACE_FEXIT, FMOD_RET = BPF_MODIFY_RETURN };

static char log_text[65536];
static int map;

static int load(int attach_type, const char *function, const struct bpf_insn *insns, int count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = attach_type ? BPF_PROG_TYPE_TRACING : BPF_PROG_TYPE_KPROBE;
	attr.expected_attach_type = attach_type;
	if (attach_type)
		attr.attach_btf_id = attach_type == BPF_TRACE_RAW_TP ? bpf_kernel_type_id(BTF_KIND_TYPEDEF, function) :
				     bpf_kernel_function_id(function);
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	log_text[0] = '\0';
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define LOAD(attach_type, function, ...) load(attach_type, function, INSNS(__VA_ARGS__))

static int show(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? error_name() : "ok");
	return result;
}

/* Numbers of types differ from kernel to kernel. */
static void print_without_ids(const char *line, size_t length)
{
	static const char mark[] = "btf_id ";

	putchar(' ');
	putchar(' ');
	for (size_t i = 0; i < length; i++) {
		putchar(line[i]);
		if (i + 1 >= sizeof(mark) - 1 && !memcmp(line + i + 2 - sizeof(mark), mark, sizeof(mark) - 1))
			for (putchar('N'); i + 1 < length && line[i + 1] >= '0' && line[i + 1] <= '9'; i++)
				;
	}
	putchar('\n');
}

/* A load's result; what the log says of functions, types and registers if it is refused. */
static int show_load(const char *what, int program)
{
	if (show(what, program) >= 0)
		return program;
	for (const char *line = log_text; *line;) {
		size_t length = strcspn(line, "\n");

		if (length && (line[0] < '0' || line[0] > '9') && line[0] != ';' && strncmp(line, "processed", 9))
			print_without_ids(line, length);
		line += length + (line[length] != '\0');
	}
	return program;
}

static int link_create(int program, int attach_type, unsigned long long cookie)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.attach_type = attach_type;
	attr.link_create.tracing.cookie = cookie;
	return sys_bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

static int test_run(int program, unsigned int *retval)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = program;
	err = sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	*retval = attr.test.retval;
	return err;
}

static void set_value(unsigned int key, long long value)
{
	bpf_map_update_elem(map, &key, &value, 0);
}

/* Calls the functions that exist to be called. */
static void run(const char *what, int program)
{
	unsigned int retval = 0;
	int err;

	set_value(0, 0);
	err = test_run(program, &retval);
	if (err)
		printf("%s: %s\n", what, error_name());
	else
		printf("%s: result %d, side effect %u, programs %lld\n", what, (short)retval, retval >> 16, value_in(map, 0));
}

/* ---- when programs run ---- */

static void order(void)
{
	int programs[8], links[8], modify = LOAD(FMOD_RET, "bpf_modify_return_test", RETURN(0));
	int shown = LOAD(FENTRY, "bpf_modify_return_test", RETURN(0));

	printf("== order\n");
	run("nobody there", modify);
	programs[0] = LOAD(FENTRY, "bpf_modify_return_test", RAN(map, 1), RETURN(0));
	programs[1] = LOAD(FENTRY, "bpf_modify_return_test", RAN(map, 2), RETURN(0));
	programs[2] = LOAD(FEXIT, "bpf_modify_return_test", RAN(map, 3), RETURN(0));
	programs[3] = LOAD(FEXIT, "bpf_modify_return_test", RAN(map, 4), RETURN(0));
	programs[4] = LOAD(FMOD_RET, "bpf_modify_return_test", RAN(map, 5), RETURN(0));
	programs[5] = LOAD(FMOD_RET, "bpf_modify_return_test", RAN(map, 6), RETURN(0));
	programs[6] = LOAD(FMOD_RET, "bpf_modify_return_test", RAN(map, 7), RETURN(-12));
	for (int i = 0; i < 7; i++) {
		char what[32];

		links[i] = attach_tracing(programs[i]);
		snprintf(what, sizeof(what), "with program %d", i + 1);
		run(what, modify);
	}
	for (int i = 0; i < 7; i++) {
		char what[32];

		close(links[i]);
		snprintf(what, sizeof(what), "without program %d", i + 1);
		run(what, modify);
	}
	links[0] = attach_tracing(programs[6]);
	close(programs[6]);
	run("the link keeps its program", modify);
	close(links[0]);
	run("and nothing else does", modify);
	run("test run of a program of another kind", shown);
	for (int i = 0; i < 6; i++)
		close(programs[i]);
	close(shown);
	close(modify);
}

/* ---- what they see ---- */

static void see(const char *what, int program)
{
	unsigned int retval;
	int link, err;

	if (show_load(what, program) < 0)
		return;
	for (unsigned int i = 0; i < 8; i++)
		set_value(i, 99);
	link = attach_tracing(program);
	err = test_run(program, &retval);
	printf("  %s:", err ? error_name() : "values");
	for (unsigned int i = 0; i < 8; i++)
		printf(" %lld", value_in(map, i));
	printf("\n");
	close(link);
	close(program);
}

#define KEEP_ARGUMENT(n)	LOAD64(BPF_REG_7, BPF_REG_6, 8 * (n)), KEEP(map, n)

static void context(void)
{
	printf("== context\n");
	see("fentry, six arguments", LOAD(FENTRY, "bpf_fentry_test6", MOV_REG(BPF_REG_6, BPF_REG_1), KEEP_ARGUMENT(0),
	    KEEP_ARGUMENT(1), KEEP_ARGUMENT(2), KEEP_ARGUMENT(3), KEEP_ARGUMENT(4), KEEP_ARGUMENT(5), RETURN(0)));
	see("fexit, six arguments and the result", LOAD(FEXIT, "bpf_fentry_test6", MOV_REG(BPF_REG_6, BPF_REG_1),
	    KEEP_ARGUMENT(0), KEEP_ARGUMENT(1), KEEP_ARGUMENT(2), KEEP_ARGUMENT(3), KEEP_ARGUMENT(4), KEEP_ARGUMENT(5),
	    KEEP_ARGUMENT(6), RETURN(0)));
	see("fentry, narrow arguments", LOAD(FENTRY, "bpf_fentry_test3", MOV_REG(BPF_REG_6, BPF_REG_1), KEEP_ARGUMENT(0),
	    KEEP_ARGUMENT(1), KEEP_ARGUMENT(2), RETURN(0)));
	see("get_func_arg", LOAD(FENTRY, "bpf_fentry_test2", MOV(BPF_REG_2, 1), MOV_REG(BPF_REG_3, BPF_REG_10), ADD(BPF_REG_3, -16),
	    CALL(get_func_arg), MOV_REG(BPF_REG_7, BPF_REG_0), LOAD64(BPF_REG_8, BPF_REG_10, -16), KEEP(map, 0),
	    MOV_REG(BPF_REG_7, BPF_REG_8), KEEP(map, 1), RETURN(0)));
	see("get_func_arg beyond the last", LOAD(FENTRY, "bpf_fentry_test2", MOV(BPF_REG_2, 2), MOV_REG(BPF_REG_3, BPF_REG_10),
	    ADD(BPF_REG_3, -16), CALL(get_func_arg), MOV_REG(BPF_REG_7, BPF_REG_0), KEEP(map, 0), RETURN(0)));
	see("get_func_arg_cnt", LOAD(FEXIT, "bpf_fentry_test4", CALL(get_func_arg_cnt), MOV_REG(BPF_REG_7, BPF_REG_0),
	    KEEP(map, 0), RETURN(0)));
	see("get_func_ret in fexit", LOAD(FEXIT, "bpf_fentry_test5", MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -16),
	    CALL(get_func_ret), MOV_REG(BPF_REG_7, BPF_REG_0), LOAD64(BPF_REG_8, BPF_REG_10, -16), KEEP(map, 0),
	    MOV_REG(BPF_REG_7, BPF_REG_8), KEEP(map, 1), RETURN(0)));
	see("get_func_ret in fentry", LOAD(FENTRY, "bpf_fentry_test5", MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -16),
	    CALL(get_func_ret), MOV_REG(BPF_REG_7, BPF_REG_0), KEEP(map, 0), RETURN(0)));
	see("the argument behind the last", LOAD(FENTRY, "bpf_fentry_test1", LOAD64(BPF_REG_0, BPF_REG_1, 8), RETURN(0)));
	see("the one behind that", LOAD(FENTRY, "bpf_fentry_test1", LOAD64(BPF_REG_0, BPF_REG_1, 16), RETURN(0)));
	see("behind the result", LOAD(FEXIT, "bpf_fentry_test1", LOAD64(BPF_REG_0, BPF_REG_1, 16), RETURN(0)));
	see("four bytes", LOAD(FENTRY, "bpf_fentry_test1", LOAD32(BPF_REG_0, BPF_REG_1, 0), RETURN(0)));
	see("the upper four bytes", LOAD(FENTRY, "bpf_fentry_test1", LOAD32(BPF_REG_0, BPF_REG_1, 4), RETURN(0)));
	see("below", LOAD(FENTRY, "bpf_fentry_test1", LOAD64(BPF_REG_0, BPF_REG_1, -8), RETURN(0)));
	see("a store", LOAD(FENTRY, "bpf_fentry_test1", MOV(BPF_REG_0, 0), STORE64(BPF_REG_1, 0, BPF_REG_0), RETURN(0)));
	see("r0 = -1", LOAD(FENTRY, "bpf_fentry_test1", RETURN(-1)));
	see("r0 unknown", LOAD(FEXIT, "bpf_fentry_test1", LOAD64(BPF_REG_0, BPF_REG_1, 0), EXIT));
	see("r0 a pointer", LOAD(FENTRY, "bpf_fentry_test7", LOAD64(BPF_REG_0, BPF_REG_1, 0), EXIT));
	see("fmod_ret, r0 unknown", LOAD(FMOD_RET, "bpf_modify_return_test", LOAD64(BPF_REG_0, BPF_REG_1, 0), EXIT));
	see("fmod_ret, the result so far", LOAD(FMOD_RET, "bpf_modify_return_test", LOAD64(BPF_REG_7, BPF_REG_1, 16),
	    KEEP(map, 0), RETURN(0)));
}

/* ---- pointers to the kernel's structures ---- */

static void walk(void)
{
	int pid = bpf_kernel_field_offset("task_struct", "pid"), parent = bpf_kernel_field_offset("task_struct", "real_parent");

	printf("== walk\n");
	see("a null pointer", LOAD(FENTRY, "bpf_fentry_test7", LOAD64(BPF_REG_8, BPF_REG_1, 0), LOAD64(BPF_REG_7, BPF_REG_8, 0),
	    KEEP(map, 0), RETURN(0)));
	see("null, and on", LOAD(FENTRY, "bpf_fentry_test7", LOAD64(BPF_REG_8, BPF_REG_1, 0), LOAD64(BPF_REG_8, BPF_REG_8, 0),
	    LOAD64(BPF_REG_8, BPF_REG_8, 0), LOAD64(BPF_REG_7, BPF_REG_8, 0), KEEP(map, 0), RETURN(0)));
	see("a member that is null", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_8, BPF_REG_1, 0),
	    LOAD64(BPF_REG_7, BPF_REG_8, 0), KEEP(map, 0), RETURN(0)));
	see("behind the structure", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_8, BPF_REG_1, 0),
	    LOAD64(BPF_REG_7, BPF_REG_8, 8), KEEP(map, 0), RETURN(0)));
	see("half of a pointer", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_8, BPF_REG_1, 0),
	    LOAD32(BPF_REG_7, BPF_REG_8, 0), KEEP(map, 0), RETURN(0)));
	see("before the structure", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_8, BPF_REG_1, 0),
	    LOAD64(BPF_REG_7, BPF_REG_8, -8), KEEP(map, 0), RETURN(0)));
	see("a store", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_8, BPF_REG_1, 0), MOV(BPF_REG_7, 0),
	    STORE64(BPF_REG_8, 0, BPF_REG_7), RETURN(0)));
	see("a variable offset", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_8, BPF_REG_1, 0), CALL(get_prandom_u32),
	    ADD_REG(BPF_REG_8, BPF_REG_0), LOAD64(BPF_REG_7, BPF_REG_8, 0), KEEP(map, 0), RETURN(0)));
	see("a pointer to nothing in particular", LOAD(FENTRY, "bpf_fentry_test4", LOAD64(BPF_REG_8, BPF_REG_1, 0),
	    LOAD64(BPF_REG_7, BPF_REG_8, 0), KEEP(map, 0), RETURN(0)));
	see("a pointer to a number", LOAD(FMOD_RET, "bpf_modify_return_test", LOAD64(BPF_REG_8, BPF_REG_1, 8),
	    LOAD64(BPF_REG_7, BPF_REG_8, 0), KEEP(map, 0), RETURN(0)));
	see("the task's number", LOAD(FENTRY, "bpf_fentry_test1", CALL(get_current_task_btf), LOAD32(BPF_REG_8, BPF_REG_0, pid),
	    CALL(get_current_pid_tgid), INSN(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_7, BPF_REG_0, 0, 0),
	    INSN(BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_7, BPF_REG_8, 0, 0), KEEP(map, 0), RETURN(0)));
	see("its parent's number", LOAD(FENTRY, "bpf_fentry_test1", CALL(get_current_task_btf),
	    LOAD64(BPF_REG_0, BPF_REG_0, parent), LOAD32(BPF_REG_7, BPF_REG_0, pid), ADD(BPF_REG_7, -getppid()), KEEP(map, 0),
	    RETURN(0)));
	see("task_pt_regs of a task", LOAD(FENTRY, "bpf_fentry_test1", CALL(get_current_task_btf), MOV_REG(BPF_REG_1, BPF_REG_0),
	    CALL(task_pt_regs), LOAD64(BPF_REG_7, BPF_REG_0, 120), KEEP(map, 0), RETURN(0)));
	see("task_pt_regs of something else", LOAD(FENTRY, "bpf_fentry_test8", LOAD64(BPF_REG_1, BPF_REG_1, 0),
	    CALL(task_pt_regs), RETURN(0)));
	see("task_pt_regs of a number", LOAD(FENTRY, "bpf_fentry_test1", MOV(BPF_REG_1, 0), CALL(task_pt_regs), RETURN(0)));
}

/* ---- attaching ---- */

static void tell(const char *what, int link)
{
	struct bpf_link_info info;
	union bpf_attr attr;

	if (show(what, link) < 0)
		return;
	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = link;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)))
		printf("  %s\n", error_name());
	else
		printf("  link of type %u, attach type %u, object %u, function %s\n", info.type, info.tracing.attach_type,
		       info.tracing.target_obj_id,
		       info.tracing.target_btf_id == bpf_kernel_function_id("bpf_fentry_test1") ? "bpf_fentry_test1" : "?");
}

static int with_name(int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	attr.raw_tracepoint.name = (unsigned long)"bpf_fentry_test1";
	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

static void attaching(void)
{
	int program = LOAD(FENTRY, "bpf_fentry_test1", CALL(get_attach_cookie), MOV_REG(BPF_REG_7, BPF_REG_0), KEEP(map, 0),
			   RETURN(0));
	int link, other = LOAD(FEXIT, "bpf_fentry_test1", RETURN(0)), many[64], links[64], count;
	unsigned int retval;

	printf("== attach\n");
	if (program < 0)
		fprintf(stderr, "%s", log_text);
	show("with the name of a tracepoint", with_name(program));
	show("as fexit", link_create(program, FEXIT, 0));
	show("as a kind that does not exist", link_create(program, 99, 0));
	link = link_create(program, FENTRY, 0x1234567890);
	tell("with a cookie", link);
	show("again", link_create(program, FENTRY, 1));
	show("again, the other way", attach_tracing(program));
	test_run(program, &retval);
	printf("the program's cookie: %#llx\n", value_in(map, 0));
	show("another kind", other = attach_tracing(other));
	close(other);
	close(link);
	tell("after the last was closed", link = attach_tracing(program));
	set_value(0, 99);
	test_run(program, &retval);
	printf("the cookie of an old link: %lld\n", value_in(map, 0));
	close(link);
	close(program);
	for (count = 0; count < 64; count++) {
		many[count] = LOAD(count % 3 == 0 ? FMOD_RET : count % 3 == 1 ? FEXIT : FENTRY, "bpf_fentry_test1", RETURN(0));
		links[count] = attach_tracing(many[count]);
		if (links[count] < 0)
			break;
	}
	printf("%d of all kinds, then: %s\n", count, error_name());
	close(many[count]);
	while (count--) {
		close(links[count]);
		close(many[count]);
	}
	show_load("a tracepoint's type as fentry", LOAD(FENTRY, "btf_trace_sched_switch", RETURN(0)));
	program = show_load("a tracepoint", LOAD(BPF_TRACE_RAW_TP, "btf_trace_sys_enter", LOAD64(BPF_REG_7, BPF_REG_1, 8),
			    INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_7, 0, 9, __NR_getppid), MOV(BPF_REG_7, 77), KEEP(map, 0),
			    RETURN(0)));
	link = show("  attached", attach_tracing(program));
	syscall(__NR_getppid);
	printf("  it saw the call: %lld\n", value_in(map, 0));
	close(link);
	show_load("a tracepoint's third argument of two", LOAD(BPF_TRACE_RAW_TP, "btf_trace_sys_enter",
		  LOAD64(BPF_REG_7, BPF_REG_1, 16), RETURN(0)));
	show_load("its registers", LOAD(BPF_TRACE_RAW_TP, "btf_trace_sys_enter", LOAD64(BPF_REG_7, BPF_REG_1, 0),
		  LOAD64(BPF_REG_7, BPF_REG_7, 120), RETURN(0)));
	show_load("get_func_ip of a tracepoint", LOAD(BPF_TRACE_RAW_TP, "btf_trace_sys_enter", CALL(get_func_ip), RETURN(0)));
	show_load("get_func_arg of a tracepoint", LOAD(BPF_TRACE_RAW_TP, "btf_trace_sys_enter", CALL(get_func_arg_cnt),
		  RETURN(0)));
	show_load("no program has override_return", LOAD(FMOD_RET, "bpf_fentry_test1", MOV(BPF_REG_2, 0), CALL(override_return),
		  RETURN(0)));
}

/* ---- probes on the same function ---- */

static int kprobe(const char *function, int program, int is_return)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	char text[16] = "";
	int fd = open("/sys/bus/event_source/devices/kprobe/type", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	attr.type = atoi(text);
	attr.config = is_return;
	attr.config1 = (unsigned long)function;
	fd = sys_perf_event_open(&attr, -1, 0, -1, 0);
	if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return -1;
	return fd;
}

static void probes(void)
{
	int modify = LOAD(FMOD_RET, "bpf_modify_return_test", RAN(map, 5), RETURN(0));
	int entry = LOAD(FENTRY, "bpf_modify_return_test", RAN(map, 1), RETURN(0));
	int exit = LOAD(FEXIT, "bpf_modify_return_test", RAN(map, 2), RETURN(0));
	int plain = LOAD(0, NULL, RAN(map, 3), RETURN(0));
	int override = LOAD(0, NULL, MOV_REG(BPF_REG_6, BPF_REG_1), RAN(map, 4), MOV_REG(BPF_REG_1, BPF_REG_6), MOV(BPF_REG_2, -7),
			    CALL(override_return), RETURN(0));
	int probe, link, other;

	printf("== probes\n");
	probe = show("a probe", kprobe("bpf_modify_return_test", plain, 0));
	run("alone", modify);
	link = show("fentry beside it", attach_tracing(entry));
	run("both", modify);
	other = show("fexit too", attach_tracing(exit));
	run("all", modify);
	close(probe);
	run("without the probe", modify);
	probe = show("a probe on what is patched", kprobe("bpf_modify_return_test", plain, 0));
	run("all", modify);
	close(link);
	close(other);
	run("the probe alone again", modify);
	close(probe);
	run("nobody", modify);
	probe = show("an override", kprobe("bpf_modify_return_test", override, 0));
	run("alone", modify);
	other = show("fexit beside it", attach_tracing(exit));
	run("both", modify);
	close(other);
	run("alone again", modify);
	other = show("fmod_ret beside it", attach_tracing(modify));
	run("both", modify);
	close(other);
	close(probe);
	other = attach_tracing(exit);
	probe = show("a return probe beside fexit", kprobe("bpf_modify_return_test", plain, 1));
	run("both", modify);
	close(probe);
	probe = show("a return probe that overrides, too", kprobe("bpf_modify_return_test", override, 1));
	run("both", modify);
	close(other);
	run("alone", modify);
	close(probe);
	run("nobody", modify);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } parts[] = {
		{ "order", order }, { "context", context }, { "walk", walk }, { "attach", attaching }, { "probes", probes },
	};

	int interpreted = argc > 1 && !strcmp(argv[1], "interpreter");

	if (interpreted) {
		int fd = open("/proc/sys/net/core/bpf_jit_enable", O_WRONLY);

		if (write(fd, "0", 1) != 1)
			return 1;
		close(fd);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "values", 4, 8, 16, 0);
	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int wanted = argc < 2 + interpreted;

		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], parts[i].name);
		if (wanted)
			parts[i].run();
	}
	return 0;
}
