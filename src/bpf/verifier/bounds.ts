/**
 * The ranges of a scalar: minimum and maximum as signed and unsigned number, of the whole register and of its lower half,
 * beside the bitwise knowledge in `varOff`. Here they learn from each other, and arithmetic carries them along.
 */
import { BPF_ADD, BPF_AND, BPF_ARSH, BPF_LSH, BPF_MUL, BPF_OR, BPF_RSH, BPF_SUB, BPF_XOR } from "../isa.ts";
import { type RegisterState, S32_MAX, S32_MIN, U32_MAX } from "./register-state.ts";
import {
  S64_MAX,
  S64_MIN,
  tnumAdd,
  tnumAnd,
  tnumArithmeticRightShift,
  tnumCast,
  tnumClearSubreg,
  tnumEqualsConst,
  tnumIntersect,
  tnumIsConst,
  tnumLeftShift,
  tnumMul,
  tnumOr,
  tnumRange,
  tnumRightShift,
  tnumSub,
  tnumSubreg,
  tnumSubregIsConst,
  tnumXor,
  U64_MAX,
} from "./tnum.ts";

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const s64 = (a: bigint): bigint => BigInt.asIntN(64, a);
const u64 = (a: bigint): bigint => BigInt.asUintN(64, a);
const fitsS64 = (a: bigint): boolean => a >= S64_MIN && a <= S64_MAX;
const fitsS32 = (a: number): boolean => a >= S32_MIN && a <= S32_MAX;

/** Ranges of the lower half from the known bits. */
export function updateBounds32(reg: RegisterState): void {
  const value = Number(reg.varOff.value & 0xffff_ffffn);
  const mask = Number(reg.varOff.mask & 0xffff_ffffn);
  const all = (value | mask) >>> 0;
  reg.s32min = Math.max(reg.s32min, value | (mask & S32_MIN));
  reg.s32max = Math.min(reg.s32max, value | (mask & S32_MAX));
  reg.u32min = Math.max(reg.u32min, value);
  reg.u32max = Math.min(reg.u32max, all);
}

/** Ranges of the whole register from the known bits. */
function updateBounds64(reg: RegisterState): void {
  const { value, mask } = reg.varOff;
  const sign = mask & 0x8000_0000_0000_0000n;
  const rest = mask & S64_MAX;
  reg.smin = max(reg.smin, s64(value | sign));
  reg.smax = min(reg.smax, s64(value | rest));
  reg.umin = max(reg.umin, value);
  reg.umax = min(reg.umax, value | mask);
}

export function updateBounds(reg: RegisterState): void {
  updateBounds32(reg);
  updateBounds64(reg);
}

/** Signed and unsigned range of the lower half learn the sign from each other. */
function deduceBounds32(reg: RegisterState): void {
  if (reg.s32min >= 0 || reg.s32max < 0) {
    const low = Math.max(reg.s32min >>> 0, reg.u32min);
    const high = Math.min(reg.s32max >>> 0, reg.u32max);
    reg.u32min = low;
    reg.s32min = low | 0;
    reg.u32max = high;
    reg.s32max = high | 0;
    return;
  }
  if ((reg.u32max | 0) >= 0) {
    // Positive: the signed minimum cannot be trusted, it may be below zero.
    reg.s32min = reg.u32min | 0;
    const high = Math.min(reg.s32max >>> 0, reg.u32max);
    reg.u32max = high;
    reg.s32max = high | 0;
  } else if ((reg.u32min | 0) < 0) {
    const low = Math.max(reg.s32min >>> 0, reg.u32min);
    reg.u32min = low;
    reg.s32min = low | 0;
    reg.s32max = reg.u32max | 0;
  }
}

function deduceBounds64(reg: RegisterState): void {
  if (reg.smin >= 0n || reg.smax < 0n) {
    const low = max(u64(reg.smin), reg.umin);
    const high = min(u64(reg.smax), reg.umax);
    reg.umin = low;
    reg.smin = s64(low);
    reg.umax = high;
    reg.smax = s64(high);
    return;
  }
  if (reg.umax <= S64_MAX) {
    reg.smin = s64(reg.umin);
    const high = min(u64(reg.smax), reg.umax);
    reg.umax = high;
    reg.smax = s64(high);
  } else if (reg.umin > S64_MAX) {
    const low = max(u64(reg.smin), reg.umin);
    reg.umin = low;
    reg.smin = s64(low);
    reg.smax = s64(reg.umax);
  }
}

