/**
 * Conditional jumps: decided where the ranges decide them, otherwise both ways are followed and each learns what the condition says
 * about its operands.
 */
import {
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_X,
  bpfClass,
  bpfOp,
  bpfSource,
  type Instruction,
} from "../isa.ts";
import { combine32Into64, combine64Into32, syncBounds } from "./bounds.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EINVAL } from "./errors.ts";
import { pushBranch } from "./explored-states.ts";
import { checkRegisterArgument, SRC_OP } from "./liveness.ts";
import { BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_XSKMAP } from "./map-types.ts";
import { markPrecise } from "./precision.ts";
import { releaseReferenceState } from "./references.ts";
import {
  AT_PKT_END,
  BEYOND_PKT_END,
  baseType,
  CONST_PTR_TO_MAP,
  isNeverNull,
  isPacketPointerAny,
  mayBeNull,
  PTR_MAYBE_NULL,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_XDP_SOCK,
  type RegisterState,
  SCALAR_VALUE,
} from "./register-state.ts";
import { pushSpeculativePath } from "./speculation.ts";
import type { VerifierState } from "./state.ts";
import {
  type Tnum,
  tnumAnd,
  tnumClearSubreg,
  tnumConst,
  tnumEqual,
  tnumIntersect,
  tnumIsConst,
  tnumOr,
  tnumSubreg,
  tnumSubregIsConst,
} from "./tnum.ts";

const U64_MASK = 0xffff_ffff_ffff_ffffn;

/** 1 or 0 when the branch is decided, otherwise -1. */
function isBranch64Taken(reg: RegisterState, value: bigint, op: number): number {
  const signed = BigInt.asIntN(64, value);
  switch (op) {
    case BPF_JEQ:
      return tnumIsConst(reg.varOff) ? Number(reg.varOff.value === value) : -1;
    case BPF_JNE:
      return tnumIsConst(reg.varOff) ? Number(reg.varOff.value !== value) : -1;
    case BPF_JSET:
      if (reg.varOff.value & value) return 1;
      return (reg.varOff.value | reg.varOff.mask) & value ? -1 : 0;
    case BPF_JGT:
      return reg.umin > value ? 1 : reg.umax <= value ? 0 : -1;
    case BPF_JSGT:
      return reg.smin > signed ? 1 : reg.smax <= signed ? 0 : -1;
    case BPF_JLT:
      return reg.umax < value ? 1 : reg.umin >= value ? 0 : -1;
    case BPF_JSLT:
      return reg.smax < signed ? 1 : reg.smin >= signed ? 0 : -1;
    case BPF_JGE:
      return reg.umin >= value ? 1 : reg.umax < value ? 0 : -1;
    case BPF_JSGE:
      return reg.smin >= signed ? 1 : reg.smax < signed ? 0 : -1;
    case BPF_JLE:
      return reg.umax <= value ? 1 : reg.umin > value ? 0 : -1;
    case BPF_JSLE:
      return reg.smax <= signed ? 1 : reg.smin > signed ? 0 : -1;
    default:
      return -1;
  }
}

function isBranch32Taken(reg: RegisterState, value: number, op: number): number {
  const signed = value | 0;
  const subreg = tnumSubreg(reg.varOff);
  switch (op) {
    case BPF_JEQ:
      return tnumIsConst(subreg) ? Number(Number(subreg.value) === value) : -1;
    case BPF_JNE:
      return tnumIsConst(subreg) ? Number(Number(subreg.value) !== value) : -1;
    case BPF_JSET: {
      const wide = BigInt(value);
      if (subreg.value & wide) return 1;
      return (subreg.value | subreg.mask) & wide ? -1 : 0;
    }
    case BPF_JGT:
      return reg.u32min > value ? 1 : reg.u32max <= value ? 0 : -1;
    case BPF_JSGT:
      return reg.s32min > signed ? 1 : reg.s32max <= signed ? 0 : -1;
    case BPF_JLT:
      return reg.u32max < value ? 1 : reg.u32min >= value ? 0 : -1;
    case BPF_JSLT:
      return reg.s32max < signed ? 1 : reg.s32min >= signed ? 0 : -1;
    case BPF_JGE:
      return reg.u32min >= value ? 1 : reg.u32max < value ? 0 : -1;
    case BPF_JSGE:
      return reg.s32min >= signed ? 1 : reg.s32max < signed ? 0 : -1;
    case BPF_JLE:
      return reg.u32max <= value ? 1 : reg.u32min > value ? 0 : -1;
    case BPF_JSLE:
      return reg.s32max <= signed ? 1 : reg.s32min > signed ? 0 : -1;
    default:
      return -1;
  }
}

