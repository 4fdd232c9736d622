/**
 * The exact way of every SSE and SSE2 floating-point instruction (AMD64 APM volumes 1 chapter 4 and 4): each lane through
 * soft float, MXCSR's rounding, DAZ, FTZ and masks honoured, sticky flags collected, #XM decided before anything is written.
 * The generated code has a fast way for the ordinary case and comes here for the rest.
 */
import { approximateReciprocal, approximateReciprocalSquareRoot } from "./reciprocal-approximation.ts";
import * as soft from "./soft-float.ts";
import { double, type FloatContext, type FloatFormat, single } from "./soft-float.ts";

/** Operands of one execution, 16 bytes each; the first gives what of the result is not computed. */
interface Lanes {
  readonly view: DataView;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly immediate: number;
  readonly context: FloatContext;
  /** Where the result is built; starts as a copy of the destination. */
  readonly result: DataView;
  /** Called before each lane, so that flags can be told apart by lane. */
  readonly lane: () => void;
  /** Called between dependent steps: an exception that is not masked ends the operation there. */
  readonly step: () => void;
}

type Operation = (lanes: Lanes) => void;

function read(format: FloatFormat, view: DataView, at: number): bigint {
  return format === single ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
}

function write(format: FloatFormat, view: DataView, at: number, value: bigint): void {
  if (format === single) view.setUint32(at, Number(value), true);
  else view.setBigUint64(at, value, true);
}

const laneSize = (format: FloatFormat): number => (format === single ? 4 : 8);

/** result[i] = compute(a[i], b[i]) for the first `count` lanes. */
function binary(
  format: FloatFormat,
  count: number,
  compute: (context: FloatContext, a: bigint, b: bigint, immediate: number) => bigint,
): Operation {
  const size = laneSize(format);
  return ({ view, a, b, immediate, context, result, lane }) => {
    for (let i = 0; i < count; i++) {
      lane();
      const at = i * size;
      const value = compute(context, read(format, view, a + at), read(format, view, b + at), immediate);
      write(format, result, at, value);
    }
  };
}

/** The four shapes of an arithmetic instruction: ps, pd, ss, sd. */
function shapes(
  name: string,
  compute: (format: FloatFormat) => (context: FloatContext, a: bigint, b: bigint, immediate: number) => bigint,
): Record<string, Operation> {
  return {
    [`${name}ps`]: binary(single, 4, compute(single)),
    [`${name}pd`]: binary(double, 2, compute(double)),
    [`${name}ss`]: binary(single, 1, compute(single)),
    [`${name}sd`]: binary(double, 1, compute(double)),
  };
}

/** Predicates 0 to 15 that hold for operands that are not ordered, as a bit mask; and those that take quiet NaNs quietly. */
const holdsUnordered = 0b1000_0111_0111_1000;
const isQuiet = 0b1001_1001_1001_1001;

/** CMPxx: eight predicates, with VEX 32. Of ordered operands: equal, less, less or equal, never, and their opposites. */
const comparePredicate = (predicates: 7 | 31) => (format: FloatFormat) => {
  const all = format === single ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
  return (context: FloatContext, a: bigint, b: bigint, selector: number): bigint => {
    const immediate = selector & predicates;
    // Those from 16 on do the same and are quiet where the others are not.
    const quiet = ((isQuiet >> (immediate & 15)) & 1) !== (immediate & 16) >> 4;
    const order = soft.compare(context, format, a, b, quiet);
    if (order === undefined) return (holdsUnordered >> (immediate & 15)) & 1 ? all : 0n;
    const holds = [order === 0, order < 0, order <= 0, false][immediate & 3];
    return holds !== ((immediate & 4) !== 0) ? all : 0n;
  };
};

/** COMISx, UCOMISx: the result is ZF, PF and CF in their places in RFLAGS, as a 32-bit integer. */
function compareFlags(format: FloatFormat, quiet: boolean): Operation {
  return ({ view, a, b, context, result, lane }) => {
    lane();
    const order = soft.compare(context, format, read(format, view, a), read(format, view, b), quiet);
    result.setUint32(0, order === undefined ? 0x45 : order === 0 ? 0x40 : order < 0 ? 0x01 : 0, true);
  };
}

