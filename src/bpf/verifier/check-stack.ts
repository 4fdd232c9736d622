/**
 * The program's stack: spilling and filling of registers, plain data, accesses at variable offsets, and buffers on the stack that
 * helpers read or write.
 */
import { BPF_MEM, BPF_ST, bpfClass, bpfMode, MAX_BPF_STACK } from "../isa.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EFAULT, EINVAL } from "./errors.ts";
import { BPF_MAX_VAR_OFF } from "./limits.ts";
import { markRead } from "./liveness.ts";
import { markPrecise } from "./precision.ts";
import {
  baseType,
  NOT_INIT,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  REG_LIVE_READ64,
  REG_LIVE_WRITTEN,
  RegisterState,
  S32_MAX,
  S32_MIN,
  SCALAR_VALUE,
  U32_MAX,
} from "./register-state.ts";
import {
  BPF_REG_SIZE,
  type FrameState,
  STACK_INVALID,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  type StackSlot,
} from "./state.ts";
import { S64_MAX, S64_MIN, tnumIsConst, tnumIsUnknown, tnumString, U64_MAX } from "./tnum.ts";

/** How a helper treats a buffer that it is given. */
export interface BufferUse {
  /** The helper fills the buffer: it need not be initialised. */
  uninitialized: boolean;
  /** Set when an uninitialised buffer on the stack was accepted: it is written after the call. */
  filledSize: number;
  filledRegister: number;
}

const fixedOffset = (reg: RegisterState): number => Number(BigInt.asIntN(64, reg.varOff.value));

/** A frame's stack reaches at least down to -bytes. */
function growStack(env: VerifierEnvironment, frame: FrameState, bytes: number): void {
  const size = Math.ceil(bytes / BPF_REG_SIZE) * BPF_REG_SIZE;
  if (frame.allocatedStack >= size) return;
  const before = frame.stack.length;
  frame.growStack(size);
  for (let i = before; i < frame.stack.length; i++) env.markNotInit(frame.stack[i].spilled);
  const subprogram = env.subprograms[frame.subprogram];
  if (subprogram.stackDepth < size) subprogram.stackDepth = size;
}

/** The stack that a pointer points into. */
export const frameOf = (env: VerifierEnvironment, reg: RegisterState): FrameState => env.state.frames[reg.frameno];

/** Everything between the lowest and the highest possible byte lies in the stack. */
function checkWithinBounds(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  kind: "helper" | "read" | "write",
): void {
  const reg = env.registers[regno];
  const frame = frameOf(env, reg);
  const what = { helper: " indirect access to", read: " read from", write: " write to" }[kind];
  const constant = tnumIsConst(reg.varOff);
  let low: number;
  let high: number;
  if (constant) {
    low = fixedOffset(reg) + offset;
    high = low + size;
  } else {
    if (reg.smax >= BigInt(BPF_MAX_VAR_OFF) || reg.smin <= -BigInt(BPF_MAX_VAR_OFF)) {
      env.reject(EACCES, `invalid unbounded variable-offset${what} stack R${regno}`);
    }
    low = Number(reg.smin) + offset;
    high = Number(reg.smax) + offset + size;
  }
  const lowest = kind !== "read" || env.allowUninitializedStack ? -MAX_BPF_STACK : -frame.allocatedStack;
  let errno = 0;
  if (low < lowest || low > -1) errno = EACCES;
  else if (high > 0) errno = EINVAL;
  else if (size < 0) errno = EFAULT;
  if (errno !== 0) {
    const place = constant ? `off=${offset}` : `var_off=${tnumString(reg.varOff)}`;
    env.reject(errno, `invalid${constant ? "" : " variable-offset"}${what} stack R${regno} ${place} size=${size}`);
  }
  growStack(env, frame, -low);
}

/** Bytes that were part of a spilled register become plain data. */
function scrub(slot: StackSlot): void {
  for (let i = 0; i < BPF_REG_SIZE; i++) if (slot.types[i] !== STACK_INVALID) slot.types[i] = STACK_MISC;
}

