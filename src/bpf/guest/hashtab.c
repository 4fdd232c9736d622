// SPDX-License-Identifier: MIT
/*
 * Hash maps: plain, per CPU (there is one CPU), and with the least recently used element giving way when the map is full.
 * Unless BPF_F_NO_PREALLOC is given, all elements are allocated when the map is made, so that programs on probes inside
 * the allocator may update the map.
 */
#include <kernel/mm.h>
#include "internal.h"
#include "lru_list.h"

#define HTAB_CREATE_FLAG_MASK							\
	(BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_RDONLY |	\
	 BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG | BPF_F_ZERO_SEED)

/* Offsets are Linux's, so that dumps of programs with look-ups in them are the same. */
struct htab_elem {
	struct list_head hash_node;	/* in a bucket, or in the free list */
	struct bpf_lru_node lru_node;
	u32 hash;
	char key[] __aligned(8);	/* the value follows, aligned to 8 */
};
_Static_assert(offsetof(struct htab_elem, key) == 48, "struct htab_elem");

struct bpf_htab {
	struct bpf_map map;
	struct list_head *buckets;
	u32 n_buckets;
	u32 elem_size;
	u32 count;
	void *elems;			/* preallocated */
	struct list_head free;
	struct bpf_lru lru;
};

size_t bpf_htab_key_offset(void)
{
	return offsetof(struct htab_elem, key);
}

size_t bpf_htab_ref_offset(void)
{
	return offsetof(struct htab_elem, lru_node) + offsetof(struct bpf_lru_node, ref);
}

static struct bpf_htab *to_htab(struct bpf_map *map)
{
	return container_of(map, struct bpf_htab, map);
}

