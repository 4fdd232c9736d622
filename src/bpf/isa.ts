/**
 * The BPF instruction set: opcode fields, registers, and the 8-byte encoding, under the names of `<linux/bpf.h>` and
 * `<linux/bpf_common.h>`. Follows RFC 9669 ("BPF Instruction Set Architecture") as far as Linux 6.1 has it.
 *
 * A program is an array of 8-byte slots. `BPF_LD | BPF_IMM | BPF_DW` (ld_imm64) takes two slots; the second has code 0 and
 * the upper 32 bits of the immediate. Instruction numbers, jump offsets and call targets all count slots.
 */

/** One 8-byte slot, as `struct bpf_insn`. `off` is signed 16 bits, `imm` signed 32 bits. */
export interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

/** Bytes of one slot. */
export const SLOT_SIZE = 8;

// Instruction classes: bits 2:0 of the opcode.
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ST = 0x02;
export const BPF_STX = 0x03;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_JMP32 = 0x06;
export const BPF_ALU64 = 0x07;

// Load and store: size in bits 4:3, mode in bits 7:5.
export const BPF_W = 0x00;
export const BPF_H = 0x08;
export const BPF_B = 0x10;
export const BPF_DW = 0x18;

export const BPF_IMM = 0x00;
export const BPF_ABS = 0x20;
export const BPF_IND = 0x40;
export const BPF_MEM = 0x60;
export const BPF_LEN = 0x80;
export const BPF_MSH = 0xa0;
/** A load that gives 0 where it would fault; the verifier makes them, programs cannot ask for them. */
export const BPF_PROBE_MEM = 0x20;
export const BPF_ATOMIC = 0xc0;

// Arithmetic: operation in bits 7:4, source in bit 3.
export const BPF_ADD = 0x00;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_MOD = 0x90;
export const BPF_XOR = 0xa0;
export const BPF_MOV = 0xb0;
export const BPF_ARSH = 0xc0;
export const BPF_END = 0xd0;

/** Source operand is the immediate. */
export const BPF_K = 0x00;
/** Source operand is the register `src`. */
export const BPF_X = 0x08;

/** With BPF_END: convert to little endian (`imm` = 16, 32 or 64 bits). */
export const BPF_TO_LE = 0x00;
/** With BPF_END: convert to big endian. */
export const BPF_TO_BE = 0x08;

// Jumps: operation in bits 7:4.
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JNE = 0x50;
export const BPF_JSGT = 0x60;
export const BPF_JSGE = 0x70;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;
export const BPF_JLT = 0xa0;
export const BPF_JLE = 0xb0;
export const BPF_JSLT = 0xc0;
export const BPF_JSLE = 0xd0;

/** `imm` of an atomic: BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, each may have BPF_FETCH; or BPF_XCHG, BPF_CMPXCHG. */
export const BPF_FETCH = 0x01;
export const BPF_XCHG = 0xe0 | BPF_FETCH;
export const BPF_CMPXCHG = 0xf0 | BPF_FETCH;

// Registers. R0: result; R1-R5: arguments, lost across calls; R6-R9: kept; R10: frame pointer, read only.
export const BPF_REG_0 = 0;
export const BPF_REG_1 = 1;
export const BPF_REG_2 = 2;
export const BPF_REG_3 = 3;
export const BPF_REG_4 = 4;
export const BPF_REG_5 = 5;
export const BPF_REG_6 = 6;
export const BPF_REG_7 = 7;
export const BPF_REG_8 = 8;
export const BPF_REG_9 = 9;
export const BPF_REG_10 = 10;
export const BPF_REG_FP = BPF_REG_10;
export const MAX_BPF_REG = 11;

// What the `src` field of ld_imm64 says about its immediate.
export const BPF_PSEUDO_MAP_FD = 1;
export const BPF_PSEUDO_MAP_VALUE = 2;
export const BPF_PSEUDO_BTF_ID = 3;
export const BPF_PSEUDO_FUNC = 4;
export const BPF_PSEUDO_MAP_IDX = 5;
export const BPF_PSEUDO_MAP_IDX_VALUE = 6;

// What the `src` field of BPF_JMP | BPF_CALL says about its immediate; 0 = helper id.
export const BPF_PSEUDO_CALL = 1;
export const BPF_PSEUDO_KFUNC_CALL = 2;

/** Bytes of stack that a program may use, all frames of a call chain together. */
export const MAX_BPF_STACK = 512;
/** Call frames of bpf-to-bpf calls, the main program's included. */
export const MAX_CALL_FRAMES = 8;
/** Tail calls in one run of a program. */
export const MAX_TAIL_CALL_CNT = 33;
/** Instructions of an unprivileged program. */
export const BPF_MAXINSNS = 4096;

