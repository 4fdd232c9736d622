// SPDX-License-Identifier: MIT
/*
 * mount-stress COUNT SEED DEVICE DIRECTORY
 *
 * Mounts a btrfs disk COUNT times; each time the nth call that fault injection watches (allocations of objects and pages, disk
 * requests, copies from user memory) fails, n chosen at random from SEED among the calls that a mount makes. Every mount that lost
 * a call must fail with ENOMEM, EIO or EFAULT or have made it good; afterwards nothing may be left allocated: no object, no
 * page, no use of the device, and the disk must mount. Exit code 0 if so. The same seed makes the same run.
 */
#include "lib/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* More than the calls of any mount: nothing fails, and what is left of it afterwards tells how many there were. */
#define UNREACHED 1000000L

static unsigned long state;

/* xorshift64* (Vigna 2016) */
static unsigned long random_number(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dUL >> 32;
}

static int read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, room - 1);
		close(fd);
	}
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

static long number_after(const char *path, const char *label)
{
	char text[4096];
	const char *at;

	if (read_file(path, text, sizeof(text)))
		return -1;
	at = strstr(text, label);
	return at ? strtol(at + strlen(label), NULL, 10) : -1;
}

/* Pages that are neither free nor the object allocator's, in KiB: the block cache and slabs come and go. */
static long pages_in_use(void)
{
	return number_after("/proc/meminfo", "MemTotal:") - number_after("/proc/meminfo", "MemFree:") -
	       number_after("/proc/meminfo", "Slab:");
}

static void set(const char *path, const char *value)
{
	int error = write_file(path, value);

	if (error)
		fprintf(stderr, "%s: %s\n", path, strerror(error));
}

/* By default allocations that may sleep, single pages and disks are left out. */
static void watch_everything(void)
{
	set("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	set("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	set("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	set("/sys/block/vda/make-it-fail", "1");
	/* Without the report of each failure, the console shows what the mounts say. */
	set("/sys/kernel/debug/failslab/verbose", "0");
	set("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	set("/sys/kernel/debug/fail_make_request/verbose", "0");
	set("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

static int mount_and_unmount(const char *device, const char *directory)
{
	if (mount(device, directory, "btrfs", MS_RDONLY, NULL))
		return -1;
	return umount(directory);
}

int main(int argc, char **argv)
{
	unsigned long made_good = 0, done = 0, no_memory = 0, io_error = 0, no_copy = 0, unexpected = 0, count;
	long pages, objects, calls, left;

	if (argc != 5) {
		fprintf(stderr, "usage: mount-stress COUNT SEED DEVICE DIRECTORY\n");
		return 2;
	}
	count = strtoul(argv[1], NULL, 0);
	state = strtoul(argv[2], NULL, 0) * 2 + 1;
	watch_everything();
	if (fail_nth_open())
		return 1;
	if (mount_and_unmount(argv[3], argv[4])) {
		perror("the first mount");
		return 1;
	}
	fail_nth_arm(UNREACHED);
	mount(argv[3], argv[4], "btrfs", 0, NULL);
	calls = UNREACHED - fail_nth_disarm();
	umount(argv[4]);
	printf("a mount makes %ld calls that can fail\n", calls);
	pages = pages_in_use();
	for (unsigned long i = 0; i < count; i++) {
		unsigned long nth = random_number() % calls + 1;
		int ret, error;

		fail_nth_arm(nth);
		ret = mount(argv[3], argv[4], "btrfs", random_number() & 1 ? MS_RDONLY : 0, NULL);
		error = errno;
		left = fail_nth_disarm();
		if (!ret) {
			*(left ? &done : &made_good) += 1;
			if (umount(argv[4])) {
				printf("mount %lu, call %lu: umount: %s\n", i, nth, strerror(errno));
				return 1;
			}
		} else if (error == ENOMEM) {
			no_memory++;
		} else if (error == EIO) {
			io_error++;
		} else if (error == EFAULT) {
			no_copy++;
		} else {
			printf("mount %lu, call %lu: %s\n", i, nth, strerror(error));
			unexpected++;
		}
		if ((i + 1) % 10000 == 0)
			printf("%lu mounts\n", i + 1);
	}
	printf("%lu mounts: %lu ENOMEM, %lu EIO, %lu EFAULT, %lu another errno, %lu done without the call, %lu did not come to it\n",
	       count, no_memory, io_error, no_copy, unexpected, made_good, done);
	if (mount_and_unmount(argv[3], argv[4])) {
		perror("the last mount");
		return 1;
	}
	pages = pages_in_use() - pages;
	objects = left_allocated();
	printf("left: %ld objects, %ld KiB of pages\n", objects, pages);
	return objects || pages || unexpected || !device_is_free(argv[3]);
}