static bool is_lru(const struct bpf_htab *htab)
{
	return htab->map.map_type == BPF_MAP_TYPE_LRU_HASH || htab->map.map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_prealloc(const struct bpf_htab *htab)
{
	return !(htab->map.map_flags & BPF_F_NO_PREALLOC);
}

static void *elem_value(const struct bpf_htab *htab, struct htab_elem *elem)
{
	return elem->key + round_up(htab->map.key_size, 8);
}

static u32 word_at(const u8 *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24;
}

/*
 * Bob Jenkins' hash (lookup3.c, public domain) from the seed 0, which is what BPF_F_ZERO_SEED asks for; the order of
 * iteration follows from it. Maps without the flag have it too, so that runs can be repeated.
 */
static u32 htab_hash(const void *key, u32 length)
{
	u32 a = 0xdeadbeef + length, b = a, c = a;
	const u8 *at = key;
	u8 rest[12] = { 0 };

	for (; length > 12; length -= 12, at += 12) {
		a += word_at(at);
		b += word_at(at + 4);
		c += word_at(at + 8);
		a -= c; a ^= rol32(c, 4); c += b;
		b -= a; b ^= rol32(a, 6); a += c;
		c -= b; c ^= rol32(b, 8); b += a;
		a -= c; a ^= rol32(c, 16); c += b;
		b -= a; b ^= rol32(a, 19); a += c;
		c -= b; c ^= rol32(b, 4); b += a;
	}
	if (!length)
		return c;
	memcpy(rest, at, length);
	a += word_at(rest);
	b += word_at(rest + 4);
	c += word_at(rest + 8);
	c ^= b; c -= rol32(b, 14);
	a ^= c; a -= rol32(c, 11);
	b ^= a; b -= rol32(a, 25);
	c ^= b; c -= rol32(b, 16);
	a ^= c; a -= rol32(c, 4);
	b ^= a; b -= rol32(a, 14);
	c ^= b; c -= rol32(b, 24);
	return c;
}

static int htab_map_alloc_check(union bpf_attr *attr)
{
	bool percpu = attr->map_type == BPF_MAP_TYPE_PERCPU_HASH || attr->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool lru = attr->map_type == BPF_MAP_TYPE_LRU_HASH || attr->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;

	if (lru && !bpf_capable())
		return -EPERM;
	if ((attr->map_flags & BPF_F_ZERO_SEED) && !bpf_capable())
		return -EPERM;
	if (attr->map_flags & ~HTAB_CREATE_FLAG_MASK || !bpf_map_flags_access_ok(attr->map_flags))
		return -EINVAL;
	if (!lru && (attr->map_flags & BPF_F_NO_COMMON_LRU))
		return -EINVAL;
	if (lru && (attr->map_flags & BPF_F_NO_PREALLOC))
		return -ENOTSUPP;
	if ((attr->map_flags & BPF_F_NUMA_NODE) && (percpu || (attr->map_flags & BPF_F_NO_COMMON_LRU)))
		return -EINVAL;
	if (attr->max_entries == 0 || attr->key_size == 0 || attr->value_size == 0)
		return -EINVAL;
	if ((u64)attr->key_size + attr->value_size >= KMALLOC_MAX_SIZE - sizeof(struct htab_elem))
		return -E2BIG;
	if (percpu && round_up(attr->value_size, 8) > 32 << 10)
		return -E2BIG;
	return 0;
}

static bool htab_lru_map_delete_node(void *map, struct bpf_lru_node *node);

static struct bpf_map *htab_map_alloc(union bpf_attr *attr)
{
	struct bpf_htab *htab = kzalloc(sizeof(*htab), GFP_USER | __GFP_ACCOUNT);
	u64 buckets = 1, count;
	u32 i;

	if (!htab)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&htab->map, attr);
	INIT_LIST_HEAD(&htab->free);
	bpf_lru_init(&htab->lru, attr->map_flags & BPF_F_NO_COMMON_LRU, htab_lru_map_delete_node, htab);
	while (buckets < attr->max_entries)
		buckets <<= 1;
	if (buckets > U32_MAX / sizeof(*htab->buckets)) {
		kfree(htab);
		return ERR_PTR(-E2BIG);
	}
	htab->n_buckets = buckets;
	htab->elem_size = sizeof(struct htab_elem) + round_up(attr->key_size, 8) + round_up(attr->value_size, 8);
	htab->buckets = bpf_map_area_alloc(buckets * sizeof(*htab->buckets));
	/* One more than can be in the map: an update takes a new element before the old one is free. */
	count = attr->max_entries + !is_lru(htab);
	if (htab->buckets && is_prealloc(htab))
		htab->elems = bpf_map_area_alloc(count * htab->elem_size);
	if (!htab->buckets || (is_prealloc(htab) && !htab->elems)) {
		bpf_map_area_free(htab->buckets);
		kfree(htab);
		return ERR_PTR(-ENOMEM);
	}
	for (i = 0; i < htab->n_buckets; i++)
		INIT_LIST_HEAD(&htab->buckets[i]);
	if (is_prealloc(htab)) {
		for (i = 0; i < count; i++) {
			struct htab_elem *elem = htab->elems + (u64)i * htab->elem_size;

			if (is_lru(htab))
				bpf_lru_add(&htab->lru, &elem->lru_node);
			else
				list_add_tail(&elem->hash_node, &htab->free);
		}
	}
	return &htab->map;
}

/* Nobody outside of the kernel holds the map any more: what could keep a program alive for ever ends. */
static void htab_map_free_timers(struct bpf_map *map)
{
	struct bpf_htab *htab = to_htab(map);
	struct htab_elem *elem;
	u32 i;

	for (i = 0; map->timer && i < htab->n_buckets; i++)
		list_for_each_entry(elem, &htab->buckets[i], hash_node)
			bpf_timer_cancel_and_free(elem_value(htab, elem) + map->timer - 1);
}

static void htab_map_free(struct bpf_map *map)
{
	struct bpf_htab *htab = to_htab(map);
	struct htab_elem *elem, *next;
	u32 i;

	htab_map_free_timers(map);

	if (!is_prealloc(htab)) {
		for (i = 0; i < htab->n_buckets; i++)
			list_for_each_entry_safe(elem, next, &htab->buckets[i], hash_node)
				kfree(elem);
		list_for_each_entry_safe(elem, next, &htab->free, hash_node)
			kfree(elem);
	}
	bpf_map_area_free(htab->elems);
	bpf_map_area_free(htab->buckets);
	kfree(htab);
}

static struct list_head *bucket_of(struct bpf_htab *htab, u32 hash)
{
	return &htab->buckets[hash & (htab->n_buckets - 1)];
}

static struct htab_elem *find(struct bpf_htab *htab, const void *key, u32 hash)
{
	struct htab_elem *elem;

