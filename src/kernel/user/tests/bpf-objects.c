// SPDX-License-Identifier: MIT
/*
 * Commands of bpf(2) on maps, programs and links as objects: batches, freezing and mapping, pinning, numbers, information,
 * and the ring buffer. Prints one line for each question; the lines are the same on Linux 6.1 (as root) and here.
 */
#include "../lib/bpf.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void show(const char *what, long result)
{
	if (result < 0)
		printf("%s: %d\n", what, -errno);
	else
		printf("%s: ok\n", what);
}

#define SHOW(call) show(#call, (long)(call))
#define BPF(cmd, ...) sys_bpf(cmd, &(union bpf_attr){ __VA_ARGS__ }, sizeof(union bpf_attr))
#define PTR(p) ((unsigned long)(p))
#define INSN(c, d, s, o, i) ((struct bpf_insn){ .code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i })
#define MOV_IMM(d, i) INSN(0xb7, d, 0, 0, i)
#define MOV_REG(d, s) INSN(0xbf, d, s, 0, 0)
#define CALL(f) INSN(0x85, 0, 0, 0, f)
#define EXIT INSN(0x95, 0, 0, 0, 0)
#define LD_MAP(d, fd) INSN(0x18, d, 1, 0, fd), INSN(0, 0, 0, 0, 0)

static int create(int type, int key, int value, int entries, int flags)
{
	return bpf_map_create(type, NULL, key, value, entries, flags);
}

static int load(int type, const struct bpf_insn *insns, int count)
{
	return BPF(BPF_PROG_LOAD, .prog_type = type, .insns = PTR(insns), .insn_cnt = count, .license = PTR("GPL"),
		   .prog_name = "asked");
}

#define LOAD(type, ...) load(type, (struct bpf_insn[]){ __VA_ARGS__ },					\
			     sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn))

static void print_file(const char *path, const char *without)
{
	char text[2048], *line;
	int fd = open(path, O_RDONLY), size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	if (size < 0)
		return;
	text[size] = '\0';
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strstr(line, "_id") && !strstr(line, "pos:") && !strstr(line, "flags:\t0") && !strstr(line, "mnt_") &&
		    !strstr(line, "ino:") && !strstr(line, "memlock") && !strstr(line, without))
			printf("  %s\n", line);
}

static void print_fdinfo(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	print_file(path, "run_time_ns");
}

static int batch(int cmd, int fd, void *in, void *out, void *keys, void *values, unsigned int *count, unsigned long elem_flags,
		 unsigned long flags)
{
	union bpf_attr attr = { .batch = { .map_fd = fd, .in_batch = PTR(in), .out_batch = PTR(out), .keys = PTR(keys),
					   .values = PTR(values), .count = *count, .elem_flags = elem_flags,
					   .flags = flags } };
	int ret = sys_bpf(cmd, &attr, sizeof(attr));

	*count = attr.batch.count;
	return ret;
}

