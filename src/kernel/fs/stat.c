// SPDX-License-Identifier: MIT
/* What files say of themselves. (man 2 stat, man 2 statx, man 2 readlink, man 2 statfs) */
#include <asm/stat.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/security.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "internal.h"

void generic_fillattr(struct inode *inode, struct kstat *stat)
{
	stat->dev = inode->i_sb->s_dev;
	stat->ino = inode->i_ino;
	stat->mode = inode->i_mode;
	stat->nlink = inode->i_nlink;
	stat->uid = inode->i_uid.val;
	stat->gid = inode->i_gid.val;
	stat->rdev = inode->i_rdev;
	stat->size = i_size_read(inode);
	stat->atime = inode->i_atime;
	stat->mtime = inode->i_mtime;
	stat->ctime = inode->i_ctime;
	stat->blksize = 1U << inode->i_blkbits;
	stat->blocks = inode->i_blocks;
}

noinline int vfs_getattr(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int query_flags)
{
	struct inode *inode = path->dentry->d_inode;
	int err = security_inode_getattr(path);

	if (err)
		return err;

	memset(stat, 0, sizeof(*stat));
	stat->result_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	stat->mnt_id = real_mount(path->mnt)->mnt_id;
	stat->attributes_mask = STATX_ATTR_MOUNT_ROOT | STATX_ATTR_AUTOMOUNT | STATX_ATTR_DAX;
	if (path->dentry == path->mnt->mnt_root)
		stat->attributes |= STATX_ATTR_MOUNT_ROOT;
	if (inode->i_op->getattr)
		return inode->i_op->getattr(path, stat, request_mask, query_flags);
	generic_fillattr(inode, stat);
	return 0;
}

static int stat_at(int dfd, const char __user *name, int flags, struct kstat *stat, u32 mask)
{
	unsigned int how = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path path;
	int err = user_path_at(dfd, name, how, &path);

	if (err)
		return err;
	err = vfs_getattr(&path, stat, mask, flags);
	path_put(&path);
	return err;
}

static int copy_stat(const struct kstat *k, struct stat __user *user)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	st.st_dev = new_encode_dev(k->dev);
	st.st_ino = k->ino;
	st.st_mode = k->mode;
	st.st_nlink = k->nlink;
	st.st_uid = k->uid;
	st.st_gid = k->gid;
	st.st_rdev = new_encode_dev(k->rdev);
	st.st_size = k->size;
	st.st_atime = k->atime.tv_sec;
	st.st_atime_nsec = k->atime.tv_nsec;
	st.st_mtime = k->mtime.tv_sec;
	st.st_mtime_nsec = k->mtime.tv_nsec;
	st.st_ctime = k->ctime.tv_sec;
	st.st_ctime_nsec = k->ctime.tv_nsec;
	st.st_blksize = k->blksize;
	st.st_blocks = k->blocks;
	return copy_to_user(user, &st, sizeof(st)) ? -EFAULT : 0;
}

static int do_stat(int dfd, const char __user *name, int flags, struct stat __user *user)
{
	struct kstat stat;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = stat_at(dfd, name, flags, &stat, STATX_BASIC_STATS);
	return err ? err : copy_stat(&stat, user);
}

SYSCALL_DEFINE2(stat, const char __user *, filename, struct stat __user *, statbuf)
{
	return do_stat(AT_FDCWD, filename, 0, statbuf);
}

SYSCALL_DEFINE2(lstat, const char __user *, filename, struct stat __user *, statbuf)
{
	return do_stat(AT_FDCWD, filename, AT_SYMLINK_NOFOLLOW, statbuf);
}

SYSCALL_DEFINE4(newfstatat, int, dfd, const char __user *, filename, struct stat __user *, statbuf, int, flag)
{
	return do_stat(dfd, filename, flag, statbuf);
}

SYSCALL_DEFINE2(fstat, unsigned int, fd, struct stat __user *, statbuf)
{
	struct file *file = fget_raw(fd);
	struct kstat stat;
	int err;

	if (!file)
		return -EBADF;
	err = vfs_getattr(&file->f_path, &stat, STATX_BASIC_STATS, 0);
	fput(file);
	return err ? err : copy_stat(&stat, statbuf);
}

static struct statx_timestamp statx_time(struct timespec64 t)
{
	return (struct statx_timestamp){ .tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec };
}

SYSCALL_DEFINE5(statx, int, dfd, const char __user *, filename, unsigned int, flags, unsigned int, mask,
		struct statx __user *, buffer)
{
	struct kstat k;
	struct statx st;
	int err;

