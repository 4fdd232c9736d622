// SPDX-License-Identifier: MIT
/* From path names to open files. (man 2 open, openat2) */
#include <linux/openat2.h>
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
#include "namei.h"

#define O_TMPFILE_MASK		(__O_TMPFILE | O_DIRECTORY | O_CREAT)
#define VALID_OPEN_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | \
				 FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | \
				 __O_TMPFILE)
#define O_PATH_FLAGS		(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define VALID_RESOLVE_FLAGS	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | \
				 RESOLVE_IN_ROOT | RESOLVE_CACHED)
#define OPEN_HOW_SIZE_VER0	24

static int may_open(const struct path *path, int acc_mode, int flags)
{
	struct inode *inode = path->dentry->d_inode;
	int err;

	switch (inode->i_mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (acc_mode & MAY_WRITE)
			return -EISDIR;
		if (acc_mode & MAY_EXEC)
			return -EACCES;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if (path->mnt->mnt_flags & MNT_NODEV)
			return -EACCES;
		/* fall through */
	case S_IFIFO:
	case S_IFSOCK:
		if (acc_mode & MAY_EXEC)
			return -EACCES;
		break;
	case S_IFREG:
		if ((acc_mode & MAY_EXEC) && (path->mnt->mnt_flags & MNT_NOEXEC))
			return -EACCES;
		if ((acc_mode & MAY_WRITE) && (path->mnt->mnt_flags & MNT_READONLY))
			return -EROFS;
		break;
	}
	err = acc_mode ? inode_permission(inode, acc_mode) : 0;
	if (!err && (flags & O_NOATIME) && current_fsuid() != inode->i_uid.val && !capable(CAP_FOWNER))
		err = -EPERM;
	return err;
}

/* The last component of an open with O_CREAT: found or made. 1: a link was followed, walk on. */
static int open_last(struct nameidata *nd, int flags, umode_t mode, bool *created)
{
	struct dentry *parent = nd->path.dentry, *dentry;
	struct inode *dir = parent->d_inode;
	struct path next;
	int err;

	if (nd->last_type != LAST_NORM || nd->trailing_slash)
		return -EISDIR;
	inode_lock(dir);
	dentry = lookup_locked(parent, &nd->last, nd->flags);
	if (!IS_ERR(dentry) && !dentry->d_inode) {
		err = mnt_want_write(nd->path.mnt);
		if (!err)
			err = create_regular(dir, dentry, mode & ~current->fs->umask, flags & O_EXCL);
		if (err) {
			dput(dentry);
			dentry = ERR_PTR(err);
		} else {
			*created = true;
		}
	} else if (!IS_ERR(dentry) && (flags & O_EXCL)) {
		dput(dentry);
		dentry = ERR_PTR(-EEXIST);
	}
	inode_unlock(dir);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (S_ISLNK(dentry->d_inode->i_mode) && !(flags & O_NOFOLLOW)) {
		err = follow_link(nd, dentry, "");
		dput(dentry);
		return err ? err : 1;
	}
	next.mnt = mntget(nd->path.mnt);
	next.dentry = dentry;
	follow_mount(&next);
	path_put(&nd->path);
	nd->path = next;
	if (S_ISDIR(nd->path.dentry->d_inode->i_mode))
		return -EISDIR;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	return 0;
}

