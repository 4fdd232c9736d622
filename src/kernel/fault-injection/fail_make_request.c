// SPDX-License-Identifier: MIT
/*
 * fail_make_request: makes requests to a disk fail with EIO, of disks whose /sys/block/NAME/make-it-fail is 1. The size that
 * `space` counts is in bytes. (semantics E11)
 */
#include <kernel/blkdev.h>
#include <kernel/fault-inject.h>
#include <kernel/init.h>

static struct fault_attr fail_make_request = FAULT_ATTR_INITIALIZER("fail_make_request");

bool should_fail_request(struct block_device *bdev, unsigned int bytes)
{
	return bdev->bd_make_it_fail && should_fail_ex(&fail_make_request, bytes, 0);
}

static int __init setup_fail_make_request(char *text)
{
	return setup_fault_attr(&fail_make_request, text);
}
__setup("fail_make_request=", setup_fail_make_request);

static int __init fail_make_request_init(void)
{
	fault_create_debugfs_attr(&fail_make_request);
	return 0;
}
late_initcall(fail_make_request_init);