function saveRegister(slot: StackSlot, reg: RegisterState, size: number): void {
  slot.spilled.assign(reg);
  if (size === BPF_REG_SIZE) slot.spilled.live |= REG_LIVE_WRITTEN;
  for (let i = 0; i < BPF_REG_SIZE; i++) {
    if (i >= BPF_REG_SIZE - size) slot.types[i] = STACK_SPILL;
    else if (slot.types[i] !== STACK_INVALID) slot.types[i] = STACK_MISC;
  }
}

const isSpillablePointer = (type: number): boolean =>
  type !== SCALAR_VALUE && type !== NOT_INIT && baseType(type) !== PTR_TO_TP_BUFFER;

function isBoundedScalar(reg: RegisterState): boolean {
  if (reg.type !== SCALAR_VALUE) return false;
  const unbounded =
    tnumIsUnknown(reg.varOff) &&
    reg.smin === S64_MIN &&
    reg.smax === S64_MAX &&
    reg.umin === 0n &&
    reg.umax === U64_MAX &&
    reg.s32min === S32_MIN &&
    reg.s32max === S32_MAX &&
    reg.u32min === 0 &&
    reg.u32max === U32_MAX;
  return !unbounded;
}

/** A store of a number: one other than 0 is kept as if it were spilled, 0 makes zeroed bytes. */
const isImmediateStore = ({ instruction }: VerifierEnvironment, zero: boolean): boolean =>
  bpfClass(instruction.code) === BPF_ST && bpfMode(instruction.code) === BPF_MEM && (instruction.imm === 0) === zero;

function writeFixed(
  env: VerifierEnvironment,
  frame: FrameState,
  offset: number,
  size: number,
  valueRegno: number,
): void {
  growStack(env, frame, -offset);
  const position = -offset - 1;
  const index = Math.floor(position / BPF_REG_SIZE);
  const slot = frame.stack[index];
  if (!env.allowPointerLeaks && slot.isSpilled() && size !== BPF_REG_SIZE) {
    env.reject(EACCES, "attempt to corrupt spilled pointer on stack");
  }
  const reg = valueRegno >= 0 ? env.registers[valueRegno] : null;
  if (!env.bypassSpectreV4) {
    const overwritesPointer = slot.types.slice(0, size).some((type) => type !== STACK_MISC && type !== STACK_ZERO);
    if ((reg !== null && isSpillablePointer(reg.type)) || overwritesPointer) env.currentAux.sanitizeStackSpill = true;
  }
  env.markSlotChanged(index);
  const aligned = offset % BPF_REG_SIZE === 0;
  if (reg !== null && aligned && isBoundedScalar(reg) && !reg.isNull() && env.capable) {
    // Walking back recognises only stores through R10.
    if (env.instruction.dst !== 10) markPrecise(env, valueRegno);
    saveRegister(slot, reg, size);
    // A cut-off value is no longer equal to the register.
    if (size < BPF_REG_SIZE && reg.umax >> BigInt(8 * size) !== 0n) slot.spilled.id = 0;
    return;
  }
  if (reg === null && aligned && isImmediateStore(env, false) && env.capable) {
    const constant = new RegisterState();
    constant.type = SCALAR_VALUE;
    constant.markKnown(BigInt.asUintN(64, BigInt(env.instruction.imm)));
    saveRegister(slot, constant, size);
    return;
  }
  if (reg !== null && isSpillablePointer(reg.type)) {
    if (size !== BPF_REG_SIZE) {
      env.printSourceLine(env.insnIndex, "; ");
      env.reject(EACCES, "invalid size of register spill");
    }
    if (frame !== env.frame && reg.type === PTR_TO_STACK) {
      env.reject(EINVAL, "cannot spill pointers to stack into stack frame of the caller");
    }
    saveRegister(slot, reg, size);
    return;
  }
  // Plain data destroys a pointer that was spilled here.
  slot.spilled.type = NOT_INIT;
  if (slot.isSpilled()) scrub(slot);
  if (size === BPF_REG_SIZE) slot.spilled.live |= REG_LIVE_WRITTEN;
  let type = STACK_MISC;
  if (reg?.isNull()) {
    // Walking back does not know zeroed slots.
    markPrecise(env, valueRegno);
    type = STACK_ZERO;
  } else if (reg === null && isImmediateStore(env, true)) {
    type = STACK_ZERO;
  }
  for (let i = 0; i < size; i++) slot.types[(position - i) % BPF_REG_SIZE] = type;
}

