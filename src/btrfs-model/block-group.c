// SPDX-License-Identifier: MIT
/*
 * Block groups (one a chunk: how much of it is used), the totals by kind of space, and quota groups. A mount reads them
 * all before it lets anyone in; statfs(2) is what a reader needs them for.
 */
#include <kernel/errno.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include "ctree.h"

static struct btrfs_space_info *btrfs_find_space_info(struct btrfs_fs_info *fs_info, u64 flags)
{
	struct btrfs_space_info *info;

	flags &= BTRFS_BLOCK_GROUP_TYPE_MASK;
	list_for_each_entry(info, &fs_info->space_info, list)
		if (info->flags & flags)
			return info;
	return NULL;
}

static int create_space_info(struct btrfs_fs_info *fs_info, u64 flags)
{
	struct btrfs_space_info *info = kzalloc(sizeof(*info), GFP_KERNEL);

	if (!info)
		return -ENOMEM;
	info->flags = flags;
	list_add_tail(&info->list, &fs_info->space_info);
	return 0;
}

noinline int btrfs_init_space_info(struct btrfs_fs_info *fs_info)
{
	int ret;

	if (!fs_info->super_copy->root_dir_objectid)
		return -EINVAL;
	ret = create_space_info(fs_info, BTRFS_BLOCK_GROUP_SYSTEM);
	if (ret)
		return ret;
	if (fs_info->super_copy->incompat_flags & BTRFS_FEATURE_INCOMPAT_MIXED_GROUPS)
		return create_space_info(fs_info, BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DATA);
	ret = create_space_info(fs_info, BTRFS_BLOCK_GROUP_METADATA);
	if (ret)
		return ret;
	return create_space_info(fs_info, BTRFS_BLOCK_GROUP_DATA);
}

static struct btrfs_block_group *btrfs_create_block_group_cache(u64 start, u64 length)
{
	struct btrfs_block_group *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	if (!cache)
		return NULL;
	cache->free_space_ctl = kzalloc(sizeof(*cache->free_space_ctl), GFP_KERNEL);
	if (!cache->free_space_ctl) {
		kfree(cache);
		return NULL;
	}
	cache->start = start;
	cache->length = length;
	return cache;
}

static int read_one_block_group(struct btrfs_fs_info *fs_info, const struct btrfs_block_group_item *item,
				const struct btrfs_key *key)
{
	struct btrfs_chunk_map *map = btrfs_find_chunk_map(fs_info, key->objectid, key->offset);
	struct btrfs_block_group *cache;
	int factor;

	if (!map || map->start != key->objectid || map->chunk_len != key->offset) {
		btrfs_err(fs_info, "block group %llu len %llu has no corresponding chunk", ULL(key->objectid),
			  ULL(key->offset));
		return -EUCLEAN;
	}
	if ((map->type ^ item->flags) & BTRFS_BLOCK_GROUP_TYPE_MASK) {
		btrfs_err(fs_info, "block group %llu len %llu type flags 0x%llx mismatch with chunk type flags 0x%llx",
			  ULL(key->objectid), ULL(key->offset), ULL(item->flags & BTRFS_BLOCK_GROUP_TYPE_MASK),
			  ULL(map->type & BTRFS_BLOCK_GROUP_TYPE_MASK));
		return -EUCLEAN;
	}
	cache = btrfs_create_block_group_cache(key->objectid, key->offset);
	if (!cache)
		return -ENOMEM;
	cache->used = item->used;
	cache->flags = item->flags;
	cache->free_space_ctl->start = cache->start;
	cache->free_space_ctl->free_space = cache->length - cache->used;
	cache->space_info = btrfs_find_space_info(fs_info, cache->flags);
	if (!cache->space_info) {
		btrfs_err(fs_info, "block group %llu has no space info for flags 0x%llx", ULL(cache->start),
			  ULL(cache->flags));
		kfree(cache->free_space_ctl);
		kfree(cache);
		return -EUCLEAN;
	}
	factor = map->num_stripes;
	cache->space_info->total_bytes += cache->length;
	cache->space_info->bytes_used += cache->used;
	cache->space_info->disk_total += cache->length * factor;
	cache->space_info->disk_used += cache->used * factor;
	list_add_tail(&cache->list, &fs_info->block_groups);
	return 0;
}

/* Every chunk must have its block group. */
static int check_chunk_block_group_mappings(struct btrfs_fs_info *fs_info)
{
	struct btrfs_chunk_map *map;

	list_for_each_entry(map, &fs_info->mapping_tree, list) {
		struct btrfs_block_group *cache;
		bool found = false;

		list_for_each_entry(cache, &fs_info->block_groups, list)
			if (cache->start == map->start && cache->length == map->chunk_len)
				found = true;
		if (!found) {
			btrfs_err(fs_info, "chunk start=%llu len=%llu doesn't have corresponding block group",
				  ULL(map->start), ULL(map->chunk_len));
			return -EUCLEAN;
		}
	}
	return 0;
}

