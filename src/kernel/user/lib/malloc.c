// SPDX-License-Identifier: MIT
/* malloc: power-of-two size classes with free lists on top of brk; large blocks by mmap. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#define LARGEST_CLASS	16	/* 64 KiB */

/* Sixteen bytes before every block, so that blocks stay aligned to 16. */
struct header {
	size_t size;		/* usable bytes */
	struct header *next;	/* in the free list */
};

static struct header *free_list[LARGEST_CLASS + 1];

void *malloc(size_t size)
{
	struct header *h;
	int class = 5;

	if (size > PTRDIFF_MAX - 8192) {
		errno = ENOMEM;
		return NULL;
	}
	while (class <= LARGEST_CLASS && (1UL << class) < size + sizeof(*h))
		class++;
	if (class > LARGEST_CLASS) {
		size = (size + sizeof(*h) + 4095) & ~4095UL;
		h = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (h == MAP_FAILED)
			return NULL;
		h->size = size - sizeof(*h);
		return h + 1;
	}
	h = free_list[class];
	if (h) {
		free_list[class] = h->next;
		return h + 1;
	}
	h = sbrk(1L << class);
	if (h == (void *)-1)
		return NULL;
	h->size = (1UL << class) - sizeof(*h);
	return h + 1;
}

void free(void *p)
{
	struct header *h = p;
	int class;

	if (!p)
		return;
	h--;
	if (h->size + sizeof(*h) > 1UL << LARGEST_CLASS) {
		munmap(h, h->size + sizeof(*h));
		return;
	}
	class = __builtin_ctzl(h->size + sizeof(*h));
	h->next = free_list[class];
	free_list[class] = h;
}

void *calloc(size_t count, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	p = malloc(total);
	return p ? memset(p, 0, total) : NULL;
}

void *realloc(void *p, size_t size)
{
	struct header *h = p;
	void *q;

	if (p && h[-1].size >= size)
		return p;
	q = malloc(size);
	if (p && q) {
		memcpy(q, p, h[-1].size);
		free(p);
	}
	return q;
}
