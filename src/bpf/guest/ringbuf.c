// SPDX-License-Identifier: MIT
/*
 * The ring buffer map: programs reserve, fill and submit records, a reader maps the buffer and consumes them in order.
 * Pages: one of the kernel's own, the consumer's position (the only one that user space may write), the producer's
 * position, then the data, mapped twice behind itself so that no record is ever split. (Documentation/bpf/ringbuf.rst)
 */
#include <kernel/irq_work.h>
#include <kernel/irqflags.h>
#include <kernel/mm.h>
#include <kernel/poll.h>
#include <kernel/vmalloc.h>
#include <kernel/wait.h>
#include "../../kernel/arch/pgtable.h"
#include "internal.h"

#define RINGBUF_META_PAGES	3
#define RINGBUF_MAX_RECORD_SZ	(UINT_MAX / 4)

struct bpf_ringbuf {
	wait_queue_head_t waitq;
	struct irq_work work;
	u64 mask;
	u64 pending_pos;		/* first record that is still being filled */
	u32 nr_pages;			/* meta and data, each once */
	unsigned long consumer_pos __aligned(PAGE_SIZE);
	unsigned long producer_pos __aligned(PAGE_SIZE);
	char data[] __aligned(PAGE_SIZE);
};

struct bpf_ringbuf_map {
	struct bpf_map map;
	struct bpf_ringbuf *rb;
};

/* Before each record; user space sees the first word, whose top bits say busy and discarded. */
struct bpf_ringbuf_hdr {
	u32 len;
	u32 pg_off;			/* pages from the buffer's start */
};

static struct bpf_ringbuf *to_ringbuf(struct bpf_map *map)
{
	return container_of(map, struct bpf_ringbuf_map, map)->rb;
}

static void bpf_ringbuf_notify(struct irq_work *work)
{
	wake_up_all(&container_of(work, struct bpf_ringbuf, work)->waitq);
}

static struct bpf_ringbuf *bpf_ringbuf_alloc(size_t data_size)
{
	u32 data_pages = data_size >> PAGE_SHIFT, meta_and_data = RINGBUF_META_PAGES + data_pages, i;
	struct bpf_ringbuf *rb = NULL;
	struct page **pages = kvzalloc((u64)(meta_and_data + data_pages) * sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return NULL;
	for (i = 0; i < meta_and_data; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[i])
			goto out;
		if (i >= RINGBUF_META_PAGES)
			pages[data_pages + i] = pages[i];
	}
	rb = vmap(pages, meta_and_data + data_pages, 0, __PAGE_KERNEL);
out:
	/* From here on the mapping alone holds the pages. */
	for (i = 0; i < meta_and_data; i++)
		if (pages[i])
			__free_page(pages[i]);
	kvfree(pages);
	if (!rb)
		return NULL;
	rb->nr_pages = meta_and_data;
	init_waitqueue_head(&rb->waitq);
	init_irq_work(&rb->work, bpf_ringbuf_notify);
	rb->mask = data_size - 1;
	return rb;
}

static struct bpf_map *ringbuf_map_alloc(union bpf_attr *attr)
{
	struct bpf_ringbuf_map *rb_map;

	if (attr->map_flags & ~(u32)BPF_F_NUMA_NODE)
		return ERR_PTR(-EINVAL);
	if (attr->key_size || attr->value_size || !attr->max_entries || attr->max_entries & (attr->max_entries - 1) ||
	    attr->max_entries & ~PAGE_MASK)
		return ERR_PTR(-EINVAL);
	rb_map = bpf_map_area_alloc(sizeof(*rb_map));
	if (!rb_map)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&rb_map->map, attr);
	rb_map->rb = bpf_ringbuf_alloc(attr->max_entries);
	if (!rb_map->rb) {
		bpf_map_area_free(rb_map);
		return ERR_PTR(-ENOMEM);
	}
	return &rb_map->map;
}

static void ringbuf_map_free(struct bpf_map *map)
{
	struct bpf_ringbuf *rb = to_ringbuf(map);

	irq_work_sync(&rb->work);
	vunmap(rb);
	bpf_map_area_free(container_of(map, struct bpf_ringbuf_map, map));
}

static void *ringbuf_map_lookup_elem(struct bpf_map *map, void *key) { return ERR_PTR(-ENOTSUPP); }
static int ringbuf_map_delete_elem(struct bpf_map *map, void *key) { return -ENOTSUPP; }
static int ringbuf_map_get_next_key(struct bpf_map *map, void *key, void *next) { return -ENOTSUPP; }

static int ringbuf_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	return -ENOTSUPP;
}

