/* SPDX-License-Identifier: MIT */
/*
 * Allocation of kernel objects: size classes behind kmalloc() and caches of one kind of object. Every live object
 * remembers who allocated it. (Documentation/core-api/memory-allocation.rst, Documentation/mm/slub.rst)
 */
#ifndef _KERNEL_SLAB_H
#define _KERNEL_SLAB_H

#include <kernel/types.h>
#include <kernel/gfp.h>
#include <kernel/compiler.h>
#include <kernel/string.h>

#define ARCH_KMALLOC_MINALIGN	16
#define KMALLOC_MAX_SIZE	(4UL << 20)
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x)	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

#define SLAB_HWCACHE_ALIGN	0x2000u
#define SLAB_PANIC		0x40000u
#define SLAB_RECLAIM_ACCOUNT	0x20000u
#define SLAB_MEM_SPREAD		0x100000u
#define SLAB_ACCOUNT		0x4000000u

struct kmem_cache;

/* Real functions, so that probes and error injection can reach them. */
void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *ptr);
size_t ksize(const void *ptr);

static inline void *kzalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp | __GFP_ZERO); }

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, gfp);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp) { return kmalloc_array(n, size, gfp | __GFP_ZERO); }

/* kmalloc, or vmalloc if that is too large. */
void *kvmalloc(size_t size, gfp_t gfp);
static inline void *kvzalloc(size_t size, gfp_t gfp) { return kvmalloc(size, gfp | __GFP_ZERO); }
void kvfree(const void *ptr);

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, unsigned int flags,
				     void (*ctor)(void *));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc(cache, gfp | __GFP_ZERO);
}
void kmem_cache_free(struct kmem_cache *cache, void *ptr);
#define KMEM_CACHE(type, flags) \
	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)

/* Injection point of failslab: non-zero makes the allocation fail. */
int should_failslab(struct kmem_cache *cache, gfp_t gfp);

/* ---- who left what behind ---- */

/* A moment in the history of allocations. */
u64 kmem_mark(void);
/*
 * Prints the objects allocated since @mark by the current task or anyone else that are still there, with the stack
 * that allocated each, and returns how many. @why says after what ("mount failed"). Nothing is printed if there is none.
 */
unsigned int kmem_report_live(u64 mark, const char *why);
/* The same for what task @pid (0: anyone) allocated between two marks: a call that is over, judged later. */
unsigned int kmem_report_between(u64 mark, u64 end, pid_t pid, const char *why);
/* Objects known to live on, whatever allocated them (caches, lazily made tables): leaves the reports. */
void kmem_not_a_leak(const void *ptr);
/* Counts of the caches for /proc/slabinfo. */
struct seq_file;
void slabinfo_show(struct seq_file *m);

#endif
