/** Contexts of tracing programs: registers, records of tracepoints, samples of perf events. All are read-only. */
import { SCALAR_VALUE } from "../register-state.ts";
import type { ContextAccess } from "./index.ts";

const SCALAR = { type: SCALAR_VALUE };

/** Size of struct pt_regs on x86-64. */
const PT_REGS_SIZE = 168;
/** Size of struct bpf_perf_event_data: pt_regs, sample_period, addr. */
const PERF_EVENT_DATA_SIZE = PT_REGS_SIZE + 16;
const SAMPLE_PERIOD = PT_REGS_SIZE;
const ADDR = PT_REGS_SIZE + 8;
/** The longest record of a trace event, and its pointer in front that belongs to the kernel. */
const PERF_MAX_TRACE_SIZE = 8192;
const TRACE_HEADER = 8;
/** Largest context of a SYSCALL program. */
const MAX_SYSCALL_CONTEXT = 0xffff;
/** Arguments of a raw tracepoint. */
const MAX_BPF_FUNC_ARGS = 12;

/** A kprobe's registers. */
export const kprobeAccess: ContextAccess = (offset, size, isWrite) => {
  if (isWrite || offset < 0 || offset >= PT_REGS_SIZE || offset % size !== 0) return null;
  return offset + size > PT_REGS_SIZE ? null : SCALAR;
};

/**
 * A trace event's record, without its head. Linux compares with the head's size as unsigned numbers, and so lets programs
 * read what lies before the record.
 */
export const tracepointAccess: ContextAccess = (offset, size, isWrite) => {
  if (isWrite || offset >>> 0 < TRACE_HEADER || offset >= PERF_MAX_TRACE_SIZE || offset % size !== 0) return null;
  return SCALAR;
};

/** The arguments of a raw tracepoint, 64 bits each. */
export const rawTracepointAccess: ContextAccess = (offset, size, isWrite) => {
  if (isWrite || offset < 0 || offset >= 8 * MAX_BPF_FUNC_ARGS || offset % size !== 0) return null;
  return SCALAR;
};

/** What the caller of BPF_PROG_TEST_RUN gives to a SYSCALL program; it may be written too. */
export const syscallAccess: ContextAccess = (offset, size) => {
  if (offset < 0 || offset >= MAX_SYSCALL_CONTEXT || offset % size !== 0) return null;
  return SCALAR;
};

/** struct bpf_perf_event_data. Its two 64-bit fields may also be read in part. */
export const perfEventAccess: ContextAccess = (offset, size, isWrite) => {
  if (isWrite || offset < 0 || offset >= PERF_EVENT_DATA_SIZE) return null;
  // Compilers of 32-bit machines may read pt_regs in halves.
  if (offset % size !== 0) return null;
  if (offset >= SAMPLE_PERIOD) {
    const field = offset >= ADDR ? ADDR : SAMPLE_PERIOD;
    return offset + size <= field + 8 ? SCALAR : null;
  }
  return size === 8 ? SCALAR : null;
};
