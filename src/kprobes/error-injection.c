// SPDX-License-Identifier: MIT
/*
 * The list of functions that may be made to fail, built from the ALLOW_ERROR_INJECTION records, and its file
 * /sys/kernel/debug/error_injection/list. (semantics A3 to A5)
 */
#include <kernel/debugfs.h>
#include <kernel/err.h>
#include <kernel/error-injection.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/printk.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>

struct ei_entry {
	unsigned long start, end;	/* the function's bytes */
	int etype;
};

extern struct error_injection_entry __start_error_injection_whitelist[], __stop_error_injection_whitelist[];

static struct ei_entry *entries;	/* in the order of the records */
static unsigned int nr_entries;

int get_injectable_error_type(unsigned long addr)
{
	for (unsigned int i = 0; i < nr_entries; i++)
		if (addr >= entries[i].start && addr < entries[i].end)
			return entries[i].etype;
	return EI_ETYPE_NONE;
}

bool within_error_injection_list(unsigned long addr)
{
	return get_injectable_error_type(addr) != EI_ETYPE_NONE;
}

static const char *error_type_string(int etype)
{
	switch (etype) {
	case EI_ETYPE_NULL: return "NULL";
	case EI_ETYPE_ERRNO: return "ERRNO";
	case EI_ETYPE_ERRNO_NULL: return "ERRNO_NULL";
	case EI_ETYPE_TRUE: return "TRUE";
	default: return "(unknown)";
	}
}

static int list_show(struct seq_file *m, void *v)
{
	(void)v;
	for (unsigned int i = 0; i < nr_entries; i++)
		seq_printf(m, "%ps\t%s\n", (void *)entries[i].start, error_type_string(entries[i].etype));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(list);

static int __init populate_list(void)
{
	struct error_injection_entry *record;
	unsigned long size, into;

	entries = kcalloc(__stop_error_injection_whitelist - __start_error_injection_whitelist, sizeof(*entries),
			  GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	for (record = __start_error_injection_whitelist; record < __stop_error_injection_whitelist; record++) {
		if (!kernel_text_address(record->addr) ||
		    !kallsyms_lookup_size_offset(record->addr, &size, &into)) {
			pr_err("Failed to find error inject entry at %px\n", (void *)record->addr);
			continue;
		}
		entries[nr_entries++] = (struct ei_entry){ record->addr, record->addr + size, record->etype };
	}
	return 0;
}

static int __init error_injection_init(void)
{
	struct dentry *dir;
	int ret = populate_list();

	if (ret)
		return ret;
	dir = debugfs_create_dir("error_injection", NULL);
	debugfs_create_file("list", 0444, dir, NULL, &list_fops);
	return 0;
}
late_initcall(error_injection_init);
