// SPDX-License-Identifier: MIT
/* provoke NAME: makes the kernel crash in one of the ways that /sys/kernel/debug/provoke-crash/DIRECT offers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = open("/sys/kernel/debug/provoke-crash/DIRECT", O_WRONLY);

	if (argc != 2 || fd < 0 || write(fd, argv[1], strlen(argv[1])) < 0) {
		fprintf(stderr, "provoke: %s\n", strerror(errno));
		return 1;
	}
	printf("survived\n");
	return 0;
}
