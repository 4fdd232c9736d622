// SPDX-License-Identifier: MIT
/*
 * eras [YEAR...]
 *
 * The same programs under the rules of 2015, 2017, 2020 and Linux 6.1 (/proc/sys/kernel/bpf_rules): a row for each
 * question, a column for each year. Without arguments, all four; "now" is the year that the kernel was booted with.
 *
 * eras stray: what an override on a function's return does to the next probe under the rules of 2017.
 */
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include "lib/probes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RULES "/proc/sys/kernel/bpf_rules"

struct load {
	int type, flags;
	unsigned int version;
	const char *license;
};

static unsigned int kernel_version;

static int load_program(struct load how, const struct bpf_insn *insns, int count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = how.type ? how.type : BPF_PROG_TYPE_KPROBE;
	attr.prog_flags = how.flags;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)(how.license ? how.license : "GPL");
	attr.kern_version = how.version ? how.version : kernel_version;
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define LOAD_AS(how, ...) load_program(how, INSNS(__VA_ARGS__))
#define LOAD(...) LOAD_AS((struct load){ 0 }, __VA_ARGS__)

static int new_map(enum bpf_map_type type, unsigned int flags)
{
	unsigned int key = 4, value = 8, entries = 4;

	if (type == BPF_MAP_TYPE_RINGBUF) {
		key = value = 0;
		entries = 4096;
	}
	return bpf_map_create(type, "", key, value, entries, flags);
}

/* ---- events ---- */

static const char *outcome(long value)
{
	return value < 0 ? strerrorname_np(errno) : "yes";
}

/* A program attached to a probe; closes what it opened. */
static const char *attach_to(const char *definition, const char *place, int program)
{
	int event = program < 0 ? -1 : probe(definition, "era", place);
	const char *text = outcome(event < 0 ? -1 : set_bpf(event, program));

	close(event);
	close(program);
	forget_probes();
	return text;
}

/* ---- questions: each answers with a word or an errno ---- */

static const char *loaded(int fd)
{
	const char *text = outcome(fd);

	close(fd);
	return text;
}

static const char *no_version(void) { return loaded(LOAD_AS((struct load){ .version = 1 }, RETURN(0))); }
static const char *right_version(void) { return loaded(LOAD(RETURN(0))); }

/* @count instructions, the last two of which are r0 = 0; exit. */
static const char *many_instructions(int count)
{
	struct bpf_insn *insns = malloc(count * sizeof(*insns));
	const char *text;

	for (int i = 0; i < count - 1; i++)
		insns[i] = MOV(BPF_REG_0, 0);
	insns[count - 1] = EXIT;
	text = loaded(load_program((struct load){ 0 }, insns, count));
	free(insns);
	return text;
}

static const char *insns_4095(void) { return many_instructions(4095); }
static const char *insns_4096(void) { return many_instructions(4096); }
static const char *insns_4097(void) { return many_instructions(4097); }

static const char *loop(void)
{
	return loaded(LOAD(MOV(BPF_REG_0, 3), ADD(BPF_REG_0, -1), JNE(BPF_REG_0, 0, -2), EXIT));
}

static const char *function(void)
{
	return loaded(LOAD(CALL_FUNCTION(1), EXIT, RETURN(0)));
}

static const char *jump32(void)
{
	return loaded(LOAD(MOV(BPF_REG_0, 0), JNE32(BPF_REG_0, 1, 0), EXIT));
}

static const char *stack_garbage(void)
{
	return loaded(LOAD(LOAD64(BPF_REG_1, BPF_REG_10, -8), RETURN(0)));
}

static const char *register_garbage(void)
{
	return loaded(LOAD(MOV_REG(BPF_REG_0, BPF_REG_2), EXIT));
}

static const char *helper(int number)
{
	return loaded(LOAD(CALL_NUMBER(number), RETURN(0)));
}

static const char *ktime(void) { return helper(BPF_FUNC_ktime_get_ns); }
static const char *boot_time(void) { return helper(BPF_FUNC_ktime_get_boot_ns); }

