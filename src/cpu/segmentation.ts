/** Segment registers: descriptors and the checks of loading them (AMD64 APM volume 2, chapter 4). */
import { isCanonical } from "./canonical.ts";
import type { Cpu } from "./cpu.ts";
import { Fault, generalProtection, Vector } from "./fault.ts";
import { Attribute, Flag, type Segment, type SegmentRegister } from "./state.ts";

/** A descriptor as read: its eight bytes, and where they lie. */
export interface Descriptor {
  readonly low: number;
  readonly high: number;
  readonly address: bigint;
}

export const descriptorType = (d: Descriptor): number => (d.high >>> 8) & 0x1f;
export const descriptorDpl = (d: Descriptor): number => (d.high >>> 13) & 3;
export const isPresent = (d: Descriptor): boolean => (d.high & 0x8000) !== 0;
/** Code or data segment, not a system descriptor. */
export const isSegment = (d: Descriptor): boolean => (d.high & 0x1000) !== 0;
export const isCode = (d: Descriptor): boolean => (d.high & 0x1800) === 0x1800;
export const isConforming = (d: Descriptor): boolean => (d.high & 0x400) !== 0;
export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;

/** The segment register contents that a descriptor gives. */
export function segmentOf(selector: number, d: Descriptor): Segment {
  const attributes = ((d.high >>> 8) & 0xff) | (((d.high >>> 20) & 0xf) << 8);
  const raw = (d.low & 0xffff) | (d.high & 0xf_0000);
  const limit = attributes & Attribute.granularity ? ((raw << 12) | 0xfff) >>> 0 : raw;
  const base = ((d.low >>> 16) | ((d.high & 0xff) << 16) | (d.high & 0xff00_0000)) >>> 0;
  return { selector, base: BigInt(base), limit, attributes };
}

/** Reads the descriptor that a selector names. Throws #GP(selector) if it is outside its table. */
export function readDescriptor(cpu: Cpu, selector: number, vector: number = Vector.GP): Descriptor {
  const { state } = cpu;
  const local = (selector & 4) !== 0;
  const table = local ? state.segment("ldtr") : state.gdtr;
  const offset = selector & 0xfff8;
  if ((local && isNull(state.segment("ldtr").selector)) || offset + 7 > table.limit)
    throw new Fault(vector, selector & 0xfffc);
  const address = table.base + BigInt(offset);
  const value = cpu.linear.read(address, 8, true);
  return { low: Number(value & 0xffff_ffffn), high: Number(value >> 32n), address };
}

/** Sets the accessed bit of a code or data descriptor. */
export function markAccessed(cpu: Cpu, d: Descriptor): void {
  if (!(d.high & 0x100)) cpu.linear.write(d.address + 5n, 1, BigInt(((d.high >>> 8) & 0xff) | 1), true);
}

const nullSegment = (selector: number): Segment => ({ selector, base: 0n, limit: 0, attributes: 0 });

/** Whether segments are real mode's (or virtual-8086 mode's). */
export const isRealMode = (cpu: Cpu): boolean => (cpu.state.cr0 & 1n) === 0n || (cpu.state.systemFlags & Flag.VM) !== 0;

/** MOV to and POP of a segment register, LDS and friends. */
export function loadSegment(cpu: Cpu, name: SegmentRegister, selector: number): void {
  const { state } = cpu;
  if (isRealMode(cpu)) {
    const old = state.segment(name);
    cpu.state.setSegment(name, { ...old, selector, base: BigInt(selector) << 4n });
    return;
  }
  const rpl = selector & 3;
  const cpl = state.cpl;
  if (name === "ss") {
    if (isNull(selector)) {
      if (state.codeBits !== 64 || cpl === 3 || rpl !== cpl) throw generalProtection();
      // A null SS keeps its privilege level.
      state.setSegment("ss", { ...nullSegment(selector), attributes: cpl << Attribute.dplShift });
      return;
    }
    const d = readDescriptor(cpu, selector);
    const writableData = isSegment(d) && !isCode(d) && (d.high & 0x200) !== 0;
    if (rpl !== cpl || !writableData || descriptorDpl(d) !== cpl) throw generalProtection(selector & 0xfffc);
    if (!isPresent(d)) throw new Fault(Vector.SS, selector & 0xfffc);
    markAccessed(cpu, d);
    state.setSegment("ss", segmentOf(selector, { ...d, high: d.high | 0x100 }));
    return;
  }
  if (isNull(selector)) {
    state.setSegment(name, nullSegment(selector));
    return;
  }
  const d = readDescriptor(cpu, selector);
  const readable = isSegment(d) && (!isCode(d) || (d.high & 0x200) !== 0);
  if (!readable) throw generalProtection(selector & 0xfffc);
  if (!(isCode(d) && isConforming(d)) && (rpl > descriptorDpl(d) || cpl > descriptorDpl(d)))
    throw generalProtection(selector & 0xfffc);
  if (!isPresent(d)) throw new Fault(Vector.NP, selector & 0xfffc);
  markAccessed(cpu, d);
  state.setSegment(name, segmentOf(selector, { ...d, high: d.high | 0x100 }));
}

