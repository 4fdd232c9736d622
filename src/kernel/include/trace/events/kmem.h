/* SPDX-License-Identifier: MIT */
/* Tracepoints of the allocators. */
#if !defined(_TRACE_EVENTS_KMEM_H) || defined(CREATE_TRACE_EVENTS)
#define _TRACE_EVENTS_KMEM_H

#include <kernel/gfp.h>
#include <kernel/mm.h>
#include <kernel/string.h>
#include <kernel/tracepoint.h>

#define __gfp_name(flag)	{ (unsigned long)flag, #flag }
#define show_gfp_flags(flags)								\
	(flags) ? __print_flags(flags, "|",						\
		__gfp_name(GFP_HIGHUSER_MOVABLE), __gfp_name(GFP_HIGHUSER), __gfp_name(GFP_USER),	\
		__gfp_name(GFP_KERNEL_ACCOUNT), __gfp_name(GFP_KERNEL), __gfp_name(GFP_NOFS),	\
		__gfp_name(GFP_ATOMIC), __gfp_name(GFP_NOIO), __gfp_name(GFP_NOWAIT), __gfp_name(GFP_DMA), \
		__gfp_name(__GFP_HIGHMEM), __gfp_name(__GFP_HIGH), __gfp_name(__GFP_ATOMIC), __gfp_name(__GFP_IO), \
		__gfp_name(__GFP_FS), __gfp_name(__GFP_NOWARN), __gfp_name(__GFP_NOFAIL), __gfp_name(__GFP_NORETRY), \
		__gfp_name(__GFP_COMP), __gfp_name(__GFP_ZERO), __gfp_name(__GFP_NOMEMALLOC),	\
		__gfp_name(__GFP_MEMALLOC), __gfp_name(__GFP_HARDWALL), __gfp_name(__GFP_RECLAIMABLE), \
		__gfp_name(__GFP_MOVABLE), __gfp_name(__GFP_ACCOUNT), __gfp_name(__GFP_WRITE),	\
		__gfp_name(__GFP_RECLAIM)) : "none"

TRACE_EVENT(kmalloc,
	TP_PROTO(unsigned long call_site, const void *ptr, size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags, int node),
	TP_ARGS(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__field(size_t, bytes_req)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(int, node)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = gfp_flags;
		__entry->node = node;
	),
	TP_printk("call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d accounted=%s",
		(void *)__entry->call_site, __entry->ptr, __entry->bytes_req, __entry->bytes_alloc,
		show_gfp_flags(__entry->gfp_flags), __entry->node, "false")
)

TRACE_EVENT(kmem_cache_alloc,
	TP_PROTO(unsigned long call_site, const void *ptr, size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags, int node),
	TP_ARGS(call_site, ptr, bytes_req, bytes_alloc, gfp_flags, node),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__field(size_t, bytes_req)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(int, node)
		__field(bool, accounted)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = gfp_flags;
		__entry->node = node;
		__entry->accounted = false;
	),
	TP_printk("call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d accounted=%s",
		(void *)__entry->call_site, __entry->ptr, __entry->bytes_req, __entry->bytes_alloc,
		show_gfp_flags(__entry->gfp_flags), __entry->node, __entry->accounted ? "true" : "false")
)

TRACE_EVENT(kfree,
	TP_PROTO(unsigned long call_site, const void *ptr),
	TP_ARGS(call_site, ptr),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
	),
	TP_printk("call_site=%pS ptr=%p", (void *)__entry->call_site, __entry->ptr)
)

TRACE_EVENT(kmem_cache_free,
	TP_PROTO(unsigned long call_site, const void *ptr, const char *name),
	TP_ARGS(call_site, ptr, name),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		__assign_str(name, name);
	),
	TP_printk("call_site=%pS ptr=%p name=%s", (void *)__entry->call_site, __entry->ptr, __get_str(name))
)

TRACE_EVENT(mm_page_alloc,
	TP_PROTO(struct page *page, unsigned int order, gfp_t gfp_flags, int migratetype),
	TP_ARGS(page, order, gfp_flags, migratetype),
	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
		__field(unsigned long, gfp_flags)
		__field(int, migratetype)
	),
	TP_fast_assign(
		__entry->pfn = page ? page_to_pfn(page) : -1UL;
		__entry->order = order;
		__entry->gfp_flags = gfp_flags;
		__entry->migratetype = migratetype;
	),
	TP_printk("page=%p pfn=0x%lx order=%d migratetype=%d gfp_flags=%s",
		__entry->pfn != -1UL ? pfn_to_page(__entry->pfn) : NULL, __entry->pfn != -1UL ? __entry->pfn : 0,
		__entry->order, __entry->migratetype, show_gfp_flags(__entry->gfp_flags))
)

TRACE_EVENT(mm_page_free,
	TP_PROTO(struct page *page, unsigned int order),
	TP_ARGS(page, order),
	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, order)
	),
	TP_fast_assign(
		__entry->pfn = page_to_pfn(page);
		__entry->order = order;
	),
	TP_printk("page=%p pfn=0x%lx order=%d", pfn_to_page(__entry->pfn), __entry->pfn, __entry->order)
)

#endif
