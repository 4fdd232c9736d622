// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/slab/NAME: what each cache of objects is like, as SLUB shows it, and slub_debug=A[,NAME...], which lets failslab
 * choose caches. (Documentation/ABI/testing/sysfs-kernel-slab)
 */
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/sysfs.h>
#include "slab.h"

static const char *slub_debug;

static int __init setup_slub_debug(char *text)
{
	slub_debug = text;
	return 1;
}
__setup("slub_debug=", setup_slub_debug);

/* Whether @name is in @list: names that commas separate, each with a * at its end or not. */
static bool __init is_in_list(const char *list, const char *name)
{
	while (*list) {
		size_t length = strcspn(list, ",");
		bool prefix = length && list[length - 1] == '*';
		size_t compared = length - prefix;

		if (!strncmp(list, name, compared) && (prefix || !name[compared]))
			return true;
		list += length + (list[length] == ',');
	}
	return false;
}

/* "A" marks every cache, "A,NAME,NAME" those; other letters are SLUB's checks, which are always on here. */
static bool __init wants_failslab(const char *name)
{
	size_t options = slub_debug ? strcspn(slub_debug, ",") : 0;

	for (size_t i = 0; i < options; i++)
		if ((slub_debug[i] | 0x20) == 'a')
			return !slub_debug[options] || is_in_list(slub_debug + options + 1, name);
	return false;
}

#define NUMBER(name, value)								\
	static ssize_t name##_show(void *priv, char *buf)				\
	{										\
		const struct kmem_cache *cache = priv;					\
		return sysfs_emit(buf, "%u\n", (unsigned int)(value));			\
	}
NUMBER(failslab, cache->failslab)
NUMBER(object_size, cache->size)
NUMBER(slab_size, cache->stride)
NUMBER(order, cache->order)
NUMBER(objs_per_slab, cache->objects)

static const struct {
	const char *name;
	sysfs_show_t show;
} attributes[] = {
	{ "failslab", failslab_show }, { "object_size", object_size_show }, { "slab_size", slab_size_show },
	{ "order", order_show }, { "objs_per_slab", objs_per_slab_show },
};

static int __init slab_sysfs_init(void)
{
	struct kmem_cache *cache;
	char path[96];

	list_for_each_entry(cache, &slab_caches, list) {
		cache->failslab = wants_failslab(cache->name);
		for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
			snprintf(path, sizeof(path), "kernel/slab/%s/%s", cache->name, attributes[i].name);
			sysfs_create_file_simple(path, 0444, attributes[i].show, NULL, cache);
		}
	}
	return 0;
}
late_initcall(slab_sysfs_init);
