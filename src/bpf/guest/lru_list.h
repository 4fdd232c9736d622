/* SPDX-License-Identifier: MIT */
/*
 * Which element of an LRU map gives way when room is needed. Linux approximates: an element that was used has a bit set, and
 * scans over lists of active and inactive elements move the bit's owners to safety; what is freed is freed in batches.
 * The same elements go here as on a Linux machine with one processor. (kernel/bpf/bpf_lru_list.h)
 */
#ifndef _BPF_LRU_LIST_H
#define _BPF_LRU_LIST_H

#include <kernel/list.h>
#include <kernel/types.h>

enum bpf_lru_place {
	BPF_LRU_ACTIVE,
	BPF_LRU_INACTIVE,
	BPF_LRU_FREE,
	/* The processor's own: elements taken from FREE beforehand, and elements in use that have not been sorted in yet. */
	BPF_LRU_LOCAL_FREE,
	BPF_LRU_PENDING,
	BPF_LRU_PLACES,
};

struct bpf_lru_node {
	struct list_head list;
	u16 cpu;
	u8 place;
	u8 ref;			/* used since it was looked at last; generated code sets it */
};

struct bpf_lru {
	struct list_head lists[BPF_LRU_PLACES];
	u32 counts[BPF_LRU_PLACES];
	struct list_head *hand;	/* where the next scan of the inactive list begins */
	bool no_common;		/* BPF_F_NO_COMMON_LRU: one list for each processor, no local lists */
	u32 scans, batch;
	/* Takes an element out of the map; false: it was not in it. */
	bool (*evict)(void *map, struct bpf_lru_node *node);
	void *map;
};

void bpf_lru_init(struct bpf_lru *lru, bool no_common, bool (*evict)(void *map, struct bpf_lru_node *node), void *map);
/* Gives an unused element to the list. */
void bpf_lru_add(struct bpf_lru *lru, struct bpf_lru_node *node);
/* An element that is in no map, evicted if need be; NULL: there is none. */
struct bpf_lru_node *bpf_lru_pop_free(struct bpf_lru *lru);
/* An element that is in the map no more. */
void bpf_lru_push_free(struct bpf_lru *lru, struct bpf_lru_node *node);

static inline void bpf_lru_node_set_ref(struct bpf_lru_node *node)
{
	if (!node->ref)
		node->ref = 1;
}

#endif
