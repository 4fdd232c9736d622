// SPDX-License-Identifier: MIT
/*
 * The contents of files: finding the extent for each block, reading it from a mirror whose checksum is right. Holes are
 * gaps between extents (NO_HOLES), extents without a disk address, and space that was reserved but never written.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

/* What a stretch of a file consists of. */
struct file_extent {
	enum { EXTENT_HOLE, EXTENT_INLINE, EXTENT_DISK } kind;
	u64 start;		/* in the file */
	u64 end;
	u64 disk;		/* logical address of the byte at @start */
	const void *inline_data;	/* valid while the path is held */
	u32 inline_len;
};

/* The extent that covers byte @offset, or the hole there. */
static noinline int btrfs_get_extent(struct inode *inode, struct btrfs_path *path, u64 offset, struct file_extent *extent)
{
	struct btrfs_inode *binode = BTRFS_I(inode);
	struct btrfs_fs_info *fs_info = binode->root->fs_info;
	struct btrfs_key key = { binode->objectid, BTRFS_EXTENT_DATA_KEY, offset }, found;
	const struct btrfs_file_extent_item *fi;
	int ret;

	*extent = (struct file_extent){ .kind = EXTENT_HOLE, .start = offset, .end = ~0ULL };
	ret = btrfs_search_slot(NULL, binode->root, &key, path, 0, 0);
	if (ret < 0)
		return ret;
	/* Not found: the extent that covers the byte, if any, begins before it. */
	if (ret && path->slots[0]) {
		path->slots[0]--;
		found = btrfs_item_key(path->nodes[0], path->slots[0]);
		if (found.objectid != key.objectid || found.type != key.type) {
			path->slots[0]++;
			ret = 2;
		}
	} else if (ret) {
		ret = 2;
	}
	for (;;) {
		if (path->slots[0] >= (int)btrfs_header_nritems(path->nodes[0])) {
			int next = btrfs_next_leaf(binode->root, path);

			if (next)
				return next < 0 ? next : 0;
		}
		found = btrfs_item_key(path->nodes[0], path->slots[0]);
		if (found.objectid != key.objectid || found.type != key.type)
			return 0;
		fi = btrfs_item_data(path->nodes[0], path->slots[0]);
		if (found.offset > offset) {
			extent->end = found.offset;
			return 0;
		}
		if (fi->type == BTRFS_FILE_EXTENT_INLINE) {
			extent->inline_len = btrfs_item_size(path->nodes[0], path->slots[0]) -
					     offsetof(struct btrfs_file_extent_item, disk_bytenr);
			if (offset < found.offset + extent->inline_len || fi->compression)
				break;
		} else if (offset < found.offset + fi->num_bytes) {
			break;
		}
		/* It ends before the byte: what follows it says where the hole ends. */
		path->slots[0]++;
	}
	if (fi->compression || fi->other_encoding) {
		btrfs_err(fs_info, "compressed extents are not supported: root %llu ino %llu off %llu compression %u",
			  ULL(binode->root->objectid), ULL(binode->objectid), ULL(found.offset), fi->compression);
		return -EOPNOTSUPP;
	}
	if (fi->type == BTRFS_FILE_EXTENT_INLINE) {
		extent->kind = EXTENT_INLINE;
		extent->start = found.offset;
		extent->end = found.offset + extent->inline_len;
		extent->inline_data = &fi->disk_bytenr;
		return 0;
	}
	extent->start = found.offset;
	extent->end = found.offset + fi->num_bytes;
	if (fi->type == BTRFS_FILE_EXTENT_REG && fi->disk_bytenr) {
		extent->kind = EXTENT_DISK;
		extent->disk = fi->disk_bytenr + fi->offset;
	}
	return 0;
}

/* The stored checksum of the sector at @logical; 1 if there is none. */
static noinline int btrfs_lookup_csum(struct btrfs_fs_info *fs_info, struct btrfs_path *path, u64 logical,
				      u8 csum[BTRFS_CSUM_SIZE])
{
	struct btrfs_key key = { BTRFS_EXTENT_CSUM_OBJECTID, BTRFS_EXTENT_CSUM_KEY, logical }, found;
	struct btrfs_root *root = btrfs_csum_root(fs_info);
	u64 index;
	int ret;

	if (!root)
		return -EIO;
	ret = btrfs_search_slot(NULL, root, &key, path, 0, 0);
	if (ret < 0)
		return ret;
	if (ret) {
		if (!path->slots[0])
			return 1;
		path->slots[0]--;
	}
	found = btrfs_item_key(path->nodes[0], path->slots[0]);
	if (found.objectid != key.objectid || found.type != key.type)
		return 1;
	index = (logical - found.offset) >> fs_info->sectorsize_bits;
	if (index >= btrfs_item_size(path->nodes[0], path->slots[0]) / fs_info->csum_size)
		return 1;
	memcpy(csum, (const u8 *)btrfs_item_data(path->nodes[0], path->slots[0]) + index * fs_info->csum_size,
	       fs_info->csum_size);
	return 0;
}

