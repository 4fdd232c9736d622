// SPDX-License-Identifier: MIT
/*
 * failslab: makes object allocations fail. By default it spares those that may sleep, so ignore-gfp-wait must be cleared to
 * reach GFP_KERNEL; that holds for fail-nth too. With cache-filter only caches that slub_debug=A has marked
 * fail. (semantics E9)
 */
#include "../mm/slab.h"
#include <kernel/debugfs.h>
#include <kernel/errno.h>
#include <kernel/fault-inject.h>
#include <kernel/init.h>
#include <kernel/mm.h>
#include <kernel/slab.h>

static struct fault_attr failslab = FAULT_ATTR_INITIALIZER("failslab");
static bool ignore_gfp_wait = true, cache_filter;

int fault_slab(struct kmem_cache *cache, gfp_t gfp)
{
	if (cache == kmem_cache || (gfp & __GFP_NOFAIL) || (ignore_gfp_wait && (gfp & __GFP_DIRECT_RECLAIM)) ||
	    (cache_filter && !cache->failslab))
		return 0;
	return should_fail_ex(&failslab, cache->size, gfp & __GFP_NOWARN ? FAULT_NOWARN : 0) ? -ENOMEM : 0;
}

static int __init setup_failslab(char *text)
{
	return setup_fault_attr(&failslab, text);
}
__setup("failslab=", setup_failslab);

static int __init failslab_debugfs_init(void)
{
	struct dentry *dir = fault_create_debugfs_attr(&failslab);

	debugfs_create_bool("ignore-gfp-wait", 0600, dir, &ignore_gfp_wait);
	debugfs_create_bool("cache-filter", 0600, dir, &cache_filter);
	return 0;
}
late_initcall(failslab_debugfs_init);
