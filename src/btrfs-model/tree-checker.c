// SPDX-License-Identifier: MIT
/*
 * Checks of a tree block's contents as it is read, so that the code that uses items can trust their sizes, counts and
 * enumerations. The rules and messages are those of Linux's fs/btrfs/tree-checker.c for the items that reading a file
 * system needs; other items are checked to lie inside the leaf and nothing more.
 */
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/kernel.h>
#include <kernel/string.h>
#include "ctree.h"

static bool is_subject(const char *what)
{
	static const char *const subjects[] = { "devid=", "bg_start=", "chunk_start=", "ino=" };

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (!strncmp(what, subjects[i], strlen(subjects[i])))
			return true;
	return false;
}

/* "corrupt leaf: root=5 block=30441472 slot=3, ..."; no comma where @fmt begins with what it is about, "devid=1 ...". */
__printf(3, 4)
static int corrupt(const struct extent_buffer *eb, int slot, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	btrfs_crit(eb->fs_info, "corrupt %s: root=%llu block=%llu slot=%d%s %s", btrfs_header_level(eb) ? "node" : "leaf",
		   ULL(btrfs_header_owner(eb)), ULL(eb->start), slot, is_subject(what) ? "" : ",", what);
	return -EUCLEAN;
}

static bool aligned(const struct extent_buffer *eb, u64 value)
{
	return !(value & (eb->fs_info->sectorsize - 1));
}

static int check_extent_data_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_file_extent_item *fi = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot);

	if (size < offsetof(struct btrfs_file_extent_item, disk_bytenr))
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid item size, have %u expect [21, 65536)",
			       ULL(key->objectid), ULL(key->offset), size);
	if (!aligned(leaf, key->offset))
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, unaligned file_offset for file extent, have %llu should be aligned to %u",
			       ULL(key->objectid), ULL(key->offset), ULL(key->offset), leaf->fs_info->sectorsize);
	if (fi->type >= BTRFS_NR_FILE_EXTENT_TYPES)
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid type for file extent, have %u expect range [0, %u]",
			       ULL(key->objectid), ULL(key->offset), fi->type, BTRFS_NR_FILE_EXTENT_TYPES - 1);
	if (fi->compression > 3)
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid compression for file extent, have %u expect range [0, 3]",
			       ULL(key->objectid), ULL(key->offset), fi->compression);
	if (fi->encryption)
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid encryption for file extent, have %u expect 0",
			       ULL(key->objectid), ULL(key->offset), fi->encryption);
	if (fi->type == BTRFS_FILE_EXTENT_INLINE) {
		if (key->offset)
			return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid file_offset for inline file extent, have %llu expect 0",
				       ULL(key->objectid), ULL(key->offset), ULL(key->offset));
		/* Inline data fills the item, unless it is compressed. */
		if (!fi->compression && size != offsetof(struct btrfs_file_extent_item, disk_bytenr) + fi->ram_bytes)
			return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid ram_bytes for uncompressed inline extent, have %u expect %llu",
				       ULL(key->objectid), ULL(key->offset), size,
				       ULL(offsetof(struct btrfs_file_extent_item, disk_bytenr) + fi->ram_bytes));
		return 0;
	}
	if (size != sizeof(*fi))
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, invalid item size for reg/prealloc file extent, have %u expect %zu",
			       ULL(key->objectid), ULL(key->offset), size, sizeof(*fi));
	if (!aligned(leaf, fi->ram_bytes) || !aligned(leaf, fi->disk_bytenr) || !aligned(leaf, fi->disk_num_bytes) ||
	    !aligned(leaf, fi->offset) || !aligned(leaf, fi->num_bytes))
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, unaligned number in file extent, should be aligned to %u",
			       ULL(key->objectid), ULL(key->offset), leaf->fs_info->sectorsize);
	if (key->offset + fi->num_bytes < key->offset)
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, extent end overflow, have file offset %llu extent num bytes %llu",
			       ULL(key->objectid), ULL(key->offset), ULL(key->offset), ULL(fi->num_bytes));
	/* An uncompressed extent is read from disk where it says: the part must lie within the whole. */
	if (fi->disk_bytenr && !fi->compression &&
	    (fi->offset + fi->num_bytes < fi->offset || fi->offset + fi->num_bytes > fi->disk_num_bytes ||
	     fi->disk_bytenr + fi->disk_num_bytes < fi->disk_bytenr))
		return corrupt(leaf, slot, "ino=%llu file_offset=%llu, extent part %llu+%llu is outside its %llu bytes on disk",
			       ULL(key->objectid), ULL(key->offset), ULL(fi->offset), ULL(fi->num_bytes),
			       ULL(fi->disk_num_bytes));
	return 0;
}

