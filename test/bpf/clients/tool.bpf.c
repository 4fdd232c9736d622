// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that bpftool is asked to load and to show: maps of several kinds, global variables, functions, a loop. Nothing in
 * them depends on the layout of a kernel's structures, so that they are the same everywhere.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct entry {
	int number;
	char name[12];
	struct {
		unsigned int low : 4, high : 28;
	} bits;
	union {
		long whole;
		short parts[4];
	};
};

enum colour { RED = 1, GREEN, BLUE = -3 };

const volatile int limit = 100;
const volatile char motto[8] = "steady";
unsigned long totals[3];
enum colour colour = GREEN;
struct entry prototype = { 7, "prototype", { 5, 6 }, { .whole = 0x100020003 } };
static volatile _Bool seen_one;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_ZERO_SEED);
	__type(key, int);
	__type(value, struct entry);
} entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__uint(map_flags, BPF_F_ZERO_SEED);
	__type(key, int);
	__type(value, long);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_ZERO_SEED | BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, int);
} each SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, int);
	__type(value, struct entry);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, long);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, int);
} jumps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(int));
	__uint(value_size, 8 * 8);
} stacks SEC(".maps");

static long add_index(unsigned int index, long *sum)
{
	*sum += index;
	return 0;
}

__attribute__((noinline)) int classify(int number)
{
	if (number > limit)
		return BLUE;
	return number & 1 ? RED : GREEN;
}

SEC("kprobe/vfs_mkdir")
int on_mkdir(struct pt_regs *ctx)
{
	struct entry *entry, fresh = { 1, "fresh" };
	int key = 1, kind;
	long sum = 0, *counter, number = PT_REGS_PARM1(ctx) & 3;

	entry = bpf_map_lookup_elem(&entries, &key);
	if (entry)
		entry->number += number;
	else
		bpf_map_update_elem(&entries, &key, &fresh, BPF_ANY);
	entry = bpf_map_lookup_elem(&slots, &key);
	if (entry)
		entry->whole++;
	counter = bpf_map_lookup_elem(&recent, &key);
	if (counter)
		*counter = number / (number | 1);
	counter = bpf_map_lookup_elem(&counters, &key);
	if (counter)
		*counter += 1;
	bpf_map_delete_elem(&each, &key);
	bpf_loop(10, add_index, &sum, 0);
	kind = classify(sum);
	totals[0] += sum;
	totals[1] += kind;
	totals[2] += bpf_jiffies64() ? 1 : 0;
	seen_one = 1;
	return 0;
}

SEC("kretprobe/vfs_mkdir")
int on_return(struct pt_regs *ctx)
{
	/* No tail call: the code for one depends on what the processor has against speculation. */
	return PT_REGS_RC(ctx) ? classify(totals[0]) : 0;
}

SEC("tracepoint/syscalls/sys_enter_mkdir")
int on_enter(void *ctx)
{
	int *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record)
		return 0;
	*record = bpf_get_stackid(ctx, &stacks, 0) & 0;
	bpf_ringbuf_discard(record, 0);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int on_raw(struct bpf_raw_tracepoint_args *ctx)
{
	int key = 2, one = 1;

	if (ctx->args[1] == 83)
		bpf_map_update_elem(&each, &key, &one, BPF_ANY);
	return 0;
}
