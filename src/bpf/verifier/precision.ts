/**
 * Precision: two states may differ in a scalar's range if the range never mattered. When it does matter (as an offset, a
 * size, a decided branch), the walk goes back over the instructions of the path and marks the registers and stack slots that
 * the value was computed from, in all stored states on the way.
 */
import { isCallbackCallingHelper } from "../helpers.ts";
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_END,
  BPF_EXIT,
  BPF_IND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MOV,
  BPF_NEG,
  BPF_PSEUDO_CALL,
  BPF_REG_FP,
  BPF_ST,
  BPF_STX,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSource,
  isFetchingAtomic,
} from "../isa.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EFAULT } from "./errors.ts";
import { REG_LIVE_READ, SCALAR_VALUE } from "./register-state.ts";
import { BPF_REG_SIZE, type FrameState, VerifierState } from "./state.ts";

/** Registers (bit i: Ri) and stack slots (bit i: R10 - 8 * (i + 1)) that still have to be traced. */
interface Wanted {
  registers: number;
  slots: bigint;
}

/** Too complicated to trace: every scalar of the whole path becomes precise. */
function markAllScalarsPrecise(state: VerifierState): void {
  for (let st = state.parent; st !== null; st = st.parent) {
    for (const frame of st.frames) {
      VerifierState.forEachScalar(frame, (reg) => {
        reg.precise = true;
      });
    }
  }
}

/** A state that is about to be stored forgets the marks it inherited: they are found again if they are needed. */
export function markAllScalarsImprecise(state: VerifierState): void {
  for (const frame of state.frames) {
    VerifierState.forEachScalar(frame, (reg) => {
      reg.precise = false;
    });
  }
}