static int check_csum_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	u32 size = btrfs_item_size(leaf, slot);

	if (key->objectid != BTRFS_EXTENT_CSUM_OBJECTID)
		return corrupt(leaf, slot, "invalid key objectid for csum item, have %llu expect %llu", ULL(key->objectid),
			       ULL(BTRFS_EXTENT_CSUM_OBJECTID));
	if (!aligned(leaf, key->offset))
		return corrupt(leaf, slot, "unaligned key offset for csum item, have %llu should be aligned to %u",
			       ULL(key->offset), leaf->fs_info->sectorsize);
	if (size % leaf->fs_info->csum_size)
		return corrupt(leaf, slot, "unaligned item size for csum item, have %u should be aligned to %u", size,
			       leaf->fs_info->csum_size);
	return 0;
}

static int check_dir_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const char *data = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot), cur = 0;

	while (cur < size) {
		const struct btrfs_dir_item *di = (const struct btrfs_dir_item *)(data + cur);
		u32 name_len, data_len, max_len, total;

		if (cur + sizeof(*di) > size)
			return corrupt(leaf, slot, "ino=%llu, dir item header crosses item boundary, have %zu boundary %u",
				       ULL(key->objectid), cur + sizeof(*di), size);
		name_len = di->name_len;
		data_len = di->data_len;
		total = sizeof(*di) + name_len + data_len;
		if (di->type >= BTRFS_FT_MAX)
			return corrupt(leaf, slot, "ino=%llu, invalid dir item type, have %u expect [0, %u)",
				       ULL(key->objectid), di->type, BTRFS_FT_MAX);
		if ((key->type == BTRFS_XATTR_ITEM_KEY) != (di->type == BTRFS_FT_XATTR))
			return corrupt(leaf, slot, "ino=%llu, invalid dir item type for %s key, have %u",
				       ULL(key->objectid), key->type == BTRFS_XATTR_ITEM_KEY ? "XATTR" : "non-XATTR",
				       di->type);
		max_len = di->type == BTRFS_FT_XATTR ? leaf->len : BTRFS_NAME_LEN;
		if (!name_len || name_len > max_len)
			return corrupt(leaf, slot, "ino=%llu, dir item name len too long, have %u max %u",
				       ULL(key->objectid), name_len, max_len);
		if (di->type != BTRFS_FT_XATTR) {
			u8 type = di->location.type;

			if (data_len)
				return corrupt(leaf, slot, "ino=%llu, dir item with invalid data len, have %u expect 0",
					       ULL(key->objectid), data_len);
			if (type != BTRFS_ROOT_ITEM_KEY && type != BTRFS_INODE_ITEM_KEY)
				return corrupt(leaf, slot, "ino=%llu, invalid location key type, have %u, expect %u or %u",
					       ULL(key->objectid), type, BTRFS_ROOT_ITEM_KEY, BTRFS_INODE_ITEM_KEY);
		}
		if (cur + total > size)
			return corrupt(leaf, slot, "ino=%llu, dir item data crosses item boundary, have %u boundary %u",
				       ULL(key->objectid), cur + total, size);
		if (key->type == BTRFS_DIR_ITEM_KEY || key->type == BTRFS_XATTR_ITEM_KEY) {
			u32 hash = btrfs_name_hash((const char *)(di + 1), name_len);

			if (key->offset != hash)
				return corrupt(leaf, slot, "ino=%llu, name hash mismatch with key, have 0x%016x expect 0x%016llx",
					       ULL(key->objectid), hash, ULL(key->offset));
		}
		cur += total;
	}
	return 0;
}

