/** Addition, subtraction, comparison, multiplication, division (AMD64 APM volume 3, chapter 3). */
import { c32, c64, type Expr, i32, i64, select } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { Vector } from "../fault.ts";
import { Flag } from "../state.ts";
import type { Tier } from "../tier.ts";
import { defineAlu, signExtend } from "./forms.ts";

defineAlu(
  "add",
  0,
  (t, destination, source) => {
    const a = t.readForWriteSigned(destination);
    const b = t.readSigned(source);
    const sum = t.let(signExtend(i64.add(a, b), destination.size));
    t.write(destination, sum);
    t.flags.add(a, b, sum, destination.size);
  },
  { lock: true },
);

defineAlu(
  "adc",
  2,
  (t, destination, source) => {
    const a = t.readForWriteSigned(destination);
    const b = t.readSigned(source);
    const carry = i64.extend_i32_u(t.flags.carry());
    const sum = t.let(signExtend(i64.add(i64.add(a, b), carry), destination.size));
    t.write(destination, sum);
    t.flags.add(a, b, sum, destination.size);
  },
  { lock: true },
);

defineAlu(
  "sbb",
  3,
  (t, destination, source) => {
    const a = t.readForWriteSigned(destination);
    const b = t.readSigned(source);
    const borrow = i64.extend_i32_u(t.flags.carry());
    const difference = t.let(signExtend(i64.sub(i64.sub(a, b), borrow), destination.size));
    t.write(destination, difference);
    t.flags.sub(a, b, difference, destination.size);
  },
  { lock: true },
);

defineAlu(
  "sub",
  5,
  (t, destination, source) => {
    const a = t.readForWriteSigned(destination);
    const b = t.readSigned(source);
    const difference = t.let(signExtend(i64.sub(a, b), destination.size));
    t.write(destination, difference);
    t.flags.sub(a, b, difference, destination.size);
  },
  { lock: true },
);

defineAlu("cmp", 7, (t, left, right) => {
  const a = t.readSigned(left);
  const b = t.readSigned(right);
  t.flags.sub(a, b, t.let(signExtend(i64.sub(a, b), left.size)), left.size);
});

define(
  "inc",
  ["FE /0 Eb", "FF /0 Ev"],
  (t, destination) => {
    const old = t.readForWriteSigned(destination);
    const sum = t.let(signExtend(i64.add(old, c64(1)), destination.size));
    t.write(destination, sum);
    t.flags.increment(old, sum);
  },
  { lock: true },
);

define(
  "inc",
  ["40+r Zv"],
  (t, destination) => {
    const old = t.readSigned(destination);
    const sum = t.let(signExtend(i64.add(old, c64(1)), destination.size));
    t.write(destination, sum);
    t.flags.increment(old, sum);
  },
  { not64: true },
);

define(
  "dec",
  ["FE /1 Eb", "FF /1 Ev"],
  (t, destination) => {
    const old = t.readForWriteSigned(destination);
    const difference = t.let(signExtend(i64.sub(old, c64(1)), destination.size));
    t.write(destination, difference);
    t.flags.decrement(old, difference);
  },
  { lock: true },
);

define(
  "dec",
  ["48+r Zv"],
  (t, destination) => {
    const old = t.readSigned(destination);
    const difference = t.let(signExtend(i64.sub(old, c64(1)), destination.size));
    t.write(destination, difference);
    t.flags.decrement(old, difference);
  },
  { not64: true },
);

define(
  "neg",
  ["F6 /3 Eb", "F7 /3 Ev"],
  (t, destination) => {
    const old = t.readForWriteSigned(destination);
    const result = t.let(signExtend(i64.sub(c64(0), old), destination.size));
    t.write(destination, result);
    t.flags.sub(c64(0), old, result, destination.size);
  },
  { lock: true },
);

define(
  "xadd",
  ["0F C0 Eb,Gb", "0F C1 Ev,Gv"],
  (t, destination, source) => {
    const a = t.readForWriteSigned(destination);
    const b = t.readSigned(source);
    const sum = t.let(signExtend(i64.add(a, b), destination.size));
    // The register first: if both are the same, the sum stays.
    if (destination.kind === "memory") t.write(destination, sum);
    t.write(source, a);
    if (destination.kind !== "memory") t.write(destination, sum);
    t.flags.add(a, b, sum, destination.size);
  },
  { lock: true },
);

define(
  "cmpxchg",
  ["0F B0 Eb,Gb", "0F B1 Ev,Gv"],
  (t, destination, source) => {
    const { size } = destination;
    const old = t.readForWriteSigned(destination);
    const wanted = t.let(signExtend(t.register(0, size), size));
    const value = t.read(source);
    const equal = t.let(i64.eq(old, wanted));
    if (destination.kind === "memory") {
      // Memory is written either way; rAX changes only on a mismatch.
      const written = t.variable(value);
      t.if(i32.eqz(equal), () => t.assign(written, old));
      t.write(destination, written);
      t.if(i32.eqz(equal), () => t.setRegister(0, old, size));
    } else
      t.if(
        equal,
        () => t.write(destination, value),
        () => t.setRegister(0, old, size),
      );
    t.flags.sub(wanted, old, t.let(signExtend(i64.sub(wanted, old), size)), size);
  },
  { lock: true },
);