/** Known bits from the unsigned ranges. */
function boundOffset(reg: RegisterState): void {
  const whole = tnumIntersect(reg.varOff, tnumRange(reg.umin, reg.umax));
  const lower = tnumIntersect(tnumSubreg(whole), tnumRange(BigInt(reg.u32min), BigInt(reg.u32max)));
  reg.varOff = tnumOr(tnumClearSubreg(whole), lower);
}

/** Everything that is known in one form is made known in the others. */
export function syncBounds(reg: RegisterState): void {
  updateBounds(reg);
  deduceBounds32(reg);
  deduceBounds64(reg);
  boundOffset(reg);
  updateBounds(reg);
}

/** The upper half is zero: ranges of the whole are those of the lower half. */
export function assign32Into64(reg: RegisterState): void {
  reg.umin = BigInt(reg.u32min);
  reg.umax = BigInt(reg.u32max);
  if (reg.s32min >= 0 && reg.s32max >= 0) {
    reg.smin = BigInt(reg.s32min);
    reg.smax = BigInt(reg.s32max);
  } else {
    reg.smin = 0n;
    reg.smax = 0xffff_ffffn;
  }
}

/** After a 32-bit comparison. */
export function combine32Into64(reg: RegisterState): void {
  if (tnumEqualsConst(tnumClearSubreg(reg.varOff), 0n)) assign32Into64(reg);
  else reg.markUnbounded64();
  syncBounds(reg);
}

/** After a 64-bit comparison or a narrowing load. */
export function combine64Into32(reg: RegisterState): void {
  reg.markUnbounded32();
  if (reg.smin >= BigInt(S32_MIN) && reg.smin <= BigInt(S32_MAX)) {
    if (reg.smax >= BigInt(S32_MIN) && reg.smax <= BigInt(S32_MAX)) {
      reg.s32min = Number(reg.smin);
      reg.s32max = Number(reg.smax);
    }
  }
  if (reg.umin <= 0xffff_ffffn && reg.umax <= 0xffff_ffffn) {
    reg.u32min = Number(reg.umin);
    reg.u32max = Number(reg.umax);
  }
  syncBounds(reg);
}

/** The upper half becomes zero. */
export function zeroExtend32(reg: RegisterState): void {
  reg.varOff = tnumSubreg(reg.varOff);
  assign32Into64(reg);
}

/** Only the low `size` bytes remain, zero-extended. */
export function coerceToSize(reg: RegisterState, size: number): void {
  reg.varOff = tnumCast(reg.varOff, size);
  const keep = (1n << BigInt(size * 8)) - 1n;
  if (reg.umin >> BigInt(size * 8) === reg.umax >> BigInt(size * 8)) {
    reg.umin &= keep;
    reg.umax &= keep;
  } else {
    reg.umin = 0n;
    reg.umax = keep;
  }
  reg.smin = s64(reg.umin);
  reg.smax = s64(reg.umax);
  // A word keeps the ranges of the lower half as they are.
  if (size >= 4) return;
  combine64Into32(reg);
}

function add32(dst: RegisterState, src: RegisterState): void {
  const low = dst.s32min + src.s32min;
  const high = dst.s32max + src.s32max;
  if (!fitsS32(low) || !fitsS32(high)) {
    dst.s32min = S32_MIN;
    dst.s32max = S32_MAX;
  } else {
    dst.s32min = low;
    dst.s32max = high;
  }
  const ulow = dst.u32min + src.u32min;
  const uhigh = dst.u32max + src.u32max;
  if (ulow > U32_MAX || uhigh > U32_MAX) {
    dst.u32min = 0;
    dst.u32max = U32_MAX;
  } else {
    dst.u32min = ulow;
    dst.u32max = uhigh;
  }
}

