/**
 * The common x87 instructions as WebAssembly functions that both tiers call: normal numbers and zeros, no stack fault, no exception but a
 * masked precision one. A function answers 0 where anything else is the case, with nothing changed; then unit.ts does it, whose rules
 * these repeat.
 */
import {
  c32,
  c64,
  call,
  type Expr,
  encodeModule,
  type FunctionBuilder,
  i32,
  i64,
  load32,
  load64,
  type Signature,
  select,
} from "../../wasm/index.ts";
import { layout, SEGMENT_BYTES, SEGMENT_SELECTOR, segmentAddress } from "../state.ts";
import { Record } from "../tier0/record.ts";
import {
  Answer,
  Arithmetic,
  arithmeticFunctions,
  growsBy,
  makeFunction,
  precisionMasked,
  requireNumber,
  roundingMode,
  TOP_BIT,
} from "./fast-arithmetic.ts";
import { x87Layout } from "./layout.ts";

const ZERO = c32(0);
const CONTROL = layout.x87 + x87Layout.control;
const STATUS = layout.x87 + x87Layout.status;
const TAGS = layout.x87 + x87Layout.tags;
const C1 = 0x200;
const PRECISION = 0x20;
/** Where a result waits: significand or value, upper 16 bits, status bits. */
const RESULT = layout.arguments;
const RESULT_HIGH = layout.arguments + 8;
const RESULT_STATUS = layout.arguments + 16;
const places = { control: CONTROL, significand: RESULT } as const;

/** Operations of memory and register forms, as ModRM.reg has them. */
export const Operation = {
  add: 0,
  multiply: 1,
  compare: 2,
  subtract: 4,
  subtractReversed: 5,
  divide: 6,
  divideReversed: 7,
} as const;
/** What a memory operand is. Integers come sign-extended, extended values in two parts. */
export const Source = { single: 0, double: 1, integer: 2, extended: 3, register: 4 } as const;
/** What ST(0) becomes in memory. */
export const Target = { single: 0, double: 1, int16: 2, int32: 3, int64: 4, extended: 5, truncate: 8 } as const;
export const Move = { exchange: 0, store: 1, storePop: 2, changeSign: 3, absolute: 4 } as const;

/** What both tiers import, in this order. All answer i32: 0 if nothing was done. */
export const x87FastFunctions = {
  /** ST(0) = ST(0) op operand: operation | source << 3 | pops << 6, the operand, record, opcode. */
  x87Memory: { params: ["i32", "i64", "i32", "i32"], results: ["i32"] },
  /** Operation | (destination is ST(i)) << 3 | pops << 4 | (to RFLAGS) << 6, record, opcode. Comparisons answer with flags, too. */
  x87Register: { params: ["i32", "i32", "i32"], results: ["i32"] },
  /** Source, operand, its upper part, record, opcode. */
  x87Load: { params: ["i32", "i64", "i64", "i32", "i32"], results: ["i32"] },
  /** Target. Leaves the value among the results of a routine, and changes nothing. */
  x87Convert: { params: ["i32"], results: ["i32"] },
  /** After the store: whether it pops, record, opcode. */
  x87Stored: { params: ["i32", "i32", "i32"], results: ["i32"] },
  /** Move, record, opcode. */
  x87Move: { params: ["i32", "i32", "i32"], results: ["i32"] },
  /** FLDCW. */
  x87Control: { params: ["i64"], results: ["i32"] },
  /** Data pointer: offset, record, whether in 64-bit mode. */
  x87Data: { params: ["i64", "i32", "i32"], results: ["i32"] },
} as const satisfies { readonly [name: string]: Signature };
export type X87Fast = keyof typeof x87FastFunctions;
/** The same as imports of a module. */
export const x87FastImports = Object.entries(x87FastFunctions).map(([name, signature]) => ({ name, signature }));

