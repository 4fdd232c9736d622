/**
 * BMI1, BMI2, LZCNT, ADX, MOVBE (AMD64 APM volume 3). Flags that the manual leaves undefined are as this processor (AMD Zen 5)
 * sets them.
 */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define, type Semantics } from "../definition.ts";
import { Vector } from "../fault.ts";
import type { Operand, Tier } from "../tier.ts";
import { highUnsigned } from "./arithmetic.ts";
import { byteSwap } from "./bit.ts";
import { signExtend } from "./forms.ts";

/** LZCNT, TZCNT: CF of a source of 0, ZF of a result of 0; of the others, which are undefined, OF is kept. */
function count(of: (t: Tier, value: Expr) => Expr): Semantics {
  return (t, destination, source) => {
    const value = t.read(source);
    const result = t.let(of(t, value));
    t.write(destination, result);
    const overflow = i32.shl(t.flags.overflow(), c32(11));
    t.flags.setImage(i32.or(i32.or(i64.eqz(value), overflow), i32.shl(i64.eqz(result), c32(6))));
  };
}
define(
  "tzcnt",
  "F3 0F BC Gv,Ev",
  count((t, value) => i64.ctz(t.size === 8 ? value : i64.or(value, c64(1n << BigInt(t.size * 8))))),
);
define(
  "lzcnt",
  "F3 0F BD Gv,Ev",
  count((t, value) => i64.sub(i64.clz(value), c64(64 - t.size * 8))),
);

/** Result with ZF, SF and PF of it and the given CF; OF and AF (undefined) are cleared. PF is undefined in the manual. */
function writeResult(t: Tier, destination: Operand, result: Expr, carry: Expr): void {
  const signed = t.let(signExtend(result, destination.size));
  const flag = t.let(carry);
  t.write(destination, signed);
  t.flags.result(signed, flag, c32(0));
}

define("andn", "VEX.128.NP.0F38 F2 Gy,By,Ey", (t, destination, inverted, source) => {
  const b = t.read(source);
  writeResult(t, destination, i64.and(i64.xor(t.read(inverted), c64(-1)), b), c32(0));
});
for (const [name, digit, effect, carry] of [
  ["blsr", 1, (x: Expr) => i64.and(x, i64.sub(x, c64(1))), (x: Expr) => i64.eqz(x)],
  ["blsmsk", 2, (x: Expr) => i64.xor(x, i64.sub(x, c64(1))), (x: Expr) => i64.eqz(x)],
  ["blsi", 3, (x: Expr) => i64.and(x, i64.sub(c64(0), x)), (x: Expr) => i32.eqz(i64.eqz(x))],
] as const) {
  define(name, `VEX.128.NP.0F38 F3 /${digit} By,Ey`, (t, destination, source) => {
    const value = t.read(source);
    writeResult(t, destination, effect(value), carry(value));
  });
}

/** The low `length` bits; all of them from the operand's width on. */
function lowBits(t: Tier, value: Expr, length: Expr): Expr {
  const n = t.let(length);
  const mask = i64.sub(i64.shl(c64(1), n), c64(1));
  const inside = i64.sub(c64(0), i64.extend_i32_u(i64.lt_u(n, c64(64))));
  // Beyond 63 the mask is all ones.
  return i64.and(value, i64.or(i64.and(mask, inside), i64.xor(inside, c64(-1))));
}
define("bextr", "VEX.128.NP.0F38 F7 Gy,Ey,By", (t, destination, source, control) => {
  const value = t.read(source);
  const where = t.read(control);
  const start = t.let(i64.and(where, c64(0xff)));
  const inside = i64.sub(c64(0), i64.extend_i32_u(i64.lt_u(start, c64(64))));
  const shifted = t.let(i64.and(i64.shr_u(value, start), inside));
  const result = t.let(lowBits(t, shifted, i64.and(i64.shr_u(where, c64(8)), c64(0xff))));
  t.write(destination, result);
  // ZF of the result; of the undefined ones AF is set, SF cleared, PF that of the result.
  const bits = destination.size === 8 ? result : i64.and(result, c64(0xffff_ffff));
  const odd = i32.and(i32.popcnt(i32.and(i32.wrap(result), c32(0xff))), c32(1));
  const parity = i32.shl(i32.xor(odd, c32(1)), c32(2));
  t.flags.setImage(i32.or(i32.or(c32(0x10), parity), i32.shl(i64.eqz(bits), c32(6))));
});
define("bzhi", "VEX.128.NP.0F38 F5 Gy,Ey,By", (t, destination, source, index) => {
  const value = t.read(source);
  const length = t.let(i64.and(t.read(index), c64(0xff)));
  const tooLong = i64.gt_u(length, c64(destination.size * 8 - 1));
  writeResult(t, destination, lowBits(t, value, length), t.let(tooLong));
});