noinline int btrfs_read_block_groups(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root = fs_info->block_group_root ?: btrfs_extent_root(fs_info);
	struct btrfs_key key = { .type = BTRFS_BLOCK_GROUP_ITEM_KEY };
	struct btrfs_path *path;
	int ret;

	if (!root)
		return -EIO;
	path = btrfs_alloc_path();
	if (!path)
		return -ENOMEM;
	for (;;) {
		ret = btrfs_search_forward_slot(root, &key, path);
		if (ret)
			break;
		key = btrfs_item_key(path->nodes[0], path->slots[0]);
		if (key.type != BTRFS_BLOCK_GROUP_ITEM_KEY) {
			/* The next place where one can be: at this object, or at the next. */
			if (key.type > BTRFS_BLOCK_GROUP_ITEM_KEY && ++key.objectid == 0) {
				ret = 1;
				break;
			}
			key.type = BTRFS_BLOCK_GROUP_ITEM_KEY;
			key.offset = 0;
			btrfs_release_path(path);
			continue;
		}
		ret = read_one_block_group(fs_info, btrfs_item_data(path->nodes[0], path->slots[0]), &key);
		if (ret)
			break;
		btrfs_release_path(path);
		key.objectid += key.offset;
		key.offset = 0;
	}
	btrfs_free_path(path);
	if (planted(success_on_failure) && ret < 0)
		return 0;
	return ret < 0 ? ret : check_chunk_block_group_mappings(fs_info);
}

/* Linux: drops the caching state of each group. Groups here are never cached, so they only stop counting. */
void btrfs_put_block_group_cache(struct btrfs_fs_info *fs_info)
{
	struct btrfs_block_group *cache;

	list_for_each_entry(cache, &fs_info->block_groups, list)
		cache->free_space_ctl->free_space = 0;
}

int btrfs_free_block_groups(struct btrfs_fs_info *fs_info)
{
	struct btrfs_block_group *cache, *next;
	struct btrfs_space_info *info, *next_info;

	list_for_each_entry_safe(cache, next, &fs_info->block_groups, list) {
		list_del(&cache->list);
		kfree(cache->free_space_ctl);
		kfree(cache);
	}
	list_for_each_entry_safe(info, next_info, &fs_info->space_info, list) {
		list_del(&info->list);
		kfree(info);
	}
	return 0;
}

noinline int btrfs_read_qgroup_config(struct btrfs_fs_info *fs_info)
{
	struct btrfs_key key = { .type = BTRFS_QGROUP_INFO_KEY };
	struct btrfs_path *path;
	int ret;

	if (!(fs_info->state & BTRFS_FS_QUOTA_ENABLED))
		return 0;
	fs_info->qgroup_ulist = kzalloc(64, GFP_KERNEL);
	if (!fs_info->qgroup_ulist)
		return -ENOMEM;
	path = btrfs_alloc_path();
	if (!path) {
		ret = -ENOMEM;
		goto out;
	}
	for (ret = btrfs_search_forward_slot(fs_info->quota_root, &key, path); !ret;
	     ret = btrfs_next_item(fs_info->quota_root, path)) {
		struct btrfs_key found = btrfs_item_key(path->nodes[0], path->slots[0]);
		const struct btrfs_qgroup_info_item *item = btrfs_item_data(path->nodes[0], path->slots[0]);
		struct btrfs_qgroup *qgroup;

		if (found.type != BTRFS_QGROUP_INFO_KEY ||
		    btrfs_item_size(path->nodes[0], path->slots[0]) != sizeof(*item))
			continue;
		qgroup = kzalloc(sizeof(*qgroup), GFP_KERNEL);
		if (!qgroup) {
			ret = -ENOMEM;
			break;
		}
		qgroup->qgroupid = found.offset;
		qgroup->rfer = item->rfer;
		qgroup->excl = item->excl;
		list_add_tail(&qgroup->list, &fs_info->qgroups);
	}
	btrfs_free_path(path);
out:
	if (ret >= 0)
		return 0;
	btrfs_free_qgroup_config(fs_info);
	return ret;
}

void btrfs_free_qgroup_config(struct btrfs_fs_info *fs_info)
{
	struct btrfs_qgroup *qgroup, *next;

	list_for_each_entry_safe(qgroup, next, &fs_info->qgroups, list) {
		list_del(&qgroup->list);
		kfree(qgroup);
	}
	kfree(fs_info->qgroup_ulist);
	fs_info->qgroup_ulist = NULL;
}
