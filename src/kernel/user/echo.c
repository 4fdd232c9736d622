// SPDX-License-Identifier: MIT
/* echo [-n] [WORD...] */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int newline = !(argc > 1 && !strcmp(argv[1], "-n"));

	for (int i = 2 - newline; i < argc; i++)
		printf("%s%s", argv[i], i + 1 < argc ? " " : "");
	if (newline)
		putchar('\n');
	return 0;
}
