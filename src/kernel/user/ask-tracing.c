// SPDX-License-Identifier: MIT
/*
 * ask-tracing FILE
 *
 * Follows a script of questions to tracefs and prints the answers; the same questions can be put to any Linux. Paths are
 * relative to /sys/kernel/debug/tracing.
 *
 *   > PATH TEXT     appends a line to a file; prints OK or the error, and what the error log says of it
 *   ! PATH          opens the file with O_TRUNC
 *   < PATH          prints the file
 *   ? PATH TEXT     prints where its lines have the text, from there on
 *   call NR ARG..   makes a system call: numbers, 'text (its address), &N,N (of 64-bit numbers), @TEXT,TEXT (of addresses)
 *   result NR ARG.. makes it and prints what it returned
 *   spawn NR ARG..  makes it in a process of its own, without waiting for it; wait: waits for all of them
 *   trace           prints the records of the trace without task and time, and empties it
 *   TEXT            prints itself
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACING "/sys/kernel/debug/tracing/"

static char contents[1 << 20];

static const char *full_path(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s%s", path[0] == '/' ? "" : TRACING, path);
	return full;
}

/* Returns the length, or -1 with errno. */
static long read_file(const char *path)
{
	int fd = open(full_path(path), O_RDONLY | O_NONBLOCK), error;
	long n = 0, got;

	if (fd < 0)
		return -1;
	while ((got = read(fd, contents + n, sizeof(contents) - 1 - n)) > 0)
		n += got;
	error = errno;
	close(fd);
	errno = error;
	contents[n] = '\0';
	return got < 0 && !n ? -1 : n;
}

static int write_file(const char *path, const char *text, int flags)
{
	int fd = open(full_path(path), O_WRONLY | flags), error;
	ssize_t done;

	if (fd < 0)
		return -1;
	done = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return done == (ssize_t)strlen(text) ? 0 : -1;
}

static void append(char *path)
{
	char *text = strchr(path, ' ');
	static char line[65536];

	if (text)
		*text++ = '\0';
	snprintf(line, sizeof(line), "%s\n", text ? text : "");
	write_file("error_log", "", O_TRUNC);
	if (strlen(line) > 400)
		printf("> %s %.100s... (%zu bytes): ", path, line, strlen(line));
	else
		printf("> %s %s: ", path, text ? text : "");
	printf("%s\n", write_file(path, line, O_APPEND) ? strerrorname_np(errno) : "OK");
	if (read_file("error_log") > 0) {
		char *message = strstr(contents, "] ");

		printf("%s", message ? message + 2 : contents);
	}
}

static void find(char *path)
{
	char *text = strchr(path, ' '), *found;

	if (!text)
		return;
	*text++ = '\0';
	if (read_file(path) < 0)
		return;
	for (found = contents; (found = strstr(found, text)); found += strcspn(found, "\n"))
		printf("%.*s\n", (int)strcspn(found, "\n"), found);
}

/* An argument of a system call. What it points to stays until the program ends. */
static unsigned long argument(char *word)
{
	unsigned long *list = malloc(64 * sizeof(*list));
	int n = 0;

	if (word[0] == '\'')
		return (unsigned long)strdup(word + 1);
	if (word[0] != '&' && word[0] != '@')
		return strtoull(word, NULL, 0);
	for (char *item = word + 1, *comma; item && n < 63; item = comma) {
		comma = strchr(item, ',');
		if (comma)
			*comma++ = '\0';
		list[n++] = word[0] == '&' ? strtoull(item, NULL, 0) : (unsigned long)strdup(item);
	}
	return (unsigned long)list;
}

static long call(char *words)
{
	unsigned long args[7] = { 0 };
	int n = 0;

	for (char *word = words, *space; word && n < 7; word = space) {
		space = strchr(word, ' ');
		if (space)
			*space++ = '\0';
		args[n++] = argument(word);
	}
	return syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);
}

/* "  TASK-PID [CPU] flags TIME: record": the record alone, task and time are not what is asked about. */
static void print_trace(void)
{
	if (read_file("trace") < 0)
		return;
	for (char *line = contents, *end; *line; line = end) {
		char *record;

		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		else
			end = line + strlen(line);
		if (line[0] == '#')
			continue;
		record = strstr(line, "] ");
		record = record ? strstr(record, ": ") : NULL;
		puts(record ? record + 2 : line);
	}
	write_file("trace", "", O_TRUNC);
}

static void answer(char *line)
{
	if (!strncmp(line, "> ", 2)) {
		append(line + 2);
	} else if (!strncmp(line, "! ", 2)) {
		printf("! %s: %s\n", line + 2, write_file(line + 2, "", O_TRUNC) ? strerrorname_np(errno) : "OK");
	} else if (!strncmp(line, "< ", 2)) {
		printf("< %s\n", line + 2);
		if (read_file(line + 2) < 0)
			puts(strerrorname_np(errno));
		else
			printf("%s", contents);
	} else if (!strncmp(line, "? ", 2)) {
		find(line + 2);
	} else if (!strncmp(line, "call ", 5)) {
		call(line + 5);
	} else if (!strncmp(line, "result ", 7)) {
		long value;

		printf("%s: ", line);
		value = call(line + 7);
		printf("%ld%s%s\n", value, value == -1 ? " " : "", value == -1 ? strerrorname_np(errno) : "");
	} else if (!strncmp(line, "spawn ", 6)) {
		if (!fork()) {
			call(line + 6);
			_exit(0);
		}
	} else if (!strcmp(line, "wait")) {
		while (wait(NULL) > 0)
			;
	} else if (!strcmp(line, "trace")) {
		print_trace();
	} else {
		puts(line);
	}
}

int main(int argc, char **argv)
{
	FILE *script = argc > 1 ? fopen(argv[1], "r") : NULL;
	size_t room = 0;
	char *line = NULL;
	ssize_t length;

	if (!script) {
		fprintf(stderr, "ask-tracing FILE: %s\n", strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	while ((length = getline(&line, &room, script)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		answer(line);
	}
	return 0;
}
