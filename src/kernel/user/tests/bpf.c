// SPDX-License-Identifier: MIT
/*
 * bpf(2) from user space: maps of every kind and the errors of their commands, program loading and its attribute checks. Prints one line
 * for each question; the lines are the same on Linux (as root) and here.
 */
#include "../lib/bpf.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(const char *what, int result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: ok\n", what);
}

#define SHOW(call) show(#call, call)

static int create(int type, int key, int value, int entries, int flags)
{
	return bpf_map_create(type, NULL, key, value, entries, flags);
}

static void array_maps(void)
{
	int type, types[] = { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY };
	unsigned long long values[64], value = 7;
	unsigned int key, next;
	char name[32];

	SHOW(create(BPF_MAP_TYPE_ARRAY, 8, 8, 1, 0));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 0, 1, 0));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 8, 0, 0));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_NO_PREALLOC));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY | BPF_F_WRONLY));
	SHOW(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG));
	SHOW(create(9999, 4, 8, 1, 0));
	for (type = 0; type < 2; type++) {
		int fd = create(types[type], 4, 8, 3, 0);

		snprintf(name, sizeof(name), "array %d", types[type]);
		printf("== %s\n", name);
		key = 3;
		SHOW(bpf_map_lookup_elem(fd, &key, values));
		memset(values, 0, sizeof(values));
		values[0] = value;
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_ANY));
		key = 1;
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_NOEXIST));
		SHOW(bpf_map_update_elem(fd, &key, values, 3));
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_F_LOCK));
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_EXIST));
		SHOW(bpf_map_delete_elem(fd, &key));
		SHOW(bpf_map_lookup_elem(fd, &key, values));
		printf("value %llu\n", values[0]);
		SHOW(bpf_map_lookup_elem(fd, NULL, values));
		SHOW(bpf_map_lookup_elem(fd, &key, NULL));
		SHOW(bpf_map_get_next_key(fd, NULL, &next));
		printf("next %u\n", next);
		for (key = 0; !bpf_map_get_next_key(fd, &key, &next); key = next)
			printf("next %u\n", next);
		key = 77;
		SHOW(bpf_map_get_next_key(fd, &key, &next));
		printf("next %u\n", next);
		close(fd);
	}
}

static void hash_maps(void)
{
	int types[] = { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_HASH }, type;
	unsigned long long values[64] = { 0 };
	unsigned int key, next, seen;

	SHOW(create(BPF_MAP_TYPE_HASH, 0, 8, 1, 0));
	SHOW(create(BPF_MAP_TYPE_HASH, 4, 0, 1, 0));
	SHOW(create(BPF_MAP_TYPE_HASH, 4, 8, 0, 0));
	SHOW(create(BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_NO_COMMON_LRU));
	SHOW(create(BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_MMAPABLE));
	SHOW(create(BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_NO_PREALLOC));
	SHOW(create(BPF_MAP_TYPE_LRU_HASH, 4, 8, 1, BPF_F_NO_PREALLOC));
	SHOW(create(BPF_MAP_TYPE_HASH, 4, 8 << 20, 1, 0));
	for (type = 0; type < 3; type++) {
		int fd = create(types[type], 4, 8, 4, 0);

		printf("== hash %d\n", types[type]);
		key = 1;
		SHOW(bpf_map_lookup_elem(fd, &key, values));
		SHOW(bpf_map_delete_elem(fd, &key));
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_EXIST));
		SHOW(bpf_map_get_next_key(fd, NULL, &next));
		for (key = 1; key <= 4; key++) {
			values[0] = key * 10;
			SHOW(bpf_map_update_elem(fd, &key, values, BPF_NOEXIST));
		}
		key = 2;
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_NOEXIST));
		SHOW(bpf_map_update_elem(fd, &key, values, 3));
		values[0] = 99;
		SHOW(bpf_map_update_elem(fd, &key, values, BPF_EXIST));
		SHOW(bpf_map_lookup_elem(fd, &key, values));
		printf("value %llu\n", values[0]);
		if (types[type] != BPF_MAP_TYPE_LRU_HASH) {
			key = 5;
			SHOW(bpf_map_update_elem(fd, &key, values, BPF_ANY));
			seen = 0;
			if (!bpf_map_get_next_key(fd, NULL, &next)) {
				do {
					seen |= 1u << next;
					key = next;
				} while (!bpf_map_get_next_key(fd, &key, &next));
			}
			printf("keys %#x, then %s\n", seen, strerror(errno));
		}
		key = 3;
		SHOW(bpf_map_delete_elem(fd, &key));
		SHOW(bpf_map_lookup_elem(fd, &key, values));
		SHOW(bpf_map_delete_elem(fd, &key));
		close(fd);
	}
}