function add64(dst: RegisterState, src: RegisterState): void {
  const low = dst.smin + src.smin;
  const high = dst.smax + src.smax;
  if (!fitsS64(low) || !fitsS64(high)) {
    dst.smin = S64_MIN;
    dst.smax = S64_MAX;
  } else {
    dst.smin = low;
    dst.smax = high;
  }
  const ulow = dst.umin + src.umin;
  const uhigh = dst.umax + src.umax;
  if (ulow > U64_MAX || uhigh > U64_MAX) {
    dst.umin = 0n;
    dst.umax = U64_MAX;
  } else {
    dst.umin = ulow;
    dst.umax = uhigh;
  }
}

function sub32(dst: RegisterState, src: RegisterState): void {
  const low = dst.s32min - src.s32max;
  const high = dst.s32max - src.s32min;
  if (!fitsS32(low) || !fitsS32(high)) {
    dst.s32min = S32_MIN;
    dst.s32max = S32_MAX;
  } else {
    dst.s32min = low;
    dst.s32max = high;
  }
  if (dst.u32min < src.u32max) {
    dst.u32min = 0;
    dst.u32max = U32_MAX;
  } else {
    dst.u32min -= src.u32max;
    dst.u32max -= src.u32min;
  }
}

function sub64(dst: RegisterState, src: RegisterState): void {
  const low = dst.smin - src.smax;
  const high = dst.smax - src.smin;
  if (!fitsS64(low) || !fitsS64(high)) {
    dst.smin = S64_MIN;
    dst.smax = S64_MAX;
  } else {
    dst.smin = low;
    dst.smax = high;
  }
  if (dst.umin < src.umax) {
    dst.umin = 0n;
    dst.umax = U64_MAX;
  } else {
    dst.umin -= src.umax;
    dst.umax -= src.umin;
  }
}

/** Offsets of a pointer and a scalar added or subtracted: only the 64-bit ranges of `dst` are written. */
export function addRanges(dst: RegisterState, a: RegisterState, b: RegisterState): void {
  const [smin, smax, umin, umax] = [a.smin + b.smin, a.smax + b.smax, a.umin + b.umin, a.umax + b.umax];
  const signedFits = fitsS64(smin) && fitsS64(smax);
  dst.smin = signedFits ? smin : S64_MIN;
  dst.smax = signedFits ? smax : S64_MAX;
  const unsignedFits = umin <= U64_MAX && umax <= U64_MAX;
  dst.umin = unsignedFits ? umin : 0n;
  dst.umax = unsignedFits ? umax : U64_MAX;
}

export function subtractRanges(dst: RegisterState, a: RegisterState, b: RegisterState): void {
  const [smin, smax, umin, umax] = [a.smin - b.smax, a.smax - b.smin, a.umin - b.umax, a.umax - b.umin];
  const signedFits = fitsS64(smin) && fitsS64(smax);
  dst.smin = signedFits ? smin : S64_MIN;
  dst.smax = signedFits ? smax : S64_MAX;
  dst.umin = umin >= 0n ? umin : 0n;
  dst.umax = umin >= 0n ? umax : U64_MAX;
}

function mul32(dst: RegisterState, src: RegisterState): void {
  if (src.s32min < 0 || dst.s32min < 0 || src.u32max > 0xffff || dst.u32max > 0xffff) {
    dst.markUnbounded32();
    return;
  }
  dst.u32min *= src.u32min;
  dst.u32max *= src.u32max;
  const overflow = dst.u32max > S32_MAX;
  dst.s32min = overflow ? S32_MIN : dst.u32min;
  dst.s32max = overflow ? S32_MAX : dst.u32max;
}

function mul64(dst: RegisterState, src: RegisterState): void {
  if (src.smin < 0n || dst.smin < 0n || src.umax > 0xffff_ffffn || dst.umax > 0xffff_ffffn) {
    dst.markUnbounded64();
    return;
  }
  dst.umin *= src.umin;
  dst.umax *= src.umax;
  const overflow = dst.umax > S64_MAX;
  dst.smin = overflow ? S64_MIN : dst.umin;
  dst.smax = overflow ? S64_MAX : dst.umax;
}

