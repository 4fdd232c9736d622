/** Which loads and stores through the context pointer a program type allows, and what they yield. */
import type { BtfType } from "../../btf.ts";
import type { VerifierEnvironment } from "../environment.ts";
import {
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_PERF_EVENT,
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  BPF_PROG_TYPE_SCHED_ACT,
  BPF_PROG_TYPE_SCHED_CLS,
  BPF_PROG_TYPE_SOCKET_FILTER,
  BPF_PROG_TYPE_SYSCALL,
  BPF_PROG_TYPE_TRACEPOINT,
  BPF_PROG_TYPE_XDP,
  isTrampolineProgram,
} from "../program-types.ts";
import { btfContextAccess } from "./btf.ts";
import { classifierAccess, socketFilterAccess, xdpAccess } from "./network.ts";
import { kprobeAccess, perfEventAccess, rawTracepointAccess, syscallAccess, tracepointAccess } from "./tracing.ts";

/** What a load yields: SCALAR_VALUE or a pointer type. */
export interface ContextField {
  readonly type: number;
  /** What a PTR_TO_BTF_ID points to. */
  readonly structure?: BtfType;
}

export type ContextAccess = (offset: number, size: number, isWrite: boolean) => ContextField | null;

const ACCESS: Readonly<Record<number, ContextAccess>> = {
  [BPF_PROG_TYPE_SOCKET_FILTER]: socketFilterAccess,
  [BPF_PROG_TYPE_KPROBE]: kprobeAccess,
  [BPF_PROG_TYPE_SCHED_CLS]: classifierAccess,
  [BPF_PROG_TYPE_SCHED_ACT]: classifierAccess,
  [BPF_PROG_TYPE_CGROUP_SKB]: classifierAccess,
  [BPF_PROG_TYPE_TRACEPOINT]: tracepointAccess,
  [BPF_PROG_TYPE_XDP]: xdpAccess,
  [BPF_PROG_TYPE_PERF_EVENT]: perfEventAccess,
  [BPF_PROG_TYPE_RAW_TRACEPOINT]: rawTracepointAccess,
  [BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE]: rawTracepointAccess,
  [BPF_PROG_TYPE_SYSCALL]: syscallAccess,
};

/** The field at an offset of the context, or null when the access is not allowed. */
export function contextAccess(
  env: VerifierEnvironment,
  offset: number,
  size: number,
  isWrite: boolean,
): ContextField | null {
  if (isTrampolineProgram(env.program.type)) return btfContextAccess(env, offset, size, isWrite);
  return ACCESS[env.program.type]?.(offset, size, isWrite) ?? null;
}
