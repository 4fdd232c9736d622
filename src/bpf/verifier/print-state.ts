/** The state of a frame as the verifier's log shows it: " R1=ctx(off=0,imm=0) R10=fp0 fp-8=mmmmmmmm". */
import { BPF_REG_FP } from "../isa.ts";
import {
  baseType,
  CONST_PTR_TO_MAP,
  isPacketPointer,
  mayBeRefcounted,
  NOT_INIT,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  REG_LIVE_DONE,
  REG_LIVE_READ,
  REG_LIVE_WRITTEN,
  type RegisterState,
  S32_MAX,
  S32_MIN,
  SCALAR_VALUE,
  typeName,
  U32_MAX,
} from "./register-state.ts";
import { BPF_REG_SIZE, type FrameState, STACK_INVALID } from "./state.ts";
import { S64_MAX, S64_MIN, tnumIsConst, tnumIsUnknown, tnumString, U64_MAX } from "./tnum.ts";

const SLOT_LETTERS = "?rm0d";

function liveness(live: number): string {
  let text = live & (REG_LIVE_READ | REG_LIVE_WRITTEN | REG_LIVE_DONE) ? "_" : "";
  if (live & REG_LIVE_READ) text += "r";
  if (live & REG_LIVE_WRITTEN) text += "w";
  if (live & REG_LIVE_DONE) text += "D";
  return text;
}

/** The constant that the log shows: value plus fixed offset, as signed number. */
const constantOf = (reg: RegisterState): string => BigInt.asIntN(64, reg.varOff.value + BigInt(reg.off)).toString();

function details(reg: RegisterState): string {
  const parts: string[] = [];
  const type = reg.type;
  const base = baseType(type);
  if (reg.id) parts.push(`id=${reg.id}`);
  if (mayBeRefcounted(type) && reg.refObjId) parts.push(`ref_obj_id=${reg.refObjId}`);
  if (type !== SCALAR_VALUE) parts.push(`off=${reg.off}`);
  if (isPacketPointer(type)) parts.push(`r=${reg.range}`);
  else if (base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_KEY || base === PTR_TO_MAP_VALUE) {
    parts.push(`ks=${reg.map?.keySize ?? 0},vs=${reg.map?.valueSize ?? 0}`);
  }
  if (tnumIsConst(reg.varOff)) {
    parts.push(`imm=${reg.varOff.value.toString(16)}`);
    return parts.join(",");
  }
  const asU64 = (value: bigint): bigint => BigInt.asUintN(64, value);
  if (asU64(reg.smin) !== reg.umin && reg.smin !== S64_MIN) parts.push(`smin=${reg.smin}`);
  if (asU64(reg.smax) !== reg.umax && reg.smax !== S64_MAX) parts.push(`smax=${reg.smax}`);
  if (reg.umin !== 0n) parts.push(`umin=${reg.umin}`);
  if (reg.umax !== U64_MAX) parts.push(`umax=${reg.umax}`);
  if (!tnumIsUnknown(reg.varOff)) parts.push(`var_off=${tnumString(reg.varOff)}`);
  if (BigInt(reg.s32min) !== reg.smin && reg.s32min !== S32_MIN) parts.push(`s32_min=${reg.s32min}`);
  if (BigInt(reg.s32max) !== reg.smax && reg.s32max !== S32_MAX) parts.push(`s32_max=${reg.s32max}`);
  if (BigInt(reg.u32min) !== reg.umin && reg.u32min !== 0) parts.push(`u32_min=${reg.u32min | 0}`);
  if (BigInt(reg.u32max) !== reg.umax && reg.u32max !== U32_MAX) parts.push(`u32_max=${reg.u32max | 0}`);
  return parts.join(",");
}

function registerText(reg: RegisterState): string {
  const type = reg.type;
  let text = type === SCALAR_VALUE && reg.precise ? "P" : "";
  if ((type === SCALAR_VALUE || type === PTR_TO_STACK) && tnumIsConst(reg.varOff)) {
    if (type === PTR_TO_STACK) text += typeName(type);
    return text + constantOf(reg);
  }
  text += typeName(type);
  if (baseType(type) === PTR_TO_BTF_ID) text += reg.structure?.name ?? "";
  return `${text}(${details(reg)})`;
}

/**
 * One line without its end.
 * @param changedRegisters bit mask of registers to show
 * @param changedSlots bit mask of stack slots to show
 */
export function printFrame(frame: FrameState, changedRegisters: number, changedSlots: bigint): string {
  let text = frame.frameno !== 0 ? ` frame${frame.frameno}:` : "";
  for (let i = 0; i <= BPF_REG_FP; i++) {
    const reg = frame.registers[i];
    if (reg.type === NOT_INIT || !((changedRegisters >> i) & 1)) continue;
    text += ` R${i}${liveness(reg.live)}=${registerText(reg)}`;
  }
  frame.stack.forEach((slot, i) => {
    if (slot.types.every((type) => type === STACK_INVALID) || !((changedSlots >> BigInt(i)) & 1n)) return;
    text += ` fp${-(i + 1) * BPF_REG_SIZE}${liveness(slot.spilled.live)}=`;
    if (!slot.isSpilled()) {
      text += slot.types.map((type) => SLOT_LETTERS[type]).join("");
      return;
    }
    const reg = slot.spilled;
    if (reg.type !== SCALAR_VALUE) text += typeName(reg.type);
    else if (reg.precise) text += "P";
    if (reg.type === SCALAR_VALUE && tnumIsConst(reg.varOff)) text += constantOf(reg);
  });
  if (frame.references.length > 0) text += ` refs=${frame.references.map((reference) => reference.id).join(",")}`;
  if (frame.inCallback) text += " cb";
  if (frame.inAsyncCallback) text += " async_cb";
  return text;
}
