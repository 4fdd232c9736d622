// SPDX-License-Identifier: MIT
/*
 * mount-with-bpf OBJECT DEVICE DIRECTORY [FILE]
 *
 * Mounts a btrfs disk twice: once while the BPF programs of OBJECT are attached to the functions that their sections name,
 * and once after they are gone. After the second, lists the directory and prints FILE (the first regular file by default).
 * Exit code: 0 if the first mount failed and the second did not.
 */
#include "lib/bpf.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int try_mount(const char *device, const char *directory)
{
	if (mount(device, directory, "btrfs", MS_RDONLY, NULL) == 0) {
		printf("mount %s on %s: done\n", device, directory);
		return 0;
	}
	printf("mount %s on %s: %s (errno %d)\n", device, directory, strerror(errno), errno);
	return -1;
}

static int print_file(const char *path)
{
	char buffer[512];
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		printf("%s: %s\n", path, strerror(errno));
		return -1;
	}
	printf("%s says: ", path);
	fflush(stdout);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		write(1, buffer, n);
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Lists the directory; the path of the first regular file in it goes to @first. */
static int list(const char *directory, char *first, size_t room)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[512];
	struct stat st;

	if (!dir) {
		printf("%s: %s\n", directory, strerror(errno));
		return -1;
	}
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (lstat(path, &st)) {
			printf("%s: %s\n", path, strerror(errno));
			closedir(dir);
			return -1;
		}
		printf("  %06o %8ld %s\n", st.st_mode, (long)st.st_size, entry->d_name);
		if (!*first && S_ISREG(st.st_mode) && st.st_size < 4096)
			snprintf(first, room, "%s", path);
	}
	closedir(dir);
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program = NULL;
	const char *device, *directory;
	char file[512] = "";
	int first, failed;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: mount-with-bpf OBJECT DEVICE DIRECTORY [FILE]\n");
		return 2;
	}
	device = argv[2];
	directory = argv[3];
	if (argc == 5)
		snprintf(file, sizeof(file), "%s/%s", directory, argv[4]);
	object = bpf_object_open(argv[1]);
	if (!object || bpf_object_load(object) || bpf_object_attach(object))
		return 1;
	while ((program = bpf_object_next_program(object, program)))
		printf("%s attached to %s\n", bpf_program_name(program), bpf_program_section(program));

	first = try_mount(device, directory);
	if (!first)
		umount(directory);
	bpf_object_close(object);
	printf("detached\n");

	if (try_mount(device, directory))
		return 1;
	failed = list(directory, file, sizeof(file)) || (*file && print_file(file));
	if (umount(directory)) {
		printf("umount %s: %s\n", directory, strerror(errno));
		return 1;
	}
	return !first || failed;
}
