// SPDX-License-Identifier: MIT
/* Listing directories. (man 2 getdents) */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"

struct linux_dirent64 {
	u64 d_ino;
	s64 d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* The older call's record has the type after the name. */
struct linux_dirent {
	unsigned long d_ino;
	unsigned long d_off;
	unsigned short d_reclen;
	char d_name[];
};

struct getdents {
	struct dir_context ctx;
	char __user *to;
	char __user *previous;	/* whose d_off is still to be written */
	size_t room;
	int error;
	bool old;
};

int iterate_dir(struct file *file, struct dir_context *ctx)
{
	struct inode *inode = file_inode(file);
	int err;

	if (!file->f_op->iterate_shared)
		return -ENOTDIR;
	inode_lock(inode);
	err = -ENOENT;
	if (inode->i_nlink) {
		ctx->pos = file->f_pos;
		err = file->f_op->iterate_shared(file, ctx);
		file->f_pos = ctx->pos;
	}
	inode_unlock(inode);
	return err;
}

bool dir_emit_dots(struct file *file, struct dir_context *ctx)
{
	struct dentry *dentry = file_dentry(file);

	if (ctx->pos == 0) {
		if (!dir_emit(ctx, ".", 1, dentry->d_inode->i_ino, DT_DIR))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!dir_emit(ctx, "..", 2, dentry->d_parent->d_inode->i_ino, DT_DIR))
			return false;
		ctx->pos = 2;
	}
	return true;
}

static bool fill(struct dir_context *ctx, const char *name, int len, loff_t offset, u64 ino, unsigned int type)
{
	struct getdents *g = container_of(ctx, struct getdents, ctx);
	size_t head = g->old ? offsetof(struct linux_dirent, d_name) : offsetof(struct linux_dirent64, d_name);
	size_t size = ALIGN(head + len + (g->old ? 2 : 1), 8);
	char record[ALIGN(sizeof(struct linux_dirent64) + NAME_MAX + 2, 8)];

	if (len > NAME_MAX || size > sizeof(record)) {
		g->error = -EIO;
		return false;
	}
	if (size > g->room) {
		g->error = -EINVAL;	/* what the caller sees if nothing fitted */
		return false;
	}
	memset(record, 0, size);
	if (g->old) {
		struct linux_dirent *d = (struct linux_dirent *)record;

		d->d_ino = ino;
		d->d_reclen = size;
		memcpy(d->d_name, name, len);
		record[size - 1] = type;
	} else {
		struct linux_dirent64 *d = (struct linux_dirent64 *)record;

		d->d_ino = ino;
		d->d_reclen = size;
		d->d_type = type;
		memcpy(d->d_name, name, len);
	}
	/* d_off is where the next entry starts: known when that one comes. */
	if ((g->previous && put_user((s64)offset, (s64 __user *)(g->previous + 8))) ||
	    raw_copy_to_user(g->to, record, size)) {
		g->error = -EFAULT;
		return false;
	}
	g->previous = g->to;
	g->to += size;
	g->room -= size;
	return true;
}

static long do_getdents(unsigned int fd, void __user *to, unsigned int size, bool old)
{
	struct getdents g = { .ctx.actor = fill, .to = to, .room = size, .old = old };
	struct file *file = fget(fd);
	long err;

	if (!file)
		return -EBADF;
	mutex_lock(&file->f_pos_lock);
	err = iterate_dir(file, &g.ctx);
	mutex_unlock(&file->f_pos_lock);
	if (err >= 0)
		err = g.error;
	if (g.previous) {
		err = size - g.room;
		if (put_user((s64)g.ctx.pos, (s64 __user *)(g.previous + 8)))
			err = -EFAULT;
	}
	fput(file);
	return err;
}

SYSCALL_DEFINE3(getdents64, unsigned int, fd, void __user *, dirent, unsigned int, count)
{
	return do_getdents(fd, dirent, count, false);
}

SYSCALL_DEFINE3(getdents, unsigned int, fd, void __user *, dirent, unsigned int, count)
{
	return do_getdents(fd, dirent, count, true);
}
