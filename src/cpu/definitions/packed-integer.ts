/**
 * Packed integer arithmetic, logic, comparison, shifts and rearrangement: each effect is said once, as a function of two
 * vectors, for the XMM registers (SSE2) and, on the low half alone, for the MMX registers.
 */
import { c32, c64, type Expr, i32, i64, select } from "../../wasm/index.ts";
import { i8x16, i16x8, i32x4, i64x2, v128 } from "../../wasm/simd.ts";
import type { Tier } from "../tier.ts";
import { repeated, zeroVector } from "./vector-operands.ts";

/** Result of an instruction on vectors; `a` is the destination's old value. */
export type VectorEffect = (t: Tier, a: Expr, b: Expr) => Expr;

/** One instruction: opcode after 0F, name, effect on XMM registers, and on MMX registers where it is another one. */
export interface PackedInteger {
  readonly opcode: number;
  readonly name: string;
  readonly effect: VectorEffect;
  /** How MMX does it, on vectors whose low halves count; absent: as SSE2; null: there is none. */
  readonly mmx?: VectorEffect | null;
  /** The second operand is a count for all lanes: always 128 bits. */
  readonly byCount?: true;
}

const lanes = (select: (i: number) => number): number[] => Array.from({ length: 16 }, (_, i) => select(i));

/** Interleaves units of `size` bytes from the low or the high halves. `half`: bytes in half a register. */
function unpack(size: 1 | 2 | 4 | 8, high: boolean, half: 4 | 8): VectorEffect {
  const from = high ? half : 0;
  const order = lanes((i) => {
    const unit = Math.floor(i / size);
    return from + Math.floor(unit / 2) * size + (i % size) + (unit & 1 ? 16 : 0);
  });
  return (_t, a, b) => v128.shuffle(a, b, half === 8 ? order : order.map((lane, i) => (i < 8 ? lane : 0)));
}

/** The low halves of both, one after the other: where SSE2 takes whole registers. */
export const joinLow = (a: Expr, b: Expr): Expr =>
  v128.shuffle(
    a,
    b,
    lanes((i) => (i < 8 ? i : i + 8)),
  );

const plain =
  (operation: (a: Expr, b: Expr) => Expr): VectorEffect =>
  (_t, a, b) =>
    operation(a, b);

const pack = (operation: (a: Expr, b: Expr) => Expr): Pick<PackedInteger, "effect" | "mmx"> => ({
  effect: plain(operation),
  mmx: (t, a, b) => {
    const both = t.let(joinLow(a, b));
    return operation(both, both);
  },
});

/** Upper halves of the 32-bit products of words. */
const multiplyHigh =
  (low: (a: Expr, b: Expr) => Expr, high: (a: Expr, b: Expr) => Expr): VectorEffect =>
  (t, a, b) =>
    v128.shuffle(
      t.let(low(a, b)),
      t.let(high(a, b)),
      lanes((i) => (i >> 1) * 4 + 2 + (i & 1)),
    );

/** Products of the even doublewords. */
const multiplyEven: VectorEffect = (_t, a, b) => {
  const even = (x: Expr): Expr => v128.shuffle(x, x, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
  return i64x2.extmul_low_i32x4_u(even(a), even(b));
};

/** Sums of the absolute differences of the bytes of each half, as 64-bit integers. */
const sumOfDifferences: VectorEffect = (t, a, b) => {
  const difference = i8x16.sub(i8x16.max_u(a, b), i8x16.min_u(a, b));
  const quarters = t.let(i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(difference)));
  return v128.and(i32x4.add(quarters, i64x2.shr_u(quarters, c32(32))), repeated(0xffff_ffffn, 8));
};

type Shift = (a: Expr, count: Expr) => Expr;

/** Shift by a 64-bit count: at `bits` and above nothing is left, or only copies of the sign. */
export function shiftBy(t: Tier, a: Expr, count: Expr, bits: number, shift: Shift, arithmetic: boolean): Expr {
  const wide = t.let(count);
  const tooFar = i64.gt_u(wide, c64(bits - 1));
  if (arithmetic) return shift(a, i32.wrap(t.let(select(c64(bits - 1), wide, tooFar))));
  return select(zeroVector, shift(a, i32.wrap(wide)), tooFar);
}

const shiftByVector =
  (bits: number, shift: Shift, arithmetic = false): VectorEffect =>
  (t, a, b) =>
    shiftBy(t, a, i64x2.extract_lane(b, 0), bits, shift, arithmetic);

