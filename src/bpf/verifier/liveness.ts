/**
 * Liveness: which registers and stack slots of a stored state its continuations really read. A read mark travels from a
 * register to the same register of the parent state, until a write in between screens it off. Only what was read has to
 * match when states are compared.
 */
import { BPF_REG_6, BPF_REG_FP, MAX_BPF_REG } from "../isa.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EFAULT, EINVAL } from "./errors.ts";
import {
  DEF_NOT_SUBREG,
  NOT_INIT,
  REG_LIVE_DONE,
  REG_LIVE_READ,
  REG_LIVE_READ32,
  REG_LIVE_READ64,
  REG_LIVE_WRITTEN,
  type RegisterState,
  typeName,
} from "./register-state.ts";
import { isReg64Access } from "./register-width.ts";
import { STACK_INVALID, type VerifierState } from "./state.ts";

/** `reg` was read: all states that its value may come from depend on it. */
export function markRead(
  env: VerifierEnvironment,
  reg: RegisterState,
  firstParent: RegisterState | null,
  flag: number,
): void {
  let state = reg;
  let parent = firstParent;
  let writesScreen = parent === reg.parent;
  let steps = 0;
  while (parent !== null) {
    if (writesScreen && state.live & REG_LIVE_WRITTEN) break;
    if (parent.live & REG_LIVE_DONE) {
      const { varOff } = parent;
      env.reject(
        EFAULT,
        `verifier BUG type ${typeName(parent.type)} var_off ${BigInt.asIntN(64, varOff.value)} off ${parent.off}`,
      );
    }
    // Marked before: then all its parents are, too.
    if ((parent.live & REG_LIVE_READ) === flag || parent.live & REG_LIVE_READ64) break;
    parent.live |= flag;
    if (flag === REG_LIVE_READ64) parent.live &= ~REG_LIVE_READ32;
    state = parent;
    parent = state.parent;
    writesScreen = true;
    steps++;
  }
  if (env.longestMarkReadWalk < steps) env.longestMarkReadWalk = steps;
}

/** Kinds of operands. */
export const SRC_OP = 0;
export const DST_OP = 1;
export const DST_OP_NO_MARK = 2;

/** An instruction uses a register: as source it must be readable, as destination it is written. */
export function checkRegisterArgument(env: VerifierEnvironment, regno: number, kind: number): void {
  if (regno >= MAX_BPF_REG) env.reject(EINVAL, `R${regno} is invalid`);
  env.markRegisterChanged(regno);
  const reg = env.registers[regno];
  const is64 = isReg64Access(env.instruction, reg, kind !== SRC_OP);
  if (kind === SRC_OP) {
    if (reg.type === NOT_INIT) env.reject(EACCES, `R${regno} !read_ok`);
    if (regno === BPF_REG_FP) return;
    if (is64) env.markZeroExtend(reg);
    markRead(env, reg, reg.parent, is64 ? REG_LIVE_READ64 : REG_LIVE_READ32);
    return;
  }
  if (regno === BPF_REG_FP) env.reject(EACCES, "frame pointer is read only");
  reg.live |= REG_LIVE_WRITTEN;
  reg.subregDef = is64 ? DEF_NOT_SUBREG : env.insnIndex + 1;
  if (kind === DST_OP) env.markUnknown(reg);
}

/** The stored state's reads become reads of the current state's parents. Returns the flag that was passed on, or 0. */
function propagateRegister(env: VerifierEnvironment, stored: RegisterState, current: RegisterState): number {
  const currentFlag = current.live & REG_LIVE_READ;
  const flag = stored.live & REG_LIVE_READ;
  if (currentFlag === REG_LIVE_READ64 || flag === 0 || currentFlag === flag) return 0;
  markRead(env, stored, current, flag);
  return flag;
}

/** The path is cut because `stored` is equivalent: what its continuations read, this path reads. */
export function propagateLiveness(env: VerifierEnvironment, stored: VerifierState, current: VerifierState): void {
  if (stored.currentFrame !== current.currentFrame) env.reject(EFAULT);
  for (let f = 0; f <= stored.currentFrame; f++) {
    const [from, to] = [stored.frames[f], current.frames[f]];
    for (let i = f < stored.currentFrame ? BPF_REG_6 : 0; i < BPF_REG_FP; i++) {
      const flag = propagateRegister(env, from.registers[i], to.registers[i]);
      if (flag === REG_LIVE_READ64) env.markZeroExtend(to.registers[i]);
    }
    for (let i = 0; i < from.stack.length && i < to.stack.length; i++) {
      propagateRegister(env, from.stack[i].spilled, to.stack[i].spilled);
    }
  }
}

/** All paths from a stored state have ended: what none of them read need not match. */
export function cleanStoredState(env: VerifierEnvironment, state: VerifierState): void {
  if (state.frames[0].registers[0].live & REG_LIVE_DONE) return;
  for (const frame of state.frames) {
    for (let i = 0; i < BPF_REG_FP; i++) {
      const reg = frame.registers[i];
      const live = reg.live;
      reg.live |= REG_LIVE_DONE;
      if (!(live & REG_LIVE_READ)) env.markNotInit(reg);
    }
    for (const slot of frame.stack) {
      const live = slot.spilled.live;
      slot.spilled.live |= REG_LIVE_DONE;
      if (!(live & REG_LIVE_READ)) {
        env.markNotInit(slot.spilled);
        slot.types.fill(STACK_INVALID);
      }
    }
  }
}
