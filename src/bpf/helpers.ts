/**
 * The helper functions of `<linux/bpf.h>` (Linux 6.1): names by id, and for those that are offered here the prototype that the
 * verifier checks calls against: arguments, result, whether only GPL-compatible programs may call it, and which program types
 * are offered it.
 */
import {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_LSM,
  BPF_PROG_TYPE_PERF_EVENT,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_SYSCALL,
  BPF_PROG_TYPE_TRACEPOINT,
  BPF_PROG_TYPE_TRACING,
  BPF_PROG_TYPE_XDP,
  isTracingProgram,
  isTrampolineProgram,
} from "./verifier/program-types.ts";

// BPF_ATTACH_TYPE_ numbers.
const BPF_TRACE_FENTRY = 24;
const BPF_MODIFY_RETURN = 26;
const BPF_LSM_MAC = 27;

/** Names without "bpf_", by id. */
const NAMES =
  "unspec map_lookup_elem map_update_elem map_delete_elem probe_read ktime_get_ns trace_printk get_prandom_u32 " +
  "get_smp_processor_id skb_store_bytes l3_csum_replace l4_csum_replace tail_call clone_redirect " +
  "get_current_pid_tgid get_current_uid_gid get_current_comm get_cgroup_classid skb_vlan_push skb_vlan_pop " +
  "skb_get_tunnel_key skb_set_tunnel_key perf_event_read redirect get_route_realm perf_event_output " +
  "skb_load_bytes get_stackid csum_diff skb_get_tunnel_opt skb_set_tunnel_opt skb_change_proto skb_change_type " +
  "skb_under_cgroup get_hash_recalc get_current_task probe_write_user current_task_under_cgroup skb_change_tail " +
  "skb_pull_data csum_update set_hash_invalid get_numa_node_id skb_change_head xdp_adjust_head probe_read_str " +
  "get_socket_cookie get_socket_uid set_hash setsockopt skb_adjust_room redirect_map sk_redirect_map " +
  "sock_map_update xdp_adjust_meta perf_event_read_value perf_prog_read_value getsockopt override_return " +
  "sock_ops_cb_flags_set msg_redirect_map msg_apply_bytes msg_cork_bytes msg_pull_data bind xdp_adjust_tail " +
  "skb_get_xfrm_state get_stack skb_load_bytes_relative fib_lookup sock_hash_update msg_redirect_hash " +
  "sk_redirect_hash lwt_push_encap lwt_seg6_store_bytes lwt_seg6_adjust_srh lwt_seg6_action rc_repeat rc_keydown " +
  "skb_cgroup_id get_current_cgroup_id get_local_storage sk_select_reuseport skb_ancestor_cgroup_id " +
  "sk_lookup_tcp sk_lookup_udp sk_release map_push_elem map_pop_elem map_peek_elem msg_push_data msg_pop_data " +
  "rc_pointer_rel spin_lock spin_unlock sk_fullsock tcp_sock skb_ecn_set_ce get_listener_sock skc_lookup_tcp " +
  "tcp_check_syncookie sysctl_get_name sysctl_get_current_value sysctl_get_new_value sysctl_set_new_value strtol " +
  "strtoul sk_storage_get sk_storage_delete send_signal tcp_gen_syncookie skb_output probe_read_user " +
  "probe_read_kernel probe_read_user_str probe_read_kernel_str tcp_send_ack send_signal_thread jiffies64 " +
  "read_branch_records get_ns_current_pid_tgid xdp_output get_netns_cookie get_current_ancestor_cgroup_id " +
  "sk_assign ktime_get_boot_ns seq_printf seq_write sk_cgroup_id sk_ancestor_cgroup_id ringbuf_output " +
  "ringbuf_reserve ringbuf_submit ringbuf_discard ringbuf_query csum_level skc_to_tcp6_sock skc_to_tcp_sock " +
  "skc_to_tcp_timewait_sock skc_to_tcp_request_sock skc_to_udp6_sock get_task_stack load_hdr_opt store_hdr_opt " +
  "reserve_hdr_opt inode_storage_get inode_storage_delete d_path copy_from_user snprintf_btf seq_printf_btf " +
  "skb_cgroup_classid redirect_neigh per_cpu_ptr this_cpu_ptr redirect_peer task_storage_get task_storage_delete " +
  "get_current_task_btf bprm_opts_set ktime_get_coarse_ns ima_inode_hash sock_from_file check_mtu " +
  "for_each_map_elem snprintf sys_bpf btf_find_by_name_kind sys_close timer_init timer_set_callback timer_start " +
  "timer_cancel get_func_ip get_attach_cookie task_pt_regs get_branch_snapshot trace_vprintk skc_to_unix_sock " +
  "kallsyms_lookup_name find_vma loop strncmp get_func_arg get_func_ret get_func_arg_cnt get_retval set_retval " +
  "xdp_get_buff_len xdp_load_bytes xdp_store_bytes copy_from_user_task skb_set_tstamp ima_file_hash kptr_xchg " +
  "map_lookup_percpu_elem skc_to_mptcp_sock dynptr_from_mem ringbuf_reserve_dynptr ringbuf_submit_dynptr " +
  "ringbuf_discard_dynptr dynptr_read dynptr_write dynptr_data tcp_raw_gen_syncookie_ipv4 " +
  "tcp_raw_gen_syncookie_ipv6 tcp_raw_check_syncookie_ipv4 tcp_raw_check_syncookie_ipv6 ktime_get_tai_ns " +
  "user_ringbuf_drain";

