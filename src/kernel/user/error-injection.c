// SPDX-License-Identifier: MIT
/*
 * error-injection [SECTION...]
 *
 * BPF programs on kprobes that make system calls fail: what may be attached where, what happens at the hit, and who wins.
 * Prints one line for each question; the lines are the same on Linux 6.1 (as root) and here. Without arguments, all sections.
 */
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include "lib/probes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TARGET "__x64_sys_getpgid"	/* on the list, and nobody else calls it */

#define INCREMENT(dst)			MOV(BPF_REG_1, 1), INSN(BPF_STX | BPF_ATOMIC | BPF_DW, dst, BPF_REG_1, 0, BPF_ADD)

static char log_text[65536];

static int load_type(int type, const struct bpf_insn *insns, int count, const char *license)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)license;
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	log_text[0] = '\0';
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

#define LOAD(...) LOAD_AS(BPF_PROG_TYPE_KPROBE, "GPL", __VA_ARGS__)
#define LOAD_AS(type, license, ...) load_type(type, INSNS(__VA_ARGS__), license)

static int load_override(unsigned long long value, int result)
{
	return LOAD(LOAD_IMM64(BPF_REG_2, 0, value), CALL(override_return), MOV(BPF_REG_0, result), EXIT);
}

static int load_return(int result)
{
	return LOAD(MOV(BPF_REG_0, result), EXIT);
}

/* Adds one to the first element of the map, and returns 1. */
static int load_counter(int map)
{
	return LOAD(STORE(-4, 0), MOV_REG(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -4),
		    LOAD_IMM64(BPF_REG_1, BPF_PSEUDO_MAP_FD, map), CALL(map_lookup_elem), JEQ(BPF_REG_0, 0, 2),
		    INCREMENT(BPF_REG_0), MOV(BPF_REG_0, 1), EXIT);
}

/* ---- events ---- */

static const char *result(long value)
{
	static char text[8][32];
	static int next;
	char *to = text[next++ % 8];

	if (value < 0)
		return strerrorname_np(errno);
	return strcpy(to, "OK");
}

static void show_log(void)
{
	char *end = log_text + strlen(log_text), *line;

	while (end > log_text && end[-1] == '\n')
		*--end = '\0';
	/* The last line but the statistics. */
	for (;;) {
		line = strrchr(log_text, '\n');
		if (!line || strncmp(line + 1, "processed ", 10))
			break;
		*line = '\0';
	}
	printf("  %s\n", line ? line + 1 : log_text);
}

static void call_target(const char *what)
{
	long value = syscall(__NR_getpgid, 1);

	printf("%s: %ld%s%s\n", what, value, value == -1 ? " " : "", value == -1 ? strerrorname_np(errno) : "");
}

/* Hits and misses of all probes, from kprobe_profile. */
static void show_profile(void)
{
	char text[4096];
	int fd = open(TRACING "kprobe_profile", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n > 0)
		write(1, text, n);
}

/* ---- questions ---- */

