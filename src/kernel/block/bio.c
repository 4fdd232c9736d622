// SPDX-License-Identifier: MIT
/*
 * Bios: checking, submission, synchronous completion. What Linux's block/blk-core.c and block/bio.c do, without plugging
 * or merging: a disk here is fast and the order of requests is part of what stays the same from run to run.
 */
#include <kernel/blkdev.h>
#include <kernel/compiler.h>
#include <kernel/completion.h>
#include <kernel/errno.h>
#include <kernel/error-injection.h>
#include <kernel/printk.h>

void bio_init(struct bio *bio, struct block_device *bdev, struct bio_vec *table, unsigned short max_vecs,
	      unsigned int opf)
{
	*bio = (struct bio){ .bi_bdev = bdev, .bi_opf = opf, .bi_io_vec = table, .bi_max_vecs = max_vecs };
	INIT_LIST_HEAD(&bio->bi_list);
}

bool bio_add_vec(struct bio *bio, void *addr, unsigned int len)
{
	if (bio->bi_vcnt == bio->bi_max_vecs)
		return false;
	bio->bi_io_vec[bio->bi_vcnt++] = (struct bio_vec){ addr, len };
	bio->bi_size += len;
	return true;
}

void bio_endio(struct bio *bio)
{
	if (bio->bi_end_io)
		bio->bi_end_io(bio);
}

noinline int should_fail_bio(struct bio *bio)
{
	if (should_fail_request(bio->bi_bdev, bio->bi_size))
		return -EIO;
	return 0;
}
ALLOW_ERROR_INJECTION(should_fail_bio, ERRNO);

/* True if the bio reaches past the end of its device. */
static bool bio_check_eod(struct bio *bio)
{
	u64 limit = bio->bi_bdev->bd_nr_sectors;
	u64 sectors = bio->bi_size >> SECTOR_SHIFT;

	if (!sectors || (sectors <= limit && bio->bi_sector <= limit - sectors))
		return false;
	pr_info("attempt to access beyond end of device\n%s: rw=%u, sector=%llu, nr_sectors = %llu limit=%llu\n",
		bio->bi_bdev->bd_disk->disk_name, bio->bi_opf, (unsigned long long)bio->bi_sector,
		(unsigned long long)sectors, (unsigned long long)limit);
	return true;
}

void submit_bio(struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	unsigned int op = bio->bi_opf & REQ_OP_MASK;

	if (should_fail_bio(bio) || bio_check_eod(bio) || bio->bi_size % SECTOR_SIZE ||
	    (op == REQ_OP_WRITE && disk->ro)) {
		bio->bi_status = -EIO;
		bio_endio(bio);
		return;
	}
	disk->fops->submit_bio(bio);
}

static void submit_bio_wait_endio(struct bio *bio)
{
	complete(bio->bi_private);
}

int submit_bio_wait(struct bio *bio)
{
	struct completion done;

	init_completion(&done);
	bio->bi_private = &done;
	bio->bi_end_io = submit_bio_wait_endio;
	submit_bio(bio);
	wait_for_completion(&done);
	return bio->bi_status;
}

int bdev_rw_sectors(struct block_device *bdev, unsigned int op, u64 sector, void *buf, unsigned int len)
{
	struct bio_vec vec;
	struct bio bio;

	bio_init(&bio, bdev, &vec, 1, op);
	bio.bi_sector = sector;
	bio_add_vec(&bio, buf, len);
	return submit_bio_wait(&bio);
}