	list_for_each_entry(elem, bucket_of(htab, hash), hash_node)
		if (elem->hash == hash && !memcmp(elem->key, key, htab->map.key_size))
			return elem;
	return NULL;
}

/* The element itself: programs' look-ups are generated around this. */
__BPF_HELPER(__htab_map_lookup_elem, bpf_helper_entry_hash_lookup, BPF_COP_HELPER_HASH_LOOKUP)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return (u64)find(to_htab(map), (void *)r2, htab_hash((void *)r2, map->key_size));
}

static void *htab_map_lookup_elem(struct bpf_map *map, void *key)
{
	struct bpf_htab *htab = to_htab(map);
	struct htab_elem *elem = find(htab, key, htab_hash(key, map->key_size));

	return elem ? elem_value(htab, elem) : NULL;
}

/* A program's look-up in an LRU map counts as a use, user space's does not. */
static void *htab_lru_map_lookup_elem(struct bpf_map *map, void *key)
{
	struct htab_elem *elem = find(to_htab(map), key, htab_hash(key, map->key_size));

	if (!elem)
		return NULL;
	bpf_lru_node_set_ref(&elem->lru_node);
	return elem_value(to_htab(map), elem);
}

static bool htab_lru_map_delete_node(void *map, struct bpf_lru_node *node)
{
	struct htab_elem *elem = container_of(node, struct htab_elem, lru_node);
	struct bpf_htab *htab = map;

	if (list_empty(&elem->hash_node))
		return false;
	bpf_map_free_fields(&htab->map, elem_value(htab, elem));
	list_del_init(&elem->hash_node);
	htab->count--;
	return true;
}

static void drop(struct bpf_htab *htab, struct htab_elem *elem)
{
	if (is_lru(htab)) {
		htab_lru_map_delete_node(htab, &elem->lru_node);
		bpf_lru_push_free(&htab->lru, &elem->lru_node);
		return;
	}
	list_del(&elem->hash_node);
	bpf_map_free_fields(&htab->map, elem_value(htab, elem));
	if (htab->map.map_type == BPF_MAP_TYPE_HASH_OF_MAPS)
		htab->map.ops->map_fd_put_ptr(*(void **)elem_value(htab, elem));
	/* Kept for reuse even if it was allocated for itself: a program may still hold a pointer to its value. */
	list_add(&elem->hash_node, &htab->free);
	htab->count--;
}

/* An unused element, or ERR_PTR. The map holds fewer than max_entries, or @replaces says that an old one goes. */
static struct htab_elem *take(struct bpf_htab *htab, bool replaces)
{
	struct htab_elem *elem;

	if (!replaces && htab->count >= htab->map.max_entries)
		return ERR_PTR(-E2BIG);
	if (list_empty(&htab->free)) {
		elem = kmalloc(htab->elem_size, GFP_NOWAIT | __GFP_NOWARN);
		if (!elem)
			return ERR_PTR(-ENOMEM);
		/* It belongs to the map, not to what the probed task is doing. */
		kmem_not_a_leak(elem);
		return elem;
	}
	elem = list_first_entry(&htab->free, struct htab_elem, hash_node);
	list_del(&elem->hash_node);
	return elem;
}

/* The value of an element that was free. */
static void write_new(const struct bpf_htab *htab, struct htab_elem *elem, const void *value)
{
	if (htab->map.map_type == BPF_MAP_TYPE_HASH_OF_MAPS) {
		memcpy(elem_value(htab, elem), value, sizeof(void *));
		return;
	}
	bpf_map_clear_fields(&htab->map, elem_value(htab, elem));
	bpf_map_write_value(&htab->map, elem_value(htab, elem), value);
}

static int check_update(const struct htab_elem *old, u64 flags)
{
	if (old && (flags & ~BPF_F_LOCK) == BPF_NOEXIST)
		return -EEXIST;
	if (!old && (flags & ~BPF_F_LOCK) == BPF_EXIST)
		return -ENOENT;
	return 0;
}

