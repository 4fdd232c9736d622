// SPDX-License-Identifier: GPL-2.0
/*
 * The list says of kmalloc() that it may return NULL. A program may write anything: here the first call under a function
 * of btrfs gets an address where nothing is, and the kernel believes it.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define NOWHERE 0xffffffffdead0000

struct pt_regs;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} armed SEC(".maps");

SEC("kprobe/btrfs_read_chunk_tree")
int arm(struct pt_regs *ctx)
{
	__u32 zero = 0, *value = bpf_map_lookup_elem(&armed, &zero);

	if (value)
		*value = 1;
	return 0;
}

SEC("kprobe/kmalloc")
int return_nonsense(struct pt_regs *ctx)
{
	__u32 zero = 0, *value = bpf_map_lookup_elem(&armed, &zero);

	if (!value || !*value)
		return 0;
	*value = 0;
	bpf_override_return(ctx, NOWHERE);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
