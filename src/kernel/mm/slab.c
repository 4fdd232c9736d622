// SPDX-License-Identifier: MIT
/*
 * The object allocator. A slab is a block of pages: objects first, then one struct track per object, which tells who
 * allocated it (or freed it), when, and how many bytes were asked for. Free objects are poisoned and the bytes behind a
 * shorter request are a red zone; both are checked. (Documentation/mm/slub.rst for the ideas)
 */
#include <kernel/debugfs.h>
#include <kernel/dynamic_fault.h>
#include <kernel/error-injection.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kallsyms.h>
#include <kernel/kdebug.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/vmalloc.h>
#include <trace/events/kmem.h>
#include "../boot/boot.h"
#include "slab.h"

#define TRACK_FREE	0xffffffffu	/* in size: the object is free */
#define NO_OBJECT	0xffff
#define POISON_FREE	0x6b
#define RED_ZONE	0xcc
#define POISON_LIMIT	128		/* bytes poisoned and checked of a free object */
#define RED_ZONE_LIMIT	16

struct slab {
	struct list_head list;		/* in the cache's partial or full list */
	struct kmem_cache *cache;
	void *objects;
	u16 free_head, inuse;
	struct track tracks[];
};

LIST_HEAD(slab_caches);
static u64 allocation_seq = 1;
static struct kmem_cache *kmalloc_caches[KMALLOC_CLASSES];
static struct kmem_cache cache_cache, large_cache;
struct kmem_cache *kmem_cache = &cache_cache;
static LIST_HEAD(large_objects);

static const u16 kmalloc_sizes[KMALLOC_CLASSES] = { 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192 };
static const char *const kmalloc_names[KMALLOC_CLASSES] = {
	"kmalloc-8", "kmalloc-16", "kmalloc-32", "kmalloc-64", "kmalloc-96", "kmalloc-128", "kmalloc-192", "kmalloc-256",
	"kmalloc-512", "kmalloc-1k", "kmalloc-2k", "kmalloc-4k", "kmalloc-8k",
};

/* ---- tracks ---- */

/* The callers on the current stack, low halves of their addresses (all are in the top 2 GiB). */
static __always_inline void record_callers(struct track *track)
{
	unsigned long stack = (unsigned long)current->stack, *fp = __builtin_frame_address(0);
	unsigned int n = 0;

	while (n < TRACK_FRAMES && (unsigned long)fp - stack < THREAD_SIZE - 16 && !((unsigned long)fp & 7)) {
		track->callers[n++] = fp[1];
		fp = (unsigned long *)fp[0];
	}
	while (n < TRACK_FRAMES)
		track->callers[n++] = 0;
}

static void print_callers(const char *level, const struct track *track)
{
	for (unsigned int i = 0; i < TRACK_FRAMES && track->callers[i]; i++)
		printk("%s %pB\n", level, (void *)(0xffffffff00000000UL | track->callers[i]));
}

static noinline void report_object(const char *what, struct kmem_cache *cache, void *object, struct track *track)
{
	pr_err("=============================================================================\n");
	pr_err("BUG %s (%s): %s\n", cache->name, print_tainted(), what);
	pr_err("-----------------------------------------------------------------------------\n");
	pr_err("object 0x%px size %u, %s by:\n", object, cache->size,
	       track->size == TRACK_FREE ? "freed" : "allocated");
	print_callers(KERN_ERR, track);
	print_hex_dump(KERN_ERR, "Object   ", DUMP_PREFIX_ADDRESS, 16, 1, object, min(cache->size, 64u), true);
	dump_stack();
	add_taint(TAINT_BAD_PAGE);
}

/* ---- objects ---- */

static __always_inline void *object_at(struct slab *slab, unsigned int i)
{
	return slab->objects + (size_t)i * slab->cache->stride;
}

static void poison(struct kmem_cache *cache, void *object)
{
	memset(object, POISON_FREE, min(cache->stride, (u32)POISON_LIMIT));
}

