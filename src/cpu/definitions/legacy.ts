/** Instructions that 64-bit mode does not have: decimal adjustments, BOUND, ARPL, SALC (AMD64 APM volume 3, chapter 3). */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Vector } from "../fault.ts";
import type { Tier } from "../tier.ts";
import { signExtend } from "./forms.ts";

const only32 = { not64: true } as const;

/** Signed overflow of a sum or difference of bytes; of AAA and its like the manuals leave OF undefined, AMD processors set it so. */
function byteOverflow(a: Expr, b: Expr, result: Expr, subtracts: boolean): Expr {
  const change = i32.and(i32.xor(a, result), subtracts ? i32.xor(a, b) : i32.xor(b, result));
  return i32.and(i32.shr_u(change, c32(7)), c32(1));
}

/**
 * DAA and DAS: the digits of AL are put right after an addition or subtraction. `borrows`: what of AL and the low digit's adjustment
 * sets CF beside the high digit's adjustment.
 */
function decimalAdjust(t: Tier, subtracts: boolean, borrows: (al: Expr, aux: Expr) => Expr = () => c32(0)): void {
  const al = t.let(i32.wrap(t.register(0, 1)));
  const aux = t.let(i32.or(i32.gt_u(i32.and(al, c32(15)), c32(9)), t.flags.aux()));
  const carry = t.let(i32.or(i32.gt_u(al, c32(0x99)), t.flags.carry()));
  const by = t.let(i32.add(i32.mul(aux, c32(6)), i32.mul(carry, c32(0x60))));
  const result = t.let(subtracts ? i32.sub(al, by) : i32.add(al, by));
  const wide = t.let(signExtend(i64.extend_i32_u(result), 1));
  t.setRegister(0, wide, 1);
  t.flags.result(wide, t.let(i32.or(carry, borrows(al, aux))), t.let(byteOverflow(al, by, result, subtracts)), aux);
}
define("daa", "27", (t) => decimalAdjust(t, false), only32);
define("das", "2F", (t) => decimalAdjust(t, true, (al, aux) => i32.and(aux, i32.lt_u(al, c32(6)))), only32);

function asciiAdjust(t: Tier, sign: 1 | -1): void {
  const ax = t.let(signExtend(t.register(0, 2), 2));
  const adjust = t.let(i32.or(i32.gt_u(i32.and(i32.wrap(ax), c32(15)), c32(9)), t.flags.aux()));
  const by = t.let(i64.mul(i64.extend_i32_u(adjust), c64(0x106)));
  const sum = t.let(signExtend(sign > 0 ? i64.add(ax, by) : i64.sub(ax, by), 2));
  t.setRegister(0, i64.and(sum, c64(0xff0f)), 2);
  // OF, SF, ZF and PF, which the manuals leave undefined, are those of the addition to AX.
  const change = i64.and(i64.xor(ax, sum), sign > 0 ? i64.xor(by, sum) : i64.xor(ax, by));
  const overflow = t.let(i32.and(i32.wrap(i64.shr_u(change, c64(15))), c32(1)));
  t.flags.result(sum, adjust, overflow, adjust);
}
define("aaa", "37", (t) => asciiAdjust(t, 1), only32);
define("aas", "3F", (t) => asciiAdjust(t, -1), only32);

define(
  "aam",
  "D4 Ib",
  (t, base) => {
    const divisor = t.read(base);
    t.raiseIf(i64.eqz(divisor), Vector.DE);
    const al = t.let(t.register(0, 1));
    const low = t.let(i64.rem_u(al, divisor));
    t.setHighByte(0, t.let(i64.div_u(al, divisor)));
    t.setRegister(0, low, 1);
    t.flags.logic(t.let(signExtend(low, 1)));
  },
  only32,
);
define(
  "aad",
  "D5 Ib",
  (t, base) => {
    const al = t.let(signExtend(t.register(0, 1), 1));
    const tens = t.let(signExtend(i64.mul(t.highByte(0), t.read(base)), 1));
    const sum = t.let(signExtend(i64.add(al, tens), 1));
    t.setRegister(0, i64.and(sum, c64(0xff)), 2);
    // CF, AF and OF are undefined in the manuals; AMD processors set them as the addition of bytes does.
    t.flags.add(tens, al, sum, 1);
  },
  only32,
);

define(
  "salc",
  "D6",
  (t) => {
    t.setRegister(0, i64.sub(c64(0), i64.extend_i32_u(t.flags.carry())), 1);
  },
  only32,
);

define(
  "bound",
  "62 Gv,Ma",
  (t, index, bounds) => {
    const address = t.linearAddress(bounds);
    const value = t.readSigned(index);
    const lower = t.load(address, t.size, true);
    const upper = t.load(t.let(i64.add(address, c64(t.size))), t.size, true);
    t.raiseIf(i32.or(i64.lt_s(value, lower), i64.gt_s(value, upper)), Vector.BR);
  },
  only32,
);

define(
  "arpl",
  "63 Ew,Gw",
  (t, destination, source) => {
    // Memory is written, and must be writable, only if it changes.
    const old = t.read(destination);
    const wanted = t.let(i64.and(t.read(source), c64(3)));
    const lower = t.let(i64.lt_u(i64.and(old, c64(3)), wanted));
    t.if(lower, () => t.write(destination, i64.or(i64.and(old, c64(0xfffc)), wanted)));
    t.flags.setZero(lower);
  },
  { not64: true, protectedOnly: true },
);
