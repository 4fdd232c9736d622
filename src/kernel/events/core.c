// SPDX-License-Identifier: MIT
/*
 * perf_event_open(2): events as file descriptors, counting, sampling, groups, ioctls, and attaching BPF programs to them.
 * (man perf_event_open; semantics A12, A13, B2, B12)
 */
#include <kernel/bpf.h>
#include <kernel/bpf_rules.h>
#include <kernel/capability.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/irq.h>
#include <kernel/kernel.h>
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include <kernel/perf_event.h>
#include <kernel/poll.h>
#include <kernel/proc_fs.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/sysfs.h>
#include <kernel/time.h>
#include <kernel/trace_events.h>
#include <kernel/uaccess.h>
#include "../trace/filter.h"
#include "attr.h"
#include "internal.h"
#include "ring_buffer.h"

#define MAX_PMUS 8

static struct pmu *pmus[MAX_PMUS];
static int nr_pmus;
static u64 next_event_id = 1;
static LIST_HEAD(all_events);

int sysctl_perf_event_paranoid = 2;
int sysctl_perf_event_sample_rate = 100000;
int sysctl_perf_event_max_stack = 127;

static ssize_t show_type(void *priv, char *buf)
{
	return sysfs_emit(buf, "%d\n", ((struct pmu *)priv)->type);
}

int perf_pmu_register(struct pmu *pmu)
{
	char path[80];

	if (nr_pmus == MAX_PMUS)
		return -ENOMEM;
	pmus[nr_pmus++] = pmu;
	snprintf(path, sizeof(path), "bus/event_source/devices/%s/type", pmu->name);
	return sysfs_create_file_simple(path, 0444, show_type, NULL, pmu);
}

/* ---- time and state ---- */

/* The clock of a task's event stands still while the task does not run. */
static u64 event_clock(const struct perf_event *event)
{
	return event->task ? task_sched_runtime(event->task) : ktime_get_ns();
}

static u64 enabled_time(const struct perf_event *event)
{
	u64 time = event->total_time_enabled;

	if (event->state == PERF_EVENT_STATE_ACTIVE)
		time += event_clock(event) - event->time_enabled_from;
	return time;
}

static void set_state(struct perf_event *event, enum perf_event_state state)
{
	if (event->state == state || event->state == PERF_EVENT_STATE_EXIT)
		return;
	if (event->state == PERF_EVENT_STATE_ACTIVE && event->pmu && event->pmu->enabled)
		event->pmu->enabled(event, false);
	event->total_time_enabled = enabled_time(event);
	event->time_enabled_from = event_clock(event);
	event->state = state;
	if (state == PERF_EVENT_STATE_ACTIVE && event->pmu && event->pmu->enabled)
		event->pmu->enabled(event, true);
	perf_event_update_userpage(event);
}

unsigned int perf_nr_events;

void perf_iterate(void (*what)(struct perf_event *event, void *data), void *data)
{
	struct perf_event *event;

	list_for_each_entry(event, &all_events, all)
		if (perf_event_counts_here(event))
			what(event, data);
}

static bool inherited_by(const struct perf_event *event, const struct task_struct *task)
{
	struct perf_inheritance *child;

	list_for_each_entry(child, &event->inherited, list)
		if (child->task == task)
			return true;
	return false;
}

bool perf_event_counts_here(const struct perf_event *event)
{
	return event->state == PERF_EVENT_STATE_ACTIVE && event->group_leader->state == PERF_EVENT_STATE_ACTIVE &&
	       (!event->task || event->task == current || inherited_by(event, current));
}
NOKPROBE_SYMBOL(perf_event_counts_here);

u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
	if (event->pmu && event->pmu->read)
		event->pmu->read(event);
	*enabled = *running = enabled_time(event);
	return event->count;
}

bool is_sampling_event(const struct perf_event *event)
{
	return event->attr.sample_period != 0;
}

/* ---- overflow ---- */

struct perf_event *perf_program_event;

