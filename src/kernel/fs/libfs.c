// SPDX-License-Identifier: MIT
/* What simple file systems share: directories that live in the dentry cache, buffers as files, one number as a file. */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/uaccess.h>
#include <kernel/mm.h>
#include "internal.h"

ssize_t simple_read_from_buffer(void __user *to, size_t count, loff_t *pos, const void *from, size_t available)
{
	size_t missed;

	if (*pos < 0)
		return -EINVAL;
	if ((size_t)*pos >= available || !count)
		return 0;
	count = min_t(size_t, count, available - *pos);
	missed = copy_to_user(to, (const char *)from + *pos, count);
	if (missed == count)
		return -EFAULT;
	*pos += count - missed;
	return count - missed;
}

/* The same for read_iter. */
ssize_t simple_read_to_iter(struct kiocb *iocb, struct iov_iter *to, const void *from, size_t available)
{
	size_t n, copied;

	if (iocb->ki_pos < 0)
		return -EINVAL;
	if ((size_t)iocb->ki_pos >= available)
		return 0;
	n = min(iov_iter_count(to), available - (size_t)iocb->ki_pos);
	copied = copy_to_iter((const char *)from + iocb->ki_pos, n, to);
	iocb->ki_pos += copied;
	return n && !copied ? -EFAULT : (ssize_t)copied;
}

int simple_open(struct inode *inode, struct file *file)
{
	if (inode->i_private)
		file->private_data = inode->i_private;
	return 0;
}

int nonseekable_open(struct inode *inode, struct file *file)
{
	file->f_mode &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
	return 0;
}

int stream_open(struct inode *inode, struct file *file)
{
	nonseekable_open(inode, file);
	file->f_mode |= FMODE_STREAM;
	return 0;
}

ssize_t generic_read_dir(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return -EISDIR;
}

int simple_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	buf->f_type = dentry->d_sb->s_magic;
	buf->f_bsize = PAGE_SIZE;
	buf->f_namelen = NAME_MAX;
	return 0;
}

int simple_setattr(struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = dentry->d_inode;
	int err = setattr_prepare(dentry, attr);

	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE) {
		if (attr->ia_size < i_size_read(inode))
			truncate_inode_pages(inode->i_mapping, attr->ia_size);
		i_size_write(inode, attr->ia_size);
	}
	setattr_copy(inode, attr);
	return 0;
}

/* ---- Directories in the dentry cache ------------------------------------------------------------------------------ */

struct dentry *simple_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	/* What is not in the cache does not exist; nothing is gained by remembering that. */
	dentry->d_flags |= DCACHE_DONTCACHE;
	d_add(dentry, NULL);
	return NULL;
}

/*
 * An open directory has a cursor among its entries, so that entries may come and go between two calls. New entries
 * are put in front: listing starts at the end, which gives the order of creation.
 */
int dcache_dir_open(struct inode *inode, struct file *file)
{
	static const struct qstr cursor = QSTR_INIT(".", 1);
	struct dentry *dentry = d_alloc(file_dentry(file), &cursor);

	if (!dentry)
		return -ENOMEM;
	dentry->d_flags |= DCACHE_DONTCACHE;
	list_move_tail(&dentry->d_child, &file_dentry(file)->d_subdirs);
	file->private_data = dentry;
	return 0;
}

int dcache_dir_close(struct inode *inode, struct file *file)
{
	dput(file->private_data);
	return 0;
}

static bool listed(const struct dentry *dentry)
{
	return dentry->d_inode && !d_unhashed(dentry);
}

static loff_t dcache_dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct dentry *parent = file_dentry(file), *cursor = file->private_data, *dentry;
	loff_t left;

	if (whence == SEEK_CUR)
		offset += file->f_pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	if (offset != file->f_pos) {
		file->f_pos = offset;
		list_move_tail(&cursor->d_child, &parent->d_subdirs);
		left = offset - 2;
		list_for_each_entry_reverse(dentry, &parent->d_subdirs, d_child) {
			if (left <= 0)
				break;
			if (listed(dentry) && --left == 0) {
				list_move_tail(&cursor->d_child, &dentry->d_child);
				break;
			}
		}
	}
	return offset;
}

int dcache_readdir(struct file *file, struct dir_context *ctx)
{
	struct dentry *parent = file_dentry(file), *cursor = file->private_data;

	if (!dir_emit_dots(file, ctx))
		return 0;
	for (struct list_head *p = cursor->d_child.prev; p != &parent->d_subdirs; p = cursor->d_child.prev) {
		struct dentry *dentry = list_entry(p, struct dentry, d_child);

		if (listed(dentry)) {
			if (!dir_emit(ctx, dentry->d_name.name, dentry->d_name.len, dentry->d_inode->i_ino,
				      (dentry->d_inode->i_mode & S_IFMT) >> 12))
				return 0;
			ctx->pos++;
		}
		list_move_tail(&cursor->d_child, p);
	}
	return 0;
}

