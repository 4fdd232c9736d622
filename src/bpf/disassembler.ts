/**
 * BPF instructions as text, in two notations: the kernel's own (as verifier logs and bpftool show them: `r0 = *(u64 *)(r1 +8)`)
 * and a canonical one for each slot that {@link assemble} in `assembler.ts` reads back. They are the same here: the
 * assembler reads the kernel's notation.
 */
import * as isa from "./isa.ts";

const ALU_SYMBOLS: ReadonlyMap<number, string> = new Map([
  [isa.BPF_ADD, "+="],
  [isa.BPF_SUB, "-="],
  [isa.BPF_MUL, "*="],
  [isa.BPF_DIV, "/="],
  [isa.BPF_OR, "|="],
  [isa.BPF_AND, "&="],
  [isa.BPF_LSH, "<<="],
  [isa.BPF_RSH, ">>="],
  [isa.BPF_MOD, "%="],
  [isa.BPF_XOR, "^="],
  [isa.BPF_MOV, "="],
  [isa.BPF_ARSH, "s>>="],
]);

const JUMP_SYMBOLS: ReadonlyMap<number, string> = new Map([
  [isa.BPF_JEQ, "=="],
  [isa.BPF_JGT, ">"],
  [isa.BPF_JLT, "<"],
  [isa.BPF_JGE, ">="],
  [isa.BPF_JLE, "<="],
  [isa.BPF_JSET, "&"],
  [isa.BPF_JNE, "!="],
  [isa.BPF_JSGT, "s>"],
  [isa.BPF_JSLT, "s<"],
  [isa.BPF_JSGE, "s>="],
  [isa.BPF_JSLE, "s<="],
]);

/** Operators by notation, for the assembler. */
export const aluOperations: ReadonlyMap<string, number> = new Map([...ALU_SYMBOLS].map(([code, text]) => [text, code]));
export const jumpConditions: ReadonlyMap<string, number> = new Map(
  [...JUMP_SYMBOLS].map(([code, text]) => [text, code]),
);

const SIZES: ReadonlyMap<number, string> = new Map([
  [isa.BPF_B, "u8"],
  [isa.BPF_H, "u16"],
  [isa.BPF_W, "u32"],
  [isa.BPF_DW, "u64"],
]);

/** Names of the fetching atomics. */
export const ATOMIC_NAMES: ReadonlyMap<number, string> = new Map([
  [isa.BPF_ADD | isa.BPF_FETCH, "fetch_add"],
  [isa.BPF_AND | isa.BPF_FETCH, "fetch_and"],
  [isa.BPF_OR | isa.BPF_FETCH, "fetch_or"],
  [isa.BPF_XOR | isa.BPF_FETCH, "fetch_xor"],
]);

export interface DisassemblyOptions {
  /** Name of a helper, without "bpf_"; its number is always shown too. */
  readonly helperName?: (id: number) => string | undefined;
}

const signedHex = (value: number): string => (value < 0 ? `${value}` : `+${value}`);

/**
 * Text of the instruction at `slot`. The second slot of ld_imm64 is part of the first's text.
 * What is no instruction is shown as `.insn` with its fields.
 */
