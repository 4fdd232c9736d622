// SPDX-License-Identifier: MIT
/* The programs onto their functions: a kprobe event for each, opened as a perf event. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "../lib/bpf.h"
#include "inject.h"

static const char *tracing_directory(void)
{
	return access("/sys/kernel/tracing/kprobe_events", F_OK) ? "/sys/kernel/debug/tracing" : "/sys/kernel/tracing";
}

static int write_kprobe_event(const char *line)
{
	char path[128];
	int fd, saved, written;

	snprintf(path, sizeof(path), "%s/kprobe_events", tracing_directory());
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -1;
	written = write(fd, line, strlen(line));
	saved = errno;
	close(fd);
	errno = saved;
	return written < 0 ? -1 : 0;
}

/* The perf event of a trace event, with the program on it; -1 and errno. */
static int open_event(const char *event, int program, const char **failed)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1 };
	char path[256], text[32] = "";
	int fd, saved;
	FILE *f;

	snprintf(path, sizeof(path), "%s/events/%s/id", tracing_directory(), event);
	*failed = "the event's id";
	f = fopen(path, "r");
	if (!f)
		return -1;
	fgets(text, sizeof(text), f);
	fclose(f);
	attr.config = strtoul(text, NULL, 10);
	*failed = "perf_event_open";
	fd = sys_perf_event_open(&attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -1;
	*failed = "PERF_EVENT_IOC_SET_BPF";
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, (unsigned long)program)) {
		*failed = "PERF_EVENT_IOC_ENABLE";
		if (!ioctl(fd, PERF_EVENT_IOC_ENABLE, 0ul))
			return fd;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int no_probe(const char *function)
{
	switch (errno) {
	case ENOENT:
		if (access(tracing_directory(), F_OK)) {
			complain("tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)");
			return EXIT_UNAVAILABLE;
		}
		if (!strstr(tracing_directory(), "debug") || !access("/sys/kernel/debug/tracing/trace", F_OK))
			complain("%s: the kernel finds no such function for a probe, or has no kprobe_events (CONFIG_KPROBE_EVENTS)",
				 function);
		return EXIT_UNAVAILABLE;
	case EACCES:
	case EPERM:
		complain("kprobe_events may not be written: root is needed");
		return EXIT_UNAVAILABLE;
	case EINVAL:
		complain("%s: the kernel refuses a probe there: see /sys/kernel/debug/kprobes/blacklist and %s/error_log", function,
			 tracing_directory());
		return EXIT_REFUSED;
	default:
		complain("%s: no probe there: %s", function, strerror(errno));
		return EXIT_REFUSED;
	}
}

static int no_program(const char *function, const char *failed)
{
	int error = errno;

	if (strcmp(failed, "PERF_EVENT_IOC_SET_BPF") || (error != EINVAL && error != EEXIST && error != E2BIG)) {
		complain("%s: %s: %s", function, failed, strerror(error));
		return error == EACCES || error == EPERM ? EXIT_UNAVAILABLE : EXIT_REFUSED;
	}
	if (error == E2BIG)
		complain("%s: 64 programs are on the probe already", function);
	else if (error == EEXIST)
		complain("%s: the event has a program already", function);
	else
		complain("%s: the kernel refuses to override it (EINVAL): it is not on %s, or the probe is not on its entry", function,
			 INJECTION_LIST);
	return EXIT_REFUSED;
}

int attach_all(const struct options *options, struct injection *injection)
{
	const char *failed;
	char line[256];

	for (int i = 0; i < options->function_count; i++) {
		const char *function = options->functions[i].name;
		char *name = injection->names[i];

		injection->events[i] = -1;
		snprintf(name, sizeof(injection->names[i]), "inject_%d/call%d", (int)getpid(), i);
		snprintf(line, sizeof(line), "p:%s %s", name, function);
		if (write_kprobe_event(line)) {
			name[0] = '\0';
			return no_probe(function);
		}
		injection->events[i] = open_event(name, injection->programs[i], &failed);
		if (injection->events[i] < 0)
			return no_program(function, failed);
		if (options->verbose)
			printf("inject: probe on %s\n", function);
	}
	if (options->task != TASK_COMMAND)
		return 0;
	injection->arm_event = open_event("sched/sched_process_exec", injection->arm_program, &failed);
	return injection->arm_event < 0 ? no_program("sched_process_exec", failed) : 0;
}

void detach_all(const struct options *options, struct injection *injection)
{
	char line[128];

	for (int i = 0; i < options->function_count; i++) {
		if (!injection->names[i][0])
			continue;
		if (injection->events[i] >= 0)
			close(injection->events[i]);
		snprintf(line, sizeof(line), "-:%s", injection->names[i]);
		write_kprobe_event(line);
		injection->names[i][0] = '\0';
	}
	if (injection->arm_event > 0)
		close(injection->arm_event);
	injection->arm_event = -1;
}
