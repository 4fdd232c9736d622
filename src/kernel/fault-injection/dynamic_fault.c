// SPDX-License-Identifier: MIT
/*
 * dynamic_fault: fault sites and the file that turns them on. A command is a line of words, selectors and actions:
 *
 *	func NAME  file PATH|BASENAME  line N[-M]  module NAME  class CLASS  index N[-M]
 *	enable | disable | oneshot | frequency N
 *
 * A site must match every selector; `index` counts those that match the others. (semantics F5 to F11)
 */
#include <kernel/ctype.h>
#include <kernel/debugfs.h>
#include <kernel/dynamic_fault.h>
#include <kernel/errno.h>
#include <kernel/init.h>
#include <kernel/irqflags.h>
#include <kernel/kernel.h>
#include <kernel/mutex.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>

#define MAX_COMMAND	255
#define MAX_WORDS	9

extern struct _dfault __start___faults[], __stop___faults[];

static DEFINE_MUTEX(control_lock);

struct range {
	unsigned long first, last;
};

/* What a command says. A selector that is not given is NULL, or the range of everything. */
struct query {
	const char *function, *filename, *modname, *class;
	struct range line, index;
	bool set_state, set_frequency;
	enum dfault_state state;
	unsigned int frequency;
};

static void set_state(struct _dfault *site, enum dfault_state state)
{
	bool was_on = site->state != DFAULT_DISABLED, on = state != DFAULT_DISABLED;

	site->state = state;
	if (on && !was_on)
		static_key_slow_inc(&site->key);
	if (!on && was_on)
		static_key_slow_dec(&site->key);
}

bool __dynamic_fault_enabled(struct _dfault *site)
{
	unsigned long flags;
	bool fires;

	local_irq_save(flags);
	fires = site->state != DFAULT_DISABLED && (!site->frequency || ++site->count >= site->frequency);
	if (fires) {
		site->count = 0;
		if (site->state == DFAULT_ONESHOT)
			set_state(site, DFAULT_DISABLED);
	}
	local_irq_restore(flags);
	return fires;
}

/* ---- commands ---- */

/* Cuts @text into words, which blanks separate; a word in quotes may hold blanks. How many, or an errno. */
static int split(char *text, char *words[MAX_WORDS])
{
	int nr = 0;

	for (;;) {
		char end = ' ';

		while (isspace(*text))
			text++;
		if (!*text)
			return nr;
		if (nr == MAX_WORDS)
			return -E2BIG;
		if (*text == '"')
			end = *text++;
		words[nr++] = text;
		while (*text && (end == '"' ? *text != '"' : !isspace(*text)))
			text++;
		if (!*text)
			return end == '"' ? -EINVAL : nr;
		*text++ = '\0';
	}
}

static int parse_number(const char *word, unsigned long *value)
{
	return kstrtoul(word, 10, value);
}

/* N or N-M. */
static int parse_range(char *word, struct range *range)
{
	char *last = strchr(word, '-');

	if (last)
		*last++ = '\0';
	if (parse_number(word, &range->first) || parse_number(last ? last : word, &range->last))
		return -EINVAL;
	return range->last < range->first ? -EINVAL : 0;
}

static int parse_query(char *words[], int nr, struct query *query)
{
	unsigned long number;

	*query = (struct query){ .line = { 0, ~0UL }, .index = { 0, ~0UL } };
	for (int i = 0; i < nr; i++) {
		const char *word = words[i];
		const char **text = NULL;
		struct range *range = NULL;

		if (!strcmp(word, "enable") || !strcmp(word, "disable") || !strcmp(word, "oneshot")) {
			query->set_state = true;
			query->state = *word == 'e' ? DFAULT_ENABLED : *word == 'd' ? DFAULT_DISABLED : DFAULT_ONESHOT;
			continue;
		}
		/* Everything else is followed by its value. */
		if (i + 1 == nr)
			return -EINVAL;
		if (!strcmp(word, "func"))
			text = &query->function;
		else if (!strcmp(word, "file"))
			text = &query->filename;
		else if (!strcmp(word, "module"))
			text = &query->modname;
		else if (!strcmp(word, "class"))
			text = &query->class;
		else if (!strcmp(word, "line"))
			range = &query->line;
		else if (!strcmp(word, "index"))
			range = &query->index;
		else if (strcmp(word, "frequency"))
			return -EINVAL;
		i++;
		if (text) {
			*text = words[i];
		} else if (range) {
			if (parse_range(words[i], range))
				return -EINVAL;
		} else {
			if (parse_number(words[i], &number) || number > ~0U)
				return -EINVAL;
			query->set_frequency = true;
			query->frequency = number;
		}
	}
	if (!query->set_state && !query->set_frequency)
		return -EINVAL;
	/* A frequency alone turns the site on. */
	if (!query->set_state)
		query->state = DFAULT_ENABLED;
	return 0;
}

static bool matches_file(const char *filename, const char *wanted)
{
	const char *slash = strrchr(filename, '/');

	return !strcmp(filename, wanted) || (slash && !strcmp(slash + 1, wanted));
}

/* Class "fs" selects "fs:btrfs:csum", too. */
static bool matches_class(const char *class, const char *wanted)
{
	size_t length = strlen(wanted);

	return !strncmp(class, wanted, length) && (!class[length] || class[length] == ':');
}

static bool matches(const struct _dfault *site, const struct query *query)
{
	return (!query->function || !strcmp(site->function, query->function)) &&
	       (!query->filename || matches_file(site->filename, query->filename)) &&
	       (!query->modname || !strcmp(site->modname, query->modname)) &&
	       (!query->class || matches_class(site->class, query->class)) &&
	       query->line.first <= site->line && site->line <= query->line.last;
}

static int execute(const struct query *query)
{
	unsigned long index = 0;
	unsigned int changed = 0;

	for (struct _dfault *site = __start___faults; site < __stop___faults; site++) {
		if (!matches(site, query))
			continue;
		if (query->index.first <= index && index <= query->index.last) {
			if (query->set_frequency)
				site->frequency = query->frequency;
			site->count = 0;
			set_state(site, query->state);
			changed++;
		}
		index++;
	}
	return changed ? 0 : -ENOENT;
}

static ssize_t control_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	char text[MAX_COMMAND + 1], *words[MAX_WORDS];
	struct query query;
	int nr;

	if (count > MAX_COMMAND)
		return -E2BIG;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	text[count] = '\0';
	nr = split(text, words);
	if (nr < 0)
		return nr;
	nr = parse_query(words, nr, &query);
	if (nr)
		return nr;
	mutex_lock(&control_lock);
	nr = execute(&query);
	mutex_unlock(&control_lock);
	return nr ? nr : (ssize_t)count;
}

/* ---- the list ---- */

static int control_show(struct seq_file *m, void *v)
{
	static const char *const states[] = { "disabled", "enabled", "oneshot" };

	for (const struct _dfault *site = __start___faults; site < __stop___faults; site++)
		seq_printf(m, "%s:%u class:%s module:%s func:%s %s \"\"\n", site->filename, site->line, site->class,
			   site->modname, site->function, states[site->state]);
	return 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	return single_open(file, control_show, NULL);
}

static const struct file_operations control_fops = {
	.open = control_open,
	.read = seq_read,
	.write = control_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init dynamic_fault_init(void)
{
	debugfs_create_file("control", 0644, debugfs_create_dir("dynamic_fault", NULL), NULL, &control_fops);
	return 0;
}
late_initcall(dynamic_fault_init);