function isBranchTaken(reg: RegisterState, value: bigint, op: number, is32: boolean): number {
  if (reg.type !== SCALAR_VALUE) {
    // A valid pointer is not 0; nothing else is known of its number.
    if (!isNeverNull(reg.type) || value !== 0n) return -1;
    return op === BPF_JEQ ? 0 : op === BPF_JNE ? 1 : -1;
  }
  return is32 ? isBranch32Taken(reg, Number(value & 0xffff_ffffn), op) : isBranch64Taken(reg, value, op);
}

/** The same condition with its operands exchanged. */
const FLIPPED: Readonly<Record<number, number>> = {
  [BPF_JEQ]: BPF_JEQ,
  [BPF_JNE]: BPF_JNE,
  [BPF_JSET]: BPF_JSET,
  [BPF_JGE]: BPF_JLE,
  [BPF_JGT]: BPF_JLT,
  [BPF_JLE]: BPF_JGE,
  [BPF_JLT]: BPF_JGT,
  [BPF_JSGE]: BPF_JSLE,
  [BPF_JSGT]: BPF_JSLT,
  [BPF_JSLE]: BPF_JSGE,
  [BPF_JSLT]: BPF_JSGT,
};

/** A packet pointer compared with the packet's end a second time. */
function isPacketBranchTaken(dst: RegisterState, src: RegisterState, condition: number): number {
  let op = condition;
  let packet = dst;
  if (src.type === PTR_TO_PACKET_END) packet = dst;
  else if (dst.type === PTR_TO_PACKET_END) {
    packet = src;
    op = FLIPPED[op];
  } else return -1;
  if (packet.range >= 0) return -1;
  switch (op) {
    case BPF_JLE:
      // pkt <= pkt_end: beyond means no.
      return packet.range === BEYOND_PKT_END ? 0 : -1;
    case BPF_JGT:
      return packet.range === BEYOND_PKT_END ? 1 : -1;
    case BPF_JLT:
      return packet.range === BEYOND_PKT_END || packet.range === AT_PKT_END ? 0 : -1;
    case BPF_JGE:
      return packet.range === BEYOND_PKT_END || packet.range === AT_PKT_END ? 1 : -1;
    default:
      return -1;
  }
}

const bigMax = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const bigMin = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Compares with a 64-bit constant: what each side learns. */
function learn64(yes: RegisterState, no: RegisterState, value: bigint, op: number): void {
  const signed = BigInt.asIntN(64, value);
  const u = (a: bigint): bigint => BigInt.asUintN(64, a);
  const s = (a: bigint): bigint => BigInt.asIntN(64, a);
  let [yesBits, noBits]: [Tnum, Tnum] = [yes.varOff, no.varOff];
  switch (op) {
    case BPF_JEQ:
      yes.setBoundsKnown(value);
      yesBits = yes.varOff;
      break;
    case BPF_JNE:
      no.setBoundsKnown(value);
      noBits = no.varOff;
      break;
    case BPF_JSET:
      // What is known of the bits can contradict the ranges where no path leads.
      no.markUnbounded32();
      no.markUnbounded64();
      noBits = tnumAnd(noBits, tnumConst(value ^ U64_MASK));
      if (value !== 0n && (value & (value - 1n)) === 0n) yesBits = tnumOr(yesBits, tnumConst(value));
      break;
    case BPF_JGE:
    case BPF_JGT: {
      const strict = op === BPF_JGT;
      no.umax = bigMin(no.umax, strict ? value : u(value - 1n));
      yes.umin = bigMax(yes.umin, strict ? u(value + 1n) : value);
      break;
    }
    case BPF_JSGE:
    case BPF_JSGT: {
      const strict = op === BPF_JSGT;
      no.smax = bigMin(no.smax, strict ? signed : s(signed - 1n));
      yes.smin = bigMax(yes.smin, strict ? s(signed + 1n) : signed);
      break;
    }
    case BPF_JLE:
    case BPF_JLT: {
      const strict = op === BPF_JLT;
      no.umin = bigMax(no.umin, strict ? value : u(value + 1n));
      yes.umax = bigMin(yes.umax, strict ? u(value - 1n) : value);
      break;
    }
    case BPF_JSLE:
    case BPF_JSLT: {
      const strict = op === BPF_JSLT;
      no.smin = bigMax(no.smin, strict ? signed : s(signed + 1n));
      yes.smax = bigMin(yes.smax, strict ? s(signed - 1n) : signed);
      break;
    }
    default:
      return;
  }
  no.varOff = noBits;
  yes.varOff = yesBits;
  combine64Into32(no);
  combine64Into32(yes);
}

