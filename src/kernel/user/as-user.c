// SPDX-License-Identifier: MIT
/* as-user UID COMMAND [ARGUMENT...]: runs a command without privilege. Exit code: the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: as-user UID COMMAND [ARGUMENT...]\n");
		return 2;
	}
	if (setuid(atoi(argv[1]))) {
		perror("setuid");
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