static void check_poison(struct kmem_cache *cache, void *object, struct track *track)
{
	const u64 *p = object;

	for (u32 i = 0; i < min(cache->stride, (u32)POISON_LIMIT) / 8; i++)
		if (unlikely(p[i] != 0x6b6b6b6b6b6b6b6bULL)) {
			report_object("Poison overwritten", cache, object, track);
			return;
		}
}

static __always_inline u32 red_zone_size(struct kmem_cache *cache, u32 size)
{
	return min(cache->stride - size, (u32)RED_ZONE_LIMIT);
}

static struct slab *new_slab(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *page = alloc_pages((gfp & ~__GFP_ZERO) | __GFP_NOWARN, cache->order);
	struct slab *slab;

	if (!page)
		return NULL;
	slab = page_address(page) + (PAGE_SIZE << cache->order) - cache->header;
	slab->cache = cache;
	slab->objects = page_address(page);
	slab->inuse = 0;
	slab->free_head = 0;
	for (unsigned int i = 0; i < cache->objects; i++) {
		slab->tracks[i] = (struct track){ .size = TRACK_FREE, .next = i + 1 < cache->objects ? i + 1 : NO_OBJECT };
		poison(cache, object_at(slab, i));
	}
	for (unsigned int i = 0; i < 1u << cache->order; i++) {
		page[i].flags |= 1u << PG_slab;
		page[i].slab_cache = cache;
		page[i].slab = slab;
	}
	list_add(&slab->list, &cache->partial);
	cache->slabs++;
	return slab;
}

static void release_slab(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;
	struct page *page = virt_to_page(slab->objects);

	list_del(&slab->list);
	cache->slabs--;
	for (unsigned int i = 0; i < 1u << cache->order; i++)
		page[i].flags &= ~(1u << PG_slab);
	__free_pages(page, cache->order);
}

static __always_inline void *take_object(struct kmem_cache *cache, gfp_t gfp, u32 size)
{
	unsigned long flags;
	struct track *track;
	struct slab *slab;
	void *object;

	local_irq_save(flags);
	if (likely(!list_empty(&cache->partial)))
		slab = list_first_entry(&cache->partial, struct slab, list);
	else
		slab = new_slab(cache, gfp);
	if (unlikely(!slab)) {
		local_irq_restore(flags);
		return NULL;
	}
	track = &slab->tracks[slab->free_head];
	object = object_at(slab, slab->free_head);
	slab->free_head = track->next;
	slab->inuse++;
	cache->active++;
	if (slab->free_head == NO_OBJECT)
		list_move(&slab->list, &cache->full);
	check_poison(cache, object, track);
	track->size = size;
	track->seq = allocation_seq++;
	track->pid = current->pid;
	record_callers(track);
	local_irq_restore(flags);
	if (gfp & __GFP_ZERO)
		memset(object, 0, size);
	if (size < cache->stride)
		memset(object + size, RED_ZONE, red_zone_size(cache, size));
	return object;
}

/* The object's track, after checks; NULL if it is not an object that can be freed. */
static struct track *find_track(struct slab *slab, const void *object)
{
	unsigned int i = (object - slab->objects) / slab->cache->stride;
	struct track *track = &slab->tracks[i];

	if (unlikely(i >= slab->cache->objects || object_at(slab, i) != object)) {
		pr_err("BUG %s (%s): Invalid object pointer 0x%px\n", slab->cache->name, print_tainted(), object);
		add_taint(TAINT_BAD_PAGE);
		dump_stack();
		return NULL;
	}
	return track;
}

