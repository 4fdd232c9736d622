/** The routines behind system instructions, and behind the few integer ones that are large. */

import { isCanonical } from "./canonical.ts";
import {
  CR4,
  loadMachineStatus,
  readControlRegister,
  readDebugRegister,
  writeControlRegister,
  writeDebugRegister,
} from "./control-registers.ts";
import type { Cpu } from "./cpu.ts";
import { cpuid } from "./cpuid.ts";
import { enterSystem, exitSystem, farCall, farJump, farReturn, systemCall, systemReturn } from "./far-transfer.ts";
import { Fault, generalProtection, Vector } from "./fault.ts";
import { debugInterrupt, interruptReturn, softwareInterrupt } from "./interrupts.ts";
import { performanceCounter, readMsr, writeMsr } from "./msr.ts";
import { defineRoutine } from "./routines.ts";
import {
  descriptorType,
  isCode,
  isRealMode,
  isSegment,
  loadLdt,
  loadSegment,
  loadTask,
  segmentOf,
  visibleDescriptor,
} from "./segmentation.ts";
import { readStack, writeStack } from "./stack-access.ts";
import { Flag, layout, numberedRegisters, segmentRegisters } from "./state.ts";
import { Record } from "./tier0/record.ts";
import { virtualInterrupt } from "./virtual-interrupts.ts";

/** IA32_APIC_BASE, which the local APIC keeps, and its global enable. */
const APIC_BASE_MSR = 0x1b;
const APIC_BASE_ENABLE = 0x800n;

// Memory

/** An x87 exception is pending when a waiting instruction starts. CR0.NE = 0 would signal it outside; here it is #MF, too. */
defineRoutine("x87Error", () => {
  throw new Fault(Vector.MF);
});

defineRoutine("probeWrite", (cpu, record) => {
  const stack = (cpu.view.getUint8(record + Record.flags) & 1) !== 0;
  cpu.linear.probeWrite(cpu.argument(0), cpu.argumentNumber(1), false, stack);
});

// Division of 128 bits by 64

defineRoutine("divideUnsigned128", (cpu) => {
  const divisor = cpu.argument(0);
  const dividend = (cpu.state.rdx << 64n) | cpu.state.rax;
  cpu.setResult(0, dividend / divisor);
  cpu.setResult(1, dividend % divisor);
});
defineRoutine("divideSigned128", (cpu) => {
  const divisor = BigInt.asIntN(64, cpu.argument(0));
  const dividend = (BigInt.asIntN(64, cpu.state.rdx) << 64n) | cpu.state.rax;
  const quotient = dividend / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) throw new Fault(Vector.DE);
  cpu.setResult(0, BigInt.asUintN(64, quotient));
  cpu.setResult(1, BigInt.asUintN(64, dividend % divisor));
});

// ENTER with frame pointers of outer procedures

defineRoutine("enter", (cpu) => {
  const { state } = cpu;
  const allocation = cpu.argument(0);
  const level = cpu.argumentNumber(1);
  const size = cpu.argumentNumber(2);
  const stackBits = cpu.argumentNumber(3) * 8;
  const at = (pointer: bigint): bigint => BigInt.asUintN(stackBits, pointer);
  let pointer = state.rsp;
  const merge = (old: bigint, value: bigint, bits: number): bigint =>
    bits === 16 ? (old & ~0xffffn) | BigInt.asUintN(16, value) : BigInt.asUintN(bits, value);
  const frame = merge(pointer, pointer - BigInt(size), stackBits);
  // Pushed one by one: what lies below the stack pointer may have changed when a later one faults.
  const push = (word: bigint): void => {
    pointer -= BigInt(size);
    writeStack(cpu, at(pointer), size, word);
  };
  push(state.rbp);
  for (let i = 1; i < level; i++) push(readStack(cpu, at(state.rbp - BigInt(i * size)), size));
  if (level > 0) push(frame);
  // The new stack pointer must be writable although nothing is written there.
  cpu.linear.probeWrite(cpu.segmentLinear("ss", at(pointer - allocation)), size, false, true);
  state.rbp = merge(state.rbp, frame, size * 8);
  state.rsp = merge(state.rsp, pointer - allocation, stackBits);
});

// Flags and interrupts

defineRoutine("alignmentFlagChanged", (cpu) => cpu.modeChanged());
defineRoutine("flagsLoaded", (cpu) => cpu.interruptsMayBeOpen());
defineRoutine("enableInterrupts", (cpu) => {
  const { state } = cpu;
  if (state.systemFlags & Flag.IF) return;
  state.systemFlags |= Flag.IF;
  cpu.shadowNext(false);
});
defineRoutine("halt", (cpu) => cpu.halt());

