// SPDX-License-Identifier: GPL-2.0
/* The example of the 2017 series: every call of open_ctree() returns -ENOMEM without having run. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

struct pt_regs;

SEC("kprobe/open_ctree")
int fail_open_ctree(struct pt_regs *ctx)
{
	bpf_override_return(ctx, -ENOMEM);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
