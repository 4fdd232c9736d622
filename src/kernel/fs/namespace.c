// SPDX-License-Identifier: MIT
/* The tree of mounts; mount(2), umount2(2), chroot's and pivot's ground; /proc/mounts. (man 2 mount, man 2 umount2) */
#include <kernel/fs.h>
#include <kernel/fdtable.h>
#include <kernel/kernel.h>
#include <kernel/nsproxy.h>
#include <kernel/sched.h>
#include <kernel/cred.h>
#include <kernel/security.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <kernel/printk.h>
#include <kernel/seq_file.h>
#include "internal.h"

#ifndef MNT_FORCE
#define MNT_FORCE	1
#define MNT_DETACH	2
#define MNT_EXPIRE	4
#endif
#define UMOUNT_NOFOLLOW	8

#define HASH_SIZE	64

static struct list_head mount_hashtable[HASH_SIZE];
LIST_HEAD(mount_list);
struct path init_root_path;
static int next_id = 20;

static struct list_head *bucket(const struct vfsmount *parent, const struct dentry *mountpoint)
{
	return &mount_hashtable[(((unsigned long)parent >> 6) ^ ((unsigned long)mountpoint >> 6)) % HASH_SIZE];
}

struct mount *lookup_mnt(const struct path *path)
{
	struct mount *mount;

	list_for_each_entry(mount, bucket(path->mnt, path->dentry), hash) {
		if (mount->mnt_mountpoint == path->dentry && &mount->mnt_parent->mnt == path->mnt)
			return mount;
	}
	return NULL;
}

struct vfsmount *mntget(struct vfsmount *mnt)
{
	if (mnt)
		real_mount(mnt)->count++;
	return mnt;
}

void mntput(struct vfsmount *mnt)
{
	struct mount *mount;
	struct super_block *sb;

	if (!mnt)
		return;
	mount = real_mount(mnt);
	if (--mount->count)
		return;
	sb = mnt->mnt_sb;
	dput(mnt->mnt_root);
	kfree(mount->mnt_devname);
	kfree(mount);
	deactivate_super(sb);
}

/* A mount of @root (whose reference and that on its super block are taken over) that is nowhere yet. */
static struct mount *alloc_mount(struct dentry *root, const char *devname, int mnt_flags)
{
	struct mount *mount = kzalloc(sizeof(*mount), GFP_KERNEL);

	if (mount)
		mount->mnt_devname = kstrdup(devname ? devname : "none", GFP_KERNEL);
	if (!mount || !mount->mnt_devname) {
		struct super_block *sb = root->d_sb;

		kfree(mount);
		dput(root);
		deactivate_super(sb);
		return NULL;
	}
	mount->mnt.mnt_root = root;
	mount->mnt.mnt_sb = root->d_sb;
	mount->mnt.mnt_flags = mnt_flags;
	mount->mnt_parent = mount;
	mount->mnt_mountpoint = root;
	mount->count = 1;
	mount->mnt_ns = &init_mnt_ns;
	mount->mnt_id = next_id++;
	INIT_LIST_HEAD(&mount->hash);
	INIT_LIST_HEAD(&mount->list);
	return mount;
}

static struct mount *vfs_kern_mount(struct file_system_type *type, int flags, const char *devname, void *data,
				    int mnt_flags)
{
	struct dentry *root = type->mount(type, flags, devname, data);
	struct mount *mount;

	if (IS_ERR(root))
		return ERR_CAST(root);
	mount = alloc_mount(root, devname, mnt_flags);
	return mount ? mount : ERR_PTR(-ENOMEM);
}

struct vfsmount *kern_mount(struct file_system_type *type)
{
	struct mount *mount = vfs_kern_mount(type, 0, type->name, NULL, 0);

	return IS_ERR(mount) ? ERR_CAST(mount) : &mount->mnt;
}

/* Puts @mount, whose reference is taken over, at @path. */
static void attach(struct mount *mount, const struct path *path)
{
	mount->mnt_parent = real_mount(mntget(path->mnt));
	mount->mnt_mountpoint = dget(path->dentry);
	mount->mnt_parent->children++;
	path->dentry->d_flags |= DCACHE_MOUNTED;
	list_add(&mount->hash, bucket(path->mnt, path->dentry));
	list_add_tail(&mount->list, &mount_list);
}

