// SPDX-License-Identifier: MIT
/*
 * From path names to dentries, and the system calls that change directories.
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

#define O_TMPFILE_MASK		(__O_TMPFILE | O_DIRECTORY | O_CREAT)
#define VALID_OPEN_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | \
				 FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | \
				 __O_TMPFILE)
#define VALID_RESOLVE_FLAGS	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | \
				 RESOLVE_IN_ROOT | RESOLVE_CACHED)
#define OPEN_HOW_SIZE_VER0	24

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
	if (current_fsuid() == inode->i_uid)
		mode >>= 6;
	else if (in_group_p(inode->i_gid))
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

enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };

struct nameidata {
	struct path path;		/* where the walk is; holds references */
	struct path root;
	unsigned int flags;		/* LOOKUP_ */
	unsigned int links;		/* symbolic links followed */
	const char *rest;		/* what remains of the name */
	char *buffer;			/* what rest points into, once a link was followed */
	struct qstr last;		/* LOOKUP_PARENT: the last component */
	enum last_type last_type;
	bool trailing_slash;
	unsigned int resolve;		/* RESOLVE_ of openat2() */
};

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
static void follow_mount(struct path *path)
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
		if (mount->parent == mount)
			break;
		if (nd->resolve & RESOLVE_NO_XDEV)
			return -EXDEV;
		set_path(&nd->path, &mount->parent->mnt, mount->mountpoint);
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
static struct dentry *lookup_locked(struct dentry *parent, const struct qstr *name, unsigned int flags)
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

	return current_fsuid() == inode->i_uid || (dir->i_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) ||
	       dir->i_uid == inode->i_uid;
}

/* Replaces the symbolic link @dentry by its text, in front of what remains of the name. */
static int follow_link(struct nameidata *nd, struct dentry *dentry, const char *rest)
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
static int walk(struct nameidata *nd)
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

static void end_walk(struct nameidata *nd)
{
	path_put(&nd->path);
	path_put(&nd->root);
	kfree(nd->buffer);
}

/* Starts a walk of @name from @dfd (AT_FDCWD: the working directory). */
static int start_walk(struct nameidata *nd, int dfd, const char *name, unsigned int flags)
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
	err = walk(&nd);
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
static int restrict_walk(struct nameidata *nd, unsigned int resolve)
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

/* ---- Opening ------------------------------------------------------------------------------------------------- */

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
	if (!err && (flags & O_NOATIME) && current_fsuid() != inode->i_uid && !capable(CAP_FOWNER))
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
			err = vfs_create(dir, dentry, mode & ~current->fs->umask, flags & O_EXCL);
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

static struct file *filp_open_resolved(int dfd, const char *name, int flags, umode_t mode, unsigned int resolve)
{
	struct nameidata nd;
	bool created = false;
	struct file *file;
	int err;

	if (flags & O_PATH)
		flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
	if (flags & __O_TMPFILE) {
		if ((flags & O_TMPFILE_MASK) != O_TMPFILE || !(flags & (O_WRONLY | O_RDWR)))
			return ERR_PTR(-EINVAL);
	} else if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return ERR_PTR(-EINVAL);
	}
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
			err = walk(&nd);
			if (!err)
				err = nd.last_type == LAST_ROOT ? -EISDIR : open_last(&nd, flags, mode, &created);
		} while (err == 1);
	} else {
		nd.flags = (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
		err = walk(&nd);
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

struct file *do_filp_open(int dfd, const char *name, int flags, umode_t mode)
{
	return filp_open_resolved(dfd, name, flags, mode, 0);
}

SYSCALL_DEFINE4(openat2, int, dfd, const char __user *, user, struct open_how __user *, uhow, size_t, size)
{
	struct open_how how = { 0 };
	struct file *file;
	char *name;
	int fd, err;

	if (size < OPEN_HOW_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&how, sizeof(how), uhow, size);
	if (err)
		return err;
	if ((how.flags & ~(u64)VALID_OPEN_FLAGS) || (how.resolve & ~(u64)VALID_RESOLVE_FLAGS) ||
	    ((how.resolve & RESOLVE_BENEATH) && (how.resolve & RESOLVE_IN_ROOT)) || (how.mode & ~(u64)S_IALLUGO) ||
	    (how.mode && !(how.flags & (O_CREAT | __O_TMPFILE))) ||
	    ((how.flags & O_PATH) && (how.flags & ~(u64)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC))))
		return -EINVAL;
	/* Only what needs no waiting: nothing here promises that. */
	if (how.resolve & RESOLVE_CACHED)
		return -EAGAIN;
	name = getname(user);
	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = get_unused_fd_flags(how.flags);
	if (fd >= 0) {
		file = filp_open_resolved(dfd, name, how.flags, how.mode, how.resolve);
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

/* ---- Changing directories ------------------------------------------------------------------------------------ */

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
	if ((dir->i_mode & S_ISVTX) && current_fsuid() != inode->i_uid && current_fsuid() != dir->i_uid &&
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

noinline int vfs_create(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl)
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
	err = walk(nd);
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
	if (current_fsuid() == inode->i_uid || capable(CAP_FOWNER))
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
