/**
 * Binary floating point as x86 does it, in exact integer arithmetic: single, double and the x87's 80-bit extended format,
 * every rounding mode, denormals, exceptions (AMD64 APM volume 1, chapters 4.7, 4.8 and 6.8; IEEE 754). Both instruction
 * sets use it: they differ in which NaN an operation returns, in DAZ and FTZ, in precision control, and in what an unmasked
 * overflow or underflow delivers; a `FloatContext` says which of them is asking.
 *
 * Values travel as their bit patterns in a bigint: 32, 64 or 80 bits.
 */

/** Exception flags, with the bit numbers of MXCSR and of the x87 status and control words. */
export const floatFlags = {
  invalid: 0x01,
  denormal: 0x02,
  zeroDivide: 0x04,
  overflow: 0x08,
  underflow: 0x10,
  precision: 0x20,
} as const;

/** Rounding control, as encoded in MXCSR and the x87 control word. */
export const rounding = { nearest: 0, down: 1, up: 2, zero: 3 } as const;
export type Rounding = 0 | 1 | 2 | 3;

export interface FloatFormat {
  readonly name: "half" | "single" | "double" | "extended";
  /** Bits of the significand, the integer bit included. */
  readonly precision: number;
  readonly exponentBits: number;
  /** Exponent of the smallest normal number. */
  readonly minimumExponent: number;
  /** Exponent of the largest number; also the bias. */
  readonly maximumExponent: number;
}

const format = (name: FloatFormat["name"], precision: number, exponentBits: number): FloatFormat => {
  const bias = 2 ** (exponentBits - 1) - 1;
  return { name, precision, exponentBits, minimumExponent: 1 - bias, maximumExponent: bias };
};

export const single = format("single", 24, 8);
export const double = format("double", 53, 11);
export const half = format("half", 11, 5);
export const extended = format("extended", 64, 15);

export type FloatClass = "zero" | "normal" | "denormal" | "infinity" | "quiet" | "signalling" | "unsupported";

/** A value taken apart. Finite: (-1)^sign * significand * 2^exponent. NaN: the significand with its integer bit. */
export interface Unpacked {
  readonly kind: FloatClass;
  readonly sign: 0 | 1;
  readonly exponent: number;
  readonly significand: bigint;
}

/** Who asks, how to round, which exceptions are masked; collects the flags that operations raise. */
export class FloatContext {
  readonly unit: "sse" | "x87";
  rounding: Rounding;
  /** Bits of `floatFlags` that are masked. */
  masked: number;
  denormalsAreZero: boolean;
  flushToZero: boolean;
  /** x87 precision control: significand bits of arithmetic results in extended format. */
  precision: number;
  flags = 0;
  /** An operand was a denormal before it was widened to the format of the operation. */
  denormalOperand = false;
  /** Whether the last rounding increased the magnitude (x87 C1). */
  roundedUp = false;

  constructor(unit: "sse" | "x87") {
    this.unit = unit;
    this.rounding = 0;
    this.masked = 0x3f;
    this.denormalsAreZero = false;
    this.flushToZero = false;
    this.precision = 64;
  }

  /** Takes rounding, masks, DAZ and FTZ from MXCSR, and forgets flags. */
  fromMxcsr(mxcsr: number): this {
    this.rounding = ((mxcsr >> 13) & 3) as Rounding;
    this.masked = (mxcsr >> 7) & 0x3f;
    this.denormalsAreZero = (mxcsr & 0x40) !== 0;
    this.flushToZero = (mxcsr & 0x8000) !== 0;
    this.flags = 0;
    this.denormalOperand = false;
    this.roundedUp = false;
    return this;
  }

  /** Takes rounding, precision and masks from the x87 control word, and forgets flags. */
  fromControlWord(control: number): this {
    this.rounding = ((control >> 10) & 3) as Rounding;
    this.precision = [24, 64, 53, 64][(control >> 8) & 3];
    this.masked = control & 0x3f;
    this.flags = 0;
    this.denormalOperand = false;
    this.roundedUp = false;
    return this;
  }

  raise(flags: number): void {
    this.flags |= flags;
  }

