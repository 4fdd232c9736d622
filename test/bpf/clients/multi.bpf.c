// SPDX-License-Identifier: GPL-2.0
/* Programs of the kprobe.multi client: on the entry and the return of many functions, one that overrides. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

const volatile int wanted_tgid = 0;
unsigned long ips[64], cookies[64];
long arguments[64];
unsigned int count;

static void record(struct pt_regs *ctx, long argument)
{
	unsigned int at = count;

	if (bpf_get_current_pid_tgid() >> 32 != wanted_tgid || at >= 64)
		return;
	ips[at] = bpf_get_func_ip(ctx);
	cookies[at] = bpf_get_attach_cookie(ctx);
	arguments[at] = argument;
	count = at + 1;
}

SEC("kprobe.multi/vfs_*dir")
int on_pattern(struct pt_regs *ctx)
{
	record(ctx, PT_REGS_IP(ctx) - bpf_get_func_ip(ctx));
	return 0;
}

SEC("kprobe.multi")
int on_entry(struct pt_regs *ctx)
{
	record(ctx, 0);
	return 0;
}

SEC("kretprobe.multi")
int on_return(struct pt_regs *ctx)
{
	record(ctx, PT_REGS_RC(ctx));
	return 0;
}

SEC("kprobe.multi")
int fail(struct pt_regs *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == wanted_tgid)
		bpf_override_return(ctx, -12);
	return 1;
}
