// SPDX-License-Identifier: MIT
/*
 * Kinds of maps and of values that few programs use: longest prefix match, locks and pointers of the kernel in values. What Linux 6.1
 * printed is test/bpf/map-kinds.txt.
 */
#include "../lib/bpf.h"
#include <linux/btf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell(const char *what, int result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: ok\n", what);
}

struct prefix {
	unsigned int bits;
	unsigned char address[4];
};

static struct prefix prefix(unsigned int bits, int a, int b, int c, int d)
{
	return (struct prefix){ bits, { a, b, c, d } };
}

static void look_up(int fd, struct prefix key)
{
	unsigned long long value = 0;
	int err = bpf_map_lookup_elem(fd, &key, &value);

	printf("%u.%u.%u.%u/%u: ", key.address[0], key.address[1], key.address[2], key.address[3], key.bits);
	if (err)
		printf("%s\n", strerror(errno));
	else
		printf("%llu\n", value);
}

static void walk(int fd)
{
	struct prefix key = { 0 }, *previous = NULL;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		look_up(fd, key);
	}
	printf("end: %s\n", strerror(errno));
}

static int create_trie(unsigned int key_size, unsigned int value_size, unsigned int entries, unsigned int flags)
{
	return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", key_size, value_size, entries, flags);
}