  /** Flags raised so far whose exceptions are not masked. */
  get unmasked(): number {
    return this.flags & ~this.masked;
  }
}

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Number of bits up to the highest one; 0 for 0. */
export function bitLength(value: bigint): number {
  let length = 0;
  let rest = value;
  while (rest >> 64n) {
    rest >>= 64n;
    length += 64;
  }
  const high = Number(rest >> 32n);
  return length + (high ? 64 - Math.clz32(high) : 32 - Math.clz32(Number(rest & 0xffff_ffffn)));
}

/** The NaN that an invalid operation returns ("real indefinite"): quiet, negative, empty payload. */
export function defaultNan(format: FloatFormat): bigint {
  switch (format.name) {
    case "half":
      return 0xfe00n;
    case "single":
      return 0xffc0_0000n;
    case "double":
      return 0xfff8_0000_0000_0000n;
    case "extended":
      return 0xffff_c000_0000_0000_0000n;
  }
}

export function infinity(format: FloatFormat, sign: 0 | 1): bigint {
  const exponent = ones(format.exponentBits);
  if (format.name === "extended") return (((BigInt(sign) << 15n) | exponent) << 64n) | (1n << 63n);
  return ((BigInt(sign) << BigInt(format.exponentBits)) | exponent) << BigInt(format.precision - 1);
}

export function zero(format: FloatFormat, sign: 0 | 1): bigint {
  return sign ? 1n << BigInt(format.name === "extended" ? 79 : format.exponentBits + format.precision - 1) : 0n;
}

/** Takes a bit pattern apart. */
export function unpack(format: FloatFormat, bits: bigint): Unpacked {
  const { precision, exponentBits, minimumExponent } = format;
  if (format.name === "extended") {
    const significand = bits & 0xffff_ffff_ffff_ffffn;
    const biased = Number((bits >> 64n) & 0x7fffn);
    const sign = (bits >> 79n) & 1n ? 1 : 0;
    const integerBit = significand >> 63n === 1n;
    if (biased === 0) {
      const kind = significand === 0n ? "zero" : "denormal";
      return { kind, sign, exponent: minimumExponent - 63, significand };
    }
    if (!integerBit) return { kind: "unsupported", sign, exponent: 0, significand };
    if (biased === 0x7fff) {
      const fraction = significand & ones(63);
      const kind = fraction === 0n ? "infinity" : fraction >> 62n ? "quiet" : "signalling";
      return { kind, sign, exponent: 0, significand };
    }
    return { kind: "normal", sign, exponent: biased - 0x3fff - 63, significand };
  }
  const fractionBits = precision - 1;
  const fraction = bits & ones(fractionBits);
  const biased = Number((bits >> BigInt(fractionBits)) & ones(exponentBits));
  const sign = (bits >> BigInt(fractionBits + exponentBits)) & 1n ? 1 : 0;
  if (biased === 0) {
    return {
      kind: fraction === 0n ? "zero" : "denormal",
      sign,
      exponent: minimumExponent - fractionBits,
      significand: fraction,
    };
  }
  const significand = fraction | (1n << BigInt(fractionBits));
  if (biased === 2 ** exponentBits - 1) {
    const kind = fraction === 0n ? "infinity" : fraction >> BigInt(fractionBits - 1) ? "quiet" : "signalling";
    return { kind, sign, exponent: 0, significand };
  }
  return { kind: "normal", sign, exponent: biased - format.maximumExponent - fractionBits, significand };
}

/** Puts together a finite number whose significand has at most `precision` bits and whose exponent fits. */
function pack(format: FloatFormat, sign: 0 | 1, exponent: number, significand: bigint): bigint {
  const { precision, exponentBits, minimumExponent, maximumExponent } = format;
  const shift = precision - bitLength(significand);
  const normalised = significand << BigInt(shift);
  const leading = exponent - shift + precision - 1;
  let biased = leading + maximumExponent;
  let field = normalised;
  if (biased <= 0) {
    field = normalised >> BigInt(minimumExponent - leading);
    biased = 0;
  }
  if (format.name === "extended") return (((BigInt(sign) << 15n) | BigInt(biased)) << 64n) | field;
  const fraction = field & ones(precision - 1);
  return (((BigInt(sign) << BigInt(exponentBits)) | BigInt(biased)) << BigInt(precision - 1)) | fraction;
}

