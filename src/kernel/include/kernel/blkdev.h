/* SPDX-License-Identifier: MIT */
/*
 * Block devices: disks that drivers add, block devices that file systems open, bios that carry requests between them,
 * and a small cache of blocks for whoever reads a device byte by byte. Names as in Linux's block layer; a bio's segments
 * are kernel addresses in the direct map, not pages.
 */
#ifndef _KERNEL_BLKDEV_H
#define _KERNEL_BLKDEV_H

#include <kernel/types.h>
#include <kernel/list.h>
#include <kernel/fs.h>

#define SECTOR_SHIFT		9
#define SECTOR_SIZE		(1 << SECTOR_SHIFT)
#define DISK_NAME_LEN		32
/* Unit of the block cache; devices of any sector size are read in it. */
#define BDEV_BLOCK_SHIFT	12
#define BDEV_BLOCK_SIZE		(1 << BDEV_BLOCK_SHIFT)
/* First dynamic block major: where Linux puts virtio disks when nothing else asked before. */
#define VIRTBLK_MAJOR		254

struct bio;
struct gendisk;

struct block_device_operations {
	/* Starts the request; bio_endio() ends it, possibly from an interrupt. May sleep for room in the queue. */
	void (*submit_bio)(struct bio *bio);
};

struct block_device {
	dev_t bd_dev;
	struct gendisk *bd_disk;
	u64 bd_nr_sectors;
	int bd_openers;
	void *bd_holder;		/* who claimed the device exclusively (FMODE_EXCL) */
	int bd_holders;
	bool bd_make_it_fail;		/* fail_make_request may pick this device */
	struct list_head bd_blocks;	/* cached blocks, most recently used first */
	unsigned int bd_nr_blocks;
};

struct gendisk {
	int major;
	int first_minor;
	char disk_name[DISK_NAME_LEN];
	bool ro;
	bool fail_io_timeout;		/* fail_io_timeout may pick this disk */
	const struct block_device_operations *fops;
	void *private_data;
	struct block_device part0;	/* the whole disk */
	struct list_head list;
};

/* ---- Disks and devices -------------------------------------------------------------------------------------- */

/* Makes the disk known: node in /dev, directory in /sys/block. The caller filled in name, numbers, fops and size. */
int device_add_disk(struct gendisk *disk);
void set_capacity(struct gendisk *disk, u64 sectors);
u64 bdev_nr_bytes(const struct block_device *bdev);
struct block_device *bdev_by_dev(dev_t dev);
/* Every disk in turn: NULL gives the first; NULL is the end. */
struct gendisk *next_disk(struct gendisk *disk);

int lookup_bdev(const char *path, dev_t *dev);
struct block_device *blkdev_get_by_dev(dev_t dev, fmode_t mode, void *holder);
struct block_device *blkdev_get_by_path(const char *path, fmode_t mode, void *holder);
void blkdev_put(struct block_device *bdev, fmode_t mode);

/* ---- Bios --------------------------------------------------------------------------------------------------- */

#define REQ_OP_READ		0
#define REQ_OP_WRITE		1
#define REQ_OP_FLUSH		2
#define REQ_OP_MASK		0xff

/* A run of bytes in the direct map. */
struct bio_vec {
	void *bv_addr;
	unsigned int bv_len;
};

struct bio {
	struct block_device *bi_bdev;
	unsigned int bi_opf;
	u64 bi_sector;
	unsigned int bi_size;		/* bytes in all segments */
	struct bio_vec *bi_io_vec;
	unsigned short bi_vcnt;
	unsigned short bi_max_vecs;
	int bi_status;			/* 0 or -errno, valid once ended */
	void (*bi_end_io)(struct bio *bio);
	void *bi_private;
	struct list_head bi_list;	/* the driver's */
};

void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *table, unsigned short max_vecs,
	      unsigned int opf);
/* Adds a segment; false when the table is full. */
bool bio_add_vec(struct bio *bio, void *addr, unsigned int len);
void bio_endio(struct bio *bio);
/* Checks the bio, then hands it to the driver. */
void submit_bio(struct bio *bio);
/* submit_bio and sleep until it has ended; its status. */
int submit_bio_wait(struct bio *bio);
/* Reads or writes whole sectors synchronously. */
int bdev_rw_sectors(struct block_device *bdev, unsigned int op, u64 sector, void *buf, unsigned int len);
/* Injection point: a bio for which this returns non-zero ends with -EIO before it reaches the driver. */
int should_fail_bio(struct bio *bio);
/* fail_make_request's decision; the weak default never fails. */
bool should_fail_request(struct block_device *bdev, unsigned int bytes);

/* ---- Cached blocks ------------------------------------------------------------------------------------------ */

struct buffer_head {
	struct block_device *b_bdev;
	u64 b_blocknr;			/* in units of BDEV_BLOCK_SIZE */
	void *b_data;
	unsigned int b_size;		/* shorter than a block at the end of the device */
	int b_count;
	struct list_head b_list;
};

/* The block, read if need be, with a reference; ERR_PTR(-EIO), ERR_PTR(-ENOMEM). */
struct buffer_head *bread(struct block_device *bdev, u64 blocknr);
void brelse(struct buffer_head *bh);
/* Forgets every cached block that nobody holds. */
void invalidate_bdev(struct block_device *bdev);
/* Forgets unused cached blocks of all devices; how many bytes that freed. */
unsigned long shrink_block_cache(void);

#endif
