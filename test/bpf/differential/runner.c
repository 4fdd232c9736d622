// SPDX-License-Identifier: MIT
/*
 * Loads and runs BPF programs out of a file and prints, for each, what the kernel made of it. The lines of two kernels are
 * compared by run.ts, so they hold nothing that depends on where a kernel puts things.
 *
 *	runner PROGRAMS [OUTPUT [log]]
 *
 * PROGRAMS: for each program a struct head, the slots (struct bpf_insn), type information, records of its functions (func_info), the
 * name of the kernel's function that it is for. They find the maps of create_maps() at descriptors from FIRST_MAP on. OUTPUT is written to instead of the standard output ("-"). A line for each program:
 *
 *	= NUMBER ERRNO HASH-OF-LOG [RUN-ERRNO RESULT HASH-OF-MAPS]	the last three where programs of the type can be run
 *
 * With "log" the verifier's log comes before it, each line behind a '|'. Addresses of maps are masked in it.
 */
#include "../../../src/kernel/user/lib/bpf.h"
#include <linux/btf.h>
#include <errno.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#define FIRST_MAP	20
#define MAX_SLOTS	8192
#define PACKET_BYTES	64
#define MAX_BYTES	16384

/* The value of the last map, which is frozen. */
#define TEXT	"%d of %lx: %s %%\0 %pks%p"

struct head {
	unsigned int type, slots, attach_type, flags, btf_bytes, functions, name_bytes;
};

/* Types of values, by number in map_types. */
#define PLAIN		0
#define LOCKED		4	/* struct { int count; struct bpf_spin_lock lock; long data[2]; } */
#define POINTERS	9	/* struct { struct task_struct __kptr *task; long number; } */

#define INFO(kind, vlen)	((kind) << 24 | (vlen))
#define STRINGS			"\0int\0long\0bpf_spin_lock\0val\0locked\0count\0lock\0data\0task_struct\0kptr\0pointers\0task"

static const struct {
	struct btf_header header;
	unsigned int types[50];
	char strings[sizeof(STRINGS)];
} map_types = {
	{ BTF_MAGIC, BTF_VERSION, 0, sizeof(struct btf_header), 0, sizeof(map_types.types), sizeof(map_types.types),
	  sizeof(map_types.strings) },
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
	},
	STRINGS,
};

static const struct {
	enum bpf_map_type type;
	unsigned int key_size, value_size, max_entries, flags, value_type;
} kinds[] = {
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, 0, PLAIN },
	{ BPF_MAP_TYPE_HASH, 4, 8, 4, 0, PLAIN },
	{ BPF_MAP_TYPE_HASH, 8, 64, 2, 0, PLAIN },
	{ BPF_MAP_TYPE_ARRAY, 4, 48, 1, 0, PLAIN },
	{ BPF_MAP_TYPE_ARRAY, 4, 16, 1, BPF_F_RDONLY_PROG, PLAIN },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, PLAIN },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0, PLAIN },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 24, 2, 0, PLAIN },
	{ BPF_MAP_TYPE_ARRAY, 4, 24, 2, 0, LOCKED },
	{ BPF_MAP_TYPE_HASH, 4, 24, 3, BPF_F_NO_PREALLOC, LOCKED },
	{ BPF_MAP_TYPE_ARRAY, 4, 16, 1, 0, POINTERS },
	{ BPF_MAP_TYPE_ARRAY, 4, sizeof(TEXT), 1, BPF_F_RDONLY_PROG, PLAIN },
};

#define MAPS	(sizeof(kinds) / sizeof(*kinds))
/* Those whose elements are plain bytes, at least as many keys as entries. */
#define HOLDS_BYTES(i)	(kinds[i].type == BPF_MAP_TYPE_ARRAY || kinds[i].type == BPF_MAP_TYPE_HASH)

static int types_fd;

static char log_buffer[1 << 22];

static unsigned int hash(unsigned int value, const void *bytes, size_t count)
{
	for (const unsigned char *byte = bytes; count--; byte++)
		value = (value ^ *byte) * 16777619;	/* FNV-1a */
	return value;
}

