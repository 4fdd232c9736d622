/**
 * Delivery of exceptions and interrupts through the IDT, and IRET (AMD64 APM volume 2, chapter 8): long mode, protected
 * mode and real mode.
 */
import { isCanonical } from "./canonical.ts";
import type { Cpu } from "./cpu.ts";
import { codeSegmentFor, enterCodeSegment, loadStackForReturn, nullOutsideSegments } from "./far-transfer.ts";
import { Fault, generalProtection, Vector } from "./fault.ts";
import {
  descriptorDpl,
  isCode,
  isConforming,
  isNull,
  isPresent,
  isRealMode,
  isSegment,
  loadSegment,
  readDescriptor,
  segmentOf,
} from "./segmentation.ts";
import { readStack, StackReader, stackMask } from "./stack-access.ts";
import { Attribute, Flag } from "./state.ts";
import { innerStack, NewStack, readTask64 } from "./task-state.ts";
import { enterVirtualSegment, interruptToTask, returnToTask } from "./task-switch.ts";
import { virtualInterruptReturn } from "./virtual-interrupts.ts";

export type DeliveryKind = "exception" | "interrupt" | "software";

/** Vectors that push an error code. */
export const WITH_ERROR_CODE: ReadonlySet<number> = new Set<number>([
  Vector.DF,
  Vector.TS,
  Vector.NP,
  Vector.SS,
  Vector.GP,
  Vector.PF,
  Vector.AC,
]);
/** Contributory exceptions: two of them, or one after a #PF, make a double fault. */
const contributory = (vector: number): boolean => vector === Vector.DE || (vector >= Vector.TS && vector <= Vector.GP);

const TASK_GATE = 5;

/** Raises an exception at `rip`; a fault on the way makes a double fault, or shuts the processor down. */
export function raiseException(cpu: Cpu, first: Fault, rip: bigint): void {
  let fault = first;
  for (;;) {
    if (fault.vector === Vector.PF) cpu.setFaultAddress(fault);
    try {
      deliver(cpu, fault.vector, "exception", rip, fault.errorCode);
      return;
    } catch (second) {
      if (!(second instanceof Fault)) throw second;
      if (fault.vector === Vector.DF) {
        cpu.shutDown();
        return;
      }
      const severe =
        (contributory(fault.vector) && contributory(second.vector)) ||
        (fault.vector === Vector.PF && (contributory(second.vector) || second.vector === Vector.PF));
      if (severe && second.vector === Vector.PF) cpu.setFaultAddress(second);
      fault = severe ? new Fault(Vector.DF, 0) : second;
    }
  }
}

/** An external interrupt or NMI. */
export function deliverExternal(cpu: Cpu, vector: number): void {
  if (cpu.fastDelivery(vector, "interrupt")) return;
  const { rip } = cpu.state;
  try {
    deliver(cpu, vector, "interrupt", rip);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    raiseException(cpu, fault, rip);
  }
}

/** INT n, INT3, INTO: `next` is the address after the instruction. */
export function softwareInterrupt(cpu: Cpu, vector: number, next: bigint): void {
  deliver(cpu, vector, "software", next);
}

/** INT1 (ICEBP): a #DB trap, whatever the gate's privilege level. DR6 gets what a load of SS has held off: it is one exception. */
export function debugInterrupt(cpu: Cpu, next: bigint): void {
  deliver(cpu, Vector.DB, "exception", next);
  if (cpu.debugging.trapPending) cpu.debugging.takeTrap();
  cpu.forgetSingleStep();
}

/**
 * Delivers one event. Throws the fault of delivering it, with nothing changed but memory below the stack pointer. `rip` is what
 * will be pushed.
 */
function deliver(cpu: Cpu, vector: number, kind: DeliveryKind, rip: bigint, errorCode?: number): void {
  if (cpu.intercepts(vector, kind, rip, errorCode)) return;
  if (isRealMode(cpu) && (cpu.state.cr0 & 1n) === 0n) deliverReal(cpu, vector, rip);
  else if (cpu.longMode) deliverLong(cpu, vector, kind, rip, errorCode);
  else deliverProtected(cpu, vector, kind, rip, errorCode);
  cpu.delivered(vector, kind, rip, errorCode);
}

/** RFLAGS as pushed: faults push RF set, so that their instruction's breakpoint does not strike again. */
export function pushedFlags(cpu: Cpu, vector: number, kind: DeliveryKind): number {
  const isTrap = vector === Vector.DB || vector === Vector.BP || vector === Vector.OF || vector === Vector.DF;
  return cpu.state.flags | (kind === "exception" && !isTrap ? Flag.RF : 0);
}

