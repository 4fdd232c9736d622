// SPDX-License-Identifier: MIT
/*
 * Open files, and changing what inodes say of themselves: size, mode, owner, times; working directory.
 * (man 2 open, man 2 chmod, man 2 chown, man 2 utimensat, man 2 truncate, man 2 access)
 */
#include <linux/falloc.h>
#include <kernel/bug.h>
#include <kernel/fs.h>
#include <kernel/fdtable.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/cred.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"

/* Fills @file, whose path is set, with what stands there (references are taken) and calls ->open. */
static noinline int do_dentry_open(struct file *file, struct inode *inode)
{
	static const struct file_operations empty_fops;
	int err;

	path_get(&file->f_path);
	file->f_inode = inode;
	file->f_mapping = inode->i_mapping;
	if (file->f_flags & O_PATH) {
		file->f_mode = FMODE_PATH;
		file->f_op = &empty_fops;
		return 0;
	}
	file->f_op = inode->i_fop;
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	if ((file->f_mode & FMODE_WRITE) && S_ISREG(inode->i_mode)) {
		if (inode->i_writecount < 0) {
			path_put(&file->f_path);
			return -ETXTBSY;
		}
		inode->i_writecount++;
	}
	err = security_file_open(file);
	if (!err && file->f_op->open)
		err = file->f_op->open(inode, file);
	/* Callers take what is above 0 for a file. */
	if (WARN_ON_ONCE(err > 0))
		err = -EINVAL;
	if (!err) {
		if (!file->f_op->llseek)
			file->f_mode &= ~FMODE_LSEEK;
		file->f_flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
		return 0;
	}
	if ((file->f_mode & FMODE_WRITE) && S_ISREG(inode->i_mode))
		inode->i_writecount--;
	path_put(&file->f_path);
	return err;
}

noinline int vfs_open(const struct path *path, struct file *file)
{
	file->f_path = *path;
	return do_dentry_open(file, path->dentry->d_inode);
}

struct file *dentry_open(const struct path *path, int flags)
{
	struct file *file = alloc_empty_file(flags);
	int err;

	if (!file)
		return ERR_PTR(-ENFILE);
	err = vfs_open(path, file);
	if (!err)
		return file;
	free_file(file);
	return ERR_PTR(err);
}

/* A file of @path (whose references it takes over on success) with operations of its own; nothing is opened. */
struct file *alloc_file(const struct path *path, int flags, const struct file_operations *fops)
{
	struct file *file = alloc_empty_file(flags);

	if (!file)
		return ERR_PTR(-ENFILE);
	file->f_path = *path;
	file->f_inode = path->dentry->d_inode;
	file->f_mapping = file->f_inode->i_mapping;
	file->f_op = fops;
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE | (fops->llseek ? FMODE_LSEEK : 0);
	if ((file->f_mode & FMODE_WRITE) && S_ISREG(file->f_inode->i_mode))
		file->f_inode->i_writecount++;
	return file;
}

/* For exec: a regular file that may be executed. */
struct file *open_exec_at(int dfd, const char *name, unsigned int lookup)
{
	struct path path;
	struct file *file;
	struct inode *inode;
	int err = filename_lookup(dfd, name, lookup, &path);

	if (err)
		return ERR_PTR(err);
	if (S_ISLNK(path.dentry->d_inode->i_mode)) {
		path_put(&path);
		return ERR_PTR(-ELOOP);
	}
	inode = path.dentry->d_inode;
	if (!S_ISREG(inode->i_mode) || (path.mnt->mnt_flags & MNT_NOEXEC))
		err = -EACCES;
	else
		err = inode_permission(inode, MAY_EXEC);
	if (!err && inode->i_writecount > 0)
		err = -ETXTBSY;
	file = err ? ERR_PTR(err) : dentry_open(&path, O_RDONLY | O_LARGEFILE);
	path_put(&path);
	return file;
}

