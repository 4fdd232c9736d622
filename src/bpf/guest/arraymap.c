// SPDX-License-Identifier: MIT
/*
 * Maps whose keys are the numbers 0 ... max_entries - 1: arrays of values (also per CPU; there is one CPU), and arrays of
 * descriptors: programs for tail calls, perf events.
 */
#include <kernel/mm.h>
#include <kernel/perf_event.h>
#include <kernel/vmalloc.h>
#include "internal.h"

#define BPF_F_ACCESS_MASK	(BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG)
#define ARRAY_CREATE_FLAG_MASK	\
	(BPF_F_NUMA_NODE | BPF_F_MMAPABLE | BPF_F_ACCESS_MASK | BPF_F_PRESERVE_ELEMS | BPF_F_INNER_MAP)

/*
 * The values or pointers follow at an offset that generated code knows; it is Linux's, so that dumps of programs are the same.
 */
struct bpf_array {
	union {
		struct bpf_map map;
		char room[256];
	};
	u32 elem_size;
	u32 index_mask;
	void *aux;
	union {
		char value[0] __aligned(8);
		void *ptrs[0] __aligned(8);
	};
};
_Static_assert(sizeof(struct bpf_map) <= 256 && offsetof(struct bpf_array, value) == 272, "struct bpf_array");

static struct bpf_array *to_array(struct bpf_map *map)
{
	return container_of(map, struct bpf_array, map);
}

size_t bpf_prog_array_pointers_offset(void)
{
	return offsetof(struct bpf_array, ptrs);
}

static int array_map_alloc_check(union bpf_attr *attr)
{
	bool percpu = attr->map_type == BPF_MAP_TYPE_PERCPU_ARRAY;

	if (attr->max_entries == 0 || attr->key_size != 4 || attr->value_size == 0 ||
	    attr->map_flags & ~ARRAY_CREATE_FLAG_MASK || !bpf_map_flags_access_ok(attr->map_flags) ||
	    (percpu && (attr->map_flags & BPF_F_NUMA_NODE)))
		return -EINVAL;
	if (attr->map_type != BPF_MAP_TYPE_ARRAY && attr->map_flags & (BPF_F_MMAPABLE | BPF_F_INNER_MAP))
		return -EINVAL;
	if (attr->map_type != BPF_MAP_TYPE_PERF_EVENT_ARRAY && attr->map_flags & BPF_F_PRESERVE_ELEMS)
		return -EINVAL;
	if (attr->value_size > INT_MAX)
		return -E2BIG;
	/* A per-CPU value must fit into what the per-CPU allocator hands out. */
	if (percpu && round_up(attr->value_size, 8) > 32 << 10)
		return -E2BIG;
	return 0;
}

static struct bpf_map *array_map_alloc(union bpf_attr *attr)
{
	u32 elem_size = round_up(attr->value_size, 8);
	struct bpf_array *array;
	u64 bytes = (u64)attr->max_entries * elem_size;

	if (attr->map_flags & BPF_F_MMAPABLE) {
		/* The values begin on a page of their own; the map lies before them. */
		void *pages = vzalloc(PAGE_ALIGN(sizeof(*array)) + PAGE_ALIGN(bytes));

		array = pages ? pages + PAGE_ALIGN(sizeof(*array)) - offsetof(struct bpf_array, value) : NULL;
	} else {
		array = bpf_map_area_alloc(sizeof(*array) + bytes);
	}
	if (!array)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&array->map, attr);
	array->elem_size = elem_size;
	return &array->map;
}

u32 bpf_array_index_of(struct bpf_map *map, const void *value)
{
	return (value - (void *)to_array(map)->value) / to_array(map)->elem_size;
}

/* Nobody outside of the kernel holds the map any more: what could keep a program alive for ever ends. */
static void array_map_free_timers(struct bpf_map *map)
{
	struct bpf_array *array = to_array(map);
	u32 i;

	for (i = 0; map->timer && i < map->max_entries; i++)
		bpf_timer_cancel_and_free((void *)array->value + (u64)array->elem_size * i + map->timer - 1);
}

