// SPDX-License-Identifier: MIT
/*
 * Timers in values of maps (struct bpf_timer): a program sets them, and the clock interrupt calls a function of it with the map, the
 * key and the value. They end with their element, with the map's last descriptor, or when they are told to. (man bpf-helpers)
 */
#include <kernel/time.h>
#include <kernel/timer.h>
#include "internal.h"
#include "sleepable.h"

#define MAX_CLOCKS	16

typedef u64 (*bpf_timer_callback_t)(u64 map, u64 key, u64 value, u64 r4, u64 r5);

struct bpf_hrtimer {
	struct timer_list timer;
	struct bpf_deferred deferred;
	struct bpf_map *map;
	struct bpf_prog *prog;		/* whose callback it is; a reference */
	bpf_timer_callback_t callback;
	void *value;
};

/* What a struct bpf_timer holds. */
struct bpf_timer_kern {
	struct bpf_hrtimer *timer;
	u64 unused;
};

_Static_assert(sizeof(struct bpf_timer_kern) == sizeof(struct bpf_timer), "struct bpf_timer_kern");

/* The timer whose callback runs. */
static struct bpf_hrtimer *running;

static void expired(struct timer_list *list)
{
	struct bpf_hrtimer *t = container_of(list, struct bpf_hrtimer, timer), *before = running;
	struct bpf_map *map = t->map;
	void *key;
	u32 index;

	if (!t->callback)
		return;
	if (map->map_type == BPF_MAP_TYPE_ARRAY) {
		index = bpf_array_index_of(map, t->value);
		key = &index;
	} else {
		key = t->value - round_up(map->key_size, 8);
	}
	running = t;
	t->callback((u64)map, (u64)key, (u64)t->value, 0, 0);
	running = before;
}

BPF_HELPER(timer_init)
{
	struct bpf_timer_kern *timer = (void *)r1;
	struct bpf_map *map = (void *)r2;
	struct bpf_hrtimer *t;

	if (r3 >= MAX_CLOCKS || (r3 != CLOCK_MONOTONIC && r3 != CLOCK_REALTIME && r3 != CLOCK_BOOTTIME))
		return -EINVAL;
	if (timer->timer)
		return -EBUSY;
	/* Nobody would be left to end it. */
	if (!map->usercnt)
		return -EPERM;
	t = kzalloc(sizeof(*t), GFP_ATOMIC | __GFP_NOWARN);
	if (!t)
		return -ENOMEM;
	timer_setup(&t->timer, expired, 0);
	t->map = map;
	t->value = (void *)timer - (map->timer - 1);
	timer->timer = t;
	return 0;
}

static void set_program(struct bpf_hrtimer *t, struct bpf_prog *prog)
{
	struct bpf_prog *before = t->prog;

	if (prog)
		bpf_prog_inc(prog);
	t->prog = prog;
	if (before)
		bpf_prog_put(before);
}

BPF_HELPER(timer_set_callback)
{
	struct bpf_hrtimer *t = ((struct bpf_timer_kern *)r1)->timer;
	struct bpf_prog *prog = bpf_prog_of_code((void *)r2);

	if (!t || !prog)
		return -EINVAL;
	if (!t->map->usercnt)
		return -EPERM;
	if (t->prog != prog)
		set_program(t, prog);
	t->callback = (bpf_timer_callback_t)r2;
	return 0;
}

BPF_HELPER(timer_start)
{
	struct bpf_hrtimer *t = ((struct bpf_timer_kern *)r1)->timer;
	u64 now = ktime_get_ns();

	if (r3 || !t || !t->prog)
		return -EINVAL;
	/* Times are signed. */
	mod_timer_ns(&t->timer, r2 > (u64)S64_MAX - now ? (u64)S64_MAX : now + r2);
	return 0;
}

BPF_HELPER(timer_cancel)
{
	struct bpf_hrtimer *t = ((struct bpf_timer_kern *)r1)->timer;

	if (!t)
		return -EINVAL;
	/* It would wait for itself. */
	if (t == running)
		return -EDEADLK;
	t->callback = NULL;
	set_program(t, NULL);
	return del_timer(&t->timer);
}

static void free_timer(struct bpf_deferred *deferred)
{
	kfree(container_of(deferred, struct bpf_hrtimer, deferred));
}

void bpf_timer_cancel_and_free(void *value)
{
	struct bpf_timer_kern *timer = value;
	struct bpf_hrtimer *t = timer->timer;

	if (!t)
		return;
	timer->timer = NULL;
	t->callback = NULL;
	set_program(t, NULL);
	del_timer(&t->timer);
	bpf_call_after_programs(&t->deferred, free_timer);
}
