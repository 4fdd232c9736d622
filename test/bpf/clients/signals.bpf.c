// SPDX-License-Identifier: MIT
/* Helpers about the task that a program runs in, from each kind of program that may call them. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>

enum { CONTROL_GROUP, ANCESTOR_0, ANCESTOR_1, NAMESPACE, TOO_BIG, NONE, IDS };

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} groups SEC(".maps");

/* Never set: what depends on it must not even be looked at once the map is frozen. */
const volatile _Bool only_in_group;
int target;
long sent[5], asked[IDS];
struct bpf_pidns_info numbers;

static __always_inline _Bool wanted(void)
{
	if (only_in_group && !bpf_current_task_under_cgroup(&groups, 0))
		return 0;
	return (int)bpf_get_current_pid_tgid() == target;
}

SEC("kprobe/__x64_sys_getpgid")
int from_kprobe(void *ctx)
{
	if (wanted())
		sent[0] = bpf_send_signal(10);
	return 0;
}

SEC("fentry/__x64_sys_getsid")
int from_fentry(void *ctx)
{
	if (wanted()) {
		sent[1] = bpf_send_signal(10);
		sent[2] = bpf_send_signal_thread(12);
	}
	return 0;
}

SEC("tp/syscalls/sys_enter_getppid")
int from_tracepoint(void *ctx)
{
	if (wanted())
		sent[3] = bpf_send_signal(10);
	return 0;
}

SEC("raw_tp/sys_enter")
int from_raw_tracepoint(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == 111 && wanted())
		sent[4] = bpf_send_signal_thread(12);
	return 0;
}

SEC("kprobe/__x64_sys_getuid")
int ask(void *ctx)
{
	if (!wanted())
		return 0;
	asked[CONTROL_GROUP] = bpf_get_current_cgroup_id();
	asked[ANCESTOR_0] = bpf_get_current_ancestor_cgroup_id(0);
	asked[ANCESTOR_1] = bpf_get_current_ancestor_cgroup_id(1);
	asked[NAMESPACE] = bpf_get_ns_current_pid_tgid(3, 0xeffffffc, &numbers, sizeof(numbers));
	asked[TOO_BIG] = bpf_send_signal(65);
	asked[NONE] = bpf_send_signal(0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
