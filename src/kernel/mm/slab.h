/* SPDX-License-Identifier: MIT */
/* The object allocator's structures. */
#ifndef _MM_SLAB_H
#define _MM_SLAB_H

#include <kernel/list.h>
#include <kernel/types.h>

#define KMALLOC_CLASSES	13
#define TRACK_FRAMES	6

/* Who allocated an object, or who freed it. */
struct track {
	u64 seq;			/* of the allocation; 0: kept out of reports */
	u32 size;			/* asked for, or TRACK_FREE */
	s32 pid;
	u32 callers[TRACK_FRAMES];
	u16 next;			/* free objects: index of the next */
};

struct kmem_cache {
	struct list_head list, partial, full;
	const char *name;
	u32 size, stride;		/* of an object: usable, with padding */
	u32 order, objects, header;	/* of a slab: log2 of pages, objects in it, bytes of bookkeeping at its end */
	u32 slabs, active;
	bool failslab;			/* failslab/cache-filter lets this one fail (slub_debug=A) */
	void (*ctor)(void *object);
};

/* An allocation of whole pages by kmalloc. */
struct large {
	struct list_head list;
	void *address;
	size_t size;
	u64 seq;
	struct track track;
};

extern struct list_head slab_caches;
extern struct kmem_cache *kmem_cache;	/* that of the caches themselves */

unsigned int kmem_report_cache(struct kmem_cache *cache, u64 mark);

#endif