/** Compares the lower half with a constant: what each side learns. */
function learn32(yes: RegisterState, no: RegisterState, value: number, op: number): void {
  const signed = value | 0;
  const [yesWhole, noWhole] = [yes.varOff, no.varOff];
  let [yesBits, noBits] = [tnumSubreg(yesWhole), tnumSubreg(noWhole)];
  switch (op) {
    case BPF_JEQ:
      yes.setSubregKnown(value);
      yesBits = tnumSubreg(yes.varOff);
      break;
    case BPF_JNE:
      no.setSubregKnown(value);
      noBits = tnumSubreg(no.varOff);
      break;
    case BPF_JSET:
      no.markUnbounded32();
      no.markUnbounded64();
      noBits = tnumAnd(noBits, tnumConst(BigInt(~value)));
      if (value !== 0 && (value & (value - 1)) === 0) yesBits = tnumOr(yesBits, tnumConst(BigInt(value)));
      break;
    case BPF_JGE:
    case BPF_JGT: {
      const strict = op === BPF_JGT;
      no.u32max = Math.min(no.u32max, strict ? value : (value - 1) >>> 0);
      yes.u32min = Math.max(yes.u32min, strict ? (value + 1) >>> 0 : value);
      break;
    }
    case BPF_JSGE:
    case BPF_JSGT: {
      const strict = op === BPF_JSGT;
      no.s32max = Math.min(no.s32max, strict ? signed : (signed - 1) | 0);
      yes.s32min = Math.max(yes.s32min, strict ? (signed + 1) | 0 : signed);
      break;
    }
    case BPF_JLE:
    case BPF_JLT: {
      const strict = op === BPF_JLT;
      no.u32min = Math.max(no.u32min, strict ? value : (value + 1) >>> 0);
      yes.u32max = Math.min(yes.u32max, strict ? (value - 1) >>> 0 : value);
      break;
    }
    case BPF_JSLE:
    case BPF_JSLT: {
      const strict = op === BPF_JSLT;
      no.s32min = Math.max(no.s32min, strict ? signed : (signed + 1) | 0);
      yes.s32max = Math.min(yes.s32max, strict ? (signed - 1) | 0 : signed);
      break;
    }
    default:
      return;
  }
  no.varOff = tnumOr(tnumClearSubreg(noWhole), tnumSubreg(noBits));
  yes.varOff = tnumOr(tnumClearSubreg(yesWhole), tnumSubreg(yesBits));
  combine32Into64(no);
  combine32Into64(yes);
}

/**
 * Both sides learn from "reg op value".
 * @param yes the register where the jump is taken
 * @param no the register where it is not
 */
function learnFromConstant(yes: RegisterState, no: RegisterState, value: bigint, op: number, is32: boolean): void {
  // Nothing is learned of a pointer's offset.
  if (no.type !== SCALAR_VALUE) return;
  if (is32) learn32(yes, no, Number(value & 0xffff_ffffn), op);
  else learn64(yes, no, value, op);
}

/** Two registers are equal: each knows what the other knows. */
function combineEqual(a: RegisterState, b: RegisterState): void {
  a.umin = b.umin = bigMax(a.umin, b.umin);
  a.umax = b.umax = bigMin(a.umax, b.umax);
  a.smin = b.smin = bigMax(a.smin, b.smin);
  a.smax = b.smax = bigMin(a.smax, b.smax);
  a.varOff = b.varOff = tnumIntersect(a.varOff, b.varOff);
  syncBounds(a);
  syncBounds(b);
}

/** Copies of a scalar learn what it learned. */
function spreadToCopies(state: VerifierState, known: RegisterState): void {
  const id = known.id;
  state.forEachRegister((reg) => {
    if (reg.type === SCALAR_VALUE && reg.id === id && reg !== known) reg.assign(known);
  });
}

/** A pointer that may be null was checked: it is one or the other from here. */
function decideNull(reg: RegisterState, id: number, isNull: boolean): void {
  if (!mayBeNull(reg.type) || reg.id !== id) return;
  // Arithmetic was refused, so this cannot be anything but the pointer as it was returned.
  if (reg.smin !== 0n || reg.smax !== 0n || !tnumEqual(reg.varOff, tnumConst(0n)) || reg.off !== 0) return;
  if (isNull) {
    reg.type = SCALAR_VALUE;
    reg.id = 0;
    reg.refObjId = 0;
    reg.clearPointee();
    return;
  }
  markNotNull(reg);
  // A value with a lock is still told apart by its id.
  if (!(reg.type === PTR_TO_MAP_VALUE && reg.map?.spinLockOffset !== undefined)) reg.id = 0;
}

