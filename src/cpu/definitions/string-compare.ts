/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (AMD64 APM volume 4): string comparison of SSE4.2. */
import { c32, c64, i32, i64 } from "../../wasm/index.ts";
import { i64x2 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import { defineRoutine } from "../routines.ts";
import { layout } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { immediateByte, readSource } from "./vector-operands.ts";

const operands = new DataView(new ArrayBuffer(32));
const elements = (at: number, words: boolean, signed: boolean): number[] =>
  Array.from({ length: words ? 8 : 16 }, (_, i) => {
    const offset = at + (words ? i * 2 : i);
    if (words) return signed ? operands.getInt16(offset, true) : operands.getUint16(offset, true);
    return signed ? operands.getInt8(offset) : operands.getUint8(offset);
  });

/** The four ways of comparing; bit j of the result belongs to element j of b. */
function compare(mode: number, a: number[], b: number[], lengthA: number, lengthB: number): number {
  const count = a.length;
  let result = 0;
  for (let j = 0; j < count; j++) {
    let holds = false;
    if (mode === 0) {
      for (let i = 0; i < lengthA && j < lengthB; i++) holds ||= a[i] === b[j];
    } else if (mode === 1) {
      for (let i = 0; i + 1 < lengthA && j < lengthB; i += 2) holds ||= a[i] <= b[j] && b[j] <= a[i + 1];
    } else if (mode === 2) {
      holds = j < lengthA && j < lengthB ? a[j] === b[j] : j >= lengthA && j >= lengthB;
    } else {
      holds = true;
      for (let i = 0; i < lengthA && i + j < count; i++) holds &&= i + j < lengthB && a[i] === b[i + j];
    }
    if (holds) result |= 1 << j;
  }
  return result;
}

/**
 * Both operands as halves, immediate, lengths (-1: up to the first zero). Results: the bits, ECX, flags, and the mask as halves.
 */
defineRoutine("compareStrings", (cpu) => {
  for (let i = 0; i < 4; i++) operands.setBigUint64(i * 8, cpu.argument(i), true);
  const immediate = cpu.argumentNumber(4);
  const words = (immediate & 1) !== 0;
  const signed = (immediate & 2) !== 0;
  const a = elements(0, words, signed);
  const b = elements(16, words, signed);
  const count = a.length;
  const lengthOf = (values: number[], given: bigint): number => {
    const explicit = BigInt.asIntN(64, given);
    const zero = values.indexOf(0);
    if (explicit === -(1n << 63n)) return count;
    if (cpu.argumentNumber(7) === 0) return zero < 0 ? count : zero;
    const magnitude = explicit < 0n ? -explicit : explicit;
    return magnitude > BigInt(count) ? count : Number(magnitude);
  };
  const lengthA = lengthOf(a, cpu.argument(5));
  const lengthB = lengthOf(b, cpu.argument(6));
  const all = words ? 0xff : 0xffff;
  let result = compare((immediate >> 2) & 3, a, b, lengthA, lengthB);
  if (immediate & 0x10) result ^= immediate & 0x20 ? (1 << lengthB) - 1 : all;
  const index = result === 0 ? count : immediate & 0x40 ? 31 - Math.clz32(result) : 31 - Math.clz32(result & -result);
  const flags =
    (result !== 0 ? 1 : 0) | (lengthB < count ? 0x40 : 0) | (lengthA < count ? 0x80 : 0) | (result & 1 ? 0x800 : 0);
  const mask = new DataView(new ArrayBuffer(16));
  if (immediate & 0x40) {
    for (let i = 0; i < 16; i++) mask.setUint8(i, (result >> (words ? i >> 1 : i)) & 1 ? 0xff : 0);
  } else {
    mask.setUint16(0, result, true);
  }
  cpu.setResult(0, BigInt(index));
  cpu.setResult(1, BigInt(flags));
  cpu.setResult(2, mask.getBigUint64(0, true));
  cpu.setResult(3, mask.getBigUint64(8, true));
});

/** Explicit lengths are EAX and EDX, or RAX and RDX with REX.W. */
function compareStrings(t: Tier, first: Operand, second: Operand, selector: Operand, explicit: boolean): void {
  const b = readSource(t, second, true);
  const a = t.let(t.readVector(first));
  const half = (x: typeof a, lane: number): typeof a => i64x2.extract_lane(x, lane);
  const length = (register: number): typeof a => {
    if (!explicit) return c64(0);
    return t.size === 8 ? t.register(register, 8) : i64.extend32_s(t.register(register, 4));
  };
  t.call(
    "compareStrings",
    half(a, 0),
    half(a, 1),
    half(b, 0),
    half(b, 1),
    immediateByte(t, selector),
    length(0),
    length(2),
    c64(explicit ? 1 : 0),
  );
}

for (const [name, opcode, explicit, mask] of [
  ["pcmpestrm", "60", true, true],
  ["pcmpestri", "61", true, false],
  ["pcmpistrm", "62", false, true],
  ["pcmpistri", "63", false, false],
] as const) {
  for (const vex of [false, true]) {
    define(
      vex ? `v${name}` : name,
      vex ? `VEX.128.66.0F3A ${opcode} Vx,Wx,Ib` : `66 0F 3A ${opcode} Vx,Wx,Ib`,
      (t, first, second, selector) => {
        compareStrings(t, first, second, selector, explicit);
        if (mask) {
          for (let i = 0; i < (vex ? 4 : 2); i++)
            t.setField("i64", layout.xmm + i * 8, i < 2 ? t.result(2 + i) : c64(0));
        } else {
          t.setRegister(1, t.result(0), 4);
        }
        t.flags.setImage(i32.and(i32.wrap(t.result(1)), c32(0x8c1)));
      },
      { unit: vex ? "avx" : "sse" },
    );
  }
}
