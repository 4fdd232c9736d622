/** BPF_PROG_TYPE_ numbers of `<linux/bpf.h>`, and what sets the types apart for the verifier. */
export const BPF_PROG_TYPE_SOCKET_FILTER = 1;
export const BPF_PROG_TYPE_KPROBE = 2;
export const BPF_PROG_TYPE_SCHED_CLS = 3;
export const BPF_PROG_TYPE_SCHED_ACT = 4;
export const BPF_PROG_TYPE_TRACEPOINT = 5;
export const BPF_PROG_TYPE_XDP = 6;
export const BPF_PROG_TYPE_PERF_EVENT = 7;
export const BPF_PROG_TYPE_CGROUP_SKB = 8;
export const BPF_PROG_TYPE_RAW_TRACEPOINT = 17;
export const BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE = 24;
export const BPF_PROG_TYPE_TRACING = 26;
export const BPF_PROG_TYPE_EXT = 28;
export const BPF_PROG_TYPE_LSM = 29;
export const BPF_PROG_TYPE_SYSCALL = 31;

/** Programs of events, which may happen anywhere in the kernel, also in interrupts. */
export const isEventProgram = (type: number): boolean =>
  type === BPF_PROG_TYPE_KPROBE ||
  type === BPF_PROG_TYPE_TRACEPOINT ||
  type === BPF_PROG_TYPE_PERF_EVENT ||
  type === BPF_PROG_TYPE_RAW_TRACEPOINT ||
  type === BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;

/** Programs that are offered the helpers of tracing. */
export const isTracingProgram = (type: number): boolean => isEventProgram(type) || isTrampolineProgram(type);

/** Programs whose context is typed by the kernel's BTF: fentry, fexit, fmod_ret, BTF tracepoints, LSM. */
export const isTrampolineProgram = (type: number): boolean =>
  type === BPF_PROG_TYPE_TRACING || type === BPF_PROG_TYPE_LSM;

/** Programs whose context is a socket buffer: they may use the packet loads BPF_LD | BPF_ABS and BPF_IND. */
export const mayLoadFromPacket = (type: number): boolean =>
  type === BPF_PROG_TYPE_SOCKET_FILTER ||
  type === BPF_PROG_TYPE_SCHED_CLS ||
  type === BPF_PROG_TYPE_SCHED_ACT ||
  type === BPF_PROG_TYPE_CGROUP_SKB;

/** Structures that functions may name for the context, by the name of the structure. */
export function contextStructures(type: number): readonly string[] {
  switch (type) {
    case BPF_PROG_TYPE_KPROBE:
      return ["bpf_user_pt_regs_t", "pt_regs"];
    case BPF_PROG_TYPE_PERF_EVENT:
      return ["bpf_perf_event_data"];
    case BPF_PROG_TYPE_RAW_TRACEPOINT:
    case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
    case BPF_PROG_TYPE_TRACING:
      return ["bpf_raw_tracepoint_args"];
    case BPF_PROG_TYPE_XDP:
      return ["xdp_md"];
    default:
      return mayLoadFromPacket(type) ? ["__sk_buff"] : [];
  }
}

/** Programs whose accesses to the context are executed as they are written. */
export const hasPlainContext = (type: number): boolean =>
  type === BPF_PROG_TYPE_SYSCALL || (isTracingProgram(type) && type !== BPF_PROG_TYPE_PERF_EVENT);
