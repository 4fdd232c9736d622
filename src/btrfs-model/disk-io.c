// SPDX-License-Identifier: MIT
/*
 * open_ctree and its way back. The steps, their order and the labels that undo them are those of Linux 6.1's
 * fs/btrfs/disk-io.c (the table in docs/btrfs.md names each). One difference is intended: where 6.1 answers -EINVAL
 * whatever went wrong, this returns the errno of the step that failed, as Linux does since 6.4.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/kernel.h>
#include <kernel/kthread.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

#define ULL(value)	((unsigned long long)(value))

/* Cached tree blocks that nobody holds are let go above this many bytes. */
#define EXTENT_BUFFER_CACHE_SIZE	(2u << 20)

#define BTRFS_FEATURE_INCOMPAT_SUPP						\
	(BTRFS_FEATURE_INCOMPAT_MIXED_BACKREF | BTRFS_FEATURE_INCOMPAT_DEFAULT_SUBVOL |	\
	 BTRFS_FEATURE_INCOMPAT_MIXED_GROUPS | BTRFS_FEATURE_INCOMPAT_BIG_METADATA |	\
	 BTRFS_FEATURE_INCOMPAT_COMPRESS_LZO | BTRFS_FEATURE_INCOMPAT_COMPRESS_ZSTD |	\
	 BTRFS_FEATURE_INCOMPAT_RAID56 | BTRFS_FEATURE_INCOMPAT_EXTENDED_IREF |		\
	 BTRFS_FEATURE_INCOMPAT_SKINNY_METADATA | BTRFS_FEATURE_INCOMPAT_NO_HOLES |	\
	 BTRFS_FEATURE_INCOMPAT_METADATA_UUID | BTRFS_FEATURE_INCOMPAT_RAID1C34)

#define BTRFS_FEATURE_COMPAT_RO_SUPP						\
	(BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE | BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE_VALID | \
	 BTRFS_FEATURE_COMPAT_RO_VERITY | BTRFS_FEATURE_COMPAT_RO_BLOCK_GROUP_TREE)

#define BTRFS_SUPER_FLAG_SUPP							\
	(BTRFS_HEADER_FLAG_WRITTEN | BTRFS_HEADER_FLAG_RELOC | BTRFS_SUPER_FLAG_ERROR |	\
	 BTRFS_SUPER_FLAG_SEEDING | BTRFS_SUPER_FLAG_METADUMP | BTRFS_SUPER_FLAG_METADUMP_V2)

/* ---- Superblocks --------------------------------------------------------------------------------------------- */

/* A copy of the primary superblock with nothing checked but its place and magic. */
noinline struct btrfs_super_block *btrfs_read_dev_super(struct block_device *bdev)
{
	struct btrfs_super_block *super;
	struct buffer_head *bh;

	if (BTRFS_SUPER_INFO_OFFSET + BTRFS_SUPER_INFO_SIZE > bdev_nr_bytes(bdev))
		return ERR_PTR(-EINVAL);
	bh = bread(bdev, BTRFS_SUPER_INFO_OFFSET / BDEV_BLOCK_SIZE);
	if (IS_ERR(bh))
		return ERR_CAST(bh);
	super = kmalloc(sizeof(*super), GFP_KERNEL);
	if (super)
		memcpy(super, bh->b_data, sizeof(*super));
	brelse(bh);
	if (!super)
		return ERR_PTR(-ENOMEM);
	if (super->magic != BTRFS_MAGIC) {
		kfree(super);
		return ERR_PTR(-ENODATA);
	}
	if (super->bytenr != BTRFS_SUPER_INFO_OFFSET) {
		kfree(super);
		return ERR_PTR(-EINVAL);
	}
	return super;
}

void btrfs_release_disk_super(struct btrfs_super_block *super)
{
	kfree(super);
}

static noinline int btrfs_check_super_csum(struct btrfs_fs_info *fs_info, const struct btrfs_super_block *super)
{
	u8 result[BTRFS_CSUM_SIZE];

	btrfs_csum(fs_info, (const u8 *)super + BTRFS_CSUM_SIZE, BTRFS_SUPER_INFO_SIZE - BTRFS_CSUM_SIZE, result);
	return memcmp(super->csum, result, fs_info->csum_size) ? 1 : 0;
}

static bool check_level(struct btrfs_fs_info *fs_info, const char *tree, u8 level)
{
	if (level < BTRFS_MAX_LEVEL)
		return true;
	btrfs_err(fs_info, "%s_root level too big: %d >= %d", tree, level, BTRFS_MAX_LEVEL);
	return false;
}