defineRoutine("softwareInterrupt", (cpu, record) => {
  const vector = cpu.argumentNumber(0);
  // INT n of a virtual-8086 program needs IOPL 3, or has a handler there; INT3 and INTO do not ask.
  const isIntN = cpu.argumentNumber(1) === 1;
  if (isIntN && cpu.state.systemFlags & Flag.VM && virtualInterrupt(cpu, vector, cpu.recordNextRip(record))) return;
  if (!cpu.fastDelivery(vector, "software", record)) softwareInterrupt(cpu, vector, cpu.recordNextRip(record));
});
defineRoutine("debugInterrupt", (cpu, record) => debugInterrupt(cpu, cpu.recordNextRip(record)));
defineRoutine("interruptReturn", (cpu, record) =>
  interruptReturn(cpu, cpu.argumentNumber(0), cpu.recordNextRip(record)),
);

// Transfers

defineRoutine("farJump", (cpu, record) =>
  farJump(cpu, cpu.argumentNumber(0), cpu.argument(1), cpu.recordNextRip(record)),
);
defineRoutine("farCall", (cpu) =>
  farCall(cpu, cpu.argumentNumber(0), cpu.argument(1), cpu.argumentNumber(2), cpu.argument(3)),
);
defineRoutine("farReturn", (cpu) => farReturn(cpu, cpu.argumentNumber(0), cpu.argumentNumber(1)));
defineRoutine("systemCall", (cpu) => {
  if (!cpu.fastSystemCall(layout.arguments)) systemCall(cpu, cpu.argument(0));
  if (!(cpu.state.systemFlags & Flag.TF)) cpu.forgetSingleStep();
});
defineRoutine("sysenter", (cpu) => enterSystem(cpu));
defineRoutine("sysexit", (cpu) => exitSystem(cpu));
defineRoutine("systemReturn", (cpu) => {
  if (cpu.argumentNumber(0) !== 8 || !cpu.fastSystemReturn()) systemReturn(cpu, cpu.argumentNumber(0));
  // The TF that counts is the one after the instruction, as if the SYSCALL had just ended.
  if (cpu.state.systemFlags & Flag.TF) cpu.debugging.noteStep();
  else cpu.forgetSingleStep();
});

// Segments

defineRoutine("segmentSelector", (cpu) => {
  cpu.setResult(0, BigInt(cpu.state.segment(segmentRegisters[cpu.argumentNumber(0)]).selector));
});
defineRoutine("loadSegment", (cpu) => {
  const name = segmentRegisters[cpu.argumentNumber(0)];
  loadSegment(cpu, name, cpu.argumentNumber(1) & 0xffff);
  // MOV SS and POP SS hold off interrupts and traps, LSS does not.
  if (name === "ss" && cpu.argumentNumber(2) === 0) cpu.shadowNext(true);
});
/** Base and limit of LGDT and LIDT. */
function tableArgument(cpu: Cpu): { base: bigint; limit: number } {
  const base = cpu.argument(0);
  if (cpu.longMode && !isCanonical(base)) throw generalProtection();
  return { base, limit: cpu.argumentNumber(1) };
}
defineRoutine("loadGdt", (cpu) => {
  cpu.state.gdtr = tableArgument(cpu);
});
defineRoutine("loadIdt", (cpu) => {
  cpu.state.idtr = tableArgument(cpu);
});
defineRoutine("loadLdt", (cpu) => loadLdt(cpu, cpu.argumentNumber(0) & 0xffff));
defineRoutine("loadTask", (cpu) => loadTask(cpu, cpu.argumentNumber(0) & 0xffff));
defineRoutine("verify", (cpu) => {
  const d = visibleDescriptor(cpu, cpu.argumentNumber(0) & 0xffff);
  const write = cpu.argumentNumber(1) === 1;
  let allowed = false;
  if (d !== undefined && isSegment(d)) {
    const bit = (d.high & 0x200) !== 0;
    allowed = write ? !isCode(d) && bit : !isCode(d) || bit;
  }
  cpu.setResult(0, allowed ? 1n : 0n);
});
/** System descriptor types that LAR and LSL know. */
const LAR_TYPES = { legacy: [1, 2, 3, 4, 5, 9, 0xb, 0xc], long: [2, 9, 0xb, 0xc] } as const;
const LSL_TYPES = { legacy: [1, 2, 3, 9, 0xb], long: [2, 9, 0xb] } as const;
defineRoutine("loadAccessRights", (cpu) => query(cpu, LAR_TYPES, (d) => BigInt(d.high & 0x00ff_ff00)));
defineRoutine("loadSegmentLimit", (cpu) => query(cpu, LSL_TYPES, (d) => BigInt(segmentOf(0, d).limit)));
function query(
  cpu: Cpu,
  types: { readonly legacy: readonly number[]; readonly long: readonly number[] },
  answer: (d: NonNullable<ReturnType<typeof visibleDescriptor>>) => bigint,
): void {
  const d = visibleDescriptor(cpu, cpu.argumentNumber(0) & 0xffff);
  const known =
    d !== undefined && (isSegment(d) || (cpu.longMode ? types.long : types.legacy).includes(descriptorType(d)));
  cpu.setResult(0, known ? 1n : 0n);
  cpu.setResult(1, known ? answer(d) : 0n);
}

