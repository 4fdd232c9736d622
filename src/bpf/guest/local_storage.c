// SPDX-License-Identifier: MIT
/*
 * Local storage: values that belong to a task or an inode, and go with it. Programs find them by the structure, user space by a
 * descriptor of it. (Documentation/bpf/map_sk_storage.rst tells the same of sockets; bpf_local_storage.c the order of the checks)
 *
 * An owner's values are found through the map: a bucket of a table by the owner's address. What ends with an owner is looked for
 * in every map, of which there are few.
 */
#include <kernel/bpf_local_storage.h>
#include <kernel/mm.h>
#include "../../kernel/process/process.h"
#include "internal.h"
#include "sleepable.h"

#define BUCKETS		64
#define MAX_VALUE_SIZE	65407	/* Linux's, with what its elements have beside the value */

struct storage_element {
	struct list_head bucket_node;
	struct bpf_deferred deferred;
	const void *owner;
	u64 value[];
};

struct storage_map {
	struct bpf_map map;
	struct list_head maps;		/* in all_maps */
	struct list_head buckets[BUCKETS];
};

static LIST_HEAD(all_maps);

static struct storage_map *to_storage(struct bpf_map *map)
{
	return container_of(map, struct storage_map, map);
}

static struct list_head *bucket_of(struct storage_map *storage, const void *owner)
{
	return &storage->buckets[((unsigned long)owner >> 6) % BUCKETS];
}

static int storage_map_alloc_check(union bpf_attr *attr)
{
	if (attr->map_flags & ~(BPF_F_NO_PREALLOC | BPF_F_CLONE) || !(attr->map_flags & BPF_F_NO_PREALLOC) ||
	    attr->max_entries || attr->key_size != sizeof(int) || !attr->value_size || !attr->btf_key_type_id ||
	    !attr->btf_value_type_id)
		return -EINVAL;
	if (!bpf_capable())
		return -EPERM;
	return attr->value_size > MAX_VALUE_SIZE ? -E2BIG : 0;
}

static struct bpf_map *storage_map_alloc(union bpf_attr *attr)
{
	struct storage_map *storage = bpf_map_area_alloc(sizeof(*storage));
	u32 i;

	if (!storage)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&storage->map, attr);
	for (i = 0; i < BUCKETS; i++)
		INIT_LIST_HEAD(&storage->buckets[i]);
	list_add(&storage->maps, &all_maps);
	return &storage->map;
}

static void free_element(struct bpf_deferred *deferred)
{
	kfree(container_of(deferred, struct storage_element, deferred));
}

/* Programs may still look at the value. */
static void drop(struct storage_element *element)
{
	list_del(&element->bucket_node);
	bpf_call_after_programs(&element->deferred, free_element);
}

static void storage_map_free(struct bpf_map *map)
{
	struct storage_map *storage = to_storage(map);
	struct storage_element *element, *next;
	u32 i;

	for (i = 0; i < BUCKETS; i++)
		list_for_each_entry_safe(element, next, &storage->buckets[i], bucket_node)
			drop(element);
	list_del(&storage->maps);
	bpf_map_area_free(storage);
}

void bpf_local_storage_owner_gone(const void *owner)
{
	struct storage_element *element, *next;
	struct storage_map *storage;

	list_for_each_entry(storage, &all_maps, maps)
		list_for_each_entry_safe(element, next, bucket_of(storage, owner), bucket_node)
			if (element->owner == owner)
				drop(element);
}

static struct storage_element *find(struct bpf_map *map, const void *owner)
{
	struct storage_element *element;

	list_for_each_entry(element, bucket_of(to_storage(map), owner), bucket_node)
		if (element->owner == owner)
			return element;
	return NULL;
}