static int check_inode_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_inode_item *item = btrfs_item_data(leaf, slot);
	u64 limit = leaf->fs_info->super_copy->generation + 1;
	u32 size = btrfs_item_size(leaf, slot);
	u32 mode;

	if (size != sizeof(*item))
		return corrupt(leaf, slot, "ino=%llu, invalid item size: has %u expect %zu", ULL(key->objectid), size,
			       sizeof(*item));
	if (key->offset)
		return corrupt(leaf, slot, "ino=%llu, invalid key offset: has %llu expect 0", ULL(key->objectid),
			       ULL(key->offset));
	if (item->generation > limit)
		return corrupt(leaf, slot, "ino=%llu, invalid inode generation: has %llu expect (0, %llu]",
			       ULL(key->objectid), ULL(item->generation), ULL(limit));
	mode = item->mode;
	if (mode & ~(S_IFMT | S_ISUID | S_ISGID | S_ISVTX | 0777))
		return corrupt(leaf, slot, "ino=%llu, unknown mode bit detected: 0x%x", ULL(key->objectid),
			       mode & ~(S_IFMT | 07777));
	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode) && !S_ISCHR(mode) && !S_ISBLK(mode) &&
	    !S_ISFIFO(mode) && !S_ISSOCK(mode))
		return corrupt(leaf, slot, "ino=%llu, invalid mode: has 0%o expect valid S_IF* bit(s)",
			       ULL(key->objectid), mode & S_IFMT);
	if ((s64)item->size < 0)
		return corrupt(leaf, slot, "ino=%llu, invalid inode size: has %llu", ULL(key->objectid), ULL(item->size));
	return 0;
}

static int check_inode_ref(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const char *data = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot), cur = 0;
	u32 place = sizeof(struct btrfs_header) + btrfs_item(leaf, slot)->offset;

	while (cur < size) {
		const struct btrfs_inode_ref *ref = (const struct btrfs_inode_ref *)(data + cur);

		/* Places are counted from the beginning of the block. */
		if (cur + sizeof(*ref) > size)
			return corrupt(leaf, slot, "ino=%llu, inode ref overflow, ptr %u end %u inode_ref_size %zu",
				       ULL(key->objectid), place + cur, place + size, sizeof(*ref));
		if (cur + sizeof(*ref) + ref->name_len > size)
			return corrupt(leaf, slot, "ino=%llu, inode ref overflow, ptr %u end %u namelen %u",
				       ULL(key->objectid), place + cur, place + size, ref->name_len);
		cur += sizeof(*ref) + ref->name_len;
	}
	return 0;
}

static int check_root_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	u32 size = btrfs_item_size(leaf, slot);
	u64 limit = leaf->fs_info->super_copy->generation + 1;
	struct btrfs_root_item item = { };

	if (size != sizeof(item) && size != btrfs_legacy_root_item_size())
		return corrupt(leaf, slot, "invalid root item size, have %u expect %zu or %u", size, sizeof(item),
			       btrfs_legacy_root_item_size());
	if (!key->objectid)
		return corrupt(leaf, slot, "invalid root id 0");
	memcpy(&item, btrfs_item_data(leaf, slot), size);
	if (item.generation > limit)
		return corrupt(leaf, slot, "invalid root generation, have %llu expect (0, %llu]", ULL(item.generation),
			       ULL(limit));
	if (!aligned(leaf, item.bytenr))
		return corrupt(leaf, slot, "invalid root bytenr, have %llu expect to be aligned to %u", ULL(item.bytenr),
			       leaf->fs_info->sectorsize);
	if (item.level >= BTRFS_MAX_LEVEL)
		return corrupt(leaf, slot, "invalid root level, have %u expect [0, %u]", item.level, BTRFS_MAX_LEVEL - 1);
	if (item.drop_level >= BTRFS_MAX_LEVEL)
		return corrupt(leaf, slot, "invalid root level, have %u expect [0, %u]", item.drop_level,
			       BTRFS_MAX_LEVEL - 1);
	return 0;
}

static int check_root_ref(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_root_ref *ref = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot);

	if (size < sizeof(*ref) || size != sizeof(*ref) + ref->name_len)
		return corrupt(leaf, slot, "invalid root ref item size, have %u", size);
	return 0;
}

