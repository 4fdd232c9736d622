/** Instructions that 64-bit mode does not have: decimal adjustments, BOUND, ARPL, SALC (AMD64 APM volume 3, chapter 3). */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Vector } from "../fault.ts";
import type { Tier } from "../tier.ts";
import { signExtend } from "./forms.ts";

const only32 = { not64: true } as const;

/**
 * DAA and DAS: the digits of AL are put right after an addition or subtraction. `borrows`: what of AL and the low digit's adjustment
 * sets CF beside the high digit's adjustment.
 */
function decimalAdjust(
  t: Tier,
  adjust: (value: Expr, by: Expr) => Expr,
  borrows: (al: Expr, aux: Expr) => Expr = () => c32(0),
): void {
  const al = t.let(i32.wrap(t.register(0, 1)));
  const aux = t.let(i32.or(i32.gt_u(i32.and(al, c32(15)), c32(9)), t.flags.aux()));
  const carry = t.let(i32.or(i32.gt_u(al, c32(0x99)), t.flags.carry()));
  const by = i32.add(i32.mul(aux, c32(6)), i32.mul(carry, c32(0x60)));
  const result = t.let(adjust(al, t.let(by)));
  const wide = t.let(signExtend(i64.extend_i32_u(result), 1));
  t.setRegister(0, wide, 1);
  t.flags.result(wide, t.let(i32.or(carry, borrows(al, aux))), c32(0), aux);
}
define("daa", "27", (t) => decimalAdjust(t, i32.add), only32);
define("das", "2F", (t) => decimalAdjust(t, i32.sub, (al, aux) => i32.and(aux, i32.lt_u(al, c32(6)))), only32);

function asciiAdjust(t: Tier, sign: 1 | -1): void {
  const ax = t.let(i32.wrap(t.register(0, 2)));
  const adjust = t.let(i32.or(i32.gt_u(i32.and(ax, c32(15)), c32(9)), t.flags.aux()));
  const moved = i32.add(ax, i32.mul(adjust, c32(sign * 0x106)));
  const result = t.let(i32.and(moved, c32(0xff0f)));
  t.setRegister(0, i64.extend_i32_u(result), 2);
  t.flags.result(t.let(signExtend(i64.extend_i32_u(result), 1)), adjust, c32(0), adjust);
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
    const value = t.let(i64.add(t.register(0, 1), i64.mul(t.highByte(0), t.read(base))));
    const low = t.let(i64.and(value, c64(0xff)));
    t.setRegister(0, low, 2);
    t.flags.logic(t.let(signExtend(low, 1)));
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