/** Rounds value / 2^shift to an integer. Says whether anything was lost and whether the magnitude grew. */
function roundShift(
  value: bigint,
  shift: number,
  sign: 0 | 1,
  mode: Rounding,
): { value: bigint; inexact: boolean; up: boolean } {
  if (shift <= 0) return { value: value << BigInt(-shift), inexact: false, up: false };
  const kept = value >> BigInt(shift);
  const rest = value & ones(shift);
  if (rest === 0n) return { value: kept, inexact: false, up: false };
  const half = 1n << BigInt(shift - 1);
  const up =
    mode === rounding.nearest
      ? rest > half || (rest === half && (kept & 1n) === 1n)
      : mode === rounding.up
        ? sign === 0
        : mode === rounding.down && sign === 1;
  return { value: up ? kept + 1n : kept, inexact: true, up };
}

/**
 * Rounds the exact value (-1)^sign * significand * 2^exponent (significand > 0) to the format and raises overflow,
 * underflow and precision. A significand cut short keeps a one as its last bit where anything was lost beyond it.
 */
export function round(
  context: FloatContext,
  format: FloatFormat,
  sign: 0 | 1,
  significand: bigint,
  exponent: number,
  precision: number = format.precision,
): bigint {
  const shift = bitLength(significand) - precision;
  const unbounded = roundShift(significand, shift, sign, context.rounding);
  const leading = exponent + shift + bitLength(unbounded.value) - 1;
  context.roundedUp = unbounded.up;
  if (leading > format.maximumExponent) {
    if (context.masked & floatFlags.overflow) {
      context.raise(floatFlags.overflow | floatFlags.precision);
      const toInfinity =
        context.rounding === rounding.nearest || context.rounding === (sign ? rounding.down : rounding.up);
      context.roundedUp = toInfinity;
      if (toInfinity) return infinity(format, sign);
      return pack(format, sign, format.maximumExponent - precision + 1, ones(precision));
    }
    context.raise(floatFlags.overflow | (unbounded.inexact ? floatFlags.precision : 0));
    // Unmasked, the x87 delivers the result with its exponent wrapped round (bias adjust of 3 * 2^13).
    if (format.name !== "extended") return zero(format, sign);
    if (leading - 0x6000 > format.maximumExponent) {
      // FSCALE can go further than that.
      context.raise(floatFlags.precision);
      context.roundedUp = true;
      return infinity(format, sign);
    }
    return pack(format, sign, exponent + shift - 0x6000, unbounded.value);
  }
  if (leading < format.minimumExponent) {
    if (!(context.masked & floatFlags.underflow)) {
      context.raise(floatFlags.underflow | (unbounded.inexact ? floatFlags.precision : 0));
      if (format.name !== "extended") return zero(format, sign);
      if (leading + 0x6000 < format.minimumExponent) {
        context.raise(floatFlags.precision);
        context.roundedUp = false;
        return zero(format, sign);
      }
      return pack(format, sign, exponent + shift + 0x6000, unbounded.value);
    }
    if (context.flushToZero) {
      context.raise(floatFlags.underflow | floatFlags.precision);
      return zero(format, sign);
    }
    const lowest = format.minimumExponent - (precision - 1);
    const bounded = roundShift(significand, lowest - exponent, sign, context.rounding);
    context.roundedUp = bounded.up;
    if (bounded.inexact) context.raise(floatFlags.underflow | floatFlags.precision);
    if (bounded.value === 0n) return zero(format, sign);
    return pack(format, sign, lowest, bounded.value);
  }
  if (unbounded.inexact) context.raise(floatFlags.precision);
  return pack(format, sign, exponent + shift, unbounded.value);
}

const isNan = (value: Unpacked): boolean => value.kind === "quiet" || value.kind === "signalling";

/** A NaN in a format, made quiet. The significand's integer bit moves to the format's. */
function quietNan(to: FloatFormat, from: FloatFormat, nan: Unpacked): bigint {
  const shift = to.precision - from.precision;
  const moved = shift >= 0 ? nan.significand << BigInt(shift) : nan.significand >> BigInt(-shift);
  const significand = moved | (3n << BigInt(to.precision - 2));
  const exponent = ones(to.exponentBits);
  if (to.name === "extended") return (((BigInt(nan.sign) << 15n) | exponent) << 64n) | significand;
  const fraction = significand & ones(to.precision - 1);
  return (((BigInt(nan.sign) << BigInt(to.exponentBits)) | exponent) << BigInt(to.precision - 1)) | fraction;
}