static vm_fault_t ringbuf_map_fault(struct vm_fault *vmf)
{
	struct bpf_ringbuf *rb = to_ringbuf(vmf->vma->vm_private_data);

	vmf->page = vmalloc_to_page((char *)rb + ((vmf->pgoff + 1) << PAGE_SHIFT));
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static int ringbuf_map_mmap(struct bpf_map *map, struct vm_area_struct *vma)
{
	struct bpf_ringbuf *rb = to_ringbuf(map);
	u64 count = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	u64 mapped = rb->nr_pages - 1 + ((rb->mask + 1) >> PAGE_SHIFT);

	if (vma->vm_flags & VM_WRITE) {
		if (vma->vm_pgoff != 0 || count != 1)
			return -EPERM;
	} else {
		vma->vm_flags &= ~VM_MAYWRITE;
	}
	return vma->vm_pgoff > mapped || count > mapped - vma->vm_pgoff ? -EINVAL : 0;
}

static u64 ringbuf_avail(struct bpf_ringbuf *rb)
{
	return rb->producer_pos - rb->consumer_pos;
}

static __poll_t ringbuf_map_poll(struct bpf_map *map, struct file *file, struct poll_table_struct *table)
{
	struct bpf_ringbuf *rb = to_ringbuf(map);

	poll_wait(file, &rb->waitq, table);
	return ringbuf_avail(rb) ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct bpf_map_ops ringbuf_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc = ringbuf_map_alloc,
	.map_free = ringbuf_map_free,
	.map_get_next_key = ringbuf_map_get_next_key,
	.map_lookup_elem = ringbuf_map_lookup_elem,
	.map_update_elem = ringbuf_map_update_elem,
	.map_delete_elem = ringbuf_map_delete_elem,
	.map_mmap = ringbuf_map_mmap,
	.map_fault = ringbuf_map_fault,
	.map_poll = ringbuf_map_poll,
};

/* ---- records ---- */

static struct bpf_ringbuf_hdr *header_at(struct bpf_ringbuf *rb, u64 pos)
{
	return (struct bpf_ringbuf_hdr *)(rb->data + (pos & rb->mask));
}

static void *reserve(struct bpf_ringbuf *rb, u64 size)
{
	u64 len = round_up(size + BPF_RINGBUF_HDR_SZ, 8), pos = rb->producer_pos, end = pos + len;
	struct bpf_ringbuf_hdr *hdr;

	if (size > RINGBUF_MAX_RECORD_SZ || len > rb->mask + 1)
		return NULL;
	/* The consumer's position is whatever user space wrote: a record not yet submitted must be safe from it too. */
	while (rb->pending_pos < pos) {
		u32 pending = header_at(rb, rb->pending_pos)->len;

		if (pending & BPF_RINGBUF_BUSY_BIT)
			break;
		pending &= ~BPF_RINGBUF_DISCARD_BIT;
		rb->pending_pos += round_up((u64)pending + BPF_RINGBUF_HDR_SZ, 8);
	}
	if (end - READ_ONCE(rb->consumer_pos) > rb->mask || end - rb->pending_pos > rb->mask)
		return NULL;
	hdr = header_at(rb, pos);
	hdr->len = size | BPF_RINGBUF_BUSY_BIT;
	hdr->pg_off = ((char *)hdr - (char *)rb) >> PAGE_SHIFT;
	barrier();
	rb->producer_pos = end;
	return hdr + 1;
}

static void commit(void *sample, u64 flags, bool discard)
{
	struct bpf_ringbuf_hdr *hdr = (struct bpf_ringbuf_hdr *)sample - 1;
	struct bpf_ringbuf *rb = (void *)(((unsigned long)hdr & PAGE_MASK) - ((unsigned long)hdr->pg_off << PAGE_SHIFT));
	u32 len = hdr->len & ~BPF_RINGBUF_BUSY_BIT;

	barrier();
	hdr->len = discard ? len | BPF_RINGBUF_DISCARD_BIT : len;
	barrier();
	/* The reader has caught up to this record: it may be asleep. */
	if (flags & BPF_RB_FORCE_WAKEUP ||
	    ((READ_ONCE(rb->consumer_pos) & rb->mask) == (char *)hdr - rb->data && !(flags & BPF_RB_NO_WAKEUP)))
		irq_work_queue(&rb->work);
}

BPF_HELPER(ringbuf_reserve)
{
	return r3 ? 0 : (u64)reserve(to_ringbuf((struct bpf_map *)r1), r2);
}

BPF_HELPER(ringbuf_submit)
{
	commit((void *)r1, r2, false);
	return 0;
}

BPF_HELPER(ringbuf_discard)
{
	commit((void *)r1, r2, true);
	return 0;
}

BPF_HELPER(ringbuf_output)
{
	void *record;

	if (r4 & ~(u64)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP))
		return -EINVAL;
	record = reserve(to_ringbuf((struct bpf_map *)r1), r3);
	if (!record)
		return -EAGAIN;
	memcpy(record, (void *)r2, r3);
	commit(record, r4, false);
	return 0;
}

BPF_HELPER(ringbuf_query)
{
	struct bpf_ringbuf *rb = to_ringbuf((struct bpf_map *)r1);

	switch (r2) {
	case BPF_RB_AVAIL_DATA:
		return ringbuf_avail(rb);
	case BPF_RB_RING_SIZE:
		return rb->mask + 1;
	case BPF_RB_CONS_POS:
		return rb->consumer_pos;
	case BPF_RB_PROD_POS:
		return rb->producer_pos;
	default:
		return 0;
	}
}