for (const [name, prefix, shift] of [
  ["sarx", "F3", i64.shr_s],
  ["shlx", "66", i64.shl],
  ["shrx", "F2", i64.shr_u],
] as const) {
  define(name, `VEX.128.${prefix}.0F38 F7 Gy,Ey,By`, (t, destination, source, amount) => {
    const value = name === "sarx" ? t.readSigned(source) : t.read(source);
    t.write(destination, shift(value, i64.and(t.read(amount), c64(destination.size * 8 - 1))));
  });
}
define("rorx", "VEX.128.F2.0F3A F0 Gy,Ey,Ib", (t, destination, source, amount) => {
  const value = t.read(source);
  if (destination.size === 8) t.write(destination, i64.rotr(value, t.read(amount)));
  else t.write(destination, i64.extend_i32_u(i32.rotr(i32.wrap(value), i32.wrap(t.read(amount)))));
});
define("mulx", "VEX.128.F2.0F38 F6 Gy,By,Ey", (t, high, low, source) => {
  const { size } = high;
  const b = t.read(source);
  const a = t.let(t.register(2, size));
  const product = t.let(i64.mul(a, b));
  const upper = size === 8 ? highUnsigned(t, a, b) : t.let(i64.shr_u(product, c64(32)));
  // If both are the same register it gets the high half.
  t.write(low, product);
  t.write(high, upper);
});

/**
 * Bits of a mask moved together or apart in six steps, each by a power of two (Hacker's Delight, 7-4 and 7-5): `moves[i]` are
 * the bits that step i moves by 2^i.
 */
function compressionMoves(t: Tier, mask: Expr): Expr[] {
  const moves: Expr[] = [];
  let m = mask;
  let zerosBelow = t.let(i64.shl(i64.xor(mask, c64(-1)), c64(1)));
  for (let i = 0; i < 6; i++) {
    let odd = zerosBelow;
    for (let distance = 1; distance < 64; distance *= 2) odd = t.let(i64.xor(odd, i64.shl(odd, c64(distance))));
    const move = t.let(i64.and(odd, m));
    moves.push(move);
    m = t.let(i64.or(i64.xor(m, move), i64.shr_u(move, c64(1 << i))));
    zerosBelow = t.let(i64.and(zerosBelow, i64.xor(odd, c64(-1))));
  }
  return moves;
}
define("pext", "VEX.128.F3.0F38 F5 Gy,By,Ey", (t, destination, source, maskOperand) => {
  const mask = t.read(maskOperand);
  let x = t.let(i64.and(t.read(source), mask));
  compressionMoves(t, mask).forEach((move, i) => {
    const moving = t.let(i64.and(x, move));
    x = t.let(i64.or(i64.xor(x, moving), i64.shr_u(moving, c64(1 << i))));
  });
  t.write(destination, x);
});
define("pdep", "VEX.128.F2.0F38 F5 Gy,By,Ey", (t, destination, source, maskOperand) => {
  const mask = t.read(maskOperand);
  let x = t.read(source);
  const moves = compressionMoves(t, mask);
  for (let i = 5; i >= 0; i--) {
    const moved = i64.shl(x, c64(1 << i));
    x = t.let(i64.or(i64.and(x, i64.xor(moves[i], c64(-1))), i64.and(moved, moves[i])));
  }
  t.write(destination, i64.and(x, mask));
});

// Additions with CF or OF alone.
for (const [name, prefix, overflow] of [
  ["adcx", "66", false],
  ["adox", "F3", true],
] as const) {
  define(name, `${prefix} 0F 38 F6 Gy,Ey`, (t, destination, source) => {
    const b = t.read(source);
    const a = t.read(destination);
    const carryIn = i64.extend_i32_u(overflow ? t.flags.overflow() : t.flags.carry());
    const sum = t.let(i64.add(i64.add(a, b), carryIn));
    const carries = i64.or(i64.and(a, b), i64.and(i64.or(a, b), i64.xor(sum, c64(-1))));
    const carry = t.let(i32.wrap(i64.and(i64.shr_u(carries, c64(destination.size * 8 - 1)), c64(1))));
    t.write(destination, sum);
    if (overflow) t.flags.setCarryAndOverflow(t.flags.carry(), carry);
    else t.flags.setCarry(carry);
  });
}

define("movbe", "0F 38 F0 Gv,Mv", (t, destination, source) => t.write(destination, byteSwap(t, t.read(source))));
define("movbe", "0F 38 F1 Mv,Gv", (t, destination, source) => t.write(destination, byteSwap(t, t.read(source))));
// F3 makes no MOVBE.
define("ud", ["F3 0F 38 F0 Gv,Mv", "F3 0F 38 F1 Mv,Gv"], (t) => t.raise(Vector.UD), { ends: true });