static int check_block_group_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_block_group_item *item = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot);
	u64 flags, type;

	if (!key->offset)
		return corrupt(leaf, slot, "bg_start=%llu bg_len=0, invalid block group size 0", ULL(key->objectid));
	if (size != sizeof(*item))
		return corrupt(leaf, slot, "bg_start=%llu bg_len=%llu, invalid item size, have %u expect %zu",
			       ULL(key->objectid), ULL(key->offset), size, sizeof(*item));
	if (item->used > key->offset)
		return corrupt(leaf, slot, "bg_start=%llu bg_len=%llu, invalid block group used, have %llu expect [0, %llu)",
			       ULL(key->objectid), ULL(key->offset), ULL(item->used), ULL(key->offset));
	flags = item->flags;
	type = flags & BTRFS_BLOCK_GROUP_TYPE_MASK;
	if (hweight64(flags & BTRFS_BLOCK_GROUP_PROFILE_MASK) > 1)
		return corrupt(leaf, slot, "bg_start=%llu bg_len=%llu, invalid profile flags, have 0x%llx expect no more than 1 bit set",
			       ULL(key->objectid), ULL(key->offset), ULL(flags & BTRFS_BLOCK_GROUP_PROFILE_MASK));
	if (type != BTRFS_BLOCK_GROUP_DATA && type != BTRFS_BLOCK_GROUP_METADATA && type != BTRFS_BLOCK_GROUP_SYSTEM &&
	    type != (BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DATA))
		return corrupt(leaf, slot, "bg_start=%llu bg_len=%llu, invalid type, have 0x%llx (%u bits set) expect either 0x%llx, 0x%llx, 0x%llx or 0x%llx",
			       ULL(key->objectid), ULL(key->offset), ULL(type), (unsigned int)hweight64(type),
			       ULL(BTRFS_BLOCK_GROUP_DATA), ULL(BTRFS_BLOCK_GROUP_METADATA), ULL(BTRFS_BLOCK_GROUP_SYSTEM),
			       ULL(BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DATA));
	return 0;
}

static int chunk_slot(const struct extent_buffer *leaf, u64 logical)
{
	for (u32 slot = 0; slot < btrfs_header_nritems(leaf); slot++) {
		struct btrfs_key key = disk_key(&btrfs_item(leaf, slot)->key);

		if (key.objectid == BTRFS_FIRST_CHUNK_TREE_OBJECTID && key.offset == logical)
			return slot;
	}
	return -1;
}

/* @leaf is NULL for a chunk of the superblock's array. */
__printf(4, 5)
static int chunk_err(struct btrfs_fs_info *fs_info, const struct extent_buffer *leaf, u64 logical, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (leaf)
		btrfs_crit(fs_info, "corrupt leaf: root=%llu block=%llu slot=%d %s", ULL(BTRFS_CHUNK_TREE_OBJECTID),
			   ULL(leaf->start), chunk_slot(leaf, logical), what);
	else
		btrfs_crit(fs_info, "corrupt superblock syschunk array: %s", what);
	return -EUCLEAN;
}

