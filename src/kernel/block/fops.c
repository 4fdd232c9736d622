// SPDX-License-Identifier: MIT
/*
 * What programs do with a block device node: read, write, seek, ask for its size. After Linux's block/fops.c and
 * block/ioctl.c. Writes go through to the device before write(2) returns.
 */
#include <linux/fs.h>
#include <kernel/blkdev.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/uaccess.h>

static int blkdev_open(struct inode *inode, struct file *file)
{
	struct block_device *bdev;
	fmode_t mode = file->f_mode & (FMODE_READ | FMODE_WRITE);

	if (file->f_flags & O_EXCL)
		mode |= FMODE_EXCL;
	bdev = blkdev_get_by_dev(inode->i_rdev, mode, file);
	if (IS_ERR(bdev))
		return PTR_ERR(bdev);
	file->private_data = bdev;
	return 0;
}

static int blkdev_close(struct inode *inode, struct file *file)
{
	fmode_t mode = file->f_mode & (FMODE_READ | FMODE_WRITE);

	if (file->f_flags & O_EXCL)
		mode |= FMODE_EXCL;
	blkdev_put(file->private_data, mode);
	return 0;
}

static loff_t blkdev_llseek(struct file *file, loff_t offset, int whence)
{
	struct block_device *bdev = file->private_data;
	loff_t size = bdev_nr_bytes(bdev);

	if (whence == SEEK_END)
		offset += size;
	else if (whence == SEEK_CUR)
		offset += file->f_pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0 || offset > size)
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

/* Moves bytes between @iter and the cached block at @pos; how many, or an errno. */
static ssize_t blkdev_move(struct block_device *bdev, struct iov_iter *iter, size_t count, loff_t pos)
{
	struct buffer_head *bh = bread(bdev, pos >> BDEV_BLOCK_SHIFT);
	size_t offset = pos & (BDEV_BLOCK_SIZE - 1), n;
	ssize_t ret;

	/* A first read is Linux's readahead; a block that it did not bring is read once more by itself. */
	if (bh == ERR_PTR(-EIO) && !iter->data_source)
		bh = bread(bdev, pos >> BDEV_BLOCK_SHIFT);
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	n = bh->b_size - offset;
	if (n > count)
		n = count;
	ret = n;
	if (!iter->data_source) {
		if (copy_to_iter(bh->b_data + offset, n, iter) < n)
			ret = -EFAULT;
	} else if (copy_from_iter(bh->b_data + offset, n, iter) < n) {
		ret = -EFAULT;
	} else {
		u64 first = (pos - offset + (offset & -SECTOR_SIZE)) >> SECTOR_SHIFT;
		size_t start = offset & -SECTOR_SIZE;
		size_t end = (offset + n + SECTOR_SIZE - 1) & -SECTOR_SIZE;
		int error = bdev_rw_sectors(bdev, REQ_OP_WRITE, first, bh->b_data + start, end - start);

		if (error)
			ret = error;
	}
	brelse(bh);
	return ret;
}

#define DIRECT_CHUNK	(128 * 1024)	/* of one request */
#define DMA_ALIGNMENT	(SECTOR_SIZE - 1)

/* On Linux the device reaches a program's pages itself: there is no copy that fail_usercopy could make fail. */
static bool move_directly(void *chunk, size_t n, struct iov_iter *iter)
{
	if (!iter->is_user)
		return (iter->data_source ? copy_from_iter(chunk, n, iter) : copy_to_iter(chunk, n, iter)) == n;
	if (iter->data_source ? raw_copy_from_user(chunk, iter->ubuf, n) : raw_copy_to_user(iter->ubuf, chunk, n))
		return false;
	iov_iter_advance(iter, n);
	return true;
}

/* O_DIRECT: whole sectors past the cache, one request for up to DIRECT_CHUNK bytes. */
static ssize_t blkdev_direct(struct block_device *bdev, struct iov_iter *iter, size_t count, loff_t *pos)
{
	bool write = iter->data_source;
	ssize_t ret = 0;
	size_t done = 0;
	void *chunk;

	if ((*pos | count | (unsigned long)iter->kbuf) & DMA_ALIGNMENT)
		return -EINVAL;
	chunk = kmalloc(min_t(size_t, count, DIRECT_CHUNK), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	while (done < count && !ret) {
		size_t n = min_t(size_t, count - done, DIRECT_CHUNK);

		if (write && !move_directly(chunk, n, iter))
			ret = -EFAULT;
		else
			ret = bdev_rw_sectors(bdev, write ? REQ_OP_WRITE : REQ_OP_READ, *pos >> SECTOR_SHIFT, chunk, n);
		if (!ret && !write && !move_directly(chunk, n, iter))
			ret = -EFAULT;
		if (!ret) {
			done += n;
			*pos += n;
		}
	}
	kfree(chunk);
	/* What was read before is no longer what is there. */
	if (write)
		invalidate_bdev(bdev);
	return done ? (ssize_t)done : ret;
}

/* Reads or writes, as @iter's direction says. */
static ssize_t blkdev_transfer(struct kiocb *iocb, struct iov_iter *iter)
{
	struct block_device *bdev = iocb->ki_filp->private_data;
	loff_t size = bdev_nr_bytes(bdev), *pos = &iocb->ki_pos;
	size_t count = iov_iter_count(iter), done = 0;

	if (*pos < 0)
		return -EINVAL;
	if (*pos >= size)
		return iter->data_source && count ? -ENOSPC : 0;
	if (count > (u64)(size - *pos))
		count = size - *pos;
	if ((iocb->ki_filp->f_flags & O_DIRECT) && count)
		return blkdev_direct(bdev, iter, count, pos);
	while (done < count) {
		ssize_t n = blkdev_move(bdev, iter, count - done, *pos);

		if (n < 0)
			return done ? (ssize_t)done : n;
		done += n;
		*pos += n;
	}
	return done;
}

static int blkdev_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct block_device *bdev = file->private_data;
	struct bio bio;

	bio_init(&bio, bdev, NULL, 0, REQ_OP_FLUSH);
	return submit_bio_wait(&bio);
}

static long blkdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct block_device *bdev = file->private_data;
	void __user *to = (void __user *)arg;
	u64 bytes = bdev_nr_bytes(bdev);
	unsigned long sectors = bdev->bd_nr_sectors;
	int number;

	switch (cmd) {
	case BLKGETSIZE64:
		return copy_to_user(to, &bytes, sizeof(bytes)) ? -EFAULT : 0;
	case BLKGETSIZE:
		return copy_to_user(to, &sectors, sizeof(sectors)) ? -EFAULT : 0;
	case BLKSSZGET:
		number = SECTOR_SIZE;
		break;
	case BLKBSZGET:
		number = BDEV_BLOCK_SIZE;
		break;
	case BLKROGET:
		number = bdev->bd_disk->ro;
		break;
	case BLKFLSBUF:
		invalidate_bdev(bdev);
		return 0;
	default:
		return -ENOTTY;
	}
	return copy_to_user(to, &number, sizeof(number)) ? -EFAULT : 0;
}

const struct file_operations def_blk_fops = {
	.open = blkdev_open,
	.release = blkdev_close,
	.llseek = blkdev_llseek,
	.read_iter = blkdev_transfer,
	.write_iter = blkdev_transfer,
	.fsync = blkdev_fsync,
	.unlocked_ioctl = blkdev_ioctl,
};
