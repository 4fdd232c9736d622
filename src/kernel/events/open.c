// SPDX-License-Identifier: MIT
/* perf_event_open(2): which event an attribute asks for, who may have it, and what sets the limits. (man perf_event_open) */
#include <kernel/capability.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/perf_event.h>
#include <kernel/proc_fs.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/sysfs.h>
#include <kernel/time.h>
#include "attr.h"
#include "internal.h"

#define MAX_PMUS 8

static struct pmu *pmus[MAX_PMUS];
static int nr_pmus;

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
	perf_event_register(event);
	event->attr = *attr;
	event->cpu = cpu;
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
		ret = perf_event_set_output(event, output);
	if (!ret)
		ret = anon_inode_getfd("[perf_event]", &perf_fops, event,
				       O_RDWR | (flags & PERF_FLAG_FD_CLOEXEC ? O_CLOEXEC : 0));
	if (ret < 0) {
		perf_event_put(event);
		return ret;
	}
	if (group)
		perf_group_attach(event, group);
	event->time_enabled_from = perf_event_time(event);
	if (!attr->disabled)
		perf_event_set_state(event, PERF_EVENT_STATE_ACTIVE);
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
