// SPDX-License-Identifier: MIT
/*
 * Devices and chunks: finding out which device belongs to which file system, and where on it a logical address lies.
 * After Linux's fs/btrfs/volumes.c, for file systems of one device with the profiles single and DUP.
 */
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include "ctree.h"

/* File systems with open devices. */
static LIST_HEAD(fs_uuids);

/*
 * Devices that have been announced. Linux announces a device once and forgets it when the last user of a single-device
 * file system closes it. A mount whose open_ctree never ran leaves the devices open there for good, so such a device is
 * never announced again; @pinned stands for that, while the memory and the block device are given back.
 */
struct known_device {
	u8 fsid[BTRFS_FSID_SIZE];
	u64 devid;
	bool used;
	bool pinned;
};

static struct known_device known_devices[16];

static struct known_device *find_known(const u8 *fsid, u64 devid)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_devices); i++)
		if (known_devices[i].used && known_devices[i].devid == devid &&
		    !memcmp(known_devices[i].fsid, fsid, BTRFS_FSID_SIZE))
			return &known_devices[i];
	return NULL;
}

static void announce(const char *path, const struct btrfs_super_block *super)
{
	static unsigned int next;
	u64 devid = super->dev_item.devid;
	char uuid[BTRFS_UUID_TEXT_SIZE], label[BTRFS_LABEL_SIZE];
	struct known_device *known;

	if (find_known(super->fsid, devid))
		return;
	known = &known_devices[next++ % ARRAY_SIZE(known_devices)];
	*known = (struct known_device){ .devid = devid, .used = true };
	memcpy(known->fsid, super->fsid, BTRFS_FSID_SIZE);
	if (super->label[0]) {
		memcpy(label, super->label, sizeof(label));
		label[sizeof(label) - 1] = 0;
		pr_info("BTRFS: device label %s devid %llu transid %llu %s scanned by %s (%d)\n", label, ULL(devid),
			ULL(super->generation), path, current->comm, current->pid);
	} else {
		pr_info("BTRFS: device fsid %s devid %llu transid %llu %s scanned by %s (%d)\n",
			btrfs_uuid_text(uuid, super->fsid), ULL(devid), ULL(super->generation), path, current->comm,
			current->pid);
	}
}

static void forget(const struct btrfs_fs_devices *fs_devices)
{
	struct btrfs_device *device;

	list_for_each_entry(device, &fs_devices->devices, dev_list) {
		struct known_device *known = find_known(fs_devices->fsid, device->devid);

		if (known && !known->pinned)
			known->used = false;
	}
}

static void btrfs_free_device(struct btrfs_device *device)
{
	kfree(device->name);
	kfree(device);
}

static struct btrfs_device *btrfs_alloc_device(const char *path, const struct btrfs_super_block *super)
{
	struct btrfs_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return ERR_PTR(-ENOMEM);
	device->name = kstrdup(path, GFP_KERNEL);
	if (!device->name) {
		kfree(device);
		return ERR_PTR(-ENOMEM);
	}
	device->devid = super->dev_item.devid;
	device->generation = super->generation;
	device->total_bytes = super->dev_item.total_bytes;
	memcpy(device->uuid, super->dev_item.uuid, BTRFS_UUID_SIZE);
	return device;
}

static void free_fs_devices(struct btrfs_fs_devices *fs_devices)
{
	struct btrfs_device *device, *next;

	list_for_each_entry_safe(device, next, &fs_devices->devices, dev_list) {
		list_del(&device->dev_list);
		btrfs_free_device(device);
	}
	kfree(fs_devices);
}

static struct btrfs_fs_devices *alloc_fs_devices(const struct btrfs_super_block *super)
{
	struct btrfs_fs_devices *fs_devices = kzalloc(sizeof(*fs_devices), GFP_KERNEL);

	if (!fs_devices)
		return ERR_PTR(-ENOMEM);
	memcpy(fs_devices->fsid, super->fsid, BTRFS_FSID_SIZE);
	memcpy(fs_devices->metadata_uuid,
	       super->incompat_flags & BTRFS_FEATURE_INCOMPAT_METADATA_UUID ? super->metadata_uuid : super->fsid,
	       BTRFS_FSID_SIZE);
	INIT_LIST_HEAD(&fs_devices->devices);
	INIT_LIST_HEAD(&fs_devices->fs_list);
	return fs_devices;
}

