/* SPDX-License-Identifier: MIT */
/*
 * Virtio devices behind the memory-mapped transport, modern ("version 2") only: Virtual I/O Device (VIRTIO) Version 1.2,
 * sections 2.7 (split virtqueues) and 4.2 (virtio over MMIO).
 */
#ifndef _KERNEL_VIRTIO_H
#define _KERNEL_VIRTIO_H

#include <linux/virtio_ids.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <kernel/types.h>
#include <kernel/wait.h>

struct virtqueue;

struct virtio_device {
	int index;
	u32 id;				/* VIRTIO_ID_ */
	void __iomem *base;
	u64 phys;
	unsigned int irq;
	u64 features;			/* negotiated */
	struct virtqueue *vq;		/* the one queue that drivers here use */
	void *priv;
};

struct virtio_driver {
	const char *name;
	u32 id;
	/* Feature bits it understands; VIRTIO_F_VERSION_1 is added. */
	u64 features;
	int (*probe)(struct virtio_device *vdev);
	struct virtio_driver *next;
};

/* Binds the driver to every device of its id, those found so far and those found later. */
int register_virtio_driver(struct virtio_driver *driver);

static inline bool virtio_has_feature(const struct virtio_device *vdev, unsigned int bit)
{
	return vdev->features & (1ULL << bit);
}

u32 virtio_config_read32(struct virtio_device *vdev, unsigned int offset);
u64 virtio_config_read64(struct virtio_device *vdev, unsigned int offset);
/* The driver is ready: the device may use its queues. */
void virtio_device_ready(struct virtio_device *vdev);

/* ---- Virtqueues --------------------------------------------------------------------------------------------- */

/* A buffer of a request in the direct map; those the device writes come after those it reads. */
struct virtqueue_buffer {
	void *addr;
	u32 len;
	bool device_writes;
};

struct virtqueue {
	struct virtio_device *vdev;
	unsigned int num;
	struct vring vring;
	void *memory;
	unsigned int memory_order;
	u16 free_head;
	u16 num_free;
	u16 last_used;
	void **tokens;			/* by head descriptor */
	/* Called from the interrupt for each request that the device has finished. */
	void (*done)(struct virtqueue *vq, void *token, u32 written);
	wait_queue_head_t room;		/* whoever waits for free descriptors */
};

/* Sets up queue 0 of the device. */
struct virtqueue *virtio_create_queue(struct virtio_device *vdev,
				      void (*done)(struct virtqueue *vq, void *token, u32 written));
void virtqueue_free(struct virtqueue *vq);
/* Queues a request and tells the device; -ENOSPC when there are too few free descriptors. */
int virtqueue_add(struct virtqueue *vq, const struct virtqueue_buffer *buffers, unsigned int count, void *token);
/* Takes finished requests off the queue. */
void virtqueue_interrupt(struct virtqueue *vq);

/* The transport's. */
void virtio_mmio_setup_queue(struct virtio_device *vdev, struct virtqueue *vq);
unsigned int virtio_mmio_queue_size(struct virtio_device *vdev);
void virtio_mmio_notify(struct virtio_device *vdev);

#endif