static bool is_mountpoint(const struct dentry *dentry)
{
	struct mount *mount;

	list_for_each_entry(mount, &mount_list, list)
		if (mount->mnt_mountpoint == dentry && mount->mnt_parent != mount)
			return true;
	return false;
}

/* Takes @mount out of the tree; the caller gets the tree's reference. */
static void detach(struct mount *mount)
{
	struct mount *parent = mount->mnt_parent;
	struct dentry *mountpoint = mount->mnt_mountpoint;

	list_del_init(&mount->hash);
	list_del_init(&mount->list);
	mount->mnt_parent = mount;
	mount->mnt_mountpoint = mount->mnt.mnt_root;
	parent->children--;
	if (!is_mountpoint(mountpoint))
		mountpoint->d_flags &= ~DCACHE_MOUNTED;
	dput(mountpoint);
	mntput(&parent->mnt);
}

static int add_mount(struct mount *mount, const struct path *path)
{
	int err = 0;

	if (!path->dentry->d_inode->i_nlink || (d_unhashed(path->dentry) && path->dentry->d_parent != path->dentry))
		err = -ENOENT;
	else if (path->mnt->mnt_sb == mount->mnt.mnt_sb && path->mnt->mnt_root == path->dentry &&
		 mount->mnt.mnt_root == path->dentry)
		err = -EBUSY;
	else if (S_ISDIR(mount->mnt.mnt_root->d_inode->i_mode) != S_ISDIR(path->dentry->d_inode->i_mode))
		err = -ENOTDIR;
	if (err)
		mntput(&mount->mnt);
	else
		attach(mount, path);
	return err;
}

static int do_new_mount(const struct path *path, const char *type_name, int sb_flags, int mnt_flags,
			const char *devname, void *data)
{
	struct file_system_type *type;
	struct mount *mount;

	if (!type_name)
		return -EINVAL;
	type = get_fs_type(type_name);
	if (!type)
		return -ENODEV;
	mount = vfs_kern_mount(type, sb_flags, devname, data, mnt_flags);
	if (IS_ERR(mount))
		return PTR_ERR(mount);
	return add_mount(mount, path);
}

static int do_bind(const struct path *path, const char *from, int mnt_flags)
{
	struct mount *mount;
	struct path old;
	int err;

	if (!from || !*from)
		return -EINVAL;
	err = kern_path(from, LOOKUP_FOLLOW, &old);
	if (err)
		return err;
	old.mnt->mnt_sb->s_active++;
	mount = alloc_mount(dget(old.dentry), real_mount(old.mnt)->mnt_devname, old.mnt->mnt_flags);
	path_put(&old);
	if (!mount)
		return -ENOMEM;
	return add_mount(mount, path);
}

static int do_remount(const struct path *path, int sb_flags, int mnt_flags, bool bind, void *data)
{
	struct super_block *sb = path->mnt->mnt_sb;
	int err = 0;

	if (path->dentry != path->mnt->mnt_root)
		return -EINVAL;
	if (!bind) {
		if (sb->s_op->remount_fs)
			err = sb->s_op->remount_fs(sb, &sb_flags, data);
		if (err)
			return err;
		sb->s_flags = (sb->s_flags & ~(unsigned long)SB_RDONLY) | (sb_flags & SB_RDONLY);
	}
	path->mnt->mnt_flags = mnt_flags;
	return 0;
}

static int do_move(const struct path *path, const char *from)
{
	struct mount *mount;
	struct path old;
	int err;

	if (!from || !*from)
		return -EINVAL;
	err = kern_path(from, LOOKUP_FOLLOW, &old);
	if (err)
		return err;
	mount = real_mount(old.mnt);
	if (old.dentry != old.mnt->mnt_root || mount->mnt_parent == mount)
		err = -EINVAL;
	else if (S_ISDIR(old.dentry->d_inode->i_mode) != S_ISDIR(path->dentry->d_inode->i_mode))
		err = -EINVAL;
	for (struct mount *m = real_mount(path->mnt); !err; m = m->mnt_parent) {
		if (m == mount)
			err = -ELOOP;
		if (m->mnt_parent == m)
			break;
	}
	if (!err) {
		detach(mount);
		attach(mount, path);
	}
	path_put(&old);
	return err;
}

