/** Instructions as the verifier's log shows them: "(85) call bpf_map_lookup_elem#1". */
import { helperName } from "../helpers.ts";
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_NEG,
  BPF_OR,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_ST,
  BPF_STX,
  BPF_TO_BE,
  BPF_X,
  BPF_XCHG,
  BPF_XOR,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSize,
  bpfSource,
  type Instruction,
  imm64,
} from "../isa.ts";

const CLASSES = ["ld", "ldx", "st", "stx", "alu", "jmp", "jmp32", "alu64"];
export const ALU_OPERATORS = [
  ...["+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian"],
  ...["?", "?"],
];
const JUMP_OPERATORS = [
  ...["jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<="],
  ...["?", "?"],
];
const ATOMIC_OPERATIONS: Readonly<Record<number, string>> = {
  [BPF_ADD]: "add",
  [BPF_AND]: "and",
  [BPF_OR]: "or",
  [BPF_XOR]: "xor",
};
const SIZES = ["u32", "u16", "u8", "u64"];

const signed = (value: number): string => (value < 0 ? `${value}` : `+${value}`);

function arithmetic(insn: Instruction): string {
  const is32 = bpfClass(insn.code) === BPF_ALU;
  const letter = is32 ? "w" : "r";
  const op = bpfOp(insn.code);
  if (op === BPF_END) {
    if (!is32) return `BUG_alu64_${hex2(insn.code)}`;
    const order = bpfSource(insn.code) === BPF_TO_BE ? "be" : "le";
    return `(${hex2(insn.code)}) r${insn.dst} = ${order}${insn.imm} r${insn.dst}`;
  }
  if (op === BPF_NEG) return `(${hex2(insn.code)}) ${letter}${insn.dst} = -${letter}${insn.dst}`;
  const operand = bpfSource(insn.code) === BPF_X ? `${letter}${insn.src}` : `${insn.imm}`;
  return `(${hex2(insn.code)}) ${letter}${insn.dst} ${ALU_OPERATORS[op >> 4]} ${operand}`;
}

function store(insn: Instruction): string {
  const code = hex2(insn.code);
  const size = SIZES[bpfSize(insn.code) >> 3];
  const place = `(${size} *)(r${insn.dst} ${signed(insn.off)})`;
  if (bpfMode(insn.code) === BPF_MEM) return `(${code}) *${place} = r${insn.src}`;
  if (bpfMode(insn.code) !== BPF_ATOMIC) return `BUG_${code}`;
  const suffix = bpfSize(insn.code) === BPF_DW ? "64" : "";
  if (insn.imm === BPF_CMPXCHG) return `(${code}) r0 = atomic${suffix}_cmpxchg(${place}, r0, r${insn.src})`;
  if (insn.imm === BPF_XCHG) return `(${code}) r${insn.src} = atomic${suffix}_xchg(${place}, r${insn.src})`;
  const operation = ATOMIC_OPERATIONS[insn.imm & ~BPF_FETCH];
  if (operation === undefined) return `BUG_${code}`;
  if (insn.imm & BPF_FETCH)
    return `(${code}) r${insn.src} = atomic${suffix}_fetch_${operation}(${place}, r${insn.src})`;
  return `(${code}) lock *${place} ${ALU_OPERATORS[insn.imm >> 4]} r${insn.src}`;
}

function load(insn: Instruction, next: Instruction | undefined, showPointers: boolean): string {
  const code = hex2(insn.code);
  const size = SIZES[bpfSize(insn.code) >> 3];
  switch (bpfMode(insn.code)) {
    case BPF_ABS:
      return `(${code}) r0 = *(${size} *)skb[${insn.imm}]`;
    case BPF_IND:
      return `(${code}) r0 = *(${size} *)skb[r${insn.src} + ${insn.imm}]`;
    case BPF_IMM: {
      if (bpfSize(insn.code) !== BPF_DW || next === undefined) return `BUG_ld_${code}`;
      const isPointer = insn.src === BPF_PSEUDO_MAP_FD || insn.src === BPF_PSEUDO_MAP_VALUE;
      const value = isPointer && !showPointers ? 0n : imm64(insn, next);
      return `(${code}) r${insn.dst} = 0x${value.toString(16)}`;
    }
    default:
      return `BUG_ld_${code}`;
  }
}

function jump(insn: Instruction): string {
  const code = hex2(insn.code);
  const is32 = bpfClass(insn.code) === BPF_JMP32;
  const letter = is32 ? "w" : "r";
  const op = bpfOp(insn.code);
  if (op === BPF_CALL) {
    if (insn.src === BPF_PSEUDO_CALL) return `(${code}) call pc${signed(insn.imm)}`;
    const name = insn.src === BPF_PSEUDO_KFUNC_CALL ? "kernel-function" : helperName(insn.imm);
    return `(${code}) call ${name}#${insn.imm}`;
  }
  if (insn.code === (BPF_JMP | BPF_JA)) return `(${code}) goto pc${signed(insn.off)}`;
  if (insn.code === (BPF_JMP | BPF_EXIT)) return `(${code}) exit`;
  const operand = bpfSource(insn.code) === BPF_X ? `${letter}${insn.src}` : `0x${(insn.imm >>> 0).toString(16)}`;
  return `(${code}) if ${letter}${insn.dst} ${JUMP_OPERATORS[op >> 4]} ${operand} goto pc${signed(insn.off)}`;
}

const hex2 = (code: number): string => code.toString(16).padStart(2, "0");

/**
 * The text of one instruction, without line end.
 * @param next the following slot, for ld_imm64
 * @param showPointers false shows map addresses as 0
 */
export function printInstruction(insn: Instruction, next: Instruction | undefined, showPointers: boolean): string {
  switch (bpfClass(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return arithmetic(insn);
    case BPF_STX:
      return store(insn);
    case BPF_ST:
      if (bpfMode(insn.code) !== BPF_MEM) return `BUG_st_${hex2(insn.code)}`;
      return `(${hex2(insn.code)}) *(${SIZES[bpfSize(insn.code) >> 3]} *)(r${insn.dst} ${signed(insn.off)}) = ${insn.imm}`;
    case BPF_LDX:
      if (bpfMode(insn.code) !== BPF_MEM) return `BUG_ldx_${hex2(insn.code)}`;
      return `(${hex2(insn.code)}) r${insn.dst} = *(${SIZES[bpfSize(insn.code) >> 3]} *)(r${insn.src} ${signed(insn.off)})`;
    case BPF_LD:
      return load(insn, next, showPointers);
    case BPF_JMP:
    case BPF_JMP32:
      return jump(insn);
    default:
      return `(${hex2(insn.code)}) ${CLASSES[bpfClass(insn.code)]}`;
  }
}