static const char *override(void)
{
	return loaded(LOAD(MOV(BPF_REG_2, -12), CALL(override_return), RETURN(0)));
}

static const char *read_to_stack(void)
{
	return loaded(LOAD(MOV_REG(BPF_REG_3, BPF_REG_1), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8),
			   MOV(BPF_REG_2, 8), CALL(probe_read), RETURN(0)));
}

static const char *read_to_map(void)
{
	int map = new_map(BPF_MAP_TYPE_ARRAY, 0);
	const char *text = loaded(LOAD(MOV_REG(BPF_REG_6, BPF_REG_1), STORE(-4, 0), MOV_REG(BPF_REG_2, BPF_REG_10),
				       ADD(BPF_REG_2, -4), LOAD_FD(BPF_REG_1, BPF_PSEUDO_MAP_FD, map),
				       CALL(map_lookup_elem), JEQ(BPF_REG_0, 0, 4),
				       MOV_REG(BPF_REG_1, BPF_REG_0), MOV(BPF_REG_2, 8),
				       MOV_REG(BPF_REG_3, BPF_REG_6), CALL(probe_read), RETURN(0)));

	close(map);
	return text;
}

static const char *proprietary_read(void)
{
	return loaded(LOAD_AS((struct load){ .license = "Proprietary" }, MOV_REG(BPF_REG_3, BPF_REG_1),
			      MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -8), MOV(BPF_REG_2, 8),
			      CALL(probe_read), RETURN(0)));
}

static const char *map_of(enum bpf_map_type type) { return loaded(new_map(type, 0)); }
static const char *hash_map(void) { return map_of(BPF_MAP_TYPE_HASH); }
static const char *percpu_map(void) { return map_of(BPF_MAP_TYPE_PERCPU_ARRAY); }
static const char *ring_buffer(void) { return map_of(BPF_MAP_TYPE_RINGBUF); }

static const char *program_type(int type, int flags)
{
	return loaded(LOAD_AS(((struct load){ .type = type, .flags = flags }), RETURN(0)));
}

static const char *tracepoint_type(void) { return program_type(BPF_PROG_TYPE_TRACEPOINT, 0); }
static const char *raw_tracepoint_type(void) { return program_type(BPF_PROG_TYPE_RAW_TRACEPOINT, 0); }

/* ---- attaching ---- */

static const char *two_programs(void)
{
	int first = probe("p", "era", "__x64_sys_getpgid"), second = open_event("kprobes/era");
	int a = LOAD(RETURN(0)), b = LOAD(RETURN(0));
	const char *text = set_bpf(first, a) ? "?" : outcome(set_bpf(second, b));

	close(first);
	close(second);
	close(a);
	close(b);
	forget_probes();
	return text;
}

static int hits(int map)
{
	unsigned int key = 0;
	unsigned long long value = 0;

	bpf_map_lookup_elem(map, &key, &value);
	return value;
}

/* Stores the number of an element that it writes: a count that 2015 could keep too. */
static int load_marker(int map, int result)
{
	return LOAD(STORE(-4, 0), STORE(-16, 1), STORE(-12, 0), MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4),
		    MOV_REG(BPF_REG_3, BPF_REG_10), ADD(BPF_REG_3, -16), MOV(BPF_REG_4, BPF_ANY),
		    LOAD_FD(BPF_REG_1, BPF_PSEUDO_MAP_FD, map), CALL(map_update_elem), RETURN(result));
}

static const char *other_descriptor(void)
{
	unsigned int key = 0;
	unsigned long long zero = 0;
	int map = new_map(BPF_MAP_TYPE_ARRAY, 0), program = load_marker(map, 0);
	int first = probe("p", "era", "__x64_sys_getpgid"), second = open_event("kprobes/era");
	const char *text;

	if (set_bpf(first, program))
		return "?";
	close(second);
	bpf_map_update_elem(map, &key, &zero, BPF_ANY);
	syscall(__NR_getpgid, 0);
	text = hits(map) ? "runs on" : "is gone";
	close(first);
	close(program);
	close(map);
	forget_probes();
	return text;
}

