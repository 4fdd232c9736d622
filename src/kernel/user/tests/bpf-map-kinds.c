// SPDX-License-Identifier: MIT
/*
 * Kinds of maps and of values that few programs use: longest prefix match, locks and pointers of the kernel in values, local
 * storage. What Linux 6.1 printed is test/bpf/map-kinds.txt.
 */
#include "../lib/bpf.h"
#include <linux/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* ---- local storage ---- */

static int storage_map(int btf, enum bpf_map_type type, unsigned int size, unsigned int key_type, unsigned int value_type,
		       unsigned int entries, unsigned int flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = 4;
	attr.value_size = size;
	attr.max_entries = entries;
	attr.map_flags = flags;
	attr.btf_fd = btf;
	attr.btf_key_type_id = key_type;
	attr.btf_value_type_id = value_type;
	return sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

static void look_up_storage(const char *what, int map, int fd)
{
	unsigned long long value = 0;

	printf("%s: ", what);
	if (bpf_map_lookup_elem(map, &fd, &value))
		printf("%s\n", strerror(errno));
	else
		printf("%llu\n", value);
}

static int load(unsigned int type, unsigned int attach_type, const char *target, const struct bpf_insn *insns, unsigned int count)
{
	static char log[1 << 16];
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach_type;
	attr.attach_btf_id = target ? bpf_kernel_function_id(target) : 0;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)"GPL";
	attr.log_level = 1;
	attr.log_buf = (unsigned long)log;
	attr.log_size = sizeof(log);
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	/* Why not: what stands before the last line. */
	if (fd < 0) {
		char *end = strstr(log, "\nprocessed"), *line = end;

		while (line && line > log && line[-1] != '\n')
			line--;
		if (line)
			printf("%.*s\n", (int)(end - line), line);
	}
	return fd;
}

#define INSN(code, dst, src, off, imm)	{ code, dst, src, off, imm }
#define MOVE(dst, src)			INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, imm)			INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define CALL(helper)			INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT				INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define MAP(dst, fd)			INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
#define ADD_TO(reg, imm)		SET(2, imm), INSN(BPF_STX | BPF_ATOMIC | BPF_DW, reg, 2, 0, BPF_ADD)

static void run(const char *what, int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	tell(what, sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)));
	printf("returned %d\n", (int)attr.test.retval);
}

static void task_programs(int map)
{
	struct bpf_insn count[] = {
		CALL(BPF_FUNC_get_current_task_btf), MOVE(6, 0), MAP(1, map), MOVE(2, 6), SET(3, 0),
		SET(4, BPF_LOCAL_STORAGE_GET_F_CREATE), CALL(BPF_FUNC_task_storage_get),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0), SET(0, -1), EXIT, ADD_TO(0, 7),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 0, 0, 0, 0), EXIT,
	};
	struct bpf_insn forget[] = {
		CALL(BPF_FUNC_get_current_task_btf), MAP(1, map), MOVE(2, 0), CALL(BPF_FUNC_task_storage_delete), EXIT,
	};
	struct bpf_insn inode[] = {
		CALL(BPF_FUNC_get_current_task_btf), MAP(1, map), MOVE(2, 0), CALL(BPF_FUNC_inode_storage_delete), EXIT,
	};
	struct bpf_insn look[] = {
		MOVE(2, 10), INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4), INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		MAP(1, map), CALL(BPF_FUNC_map_lookup_elem), SET(0, 0), EXIT,
	};
	int fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL, count, sizeof(count) / sizeof(*count));

	tell("program", fd);
	run("count", fd);
	run("count", fd);
	close(fd);
	fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL, forget, sizeof(forget) / sizeof(*forget));
	tell("program", fd);
	run("forget", fd);
	run("forget", fd);
	close(fd);
	tell("of inodes", load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL, inode, sizeof(inode) / sizeof(*inode)));
	tell("by a key", load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL, look, sizeof(look) / sizeof(*look)));
}

