// SPDX-License-Identifier: MIT
/*
 * The trace buffer and the files that show it: trace, trace_pipe, tracing_on. Records are kept whole and formatted when
 * they are read; the oldest give way. (Documentation/trace/ftrace.rst)
 */
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/irq.h>
#include <kernel/irq_work.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/list.h>
#include <kernel/sched.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/trace_events.h>
#include <kernel/tracefs.h>
#include <kernel/uaccess.h>
#include <kernel/wait.h>
#include "filter.h"

#define BUFFER_KB 256
#define BUFFER_BYTES (BUFFER_KB * 1024)

struct trace_record {
	struct list_head list;
	u64 when;				/* ns since boot */
	struct trace_event_call *call;		/* NULL: text of trace_printk */
	char comm[TASK_COMM_LEN];
	int pid;
	u8 flags;				/* TRACE_FLAG_ */
	size_t size;
	char data[];
};

/*
 * Records lie one after another in memory of the buffer's own: a probe must not allocate, least of all one on the
 * allocator. The list is in the order of time, which is also the order of addresses but for the wrap.
 */
static char buffer[BUFFER_BYTES] __attribute__((aligned(8)));
static size_t next_free;
static LIST_HEAD(records);
static bool tracing_on = true;
static DECLARE_WAIT_QUEUE_HEAD(readers);

static void drop_first(void)
{
	list_del(&list_first_entry(&records, struct trace_record, list)->list);
}

/* Drops the oldest records as long as they begin in [@from, @to). */
static void drop_within(const char *from, const char *to)
{
	while (!list_empty(&records)) {
		const char *first = (const char *)list_first_entry(&records, struct trace_record, list);

		if (first < from || first >= to)
			return;
		drop_first();
	}
}

static struct trace_record *reserve(size_t size)
{
	size_t total = ALIGN(sizeof(struct trace_record) + size, 8);
	struct trace_record *record;

	if (total > BUFFER_BYTES)
		return NULL;
	if (next_free + total > BUFFER_BYTES) {
		drop_within(buffer + next_free, buffer + BUFFER_BYTES);
		next_free = 0;
	}
	record = (struct trace_record *)(buffer + next_free);
	drop_within(buffer + next_free, buffer + next_free + total);
	next_free += total;
	return record;
}

static u8 current_flags(void)
{
	return (irqs_disabled() ? TRACE_FLAG_IRQS_OFF : 0) | (current->need_resched ? TRACE_FLAG_NEED_RESCHED : 0) |
	       (in_interrupt() ? TRACE_FLAG_HARDIRQ : 0);
}

void trace_event_fill_entry(struct trace_event_call *call, struct trace_entry *entry)
{
	entry->type = call->id;
	entry->flags = current_flags();
	entry->preempt_count = 0;
	entry->pid = current->pid;
}
NOKPROBE_SYMBOL(trace_event_fill_entry);

/* Readers are woken from an interrupt of their own: the event may have happened in the middle of waking somebody. */
static void wake_readers(struct irq_work *work)
{
	wake_up(&readers);
}
static struct irq_work wake_work = IRQ_WORK_INIT(wake_readers);

static void store(struct trace_event_call *call, const void *data, size_t size)
{
	struct trace_record *record;

	if (!tracing_on)
		return;
	record = reserve(size);
	if (!record)
		return;
	record->when = ktime_get_ns();
	record->call = call;
	memcpy(record->comm, current->comm, TASK_COMM_LEN);
	record->pid = current->pid;
	record->flags = current_flags();
	record->size = size;
	memcpy(record->data, data, size);
	list_add_tail(&record->list, &records);
	if (waitqueue_active(&readers))
		irq_work_queue(&wake_work);
}

void trace_buffer_write(struct trace_event_call *call, void *data, size_t size)
{
	trace_event_fill_entry(call, data);
	if (!call->filter || filter_match_preds(call->filter, call, data))
		store(call, data, size);
}

void trace_buffer_printk(const char *text, size_t length)
{
	store(NULL, text, length);
}

/* The records of an event that goes away cannot be formatted any more. Linux then forgets those of all others too. */
void trace_buffer_forget(struct trace_event_call *call)
{
	while (call->was_enabled && !list_empty(&records))
		drop_first();
}

static void show_record(struct seq_file *m, struct trace_record *record)
{
	u64 us = (record->when + 500) / 1000;

	seq_printf(m, "%16s-%-7d [000] %c%c%c.. %5llu.%06llu: ", record->comm, record->pid,
		   record->flags & TRACE_FLAG_IRQS_OFF ? 'd' : '.', record->flags & TRACE_FLAG_NEED_RESCHED ? 'N' : '.',
		   record->flags & TRACE_FLAG_HARDIRQ ? 'h' : '.', us / 1000000, us % 1000000);
	if (record->call) {
		/* Those of system calls name themselves. */
		if (!(record->call->flags & TRACE_EVENT_FL_SYSCALL))
			seq_printf(m, "%s: ", record->call->name);
		record->call->print(m, record->call, record->data);
		seq_putc(m, '\n');
	} else {
		seq_puts(m, "bpf_trace_printk: ");
		seq_write(m, record->data, record->size);
		if (!record->size || record->data[record->size - 1] != '\n')
			seq_putc(m, '\n');
	}
}