/** Class of an opcode: BPF_LD ... BPF_ALU64. */
export const bpfClass = (code: number): number => code & 0x07;
/** Size field of a load or store: BPF_W, BPF_H, BPF_B, BPF_DW. */
export const bpfSize = (code: number): number => code & 0x18;
/** Mode field of a load or store: BPF_IMM ... BPF_ATOMIC. */
export const BPF_MODE_MASK = 0xe0;
export const bpfMode = (code: number): number => code & 0xe0;
/** Operation of an arithmetic or jump instruction. */
export const bpfOp = (code: number): number => code & 0xf0;
/** BPF_K or BPF_X. */
export const bpfSource = (code: number): number => code & 0x08;

/** Bytes moved by a load or store with this opcode: 1, 2, 4 or 8. */
export function accessBytes(code: number): 1 | 2 | 4 | 8 {
  switch (bpfSize(code)) {
    case BPF_B:
      return 1;
    case BPF_H:
      return 2;
    case BPF_W:
      return 4;
    default:
      return 8;
  }
}

/** Size field for an access of so many bytes. */
export function sizeCode(bytes: 1 | 2 | 4 | 8): number {
  return { 1: BPF_B, 2: BPF_H, 4: BPF_W, 8: BPF_DW }[bytes];
}

/** Whether this is the first slot of the two-slot ld_imm64. */
export const isLdImm64 = (insn: Instruction): boolean => insn.code === (BPF_LD | BPF_IMM | BPF_DW);
/** Whether this is a bpf-to-bpf call; its target is `index + imm + 1`. */
export const isPseudoCall = (insn: Instruction): boolean =>
  insn.code === (BPF_JMP | BPF_CALL) && insn.src === BPF_PSEUDO_CALL;
/** Whether this calls a kernel function by BTF id. */
export const isKfuncCall = (insn: Instruction): boolean =>
  insn.code === (BPF_JMP | BPF_CALL) && insn.src === BPF_PSEUDO_KFUNC_CALL;
/** Whether this calls a helper; its id is `imm`. */
export const isHelperCall = (insn: Instruction): boolean => insn.code === (BPF_JMP | BPF_CALL) && insn.src === 0;
/** Whether this loads the address of a subprogram; its target is `index + imm + 1`. */
export const isPseudoFunc = (insn: Instruction): boolean => isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC;

/** Whether this is an atomic operation that also loads the old value: into r0 for BPF_CMPXCHG, else into `src`. */
export const isFetchingAtomic = (insn: Instruction): boolean =>
  bpfClass(insn.code) === BPF_STX && bpfMode(insn.code) === BPF_ATOMIC && (insn.imm & BPF_FETCH) !== 0;

/** Whether this is the unconditional jump whose distance is the 32-bit immediate. */
export const isLongJump = (insn: Instruction): boolean => insn.code === (BPF_JMP32 | BPF_JA);
/** Slots from the one behind a jump (conditional or not) to the one it goes to. */
export const jumpDistance = (insn: Instruction): number => (isLongJump(insn) ? insn.imm : insn.off);
/** The same jump over another distance. */
export const withJumpDistance = (insn: Instruction, distance: number): Instruction =>
  isLongJump(insn) ? { ...insn, imm: distance } : { ...insn, off: distance };

/** 64-bit immediate of an ld_imm64, unsigned. */
export function imm64(first: Instruction, second: Instruction): bigint {
  return (BigInt(second.imm >>> 0) << 32n) | BigInt(first.imm >>> 0);
}

/** Makes a slot. `off` and `imm` are cut to their signed widths. */
export function instruction(code: number, dst = 0, src = 0, off = 0, imm = 0): Instruction {
  return { code: code & 0xff, dst: dst & 15, src: src & 15, off: (off << 16) >> 16, imm: imm | 0 };
}

/** The two slots of an ld_imm64. `src` is 0 or a BPF_PSEUDO_ value. */
export function ldImm64(dst: number, src: number, value: bigint): [Instruction, Instruction] {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  return [instruction(BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, low), instruction(0, 0, 0, 0, high)];
}

/**
 * Reads slots from their encoding (little endian).
 * @throws RangeError if the length is not a multiple of 8.
 */
export function decodeInstructions(bytes: Uint8Array): Instruction[] {
  if (bytes.length % SLOT_SIZE !== 0) {
    throw new RangeError(`BPF program of ${bytes.length} bytes: length must be a multiple of ${SLOT_SIZE}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const program: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += SLOT_SIZE) {
    const registers = bytes[at + 1];
    program.push({
      code: bytes[at],
      dst: registers & 15,
      src: registers >> 4,
      off: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return program;
}

/** Writes slots in their encoding (little endian). */
export function encodeInstructions(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * SLOT_SIZE);
  const view = new DataView(bytes.buffer);
  program.forEach((insn, index) => {
    const at = index * SLOT_SIZE;
    bytes[at] = insn.code;
    bytes[at + 1] = (insn.src << 4) | insn.dst;
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
  });
  return bytes;
}