	if (mask & STATX__RESERVED)
		return -EINVAL;
	if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = stat_at(dfd, filename, flags, &k, mask);
	if (err)
		return err;
	memset(&st, 0, sizeof(st));
	st.stx_mask = k.result_mask;
	st.stx_blksize = k.blksize;
	st.stx_attributes = k.attributes;
	st.stx_attributes_mask = k.attributes_mask;
	st.stx_nlink = k.nlink;
	st.stx_uid = k.uid;
	st.stx_gid = k.gid;
	st.stx_mode = k.mode;
	st.stx_ino = k.ino;
	st.stx_size = k.size;
	st.stx_blocks = k.blocks;
	st.stx_atime = statx_time(k.atime);
	st.stx_btime = statx_time(k.btime);
	st.stx_ctime = statx_time(k.ctime);
	st.stx_mtime = statx_time(k.mtime);
	st.stx_rdev_major = MAJOR(k.rdev);
	st.stx_rdev_minor = MINOR(k.rdev);
	st.stx_dev_major = MAJOR(k.dev);
	st.stx_dev_minor = MINOR(k.dev);
	st.stx_mnt_id = k.mnt_id;
	return copy_to_user(buffer, &st, sizeof(st)) ? -EFAULT : 0;
}

static int do_readlinkat(int dfd, const char __user *name, char __user *buffer, int size)
{
	struct path path;
	int err;

	if (size <= 0)
		return -EINVAL;
	err = user_path_at(dfd, name, LOOKUP_EMPTY, &path);
	if (err)
		return err;
	err = vfs_readlink(path.dentry, buffer, size);
	path_put(&path);
	return err;
}

SYSCALL_DEFINE3(readlink, const char __user *, path, char __user *, buf, int, bufsiz)
{
	return do_readlinkat(AT_FDCWD, path, buf, bufsiz);
}

SYSCALL_DEFINE4(readlinkat, int, dfd, const char __user *, pathname, char __user *, buf, int, bufsiz)
{
	return do_readlinkat(dfd, pathname, buf, bufsiz);
}

/* ---- File systems ------------------------------------------------------------------------------------------------- */

noinline int vfs_statfs(const struct path *path, struct kstatfs *buf)
{
	struct super_block *sb = path->dentry->d_sb;
	int err;

	memset(buf, 0, sizeof(*buf));
	err = security_sb_statfs(path->dentry);
	if (err)
		return err;
	err = sb->s_op->statfs ? sb->s_op->statfs(path->dentry, buf) : simple_statfs(path->dentry, buf);
	if (!err && !buf->f_frsize)
		buf->f_frsize = buf->f_bsize;
	/* ST_VALID and the mount's flags, which have the same values as ST_ ones up to nodiratime. */
	buf->f_flags = 0x20 | (sb_rdonly(sb) || (path->mnt->mnt_flags & MNT_READONLY) ? 1 : 0) |
		       (path->mnt->mnt_flags & MNT_NOSUID ? 2 : 0) | (path->mnt->mnt_flags & MNT_NODEV ? 4 : 0) |
		       (path->mnt->mnt_flags & MNT_NOEXEC ? 8 : 0) |
		       (path->mnt->mnt_flags & MNT_NOATIME ? 0x400 : 0) |
		       (path->mnt->mnt_flags & MNT_RELATIME ? 0x1000 : 0);
	return err;
}

static int copy_statfs(const struct kstatfs *k, struct statfs __user *user)
{
	struct statfs st;

	memset(&st, 0, sizeof(st));
	st.f_type = k->f_type;
	st.f_bsize = k->f_bsize;
	st.f_blocks = k->f_blocks;
	st.f_bfree = k->f_bfree;
	st.f_bavail = k->f_bavail;
	st.f_files = k->f_files;
	st.f_ffree = k->f_ffree;
	st.f_fsid.val[0] = k->f_fsid;
	st.f_fsid.val[1] = k->f_fsid >> 32;
	st.f_namelen = k->f_namelen;
	st.f_frsize = k->f_frsize;
	st.f_flags = k->f_flags;
	return copy_to_user(user, &st, sizeof(st)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(statfs, const char __user *, name, struct statfs __user *, user)
{
	struct kstatfs buf;
	struct path path;
	int err = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	err = vfs_statfs(&path, &buf);
	path_put(&path);
	return err ? err : copy_statfs(&buf, user);
}

SYSCALL_DEFINE2(fstatfs, unsigned int, fd, struct statfs __user *, user)
{
	struct file *file = fget_raw(fd);
	struct kstatfs buf;
	int err;

	if (!file)
		return -EBADF;
	err = vfs_statfs(&file->f_path, &buf);
	fput(file);
	return err ? err : copy_statfs(&buf, user);
}
