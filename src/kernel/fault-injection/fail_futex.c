// SPDX-License-Identifier: MIT
/* fail_futex: makes futex operations fail with EFAULT. With ignore-private only those on shared memory. (semantics E12) */
#include <kernel/debugfs.h>
#include <kernel/fault-inject.h>
#include <kernel/init.h>

static struct fault_attr fail_futex = FAULT_ATTR_INITIALIZER("fail_futex");
static bool ignore_private;

bool should_fail_futex(bool shared)
{
	return (shared || !ignore_private) && should_fail(&fail_futex, 1);
}

static int __init setup_fail_futex(char *text)
{
	return setup_fault_attr(&fail_futex, text);
}
__setup("fail_futex=", setup_fail_futex);

static int __init fail_futex_debugfs_init(void)
{
	struct dentry *dir = fault_create_debugfs_attr(&fail_futex);

	debugfs_create_bool("ignore-private", 0600, dir, &ignore_private);
	return 0;
}
late_initcall(fail_futex_debugfs_init);
