// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of the libbpf client: a kprobe, a kretprobe, a tracepoint, a raw tracepoint, a ring buffer, maps of several
 * kinds, global variables, a constant that the loader sets, CO-RE relocations, functions (static, global and called back).
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "observe.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* The kernel's structures, as far as they are used: libbpf finds the fields in the kernel's own BTF. */
struct task_struct {
	int pid;
	int tgid;
	struct task_struct *real_parent;
	char comm[16];
} __attribute__((preserve_access_index));

/* One that no kernel has. */
struct task_struct___imaginary {
	int no_such_field;
} __attribute__((preserve_access_index));

struct filename;

struct file {
	unsigned int f_flags;
} __attribute__((preserve_access_index));

const volatile int wanted_tgid = 0;
const volatile char greeting[16] = "hello";
unsigned long seen[8];
int imaginary = -1;
int field_size = -1;
struct {
	int first;
	long second;
} totals = { 7, 40 };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

struct key {
	int what;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_ZERO_SEED);
	__type(key, struct key);
	__type(value, unsigned long);
} by_command SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__uint(map_flags, BPF_F_ZERO_SEED);
	__type(key, int);
	__type(value, long);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, long);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, int);
	__type(value, struct key);
} last SEC(".maps");

static int is_wanted(void)
{
	return bpf_get_current_pid_tgid() >> 32 == wanted_tgid;
}

/* A function of its own, verified by itself. */
__attribute__((noinline)) int count(int what, struct key *key)
{
	unsigned long one = 1, *found;
	struct key copy;

	if (!key)
		return -1;
	/* 6.1 takes no key that lies in a global function's argument. */
	copy = *key;
	found = bpf_map_lookup_elem(&by_command, &copy);
	if (found)
		*found += 1;
	else
		bpf_map_update_elem(&by_command, &copy, &one, BPF_NOEXIST);
	if (what >= 0 && what < 8)
		seen[what]++;
	return 0;
}

static long add_index(unsigned int index, void *context)
{
	*(long *)context += index;
	return 0;
}

static struct record *begin(int what)
{
	struct record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct key key = { .what = what };

	if (!record)
		return 0;
	record->what = what;
	record->result = 0;
	record->mode = 0;
	record->name[0] = 0;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	BPF_CORE_READ_STR_INTO(&record->parent, task, real_parent, comm);
	__builtin_memcpy(key.comm, record->comm, sizeof(key.comm));
	count(what, &key);
	bpf_map_update_elem(&last, &(int){ what & 1 }, &key, BPF_ANY);
	return record;
}

SEC("kprobe/do_mkdirat")
int BPF_KPROBE(on_mkdir, int dfd, struct filename *name, unsigned int mode)
{
	struct record *record;
	long sum = 0;

	if (!is_wanted())
		return 0;
	record = begin(OBSERVED_MKDIR);
	if (!record)
		return 0;
	record->mode = mode & 0777;
	bpf_loop(4, add_index, &sum, 0);
	totals.first += sum;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("kprobe/vfs_mkdir")
int BPF_KPROBE(on_create)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int key = 1;
	long *counter;

	if (!is_wanted())
		return 0;
	imaginary = bpf_core_field_exists(((struct task_struct___imaginary *)task)->no_such_field);
	field_size = bpf_core_field_size(task->comm);
	counter = bpf_map_lookup_elem(&counters, &key);
	if (counter)
		*counter += 1;
	return 0;
}

SEC("kretprobe/do_mkdirat")
int BPF_KRETPROBE(on_mkdir_return, int result)
{
	struct record *record;
	long value = result;
	int key = -result;

	if (!is_wanted())
		return 0;
	bpf_map_update_elem(&recent, &key, &value, BPF_ANY);
	record = begin(OBSERVED_RETURN);
	if (!record)
		return 0;
	record->result = result;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* Pointers that a trampoline passes are followed directly: the verifier knows what they point to. */
SEC("fentry/vfs_read")
int BPF_PROG(on_entry, struct file *file, char *buffer, unsigned long count, long long *position)
{
	struct record *record;

	if (!is_wanted() || count != 5)
		return 0;
	record = begin(OBSERVED_ENTRY);
	if (!record)
		return 0;
	record->mode = file->f_flags & 3;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("fexit/vfs_read")
int BPF_PROG(on_exit, struct file *file, char *buffer, unsigned long count, long long *position, long result)
{
	struct record *record;

	if (!is_wanted() || count != 5)
		return 0;
	record = begin(OBSERVED_EXIT);
	if (!record)
		return 0;
	bpf_probe_read_user_str(record->name, 4, buffer);
	record->result = result;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

struct sys_enter_mkdir {
	unsigned long common;
	long nr;
	const char *pathname;
	unsigned long mode;
};

SEC("tracepoint/syscalls/sys_enter_mkdir")
int on_sys_enter(struct sys_enter_mkdir *event)
{
	struct record *record;

	if (!is_wanted())
		return 0;
	record = begin(OBSERVED_SYSCALL);
	if (!record)
		return 0;
	bpf_probe_read_user_str(record->name, sizeof(record->name), event->pathname);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int on_raw(struct bpf_raw_tracepoint_args *event)
{
	int key = 2;
	long *counter;

	/* mkdir */
	if (!is_wanted() || event->args[1] != 83)
		return 0;
	counter = bpf_map_lookup_elem(&counters, &key);
	if (counter)
		*counter += 1;
	totals.second++;
	return 0;
}