/* The file system and device that a superblock names: those that are open already, or new ones. */
static noinline struct btrfs_device *device_list_add(const char *path, const struct btrfs_super_block *super)
{
	struct btrfs_fs_devices *fs_devices;
	struct btrfs_device *device;

	list_for_each_entry(fs_devices, &fs_uuids, fs_list) {
		if (memcmp(fs_devices->fsid, super->fsid, BTRFS_FSID_SIZE))
			continue;
		list_for_each_entry(device, &fs_devices->devices, dev_list)
			if (device->devid == super->dev_item.devid &&
			    !memcmp(device->uuid, super->dev_item.uuid, BTRFS_UUID_SIZE))
				return device;
		btrfs_err(NULL, "device %s belongs to a fsid that is already mounted", path);
		return ERR_PTR(-EBUSY);
	}
	fs_devices = alloc_fs_devices(super);
	if (IS_ERR(fs_devices))
		return ERR_CAST(fs_devices);
	device = btrfs_alloc_device(path, super);
	if (IS_ERR(device)) {
		kfree(fs_devices);
		return device;
	}
	device->fs_devices = fs_devices;
	list_add(&device->dev_list, &fs_devices->devices);
	fs_devices->num_devices = 1;
	announce(path, super);
	return device;
}

noinline struct btrfs_device *btrfs_scan_one_device(const char *path, fmode_t flags, void *holder)
{
	struct block_device *bdev = blkdev_get_by_path(path, flags & ~FMODE_EXCL, holder);
	struct btrfs_super_block *super;
	struct btrfs_device *device;

	if (IS_ERR(bdev))
		return ERR_CAST(bdev);
	super = btrfs_read_dev_super(bdev);
	if (IS_ERR(super)) {
		/* What is no btrfs is only a wrong -t to mount(2). */
		device = PTR_ERR(super) == -ENODATA ? ERR_PTR(-EINVAL) : ERR_CAST(super);
	} else {
		device = device_list_add(path, super);
		btrfs_release_disk_super(super);
	}
	blkdev_put(bdev, flags & ~FMODE_EXCL);
	return device;
}

static int btrfs_open_one_device(struct btrfs_fs_devices *fs_devices, struct btrfs_device *device, fmode_t flags,
				 void *holder)
{
	struct btrfs_super_block *super;
	struct block_device *bdev;
	int ret = 0;

	bdev = blkdev_get_by_path(device->name, flags, holder);
	if (IS_ERR(bdev))
		return PTR_ERR(bdev);
	invalidate_bdev(bdev);
	super = btrfs_read_dev_super(bdev);
	if (IS_ERR(super)) {
		blkdev_put(bdev, flags);
		return PTR_ERR(super);
	}
	if (super->dev_item.devid != device->devid || memcmp(super->dev_item.uuid, device->uuid, BTRFS_UUID_SIZE))
		ret = -EINVAL;
	else
		device->generation = super->generation;
	btrfs_release_disk_super(super);
	if (ret) {
		blkdev_put(bdev, flags);
		return ret;
	}
	device->bdev = bdev;
	device->mode = flags;
	device->holder = holder;
	fs_devices->open_devices++;
	/* The device may be writable; this driver never writes, which rw_devices says to the rest of it. */
	fs_devices->rw_devices = 0;
	return 0;
}

noinline int btrfs_open_devices(struct btrfs_fs_devices *fs_devices, fmode_t flags, void *holder)
{
	struct btrfs_device *device;
	int ret = 0;

	if (fs_devices->opened) {
		fs_devices->opened++;
		return 0;
	}
	list_for_each_entry(device, &fs_devices->devices, dev_list) {
		ret = btrfs_open_one_device(fs_devices, device, flags, holder);
		if (!ret)
			fs_devices->latest_dev = device;
	}
	if (!fs_devices->open_devices) {
		/* Linux: -EINVAL whatever the reason was. */
		return ret ?: -EINVAL;
	}
	fs_devices->opened = 1;
	list_add(&fs_devices->fs_list, &fs_uuids);
	return 0;
}

