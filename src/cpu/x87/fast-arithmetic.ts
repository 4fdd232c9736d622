/**
 * Exact arithmetic on two normal numbers or zeros in the x87's format, as WebAssembly functions: what fast.ts is made of. A value is its
 * significand (i64) and its sign and exponent (i32, as the upper 16 bits of a register). An answer is 0 where the case is not one of
 * these, or an exception would stop the instruction; else sign and exponent with the bits of `Answer`, and the significand in memory.
 */
import {
  c32,
  c64,
  call,
  type Expr,
  FunctionBuilder,
  i32,
  i64,
  load32,
  select,
  type ValueType,
} from "../../wasm/index.ts";

export const Answer = { inexact: 0x1_0000, roundedUp: 0x2_0000, done: 0x4_0000 } as const;

/** Where the functions find the control word and leave a significand. */
export interface Places {
  readonly control: number;
  readonly significand: number;
}

const ZERO = c32(0);
export const TOP_BIT = c64(1n << 63n);
const BIAS = 0x3fff;
const LOW_HALF = c64(0xffff_ffffn);

/** A function of i32 result. `body` may return; what falls off the end answers 0. */
export function makeFunction(
  name: string,
  params: readonly ValueType[],
  body: (f: FunctionBuilder, ...args: Expr[]) => void,
): FunctionBuilder {
  const f = new FunctionBuilder({ params, results: ["i32"] }, name);
  body(f, ...params.map((_, i) => f.param(i)));
  f.return(ZERO);
  f.unreachable();
  return f;
}

export const roundingMode = (places: Places): Expr =>
  i32.and(i32.shr_u(load32("u16", ZERO, places.control), c32(10)), c32(3));
export const precisionMasked = (places: Places): Expr => i32.and(load32("u16", ZERO, places.control), c32(0x20));

/**
 * Whether a rest (the bits behind the last, its first one on top, none lost) makes the magnitude grow. `odd`: the last bit (i32).
 */
export function growsBy(f: FunctionBuilder, mode: Expr, sign: Expr, rest: Expr, odd: Expr): Expr {
  const up = f.local("i32");
  f.if(
    mode,
    // 1: down, 2: up, 3: towards zero.
    () => f.set(up, select(sign, i32.and(i32.eq(mode, c32(2)), i32.eqz(sign)), i32.eq(mode, c32(1)))),
    () => f.set(up, i32.or(i64.gt_u(rest, TOP_BIT), i32.and(i64.eq(rest, TOP_BIT), odd))),
  );
  return up;
}

const isZero = (significand: Expr, se: Expr): Expr => i32.and(i64.eqz(significand), i32.eqz(i32.and(se, c32(0x7fff))));
const exponentOf = (se: Expr): Expr => i32.and(se, c32(0x7fff));
const signOf = (se: Expr): Expr => i32.and(i32.shr_u(se, c32(15)), c32(1));

/** Answers 0 unless the value is zero or a normal number. */
export function requireNumber(f: FunctionBuilder, significand: Expr, se: Expr): void {
  const exponent = f.let(exponentOf(se));
  const normal = i32.and(i64.lt_s(significand, c64(0)), i32.lt_u(i32.sub(exponent, c32(1)), c32(0x7ffe)));
  f.if(i32.eqz(i32.or(normal, isZero(significand, se))), () => f.return(ZERO));
}