static void tries(void)
{
	static const struct { unsigned int key, value, entries, flags; } wrong[] = {
		{ 8, 8, 4, 0 }, { 4, 8, 4, 1 }, { 5, 1, 1, 1 }, { 260, 8, 4, 1 }, { 261, 8, 4, 1 }, { 8, 0, 4, 1 }, { 8, 8, 0, 1 },
		{ 8, 8, 4, 1 | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG }, { 8, 8, 4, 1 | BPF_F_MMAPABLE }, { 8, 1 << 22, 1, 1 },
	};
	unsigned long long value;
	struct prefix key;
	int fd, i;

	printf("== tries\n");
	for (i = 0; i < (int)(sizeof(wrong) / sizeof(*wrong)); i++) {
		fd = create_trie(wrong[i].key, wrong[i].value, wrong[i].entries, wrong[i].flags);
		printf("%d ", i);
		tell("create", fd);
		close(fd);
	}
	fd = create_trie(8, 8, 6, BPF_F_NO_PREALLOC);
	tell("create", fd);
	walk(fd);
	key = prefix(16, 192, 168, 1, 1);
	value = 1;
	tell("/16", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	tell("/16 again, new", bpf_map_update_elem(fd, &key, &value, BPF_NOEXIST));
	key = prefix(24, 192, 168, 0, 0);
	value = 2;
	tell("/24, there already", bpf_map_update_elem(fd, &key, &value, BPF_EXIST));
	tell("/24", bpf_map_update_elem(fd, &key, &value, BPF_NOEXIST));
	tell("with a lock", bpf_map_update_elem(fd, &key, &value, BPF_F_LOCK));
	key = prefix(24, 192, 168, 128, 0);
	value = 3;
	tell("/24", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	key = prefix(24, 192, 168, 1, 0);
	value = 4;
	tell("/24", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	key = prefix(0, 9, 9, 9, 9);
	value = 5;
	tell("/0", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	key = prefix(32, 10, 0, 0, 1);
	value = 6;
	tell("/32", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	key = prefix(31, 10, 0, 0, 1);
	tell("one too many", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	key = prefix(24, 192, 168, 1, 77);
	value = 44;
	tell("another value", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	key = prefix(33, 1, 1, 1, 1);
	tell("too long", bpf_map_update_elem(fd, &key, &value, BPF_ANY));
	walk(fd);
	look_up(fd, prefix(32, 192, 168, 1, 200));
	look_up(fd, prefix(32, 192, 168, 0, 1));
	look_up(fd, prefix(32, 192, 168, 2, 1));
	look_up(fd, prefix(20, 192, 168, 1, 1));
	look_up(fd, prefix(8, 192, 168, 1, 1));
	look_up(fd, prefix(32, 10, 0, 0, 2));
	look_up(fd, prefix(32, 10, 0, 0, 1));
	look_up(fd, prefix(33, 10, 0, 0, 1));
	key = prefix(0, 1, 2, 3, 4);
	tell("delete /0", bpf_map_delete_elem(fd, &key));
	tell("again", bpf_map_delete_elem(fd, &key));
	key = prefix(24, 192, 168, 1, 3);
	tell("delete /24", bpf_map_delete_elem(fd, &key));
	key = prefix(17, 192, 168, 128, 3);
	tell("delete what lies between", bpf_map_delete_elem(fd, &key));
	key = prefix(40, 192, 168, 128, 3);
	tell("delete what is too long", bpf_map_delete_elem(fd, &key));
	look_up(fd, prefix(32, 192, 168, 1, 200));
	look_up(fd, prefix(32, 11, 0, 0, 2));
	walk(fd);
	close(fd);
}

#define INFO(kind, vlen)	((kind) << 24 | (vlen))
#define STRINGS			"\0int\0long\0bpf_spin_lock\0val\0locked\0count\0lock\0data\0task_struct\0kptr\0pointers\0task\0kptr_ref"

static const struct {
	struct btf_header header;
	unsigned int types[59];
	char strings[sizeof(STRINGS)];
} types = {
	{ BTF_MAGIC, BTF_VERSION, 0, sizeof(struct btf_header), 0, sizeof(types.types), sizeof(types.types), sizeof(types.strings) },
	{
		1, INFO(BTF_KIND_INT, 0), 4, BTF_INT_SIGNED << 24 | 32,			/* 1: int */
		5, INFO(BTF_KIND_INT, 0), 8, BTF_INT_SIGNED << 24 | 64,			/* 2: long */
		10, INFO(BTF_KIND_STRUCT, 1), 4, 24, 1, 0,				/* 3: struct bpf_spin_lock */
		28, INFO(BTF_KIND_STRUCT, 3), 24, 35, 1, 0, 41, 3, 32, 46, 5, 64,	/* 4: struct locked */
		0, INFO(BTF_KIND_ARRAY, 0), 0, 2, 1, 2,					/* 5: long [2] */
		51, INFO(BTF_KIND_STRUCT, 0), 0,					/* 6: struct task_struct */
		63, INFO(BTF_KIND_TYPE_TAG, 0), 6,					/* 7: kptr */
		0, INFO(BTF_KIND_PTR, 0), 7,						/* 8 */
		68, INFO(BTF_KIND_STRUCT, 2), 16, 77, 8, 0, 46, 2, 64,			/* 9: struct pointers */
		68, INFO(BTF_KIND_STRUCT, 2), 12, 46, 1, 0, 77, 8, 32,			/* 10: out of place */
	},
	STRINGS,
};

static int typed_map(int btf, enum bpf_map_type type, unsigned int size, unsigned int value_type, unsigned int flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = size;
	attr.max_entries = 2;
	attr.map_flags = flags;
	attr.btf_fd = btf;
	attr.btf_key_type_id = 1;
	attr.btf_value_type_id = value_type;
	return sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int look_up_with(int fd, const void *key, void *value, unsigned long long flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (unsigned long)key;
	attr.value = (unsigned long)value;
	attr.flags = flags;
	return sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
}

static void show(const unsigned char *value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		printf("%02x", value[i]);
	printf("\n");
}

static void fields(void)
{
	static const enum bpf_map_type kinds[] = {
		BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH,
	};
	unsigned char value[32];
	union bpf_attr attr;
	int btf, key = 1;

	printf("== locks and pointers\n");
	memset(&attr, 0, sizeof(attr));
	attr.btf = (unsigned long)&types;
	attr.btf_size = offsetof(typeof(types), strings) + sizeof(types.strings);
	btf = sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
	tell("types", btf);
	for (unsigned int type = 4; type <= 10; type += type == 4 ? 5 : 1) {
		unsigned int size = type == 4 ? 24 : type == 9 ? 16 : 12;

		tell("read only for programs", typed_map(btf, BPF_MAP_TYPE_ARRAY, size, type, BPF_F_RDONLY_PROG));
		for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
			int fd = typed_map(btf, kinds[i], size, type, 0);

			printf("type %u, kind %u, ", type, kinds[i]);
			tell("create", fd);
			if (fd < 0)
				continue;
			memset(value, 0x5a, sizeof(value));
			tell("update", bpf_map_update_elem(fd, &key, value, BPF_ANY));
			tell("update with lock", bpf_map_update_elem(fd, &key, value, BPF_F_LOCK));
			tell("update of what is there, with lock", bpf_map_update_elem(fd, &key, value, BPF_F_LOCK | BPF_EXIST));
			tell("update of what is new, with lock", bpf_map_update_elem(fd, &key, value, BPF_F_LOCK | BPF_NOEXIST));
			memset(value, 0, sizeof(value));
			tell("look up", look_up_with(fd, &key, value, 0));
			show(value, size);
			memset(value, 0, sizeof(value));
			tell("look up with lock", look_up_with(fd, &key, value, BPF_F_LOCK));
			show(value, size);
			tell("delete", bpf_map_delete_elem(fd, &key));
			close(fd);
		}
	}
}

int main(void)
{
	tries();
	fields();
	return 0;
}
