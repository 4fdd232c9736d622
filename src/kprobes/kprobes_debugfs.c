// SPDX-License-Identifier: MIT
/*
 * /sys/kernel/debug/kprobes: list, enabled, blacklist. (semantics C23)
 */
#include "x86/arch.h"
#include <kernel/debugfs.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/kprobes.h>
#include <kernel/seq_file.h>
#include <kernel/uaccess.h>

extern unsigned long __start_kprobe_blacklist[], __stop_kprobe_blacklist[];
extern char __kprobes_text_start[], __kprobes_text_end[];
extern char __entry_text_start[], __entry_text_end[];

void for_each_kprobe(void (*visit)(struct kprobe *p, void *data), void *data);
int kprobes_set_all_armed(bool armed);
bool kprobes_all_armed(void);
bool is_kretprobe(const struct kprobe *p);

/* "ADDRESS  k|r  SYMBOL+0xOFFSET  MODULE flags"; the module's name is a space, since there are no modules. */
static void show_kprobe(struct kprobe *p, void *data)
{
	char name[KSYM_NAME_LEN] = "";
	struct seq_file *m = data;
	unsigned long offset = 0;

	kallsyms_lookup((unsigned long)p->addr, NULL, &offset, NULL, name);
	seq_printf(m, "%px  %s  %s+0x%lx    %s%s%s%s\n", p->addr, is_kretprobe(p) ? "r" : "k", name, offset,
		   kprobe_gone(p) ? "[GONE]" : "", kprobe_disabled(p) && !kprobe_gone(p) ? "[DISABLED]" : "",
		   p->flags & KPROBE_FLAG_OPTIMIZED ? "[OPTIMIZED]" : "", p->flags & KPROBE_FLAG_FTRACE ? "[FTRACE]" : "");
}

static int list_show(struct seq_file *m, void *v)
{
	(void)v;
	for_each_kprobe(show_kprobe, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(list);

static void show_function(struct seq_file *m, unsigned long start, unsigned long size)
{
	seq_printf(m, "0x%px-0x%px\t%ps\n", (void *)start, (void *)(start + size), (void *)start);
}

/* Every function of a stretch of code that is forbidden as a whole. */
static void show_area(struct seq_file *m, unsigned long start, unsigned long end)
{
	unsigned long size, into;

	for (; start < end && kallsyms_lookup_size_offset(start, &size, &into) && size > into; start += size - into)
		show_function(m, start, size - into);
}

static int blacklist_show(struct seq_file *m, void *v)
{
	unsigned long size, into;

	(void)v;
	for (unsigned long *entry = __start_kprobe_blacklist; entry < __stop_kprobe_blacklist; entry++)
		if (kallsyms_lookup_size_offset(*entry, &size, &into))
			show_function(m, *entry, size);
	show_area(m, (unsigned long)__kprobes_text_start, (unsigned long)__kprobes_text_end);
	show_area(m, (unsigned long)__entry_text_start, (unsigned long)__entry_text_end);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(blacklist);

static ssize_t enabled_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	(void)file;
	return simple_read_from_buffer(buf, count, pos, kprobes_all_armed() ? "1\n" : "0\n", 2);
}

static ssize_t enabled_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	bool enable;
	int ret = kstrtobool_from_user(buf, count, &enable);

	(void)file;
	(void)pos;
	if (!ret)
		ret = kprobes_set_all_armed(enable);
	return ret ? ret : (ssize_t)count;
}

static const struct file_operations enabled_fops = { .read = enabled_read, .write = enabled_write };

static int __init kprobes_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("kprobes", NULL);

	debugfs_create_file("list", 0400, dir, NULL, &list_fops);
	debugfs_create_file("enabled", 0600, dir, NULL, &enabled_fops);
	debugfs_create_file("blacklist", 0400, dir, NULL, &blacklist_fops);
	return 0;
}
late_initcall(kprobes_debugfs_init);
