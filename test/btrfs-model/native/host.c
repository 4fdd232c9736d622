// SPDX-License-Identifier: MIT
/*
 * Runs the kernel half of the btrfs model against an image file:
 *   native IMAGE read [OPTIONS]            mounts, reports every file as "path mode size error fnv-hash"
 *   native IMAGE fail-each-allocation      one run for each allocation, in which it fails
 *   native IMAGE fail-each-read            one run for each read of the disk, in which it fails
 *   native IMAGE fuzz COUNT SEED           damages superblock and tree blocks at random, mostly with right checksums
 * After each run nothing may be allocated or open. Sanitizers watch the rest.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host.h"

#define GFP_ZERO	0x100u
#define SUPER_OFFSET	0x10000
#define MAX_BLOCKS	4096

static unsigned char *image;
static unsigned long image_size;
static int quiet, failures;
static long live, allocations, fail_allocation, reads, fail_read;

void host_fail(const char *what)
{
	printf("FAILED: %s\n", what);
	failures++;
}

/* ---- Memory ---- */

int host_should_fail(void)
{
	return ++allocations == fail_allocation;
}

static void *allocate(size_t size, unsigned int gfp)
{
	if (host_should_fail())
		return NULL;
	live++;
	return gfp & GFP_ZERO ? calloc(1, size) : malloc(size);
}

void kfree(const void *memory)
{
	if (!memory)
		return;
	live--;
	free((void *)memory);
}

void *kmalloc(size_t size, unsigned int gfp) { return allocate(size, gfp); }
void *kvmalloc(size_t size, unsigned int gfp) { return allocate(size, gfp); }
void kvfree(const void *memory) { kfree(memory); }
unsigned long __get_free_pages(unsigned int gfp, unsigned int order) { return (unsigned long)allocate(4096ul << order, gfp); }
void free_pages(unsigned long address, unsigned int order) { kfree((void *)address); }

char *kstrdup(const char *text, unsigned int gfp)
{
	char *copy = allocate(strlen(text) + 1, gfp);

	return copy ? strcpy(copy, text) : NULL;
}

struct kmem_cache {
	size_t size;
};

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, unsigned int flags, void *ctor)
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	cache->size = size;
	return cache;
}

void *kmem_cache_alloc(struct kmem_cache *cache, unsigned int gfp) { return allocate(cache->size, gfp); }
void kmem_cache_free(struct kmem_cache *cache, void *object) { kfree(object); }
void *host_alloc_unlimited(unsigned long size) { return calloc(1, size); }
void host_free_unlimited(void *memory) { free(memory); }

/* ---- Output, small things ---- */

int _printk(const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (!quiet)
		printf("<%c>%s", line[1], line + 2);
	return 0;
}

unsigned long long simple_strtoull(const char *text, char **end, unsigned int base)
{
	return strtoull(text, end, base);
}

unsigned int hweight64(unsigned long long word)
{
	return __builtin_popcountll(word);
}

static unsigned long long hash = 14695981039346656037ull;

void host_file_bytes(const void *bytes, unsigned long length)
{
	const unsigned char *p = bytes;

	while (length--)
		hash = (hash ^ *p++) * 1099511628211ull;
}

void host_file_end(const char *path, unsigned int mode, unsigned long long size, int error)
{
	if (!quiet)
		printf("%s %o %llu %d %016llx\n", path, mode, size, error, hash);
	hash = 14695981039346656037ull;
}

int host_read_image(unsigned long offset, void *buf, unsigned long length)
{
	if (++reads == fail_read || offset + length > image_size)
		return -1;
	memcpy(buf, image + offset, length);
	return 0;
}

/* ---- The runs ---- */

static int run(const char *what, long number, int read_only, char *options)
{
	int ret = vfs_mount_and_read(image_size, read_only, options);

	if (live || vfs_open_devices()) {
		printf("FAILED: %s %ld (mount %d): %ld objects allocated, %d devices open\n", what, number, ret, live,
		       vfs_open_devices());
		failures++;
		live = 0;
	}
	return ret;
}

static void fail_each(const char *what, long *fail, long *count, int expected)
{
	for (*fail = 1;; ++*fail) {
		int ret;

		*count = 0;
		ret = run(what, *fail, 0, NULL);
		if (*count < *fail)
			break;
		if (ret && ret != expected) {
			printf("FAILED: %s %ld: mount %d, expected %d\n", what, *fail, ret, expected);
			failures++;
		}
	}
	printf("%s: %ld\n", what, *fail - 1);
}