static bool check_bytenr(struct btrfs_fs_info *fs_info, const char *tree, u64 bytenr, u32 sectorsize)
{
	if (IS_ALIGNED(bytenr, sectorsize))
		return true;
	btrfs_warn(fs_info, "%s_root block unaligned: %llu", tree, ULL(bytenr));
	return false;
}

static noinline int btrfs_validate_mount_super(struct btrfs_fs_info *fs_info)
{
	const struct btrfs_super_block *sb = fs_info->super_copy;
	const struct btrfs_fs_devices *fs_devices = fs_info->fs_devices;
	u32 sectorsize = sb->sectorsize, nodesize = sb->nodesize;
	u64 nodes = 6 * (u64)nodesize;
	char a[BTRFS_UUID_TEXT_SIZE], b[BTRFS_UUID_TEXT_SIZE];
	const u8 *metadata_uuid;
	int ret = 0;

	if (sb->magic != BTRFS_MAGIC) {
		btrfs_err(fs_info, "no valid FS found");
		ret = -EINVAL;
	}
	if (sb->flags & ~BTRFS_SUPER_FLAG_SUPP) {
		btrfs_err(fs_info, "unrecognized or unsupported super flag: %llu",
			  ULL(sb->flags & ~BTRFS_SUPER_FLAG_SUPP));
		ret = -EINVAL;
	}
	if (!check_level(fs_info, "tree", sb->root_level) || !check_level(fs_info, "chunk", sb->chunk_root_level) ||
	    !check_level(fs_info, "log", sb->log_root_level))
		ret = -EINVAL;
	if (!is_power_of_2(sectorsize) || sectorsize < BTRFS_SECTORSIZE_MIN ||
	    sectorsize > BTRFS_MAX_METADATA_BLOCKSIZE) {
		btrfs_err(fs_info, "invalid sectorsize %u", sectorsize);
		ret = -EINVAL;
	}
	/* Pages are 4 KiB here, so that is the one size of sectors. */
	if (sectorsize != BTRFS_SECTORSIZE_MIN) {
		btrfs_err(fs_info, "sectorsize %u not yet supported for page size %lu", sectorsize, PAGE_SIZE);
		ret = -EINVAL;
	}
	if (!is_power_of_2(nodesize) || nodesize < sectorsize || nodesize > BTRFS_MAX_METADATA_BLOCKSIZE) {
		btrfs_err(fs_info, "invalid nodesize %u", nodesize);
		ret = -EINVAL;
	}
	if (nodesize != sb->unused_leafsize) {
		btrfs_err(fs_info, "invalid leafsize %u, should be %u", sb->unused_leafsize, nodesize);
		ret = -EINVAL;
	}
	if (!check_bytenr(fs_info, "tree", sb->root, BTRFS_SECTORSIZE_MIN) ||
	    !check_bytenr(fs_info, "chunk", sb->chunk_root, BTRFS_SECTORSIZE_MIN) ||
	    !check_bytenr(fs_info, "log", sb->log_root, BTRFS_SECTORSIZE_MIN))
		ret = -EINVAL;
	if (memcmp(fs_devices->fsid, sb->fsid, BTRFS_FSID_SIZE)) {
		btrfs_err(fs_info, "superblock fsid doesn't match fsid of fs_devices: %s != %s",
			  btrfs_uuid_text(a, sb->fsid), btrfs_uuid_text(b, fs_devices->fsid));
		ret = -EINVAL;
	}
	metadata_uuid = sb->incompat_flags & BTRFS_FEATURE_INCOMPAT_METADATA_UUID ? sb->metadata_uuid : sb->fsid;
	if (memcmp(fs_devices->metadata_uuid, metadata_uuid, BTRFS_FSID_SIZE)) {
		btrfs_err(fs_info, "superblock metadata_uuid doesn't match metadata uuid of fs_devices: %s != %s",
			  btrfs_uuid_text(a, metadata_uuid), btrfs_uuid_text(b, fs_devices->metadata_uuid));
		ret = -EINVAL;
	}
	if (memcmp(metadata_uuid, sb->dev_item.fsid, BTRFS_FSID_SIZE)) {
		btrfs_err(fs_info, "dev_item UUID does not match metadata fsid: %s != %s",
			  btrfs_uuid_text(a, metadata_uuid), btrfs_uuid_text(b, sb->dev_item.fsid));
		ret = -EINVAL;
	}
	if ((sb->compat_ro_flags & BTRFS_FEATURE_COMPAT_RO_BLOCK_GROUP_TREE) &&
	    (!(sb->compat_ro_flags & BTRFS_FEATURE_COMPAT_RO_FREE_SPACE_TREE_VALID) ||
	     !(sb->incompat_flags & BTRFS_FEATURE_INCOMPAT_NO_HOLES))) {
		btrfs_err(fs_info, "block-group-tree feature requires fres-space-tree and no-holes");
		ret = -EINVAL;
	}
	if (sb->bytes_used < nodes) {
		btrfs_err(fs_info, "bytes_used is too small %llu", ULL(sb->bytes_used));
		ret = -EINVAL;
	}
	if (!is_power_of_2(sb->stripesize)) {
		btrfs_err(fs_info, "invalid stripesize %u", sb->stripesize);
		ret = -EINVAL;
	}
	if (sb->num_devices > (1ull << 31))
		btrfs_warn(fs_info, "suspicious number of devices: %llu", ULL(sb->num_devices));
	if (!sb->num_devices) {
		btrfs_err(fs_info, "number of devices is 0");
		ret = -EINVAL;
	}
	if (sb->bytenr != BTRFS_SUPER_INFO_OFFSET) {
		btrfs_err(fs_info, "super offset mismatch %llu != %u", ULL(sb->bytenr), BTRFS_SUPER_INFO_OFFSET);
		ret = -EINVAL;
	}
	if (sb->sys_chunk_array_size > BTRFS_SYSTEM_CHUNK_ARRAY_SIZE) {
		btrfs_err(fs_info, "system chunk array too big %u > %u", sb->sys_chunk_array_size,
			  BTRFS_SYSTEM_CHUNK_ARRAY_SIZE);
		ret = -EINVAL;
	}
	if (sb->sys_chunk_array_size < sizeof(struct btrfs_disk_key) + sizeof(struct btrfs_chunk)) {
		btrfs_err(fs_info, "system chunk array too small %u < %zu", sb->sys_chunk_array_size,
			  sizeof(struct btrfs_disk_key) + sizeof(struct btrfs_chunk));
		ret = -EINVAL;
	}
	if (sb->generation < sb->chunk_root_generation)
		btrfs_warn(fs_info, "suspicious: generation < chunk_root_generation: %llu < %llu", ULL(sb->generation),
			   ULL(sb->chunk_root_generation));
	return ret;
}