/* A program of type PERF_EVENT decides about each sample. */
static bool program_drops(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	struct { struct pt_regs regs; u64 sample_period, addr; } ctx = { *regs, data->period, data->addr };
	u32 ret = 1;

	if (++bpf_prog_active == 1) {
		perf_program_event = event;
		ret = bpf_prog_run(event->prog, &ctx);
		perf_program_event = NULL;
	} else {
		ret = 0;
	}
	bpf_prog_active--;
	return !ret;
}

u64 perf_event_clock_advance(struct perf_event *event)
{
	u64 now = enabled_time(event), advance = now - event->clock_seen;

	event->clock_seen = now;
	return advance;
}

void perf_event_overflow(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	if (!is_sampling_event(event))
		return;
	if (event->event_limit && --event->event_limit == 0) {
		set_state(event, PERF_EVENT_STATE_OFF);
		irq_work_queue(&event->wakeup);
	}
	if (event->prog && !event->tp_event && program_drops(event, data, regs))
		return;
	perf_event_output(event, data, regs);
}

void perf_swevent_event(struct perf_event *event, u64 nr, struct perf_sample_data *data, struct pt_regs *regs)
{
	event->count += nr;
	if (!regs || !is_sampling_event(event))
		return;
	if ((event->attr.sample_type & PERF_SAMPLE_PERIOD) && !event->attr.freq) {
		data->period = nr;
		perf_event_overflow(event, data, regs);
		return;
	}
	data->period = event->last_period;
	if (nr == 1 && event->sample_period == 1 && !event->attr.freq) {
		perf_event_overflow(event, data, regs);
		return;
	}
	event->period_left -= nr;
	if (event->period_left > 0)
		return;
	while (event->period_left <= 0)
		event->period_left += event->sample_period;
	perf_event_overflow(event, data, regs);
}
NOKPROBE_SYMBOL(perf_swevent_event);

void perf_trace_submit(struct trace_event_call *call, void *record, size_t size, struct pt_regs *regs)
{
	struct perf_event *event;

	list_for_each_entry(event, &call->perf_events, tp_list) {
		struct perf_sample_data data = { .raw = record, .raw_size = size };

		if (!perf_event_counts_here(event) || (event->attr.exclude_kernel && !user_mode(regs)) ||
		    (event->filter && !filter_match_preds(event->filter, call, record)))
			continue;
		perf_swevent_event(event, 1, &data, regs);
	}
}
NOKPROBE_SYMBOL(perf_trace_submit);

static void wake_up_readers(struct irq_work *work)
{
	struct perf_event *event = container_of(work, struct perf_event, wakeup), *other;

	wake_up_all(&event->waitq);
	if (event->rb)
		list_for_each_entry(other, &event->rb->event_list, rb_entry)
			wake_up_all(&other->waitq);
}

/* ---- BPF ---- */

int perf_event_set_bpf_prog(struct perf_event *event, struct bpf_prog *prog, u64 bpf_cookie)
{
	bool is_kprobe, is_uprobe, is_tracepoint;

	if (!event->tp_event) {
		if (event->prog)
			return -EEXIST;
		if (prog->type != BPF_PROG_TYPE_PERF_EVENT)
			return -EINVAL;
		event->prog = prog;
		event->bpf_cookie = bpf_cookie;
		return 0;
	}
	is_kprobe = event->tp_event->flags & TRACE_EVENT_FL_KPROBE;
	is_uprobe = event->tp_event->flags & TRACE_EVENT_FL_UPROBE;
	is_tracepoint = event->tp_event->flags & (TRACE_EVENT_FL_TRACEPOINT | TRACE_EVENT_FL_SYSCALL);
	if ((is_kprobe || is_uprobe) && prog->type != BPF_PROG_TYPE_KPROBE)
		return -EINVAL;
	if (is_tracepoint && prog->type != BPF_PROG_TYPE_TRACEPOINT)
		return -EINVAL;
	if (prog->type == BPF_PROG_TYPE_KPROBE && prog->sleepable && !is_uprobe)
		return -EINVAL;
	if (prog->kprobe_override && !is_kprobe)
		return -EINVAL;
	if (is_tracepoint && prog->max_ctx_offset > trace_event_record_end(event->tp_event))
		return -EACCES;
	return perf_event_attach_bpf_prog(event, prog, bpf_cookie);
}

