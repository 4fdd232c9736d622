/**
 * The x87 instructions, opcodes D8 to DF (AMD64 APM volume 5, appendix A.3), and WAIT. The common ones are attempted by the functions of
 * x87/fast.ts; what those decline and all others are executed by the unit in x87/unit.ts. The rows say which exist and what their
 * operands are.
 */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import { CHECKED_SEGMENT, layout } from "../state.ts";
import type { Operand, Size, Tier } from "../tier.ts";
import { Move, Operation, Source, Target } from "../x87/fast.ts";
import { isNonWaiting, x87Layout } from "../x87/layout.ts";

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

/**
 * Executes an instruction: opcode, operand and address size in one argument, linear address and offset of the memory operand,
 * the flags in RFLAGS; the routine finds ModRM in the record. It gives back flags (FCOMI) or the status word (FNSTSW AX).
 */
function execute(t: Tier, opcode: number, memory?: Operand): void {
  const what = opcode | (t.size === 2 ? 0x100 : 0) | (t.addressSize << 12);
  const linear = memory ? t.linearAddress(memory) : c64(0);
  const offset = memory ? t.effectiveAddress(memory) : c64(0);
  t.call("x87", c64(what), linear, offset, i64.extend_i32_u(t.flags.image()));
}

/** The data pointer: what follows a memory form that was done. */
function pointToData(t: Tier, memory: Operand): void {
  const nothing = (): void => undefined;
  t.attempt("x87Data", [t.effectiveAddress(memory), t.record(), c32(t.mode === 64 ? 1 : 0)], nothing, nothing);
}

type Effect = (t: Tier, opcode: number, memory: Operand) => void;

const operate =
  (operation: number, source: number, pops = 0): Effect =>
  (t, opcode, memory) => {
    const size = memory.size as Size;
    const bits = t.load(t.linearAddress(memory), size, source === Source.integer);
    const what = c32(operation | (source << 3) | (pops << 6));
    t.attempt(
      "x87Memory",
      [what, bits, t.record(), c32(opcode)],
      () => pointToData(t, memory),
      () => execute(t, opcode, memory),
    );
  };

const load =
  (source: number): Effect =>
  (t, opcode, memory) => {
    const wide = source === Source.extended;
    const bits = t.load(t.linearAddress(memory), wide ? 8 : (memory.size as Size), source === Source.integer);
    const high = wide ? t.load(t.linearAddress(memory, c64(8)), 2) : c64(0);
    t.attempt(
      "x87Load",
      [c32(source), bits, high, t.record(), c32(opcode)],
      () => pointToData(t, memory),
      () => execute(t, opcode, memory),
    );
  };

const store =
  (target: number, pops: number): Effect =>
  (t, opcode, memory) => {
    const nothing = (): void => undefined;
    const linear = t.linearAddress(memory);
    t.attempt(
      "x87Convert",
      [c32(target)],
      () => {
        t.store(linear, memory.size as Size, t.result(0));
        t.attempt("x87Stored", [c32(pops), t.record(), c32(opcode)], nothing, nothing);
        pointToData(t, memory);
      },
      () => execute(t, opcode, memory),
    );
  };

/** FSTP to 80 bits: two stores, which must lie in one page so that the second cannot fault. */
const storeExtended: Effect = (t, opcode, memory) => {
  const nothing = (): void => undefined;
  const linear = t.linearAddress(memory);
  const inPage = i64.le_u(i64.and(linear, c64(0xfff)), c64(4096 - 10));
  const unmarked = t.mode === 64 ? c32(1) : i64.eqz(i64.and(linear, c64(CHECKED_SEGMENT)));
  const slowly = (): void => execute(t, opcode, memory);
  t.if(
    i32.and(inPage, unmarked),
    () =>
      t.attempt(
        "x87Convert",
        [c32(Target.extended)],
        () => {
          const high = t.let(t.result(1));
          t.store(linear, 8, t.result(0));
          t.store(t.linearAddress(memory, c64(8)), 2, high);
          t.attempt("x87Stored", [c32(1), t.record(), c32(opcode)], nothing, nothing);
          pointToData(t, memory);
        },
        slowly,
      ),
    slowly,
  );
};

/** Arithmetic and comparisons by ModRM.reg, of one kind of memory operand. */
const arithmeticForms = (source: number): readonly Effect[] => [
  operate(Operation.add, source),
  operate(Operation.multiply, source),
  operate(Operation.compare, source),
  operate(Operation.compare, source, 1),
  operate(Operation.subtract, source),
  operate(Operation.subtractReversed, source),
  operate(Operation.divide, source),
  operate(Operation.divideReversed, source),
];
const loadControl: Effect = (t, opcode, memory) => {
  const value = t.load(t.linearAddress(memory), 2);
  t.attempt(
    "x87Control",
    [value],
    () => undefined,
    () => execute(t, opcode, memory),
  );
};
const storeWord =
  (field: number): Effect =>
  (t, _opcode, memory) =>
    t.store(t.linearAddress(memory), 2, i64.extend_i32_u(t.field("u16", layout.x87 + field)));
