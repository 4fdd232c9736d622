/**
 * SSE and SSE2 floating point (AMD64 APM volume 1 chapter 4, volume 4). Each instruction has a fast way that the host's
 * floating point gives exactly, taken when that is certain: the host rounds to nearest and knows no flags, so exceptions must
 * be masked, rounding to nearest, DAZ and FTZ off, the precision flag already set (or the result exact), and operands and
 * result ordinary numbers. Everything else is computed by `executeSseFloat` in soft float.
 */
import { c32, c64, type Expr, f32, f64, f64const, i32, i64, select } from "../../wasm/index.ts";
import { f32x4, f64x2, i32x4, i64x2, v128 } from "../../wasm/simd.ts";
import { define, type Semantics } from "../definition.ts";
import { sseFloatOperations } from "../sse-float.ts";
import { layout } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { enterMmx, writeMmx } from "./mmx.ts";
import {
  bytes,
  fromHalves,
  fromLow,
  immediateByte,
  readLow,
  readSource,
  repeated,
  writeScalar,
} from "./vector-operands.ts";
import { vexRow } from "./vex-row.ts";

const sse = { unit: "sse" } as const;
const avx = { unit: "avx" } as const;

/** MXCSR bits that decide how arithmetic works: everything but the flags other than PE. */
const modeBits = 0xffe0;
/** All exceptions masked, round to nearest, no DAZ, no FTZ, PE set. */
const ordinaryMode = 0x1fa0;
const precisionFlag = 0x20;
/** The same without the rounding mode, for truncation. */
const truncationBits = 0x9fe0;

const mxcsrIs = (t: Tier, bits: number, value: number): Expr =>
  i32.eq(i32.and(t.field("i32", layout.mxcsr), c32(bits)), c32(value));
export const inOrdinaryMode = (t: Tier): Expr => mxcsrIs(t, modeBits, ordinaryMode);

/** One of the two element types, with its vector operations and limits. */
export interface Element {
  readonly size: 4 | 8;
  readonly lanes: typeof f32x4 | typeof f64x2;
  readonly allTrue: (mask: Expr) => Expr;
  readonly smallest: Expr;
  readonly infinity: Expr;
  /** Lanes whose significand is at most half as long as it may be: products of two such are exact. */
  readonly isShort: (x: Expr) => Expr;
}
export const singleElement: Element = {
  size: 4,
  lanes: f32x4,
  allTrue: i32x4.all_true,
  smallest: repeated(0x0080_0000n, 4),
  infinity: repeated(0x7f80_0000n, 4),
  isShort: (x) => i32x4.eq(v128.and(x, repeated(0xfffn, 4)), repeated(0n, 4)),
};
export const doubleElement: Element = {
  size: 8,
  lanes: f64x2,
  allTrue: i64x2.all_true,
  smallest: repeated(0x0010_0000_0000_0000n, 8),
  infinity: repeated(0x7ff0_0000_0000_0000n, 8),
  isShort: (x) => i64x2.eq(v128.and(x, repeated(0x7ff_ffffn, 8)), repeated(0n, 8)),
};
const zero = repeated(0n, 8);

/** Lanes that are zero or normal numbers. */
export function ordinary(t: Tier, { lanes, smallest, infinity }: Element, x: Expr): Expr {
  const magnitude = t.let(lanes.abs(x));
  const normal = v128.and(lanes.ge(magnitude, smallest), lanes.lt(magnitude, infinity));
  return v128.or(normal, lanes.eq(x, zero));
}

/** Lanes that are neither denormal nor NaN. */
export function comparable({ lanes, smallest }: Element, x: Expr): Expr {
  return v128.or(lanes.ge(lanes.abs(x), smallest), lanes.eq(x, zero));
}

/** Results of multiplication and division that cannot have underflowed. */
export function notUnderflowed(t: Tier, element: Element, result: Expr, zeroOperand: Expr): Expr {
  const { lanes, smallest, infinity } = element;
  const magnitude = t.let(lanes.abs(result));
  const normal = v128.and(lanes.gt(magnitude, smallest), lanes.lt(magnitude, infinity));
  return v128.or(normal, v128.and(lanes.eq(result, zero), zeroOperand));
}

/**
 * The exact computation, on one or two parts of 128 bits; `c`: the third operand of fused operations. Returns the destination's
 * new value.
 */
