// SPDX-License-Identifier: MIT
/*
 * mount-damaged CASES DEVICE DIRECTORY [MILLISECONDS]
 *
 * Damages a btrfs disk in one way after another, mounts it read-only each time and prints what mount(2) answered, what the
 * kernel said, and, where it mounted, how many entries could be read and with which errnos others could not. Then the
 * disk is as before. Lines of CASES: "case NAME [OPTIONS]" begins one, "patch OFFSET HEX" is a change of bytes.
 * The option "rw" asks for writing. Runs on Linux too, so that its answers and this kernel's can be compared line by line;
 * MILLISECONDS of rest after each case keep its limit on the rate of messages away.
 */
#include "lib/faults.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATCHES	64
#define MAX_BYTES	128
#define MAX_ERRNO	200

struct patch {
	long offset;
	size_t length;
	unsigned char bytes[MAX_BYTES];
};

static struct patch patches[MAX_PATCHES];
static size_t nr_patches;
static const char *device, *directory;
static int kmsg;
static unsigned int rest;
static unsigned int entries, errors[MAX_ERRNO];

/* Swaps each patch with what is on the disk; doing so again undoes it, in the other order. */
static int swap_patches(int undo)
{
	int fd = open(device, O_RDWR);

	if (fd < 0) {
		perror(device);
		return -1;
	}
	for (size_t n = 0; n < nr_patches; n++) {
		struct patch *patch = &patches[undo ? nr_patches - 1 - n : n];
		unsigned char old[MAX_BYTES];

		if (pread(fd, old, patch->length, patch->offset) != (ssize_t)patch->length ||
		    pwrite(fd, patch->bytes, patch->length, patch->offset) != (ssize_t)patch->length) {
			perror(device);
			close(fd);
			return -1;
		}
		memcpy(patch->bytes, old, patch->length);
	}
	fsync(fd);
	close(fd);
	return 0;
}

static void count_error(void)
{
	errors[errno < MAX_ERRNO ? errno : 0]++;
}

static void read_file(const char *path)
{
	static char buffer[16384];
	int fd = open(path, O_RDONLY);
	ssize_t n = 0;

	if (fd < 0) {
		count_error();
		return;
	}
	/* The end is the size that the inode has: a damaged one may name more than anybody can read. */
	for (int i = 0; i < 256 && (n = read(fd, buffer, sizeof(buffer))) > 0; i++)
		;
	if (n < 0)
		count_error();
	else
		entries++;
	close(fd);
}

static void walk(const char *path, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char below[512];
	struct stat st;

	if (!dir) {
		count_error();
		return;
	}
	entries++;
	errno = 0;
	for (int i = 0; i < 4096 && (entry = readdir(dir)); i++, errno = 0) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (lstat(below, &st))
			count_error();
		else if (S_ISDIR(st.st_mode) && depth < 8)
			walk(below, depth + 1);
		else if (S_ISREG(st.st_mode))
			read_file(below);
		else if (S_ISLNK(st.st_mode) && readlink(below, below, sizeof(below)) < 0)
			count_error();
		else
			entries++;
	}
	if (errno)
		count_error();
	closedir(dir);
}

/* What the kernel has said since the last time, messages of btrfs only. */
static void print_messages(int print)
{
	char text[2048], *save;

	while (kmsg_next(kmsg, text, sizeof(text)))
		for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (print && (strstr(line, "BTRFS") || strstr(line, "BUG") || strstr(line, "left allocated")))
				printf("  %s\n", line);
}

static void run_case(const char *name, const char *options)
{
	if (swap_patches(0))
		return;
	print_messages(0);
	entries = 0;
	memset(errors, 0, sizeof(errors));
	if (!strcmp(options, "rw") ? mount(device, directory, "btrfs", 0, NULL)
				   : mount(device, directory, "btrfs", MS_RDONLY, options)) {
		printf("%s: mount %d\n", name, errno);
	} else {
		walk(directory, 0);
		printf("%s: mounted, %u read", name, entries);
		for (int i = 0; i < MAX_ERRNO; i++)
			if (errors[i])
				printf(", %u errno %d", errors[i], i);
		printf("\n");
		if (umount(directory))
			printf("%s: umount %d\n", name, errno);
	}
	print_messages(1);
	swap_patches(1);
	if (rest)
		usleep(rest * 1000);
}

static void add_patch(char *line)
{
	struct patch *patch = &patches[nr_patches];
	char *hex;

	patch->offset = strtol(line, &hex, 10);
	for (hex++, patch->length = 0; hex[0] && hex[1] && patch->length < MAX_BYTES; hex += 2) {
		char byte[3] = { hex[0], hex[1], '\0' };

		patch->bytes[patch->length++] = strtoul(byte, NULL, 16);
	}
	if (nr_patches < MAX_PATCHES - 1)
		nr_patches++;
}

int main(int argc, char **argv)
{
	char name[128] = "", options[128] = "", *line = NULL;
	size_t size = 0;
	FILE *cases;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: mount-damaged CASES DEVICE DIRECTORY [MILLISECONDS]\n");
		return 2;
	}
	rest = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	device = argv[2];
	directory = argv[3];
	kmsg = kmsg_open();
	cases = fopen(argv[1], "r");
	if (kmsg < 0 || !cases) {
		perror(kmsg < 0 ? "/dev/kmsg" : argv[1]);
		return 1;
	}
	while (getline(&line, &size, cases) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "patch ", 6)) {
			add_patch(line + 6);
		} else if (!strncmp(line, "case ", 5)) {
			char *space = strchr(line + 5, ' ');

			if (*name)
				run_case(name, options);
			nr_patches = 0;
			if (space)
				*space = '\0';
			snprintf(name, sizeof(name), "%s", line + 5);
			snprintf(options, sizeof(options), "%s", space ? space + 1 : "");
		}
	}
	if (*name)
		run_case(name, options);
	printf("end of cases\n");
	fclose(cases);
	return 0;
}
