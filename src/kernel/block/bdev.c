// SPDX-License-Identifier: MIT
/*
 * Disks and their block devices: registration, opening by number or path, exclusive claims. After Linux's block/genhd.c
 * and block/bdev.c; partitions are not scanned.
 */
#include <kernel/blkdev.h>
#include <kernel/ctype.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <kernel/sysfs.h>

static LIST_HEAD(disks);

void set_capacity(struct gendisk *disk, u64 sectors)
{
	disk->part0.bd_nr_sectors = sectors;
}

u64 bdev_nr_bytes(const struct block_device *bdev)
{
	return bdev->bd_nr_sectors << SECTOR_SHIFT;
}

static ssize_t size_show(void *priv, char *buf)
{
	struct gendisk *disk = priv;

	return sysfs_emit(buf, "%llu\n", (unsigned long long)disk->part0.bd_nr_sectors);
}

static ssize_t ro_show(void *priv, char *buf)
{
	struct gendisk *disk = priv;

	return sysfs_emit(buf, "%d\n", disk->ro);
}

static ssize_t dev_show(void *priv, char *buf)
{
	struct gendisk *disk = priv;

	return sysfs_emit(buf, "%d:%d\n", disk->major, disk->first_minor);
}

static ssize_t make_it_fail_show(void *priv, char *buf)
{
	struct gendisk *disk = priv;

	return sysfs_emit(buf, "%d\n", disk->part0.bd_make_it_fail);
}

static ssize_t make_it_fail_store(void *priv, const char *buf, size_t count)
{
	struct gendisk *disk = priv;
	const char *digits = skip_spaces(buf);

	/* The low 32 bits count; a text that is no number is taken and changes nothing. As on Linux. */
	if (isdigit(digits[digits[0] == '-']))
		disk->part0.bd_make_it_fail = (int)simple_strtol(digits, NULL, 10) != 0;
	return count;
}

static ssize_t io_timeout_fail_show(void *priv, char *buf)
{
	struct gendisk *disk = priv;

	return sysfs_emit(buf, "%d\n", disk->fail_io_timeout);
}

static ssize_t io_timeout_fail_store(void *priv, const char *buf, size_t count)
{
	struct gendisk *disk = priv;

	/* Here a text that is no number is 0. */
	if (count)
		disk->fail_io_timeout = (int)simple_strtoul(buf, NULL, 10) != 0;
	return count;
}

static const struct {
	const char *name;
	umode_t mode;
	sysfs_show_t show;
	sysfs_store_t store;
} disk_attributes[] = {
	{ "size", 0444, size_show, NULL },
	{ "ro", 0444, ro_show, NULL },
	{ "dev", 0444, dev_show, NULL },
	{ "make-it-fail", 0644, make_it_fail_show, make_it_fail_store },
	{ "io-timeout-fail", 0644, io_timeout_fail_show, io_timeout_fail_store },
};

int device_add_disk(struct gendisk *disk)
{
	struct block_device *bdev = &disk->part0;
	char path[64];
	int ret;

	bdev->bd_dev = MKDEV(disk->major, disk->first_minor);
	bdev->bd_disk = disk;
	INIT_LIST_HEAD(&bdev->bd_blocks);
	ret = devtmpfs_create_node(disk->disk_name, S_IFBLK | 0600, bdev->bd_dev);
	if (ret)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(disk_attributes); i++) {
		snprintf(path, sizeof(path), "block/%s/%s", disk->disk_name, disk_attributes[i].name);
		sysfs_create_file_simple(path, disk_attributes[i].mode, disk_attributes[i].show,
					 disk_attributes[i].store, disk);
	}
	list_add_tail(&disk->list, &disks);
	return 0;
}

struct gendisk *next_disk(struct gendisk *disk)
{
	struct list_head *next = disk ? disk->list.next : disks.next;

	return next == &disks ? NULL : list_entry(next, struct gendisk, list);
}

struct block_device *bdev_by_dev(dev_t dev)
{
	struct gendisk *disk;

	list_for_each_entry(disk, &disks, list)
		if (disk->part0.bd_dev == dev)
			return &disk->part0;
	return NULL;
}

int lookup_bdev(const char *path, dev_t *dev)
{
	struct path found;
	struct inode *inode;
	int ret;

	if (!path || !*path)
		return -EINVAL;
	ret = kern_path(path, LOOKUP_FOLLOW, &found);
	if (ret)
		return ret;
	inode = d_inode(found.dentry);
	if (S_ISBLK(inode->i_mode))
		*dev = inode->i_rdev;
	else
		ret = -ENOTBLK;
	path_put(&found);
	return ret;
}

struct block_device *blkdev_get_by_dev(dev_t dev, fmode_t mode, void *holder)
{
	struct block_device *bdev = bdev_by_dev(dev);

	if (!bdev)
		return ERR_PTR(-ENXIO);
	if ((mode & FMODE_EXCL) && !holder)
		return ERR_PTR(-EINVAL);
	if ((mode & FMODE_WRITE) && bdev->bd_disk->ro)
		return ERR_PTR(-EACCES);
	if (mode & FMODE_EXCL) {
		if (bdev->bd_holder && bdev->bd_holder != holder)
			return ERR_PTR(-EBUSY);
		bdev->bd_holder = holder;
		bdev->bd_holders++;
	}
	bdev->bd_openers++;
	return bdev;
}

struct block_device *blkdev_get_by_path(const char *path, fmode_t mode, void *holder)
{
	dev_t dev;
	int ret = lookup_bdev(path, &dev);

	if (ret)
		return ERR_PTR(ret);
	return blkdev_get_by_dev(dev, mode, holder);
}

void blkdev_put(struct block_device *bdev, fmode_t mode)
{
	if ((mode & FMODE_EXCL) && --bdev->bd_holders == 0)
		bdev->bd_holder = NULL;
	if (--bdev->bd_openers == 0)
		invalidate_bdev(bdev);
}
