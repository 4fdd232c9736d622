/** One instruction and everything that it changed: registers, memory, and exceptions or interrupts that were delivered. */
import type { Delivery } from "../cpu/index.ts";
import { generalRegisters } from "../cpu/state.ts";
import type { Machine, Stop } from "../machine/machine.ts";
import type { Instruction } from "./disassemble.ts";
import type { Runner } from "./session.ts";
import type { VirtualMemory } from "./virtual-memory.ts";

/** A register that changed, with its value as an unsigned number. */
export interface RegisterChange {
  readonly name: string;
  readonly before: bigint;
  readonly after: bigint;
}

/** Bytes that were written: virtual address and number of bytes. */
export interface MemoryWrite {
  readonly address: bigint;
  readonly size: number;
  /** Little-endian. */
  readonly before: bigint;
  readonly after: bigint;
}

/** What one step did. */
export interface Step {
  /** Ticks, before it. */
  readonly time: number;
  readonly instruction: Instruction;
  /** False: no instruction was completed, only an exception or interrupt delivered. */
  readonly executed: boolean;
  readonly registers: readonly RegisterChange[];
  readonly writes: readonly MemoryWrite[];
  readonly deliveries: readonly Delivery[];
  /** Why nothing could be executed, if so. */
  readonly stop: Stop | undefined;
}

const number = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** Executes `instruction`, which is the next one. */
export function recordStep(machine: Machine, runner: Runner, memory: VirtualMemory, instruction: Instruction): Step {
  const { cpu } = machine;
  const names = [...generalRegisters, "cr2", "cr3"] as const;
  const before = new Map(names.map((name) => [name, cpu.state[name]]));
  const flags = cpu.state.rflags;
  const time = machine.time;
  const retired = cpu.retired;
  const deliveries: Delivery[] = [];
  const written = new Map<string, { address: bigint; size: number; before: bigint }>();

  const outer = cpu.onDelivery;
  cpu.onDelivery = (event) => {
    deliveries.push(event);
    outer?.(event);
  };
  cpu.watchpoints.recorder = (address, size, _, write) => {
    const key = `${address} ${size}`;
    if (write && !written.has(key))
      written.set(key, { address, size, before: number(memory.readMapped(address, size)) });
  };
  let stop: Stop | undefined;
  try {
    stop = runner.step();
  } finally {
    cpu.watchpoints.recorder = undefined;
    if (outer === undefined) delete cpu.onDelivery;
    else cpu.onDelivery = outer;
  }
  const registers: RegisterChange[] = [];
  for (const [name, value] of before)
    if (cpu.state[name] !== value) registers.push({ name, before: value, after: cpu.state[name] });
  if (cpu.state.rflags !== flags) registers.push({ name: "rflags", before: flags, after: cpu.state.rflags });
  const writes = [...written.values()].map((write) => ({
    ...write,
    after: number(memory.readMapped(write.address, write.size)),
  }));
  const executed = cpu.retired !== retired;
  return { time, instruction, executed, registers, writes, deliveries, stop };
}