static void close_fs_devices(struct btrfs_fs_devices *fs_devices)
{
	struct btrfs_device *device;

	list_for_each_entry(device, &fs_devices->devices, dev_list) {
		if (device->bdev)
			blkdev_put(device->bdev, device->mode);
		device->bdev = NULL;
	}
	list_del(&fs_devices->fs_list);
	free_fs_devices(fs_devices);
}

void btrfs_close_devices(struct btrfs_fs_devices *fs_devices)
{
	if (--fs_devices->opened > 0)
		return;
	forget(fs_devices);
	close_fs_devices(fs_devices);
}

/* For a mount that failed between scanning and opening. */
void btrfs_free_unopened_devices(struct btrfs_fs_devices *fs_devices)
{
	if (!fs_devices->opened)
		free_fs_devices(fs_devices);
}

/* For a mount that failed before open_ctree took over the devices. */
void btrfs_abandon_devices(struct btrfs_fs_devices *fs_devices)
{
	struct btrfs_device *device;

	list_for_each_entry(device, &fs_devices->devices, dev_list) {
		struct known_device *known = find_known(fs_devices->fsid, device->devid);

		if (known)
			known->pinned = true;
	}
	if (--fs_devices->opened == 0)
		close_fs_devices(fs_devices);
}

/* Devices that turned out not to belong: without seeds and replacement there can be none but unread ones. */
void btrfs_free_extra_devids(struct btrfs_fs_devices *fs_devices)
{
	struct btrfs_device *device, *next;

	list_for_each_entry_safe(device, next, &fs_devices->devices, dev_list) {
		if (device->in_fs_metadata)
			continue;
		if (device->bdev) {
			blkdev_put(device->bdev, device->mode);
			fs_devices->open_devices--;
		}
		if (fs_devices->latest_dev == device)
			fs_devices->latest_dev = NULL;
		list_del(&device->dev_list);
		fs_devices->num_devices--;
		btrfs_free_device(device);
	}
}

/* ---- Chunks -------------------------------------------------------------------------------------------------- */

struct btrfs_chunk_map *btrfs_find_chunk_map(struct btrfs_fs_info *fs_info, u64 logical, u64 length)
{
	struct btrfs_chunk_map *map;

	list_for_each_entry(map, &fs_info->mapping_tree, list) {
		if (logical < map->start)
			break;
		if (logical - map->start < map->chunk_len)
			return length <= map->chunk_len - (logical - map->start) ? map : NULL;
	}
	return NULL;
}

static bool overlaps(struct btrfs_fs_info *fs_info, u64 start, u64 length)
{
	struct btrfs_chunk_map *map;

	list_for_each_entry(map, &fs_info->mapping_tree, list)
		if (start < map->start + map->chunk_len && map->start < start + length)
			return true;
	return false;
}

static struct btrfs_device *btrfs_find_device(struct btrfs_fs_devices *fs_devices, u64 devid, const u8 *uuid)
{
	struct btrfs_device *device;

	list_for_each_entry(device, &fs_devices->devices, dev_list)
		if (device->devid == devid && !memcmp(device->uuid, uuid, BTRFS_UUID_SIZE))
			return device;
	return NULL;
}

static int report_missing_device(struct btrfs_fs_info *fs_info, u64 devid, const u8 *uuid)
{
	char text[BTRFS_UUID_TEXT_SIZE];

	btrfs_err(fs_info, "devid %llu uuid %s is missing", ULL(devid), btrfs_uuid_text(text, uuid));
	return -ENOENT;
}