static int htab_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	struct bpf_htab *htab = to_htab(map);
	u32 hash = htab_hash(key, map->key_size);
	struct htab_elem *old, *elem;
	int err;

	if ((flags & ~BPF_F_LOCK) > BPF_EXIST || bpf_map_check_lock_flag(map, flags))
		return -EINVAL;
	old = find(htab, key, hash);
	err = check_update(old, flags);
	if (err)
		return err;
	if (old && (flags & BPF_F_LOCK)) {
		bpf_map_write_value(map, elem_value(htab, old), value);
		return 0;
	}
	if (old && bpf_map_is_percpu(map)) {
		memcpy(elem_value(htab, old), value, map->value_size);
		return 0;
	}
	elem = take(htab, old);
	if (IS_ERR(elem))
		return bpf_map_error(elem);
	elem->hash = hash;
	memcpy(elem->key, key, map->key_size);
	write_new(htab, elem, value);
	list_add(&elem->hash_node, bucket_of(htab, hash));
	htab->count++;
	if (old)
		drop(htab, old);
	return 0;
}

/*
 * An element is taken before the key is looked up: taking one may evict another, perhaps this one, and does so even if the
 * update then fails.
 */
static struct htab_elem *lru_take(struct bpf_htab *htab, const void *key, u32 hash)
{
	struct bpf_lru_node *node = bpf_lru_pop_free(&htab->lru);
	struct htab_elem *elem;

	if (!node)
		return NULL;
	elem = container_of(node, struct htab_elem, lru_node);
	INIT_LIST_HEAD(&elem->hash_node);
	elem->hash = hash;
	memcpy(elem->key, key, htab->map.key_size);
	return elem;
}

static void lru_insert(struct bpf_htab *htab, struct htab_elem *elem)
{
	list_add(&elem->hash_node, bucket_of(htab, elem->hash));
	htab->count++;
}

static int htab_lru_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	struct bpf_htab *htab = to_htab(map);
	u32 hash = htab_hash(key, map->key_size);
	struct htab_elem *old, *elem;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	elem = lru_take(htab, key, hash);
	if (!elem)
		return -ENOMEM;
	write_new(htab, elem, value);
	old = find(htab, key, hash);
	err = check_update(old, flags);
	if (err) {
		bpf_lru_push_free(&htab->lru, &elem->lru_node);
		return err;
	}
	lru_insert(htab, elem);
	if (old) {
		bpf_lru_node_set_ref(&elem->lru_node);
		drop(htab, old);
	}
	return 0;
}

static int htab_lru_percpu_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	struct bpf_htab *htab = to_htab(map);
	u32 hash = htab_hash(key, map->key_size);
	struct htab_elem *old, *elem = NULL;
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (flags != BPF_EXIST) {
		elem = lru_take(htab, key, hash);
		if (!elem)
			return -ENOMEM;
	}
	old = find(htab, key, hash);
	err = check_update(old, flags);
	if (!err && !old) {
		memcpy(elem_value(htab, elem), value, map->value_size);
		lru_insert(htab, elem);
		return 0;
	}
	if (!err) {
		bpf_lru_node_set_ref(&old->lru_node);
		memcpy(elem_value(htab, old), value, map->value_size);
	}
	if (elem)
		bpf_lru_push_free(&htab->lru, &elem->lru_node);
	return err;
}

/* The same under the names that dumps of programs show: what a program calls on a per-CPU map. */
static noinline void *htab_percpu_map_lookup_elem(struct bpf_map *map, void *key)
{
	return htab_map_lookup_elem(map, key);
}

static noinline void *htab_lru_percpu_map_lookup_elem(struct bpf_map *map, void *key)
{
	return htab_lru_map_lookup_elem(map, key);
}

static noinline int htab_percpu_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	return htab_map_update_elem(map, key, value, flags);
}

static int htab_map_delete_elem(struct bpf_map *map, void *key)
{
	struct bpf_htab *htab = to_htab(map);
	struct htab_elem *elem = find(htab, key, htab_hash(key, map->key_size));

	if (!elem)
		return -ENOENT;
	drop(htab, elem);
	return 0;
}

static noinline int htab_lru_map_delete_elem(struct bpf_map *map, void *key)
{
	return htab_map_delete_elem(map, key);
}

