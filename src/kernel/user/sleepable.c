// SPDX-License-Identifier: MIT
/*
 * sleepable loading|reading|syscall|targets        what may sleep, and what bpf_copy_from_user reads: the same lines on Linux 6.1
 * sleepable stress DEVICE FILE         many programs asleep while others replace all that they use
 * sleepable on-function DEVICE FILE    the same of a program on a function: its trampoline outlives its link
 * sleepable asleep DEVICE FILE         a program waits for a page of FILE, on DEVICE (btrfs), while others run and close
 *                                      what it uses
 */
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include "lib/probes.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PT_REGS_DI 112

static char log_text[65536];

static int load(int type, int flags, const char *license, const struct bpf_insn *insns, int count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.prog_flags = flags;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)license;
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	log_text[0] = '\0';
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define LOAD_AS(type, flags, license, ...) load(type, flags, license, INSNS(__VA_ARGS__))
#define LOAD_KPROBE(flags, ...) LOAD_AS(BPF_PROG_TYPE_KPROBE, flags, "GPL", __VA_ARGS__)
#define LOAD_SLEEPABLE(...) LOAD_KPROBE(BPF_F_SLEEPABLE, __VA_ARGS__)

/* The last line of the log but the statistics. */
static const char *last_words(void)
{
	char *end = log_text + strlen(log_text), *line;

	for (;;) {
		while (end > log_text && end[-1] == '\n')
			*--end = '\0';
		line = strrchr(log_text, '\n');
		line = line ? line + 1 : log_text;
		if (line == log_text || strncmp(line, "processed ", 10))
			return strncmp(line, "processed ", 10) ? line : "";
		end = line;
	}
}

static void show(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? error_name() : "OK");
	if (result < 0 && *last_words())
		printf("  %s\n", last_words());
	log_text[0] = '\0';
	if (result >= 0)
		close(result);
}

/* ---- uprobes on a function of this program ---- */

static __attribute__((noinline)) long probed(const void *pointer)
{
	__asm__ __volatile__("" :: "r"(pointer) : "memory");
	return 0;
}

static int open_uprobe(void)
{
	extern char __executable_start[];
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_period = 1 };

	attr.type = number_in("/sys/bus/event_source/devices/uprobe/type");
	attr.config1 = (unsigned long)"/proc/self/exe";
	attr.config2 = (const char *)probed - __executable_start;
	return sys_perf_event_open(&attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static int array(unsigned int entries)
{
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "", 4, 8, entries, 0);
}

#define OR_RETURN JEQ(BPF_REG_0, 0, 1), INSN(BPF_JMP | BPF_JA, 0, 0, 2, 0), RETURN(0)
/* r0 = address of element @key of @map, or the program ends. Needs 4 bytes of stack at -4. */
#define ELEMENT(map, key) \
	STORE(-4, key), MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4), MAP(BPF_REG_1, map), CALL(map_lookup_elem), \
	OR_RETURN
#define KEEP(map, key, reg) ELEMENT(map, key), STORE64(BPF_REG_0, 0, reg)

/* ---- what may sleep ---- */

static void types(void)
{
	static const struct { int type; const char *name; } all[] = {
		{ BPF_PROG_TYPE_SOCKET_FILTER, "socket filter" }, { BPF_PROG_TYPE_KPROBE, "kprobe" },
		{ BPF_PROG_TYPE_TRACEPOINT, "tracepoint" }, { BPF_PROG_TYPE_PERF_EVENT, "perf event" },
		{ BPF_PROG_TYPE_RAW_TRACEPOINT, "raw tracepoint" }, { BPF_PROG_TYPE_SYSCALL, "syscall" },
	};

	printf("== types\n");
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char what[64];

		snprintf(what, sizeof(what), "%s", all[i].name);
		show(what, LOAD_AS(all[i].type, 0, "GPL", RETURN(0)));
		snprintf(what, sizeof(what), "%s, sleepable", all[i].name);
		show(what, LOAD_AS(all[i].type, BPF_F_SLEEPABLE, "GPL", RETURN(0)));
	}
}

