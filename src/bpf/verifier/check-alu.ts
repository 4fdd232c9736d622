/**
 * Arithmetic: reserved fields, moves, scalars (ranges are carried along) and pointers (only what keeps a pointer inside its
 * object's reach is allowed).
 */
import {
  BPF_ADD,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
  bpfClass,
  bpfOp,
  bpfSource,
  type Instruction,
} from "../isa.ts";
import { addRanges, isContradictory, scalarArithmetic, subtractRanges, syncBounds, zeroExtend32 } from "./bounds.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EINVAL } from "./errors.ts";
import { BPF_MAX_VAR_OFF } from "./limits.ts";
import { checkRegisterArgument, DST_OP, DST_OP_NO_MARK, SRC_OP } from "./liveness.ts";
import { markPrecise } from "./precision.ts";
import { ALU_OPERATORS } from "./print-instruction.ts";
import {
  baseType,
  CONST_PTR_TO_MAP,
  DEF_NOT_SUBREG,
  isPacketPointer,
  knownScalar,
  mayBeNull,
  PTR_TO_FLOW_KEYS,
  PTR_TO_PACKET_END,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  REG_LIVE_WRITTEN,
  type RegisterState,
  SCALAR_VALUE,
  typeName,
} from "./register-state.ts";
import { checkSanitizedBounds, sanitizePointerArithmetic, sanitizeScalarArithmetic } from "./speculation.ts";
import { S64_MIN, tnumAdd, tnumIsConst, tnumSub, tnumSubregIsConst } from "./tnum.ts";

const MAX_OFFSET = BigInt(BPF_MAX_VAR_OFF);

const is64 = (insn: Instruction): boolean => bpfClass(insn.code) === BPF_ALU64;
const operator = (insn: Instruction): string => ALU_OPERATORS[bpfOp(insn.code) >> 4];

/** Offsets so large that they make no sense; refuses with the reason. */
function checkSaneOffset(env: VerifierEnvironment, reg: RegisterState, type: number): void {
  const name = typeName(type);
  const value = BigInt.asIntN(64, reg.varOff.value);
  if (tnumIsConst(reg.varOff) && (value >= MAX_OFFSET || value <= -MAX_OFFSET)) {
    env.reject(EINVAL, `math between ${name} pointer and ${value} is not allowed`);
  }
  if (reg.off >= BPF_MAX_VAR_OFF || reg.off <= -BPF_MAX_VAR_OFF) {
    env.reject(EINVAL, `${name} pointer offset ${reg.off} is not allowed`);
  }
  if (reg.smin === S64_MIN) {
    env.reject(EINVAL, `math between ${name} pointer and register with unbounded min value is not allowed`);
  }
  if (reg.smin >= MAX_OFFSET || reg.smin <= -MAX_OFFSET) {
    env.reject(EINVAL, `value ${reg.smin} makes ${name} pointer be out of bounds`);
  }
}

const NO_ARITHMETIC: ReadonlySet<number> = new Set([
  PTR_TO_PACKET_END,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
]);

/**
 * dst = pointer op scalar, where one of the two operands is the destination itself.
 * @param pointer the operand that is a pointer
 * @param offset the operand that is a scalar
 */
