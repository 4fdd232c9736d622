// SPDX-License-Identifier: MIT
/*
 * The subsystem's switches under /proc/sys: net/core/bpf_jit_*, kernel/unprivileged_bpf_disabled, kernel/bpf_stats_enabled.
 * (Documentation/admin-guide/sysctl/{net,kernel}.rst)
 */
#include <kernel/capability.h>
#include <kernel/init.h>
#include <kernel/proc_fs.h>
#include "internal.h"

int bpf_jit_enable = 1;
int bpf_jit_harden;
int bpf_jit_kallsyms = 1;
int sysctl_unprivileged_bpf_disabled;
int bpf_stats_enabled;

static int may_write(int value)
{
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static int jit_enable_write(int value)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (value == 2)
		pr_warn("bpf_jit_enable = 2 was set! NEVER use this in production, only for JIT debugging!\n");
	return 0;
}

/* 1 is for good; 0 and 2 may be exchanged. */
static int unprivileged_write(int value)
{
	if (!capable(CAP_SYS_ADMIN) || (sysctl_unprivileged_bpf_disabled == 1 && value != 1))
		return -EPERM;
	return 0;
}

static int __init bpf_sysctl_init(void)
{
	proc_sys_create_int("net/core/bpf_jit_enable", 0644, &bpf_jit_enable, 0, 2, jit_enable_write);
	proc_sys_create_int("net/core/bpf_jit_harden", 0600, &bpf_jit_harden, 0, 2, may_write);
	proc_sys_create_int("net/core/bpf_jit_kallsyms", 0600, &bpf_jit_kallsyms, 0, 1, may_write);
	proc_sys_create_int("kernel/unprivileged_bpf_disabled", 0644, &sysctl_unprivileged_bpf_disabled, 0, 2,
			    unprivileged_write);
	proc_sys_create_int("kernel/bpf_stats_enabled", 0644, &bpf_stats_enabled, 0, 1, may_write);
	return 0;
}
late_initcall(bpf_sysctl_init);
