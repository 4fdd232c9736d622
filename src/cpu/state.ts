/**
 * The processor's state and its layout in linear memory: one table, from which the TypeScript accessors and the generated
 * code take their offsets. The state starts at address 0 of the WebAssembly memory, so an offset is an address.
 */
import { x87Layout } from "./x87/layout.ts";
import { abridgedTags, readPhysical, tagWord, writePhysical } from "./x87/registers.ts";

export const generalRegisters = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
] as const;
/** A 64-bit general register by name. */
export type GeneralRegister = (typeof generalRegisters)[number];

/** In the order of their encoding in instructions; LDTR and TR have the same shape. */
export const segmentRegisters = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"] as const;
/** A segment register, or one of the two that are like them, by name. */
export type SegmentRegister = (typeof segmentRegisters)[number];

/** Memory type range registers and performance counters, each numbered from 0. */
export const numberedRegisters = { mtrrFix: 11, mtrrPhysBase: 8, mtrrPhysMask: 8, perfEvtSel: 4, perfCtr: 4 } as const;
export type NumberedRegister = `${keyof typeof numberedRegisters}${number}`;
const numberedNames = Object.entries(numberedRegisters).flatMap(([name, count]) =>
  Array.from({ length: count }, (_, i) => `${name}${i}` as NumberedRegister),
);

/** 64-bit registers that are plain storage. */
const wideRegisters = [
  "cr0",
  "cr2",
  "cr3",
  "cr4",
  "efer",
  "star",
  "lstar",
  "cstar",
  "sfmask",
  "kernelGsBase",
  "sysenterCs",
  "sysenterEsp",
  "sysenterEip",
  "pat",
  "tscOffset",
  "tscAux",
  "dr0",
  "dr1",
  "dr2",
  "dr3",
  "dr6",
  "dr7",
  "mtrrDefType",
  "miscEnable",
  "xcr0",
  "randomState",
] as const;
export type WideRegister = (typeof wideRegisters)[number] | NumberedRegister | GeneralRegister | "rip";

/** Bytes of one segment register: base (u64), limit (u32), selector (u16), attributes (u16). */
export const SEGMENT_BYTES = 16;
export const SEGMENT_BASE = 0;
export const SEGMENT_LIMIT = 8;
export const SEGMENT_SELECTOR = 12;
export const SEGMENT_ATTRIBUTES = 14;
/**
 * Outside 64-bit mode a linear address has 32 bits. If something about a segment may forbid an access, its effective base has this
 * bit, and the segment's number in bits 35:33 (bit 32 takes the carry of the addition): no TLB entry fits such an address, so the
 * access takes the slow way, which checks it.
 */
export const CHECKED_SEGMENT = 1n << 40n;
/** The same in the upper half of an address. */
export const CHECKED_SEGMENT_HIGH = 0x100;
/** What is kept of offset plus effective base. */
export const SEGMENTED_ADDRESS_MASK = 0x1fe_ffff_ffffn;
/** Bytes from one XMM register to the next: room for YMM. */
export const XMM_STRIDE = 32;

function layOut() {
  let at = 0;
  const take = (bytes: number): number => {
    at = Math.ceil(at / Math.min(16, bytes)) * Math.min(16, bytes);
    const offset = at;
    at += bytes;
    return offset;
  };
  return {
    registers: take(16 * 8),
    rip: take(8),
    /** Always zero: what an absent base or index register reads. */
    zero: take(8),
    /**
     * Arithmetic flags, lazily. ZF: `flagResult` is 0. SF: bit 63 of it, inverted by bit 31 of `flagAux`. PF: even parity of its low
     * byte, inverted by bit 8 of `flagAux`. CF: bit 63 of `flagCarry`. OF: bit 63 xor bit 62 of it. AF: bit 4 of `flagAux`.
     */
    flagResult: take(8),
    flagCarry: take(8),
    flagAux: take(4),
    /** RFLAGS without the six arithmetic flags. */
    systemFlags: take(4),
    segments: take(8 * SEGMENT_BYTES),
    gdtr: take(SEGMENT_BYTES),
    idtr: take(SEGMENT_BYTES),
    wide: take(wideRegisters.length * 8),
    numbered: take(numberedNames.length * 8),
    mxcsr: take(4),
    cpl: take(4),
    x87: take(Math.ceil(x87Layout.size / 16) * 16),
    xmm: take(16 * XMM_STRIDE),
    /** Retired count at which interrupts stay blocked for one instruction (STI, MOV SS); -1: none. */
    shadowTime: take(8),
    /** End of the architectural state; below is what the execution tiers keep. */
    architecturalEnd: take(16),
    /** Instructions left before the run loop must look up; a block is charged on entry. */
    budget: take(4),
    /** The TLB and the jump cache of the current privilege level. */
    tlbBase: take(4),
    jumpCacheBase: take(4),
    /** 1: repeated string instructions stop after each iteration, because debug registers watch data. */
    watchesData: take(4),
    /** Segment bases outside 64-bit mode as accesses add them: see CHECKED_SEGMENT. */
    effectiveBases: take(6 * 8),
    /** Exception that SSE, MMX and x87 instructions and WAIT raise now because of CR0 and CR4 (6: #UD, 7: #NM); 0: none. */
    sseFault: take(4),
    avxFault: take(4),
    xsaveFault: take(4),
    mmxFault: take(4),
    x87Fault: take(4),
    waitFault: take(4),
    /** Where the link of the block that was left lies, or 0. */
    linkSlot: take(4),
    /** Header of the block that was left because it was entered often enough for tier 1, or 0. */
    hotBlock: take(4),
    /** Arguments and results of calls between generated code and TypeScript. */
    arguments: take(8 * 16),
    /** Memory operands that cannot be accessed in place (page-crossing, MMIO, code pages) pass through here. */
    scratch: take(256),
    scratchEnd: take(16),
  } as const;
}

