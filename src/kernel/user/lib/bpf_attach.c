// SPDX-License-Identifier: MIT
/*
 * Attaching BPF programs to kernel functions and trace events: by tracefs kprobe_events, perf_event_open(2) on the event's id, and
 * PERF_EVENT_IOC_SET_BPF. (Documentation/trace/kprobetrace.rst)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "bpf_internal.h"

static const struct {
	const char *prefix;
	enum bpf_prog_type type;
} section_types[] = {
	{ "kprobe/", BPF_PROG_TYPE_KPROBE },
	{ "kretprobe/", BPF_PROG_TYPE_KPROBE },
	{ "tracepoint/", BPF_PROG_TYPE_TRACEPOINT },
	{ "tp/", BPF_PROG_TYPE_TRACEPOINT },
	{ "raw_tracepoint/", BPF_PROG_TYPE_RAW_TRACEPOINT },
	{ "raw_tp/", BPF_PROG_TYPE_RAW_TRACEPOINT },
	{ "kprobe", BPF_PROG_TYPE_KPROBE },
	{ "kretprobe", BPF_PROG_TYPE_KPROBE },
	{ "tracepoint", BPF_PROG_TYPE_TRACEPOINT },
	{ "perf_event", BPF_PROG_TYPE_PERF_EVENT },
	{ "socket", BPF_PROG_TYPE_SOCKET_FILTER },
};

bool bpf_section_type(const char *name, enum bpf_prog_type *type)
{
	size_t i;

	for (i = 0; i < sizeof(section_types) / sizeof(section_types[0]); i++) {
		const char *prefix = section_types[i].prefix;
		size_t length = strlen(prefix);

		if (prefix[length - 1] == '/' ? strncmp(name, prefix, length) : strcmp(name, prefix))
			continue;
		*type = section_types[i].type;
		return true;
	}
	return false;
}

/* The part of "kprobe/FUNCTION" behind the slash, or NULL. */
static const char *section_target(const char *section)
{
	const char *slash = strchr(section, '/');

	return slash && slash[1] ? slash + 1 : NULL;
}

static const char *tracing_directory(void)
{
	if (!access("/sys/kernel/tracing/kprobe_events", F_OK))
		return "/sys/kernel/tracing";
	return "/sys/kernel/debug/tracing";
}

/* Appends one line to a file of tracefs. */
static int write_line(const char *file, const char *line)
{
	char path[128];
	ssize_t written;
	int fd, saved;

	snprintf(path, sizeof(path), "%s/%s", tracing_directory(), file);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -1;
	written = write(fd, line, strlen(line));
	saved = errno;
	close(fd);
	errno = saved;
	return written < 0 ? -1 : 0;
}

/* The number of the event "GROUP/NAME", or -1. */
static int event_id(const char *event)
{
	char path[256], text[32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/events/%s/id", tracing_directory(), event);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return -1;
	text[got] = '\0';
	return atoi(text);
}

/* Opens the trace event and gives it the program. */
static int attach_event(struct bpf_program *program, const char *event)
{
	struct perf_event_attr attr;
	int id = event_id(event), fd;

	if (id < 0)
		return bpf_object_error(program->object, "program %s: no event %s: %s", program->name, event, strerror(errno));
	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.size = sizeof(attr);
	attr.config = id;
	attr.sample_period = 1;
	attr.wakeup_events = 1;
	fd = sys_perf_event_open(&attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return bpf_object_error(program->object, "program %s: perf_event_open of %s: %s", program->name, event,
					strerror(errno));
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, (unsigned long)program->fd)) {
		bpf_object_error(program->object, "program %s cannot be attached to %s: %s", program->name, event,
				 strerror(errno));
	} else if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0ul)) {
		bpf_object_error(program->object, "program %s: %s cannot be enabled: %s", program->name, event,
				 strerror(errno));
	} else {
		program->event_fd = fd;
		return 0;
	}
	close(fd);
	return -1;
}

static int attach_kprobe(struct bpf_program *program, const char *function)
{
	bool is_return = !strncmp(program->section_name, "kretprobe", 9);
	char line[3 * BPF_NAME_LEN];
	int saved;

	snprintf(program->event, sizeof(program->event), "bpf/%s", program->name);
	snprintf(line, sizeof(line), "%s:%s %s", is_return ? "r" : "p", program->event, function);
	if (write_line("kprobe_events", line)) {
		program->event[0] = '\0';
		return bpf_object_error(program->object, "program %s: no probe on %s: %s", program->name, function,
					strerror(errno));
	}
	if (!attach_event(program, program->event))
		return 0;
	saved = errno;
	bpf_program_detach(program);
	errno = saved;
	return -1;
}

int bpf_program_attach(struct bpf_program *program, const char *target)
{
	if (!target)
		target = section_target(program->section_name);
	if (program->fd < 0 || program->event_fd >= 0) {
		errno = program->fd < 0 ? EBADF : EBUSY;
		return bpf_object_error(program->object, "program %s is %s", program->name,
					program->fd < 0 ? "not loaded" : "attached already");
	}
	errno = EINVAL;
	if (!target)
		return bpf_object_error(program->object, "program %s: section %s does not say what to attach it to",
					program->name, program->section_name);
	switch (program->type) {
	case BPF_PROG_TYPE_KPROBE:
		return attach_kprobe(program, target);
	case BPF_PROG_TYPE_TRACEPOINT:
		return attach_event(program, target);
	default:
		return bpf_object_error(program->object, "program %s: programs in %s are not attached here", program->name,
					program->section_name);
	}
}

int bpf_program_detach(struct bpf_program *program)
{
	char line[2 * BPF_NAME_LEN + 4];
	int err = 0;

	if (program->event_fd >= 0)
		close(program->event_fd);
	program->event_fd = -1;
	if (program->event[0]) {
		snprintf(line, sizeof(line), "-:%s", program->event);
		err = write_line("kprobe_events", line);
		program->event[0] = '\0';
	}
	return err;
}
