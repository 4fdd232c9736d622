// SPDX-License-Identifier: MIT
/*
 * Files in memory: the root file system (rootfs), tmpfs and ramfs. Names live in the dentry cache, bytes in the page
 * cache. (Documentation/filesystems/tmpfs.rst)
 */
#include <linux/falloc.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/seq_file.h>
#include <kernel/sched.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "../mm/filemap.h"
#include "internal.h"

struct ramfs_options {
	u64 max_pages;		/* 0: as many as there are */
	u64 max_inodes;
	umode_t mode;
	uid_t uid;
	gid_t gid;
	u64 used_pages;
	u64 default_pages;	/* what max_pages is without size= */
	umode_t default_mode;
};

static int charge_page(struct inode *inode)
{
	struct ramfs_options *options = inode->i_sb->s_fs_info;

	if (options->max_pages && options->used_pages >= options->max_pages)
		return -ENOSPC;
	options->used_pages++;
	return 0;
}

static void uncharge_page(struct inode *inode)
{
	struct ramfs_options *options = inode->i_sb->s_fs_info;

	options->used_pages--;
}

/* No ->readpage: a page that is not there is zeros. */
static const struct address_space_operations ram_aops = { .charge = charge_page, .uncharge = uncharge_page };

static loff_t ramfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(file, offset, whence);
	if (offset < 0 || offset >= i_size_read(inode))
		return -ENXIO;
	offset = mapping_seek(inode->i_mapping, offset, whence == SEEK_DATA);
	if (whence == SEEK_DATA && offset >= i_size_read(inode))
		return -ENXIO;
	return file->f_pos = offset;
}

/* Pages for a range: all of them, or none of the new ones. */
static int allocate_range(struct file *file, loff_t start, loff_t end)
{
	struct address_space *mapping = file->f_mapping;
	pgoff_t first = start / PAGE_SIZE, last = (end + PAGE_SIZE - 1) / PAGE_SIZE;
	struct ramfs_options *options = file_inode(file)->i_sb->s_fs_info;
	unsigned long have = mapping->nrpages;
	int ret = 0;
	pgoff_t i;

	if (options->max_pages && last - first > options->max_pages)
		return -ENOSPC;
	for (i = first; i < last && !ret; i++) {
		struct page *page = read_mapping_page(mapping, i, file);

		if (IS_ERR(page))
			ret = PTR_ERR(page) == -ENOMEM ? -ENOSPC : PTR_ERR(page);
		else
			put_page(page);
		if (signal_pending(current))
			ret = -EINTR;
	}
	if (ret && !have)
		truncate_inode_pages(mapping, i_size_read(file_inode(file)));
	return ret;
}

static long ramfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	int ret = 0;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	inode_lock(inode);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		punch_inode_pages(inode->i_mapping, offset, offset + len);
		goto out;
	}
	ret = inode_newsize_ok(inode, offset + len);
	if (!ret)
		ret = allocate_range(file, offset, offset + len);
	if (!ret && !(mode & FALLOC_FL_KEEP_SIZE) && offset + len > i_size_read(inode))
		i_size_write(inode, offset + len);
out:
	if (!ret)
		inode->i_mtime = inode->i_ctime = current_time(inode);
	inode_unlock(inode);
	return ret;
}

static const struct file_operations ramfs_file_operations = {
	.llseek = ramfs_llseek,
	.fallocate = ramfs_fallocate,
	.read_iter = generic_file_read_iter,
	.write_iter = ram_file_write_iter,
	.mmap = generic_file_mmap,
	.fsync = noop_fsync,
};

/* The attributes that chattr(1) would set on a tmpfs are known, and never set. */
static int ramfs_getattr(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int query_flags)
{
	generic_fillattr(path->dentry->d_inode, stat);
	stat->attributes_mask |= STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE | STATX_ATTR_NODUMP;
	return 0;
}

