/**
 * Hardware task switches of protected mode: far JMP and CALL to a TSS or task gate, interrupts through a task gate, and IRET from a
 * nested task (AMD64 APM volume 2, 12.3 and 12.4). Long mode has none.
 */
import { writeControlRegister } from "./control-registers.ts";
import type { Cpu } from "./cpu.ts";
import { Fault, generalProtection, Vector } from "./fault.ts";
import { raiseException, setStackPointer } from "./interrupts.ts";
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
import { Flag, generalRegisters, type Segment, type SegmentRegister } from "./state.ts";
import { isTask32, NewStack, TaskType } from "./task-state.ts";

const TASK_GATE = 5;
const BUSY = 2;
/** Fields of the TSS, 32-bit and 16-bit. */
const LINK = 0;
const TSS_32 = { limit: 0x67, cr3: 0x1c, eip: 0x20, registers: 0x28, segments: 0x48, ldt: 0x60, trap: 0x64 } as const;
const TSS_16 = { limit: 0x2b, eip: 0x0e, registers: 0x12, segments: 0x22, ldt: 0x2a } as const;
const CR0_TASK_SWITCHED = 8n;
const CR0_PAGING = 0x8000_0000n;

type Reason = "jump" | "call" | "interrupt" | "return";

/** Whether a far transfer to a descriptor switches tasks. */
export function isTask(cpu: Cpu, d: Descriptor): boolean {
  const type = descriptorType(d);
  return !cpu.longMode && (type === TASK_GATE || type === TaskType.available16 || type === TaskType.available32);
}

/** JMP or CALL to a TSS or task gate. */
export function transferToTask(cpu: Cpu, selector: number, d: Descriptor, reason: "jump" | "call", next: bigint): void {
  const error = selector & 0xfffc;
  const dpl = descriptorDpl(d);
  if (dpl < cpu.state.cpl || dpl < (selector & 3)) throw generalProtection(error);
  if (descriptorType(d) !== TASK_GATE) {
    switchTask(cpu, selector, d, reason, next, Vector.GP, 0);
    return;
  }
  if (!isPresent(d)) throw new Fault(Vector.NP, error);
  switchToGateTarget(cpu, d.low >>> 16, reason, next, 0);
}

/** An interrupt or exception through a task gate: the gate's own checks are done. `errorCode`: pushed on the new task's stack. */
export function interruptToTask(cpu: Cpu, selector: number, rip: bigint, external: 0 | 1, errorCode?: number): void {
  switchToGateTarget(cpu, selector, "interrupt", rip, external, errorCode);
}

function switchToGateTarget(
  cpu: Cpu,
  selector: number,
  reason: Reason,
  rip: bigint,
  external: 0 | 1,
  errorCode?: number,
): void {
  const error = (selector & 0xfffc) | external;
  if (isNull(selector) || selector & 4) throw generalProtection(error);
  switchTask(cpu, selector, readDescriptor(cpu, selector), reason, rip, Vector.GP, external, errorCode);
}

/** IRET with NT set: back to the task that the current one's link names. */
export function returnToTask(cpu: Cpu, next: bigint): void {
  const task = cpu.state.segment("tr");
  const selector = Number(cpu.linear.read(task.base + BigInt(LINK), 2, true));
  if (isNull(selector) || selector & 4) throw new Fault(Vector.TS, selector & 0xfffc);
  switchTask(cpu, selector, readDescriptor(cpu, selector, Vector.TS), "return", next, Vector.TS, 0);
}

