// SPDX-License-Identifier: MIT
/*
 * Fields of a map's values that are the kernel's: locks, timers, and pointers to structures of the kernel. Writing a value leaves them
 * out, user space reads zeros in their places. (copy_map_value, check_and_init_map_value, bpf_map_free_kptrs)
 */
#include <kernel/irqflags.h>
#include "internal.h"

void bpf_map_add_field(struct bpf_map *map, u32 offset, u32 size)
{
	u32 i = map->field_count++;

	for (; i && map->fields[i - 1].offset > offset; i--)
		map->fields[i] = map->fields[i - 1];
	map->fields[i].offset = offset;
	map->fields[i].size = size;
}

void bpf_map_write_value(const struct bpf_map *map, void *to, const void *from)
{
	u32 at = 0, i;

	for (i = 0; i < map->field_count; i++) {
		memcpy(to + at, from + at, map->fields[i].offset - at);
		at = map->fields[i].offset + map->fields[i].size;
	}
	memcpy(to + at, from + at, map->value_size - at);
}

void bpf_map_clear_fields(const struct bpf_map *map, void *value)
{
	u32 i;

	for (i = 0; i < map->field_count; i++)
		memset(value + map->fields[i].offset, 0, map->fields[i].size);
}

void bpf_map_free_fields(const struct bpf_map *map, void *value)
{
	u32 i;

	for (i = 0; i < map->field_count; i++) {
		u32 offset = map->fields[i].offset;

		if (map->spin_lock && offset == map->spin_lock - 1)
			continue;
		if (map->timer && offset == map->timer - 1)
			bpf_timer_cancel_and_free(value + offset);
		memset(value + offset, 0, map->fields[i].size);
	}
}

int bpf_map_check_lock_flag(const struct bpf_map *map, u64 flags)
{
	return (flags & BPF_F_LOCK) && !map->spin_lock ? -EINVAL : 0;
}

/* There is one processor: whoever holds the lock is not interrupted, and so nobody ever waits. */
static unsigned long irq_flags_of_holder;

/* Neither takes programs that would take a lock of their own. */
notrace u64 bpf_spin_lock(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
notrace u64 bpf_spin_unlock(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

BPF_HELPER(spin_lock)
{
	struct bpf_spin_lock *lock = (struct bpf_spin_lock *)r1;
	unsigned long flags;

	local_irq_save(flags);
	lock->val = 1;
	irq_flags_of_holder = flags;
	return 0;
}

BPF_HELPER(spin_unlock)
{
	struct bpf_spin_lock *lock = (struct bpf_spin_lock *)r1;
	unsigned long flags = irq_flags_of_holder;

	lock->val = 0;
	local_irq_restore(flags);
	return 0;
}