static noinline int read_one_chunk(struct btrfs_fs_info *fs_info, u64 logical, const struct btrfs_chunk *chunk,
				   const struct extent_buffer *leaf)
{
	const u64 supported = BTRFS_BLOCK_GROUP_TYPE_MASK | BTRFS_BLOCK_GROUP_DUP;
	const struct btrfs_stripe *stripe = &chunk->stripe;
	struct btrfs_chunk_map *map, *at;
	int stripes = chunk->num_stripes;

	/* The system chunks of the superblock's array are in the chunk tree as well. */
	if (btrfs_find_chunk_map(fs_info, logical, 1))
		return 0;
	if (chunk->type & ~supported) {
		btrfs_err(fs_info, "chunk %llu has profile flags 0x%llx, only single and DUP are supported", ULL(logical),
			  ULL(chunk->type & BTRFS_BLOCK_GROUP_PROFILE_MASK));
		return -EOPNOTSUPP;
	}
	if (overlaps(fs_info, logical, chunk->length)) {
		btrfs_err(fs_info, "chunk start=%llu len=%llu overlaps with another chunk", ULL(logical),
			  ULL(chunk->length));
		return -EUCLEAN;
	}
	map = kzalloc(sizeof(*map) + stripes * sizeof(map->stripes[0]), GFP_KERNEL);
	if (!map)
		return -ENOMEM;
	map->start = logical;
	map->chunk_len = chunk->length;
	map->type = chunk->type;
	map->num_stripes = stripes;
	for (int i = 0; i < stripes; i++) {
		map->stripes[i].physical = stripe[i].offset;
		map->stripes[i].dev = btrfs_find_device(fs_info->fs_devices, stripe[i].devid, stripe[i].dev_uuid);
		if (!map->stripes[i].dev) {
			int ret = report_missing_device(fs_info, stripe[i].devid, stripe[i].dev_uuid);

			kfree(map);
			return ret;
		}
		if (map->stripes[i].physical + map->chunk_len < map->chunk_len) {
			btrfs_err(fs_info, "chunk start=%llu stripe %d offset %llu overflows", ULL(logical), i,
				  ULL(map->stripes[i].physical));
			kfree(map);
			return -EUCLEAN;
		}
	}
	list_for_each_entry(at, &fs_info->mapping_tree, list)
		if (at->start > map->start)
			break;
	list_add_tail(&map->list, &at->list);
	return 0;
}

static int short_sys_array(struct btrfs_fs_info *fs_info, u32 length, u32 offset)
{
	btrfs_err(fs_info, "sys_array too short to read %u bytes at offset %u", length, offset);
	return -EIO;
}

noinline int btrfs_read_sys_array(struct btrfs_fs_info *fs_info)
{
	const struct btrfs_super_block *super = fs_info->super_copy;
	const u8 *array = super->sys_chunk_array;
	u32 size = super->sys_chunk_array_size, cur = 0;

	while (cur < size) {
		const struct btrfs_disk_key *key = (const struct btrfs_disk_key *)(array + cur);
		const struct btrfs_chunk *chunk = (const struct btrfs_chunk *)(key + 1);
		u32 item_size;
		int ret;

		if (size - cur < sizeof(*key))
			return short_sys_array(fs_info, sizeof(*key), cur);
		cur += sizeof(*key);
		if (key->type != BTRFS_CHUNK_ITEM_KEY) {
			btrfs_err(fs_info, "unexpected item type %u in sys_array at offset %u", key->type, cur);
			return -EIO;
		}
		if (size - cur < sizeof(*chunk))
			return short_sys_array(fs_info, sizeof(*chunk), cur);
		if (!chunk->num_stripes) {
			btrfs_err(fs_info, "invalid number of stripes %u in sys_array at offset %u", chunk->num_stripes,
				  cur);
			return -EIO;
		}
		if (!(chunk->type & BTRFS_BLOCK_GROUP_SYSTEM)) {
			btrfs_err(fs_info, "invalid chunk type %llu in sys_array at offset %u", ULL(chunk->type), cur);
			return -EIO;
		}
		item_size = sizeof(*chunk) + (chunk->num_stripes - 1) * sizeof(struct btrfs_stripe);
		if (size - cur < item_size)
			return short_sys_array(fs_info, item_size, cur);
		ret = btrfs_check_chunk_valid(fs_info, NULL, chunk, key->offset, item_size);
		if (!ret)
			ret = read_one_chunk(fs_info, key->offset, chunk, NULL);
		if (ret)
			return ret;
		cur += item_size;
	}
	return 0;
}

