// SPDX-License-Identifier: MIT
/*
 * The bpf file system: names that keep programs, maps and links alive without a descriptor (BPF_OBJ_PIN) and give them
 * back (BPF_OBJ_GET). Its files cannot be opened. Usually mounted on /sys/fs/bpf. (kernel/bpf/inode.c)
 */
#include <linux/magic.h>
#include <kernel/fdtable.h>
#include <kernel/init.h>
#include <kernel/seq_file.h>
#include <kernel/sysfs.h>
#include "../../kernel/fs/internal.h"
#include "link.h"

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC	0xcafe4a11
#endif

static const struct inode_operations bpf_dir_iops;
/* Told apart by their addresses; what a file stands for is in i_private. */
static const struct inode_operations bpf_prog_iops = { .setattr = simple_setattr };
static const struct inode_operations bpf_map_iops = { .setattr = simple_setattr };
static const struct inode_operations bpf_link_iops = { .setattr = simple_setattr };

static int bpffs_obj_open(struct inode *inode, struct file *file)
{
	return -EIO;
}

static const struct file_operations bpffs_obj_fops = { .open = bpffs_obj_open };

static struct inode *bpf_get_inode(struct super_block *sb, const struct inode *dir, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode_init_owner(inode, dir, mode);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	return inode;
}

static int instantiate(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	dentry->d_flags &= ~DCACHE_DONTCACHE;
	d_add(dentry, inode);
	d_pin(dentry);
	dir->i_mtime = dir->i_ctime = current_time(dir);
	return 0;
}

static int bpf_mkobj(struct inode *dir, struct dentry *dentry, umode_t mode, void *object,
		     const struct inode_operations *iops)
{
	struct inode *inode = bpf_get_inode(dir->i_sb, dir, mode | S_IFREG);

	if (!inode)
		return -ENOSPC;
	inode->i_op = iops;
	inode->i_fop = &bpffs_obj_fops;
	inode->i_private = object;
	return instantiate(dir, dentry, inode);
}

static int bpf_mkdir(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct inode *inode = bpf_get_inode(dir->i_sb, dir, mode | S_IFDIR);

	if (!inode)
		return -ENOSPC;
	inode->i_op = &bpf_dir_iops;
	inode->i_fop = &simple_dir_operations;
	inc_nlink(inode);
	inc_nlink(dir);
	return instantiate(dir, dentry, inode);
}

static int bpf_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	char *text = kstrdup(target, GFP_USER | __GFP_NOWARN);
	struct inode *inode = text ? bpf_get_inode(dir->i_sb, dir, S_IRWXUGO | S_IFLNK) : NULL;

	if (!inode) {
		kfree(text);
		return -ENOMEM;
	}
	inode->i_op = &simple_symlink_inode_operations;
	inode->i_link = text;
	i_size_write(inode, strlen(text));
	return instantiate(dir, dentry, inode);
}

/* Dots are kept for the system's own files; the root may have them. */
static struct dentry *bpf_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	if ((dir->i_mode & S_IALLUGO) && strchr(dentry->d_name.name, '.'))
		return ERR_PTR(-EPERM);
	return simple_lookup(dir, dentry, flags);
}

static const struct inode_operations bpf_dir_iops = {
	.lookup = bpf_lookup,
	.mkdir = bpf_mkdir,
	.symlink = bpf_symlink,
	.rmdir = simple_rmdir,
	.rename = simple_rename,
	.link = simple_link,
	.unlink = simple_unlink,
	.setattr = simple_setattr,
};

/* ---- objects of either kind ---- */

static void object_get(const struct inode_operations *iops, void *object)
{
	if (iops == &bpf_prog_iops)
		bpf_prog_inc(object);
	else if (iops == &bpf_map_iops)
		bpf_map_inc_with_uref(object);
	else
		bpf_link_inc(object);
}

static void object_put(const struct inode_operations *iops, void *object)
{
	if (iops == &bpf_prog_iops)
		bpf_prog_put(object);
	else if (iops == &bpf_map_iops)
		bpf_map_put_with_uref(object);
	else
		bpf_link_put(object);
}

/* What a descriptor stands for, with a reference. */
static void *object_of_fd(u32 ufd, const struct inode_operations **iops)
{
	struct file *file = fget(ufd);
	void *object;

	/* EINVAL, not EBADF, for whatever is not an object. */
	if (!file)
		return ERR_PTR(-EINVAL);
	if ((object = bpf_prog_from_file(file)))
		*iops = &bpf_prog_iops;
	else if ((object = bpf_map_from_file(file)))
		*iops = &bpf_map_iops;
	else if ((object = bpf_link_from_file(file)))
		*iops = &bpf_link_iops;
	if (object)
		object_get(*iops, object);
	fput(file);
	return object ?: ERR_PTR(-EINVAL);
}

