/**
 * The TypeScript side of SSE, MMX and x87 instructions: what their definitions call. FXSAVE and FXRSTOR are here whole
 * (AMD64 APM volume 2, 11.4; volume 5).
 */
import { c64 } from "../../wasm/index.ts";
import type { Cpu } from "../cpu.ts";
import { define } from "../definition.ts";
import { Fault, generalProtection, Vector } from "../fault.ts";
import { defineRoutine } from "../routines.ts";
import { executeSseFloat, OPERAND_BYTES, sseException } from "../sse-float.ts";
import { layout, type SegmentRegister, segmentAddress, segmentRegisters, XMM_STRIDE } from "../state.ts";
import { Record } from "../tier0/record.ts";
import { X87 } from "../x87/unit.ts";

const wrap = (address: bigint, offset: number): bigint => BigInt.asUintN(64, address + BigInt(offset));

// SSE

const CR4_OSXMMEXCPT = 0x400n;
const operands = new DataView(new ArrayBuffer(3 * OPERAND_BYTES));

/**
 * Operation, immediate, number of parts (1 or 2), then first, second and, if there is one, third operand, each as the halves of
 * its parts; the results are those of the destination.
 */
defineRoutine("sseFloat", (cpu) => {
  const words = cpu.argumentNumber(2) * 2;
  for (let operand = 0; operand < 3; operand++) {
    for (let i = 0; i < words; i++)
      operands.setBigUint64(operand * OPERAND_BYTES + i * 8, cpu.argument(3 + operand * words + i), true);
  }
  const { state } = cpu;
  state.mxcsr = executeSseFloat(operands, cpu.argumentNumber(0), cpu.argumentNumber(1), state.mxcsr, words / 2);
  if (sseException()) throw new Fault(state.cr4 & CR4_OSXMMEXCPT ? Vector.XM : Vector.UD);
  for (let i = 0; i < words; i++) cpu.setResult(i, operands.getBigUint64(i * 8, true));
});

/** MASKMOVDQU, MASKMOVQ: linear address, data and mask as halves, number of bytes. */
defineRoutine("maskedStore", (cpu) => {
  const address = cpu.argument(0);
  const size = cpu.argumentNumber(5);
  // All bytes must be writable, selected or not; each half is an access.
  for (let i = 0; i < size; i += 8) cpu.linear.probeWrite(wrap(address, i), 8);
  for (let i = 0; i < size; i++) {
    const half = i >> 3;
    const shift = BigInt((i & 7) * 8);
    if (!((cpu.argument(3 + half) >> (shift + 7n)) & 1n)) continue;
    cpu.linear.write(wrap(address, i), 1, (cpu.argument(1 + half) >> shift) & 0xffn);
  }
});

// x87

/**
 * A memory operand of many bytes: addresses count within the address size of the instruction, and faults are #SS where it
 * goes through the stack segment.
 */
export class OperandMemory {
  readonly #cpu: Cpu;
  #base = 0n;
  #mask = 0n;
  #stack = false;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** Takes linear address, offset and address size of the instruction being executed. */
  set(record: number, linear: bigint, offset: bigint, addressSize: number): this {
    this.#base = linear - offset;
    this.#mask = (1n << BigInt(addressSize * 8)) - 1n;
    this.#stack = (this.#cpu.view.getUint8(record + Record.flags) & 1) !== 0;
    return this;
  }
  #wrap(address: bigint): bigint {
    return BigInt.asUintN(64, this.#base + ((address - this.#base) & this.#mask));
  }
  read(address: bigint, size: number): bigint {
    return this.#cpu.linear.read(this.#wrap(address), size, false, this.#stack);
  }
  write(address: bigint, size: number, value: bigint): void {
    this.#cpu.linear.write(this.#wrap(address), size, value, false, this.#stack);
  }
  probeWrite(address: bigint, size: number): void {
    this.#cpu.linear.probeWrite(this.#wrap(address), size, false, this.#stack);
  }
  /** Segment and canonical checks of the first byte: they come before those of alignment. */
  checkPlace(address: bigint, write: boolean): void {
    this.#cpu.linear.checkPlace(this.#wrap(address), 1, write, this.#stack);
  }
}

interface Unit {
  readonly x87: X87;
  readonly memory: OperandMemory;
}
const units = new WeakMap<Cpu, Unit>();

/** The x87 of a processor. */
export function unitOf(cpu: Cpu): Unit {
  const known = units.get(cpu);
  if (known) return known;
  const { view } = cpu;
  const memory = new OperandMemory(cpu);
  const x87 = new X87(() => view, layout.x87, {
    read: (address, size) => memory.read(address, size),
    write: (address, size, value) => memory.write(address, size, value),
    probeWrite: (address, size) => memory.probeWrite(address, size),
    readFlags: () => cpu.argumentNumber(3),
    writeComparison: (flags) => cpu.setResult(0, BigInt(flags)),
    writeAx: (value) => cpu.setResult(0, BigInt(value)),
  });
  const unit = { x87, memory };
  units.set(cpu, unit);
  return unit;
}

/** The segment of a memory operand: SS by its base register, FS or GS by a prefix, else DS (64-bit mode). */
function operandSegment(cpu: Cpu, record: number): SegmentRegister {
  const base = cpu.view.getUint16(record + Record.segment, true);
  if (cpu.state.codeBits !== 64) return segmentRegisters[(base - layout.effectiveBases) / 8];
  if (base === segmentAddress("fs")) return "fs";
  if (base === segmentAddress("gs")) return "gs";
  return cpu.view.getUint8(record + Record.flags) & 1 ? "ss" : "ds";
}

