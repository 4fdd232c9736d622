// SPDX-License-Identifier: MIT
/*
 * Reading, writing and seeking in open files.
 * (man 2 read, man 2 write, man 2 lseek, man 2 pread, man 2 readv, man 2 ioctl, man 2 fsync)
 */
#include <linux/uio.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/security.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <asm/ioctls.h>
#include "internal.h"

#define MAX_RW_COUNT	(INT_MAX & ~4095)

loff_t generic_file_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (!offset)
			return file->f_pos;
		offset += file->f_pos;
		break;
	case SEEK_END:
		offset += i_size_read(inode);
		break;
	case SEEK_DATA:
		if (offset < 0 || offset >= i_size_read(inode))
			return -ENXIO;
		break;
	case SEEK_HOLE:
		if (offset < 0 || offset >= i_size_read(inode))
			return -ENXIO;
		offset = i_size_read(inode);
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0)
		return -EINVAL;
	return file->f_pos = offset;
}

loff_t noop_llseek(struct file *file, loff_t offset, int whence)
{
	return file->f_pos;
}

loff_t vfs_llseek(struct file *file, loff_t offset, int whence)
{
	if (!(file->f_mode & FMODE_LSEEK) || !file->f_op->llseek)
		return -ESPIPE;
	return file->f_op->llseek(file, offset, whence);
}

SYSCALL_DEFINE3(lseek, unsigned int, fd, long, offset, unsigned int, whence)
{
	struct file *file = fget(fd);
	loff_t result = -EINVAL;

	if (!file)
		return -EBADF;
	if (whence <= SEEK_MAX)
		result = vfs_llseek(file, offset, whence);
	fput(file);
	return result;
}

/* One call of read_iter or write_iter on behalf of a position that is kept elsewhere. */
static ssize_t call_iter(struct file *file, ssize_t (*function)(struct kiocb *, struct iov_iter *), struct iov_iter *iter,
			 loff_t *pos)
{
	struct kiocb iocb = { file, *pos };
	ssize_t ret = function(&iocb, iter);

	if (ret > 0)
		*pos = iocb.ki_pos;
	return ret;
}

/* Only files that take a kernel's buffer as well as a program's can be read so. */
ssize_t kernel_read(struct file *file, void *buf, size_t count, loff_t *pos)
{
	struct kvec kvec = { buf, count };
	struct iov_iter iter;

	if (!(file->f_mode & FMODE_READ) || !file->f_op->read_iter)
		return file->f_mode & FMODE_READ ? -EINVAL : -EBADF;
	iov_iter_kvec(&iter, ITER_DEST, &kvec, 1, count);
	return call_iter(file, file->f_op->read_iter, &iter, pos);
}

ssize_t kernel_write(struct file *file, const void *buf, size_t count, loff_t *pos)
{
	struct kvec kvec = { (void *)buf, count };
	struct iov_iter iter;

	if (!(file->f_mode & FMODE_WRITE) || !file->f_op->write_iter)
		return file->f_mode & FMODE_WRITE ? -EINVAL : -EBADF;
	iov_iter_kvec(&iter, ITER_SOURCE, &kvec, 1, count);
	return call_iter(file, file->f_op->write_iter, &iter, pos);
}

noinline ssize_t vfs_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct iov_iter iter;
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (!file->f_op->read && !file->f_op->read_iter)
		return -EINVAL;
	if (!access_ok(buf, count))
		return -EFAULT;
	if ((ssize_t)count < 0 || *pos < 0 || *pos + (loff_t)min_t(size_t, count, MAX_RW_COUNT) < 0)
		return -EINVAL;
	err = security_file_permission(file, MAY_READ);
	if (err)
		return err;
	count = min_t(size_t, count, MAX_RW_COUNT);
	if (file->f_op->read)
		return file->f_op->read(file, buf, count, pos);
	iov_iter_ubuf(&iter, ITER_DEST, buf, count);
	return call_iter(file, file->f_op->read_iter, &iter, pos);
}