export function exactParts(
  t: Tier,
  operation: string,
  a: readonly Expr[],
  b: readonly Expr[],
  immediate: Expr = c64(0),
  c: readonly Expr[] = [],
): Expr[] {
  const index = sseFloatOperations.indexOf(operation);
  if (index < 0) throw new Error(`sse-float.ts has no operation ${operation}`);
  const halves = [...a, ...b, ...c].flatMap((x) => [i64x2.extract_lane(x, 0), i64x2.extract_lane(x, 1)]);
  t.call("sseFloat", c64(index), immediate, c64(a.length), ...halves);
  return a.map((_, i) => t.let(fromHalves(t.result(2 * i), t.result(2 * i + 1))));
}
/** The same on one part. */
export function exactly(t: Tier, operation: string, a: Expr, b: Expr, immediate: Expr = c64(0)): Expr {
  return exactParts(t, operation, [a], [b], immediate)[0];
}

/** Result of the fast way, and lanes in which it is certain given an ordinary mode. */
export interface Fast {
  readonly result: Expr;
  readonly certain: Expr;
  /** Lanes that are exact, so that it does not matter whether PE is set. */
  readonly exact?: Expr;
}
export type FastWay = (t: Tier, element: Element, a: Expr, b: Expr, immediate: Expr) => Fast;

const sum =
  (subtract: boolean): FastWay =>
  (t, element, a, b) => {
    const { lanes } = element;
    const result = t.let(subtract ? lanes.sub(a, b) : lanes.add(a, b));
    // Knuth's TwoSum: the rounding error of a sum is itself a floating-point number.
    const second = t.let(subtract ? lanes.sub(result, a) : lanes.sub(result, a));
    const lostA = lanes.sub(a, lanes.sub(result, second));
    const lostB = subtract ? lanes.add(b, second) : lanes.sub(b, second);
    const lost = subtract ? lanes.sub(lostA, lostB) : lanes.add(lostA, lostB);
    const certain = v128.and(v128.and(ordinary(t, element, a), ordinary(t, element, b)), ordinary(t, element, result));
    return { result, certain, exact: lanes.eq(lost, zero) };
  };
const product: FastWay = (t, element, a, b) => {
  const { lanes } = element;
  const result = t.let(lanes.mul(a, b));
  const operands = v128.and(ordinary(t, element, a), ordinary(t, element, b));
  const zeroOperand = v128.or(lanes.eq(a, zero), lanes.eq(b, zero));
  const certain = v128.and(operands, notUnderflowed(t, element, result, zeroOperand));
  return { result, certain, exact: element.isShort(v128.or(a, b)) };
};
const quotient: FastWay = (t, element, a, b) => {
  const { lanes } = element;
  const result = t.let(lanes.div(a, b));
  const operands = v128.and(ordinary(t, element, a), ordinary(t, element, b));
  const certain = v128.and(operands, notUnderflowed(t, element, result, lanes.eq(a, zero)));
  const exact = v128.and(element.isShort(v128.or(result, b)), lanes.eq(lanes.mul(result, b), a));
  return { result, certain, exact };
};
const squareRoot: FastWay = (t, element, _a, b) => {
  const { lanes } = element;
  const result = t.let(lanes.sqrt(b));
  const certain = v128.and(ordinary(t, element, b), ordinary(t, element, result));
  return { result, certain, exact: v128.and(element.isShort(result), lanes.eq(lanes.mul(result, result), b)) };
};
/** No rounding happens in a choice: certain in any mode. */
const choice =
  (maximum: boolean): FastWay =>
  (t, element, a, b) => {
    const { lanes } = element;
    const certain = t.let(v128.and(comparable(element, a), comparable(element, b)));
    return { result: t.let(maximum ? lanes.pmax(b, a) : lanes.pmin(b, a)), certain, exact: certain };
  };

/** True if all lanes that count are certain, and either exact or the mode is ordinary. */
function mayBeFast(t: Tier, element: Element, fast: Fast, scalar: boolean, anyMode: boolean): Expr {
  const all = (mask: Expr): Expr => {
    if (!scalar) return element.allTrue(mask);
    if (element.size === 4) return i32x4.extract_lane(mask, 0);
    return i32.wrap(i64x2.extract_lane(mask, 0));
  };
  const certain = i32.ne(all(fast.certain), c32(0));
  if (anyMode) return certain;
  if (fast.exact === undefined) return i32.and(inOrdinaryMode(t), certain);
  const exact = i32.ne(all(fast.exact), c32(0));
  const flagSet = i32.and(t.field("i32", layout.mxcsr), c32(precisionFlag));
  const mode = mxcsrIs(t, modeBits & ~precisionFlag, ordinaryMode & ~precisionFlag);
  return i32.and(i32.and(mode, certain), i32.or(i32.ne(flagSet, c32(0)), exact));
}

