/** The task state segment as a source of stacks, and the stacks of inner privilege levels (AMD64 APM volume 2, 12.2 and 8.7.3). */
import type { Cpu } from "./cpu.ts";
import { Fault, Vector } from "./fault.ts";
import {
  descriptorDpl,
  isCode,
  isNull,
  isPresent,
  isRealMode,
  isSegment,
  isWithin,
  markAccessed,
  readDescriptor,
  segmentOf,
} from "./segmentation.ts";
import { Attribute, type Segment } from "./state.ts";

/** Types of TSS descriptors; the busy ones have bit 1 set. */
export const TaskType = { available16: 1, busy16: 3, available32: 9, busy32: 0xb } as const;
export const isTask32 = (segment: Segment): boolean => (segment.attributes & 8) !== 0;

/** A 64-bit field of the TSS in long mode. Throws #TS outside its limit. */
export function readTask64(cpu: Cpu, offset: number): bigint {
  const task = cpu.state.segment("tr");
  if (offset + 7 > task.limit) throw new Fault(Vector.TS, task.selector & 0xfffc);
  return cpu.linear.read(task.base + BigInt(offset), 8, true);
}

export interface InnerStack {
  readonly segment: Segment;
  readonly pointer: bigint;
}

/** The stack of an inner privilege level outside long mode. `external`: bit 0 of the error codes. Throws #TS and #SS. */
export function innerStack(cpu: Cpu, privilege: number, external: 0 | 1): InnerStack {
  const task = cpu.state.segment("tr");
  const wide = isTask32(task);
  const [at, size] = wide ? [4 + 8 * privilege, 4] : [2 + 4 * privilege, 2];
  if (at + size + 1 > task.limit) throw new Fault(Vector.TS, (task.selector & 0xfffc) | external);
  const pointer = cpu.linear.read(task.base + BigInt(at), size, true);
  const selector = Number(cpu.linear.read(task.base + BigInt(at + size), 2, true));
  if (isNull(selector)) throw new Fault(Vector.TS, external);
  const d = readDescriptor(cpu, selector, Vector.TS);
  const error = (selector & 0xfffc) | external;
  const writableData = isSegment(d) && !isCode(d) && (d.high & 0x200) !== 0;
  if (!writableData || descriptorDpl(d) !== privilege || (selector & 3) !== privilege)
    throw new Fault(Vector.TS, error);
  if (!isPresent(d)) throw new Fault(Vector.SS, error);
  markAccessed(cpu, d);
  return { segment: segmentOf(selector, { ...d, high: d.high | 0x100 }), pointer };
}

/** Pushes onto a stack that is not loaded yet: nothing of the processor changes when a push faults. */
export class NewStack {
  readonly #cpu: Cpu;
  readonly #base: bigint;
  readonly #mask: bigint;
  /** The privilege level that pushes; the supervisor if not given. */
  readonly #supervisor: boolean;
  /** Whose limit is checked, and the error code of #SS where it forbids a push. */
  readonly #segment: Segment | undefined;
  readonly #errorCode: number;
  pointer: bigint;

  private constructor(
    cpu: Cpu,
    pointer: bigint,
    mask: bigint,
    supervisor: boolean,
    segment: Segment | undefined,
    errorCode: number,
  ) {
    this.#cpu = cpu;
    this.#base = segment?.base ?? 0n;
    this.#mask = mask;
    this.#supervisor = supervisor;
    this.#segment = segment;
    this.#errorCode = errorCode;
    this.pointer = pointer & mask;
  }

  /** In 64-bit mode. */
  static flat(cpu: Cpu, pointer: bigint, supervisor = true): NewStack {
    return new NewStack(cpu, pointer, 0xffff_ffff_ffff_ffffn, supervisor, undefined, 0);
  }

  /** On a stack segment, at its width. */
  static on(cpu: Cpu, segment: Segment, pointer: bigint, supervisor = true, errorCode = 0): NewStack {
    const mask = segment.attributes & Attribute.big ? 0xffff_ffffn : 0xffffn;
    return new NewStack(cpu, pointer, mask, supervisor, segment, errorCode);
  }

  push(value: bigint, size: number): void {
    const at = (this.pointer - BigInt(size)) & this.#mask;
    const segment = this.#segment;
    if (segment !== undefined && !isWithin(segment, Number(at), size, !isRealMode(this.#cpu)))
      throw new Fault(Vector.SS, this.#errorCode);
    const address = segment === undefined ? at : (this.#base + at) & 0xffff_ffffn;
    if (!this.#supervisor) this.#cpu.linear.checkAlignment(address, size, true);
    const narrow = BigInt.asUintN(size * 8, value);
    this.#cpu.linear.write(BigInt.asUintN(64, address), size, narrow, this.#supervisor, true);
    this.pointer = at;
  }
}
