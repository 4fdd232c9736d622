/**
 * Shifts and rotates (AMD64 APM volume 3, chapter 3). A count of 0 changes no flag. OF is defined for a count of 1; for others
 * this processor computes it by the same rule from the last step. AF is undefined; shifts set it.
 */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import type { Operand, Tier } from "../tier.ts";
import { signExtend, zeroExtend } from "./forms.ts";

const rows = (digit: number): string[] => [
  `C0 /${digit} Eb,Ib`,
  `C1 /${digit} Ev,Ib`,
  `D0 /${digit} Eb,1`,
  `D1 /${digit} Ev,1`,
  `D2 /${digit} Eb,CL`,
  `D3 /${digit} Ev,CL`,
];

/** The count, masked as the processor does: i64. */
function countOf(t: Tier, count: Operand, size: number): Expr {
  return t.let(i64.and(t.read(count), c64(size === 8 ? 63 : 31)));
}
const bitAt = (value: Expr, position: Expr): Expr => i32.wrap(i64.and(i64.shr_u(value, position), c64(1)));
const topBit = (value: Expr, size: number): Expr => bitAt(value, c64(size * 8 - 1));
const whenShifted = (t: Tier, count: Expr, body: () => void): void => t.if(i32.eqz(i64.eqz(count)), body);

for (const digit of [4, 6])
  define("shl", rows(digit), (t, destination, amount) => {
    const { size } = destination;
    const value = t.readForWrite(destination);
    const count = countOf(t, amount, size);
    const result = t.let(i64.shl(value, count));
    t.write(destination, result);
    whenShifted(t, count, () => {
      // The bit shifted out last. Shifting further left than the operand is wide shifts out zeros.
      const last = i64.shl(value, i64.sub(count, c64(1)));
      const carry = t.let(topBit(last, size));
      const signed = t.let(signExtend(result, size));
      t.flags.result(signed, carry, i32.xor(carry, topBit(result, size)), c32(1));
    });
  });

define("shr", rows(5), (t, destination, amount) => {
  const { size } = destination;
  const value = t.readForWrite(destination);
  const count = countOf(t, amount, size);
  const result = t.let(i64.shr_u(value, count));
  t.write(destination, result);
  whenShifted(t, count, () => {
    const last = t.let(i64.shr_u(value, i64.sub(count, c64(1))));
    const carry = t.let(i32.wrap(i64.and(last, c64(1))));
    // The top bit before the last step.
    t.flags.result(t.let(signExtend(result, size)), carry, topBit(last, size), c32(1));
  });
});

define("sar", rows(7), (t, destination, amount) => {
  const { size } = destination;
  const value = t.readForWriteSigned(destination);
  const count = countOf(t, amount, size);
  const result = t.let(i64.shr_s(value, count));
  t.write(destination, result);
  whenShifted(t, count, () => {
    const carry = t.let(i32.wrap(i64.and(i64.shr_s(value, i64.sub(count, c64(1))), c64(1))));
    t.flags.result(t.let(signExtend(result, size)), carry, c32(0), c32(1));
  });
});

/** Value rotated left by 0 to width-1 bits, zero-extended. */
function rotateLeft(value: Expr, count: Expr, size: number): Expr {
  if (size === 8) return i64.rotl(value, count);
  const bits = c64(size * 8);
  return zeroExtend(i64.or(i64.shl(value, count), i64.shr_u(value, i64.sub(bits, count))), size);
}

define("rol", rows(0), (t, destination, amount) => {
  const { size } = destination;
  const value = t.readForWrite(destination);
  const count = countOf(t, amount, size);
  const result = t.let(rotateLeft(value, i64.and(count, c64(size * 8 - 1)), size));
  t.write(destination, result);
  whenShifted(t, count, () => {
    const carry = t.let(bitAt(result, c64(0)));
    t.flags.setCarryAndOverflow(carry, i32.xor(carry, topBit(result, size)));
  });
});

define("ror", rows(1), (t, destination, amount) => {
  const { size } = destination;
  const value = t.readForWrite(destination);
  const count = countOf(t, amount, size);
  const left = i64.and(i64.sub(c64(size * 8), count), c64(size * 8 - 1));
  const result = t.let(rotateLeft(value, t.let(left), size));
  t.write(destination, result);
  whenShifted(t, count, () => {
    const carry = t.let(topBit(result, size));
    t.flags.setCarryAndOverflow(carry, i32.xor(carry, bitAt(result, c64(size * 8 - 2))));
  });
});

/** Count of a rotation through carry: modulo the width and one. */
function countThroughCarry(t: Tier, count: Expr, size: number): Expr {
  return size >= 4 ? count : t.let(i64.rem_u(count, c64(size * 8 + 1)));
}

define("rcl", rows(2), (t, destination, amount) => {
  const { size } = destination;
  const bits = size * 8;
  const value = t.readForWrite(destination);
  const masked = countOf(t, amount, size);
  const count = countThroughCarry(t, masked, size);
  const carryIn = i64.extend_i32_u(t.flags.carry());
  const result = t.variable(value);
  const carry = t.variable(carryIn);
  t.if(i32.eqz(i64.eqz(count)), () => {
    const before = t.let(i64.sub(count, c64(1)));
    // value << count, the carry below it, then what was shifted out. A shift by the full width is done in two steps.
    const high = i64.or(i64.shl(i64.shl(value, before), c64(1)), i64.shl(carryIn, before));
    const low = i64.shr_u(i64.shr_u(value, c64(1)), i64.sub(c64(bits - 1), before));
    const rest = t.let(low);
    t.assign(result, i64.or(high, i64.shr_u(rest, c64(0))));
    t.assign(carry, i64.and(i64.shr_u(value, i64.sub(c64(bits), count)), c64(1)));
    t.assign(result, zeroExtend(result, size));
  });
  t.write(destination, result);
  whenShifted(t, masked, () => {
    const c = t.let(i32.wrap(carry));
    t.flags.setCarryAndOverflow(c, i32.xor(c, topBit(result, size)));
  });
});