/** The four shapes of an arithmetic instruction. */
export interface Shape {
  readonly suffix: "ps" | "pd" | "ss" | "sd";
  readonly prefix: "NP" | "66" | "F3" | "F2";
  readonly element: Element;
  readonly scalar: boolean;
}
export const shapes: readonly Shape[] = [
  { suffix: "ps", prefix: "NP", element: singleElement, scalar: false },
  { suffix: "pd", prefix: "66", element: doubleElement, scalar: false },
  { suffix: "ss", prefix: "F3", element: singleElement, scalar: true },
  { suffix: "sd", prefix: "F2", element: doubleElement, scalar: true },
];

/** An instruction on lanes: the shape, how to be fast (undefined: never), the exact operation. */
interface LaneInstruction {
  readonly name: string;
  /** Prefix and opcode with its map, as in SSE rows: "66 0F 58". */
  readonly opcode: string;
  readonly shape: Shape;
  readonly way: FastWay | undefined;
  readonly operation: string;
  /** The fast way does not depend on the rounding mode and PE. */
  readonly anyMode?: boolean;
  /** There is one operand only; of scalars the rest comes from the first all the same. */
  readonly unary?: boolean;
  readonly immediate?: boolean;
  /** What the operation is applied to, if not the operands as they are. */
  readonly arrange?: (t: Tier, a: Expr, b: Expr) => readonly [Expr, Expr];
  /** The exact way's operands, if they are others. */
  readonly exactOperands?: (t: Tier, a: Expr, b: Expr) => readonly [Expr, Expr];
  /** "sse", "128" and "256": which encodings exist. */
  readonly encodings?: readonly string[];
}

/** Computes on all parts: fast if every one of them may be, else exactly, together. */
export function computeParts(
  t: Tier,
  instruction: LaneInstruction,
  first: readonly Expr[],
  second: readonly Expr[],
  immediate: Expr,
  write: (values: readonly Expr[], fast: boolean) => void,
): void {
  const { shape, way, operation, anyMode = false, arrange } = instruction;
  const pairs = first.map((a, i) => arrange?.(t, a, second[i]) ?? [a, second[i]]);
  const exact = (): void => {
    const operands = first.map((a, i) => instruction.exactOperands?.(t, a, second[i]) ?? pairs[i]);
    write(
      exactParts(
        t,
        operation,
        operands.map(([a]) => a),
        operands.map(([, b]) => b),
        immediate,
      ),
      false,
    );
  };
  if (way === undefined) {
    exact();
    return;
  }
  const fast = pairs.map(([a, b]) => way(t, shape.element, a, b, immediate));
  t.if(
    fast.map((part) => mayBeFast(t, shape.element, part, shape.scalar, anyMode)).reduce((a, b) => i32.and(a, b)),
    () =>
      write(
        fast.map(({ result }) => result),
        true,
      ),
    exact,
  );
}

/** Defines the SSE form and those of AVX. */
export function defineLanes(instruction: LaneInstruction): void {
  const { name, opcode, shape, unary = false, immediate = false } = instruction;
  const { scalar, element, suffix } = shape;
  const encodings = instruction.encodings ?? ["sse", "128", "256"];
  const source = scalar ? `W${suffix}` : "Wx";
  const tail = `${source}${immediate ? ",Ib" : ""}`;
  const immediateOf = (t: Tier, operand: Operand | undefined): Expr =>
    operand === undefined ? c64(0) : immediateByte(t, operand);
  if (encodings.includes("sse")) {
    define(
      name,
      `${opcode} Vx,${tail}`,
      (t, destination, operand, selector) => {
        const b = readSource(t, operand);
        const a = t.let(t.readVector(destination));
        computeParts(t, instruction, [a], [b], immediateOf(t, selector), ([value], fast) => {
          if (scalar && fast) writeScalar(t, destination, i64x2.extract_lane(value, 0), element.size);
          else t.writeVector(destination, value);
        });
      },
      sse,
    );
  }
  const two = unary && !scalar;
  for (const length of scalar ? (["LIG"] as const) : (["128", "256"] as const)) {
    if (!encodings.includes(scalar ? "128" : length)) continue;
    define(
      `v${name}`,
      `${vexRow(length, opcode)} Vx,${two ? "" : "Hx,"}${tail}`,
      (t, destination, ...operands) => {
        const [first, second, selector] = two ? [operands[0], operands[0], operands[1]] : operands;
        const b = scalar ? [readSource(t, second, true)] : t.readVectors(second);
        const a = two ? b : t.readVectors(first);
        computeParts(t, instruction, a, b, immediateOf(t, selector), (values, fast) => {
          if (scalar && fast) t.writeVectors(destination, [mergeScalar(a[0], values[0], element.size)]);
          else t.writeVectors(destination, values);
        });
      },
      avx,
    );
  }
}