function deliverLong(cpu: Cpu, vector: number, kind: DeliveryKind, rip: bigint, errorCode?: number): void {
  const { state } = cpu;
  const external = kind === "software" ? 0 : 1;
  const gateError = vector * 8 + 2 + external;
  const { base, limit } = state.idtr;
  if (vector * 16 + 15 > limit) throw generalProtection(gateError);
  const low = cpu.linear.read(base + BigInt(vector * 16), 8, true);
  const offsetHigh = cpu.linear.read(base + BigInt(vector * 16 + 8), 4, true);
  const type = Number((low >> 40n) & 0x1fn);
  if (type !== 0xe && type !== 0xf) throw generalProtection(gateError);
  const gateDpl = Number((low >> 45n) & 3n);
  if (kind === "software" && gateDpl < state.cpl) throw generalProtection(gateError);
  if (!((low >> 47n) & 1n)) throw new Fault(Vector.NP, gateError);
  const selector = Number((low >> 16n) & 0xffffn);
  const ist = Number((low >> 32n) & 7n);
  const target = (low & 0xffffn) | ((low >> 32n) & 0xffff_0000n) | (offsetHigh << 32n);

  if (isNull(selector)) throw generalProtection(external);
  const d = readDescriptor(cpu, selector);
  const selectorError = (selector & 0xfffc) | external;
  if (!isSegment(d) || !isCode(d) || descriptorDpl(d) > state.cpl || !(d.high & 0x20_0000))
    throw generalProtection(selectorError);
  if (!isPresent(d)) throw new Fault(Vector.NP, selectorError);
  const newCpl = isConforming(d) ? state.cpl : descriptorDpl(d);
  const changesStack = newCpl < state.cpl;
  let pointer = state.rsp;
  if (ist !== 0) pointer = readTask64(cpu, 0x24 + 8 * (ist - 1));
  else if (changesStack) pointer = readTask64(cpu, 4 + 8 * newCpl);
  if (!isCanonical(pointer)) throw new Fault(Vector.SS, external);
  if (!isCanonical(target)) throw generalProtection(external);

  const stack = NewStack.flat(cpu, pointer & ~0xfn);
  stack.push(BigInt(state.segment("ss").selector), 8);
  stack.push(state.rsp, 8);
  stack.push(BigInt(pushedFlags(cpu, vector, kind)), 8);
  stack.push(BigInt(state.segment("cs").selector), 8);
  stack.push(rip, 8);
  if (kind === "exception" && WITH_ERROR_CODE.has(vector)) stack.push(BigInt(errorCode ?? 0), 8);

  if (changesStack)
    state.setSegment("ss", { selector: newCpl, base: 0n, limit: 0, attributes: newCpl << Attribute.dplShift });
  state.rsp = stack.pointer;
  state.systemFlags &= ~(Flag.TF | Flag.NT | Flag.RF | Flag.VM | (type === 0xe ? Flag.IF : 0));
  enterCodeSegment(cpu, segmentOf((selector & 0xfffc) | newCpl, d), newCpl, target);
}

