// SPDX-License-Identifier: MIT
/*
 * A client of libbpf as its users write them: a skeleton that bpftool generated, a constant set before loading, programs
 * attached, a ring buffer polled, maps and global variables read, a link pinned. What it prints is the same on every kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "observe.h"
#include "observe.skel.h"

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_DEBUG && !getenv("DEBUG") ? 0 : vfprintf(stdout, format, arguments);
}

static int on_record(void *context, void *data, size_t size)
{
	const struct record *record = data;

	printf("record: what=%d comm=%s parent=%s mode=%o name=%s result=%d size=%zu\n", record->what, record->comm,
	       record->parent, record->mode, record->name, record->result, size);
	return 0;
}

static void print_maps(struct observe_bpf *observe)
{
	int fd = bpf_map__fd(observe->maps.by_command), key = 0, *at = NULL;
	struct { int what; char comm[16]; } name, *previous = NULL;
	unsigned long count;
	long value;

	for (; !bpf_map_get_next_key(fd, previous, &name); previous = &name)
		if (!bpf_map_lookup_elem(fd, &name, &count))
			printf("by_command: what=%d comm=%s count=%lu\n", name.what, name.comm, count);
	fd = bpf_map__fd(observe->maps.recent);
	for (; !bpf_map_get_next_key(fd, at, &key); at = &key)
		if (!bpf_map_lookup_elem(fd, &key, &value))
			printf("recent: %d -> %ld\n", key, value);
	fd = bpf_map__fd(observe->maps.counters);
	for (key = 0; key < 4; key++)
		if (!bpf_map_lookup_elem(fd, &key, &value))
			printf("counters[%d]=%ld\n", key, value);
}

static void print_info(struct bpf_program *program)
{
	struct bpf_prog_info info = { };
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length)) {
		printf("%s: no info: %s\n", bpf_program__name(program), strerror(errno));
		return;
	}
	printf("%s: type=%u name=%s maps=%u functions=%u func_info=%u lines=%s jited_lines=%s btf=%s\n",
	       bpf_program__name(program), info.type, info.name, info.nr_map_ids, info.nr_jited_ksyms, info.nr_func_info,
	       info.nr_line_info ? "yes" : "no", info.nr_jited_line_info == info.nr_line_info ? "all" : "not all",
	       info.btf_id ? "yes" : "no");
}

int main(void)
{
	struct bpf_program *program;
	struct observe_bpf *observe;
	struct ring_buffer *ring;
	struct bpf_link *link;
	char data[8];
	int err, i, fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/sys/fs/bpf", 0700);
	if (mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) && errno != EBUSY)
		printf("mount: %s\n", strerror(errno));
	libbpf_set_print(on_libbpf_message);
	observe = observe_bpf__open();
	if (!observe) {
		printf("open: %s\n", strerror(errno));
		return 1;
	}
	observe->rodata->wanted_tgid = getpid();
	err = observe_bpf__load(observe);
	if (err) {
		printf("load: %s\n", strerror(-err));
		return 1;
	}
	bpf_object__for_each_program(program, observe->obj)
		print_info(program);
	err = observe_bpf__attach(observe);
	if (err) {
		printf("attach: %s\n", strerror(-err));
		return 1;
	}
	ring = ring_buffer__new(bpf_map__fd(observe->maps.records), on_record, NULL, NULL);
	if (!ring) {
		printf("ring buffer: %s\n", strerror(errno));
		return 1;
	}
	printf("mkdir: %d\n", mkdir("/tmp/observed", 0750));
	printf("mkdir again: %d\n", mkdir("/tmp/observed", 0750));
	printf("records: %d\n", ring_buffer__consume(ring));
	rmdir("/tmp/observed");

	fd = open("/tmp/data", O_RDWR | O_CREAT, 0600);
	printf("write: %zd\n", write(fd, "data!", 5));
	lseek(fd, 2, SEEK_SET);
	printf("read: %zd\n", read(fd, data, 5));
	close(fd);
	printf("records: %d\n", ring_buffer__consume(ring));

	/* libbpf makes the directory in which it pins, if it can: more for the programs to see. */
	err = bpf_link__pin(observe->links.on_mkdir, "/sys/fs/bpf/mkdir");
	printf("pin: %d\n", err);
	bpf_link__destroy(observe->links.on_mkdir);
	observe->links.on_mkdir = NULL;
	printf("mkdir while pinned: %d\n", mkdir("/tmp/observed", 0711));
	rmdir("/tmp/observed");
	printf("records: %d\n", ring_buffer__consume(ring));
	unlink("/sys/fs/bpf/mkdir");
	printf("mkdir when unpinned: %d\n", mkdir("/tmp/observed", 0711));
	rmdir("/tmp/observed");
	printf("records: %d\n", ring_buffer__consume(ring));

	print_maps(observe);
	for (i = 1; i < 7; i++)
		printf("seen[%d]=%lu\n", i, observe->bss->seen[i]);
	printf("totals: %d %ld\n", observe->data->totals.first, observe->data->totals.second);
	printf("imaginary=%d field_size=%d greeting=%s\n", observe->data->imaginary, observe->data->field_size,
	       observe->rodata->greeting);
	link = bpf_program__attach_kprobe(observe->progs.on_create, false, "no_such_function");
	printf("attach to nothing: %s\n", link ? "attached" : strerror(errno));
	ring_buffer__free(ring);
	observe_bpf__destroy(observe);
	return 0;
}