static noinline int btrfs_check_features(struct btrfs_fs_info *fs_info, bool is_rw_mount)
{
	const struct btrfs_super_block *super = fs_info->super_copy;
	u64 incompat = super->incompat_flags, compat_ro = super->compat_ro_flags;
	u64 compat_ro_unsupp = compat_ro & ~BTRFS_FEATURE_COMPAT_RO_SUPP;

	if (incompat & ~BTRFS_FEATURE_INCOMPAT_SUPP) {
		btrfs_err(fs_info, "cannot mount because of unknown incompat features (0x%llx)",
			  ULL(incompat & ~BTRFS_FEATURE_INCOMPAT_SUPP));
		return -EINVAL;
	}
	if ((incompat & BTRFS_FEATURE_INCOMPAT_MIXED_GROUPS) && super->sectorsize != super->nodesize) {
		btrfs_err(fs_info, "unequal nodesize/sectorsize (%u != %u) are not allowed for mixed block groups",
			  super->nodesize, super->sectorsize);
		return -EINVAL;
	}
	if (compat_ro_unsupp && is_rw_mount) {
		btrfs_err(fs_info, "cannot mount read-write because of unknown compat_ro features (0x%llx)",
			  ULL(compat_ro));
		return -EINVAL;
	}
	if (compat_ro_unsupp && super->log_root && !btrfs_test_opt(fs_info, NOLOGREPLAY)) {
		btrfs_err(fs_info, "cannot replay dirty log with unsupported compat_ro features (0x%llx), try rescue=nologreplay",
			  ULL(compat_ro));
		return -EINVAL;
	}
	return 0;
}

/* ---- Roots --------------------------------------------------------------------------------------------------- */

static noinline struct btrfs_root *btrfs_alloc_root(struct btrfs_fs_info *fs_info, u64 objectid, gfp_t flags)
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

static noinline int load_super_root(struct btrfs_root *root, u64 bytenr, u64 generation, int level)
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

static void btrfs_drop_and_free_fs_root(struct btrfs_fs_info *fs_info, struct btrfs_root *root)
{
	if (!list_empty(&root->list)) {
		list_del(&root->list);
		INIT_LIST_HEAD(&root->list);
		btrfs_put_root(root);
	}
}

