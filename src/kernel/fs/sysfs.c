// SPDX-License-Identifier: MIT
/* sysfs: attributes by their path, one text each. (Documentation/filesystems/sysfs.rst) */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/sysfs.h>
#include <kernel/uaccess.h>
#include "internal.h"

struct attribute {
	sysfs_show_t show;
	sysfs_store_t store;
	void *priv;
	const void *data;	/* of a binary file */
	size_t size;
};

static struct dentry *root;

static int sysfs_fill_super(struct super_block *sb, void *data, int silent)
{
	sb->s_magic = SYSFS_MAGIC;
	return pseudo_fill_super(sb, data, silent);
}

static struct dentry *sysfs_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_single(type, flags, data, sysfs_fill_super);
}

static struct file_system_type sysfs_type = {
	.name = "sysfs",
	.fs_flags = FS_USERNS_MOUNT,
	.mount = sysfs_mount,
	.kill_sb = kill_litter_super,
};

static struct dentry *sysfs_root(void)
{
	struct vfsmount *mnt;

	if (!root) {
		register_filesystem(&sysfs_type);
		mnt = kern_mount(&sysfs_type);
		if (IS_ERR(mnt))
			return NULL;
		root = mnt->mnt_root;
	}
	return root;
}

/* ---- Attribute files ------------------------------------------------------------------------------------------------- */

static ssize_t attribute_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct attribute *attribute = file_inode(iocb->ki_filp)->i_private;
	ssize_t n;
	char *text;

	if (!attribute)
		return -ENODEV;		/* removed while it was open */
	if (attribute->data)
		return simple_read_to_iter(iocb, to, attribute->data, attribute->size);
	if (!attribute->show)
		return -EIO;
	text = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	n = attribute->show(attribute->priv, text);
	if (n >= 0)
		n = simple_read_to_iter(iocb, to, text, n);
	kfree(text);
	return n;
}

static ssize_t attribute_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct attribute *attribute = file_inode(iocb->ki_filp)->i_private;
	size_t count = min_t(size_t, iov_iter_count(from), PAGE_SIZE - 1);
	ssize_t n;
	char *text;

	if (!attribute)
		return -ENODEV;
	if (!attribute->store)
		return -EIO;
	text = kmalloc(count + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, count, from) < count) {
		kfree(text);
		return -EFAULT;
	}
	text[count] = '\0';
	n = attribute->store(attribute->priv, text, count);
	kfree(text);
	return n;
}

/* Not even root may write what has no way of storing it. */
static int attribute_open(struct inode *inode, struct file *file)
{
	const struct attribute *attribute = inode->i_private;

	return attribute && !attribute->store && (file->f_mode & FMODE_WRITE) ? -EACCES : 0;
}

static const struct file_operations attribute_fops = {
	.open = attribute_open,
	.read_iter = attribute_read,
	.write_iter = attribute_write,
	.llseek = generic_file_llseek,
};

/* ---- Paths ----------------------------------------------------------------------------------------------------------- */

/* The directory that holds the last name of @path, made if need be; *@name is that last name. */
static struct dentry *parent_of(const char *path, const char **name, bool create)
{
	struct dentry *dir = sysfs_root();
	const char *slash;

	while (!IS_ERR_OR_NULL(dir) && (slash = strchr(path, '/'))) {
		struct qstr q = QSTR_INIT(path, slash - path);
		struct dentry *next = d_lookup(dir, &q);
		char *text;

		if (next && next->d_inode) {
			dput(next);	/* pinned by being there */
		} else {
			dput(next);
			if (!create)
				return NULL;
			text = kstrndup(path, slash - path, GFP_KERNEL);
			next = text ? pseudo_create(dir, text, S_IFDIR | 0755, NULL, NULL, NULL) : NULL;
			kfree(text);
		}
		dir = next;
		path = slash + 1;
	}
	*name = path;
	return dir;
}

static int result_of(struct dentry *dentry)
{
	return dentry ? PTR_ERR_OR_ZERO(dentry) : -ENOMEM;
}

int sysfs_create_dir_simple(const char *path)
{
	const char *name;
	struct dentry *dir = parent_of(path, &name, true);
	int err = result_of(dir);

	if (!err)
		err = result_of(pseudo_create(dir, name, S_IFDIR | 0755, NULL, NULL, NULL));
	return err == -EEXIST ? 0 : err;
}

static int create(const char *path, umode_t mode, const struct attribute *from)
{
	struct attribute *attribute = kmemdup(from, sizeof(*from), GFP_KERNEL);
	struct dentry *dir, *dentry;
	const char *name;
	int err;

	if (!attribute)
		return -ENOMEM;
	dir = parent_of(path, &name, true);
	err = result_of(dir);
	if (!err) {
		dentry = pseudo_create(dir, name, S_IFREG | mode, attribute, &attribute_fops, NULL);
		err = result_of(dentry);
		if (!err)
			i_size_write(dentry->d_inode, attribute->data ? attribute->size : PAGE_SIZE);
	}
	if (err == -EEXIST) {
		pr_warn("sysfs: cannot create duplicate filename '/%s'\n", path);
		dump_stack();
	}
	if (err)
		kfree(attribute);
	return err;
}

int sysfs_create_file_simple(const char *path, umode_t mode, sysfs_show_t show, sysfs_store_t store, void *priv)
{
	struct attribute attribute = { .show = show, .store = store, .priv = priv };

	return create(path, mode, &attribute);
}

int sysfs_create_bin_file_simple(const char *path, umode_t mode, const void *data, size_t size)
{
	struct attribute attribute = { .data = data, .size = size };

	return create(path, mode, &attribute);
}

static void free_attributes(struct dentry *dentry)
{
	struct dentry *child;

	list_for_each_entry(child, &dentry->d_subdirs, d_child)
		if (child->d_inode)
			free_attributes(child);
	if (S_ISREG(dentry->d_inode->i_mode)) {
		static const struct file_operations gone_fops;

		kfree(dentry->d_inode->i_private);
		dentry->d_inode->i_private = NULL;
		dentry->d_inode->i_fop = &gone_fops;
	}
}

void sysfs_remove_simple(const char *path)
{
	const char *name;
	struct dentry *dir = parent_of(path, &name, false), *dentry;
	struct qstr q;

	if (IS_ERR_OR_NULL(dir))
		return;
	q = (struct qstr)QSTR_INIT(name, strlen(name));
	dentry = d_lookup(dir, &q);
	if (dentry && dentry->d_inode) {
		free_attributes(dentry);
		pseudo_remove(dentry);
	}
	dput(dentry);
}

int sysfs_emit(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(buf, PAGE_SIZE, fmt, args);
	va_end(args);
	return n;
}

/* Directories that other file systems are mounted on or that are simply expected. */
static int sysfs_init(void)
{
	static const char *const directories[] = {
		"block", "bus", "class", "dev/block", "dev/char", "devices", "firmware", "fs", "fs/bpf", "fs/cgroup",
		"kernel", "kernel/security", "module", "power",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(directories); i++)
		sysfs_create_dir_simple(directories[i]);
	return 0;
}
core_initcall(sysfs_init);