function floatToFloat(from: FloatFormat, to: FloatFormat, count: number, clearRest: boolean): Operation {
  return ({ view, b, context, result, lane }) => {
    if (clearRest) for (let i = 0; i < 16; i += 8) result.setBigUint64(i, 0n, true);
    for (let i = 0; i < count; i++) {
      lane();
      write(to, result, i * laneSize(to), soft.convert(context, from, to, read(from, view, b + i * laneSize(from))));
    }
  };
}

/** Floats to signed integers of `width` bits; the rest of the result is cleared if the lanes do not fill it. */
function floatToInteger(from: FloatFormat, width: 32 | 64, count: number, truncate: boolean): Operation {
  return ({ view, b, context, result, lane }) => {
    for (let i = 0; i < 16; i += 8) result.setBigUint64(i, 0n, true);
    for (let i = 0; i < count; i++) {
      lane();
      const mode = truncate ? soft.rounding.zero : context.rounding;
      const value = soft.toInteger(context, from, read(from, view, b + i * laneSize(from)), width, mode);
      if (width === 32) result.setUint32(i * 4, Number(value), true);
      else result.setBigUint64(i * 8, value, true);
    }
  };
}

function integerToFloat(width: 32 | 64, to: FloatFormat, count: number): Operation {
  return ({ view, b, context, result, lane }) => {
    for (let i = 0; i < count; i++) {
      lane();
      const value = width === 32 ? BigInt(view.getInt32(b + i * 4, true)) : view.getBigInt64(b + i * 8, true);
      write(to, result, i * laneSize(to), soft.fromInteger(context, to, value));
    }
  };
}

/** RCPxS, RSQRTxS: no exceptions, no modes. */
function approximate(count: number, compute: (bits: number) => number): Operation {
  return ({ view, b, result }) => {
    for (let i = 0; i < count; i++) result.setUint32(i * 4, compute(view.getUint32(b + i * 4, true)), true);
  };
}

/** ADDSUBPx: even lanes are subtracted, odd ones added. */
function alternate(format: FloatFormat, count: number): Operation {
  let subtract = false;
  return binary(format, count, (context, a, b) => {
    subtract = !subtract;
    return soft.add(context, format, a, b, subtract);
  });
}

/** ROUNDxx: the mode from bits 1:0 of the immediate or from MXCSR; bit 3 leaves PE alone. Denormals are not reported. */
function roundToIntegral(context: FloatContext, format: FloatFormat, value: bigint, immediate: number): bigint {
  const { rounding, masked, flags } = context;
  context.masked |= soft.floatFlags.denormal;
  if (!(immediate & 4)) context.rounding = (immediate & 3) as soft.Rounding;
  const { kind, sign } = soft.unpack(format, value);
  const result =
    kind === "denormal" && context.denormalsAreZero
      ? soft.zero(format, sign)
      : soft.roundToIntegral(context, format, value);
  context.rounding = rounding;
  context.masked = masked;
  const silenced = soft.floatFlags.denormal | (immediate & 8 ? soft.floatFlags.precision : 0);
  context.flags = flags | (context.flags & ~silenced);
  return result;
}

/** DPPx: products that bits 7:4 of the immediate choose, their sum, in the lanes that bits 3:0 choose. */
function dotProduct(format: FloatFormat): Operation {
  const size = laneSize(format);
  const count = 16 / size;
  return ({ view, a, b, immediate, context, result, lane, step }) => {
    const products: bigint[] = [];
    for (let i = 0; i < count; i++) {
      lane();
      const chosen = (immediate >> (4 + i)) & 1;
      const [x, y] = [read(format, view, a + i * size), read(format, view, b + i * size)];
      products.push(chosen ? soft.multiply(context, format, x, y) : 0n);
    }
    step();
    let sums = products;
    while (sums.length > 1) {
      const next: bigint[] = [];
      for (let i = 0; i < sums.length; i += 2) {
        next.push(soft.add(context, format, sums[i], sums[i + 1]));
        lane();
      }
      step();
      sums = next;
    }
    for (let i = 0; i < count; i++) write(format, result, i * size, (immediate >> i) & 1 ? sums[0] : 0n);
  };
}

