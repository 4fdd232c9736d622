// SPDX-License-Identifier: MIT
/* The lists of an LRU map (lru_list.h). New elements go to the head of a list, scans begin at the tail. */
#include "lru_list.h"

#define COMMON_BATCH	128
#define NO_COMMON_BATCH	4

void bpf_lru_init(struct bpf_lru *lru, bool no_common, bool (*evict)(void *map, struct bpf_lru_node *node), void *map)
{
	int i;

	for (i = 0; i < BPF_LRU_PLACES; i++) {
		INIT_LIST_HEAD(&lru->lists[i]);
		lru->counts[i] = 0;
	}
	lru->hand = &lru->lists[BPF_LRU_INACTIVE];
	lru->no_common = no_common;
	lru->scans = lru->batch = no_common ? NO_COMMON_BATCH : COMMON_BATCH;
	lru->evict = evict;
	lru->map = map;
}

void bpf_lru_add(struct bpf_lru *lru, struct bpf_lru_node *node)
{
	node->cpu = 0;
	node->ref = 0;
	node->place = BPF_LRU_FREE;
	lru->counts[BPF_LRU_FREE]++;
	list_add(&node->list, &lru->lists[BPF_LRU_FREE]);
}

/* To the head of a list; the hand does not lose its place. */
static void move(struct bpf_lru *lru, struct bpf_lru_node *node, enum bpf_lru_place place)
{
	if (&node->list == lru->hand)
		lru->hand = lru->hand->prev;
	lru->counts[node->place]--;
	lru->counts[place]++;
	node->place = place;
	node->ref = 0;
	list_move(&node->list, &lru->lists[place]);
}

/* The tail of the active list becomes inactive, unless it was used. */
static void age_active(struct bpf_lru *lru)
{
	struct list_head *active = &lru->lists[BPF_LRU_ACTIVE], *first = active->next, *at = active->prev, *before;
	u32 scanned;

	for (scanned = 0; at != active && scanned < lru->scans; at = before, scanned++) {
		struct bpf_lru_node *node = list_entry(at, struct bpf_lru_node, list);

		before = at->prev;
		move(lru, node, node->ref ? BPF_LRU_ACTIVE : BPF_LRU_INACTIVE);
		if (at == first)
			break;
	}
}

/* Inactive elements that were used become active. The hand goes round the list, a stretch at a time. */
static void rescue_inactive(struct bpf_lru *lru)
{
	struct list_head *inactive = &lru->lists[BPF_LRU_INACTIVE], *at = lru->hand, *last = at->next, *next = inactive;
	u32 scanned = 0;

	if (list_empty(inactive))
		return;
	if (last == inactive)
		last = last->next;
	while (scanned < lru->scans) {
		struct bpf_lru_node *node;

		if (at == inactive) {
			at = at->prev;
			continue;
		}
		node = list_entry(at, struct bpf_lru_node, list);
		next = at->prev;
		if (node->ref)
			move(lru, node, BPF_LRU_ACTIVE);
		if (at == last)
			break;
		at = next;
		scanned++;
	}
	lru->hand = next;
}

static void rotate(struct bpf_lru *lru)
{
	if (lru->counts[BPF_LRU_INACTIVE] < lru->counts[BPF_LRU_ACTIVE])
		age_active(lru);
	rescue_inactive(lru);
}

/* Evicts up to @wanted elements into @place, from the tail of the inactive list; if none may go, one that may not. */
static void shrink(struct bpf_lru *lru, u32 wanted, enum bpf_lru_place place)
{
	struct list_head *list = &lru->lists[BPF_LRU_INACTIVE], *at, *before;
	u32 scanned = 0, freed = 0;

	for (at = list->prev; at != list && scanned < lru->scans && freed < wanted; at = before, scanned++) {
		struct bpf_lru_node *node = list_entry(at, struct bpf_lru_node, list);

		before = at->prev;
		if (node->ref) {
			move(lru, node, BPF_LRU_ACTIVE);
		} else if (lru->evict(lru->map, node)) {
			move(lru, node, place);
			freed++;
		}
	}
	if (freed)
		return;
	if (list_empty(list))
		list = &lru->lists[BPF_LRU_ACTIVE];
	for (at = list->prev; at != list; at = at->prev) {
		struct bpf_lru_node *node = list_entry(at, struct bpf_lru_node, list);

		if (lru->evict(lru->map, node)) {
			move(lru, node, place);
			return;
		}
	}
}

/* Sorts pending elements in, and fetches a batch of free ones, of which some may have to be evicted first. */
static void refill(struct bpf_lru *lru)
{
	struct list_head *pending = &lru->lists[BPF_LRU_PENDING], *free = &lru->lists[BPF_LRU_FREE];
	u32 fetched;

	while (!list_empty(pending)) {
		struct bpf_lru_node *node = list_last_entry(pending, struct bpf_lru_node, list);

		move(lru, node, node->ref ? BPF_LRU_ACTIVE : BPF_LRU_INACTIVE);
	}
	rotate(lru);
	for (fetched = 0; fetched < lru->batch && !list_empty(free); fetched++)
		move(lru, list_first_entry(free, struct bpf_lru_node, list), BPF_LRU_LOCAL_FREE);
	if (fetched < lru->batch)
		shrink(lru, lru->batch - fetched, BPF_LRU_LOCAL_FREE);
}

/* When all that is in use is pending: the oldest unused of these, or else the oldest. */
static struct bpf_lru_node *take_pending(struct bpf_lru *lru)
{
	struct list_head *pending = &lru->lists[BPF_LRU_PENDING], *at;
	int round;

	for (round = 0; round < 2; round++) {
		for (at = pending->prev; at != pending; at = at->prev) {
			struct bpf_lru_node *node = list_entry(at, struct bpf_lru_node, list);

			if ((!node->ref || round) && lru->evict(lru->map, node))
				return node;
		}
	}
	return NULL;
}

struct bpf_lru_node *bpf_lru_pop_free(struct bpf_lru *lru)
{
	enum bpf_lru_place from = lru->no_common ? BPF_LRU_FREE : BPF_LRU_LOCAL_FREE;
	struct bpf_lru_node *node;

	if (lru->no_common) {
		rotate(lru);
		if (list_empty(&lru->lists[from]))
			shrink(lru, lru->batch, from);
	} else if (list_empty(&lru->lists[from])) {
		refill(lru);
	}
	node = list_first_entry_or_null(&lru->lists[from], struct bpf_lru_node, list);
	if (!node && !lru->no_common)
		node = take_pending(lru);
	if (node)
		move(lru, node, lru->no_common ? BPF_LRU_INACTIVE : BPF_LRU_PENDING);
	return node;
}

void bpf_lru_push_free(struct bpf_lru *lru, struct bpf_lru_node *node)
{
	move(lru, node, node->place == BPF_LRU_PENDING ? BPF_LRU_LOCAL_FREE : BPF_LRU_FREE);
}