/** Addresses of the fields. */
export const layout = layOut();

const wideOffset = new Map<string, number>([
  ...numberedNames.map((name, i): [string, number] => [name, layout.numbered + i * 8]),
  ...wideRegisters.map((name, i): [string, number] => [name, layout.wide + i * 8]),
  ...generalRegisters.map((name, i): [string, number] => [name, layout.registers + i * 8]),
  ["rip", layout.rip],
]);
/** Address of a 64-bit register. */
export function addressOf(name: WideRegister): number {
  const offset = wideOffset.get(name);
  if (offset === undefined) throw new Error(`no register ${name}`);
  return offset;
}
const EFER = addressOf("efer");
/** Address of a segment register's fields. */
export const segmentAddress = (name: SegmentRegister): number =>
  layout.segments + segmentRegisters.indexOf(name) * SEGMENT_BYTES;

/** Bits of RFLAGS (AMD64 APM volume 2, 3.1.6). */
export const Flag = {
  CF: 1,
  PF: 4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  OF: 0x800,
  IOPL: 0x3000,
  NT: 0x4000,
  RF: 0x1_0000,
  VM: 0x2_0000,
  AC: 0x4_0000,
  VIF: 0x8_0000,
  VIP: 0x10_0000,
  ID: 0x20_0000,
} as const;
export const ARITHMETIC_FLAGS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;

/** Descriptor attributes as bits 40..47 and 52..55 of a descriptor, in one 12-bit number (as a VMCB has them). */
export const Attribute = {
  present: 0x80,
  system: 0x10,
  dplShift: 5,
  longMode: 0x200,
  big: 0x400,
  granularity: 0x800,
} as const;

/** The hidden and the visible part of a segment register. */
export interface Segment {
  selector: number;
  base: bigint;
  /** In bytes. */
  limit: number;
  /** See {@link Attribute}: type in bits 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11. */
  attributes: number;
}
export interface DescriptorTable {
  base: bigint;
  limit: number;
}

/** One byte's parity, as PF has it: 1 when the number of ones is even. */
export const evenParity = (byte: number): number => {
  const folded = byte ^ (byte >> 4);
  return (0x9669 >> (folded & 15)) & 1;
};

class StateAccess {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Called after a change that decides how code runs (mode, privilege, paging). */
  #changed: () => void;

  constructor(memory: WebAssembly.Memory, changed: () => void) {
    this.#view = new DataView(memory.buffer, 0, layout.scratchEnd);
    this.#bytes = new Uint8Array(memory.buffer, 0, layout.scratchEnd);
    this.#changed = changed;
  }

  /** A general register by its number in instructions. */
  register(index: number): bigint {
    return this.#view.getBigUint64(layout.registers + index * 8, true);
  }
  setRegister(index: number, value: bigint): void {
    this.#view.setBigUint64(layout.registers + index * 8, value, true);
  }

