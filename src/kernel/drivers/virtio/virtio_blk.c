// SPDX-License-Identifier: MIT
/*
 * Virtio block devices (VIRTIO 1.2, section 5.2): each bio becomes one request of a header, the bio's segments and a
 * status byte. Requests come from a fixed table, so that reading a disk never fails for want of memory; a submitter
 * sleeps while the table or the queue is full.
 */
#include <linux/virtio_blk.h>
#include <kernel/blkdev.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/fault-inject.h>
#include <kernel/init.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/virtio.h>
#include <kernel/wait.h>

#define VIRTBLK_REQUESTS	16
/* Segments of a bio; with header and status they must fit the smallest queue. */
#define VIRTBLK_MAX_SEGMENTS	62

struct virtblk_request {
	struct virtio_blk_outhdr header;
	u8 status;
	struct bio *bio;
};

struct virtio_blk {
	struct virtio_device *vdev;
	struct gendisk disk;
	struct virtqueue_buffer buffers[VIRTBLK_MAX_SEGMENTS + 2];
	struct virtblk_request *requests;	/* in the direct map, unlike the kernel's own data */
};

static const char *op_name(unsigned int op)
{
	switch (op & REQ_OP_MASK) {
	case REQ_OP_READ:
		return "READ";
	case REQ_OP_WRITE:
		return "WRITE";
	default:
		return "FLUSH";
	}
}

static void virtblk_done(struct virtqueue *vq, void *token, u32 written)
{
	struct virtblk_request *request = token;
	struct bio *bio = request->bio;

	/* Forgotten: its request stays taken, and nobody is told. */
	if (bio->bi_bdev->bd_disk->fail_io_timeout && should_fail_io_timeout())
		return;
	switch (request->status) {
	case VIRTIO_BLK_S_OK:
		bio->bi_status = 0;
		break;
	case VIRTIO_BLK_S_UNSUPP:
		bio->bi_status = -EOPNOTSUPP;
		break;
	default:
		bio->bi_status = -EIO;
		pr_err("I/O error, dev %s, sector %llu op 0x%x:(%s) flags 0x%x phys_seg %u prio class 0\n",
		       bio->bi_bdev->bd_disk->disk_name, (unsigned long long)bio->bi_sector,
		       bio->bi_opf & REQ_OP_MASK, op_name(bio->bi_opf), bio->bi_opf & ~REQ_OP_MASK, bio->bi_vcnt);
	}
	request->bio = NULL;
	bio_endio(bio);
}

static struct virtblk_request *free_request(struct virtio_blk *vblk)
{
	for (int i = 0; i < VIRTBLK_REQUESTS; i++)
		if (!vblk->requests[i].bio)
			return &vblk->requests[i];
	return NULL;
}

static void virtblk_submit_bio(struct bio *bio)
{
	struct virtio_blk *vblk = bio->bi_bdev->bd_disk->private_data;
	struct virtqueue *vq = vblk->vdev->vq;
	unsigned int op = bio->bi_opf & REQ_OP_MASK, count = 0;
	struct virtblk_request *request;

	if (bio->bi_vcnt > VIRTBLK_MAX_SEGMENTS) {
		bio->bi_status = -EIO;
		bio_endio(bio);
		return;
	}
	wait_event(vq->room, (request = free_request(vblk)) && vq->num_free >= bio->bi_vcnt + 2);
	request->bio = bio;
	request->status = VIRTIO_BLK_S_IOERR;
	request->header = (struct virtio_blk_outhdr){
		.type = op == REQ_OP_READ ? VIRTIO_BLK_T_IN : op == REQ_OP_WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_FLUSH,
		.sector = op == REQ_OP_FLUSH ? 0 : bio->bi_sector,
	};
	if (op == REQ_OP_FLUSH && !virtio_has_feature(vblk->vdev, VIRTIO_BLK_F_FLUSH)) {
		request->bio = NULL;
		bio_endio(bio);
		return;
	}
	vblk->buffers[count++] = (struct virtqueue_buffer){ &request->header, sizeof(request->header), false };
	for (unsigned int i = 0; i < bio->bi_vcnt; i++)
		vblk->buffers[count++] = (struct virtqueue_buffer){
			bio->bi_io_vec[i].bv_addr, bio->bi_io_vec[i].bv_len, op == REQ_OP_READ
		};
	vblk->buffers[count++] = (struct virtqueue_buffer){ &request->status, 1, true };
	if (virtqueue_add(vq, vblk->buffers, count, request)) {
		request->bio = NULL;
		bio->bi_status = -EIO;
		bio_endio(bio);
	}
}

static const struct block_device_operations virtblk_fops = {
	.submit_bio = virtblk_submit_bio,
};

static int virtblk_probe(struct virtio_device *vdev)
{
	static int disk_index;
	struct virtio_blk *vblk;
	u64 capacity;
	int ret;

	vblk = kzalloc(sizeof(*vblk), GFP_KERNEL);
	if (!vblk)
		return -ENOMEM;
	vblk->requests = kcalloc(VIRTBLK_REQUESTS, sizeof(*vblk->requests), GFP_KERNEL);
	if (!vblk->requests) {
		ret = -ENOMEM;
		goto free;
	}
	vblk->vdev = vdev;
	vdev->priv = vblk;
	vdev->vq = virtio_create_queue(vdev, virtblk_done);
	if (IS_ERR(vdev->vq)) {
		ret = PTR_ERR(vdev->vq);
		vdev->vq = NULL;
		goto free;
	}
	virtio_device_ready(vdev);

	vblk->disk.major = VIRTBLK_MAJOR;
	/* Sixteen minors a disk, as Linux numbers them: vdb is 254:16. */
	vblk->disk.first_minor = disk_index << 4;
	vblk->disk.disk_name[0] = 'v';
	vblk->disk.disk_name[1] = 'd';
	vblk->disk.disk_name[2] = 'a' + disk_index++;
	vblk->disk.fops = &virtblk_fops;
	vblk->disk.private_data = vblk;
	vblk->disk.ro = virtio_has_feature(vdev, VIRTIO_BLK_F_RO);
	capacity = virtio_config_read64(vdev, offsetof(struct virtio_blk_config, capacity));
	set_capacity(&vblk->disk, capacity);
	pr_info("virtio_blk virtio%d: [%s] %llu 512-byte logical blocks (%llu MiB)\n", vdev->index,
		vblk->disk.disk_name, (unsigned long long)capacity, (unsigned long long)(capacity >> 11));
	ret = device_add_disk(&vblk->disk);
	if (ret)
		pr_err("virtio%d: cannot add %s: error %d\n", vdev->index, vblk->disk.disk_name, ret);
	return ret;

free:
	kfree(vblk->requests);
	kfree(vblk);
	return ret;
}

static struct virtio_driver virtio_blk_driver = {
	.name = "virtio_blk",
	.id = VIRTIO_ID_BLOCK,
	.features = 1ULL << VIRTIO_BLK_F_RO | 1ULL << VIRTIO_BLK_F_FLUSH,
	.probe = virtblk_probe,
};

static int virtio_blk_init(void)
{
	return register_virtio_driver(&virtio_blk_driver);
}
device_initcall(virtio_blk_init);