static noinline int read_one_dev(struct btrfs_fs_info *fs_info, const struct btrfs_dev_item *item)
{
	struct btrfs_fs_devices *fs_devices = fs_info->fs_devices;
	struct btrfs_device *device = btrfs_find_device(fs_devices, item->devid, item->uuid);
	u64 limit;

	if (memcmp(item->fsid, fs_devices->metadata_uuid, BTRFS_FSID_SIZE)) {
		btrfs_err(fs_info, "devid %llu belongs to a seed file system, which is not supported", ULL(item->devid));
		return -EOPNOTSUPP;
	}
	if (!device)
		return report_missing_device(fs_info, item->devid, item->uuid);
	device->total_bytes = item->total_bytes;
	device->bytes_used = item->bytes_used;
	device->in_fs_metadata = true;
	device->fs_info = fs_info;
	limit = bdev_nr_bytes(device->bdev);
	if (device->total_bytes > limit) {
		btrfs_err(fs_info, "device total_bytes should be at most %llu but found %llu", ULL(limit),
			  ULL(device->total_bytes));
		return -EINVAL;
	}
	fs_devices->total_rw_bytes += device->total_bytes;
	return 0;
}

noinline int btrfs_read_chunk_tree(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root = fs_info->chunk_root;
	struct btrfs_super_block *super = fs_info->super_copy;
	struct btrfs_key key = { .objectid = BTRFS_DEV_ITEMS_OBJECTID };
	struct btrfs_path *path = btrfs_alloc_path();
	u64 total_dev = 0;
	int ret;

	if (!path)
		return -ENOMEM;
	fs_info->fs_devices->total_rw_bytes = 0;
	for (ret = btrfs_search_forward_slot(root, &key, path); !ret; ret = btrfs_next_item(root, path)) {
		const struct extent_buffer *leaf = path->nodes[0];
		struct btrfs_key found = btrfs_item_key(leaf, path->slots[0]);

		if (found.type == BTRFS_DEV_ITEM_KEY) {
			ret = read_one_dev(fs_info, btrfs_item_data(leaf, path->slots[0]));
			total_dev++;
		} else if (found.type == BTRFS_CHUNK_ITEM_KEY) {
			ret = read_one_chunk(fs_info, found.offset, btrfs_item_data(leaf, path->slots[0]), leaf);
		}
		if (ret)
			break;
	}
	btrfs_free_path(path);
	if (ret < 0)
		return ret;
	if (total_dev != super->num_devices) {
		btrfs_warn(fs_info, "super block num_devices %llu mismatch with DEV_ITEM count %llu, will be repaired on next transaction commit",
			   ULL(super->num_devices), ULL(total_dev));
		super->num_devices = total_dev;
	}
	if (super->total_bytes < fs_info->fs_devices->total_rw_bytes) {
		btrfs_err(fs_info, "super_total_bytes %llu mismatch with fs_devices total_rw_bytes %llu",
			  ULL(super->total_bytes), ULL(fs_info->fs_devices->total_rw_bytes));
		return -EINVAL;
	}
	return 0;
}

void btrfs_mapping_tree_free(struct btrfs_fs_info *fs_info)
{
	struct btrfs_chunk_map *map, *next;

	list_for_each_entry_safe(map, next, &fs_info->mapping_tree, list) {
		list_del(&map->list);
		kfree(map);
	}
}

int btrfs_num_copies(struct btrfs_fs_info *fs_info, u64 logical, u64 length)
{
	struct btrfs_chunk_map *map = btrfs_find_chunk_map(fs_info, logical, length);

	return map ? map->num_stripes : 1;
}

void btrfs_dev_stat_inc_and_print(struct btrfs_fs_info *fs_info, u64 logical, int mirror, int index)
{
	struct btrfs_chunk_map *map = btrfs_find_chunk_map(fs_info, logical, 1);
	struct btrfs_device *device;

	if (!map || mirror < 1 || mirror > map->num_stripes)
		return;
	device = map->stripes[mirror - 1].dev;
	device->stats[index]++;
	btrfs_err(fs_info, "bdev %s errs: wr %u, rd %u, flush %u, corrupt %u, gen %u", device->name,
		  device->stats[BTRFS_DEV_STAT_WRITE_ERRS], device->stats[BTRFS_DEV_STAT_READ_ERRS],
		  device->stats[BTRFS_DEV_STAT_FLUSH_ERRS], device->stats[BTRFS_DEV_STAT_CORRUPTION_ERRS],
		  device->stats[BTRFS_DEV_STAT_GENERATION_ERRS]);
}

