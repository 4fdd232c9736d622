/**
 * WebAssembly expressions as trees: what a function body is built from. Knows nothing of x86.
 * Opcodes after the WebAssembly core specification, section 5.4. Constants are folded where that is free.
 */
import { sleb32, sleb64, uleb } from "./leb128.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** A tree node: its operands are evaluated in order, then `bytes` is the instruction with its immediates. */
export interface Expr {
  readonly type: ValueType;
  readonly args: readonly Expr[];
  readonly bytes: readonly number[];
  /** Set on integer constants only. i32 constants are signed. */
  readonly constant?: bigint;
  /** Set on local.get: evaluating it again costs nothing. */
  readonly local?: number;
}

const node = (type: ValueType, bytes: readonly number[], ...args: Expr[]): Expr => ({ type, args, bytes });

const small32: Expr[] = [];
export function c32(value: number): Expr {
  const v = value | 0;
  if (v >= 0 && v < 256) {
    small32[v] ??= { type: "i32", args: [], bytes: [0x41, ...sleb32(v)], constant: BigInt(v) };
    return small32[v];
  }
  return { type: "i32", args: [], bytes: [0x41, ...sleb32(v)], constant: BigInt(v) };
}
export function c64(value: bigint | number): Expr {
  const v = BigInt.asIntN(64, BigInt(value));
  return { type: "i64", args: [], bytes: [0x42, ...sleb64(v)], constant: v };
}
export function f64const(value: number): Expr {
  return node("f64", [0x44, ...new Uint8Array(new Float64Array([value]).buffer)]);
}
export const localGet = (type: ValueType, index: number): Expr => ({
  type,
  args: [],
  bytes: [0x20, ...uleb(index)],
  local: index,
});

type Binary = (a: Expr, b: Expr) => Expr;
type Unary = (a: Expr) => Expr;
type Fold = (a: bigint, b: bigint) => bigint;

const constant = (type: ValueType, value: bigint): Expr =>
  type === "i32" ? c32(Number(BigInt.asIntN(32, value))) : c64(value);

/** An integer operation; `fold` computes it on constants, `unit` is the right operand that changes nothing. */
function integer(type: "i32" | "i64", opcode: number, fold?: Fold, unit?: bigint): Binary {
  const bytes = [opcode];
  return (a, b) => {
    if (fold && a.constant !== undefined && b.constant !== undefined)
      return constant(type, fold(a.constant, b.constant));
    if (unit !== undefined && b.constant === unit) return a;
    return node(type, bytes, a, b);
  };
}
const compare = (opcode: number): Binary => {
  const bytes = [opcode];
  return (a, b) => node("i32", bytes, a, b);
};
const convert = (to: ValueType, ...bytes: number[]): Unary => {
  return (a) => node(to, bytes, a);
};
const isZero = (opcode: number): Unary => {
  const bytes = [opcode];
  return (a) => (a.constant !== undefined ? c32(a.constant === 0n ? 1 : 0) : node("i32", bytes, a));
};
const arithmetic = (type: ValueType, ...bytes: number[]): Binary => {
  return (a, b) => node(type, bytes, a, b);
};

export const i32 = {
  eqz: isZero(0x45),
  eq: compare(0x46),
  ne: compare(0x47),
  lt_s: compare(0x48),
  lt_u: compare(0x49),
  gt_s: compare(0x4a),
  gt_u: compare(0x4b),
  le_s: compare(0x4c),
  le_u: compare(0x4d),
  ge_s: compare(0x4e),
  ge_u: compare(0x4f),
  clz: convert("i32", 0x67),
  ctz: convert("i32", 0x68),
  popcnt: convert("i32", 0x69),
  add: integer("i32", 0x6a, (a, b) => a + b, 0n),
  sub: integer("i32", 0x6b, (a, b) => a - b, 0n),
  mul: integer("i32", 0x6c, (a, b) => a * b, 1n),
  div_s: integer("i32", 0x6d),
  div_u: integer("i32", 0x6e),
  rem_s: integer("i32", 0x6f),
  rem_u: integer("i32", 0x70),
  and: integer("i32", 0x71, (a, b) => a & b, -1n),
  or: integer("i32", 0x72, (a, b) => a | b, 0n),
  xor: integer("i32", 0x73, (a, b) => a ^ b, 0n),
  shl: integer("i32", 0x74, (a, b) => a << (b & 31n), 0n),
  shr_s: integer("i32", 0x75, (a, b) => a >> (b & 31n), 0n),
  shr_u: integer("i32", 0x76, (a, b) => BigInt.asUintN(32, a) >> (b & 31n), 0n),
  rotl: integer("i32", 0x77),
  rotr: integer("i32", 0x78),
  wrap: (a: Expr): Expr => (a.constant !== undefined ? constant("i32", a.constant) : node("i32", [0xa7], a)),
  extend8_s: convert("i32", 0xc0),
  extend16_s: convert("i32", 0xc1),
  reinterpret_f32: convert("i32", 0xbc),
  trunc_sat_f64_s: convert("i32", 0xfc, 2),
} as const;

