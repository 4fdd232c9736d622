/**
 * The transcendental functions of the x87 (AMD64 APM volume 1, 6.4.7), computed in fixed-point integers with some 70 bits to
 * spare and rounded once. Processors compute them with errors of up to one unit in the last place and differ from each other
 * there: results here are the correctly rounded ones.
 */
import * as soft from "../soft-float.ts";
import { bitLength, extended, type FloatContext, floatFlags, type Unpacked } from "../soft-float.ts";

/** Bits after the point of the constants. */
const constantBits = 320;
const pi = arcTangentConstant();
const ln2 = 2n * inverseHyperbolicTangent(1n, 3n, constantBits);

/**
 * The pi of argument reduction: 66 bits after the point, as in every x87 since the 387. Large arguments depend on it.
 */
const reductionPi = 0xc90f_daa2_2168_c234cn;
const reductionPiBits = 66;

/** Machin's formula: pi = 16 atan(1/5) - 4 atan(1/239). */
function arcTangentConstant(): bigint {
  const inverse = (n: bigint): bigint => {
    let power = (1n << BigInt(constantBits + 16)) / n;
    let sum = 0n;
    for (let k = 1n; power !== 0n; k += 2n) {
      sum += k & 2n ? -(power / k) : power / k;
      power /= n * n;
    }
    return sum;
  };
  return (16n * inverse(5n) - 4n * inverse(239n)) >> 16n;
}

/** atanh(a/b) for |a/b| <= 1/3 or so, with `bits` bits after the point. */
function inverseHyperbolicTangent(a: bigint, b: bigint, bits: number): bigint {
  const guard = 16;
  const z = (a << BigInt(bits + guard)) / b;
  const square = (z * z) >> BigInt(bits + guard);
  let power = z;
  let sum = 0n;
  for (let k = 1n; power !== 0n && power !== -1n; k += 2n) {
    sum += power / k;
    power = (power * square) >> BigInt(bits + guard);
  }
  return sum >> BigInt(guard);
}

/** Rounds value / 2^bits, known to be inexact. */
function finish(context: FloatContext, value: bigint, bits: number): bigint {
  if (value === 0n) return 0n;
  const sign = value < 0n ? 1 : 0;
  return soft.round(context, extended, sign, ((sign ? -value : value) << 1n) | 1n, -bits - 1);
}

/** Fixed-point number nearest below the magnitude of a finite value. */
function toFixed(value: Unpacked, bits: number): bigint {
  const shift = BigInt(value.exponent + bits);
  const magnitude = shift >= 0n ? value.significand << shift : value.significand >> -shift;
  return value.sign ? -magnitude : magnitude;
}

const leadingExponent = (value: Unpacked): number => value.exponent + bitLength(value.significand) - 1;

/** What an operand that is no number gives; undefined for numbers. */
function notANumber(context: FloatContext, bits: bigint): bigint | undefined {
  const { kind } = soft.unpack(extended, bits);
  if (kind !== "quiet" && kind !== "signalling" && kind !== "unsupported") return undefined;
  return soft.add(context, extended, bits, bits);
}

/** The result of two operands, one of which is no number, as any arithmetic instruction gives it. */
function eitherNotANumber(context: FloatContext, a: bigint, b: bigint): bigint | undefined {
  const special = (bits: bigint): boolean =>
    ["quiet", "signalling", "unsupported"].includes(soft.unpack(extended, bits).kind);
  return special(a) || special(b) ? soft.add(context, extended, a, b) : undefined;
}

function invalid(context: FloatContext): bigint {
  context.raise(floatFlags.invalid);
  return soft.defaultNan(extended);
}

function noteDenormals(context: FloatContext, ...values: Unpacked[]): void {
  if (values.some(({ kind }) => kind === "denormal")) context.raise(floatFlags.denormal);
}

const negate = (bits: bigint): bigint => bits ^ (1n << 79n);

