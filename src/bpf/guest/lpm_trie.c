// SPDX-License-Identifier: MIT
/*
 * Longest prefix match: a key is a number of bits that count and the bits, and a look-up finds the longest prefix of its key that
 * is there. (Documentation/bpf/map_lpm_trie.rst)
 *
 * Elements are in a red-black tree in the order in which Linux's trie is walked, longer prefixes before those that they begin
 * with. A look-up tries the lengths that there are, longest first.
 */
#include <kernel/mm.h>
#include <kernel/rbtree.h>
#include "internal.h"
#include "sleepable.h"

#define LPM_KEY_MIN	(sizeof(struct bpf_lpm_trie_key) + 1)
#define LPM_DATA_MAX	256
#define LPM_KEY_MAX	(sizeof(struct bpf_lpm_trie_key) + LPM_DATA_MAX)
#define LPM_FLAGS	(BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | \
			 BPF_F_WRONLY_PROG)

struct lpm_element {
	struct rb_node node;
	struct bpf_deferred deferred;
	u64 value[];		/* value_size bytes; the key follows, rounded up to 8 */
};

struct lpm_trie {
	struct bpf_map map;
	struct rb_root elements;
	u32 max_prefix;
	u32 count;
	u32 lengths[];		/* how many elements have a prefix of so many bits */
};

static struct lpm_trie *to_trie(struct bpf_map *map)
{
	return container_of(map, struct lpm_trie, map);
}

static struct bpf_lpm_trie_key *key_of(const struct lpm_trie *trie, struct lpm_element *element)
{
	return (void *)element->value + round_up(trie->map.value_size, 8);
}

static struct bpf_map *trie_alloc(union bpf_attr *attr)
{
	struct lpm_trie *trie;
	u32 bits;

	if (!bpf_capable())
		return ERR_PTR(-EPERM);
	if (!attr->max_entries || !(attr->map_flags & BPF_F_NO_PREALLOC) || attr->map_flags & ~LPM_FLAGS ||
	    !bpf_map_flags_access_ok(attr->map_flags) || attr->key_size < LPM_KEY_MIN || attr->key_size > LPM_KEY_MAX ||
	    !attr->value_size || attr->value_size > KMALLOC_MAX_SIZE - LPM_DATA_MAX - sizeof(struct lpm_element))
		return ERR_PTR(-EINVAL);
	bits = (attr->key_size - sizeof(struct bpf_lpm_trie_key)) * 8;
	trie = bpf_map_area_alloc(sizeof(*trie) + (bits + 1) * sizeof(trie->lengths[0]));
	if (!trie)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&trie->map, attr);
	trie->max_prefix = bits;
	trie->elements = RB_ROOT;
	return &trie->map;
}

static void trie_free(struct bpf_map *map)
{
	struct lpm_trie *trie = to_trie(map);
	struct rb_node *node;

	while ((node = rb_first(&trie->elements))) {
		rb_erase(node, &trie->elements);
		kfree(rb_entry(node, struct lpm_element, node));
	}
	bpf_map_area_free(trie);
}

/* Bits from the start that are the same, at most @most. */
static u32 common_bits(const u8 *a, const u8 *b, u32 most)
{
	u32 bits = 0;

	while (bits < most && a[bits / 8] == b[bits / 8])
		bits += 8;
	if (bits >= most)
		return most;
	bits += __builtin_clz(a[bits / 8] ^ b[bits / 8]) - 24;
	return bits < most ? bits : most;
}

/* Negative if @a, of which @bits count, comes before @b. */
static int compare(const struct bpf_lpm_trie_key *a, u32 bits, const struct bpf_lpm_trie_key *b)
{
	u32 most = bits < b->prefixlen ? bits : b->prefixlen;
	u32 common = common_bits(a->data, b->data, most);

	if (common < most)
		return a->data[common / 8] & 0x80 >> common % 8 ? 1 : -1;
	if (bits == b->prefixlen)
		return 0;
	if (bits > b->prefixlen)
		return -1;
	/* The shorter comes after all that begin with it. */
	return 1;
}

static struct lpm_element *find(struct lpm_trie *trie, const struct bpf_lpm_trie_key *key, u32 bits)
{
	struct rb_node *node = trie->elements.rb_node;

