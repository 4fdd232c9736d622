// SPDX-License-Identifier: MIT
/*
 * The BPF_MAP_ commands of bpf(2) on the elements of a map, one at a time. Errors are those of Linux 6.1 (man bpf;
 * kernel/bpf/syscall.c tells the order of the checks). Many at once: map_batch.c.
 */
#include <kernel/capability.h>
#include <kernel/mm.h>
#include "internal.h"

static void *copy_key(u64 ukey, u32 key_size)
{
	if (key_size)
		return memdup_user(u64_to_user_ptr(ukey), key_size);
	return ukey ? ERR_PTR(-EINVAL) : NULL;
}

/* The value of @key into @value, of bpf_map_value_size() bytes. */
int bpf_map_copy_value(struct bpf_map *map, void *key, void *value)
{
	void *found;

	switch (map->map_type) {
	case BPF_MAP_TYPE_STACK_TRACE:
		return bpf_stackmap_copy(map, key, value);
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return bpf_fd_array_map_lookup_elem(map, key, value);
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return bpf_fd_htab_map_lookup_elem(map, key, value);
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
	case BPF_MAP_TYPE_BLOOM_FILTER:
		return map->ops->map_peek_elem(map, value);
	default:
		found = map->ops->map_lookup_elem_sys_only ? map->ops->map_lookup_elem_sys_only(map, key) :
			map->ops->map_lookup_elem(map, key);
		if (IS_ERR(found))
			return PTR_ERR(found);
		if (!found)
			return -ENOENT;
		memcpy(value, found, bpf_map_value_size(map));
		bpf_map_clear_fields(map, value);
		return 0;
	}
}

int bpf_map_update_value(struct bpf_map *map, struct file *file, void *key, void *value, u64 flags)
{
	int err;

	switch (map->map_type) {
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return bpf_fd_array_map_update_elem(map, file, key, value, flags);
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		return bpf_fd_htab_map_update_elem(map, file, key, value, flags);
	default:
		break;
	}
	bpf_disable_instrumentation();
	if (map->ops->map_push_elem)
		err = map->ops->map_push_elem(map, value, flags);
	else
		err = map->ops->map_update_elem(map, key, value, flags);
	bpf_enable_instrumentation();
	return err;
}

static int lookup(struct bpf_map *map, struct file *file, union bpf_attr *attr)
{
	void *key, *value;
	int err;

	if (!bpf_map_can_read(file))
		return -EPERM;
	if (bpf_map_check_lock_flag(map, attr->flags))
		return -EINVAL;
	key = copy_key(attr->key, map->key_size);
	if (IS_ERR(key))
		return PTR_ERR(key);
	err = -ENOMEM;
	value = kvzalloc(bpf_map_value_size(map) ?: 1, GFP_USER | __GFP_NOWARN);
	/* A filter is asked about the value that is there. */
	if (value && map->map_type == BPF_MAP_TYPE_BLOOM_FILTER &&
	    copy_from_user(value, u64_to_user_ptr(attr->value), map->value_size)) {
		err = -EFAULT;
	} else if (value) {
		bpf_disable_instrumentation();
		err = bpf_map_copy_value(map, key, value);
		bpf_enable_instrumentation();
	}
	if (!err && copy_to_user(u64_to_user_ptr(attr->value), value, bpf_map_value_size(map)))
		err = -EFAULT;
	kvfree(value);
	kfree(key);
	return err;
}