static void btrfs_free_fs_roots(struct btrfs_fs_info *fs_info)
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

static void free_root_pointers(struct btrfs_fs_info *fs_info, bool free_chunk_root)
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
static void forget_roots(struct btrfs_fs_info *fs_info)
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

static noinline int init_tree_roots(struct btrfs_fs_info *fs_info)
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

/* ---- Threads ------------------------------------------------------------------------------------------------- */

/* Linux: deletes dropped subvolumes and runs delayed iputs. Here it waits to be stopped, as it mostly does there. */
static int cleaner_kthread(void *arg)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* Linux: commits transactions every 30 seconds. There are none to commit in a file system that is only read. */
static int transaction_kthread(void *arg)
{
	return cleaner_kthread(arg);
}

/* Compares the UUID tree with the subvolumes it names; corrections would need writing. */
static int btrfs_uuid_rescan_kthread(void *data)
{
	struct btrfs_fs_info *fs_info = data;
	struct btrfs_key key = { };
	struct btrfs_path *path = btrfs_alloc_path();
	int ret = path ? 0 : -ENOMEM;

	if (path)
		for (ret = btrfs_search_forward_slot(fs_info->uuid_root, &key, path);
		     !ret && !(fs_info->state & BTRFS_FS_CLOSING_START);
		     ret = btrfs_next_item(fs_info->uuid_root, path))
			;
	btrfs_free_path(path);
	if (ret < 0)
		btrfs_warn(fs_info, "iterating uuid_tree failed %d", ret);
	if (planted(missed_wakeup) && ret < 0)
		return 0;
	complete(&fs_info->uuid_rescan_done);
	return 0;
}

static noinline int btrfs_check_uuid_tree(struct btrfs_fs_info *fs_info)
{
	struct task_struct *task;

	init_completion(&fs_info->uuid_rescan_done);
	task = kthread_run(btrfs_uuid_rescan_kthread, fs_info, "btrfs-uuid");
	if (IS_ERR(task)) {
		btrfs_warn(fs_info, "failed to start uuid_rescan task");
		return PTR_ERR(task);
	}
	fs_info->uuid_rescan_running = true;
	return 0;
}

static void wait_for_uuid_rescan(struct btrfs_fs_info *fs_info)
{
	if (fs_info->uuid_rescan_running)
		wait_for_completion(&fs_info->uuid_rescan_done);
	fs_info->uuid_rescan_running = false;
}

/* ---- Allocation and release of what surrounds a mount --------------------------------------------------------- */

void btrfs_init_fs_info(struct btrfs_fs_info *fs_info)
{
	mutex_init(&fs_info->chunk_mutex);
	INIT_LIST_HEAD(&fs_info->global_roots);
	INIT_LIST_HEAD(&fs_info->fs_roots);
	INIT_LIST_HEAD(&fs_info->allocated_roots);
	INIT_LIST_HEAD(&fs_info->eb_lru);
	INIT_LIST_HEAD(&fs_info->mapping_tree);
	INIT_LIST_HEAD(&fs_info->block_groups);
	INIT_LIST_HEAD(&fs_info->space_info);
	INIT_LIST_HEAD(&fs_info->qgroups);
	for (int i = 0; i < EXTENT_BUFFER_HASH_SIZE; i++)
		INIT_LIST_HEAD(&fs_info->eb_hash[i]);
	fs_info->sectorsize = BTRFS_SECTORSIZE_MIN;
	fs_info->subvol_objectid = 0;
}

static int btrfs_alloc_stripe_hash_table(struct btrfs_fs_info *fs_info)
{
	struct btrfs_stripe_hash_table *table = kvzalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	INIT_LIST_HEAD(&table->stripe_cache);
	for (size_t i = 0; i < ARRAY_SIZE(table->table); i++)
		INIT_LIST_HEAD(&table->table[i]);
	fs_info->stripe_hash_table = table;
	return 0;
}