static void maps(void)
{
	static const struct { int type; unsigned int key, value, entries, flags; const char *name; } all[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 4, 0, "hash" },
		{ BPF_MAP_TYPE_HASH, 4, 8, 4, BPF_F_NO_PREALLOC, "hash, not preallocated" },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 4, 0, "array" },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0, "program array" },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0, "perf event array" },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4, 0, "per-CPU hash" },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4, BPF_F_NO_PREALLOC, "per-CPU hash, not preallocated" },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0, "per-CPU array" },
		{ BPF_MAP_TYPE_STACK_TRACE, 4, 8, 4, 0, "stack traces" },
		{ BPF_MAP_TYPE_LRU_HASH, 4, 8, 4, 0, "LRU hash" },
		{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 4, 0, "per-CPU LRU hash" },
		{ BPF_MAP_TYPE_QUEUE, 0, 8, 4, 0, "queue" },
		{ BPF_MAP_TYPE_STACK, 0, 8, 4, 0, "stack" },
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, "ring buffer" },
	};

	printf("== maps\n");
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int map = bpf_map_create(all[i].type, "", all[i].key, all[i].value, all[i].entries, all[i].flags);

		if (map < 0) {
			printf("%s: no such map\n", all[i].name);
			continue;
		}
		show(all[i].name, LOAD_SLEEPABLE(MAP(BPF_REG_1, map), RETURN(0)));
		close(map);
	}
}

#define COPY_TO_STACK(size) \
	LOAD64(BPF_REG_3, BPF_REG_1, PT_REGS_DI), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -(size)), \
	MOV(BPF_REG_2, size), CALL(copy_from_user), RETURN(0)

/* From the memory of the task that runs. */
#define COPY_OF_TASK(size, flags) \
	MOV_REG(BPF_REG_6, BPF_REG_1), CALL(get_current_task_btf), MOV_REG(BPF_REG_4, BPF_REG_0), MOV(BPF_REG_5, flags), \
	LOAD64(BPF_REG_3, BPF_REG_6, PT_REGS_DI), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -(size)), \
	MOV(BPF_REG_2, size), CALL(copy_from_user_task), RETURN(0)

static void helpers(void)
{
	printf("== bpf_copy_from_user\n");
	show("in a program that may not sleep", LOAD_KPROBE(0, COPY_TO_STACK(8)));
	show("in one that may", LOAD_SLEEPABLE(COPY_TO_STACK(8)));
	show("not under the GPL", LOAD_AS(BPF_PROG_TYPE_KPROBE, BPF_F_SLEEPABLE, "Proprietary", COPY_TO_STACK(8)));
	show("512 bytes", LOAD_SLEEPABLE(COPY_TO_STACK(512)));
	show("520 bytes", LOAD_SLEEPABLE(COPY_TO_STACK(520)));
	show("0 bytes", LOAD_SLEEPABLE(COPY_TO_STACK(0)));
	show("of as many bytes as a register says", LOAD_SLEEPABLE(LOAD64(BPF_REG_2, BPF_REG_1, PT_REGS_DI),
	     LOAD64(BPF_REG_3, BPF_REG_1, PT_REGS_DI), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8),
	     CALL(copy_from_user), RETURN(0)));
	show("into the context", LOAD_SLEEPABLE(MOV_REG(BPF_REG_3, BPF_REG_1), MOV(BPF_REG_2, 8), CALL(copy_from_user),
	     RETURN(0)));
	show("of a task, that is a number", LOAD_SLEEPABLE(MOV(BPF_REG_5, 0), MOV(BPF_REG_4, 0), MOV(BPF_REG_3, 0),
	     MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8), CALL(copy_from_user_task), RETURN(0)));
	show("of a task, not sleepable", LOAD_KPROBE(0, COPY_OF_TASK(8, 0)));
	show("of a task", LOAD_SLEEPABLE(COPY_OF_TASK(8, 0)));
	show("of a task, 520 bytes", LOAD_SLEEPABLE(COPY_OF_TASK(520, 0)));
	show("of a task, not under the GPL", LOAD_AS(BPF_PROG_TYPE_KPROBE, BPF_F_SLEEPABLE, "Proprietary", COPY_OF_TASK(8, 0)));
	show("in a syscall program", LOAD_AS(BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE, "GPL", MOV(BPF_REG_3, 0),
	     MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8), CALL(copy_from_user), RETURN(0)));
	show("in a raw tracepoint program", LOAD_AS(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "GPL", MOV(BPF_REG_3, 0),
	     MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8), CALL(copy_from_user), RETURN(0)));
	show("in a socket filter", LOAD_AS(BPF_PROG_TYPE_SOCKET_FILTER, 0, "GPL", MOV(BPF_REG_3, 0),
	     MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8), CALL(copy_from_user), RETURN(0)));
}