struct file *open_exec(const char *name)
{
	return open_exec_at(AT_FDCWD, name, LOOKUP_FOLLOW);
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

int inode_newsize_ok(const struct inode *inode, loff_t size)
{
	unsigned long limit = rlimit(RLIMIT_FSIZE);

	if (size <= i_size_read(inode))
		return 0;
	if (limit != RLIM_INFINITY && (unsigned long)size > limit) {
		send_sig(SIGXFSZ, current, 0);
		return -EFBIG;
	}
	return size > inode->i_sb->s_maxbytes ? -EFBIG : 0;
}

int setattr_prepare(struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = dentry->d_inode;
	bool owner = current_fsuid() == inode->i_uid.val || capable(CAP_FOWNER);

	int err = attr->ia_valid & ATTR_SIZE ? inode_newsize_ok(inode, attr->ia_size) : 0;

	if (err)
		return err;
	if ((attr->ia_valid & ATTR_UID) && !capable(CAP_CHOWN) &&
	    (current_fsuid() != inode->i_uid.val || attr->ia_uid != inode->i_uid.val))
		return -EPERM;
	if ((attr->ia_valid & ATTR_GID) && !capable(CAP_CHOWN) &&
	    (current_fsuid() != inode->i_uid.val || (!in_group_p(attr->ia_gid) && attr->ia_gid != inode->i_gid.val)))
		return -EPERM;
	if ((attr->ia_valid & (ATTR_MODE | ATTR_ATIME_SET | ATTR_MTIME_SET)) && !owner)
		return -EPERM;
	return 0;
}

void setattr_copy(struct inode *inode, const struct iattr *attr)
{
	/* A program that changes hands no longer runs as its owner or group. */
	if ((attr->ia_valid & (ATTR_UID | ATTR_GID)) && !S_ISDIR(inode->i_mode))
		inode->i_mode &= ~(S_ISUID | (inode->i_mode & S_IXGRP ? S_ISGID : 0));
	if (attr->ia_valid & ATTR_UID)
		inode->i_uid.val = attr->ia_uid;
	if (attr->ia_valid & ATTR_GID)
		inode->i_gid.val = attr->ia_gid;
	if (attr->ia_valid & ATTR_ATIME)
		inode->i_atime = attr->ia_atime;
	if (attr->ia_valid & ATTR_MTIME)
		inode->i_mtime = attr->ia_mtime;
	if (attr->ia_valid & ATTR_CTIME)
		inode->i_ctime = attr->ia_ctime;
	if (attr->ia_valid & ATTR_MODE) {
		umode_t mode = attr->ia_mode;

		if (!in_group_p(inode->i_gid.val) && !capable(CAP_FSETID))
			mode &= ~S_ISGID;
		inode->i_mode = mode;
	}
}

/* Changes attributes of @dentry's inode, which is locked. */
int notify_change(struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = dentry->d_inode;
	struct timespec64 now = current_time(inode);

	attr->ia_ctime = now;
	if (!(attr->ia_valid & ATTR_ATIME_SET))
		attr->ia_atime = now;
	if (!(attr->ia_valid & ATTR_MTIME_SET))
		attr->ia_mtime = now;
	attr->ia_valid |= ATTR_CTIME;
	if (!inode->i_op->setattr)
		return simple_setattr(dentry, attr);
	return inode->i_op->setattr(dentry, attr);
}

static int change(const struct path *path, struct iattr *attr)
{
	struct inode *inode = path->dentry->d_inode;
	int err = mnt_want_write(path->mnt);

	if (err)
		return err;
	inode_lock(inode);
	err = notify_change(path->dentry, attr);
	inode_unlock(inode);
	return err;
}

int do_truncate(struct dentry *dentry, loff_t length)
{
	struct iattr attr = { .ia_valid = ATTR_SIZE | ATTR_MTIME, .ia_size = length };
	struct inode *inode = dentry->d_inode;
	int err;

	inode_lock(inode);
	/* Files of proc and its kin have no size; opening them with O_TRUNC is fine. */
	err = inode->i_op->setattr ? notify_change(dentry, &attr) : 0;
	inode_unlock(inode);
	return err;
}

SYSCALL_DEFINE2(truncate, const char __user *, name, long, length)
{
	struct path path;
	struct inode *inode;
	int err;

	if (length < 0)
		return -EINVAL;
	err = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	inode = path.dentry->d_inode;
	if (S_ISDIR(inode->i_mode))
		err = -EISDIR;
	else if (!S_ISREG(inode->i_mode))
		err = -EINVAL;
	else
		err = mnt_want_write(path.mnt);
	if (!err)
		err = inode_permission(inode, MAY_WRITE);
	if (!err && inode->i_writecount < 0)
		err = -ETXTBSY;
	if (!err)
		err = do_truncate(path.dentry, length);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE2(ftruncate, unsigned int, fd, unsigned long, length)
{
	struct file *file;
	int err;

	if ((long)length < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (!S_ISREG(file_inode(file)->i_mode) || !(file->f_mode & FMODE_WRITE))
		err = -EINVAL;
	else
		err = do_truncate(file_dentry(file), length);
	fput(file);
	return err;
}

SYSCALL_DEFINE4(fallocate, int, fd, int, mode, loff_t, offset, loff_t, len)
{
	struct file *file = fget(fd);
	int err = 0;

	if (!file)
		return -EBADF;
	if (offset < 0 || len <= 0)
		err = -EINVAL;
	else if (!(file->f_mode & FMODE_WRITE))
		err = -EBADF;
	else if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		err = -EOPNOTSUPP;
	else if (S_ISFIFO(file_inode(file)->i_mode))
		err = -ESPIPE;
	else if (!S_ISREG(file_inode(file)->i_mode))
		err = S_ISDIR(file_inode(file)->i_mode) ? -EISDIR : -ENODEV;
	else if (offset + len < 0 || offset + len > file_inode(file)->i_sb->s_maxbytes)
		err = -EFBIG;
	else
		err = file->f_op->fallocate ? file->f_op->fallocate(file, mode, offset, len) : -EOPNOTSUPP;
	fput(file);
	return err;
}

static int chmod_path(const struct path *path, umode_t mode)
{
	struct iattr attr = { .ia_valid = ATTR_MODE };

	attr.ia_mode = (mode & S_IALLUGO) | (path->dentry->d_inode->i_mode & ~S_IALLUGO);
	if (S_ISLNK(attr.ia_mode))
		return -EOPNOTSUPP;
	return change(path, &attr);
}

static int do_fchmodat(int dfd, const char __user *name, umode_t mode)
{
	struct path path;
	int err = user_path_at(dfd, name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	err = chmod_path(&path, mode);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE2(chmod, const char __user *, filename, umode_t, mode)
{
	return do_fchmodat(AT_FDCWD, filename, mode);
}

SYSCALL_DEFINE3(fchmodat, int, dfd, const char __user *, filename, umode_t, mode)
{
	return do_fchmodat(dfd, filename, mode);
}

SYSCALL_DEFINE2(fchmod, unsigned int, fd, umode_t, mode)
{
	struct file *file = fget(fd);
	int err;

	if (!file)
		return -EBADF;
	err = chmod_path(&file->f_path, mode);
	fput(file);
	return err;
}

static int chown_path(const struct path *path, uid_t uid, gid_t gid)
{
	struct iattr attr = { 0 };

	if (uid != (uid_t)-1) {
		attr.ia_valid |= ATTR_UID;
		attr.ia_uid = uid;
	}
	if (gid != (gid_t)-1) {
		attr.ia_valid |= ATTR_GID;
		attr.ia_gid = gid;
	}
	return change(path, &attr);
}

static int do_fchownat(int dfd, const char __user *name, uid_t uid, gid_t gid, int flags)
{
	unsigned int how = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path path;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_at(dfd, name, how, &path);
	if (err)
		return err;
	err = chown_path(&path, uid, gid);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE3(chown, const char __user *, filename, uid_t, user, gid_t, group)
{
	return do_fchownat(AT_FDCWD, filename, user, group, 0);
}

SYSCALL_DEFINE3(lchown, const char __user *, filename, uid_t, user, gid_t, group)
{
	return do_fchownat(AT_FDCWD, filename, user, group, AT_SYMLINK_NOFOLLOW);
}

SYSCALL_DEFINE5(fchownat, int, dfd, const char __user *, filename, uid_t, user, gid_t, group, int, flag)
{
	return do_fchownat(dfd, filename, user, group, flag);
}

SYSCALL_DEFINE3(fchown, unsigned int, fd, uid_t, user, gid_t, group)
{
	struct file *file = fget(fd);
	int err;

	if (!file)
		return -EBADF;
	err = chown_path(&file->f_path, user, group);
	fput(file);
	return err;
}

#define UTIME_NOW	((1l << 30) - 1l)
#define UTIME_OMIT	((1l << 30) - 2l)

static int utimes_path(const struct path *path, const struct timespec64 *times)
{
	struct iattr attr = { .ia_valid = ATTR_ATIME | ATTR_MTIME };
	struct inode *inode = path->dentry->d_inode;

	if (times) {
		if (times[0].tv_nsec == UTIME_OMIT)
			attr.ia_valid &= ~ATTR_ATIME;
		else if (times[0].tv_nsec != UTIME_NOW)
			attr.ia_valid |= ATTR_ATIME_SET;
		if (times[1].tv_nsec == UTIME_OMIT)
			attr.ia_valid &= ~ATTR_MTIME;
		else if (times[1].tv_nsec != UTIME_NOW)
			attr.ia_valid |= ATTR_MTIME_SET;
		attr.ia_atime = times[0];
		attr.ia_mtime = times[1];
		if (!(attr.ia_valid & (ATTR_ATIME | ATTR_MTIME)))
			return 0;
	} else if (current_fsuid() != inode->i_uid.val && inode_permission(inode, MAY_WRITE)) {
		return -EACCES;
	}
	return change(path, &attr);
}

static bool valid_nsec(const struct timespec64 *t)
{
	return (t->tv_nsec >= 0 && t->tv_nsec < 1000000000) || t->tv_nsec == UTIME_NOW || t->tv_nsec == UTIME_OMIT;
}

static int do_utimes(int dfd, const char __user *name, const struct timespec64 *times, int flags)
{
	struct path path;
	int err;

	if (times && (!valid_nsec(&times[0]) || !valid_nsec(&times[1])))
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!name && dfd != AT_FDCWD) {
		struct file *file;

		if (flags)
			return -EINVAL;
		file = fget(dfd);
		if (!file)
			return -EBADF;
		err = utimes_path(&file->f_path, times);
		fput(file);
		return err;
	}
	err = user_path_at(dfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &path);
	if (err)
		return err;
	err = utimes_path(&path, times);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE4(utimensat, int, dfd, const char __user *, filename, const void __user *, utimes, int, flags)
{
	struct timespec64 times[2];

	if (utimes && copy_from_user(times, utimes, sizeof(times)))
		return -EFAULT;
	return do_utimes(dfd, filename, utimes ? times : NULL, flags);
}

static int do_futimesat(int dfd, const char __user *name, const long __user *user)
{
	struct timespec64 times[2];
	long v[4];

	if (user) {
		if (copy_from_user(v, user, sizeof(v)))
			return -EFAULT;
		if (v[1] < 0 || v[1] >= 1000000 || v[3] < 0 || v[3] >= 1000000)
			return -EINVAL;
		times[0] = (struct timespec64){ v[0], v[1] * 1000 };
		times[1] = (struct timespec64){ v[2], v[3] * 1000 };
	}
	return do_utimes(dfd, name, user ? times : NULL, 0);
}

SYSCALL_DEFINE2(utimes, const char __user *, name, const long __user *, times)
{
	return do_futimesat(AT_FDCWD, name, times);
}

SYSCALL_DEFINE3(futimesat, int, dfd, const char __user *, filename, const long __user *, utimes)
{
	return do_futimesat(dfd, filename, utimes);
}

SYSCALL_DEFINE2(utime, const char __user *, name, const long __user *, user)
{
	struct timespec64 times[2] = { 0 };
	long v[2];

	if (user) {
		if (copy_from_user(v, user, sizeof(v)))
			return -EFAULT;
		times[0].tv_sec = v[0];
		times[1].tv_sec = v[1];
	}
	return do_utimes(AT_FDCWD, name, user ? times : NULL, 0);
}

/* ---- access ------------------------------------------------------------------------------------------------------ */

static int do_faccessat(int dfd, const char __user *name, int mode, int flags)
{
	struct path path;
	struct inode *inode;
	int err;

	if (mode & ~7)
		return -EINVAL;
	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_at(dfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &path);
	if (err)
		return err;
	inode = path.dentry->d_inode;
	/* R_OK, W_OK and X_OK are MAY_READ, MAY_WRITE and MAY_EXEC. */
	if ((mode & MAY_EXEC) && S_ISREG(inode->i_mode) && (path.mnt->mnt_flags & MNT_NOEXEC))
		err = -EACCES;
	else if (mode)
		err = inode_permission(inode, mode);
	if (!err && (mode & MAY_WRITE) && !S_ISCHR(inode->i_mode) && !S_ISBLK(inode->i_mode) &&
	    !S_ISFIFO(inode->i_mode))
		err = mnt_want_write(path.mnt);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE2(access, const char __user *, filename, int, mode)
{
	return do_faccessat(AT_FDCWD, filename, mode, 0);
}

SYSCALL_DEFINE3(faccessat, int, dfd, const char __user *, filename, int, mode)
{
	return do_faccessat(dfd, filename, mode, 0);
}

SYSCALL_DEFINE4(faccessat2, int, dfd, const char __user *, filename, int, mode, int, flags)
{
	return do_faccessat(dfd, filename, mode, flags);
}

/* ---- Working directory ------------------------------------------------------------------------------------------- */

static int set_pwd(const struct path *path)
{
	struct path old = current->fs->pwd;
	int err = S_ISDIR(path->dentry->d_inode->i_mode) ? inode_permission(path->dentry->d_inode, MAY_EXEC) : -ENOTDIR;

	if (err)
		return err;
	path_get(path);
	current->fs->pwd = *path;
	path_put(&old);
	return 0;
}

SYSCALL_DEFINE1(chdir, const char __user *, filename)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, filename, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = set_pwd(&path);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE1(fchdir, unsigned int, fd)
{
	struct file *file = fget_raw(fd);
	int err;

	if (!file)
		return -EBADF;
	err = set_pwd(&file->f_path);
	fput(file);
	return err;
}

SYSCALL_DEFINE2(getcwd, char __user *, buf, unsigned long, size)
{
	const struct path *pwd = &current->fs->pwd;
	char *buffer, *path;
	long len;

	if (d_unhashed(pwd->dentry) && pwd->dentry->d_parent != pwd->dentry)
		return -ENOENT;
	buffer = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	path = d_path(pwd, buffer, PATH_MAX);
	len = IS_ERR(path) ? PTR_ERR(path) : (long)strlen(path) + 1;
	if (len > 0 && (unsigned long)len > size)
		len = -ERANGE;
	else if (len > 0 && copy_to_user(buf, path, len))
		len = -EFAULT;
	kfree(buffer);
	return len;
}
