// SPDX-License-Identifier: MIT
/*
 * mount-and-read DEVICE DIRECTORY
 *
 * Mounts a btrfs disk, walks it in directory order and prints each entry: type, size, CRC-32 of its bytes (as cksum's
 * zlib relative, polynomial 0xedb88320), path, target of a symbolic link. Unmounts it. Exit code 0 if all could be read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned int crc_table[256];
static int failures;

static void make_crc_table(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		unsigned int c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
		crc_table[i] = c;
	}
}

static void fail(const char *path)
{
	printf("%s: %s\n", path, strerror(errno));
	failures++;
}

static void read_file(const char *path, long size)
{
	static unsigned char buffer[16384];
	unsigned int crc = ~0u;
	long total = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		fail(path);
		return;
	}
	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		total += n;
		for (ssize_t i = 0; i < n; i++)
			crc = crc_table[(crc ^ buffer[i]) & 255] ^ crc >> 8;
	}
	if (n < 0)
		fail(path);
	else if (total != size) {
		printf("%s: read %ld bytes of %ld\n", path, total, size);
		failures++;
	} else {
		printf("f %9ld %08x %s\n", size, ~crc, path);
	}
	close(fd);
}

static void walk(const char *path)
{
	struct dirent *entry;
	char child[1024], target[512];
	struct stat st;
	ssize_t n;
	DIR *dir;

	if (lstat(path, &st)) {
		fail(path);
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0) {
			fail(path);
			return;
		}
		target[n] = '\0';
		printf("l %9ld          %s -> %s\n", (long)st.st_size, path, target);
		return;
	}
	if (S_ISREG(st.st_mode)) {
		read_file(path, st.st_size);
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		printf("? %06o %s\n", st.st_mode, path);
		return;
	}
	printf("d                    %s\n", path);
	dir = opendir(path);
	if (!dir) {
		fail(path);
		return;
	}
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		walk(child);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: mount-and-read DEVICE DIRECTORY\n");
		return 2;
	}
	make_crc_table();
	if (mount(argv[1], argv[2], "btrfs", MS_RDONLY, NULL)) {
		fail("mount");
		return 1;
	}
	walk(argv[2]);
	if (umount(argv[2]))
		fail("umount");
	return failures ? 1 : 0;
}
