// SPDX-License-Identifier: MIT
/* fail_usercopy: makes copies between the kernel and user memory fail before a byte is copied. (semantics E12) */
#include <kernel/fault-inject.h>
#include <kernel/init.h>

static struct fault_attr fail_usercopy = FAULT_ATTR_INITIALIZER("fail_usercopy");

notrace bool should_fail_usercopy(void)
{
	return should_fail(&fail_usercopy, 1);
}

static int __init setup_fail_usercopy(char *text)
{
	return setup_fault_attr(&fail_usercopy, text);
}
__setup("fail_usercopy=", setup_fail_usercopy);

static int __init fail_usercopy_debugfs_init(void)
{
	fault_create_debugfs_attr(&fail_usercopy);
	return 0;
}
late_initcall(fail_usercopy_debugfs_init);