static int pop(int fd, void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.value = (unsigned long)value;
	return sys_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr, sizeof(attr));
}

static void queues_and_stacks(void)
{
	int types[] = { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK }, type, i;

	SHOW(create(BPF_MAP_TYPE_QUEUE, 4, 4, 1, 0));
	for (type = 0; type < 2; type++) {
		int fd = create(types[type], 0, 4, 3, 0), value;

		printf("== %s\n", type ? "stack" : "queue");
		SHOW(pop(fd, &value));
		for (i = 1; i <= 4; i++)
			SHOW(bpf_map_update_elem(fd, NULL, &i, BPF_ANY));
		i = 5;
		SHOW(bpf_map_update_elem(fd, NULL, &i, BPF_EXIST));
		SHOW(bpf_map_update_elem(fd, NULL, &i, BPF_NOEXIST));
		SHOW(bpf_map_lookup_elem(fd, NULL, &value));
		SHOW(bpf_map_lookup_elem(fd, &i, &value));
		SHOW(bpf_map_delete_elem(fd, NULL));
		while (!pop(fd, &value))
			printf("popped %d\n", value);
		close(fd);
	}
}

static int freeze(int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	return sys_bpf(BPF_MAP_FREEZE, &attr, sizeof(attr));
}

static void access_rights(void)
{
	int key = 0, value = 1, fd;

	printf("== access\n");
	fd = create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_RDONLY);
	SHOW(bpf_map_update_elem(fd, &key, &value, 0));
	SHOW(bpf_map_lookup_elem(fd, &key, &value));
	close(fd);
	fd = create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, BPF_F_WRONLY);
	SHOW(bpf_map_update_elem(fd, &key, &value, 0));
	SHOW(bpf_map_lookup_elem(fd, &key, &value));
	SHOW(bpf_map_get_next_key(fd, NULL, &key));
	close(fd);
	fd = create(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);
	SHOW(freeze(fd));
	SHOW(bpf_map_update_elem(fd, &key, &value, 0));
	SHOW(bpf_map_lookup_elem(fd, &key, &value));
	close(fd);
	SHOW(bpf_map_lookup_elem(fd, &key, &value));
	SHOW(bpf_map_lookup_elem(1, &key, &value));
	SHOW(freeze(-1));
}

/* r0 = @result; exit, with @change applied to the attributes. */
static int load(int type, const char *license, void (*change)(union bpf_attr *attr))
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = 2;
	attr.license = (unsigned long)license;
	if (change)
		change(&attr);
	return sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static char log_buffer[4096];

static void no_insns(union bpf_attr *attr) { attr->insns = 0; }
static void zero_insns(union bpf_attr *attr) { attr->insn_cnt = 0; }
static void bad_name(union bpf_attr *attr) { strcpy(attr->prog_name, "a b"); }
static void long_name(union bpf_attr *attr) { memset(attr->prog_name, 'a', 16); }
static void good_name(union bpf_attr *attr) { strcpy(attr->prog_name, "a.b_1"); }
static void bad_flags(union bpf_attr *attr) { attr->prog_flags = 0x80000000; }
static void small_log(union bpf_attr *attr)
{
	attr->log_level = 2;
	attr->log_buf = (unsigned long)log_buffer;
	attr->log_size = 130;
}
static void log_without_level(union bpf_attr *attr)
{
	attr->log_buf = (unsigned long)log_buffer;
	attr->log_size = sizeof(log_buffer);
}
static void with_log(union bpf_attr *attr)
{
	attr->log_level = 1;
	attr->log_buf = (unsigned long)log_buffer;
	attr->log_size = sizeof(log_buffer);
}

