// SPDX-License-Identifier: MIT
/*
 * Crashes on purpose, to see how the kernel reports them: the name of one is written to
 * /sys/kernel/debug/provoke-crash/DIRECT. (Documentation/fault-injection/provoke-crashes.rst)
 */
#include <kernel/debugfs.h>
#include <kernel/init.h>
#include <kernel/kallsyms.h>
#include <kernel/kernel.h>
#include <kernel/ptrace.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/vmalloc.h>

static const unsigned long rodata = 0xaa55aa55;

static void lkdtm_PANIC(void) { panic("dumptest"); }
static void lkdtm_BUG(void) { BUG(); }
static void lkdtm_WARNING(void) { WARN_ON(1); }
static void lkdtm_WARNING_MESSAGE(void) { WARN(1, "Warning message trigger count: %d\n", 1); }
static void lkdtm_EXCEPTION(void) { *(volatile int *)0 = 0; }

/* The page below the stack belongs to somebody else; only the trace of a deep call is wanted here. */
static noinline int recurse(int depth)
{
	volatile char space[64];

	space[0] = depth;
	return depth ? recurse(depth - 1) + space[0] : *(volatile int *)0xdead000000000000;
}

static void lkdtm_GENERAL_PROTECTION(void) { recurse(3); }
static void lkdtm_WRITE_RO(void) { *(volatile unsigned long *)&rodata ^= 0xabcd1234; }
static void lkdtm_WRITE_KERN(void) { *(volatile char *)lkdtm_BUG = 0xc3; }

static void lkdtm_EXEC_DATA(void)
{
	static unsigned char data_area[16];

	((void (*)(void))data_area)();
}

static void lkdtm_EXEC_USERSPACE(void) { ((void (*)(void))task_pt_regs(current)->ip)(); }
static void lkdtm_ACCESS_USERSPACE(void) { *(volatile int *)task_pt_regs(current)->sp; }

static void lkdtm_WRITE_AFTER_FREE(void)
{
	unsigned long *base = kmalloc(1024, GFP_KERNEL);
	void *again;

	if (!base)
		return;
	kfree(base);
	base[4] = 0x0abcdef0;
	again = kmalloc(1024, GFP_KERNEL);
	kfree(again);
}

static void lkdtm_SLAB_FREE_DOUBLE(void)
{
	void *p = kmalloc(128, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

static void lkdtm_SLAB_LINEAR_OVERFLOW(void)
{
	char *p = kmalloc(1020, GFP_KERNEL);

	if (!p)
		return;
	*(volatile char *)(p + 1020) = 0x12;
	kfree(p);
}

static void lkdtm_VMALLOC_LINEAR_OVERFLOW(void)
{
	char *p = vzalloc(PAGE_SIZE);

	memset(p, 0xaa, PAGE_SIZE + 1);
	vfree(p);
}

/* Not one of Linux's: an object that nobody frees, seen by a report. */
static void lkdtm_SLAB_LEAK(void)
{
	u64 mark = kmem_mark();
	void *p = kmalloc(40, GFP_KERNEL);

	kmem_report_live(mark, "provoke-crash");
	kfree(p);
	if (!kmem_report_live(mark, "provoke-crash"))
		pr_info("lkdtm: nothing left allocated\n");
}

static const struct crashtype {
	const char *name;
	void (*func)(void);
} crashtypes[] = {
#define CRASHTYPE(name) { #name, lkdtm_##name }
	CRASHTYPE(PANIC), CRASHTYPE(BUG), CRASHTYPE(WARNING), CRASHTYPE(WARNING_MESSAGE), CRASHTYPE(EXCEPTION),
	CRASHTYPE(GENERAL_PROTECTION), CRASHTYPE(WRITE_RO), CRASHTYPE(WRITE_KERN), CRASHTYPE(EXEC_DATA),
	CRASHTYPE(EXEC_USERSPACE), CRASHTYPE(ACCESS_USERSPACE), CRASHTYPE(WRITE_AFTER_FREE), CRASHTYPE(SLAB_FREE_DOUBLE),
	CRASHTYPE(SLAB_LINEAR_OVERFLOW), CRASHTYPE(VMALLOC_LINEAR_OVERFLOW), CRASHTYPE(SLAB_LEAK),
};

static int types_show(struct seq_file *m, void *v)
{
	seq_puts(m, "Available crash types:\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(crashtypes); i++)
		seq_printf(m, "%s\n", crashtypes[i].name);
	return 0;
}

static int direct_open(struct inode *inode, struct file *file)
{
	return single_open(file, types_show, NULL);
}

static ssize_t direct_write(struct file *file, const char __user *ubuf, size_t count, loff_t *pos)
{
	char name[32];

	if (!count || count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, ubuf, count))
		return -EFAULT;
	name[count] = '\0';
	strim(name);
	for (unsigned int i = 0; i < ARRAY_SIZE(crashtypes); i++)
		if (!strcmp(crashtypes[i].name, name)) {
			pr_info("lkdtm: Performing direct entry %s\n", name);
			crashtypes[i].func();
			*pos += count;
			return count;
		}
	return -EINVAL;
}

static const struct file_operations direct_fops = {
	.open = direct_open,
	.read = seq_read,
	.write = direct_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init lkdtm_init(void)
{
	debugfs_create_file("DIRECT", 0644, debugfs_create_dir("provoke-crash", NULL), NULL, &direct_fops);
	return 0;
}
late_initcall(lkdtm_init);