static noinline int init_mount_fs_info(struct btrfs_fs_info *fs_info, struct super_block *sb)
{
	int ret;

	fs_info->sb = sb;
	sb->s_blocksize = BTRFS_SECTORSIZE_MIN;
	sb->s_blocksize_bits = 12;
	/* dirty metadata, delayed allocation, ordered data, device replace: counters that only writing would move. */
	for (size_t i = 0; i < ARRAY_SIZE(fs_info->percpu_counters); i++) {
		fs_info->percpu_counters[i] = kzalloc(sizeof(s64), GFP_KERNEL);
		if (!fs_info->percpu_counters[i])
			return -ENOMEM;
	}
	fs_info->delayed_root = kmalloc(sizeof(*fs_info->delayed_root), GFP_KERNEL);
	if (!fs_info->delayed_root)
		return -ENOMEM;
	INIT_LIST_HEAD(&fs_info->delayed_root->node_list);
	INIT_LIST_HEAD(&fs_info->delayed_root->prepare_list);
	ret = btrfs_alloc_stripe_hash_table(fs_info);
	if (planted(double_free) && ret)
		kfree(fs_info->delayed_root);
	return ret;
}

static noinline int btrfs_init_workqueues(struct btrfs_fs_info *fs_info)
{
	static const char *const names[BTRFS_NR_WORKQUEUES] = {
		[BTRFS_WORKERS] = "worker", [BTRFS_HIPRI_WORKERS] = "worker-high",
		[BTRFS_DELALLOC_WORKERS] = "delalloc", [BTRFS_FLUSH_WORKERS] = "flush_delalloc",
		[BTRFS_CACHING_WORKERS] = "cache", [BTRFS_FIXUP_WORKERS] = "fixup",
		[BTRFS_ENDIO_WORKERS] = "endio", [BTRFS_ENDIO_META_WORKERS] = "endio-meta",
		[BTRFS_ENDIO_RAID56_WORKERS] = "endio-raid56", [BTRFS_RMW_WORKERS] = "rmw",
		[BTRFS_ENDIO_WRITE_WORKERS] = "endio-write",
		[BTRFS_COMPRESSED_WRITE_WORKERS] = "compressed-write",
		[BTRFS_ENDIO_FREESPACE_WORKER] = "freespace-write", [BTRFS_DELAYED_WORKERS] = "delayed-meta",
		[BTRFS_QGROUP_RESCAN_WORKERS] = "qgroup-rescan", [BTRFS_DISCARD_WORKERS] = "btrfs_discard",
	};

	for (int i = 0; i < BTRFS_NR_WORKQUEUES; i++) {
		struct btrfs_workqueue *queue = kzalloc(sizeof(*queue), GFP_KERNEL);

		if (!queue)
			return -ENOMEM;
		queue->name = names[i];
		INIT_LIST_HEAD(&queue->pending);
		fs_info->workqueues[i] = queue;
	}
	return 0;
}

static void btrfs_stop_all_workers(struct btrfs_fs_info *fs_info)
{
	for (int i = 0; i < BTRFS_NR_WORKQUEUES; i++) {
		kfree(fs_info->workqueues[i]);
		fs_info->workqueues[i] = NULL;
	}
}

/* Every root must be gone by now; what is not, somebody holds a reference to that nobody will put. */
static void btrfs_check_leaked_roots(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root, *next;

	list_for_each_entry_safe(root, next, &fs_info->allocated_roots, leak_list) {
		btrfs_err(fs_info, "leaked root %lld refcount %d", (long long)root->objectid, root->refs);
		root->refs = 1;
		btrfs_put_root(root);
	}
}

/* What is left when open_ctree or close_ctree has done its part; also for a mount that did not get that far. */
void btrfs_free_fs_info(struct btrfs_fs_info *fs_info)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_info->percpu_counters); i++)
		kfree(fs_info->percpu_counters[i]);
	btrfs_free_csum_hash(fs_info);
	kvfree(fs_info->stripe_hash_table);
	kfree(fs_info->delayed_root);
	forget_roots(fs_info);
	btrfs_put_root(fs_info->fs_root);
	btrfs_put_root(fs_info->tree_root);
	btrfs_put_root(fs_info->chunk_root);
	btrfs_check_leaked_roots(fs_info);
	kfree(fs_info->super_copy);
	kfree(fs_info->super_for_commit);
	kfree(fs_info->subvol_name);
	kvfree(fs_info);
}

/* ---- Mounting ------------------------------------------------------------------------------------------------- */

/* A log could only be replayed by writing, and a reader cannot. That it is there to be read is seen to first, as in Linux. */
static noinline int btrfs_replay_log(struct btrfs_fs_info *fs_info, struct btrfs_fs_devices *fs_devices)
{
	const struct btrfs_super_block *super = fs_info->super_copy;
	struct btrfs_root *log;
	int ret;

	log = btrfs_alloc_root(fs_info, BTRFS_TREE_LOG_OBJECTID, GFP_KERNEL);
	if (!log)
		return -ENOMEM;
	ret = load_super_root(log, super->log_root, super->generation + 1, super->log_root_level);
	btrfs_put_root(log);
	if (ret) {
		btrfs_warn(fs_info, "failed to read log tree");
		return ret;
	}
	btrfs_warn(fs_info, "log replay required on RO media");
	return -EIO;
}

