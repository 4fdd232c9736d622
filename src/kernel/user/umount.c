// SPDX-License-Identifier: MIT
/* umount [-l] TARGET... */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

int main(int argc, char **argv)
{
	int status = 0, lazy = argc > 1 && !strcmp(argv[1], "-l");

	if (argc - lazy < 2) {
		fprintf(stderr, "usage: umount [-l] TARGET...\n");
		return 1;
	}
	for (int i = 1 + lazy; i < argc; i++) {
		if (umount2(argv[i], lazy ? MNT_DETACH : 0) < 0) {
			fprintf(stderr, "umount: can't unmount %s: %s\n", argv[i], strerror(errno));
			status = 32;
		}
	}
	return status;
}
