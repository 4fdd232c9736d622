// SPDX-License-Identifier: MIT
/*
 * Extent buffers: tree blocks in memory. Each is read once, checked on the way in (place, file system, level, checksum,
 * contents) and kept while somebody holds it or there is room. After Linux's fs/btrfs/extent_io.c and the metadata
 * reading of fs/btrfs/disk-io.c: when one copy of a block is bad, the next mirror is tried.
 */
#include <kernel/dynamic_fault.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/gfp.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

static struct kmem_cache *extent_buffer_cache;

int btrfs_extent_buffer_cache_init(void)
{
	extent_buffer_cache = kmem_cache_create("btrfs_extent_buffer", sizeof(struct extent_buffer), 0, 0, NULL);
	return extent_buffer_cache ? 0 : -ENOMEM;
}

static struct list_head *eb_bucket(struct btrfs_fs_info *fs_info, u64 start)
{
	return &fs_info->eb_hash[(start / BTRFS_SECTORSIZE_MIN) % EXTENT_BUFFER_HASH_SIZE];
}

static void release_extent_buffer(struct extent_buffer *eb)
{
	list_del(&eb->hash);
	list_del(&eb->lru);
	eb->fs_info->eb_count--;
	free_pages((unsigned long)eb->data, eb->order);
	kmem_cache_free(extent_buffer_cache, eb);
}

/* Lets go of blocks that nobody holds, the least recently used first, until at most @keep are cached. */
static void shrink_extent_buffers(struct btrfs_fs_info *fs_info, unsigned int keep)
{
	struct extent_buffer *eb, *next;

	list_for_each_entry_safe_reverse(eb, next, &fs_info->eb_lru, lru) {
		if (fs_info->eb_count <= keep)
			break;
		if (!eb->refs)
			release_extent_buffer(eb);
	}
}

void free_extent_buffer(struct extent_buffer *eb)
{
	if (!eb)
		return;
	eb->refs--;
	/* What could not be read must not be found by the next reader. */
	if (!eb->refs && !eb->uptodate)
		release_extent_buffer(eb);
}

void btrfs_invalidate_tree_blocks(struct btrfs_fs_info *fs_info)
{
	struct extent_buffer *eb, *next;

	list_for_each_entry_safe(eb, next, &fs_info->eb_lru, lru) {
		if (eb->refs)
			btrfs_err(fs_info, "buffer leak start %llu len %u refs %d", (unsigned long long)eb->start,
				  eb->len, eb->refs);
		release_extent_buffer(eb);
	}
}

static struct extent_buffer *lookup_extent_buffer(struct btrfs_fs_info *fs_info, u64 start)
{
	struct extent_buffer *eb;

	list_for_each_entry(eb, eb_bucket(fs_info, start), hash)
		if (eb->start == start)
			return eb;
	return NULL;
}

static struct extent_buffer *find_extent_buffer(struct btrfs_fs_info *fs_info, u64 start)
{
	struct extent_buffer *eb = lookup_extent_buffer(fs_info, start);

	if (!eb)
		return NULL;
	list_move(&eb->lru, &fs_info->eb_lru);
	return extent_buffer_get(eb);
}

static struct extent_buffer *alloc_extent_buffer(struct btrfs_fs_info *fs_info, u64 start)
{
	struct extent_buffer *eb;

	if (!IS_ALIGNED(start, fs_info->sectorsize)) {
		btrfs_err(fs_info, "bad tree block start %llu", (unsigned long long)start);
		return ERR_PTR(-EINVAL);
	}
again:
	eb = find_extent_buffer(fs_info, start);
	if (eb)
		return eb;
	shrink_extent_buffers(fs_info, fs_info->eb_max);
	eb = kmem_cache_zalloc(extent_buffer_cache, GFP_KERNEL);
	if (!eb)
		return ERR_PTR(-ENOMEM);
	eb->order = get_order(fs_info->nodesize);
	eb->data = (char *)__get_free_pages(GFP_KERNEL, eb->order);
	if (!eb->data) {
		kmem_cache_free(extent_buffer_cache, eb);
		return ERR_PTR(-ENOMEM);
	}
	/* The allocations may have slept: the block may be here meanwhile, or memory may be so short that it went again. */
	if (race_fault() || lookup_extent_buffer(fs_info, start)) {
		free_pages((unsigned long)eb->data, eb->order);
		kmem_cache_free(extent_buffer_cache, eb);
		goto again;
	}
	eb->start = start;
	eb->len = fs_info->nodesize;
	eb->refs = 1;
	eb->fs_info = fs_info;
	list_add(&eb->hash, eb_bucket(fs_info, start));
	list_add(&eb->lru, &fs_info->eb_lru);
	fs_info->eb_count++;
	return eb;
}

