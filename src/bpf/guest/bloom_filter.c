// SPDX-License-Identifier: MIT
/*
 * Bloom filters: a value that was pushed is found by peeking; one that was not is found now and then, too. Values cannot be taken
 * out. The lower bits of map_extra say how many bits stand for a value. (Documentation/bpf/map_bloom_filter.rst)
 */
#include <kernel/bitops.h>
#include <kernel/mm.h>
#include "internal.h"

#define MAX_HASHES	15
#define DEFAULT_HASHES	5

struct bpf_bloom_filter {
	struct bpf_map map;
	u32 mask;		/* of a bit's number */
	u32 hashes;
	unsigned long bits[];
};

static struct bpf_bloom_filter *to_filter(struct bpf_map *map)
{
	return container_of(map, struct bpf_bloom_filter, map);
}

/* FNV-1a from a start that differs for each of a value's bits, mixed so that its lower bits are as good as its upper ones. */
static u32 bit_of(const struct bpf_bloom_filter *filter, const u8 *value, u32 index)
{
	u64 hash = 0xcbf29ce484222325ull + index * 0x9e3779b97f4a7c15ull;
	u32 i;

	for (i = 0; i < filter->map.value_size; i++)
		hash = (hash ^ value[i]) * 0x100000001b3ull;
	return (hash ^ hash >> 32) & filter->mask;
}

static int bloom_map_alloc_check(union bpf_attr *attr)
{
	const u32 allowed = BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY |
			    BPF_F_WRONLY_PROG;

	if (!bpf_capable())
		return -EPERM;
	if (attr->key_size || !attr->value_size || !attr->max_entries || attr->map_flags & ~allowed ||
	    !bpf_map_flags_access_ok(attr->map_flags) || attr->map_extra & ~(u64)MAX_HASHES)
		return -EINVAL;
	return attr->value_size > KMALLOC_MAX_SIZE ? -E2BIG : 0;
}

static struct bpf_map *bloom_map_alloc(union bpf_attr *attr)
{
	u32 hashes = (attr->map_extra & MAX_HASHES) ?: DEFAULT_HASHES;
	/* 7/5 bits for each: with five hashes about one of fifty strangers is found when the filter is full. */
	u64 wanted = (u64)attr->max_entries * hashes / 5 * 7, bits = BITS_PER_LONG;
	struct bpf_bloom_filter *filter;

	while (bits < wanted && bits < 1ull << 32)
		bits *= 2;
	filter = bpf_map_area_alloc(sizeof(*filter) + bits / 8);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&filter->map, attr);
	filter->mask = bits - 1;
	filter->hashes = hashes;
	return &filter->map;
}

static void bloom_map_free(struct bpf_map *map)
{
	bpf_map_area_free(to_filter(map));
}

static int bloom_map_push_elem(struct bpf_map *map, void *value, u64 flags)
{
	struct bpf_bloom_filter *filter = to_filter(map);
	u32 i;

	if (flags != BPF_ANY)
		return -EINVAL;
	for (i = 0; i < filter->hashes; i++) {
		u32 bit = bit_of(filter, value, i);

		filter->bits[bit / BITS_PER_LONG] |= 1ul << bit % BITS_PER_LONG;
	}
	return 0;
}

static int bloom_map_peek_elem(struct bpf_map *map, void *value)
{
	const struct bpf_bloom_filter *filter = to_filter(map);
	u32 i;

	for (i = 0; i < filter->hashes; i++) {
		u32 bit = bit_of(filter, value, i);

		if (!(filter->bits[bit / BITS_PER_LONG] & 1ul << bit % BITS_PER_LONG))
			return -ENOENT;
	}
	return 0;
}

static int bloom_map_pop_elem(struct bpf_map *map, void *value) { return -EOPNOTSUPP; }
static int bloom_map_delete_elem(struct bpf_map *map, void *key) { return -EOPNOTSUPP; }
static int bloom_map_get_next_key(struct bpf_map *map, void *key, void *next_key) { return -EOPNOTSUPP; }
static void *bloom_map_lookup_elem(struct bpf_map *map, void *key) { return ERR_PTR(-EINVAL); }
static int bloom_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags) { return -EINVAL; }

const struct bpf_map_ops bloom_filter_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc_check = bloom_map_alloc_check,
	.map_alloc = bloom_map_alloc,
	.map_free = bloom_map_free,
	.map_get_next_key = bloom_map_get_next_key,
	.map_push_elem = bloom_map_push_elem,
	.map_peek_elem = bloom_map_peek_elem,
	.map_pop_elem = bloom_map_pop_elem,
	.map_lookup_elem = bloom_map_lookup_elem,
	.map_update_elem = bloom_map_update_elem,
	.map_delete_elem = bloom_map_delete_elem,
};