/** FMA's operations: whether the product is negated, and in which lanes the addend is. */
function fused(
  name: string,
  negateProduct: boolean,
  subtract: "never" | "always" | "even" | "odd",
): Record<string, Operation> {
  const operation =
    (format: FloatFormat, count: number): Operation =>
    ({ view, a, b, c, context, result, lane }) => {
      const size = laneSize(format);
      for (let i = 0; i < count; i++) {
        lane();
        const [x, y, z] = [a, b, c].map((at) => read(format, view, at + i * size));
        const negateAddend = subtract === "always" || subtract === (i & 1 ? "odd" : "even");
        write(format, result, i * size, soft.fusedMultiplyAdd(context, format, x, y, z, negateProduct, negateAddend));
      }
    };
  return {
    [`${name}ps`]: operation(single, 4),
    [`${name}pd`]: operation(double, 2),
    [`${name}ss`]: operation(single, 1),
    [`${name}sd`]: operation(double, 1),
  };
}

/** VCVTPH2PS: DAZ does not apply, and denormals are not reported. */
const halfToSingle: Operation = ({ view, b, context, result, lane }) => {
  const { denormalsAreZero, masked } = context;
  context.denormalsAreZero = false;
  context.masked |= soft.floatFlags.denormal;
  for (let i = 0; i < 4; i++) {
    lane();
    const value = soft.convert(context, soft.half, single, BigInt(view.getUint16(b + i * 2, true)));
    context.flags &= ~soft.floatFlags.denormal;
    result.setUint32(i * 4, Number(value), true);
  }
  context.denormalsAreZero = denormalsAreZero;
  context.masked = masked;
};

/** VCVTPS2PH: rounding from the immediate unless its bit 2 is set; FTZ does not apply. */
const singleToHalf: Operation = ({ view, b, immediate, context, result, lane }) => {
  const { flushToZero, rounding } = context;
  context.flushToZero = false;
  if (!(immediate & 4)) context.rounding = (immediate & 3) as soft.Rounding;
  result.setBigUint64(8, 0n, true);
  for (let i = 0; i < 4; i++) {
    lane();
    const value = soft.convert(context, single, soft.half, BigInt(view.getUint32(b + i * 4, true)));
    result.setUint16(i * 2, Number(value), true);
  }
  context.flushToZero = flushToZero;
  context.rounding = rounding;
};

const table: Record<string, Operation> = {
  ...shapes("add", (format) => (context, a, b) => soft.add(context, format, a, b)),
  ...shapes("sub", (format) => (context, a, b) => soft.add(context, format, a, b, true)),
  ...shapes("mul", (format) => (context, a, b) => soft.multiply(context, format, a, b)),
  ...shapes("div", (format) => (context, a, b) => soft.divide(context, format, a, b)),
  ...shapes("sqrt", (format) => (context, _a, b) => soft.squareRoot(context, format, b)),
  ...shapes("min", (format) => (context, a, b) => soft.minimumOrMaximum(context, format, a, b, false)),
  ...shapes("max", (format) => (context, a, b) => soft.minimumOrMaximum(context, format, a, b, true)),
  ...shapes("cmp", comparePredicate(7)),
  ...shapes("vcmp", comparePredicate(31)),
  addsubps: alternate(single, 4),
  addsubpd: alternate(double, 2),
  ...shapes("round", (format) => (context, _a, b, immediate) => roundToIntegral(context, format, b, immediate)),
  dpps: dotProduct(single),
  dppd: dotProduct(double),
  ...fused("fmadd", false, "never"),
  ...fused("fmsub", false, "always"),
  ...fused("fnmadd", true, "never"),
  ...fused("fnmsub", true, "always"),
  ...fused("fmaddsub", false, "even"),
  ...fused("fmsubadd", false, "odd"),
  vcvtph2ps: halfToSingle,
  vcvtps2ph: singleToHalf,
  rcpps: approximate(4, approximateReciprocal),
  rcpss: approximate(1, approximateReciprocal),
  rsqrtps: approximate(4, approximateReciprocalSquareRoot),
  rsqrtss: approximate(1, approximateReciprocalSquareRoot),
  ucomiss: compareFlags(single, true),
  ucomisd: compareFlags(double, true),
  comiss: compareFlags(single, false),
  comisd: compareFlags(double, false),
  cvtps2pd: floatToFloat(single, double, 2, false),
  cvtpd2ps: floatToFloat(double, single, 2, true),
  cvtss2sd: floatToFloat(single, double, 1, false),
  cvtsd2ss: floatToFloat(double, single, 1, false),
  cvtps2dq: floatToInteger(single, 32, 4, false),
  cvttps2dq: floatToInteger(single, 32, 4, true),
  cvtpd2dq: floatToInteger(double, 32, 2, false),
  cvttpd2dq: floatToInteger(double, 32, 2, true),
  cvtps2pi: floatToInteger(single, 32, 2, false),
  cvttps2pi: floatToInteger(single, 32, 2, true),
  cvtss2si32: floatToInteger(single, 32, 1, false),
  cvttss2si32: floatToInteger(single, 32, 1, true),
  cvtss2si64: floatToInteger(single, 64, 1, false),
  cvttss2si64: floatToInteger(single, 64, 1, true),
  cvtsd2si32: floatToInteger(double, 32, 1, false),
  cvttsd2si32: floatToInteger(double, 32, 1, true),
  cvtsd2si64: floatToInteger(double, 64, 1, false),
  cvttsd2si64: floatToInteger(double, 64, 1, true),
  cvtdq2ps: integerToFloat(32, single, 4),
  cvtdq2pd: integerToFloat(32, double, 2),
  cvtpi2ps: integerToFloat(32, single, 2),
  cvtsi2ss32: integerToFloat(32, single, 1),
  cvtsi2ss64: integerToFloat(64, single, 1),
  cvtsi2sd32: integerToFloat(32, double, 1),
  cvtsi2sd64: integerToFloat(64, double, 1),
};