int bpf_obj_pin(const union bpf_attr *attr)
{
	const struct inode_operations *iops;
	struct dentry *dentry;
	struct path parent;
	struct inode *dir;
	void *object;
	char *name;
	int err;

	if (attr->file_flags)
		return -EINVAL;
	object = object_of_fd(attr->bpf_fd, &iops);
	if (IS_ERR(object))
		return PTR_ERR(object);
	name = getname(u64_to_user_ptr(attr->pathname));
	err = PTR_ERR(name);
	if (IS_ERR(name))
		goto put;
	dentry = filename_create(AT_FDCWD, name, 0, &parent);
	putname(name);
	err = PTR_ERR(dentry);
	if (IS_ERR(dentry))
		goto put;
	dir = parent.dentry->d_inode;
	if (dir->i_op == &bpf_dir_iops) {
		err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
		if (!err)
			err = bpf_mkobj(dir, dentry, (S_IRUSR | S_IWUSR) & ~current->fs->umask, object, iops);
	} else {
		err = -EPERM;
	}
	done_path_create(&parent, dentry);
put:
	if (err)
		object_put(iops, object);
	return err;
}

int bpf_obj_get(const union bpf_attr *attr)
{
	const struct inode_operations *iops;
	int flags, mask, err;
	struct inode *inode;
	struct path path;
	void *object;

	if (attr->bpf_fd || attr->file_flags & ~(BPF_F_RDONLY | BPF_F_WRONLY))
		return -EINVAL;
	flags = bpf_get_file_flag(attr->file_flags);
	if (flags < 0)
		return flags;
	mask = flags == O_RDWR ? MAY_READ | MAY_WRITE : flags == O_WRONLY ? MAY_WRITE : MAY_READ;
	err = user_path_at(AT_FDCWD, u64_to_user_ptr(attr->pathname), LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	inode = path.dentry->d_inode;
	iops = inode->i_op;
	err = inode_permission(inode, mask);
	if (!err && iops != &bpf_prog_iops && iops != &bpf_map_iops && iops != &bpf_link_iops)
		err = -EACCES;
	if (err) {
		path_put(&path);
		return err;
	}
	object = inode->i_private;
	object_get(iops, object);
	path_put(&path);
	if (iops == &bpf_prog_iops)
		err = bpf_prog_new_fd(object);
	else if (iops == &bpf_map_iops)
		err = bpf_map_new_fd(object, flags);
	else
		err = flags == O_RDWR ? bpf_link_new_fd(object) : -EINVAL;
	if (err < 0)
		object_put(iops, object);
	return err;
}

/* ---- the file system ---- */

static void bpf_evict_inode(struct inode *inode)
{
	const struct inode_operations *iops = inode->i_op;

	clear_inode(inode);
	if (S_ISLNK(inode->i_mode))
		kfree(inode->i_link);
	else if (iops == &bpf_prog_iops || iops == &bpf_map_iops || iops == &bpf_link_iops)
		object_put(iops, inode->i_private);
}

static int bpf_show_options(struct seq_file *m, struct dentry *root)
{
	umode_t mode = root->d_inode->i_mode & S_IALLUGO & ~S_ISVTX;

	if (mode != S_IRWXUGO)
		seq_printf(m, ",mode=%o", mode);
	return 0;
}

static const struct super_operations bpf_super_ops = {
	.evict_inode = bpf_evict_inode, .show_options = bpf_show_options, .statfs = simple_statfs,
};

/* "mode=OCTAL"; other options mean nothing, and are let pass. */
static umode_t parse_mode(char *options)
{
	umode_t mode = S_IRWXUGO;
	char *word;

	while ((word = strsep(&options, ",")))
		if (!strncmp(word, "mode=", 5))
			mode = simple_strtoull(word + 5, NULL, 8) & S_IALLUGO;
	return mode;
}

static int bpf_fill_super(struct super_block *sb, void *data, int silent)
{
	umode_t mode = parse_mode(data);
	struct inode *inode;

	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = BPF_FS_MAGIC;
	sb->s_op = &bpf_super_ops;
	inode = bpf_get_inode(sb, NULL, S_IFDIR | S_ISVTX | mode);
	if (!inode)
		return -ENOMEM;
	inode->i_op = &bpf_dir_iops;
	inode->i_fop = &simple_dir_operations;
	inc_nlink(inode);
	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *bpf_mount(struct file_system_type *type, int flags, const char *dev_name, void *data)
{
	return mount_nodev(type, flags, data, bpf_fill_super);
}

static struct file_system_type bpf_fs_type = { .name = "bpf", .mount = bpf_mount, .kill_sb = kill_litter_super };

static int __init bpf_fs_init(void)
{
	int err = sysfs_create_dir_simple("fs/bpf");

	return err ?: register_filesystem(&bpf_fs_type);
}
fs_initcall(bpf_fs_init);
