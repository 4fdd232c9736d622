// SPDX-License-Identifier: MIT
/* Character devices: drivers by ranges of device numbers. */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include "internal.h"

struct char_device {
	unsigned int major, first, count;
	const char *name;
	const struct file_operations *fops;
	struct char_device *next;
};

static struct char_device *char_devices;

int register_chrdev_range(unsigned int major, unsigned int first, unsigned int count, const char *name,
			  const struct file_operations *fops)
{
	struct char_device *d = kmalloc(sizeof(*d), GFP_KERNEL), **p;

	if (!d)
		return -ENOMEM;
	*d = (struct char_device){ major, first, count, name, fops, NULL };
	for (p = &char_devices; *p && (*p)->major <= major; p = &(*p)->next) {
		if ((*p)->major == major && first < (*p)->first + (*p)->count && (*p)->first < first + count) {
			kfree(d);
			return -EBUSY;
		}
	}
	d->next = *p;
	*p = d;
	return 0;
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	unsigned int major = MAJOR(inode->i_rdev), minor = MINOR(inode->i_rdev);
	struct char_device *d;

	for (d = char_devices; d; d = d->next) {
		if (d->major == major && minor >= d->first && minor - d->first < d->count) {
			file->f_op = d->fops;
			return d->fops->open ? d->fops->open(inode, file) : 0;
		}
	}
	return -ENXIO;
}

const struct file_operations def_chr_fops = {
	.open = chrdev_open,
	.llseek = noop_llseek,
};

/* The first half of /proc/devices. */
void chrdev_show(struct seq_file *m)
{
	seq_puts(m, "Character devices:\n");
	for (struct char_device *d = char_devices; d; d = d->next)
		if (!d->next || d->next->major != d->major || d->next->name != d->name)
			seq_printf(m, "%3u %s\n", d->major, d->name);
}