/** Shifts by an immediate: opcode, digit, and how. */
export const immediateShifts: readonly {
  readonly opcode: number;
  readonly digit: number;
  readonly name: string;
  readonly bits: number;
  readonly shift: Shift;
  readonly arithmetic: boolean;
}[] = [
  { opcode: 0x71, digit: 2, name: "psrlw", bits: 16, shift: i16x8.shr_u, arithmetic: false },
  { opcode: 0x71, digit: 4, name: "psraw", bits: 16, shift: i16x8.shr_s, arithmetic: true },
  { opcode: 0x71, digit: 6, name: "psllw", bits: 16, shift: i16x8.shl, arithmetic: false },
  { opcode: 0x72, digit: 2, name: "psrld", bits: 32, shift: i32x4.shr_u, arithmetic: false },
  { opcode: 0x72, digit: 4, name: "psrad", bits: 32, shift: i32x4.shr_s, arithmetic: true },
  { opcode: 0x72, digit: 6, name: "pslld", bits: 32, shift: i32x4.shl, arithmetic: false },
  { opcode: 0x73, digit: 2, name: "psrlq", bits: 64, shift: i64x2.shr_u, arithmetic: false },
  { opcode: 0x73, digit: 6, name: "psllq", bits: 64, shift: i64x2.shl, arithmetic: false },
];

export const packedIntegers: readonly PackedInteger[] = [
  { opcode: 0x60, name: "punpcklbw", effect: unpack(1, false, 8), mmx: unpack(1, false, 4) },
  { opcode: 0x61, name: "punpcklwd", effect: unpack(2, false, 8), mmx: unpack(2, false, 4) },
  { opcode: 0x62, name: "punpckldq", effect: unpack(4, false, 8), mmx: unpack(4, false, 4) },
  { opcode: 0x63, name: "packsswb", ...pack(i8x16.narrow_i16x8_s) },
  { opcode: 0x64, name: "pcmpgtb", effect: plain(i8x16.gt_s) },
  { opcode: 0x65, name: "pcmpgtw", effect: plain(i16x8.gt_s) },
  { opcode: 0x66, name: "pcmpgtd", effect: plain(i32x4.gt_s) },
  { opcode: 0x67, name: "packuswb", ...pack(i8x16.narrow_i16x8_u) },
  { opcode: 0x68, name: "punpckhbw", effect: unpack(1, true, 8), mmx: unpack(1, true, 4) },
  { opcode: 0x69, name: "punpckhwd", effect: unpack(2, true, 8), mmx: unpack(2, true, 4) },
  { opcode: 0x6a, name: "punpckhdq", effect: unpack(4, true, 8), mmx: unpack(4, true, 4) },
  { opcode: 0x6b, name: "packssdw", ...pack(i16x8.narrow_i32x4_s) },
  { opcode: 0x6c, name: "punpcklqdq", effect: unpack(8, false, 8), mmx: null },
  { opcode: 0x6d, name: "punpckhqdq", effect: unpack(8, true, 8), mmx: null },
  { opcode: 0x74, name: "pcmpeqb", effect: plain(i8x16.eq) },
  { opcode: 0x75, name: "pcmpeqw", effect: plain(i16x8.eq) },
  { opcode: 0x76, name: "pcmpeqd", effect: plain(i32x4.eq) },
  { opcode: 0xd1, name: "psrlw", effect: shiftByVector(16, i16x8.shr_u), byCount: true },
  { opcode: 0xd2, name: "psrld", effect: shiftByVector(32, i32x4.shr_u), byCount: true },
  { opcode: 0xd3, name: "psrlq", effect: shiftByVector(64, i64x2.shr_u), byCount: true },
  { opcode: 0xd4, name: "paddq", effect: plain(i64x2.add) },
  { opcode: 0xd5, name: "pmullw", effect: plain(i16x8.mul) },
  { opcode: 0xd8, name: "psubusb", effect: plain(i8x16.sub_sat_u) },
  { opcode: 0xd9, name: "psubusw", effect: plain(i16x8.sub_sat_u) },
  { opcode: 0xda, name: "pminub", effect: plain(i8x16.min_u) },
  { opcode: 0xdb, name: "pand", effect: plain(v128.and) },
  { opcode: 0xdc, name: "paddusb", effect: plain(i8x16.add_sat_u) },
  { opcode: 0xdd, name: "paddusw", effect: plain(i16x8.add_sat_u) },
  { opcode: 0xde, name: "pmaxub", effect: plain(i8x16.max_u) },
  { opcode: 0xdf, name: "pandn", effect: (_t, a, b) => v128.andnot(b, a) },
  { opcode: 0xe0, name: "pavgb", effect: plain(i8x16.avgr_u) },
  { opcode: 0xe1, name: "psraw", effect: shiftByVector(16, i16x8.shr_s, true), byCount: true },
  { opcode: 0xe2, name: "psrad", effect: shiftByVector(32, i32x4.shr_s, true), byCount: true },
  { opcode: 0xe3, name: "pavgw", effect: plain(i16x8.avgr_u) },
  { opcode: 0xe4, name: "pmulhuw", effect: multiplyHigh(i32x4.extmul_low_i16x8_u, i32x4.extmul_high_i16x8_u) },
  { opcode: 0xe5, name: "pmulhw", effect: multiplyHigh(i32x4.extmul_low_i16x8_s, i32x4.extmul_high_i16x8_s) },
  { opcode: 0xe8, name: "psubsb", effect: plain(i8x16.sub_sat_s) },
  { opcode: 0xe9, name: "psubsw", effect: plain(i16x8.sub_sat_s) },
  { opcode: 0xea, name: "pminsw", effect: plain(i16x8.min_s) },
  { opcode: 0xeb, name: "por", effect: plain(v128.or) },
  { opcode: 0xec, name: "paddsb", effect: plain(i8x16.add_sat_s) },
  { opcode: 0xed, name: "paddsw", effect: plain(i16x8.add_sat_s) },
  { opcode: 0xee, name: "pmaxsw", effect: plain(i16x8.max_s) },
  { opcode: 0xef, name: "pxor", effect: plain(v128.xor) },
  { opcode: 0xf1, name: "psllw", effect: shiftByVector(16, i16x8.shl), byCount: true },
  { opcode: 0xf2, name: "pslld", effect: shiftByVector(32, i32x4.shl), byCount: true },
  { opcode: 0xf3, name: "psllq", effect: shiftByVector(64, i64x2.shl), byCount: true },
  { opcode: 0xf4, name: "pmuludq", effect: multiplyEven },
  { opcode: 0xf5, name: "pmaddwd", effect: plain(i32x4.dot_i16x8_s) },
  { opcode: 0xf6, name: "psadbw", effect: sumOfDifferences },
  { opcode: 0xf8, name: "psubb", effect: plain(i8x16.sub) },
  { opcode: 0xf9, name: "psubw", effect: plain(i16x8.sub) },
  { opcode: 0xfa, name: "psubd", effect: plain(i32x4.sub) },
  { opcode: 0xfb, name: "psubq", effect: plain(i64x2.sub) },
  { opcode: 0xfc, name: "paddb", effect: plain(i8x16.add) },
  { opcode: 0xfd, name: "paddw", effect: plain(i16x8.add) },
  { opcode: 0xfe, name: "paddd", effect: plain(i32x4.add) },
];