static void inode_program(int map)
{
	struct bpf_insn opened[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 6, 1, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 2, 6, bpf_kernel_field_offset("file", "f_inode"), 0), MAP(1, map), SET(3, 0),
		SET(4, BPF_LOCAL_STORAGE_GET_F_CREATE), CALL(BPF_FUNC_inode_storage_get),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0), SET(0, 0), EXIT, ADD_TO(0, 1), SET(0, 0), EXIT,
	};
	int fd = load(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_file_open", opened, sizeof(opened) / sizeof(*opened));
	union bpf_attr attr;
	int link, file[3];

	tell("program", fd);
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = fd;
	link = sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
	tell("attach", link);
	for (int i = 0; i < 3; i++)
		file[i] = open(i < 2 ? "/proc/self/exe" : "/proc/version", O_RDONLY);
	close(link);
	close(fd);
	look_up_storage("opened twice", map, file[1]);
	look_up_storage("opened once", map, file[2]);
	for (int i = 0; i < 3; i++)
		close(file[i]);
}

static void storage(void)
{
	static const enum bpf_map_type kinds[] = { BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_INODE_STORAGE };
	unsigned long long value = 5;
	union bpf_attr attr;
	int btf, key = 0;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (unsigned long)&types;
	attr.btf_size = offsetof(typeof(types), strings) + sizeof(types.strings);
	btf = sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
	for (int i = 0; i < 2; i++) {
		enum bpf_map_type kind = kinds[i];
		int map, self, child, fd;

		printf("== storage of %s\n", i ? "inodes" : "tasks");
		tell("entries", storage_map(btf, kind, 8, 1, 2, 1, BPF_F_NO_PREALLOC));
		tell("allocated before", storage_map(btf, kind, 8, 1, 2, 0, 0));
		tell("without types", storage_map(btf, kind, 8, 0, 0, 0, BPF_F_NO_PREALLOC));
		tell("without type of keys", storage_map(btf, kind, 8, 0, 2, 0, BPF_F_NO_PREALLOC));
		tell("another flag", storage_map(btf, kind, 8, 1, 2, 0, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG));
		tell("too large", storage_map(btf, kind, 65408, 1, 2, 0, BPF_F_NO_PREALLOC));
		tell("of another size", storage_map(btf, kind, 65407, 1, 2, 0, BPF_F_NO_PREALLOC));
		tell("pointers", storage_map(btf, kind, 16, 1, 9, 0, BPF_F_NO_PREALLOC));
		tell("locks", storage_map(btf, kind, 24, 1, 4, 0, BPF_F_NO_PREALLOC));
		map = storage_map(btf, kind, 8, 1, 2, 0, BPF_F_NO_PREALLOC);
		tell("create", map);
		key = -1;
		look_up_storage("no descriptor", map, -1);
		tell("next", bpf_map_get_next_key(map, NULL, &key));
		if (i) {
			inode_program(map);
			self = open("/proc/self/exe", O_RDONLY);
		} else {
			look_up_storage("not a process", map, 0);
			task_programs(map);
			self = syscall(__NR_pidfd_open, getpid(), 0);
		}
		tell("delete", bpf_map_delete_elem(map, &self));
		look_up_storage("nothing", map, self);
		tell("what is there", bpf_map_update_elem(map, &self, &value, BPF_EXIST));
		tell("what is new", bpf_map_update_elem(map, &self, &value, BPF_NOEXIST));
		tell("what is new", bpf_map_update_elem(map, &self, &value, BPF_NOEXIST));
		look_up_storage("then", map, self);
		value++;
		tell("both", bpf_map_update_elem(map, &self, &value, BPF_EXIST | BPF_NOEXIST));
		tell("lock", bpf_map_update_elem(map, &self, &value, BPF_F_LOCK));
		tell("replace", bpf_map_update_elem(map, &self, &value, BPF_EXIST));
		look_up_storage("then", map, self);
		if (!i) {
			child = fork();
			if (!child)
				_exit(0);
			fd = syscall(__NR_pidfd_open, child, 0);
			tell("of a child", bpf_map_update_elem(map, &fd, &value, BPF_ANY));
			look_up_storage("child", map, fd);
			waitpid(child, NULL, 0);
			look_up_storage("when it has gone", map, fd);
			tell("update", bpf_map_update_elem(map, &fd, &value, BPF_ANY));
			tell("delete", bpf_map_delete_elem(map, &fd));
			close(fd);
		}
		tell("delete", bpf_map_delete_elem(map, &self));
		tell("delete", bpf_map_delete_elem(map, &self));
		close(self);
		close(map);
	}
}

int main(void)
{
	tries();
	fields();
	storage();
	return 0;
}