noinline int btrfs_read_logical(struct btrfs_fs_info *fs_info, u64 logical, void *buf, u32 length, int mirror)
{
	struct btrfs_chunk_map *map = btrfs_find_chunk_map(fs_info, logical, length);
	struct btrfs_io_stripe *stripe;
	u64 physical;
	int ret;

	if (!map) {
		btrfs_crit(fs_info, "unable to find chunk map for logical %llu length %u", ULL(logical), length);
		return -EINVAL;
	}
	if (mirror < 1 || mirror > map->num_stripes)
		return -EIO;
	stripe = &map->stripes[mirror - 1];
	if (!stripe->dev->bdev)
		return -EIO;
	physical = stripe->physical + (logical - map->start);
	ret = bdev_rw_sectors(stripe->dev->bdev, REQ_OP_READ, physical >> SECTOR_SHIFT, buf, length);
	if (ret)
		btrfs_dev_stat_inc_and_print(fs_info, logical, mirror, BTRFS_DEV_STAT_READ_ERRS);
	return ret;
}

/* ---- The device tree ----------------------------------------------------------------------------------------- */

static int verify_one_dev_extent(struct btrfs_fs_info *fs_info, u64 devid, u64 physical,
				 const struct btrfs_dev_extent *extent, u64 *previous_end)
{
	struct btrfs_chunk_map *map = btrfs_find_chunk_map(fs_info, extent->chunk_offset, 1);
	u64 length = extent->length;
	struct btrfs_device *device = NULL;
	bool found = false;

	if (!map || map->start != extent->chunk_offset) {
		btrfs_err(fs_info, "dev extent physical offset %llu on devid %llu doesn't have corresponding chunk",
			  ULL(physical), ULL(devid));
		return -EUCLEAN;
	}
	if (length != map->chunk_len) {
		btrfs_err(fs_info, "dev extent physical offset %llu on devid %llu length doesn't match chunk %llu, have %llu expect %llu",
			  ULL(physical), ULL(devid), ULL(map->start), ULL(length), ULL(map->chunk_len));
		return -EUCLEAN;
	}
	for (int i = 0; i < map->num_stripes; i++) {
		if (map->stripes[i].dev->devid != devid || map->stripes[i].physical != physical)
			continue;
		found = true;
		device = map->stripes[i].dev;
		if (map->verified_stripes >= map->num_stripes) {
			btrfs_err(fs_info, "too many dev extents for chunk %llu found", ULL(map->start));
			return -EUCLEAN;
		}
		map->verified_stripes++;
		break;
	}
	if (!found) {
		btrfs_err(fs_info, "dev extent physical offset %llu devid %llu has no corresponding chunk",
			  ULL(physical), ULL(devid));
		return -EUCLEAN;
	}
	if (physical + length < length || physical + length > device->total_bytes) {
		btrfs_err(fs_info, "dev extent devid %llu physical offset %llu len %llu is beyond device boundary %llu",
			  ULL(devid), ULL(physical), ULL(length), ULL(device->total_bytes));
		return -EUCLEAN;
	}
	if (physical < *previous_end) {
		btrfs_err(fs_info, "dev extent devid %llu physical offset %llu overlap with previous dev extent end %llu",
			  ULL(devid), ULL(physical), ULL(*previous_end));
		return -EUCLEAN;
	}
	*previous_end = physical + length;
	return 0;
}

noinline int btrfs_verify_dev_extents(struct btrfs_fs_info *fs_info)
{
	struct btrfs_root *root = fs_info->dev_root;
	struct btrfs_key key = { .objectid = 1, .type = BTRFS_DEV_EXTENT_KEY };
	struct btrfs_chunk_map *map;
	struct btrfs_path *path;
	u64 devid = 0, previous_end = 0;
	int ret;

	path = btrfs_alloc_path();
	if (!path)
		return -ENOMEM;
	for (ret = btrfs_search_forward_slot(root, &key, path); !ret; ret = btrfs_next_item(root, path)) {
		struct btrfs_key found = btrfs_item_key(path->nodes[0], path->slots[0]);

		if (found.type != BTRFS_DEV_EXTENT_KEY)
			break;
		if (found.objectid != devid)
			previous_end = 0;
		devid = found.objectid;
		ret = verify_one_dev_extent(fs_info, devid, found.offset,
					    btrfs_item_data(path->nodes[0], path->slots[0]), &previous_end);
		if (ret)
			break;
	}
	btrfs_free_path(path);
	if (ret < 0)
		return ret;
	list_for_each_entry(map, &fs_info->mapping_tree, list)
		if (map->verified_stripes != map->num_stripes) {
			btrfs_err(fs_info, "chunk %llu has missing dev extent, have %d expect %d", ULL(map->start),
				  map->verified_stripes, map->num_stripes);
			return -EUCLEAN;
		}
	return 0;
}