const FIRST_ARITHMETIC = Object.keys(x87FastFunctions).length;
const WIDEN = FIRST_ARITHMETIC + Object.keys(Arithmetic).length;
const arithmetic = (name: keyof typeof Arithmetic, ...args: Expr[]): Expr =>
  call("i32", FIRST_ARITHMETIC + Arithmetic[name], ...args);

const top = (): Expr => i32.and(i32.shr_u(load32("u16", ZERO, STATUS), c32(11)), c32(7));
/** Number of the physical register i from the top. */
const physical = (i: Expr): Expr => i32.and(i32.add(top(), i), c32(7));
const addressOf = (number: Expr): Expr => i32.add(i32.shl(number, c32(4)), c32(layout.x87 + x87Layout.registers));
const isUsed = (number: Expr): Expr => i32.and(i32.shr_u(load32("u8", ZERO, TAGS), number), c32(1));
const requireUsed = (f: FunctionBuilder, number: Expr): void => f.if(i32.eqz(isUsed(number)), () => f.return(ZERO));
const setStatus = (f: FunctionBuilder, clear: number, set: Expr): void =>
  f.store("u16", ZERO, i32.or(i32.and(load32("u16", ZERO, STATUS), c32(~clear)), set), STATUS);
function pop(f: FunctionBuilder): void {
  const old = f.let(top());
  f.store("u8", ZERO, i32.and(load32("u8", ZERO, TAGS), i32.xor(i32.shl(c32(1), old), c32(-1))), TAGS);
  setStatus(f, 0x3800, i32.shl(i32.and(i32.add(old, c32(1)), c32(7)), c32(11)));
}
/** Pops as often as a number (0 to 2) says. */
function pops(f: FunctionBuilder, count: Expr): void {
  f.if(count, () => {
    pop(f);
    f.if(i32.gt_u(count, c32(1)), () => pop(f));
  });
}
function push(f: FunctionBuilder, significand: Expr, se: Expr): void {
  const number = f.let(physical(c32(7)));
  f.if(isUsed(number), () => f.return(ZERO));
  const at = f.let(addressOf(number));
  f.store("i64", at, significand);
  f.store("u16", at, se, 8);
  f.store("u8", ZERO, i32.or(load32("u8", ZERO, TAGS), i32.shl(c32(1), number)), TAGS);
  setStatus(f, 0x3800 | C1, i32.shl(number, c32(11)));
}
/** The pointers to the instruction that is executed. */
function point(f: FunctionBuilder, record: Expr, opcode: Expr): void {
  const word = i32.or(i32.shl(i32.and(opcode, c32(7)), c32(8)), load32("u8", record, Record.modrm));
  f.store("u16", ZERO, word, layout.x87 + x87Layout.opcode);
  const rip = i64.sub(load64("i64", record, Record.nextRip), load64("u8", record, Record.length));
  f.store("i64", ZERO, rip, layout.x87 + x87Layout.instructionPointer);
  f.store(
    "u16",
    ZERO,
    load32("u16", ZERO, segmentAddress("cs") + SEGMENT_SELECTOR),
    layout.x87 + x87Layout.codeSelector,
  );
}
/** Inexactness and C1 of an answer, as status bits. */
const answerStatus = (answer: Expr): Expr =>
  i32.or(i32.and(i32.shr_u(answer, c32(11)), c32(PRECISION)), i32.and(i32.shr_u(answer, c32(8)), c32(C1)));

