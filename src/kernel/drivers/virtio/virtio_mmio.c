// SPDX-License-Identifier: MIT
/*
 * The memory-mapped virtio transport (VIRTIO 1.2, section 4.2). Devices are announced on the kernel command line as
 * virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID], the syntax of Linux's driver; transports without a device (id 0) are
 * passed over.
 */
#include <linux/virtio_mmio.h>
#include <kernel/errno.h>
#include <kernel/init.h>
#include <kernel/interrupt.h>
#include <kernel/io.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/printk.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/virtio.h>

#define VIRTIO_MMIO_MAGIC	0x74726976	/* "virt" */
#define VIRTIO_MAX_DEVICES	16

static struct virtio_device *devices[VIRTIO_MAX_DEVICES];
static int device_count;
static struct virtio_driver *drivers;

static u32 mmio_read(struct virtio_device *vdev, unsigned int reg)
{
	return readl(vdev->base + reg);
}

static void mmio_write(struct virtio_device *vdev, unsigned int reg, u32 value)
{
	writel(value, vdev->base + reg);
}

static void add_status(struct virtio_device *vdev, u32 bits)
{
	mmio_write(vdev, VIRTIO_MMIO_STATUS, mmio_read(vdev, VIRTIO_MMIO_STATUS) | bits);
}

u32 virtio_config_read32(struct virtio_device *vdev, unsigned int offset)
{
	return mmio_read(vdev, VIRTIO_MMIO_CONFIG + offset);
}

u64 virtio_config_read64(struct virtio_device *vdev, unsigned int offset)
{
	u32 generation, low, high;

	/* Two reads are one value only if the configuration did not change between them. */
	do {
		generation = mmio_read(vdev, VIRTIO_MMIO_CONFIG_GENERATION);
		low = virtio_config_read32(vdev, offset);
		high = virtio_config_read32(vdev, offset + 4);
	} while (mmio_read(vdev, VIRTIO_MMIO_CONFIG_GENERATION) != generation);
	return (u64)high << 32 | low;
}

void virtio_device_ready(struct virtio_device *vdev)
{
	add_status(vdev, VIRTIO_CONFIG_S_DRIVER_OK);
}

