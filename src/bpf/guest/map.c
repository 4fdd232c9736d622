// SPDX-License-Identifier: MIT
/*
 * BPF maps: their life (references, ids, descriptors) and the BPF_MAP_ commands of bpf(2). What a kind of map does is in
 * the files of the kinds. Errors are those of Linux 6.1 (man bpf; kernel/bpf/syscall.c tells the order of the checks).
 */
#include <kernel/bpf_rules.h>
#include <kernel/capability.h>
#include <kernel/mm.h>
#include <kernel/poll.h>
#include <kernel/security.h>
#include <kernel/vmalloc.h>
#include <kernel/seq_file.h>
#include "btf.h"
#include "sleepable.h"

static const struct bpf_map_ops *const map_types[] = {
	[BPF_MAP_TYPE_HASH] = &htab_map_ops,
	[BPF_MAP_TYPE_ARRAY] = &array_map_ops,
	[BPF_MAP_TYPE_PROG_ARRAY] = &prog_array_map_ops,
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = &perf_event_array_map_ops,
	[BPF_MAP_TYPE_CGROUP_ARRAY] = &cgroup_array_map_ops,
	[BPF_MAP_TYPE_BLOOM_FILTER] = &bloom_filter_map_ops,
	[BPF_MAP_TYPE_PERCPU_HASH] = &htab_percpu_map_ops,
	[BPF_MAP_TYPE_PERCPU_ARRAY] = &percpu_array_map_ops,
	[BPF_MAP_TYPE_STACK_TRACE] = &stack_trace_map_ops,
	[BPF_MAP_TYPE_LRU_HASH] = &htab_lru_map_ops,
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = &htab_lru_percpu_map_ops,
	[BPF_MAP_TYPE_QUEUE] = &queue_map_ops,
	[BPF_MAP_TYPE_STACK] = &stack_map_ops,
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = &array_of_maps_map_ops,
	[BPF_MAP_TYPE_HASH_OF_MAPS] = &htab_of_maps_map_ops,
	[BPF_MAP_TYPE_RINGBUF] = &ringbuf_map_ops,
	[BPF_MAP_TYPE_LPM_TRIE] = &trie_map_ops,
	[BPF_MAP_TYPE_TASK_STORAGE] = &storage_map_ops,
	[BPF_MAP_TYPE_INODE_STORAGE] = &storage_map_ops,
};

static LIST_HEAD(all_maps);
static u32 last_map_id;

u32 bpf_new_id(u32 *last)
{
	if (++*last > INT_MAX)
		*last = 1;
	return *last;
}

int bpf_obj_name_cpy(char *dst, const char *src, unsigned int size)
{
	const char *end = src + size;
	const char *start = src;

	memset(dst, 0, size);
	while (src < end && *src) {
		char c = *src;
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
			  c == '.';

		if (!ok)
			return -EINVAL;
		*dst++ = *src++;
	}
	return src == end ? -EINVAL : src - start;
}

/* ---- memory ---- */

void *bpf_map_area_alloc(u64 size)
{
	if (size >= SIZE_MAX / 2)
		return NULL;
	return kvzalloc(size, GFP_USER | __GFP_NOWARN | __GFP_ACCOUNT);
}

void bpf_map_area_free(void *area)
{
	kvfree(area);
}

void bpf_map_init_from_attr(struct bpf_map *map, union bpf_attr *attr)
{
	map->map_type = attr->map_type;
	map->key_size = attr->key_size;
	map->value_size = attr->value_size;
	map->max_entries = attr->max_entries;
	/* A child of the map may not be frozen into read-only pieces: the flag belongs to the descriptor. */
	map->map_flags = attr->map_flags & ~(BPF_F_RDONLY | BPF_F_WRONLY);
	map->map_extra = attr->map_extra;
}

bool bpf_map_flags_access_ok(u32 flags)
{
	return (flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) != (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG);
}

/* ---- references ---- */

void bpf_map_inc(struct bpf_map *map)
{
	refcount_inc(&map->refcnt);
}

static void map_free(struct bpf_map *map)
{
	struct btf *btf = map->btf;

	map->ops->map_free(map);
	btf_put(btf);
}

static void free_deferred(struct bpf_deferred *deferred)
{
	struct bpf_map *map = container_of(deferred, struct bpf_map, deferred);

	map_free(map);
}

void bpf_map_put(struct bpf_map *map)
{
	if (!refcount_dec_and_test(&map->refcnt))
		return;
	list_del(&map->list);
	bpf_call_after_programs(&map->deferred, free_deferred);
}

static void bpf_map_put_uref(struct bpf_map *map)
{
	if (--map->usercnt == 0 && map->ops->map_release_uref)
		map->ops->map_release_uref(map);
}

void bpf_map_inc_with_uref(struct bpf_map *map)
{
	bpf_map_inc(map);
	map->usercnt++;
}

void bpf_map_put_with_uref(struct bpf_map *map)
{
	bpf_map_put_uref(map);
	bpf_map_put(map);
}

/* ---- descriptors ---- */

static int bpf_map_release(struct inode *inode, struct file *file)
{
	bpf_map_put_with_uref(file->private_data);
	return 0;
}