/** Sine and cosine of a fixed-point number of moderate size. */
function sineAndCosine(x: bigint, bits: number): [sine: bigint, cosine: bigint] {
  const halfPi = reductionPi << BigInt(bits - reductionPiBits - 1);
  // Nearest multiple of pi/2.
  const doubled = 2n * x + halfPi;
  const divisor = 2n * halfPi;
  let quadrant = doubled / divisor;
  if (doubled < 0n && doubled % divisor !== 0n) quadrant -= 1n;
  const rest = x - quadrant * halfPi;
  const square = (rest * rest) >> BigInt(bits);
  let sine = 0n;
  let cosine = 0n;
  let term = 1n << BigInt(bits);
  for (let k = 1n; term !== 0n && term !== -1n; k += 2n) {
    cosine += term;
    const odd = ((term * rest) >> BigInt(bits)) / k;
    sine += odd;
    term = -((term * square) >> BigInt(bits)) / (k * (k + 1n));
  }
  switch (quadrant & 3n) {
    case 0n:
      return [sine, cosine];
    case 1n:
      return [cosine, -sine];
    case 2n:
      return [-sine, -cosine];
    default:
      return [-cosine, sine];
  }
}

/**
 * FSIN, FCOS, FSINCOS, FPTAN. Undefined: the operand is too large (2^63 and up). The first result replaces ST0, the second
 * is pushed.
 */
function trigonometric(
  context: FloatContext,
  bits: bigint,
  what: "sine" | "cosine" | "both" | "tangent",
): [bigint, bigint] | undefined {
  const nan = notANumber(context, bits);
  if (nan !== undefined) return [nan, nan];
  const x = soft.unpack(extended, bits);
  if (x.kind === "infinity") {
    const result = invalid(context);
    return [result, result];
  }
  const one = (0x3fffn << 64n) | (1n << 63n);
  if (x.kind === "zero") return what === "cosine" ? [one, one] : [bits, one];
  const size = leadingExponent(x);
  if (size >= 63) return undefined;
  noteDenormals(context, x);
  if ((context.unmasked & 7) !== 0) return [bits, bits];
  if (size < -40) {
    // sin x = x - x^3/6, tan x = x + x^3/3, cos x = 1 - x^2/2: far below what rounding sees.
    const nudge = what === "tangent" ? 1n : -1n;
    const cosine = (): bigint => finish(context, (1n << 200n) - 1n, 200);
    if (what === "cosine") return [cosine(), one];
    const near = (x.significand << 80n) + nudge;
    const second = what === "both" ? cosine() : one;
    return [soft.round(context, extended, x.sign, near, x.exponent - 80), second];
  }
  const precision = 256;
  const [sine, cosine] = sineAndCosine(toFixed(x, precision), precision);
  if (what === "sine") return [finish(context, sine, precision), one];
  if (what === "cosine") return [finish(context, cosine, precision), one];
  if (what === "both") {
    const second = finish(context, cosine, precision);
    return [finish(context, sine, precision), second];
  }
  return [finish(context, (sine << BigInt(precision)) / cosine, precision), one];
}

/** F2XM1: 2^x - 1 for -1 <= x <= 1; other operands come back unchanged. */
function twoToXMinus1(context: FloatContext, bits: bigint): bigint {
  const nan = notANumber(context, bits);
  if (nan !== undefined) return nan;
  const x = soft.unpack(extended, bits);
  if (x.kind === "zero") return bits;
  if (x.kind === "infinity") return x.sign ? negate((0x3fffn << 64n) | (1n << 63n)) : bits;
  noteDenormals(context, x);
  if ((context.unmasked & 7) !== 0) return bits;
  const size = leadingExponent(x);
  if (size >= 0) {
    // At 1 and -1 the result is exact, but the processor does not know.
    context.raise(floatFlags.precision);
    if (size > 0 || x.significand !== 1n << 63n) return bits;
    return x.sign ? negate((0x3ffen << 64n) | (1n << 63n)) : finish(context, (1n << 200n) - 1n, 200);
  }
  // Enough bits that the leading one of a tiny result keeps 130 behind it.
  const precision = 200 + Math.min(-size, 100);
  if (size < -100) {
    const product = x.significand * (ln2 >> BigInt(constantBits - 200));
    return soft.round(context, extended, x.sign, (product << 1n) | 1n, x.exponent - 201);
  }
  const exponent = (toFixed(x, precision) * (ln2 >> BigInt(constantBits - precision))) >> BigInt(precision);
  let term = exponent;
  let sum = 0n;
  for (let k = 2n; term !== 0n && term !== -1n; k++) {
    sum += term;
    term = ((term * exponent) >> BigInt(precision)) / k;
  }
  return finish(context, sum, precision);
}

