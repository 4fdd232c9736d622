// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/tracing/error_log. (Documentation/trace/ftrace.rst, "error_log")
 */
#include "error_log.h"
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/list.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <kernel/tracefs.h>

#define MAX_ERRORS 8

struct tracing_error {
	struct list_head list;
	u64 when;		/* ns since boot */
	int position;
	const char *message;
	const char *system;
	char command[];
};

static LIST_HEAD(errors);
static int nr_errors;

static void forget_oldest(void)
{
	struct tracing_error *oldest = list_first_entry(&errors, struct tracing_error, list);

	list_del(&oldest->list);
	kfree(oldest);
	nr_errors--;
}

void tracing_log_err(const char *system, const char *command, const char *message, int position)
{
	struct tracing_error *error = kzalloc(sizeof(*error) + strlen(command) + 1, GFP_KERNEL);

	if (!error)
		return;
	error->when = ktime_get_ns();
	error->position = position;
	error->message = message;
	error->system = system;
	strcpy(error->command, command);
	if (nr_errors == MAX_ERRORS)
		forget_oldest();
	list_add_tail(&error->list, &errors);
	nr_errors++;
}

static int error_log_show(struct seq_file *m, void *v)
{
	struct tracing_error *error;

	(void)v;
	list_for_each_entry(error, &errors, list) {
		seq_printf(m, "[%5llu.%06llu] %s: error: %s\n", error->when / 1000000000, error->when / 1000 % 1000000,
			   error->system, error->message);
		seq_printf(m, "  Command: %s\n           %*s^\n", error->command, error->position, "");
	}
	return 0;
}

static int error_log_open(struct inode *inode, struct file *file)
{
	(void)inode;
	if ((file->f_flags & O_TRUNC) && (file->f_mode & FMODE_WRITE))
		while (nr_errors)
			forget_oldest();
	return single_open(file, error_log_show, NULL);
}

/* Whatever is written is taken and dropped: opening with O_TRUNC did the work. */
static ssize_t error_log_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	(void)file;
	(void)buf;
	(void)pos;
	return count;
}

static const struct file_operations error_log_fops = {
	.open = error_log_open, .read = seq_read, .write = error_log_write, .llseek = seq_lseek,
	.release = single_release,
};

static int __init error_log_init(void)
{
	tracefs_create_file("error_log", 0640, NULL, NULL, &error_log_fops);
	return 0;
}
fs_initcall(error_log_init);