static int htab_map_get_next_key(struct bpf_map *map, void *key, void *next_key)
{
	struct bpf_htab *htab = to_htab(map);
	struct htab_elem *elem = NULL;
	u32 i = 0;

	if (key) {
		u32 hash = htab_hash(key, map->key_size);

		elem = find(htab, key, hash);
		if (elem) {
			i = hash & (htab->n_buckets - 1);
			if (!list_is_last(&elem->hash_node, &htab->buckets[i])) {
				elem = list_next_entry(elem, hash_node);
				memcpy(next_key, elem->key, map->key_size);
				return 0;
			}
			i++;
		}
	}
	for (; i < htab->n_buckets; i++) {
		if (list_empty(&htab->buckets[i]))
			continue;
		elem = list_first_entry(&htab->buckets[i], struct htab_elem, hash_node);
		memcpy(next_key, elem->key, map->key_size);
		return 0;
	}
	return -ENOENT;
}

/* Whole buckets at a time; the place where the next call goes on is a bucket's number. */
static int copy_buckets(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr, void *shown,
			bool delete)
{
	char __user *keys = u64_to_user_ptr(attr->batch.keys), *values = u64_to_user_ptr(attr->batch.values);
	void __user *in = u64_to_user_ptr(attr->batch.in_batch);
	u32 size = bpf_map_value_size(map), batch = 0, total = 0;
	struct bpf_htab *htab = to_htab(map);
	int err = 0;

	if ((attr->batch.elem_flags & ~BPF_F_LOCK) || bpf_map_check_lock_flag(map, attr->batch.elem_flags) ||
	    attr->batch.flags)
		return -EINVAL;
	if (!attr->batch.count)
		return 0;
	if (put_user(0, &uattr->batch.count))
		return -EFAULT;
	if (in && copy_from_user(&batch, in, sizeof(batch)))
		return -EFAULT;
	if (batch >= htab->n_buckets)
		return -ENOENT;
	for (; batch < htab->n_buckets; batch++) {
		struct list_head *bucket = &htab->buckets[batch];
		struct htab_elem *elem, *next;
		u32 count = 0;

		list_for_each_entry(elem, bucket, hash_node)
			count++;
		if (count > attr->batch.count - total) {
			if (!total)
				err = -ENOSPC;
			break;
		}
		list_for_each_entry_safe(elem, next, bucket, hash_node) {
			void *value = elem_value(htab, elem);
			u32 inner;

			if (map->ops->map_fd_sys_lookup_elem) {
				inner = map->ops->map_fd_sys_lookup_elem(*(void **)value);
				value = &inner;
			} else if (map->field_count) {
				value = memcpy(shown, value, size);
				bpf_map_clear_fields(map, value);
			}
			if (copy_to_user(keys + (u64)total * map->key_size, elem->key, map->key_size) ||
			    copy_to_user(values + (u64)total * size, value, size))
				return -EFAULT;
			total++;
			if (delete)
				drop(htab, elem);
		}
	}
	if (batch == htab->n_buckets)
		err = -ENOENT;
	if (copy_to_user(u64_to_user_ptr(attr->batch.out_batch), &batch, sizeof(batch)) ||
	    put_user(total, &uattr->batch.count))
		return -EFAULT;
	return err;
}

static int lookup_batch(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr, bool delete)
{
	/* Room for a value without what user space may not see. */
	void *shown = map->field_count ? kvmalloc(map->value_size, GFP_USER | __GFP_NOWARN) : NULL;
	int err = map->field_count && !shown ? -ENOMEM : copy_buckets(map, attr, uattr, shown, delete);

	kvfree(shown);
	return err;
}

static int htab_map_lookup_batch(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	return lookup_batch(map, attr, uattr, false);
}

static int htab_map_lookup_and_delete_batch(struct bpf_map *map, const union bpf_attr *attr,
					    union bpf_attr __user *uattr)
{
	return lookup_batch(map, attr, uattr, true);
}

#define HTAB_OPS						\
	.map_alloc_check = htab_map_alloc_check,		\
	.map_alloc = htab_map_alloc,				\
	.map_free = htab_map_free,				\
	.map_release_uref = htab_map_free_timers,		\
	.map_get_next_key = htab_map_get_next_key,		\
	.map_meta_equal = bpf_map_meta_equal,			\
	.map_lookup_batch = htab_map_lookup_batch,		\
	.map_lookup_and_delete_batch = htab_map_lookup_and_delete_batch,	\
	.map_update_batch = generic_map_update_batch,		\
	.map_delete_batch = generic_map_delete_batch

