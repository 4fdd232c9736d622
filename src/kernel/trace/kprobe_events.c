// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/kprobe_events and kprobe_profile: defining, removing and listing probe events by commands.
 * (Documentation/trace/kprobetrace.rst; semantics C21, C22)
 */
#include "error_log.h"
#include "trace_kprobe.h"
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
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

static int refuse(const struct command *cmd, const char *message, int position, int code)
{
	tracing_log_err("trace_kprobe", cmd->text, message, position);
	return code;
}

/* Byte position of a word, or of a place in it, in the command. */
static int position(const struct command *cmd, const char *place)
{
	return (int)(place - cmd->copy);
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

struct event_name {
	char group[MAX_EVENT_NAME_LEN];
	char event[MAX_EVENT_NAME_LEN];		/* empty: only a group was given */
};

/* "[GROUP/]EVENT" */
static int parse_event_name(const struct command *cmd, const char *text, struct event_name *name)
{
	const char *slash = strpbrk(text, "/.");
	const char *event = text;

	if (slash) {
		if (slash == text)
			return refuse(cmd, "Group name is not specified", position(cmd, text), -EINVAL);
		if (slash - text >= MAX_EVENT_NAME_LEN)
			return refuse(cmd, "Group name is too long", position(cmd, text), -EINVAL);
		memcpy(name->group, text, slash - text);
		name->group[slash - text] = '\0';
		if (!is_identifier(name->group))
			return refuse(cmd, "Group name must follow the same rules as C identifiers", position(cmd, text),
				      -EINVAL);
		event = slash + 1;
	}
	if (!*event)
		return slash ? 0 : refuse(cmd, "Event name is not specified", position(cmd, event), -EINVAL);
	if (strlen(event) >= MAX_EVENT_NAME_LEN)
		return refuse(cmd, "Event name is too long", position(cmd, event), -EINVAL);
	if (!is_identifier(event))
		return refuse(cmd, "Event name must follow the same rules as C identifiers", position(cmd, event), -EINVAL);
	strcpy(name->event, event);
	return 0;
}

struct place {
	char *symbol;		/* NULL: addr */
	unsigned long offset;
	void *addr;
	bool is_return;
};

/* "SYM[+offs][%return]" or "ADDR". Cuts the word. */
static int parse_place(const struct command *cmd, char *word, struct place *place)
{
	int at = position(cmd, word);
	unsigned long addr;
	char *suffix, *sign;
	long offset = 0;

	if (!kstrtoul(word, 0, &addr)) {
		if (place->is_return)
			return refuse(cmd, "Retprobe address must be an function entry", at, -EINVAL);
		place->addr = (void *)addr;
		return 0;
	}
	suffix = strchr(word, '%');
	if (suffix) {
		if (strcmp(suffix, "%return"))
			return refuse(cmd, "Invalid probed address suffix", position(cmd, suffix), -EINVAL);
		*suffix = '\0';
		place->is_return = true;
	}
	sign = strpbrk(word, "+-");
	if (sign) {
		if (kstrtol(sign, 0, &offset) || offset < 0)
			return refuse(cmd, "Invalid probed address or symbol", at, -EINVAL);
		*sign = '\0';
	}
	place->symbol = word;
	place->offset = offset;
	if (kprobe_on_func_entry(NULL, word, offset) == -EINVAL && place->is_return)
		return refuse(cmd, "Retprobe address must be an function entry", at, -EINVAL);
	return 0;
}

/* "p[:...]" or "rMAXACTIVE[:...]": the count behind the letter. */
static int parse_maxactive(const struct command *cmd, const char *word, int *maxactive)
{
	char digits[16];
	const char *end = strchr(word, ':');
	size_t length = end ? (size_t)(end - word - 1) : strlen(word + 1);
	unsigned int value;

	if (!length)
		return 0;
	if (word[0] == 'p')
		return refuse(cmd, "Maxactive is not for kprobe", position(cmd, word + 1), -EINVAL);
	if (length >= sizeof(digits))
		return refuse(cmd, "Invalid maxactive number", position(cmd, word + 1), -EINVAL);
	memcpy(digits, word + 1, length);
	digits[length] = '\0';
	if (kstrtouint(digits, 0, &value) || !value)
		return refuse(cmd, "Invalid maxactive number", position(cmd, word + 1), -EINVAL);
	if (value > KRETPROBE_MAXACTIVE_MAX)
		return refuse(cmd, "Maxactive is too big", position(cmd, word + 1), -EINVAL);
	*maxactive = value;
	return 0;
}

static void default_name(struct event_name *name, const struct place *place)
{
	char letter = place->is_return ? 'r' : 'p';

	if (place->symbol)
		snprintf(name->event, sizeof(name->event), "%c_%s_%lu", letter, place->symbol, place->offset);
	else
		snprintf(name->event, sizeof(name->event), "%c_0x%px", letter, place->addr);
	for (char *c = name->event; *c; c++)
		if (!isalnum(*c) && *c != '_')
			*c = '_';
}

static int log_registration_failure(const struct command *cmd, int ret, const char *why)
{
	int at = position(cmd, cmd->words[1]);

	if (why)
		return refuse(cmd, why, 0, ret);
	switch (ret) {
	case -ENOMEM: case -EEXIST: return ret;
	case -EILSEQ: return refuse(cmd, "Probe point is not an instruction boundary", at, ret);
	case -EADDRNOTAVAIL: return refuse(cmd, "The symbol is not unique", at, ret);
	case -ENOENT: return refuse(cmd, "Invalid probed address or symbol", at, ret);
	default: return refuse(cmd, "Failed to register probe event", at, ret);
	}
}

static int create_probe(struct command *cmd)
{
	char *head = cmd->words[0], *colon = strchr(head, ':');
	struct event_name name = { .group = KPROBE_EVENT_SYSTEM };
	struct place place = { .is_return = head[0] == 'r' };
	struct trace_kprobe *tk;
	const char *why = NULL;
	int maxactive = 0, ret;

	if (cmd->nr_words < 2)
		return -EINVAL;
	ret = parse_maxactive(cmd, head, &maxactive);
	if (!ret)
		ret = parse_place(cmd, cmd->words[1], &place);
	if (!ret && colon)
		ret = parse_event_name(cmd, colon + 1, &name);
	if (ret)
		return ret;
	if (!name.event[0])
		default_name(&name, &place);
	if (cmd->nr_words - 2 > MAX_TRACE_ARGS)
		return refuse(cmd, "Too many arguments are specified", position(cmd, cmd->words[MAX_TRACE_ARGS + 2]), -E2BIG);

	tk = trace_kprobe_alloc(place.symbol, place.offset, place.addr, place.is_return, maxactive, cmd->nr_words - 2);
	if (!tk)
		return -ENOMEM;
	for (int i = 0; i < cmd->nr_words - 2; i++) {
		struct probe_arg_error error = { 0 };

		ret = probe_arg_parse(&tk->args[i], cmd->words[i + 2], i, place.is_return, &error);
		if (ret) {
			if (error.message)
				refuse(cmd, error.message, position(cmd, cmd->words[i + 2]) + error.position, ret);
			trace_kprobe_free(tk);
			return ret;
		}
		tk->nr_args++;
	}
	ret = trace_kprobe_register(tk, name.group, name.event, &why);
	if (ret) {
		trace_kprobe_free(tk);
		return log_registration_failure(cmd, ret, why);
	}
	return 0;
}

/* "-:[GROUP/]EVENT [PLACE]": every probe of that name goes, or none. */
static int delete_probes(struct command *cmd)
{
	struct event_name name = { .group = "" };
	struct trace_kprobe *tk, *tmp;
	bool found = false;
	int ret;

	if (cmd->words[0][1] != ':')
		return -EINVAL;
	ret = parse_event_name(cmd, cmd->words[0] + 2, &name);
	if (ret)
		return ret;
	list_for_each_entry_safe(tk, tmp, &trace_kprobes, list) {
		if (name.event[0] && strcmp(tk->event->call.name, name.event))
			continue;
		if (name.group[0] && strcmp(tk->event->call.group, name.group))
			continue;
		found = true;
		ret = trace_kprobe_unregister(tk);
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
		mutex_lock(&trace_kprobe_mutex);
		switch (cmd->words[0][0]) {
		case '-': ret = delete_probes(cmd); break;
		case 'p': case 'r': ret = create_probe(cmd); break;
		default: ret = -EINVAL;
		}
		mutex_unlock(&trace_kprobe_mutex);
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

	(void)file;
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

static void show_definition(struct seq_file *m, const struct trace_kprobe *tk)
{
	bool is_return = trace_kprobe_is_return(tk);

	seq_putc(m, is_return ? 'r' : 'p');
	if (is_return && tk->rp.maxactive && tk->rp.maxactive != 10)
		seq_printf(m, "%d", tk->rp.maxactive);
	seq_printf(m, ":%s/%s ", tk->event->call.group, tk->event->call.name);
	if (!tk->symbol)
		seq_printf(m, "0x%px", tk->rp.kp.addr);
	else if (tk->offset)
		seq_printf(m, "%s+%lu", tk->symbol, tk->offset);
	else
		seq_puts(m, tk->symbol);
	for (int i = 0; i < tk->nr_args; i++)
		seq_printf(m, " %s=%s", tk->args[i].name, tk->args[i].text);
	seq_putc(m, '\n');
}

static int events_show(struct seq_file *m, void *v)
{
	struct trace_kprobe *tk;

	(void)v;
	mutex_lock(&trace_kprobe_mutex);
	list_for_each_entry(tk, &trace_kprobes, list)
		show_definition(m, tk);
	mutex_unlock(&trace_kprobe_mutex);
	return 0;
}

/* Opening for writing without O_APPEND removes all events first, unless one is in use. */
static int remove_all(void)
{
	struct trace_kprobe *tk, *tmp;
	int ret = 0;

	mutex_lock(&trace_kprobe_mutex);
	list_for_each_entry(tk, &trace_kprobes, list)
		if (tk->event->call.enable_count)
			ret = -EBUSY;
	if (!ret)
		list_for_each_entry_safe(tk, tmp, &trace_kprobes, list)
			trace_kprobe_unregister(tk);
	mutex_unlock(&trace_kprobe_mutex);
	return ret;
}

static int events_open(struct inode *inode, struct file *file)
{
	int ret;

	(void)inode;
	if ((file->f_mode & FMODE_WRITE) && (file->f_flags & O_TRUNC)) {
		ret = remove_all();
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
	struct trace_kprobe *tk;

	(void)v;
	mutex_lock(&trace_kprobe_mutex);
	list_for_each_entry(tk, &trace_kprobes, list)
		seq_printf(m, "  %-44s %15lu %15lu\n", tk->event->call.name, tk->nhit, trace_kprobe_nmissed(tk));
	mutex_unlock(&trace_kprobe_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(profile);

static int __init kprobe_events_init(void)
{
	tracefs_create_file("kprobe_events", 0640, NULL, NULL, &events_fops);
	tracefs_create_file("kprobe_profile", 0440, NULL, NULL, &profile_fops);
	return 0;
}
fs_initcall(kprobe_events_init);
