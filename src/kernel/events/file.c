// SPDX-License-Identifier: MIT
/* What a descriptor of a perf event does: read, poll and the ioctls. (man perf_event_open) */
#include <kernel/bpf.h>
#include <kernel/bpf_rules.h>
#include <kernel/capability.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/perf_event.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/trace_events.h>
#include <kernel/uaccess.h>
#include "../trace/filter.h"
#include "attr.h"
#include "internal.h"
#include "ring_buffer.h"

static int perf_release(struct inode *inode, struct file *file)
{
	perf_event_put(file->private_data);
	return 0;
}

/* ---- reading ---- */

static unsigned int put_value(struct perf_event *event, u64 *values)
{
	u64 format = event->attr.read_format, enabled, running;
	unsigned int n = 0;

	values[n++] = perf_event_read_value(event, &enabled, &running);
	if (format & PERF_FORMAT_ID)
		values[n++] = event->id;
	if (format & PERF_FORMAT_LOST)
		values[n++] = event->lost_samples;
	return n;
}

static unsigned int read_format_values(const struct perf_event *event)
{
	u64 format = event->attr.read_format;
	unsigned int each = 1 + !!(format & PERF_FORMAT_ID) + !!(format & PERF_FORMAT_LOST);
	unsigned int times = !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED) + !!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);

	return format & PERF_FORMAT_GROUP ? 1 + times + each * (1 + event->nr_siblings) : each + times;
}

unsigned int perf_event_read_format(struct perf_event *event, u64 *values)
{
	struct perf_event *leader = event->group_leader, *sibling;
	u64 format = event->attr.read_format, enabled, running;
	unsigned int n = 0;

	if (!(format & PERF_FORMAT_GROUP)) {
		values[n++] = perf_event_read_value(event, &enabled, &running);
	} else {
		perf_event_read_value(leader, &enabled, &running);
		values[n++] = 1 + leader->nr_siblings;
	}
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		values[n++] = enabled;
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		values[n++] = running;
	if (!(format & PERF_FORMAT_GROUP)) {
		if (format & PERF_FORMAT_ID)
			values[n++] = event->id;
		if (format & PERF_FORMAT_LOST)
			values[n++] = event->lost_samples;
		return n;
	}
	n += put_value(leader, values + n);
	list_for_each_entry(sibling, &leader->siblings, sibling)
		if (n + 4 < PERF_MAX_READ_VALUES)
			n += put_value(sibling, values + n);
	return n;
}

static ssize_t perf_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct perf_event *event = file->private_data;
	u64 *values;
	size_t size;
	ssize_t ret;

	if (count < read_format_values(event) * sizeof(u64))
		return -ENOSPC;
	values = kcalloc(PERF_MAX_READ_VALUES, sizeof(u64), GFP_KERNEL);
	if (!values)
		return -ENOMEM;
	size = perf_event_read_format(event, values) * sizeof(u64);
	ret = copy_to_user(buf, values, size) ? -EFAULT : (ssize_t)size;
	kfree(values);
	return ret;
}

static __poll_t perf_poll(struct file *file, poll_table *table)
{
	struct perf_event *event = file->private_data;
	__poll_t events = EPOLLHUP;

	poll_wait(file, &event->waitq, table);
	if (event->state == PERF_EVENT_STATE_EXIT)
		return EPOLLHUP;
	if (event->rb) {
		events = event->rb->poll;
		event->rb->poll = 0;
	}
	return events;
}

/* ---- ioctl ---- */


int perf_event_set_output(struct perf_event *event, struct perf_event *output)
{
	if (event->mmap_count)
		return -EINVAL;
	if (!output) {
		ring_buffer_attach(event, NULL);
		return 0;
	}
	if (event == output || output->cpu != event->cpu || (output->cpu == -1 && output->task != event->task))
		return -EINVAL;
	if (output->attr.use_clockid != event->attr.use_clockid || output->attr.clockid != event->attr.clockid ||
	    output->attr.write_backward != event->attr.write_backward)
		return -EINVAL;
	if (!output->rb || !output->rb->mmap_count)
		return -EINVAL;
	ring_buffer_attach(event, output->rb);
	return 0;
}

static int set_output_fd(struct perf_event *event, int fd)
{
	struct perf_event *output;
	struct file *file;
	int ret;

	if (fd == -1)
		return perf_event_set_output(event, NULL);
	file = fget(fd);
	output = file ? perf_file_event(file) : NULL;
	ret = output ? perf_event_set_output(event, output) : -EBADF;
	if (file)
		fput(file);
	return ret;
}

static int set_period(struct perf_event *event, u64 __user *arg)
{
	u64 value;

	if (copy_from_user(&value, arg, sizeof(value)))
		return -EFAULT;
	if (!is_sampling_event(event) || !value)
		return -EINVAL;
	if (event->attr.freq ? value > (u64)sysctl_perf_event_sample_rate : value >> 63)
		return -EINVAL;
	if (event->attr.freq) {
		event->attr.sample_freq = value;
	} else {
		event->attr.sample_period = value;
		event->sample_period = event->last_period = event->period_left = value;
	}
	return 0;
}

