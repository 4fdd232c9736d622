/* SPDX-License-Identifier: MIT */
/* The buffers that user space maps, between ring_buffer.c, sample.c and core.c. */
#ifndef _EVENTS_RING_BUFFER_H
#define _EVENTS_RING_BUFFER_H

#include <kernel/perf_event.h>
#include <kernel/poll.h>

struct vm_area_struct;

struct perf_buffer {
	unsigned int refs;		/* events that write to it */
	unsigned int mmap_count;
	unsigned int nr_pages;		/* of data; 0: the header page alone */
	bool overwrite;			/* mapped read-only: nobody says what was read */
	bool paused;
	u64 head;			/* bytes written, ever (backward: downwards from 0) */
	u64 wakeup_at, watermark;	/* bytes after which readers are woken, and how often */
	unsigned int events;		/* since the last wakeup by wakeup_events */
	u64 lost;			/* records not written since the last that was */
	__poll_t poll;
	struct list_head event_list;	/* linked by rb_entry */
	struct perf_event_mmap_page *user_page;
	char *data;			/* behind user_page in the same mapping */
};

int perf_mmap(struct file *file, struct vm_area_struct *vma);
/* Lets @event write to @rb (NULL: to none); takes and drops the references. */
void ring_buffer_attach(struct perf_event *event, struct perf_buffer *rb);
/* Brings the times and capabilities of the header page up to date. */
void perf_event_update_userpage(struct perf_event *event);

/*
 * Appends a record whose header.size is set. 0, -ENOENT without a buffer, -EAGAIN while it is paused, or -ENOSPC if it
 * does not fit: it is counted, and a PERF_RECORD_LOST goes before the next one that does.
 */
int perf_output_record(struct perf_event *event, const struct perf_event_header *record, bool is_sample);

/* sample.c: appends what attr.sample_id_all asks for at the end of records other than samples; its size. */
u32 perf_sample_id_size(const struct perf_event *event);
void perf_fill_sample_id(const struct perf_event *event, void *to);
/* A sample of @event with everything that its sample_type asks for, to its buffer. */
int perf_event_output(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs);

/* core.c: what read(2) gives, in u64s; how many. */
unsigned int perf_event_read_format(struct perf_event *event, u64 *values);
#define PERF_MAX_READ_VALUES 256

#endif
