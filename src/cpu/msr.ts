/** Model-specific registers (AMD64 APM volume 2, appendix A). Those that belong to devices go to the bus. */
import { isCanonical } from "./canonical.ts";
import type { Cpu } from "./cpu.ts";
import { generalProtection } from "./fault.ts";
import { numberedRegisters, segmentAddress, type WideRegister } from "./state.ts";

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
    if (!isCanonical(value)) throw generalProtection();
    cpu.view.setBigUint64(segmentAddress(name), value, true);
    cpu.modeChanged();
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

/** Memory types that an MTRR takes: uncacheable, write-combining, write-through, write-protected, write-back (7.7.1). */
const validMemoryType = (value: bigint): boolean => [0n, 1n, 4n, 5n, 6n].includes(value & 0xffn);
const MTRR_CAP_FIXED = 0x100n;
const MTRR_CAP_WRITE_COMBINING = 0x400n;
const PHYSICAL_ADDRESS_BITS = 40n;
const MTRR_MASK_VALID = 0x800n;
/** Fixed ranges: of 64 KiB, 16 KiB and 4 KiB. */
const FIXED_MTRRS = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];

/** Memory type range registers (7.7): checked and kept. There is no cache that they could tell anything. */
function mtrrs(): [number, Msr][] {
  const validTypes = (value: bigint): boolean =>
    [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].every((i) => validMemoryType(value >> (i * 8n)));
  const fits = (value: bigint): boolean => value >> PHYSICAL_ADDRESS_BITS === 0n;
  const validBase = (value: bigint): boolean => fits(value) && (value & 0xf00n) === 0n && validMemoryType(value);
  const validMask = (value: bigint): boolean => fits(value) && (value & 0xfffn & ~MTRR_MASK_VALID) === 0n;
  return [
    ...FIXED_MTRRS.map((index, i): [number, Msr] => [index, stored(`mtrrFix${i}`, validTypes)]),
    ...Array.from({ length: numberedRegisters.mtrrPhysBase }, (_, i): [number, Msr][] => [
      [0x200 + 2 * i, stored(`mtrrPhysBase${i}`, validBase)],
      [0x201 + 2 * i, stored(`mtrrPhysMask${i}`, validMask)],
    ]).flat(),
  ];
}

/** PERFEVTSEL (13.2.1): events that there are here. Cycles and instructions are both ticks. */
const COUNTED_EVENTS = new Set([0x76n, 0xc0n]);
const EVENT_ENABLE = 1n << 22n;
const EVENT_USER_OR_SYSTEM = 3n << 16n;
const COUNTER_BITS = 48;

/** Whether a counter runs; the privilege level is not told apart, and other events never happen. */
const counts = (select: bigint): boolean =>
  (select & EVENT_ENABLE) !== 0n && (select & EVENT_USER_OR_SYSTEM) !== 0n && COUNTED_EVENTS.has(select & 0xffn);

/** A running counter is kept as its distance from the time. */
export function performanceCounter(cpu: Cpu, i: number): bigint {
  const kept = cpu.state[`perfCtr${i}`];
  return BigInt.asUintN(COUNTER_BITS, counts(cpu.state[`perfEvtSel${i}`]) ? kept + BigInt(cpu.time) : kept);
}
function setPerformanceCounter(cpu: Cpu, i: number, value: bigint): void {
  const start = counts(cpu.state[`perfEvtSel${i}`]) ? BigInt(cpu.time) : 0n;
  cpu.state[`perfCtr${i}`] = BigInt.asUintN(64, value - start);
}
function performanceCounters(): [number, Msr][] {
  return Array.from({ length: numberedRegisters.perfCtr }, (_, i): [number, Msr][] => [
    [
      0xc001_0000 + i,
      {
        read: (cpu) => cpu.state[`perfEvtSel${i}`],
        write: (cpu, value) => {
          const counted = performanceCounter(cpu, i);
          cpu.state[`perfEvtSel${i}`] = value;
          setPerformanceCounter(cpu, i, counted);
        },
      },
    ],
    [
      0xc001_0004 + i,
      {
        read: (cpu) => performanceCounter(cpu, i),
        write: (cpu, value) => setPerformanceCounter(cpu, i, BigInt.asUintN(COUNTER_BITS, value)),
      },
    ],
  ]).flat();
}

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
  [0xfe, constant(BigInt(numberedRegisters.mtrrPhysBase) | MTRR_CAP_FIXED | MTRR_CAP_WRITE_COMBINING)],
  ...mtrrs(),
  ...performanceCounters(),
  [0x174, stored("sysenterCs", fits32)],
  [0x175, stored("sysenterEsp")],
  [0x176, stored("sysenterEip")],
  [0x179, constant(0n)], // machine check: no banks
  [0x17a, constant(0n)],
  [0x1a0, stored("miscEnable")],
  [0x1d9, constant(0n)], // DEBUGCTL
  [0x277, stored("pat", validPat)],
  [0x2ff, stored("mtrrDefType", (value) => (value & ~0xcffn) === 0n && validMemoryType(value))],
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
  [0xc000_0082, stored("lstar", isCanonical)],
  [0xc000_0083, stored("cstar", isCanonical)],
  [0xc000_0084, stored("sfmask", fits32)],
  [0xc000_0100, segmentBase("fs")],
  [0xc000_0101, segmentBase("gs")],
  [0xc000_0102, stored("kernelGsBase", isCanonical)],
  [0xc000_0103, stored("tscAux", fits32)],
  [
    0xda0, // XSS: no supervisor states
    {
      read: () => 0n,
      write: (_cpu, value) => {
        if (value !== 0n) throw generalProtection();
      },
    },
  ],
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