/** The signed range of a bitwise operation: as the unsigned one when no operand can be negative. */
function signed32FromUnsigned(dst: RegisterState, maybeNegative: boolean): void {
  dst.s32min = maybeNegative ? S32_MIN : dst.u32min | 0;
  dst.s32max = maybeNegative ? S32_MAX : dst.u32max | 0;
}

function signed64FromUnsigned(dst: RegisterState, maybeNegative: boolean): void {
  dst.smin = maybeNegative ? S64_MIN : s64(dst.umin);
  dst.smax = maybeNegative ? S64_MAX : s64(dst.umax);
}

/** AND, OR and XOR, after `dst.varOff` has got the result. */
function bitwise32(op: number, dst: RegisterState, src: RegisterState): void {
  const value = Number(dst.varOff.value & 0xffff_ffffn);
  if (tnumSubregIsConst(src.varOff) && tnumSubregIsConst(dst.varOff)) {
    dst.setSubregKnown(value);
    return;
  }
  const mask = Number(dst.varOff.mask & 0xffff_ffffn);
  const maybeNegative = dst.s32min < 0 || src.s32min < 0;
  if (op === BPF_AND) {
    dst.u32min = value;
    dst.u32max = Math.min(dst.u32max, src.u32max);
  } else {
    dst.u32min = op === BPF_OR ? Math.max(dst.u32min, src.u32min) : value;
    dst.u32max = (value | mask) >>> 0;
  }
  signed32FromUnsigned(dst, maybeNegative);
}

function bitwise64(op: number, dst: RegisterState, src: RegisterState): void {
  const { value, mask } = dst.varOff;
  if (tnumIsConst(src.varOff) && tnumIsConst(dst.varOff)) {
    dst.markKnown(value);
    return;
  }
  const maybeNegative = dst.smin < 0n || src.smin < 0n;
  if (op === BPF_AND) {
    dst.umin = value;
    dst.umax = min(dst.umax, src.umax);
  } else {
    dst.umin = op === BPF_OR ? max(dst.umin, src.umin) : value;
    dst.umax = value | mask;
  }
  signed64FromUnsigned(dst, maybeNegative);
  updateBounds(dst);
}

function leftShiftRange32(dst: RegisterState, low: number, high: number): void {
  dst.s32min = S32_MIN;
  dst.s32max = S32_MAX;
  if (high > 31 || dst.u32max > 2 ** (31 - high)) {
    dst.u32min = 0;
    dst.u32max = U32_MAX;
  } else {
    dst.u32min = (dst.u32min << low) >>> 0;
    dst.u32max = (dst.u32max << high) >>> 0;
  }
}

function leftShift(dst: RegisterState, low: number, high: number, is32: boolean): void {
  if (is32) {
    const lower = tnumSubreg(dst.varOff);
    leftShiftRange32(dst, low, high);
    dst.varOff = tnumSubreg(tnumLeftShift(lower, low));
    dst.markUnbounded64();
    updateBounds32(dst);
    return;
  }
  // A shift by 32 is how compilers begin a sign extension.
  const extends32 = low === 32 && high === 32;
  dst.smax = extends32 && dst.s32max >= 0 ? BigInt(dst.s32max) << 32n : S64_MAX;
  dst.smin = extends32 && dst.s32min >= 0 ? BigInt(dst.s32min) << 32n : S64_MIN;
  if (dst.umax > 1n << BigInt(63 - high)) {
    dst.umin = 0n;
    dst.umax = U64_MAX;
  } else {
    dst.umin <<= BigInt(low);
    dst.umax <<= BigInt(high);
  }
  leftShiftRange32(dst, low, high);
  dst.varOff = tnumLeftShift(dst.varOff, low);
  updateBounds(dst);
}

