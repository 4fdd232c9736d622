// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/uprobe_events and uprobe_profile: defining, removing and listing uprobe events by commands,
 *   p|r[:[GROUP/][EVENT]] PATH:OFFSET[%return][(REF_CTR_OFFSET)] [FETCHARGS]
 *   -:[GROUP/]EVENT
 * (Documentation/trace/uprobetracer.rst)
 */
#include "error_log.h"
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

#define MAX_COMMAND 4096

/* A command cut into words, and where it is refused. */
struct command {
	char *text;				/* whole, for the error log */
	char *copy;				/* cut at white space */
	char *words[MAX_TRACE_ARGS + 3];
	int nr_words;
};

struct event_name {
	char group[MAX_EVENT_NAME_LEN];
	char event[MAX_EVENT_NAME_LEN];		/* empty: not given */
};

struct place {
	char *filename;
	unsigned long offset, ref_ctr_offset;
	bool is_return;
};

static int refuse(const struct command *cmd, const char *message, const char *place, int code)
{
	tracing_log_err("trace_uprobe", cmd->text, message, place ? (int)(place - cmd->copy) : 0);
	return code;
}

static bool is_identifier(const char *name)
{
	if (!isalpha(*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum(*name) && *name != '_')
			return false;
	return true;
}

/* "[GROUP/]EVENT" */
static int parse_event_name(const struct command *cmd, const char *text, struct event_name *name)
{
	const char *slash = strpbrk(text, "/."), *event = text;

	if (slash) {
		if (slash == text)
			return refuse(cmd, "Group name is not specified", text, -EINVAL);
		if (slash - text >= MAX_EVENT_NAME_LEN)
			return refuse(cmd, "Group name is too long", text, -EINVAL);
		memcpy(name->group, text, slash - text);
		name->group[slash - text] = '\0';
		if (!is_identifier(name->group))
			return refuse(cmd, "Group name must follow the same rules as C identifiers", text, -EINVAL);
		event = slash + 1;
	}
	if (!*event)
		return slash ? 0 : refuse(cmd, "Event name is not specified", event, -EINVAL);
	if (strlen(event) >= MAX_EVENT_NAME_LEN)
		return refuse(cmd, "Event name is too long", event, -EINVAL);
	if (!is_identifier(event))
		return refuse(cmd, "Event name must follow the same rules as C identifiers", event, -EINVAL);
	strcpy(name->event, event);
	return 0;
}

/* "PATH:OFFSET[%return][(REF_CTR_OFFSET)]". Cuts the word. What does not look like it at all is refused without a word. */
static int parse_place(const struct command *cmd, char *word, struct place *place)
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
			return refuse(cmd, "Reference counter brace is not closed", open + strlen(open), -EINVAL);
		if (close[1])
			return refuse(cmd, "Reference counter has wrong suffix", close + 1, -EINVAL);
		*open++ = '\0';
		*close = '\0';
		if (kstrtoul(open, 0, &place->ref_ctr_offset))
			return refuse(cmd, "Invalid reference counter offset", open, -EINVAL);
	}
	suffix = strchr(colon, '%');
	if (suffix) {
		if (strcmp(suffix, "%return"))
			return refuse(cmd, "Invalid probed address suffix", suffix, -EINVAL);
		*suffix = '\0';
		place->is_return = true;
	}
	if (kstrtoul(colon, 0, &place->offset))
		return refuse(cmd, "Invalid uprobe offset", colon, -EINVAL);
	return 0;
}

/* The file's name up to the first mark in it, and the offset. The letter is p for returns too. */
static void default_name(struct event_name *name, const struct place *place)
{
	const char *slash = strrchr(place->filename, '/'), *base = slash ? slash + 1 : place->filename;

	snprintf(name->event, sizeof(name->event), "p_%.*s_0x%lx", (int)strcspn(base, ".-_"), base, place->offset);
}

static int parse_args(struct command *cmd, struct trace_uprobe *tu)
{
	for (int i = 0; i < cmd->nr_words - 2; i++) {
		struct probe_arg_error error = { 0 };
		int ret = trace_uprobe_parse_arg(tu, cmd->words[i + 2], i, &error);

		if (ret) {
			if (error.message)
				refuse(cmd, error.message, cmd->words[i + 2] + error.position, ret);
			return ret;
		}
		tu->nr_args++;
	}
	return 0;
}