const slow: Effect = execute;
const storeControl = storeWord(x87Layout.control);
const storeStatus = storeWord(x87Layout.status);
const { truncate } = Target;

/** What memory forms do, by opcode and ModRM.reg. */
const memoryEffects: Record<number, readonly Effect[]> = {
  216: arithmeticForms(Source.single),
  217: [
    load(Source.single),
    slow,
    store(Target.single, 0),
    store(Target.single, 1),
    slow,
    loadControl,
    slow,
    storeControl,
  ],
  218: arithmeticForms(Source.integer),
  219: [
    load(Source.integer),
    store(Target.int32 | truncate, 1),
    store(Target.int32, 0),
    store(Target.int32, 1),
    slow,
    load(Source.extended),
    slow,
    storeExtended,
  ],
  220: arithmeticForms(Source.double),
  221: [
    load(Source.double),
    store(Target.int64 | truncate, 1),
    store(Target.double, 0),
    store(Target.double, 1),
    slow,
    slow,
    slow,
    storeStatus,
  ],
  222: arithmeticForms(Source.integer),
  223: [
    load(Source.integer),
    store(Target.int16 | truncate, 1),
    store(Target.int16, 0),
    store(Target.int16, 1),
    slow,
    load(Source.integer),
    slow,
    store(Target.int64, 1),
  ],
};

const unit = (opcode: number, modrm: number) => ({ unit: isNonWaiting(opcode, modrm) ? "x87control" : "x87" }) as const;

/** Memory forms by opcode: name and operand size for each value of ModRM.reg. */
const memoryForms: Record<number, string> = {
  216: "fadd d,fmul d,fcom d,fcomp d,fsub d,fsubr d,fdiv d,fdivr d",
  217: "fld d,,fst d,fstp d,fldenv n,fldcw w,fnstenv n,fnstcw w",
  218: "fiadd d,fimul d,ficom d,ficomp d,fisub d,fisubr d,fidiv d,fidivr d",
  219: "fild d,fisttp d,fist d,fistp d,,fld t,,fstp t",
  220: "fadd q,fmul q,fcom q,fcomp q,fsub q,fsubr q,fdiv q,fdivr q",
  221: "fld q,fisttp q,fst q,fstp q,frstor n,,fnsave n,fnstsw w",
  222: "fiadd w,fimul w,ficom w,ficomp w,fisub w,fisubr w,fidiv w,fidivr w",
  223: "fild w,fisttp w,fist w,fistp w,fbld t,fild q,fbstp t,fistp q",
};
for (const [text, forms] of Object.entries(memoryForms)) {
  const opcode = Number(text);
  forms.split(",").forEach((form, digit) => {
    if (form === "") return;
    const [name, size] = form.split(" ");
    define(
      name,
      `${hex(opcode)} /${digit} M${size}`,
      (t, memory) => memoryEffects[opcode][digit](t, opcode, memory),
      unit(opcode, digit << 3),
    );
  });
}

/** Register forms with ST(i) in ModRM.rm. */
const registerForms: Record<number, string> = {
  216: "fadd,fmul,fcom,fcomp,fsub,fsubr,fdiv,fdivr",
  217: "fld,fxch,,fstp,,,,",
  218: "fcmovb,fcmove,fcmovbe,fcmovu,,,,",
  219: "fcmovnb,fcmovne,fcmovnbe,fcmovnu,,fucomi,fcomi,",
  220: "fadd,fmul,fcom,fcomp,fsubr,fsub,fdivr,fdiv",
  221: "ffree,fxch,fst,fstp,fucom,fucomp,,",
  222: "faddp,fmulp,fcomp,,fsubrp,fsubp,fdivrp,fdivp",
  223: "ffreep,fxch,fstp,fstp,,fucomip,fcomip,",
};

/** How x87/fast.ts is asked for a register form; undefined: not at all. `i`: the destination is ST(i). */
function registerAttempt(
  opcode: number,
  digit: number,
): ((t: Tier) => readonly ["x87Register" | "x87Load" | "x87Move", readonly Expr[]]) | undefined {
  const register = (what: number) => (t: Tier) => ["x87Register", [c32(what), t.record(), c32(opcode)]] as const;
  const move = (what: number) => (t: Tier) => ["x87Move", [c32(what), t.record(), c32(opcode)]] as const;
  const compare = (pops: number, toFlags: boolean) => register(Operation.compare | (pops << 4) | (toFlags ? 0x40 : 0));
  switch (`${hex(opcode)} ${digit}`) {
    case "D9 0":
      return (t) => ["x87Load", [c32(Source.register), c64(0), c64(0), t.record(), c32(opcode)]];
    case "D9 1":
    case "DD 1":
    case "DF 1":
      return move(Move.exchange);
    case "DD 2":
      return move(Move.store);
    case "D9 3":
    case "DD 3":
    case "DF 2":
    case "DF 3":
      return move(Move.storePop);
    case "D8 2":
    case "DC 2":
    case "DD 4":
      return compare(0, false);
    case "D8 3":
    case "DC 3":
    case "DE 2":
    case "DD 5":
      return compare(1, false);
    case "DB 5":
    case "DB 6":
      return compare(0, true);
    case "DF 5":
    case "DF 6":
      return compare(1, true);
  }
  if (opcode === 0xd8) return register(digit);
  // With ST(i) as the destination /4 is FSUBR and /5 FSUB: the operands stay in the order ST0, ST(i).
  if (opcode === 0xdc || (opcode === 0xde && digit !== 3)) return register(digit | 8 | (opcode === 0xde ? 1 << 4 : 0));
  return undefined;
}