  /** The six arithmetic flags in their places in RFLAGS. */
  get arithmeticFlags(): number {
    const low = this.#view.getUint32(layout.flagResult, true);
    const high = this.#view.getInt32(layout.flagResult + 4, true);
    const carry = this.#view.getUint32(layout.flagCarry + 4, true);
    const aux = this.#view.getUint32(layout.flagAux, true);
    const sign = (high >>> 31) ^ (aux >>> 31);
    const parity = evenParity(low & 0xff) ^ ((aux >>> 8) & 1);
    return (
      (carry >>> 31) |
      (parity << 2) |
      (aux & 0x10) |
      (low === 0 && high === 0 ? Flag.ZF : 0) |
      (sign << 7) |
      (((carry >>> 31) ^ ((carry >>> 30) & 1)) << 11)
    );
  }
  set arithmeticFlags(flags: number) {
    const zero = (flags & Flag.ZF) !== 0;
    const sign = (flags & Flag.SF) !== 0;
    const parity = (flags & Flag.PF) !== 0;
    const carry = flags & 1;
    const overflow = (flags >> 11) & 1;
    // A result of 0 for ZF, else 1 (odd parity) with the sign; the rest is put right by the inverting bits.
    const low = zero ? 0 : 1;
    const high = !zero && sign ? 0x8000_0000 : 0;
    let aux = flags & 0x10;
    if (zero && sign) aux |= 0x8000_0000;
    if (parity !== (low === 0)) aux |= 0x100;
    this.#view.setUint32(layout.flagResult, low, true);
    this.#view.setUint32(layout.flagResult + 4, high, true);
    this.#view.setUint32(layout.flagCarry, 0, true);
    this.#view.setUint32(layout.flagCarry + 4, ((carry << 31) | ((carry ^ overflow) << 30)) >>> 0, true);
    this.#view.setUint32(layout.flagAux, aux >>> 0, true);
  }

  get systemFlags(): number {
    return this.#view.getUint32(layout.systemFlags, true);
  }
  set systemFlags(flags: number) {
    this.#view.setUint32(layout.systemFlags, flags, true);
  }

  /** RFLAGS as a number: only 22 bits are defined. */
  get flags(): number {
    return this.systemFlags | this.arithmeticFlags | 2;
  }
  set flags(value: number) {
    this.arithmeticFlags = value;
    this.systemFlags = value & 0x3f_7700;
    this.#changed();
  }
  get rflags(): bigint {
    return BigInt(this.flags);
  }
  set rflags(value: bigint) {
    this.flags = Number(value & 0xffff_ffffn);
  }

  /** Current privilege level. */
  get cpl(): number {
    return this.#view.getUint32(layout.cpl, true);
  }
  set cpl(value: number) {
    this.#view.setUint32(layout.cpl, value, true);
    this.#changed();
  }