void perf_event_free_bpf_prog(struct perf_event *event)
{
	if (perf_event_free_only_prog(event) || !event->prog)
		return;
	if (event->tp_event) {
		perf_event_detach_bpf_prog(event);
		return;
	}
	bpf_prog_put(event->prog);
	event->prog = NULL;
}

/* ---- groups ---- */

/* Members go on alone when their leader goes. */
static void leave_group(struct perf_event *event)
{
	struct perf_event *sibling, *tmp;

	if (event->group_leader != event) {
		event->group_leader->nr_siblings--;
		list_del_init(&event->sibling);
		event->group_leader = event;
		return;
	}
	list_for_each_entry_safe(sibling, tmp, &event->siblings, sibling) {
		list_del_init(&sibling->sibling);
		sibling->group_leader = sibling;
	}
	event->nr_siblings = 0;
}

static void join_group(struct perf_event *event, struct perf_event *leader)
{
	event->group_leader = leader;
	if (leader == event)
		return;
	list_add_tail(&event->sibling, &leader->siblings);
	leader->nr_siblings++;
}

/* ---- life ---- */

void perf_event_get(struct perf_event *event)
{
	refcount_inc(&event->refcount);
}

void perf_event_put(struct perf_event *event)
{
	struct perf_inheritance *child, *tmp;

	if (!refcount_dec_and_test(&event->refcount))
		return;
	set_state(event, PERF_EVENT_STATE_OFF);
	perf_event_free_bpf_prog(event);
	if (event->pmu && event->pmu->destroy)
		event->pmu->destroy(event);
	if (event->rb)
		ring_buffer_attach(event, NULL);
	leave_group(event);
	list_del(&event->all);
	perf_nr_events--;
	list_for_each_entry_safe(child, tmp, &event->inherited, list)
		kfree(child);
	irq_work_sync(&event->wakeup);
	event_filter_free(event->filter);
	if (event->task)
		put_task_struct(event->task);
	kfree(event);
}

static int perf_release(struct inode *inode, struct file *file)
{
	perf_event_put(file->private_data);
	return 0;
}

void perf_event_exit_task(struct task_struct *task)
{
	struct perf_event *event;
	struct perf_inheritance *child, *tmp;

	perf_event_task(task, false);
	list_for_each_entry(event, &all_events, all) {
		if (event->task == task) {
			set_state(event, PERF_EVENT_STATE_OFF);
			event->state = PERF_EVENT_STATE_EXIT;
			wake_up_all(&event->waitq);
		}
		list_for_each_entry_safe(child, tmp, &event->inherited, list) {
			if (child->task != task)
				continue;
			list_del(&child->list);
			kfree(child);
		}
	}
}

void perf_event_exec(void)
{
	struct perf_event *event;

	list_for_each_entry(event, &all_events, all) {
		if (event->task != current)
			continue;
		if (event->attr.enable_on_exec) {
			event->attr.enable_on_exec = 0;
			set_state(event, PERF_EVENT_STATE_ACTIVE);
		}
		if (event->attr.remove_on_exec) {
			set_state(event, PERF_EVENT_STATE_OFF);
			event->state = PERF_EVENT_STATE_EXIT;
			wake_up_all(&event->waitq);
		}
	}
}

void perf_event_fork(struct task_struct *child)
{
	struct perf_event *event;

	perf_event_task(child, true);
	list_for_each_entry(event, &all_events, all) {
		struct perf_inheritance *inheritance;

		if (!event->attr.inherit || !event->task || event->state == PERF_EVENT_STATE_EXIT)
			continue;
		if (event->task != current && !inherited_by(event, current))
			continue;
		if (event->attr.inherit_thread && child->group_leader == child)
			continue;
		inheritance = kmalloc(sizeof(*inheritance), GFP_KERNEL);
		if (!inheritance)
			continue;
		inheritance->task = child;
		list_add_tail(&inheritance->list, &event->inherited);
	}
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


static int set_output(struct perf_event *event, struct perf_event *output)
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
		return set_output(event, NULL);
	file = fget(fd);
	output = file ? perf_file_event(file) : NULL;
	ret = output ? set_output(event, output) : -EBADF;
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
	set_state(event, PERF_EVENT_STATE_ACTIVE);
}