static bool simple_empty(struct dentry *dentry)
{
	struct dentry *child;

	list_for_each_entry(child, &dentry->d_subdirs, d_child)
		if (listed(child))
			return false;
	return true;
}

int simple_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = old->d_inode;

	inode->i_ctime = dir->i_ctime = dir->i_mtime = current_time(inode);
	inc_nlink(inode);
	ihold(inode);
	dentry->d_flags &= ~DCACHE_DONTCACHE;
	d_pin(dentry);
	d_add(dentry, inode);
	return 0;
}

int simple_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	inode->i_ctime = dir->i_ctime = dir->i_mtime = current_time(inode);
	drop_nlink(inode);
	d_unpin(dentry);
	return 0;
}

int simple_rmdir(struct inode *dir, struct dentry *dentry)
{
	if (!simple_empty(dentry))
		return -ENOTEMPTY;
	drop_nlink(dentry->d_inode);
	simple_unlink(dir, dentry);
	drop_nlink(dir);
	return 0;
}

int simple_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new,
		  unsigned int flags)
{
	struct inode *inode = old->d_inode;
	bool is_dir = S_ISDIR(inode->i_mode);

	if (flags & RENAME_EXCHANGE) {
		bool other_is_dir = S_ISDIR(new->d_inode->i_mode);

		if (old_dir != new_dir && is_dir != other_is_dir) {
			drop_nlink(is_dir ? old_dir : new_dir);
			inc_nlink(is_dir ? new_dir : old_dir);
		}
		new->d_inode->i_ctime = current_time(inode);
	} else if (new->d_inode) {
		if (is_dir && !simple_empty(new))
			return -ENOTEMPTY;
		simple_unlink(new_dir, new);
		if (is_dir) {
			drop_nlink(new->d_inode);
			drop_nlink(old_dir);
		}
	} else if (is_dir) {
		drop_nlink(old_dir);
		inc_nlink(new_dir);
	}
	old_dir->i_ctime = old_dir->i_mtime = new_dir->i_ctime = new_dir->i_mtime = inode->i_ctime =
		current_time(inode);
	return 0;
}

const char *simple_get_link(struct dentry *dentry, struct inode *inode, char **to_free)
{
	return inode->i_link;
}

const struct file_operations simple_dir_operations = {
	.open = dcache_dir_open,
	.release = dcache_dir_close,
	.llseek = dcache_dir_llseek,
	.read = generic_read_dir,
	.iterate_shared = dcache_readdir,
	.fsync = noop_fsync,
};

const struct inode_operations simple_symlink_inode_operations = {
	.get_link = simple_get_link,
};

int noop_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

/* ---- A number as a file -------------------------------------------------------------------------------------------- */

struct simple_attr {
	int (*get)(void *, u64 *);
	int (*set)(void *, u64);
	const char *fmt;
	void *data;
	size_t len;		/* of the text that reading has begun to give */
	char text[24];
	struct mutex mutex;
};

int simple_attr_open(struct inode *inode, struct file *file, int (*get)(void *, u64 *), int (*set)(void *, u64),
		     const char *fmt)
{
	struct simple_attr *attr = kzalloc(sizeof(*attr), GFP_KERNEL);

	if (!attr)
		return -ENOMEM;
	attr->get = get;
	attr->set = set;
	attr->fmt = fmt;
	attr->data = inode->i_private;
	mutex_init(&attr->mutex);
	file->private_data = attr;
	return 0;
}

int simple_attr_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

ssize_t simple_attr_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct simple_attr *attr = file->private_data;
	ssize_t result = 0;
	u64 value;

	if (!attr->get)
		return -EACCES;
	mutex_lock(&attr->mutex);
	if (!*pos || !attr->len) {
		result = attr->get(attr->data, &value);
		if (!result)
			attr->len = scnprintf(attr->text, sizeof(attr->text), attr->fmt, (unsigned long long)value);
	}
	if (!result)
		result = simple_read_from_buffer(buf, count, pos, attr->text, attr->len);
	mutex_unlock(&attr->mutex);
	return result;
}

static ssize_t attr_write(struct file *file, const char __user *buf, size_t count, bool is_signed)
{
	struct simple_attr *attr = file->private_data;
	char text[24];
	size_t n = min_t(size_t, count, sizeof(text) - 1);
	unsigned long long value;
	int err;

	if (!attr->set)
		return -EACCES;
	if (copy_from_user(text, buf, n))
		return -EFAULT;
	text[n] = 0;
	err = is_signed ? kstrtoll(text, 0, (long long *)&value) : kstrtoull(text, 0, &value);
	if (err)
		return err;
	mutex_lock(&attr->mutex);
	err = attr->set(attr->data, value);
	mutex_unlock(&attr->mutex);
	return err ? err : (ssize_t)count;
}

ssize_t simple_attr_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return attr_write(file, buf, count, false);
}

ssize_t simple_attr_write_signed(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return attr_write(file, buf, count, true);
}