static void loading(void)
{
	int fd, array, key = 0;

	puts("== loading");
	printf("GPL: %s\n", result(load_override(-12, 0)));
	fd = LOAD_AS(BPF_PROG_TYPE_KPROBE, "BSD", LOAD_IMM64(BPF_REG_2, 0, -12), CALL(override_return),
		     MOV(BPF_REG_0, 0), EXIT);
	printf("not GPL: %s\n", result(fd));
	show_log();
	fd = LOAD_AS(BPF_PROG_TYPE_TRACEPOINT, "GPL", LOAD_IMM64(BPF_REG_2, 0, -12), CALL(override_return),
		     MOV(BPF_REG_0, 0), EXIT);
	printf("a tracepoint program: %s\n", result(fd));
	show_log();
	fd = LOAD(MOV(BPF_REG_1, 0), MOV(BPF_REG_2, 0), CALL(override_return), MOV(BPF_REG_0, 0), EXIT);
	printf("with no context: %s\n", result(fd));
	show_log();
	fd = LOAD(CALL(override_return), MOV(BPF_REG_0, 0), EXIT);
	printf("with no value: %s\n", result(fd));
	show_log();

	array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, 2, 0);
	fd = load_override(-12, 0);
	printf("into a prog_array: %s\n", result(bpf_map_update_elem(array, &key, &fd, 0)));
	fd = load_return(0);
	printf("one that does not override: %s\n", result(bpf_map_update_elem(array, &key, &fd, 0)));
	fd = LOAD(MOV_REG(BPF_REG_6, BPF_REG_1), MOV(BPF_REG_2, -12), CALL(override_return),
		  MOV_REG(BPF_REG_1, BPF_REG_6), LOAD_IMM64(BPF_REG_2, BPF_PSEUDO_MAP_FD, array), MOV(BPF_REG_3, 0),
		  CALL(tail_call), MOV(BPF_REG_0, 0), EXIT);
	printf("override and tail call: %s\n", result(fd));
	close(array);
}

/* A call that cannot be reached, or only if nothing is known. */
static void dead_code(void)
{
	int array = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, 2, 0), key = 0, event, fd;

	puts("== dead code");
	fd = LOAD(MOV(BPF_REG_0, 0), JEQ(BPF_REG_0, 0, 2), MOV(BPF_REG_2, -12), CALL(override_return),
		  MOV(BPF_REG_0, 0), EXIT);
	printf("load: %s\n", result(fd));
	printf("into a prog_array: %s\n", result(bpf_map_update_elem(array, &key, &fd, 0)));
	event = probe("p", "unlisted", "vfs_read");
	printf("onto a function that is not on the list: %s\n", result(set_bpf(event, fd)));
	close(event);
	close(array);
	forget_probes();
}

static void attach_to(const char *what, const char *definition, const char *place, int program)
{
	int event = probe(definition, "place", place);

	printf("%s: ", what);
	if (event < 0)
		printf("no event: %s\n", strerrorname_np(errno));
	else
		printf("%s\n", result(set_bpf(event, program)));
	close(event);
	forget_probes();
}

static void places(void)
{
	int override = load_override(-12, 0), plain = load_return(1), event, software;
	int other = LOAD_AS(BPF_PROG_TYPE_TRACEPOINT, "GPL", MOV(BPF_REG_0, 0), EXIT);
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK };

	puts("== places");
	attach_to("entry of a listed function", "p", TARGET, override);
	attach_to("entry +0", "p", TARGET "+0", override);
	for (int offset = 1; offset < 16; offset++) {
		char place[64];
		int inside;

		snprintf(place, sizeof(place), TARGET "+%d", offset);
		inside = probe("p", "inside", place);
		if (inside < 0)
			continue;
		printf("behind the entry of a listed one: %s\n", result(set_bpf(inside, override)));
		close(inside);
		forget_probes();
		break;
	}
	attach_to("entry of one not listed", "p", "vfs_read", override);
	attach_to("return of a listed one", "r", TARGET, override);
	attach_to("return of one not listed", "r", "vfs_read", override);
	attach_to("return of one not listed, plain", "r", "vfs_read", plain);
	event = probe("p", "once", TARGET);
	printf("first: %s\n", result(set_bpf(event, override)));
	printf("the same event again: %s\n", result(set_bpf(event, override)));
	printf("the same event, another: %s\n", result(set_bpf(event, plain)));
	printf("program of another type: %s\n", result(set_bpf(event, other)));
	printf("no program: %s\n", result(set_bpf(event, 9999)));
	printf("no program at all: %s\n", result(set_bpf(event, 1)));
	close(event);
	event = probe("p", "full", "vfs_read");
	set_bpf(event, plain);
	printf("override, where the event has one and the function is not listed: %s\n", result(set_bpf(event, override)));
	close(event);
	event = open_event("sched/sched_switch");
	printf("a kprobe program on a tracepoint: %s\n", result(set_bpf(event, override)));
	close(event);
	software = sys_perf_event_open(&attr, 0, -1, -1, 0);
	printf("on a software event: %s\n", result(set_bpf(software, override)));
	close(software);
	forget_probes();
}

