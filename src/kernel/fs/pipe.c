// SPDX-License-Identifier: MIT
/*
 * Pipes and FIFOs: a ring of page-sized buffers. Writes of up to PIPE_BUF bytes are not torn.
 * (man 7 pipe, man 2 pipe, man 7 fifo)
 */
#include <asm/ioctls.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/poll.h>
#include <kernel/sched.h>
#include <kernel/signal.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/cred.h>
#include "internal.h"

#define PIPEFS_MAGIC		0x50495045
#define DEFAULT_BUFFERS		16
#define MAX_BUFFERS		256

struct pipe_buffer {
	char *page;
	unsigned int offset, len;
};

struct pipe_inode_info {
	struct mutex mutex;
	wait_queue_head_t rd_wait, wr_wait;
	unsigned int head, used, size;	/* first buffer in use, how many, of how many */
	struct pipe_buffer *bufs;
	unsigned int readers, writers;
	unsigned int r_counter, w_counter;	/* opens so far, for FIFOs that wait for a partner */
	unsigned int users;
};

static struct vfsmount *pipe_mnt;

static struct pipe_inode_info *alloc_pipe(void)
{
	struct pipe_inode_info *pipe = kzalloc(sizeof(*pipe), GFP_KERNEL);

	if (!pipe)
		return NULL;
	pipe->size = DEFAULT_BUFFERS;
	pipe->bufs = kcalloc(pipe->size, sizeof(*pipe->bufs), GFP_KERNEL);
	if (!pipe->bufs) {
		kfree(pipe);
		return NULL;
	}
	mutex_init(&pipe->mutex);
	init_waitqueue_head(&pipe->rd_wait);
	init_waitqueue_head(&pipe->wr_wait);
	return pipe;
}

static void free_pipe(struct pipe_inode_info *pipe)
{
	for (unsigned int i = 0; i < pipe->used; i++)
		free_page((unsigned long)pipe->bufs[(pipe->head + i) % pipe->size].page);
	kfree(pipe->bufs);
	kfree(pipe);
}

static ssize_t pipe_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct pipe_inode_info *pipe = file->private_data;
	ssize_t done = 0;
	int err;

	if (!iov_iter_count(to))
		return 0;
	mutex_lock(&pipe->mutex);
	for (;;) {
		while (pipe->used && iov_iter_count(to)) {
			struct pipe_buffer *b = &pipe->bufs[pipe->head];
			unsigned int n = min_t(size_t, iov_iter_count(to), b->len);

			if (copy_to_iter(b->page + b->offset, n, to) < n) {
				if (!done)
					done = -EFAULT;
				goto out;
			}
			b->offset += n;
			b->len -= n;
			done += n;
			if (!b->len) {
				free_page((unsigned long)b->page);
				pipe->head = (pipe->head + 1) % pipe->size;
				pipe->used--;
			}
		}
		if (done || !pipe->writers)
			break;
		if (file->f_flags & O_NONBLOCK) {
			done = -EAGAIN;
			break;
		}
		mutex_unlock(&pipe->mutex);
		err = wait_event_interruptible(pipe->rd_wait, pipe->used || !pipe->writers);
		if (err)
			return err;
		mutex_lock(&pipe->mutex);
	}
out:
	mutex_unlock(&pipe->mutex);
	if (done > 0)
		wake_up_interruptible_all(&pipe->wr_wait);
	return done;
}

/* Room for @count bytes at once? Up to a page must fit whole. */
static bool pipe_writable(const struct pipe_inode_info *pipe)
{
	return pipe->used < pipe->size || !pipe->readers;
}

