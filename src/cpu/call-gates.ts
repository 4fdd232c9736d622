/** Far JMP and CALL through call gates (AMD64 APM volume 2, 4.8.2 and 4.10.2). */
import { isCanonical } from "./canonical.ts";
import type { Cpu } from "./cpu.ts";
import { enterCodeSegment } from "./far-transfer.ts";
import { Fault, generalProtection, Vector } from "./fault.ts";
import { setStackPointer } from "./interrupts.ts";
import {
  type Descriptor,
  descriptorDpl,
  descriptorType,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isSegment,
  markAccessed,
  readDescriptor,
  segmentOf,
} from "./segmentation.ts";
import { readStack } from "./stack-access.ts";
import { Attribute, type Segment } from "./state.ts";
import { innerStack, NewStack, readTask64 } from "./task-state.ts";

const GATE_16 = 4;
const GATE_32 = 0xc;

/** Whether a descriptor is a call gate in this mode. */
export function isCallGate(cpu: Cpu, d: Descriptor): boolean {
  const type = descriptorType(d);
  return type === GATE_32 || (type === GATE_16 && !cpu.longMode);
}

interface Target {
  readonly code: Segment;
  readonly dpl: number;
  readonly conforming: boolean;
  readonly offset: bigint;
  /** Bytes of what a CALL pushes. */
  readonly size: 2 | 4 | 8;
  /** Words or doublewords that a CALL to an inner level copies. */
  readonly parameters: number;
}

/** Checks the gate and the code segment behind it. */
function targetOf(cpu: Cpu, selector: number, gate: Descriptor): Target {
  const error = selector & 0xfffc;
  const { cpl } = cpu.state;
  const gateDpl = descriptorDpl(gate);
  if (gateDpl < cpl || gateDpl < (selector & 3)) throw generalProtection(error);
  let offsetHigh = 0n;
  if (cpu.longMode) {
    const upper = cpu.linear.read(gate.address + 8n, 8, true);
    if ((upper >> 40n) & 0x1fn) throw generalProtection(error);
    offsetHigh = upper & 0xffff_ffffn;
  }
  if (!isPresent(gate)) throw new Fault(Vector.NP, error);
  const wide = descriptorType(gate) === GATE_32;
  const low = BigInt(gate.low & 0xffff);
  const offset = wide ? low | (BigInt(gate.high >>> 16) << 16n) | (offsetHigh << 32n) : low;

  const codeSelector = gate.low >>> 16;
  if (isNull(codeSelector)) throw generalProtection();
  const d = readDescriptor(cpu, codeSelector);
  const codeError = codeSelector & 0xfffc;
  const dpl = descriptorDpl(d);
  if (!isSegment(d) || !isCode(d) || dpl > cpl) throw generalProtection(codeError);
  const code = segmentOf(codeSelector, { ...d, high: d.high | 0x100 });
  const both = Attribute.longMode | Attribute.big;
  if (cpu.longMode && (code.attributes & both) !== Attribute.longMode) throw generalProtection(codeError);
  if (!isPresent(d)) throw new Fault(Vector.NP, codeError);
  markAccessed(cpu, d);
  const conforming = isConforming(d);
  return { code, dpl, conforming, offset, size: cpu.longMode ? 8 : wide ? 4 : 2, parameters: gate.high & 0x1f };
}

function checkOffset(cpu: Cpu, { code, offset }: Target): void {
  if (cpu.longMode ? !isCanonical(offset) : offset > BigInt(code.limit)) throw generalProtection();
}

const enter = (cpu: Cpu, { code, offset }: Target, cpl: number): void =>
  enterCodeSegment(cpu, { ...code, selector: (code.selector & 0xfffc) | cpl }, cpl, offset);

export function jumpThroughGate(cpu: Cpu, selector: number, gate: Descriptor): void {
  const target = targetOf(cpu, selector, gate);
  const { cpl } = cpu.state;
  if (!target.conforming && target.dpl !== cpl) throw generalProtection(target.code.selector & 0xfffc);
  checkOffset(cpu, target);
  enter(cpu, target, cpl);
}

/** `next`: the address after the instruction. */
export function callThroughGate(cpu: Cpu, selector: number, gate: Descriptor, next: bigint): void {
  const { state } = cpu;
  const target = targetOf(cpu, selector, gate);
  const { size } = target;
  const cpl = target.conforming ? state.cpl : target.dpl;
  const from = BigInt(state.segment("cs").selector);
  const oldStack = state.segment("ss");
  if (cpl === state.cpl) {
    const stack =
      state.codeBits === 64 ? NewStack.flat(cpu, state.rsp, false) : NewStack.on(cpu, oldStack, state.rsp, false);
    checkOffset(cpu, target);
    stack.push(from, size);
    stack.push(next, size);
    setStackPointer(cpu, stack.pointer);
    enter(cpu, target, cpl);
    return;
  }
  if (cpu.longMode) {
    const pointer = readTask64(cpu, 4 + 8 * cpl);
    if (!isCanonical(pointer)) throw new Fault(Vector.SS, 0);
    checkOffset(cpu, target);
    const stack = NewStack.flat(cpu, pointer);
    for (const value of [BigInt(oldStack.selector), state.rsp, from, next]) stack.push(value, size);
    state.setSegment("ss", { selector: cpl, base: 0n, limit: 0, attributes: cpl << Attribute.dplShift });
    enter(cpu, target, cpl);
    state.rsp = stack.pointer;
    return;
  }
  const { segment, pointer } = innerStack(cpu, cpl, 0);
  checkOffset(cpu, target);
  const oldMask = oldStack.attributes & Attribute.big ? 0xffff_ffffn : 0xffffn;
  const parameters = Array.from({ length: target.parameters }, (_, i) => {
    const at = (state.rsp + BigInt(i * size)) & oldMask;
    return readStack(cpu, at, size);
  });
  const stack = NewStack.on(cpu, segment, pointer, true, segment.selector & 0xfffc);
  for (const value of [BigInt(oldStack.selector), state.rsp, ...parameters.reverse(), from, next])
    stack.push(value, size);
  state.setSegment("ss", segment);
  enter(cpu, target, cpl);
  setStackPointer(cpu, stack.pointer);
}