export function disassemble(
  program: readonly isa.Instruction[],
  slot: number,
  options: DisassemblyOptions = {},
): string {
  const insn = program[slot];
  const { code, dst, src, off, imm } = insn;
  const raw = `.insn 0x${code.toString(16).padStart(2, "0")}, r${dst}, r${src}, ${off}, ${imm}`;
  const memory = (register: number): string => {
    const size = SIZES.get(isa.bpfSize(code));
    return `*(${size} *)(r${register} ${signedHex(off)})`;
  };
  switch (isa.bpfClass(code)) {
    case isa.BPF_ALU:
    case isa.BPF_ALU64: {
      const wide = isa.bpfClass(code) === isa.BPF_ALU64;
      const register = wide ? "r" : "w";
      const operation = isa.bpfOp(code);
      if (operation === isa.BPF_END && !wide) {
        return `r${dst} = ${isa.bpfSource(code) === isa.BPF_TO_BE ? "be" : "le"}${imm} r${dst}`;
      }
      if (operation === isa.BPF_NEG) return `${register}${dst} = -${register}${dst}`;
      const symbol = ALU_SYMBOLS.get(operation);
      if (symbol === undefined) return raw;
      const operand = isa.bpfSource(code) === isa.BPF_X ? `${register}${src}` : `${imm}`;
      return `${register}${dst} ${symbol} ${operand}`;
    }
    case isa.BPF_LD: {
      const next = program[slot + 1];
      if (isa.isLdImm64(insn) && next !== undefined) {
        switch (src) {
          case 0:
            return `r${dst} = 0x${isa.imm64(insn, next).toString(16)} ll`;
          case isa.BPF_PSEUDO_MAP_FD:
            return `r${dst} = map[fd:${imm}]`;
          case isa.BPF_PSEUDO_MAP_VALUE:
            return `r${dst} = map[fd:${imm}][0]+${next.imm}`;
          case isa.BPF_PSEUDO_MAP_IDX:
            return `r${dst} = map[idx:${imm}]`;
          case isa.BPF_PSEUDO_MAP_IDX_VALUE:
            return `r${dst} = map[idx:${imm}]+${next.imm}`;
          case isa.BPF_PSEUDO_FUNC:
            return `r${dst} = func[pc${signedHex(imm)}]`;
          default:
            return raw;
        }
      }
      const size = SIZES.get(isa.bpfSize(code));
      if (isa.bpfMode(code) === isa.BPF_ABS) return `r0 = *(${size} *)skb[${imm}]`;
      if (isa.bpfMode(code) === isa.BPF_IND) return `r0 = *(${size} *)skb[r${src} + ${imm}]`;
      return raw;
    }
    case isa.BPF_LDX:
      return isa.bpfMode(code) === isa.BPF_MEM ? `r${dst} = ${memory(src)}` : raw;
    case isa.BPF_ST:
      return isa.bpfMode(code) === isa.BPF_MEM ? `${memory(dst)} = ${imm}` : raw;
    case isa.BPF_STX: {
      if (isa.bpfMode(code) === isa.BPF_MEM) return `${memory(dst)} = r${src}`;
      if (isa.bpfMode(code) !== isa.BPF_ATOMIC) return raw;
      const wide = isa.bpfSize(code) === isa.BPF_DW;
      const place = `(${SIZES.get(isa.bpfSize(code))} *)(r${dst} ${signedHex(off)})`;
      const register = wide ? "r" : "w";
      if (imm === isa.BPF_CMPXCHG) return `r0 = atomic${wide ? "64" : ""}_cmpxchg(${place}, r0, r${src})`;
      if (imm === isa.BPF_XCHG) return `r${src} = atomic${wide ? "64" : ""}_xchg(${place}, r${src})`;
      const fetch = ATOMIC_NAMES.get(imm);
      if (fetch !== undefined) return `r${src} = atomic${wide ? "64" : ""}_${fetch}(${place}, r${src})`;
      const symbol = ALU_SYMBOLS.get(imm);
      return symbol !== undefined && imm !== isa.BPF_MOV ? `lock *${place} ${symbol} ${register}${src}` : raw;
    }
    default: {
      const wide = isa.bpfClass(code) === isa.BPF_JMP;
      const operation = isa.bpfOp(code);
      if (isa.isLongJump(insn)) return `gotol pc${signedHex(imm)}`;
      if (wide && operation === isa.BPF_JA) return `goto pc${signedHex(off)}`;
      if (wide && operation === isa.BPF_EXIT) return "exit";
      if (wide && operation === isa.BPF_CALL) {
        if (src === isa.BPF_PSEUDO_CALL) return `call pc${signedHex(imm)}`;
        if (src === isa.BPF_PSEUDO_KFUNC_CALL) return `call kernel-function#${imm}`;
        const name = options.helperName?.(imm);
        return src === 0 ? `call ${name === undefined ? "unknown" : `bpf_${name}`}#${imm}` : raw;
      }
      const symbol = JUMP_SYMBOLS.get(operation);
      if (symbol === undefined) return raw;
      const register = wide ? "r" : "w";
      const operand = isa.bpfSource(code) === isa.BPF_X ? `${register}${src}` : `${imm}`;
      return `if ${register}${dst} ${symbol} ${operand} goto pc${signedHex(off)}`;
    }
  }
}

/** A whole program, one line for each instruction: `   3: r0 = -12`. */
export function listing(program: readonly isa.Instruction[], options: DisassemblyOptions = {}): string {
  const lines: string[] = [];
  for (let slot = 0; slot < program.length; slot++) {
    lines.push(`${String(slot).padStart(4)}: ${disassemble(program, slot, options)}`);
    if (isa.isLdImm64(program[slot])) slot++;
  }
  return `${lines.join("\n")}\n`;
}