static unsigned long long random_state;

static unsigned int random_number(unsigned int limit)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (random_state >> 33) % limit;
}

unsigned int crc32c(unsigned int crc, const void *data, size_t length);

static unsigned int load32(const unsigned char *p)
{
	unsigned int value;

	memcpy(&value, p, 4);
	return value;
}

/* A place in a block where damage is interesting: header, item headers, or inside some item. */
static unsigned int place(const unsigned char *block, unsigned int size, int is_super)
{
	unsigned int items, slot, offset, length;

	if (is_super)
		return random_number(2) ? 0x20 + random_number(0x110) : 0x320 + random_number(200);
	switch (random_number(4)) {
	case 0:
		return 32 + random_number(69);
	case 1:
		return 101 + random_number(600);
	}
	items = load32(block + 96);
	if (!items || items > 2000 || block[100])
		return 101 + random_number(400);
	slot = random_number(items);
	offset = load32(block + 101 + 25 * slot + 17);
	length = load32(block + 101 + 25 * slot + 21);
	return offset < size - 101 && length && length < size - 101 - offset ? 101 + offset + random_number(length) : 101;
}

static void damage(unsigned char *block, unsigned int size, int is_super)
{
	for (unsigned int n = 1 + random_number(3); n; n--) {
		unsigned char *byte = block + place(block, size, is_super);

		switch (random_number(4)) {
		case 0:
			*byte ^= 1 << random_number(8);
			break;
		case 1:
			*byte = random_number(256);
			break;
		case 2:
			*byte = 0xff;
			break;
		default:
			*byte = 0;
		}
	}
	/* Most damage must get past the checksum to reach the code behind it. */
	if (random_number(16)) {
		unsigned int crc = ~crc32c(~0u, block + 32, size - 32);

		memcpy(block, &crc, 4);
	}
}

static void fuzz(long count, unsigned long long seed)
{
	unsigned int node_size = load32(image + SUPER_OFFSET + 0x94);
	static unsigned long blocks[MAX_BLOCKS];
	static long results[4096];
	int block_count = 0;

	random_state = seed;
	for (unsigned long at = 0; at + node_size <= image_size && block_count < MAX_BLOCKS; at += 4096)
		if (at != SUPER_OFFSET && !memcmp(image + at + 32, image + SUPER_OFFSET + 32, 16) &&
		    memcmp(image + at + 0x40, "_BHRfS_M", 8))
			blocks[block_count++] = at;
	for (long i = 0; i < count && failures < 3; i++) {
		unsigned long at[4];
		unsigned char *saved[4];
		unsigned int size[4], n = 1 + random_number(4);
		int ret;

		for (unsigned int k = 0; k < n; k++) {
			int is_super = random_number(4) == 0 || !block_count;

			at[k] = is_super ? SUPER_OFFSET : blocks[random_number(block_count)];
			size[k] = is_super ? 4096 : node_size;
			saved[k] = memcpy(malloc(size[k]), image + at[k], size[k]);
			damage(image + at[k], size[k], is_super);
		}
		ret = run("fuzz", i, random_number(2), NULL);
		results[ret ? -ret : 0]++;
		while (n--) {
			memcpy(image + at[n], saved[n], size[n]);
			free(saved[n]);
		}
	}
	for (int i = 0; i < 4096; i++)
		if (results[i])
			printf("errno %d: %ld\n", i, results[i]);
}

int native_crc32c_init(void);
int native_init_btrfs_fs(void);

int main(int argc, char **argv)
{
	struct stat status;
	int fd = argc < 3 ? -1 : open(argv[1], O_RDONLY);

	if (fd < 0 || fstat(fd, &status)) {
		fprintf(stderr, "usage: native IMAGE read|fail-each-allocation|fail-each-read|fuzz COUNT SEED\n");
		return 2;
	}
	image_size = status.st_size;
	image = mmap(NULL, image_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	native_crc32c_init();
	native_init_btrfs_fs();
	quiet = strcmp(argv[2], "read") != 0;
	if (!quiet)
		printf("mount %d\n", run("read", 0, 0, argc > 3 ? argv[3] : NULL));
	else if (!strcmp(argv[2], "fail-each-allocation"))
		fail_each("allocation", &fail_allocation, &allocations, -12);
	else if (!strcmp(argv[2], "fail-each-read"))
		fail_each("read", &fail_read, &reads, -5);
	else
		fuzz(atol(argv[3]), atol(argv[4]));
	return failures ? 1 : 0;
}
