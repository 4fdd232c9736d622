// SPDX-License-Identifier: MIT
/*
 * Stack traces: walking the kernel stack below a probe, the helpers bpf_get_stack and bpf_get_stackid, and the map kind that keeps
 * stacks under an id made from their contents.
 */
#include <kernel/kprobes.h>
#include <kernel/mm.h>
#include "internal.h"
#include "run_context.h"

#define PERF_MAX_STACK_DEPTH	127
#define STACK_CREATE_FLAG_MASK	(BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID)

struct stack_map_bucket {
	u32 hash;
	u32 nr;
	u64 data[];
};

struct bpf_stack_map {
	struct bpf_map map;
	u32 n_buckets;
	struct stack_map_bucket *buckets[];
};

static struct bpf_stack_map *to_stack_map(struct bpf_map *map)
{
	return container_of(map, struct bpf_stack_map, map);
}

/* ---- walking ---- */

static bool read_stack(unsigned long address, unsigned long *value)
{
	unsigned long stack = (unsigned long)current->stack;

	if (address < stack || address + sizeof(*value) > stack + THREAD_SIZE || address % sizeof(*value))
		return false;
	*value = *(unsigned long *)address;
	return true;
}

/*
 * Return addresses from the innermost outwards; the first is where @regs stand. At a function's entry its frame is not set
 * up yet: the caller is then found at the top of the stack instead of through rbp.
 */
u32 bpf_walk_kernel_stack(const struct pt_regs *regs, u64 *ips, u32 max)
{
	struct kprobe *kp = kprobe_running();
	unsigned long bp = regs->bp, next, address;
	u32 count = 0;

	if (max)
		ips[count++] = regs->ip;
	if (kp && (kp->flags & KPROBE_FLAG_ON_FUNC_ENTRY) && count < max && read_stack(regs->sp, &address))
		ips[count++] = kretprobe_find_ret_addr(address, (unsigned long *)regs->sp);
	while (count < max && read_stack(bp, &next) && read_stack(bp + 8, &address) && address) {
		ips[count++] = kretprobe_find_ret_addr(address, (unsigned long *)(bp + 8));
		if (next <= bp)
			break;
		bp = next;
	}
	return count;
}

static u32 walk_user_stack(u64 *ips, u32 max)
{
	struct pt_regs *regs = current->mm ? task_pt_regs(current) : NULL;
	unsigned long frame[2], bp;
	u32 count = 0;

	if (!regs)
		return 0;
	bp = regs->bp;
	if (max)
		ips[count++] = regs->ip;
	while (count < max && !(bp & 7) && !copy_from_user_nofault(frame, (void __user *)bp, sizeof(frame)) && frame[1]) {
		ips[count++] = frame[1];
		if (frame[0] <= bp)
			break;
		bp = frame[0];
	}
	return count;
}

/* ---- bpf_get_stack ---- */

static u64 trace[PERF_MAX_STACK_DEPTH];

static __always_inline long get_stack(void *buf, u32 size, u64 flags)
{
	u32 skip = flags & BPF_F_SKIP_FIELD_MASK, count, copied;

	if (flags & ~(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_USER_BUILD_ID))
		goto clear;
	/* Build ids would need the files behind user mappings. */
	if (flags & BPF_F_USER_BUILD_ID)
		goto clear;
	if (size % sizeof(u64))
		goto clear;
	if (flags & BPF_F_USER_STACK) {
		count = walk_user_stack(trace, ARRAY_SIZE(trace));
	} else {
		const struct pt_regs *regs = bpf_run_regs();

		count = regs ? bpf_walk_kernel_stack(regs, trace, ARRAY_SIZE(trace)) : 0;
	}
	if (count < skip) {
		memset(buf, 0, size);
		return -EFAULT;
	}
	copied = min_t(u32, size, (count - skip) * sizeof(u64));
	memcpy(buf, trace + skip, copied);
	memset(buf + copied, 0, size - copied);
	return copied;
clear:
	memset(buf, 0, size);
	return -EINVAL;
}

BPF_HELPER(get_stack)
{
	return get_stack((void *)r2, (u32)r3, r4);
}

/* ---- the map ---- */

static int stack_map_alloc_check(union bpf_attr *attr)
{
	u32 value_size = attr->value_size;

	if (!bpf_capable())
		return -EPERM;
	if (attr->map_flags & ~STACK_CREATE_FLAG_MASK)
		return -EINVAL;
	if (attr->max_entries == 0 || attr->key_size != 4 || value_size < 8 || value_size % 8)
		return -EINVAL;
	if (attr->map_flags & BPF_F_STACK_BUILD_ID)
		return -EINVAL;
	if (value_size / 8 > PERF_MAX_STACK_DEPTH)
		return -EINVAL;
	return 0;
}

static struct bpf_map *stack_map_alloc(union bpf_attr *attr)
{
	struct bpf_stack_map *smap;
	u64 buckets = 1;

	while (buckets < attr->max_entries)
		buckets <<= 1;
	if (buckets > 1ull << 31)
		return ERR_PTR(-E2BIG);
	smap = bpf_map_area_alloc(sizeof(*smap) + buckets * sizeof(smap->buckets[0]) +
				  (u64)attr->max_entries * (sizeof(struct stack_map_bucket) + attr->value_size));
	if (!smap)
		return ERR_PTR(-ENOMEM);
	bpf_map_init_from_attr(&smap->map, attr);
	smap->n_buckets = buckets;
	return &smap->map;
}