unsigned int virtio_mmio_queue_size(struct virtio_device *vdev)
{
	mmio_write(vdev, VIRTIO_MMIO_QUEUE_SEL, 0);
	return mmio_read(vdev, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static void write_address(struct virtio_device *vdev, unsigned int low, unsigned int high, const volatile void *address)
{
	u64 phys = __pa(address);

	mmio_write(vdev, low, phys);
	mmio_write(vdev, high, phys >> 32);
}

void virtio_mmio_setup_queue(struct virtio_device *vdev, struct virtqueue *vq)
{
	mmio_write(vdev, VIRTIO_MMIO_QUEUE_SEL, 0);
	mmio_write(vdev, VIRTIO_MMIO_QUEUE_NUM, vq->num);
	write_address(vdev, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, vq->vring.desc);
	write_address(vdev, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, vq->vring.avail);
	write_address(vdev, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH, vq->vring.used);
	mmio_write(vdev, VIRTIO_MMIO_QUEUE_READY, 1);
}

void virtio_mmio_notify(struct virtio_device *vdev)
{
	mmio_write(vdev, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
}

static irqreturn_t vm_interrupt(int irq, void *data)
{
	struct virtio_device *vdev = data;
	u32 status = mmio_read(vdev, VIRTIO_MMIO_INTERRUPT_STATUS);

	if (!status)
		return IRQ_NONE;
	mmio_write(vdev, VIRTIO_MMIO_INTERRUPT_ACK, status);
	if ((status & VIRTIO_MMIO_INT_VRING) && vdev->vq)
		virtqueue_interrupt(vdev->vq);
	return IRQ_HANDLED;
}

static u64 read_device_features(struct virtio_device *vdev)
{
	u64 features;

	mmio_write(vdev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (u64)mmio_read(vdev, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	mmio_write(vdev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | mmio_read(vdev, VIRTIO_MMIO_DEVICE_FEATURES);
}

/* The handshake of VIRTIO 1.2, section 3.1.1, up to FEATURES_OK. */
static int negotiate(struct virtio_device *vdev, u64 driver_features)
{
	mmio_write(vdev, VIRTIO_MMIO_STATUS, 0);
	add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(vdev, VIRTIO_CONFIG_S_DRIVER);
	vdev->features = read_device_features(vdev) & (driver_features | 1ULL << VIRTIO_F_VERSION_1);
	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1)) {
		pr_err("virtio%d: device does not offer VIRTIO_F_VERSION_1\n", vdev->index);
		return -ENODEV;
	}
	mmio_write(vdev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	mmio_write(vdev, VIRTIO_MMIO_DRIVER_FEATURES, vdev->features >> 32);
	mmio_write(vdev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	mmio_write(vdev, VIRTIO_MMIO_DRIVER_FEATURES, vdev->features);
	add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(mmio_read(vdev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK)) {
		pr_err("virtio%d: device refuses our features\n", vdev->index);
		return -ENODEV;
	}
	return 0;
}

static void bind(struct virtio_driver *driver, struct virtio_device *vdev)
{
	int ret = negotiate(vdev, driver->features);

	if (!ret)
		ret = request_irq(vdev->irq, vm_interrupt, 0, driver->name, vdev);
	if (!ret)
		ret = driver->probe(vdev);
	if (ret) {
		pr_err("%s: probe of virtio%d failed with error %d\n", driver->name, vdev->index, ret);
		add_status(vdev, VIRTIO_CONFIG_S_FAILED);
	}
}

int register_virtio_driver(struct virtio_driver *driver)
{
	driver->next = drivers;
	drivers = driver;
	for (int i = 0; i < device_count; i++)
		if (devices[i]->id == driver->id)
			bind(driver, devices[i]);
	return 0;
}

static int virtio_mmio_probe(u64 phys, u64 size, unsigned int irq)
{
	struct virtio_device *vdev;

	if (device_count == VIRTIO_MAX_DEVICES)
		return -ENOSPC;
	vdev = kzalloc(sizeof(*vdev), GFP_KERNEL);
	if (!vdev)
		return -ENOMEM;
	vdev->phys = phys;
	vdev->irq = irq;
	vdev->base = ioremap(phys, size);
	if (!vdev->base)
		goto no_device;
	if (mmio_read(vdev, VIRTIO_MMIO_MAGIC_VALUE) != VIRTIO_MMIO_MAGIC)
		goto no_device;
	vdev->id = mmio_read(vdev, VIRTIO_MMIO_DEVICE_ID);
	if (!vdev->id)
		goto no_device;
	if (mmio_read(vdev, VIRTIO_MMIO_VERSION) != 2) {
		pr_err("virtio-mmio: device at 0x%llx is of the legacy version, which is not supported\n",
		       (unsigned long long)phys);
		goto no_device;
	}
	vdev->index = device_count;
	devices[device_count++] = vdev;
	for (struct virtio_driver *driver = drivers; driver; driver = driver->next)
		if (driver->id == vdev->id)
			bind(driver, vdev);
	return 0;

no_device:
	if (vdev->base)
		iounmap(vdev->base);
	kfree(vdev);
	return -ENODEV;
}

/* SIZE@ADDRESS:IRQ[:ID]; SIZE may end in K or M. */
static int parse_device(const char *text, u64 *size, u64 *phys, unsigned int *irq)
{
	char *end;

	*size = memparse(text, &end);
	if (*end != '@')
		return -EINVAL;
	*phys = simple_strtoull(end + 1, &end, 0);
	if (*end != ':')
		return -EINVAL;
	*irq = simple_strtoull(end + 1, &end, 0);
	if (*end && *end != ' ' && *end != '\n' && *end != ':')
		return -EINVAL;
	return *size < 0x200 ? -EINVAL : 0;
}

static int virtio_mmio_init(void)
{
	static const char option[] = "virtio_mmio.device=";
	const char *at = saved_command_line;

	while ((at = strstr(at, option))) {
		bool word_start = at == saved_command_line || at[-1] == ' ';
		unsigned int irq;
		u64 size, phys;

		at += sizeof(option) - 1;
		if (!word_start)
			continue;
		if (parse_device(at, &size, &phys, &irq)) {
			pr_err("virtio-mmio: bad device on the command line: %.40s\n", at);
			continue;
		}
		virtio_mmio_probe(phys, size, irq);
	}
	return 0;
}
subsys_initcall(virtio_mmio_init);
