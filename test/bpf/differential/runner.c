// SPDX-License-Identifier: MIT
/*
 * Loads and runs BPF programs out of a file and prints, for each, what the kernel made of it. The lines of two kernels are
 * compared by run.ts, so they hold nothing that depends on where a kernel puts things.
 *
 *	runner PROGRAMS [OUTPUT [log]]
 *
 * PROGRAMS: for each program u32 type, u32 number of slots, the slots (struct bpf_insn). They find the maps of create_maps()
 * at descriptors from FIRST_MAP on. OUTPUT is written to instead of the standard output ("-"). A line for each program:
 *
 *	= NUMBER ERRNO HASH-OF-LOG [RUN-ERRNO RESULT HASH-OF-MAPS]	the last three where programs of the type can be run
 *
 * With "log" the verifier's log comes before it, each line behind a '|'. Addresses of maps are masked in it.
 */
#include "../../../src/kernel/user/lib/bpf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#define FIRST_MAP	20
#define MAX_SLOTS	8192
#define PACKET_BYTES	64

static const struct {
	enum bpf_map_type type;
	unsigned int key_size, value_size, max_entries, flags;
} kinds[] = {
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 8, 0 },
	{ BPF_MAP_TYPE_HASH, 4, 8, 4, 0 },
	{ BPF_MAP_TYPE_HASH, 8, 64, 2, 0 },
	{ BPF_MAP_TYPE_ARRAY, 4, 48, 1, 0 },
	{ BPF_MAP_TYPE_ARRAY, 4, 16, 1, BPF_F_RDONLY_PROG },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0 },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0 },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 24, 2, 0 },
};

#define MAPS	(sizeof(kinds) / sizeof(*kinds))
/* Those whose elements are plain bytes, at least as many keys as entries. */
#define HOLDS_BYTES(i)	(kinds[i].type == BPF_MAP_TYPE_ARRAY || kinds[i].type == BPF_MAP_TYPE_HASH)

static char log_buffer[1 << 22];

static unsigned int hash(unsigned int value, const void *bytes, size_t count)
{
	for (const unsigned char *byte = bytes; count--; byte++)
		value = (value ^ *byte) * 16777619;	/* FNV-1a */
	return value;
}

/* Maps with known elements, in place of those that were there. */
static int create_maps(void)
{
	for (unsigned int i = 0; i < MAPS; i++) {
		int fd;

		close(FIRST_MAP + i);
		fd = bpf_map_create(kinds[i].type, "differential", kinds[i].key_size, kinds[i].value_size,
				    kinds[i].max_entries, kinds[i].flags);
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
			if (bpf_map_update_elem(FIRST_MAP + i, &key, value, BPF_ANY))
				return -1;
		}
	}
	return 0;
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

/* Masks the addresses that loads of maps show: "(18) r1 = 0xffff888004d8a800". */
static void mask_addresses(char *text)
{
	while ((text = strstr(text, "(18) r"))) {
		text = strchr(text, '=');
		if (!text)
			return;
		if (!strncmp(text, "= 0xffff", 8) && strspn(text + 4, "0123456789abcdef") == 16)
			memset(text + 8, 'x', 12);
	}
}

static int load(unsigned int type, const struct bpf_insn *insns, unsigned int count)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)"GPL";
	attr.log_level = 2;
	attr.log_buf = (unsigned long)log_buffer;
	attr.log_size = sizeof(log_buffer);
	log_buffer[0] = '\0';
	fd = sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
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
	unsigned long first_processor = 1;
	unsigned int head[2];
	FILE *from = argc > 1 ? fopen(argv[1], "r") : NULL;
	FILE *to = argc > 2 && strcmp(argv[2], "-") ? fopen(argv[2], "w") : stdout;
	int number = 0;

	if (!from || !to) {
		fprintf(stderr, "runner PROGRAMS [OUTPUT [log]]\n");
		return 2;
	}
	/* Programs ask for the number of the processor. */
	syscall(__NR_sched_setaffinity, 0, sizeof(first_processor), &first_processor);
	if (create_maps()) {
		fprintf(to, "! %s\n", strerror(errno));
		return 1;
	}
	while (fread(head, sizeof(head), 1, from) == 1 && head[1] <= MAX_SLOTS &&
	       fread(insns, sizeof(*insns), head[1], from) == head[1]) {
		int fd = load(head[0], insns, head[1]);
		int err = fd < 0 ? errno : 0;

		if (argc > 3)
			print_log(to);
		fprintf(to, "= %d %d %08x", number++, err, hash(2166136261u, log_buffer, strlen(log_buffer)));
		if (fd >= 0 && can_be_run(head[0])) {
			run(to, fd, head[0]);
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