static void array_map_free(struct bpf_map *map)
{
	array_map_free_timers(map);
	if (map->map_flags & BPF_F_MMAPABLE)
		vfree((void *)((unsigned long)to_array(map) & PAGE_MASK));
	else
		bpf_map_area_free(to_array(map));
}

static int array_map_mmap(struct bpf_map *map, struct vm_area_struct *vma)
{
	u64 bytes = PAGE_ALIGN((u64)map->max_entries * to_array(map)->elem_size);

	if (!(map->map_flags & BPF_F_MMAPABLE))
		return -EINVAL;
	if (vma->vm_pgoff << PAGE_SHIFT > bytes || vma->vm_end - vma->vm_start > bytes - (vma->vm_pgoff << PAGE_SHIFT))
		return -EINVAL;
	return 0;
}

static vm_fault_t array_map_fault(struct vm_fault *vmf)
{
	struct bpf_map *map = vmf->vma->vm_private_data;

	vmf->page = vmalloc_to_page(to_array(map)->value + (vmf->pgoff << PAGE_SHIFT));
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static void *array_map_lookup_elem(struct bpf_map *map, void *key)
{
	struct bpf_array *array = to_array(map);
	u32 index = *(u32 *)key;

	return index < map->max_entries ? array->value + (u64)array->elem_size * index : NULL;
}

/* The same under the name that dumps of programs show. */
static noinline void *percpu_array_map_lookup_elem(struct bpf_map *map, void *key)
{
	return array_map_lookup_elem(map, key);
}

static int array_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	struct bpf_array *array = to_array(map);
	u32 index = *(u32 *)key;
	void *element;

	if ((flags & ~BPF_F_LOCK) > BPF_EXIST)
		return -EINVAL;
	if (index >= map->max_entries)
		return -E2BIG;
	if (flags & BPF_NOEXIST)
		return -EEXIST;
	if (bpf_map_check_lock_flag(map, flags))
		return -EINVAL;
	element = array->value + (u64)array->elem_size * index;
	bpf_map_write_value(map, element, value);
	bpf_map_free_fields(map, element);
	return 0;
}

static int array_map_delete_elem(struct bpf_map *map, void *key)
{
	return -EINVAL;
}

static int array_map_get_next_key(struct bpf_map *map, void *key, void *next_key)
{
	u32 index = key ? *(u32 *)key : U32_MAX;

	if (index >= map->max_entries) {
		*(u32 *)next_key = 0;
		return 0;
	}
	if (index == map->max_entries - 1)
		return -ENOENT;
	*(u32 *)next_key = index + 1;
	return 0;
}

static void *array_map_direct_value(struct bpf_map *map)
{
	return map->max_entries == 1 ? to_array(map)->value : NULL;
}

/* A program that gets an inner map with BPF_F_INNER_MAP does not count on how many elements it has. */
static bool array_map_meta_equal(const struct bpf_map *meta, const struct bpf_map *map)
{
	return bpf_map_meta_equal(meta, map) &&
	       (meta->map_flags & BPF_F_INNER_MAP || meta->max_entries == map->max_entries);
}

const struct bpf_map_ops array_map_ops = {
	.map_meta_equal = array_map_meta_equal,
	.map_alloc_check = array_map_alloc_check,
	.map_alloc = array_map_alloc,
	.map_free = array_map_free,
	.map_release_uref = array_map_free_timers,
	.map_get_next_key = array_map_get_next_key,
	.map_lookup_elem = array_map_lookup_elem,
	.map_update_elem = array_map_update_elem,
	.map_delete_elem = array_map_delete_elem,
	.map_lookup_batch = generic_map_lookup_batch,
	.map_update_batch = generic_map_update_batch,
	.map_direct_value = array_map_direct_value,
	.map_mmap = array_map_mmap,
	.map_fault = array_map_fault,
};

