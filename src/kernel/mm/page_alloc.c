// SPDX-License-Identifier: MIT
/* The page allocator: free blocks of 2^order pages, split and merged as buddies. (Documentation/admin-guide/mm/concepts.rst) */
#include <kernel/dynamic_fault.h>
#include <kernel/error-injection.h>
#include <kernel/gfp.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <trace/events/kmem.h>
#include "../boot/boot.h"

#define MAX_ORDER 11

struct page *mem_map;
unsigned long max_pfn, totalram_pages, nr_free_pages_count;
static struct list_head free_area[MAX_ORDER];

#define PageBuddy(page)	((page)->flags & (1u << PG_buddy))

static void add_free(struct page *page, unsigned int order)
{
	page->flags |= 1u << PG_buddy;
	page->order = order;
	list_add(&page->lru, &free_area[order]);
}

static void take_free(struct page *page)
{
	page->flags &= ~(1u << PG_buddy);
	list_del(&page->lru);
}

static void free_block(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), flags;

	local_irq_save(flags);
	nr_free_pages_count += 1UL << order;
	for (; order < MAX_ORDER - 1; order++) {
		unsigned long other = pfn ^ (1UL << order);
		struct page *buddy = pfn_to_page(other);

		if (other >= max_pfn || !PageBuddy(buddy) || buddy->order != order)
			break;
		take_free(buddy);
		pfn &= other;
	}
	add_free(pfn_to_page(pfn), order);
	local_irq_restore(flags);
}

static struct page *take_block(unsigned int order)
{
	unsigned long flags;
	struct page *page = NULL;

	local_irq_save(flags);
	for (unsigned int o = order; o < MAX_ORDER; o++) {
		if (list_empty(&free_area[o]))
			continue;
		page = list_first_entry(&free_area[o], struct page, lru);
		take_free(page);
		while (o > order) {
			o--;
			add_free(page + (1UL << o), o);
		}
		nr_free_pages_count -= 1UL << order;
		break;
	}
	local_irq_restore(flags);
	return page;
}

/* fail_page_alloc's decision replaces this default. */
bool __weak fault_page_alloc(gfp_t gfp, unsigned int order)
{
	return false;
}

noinline bool should_fail_alloc_page(gfp_t gfp, unsigned int order)
{
	return fault_page_alloc(gfp, order);
}
ALLOW_ERROR_INJECTION(should_fail_alloc_page, TRUE);

/* Caches give back what they can: bytes freed. */
unsigned long __weak shrink_block_cache(void)
{
	return 0;
}

unsigned long __weak shrink_page_cache(void)
{
	return 0;
}

noinline struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid, void *nodemask)
{
	struct page *page;

	if (order >= MAX_ORDER || should_fail_alloc_page(gfp, order) || memory_fault())
		return NULL;
	page = take_block(order);
	if (!page && gfpflags_allow_blocking(gfp) && shrink_block_cache() + shrink_page_cache())
		page = take_block(order);
	if (!page) {
		if (!(gfp & __GFP_NOWARN))
			printk_ratelimited(KERN_WARNING "%s: page allocation failure: order:%u, mode:0x%x\n",
					   current ? current->comm : "swapper", order, gfp);
		return NULL;
	}
	page->_refcount = 1;
	page->order = order;
	page->private = 0;
	page->mapping = NULL;
	page->index = 0;
	if (gfp & __GFP_ZERO)
		memset(page_address(page), 0, PAGE_SIZE << order);
	trace_mm_page_alloc(page, order, gfp, gfp & __GFP_MOVABLE ? 1 : gfp & __GFP_RECLAIMABLE ? 2 : 0);
	return page;
}

void __free_pages(struct page *page, unsigned int order)
{
	WARN_ON(page->flags & (1u << PG_buddy | 1u << PG_reserved));
	if (WARN_ON(page->_refcount <= 0) || --page->_refcount)
		return;
	trace_mm_page_free(page, order);
	free_block(page, order);
}

void put_page(struct page *page)
{
	__free_pages(page, page->order);
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	return page ? (unsigned long)page_address(page) : 0;
}

unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}

void free_pages(unsigned long addr, unsigned int order)
{
	if (addr)
		__free_pages(virt_to_page((void *)addr), order);
}

/* ---- boot ---- */

static void __init free_range(unsigned long start, unsigned long end)
{
	unsigned long pfn = PFN_UP(start), last = PFN_DOWN(end);

	while (pfn < last) {
		unsigned int order = pfn ? min_t(unsigned int, __ffs(pfn), MAX_ORDER - 1) : MAX_ORDER - 1;

		while (pfn + (1UL << order) > last)
			order--;
		for (unsigned long i = 0; i < 1UL << order; i++)
			pfn_to_page(pfn + i)->flags = 0;
		free_block(pfn_to_page(pfn), order);
		totalram_pages += 1UL << order;
		pfn += 1UL << order;
	}
}

struct reserved { unsigned long start, end; };
static struct reserved reserved[MAX_BOOT_MODULES + 3];
static unsigned int nr_reserved;

static void __init reserve(unsigned long start, unsigned long end)
{
	unsigned int i = nr_reserved++;

	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN(end, PAGE_SIZE);
	for (; i && reserved[i - 1].start > start; i--)
		reserved[i] = reserved[i - 1];
	reserved[i] = (struct reserved){ start, end };
}

/* The lowest place for @size bytes above the kernel that is memory and free. */
static unsigned long __init find_place(unsigned long size)
{
	for (unsigned int r = 0; r < nr_boot_memory; r++) {
		unsigned long at = max(boot_memory[r].start, ALIGN(__pa(_end), PAGE_SIZE));

		for (unsigned int i = 0; i < nr_reserved; i++)
			if (reserved[i].start < at + size && reserved[i].end > at)
				at = reserved[i].end;
		if (at + size <= boot_memory[r].end)
			return at;
	}
	panic("not enough memory");
}

void __init page_alloc_init(void)
{
	unsigned long size, place;

	for (unsigned int o = 0; o < MAX_ORDER; o++)
		INIT_LIST_HEAD(&free_area[o]);
	for (unsigned int r = 0; r < nr_boot_memory; r++)
		max_pfn = max(max_pfn, boot_memory[r].end >> PAGE_SHIFT);
	/* The first MiB stays as the boot loader left it: its structures are there. */
	reserve(0, 0x100000);
	reserve(__pa(_text), __pa(_end));
	for (unsigned int i = 0; i < nr_boot_modules; i++)
		reserve(boot_modules[i].phys, boot_modules[i].phys + boot_modules[i].size);
	size = PAGE_ALIGN(max_pfn * sizeof(struct page));
	place = find_place(size);
	reserve(place, place + size);
	mem_map = __va(place);
	memset(mem_map, 0, size);
	for (unsigned long i = 0; i < max_pfn; i++)
		mem_map[i].flags = 1u << PG_reserved;
	for (unsigned int r = 0; r < nr_boot_memory; r++) {
		unsigned long at = boot_memory[r].start;

		for (unsigned int i = 0; i < nr_reserved; i++) {
			if (reserved[i].end <= at || reserved[i].start >= boot_memory[r].end)
				continue;
			if (reserved[i].start > at)
				free_range(at, reserved[i].start);
			at = reserved[i].end;
		}
		if (at < boot_memory[r].end)
			free_range(at, boot_memory[r].end);
	}
}

void free_boot_module(unsigned int index)
{
	struct boot_module *module = &boot_modules[index];

	if (!module->size)
		return;
	free_range(ALIGN(module->phys, PAGE_SIZE), ALIGN_DOWN(module->phys + module->size, PAGE_SIZE));
	module->size = 0;
}
