/** Which helpers work on which types of map: some maps are for one purpose only, some helpers for some maps only. */
import { helperId } from "../helpers.ts";
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_BLOOM_FILTER,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_CGROUP_STORAGE,
  BPF_MAP_TYPE_CPUMAP,
  BPF_MAP_TYPE_DEVMAP,
  BPF_MAP_TYPE_DEVMAP_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_INODE_STORAGE,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_MAP_TYPE_QUEUE,
  BPF_MAP_TYPE_RINGBUF,
  BPF_MAP_TYPE_SK_STORAGE,
  BPF_MAP_TYPE_STACK,
  BPF_MAP_TYPE_STACK_TRACE,
  BPF_MAP_TYPE_TASK_STORAGE,
  BPF_MAP_TYPE_USER_RINGBUF,
  BPF_MAP_TYPE_XSKMAP,
} from "./map-types.ts";

const ids = (...names: string[]): ReadonlySet<number> => new Set(names.flatMap((name) => helperId(name) ?? []));

/** Maps that only these helpers take. */
const HELPERS_OF_MAP = new Map<number, ReadonlySet<number>>([
  [BPF_MAP_TYPE_PROG_ARRAY, ids("tail_call")],
  [
    BPF_MAP_TYPE_PERF_EVENT_ARRAY,
    ids("perf_event_read", "perf_event_output", "skb_output", "perf_event_read_value", "xdp_output"),
  ],
  [BPF_MAP_TYPE_RINGBUF, ids("ringbuf_output", "ringbuf_reserve", "ringbuf_query", "ringbuf_reserve_dynptr")],
  [BPF_MAP_TYPE_USER_RINGBUF, ids("user_ringbuf_drain")],
  [BPF_MAP_TYPE_STACK_TRACE, ids("get_stackid")],
  [BPF_MAP_TYPE_CGROUP_ARRAY, ids("skb_under_cgroup", "current_task_under_cgroup")],
  [BPF_MAP_TYPE_CGROUP_STORAGE, ids("get_local_storage")],
  [BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, ids("get_local_storage")],
  [BPF_MAP_TYPE_DEVMAP, ids("redirect_map", "map_lookup_elem")],
  [BPF_MAP_TYPE_DEVMAP_HASH, ids("redirect_map", "map_lookup_elem")],
  [BPF_MAP_TYPE_CPUMAP, ids("redirect_map")],
  [BPF_MAP_TYPE_XSKMAP, ids("redirect_map", "map_lookup_elem")],
  [BPF_MAP_TYPE_ARRAY_OF_MAPS, ids("map_lookup_elem")],
  [BPF_MAP_TYPE_HASH_OF_MAPS, ids("map_lookup_elem")],
  [BPF_MAP_TYPE_QUEUE, ids("map_peek_elem", "map_pop_elem", "map_push_elem")],
  [BPF_MAP_TYPE_STACK, ids("map_peek_elem", "map_pop_elem", "map_push_elem")],
  [BPF_MAP_TYPE_SK_STORAGE, ids("sk_storage_get", "sk_storage_delete")],
  [BPF_MAP_TYPE_INODE_STORAGE, ids("inode_storage_get", "inode_storage_delete")],
  [BPF_MAP_TYPE_TASK_STORAGE, ids("task_storage_get", "task_storage_delete")],
  [BPF_MAP_TYPE_BLOOM_FILTER, ids("map_peek_elem", "map_push_elem")],
]);

const PERF_EVENTS = new Set([BPF_MAP_TYPE_PERF_EVENT_ARRAY]);
const RING_BUFFERS = new Set([BPF_MAP_TYPE_RINGBUF]);
const QUEUES = new Set([BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_BLOOM_FILTER]);

/** Helpers that take only these maps. */
const MAPS_OF_HELPER = new Map<number, ReadonlySet<number>>(
  (
    [
      ["tail_call", new Set([BPF_MAP_TYPE_PROG_ARRAY])],
      ["perf_event_read", PERF_EVENTS],
      ["perf_event_output", PERF_EVENTS],
      ["perf_event_read_value", PERF_EVENTS],
      ["skb_output", PERF_EVENTS],
      ["xdp_output", PERF_EVENTS],
      ["ringbuf_output", RING_BUFFERS],
      ["ringbuf_reserve", RING_BUFFERS],
      ["ringbuf_query", RING_BUFFERS],
      ["get_stackid", new Set([BPF_MAP_TYPE_STACK_TRACE])],
      ["current_task_under_cgroup", new Set([BPF_MAP_TYPE_CGROUP_ARRAY])],
      ["skb_under_cgroup", new Set([BPF_MAP_TYPE_CGROUP_ARRAY])],
      ["inode_storage_get", new Set([BPF_MAP_TYPE_INODE_STORAGE])],
      ["inode_storage_delete", new Set([BPF_MAP_TYPE_INODE_STORAGE])],
      ["task_storage_get", new Set([BPF_MAP_TYPE_TASK_STORAGE])],
      ["task_storage_delete", new Set([BPF_MAP_TYPE_TASK_STORAGE])],
      ["map_peek_elem", QUEUES],
      ["map_push_elem", QUEUES],
      ["map_pop_elem", new Set([BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK])],
      [
        "map_lookup_percpu_elem",
        new Set([BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH]),
      ],
    ] as const
  ).flatMap(([name, maps]) => {
    const id = helperId(name);
    return id === undefined ? [] : [[id, maps] as const];
  }),
);

/** Whether a helper may be given a map of this type. */
export function mapSupports(mapType: number, helper: number): boolean {
  return (HELPERS_OF_MAP.get(mapType)?.has(helper) ?? true) && (MAPS_OF_HELPER.get(helper)?.has(mapType) ?? true);
}

/** Map types whose elements bpf_for_each_map_elem can visit. */
export const isIterable = (mapType: number): boolean =>
  mapType === BPF_MAP_TYPE_ARRAY ||
  mapType === BPF_MAP_TYPE_PERCPU_ARRAY ||
  mapType === 1 ||
  mapType === BPF_MAP_TYPE_PERCPU_HASH ||
  mapType === 9 ||
  mapType === BPF_MAP_TYPE_LRU_PERCPU_HASH;
