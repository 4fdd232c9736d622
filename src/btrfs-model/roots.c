// SPDX-License-Identifier: MIT
/* The roots of trees: found, read, counted and let go. (docs/btrfs.md) */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"
#include "disk-io.h"

noinline struct btrfs_root *btrfs_alloc_root(struct btrfs_fs_info *fs_info, u64 objectid, gfp_t flags)
{
	struct btrfs_root *root = kzalloc(sizeof(*root), flags);

	if (!root)
		return NULL;
	INIT_LIST_HEAD(&root->list);
	root->fs_info = fs_info;
	root->objectid = objectid;
	root->refs = 1;
	list_add(&root->leak_list, &fs_info->allocated_roots);
	return root;
}

struct btrfs_root *btrfs_grab_root(struct btrfs_root *root)
{
	if (root)
		root->refs++;
	return root;
}

/* Numbers for the anonymous devices that subvolumes show in stat(2), apart from those the VFS gives out. */
#define BTRFS_ANON_DEV_BASE	0x10000
#define BTRFS_ANON_DEVS		256
static u64 anon_devs[BTRFS_ANON_DEVS / 64];

static dev_t get_anon_dev(void)
{
	for (int i = 0; i < BTRFS_ANON_DEVS; i++) {
		if (anon_devs[i / 64] & (1ULL << i % 64))
			continue;
		anon_devs[i / 64] |= 1ULL << i % 64;
		return MKDEV(0, BTRFS_ANON_DEV_BASE + i);
	}
	return 0;
}

static void put_anon_dev(dev_t dev)
{
	int i = MINOR(dev) - BTRFS_ANON_DEV_BASE;

	if (dev)
		anon_devs[i / 64] &= ~(1ULL << i % 64);
}

void btrfs_put_root(struct btrfs_root *root)
{
	if (!root || --root->refs)
		return;
	free_extent_buffer(root->node);
	put_anon_dev(root->anon_dev);
	list_del(&root->leak_list);
	kfree(root);
}

noinline int load_super_root(struct btrfs_root *root, u64 bytenr, u64 generation, int level)
{
	struct btrfs_tree_parent_check check = {
		.owner_root = root->objectid,
		.transid = generation,
		.level = level,
	};
	struct extent_buffer *node = read_tree_block(root->fs_info, bytenr, &check);

	if (IS_ERR(node))
		return PTR_ERR(node);
	root->node = node;
	return 0;
}

noinline int btrfs_find_root(struct btrfs_fs_info *fs_info, u64 objectid, struct btrfs_root_item *item,
			     struct btrfs_key *key)
{
	struct btrfs_key search = { objectid, BTRFS_ROOT_ITEM_KEY, 0 };
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	if (!path)
		return -ENOMEM;
	ret = btrfs_search_forward_slot(fs_info->tree_root, &search, path);
	if (!ret) {
		*key = btrfs_item_key(path->nodes[0], path->slots[0]);
		if (key->objectid != objectid || key->type != BTRFS_ROOT_ITEM_KEY)
			ret = -ENOENT;
	}
	if (!ret) {
		/* Short items are those of old file systems, without the fields at the end. */
		memset(item, 0, sizeof(*item));
		memcpy(item, btrfs_item_data(path->nodes[0], path->slots[0]),
		       btrfs_item_size(path->nodes[0], path->slots[0]));
	}
	btrfs_free_path(path);
	return ret > 0 ? -ENOENT : ret;
}

static noinline struct btrfs_root *btrfs_read_tree_root(struct btrfs_fs_info *fs_info, u64 objectid)
{
	struct btrfs_root *root = btrfs_alloc_root(fs_info, objectid, GFP_NOFS);
	struct btrfs_tree_parent_check check = { .owner_root = objectid };
	struct extent_buffer *node;
	struct btrfs_key key;
	int ret;

	if (!root)
		return ERR_PTR(-ENOMEM);
	ret = btrfs_find_root(fs_info, objectid, &root->root_item, &key);
	if (planted(leaked_reference) && ret && ret != -ENOENT)
		return ERR_PTR(ret);
	if (ret)
		goto fail;
	check.transid = root->root_item.generation;
	check.level = root->root_item.level;
	node = read_tree_block(fs_info, root->root_item.bytenr, &check);
	if (IS_ERR(node)) {
		ret = PTR_ERR(node);
		goto fail;
	}
	root->node = node;
	return root;

fail:
	btrfs_put_root(root);
	if (planted(use_after_free) && ret != -ENOENT)
		btrfs_err(root->fs_info, "failed to read root %llu: %d", ULL(objectid), ret);
	return ERR_PTR(ret);
}

static struct btrfs_root *find_root(struct list_head *roots, u64 objectid)
{
	struct btrfs_root *root;

	list_for_each_entry(root, roots, list)
		if (root->objectid == objectid)
			return root;
	return NULL;
}