/** An operand as arithmetic sees it: DAZ applied. */
function operand(context: FloatContext, format: FloatFormat, bits: bigint): Unpacked {
  const value = unpack(format, bits);
  if (value.kind === "denormal" && context.denormalsAreZero) return { ...value, kind: "zero", significand: 0n };
  return value;
}

/** The result if an operand is a NaN or not a number at all; undefined otherwise. */
function nanResult(context: FloatContext, format: FloatFormat, a: Unpacked, b: Unpacked): bigint | undefined {
  if (a.kind === "unsupported" || b.kind === "unsupported") {
    context.raise(floatFlags.invalid);
    return defaultNan(format);
  }
  if (!isNan(a) && !isNan(b)) return undefined;
  if (a.kind === "signalling" || b.kind === "signalling") context.raise(floatFlags.invalid);
  if (!isNan(b)) return quietNan(format, format, a);
  if (!isNan(a)) return quietNan(format, format, b);
  // SSE: the first operand. x87: a quiet one beats a signalling one, then the larger significand, then the positive one.
  if (context.unit === "sse") return quietNan(format, format, a);
  if (a.kind !== b.kind) return quietNan(format, format, a.kind === "quiet" ? a : b);
  if (a.significand !== b.significand) return quietNan(format, format, a.significand > b.significand ? a : b);
  return quietNan(format, format, a.sign ? b : a);
}

function raiseDenormal(context: FloatContext, a: Unpacked, b: Unpacked): void {
  if (a.kind === "denormal" || b.kind === "denormal" || context.denormalOperand) context.raise(floatFlags.denormal);
}

/** Whether an unmasked exception found before computing stops the operation. */
const stopped = (context: FloatContext): boolean => (context.unmasked & 0x07) !== 0;

function invalid(context: FloatContext, format: FloatFormat): bigint {
  context.raise(floatFlags.invalid);
  return defaultNan(format);
}

const arithmeticPrecision = (context: FloatContext, format: FloatFormat): number =>
  format.name === "extended" ? Math.min(context.precision, 64) : format.precision;

/** a + b, or a - b. */
export function add(
  context: FloatContext,
  format: FloatFormat,
  aBits: bigint,
  bBits: bigint,
  subtract = false,
): bigint {
  const a = operand(context, format, aBits);
  const second = operand(context, format, bBits);
  const nan = nanResult(context, format, a, second);
  if (nan !== undefined) return nan;
  const b: Unpacked = subtract ? { ...second, sign: second.sign ? 0 : 1 } : second;
  if (a.kind === "infinity" && b.kind === "infinity" && a.sign !== b.sign) return invalid(context, format);
  raiseDenormal(context, a, b);
  if (stopped(context)) return defaultNan(format);
  if (a.kind === "infinity") return infinity(format, a.sign);
  if (b.kind === "infinity") return infinity(format, b.sign);
  const exponent = Math.min(a.exponent, b.exponent);
  const term = (x: Unpacked): bigint => {
    const magnitude = x.significand << BigInt(x.kind === "zero" ? 0 : x.exponent - exponent);
    return x.sign ? -magnitude : magnitude;
  };
  // Exponents far apart: the smaller operand only matters as a sticky bit.
  const [large, small] = magnitudeOrder(a, b);
  const distance = large.exponent - small.exponent;
  if (large.kind !== "zero" && small.kind !== "zero" && distance > 140) {
    const scaled = (large.significand << 80n) + (large.sign === small.sign ? 1n : -1n);
    return round(context, format, large.sign, scaled, large.exponent - 80, arithmeticPrecision(context, format));
  }
  const sum = term(a) + term(b);
  if (sum === 0n) {
    const sign = a.sign === b.sign ? a.sign : context.rounding === rounding.down ? 1 : 0;
    return zero(format, sign);
  }
  const sign = sum < 0n ? 1 : 0;
  return round(context, format, sign, sign ? -sum : sum, exponent, arithmeticPrecision(context, format));
}

