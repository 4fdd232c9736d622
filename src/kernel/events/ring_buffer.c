// SPDX-License-Identifier: MIT
/*
 * The ring buffers of perf events: a header page (struct perf_event_mmap_page) and a power of two of data pages, shared
 * with user space by mmap(2). The kernel moves data_head, the reader data_tail. (man perf_event_open, "MMAP layout")
 */
#include <kernel/capability.h>
#include <kernel/cred.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/proc_fs.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/vmalloc.h>
#include "internal.h"
#include "ring_buffer.h"

static int sysctl_perf_event_mlock_kb = 512 + PAGE_SIZE / 1024;
static unsigned long locked_pages;	/* of unprivileged users' buffers */

static size_t data_size(const struct perf_buffer *rb)
{
	return (size_t)rb->nr_pages << PAGE_SHIFT;
}

/* ---- life ---- */

static struct perf_buffer *rb_alloc(unsigned int nr_pages, u64 watermark, bool overwrite)
{
	struct perf_buffer *rb = kzalloc(sizeof(*rb), GFP_KERNEL);
	size_t size = (size_t)nr_pages << PAGE_SHIFT;

	if (!rb)
		return NULL;
	rb->user_page = vmalloc_user(size + PAGE_SIZE);
	if (!rb->user_page) {
		kfree(rb);
		return NULL;
	}
	rb->data = (char *)rb->user_page + PAGE_SIZE;
	rb->nr_pages = nr_pages;
	rb->overwrite = overwrite;
	rb->paused = !nr_pages;
	rb->watermark = watermark ? min_t(u64, watermark, size) : size / 2;
	INIT_LIST_HEAD(&rb->event_list);
	rb->user_page->capabilities = 0;
	rb->user_page->cap_bit0_is_deprecated = 1;
	rb->user_page->size = offsetof(struct perf_event_mmap_page, __reserved);
	rb->user_page->data_offset = PAGE_SIZE;
	rb->user_page->data_size = size;
	return rb;
}

static void rb_put(struct perf_buffer *rb)
{
	if (rb->refs || rb->mmap_count)
		return;
	vfree(rb->user_page);
	kfree(rb);
}

void ring_buffer_attach(struct perf_event *event, struct perf_buffer *rb)
{
	struct perf_buffer *old = event->rb;

	if (old)
		list_del_init(&event->rb_entry);
	if (rb) {
		rb->refs++;
		list_add_tail(&event->rb_entry, &rb->event_list);
	}
	event->rb = rb;
	if (!old)
		return;
	old->refs--;
	rb_put(old);
	/* Who waited for the old one has nothing more to expect. */
	wake_up_all(&event->waitq);
}

void perf_event_update_userpage(struct perf_event *event)
{
	struct perf_buffer *rb = event->rb;
	u64 enabled, running;

	if (!rb)
		return;
	perf_event_read_value(event, &enabled, &running);
	rb->user_page->lock++;
	barrier();
	rb->user_page->index = 0;
	rb->user_page->offset = event->count;
	rb->user_page->time_enabled = enabled;
	rb->user_page->time_running = running;
	barrier();
	rb->user_page->lock++;
}

/* ---- mapping ---- */

static vm_fault_t perf_mmap_fault(struct vm_fault *vmf)
{
	struct perf_event *event = vmf->vma->vm_file->private_data;
	struct perf_buffer *rb = event->rb;

	if (!rb || vmf->pgoff > rb->nr_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page((char *)rb->user_page + (vmf->pgoff << PAGE_SHIFT));
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

/* User space writes the header page only, to say what it has read. */
static vm_fault_t perf_mmap_mkwrite(struct vm_fault *vmf)
{
	return vmf->pgoff ? VM_FAULT_SIGBUS : 0;
}

static void perf_mmap_open(struct vm_area_struct *vma)
{
	struct perf_event *event = vma->vm_file->private_data;

	event->mmap_count++;
	event->rb->mmap_count++;
}

static void perf_mmap_close(struct vm_area_struct *vma)
{
	struct perf_event *event = vma->vm_file->private_data;
	struct perf_buffer *rb = event->rb;
	struct perf_event *other, *tmp;

	rb->mmap_count--;
	rb->refs++;
	if (--event->mmap_count == 0)
		ring_buffer_attach(event, NULL);
	/* Nobody can read it any more: those that were redirected to it lose it too. */
	if (!rb->mmap_count)
		list_for_each_entry_safe(other, tmp, &rb->event_list, rb_entry)
			ring_buffer_attach(other, NULL);
	rb->refs--;
	if (!rb->mmap_count && vma->vm_private_data)
		locked_pages -= (unsigned long)vma->vm_private_data;
	rb_put(rb);
}

static const struct vm_operations_struct perf_mmap_ops = {
	.open = perf_mmap_open, .close = perf_mmap_close, .fault = perf_mmap_fault,
	.page_mkwrite = perf_mmap_mkwrite,
};

int perf_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct perf_event *event = file->private_data;
	unsigned long pages = ((vma->vm_end - vma->vm_start) >> PAGE_SHIFT) - 1, charged = 0;
	bool overwrite = !(vma->vm_flags & VM_WRITE);

	/* Other tasks of an inherited event would write at the same time from other processors. */
	if (event->cpu == -1 && event->attr.inherit)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff)
		return -EINVAL;
	if (pages & (pages - 1))
		return -EINVAL;
	if (event->rb && event->rb->nr_pages != pages)
		return -EINVAL;
	if (!event->rb) {
		struct perf_buffer *rb;

		if (!capable(CAP_IPC_LOCK) && sysctl_perf_event_paranoid > -1) {
			charged = pages + 1;
			if (locked_pages + charged > (unsigned long)sysctl_perf_event_mlock_kb * 1024 / PAGE_SIZE +
						     rlimit(RLIMIT_MEMLOCK) / PAGE_SIZE)
				return -EPERM;
		}
		rb = rb_alloc(pages, event->attr.watermark ? event->attr.wakeup_watermark : 0, overwrite);
		if (!rb)
			return -ENOMEM;
		ring_buffer_attach(event, rb);
		locked_pages += charged;
		vma->vm_private_data = (void *)charged;
	}
	event->mmap_count++;
	event->rb->mmap_count++;
	perf_event_update_userpage(event);
	vma->vm_flags |= VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP;
	vma->vm_ops = &perf_mmap_ops;
	return 0;
}

