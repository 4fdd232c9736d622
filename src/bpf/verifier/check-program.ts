/** The main loop: follows every path of a program, one instruction after the other, until none is left. */
import { BTF_FUNC_STATIC } from "../btf.ts";
import {
  accessBytes,
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_DW,
  BPF_EXIT,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_REG_0,
  BPF_REG_1,
  BPF_REG_6,
  BPF_ST,
  BPF_STX,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSize,
  bpfSource,
  type Instruction,
  imm64,
  isLongJump,
  jumpDistance,
} from "../isa.ts";
import { BPF_TRACE_FENTRY, BPF_TRACE_FEXIT } from "./attach-target.ts";
import { checkAlu } from "./check-alu.ts";
import { checkHelperCall, checkReferenceLeakBefore, forgetCallerSaved } from "./check-call.ts";
import { checkFunctionCall, leaveFunction } from "./check-function-call.ts";
import { checkConditionalJump } from "./check-jump.ts";
import { BPF_READ, BPF_WRITE, checkAtomic, checkMemoryAccess, checkUnmodified } from "./check-memory.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { E2BIG, EACCES, EFAULT, EINVAL } from "./errors.ts";
import { endBranch, isStateVisited } from "./explored-states.ts";
import { checkArguments, isGlobalFunction, prepareArguments } from "./function-types.ts";
import { checkRegisterArgument, DST_OP, DST_OP_NO_MARK, SRC_OP } from "./liveness.ts";
import { BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_TRACING, mayLoadFromPacket } from "./program-types.ts";
import { checkReferenceLeak } from "./references.ts";
import {
  baseType,
  CONST_PTR_TO_MAP,
  isSocketPointer,
  NOT_INIT,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_SOCKET,
  type RegisterState,
  SCALAR_VALUE,
  typeName,
} from "./register-state.ts";
import { BPF_MAIN_FUNC, newFrame, VerifierState } from "./state.ts";

const SPIN_UNLOCK = 94;

/** The state at the beginning of a function that is verified by itself: nothing is known of its arguments yet. */
export function initialState(precise: boolean, subprogram = 0): VerifierState {
  const state = new VerifierState();
  state.frames.push(newFrame(BPF_MAIN_FUNC, 0, subprogram, precise));
  state.branches = 1;
  return state;
}

/** Accesses to the context and to sockets are rewritten: one instruction cannot do that and plain loads, too. */
function pointerNeedsOwnCode(type: number): boolean {
  const base = baseType(type);
  return base === PTR_TO_CTX || (isSocketPointer(base) && base >= PTR_TO_SOCKET) || base === PTR_TO_BTF_ID;
}

function recordPointerType(env: VerifierEnvironment, type: number): void {
  const aux = env.currentAux;
  if (aux.pointerType === NOT_INIT) {
    aux.pointerType = type;
    return;
  }
  if (aux.pointerType !== type && (pointerNeedsOwnCode(type) || pointerNeedsOwnCode(aux.pointerType))) {
    env.reject(EINVAL, "same insn cannot be used with different pointers");
  }
}

function checkLoad(env: VerifierEnvironment, insn: Instruction): void {
  checkRegisterArgument(env, insn.src, SRC_OP);
  checkRegisterArgument(env, insn.dst, DST_OP_NO_MARK);
  const type = env.registers[insn.src].type;
  checkMemoryAccess(env, insn.src, insn.off, accessBytes(insn.code), BPF_READ, insn.dst, false);
  recordPointerType(env, type);
}

function checkStoreRegister(env: VerifierEnvironment, insn: Instruction): void {
  if (bpfMode(insn.code) === BPF_ATOMIC) {
    checkAtomic(env, insn);
    return;
  }
  if (bpfMode(insn.code) !== BPF_MEM || insn.imm !== 0) env.reject(EINVAL, "BPF_STX uses reserved fields");
  checkRegisterArgument(env, insn.src, SRC_OP);
  checkRegisterArgument(env, insn.dst, SRC_OP);
  const type = env.registers[insn.dst].type;
  checkMemoryAccess(env, insn.dst, insn.off, accessBytes(insn.code), BPF_WRITE, insn.src, false);
  recordPointerType(env, type);
}

