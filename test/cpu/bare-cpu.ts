/** A processor with nothing around it, in 64-bit mode with identity-mapped memory: what CPU tests run snippets on. */

import type { CpuOptions } from "../../src/cpu/cpu.ts";
import { Cpu, type SystemBus } from "../../src/cpu/index.ts";
import { assemble } from "../run/tiny-guest.ts";

export const CODE = 0x1_0000;
export const DATA = 0x20_0000;
export const STACK = 0x8_0000;
/** Physical addresses from here on are the bus's. */
export const DEVICE = 0x100_0000;

const GDT = 0x5000;
const IDT = 0x6000;
const TSS = 0x7000;
export const HANDLERS = 0x9000;

const silentBus: SystemBus = {
  readPort: () => 0xff,
  writePort: () => undefined,
  readMmio: () => 0xffff_ffff,
  writeMmio: () => undefined,
  acknowledgeInterrupt: () => 0x20,
  readTaskPriority: () => 0,
  writeTaskPriority: () => undefined,
};

/** 16 MiB of RAM in 2 MiB pages, one more 2 MiB page of devices behind it; GDT, TSS; an IDT whose handlers are HLT. */
export function bareCpu(bus: Partial<SystemBus> = {}, options: Partial<CpuOptions> = {}): Cpu {
  const cpu = new Cpu({ ramBytes: 16 * 2 ** 20, bus: { ...silentBus, ...bus }, ...options });
  const { memory, state } = cpu;
  memory.writeUint64(0x1000, 0x2007n);
  memory.writeUint64(0x2000, 0x3007n);
  for (let i = 0; i < 9; i++) memory.writeUint64(0x3000 + i * 8, BigInt(i * 0x20_0000) | 0x87n);
  const descriptors = [
    0n,
    0x00af_9b00_0000_ffffn,
    0x00cf_9300_0000_ffffn,
    0x00cf_f300_0000_ffffn,
    0x00af_fb00_0000_ffffn,
  ];
  descriptors.forEach((value, i) => {
    memory.writeUint64(GDT + i * 8, value);
  });
  memory.writeUint64(TSS + 4, BigInt(STACK + 0x1000));
  for (let vector = 0; vector < 256; vector++) setHandler(cpu, vector, HANDLERS + vector * 16);
  memory.write(HANDLERS, new Uint8Array(4096).fill(0xf4));
  state.gdtr = { base: BigInt(GDT), limit: 0x3f };
  state.idtr = { base: BigInt(IDT), limit: 0xfff };
  state.setSegment("tr", { selector: 0x28, base: BigInt(TSS), limit: 0x67, attributes: 0x8b });
  state.cr3 = 0x1000n;
  state.cr4 = 0x6a0n;
  state.efer = 0xd01n;
  state.cr0 = 0x8001_0033n;
  state.setSegment("cs", { selector: 8, base: 0n, limit: 0xffff_ffff, attributes: 0xa9b });
  state.setSegment("ss", { selector: 16, base: 0n, limit: 0xffff_ffff, attributes: 0xc93 });
  state.cpl = 0;
  state.rsp = BigInt(STACK);
  state.rip = BigInt(CODE);
  return cpu;
}

/** Points an interrupt gate (callable from CPL 3) at an address. */
export function setHandler(cpu: Cpu, vector: number, address: number): void {
  const low = BigInt(address & 0xffff) | (8n << 16n) | (0xee00n << 32n) | (BigInt(address >>> 16) << 48n);
  cpu.memory.writeUint64(IDT + vector * 16, low);
  cpu.memory.writeUint64(IDT + vector * 16 + 8, 0n);
}

/** Puts code at an address (CODE if none is given). */
export async function load(cpu: Cpu, text: string, address: number = CODE): Promise<void> {
  cpu.memory.write(address, await assemble(text, 64, address));
}

/** Runs to HLT; throws if it takes more than a million instructions. */
export function runToHalt(cpu: Cpu): void {
  const stop = cpu.run(cpu.time + 1_000_000);
  if (stop.kind !== "halted") throw new Error(`stopped: ${stop.kind} at 0x${cpu.state.rip.toString(16)}`);
  cpu.wake();
}
