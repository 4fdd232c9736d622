// SPDX-License-Identifier: MIT
/* What changes directories: making, linking, removing, renaming. (man 2 mkdir, mknod, symlink, link, unlink, rename) */
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

static int may_create(struct inode *dir)
{
	if (!dir->i_nlink)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

static int may_delete(struct inode *dir, struct dentry *victim, bool want_dir)
{
	struct inode *inode = victim->d_inode;
	int err;

	if (!inode)
		return -ENOENT;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if ((dir->i_mode & S_ISVTX) && current_fsuid() != inode->i_uid.val && current_fsuid() != dir->i_uid.val &&
	    !capable(CAP_FOWNER))
		return -EPERM;
	if (want_dir) {
		if (!S_ISDIR(inode->i_mode))
			return -ENOTDIR;
		if (victim->d_parent == victim)
			return -EBUSY;
	} else if (S_ISDIR(inode->i_mode)) {
		return -EISDIR;
	}
	return 0;
}

int create_regular(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl)
{
	int err = may_create(dir);

	if (err)
		return err;
	if (!dir->i_op->create)
		return -EACCES;
	mode = (mode & S_IALLUGO) | S_IFREG;
	err = security_inode_create(dir, dentry, mode);
	return err ?: dir->i_op->create(dir, dentry, mode, excl);
}

/* For mknod(2): open(2) makes its files without it, which who puts a probe here should know. */
noinline int vfs_create(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl)
{
	return create_regular(dir, dentry, mode, excl);
}

noinline int vfs_mkdir(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	int err = may_create(dir);

	if (err)
		return err;
	if (!dir->i_op->mkdir)
		return -EPERM;
	mode &= S_IRWXUGO | S_ISVTX;
	err = security_inode_mkdir(dir, dentry, mode);
	return err ?: dir->i_op->mkdir(dir, dentry, mode);
}

noinline int vfs_mknod(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev)
{
	int err = may_create(dir);

	if (err)
		return err;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !capable(CAP_MKNOD))
		return -EPERM;
	if (!dir->i_op->mknod)
		return -EPERM;
	err = security_inode_mknod(dir, dentry, mode, dev);
	return err ?: dir->i_op->mknod(dir, dentry, mode, dev);
}

noinline int vfs_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	int err = may_create(dir);

	if (err)
		return err;
	if (!dir->i_op->symlink)
		return -EPERM;
	err = security_inode_symlink(dir, dentry, target);
	return err ?: dir->i_op->symlink(dir, dentry, target);
}

noinline int vfs_unlink(struct inode *dir, struct dentry *dentry)
{
	int err = may_delete(dir, dentry, false);

	if (err)
		return err;
	if (!dir->i_op->unlink)
		return -EPERM;
	if (dentry->d_flags & DCACHE_MOUNTED)
		return -EBUSY;
	err = security_inode_unlink(dir, dentry);
	if (!err)
		err = dir->i_op->unlink(dir, dentry);
	if (!err)
		d_delete(dentry);
	return err;
}

noinline int vfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	int err = may_delete(dir, dentry, true);

	if (err)
		return err;
	if (!dir->i_op->rmdir)
		return -EPERM;
	if (dentry->d_flags & DCACHE_MOUNTED)
		return -EBUSY;
	err = security_inode_rmdir(dir, dentry);
	if (err)
		return err;
	shrink_dcache_parent(dentry);
	err = dir->i_op->rmdir(dir, dentry);
	if (!err) {
		clear_nlink(dentry->d_inode);
		d_delete(dentry);
	}
	return err;
}

static int filename_parent(struct nameidata *nd, int dfd, const char *name)
{
	int err = start_walk(nd, dfd, name, LOOKUP_PARENT);

	if (err)
		return err;
	err = walk_name(nd);
	if (err)
		end_walk(nd);
	return err;
}

struct dentry *filename_create(int dfd, const char *name, unsigned int flags, struct path *parent)
{
	struct dentry *dentry;
	struct nameidata nd;
	int err = filename_parent(&nd, dfd, name);

