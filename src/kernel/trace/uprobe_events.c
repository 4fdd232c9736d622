// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/uprobe_events and uprobe_profile: defining, removing and listing uprobe events by commands,
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

static int create_probe_at(struct probe_command *cmd, char *place_word)
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

static int create_probe(struct probe_command *cmd)
{
	char letter = cmd->words[0][0], *place_word;
	int ret;

	if ((letter != 'p' && letter != 'r') || cmd->nr_words < 2)
		return -EINVAL;
	place_word = kstrdup(cmd->words[1], GFP_KERNEL);
	ret = place_word ? create_probe_at(cmd, place_word) : -ENOMEM;
	kfree(place_word);
	return ret;
}

/* The place as the list of events shows it. */
static void describe_place(const struct trace_uprobe *tu, char *buf, size_t size)
{
	size_t at = scnprintf(buf, size, "%s:0x%016lx", tu->filename, tu->offset);

	if (tu->ref_ctr_offset)
		scnprintf(buf + at, size - at, "(0x%lx)", tu->ref_ctr_offset);
}

/* "-:[GROUP/]EVENT [PLACE [ARGS]]": every such probe, until one that cannot go. */
static int delete_probes(struct probe_command *cmd)
{
	char *group, *event, place[512];
	struct trace_uprobe *tu, *tmp;
	int ret = probe_command_parse_delete(cmd, &group, &event);

	if (ret)
		return ret;
	ret = -ENOENT;
	list_for_each_entry_safe(tu, tmp, &trace_uprobes, list) {
		if (*event && strcmp(tu->event->call.name, event))
			continue;
		if (group && strcmp(tu->event->call.group, group))
			continue;
		describe_place(tu, place, sizeof(place));
		if (!probe_command_matches(cmd, place, tu->args, tu->nr_args))
			continue;
		ret = trace_uprobe_unregister(tu);
		if (ret)
			break;
	}
	return ret;
}

int uprobe_events_run(struct probe_command *cmd)
{
	int ret;

	mutex_lock(&trace_uprobe_mutex);
	ret = cmd->is_delete ? delete_probes(cmd) : create_probe(cmd);
	mutex_unlock(&trace_uprobe_mutex);
	return ret;
}

static ssize_t events_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return probe_commands_write("trace_uprobe", buf, count, uprobe_events_run);
}

int uprobe_events_show(struct seq_file *m, void *v)
{
	struct trace_uprobe *tu;

	mutex_lock(&trace_uprobe_mutex);
	list_for_each_entry(tu, &trace_uprobes, list) {
		seq_printf(m, "%c:%s/%s %s:0x%016lx", tu->is_return ? 'r' : 'p', tu->event->call.group, tu->event->call.name,
			   tu->filename, tu->offset);
		if (tu->ref_ctr_offset)
			seq_printf(m, "(0x%lx)", tu->ref_ctr_offset);
		for (int i = 0; i < tu->nr_args; i++)
			seq_printf(m, " %s=%s", tu->args[i].name, tu->args[i].text);
		seq_putc(m, '\n');
	}
	mutex_unlock(&trace_uprobe_mutex);
	return 0;
}

bool uprobe_events_busy(void)
{
	struct trace_uprobe *tu;
	bool busy = false;

	mutex_lock(&trace_uprobe_mutex);
	list_for_each_entry(tu, &trace_uprobes, list)
		busy |= tu->event->call.enable_count > 0;
	mutex_unlock(&trace_uprobe_mutex);
	return busy;
}

void uprobe_events_remove_all(void)
{
	struct trace_uprobe *tu, *tmp;

	mutex_lock(&trace_uprobe_mutex);
	list_for_each_entry_safe(tu, tmp, &trace_uprobes, list)
		trace_uprobe_unregister(tu);
	mutex_unlock(&trace_uprobe_mutex);
}

/* Opening for writing without O_APPEND removes all events first, unless one is in use. */
static int events_open(struct inode *inode, struct file *file)
{
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC)) {
		if (uprobe_events_busy())
			return -EBUSY;
		uprobe_events_remove_all();
	}
	return single_open(file, uprobe_events_show, NULL);
}

static const struct file_operations events_fops = {
	.open = events_open, .read = seq_read, .write = events_write, .llseek = seq_lseek, .release = single_release,
};

static int profile_show(struct seq_file *m, void *v)
{
	struct trace_uprobe *tu;

	mutex_lock(&trace_uprobe_mutex);
	list_for_each_entry(tu, &trace_uprobes, list)
		seq_printf(m, "  %s %-44s %15lu\n", tu->filename, tu->event->call.name, tu->nhit);
	mutex_unlock(&trace_uprobe_mutex);
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