/** Undoes one instruction. Returns false when the trace cannot be followed through it. */
function backtrack(env: VerifierEnvironment, index: number, wanted: Wanted): boolean {
  const insn = env.instructions[index];
  if (insn.code === 0) return true;
  if (env.log.everyPath) {
    env.verbose(`regs=${wanted.registers.toString(16)} stack=${wanted.slots.toString(16)} before `);
    env.verbose(`${index}: ${env.instructionText(index)}\n`);
  }
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const op = bpfOp(insn.code);
  const fromRegister = bpfSource(insn.code) === BPF_X;
  const slotOf = (offset: number): bigint => {
    const slot = Math.trunc((-offset - 1) / BPF_REG_SIZE);
    if (slot >= 64 || slot < 0) env.reject(EFAULT, `BUG spi ${slot}`);
    return 1n << BigInt(slot);
  };
  const loaded = (register: number, base: number): void => {
    if (!(wanted.registers & register)) return;
    wanted.registers &= ~register;
    // Other memory than the stack never holds a tracked scalar.
    if (base === BPF_REG_FP) wanted.slots |= slotOf(insn.off);
  };
  switch (bpfClass(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      if (!(wanted.registers & dst) || op === BPF_END || op === BPF_NEG) return true;
      if (op === BPF_MOV) wanted.registers &= ~dst;
      if (fromRegister) wanted.registers |= src;
      return true;
    case BPF_LDX:
      loaded(dst, insn.src);
      return true;
    case BPF_ST:
    case BPF_STX: {
      if (isFetchingAtomic(insn)) {
        loaded(insn.imm === BPF_CMPXCHG ? 1 : src, insn.dst);
        return true;
      }
      // A scalar used as an address comes from subtracting pointers.
      if (wanted.registers & dst) return false;
      if (insn.dst !== BPF_REG_FP) return true;
      const slot = slotOf(insn.off);
      if (!(wanted.slots & slot)) return true;
      wanted.slots &= ~slot;
      if (bpfClass(insn.code) === BPF_STX) wanted.registers |= src;
      return true;
    }
    case BPF_JMP:
    case BPF_JMP32:
      if (op === BPF_CALL) {
        if (insn.src === BPF_PSEUDO_CALL) return false;
        if (insn.src === 0 && isCallbackCallingHelper(insn.imm)) return false;
        wanted.registers &= ~1;
        if (wanted.registers & 0x3f) {
          env.reject(EFAULT, `BUG regs ${wanted.registers.toString(16)}`);
        }
        return true;
      }
      if (op === BPF_EXIT) return false;
      if (fromRegister && wanted.registers & (dst | src)) wanted.registers |= dst | src;
      return true;
    case BPF_LD:
      if (!(wanted.registers & dst)) return true;
      wanted.registers &= ~dst;
      return bpfMode(insn.code) !== BPF_ABS && bpfMode(insn.code) !== BPF_IND;
    default:
      return true;
  }
}

/** Marks what is wanted in a stored state, drops what is no scalar there. True if a mark is new. */
function markInState(frame: FrameState, wanted: Wanted): { isNew: boolean; unknownSlot: boolean } {
  let isNew = false;
  for (let i = 0; i <= BPF_REG_FP; i++) {
    if (!((wanted.registers >> i) & 1)) continue;
    const reg = frame.registers[i];
    if (reg.type !== SCALAR_VALUE) {
      wanted.registers &= ~(1 << i);
      continue;
    }
    if (!reg.precise) isNew = true;
    reg.precise = true;
  }
  for (let i = 0; wanted.slots >> BigInt(i) !== 0n; i++) {
    if (!((wanted.slots >> BigInt(i)) & 1n)) continue;
    if (i >= frame.stack.length) return { isNew, unknownSlot: true };
    const slot = frame.stack[i];
    if (!slot.isSpilled() || slot.spilled.type !== SCALAR_VALUE) {
      wanted.slots &= ~(1n << BigInt(i));
      continue;
    }
    if (!slot.spilled.precise) isNew = true;
    slot.spilled.precise = true;
  }
  return { isNew, unknownSlot: false };
}

function markChain(env: VerifierEnvironment, frameno: number, regno: number, slotno: number): void {
  if (!env.capable) return;
  let state: VerifierState = env.state;
  let first = state.firstInstruction;
  let last = env.insnIndex;
  const wanted: Wanted = { registers: 0, slots: 0n };
  const frame = state.frames[frameno];
  if (regno >= 0) {
    if (frame.registers[regno].type !== SCALAR_VALUE) env.reject(EFAULT);
    wanted.registers = 1 << regno;
  } else {
    const slot = frame.stack[slotno];
    if (!slot.isSpilled() || slot.spilled.type !== SCALAR_VALUE) return;
    wanted.slots = 1n << BigInt(slotno);
  }

  let skip = true;
  for (;;) {
    let history = state.jumpHistory.length;
    if (env.log.everyPath) env.verbose(`last_idx ${last} first_idx ${first}\n`);
    if (last < 0) {
      env.reject(EFAULT, `BUG backtracing func entry subprog ${state.frames[0].subprogram}`);
    }
    for (let i = last; ; ) {
      if (skip) skip = false;
      else if (!backtrack(env, i, wanted)) {
        markAllScalarsPrecise(state);
        return;
      }
      // Everything was assigned within this state.
      if (wanted.registers === 0 && wanted.slots === 0n) return;
      // A loop may come through the first instruction of the state several times.
      if (i === first && (history === 0 || (history === 1 && state.jumpHistory[0].index === i))) break;
      if (history > 0 && state.jumpHistory[history - 1].index === i) {
        i = state.jumpHistory[history - 1].previous;
        history--;
      } else {
        i--;
      }
      if (i < 0 || i >= env.instructions.length) env.reject(EFAULT, `BUG backtracking idx ${i}`);
    }
    const parent: VerifierState | null = state.parent;
    if (parent === null) return;
    state = parent;
    const marked = markInState(state.frames[frameno], wanted);
    if (marked.unknownSlot) {
      markAllScalarsPrecise(state);
      return;
    }
    if (env.log.everyPath) {
      const had = marked.isNew ? "didn't have" : "already had";
      env.verbose(`parent ${had} regs=${wanted.registers.toString(16)} stack=${wanted.slots.toString(16)} marks:`);
      env.printState(state.frames[frameno], true);
    }
    if (wanted.registers === 0 && wanted.slots === 0n) return;
    if (!marked.isNew) return;
    last = state.lastInstruction;
    first = state.firstInstruction;
  }
}

/** The exact value of a register of the current frame matters. */
export function markPrecise(env: VerifierEnvironment, regno: number): void {
  markChain(env, env.state.currentFrame, regno, -1);
}

/** The path is cut because `stored` is equivalent: what mattered after it, matters on this path. */
export function propagatePrecision(env: VerifierEnvironment, stored: VerifierState): void {
  for (let f = stored.currentFrame; f >= 0; f--) {
    const frame = stored.frames[f];
    for (let i = 0; i < BPF_REG_FP; i++) {
      const reg = frame.registers[i];
      if (reg.type !== SCALAR_VALUE || !reg.precise || !(reg.live & REG_LIVE_READ)) continue;
      if (env.log.everyPath) env.verbose(`frame ${f}: propagating r${i}\n`);
      markChain(env, f, i, -1);
    }
    for (let i = 0; i < frame.stack.length; i++) {
      const slot = frame.stack[i];
      if (!slot.isSpilled()) continue;
      const reg = slot.spilled;
      if (reg.type !== SCALAR_VALUE || !reg.precise || !(reg.live & REG_LIVE_READ)) continue;
      if (env.log.everyPath) env.verbose(`frame ${f}: propagating fp${-(i + 1) * BPF_REG_SIZE}\n`);
      markChain(env, f, -1, i);
    }
  }
}