static size_t bucket_size(const struct bpf_stack_map *smap)
{
	return sizeof(struct stack_map_bucket) + smap->map.value_size;
}

/* The buckets' memory behind the table of pointers: used from the front, freed ones are found by being in no slot. */
static struct stack_map_bucket *bucket_memory(struct bpf_stack_map *smap, u32 id)
{
	return (void *)&smap->buckets[smap->n_buckets] + (u64)id * bucket_size(smap);
}

static struct stack_map_bucket *unused_bucket(struct bpf_stack_map *smap)
{
	u32 i;

	for (i = 0; i < smap->map.max_entries; i++)
		if (!bucket_memory(smap, i)->nr)
			return bucket_memory(smap, i);
	return NULL;
}

static void stack_map_free(struct bpf_map *map)
{
	bpf_map_area_free(to_stack_map(map));
}

long bpf_stackmap_get_id(struct bpf_map *map, u64 *ips, u32 count, u64 flags)
{
	struct bpf_stack_map *smap = to_stack_map(map);
	u32 skip = flags & BPF_F_SKIP_FIELD_MASK, max = map->value_size / sizeof(u64), i;
	struct stack_map_bucket *bucket, *old;
	u64 hash = 0xcbf29ce484222325ull;
	u32 id;

	if (count <= skip)
		return -EFAULT;
	count = min(count - skip, max);
	ips += skip;
	for (i = 0; i < count; i++)
		hash = (hash ^ ips[i]) * 0x100000001b3ull;
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ull;
	hash >>= 32;
	id = hash & (smap->n_buckets - 1);

	old = smap->buckets[id];
	if (old && old->hash == (u32)hash) {
		if (flags & BPF_F_FAST_STACK_CMP)
			return id;
		if (old->nr == count && !memcmp(old->data, ips, count * sizeof(u64)))
			return id;
	}
	if (old && !(flags & BPF_F_REUSE_STACKID))
		return -EEXIST;
	bucket = old ?: unused_bucket(smap);
	if (!bucket)
		return -ENOMEM;
	bucket->hash = hash;
	bucket->nr = count;
	memcpy(bucket->data, ips, count * sizeof(u64));
	smap->buckets[id] = bucket;
	return id;
}

BPF_HELPER(get_stackid)
{
	struct bpf_map *map = (struct bpf_map *)r2;
	const struct pt_regs *regs;
	u32 count;

	if (r3 & ~(u64)(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID))
		return -EINVAL;
	if (r3 & BPF_F_USER_STACK) {
		count = walk_user_stack(trace, ARRAY_SIZE(trace));
	} else {
		regs = bpf_run_regs();
		count = regs ? bpf_walk_kernel_stack(regs, trace, ARRAY_SIZE(trace)) : 0;
	}
	return bpf_stackmap_get_id(map, trace, count, r3);
}

int bpf_stackmap_copy(struct bpf_map *map, void *key, void *value)
{
	struct bpf_stack_map *smap = to_stack_map(map);
	struct stack_map_bucket *bucket;
	u32 id = *(u32 *)key, bytes;

	if (id >= smap->n_buckets || !smap->buckets[id])
		return -ENOENT;
	bucket = smap->buckets[id];
	bytes = bucket->nr * sizeof(u64);
	memcpy(value, bucket->data, bytes);
	memset(value + bytes, 0, map->value_size - bytes);
	return 0;
}

static void *stack_map_lookup_elem(struct bpf_map *map, void *key)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static int stack_map_update_elem(struct bpf_map *map, void *key, void *value, u64 flags)
{
	return -EINVAL;
}

static int stack_map_delete_elem(struct bpf_map *map, void *key)
{
	struct bpf_stack_map *smap = to_stack_map(map);
	u32 id = *(u32 *)key;

	if (id >= smap->n_buckets)
		return -E2BIG;
	if (!smap->buckets[id])
		return -ENOENT;
	smap->buckets[id]->nr = 0;
	smap->buckets[id] = NULL;
	return 0;
}

static int stack_map_get_next_key(struct bpf_map *map, void *key, void *next_key)
{
	struct bpf_stack_map *smap = to_stack_map(map);
	u32 id = 0;

	if (key) {
		id = *(u32 *)key;
		id = id >= smap->n_buckets || !smap->buckets[id] ? 0 : id + 1;
	}
	while (id < smap->n_buckets && !smap->buckets[id])
		id++;
	if (id >= smap->n_buckets)
		return -ENOENT;
	*(u32 *)next_key = id;
	return 0;
}

const struct bpf_map_ops stack_trace_map_ops = {
	.map_meta_equal = bpf_map_meta_equal,
	.map_alloc_check = stack_map_alloc_check,
	.map_alloc = stack_map_alloc,
	.map_free = stack_map_free,
	.map_get_next_key = stack_map_get_next_key,
	.map_lookup_elem = stack_map_lookup_elem,
	.map_update_elem = stack_map_update_elem,
	.map_delete_elem = stack_map_delete_elem,
};
