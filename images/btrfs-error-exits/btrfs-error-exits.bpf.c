// SPDX-License-Identifier: GPL-2.0
/*
 * One call fails: the nth allocation, or every disk request from the nth, of those that have two given functions on their call stack
 * and a third not. The map `target` says which; the program counts there.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define DEPTH 16

struct pt_regs;

struct range {
	__u64 start, end;
};

struct target {
	struct range under, step, reject;
	__u64 nth, calls;	/* counted from 1; 0 only counts */
	__s64 error;		/* what the call returns: -EIO is for disk requests, all else for allocations */
	__u64 failed;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct target);
} target SEC(".maps");

static __always_inline int fail_nth(struct pt_regs *ctx, int io)
{
	__u64 frames[DEPTH] = {};
	__u32 zero = 0;
	struct target *t = bpf_map_lookup_elem(&target, &zero);
	int under = 0, step = 0;

	if (!t || (t->error == -5) != io || bpf_get_stack(ctx, frames, sizeof(frames), 0) < 0)
		return 0;
#pragma unroll
	for (int i = 0; i < DEPTH; i++) {
		if (frames[i] >= t->under.start && frames[i] < t->under.end)
			under = 1;
		if (frames[i] >= t->step.start && frames[i] < t->step.end)
			step = 1;
		if (frames[i] >= t->reject.start && frames[i] < t->reject.end)
			return 0;
	}
	if (!under || !step)
		return 0;
	t->calls++;
	/* A request is made again at the other mirror, so those after the nth fail as well. */
	if (!t->nth || (io ? t->calls < t->nth : t->calls != t->nth))
		return 0;
	t->failed = 1;
	bpf_override_return(ctx, t->error);
	return 0;
}

SEC("kprobe/should_failslab")
int fail_allocation(struct pt_regs *ctx)
{
	return fail_nth(ctx, 0);
}

SEC("kprobe/should_fail_bio")
int fail_request(struct pt_regs *ctx)
{
	return fail_nth(ctx, 1);
}

char LICENSE[] SEC("license") = "GPL";