function writeVariable(
  env: VerifierEnvironment,
  pointer: RegisterState,
  offset: number,
  size: number,
  valueRegno: number,
): void {
  const frame = frameOf(env, pointer);
  const low = Number(pointer.smin) + offset;
  const high = Number(pointer.smax) + offset + size;
  const writesZero = valueRegno >= 0 && env.registers[valueRegno].isNull();
  growStack(env, frame, -low);
  let zeroUsed = false;
  for (let at = low; at < high; at++) {
    const position = -at - 1;
    const index = Math.floor(position / BPF_REG_SIZE);
    const slot = frame.stack[index];
    const byte = position % BPF_REG_SIZE;
    const old = slot.types[byte];
    env.markSlotChanged(index);
    if (!env.allowPointerLeaks && old !== STACK_MISC && old !== STACK_ZERO) {
      env.verbose(`spilled ptr in range of var-offset stack write; insn ${env.insnIndex}, ptr off: ${at}`);
      env.reject(EINVAL);
    }
    slot.spilled.type = NOT_INIT;
    if (old === STACK_INVALID && !env.allowUninitializedStack) {
      env.verbose(`uninit stack in range of var-offset write prohibited for !root; insn ${env.insnIndex}, off: ${at}`);
      env.reject(EINVAL);
    }
    const staysZero = writesZero && old === STACK_ZERO;
    if (staysZero) zeroUsed = true;
    slot.types[byte] = staysZero ? STACK_ZERO : STACK_MISC;
  }
  if (zeroUsed) markPrecise(env, valueRegno);
}

/** Bytes [low, high) of the stack are loaded as plain data. */
function loadData(env: VerifierEnvironment, frame: FrameState, low: number, high: number, dstRegno: number): void {
  let zeroes = 0;
  for (let at = low; at < high; at++) {
    const position = -at - 1;
    if (frame.stack[Math.floor(position / BPF_REG_SIZE)].types[position % BPF_REG_SIZE] !== STACK_ZERO) break;
    zeroes++;
  }
  const dst = env.registers[dstRegno];
  env.markUnknown(dst);
  if (zeroes === high - low) {
    dst.markKnownZero();
    dst.precise = true;
  }
  dst.live |= REG_LIVE_WRITTEN;
}

function checkReadable(
  env: VerifierEnvironment,
  slot: StackSlot,
  offset: number,
  size: number,
  spilled: boolean,
): void {
  const position = -offset - 1;
  for (let i = 0; i < size; i++) {
    const type = slot.types[(position - i) % BPF_REG_SIZE];
    if (type === STACK_MISC || type === (spilled ? STACK_SPILL : STACK_ZERO)) continue;
    if (type === STACK_INVALID && env.allowUninitializedStack) continue;
    env.reject(EACCES, `invalid read from stack off ${offset}+${i} size ${size}`);
  }
}

function readFixed(env: VerifierEnvironment, frame: FrameState, offset: number, size: number, dstRegno: number): void {
  const index = Math.floor((-offset - 1) / BPF_REG_SIZE);
  const slot = frame.stack[index];
  const reg = slot.spilled;
  const dst = dstRegno >= 0 ? env.registers[dstRegno] : null;
  if (!slot.isSpilled()) {
    checkReadable(env, slot, offset, size, false);
    markRead(env, reg, reg.parent, REG_LIVE_READ64);
    if (dstRegno >= 0) loadData(env, frame, offset, offset + size, dstRegno);
    return;
  }
  let spillSize = 1;
  while (spillSize < BPF_REG_SIZE && slot.types[BPF_REG_SIZE - 1 - spillSize] === STACK_SPILL) spillSize++;
  if (size !== BPF_REG_SIZE || spillSize !== BPF_REG_SIZE) {
    if (reg.type !== SCALAR_VALUE) {
      env.printSourceLine(env.insnIndex, "; ");
      env.reject(EACCES, "invalid size of register fill");
    }
    markRead(env, reg, reg.parent, REG_LIVE_READ64);
    if (dst === null) return;
    if (offset % BPF_REG_SIZE === 0 && size === spillSize) {
      const { subregDef } = dst;
      dst.assign(reg);
      dst.subregDef = subregDef;
    } else {
      checkReadable(env, slot, offset, size, true);
      env.markUnknown(dst);
    }
    dst.live |= REG_LIVE_WRITTEN;
    return;
  }
  if (dst !== null) {
    dst.assign(reg);
    dst.live |= REG_LIVE_WRITTEN;
  } else if (!env.allowPointerLeaks && reg.type !== SCALAR_VALUE) {
    env.reject(EACCES, `leaking pointer from stack off ${offset}`);
  }
  markRead(env, reg, reg.parent, REG_LIVE_READ64);
}