u64 bpf_map_memory_footprint(const struct bpf_map *map)
{
	return PAGE_ALIGN((u64)map->max_entries * round_up(map->key_size + bpf_map_value_size(map), 8));
}

static void bpf_map_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct bpf_map *map = file->private_data;

	seq_printf(m, "map_type:\t%u\nkey_size:\t%u\nvalue_size:\t%u\nmax_entries:\t%u\nmap_flags:\t%#x\n"
		   "map_extra:\t%#llx\nmemlock:\t%llu\nmap_id:\t%u\nfrozen:\t%u\n",
		   map->map_type, map->key_size, map->value_size, map->max_entries, map->map_flags, map->map_extra,
		   bpf_map_memory_footprint(map), map->id, map->frozen);
	if (map->owner.set)
		seq_printf(m, "owner_prog_type:\t%u\nowner_jited:\t%u\n", map->owner.type, map->owner.jited);
}

static ssize_t bpf_dummy_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	return -EINVAL;
}

static ssize_t bpf_dummy_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	return -EINVAL;
}

static __poll_t bpf_map_poll(struct file *file, struct poll_table_struct *table)
{
	struct bpf_map *map = file->private_data;

	return map->ops->map_poll ? map->ops->map_poll(map, file, table) : EPOLLERR;
}

static void bpf_map_mmap_open(struct vm_area_struct *vma)
{
	struct bpf_map *map = vma->vm_private_data;

	if (vma->vm_flags & VM_MAYWRITE)
		map->writable_mappings++;
}

static void bpf_map_mmap_close(struct vm_area_struct *vma)
{
	struct bpf_map *map = vma->vm_private_data;

	if (vma->vm_flags & VM_MAYWRITE)
		map->writable_mappings--;
}

static vm_fault_t bpf_map_mmap_fault(struct vm_fault *vmf)
{
	struct bpf_map *map = vmf->vma->vm_private_data;

	return map->ops->map_fault(vmf);
}

static const struct vm_operations_struct bpf_map_vm_ops = {
	.open = bpf_map_mmap_open,
	.close = bpf_map_mmap_close,
	.fault = bpf_map_mmap_fault,
};

static int bpf_map_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct bpf_map *map = file->private_data;
	int err;

	if (!map->ops->map_mmap || map->field_count)
		return -ENOTSUPP;
	/* A descriptor that cannot write makes no shared mapping: Linux takes the flag away from the mapping. */
	if (!(vma->vm_flags & VM_SHARED) || !(file->f_mode & FMODE_WRITE))
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE) {
		if (map->frozen)
			return -EPERM;
		if (map->map_flags & BPF_F_RDONLY_PROG)
			return -EACCES;
	}
	vma->vm_ops = &bpf_map_vm_ops;
	vma->vm_private_data = map;
	vma->vm_flags &= ~VM_MAYEXEC;
	if (!(vma->vm_flags & VM_WRITE))
		vma->vm_flags &= ~VM_MAYWRITE;
	err = map->ops->map_mmap(map, vma);
	if (!err)
		bpf_map_mmap_open(vma);
	return err;
}

const struct file_operations bpf_map_fops = {
	.mmap = bpf_map_mmap,
	.poll = bpf_map_poll,
	.release = bpf_map_release,
	.read = bpf_dummy_read,
	.write = bpf_dummy_write,
	.show_fdinfo = bpf_map_show_fdinfo,
	.llseek = noop_llseek,
};

int bpf_map_new_fd(struct bpf_map *map, int flags)
{
	int err = security_bpf_map(map, OPEN_FMODE(flags));

	if (err < 0)
		return err;
	return anon_inode_getfd("bpf-map", &bpf_map_fops, map, flags | O_CLOEXEC);
}

int bpf_get_file_flag(u32 flags)
{
	if ((flags & BPF_F_RDONLY) && (flags & BPF_F_WRONLY))
		return -EINVAL;
	if (flags & BPF_F_RDONLY)
		return O_RDONLY;
	if (flags & BPF_F_WRONLY)
		return O_WRONLY;
	return O_RDWR;
}

struct bpf_map *bpf_map_from_file(struct file *file)
{
	return file->f_op == &bpf_map_fops ? file->private_data : NULL;
}

/* The map behind a descriptor, the file with a reference that the caller drops. */
struct bpf_map *bpf_map_fdget(u32 ufd, struct file **file)
{
	struct bpf_map *map;

	*file = fget(ufd);
	if (!*file)
		return ERR_PTR(-EBADF);
	map = bpf_map_from_file(*file);
	if (!map) {
		fput(*file);
		return ERR_PTR(-EINVAL);
	}
	return map;
}

struct bpf_map *bpf_map_get(u32 ufd)
{
	struct file *file;
	struct bpf_map *map = bpf_map_fdget(ufd, &file);

	if (!IS_ERR(map)) {
		bpf_map_inc(map);
		fput(file);
	}
	return map;
}

bool bpf_map_can_read(struct file *file)
{
	return file->f_mode & FMODE_READ;
}