/** System descriptors are 16 bytes in long mode: the base's high half. Throws #GP if the whole is not canonical. */
function systemBaseHigh(cpu: Cpu, selector: number, d: Descriptor): bigint {
  if (!cpu.longMode) return 0n;
  const high = cpu.linear.read(d.address + 8n, 4, true) << 32n;
  if (!isCanonical(high | segmentOf(0, d).base)) throw generalProtection(selector & 0xfffc);
  return high;
}

/** LLDT. */
export function loadLdt(cpu: Cpu, selector: number): void {
  if (isNull(selector)) {
    cpu.state.setSegment("ldtr", nullSegment(selector));
    return;
  }
  if (selector & 4) throw generalProtection(selector & 0xfffc);
  const d = readDescriptor(cpu, selector);
  if (descriptorType(d) !== 2) throw generalProtection(selector & 0xfffc);
  if (!isPresent(d)) throw new Fault(Vector.NP, selector & 0xfffc);
  const segment = segmentOf(selector, d);
  cpu.state.setSegment("ldtr", { ...segment, base: segment.base | systemBaseHigh(cpu, selector, d) });
}

/** LTR. */
export function loadTask(cpu: Cpu, selector: number): void {
  if (isNull(selector)) throw generalProtection();
  if (selector & 4) throw generalProtection(selector & 0xfffc);
  const d = readDescriptor(cpu, selector);
  const type = descriptorType(d);
  if (type !== 9 && (type !== 1 || cpu.longMode)) throw generalProtection(selector & 0xfffc);
  if (!isPresent(d)) throw new Fault(Vector.NP, selector & 0xfffc);
  const segment = segmentOf(selector, { ...d, high: d.high | 0x200 });
  const base = segment.base | systemBaseHigh(cpu, selector, d);
  cpu.linear.write(d.address + 5n, 1, BigInt(((d.high >>> 8) & 0xff) | 2), true);
  cpu.state.setSegment("tr", { ...segment, base });
}

/** LAR, LSL, VERR, VERW: the descriptor if the selector is visible at this privilege, else undefined. */
export function visibleDescriptor(cpu: Cpu, selector: number): Descriptor | undefined {
  if (isNull(selector)) return undefined;
  let d: Descriptor;
  try {
    d = readDescriptor(cpu, selector);
  } catch (fault) {
    if (fault instanceof Fault && fault.vector === Vector.GP) return undefined;
    throw fault;
  }
  if (isCode(d) && isConforming(d)) return d;
  const dpl = descriptorDpl(d);
  return cpu.state.cpl > dpl || (selector & 3) > dpl ? undefined : d;
}

/** Whether `size` bytes at an offset are within a segment's limit. */
export function isWithin(
  { limit, attributes }: Segment,
  offset: number,
  size: number,
  protectedMode: boolean,
): boolean {
  const last = offset + size - 1;
  if (!protectedMode || (attributes & 0xc) !== 4) return last <= limit;
  return offset > limit && last <= (attributes & Attribute.big ? 0xffff_ffff : 0xffff);
}

/**
 * The checks of an access outside 64-bit mode (APM volume 2, 4.7.4 and 4.12): type, null selector, limit. Throws #GP, or #SS for the
 * stack segment.
 */
export function checkAccess(cpu: Cpu, name: SegmentRegister, offset: number, size: number, write: boolean): void {
  const segment = cpu.state.segment(name);
  const { attributes } = segment;
  const fault = (): Fault => new Fault(name === "ss" ? Vector.SS : Vector.GP, 0);
  const protectedMode = !isRealMode(cpu);
  if (protectedMode) {
    if (!(attributes & Attribute.present)) throw fault();
    const code = (attributes & 8) !== 0;
    if (write ? code || !(attributes & 2) : code && !(attributes & 2)) throw fault();
  }
  if (!isWithin(segment, offset, size, protectedMode)) throw fault();
}