/* Whether a tree has an item; 0, -ENOENT or another errno. With the item in @path if found. */
static int find_item(struct btrfs_root *root, struct btrfs_path *path, u64 objectid, u8 type, u64 offset)
{
	struct btrfs_key key = { objectid, type, offset };
	int ret = btrfs_search_slot(NULL, root, &key, path, 0, 0);

	return ret > 0 ? -ENOENT : ret;
}

noinline int btrfs_init_dev_stats(struct btrfs_fs_info *fs_info)
{
	struct btrfs_path *path = btrfs_alloc_path();
	struct btrfs_device *device;
	int ret = 0;

	if (!path)
		return -ENOMEM;
	list_for_each_entry(device, &fs_info->fs_devices->devices, dev_list) {
		ret = find_item(fs_info->dev_root, path, BTRFS_DEV_STATS_OBJECTID, BTRFS_PERSISTENT_ITEM_KEY,
				device->devid);
		if (!ret) {
			const u64 *values = btrfs_item_data(path->nodes[0], path->slots[0]);
			u32 count = btrfs_item_size(path->nodes[0], path->slots[0]) / sizeof(u64);

			for (u32 i = 0; i < count && i < BTRFS_DEV_STAT_VALUES_MAX; i++) {
				u64 value;

				memcpy(&value, values + i, sizeof(value));
				device->stats[i] = value;
			}
		}
		btrfs_release_path(path);
		if (ret == -ENOENT)
			ret = 0;
		if (ret)
			break;
	}
	btrfs_free_path(path);
	return ret;
}

/* Whether a balance should stop before it is done: when somebody asked for it, or the file system is going away. */
noinline int btrfs_should_cancel_balance(struct btrfs_fs_info *fs_info)
{
	return fs_info->state & BTRFS_FS_CLOSING_START ? 1 : 0;
}
ALLOW_ERROR_INJECTION(btrfs_should_cancel_balance, TRUE);

/* An interrupted balance would have to be resumed by writing. */
noinline int btrfs_recover_balance(struct btrfs_fs_info *fs_info)
{
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	if (!path && !planted(unchecked_null))
		return -ENOMEM;
	ret = find_item(fs_info->tree_root, path, BTRFS_BALANCE_OBJECTID, BTRFS_TEMPORARY_ITEM_KEY, 0);
	btrfs_free_path(path);
	if (!ret)
		btrfs_info(fs_info, btrfs_should_cancel_balance(fs_info) ? "balance: canceled" : "balance: resume skipped");
	return ret == -ENOENT ? 0 : ret;
}

noinline int btrfs_init_dev_replace(struct btrfs_fs_info *fs_info)
{
	const struct btrfs_dev_replace_item *item;
	struct btrfs_path *path = btrfs_alloc_path();
	int ret;

	if (!path)
		return -ENOMEM;
	ret = find_item(fs_info->dev_root, path, 0, BTRFS_DEV_REPLACE_KEY, 0);
	if (!ret) {
		item = btrfs_item_data(path->nodes[0], path->slots[0]);
		/* State 1 is "started", 4 "suspended": data then also lives on a device that we do not know. */
		if (btrfs_item_size(path->nodes[0], path->slots[0]) != sizeof(*item)) {
			btrfs_warn(fs_info, "dev_replace entry found has unexpected size, ignore entry");
		} else if (item->replace_state == 1 || item->replace_state == 4) {
			btrfs_err(fs_info, "cannot mount: a device replacement is under way");
			ret = -EOPNOTSUPP;
		}
	}
	btrfs_free_path(path);
	return ret == -ENOENT ? 0 : ret;
}