int btrfs_check_chunk_valid(struct btrfs_fs_info *fs_info, const struct extent_buffer *leaf,
			    const struct btrfs_chunk *chunk, u64 logical, u32 item_size)
{
	u64 length, type, profile;
	int stripes;

	if (item_size < sizeof(*chunk))
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk item size: have %u expect [%zu, %u)",
				 ULL(logical), item_size, sizeof(*chunk), fs_info->nodesize);
	length = chunk->length;
	type = chunk->type;
	profile = type & BTRFS_BLOCK_GROUP_PROFILE_MASK;
	stripes = chunk->num_stripes;
	if (!stripes)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk num_stripes, have %u", ULL(logical), stripes);
	if (sizeof(*chunk) + (stripes - 1) * sizeof(struct btrfs_stripe) > item_size)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk item size: have %u expect %zu", ULL(logical),
				 item_size, sizeof(*chunk) + (stripes - 1) * sizeof(struct btrfs_stripe));
	if (logical & (fs_info->sectorsize - 1))
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk logical, have %llu should aligned to %u",
				 ULL(logical), ULL(logical), fs_info->sectorsize);
	if (chunk->sector_size != fs_info->sectorsize)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk sectorsize, have %u expect %u", ULL(logical),
				 chunk->sector_size, fs_info->sectorsize);
	if (!length || length & (fs_info->sectorsize - 1) || logical + length < logical)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk length, have %llu", ULL(logical),
				 ULL(length));
	if (chunk->stripe_len != BTRFS_STRIPE_LEN)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk stripe length: %llu", ULL(logical),
				 ULL(chunk->stripe_len));
	if (type & ~(BTRFS_BLOCK_GROUP_TYPE_MASK | BTRFS_BLOCK_GROUP_PROFILE_MASK))
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, unrecognized chunk type: 0x%llx", ULL(logical),
				 ULL(type & ~(BTRFS_BLOCK_GROUP_TYPE_MASK | BTRFS_BLOCK_GROUP_PROFILE_MASK)));
	if (hweight64(profile) > 1)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk profile flag: 0x%llx, expect 0 or 1 bit set",
				 ULL(logical), ULL(profile));
	if (!(type & BTRFS_BLOCK_GROUP_TYPE_MASK))
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, missing chunk type flag, have 0x%llx one bit must be set in 0x%llx",
				 ULL(logical), ULL(type), ULL(BTRFS_BLOCK_GROUP_TYPE_MASK));
	if ((type & BTRFS_BLOCK_GROUP_SYSTEM) && (type & (BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DATA)))
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, conflicting chunk type detected: 0x%llx", ULL(logical),
				 ULL(type));
	if ((profile == BTRFS_BLOCK_GROUP_DUP || profile == BTRFS_BLOCK_GROUP_RAID1 ||
	     profile == BTRFS_BLOCK_GROUP_RAID10) && stripes < 2)
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid chunk num_stripes < ncopies, have %u < 2",
				 ULL(logical), stripes);
	if ((profile == BTRFS_BLOCK_GROUP_DUP && stripes != 2) || (!profile && stripes != 1) ||
	    (profile == BTRFS_BLOCK_GROUP_RAID1 && stripes != 2))
		return chunk_err(fs_info, leaf, logical, "chunk_start=%llu, invalid num_stripes:sub_stripes %u:%u for profile %llu",
				 ULL(logical), stripes, chunk->sub_stripes, ULL(profile));
	return 0;
}

static int check_chunk_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_chunk *chunk = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot);
	int ret = btrfs_check_chunk_valid(leaf->fs_info, leaf, chunk, key->offset, size);

	if (!ret && size != sizeof(*chunk) + (chunk->num_stripes - 1) * sizeof(struct btrfs_stripe))
		ret = corrupt(leaf, slot, "invalid chunk item size: have %u for %u stripes", size, chunk->num_stripes);
	return ret;
}

static int check_dev_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_dev_item *item = btrfs_item_data(leaf, slot);
	u32 size = btrfs_item_size(leaf, slot);

	if (key->objectid != BTRFS_DEV_ITEMS_OBJECTID)
		return corrupt(leaf, slot, "devid=%llu invalid objectid: has=%llu expect=%llu", ULL(key->objectid),
			       ULL(key->objectid), ULL(BTRFS_DEV_ITEMS_OBJECTID));
	if (size != sizeof(*item))
		return corrupt(leaf, slot, "devid=%llu invalid item size: has %u expect %zu", ULL(key->objectid), size,
			       sizeof(*item));
	if (item->devid != key->offset)
		return corrupt(leaf, slot, "devid=%llu devid mismatch: key has=%llu item has=%llu", ULL(key->objectid),
			       ULL(key->offset), ULL(item->devid));
	if (item->bytes_used > item->total_bytes)
		return corrupt(leaf, slot, "devid=%llu invalid bytes used: have %llu expect [0, %llu]", ULL(key->objectid),
			       ULL(item->bytes_used), ULL(item->total_bytes));
	return 0;
}