static ssize_t pipe_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	size_t count = iov_iter_count(from);
	struct pipe_inode_info *pipe = file->private_data;
	ssize_t done = 0;
	int err = 0;

	if (!count)
		return 0;
	mutex_lock(&pipe->mutex);
	if (pipe->readers && pipe->used && count % PAGE_SIZE) {
		/* What is left over after whole pages goes behind the last buffer's bytes, if it fits whole. */
		struct pipe_buffer *b = &pipe->bufs[(pipe->head + pipe->used - 1) % pipe->size];
		unsigned int at = b->offset + b->len, n = count % PAGE_SIZE;

		if (at + n <= PAGE_SIZE) {
			if (copy_from_iter(b->page + at, n, from) < n) {
				mutex_unlock(&pipe->mutex);
				return -EFAULT;
			}
			b->len += n;
			done = n;
		}
	}
	while ((size_t)done < count) {
		if (!pipe->readers) {
			send_sig(SIGPIPE, current, 0);
			err = -EPIPE;
			break;
		}
		if (pipe->used < pipe->size) {
			struct pipe_buffer *b = &pipe->bufs[(pipe->head + pipe->used) % pipe->size];
			unsigned int n = min_t(size_t, count - done, PAGE_SIZE);
			char *page = (char *)__get_free_page(GFP_KERNEL);

			if (!page) {
				err = -ENOMEM;
				break;
			}
			if (copy_from_iter(page, n, from) < n) {
				free_page((unsigned long)page);
				err = -EFAULT;
				break;
			}
			*b = (struct pipe_buffer){ page, 0, n };
			pipe->used++;
			done += n;
			continue;
		}
		if (file->f_flags & O_NONBLOCK) {
			err = -EAGAIN;
			break;
		}
		mutex_unlock(&pipe->mutex);
		wake_up_interruptible_all(&pipe->rd_wait);
		err = wait_event_interruptible(pipe->wr_wait, pipe_writable(pipe));
		mutex_lock(&pipe->mutex);
		if (err)
			break;
	}
	mutex_unlock(&pipe->mutex);
	if (done)
		wake_up_interruptible_all(&pipe->rd_wait);
	return done ? done : err;
}