/* Whether an event is stored whose program returns @result: by the descriptor's own count. */
static const char *stored(int result)
{
	int program = LOAD(RETURN(result)), event = probe("p", "era", "__x64_sys_getpgid");
	unsigned long long count = 0;

	if (set_bpf(event, program))
		return "?";
	syscall(__NR_getpgid, 0);
	read(event, &count, sizeof(count));
	close(event);
	close(program);
	forget_probes();
	return count ? "yes" : "no";
}

static const char *stored_1(void) { return stored(1); }
static const char *stored_2(void) { return stored(2); }

static const char *software_event(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .sample_period = 1,
					.config = PERF_COUNT_SW_CPU_CLOCK };
	int event = sys_perf_event_open(&attr, 0, -1, -1, 0), program = LOAD(RETURN(0));
	const char *text = outcome(set_bpf(event, program));

	close(event);
	close(program);
	return text;
}

static const char *pmu_event(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_period = 1 };
	int program = LOAD(RETURN(0)), event;
	const char *text;

	attr.type = number_in("/sys/bus/event_source/devices/kprobe/type");
	attr.kprobe_func = (unsigned long)"__x64_sys_getpgid";
	event = sys_perf_event_open(&attr, -1, 0, -1, 0);
	text = event < 0 ? outcome(event) : outcome(set_bpf(event, program));
	close(event);
	close(program);
	return text;
}

/* ---- overriding ---- */

static int load_override(int value)
{
	return LOAD(MOV(BPF_REG_2, value), CALL(override_return), RETURN(0));
}

static const char *on_listed(void) { return attach_to("p", "__x64_sys_getpgid", load_override(-12)); }
static const char *on_unlisted(void) { return attach_to("p", "get_unused_fd_flags", load_override(-12)); }
static const char *on_middle(void) { return attach_to("p", "__x64_sys_getpgid+5", load_override(-12)); }
static const char *on_return(void) { return attach_to("r", "__x64_sys_getpgid", load_override(-12)); }
static const char *on_return_unlisted(void) { return attach_to("r", "get_unused_fd_flags", load_override(-12)); }

/* The call that the program makes fail, if it could be attached. */
static const char *pipe_fails(void)
{
	int fds[2], event, program = load_override(-ENOSPC);
	const char *text = "-";

	if (program < 0)
		return text;
	event = probe("p", "era", "get_unused_fd_flags");
	if (!set_bpf(event, program))
		text = pipe(fds) ? strerrorname_np(errno) : "succeeds";
	close(event);
	close(program);
	forget_probes();
	return text;
}

static const char *getpgid_fails(void)
{
	int event, program = load_override(-ENOSPC);
	const char *text = "-";

	if (program < 0)
		return text;
	event = probe("p", "era", "__x64_sys_getpgid");
	if (!set_bpf(event, program))
		text = syscall(__NR_getpgid, 0) < 0 ? strerrorname_np(errno) : "succeeds";
	close(event);
	close(program);
	forget_probes();
	return text;
}

/* What kind of probe an event on a function's entry gets. */
static const char *kind_of_probe(void)
{
	static char list[8192];
	int event = probe("p", "era", "get_unused_fd_flags"), fd = open("/sys/kernel/debug/kprobes/list", O_RDONLY);
	ssize_t n = read(fd, list, sizeof(list) - 1);

	list[n < 0 ? 0 : n] = '\0';
	close(fd);
	close(event);
	forget_probes();
	return strstr(list, "[FTRACE]") ? "ftrace" : strstr(list, "get_unused_fd_flags") ? "int3" : "?";
}

/*
 * Under the rules of 2017: an override on a function's return leaves the mark that the next probe takes for its own. That
 * probe's function then begins one byte too late.
 */