const struct bpf_map_ops percpu_array_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_lookup_batch = generic_map_lookup_batch,
	.map_update_batch = generic_map_update_batch,
	.map_alloc_check = array_map_alloc_check,
	.map_alloc = array_map_alloc,
	.map_free = array_map_free,
	.map_get_next_key = array_map_get_next_key,
	.map_lookup_elem = percpu_array_map_lookup_elem,
	.map_update_elem = array_map_update_elem,
	.map_delete_elem = array_map_delete_elem,
};

/* ---- arrays of descriptors ---- */

static int fd_array_map_alloc_check(union bpf_attr *attr)
{
	if (attr->value_size != sizeof(u32))
		return -EINVAL;
	/* Programs only read it through tail calls. */
	if (attr->map_flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return -EINVAL;
	return array_map_alloc_check(attr);
}

static struct bpf_map *fd_array_map_alloc(union bpf_attr *attr)
{
	struct bpf_array *array;

	array = bpf_map_area_alloc(sizeof(*array) + (u64)attr->max_entries * sizeof(void *));
	if (!array)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&array->map, attr);
	array->elem_size = sizeof(void *);
	return &array->map;
}

static int fd_array_map_delete(struct bpf_map *map, u32 index)
{
	struct bpf_array *array = to_array(map);
	void *old;

	if (index >= map->max_entries)
		return -E2BIG;
	old = array->ptrs[index];
	if (!old)
		return -ENOENT;
	array->ptrs[index] = NULL;
	map->ops->map_fd_put_ptr(old);
	return 0;
}

static void fd_array_map_clear(struct bpf_map *map)
{
	u32 index;

	for (index = 0; index < map->max_entries; index++)
		fd_array_map_delete(map, index);
}

static void fd_array_map_free(struct bpf_map *map)
{
	fd_array_map_clear(map);
	bpf_map_area_free(to_array(map));
}

static void *fd_array_map_lookup_elem(struct bpf_map *map, void *key)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void *bpf_fd_array_entry(struct bpf_map *map, u32 index)
{
	return index < map->max_entries ? to_array(map)->ptrs[index] : NULL;
}

int bpf_fd_array_map_lookup_elem(struct bpf_map *map, void *key, u32 *value)
{
	u32 index = *(u32 *)key;
	void *ptr;

	if (!map->ops->map_fd_sys_lookup_elem)
		return -ENOTSUPP;
	ptr = bpf_fd_array_entry(map, index);
	if (!ptr)
		return -ENOENT;
	*value = map->ops->map_fd_sys_lookup_elem(ptr);
	return 0;
}

int bpf_fd_array_map_update_elem(struct bpf_map *map, struct file *map_file, void *key, void *value, u64 flags)
{
	struct bpf_array *array = to_array(map);
	u32 index = *(u32 *)key, ufd = *(u32 *)value;
	void *new, *old;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (index >= map->max_entries)
		return -E2BIG;
	new = map->ops->map_fd_get_ptr(map, map_file, ufd);
	if (IS_ERR(new))
		return PTR_ERR(new);
	old = array->ptrs[index];
	array->ptrs[index] = new;
	if (old)
		map->ops->map_fd_put_ptr(old);
	return 0;
}

int bpf_fd_array_map_delete_elem(struct bpf_map *map, void *key)
{
	return fd_array_map_delete(map, *(u32 *)key);
}

static void *prog_fd_array_get_ptr(struct bpf_map *map, struct file *map_file, int fd)
{
	struct bpf_prog *prog = bpf_prog_get(fd);

	if (IS_ERR(prog))
		return prog;
	if (!bpf_prog_map_compatible(map, prog)) {
		bpf_prog_put(prog);
		return ERR_PTR(-EINVAL);
	}
	return prog;
}

static void prog_fd_array_put_ptr(void *ptr)
{
	bpf_prog_put(ptr);
}

static u32 prog_fd_array_sys_lookup_elem(void *ptr)
{
	return ((struct bpf_prog *)ptr)->id;
}

