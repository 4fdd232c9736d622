// SPDX-License-Identifier: MIT
/* Maps without keys: values are pushed, and popped from the other end (queue) or the same end (stack). */
#include <kernel/mm.h>
#include "internal.h"

struct bpf_queue_stack {
	struct bpf_map map;
	u32 head, tail;		/* next to push, next to pop */
	u32 size;		/* max_entries + 1: a full ring has one free place */
	char elements[] __aligned(8);
};

static struct bpf_queue_stack *to_queue_stack(struct bpf_map *map)
{
	return container_of(map, struct bpf_queue_stack, map);
}

static int queue_stack_map_alloc_check(union bpf_attr *attr)
{
	const u32 allowed = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG;

	if (!bpf_capable())
		return -EPERM;
	if (attr->max_entries == 0 || attr->key_size != 0 || attr->value_size == 0 || attr->map_flags & ~allowed ||
	    !bpf_map_flags_access_ok(attr->map_flags))
		return -EINVAL;
	if (attr->value_size > KMALLOC_MAX_SIZE)
		return -E2BIG;
	return 0;
}

static struct bpf_map *queue_stack_map_alloc(union bpf_attr *attr)
{
	u64 size = (u64)attr->max_entries + 1;
	struct bpf_queue_stack *qs = bpf_map_area_alloc(sizeof(*qs) + size * attr->value_size);

	if (!qs)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&qs->map, attr);
	qs->size = size;
	return &qs->map;
}

static void queue_stack_map_free(struct bpf_map *map)
{
	bpf_map_area_free(to_queue_stack(map));
}

static void *element(struct bpf_queue_stack *qs, u32 index)
{
	return qs->elements + (u64)index * qs->map.value_size;
}

static int queue_get(struct bpf_map *map, void *value, bool delete)
{
	struct bpf_queue_stack *qs = to_queue_stack(map);

	if (qs->head == qs->tail) {
		memset(value, 0, map->value_size);
		return -ENOENT;
	}
	memcpy(value, element(qs, qs->tail), map->value_size);
	if (delete && ++qs->tail >= qs->size)
		qs->tail = 0;
	return 0;
}

static int stack_get(struct bpf_map *map, void *value, bool delete)
{
	struct bpf_queue_stack *qs = to_queue_stack(map);
	u32 index = (qs->head ?: qs->size) - 1;

	if (qs->head == qs->tail) {
		memset(value, 0, map->value_size);
		return -ENOENT;
	}
	memcpy(value, element(qs, index), map->value_size);
	if (delete)
		qs->head = index;
	return 0;
}

static int queue_map_pop_elem(struct bpf_map *map, void *value) { return queue_get(map, value, true); }
static int queue_map_peek_elem(struct bpf_map *map, void *value) { return queue_get(map, value, false); }
static int stack_map_pop_elem(struct bpf_map *map, void *value) { return stack_get(map, value, true); }
static int stack_map_peek_elem(struct bpf_map *map, void *value) { return stack_get(map, value, false); }

static int queue_stack_map_push_elem(struct bpf_map *map, void *value, u64 flags)
{
	struct bpf_queue_stack *qs = to_queue_stack(map);
	u32 next = qs->head + 1 >= qs->size ? 0 : qs->head + 1;

	/* BPF_EXIST: a full queue or stack loses its oldest value. */
	if (flags & BPF_NOEXIST || flags > BPF_EXIST)
		return -EINVAL;
	if (next == qs->tail) {
		if (!(flags & BPF_EXIST))
			return -E2BIG;
		if (++qs->tail >= qs->size)
			qs->tail = 0;
	}
	memcpy(element(qs, qs->head), value, map->value_size);
	qs->head = next;
	return 0;
}

static void *queue_stack_map_lookup_elem(struct bpf_map *map, void *key)
{
	return NULL;
}

static int queue_stack_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	return -EINVAL;
}

static int queue_stack_map_delete_elem(struct bpf_map *map, void *key)
{
	return -EINVAL;
}

static int queue_stack_map_get_next_key(struct bpf_map *map, void *key, void *next_key)
{
	return -EINVAL;
}

#define QUEUE_STACK_OPS						\
	.map_alloc_check = queue_stack_map_alloc_check,		\
	.map_alloc = queue_stack_map_alloc,			\
	.map_free = queue_stack_map_free,			\
	.map_lookup_elem = queue_stack_map_lookup_elem,		\
	.map_update_elem = queue_stack_map_update_elem,		\
	.map_delete_elem = queue_stack_map_delete_elem,		\
	.map_get_next_key = queue_stack_map_get_next_key,	\
	.map_push_elem = queue_stack_map_push_elem

const struct bpf_map_ops queue_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	QUEUE_STACK_OPS,
	.map_pop_elem = queue_map_pop_elem,
	.map_peek_elem = queue_map_peek_elem,
};

const struct bpf_map_ops stack_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	QUEUE_STACK_OPS,
	.map_pop_elem = stack_map_pop_elem,
	.map_peek_elem = stack_map_peek_elem,
};