/** a with its low lane from b. */
export function mergeScalar(a: Expr, b: Expr, size: 4 | 8): Expr {
  if (size === 8) return i64x2.replace_lane(a, 0, i64x2.extract_lane(b, 0));
  return i32x4.replace_lane(a, 0, i32x4.extract_lane(b, 0));
}

function defineArithmetic(
  name: string,
  opcode: string,
  way: FastWay | undefined,
  options: Partial<LaneInstruction> = {},
) {
  for (const shape of shapes)
    defineLanes({
      name: name + shape.suffix,
      opcode: `${shape.prefix} 0F ${opcode}`,
      shape,
      way,
      operation: name + shape.suffix,
      ...options,
    });
}
defineArithmetic("sqrt", "51", squareRoot, { unary: true });
defineArithmetic("add", "58", sum(false));
defineArithmetic("mul", "59", product);
defineArithmetic("sub", "5C", sum(true));
defineArithmetic("min", "5D", choice(false), { anyMode: true });
defineArithmetic("div", "5E", quotient);
defineArithmetic("max", "5F", choice(true), { anyMode: true });

// Approximations: there is only the one way.
for (const [name, opcode] of [
  ["rsqrt", "52"],
  ["rcp", "53"],
]) {
  for (const shape of shapes) {
    if (shape.element !== singleElement) continue;
    const operation = name + shape.suffix;
    defineLanes({
      name: operation,
      opcode: `${shape.prefix} 0F ${opcode}`,
      shape,
      way: undefined,
      operation,
      unary: true,
    });
  }
}

/** CMPxx: predicate in the immediate; 0 equal, 1 less, 2 less or equal, 3 unordered, +4 the opposite. */
function compareMask({ lanes }: Element, a: Expr, b: Expr, predicate: Expr): Expr {
  const is = (value: number): Expr => i32.eq(i32.and(predicate, c32(3)), c32(value));
  // Unordered is false here: NaNs do not come this way. That makes the 24 predicates of AVX the same as the eight.
  const less = select(lanes.lt(a, b), lanes.le(a, b), is(1));
  const holds = select(lanes.eq(a, b), select(zero, less, is(3)), is(0));
  const opposite = i32x4.splat(i32.sub(c32(0), i32.and(i32.shr_u(predicate, c32(2)), c32(1))));
  return v128.xor(holds, opposite);
}
for (const encodings of [["sse"], ["128", "256"]]) {
  const predicates = encodings[0] === "sse" ? 7 : 31;
  const way: FastWay = (t, element, a, b, immediate) => ({
    result: t.let(compareMask(element, a, b, t.let(i32.wrap(immediate)))),
    certain: v128.and(comparable(element, a), comparable(element, b)),
  });
  for (const shape of shapes)
    defineLanes({
      name: `cmp${shape.suffix}`,
      opcode: `${shape.prefix} 0F C2`,
      shape,
      way,
      operation: predicates === 7 ? `cmp${shape.suffix}` : `vcmp${shape.suffix}`,
      anyMode: true,
      immediate: true,
      encodings,
    });
}

