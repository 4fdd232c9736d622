// SPDX-License-Identifier: MIT
/*
 * Maps as values of maps: what an inner map may be, and the template that all of a map's inner maps must be like, so that
 * the verifier knows what a look-up returns. (Documentation/bpf/map_of_maps.rst)
 */
#include "internal.h"

bool bpf_map_meta_equal(const struct bpf_map *meta, const struct bpf_map *map)
{
	return meta->map_type == map->map_type && meta->key_size == map->key_size && meta->value_size == map->value_size &&
	       meta->map_flags == map->map_flags;
}

struct bpf_map *bpf_map_meta_alloc(int inner_map_ufd)
{
	struct bpf_map *inner = bpf_map_get(inner_map_ufd), *meta;

	if (IS_ERR(inner))
		return inner;
	if (inner->inner_map_meta)
		meta = ERR_PTR(-EINVAL);
	else if (!inner->ops->map_meta_equal)
		meta = ERR_PTR(-ENOTSUPP);
	else
		meta = kzalloc(sizeof(*meta), GFP_USER) ?: ERR_PTR(-ENOMEM);
	if (!IS_ERR(meta)) {
		meta->map_type = inner->map_type;
		meta->key_size = inner->key_size;
		meta->value_size = inner->value_size;
		meta->map_flags = inner->map_flags;
		meta->max_entries = inner->max_entries;
		meta->ops = inner->ops;
	}
	bpf_map_put(inner);
	return meta;
}

void bpf_map_meta_free(struct bpf_map *meta)
{
	kfree(meta);
}

void *bpf_map_fd_get_ptr(struct bpf_map *map, struct file *map_file, int fd)
{
	struct bpf_map *inner = bpf_map_get(fd), *meta = map->inner_map_meta;

	if (IS_ERR(inner) || meta->ops->map_meta_equal(meta, inner))
		return inner;
	bpf_map_put(inner);
	return ERR_PTR(-EINVAL);
}

void bpf_map_fd_put_ptr(void *ptr)
{
	bpf_map_put(ptr);
}

u32 bpf_map_fd_sys_lookup_elem(void *ptr)
{
	return ((struct bpf_map *)ptr)->id;
}