  segment(name: SegmentRegister): Segment {
    const at = segmentAddress(name);
    return {
      selector: this.#view.getUint16(at + SEGMENT_SELECTOR, true),
      base: this.#view.getBigUint64(at + SEGMENT_BASE, true),
      limit: this.#view.getUint32(at + SEGMENT_LIMIT, true),
      attributes: this.#view.getUint16(at + SEGMENT_ATTRIBUTES, true),
    };
  }
  /** Loads the register whole; no descriptor is read and nothing is checked. The privilege level (`cpl`) is set apart. */
  setSegment(name: SegmentRegister, value: Segment): void {
    const at = segmentAddress(name);
    this.#view.setUint16(at + SEGMENT_SELECTOR, value.selector, true);
    this.#view.setBigUint64(at + SEGMENT_BASE, value.base, true);
    this.#view.setUint32(at + SEGMENT_LIMIT, value.limit, true);
    this.#view.setUint16(at + SEGMENT_ATTRIBUTES, value.attributes, true);
    this.#changed();
  }
  get gdtr(): DescriptorTable {
    return this.#table(layout.gdtr);
  }
  set gdtr(value: DescriptorTable) {
    this.#setTable(layout.gdtr, value);
  }
  get idtr(): DescriptorTable {
    return this.#table(layout.idtr);
  }
  set idtr(value: DescriptorTable) {
    this.#setTable(layout.idtr, value);
  }
  #table(at: number): DescriptorTable {
    return { base: this.#view.getBigUint64(at, true), limit: this.#view.getUint32(at + 8, true) };
  }
  #setTable(at: number, value: DescriptorTable): void {
    this.#view.setBigUint64(at, value.base, true);
    this.#view.setUint32(at + 8, value.limit, true);
  }

  /** Bits of address and operand size of the running code. */
  get codeBits(): 16 | 32 | 64 {
    const attributes = this.#view.getUint16(segmentAddress("cs") + SEGMENT_ATTRIBUTES, true);
    const longModeActive = (this.#view.getUint32(EFER, true) & 0x400) !== 0;
    if (longModeActive && attributes & Attribute.longMode) return 64;
    return attributes & Attribute.big ? 32 : 16;
  }

  /** The x87 unit as after RESET. */
  resetX87(): void {
    this.#bytes.fill(0, layout.x87, layout.x87 + x87Layout.size);
    this.#view.setUint16(layout.x87 + x87Layout.control, 0x40, true);
  }
  /** The x87 control word. */
  get fcw(): number {
    return this.#view.getUint16(layout.x87 + x87Layout.control, true);
  }
  set fcw(value: number) {
    this.#view.setUint16(layout.x87 + x87Layout.control, value, true);
  }
  /** The x87 status word; TOP is in bits 13:11. */
  get fsw(): number {
    return this.#view.getUint16(layout.x87 + x87Layout.status, true);
  }
  set fsw(value: number) {
    this.#view.setUint16(layout.x87 + x87Layout.status, value, true);
  }
  /** The x87 tag word, as FNSTENV has it: two bits a physical register, 3 if it is empty. */
  get ftw(): number {
    return tagWord(this.#view, layout.x87);
  }
  set ftw(value: number) {
    this.#view.setUint8(layout.x87 + x87Layout.tags, abridgedTags(value));
  }
  get #top(): number {
    return (this.fsw >> 11) & 7;
  }
  #tagValid(mask: number): void {
    const at = layout.x87 + x87Layout.tags;
    this.#view.setUint8(at, this.#view.getUint8(at) | mask);
  }
  /** The 80 bits of ST(`index`), counted from TOP, whether it is empty or not. */
  st(index: number): bigint {
    return readPhysical(this.#view, layout.x87, (this.#top + index) & 7);
  }
  /** Writes it, and marks it as holding a value. */
  setSt(index: number, value: bigint): void {
    const physical = (this.#top + index) & 7;
    writePhysical(this.#view, layout.x87, physical, value);
    this.#tagValid(1 << physical);
  }
  /** MMX register: the low 64 bits of a physical x87 register. */
  mm(index: number): bigint {
    return BigInt.asUintN(64, readPhysical(this.#view, layout.x87, index & 7));
  }
  /** Writes it as an MMX instruction does: the exponent becomes all ones, TOP 0, no register is empty. */
  setMm(index: number, value: bigint): void {
    writePhysical(this.#view, layout.x87, index & 7, BigInt.asUintN(64, value) | (0xffffn << 64n));
    this.fsw &= ~0x3800;
    this.#tagValid(0xff);
  }
  get mxcsr(): number {
    return this.#view.getUint32(layout.mxcsr, true);
  }
  set mxcsr(value: number) {
    this.#view.setUint32(layout.mxcsr, value, true);
  }
  /** An XMM register as 128 bits. */
  xmm(index: number): bigint {
    const at = layout.xmm + index * XMM_STRIDE;
    return this.#view.getBigUint64(at, true) | (this.#view.getBigUint64(at + 8, true) << 64n);
  }
  setXmm(index: number, value: bigint): void {
    const at = layout.xmm + index * XMM_STRIDE;
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
    this.#view.setBigUint64(at + 8, BigInt.asUintN(64, value >> 64n), true);
  }

  /** A YMM register as 256 bits. */
  ymm(index: number): bigint {
    const at = layout.xmm + index * XMM_STRIDE + 16;
    const high = this.#view.getBigUint64(at, true) | (this.#view.getBigUint64(at + 8, true) << 64n);
    return this.xmm(index) | (high << 128n);
  }
  setYmm(index: number, value: bigint): void {
    const at = layout.xmm + index * XMM_STRIDE + 16;
    this.setXmm(index, value);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value >> 128n), true);
    this.#view.setBigUint64(at + 8, BigInt.asUintN(64, value >> 192n), true);
  }

  /** The whole architectural state as plain data. Equal states give equal data, whatever tier computed them. */
  snapshot(): { readonly [name: string]: bigint | number | Uint8Array } {
    const plain: { [name: string]: bigint | number | Uint8Array } = {};
    for (const name of wideOffset.keys()) plain[name] = this.#view.getBigUint64(wideOffset.get(name) ?? 0, true);
    plain.rflags = this.flags;
    plain.cpl = this.cpl;
    plain.mxcsr = this.mxcsr;
    plain.segments = this.#bytes.slice(layout.segments, layout.wide);
    plain.x87 = this.#bytes.slice(layout.x87, layout.x87 + x87Layout.size);
    plain.xmm = this.#bytes.slice(layout.xmm, layout.xmm + 16 * XMM_STRIDE);
    return plain;
  }
}

/** The registers by name (64-bit ones as bigint), segments, tables, flags. */
export type CpuState = StateAccess & Record<WideRegister, bigint>;

/** The state that lies in `memory`. `changed` is called after changes that decide how code runs. */
export function createCpuState(memory: WebAssembly.Memory, changed: () => void): CpuState {
  const state = new StateAccess(memory, changed);
  const view = new DataView(memory.buffer, 0, layout.scratchEnd);
  for (const name of wideOffset.keys()) {
    const at = addressOf(name as WideRegister);
    const decides = (name.startsWith("cr") && name !== "cr2") || name === "efer" || name === "xcr0";
    Object.defineProperty(state, name, {
      enumerable: true,
      get: () => view.getBigUint64(at, true),
      set: (value: bigint) => {
        view.setBigUint64(at, value, true);
        if (decides) changed();
      },
    });
  }
  return state as CpuState;
}