function magnitudeOrder(a: Unpacked, b: Unpacked): [Unpacked, Unpacked] {
  if (a.kind === "zero") return [b, a];
  if (b.kind === "zero") return [a, b];
  return a.exponent >= b.exponent ? [a, b] : [b, a];
}

export function multiply(context: FloatContext, format: FloatFormat, aBits: bigint, bBits: bigint): bigint {
  const a = operand(context, format, aBits);
  const b = operand(context, format, bBits);
  const nan = nanResult(context, format, a, b);
  if (nan !== undefined) return nan;
  const sign = a.sign === b.sign ? 0 : 1;
  const infinite = a.kind === "infinity" || b.kind === "infinity";
  if (infinite && (a.kind === "zero" || b.kind === "zero")) return invalid(context, format);
  raiseDenormal(context, a, b);
  if (stopped(context)) return defaultNan(format);
  if (infinite) return infinity(format, sign);
  if (a.kind === "zero" || b.kind === "zero") return zero(format, sign);
  const precision = arithmeticPrecision(context, format);
  return round(context, format, sign, a.significand * b.significand, a.exponent + b.exponent, precision);
}

/** a * b + c, or with product or addend negated, rounded once. NaNs in the order a, b, c; an invalid product beats a quiet c. */
export function fusedMultiplyAdd(
  context: FloatContext,
  format: FloatFormat,
  aBits: bigint,
  bBits: bigint,
  cBits: bigint,
  negateProduct: boolean,
  negateAddend: boolean,
): bigint {
  const a = operand(context, format, aBits);
  const b = operand(context, format, bBits);
  const addend = operand(context, format, cBits);
  const nan = [a, b, addend].find(isNan);
  const productInvalid = (a.kind === "infinity" && b.kind === "zero") || (a.kind === "zero" && b.kind === "infinity");
  if (nan !== undefined) {
    if ([a, b, addend].some(({ kind }) => kind === "signalling")) context.raise(floatFlags.invalid);
    return quietNan(format, format, nan);
  }
  if (productInvalid) return invalid(context, format);
  const sign = (a.sign ^ b.sign ^ (negateProduct ? 1 : 0)) as 0 | 1;
  const c: Unpacked = negateAddend ? { ...addend, sign: addend.sign ? 0 : 1 } : addend;
  const infinite = a.kind === "infinity" || b.kind === "infinity";
  if (infinite && c.kind === "infinity" && sign !== c.sign) return invalid(context, format);
  if ([a, b, c].some(({ kind }) => kind === "denormal")) context.raise(floatFlags.denormal);
  if (stopped(context)) return defaultNan(format);
  if (infinite) return infinity(format, sign);
  if (c.kind === "infinity") return infinity(format, c.sign);
  const product = a.kind === "zero" || b.kind === "zero" ? 0n : a.significand * b.significand;
  if (product === 0n && c.kind === "zero") {
    return zero(format, sign === c.sign ? sign : context.rounding === rounding.down ? 1 : 0);
  }
  const productExponent = a.exponent + b.exponent;
  const precision = arithmeticPrecision(context, format);
  if (product === 0n) return round(context, format, c.sign, c.significand, c.exponent, precision);
  if (c.kind === "zero") return round(context, format, sign, product, productExponent, precision);
  const exponent = Math.min(productExponent, c.exponent);
  const signed = (magnitude: bigint, negative: 0 | 1): bigint => (negative ? -magnitude : magnitude);
  const sum =
    signed(product << BigInt(productExponent - exponent), sign) +
    signed(c.significand << BigInt(c.exponent - exponent), c.sign);
  if (sum === 0n) return zero(format, context.rounding === rounding.down ? 1 : 0);
  return round(context, format, sum < 0n ? 1 : 0, sum < 0n ? -sum : sum, exponent, precision);
}

