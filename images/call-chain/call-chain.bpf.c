// SPDX-License-Identifier: GPL-2.0
/*
 * A condition on the call chain without reading stacks: a probe on the entry of btrfs_read_chunk_tree() counts up, one on
 * its return counts down, and btrfs_search_slot() fails only while the count is not zero. Other callers are spared.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#define EIO 5

struct pt_regs;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} depth SEC(".maps");

static __u64 *depth_of_calls(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&depth, &zero);
}

SEC("kprobe/btrfs_read_chunk_tree")
int enter(struct pt_regs *ctx)
{
	__u64 *count = depth_of_calls();

	if (count)
		++*count;
	bpf_printk("btrfs_read_chunk_tree entered");
	return 0;
}

SEC("kretprobe/btrfs_read_chunk_tree")
int leave(struct pt_regs *ctx)
{
	__u64 *count = depth_of_calls();

	if (count)
		--*count;
	bpf_printk("btrfs_read_chunk_tree returns");
	return 0;
}

SEC("kprobe/btrfs_search_slot")
int search(struct pt_regs *ctx)
{
	__u64 *count = depth_of_calls();

	if (!count || !*count) {
		bpf_printk("btrfs_search_slot called by another: spared");
		return 0;
	}
	bpf_printk("btrfs_search_slot under btrfs_read_chunk_tree: fails");
	bpf_override_return(ctx, -EIO);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