/** The functions by name, in the order of their indices from `first`. */
export function arithmeticFunctions(places: Places, first: number): FunctionBuilder[] {
  const answer = (f: FunctionBuilder, significand: Expr, se: Expr): void => {
    f.store("i64", ZERO, significand, places.significand);
    f.return(i32.or(se, c32(Answer.done)));
  };

  /** Rounds a normalised significand with what is behind it to the precision in the control word. */
  const round = makeFunction("round", ["i32", "i32", "i64", "i64"], (f, sign, exponentIn, significandIn, restIn) => {
    const [exponent, significand, rest] = [f.local("i32"), f.local("i64"), f.local("i64")];
    f.set(exponent, exponentIn);
    f.set(significand, significandIn);
    f.set(rest, restIn);
    const control = f.let(i32.and(i32.shr_u(load32("u16", ZERO, places.control), c32(8)), c32(3)));
    // Bits that single and double precision do not have.
    const low = f.let(select(c64(11), select(c64(0), c64(40), i32.and(control, c32(1))), i32.eq(control, c32(2))));
    const lowIsAll = i32.and(control, c32(1));
    f.if(i32.eqz(lowIsAll), () => {
      const lost = i64.extend_i32_u(i32.eqz(i64.eqz(rest)));
      f.set(rest, i64.or(i64.shl(significand, i64.sub(c64(64), low)), lost));
      f.set(significand, i64.and(significand, i64.shl(c64(-1), low)));
    });
    const flags = f.local("i32");
    f.set(flags, ZERO);
    f.if(i32.eqz(i64.eqz(rest)), () => {
      f.if(i32.eqz(precisionMasked(places)), () => f.return(ZERO));
      f.set(flags, c32(Answer.inexact));
      const odd = i32.and(i32.wrap(i64.shr_u(significand, low)), c32(1));
      f.if(growsBy(f, f.let(roundingMode(places)), sign, rest, odd), () => {
        f.set(flags, c32(Answer.inexact | Answer.roundedUp));
        f.set(significand, i64.add(significand, i64.shl(c64(1), low)));
        f.if(i64.eqz(significand), () => {
          f.set(significand, TOP_BIT);
          f.set(exponent, i32.add(exponent, c32(1)));
        });
      });
    });
    // Overflow and underflow.
    f.if(i32.ge_u(i32.sub(exponent, c32(1)), c32(0x7ffe)), () => f.return(ZERO));
    answer(f, significand, i32.or(flags, i32.or(i32.shl(sign, c32(15)), exponent)));
  });
  const rounded = (f: FunctionBuilder, sign: Expr, exponent: Expr, significand: Expr, rest: Expr): void =>
    f.return(call("i32", first, sign, exponent, significand, rest));

  const add = makeFunction("add", ["i64", "i32", "i64", "i32"], (f, aIn, aSeIn, bIn, bSeIn) => {
    const [a, b, aSe, bSe] = [f.local("i64"), f.local("i64"), f.local("i32"), f.local("i32")];
    f.set(a, aIn);
    f.set(b, bIn);
    f.set(aSe, aSeIn);
    f.set(bSe, bSeIn);
    const differ = f.let(i32.and(i32.shr_u(i32.xor(aSe, bSe), c32(15)), c32(1)));
    const zero = (): void => {
      const sign = select(i32.eq(roundingMode(places), c32(1)), signOf(aSe), differ);
      answer(f, c64(0), i32.shl(sign, c32(15)));
    };
    f.if(isZero(a, aSe), () => {
      f.if(isZero(b, bSe), zero);
      rounded(f, signOf(bSe), exponentOf(bSe), b, c64(0));
    });
    f.if(isZero(b, bSe), () => rounded(f, signOf(aSe), exponentOf(aSe), a, c64(0)));
    // The larger one first.
    const [ea, eb] = [f.let(exponentOf(aSe)), f.let(exponentOf(bSe))];
    const swap = i32.or(i32.lt_u(ea, eb), i32.and(i32.eq(ea, eb), i64.lt_u(a, b)));
    f.if(swap, () => {
      f.set(a, bIn);
      f.set(b, aIn);
      f.set(aSe, bSeIn);
      f.set(bSe, aSeIn);
    });
    const exponent = f.local("i32");
    f.set(exponent, exponentOf(aSe));
    const sign = f.let(signOf(aSe));
    const distance = f.let(i64.extend_i32_u(i32.sub(exponent, exponentOf(bSe))));
    // b / 2^distance in two words; the last bit of the lower one says that more was lost.
    const [high, low] = [f.local("i64"), f.local("i64")];
    f.set(high, b);
    f.set(low, c64(0));
    f.if(i32.eqz(i64.eqz(distance)), () => {
      f.if(
        i64.lt_u(distance, c64(64)),
        () => {
          f.set(high, i64.shr_u(b, distance));
          f.set(low, i64.shl(b, i64.sub(c64(64), distance)));
        },
        () => {
          f.set(high, c64(0));
          f.if(
            i64.eq(distance, c64(64)),
            () => f.set(low, b),
            () => {
              f.set(low, c64(1));
              f.if(i64.lt_u(distance, c64(128)), () => {
                const lost = i64.extend_i32_u(i32.eqz(i64.eqz(i64.shl(b, i64.sub(c64(128), distance)))));
                f.set(low, i64.or(i64.shr_u(b, i64.sub(distance, c64(64))), lost));
              });
            },
          );
        },
      );
    });
    f.if(i32.eqz(differ), () => {
      const sum = f.local("i64");
      f.set(sum, i64.add(a, high));
      f.if(i64.lt_u(sum, a), () => {
        const last = f.let(i64.and(low, c64(1)));
        f.set(low, i64.or(i64.or(i64.shr_u(low, c64(1)), last), i64.shl(sum, c64(63))));
        f.set(sum, i64.or(i64.shr_u(sum, c64(1)), TOP_BIT));
        f.set(exponent, i32.add(exponent, c32(1)));
      });
      rounded(f, sign, exponent, sum, low);
    });
    const difference = f.local("i64");
    f.set(difference, i64.sub(i64.sub(a, high), i64.extend_i32_u(i32.eqz(i64.eqz(low)))));
    f.set(low, i64.sub(c64(0), low));
    f.if(i64.eqz(difference), () => {
      f.if(i64.eqz(low), zero);
      f.set(difference, low);
      f.set(low, c64(0));
      f.set(exponent, i32.sub(exponent, c32(64)));
    });
    const shift = f.let(i64.clz(difference));
    f.if(i32.eqz(i64.eqz(shift)), () => {
      const moved = i64.shr_u(low, i64.sub(c64(64), shift));
      f.set(difference, i64.or(i64.shl(difference, shift), moved));
      f.set(low, i64.shl(low, shift));
    });
    rounded(f, sign, i32.sub(exponent, i32.wrap(shift)), difference, low);
  });

  const multiply = makeFunction("multiply", ["i64", "i32", "i64", "i32"], (f, a, aSe, b, bSe) => {
    const sign = f.let(i32.xor(signOf(aSe), signOf(bSe)));
    f.if(i32.or(i64.eqz(a), i64.eqz(b)), () => answer(f, c64(0), i32.shl(sign, c32(15))));
    const [a1, a0] = [f.let(i64.shr_u(a, c64(32))), f.let(i64.and(a, LOW_HALF))];
    const [b1, b0] = [f.let(i64.shr_u(b, c64(32))), f.let(i64.and(b, LOW_HALF))];
    const t = f.let(i64.mul(a0, b0));
    const u = f.let(i64.add(i64.mul(a1, b0), i64.shr_u(t, c64(32))));
    const v = f.let(i64.add(i64.mul(a0, b1), i64.and(u, LOW_HALF)));
    const [high, low] = [f.local("i64"), f.local("i64")];
    f.set(high, i64.add(i64.add(i64.mul(a1, b1), i64.shr_u(u, c64(32))), i64.shr_u(v, c64(32))));
    f.set(low, i64.or(i64.shl(v, c64(32)), i64.and(t, LOW_HALF)));
    const exponent = f.local("i32");
    f.set(exponent, i32.sub(i32.add(exponentOf(aSe), exponentOf(bSe)), c32(BIAS - 1)));
    f.if(i64.ge_s(high, c64(0)), () => {
      f.set(high, i64.or(i64.shl(high, c64(1)), i64.shr_u(low, c64(63))));
      f.set(low, i64.shl(low, c64(1)));
      f.set(exponent, i32.sub(exponent, c32(1)));
    });
    rounded(f, sign, exponent, high, low);
  });

  const divide = makeFunction("divide", ["i64", "i32", "i64", "i32"], (f, a, aSe, b, bSe) => {
    const sign = f.let(i32.xor(signOf(aSe), signOf(bSe)));
    f.if(i64.eqz(b), () => f.return(ZERO));
    f.if(i64.eqz(a), () => answer(f, c64(0), i32.shl(sign, c32(15))));
    const exponent = f.local("i32");
    f.set(exponent, i32.add(i32.sub(exponentOf(aSe), exponentOf(bSe)), c32(BIAS - 1)));
    const [rest, next] = [f.local("i64"), f.local("i64")];
    f.set(rest, a);
    f.set(next, c64(0));
    f.if(i64.ge_u(a, b), () => {
      f.set(rest, i64.shr_u(a, c64(1)));
      f.set(next, i64.shl(a, c64(63)));
      f.set(exponent, i32.add(exponent, c32(1)));
    });
    // Two digits of 32 bits (Knuth, algorithm D); the divisor's top bit is set, so an estimate is at most two too large.
    const [b1, b0] = [f.let(i64.shr_u(b, c64(32))), f.let(i64.and(b, LOW_HALF))];
    const digit = (nextHalf: Expr): Expr => {
      const half = f.let(nextHalf);
      const [q, r] = [f.local("i64"), f.local("i64")];
      f.set(q, i64.div_u(rest, b1));
      f.set(r, i64.sub(rest, i64.mul(q, b1)));
      const tooLarge = (): Expr =>
        i32.or(i64.gt_u(q, LOW_HALF), i64.gt_u(i64.mul(q, b0), i64.or(i64.shl(r, c64(32)), half)));
      f.if(tooLarge(), () => {
        f.set(q, i64.sub(q, c64(1)));
        f.set(r, i64.add(r, b1));
        f.if(i64.le_u(r, LOW_HALF), () => {
          f.if(tooLarge(), () => f.set(q, i64.sub(q, c64(1))));
        });
      });
      f.set(rest, i64.sub(i64.or(i64.shl(rest, c64(32)), half), i64.mul(q, b)));
      return q;
    };
    const upper = digit(i64.shr_u(next, c64(32)));
    const lower = digit(i64.and(next, LOW_HALF));
    const quotient = f.let(i64.or(i64.shl(upper, c64(32)), lower));
    // The rest as a fraction of the divisor: nothing, less than half, half, more.
    const other = f.let(i64.sub(b, rest));
    const more = i64.or(
      i64.extend_i32_u(i64.gt_u(rest, other)),
      i64.shl(i64.extend_i32_u(i64.ge_u(rest, other)), c64(63)),
    );
    const fraction = select(more, i64.extend_i32_u(i32.eqz(i64.eqz(rest))), i64.ge_u(rest, other));
    rounded(f, sign, exponent, quotient, f.let(fraction));
  });

  /** 1: less, 2: equal, 3: greater. */
  const compare = makeFunction("compare", ["i64", "i32", "i64", "i32"], (f, a, aSe, b, bSe) => {
    f.if(i32.and(isZero(a, aSe), isZero(b, bSe)), () => f.return(c32(2)));
    const sign = f.let(signOf(aSe));
    // A zero's sign does not count.
    f.if(isZero(a, aSe), () => f.return(select(c32(3), c32(1), signOf(bSe))));
    f.if(i32.or(isZero(b, bSe), i32.ne(sign, signOf(bSe))), () => f.return(select(c32(1), c32(3), sign)));
    const [ea, eb] = [f.let(exponentOf(aSe)), f.let(exponentOf(bSe))];
    f.if(i32.and(i32.eq(ea, eb), i64.eq(a, b)), () => f.return(c32(2)));
    const less = f.let(i32.or(i32.lt_u(ea, eb), i32.and(i32.eq(ea, eb), i64.lt_u(a, b))));
    f.return(select(c32(1), c32(3), i32.xor(less, sign)));
  });

  return [round, add, multiply, divide, compare];
}

/** Indices of the functions behind `first`. */
export const Arithmetic = { round: 0, add: 1, multiply: 2, divide: 3, compare: 4 } as const;
