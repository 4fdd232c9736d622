// SPDX-License-Identifier: MIT
/*
 * Trees of names that the kernel itself makes and removes: the common ground of debugfs, tracefs, sysfs and proc.
 * Entries live in the dentry cache and are pinned there until they are removed.
 */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "internal.h"

static void pseudo_evict_inode(struct inode *inode)
{
	clear_inode(inode);
	if (inode->i_op == &simple_symlink_inode_operations)
		kfree(inode->i_link);
}

const struct super_operations pseudo_super_operations = {
	.evict_inode = pseudo_evict_inode,
	.statfs = simple_statfs,
};

static const struct inode_operations pseudo_dir_inode_operations = {
	.lookup = simple_lookup,
};

static const struct inode_operations pseudo_file_inode_operations;

static struct inode *make_inode(struct super_block *sb, umode_t mode, void *data)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	inode->i_private = data;
	inode->i_op = &pseudo_file_inode_operations;
	if (S_ISDIR(mode)) {
		inode->i_op = &pseudo_dir_inode_operations;
		inode->i_fop = &simple_dir_operations;
		inc_nlink(inode);
	}
	return inode;
}

/* @mode without a type makes a file. NULL when out of memory, ERR_PTR(-EEXIST). */
struct dentry *pseudo_create(struct dentry *parent, const char *name, umode_t mode, void *data,
			     const struct file_operations *fops, const struct inode_operations *iops)
{
	struct qstr q = QSTR_INIT(name, strlen(name));
	struct dentry *dentry = d_lookup(parent, &q);
	struct inode *inode;

	if (dentry && dentry->d_inode) {
		dput(dentry);
		return ERR_PTR(-EEXIST);
	}
	if (!dentry)
		dentry = d_alloc(parent, &q);
	if (!dentry)
		return NULL;
	dentry->d_flags &= ~DCACHE_DONTCACHE;
	inode = make_inode(parent->d_sb, mode & S_IFMT ? mode : mode | S_IFREG, data);
	if (!inode) {
		dput(dentry);
		return NULL;
	}
	if (fops)
		inode->i_fop = fops;
	if (iops)
		inode->i_op = iops;
	d_add(dentry, inode);
	d_pin(dentry);
	if (S_ISDIR(mode))
		inc_nlink(parent->d_inode);
	dput(dentry);
	return dentry;
}

struct dentry *pseudo_symlink(struct dentry *parent, const char *name, const char *target)
{
	char *text = kstrdup(target, GFP_KERNEL);
	struct dentry *dentry;

	if (!text)
		return NULL;
	dentry = pseudo_create(parent, name, S_IFLNK | S_IRWXUGO, NULL, NULL, &simple_symlink_inode_operations);
	if (IS_ERR_OR_NULL(dentry)) {
		kfree(text);
		return dentry;
	}
	dentry->d_inode->i_link = text;
	i_size_write(dentry->d_inode, strlen(text));
	return dentry;
}

static void remove_one(struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	dget(dentry);
	if (S_ISDIR(inode->i_mode) && dentry->d_parent->d_inode)
		drop_nlink(dentry->d_parent->d_inode);
	clear_nlink(inode);
	d_drop(dentry);
	d_unpin(dentry);
	dput(dentry);
}

/* Removes @dentry and everything below it. */
void pseudo_remove(struct dentry *dentry)
{
	struct dentry *child;
	bool found;

	if (IS_ERR_OR_NULL(dentry))
		return;
	do {
		found = false;
		list_for_each_entry(child, &dentry->d_subdirs, d_child) {
			if (child->d_inode && (child->d_flags & DCACHE_PINNED)) {
				pseudo_remove(child);
				found = true;
				break;
			}
		}
	} while (found);
	remove_one(dentry);
}

int pseudo_fill_super(struct super_block *sb, void *data, int silent)
{
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_op = &pseudo_super_operations;
	sb->s_root = d_make_root(make_inode(sb, S_IFDIR | 0755, NULL));
	return sb->s_root ? 0 : -ENOMEM;
}