const HELPER_NAMES: readonly string[] = NAMES.split(" ");

/** One more than the highest helper id. */
export const HELPER_COUNT = HELPER_NAMES.length;

/** "bpf_map_lookup_elem"; "unknown" for an id that does not exist. */
export function helperName(id: number): string {
  const name = HELPER_NAMES[id];
  return name === undefined ? "unknown" : `bpf_${name}`;
}

/** The id of a helper, with or without "bpf_"; undefined if there is none of that name. */
export function helperId(name: string): number | undefined {
  const id = HELPER_NAMES.indexOf(name.startsWith("bpf_") ? name.slice(4) : name);
  return id < 0 ? undefined : id;
}

/** What a helper takes. A "size" belongs to the memory argument before it. */
export type ArgumentKind =
  | "anything"
  | "ctx"
  | "map"
  | "key"
  | "value"
  | "valueOrNull"
  | "uninitValue"
  | "mem"
  | "memOrNull"
  | "readonlyMem"
  | "readonlyMemOrNull"
  | "uninitMem"
  | "size"
  | "sizeOrZero"
  | "allocSize"
  | "ringbufMem"
  | "spinLock"
  | "timer"
  | "func"
  | "stackOrNull"
  | "long"
  | "constString"
  | "taskStruct"
  | "inode";

export type ReturnKind = "integer" | "void" | "mapValueOrNull" | "ringbufMemOrNull" | "taskStruct" | "ptRegs";

export interface HelperPrototype {
  readonly id: number;
  /** With "bpf_". */
  readonly name: string;
  readonly gplOnly: boolean;
  readonly arguments: readonly ArgumentKind[];
  readonly returns: ReturnKind;
  /** Packet pointers may be passed where memory is expected. */
  readonly packetAccess: boolean;
  /** Pointers into the packet are worthless after the call. */
  readonly changesPacket: boolean;
  /** For sleepable programs only. */
  readonly mightSleep: boolean;
  /** Needed to be offered it at all, beside the program type. */
  readonly needs: "nothing" | "bpf" | "perfmon";
  /** Program types that are offered it; undefined: all. */
  readonly types?: (type: number, attachType: number) => boolean;
}

interface Options {
  readonly gpl?: boolean;
  readonly packet?: boolean;
  readonly changesPacket?: boolean;
  readonly mightSleep?: boolean;
  readonly needs?: "bpf" | "perfmon";
  readonly types?: (type: number, attachType: number) => boolean;
}

const only =
  (...types: number[]) =>
  (type: number): boolean =>
    types.includes(type);
const lsmOnly = only(BPF_PROG_TYPE_LSM);
const kprobeOnly = only(BPF_PROG_TYPE_KPROBE);
/** SYSCALL programs have the helpers of tracing programs. */
const withTracing = (type: number): boolean => isTracingProgram(type) || type === BPF_PROG_TYPE_SYSCALL;
const withStack = withTracing;
const notTracing = (type: number): boolean => !withTracing(type);
const skb = only(
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_CGROUP_SKB,
);
const classifier = only(BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SCHED_ACT);
/** Programs that a trampoline runs: fentry, fexit, fmod_ret, LSM. */
export const hasTrampoline = (type: number, attachType: number): boolean =>
  (type === BPF_PROG_TYPE_TRACING && attachType >= BPF_TRACE_FENTRY && attachType <= BPF_MODIFY_RETURN) ||
  (type === BPF_PROG_TYPE_LSM && attachType === BPF_LSM_MAC);