function checkStoreImmediate(env: VerifierEnvironment, insn: Instruction): void {
  if (bpfMode(insn.code) !== BPF_MEM || insn.src !== 0) env.reject(EINVAL, "BPF_ST uses reserved fields");
  checkRegisterArgument(env, insn.dst, SRC_OP);
  const { type } = env.registers[insn.dst];
  if (type === PTR_TO_CTX) env.reject(EACCES, `BPF_ST stores into R${insn.dst} ${typeName(type)} is not allowed`);
  checkMemoryAccess(env, insn.dst, insn.off, accessBytes(insn.code), BPF_WRITE, -1, false);
}

function checkLoadImmediate(env: VerifierEnvironment, insn: Instruction): void {
  if (bpfSize(insn.code) !== BPF_DW) env.reject(EINVAL, "invalid BPF_LD_IMM insn");
  if (insn.off !== 0) env.reject(EINVAL, "BPF_LD_IMM64 uses reserved fields");
  checkRegisterArgument(env, insn.dst, DST_OP);
  const dst = env.registers[insn.dst];
  if (insn.src === 0) {
    dst.type = SCALAR_VALUE;
    dst.markKnown(imm64(insn, env.instructions[env.insnIndex + 1]));
    return;
  }
  dst.markKnownZero();
  const aux = env.currentAux;
  if (insn.src === BPF_PSEUDO_FUNC) {
    const isTyped = env.program.functionInfo === true || (env.types?.functions.length ?? 0) > 0;
    if (!isTyped) env.reject(EINVAL, "missing btf func_info");
    const callback = env.calledSubprogram(env.insnIndex);
    const linkage = env.types?.functions[callback]?.linkage ?? BTF_FUNC_STATIC;
    if (linkage !== BTF_FUNC_STATIC) env.reject(EINVAL, "callback function not static");
    if (callback === 0) env.reject(EINVAL, "callback function cannot be the main program");
    dst.type = PTR_TO_FUNC;
    dst.subprogram = callback;
    return;
  }
  dst.map = aux.map;
  if (insn.src === BPF_PSEUDO_MAP_VALUE || insn.src === BPF_PSEUDO_MAP_IDX_VALUE) {
    dst.type = PTR_TO_MAP_VALUE;
    dst.off = aux.mapOffset;
    if (aux.map?.spinLockOffset !== undefined) dst.id = env.newId();
  } else {
    dst.type = CONST_PTR_TO_MAP;
  }
}