/** ST(destination) = a op b; nothing has been changed if it returns from the function. */
function operate(
  f: FunctionBuilder,
  operation: Expr,
  a: readonly [Expr, Expr],
  b: readonly [Expr, Expr],
  destination: Expr,
): void {
  requireNumber(f, ...a);
  requireNumber(f, ...b);
  const result = f.local("i32");
  const NEGATIVE = c32(0x8000);
  f.if(
    i32.eq(operation, c32(Operation.multiply)),
    () => f.set(result, arithmetic("multiply", ...a, ...b)),
    () =>
      f.if(
        i32.lt_u(operation, c32(Operation.divide)),
        () => {
          const aSign = select(i32.xor(a[1], NEGATIVE), a[1], i32.eq(operation, c32(Operation.subtractReversed)));
          const bSign = select(i32.xor(b[1], NEGATIVE), b[1], i32.eq(operation, c32(Operation.subtract)));
          f.set(result, arithmetic("add", a[0], aSign, b[0], bSign));
        },
        () =>
          f.if(
            i32.eq(operation, c32(Operation.divide)),
            () => f.set(result, arithmetic("divide", ...a, ...b)),
            () => f.set(result, arithmetic("divide", ...b, ...a)),
          ),
      ),
  );
  f.if(i32.eqz(result), () => f.return(ZERO));
  const at = f.let(addressOf(destination));
  f.store("i64", at, load64("i64", ZERO, RESULT));
  f.store("u16", at, result, 8);
  setStatus(f, C1, answerStatus(result));
}

/** 1, 2, 3 for less, equal, greater. */
function order(f: FunctionBuilder, a: readonly [Expr, Expr], b: readonly [Expr, Expr]): Expr {
  requireNumber(f, ...a);
  requireNumber(f, ...b);
  return f.let(arithmetic("compare", ...a, ...b));
}
/** C3, C2 and C0 of an order; C1 is cleared. */
const setConditionCodes = (f: FunctionBuilder, result: Expr): void =>
  setStatus(f, 0x4700, select(c32(0x100), select(c32(0x4000), ZERO, i32.eq(result, c32(2))), i32.eq(result, c32(1))));

const registerValue = (f: FunctionBuilder, number: Expr): readonly [Expr, Expr] => {
  const at = f.let(addressOf(number));
  return [f.let(load64("i64", at)), f.let(load32("u16", at, 8))];
};