struct btrfs_root *btrfs_extent_root(struct btrfs_fs_info *fs_info)
{
	return find_root(&fs_info->global_roots, BTRFS_EXTENT_TREE_OBJECTID);
}

struct btrfs_root *btrfs_csum_root(struct btrfs_fs_info *fs_info)
{
	return find_root(&fs_info->global_roots, BTRFS_CSUM_TREE_OBJECTID);
}

/* The root of a subvolume, with a reference. With @check_ref, one that is being deleted counts as gone. */
noinline struct btrfs_root *btrfs_get_fs_root(struct btrfs_fs_info *fs_info, u64 objectid, bool check_ref)
{
	struct btrfs_root *root = find_root(&fs_info->fs_roots, objectid);

	if (root)
		return btrfs_grab_root(root);
	root = btrfs_read_tree_root(fs_info, objectid);
	if (IS_ERR(root))
		return root;
	if (check_ref && !root->root_item.refs) {
		btrfs_put_root(root);
		return ERR_PTR(-ENOENT);
	}
	/* Another task may have read it while this one slept. */
	if (find_root(&fs_info->fs_roots, objectid)) {
		btrfs_put_root(root);
		return btrfs_grab_root(find_root(&fs_info->fs_roots, objectid));
	}
	root->anon_dev = get_anon_dev();
	/* The list holds a reference of its own until the roots are freed. */
	list_add(&root->list, &fs_info->fs_roots);
	return btrfs_grab_root(root);
}

void btrfs_drop_and_free_fs_root(struct btrfs_fs_info *fs_info, struct btrfs_root *root)
{
	if (!list_empty(&root->list)) {
		list_del(&root->list);
		INIT_LIST_HEAD(&root->list);
		btrfs_put_root(root);
	}
}

void btrfs_free_fs_roots(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root, *next;

	list_for_each_entry_safe(root, next, &fs_info->fs_roots, list)
		btrfs_drop_and_free_fs_root(fs_info, root);
}

/* Lets go of the blocks; the roots themselves are put by btrfs_free_fs_info. */
static void free_root_node(struct btrfs_root *root)
{
	if (!root)
		return;
	free_extent_buffer(root->node);
	root->node = NULL;
}

void free_root_pointers(struct btrfs_fs_info *fs_info, bool free_chunk_root)
{
	struct btrfs_root *root;

	free_root_node(fs_info->tree_root);
	list_for_each_entry(root, &fs_info->global_roots, list)
		free_root_node(root);
	free_root_node(fs_info->dev_root);
	free_root_node(fs_info->quota_root);
	free_root_node(fs_info->uuid_root);
	free_root_node(fs_info->fs_root);
	free_root_node(fs_info->data_reloc_root);
	free_root_node(fs_info->block_group_root);
	if (free_chunk_root)
		free_root_node(fs_info->chunk_root);
}

/* Forgets what read_roots found, so that it can be tried again from another tree root. */
void forget_roots(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root **pointers[] = {
		&fs_info->dev_root, &fs_info->quota_root, &fs_info->uuid_root, &fs_info->data_reloc_root,
		&fs_info->block_group_root,
	};
	struct btrfs_root *root, *next;

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		btrfs_put_root(*pointers[i]);
		*pointers[i] = NULL;
	}
	list_for_each_entry_safe(root, next, &fs_info->global_roots, list) {
		list_del(&root->list);
		btrfs_put_root(root);
	}
	btrfs_free_fs_roots(fs_info);
	fs_info->state &= ~BTRFS_FS_QUOTA_ENABLED;
}

static noinline int load_global_root(struct btrfs_fs_info *fs_info, u64 objectid, const char *name)
{
	struct btrfs_root *root = btrfs_read_tree_root(fs_info, objectid);

	if (IS_ERR(root)) {
		if (objectid == BTRFS_CSUM_TREE_OBJECTID)
			fs_info->state |= BTRFS_FS_STATE_NO_CSUMS;
		btrfs_err(fs_info, "failed to load root %s", name);
		return PTR_ERR(root);
	}
	list_add_tail(&root->list, &fs_info->global_roots);
	return 0;
}

static noinline int load_global_roots(struct btrfs_fs_info *fs_info)
{
	int ret = load_global_root(fs_info, BTRFS_EXTENT_TREE_OBJECTID, "extent");

	if (!ret)
		ret = load_global_root(fs_info, BTRFS_CSUM_TREE_OBJECTID, "csum");
	if (!ret && (fs_info->super_copy->compat_ro_flags & BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE))
		ret = load_global_root(fs_info, BTRFS_FREE_SPACE_TREE_OBJECTID, "free space");
	return ret;
}

