// SPDX-License-Identifier: MIT
/*
 * Searching trees. A path holds, for every level from the root down, the block and the slot taken in it, with a reference
 * to each block. After Linux's fs/btrfs/ctree.c.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

static struct kmem_cache *btrfs_path_cache;

int btrfs_ctree_init(void)
{
	btrfs_path_cache = kmem_cache_create("btrfs_path", sizeof(struct btrfs_path), 0, 0, NULL);
	return btrfs_path_cache ? 0 : -ENOMEM;
}

int btrfs_comp_cpu_keys(const struct btrfs_key *a, const struct btrfs_key *b)
{
	if (a->objectid != b->objectid)
		return a->objectid < b->objectid ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return 0;
}

struct btrfs_path *btrfs_alloc_path(void)
{
	return kmem_cache_zalloc(btrfs_path_cache, GFP_KERNEL);
}

void btrfs_release_path(struct btrfs_path *path)
{
	for (int level = 0; level < BTRFS_MAX_LEVEL; level++) {
		free_extent_buffer(path->nodes[level]);
		path->nodes[level] = NULL;
		path->slots[level] = 0;
	}
}

void btrfs_free_path(struct btrfs_path *path)
{
	if (!path)
		return;
	btrfs_release_path(path);
	kmem_cache_free(btrfs_path_cache, path);
}

static struct btrfs_key key_at(const struct extent_buffer *eb, int slot)
{
	return btrfs_header_level(eb) ? btrfs_node_key(eb, slot) : btrfs_item_key(eb, slot);
}

/* The slot of the first key that is not below @key; true if it is equal. */
static bool btrfs_bin_search(const struct extent_buffer *eb, const struct btrfs_key *key, int *slot)
{
	int low = 0, high = btrfs_header_nritems(eb);

	while (low < high) {
		int middle = (low + high) / 2, order;
		struct btrfs_key found = key_at(eb, middle);

		order = btrfs_comp_cpu_keys(&found, key);
		if (!order) {
			*slot = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*slot = low;
	return false;
}

/* Reads the block that a slot of a node points to. */
static struct extent_buffer *btrfs_read_node_slot(struct btrfs_root *root, const struct extent_buffer *parent, int slot)
{
	struct btrfs_key first_key = btrfs_node_key(parent, slot);
	struct btrfs_tree_parent_check check = {
		.owner_root = root->objectid,
		.transid = btrfs_node_ptr(parent, slot)->generation,
		.first_key = &first_key,
		.level = btrfs_header_level(parent) - 1,
	};

	return read_tree_block(root->fs_info, btrfs_node_ptr(parent, slot)->blockptr, &check);
}

/* Every change of a tree begins by copying the block. This model never writes, and says so here. */
noinline int btrfs_cow_block(struct btrfs_trans_handle *trans, struct btrfs_root *root, struct extent_buffer *buf,
			     struct extent_buffer *parent, int parent_slot, struct extent_buffer **cow_ret,
			     enum btrfs_lock_nesting nest)
{
	*cow_ret = NULL;
	return -EROFS;
}
ALLOW_ERROR_INJECTION(btrfs_cow_block, ERRNO);

noinline int btrfs_search_slot(struct btrfs_trans_handle *trans, struct btrfs_root *root, const struct btrfs_key *key,
			       struct btrfs_path *path, int ins_len, int cow)
{
	struct extent_buffer *eb, *copy;
	int level, ret;

	if (!root->node)
		return -EIO;
	eb = extent_buffer_get(root->node);
	for (;;) {
		bool found;

		level = btrfs_header_level(eb);
		path->nodes[level] = eb;
		if (cow || ins_len) {
			bool top = eb == root->node;

			ret = btrfs_cow_block(trans, root, eb, top ? NULL : path->nodes[level + 1],
					      top ? 0 : path->slots[level + 1], &copy,
					      top ? BTRFS_NESTING_COW : BTRFS_NESTING_NORMAL);
			if (ret)
				goto fail;
		}
		found = btrfs_bin_search(eb, key, &path->slots[level]);
		if (!level)
			return found ? 0 : 1;
		/* The child to enter is the last whose first key is not above the one wanted. */
		if (!found && path->slots[level])
			path->slots[level]--;
		eb = btrfs_read_node_slot(root, eb, path->slots[level]);
		if (IS_ERR(eb)) {
			ret = PTR_ERR(eb);
			goto fail;
		}
	}

fail:
	btrfs_release_path(path);
	return ret;
}
ALLOW_ERROR_INJECTION(btrfs_search_slot, ERRNO);

int btrfs_next_leaf(struct btrfs_root *root, struct btrfs_path *path)
{
	struct extent_buffer *eb;
	int level = 1;

	while (level < BTRFS_MAX_LEVEL && path->nodes[level] &&
	       path->slots[level] + 1 >= (int)btrfs_header_nritems(path->nodes[level]))
		level++;
	if (level == BTRFS_MAX_LEVEL || !path->nodes[level])
		return 1;
	path->slots[level]++;
	while (level > 0) {
		eb = btrfs_read_node_slot(root, path->nodes[level], path->slots[level]);
		if (IS_ERR(eb)) {
			btrfs_release_path(path);
			return PTR_ERR(eb);
		}
		level--;
		free_extent_buffer(path->nodes[level]);
		path->nodes[level] = eb;
		path->slots[level] = 0;
	}
	return 0;
}

/* Moves on while the slot is past the end of its leaf. */
static int settle(struct btrfs_root *root, struct btrfs_path *path)
{
	int ret = 0;

	while (!ret && path->slots[0] >= (int)btrfs_header_nritems(path->nodes[0]))
		ret = btrfs_next_leaf(root, path);
	return ret;
}

int btrfs_search_forward_slot(struct btrfs_root *root, const struct btrfs_key *key, struct btrfs_path *path)
{
	int ret = btrfs_search_slot(NULL, root, key, path, 0, 0);

	return ret < 0 ? ret : settle(root, path);
}

int btrfs_next_item(struct btrfs_root *root, struct btrfs_path *path)
{
	path->slots[0]++;
	return settle(root, path);
}
