// SPDX-License-Identifier: MIT
/*
 * btrfs-exits OBJECT DEVICE DIRECTORY
 *
 * Walks through the error exits of btrfs's open_ctree: at each step one allocation or disk request is made to fail (by the
 * BPF program of images/btrfs-error-exits, compiled as OBJECT), or the superblock is damaged first. Prints step, fault and
 * errno. After each, the disk must mount again. Exit code: 0 if every errno was the one expected and nothing is left.
 */
#include "lib/bpf.h"
#include "lib/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define SUPER_OFFSET	65536
#define SUPER_SIZE	4096

struct range {
	unsigned long start, end;
};

/* As in btrfs-error-exits.bpf.c. */
struct target {
	struct range under, step, reject;
	unsigned long nth, calls;
	long error;
	unsigned long failed;
};

/* An nth of HALF: the first of the second half of the calls that a good mount makes there. */
#define HALF ~0UL

struct injection {
	const char *step;
	unsigned long nth;
	int error;
	const char *reject, *options;
	int write;
	const char *note;
};

static const struct injection injections[] = {
	{ .step = "init_mount_fs_info", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_alloc_root", .nth = 1, .error = ENOMEM, .reject = "init_tree_roots", .note = "tree root" },
	{ .step = "btrfs_alloc_root", .nth = 2, .error = ENOMEM, .reject = "init_tree_roots", .note = "chunk root" },
	{ .step = "new_inode", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_read_dev_super", .nth = 1, .error = EIO },
	{ .step = "btrfs_read_dev_super", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_init_csum_hash", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_parse_options", .nth = 1, .error = ENOMEM, .options = "ssd" },
	{ .step = "btrfs_init_workqueues", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_read_sys_array", .nth = 1, .error = ENOMEM },
	{ .step = "load_super_root", .nth = 1, .error = EIO, .reject = "init_tree_roots", .note = "both copies of the chunk root" },
	{ .step = "load_super_root", .nth = 1, .error = ENOMEM, .reject = "init_tree_roots" },
	{ .step = "btrfs_read_chunk_tree", .nth = 1, .error = ENOMEM },
	{ .step = "init_tree_roots", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_verify_dev_extents", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_recover_balance", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_init_dev_stats", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_init_dev_replace", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_sysfs_add_fsid", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_sysfs_add_mounted", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_init_space_info", .nth = 1, .error = ENOMEM },
	{ .step = "btrfs_read_block_groups", .nth = 1, .error = ENOMEM },
	{ .step = "kthread_create", .nth = 1, .error = ENOMEM, .note = "btrfs-cleaner" },
	{ .step = "kthread_create", .nth = HALF, .error = ENOMEM, .note = "btrfs-transaction" },
	{ .step = "btrfs_get_fs_root", .nth = 1, .error = ENOMEM, .reject = "init_tree_roots" },
	{ .step = "btrfs_start_pre_rw_mount", .nth = 1, .error = ENOMEM, .write = 1 },
	{ .step = "btrfs_check_uuid_tree", .nth = 1, .error = ENOMEM, .options = "rescan_uuid_tree", .write = 1 },
	{ .step = "btrfs_iget", .nth = 1, .error = ENOMEM, .reject = "open_ctree", .note = "root inode, after open_ctree" },
};

struct damage {
	const char *step;
	int offset, size;
	unsigned long value;
	int error, keep_checksum;
};

static const struct damage damages[] = {
	{ .step = "btrfs_supported_super_csum", .offset = 0xc4, .size = 2, .value = 9, .error = EINVAL },
	{ .step = "btrfs_check_super_csum", .offset = 0x48, .size = 8, .value = 99, .error = EINVAL, .keep_checksum = 1 },
	{ .step = "btrfs_validate_mount_super", .offset = 0x88, .size = 8, .value = 0, .error = EINVAL },
	{ .step = "super.root", .offset = 0x50, .size = 8, .value = 0, .error = EINVAL },
	{ .step = "btrfs_check_features", .offset = 0xbc, .size = 8, .value = 1UL << 50, .error = EINVAL },
	{ .step = "btrfs_read_sys_array", .offset = 0xa0, .size = 4, .value = 100, .error = EIO },
	{ .step = "btrfs_read_sys_array", .offset = 0x32b + 17 + 48, .size = 8, .value = 7, .error = ENOENT },
	{ .step = "load_super_root", .offset = 0x58, .size = 8, .value = 1UL << 40, .error = EINVAL },
	{ .step = "init_tree_roots", .offset = 0x50, .size = 8, .value = 1UL << 40, .error = EINVAL },
	{ .step = "btrfs_replay_log", .offset = 0x60, .size = 8, .value = 1UL << 40, .error = EINVAL },
};

static const char *device, *directory;
static int map, failures;

/* The bytes of a function in /proc/kallsyms, which may have a suffix of the compiler's (".constprop.0"). */
static int find_function(const char *name, struct range *range)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	size_t size = 0, length = strlen(name);
	char *line = NULL;

	*range = (struct range){ 0, 0 };
	while (f && !range->end && getline(&line, &size, f) > 0) {
		char *rest;
		unsigned long address = strtoul(line, &rest, 16);

		if (range->start && address > range->start)
			range->end = address;
		else if ((rest[1] | 32) == 't' && !strncmp(rest + 3, name, length) && strchr(".\t\n", rest[3 + length]))
			range->start = address;
	}
	if (f)
		fclose(f);
	free(line);
	if (!range->end)
		fprintf(stderr, "btrfs-exits: no function %s in /proc/kallsyms\n", name);
	return range->end ? 0 : -1;
}

/* The disk must mount now. */
static void mount_again(const char *step, const char *fault, const char *note)
{
	int error = mount(device, directory, "btrfs", MS_RDONLY, NULL) ? errno : 0;

	if (!error)
		umount(directory);
	if (error) {
		printf("%s (%s%s%s): the next mount: %s\n", step, fault, note ? ", " : "", note ?: "", strerror(error));
		failures++;
	}
}

/* The errno of a mount during which the target's call fails; 0 if it mounted. */
static int mount_with(struct target *target, const struct injection *injection)
{
	unsigned int zero = 0;
	int error;

	bpf_map_update_elem(map, &zero, target, BPF_ANY);
	error = mount(device, directory, "btrfs", injection->write ? 0 : MS_RDONLY, injection->options) ? errno : 0;
	bpf_map_lookup_elem(map, &zero, target);
	if (!error)
		umount(directory);
	return error;
}

static void inject(const struct injection *injection)
{
	const char *fault = injection->error == EIO ? "request fails" : "allocation fails";
	struct target target = { .error = -injection->error }, off = { 0 };
	unsigned int zero = 0;
	int error;

	if (find_function(injection->reject && !strcmp(injection->reject, "open_ctree") ? "btrfs_fill_super" : "open_ctree",
			  &target.under) ||
	    find_function(injection->step, &target.step) ||
	    (injection->reject && find_function(injection->reject, &target.reject))) {
		failures++;
		return;
	}
	if (injection->nth == HALF) {
		mount_with(&target, injection);
		target.nth = target.calls / 2 + 1;
		target.calls = 0;
	} else {
		target.nth = injection->nth;
	}
	error = mount_with(&target, injection);
	bpf_map_update_elem(map, &zero, &off, BPF_ANY);
	printf("%-28s %-18s %s%s%s%s\n", injection->step, fault, error ? strerror(error) : "mounted",
	       injection->note ? " (" : "", injection->note ?: "", injection->note ? ")" : "");
	if (!target.failed || error != injection->error) {
		printf("  expected: %s, and the call %s\n", strerror(injection->error),
		       target.failed ? "failed" : "did not come");
		failures++;
	}
	mount_again(injection->step, fault, injection->note);
}

static unsigned int crc32c(const unsigned char *bytes, size_t length)
{
	unsigned int crc = ~0u;

	while (length--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? 0x82f63b78 ^ crc >> 1 : crc >> 1;
	}
	return ~crc;
}

static void write_super(const unsigned char *super)
{
	int fd = open(device, O_RDWR);

	if (fd < 0 || pwrite(fd, super, SUPER_SIZE, SUPER_OFFSET) != SUPER_SIZE) {
		perror(device);
		failures++;
	}
	close(fd);
}

static void damage(const struct damage *damage, const unsigned char *good)
{
	unsigned char super[SUPER_SIZE];
	unsigned int crc;
	int error;

	memcpy(super, good, SUPER_SIZE);
	memcpy(super + damage->offset, &damage->value, damage->size);
	crc = crc32c(super + 32, SUPER_SIZE - 32);
	if (!damage->keep_checksum)
		memcpy(super, &crc, sizeof(crc));
	write_super(super);
	error = mount(device, directory, "btrfs", MS_RDONLY, NULL) ? errno : 0;
	if (!error)
		umount(directory);
	printf("%-28s %-18s %s\n", damage->step, "superblock damaged", error ? strerror(error) : "mounted");
	if (error != damage->error) {
		printf("  expected: %s\n", strerror(damage->error));
		failures++;
	}
	write_super(good);
	mount_again(damage->step, "superblock damaged", NULL);
}

int main(int argc, char **argv)
{
	unsigned char good[SUPER_SIZE];
	struct bpf_object *object;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: btrfs-exits OBJECT DEVICE DIRECTORY\n");
		return 2;
	}
	device = argv[2];
	directory = argv[3];
	fd = open(device, O_RDONLY);
	if (fd < 0 || pread(fd, good, SUPER_SIZE, SUPER_OFFSET) != SUPER_SIZE) {
		perror(device);
		return 1;
	}
	close(fd);
	object = bpf_object_open(argv[1]);
	if (!object || bpf_object_load(object) || bpf_object_attach(object))
		return 1;
	map = bpf_object_map_fd(object, "target");
	for (size_t i = 0; i < sizeof(injections) / sizeof(injections[0]); i++)
		inject(&injections[i]);
	bpf_object_close(object);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		damage(&damages[i], good);
	printf("%d not as expected; objects left allocated: %ld\n", failures, left_allocated());
	return failures || left_allocated() || !device_is_free(device);
}
