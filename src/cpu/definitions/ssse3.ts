/** SSSE3: byte shuffles, horizontal sums, signs (AMD64 APM volumes 4 and 5): on XMM and on MMX registers. */
import { c32, type Expr, i32 } from "../../wasm/index.ts";
import { i8x16, i16x8, i32x4, v128 } from "../../wasm/simd.ts";
import type { Tier } from "../tier.ts";
import { defineLanewise } from "./lanewise.ts";
import { defineMmx, defineMmxImmediate } from "./mmx.ts";
import { joinLow, type VectorEffect } from "./packed-integer.ts";
import { repeated } from "./vector-operands.ts";

type Operation = (a: Expr, b: Expr) => Expr;
const lanes = (select: (i: number) => number): number[] => Array.from({ length: 16 }, (_, i) => select(i));

/** Combines neighbours: those of the first operand give the low half. */
const horizontal =
  (size: 2 | 4, operation: Operation): VectorEffect =>
  (_t, a, b) => {
    const of = (odd: number): number[] => lanes((i) => (Math.floor(i / size) * 2 + odd) * size + (i % size));
    return operation(v128.shuffle(a, b, of(0)), v128.shuffle(a, b, of(1)));
  };

/** On MMX registers the two operands are the halves of one vector. */
const onHalves =
  (effect: VectorEffect): VectorEffect =>
  (t, a, b) => {
    const both = t.let(joinLow(a, b));
    return effect(t, both, both);
  };

/** a negated, kept or cleared by the sign of b. */
const sign =
  (shape: typeof i8x16 | typeof i16x8 | typeof i32x4, bits: number): VectorEffect =>
  (t, a, b) => {
    const negative = t.let(shape.shr_s(b, c32(bits - 1)));
    return v128.andnot(shape.sub(v128.xor(a, negative), negative), shape.eq(b, repeated(0n, 8)));
  };

/** Unsigned bytes times signed bytes, neighbouring products added. */
const multiplyAddBytes: VectorEffect = (_t, a, b) => {
  const even = i16x8.mul(v128.and(a, repeated(0xffn, 2)), i16x8.shr_s(i16x8.shl(b, c32(8)), c32(8)));
  const odd = i16x8.mul(i16x8.shr_u(a, c32(8)), i16x8.shr_s(b, c32(8)));
  return i16x8.add_sat_s(even, odd);
};

/** Rounded upper halves of the products, less one bit. -1 times -1 is -1 here where WebAssembly saturates. */
const multiplyHighRounded: VectorEffect = (_t, a, b) => {
  const lowest = repeated(0x8000n, 2);
  const both = v128.and(i16x8.eq(a, lowest), i16x8.eq(b, lowest));
  return v128.xor(i16x8.q15mulr_sat_s(a, b), both);
};

/** Index bytes: only the sign bit and those that select. */
const shuffleBytes =
  (indexBits: bigint): VectorEffect =>
  (_t, a, b) =>
    v128.swizzle(a, v128.and(b, repeated(0x80n | indexBits, 1)));

const both = (name: string, opcode: string, effect: VectorEffect, mmx: VectorEffect = effect): void => {
  defineLanewise(name, `66 0F 38 ${opcode}`, "VHW", effect);
  defineMmx(name, `NP 0F 38 ${opcode} Pq,Qq`, mmx);
};
const pairs = (name: string, opcode: string, size: 2 | 4, operation: Operation): void => {
  const effect = horizontal(size, operation);
  both(name, opcode, effect, onHalves(effect));
};

both("pshufb", "00", shuffleBytes(15n), shuffleBytes(7n));
pairs("phaddw", "01", 2, i16x8.add);
pairs("phaddd", "02", 4, i32x4.add);
pairs("phaddsw", "03", 2, i16x8.add_sat_s);
both("pmaddubsw", "04", multiplyAddBytes);
pairs("phsubw", "05", 2, i16x8.sub);
pairs("phsubd", "06", 4, i32x4.sub);
pairs("phsubsw", "07", 2, i16x8.sub_sat_s);
both("psignb", "08", sign(i8x16, 8));
both("psignw", "09", sign(i16x8, 16));
both("psignd", "0A", sign(i32x4, 32));
both("pmulhrsw", "0B", multiplyHighRounded);

for (const [name, opcode, shape] of [
  ["pabsb", "1C", i8x16],
  ["pabsw", "1D", i16x8],
  ["pabsd", "1E", i32x4],
] as const) {
  defineLanewise(name, `66 0F 38 ${opcode}`, "VW", (_t, _a, b) => shape.abs(b));
  defineMmx(name, `NP 0F 38 ${opcode} Pq,Qq`, (_t, _a, b) => shape.abs(b));
}

/** Bytes out of the concatenation of a (high) and b (low), from byte `count` on. */
function align(t: Tier, a: Expr, b: Expr, count: Expr): Expr {
  const from = t.let(i8x16.add_sat_u(v128.constant(lanes((i) => i)), i8x16.splat(i32.wrap(count))));
  return v128.or(v128.swizzle(b, from), v128.swizzle(a, i8x16.sub(from, repeated(16n, 1))));
}
defineLanewise("palignr", "66 0F 3A 0F", "VHWI", align);
defineMmxImmediate("palignr", "NP 0F 3A 0F Pq,Qq,Ib", (t, a, b, count) =>
  align(t, repeated(0n, 8), t.let(joinLow(b, a)), count),
);