	if (err)
		return ERR_PTR(err);
	if (nd.last_type != LAST_NORM) {
		end_walk(&nd);
		return ERR_PTR(-EEXIST);
	}
	inode_lock(nd.path.dentry->d_inode);
	dentry = lookup_locked(nd.path.dentry, &nd.last, 0);
	if (!IS_ERR(dentry)) {
		err = dentry->d_inode ? -EEXIST : nd.trailing_slash && !(flags & LOOKUP_DIRECTORY) ? -ENOENT :
		      mnt_want_write(nd.path.mnt);
		if (!err) {
			*parent = nd.path;
			path_get(parent);
			end_walk(&nd);
			return dentry;
		}
		dput(dentry);
		dentry = ERR_PTR(err);
	}
	inode_unlock(nd.path.dentry->d_inode);
	end_walk(&nd);
	return dentry;
}

void done_path_create(struct path *parent, struct dentry *dentry)
{
	dput(dentry);
	inode_unlock(parent->dentry->d_inode);
	path_put(parent);
}

static int do_mkdirat(int dfd, const char __user *user, umode_t mode)
{
	char *name = getname(user);
	struct dentry *dentry;
	struct path parent;
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	dentry = filename_create(dfd, name, LOOKUP_DIRECTORY, &parent);
	putname(name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = vfs_mkdir(parent.dentry->d_inode, dentry, mode & ~current->fs->umask);
	done_path_create(&parent, dentry);
	return err;
}

SYSCALL_DEFINE2(mkdir, const char __user *, pathname, umode_t, mode)
{
	return do_mkdirat(AT_FDCWD, pathname, mode);
}

SYSCALL_DEFINE3(mkdirat, int, dfd, const char __user *, pathname, umode_t, mode)
{
	return do_mkdirat(dfd, pathname, mode);
}

static int do_mknodat(int dfd, const char __user *user, umode_t mode, unsigned int dev)
{
	struct dentry *dentry;
	struct path parent;
	char *name;
	int err;

	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	name = getname(user);
	if (IS_ERR(name))
		return PTR_ERR(name);
	dentry = filename_create(dfd, name, 0, &parent);
	putname(name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	mode &= ~current->fs->umask;
	if (!(mode & S_IFMT) || S_ISREG(mode))
		err = vfs_create(parent.dentry->d_inode, dentry, mode, true);
	else
		err = vfs_mknod(parent.dentry->d_inode, dentry, mode,
				S_ISCHR(mode) || S_ISBLK(mode) ? new_decode_dev(dev) : 0);
	done_path_create(&parent, dentry);
	return err;
}

SYSCALL_DEFINE3(mknod, const char __user *, filename, umode_t, mode, unsigned int, dev)
{
	return do_mknodat(AT_FDCWD, filename, mode, dev);
}

SYSCALL_DEFINE4(mknodat, int, dfd, const char __user *, filename, umode_t, mode, unsigned int, dev)
{
	return do_mknodat(dfd, filename, mode, dev);
}

static int do_symlinkat(const char __user *user_target, int dfd, const char __user *user)
{
	char *target = getname(user_target), *name;
	struct dentry *dentry;
	struct path parent;
	int err;

	if (IS_ERR(target))
		return PTR_ERR(target);
	name = getname(user);
	if (IS_ERR(name)) {
		putname(target);
		return PTR_ERR(name);
	}
	dentry = filename_create(dfd, name, 0, &parent);
	err = PTR_ERR_OR_ZERO(dentry);
	if (!err) {
		err = vfs_symlink(parent.dentry->d_inode, dentry, target);
		done_path_create(&parent, dentry);
	}
	putname(target);
	putname(name);
	return err;
}

SYSCALL_DEFINE2(symlink, const char __user *, oldname, const char __user *, newname)
{
	return do_symlinkat(oldname, AT_FDCWD, newname);
}

SYSCALL_DEFINE3(symlinkat, const char __user *, oldname, int, newdfd, const char __user *, newname)
{
	return do_symlinkat(oldname, newdfd, newname);
}

/* protected_hardlinks: to what is not one's own only if it is a plain file that one could write. */
static bool may_hardlink(struct inode *inode)
{
	if (current_fsuid() == inode->i_uid.val || capable(CAP_FOWNER))
		return true;
	return S_ISREG(inode->i_mode) && !(inode->i_mode & S_ISUID) &&
	       (inode->i_mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) &&
	       !inode_permission(inode, MAY_READ | MAY_WRITE);
}

static int do_linkat(int old_dfd, const char __user *user_old, int new_dfd, const char __user *user_new, int flags)
{
	unsigned int how = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
			   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path old, parent;
	struct dentry *dentry;
	struct inode *inode, *dir;
	char *name;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_at(old_dfd, user_old, how, &old);
	if (err)
		return err;
	name = getname(user_new);
	dentry = IS_ERR(name) ? ERR_CAST(name) : filename_create(new_dfd, name, 0, &parent);
	putname(name);
	if (IS_ERR(dentry)) {
		path_put(&old);
		return PTR_ERR(dentry);
	}
	inode = old.dentry->d_inode;
	dir = parent.dentry->d_inode;
	if (old.mnt != parent.mnt)
		err = -EXDEV;
	else
		err = may_create(dir);
	if (!err && inode->i_sb != dir->i_sb)
		err = -EXDEV;
	if (!err && (!dir->i_op->link || S_ISDIR(inode->i_mode)))
		err = -EPERM;
	if (!err && !inode->i_nlink && !(inode->i_state & I_LINKABLE))
		err = -ENOENT;
	if (!err && !may_hardlink(inode))
		err = -EPERM;
	if (!err)
		err = security_inode_link(old.dentry, dir, dentry);
	if (!err)
		err = dir->i_op->link(old.dentry, dir, dentry);
	if (!err)
		inode->i_state &= ~I_LINKABLE;
	done_path_create(&parent, dentry);
	path_put(&old);
	return err;
}

SYSCALL_DEFINE2(link, const char __user *, oldname, const char __user *, newname)
{
	return do_linkat(AT_FDCWD, oldname, AT_FDCWD, newname, 0);
}

SYSCALL_DEFINE5(linkat, int, olddfd, const char __user *, oldname, int, newdfd, const char __user *, newname, int,
		flags)
{
	return do_linkat(olddfd, oldname, newdfd, newname, flags);
}

static int do_remove(int dfd, const char __user *user, bool want_dir)
{
	char *name = getname(user);
	struct dentry *dentry;
	struct nameidata nd;
	struct inode *dir, *inode = NULL;
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	err = filename_parent(&nd, dfd, name);
	if (err)
		goto out_name;
	if (nd.last_type != LAST_NORM) {
		err = !want_dir ? -EISDIR : nd.last_type == LAST_DOT ? -EINVAL :
		      nd.last_type == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
		goto out;
	}
	err = mnt_want_write(nd.path.mnt);
	if (err)
		goto out;
	dir = nd.path.dentry->d_inode;
	inode_lock(dir);
	dentry = lookup_locked(nd.path.dentry, &nd.last, 0);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
	} else {
		inode = dentry->d_inode;
		if (inode)
			ihold(inode);
		if (!want_dir && nd.trailing_slash)
			err = !inode ? -ENOENT : S_ISDIR(inode->i_mode) ? -EISDIR : -ENOTDIR;
		else
			err = want_dir ? vfs_rmdir(dir, dentry) : vfs_unlink(dir, dentry);
		dput(dentry);
	}
	inode_unlock(dir);
	/* The last reference, outside the lock: freeing a large file takes time. */
	iput(inode);
out:
	end_walk(&nd);
out_name:
	putname(name);
	return err;
}

SYSCALL_DEFINE1(unlink, const char __user *, pathname)
{
	return do_remove(AT_FDCWD, pathname, false);
}

SYSCALL_DEFINE1(rmdir, const char __user *, pathname)
{
	return do_remove(AT_FDCWD, pathname, true);
}

SYSCALL_DEFINE3(unlinkat, int, dfd, const char __user *, pathname, int, flag)
{
	if (flag & ~AT_REMOVEDIR)
		return -EINVAL;
	return do_remove(dfd, pathname, flag & AT_REMOVEDIR);
}

/* Is @dentry at or below @ancestor? */
static bool is_subdir(const struct dentry *dentry, const struct dentry *ancestor)
{
	for (;; dentry = dentry->d_parent) {
		if (dentry == ancestor)
			return true;
		if (dentry->d_parent == dentry)
			return false;
	}
}

static noinline int vfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new,
		      unsigned int flags)
{
	bool is_dir = S_ISDIR(old->d_inode->i_mode);
	struct inode *target = new->d_inode;
	int err;

	if (old->d_inode == target)
		return 0;
	err = may_delete(old_dir, old, is_dir);
	if (err)
		return err;
	if (flags & RENAME_EXCHANGE)
		err = may_delete(new_dir, new, S_ISDIR(target->i_mode));
	else
		err = target ? may_delete(new_dir, new, is_dir) : may_create(new_dir);
	if (err)
		return err;
	if (!old_dir->i_op->rename)
		return -EPERM;
	err = security_inode_rename(old_dir, old, new_dir, new);
	if (err)
		return err;
	if ((old->d_flags | new->d_flags) & DCACHE_MOUNTED)
		return -EBUSY;
	if (target)
		ihold(target);
	if (target && is_dir && !(flags & RENAME_EXCHANGE))
		shrink_dcache_parent(new);
	err = old_dir->i_op->rename(old_dir, old, new_dir, new, flags);
	if (!err && (flags & RENAME_EXCHANGE)) {
		d_exchange(old, new);
	} else if (!err) {
		if (target && is_dir)
			clear_nlink(target);
		d_move(old, new);
	}
	iput(target);
	return err;
}

