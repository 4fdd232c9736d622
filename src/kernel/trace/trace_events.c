// SPDX-License-Identifier: MIT
/*
 * The registry of trace events and their directories under /sys/kernel/tracing/events/GROUP/NAME.
 * (Documentation/trace/events.rst)
 */
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mutex.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/trace_events.h>
#include <kernel/tracefs.h>
#include <kernel/uaccess.h>
#include "filter.h"
#include "record.h"
#include "trace_syscalls.h"

static LIST_HEAD(events);
static LIST_HEAD(groups);
static DEFINE_MUTEX(event_mutex);
static struct dentry *events_dir;
/*
 * Ids of the kernel's own events start where Linux's do; those made at run time start behind all that Linux 6.1 has of
 * its own in the configuration of the recorded facts, so that a recorded trace names the same numbers.
 */
static int next_static_id = 1 << 6;
static int next_dynamic_id = 1076;

/* A directory of events that lives while it has members. */
struct event_group {
	struct list_head list;
	const char *name;
	struct dentry *dir;
	int members;
};

struct trace_event_call *trace_find_event(int id)
{
	struct trace_event_call *call;

	list_for_each_entry(call, &events, list)
		if (call->id == id)
			return call;
	return trace_syscalls_find_event(id);
}

struct trace_event_call *trace_find_event_by_name(const char *group, const char *name)
{
	struct trace_event_call *call;

	list_for_each_entry(call, &events, list)
		if (!strcmp(call->group, group) && !strcmp(call->name, name))
			return call;
	return NULL;
}

int trace_event_get(struct trace_event_call *call)
{
	int ret;

	if (call->enable_count == 0 && call->reg)
		ret = call->reg(call, true);
	else
		ret = call->listeners_changed ? call->listeners_changed(call) : 0;
	if (!ret)
		call->enable_count++;
	return ret;
}

void trace_event_put(struct trace_event_call *call)
{
	if (--call->enable_count == 0 && call->reg)
		call->reg(call, false);
	else if (call->listeners_changed)
		call->listeners_changed(call);
}

static int set_enabled(struct trace_event_call *call, bool enable)
{
	int ret = 0;

	if (enable == call->tracefs_enabled)
		return 0;
	call->tracefs_enabled = enable;
	if (enable)
		ret = trace_event_get(call);
	else
		trace_event_put(call);
	if (ret)
		call->tracefs_enabled = false;
	else
		call->was_enabled = true;
	return ret;
}

/* ---- the files of one event ---- */

static ssize_t id_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct trace_event_call *call = file_inode(file)->i_private;
	char text[16];

	return simple_read_from_buffer(buf, count, pos, text, scnprintf(text, sizeof(text), "%d\n", call->id));
}
static const struct file_operations id_fops = { .read = id_read };

static ssize_t enable_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct trace_event_call *call = file_inode(file)->i_private;

	return simple_read_from_buffer(buf, count, pos, call->tracefs_enabled ? "1\n" : "0\n", 2);
}

static ssize_t enable_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	unsigned long value;
	int ret = kstrtoul_from_user(buf, count, 10, &value);

	if (ret)
		return ret;
	if (value > 1)
		return -EINVAL;
	mutex_lock(&event_mutex);
	ret = set_enabled(file_inode(file)->i_private, value);
	mutex_unlock(&event_mutex);
	*pos += count;
	return ret ? ret : (ssize_t)count;
}
static const struct file_operations enable_fops = { .read = enable_read, .write = enable_write };

static void show_field(struct seq_file *m, const struct trace_event_field *field)
{
	const char *bracket = strchr(field->type, '[');

	/* "char[16] comm" is written "char comm[16]", but not so "__data_loc char[] name". */
	if (bracket && strncmp(field->type, "__data_loc", 10))
		seq_printf(m, "\tfield:%.*s %s%s;", (int)(bracket - field->type), field->type, field->name, bracket);
	else
		seq_printf(m, "\tfield:%s %s;", field->type, field->name);
	seq_printf(m, "\toffset:%u;\tsize:%u;\tsigned:%d;\n", field->offset, field->size, field->is_signed);
}