define("rcr", rows(3), (t, destination, amount) => {
  const { size } = destination;
  const bits = size * 8;
  const value = t.readForWrite(destination);
  const masked = countOf(t, amount, size);
  const count = countThroughCarry(t, masked, size);
  const carryIn = i64.extend_i32_u(t.flags.carry());
  const result = t.variable(value);
  const carry = t.variable(carryIn);
  t.if(i32.eqz(i64.eqz(count)), () => {
    const before = t.let(i64.sub(count, c64(1)));
    const low = i64.shr_u(i64.shr_u(value, before), c64(1));
    const middle = i64.shl(carryIn, i64.sub(c64(bits), count));
    const high = i64.shl(i64.shl(value, c64(1)), i64.sub(c64(bits), count));
    t.assign(result, zeroExtend(i64.or(i64.or(low, middle), high), size));
    t.assign(carry, i64.and(i64.shr_u(value, before), c64(1)));
  });
  t.write(destination, result);
  whenShifted(t, masked, () => {
    const c = t.let(i32.wrap(carry));
    t.flags.setCarryAndOverflow(c, i32.xor(topBit(result, size), bitAt(result, c64(bits - 2))));
  });
});

// Double shifts. With 16-bit operands and counts above 16 the result is undefined: this processor shifts in
// the source twice, next to the destination.

/** CF is 0 after such a count. */
const carryOfDoubleShift = (size: number, carry: Expr, count: Expr): Expr =>
  size === 2 ? i32.and(i32.wrap(carry), i64.le_u(count, c64(16))) : i32.wrap(carry);

define("shld", ["0F A4 Ev,Gv,Ib", "0F A5 Ev,Gv,CL"], (t, destination, source, amount) => {
  const { size } = destination;
  const value = t.readForWrite(destination);
  const filler = t.read(source);
  const count = countOf(t, amount, size);
  const result = t.variable(value);
  const carry = t.variable(c64(0));
  // The last bit of the destination that reaches the top: OF does not look at what was shifted in.
  const top = t.variable(c64(0));
  whenShifted(t, count, () => {
    if (size === 8) {
      const rest = i64.shr_u(i64.shr_u(filler, c64(1)), i64.sub(c64(63), count));
      t.assign(result, i64.or(i64.shl(value, count), rest));
      t.assign(carry, i64.and(i64.shr_u(value, i64.sub(c64(64), count)), c64(1)));
    } else if (size === 4) {
      const whole = t.let(i64.or(i64.shl(value, c64(32)), filler));
      t.assign(result, i64.shr_u(i64.shl(whole, count), c64(32)));
      t.assign(carry, i64.and(i64.shr_u(value, i64.sub(c64(32), count)), c64(1)));
    } else {
      const whole = t.let(i64.or(i64.or(i64.shl(value, c64(32)), i64.shl(filler, c64(16))), filler));
      t.assign(result, zeroExtend(i64.shr_u(i64.shl(whole, count), c64(32)), 2));
      t.assign(carry, i64.and(i64.shr_u(whole, i64.sub(c64(48), count)), c64(1)));
      t.assign(top, i64.and(i64.shr_u(i64.shl(value, count), c64(15)), c64(1)));
    }
  });
  t.write(destination, result);
  whenShifted(t, count, () => {
    const carryOut = t.let(carryOfDoubleShift(size, carry, count));
    const overflow = i32.xor(carryOut, size === 2 ? i32.wrap(top) : topBit(result, size));
    t.flags.result(t.let(signExtend(result, size)), carryOut, overflow, c32(1));
  });
});

define("shrd", ["0F AC Ev,Gv,Ib", "0F AD Ev,Gv,CL"], (t, destination, source, amount) => {
  const { size } = destination;
  const bits = size * 8;
  const value = t.readForWrite(destination);
  const filler = t.read(source);
  const count = countOf(t, amount, size);
  const result = t.variable(value);
  const carry = t.variable(c64(0));
  whenShifted(t, count, () => {
    if (size === 8) {
      const rest = i64.shl(i64.shl(filler, c64(1)), i64.sub(c64(63), count));
      t.assign(result, i64.or(i64.shr_u(value, count), rest));
      t.assign(carry, i64.and(i64.shr_u(value, i64.sub(count, c64(1))), c64(1)));
    } else {
      const whole = t.let(
        size === 4
          ? i64.or(i64.shl(filler, c64(32)), value)
          : i64.or(i64.or(i64.shl(filler, c64(32)), i64.shl(filler, c64(16))), value),
      );
      t.assign(result, zeroExtend(i64.shr_u(whole, count), size));
      t.assign(carry, i64.and(i64.shr_u(whole, i64.sub(count, c64(1))), c64(1)));
    }
  });
  t.write(destination, result);
  whenShifted(t, count, () => {
    const carryOut = carryOfDoubleShift(size, carry, count);
    const overflow = i32.xor(topBit(result, size), bitAt(result, c64(bits - 2)));
    t.flags.result(t.let(signExtend(result, size)), carryOut, overflow, c32(1));
  });
});