// SSE3: neighbours
/** Even elements of both operands, and the odd ones. */
function neighbours(element: Element, a: Expr, b: Expr): readonly [Expr, Expr] {
  const { size } = element;
  const of = (odd: number): Expr =>
    v128.shuffle(
      a,
      b,
      Array.from({ length: 16 }, (_, i) => (Math.floor(i / size) * 2 + odd) * size + (i % size)),
    );
  return [of(0), of(1)];
}
for (const [name, opcode, way, operation] of [
  ["hadd", "7C", sum(false), "add"],
  ["hsub", "7D", sum(true), "sub"],
  ["addsub", "D0", sum(false), "addsub"],
] as const) {
  for (const { suffix, prefix, element } of [
    { ...shapes[0], prefix: "F2" },
    { ...shapes[1], prefix: "66" },
  ]) {
    const shape = shapes[suffix === "ps" ? 0 : 1];
    const signs =
      element.size === 4 ? repeated(0x8000_0000n, 8) : bytes(0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0);
    defineLanes({
      name: name + suffix,
      opcode: `${prefix} 0F ${opcode}`,
      shape,
      way,
      operation: operation + suffix,
      ...(operation === "addsub"
        ? { arrange: (t, a, b) => [a, t.let(v128.xor(b, signs))], exactOperands: (_t, a, b) => [a, b] }
        : {
            arrange: (t, a, b) => {
              const [even, odd] = neighbours(element, a, b);
              return [t.let(even), t.let(odd)];
            },
          }),
    });
  }
}

// SSE4.1
/** Rounding needs no rounding error to be known but that there was one: PE, unless the immediate silences it. */
const roundWay: FastWay = (t, element, _a, b, immediate) => {
  const { lanes } = element;
  const fromMxcsr = i32.and(i32.shr_u(t.field("i32", layout.mxcsr), c32(13)), c32(3));
  const selector = t.let(i32.wrap(immediate));
  const mode = t.let(select(fromMxcsr, i32.and(selector, c32(3)), i32.and(selector, c32(4))));
  const is = (value: number): Expr => i32.eq(mode, c32(value));
  const toZero = select(lanes.trunc(b), select(lanes.ceil(b), lanes.floor(b), is(2)), is(3));
  const result = t.let(select(lanes.nearest(b), toZero, is(0)));
  const flag = i32.and(t.field("i32", layout.mxcsr), c32(0x1020));
  const silent = i32.or(i32.and(selector, c32(8)), i32.eq(flag, c32(0x1020)));
  const exact = v128.or(lanes.eq(result, b), i32x4.splat(i32.sub(c32(0), i32.ne(silent, c32(0)))));
  return { result, certain: t.let(v128.and(comparable(element, b), exact)) };
};
for (const [i, shape] of shapes.entries()) {
  defineLanes({
    name: `round${shape.suffix}`,
    opcode: `66 0F 3A ${["08", "09", "0A", "0B"][i]}`,
    shape,
    way: roundWay,
    operation: `round${shape.suffix}`,
    anyMode: true,
    unary: true,
    immediate: true,
  });
}
for (const [name, opcode, encodings] of [
  ["dpps", "66 0F 3A 40", ["sse", "128", "256"]],
  ["dppd", "66 0F 3A 41", ["sse", "128"]],
] as const) {
  const shape = shapes[name === "dpps" ? 0 : 1];
  defineLanes({ name, opcode, shape, way: undefined, operation: name, immediate: true, encodings });
}

/** The SSE form and that of AVX, with the same operands. */
function defineBoth(name: string, opcode: string, operands: string, semantics: Semantics): void {
  define(name, `${opcode} ${operands}`, semantics, sse);
  define(`v${name}`, `${vexRow("LIG", opcode)} ${operands}`, semantics, avx);
}

// COMISx, UCOMISx: ZF, PF, CF as an unsigned comparison; unordered sets all three.
for (const [name, opcode, element] of [
  ["ucomiss", "NP 0F 2E", singleElement],
  ["ucomisd", "66 0F 2E", doubleElement],
  ["comiss", "NP 0F 2F", singleElement],
  ["comisd", "66 0F 2F", doubleElement],
] as const) {
  defineBoth(name, opcode, `Vx,W${element.size === 4 ? "ss" : "sd"}`, (t, first, second) => {
    const b = readSource(t, second);
    const a = t.let(t.readVector(first));
    const certain = v128.and(comparable(element, a), comparable(element, b));
    const bit = (mask: Expr, image: number): Expr => i32.and(i32x4.extract_lane(mask, 0), c32(image));
    t.if(
      mayBeFast(t, element, { result: a, certain }, true, true),
      () => t.flags.setImage(i32.or(bit(element.lanes.lt(a, b), 0x01), bit(element.lanes.eq(a, b), 0x40))),
      () => {
        const image = exactly(t, name, a, b);
        t.flags.setImage(i32.wrap(t.let(i64x2.extract_lane(image, 0))));
      },
    );
  });
}

