// SPDX-License-Identifier: MIT
/*
 * What bpf(2) tells of attachments and of running: BPF_TASK_FD_QUERY names the event that a task's descriptor stands for
 * and its program, BPF_ENABLE_STATS has runs counted and timed while somebody holds the descriptor.
 */
#include <kernel/capability.h>
#include <kernel/fdtable.h>
#include <kernel/perf_event.h>
#include <kernel/time.h>
#include <kernel/trace_events.h>
#include "link.h"

/* ---- descriptors of other tasks ---- */

struct fd_description {
	u32 prog_id, fd_type;
	const char *name;		/* NULL: none */
	u64 probe_offset, probe_addr;
};

static int tell(const union bpf_attr *attr, union bpf_attr __user *uattr, const struct fd_description *about)
{
	char __user *buf = u64_to_user_ptr(attr->task_fd_query.buf);
	u32 room = attr->task_fd_query.buf_len, length = about->name ? strlen(about->name) : 0;
	int err = 0;

	if (put_user(length, &uattr->task_fd_query.buf_len))
		return -EFAULT;
	if (room && buf) {
		u32 shown = min(length, room - 1);

		if ((shown && copy_to_user(buf, about->name, shown)) || put_user((char)0, buf + shown))
			return -EFAULT;
		if (shown < length)
			err = -ENOSPC;
	}
	if (put_user(about->prog_id, &uattr->task_fd_query.prog_id) ||
	    put_user(about->fd_type, &uattr->task_fd_query.fd_type) ||
	    put_user(about->probe_offset, &uattr->task_fd_query.probe_offset) ||
	    put_user(about->probe_addr, &uattr->task_fd_query.probe_addr))
		return -EFAULT;
	return err;
}

static int describe_event(struct perf_event *event, struct fd_description *about)
{
	struct trace_event_call *call = event->tp_event;
	bool is_return;

	if (!event->prog)
		return -ENOENT;
	if (event->prog->type == BPF_PROG_TYPE_PERF_EVENT)
		return -EOPNOTSUPP;
	about->prog_id = event->prog->id;
	if (!(call->flags & (TRACE_EVENT_FL_KPROBE | TRACE_EVENT_FL_UPROBE))) {
		about->fd_type = BPF_FD_TYPE_TRACEPOINT;
		about->name = call->name;
		return 0;
	}
	if (!trace_kprobe_describe(call, &is_return, &about->name, &about->probe_offset, &about->probe_addr))
		return -EOPNOTSUPP;
	about->fd_type = is_return ? BPF_FD_TYPE_KRETPROBE : BPF_FD_TYPE_KPROBE;
	return 0;
}

static int describe_file(struct file *file, struct fd_description *about)
{
	struct bpf_link *link = bpf_link_from_file(file);
	struct perf_event *event;

	if (link) {
		about->name = bpf_raw_tp_link_name(link);
		about->fd_type = BPF_FD_TYPE_RAW_TRACEPOINT;
		about->prog_id = link->prog->id;
		return about->name ? 0 : -ENOTSUPP;
	}
	event = perf_file_event(file);
	return event ? describe_event(event, about) : -ENOTSUPP;
}

int bpf_task_fd_query(const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	struct fd_description about = { };
	struct task_struct *task;
	struct file *file;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (attr->task_fd_query.flags)
		return -EINVAL;
	task = find_task_by_vpid(attr->task_fd_query.pid);
	if (!task)
		return -ENOENT;
	file = fget_task(task, attr->task_fd_query.fd);
	if (!file)
		return -EBADF;
	err = describe_file(file, &about);
	if (!err)
		err = tell(attr, uattr, &about);
	fput(file);
	return err;
}

/* ---- counting runs ---- */

static u32 stats_holders;

bool bpf_stats_wanted(void)
{
	return stats_holders || bpf_stats_enabled;
}

u32 bpf_prog_run_counted(struct bpf_prog *prog, const void *ctx)
{
	u64 start = ktime_get_mono_fast_ns();
	u32 ret = prog->bpf_func(ctx, prog->insns);

	prog->run_cnt++;
	prog->run_time_ns += ktime_get_mono_fast_ns() - start;
	return ret;
}

static int bpf_stats_release(struct inode *inode, struct file *file)
{
	stats_holders--;
	return 0;
}

static const struct file_operations bpf_stats_fops = { .release = bpf_stats_release, .llseek = noop_llseek };

int bpf_enable_stats(const union bpf_attr *attr)
{
	int fd;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (attr->enable_stats.type != BPF_STATS_RUN_TIME)
		return -EINVAL;
	fd = anon_inode_getfd("bpf-stats", &bpf_stats_fops, NULL, O_CLOEXEC);
	if (fd >= 0)
		stats_holders++;
	return fd;
}