export function divide(context: FloatContext, format: FloatFormat, aBits: bigint, bBits: bigint): bigint {
  const a = operand(context, format, aBits);
  const b = operand(context, format, bBits);
  const nan = nanResult(context, format, a, b);
  if (nan !== undefined) return nan;
  const sign = a.sign === b.sign ? 0 : 1;
  if ((a.kind === "infinity" && b.kind === "infinity") || (a.kind === "zero" && b.kind === "zero")) {
    return invalid(context, format);
  }
  if (b.kind === "zero" && a.kind !== "infinity") {
    context.raise(floatFlags.zeroDivide);
    return infinity(format, sign);
  }
  raiseDenormal(context, a, b);
  if (stopped(context)) return defaultNan(format);
  if (a.kind === "infinity") return infinity(format, sign);
  if (a.kind === "zero" || b.kind === "infinity") return zero(format, sign);
  // Enough quotient bits for any precision even with a denormal dividend, and a sticky one.
  const extra = 2 * format.precision + 3;
  const dividend = a.significand << BigInt(extra);
  const quotient = dividend / b.significand;
  const exact = quotient * b.significand === dividend;
  const precision = arithmeticPrecision(context, format);
  return round(context, format, sign, exact ? quotient : quotient | 1n, a.exponent - b.exponent - extra, precision);
}

