// SPDX-License-Identifier: MIT
/*
 * The block cache: 4 KiB blocks of a device for readers that want a few bytes (superblock scans, read(2) on /dev/vda).
 * Bounded per device; the least recently used block that nobody holds goes first. Blocks die with the last close, as the
 * page cache of a block device does in Linux. Written blocks go through to the device at once, so none is ever dirty.
 */
#include <kernel/blkdev.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/gfp.h>
#include <kernel/mm.h>
#include <kernel/printk.h>
#include <kernel/slab.h>

#define BDEV_MAX_BLOCKS		64

static void free_block(struct buffer_head *bh)
{
	list_del(&bh->b_list);
	bh->b_bdev->bd_nr_blocks--;
	free_page((unsigned long)bh->b_data);
	kfree(bh);
}

/* Frees unused blocks from the old end until at most @keep are left; how many went. */
static unsigned long shrink_blocks(struct block_device *bdev, unsigned int keep)
{
	struct buffer_head *bh, *next;
	unsigned long freed = 0;

	list_for_each_entry_safe_reverse(bh, next, &bdev->bd_blocks, b_list) {
		if (bdev->bd_nr_blocks <= keep)
			break;
		if (bh->b_count)
			continue;
		free_block(bh);
		freed++;
	}
	return freed;
}

void invalidate_bdev(struct block_device *bdev)
{
	shrink_blocks(bdev, 0);
}

unsigned long shrink_block_cache(void)
{
	unsigned long freed = 0;
	struct gendisk *disk;

	for (disk = next_disk(NULL); disk; disk = next_disk(disk))
		freed += shrink_blocks(&disk->part0, 0);
	return freed * BDEV_BLOCK_SIZE;
}

static struct buffer_head *find_block(struct block_device *bdev, u64 blocknr)
{
	struct buffer_head *bh;

	list_for_each_entry(bh, &bdev->bd_blocks, b_list) {
		if (bh->b_blocknr != blocknr)
			continue;
		list_move(&bh->b_list, &bdev->bd_blocks);
		bh->b_count++;
		return bh;
	}
	return NULL;
}

struct buffer_head *bread(struct block_device *bdev, u64 blocknr)
{
	u64 bytes = bdev_nr_bytes(bdev), start = blocknr << BDEV_BLOCK_SHIFT;
	struct buffer_head *bh = find_block(bdev, blocknr), *other;
	int ret;

	if (bh)
		return bh;
	if (blocknr >= bytes >> BDEV_BLOCK_SHIFT && start >= bytes)
		return ERR_PTR(-EIO);
	bh = kzalloc(sizeof(*bh), GFP_KERNEL);
	if (!bh)
		return ERR_PTR(-ENOMEM);
	bh->b_data = (void *)__get_free_page(GFP_KERNEL);
	if (!bh->b_data) {
		kfree(bh);
		return ERR_PTR(-ENOMEM);
	}
	bh->b_bdev = bdev;
	bh->b_blocknr = blocknr;
	bh->b_size = bytes - start < BDEV_BLOCK_SIZE ? bytes - start : BDEV_BLOCK_SIZE;
	ret = bdev_rw_sectors(bdev, REQ_OP_READ, blocknr << (BDEV_BLOCK_SHIFT - SECTOR_SHIFT), bh->b_data, bh->b_size);
	if (ret) {
		pr_err("Buffer I/O error on dev %s, logical block %llu, async page read\n", bdev->bd_disk->disk_name,
		       (unsigned long long)blocknr);
		free_page((unsigned long)bh->b_data);
		kfree(bh);
		return ERR_PTR(-EIO);
	}
	/* Another task may have read the same block while this one slept. */
	other = find_block(bdev, blocknr);
	if (other) {
		free_page((unsigned long)bh->b_data);
		kfree(bh);
		return other;
	}
	bh->b_count = 1;
	list_add(&bh->b_list, &bdev->bd_blocks);
	bdev->bd_nr_blocks++;
	shrink_blocks(bdev, BDEV_MAX_BLOCKS);
	return bh;
}

void brelse(struct buffer_head *bh)
{
	if (!bh)
		return;
	bh->b_count--;
	/* A block that was held during the last close is on its own. */
	if (!bh->b_count && !bh->b_bdev->bd_openers)
		free_block(bh);
}