static const struct trace_event_field common_fields[] = {
	{ "unsigned short", "common_type", 0, 2, false },
	{ "unsigned char", "common_flags", 2, 1, false },
	{ "unsigned char", "common_preempt_count", 3, 1, false },
	{ "int", "common_pid", 4, 4, true },
};

static int format_show(struct seq_file *m, void *v)
{
	struct trace_event_call *call = m->private;

	(void)v;
	seq_printf(m, "name: %s\nID: %d\nformat:\n", call->name, call->id);
	for (unsigned int i = 0; i < ARRAY_SIZE(common_fields); i++)
		show_field(m, &common_fields[i]);
	seq_putc(m, '\n');
	for (unsigned int i = 0; i < call->nr_fields; i++)
		show_field(m, &call->fields[i]);
	seq_printf(m, "\nprint fmt: %s\n", call->print_fmt);
	return 0;
}

unsigned int trace_event_record_end(const struct trace_event_call *call)
{
	unsigned int end = sizeof(struct trace_entry);

	for (unsigned int i = 0; i < call->nr_fields; i++)
		end = max(end, (unsigned int)call->fields[i].offset + call->fields[i].size);
	return end;
}

static int format_open(struct inode *inode, struct file *file)
{
	return single_open(file, format_show, inode->i_private);
}
static const struct file_operations format_fops = {
	.open = format_open, .read = seq_read, .llseek = seq_lseek, .release = single_release,
};

/* ---- filters ---- */

static ssize_t filter_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct trace_event_call *call = file_inode(file)->i_private;
	char *text = kasprintf(GFP_KERNEL, "%s\n", call->filter ? event_filter_text(call->filter) : "none");
	ssize_t ret;

	if (!text)
		return -ENOMEM;
	ret = simple_read_from_buffer(buf, count, pos, text, strlen(text));
	kfree(text);
	return ret;
}

/* "0" removes the filter. A text that is refused takes the old filter's place too, and says why when it is read. */
static int set_filter(struct trace_event_call *call, const char *text)
{
	struct event_filter *filter = NULL, *old = call->filter;
	int ret = strcmp(text, "0") ? event_filter_create(call, text, &filter) : 0;

	if (ret == -ENOMEM)
		return ret;
	call->filter = filter;
	event_filter_free(old);
	return ret;
}

static char *filter_text_from_user(const char __user *buf, size_t count)
{
	char *text;

	if (count >= PAGE_SIZE)
		return ERR_PTR(-EINVAL);
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return text;
	/* Space in front stays. */
	for (size_t length = strlen(text); length && isspace(text[length - 1]); length--)
		text[length - 1] = '\0';
	return text;
}

static ssize_t filter_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct trace_event_call *call = file_inode(file)->i_private;
	char *text = filter_text_from_user(buf, count);
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&event_mutex);
	ret = set_filter(call, text);
	mutex_unlock(&event_mutex);
	kfree(text);
	*pos += count;
	return ret ? ret : (ssize_t)count;
}
static const struct file_operations filter_fops = { .read = filter_read, .write = filter_write };

/* ---- groups ---- */

/* 0, 1 or X (some) for the events of a group; NULL: all groups. */
static char enabled_letter(const char *group)
{
	struct trace_event_call *call;
	bool on = false, off = false;

	list_for_each_entry(call, &events, list) {
		if (group && strcmp(call->group, group))
			continue;
		if (call->tracefs_enabled)
			on = true;
		else
			off = true;
	}
	return on && off ? 'X' : on ? '1' : '0';
}

static ssize_t group_enable_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct event_group *group = file_inode(file)->i_private;
	char text[2] = { enabled_letter(group ? group->name : NULL), '\n' };

	return simple_read_from_buffer(buf, count, pos, text, 2);
}

