// SPDX-License-Identifier: MIT
/*
 * What kprobe_events, uprobe_events and dynamic_events have in common: the list of events that commands define, and its commands;
 * and /sys/kernel/tracing/dynamic_events, which is for all kinds. (Documentation/trace/kprobetrace.rst, uprobetracer.rst)
 */
#include "dyn_event.h"
#include "trace_kprobe.h"
#include "trace_uprobe.h"
#include <kernel/err.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/tracefs.h>

#define MAX_PLACE_LEN	512

LIST_HEAD(dyn_event_list);
DEFINE_MUTEX(dyn_event_mutex);

void dyn_event_add(struct dyn_event *event, const struct dyn_event_operations *ops, struct trace_event_call *call,
		   const struct probe_arg *args, int nr_args)
{
	event->ops = ops;
	event->call = call;
	event->args = args;
	event->nr_args = nr_args;
	list_add_tail(&event->list, &dyn_event_list);
}

/* What is defined with a place that has a slash and a colon is in a user program. */
static const struct dyn_event_operations *kind_of(const struct probe_command *cmd)
{
	const char *place = cmd->words[1];

	return strchr(place, '/') && strchr(place, ':') ? &trace_uprobe_ops : &trace_kprobe_ops;
}

static int create(const struct dyn_event_operations *ops, struct probe_command *cmd)
{
	char letter = cmd->words[0][0], *place;
	int ret;

	if ((letter != 'p' && letter != 'r') || cmd->nr_words < 2)
		return -EINVAL;
	if (!ops)
		ops = kind_of(cmd);
	cmd->subsystem = ops->subsystem;
	place = kstrdup(cmd->words[1], GFP_KERNEL);
	ret = place ? ops->create(cmd, place) : -ENOMEM;
	kfree(place);
	return ret;
}

/* "-:[GROUP/]EVENT [PLACE [ARGS]]": every such probe, until one that cannot go. */
static int delete(const struct dyn_event_operations *ops, struct probe_command *cmd)
{
	char *group, *event, place[MAX_PLACE_LEN];
	struct dyn_event *pos, *tmp;
	int ret = probe_command_parse_delete(cmd, &group, &event);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry_safe(pos, tmp, &dyn_event_list, list) {
		if (!dyn_event_is(pos, ops))
			continue;
		if (*event && strcmp(pos->call->name, event))
			continue;
		if (group && strcmp(pos->call->group, group))
			continue;
		pos->ops->describe_place(pos, place, sizeof(place));
		if (!probe_command_matches(cmd, place, pos->args, pos->nr_args))
			continue;
		ret = pos->ops->unregister(pos);
		if (ret)
			break;
	}
	return ret;
}

int dyn_event_run(const struct dyn_event_operations *ops, struct probe_command *cmd)
{
	int ret;

	mutex_lock(&dyn_event_mutex);
	ret = cmd->is_delete ? delete(ops, cmd) : create(ops, cmd);
	mutex_unlock(&dyn_event_mutex);
	return ret;
}

static void show_definition(struct seq_file *m, const struct dyn_event *event)
{
	char type[16], place[MAX_PLACE_LEN];

	event->ops->describe_type(event, type, sizeof(type));
	event->ops->describe_place(event, place, sizeof(place));
	seq_printf(m, "%s:%s/%s %s", type, event->call->group, event->call->name, place);
	for (int i = 0; i < event->nr_args; i++)
		seq_printf(m, " %s=%s", event->args[i].name, event->args[i].text);
	seq_putc(m, '\n');
}

static int show(struct seq_file *m, void *v)
{
	struct dyn_event *event;

	mutex_lock(&dyn_event_mutex);
	for_each_dyn_event_of(event, m->private)
		show_definition(m, event);
	mutex_unlock(&dyn_event_mutex);
	return 0;
}

static int remove_all(const struct dyn_event_operations *ops)
{
	struct dyn_event *pos, *tmp;
	int ret = 0;

	mutex_lock(&dyn_event_mutex);
	for_each_dyn_event_of(pos, ops)
		if (pos->call->enable_count)
			ret = -EBUSY;
	if (!ret)
		list_for_each_entry_safe(pos, tmp, &dyn_event_list, list)
			if (dyn_event_is(pos, ops))
				pos->ops->unregister(pos);
	mutex_unlock(&dyn_event_mutex);
	return ret;
}

/* Opening for writing without O_APPEND removes all events first, unless one is in use. */
int dyn_events_open(struct inode *inode, struct file *file, const struct dyn_event_operations *ops)
{
	int ret = (file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC) ? remove_all(ops) : 0;

	return ret ? ret : single_open(file, show, (void *)ops);
}

/* ---- dynamic_events ---- */

static int run(struct probe_command *cmd)
{
	return dyn_event_run(NULL, cmd);
}

static int dynamic_events_open(struct inode *inode, struct file *file)
{
	return dyn_events_open(inode, file, NULL);
}

static ssize_t dynamic_events_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return probe_commands_write("trace_kprobe", buf, count, run);
}

static const struct file_operations dynamic_events_fops = {
	.open = dynamic_events_open, .read = seq_read, .write = dynamic_events_write, .llseek = seq_lseek,
	.release = single_release,
};

static int __init dynamic_events_init(void)
{
	tracefs_create_file("dynamic_events", 0640, NULL, NULL, &dynamic_events_fops);
	return 0;
}
fs_initcall(dynamic_events_init);
