/* SPDX-License-Identifier: MIT */
/* struct page: what the kernel knows of each page of memory. */
#ifndef _KERNEL_PAGE_FLAGS_H
#define _KERNEL_PAGE_FLAGS_H

#include <kernel/types.h>

struct kmem_cache;
struct address_space;

#define PG_reserved	0	/* never given out: kernel image, holes, boot modules */
#define PG_buddy	1	/* head of a free block of the allocator */
#define PG_slab		2
#define PG_head		3	/* first page of a block of private >> 0 pages */
#define PG_tail		4

struct page {
	u32 flags;
	s32 _refcount;
	u8 order;			/* of the block, in its first page */
	union {
		struct list_head lru;	/* free lists */
		struct {
			struct kmem_cache *slab_cache;
			void *slab;	/* the slab's head */
		};
		struct {
			struct address_space *mapping;
			pgoff_t index;
		};
	};
	unsigned long private;
};

#endif
