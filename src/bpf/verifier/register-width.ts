/** Whether an instruction uses all 64 bits of a register or only the lower half. */
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_DW,
  BPF_END,
  BPF_IMM,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_PSEUDO_CALL,
  BPF_STX,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSize,
  type Instruction,
} from "../isa.ts";
import { type RegisterState, SCALAR_VALUE } from "./register-state.ts";

export function isReg64Access(insn: Instruction, reg: RegisterState, isDestination: boolean): boolean {
  const op = bpfOp(insn.code);
  switch (bpfClass(insn.code)) {
    case BPF_JMP:
      // A bpf-to-bpf call only forgets registers here; the arguments of a helper count as 64 bits.
      if (op === BPF_CALL) return insn.src !== BPF_PSEUDO_CALL && !isDestination;
      // BPF_EXIT too, to be on the safe side.
      return true;
    case BPF_ALU64:
      return true;
    case BPF_ALU:
      return op === BPF_END && insn.imm === 64;
    case BPF_JMP32:
      return false;
    case BPF_LDX:
      return !isDestination || bpfSize(insn.code) === BPF_DW;
    case BPF_STX:
      // One of the sources is a pointer.
      if (!isDestination && reg.type !== SCALAR_VALUE) return true;
      return bpfSize(insn.code) === BPF_DW;
    case BPF_LD:
      // Packet loads yield 32 bits.
      return bpfMode(insn.code) === BPF_IMM || !isDestination;
    default:
      return true;
  }
}
