/**
 * The x87 instructions, opcodes D8 to DF (AMD64 APM volume 5, appendix A.3), and WAIT. All of them are executed by the unit
 * in `src/cpu/x87.ts`; the rows say which exist and what their operands are.
 */
import { c64, i32, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import type { Operand, Tier } from "../tier.ts";
import { isNonWaiting } from "../x87.ts";

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
      (t, memory) => execute(t, opcode, memory),
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
for (const [text, forms] of Object.entries(registerForms)) {
  const opcode = Number(text);
  forms.split(",").forEach((name, digit) => {
    if (name === "") return;
    const setsFlags = name.includes("comi");
    define(
      name,
      `${hex(opcode)} /${digit} Tn`,
      (t) => {
        execute(t, opcode);
        if (setsFlags) t.flags.setImage(i32.wrap(t.result(0)));
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
for (const [encoding, name] of Object.entries(others)) {
  const [opcode, modrm] = encoding.split(" ").map((byte) => Number.parseInt(byte, 16));
  define(name, `${hex(opcode)} =${hex(modrm)}`, (t) => execute(t, opcode), unit(opcode, modrm));
}
define(
  "fnstsw",
  "DF =E0",
  (t) => {
    execute(t, 0xdf);
    t.setRegister(0, t.result(0), 2);
  },
  unit(0xdf, 0xe0),
);

define("wait", "9B", () => undefined, { unit: "wait" });
