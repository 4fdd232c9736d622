// SPDX-License-Identifier: MIT
/*
 * The kinds of perf events: tracepoint (any trace event by id), kprobe (a probe made for one event), software clocks.
 */
#include <kernel/cred.h>
#include <kernel/err.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/perf_event.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/sysfs.h>
#include <kernel/trace_events.h>
#include <kernel/uaccess.h>
#include "internal.h"

/* Linux numbers dynamic PMUs in the order of registration; these two come out so (oracle, create.00). */
#define PMU_TYPE_KPROBE	6
#define PMU_TYPE_UPROBE	7

static int listen(struct perf_event *event, struct trace_event_call *call)
{
	int ret;

	/* First on the list: turning the source on may ask who listens. */
	event->tp_event = call;
	call->perf_refcount++;
	list_add_tail(&event->tp_list, &call->perf_events);
	ret = trace_event_get(call);
	if (ret) {
		list_del_init(&event->tp_list);
		call->perf_refcount--;
		event->tp_event = NULL;
	}
	return ret;
}

static void stop_listening(struct perf_event *event)
{
	list_del_init(&event->tp_list);
	event->tp_event->perf_refcount--;
	trace_event_put(event->tp_event);
}

/* Counting is harmless. Contents are for the privileged, but for a task's own system calls. */
static int check_permission(const struct perf_event *event, const struct trace_event_call *call)
{
	if (!(event->attr.sample_type & PERF_SAMPLE_RAW))
		return 0;
	if (event->task && (call->flags & TRACE_EVENT_FL_CAP_ANY))
		return 0;
	return sysctl_perf_event_paranoid > -1 && !perfmon_capable() ? -EPERM : 0;
}

static int tracepoint_init(struct perf_event *event)
{
	struct trace_event_call *call;
	int ret;

	if (event->attr.type != PERF_TYPE_TRACEPOINT)
		return -ENOENT;
	if (event->attr.sample_type & PERF_SAMPLE_BRANCH_STACK)
		return -EOPNOTSUPP;
	call = trace_find_event(event->attr.config);
	if (!call)
		return -EINVAL;
	ret = check_permission(event, call);
	return ret ? ret : listen(event, call);
}

static struct pmu tracepoint_pmu = {
	.name = "tracepoint", .type = PERF_TYPE_TRACEPOINT, .event_init = tracepoint_init, .destroy = stop_listening,
};

static int kprobe_init(struct perf_event *event)
{
	bool is_return = event->attr.config & 1;
	struct trace_event_call *call;
	char *func = NULL;
	int ret;

	if (event->attr.type != PMU_TYPE_KPROBE)
		return -ENOENT;
	if (!perfmon_capable())
		return -EACCES;
	if (event->attr.sample_type & PERF_SAMPLE_BRANCH_STACK)
		return -EOPNOTSUPP;
	if (event->attr.kprobe_func) {
		long length;

		func = kzalloc(KSYM_NAME_LEN, GFP_KERNEL);
		if (!func)
			return -ENOMEM;
		length = strncpy_from_user(func, (const char __user *)event->attr.kprobe_func, KSYM_NAME_LEN);
		ret = length == KSYM_NAME_LEN ? -E2BIG : length < 0 ? (int)length : 0;
		if (ret)
			goto out;
		if (!func[0]) {
			ret = -EINVAL;
			goto out;
		}
	}
	/* config2 is the offset from a function given by name, else the address. */
	call = func ? create_local_trace_kprobe(func, NULL, event->attr.probe_offset, is_return)
		    : create_local_trace_kprobe(NULL, (void *)event->attr.kprobe_addr, 0, is_return);
	ret = PTR_ERR_OR_ZERO(call);
	if (ret)
		goto out;
	ret = listen(event, call);
	if (ret)
		destroy_local_trace_kprobe(call);
out:
	kfree(func);
	return ret;
}

static void kprobe_destroy(struct perf_event *event)
{
	stop_listening(event);
	destroy_local_trace_kprobe(event->tp_event);
}

static struct pmu kprobe_pmu = {
	.name = "kprobe", .type = PMU_TYPE_KPROBE, .event_init = kprobe_init, .destroy = kprobe_destroy,
};

static int uprobe_init(struct perf_event *event)
{
	struct trace_event_call *call;
	char *path;
	int ret;

	if (event->attr.type != PMU_TYPE_UPROBE)
		return -ENOENT;
	if (!perfmon_capable())
		return -EACCES;
	if (event->attr.sample_type & PERF_SAMPLE_BRANCH_STACK)
		return -EOPNOTSUPP;
	if (!event->attr.uprobe_path)
		return -EINVAL;
	path = strndup_user((const char __user *)event->attr.uprobe_path, PATH_MAX);
	if (IS_ERR(path))
		return PTR_ERR(path) == -EINVAL ? -E2BIG : PTR_ERR(path);
	call = *path ? create_local_trace_uprobe(path, event->attr.probe_offset, event->attr.config >> 32,
						 event->attr.config & 1) : ERR_PTR(-EINVAL);
	kfree(path);
	if (IS_ERR(call))
		return PTR_ERR(call);
	ret = listen(event, call);
	if (ret)
		destroy_local_trace_uprobe(call);
	return ret;
}

static void uprobe_destroy(struct perf_event *event)
{
	stop_listening(event);
	destroy_local_trace_uprobe(event->tp_event);
}

static struct pmu uprobe_pmu = {
	.name = "uprobe", .type = PMU_TYPE_UPROBE, .event_init = uprobe_init, .destroy = uprobe_destroy,
};

static ssize_t show_retprobe(void *priv, char *buf)
{
	(void)priv;
	return sysfs_emit(buf, "config:0\n");
}

static ssize_t show_ref_ctr_offset(void *priv, char *buf)
{
	return sysfs_emit(buf, "config:32-63\n");
}

static int __init perf_pmus_init(void)
{
	perf_pmu_register(&tracepoint_pmu);
	perf_pmu_register(&kprobe_pmu);
	perf_pmu_register(&uprobe_pmu);
	sysfs_create_file_simple("bus/event_source/devices/uprobe/format/retprobe", 0444, show_retprobe, NULL, NULL);
	sysfs_create_file_simple("bus/event_source/devices/uprobe/format/ref_ctr_offset", 0444, show_ref_ctr_offset, NULL,
				 NULL);
	sysfs_create_file_simple("bus/event_source/devices/kprobe/format/retprobe", 0444, show_retprobe, NULL, NULL);
	return 0;
}
device_initcall(perf_pmus_init);