define(
  "cmpxchg8b",
  "0F C7 /1 Mn",
  (t, destination) => {
    const address = t.linearAddress(destination);
    if (t.size !== 8) {
      // Eight bytes are one access.
      const pair = (high: number, low: number): Expr =>
        i64.or(i64.shl(t.register(high, 4), c64(32)), t.register(low, 4));
      const wanted = t.let(pair(2, 0));
      const replacement = t.let(pair(1, 3));
      const old = t.modify(address, 8, (value) => select(replacement, value, i64.eq(value, wanted)));
      const same = t.let(i64.eq(old, wanted));
      t.if(i32.eqz(same), () => {
        t.setRegister(0, old, 4);
        t.setRegister(2, i64.shr_u(old, c64(32)), 4);
      });
      t.flags.setZero(same);
      return;
    }
    const half = 8;
    t.raiseIf(i32.and(i32.wrap(address), c32(15)), Vector.GP, 0);
    // Both halves must be writable before anything is written.
    t.call("probeWrite", address, c64(half * 2));
    const low = t.load(address, half);
    const highAddress = t.let(i64.add(address, c64(half)));
    const high = t.load(highAddress, half);
    const lowDifference = i64.xor(low, t.register(0, half));
    const highDifference = i64.xor(high, t.register(2, half));
    const equal = t.let(i64.eqz(i64.or(lowDifference, highDifference)));
    const newLow = t.variable(low);
    const newHigh = t.variable(high);
    t.if(equal, () => {
      t.assign(newLow, t.register(3, half));
      t.assign(newHigh, t.register(1, half));
    });
    t.store(address, half, newLow);
    t.store(highAddress, half, newHigh);
    t.if(i32.eqz(equal), () => {
      t.setRegister(0, low, half);
      t.setRegister(2, high, half);
    });
    t.flags.setZero(equal);
  },
  { lock: true },
);

/**
 * CF and OF: the product does not fit. The others are undefined; this processor leaves them unchanged.
 */
function flagsOfProduct(t: Tier, overflows: Expr): void {
  const overflow = t.let(overflows);
  t.flags.setCarryAndOverflow(overflow, overflow);
}

/** High half of an unsigned 64 x 64 bit product, from 32-bit parts. */
export function highUnsigned(t: Tier, a: Expr, b: Expr): Expr {
  const low = (x: Expr): Expr => i64.and(x, c64(0xffff_ffffn));
  const high = (x: Expr): Expr => i64.shr_u(x, c64(32));
  const ll = t.let(i64.mul(low(a), low(b)));
  const hl = t.let(i64.mul(high(a), low(b)));
  const lh = t.let(i64.mul(low(a), high(b)));
  const hh = i64.mul(high(a), high(b));
  const middle = t.let(i64.add(i64.add(high(ll), low(hl)), low(lh)));
  return t.let(i64.add(i64.add(hh, high(hl)), i64.add(high(lh), high(middle))));
}
function highSigned(t: Tier, a: Expr, b: Expr): Expr {
  const unsigned = highUnsigned(t, a, b);
  const correction = i64.add(i64.and(i64.shr_s(a, c64(63)), b), i64.and(i64.shr_s(b, c64(63)), a));
  return t.let(i64.sub(unsigned, correction));
}

/** Writes the double-width product of rAX to AX or rDX:rAX. */
function writeProduct(t: Tier, size: number, low: Expr, high: Expr): void {
  if (size === 1) t.setRegister(0, low, 2);
  else {
    t.setRegister(0, low, size);
    t.setRegister(2, high, size);
  }
}

define("mul", ["F6 /4 Eb", "F7 /4 Ev"], (t, source) => {
  const { size } = source;
  const a = t.let(t.register(0, size));
  const b = t.read(source);
  const product = t.let(i64.mul(a, b));
  const high = size === 8 ? highUnsigned(t, a, b) : t.let(i64.shr_u(product, c64(size * 8)));
  writeProduct(t, size, product, high);
  flagsOfProduct(t, i64.ne(high, c64(0)));
});

define("imul", ["F6 /5 Eb", "F7 /5 Ev"], (t, source) => {
  const { size } = source;
  const a = t.let(signExtend(t.register(0, size), size));
  const b = t.readSigned(source);
  const product = t.let(i64.mul(a, b));
  const high = size === 8 ? highSigned(t, a, b) : t.let(i64.shr_s(product, c64(size * 8)));
  writeProduct(t, size, product, high);
  const fits = size === 8 ? i64.eq(high, i64.shr_s(product, c64(63))) : i64.eq(signExtend(product, size), product);
  flagsOfProduct(t, i32.eqz(fits));
});