static int do_renameat(int old_dfd, const char __user *user_old, int new_dfd, const char __user *user_new,
		       unsigned int flags)
{
	struct nameidata from, to;
	struct dentry *old, *new;
	struct inode *old_dir, *new_dir;
	char *old_name, *new_name;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	if (flags & RENAME_WHITEOUT)
		return -EINVAL;		/* as file systems answer that cannot */
	old_name = getname(user_old);
	if (IS_ERR(old_name))
		return PTR_ERR(old_name);
	new_name = getname(user_new);
	if (IS_ERR(new_name)) {
		err = PTR_ERR(new_name);
		goto out_old_name;
	}
	err = filename_parent(&from, old_dfd, old_name);
	if (err)
		goto out_new_name;
	err = filename_parent(&to, new_dfd, new_name);
	if (err)
		goto out_from;
	err = -EXDEV;
	if (from.path.mnt != to.path.mnt)
		goto out_to;
	err = -EBUSY;
	if (from.last_type != LAST_NORM)
		goto out_to;
	if (to.last_type != LAST_NORM) {
		err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
		goto out_to;
	}
	err = mnt_want_write(from.path.mnt);
	if (err)
		goto out_to;
	old_dir = from.path.dentry->d_inode;
	new_dir = to.path.dentry->d_inode;
	/* Ancestors first, so that two renames cannot wait for each other. */
	if (old_dir != new_dir && is_subdir(to.path.dentry, from.path.dentry)) {
		inode_lock(old_dir);
		inode_lock(new_dir);
	} else {
		inode_lock(new_dir);
		if (old_dir != new_dir)
			inode_lock(old_dir);
	}
	old = lookup_locked(from.path.dentry, &from.last, 0);
	err = PTR_ERR_OR_ZERO(old);
	if (err)
		goto out_unlock;
	err = -ENOENT;
	if (!old->d_inode)
		goto out_dput_old;
	new = lookup_locked(to.path.dentry, &to.last, 0);
	err = PTR_ERR_OR_ZERO(new);
	if (err)
		goto out_dput_old;
	if ((flags & RENAME_NOREPLACE) && new->d_inode)
		err = -EEXIST;
	else if ((flags & RENAME_EXCHANGE) && !new->d_inode)
		err = -ENOENT;
	else if ((flags & RENAME_EXCHANGE) && !S_ISDIR(new->d_inode->i_mode) && to.trailing_slash)
		err = -ENOTDIR;
	else if (!S_ISDIR(old->d_inode->i_mode) &&
		 (from.trailing_slash || (to.trailing_slash && !(flags & RENAME_EXCHANGE))))
		err = -ENOTDIR;
	else if (is_subdir(to.path.dentry, old))
		err = -EINVAL;
	else if (is_subdir(from.path.dentry, new))
		err = flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	else
		err = vfs_rename(old_dir, old, new_dir, new, flags);
	dput(new);
out_dput_old:
	dput(old);
out_unlock:
	inode_unlock(new_dir);
	if (old_dir != new_dir)
		inode_unlock(old_dir);
out_to:
	end_walk(&to);
out_from:
	end_walk(&from);
out_new_name:
	putname(new_name);
out_old_name:
	putname(old_name);
	return err;
}

SYSCALL_DEFINE2(rename, const char __user *, oldname, const char __user *, newname)
{
	return do_renameat(AT_FDCWD, oldname, AT_FDCWD, newname, 0);
}

SYSCALL_DEFINE4(renameat, int, olddfd, const char __user *, oldname, int, newdfd, const char __user *, newname)
{
	return do_renameat(olddfd, oldname, newdfd, newname, 0);
}

SYSCALL_DEFINE5(renameat2, int, olddfd, const char __user *, oldname, int, newdfd, const char __user *, newname,
		unsigned int, flags)
{
	return do_renameat(olddfd, oldname, newdfd, newname, flags);
}