/** log2 of significand / 2^(bits of it), between 1/2 and 1, or up to 2: with `bits` bits after the point. */
function logarithm2(numerator: bigint, denominator: bigint, bits: number): bigint {
  const natural = 2n * inverseHyperbolicTangent(numerator - denominator, numerator + denominator, bits);
  return (natural << BigInt(constantBits)) / ln2;
}

/** y * log with log given in fixed point, rounded. */
function times(context: FloatContext, y: Unpacked, log: bigint, bits: number): bigint {
  const sign = (log < 0n ? 1 : 0) === y.sign ? 0 : 1;
  const magnitude = (log < 0n ? -log : log) * y.significand;
  return soft.round(context, extended, sign, (magnitude << 1n) | 1n, y.exponent - bits - 1);
}

/** FYL2X: ST1 * log2(ST0). */
function yLog2X(context: FloatContext, xBits: bigint, yBits: bigint): bigint {
  const nan = eitherNotANumber(context, xBits, yBits);
  if (nan !== undefined) return nan;
  const x = soft.unpack(extended, xBits);
  const y = soft.unpack(extended, yBits);
  if (x.kind === "zero") {
    if (y.kind === "zero") return invalid(context);
    if (y.kind !== "infinity") context.raise(floatFlags.zeroDivide);
    return soft.infinity(extended, y.sign ? 0 : 1);
  }
  if (x.sign) return invalid(context);
  const size = x.kind === "infinity" ? 1 : leadingExponent(x);
  const isOne = size === 0 && x.significand === 1n << 63n && x.kind === "normal";
  if (x.kind === "infinity") {
    if (y.kind === "zero") return invalid(context);
    noteDenormals(context, y);
    return soft.infinity(extended, y.sign);
  }
  const negative = size < 0;
  if (y.kind === "infinity") {
    if (isOne) return invalid(context);
    noteDenormals(context, x);
    return soft.infinity(extended, (negative ? 1 : 0) === y.sign ? 0 : 1);
  }
  noteDenormals(context, x, y);
  if ((context.unmasked & 7) !== 0) return yBits;
  if (y.kind === "zero" || isOne) return soft.zero(extended, (negative ? 1 : 0) === y.sign ? 0 : 1);
  const precision = 220;
  const length = bitLength(x.significand);
  let exponent = size;
  let denominator = 1n << BigInt(length - 1);
  // Keep the fraction between 3/4 and 3/2, so that nothing cancels near 1.
  if (2n * x.significand > 3n * denominator) {
    denominator <<= 1n;
    exponent++;
  }
  const powerOfTwo = x.significand === denominator;
  const log =
    (BigInt(exponent) << BigInt(precision)) + (powerOfTwo ? 0n : logarithm2(x.significand, denominator, precision));
  if (!powerOfTwo) return times(context, y, log, precision);
  // An exact result, but the processor counts it as rounded.
  context.raise(floatFlags.precision);
  const sign = (exponent < 0 ? 1 : 0) === y.sign ? 0 : 1;
  const result = soft.round(context, extended, sign, y.significand * BigInt(Math.abs(exponent)), y.exponent);
  if (soft.unpack(extended, result).kind === "denormal") context.raise(floatFlags.underflow);
  return result;
}

