// SPDX-License-Identifier: MIT
/* A program that its own helper calls again, and four kinds of programs on one function. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, long);
} own SEC(".maps"), other SEC(".maps");

int deletions;
char order[8];
long seen[8];
unsigned int ran;

static __always_inline void record(char who, long value)
{
	if (ran < 8) {
		order[ran] = who;
		seen[ran++] = value;
	}
}

SEC("fentry/htab_map_delete_elem")
int BPF_PROG(on_deletion, void *map)
{
	int key = 0;

	deletions++;
	bpf_map_delete_elem(&own, &key);
	return 0;
}

SEC("fentry/bpf_modify_return_test")
int BPF_PROG(entered, int a, int *b)
{
	record('e', a);
	return 0;
}

SEC("fmod_ret/bpf_modify_return_test")
int BPF_PROG(lets, int a, int *b, int ret)
{
	record('l', ret);
	return 0;
}

SEC("fmod_ret/bpf_modify_return_test")
int BPF_PROG(refuses, int a, int *b, int ret)
{
	record('r', ret);
	return -7;
}

SEC("fexit/bpf_modify_return_test")
int BPF_PROG(left, int a, int *b, int ret)
{
	record('x', ret);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
