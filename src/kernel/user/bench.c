// SPDX-License-Identifier: MIT
/*
 * bench [CALLS]
 *
 * The comparison of the series that brought sleepable programs: a program that only counts, on the entry of getpgid, which
 * is called over and over. Three times: an ordinary program; a sleepable one kept by SRCU, as the series began; and by
 * rcu_tasks_trace, as it was merged. Prints for each where the processor was, as `perf report` does, from samples of
 * the CPU clock: here a nanosecond is an instruction, so these are shares of executed instructions.
 */
#include "lib/bpf.h"
#include "lib/bpf_insn.h"
#include "lib/probes.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TARGET		"__x64_sys_getpgid"
#define SCHEME		"/proc/sys/kernel/bpf_sleepable"
#define PERIOD		10007		/* ns; a prime, so that no loop is always met at one place */
#define DATA_PAGES	64
#define MAX_SYMBOLS	32768

/* ---- the program ---- */

/* The type information of a program with one function: it gives the code its full name. */
static int load_btf(const char *function, unsigned int *id)
{
	struct {
		struct btf_header header;
		struct btf_type integer;
		unsigned int encoding;
		struct btf_type prototype, function;
		char strings[64];
	} __attribute__((packed)) btf = {
		.header = { .magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof(struct btf_header) },
		.integer = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.prototype = { .info = BTF_KIND_FUNC_PROTO << 24, .type = 1 },
		.function = { .name_off = 5, .info = BTF_KIND_FUNC << 24, .type = 2 },
		.strings = "\0int",
	};
	union bpf_attr attr;

	strcpy(btf.strings + 5, function);
	btf.header.type_len = btf.header.str_off = (char *)btf.strings - (char *)&btf.integer;
	btf.header.str_len = 5 + strlen(function) + 1;
	memset(&attr, 0, sizeof(attr));
	attr.btf = (unsigned long)&btf;
	attr.btf_size = (char *)btf.strings - (char *)&btf + btf.header.str_len;
	*id = 3;
	return sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
}

/* Adds one to the map's value. */
static int load_program(const char *name, int hits, int flags)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, hits), INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_1, BPF_REG_2, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static char log_text[8192];
	struct bpf_func_info info = { 0 };
	union bpf_attr attr;
	int fd, btf;

	memset(&attr, 0, sizeof(attr));
	btf = load_btf(name, &info.type_id);
	if (btf >= 0) {
		attr.prog_btf_fd = btf;
		attr.func_info = (unsigned long)&info;
		attr.func_info_cnt = 1;
		attr.func_info_rec_size = sizeof(info);
	}
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = BPF_TRACE_FENTRY;
	attr.attach_btf_id = bpf_kernel_function_id(TARGET);
	attr.prog_flags = flags;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (unsigned long)"GPL";
	attr.log_buf = (unsigned long)log_text;
	attr.log_size = sizeof(log_text);
	attr.log_level = 1;
	strncpy(attr.prog_name, name, sizeof(attr.prog_name) - 1);
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		fprintf(stderr, "%s on %s (type %u): %s\n%s", name, TARGET, attr.attach_btf_id, strerror(errno), log_text);
	close(btf);
	return fd;
}

/* ---- symbols ---- */

static struct symbol {
	unsigned long address;
	char type;
	char name[64];
	unsigned int samples;
} symbols[MAX_SYMBOLS];
static int symbol_count;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int by_samples(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->samples != y->samples ? (x->samples < y->samples ? 1 : -1) : by_address(a, b);
}

static void read_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[256];

	symbol_count = 0;
	while (f && fgets(line, sizeof(line), f) && symbol_count < MAX_SYMBOLS) {
		struct symbol *symbol = &symbols[symbol_count];
		char *at, *end;

		memset(symbol, 0, sizeof(*symbol));
		symbol->address = strtoul(line, &at, 16);
		symbol->type = at[1];
		if (symbol->type != 't' && symbol->type != 'T')
			continue;
		at += 3;
		end = at + strcspn(at, " \t\n");
		*end = '\0';
		strncpy(symbol->name, at, sizeof(symbol->name) - 1);
		symbol_count++;
	}
	if (f)
		fclose(f);
	qsort(symbols, symbol_count, sizeof(symbols[0]), by_address);
}

