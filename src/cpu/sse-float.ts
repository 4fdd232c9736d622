/**
 * The exact way of every SSE and SSE2 floating-point instruction (AMD64 APM volumes 1 chapter 4 and 4): each lane through
 * soft float, MXCSR's rounding, DAZ, FTZ and masks honoured, sticky flags collected, #XM decided before anything is written.
 * The generated code has a fast way for the ordinary case and comes here for the rest.
 */
import { approximateReciprocal, approximateReciprocalSquareRoot } from "./reciprocal-approximation.ts";
import * as soft from "./soft-float.ts";
import { double, type FloatContext, type FloatFormat, single } from "./soft-float.ts";

/** Operands of one execution: two 16-byte operands in memory, the first of which is also the destination. */
interface Lanes {
  readonly view: DataView;
  readonly a: number;
  readonly b: number;
  readonly immediate: number;
  readonly context: FloatContext;
  /** Where the result is built; starts as a copy of the destination. */
  readonly result: DataView;
  /** Called before each lane, so that flags can be told apart by lane. */
  readonly lane: () => void;
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

/** CMPxx predicates: equal, less, less or equal, unordered, and their opposites. */
function comparePredicate(format: FloatFormat) {
  const all = format === single ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
  return (context: FloatContext, a: bigint, b: bigint, immediate: number): bigint => {
    const predicate = immediate & 3;
    const quiet = predicate === 0 || predicate === 3;
    const order = soft.compare(context, format, a, b, quiet);
    const holds =
      predicate === 0
        ? order === 0
        : predicate === 1
          ? order === -1
          : predicate === 2
            ? order === -1 || order === 0
            : order === undefined;
    return holds !== ((immediate & 4) !== 0) ? all : 0n;
  };
}

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

const table: Record<string, Operation> = {
  ...shapes("add", (format) => (context, a, b) => soft.add(context, format, a, b)),
  ...shapes("sub", (format) => (context, a, b) => soft.add(context, format, a, b, true)),
  ...shapes("mul", (format) => (context, a, b) => soft.multiply(context, format, a, b)),
  ...shapes("div", (format) => (context, a, b) => soft.divide(context, format, a, b)),
  ...shapes("sqrt", (format) => (context, _a, b) => soft.squareRoot(context, format, b)),
  ...shapes("min", (format) => (context, a, b) => soft.minimumOrMaximum(context, format, a, b, false)),
  ...shapes("max", (format) => (context, a, b) => soft.minimumOrMaximum(context, format, a, b, true)),
  ...shapes("cmp", comparePredicate),
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
const result = new DataView(new ArrayBuffer(16));
const preComputation = 0x07;

/**
 * Executes an operation on two 16-byte operands in memory. Returns the new MXCSR. If an exception is not masked
 * (`sseException` says so) the destination is as before.
 *
 * @param index of the operation in `sseFloatOperations`
 * @param destination offset of the first operand and of the result
 */
export function executeSseFloat(
  view: DataView,
  index: number,
  destination: number,
  source: number,
  immediate: number,
  mxcsr: number,
): number {
  context.fromMxcsr(mxcsr);
  let before = 0;
  let after = 0;
  const collect = (): void => {
    before |= context.flags & preComputation;
    after |= context.flags & ~preComputation;
    context.flags = 0;
  };
  for (let i = 0; i < 16; i += 8) result.setBigUint64(i, view.getBigUint64(destination + i, true), true);
  operations[index]({ view, a: destination, b: source, immediate, context, result, lane: collect });
  collect();
  // An exception that shows before computing stops all lanes from computing.
  const raised = before & ~context.masked ? before : before | after;
  if ((raised & ~context.masked) === 0) {
    for (let i = 0; i < 16; i += 8) view.setBigUint64(destination + i, result.getBigUint64(i, true), true);
  }
  exception = (raised & ~context.masked) !== 0;
  return mxcsr | raised;
}

let exception = false;

/** Whether the last `executeSseFloat` ended in an exception that MXCSR does not mask (#XM). */
export function sseException(): boolean {
  return exception;
}