function switchTask(
  cpu: Cpu,
  selector: number,
  d: Descriptor,
  reason: Reason,
  rip: bigint,
  vector: number,
  external: 0 | 1,
  errorCode?: number,
): void {
  const { state, linear } = cpu;
  const error = (selector & 0xfffc) | external;
  const type = descriptorType(d);
  const expected: readonly number[] =
    reason === "return" ? [TaskType.busy16, TaskType.busy32] : [TaskType.available16, TaskType.available32];
  if (!expected.includes(type)) throw new Fault(vector, error);
  if (!isPresent(d)) throw new Fault(Vector.NP, error);
  const task = segmentOf(selector, { ...d, high: d.high | (BUSY << 8) });
  if (task.limit < (isTask32(task) ? TSS_32.limit : TSS_16.limit)) throw new Fault(Vector.TS, error);

  const old = state.segment("tr");
  const loaded = readTask(cpu, task);
  saveTask(cpu, old, rip, reason === "return");
  if (reason === "jump" || reason === "return") setBusy(cpu, readDescriptor(cpu, old.selector), false);
  if (reason === "call" || reason === "interrupt")
    linear.write(task.base + BigInt(LINK), 2, BigInt(old.selector), true);
  if (reason !== "return") setBusy(cpu, d, true);

  // From here on the new task runs: what is wrong with its state is its own fault.
  state.setSegment("tr", task);
  state.cr0 |= CR0_TASK_SWITCHED;
  try {
    loadTask(cpu, loaded, reason === "call" || reason === "interrupt");
    if (errorCode !== undefined) {
      const stack = NewStack.on(cpu, state.segment("ss"), state.rsp);
      stack.push(BigInt(errorCode), isTask32(task) ? 4 : 2);
      setStackPointer(cpu, stack.pointer);
    }
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    raiseException(cpu, fault, state.rip);
    return;
  }
  if (loaded.trap) cpu.debugging.noteTaskSwitch();
  cpu.interruptsMayBeOpen();
}

interface LoadedTask {
  readonly cr3: bigint | undefined;
  readonly eip: bigint;
  readonly flags: number;
  /** In the order of their encoding. */
  readonly registers: readonly bigint[];
  /** ES, CS, SS, DS, FS, GS. */
  readonly selectors: readonly number[];
  readonly ldt: number;
  readonly trap: boolean;
}

function readTask(cpu: Cpu, task: Segment): LoadedTask {
  const read = (at: number, size: number): bigint => cpu.linear.read(task.base + BigInt(at), size, true);
  const wide = isTask32(task);
  const fields = wide ? TSS_32 : TSS_16;
  const size = wide ? 4 : 2;
  const count = wide ? 6 : 4;
  return {
    cr3: wide ? read(TSS_32.cr3, 4) : undefined,
    eip: read(fields.eip, size),
    flags: Number(read(fields.eip + size, size)),
    // Of what a 16-bit TSS does not have, the upper words of general registers become all ones, the rest zero.
    registers: Array.from(
      { length: 8 },
      (_, i) => read(fields.registers + i * size, size) | (wide ? 0n : 0xffff_0000n),
    ),
    selectors: Array.from({ length: 6 }, (_, i) => (i < count ? Number(read(fields.segments + i * size, 2)) : 0)),
    ldt: Number(read(fields.ldt, 2)),
    trap: wide && (read(TSS_32.trap, 1) & 1n) !== 0n,
  };
}

const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"] as const;

function saveTask(cpu: Cpu, task: Segment, rip: bigint, clearNested: boolean): void {
  const { state, linear } = cpu;
  const wide = isTask32(task);
  const fields = wide ? TSS_32 : TSS_16;
  const size = wide ? 4 : 2;
  const write = (at: number, value: bigint): void =>
    linear.write(task.base + BigInt(at), size, BigInt.asUintN(size * 8, value), true);
  linear.probeWrite(task.base + BigInt(fields.eip), fields.ldt - fields.eip, true);
  write(fields.eip, rip);
  write(fields.eip + size, BigInt(clearNested ? state.flags & ~Flag.NT : state.flags));
  for (let i = 0; i < 8; i++) write(fields.registers + i * size, state.register(i));
  SEGMENTS.slice(0, wide ? 6 : 4).forEach((name, i) => {
    linear.write(task.base + BigInt(fields.segments + i * size), 2, BigInt(state.segment(name).selector), true);
  });
}

function setBusy(cpu: Cpu, d: Descriptor, busy: boolean): void {
  const type = (d.high >>> 8) & 0xff;
  cpu.linear.write(d.address + 5n, 1, BigInt(busy ? type | BUSY : type & ~BUSY), true);
}

