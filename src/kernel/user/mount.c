// SPDX-License-Identifier: MIT
/* mount [-t TYPE] [-r] [-o OPTIONS] SOURCE TARGET; without arguments the mounts that there are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>

static const struct {
	const char *name;
	unsigned long flag;
} options[] = {
	{ "ro", MS_RDONLY }, { "nosuid", MS_NOSUID }, { "nodev", MS_NODEV }, { "noexec", MS_NOEXEC },
	{ "remount", MS_REMOUNT }, { "bind", MS_BIND }, { "noatime", MS_NOATIME }, { "rw", 0 }, { "defaults", 0 },
};

static unsigned long parse(char *text, char *data)
{
	unsigned long flags = 0;
	unsigned int i;

	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		for (i = 0; i < sizeof(options) / sizeof(*options); i++)
			if (!strcmp(word, options[i].name))
				break;
		if (i < sizeof(options) / sizeof(*options)) {
			flags |= options[i].flag;
			continue;
		}
		if (*data)
			strcat(data, ",");
		strcat(data, word);
	}
	return flags;
}

static int show(void)
{
	FILE *f = fopen("/proc/mounts", "r");
	char line[1024];

	if (!f) {
		perror("mount: /proc/mounts");
		return 1;
	}
	while (fgets(line, sizeof(line), f))
		fputs(line, stdout);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	const char *type = "btrfs";
	static char data[4096];
	unsigned long flags = 0;
	int i;

	if (argc == 1)
		return show();
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-t") && i + 1 < argc) {
			type = argv[++i];
		} else if (!strcmp(argv[i], "-r")) {
			flags |= MS_RDONLY;
		} else if (!strcmp(argv[i], "-o") && i + 1 < argc) {
			flags |= parse(argv[++i], data);
		} else {
			break;
		}
	}
	if (argc - i != 2) {
		fprintf(stderr, "usage: mount [-t TYPE] [-r] [-o OPTIONS] SOURCE TARGET\n");
		return 1;
	}
	if (mount(argv[i], argv[i + 1], type, flags, *data ? data : NULL) < 0) {
		fprintf(stderr, "mount: mounting %s on %s failed: %s\n", argv[i], argv[i + 1], strerror(errno));
		return 32;
	}
	return 0;
}
