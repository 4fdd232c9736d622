// SPDX-License-Identifier: MIT
/*
 * Directories. Each name is in the tree twice: as DIR_ITEM under the hash of the name, for looking it up, and as DIR_INDEX
 * under a number that only grows, for listing in the order of creation. A name may lead into another subvolume.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include "ctree.h"

/* The entry called @name among those that share an item because their hashes are equal. The checker vetted the item. */
static const struct btrfs_dir_item *btrfs_match_dir_item_name(const struct btrfs_path *path, const char *name, int len)
{
	const char *data = btrfs_item_data(path->nodes[0], path->slots[0]);
	u32 size = btrfs_item_size(path->nodes[0], path->slots[0]), cur = 0;

	while (cur < size) {
		const struct btrfs_dir_item *di = (const struct btrfs_dir_item *)(data + cur);

		if (di->name_len == len && !memcmp(di + 1, name, len))
			return di;
		cur += sizeof(*di) + di->name_len + di->data_len;
	}
	return NULL;
}

noinline int btrfs_inode_by_name(struct inode *dir, const char *name, int len, struct btrfs_key *location)
{
	struct btrfs_key key = { BTRFS_I(dir)->objectid, BTRFS_DIR_ITEM_KEY, btrfs_name_hash(name, len) };
	const struct btrfs_dir_item *di;
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	if (!path)
		return -ENOMEM;
	ret = btrfs_search_slot(NULL, BTRFS_I(dir)->root, &key, path, 0, 0);
	if (!ret) {
		di = btrfs_match_dir_item_name(path, name, len);
		if (di)
			*location = disk_key(&di->location);
		else
			ret = -ENOENT;
	}
	btrfs_free_path(path);
	return ret > 0 ? -ENOENT : ret;
}

/* An inode of this subvolume, or the top directory of another. */
static struct inode *inode_at(struct inode *dir, const struct btrfs_key *location)
{
	struct btrfs_fs_info *fs_info = btrfs_sb(dir->i_sb);
	struct btrfs_root *root;
	struct inode *inode;

	if (location->type == BTRFS_INODE_ITEM_KEY)
		return btrfs_iget(dir->i_sb, location->objectid, BTRFS_I(dir)->root);
	root = btrfs_get_fs_root(fs_info, location->objectid, true);
	if (IS_ERR(root))
		return ERR_CAST(root);
	inode = btrfs_iget(dir->i_sb, BTRFS_FIRST_FREE_OBJECTID, root);
	btrfs_put_root(root);
	return inode;
}

static struct dentry *btrfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct btrfs_key location;
	struct inode *inode;
	int ret;

	if (dentry->d_name.len > BTRFS_NAME_LEN)
		return ERR_PTR(-ENAMETOOLONG);
	ret = btrfs_inode_by_name(dir, dentry->d_name.name, dentry->d_name.len, &location);
	if (ret == -ENOENT)
		inode = NULL;
	else
		inode = ret ? ERR_PTR(ret) : inode_at(dir, &location);
	/* A subvolume that was snapshotted inside another leaves an entry that leads nowhere. */
	if (IS_ERR(inode) && PTR_ERR(inode) == -ENOENT)
		inode = NULL;
	return d_splice_alias(inode, dentry);
}

static unsigned int fs_ftype_to_dtype(u8 type)
{
	static const u8 dtype[] = {
		[BTRFS_FT_UNKNOWN] = DT_UNKNOWN, [BTRFS_FT_REG_FILE] = DT_REG, [BTRFS_FT_DIR] = DT_DIR,
		[BTRFS_FT_CHRDEV] = DT_CHR, [BTRFS_FT_BLKDEV] = DT_BLK, [BTRFS_FT_FIFO] = DT_FIFO,
		[BTRFS_FT_SOCK] = DT_SOCK, [BTRFS_FT_SYMLINK] = DT_LNK,
	};

	return type < ARRAY_SIZE(dtype) ? dtype[type] : DT_UNKNOWN;
}

static int btrfs_real_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *inode = file_inode(file);
	struct btrfs_root *root = BTRFS_I(inode)->root;
	struct btrfs_key key = { BTRFS_I(inode)->objectid, BTRFS_DIR_INDEX_KEY, 0 };
	char name[BTRFS_NAME_LEN];
	struct btrfs_path *path;
	int ret;

	if (!dir_emit_dots(file, ctx))
		return 0;
	path = btrfs_alloc_path();
	if (!path)
		return -ENOMEM;
	key.offset = ctx->pos;
	for (ret = btrfs_search_forward_slot(root, &key, path); !ret; ret = btrfs_next_item(root, path)) {
		struct btrfs_key found = btrfs_item_key(path->nodes[0], path->slots[0]);
		const struct btrfs_dir_item *di = btrfs_item_data(path->nodes[0], path->slots[0]);
		int len;

		if (found.objectid != key.objectid || found.type != key.type) {
			ret = 1;
			break;
		}
		if (btrfs_item_size(path->nodes[0], path->slots[0]) < sizeof(*di))
			continue;
		len = di->name_len;
		memcpy(name, di + 1, len);
		ctx->pos = found.offset;
		if (!dir_emit(ctx, name, len, di->location.objectid, fs_ftype_to_dtype(di->type)))
			break;
		ctx->pos++;
	}
	btrfs_free_path(path);
	if (ret < 0)
		return ret;
	/* Entries made after the end was reached would not be seen: as in Linux, so that listing while adding ends. */
	if (ret > 0)
		ctx->pos = 0x7fffffff;
	return 0;
}

const struct inode_operations btrfs_dir_inode_operations = {
	.lookup = btrfs_lookup,
	.getattr = btrfs_getattr,
};

const struct file_operations btrfs_dir_file_operations = {
	.llseek = generic_file_llseek,
	.read = generic_read_dir,
	.iterate_shared = btrfs_real_readdir,
};
