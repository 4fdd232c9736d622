// SPDX-License-Identifier: MIT
/*
 * oops OBJECT DEVICE DIRECTORY
 *
 * Attaches the programs of OBJECT, which make the kernel stumble over a mount, lets a child mount DEVICE, and explains the
 * oops line by line from /dev/kmsg. Exit code: 0 if the child was killed and the kernel went on.
 */
#include "lib/bpf.h"
#include "lib/faults.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct { const char *begins, *means; } explanations[] = {
	{ "BUG: unable to handle page fault for address", "the address that was used, and nothing is there" },
	{ "#PF:", "what was done there: read or write, by whom, and why it failed" },
	{ "Oops:", "the error code of the exception; [#1]: the first one since boot" },
	{ "CPU:", "who was running" },
	{ "RIP:", "the instruction: offset into the function, and the function's size" },
	{ "Code:", "the bytes of code around it; in <> the first of the instruction" },
	{ "RAX:", "the registers" },
	{ "CR2:", "the address again, as the processor noted it" },
	{ "Call Trace:", "who had called, the innermost first; ? marks what was only found on the stack" },
};

/* A line of the log. Returns 1 behind the end of the call trace. */
static int explain(const char *text)
{
	static int in_trace;

	if (in_trace && text[0] == ' ') {
		printf("%s\n", text);
		return !strncmp(text, " </TASK>", 8);
	}
	for (unsigned int i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		if (strncmp(text, explanations[i].begins, strlen(explanations[i].begins)))
			continue;
		printf("%s\n    -> %s\n", text, explanations[i].means);
		in_trace |= !strncmp(text, "Call Trace:", 11);
	}
	return 0;
}

static int read_log(void)
{
	char text[2048], *save;
	int fd = kmsg_open(), ended = 0;

	if (fd < 0) {
		perror("/dev/kmsg");
		return -1;
	}
	while (!ended && kmsg_next(fd, text, sizeof(text)))
		for (char *line = strtok_r(text, "\n", &save); line && !ended; line = strtok_r(NULL, "\n", &save))
			ended = explain(line);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int status = 0;
	pid_t child;

	if (argc != 4) {
		fprintf(stderr, "usage: oops OBJECT DEVICE DIRECTORY\n");
		return 2;
	}
	object = bpf_object_open(argv[1]);
	if (!object || bpf_object_load(object) || bpf_object_attach(object))
		return 1;
	puts("A child mounts, and a kmalloc() under btrfs_read_chunk_tree() returns an address where nothing is.");
	fflush(stdout);
	child = fork();
	if (!child) {
		mount(argv[2], argv[3], "btrfs", MS_RDONLY, NULL);
		printf("mount: %s\n", strerror(errno));
		_exit(0);
	}
	waitpid(child, &status, 0);
	bpf_object_close(object);
	if (WIFSIGNALED(status))
		printf("The child was killed by signal %d; the kernel goes on. What it printed:\n", WTERMSIG(status));
	return read_log() || !WIFSIGNALED(status);
}