const functionArguments = (type: number, attachType: number): boolean =>
  isTrampolineProgram(type) && hasTrampoline(type, attachType);
const withCookie = (type: number, attachType: number): boolean =>
  type === BPF_PROG_TYPE_KPROBE ||
  type === BPF_PROG_TYPE_TRACEPOINT ||
  type === BPF_PROG_TYPE_PERF_EVENT ||
  hasTrampoline(type, attachType);
const withPerfOutput = (type: number): boolean => isTracingProgram(type) || skb(type) || type === BPF_PROG_TYPE_XDP;
const branchRecords = only(BPF_PROG_TYPE_PERF_EVENT);

const PROTOTYPES = new Map<number, HelperPrototype>();

function define(name: string, args: ArgumentKind[], returns: ReturnKind, options: Options = {}): void {
  const id = helperId(name);
  if (id === undefined) throw new RangeError(`no helper is called "${name}"`);
  PROTOTYPES.set(id, {
    id,
    name: `bpf_${name}`,
    gplOnly: options.gpl ?? false,
    arguments: args,
    returns,
    packetAccess: options.packet ?? false,
    changesPacket: options.changesPacket ?? false,
    mightSleep: options.mightSleep ?? false,
    needs: options.needs ?? "nothing",
    types: options.types,
  });
}

// Maps.
define("map_lookup_elem", ["map", "key"], "mapValueOrNull", { packet: true });
define("map_update_elem", ["map", "key", "value", "anything"], "integer", { packet: true });
define("map_delete_elem", ["map", "key"], "integer", { packet: true });
define("map_push_elem", ["map", "value", "anything"], "integer", { packet: true });
define("map_pop_elem", ["map", "uninitValue"], "integer");
define("map_peek_elem", ["map", "uninitValue"], "integer");
define("map_lookup_percpu_elem", ["map", "key", "anything"], "mapValueOrNull", { packet: true });
define("tail_call", ["ctx", "map", "anything"], "void");
define("for_each_map_elem", ["map", "func", "stackOrNull", "anything"], "integer", { needs: "bpf" });
define("loop", ["anything", "func", "stackOrNull", "anything"], "integer", { needs: "bpf" });
define("spin_lock", ["spinLock"], "void", { needs: "bpf" });
define("spin_unlock", ["spinLock"], "void", { needs: "bpf" });
define("timer_init", ["timer", "map", "anything"], "integer", { gpl: true, needs: "bpf" });
define("timer_set_callback", ["timer", "func"], "integer", { gpl: true, needs: "bpf" });
define("timer_start", ["timer", "anything", "anything"], "integer", { gpl: true, needs: "bpf" });
define("timer_cancel", ["timer"], "integer", { gpl: true, needs: "bpf" });

// Numbers that any program may know.
define("get_prandom_u32", [], "integer");
define("get_smp_processor_id", [], "integer");
define("get_numa_node_id", [], "integer");
define("ktime_get_ns", [], "integer");
define("ktime_get_boot_ns", [], "integer");
define("ktime_get_tai_ns", [], "integer");
define("ktime_get_coarse_ns", [], "integer", { types: notTracing });
define("jiffies64", [], "integer", { needs: "bpf" });
define("strtol", ["readonlyMem", "size", "anything", "long"], "integer");
define("strtoul", ["readonlyMem", "size", "anything", "long"], "integer");
define("strncmp", ["readonlyMem", "size", "constString"], "integer");

