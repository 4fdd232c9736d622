// SPDX-License-Identifier: MIT
#include "faults.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	close(fd);
	return error;
}

long number_in_file(const char *path)
{
	char text[32] = "-1";
	FILE *f = fopen(path, "r");

	if (f) {
		fgets(text, sizeof(text), f);
		fclose(f);
	}
	return strtol(text, NULL, 0);
}

long left_allocated(void)
{
	return number_in_file("/sys/kernel/debug/kmem/left_allocated");
}

int device_is_free(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL);

	if (fd < 0) {
		perror(path);
		return 0;
	}
	close(fd);
	return 1;
}

/* ---- fail-nth ---- */

static int fail_nth = -1;

int fail_nth_open(void)
{
	fail_nth = open("/proc/self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		perror("/proc/self/fail-nth");
	return fail_nth < 0 ? -1 : 0;
}

void fail_nth_arm(unsigned long nth)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", nth);
	/* Taking the text from here is a request that can fail, too; it does so once. */
	while (pwrite(fail_nth, text, strlen(text), 0) < 0) {
		if (errno == EFAULT)
			continue;
		perror("/proc/self/fail-nth");
		exit(1);
	}
}

unsigned long fail_nth_disarm(void)
{
	char text[32] = "";

	/* The text on its way here can be what fails: it was the next request. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
		return 1;
	fail_nth_arm(0);
	return strtoul(text, NULL, 10);
}

/* ---- the log ---- */

int kmsg_open(void)
{
	return open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
}

/* Undoes the escapes \xNN, which newlines within a record have, too. */
static void copy_text(char *to, const char *from, size_t room)
{
	while (*from && *from != '\n' && --room) {
		if (from[0] == '\\' && from[1] == 'x' && from[2] && from[3]) {
			char digits[3] = { from[2], from[3], '\0' };

			*to++ = strtol(digits, NULL, 16);
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

int kmsg_next(int fd, char *text, size_t room)
{
	char record[2048], *message;
	ssize_t n;

	/* EPIPE: older records have been overwritten. */
	do {
		n = read(fd, record, sizeof(record) - 1);
	} while (n < 0 && errno == EPIPE);
	if (n <= 0)
		return 0;
	record[n] = '\0';
	message = strchr(record, ';');
	copy_text(text, message ? message + 1 : record, room);
	return 1;
}