int map_lookup_elem(union bpf_attr *attr)
{
	struct bpf_map *map;
	struct file *file;
	int err;

	if (attr->flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	map = bpf_map_fdget(attr->map_fd, &file);
	if (IS_ERR(map))
		return PTR_ERR(map);
	err = lookup(map, file, attr);
	fput(file);
	return err;
}

static int update(struct bpf_map *map, struct file *file, union bpf_attr *attr)
{
	void *key, *value;
	int err;

	if (!bpf_map_can_write(file, map))
		return -EPERM;
	if (bpf_map_check_lock_flag(map, attr->flags))
		return -EINVAL;
	key = copy_key(attr->key, map->key_size);
	if (IS_ERR(key))
		return PTR_ERR(key);
	value = kvmalloc(bpf_map_value_size(map) ?: 1, GFP_USER | __GFP_NOWARN);
	if (!value)
		err = -ENOMEM;
	else if (copy_from_user(value, u64_to_user_ptr(attr->value), bpf_map_value_size(map)))
		err = -EFAULT;
	else
		err = bpf_map_update_value(map, file, key, value, attr->flags);
	kvfree(value);
	kfree(key);
	return err;
}

int map_update_elem(union bpf_attr *attr)
{
	struct file *file;
	struct bpf_map *map = bpf_map_fdget(attr->map_fd, &file);
	int err;

	if (IS_ERR(map))
		return PTR_ERR(map);
	err = update(map, file, attr);
	fput(file);
	return err;
}

int map_delete_elem(union bpf_attr *attr)
{
	struct file *file;
	struct bpf_map *map = bpf_map_fdget(attr->map_fd, &file);
	void *key;
	int err;

	if (IS_ERR(map))
		return PTR_ERR(map);
	err = -EPERM;
	if (!bpf_map_can_write(file, map))
		goto out;
	key = copy_key(attr->key, map->key_size);
	err = PTR_ERR(key);
	if (IS_ERR(key))
		goto out;
	if (map->map_type == BPF_MAP_TYPE_PROG_ARRAY || map->map_type == BPF_MAP_TYPE_PERF_EVENT_ARRAY ||
	    map->map_type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
		err = bpf_fd_array_map_delete_elem(map, key);
	} else {
		bpf_disable_instrumentation();
		err = map->ops->map_delete_elem(map, key);
		bpf_enable_instrumentation();
	}
	kfree(key);
out:
	fput(file);
	return err;
}

int map_get_next_key(union bpf_attr *attr)
{
	struct file *file;
	struct bpf_map *map = bpf_map_fdget(attr->map_fd, &file);
	void *key = NULL, *next = NULL;
	int err;

	if (IS_ERR(map))
		return PTR_ERR(map);
	err = -EPERM;
	if (!bpf_map_can_read(file))
		goto out;
	if (attr->key) {
		key = copy_key(attr->key, map->key_size);
		err = PTR_ERR(key);
		if (IS_ERR(key)) {
			key = NULL;
			goto out;
		}
	}
	err = -ENOMEM;
	next = kvzalloc(map->key_size ?: 1, GFP_USER);
	if (!next)
		goto out;
	err = map->ops->map_get_next_key ? map->ops->map_get_next_key(map, key, next) : -ENOTSUPP;
	if (!err && copy_to_user(u64_to_user_ptr(attr->next_key), next, map->key_size))
		err = -EFAULT;
out:
	kvfree(next);
	kfree(key);
	fput(file);
	return err;
}

int map_lookup_and_delete_elem(union bpf_attr *attr)
{
	struct bpf_map *map;
	struct file *file;
	void *key = NULL, *value = NULL;
	int err;

	if (attr->flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	map = bpf_map_fdget(attr->map_fd, &file);
	if (IS_ERR(map))
		return PTR_ERR(map);
	err = -EPERM;
	if (!bpf_map_can_read(file) || !bpf_map_can_write(file, map))
		goto out;
	err = -EINVAL;
	if (attr->flags)
		goto out;
	key = copy_key(attr->key, map->key_size);
	err = PTR_ERR(key);
	if (IS_ERR(key)) {
		key = NULL;
		goto out;
	}
	err = -ENOMEM;
	value = kvzalloc(bpf_map_value_size(map) ?: 1, GFP_USER | __GFP_NOWARN);
	if (!value)
		goto out;
	err = -ENOTSUPP;
	bpf_disable_instrumentation();
	switch (map->map_type) {
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
		err = map->ops->map_pop_elem(map, value);
		break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		err = bpf_map_copy_value(map, key, value);
		if (!err)
			err = map->ops->map_delete_elem(map, key);
		break;
	default:
		break;
	}
	bpf_enable_instrumentation();
	if (!err && copy_to_user(u64_to_user_ptr(attr->value), value, bpf_map_value_size(map)))
		err = -EFAULT;
out:
	kvfree(value);
	kfree(key);
	fput(file);
	return err;
}