// Ring buffers and perf events.
define("ringbuf_output", ["map", "readonlyMem", "sizeOrZero", "anything"], "integer");
define("ringbuf_reserve", ["map", "allocSize", "anything"], "ringbufMemOrNull");
define("ringbuf_submit", ["ringbufMem", "anything"], "void");
define("ringbuf_discard", ["ringbufMem", "anything"], "void");
define("ringbuf_query", ["map", "anything"], "integer");
define("perf_event_output", ["ctx", "map", "anything", "readonlyMem", "sizeOrZero"], "integer", {
  gpl: true,
  types: withPerfOutput,
});
define("perf_event_read", ["map", "anything"], "integer", { gpl: true, types: withTracing });
define("perf_event_read_value", ["map", "anything", "uninitMem", "size"], "integer", {
  gpl: true,
  types: withTracing,
});
define("perf_prog_read_value", ["ctx", "uninitMem", "size"], "integer", { gpl: true, types: branchRecords });
define("read_branch_records", ["ctx", "memOrNull", "sizeOrZero", "anything"], "integer", {
  gpl: true,
  types: branchRecords,
});

// Tracing: the current task, memory of the kernel and of the task, the stack, the probe itself.
define("get_current_pid_tgid", [], "integer", { types: withTracing });
define("get_current_uid_gid", [], "integer", { types: withTracing });
define("get_current_comm", ["uninitMem", "size"], "integer", { types: withTracing });
define("get_current_task", [], "integer", { gpl: true, needs: "perfmon" });
define("get_current_cgroup_id", [], "integer", { types: withTracing });
define("get_current_ancestor_cgroup_id", ["anything"], "integer", { types: withTracing });
define("current_task_under_cgroup", ["map", "anything"], "integer", { types: withTracing });
define("get_ns_current_pid_tgid", ["anything", "anything", "uninitMem", "size"], "integer", {
  types: withTracing,
});
define("send_signal", ["anything"], "integer", { types: withTracing });
define("send_signal_thread", ["anything"], "integer", { types: withTracing });
define("probe_read", ["uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, types: withTracing });
define("probe_read_str", ["uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, types: withTracing });
define("probe_read_kernel", ["uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, needs: "perfmon" });
define("probe_read_kernel_str", ["uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, needs: "perfmon" });
define("probe_read_user", ["uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, needs: "perfmon" });
define("probe_read_user_str", ["uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, needs: "perfmon" });
define("probe_write_user", ["anything", "readonlyMem", "size"], "integer", { gpl: true, types: withTracing });
define("copy_from_user", ["uninitMem", "sizeOrZero", "anything"], "integer", {
  mightSleep: true,
  types: withTracing,
});
define("copy_from_user_task", ["uninitMem", "sizeOrZero", "anything", "taskStruct", "anything"], "integer", {
  gpl: true,
  mightSleep: true,
  types: withTracing,
});
define("trace_printk", ["readonlyMem", "size"], "integer", { gpl: true, needs: "perfmon" });
define("trace_vprintk", ["readonlyMem", "size", "readonlyMemOrNull", "sizeOrZero"], "integer", {
  gpl: true,
  needs: "perfmon",
});
define("snprintf", ["memOrNull", "sizeOrZero", "constString", "readonlyMemOrNull", "sizeOrZero"], "integer", {
  gpl: true,
  needs: "perfmon",
});
define("get_stackid", ["ctx", "map", "anything"], "integer", { gpl: true, types: withStack });
define("get_stack", ["ctx", "uninitMem", "sizeOrZero", "anything"], "integer", { gpl: true, types: withStack });
define("override_return", ["ctx", "anything"], "integer", { gpl: true, types: kprobeOnly });
define("get_func_ip", ["ctx"], "integer", { gpl: true, types: withTracing });
define("get_func_arg", ["ctx", "anything", "long"], "integer", { types: functionArguments });
define("get_func_ret", ["ctx", "long"], "integer", { types: functionArguments });
define("get_func_arg_cnt", ["ctx"], "integer", { types: functionArguments });
define("get_current_task_btf", [], "taskStruct", { gpl: true, needs: "perfmon" });
define("task_storage_get", ["map", "taskStruct", "valueOrNull", "anything"], "mapValueOrNull", { types: withTracing });
define("task_storage_delete", ["map", "taskStruct"], "integer", { types: withTracing });
define("inode_storage_get", ["map", "inode", "valueOrNull", "anything"], "mapValueOrNull", { types: lsmOnly });
define("inode_storage_delete", ["map", "inode"], "integer", { types: lsmOnly });
define("task_pt_regs", ["taskStruct"], "ptRegs", { gpl: true, needs: "perfmon" });
define("get_attach_cookie", ["ctx"], "integer", { types: withCookie });

// Packets, as far as programs of the traffic classifier are run here.
define("skb_load_bytes", ["ctx", "anything", "uninitMem", "size"], "integer", { types: skb });
define("skb_load_bytes_relative", ["ctx", "anything", "uninitMem", "size", "anything"], "integer", { types: skb });
define("get_socket_cookie", ["ctx"], "integer", { types: skb });
define("get_socket_uid", ["ctx"], "integer", { types: skb });
define("skb_store_bytes", ["ctx", "anything", "readonlyMem", "size", "anything"], "integer", {
  types: classifier,
  changesPacket: true,
});
define("l3_csum_replace", ["ctx", "anything", "anything", "anything", "anything"], "integer", {
  types: classifier,
  changesPacket: true,
});
define("l4_csum_replace", ["ctx", "anything", "anything", "anything", "anything"], "integer", {
  types: classifier,
  changesPacket: true,
});
define("csum_diff", ["readonlyMemOrNull", "sizeOrZero", "readonlyMemOrNull", "sizeOrZero", "anything"], "integer", {
  types: classifier,
  packet: true,
});
define("csum_update", ["ctx", "anything"], "integer", { types: classifier });
define("clone_redirect", ["ctx", "anything", "anything"], "integer", { types: classifier, changesPacket: true });
define("redirect", ["anything", "anything"], "integer", { types: classifier });
define("skb_vlan_push", ["ctx", "anything", "anything"], "integer", { types: classifier, changesPacket: true });
define("skb_vlan_pop", ["ctx"], "integer", { types: classifier, changesPacket: true });
define("skb_change_proto", ["ctx", "anything", "anything"], "integer", { types: classifier, changesPacket: true });
define("skb_change_type", ["ctx", "anything"], "integer", { types: classifier });
define("skb_change_tail", ["ctx", "anything", "anything"], "integer", { types: classifier, changesPacket: true });
define("skb_change_head", ["ctx", "anything", "anything"], "integer", { types: classifier, changesPacket: true });
define("skb_pull_data", ["ctx", "anything"], "integer", { types: classifier, changesPacket: true });
define("get_hash_recalc", ["ctx"], "integer", { types: classifier });
define("set_hash_invalid", ["ctx"], "integer", { types: classifier });
define("set_hash", ["ctx", "anything"], "integer", { types: classifier });
define("get_cgroup_classid", ["ctx"], "integer", { types: classifier });
define("get_route_realm", ["ctx"], "integer", { types: classifier });

/** As Linux has it, programs of raw tracepoints and trampolines give a buffer that get_stack counts as one to read. */
const STACK_TO_READ_MEMORY: ReadonlyMap<number, HelperPrototype> = new Map(
  [...PROTOTYPES]
    .filter(([, { name }]) => name === "bpf_get_stack")
    .map(([id, prototype]) => [id, { ...prototype, arguments: ["ctx", "readonlyMem", "sizeOrZero", "anything"] }]),
);
const hasEventContext = only(BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_PERF_EVENT);

/** The prototype of a helper, whoever may call it. */
export function helperPrototype(id: number): HelperPrototype | undefined {
  return PROTOTYPES.get(id);
}

/** The prototype of a helper if a program of this type may call it. */
export function offeredHelper(
  id: number,
  program: { type: number; attachType: number; capable: boolean; perfmon: boolean },
): HelperPrototype | undefined {
  const prototype = PROTOTYPES.get(id);
  if (prototype === undefined) return undefined;
  if (prototype.types !== undefined && !prototype.types(program.type, program.attachType)) return undefined;
  // Tracing programs need both capabilities to be loaded at all.
  if (prototype.needs !== "nothing" && !program.capable) return undefined;
  if (prototype.needs === "perfmon" && !program.perfmon) return undefined;
  return (hasEventContext(program.type) ? undefined : STACK_TO_READ_MEMORY.get(id)) ?? prototype;
}

/** Helpers that call a function of the program. */
export function isCallbackCallingHelper(id: number): boolean {
  return CALLBACK_HELPERS.has(id);
}

const CALLBACK_HELPERS: ReadonlySet<number> = new Set(
  ["for_each_map_elem", "timer_set_callback", "find_vma", "loop", "user_ringbuf_drain"].flatMap(
    (name) => helperId(name) ?? [],
  ),
);
