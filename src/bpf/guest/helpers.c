// SPDX-License-Identifier: MIT
/*
 * Helpers that any program type may have: maps, time, random numbers, who is running. Which program may call what with
 * which arguments is the verifier's business; here arguments are what it let through. (man bpf-helpers)
 */
#include <kernel/mm.h>
#include <kernel/random.h>
#include <kernel/time.h>
#include "internal.h"

u64 __bpf_call_base(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return 0;
}

BPF_HELPER(map_lookup_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return (u64)map->ops->map_lookup_elem(map, (void *)r2);
}

BPF_HELPER(map_update_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return map->ops->map_update_elem(map, (void *)r2, (void *)r3, r4);
}

BPF_HELPER(map_delete_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return map->ops->map_delete_elem(map, (void *)r2);
}

BPF_HELPER(map_push_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return map->ops->map_push_elem(map, (void *)r2, r3);
}

BPF_HELPER(map_pop_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return map->ops->map_pop_elem(map, (void *)r2);
}

BPF_HELPER(map_peek_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return map->ops->map_peek_elem(map, (void *)r2);
}

/* The value for another processor: there is only number 0. */
BPF_HELPER(map_lookup_percpu_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;

	return (u32)r3 == 0 ? (u64)map->ops->map_lookup_elem(map, (void *)r2) : 0;
}

typedef u64 (*bpf_callback_t)(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

/* Keys are taken one after the other, so the callback may delete the element that it is shown. */
BPF_HELPER(for_each_map_elem)
{
	struct bpf_map *map = (struct bpf_map *)r1;
	bpf_callback_t callback = (bpf_callback_t)r2;
	u64 key[8], next[8];
	long visited = 0;
	bool more;

	if (r4 || map->key_size > sizeof(key))
		return -EINVAL;
	more = !map->ops->map_get_next_key(map, NULL, key);
	while (more) {
		void *value = map->ops->map_lookup_elem(map, key);

		more = !map->ops->map_get_next_key(map, key, next);
		if (value) {
			visited++;
			if (callback((u64)map, (u64)key, (u64)value, r3, 0))
				break;
		}
		memcpy(key, next, sizeof(key));
	}
	return visited;
}

#define BPF_MAX_LOOPS	(8 << 20)

BPF_HELPER(loop)
{
	bpf_callback_t callback = (bpf_callback_t)r2;
	u32 count = r1, i;

	if (r4)
		return -EINVAL;
	if (count > BPF_MAX_LOOPS)
		return -E2BIG;
	for (i = 0; i < count; i++)
		if (callback(i, r3, 0, 0, 0))
			return i + 1;
	return i;
}

BPF_HELPER(ktime_get_ns)
{
	return ktime_get_mono_fast_ns();
}

BPF_HELPER(ktime_get_boot_ns)
{
	return ktime_get_boottime_ns();
}

BPF_HELPER(ktime_get_coarse_ns)
{
	return ktime_get_coarse_ns();
}

BPF_HELPER(jiffies64)
{
	return jiffies;
}

/*
 * A generator of its own (xorshift64*), so that programs do not change what the rest of the kernel draws. Its seed is drawn
 * at the first use; the machine's source of randomness is seeded too, hence a run can be repeated.
 */
BPF_HELPER(get_prandom_u32)
{
	static u64 state;

	while (!state)
		state = get_random_u64();
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (u32)(state * 0x2545f4914f6cdd1dull >> 32);
}

BPF_HELPER(get_smp_processor_id)
{
	return 0;
}

BPF_HELPER(get_numa_node_id)
{
	return 0;
}

BPF_HELPER(get_current_pid_tgid)
{
	return (u64)current->tgid << 32 | current->pid;
}

BPF_HELPER(get_current_uid_gid)
{
	return (u64)current_gid() << 32 | current_uid();
}

BPF_HELPER(get_current_comm)
{
	char *buf = (char *)r1;
	u32 size = r2, length = strnlen(current->comm, TASK_COMM_LEN);

	if (length >= size)
		length = size - 1;
	memcpy(buf, current->comm, length);
	memset(buf + length, 0, size - length);
	return 0;
}

BPF_HELPER(strncmp)
{
	return strncmp((const char *)r1, (const char *)r3, (u32)r2);
}

static long parse_number(const char *buf, size_t length, u64 flags, bool is_signed, u64 *result)
{
	char text[65];
	char *end;
	bool negative = false;
	size_t blank = 0;
	unsigned long long value;
	u32 base = flags & 0x1f;

	if ((base != 0 && base != 8 && base != 10 && base != 16) || flags & ~0x1full)
		return -EINVAL;
	while (blank < length && (buf[blank] == ' ' || (buf[blank] >= '\t' && buf[blank] <= '\r')))
		blank++;
	length = min_t(size_t, length - blank, sizeof(text) - 1);
	memcpy(text, buf + blank, length);
	text[length] = '\0';
	if (text[0] == '-')
		negative = true;
	if (negative && !is_signed)
		return -EINVAL;
	value = simple_strtoull(text + negative, &end, base);
	if (end == text + negative)
		return -EINVAL;
	if (is_signed && value > (u64)LLONG_MAX + negative)
		return -ERANGE;
	*result = negative ? -value : value;
	return blank + (end - text);
}

BPF_HELPER(strtol)
{
	return parse_number((const char *)r1, r2, r3, true, (u64 *)r4);
}

BPF_HELPER(strtoul)
{
	return parse_number((const char *)r1, r2, r3, false, (u64 *)r4);
}
