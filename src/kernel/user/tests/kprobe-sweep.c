// SPDX-License-Identifier: MIT
/*
 * kprobe-sweep FUNCTION...
 *
 * Puts a probe on every byte of each kernel function in turn. Bytes inside an instruction must be refused with EILSEQ;
 * with a probe on any other, reading a file of /proc must give what it gives without. Prints one line a function:
 * bytes that took a probe, bytes refused as no boundary, refused otherwise, hits. Exit code 0 if every read agreed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"

static int write_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | flags), ok;

	if (fd < 0)
		return -1;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (!ok) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	close(fd);
	return 0;
}

static long read_file(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY);
	long n = 0, got;

	if (fd < 0)
		return -1;
	while ((got = read(fd, to + n, room - 1 - n)) > 0)
		n += got;
	close(fd);
	to[n] = '\0';
	return n;
}

/* Size of a function from the distance to the next symbol in /proc/kallsyms. */
static unsigned long function_size(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long start = 0, size = 0;
	size_t room = 0;
	char *line = NULL;

	if (!f)
		return 0;
	while (!size && getline(&line, &room, f) > 0) {
		char *rest;
		unsigned long address = strtoul(line, &rest, 16);

		if (start && address > start)
			size = address - start;
		rest += 3;
		rest[strcspn(rest, " \t\n")] = '\0';
		if (!start && !strcmp(rest, name))
			start = address;
	}
	fclose(f);
	free(line);
	return size;
}

/* What the functions under test produce. */
static void exercise(char *to, size_t room)
{
	char part[2048];

	to[0] = '\0';
	if (read_file("/proc/version", part, sizeof(part)) > 0)
		strncat(to, part, room - strlen(to) - 1);
	if (read_file("/proc/filesystems", part, sizeof(part)) > 0)
		strncat(to, part, room - strlen(to) - 1);
}

static unsigned long hits_of(const char *event)
{
	static char profile[4096];
	char *at;

	if (read_file(TRACING "kprobe_profile", profile, sizeof(profile)) < 0 || !(at = strstr(profile, event)))
		return 0;
	return strtoul(at + strlen(event), NULL, 10);
}

int main(int argc, char **argv)
{
	static char expected[8192], got[8192];
	char text[160];
	int failures = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: kprobe-sweep FUNCTION...\n");
		return 2;
	}
	exercise(expected, sizeof(expected));
	for (int i = 1; i < argc; i++) {
		unsigned long size = function_size(argv[i]), probed = 0, inside = 0, refused = 0, hits = 0, wrong = 0;

		if (!size) {
			printf("%s: not in /proc/kallsyms\n", argv[i]);
			failures++;
			continue;
		}
		for (unsigned long offset = 0; offset < size; offset++) {
			snprintf(text, sizeof(text), "p:sweep %s+%lu\n", argv[i], offset);
			if (write_file(TRACING "kprobe_events", text, O_APPEND)) {
				if (errno == EILSEQ)
					inside++;
				else
					refused++;
				continue;
			}
			probed++;
			if (write_file(TRACING "events/kprobes/sweep/enable", "1", 0))
				wrong++;
			exercise(got, sizeof(got));
			if (strcmp(got, expected)) {
				printf("%s+%lu: a probe here changes what is read\n", argv[i], offset);
				wrong++;
			}
			hits += hits_of("sweep");
			if (write_file(TRACING "events/kprobes/sweep/enable", "0", 0) ||
			    write_file(TRACING "kprobe_events", "-:sweep\n", O_APPEND))
				wrong++;
		}
		printf("%s: %lu bytes: %lu probed, %lu inside instructions, %lu refused, %s\n", argv[i], size, probed, inside,
		       refused, hits ? "hit" : "never hit");
		failures += wrong != 0;
	}
	return failures ? 1 : 0;
}
