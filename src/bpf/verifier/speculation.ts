/**
 * Spectre v1: a processor may follow a branch that is not taken. For programs without CAP_PERFMON the paths that only speculation
 * takes are checked too, and pointer arithmetic must have one limit that the offset can be masked with.
 */
import { BPF_ADD, BPF_SUB, BPF_X, bpfOp, bpfSource, type Instruction, MAX_BPF_STACK } from "../isa.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES } from "./errors.ts";
import { pushBranch } from "./explored-states.ts";
import { PTR_TO_MAP_VALUE, PTR_TO_STACK, type RegisterState } from "./register-state.ts";
import type { VerifierState } from "./state.ts";
import { tnumIsConst } from "./tnum.ts";

// What the masking in front of the instruction has to do (bits of `aluState`).
export const ALU_SANITIZE_SRC = 1 << 0;
export const ALU_SANITIZE_DST = 1 << 1;
export const ALU_NEG_VALUE = 1 << 2;
export const ALU_NON_POINTER = 1 << 3;
export const ALU_IMMEDIATE = 1 << 4;
const ALU_SANITIZE = ALU_SANITIZE_SRC | ALU_SANITIZE_DST;

const PROHIBITED = "pointer arithmetic with it prohibited for !root";

const verbOf = (insn: Instruction): string => (bpfOp(insn.code) === BPF_ADD ? "add" : "sub");

/** Follows a path that only speculation takes. */
export function pushSpeculativePath(
  env: VerifierEnvironment,
  insn: Instruction | null,
  next: number,
  previous: number,
): VerifierState {
  const branch = pushBranch(env, next, previous, true);
  if (insn !== null) {
    const registers = branch.frames[branch.currentFrame].registers;
    // The condition did not hold: nothing may be concluded from its operands.
    env.markUnknown(registers[insn.dst]);
    if (bpfSource(insn.code) === BPF_X) env.markUnknown(registers[insn.src]);
  }
  return branch;
}

/** Largest offset that keeps the pointer in its object, or the reason why there is none. */
function pointerLimit(pointer: RegisterState, maskToLeft: boolean): number | "bounds" | "type" {
  switch (pointer.type) {
    case PTR_TO_STACK: {
      const offset = -(Number(BigInt.asIntN(64, pointer.varOff.value)) + pointer.off);
      const limit = maskToLeft ? MAX_BPF_STACK - offset : offset;
      return limit;
    }
    case PTR_TO_MAP_VALUE: {
      const size = pointer.map?.valueSize ?? 0;
      const reach = Number(maskToLeft ? pointer.umin : pointer.umax) + pointer.off;
      return maskToLeft ? reach : size - reach - 1;
    }
    default:
      return "type";
  }
}

function setAluState(env: VerifierEnvironment, insn: Instruction, state: number, limit: number): void {
  const aux = env.currentAux;
  if (aux.aluState !== 0 && (aux.aluState !== state || aux.aluLimit !== limit)) {
    env.reject(EACCES, `R${insn.dst} tried to ${verbOf(insn)} from different maps, paths or scalars, ${PROHIBITED}`);
  }
  aux.aluState = state;
  aux.aluLimit = limit;
}

/** Arithmetic on two scalars: the same instruction must not be pointer arithmetic on another path. */
export function sanitizeScalarArithmetic(env: VerifierEnvironment, insn: Instruction): void {
  if (env.bypassSpectreV1 || bpfSource(insn.code) !== BPF_X) return;
  setAluState(env, insn, ALU_NON_POINTER, 0);
}

/**
 * Before pointer arithmetic. Returns what is to be done after it, with the destination as it became; undefined when nothing has
 * to be masked.
 */
export function sanitizePointerArithmetic(
  env: VerifierEnvironment,
  insn: Instruction,
  pointer: RegisterState,
  offset: RegisterState,
  offsetIsDst: boolean,
): ((after: RegisterState) => void) | undefined {
  const op = bpfOp(insn.code);
  if (env.bypassSpectreV1 || (op !== BPF_ADD && op !== BPF_SUB)) return undefined;
  const isImmediate = bpfSource(insn.code) !== BPF_X;
  const offsetIsNegative = offset.smin < 0n;
  if (!tnumIsConst(offset.varOff) && offset.smin < 0n !== offset.smax < 0n) {
    const regno = offsetIsDst ? insn.dst : insn.src;
    env.reject(EACCES, `R${regno} has unknown scalar with mixed signed bounds, ${PROHIBITED}`);
  }
  const maskToLeft = (op === BPF_ADD && offsetIsNegative) || (op === BPF_SUB && !offsetIsNegative);
  const limitOf = (reg: RegisterState): number => {
    const limit = pointerLimit(reg, maskToLeft);
    if (limit === "type") {
      const regno = offsetIsDst ? insn.src : insn.dst;
      return env.reject(EACCES, `R${regno} has pointer with unsupported alu operation, ${PROHIBITED}`);
    }
    if (limit === "bounds" || limit < 0) {
      return env.reject(EACCES, `R${insn.dst} tried to ${verbOf(insn)} beyond pointer bounds, ${PROHIBITED}`);
    }
    return limit;
  };
  // On a speculative path the same arithmetic has been masked already; limits are those of the real path.
  if (env.state.speculative) return undefined;
  if (isImmediate) return undefined;

  const before = limitOf(pointer);
  let state = offsetIsNegative ? ALU_NEG_VALUE : 0;
  state |= offsetIsDst ? ALU_SANITIZE_SRC : ALU_SANITIZE_DST;
  if (tnumIsConst(offset.varOff)) state |= ALU_IMMEDIATE;
  const branch = pushBranch(env, env.insnIndex + 1, env.insnIndex, true);
  const registers = branch.frames[branch.currentFrame].registers;
  // Speculation may see the pointer as it was, with nothing added.
  registers[insn.dst].assign(pointer);
  return () => {
    setAluState(env, insn, state, before);
    env.currentAux.aluState &= ALU_SANITIZE | ALU_NEG_VALUE | ALU_IMMEDIATE;
  };
}

/** After pointer arithmetic of an unprivileged program: the pointer must still be inside its object. */
export function checkSanitizedBounds(env: VerifierEnvironment, insn: Instruction, dst: RegisterState): void {
  if (env.bypassSpectreV1) return;
  if (dst.type === PTR_TO_STACK) {
    if (!tnumIsConst(dst.varOff)) {
      const text = `(0x${dst.varOff.value.toString(16)}; 0x${dst.varOff.mask.toString(16)})`;
      env.reject(EACCES, `R${insn.dst} variable stack access prohibited for !root, var_off=${text} off=${dst.off}`);
    }
    const offset = dst.off + Number(BigInt.asIntN(64, dst.varOff.value));
    if (offset >= 0 || offset < -MAX_BPF_STACK) {
      env.reject(EACCES, `R${insn.dst} stack pointer arithmetic goes out of range, prohibited for !root`);
    }
  } else if (dst.type === PTR_TO_MAP_VALUE) {
    const size = BigInt(dst.map?.valueSize ?? 0);
    const low = dst.smin + BigInt(dst.off);
    const high = dst.umax + BigInt(dst.off);
    if (low < 0n || high >= size || dst.smin < 0n) {
      env.reject(EACCES, `R${insn.dst} pointer arithmetic of map value goes out of range, prohibited for !root`);
    }
  }
}