/**
 * Bytes on the stack must be readable; a helper may change them as well.
 * @param use undefined when the program itself reads
 */
export function checkRangeInitialized(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  zeroSizeAllowed: boolean,
  isHelper: boolean,
  use: BufferUse | null,
): void {
  const reg = env.registers[regno];
  const frame = frameOf(env, reg);
  const extra = isHelper ? " indirect" : "";
  if (size === 0 && !zeroSizeAllowed) env.reject(EACCES, "invalid zero-sized read");
  checkWithinBounds(env, regno, offset, size, isHelper ? "helper" : "read");
  const constant = tnumIsConst(reg.varOff);
  let low: number;
  let high: number;
  let filled = use?.uninitialized === true ? use : null;
  if (constant) {
    low = fixedOffset(reg) + offset;
    high = low;
  } else {
    if (!env.bypassSpectreV1) {
      const place = tnumString(reg.varOff);
      env.reject(EACCES, `R${regno}${extra} variable offset stack access prohibited for !root, var_off=${place}`);
    }
    // Which bytes the helper fills is not known: all of them must have been initialised.
    filled = null;
    low = Number(reg.smin) + offset;
    high = Number(reg.smax) + offset;
  }
  if (filled !== null) {
    filled.filledSize = size;
    filled.filledRegister = regno;
    return;
  }
  for (let at = low; at < high + size; at++) {
    const position = -at - 1;
    const slot = frame.stack[Math.floor(position / BPF_REG_SIZE)];
    const byte = position % BPF_REG_SIZE;
    const type = slot.types[byte];
    const uninitializedFine = type === STACK_INVALID && env.allowUninitializedStack;
    if (type === STACK_MISC || type === STACK_ZERO || uninitializedFine) {
      if (isHelper) slot.types[byte] = STACK_MISC;
    } else if (slot.isSpilled() && (slot.spilled.type === SCALAR_VALUE || env.allowPointerLeaks)) {
      if (isHelper) {
        env.markUnknown(slot.spilled);
        scrub(slot);
      }
    } else {
      const place = constant ? `off ${low}+${at - low}` : `var_off ${tnumString(reg.varOff)}+${at - low}`;
      env.reject(EACCES, `invalid${extra} read from stack R${regno} ${place} size ${size}`);
    }
    markRead(env, slot.spilled, slot.spilled.parent, REG_LIVE_READ64);
  }
}

/** A load through a pointer to the stack. `dstRegno` -1: the value goes nowhere the program can see. */
export function checkStackRead(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  dstRegno: number,
): void {
  const pointer = env.registers[regno];
  checkWithinBounds(env, regno, offset, size, "read");
  if (tnumIsConst(pointer.varOff)) {
    readFixed(env, frameOf(env, pointer), offset + fixedOffset(pointer), size, dstRegno);
    return;
  }
  if (dstRegno < 0) {
    const place = `var_off=${tnumString(pointer.varOff)} off=${offset} size=${size}`;
    env.reject(EACCES, `variable offset stack pointer cannot be passed into helper function; ${place}`);
  }
  checkRangeInitialized(env, regno, offset, size, false, false, null);
  const low = Number(pointer.smin) + offset;
  loadData(env, frameOf(env, pointer), low, Number(pointer.smax) + offset + size, dstRegno);
}

/** A store through a pointer to the stack. `valueRegno` -1: the value is a constant or not known. */
export function checkStackWrite(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  valueRegno: number,
): void {
  const pointer = env.registers[regno];
  checkWithinBounds(env, regno, offset, size, "write");
  if (tnumIsConst(pointer.varOff)) {
    writeFixed(env, frameOf(env, pointer), offset + fixedOffset(pointer), size, valueRegno);
  } else {
    writeVariable(env, pointer, offset, size, valueRegno);
  }
}