	while (node) {
		struct lpm_element *element = rb_entry(node, struct lpm_element, node);
		int order = compare(key, bits, key_of(trie, element));

		if (!order)
			return element;
		node = order < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

static void *trie_lookup_elem(struct bpf_map *map, void *_key)
{
	struct lpm_trie *trie = to_trie(map);
	struct bpf_lpm_trie_key *key = _key;
	u32 bits = key->prefixlen;

	if (bits > trie->max_prefix)
		return NULL;
	for (bits++; bits-- > 0; ) {
		struct lpm_element *element = trie->lengths[bits] ? find(trie, key, bits) : NULL;

		if (element)
			return element->value;
	}
	return NULL;
}

static void free_element(struct bpf_deferred *deferred)
{
	kfree(container_of(deferred, struct lpm_element, deferred));
}

/* Programs may still look at the value. */
static void drop(struct lpm_trie *trie, struct lpm_element *element)
{
	trie->lengths[key_of(trie, element)->prefixlen]--;
	trie->count--;
	rb_erase(&element->node, &trie->elements);
	bpf_call_after_programs(&element->deferred, free_element);
}

static void insert(struct lpm_trie *trie, struct lpm_element *new)
{
	struct rb_node **slot = &trie->elements.rb_node, *parent = NULL;
	const struct bpf_lpm_trie_key *key = key_of(trie, new);

	while (*slot) {
		parent = *slot;
		if (compare(key, key->prefixlen, key_of(trie, rb_entry(parent, struct lpm_element, node))) < 0)
			slot = &parent->rb_left;
		else
			slot = &parent->rb_right;
	}
	rb_link_node(&new->node, parent, slot);
	rb_insert_color(&new->node, &trie->elements);
	trie->lengths[key->prefixlen]++;
	trie->count++;
}

static int trie_update_elem(struct bpf_map *map, void *_key, void *value, u64 flags)
{
	struct lpm_trie *trie = to_trie(map);
	struct bpf_lpm_trie_key *key = _key;
	struct lpm_element *old, *new;

	if (flags > BPF_EXIST || key->prefixlen > trie->max_prefix)
		return -EINVAL;
	old = find(trie, key, key->prefixlen);
	if (old && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!old && flags == BPF_EXIST)
		return -ENOENT;
	if (!old && trie->count == map->max_entries)
		return -ENOSPC;
	new = kmalloc(sizeof(*new) + round_up(map->value_size, 8) + map->key_size, GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return -ENOMEM;
	memcpy(new->value, value, map->value_size);
	memcpy(key_of(trie, new), key, map->key_size);
	if (old)
		drop(trie, old);
	insert(trie, new);
	return 0;
}

static int trie_delete_elem(struct bpf_map *map, void *_key)
{
	struct lpm_trie *trie = to_trie(map);
	struct bpf_lpm_trie_key *key = _key;
	struct lpm_element *element;

	if (key->prefixlen > trie->max_prefix)
		return -EINVAL;
	element = find(trie, key, key->prefixlen);
	if (!element)
		return -ENOENT;
	drop(trie, element);
	return 0;
}

/* A key that is not there is followed by the first. */
static int trie_get_next_key(struct bpf_map *map, void *_key, void *next_key)
{
	struct lpm_trie *trie = to_trie(map);
	struct bpf_lpm_trie_key *key = _key;
	struct lpm_element *element = NULL;
	struct rb_node *next;

	if (key && key->prefixlen <= trie->max_prefix)
		element = find(trie, key, key->prefixlen);
	next = element ? rb_next(&element->node) : rb_first(&trie->elements);
	if (!next)
		return -ENOENT;
	memcpy(next_key, key_of(trie, rb_entry(next, struct lpm_element, node)), map->key_size);
	return 0;
}

const struct bpf_map_ops trie_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc = trie_alloc,
	.map_free = trie_free,
	.map_get_next_key = trie_get_next_key,
	.map_lookup_elem = trie_lookup_elem,
	.map_update_elem = trie_update_elem,
	.map_delete_elem = trie_delete_elem,
	.map_lookup_batch = generic_map_lookup_batch,
	.map_update_batch = generic_map_update_batch,
	.map_delete_batch = generic_map_delete_batch,
};