static void batches(void)
{
	int types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_HASH,
			BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_STACK_TRACE, BPF_MAP_TYPE_RINGBUF }, t;
	unsigned int keys[8] = { 0, 1, 2, 3 }, next, place, count;
	unsigned long long values[8] = { 10, 11, 12, 13 };

	for (t = 0; t < 8; t++) {
		int type = types[t], ring = type == BPF_MAP_TYPE_RINGBUF, ok;
		int fd = create(type, type == BPF_MAP_TYPE_QUEUE || ring ? 0 : 4,
				ring ? 0 : type == BPF_MAP_TYPE_PROG_ARRAY ? 4 : 8, ring ? 4096 : 4,
				type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ? BPF_F_ZERO_SEED : 0);

		printf("== batches of map type %d\n", type);
		show("create", fd);
#define BATCH(cmd, in, count_in, eflags, flags) do {							\
		count = count_in;									\
		ok = batch(cmd, fd, in, &next, keys, values, &count, eflags, flags);			\
		show(#cmd " " #in " " #count_in " " #eflags " " #flags, ok); printf("  count %u\n", count);	\
	} while (0)
		BATCH(BPF_MAP_UPDATE_BATCH, NULL, 4, 0, 0);
		BATCH(BPF_MAP_UPDATE_BATCH, NULL, 4, BPF_NOEXIST, 0);
		BATCH(BPF_MAP_UPDATE_BATCH, NULL, 4, 0, 1);
		BATCH(BPF_MAP_UPDATE_BATCH, NULL, 0, 0, 0);
		BATCH(BPF_MAP_LOOKUP_BATCH, NULL, 0, 0, 0);
		BATCH(BPF_MAP_LOOKUP_BATCH, NULL, 4, 0, 1);
		BATCH(BPF_MAP_LOOKUP_BATCH, NULL, 4, BPF_F_LOCK, 0);
		BATCH(BPF_MAP_LOOKUP_BATCH, NULL, 5, 0, 0);
		BATCH(BPF_MAP_LOOKUP_BATCH, NULL, 4, 0, 0);
		place = 2;
		BATCH(BPF_MAP_LOOKUP_BATCH, &place, 4, 0, 0);
		place = 77;
		BATCH(BPF_MAP_LOOKUP_BATCH, &place, 4, 0, 0);
		keys[0] = 0, keys[1] = 9;
		BATCH(BPF_MAP_DELETE_BATCH, NULL, 2, 0, 0);
		BATCH(BPF_MAP_LOOKUP_AND_DELETE_BATCH, NULL, 8, 0, 0);
		BATCH(BPF_MAP_LOOKUP_AND_DELETE_BATCH, NULL, 8, 0, 0);
		keys[0] = 0, keys[1] = 1, keys[2] = 2, keys[3] = 3;
		close(fd);
	}
	count = 1;
	SHOW(batch(BPF_MAP_LOOKUP_BATCH, 99, NULL, &next, keys, values, &count, 0, 0));
	SHOW(batch(BPF_MAP_LOOKUP_BATCH, 0, NULL, &next, keys, values, &count, 0, 0));
}

static void order(void)
{
	int fd = create(BPF_MAP_TYPE_HASH, 4, 8, 16, BPF_F_ZERO_SEED), i;
	int wide = create(BPF_MAP_TYPE_HASH, 20, 8, 16, BPF_F_ZERO_SEED);
	unsigned int key, *at = NULL, wide_key[5];
	unsigned long long value = 1;
	void *wide_at = NULL;

	for (i = 0; i < 12; i++) {
		key = i * 7;
		bpf_map_update_elem(fd, &key, &value, 0);
		memset(wide_key, i, sizeof(wide_key));
		bpf_map_update_elem(wide, wide_key, &value, 0);
	}
	printf("order:");
	while (!bpf_map_get_next_key(fd, at, &key)) {
		printf(" %u", key);
		at = &key;
	}
	printf("\norder of wide keys:");
	while (!bpf_map_get_next_key(wide, wide_at, wide_key)) {
		printf(" %u", wide_key[0] & 255);
		wide_at = wide_key;
	}
	printf("\n");
	close(fd);
	close(wide);
}

static void *map_it(int fd, int pages, int prot, int flags, int first)
{
	void *at = mmap(NULL, pages * 4096, prot, flags, fd, first * 4096);

	return at == MAP_FAILED ? NULL : at;
}

static void show_map(const char *what, void *at)
{
	show(what, at ? 0 : -1);
	if (at)
		munmap(at, 4096);
}

#define SHOW_MAP(...) show_map(#__VA_ARGS__, map_it(__VA_ARGS__))