function functions(): { readonly name: string; readonly builder: FunctionBuilder }[] {
  /** A memory operand in extended format: significand to RESULT, answers with sign and exponent. */
  const widen = makeFunction("widen", ["i32", "i64"], (f, source, bits) => {
    const [significand, exponent, sign] = [f.local("i64"), f.local("i32"), f.local("i32")];
    const zero = (): void => {
      f.store("i64", ZERO, c64(0), RESULT);
      f.return(i32.or(i32.shl(sign, c32(15)), c32(Answer.done)));
    };
    f.if(
      i32.eq(source, c32(Source.integer)),
      () => {
        f.set(sign, i32.wrap(i64.shr_u(bits, c64(63))));
        f.if(i64.eqz(bits), zero);
        f.set(significand, select(i64.sub(c64(0), bits), bits, sign));
        const shift = f.let(i64.clz(significand));
        f.set(significand, i64.shl(significand, shift));
        f.set(exponent, i32.sub(c32(0x3fff + 63), i32.wrap(shift)));
      },
      () => {
        const fields = (fraction: number, exponentBits: number): void => {
          const width = fraction + exponentBits;
          f.set(sign, i32.and(i32.wrap(i64.shr_u(bits, c64(width))), c32(1)));
          const biased = f.let(i32.and(i32.wrap(i64.shr_u(bits, c64(fraction))), c32((1 << exponentBits) - 1)));
          f.set(significand, i64.shl(bits, c64(64 - fraction)));
          f.if(i32.eqz(i32.or(biased, i32.wrap(i64.shr_u(significand, c64(32))))), () => {
            f.if(i64.eqz(significand), zero);
          });
          f.if(i32.ge_u(i32.sub(biased, c32(1)), c32((1 << exponentBits) - 2)), () => f.return(ZERO));
          f.set(significand, i64.or(i64.shr_u(significand, c64(1)), TOP_BIT));
          f.set(exponent, i32.add(biased, c32(0x3fff - ((1 << (exponentBits - 1)) - 1))));
        };
        f.if(
          i32.eq(source, c32(Source.single)),
          () => fields(23, 8),
          () => fields(52, 11),
        );
      },
    );
    f.store("i64", ZERO, significand, RESULT);
    f.return(i32.or(i32.or(exponent, i32.shl(sign, c32(15))), c32(Answer.done)));
  });
  const widened = (f: FunctionBuilder, source: Expr, bits: Expr): readonly [Expr, Expr] => {
    const se = f.let(call("i32", WIDEN, source, bits));
    f.if(i32.eqz(se), () => f.return(ZERO));
    return [f.let(load64("i64", ZERO, RESULT)), f.let(i32.and(se, c32(0xffff)))];
  };

  const memory = makeFunction("x87Memory", x87FastFunctions.x87Memory.params, (f, what, bits, record, opcode) => {
    const first = f.let(top());
    requireUsed(f, first);
    const b = widened(f, f.let(i32.and(i32.shr_u(what, c32(3)), c32(7))), bits);
    const a = registerValue(f, first);
    const operation = f.let(i32.and(what, c32(7)));
    f.if(
      i32.eq(operation, c32(Operation.compare)),
      () => {
        setConditionCodes(f, order(f, a, b));
        pops(f, f.let(i32.shr_u(what, c32(6))));
      },
      () => operate(f, operation, a, b, first),
    );
    point(f, record, opcode);
    f.return(c32(1));
  });

  const register = makeFunction("x87Register", x87FastFunctions.x87Register.params, (f, what, record, opcode) => {
    const first = f.let(top());
    const other = f.let(physical(load32("u8", record, Record.modrm)));
    requireUsed(f, first);
    requireUsed(f, other);
    const a = registerValue(f, first);
    const b = registerValue(f, other);
    const operation = f.let(i32.and(what, c32(7)));
    const count = f.let(i32.and(i32.shr_u(what, c32(4)), c32(3)));
    const result = f.local("i32");
    f.set(result, c32(1));
    f.if(
      i32.eq(operation, c32(Operation.compare)),
      () => {
        f.set(result, order(f, a, b));
        f.if(
          i32.and(what, c32(0x40)),
          () => {
            // ZF and CF; FCOMI and its kin leave C1 alone.
            const flags = select(c32(1), select(c32(0x40), ZERO, i32.eq(result, c32(2))), i32.eq(result, c32(1)));
            f.set(result, i32.or(flags, c32(Answer.done)));
          },
          () => setConditionCodes(f, result),
        );
      },
      () => operate(f, operation, a, b, select(other, first, i32.and(what, c32(8)))),
    );
    pops(f, count);
    point(f, record, opcode);
    f.return(result);
  });

  const load = makeFunction("x87Load", x87FastFunctions.x87Load.params, (f, source, bits, high, record, opcode) => {
    f.if(
      i32.lt_u(source, c32(Source.extended)),
      () => push(f, ...widened(f, source, bits)),
      () =>
        f.if(
          i32.eq(source, c32(Source.register)),
          () => {
            const number = f.let(physical(load32("u8", record, Record.modrm)));
            requireUsed(f, number);
            push(f, ...registerValue(f, number));
          },
          () => push(f, bits, i32.wrap(high)),
        ),
    );
    point(f, record, opcode);
    f.return(c32(1));
  });

  const convert = makeFunction("x87Convert", x87FastFunctions.x87Convert.params, (f, what) => {
    const first = f.let(top());
    requireUsed(f, first);
    const [significand, se] = registerValue(f, first);
    const done = (value: Expr, status: Expr): void => {
      f.store("i64", ZERO, value, RESULT);
      f.store("i64", ZERO, i64.extend_i32_u(status), RESULT_STATUS);
      f.return(c32(1));
    };
    f.if(i32.eq(what, c32(Target.extended)), () => {
      f.store("i64", ZERO, i64.extend_i32_u(se), RESULT_HIGH);
      done(significand, ZERO);
    });
    requireNumber(f, significand, se);
    const sign = f.let(i32.shr_u(se, c32(15)));
    const wideSign = i64.extend_i32_u(sign);
    const exponent = f.local("i32");
    f.set(exponent, i32.sub(i32.and(se, c32(0x7fff)), c32(0x3fff)));
    const [kept, rest, status] = [f.local("i64"), f.local("i64"), f.local("i32")];
    const roundKept = (mode: Expr): void =>
      f.if(i32.eqz(i64.eqz(rest)), () => {
        f.if(i32.eqz(precisionMasked(places)), () => f.return(ZERO));
        f.set(status, c32(PRECISION));
        f.if(growsBy(f, f.let(mode), sign, rest, i32.wrap(i64.and(kept, c64(1)))), () => {
          f.set(status, c32(PRECISION | C1));
          f.set(kept, i64.add(kept, c64(1)));
        });
      });
    f.set(status, ZERO);
    const floating = (fraction: number, exponentBits: number): void => {
      f.if(i64.eqz(significand), () => done(i64.shl(wideSign, c64(fraction + exponentBits)), ZERO));
      f.set(kept, i64.shr_u(significand, c64(63 - fraction)));
      f.set(rest, i64.shl(significand, c64(fraction + 1)));
      roundKept(roundingMode(places));
      f.if(i64.eq(kept, c64(2n ** BigInt(fraction + 1))), () => f.set(exponent, i32.add(exponent, c32(1))));
      const bias = (1 << (exponentBits - 1)) - 1;
      const biased = f.let(i32.add(exponent, c32(bias)));
      f.if(i32.ge_u(i32.sub(biased, c32(1)), c32(2 * bias)), () => f.return(ZERO));
      const fractionField = i64.and(kept, c64(2n ** BigInt(fraction) - 1n));
      const upper = i64.or(i64.extend_i32_u(biased), i64.shl(wideSign, c64(exponentBits)));
      done(i64.or(i64.shl(upper, c64(fraction)), fractionField), status);
    };
    f.if(i32.eq(what, c32(Target.single)), () => floating(23, 8));
    f.if(i32.eq(what, c32(Target.double)), () => floating(52, 11));
    // Integers.
    f.if(i64.eqz(significand), () => done(c64(0), ZERO));
    f.if(i32.gt_s(exponent, c32(62)), () => f.return(ZERO));
    f.if(
      i32.lt_s(exponent, ZERO),
      () => {
        f.set(kept, c64(0));
        f.set(rest, select(significand, c64(1), i32.eq(exponent, c32(-1))));
      },
      () => {
        f.set(kept, i64.shr_u(significand, i64.extend_i32_u(i32.sub(c32(63), exponent))));
        f.set(rest, i64.shl(significand, i64.extend_i32_u(i32.add(exponent, c32(1)))));
      },
    );
    roundKept(select(c32(3), roundingMode(places), i32.and(what, c32(Target.truncate))));
    const size = f.let(i32.and(what, c32(7)));
    const bits = select(
      c64(15),
      select(c64(31), c64(63), i32.eq(size, c32(Target.int32))),
      i32.eq(size, c32(Target.int16)),
    );
    // One more is there below zero.
    const limit = i64.sub(i64.add(i64.shl(c64(1), bits), wideSign), c64(1));
    f.if(i64.gt_u(kept, limit), () => f.return(ZERO));
    done(select(i64.sub(c64(0), kept), kept, sign), status);
  });

  const stored = makeFunction("x87Stored", x87FastFunctions.x87Stored.params, (f, popsIt, record, opcode) => {
    setStatus(f, C1, load32("i32", ZERO, RESULT_STATUS));
    f.if(popsIt, () => pop(f));
    point(f, record, opcode);
    f.return(c32(1));
  });

  const move = makeFunction("x87Move", x87FastFunctions.x87Move.params, (f, what, record, opcode) => {
    const first = f.let(top());
    requireUsed(f, first);
    const from = f.let(addressOf(first));
    const se = f.let(load32("u16", from, 8));
    const other = f.let(physical(load32("u8", record, Record.modrm)));
    const to = f.let(addressOf(other));
    const significand = f.let(load64("i64", from));
    f.if(
      i32.eqz(what),
      () => {
        requireUsed(f, other);
        f.store("i64", from, load64("i64", to));
        f.store("u16", from, load32("u16", to, 8), 8);
        f.store("i64", to, significand);
        f.store("u16", to, se, 8);
      },
      () =>
        f.if(
          i32.ge_u(what, c32(Move.changeSign)),
          () => {
            const flipped = select(
              i32.xor(se, c32(0x8000)),
              i32.and(se, c32(0x7fff)),
              i32.eq(what, c32(Move.changeSign)),
            );
            f.store("u16", from, flipped, 8);
          },
          () => {
            f.store("i64", to, significand);
            f.store("u16", to, se, 8);
            f.store("u8", ZERO, i32.or(load32("u8", ZERO, TAGS), i32.shl(c32(1), other)), TAGS);
            f.if(i32.eq(what, c32(Move.storePop)), () => pop(f));
          },
        ),
    );
    setStatus(f, C1, ZERO);
    point(f, record, opcode);
    f.return(c32(1));
  });

  const control = makeFunction("x87Control", x87FastFunctions.x87Control.params, (f, value) => {
    const word = f.let(i32.or(i32.and(i32.wrap(value), c32(0x1f3f)), c32(0x40)));
    f.store("u16", ZERO, word, CONTROL);
    const raised = i32.and(i32.and(load32("u16", ZERO, STATUS), i32.xor(word, c32(-1))), c32(0x3f));
    setStatus(f, 0x8080, select(c32(0x8080), ZERO, f.let(raised)));
    f.return(c32(1));
  });

  const data = makeFunction("x87Data", x87FastFunctions.x87Data.params, (f, offset, record, is64) => {
    f.store("i64", ZERO, offset, layout.x87 + x87Layout.dataPointer);
    const base = f.let(load32("u16", record, Record.segment));
    const segment = f.local("i32");
    const plain = select(
      c32(segmentAddress("ss")),
      c32(segmentAddress("ds")),
      i32.and(load32("u8", record, Record.flags), c32(1)),
    );
    const [fs, gs] = [c32(segmentAddress("fs")), c32(segmentAddress("gs"))];
    const number = i32.shr_u(i32.sub(base, c32(layout.effectiveBases)), c32(3));
    const legacy = i32.add(i32.mul(number, c32(SEGMENT_BYTES)), c32(layout.segments));
    f.set(segment, select(select(base, plain, i32.or(i32.eq(base, fs), i32.eq(base, gs))), legacy, is64));
    f.store("u16", ZERO, load32("u16", segment, SEGMENT_SELECTOR), layout.x87 + x87Layout.dataSelector);
    f.return(c32(1));
  });

  const named = { x87Memory: memory, x87Register: register, x87Load: load, x87Convert: convert, x87Stored: stored };
  const all: { readonly [name in X87Fast]: FunctionBuilder } = {
    ...named,
    x87Move: move,
    x87Control: control,
    x87Data: data,
  };
  const inner = [...arithmeticFunctions(places, FIRST_ARITHMETIC), widen];
  return [
    ...Object.entries(x87FastFunctions).map(([name]) => ({ name, builder: all[name as X87Fast] })),
    ...inner.map((builder) => ({ name: builder.name, builder })),
  ];
}

let compiled: WebAssembly.Module | undefined;

/** The functions of one processor, whose state lies in `memory`. */
export function instantiateX87Fast(memory: WebAssembly.Memory): WebAssembly.ModuleImports {
  if (compiled === undefined) {
    const all = functions();
    const bytes = encodeModule({
      types: [],
      functionImports: [],
      memoryPages: 1,
      functions: all.map(({ builder }) => builder),
      exports: all.map(({ name }, index) => ({ name, function: index })),
    });
    compiled = new WebAssembly.Module(bytes);
  }
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as WebAssembly.ModuleImports;
}