static int path_mount(const char *devname, const struct path *path, const char *type, unsigned long flags, void *data)
{
	int mnt_flags = 0, sb_flags;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	if (flags & (1UL << 31))	/* SB_NOUSER */
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!(flags & MS_NOATIME))
		mnt_flags |= MNT_RELATIME;
	mnt_flags |= (flags & MS_NOSUID ? MNT_NOSUID : 0) | (flags & MS_NODEV ? MNT_NODEV : 0) |
		     (flags & MS_NOEXEC ? MNT_NOEXEC : 0) | (flags & MS_NOATIME ? MNT_NOATIME : 0) |
		     (flags & MS_NODIRATIME ? MNT_NODIRATIME : 0) | (flags & MS_RDONLY ? MNT_READONLY : 0);
	if (flags & MS_STRICTATIME)
		mnt_flags &= ~(MNT_RELATIME | MNT_NOATIME);
	sb_flags = flags & (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | MS_POSIXACL |
			    MS_LAZYTIME | MS_I_VERSION);
	if (flags & MS_REMOUNT)
		return do_remount(path, sb_flags, mnt_flags, flags & MS_BIND, data);
	if (flags & MS_BIND)
		return do_bind(path, devname, mnt_flags);
	/* There is one mount namespace: whether it shares with others changes nothing. */
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return path->dentry == path->mnt->mnt_root ? 0 : -EINVAL;
	if (flags & MS_MOVE)
		return do_move(path, devname);
	return do_new_mount(path, type, sb_flags, mnt_flags, devname, data);
}

/* A string argument of mount(2): may be absent. */
static char *copy_mount_string(const char __user *user)
{
	return user ? strndup_user(user, PATH_MAX) : NULL;
}

/* The data argument: up to a page, zero-terminated for the file system's sake. */
static void *copy_mount_options(const void __user *user)
{
	size_t left = PAGE_SIZE, size;
	char *copy;

	if (!user)
		return NULL;
	copy = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	/* What lies behind the end of a mapping does not count as long as there is a first byte. */
	size = PAGE_SIZE - ((unsigned long)user & (PAGE_SIZE - 1));
	left = copy_from_user(copy, user, size);
	if (left == size) {
		kfree(copy);
		return ERR_PTR(-EFAULT);
	}
	if (!left && size < PAGE_SIZE)
		left = copy_from_user(copy + size, user + size, PAGE_SIZE - size);
	copy[PAGE_SIZE - 1] = 0;
	return copy;
}

SYSCALL_DEFINE5(mount, char __user *, dev_name, char __user *, dir_name, char __user *, type, unsigned long, flags,
		void __user *, data)
{
	char *kernel_type = copy_mount_string(type), *kernel_dev;
	void *options;
	struct path path;
	int err;

	if (IS_ERR(kernel_type))
		return PTR_ERR(kernel_type);
	kernel_dev = copy_mount_string(dev_name);
	err = PTR_ERR_OR_ZERO(kernel_dev);
	if (err)
		goto out_type;
	options = copy_mount_options(data);
	err = PTR_ERR_OR_ZERO(options);
	if (err)
		goto out_dev;
	err = user_path_at(AT_FDCWD, dir_name, LOOKUP_FOLLOW, &path);
	if (!err) {
		err = security_sb_mount(kernel_dev, &path, kernel_type, flags, options);
		if (err)
			goto out_path;
		err = path_mount(kernel_dev, &path, kernel_type, flags, options);
out_path:
		path_put(&path);
	}
	kfree(options);
out_dev:
	kfree(kernel_dev);
out_type:
	kfree(kernel_type);
	return err;
}

struct mount *automount(struct path *path)
{
	struct vfsmount *mnt = path->dentry->d_op->d_automount(path);

	if (IS_ERR_OR_NULL(mnt))
		return NULL;
	real_mount(mnt)->automounted = true;
	attach(real_mount(mnt), path);
	return real_mount(mnt);
}

/* The first child of @mount, for MNT_DETACH. */
static struct mount *child_of(struct mount *mount)
{
	struct mount *child;

