// SPDX-License-Identifier: MIT
/*
 * Bytes from file to file inside the kernel: sendfile, splice, tee, vmsplice, copy_file_range. They are copied, through
 * a page of the kernel's; what cannot be written stays where it was.
 */
#include <linux/uio.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"

#define MAX_RW_COUNT		(INT_MAX & PAGE_MASK)
/* Values of <fcntl.h>, which the kernel's interface headers leave out. */
#define SPLICE_F_MOVE		1
#define SPLICE_F_NONBLOCK	2
#define SPLICE_F_MORE		4
#define SPLICE_F_GIFT		8
#define SPLICE_F_ALL		(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* ---- sendfile ----------------------------------------------------------------------------------------------------- */

static ssize_t transfer_pages(struct file *out, loff_t *out_pos, struct file *in, loff_t *pos, size_t count)
{
	char *page = (char *)__get_free_page(GFP_KERNEL);
	ssize_t total = 0, n, written;

	if (!page)
		return -ENOMEM;
	while (count) {
		loff_t at = *pos;

		n = kernel_read(in, page, min_t(size_t, count, PAGE_SIZE), &at);
		if (n <= 0) {
			total = total ? total : n;
			break;
		}
		written = kernel_write(out, page, n, out_pos);
		if (written <= 0) {
			total = total ? total : written;
			break;
		}
		*pos += written;
		total += written;
		count -= written;
		if (written < n)
			break;
	}
	free_page((unsigned long)page);
	return total;
}

SYSCALL_DEFINE4(sendfile, int, out_fd, int, in_fd, loff_t __user *, offset, size_t, count)
{
	struct file *in = fget(in_fd), *out = fget(out_fd);
	loff_t pos = 0;
	ssize_t result = -EBADF;

	if (!in || !out || !(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE))
		goto out;
	result = -EFAULT;
	if (offset && copy_from_user(&pos, offset, sizeof(pos)))
		goto out;
	result = -EINVAL;
	/* Bytes of a stream that then cannot be written would be lost. */
	if (!(in->f_mode & FMODE_LSEEK))
		goto out;
	if ((offset && pos < 0) || (out->f_flags & O_APPEND) || (ssize_t)count < 0)
		goto out;
	result = transfer_pages(out, &out->f_pos, in, offset ? &pos : &in->f_pos,
				 min_t(size_t, count, MAX_RW_COUNT));
	if (offset && copy_to_user(offset, &pos, sizeof(pos)))
		result = -EFAULT;
out:
	if (in)
		fput(in);
	if (out)
		fput(out);
	return result;
}

/* ---- splice, tee ----------------------------------------------------------------------------------------------------- */

/* Waits once for bytes or room, then moves what there is, at most @count. */
static ssize_t pipe_to_file(struct file *pipe, struct file *out, loff_t *pos, size_t count, bool nonblock, bool keep)
{
	char *page;
	ssize_t done = 0, n, ret = pipe_wait_data(pipe, nonblock);

	if (ret <= 0)
		return ret;
	if (is_pipe(out)) {
		ret = pipe_wait_room(out, nonblock);
		if (ret)
			return ret;
	}
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while ((size_t)done < count) {
		n = pipe_peek(pipe, page, min_t(size_t, count - done, PAGE_SIZE), keep ? done : 0);
		if (!n || (is_pipe(out) && pipe_wait_room(out, true)))
			break;
		ret = kernel_write(out, page, n, pos);
		if (ret <= 0)
			break;
		if (!keep)
			pipe_consume(pipe, ret);
		done += ret;
	}
	free_page((unsigned long)page);
	return done ? done : ret;
}