static void stray_mark(void)
{
	int returning = probe("r", "era", "__x64_sys_getpgid"), entering = probe("p", "next", "__x64_sys_getsid");

	if (set_bpf(returning, load_override(-ENOSPC)) || set_bpf(entering, LOAD(RETURN(0)))) {
		printf("not attached: %s\n", strerrorname_np(errno));
		return;
	}
	printf("getsid: %ld\n", (long)syscall(__NR_getsid, 0));
	printf("getpgid, overridden on its return: %s\n", syscall(__NR_getpgid, 0) < 0 ? strerrorname_np(errno) : "succeeds");
	printf("getsid: ");
	fflush(stdout);
	printf("%ld\n", (long)syscall(__NR_getsid, 0));
}

/* ---- sleepable programs ---- */

static const char *sleepable_kprobe(void) { return program_type(BPF_PROG_TYPE_KPROBE, BPF_F_SLEEPABLE); }
static const char *sleepable_tracepoint(void) { return program_type(BPF_PROG_TYPE_TRACEPOINT, BPF_F_SLEEPABLE); }

static int load_on(const char *function, int type, int attach_type, int flags, int map)
{
	const struct bpf_insn insns[] = { LOAD_FD(BPF_REG_1, map < 0 ? 0 : BPF_PSEUDO_MAP_FD, map), RETURN(0) };
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach_type;
	attr.attach_btf_id = bpf_kernel_function_id(function);
	attr.prog_flags = flags;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (unsigned long)"GPL";
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static const char *fentry_on(const char *function, int flags)
{
	return loaded(load_on(function, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, flags, -1));
}

static const char *hook(const char *name)
{
	return loaded(load_on(name, BPF_PROG_TYPE_LSM, BPF_LSM_MAC, BPF_F_SLEEPABLE, -1));
}

static const char *with_map(int type, int flags)
{
	int map = new_map(type, flags);
	const char *text = map < 0 ? "-" : loaded(load_on("open_ctree", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY,
							   BPF_F_SLEEPABLE, map));

	close(map);
	return text;
}

static const char *plain_fentry(void) { return fentry_on("open_ctree", 0); }
static const char *fentry_listed(void) { return fentry_on("open_ctree", BPF_F_SLEEPABLE); }
static const char *fentry_syscall(void) { return fentry_on("__x64_sys_getpgid", BPF_F_SLEEPABLE); }
static const char *fentry_unlisted(void) { return fentry_on("get_unused_fd_flags", BPF_F_SLEEPABLE); }
static const char *fentry_denied(void) { return fentry_on("should_failslab", BPF_F_SLEEPABLE); }
static const char *hook_mprotect(void) { return hook("bpf_lsm_file_mprotect"); }
static const char *hook_committed(void) { return hook("bpf_lsm_bprm_committed_creds"); }
static const char *hook_open(void) { return hook("bpf_lsm_file_open"); }
static const char *with_array(void) { return with_map(BPF_MAP_TYPE_ARRAY, 0); }
static const char *with_hash(void) { return with_map(BPF_MAP_TYPE_HASH, 0); }
static const char *with_allocated_hash(void) { return with_map(BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC); }
static const char *with_lru(void) { return with_map(BPF_MAP_TYPE_LRU_HASH, 0); }
static const char *with_percpu(void) { return with_map(BPF_MAP_TYPE_PERCPU_ARRAY, 0); }
static const char *with_ring_buffer(void) { return with_map(BPF_MAP_TYPE_RINGBUF, 0); }
static const char *with_stack(void) { return with_map(BPF_MAP_TYPE_STACK, 0); }

/* ---- the table ---- */

static const struct {
	const char *text;
	const char *(*ask)(void);
} questions[] = {
	{ "== Loading a program on kprobes", NULL },
	{ "that names another kernel's version", no_version },
	{ "that names this kernel's version", right_version },
	{ "of 4095 instructions", insns_4095 },
	{ "of 4096 instructions", insns_4096 },
	{ "of 4097 instructions", insns_4097 },
	{ "with a loop of three rounds", loop },
	{ "with a function of its own", function },
	{ "with a jump on 32 bits", jump32 },
	{ "that reads stack it has not written", stack_garbage },
	{ "that reads a register it has not written", register_garbage },
	{ "that calls bpf_probe_read, to the stack", read_to_stack },
	{ "that calls bpf_probe_read, to a map", read_to_map },
	{ "the same to the stack, not under the GPL", proprietary_read },
	{ "that calls bpf_ktime_get_ns", ktime },
	{ "that calls bpf_override_return", override },
	{ "that calls bpf_ktime_get_boot_ns", boot_time },
	{ "== Other things to make", NULL },
	{ "a hash", hash_map },
	{ "an array for each processor", percpu_map },
	{ "a ring buffer", ring_buffer },
	{ "a program for tracepoints", tracepoint_type },
	{ "a program for raw tracepoints", raw_tracepoint_type },
	{ "== Attaching", NULL },
	{ "a second program to a probe event", two_programs },
	{ "when another descriptor is closed, it", other_descriptor },
	{ "to an event of the kprobe PMU", pmu_event },
	{ "to a software event", software_event },
	{ "a program that returned 1 stores", stored_1 },
	{ "a program that returned 2 stores", stored_2 },
	{ "the kind of a probe on an entry", kind_of_probe },
	{ "== Attaching an override", NULL },
	{ "to getpgid, which is on the list", on_listed },
	{ "to get_unused_fd_flags, which is not on it", on_unlisted },
	{ "to getpgid's second instruction", on_middle },
	{ "to the return from getpgid", on_return },
	{ "to the return from get_unused_fd_flags", on_return_unlisted },
	{ "getpgid then", getpgid_fails },
	{ "pipe then", pipe_fails },
	{ "== Sleepable programs", NULL },
	{ "for uprobes", sleepable_kprobe },
	{ "for tracepoints", sleepable_tracepoint },
	{ "fentry, not sleepable, on open_ctree", plain_fentry },
	{ "fentry on open_ctree, of the list", fentry_listed },
	{ "fentry on a system call", fentry_syscall },
	{ "fentry on should_failslab, of the list", fentry_denied },
	{ "fentry on get_unused_fd_flags", fentry_unlisted },
	{ "the LSM hook file_mprotect", hook_mprotect },
	{ "the LSM hook bprm_committed_creds", hook_committed },
	{ "the LSM hook file_open", hook_open },
	{ "with an array", with_array },
	{ "with a hash", with_hash },
	{ "with a hash that is not preallocated", with_allocated_hash },
	{ "with an LRU hash", with_lru },
	{ "with an array for each processor", with_percpu },
	{ "with a ring buffer", with_ring_buffer },
	{ "with a stack", with_stack },
};

static char *years[] = { "2015", "2017", "2020", "6.1" };

static int choose(const char *year)
{
	int fd = open(RULES, O_WRONLY), ok = write(fd, year, strlen(year)) > 0;

	close(fd);
	return ok;
}

static void show_row(int number, char **columns, int count)
{
	printf("%-44s", questions[number].text);
	for (int i = 0; i < count; i++) {
		if (strcmp(columns[i], "now") && !choose(columns[i]))
			printf("%-11s", "?");
		else
			printf(i + 1 < count ? "%-11s" : "%s", questions[number].ask());
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? argc - 1 : 4;
	char **columns = argc > 1 ? argv + 1 : years;
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (!uname(&name)) {
		char *dot = strchr(name.release, '.');

		major = atoi(name.release);
		minor = dot ? atoi(dot + 1) : 0;
	}
	kernel_version = major << 16 | minor << 8;
	if (argc > 1 && !strcmp(argv[1], "stray")) {
		stray_mark();
		return 0;
	}
	printf("%-44s", "");
	for (int i = 0; i < count; i++)
		printf(i + 1 < count ? "%-11s" : "%s", columns[i]);
	printf("\n");
	for (unsigned int i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (questions[i].ask)
			show_row(i, columns, count);
		else
			printf("\n%s\n", questions[i].text);
	}
	return 0;
}