static void mappings(void)
{
	int plain = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), fd = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1000, BPF_F_MMAPABLE);
	int rd = create(BPF_MAP_TYPE_ARRAY, 4, 8, 10, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG);
	int ro = create(BPF_MAP_TYPE_ARRAY, 4, 8, 10, BPF_F_MMAPABLE | BPF_F_RDONLY);
	unsigned long long value = 5, *at;
	unsigned int key = 600;

	printf("== mapping and freezing\n");
	SHOW(create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, BPF_F_MMAPABLE));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_INNER_MAP));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_PRESERVE_ELEMS));
	SHOW_MAP(plain, 1, PROT_READ, MAP_SHARED, 0);
	SHOW_MAP(create(BPF_MAP_TYPE_HASH, 4, 8, 1, 0), 1, PROT_READ, MAP_SHARED, 0);
	SHOW_MAP(fd, 1, PROT_READ, MAP_PRIVATE, 0);
	SHOW_MAP(fd, 3, PROT_READ, MAP_SHARED, 0);
	SHOW_MAP(fd, 1, PROT_READ, MAP_SHARED, 2);
	SHOW_MAP(fd, 1, PROT_READ, MAP_SHARED, 1);
	SHOW_MAP(rd, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	SHOW_MAP(rd, 1, PROT_READ, MAP_SHARED, 0);
	SHOW_MAP(ro, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	SHOW_MAP(ro, 1, PROT_READ, MAP_SHARED, 0);
	at = map_it(fd, 2, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	bpf_map_update_elem(fd, &key, &value, 0);
	printf("mapped value %llu\n", at[600]);
	at[600] = 6;
	bpf_map_lookup_elem(fd, &key, &value);
	printf("looked up %llu\n", value);
	SHOW(BPF(BPF_MAP_FREEZE, .map_fd = fd));
	munmap(at, 8192);
	at = map_it(fd, 2, PROT_READ, MAP_SHARED, 0);
	SHOW(BPF(BPF_MAP_FREEZE, .map_fd = fd));
	SHOW(BPF(BPF_MAP_FREEZE, .map_fd = fd));
	SHOW(mprotect(at, 4096, PROT_READ | PROT_WRITE));
	SHOW(mprotect(at, 4096, PROT_READ | PROT_EXEC));
	SHOW(bpf_map_update_elem(fd, &key, &value, 0));
	SHOW(bpf_map_delete_elem(fd, &key));
	SHOW(bpf_map_lookup_elem(fd, &key, &value));
	SHOW_MAP(fd, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	SHOW(BPF(BPF_MAP_FREEZE, .map_fd = fd, .key = 1));
	SHOW(BPF(BPF_MAP_FREEZE, .map_fd = 99));
	print_fdinfo(fd);
	SHOW(read(fd, &value, 8));
	SHOW(write(fd, &value, 8));
	close(plain), close(fd), close(rd), close(ro);
}

static void pinning(void)
{
	int map = create(BPF_MAP_TYPE_HASH, 4, 8, 3, 0), prog = LOAD(BPF_PROG_TYPE_SOCKET_FILTER, MOV_IMM(0, 0), EXIT), got;
	unsigned int key = 1;
	unsigned long long value = 8;
	struct stat st;

	printf("== pinning\n");
	mkdir("/tmp/bpf", 0755);
	SHOW(mount("bpf", "/tmp/bpf", "bpf", 0, NULL));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/elsewhere"), .bpf_fd = map));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/map"), .bpf_fd = map));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/map"), .bpf_fd = map));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/none/map"), .bpf_fd = map));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/a.b"), .bpf_fd = map));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = 1, .bpf_fd = map));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/x"), .bpf_fd = 99));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/x"), .bpf_fd = 0));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/x"), .bpf_fd = map, .file_flags = BPF_F_RDONLY));
	SHOW(mkdir("/tmp/bpf/dir", 0700));
	SHOW(mkdir("/tmp/bpf/d.ir", 0700));
	SHOW(BPF(BPF_OBJ_PIN, .pathname = PTR("/tmp/bpf/dir/prog"), .bpf_fd = prog));
	SHOW(symlink("dir/prog", "/tmp/bpf/link"));
	SHOW(open("/tmp/bpf/map", O_RDONLY));
	SHOW(open("/tmp/bpf/dir/prog", O_RDONLY));
	SHOW(open("/tmp/bpf/new", O_RDWR | O_CREAT, 0600));
	stat("/tmp/bpf/map", &st);
	printf("mode %o size %ld\n", st.st_mode, (long)st.st_size);
	stat("/tmp/bpf", &st);
	printf("mode %o\n", st.st_mode);
	bpf_map_update_elem(map, &key, &value, 0);
	close(map);
	close(prog);
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/none")));
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/dir")));
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp")));
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/map"), .bpf_fd = 1));
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/map"), .file_flags = BPF_F_RDONLY | BPF_F_WRONLY));
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/map"), .file_flags = BPF_F_MMAPABLE));
	SHOW(BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/link")));
	got = BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/map"), .file_flags = BPF_F_RDONLY);
	SHOW(bpf_map_lookup_elem(got, &key, &value));
	SHOW(bpf_map_update_elem(got, &key, &value, 0));
	printf("value %llu\n", value);
	got = BPF(BPF_OBJ_GET, .pathname = PTR("/tmp/bpf/map"), .file_flags = BPF_F_WRONLY);
	SHOW(bpf_map_lookup_elem(got, &key, &value));
	SHOW(bpf_map_update_elem(got, &key, &value, 0));
	SHOW(rename("/tmp/bpf/map", "/tmp/bpf/dir/map2"));
	SHOW(unlink("/tmp/bpf/dir/map2"));
	SHOW(rmdir("/tmp/bpf/dir"));
	SHOW(unlink("/tmp/bpf/dir/prog"));
	SHOW(rmdir("/tmp/bpf/dir"));
	SHOW(umount("/tmp/bpf"));
}