function pointerArithmetic(
  env: VerifierEnvironment,
  insn: Instruction,
  pointerOperand: RegisterState,
  offset: RegisterState,
): void {
  const dst = env.registers[insn.dst];
  const op = bpfOp(insn.code);
  const known = tnumIsConst(offset.varOff);
  // An impossible range: this path is dead.
  if (isContradictory(offset, false)) {
    env.markUnknown(dst);
    return;
  }
  if (!is64(insn)) {
    if (op === BPF_SUB && env.allowPointerLeaks) {
      env.markUnknown(dst);
      return;
    }
    env.reject(EACCES, `R${insn.dst} 32-bit pointer arithmetic prohibited`);
  }
  const name = typeName(pointerOperand.type);
  if (mayBeNull(pointerOperand.type)) {
    env.reject(EACCES, `R${insn.dst} pointer arithmetic on ${name} prohibited, null-check it first`);
  }
  const base = baseType(pointerOperand.type);
  const isMapPlusZero = base === CONST_PTR_TO_MAP && known && offset.smin === 0n && op === BPF_ADD;
  const isFlowKeysConstant = base === PTR_TO_FLOW_KEYS && known;
  if (
    NO_ARITHMETIC.has(base) ||
    (base === CONST_PTR_TO_MAP && !isMapPlusZero) ||
    (base === PTR_TO_FLOW_KEYS && !isFlowKeysConstant)
  ) {
    env.reject(EACCES, `R${insn.dst} pointer arithmetic on ${name} prohibited`);
  }

  // One of the operands is the destination register: look at both as they were.
  const offsetIsDst = offset === dst;
  const pointer = pointerOperand.clone();
  const addend = offset.clone();
  // scalar += pointer takes over all of the pointer, its place in the liveness chain included, as Linux 6.1 does.
  if (offsetIsDst) dst.assignAll(pointerOperand);
  checkSaneOffset(env, addend, pointer.type);
  checkSaneOffset(env, pointer, pointer.type);
  dst.markUnbounded32();
  const sanitation = sanitizePointerArithmetic(env, insn, pointer, addend, offsetIsDst);

  switch (op) {
    case BPF_ADD: {
      const fixed = BigInt(pointer.off) + addend.smin;
      if (known && fixed === BigInt.asIntN(32, fixed)) {
        dst.smin = pointer.smin;
        dst.smax = pointer.smax;
        dst.umin = pointer.umin;
        dst.umax = pointer.umax;
        dst.varOff = pointer.varOff;
        dst.off = Number(fixed);
        break;
      }
      addRanges(dst, pointer, addend);
      dst.varOff = tnumAdd(pointer.varOff, addend.varOff);
      dst.off = pointer.off;
      if (isPacketPointer(pointer.type)) {
        dst.id = env.newId();
        dst.range = 0;
      }
      break;
    }
    case BPF_SUB: {
      if (offsetIsDst) env.reject(EACCES, `R${insn.dst} tried to subtract pointer from scalar`);
      // Not every code generator can subtract from the frame pointer.
      if (pointer.type === PTR_TO_STACK) {
        env.reject(EACCES, `R${insn.dst} subtraction from stack pointer prohibited`);
      }
      const fixed = BigInt(pointer.off) - addend.smin;
      if (known && fixed === BigInt.asIntN(32, fixed)) {
        dst.off = Number(fixed);
        break;
      }
      subtractRanges(dst, pointer, addend);
      dst.varOff = tnumSub(pointer.varOff, addend.varOff);
      if (isPacketPointer(pointer.type)) {
        dst.id = env.newId();
        // Going back keeps the accessible range, going forward does not.
        if (addend.smin < 0n) dst.range = 0;
      }
      break;
    }
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      env.reject(EACCES, `R${insn.dst} bitwise operator ${operator(insn)} on pointer prohibited`);
      break;
    default:
      env.reject(EACCES, `R${insn.dst} pointer arithmetic with ${operator(insn)} operator prohibited`);
  }
  checkSaneOffset(env, dst, pointer.type);
  syncBounds(dst);
  checkSanitizedBounds(env, insn, dst);
  sanitation?.(dst);
}

function scalarOperation(env: VerifierEnvironment, insn: Instruction, dst: RegisterState, source: RegisterState): void {
  const is32 = !is64(insn);
  const op = bpfOp(insn.code);
  const src = source.clone();
  const srcKnown = is32 ? tnumSubregIsConst(src.varOff) : tnumIsConst(src.varOff);
  if (isContradictory(src, is32)) {
    env.markUnknown(dst);
    return;
  }
  if (!srcKnown && op !== BPF_ADD && op !== BPF_SUB && op !== BPF_AND) {
    env.markUnknown(dst);
    return;
  }
  if (op === BPF_ADD || op === BPF_SUB) sanitizeScalarArithmetic(env, insn);
  if (!scalarArithmetic(op, dst, src, is32)) env.markUnknown(dst);
  if (is32) zeroExtend32(dst);
  syncBounds(dst);
}