/** What #AC asks of x87 memory operands, by opcode and ModRM.reg; 80-bit operands are to lie at a multiple of 8. */
function x87Alignment(opcode: number, digit: number, size16: boolean): number {
  const environment = size16 ? 2 : 4;
  switch (opcode) {
    case 0xd9:
      return digit < 4 ? 4 : digit & 1 ? 2 : environment;
    case 0xdb:
      return digit < 4 ? 4 : 8;
    case 0xdd:
      return digit < 4 ? 8 : digit === 7 ? 2 : environment;
    case 0xdf:
      return digit < 4 ? 2 : 8;
    default:
      return opcode === 0xdc ? 8 : opcode === 0xde ? 2 : 4;
  }
}

/** Opcode, operand and address size; linear address; offset; flags. See definitions/x87.ts. */
defineRoutine("x87", (cpu, record) => {
  const what = cpu.argumentNumber(0);
  const { x87, memory } = unitOf(cpu);
  const address = cpu.argument(1);
  const modrm = cpu.view.getUint8(record + Record.modrm);
  if (modrm < 0xc0) {
    const alignment = x87Alignment(what & 0xff, (modrm >> 3) & 7, (what & 0x100) !== 0);
    cpu.linear.checkAlignment(address, alignment, (cpu.view.getUint8(record + Record.flags) & 1) !== 0);
  }
  const offset = cpu.argument(2);
  memory.set(record, address, offset, what >>> 12);
  // What FCOMI does not get to change stays.
  cpu.setResult(0, BigInt(cpu.argumentNumber(3)));
  const known = x87.execute({
    opcode: what & 0xff,
    modrm,
    address,
    offset,
    rip: cpu.recordRip(record),
    codeSelector: cpu.state.segment("cs").selector,
    dataSelector: cpu.state.segment(operandSegment(cpu, record)).selector,
    operandSize16: (what & 0x100) !== 0,
  });
  if (!known) throw new Fault(Vector.UD);
});

// FXSAVE and FXRSTOR: a 512-byte image of which the last 96 bytes are not used.

const imageBytes = 416;
const mxcsrMask = 0xffff;

/** Linear address, offset, address size, REX.W. */
function imageOperand(
  cpu: Cpu,
  record: number,
  write: boolean,
): { address: bigint; rexW: boolean; memory: OperandMemory } {
  const address = cpu.argument(0);
  const memory = unitOf(cpu).memory.set(record, address, cpu.argument(1), cpu.argumentNumber(2));
  memory.checkPlace(address, write);
  cpu.linear.checkAlignment(address, 4);
  if (address & 15n) throw generalProtection();
  return { address, memory, rexW: cpu.argumentNumber(3) !== 0 };
}

defineRoutine("fxsave", (cpu, record) => {
  const { address, memory, rexW } = imageOperand(cpu, record, true);
  // The processor looks at the far end first.
  memory.probeWrite(address + 511n, 1);
  memory.probeWrite(address, 512);
  const image = new DataView(new ArrayBuffer(512));
  unitOf(cpu).x87.saveImage(image, rexW);
  image.setUint32(24, cpu.state.mxcsr, true);
  image.setUint32(28, mxcsrMask, true);
  const registers = cpu.state.codeBits === 64 ? 16 : 8;
  for (let i = 0; i < registers; i++) {
    const value = cpu.state.xmm(i);
    image.setBigUint64(160 + i * 16, BigInt.asUintN(64, value), true);
    image.setBigUint64(168 + i * 16, value >> 64n, true);
  }
  for (let i = 0; i < 160 + registers * 16; i += 8) memory.write(address + BigInt(i), 8, image.getBigUint64(i, true));
});

defineRoutine("fxrstor", (cpu, record) => {
  const { address, memory, rexW } = imageOperand(cpu, record, false);
  const image = new DataView(new ArrayBuffer(512));
  memory.read(address + 511n, 1);
  for (let i = 0; i < imageBytes; i += 8) image.setBigUint64(i, memory.read(address + BigInt(i), 8), true);
  const mxcsr = image.getUint32(24, true);
  if (mxcsr & ~mxcsrMask) throw generalProtection();
  unitOf(cpu).x87.restoreImage(image, rexW);
  cpu.state.mxcsr = mxcsr;
  const registers = cpu.state.codeBits === 64 ? 16 : 8;
  for (let i = 0; i < registers; i++) {
    const at = 160 + i * 16;
    setXmm(cpu, i, image.getBigUint64(at, true), image.getBigUint64(at + 8, true));
  }
});

export function setXmm(cpu: Cpu, register: number, low: bigint, high: bigint): void {
  const at = layout.xmm + register * XMM_STRIDE;
  cpu.view.setBigUint64(at, low, true);
  cpu.view.setBigUint64(at + 8, high, true);
}

for (const [name, digit] of [
  ["fxsave", 0],
  ["fxrstor", 1],
] as const) {
  define(
    name,
    `NP 0F AE /${digit} Mn`,
    (t, m) => t.call(name, t.linearAddress(m), t.effectiveAddress(m), c64(t.addressSize), c64(t.size === 8 ? 1 : 0)),
    {
      unit: "x87control",
    },
  );
}