/* ---- what bpf_copy_from_user reads ---- */

/* Reads the same 8 bytes three times: as they are in memory, with bpf_copy_from_user, and again as they are in memory. */
static int load_reader(int map)
{
#define READ(helper) \
	SET64(BPF_REG_10, -16, 0x55), LOAD64(BPF_REG_3, BPF_REG_6, PT_REGS_DI), MOV_REG(BPF_REG_1, BPF_REG_10), \
	ADD(BPF_REG_1, -16), MOV(BPF_REG_2, 8), CALL(helper), MOV_REG(BPF_REG_7, BPF_REG_0), \
	LOAD64(BPF_REG_8, BPF_REG_10, -16)
	return LOAD_SLEEPABLE(MOV_REG(BPF_REG_6, BPF_REG_1),
			      READ(probe_read_user), KEEP(map, 0, BPF_REG_7), KEEP(map, 1, BPF_REG_8),
			      READ(copy_from_user), KEEP(map, 2, BPF_REG_7), KEEP(map, 3, BPF_REG_8),
			      READ(probe_read_user), KEEP(map, 4, BPF_REG_7), KEEP(map, 5, BPF_REG_8), RETURN(0));
}

/* The same with bpf_copy_from_user_task, with and without an unknown flag. */
static int load_task_reader(int map)
{
#define READ_OF_TASK(flags) \
	SET64(BPF_REG_10, -16, 0x55), CALL(get_current_task_btf), MOV_REG(BPF_REG_4, BPF_REG_0), MOV(BPF_REG_5, flags), \
	LOAD64(BPF_REG_3, BPF_REG_6, PT_REGS_DI), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -16), \
	MOV(BPF_REG_2, 8), CALL(copy_from_user_task), MOV_REG(BPF_REG_7, BPF_REG_0), LOAD64(BPF_REG_8, BPF_REG_10, -16)
	return LOAD_SLEEPABLE(MOV_REG(BPF_REG_6, BPF_REG_1),
			      READ_OF_TASK(0), KEEP(map, 0, BPF_REG_7), KEEP(map, 1, BPF_REG_8),
			      READ_OF_TASK(1), KEEP(map, 2, BPF_REG_7), KEEP(map, 3, BPF_REG_8), RETURN(0));
}

static void read_task_at(const char *what, int map, const void *pointer)
{
	probed(pointer);
	printf("%s: %lld %#llx, with a flag %lld %#llx\n", what, (long long)value_in(map, 0), value_in(map, 1),
	       (long long)value_in(map, 2), value_in(map, 3));
}

static void reading_tasks(void)
{
	static unsigned long long here = 0x1234;
	int map = array(4), program = load_task_reader(map), event = open_uprobe();
	char *fresh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("== reading a task\n");
	if (program < 0 || set_bpf(event, program)) {
		show("program or event", -1);
		return;
	}
	read_task_at("present", map, &here);
	read_task_at("never touched", map, fresh);
	munmap(fresh + 4096, 4096);
	read_task_at("half of it not mapped", map, fresh + 4092);
	read_task_at("not mapped", map, (void *)0x10000);
	read_task_at("no access", map, forbidden);
	read_task_at("of the kernel", map, (void *)0xffffffff81000000);
	close(event);
	close(program);
	close(map);
}