export const i64 = {
  eqz: isZero(0x50),
  eq: compare(0x51),
  ne: compare(0x52),
  lt_s: compare(0x53),
  lt_u: compare(0x54),
  gt_s: compare(0x55),
  gt_u: compare(0x56),
  le_s: compare(0x57),
  le_u: compare(0x58),
  ge_s: compare(0x59),
  ge_u: compare(0x5a),
  clz: convert("i64", 0x79),
  ctz: convert("i64", 0x7a),
  popcnt: convert("i64", 0x7b),
  add: integer("i64", 0x7c, (a, b) => a + b, 0n),
  sub: integer("i64", 0x7d, (a, b) => a - b, 0n),
  mul: integer("i64", 0x7e, (a, b) => a * b, 1n),
  div_s: integer("i64", 0x7f),
  div_u: integer("i64", 0x80),
  rem_s: integer("i64", 0x81),
  rem_u: integer("i64", 0x82),
  and: integer("i64", 0x83, (a, b) => a & b, -1n),
  or: integer("i64", 0x84, (a, b) => a | b, 0n),
  xor: integer("i64", 0x85, (a, b) => a ^ b, 0n),
  shl: integer("i64", 0x86, (a, b) => a << (b & 63n), 0n),
  shr_s: integer("i64", 0x87, (a, b) => a >> (b & 63n), 0n),
  shr_u: integer("i64", 0x88, (a, b) => BigInt.asUintN(64, a) >> (b & 63n), 0n),
  rotl: integer("i64", 0x89),
  rotr: integer("i64", 0x8a),
  extend_i32_s: (a: Expr): Expr => (a.constant !== undefined ? c64(a.constant) : node("i64", [0xac], a)),
  extend_i32_u: (a: Expr): Expr =>
    a.constant !== undefined ? c64(BigInt.asUintN(32, a.constant)) : node("i64", [0xad], a),
  extend8_s: convert("i64", 0xc2),
  extend16_s: convert("i64", 0xc3),
  extend32_s: convert("i64", 0xc4),
  reinterpret_f64: convert("i64", 0xbd),
  trunc_sat_f64_s: convert("i64", 0xfc, 6),
} as const;

const floating = (type: "f32" | "f64", compareBase: number, base: number) => ({
  eq: compare(compareBase),
  ne: compare(compareBase + 1),
  lt: compare(compareBase + 2),
  gt: compare(compareBase + 3),
  le: compare(compareBase + 4),
  ge: compare(compareBase + 5),
  abs: convert(type, base),
  neg: convert(type, base + 1),
  ceil: convert(type, base + 2),
  floor: convert(type, base + 3),
  trunc: convert(type, base + 4),
  nearest: convert(type, base + 5),
  sqrt: convert(type, base + 6),
  add: arithmetic(type, base + 7),
  sub: arithmetic(type, base + 8),
  mul: arithmetic(type, base + 9),
  div: arithmetic(type, base + 10),
});

export const f32 = {
  ...floating("f32", 0x5b, 0x8b),
  demote_f64: convert("f32", 0xb6),
  reinterpret_i32: convert("f32", 0xbe),
  convert_i32_s: convert("f32", 0xb2),
  convert_i64_s: convert("f32", 0xb4),
} as const;

export const f64 = {
  ...floating("f64", 0x61, 0x99),
  promote_f32: convert("f64", 0xbb),
  reinterpret_i64: convert("f64", 0xbf),
  convert_i32_s: convert("f64", 0xb7),
  convert_i64_s: convert("f64", 0xb9),
} as const;

/** `condition ? a : b`, both evaluated. */
export const select = (a: Expr, b: Expr, condition: Expr): Expr => node(a.type, [0x1b], a, b, condition);

/** A SIMD instruction (opcode after the 0xfd prefix) with its immediate bytes. */
export const simd = (
  type: ValueType,
  opcode: number,
  args: readonly Expr[],
  immediates: readonly number[] = [],
): Expr => ({
  type,
  args,
  bytes: [0xfd, ...uleb(opcode), ...immediates],
});

export type Width = "i64" | "i32" | "s32" | "u32" | "u16" | "s16" | "u8" | "s8" | "f64" | "f32" | "v128";

const loads64: Record<string, number> = { i64: 0x29, s8: 0x30, u8: 0x31, s16: 0x32, u16: 0x33, s32: 0x34, u32: 0x35 };
const loads32: Record<string, number> = { i32: 0x28, s8: 0x2c, u8: 0x2d, s16: 0x2e, u16: 0x2f };

/** Loads and zero- or sign-extends to 64 bits (alignment is never assumed). */
export const load64 = (width: "i64" | "s32" | "u32" | "s16" | "u16" | "s8" | "u8", address: Expr, offset = 0): Expr =>
  node("i64", [loads64[width], 0, ...uleb(offset)], address);
/** Loads and extends to 32 bits. */
export const load32 = (width: "i32" | "s16" | "u16" | "s8" | "u8", address: Expr, offset = 0): Expr =>
  node("i32", [loads32[width], 0, ...uleb(offset)], address);
export const loadV128 = (address: Expr, offset = 0): Expr => node("v128", [0xfd, 0, 0, ...uleb(offset)], address);

/** A call through a table of a function of `type`'s index that returns one value. */
export const callIndirect = (type: ValueType, typeIndex: number, table: number, index: Expr, ...args: Expr[]): Expr =>
  node(type, [0x11, ...uleb(typeIndex), ...uleb(table)], ...args, index);
/** A direct call of function `index` that returns one value. */
export const call = (type: ValueType, index: number, ...args: Expr[]): Expr =>
  node(type, [0x10, ...uleb(index)], ...args);