for (const [text, forms] of Object.entries(registerForms)) {
  const opcode = Number(text);
  forms.split(",").forEach((name, digit) => {
    if (name === "") return;
    const setsFlags = name.includes("comi");
    const attempted = registerAttempt(opcode, digit);
    define(
      name,
      `${hex(opcode)} /${digit} Tn`,
      (t) => {
        const slowly = (): void => {
          execute(t, opcode);
          if (setsFlags) t.flags.setImage(i32.wrap(t.result(0)));
        };
        if (attempted === undefined) {
          slowly();
          return;
        }
        const [routine, args] = attempted(t);
        t.attempt(routine, args, (answer) => setsFlags && t.flags.setImage(i32.and(answer, c32(0x41))), slowly);
      },
      unit(opcode, 0xc0 | (digit << 3)),
    );
  });
}

/** Forms without operands: the ModRM byte is part of the opcode. */
const others: Record<string, string> = {
  "D9 D0": "fnop",
  "D9 E0": "fchs",
  "D9 E1": "fabs",
  "D9 E4": "ftst",
  "D9 E5": "fxam",
  "D9 E8": "fld1",
  "D9 E9": "fldl2t",
  "D9 EA": "fldl2e",
  "D9 EB": "fldpi",
  "D9 EC": "fldlg2",
  "D9 ED": "fldln2",
  "D9 EE": "fldz",
  "D9 F0": "f2xm1",
  "D9 F1": "fyl2x",
  "D9 F2": "fptan",
  "D9 F3": "fpatan",
  "D9 F4": "fxtract",
  "D9 F5": "fprem1",
  "D9 F6": "fdecstp",
  "D9 F7": "fincstp",
  "D9 F8": "fprem",
  "D9 F9": "fyl2xp1",
  "D9 FA": "fsqrt",
  "D9 FB": "fsincos",
  "D9 FC": "frndint",
  "D9 FD": "fscale",
  "D9 FE": "fsin",
  "D9 FF": "fcos",
  "DA E9": "fucompp",
  "DB E0": "fneni",
  "DB E1": "fndisi",
  "DB E2": "fnclex",
  "DB E3": "fninit",
  "DB E4": "fnsetpm",
  "DE D9": "fcompp",
};
/** Of those, what x87/fast.ts does. */
const ONE = 1n << 63n;
const constant = (significand: bigint, high: number) => (t: Tier) =>
  ["x87Load", [c32(Source.extended), c64(significand), c64(high), t.record(), c32(0xd9)]] as const;
const moves = (what: number) => (t: Tier) => ["x87Move", [c32(what), t.record(), c32(0xd9)]] as const;
const comparesTwo = (opcode: number) => (t: Tier) =>
  ["x87Register", [c32(Operation.compare | (2 << 4)), t.record(), c32(opcode)]] as const;
const otherAttempts: Record<
  string,
  (t: Tier) => readonly ["x87Load" | "x87Move" | "x87Register" | "x87Memory", readonly Expr[]]
> = {
  "D9 E0": moves(Move.changeSign),
  "D9 E1": moves(Move.absolute),
  "D9 E4": (t) => ["x87Memory", [c32(Operation.compare | (Source.integer << 3)), c64(0), t.record(), c32(0xd9)]],
  "D9 E8": constant(ONE, 0x3fff),
  "D9 EE": constant(0n, 0),
  "DA E9": comparesTwo(0xda),
  "DE D9": comparesTwo(0xde),
};
for (const [encoding, name] of Object.entries(others)) {
  const [opcode, modrm] = encoding.split(" ").map((byte) => Number.parseInt(byte, 16));
  define(
    name,
    `${hex(opcode)} =${hex(modrm)}`,
    (t) => {
      const attempt = otherAttempts[encoding];
      if (attempt === undefined) execute(t, opcode);
      else
        t.attempt(
          ...attempt(t),
          () => undefined,
          () => execute(t, opcode),
        );
    },
    unit(opcode, modrm),
  );
}
define(
  "fnstsw",
  "DF =E0",
  (t) => t.setRegister(0, i64.extend_i32_u(t.field("u16", layout.x87 + x87Layout.status)), 2),
  unit(0xdf, 0xe0),
);

define("wait", "9B", () => undefined, { unit: "wait" });