static int check_dev_extent_fields(const struct extent_buffer *leaf, const struct btrfs_dev_extent *extent, int slot)
{
	if (extent->chunk_tree != BTRFS_CHUNK_TREE_OBJECTID)
		return corrupt(leaf, slot, "invalid dev extent chunk tree id, has %llu expect %llu", ULL(extent->chunk_tree),
			       ULL(BTRFS_CHUNK_TREE_OBJECTID));
	if (extent->chunk_objectid != BTRFS_FIRST_CHUNK_TREE_OBJECTID)
		return corrupt(leaf, slot, "invalid dev extent chunk objectid, has %llu expect %llu",
			       ULL(extent->chunk_objectid), ULL(BTRFS_FIRST_CHUNK_TREE_OBJECTID));
	if (!aligned(leaf, extent->chunk_offset))
		return corrupt(leaf, slot, "invalid dev extent chunk offset, has %llu not aligned to %u",
			       ULL(extent->chunk_offset), leaf->fs_info->sectorsize);
	if (!aligned(leaf, extent->length))
		return corrupt(leaf, slot, "invalid dev extent length, has %llu not aligned to %u", ULL(extent->length),
			       leaf->fs_info->sectorsize);
	return 0;
}

static int check_dev_extent(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	if (btrfs_item_size(leaf, slot) != sizeof(struct btrfs_dev_extent))
		return corrupt(leaf, slot, "invalid dev extent item size, have %u expect %zu", btrfs_item_size(leaf, slot),
			       sizeof(struct btrfs_dev_extent));
	return check_dev_extent_fields(leaf, btrfs_item_data(leaf, slot), slot);
}

#define EXTENT_ERR(fmt, ...)	extent_err(leaf, key, slot, fmt, ##__VA_ARGS__)

/* Linux leaves the tree out of these: "corrupt leaf: block=... slot=... extent bytenr=... len=... what". */
__printf(4, 5)
static int extent_err(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot, const char *fmt, ...)
{
	u64 length = key->type == BTRFS_METADATA_ITEM_KEY ? leaf->fs_info->nodesize : key->offset;
	char what[192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	btrfs_crit(leaf->fs_info, "corrupt leaf: block=%llu slot=%d extent bytenr=%llu len=%llu %s", ULL(leaf->start), slot,
		   ULL(key->objectid), ULL(length), what);
	return -EUCLEAN;
}

/* EXTENT_ITEM and METADATA_ITEM up to the references inside, which nobody here follows. */
static int check_extent_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	const struct btrfs_extent_item *item = btrfs_item_data(leaf, slot);
	u64 super_generation = leaf->fs_info->super_copy->generation;
	u32 size = btrfs_item_size(leaf, slot);
	bool is_tree_block;

	if (!aligned(leaf, key->objectid))
		return corrupt(leaf, slot, "invalid key objectid, have %llu expect to be aligned to %u", ULL(key->objectid),
			       leaf->fs_info->sectorsize);
	if (key->type == BTRFS_METADATA_ITEM_KEY && key->offset >= BTRFS_MAX_LEVEL)
		return EXTENT_ERR("invalid tree level, have %llu expect [0, %u]", ULL(key->offset), BTRFS_MAX_LEVEL - 1);
	if (size < sizeof(*item))
		return EXTENT_ERR("invalid item size, have %u expect [%zu, %u)", size, sizeof(*item),
				  leaf->len - (u32)sizeof(struct btrfs_header) - (u32)sizeof(struct btrfs_item));
	if (item->generation > super_generation + 1)
		return EXTENT_ERR("invalid generation, have %llu expect (0, %llu]", ULL(item->generation),
				  ULL(super_generation + 1));
	if (hweight64(item->flags & (BTRFS_EXTENT_FLAG_DATA | BTRFS_EXTENT_FLAG_TREE_BLOCK)) != 1)
		return EXTENT_ERR("invalid extent flag, have 0x%llx expect 1 bit set in 0x%llx", ULL(item->flags),
				  ULL(BTRFS_EXTENT_FLAG_DATA | BTRFS_EXTENT_FLAG_TREE_BLOCK));
	is_tree_block = item->flags & BTRFS_EXTENT_FLAG_TREE_BLOCK;
	if (is_tree_block) {
		if (key->type == BTRFS_EXTENT_ITEM_KEY && key->offset != leaf->fs_info->nodesize)
			return EXTENT_ERR("invalid extent length, have %llu expect %u", ULL(key->offset),
					  leaf->fs_info->nodesize);
	} else {
		if (key->type != BTRFS_EXTENT_ITEM_KEY)
			return EXTENT_ERR("invalid key type, have %u expect %u for data backref", key->type,
					  BTRFS_EXTENT_ITEM_KEY);
		if (!aligned(leaf, key->offset))
			return EXTENT_ERR("invalid extent length, have %llu expect aligned to %u", ULL(key->offset),
					  leaf->fs_info->sectorsize);
		if (item->flags & BTRFS_BLOCK_FLAG_FULL_BACKREF)
			return EXTENT_ERR("invalid extent flag, data has full backref set");
	}
	return 0;
}

