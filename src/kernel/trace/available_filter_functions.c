// SPDX-License-Identifier: MIT
/*
 * available_filter_functions of tracefs: the functions that can be traced at their entry, one a line. What attaches to
 * many functions by a pattern of their names reads it. (Documentation/trace/ftrace.rst)
 */
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/kprobes.h>
#include <kernel/seq_file.h>
#include <kernel/tracefs.h>

static void *functions_at(loff_t pos)
{
	return (void *)ftrace_location_get(pos);
}

static void *functions_start(struct seq_file *m, loff_t *pos)
{
	return functions_at(*pos);
}

static void *functions_next(struct seq_file *m, void *v, loff_t *pos)
{
	return functions_at(++*pos);
}

static void functions_stop(struct seq_file *m, void *v)
{
}

static int functions_show(struct seq_file *m, void *v)
{
	char name[KSYM_SYMBOL_LEN];

	if (within_kprobe_blacklist((unsigned long)v))
		return 0;
	sprint_symbol_no_offset(name, (unsigned long)v);
	seq_printf(m, "%s\n", name);
	return 0;
}

static const struct seq_operations functions_ops = {
	.start = functions_start, .next = functions_next, .stop = functions_stop, .show = functions_show,
};

static int functions_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &functions_ops);
}

static const struct file_operations functions_fops = {
	.open = functions_open, .read = seq_read, .llseek = seq_lseek, .release = seq_release,
};

static int __init available_filter_functions_init(void)
{
	tracefs_create_file("available_filter_functions", 0444, NULL, NULL, &functions_fops);
	return 0;
}
late_initcall(available_filter_functions_init);