/** BPF_LD | BPF_ABS or BPF_IND: R0 = a piece of the packet, R6 is the context. */
function checkPacketLoad(env: VerifierEnvironment, insn: Instruction): void {
  if (!mayLoadFromPacket(env.program.type)) {
    env.reject(EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type");
  }
  const isAbsolute = bpfMode(insn.code) === BPF_ABS;
  if (insn.dst !== 0 || insn.off !== 0 || bpfSize(insn.code) === BPF_DW || (isAbsolute && insn.src !== 0)) {
    env.reject(EINVAL, "BPF_LD_[ABS|IND] uses reserved fields");
  }
  checkRegisterArgument(env, BPF_REG_6, SRC_OP);
  // The load may end the program.
  checkReferenceLeakBefore(env, "BPF_LD_[ABS|IND] cannot be mixed with socket references");
  if (env.state.activeSpinLock !== 0) {
    env.reject(EINVAL, "BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region");
  }
  const context = env.registers[BPF_REG_6];
  if (context.type !== PTR_TO_CTX) {
    env.reject(EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
  }
  if (!isAbsolute) checkRegisterArgument(env, insn.src, SRC_OP);
  checkUnmodified(env, context, BPF_REG_6);
  forgetCallerSaved(env);
  const result = env.registers[BPF_REG_0];
  env.markUnknown(result);
  result.subregDef = env.insnIndex + 1;
}

const isFunctionTracing = (env: VerifierEnvironment): boolean => {
  const { type, expectedAttachType } = env.program;
  return type === BPF_PROG_TYPE_TRACING && [BPF_TRACE_FENTRY, BPF_TRACE_FEXIT].includes(expectedAttachType ?? 0);
};

function hasText(result: RegisterState): string {
  const { value, mask } = result.varOff;
  if (mask === (1n << 64n) - 1n) return "has unknown scalar value";
  return `has value (0x${value.toString(16)}; 0x${mask.toString(16)})`;
}

/** R0 at the end of the main program, or of the callback of a timer. */
function checkResult(env: VerifierEnvironment): void {
  // Nobody looks at what a hook without a result returns.
  if (env.program.type === BPF_PROG_TYPE_LSM && env.frame.subprogram === 0 && env.target?.model.returnsVoid === true)
    return;
  checkRegisterArgument(env, BPF_REG_0, SRC_OP);
  if (env.isPointerValue(BPF_REG_0)) env.reject(EACCES, "R0 leaks addr as return value");
  const result = env.registers[BPF_REG_0];
  if (!env.frame.inAsyncCallback) {
    if (env.frame.subprogram > 0) {
      if (result.type === SCALAR_VALUE) return;
      env.reject(EINVAL, `At subprogram exit the register R0 is not a scalar value (${typeName(result.type)})`);
    }
    if (!isFunctionTracing(env)) return;
    if (result.type !== SCALAR_VALUE) {
      env.reject(EINVAL, `At program exit the register R0 is not a known value (${typeName(result.type)})`);
    }
    if (result.varOff.mask === 0n && result.varOff.value === 0n) return;
    env.reject(EINVAL, `At program exit the register R0 ${hasText(result)} should have been in (0x0; 0x0)`);
  }
  if (result.type !== SCALAR_VALUE) {
    env.reject(EINVAL, `In async callback the register R0 is not a known value (${typeName(result.type)})`);
  }
  if (result.varOff.mask !== 0n || result.varOff.value !== 0n) {
    env.reject(EINVAL, `At async callback the register R0 ${hasText(result)} should have been in (0x0; 0x0)`);
  }
}

/** What happens after an instruction. */
type Outcome = "next" | "jumped" | "returned" | "end";

function checkCall(env: VerifierEnvironment, insn: Instruction): void {
  const isKfunc = insn.src === BPF_PSEUDO_KFUNC_CALL;
  if (
    bpfSource(insn.code) !== BPF_K ||
    (!isKfunc && insn.off !== 0) ||
    (insn.src !== 0 && insn.src !== BPF_PSEUDO_CALL && !isKfunc) ||
    insn.dst !== 0 ||
    bpfClass(insn.code) === BPF_JMP32
  ) {
    env.reject(EINVAL, "BPF_CALL uses reserved fields");
  }
  if (env.state.activeSpinLock !== 0 && (insn.src === BPF_PSEUDO_CALL || insn.imm !== SPIN_UNLOCK)) {
    env.reject(EINVAL, "function calls are not allowed while holding a lock");
  }
  if (insn.src === BPF_PSEUDO_CALL) checkFunctionCall(env);
  else if (!isKfunc) checkHelperCall(env, insn);
}

function hasReservedFields(insn: Instruction): boolean {
  const source = bpfSource(insn.code) !== BPF_K || bpfClass(insn.code) === BPF_JMP32;
  return source || insn.imm !== 0 || insn.src !== 0 || insn.dst !== 0;
}

function checkJump(env: VerifierEnvironment, insn: Instruction): Outcome {
  env.jumpsProcessed++;
  switch (bpfOp(insn.code)) {
    case BPF_CALL:
      checkCall(env, insn);
      return "next";
    case BPF_JA:
      if (bpfSource(insn.code) !== BPF_K || insn.src || insn.dst || (isLongJump(insn) ? insn.off : insn.imm)) {
        env.reject(EINVAL, "BPF_JA uses reserved fields");
      }
      env.insnIndex += jumpDistance(insn) + 1;
      return "jumped";
    case BPF_EXIT:
      if (hasReservedFields(insn)) env.reject(EINVAL, "BPF_EXIT uses reserved fields");
      if (env.state.activeSpinLock !== 0) env.reject(EINVAL, "bpf_spin_unlock is missing");
      checkReferenceLeak(env);
      if (env.state.currentFrame > 0) {
        leaveFunction(env);
        return "returned";
      }
      checkResult(env);
      return "end";
    default:
      checkConditionalJump(env, insn);
      return "next";
  }
}

function checkInstruction(env: VerifierEnvironment, insn: Instruction): Outcome {
  switch (bpfClass(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      checkAlu(env, insn);
      return "next";
    case BPF_LDX:
      checkLoad(env, insn);
      return "next";
    case BPF_STX:
      checkStoreRegister(env, insn);
      return "next";
    case BPF_ST:
      checkStoreImmediate(env, insn);
      return "next";
    case BPF_JMP:
    case BPF_JMP32:
      return checkJump(env, insn);
    case BPF_LD: {
      const mode = bpfMode(insn.code);
      if (mode === BPF_ABS || mode === BPF_IND) checkPacketLoad(env, insn);
      else if (mode === BPF_IMM) {
        checkLoadImmediate(env, insn);
        env.insnIndex++;
        markSeen(env);
      } else env.reject(EINVAL, "invalid BPF_LD mode");
      return "next";
    }
    default:
      return env.reject(EINVAL, `unknown insn class ${bpfClass(insn.code)}`);
  }
}

/** Only paths that are really taken keep an instruction alive. */
function markSeen(env: VerifierEnvironment): void {
  if (!env.state.speculative) env.currentAux.seen = env.passCount;
}

/** Takes the newest branch that waits. False: there is none. */
function popBranch(env: VerifierEnvironment): boolean {
  const branch = env.pending.pop();
  if (branch === undefined) return false;
  if (!env.log.everyPath) env.log.reset(branch.logPosition);
  env.state = branch.state;
  env.insnIndex = branch.instruction;
  env.previousIndex = branch.previous;
  return true;
}

/** Follows every path from the current state. */
function followPaths(env: VerifierEnvironment): void {
  const { log, instructions } = env;
  let previous = -1;
  let showState = false;
  env.markEverythingChanged();
  for (;;) {
    env.previousIndex = previous;
    if (env.insnIndex >= instructions.length) {
      env.reject(EFAULT, `invalid insn idx ${env.insnIndex} insn_cnt ${instructions.length}`);
    }
    const insn = env.instruction;
    if (++env.instructionsProcessed > env.rules.complexityLimit) {
      env.reject(E2BIG, `BPF program is too large. Processed ${env.instructionsProcessed} insn`);
    }
    let outcome: Outcome;
    if (isStateVisited(env)) {
      if (log.perInstruction) {
        const kind = env.state.speculative ? " (speculative execution)" : "";
        if (showState) env.verbose(`\nfrom ${env.previousIndex} to ${env.insnIndex}${kind}: safe\n`);
        else env.verbose(`${env.insnIndex}: safe\n`);
      }
      outcome = "end";
    } else {
      if (log.everyPath && showState) {
        const kind = env.state.speculative ? " (speculative execution)" : "";
        env.verbose(`\nfrom ${env.previousIndex} to ${env.insnIndex}${kind}:`);
        env.printState(env.frame, true);
        showState = false;
      }
      if (log.perInstruction) {
        if (env.somethingChanged) env.printChanges(env.frame);
        env.printSourceLine(env.insnIndex, "; ");
        env.printInstructionLine(env.instructionText(env.insnIndex));
      }
      markSeen(env);
      previous = env.insnIndex;
      outcome = checkInstruction(env, insn);
    }
    switch (outcome) {
      case "next":
        env.insnIndex++;
        break;
      case "jumped":
        break;
      case "returned":
        showState = true;
        break;
      case "end":
        env.markEverythingChanged();
        endBranch(env.state);
        if (!popBranch(env)) {
          if (!log.everyPath) log.reset(0);
          return;
        }
        previous = env.previousIndex;
        showState = true;
        break;
    }
  }
}

/** Verifies a function by itself: the main program, or a global function for anything that its prototype lets callers pass. */
function checkFunction(env: VerifierEnvironment, subprogram: number): void {
  env.previousLine = undefined;
  env.passCount++;
  env.explored.fill(undefined);
  env.state = initialState(env.scalarsPrecise, subprogram);
  env.insnIndex = env.subprograms[subprogram].start;
  env.state.firstInstruction = env.insnIndex;
  env.previousIndex = -1;
  if (subprogram > 0) prepareArguments(env, subprogram);
  else {
    const context = env.registers[BPF_REG_1];
    context.type = PTR_TO_CTX;
    context.markKnownZero();
    // Only for the log: a program may declare its context as it likes.
    checkArguments(env, subprogram, false);
  }
  followPaths(env);
}

/** Follows every path of every function that is verified by itself. Rejects by exception. */
export function checkPaths(env: VerifierEnvironment): void {
  for (let subprogram = 1; subprogram < env.subprograms.length - 1; subprogram++) {
    if (!isGlobalFunction(env, subprogram)) continue;
    checkFunction(env, subprogram);
    if (env.log.perInstruction) {
      env.verbose(`Func#${subprogram} is safe for any args that match its prototype\n`);
    }
  }
  checkFunction(env, 0);
}