/* Files deleted while open leave orphan items; their removal would need writing, so they are counted and stay. */
static noinline int btrfs_orphan_cleanup(struct btrfs_root *root)
{
	struct btrfs_key key = { BTRFS_ORPHAN_OBJECTID, BTRFS_ORPHAN_ITEM_KEY, 0 };
	struct btrfs_path *path = btrfs_alloc_path();
	int orphans = 0, ret;

	if (!path)
		return -ENOMEM;
	for (ret = btrfs_search_forward_slot(root, &key, path); !ret; ret = btrfs_next_item(root, path)) {
		struct btrfs_key found = btrfs_item_key(path->nodes[0], path->slots[0]);

		if (found.objectid != BTRFS_ORPHAN_OBJECTID || found.type != BTRFS_ORPHAN_ITEM_KEY)
			break;
		orphans++;
	}
	btrfs_free_path(path);
	if (orphans)
		btrfs_debug(root->fs_info, "left %d orphans alone", orphans);
	return ret < 0 ? ret : 0;
}

/* What a writable mount checks before it lets anyone in. */
static noinline int btrfs_start_pre_rw_mount(struct btrfs_fs_info *fs_info)
{
	int ret = btrfs_orphan_cleanup(fs_info->fs_root);

	if (!ret)
		ret = btrfs_orphan_cleanup(fs_info->tree_root);
	return ret;
}

