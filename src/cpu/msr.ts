/** Model-specific registers (AMD64 APM volume 2, appendix A). Those that belong to devices go to the bus. */
import type { Cpu } from "./cpu.ts";
import { generalProtection } from "./fault.ts";
import { segmentAddress, type WideRegister } from "./state.ts";

const canonical = (address: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;

const EFER_WRITABLE = 0x901n; // SCE, LME, NXE
const EFER_LMA = 0x400n;
const EFER_LME = 0x100n;

interface Msr {
  read(cpu: Cpu): bigint;
  write(cpu: Cpu, value: bigint): void;
}

const stored = (name: WideRegister, check: (value: bigint) => boolean = () => true): Msr => ({
  read: (cpu) => cpu.state[name],
  write: (cpu, value) => {
    if (!check(value)) throw generalProtection();
    cpu.state[name] = value;
  },
});
const constant = (value: bigint): Msr => ({ read: () => value, write: () => {} });
const segmentBase = (name: "fs" | "gs"): Msr => ({
  read: (cpu) => cpu.view.getBigUint64(segmentAddress(name), true),
  write: (cpu, value) => {
    if (!canonical(value)) throw generalProtection();
    cpu.view.setBigUint64(segmentAddress(name), value, true);
  },
});
const fits32 = (value: bigint): boolean => value >> 32n === 0n;
const validPat = (value: bigint): boolean => {
  for (let i = 0n; i < 8n; i++) {
    const type = (value >> (i * 8n)) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) return false;
  }
  return true;
};

const table = new Map<number, Msr>([
  [
    0x10,
    {
      read: (cpu) => BigInt.asUintN(64, BigInt(cpu.time) + cpu.state.tscOffset),
      write: (cpu, value) => {
        cpu.state.tscOffset = BigInt.asUintN(64, value - BigInt(cpu.time));
      },
    },
  ],
  [0x8b, constant(0n)], // microcode patch level
  [0xfe, constant(0n)], // MTRRcap: no variable ranges
  [0x174, stored("sysenterCs", fits32)],
  [0x175, stored("sysenterEsp")],
  [0x176, stored("sysenterEip")],
  [0x179, constant(0n)], // machine check: no banks
  [0x17a, constant(0n)],
  [0x1a0, stored("miscEnable")],
  [0x1d9, constant(0n)], // DEBUGCTL
  [0x277, stored("pat", validPat)],
  [0x2ff, stored("mtrrDefType")],
  [
    0xc000_0080,
    {
      read: (cpu) => cpu.state.efer,
      write: (cpu, value) => {
        const { state } = cpu;
        if (value & ~(EFER_WRITABLE | EFER_LMA)) throw generalProtection();
        const pagingOn = (state.cr0 & 0x8000_0000n) !== 0n;
        if (pagingOn && (value ^ state.efer) & EFER_LME) throw generalProtection();
        state.efer = (state.efer & EFER_LMA) | (value & EFER_WRITABLE);
      },
    },
  ],
  [0xc000_0081, stored("star")],
  [0xc000_0082, stored("lstar", canonical)],
  [0xc000_0083, stored("cstar", canonical)],
  [0xc000_0084, stored("sfmask", fits32)],
  [0xc000_0100, segmentBase("fs")],
  [0xc000_0101, segmentBase("gs")],
  [0xc000_0102, stored("kernelGsBase", canonical)],
  [0xc000_0103, stored("tscAux", fits32)],
  [0xc001_0010, constant(0n)], // SYSCFG
  [0xc001_0015, constant(0n)], // HWCR
]);

export function readMsr(cpu: Cpu, index: number): bigint {
  const msr = table.get(index);
  if (msr !== undefined) return msr.read(cpu);
  const value = cpu.bus.readMsr?.(index);
  if (value === undefined) throw generalProtection();
  return value;
}

export function writeMsr(cpu: Cpu, index: number, value: bigint): void {
  const msr = table.get(index);
  if (msr !== undefined) msr.write(cpu, value);
  else if (!cpu.bus.writeMsr?.(index, value)) throw generalProtection();
}