static int trace_show(struct seq_file *m, void *v)
{
	struct trace_record *record;
	int entries = 0;

	(void)v;
	list_for_each_entry(record, &records, list)
		entries++;
	seq_printf(m, "# tracer: nop\n#\n# entries-in-buffer/entries-written: %d/%d   #P:1\n#\n", entries, entries);
	seq_puts(m, "#                                _-----=> irqs-off/BH-disabled\n"
		    "#                               / _----=> need-resched\n"
		    "#                              | / _---=> hardirq/softirq\n"
		    "#                              || / _--=> preempt-depth\n"
		    "#                              ||| / _-=> migrate-disable\n"
		    "#                              |||| /     delay\n"
		    "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
		    "#              | |         |   |||||     |         |\n");
	list_for_each_entry(record, &records, list)
		show_record(m, record);
	return 0;
}

static int trace_open(struct inode *inode, struct file *file)
{
	(void)inode;
	if ((file->f_flags & O_TRUNC) && (file->f_mode & FMODE_WRITE))
		while (!list_empty(&records))
			drop_first();
	return single_open_size(file, trace_show, NULL, BUFFER_BYTES);
}

static ssize_t trace_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	(void)file;
	(void)buf;
	(void)pos;
	return count;
}

static const struct file_operations trace_fops = {
	.open = trace_open, .read_iter = seq_read_iter, .write = trace_write, .llseek = seq_lseek, .release = single_release,
};

/* ---- trace_pipe: reading takes the records out; a reader waits for the next ---- */

static ssize_t trace_pipe_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct trace_record *record;
	struct seq_file m = { .size = PAGE_SIZE };
	ssize_t ret;

	(void)pos;
	while (list_empty(&records)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(readers, !list_empty(&records)))
			return -EINTR;
	}
	m.buf = kmalloc(m.size, GFP_KERNEL);
	if (!m.buf)
		return -ENOMEM;
	record = list_first_entry(&records, struct trace_record, list);
	show_record(&m, record);
	ret = min(m.count, count);
	if (copy_to_user(buf, m.buf, ret))
		ret = -EFAULT;
	else
		drop_first();
	kfree(m.buf);
	return ret;
}

static const struct file_operations trace_pipe_fops = { .read = trace_pipe_read };

static ssize_t tracing_on_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	(void)file;
	return simple_read_from_buffer(buf, count, pos, tracing_on ? "1\n" : "0\n", 2);
}

static ssize_t tracing_on_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	unsigned long value;
	int ret = kstrtoul_from_user(buf, count, 10, &value);

	(void)file;
	if (ret)
		return ret;
	tracing_on = value;
	*pos += count;
	return count;
}

static const struct file_operations tracing_on_fops = { .read = tracing_on_read, .write = tracing_on_write };

/* ---- trace_marker: lines of user space's own ---- */

#define MAX_MARKER 1024

static void print_marker(struct seq_file *m, struct trace_event_call *call, const void *record)
{
	const char *text = (const char *)record + sizeof(struct trace_entry) + sizeof(long);
	size_t length = strlen(text);

	/* The line ends here already if the text ends it. */
	seq_printf(m, "%.*s", (int)(length && text[length - 1] == '\n' ? length - 1 : length), text);
}

static struct trace_event_call marker_call = { .name = "tracing_mark_write", .print = print_marker };

static ssize_t marker_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	size_t head = sizeof(struct trace_entry) + sizeof(long), length = min_t(size_t, count, MAX_MARKER);
	char *record;

	if (!tracing_on)
		return -EINVAL;
	record = kzalloc(head + length + 1, GFP_KERNEL);
	if (!record)
		return -ENOMEM;
	if (copy_from_user(record + head, buf, length)) {
		kfree(record);
		return -EFAULT;
	}
	*(unsigned long *)(record + sizeof(struct trace_entry)) = _RET_IP_;
	trace_buffer_write(&marker_call, record, head + length + 1);
	kfree(record);
	*pos += length;
	return length;
}

static const struct file_operations marker_fops = { .write = marker_write };

static ssize_t fixed_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	const char *text = file_inode(file)->i_private;

	return simple_read_from_buffer(buf, count, pos, text, strlen(text));
}

static const struct file_operations fixed_fops = { .read = fixed_read };

/* The one tracer is the one that traces nothing besides events. */
static ssize_t current_tracer_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(buf, count, pos, "nop\n", 4);
}

static ssize_t current_tracer_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char name[8] = "";

	if (copy_from_user(name, buf, min(count, sizeof(name) - 1)))
		return -EFAULT;
	return strcmp(strim(name), "nop") ? -EINVAL : (ssize_t)count;
}

static const struct file_operations current_tracer_fops = { .read = current_tracer_read, .write = current_tracer_write };

static int __init trace_buffer_init(void)
{
	tracefs_create_file("trace", 0640, NULL, NULL, &trace_fops);
	tracefs_create_file("trace_pipe", 0440, NULL, NULL, &trace_pipe_fops);
	tracefs_create_file("trace_marker", 0220, NULL, NULL, &marker_fops);
	/* There is one tracer, which traces events only, one clock, and one size of the buffer. */
	tracefs_create_file("current_tracer", 0640, NULL, NULL, &current_tracer_fops);
	tracefs_create_file("available_tracers", 0444, NULL, "nop\n", &fixed_fops);
	tracefs_create_file("trace_clock", 0444, NULL, "[local]\n", &fixed_fops);
	tracefs_create_file("buffer_size_kb", 0444, NULL, __stringify(BUFFER_KB) "\n", &fixed_fops);
	tracefs_create_file("buffer_total_size_kb", 0444, NULL, __stringify(BUFFER_KB) "\n", &fixed_fops);
	tracefs_create_file("tracing_on", 0640, NULL, NULL, &tracing_on_fops);
	return 0;
}
fs_initcall(trace_buffer_init);