static void read_at(const char *what, int map, const void *pointer)
{
	probed(pointer);
	printf("%s: probe_read_user %lld %#llx, copy_from_user %lld %#llx, probe_read_user %lld %#llx\n", what,
	       (long long)value_in(map, 0), value_in(map, 1), (long long)value_in(map, 2), value_in(map, 3),
	       (long long)value_in(map, 4), value_in(map, 5));
}

static void reading(void)
{
	static unsigned long long here = 0x1234;
	int map = array(6), program = load_reader(map), event = open_uprobe();
	char *fresh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("== reading\n");
	if (program < 0 || set_bpf(event, program)) {
		show("program or event", -1);
		return;
	}
	read_at("present", map, &here);
	read_at("never touched", map, fresh);
	munmap(fresh + 4096, 4096);
	read_at("half of it not mapped", map, fresh + 4092);
	read_at("not mapped", map, (void *)0x10000);
	read_at("no access", map, forbidden);
	read_at("of the kernel", map, (void *)0xffffffff81000000);
	read_at("not canonical", map, (void *)0x8000000000000000);
	close(event);
	close(program);
	close(map);
}

/* ---- programs of bpf(2)'s own ---- */

struct context { unsigned long long pointer, value; };

static void run_syscall(const char *what, int program, void *context, unsigned int size)
{
	union bpf_attr attr;
	int err;

	if (program < 0) {
		show(what, program);
		return;
	}
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = program;
	attr.test.ctx_in = (unsigned long)context;
	attr.test.ctx_size_in = size;
	err = sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	if (err)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: returned %d\n", what, (int)attr.test.retval);
	close(program);
}

#define LOAD_SYSCALL(...) LOAD_AS(BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE, "GPL", __VA_ARGS__)
/* Copies 8 bytes from where the context points to into the context, and returns the helper's result. */
#define COPY_TO_CONTEXT \
	MOV_REG(BPF_REG_6, BPF_REG_1), LOAD64(BPF_REG_3, BPF_REG_6, 0), MOV_REG(BPF_REG_1, BPF_REG_10), \
	ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8), CALL(copy_from_user), LOAD64(BPF_REG_1, BPF_REG_10, -8), \
	STORE64(BPF_REG_6, 8, BPF_REG_1), EXIT

static void syscalls(void)
{
	static unsigned long long here = 0x1234;
	struct context context = { (unsigned long)&here, 0 };
	char *fresh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char large[65536];

	printf("== syscall programs\n");
	run_syscall("copies what is there", LOAD_SYSCALL(COPY_TO_CONTEXT), &context, sizeof(context));
	printf("  %#llx\n", context.value);
	context.pointer = (unsigned long)fresh;
	run_syscall("copies what was never touched", LOAD_SYSCALL(COPY_TO_CONTEXT), &context, sizeof(context));
	printf("  %#llx\n", context.value);
	context = (struct context){ 0x10000, 1 };
	run_syscall("copies what is not mapped", LOAD_SYSCALL(COPY_TO_CONTEXT), &context, sizeof(context));
	printf("  %#llx\n", context.value);
	run_syscall("with a context that is too short", LOAD_SYSCALL(COPY_TO_CONTEXT), &context, 8);
	run_syscall("without a context", LOAD_SYSCALL(COPY_TO_CONTEXT), NULL, 0);
	run_syscall("without one, and it needs none", LOAD_SYSCALL(RETURN(-5)), NULL, 0);
	run_syscall("with a context of 65535 bytes", LOAD_SYSCALL(RETURN(7)), large, 65535);
	run_syscall("with a context of 65536 bytes", LOAD_SYSCALL(RETURN(7)), large, 65536);
	run_syscall("with a context that is not mapped", LOAD_SYSCALL(RETURN(7)), (void *)0x10000, 16);
	show("reads its context at 65528", LOAD_SYSCALL(LOAD64(BPF_REG_0, BPF_REG_1, 65528 - 65536), EXIT));
	show("reads its context at 4", LOAD_SYSCALL(LOAD64(BPF_REG_0, BPF_REG_1, 4), EXIT));
	show("reads its context at 32760", LOAD_SYSCALL(LOAD64(BPF_REG_0, BPF_REG_1, 32760), EXIT));
	show("stores a constant in its context", LOAD_SYSCALL(SET64(BPF_REG_1, 0, 1), RETURN(0)));
	show("adds to its context", LOAD_SYSCALL(MOV(BPF_REG_2, 1),
	     INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_1, BPF_REG_2, 0, BPF_ADD), RETURN(0)));
	show("copies into its context", LOAD_SYSCALL(LOAD64(BPF_REG_3, BPF_REG_1, 0), MOV(BPF_REG_2, 8),
	     CALL(copy_from_user), RETURN(0)));
	show("calls bpf_probe_read_kernel", LOAD_SYSCALL(MOV(BPF_REG_3, 0), MOV_REG(BPF_REG_1, BPF_REG_10),
	     ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8), CALL(probe_read_kernel), RETURN(0)));
	show("calls bpf_probe_read", LOAD_SYSCALL(MOV(BPF_REG_3, 0), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8),
	     MOV(BPF_REG_2, 8), CALL(probe_read), RETURN(0)));
	show("calls bpf_get_current_comm", LOAD_SYSCALL(MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -16),
	     MOV(BPF_REG_2, 16), CALL(get_current_comm), RETURN(0)));
	show("calls bpf_get_stack", LOAD_SYSCALL(MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -64), MOV(BPF_REG_3, 64),
	     MOV(BPF_REG_4, 0), CALL(get_stack), RETURN(0)));
	show("calls bpf_override_return", LOAD_SYSCALL(MOV(BPF_REG_2, 0), CALL(override_return), RETURN(0)));
	show("calls bpf_get_func_ip", LOAD_SYSCALL(CALL(get_func_ip), RETURN(0)));
	show("calls bpf_get_attach_cookie", LOAD_SYSCALL(CALL(get_attach_cookie), RETURN(0)));
	show("calls bpf_ktime_get_coarse_ns", LOAD_SYSCALL(CALL(ktime_get_coarse_ns), RETURN(0)));
}