static ssize_t group_enable_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct event_group *group = file_inode(file)->i_private;
	struct trace_event_call *call;
	unsigned long value;
	int ret = kstrtoul_from_user(buf, count, 10, &value);

	if (ret)
		return ret;
	if (value > 1)
		return -EINVAL;
	if (value && (!group || !strcmp(group->name, SYSCALL_EVENT_GROUP)))
		trace_syscalls_populate();
	mutex_lock(&event_mutex);
	list_for_each_entry(call, &events, list) {
		if (group && strcmp(call->group, group->name))
			continue;
		ret = set_enabled(call, value);
		if (ret)
			break;
	}
	mutex_unlock(&event_mutex);
	*pos += count;
	return ret ? ret : (ssize_t)count;
}
static const struct file_operations group_enable_fops = { .read = group_enable_read, .write = group_enable_write };

static ssize_t group_filter_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	static const char text[] = "### global filter ###\n"
		"# Use this to set filters for multiple events.\n"
		"# Only events with the given fields will be affected.\n"
		"# If no events are modified, an error message will be displayed here\n";

	return simple_read_from_buffer(buf, count, pos, text, sizeof(text) - 1);
}

/* Events that the expression does not fit lose their filters and say so; the write succeeds all the same. */
static ssize_t group_filter_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct event_group *group = file_inode(file)->i_private;
	char *text = filter_text_from_user(buf, count);
	struct trace_event_call *call;
	struct event_filter *filter;

	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&event_mutex);
	list_for_each_entry(call, &events, list) {
		if (strcmp(call->group, group->name))
			continue;
		if (!strcmp(text, "0")) {
			set_filter(call, text);
			continue;
		}
		if (event_filter_create(call, text, &filter)) {
			event_filter_free(filter);
			filter = event_filter_refusal(text, "Couldn't find or set field in one of a subsystem's events");
		}
		swap(call->filter, filter);
		event_filter_free(filter);
	}
	mutex_unlock(&event_mutex);
	kfree(text);
	*pos += count;
	return count;
}
static const struct file_operations group_filter_fops = { .read = group_filter_read, .write = group_filter_write };

static struct event_group *get_group(const char *name)
{
	struct event_group *group;

	list_for_each_entry(group, &groups, list)
		if (!strcmp(group->name, name)) {
			group->members++;
			return group;
		}
	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return NULL;
	group->name = kstrdup(name, GFP_KERNEL);
	group->dir = group->name ? tracefs_create_dir(name, events_dir) : NULL;
	if (!group->dir) {
		kfree(group->name);
		kfree(group);
		return NULL;
	}
	tracefs_create_file("enable", 0640, group->dir, group, &group_enable_fops);
	tracefs_create_file("filter", 0640, group->dir, group, &group_filter_fops);
	group->members = 1;
	list_add_tail(&group->list, &groups);
	return group;
}

int trace_reserve_ids(int count)
{
	next_static_id += count;
	return next_static_id - count;
}

struct dentry *trace_event_group_dir(const char *name)
{
	struct event_group *group = get_group(name);

	return group ? group->dir : NULL;
}

static void put_group(const char *name)
{
	struct event_group *group;

	list_for_each_entry(group, &groups, list) {
		if (strcmp(group->name, name))
			continue;
		if (--group->members == 0) {
			list_del(&group->list);
			tracefs_remove(group->dir);
			kfree(group->name);
			kfree(group);
		}
		return;
	}
}

int trace_add_event_call(struct trace_event_call *call)
{
	struct event_group *group;
	int ret = -ENOMEM;

	mutex_lock(&event_mutex);
	if (trace_find_event_by_name(call->group, call->name)) {
		ret = -EEXIST;
		goto out;
	}
	group = get_group(call->group);
	if (!group)
		goto out;
	call->dir = tracefs_create_dir(call->name, group->dir);
	if (!call->dir) {
		put_group(call->group);
		goto out;
	}
	if (!(call->flags & TRACE_EVENT_FL_SYSCALL))
		call->id = call->flags & TRACE_EVENT_FL_TRACEPOINT ? next_static_id++ : next_dynamic_id++;
	INIT_LIST_HEAD(&call->perf_events);
	tracefs_create_file("enable", 0640, call->dir, call, &enable_fops);
	tracefs_create_file("id", 0440, call->dir, call, &id_fops);
	tracefs_create_file("filter", 0640, call->dir, call, &filter_fops);
	tracefs_create_file("format", 0440, call->dir, call, &format_fops);
	list_add_tail(&call->list, &events);
	ret = 0;
out:
	mutex_unlock(&event_mutex);
	return ret;
}

