// SPDX-License-Identifier: MIT
/*
 * try-mount [-r] [-o OPTIONS] DEVICE DIRECTORY
 *
 * Mounts a btrfs disk, says how full it is, and unmounts it. Exit code: the errno of mount(2), 0 if it mounted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *options = NULL;
	unsigned long flags = 0;
	struct statfs st;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-r"))
			flags = MS_RDONLY;
		else if (!strcmp(argv[i], "-o") && i + 1 < argc)
			options = argv[++i];
		else
			break;
	}
	if (i + 2 != argc) {
		fprintf(stderr, "usage: try-mount [-r] [-o OPTIONS] DEVICE DIRECTORY\n");
		return 2;
	}
	if (mount(argv[i], argv[i + 1], "btrfs", flags, options)) {
		int error = errno;

		printf("mount: %s\n", strerror(error));
		return error;
	}
	if (statfs(argv[i + 1], &st))
		printf("mount: done; statfs: %s\n", strerror(errno));
	else
		printf("mount: done, %lu of %lu blocks used\n", (unsigned long)(st.f_blocks - st.f_bfree), (unsigned long)st.f_blocks);
	fflush(stdout);
	if (umount(argv[i + 1])) {
		/* What failed may have been this call: the disk must not stay. */
		printf("umount: %s\n", strerror(errno));
		if (umount(argv[i + 1]))
			return 0;
	}
	printf("umount: done\n");
	return 0;
}
