// SPDX-License-Identifier: MIT
/*
 * fail_io_timeout: forgets that a disk has completed a request, of disks whose /sys/block/NAME/io-timeout-fail is 1. The driver of
 * virtio disks in 6.1 has no handler for requests that take too long, so who waits for one waits for ever.
 */
#include <kernel/fault-inject.h>
#include <kernel/init.h>

static struct fault_attr fail_io_timeout = FAULT_ATTR_INITIALIZER("fail_io_timeout");

bool should_fail_io_timeout(void)
{
	return should_fail(&fail_io_timeout, 1);
}

static int __init setup_fail_io_timeout(char *text)
{
	return setup_fault_attr(&fail_io_timeout, text);
}
__setup("fail_io_timeout=", setup_fail_io_timeout);

static int __init fail_io_timeout_debugfs_init(void)
{
	fault_create_debugfs_attr(&fail_io_timeout);
	return 0;
}
late_initcall(fail_io_timeout_debugfs_init);