static void count_sample(unsigned long ip)
{
	int low = 0, high = symbol_count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (symbols[middle].address <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		symbols[low - 1].samples++;
}

/* ---- samples ---- */

static unsigned int total;

static void read_samples(struct perf_event_mmap_page *page)
{
	const char *data = (const char *)page + 4096;
	unsigned long size = DATA_PAGES * 4096UL, tail = page->data_tail;

	while (tail < page->data_head) {
		const struct perf_event_header *header = (const void *)(data + tail % size);

		if (header->type == PERF_RECORD_SAMPLE) {
			unsigned long ip = *(const unsigned long *)(data + (tail + sizeof(*header)) % size);

			total++;
			if (ip >> 63)
				count_sample(ip);
		}
		tail += header->size;
	}
	page->data_tail = tail;
}

/* ---- one variant ---- */

/* What the program costs beside the call that it is attached to. */
static int is_of_the_program(const char *name)
{
	return !strncmp(name, "bpf_prog_", 9) || !strncmp(name, "bpf_trampoline_", 15) ||
	       !strncmp(name, "__bpf_prog_e", 12) || !strncmp(name, "__srcu_read_", 12);
}

static void report(unsigned long long hits, long calls)
{
	unsigned int sum = 0;

	qsort(symbols, symbol_count, sizeof(symbols[0]), by_samples);
	for (int i = 0; i < symbol_count && symbols[i].samples; i++) {
		if (!is_of_the_program(symbols[i].name))
			continue;
		printf("%4u.%02u%%  bench     [k] %s\n", symbols[i].samples * 100 / total,
		       (unsigned int)(symbols[i].samples * 10000ULL / total % 100), symbols[i].name);
		sum += symbols[i].samples;
	}
	printf("%4u.%02u%%  of %u samples in %ld calls, which the program counted%s\n", sum * 100 / total,
	       (unsigned int)(sum * 10000ULL / total % 100), total, calls, hits == (unsigned long long)calls ? "" : " WRONG");
}

static int choose(const char *scheme)
{
	int fd = open(SCHEME, O_WRONLY), ok = fd >= 0 && write(fd, scheme, strlen(scheme)) > 0;

	close(fd);
	return ok;
}

/*
 * Calls come exactly as fast as the machine is: without this, samples would hit each round at one of few places. Once for
 * every sample the beat is broken, by up to a few rounds.
 */
static void break_the_beat(void)
{
	static unsigned int seed = 1;

	seed = seed * 1103515245 + 12345;
	for (unsigned int i = seed >> 22; i; i--)
		__asm__ __volatile__("");
}

static int measure(const char *title, const char *name, int flags, long calls)
{
	int hits = bpf_map_create(BPF_MAP_TYPE_ARRAY, "hits", 4, 8, 1, 0);
	int program = load_program(name, hits, flags), link = program < 0 ? -1 : attach_tracing(program);
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
					.sample_period = PERIOD, .sample_type = PERF_SAMPLE_IP, .disabled = 1 };
	int event = sys_perf_event_open(&attr, 0, -1, -1, 0);
	struct perf_event_mmap_page *page = mmap(NULL, (DATA_PAGES + 1) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	unsigned long long count = 0, before = 0;
	unsigned int key = 0;

	if (link < 0 || page == MAP_FAILED) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		return -1;
	}
	printf("%s\n", title);
	read_symbols();
	total = 0;
	bpf_map_lookup_elem(hits, &key, &before);
	ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
	for (long i = 0; i < calls; i++) {
		syscall(__NR_getpgid, 0);
		if (i % 32 == 31)
			break_the_beat();
		if (i % 65536 == 65535)
			read_samples(page);
	}
	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	read_samples(page);
	bpf_map_lookup_elem(hits, &key, &count);
	report(count - before, calls);
	munmap(page, (DATA_PAGES + 1) * 4096);
	close(event);
	close(link);
	close(program);
	close(hits);
	return 0;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 200000;

	if (measure("an ordinary program", "bench_trigger_fentry", 0, calls))
		return 1;
	if (!choose("srcu") || measure("a sleepable one: SRCU", "bench_trigger_fentry_sleep", BPF_F_SLEEPABLE, calls))
		return 1;
	if (!choose("rcu_tasks_trace") ||
	    measure("a sleepable one: rcu_tasks_trace", "bench_trigger_fentry_sleep", BPF_F_SLEEPABLE, calls))
		return 1;
	return 0;
}