static struct file *open_path(const struct path *path, int flags, bool created)
{
	static const int access[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };
	int acc_mode = access[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
	struct file *file;
	int err;

	if (flags & O_PATH)
		return dentry_open(path, flags);
	err = may_open(path, created ? 0 : acc_mode, flags);
	if (err)
		return ERR_PTR(err);
	file = dentry_open(path, flags);
	if (!IS_ERR(file) && (flags & O_TRUNC) && !created && S_ISREG(path->dentry->d_inode->i_mode)) {
		err = path->dentry->d_inode->i_writecount < 0 ? -ETXTBSY : do_truncate(path->dentry, 0);
		if (err) {
			fput(file);
			return ERR_PTR(err);
		}
	}
	return file;
}

/* O_TMPFILE: a file without a name in the directory that the walk has reached. */
static struct file *open_tmpfile(struct nameidata *nd, int flags, umode_t mode)
{
	struct dentry *dentry, *parent = nd->path.dentry;
	struct inode *dir = parent->d_inode, *inode;
	struct qstr name = QSTR_INIT("", 0);
	char text[24];
	struct path path;
	struct file *file;
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (!err)
		err = mnt_want_write(nd->path.mnt);
	if (!err && !dir->i_op->tmpfile)
		err = -EOPNOTSUPP;
	if (err)
		return ERR_PTR(err);
	inode = dir->i_op->tmpfile(dir, (mode & S_IALLUGO & ~current->fs->umask) | S_IFREG);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	set_nlink(inode, 0);
	if (!(flags & O_EXCL))
		inode->i_state |= I_LINKABLE;
	name.len = scnprintf(text, sizeof(text), "#%lu", inode->i_ino);
	name.name = text;
	dentry = d_alloc(parent, &name);
	if (!dentry) {
		iput(inode);
		return ERR_PTR(-ENOMEM);
	}
	d_instantiate(dentry, inode);
	path = (struct path){ nd->path.mnt, dentry };
	file = dentry_open(&path, flags & ~(__O_TMPFILE | O_DIRECTORY | O_EXCL));
	dput(dentry);
	return file;
}

static noinline struct file *do_filp_open(int dfd, const char *name, const struct open_how *how)
{
	unsigned int resolve = how->resolve;
	umode_t mode = how->mode;
	int flags = how->flags;
	struct nameidata nd;
	bool created = false;
	struct file *file;
	int err;

	/* With the directory as its root, a name is relative to it in any case. */
	if ((resolve & RESOLVE_IN_ROOT) && *name == '/') {
		name += strspn(name, "/");
		if (!*name)
			name = ".";
	}
	err = start_walk(&nd, dfd, name, 0);
	if (err)
		return ERR_PTR(err);
	err = restrict_walk(&nd, resolve);
	if (err) {
		end_walk(&nd);
		return ERR_PTR(err);
	}
	if (flags & O_CREAT) {
		nd.flags = LOOKUP_PARENT;
		do {
			err = walk_name(&nd);
			if (!err)
				err = nd.last_type == LAST_ROOT ? -EISDIR : open_last(&nd, flags, mode, &created);
		} while (err == 1);
	} else {
		nd.flags = (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
		err = walk_name(&nd);
	}
	if (err)
		file = ERR_PTR(err);
	else if (flags & __O_TMPFILE)
		file = open_tmpfile(&nd, flags, mode);
	else
		file = open_path(&nd.path, flags, created);
	end_walk(&nd);
	return file;
}

static int check_open_how(const struct open_how *how)
{
	if ((how->flags & ~(u64)VALID_OPEN_FLAGS) || (how->resolve & ~(u64)VALID_RESOLVE_FLAGS) ||
	    ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT)) || (how->mode & ~(u64)S_IALLUGO) ||
	    (how->mode && !(how->flags & (O_CREAT | __O_TMPFILE))) ||
	    ((how->flags & O_PATH) && (how->flags & ~(u64)O_PATH_FLAGS)))
		return -EINVAL;
	if (how->flags & __O_TMPFILE) {
		if ((how->flags & O_TMPFILE_MASK) != O_TMPFILE || !(how->flags & (O_WRONLY | O_RDWR)))
			return -EINVAL;
	} else if ((how->flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return -EINVAL;
	}
	/* Only what needs no waiting: nothing here promises that. */
	return how->resolve & RESOLVE_CACHED ? -EAGAIN : 0;
}

static noinline long do_sys_openat2(int dfd, const char __user *filename, const struct open_how *how)
{
	int fd = check_open_how(how);
	struct file *file;
	char *name;

	if (fd)
		return fd;
	name = getname(filename);
	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = get_unused_fd_flags(how->flags);
	if (fd >= 0) {
		file = do_filp_open(dfd, name, how);
		if (IS_ERR(file)) {
			put_unused_fd(fd);
			fd = PTR_ERR(file);
		} else {
			fd_install(fd, file);
		}
	}
	putname(name);
	return fd;
}

/* Flags that are not known, and a mode that is not needed, do not matter to open(2). */
static struct open_how build_open_how(int flags, umode_t mode)
{
	struct open_how how = { .flags = (flags | O_LARGEFILE) & VALID_OPEN_FLAGS };

	if (flags & O_PATH)
		how.flags &= O_PATH_FLAGS;
	if (how.flags & (O_CREAT | __O_TMPFILE))
		how.mode = mode & S_IALLUGO;
	return how;
}

struct file *filp_open(const char *name, int flags, umode_t mode)
{
	struct open_how how = build_open_how(flags, mode);
	int err = check_open_how(&how);

	return err ? ERR_PTR(err) : do_filp_open(AT_FDCWD, name, &how);
}

static noinline long do_sys_open(int dfd, const char __user *filename, int flags, umode_t mode)
{
	struct open_how how = build_open_how(flags, mode);

	return do_sys_openat2(dfd, filename, &how);
}

SYSCALL_DEFINE3(open, const char __user *, filename, int, flags, umode_t, mode)
{
	return do_sys_open(AT_FDCWD, filename, flags, mode);
}

SYSCALL_DEFINE4(openat, int, dfd, const char __user *, filename, int, flags, umode_t, mode)
{
	return do_sys_open(dfd, filename, flags, mode);
}

SYSCALL_DEFINE2(creat, const char __user *, pathname, umode_t, mode)
{
	return do_sys_open(AT_FDCWD, pathname, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

SYSCALL_DEFINE4(openat2, int, dfd, const char __user *, user, struct open_how __user *, uhow, size_t, size)
{
	struct open_how how = { 0 };
	int err;

	if (size < OPEN_HOW_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&how, sizeof(how), uhow, size);
	return err ? err : do_sys_openat2(dfd, user, &how);
}