int trace_remove_event_call(struct trace_event_call *call)
{
	if (call->enable_count)
		return -EBUSY;
	mutex_lock(&event_mutex);
	list_del(&call->list);
	tracefs_remove(call->dir);
	put_group(call->group);
	event_filter_free(call->filter);
	call->filter = NULL;
	mutex_unlock(&event_mutex);
	return 0;
}

/* ---- available_events, set_event ---- */

static int available_events_show(struct seq_file *m, void *v)
{
	struct trace_event_call *call;

	trace_syscalls_populate();
	list_for_each_entry(call, &events, list)
		seq_printf(m, "%s:%s\n", call->group, call->name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(available_events);

/* Names with a * at the end stand for all that begin so. */
static bool name_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	return length && pattern[length - 1] == '*' ? !strncmp(pattern, name, length - 1) : !strcmp(pattern, name);
}

/* "[!][GROUP:]EVENT", "[!]GROUP:" or "[!]GROUP" */
static int set_event_word(char *word)
{
	bool enable = *word != '!', found = false;
	char *group = enable ? word : word + 1, *event = strchr(group, ':');
	struct trace_event_call *call;
	int ret = 0;

	if (event)
		*event++ = '\0';
	list_for_each_entry(call, &events, list) {
		bool match = event ? (!*group || name_matches(group, call->group)) && (!*event || name_matches(event, call->name))
				   : name_matches(group, call->group) || name_matches(group, call->name);

		if (!match)
			continue;
		found = true;
		if (!ret)
			ret = set_enabled(call, enable);
	}
	return found ? ret : -EINVAL;
}

static ssize_t set_event_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char *text, *rest, *word;
	int ret = 0;

	if (count >= PAGE_SIZE)
		return -E2BIG;
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	rest = text;
	if (strstr(text, "sys") || strchr(text, '*'))
		trace_syscalls_populate();
	mutex_lock(&event_mutex);
	while (!ret && (word = strsep(&rest, " \t\n")))
		if (*word)
			ret = set_event_word(word);
	mutex_unlock(&event_mutex);
	kfree(text);
	*pos += count;
	return ret ? ret : (ssize_t)count;
}

static int set_event_show(struct seq_file *m, void *v)
{
	struct trace_event_call *call;

	/* The newest first. */
	list_for_each_entry_reverse(call, &events, list)
		if (call->tracefs_enabled)
			seq_printf(m, "%s:%s\n", call->group, call->name);
	return 0;
}

static int set_event_open(struct inode *inode, struct file *file)
{
	struct trace_event_call *call;

	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC)) {
		mutex_lock(&event_mutex);
		list_for_each_entry(call, &events, list)
			set_enabled(call, false);
		mutex_unlock(&event_mutex);
	}
	return single_open(file, set_event_show, NULL);
}

static const struct file_operations set_event_fops = {
	.open = set_event_open, .read = seq_read, .write = set_event_write, .llseek = seq_lseek, .release = single_release,
};

static int __init trace_events_init(void)
{
	events_dir = tracefs_create_dir("events", NULL);
	tracefs_create_file("enable", 0640, events_dir, NULL, &group_enable_fops);
	trace_create_format_files(events_dir);
	tracefs_create_file("set_event", 0640, NULL, NULL, &set_event_fops);
	tracefs_create_file("available_events", 0440, NULL, NULL, &available_events_fops);
	return 0;
}
fs_initcall(trace_events_init);