/* The new value, zero without @value; an error in a pointer. */
static void *update(struct bpf_map *map, const void *owner, const void *value, u64 flags)
{
	struct storage_element *old, *new;

	if ((flags & ~BPF_F_LOCK) > BPF_EXIST || bpf_map_check_lock_flag(map, flags))
		return ERR_PTR(-EINVAL);
	old = find(map, owner);
	if (old && (flags & ~BPF_F_LOCK) == BPF_NOEXIST)
		return ERR_PTR(-EEXIST);
	if (!old && (flags & ~BPF_F_LOCK) == BPF_EXIST)
		return ERR_PTR(-ENOENT);
	if (old && (flags & BPF_F_LOCK)) {
		bpf_map_write_value(map, old->value, value);
		return old->value;
	}
	new = kzalloc(sizeof(*new) + map->value_size, GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->owner = owner;
	if (value)
		bpf_map_write_value(map, new->value, value);
	list_add(&new->bucket_node, bucket_of(to_storage(map), owner));
	if (old)
		drop(old);
	return new->value;
}

static int delete(struct bpf_map *map, const void *owner)
{
	struct storage_element *element = find(map, owner);

	if (!element)
		return -ENOENT;
	drop(element);
	return 0;
}

/* ---- user space: by descriptors ---- */

/* The task or inode behind a descriptor, with a reference that is to be dropped. */
static void *owner_get(const struct bpf_map *map, int fd, void **reference)
{
	struct file *file;

	if (map->map_type == BPF_MAP_TYPE_TASK_STORAGE) {
		struct task_struct *task = pidfd_get_task(fd);

		if (!IS_ERR(task) && task->exit_state == EXIT_DEAD) {
			put_task_struct(task);
			task = ERR_PTR(-ENOENT);
		}
		return *reference = task;
	}
	file = fget_raw(fd);
	*reference = file;
	return file ? file->f_inode : ERR_PTR(-EBADF);
}

static void owner_put(const struct bpf_map *map, void *reference)
{
	if (map->map_type == BPF_MAP_TYPE_TASK_STORAGE)
		put_task_struct(reference);
	else
		fput(reference);
}

static void *storage_map_lookup_elem(struct bpf_map *map, void *key)
{
	struct storage_element *element;
	void *reference, *owner = owner_get(map, *(int *)key, &reference);

	if (IS_ERR(owner))
		return owner;
	element = find(map, owner);
	owner_put(map, reference);
	return element ? element->value : NULL;
}

static int storage_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	void *reference, *owner = owner_get(map, *(int *)key, &reference), *new;

	if (IS_ERR(owner))
		return PTR_ERR(owner);
	new = update(map, owner, value, flags);
	owner_put(map, reference);
	return PTR_ERR_OR_ZERO(new);
}

static int storage_map_delete_elem(struct bpf_map *map, void *key)
{
	void *reference, *owner = owner_get(map, *(int *)key, &reference);
	int err;

	if (IS_ERR(owner))
		return PTR_ERR(owner);
	err = delete(map, owner);
	owner_put(map, reference);
	return err;
}

static int storage_map_get_next_key(struct bpf_map *map, void *key, void *next_key)
{
	return -ENOTSUPP;
}

/* ---- programs: by structures ---- */

static u64 get(struct bpf_map *map, const void *owner, const void *value, u64 flags)
{
	struct storage_element *element;
	void *new;

	if (flags & ~(u64)BPF_LOCAL_STORAGE_GET_F_CREATE || !owner)
		return 0;
	element = find(map, owner);
	if (element)
		return (u64)element->value;
	if (!(flags & BPF_LOCAL_STORAGE_GET_F_CREATE))
		return 0;
	new = update(map, owner, value, BPF_NOEXIST);
	return IS_ERR(new) ? 0 : (u64)new;
}

/* A task that is being freed gets no new values. */
BPF_HELPER(task_storage_get)
{
	const struct task_struct *task = (void *)r2;

	if (task && !task->usage)
		r4 &= ~(u64)BPF_LOCAL_STORAGE_GET_F_CREATE;
	return get((struct bpf_map *)r1, task, (void *)r3, r4);
}

BPF_HELPER(task_storage_delete)
{
	return r2 ? delete((struct bpf_map *)r1, (void *)r2) : -EINVAL;
}

BPF_HELPER(inode_storage_get)
{
	return get((struct bpf_map *)r1, (void *)r2, (void *)r3, r4);
}

BPF_HELPER(inode_storage_delete)
{
	return r2 ? delete((struct bpf_map *)r1, (void *)r2) : -EINVAL;
}

const struct bpf_map_ops storage_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc_check = storage_map_alloc_check,
	.map_alloc = storage_map_alloc,
	.map_free = storage_map_free,
	.map_get_next_key = storage_map_get_next_key,
	.map_lookup_elem = storage_map_lookup_elem,
	.map_update_elem = storage_map_update_elem,
	.map_delete_elem = storage_map_delete_elem,
};
