// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/kprobe_events and kprobe_profile: what kernel probes look like in commands and lists.
 * (Documentation/trace/kprobetrace.rst; semantics C21, C22)
 */
#include "probe_command.h"
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

struct place {
	char *symbol;		/* NULL: addr */
	long offset;
	void *addr;
	bool is_return;
	unsigned int arg_flags;	/* PROBE_ARG_ */
};

/* "[MOD:]SYM[+offs][%return]" or "ADDR". Cuts @word, which is the command's second. */
static int parse_place(const struct probe_command *cmd, char *word, struct place *place)
{
	const char *bad = "Invalid probed address or symbol";
	unsigned int symbols;
	char *suffix, *sign;
	int entry;

	place->arg_flags = PROBE_ARG_KERNEL;
	if (!kstrtoul(word, 0, (unsigned long *)&place->addr))
		return 0;
	if (strchr(word, '/') && strchr(word, ':'))
		return -EINVAL;		/* what a uprobe looks like */
	place->symbol = word;
	suffix = strchr(word, '%');
	if (suffix) {
		if (strcmp(suffix, "%return"))
			return probe_command_refuse(cmd, "Invalid probed address suffix", (int)(suffix - word), -EINVAL);
		*suffix = '\0';
		place->is_return = true;
	}
	sign = strpbrk(word, "+-");
	if (sign) {
		if (kstrtol(sign, 0, &place->offset) || place->offset < 0 || place->offset > UINT_MAX)
			return probe_command_refuse(cmd, bad, 0, -EINVAL);
		*sign = '\0';
	}
	entry = kprobe_on_func_entry(NULL, word, place->offset);
	if (entry == -EINVAL && place->is_return)
		return probe_command_refuse(cmd, "Retprobe address must be an function entry", 0, -EINVAL);
	place->arg_flags |= (place->is_return ? PROBE_ARG_RETURN : 0) | (entry ? 0 : PROBE_ARG_FENTRY);
	symbols = strchr(word, ':') ? 1 : kallsyms_count_name(word);
	if (symbols > 1)
		return probe_command_refuse(cmd, "The symbol is not unique", 0, -EADDRNOTAVAIL);
	return symbols ? 0 : probe_command_refuse(cmd, bad, 0, -ENOENT);
}

/* "p[:...]" or "r[MAXACTIVE][:...]": the count behind the letter. What else stands there does not matter. */
static int parse_maxactive(const struct probe_command *cmd, const char *colon, int *maxactive)
{
	const char *word = cmd->words[0];
	size_t length = colon ? (size_t)(colon - word - 1) : strlen(word + 1);
	char digits[MAX_EVENT_NAME_LEN];

	if (!isdigit(word[1]))
		return 0;
	if (word[0] == 'p')
		return probe_command_refuse(cmd, "Maxactive is not for kprobe", 1, -EINVAL);
	if (length >= sizeof(digits))
		return probe_command_refuse(cmd, "Invalid maxactive number", 1, -EINVAL);
	memcpy(digits, word + 1, length);
	digits[length] = '\0';
	if (kstrtouint(digits, 0, (unsigned int *)maxactive) || !*maxactive)
		return probe_command_refuse(cmd, "Invalid maxactive number", 1, -EINVAL);
	if (*maxactive > KRETPROBE_MAXACTIVE_MAX)
		return probe_command_refuse(cmd, "Maxactive is too big", 1, -EINVAL);
	return 0;
}

static void default_name(struct probe_event_name *name, const struct place *place)
{
	char letter = place->is_return ? 'r' : 'p';

	if (place->symbol)
		snprintf(name->event, sizeof(name->event), "%c_%s_%ld", letter, place->symbol, place->offset);
	else
		snprintf(name->event, sizeof(name->event), "%c_0x%px", letter, place->addr);
	for (char *c = name->event; *c; c++)
		if (*c == ':' || *c == '.')
			*c = '_';
}

static int create_probe(struct probe_command *cmd, char *place_word)
{
	struct place place = { .is_return = cmd->words[0][0] == 'r' };
	struct probe_event_name name = { .group = KPROBE_EVENT_SYSTEM };
	struct probe_event_error error = { 0 };
	char *colon = strchr(cmd->words[0], ':');
	int maxactive = 0, ret;
	struct trace_kprobe *tk;
	size_t args_size = 0;

	ret = parse_maxactive(cmd, colon, &maxactive);
	if (ret)
		return ret;
	cmd->word = 1;
	ret = parse_place(cmd, place_word, &place);
	cmd->word = 0;
	if (!ret && colon)
		ret = probe_command_parse_name(cmd, colon + 1, &name);
	if (ret)
		return ret;
	if (!name.event[0])
		default_name(&name, &place);

	tk = trace_kprobe_alloc(place.symbol, place.offset, place.addr, place.is_return, maxactive, cmd->nr_words - 2);
	if (!tk)
		return -ENOMEM;
	ret = probe_command_parse_args(cmd, tk->args, &tk->nr_args, place.arg_flags, &args_size);
	if (!ret) {
		ret = trace_kprobe_register(tk, args_size, name.group, name.event, &error);
		cmd->word = error.word;
		if (error.message)
			probe_command_refuse(cmd, error.message, 0, ret);
	}
	if (ret)
		trace_kprobe_free(tk);
	return ret;
}

static int unregister(struct dyn_event *event)
{
	return trace_kprobe_unregister(container_of(event, struct trace_kprobe, dyn));
}

static void describe_type(const struct dyn_event *event, char *buf, size_t size)
{
	const struct trace_kprobe *tk = container_of(event, struct trace_kprobe, dyn);

	if (trace_kprobe_is_return(tk) && tk->rp.maxactive)
		snprintf(buf, size, "r%d", tk->rp.maxactive);
	else
		snprintf(buf, size, "%c", trace_kprobe_is_return(tk) ? 'r' : 'p');
}

static void describe_place(const struct dyn_event *event, char *buf, size_t size)
{
	const struct trace_kprobe *tk = container_of(event, struct trace_kprobe, dyn);

	if (!tk->symbol)
		snprintf(buf, size, "0x%px", tk->rp.kp.addr);
	else if (tk->offset)
		snprintf(buf, size, "%s+%lu", tk->symbol, tk->offset);
	else
		snprintf(buf, size, "%s", tk->symbol);
}

const struct dyn_event_operations trace_kprobe_ops = {
	.subsystem = "trace_kprobe", .create = create_probe, .unregister = unregister, .describe_type = describe_type,
	.describe_place = describe_place,
};

static int run(struct probe_command *cmd)
{
	return dyn_event_run(&trace_kprobe_ops, cmd);
}

static ssize_t events_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return probe_commands_write(trace_kprobe_ops.subsystem, buf, count, run);
}

static int events_open(struct inode *inode, struct file *file)
{
	return dyn_events_open(inode, file, &trace_kprobe_ops);
}

static const struct file_operations events_fops = {
	.open = events_open, .read = seq_read, .write = events_write, .llseek = seq_lseek, .release = single_release,
};

static int profile_show(struct seq_file *m, void *v)
{
	struct dyn_event *event;

	mutex_lock(&dyn_event_mutex);
	for_each_dyn_event_of(event, &trace_kprobe_ops) {
		const struct trace_kprobe *tk = container_of(event, struct trace_kprobe, dyn);

		seq_printf(m, "  %-44s %15lu %15lu\n", event->call->name, tk->nhit, trace_kprobe_nmissed(tk));
	}
	mutex_unlock(&dyn_event_mutex);
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