function binaryOperation(env: VerifierEnvironment, insn: Instruction): void {
  const dst = env.registers[insn.dst];
  const dstIsPointer = dst.type !== SCALAR_VALUE;
  // A changed value no longer equals its copies.
  if (!dstIsPointer) dst.id = 0;
  if (bpfSource(insn.code) !== BPF_X) {
    const immediate = knownScalar(BigInt(insn.imm));
    if (dstIsPointer) pointerArithmetic(env, insn, dst, immediate);
    else scalarOperation(env, insn, dst, immediate);
    return;
  }
  const src = env.registers[insn.src];
  if (src.type !== SCALAR_VALUE) {
    if (dstIsPointer) {
      if (bpfOp(insn.code) === BPF_SUB && env.allowPointerLeaks) {
        env.markUnknown(dst);
        return;
      }
      env.reject(EACCES, `R${insn.dst} pointer ${operator(insn)} pointer prohibited`);
    }
    markPrecise(env, insn.dst);
    pointerArithmetic(env, insn, src, dst);
    return;
  }
  if (dstIsPointer) {
    markPrecise(env, insn.src);
    pointerArithmetic(env, insn, dst, src);
    return;
  }
  if (dst.precise) markPrecise(env, insn.src);
  scalarOperation(env, insn, dst, src);
}

function unaryOperation(env: VerifierEnvironment, insn: Instruction): void {
  if (bpfOp(insn.code) === BPF_NEG) {
    if (bpfSource(insn.code) === BPF_X || insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) {
      env.reject(EINVAL, "BPF_NEG uses reserved fields");
    }
  } else {
    const width = insn.imm === 16 || insn.imm === 32 || insn.imm === 64;
    if (insn.src !== 0 || insn.off !== 0 || !width || is64(insn)) env.reject(EINVAL, "BPF_END uses reserved fields");
  }
  checkRegisterArgument(env, insn.dst, SRC_OP);
  if (env.isPointerValue(insn.dst)) env.reject(EACCES, `R${insn.dst} pointer arithmetic prohibited`);
  checkRegisterArgument(env, insn.dst, DST_OP);
}

function move(env: VerifierEnvironment, insn: Instruction): void {
  const fromRegister = bpfSource(insn.code) === BPF_X;
  if (insn.off !== 0 || (fromRegister ? insn.imm !== 0 : insn.src !== 0)) {
    env.reject(EINVAL, "BPF_MOV uses reserved fields");
  }
  if (fromRegister) checkRegisterArgument(env, insn.src, SRC_OP);
  checkRegisterArgument(env, insn.dst, DST_OP_NO_MARK);
  const dst = env.registers[insn.dst];
  if (!fromRegister) {
    env.markUnknown(dst);
    dst.markKnown(is64(insn) ? BigInt(insn.imm) : BigInt(insn.imm >>> 0));
    return;
  }
  const src = env.registers[insn.src];
  if (is64(insn)) {
    // Copies share an id, so that what is learned of one holds for the other.
    if (src.type === SCALAR_VALUE && src.id === 0) src.id = env.newId();
    dst.assign(src);
    dst.live |= REG_LIVE_WRITTEN;
    dst.subregDef = DEF_NOT_SUBREG;
    return;
  }
  if (env.isPointerValue(insn.src)) env.reject(EACCES, `R${insn.src} partial copy of pointer`);
  if (src.type === SCALAR_VALUE) {
    dst.assign(src);
    dst.id = 0;
    dst.live |= REG_LIVE_WRITTEN;
    dst.subregDef = env.insnIndex + 1;
  } else {
    env.markUnknown(dst);
  }
  zeroExtend32(dst);
  syncBounds(dst);
}

/** BPF_ALU and BPF_ALU64. */
export function checkAlu(env: VerifierEnvironment, insn: Instruction): void {
  const op = bpfOp(insn.code);
  if (op === BPF_END || op === BPF_NEG) {
    unaryOperation(env, insn);
    return;
  }
  if (op === BPF_MOV) {
    move(env, insn);
    return;
  }
  if (op > BPF_END) env.reject(EINVAL, `invalid BPF_ALU opcode ${op.toString(16)}`);
  const fromRegister = bpfSource(insn.code) === BPF_X;
  if (insn.off !== 0 || (fromRegister ? insn.imm !== 0 : insn.src !== 0)) {
    env.reject(EINVAL, "BPF_ALU uses reserved fields");
  }
  if (fromRegister) checkRegisterArgument(env, insn.src, SRC_OP);
  checkRegisterArgument(env, insn.dst, SRC_OP);
  if ((op === BPF_MOD || op === BPF_DIV) && !fromRegister && insn.imm === 0) env.reject(EINVAL, "div by zero");
  if ((op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH) && !fromRegister) {
    if (insn.imm < 0 || insn.imm >= (is64(insn) ? 64 : 32)) env.reject(EINVAL, `invalid shift ${insn.imm}`);
  }
  checkRegisterArgument(env, insn.dst, DST_OP_NO_MARK);
  binaryOperation(env, insn);
}