static void ids(void)
{
	int map = create(BPF_MAP_TYPE_HASH, 4, 8, 3, 0), prog = LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT, MOV_IMM(0, 0), EXIT), link;
	struct bpf_link_info link_info = { };
	struct bpf_prog_info prog_info = { };
	struct bpf_map_info map_info = { };
	char name[32];
	union bpf_attr attr = { .info = { .bpf_fd = map, .info_len = sizeof(map_info), .info = PTR(&map_info) } };

	printf("== numbers and information\n");
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
	printf("type %u key %u value %u entries %u flags %x len %u\n", map_info.type, map_info.key_size, map_info.value_size,
	       map_info.max_entries, map_info.map_flags, attr.info.info_len == sizeof(map_info));
	SHOW(BPF(BPF_OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = 0, .info_len = 8, .info = PTR(&map_info) }));
	SHOW(BPF(BPF_OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = 99, .info_len = 8, .info = PTR(&map_info) }));
	SHOW(BPF(BPF_OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = map, .info_len = 8, .info = 1 }));
	SHOW(BPF(BPF_OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = map, .info_len = 5000, .info = PTR(&map_info) }));
	SHOW(BPF(BPF_MAP_GET_NEXT_ID, .start_id = map_info.id));
	SHOW(BPF(BPF_MAP_GET_NEXT_ID, .start_id = map_info.id - 1));
	SHOW(BPF(BPF_MAP_GET_NEXT_ID, .start_id = 0x7fffffff));
	SHOW(BPF(BPF_MAP_GET_NEXT_ID, .start_id = 0, .open_flags = 1));
	SHOW(BPF(BPF_MAP_GET_FD_BY_ID, .map_id = map_info.id));
	SHOW(BPF(BPF_MAP_GET_FD_BY_ID, .map_id = map_info.id, .open_flags = BPF_F_RDONLY));
	SHOW(BPF(BPF_MAP_GET_FD_BY_ID, .map_id = map_info.id, .open_flags = 1));
	SHOW(BPF(BPF_MAP_GET_FD_BY_ID, .map_id = map_info.id, .open_flags = BPF_F_RDONLY | BPF_F_WRONLY));
	SHOW(BPF(BPF_MAP_GET_FD_BY_ID, .map_id = 123456));
	SHOW(BPF(BPF_PROG_GET_FD_BY_ID, .prog_id = 123456));
	SHOW(BPF(BPF_LINK_GET_FD_BY_ID, .link_id = 123456));
	SHOW(BPF(BPF_LINK_GET_NEXT_ID, .start_id = 0));
	SHOW(BPF(BPF_BTF_GET_FD_BY_ID, .btf_id = 123456));
	SHOW(BPF(BPF_OBJ_GET_INFO_BY_FD, .info = { .bpf_fd = prog, .info_len = sizeof(prog_info), .info = PTR(&prog_info) }));
	printf("type %u name %s jited %u xlated %u gpl %u maps %u\n", prog_info.type, prog_info.name,
	       prog_info.jited_prog_len != 0, prog_info.xlated_prog_len, prog_info.gpl_compatible, prog_info.nr_map_ids);
	printf("functions %u lines %u lengths %u verified %u btf %u\n", prog_info.nr_jited_ksyms, prog_info.nr_line_info,
	       prog_info.nr_jited_func_lens, prog_info.verified_insns, prog_info.btf_id);
	print_fdinfo(prog);
	SHOW(link = BPF(BPF_RAW_TRACEPOINT_OPEN, .raw_tracepoint = { .prog_fd = prog, .name = PTR("sched_switch") }));
	SHOW(BPF(BPF_RAW_TRACEPOINT_OPEN, .raw_tracepoint = { .prog_fd = prog, .name = PTR("no_such") }));
	SHOW(BPF(BPF_RAW_TRACEPOINT_OPEN, .raw_tracepoint = { .prog_fd = prog }));
	SHOW(BPF(BPF_RAW_TRACEPOINT_OPEN, .raw_tracepoint = { .prog_fd = 99 }));
	print_fdinfo(link);
	link_info.raw_tracepoint.tp_name = PTR(name);
	link_info.raw_tracepoint.tp_name_len = 6;
	attr = (union bpf_attr){ .info = { .bpf_fd = link, .info_len = sizeof(link_info), .info = PTR(&link_info) } };
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
	printf("name %s\n", name);
	link_info.raw_tracepoint.tp_name_len = sizeof(name);
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
	printf("type %u prog %u name %s length %u\n", link_info.type, link_info.prog_id == prog_info.id, name,
	       link_info.raw_tracepoint.tp_name_len);
	SHOW(BPF(BPF_LINK_GET_FD_BY_ID, .link_id = link_info.id));
	SHOW(BPF(BPF_LINK_UPDATE, .link_update = { .link_fd = link, .new_prog_fd = prog }));
	SHOW(BPF(BPF_LINK_UPDATE, .link_update = { .link_fd = link, .new_prog_fd = 99 }));
	SHOW(BPF(BPF_LINK_UPDATE, .link_update = { .link_fd = link, .new_prog_fd = prog, .flags = 1 }));
	SHOW(BPF(BPF_LINK_DETACH, .link_detach = { .link_fd = link }));
	SHOW(BPF(BPF_LINK_DETACH, .link_detach = { .link_fd = prog }));
	SHOW(BPF(BPF_ITER_CREATE, .iter_create = { .link_fd = link }));
	SHOW(BPF(BPF_ITER_CREATE, .iter_create = { .link_fd = link, .flags = 1 }));
	SHOW(BPF(BPF_PROG_BIND_MAP, .prog_bind_map = { .prog_fd = prog, .map_fd = map }));
	SHOW(BPF(BPF_PROG_BIND_MAP, .prog_bind_map = { .prog_fd = prog, .map_fd = map }));
	SHOW(BPF(BPF_PROG_BIND_MAP, .prog_bind_map = { .prog_fd = prog, .map_fd = map, .flags = 1 }));
	SHOW(BPF(BPF_PROG_BIND_MAP, .prog_bind_map = { .prog_fd = map, .map_fd = map }));
	SHOW(BPF(BPF_ENABLE_STATS, .enable_stats = { .type = 1 }));
	SHOW(BPF(BPF_ENABLE_STATS, .enable_stats = { .type = 0 }));
	memset(name, 'x', sizeof(name));
	attr = (union bpf_attr){ .task_fd_query = { .pid = getpid(), .fd = link, .buf_len = 5, .buf = PTR(name) } };
	SHOW(sys_bpf(BPF_TASK_FD_QUERY, &attr, sizeof(attr)));
	printf("%s %u %u %llu %llu\n", name, attr.task_fd_query.buf_len, attr.task_fd_query.fd_type,
	       (unsigned long long)attr.task_fd_query.probe_offset, (unsigned long long)attr.task_fd_query.probe_addr);
	SHOW(BPF(BPF_TASK_FD_QUERY, .task_fd_query = { .pid = getpid(), .fd = map }));
	SHOW(BPF(BPF_TASK_FD_QUERY, .task_fd_query = { .pid = getpid(), .fd = 99 }));
	SHOW(BPF(BPF_TASK_FD_QUERY, .task_fd_query = { .pid = 99999, .fd = link }));
	SHOW(BPF(BPF_TASK_FD_QUERY, .task_fd_query = { .pid = getpid(), .fd = link, .flags = 1 }));
}