// Scalar conversions

/** The scalar of an operand as f64; singles are widened, which is exact. */
function scalarAsDouble(low: Expr, size: 4 | 8): Expr {
  return size === 8 ? f64.reinterpret_i64(low) : f64.promote_f32(f32.reinterpret_i32(i32.wrap(low)));
}

/** A scalar conversion: `fast` gives the low lane and when that is right; AVX takes the rest from an operand apart. */
function defineScalarConversion(
  name: string,
  opcode: string,
  source: string,
  size: 4 | 8,
  convert: (t: Tier, operand: Operand) => { bits: Expr; certain: Expr; operation: string; b: () => Expr },
): void {
  define(
    name,
    `${opcode} Vx,${source}`,
    (t, destination, operand) => {
      const { bits, certain, operation, b } = convert(t, operand);
      t.if(
        certain,
        () => writeScalar(t, destination, bits, size),
        () => t.writeVector(destination, exactly(t, operation, t.let(t.readVector(destination)), b())),
      );
    },
    sse,
  );
  define(
    `v${name}`,
    `${vexRow("LIG", opcode)} Vx,Hx,${source}`,
    (t, destination, rest, operand) => {
      const { bits, certain, operation, b } = convert(t, operand);
      const a = t.let(t.readVector(rest));
      t.if(
        certain,
        () => t.writeVectors(destination, [mergeScalar(a, fromLow(bits), size)]),
        () => t.writeVectors(destination, [exactly(t, operation, a, b())]),
      );
    },
    avx,
  );
}

for (const [suffix, prefix, size] of [
  ["ss", "F3", 4],
  ["sd", "F2", 8],
] as const) {
  defineScalarConversion(`cvtsi2${suffix}`, `${prefix} 0F 2A`, "Ey", size, (t, source) => {
    const value = t.let(t.readSigned(source));
    const bits =
      size === 8
        ? i64.reinterpret_f64(f64.convert_i64_s(value))
        : i64.extend_i32_u(i32.reinterpret_f32(f32.convert_i64_s(value)));
    // Integers of at most as many bits as the significand are exact.
    const limit = size === 8 ? 1n << 53n : 1n << 24n;
    const exact = i64.le_u(i64.add(value, c64(limit)), c64(2n * limit));
    const certain = size === 8 && source.size === 4 ? c32(1) : i32.or(exact, inOrdinaryMode(t));
    return { bits, certain, operation: `cvtsi2${suffix}${source.size * 8}`, b: () => t.let(fromLow(value)) };
  });

  for (const [name, opcode, truncate] of [
    [`cvtt${suffix}2si`, "2C", true],
    [`cvt${suffix}2si`, "2D", false],
  ] as const) {
    defineBoth(name, `${prefix} 0F ${opcode}`, `Gy,W${suffix}`, (t, destination, source) => {
      const low = readLow(t, source);
      const x = t.let(scalarAsDouble(low, size));
      const rounded = t.let(truncate ? f64.trunc(x) : f64.nearest(x));
      const limit = 2 ** (destination.size * 8 - 1);
      const inRange = i32.and(f64.ge(rounded, f64const(-limit)), f64.lt(rounded, f64const(limit)));
      const mode = truncate ? mxcsrIs(t, truncationBits, ordinaryMode) : inOrdinaryMode(t);
      t.if(
        i32.and(inRange, i32.or(f64.eq(rounded, x), mode)),
        () => t.write(destination, i64.trunc_sat_f64_s(rounded)),
        () => {
          const vector = t.let(fromLow(low));
          const result = exactly(t, `${name}${destination.size * 8}`, vector, vector);
          t.write(destination, i64x2.extract_lane(result, 0));
        },
      );
    });
  }
}

