/** Rows and expressions that several families of instructions share. */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { type Attributes, define, type Semantics } from "../definition.ts";
import { Vector } from "../fault.ts";
import { addressOf } from "../state.ts";
import type { Tier } from "../tier.ts";

/** Defines one of the eight classical two-operand instructions: nine forms, and 82, which is 80 once more outside 64-bit mode. */
export function defineAlu(name: string, index: number, semantics: Semantics, attributes: Attributes = {}): void {
  const opcode = (low: number): string => (index * 8 + low).toString(16).toUpperCase().padStart(2, "0");
  const rows = [
    `${opcode(0)} Eb,Gb`,
    `${opcode(1)} Ev,Gv`,
    `${opcode(2)} Gb,Eb`,
    `${opcode(3)} Gv,Ev`,
    `${opcode(4)} AL,Ib`,
    `${opcode(5)} rAX,Iz`,
    `80 /${index} Eb,Ib`,
    `81 /${index} Ev,Iz`,
    `83 /${index} Ev,Ibs`,
  ];
  define(name, rows, semantics, attributes);
  define(name, `82 /${index} Eb,Ib`, semantics, { ...attributes, not64: true });
}

/** Sign-extends the low `size` bytes to 64 bits. */
export function signExtend(value: Expr, size: number): Expr {
  if (size === 8) return value;
  return size === 4 ? i64.extend32_s(value) : size === 2 ? i64.extend16_s(value) : i64.extend8_s(value);
}

/** Zero-extends the low `size` bytes to 64 bits. */
export function zeroExtend(value: Expr, size: number): Expr {
  return size === 8 ? value : i64.and(value, c64((1n << BigInt(size * 8)) - 1n));
}

/** #UD unless the operating system has switched it on. */
export function requireCr4(t: Tier, bit: number): void {
  t.raiseIf(i32.eqz(i32.and(t.field("i32", addressOf("cr4")), c32(bit))), Vector.UD);
}
