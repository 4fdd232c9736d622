// SPDX-License-Identifier: MIT
/*
 * How records lie in a page of the trace buffer as others read it: events/header_page, events/header_event, and printk_formats, the
 * constant strings that formats refer to (there are none). perf(1) takes them into its files and wants them there before it
 * makes sense of any record. The layout is Linux's, also of what perf itself has to do with. (Documentation/trace/ring-buffer-design.rst)
 */
#include <kernel/fs.h>
#include <kernel/mm.h>
#include <kernel/seq_file.h>
#include <kernel/tracefs.h>
#include "record.h"

static int header_page_show(struct seq_file *m, void *v)
{
	static const struct { const char *type, *name; int offset, size, is_signed; } fields[] = {
		{ "u64", "timestamp", 0, 8, 0 }, { "local_t", "commit", 8, 8, 1 }, { "int", "overwrite", 8, 1, 1 },
		{ "char", "data", 16, PAGE_SIZE - 16, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		seq_printf(m, "\tfield: %s %s;\toffset:%d;\tsize:%d;\tsigned:%d;\n", fields[i].type, fields[i].name,
			   fields[i].offset, fields[i].size, fields[i].is_signed);
	return 0;
}

static int header_event_show(struct seq_file *m, void *v)
{
	seq_puts(m, "# compressed entry header\n"
		 "\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n"
		 "\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n");
	return 0;
}

static int nothing_show(struct seq_file *m, void *v)
{
	return 0;
}

static int header_page_open(struct inode *inode, struct file *file) { return single_open(file, header_page_show, NULL); }
static int header_event_open(struct inode *inode, struct file *file) { return single_open(file, header_event_show, NULL); }
static int printk_formats_open(struct inode *inode, struct file *file) { return single_open(file, nothing_show, NULL); }

#define FOPS(name) \
	static const struct file_operations name##_fops = { \
		.open = name##_open, .read = seq_read, .llseek = seq_lseek, .release = single_release }
FOPS(header_page);
FOPS(header_event);
FOPS(printk_formats);

void trace_create_format_files(struct dentry *events_dir)
{
	tracefs_create_file("header_page", 0440, events_dir, NULL, &header_page_fops);
	tracefs_create_file("header_event", 0440, events_dir, NULL, &header_event_fops);
	/* The records of tracers, of which there are none. */
	tracefs_create_dir("ftrace", events_dir);
	tracefs_create_file("printk_formats", 0440, NULL, NULL, &printk_formats_fops);
}