static void give_object(struct slab *slab, void *object)
{
	struct kmem_cache *cache = slab->cache;
	struct track *track = find_track(slab, object);
	unsigned long flags;

	if (!track)
		return;
	if (unlikely(track->size == TRACK_FREE)) {
		report_object("Object already free", cache, object, track);
		return;
	}
	if (track->size < cache->stride &&
	    unlikely(memchr_inv(object + track->size, RED_ZONE, red_zone_size(cache, track->size)))) {
		report_object("Right Redzone overwritten", cache, object, track);
	}
	local_irq_save(flags);
	poison(cache, object);
	track->size = TRACK_FREE;
	track->next = slab->free_head;
	record_callers(track);
	if (slab->free_head == NO_OBJECT)
		list_move(&slab->list, &cache->partial);
	slab->free_head = track - slab->tracks;
	cache->active--;
	/* One empty slab is kept for the next allocation. */
	if (!--slab->inuse && !list_is_singular(&cache->partial))
		release_slab(slab);
	local_irq_restore(flags);
}

/* ---- caches ---- */

static void init_cache(struct kmem_cache *cache, const char *name, u32 size, u32 align, void (*ctor)(void *))
{
	*cache = (struct kmem_cache){ .name = name, .size = size, .ctor = ctor };
	align = max(align, 8u);
	cache->stride = ALIGN(max(size, 8u), align);
	while (cache->order < 3 && (PAGE_SIZE << cache->order) < cache->stride * 8)
		cache->order++;
	while ((PAGE_SIZE << cache->order) < cache->stride + sizeof(struct slab) + sizeof(struct track))
		cache->order++;
	cache->objects = ((PAGE_SIZE << cache->order) - sizeof(struct slab)) / (cache->stride + sizeof(struct track));
	cache->header = ALIGN(sizeof(struct slab) + cache->objects * sizeof(struct track), 16);
	if (cache->objects * cache->stride + cache->header > PAGE_SIZE << cache->order) {
		cache->objects--;
		cache->header = ALIGN(sizeof(struct slab) + cache->objects * sizeof(struct track), 16);
	}
	INIT_LIST_HEAD(&cache->partial);
	INIT_LIST_HEAD(&cache->full);
	list_add_tail(&cache->list, &slab_caches);
}

/* failslab's decision replaces this default. */
int __weak fault_slab(struct kmem_cache *cache, gfp_t gfp)
{
	return 0;
}

noinline int should_failslab(struct kmem_cache *cache, gfp_t gfp)
{
	return fault_slab(cache, gfp);
}
ALLOW_ERROR_INJECTION(should_failslab, ERRNO);

static noinline void out_of_memory_note(const char *name, size_t size, gfp_t gfp)
{
	if (!(gfp & __GFP_NOWARN))
		pr_warn("SLUB: Unable to allocate memory on node -1, gfp=0x%x, cache: %s, size: %zu\n", gfp, name, size);
}

noinline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	if (should_failslab(cache, gfp) || memory_fault())
		return NULL;
	object = take_object(cache, gfp, cache->size);
	if (unlikely(!object))
		out_of_memory_note(cache->name, cache->size, gfp);
	else if (cache->ctor)
		cache->ctor(object);
	trace_kmem_cache_alloc(_RET_IP_, object, cache->size, cache->stride, gfp, -1);
	return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *ptr)
{
	struct page *page;

	if (!ptr)
		return;
	page = virt_to_page(ptr);
	if (WARN_ON(!(page->flags & (1u << PG_slab)) || page->slab_cache != cache))
		return;
	trace_kmem_cache_free(_RET_IP_, ptr, cache->name);
	give_object(page->slab, ptr);
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, unsigned int flags,
				     void (*ctor)(void *))
{
	struct kmem_cache *cache = kmem_cache_alloc(&cache_cache, GFP_KERNEL);

	if (!cache) {
		if (flags & SLAB_PANIC)
			panic("Cannot create slab cache %s", name);
		return NULL;
	}
	init_cache(cache, name, size, flags & SLAB_HWCACHE_ALIGN ? max(align, 64u) : align, ctor);
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	struct slab *slab, *next;

	if (!cache)
		return;
	list_for_each_entry_safe(slab, next, &cache->partial, list)
		if (!slab->inuse)
			release_slab(slab);
	if (cache->slabs) {
		pr_err("kmem_cache_destroy %s: Slab cache still has objects\n", cache->name);
		kmem_report_cache(cache, 0);
		return;
	}
	list_del(&cache->list);
	kmem_cache_free(&cache_cache, cache);
}

