/** The task state segment as a source of stacks, and the stacks of inner privilege levels (AMD64 APM volume 2, 12.2 and 8.7.3). */
import type { Cpu } from "./cpu.ts";
import { Fault, Vector } from "./fault.ts";
import {
  descriptorDpl,
  isCode,
  isNull,
  isPresent,
  isSegment,
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
  pointer: bigint;

  constructor(cpu: Cpu, base: bigint, pointer: bigint, mask: bigint, supervisor = true) {
    this.#cpu = cpu;
    this.#base = base;
    this.#mask = mask;
    this.#supervisor = supervisor;
    this.pointer = pointer;
  }

  /** On a stack segment, at its width. */
  static on(cpu: Cpu, segment: Segment, pointer: bigint, supervisor = true): NewStack {
    const mask = segment.attributes & Attribute.big ? 0xffff_ffffn : 0xffffn;
    return new NewStack(cpu, segment.base, pointer & mask, mask, supervisor);
  }

  push(value: bigint, size: number): void {
    const at = (this.pointer - BigInt(size)) & this.#mask;
    const address = this.#cpu.longMode ? this.#base + at : (this.#base + at) & 0xffff_ffffn;
    const narrow = BigInt.asUintN(size * 8, value);
    this.#cpu.linear.write(BigInt.asUintN(64, address), size, narrow, this.#supervisor, true);
    this.pointer = at;
  }
}