static __poll_t pipe_poll(struct file *file, poll_table *table)
{
	struct pipe_inode_info *pipe = file->private_data;
	__poll_t mask = 0;

	if (file->f_mode & FMODE_READ) {
		poll_wait(file, &pipe->rd_wait, table);
		if (pipe->used)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (!pipe->writers && pipe->w_counter)
			mask |= EPOLLHUP;
	}
	if (file->f_mode & FMODE_WRITE) {
		poll_wait(file, &pipe->wr_wait, table);
		if (pipe->used < pipe->size)
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (!pipe->readers)
			mask |= EPOLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct pipe_inode_info *pipe = file->private_data;
	int bytes = 0;

	if (command != FIONREAD)
		return -ENOIOCTLCMD;
	for (unsigned int i = 0; i < pipe->used; i++)
		bytes += pipe->bufs[(pipe->head + i) % pipe->size].len;
	return put_user(bytes, (int __user *)arg);
}

static void put_pipe(struct inode *inode)
{
	struct pipe_inode_info *pipe = inode->i_pipe;

	if (--pipe->users)
		return;
	inode->i_pipe = NULL;
	free_pipe(pipe);
}

static int pipe_release(struct inode *inode, struct file *file)
{
	struct pipe_inode_info *pipe = file->private_data;

	if (file->f_mode & FMODE_READ)
		pipe->readers--;
	if (file->f_mode & FMODE_WRITE)
		pipe->writers--;
	wake_up_interruptible_all(&pipe->rd_wait);
	wake_up_interruptible_all(&pipe->wr_wait);
	put_pipe(inode);
	return 0;
}

/* Opening a FIFO waits for the other side, unless O_NONBLOCK or O_RDWR say otherwise. */
static int fifo_open(struct inode *inode, struct file *file)
{
	struct pipe_inode_info *pipe = inode->i_pipe;
	bool reading = file->f_mode & FMODE_READ, writing = file->f_mode & FMODE_WRITE;
	unsigned int count;
	int err = 0;

	if (!pipe) {
		pipe = inode->i_pipe = alloc_pipe();
		if (!pipe)
			return -ENOMEM;
	}
	stream_open(inode, file);
	file->private_data = pipe;
	pipe->users++;
	if (reading && pipe->readers++ == 0)
		wake_up_interruptible_all(&pipe->wr_wait);
	if (writing && pipe->writers++ == 0)
		wake_up_interruptible_all(&pipe->rd_wait);
	pipe->r_counter += reading;
	pipe->w_counter += writing;
	if (reading && !writing && !pipe->writers && !(file->f_flags & O_NONBLOCK)) {
		count = pipe->w_counter;
		err = wait_event_interruptible(pipe->rd_wait, pipe->w_counter != count);
	} else if (writing && !reading && !pipe->readers) {
		count = pipe->r_counter;
		err = file->f_flags & O_NONBLOCK ? -ENXIO :
		      wait_event_interruptible(pipe->wr_wait, pipe->r_counter != count);
	}
	if (err)
		pipe_release(inode, file);
	return err;
}

const struct file_operations pipefifo_fops = {
	.open = fifo_open,
	.read_iter = pipe_read,
	.write_iter = pipe_write,
	.poll = pipe_poll,
	.unlocked_ioctl = pipe_ioctl,
	.release = pipe_release,
};

/* ---- for splice.c ---- */

bool is_pipe(const struct file *file)
{
	return file->f_op == &pipefifo_fops;
}

int pipe_wait_data(struct file *file, bool nonblock)
{
	struct pipe_inode_info *pipe = file->private_data;
	int err = 0;

	if (!pipe->used && pipe->writers)
		err = nonblock ? -EAGAIN : wait_event_interruptible(pipe->rd_wait, pipe->used || !pipe->writers);
	return err ? err : pipe->used != 0;
}

int pipe_wait_room(struct file *file, bool nonblock)
{
	struct pipe_inode_info *pipe = file->private_data;
	int err = 0;

	if (!pipe_writable(pipe))
		err = nonblock ? -EAGAIN : wait_event_interruptible(pipe->wr_wait, pipe_writable(pipe));
	if (!err && !pipe->readers) {
		send_sig(SIGPIPE, current, 0);
		err = -EPIPE;
	}
	return err;
}

size_t pipe_peek(struct file *file, char *to, size_t count, size_t skip)
{
	struct pipe_inode_info *pipe = file->private_data;
	size_t done = 0;

	for (unsigned int i = 0; i < pipe->used && done < count; i++) {
		struct pipe_buffer *b = &pipe->bufs[(pipe->head + i) % pipe->size];
		size_t passed = min_t(size_t, skip, b->len), n = min_t(size_t, count - done, b->len - passed);

		skip -= passed;
		memcpy(to + done, b->page + b->offset + passed, n);
		done += n;
	}
	return done;
}

void pipe_consume(struct file *file, size_t count)
{
	struct pipe_inode_info *pipe = file->private_data;

	while (pipe->used && count) {
		struct pipe_buffer *b = &pipe->bufs[pipe->head];
		unsigned int n = min_t(size_t, count, b->len);

		b->offset += n;
		b->len -= n;
		count -= n;
		if (b->len)
			break;
		free_page((unsigned long)b->page);
		pipe->head = (pipe->head + 1) % pipe->size;
		pipe->used--;
	}
	wake_up_interruptible_all(&pipe->wr_wait);
}

static char *pipefs_dname(struct dentry *dentry, char *buffer, int size)
{
	scnprintf(buffer, size, "pipe:[%lu]", dentry->d_inode->i_ino);
	return buffer;
}

static const struct dentry_operations pipefs_dentry_operations = { .d_dname = pipefs_dname };

static int create_pipe(struct file **files, int flags)
{
	struct super_block *sb = pipe_mnt->mnt_sb;
	struct inode *inode = new_inode(sb);
	struct pipe_inode_info *pipe;
	struct path path;

	if (!inode)
		return -ENFILE;
	pipe = inode->i_pipe = alloc_pipe();
	if (!pipe) {
		iput(inode);
		return -ENFILE;
	}
	pipe->readers = pipe->writers = pipe->r_counter = pipe->w_counter = 1;
	pipe->users = 2;
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFIFO | S_IRUSR | S_IWUSR;
	inode->i_uid.val = current_fsuid();
	inode->i_gid.val = current_fsgid();
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	inode->i_fop = &pipefifo_fops;
	path.dentry = d_make_root(inode);
	if (!path.dentry) {
		free_pipe(pipe);
		return -ENFILE;
	}
	path.dentry->d_op = &pipefs_dentry_operations;
	path.mnt = mntget(pipe_mnt);
	files[0] = alloc_file(&path, O_RDONLY | (flags & O_NONBLOCK), &pipefifo_fops);
	if (IS_ERR(files[0])) {
		free_pipe(pipe);
		path_put(&path);
		return -ENFILE;
	}
	path_get(&path);
	files[1] = alloc_file(&path, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)), &pipefifo_fops);
	if (IS_ERR(files[1])) {
		files[0]->private_data = pipe;
		pipe->users = 1;
		fput(files[0]);
		path_put(&path);
		return -ENFILE;
	}
	for (int i = 0; i < 2; i++) {
		files[i]->private_data = pipe;
		stream_open(inode, files[i]);
	}
	return 0;
}

