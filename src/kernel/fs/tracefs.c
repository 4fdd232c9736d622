// SPDX-License-Identifier: MIT
/* tracefs: /sys/kernel/tracing, and by itself also /sys/kernel/debug/tracing. */
#include <kernel/debugfs.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/sysfs.h>
#include <kernel/tracefs.h>
#include "internal.h"

static struct dentry *root;

static int tracefs_fill_super(struct super_block *sb, void *data, int silent)
{
	int err;

	sb->s_magic = TRACEFS_MAGIC;
	err = pseudo_fill_super(sb, data, silent);
	if (!err)
		sb->s_root->d_inode->i_mode = S_IFDIR | 0700;
	return err;
}

static struct dentry *tracefs_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_single(type, flags, data, tracefs_fill_super);
}

static struct file_system_type tracefs_type = {
	.name = "tracefs",
	.mount = tracefs_mount,
	.kill_sb = kill_litter_super,
};

static struct dentry *tracefs_root(void)
{
	struct vfsmount *mnt;

	if (!root) {
		register_filesystem(&tracefs_type);
		mnt = kern_mount(&tracefs_type);
		if (IS_ERR(mnt))
			return NULL;
		root = mnt->mnt_root;
	}
	return root;
}

static struct vfsmount *tracing_automount(struct path *path)
{
	return kern_mount(&tracefs_type);
}

static const struct dentry_operations tracing_dentry_operations = { .d_automount = tracing_automount };

static int tracefs_init(void)
{
	struct dentry *dir;

	if (!tracefs_root())
		return -ENOMEM;
	dir = debugfs_create_dir("tracing", NULL);
	if (!IS_ERR(dir))
		dir->d_op = &tracing_dentry_operations;
	return sysfs_create_dir_simple("kernel/tracing");
}
core_initcall(tracefs_init);

struct dentry *tracefs_create_file(const char *name, umode_t mode, struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	struct dentry *dir = parent ? parent : tracefs_root(), *dentry;

	if (!dir)
		return NULL;
	dentry = pseudo_create(dir, name, mode, data, fops, NULL);
	return IS_ERR(dentry) ? NULL : dentry;
}

struct dentry *tracefs_create_dir(const char *name, struct dentry *parent)
{
	return tracefs_create_file(name, S_IFDIR | 0750, parent, NULL, NULL);
}

void tracefs_remove(struct dentry *dentry)
{
	pseudo_remove(dentry);
}
