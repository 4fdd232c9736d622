/**
 * Spectre v1: a processor may follow a branch that is not taken. For programs without CAP_PERFMON the paths that only speculation
 * takes are checked too, and pointer arithmetic must have one limit that the offset can be masked with.
 */
import { BPF_ADD, BPF_SUB, BPF_X, bpfOp, bpfSource, type Instruction, MAX_BPF_STACK } from "../isa.ts";
import { checkMapAccess } from "./check-memory.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES } from "./errors.ts";
import { pushBranch } from "./explored-states.ts";
import { PTR_TO_MAP_VALUE, PTR_TO_STACK, type RegisterState } from "./register-state.ts";
import type { VerifierState } from "./state.ts";
import { tnumIsConst, tnumString } from "./tnum.ts";

// What the masking in front of the instruction has to do (bits of `aluState`).
export const ALU_SANITIZE_SRC = 1 << 0;
export const ALU_SANITIZE_DST = 1 << 1;
export const ALU_NEG_VALUE = 1 << 2;
export const ALU_NON_POINTER = 1 << 3;
export const ALU_IMMEDIATE = 1 << 4;

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

/** How far the pointer is from the end of its object that the offset moves it to, or why that cannot be said. */
function pointerLimit(pointer: RegisterState, maskToLeft: boolean): number | "type" | "limit" {
  let max: number;
  let limit: number;
  if (pointer.type === PTR_TO_STACK) {
    // R10 itself is outside, but a fine place to go down from.
    max = MAX_BPF_STACK + (maskToLeft ? 1 : 0);
    limit = -(Number(BigInt.asIntN(64, pointer.varOff.value)) + pointer.off);
  } else if (pointer.type === PTR_TO_MAP_VALUE) {
    max = pointer.map?.valueSize ?? 0;
    limit = Number(maskToLeft ? pointer.smin : pointer.umax) + pointer.off;
  } else {
    return "type";
  }
  return limit < 0 || limit >= max ? "limit" : limit;
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
 * @param offsetIsDst the scalar operand is the destination
 */
export function sanitizePointerArithmetic(
  env: VerifierEnvironment,
  insn: Instruction,
  pointer: RegisterState,
  offset: RegisterState,
  offsetIsDst: boolean,
): ((after: RegisterState) => void) | undefined {
  const op = bpfOp(insn.code);
  if (env.bypassSpectreV1 || (op !== BPF_ADD && op !== BPF_SUB) || bpfSource(insn.code) !== BPF_X) return undefined;
  const isConstant = tnumIsConst(offset.varOff);
  const isNegative = offset.smin < 0n;
  let after: ((result: RegisterState) => void) | undefined;
  // Speculative paths are here because the real ones were masked already.
  if (!env.state.speculative) {
    if (!isConstant && isNegative !== offset.smax < 0n) {
      const regno = offsetIsDst ? insn.dst : insn.src;
      env.reject(EACCES, `R${regno} has unknown scalar with mixed signed bounds, ${PROHIBITED}`);
    }
    const maskToLeft = (op === BPF_ADD && isNegative) || (op === BPF_SUB && !isNegative);
    const limitOf = (reg: RegisterState): number => {
      const limit = pointerLimit(reg, maskToLeft);
      if (limit === "type") {
        const regno = offsetIsDst ? insn.src : insn.dst;
        return env.reject(EACCES, `R${regno} has pointer with unsupported alu operation, ${PROHIBITED}`);
      }
      if (limit === "limit") {
        return env.reject(EACCES, `R${insn.dst} tried to ${verbOf(insn)} beyond pointer bounds, ${PROHIBITED}`);
      }
      return limit;
    };
    const before = limitOf(pointer);
    const state =
      (isNegative ? ALU_NEG_VALUE : 0) |
      (isConstant ? ALU_IMMEDIATE : 0) |
      (offsetIsDst ? ALU_SANITIZE_DST : ALU_SANITIZE_SRC);
    // Paths must not be cut before all differences in masking were found.
    if (!isConstant) env.exploreAluLimits = true;
    // The window is what the pointer really moved.
    after = (result) => setAluState(env, insn, state, Math.abs(before - limitOf(result)));
  }
  if (!isConstant) {
    // Masked to nothing, the offset leaves the pointer where it was.
    const branch = pushBranch(env, env.insnIndex + 1, env.insnIndex, true);
    branch.frames[branch.currentFrame].registers[insn.dst].assign(pointer);
  }
  return after;
}

/** After pointer arithmetic of an unprivileged program: the pointer must still be inside its object. */
export function checkSanitizedBounds(env: VerifierEnvironment, insn: Instruction, dst: RegisterState): void {
  if (env.bypassSpectreV1) return;
  if (dst.type === PTR_TO_STACK) {
    if (!tnumIsConst(dst.varOff)) {
      const place = `var_off=${tnumString(dst.varOff)} off=${dst.off}`;
      env.reject(EACCES, `R${insn.dst} variable stack access prohibited for !root, ${place}`);
    }
    const offset = dst.off + Number(BigInt.asIntN(64, dst.varOff.value));
    if (offset >= 0 || offset < -MAX_BPF_STACK) {
      env.reject(EACCES, `R${insn.dst} stack pointer arithmetic goes out of range, prohibited for !root`);
    }
  } else if (dst.type === PTR_TO_MAP_VALUE) {
    try {
      checkMapAccess(env, insn.dst, dst.off, 1, false);
    } catch (error) {
      env.verbose(`R${insn.dst} pointer arithmetic of map value goes out of range, prohibited for !root\n`);
      throw error;
    }
  }
}
