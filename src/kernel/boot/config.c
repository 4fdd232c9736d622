// SPDX-License-Identifier: MIT
/*
 * /proc/config.gz: what of Linux's options this kernel has. Tools look here before they try (bpftool feature), and libbpf takes the
 * values of `extern ... __kconfig` from it. What is not listed is not there. The text is not compressed: it is one stored block.
 * (RFC 1951, RFC 1952)
 */
#include <kernel/errno.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/proc_fs.h>
#include <kernel/string.h>
#include <kernel/time.h>

#define Y(name)		"CONFIG_" #name "=y\n"
#define NUMBER(name, n)	"CONFIG_" #name "=" __stringify(n) "\n"

/* The first lines are what bpftool knows such a file by. */
static const char config[] =
	"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.0 Kernel Configuration\n#\n"
	Y(64BIT) Y(X86_64) Y(X86) Y(MMU) Y(IKCONFIG) Y(IKCONFIG_PROC) NUMBER(HZ, HZ) Y(PREEMPT_NONE) NUMBER(NR_CPUS, 1)
	Y(KALLSYMS) Y(KALLSYMS_ALL) Y(FRAME_POINTER) Y(DEBUG_INFO_BTF) Y(BUG) Y(PRINTK) Y(PROC_FS) Y(SYSFS) Y(TMPFS)
	Y(DEVTMPFS) Y(DEBUG_FS) Y(BLK_DEV_INITRD) Y(BINFMT_ELF) Y(BINFMT_SCRIPT)
	Y(FUTEX) Y(EPOLL) Y(SIGNALFD) Y(TIMERFD) Y(EVENTFD) Y(POSIX_TIMERS) Y(SHMEM) Y(ADVISE_SYSCALLS) Y(NET) Y(UNIX)
	Y(BLOCK) Y(VIRTIO) Y(VIRTIO_MMIO) Y(VIRTIO_MMIO_CMDLINE_DEVICES) Y(VIRTIO_BLK) Y(SERIAL_8250) Y(SERIAL_8250_CONSOLE)
	Y(BTRFS_FS) Y(CRYPTO_CRC32C) Y(CRYPTO_XXHASH) Y(CRYPTO_SHA256) Y(CRYPTO_BLAKE2B)
	Y(PERF_EVENTS) Y(KPROBES) Y(KRETPROBES) Y(UPROBES) Y(TRACING) Y(TRACEPOINTS) Y(EVENT_TRACING) Y(FTRACE_SYSCALLS)
	Y(KPROBE_EVENTS) Y(UPROBE_EVENTS) Y(DYNAMIC_EVENTS) Y(PROBE_EVENTS) Y(BPF_EVENTS)
	Y(BPF) Y(BPF_SYSCALL) Y(HAVE_EBPF_JIT) Y(BPF_JIT) Y(BPF_JIT_DEFAULT_ON) Y(BPF_LSM) Y(BPF_KPROBE_OVERRIDE)
	Y(SECURITY) Y(SECURITYFS) Y(JUMP_LABEL)
	Y(FUNCTION_ERROR_INJECTION) Y(FAULT_INJECTION) Y(FAULT_INJECTION_DEBUG_FS) Y(FAULT_INJECTION_STACKTRACE_FILTER)
	Y(FAULT_INJECTION_USERCOPY) Y(FAILSLAB) Y(FAIL_PAGE_ALLOC) Y(FAIL_MAKE_REQUEST) Y(FAIL_IO_TIMEOUT) Y(FAIL_FUTEX)
	Y(FAIL_FUNCTION);

static struct {
	struct {
		u8 magic[2], method, flags;
		__le32 mtime;
		u8 extra, system;
	} __packed header;
	struct {
		u8 last;		/* and the type in bits 1 and 2: stored */
		__le16 length, complement;
	} __packed block;
	char text[sizeof(config) - 1];
	__le32 crc, size;
} __packed image = {
	.header = { .magic = { 0x1f, 0x8b }, .method = 8, .system = 3 },
	.block = { .last = 1, .length = sizeof(config) - 1, .complement = ~(sizeof(config) - 1) & 0xffff },
	.size = sizeof(config) - 1,
};

static u32 crc32(const char *text, size_t length)
{
	u32 crc = ~0U;

	while (length--) {
		crc ^= (u8)*text++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static ssize_t config_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(buf, count, pos, &image, sizeof(image));
}

static const struct proc_ops config_ops = { .proc_read = config_read };

static int __init config_init(void)
{
	memcpy(image.text, config, sizeof(image.text));
	image.crc = crc32(config, sizeof(image.text));
	return proc_create("config.gz", 0444, NULL, &config_ops) ? 0 : -ENOMEM;
}
device_initcall(config_init);
