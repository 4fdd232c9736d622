// SPDX-License-Identifier: MIT
/* debugfs. (Documentation/filesystems/debugfs.rst) */
#include <kernel/debugfs.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include <kernel/sysfs.h>
#include <kernel/uaccess.h>
#include "internal.h"

static struct dentry *root;

static int debugfs_fill_super(struct super_block *sb, void *data, int silent)
{
	sb->s_magic = DEBUGFS_MAGIC;
	int err = pseudo_fill_super(sb, data, silent);

	if (!err)
		sb->s_root->d_inode->i_mode = S_IFDIR | 0700;
	return err;
}

static struct dentry *debugfs_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_single(type, flags, data, debugfs_fill_super);
}

static struct file_system_type debugfs_type = {
	.name = "debugfs",
	.mount = debugfs_mount,
	.kill_sb = kill_litter_super,
};

/* The file system exists from the first call on, mounted or not. */
static struct dentry *debugfs_root(void)
{
	struct vfsmount *mnt;

	if (!root) {
		register_filesystem(&debugfs_type);
		mnt = kern_mount(&debugfs_type);
		if (IS_ERR(mnt))
			return NULL;
		root = mnt->mnt_root;
	}
	return root;
}

static int debugfs_init(void)
{
	return debugfs_root() ? sysfs_create_dir_simple("kernel/debug") : -ENOMEM;
}
core_initcall(debugfs_init);

struct dentry *debugfs_create_file(const char *name, umode_t mode, struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	struct dentry *dir = parent ? parent : debugfs_root(), *dentry;

	if (IS_ERR_OR_NULL(dir))
		return ERR_PTR(-ENODEV);
	dentry = pseudo_create(dir, name, mode, data, fops, NULL);
	return dentry ? dentry : ERR_PTR(-ENOMEM);
}

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	return debugfs_create_file(name, S_IFDIR | 0755, parent, NULL, NULL);
}

struct dentry *debugfs_create_symlink(const char *name, struct dentry *parent, const char *target)
{
	struct dentry *dir = parent ? parent : debugfs_root(), *dentry;

	if (IS_ERR_OR_NULL(dir))
		return ERR_PTR(-ENODEV);
	dentry = pseudo_symlink(dir, name, target);
	return dentry ? dentry : ERR_PTR(-ENOMEM);
}

void debugfs_remove(struct dentry *dentry)
{
	pseudo_remove(dentry);
}

/* ---- One value a file, which may stay open longer than what it shows lives ------------------------------------------- */

static bool is_removed(const struct file *file)
{
	return d_unhashed(file->f_path.dentry);
}

ssize_t debugfs_attr_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return is_removed(file) ? -EIO : simple_attr_read(file, buf, count, pos);
}

ssize_t debugfs_attr_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return is_removed(file) ? -EIO : simple_attr_write(file, buf, count, pos);
}

ssize_t debugfs_attr_write_signed(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return is_removed(file) ? -EIO : simple_attr_write_signed(file, buf, count, pos);
}

#define VALUE_FILE(NAME, TYPE, GET, SET, FORMAT, SIGNED)						\
static int NAME ## _get(void *data, u64 *value)								\
{													\
	TYPE *p = data;											\
													\
	*value = GET;											\
	return 0;											\
}													\
static int NAME ## _set(void *data, u64 value)								\
{													\
	TYPE *p = data;											\
													\
	SET;												\
	return 0;											\
}													\
DEFINE_DEBUGFS_ATTRIBUTE ## SIGNED(fops_ ## NAME, NAME ## _get, NAME ## _set, FORMAT);			\
void debugfs_create_ ## NAME(const char *name, umode_t mode, struct dentry *parent, TYPE *value)	\
{													\
	debugfs_create_file(name, mode, parent, value, &fops_ ## NAME);					\
}

VALUE_FILE(u32, u32, *p, *p = value, "%llu\n", )
VALUE_FILE(x64, u64, *p, *p = value, "0x%016llx\n", )
VALUE_FILE(ulong, unsigned long, *p, *p = value, "%llu\n", )
VALUE_FILE(atomic_t, atomic_t, atomic_read(p), atomic_set(p, value), "%lld\n", _SIGNED)

static ssize_t bool_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	bool *value = file->private_data;

	return simple_read_from_buffer(buf, count, pos, *value ? "Y\n" : "N\n", 2);
}

static ssize_t bool_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	bool *value = file->private_data;
	char text[8] = { 0 };

	if (copy_from_user(text, buf, min_t(size_t, count, sizeof(text) - 1)))
		return -EFAULT;
	/* What is no truth value leaves it as it is, without an error. */
	kstrtobool(text, value);
	return count;
}

static const struct file_operations fops_bool = {
	.open = simple_open,
	.read = bool_read,
	.write = bool_write,
	.llseek = generic_file_llseek,
};

void debugfs_create_bool(const char *name, umode_t mode, struct dentry *parent, bool *value)
{
	debugfs_create_file(name, mode, parent, value, &fops_bool);
}
