/**
 * Tracked numbers: what is known of a 64-bit value bit by bit. A bit set in `mask` is unknown, otherwise it equals the bit in
 * `value` (which is 0 wherever `mask` is 1). Follows "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers"
 * (Vishwanathan et al., CGO 2022), which describes the kernel's tnum.
 */
export interface Tnum {
  readonly value: bigint;
  readonly mask: bigint;
}

export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const S64_MAX = 0x7fff_ffff_ffff_ffffn;
export const S64_MIN = -0x8000_0000_0000_0000n;
const SUBREG_MASK = 0xffff_ffffn;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

export const TNUM_UNKNOWN: Tnum = { value: 0n, mask: U64_MAX };
export const TNUM_ZERO: Tnum = { value: 0n, mask: 0n };

export const tnumConst = (value: bigint): Tnum => ({ value: u64(value), mask: 0n });
export const tnumIsConst = (a: Tnum): boolean => a.mask === 0n;
export const tnumIsUnknown = (a: Tnum): boolean => a.mask === U64_MAX;
export const tnumEqualsConst = (a: Tnum, value: bigint): boolean => a.mask === 0n && a.value === value;
export const tnumEqual = (a: Tnum, b: Tnum): boolean => a === b || (a.value === b.value && a.mask === b.mask);

/** Number of significant bits of an unsigned value. */
function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const high = Number(value >> 32n);
  return high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(Number(value & SUBREG_MASK));
}

/** The smallest tnum that holds every value from min to max (unsigned). */
export function tnumRange(min: bigint, max: bigint): Tnum {
  if (min === max) return { value: min, mask: 0n };
  const bits = bitLength(min ^ max);
  if (bits > 63) return TNUM_UNKNOWN;
  const delta = (1n << BigInt(bits)) - 1n;
  return { value: min & (delta ^ U64_MAX), mask: delta };
}

export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  if (a.mask === 0n && b.mask === 0n) return { value: u64(a.value + b.value), mask: 0n };
  const maskSum = u64(a.mask + b.mask);
  const valueSum = u64(a.value + b.value);
  const unknownCarries = u64(maskSum + valueSum) ^ valueSum;
  const mask = unknownCarries | a.mask | b.mask;
  return { value: valueSum & (mask ^ U64_MAX), mask };
}

export function tnumSub(a: Tnum, b: Tnum): Tnum {
  if (a.mask === 0n && b.mask === 0n) return { value: u64(a.value - b.value), mask: 0n };
  const difference = u64(a.value - b.value);
  const alpha = u64(difference + a.mask);
  const beta = u64(difference - b.mask);
  const mask = (alpha ^ beta) | a.mask | b.mask;
  return { value: difference & (mask ^ U64_MAX), mask };
}

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const value = a.value & b.value;
  return { value, mask: (a.value | a.mask) & (b.value | b.mask) & (value ^ U64_MAX) };
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const value = a.value | b.value;
  return { value, mask: (a.mask | b.mask) & (value ^ U64_MAX) };
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask;
  return { value: (a.value ^ b.value) & (mask ^ U64_MAX), mask };
}

/** Long multiplication: each bit of `a` that is 1 or unknown adds the unknown part of `b`, shifted. */
export function tnumMul(a: Tnum, b: Tnum): Tnum {
  const product = u64(a.value * b.value);
  if (a.mask === 0n && b.mask === 0n) return { value: product, mask: 0n };
  let { value: aValue, mask: aMask } = a;
  let shifted = b;
  let unknown: Tnum = TNUM_ZERO;
  while (aValue !== 0n || aMask !== 0n) {
    if (aValue & 1n) unknown = tnumAdd(unknown, { value: 0n, mask: shifted.mask });
    else if (aMask & 1n) unknown = tnumAdd(unknown, { value: 0n, mask: shifted.value | shifted.mask });
    aValue >>= 1n;
    aMask >>= 1n;
    shifted = tnumLeftShift(shifted, 1);
  }
  return tnumAdd({ value: product, mask: 0n }, unknown);
}

export const tnumLeftShift = (a: Tnum, shift: number): Tnum => ({
  value: u64(a.value << BigInt(shift)),
  mask: u64(a.mask << BigInt(shift)),
});

export const tnumRightShift = (a: Tnum, shift: number): Tnum => ({
  value: a.value >> BigInt(shift),
  mask: a.mask >> BigInt(shift),
});

/** Arithmetic right shift of the low `bits` (32 or 64); the result of a 32-bit shift has its upper half clear. */
export function tnumArithmeticRightShift(a: Tnum, shift: number, bits: 32 | 64): Tnum {
  const by = BigInt(shift);
  return {
    value: BigInt.asUintN(bits, BigInt.asIntN(bits, a.value) >> by),
    mask: BigInt.asUintN(bits, BigInt.asIntN(bits, a.mask) >> by),
  };
}

/** What is known when both are true. Bits that disagree are not an error: the result is then merely unreachable. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask & b.mask;
  return { value: (a.value | b.value) & (mask ^ U64_MAX), mask };
}

/** Keeps the low `size` bytes. */
export function tnumCast(a: Tnum, size: number): Tnum {
  if (size >= 8) return a;
  const keep = (1n << BigInt(size * 8)) - 1n;
  return { value: a.value & keep, mask: a.mask & keep };
}

/** Whether every value that `b` may have is one that `a` may have. */
export function tnumIn(a: Tnum, b: Tnum): boolean {
  if ((b.mask & (a.mask ^ U64_MAX)) !== 0n) return false;
  return a.value === (b.value & (a.mask ^ U64_MAX));
}

/** Whether all possible values are multiples of `size`, a power of two. */
export const tnumIsAligned = (a: Tnum, size: bigint): boolean =>
  size === 0n || ((a.value | a.mask) & (size - 1n)) === 0n;

export const tnumSubreg = (a: Tnum): Tnum => tnumCast(a, 4);
export const tnumClearSubreg = (a: Tnum): Tnum => ({
  value: a.value & ~SUBREG_MASK & U64_MAX,
  mask: a.mask & ~SUBREG_MASK & U64_MAX,
});
export const tnumSubregIsConst = (a: Tnum): boolean => (a.mask & SUBREG_MASK) === 0n;

/** "(0x0; 0xff)", as the log shows it. */
export const tnumString = (a: Tnum): string => `(0x${a.value.toString(16)}; 0x${a.mask.toString(16)})`;