function deliverProtected(cpu: Cpu, vector: number, kind: DeliveryKind, rip: bigint, errorCode?: number): void {
  const { state } = cpu;
  const external = kind === "software" ? 0 : 1;
  const gateError = vector * 8 + 2 + external;
  const { base, limit } = state.idtr;
  if (vector * 8 + 7 > limit) throw generalProtection(gateError);
  const gate = cpu.linear.read(base + BigInt(vector * 8), 8, true);
  const type = Number((gate >> 40n) & 0x1fn);
  if (![TASK_GATE, 6, 7, 0xe, 0xf].includes(type)) throw generalProtection(gateError);
  if (kind === "software" && Number((gate >> 45n) & 3n) < state.cpl) throw generalProtection(gateError);
  if (!((gate >> 47n) & 1n)) throw new Fault(Vector.NP, gateError);
  if (type === TASK_GATE) {
    const pushed = kind === "exception" && WITH_ERROR_CODE.has(vector) ? (errorCode ?? 0) : undefined;
    interruptToTask(cpu, Number((gate >> 16n) & 0xffffn), rip, external, pushed);
    return;
  }
  const wide = type >= 0xe;
  const size = wide ? 4 : 2;
  const selector = Number((gate >> 16n) & 0xffffn);
  const target = wide ? (gate & 0xffffn) | ((gate >> 32n) & 0xffff_0000n) : gate & 0xffffn;
  if (isNull(selector)) throw generalProtection(external);
  const d = readDescriptor(cpu, selector);
  const selectorError = (selector & 0xfffc) | external;
  if (!isSegment(d) || !isCode(d) || descriptorDpl(d) > state.cpl) throw generalProtection(selectorError);
  if (!isPresent(d)) throw new Fault(Vector.NP, selectorError);
  const code = segmentOf(selector, d);
  const newCpl = isConforming(d) ? state.cpl : descriptorDpl(d);
  const virtual = (state.systemFlags & Flag.VM) !== 0;
  if (virtual && newCpl !== 0) throw generalProtection(selectorError);
  const oldStack = state.segment("ss");
  const pushes = BigInt(pushedFlags(cpu, vector, kind));
  const oldCs = BigInt(state.segment("cs").selector);
  let stack: NewStack;
  let newStackSegment = oldStack;
  if (newCpl < state.cpl) {
    const inner = innerStack(cpu, newCpl, external);
    newStackSegment = inner.segment;
    const error = (inner.segment.selector & 0xfffc) | external;
    stack = NewStack.on(cpu, inner.segment, inner.pointer, true, error);
    if (virtual)
      for (const name of ["gs", "fs", "ds", "es"] as const) stack.push(BigInt(state.segment(name).selector), size);
    stack.push(BigInt(oldStack.selector), size);
    stack.push(state.rsp, size);
  } else {
    stack = NewStack.on(cpu, oldStack, state.rsp, true, external);
  }
  stack.push(pushes, size);
  stack.push(oldCs, size);
  stack.push(rip, size);
  if (kind === "exception" && WITH_ERROR_CODE.has(vector)) stack.push(BigInt(errorCode ?? 0), size);

  state.systemFlags &= ~(Flag.TF | Flag.NT | Flag.RF | Flag.VM | (type & 1 ? 0 : Flag.IF));
  if (newCpl < state.cpl) state.setSegment("ss", newStackSegment);
  setStackPointer(cpu, stack.pointer);
  if (virtual)
    for (const name of ["gs", "fs", "ds", "es"] as const)
      state.setSegment(name, { selector: 0, base: 0n, limit: 0, attributes: 0 });
  enterCodeSegment(cpu, { ...code, selector: (selector & 0xfffc) | newCpl }, newCpl, target);
}

function deliverReal(cpu: Cpu, vector: number, rip: bigint): void {
  const { state } = cpu;
  const { base, limit } = state.idtr;
  if (vector * 4 + 3 > limit) throw generalProtection(vector * 8 + 2);
  const entry = cpu.linear.read(base + BigInt(vector * 4), 4, true);
  const stackSegment = state.segment("ss");
  const stack = NewStack.on(cpu, { ...stackSegment, attributes: stackSegment.attributes & ~Attribute.big }, state.rsp);
  stack.push(BigInt(state.flags & 0xffff), 2);
  stack.push(BigInt(state.segment("cs").selector), 2);
  stack.push(rip & 0xffffn, 2);
  state.systemFlags &= ~(Flag.TF | Flag.IF | Flag.RF | Flag.AC);
  setStackPointer(cpu, stack.pointer);
  const selector = Number(entry >> 16n);
  enterCodeSegment(cpu, { ...state.segment("cs"), selector, base: BigInt(selector) << 4n }, 0, entry & 0xffffn);
}

/** Sets the stack pointer at the width of the stack segment. */
export function setStackPointer(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  if (state.codeBits === 64) state.rsp = value;
  else if (state.segment("ss").attributes & Attribute.big) state.rsp = value & 0xffff_ffffn;
  else state.rsp = (state.rsp & ~0xffffn) | (value & 0xffffn);
}

/** Which flags a return to RFLAGS may change at this privilege. */
export function writableFlags(cpu: Cpu, size: number): number {
  const { cpl, systemFlags } = cpu.state;
  const iopl = (systemFlags >> 12) & 3;
  let mask = 0xcd5 | Flag.TF | Flag.NT;
  if (cpl === 0) mask |= Flag.IOPL | (size > 2 ? Flag.VIF | Flag.VIP : 0);
  if (cpl <= iopl) mask |= Flag.IF;
  if (size > 2) mask |= Flag.AC | Flag.ID | Flag.RF;
  return mask;
}