static bool checksum_is_right(struct inode *inode, const void *sector, u64 offset, u64 logical, const u8 *expected,
			      int mirror)
{
	struct btrfs_inode *binode = BTRFS_I(inode);
	struct btrfs_fs_info *fs_info = binode->root->fs_info;
	char have[BTRFS_CSUM_TEXT_SIZE], want[BTRFS_CSUM_TEXT_SIZE];
	u8 result[BTRFS_CSUM_SIZE];

	btrfs_csum(fs_info, sector, fs_info->sectorsize, result);
	if (!memcmp(result, expected, fs_info->csum_size))
		return true;
	btrfs_warn(fs_info, "csum failed root %lld ino %llu off %llu csum %s expected csum %s mirror %d",
		   (long long)binode->root->objectid, ULL(binode->objectid), ULL(offset),
		   btrfs_csum_text(have, result, fs_info->csum_size),
		   btrfs_csum_text(want, expected, fs_info->csum_size), mirror);
	btrfs_dev_stat_inc_and_print(fs_info, logical, mirror, BTRFS_DEV_STAT_CORRUPTION_ERRS);
	return false;
}

/* Reads the sector at @logical into @sector, from the first mirror that gives it right. */
static noinline int btrfs_read_data_sector(struct inode *inode, struct btrfs_path *path, u64 offset, u64 logical,
					   void *sector)
{
	struct btrfs_inode *binode = BTRFS_I(inode);
	struct btrfs_fs_info *fs_info = binode->root->fs_info;
	bool check = !(binode->flags & BTRFS_INODE_NODATASUM) && !btrfs_test_opt(fs_info, IGNOREDATACSUMS);
	int copies = btrfs_num_copies(fs_info, logical, fs_info->sectorsize), ret;
	u8 expected[BTRFS_CSUM_SIZE] = { };

	if (check) {
		btrfs_release_path(path);
		ret = btrfs_lookup_csum(fs_info, path, logical, expected);
		btrfs_release_path(path);
		if (ret < 0)
			return ret;
		if (ret)
			btrfs_warn(fs_info, "csum hole found for disk bytenr range [%llu, %llu)", ULL(logical),
				   ULL(logical + fs_info->sectorsize));
	}
	ret = -EIO;
	for (int mirror = 1; mirror <= copies; mirror++) {
		ret = btrfs_read_logical(fs_info, logical, sector, fs_info->sectorsize, mirror);
		if (ret == -ENOMEM)
			break;
		if (!ret && (!check || checksum_is_right(inode, sector, offset, logical, expected, mirror)))
			return 0;
		ret = -EIO;
	}
	return ret;
}

/* Fills one sector of the file. */
static int read_file_sector(struct inode *inode, struct btrfs_path *path, u64 offset, void *sector, u32 sectorsize)
{
	struct file_extent extent;
	int ret = btrfs_get_extent(inode, path, offset, &extent);

	if (!ret && extent.kind == EXTENT_DISK) {
		ret = btrfs_read_data_sector(inode, path, offset, extent.disk + (offset - extent.start), sector);
	} else if (!ret) {
		memset(sector, 0, sectorsize);
		if (extent.kind == EXTENT_INLINE)
			memcpy(sector, extent.inline_data + (offset - extent.start),
			       min_t(u64, extent.end - offset, sectorsize));
	}
	btrfs_release_path(path);
	return ret;
}

noinline int btrfs_read_file_range(struct inode *inode, u64 offset, void *buf, u32 length)
{
	u32 sectorsize = btrfs_sb(inode->i_sb)->sectorsize;
	struct btrfs_path *path;
	void *sector;
	int ret = 0;

	path = btrfs_alloc_path();
	if (!path)
		return -ENOMEM;
	/* A whole sector comes from disk even when less is wanted. */
	sector = (void *)__get_free_page(GFP_KERNEL);
	if (!sector) {
		btrfs_free_path(path);
		return -ENOMEM;
	}
	while (length && !ret) {
		u64 start = offset & ~(u64)(sectorsize - 1);
		u32 skip = offset - start, n = min_t(u32, length, sectorsize - skip);

		ret = read_file_sector(inode, path, start, sector, sectorsize);
		if (!ret)
			memcpy(buf, sector + skip, n);
		buf += n;
		offset += n;
		length -= n;
	}
	free_page((unsigned long)sector);
	btrfs_free_path(path);
	return ret;
}

/* Pages and sectors have the same size here. */
static noinline int btrfs_readpage(struct file *file, struct address_space *mapping, struct page *page, pgoff_t index)
{
	struct inode *inode = mapping->host;
	u64 offset = (u64)index << PAGE_SHIFT, size = i_size_read(inode);
	struct btrfs_path *path = btrfs_alloc_path();
	char *data = page_address(page);
	int ret;

	if (!path)
		return -ENOMEM;
	ret = read_file_sector(inode, path, offset, data, PAGE_SIZE);
	btrfs_free_path(path);
	/* What lies behind the end of the file must not show. */
	if (!ret && offset + PAGE_SIZE > size)
		memset(data + (size > offset ? size - offset : 0), 0,
		       PAGE_SIZE - (size > offset ? size - offset : 0));
	return ret;
}

const struct address_space_operations btrfs_aops = {
	.readpage = btrfs_readpage,
};

const struct inode_operations btrfs_file_inode_operations = {
	.getattr = btrfs_getattr,
};

const struct file_operations btrfs_file_operations = {
	.llseek = generic_file_llseek,
	.read_iter = generic_file_read_iter,
	.mmap = generic_file_mmap,
};