defineScalarConversion("cvtss2sd", "F3 0F 5A", "Wss", 8, (t, source) => {
  const b = readSource(t, source);
  const bits = i64.reinterpret_f64(f64.promote_f32(f32.reinterpret_i32(i32x4.extract_lane(b, 0))));
  const certain = i32x4.extract_lane(comparable(singleElement, b), 0);
  return { bits, certain, operation: "cvtss2sd", b: () => b };
});
defineScalarConversion("cvtsd2ss", "F2 0F 5A", "Wsd", 4, (t, source) => {
  const b = readSource(t, source);
  const result = t.let(f32x4.demote_f64x2_zero(b));
  const ordinaryLanes = i32.and(
    i32.wrap(i64x2.extract_lane(ordinary(t, doubleElement, b), 0)),
    i32x4.extract_lane(notUnderflowed(t, singleElement, result, f64x2.eq(b, zero)), 0),
  );
  const exact = f64.eq(f64x2.extract_lane(f64x2.promote_low_f32x4(result), 0), f64x2.extract_lane(b, 0));
  const certain = i32.and(i32.ne(ordinaryLanes, c32(0)), i32.or(exact, inOrdinaryMode(t)));
  return { bits: i64x2.extract_lane(result, 0), certain, operation: "cvtsd2ss", b: () => b };
});

// Packed conversions

/**
 * One packed conversion of a part: `certain` (i32) says whether `result` needs no flags beyond PE, `exact` whether not even that.
 * `kind`: doublewords to quadwords, the other way, or the same size.
 */
function definePackedConversion(
  name: string,
  opcode: string,
  kind: "widens" | "narrows" | "keeps",
  fast: (
    t: Tier,
    b: Expr,
  ) => { readonly result: Expr; readonly certain: Expr; readonly exact: Expr; readonly mode?: Expr },
): void {
  const convert = (t: Tier, parts: readonly Expr[], write: (results: readonly Expr[]) => void): void => {
    const all = parts.map((b) => fast(t, b));
    const certain = all.map((part) => i32.and(part.certain, i32.or(part.exact, part.mode ?? inOrdinaryMode(t))));
    t.if(
      certain.reduce((a, b) => i32.and(a, b)),
      () => write(all.map(({ result }) => result)),
      () => write(exactParts(t, name, parts, parts)),
    );
  };
  const narrow = kind === "widens" ? "Wq" : "Wx";
  define(
    name,
    `${opcode} Vx,${narrow}`,
    (t, destination, source) => convert(t, [readSource(t, source)], ([result]) => t.writeVector(destination, result)),
    sse,
  );
  define(
    `v${name}`,
    `${vexRow("128", opcode)} Vx,${narrow}`,
    (t, destination, source) =>
      convert(t, [readSource(t, source, true)], (results) => t.writeVectors(destination, results)),
    avx,
  );
  define(
    `v${name}`,
    `${vexRow("256", opcode)} ${kind === "narrows" ? "Vdq" : "Vx"},${kind === "widens" ? "Wdq" : "Wx"}`,
    (t, destination, source) => {
      let parts = t.readVectors(source);
      if (kind === "widens") parts = [parts[0], t.let(fromLow(i64x2.extract_lane(parts[0], 1)))];
      convert(t, parts, ([first, second]) => {
        if (kind !== "narrows") t.writeVectors(destination, [first, second]);
        else t.writeVectors(destination, [fromHalves(i64x2.extract_lane(first, 0), i64x2.extract_lane(second, 0))]);
      });
    },
    avx,
  );
}
const lowHalfTrue = (mask: Expr): Expr => i64.eq(i64x2.extract_lane(mask, 0), c64(-1));