/** FYL2XP1: ST1 * log2(ST0 + 1), for ST0 near 0. */
function yLog2XPlus1(context: FloatContext, xBits: bigint, yBits: bigint): bigint {
  const nan = eitherNotANumber(context, xBits, yBits);
  if (nan !== undefined) return nan;
  const x = soft.unpack(extended, xBits);
  const y = soft.unpack(extended, yBits);
  if (x.kind === "infinity") {
    if (x.sign || y.kind === "zero") return invalid(context);
    noteDenormals(context, y);
    return soft.infinity(extended, y.sign);
  }
  if (y.kind === "infinity") {
    if (x.kind === "zero") return invalid(context);
    noteDenormals(context, x);
    return soft.infinity(extended, x.sign === y.sign ? 0 : 1);
  }
  noteDenormals(context, x, y);
  if ((context.unmasked & 7) !== 0) return yBits;
  if (x.kind === "zero" || y.kind === "zero") return soft.zero(extended, x.sign === y.sign ? 0 : 1);
  const size = leadingExponent(x);
  if (x.sign && size >= 0) {
    // Outside the domain: what the processor returns.
    context.raise(floatFlags.precision);
    return xBits;
  }
  if (size < -100) {
    // log2(1 + x) = x / ln 2
    const quotient = (x.significand << BigInt(constantBits + 200)) / ln2;
    const sign = x.sign === y.sign ? 0 : 1;
    return soft.round(context, extended, sign, ((quotient * y.significand) << 1n) | 1n, x.exponent + y.exponent - 201);
  }
  const precision = 220 + Math.max(0, -size);
  const one = 1n << 200n;
  const fixed = toFixed(x, 200);
  let numerator = one + fixed;
  let denominator = one;
  let exponent = 0n;
  while (2n * numerator > 3n * denominator) {
    denominator <<= 1n;
    exponent += 1n;
  }
  while (4n * numerator < 3n * denominator) {
    numerator <<= 1n;
    exponent -= 1n;
  }
  return times(context, y, (exponent << BigInt(precision)) + logarithm2(numerator, denominator, precision), precision);
}

/** atan(a/b) for positive integers, with `bits` bits after the point. */
function arcTangentFixed(a: bigint, b: bigint, bits: number): bigint {
  const scaledPi = pi >> BigInt(constantBits - bits);
  if (a > b) return (scaledPi >> 1n) - arcTangentFixed(b, a, bits);
  const one = 1n << BigInt(bits);
  let z = (a << BigInt(bits)) / b;
  // atan z = 2 atan(z / (1 + sqrt(1 + z^2)))
  let doublings = 0n;
  for (; doublings < 4n; doublings++) {
    const root = soft.integerSquareRoot((one << BigInt(bits)) + z * z);
    z = (z << BigInt(bits)) / (one + root);
  }
  const square = (z * z) >> BigInt(bits);
  let power = z;
  let sum = 0n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += k & 2n ? -(power / k) : power / k;
    power = (power * square) >> BigInt(bits);
  }
  return sum << doublings;
}

/** FPATAN: the angle of the point (ST0, ST1). */
function arcTangent(context: FloatContext, xBits: bigint, yBits: bigint): bigint {
  const nan = eitherNotANumber(context, xBits, yBits);
  if (nan !== undefined) return nan;
  const x = soft.unpack(extended, xBits);
  const y = soft.unpack(extended, yBits);
  noteDenormals(context, x, y);
  if ((context.unmasked & 7) !== 0) return yBits;
  const precision = 250;
  const piFixed = pi >> BigInt(constantBits - precision);
  const signed = (angle: bigint): bigint => finish(context, y.sign ? -angle : angle, precision);
  if (y.kind === "zero" || (x.kind === "infinity" && y.kind !== "infinity")) {
    return x.sign ? signed(piFixed) : soft.zero(extended, y.sign);
  }
  if (x.kind === "infinity") return signed(x.sign ? (piFixed * 3n) / 4n : piFixed / 4n);
  if (y.kind === "infinity" || x.kind === "zero") return signed(piFixed / 2n);
  const distance = leadingExponent(y) - leadingExponent(x);
  if (distance > 100) return signed(piFixed / 2n - (x.sign ? -1n : 1n));
  if (distance < -100) {
    if (x.sign) return signed(piFixed - 1n);
    // atan q = q - q^3/3: just below q, which may itself be exact.
    const dividend = y.significand << 200n;
    const quotient = dividend / x.significand;
    const exact = quotient * x.significand === dividend;
    return soft.round(context, extended, y.sign, (quotient << 1n) + (exact ? -1n : 1n), y.exponent - x.exponent - 201);
  }
  const exponent = Math.min(x.exponent, y.exponent);
  const a = y.significand << BigInt(y.exponent - exponent);
  const b = x.significand << BigInt(x.exponent - exponent);
  const angle = arcTangentFixed(a, b, precision);
  return signed(x.sign ? piFixed - angle : angle);
}

/** The functions, each in the operand order of the instruction: ST0, then ST1. */
export const transcendental = { twoToXMinus1, yLog2X, yLog2XPlus1, arcTangent, trigonometric } as const;
