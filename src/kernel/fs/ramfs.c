// SPDX-License-Identifier: MIT
/*
 * Files in memory: the root file system (rootfs), tmpfs and ramfs. Names live in the dentry cache, bytes in the page
 * cache. (Documentation/filesystems/tmpfs.rst)
 */
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/seq_file.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "filemap.h"
#include "internal.h"

struct ramfs_options {
	u64 size;		/* bytes; 0: as much as there is */
	umode_t mode;
};

/* No ->readpage: a page that is not there is zeros. */
static const struct address_space_operations ram_aops;

static const struct file_operations ramfs_file_operations = {
	.llseek = generic_file_llseek,
	.read = generic_file_read,
	.write = ram_file_write,
	.mmap = generic_file_mmap,
	.fsync = noop_fsync,
};

static const struct inode_operations ramfs_file_inode_operations = {
	.setattr = simple_setattr,
};

static const struct inode_operations ramfs_dir_inode_operations;

static const struct inode_operations ramfs_symlink_inode_operations = {
	.get_link = simple_get_link,
	.setattr = simple_setattr,
};

struct inode *ramfs_get_inode(struct super_block *sb, const struct inode *dir, umode_t mode, dev_t dev)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode_init_owner(inode, dir, mode);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	inode->i_op = &ramfs_file_inode_operations;
	switch (mode & S_IFMT) {
	case S_IFREG:
		inode->i_fop = &ramfs_file_operations;
		inode->i_data.a_ops = &ram_aops;
		break;
	case S_IFDIR:
		inode->i_op = &ramfs_dir_inode_operations;
		inode->i_fop = &simple_dir_operations;
		inc_nlink(inode);	/* its own "." */
		break;
	case S_IFLNK:
		inode->i_op = &ramfs_symlink_inode_operations;
		break;
	default:
		init_special_inode(inode, inode->i_mode, dev);
	}
	return inode;
}

static int ramfs_mknod(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct inode *inode = ramfs_get_inode(dir->i_sb, dir, mode, dev);

	if (!inode)
		return -ENOSPC;
	dentry->d_flags &= ~DCACHE_DONTCACHE;
	d_add(dentry, inode);
	d_pin(dentry);
	dir->i_mtime = dir->i_ctime = current_time(dir);
	return 0;
}

static int ramfs_create(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl)
{
	return ramfs_mknod(dir, dentry, mode | S_IFREG, 0);
}

static int ramfs_mkdir(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	int err = ramfs_mknod(dir, dentry, mode | S_IFDIR, 0);

	if (!err)
		inc_nlink(dir);
	return err;
}

static int ramfs_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	char *text = kstrdup(target, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOSPC;
	err = ramfs_mknod(dir, dentry, S_IFLNK | S_IRWXUGO, 0);
	if (err) {
		kfree(text);
		return err;
	}
	dentry->d_inode->i_link = text;
	i_size_write(dentry->d_inode, strlen(text));
	return 0;
}

static const struct inode_operations ramfs_dir_inode_operations = {
	.lookup = simple_lookup,
	.create = ramfs_create,
	.link = simple_link,
	.unlink = simple_unlink,
	.symlink = ramfs_symlink,
	.mkdir = ramfs_mkdir,
	.rmdir = simple_rmdir,
	.mknod = ramfs_mknod,
	.rename = simple_rename,
	.setattr = simple_setattr,
};

static void ramfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	if (S_ISLNK(inode->i_mode))
		kfree(inode->i_link);
}

static int ramfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct ramfs_options *options = dentry->d_sb->s_fs_info;
	unsigned long used = 0;
	struct inode *inode;

	simple_statfs(dentry, buf);
	if (!options->size)
		return 0;
	list_for_each_entry(inode, &dentry->d_sb->s_inodes, i_sb_list)
		used += inode->i_data.nrpages;
	buf->f_blocks = options->size / PAGE_SIZE;
	buf->f_bfree = buf->f_bavail = buf->f_blocks > used ? buf->f_blocks - used : 0;
	buf->f_files = buf->f_ffree = buf->f_blocks;
	return 0;
}

static void ramfs_put_super(struct super_block *sb)
{
	kfree(sb->s_fs_info);
}

static const struct super_operations ramfs_super_operations = {
	.evict_inode = ramfs_evict_inode,
	.statfs = ramfs_statfs,
	.put_super = ramfs_put_super,
};

/* size=N[kmg%], mode=OCTAL; the other options of tmpfs are accepted when they limit nothing here. */
static int parse(char *text, struct ramfs_options *options)
{
	char *word, *end;

	while ((word = strsep(&text, ","))) {
		if (!*word)
			continue;
		if (!strncmp(word, "size=", 5)) {
			options->size = simple_strtoull(word + 5, &end, 0);
			switch (*end | 0x20) {
			case 'g':
				options->size <<= 10;
				/* fall through */
			case 'm':
				options->size <<= 10;
				/* fall through */
			case 'k':
				options->size <<= 10;
				end++;
			}
			if (*end == '%') {
				options->size = options->size * totalram_pages / 100 * PAGE_SIZE;
				end++;
			}
			if (*end)
				return -EINVAL;
		} else if (!strncmp(word, "mode=", 5)) {
			options->mode = simple_strtoull(word + 5, &end, 8);
			if (*end)
				return -EINVAL;
		} else if (strncmp(word, "nr_inodes=", 10) && strncmp(word, "nr_blocks=", 10) &&
			   strncmp(word, "uid=", 4) && strncmp(word, "gid=", 4) && strcmp(word, "inode64")) {
			return -EINVAL;
		}
	}
	return 0;
}

int ramfs_fill_super(struct super_block *sb, void *data, int silent)
{
	struct ramfs_options *options = kzalloc(sizeof(*options), GFP_KERNEL);
	bool limited = !strcmp(sb->s_type->name, "tmpfs");
	int err;

	if (!options)
		return -ENOMEM;
	options->mode = limited ? 01777 : 0755;
	if (limited)
		options->size = totalram_pages / 2 * PAGE_SIZE;
	err = data ? parse(data, options) : 0;
	if (err) {
		kfree(options);
		return err;
	}
	sb->s_fs_info = options;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = limited ? TMPFS_MAGIC : RAMFS_MAGIC;
	sb->s_op = &ramfs_super_operations;
	sb->s_root = d_make_root(ramfs_get_inode(sb, NULL, S_IFDIR | options->mode, 0));
	if (!sb->s_root) {
		kfree(options);
		return -ENOMEM;
	}
	return 0;
}

static struct dentry *ramfs_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_nodev(type, flags, data, ramfs_fill_super);
}

struct file_system_type rootfs_type = {
	.name = "rootfs",
	.mount = ramfs_mount,
	.kill_sb = kill_litter_super,
};

static struct file_system_type tmpfs_type = {
	.name = "tmpfs",
	.fs_flags = FS_USERNS_MOUNT,
	.mount = ramfs_mount,
	.kill_sb = kill_litter_super,
};

static struct file_system_type ramfs_type = {
	.name = "ramfs",
	.mount = ramfs_mount,
	.kill_sb = kill_litter_super,
};

static int ramfs_init(void)
{
	register_filesystem(&tmpfs_type);
	return register_filesystem(&ramfs_type);
}
fs_initcall(ramfs_init);