static int load_types(const void *types, unsigned int bytes)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (unsigned long)types;
	attr.btf_size = bytes;
	return sys_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static int create_map(unsigned int i)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = kinds[i].type;
	attr.key_size = kinds[i].key_size;
	attr.value_size = kinds[i].value_size;
	attr.max_entries = kinds[i].max_entries;
	attr.map_flags = kinds[i].flags;
	strcpy(attr.map_name, "differential");
	if (kinds[i].value_type) {
		attr.btf_fd = types_fd;
		attr.btf_key_type_id = 1;
		attr.btf_value_type_id = kinds[i].value_type;
	}
	return sys_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int freeze(int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	return sys_bpf(BPF_MAP_FREEZE, &attr, sizeof(attr));
}

/* Maps with known elements, in place of those that were there. */
static int create_maps(void)
{
	for (unsigned int i = 0; i < MAPS; i++) {
		int fd;

		close(FIRST_MAP + i);
		fd = create_map(i);
		if (fd < 0)
			return -1;
		if (fd != FIRST_MAP + (int)i) {
			if (dup2(fd, FIRST_MAP + i) < 0)
				return -1;
			close(fd);
		}
		for (unsigned int at = 0; HOLDS_BYTES(i) && at < kinds[i].max_entries; at++) {
			unsigned long long key = at, value[8];

			/* A hash keeps room for one more. */
			if (kinds[i].type == BPF_MAP_TYPE_HASH && at == kinds[i].max_entries - 1)
				break;
			for (unsigned int word = 0; word < 8; word++)
				value[word] = (at + 1) * 0x0123456789abcdefull >> 4 * word;
			if (i == MAPS - 1)
				memcpy(value, TEXT, sizeof(TEXT));
			if (bpf_map_update_elem(FIRST_MAP + i, &key, value, BPF_ANY))
				return -1;
		}
	}
	return freeze(FIRST_MAP + MAPS - 1);
}

/* All elements; independent of their order. */
static unsigned int hash_of_maps(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < MAPS; i++) {
		unsigned long long key = 0, value[8] = { 0 };
		int more;

		if (!HOLDS_BYTES(i))
			continue;
		for (more = bpf_map_get_next_key(FIRST_MAP + i, NULL, &key) == 0; more;
		     more = bpf_map_get_next_key(FIRST_MAP + i, &key, &key) == 0) {
			if (bpf_map_lookup_elem(FIRST_MAP + i, &key, value))
				continue;
			sum += hash(hash(hash(2166136261u, &i, 4), &key, kinds[i].key_size), value, kinds[i].value_size);
		}
	}
	return sum;
}

/* Masks the addresses that loads of maps show: "(18) r1 = 0xffff888004d8a800", and numbers of types: "has btf_id 254". */
static void mask_addresses(char *text)
{
	for (char *at = text; (at = strstr(at, "has btf_id ")); )
		for (at += 11; *at >= '0' && *at <= '9'; at++)
			memmove(at, at + 1, strlen(at)), at--;
	while ((text = strstr(text, "(18) r"))) {
		text = strchr(text, '=');
		if (!text)
			return;
		if (!strncmp(text, "= 0xffff", 8) && strspn(text + 4, "0123456789abcdef") == 16)
			memset(text + 8, 'x', 12);
	}
}

static int load(const struct head *head, const struct bpf_insn *insns, const void *types, const void *functions,
		const char *name)
{
	union bpf_attr attr;
	int fd, btf = -1;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = head->type;
	attr.expected_attach_type = head->attach_type;
	attr.prog_flags = head->flags;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = head->slots;
	attr.license = (unsigned long)"GPL";
	attr.log_level = 2;
	attr.log_buf = (unsigned long)log_buffer;
	attr.log_size = sizeof(log_buffer);
	if (head->btf_bytes) {
		btf = load_types(types, head->btf_bytes);
		attr.prog_btf_fd = btf;
		attr.func_info = (unsigned long)functions;
		attr.func_info_cnt = head->functions;
		attr.func_info_rec_size = sizeof(struct bpf_func_info);
	}
	if (*name)
		attr.attach_btf_id = bpf_kernel_function_id(name);
	log_buffer[0] = '\0';
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (btf >= 0) {
		int err = errno;

		close(btf);
		errno = err;
	}
	mask_addresses(log_buffer);
	return fd;
}

