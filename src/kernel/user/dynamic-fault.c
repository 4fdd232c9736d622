// SPDX-License-Identifier: MIT
/*
 * dynamic-fault DEVICE DIRECTORY
 *
 * Turns fault sites on through /sys/kernel/debug/dynamic_fault/control and mounts the btrfs on DEVICE each time: a race that
 * is handled, a branch in the middle of a function, each allocation of btrfs in turn; then commands that are refused.
 * Exit code: 0 if every mount ended as it should and nothing is left allocated.
 */
#include "lib/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define CONTROL "/sys/kernel/debug/dynamic_fault/control"
#define MAX_SITES 64

static const char *device, *directory;
static int wrong;

/* Writes @words as one command: 0 or an errno. */
static int command(const char *words)
{
	return write_file(CONTROL, words);
}

/* Calls @visit with each line of the control file. */
static void each_site(void (*visit)(const char *line))
{
	FILE *f = fopen(CONTROL, "r");
	char line[256];

	if (!f) {
		fprintf(stderr, "dynamic-fault: %s: %s\n", CONTROL, strerror(errno));
		exit(2);
	}
	while (fgets(line, sizeof(line), f))
		visit(line);
	fclose(f);
}

static void print(const char *line)
{
	printf("  %s", line);
}

static void print_enabled(const char *line)
{
	if (!strstr(line, " disabled "))
		print(line);
}

/* Mounts and unmounts: 0 or mount's errno. */
static int try_mount(void)
{
	if (mount(device, directory, "btrfs", MS_RDONLY, NULL))
		return errno;
	umount(directory);
	return 0;
}

/* @words, then a mount, which must end with @expected; then the sites that are still on. */
static void step(const char *words, int expected)
{
	int error = command(words);

	if (error) {
		printf("%s: %s\n", words, strerror(error));
		wrong++;
		return;
	}
	error = try_mount();
	printf("%s\n  mount: %s\n", words, error ? strerror(error) : "succeeds");
	each_site(print_enabled);
	wrong += error != expected;
}

static void refused(const char *words, int expected)
{
	int error = command(words);

	printf("  %.40s%s: %s\n", words, strlen(words) > 40 ? "..." : "", error ? strerror(error) : "accepted");
	wrong += error != expected;
}

/* ---- every allocation of btrfs ---- */

static char where[MAX_SITES][96];
static int sites;

static void remember(const char *line)
{
	const char *function = strstr(line, " func:");
	size_t place = strcspn(line, " ");

	if (!strstr(line, " class:memory module:btrfs ") || sites == MAX_SITES)
		return;
	snprintf(where[sites++], sizeof(where[0]), "%.*s %.*s", (int)place, line,
		 (int)strcspn(function + 6, " "), function + 6);
}

static int left_on;

static void count_enabled(const char *line)
{
	left_on += !strstr(line, " disabled ");
}

static void each_allocation(void)
{
	char words[80];

	each_site(remember);
	for (int i = 0; i < sites; i++) {
		int error;

		snprintf(words, sizeof(words), "class memory module btrfs index %d oneshot", i);
		wrong += command(words) != 0;
		error = try_mount();
		left_on = 0;
		each_site(count_enabled);
		/* A one-shot site that fired has turned itself off. */
		printf("  %-70s %s\n", where[i], left_on ? "not reached" : error ? strerror(error) : "does without");
		wrong += left_on ? error != 0 : error != ENOMEM && error != 0;
		command("class memory disable");
	}
}

int main(int argc, char **argv)
{
	static const char many[] = "line 1 line 1 line 1 line 1 line 1";
	char longest[300];

	if (argc != 3) {
		fprintf(stderr, "usage: dynamic-fault DEVICE DIRECTORY\n");
		return 2;
	}
	device = argv[1];
	directory = argv[2];

	printf("== the sites\n");
	each_site(print);
	printf("== a race that is handled: the block must be looked up again\n");
	step("class race oneshot", 0);
	step("class race frequency 3", 0);
	step("class race frequency 0 disable", 0);
	printf("== in the middle of a function: a checksum that does not match\n");
	step("class fs:btrfs oneshot", 0);
	step("class fs enable", EIO);
	step("class fs disable", 0);
	printf("== each allocation of btrfs\n");
	each_allocation();
	printf("== commands that are refused\n");
	refused("func no_such_function enable", ENOENT);
	refused("class race", EINVAL);
	refused("class race explode", EINVAL);
	refused("line 9-3 enable", EINVAL);
	refused("frequency", EINVAL);
	refused("file \"extent_io.c enable", EINVAL);
	refused(many, E2BIG);
	memset(longest, ' ', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refused(longest, E2BIG);
	printf("objects left allocated: %ld\n", left_allocated());
	return wrong || left_allocated();
}