/* Stores a number in a record and submits or discards it; or sends it by output; then asks the buffer. */
static void ring_buffer(void)
{
	int fd = create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0), prog, i;
	volatile unsigned long *consumer, *producer;
	volatile unsigned int *data;
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	unsigned long long value = 0;

	printf("== ring buffer\n");
	SHOW(create(BPF_MAP_TYPE_RINGBUF, 4, 0, 4096, 0));
	SHOW(create(BPF_MAP_TYPE_RINGBUF, 0, 8, 4096, 0));
	SHOW(create(BPF_MAP_TYPE_RINGBUF, 0, 0, 0, 0));
	SHOW(create(BPF_MAP_TYPE_RINGBUF, 0, 0, 2048, 0));
	SHOW(create(BPF_MAP_TYPE_RINGBUF, 0, 0, 12288, 0));
	SHOW(create(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, BPF_F_MMAPABLE));
	SHOW(bpf_map_lookup_elem(fd, NULL, &value));
	SHOW(bpf_map_update_elem(fd, NULL, &value, 0));
	SHOW(bpf_map_delete_elem(fd, NULL));
	SHOW(bpf_map_get_next_key(fd, NULL, &value));
	SHOW_MAP(fd, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 1);
	SHOW_MAP(fd, 2, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	SHOW_MAP(fd, 4, PROT_READ, MAP_SHARED, 0);
	SHOW_MAP(fd, 5, PROT_READ, MAP_SHARED, 0);
	SHOW_MAP(fd, 1, PROT_READ, MAP_SHARED, 4);
	SHOW_MAP(fd, 1, PROT_READ, MAP_PRIVATE, 0);
	consumer = map_it(fd, 1, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	producer = map_it(fd, 3, PROT_READ, MAP_SHARED, 1);
	data = (volatile void *)((char *)producer + 4096);
	prog = LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT,
		    LD_MAP(1, fd), MOV_IMM(2, 12), MOV_IMM(3, 0), CALL(BPF_FUNC_ringbuf_reserve),
		    INSN(0x15, 0, 0, 3, 0), INSN(0x62, 0, 0, 0, 77), MOV_REG(1, 0), MOV_IMM(2, 0), CALL(BPF_FUNC_ringbuf_submit),
		    LD_MAP(1, fd), MOV_IMM(2, 20), MOV_IMM(3, 0), CALL(BPF_FUNC_ringbuf_reserve),
		    INSN(0x15, 0, 0, 3, 0), MOV_REG(1, 0), MOV_IMM(2, 0), CALL(BPF_FUNC_ringbuf_discard),
		    INSN(0x7a, 10, 0, -8, 99), LD_MAP(1, fd), MOV_REG(2, 10), INSN(0x07, 2, 0, 0, -8), MOV_IMM(3, 8),
		    MOV_IMM(4, 0), CALL(BPF_FUNC_ringbuf_output), MOV_REG(6, 0),
		    LD_MAP(1, fd), MOV_IMM(2, BPF_RB_AVAIL_DATA), CALL(BPF_FUNC_ringbuf_query),
		    INSN(0x67, 0, 0, 0, 8), INSN(0x0f, 0, 6, 0, 0), EXIT);
	show("load", prog);
	printf("poll %d\n", poll(&waiting, 1, 0));
	for (i = 0; i < 3; i++) {
		union bpf_attr attr = { .test = { .prog_fd = prog } };

		show("run", sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)));
		printf("retval %x consumer %lu producer %lu poll %d\n", attr.test.retval, *consumer, *producer,
		       poll(&waiting, 1, 0));
	}
	printf("revents %x\n", waiting.revents);
	for (i = 0; i < 24; i++)
		printf("%x%c", data[i], i % 8 == 7 ? '\n' : ' ');
	printf("behind itself %d\n", data[1024] == data[0] && data[1026] == 77);
	*consumer = *producer;
	for (i = 0; i < 100; i++) {
		union bpf_attr attr = { .test = { .prog_fd = prog } };

		sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
		if (i >= 55 && i < 62)
			printf("%d: %x at %lu\n", i, attr.test.retval, *producer);
	}
	*consumer = 12345678;
	printf("poll %d\n", poll(&waiting, 1, 0));
	print_fdinfo(fd);
}