/* ---- kmalloc ---- */

static __always_inline unsigned int class_of(size_t size)
{
	unsigned int i = 0;

	while (kmalloc_sizes[i] < size)
		i++;
	return i;
}

static noinline void *alloc_large(size_t size, gfp_t gfp)
{
	unsigned int order = get_order(size);
	struct large *large;
	unsigned long flags;
	struct page *page;

	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	page = alloc_pages(gfp, order);
	if (!page)
		return NULL;
	large = take_object(&large_cache, gfp & ~__GFP_ZERO, sizeof(*large));
	if (!large) {
		__free_pages(page, order);
		return NULL;
	}
	page->private = (unsigned long)large;
	*large = (struct large){ .address = page_address(page), .size = size, .seq = allocation_seq++ };
	large->track.pid = current->pid;
	record_callers(&large->track);
	local_irq_save(flags);
	list_add(&large->list, &large_objects);
	local_irq_restore(flags);
	return large->address;
}

noinline void *kmalloc(size_t size, gfp_t gfp)
{
	struct kmem_cache *cache;
	void *object;

	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (unlikely(size > kmalloc_sizes[KMALLOC_CLASSES - 1])) {
		/* No slab's object: it is for fail_page_alloc, not for failslab. */
		object = alloc_large(size, gfp);
		trace_kmalloc(_RET_IP_, object, size, PAGE_SIZE << get_order(size), gfp, -1);
		return object;
	}
	cache = kmalloc_caches[class_of(size)];
	if (should_failslab(cache, gfp) || memory_fault())
		return NULL;
	object = take_object(cache, gfp, size);
	if (unlikely(!object))
		out_of_memory_note(cache->name, size, gfp);
	trace_kmalloc(_RET_IP_, object, size, cache->size, gfp, -1);
	return object;
}

void kfree(const void *ptr)
{
	struct page *page;
	struct large *large;
	unsigned long flags;

	trace_kfree(_RET_IP_, ptr);
	if (ZERO_OR_NULL_PTR(ptr))
		return;
	if (WARN(!virt_addr_valid(ptr), "kfree: bad pointer 0x%px\n", ptr))
		return;
	page = virt_to_page(ptr);
	if (page->flags & (1u << PG_slab)) {
		give_object(page->slab, (void *)ptr);
		return;
	}
	large = (struct large *)page->private;
	if (WARN(page->_refcount <= 0 || !large || large->address != ptr, "kfree: not an object: 0x%px\n", ptr))
		return;
	local_irq_save(flags);
	list_del(&large->list);
	local_irq_restore(flags);
	page->private = 0;
	kmem_cache_free(&large_cache, large);
	__free_pages(page, page->order);
}

size_t ksize(const void *ptr)
{
	struct page *page;

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;
	page = virt_to_page(ptr);
	if (page->flags & (1u << PG_slab)) {
		struct slab *slab = page->slab;

		return slab->tracks[(ptr - slab->objects) / slab->cache->stride].size;
	}
	return ((struct large *)page->private)->size;
}

/* ---- reports ---- */

static struct track *track_of(const void *ptr)
{
	struct page *page = virt_to_page(ptr);
	struct slab *slab = page->slab;

	return page->flags & (1u << PG_slab) ? &slab->tracks[(ptr - slab->objects) / slab->cache->stride] : NULL;
}

void kmem_not_a_leak(const void *ptr)
{
	struct track *track;

	if (ZERO_OR_NULL_PTR(ptr) || !virt_addr_valid(ptr))
		return;
	track = track_of(ptr);
	if (track)
		track->seq = 0;
	else if (virt_to_page(ptr)->private)
		((struct large *)virt_to_page(ptr)->private)->seq = 0;
}

u64 kmem_mark(void)
{
	return allocation_seq++;
}

/* Which objects a report is about: allocated after @after, up to @until, by @pid unless that is 0. */
struct report {
	u64 after, until;
	s32 pid;
};