function multiplySigned(t: Tier, size: number, a: Expr, b: Expr): { product: Expr; overflow: Expr } {
  const product = t.let(i64.mul(a, b));
  const fits =
    size === 8 ? i64.eq(highSigned(t, a, b), i64.shr_s(product, c64(63))) : i64.eq(signExtend(product, size), product);
  return { product, overflow: t.let(i32.eqz(fits)) };
}

define("imul", "0F AF Gv,Ev", (t, destination, source) => {
  const { product, overflow } = multiplySigned(t, t.size, t.readSigned(destination), t.readSigned(source));
  t.write(destination, product);
  flagsOfProduct(t, overflow);
});

define("imul", ["69 Gv,Ev,Iz", "6B Gv,Ev,Ibs"], (t, destination, source, factor) => {
  const { product, overflow } = multiplySigned(t, t.size, t.readSigned(source), t.readSigned(factor));
  t.write(destination, product);
  flagsOfProduct(t, overflow);
});

/** Flags after a division are undefined: this processor sets AF, clears SF, ZF and PF, and keeps CF and OF. */
function flagsOfDivision(t: Tier): void {
  const kept = i32.and(t.flags.image(), c32(Flag.CF | Flag.OF));
  t.flags.setImage(i32.or(kept, c32(Flag.AF)));
}

define("div", ["F6 /6 Eb", "F7 /6 Ev"], (t, source) => {
  const { size } = source;
  const divisor = t.read(source);
  t.raiseIf(i64.eqz(divisor), Vector.DE);
  if (size === 8) {
    const high = t.let(t.register(2, 8));
    t.raiseIf(i64.ge_u(high, divisor), Vector.DE);
    t.if(
      i64.eqz(high),
      () => {
        const dividend = t.let(t.register(0, 8));
        t.setRegister(0, i64.div_u(dividend, divisor), 8);
        t.setRegister(2, i64.rem_u(dividend, divisor), 8);
      },
      () => {
        t.call("divideUnsigned128", divisor);
        t.setRegister(0, t.result(0), 8);
        t.setRegister(2, t.result(1), 8);
      },
    );
    flagsOfDivision(t);
    return;
  }
  const bits = c64(size * 8);
  const dividend = t.let(
    size === 1 ? t.register(0, 2) : i64.or(i64.shl(t.register(2, size), bits), t.register(0, size)),
  );
  const quotient = t.let(i64.div_u(dividend, divisor));
  t.raiseIf(i64.ne(i64.shr_u(quotient, bits), c64(0)), Vector.DE);
  const remainder = t.let(i64.rem_u(dividend, divisor));
  if (size === 1) {
    t.setRegister(0, quotient, 1);
    t.setHighByte(0, remainder);
  } else {
    t.setRegister(0, quotient, size);
    t.setRegister(2, remainder, size);
  }
  flagsOfDivision(t);
});

define("idiv", ["F6 /7 Eb", "F7 /7 Ev"], (t, source) => {
  const { size } = source;
  const divisor = t.readSigned(source);
  t.raiseIf(i64.eqz(divisor), Vector.DE);
  if (size === 8) {
    const low = t.let(t.register(0, 8));
    // A dividend of 64 bits, but for the one whose quotient WebAssembly traps on.
    const narrow = i64.eq(t.register(2, 8), i64.shr_s(low, c64(63)));
    const safe = i32.eqz(i32.and(i64.eq(low, c64(-(1n << 63n))), i64.eq(divisor, c64(-1))));
    t.if(
      i32.and(narrow, safe),
      () => {
        t.setRegister(0, i64.div_s(low, divisor), 8);
        t.setRegister(2, i64.rem_s(low, divisor), 8);
      },
      () => {
        t.call("divideSigned128", divisor);
        t.setRegister(0, t.result(0), 8);
        t.setRegister(2, t.result(1), 8);
      },
    );
    flagsOfDivision(t);
    return;
  }
  const bits = c64(size * 8);
  const dividend = t.let(
    size === 1
      ? signExtend(t.register(0, 2), 2)
      : signExtend(i64.or(i64.shl(t.register(2, size), bits), t.register(0, size)), size * 2),
  );
  // The one quotient that WebAssembly traps on does not fit anyway.
  const overflows = i32.and(i64.eq(dividend, c64(-(1n << 63n))), i64.eq(divisor, c64(-1)));
  t.raiseIf(overflows, Vector.DE);
  const quotient = t.let(i64.div_s(dividend, divisor));
  t.raiseIf(i64.ne(signExtend(quotient, size), quotient), Vector.DE);
  const remainder = t.let(i64.rem_s(dividend, divisor));
  if (size === 1) {
    t.setRegister(0, quotient, 1);
    t.setHighByte(0, remainder);
  } else {
    t.setRegister(0, quotient, size);
    t.setRegister(2, remainder, size);
  }
  flagsOfDivision(t);
});