/** IRET, IRETD, IRETQ. `next`: the address after the instruction. */
export function interruptReturn(cpu: Cpu, size: number, next: bigint): void {
  const { state } = cpu;
  if (size === (cpu.longMode ? 8 : 4) && cpu.fastReturn()) return;
  if (isRealMode(cpu)) {
    if (state.systemFlags & Flag.VM && (state.systemFlags & Flag.IOPL) !== Flag.IOPL) virtualInterruptReturn(cpu, size);
    else interruptReturnReal(cpu, size);
    return;
  }
  if (state.systemFlags & Flag.NT) {
    if (cpu.longMode) throw generalProtection();
    returnToTask(cpu, next);
    cpu.interruptReturned();
    return;
  }
  const is64 = state.codeBits === 64;
  const mask = stackMask(cpu);
  const at = (index: number): bigint => (state.rsp + BigInt(index * size)) & mask;
  const word = (index: number): bigint => readStack(cpu, at(index), size);
  // Which word is looked at first shows in CR2. This is AMD's order, and what is checked when.
  const flags = Number(word(2) & 0xffff_ffffn);
  const selector = Number(word(1) & 0xffffn);
  const rip = word(0);
  if (!cpu.longMode && size === 4 && flags & Flag.VM && state.cpl === 0) {
    const [stackPointer, ...selectors] = [3, 4, 5, 6, 7, 8].map((index) => word(index));
    (["ss", "es", "ds", "fs", "gs"] as const).forEach((name, i) => {
      enterVirtualSegment(cpu, name, Number(selectors[i] & 0xffffn));
    });
    enterVirtualSegment(cpu, "cs", selector);
    state.flags = (flags & 0x3f_7fd7) | 2;
    state.rsp = stackPointer;
    state.cpl = 3;
    cpu.jump(rip & 0xffffn);
    cpu.interruptReturned();
    return;
  }
  const rpl = selector & 3;
  const takesStack = is64 || rpl !== state.cpl;
  const stackSelector = takesStack ? Number(word(4) & 0xffffn) : 0;
  const newPointer = takesStack ? word(3) : at(3);
  if (isNull(selector)) throw generalProtection();
  const d = readDescriptor(cpu, selector);
  if (rpl < state.cpl) throw generalProtection(selector & 0xfffc);
  const code = codeSegmentFor(cpu, selector, d, rpl);
  const outer = rpl > state.cpl;
  const target64 = cpu.longMode && (code.attributes & Attribute.longMode) !== 0;
  if (target64 && !isCanonical(rip)) throw generalProtection();
  if (!target64 && rip > BigInt(code.limit)) throw generalProtection();
  const newStack = takesStack ? loadStackForReturn(cpu, stackSelector, rpl, target64) : undefined;

  const writable = writableFlags(cpu, size);
  state.arithmeticFlags = flags;
  state.systemFlags = (state.systemFlags & ~writable) | (flags & writable & ~0x8d5);
  if (newStack !== undefined) {
    newStack();
    const wide = (state.segment("ss").attributes & Attribute.big) !== 0;
    if (target64) state.rsp = newPointer;
    // Of a 16-bit stack's pointer nothing but SP is loaded, whatever the operand size.
    else state.rsp = wide ? newPointer & 0xffff_ffffn : (state.rsp & ~0xffffn) | (newPointer & 0xffffn);
  } else setStackPointer(cpu, newPointer);
  if (outer) nullOutsideSegments(cpu, rpl);
  enterCodeSegment(cpu, code, rpl, target64 ? rip : rip & 0xffff_ffffn);
  cpu.interruptReturned();
}

function interruptReturnReal(cpu: Cpu, size: number): void {
  const { state } = cpu;
  const stack = new StackReader(cpu, size);
  const rip = stack.pop();
  const selector = Number(stack.pop() & 0xffffn);
  const flags = Number(stack.pop() & 0xffff_ffffn);
  if (rip > BigInt(state.segment("cs").limit)) throw generalProtection();
  const ring = (state.systemFlags & Flag.VM) === 0 ? Flag.IOPL : 0;
  const writable = 0xcd5 | Flag.TF | Flag.NT | ring | Flag.IF | (size > 2 ? Flag.AC | Flag.ID | Flag.RF : 0);
  state.arithmeticFlags = flags;
  state.systemFlags = (state.systemFlags & ~writable) | (flags & writable & ~0x8d5);
  setStackPointer(cpu, stack.pointer);
  loadSegment(cpu, "cs", selector);
  cpu.jump(rip);
  cpu.interruptReturned();
}