/** Names of the operations; generated code passes an index into this list. */
export const sseFloatOperations: readonly string[] = Object.keys(table);
const operations: readonly Operation[] = Object.values(table);

const context = new soft.FloatContext("sse");
const results = [new DataView(new ArrayBuffer(16)), new DataView(new ArrayBuffer(16))];
const preComputation = 0x07;

/** Where in the memory of an execution the operands lie: room for two parts each. */
export const OPERAND_BYTES = 32;

/**
 * Executes an operation on one or two parts of 16 bytes. `view` holds the first operand of all parts, `OPERAND_BYTES` further on
 * the second, and the third; results replace the first. Returns the new MXCSR. If an exception is not masked (`sseException` says
 * so) the first operand is as before.
 *
 * @param index of the operation in `sseFloatOperations`
 */
export function executeSseFloat(
  view: DataView,
  index: number,
  immediate: number,
  mxcsr: number,
  parts: number,
): number {
  context.fromMxcsr(mxcsr);
  // Flags by step, those that show before computing and those after it; all parts go in step.
  const before = [0, 0, 0, 0];
  const after = [0, 0, 0, 0];
  let current = 0;
  const lane = (): void => {
    before[current] |= context.flags & preComputation;
    after[current] |= context.flags & ~preComputation;
    context.flags = 0;
  };
  const step = (): void => {
    lane();
    current++;
  };
  for (let part = 0; part < parts; part++) {
    current = 0;
    const a = part * 16;
    const result = results[part];
    for (let i = 0; i < 16; i += 8) result.setBigUint64(i, view.getBigUint64(a + i, true), true);
    const b = a + OPERAND_BYTES;
    operations[index]({ view, a, b, c: b + OPERAND_BYTES, immediate, context, result, lane, step });
    lane();
  }
  // An exception that shows before computing stops all lanes from computing; any that is not masked, the steps after it.
  let raised = 0;
  for (let i = 0; i < before.length && (raised & ~context.masked) === 0; i++) {
    raised |= before[i] & ~context.masked ? before[i] : before[i] | after[i];
  }
  exception = (raised & ~context.masked) !== 0;
  if (!exception) {
    for (let part = 0; part < parts; part++) {
      for (let i = 0; i < 16; i += 8) view.setBigUint64(part * 16 + i, results[part].getBigUint64(i, true), true);
    }
  }
  return mxcsr | raised;
}

let exception = false;

/** Whether the last `executeSseFloat` ended in an exception that MXCSR does not mask (#XM). */
export function sseException(): boolean {
  return exception;
}