definePackedConversion("cvtdq2pd", "F3 0F E6", "widens", (t, b) => ({
  result: t.let(f64x2.convert_low_i32x4_s(b)),
  certain: c32(1),
  exact: c32(1),
}));
definePackedConversion("cvtps2pd", "NP 0F 5A", "widens", (t, b) => ({
  result: t.let(f64x2.promote_low_f32x4(b)),
  certain: lowHalfTrue(comparable(singleElement, b)),
  exact: c32(1),
}));
definePackedConversion("cvtpd2ps", "66 0F 5A", "narrows", (t, b) => {
  const result = t.let(f32x4.demote_f64x2_zero(b));
  const back = t.let(f64x2.promote_low_f32x4(result));
  const narrow = v128.or(
    v128.and(
      f64x2.gt(f64x2.abs(back), repeated(0x3810_0000_0000_0000n, 8)),
      f64x2.lt(f64x2.abs(back), doubleElement.infinity),
    ),
    f64x2.eq(b, zero),
  );
  return {
    result,
    certain: i64x2.all_true(v128.and(ordinary(t, doubleElement, b), narrow)),
    exact: i64x2.all_true(f64x2.eq(back, b)),
  };
});
definePackedConversion("cvtdq2ps", "NP 0F 5B", "keeps", (t, b) => {
  // Exact if every lane fits 24 bits; a shift there and back shows it.
  const fits = i32x4.eq(i32x4.shr_s(i32x4.shl(b, c32(7)), c32(7)), b);
  return { result: t.let(f32x4.convert_i32x4_s(b)), certain: c32(1), exact: i32x4.all_true(fits) };
});
for (const [name, row, truncate] of [
  ["cvtps2dq", "66 0F 5B", false],
  ["cvttps2dq", "F3 0F 5B", true],
] as const) {
  definePackedConversion(name, row, "keeps", (t, b) => {
    const rounded = t.let(truncate ? f32x4.trunc(b) : f32x4.nearest(b));
    const inRange = v128.and(
      f32x4.ge(rounded, repeated(0xcf00_0000n, 4)),
      f32x4.lt(rounded, repeated(0x4f00_0000n, 4)),
    );
    return {
      result: t.let(i32x4.trunc_sat_f32x4_s(rounded)),
      certain: i32x4.all_true(inRange),
      exact: i32x4.all_true(f32x4.eq(rounded, b)),
      mode: truncate ? mxcsrIs(t, truncationBits, ordinaryMode) : inOrdinaryMode(t),
    };
  });
}
for (const [name, row, truncate] of [
  ["cvtpd2dq", "F2 0F E6", false],
  ["cvttpd2dq", "66 0F E6", true],
] as const) {
  definePackedConversion(name, row, "narrows", (t, b) => {
    const rounded = t.let(truncate ? f64x2.trunc(b) : f64x2.nearest(b));
    const inRange = v128.and(
      f64x2.ge(rounded, repeated(0xc1e0_0000_0000_0000n, 8)),
      f64x2.lt(rounded, repeated(0x41e0_0000_0000_0000n, 8)),
    );
    return {
      result: t.let(i32x4.trunc_sat_f64x2_s_zero(rounded)),
      certain: i64x2.all_true(inRange),
      exact: i64x2.all_true(f64x2.eq(rounded, b)),
      mode: truncate ? mxcsrIs(t, truncationBits, ordinaryMode) : inOrdinaryMode(t),
    };
  });
}

// Between MMX and XMM registers: always the exact way. From memory CVTPI2Px leaves the x87 alone.
for (const [name, row] of [
  ["cvtpi2ps", "NP 0F 2A Vx,Qq"],
  ["cvtpi2pd", "66 0F 2A Vx,Qq"],
] as const) {
  define(
    name,
    row,
    (t, destination, source) => {
      const b = readSource(t, source);
      const a = t.let(t.readVector(destination));
      if (source.kind === "register") enterMmx(t);
      t.writeVector(destination, exactly(t, name === "cvtpi2pd" ? "cvtdq2pd" : name, a, b));
    },
    { unit: "sse" },
  );
}
for (const [name, row, operation] of [
  ["cvttps2pi", "NP 0F 2C Pq,Wq", "cvttps2pi"],
  ["cvtps2pi", "NP 0F 2D Pq,Wq", "cvtps2pi"],
  ["cvttpd2pi", "66 0F 2C Pq,Wpd", "cvttpd2dq"],
  ["cvtpd2pi", "66 0F 2D Pq,Wpd", "cvtpd2dq"],
] as const) {
  define(
    name,
    row,
    (t, destination, source) => {
      const b = readSource(t, source);
      // The x87 changes even if the conversion raises #XM.
      enterMmx(t);
      const result = t.let(i64x2.extract_lane(exactly(t, operation, b, b), 0));
      writeMmx(t, destination, result);
    },
    { unit: "mmx" },
  );
}

// The control and status register: bits 31:16 are reserved.
define(
  "ldmxcsr",
  "NP 0F AE /2 Md",
  (t, source) => {
    const value = t.let(i32.wrap(t.read(source)));
    t.raiseIf(i32.ne(i32.and(value, c32(0xffff_0000 | 0)), c32(0)), 13, 0);
    t.setField("i32", layout.mxcsr, value);
  },
  sse,
);
define(
  "stmxcsr",
  "NP 0F AE /3 Md",
  (t, destination) => t.write(destination, i64.extend_i32_u(t.field("i32", layout.mxcsr))),
  sse,
);
