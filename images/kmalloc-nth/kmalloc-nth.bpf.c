// SPDX-License-Identifier: GPL-2.0
/*
 * One call of kmalloc() fails: the nth of those that have a given function on their call stack. Which function and
 * which n is in the map `target`; the program reports the call stack of the call that it made fail there.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define DEPTH 16

struct pt_regs;

struct target {
	__u64 start, end;	/* the function on the stack */
	__u64 nth;		/* counted from 1 */
	__u64 calls;		/* calls under the function so far */
	__s64 stack_bytes;	/* of the call that failed; 0: none yet */
	__u64 stack[DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct target);
} target SEC(".maps");

SEC("kprobe/kmalloc")
int fail_nth(struct pt_regs *ctx)
{
	__u64 frames[DEPTH] = {};
	__u32 zero = 0;
	struct target *t = bpf_map_lookup_elem(&target, &zero);
	int under = 0;

	if (!t || bpf_get_stack(ctx, frames, sizeof(frames), 0) < 0)
		return 0;
#pragma unroll
	for (int i = 0; i < DEPTH; i++)
		if (frames[i] >= t->start && frames[i] < t->end)
			under = 1;
	if (!under || ++t->calls != t->nth)
		return 0;
	t->stack_bytes = bpf_get_stack(ctx, t->stack, sizeof(t->stack), 0);
	bpf_override_return(ctx, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
