// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/dynamic_events: the events that commands define, kernel and user probes, in one file. A place with a
 * slash and a colon is in a user program. (Documentation/trace/kprobetrace.rst, "dynamic_events")
 */
#include "trace_kprobe.h"
#include "trace_uprobe.h"
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/tracefs.h>

/* Removing goes through both kinds; each cuts the command's first word, so the second gets a copy of it. */
static int delete(struct probe_command *cmd)
{
	char *head = cmd->words[0], *copy = kstrdup(head, GFP_KERNEL);
	int ret, user;

	if (!copy)
		return -ENOMEM;
	ret = kprobe_events_run(cmd);
	if (!ret || ret == -ENOENT) {
		cmd->words[0] = copy;
		user = uprobe_events_run(cmd);
		if (user != -ENOENT)
			ret = user;
		cmd->words[0] = head;
	}
	kfree(copy);
	return ret;
}

static int run(struct probe_command *cmd)
{
	if (cmd->is_delete)
		return delete(cmd);
	if (cmd->nr_words > 1 && strchr(cmd->words[1], '/') && strchr(cmd->words[1], ':')) {
		cmd->subsystem = "trace_uprobe";
		return uprobe_events_run(cmd);
	}
	return kprobe_events_run(cmd);
}

static int show(struct seq_file *m, void *v)
{
	kprobe_events_show(m, v);
	return uprobe_events_show(m, v);
}

static int dynamic_events_open(struct inode *inode, struct file *file)
{
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC)) {
		if (kprobe_events_busy() || uprobe_events_busy())
			return -EBUSY;
		kprobe_events_remove_all();
		uprobe_events_remove_all();
	}
	return single_open(file, show, NULL);
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
