// SPDX-License-Identifier: MIT
/*
 * Records that tell a profiler what samples belong to: names of tasks, code that is mapped, births, deaths and switches of
 * tasks. Events ask for them by bits of their attributes. (man perf_event_open, "MMAP layout")
 */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include "ring_buffer.h"

/* A record while it is being put together; strings and sample_id follow what is fixed. */
struct sideband {
	struct perf_event_header header;
	u64 words[8 + PATH_MAX / 8 + 8];
};

/* The same for those that may not allocate and need little: as long as no path is in them. */
struct short_sideband {
	struct perf_event_header header;
	u64 words[16];
};

/* Completes a record of @words fixed words and a string, and sends it. Behind the header there must be room for all. */
static void send(struct perf_event *event, struct perf_event_header *header, unsigned int words, const char *text)
{
	char *body = (char *)(header + 1);
	size_t size = words * 8;

	if (text) {
		size_t length = strlen(text) + 1;

		memset(body + size, 0, ALIGN(length, 8));
		memcpy(body + size, text, length);
		size += ALIGN(length, 8);
	}
	if (event->attr.sample_id_all) {
		perf_fill_sample_id(event, body + size);
		size += perf_sample_id_size(event);
	}
	header->size = sizeof(*header) + size;
	perf_output_record(event, header, false);
}

static u64 pair(u32 low, u32 high)
{
	return (u64)high << 32 | low;
}

/* ---- COMM ---- */

struct comm_change {
	const struct task_struct *task;
	bool exec;
};

static void comm_output(struct perf_event *event, void *data)
{
	const struct comm_change *change = data;
	struct short_sideband record;

	if (!event->attr.comm)
		return;
	record.header = (struct perf_event_header){ .type = PERF_RECORD_COMM,
						    .misc = change->exec ? PERF_RECORD_MISC_COMM_EXEC : 0 };
	record.words[0] = pair(change->task->tgid, change->task->pid);
	send(event, &record.header, 1, change->task->comm);
}

void perf_event_comm(struct task_struct *task, bool exec)
{
	struct comm_change change = { task, exec };

	perf_iterate(comm_output, &change);
}

/* ---- MMAP and MMAP2 ---- */

struct mapping {
	const struct vm_area_struct *vma;
	const char *name;
};

static void mmap_output(struct perf_event *event, void *data)
{
	const struct mapping *mapping = data;
	const struct vm_area_struct *vma = mapping->vma;
	bool code = vma->vm_flags & VM_EXEC;
	struct sideband *record;
	unsigned int words = 4;

	if (code ? !event->attr.mmap && !event->attr.mmap2 : !event->attr.mmap_data)
		return;
	record = kmalloc(sizeof(*record), GFP_KERNEL);
	if (!record)
		return;
	record->header = (struct perf_event_header){ .type = event->attr.mmap2 ? PERF_RECORD_MMAP2 : PERF_RECORD_MMAP,
						     .misc = PERF_RECORD_MISC_USER |
							     (code ? 0 : PERF_RECORD_MISC_MMAP_DATA) };
	record->words[0] = pair(current->tgid, current->pid);
	record->words[1] = vma->vm_start;
	record->words[2] = vma->vm_end - vma->vm_start;
	record->words[3] = vma->vm_pgoff << PAGE_SHIFT;
	if (event->attr.mmap2) {
		const struct inode *inode = vma->vm_file ? file_inode(vma->vm_file) : NULL;
		dev_t dev = inode ? inode->i_sb->s_dev : 0;

		record->words[4] = pair(MAJOR(dev), MINOR(dev));
		record->words[5] = inode ? inode->i_ino : 0;
		record->words[6] = 0;
		record->words[7] = pair((vma->vm_flags & VM_READ ? PROT_READ : 0) | (vma->vm_flags & VM_WRITE ? PROT_WRITE : 0) |
					(code ? PROT_EXEC : 0), vma->vm_flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE);
		words = 8;
	}
	send(event, &record->header, words, mapping->name);
	kfree(record);
}

void perf_event_mmap(struct vm_area_struct *vma)
{
	struct mapping mapping = { vma, "//anon" };
	char *room;

	if (!perf_nr_events)
		return;
	room = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!room)
		return;
	if (vma->vm_file) {
		mapping.name = d_path(&vma->vm_file->f_path, room, PATH_MAX);
		if (IS_ERR(mapping.name))
			mapping.name = "//toolong";
	}
	perf_iterate(mmap_output, &mapping);
	kfree(room);
}

/* ---- FORK and EXIT ---- */

struct task_change {
	const struct task_struct *task;
	bool born;
};

static void task_output(struct perf_event *event, void *data)
{
	const struct task_change *change = data;
	const struct task_struct *parent = change->born ? current : change->task->real_parent;
	struct short_sideband record;

	if (!event->attr.comm && !event->attr.mmap && !event->attr.mmap2 && !event->attr.mmap_data && !event->attr.task)
		return;
	record.header = (struct perf_event_header){ .type = change->born ? PERF_RECORD_FORK : PERF_RECORD_EXIT };
	record.words[0] = pair(change->task->tgid, parent->tgid);
	record.words[1] = pair(change->task->pid, parent->pid);
	record.words[2] = ktime_get_ns();
	send(event, &record.header, 3, NULL);
}

void perf_event_task(struct task_struct *task, bool born)
{
	struct task_change change = { task, born };

	perf_iterate(task_output, &change);
}

/* ---- SWITCH ---- */

struct task_switch {
	const struct task_struct *other;
	bool out;
};

static void switch_output(struct perf_event *event, void *data)
{
	const struct task_switch *change = data;
	struct short_sideband record;

	if (!event->attr.context_switch)
		return;
	record.header = (struct perf_event_header){ .type = event->task ? PERF_RECORD_SWITCH : PERF_RECORD_SWITCH_CPU_WIDE,
						    .misc = change->out ? PERF_RECORD_MISC_SWITCH_OUT : 0 };
	record.words[0] = pair(change->other->tgid, change->other->pid);
	send(event, &record.header, event->task ? 0 : 1, NULL);
}

void perf_event_switch(const struct task_struct *other, bool out)
{
	struct task_switch change = { other, out };

	perf_iterate(switch_output, &change);
}