static int check_leaf_item(const struct extent_buffer *leaf, const struct btrfs_key *key, int slot)
{
	switch (key->type) {
	case BTRFS_EXTENT_DATA_KEY:
		return check_extent_data_item(leaf, key, slot);
	case BTRFS_EXTENT_CSUM_KEY:
		return check_csum_item(leaf, key, slot);
	case BTRFS_DIR_ITEM_KEY:
	case BTRFS_DIR_INDEX_KEY:
	case BTRFS_XATTR_ITEM_KEY:
		return check_dir_item(leaf, key, slot);
	case BTRFS_INODE_REF_KEY:
		return check_inode_ref(leaf, key, slot);
	case BTRFS_INODE_ITEM_KEY:
		return check_inode_item(leaf, key, slot);
	case BTRFS_ROOT_ITEM_KEY:
		return check_root_item(leaf, key, slot);
	case BTRFS_ROOT_REF_KEY:
	case BTRFS_ROOT_BACKREF_KEY:
		return check_root_ref(leaf, key, slot);
	case BTRFS_EXTENT_ITEM_KEY:
	case BTRFS_METADATA_ITEM_KEY:
		return check_extent_item(leaf, key, slot);
	case BTRFS_BLOCK_GROUP_ITEM_KEY:
		return check_block_group_item(leaf, key, slot);
	case BTRFS_CHUNK_ITEM_KEY:
		return check_chunk_item(leaf, key, slot);
	case BTRFS_DEV_ITEM_KEY:
		return check_dev_item(leaf, key, slot);
	case BTRFS_DEV_EXTENT_KEY:
		return check_dev_extent(leaf, key, slot);
	default:
		return 0;
	}
}

/* Trees that always have something in them. */
static bool never_empty(u64 owner)
{
	switch (owner) {
	case BTRFS_ROOT_TREE_OBJECTID:
	case BTRFS_CHUNK_TREE_OBJECTID:
	case BTRFS_EXTENT_TREE_OBJECTID:
	case BTRFS_DEV_TREE_OBJECTID:
	case BTRFS_FS_TREE_OBJECTID:
	case BTRFS_DATA_RELOC_TREE_OBJECTID:
		return true;
	default:
		return false;
	}
}