	list_for_each_entry(child, &mount_list, list)
		if (child->mnt_parent == mount && child != mount)
			return child;
	return NULL;
}

/* A child that mounted itself and that nobody uses. */
static struct mount *idle_automount(struct mount *mount)
{
	struct mount *child;

	list_for_each_entry(child, &mount_list, list)
		if (child->mnt_parent == mount && child != mount && child->automounted && child->count == 1 &&
		    !child->children)
			return child;
	return NULL;
}

SYSCALL_DEFINE2(umount2, char __user *, name, int, flags)
{
	struct mount *mount, *child;
	struct path path;
	int err;

	if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) ||
	    ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH))))
		return -EINVAL;
	err = user_path_at(AT_FDCWD, name, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	mount = real_mount(path.mnt);
	if (path.dentry != path.mnt->mnt_root || mount->mnt_parent == mount)
		err = -EINVAL;
	else if (!capable(CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = security_sb_umount(path.mnt, flags);
	dput(path.dentry);
	while (!err && (child = idle_automount(mount))) {
		detach(child);
		mntput(&child->mnt);
	}
	/* Two references belong to nobody else: the tree's and ours. */
	if (!err && !(flags & MNT_DETACH) && (mount->count > 2 || mount->children))
		err = -EBUSY;
	/* MNT_EXPIRE: the first call marks, the second, if nobody came by in between, unmounts. */
	if (!err && (flags & MNT_EXPIRE) && mount->visits != mount->expires_at_visit) {
		mount->expires_at_visit = mount->visits + 1;
		err = -EAGAIN;
	}
	if (!err) {
		while ((child = child_of(mount))) {
			struct mount *deepest = child;

			while ((child = child_of(deepest)))
				deepest = child;
			detach(deepest);
			mntput(&deepest->mnt);
		}
		detach(mount);
		mntput(&mount->mnt);
	}
	mntput(path.mnt);
	return err;
}

SYSCALL_DEFINE1(chroot, const char __user *, filename)
{
	struct path path, old;
	int err = user_path_at(AT_FDCWD, filename, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = inode_permission(path.dentry->d_inode, MAY_EXEC);
	if (!err && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err) {
		path_put(&path);
		return err;
	}
	old = current->fs->root;
	current->fs->root = path;
	path_put(&old);
	return 0;
}

/* One line of /proc/mounts. */
void show_mount(struct seq_file *m, struct mount *mount)
{
	static const struct {
		int flag;
		const char *text;
	} options[] = {
		{ MNT_NOSUID, ",nosuid" }, { MNT_NODEV, ",nodev" }, { MNT_NOEXEC, ",noexec" },
		{ MNT_NOATIME, ",noatime" }, { MNT_NODIRATIME, ",nodiratime" }, { MNT_RELATIME, ",relatime" },
	};
	struct super_block *sb = mount->mnt.mnt_sb;
	struct path path = { &mount->mnt, mount->mnt.mnt_root };

	seq_escape(m, mount->mnt_devname, " \t\n\\");
	seq_putc(m, ' ');
	seq_path(m, &path, " \t\n\\");
	seq_printf(m, " %s %s", sb->s_type->name,
		   (mount->mnt.mnt_flags & MNT_READONLY) || sb_rdonly(sb) ? "ro" : "rw");
	for (unsigned int i = 0; i < ARRAY_SIZE(options); i++)
		if (mount->mnt.mnt_flags & options[i].flag)
			seq_puts(m, options[i].text);
	if (sb->s_op->show_options)
		sb->s_op->show_options(m, mount->mnt.mnt_root);
	seq_puts(m, " 0 0\n");
}

/* The first file system: everything else is mounted below it. */
void mount_rootfs(void)
{
	struct mount *mount;

	for (int i = 0; i < HASH_SIZE; i++)
		INIT_LIST_HEAD(&mount_hashtable[i]);
	mount = vfs_kern_mount(&rootfs_type, 0, "rootfs", NULL, 0);
	if (IS_ERR(mount))
		panic("Can't create rootfs");
	list_add(&mount->list, &mount_list);
	init_root_path.mnt = mntget(&mount->mnt);
	init_root_path.dentry = dget(mount->mnt.mnt_root);
}