function markNotNull(reg: RegisterState): void {
  if (baseType(reg.type) !== PTR_TO_MAP_VALUE) {
    reg.type &= ~PTR_MAYBE_NULL;
    return;
  }
  const map = reg.map;
  if (map?.inner !== undefined) {
    reg.type = CONST_PTR_TO_MAP;
    reg.map = map.inner;
    if (map.inner.timerOffset !== undefined) reg.mapUid = reg.id;
  } else if (map?.type === BPF_MAP_TYPE_XSKMAP) reg.type = PTR_TO_XDP_SOCK;
  else if (map?.type === BPF_MAP_TYPE_SOCKMAP || map?.type === BPF_MAP_TYPE_SOCKHASH) reg.type = PTR_TO_SOCKET;
  else reg.type = PTR_TO_MAP_VALUE;
}

function decideNullEverywhere(state: VerifierState, regno: number, isNull: boolean): void {
  const frame = state.frames[state.currentFrame];
  const { refObjId, id } = frame.registers[regno];
  // There is no reference to release if nothing was returned.
  if (refObjId !== 0 && refObjId === id && isNull) releaseReferenceState(frame, id);
  state.forEachRegister((reg) => decideNull(reg, id, isNull));
}

/** Packet pointers with this id may be used up to where the compared one points. */
function findGoodPacketPointers(state: VerifierState, dst: RegisterState, type: number, rangeRightOpen: boolean): void {
  if (dst.off < 0 || (dst.off === 0 && rangeRightOpen)) return;
  if (dst.umax > 0xffffn || dst.umax + BigInt(dst.off) > 0xffffn) return;
  const range = rangeRightOpen ? dst.off + 1 : dst.off;
  const id = dst.id;
  state.forEachRegister((reg) => {
    if (reg.type === type && reg.id === id) reg.range = Math.max(reg.range, range);
  });
}

/** The side where the packet ends before the pointer: remembered, so that the same question is not asked twice. */
function markPacketEnd(state: VerifierState, regno: number, rangeOpen: boolean): void {
  const reg = state.frames[state.currentFrame].registers[regno];
  if (reg.type !== PTR_TO_PACKET) return;
  reg.range = rangeOpen ? BEYOND_PKT_END : AT_PKT_END;
}

/** Comparison of packet pointers with the packet's end (or metadata with data). False: it is none. */
function comparePacket(
  insn: Instruction,
  dst: RegisterState,
  src: RegisterState | null,
  here: VerifierState,
  there: VerifierState,
): boolean {
  if (src === null || bpfClass(insn.code) === BPF_JMP32) return false;
  const isData = (reg: RegisterState): boolean =>
    reg.type === PTR_TO_PACKET && reg.off === 0 && tnumIsConst(reg.varOff);
  const dstFirst =
    (dst.type === PTR_TO_PACKET && src.type === PTR_TO_PACKET_END) || (dst.type === PTR_TO_PACKET_META && isData(src));
  const srcFirst =
    (dst.type === PTR_TO_PACKET_END && src.type === PTR_TO_PACKET) || (isData(dst) && src.type === PTR_TO_PACKET_META);
  if (!dstFirst && !srcFirst) return false;
  const op = bpfOp(insn.code);
  const [packet, regno] = dstFirst ? [dst, insn.dst] : [src, insn.src];
  const type = packet.type;
  switch (dstFirst ? op : FLIPPED[op]) {
    case BPF_JGT:
      // packet > end: fine where it is not so.
      findGoodPacketPointers(here, packet, type, false);
      markPacketEnd(there, regno, true);
      return true;
    case BPF_JLT:
      findGoodPacketPointers(there, packet, type, true);
      markPacketEnd(here, regno, false);
      return true;
    case BPF_JGE:
      findGoodPacketPointers(here, packet, type, true);
      markPacketEnd(there, regno, false);
      return true;
    case BPF_JLE:
      findGoodPacketPointers(there, packet, type, false);
      markPacketEnd(here, regno, true);
      return true;
    default:
      return false;
  }
}

