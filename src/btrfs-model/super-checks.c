// SPDX-License-Identifier: MIT
/* Reading the superblock, and what must be true of it before anything is mounted. (docs/btrfs.md) */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"
#include "disk-io.h"

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

noinline int btrfs_check_super_csum(struct btrfs_fs_info *fs_info, const struct btrfs_super_block *super)
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

noinline int btrfs_validate_mount_super(struct btrfs_fs_info *fs_info)
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

noinline int btrfs_check_features(struct btrfs_fs_info *fs_info, bool is_rw_mount)
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
