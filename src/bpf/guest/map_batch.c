// SPDX-License-Identifier: MIT
/*
 * The BPF_MAP_..._BATCH commands: many elements in one call. The caller's count says how many there is room for, and
 * afterwards how many were done. (kernel/bpf/syscall.c; hash maps have lookups of their own, by bucket)
 */
#include <kernel/mm.h>
#include "internal.h"

static bool elem_flags_ok(const struct bpf_map *map, const union bpf_attr *attr)
{
	return !(attr->batch.elem_flags & ~BPF_F_LOCK) && !bpf_map_check_lock_flag(map, attr->batch.elem_flags);
}

int generic_map_update_batch(struct bpf_map *map, struct file *file, const union bpf_attr *attr,
			     union bpf_attr __user *uattr)
{
	char __user *keys = u64_to_user_ptr(attr->batch.keys), *values = u64_to_user_ptr(attr->batch.values);
	u32 size = bpf_map_value_size(map), done;
	void *key, *value;
	int err = 0;

	if (!elem_flags_ok(map, attr))
		return -EINVAL;
	if (!attr->batch.count)
		return 0;
	key = kvmalloc(map->key_size, GFP_USER | __GFP_NOWARN);
	value = kvmalloc(size, GFP_USER | __GFP_NOWARN);
	if (!key || !value) {
		kvfree(key);
		kvfree(value);
		return -ENOMEM;
	}
	for (done = 0; done < attr->batch.count; done++) {
		err = -EFAULT;
		if (copy_from_user(key, keys + (u64)done * map->key_size, map->key_size) ||
		    copy_from_user(value, values + (u64)done * size, size))
			break;
		err = bpf_map_update_value(map, file, key, value, attr->batch.elem_flags);
		if (err)
			break;
	}
	if (put_user(done, &uattr->batch.count))
		err = -EFAULT;
	kvfree(key);
	kvfree(value);
	return err;
}

int generic_map_delete_batch(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	char __user *keys = u64_to_user_ptr(attr->batch.keys);
	void *key;
	int err = 0;
	u32 done;

	if (!elem_flags_ok(map, attr))
		return -EINVAL;
	if (!attr->batch.count)
		return 0;
	key = kvmalloc(map->key_size, GFP_USER | __GFP_NOWARN);
	if (!key)
		return -ENOMEM;
	for (done = 0; done < attr->batch.count; done++) {
		err = -EFAULT;
		if (copy_from_user(key, keys + (u64)done * map->key_size, map->key_size))
			break;
		bpf_disable_instrumentation();
		err = map->ops->map_delete_elem(map, key);
		bpf_enable_instrumentation();
		if (err)
			break;
	}
	if (put_user(done, &uattr->batch.count))
		err = -EFAULT;
	kvfree(key);
	return err;
}

/* The place where the next call goes on is the last key. */
int generic_map_lookup_batch(struct bpf_map *map, const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	char __user *keys = u64_to_user_ptr(attr->batch.keys), *values = u64_to_user_ptr(attr->batch.values);
	void __user *in = u64_to_user_ptr(attr->batch.in_batch);
	u32 size = bpf_map_value_size(map), done = 0;
	void *buf, *key, *last, *value;
	int err;

	if (!elem_flags_ok(map, attr))
		return -EINVAL;
	if (!attr->batch.count)
		return 0;
	if (put_user(0, &uattr->batch.count))
		return -EFAULT;
	buf = kvmalloc(2 * round_up((u64)map->key_size, 8) + size, GFP_USER | __GFP_NOWARN);
	if (!buf)
		return -ENOMEM;
	last = buf;
	key = buf + round_up((u64)map->key_size, 8);
	value = key + round_up((u64)map->key_size, 8);
	err = -EFAULT;
	if (in && copy_from_user(last, in, map->key_size))
		goto free;
	for (; done < attr->batch.count; done++) {
		err = map->ops->map_get_next_key(map, in || done ? last : NULL, key);
		if (err)
			break;
		err = bpf_map_copy_value(map, key, value);
		if (err)
			goto free;
		err = -EFAULT;
		if (copy_to_user(keys + (u64)done * map->key_size, key, map->key_size) ||
		    copy_to_user(values + (u64)done * size, value, size))
			goto free;
		err = 0;
		memcpy(last, key, map->key_size);
	}
	if (put_user(done, &uattr->batch.count) ||
	    (done && copy_to_user(u64_to_user_ptr(attr->batch.out_batch), last, map->key_size)))
		err = -EFAULT;
free:
	kvfree(buf);
	return err;
}

int map_do_batch(union bpf_attr *attr, union bpf_attr __user *uattr, int cmd)
{
	bool reads = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	bool writes = cmd != BPF_MAP_LOOKUP_BATCH;
	const struct bpf_map_ops *ops;
	struct bpf_map *map;
	struct file *file;
	int err = -ENOTSUPP;

	map = bpf_map_fdget(attr->batch.map_fd, &file);
	if (IS_ERR(map))
		return PTR_ERR(map);
	ops = map->ops;
	if ((reads && !bpf_map_can_read(file)) || (writes && !bpf_map_can_write(file, map)))
		err = -EPERM;
	else if (cmd == BPF_MAP_LOOKUP_BATCH && ops->map_lookup_batch)
		err = ops->map_lookup_batch(map, attr, uattr);
	else if (cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH && ops->map_lookup_and_delete_batch)
		err = ops->map_lookup_and_delete_batch(map, attr, uattr);
	else if (cmd == BPF_MAP_UPDATE_BATCH && ops->map_update_batch)
		err = ops->map_update_batch(map, file, attr, uattr);
	else if (cmd == BPF_MAP_DELETE_BATCH && ops->map_delete_batch)
		err = ops->map_delete_batch(map, attr, uattr);
	fput(file);
	return err;
}