static noinline int btrfs_read_roots(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root;
	u64 objectid;
	int ret;

	ret = load_global_roots(fs_info);
	if (ret)
		return ret;
	if (fs_info->super_copy->compat_ro_flags & BTRFS_FEATURE_COMPAT_RO_BLOCK_GROUP_TREE) {
		objectid = BTRFS_BLOCK_GROUP_TREE_OBJECTID;
		root = btrfs_read_tree_root(fs_info, objectid);
		if (IS_ERR(root))
			goto fail;
		fs_info->block_group_root = root;
	}
	objectid = BTRFS_DEV_TREE_OBJECTID;
	root = btrfs_read_tree_root(fs_info, objectid);
	if (IS_ERR(root))
		goto fail;
	fs_info->dev_root = root;

	/* The message below names the tree before this one, in Linux as well. */
	root = btrfs_get_fs_root(fs_info, BTRFS_DATA_RELOC_TREE_OBJECTID, true);
	if (IS_ERR(root))
		goto fail;
	fs_info->data_reloc_root = root;

	objectid = BTRFS_QUOTA_TREE_OBJECTID;
	root = btrfs_read_tree_root(fs_info, objectid);
	if (!IS_ERR(root)) {
		fs_info->state |= BTRFS_FS_QUOTA_ENABLED;
		fs_info->quota_root = root;
	} else if (PTR_ERR(root) != -ENOENT) {
		goto fail;
	}
	objectid = BTRFS_UUID_TREE_OBJECTID;
	root = btrfs_read_tree_root(fs_info, objectid);
	if (!IS_ERR(root))
		fs_info->uuid_root = root;
	else if (PTR_ERR(root) != -ENOENT)
		goto fail;
	return 0;

fail:
	ret = PTR_ERR(root);
	btrfs_warn(fs_info, "failed to read root (objectid=%llu): %d", ULL(objectid), ret);
	return ret;
}

static noinline int load_important_roots(struct btrfs_fs_info *fs_info)
{
	const struct btrfs_super_block *sb = fs_info->super_copy;
	int ret = load_super_root(fs_info->tree_root, sb->root, sb->generation, sb->root_level);

	if (ret)
		btrfs_warn(fs_info, "couldn't read tree root");
	return ret;
}

/* The highest number in use in the tree, from which new ones would be made; shows that the tree can be searched. */
static noinline int btrfs_init_root_free_objectid(struct btrfs_root *root)
{
	struct btrfs_key last = { BTRFS_LAST_FREE_OBJECTID, (u8)-1, (u64)-1 };
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	if (!path)
		return -ENOMEM;
	ret = btrfs_search_slot(NULL, root, &last, path, 0, 0);
	if (ret >= 0) {
		root->free_objectid = BTRFS_FIRST_FREE_OBJECTID;
		if (path->slots[0] > 0) {
			struct btrfs_key found = btrfs_item_key(path->nodes[0], path->slots[0] - 1);

			root->free_objectid = max_t(u64, found.objectid + 1, BTRFS_FIRST_FREE_OBJECTID);
		}
		ret = 0;
	}
	btrfs_free_path(path);
	return ret;
}

/* Takes the roots from a backup in the superblock. Linux: read_backup_root. */
static int read_backup_root(struct btrfs_fs_info *fs_info, u8 priority)
{
	struct btrfs_super_block *super = fs_info->super_copy;
	const struct btrfs_root_backup *backup;
	int newest = -1;

	for (int i = 0; i < BTRFS_NUM_BACKUP_ROOTS; i++)
		if (super->super_roots[i].tree_root_gen == super->generation)
			newest = i;
	/* Slot 0 is tried as it stands in the superblock; the others are older by one generation each. */
	if (!priority || newest < 0)
		return newest < 0 ? -EINVAL : newest;
	newest = (newest + BTRFS_NUM_BACKUP_ROOTS - priority) % BTRFS_NUM_BACKUP_ROOTS;
	backup = &super->super_roots[newest];
	super->generation = backup->tree_root_gen;
	super->root = backup->tree_root;
	super->root_level = backup->tree_root_level;
	super->bytes_used = backup->bytes_used;
	if (backup->total_bytes)
		super->total_bytes = backup->total_bytes;
	if (backup->num_devices)
		super->num_devices = backup->num_devices;
	return newest;
}

noinline int init_tree_roots(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *tree_root = fs_info->tree_root;
	int ret = 0;

	for (int i = 0; i < BTRFS_NUM_BACKUP_ROOTS; i++) {
		if (i) {
			if (!btrfs_test_opt(fs_info, USEBACKUPROOT))
				break;
			free_root_pointers(fs_info, false);
			forget_roots(fs_info);
			/* The log belongs to the newest tree root and to no other. */
			*fs_info->super_copy = *fs_info->super_for_commit;
			fs_info->super_copy->log_root = 0;
			btrfs_warn(fs_info, "try to load backup roots slot %d", i);
			ret = read_backup_root(fs_info, i);
			if (ret < 0)
				return ret;
		}
		ret = load_important_roots(fs_info);
		if (ret)
			continue;
		ret = btrfs_init_root_free_objectid(tree_root);
		if (ret)
			continue;
		ret = btrfs_read_roots(fs_info);
		if (ret)
			continue;
		fs_info->generation = btrfs_header_generation(tree_root->node);
		return 0;
	}
	return ret;
}