function rightShift(dst: RegisterState, low: number, high: number, is32: boolean): void {
  if (is32) {
    dst.s32min = S32_MIN;
    dst.s32max = S32_MAX;
    dst.varOff = tnumRightShift(tnumSubreg(dst.varOff), low);
    dst.u32min >>>= high;
    dst.u32max >>>= low;
    dst.markUnbounded64();
    updateBounds32(dst);
    return;
  }
  dst.smin = S64_MIN;
  dst.smax = S64_MAX;
  dst.varOff = tnumRightShift(dst.varOff, low);
  dst.umin >>= BigInt(high);
  dst.umax >>= BigInt(low);
  dst.markUnbounded32();
  updateBounds(dst);
}

function arithmeticRightShift(dst: RegisterState, by: number, is32: boolean): void {
  if (is32) {
    dst.s32min >>= by;
    dst.s32max >>= by;
    dst.varOff = tnumArithmeticRightShift(tnumSubreg(dst.varOff), by, 32);
    dst.u32min = 0;
    dst.u32max = U32_MAX;
    dst.markUnbounded64();
    updateBounds32(dst);
    return;
  }
  dst.smin >>= BigInt(by);
  dst.smax >>= BigInt(by);
  dst.varOff = tnumArithmeticRightShift(dst.varOff, by, 64);
  dst.umin = 0n;
  dst.umax = U64_MAX;
  dst.markUnbounded32();
  updateBounds(dst);
}

/** Whether the ranges contradict each other: such a value cannot occur, and nothing may be concluded from it. */
export function isContradictory(reg: RegisterState, is32: boolean): boolean {
  if (is32) {
    const known = tnumSubregIsConst(reg.varOff);
    if (known && (reg.s32min !== reg.s32max || reg.u32min !== reg.u32max)) return true;
    return reg.s32min > reg.s32max || reg.u32min > reg.u32max;
  }
  if (tnumIsConst(reg.varOff) && (reg.smin !== reg.smax || reg.umin !== reg.umax)) return true;
  return reg.smin > reg.smax || reg.umin > reg.umax;
}

/**
 * dst = dst op src for two scalars, all kinds of knowledge at once.
 * @returns false if nothing is known of the result; the caller then marks it unknown.
 */
export function scalarArithmetic(op: number, dst: RegisterState, src: RegisterState, is32: boolean): boolean {
  const bits = is32 ? 32 : 64;
  switch (op) {
    case BPF_ADD:
      add32(dst, src);
      add64(dst, src);
      dst.varOff = tnumAdd(dst.varOff, src.varOff);
      break;
    case BPF_SUB:
      sub32(dst, src);
      sub64(dst, src);
      dst.varOff = tnumSub(dst.varOff, src.varOff);
      break;
    case BPF_MUL:
      dst.varOff = tnumMul(dst.varOff, src.varOff);
      mul32(dst, src);
      mul64(dst, src);
      break;
    case BPF_AND:
      dst.varOff = tnumAnd(dst.varOff, src.varOff);
      bitwise32(op, dst, src);
      bitwise64(op, dst, src);
      break;
    case BPF_OR:
      dst.varOff = tnumOr(dst.varOff, src.varOff);
      bitwise32(op, dst, src);
      bitwise64(op, dst, src);
      break;
    case BPF_XOR:
      dst.varOff = tnumXor(dst.varOff, src.varOff);
      bitwise32(op, dst, src);
      bitwise64(op, dst, src);
      break;
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH: {
      // Shifting by the width or more is undefined: the result may be anything.
      if (src.umax >= BigInt(bits)) return false;
      const low = is32 ? src.u32min : Number(src.umin);
      const high = is32 ? src.u32max : Number(src.umax);
      if (op === BPF_LSH) leftShift(dst, low, high, is32);
      else if (op === BPF_RSH) rightShift(dst, low, high, is32);
      else arithmeticRightShift(dst, low, is32);
      break;
    }
    default:
      return false;
  }
  return true;
}

/** Every value that `current` may have lies in the ranges of `old`. */
export function rangeWithin(old: RegisterState, current: RegisterState): boolean {
  return (
    old.umin <= current.umin &&
    old.umax >= current.umax &&
    old.smin <= current.smin &&
    old.smax >= current.smax &&
    old.u32min <= current.u32min &&
    old.u32max >= current.u32max &&
    old.s32min <= current.s32min &&
    old.s32max >= current.s32max
  );
}