static int create_of_maps(int type, int value, int flags, int inner)
{
	return BPF(BPF_MAP_CREATE, .map_type = type, .key_size = 4, .value_size = value, .max_entries = 3, .map_flags = flags,
		   .inner_map_fd = inner);
}

/* Looks up maps[0], then inner[1], and returns what is there. */
static int load_nested(int outer)
{
	return LOAD(BPF_PROG_TYPE_RAW_TRACEPOINT, INSN(0x62, 10, 0, -4, 0), MOV_REG(2, 10), INSN(0x07, 2, 0, 0, -4),
		    LD_MAP(1, outer), CALL(BPF_FUNC_map_lookup_elem), INSN(0x15, 0, 0, 7, 0), MOV_REG(1, 0),
		    INSN(0x62, 10, 0, -4, 1), MOV_REG(2, 10), INSN(0x07, 2, 0, 0, -4), CALL(BPF_FUNC_map_lookup_elem),
		    INSN(0x15, 0, 0, 1, 0), INSN(0x79, 0, 0, 0, 0), EXIT);
}

static void maps_of_maps(void)
{
	int types[] = { BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS }, t;
	int array = create(BPF_MAP_TYPE_ARRAY, 4, 8, 2, 0), other = create(BPF_MAP_TYPE_ARRAY, 4, 8, 3, 0);
	int open_ended = create(BPF_MAP_TYPE_ARRAY, 4, 8, 2, BPF_F_INNER_MAP);
	int open_ended_3 = create(BPF_MAP_TYPE_ARRAY, 4, 8, 3, BPF_F_INNER_MAP);
	int hash = create(BPF_MAP_TYPE_HASH, 4, 8, 2, 0), hash_3 = create(BPF_MAP_TYPE_HASH, 4, 8, 3, 0);
	int progs = create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0), kinds[] = { array, open_ended, hash }, k;
	unsigned int key = 1, next, id = 0;
	unsigned long long value = 1234;

	for (k = 0; k < 3; k++)
		bpf_map_update_elem(kinds[k], &key, &value, 0);
	bpf_map_update_elem(other, &key, &value, 0);
	for (t = 0; t < 2; t++) {
		int type = types[t], fd, nested;

		printf("== maps of maps, type %d\n", type);
		SHOW(create_of_maps(type, 4, 0, 99));
		SHOW(create_of_maps(type, 4, 0, 0));
		SHOW(create_of_maps(type, 8, 0, array));
		SHOW(create_of_maps(type, 4, 0, progs));
		SHOW(create_of_maps(type, 4, BPF_F_RDONLY_PROG, array));
		SHOW(create_of_maps(type, 4, BPF_F_MMAPABLE, array));
		SHOW(create_of_maps(type, 4, BPF_F_NO_PREALLOC, array));
		SHOW(create_of_maps(type, 4, BPF_F_INNER_MAP, array));
		SHOW(fd = create_of_maps(type, 4, 0, array));
		SHOW(create_of_maps(type, 4, 0, fd));
		key = 0;
		SHOW(bpf_map_lookup_elem(fd, &key, &id));
		SHOW(bpf_map_update_elem(fd, &key, &array, BPF_EXIST));
		SHOW(bpf_map_update_elem(fd, &key, &array, BPF_NOEXIST));
		SHOW(bpf_map_update_elem(fd, &key, &other, 0));
		SHOW(bpf_map_update_elem(fd, &key, &open_ended, 0));
		SHOW(bpf_map_update_elem(fd, &key, &hash, 0));
		SHOW(bpf_map_update_elem(fd, &key, &fd, 0));
		SHOW(bpf_map_update_elem(fd, &key, &array, 0));
		SHOW(bpf_map_lookup_elem(fd, &key, &id));
		SHOW(BPF(BPF_MAP_LOOKUP_AND_DELETE_ELEM, .map_fd = fd, .key = PTR(&key), .value = PTR(&id)));
		SHOW(bpf_map_get_next_key(fd, NULL, &next));
		for (k = 0; k < 3; k++) {
			nested = create_of_maps(type, 4, 0, kinds[k]);
			key = 0;
			bpf_map_update_elem(nested, &key, &kinds[k], 0);
			union bpf_attr attr = { .test = { .prog_fd = load_nested(nested) } };
			show("nested", sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)));
			printf("retval %u\n", attr.test.retval);
			show("longer open-ended", bpf_map_update_elem(nested, &key, &open_ended_3, 0));
			show("longer hash", bpf_map_update_elem(nested, &key, &hash_3, 0));
		}
		key = 0;
		SHOW(bpf_map_delete_elem(fd, &key));
		SHOW(bpf_map_delete_elem(fd, &key));
		close(fd);
	}
}

