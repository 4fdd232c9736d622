// SPDX-License-Identifier: MIT
/* Reading commands that define and remove probe events. */
#include "probe_command.h"
#include "error_log.h"
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#define MAX_LINE 4094

int probe_command_refuse(const struct probe_command *cmd, const char *message, int offset, int code)
{
	size_t room = 1, at = 0, position = 0;
	char *text;

	for (int i = 0; i < cmd->nr_words; i++)
		room += strlen(cmd->words[i]) + 1;
	text = kmalloc(room, GFP_KERNEL);
	if (!text)
		return code;
	for (int i = 0; i < cmd->nr_words; i++) {
		if (i == cmd->word)
			position = at + offset;
		at += scnprintf(text + at, room - at, i ? " %s" : "%s", cmd->words[i]);
		if (i == cmd->word && i)
			position++;
	}
	if (cmd->word >= cmd->nr_words)
		position = at + 1;
	tracing_log_err(cmd->subsystem, text, message, position);
	kfree(text);
	return code;
}

static bool is_identifier(const char *name, bool hyphens)
{
	if (isdigit(*name))
		return false;
	for (; *name; name++)
		if (!isalnum(*name) && *name != '_' && (!hyphens || *name != '-'))
			return false;
	return true;
}

int probe_command_parse_name(const struct probe_command *cmd, const char *text, struct probe_event_name *name)
{
	int offset = (int)(text - cmd->words[0]);
	const char *slash = strchr(text, '/');

	if (!slash)
		slash = strchr(text, '.');
	if (slash) {
		if (slash == text)
			return probe_command_refuse(cmd, "Group name is not specified", offset, -EINVAL);
		if (slash - text >= MAX_EVENT_NAME_LEN)
			return probe_command_refuse(cmd, "Group name is too long", offset, -EINVAL);
		memcpy(name->group, text, slash - text);
		name->group[slash - text] = '\0';
		if (!is_identifier(name->group, true))
			return probe_command_refuse(cmd, "Group name must follow the same rules as C identifiers", offset,
						    -EINVAL);
		offset += (int)(slash + 1 - text);
		text = slash + 1;
	}
	if (!*text)
		return slash ? 0 : probe_command_refuse(cmd, "Event name is not specified", offset, -EINVAL);
	if (strlen(text) >= MAX_EVENT_NAME_LEN)
		return probe_command_refuse(cmd, "Event name is too long", offset, -EINVAL);
	if (!is_identifier(text, false))
		return probe_command_refuse(cmd, "Event name must follow the same rules as C identifiers", offset, -EINVAL);
	strcpy(name->event, text);
	return 0;
}

int probe_command_parse_args(struct probe_command *cmd, struct probe_arg *args, int *nr_args, unsigned int flags,
			     size_t *size)
{
	int ret = 0;

	for (int i = 0; i < MAX_TRACE_ARGS && i + 2 < cmd->nr_words && !ret; i++) {
		struct probe_arg_error error = { 0 };

		cmd->word = i + 2;
		ret = probe_arg_parse(args, i, cmd->words[i + 2], flags, size, &error);
		++*nr_args;
		if (ret && error.message)
			probe_command_refuse(cmd, error.message, error.position, ret);
	}
	return ret;
}

int probe_command_parse_delete(struct probe_command *cmd, char **group, char **event)
{
	char *slash;

	if (cmd->words[0][1] != ':')
		return -EINVAL;
	*group = NULL;
	*event = cmd->words[0] + 2;
	slash = strchr(*event, '/');
	if (slash) {
		*group = *event;
		*event = slash + 1;
		*slash = '\0';
	}
	return *group || **event ? 0 : -EINVAL;
}

bool probe_command_matches(const struct probe_command *cmd, const char *place, const struct probe_arg *args, int nr_args)
{
	char **words = cmd->words + 1;
	int nr_words = cmd->nr_words - 1;
	size_t length;

	if (!nr_words)
		return true;
	if (strcmp(place, words[0]) || nr_args < nr_words - 1)
		return false;
	for (int i = 0; i < nr_words - 1; i++) {
		length = strlen(args[i].name);
		if (strncmp(words[i + 1], args[i].name, length) || words[i + 1][length] != '=' ||
		    strcmp(words[i + 1] + length + 1, args[i].text))
			return false;
	}
	return true;
}

/* Cuts @text. */
static int split(struct probe_command *cmd, char *text)
{
	int room = 1;

	for (char *c = text; *c; c++)
		if (isspace(*c))
			room++;
	cmd->words = kcalloc(room + 1, sizeof(*cmd->words), GFP_KERNEL);
	if (!cmd->words)
		return -ENOMEM;
	while (*(text = skip_spaces(text))) {
		cmd->words[cmd->nr_words++] = text;
		while (*text && !isspace(*text))
			text++;
		if (*text)
			*text++ = '\0';
	}
	return 0;
}

static int run_line(const char *subsystem, char *line, int (*run)(struct probe_command *cmd))
{
	struct probe_command cmd = { .subsystem = subsystem, .is_delete = line[0] == '-' };
	int ret = split(&cmd, line);

	if (!ret && cmd.nr_words)
		ret = run(&cmd);
	kfree(cmd.words);
	return ret;
}

ssize_t probe_commands_write(const char *subsystem, const char __user *buf, size_t count,
			     int (*run)(struct probe_command *cmd))
{
	size_t done = 0, size;
	char *line, *end;
	int ret = 0;

	while (done < count && !ret) {
		size = min(count - done, (size_t)MAX_LINE + 1);
		line = memdup_user_nul(buf + done, size);
		if (IS_ERR(line))
			return PTR_ERR(line);
		end = strchr(line, '\n');
		if (end) {
			*end = '\0';
			size = end + 1 - line;
		} else if (done + strlen(line) < count) {
			pr_warn("Line length is too long: Should be less than %d\n", MAX_LINE);
			ret = -EINVAL;
		}
		if (!ret) {
			end = strchr(line, '#');
			if (end)
				*end = '\0';
			ret = run_line(subsystem, line, run);
		}
		kfree(line);
		done += size;
	}
	return ret ? ret : (ssize_t)done;
}