static void many(void)
{
	int events[70], n;

	puts("== many");
	probe_command("p:many " TARGET "\n");
	for (n = 0; n < 70; n++) {
		events[n] = open_event("kprobes/many");
		if (set_bpf(events[n], load_return(1)))
			break;
	}
	printf("%d programs, then %s\n", n, strerrorname_np(errno));
	for (; n >= 0; n--)
		close(events[n]);
	forget_probes();
}

/* An override with this value and result: what the caller sees. */
static void value(const char *what, unsigned long long number, int returned)
{
	int event = probe("p", "value", TARGET);

	set_bpf(event, load_override(number, returned));
	call_target(what);
	close(event);
	forget_probes();
}

static void values(void)
{
	puts("== values");
	call_target("nothing attached");
	value("-12", -12, 0);
	value("-12, program returns 1", -12, 1);
	value("0", 0, 0);
	value("a large one", 0x1122334455667788, 0);
	value("-4096", -4096, 0);
	value("the low half", 0xfffffff4, 0);
	call_target("nothing attached any more");
}

static void two_probes(void)
{
	int a, b;

	puts("== two probes at one address");
	a = probe("p", "older", TARGET);
	b = probe("p", "newer", TARGET);
	set_bpf(a, load_override(-5, 0));
	call_target("older alone");
	set_bpf(b, load_override(-6, 0));
	call_target("both");
	show_profile();
	close(b);
	call_target("newer gone");
	close(a);
	call_target("none");
	forget_probes();
}

static void two_programs(void)
{
	int a, b, c, map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, 0), key = 0;
	unsigned long long seen = 0;

	puts("== two programs on one event");
	a = probe("p", "shared", TARGET);
	b = open_event("kprobes/shared");
	c = open_event("kprobes/shared");
	set_bpf(a, load_override(-5, 0));
	set_bpf(b, load_override(-6, 0));
	call_target("second attached last");
	set_bpf(c, load_counter(map));
	call_target("and one that counts");
	bpf_map_lookup_elem(map, &key, &seen);
	printf("counted: %llu\n", seen);
	close(b);
	call_target("first alone");
	ioctl(a, PERF_EVENT_IOC_DISABLE, 0);
	call_target("its event disabled");
	close(a);
	call_target("closed");
	show_profile();
	close(c);
	forget_probes();
}

static void returns(void)
{
	int event = probe("r", "ret", "__x64_sys_umask"), entry;
	long value;

	puts("== return probe");
	syscall(__NR_umask, 022);
	set_bpf(event, load_override(-11, 0));
	value = syscall(__NR_umask, 077);
	close(event);
	printf("umask: %ld; it was set to 0%lo\n", value, syscall(__NR_umask, 022));
	forget_probes();
	event = probe("p", "entry", "__x64_sys_umask");
	set_bpf(event, load_override(-11, 0));
	value = syscall(__NR_umask, 077);
	close(event);
	printf("entry probe: %ld; it was set to 0%lo\n", value, syscall(__NR_umask, 022));
	forget_probes();
	event = probe("r", "both", TARGET);
	entry = probe("p", "first", TARGET);
	set_bpf(event, load_override(-7, 0));
	set_bpf(entry, load_override(-8, 0));
	call_target("a return probe under an entry probe that overrides");
	close(entry);
	call_target("the return probe alone");
	show_profile();
	close(event);
	forget_probes();
}

static long count_of(int event)
{
	unsigned long long count = 0;

	return read(event, &count, sizeof(count)) == sizeof(count) ? (long)count : -1;
}

static void stored(const char *what, int program)
{
	int event = probe("p", "stored", TARGET);

	set_bpf(event, program);
	syscall(__NR_getpgid, 1);
	printf("%s: %ld stored\n", what, count_of(event));
	close(event);
	forget_probes();
}