static int set_filter(struct perf_event *event, const char __user *arg)
{
	struct event_filter *filter;
	char *text;
	int ret;

	if (!event->tp_event)
		return -EINVAL;
	text = strndup_user(arg, PAGE_SIZE);
	if (IS_ERR(text))
		return PTR_ERR(text);
	ret = -EEXIST;
	if (!event->filter) {
		ret = event_filter_create(event->tp_event, text, &filter);
		if (ret)
			event_filter_free(filter);
		else
			event->filter = filter;
	}
	kfree(text);
	return ret;
}

/* The ids of the programs on the event, newest last: as many as there is room for. */
static int query_bpf(struct perf_event *event, struct perf_event_query_bpf __user *uquery)
{
	struct perf_event_query_bpf query;
	struct bpf_prog_array *array;
	u32 count, shown;

	if (!perfmon_capable())
		return -EPERM;
	if (event->attr.type != PERF_TYPE_TRACEPOINT)
		return -EINVAL;
	if (copy_from_user(&query, uquery, sizeof(query)))
		return -EFAULT;
	if (query.ids_len > BPF_TRACE_MAX_PROGS)
		return -E2BIG;
	array = event->tp_event->prog_array;
	count = array ? array->cnt : 0;
	shown = min(query.ids_len, count);
	if (copy_to_user(&uquery->prog_cnt, &count, sizeof(count)))
		return -EFAULT;
	for (u32 i = 0; i < shown; i++)
		if (put_user(array->items[i].prog->id, &uquery->ids[i]))
			return -EFAULT;
	return query.ids_len && shown < count ? -ENOSPC : 0;
}

static int set_bpf(struct perf_event *event, int fd)
{
	struct bpf_prog *prog;
	int ret;

	if (bpf_rules == BPF_RULES_2015)
		return perf_event_set_only_prog(event, fd);
	prog = bpf_prog_get(fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	ret = perf_event_set_bpf_prog(event, prog, 0);
	if (ret)
		bpf_prog_put(prog);
	return ret;
}

static int modify_attributes(struct perf_event *event, struct perf_event_attr __user *uattr)
{
	struct perf_event_attr attr;
	int ret = perf_copy_attr(uattr, &attr);

	if (ret)
		return ret;
	/* Only breakpoints can be moved. */
	return attr.type != event->attr.type ? -EINVAL : -EOPNOTSUPP;
}

static void reset(struct perf_event *event)
{
	u64 enabled, running;

	perf_event_read_value(event, &enabled, &running);
	event->count = 0;
	perf_event_update_userpage(event);
}

/* To the event, or to all of its group. */
static void for_group(struct perf_event *event, unsigned long flags, void (*what)(struct perf_event *event))
{
	struct perf_event *leader = event->group_leader, *sibling;

	if (!(flags & PERF_IOC_FLAG_GROUP)) {
		what(event);
		return;
	}
	what(leader);
	list_for_each_entry(sibling, &leader->siblings, sibling)
		what(sibling);
}

static void enable(struct perf_event *event)
{
	perf_event_set_state(event, PERF_EVENT_STATE_ACTIVE);
}

static void disable(struct perf_event *event)
{
	perf_event_set_state(event, PERF_EVENT_STATE_OFF);
}

static long perf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct perf_event *event = file->private_data;

	switch (cmd) {
	case PERF_EVENT_IOC_ENABLE:
		for_group(event, arg, enable);
		return 0;
	case PERF_EVENT_IOC_DISABLE:
		for_group(event, arg, disable);
		return 0;
	case PERF_EVENT_IOC_RESET:
		for_group(event, arg, reset);
		return 0;
	case PERF_EVENT_IOC_REFRESH:
		if (event->attr.inherit || !is_sampling_event(event))
			return -EINVAL;
		event->event_limit += (int)arg;
		enable(event);
		return 0;
	case PERF_EVENT_IOC_PERIOD:
		return set_period(event, (u64 __user *)arg);
	case PERF_EVENT_IOC_ID:
		return copy_to_user((void __user *)arg, &event->id, sizeof(event->id)) ? -EFAULT : 0;
	case PERF_EVENT_IOC_SET_OUTPUT:
		return set_output_fd(event, (int)arg);
	case PERF_EVENT_IOC_SET_FILTER:
		return set_filter(event, (const char __user *)arg);
	case PERF_EVENT_IOC_SET_BPF:
		return set_bpf(event, (int)arg);
	case PERF_EVENT_IOC_PAUSE_OUTPUT:
		if (!event->rb || !event->rb->nr_pages)
			return -EINVAL;
		event->rb->paused = !!arg;
		return 0;
	case PERF_EVENT_IOC_QUERY_BPF:
		return query_bpf(event, (struct perf_event_query_bpf __user *)arg);
	case PERF_EVENT_IOC_MODIFY_ATTRIBUTES:
		return modify_attributes(event, (struct perf_event_attr __user *)arg);
	default:
		return -ENOTTY;
	}
}

const struct file_operations perf_fops = {
	.read = perf_read, .poll = perf_poll, .mmap = perf_mmap, .unlocked_ioctl = perf_ioctl, .release = perf_release,
};

struct perf_event *perf_file_event(struct file *file)
{
	return file->f_op == &perf_fops ? file->private_data : NULL;
}