/* ---- where programs on functions may sleep ---- */

static int load_on(const char *function, int type, int attach_type, int flags)
{
	const struct bpf_insn insns[] = { RETURN(0) };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach_type;
	attr.attach_btf_id = bpf_kernel_function_id(function);
	attr.prog_flags = flags;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = 2;
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	log_text[0] = '\0';
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void target(const char *function, int type, int attach_type, const char *kind)
{
	char what[128];

	if (!bpf_kernel_function_id(function))
		return;
	snprintf(what, sizeof(what), "%s %s", kind, function);
	show(what, load_on(function, type, attach_type, BPF_F_SLEEPABLE));
}

static void targets(void)
{
	static const char *const functions[] = {
		"open_ctree", "btrfs_search_slot", "btrfs_cow_block", "btrfs_check_leaf_full", "btrfs_check_node",
		"btrfs_should_cancel_balance", "should_failslab", "should_fail_alloc_page", "should_fail_bio",
		"__filemap_add_folio", "bpf_fentry_test1", "bpf_modify_return_test", "vfs_read", "do_exit",
		"security_file_open", "security_bprm_check", "bpf_lsm_file_open", "migrate_disable", "kmalloc",
		"kmem_cache_alloc", "__alloc_pages",
	};
	static const char *const hooks[] = {
		"bpf", "bpf_map", "bpf_prog", "bprm_check_security", "bprm_committed_creds", "bprm_creds_for_exec", "capable",
		"capget", "cred_free", "cred_prepare", "file_free_security", "file_ioctl", "file_lock", "file_mprotect",
		"file_open", "file_permission", "inode_create", "inode_getattr", "inode_link", "inode_mkdir", "inode_mknod",
		"inode_permission", "inode_readlink", "inode_rename", "inode_rmdir", "inode_setattr", "inode_symlink",
		"inode_unlink", "mmap_addr", "mmap_file", "path_mkdir", "ptrace_access_check", "sb_mount", "sb_statfs",
		"sb_umount", "settime", "socket_bind", "socket_create", "socket_sendmsg", "syslog", "task_alloc",
		"task_free", "task_kill", "task_prctl", "task_setnice", "task_setscheduler",
	};
	char name[64];

	printf("== targets\n");
	for (unsigned int i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		target(functions[i], BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fentry");
		target(functions[i], BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "fexit");
		target(functions[i], BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "fmod_ret");
	}
	for (unsigned int i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		snprintf(name, sizeof(name), "bpf_lsm_%s", hooks[i]);
		target(name, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "lsm");
		target(name, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "fentry");
	}
	target("bpf_lsm_file_open", BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, "lsm_cgroup");
	target("bpf_lsm_file_open", BPF_PROG_TYPE_LSM, 0, "lsm without a kind");
	target("open_ctree", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "lsm");
}

/* ---- asleep ---- */

/* The kernel's threads, which free what nobody sees any more. */
static void let_workers_run(void)
{
	struct timespec moment = { 0, 50000000 };

	syscall(__NR_nanosleep, &moment, NULL);
}

static int array_of_maps(int inner)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	attr.inner_map_fd = inner;
	return sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

/*
 * Element 0 of @map tells where the program is: 1 before, 2 after it has read; 1 and 2 with which result, and what it
 * read. It also writes to the map that is in @outer when it begins: before, and behind its sleep.
 */
static int load_sleeper(int map, int outer)
{
	return LOAD_SLEEPABLE(MOV_REG(BPF_REG_6, BPF_REG_1), ELEMENT(map, 0), MOV_REG(BPF_REG_9, BPF_REG_0),
			      ELEMENT(outer, 0), MOV_REG(BPF_REG_1, BPF_REG_0), MOV_REG(BPF_REG_2, BPF_REG_10),
			      ADD(BPF_REG_2, -4), CALL(map_lookup_elem), OR_RETURN,
			      STORE64(BPF_REG_10, -24, BPF_REG_0), SET64(BPF_REG_0, 0, 1), SET64(BPF_REG_9, 0, 1),
			      LOAD64(BPF_REG_3, BPF_REG_6, PT_REGS_DI), MOV_REG(BPF_REG_1, BPF_REG_10),
			      ADD(BPF_REG_1, -16), MOV(BPF_REG_2, 8), CALL(copy_from_user),
			      MOV_REG(BPF_REG_7, BPF_REG_0), LOAD64(BPF_REG_8, BPF_REG_10, -16),
			      LOAD64(BPF_REG_0, BPF_REG_10, -24), SET64(BPF_REG_0, 0, 2), SET64(BPF_REG_9, 0, 2),
			      KEEP(map, 1, BPF_REG_7), KEEP(map, 2, BPF_REG_8), RETURN(0));
}

static void show_file(const char *path)
{
	char text[512];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	fflush(stdout);
	if (n > 0)
		write(1, text, n);
}

/* recursion_misses of the program's fdinfo. */
static void show_misses(int program)
{
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", program);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "recursion_misses:\t", 18))
			printf("%s", line + 18);
	if (f)
		fclose(f);
	fflush(stdout);
}

/* Of the scheme that is in force. */
static void show_readers(void)
{
	char choice[32] = "";
	int fd = open("/proc/sys/kernel/bpf_sleepable", O_RDONLY);

	read(fd, choice, sizeof(choice) - 1);
	close(fd);
	show_file(!strcmp(choice, "srcu\n") ? "/sys/kernel/debug/bpf_srcu" : "/sys/kernel/debug/rcu/tasks_trace");
}

static int is_loaded(unsigned int id)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
	close(fd);
	return fd >= 0;
}

static unsigned int id_of(int program)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
	return info.id;
}