static void event_is_stored(void)
{
	int a, b;

	puts("== is the event stored");
	stored("program returns 0", load_return(0));
	stored("1", load_return(1));
	stored("2", load_return(2));
	stored("3", load_return(3));
	stored("override and 1", load_override(-12, 1));
	a = probe("p", "pair", TARGET);
	b = open_event("kprobes/pair");
	set_bpf(a, load_return(1));
	set_bpf(b, load_return(0));
	syscall(__NR_getpgid, 1);
	printf("1 and 0: %ld and %ld stored\n", count_of(a), count_of(b));
	close(a);
	close(b);
	forget_probes();
}

/* The override's way back to the caller is a function that can be probed itself. */
static void way_back(void)
{
	int event = probe("p", "override", TARGET), way = probe("p", "way", "just_return_func");

	puts("== the way back");
	set_bpf(event, load_override(-12, 0));
	call_target("with a probe on just_return_func");
	show_profile();
	close(event);
	close(way);
	forget_probes();
}

/* A program runs, and what its helper calls has a probe with another program. */
static void nested(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, 0), key = 0, outer, inner, program;
	unsigned long long seen = 0;

	puts("== a probe hit while a program runs");
	/* The record has the number of the call behind its head. */
	program = LOAD_AS(BPF_PROG_TYPE_TRACEPOINT, "GPL", INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_1, 8, 0),
			  JNE(BPF_REG_2, __NR_getpgid, 5), MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -16),
			  MOV(BPF_REG_2, 8), MOV(BPF_REG_3, 16), CALL(probe_read_user_str), MOV(BPF_REG_0, 0), EXIT);
	outer = open_event("raw_syscalls/sys_enter");
	inner = probe("p", "inner", "strncpy_from_user_nofault");
	printf("programs: %s, %s\n", result(set_bpf(outer, program)), result(set_bpf(inner, load_counter(map))));
	syscall(__NR_getpgid, 1);
	syscall(__NR_getpgid, 1);
	bpf_map_lookup_elem(map, &key, &seen);
	printf("under a tracepoint's program: %llu counted, %ld stored\n", seen, count_of(inner));
	show_profile();
	close(outer);
	outer = probe("p", "outer", TARGET);
	program = LOAD(MOV_REG(BPF_REG_1, BPF_REG_10), ADD(BPF_REG_1, -16), MOV(BPF_REG_2, 8), MOV(BPF_REG_3, 16),
		       CALL(probe_read_user_str), MOV(BPF_REG_0, 0), EXIT);
	printf("program: %s\n", result(set_bpf(outer, program)));
	syscall(__NR_getpgid, 1);
	bpf_map_lookup_elem(map, &key, &seen);
	printf("under a kprobe's program: %llu counted, %ld stored\n", seen, count_of(inner));
	show_profile();
	close(outer);
	close(inner);
	forget_probes();
}

/* A probe that only its perf event knows, made by the kprobe PMU. */
static int pmu(const char *function, unsigned long long addr, unsigned long long offset, unsigned long long config)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_period = 1, .config = config };

	attr.type = number_in("/sys/bus/event_source/devices/kprobe/type");
	attr.kprobe_func = (unsigned long)function;
	if (function)
		attr.probe_offset = offset;
	else
		attr.kprobe_addr = addr;
	return sys_perf_event_open(&attr, -1, 0, -1, 0);
}

static unsigned long long address_of(const char *symbol)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long long found = 0;
	char *line = NULL, *rest;
	size_t room = 0;

	while (!found && getline(&line, &room, f) > 0) {
		unsigned long long address = strtoull(line, &rest, 16);

		line[strcspn(line, "\t\n")] = '\0';
		if (rest[0] == ' ' && !strcmp(rest + 3, symbol))
			found = address;
	}
	fclose(f);
	return found;
}