noinline ssize_t vfs_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct iov_iter iter;
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!file->f_op->write && !file->f_op->write_iter)
		return -EINVAL;
	if (!access_ok(buf, count))
		return -EFAULT;
	if ((ssize_t)count < 0 || *pos < 0 || *pos + (loff_t)min_t(size_t, count, MAX_RW_COUNT) < 0)
		return -EINVAL;
	err = security_file_permission(file, MAY_WRITE);
	if (err)
		return err;
	count = min_t(size_t, count, MAX_RW_COUNT);
	if (file->f_op->write)
		return file->f_op->write(file, buf, count, pos);
	iov_iter_ubuf(&iter, ITER_SOURCE, (char __user *)buf, count);
	return call_iter(file, file->f_op->write_iter, &iter, pos);
}

/* Files with a position that several may move take turns. */
static bool lock_pos(struct file *file)
{
	umode_t mode = file_inode(file)->i_mode;

	if (!S_ISREG(mode) && !S_ISDIR(mode))
		return false;
	mutex_lock(&file->f_pos_lock);
	return true;
}

typedef ssize_t (*transfer_t)(struct file *file, char __user *buf, size_t count, loff_t *pos);

static ssize_t write_cast(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return vfs_write(file, buf, count, pos);
}

static ssize_t at_position(unsigned int fd, char __user *buf, size_t count, transfer_t transfer)
{
	struct file *file = fget(fd);
	ssize_t result;
	bool locked;

	if (!file)
		return -EBADF;
	locked = lock_pos(file);
	result = transfer(file, buf, count, &file->f_pos);
	if (locked)
		mutex_unlock(&file->f_pos_lock);
	fput(file);
	return result;
}

SYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf, size_t, count)
{
	return at_position(fd, buf, count, vfs_read);
}

SYSCALL_DEFINE3(write, unsigned int, fd, const char __user *, buf, size_t, count)
{
	return at_position(fd, (char __user *)buf, count, write_cast);
}

