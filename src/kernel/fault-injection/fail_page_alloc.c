// SPDX-License-Identifier: MIT
/*
 * fail_page_alloc: makes page allocations fail. By default only atomic ones of at least two pages. (semantics E10)
 */
#include <kernel/debugfs.h>
#include <kernel/fault-inject.h>
#include <kernel/gfp.h>
#include <kernel/init.h>

static struct fault_attr fail_page_alloc = FAULT_ATTR_INITIALIZER("fail_page_alloc");
static bool ignore_gfp_wait = true, ignore_gfp_highmem = true;
static u32 min_order = 1;

bool fault_page_alloc(gfp_t gfp, unsigned int order)
{
	if (order < min_order || (gfp & __GFP_NOFAIL))
		return false;
	if (ignore_gfp_highmem && (gfp & __GFP_HIGHMEM))
		return false;
	if (ignore_gfp_wait && (gfp & __GFP_DIRECT_RECLAIM))
		return false;
	return should_fail_ex(&fail_page_alloc, 1 << order, gfp & __GFP_NOWARN ? FAULT_NOWARN : 0);
}

static int __init setup_fail_page_alloc(char *text)
{
	return setup_fault_attr(&fail_page_alloc, text);
}
__setup("fail_page_alloc=", setup_fail_page_alloc);

static int __init fail_page_alloc_debugfs_init(void)
{
	struct dentry *dir = fault_create_debugfs_attr(&fail_page_alloc);

	debugfs_create_bool("ignore-gfp-wait", 0600, dir, &ignore_gfp_wait);
	debugfs_create_bool("ignore-gfp-highmem", 0600, dir, &ignore_gfp_highmem);
	debugfs_create_u32("min-order", 0600, dir, &min_order);
	return 0;
}
late_initcall(fail_page_alloc_debugfs_init);
