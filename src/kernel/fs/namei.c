// SPDX-License-Identifier: MIT
/*
 * From path names to dentries.
 * (Documentation/filesystems/path-lookup.rst, man 7 path_resolution)
 */
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

/* ---- Names from user space ---------------------------------------------------------------------------------- */

char *getname_empty(const char __user *user)
{
	char *name = kmalloc(PATH_MAX, GFP_KERNEL);
	long len;

	if (!name)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(name, user, PATH_MAX);
	if (len >= 0 && len < PATH_MAX)
		return name;
	kfree(name);
	return ERR_PTR(len < 0 ? len : -ENAMETOOLONG);
}

char *getname(const char __user *user)
{
	char *name = getname_empty(user);

	if (!IS_ERR(name) && !*name) {
		kfree(name);
		return ERR_PTR(-ENOENT);
	}
	return name;
}

void putname(char *name)
{
	if (!IS_ERR_OR_NULL(name))
		kfree(name);
}

/* ---- Permission --------------------------------------------------------------------------------------------- */

int generic_permission(struct inode *inode, int mask)
{
	unsigned int mode = inode->i_mode;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (current_fsuid() == inode->i_uid.val)
		mode >>= 6;
	else if (in_group_p(inode->i_gid.val))
		mode >>= 3;
	if (!(mask & ~mode))
		return 0;
	if (S_ISDIR(inode->i_mode)) {
		if (capable(CAP_DAC_OVERRIDE) || (!(mask & MAY_WRITE) && capable(CAP_DAC_READ_SEARCH)))
			return 0;
		return -EACCES;
	}
	if (mask == MAY_READ && capable(CAP_DAC_READ_SEARCH))
		return 0;
	/* Even root executes only what somebody may execute. */
	if ((!(mask & MAY_EXEC) || (inode->i_mode & S_IXUGO)) && capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *inode, int mask)
{
	int err;

	if ((mask & MAY_WRITE) && sb_rdonly(inode->i_sb) &&
	    (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode) || S_ISLNK(inode->i_mode)))
		return -EROFS;
	err = inode->i_op->permission ? inode->i_op->permission(inode, mask) : generic_permission(inode, mask);
	return err ?: security_inode_permission(inode, mask);
}

int mnt_want_write(struct vfsmount *mnt)
{
	return (mnt->mnt_flags & MNT_READONLY) || sb_rdonly(mnt->mnt_sb) ? -EROFS : 0;
}

/* ---- The walk ------------------------------------------------------------------------------------------------ */

void path_get(const struct path *path)
{
	mntget(path->mnt);
	dget(path->dentry);
}

void path_put(const struct path *path)
{
	dput(path->dentry);
	mntput(path->mnt);
}

static void set_path(struct path *path, struct vfsmount *mnt, struct dentry *dentry)
{
	struct path old = *path;

	path->mnt = mnt;
	path->dentry = dentry;
	path_get(path);
	path_put(&old);
}

/* Goes down to the root of what is mounted here, if anything is. */
void follow_mount(struct path *path)
{
	struct mount *mount;

	for (;;) {
		mount = path->dentry->d_flags & DCACHE_MOUNTED ? lookup_mnt(path) : NULL;
		if (!mount && path->dentry->d_op && path->dentry->d_op->d_automount)
			mount = automount(path);
		if (!mount)
			return;
		mount->visits++;
		set_path(path, &mount->mnt, mount->mnt.mnt_root);
	}
}

static int follow_dotdot(struct nameidata *nd)
{
	for (;;) {
		struct mount *mount = real_mount(nd->path.mnt);

		if (nd->path.dentry == nd->root.dentry && nd->path.mnt == nd->root.mnt) {
			if (nd->resolve & RESOLVE_BENEATH)
				return -EXDEV;
			break;
		}
		if (nd->path.dentry != nd->path.mnt->mnt_root) {
			set_path(&nd->path, nd->path.mnt, nd->path.dentry->d_parent);
			break;
		}
		if (mount->mnt_parent == mount)
			break;
		if (nd->resolve & RESOLVE_NO_XDEV)
			return -EXDEV;
		set_path(&nd->path, &mount->mnt_parent->mnt, mount->mnt_mountpoint);
	}
	follow_mount(&nd->path);
	return 0;
}

static struct dentry *lookup_cached(struct dentry *parent, const struct qstr *name, unsigned int flags)
{
	struct dentry *dentry = d_lookup(parent, name);

	if (dentry && dentry->d_op && dentry->d_op->d_revalidate && !dentry->d_op->d_revalidate(dentry, flags)) {
		d_drop(dentry);
		dput(dentry);
		return NULL;
	}
	return dentry;
}

/* A dentry, maybe negative, for @name in @parent, whose inode is locked. */
struct dentry *lookup_locked(struct dentry *parent, const struct qstr *name, unsigned int flags)
{
	struct inode *dir = parent->d_inode;
	struct dentry *dentry = lookup_cached(parent, name, flags), *other;