const struct bpf_map_ops htab_map_ops = {
	HTAB_OPS,
	.map_lookup_elem = htab_map_lookup_elem,
	.map_update_elem = htab_map_update_elem,
	.map_delete_elem = htab_map_delete_elem,
};

const struct bpf_map_ops htab_percpu_map_ops = {
	HTAB_OPS,
	.map_lookup_elem = htab_percpu_map_lookup_elem,
	.map_update_elem = htab_percpu_map_update_elem,
	.map_delete_elem = htab_map_delete_elem,
};

const struct bpf_map_ops htab_lru_map_ops = {
	HTAB_OPS,
	.map_lookup_elem = htab_lru_map_lookup_elem,
	.map_lookup_elem_sys_only = htab_map_lookup_elem,
	.map_update_elem = htab_lru_map_update_elem,
	.map_delete_elem = htab_lru_map_delete_elem,
};

const struct bpf_map_ops htab_lru_percpu_map_ops = {
	HTAB_OPS,
	.map_lookup_elem = htab_lru_percpu_map_lookup_elem,
	.map_lookup_elem_sys_only = htab_map_lookup_elem,
	.map_update_elem = htab_lru_percpu_map_update_elem,
	.map_delete_elem = htab_lru_map_delete_elem,
};

/* ---- hashes of maps ---- */

static int fd_htab_map_alloc_check(union bpf_attr *attr)
{
	return attr->value_size == sizeof(u32) ? htab_map_alloc_check(attr) : -EINVAL;
}

static struct bpf_map *htab_of_map_alloc(union bpf_attr *attr)
{
	struct bpf_map *meta = bpf_map_meta_alloc(attr->inner_map_fd), *map;

	if (IS_ERR(meta))
		return meta;
	map = htab_map_alloc(attr);
	if (IS_ERR(map))
		bpf_map_meta_free(meta);
	else
		map->inner_map_meta = meta;
	return map;
}

static void htab_of_map_free(struct bpf_map *map)
{
	struct bpf_htab *htab = to_htab(map);
	struct htab_elem *elem, *next;
	u32 i;

	for (i = 0; i < htab->n_buckets; i++)
		list_for_each_entry_safe(elem, next, &htab->buckets[i], hash_node)
			drop(htab, elem);
	bpf_map_meta_free(map->inner_map_meta);
	htab_map_free(map);
}

/* What programs get: the map itself. */
static void *htab_of_map_lookup_elem(struct bpf_map *map, void *key)
{
	void **inner = htab_map_lookup_elem(map, key);

	return inner ? *inner : NULL;
}

int bpf_fd_htab_map_lookup_elem(struct bpf_map *map, void *key, u32 *value)
{
	void *ptr = htab_of_map_lookup_elem(map, key);

	if (!ptr)
		return -ENOENT;
	*value = map->ops->map_fd_sys_lookup_elem(ptr);
	return 0;
}

int bpf_fd_htab_map_update_elem(struct bpf_map *map, struct file *map_file, void *key, void *value, u64 flags)
{
	void *ptr = map->ops->map_fd_get_ptr(map, map_file, *(u32 *)value);
	int err;

	if (IS_ERR(ptr))
		return PTR_ERR(ptr);
	err = htab_map_update_elem(map, key, &ptr, flags);
	if (err)
		map->ops->map_fd_put_ptr(ptr);
	return err;
}

const struct bpf_map_ops htab_of_maps_map_ops = {
	.map_alloc_check = fd_htab_map_alloc_check,
	.map_alloc = htab_of_map_alloc,
	.map_free = htab_of_map_free,
	.map_get_next_key = htab_map_get_next_key,
	.map_lookup_elem = htab_of_map_lookup_elem,
	.map_delete_elem = htab_map_delete_elem,
	.map_fd_get_ptr = bpf_map_fd_get_ptr,
	.map_fd_put_ptr = bpf_map_fd_put_ptr,
	.map_fd_sys_lookup_elem = bpf_map_fd_sys_lookup_elem,
	.map_lookup_batch = htab_map_lookup_batch,
	.map_lookup_and_delete_batch = htab_map_lookup_and_delete_batch,
	.map_update_batch = generic_map_update_batch,
	.map_delete_batch = generic_map_delete_batch,
};