static ssize_t file_to_pipe(struct file *in, loff_t *pos, struct file *pipe, size_t count, bool nonblock)
{
	ssize_t done = 0, n, ret = pipe_wait_room(pipe, nonblock);
	char *page;

	if (ret)
		return ret;
	page = (char *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while ((size_t)done < count && !pipe_wait_room(pipe, true)) {
		n = kernel_read(in, page, min_t(size_t, count - done, PAGE_SIZE), pos);
		if (n <= 0) {
			ret = n;
			break;
		}
		ret = kernel_write(pipe, page, n, &pipe->f_pos);
		if (ret <= 0)
			break;
		done += ret;
		/* Of a stream only what is there: more might not come. */
		if (!S_ISREG(file_inode(in)->i_mode))
			break;
	}
	free_page((unsigned long)page);
	return done ? done : ret;
}

static int get_offset(struct file *file, const loff_t __user *user, loff_t *pos)
{
	if (!user)
		return 0;
	if (is_pipe(file))
		return -ESPIPE;
	if (!(file->f_mode & (FMODE_PREAD | FMODE_PWRITE)))
		return -EINVAL;
	return copy_from_user(pos, user, sizeof(*pos)) ? -EFAULT : *pos < 0 ? -EINVAL : 0;
}

static ssize_t do_splice(struct file *in, loff_t __user *user_in, struct file *out, loff_t __user *user_out, size_t count,
			 unsigned int flags)
{
	loff_t in_at = 0, out_at = 0, *in_pos = user_in ? &in_at : &in->f_pos, *out_pos = user_out ? &out_at : &out->f_pos;
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	ssize_t ret;

	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = get_offset(in, user_in, &in_at);
	if (!ret)
		ret = get_offset(out, user_out, &out_at);
	if (ret)
		return ret;
	if (is_pipe(in) && is_pipe(out) && in->private_data == out->private_data)
		return -EINVAL;
	if (!is_pipe(in) && !is_pipe(out))
		return -EINVAL;
	if (is_pipe(in) && !is_pipe(out) && (out->f_flags & O_APPEND))
		return -EINVAL;
	nonblock |= (is_pipe(in) && (in->f_flags & O_NONBLOCK)) || (is_pipe(out) && (out->f_flags & O_NONBLOCK));
	count = min_t(size_t, count, MAX_RW_COUNT);
	ret = is_pipe(in) ? pipe_to_file(in, out, out_pos, count, nonblock, false) :
	      file_to_pipe(in, in_pos, out, count, nonblock);
	if (user_in && copy_to_user(user_in, &in_at, sizeof(in_at)))
		return -EFAULT;
	if (user_out && copy_to_user(user_out, &out_at, sizeof(out_at)))
		return -EFAULT;
	return ret;
}

SYSCALL_DEFINE6(splice, int, fd_in, loff_t __user *, off_in, int, fd_out, loff_t __user *, off_out, size_t, len,
		unsigned int, flags)
{
	struct file *in, *out;
	ssize_t ret = -EBADF;

	if (!len)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	in = fget(fd_in);
	out = fget(fd_out);
	if (in && out)
		ret = do_splice(in, off_in, out, off_out, len, flags);
	if (in)
		fput(in);
	if (out)
		fput(out);
	return ret;
}

SYSCALL_DEFINE4(tee, int, fdin, int, fdout, size_t, len, unsigned int, flags)
{
	struct file *in, *out;
	ssize_t ret = -EBADF;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	in = fget(fdin);
	out = fget(fdout);
	if (in && out && (in->f_mode & FMODE_READ) && (out->f_mode & FMODE_WRITE)) {
		bool nonblock = (flags & SPLICE_F_NONBLOCK) || ((in->f_flags | out->f_flags) & O_NONBLOCK);

		ret = is_pipe(in) && is_pipe(out) && in->private_data != out->private_data ?
		      pipe_to_file(in, out, &out->f_pos, min_t(size_t, len, MAX_RW_COUNT), nonblock, true) : -EINVAL;
	}
	if (in)
		fput(in);
	if (out)
		fput(out);
	return ret;
}

SYSCALL_DEFINE4(vmsplice, int, fd, const struct iovec __user *, uiov, unsigned long, nr_segs, unsigned int, flags)
{
	struct file *file;
	ssize_t total = 0, n;
	struct iovec piece;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (!is_pipe(file))
		total = -EBADF;
	else if (nr_segs > UIO_MAXIOV)
		total = -EINVAL;
	for (unsigned long i = 0; i < nr_segs && total >= 0; i++) {
		if (copy_from_user(&piece, &uiov[i], sizeof(piece))) {
			total = total ? total : -EFAULT;
			break;
		}
		n = file->f_mode & FMODE_WRITE ? vfs_write(file, piece.iov_base, piece.iov_len, &file->f_pos) :
		    vfs_read(file, piece.iov_base, piece.iov_len, &file->f_pos);
		if (n < 0) {
			total = total ? total : n;
			break;
		}
		total += n;
		if ((size_t)n < piece.iov_len)
			break;
	}
	fput(file);
	return total;
}

/* ---- copy_file_range -------------------------------------------------------------------------------------------------- */

static ssize_t do_copy_range(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t count)
{
	struct inode *from = file_inode(in), *to = file_inode(out);

	if (S_ISDIR(from->i_mode) || S_ISDIR(to->i_mode))
		return -EISDIR;
	if (!S_ISREG(from->i_mode) || !S_ISREG(to->i_mode))
		return -EINVAL;
	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE) || (out->f_flags & O_APPEND))
		return -EBADF;
	if (*in_pos + (loff_t)count < *in_pos || *out_pos + (loff_t)count < *out_pos)
		return -EOVERFLOW;
	if (*in_pos >= i_size_read(from))
		return 0;
	count = min_t(u64, count, i_size_read(from) - *in_pos);
	if (from == to && *out_pos + (loff_t)count > *in_pos && *out_pos < *in_pos + (loff_t)count)
		return -EINVAL;
	return transfer_pages(out, out_pos, in, in_pos, min_t(size_t, count, MAX_RW_COUNT));
}

SYSCALL_DEFINE6(copy_file_range, int, fd_in, loff_t __user *, off_in, int, fd_out, loff_t __user *, off_out,
		size_t, len, unsigned int, flags)
{
	struct file *in = fget(fd_in), *out = fget(fd_out);
	loff_t in_at = 0, out_at = 0;
	ssize_t ret = -EBADF;

	if (!in || !out)
		goto out;
	ret = -EFAULT;
	if ((off_in && copy_from_user(&in_at, off_in, sizeof(in_at))) ||
	    (off_out && copy_from_user(&out_at, off_out, sizeof(out_at))))
		goto out;
	ret = -EINVAL;
	if (flags || in_at < 0 || out_at < 0)
		goto out;
	ret = do_copy_range(in, off_in ? &in_at : &in->f_pos, out, off_out ? &out_at : &out->f_pos, len);
	if (ret > 0 && ((off_in && copy_to_user(off_in, &in_at, sizeof(in_at))) ||
			(off_out && copy_to_user(off_out, &out_at, sizeof(out_at)))))
		ret = -EFAULT;
out:
	if (in)
		fput(in);
	if (out)
		fput(out);
	return ret;
}