const struct bpf_map_ops prog_array_map_ops = {
	.map_alloc_check = fd_array_map_alloc_check,
	.map_alloc = fd_array_map_alloc,
	.map_free = fd_array_map_free,
	.map_get_next_key = array_map_get_next_key,
	.map_lookup_elem = fd_array_map_lookup_elem,
	.map_fd_get_ptr = prog_fd_array_get_ptr,
	.map_fd_put_ptr = prog_fd_array_put_ptr,
	.map_fd_sys_lookup_elem = prog_fd_array_sys_lookup_elem,
	/* A program in the array may itself use the array: the cycle is broken when user space has let go. */
	.map_release_uref = fd_array_map_clear,
};

static void *perf_event_fd_array_get_ptr(struct bpf_map *map, struct file *map_file, int fd)
{
	struct file *file = fget(fd);
	struct perf_event *event;

	if (!file)
		return ERR_PTR(-EBADF);
	event = perf_file_event(file);
	if (!event) {
		fput(file);
		return ERR_PTR(-EBADF);
	}
	perf_event_get(event);
	fput(file);
	return event;
}

static void perf_event_fd_array_put_ptr(void *ptr)
{
	perf_event_put(ptr);
}

const struct bpf_map_ops perf_event_array_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc_check = fd_array_map_alloc_check,
	.map_alloc = fd_array_map_alloc,
	.map_free = fd_array_map_free,
	.map_get_next_key = array_map_get_next_key,
	.map_lookup_elem = fd_array_map_lookup_elem,
	.map_fd_get_ptr = perf_event_fd_array_get_ptr,
	.map_fd_put_ptr = perf_event_fd_array_put_ptr,
};

/* ---- arrays of control groups: there are none, so no descriptor is one ---- */

static void *cgroup_fd_array_get_ptr(struct bpf_map *map, struct file *map_file, int fd)
{
	return ERR_PTR(-EBADF);
}

static void cgroup_fd_array_put_ptr(void *ptr)
{
}

BPF_HELPER(current_task_under_cgroup)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	/* No element is ever set. */
	return (u32)r2 >= map->max_entries ? -E2BIG : -EAGAIN;
}

const struct bpf_map_ops cgroup_array_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc_check = fd_array_map_alloc_check,
	.map_alloc = fd_array_map_alloc,
	.map_free = fd_array_map_free,
	.map_get_next_key = array_map_get_next_key,
	.map_lookup_elem = fd_array_map_lookup_elem,
	.map_fd_get_ptr = cgroup_fd_array_get_ptr,
	.map_fd_put_ptr = cgroup_fd_array_put_ptr,
};

/* ---- arrays of maps ---- */

static struct bpf_map *array_of_map_alloc(union bpf_attr *attr)
{
	struct bpf_map *meta = bpf_map_meta_alloc(attr->inner_map_fd), *map;

	if (IS_ERR(meta))
		return meta;
	map = fd_array_map_alloc(attr);
	if (IS_ERR(map))
		bpf_map_meta_free(meta);
	else
		map->inner_map_meta = meta;
	return map;
}

static void array_of_map_free(struct bpf_map *map)
{
	bpf_map_meta_free(map->inner_map_meta);
	fd_array_map_free(map);
}

/* What programs get: the map itself. */
static void *array_of_map_lookup_elem(struct bpf_map *map, void *key)
{
	return bpf_fd_array_entry(map, *(u32 *)key);
}

const struct bpf_map_ops array_of_maps_map_ops = {
	.map_alloc_check = fd_array_map_alloc_check,
	.map_alloc = array_of_map_alloc,
	.map_free = array_of_map_free,
	.map_get_next_key = array_map_get_next_key,
	.map_lookup_elem = array_of_map_lookup_elem,
	.map_fd_get_ptr = bpf_map_fd_get_ptr,
	.map_fd_put_ptr = bpf_map_fd_put_ptr,
	.map_fd_sys_lookup_elem = bpf_map_fd_sys_lookup_elem,
	.map_lookup_batch = generic_map_lookup_batch,
	.map_update_batch = generic_map_update_batch,
};
