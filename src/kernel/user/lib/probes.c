// SPDX-License-Identifier: MIT
/* Probe events by tracefs, and programs on them: see probes.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "bpf.h"
#include "probes.h"

#define ENOTSUPP	524

int number_in(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length < 0 ? -1 : atoi(text);
}

int probe_command(const char *text)
{
	int fd = open(TRACING "kprobe_events", O_WRONLY | O_APPEND);
	int written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written ? 0 : -1;
}

void forget_probes(void)
{
	close(open(TRACING "kprobe_events", O_WRONLY | O_TRUNC));
}

int open_event(const char *name)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1 };
	char path[256];

	snprintf(path, sizeof(path), TRACING "events/%s/id", name);
	attr.config = number_in(path);
	return sys_perf_event_open(&attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

int probe(const char *definition, const char *name, const char *place)
{
	char text[256];

	snprintf(text, sizeof(text), "%s:%s %s\n", definition, name, place);
	if (probe_command(text))
		return -1;
	snprintf(text, sizeof(text), "kprobes/%s", name);
	return open_event(text);
}

int set_bpf(int event, int program)
{
	return ioctl(event, PERF_EVENT_IOC_SET_BPF, program);
}

int attach_tracing(int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = program;
	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

unsigned long long value_in(int map, unsigned int key)
{
	unsigned long long value = 0;

	bpf_map_lookup_elem(map, &key, &value);
	return value;
}

const char *error_name(void)
{
	return errno == ENOTSUPP ? "ENOTSUPP" : strerrorname_np(errno);
}
