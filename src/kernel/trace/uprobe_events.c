// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/uprobe_events and uprobe_profile: what user probes look like in commands and lists,
 *   p|r[:[GROUP/][EVENT]] PATH:OFFSET[%return][(REF_CTR_OFFSET)] [FETCHARGS]
 *   -:[GROUP/]EVENT
 * (Documentation/trace/uprobetracer.rst)
 */
#include "probe_command.h"
#include "trace_kprobe.h"
#include "trace_uprobe.h"
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/tracefs.h>
#include <kernel/uaccess.h>

struct place {
	char *filename;
	unsigned long offset, ref_ctr_offset;
	bool is_return;
};

/* "PATH:OFFSET[%return][(REF_CTR_OFFSET)]". Cuts the word. What does not look like it at all is refused without a word. */
static int parse_place(const struct probe_command *cmd, char *word, struct place *place)
{
	char *colon = strrchr(word, ':'), *open, *close, *suffix;

	if (!strchr(word, '/') || !colon || !isdigit(colon[1]))
		return -EINVAL;
	*colon++ = '\0';
	place->filename = word;
	open = strchr(colon, '(');
	if (open) {
		close = strchr(open, ')');
		if (!close)
			return probe_command_refuse(cmd, "Reference counter brace is not closed",
						    (int)(open + strlen(open) - word), -EINVAL);
		if (close[1])
			return probe_command_refuse(cmd, "Reference counter has wrong suffix",
						    (int)(close + 1 - word), -EINVAL);
		*open++ = '\0';
		*close = '\0';
		if (kstrtoul(open, 0, &place->ref_ctr_offset))
			return probe_command_refuse(cmd, "Invalid reference counter offset", (int)(open - word), -EINVAL);
	}
	suffix = strchr(colon, '%');
	if (suffix) {
		if (strcmp(suffix, "%return"))
			return probe_command_refuse(cmd, "Invalid probed address suffix", (int)(suffix - word), -EINVAL);
		*suffix = '\0';
		place->is_return = true;
	}
	if (kstrtoul(colon, 0, &place->offset))
		return probe_command_refuse(cmd, "Invalid uprobe offset", (int)(colon - word), -EINVAL);
	return 0;
}

/* The file's name up to the first mark in it, and the offset. The letter is p for returns too. */
static void default_name(struct probe_event_name *name, const struct place *place)
{
	const char *slash = strrchr(place->filename, '/'), *base = slash ? slash + 1 : place->filename;

	snprintf(name->event, sizeof(name->event), "p_%.*s_0x%lx", (int)strcspn(base, ".-_"), base, place->offset);
}

static int create_probe(struct probe_command *cmd, char *place_word)
{
	char *head = cmd->words[0];
	struct probe_event_name name = { .group = UPROBE_EVENT_SYSTEM };
	struct place place = { .is_return = head[0] == 'r' };
	struct probe_event_error error = { 0 };
	struct trace_uprobe *tu;
	size_t args_size = 0;
	int ret;

	cmd->word = 1;
	ret = parse_place(cmd, place_word, &place);
	cmd->word = 0;
	if (!ret && head[1] == ':')
		ret = probe_command_parse_name(cmd, head + 2, &name);
	if (ret)
		return ret;
	if (!name.event[0])
		default_name(&name, &place);

	cmd->word = 1;
	tu = trace_uprobe_alloc(place.filename, place.offset, place.ref_ctr_offset, place.is_return, cmd->nr_words - 2);
	if (IS_ERR(tu)) {
		ret = PTR_ERR(tu);
		if (ret == -EINVAL)
			return probe_command_refuse(cmd, "Not a regular file", 0, ret);
		return ret == -ENOMEM ? ret : probe_command_refuse(cmd, "Failed to find the given file", 0, ret);
	}
	ret = probe_command_parse_args(cmd, tu->args, &tu->nr_args, place.is_return ? PROBE_ARG_RETURN : 0, &args_size);
	if (!ret) {
		ret = trace_uprobe_register(tu, args_size, name.group, name.event, &error);
		cmd->word = error.word;
		if (error.message)
			probe_command_refuse(cmd, error.message, 0, ret);
	}
	if (ret)
		trace_uprobe_free(tu);
	return ret;
}

static int unregister(struct dyn_event *event)
{
	return trace_uprobe_unregister(container_of(event, struct trace_uprobe, dyn));
}

static void describe_type(const struct dyn_event *event, char *buf, size_t size)
{
	snprintf(buf, size, "%c", container_of(event, struct trace_uprobe, dyn)->is_return ? 'r' : 'p');
}

static void describe_place(const struct dyn_event *event, char *buf, size_t size)
{
	const struct trace_uprobe *tu = container_of(event, struct trace_uprobe, dyn);
	size_t at = scnprintf(buf, size, "%s:0x%016lx", tu->filename, tu->offset);

	if (tu->ref_ctr_offset)
		scnprintf(buf + at, size - at, "(0x%lx)", tu->ref_ctr_offset);
}

const struct dyn_event_operations trace_uprobe_ops = {
	.subsystem = "trace_uprobe", .create = create_probe, .unregister = unregister, .describe_type = describe_type,
	.describe_place = describe_place,
};

static int run(struct probe_command *cmd)
{
	return dyn_event_run(&trace_uprobe_ops, cmd);
}

static ssize_t events_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return probe_commands_write(trace_uprobe_ops.subsystem, buf, count, run);
}

static int events_open(struct inode *inode, struct file *file)
{
	return dyn_events_open(inode, file, &trace_uprobe_ops);
}

static const struct file_operations events_fops = {
	.open = events_open, .read = seq_read, .write = events_write, .llseek = seq_lseek, .release = single_release,
};

static int profile_show(struct seq_file *m, void *v)
{
	struct dyn_event *event;

	mutex_lock(&dyn_event_mutex);
	for_each_dyn_event_of(event, &trace_uprobe_ops) {
		const struct trace_uprobe *tu = container_of(event, struct trace_uprobe, dyn);

		seq_printf(m, "  %s %-44s %15lu\n", tu->filename, event->call->name, tu->nhit);
	}
	mutex_unlock(&dyn_event_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(profile);

static int __init uprobe_events_init(void)
{
	tracefs_create_file("uprobe_events", 0640, NULL, NULL, &events_fops);
	tracefs_create_file("uprobe_profile", 0440, NULL, NULL, &profile_fops);
	return 0;
}
device_initcall(uprobe_events_init);