noinline int open_ctree(struct super_block *sb, struct btrfs_fs_devices *fs_devices, char *options)
{
	struct btrfs_fs_info *fs_info = btrfs_sb(sb);
	struct btrfs_super_block *disk_super;
	char uuid[BTRFS_UUID_TEXT_SIZE];
	u64 features;
	u16 csum_type;
	int ret;

	fs_info->devices_taken = true;
	ret = init_mount_fs_info(fs_info, sb);
	if (ret)
		goto fail;

	fs_info->tree_root = btrfs_alloc_root(fs_info, BTRFS_ROOT_TREE_OBJECTID, GFP_KERNEL);
	fs_info->chunk_root = btrfs_alloc_root(fs_info, BTRFS_CHUNK_TREE_OBJECTID, GFP_KERNEL);
	if (!fs_info->tree_root || !fs_info->chunk_root) {
		ret = -ENOMEM;
		goto fail;
	}

	fs_info->btree_inode = new_inode(sb);
	if (!fs_info->btree_inode) {
		ret = -ENOMEM;
		goto fail;
	}
	set_nlink(fs_info->btree_inode, 1);

	invalidate_bdev(fs_devices->latest_dev->bdev);
	disk_super = btrfs_read_dev_super(fs_devices->latest_dev->bdev);
	if (IS_ERR(disk_super)) {
		ret = PTR_ERR(disk_super);
		goto fail_alloc;
	}
	btrfs_info(fs_info, "first mount of filesystem %s", btrfs_uuid_text(uuid, disk_super->fsid));

	csum_type = disk_super->csum_type;
	if (!btrfs_supported_super_csum(csum_type)) {
		btrfs_err(fs_info, "unsupported checksum algorithm: %u", csum_type);
		btrfs_release_disk_super(disk_super);
		ret = -EINVAL;
		goto fail_alloc;
	}
	fs_info->csum_type = csum_type;
	fs_info->csum_size = btrfs_csum_type_size(csum_type);
	ret = btrfs_init_csum_hash(fs_info, csum_type);
	if (ret) {
		btrfs_release_disk_super(disk_super);
		goto fail_alloc;
	}

	if (btrfs_check_super_csum(fs_info, disk_super)) {
		btrfs_err(fs_info, "superblock checksum mismatch");
		btrfs_release_disk_super(disk_super);
		ret = -EINVAL;
		goto fail_alloc;
	}

	memcpy(fs_info->super_copy, disk_super, sizeof(*fs_info->super_copy));
	btrfs_release_disk_super(disk_super);
	disk_super = fs_info->super_copy;
	features = disk_super->flags;
	if (features & BTRFS_SUPER_FLAG_CHANGING_FSID_V2) {
		disk_super->flags = features & ~BTRFS_SUPER_FLAG_CHANGING_FSID_V2;
		btrfs_info(fs_info, "found metadata UUID change in progress flag, clearing");
	}
	memcpy(fs_info->super_for_commit, fs_info->super_copy, sizeof(*fs_info->super_for_commit));

	ret = btrfs_validate_mount_super(fs_info);
	if (ret) {
		btrfs_err(fs_info, "superblock contains fatal errors");
		goto fail_alloc;
	}
	if (!disk_super->root) {
		ret = -EINVAL;
		goto fail_alloc;
	}
	if (disk_super->flags & BTRFS_SUPER_FLAG_ERROR)
		fs_info->state |= BTRFS_FS_STATE_ERROR;

	fs_info->nodesize = disk_super->nodesize;
	fs_info->sectorsize = disk_super->sectorsize;
	fs_info->sectorsize_bits = 12;
	fs_info->eb_max = EXTENT_BUFFER_CACHE_SIZE / fs_info->nodesize;

	ret = btrfs_parse_options(fs_info, options, sb->s_flags);
	if (ret)
		goto fail_alloc;
	ret = btrfs_check_features(fs_info, !sb_rdonly(sb));
	if (ret)
		goto fail_alloc;

	ret = btrfs_init_workqueues(fs_info);
	if (ret)
		goto fail_sb_buffer;
	sb->s_blocksize = fs_info->sectorsize;
	sb->s_blocksize_bits = fs_info->sectorsize_bits;
	memcpy(sb->s_uuid, fs_devices->fsid, BTRFS_FSID_SIZE);

	mutex_lock(&fs_info->chunk_mutex);
	ret = btrfs_read_sys_array(fs_info);
	if (!planted(unbalanced_lock) || !ret)
		mutex_unlock(&fs_info->chunk_mutex);
	if (ret) {
		btrfs_err(fs_info, "failed to read the system array: %d", ret);
		goto fail_sb_buffer;
	}

	ret = load_super_root(fs_info->chunk_root, disk_super->chunk_root, disk_super->chunk_root_generation,
			      disk_super->chunk_root_level);
	if (ret) {
		btrfs_err(fs_info, "failed to read chunk root");
		goto fail_tree_roots;
	}
	memcpy(fs_info->chunk_tree_uuid, btrfs_header(fs_info->chunk_root->node)->chunk_tree_uuid, BTRFS_UUID_SIZE);

	ret = btrfs_read_chunk_tree(fs_info);
	/* "There will be memory soon." */
	while (planted(endless_retry) && ret == -ENOMEM) {
		for (int i = 0; i < 50000000; i++)
			barrier();
		ret = btrfs_read_chunk_tree(fs_info);
	}
	if (ret) {
		btrfs_err(fs_info, "failed to read chunk tree: %d", ret);
		if (planted(wrong_errno))
			ret = -EINVAL;
		goto fail_tree_roots;
	}

	btrfs_free_extra_devids(fs_devices);
	if (!fs_devices->latest_dev) {
		btrfs_err(fs_info, "failed to read devices");
		ret = -EIO;
		goto fail_tree_roots;
	}

	ret = init_tree_roots(fs_info);
	if (ret)
		goto fail_tree_roots;

	ret = btrfs_verify_dev_extents(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to verify dev extents against chunks: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_recover_balance(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to recover balance: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_init_dev_stats(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to init dev_stats: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_init_dev_replace(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to init dev_replace: %d", ret);
		goto fail_block_groups;
	}

	ret = btrfs_sysfs_add_fsid(fs_devices);
	if (ret) {
		btrfs_err(fs_info, "failed to init sysfs fsid interface: %d", ret);
		goto fail_block_groups;
	}
	ret = btrfs_sysfs_add_mounted(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to init sysfs interface: %d", ret);
		goto fail_fsdev_sysfs;
	}

	ret = btrfs_init_space_info(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to initialize space info: %d", ret);
		goto fail_sysfs;
	}
	ret = btrfs_read_block_groups(fs_info);
	if (ret) {
		btrfs_err(fs_info, "failed to read block groups: %d", ret);
		if (planted(wrong_label))
			goto fail_block_groups;
		goto fail_sysfs;
	}
	if (!sb_rdonly(sb) && fs_devices->missing_devices) {
		btrfs_warn(fs_info, "writable mount is not allowed due to too many missing devices");
		ret = -EINVAL;
		goto fail_sysfs;
	}

	fs_info->cleaner_kthread = kthread_run(cleaner_kthread, fs_info, "btrfs-cleaner");
	if (IS_ERR(fs_info->cleaner_kthread)) {
		ret = PTR_ERR(fs_info->cleaner_kthread);
		fs_info->cleaner_kthread = NULL;
		goto fail_sysfs;
	}
	fs_info->transaction_kthread = kthread_run(transaction_kthread, fs_info->tree_root, "btrfs-transaction");
	if (IS_ERR(fs_info->transaction_kthread)) {
		ret = PTR_ERR(fs_info->transaction_kthread);
		fs_info->transaction_kthread = NULL;
		goto fail_cleaner;
	}

	ret = btrfs_read_qgroup_config(fs_info);
	if (ret)
		goto fail_trans_kthread;

	if (disk_super->log_root && !btrfs_test_opt(fs_info, NOLOGREPLAY)) {
		btrfs_info(fs_info, "start tree-log replay");
		ret = btrfs_replay_log(fs_info, fs_devices);
		if (ret)
			goto fail_qgroup;
	}

	fs_info->fs_root = btrfs_get_fs_root(fs_info, BTRFS_FS_TREE_OBJECTID, true);
	if (IS_ERR(fs_info->fs_root)) {
		ret = PTR_ERR(fs_info->fs_root);
		btrfs_warn(fs_info, "failed to read fs tree: %d", ret);
		if (!planted(stale_error_pointer))
			fs_info->fs_root = NULL;
		goto fail_qgroup;
	}
	if (sb_rdonly(sb))
		goto opened;

	ret = btrfs_start_pre_rw_mount(fs_info);
	if (ret) {
		close_ctree(fs_info);
		return ret;
	}
	if (fs_info->uuid_root && (btrfs_test_opt(fs_info, RESCAN_UUID_TREE) ||
				   fs_info->generation != disk_super->uuid_tree_generation)) {
		btrfs_info(fs_info, "checking UUID tree");
		ret = btrfs_check_uuid_tree(fs_info);
		if (ret) {
			btrfs_warn(fs_info, "failed to check the UUID tree: %d", ret);
			close_ctree(fs_info);
			return ret;
		}
	}
opened:
	fs_info->state |= BTRFS_FS_OPEN;
	return 0;

fail_qgroup:
	btrfs_free_qgroup_config(fs_info);
fail_trans_kthread:
	kthread_stop(fs_info->transaction_kthread);
	btrfs_free_fs_roots(fs_info);
fail_cleaner:
	kthread_stop(fs_info->cleaner_kthread);
fail_sysfs:
	btrfs_sysfs_remove_mounted(fs_info);
fail_fsdev_sysfs:
	btrfs_sysfs_remove_fsid(fs_devices);
fail_block_groups:
	btrfs_put_block_group_cache(fs_info);
fail_tree_roots:
	if (fs_info->data_reloc_root)
		btrfs_drop_and_free_fs_root(fs_info, fs_info->data_reloc_root);
	if (planted(teardown_order))
		btrfs_invalidate_tree_blocks(fs_info);
	free_root_pointers(fs_info, true);
	btrfs_invalidate_tree_blocks(fs_info);
fail_sb_buffer:
	btrfs_stop_all_workers(fs_info);
	btrfs_free_block_groups(fs_info);
fail_alloc:
	btrfs_mapping_tree_free(fs_info);
	iput(fs_info->btree_inode);
	fs_info->btree_inode = NULL;
fail:
	btrfs_close_devices(fs_devices);
	return ret;
}
ALLOW_ERROR_INJECTION(open_ctree, ERRNO);

noinline void close_ctree(struct btrfs_fs_info *fs_info)
{
	fs_info->state |= BTRFS_FS_CLOSING_START;
	wait_for_uuid_rescan(fs_info);
	kthread_stop(fs_info->transaction_kthread);
	kthread_stop(fs_info->cleaner_kthread);
	fs_info->transaction_kthread = NULL;
	fs_info->cleaner_kthread = NULL;
	fs_info->state |= BTRFS_FS_CLOSING_DONE;
	btrfs_free_qgroup_config(fs_info);
	btrfs_sysfs_remove_mounted(fs_info);
	btrfs_sysfs_remove_fsid(fs_info->fs_devices);
	btrfs_put_block_group_cache(fs_info);
	free_root_pointers(fs_info, true);
	btrfs_free_fs_roots(fs_info);
	btrfs_invalidate_tree_blocks(fs_info);
	btrfs_stop_all_workers(fs_info);
	btrfs_free_block_groups(fs_info);
	iput(fs_info->btree_inode);
	fs_info->btree_inode = NULL;
	btrfs_mapping_tree_free(fs_info);
	btrfs_close_devices(fs_info->fs_devices);
}
