/**
 * The TypeScript side of SSE, MMX and x87 instructions: what their definitions call. FXSAVE and FXRSTOR are here whole
 * (AMD64 APM volume 2, 11.4; volume 5).
 */
import { c64 } from "../../wasm/index.ts";
import type { Cpu } from "../cpu.ts";
import { define } from "../definition.ts";
import { Fault, generalProtection, Vector } from "../fault.ts";
import { defineRoutine } from "../routines.ts";
import { executeSseFloat, sseException } from "../sse-float.ts";
import { layout, XMM_STRIDE } from "../state.ts";
import { X87 } from "../x87.ts";

const wrap = (address: bigint, offset: number): bigint => BigInt.asUintN(64, address + BigInt(offset));
const isCanonical = (address: bigint): boolean => wrap(BigInt.asIntN(48, address), 0) === address;

// SSE

const CR4_OSXMMEXCPT = 0x400n;
const operands = new DataView(new ArrayBuffer(32));

/** Operation, both operands as halves, immediate; the results are the halves of the destination. */
defineRoutine("sseFloat", (cpu) => {
  for (let i = 0; i < 4; i++) operands.setBigUint64(i * 8, cpu.argument(1 + i), true);
  const { state } = cpu;
  state.mxcsr = executeSseFloat(operands, cpu.argumentNumber(0), 0, 16, cpu.argumentNumber(5), state.mxcsr);
  if (sseException()) throw new Fault(state.cr4 & CR4_OSXMMEXCPT ? Vector.XM : Vector.UD);
  cpu.setResult(0, operands.getBigUint64(0, true));
  cpu.setResult(1, operands.getBigUint64(8, true));
});

/** MASKMOVDQU, MASKMOVQ: linear address, data and mask as halves, number of bytes. */
defineRoutine("maskedStore", (cpu) => {
  const address = cpu.argument(0);
  const size = cpu.argumentNumber(5);
  // All bytes must be writable, selected or not.
  cpu.linear.probeWrite(address, size);
  for (let i = 0; i < size; i++) {
    const half = i >> 3;
    const shift = BigInt((i & 7) * 8);
    if (!((cpu.argument(3 + half) >> (shift + 7n)) & 1n)) continue;
    cpu.linear.write(wrap(address, i), 1, (cpu.argument(1 + half) >> shift) & 0xffn);
  }
});

// x87

const units = new WeakMap<Cpu, X87>();

/** The x87 of a processor. */
export function x87Of(cpu: Cpu): X87 {
  const known = units.get(cpu);
  if (known) return known;
  const view = cpu.view;
  const unit = new X87(() => view, layout.x87, {
    read: (address, size) => cpu.linear.read(BigInt.asUintN(64, address), size),
    write: (address, size, value) => cpu.linear.write(BigInt.asUintN(64, address), size, value),
    probeWrite: (address, size) => cpu.linear.probeWrite(BigInt.asUintN(64, address), size),
    readFlags: () => cpu.argumentNumber(3),
    writeComparison: (flags) => cpu.setResult(0, BigInt(flags)),
    writeAx: (value) => cpu.setResult(0, BigInt(value)),
  });
  units.set(cpu, unit);
  return unit;
}

/** Opcode, ModRM and operand size; linear address; offset; flags. See definitions/x87.ts. */
defineRoutine("x87", (cpu, record) => {
  const what = cpu.argumentNumber(0);
  // What FCOMI does not get to change stays.
  cpu.setResult(0, BigInt(cpu.argumentNumber(3)));
  // Argument 3 shares its place with nothing, but result 0 with argument 0: that one has been read.
  const known = x87Of(cpu).execute({
    opcode: (what >>> 16) & 0xff,
    modrm: what & 0xff,
    address: cpu.argument(1),
    offset: cpu.argument(2),
    rip: cpu.recordRip(record),
    operandSize16: (what & 0x100_0000) !== 0,
  });
  if (!known) throw new Fault(Vector.UD);
});

/** A waiting instruction found an unmasked exception pending. */
defineRoutine("x87Error", () => {
  throw new Fault(Vector.MF);
});

// FXSAVE and FXRSTOR: a 512-byte image of which the last 96 bytes are not used.

const imageBytes = 416;
const mxcsrMask = 0xffff;

defineRoutine("fxsave", (cpu) => {
  const address = cpu.argument(0);
  const rexW = cpu.argumentNumber(1) !== 0;
  if (address & 15n) throw generalProtection();
  // The processor looks at the far end first, once both are canonical.
  if (!isCanonical(address)) throw generalProtection();
  cpu.linear.probeWrite(wrap(address, 511), 1);
  cpu.linear.probeWrite(address, 512);
  const image = new DataView(new ArrayBuffer(512));
  x87Of(cpu).saveImage(image, rexW);
  image.setUint32(24, cpu.state.mxcsr, true);
  image.setUint32(28, mxcsrMask, true);
  const registers = cpu.state.codeBits === 64 ? 16 : 8;
  for (let i = 0; i < registers; i++) {
    const value = cpu.state.xmm(i);
    image.setBigUint64(160 + i * 16, BigInt.asUintN(64, value), true);
    image.setBigUint64(168 + i * 16, value >> 64n, true);
  }
  for (let i = 0; i < 160 + registers * 16; i += 8) cpu.linear.write(wrap(address, i), 8, image.getBigUint64(i, true));
});

defineRoutine("fxrstor", (cpu) => {
  const address = cpu.argument(0);
  const rexW = cpu.argumentNumber(1) !== 0;
  if (address & 15n) throw generalProtection();
  const image = new DataView(new ArrayBuffer(512));
  if (!isCanonical(address)) throw generalProtection();
  cpu.linear.read(wrap(address, 511), 1);
  for (let i = 0; i < imageBytes; i += 8) image.setBigUint64(i, cpu.linear.read(wrap(address, i), 8), true);
  const mxcsr = image.getUint32(24, true);
  if (mxcsr & ~mxcsrMask) throw generalProtection();
  x87Of(cpu).restoreImage(image, rexW);
  cpu.state.mxcsr = mxcsr;
  const registers = cpu.state.codeBits === 64 ? 16 : 8;
  for (let i = 0; i < registers; i++) {
    const at = 160 + i * 16;
    view128(cpu, i, image.getBigUint64(at, true), image.getBigUint64(at + 8, true));
  }
});

function view128(cpu: Cpu, register: number, low: bigint, high: bigint): void {
  const at = layout.xmm + register * XMM_STRIDE;
  cpu.view.setBigUint64(at, low, true);
  cpu.view.setBigUint64(at + 8, high, true);
}

for (const [name, digit] of [
  ["fxsave", 0],
  ["fxrstor", 1],
] as const) {
  define(name, `NP 0F AE /${digit} Mn`, (t, m) => t.call(name, t.linearAddress(m), c64(t.size === 8 ? 1 : 0)), {
    unit: "x87control",
  });
}