// System registers

defineRoutine("readControlRegister", (cpu) => cpu.setResult(0, readControlRegister(cpu, cpu.argumentNumber(0))));
defineRoutine("writeControlRegister", (cpu) => writeControlRegister(cpu, cpu.argumentNumber(0), cpu.argument(1)));
defineRoutine("readDebugRegister", (cpu) => cpu.setResult(0, readDebugRegister(cpu, cpu.argumentNumber(0))));
defineRoutine("writeDebugRegister", (cpu) => writeDebugRegister(cpu, cpu.argumentNumber(0), cpu.argument(1)));
defineRoutine("loadMachineStatus", (cpu) => loadMachineStatus(cpu, cpu.argumentNumber(0)));
defineRoutine("clearTaskSwitched", (cpu) => {
  cpu.state.cr0 &= ~8n;
});
defineRoutine("invalidatePage", (cpu) => {
  const address = cpu.linear.segmented ? BigInt.asUintN(32, cpu.argument(0)) : cpu.argument(0);
  cpu.tlb.flushPage(Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n)));
});
defineRoutine("invalidateByIdentifier", (cpu) => {
  const [type, identifier, address] = [cpu.argument(0), cpu.argument(1), cpu.argument(2)];
  const identifiers = (cpu.state.cr4 & CR4.PCIDE) !== 0n;
  if (type > 3n || identifier >> 12n) throw generalProtection();
  if (type < 2n && identifier !== 0n && !identifiers) throw generalProtection();
  if (type === 0n && !isCanonical(address)) throw generalProtection();
  // More may always be dropped than was asked for.
  cpu.tlb.flush();
});
defineRoutine("readPerformanceCounter", (cpu) => {
  if (!(cpu.state.cr4 & CR4.PCE) && cpu.state.cpl !== 0) throw generalProtection();
  const index = cpu.argumentNumber(0);
  if (index >= numberedRegisters.perfCtr) throw generalProtection();
  cpu.setResult(0, performanceCounter(cpu, index));
});
defineRoutine("readMsr", (cpu) => cpu.setResult(0, readMsr(cpu, cpu.argumentNumber(0))));
defineRoutine("writeMsr", (cpu) => writeMsr(cpu, cpu.argumentNumber(0), cpu.argument(1)));
defineRoutine("readTimeStamp", (cpu) => {
  if (cpu.state.cr4 & 4n && cpu.state.cpl !== 0) throw generalProtection();
  cpu.setResult(0, BigInt.asUintN(64, BigInt(cpu.time) + cpu.state.tscOffset));
});
defineRoutine("cpuid", (cpu) => {
  const apicEnabled = ((cpu.bus.readMsr?.(APIC_BASE_MSR) ?? 0n) & APIC_BASE_ENABLE) !== 0n;
  const { eax, ebx, ecx, edx } = cpuid(cpu.argumentNumber(0), cpu.argumentNumber(1), {
    apicEnabled,
    osxsave: (cpu.state.cr4 & 0x4_0000n) !== 0n,
    xcr0: Number(cpu.state.xcr0),
  });
  [eax, ebx, ecx, edx].forEach((value, i) => {
    cpu.setResult(i, BigInt(value >>> 0));
  });
});

// Ports

defineRoutine("checkPort", (cpu) => {
  const { state } = cpu;
  const port = cpu.argumentNumber(0) & 0xffff;
  const size = cpu.argumentNumber(1);
  if (isRealMode(cpu) && !(state.systemFlags & Flag.VM)) return;
  const iopl = (state.systemFlags >> 12) & 3;
  if (state.cpl <= iopl && !(state.systemFlags & Flag.VM)) return;
  // The permission map of the task.
  const task = state.segment("tr");
  if (task.limit < 0x67) throw generalProtection();
  const map = Number(cpu.linear.read(task.base + 0x66n, 2, true));
  const at = map + (port >> 3);
  if (at + 1 > task.limit) throw generalProtection();
  const bits = Number(cpu.linear.read(task.base + BigInt(at), 2, true)) >> (port & 7);
  if (bits & ((1 << size) - 1)) throw generalProtection();
});
const portSize = (size: number): 1 | 2 | 4 => (size === 1 ? 1 : size === 2 ? 2 : 4);
defineRoutine("readPort", (cpu) => {
  const value = cpu.bus.readPort(cpu.argumentNumber(0) & 0xffff, portSize(cpu.argumentNumber(1)));
  cpu.setResult(0, BigInt(value >>> 0));
});
defineRoutine("writePort", (cpu) => {
  cpu.bus.writePort(cpu.argumentNumber(0) & 0xffff, portSize(cpu.argumentNumber(1)), cpu.argumentNumber(2));
});
