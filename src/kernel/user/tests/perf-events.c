// SPDX-License-Identifier: MIT
/*
 * Static trace events and perf events: what tracefs says of them, records in the trace file, filters, and samples in a mapped
 * buffer. Prints what it sees, without times and addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../lib/bpf.h"

#define TRACING "/sys/kernel/tracing/"
#define PAGE 4096

static char text[65536];

static const char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY), n = 0, got;

	if (fd < 0)
		return "(not there)\n";
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = '\0';
	return text;
}

static const char *write_file(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_TRUNC), ok;

	if (fd < 0)
		return strerror(errno);
	ok = write(fd, what, strlen(what)) >= 0;
	close(fd);
	return ok ? "ok" : strerror(errno);
}

/* The lines of the trace without the columns in front of the event's name. */
static void print_trace(void)
{
	char *line, *end;

	read_file(TRACING "trace");
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		char *colon;

		*end = '\0';
		if (*line == '#' || !(colon = strstr(line, ": ")))
			continue;
		printf("  %s\n", colon + 2);
	}
}

static void trace_files(void)
{
	printf("%s", read_file(TRACING "events/sched/sched_process_exec/format") + strlen("name: sched_process_exec\nID: xxx\n"));
	printf("filter: %s", read_file(TRACING "events/sched/sched_process_fork/filter"));
	printf("unknown field: %s\n", write_file(TRACING "events/sched/sched_process_fork/filter", "child_pid > 0 && nothing == 3"));
	printf("%s", read_file(TRACING "events/sched/sched_process_fork/filter"));
	printf("string without quotes: %s\n", write_file(TRACING "events/sched/sched_process_fork/filter", "child_comm == x"));
	printf("good: %s\n", write_file(TRACING "events/task/task_rename/filter", "newcomm ~ \"ab*\" || (oom_score_adj < 0 && !(pid == 1))"));
	printf("%s", read_file(TRACING "events/task/task_rename/filter"));
	printf("enable: %s\n", write_file(TRACING "events/task/task_rename/enable", "1"));
	printf("group: %s", read_file(TRACING "events/task/enable"));
	write_file("/proc/self/comm", "abc");
	write_file("/proc/self/comm", "xyz");
	write_file("/proc/self/comm", "abd");
	write_file(TRACING "events/task/task_rename/enable", "0");
	print_trace();
	printf("no filter: %s\n", write_file(TRACING "events/task/task_rename/filter", "0"));
}

static int event_id(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "events/%s/id", name);
	return atoi(read_file(path));
}

/* A sampling event on getppid(2) of this process. */
static int open_event(unsigned long sample_type, unsigned int wakeup_events)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_TRACEPOINT, .sample_period = 1,
					.config = event_id("raw_syscalls/sys_enter"), .sample_type = sample_type,
					.sample_id_all = 1, .wakeup_events = wakeup_events, .disabled = 1 };
	int fd = sys_perf_event_open(&attr, 0, -1, -1, 0);

	if (fd < 0)
		printf("perf_event_open: %s\n", strerror(errno));
	if (ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "id == 110"))
		printf("filter: %s\n", strerror(errno));
	return fd;
}

static struct perf_event_mmap_page *map_buffer(int fd, unsigned int pages)
{
	return mmap(NULL, (1 + pages) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static unsigned long long word(struct perf_event_mmap_page *page, unsigned long long at)
{
	return *(unsigned long long *)((char *)page + page->data_offset + (at & (page->data_size - 1)));
}

/* Type, size and as many of the words behind the header as are asked for. */
static void print_records(struct perf_event_mmap_page *page, unsigned int words)
{
	while (page->data_tail != page->data_head) {
		unsigned long long header = word(page, page->data_tail);
		unsigned int size = header >> 48;

		printf("  type %u misc %u size %u:", (unsigned int)header, (unsigned int)(header >> 32) & 0xffff, size);
		for (unsigned int i = 1; i <= words && i < size / 8; i++)
			printf(" %llx", word(page, page->data_tail + 8 * i));
		printf("\n");
		page->data_tail += size;
	}
}

static void samples(void)
{
	int fd = open_event(PERF_SAMPLE_TID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD, 2);
	struct perf_event_mmap_page *page = map_buffer(fd, 1);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	unsigned long long count;

	printf("header: version %u, data at %llu, size %llu\n", page->version, page->data_offset, page->data_size);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	for (int i = 1; i <= 3; i++) {
		getppid();
		printf("poll after %d: %d\n", i, poll(&poll_fd, 1, 0));
	}
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	getppid();
	print_records(page, 0);
	read(fd, &count, sizeof(count));
	printf("counted %llu\n", count);
	munmap(page, 2 * PAGE);
	close(fd);

	fd = open_event(PERF_SAMPLE_RAW, 0);
	page = map_buffer(fd, 1);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	getppid();
	printf("raw: %llu bytes, system call %llu\n", word(page, 8) & 0xffffffff, word(page, 16) >> 32 | word(page, 24) << 32);
	for (int i = 0; i < 100; i++)
		getppid();
	page->data_tail = page->data_head;
	getppid();
	getppid();
	print_records(page, 0);
	close(fd);
}

static void refusals(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY };
	int fd = sys_perf_event_open(&attr, 0, -1, -1, 0);

	printf("3 data pages: %s\n", map_buffer(fd, 3) == MAP_FAILED ? strerror(errno) : "ok");
	printf("4 data pages: %s\n", map_buffer(fd, 4) == MAP_FAILED ? strerror(errno) : "ok");
	printf("refresh: %s\n", ioctl(fd, PERF_EVENT_IOC_REFRESH, 1) ? strerror(errno) : "ok");
	printf("filter: %s\n", ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "id == 1") ? strerror(errno) : "ok");
	printf("output to itself: %s\n", ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, fd) ? strerror(errno) : "ok");
	printf("any task, any cpu: %s\n", sys_perf_event_open(&attr, -1, -1, -1, 0) < 0 ? strerror(errno) : "ok");
	attr.config = PERF_COUNT_SW_MAX;
	printf("unknown: %s\n", sys_perf_event_open(&attr, 0, -1, -1, 0) < 0 ? strerror(errno) : "ok");
	attr.size = 60;
	printf("too small: %s\n", sys_perf_event_open(&attr, 0, -1, -1, 0) < 0 ? strerror(errno) : "ok");
	close(fd);
}

static void inheritance(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = PERF_TYPE_TRACEPOINT,
					.config = event_id("sched/sched_process_exit") };
	int alone, with_children, everything, status;
	unsigned long long counts[3];

	alone = sys_perf_event_open(&attr, 0, -1, -1, 0);
	everything = sys_perf_event_open(&attr, -1, 0, -1, 0);
	attr.inherit = 1;
	with_children = sys_perf_event_open(&attr, 0, -1, -1, 0);
	if (fork() == 0) {
		if (fork() == 0)
			_exit(0);
		wait(&status);
		_exit(0);
	}
	wait(&status);
	read(alone, &counts[0], 8);
	read(with_children, &counts[1], 8);
	read(everything, &counts[2], 8);
	printf("exits: own %llu, inherited %llu, everywhere %llu\n", counts[0], counts[1], counts[2]);
}

int main(void)
{
	trace_files();
	samples();
	refusals();
	inheritance();
	return 0;
}