SYSCALL_DEFINE4(pread64, unsigned int, fd, char __user *, buf, size_t, count, loff_t, pos)
{
	struct file *file;
	ssize_t result = -ESPIPE;

	if (pos < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (file->f_mode & FMODE_PREAD)
		result = vfs_read(file, buf, count, &pos);
	fput(file);
	return result;
}

SYSCALL_DEFINE4(pwrite64, unsigned int, fd, const char __user *, buf, size_t, count, loff_t, pos)
{
	struct file *file;
	ssize_t result = -ESPIPE;

	if (pos < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (file->f_mode & FMODE_PWRITE)
		result = vfs_write(file, buf, count, &pos);
	fput(file);
	return result;
}

static ssize_t write_gathered(struct file *file, const struct iovec *vector, unsigned long count, size_t length,
			      loff_t *pos)
{
	char *page = (char *)__get_free_page(GFP_KERNEL);
	ssize_t ret = 0;
	size_t at = 0;

	if (!page)
		return -ENOMEM;
	for (unsigned long i = 0; i < count && !ret; at += vector[i++].iov_len)
		if (copy_from_user(page + at, vector[i].iov_base, vector[i].iov_len))
			ret = -EFAULT;
	if (!ret)
		ret = kernel_write(file, page, length, pos);
	free_page((unsigned long)page);
	return ret;
}

static ssize_t do_vector(struct file *file, const struct iovec __user *user, unsigned long count, loff_t *pos,
			 transfer_t transfer)
{
	struct iovec few[8], *vector = few;
	ssize_t total = 0, length = 0;

	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (count > ARRAY_SIZE(few)) {
		vector = kmalloc(count * sizeof(*vector), GFP_KERNEL);
		if (!vector)
			return -ENOMEM;
	}
	if (copy_from_user(vector, user, count * sizeof(*vector)))
		total = -EFAULT;
	for (unsigned long i = 0; i < count && total >= 0; i++) {
		if ((ssize_t)vector[i].iov_len < 0 || length + (ssize_t)vector[i].iov_len < length)
			total = -EINVAL;
		else if (!access_ok(vector[i].iov_base, vector[i].iov_len))
			total = -EFAULT;
		else
			length += vector[i].iov_len;
	}
	/* What a pipe takes in one piece must come in one piece. */
	if (total >= 0 && count > 1 && transfer == write_cast && length <= (ssize_t)PIPE_BUF && is_pipe(file)) {
		total = write_gathered(file, vector, count, length, pos);
		count = 0;
	}
	for (unsigned long i = 0; i < count && total >= 0; i++) {
		ssize_t n;

		/* An empty piece among others moves nothing and must not block. */
		if (!vector[i].iov_len && count > 1)
			continue;
		n = transfer(file, vector[i].iov_base, vector[i].iov_len, pos);
		if (n < 0) {
			if (!total)
				total = n;
			break;
		}
		total += n;
		if ((size_t)n < vector[i].iov_len)
			break;
	}
	if (vector != few)
		kfree(vector);
	return total;
}

static ssize_t vector_at_position(unsigned long fd, const struct iovec __user *vector, unsigned long count,
				  transfer_t transfer, fmode_t mode)
{
	struct file *file = fget(fd);
	ssize_t result = -EBADF;
	bool locked;

	if (!file)
		return -EBADF;
	if (file->f_mode & mode) {
		locked = lock_pos(file);
		result = do_vector(file, vector, count, &file->f_pos, transfer);
		if (locked)
			mutex_unlock(&file->f_pos_lock);
	}
	fput(file);
	return result;
}

SYSCALL_DEFINE3(readv, unsigned long, fd, const struct iovec __user *, vec, unsigned long, vlen)
{
	return vector_at_position(fd, vec, vlen, vfs_read, FMODE_READ);
}

SYSCALL_DEFINE3(writev, unsigned long, fd, const struct iovec __user *, vec, unsigned long, vlen)
{
	return vector_at_position(fd, vec, vlen, write_cast, FMODE_WRITE);
}

static ssize_t vector_at(unsigned long fd, const struct iovec __user *vector, unsigned long count, loff_t pos,
			 transfer_t transfer, fmode_t mode, fmode_t positioned)
{
	struct file *file;
	ssize_t result = -EBADF;

	if (pos < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (!(file->f_mode & positioned))
		result = -ESPIPE;
	else if (file->f_mode & mode)
		result = do_vector(file, vector, count, &pos, transfer);
	fput(file);
	return result;
}

SYSCALL_DEFINE5(preadv, unsigned long, fd, const struct iovec __user *, vec, unsigned long, vlen,
		unsigned long, pos_l, unsigned long, pos_h)
{
	return vector_at(fd, vec, vlen, pos_l, vfs_read, FMODE_READ, FMODE_PREAD);
}

SYSCALL_DEFINE5(pwritev, unsigned long, fd, const struct iovec __user *, vec, unsigned long, vlen,
		unsigned long, pos_l, unsigned long, pos_h)
{
	return vector_at(fd, vec, vlen, pos_l, write_cast, FMODE_WRITE, FMODE_PWRITE);
}

/* Flags for one call. Nothing is written late, so the synchronous ones ask for nothing. */
#define RWF_KNOWN	(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

static bool flags_refused(unsigned int flags)
{
	return (flags & ~RWF_KNOWN) || (flags & (RWF_NOWAIT | RWF_HIPRI));
}

SYSCALL_DEFINE6(preadv2, unsigned long, fd, const struct iovec __user *, vec, unsigned long, vlen,
		unsigned long, pos_l, unsigned long, pos_h, int, flags)
{
	if (flags_refused(flags))
		return -EOPNOTSUPP;
	if (pos_l == -1UL)
		return vector_at_position(fd, vec, vlen, vfs_read, FMODE_READ);
	return vector_at(fd, vec, vlen, pos_l, vfs_read, FMODE_READ, FMODE_PREAD);
}

SYSCALL_DEFINE6(pwritev2, unsigned long, fd, const struct iovec __user *, vec, unsigned long, vlen,
		unsigned long, pos_l, unsigned long, pos_h, int, flags)
{
	struct file *file;
	unsigned int old;
	ssize_t ret;

	if (flags_refused(flags))
		return -EOPNOTSUPP;
	file = fget(fd);
	if (!file)
		return -EBADF;
	old = file->f_flags;
	if (flags & RWF_APPEND)
		file->f_flags |= O_APPEND;
	ret = pos_l == -1UL ? vector_at_position(fd, vec, vlen, write_cast, FMODE_WRITE) :
	      vector_at(fd, vec, vlen, pos_l, write_cast, FMODE_WRITE, FMODE_PWRITE);
	file->f_flags = old;
	fput(file);
	return ret;
}

/* ---- ioctl, fsync ------------------------------------------------------------------------------------------------- */

SYSCALL_DEFINE3(ioctl, unsigned int, fd, unsigned int, cmd, unsigned long, arg)
{
	struct file *file = fget(fd);
	struct inode *inode;
	long result = -ENOTTY;
	int on;

	if (!file)
		return -EBADF;
	inode = file_inode(file);
	result = security_file_ioctl(file, cmd, arg);
	if (result) {
		fput(file);
		return result;
	}
	result = -ENOTTY;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		fput(file);
		return set_close_on_exec(fd, cmd == FIOCLEX);
	case FIONBIO:
		if (get_user(on, (int __user *)arg)) {
			result = -EFAULT;
		} else {
			file->f_flags = on ? file->f_flags | O_NONBLOCK : file->f_flags & ~O_NONBLOCK;
			result = 0;
		}
		break;
	case FIONREAD:
		if (S_ISREG(inode->i_mode)) {
			on = i_size_read(inode) - file->f_pos;
			result = put_user(on, (int __user *)arg);
			break;
		}
		/* fall through */
	default:
		if (file->f_op->unlocked_ioctl)
			result = file->f_op->unlocked_ioctl(file, cmd, arg);
		if (result == -ENOIOCTLCMD)
			result = -ENOTTY;
	}
	fput(file);
	return result;
}

noinline int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync)
{
	return file->f_op->fsync ? file->f_op->fsync(file, start, end, datasync) : -EINVAL;
}

noinline int vfs_fsync(struct file *file, int datasync)
{
	return vfs_fsync_range(file, 0, LLONG_MAX, datasync);
}

static int do_fsync(unsigned int fd, int datasync)
{
	struct file *file = fget(fd);
	int err;

	if (!file)
		return -EBADF;
	err = vfs_fsync(file, datasync);
	fput(file);
	return err;
}

SYSCALL_DEFINE1(fsync, unsigned int, fd)
{
	return do_fsync(fd, 0);
}

SYSCALL_DEFINE1(fdatasync, unsigned int, fd)
{
	return do_fsync(fd, 1);
}

SYSCALL_DEFINE0(sync)
{
	emergency_sync();
	return 0;
}

SYSCALL_DEFINE1(syncfs, int, fd)
{
	struct file *file = fget(fd);
	struct super_block *sb;
	int err = 0;

	if (!file)
		return -EBADF;
	sb = file_inode(file)->i_sb;
	if (sb->s_op && sb->s_op->sync_fs)
		err = sb->s_op->sync_fs(sb, 1);
	fput(file);
	return err;
}

/* Nothing is written behind the back of who asked; advice changes nothing. */
SYSCALL_DEFINE4(fadvise64, int, fd, loff_t, offset, size_t, len, int, advice)
{
	struct file *file = fget(fd);
	int err = 0;

	if (!file)
		return -EBADF;
	if (S_ISFIFO(file_inode(file)->i_mode))
		err = -ESPIPE;
	else if (advice < 0 || advice > 5)
		err = -EINVAL;
	fput(file);
	return err;
}

SYSCALL_DEFINE3(readahead, int, fd, loff_t, offset, size_t, count)
{
	struct file *file = fget(fd);
	int err = -EBADF;

	if (!file)
		return err;
	if (file->f_mode & FMODE_READ)
		err = S_ISREG(file_inode(file)->i_mode) || S_ISBLK(file_inode(file)->i_mode) ? 0 : -EINVAL;
	fput(file);
	return err;
}

SYSCALL_DEFINE4(sync_file_range, int, fd, loff_t, offset, loff_t, nbytes, unsigned int, flags)
{
	struct file *file;
	umode_t mode;

	if ((flags & ~(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)) || offset < 0 ||
	    nbytes < 0 || offset + nbytes < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mode = file_inode(file)->i_mode;
	fput(file);
	return S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode) || S_ISLNK(mode) ? 0 : -ESPIPE;
}