noinline int btrfs_check_leaf_full(struct extent_buffer *leaf)
{
	const u32 room = leaf->len - sizeof(struct btrfs_header);
	u32 nritems = btrfs_header_nritems(leaf), end = room;
	struct btrfs_key previous = { };

	if (btrfs_header_level(leaf))
		return corrupt(leaf, 0, "invalid level for leaf, have %d expect 0", btrfs_header_level(leaf));
	if (!nritems) {
		if (never_empty(btrfs_header_owner(leaf)))
			return corrupt(leaf, 0, "invalid root, root %llu must never be empty",
				       ULL(btrfs_header_owner(leaf)));
		return 0;
	}
	if (nritems > room / sizeof(struct btrfs_item))
		return corrupt(leaf, 0, "invalid nritems, have %u, room for %zu", nritems,
			       room / sizeof(struct btrfs_item));
	for (u32 slot = 0; slot < nritems; slot++) {
		const struct btrfs_item *item = btrfs_item(leaf, slot);
		struct btrfs_key key = disk_key(&item->key);
		u64 item_end = (u64)item->offset + item->size;
		int ret;

		if (slot && btrfs_comp_cpu_keys(&previous, &key) >= 0)
			return corrupt(leaf, slot, "bad key order, prev (%llu %u %llu) current (%llu %u %llu)",
				       ULL(previous.objectid), previous.type, ULL(previous.offset), ULL(key.objectid),
				       key.type, ULL(key.offset));
		if (item_end != end)
			return corrupt(leaf, slot, "unexpected item end, have %llu expect %u", ULL(item_end), end);
		if ((u64)(slot + 1) * sizeof(struct btrfs_item) > item->offset)
			return corrupt(leaf, slot, "slot overlaps with its data, item end %zu data start %u",
				       (slot + 1) * sizeof(struct btrfs_item), item->offset);
		ret = check_leaf_item(leaf, &key, slot);
		if (ret)
			return ret;
		end = item->offset;
		previous = key;
	}
	/* Each item was compared with its own header only; the last one lies lowest. */
	if (nritems * sizeof(struct btrfs_item) > end)
		return corrupt(leaf, nritems - 1, "slot overlaps with its data, item end %zu data start %u",
			       nritems * sizeof(struct btrfs_item), end);
	return 0;
}
ALLOW_ERROR_INJECTION(btrfs_check_leaf_full, ERRNO);

noinline int btrfs_check_node(struct extent_buffer *node)
{
	const u32 max = (node->len - sizeof(struct btrfs_header)) / sizeof(struct btrfs_key_ptr);
	u32 nritems = btrfs_header_nritems(node);
	int level = btrfs_header_level(node);
	struct btrfs_key previous = { };

	if (level <= 0 || level >= BTRFS_MAX_LEVEL)
		return corrupt(node, 0, "invalid level for node, have %d expect [1, %d]", level, BTRFS_MAX_LEVEL - 1);
	if (!nritems || nritems > max) {
		btrfs_crit(node->fs_info, "corrupt node: root=%llu block=%llu, nritems too %s, have %u expect range [1,%u]",
			  ULL(btrfs_header_owner(node)), ULL(node->start), nritems ? "large" : "small", nritems, max);
		return -EUCLEAN;
	}
	for (u32 slot = 0; slot < nritems; slot++) {
		struct btrfs_key key = btrfs_node_key(node, slot);
		u64 pointer = btrfs_node_ptr(node, slot)->blockptr;

		if (!pointer)
			return corrupt(node, slot, "invalid NULL node pointer");
		if (!aligned(node, pointer))
			return corrupt(node, slot, "unaligned pointer, have %llu should be aligned to %u", ULL(pointer),
				       node->fs_info->sectorsize);
		if (slot && btrfs_comp_cpu_keys(&previous, &key) >= 0)
			return corrupt(node, slot - 1, "bad key order, current (%llu %u %llu) next (%llu %u %llu)",
				       ULL(previous.objectid), previous.type, ULL(previous.offset), ULL(key.objectid),
				       key.type, ULL(key.offset));
		previous = key;
	}
	return 0;
}
ALLOW_ERROR_INJECTION(btrfs_check_node, ERRNO);

static bool is_subvolume_tree(u64 objectid)
{
	return objectid == BTRFS_FS_TREE_OBJECTID ||
	       (objectid >= BTRFS_FIRST_FREE_OBJECTID && (s64)objectid > 0);
}

/* Blocks are shared between subvolumes, never between other trees. */
int btrfs_check_eb_owner(const struct extent_buffer *eb, u64 root_owner)
{
	u64 owner = btrfs_header_owner(eb);

	if (!root_owner)
		return 0;
	if (is_subvolume_tree(root_owner) ? is_subvolume_tree(owner) : owner == root_owner)
		return 0;
	btrfs_crit(eb->fs_info, "corrupted %s, root=%llu block=%llu owner mismatch, have %llu expect %s%llu",
		  btrfs_header_level(eb) ? "node" : "leaf", ULL(root_owner), ULL(eb->start), ULL(owner),
		  is_subvolume_tree(root_owner) ? "[256, 18446744073709551360] or " : "", ULL(root_owner));
	return -EUCLEAN;
}
