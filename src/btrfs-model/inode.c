// SPDX-License-Identifier: MIT
/* Inodes: reading them from the tree, what stat(2) shows of them, symbolic links. After Linux's fs/btrfs/inode.c. */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

static struct kmem_cache *btrfs_inode_cache;

int btrfs_inode_cache_init(void)
{
	btrfs_inode_cache = kmem_cache_create("btrfs_inode", sizeof(struct btrfs_inode), 0, 0, NULL);
	return btrfs_inode_cache ? 0 : -ENOMEM;
}

struct inode *btrfs_alloc_inode(struct super_block *sb)
{
	struct btrfs_inode *inode = kmem_cache_zalloc(btrfs_inode_cache, GFP_KERNEL);

	return inode ? &inode->vfs_inode : NULL;
}

void btrfs_free_inode(struct inode *inode)
{
	kmem_cache_free(btrfs_inode_cache, BTRFS_I(inode));
}

void btrfs_evict_inode(struct inode *inode)
{
	struct btrfs_inode *binode = BTRFS_I(inode);

	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	btrfs_put_root(binode->root);
	binode->root = NULL;
}

struct iget_args {
	u64 objectid;
	struct btrfs_root *root;
};

static int btrfs_find_actor(struct inode *inode, void *data)
{
	const struct iget_args *args = data;

	return BTRFS_I(inode)->objectid == args->objectid && BTRFS_I(inode)->root == args->root;
}

static int btrfs_init_locked_inode(struct inode *inode, void *data)
{
	const struct iget_args *args = data;

	inode->i_ino = args->objectid;
	BTRFS_I(inode)->objectid = args->objectid;
	BTRFS_I(inode)->root = btrfs_grab_root(args->root);
	return 0;
}

static struct timespec64 timespec(const struct btrfs_timespec *on_disk)
{
	return (struct timespec64){ .tv_sec = on_disk->sec, .tv_nsec = on_disk->nsec };
}

static void set_operations(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFDIR:
		inode->i_op = &btrfs_dir_inode_operations;
		inode->i_fop = &btrfs_dir_file_operations;
		break;
	case S_IFREG:
		inode->i_op = &btrfs_file_inode_operations;
		inode->i_fop = &btrfs_file_operations;
		inode->i_mapping->a_ops = &btrfs_aops;
		break;
	case S_IFLNK:
		inode->i_op = &btrfs_symlink_inode_operations;
		break;
	default:
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
		inode->i_op = &btrfs_special_inode_operations;
	}
}

static noinline int btrfs_read_locked_inode(struct inode *inode)
{
	struct btrfs_inode *binode = BTRFS_I(inode);
	struct btrfs_key key = { binode->objectid, BTRFS_INODE_ITEM_KEY, 0 };
	const struct btrfs_inode_item *item;
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	if (!path)
		return -ENOMEM;
	ret = btrfs_search_slot(NULL, binode->root, &key, path, 0, 0);
	if (ret) {
		btrfs_free_path(path);
		return ret > 0 ? -ENOENT : ret;
	}
	item = btrfs_item_data(path->nodes[0], path->slots[0]);
	inode->i_mode = item->mode;
	set_nlink(inode, item->nlink);
	inode->i_uid.val = item->uid;
	inode->i_gid.val = item->gid;
	i_size_write(inode, item->size);
	inode->i_blocks = (item->nbytes + 511) >> 9;
	inode->i_blkbits = 12;
	inode->i_generation = item->generation;
	inode->i_atime = timespec(&item->atime);
	inode->i_mtime = timespec(&item->mtime);
	inode->i_ctime = timespec(&item->ctime);
	binode->i_otime = timespec(&item->otime);
	binode->generation = item->generation;
	binode->flags = item->flags;
	/* The disk has a device number as Linux keeps it inside: 12 bits of major above 20 of minor. */
	inode->i_rdev = item->rdev;
	btrfs_free_path(path);
	set_operations(inode);
	return 0;
}

noinline struct inode *btrfs_iget(struct super_block *sb, u64 objectid, struct btrfs_root *root)
{
	struct iget_args args = { objectid, root };
	struct inode *inode = iget5_locked(sb, objectid + root->objectid, btrfs_find_actor, btrfs_init_locked_inode,
					   &args);
	int ret;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (IS_ERR(inode) || !(inode->i_state & I_NEW))
		return inode;
	ret = btrfs_read_locked_inode(inode);
	if (ret) {
		iget_failed(inode);
		return ERR_PTR(ret);
	}
	unlock_new_inode(inode);
	return inode;
}

int btrfs_getattr(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	const struct btrfs_inode *binode = BTRFS_I(inode);

	generic_fillattr(inode, stat);
	stat->dev = binode->root->anon_dev ?: stat->dev;
	stat->blksize = binode->root->fs_info->sectorsize;
	stat->btime = binode->i_otime;
	stat->result_mask |= STATX_BTIME;
	return 0;
}

/* The text of a link is one inline extent. */
static const char *btrfs_get_link(struct dentry *dentry, struct inode *inode, char **to_free)
{
	u64 size = i_size_read(inode);
	char *text;
	int ret;

	if (size >= PATH_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	text = kzalloc(size + 1, GFP_KERNEL);
	if (!text)
		return ERR_PTR(-ENOMEM);
	ret = btrfs_read_file_range(inode, 0, text, size);
	if (ret) {
		kfree(text);
		return ERR_PTR(ret);
	}
	*to_free = text;
	return text;
}

const struct inode_operations btrfs_symlink_inode_operations = {
	.get_link = btrfs_get_link,
	.getattr = btrfs_getattr,
};

const struct inode_operations btrfs_special_inode_operations = {
	.getattr = btrfs_getattr,
};