bool bpf_map_can_write(struct file *file, struct bpf_map *map)
{
	return (file->f_mode & FMODE_WRITE) && !map->frozen;
}

/* ---- creation ---- */

/* The types of keys and values, for who prints the map and for locks in values. */
static int map_take_types(struct bpf_map *map, const union bpf_attr *attr)
{
	struct btf *btf = btf_get_by_fd(attr->btf_fd);
	int err;

	if (IS_ERR(btf))
		return PTR_ERR(btf);
	err = btf->kernel_btf ? -EACCES :
	      bpf_coprocessor_check_map_btf(map, btf, attr->btf_key_type_id, attr->btf_value_type_id);
	if (err) {
		btf_put(btf);
		return err;
	}
	map->btf = btf;
	map->btf_key_type_id = attr->btf_key_type_id;
	map->btf_value_type_id = attr->btf_value_type_id;
	return 0;
}

int map_create(union bpf_attr *attr)
{
	const struct bpf_map_ops *ops;
	struct bpf_map *map;
	int f_flags, err;

	err = bpf_rules_check_map(attr);
	if (err)
		return err;
	if (attr->btf_vmlinux_value_type_id) {
		if (attr->map_type != BPF_MAP_TYPE_STRUCT_OPS || attr->btf_key_type_id || attr->btf_value_type_id)
			return -EINVAL;
	} else if (attr->btf_key_type_id && !attr->btf_value_type_id) {
		return -EINVAL;
	}
	if (attr->map_type != BPF_MAP_TYPE_BLOOM_FILTER && attr->map_extra != 0)
		return -EINVAL;
	f_flags = bpf_get_file_flag(attr->map_flags);
	if (f_flags < 0)
		return f_flags;
	if ((attr->map_flags & BPF_F_NUMA_NODE) && attr->numa_node != 0)
		return -EINVAL;

	if (attr->map_type >= ARRAY_SIZE(map_types) || !map_types[attr->map_type])
		return -EINVAL;
	ops = map_types[attr->map_type];
	/* No network device takes maps over. */
	if (attr->map_ifindex)
		return -EOPNOTSUPP;
	if (ops->map_alloc_check) {
		err = ops->map_alloc_check(attr);
		if (err)
			return err;
	}
	map = ops->map_alloc(attr);
	if (IS_ERR(map))
		return PTR_ERR(map);
	map->ops = ops;
	INIT_LIST_HEAD(&map->list);
	refcount_set(&map->refcnt, 1);
	map->usercnt = 1;
	map->bypass_spec_v1 = perfmon_capable();
	err = bpf_obj_name_cpy(map->name, attr->map_name, sizeof(attr->map_name));
	if (err < 0)
		goto free;
	if (attr->btf_key_type_id || attr->btf_value_type_id) {
		err = map_take_types(map, attr);
		if (err)
			goto free;
	}
	map->id = bpf_new_id(&last_map_id);
	list_add_tail(&map->list, &all_maps);
	err = bpf_map_new_fd(map, f_flags);
	if (err >= 0)
		return err;
	list_del(&map->list);
free:
	map_free(map);
	return err;
}

int map_freeze(union bpf_attr *attr)
{
	struct file *file;
	struct bpf_map *map = bpf_map_fdget(attr->map_fd, &file);
	int err = 0;

	if (IS_ERR(map))
		return PTR_ERR(map);
	/* The kernel writes into these. */
	if (map->timer || map->field_count > !!map->spin_lock)
		err = -ENOTSUPP;
	else if (map->writable_mappings || map->frozen)
		err = -EBUSY;
	else if (!bpf_capable())
		err = -EPERM;
	else
		map->frozen = true;
	fput(file);
	return err;
}

/* ---- finding maps ---- */

int bpf_map_get_next_id(u32 id, u32 *next)
{
	struct bpf_map *map;

	list_for_each_entry(map, &all_maps, list) {
		if (map->id > id) {
			*next = map->id;
			return 0;
		}
	}
	return -ENOENT;
}

int bpf_map_get_fd_by_id(u32 id, int flags)
{
	struct bpf_map *map;
	int fd;

	list_for_each_entry(map, &all_maps, list) {
		if (map->id != id)
			continue;
		flags = bpf_get_file_flag(flags);
		if (flags < 0)
			return flags;
		bpf_map_inc_with_uref(map);
		fd = bpf_map_new_fd(map, flags);
		if (fd < 0)
			bpf_map_put_with_uref(map);
		return fd;
	}
	return -ENOENT;
}

int bpf_map_get_info(struct bpf_map *map, struct bpf_map_info *info)
{
	memset(info, 0, sizeof(*info));
	info->type = map->map_type;
	info->id = map->id;
	info->key_size = map->key_size;
	info->value_size = map->value_size;
	info->max_entries = map->max_entries;
	info->map_flags = map->map_flags;
	info->map_extra = map->map_extra;
	if (map->btf) {
		info->btf_id = map->btf->id;
		info->btf_key_type_id = map->btf_key_type_id;
		info->btf_value_type_id = map->btf_value_type_id;
	}
	memcpy(info->name, map->name, sizeof(info->name));
	return 0;
}