/* ---- writing ---- */

static void copy_in(struct perf_buffer *rb, u64 offset, const void *from, size_t size)
{
	size_t mask = data_size(rb) - 1, at = offset & mask, first = min(size, data_size(rb) - at);

	memcpy(rb->data + at, from, first);
	memcpy(rb->data, (const char *)from + first, size - first);
}

static bool has_space(struct perf_buffer *rb, bool backward, size_t size)
{
	u64 tail = READ_ONCE(rb->user_page->data_tail), mask = data_size(rb) - 1;

	if (rb->overwrite)
		return true;
	if (!backward)
		return ((tail - rb->head - 1) & mask) >= size;
	return ((rb->head - tail - 1) & mask) >= size;
}

static void append(struct perf_buffer *rb, bool backward, const void *record, size_t size)
{
	if (backward) {
		rb->head -= size;
		copy_in(rb, rb->head, record, size);
	} else {
		copy_in(rb, rb->head, record, size);
		rb->head += size;
	}
}

struct lost_record {
	struct perf_event_header header;
	u64 id;
	u64 lost;
	u64 sample_id[8];
};

int perf_output_record(struct perf_event *event, const struct perf_event_header *record, bool is_sample)
{
	struct perf_buffer *rb = event->rb;
	struct lost_record lost;
	size_t size = record->size, lost_size = 0;
	bool backward = event->attr.write_backward, wake = false;
	unsigned long flags;

	if (!rb)
		return -ENOENT;
	if (rb->paused) {
		if (rb->nr_pages) {
			rb->lost++;
			event->lost_samples++;
		}
		return rb->nr_pages ? -EAGAIN : -ENOENT;
	}
	local_irq_save(flags);
	if (rb->lost) {
		lost_size = offsetof(struct lost_record, sample_id);
		if (event->attr.sample_id_all)
			lost_size += perf_sample_id_size(event);
	}
	if (size + lost_size > data_size(rb) || !has_space(rb, backward, size + lost_size)) {
		rb->lost++;
		event->lost_samples++;
		local_irq_restore(flags);
		return -ENOSPC;
	}
	if (lost_size) {
		lost.header = (struct perf_event_header){ .type = PERF_RECORD_LOST, .size = lost_size };
		lost.id = event->id;
		lost.lost = rb->lost;
		rb->lost = 0;
		if (event->attr.sample_id_all)
			perf_fill_sample_id(event, lost.sample_id);
		append(rb, backward, &lost, lost_size);
	}
	append(rb, backward, record, size);
	if (!backward && rb->head - rb->wakeup_at > rb->watermark) {
		rb->wakeup_at += rb->watermark;
		wake = true;
	}
	if (is_sample && !event->attr.watermark && event->attr.wakeup_events && ++rb->events >= event->attr.wakeup_events) {
		rb->events -= event->attr.wakeup_events;
		wake = true;
	}
	barrier();
	WRITE_ONCE(rb->user_page->data_head, rb->head);
	if (wake) {
		rb->poll = EPOLLIN;
		irq_work_queue(&event->wakeup);
	}
	local_irq_restore(flags);
	return 0;
}

static int __init ring_buffer_init(void)
{
	proc_sys_create_int("kernel/perf_event_mlock_kb", 0644, &sysctl_perf_event_mlock_kb, 0, INT_MAX, NULL);
	return 0;
}
late_initcall(ring_buffer_init);