/*
 * In another process with the same descriptors: waits until the program is in the middle, closes the program, and its event,
 * which is over only when the program is.
 */
static void watch(int map, int outer, int inner, int event, int program)
{
	unsigned int key = 0, id = id_of(program);
	unsigned long rounds = 0;

	while (value_in(map, 0) == 0)
		if (++rounds > 10000000)
			exit(1);
	printf("another task runs: the program has read nothing yet, state %llu\n", value_in(map, 0));
	printf("the map in the map says %llu\n", value_in(inner, 0));
	bpf_map_delete_elem(outer, &key);
	close(inner);
	printf("nobody refers to it any more, but to free it has to wait:\n");
	show_readers();
	close(program);
	printf("its descriptor is closed: loaded %s\n", is_loaded(id) ? "yes" : "no");
	fflush(stdout);
	close(event);
	printf("the event is closed: state %llu, loaded %s\n", value_in(map, 0), is_loaded(id) ? "yes" : "no");
	fflush(stdout);
	exit(0);
}

static void asleep(const char *device, const char *path)
{
	int map = array(3), inner = array(1), outer = array_of_maps(inner), program = load_sleeper(map, outer);
	int event = open_uprobe(), status;
	int file = !mount(device, "/mnt", "btrfs", MS_RDONLY, NULL) ? open(path, O_RDONLY) : -1;
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	struct { char bytes[9]; } read_bytes = { "" };
	unsigned int key = 0;
	unsigned long long value;
	pid_t pid;

	printf("== asleep\n");
	if (program < 0 || page == MAP_FAILED || set_bpf(event, program)) {
		show("program, file or event", -1);
		return;
	}
	bpf_map_update_elem(outer, &key, &inner, BPF_ANY);
	fflush(stdout);
	pid = syscall(__NR_clone, 0x400 /* CLONE_FILES */ | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		watch(map, outer, inner, event, program);
	syscall(__NR_sched_yield);
	probed(page);
	value = value_in(map, 2);
	memcpy(&read_bytes, &value, 8);
	for (int i = 0; i < 8; i++)
		if (read_bytes.bytes[i] < ' ')
			read_bytes.bytes[i] = '.';
	printf("the program is through: result %lld, it read '%s'\n", (long long)value_in(map, 1), read_bytes.bytes);
	fflush(stdout);
	waitpid(pid, &status, 0);
	let_workers_run();
	show_readers();
}

/* ---- asleep in a trampoline ---- */

/* On getpgid's entry: as load_sleeper(), but the address comes from the registers that the system call was entered with. */
static int load_function_sleeper(int map)
{
	const struct bpf_insn insns[] = {
		LOAD64(BPF_REG_1, BPF_REG_1, 0), LOAD64(BPF_REG_6, BPF_REG_1, PT_REGS_DI),
		ELEMENT(map, 0), MOV_REG(BPF_REG_9, BPF_REG_0), SET64(BPF_REG_9, 0, 1),
		MOV_REG(BPF_REG_3, BPF_REG_6), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -16), MOV(BPF_REG_2, 8),
		CALL(copy_from_user), MOV_REG(BPF_REG_7, BPF_REG_0), LOAD64(BPF_REG_8, BPF_REG_10, -16),
		SET64(BPF_REG_9, 0, 2), KEEP(map, 1, BPF_REG_7), KEEP(map, 2, BPF_REG_8), RETURN(0),
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = BPF_TRACE_FENTRY;
	attr.attach_btf_id = bpf_kernel_function_id("__x64_sys_getpgid");
	attr.prog_flags = BPF_F_SLEEPABLE;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int attach_to_function(int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

/* Images of trampolines in memory. */
static int count_trampolines(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256];
	int count = 0;

	while (f && fgets(line, sizeof(line), f))
		count += strstr(line, " bpf_trampoline_") && strstr(line, "[bpf]");
	if (f)
		fclose(f);
	return count;
}

static void watch_function(int map, int link, int program)
{
	unsigned long rounds = 0;

	while (value_in(map, 0) == 0)
		if (++rounds > 10000000)
			exit(1);
	/* The program runs in another task: it does not run in this one too. */
	syscall(__NR_getpgid, 0);
	printf("another task calls the function too: state %llu, misses ", value_in(map, 0));
	show_misses(program);
	close(link);
	close(program);
	printf("link and program are closed: state %llu, trampolines in memory: %d\n", value_in(map, 0), count_trampolines());
	show_readers();
	syscall(__NR_getpgid, 0);
	exit(0);
}

static void on_function(const char *device, const char *path)
{
	int map = array(3), program = load_function_sleeper(map);
	int link = program < 0 ? -1 : attach_to_function(program), status;
	int file = !mount(device, "/mnt", "btrfs", MS_RDONLY, NULL) ? open(path, O_RDONLY) : -1;
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	unsigned long long value;
	pid_t pid;

	printf("== on a function\n");
	if (link < 0 || page == MAP_FAILED) {
		show("program, link or file", -1);
		return;
	}
	fflush(stdout);
	pid = syscall(__NR_clone, 0x400 /* CLONE_FILES */ | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		watch_function(map, link, program);
	syscall(__NR_sched_yield);
	syscall(__NR_getpgid, page);
	value = value_in(map, 2);
	printf("the program is through: result %lld, it read '%.8s'\n", (long long)value_in(map, 1), (char *)&value);
	fflush(stdout);
	waitpid(pid, &status, 0);
	let_workers_run();
	printf("trampolines in memory: %d\n", count_trampolines());
	show_readers();
}

/* ---- many asleep, while all that they use is replaced ---- */

#define SLEEPERS 3
#define PAGES 6

static unsigned int maps_in_kernel(void)
{
	unsigned int count = 0, id = 0;
	union bpf_attr attr;

	for (;; count++) {
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (sys_bpf(BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr)))
			return count;
		id = attr.next_id;
	}
}

/* A fresh program on a fresh event, with a fresh map in the map. */
static void replace_all(int map, int outer, int *event, int *program)
{
	unsigned int key = 0;
	int inner = array(1), new_program, new_event;

	bpf_map_update_elem(outer, &key, &inner, BPF_ANY);
	close(inner);
	new_program = load_sleeper(map, outer);
	new_event = open_uprobe();
	set_bpf(new_event, new_program);
	close(*program);
	close(*event);
	*program = new_program;
	*event = new_event;
}

static void sleeper(const char *path, int number)
{
	int file = open(path, O_RDONLY);
	char *pages = mmap(NULL, PAGES * 4096, PROT_READ, MAP_PRIVATE, file, 0);

	for (int i = 0; i < PAGES; i++)
		probed(pages + (i + number * PAGES / SLEEPERS) % PAGES * 4096);
	exit(0);
}

static void stress(const char *device, const char *path)
{
	int map = array(3), inner = array(1), outer = array_of_maps(inner), program = load_sleeper(map, outer);
	int event = open_uprobe(), replaced = 0, left = SLEEPERS, status;

	printf("== stress\n");
	close(inner);
	if (program < 0 || set_bpf(event, program)) {
		show("program or event", -1);
		return;
	}
	mount(device, "/mnt", "btrfs", MS_RDONLY, NULL);
	replace_all(map, outer, &event, &program);
	for (int i = 0; i < SLEEPERS; i++)
		if (!fork())
			sleeper(path, i);
	while (left) {
		replace_all(map, outer, &event, &program);
		replaced++;
		while (left && waitpid(-1, &status, WNOHANG) > 0)
			left--;
	}
	umount("/mnt");
	close(event);
	close(program);
	close(outer);
	close(map);
	let_workers_run();
	printf("replaced while they slept: %s; maps that are left: %u\n", replaced > 8 ? "often" : "hardly", maps_in_kernel());
	show_readers();
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "loading")) {
			types();
			maps();
			helpers();
		} else if (!strcmp(argv[i], "syscall")) {
			syscalls();
		} else if (!strcmp(argv[i], "targets")) {
			targets();
		} else if (!strcmp(argv[i], "reading")) {
			reading();
			reading_tasks();
		} else if (!strcmp(argv[i], "asleep") && i + 2 < argc) {
			asleep(argv[i + 1], argv[i + 2]);
			i += 2;
		} else if (!strcmp(argv[i], "stress") && i + 2 < argc) {
			stress(argv[i + 1], argv[i + 2]);
			i += 2;
		} else if (!strcmp(argv[i], "on-function") && i + 2 < argc) {
			on_function(argv[i + 1], argv[i + 2]);
			i += 2;
		} else {
			fprintf(stderr, "usage: sleepable [loading] [reading] [syscall] [targets] [asleep|on-function|stress DEVICE FILE]\n");
			return 2;
		}
	}
	return 0;
}
