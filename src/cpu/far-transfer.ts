/** Far JMP, CALL and RET, SYSCALL and SYSRET: transfers that load CS (AMD64 APM volume 2, 4.8 and 6.1). */
import { callThroughGate, isCallGate, jumpThroughGate } from "./call-gates.ts";
import { isCanonical } from "./canonical.ts";
import type { Cpu } from "./cpu.ts";
import { Fault, generalProtection, invalidOpcode, Vector } from "./fault.ts";
import { setStackPointer } from "./interrupts.ts";
import {
  type Descriptor,
  descriptorDpl,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isRealMode,
  isSegment,
  markAccessed,
  readDescriptor,
  segmentOf,
} from "./segmentation.ts";
import { readStack, stackMask, writeStack } from "./stack-access.ts";
import { Attribute, Flag, type Segment } from "./state.ts";
import { isTask, transferToTask } from "./task-switch.ts";

/** Loads CS, the privilege level and RIP. Nothing is checked any more. */
export function enterCodeSegment(cpu: Cpu, code: Segment, cpl: number, rip: bigint): void {
  const { state } = cpu;
  const leaves64 = state.codeBits === 64 && (code.attributes & Attribute.longMode) === 0;
  if (leaves64 && state.segment("ss").attributes & Attribute.big) state.rsp &= 0xffff_ffffn;
  cpu.state.setSegment("cs", code);
  cpu.state.cpl = cpl;
  cpu.jump(rip);
}

/** The code segment of a return to `rpl`. Throws #GP or #NP. */
export function codeSegmentFor(cpu: Cpu, selector: number, d: Descriptor, rpl: number): Segment {
  const error = selector & 0xfffc;
  if (!isSegment(d) || !isCode(d)) throw generalProtection(error);
  const dpl = descriptorDpl(d);
  if (isConforming(d) ? dpl > rpl : dpl !== rpl) throw generalProtection(error);
  const both = Attribute.longMode | Attribute.big;
  const segment = segmentOf(selector, { ...d, high: d.high | 0x100 });
  if (cpu.longMode && (segment.attributes & both) === both) throw generalProtection(error);
  if (!isPresent(d)) throw new Fault(Vector.NP, error);
  markAccessed(cpu, d);
  return segment;
}

/** Checks the SS of a return and gives back what loads it. */
export function loadStackForReturn(cpu: Cpu, selector: number, rpl: number, to64: boolean): () => void {
  if (isNull(selector)) {
    if (!cpu.longMode || !to64 || rpl === 3) throw generalProtection();
    const attributes = rpl << Attribute.dplShift;
    return () => cpu.state.setSegment("ss", { selector, base: 0n, limit: 0, attributes });
  }
  const d = readDescriptor(cpu, selector);
  const error = selector & 0xfffc;
  if ((selector & 3) !== rpl || !isSegment(d) || isCode(d) || !(d.high & 0x200) || descriptorDpl(d) !== rpl)
    throw generalProtection(error);
  if (!isPresent(d)) throw new Fault(Vector.SS, error);
  markAccessed(cpu, d);
  return () => cpu.state.setSegment("ss", segmentOf(selector, { ...d, high: d.high | 0x100 }));
}

/** Data segments that the outer level may not have become null. FS and GS keep their base, which 64-bit mode goes on using. */
export function nullOutsideSegments(cpu: Cpu, cpl: number): void {
  for (const name of ["es", "ds", "fs", "gs"] as const) {
    const segment = cpu.state.segment(name);
    if (isNull(segment.selector)) continue;
    const dpl = (segment.attributes >> Attribute.dplShift) & 3;
    const conformingCode = (segment.attributes & 0xc) === 0xc;
    if (dpl < cpl && !conformingCode)
      cpu.state.setSegment(name, { selector: 0, base: segment.base, limit: 0, attributes: 0 });
  }
}

/** The target of a far jump or call to a code segment. */
function directTarget(cpu: Cpu, selector: number, d: Descriptor): Segment {
  const error = selector & 0xfffc;
  if (!isSegment(d) || !isCode(d)) throw generalProtection(error);
  const dpl = descriptorDpl(d);
  const { cpl } = cpu.state;
  if (isConforming(d) ? dpl > cpl : (selector & 3) > cpl || dpl !== cpl) throw generalProtection(error);
  const segment = segmentOf((selector & 0xfffc) | cpl, { ...d, high: d.high | 0x100 });
  const both = Attribute.longMode | Attribute.big;
  if (cpu.longMode && (segment.attributes & both) === both) throw generalProtection(error);
  if (!isPresent(d)) throw new Fault(Vector.NP, error);
  markAccessed(cpu, d);
  return segment;
}