/** Largest integer whose square is not above the value. */
export function integerSquareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const y = (x + value / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

export function squareRoot(context: FloatContext, format: FloatFormat, bits: bigint): bigint {
  const a = operand(context, format, bits);
  const nan = nanResult(context, format, a, a);
  if (nan !== undefined) return nan;
  if (a.kind === "zero") return zero(format, a.sign);
  if (a.sign) return invalid(context, format);
  raiseDenormal(context, a, a);
  if (stopped(context)) return defaultNan(format);
  if (a.kind === "infinity") return infinity(format, 0);
  let shift = 2 * format.precision + 6;
  if ((a.exponent - shift) & 1) shift++;
  const radicand = a.significand << BigInt(shift);
  const root = integerSquareRoot(radicand);
  const exact = root * root === radicand;
  const exponent = (a.exponent - shift) / 2;
  // One more bit below the root carries what was lost.
  const precision = arithmeticPrecision(context, format);
  return round(context, format, 0, (root << 1n) | (exact ? 0n : 1n), exponent - 1, precision);
}

/** -1, 0, 1 for less, equal, greater; undefined if unordered. A quiet NaN is invalid too unless `quiet`. */
export function compare(
  context: FloatContext,
  format: FloatFormat,
  aBits: bigint,
  bBits: bigint,
  quiet: boolean,
): -1 | 0 | 1 | undefined {
  const a = operand(context, format, aBits);
  const b = operand(context, format, bBits);
  if (a.kind === "unsupported" || b.kind === "unsupported") {
    context.raise(floatFlags.invalid);
    return undefined;
  }
  if (isNan(a) || isNan(b)) {
    if (!quiet || a.kind === "signalling" || b.kind === "signalling") context.raise(floatFlags.invalid);
    return undefined;
  }
  raiseDenormal(context, a, b);
  return order(a, b);
}

/** Order of two numbers. */
function order(a: Unpacked, b: Unpacked): -1 | 0 | 1 {
  if (a.kind === "zero" && b.kind === "zero") return 0;
  if (a.kind === "zero") return b.sign ? 1 : -1;
  if (b.kind === "zero") return a.sign ? -1 : 1;
  if (a.sign !== b.sign) return a.sign ? -1 : 1;
  const below = a.sign ? 1 : -1;
  const above = a.sign ? -1 : 1;
  if (a.kind === "infinity" || b.kind === "infinity") {
    return a.kind === b.kind ? 0 : a.kind === "infinity" ? above : below;
  }
  const leading = a.exponent + bitLength(a.significand) - (b.exponent + bitLength(b.significand));
  if (leading !== 0) return leading < 0 ? below : above;
  const exponent = Math.min(a.exponent, b.exponent);
  const x = a.significand << BigInt(a.exponent - exponent);
  const y = b.significand << BigInt(b.exponent - exponent);
  return x === y ? 0 : x < y ? below : above;
}

/** MINxx, MAXxx: the second operand if either is a NaN (always invalid) or both are zeros. */
export function minimumOrMaximum(
  context: FloatContext,
  format: FloatFormat,
  aBits: bigint,
  bBits: bigint,
  maximum: boolean,
): bigint {
  const result = compare(context, format, aBits, bBits, false);
  const chosen = result !== undefined && (maximum ? result > 0 : result < 0) ? aBits : bBits;
  // DAZ applies to what is returned as well.
  const value = operand(context, format, chosen);
  return value.kind === "zero" ? zero(format, value.sign) : chosen;
}

/**
 * To a signed integer of `width` bits. Out of range and NaN: invalid, and the integer indefinite (only the sign bit set).
 * Denormals raise nothing here but precision.
 */
export function toInteger(
  context: FloatContext,
  format: FloatFormat,
  bits: bigint,
  width: number,
  mode: Rounding = context.rounding,
): bigint {
  const a = operand(context, format, bits);
  const indefinite = 1n << BigInt(width - 1);
  if (a.kind === "zero") return 0n;
  if (a.kind !== "normal" && a.kind !== "denormal") {
    context.raise(floatFlags.invalid);
    return indefinite;
  }
  if (a.exponent > 64) {
    context.raise(floatFlags.invalid);
    return indefinite;
  }
  const rounded = roundShift(a.significand, Math.min(-a.exponent, 200), a.sign, mode);
  const limit = a.sign ? indefinite : indefinite - 1n;
  if (rounded.value > limit) {
    context.raise(floatFlags.invalid);
    return indefinite;
  }
  context.roundedUp = rounded.up;
  if (rounded.inexact) context.raise(floatFlags.precision);
  return BigInt.asUintN(width, a.sign ? -rounded.value : rounded.value);
}

/** From a signed integer. */
export function fromInteger(context: FloatContext, format: FloatFormat, value: bigint): bigint {
  if (value === 0n) return zero(format, 0);
  return round(context, format, value < 0n ? 1 : 0, value < 0n ? -value : value, 0);
}

/** From one format to another, as CVTSS2SD, CVTSD2SS, and the x87's loads and stores do. */
export function convert(context: FloatContext, from: FloatFormat, to: FloatFormat, bits: bigint): bigint {
  const a = operand(context, from, bits);
  if (a.kind === "unsupported") return invalid(context, to);
  if (isNan(a)) {
    if (a.kind === "signalling") context.raise(floatFlags.invalid);
    return quietNan(to, from, a);
  }
  if (a.kind === "denormal") context.raise(floatFlags.denormal);
  if (a.kind === "infinity") return infinity(to, a.sign);
  if (a.kind === "zero") return zero(to, a.sign);
  return round(context, to, a.sign, a.significand, a.exponent);
}

/** To an integral value in the same format (FRNDINT). */
export function roundToIntegral(context: FloatContext, format: FloatFormat, bits: bigint): bigint {
  const a = operand(context, format, bits);
  const nan = nanResult(context, format, a, a);
  if (nan !== undefined) return nan;
  if (a.kind === "denormal") context.raise(floatFlags.denormal);
  if (stopped(context)) return defaultNan(format);
  if (a.kind === "infinity" || a.kind === "zero" || a.exponent >= 0) return bits;
  const rounded = roundShift(a.significand, Math.min(-a.exponent, 200), a.sign, context.rounding);
  context.roundedUp = rounded.up;
  if (rounded.inexact) context.raise(floatFlags.precision);
  if (rounded.value === 0n) return zero(format, a.sign);
  return pack(format, a.sign, 0, rounded.value);
}

/**
 * A single or double as an extended value, exactly, without raising anything: a signalling NaN stays one, and the context
 * remembers a denormal for the operation that follows (x87 memory operands).
 */
export function widen(context: FloatContext, from: FloatFormat, bits: bigint): bigint {
  const a = unpack(from, bits);
  context.denormalOperand = a.kind === "denormal";
  switch (a.kind) {
    case "zero":
      return zero(extended, a.sign);
    case "infinity":
      return infinity(extended, a.sign);
    case "quiet":
    case "signalling":
      return (((BigInt(a.sign) << 15n) | 0x7fffn) << 64n) | (a.significand << BigInt(64 - from.precision));
    default:
      return pack(extended, a.sign, a.exponent, a.significand);
  }
}

/** An extended value stored as a single or double (FST): a denormal raises nothing of its own. */
export function narrow(context: FloatContext, to: FloatFormat, bits: bigint): bigint {
  const value = convert(context, extended, to, bits);
  context.flags &= ~floatFlags.denormal;
  return value;
}

/** A signed integer of up to 64 bits as an extended value, exactly. */
export function integerToExtended(value: bigint): bigint {
  if (value === 0n) return 0n;
  return pack(extended, value < 0n ? 1 : 0, 0, value < 0n ? -value : value);
}

/** FSCALE: a * 2^trunc(b). */
export function scale(context: FloatContext, aBits: bigint, bBits: bigint): bigint {
  const a = operand(context, extended, aBits);
  const b = operand(context, extended, bBits);
  const nan = nanResult(context, extended, a, b);
  if (nan !== undefined) return nan;
  if (b.kind === "infinity" && (b.sign ? a.kind === "infinity" : a.kind === "zero")) return invalid(context, extended);
  raiseDenormal(context, a, b);
  if (stopped(context)) return defaultNan(extended);
  if (a.kind === "infinity" || a.kind === "zero") return aBits;
  if (b.kind === "infinity") return b.sign ? zero(extended, a.sign) : infinity(extended, a.sign);
  const limit = 0x1_0000n;
  const shift =
    b.kind === "zero" ? 0n : roundShift(b.significand, Math.min(-b.exponent, 200), b.sign, rounding.zero).value;
  const bounded = Number(shift > limit ? limit : shift);
  return round(context, extended, a.sign, a.significand, a.exponent + (b.sign ? -bounded : bounded));
}

/** FXTRACT: the unbiased exponent as a number, and the significand with exponent 0. */
export function extract(context: FloatContext, bits: bigint): [exponent: bigint, significand: bigint] {
  const a = operand(context, extended, bits);
  const nan = nanResult(context, extended, a, a);
  if (nan !== undefined) return [nan, nan];
  if (a.kind === "zero") {
    context.raise(floatFlags.zeroDivide);
    return [infinity(extended, 1), bits];
  }
  if (a.kind === "infinity") return [infinity(extended, 0), bits];
  raiseDenormal(context, a, a);
  const length = bitLength(a.significand);
  return [integerToExtended(BigInt(a.exponent + length - 1)), pack(extended, a.sign, 1 - length, a.significand)];
}

/**
 * FPREM, FPREM1: a - b * quotient, with the quotient rounded toward zero or to nearest. If the exponents differ by 64 or
 * more only a part of the reduction is done (`partial`). No quotient: the result is a NaN.
 */
export function remainder(
  context: FloatContext,
  aBits: bigint,
  bBits: bigint,
  nearest: boolean,
): { value: bigint; quotient?: number; partial: boolean } {
  const a = operand(context, extended, aBits);
  const b = operand(context, extended, bBits);
  const nan = nanResult(context, extended, a, b);
  if (nan !== undefined) return { value: nan, partial: false };
  if (a.kind === "infinity" || b.kind === "zero") return { value: invalid(context, extended), partial: false };
  raiseDenormal(context, a, b);
  if (stopped(context)) return { value: aBits, partial: false };
  if (a.kind === "zero") return { value: aBits, quotient: 0, partial: false };
  // A pseudo-denormal becomes the normal number that it is.
  if (b.kind === "infinity")
    return { value: round(context, extended, a.sign, a.significand, a.exponent), quotient: 0, partial: false };
  const distance = a.exponent + bitLength(a.significand) - (b.exponent + bitLength(b.significand));
  const partial = distance >= 64;
  // A partial step subtracts a multiple of b * 2^k, so that the distance shrinks by 32 to 63.
  const step = partial ? distance - (32 + (distance & 31)) : 0;
  const divisorExponent = b.exponent + step;
  const exponent = Math.min(a.exponent, divisorExponent);
  const dividend = a.significand << BigInt(a.exponent - exponent);
  const divisor = b.significand << BigInt(divisorExponent - exponent);
  let quotient = dividend / divisor;
  let rest = dividend % divisor;
  let sign: 0 | 1 = a.sign;
  if (nearest && !partial && (2n * rest > divisor || (2n * rest === divisor && (quotient & 1n) === 1n))) {
    quotient += 1n;
    rest = divisor - rest;
    sign = a.sign ? 0 : 1;
  }
  const value = rest === 0n ? zero(extended, a.sign) : round(context, extended, sign, rest, exponent);
  return { value, quotient: partial ? 0 : Number(quotient & 7n), partial };
}
