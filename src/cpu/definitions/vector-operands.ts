/** How SSE and MMX definitions get at their operands: a register as a whole, memory by its size. */
import { c64, type Expr, i64 } from "../../wasm/index.ts";
import { i64x2, v128 } from "../../wasm/simd.ts";
import type { Operand, Tier } from "../tier.ts";

/** A vector constant from sixteen bytes. */
export const bytes = (...values: number[]): Expr => v128.constant(values);

/** A vector constant from equal lanes of `size` bytes. */
export function repeated(value: bigint, size: 1 | 2 | 4 | 8): Expr {
  const lanes: number[] = [];
  for (let i = 0; i < 16; i++) lanes.push(Number((value >> BigInt(8 * (i % size))) & 0xffn));
  return v128.constant(lanes);
}

export const zeroVector = repeated(0n, 8);

/** A vector whose low half is given; the rest is zero. */
export const fromLow = (low: Expr): Expr => i64x2.replace_lane(zeroVector, 0, low);

/** A vector from two halves. */
export const fromHalves = (low: Expr, high: Expr): Expr => i64x2.replace_lane(i64x2.splat(low), 1, high);

/**
 * The operand as a vector: all of a register; from memory as many bytes as the operand has, the rest zero. Sixteen bytes of
 * memory must be aligned unless `unaligned`.
 */
export function readSource(t: Tier, operand: Operand, unaligned = false): Expr {
  if (operand.kind === "memory" && operand.size < 16) return t.let(fromLow(t.read(operand)));
  return t.let(t.readVector(operand, !unaligned));
}

/** The low 64 bits (or fewer, from memory) of the operand, zero-extended. */
export function readLow(t: Tier, operand: Operand): Expr {
  if (operand.kind === "memory") return t.let(t.read(operand));
  return t.let(i64x2.extract_lane(t.readVector(operand), 0));
}

/** Puts a scalar of `size` bytes into the low lane of a register; the other lanes stay. */
export function writeScalar(t: Tier, register: Operand, value: Expr, size: 4 | 8): void {
  const old = t.readVector(register);
  if (size === 8) {
    t.writeVector(register, i64x2.replace_lane(old, 0, value));
    return;
  }
  const low = i64.and(i64x2.extract_lane(old, 0), c64(0xffff_ffff_0000_0000n));
  t.writeVector(register, i64x2.replace_lane(old, 0, i64.or(low, i64.and(value, c64(0xffff_ffff)))));
}

export const immediateByte = (t: Tier, operand: Operand): Expr => t.let(i64.and(t.read(operand), c64(0xff)));