function checkTarget(cpu: Cpu, segment: Segment, offset: bigint): void {
  const to64 = cpu.longMode && (segment.attributes & Attribute.longMode) !== 0;
  if (to64 ? !isCanonical(offset) : offset > BigInt(segment.limit)) throw generalProtection();
}

const realSegment = (cpu: Cpu, selector: number): Segment => ({
  ...cpu.state.segment("cs"),
  selector,
  base: BigInt(selector) << 4n,
});

/** The descriptor that a far jump or call names. */
function transferDescriptor(cpu: Cpu, selector: number): Descriptor {
  if (isNull(selector)) throw generalProtection();
  return readDescriptor(cpu, selector);
}

/** `next`: the address after the instruction. */
export function farJump(cpu: Cpu, selector: number, offset: bigint, next: bigint): void {
  let segment: Segment;
  if (isRealMode(cpu)) segment = realSegment(cpu, selector);
  else {
    const d = transferDescriptor(cpu, selector);
    if (isCallGate(cpu, d)) {
      jumpThroughGate(cpu, selector, d);
      return;
    }
    if (isTask(cpu, d)) {
      transferToTask(cpu, selector, d, "jump", next);
      return;
    }
    segment = directTarget(cpu, selector, d);
  }
  checkTarget(cpu, segment, offset);
  enterCodeSegment(cpu, segment, cpu.state.cpl, offset);
}

export function farCall(cpu: Cpu, selector: number, offset: bigint, size: number, next: bigint): void {
  const { state } = cpu;
  let segment: Segment;
  if (isRealMode(cpu)) segment = realSegment(cpu, selector);
  else {
    const d = transferDescriptor(cpu, selector);
    if (isCallGate(cpu, d)) {
      callThroughGate(cpu, selector, d, next);
      return;
    }
    if (isTask(cpu, d)) {
      transferToTask(cpu, selector, d, "call", next);
      return;
    }
    segment = directTarget(cpu, selector, d);
  }
  // AMD processors push as the target's mode does.
  const to64 = cpu.longMode && (segment.attributes & Attribute.longMode) !== 0;
  const big = (state.segment("ss").attributes & Attribute.big) !== 0;
  const mask = to64 ? 0xffff_ffff_ffff_ffffn : big ? 0xffff_ffffn : 0xffffn;
  let pointer = state.rsp & mask;
  for (const value of [BigInt(state.segment("cs").selector), next]) {
    pointer = (pointer - BigInt(size)) & mask;
    if (to64) cpu.linear.write(pointer, size, BigInt.asUintN(size * 8, value), false, true);
    else writeStack(cpu, pointer, size, value);
  }
  // AMD processors have pushed before they look at the target.
  checkTarget(cpu, segment, offset);
  setStackPointer(cpu, pointer);
  enterCodeSegment(cpu, segment, state.cpl, offset);
}

/** RETF, and RETF n: `release` bytes of arguments go, too. */
export function farReturn(cpu: Cpu, size: number, release: number): void {
  const { state } = cpu;
  const mask = stackMask(cpu);
  const at = (offset: number): bigint => (state.rsp + BigInt(offset)) & mask;
  const word = (offset: number): bigint => readStack(cpu, at(offset), size);
  const selector = Number(word(size) & 0xffffn);
  const rip = word(0);
  const end = 2 * size + release;
  if (isRealMode(cpu)) {
    setStackPointer(cpu, at(end));
    enterCodeSegment(cpu, realSegment(cpu, selector), state.cpl, rip);
    return;
  }
  // AMD processors read what belongs to another level before they check anything.
  const outer = (selector & 3) !== state.cpl;
  const stackSelector = outer ? Number(word(end + size) & 0xffffn) : 0;
  const newPointer = outer ? word(end) : 0n;
  if (isNull(selector)) throw generalProtection();
  const rpl = selector & 3;
  if (rpl < state.cpl) throw generalProtection(selector & 0xfffc);
  const d = readDescriptor(cpu, selector);
  const segment = codeSegmentFor(cpu, selector, d, rpl);
  checkTarget(cpu, segment, rip);
  if (!outer) {
    setStackPointer(cpu, at(end));
    enterCodeSegment(cpu, segment, rpl, rip);
    return;
  }
  const loadStack = loadStackForReturn(cpu, stackSelector, rpl, (segment.attributes & Attribute.longMode) !== 0);
  loadStack();
  state.rsp = newPointer + BigInt(release);
  nullOutsideSegments(cpu, rpl);
  enterCodeSegment(cpu, segment, rpl, rip);
}