function loadTask(cpu: Cpu, task: LoadedTask, nested: boolean): void {
  const { state } = cpu;
  if (task.cr3 !== undefined && state.cr0 & CR0_PAGING) writeControlRegister(cpu, 3, task.cr3);
  const flags = nested ? task.flags | Flag.NT : task.flags;
  state.flags = (flags & 0x3f_7fd7) | 2;
  for (const [i, name] of generalRegisters.slice(0, 8).entries()) state[name] = task.registers[i];
  state.dr7 &= ~0x155n; // the local breakpoints belong to the old task
  cpu.debugRegistersChanged();

  const virtual = (flags & Flag.VM) !== 0;
  const cpl = virtual ? 3 : task.selectors[1] & 3;
  // Selectors first: a fault on the way finds them all loaded, the descriptors not yet.
  for (const [i, name] of SEGMENTS.entries())
    state.setSegment(name, { selector: task.selectors[i], base: 0n, limit: 0, attributes: 0 });
  state.setSegment("ldtr", { selector: task.ldt, base: 0n, limit: 0, attributes: 0 });
  state.cpl = cpl;
  cpu.jump(task.eip);
  loadLocalTable(cpu, task.ldt);
  if (virtual) {
    for (const [i, name] of SEGMENTS.entries()) enterVirtualSegment(cpu, name, task.selectors[i]);
    return;
  }
  loadCode(cpu, task.selectors[1]);
  loadStack(cpu, task.selectors[2], cpl);
  for (const i of [0, 3, 4, 5]) loadData(cpu, SEGMENTS[i], task.selectors[i], cpl);
  if (task.eip > BigInt(state.segment("cs").limit)) throw generalProtection();
}

/** Attributes of every segment in virtual-8086 mode: present, writable, accessed data of ring 3. */
export const VIRTUAL_8086_SEGMENT = 0xf3;

/** A segment register of virtual-8086 mode. */
export function enterVirtualSegment(cpu: Cpu, name: SegmentRegister, selector: number): void {
  cpu.state.setSegment(name, {
    selector,
    base: BigInt(selector) << 4n,
    limit: 0xffff,
    attributes: VIRTUAL_8086_SEGMENT,
  });
}

function loadLocalTable(cpu: Cpu, selector: number): void {
  if (isNull(selector)) return;
  const error = selector & 0xfffc;
  if (selector & 4) throw new Fault(Vector.TS, error);
  const d = readDescriptor(cpu, selector, Vector.TS);
  if (descriptorType(d) !== 2 || !isPresent(d)) throw new Fault(Vector.TS, error);
  cpu.state.setSegment("ldtr", segmentOf(selector, d));
}

function loadCode(cpu: Cpu, selector: number): void {
  const error = selector & 0xfffc;
  if (isNull(selector)) throw new Fault(Vector.TS, 0);
  const d = readDescriptor(cpu, selector, Vector.TS);
  const dpl = descriptorDpl(d);
  const rpl = selector & 3;
  if (!isSegment(d) || !isCode(d) || (isConforming(d) ? dpl > rpl : dpl !== rpl)) throw new Fault(Vector.TS, error);
  if (!isPresent(d)) throw new Fault(Vector.NP, error);
  setLoaded(cpu, "cs", selector, d);
}

function loadStack(cpu: Cpu, selector: number, cpl: number): void {
  const error = selector & 0xfffc;
  if (isNull(selector)) throw new Fault(Vector.TS, 0);
  const d = readDescriptor(cpu, selector, Vector.TS);
  const writableData = isSegment(d) && !isCode(d) && (d.high & 0x200) !== 0;
  if (!writableData || descriptorDpl(d) !== cpl || (selector & 3) !== cpl) throw new Fault(Vector.TS, error);
  if (!isPresent(d)) throw new Fault(Vector.SS, error);
  setLoaded(cpu, "ss", selector, d);
}

function loadData(cpu: Cpu, name: SegmentRegister, selector: number, cpl: number): void {
  if (isNull(selector)) return;
  const error = selector & 0xfffc;
  const d = readDescriptor(cpu, selector, Vector.TS);
  const readable = isSegment(d) && (!isCode(d) || (d.high & 0x200) !== 0);
  const dpl = descriptorDpl(d);
  if (!readable || (!(isCode(d) && isConforming(d)) && (cpl > dpl || (selector & 3) > dpl)))
    throw new Fault(Vector.TS, error);
  if (!isPresent(d)) throw new Fault(Vector.NP, error);
  setLoaded(cpu, name, selector, d);
}

function setLoaded(cpu: Cpu, name: SegmentRegister, selector: number, d: Descriptor): void {
  markAccessed(cpu, d);
  cpu.state.setSegment(name, segmentOf(selector, { ...d, high: d.high | 0x100 }));
}
