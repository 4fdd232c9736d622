/**
 * Virtual-8086 mode's extensions and protected mode's virtual interrupts (CR4.VME and CR4.PVI; AMD64 APM volume 2, 8.10):
 * with IOPL below 3, CLI, STI, PUSHF, POPF, INT n and IRET of 16-bit operand size use VIF in place of IF, and INT n goes to the interrupt
 * table of the virtual-8086 task unless the redirection bitmap of the TSS says otherwise.
 */
import { CR4 } from "./control-registers.ts";
import type { Cpu } from "./cpu.ts";
import { generalProtection } from "./fault.ts";
import { setStackPointer } from "./interrupts.ts";
import { defineRoutine } from "./routines.ts";
import { loadSegment } from "./segmentation.ts";
import { StackReader, stackMask, writeStack } from "./stack-access.ts";
import { Flag } from "./state.ts";

const isVirtual = (cpu: Cpu): boolean => (cpu.state.systemFlags & Flag.VM) !== 0;
const hasIopl3 = (cpu: Cpu): boolean => (cpu.state.systemFlags & Flag.IOPL) === Flag.IOPL;

/** CLI and STI where CPL is above IOPL: whether they are about VIF; else #GP. */
function requireVirtualInterrupts(cpu: Cpu): void {
  const { cr4, cpl } = cpu.state;
  if (!(isVirtual(cpu) ? cr4 & CR4.VME : cr4 & CR4.PVI && cpl === 3)) throw generalProtection();
}
defineRoutine("clearVirtualInterruptFlag", (cpu) => {
  requireVirtualInterrupts(cpu);
  cpu.state.systemFlags &= ~Flag.VIF;
});
defineRoutine("setVirtualInterruptFlag", (cpu) => {
  requireVirtualInterrupts(cpu);
  if (cpu.state.systemFlags & Flag.VIP) throw generalProtection();
  cpu.state.systemFlags |= Flag.VIF;
});

/** PUSHF, POPF and IRET of a virtual-8086 program with IOPL below 3: only 16 bits of them are virtualised. */
function requireVirtualFlags(cpu: Cpu, size: number): void {
  if (size !== 2 || !(cpu.state.cr4 & CR4.VME)) throw generalProtection();
}
/** Takes VIF from the place of IF in a flags image. */
function loadVirtualFlag(cpu: Cpu, image: number): void {
  const { state } = cpu;
  if (image & Flag.TF || (image & Flag.IF && state.systemFlags & Flag.VIP)) throw generalProtection();
  state.systemFlags = image & Flag.IF ? state.systemFlags | Flag.VIF : state.systemFlags & ~Flag.VIF;
}
/** Operand size. */
defineRoutine("checkVirtualFlags", (cpu) => requireVirtualFlags(cpu, cpu.argumentNumber(0)));
/** Operand size, what was popped. */
defineRoutine("loadVirtualFlags", (cpu) => {
  requireVirtualFlags(cpu, cpu.argumentNumber(0));
  loadVirtualFlag(cpu, cpu.argumentNumber(1));
});

/** IRET of a virtual-8086 program with IOPL below 3. */
export function virtualInterruptReturn(cpu: Cpu, size: number): void {
  requireVirtualFlags(cpu, size);
  const { state } = cpu;
  const stack = new StackReader(cpu, size);
  const ip = stack.pop();
  const selector = Number(stack.pop());
  const flags = Number(stack.pop());
  loadVirtualFlag(cpu, flags);
  const writable = Flag.DF | Flag.NT;
  state.systemFlags = (state.systemFlags & ~(writable | Flag.TF)) | (flags & writable);
  state.arithmeticFlags = flags;
  setStackPointer(cpu, stack.pointer);
  loadSegment(cpu, "cs", selector);
  cpu.jump(ip);
  cpu.interruptReturned();
}

/** The place of the I/O permission bitmap's address in the TSS; the redirection bitmap lies in front of that bitmap. */
const IO_MAP_BASE = 0x66;
const REDIRECTION_BYTES = 32;

function isRedirected(cpu: Cpu, vector: number): boolean {
  const task = cpu.state.segment("tr");
  if (task.limit < IO_MAP_BASE + 1) throw generalProtection();
  const map = Number(cpu.linear.read(task.base + BigInt(IO_MAP_BASE), 2, true));
  const at = map - REDIRECTION_BYTES + (vector >> 3);
  if (at < 0 || at > task.limit) throw generalProtection();
  return ((Number(cpu.linear.read(task.base + BigInt(at), 1, true)) >> (vector & 7)) & 1) === 0;
}

/**
 * INT n of a virtual-8086 program: #GP, or false if it goes through the IDT, or true if it has gone to the program's own interrupt table.
 * `next`: the address after the instruction.
 */
export function virtualInterrupt(cpu: Cpu, vector: number, next: bigint): boolean {
  const { state } = cpu;
  if (!(state.cr4 & CR4.VME) || !isRedirected(cpu, vector)) {
    if (!hasIopl3(cpu)) throw generalProtection();
    return false;
  }
  const entry = cpu.linear.read(BigInt(vector * 4), 4, true);
  let flags = state.flags & 0xffff;
  if (!hasIopl3(cpu)) flags = (flags & ~Flag.IF) | Flag.IOPL | (state.systemFlags & Flag.VIF ? Flag.IF : 0);
  const mask = stackMask(cpu);
  let pointer = state.rsp & mask;
  for (const word of [BigInt(flags), BigInt(state.segment("cs").selector), next]) {
    pointer = (pointer - 2n) & mask;
    writeStack(cpu, pointer, 2, word);
  }
  setStackPointer(cpu, pointer);
  state.systemFlags &= ~(Flag.TF | Flag.RF | (hasIopl3(cpu) ? Flag.IF : Flag.VIF));
  loadSegment(cpu, "cs", Number(entry >> 16n));
  cpu.jump(entry & 0xffffn);
  return true;
}