static bool concerns(const struct report *report, const struct track *track, u64 seq)
{
	return seq > report->after && seq <= report->until && (!report->pid || track->pid == report->pid);
}

static unsigned int report_slabs(struct list_head *slabs, const struct report *about)
{
	unsigned int found = 0;
	struct slab *slab;

	list_for_each_entry(slab, slabs, list)
		for (unsigned int i = 0; i < slab->cache->objects; i++) {
			struct track *track = &slab->tracks[i];

			if (track->size == TRACK_FREE || !concerns(about, track, track->seq))
				continue;
			found++;
			pr_err("%s: %u bytes at 0x%px, allocated by PID %d:\n", slab->cache->name, track->size,
			       object_at(slab, i), track->pid);
			print_callers(KERN_ERR, track);
		}
	return found;
}

static unsigned int report_cache(struct kmem_cache *cache, const struct report *about)
{
	return report_slabs(&cache->partial, about) + report_slabs(&cache->full, about);
}

unsigned int kmem_report_cache(struct kmem_cache *cache, u64 mark)
{
	return report_cache(cache, &(struct report){ mark, ~0ULL, 0 });
}

/* Objects that reports have found, since boot: what tests ask for. */
static u32 reported;

static unsigned int report(const struct report *about, const char *why)
{
	struct kmem_cache *cache;
	struct large *large;
	unsigned int found = 0;

	list_for_each_entry(cache, &slab_caches, list)
		if (cache != &large_cache)
			found += report_cache(cache, about);
	list_for_each_entry(large, &large_objects, list) {
		if (!concerns(about, &large->track, large->seq))
			continue;
		found++;
		pr_err("kmalloc: %zu bytes at 0x%px, allocated by PID %d:\n", large->size, large->address, large->track.pid);
		print_callers(KERN_ERR, &large->track);
	}
	if (found)
		pr_err("kmem: %s: %u object%s left allocated\n", why, found, found == 1 ? "" : "s");
	reported += found;
	return found;
}

unsigned int kmem_report_live(u64 mark, const char *why)
{
	return report(&(struct report){ mark, ~0ULL, 0 }, why);
}

unsigned int kmem_report_between(u64 after, u64 until, s32 pid, const char *why)
{
	return report(&(struct report){ after, until, pid }, why);
}

static int __init kmem_debugfs_init(void)
{
	debugfs_create_u32("left_allocated", 0444, debugfs_create_dir("kmem", NULL), &reported);
	return 0;
}
late_initcall(kmem_debugfs_init);

unsigned long slab_pages_count(void)
{
	struct kmem_cache *cache;
	unsigned long pages = 0;

	list_for_each_entry(cache, &slab_caches, list)
		pages += (unsigned long)cache->slabs << cache->order;
	return pages;
}

void slabinfo_show(struct seq_file *m)
{
	struct kmem_cache *cache;

	list_for_each_entry(cache, &slab_caches, list)
		seq_printf(m, "%-17s %6u %6u %6u %4u %4u : tunables %4u %4u %4u : slabdata %6u %6u %6u\n", cache->name,
			   cache->active, cache->slabs * cache->objects, cache->size, cache->objects, 1u << cache->order,
			   0, 0, 0, cache->slabs, cache->slabs, 0);
}

void __init slab_init(void)
{
	init_cache(&cache_cache, "kmem_cache", sizeof(struct kmem_cache), 8, NULL);
	init_cache(&large_cache, "kmalloc-large", sizeof(struct large), 8, NULL);
	for (unsigned int i = 0; i < KMALLOC_CLASSES; i++) {
		u32 size = kmalloc_sizes[i];

		kmalloc_caches[i] = take_object(&cache_cache, GFP_KERNEL, sizeof(struct kmem_cache));
		if (!kmalloc_caches[i])
			panic("no memory for kmalloc");
		/* Powers of two are aligned to themselves. */
		init_cache(kmalloc_caches[i], kmalloc_names[i], size, size & -size, NULL);
	}
}
