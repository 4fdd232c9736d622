// SPDX-License-Identifier: MIT
/* devtmpfs: a tmpfs in which the kernel makes the nodes of its devices. */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include "internal.h"

static struct vfsmount *dev_mnt;

static struct dentry *devtmpfs_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_single(type, flags, data, ramfs_fill_super);
}

static struct file_system_type devtmpfs_type = {
	.name = "devtmpfs",
	.mount = devtmpfs_mount,
	.kill_sb = kill_litter_super,
};

static struct dentry *devtmpfs_root(void)
{
	if (!dev_mnt) {
		register_filesystem(&devtmpfs_type);
		dev_mnt = kern_mount(&devtmpfs_type);
	}
	return IS_ERR(dev_mnt) ? NULL : dev_mnt->mnt_root;
}

/* Makes @name below @dir; a directory that exists is as good as a new one. */
static int make(struct dentry *dir, const char *name, int len, umode_t mode, dev_t dev)
{
	struct inode *inode = dir->d_inode;
	struct dentry *dentry;
	int err;

	inode_lock(inode);
	dentry = lookup_one_locked(dir, name, len);
	err = PTR_ERR_OR_ZERO(dentry);
	if (!err) {
		if (dentry->d_inode)
			err = S_ISDIR(mode) ? 0 : -EEXIST;
		else
			err = S_ISDIR(mode) ? vfs_mkdir(inode, dentry, mode) : vfs_mknod(inode, dentry, mode, dev);
		dput(dentry);
	}
	inode_unlock(inode);
	return err;
}

int devtmpfs_create_node(const char *name, umode_t mode, dev_t dev)
{
	struct dentry *root = devtmpfs_root(), *dir = root;
	const char *slash = strchr(name, '/');
	int err;

	if (!root)
		return -ENODEV;
	if (slash) {
		struct qstr q = QSTR_INIT(name, slash - name);

		err = make(root, name, slash - name, S_IFDIR | 0755, 0);
		if (err)
			return err;
		dir = d_lookup(root, &q);
		name = slash + 1;
	} else {
		dget(dir);
	}
	err = make(dir, name, strlen(name), mode, dev);
	dput(dir);
	return err;
}