/* Linux: validate_extent_buffer. What can be checked with nothing but the block. */
static noinline int validate_extent_buffer(struct extent_buffer *eb)
{
	struct btrfs_fs_info *fs_info = eb->fs_info;
	const struct btrfs_header *header = btrfs_header(eb);
	char wanted[BTRFS_CSUM_TEXT_SIZE], found[BTRFS_CSUM_TEXT_SIZE];
	u8 result[BTRFS_CSUM_SIZE];
	int ret = 0;

	if (header->bytenr != eb->start) {
		btrfs_err(fs_info, "bad tree block start, mirror %u want %llu have %llu", eb->read_mirror,
			  (unsigned long long)eb->start, (unsigned long long)header->bytenr);
		return -EIO;
	}
	if (memcmp(header->fsid, fs_info->fs_devices->metadata_uuid, BTRFS_FSID_SIZE)) {
		btrfs_err(fs_info, "bad fsid on logical %llu mirror %u", (unsigned long long)eb->start,
			  eb->read_mirror);
		return -EIO;
	}
	if (header->level >= BTRFS_MAX_LEVEL) {
		btrfs_err(fs_info, "bad tree block level, mirror %u level %d on logical %llu", eb->read_mirror,
			  header->level, (unsigned long long)eb->start);
		return -EIO;
	}
	btrfs_csum(fs_info, eb->data + BTRFS_CSUM_SIZE, eb->len - BTRFS_CSUM_SIZE, result);
	/* No function returns this verdict: only a fault in the middle can make a good copy look bad. */
	if (memcmp(result, header->csum, fs_info->csum_size) || dynamic_fault("fs:btrfs:csum")) {
		btrfs_warn(fs_info, "checksum verify failed on logical %llu mirror %u wanted %s found %s level %d",
			   (unsigned long long)eb->start, eb->read_mirror,
			   btrfs_csum_text(wanted, header->csum, fs_info->csum_size),
			   btrfs_csum_text(found, result, fs_info->csum_size), header->level);
		return -EUCLEAN;
	}
	if (!header->level && btrfs_check_leaf_full(eb))
		ret = -EIO;
	if (header->level && btrfs_check_node(eb))
		ret = -EIO;
	if (ret)
		btrfs_err(fs_info, "read time tree block corruption detected on logical %llu mirror %u",
			  (unsigned long long)eb->start, eb->read_mirror);
	return ret;
}

/* Reads one copy. As in Linux the reader learns only that the copy is no good, whatever was wrong with it. */
static noinline int read_extent_buffer_pages(struct extent_buffer *eb, int mirror)
{
	int ret;

	eb->read_mirror = mirror;
	ret = btrfs_read_logical(eb->fs_info, eb->start, eb->data, eb->len, mirror);
	if (ret == -ENOMEM || ret == -EINVAL)
		return ret;
	if (ret || validate_extent_buffer(eb))
		return -EIO;
	eb->uptodate = true;
	return 0;
}

static int verify_parent_transid(struct extent_buffer *eb, u64 parent_transid)
{
	if (!parent_transid || btrfs_header_generation(eb) == parent_transid)
		return 0;
	btrfs_err(eb->fs_info, "parent transid verify failed on logical %llu mirror %u wanted %llu found %llu",
		  (unsigned long long)eb->start, eb->read_mirror, (unsigned long long)parent_transid,
		  (unsigned long long)btrfs_header_generation(eb));
	return -EIO;
}

static int btrfs_verify_level_key(struct extent_buffer *eb, const struct btrfs_tree_parent_check *check)
{
	struct btrfs_key found;

	if (btrfs_header_level(eb) != check->level) {
		btrfs_err(eb->fs_info, "tree level mismatch detected, bytenr=%llu level expected=%u has=%u",
			  (unsigned long long)eb->start, check->level, btrfs_header_level(eb));
		return -EUCLEAN;
	}
	if (!check->first_key)
		return 0;
	if (!btrfs_header_nritems(eb)) {
		btrfs_err(eb->fs_info, "invalid tree nritems, bytenr=%llu nritems=0 expect >0",
			  (unsigned long long)eb->start);
		return -EUCLEAN;
	}
	found = btrfs_header_level(eb) ? btrfs_node_key(eb, 0) : btrfs_item_key(eb, 0);
	if (!btrfs_comp_cpu_keys(check->first_key, &found))
		return 0;
	btrfs_err(eb->fs_info,
		  "tree first key mismatch detected, bytenr=%llu parent_transid=%llu key expected=(%llu,%u,%llu) has=(%llu,%u,%llu)",
		  (unsigned long long)eb->start, (unsigned long long)check->transid,
		  (unsigned long long)check->first_key->objectid, check->first_key->type,
		  (unsigned long long)check->first_key->offset, (unsigned long long)found.objectid, found.type,
		  (unsigned long long)found.offset);
	return -EUCLEAN;
}

/* Linux: btrfs_read_extent_buffer. Tries the mirrors in turn. */
static int btrfs_read_extent_buffer(struct extent_buffer *eb, const struct btrfs_tree_parent_check *check)
{
	int copies = btrfs_num_copies(eb->fs_info, eb->start, eb->len), ret = -EIO;

	for (int mirror = 1; mirror <= copies; mirror++) {
		/* A block that is cached has been read; what its parent expects must still be compared. */
		ret = eb->uptodate ? 0 : read_extent_buffer_pages(eb, mirror);
		if (ret == -ENOMEM)
			break;
		if (!ret)
			ret = verify_parent_transid(eb, check->transid);
		if (!ret) {
			ret = btrfs_verify_level_key(eb, check);
			if (!ret)
				return 0;
		}
		/* Other holders of a block that they found good keep it; only a fresh one is read again. */
		if (eb->refs > 1)
			break;
		eb->uptodate = false;
	}
	return ret;
}

struct extent_buffer *read_tree_block(struct btrfs_fs_info *fs_info, u64 bytenr,
				      const struct btrfs_tree_parent_check *check)
{
	struct extent_buffer *eb = alloc_extent_buffer(fs_info, bytenr);
	int ret;

	if (IS_ERR(eb))
		return eb;
	ret = btrfs_read_extent_buffer(eb, check);
	if (!ret)
		ret = btrfs_check_eb_owner(eb, check->owner_root);
	if (ret) {
		free_extent_buffer(eb);
		return ERR_PTR(ret);
	}
	return eb;
}
