// SPDX-License-Identifier: MIT
/* Helpers about the current task: its control group and namespaces. (man bpf-helpers) */
#include <kernel/string.h>
#include <kernel/time.h>
#include "internal.h"

/* Control groups cannot be made: all tasks are in the root of the hierarchy. */
BPF_HELPER(get_current_cgroup_id)
{
	return 1;
}

BPF_HELPER(get_current_ancestor_cgroup_id)
{
	return (int)r1 ? 0 : 1;
}

/* Namespaces have no files here whose device and inode could be named. */
BPF_HELPER(get_ns_current_pid_tgid)
{
	memset((void *)r3, 0, (u32)r4);
	return -EINVAL;
}

/* There are no leap seconds here that anyone could have told the kernel of. */
BPF_HELPER(ktime_get_tai_ns)
{
	return ktime_get_real_ns();
}