static void pmu_probes(void)
{
	unsigned long long target = address_of(TARGET);
	int override = load_override(-5, 0), event, other;

	puts("== probes of the PMU");
	printf("a function: %s\n", result(event = pmu(TARGET, 0, 0, 0)));
	printf("override: %s\n", result(set_bpf(event, override)));
	call_target("attached");
	show_profile();
	printf("another on it, newer: %s\n", result(other = pmu(NULL, target, 0, 0)));
	printf("override: %s\n", result(set_bpf(other, load_override(-6, 0))));
	call_target("both");
	close(event);
	call_target("the older closed");
	close(other);
	call_target("both closed");
	printf("inside an instruction: %s\n", result(pmu(TARGET, 0, 1, 0)));
	printf("inside it by address: %s\n", result(pmu(NULL, target + 1, 0, 0)));
	printf("behind the first instruction: %s\n", result(event = pmu(TARGET, 0, 5, 0)));
	printf("override there: %s\n", result(set_bpf(event, override)));
	close(event);
	printf("return: %s\n", result(event = pmu(TARGET, 0, 0, 1)));
	printf("override: %s\n", result(set_bpf(event, override)));
	call_target("attached to the return");
	close(event);
	printf("return, not of the entry: %s\n", result(pmu(TARGET, 0, 5, 1)));
	printf("return by address, not of the entry: %s\n", result(pmu(NULL, target + 5, 0, 1)));
	printf("no such function: %s\n", result(pmu("no_such_function", 0, 0, 0)));
	printf("function of a module: %s\n", result(pmu("module:function", 0, 0, 0)));
	printf("empty name: %s\n", result(pmu("", 0, 0, 0)));
	printf("neither: %s\n", result(pmu(NULL, 0, 0, 0)));
	printf("address of nothing: %s\n", result(pmu(NULL, 0x1234, 0, 0)));
	printf("address of data: %s\n", result(pmu(NULL, address_of("jiffies"), 0, 0)));
	printf("far behind: %s\n", result(pmu(TARGET, 0, 0x7fffffff, 0)));
	printf("what handles probes: %s\n", result(pmu("get_kprobe", 0, 0, 0)));
	printf("unknown flag: %s\n", result(event = pmu(TARGET, 0, 0, 4)));
	close(event);
	printf("name at a bad address: %s\n", result(pmu((const char *)8, 0, 0, 0)));
}

/* What somebody without privilege may do. */
static void privilege(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1 };
	int status;

	puts("== privilege");
	attr.config = number_in(TRACING "events/sched/sched_switch/id");
	if (!fork()) {
		setuid(1000);
		printf("load: %s\n", result(load_override(-12, 0)));
		printf("load a plain kprobe program: %s\n", result(load_return(0)));
		printf("open an event: %s\n", result(sys_perf_event_open(&attr, -1, 0, -1, 0)));
		attr.type = number_in("/sys/bus/event_source/devices/kprobe/type");
		printf("make a probe: %s\n", result(sys_perf_event_open(&attr, -1, 0, -1, 0)));
		printf("kprobe_events: %s\n", result(open(TRACING "kprobe_events", O_WRONLY | O_APPEND)));
		printf("the list: %s\n", result(open("/sys/kernel/debug/error_injection/list", O_RDONLY)));
		_exit(0);
	}
	wait(&status);
}

static const struct {
	const char *name;
	void (*ask)(void);
} all[] = {
	{ "loading", loading }, { "dead-code", dead_code }, { "places", places }, { "many", many }, { "privilege", privilege },
	{ "values", values }, { "probes", two_probes }, { "programs", two_programs }, { "return", returns },
	{ "stored", event_is_stored }, { "way-back", way_back }, { "nested", nested },
	{ "pmu", pmu_probes },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int wanted = argc == 1;

		for (int arg = 1; arg < argc; arg++)
			wanted |= !strcmp(argv[arg], all[i].name);
		if (wanted)
			all[i].ask();
	}
	return 0;
}
