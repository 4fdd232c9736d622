// SPDX-License-Identifier: MIT
/*
 * Split virtqueues (VIRTIO 1.2, section 2.7): a table of descriptors, a ring of chains offered to the device and a ring
 * of chains it has used. Guest addresses are physical; every buffer must lie in the direct map.
 */
#include <kernel/barrier.h>
#include <kernel/err.h>
#include <kernel/errno.h>
#include <kernel/gfp.h>
#include <kernel/irqflags.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/virtio.h>

/* Larger queues than this bring nothing to a driver that mostly waits for one request. */
#define VIRTQUEUE_MAX_SIZE	128

struct virtqueue *virtio_create_queue(struct virtio_device *vdev,
				      void (*done)(struct virtqueue *vq, void *token, u32 written))
{
	unsigned int num = virtio_mmio_queue_size(vdev);
	struct virtqueue *vq;

	if (!num)
		return ERR_PTR(-ENOENT);
	if (num > VIRTQUEUE_MAX_SIZE)
		num = VIRTQUEUE_MAX_SIZE;
	vq = kzalloc(sizeof(*vq), GFP_KERNEL);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	vq->vdev = vdev;
	vq->num = num;
	vq->done = done;
	init_waitqueue_head(&vq->room);
	vq->tokens = kcalloc(num, sizeof(void *), GFP_KERNEL);
	vq->memory_order = get_order(vring_size(num, PAGE_SIZE));
	vq->memory = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, vq->memory_order);
	if (!vq->tokens || !vq->memory) {
		virtqueue_free(vq);
		return ERR_PTR(-ENOMEM);
	}
	vring_init(&vq->vring, num, vq->memory, PAGE_SIZE);
	for (unsigned int i = 0; i < num; i++)
		vq->vring.desc[i].next = i + 1;
	vq->num_free = num;
	virtio_mmio_setup_queue(vdev, vq);
	return vq;
}

void virtqueue_free(struct virtqueue *vq)
{
	if (vq->memory)
		free_pages((unsigned long)vq->memory, vq->memory_order);
	kfree(vq->tokens);
	kfree(vq);
}

int virtqueue_add(struct virtqueue *vq, const struct virtqueue_buffer *buffers, unsigned int count, void *token)
{
	struct vring_desc *desc = vq->vring.desc;
	struct vring_avail *avail = vq->vring.avail;
	unsigned long flags;
	u16 head, at;

	local_irq_save(flags);
	if (count > vq->num_free) {
		local_irq_restore(flags);
		return -ENOSPC;
	}
	head = at = vq->free_head;
	for (unsigned int i = 0; i < count; i++) {
		u16 next = desc[at].next;

		desc[at].addr = __pa(buffers[i].addr);
		desc[at].len = buffers[i].len;
		desc[at].flags = (buffers[i].device_writes ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < count ? VRING_DESC_F_NEXT : 0);
		at = next;
	}
	vq->free_head = at;
	vq->num_free -= count;
	vq->tokens[head] = token;
	avail->ring[avail->idx % vq->num] = head;
	/* The chain must be visible before the index that offers it. */
	wmb();
	avail->idx++;
	mb();
	virtio_mmio_notify(vq->vdev);
	local_irq_restore(flags);
	return 0;
}

static void free_chain(struct virtqueue *vq, u16 head)
{
	struct vring_desc *desc = vq->vring.desc;
	u16 last = head;

	vq->num_free++;
	while (desc[last].flags & VRING_DESC_F_NEXT) {
		last = desc[last].next;
		vq->num_free++;
	}
	desc[last].next = vq->free_head;
	vq->free_head = head;
}

void virtqueue_interrupt(struct virtqueue *vq)
{
	struct vring_used *used = vq->vring.used;

	while (vq->last_used != *(volatile __virtio16 *)&used->idx) {
		struct vring_used_elem *elem;
		void *token;

		rmb();
		elem = &used->ring[vq->last_used % vq->num];
		vq->last_used++;
		/* A head that was never offered would be a bug of the device; do not follow it. */
		if (elem->id >= vq->num || !vq->tokens[elem->id])
			continue;
		token = vq->tokens[elem->id];
		vq->tokens[elem->id] = NULL;
		free_chain(vq, elem->id);
		vq->done(vq, token, elem->len);
	}
	wake_up(&vq->room);
}