/* Every type with the sizes of an array, a descriptor array, a queue, and with every flag. */
static void all_types(void)
{
	int type, bit;

	printf("== every type\n");
	for (type = 0; type < 13; type++) {
		if (type == BPF_MAP_TYPE_CGROUP_ARRAY || type == BPF_MAP_TYPE_LPM_TRIE)
			continue;
		printf("%d:", type);
		errno = 0, create(type, 4, 8, 4, 0), printf(" %d", errno);
		errno = 0, create(type, 4, 4, 4, 0), printf(" %d", errno);
		errno = 0, create(type, 8, 4, 4, 0), printf(" %d", errno);
		errno = 0, create(type, 0, 4, 4, 0), printf(" %d", errno);
		errno = 0, create(type, 4, 8, 0, 0), printf(" %d", errno);
		errno = 0, create(type, 4, 2000, 4, 0), printf(" %d", errno);
		errno = 0, create(type, 600, 8, 4, 0), printf(" %d", errno);
		errno = 0, create(type, 4, 40000, 1, 0), printf(" %d", errno);
		printf(" /");
		for (bit = 0; bit < 16; bit++) {
			int value = type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_PERF_EVENT_ARRAY ? 4 : 8;

			errno = 0, create(type, 4, value, 4, 1 << bit), printf(" %d", errno);
		}
		printf("\n");
	}
	for (type = 22; type < 24; type++)
		for (bit = 0; bit < 16; bit++)
			errno = 0, create(type, 0, 8, 4, 1 << bit), printf(" %d%s", errno, bit == 15 ? "\n" : "");
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .map_extra = 1));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .btf_fd = 99));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .btf_key_type_id = 1));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .btf_key_type_id = 1,
		 .btf_value_type_id = 1, .btf_fd = 99));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1,
		 .btf_vmlinux_value_type_id = 1));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .map_ifindex = 1));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1,
		 .map_flags = BPF_F_NUMA_NODE, .numa_node = 5));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 4, .max_entries = 1, .map_name = "a-b"));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 2, .key_size = 4, .value_size = 0x7fffffff, .max_entries = 0x7fffffff));
	SHOW(BPF(BPF_MAP_CREATE, .map_type = 1, .key_size = 4, .value_size = 8, .max_entries = 0xffffffff));
}

int main(void)
{
	maps_of_maps();
	all_types();
	batches();
	order();
	mappings();
	pinning();
	ids();
	ring_buffer();
	return 0;
}