static void programs(void)
{
	union bpf_attr attr;
	char big[256];
	int fd, array, key = 0;

	printf("== programs\n");
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", NULL));
	SHOW(load(BPF_PROG_TYPE_UNSPEC, "GPL", NULL));
	SHOW(load(255, "GPL", NULL));
	SHOW(load(BPF_PROG_TYPE_KPROBE, NULL, NULL));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", no_insns));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", zero_insns));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", bad_name));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", long_name));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", good_name));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", bad_flags));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", small_log));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", log_without_level));
	SHOW(load(BPF_PROG_TYPE_KPROBE, "GPL", with_log));
	printf("log: %s", log_buffer);
	SHOW(load(BPF_PROG_TYPE_TRACEPOINT, "GPL", NULL));
	SHOW(load(BPF_PROG_TYPE_RAW_TRACEPOINT, "GPL", NULL));
	SHOW(load(BPF_PROG_TYPE_PERF_EVENT, "GPL", NULL));

	memset(&attr, 0, sizeof(attr));
	memset(big, 0, sizeof(big));
	SHOW(sys_bpf(9999, &attr, sizeof(attr)));
	SHOW(sys_bpf(BPF_PROG_LOAD, NULL, 48));
	SHOW(sys_bpf(BPF_MAP_CREATE, (void *)big, 5000));
	big[255] = 1;
	SHOW(sys_bpf(BPF_MAP_CREATE, (void *)big, 256));
	big[255] = 0;
	SHOW(sys_bpf(BPF_MAP_CREATE, (void *)big, 256));

	printf("== tail call arrays\n");
	array = create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0);
	SHOW(create(BPF_MAP_TYPE_PROG_ARRAY, 4, 8, 2, 0));
	fd = load(BPF_PROG_TYPE_KPROBE, "GPL", NULL);
	SHOW(bpf_map_lookup_elem(array, &key, &fd));
	SHOW(bpf_map_delete_elem(array, &key));
	fd = load(BPF_PROG_TYPE_KPROBE, "GPL", NULL);
	SHOW(bpf_map_update_elem(array, &key, &fd, BPF_ANY));
	SHOW(bpf_map_update_elem(array, &key, &fd, BPF_NOEXIST));
	fd = load(BPF_PROG_TYPE_TRACEPOINT, "GPL", NULL);
	SHOW(bpf_map_update_elem(array, &key, &fd, BPF_ANY));
	fd = 1;
	SHOW(bpf_map_update_elem(array, &key, &fd, BPF_ANY));
	fd = -1;
	SHOW(bpf_map_update_elem(array, &key, &fd, BPF_ANY));
	SHOW(bpf_map_lookup_elem(array, &key, &fd));
	key = 2;
	SHOW(bpf_map_lookup_elem(array, &key, &fd));
	SHOW(bpf_map_update_elem(array, &key, &fd, BPF_ANY));
	key = 0;
	SHOW(bpf_map_delete_elem(array, &key));
}

static void information(void)
{
	struct bpf_prog_info prog;
	struct bpf_map_info map;
	union bpf_attr attr;

	printf("== information\n");
	memset(&attr, 0, sizeof(attr));
	memset(&prog, 0, sizeof(prog));
	attr.info.bpf_fd = load(BPF_PROG_TYPE_KPROBE, "GPL", good_name);
	attr.info.info_len = sizeof(prog);
	attr.info.info = (unsigned long)&prog;
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
	printf("type %u name %s xlated %u maps %u gpl %u\n", prog.type, prog.name, prog.xlated_prog_len, prog.nr_map_ids,
	       prog.gpl_compatible);

	attr.info.bpf_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "a_map", 4, 8, 16, BPF_F_NO_PREALLOC);
	attr.info.info_len = sizeof(map);
	attr.info.info = (unsigned long)&map;
	memset(&map, 0, sizeof(map));
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
	printf("type %u name %s key %u value %u entries %u flags %#x\n", map.type, map.name, map.key_size, map.value_size,
	       map.max_entries, map.map_flags);
	attr.info.bpf_fd = 1;
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
	attr.info.bpf_fd = -1;
	SHOW(sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)));
}

int main(void)
{
	array_maps();
	hash_maps();
	queues_and_stacks();
	access_rights();
	programs();
	information();
	return 0;
}