static const struct inode_operations ramfs_file_inode_operations = {
	.getattr = ramfs_getattr,
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

static struct inode *ramfs_tmpfile(struct inode *dir, umode_t mode)
{
	struct inode *inode = ramfs_get_inode(dir->i_sb, dir, mode, 0);

	return inode ? inode : ERR_PTR(-ENOSPC);
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
	.tmpfile = ramfs_tmpfile,
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
	struct inode *inode;

	simple_statfs(dentry, buf);
	if (!options->max_pages)
		return 0;
	buf->f_blocks = options->max_pages;
	buf->f_bfree = buf->f_bavail = options->max_pages - options->used_pages;
	if (!options->max_inodes)
		return 0;
	buf->f_files = buf->f_ffree = options->max_inodes;
	list_for_each_entry(inode, &dentry->d_sb->s_inodes, i_sb_list)
		buf->f_ffree--;
	return 0;
}

static void ramfs_put_super(struct super_block *sb)
{
	kfree(sb->s_fs_info);
}

static int parse(char *text, struct ramfs_options *options);

static int ramfs_remount(struct super_block *sb, int *flags, char *data)
{
	struct ramfs_options *options = sb->s_fs_info, new = *options;
	int ret = data ? parse(data, &new) : 0;

	if (!ret && new.max_pages && new.max_pages < options->used_pages)
		ret = -EINVAL;
	if (!ret)
		*options = new;
	return ret;
}

static int ramfs_show_options(struct seq_file *m, struct dentry *root)
{
	const struct ramfs_options *options = root->d_sb->s_fs_info;

	if (options->max_pages != options->default_pages)
		seq_printf(m, ",size=%lluk", options->max_pages * (PAGE_SIZE / 1024));
	if (options->max_inodes != options->default_pages)
		seq_printf(m, ",nr_inodes=%llu", options->max_inodes);
	if (options->mode != options->default_mode)
		seq_printf(m, ",mode=%03o", options->mode);
	if (options->uid)
		seq_printf(m, ",uid=%u", options->uid);
	if (options->gid)
		seq_printf(m, ",gid=%u", options->gid);
	return 0;
}

static const struct super_operations ramfs_super_operations = {
	.evict_inode = ramfs_evict_inode,
	.remount_fs = ramfs_remount,
	.show_options = ramfs_show_options,
	.statfs = ramfs_statfs,
	.put_super = ramfs_put_super,
};

/* A number with k, m, g, or % of the memory. The first character behind it, or NULL. */
static const char *parse_size(const char *text, u64 *bytes)
{
	char *end;

	*bytes = simple_strtoull(text, &end, 0);
	if (end == text)
		return NULL;
	switch (*end | 0x20) {
	case 'g':
		*bytes <<= 10;
		/* fall through */
	case 'm':
		*bytes <<= 10;
		/* fall through */
	case 'k':
		*bytes <<= 10;
		end++;
	}
	if (*end == '%') {
		*bytes = *bytes * totalram_pages / 100 * PAGE_SIZE;
		end++;
	}
	return end;
}

static int parse_option(const char *word, const char *value, struct ramfs_options *options)
{
	const char *end = value;
	u64 number;

	if (!strcmp(word, "inode64") || !strcmp(word, "inode32"))
		return value ? -EINVAL : 0;
	if (!value)
		return -EINVAL;
	if (!strcmp(word, "size")) {
		end = parse_size(value, &number);
		options->max_pages = PFN_UP(number);
	} else if (!strcmp(word, "nr_blocks")) {
		end = parse_size(value, &options->max_pages);
	} else if (!strcmp(word, "nr_inodes")) {
		end = parse_size(value, &options->max_inodes);
	} else if (!strcmp(word, "mode")) {
		options->mode = simple_strtoull(value, (char **)&end, 8) & 07777;
	} else if (!strcmp(word, "uid")) {
		options->uid = simple_strtoull(value, (char **)&end, 10);
	} else if (!strcmp(word, "gid")) {
		options->gid = simple_strtoull(value, (char **)&end, 10);
	} else if (strcmp(word, "huge") && strcmp(word, "mpol")) {
		return -EINVAL;
	} else {
		return 0;
	}
	return end && end != value && !*end ? 0 : -EINVAL;
}

static int parse(char *text, struct ramfs_options *options)
{
	char *word, *value;
	int ret;

	while ((word = strsep(&text, ","))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		ret = parse_option(word, value, options);
		if (ret)
			return ret;
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
	options->mode = options->default_mode = limited ? 01777 : 0755;
	if (limited)
		options->max_pages = options->max_inodes = options->default_pages = totalram_pages / 2;
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
	sb->s_root->d_inode->i_uid.val = options->uid;
	sb->s_root->d_inode->i_gid.val = options->gid;
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
