/** Control and debug registers (AMD64 APM volume 2, 3.1 and 13.1). */
import type { Cpu } from "./cpu.ts";
import { Fault, generalProtection, invalidOpcode, Vector } from "./fault.ts";
import { Attribute } from "./state.ts";

const CR0 = {
  PE: 1n,
  MP: 2n,
  EM: 4n,
  TS: 8n,
  ET: 0x10n,
  NW: 0x2000_0000n,
  CD: 0x4000_0000n,
  PG: 0x8000_0000n,
} as const;
const CR0_DEFINED = 0xe005_003fn;
export const CR4 = {
  VME: 1n,
  PVI: 2n,
  TSD: 4n,
  DE: 8n,
  PSE: 0x10n,
  PAE: 0x20n,
  MCE: 0x40n,
  PGE: 0x80n,
  PCE: 0x100n,
  OSFXSR: 0x200n,
  OSXMMEXCPT: 0x400n,
  UMIP: 0x800n,
  FSGSBASE: 0x1_0000n,
  PCIDE: 0x2_0000n,
  OSXSAVE: 0x4_0000n,
  SMEP: 0x10_0000n,
  SMAP: 0x20_0000n,
} as const;
const CR4_DEFINED = Object.values(CR4).reduce<bigint>((all, bit) => all | bit, 0n);
/** A write to CR3 with CR4.PCIDE set and this bit asks to keep what the TLB holds, which is never an obligation. */
const CR3_NO_FLUSH = 1n << 63n;
const EFER_LME = 0x100n;
const EFER_LMA = 0x400n;

export function readControlRegister(cpu: Cpu, index: number): bigint {
  switch (index) {
    case 0:
      return cpu.state.cr0;
    case 2:
      return cpu.state.cr2;
    case 3:
      return cpu.state.cr3;
    case 4:
      return cpu.state.cr4;
    case 8:
      return BigInt(cpu.bus.readTaskPriority());
    default:
      throw invalidOpcode();
  }
}

export function writeControlRegister(cpu: Cpu, index: number, value: bigint): void {
  const { state } = cpu;
  switch (index) {
    case 0:
      writeCr0(cpu, value);
      break;
    case 2:
      state.cr2 = value;
      break;
    case 3:
      if (cpu.state.cr4 & CR4.PCIDE) value &= ~CR3_NO_FLUSH;
      if (cpu.longMode && value >> 40n) throw generalProtection();
      state.cr3 = value;
      cpu.tlb.flush();
      break;
    case 4:
      if (value & ~CR4_DEFINED) throw generalProtection();
      if (cpu.longMode && !(value & CR4.PAE)) throw generalProtection();
      if (value & ~state.cr4 & CR4.PCIDE && (!cpu.longMode || state.cr3 & 0xfffn)) throw generalProtection();
      state.cr4 = value;
      cpu.tlb.flush();
      break;
    case 8:
      if (value & ~0xfn) throw generalProtection();
      cpu.bus.writeTaskPriority(Number(value));
      cpu.interruptsMayBeOpen();
      break;
    default:
      throw invalidOpcode();
  }
}

function writeCr0(cpu: Cpu, value: bigint): void {
  const { state } = cpu;
  if (value >> 32n) throw generalProtection();
  const next = (value & CR0_DEFINED) | CR0.ET;
  if (next & CR0.PG && !(next & CR0.PE)) throw generalProtection();
  if (next & CR0.NW && !(next & CR0.CD)) throw generalProtection();
  const pagingStarts = (next & CR0.PG) !== 0n && (state.cr0 & CR0.PG) === 0n;
  const pagingEnds = (next & CR0.PG) === 0n && (state.cr0 & CR0.PG) !== 0n;
  if (pagingStarts && state.efer & EFER_LME) {
    if (!(state.cr4 & 0x20n) || state.segment("cs").attributes & Attribute.longMode) throw generalProtection();
    state.efer |= EFER_LMA;
  }
  if (pagingEnds) {
    if (state.codeBits === 64 || state.cr4 & CR4.PCIDE) throw generalProtection();
    state.efer &= ~EFER_LMA;
  }
  state.cr0 = next;
}

/** LMSW: the low four bits of CR0; PE can be set but not cleared. */
export function loadMachineStatus(cpu: Cpu, value: number): void {
  const keep = cpu.state.cr0 & ~0xen;
  writeCr0(cpu, keep | BigInt(value & 0xf));
}

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
function debugIndex(cpu: Cpu, index: number): number {
  if (index >= 8) throw invalidOpcode();
  if (index === 4 || index === 5) {
    if (cpu.state.cr4 & 8n) throw invalidOpcode();
    index += 2;
  }
  // General detect: any access faults once.
  if (cpu.state.dr7 & 0x2000n) {
    cpu.state.dr7 &= ~0x2000n;
    cpu.state.dr6 |= 0x2000n;
    throw new Fault(Vector.DB);
  }
  return index;
}
const debugNames = ["dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7"] as const;
type StoredDebugRegister = Exclude<(typeof debugNames)[number], "dr4" | "dr5">;

export function readDebugRegister(cpu: Cpu, index: number): bigint {
  return cpu.state[debugNames[debugIndex(cpu, index)] as StoredDebugRegister];
}

export function writeDebugRegister(cpu: Cpu, index: number, value: bigint): void {
  const which = debugIndex(cpu, index);
  const name = debugNames[which] as StoredDebugRegister;
  if (which >= 6 && value >> 32n) throw generalProtection();
  if (which === 6) cpu.state.dr6 = (value & 0xe00fn) | 0xffff_0ff0n;
  else if (which === 7) cpu.state.dr7 = (value & 0xffff_2bffn) | 0x400n;
  else cpu.state[name] = value;
  cpu.debugRegistersChanged();
}
