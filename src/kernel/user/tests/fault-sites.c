// SPDX-License-Identifier: MIT
/*
 * fault-sites DEVICE DIRECTORY WORD...
 *
 * Each word in turn: "list" prints the sites that are on, "all" every site, "mount" mounts the btrfs on DEVICE and
 * unmounts it, "long N" is a command of N bytes, "p ADDRESS" asks for a kprobe; anything else is a command for
 * /sys/kernel/debug/dynamic_fault/control. (docs/dynamic-fault.md)
 */
#include "../lib/faults.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define CONTROL "/sys/kernel/debug/dynamic_fault/control"

static void print_sites(int all)
{
	FILE *f = fopen(CONTROL, "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (all || !strstr(line, " disabled "))
			printf("  %s", line);
	if (f)
		fclose(f);
}

static const char *try_mount(const char *device, const char *directory)
{
	if (mount(device, directory, "btrfs", MS_RDONLY, NULL))
		return strerrorname_np(errno);
	umount(directory);
	return "ok";
}

int main(int argc, char **argv)
{
	static char text[4096];

	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "mount")) {
			printf("mount: %s\n", try_mount(argv[1], argv[2]));
		} else if (!strcmp(argv[i], "list") || !strcmp(argv[i], "all")) {
			printf("%s:\n", argv[i]);
			print_sites(argv[i][0] == 'a');
		} else {
			const char *command = argv[i];
			int error;

			if (!strncmp(command, "long ", 5)) {
				/* Blanks in front change nothing but the length. */
				snprintf(text, sizeof(text), "%*s", atoi(command + 5), "class race disable");
				command = text;
			}
			error = write_file(!strncmp(command, "p ", 2) ? "/sys/kernel/tracing/kprobe_events" : CONTROL, command);
			printf("%s: %s\n", argv[i], error ? strerrorname_np(error) : "ok");
		}
	}
	printf("left: %ld\n", left_allocated());
	return 0;
}