static void disable(struct perf_event *event)
{
	set_state(event, PERF_EVENT_STATE_OFF);
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

static const struct file_operations perf_fops = {
	.read = perf_read, .poll = perf_poll, .mmap = perf_mmap, .unlocked_ioctl = perf_ioctl, .release = perf_release,
};

struct perf_event *perf_file_event(struct file *file)
{
	return file->f_op == &perf_fops ? file->private_data : NULL;
}

/* ---- the system call ---- */

static int init_event(struct perf_event *event)
{
	for (int i = 0; i < nr_pmus; i++) {
		int ret = pmus[i]->event_init(event);

		if (ret == -ENOENT)
			continue;
		if (!ret)
			event->pmu = pmus[i];
		return ret;
	}
	return -ENOENT;
}

/* What needs privileges, before the task is known. */
static int check_permissions(const struct perf_event_attr *attr)
{
	if (!attr->exclude_kernel && sysctl_perf_event_paranoid > 1 && !perfmon_capable())
		return -EACCES;
	if (attr->namespaces && !perfmon_capable())
		return -EACCES;
	if (attr->freq ? attr->sample_freq > (u64)sysctl_perf_event_sample_rate : attr->sample_period >> 63)
		return -EINVAL;
	if ((attr->sample_type & PERF_SAMPLE_PHYS_ADDR) && sysctl_perf_event_paranoid > 1 && !perfmon_capable())
		return -EACCES;
	return 0;
}

static bool clock_known(const struct perf_event_attr *attr)
{
	switch (attr->clockid) {
	case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_RAW: case CLOCK_REALTIME: case CLOCK_BOOTTIME: case CLOCK_TAI: return true;
	default: return false;
	}
}

/* A new event that is not counting yet. */
static struct perf_event *perf_event_alloc(const struct perf_event_attr *attr, struct task_struct *task, int cpu)
{
	struct perf_event *event;
	int ret;

	if (cpu < 0 ? !task || cpu != -1 : cpu >= nr_cpu_ids)
		return ERR_PTR(-EINVAL);
	if (attr->sigtrap && !task)
		return ERR_PTR(-EINVAL);
	if (attr->inherit && (attr->sample_type & PERF_SAMPLE_READ))
		return ERR_PTR(-EINVAL);
	event = kzalloc(sizeof(*event), GFP_KERNEL);
	if (!event)
		return ERR_PTR(-ENOMEM);
	refcount_set(&event->refcount, 1);
	INIT_LIST_HEAD(&event->tp_list);
	INIT_LIST_HEAD(&event->siblings);
	INIT_LIST_HEAD(&event->sibling);
	INIT_LIST_HEAD(&event->inherited);
	INIT_LIST_HEAD(&event->rb_entry);
	init_waitqueue_head(&event->waitq);
	init_irq_work(&event->wakeup, wake_up_readers);
	list_add_tail(&event->all, &all_events);
	perf_nr_events++;
	event->attr = *attr;
	event->group_leader = event;
	event->state = PERF_EVENT_STATE_OFF;
	event->cpu = cpu;
	event->id = next_event_id++;
	event->sample_period = attr->freq && attr->sample_freq ? 1 : attr->sample_period;
	event->last_period = event->period_left = event->sample_period;
	if (task) {
		get_task_struct(task);
		event->task = task;
	}
	ret = init_event(event);
	if (!ret && attr->aux_output)
		ret = -EOPNOTSUPP;
	if (!ret && (attr->sample_type & PERF_SAMPLE_CALLCHAIN) && attr->sample_max_stack > sysctl_perf_event_max_stack)
		ret = -EOVERFLOW;
	if (!ret)
		return event;
	perf_event_put(event);
	return ERR_PTR(ret);
}

static bool same_user(const struct task_struct *task)
{
	return task == current || task->tgid == current->tgid || perfmon_capable() || task->cred->uid.val == current->cred->uid.val;
}

static int check_group(const struct perf_event *event, const struct perf_event *leader)
{
	if (leader->group_leader != leader || leader->cpu != event->cpu || leader->task != event->task)
		return -EINVAL;
	if (leader->attr.use_clockid != event->attr.use_clockid || leader->attr.clockid != event->attr.clockid)
		return -EINVAL;
	return event->attr.exclusive || event->attr.pinned ? -EINVAL : 0;
}

static int open_event(const struct perf_event_attr *attr, struct task_struct *task, int cpu, struct perf_event *group,
		      struct perf_event *output, unsigned long flags)
{
	struct perf_event *event;
	int ret;

	if (task && group && group->attr.inherit != attr->inherit)
		return -EINVAL;
	event = perf_event_alloc(attr, task, cpu);
	if (IS_ERR(event))
		return PTR_ERR(event);
	ret = attr->use_clockid && !clock_known(attr) ? -EINVAL : 0;
	if (!ret && task && !same_user(task))
		ret = -EACCES;
	if (!ret && !task && sysctl_perf_event_paranoid > 0 && !perfmon_capable())
		ret = -EACCES;
	if (!ret && group)
		ret = check_group(event, group);
	if (!ret && output)
		ret = set_output(event, output);
	if (!ret)
		ret = anon_inode_getfd("[perf_event]", &perf_fops, event,
				       O_RDWR | (flags & PERF_FLAG_FD_CLOEXEC ? O_CLOEXEC : 0));
	if (ret < 0) {
		perf_event_put(event);
		return ret;
	}
	if (group)
		join_group(event, group);
	event->time_enabled_from = event_clock(event);
	if (!attr->disabled)
		set_state(event, PERF_EVENT_STATE_ACTIVE);
	return ret;
}

SYSCALL_DEFINE5(perf_event_open, struct perf_event_attr __user *, attr_uptr, pid_t, pid, int, cpu, int, group_fd,
		unsigned long, flags)
{
	struct perf_event *group = NULL, *output = NULL;
	struct file *group_file = NULL;
	struct task_struct *task = NULL;
	struct perf_event_attr attr;
	int ret;

	ret = security_perf_event_open(&attr, PERF_SECURITY_OPEN);
	if (ret)
		return ret;
	if (flags & ~(PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC))
		return -EINVAL;
	ret = perf_copy_attr(attr_uptr, &attr);
	if (!ret)
		ret = check_permissions(&attr);
	if (ret)
		return ret;
	/* There are no control groups to name. */
	if (flags & PERF_FLAG_PID_CGROUP)
		return -EINVAL;
	if (group_fd != -1) {
		group_file = fget(group_fd);
		group = group_file ? perf_file_event(group_file) : NULL;
		ret = -EBADF;
		if (!group)
			goto out;
		if (flags & PERF_FLAG_FD_OUTPUT)
			output = group;
		if (flags & PERF_FLAG_FD_NO_GROUP)
			group = NULL;
	}
	if (pid != -1) {
		task = pid ? find_task_by_vpid(pid) : current;
		ret = -ESRCH;
		if (!task || task->exit_state)
			goto out;
		get_task_struct(task);
	}
	ret = open_event(&attr, task, cpu, group, output, flags);
	if (task)
		put_task_struct(task);
out:
	if (group_file)
		fput(group_file);
	return ret;
}

static int __init perf_events_init(void)
{
	proc_sys_create_int("kernel/perf_event_paranoid", 0644, &sysctl_perf_event_paranoid, INT_MIN, INT_MAX, NULL);
	proc_sys_create_int("kernel/perf_event_max_sample_rate", 0644, &sysctl_perf_event_sample_rate, 1, INT_MAX, NULL);
	proc_sys_create_int("kernel/perf_event_max_stack", 0644, &sysctl_perf_event_max_stack, 0, 640, NULL);
	return 0;
}
late_initcall(perf_events_init);