static int do_pipe2(int __user *user, int flags)
{
	struct file *files[2];
	int fds[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = create_pipe(files, flags);
	if (err)
		return err;
	err = fds[0] = get_unused_fd_flags(flags);
	if (err < 0)
		goto out_files;
	err = fds[1] = get_unused_fd_flags(flags);
	if (err < 0)
		goto out_fd;
	if (copy_to_user(user, fds, sizeof(fds))) {
		err = -EFAULT;
		goto out_fds;
	}
	fd_install(fds[0], files[0]);
	fd_install(fds[1], files[1]);
	return 0;
out_fds:
	put_unused_fd(fds[1]);
out_fd:
	put_unused_fd(fds[0]);
out_files:
	fput(files[0]);
	fput(files[1]);
	return err;
}

SYSCALL_DEFINE2(pipe2, int __user *, fildes, int, flags)
{
	return do_pipe2(fildes, flags);
}

SYSCALL_DEFINE1(pipe, int __user *, fildes)
{
	return do_pipe2(fildes, 0);
}

long pipe_fcntl(struct file *file, unsigned int command, unsigned long arg)
{
	struct pipe_inode_info *pipe = file->private_data;
	struct pipe_buffer *bufs;
	unsigned int size = 1;

	if (file->f_op != &pipefifo_fops)
		return -EBADF;
	if (command == F_GETPIPE_SZ)
		return pipe->size * PAGE_SIZE;
	if (arg > (1UL << 31))
		return -EINVAL;
	while (size * PAGE_SIZE < arg)
		size *= 2;
	if (size > MAX_BUFFERS && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (size < pipe->used)
		return -EBUSY;
	bufs = kcalloc(size, sizeof(*bufs), GFP_KERNEL);
	if (!bufs)
		return -ENOMEM;
	for (unsigned int i = 0; i < pipe->used; i++)
		bufs[i] = pipe->bufs[(pipe->head + i) % pipe->size];
	kfree(pipe->bufs);
	pipe->bufs = bufs;
	pipe->head = 0;
	pipe->size = size;
	wake_up_interruptible_all(&pipe->wr_wait);
	return size * PAGE_SIZE;
}

static const struct super_operations pipefs_super_operations = { .statfs = simple_statfs };

static int pipefs_fill_super(struct super_block *sb, void *data, int silent)
{
	struct inode *inode;

	sb->s_op = &pipefs_super_operations;
	sb->s_magic = PIPEFS_MAGIC;
	inode = new_inode(sb);
	if (inode)
		inode->i_mode = S_IFDIR | 0600;
	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *pipefs_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_nodev(type, flags, data, pipefs_fill_super);
}

static struct file_system_type pipefs_type = {
	.name = "pipefs",
	.mount = pipefs_mount,
	.kill_sb = kill_anon_super,
};

static int pipefs_init(void)
{
	register_filesystem(&pipefs_type);
	pipe_mnt = kern_mount(&pipefs_type);
	return PTR_ERR_OR_ZERO(pipe_mnt);
}
core_initcall(pipefs_init);