	if (dentry)
		return dentry;
	if (!dir->i_op->lookup)
		return ERR_PTR(-ENOTDIR);
	if (!dir->i_nlink)
		return ERR_PTR(-ENOENT);
	dentry = d_alloc(parent, name);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	other = dir->i_op->lookup(dir, dentry, flags);
	if (!other)
		return dentry;
	dput(dentry);
	return other;
}

struct dentry *lookup_one_locked(struct dentry *parent, const char *name, int len)
{
	struct qstr q = QSTR_INIT(name, len);

	return lookup_locked(parent, &q, 0);
}

static struct dentry *lookup_one(struct dentry *parent, const struct qstr *name, unsigned int flags)
{
	struct dentry *dentry = lookup_cached(parent, name, flags);

	if (dentry)
		return dentry;
	inode_lock(parent->d_inode);
	dentry = lookup_locked(parent, name, flags);
	inode_unlock(parent->d_inode);
	return dentry;
}

/* protected_symlinks: in sticky directories that everybody may write, only links of one's own and of the directory's owner. */
static bool may_follow(const struct nameidata *nd, const struct inode *inode)
{
	const struct inode *dir = nd->path.dentry->d_inode;

	return current_fsuid() == inode->i_uid.val || (dir->i_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
	       dir->i_uid.val == inode->i_uid.val;
}

/* Replaces the symbolic link @dentry by its text, in front of what remains of the name. */
int follow_link(struct nameidata *nd, struct dentry *dentry, const char *rest)
{
	struct inode *inode = dentry->d_inode;
	char *to_free = NULL, *buffer;
	const char *text;
	size_t len;

	if (++nd->links > MAX_SYMLINKS || (nd->resolve & RESOLVE_NO_SYMLINKS))
		return -ELOOP;
	if (!may_follow(nd, inode))
		return -EACCES;
	if (inode->i_op->get_link_path) {
		struct path path;
		int err;

		if (nd->resolve & RESOLVE_NO_MAGICLINKS)
			return -ELOOP;
		if (nd->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
			return -EXDEV;
		err = inode->i_op->get_link_path(dentry, &path);
		if (err)
			return err;
		path_put(&nd->path);
		nd->path = path;
		nd->rest = rest;
		return 0;
	}
	text = inode->i_op->get_link ? inode->i_op->get_link(dentry, inode, &to_free) : ERR_PTR(-EINVAL);
	if (IS_ERR(text))
		return PTR_ERR(text);
	len = strlen(text);
	if (!len) {
		kfree(to_free);
		return -ENOENT;
	}
	buffer = kmalloc(len + strlen(rest) + 2, GFP_KERNEL);
	if (!buffer) {
		kfree(to_free);
		return -ENOMEM;
	}
	memcpy(buffer, text, len);
	if (*rest)
		buffer[len++] = '/';
	strcpy(buffer + len, rest);
	kfree(to_free);
	kfree(nd->buffer);
	nd->buffer = buffer;
	nd->rest = buffer;
	if (*buffer == '/' && (nd->resolve & RESOLVE_BENEATH))
		return -EXDEV;
	if (*buffer == '/' && (nd->resolve & RESOLVE_NO_XDEV) && nd->path.mnt != nd->root.mnt)
		return -EXDEV;
	if (*buffer == '/')
		set_path(&nd->path, nd->root.mnt, nd->root.dentry);
	return 0;
}

/* Walks nd->rest; with LOOKUP_PARENT up to its last component. */
int walk_name(struct nameidata *nd)
{
	int err;

	for (;;) {
		struct dentry *dentry;
		struct qstr name;
		struct path next;
		const char *rest;
		bool last;

		while (*nd->rest == '/')
			nd->rest++;
		if (!*nd->rest) {
			nd->last_type = LAST_ROOT;
			break;
		}
		if (!S_ISDIR(nd->path.dentry->d_inode->i_mode))
			return -ENOTDIR;
		err = inode_permission(nd->path.dentry->d_inode, MAY_EXEC);
		if (err)
			return err;
		name.name = nd->rest;
		name.len = strchrnul(nd->rest, '/') - nd->rest;
		if (name.len > NAME_MAX)
			return -ENAMETOOLONG;
		rest = nd->rest + name.len;
		while (*rest == '/')
			rest++;
		last = !*rest;
		nd->trailing_slash = last && rest != name.name + name.len;
		nd->last_type = LAST_NORM;
		if (name.name[0] == '.' && name.len == 1)
			nd->last_type = LAST_DOT;
		else if (name.name[0] == '.' && name.len == 2 && name.name[1] == '.')
			nd->last_type = LAST_DOTDOT;
		if (last && (nd->flags & LOOKUP_PARENT)) {
			nd->last = name;
			return 0;
		}
		if (nd->last_type != LAST_NORM) {
			err = nd->last_type == LAST_DOTDOT ? follow_dotdot(nd) : 0;
			if (err)
				return err;
			nd->rest = rest;
			continue;
		}
		dentry = lookup_one(nd->path.dentry, &name, nd->flags);
		if (IS_ERR(dentry))
			return PTR_ERR(dentry);
		if (!dentry->d_inode) {
			dput(dentry);
			return -ENOENT;
		}
		if (S_ISLNK(dentry->d_inode->i_mode) &&
		    (!last || nd->trailing_slash || (nd->flags & LOOKUP_FOLLOW))) {
			err = follow_link(nd, dentry, last && nd->trailing_slash ? "/" : rest);
			dput(dentry);
			if (err)
				return err;
			/* "link/": what it leads to must be a directory. */
			if (nd->trailing_slash)
				nd->flags |= LOOKUP_DIRECTORY;
			continue;
		}
		next.mnt = mntget(nd->path.mnt);
		next.dentry = dentry;
		follow_mount(&next);
		if ((nd->resolve & RESOLVE_NO_XDEV) && next.mnt != nd->path.mnt) {
			path_put(&next);
			return -EXDEV;
		}
		path_put(&nd->path);
		nd->path = next;
		if (nd->trailing_slash && !S_ISDIR(nd->path.dentry->d_inode->i_mode))
			return -ENOTDIR;
		nd->rest = rest;
	}
	if ((nd->flags & LOOKUP_DIRECTORY) && !(nd->flags & LOOKUP_PARENT) &&
	    !S_ISDIR(nd->path.dentry->d_inode->i_mode))
		return -ENOTDIR;
	return 0;
}

void end_walk(struct nameidata *nd)
{
	path_put(&nd->path);
	path_put(&nd->root);
	kfree(nd->buffer);
}

/* Starts a walk of @name from @dfd (AT_FDCWD: the working directory). */
int start_walk(struct nameidata *nd, int dfd, const char *name, unsigned int flags)
{
	struct file *file;

	memset(nd, 0, sizeof(*nd));
	nd->flags = flags;
	nd->rest = name;
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	nd->root = current->fs ? current->fs->root : init_root_path;
	if (*name == '/') {
		nd->path = nd->root;
	} else if (dfd == AT_FDCWD) {
		nd->path = current->fs ? current->fs->pwd : init_root_path;
	} else {
		file = fget_raw(dfd);
		if (!file)
			return -EBADF;
		if (*name && !S_ISDIR(file_inode(file)->i_mode)) {
			fput(file);
			return -ENOTDIR;
		}
		nd->path = file->f_path;
		path_get(&nd->path);
		fput(file);
		path_get(&nd->root);
		return 0;
	}
	path_get(&nd->path);
	path_get(&nd->root);
	return 0;
}

int filename_lookup(int dfd, const char *name, unsigned int flags, struct path *path)
{
	struct nameidata nd;
	int err = start_walk(&nd, dfd, name, flags);

	if (err)
		return err;
	err = walk_name(&nd);
	if (!err) {
		*path = nd.path;
		path_get(path);
	}
	end_walk(&nd);
	return err;
}

int kern_path(const char *name, unsigned int flags, struct path *path)
{
	return filename_lookup(AT_FDCWD, name, flags, path);
}

int user_path_at(int dfd, const char __user *user, unsigned int flags, struct path *path)
{
	char *name = flags & LOOKUP_EMPTY ? getname_empty(user) : getname(user);
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	err = filename_lookup(dfd, name, flags, path);
	putname(name);
	return err;
}

/* openat2: the walk shall stay below where it begins. */
int restrict_walk(struct nameidata *nd, unsigned int resolve)
{
	struct path start;

	nd->resolve = resolve;
	if (!(resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)))
		return 0;
	if (*nd->rest == '/')
		return -EXDEV;
	start = nd->path;
	set_path(&nd->root, start.mnt, start.dentry);
	return 0;
}

/* ---- Symbolic links ------------------------------------------------------------------------------------------- */

noinline int vfs_readlink(struct dentry *dentry, char __user *buffer, int size)
{
	struct inode *inode = dentry->d_inode;
	char *to_free = NULL;
	const char *text;
	int len;

	if (inode->i_op->readlink)
		return inode->i_op->readlink(dentry, buffer, size);
	if (!S_ISLNK(inode->i_mode) || !inode->i_op->get_link)
		return -EINVAL;
	text = inode->i_op->get_link(dentry, inode, &to_free);
	if (IS_ERR(text))
		return PTR_ERR(text);
	len = min_t(int, strlen(text), size);
	if (copy_to_user(buffer, text, len))
		len = -EFAULT;
	kfree(to_free);
	return len;
}