static void run(FILE *to, int fd, unsigned int type)
{
	unsigned long long context[4] = { 11, 0x80000000, -1ull, 0x7fffffffffffffffull };
	unsigned char packet[PACKET_BYTES];
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	if (type == BPF_PROG_TYPE_RAW_TRACEPOINT) {
		attr.test.ctx_in = (unsigned long)context;
		attr.test.ctx_size_in = sizeof(context);
	} else {
		for (int i = 0; i < PACKET_BYTES; i++)
			packet[i] = i * 37 + 5;
		attr.test.data_in = (unsigned long)packet;
		attr.test.data_size_in = sizeof(packet);
	}
	err = sys_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)) ? errno : 0;
	fprintf(to, " %d %#x %08x", err, err ? 0 : attr.test.retval, hash_of_maps());
}

static int can_be_run(unsigned int type)
{
	return type == BPF_PROG_TYPE_RAW_TRACEPOINT || type == BPF_PROG_TYPE_SOCKET_FILTER ||
	       type == BPF_PROG_TYPE_SCHED_CLS;
}

static void print_log(FILE *to)
{
	char *line = log_buffer, *end;

	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		fprintf(to, "|%.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
		if (!end)
			break;
	}
}

int main(int argc, char **argv)
{
	static struct bpf_insn insns[MAX_SLOTS];
	static unsigned char types[MAX_BYTES], functions[MAX_BYTES], name[MAX_BYTES];
	unsigned long first_processor = 1;
	struct head head;
	FILE *from = argc > 1 ? fopen(argv[1], "r") : NULL;
	FILE *to = argc > 2 && strcmp(argv[2], "-") ? fopen(argv[2], "w") : stdout;
	int number = 0;

	if (!from || !to) {
		fprintf(stderr, "runner PROGRAMS [OUTPUT [log]]\n");
		return 2;
	}
	/* Programs ask for the number of the processor. */
	syscall(__NR_sched_setaffinity, 0, sizeof(first_processor), &first_processor);
	types_fd = load_types(&map_types, offsetof(typeof(map_types), strings) + sizeof(map_types.strings));
	if (types_fd < 0 || create_maps()) {
		fprintf(to, "! %s\n", strerror(errno));
		return 1;
	}
	while (fread(&head, sizeof(head), 1, from) == 1 && head.slots <= MAX_SLOTS && head.btf_bytes <= MAX_BYTES &&
	       head.functions * sizeof(struct bpf_func_info) <= MAX_BYTES && head.name_bytes < MAX_BYTES &&
	       fread(insns, 1, head.slots * sizeof(*insns), from) == head.slots * sizeof(*insns) &&
	       fread(types, 1, head.btf_bytes, from) == head.btf_bytes &&
	       fread(functions, sizeof(struct bpf_func_info), head.functions, from) == head.functions &&
	       fread(name, 1, head.name_bytes, from) == head.name_bytes) {
		int fd = (name[head.name_bytes] = 0, load(&head, insns, types, functions, (char *)name));
		int err = fd < 0 ? errno : 0;

		if (argc > 3)
			print_log(to);
		fprintf(to, "= %d %d %08x", number++, err, hash(2166136261u, log_buffer, strlen(log_buffer)));
		if (fd >= 0 && can_be_run(head.type)) {
			run(to, fd, head.type);
			if (create_maps()) {
				fprintf(to, "\n! %s\n", strerror(errno));
				return 1;
			}
		}
		fprintf(to, "\n");
		if (fd >= 0)
			close(fd);
	}
	fprintf(to, ".\n");
	return fclose(to) != 0;
}