/** What the condition compares with, when it is a known number. */
function constantOperand(insn: Instruction, src: RegisterState | null, is32: boolean): bigint | null {
  if (src === null) return BigInt.asUintN(64, BigInt(insn.imm));
  if (src.type !== SCALAR_VALUE) return null;
  if (is32) return tnumSubregIsConst(src.varOff) ? tnumSubreg(src.varOff).value : null;
  return tnumIsConst(src.varOff) ? src.varOff.value : null;
}

/** A conditional jump. Moves env.insnIndex to the instruction before the next one. */
export function checkConditionalJump(env: VerifierEnvironment, insn: Instruction): void {
  const op = bpfOp(insn.code);
  const is32 = bpfClass(insn.code) === BPF_JMP32;
  if (op === BPF_JA || op > BPF_JSLE) env.reject(EINVAL, `invalid BPF_JMP/JMP32 opcode ${op.toString(16)}`);
  const fromRegister = bpfSource(insn.code) === BPF_X;
  checkRegisterArgument(env, insn.dst, SRC_OP);
  const dst = env.registers[insn.dst];
  if (fromRegister ? insn.imm !== 0 : insn.src !== 0) env.reject(EINVAL, "BPF_JMP/JMP32 uses reserved fields");
  if (fromRegister) {
    checkRegisterArgument(env, insn.src, SRC_OP);
    const arePacketPointers = isPacketPointerAny(dst.type) && isPacketPointerAny(env.registers[insn.src].type);
    if (!arePacketPointers && env.isPointerValue(insn.src)) {
      env.reject(EACCES, `R${insn.src} pointer comparison prohibited`);
    }
  }
  const src = fromRegister ? env.registers[insn.src] : null;
  const constant = constantOperand(insn, src, is32);

  let taken = -1;
  if (constant !== null) taken = isBranchTaken(dst, constant, op, is32);
  else if (src !== null && !is32 && isPacketPointerAny(dst.type) && isPacketPointerAny(src.type)) {
    taken = isPacketBranchTaken(dst, src, op);
  }
  if (taken >= 0) {
    if (dst.type === SCALAR_VALUE) markPrecise(env, insn.dst);
    if (src !== null && src.type === SCALAR_VALUE) markPrecise(env, insn.src);
    const [next, other] = taken === 1 ? [insn.off, 0] : [0, insn.off];
    if (!env.bypassSpectreV1) pushSpeculativePath(env, insn, env.insnIndex + other + 1, env.insnIndex);
    if (env.log.perInstruction) env.printChanges(env.frame);
    env.insnIndex += next;
    return;
  }

  const here = env.state;
  const there = pushBranch(env, env.insnIndex + insn.off + 1, env.insnIndex, false);
  const otherRegisters = there.frames[there.currentFrame].registers;
  const otherDst = otherRegisters[insn.dst];
  if (src !== null) {
    if (dst.type === SCALAR_VALUE && src.type === SCALAR_VALUE) {
      const otherSrc = otherRegisters[insn.src];
      const dstConstant = tnumIsConst(dst.varOff) || (is32 && tnumSubregIsConst(dst.varOff));
      if (constant !== null || tnumIsConst(src.varOff)) {
        learnFromConstant(otherDst, dst, constant ?? src.varOff.value, op, is32);
      } else if (dstConstant) {
        learnFromConstant(otherSrc, src, dst.varOff.value, FLIPPED[op], is32);
      } else if (!is32 && op === BPF_JEQ) {
        combineEqual(otherSrc, otherDst);
      } else if (!is32 && op === BPF_JNE) {
        combineEqual(src, dst);
      }
      if (src.id !== 0) {
        spreadToCopies(here, src);
        spreadToCopies(there, otherSrc);
      }
    }
  } else if (dst.type === SCALAR_VALUE) {
    learnFromConstant(otherDst, dst, constant ?? 0n, op, is32);
  }
  if (dst.type === SCALAR_VALUE && dst.id !== 0) {
    spreadToCopies(here, dst);
    spreadToCopies(there, otherDst);
  }

  const isNullCheck = !is32 && !fromRegister && insn.imm === 0 && (op === BPF_JEQ || op === BPF_JNE);
  if (isNullCheck && mayBeNull(dst.type)) {
    decideNullEverywhere(here, insn.dst, op === BPF_JNE);
    decideNullEverywhere(there, insn.dst, op === BPF_JEQ);
  } else if (!comparePacket(insn, dst, src, here, there) && env.isPointerValue(insn.dst)) {
    env.reject(EACCES, `R${insn.dst} pointer comparison prohibited`);
  }
  if (env.log.perInstruction) env.printChanges(env.frame);
}