static int create_probe(struct command *cmd)
{
	char *head = cmd->words[0];
	struct event_name name = { .group = UPROBE_EVENT_SYSTEM };
	struct place place = { .is_return = head[0] == 'r' };
	struct trace_uprobe *tu;
	const char *why = NULL;
	int ret;

	if (cmd->nr_words < 2)
		return -EINVAL;
	ret = parse_place(cmd, cmd->words[1], &place);
	if (!ret && head[1] == ':')
		ret = parse_event_name(cmd, head + 2, &name);
	if (ret)
		return ret;
	if (!name.event[0])
		default_name(&name, &place);
	if (cmd->nr_words - 2 > MAX_TRACE_ARGS)
		return refuse(cmd, "Too many arguments are specified", cmd->words[MAX_TRACE_ARGS + 2], -E2BIG);

	tu = trace_uprobe_alloc(place.filename, place.offset, place.ref_ctr_offset, place.is_return, cmd->nr_words - 2);
	if (IS_ERR(tu)) {
		ret = PTR_ERR(tu);
		if (ret == -EINVAL)
			return refuse(cmd, "Not a regular file", cmd->words[1], ret);
		return ret == -ENOMEM ? ret : refuse(cmd, "Failed to find the given file", cmd->words[1], ret);
	}
	ret = parse_args(cmd, tu);
	if (!ret) {
		ret = trace_uprobe_register(tu, name.group, name.event, &why);
		if (ret && why)
			refuse(cmd, why, NULL, ret);
	}
	if (ret)
		trace_uprobe_free(tu);
	return ret;
}

/* "-:[GROUP/]EVENT": every probe of that name goes, or none. */
static int delete_probes(struct command *cmd)
{
	struct event_name name = { .group = "" };
	struct trace_uprobe *tu, *tmp;
	bool found = false;
	int ret;

	if (cmd->words[0][1] != ':')
		return -EINVAL;
	ret = parse_event_name(cmd, cmd->words[0] + 2, &name);
	if (ret)
		return ret;
	list_for_each_entry_safe(tu, tmp, &trace_uprobes, list) {
		if (name.event[0] && strcmp(tu->event->call.name, name.event))
			continue;
		if (name.group[0] && strcmp(tu->event->call.group, name.group))
			continue;
		found = true;
		ret = trace_uprobe_unregister(tu);
		if (ret)
			return ret;
	}
	return found ? 0 : -ENOENT;
}

static int run_command(char *line)
{
	struct command *cmd = kzalloc(sizeof(*cmd), GFP_KERNEL);
	int ret = -ENOMEM;
	char *c;

	if (!cmd)
		return -ENOMEM;
	cmd->text = kstrdup(line, GFP_KERNEL);
	cmd->copy = kstrdup(line, GFP_KERNEL);
	if (!cmd->text || !cmd->copy)
		goto out;
	for (c = cmd->copy; *c;) {
		while (isspace(*c))
			*c++ = '\0';
		if (!*c)
			break;
		if (cmd->nr_words == (int)ARRAY_SIZE(cmd->words)) {
			ret = -E2BIG;
			goto out;
		}
		cmd->words[cmd->nr_words++] = c;
		while (*c && !isspace(*c))
			c++;
	}
	ret = 0;
	if (cmd->nr_words) {
		mutex_lock(&trace_uprobe_mutex);
		switch (cmd->words[0][0]) {
		case '-': ret = delete_probes(cmd); break;
		case 'p': case 'r': ret = create_probe(cmd); break;
		default: ret = -EINVAL;
		}
		mutex_unlock(&trace_uprobe_mutex);
	}
out:
	kfree(cmd->text);
	kfree(cmd->copy);
	kfree(cmd);
	return ret;
}

/* Lines are commands; text behind a # is none. A command that is refused ends the write. */
static ssize_t events_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char *text, *line, *end, *comment;
	int ret = 0;

	if (count > MAX_COMMAND)
		return -E2BIG;
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	for (line = text; *line && !ret; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		else
			end = line + strlen(line);
		comment = strchr(line, '#');
		if (comment)
			*comment = '\0';
		ret = run_command(line);
	}
	kfree(text);
	if (ret)
		return ret;
	*pos += count;
	return count;
}

static int events_show(struct seq_file *m, void *v)
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

/* Opening for writing without O_APPEND removes all events first, unless one is in use. */
static int remove_all(void)
{
	struct trace_uprobe *tu, *tmp;
	int ret = 0;

	mutex_lock(&trace_uprobe_mutex);
	list_for_each_entry(tu, &trace_uprobes, list)
		if (tu->event->call.enable_count)
			ret = -EBUSY;
	if (!ret)
		list_for_each_entry_safe(tu, tmp, &trace_uprobes, list)
			trace_uprobe_unregister(tu);
	mutex_unlock(&trace_uprobe_mutex);
	return ret;
}

static int events_open(struct inode *inode, struct file *file)
{
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC)) {
		int ret = remove_all();

		if (ret)
			return ret;
	}
	return single_open(file, events_show, NULL);
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