/** Words of the low half rearranged by an immediate, as a vector whose high half is that of `a`. */
export function shuffleLowWords(t: Tier, a: Expr, selector: Expr): Expr {
  // Two bits of the immediate for each word, brought to bits 6 and 7 by a multiplication.
  const fields = i16x8.mul(
    i16x8.splat(i32.wrap(selector)),
    v128.constant([64, 0, 16, 0, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  );
  const words = v128.and(i16x8.shr_u(fields, c32(6)), repeated(3n, 2));
  const offsets = i16x8.add(i16x8.mul(words, repeated(0x0202n, 2)), repeated(0x0100n, 2));
  const lowHalf = v128.constant(lanes((i) => (i < 8 ? 0xff : 0)));
  const identity = v128.constant(lanes((i) => i));
  return v128.swizzle(a, t.let(v128.bitselect(offsets, identity, lowHalf)));
}

/** Byte offsets of the doublewords that an immediate selects, two bits each. */
export function doublewordOffsets(selector: Expr): Expr {
  const factors = v128.constant([64, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0]);
  const fields = i32x4.mul(i32x4.splat(i32.wrap(selector)), factors);
  const words = v128.and(i32x4.shr_u(fields, c32(6)), repeated(3n, 4));
  return i32x4.add(i32x4.mul(words, repeated(0x0404_0404n, 4)), repeated(0x0302_0100n, 4));
}

/** a shifted by whole bytes; from 16 on nothing is left. */
export function shiftBytes(a: Expr, count: Expr, left: boolean): Expr {
  const identity = v128.constant(lanes((i) => i));
  const amount = i8x16.splat(i32.wrap(count));
  // Indices beyond 15 select zero: those that wrapped below 0, and those that went past the end.
  return v128.swizzle(a, left ? selectFar(i8x16.sub(identity, amount), count) : i8x16.add_sat_u(identity, amount));
}

/** Counts above 15 would wrap all the way round to small indices again. */
const selectFar = (indices: Expr, count: Expr): Expr => select(repeated(0xffn, 1), indices, i64.gt_u(count, c64(15)));