const flatCode = (selector: number, dpl: number, is64: boolean): Segment => ({
  selector,
  base: 0n,
  limit: 0xffff_ffff,
  attributes: 0x9b | (dpl << Attribute.dplShift) | Attribute.granularity | (is64 ? Attribute.longMode : Attribute.big),
});
const flatData = (selector: number, dpl: number): Segment => ({
  selector,
  base: 0n,
  limit: 0xffff_ffff,
  attributes: 0x93 | (dpl << Attribute.dplShift) | Attribute.granularity | Attribute.big,
});

/** SYSCALL. */
export function systemCall(cpu: Cpu, next: bigint): void {
  const { state } = cpu;
  if (!(state.efer & 1n)) throw invalidOpcode();
  const selector = Number((state.star >> 32n) & 0xfffcn);
  if (cpu.longMode) {
    const from64 = state.codeBits === 64;
    state.rcx = next;
    state.r11 = BigInt(state.flags & ~Flag.RF);
    state.flags = state.flags & ~Number(state.sfmask & 0xffff_ffffn) & ~Flag.RF;
    state.setSegment("ss", flatData(selector + 8, 0));
    enterCodeSegment(cpu, flatCode(selector, 0, true), 0, from64 ? state.lstar : state.cstar);
    return;
  }
  if (!(state.cr0 & 1n)) throw invalidOpcode();
  state.rcx = next & 0xffff_ffffn;
  state.systemFlags &= ~(Flag.IF | Flag.VM | Flag.RF);
  state.setSegment("ss", flatData(selector + 8, 0));
  enterCodeSegment(cpu, flatCode(selector, 0, false), 0, state.star & 0xffff_ffffn);
}

/** SYSRET: to 64-bit code at operand size 8, else to 32-bit code. */
export function systemReturn(cpu: Cpu, size: number): void {
  const { state } = cpu;
  if (!(state.efer & 1n) || !(state.cr0 & 1n)) throw invalidOpcode();
  if (state.cpl !== 0) throw generalProtection();
  const base = Number((state.star >> 48n) & 0xffffn);
  const to64 = size === 8;
  // AMD does not check RCX: a bad address faults when code is fetched there, at CPL 3.
  const rip = to64 ? state.rcx : state.rcx & 0xffff_ffffn;
  if (cpu.longMode) state.flags = Number(state.r11 & 0x3c_7fd7n);
  else state.systemFlags |= Flag.IF;
  // AMD loads the selector of SS and leaves the rest of it alone, but for the privilege level.
  const stack = state.segment("ss");
  state.setSegment("ss", { ...stack, selector: (base + 8) | 3 });
  enterCodeSegment(cpu, flatCode((to64 ? base + 16 : base) | 3, 3, to64), 3, rip);
  cpu.interruptsMayBeOpen();
}

/** SYSENTER: AMD processors know it outside long mode alone. */
export function enterSystem(cpu: Cpu): void {
  const { state } = cpu;
  if (cpu.longMode) throw invalidOpcode();
  if (!(state.cr0 & 1n) || isNull(Number(state.sysenterCs & 0xffffn))) throw generalProtection();
  const selector = Number(state.sysenterCs & 0xfffcn);
  state.systemFlags &= ~(Flag.IF | Flag.VM | Flag.RF);
  state.setSegment("ss", flatData(selector + 8, 0));
  state.rsp = state.sysenterEsp & 0xffff_ffffn;
  enterCodeSegment(cpu, flatCode(selector, 0, false), 0, state.sysenterEip & 0xffff_ffffn);
}

/** SYSEXIT, likewise. */
export function exitSystem(cpu: Cpu): void {
  const { state } = cpu;
  // The privilege level is looked at before the mode.
  if (cpu.longMode && state.cpl === 0) throw invalidOpcode();
  if (!(state.cr0 & 1n) || state.cpl !== 0 || isNull(Number(state.sysenterCs & 0xffffn))) throw generalProtection();
  const selector = Number(state.sysenterCs & 0xfffcn);
  state.setSegment("ss", flatData((selector + 24) | 3, 3));
  state.rsp = state.rcx & 0xffff_ffffn;
  enterCodeSegment(cpu, flatCode((selector + 16) | 3, 3, false), 3, state.rdx & 0xffff_ffffn);
}
