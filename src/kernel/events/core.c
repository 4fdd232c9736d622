// SPDX-License-Identifier: MIT
/*
 * perf_event_open(2): events as file descriptors, counting, ioctls, and attaching BPF programs to them.
 * (man perf_event_open; semantics A12, A13, B2, B12)
 */
#include <kernel/bpf.h>
#include <kernel/capability.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/perf_event.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/sysfs.h>
#include <kernel/time.h>
#include <kernel/trace_events.h>
#include <kernel/uaccess.h>

#define MAX_PMUS 8

static struct pmu *pmus[MAX_PMUS];
static int nr_pmus;
static u64 next_event_id = 1;

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

static u64 enabled_time(const struct perf_event *event)
{
	u64 time = event->total_time_enabled;

	if (event->state == PERF_EVENT_STATE_ACTIVE)
		time += ktime_get_ns() - event->time_enabled_from;
	return time;
}

static void set_state(struct perf_event *event, enum perf_event_state state)
{
	if (event->state == state)
		return;
	event->total_time_enabled = enabled_time(event);
	event->time_enabled_from = ktime_get_ns();
	event->state = state;
}

void perf_trace_submit(struct trace_event_call *call, void *record, size_t size, struct pt_regs *regs)
{
	struct perf_event *event;

	(void)record;
	(void)size;
	(void)regs;
	list_for_each_entry(event, &call->perf_events, tp_list)
		if (event->state == PERF_EVENT_STATE_ACTIVE && (!event->task || event->task == current))
			event->count++;
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
	if (!event->prog)
		return;
	if (event->tp_event) {
		perf_event_detach_bpf_prog(event);
		return;
	}
	bpf_prog_put(event->prog);
	event->prog = NULL;
}

/* ---- life ---- */

void perf_event_get(struct perf_event *event)
{
	refcount_inc(&event->refcount);
}

void perf_event_put(struct perf_event *event)
{
	if (!refcount_dec_and_test(&event->refcount))
		return;
	perf_event_free_bpf_prog(event);
	if (event->pmu && event->pmu->destroy)
		event->pmu->destroy(event);
	if (event->task)
		put_task_struct(event->task);
	kfree(event);
}

static int perf_release(struct inode *inode, struct file *file)
{
	(void)inode;
	perf_event_put(file->private_data);
	return 0;
}

static ssize_t perf_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct perf_event *event = file->private_data;
	u64 values[5], format = event->attr.read_format;
	unsigned int n = 0;

	(void)pos;
	if (format & PERF_FORMAT_GROUP)
		values[n++] = 1;
	else
		values[n++] = event->count;
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		values[n++] = enabled_time(event);
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		values[n++] = enabled_time(event);
	if (format & PERF_FORMAT_GROUP)
		values[n++] = event->count;
	if (format & PERF_FORMAT_ID)
		values[n++] = event->id;
	if (count < n * sizeof(u64))
		return -ENOSPC;
	return copy_to_user(buf, values, n * sizeof(u64)) ? -EFAULT : (ssize_t)(n * sizeof(u64));
}

static long perf_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct perf_event *event = file->private_data;
	struct bpf_prog *prog;
	int ret;

	switch (cmd) {
	case PERF_EVENT_IOC_ENABLE:
		set_state(event, PERF_EVENT_STATE_ACTIVE);
		return 0;
	case PERF_EVENT_IOC_DISABLE:
		set_state(event, PERF_EVENT_STATE_OFF);
		return 0;
	case PERF_EVENT_IOC_RESET:
		event->count = 0;
		return 0;
	case PERF_EVENT_IOC_ID:
		return copy_to_user((void __user *)arg, &event->id, sizeof(event->id)) ? -EFAULT : 0;
	case PERF_EVENT_IOC_SET_BPF:
		prog = bpf_prog_get(arg);
		if (IS_ERR(prog))
			return PTR_ERR(prog);
		ret = perf_event_set_bpf_prog(event, prog, 0);
		if (ret)
			bpf_prog_put(prog);
		return ret;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations perf_fops = {
	.read = perf_read, .unlocked_ioctl = perf_ioctl, .release = perf_release,
};

struct perf_event *perf_file_event(struct file *file)
{
	return file->f_op == &perf_fops ? file->private_data : NULL;
}

/* ---- the system call ---- */

/* Takes attributes of any version: what this kernel does not know must be zero. */
static int copy_attr(struct perf_event_attr *attr, struct perf_event_attr __user *uattr)
{
	u32 size;

	if (get_user(size, &uattr->size))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	if (size < PERF_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		goto wrong_size;
	memset(attr, 0, sizeof(*attr));
	if (copy_from_user(attr, uattr, min_t(u32, size, sizeof(*attr))))
		return -EFAULT;
	for (u32 i = sizeof(*attr); i < size; i++) {
		u8 byte;

		if (get_user(byte, (u8 __user *)uattr + i))
			return -EFAULT;
		if (byte)
			goto wrong_size;
	}
	attr->size = size;
	if (attr->__reserved_1 || attr->__reserved_2 || attr->__reserved_3)
		return -EINVAL;
	if (attr->read_format & ~(u64)(PERF_FORMAT_MAX - 1))
		return -EINVAL;
	return 0;
wrong_size:
	put_user((u32)sizeof(*attr), &uattr->size);
	return -E2BIG;
}

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

SYSCALL_DEFINE5(perf_event_open, struct perf_event_attr __user *, uattr, pid_t, pid, int, cpu, int, group_fd,
		unsigned long, flags)
{
	struct perf_event *event;
	int ret;

	(void)group_fd;
	if (flags & ~(PERF_FLAG_FD_NO_GROUP | PERF_FLAG_FD_OUTPUT | PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC))
		return -EINVAL;
	event = kzalloc(sizeof(*event), GFP_KERNEL);
	if (!event)
		return -ENOMEM;
	refcount_set(&event->refcount, 1);
	INIT_LIST_HEAD(&event->tp_list);
	ret = copy_attr(&event->attr, uattr);
	if (ret)
		goto fail;
	ret = -EACCES;
	if ((pid == -1 || !event->attr.exclude_kernel) && !capable(CAP_SYS_ADMIN) && !capable(CAP_PERFMON))
		goto fail;
	ret = -EINVAL;
	if ((pid == -1 && cpu == -1) || cpu < -1 || cpu > 0)
		goto fail;
	if (pid != -1) {
		event->task = pid ? find_task_by_vpid(pid) : current;
		ret = -ESRCH;
		if (!event->task)
			goto fail;
		get_task_struct(event->task);
	}
	event->cpu = cpu;
	event->id = next_event_id++;
	ret = init_event(event);
	if (ret)
		goto fail;
	event->time_enabled_from = ktime_get_ns();
	if (!event->attr.disabled)
		event->state = PERF_EVENT_STATE_ACTIVE;
	ret = anon_inode_getfd("[perf_event]", &perf_fops, event,
			       O_RDWR | (flags & PERF_FLAG_FD_CLOEXEC ? O_CLOEXEC : 0));
	if (ret >= 0)
		return ret;
fail:
	perf_event_put(event);
	return ret;
}
