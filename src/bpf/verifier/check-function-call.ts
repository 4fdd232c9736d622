/** Calls between functions of the program, and functions that helpers call back. */
import { helperId } from "../helpers.ts";
import { BPF_REG_0, BPF_REG_1, BPF_REG_2, BPF_REG_3, BPF_REG_4, BPF_REG_5, MAX_CALL_FRAMES } from "../isa.ts";
import { forgetCallerSaved } from "./check-call.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { E2BIG, EACCES, EFAULT, EINVAL } from "./errors.ts";
import { pushBranch } from "./explored-states.ts";
import { checkArguments, isGlobalFunction } from "./function-types.ts";
import type { MapDescriptor } from "./interface.ts";
import { markRead } from "./liveness.ts";
import { isIterable } from "./map-functions.ts";
import { markPrecise } from "./precision.ts";
import {
  CONST_PTR_TO_MAP,
  DEF_NOT_SUBREG,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_STACK,
  REG_LIVE_READ64,
  SCALAR_VALUE,
} from "./register-state.ts";
import { BPF_MAIN_FUNC, type FrameState, newFrame } from "./state.ts";
import { type Tnum, tnumConst, tnumIn, tnumIsUnknown, tnumRange, tnumString } from "./tnum.ts";

const FOR_EACH = helperId("for_each_map_elem");
const LOOP = helperId("loop");
const TIMER_SET_CALLBACK = helperId("timer_set_callback");

/** Prepares the callee's registers from the caller's. */
type CalleeSetup = (caller: FrameState, callee: FrameState) => void;

function setupCall(caller: FrameState, callee: FrameState): void {
  // Copied with their parents: what the callee reads, the caller's state was read for.
  for (let i = BPF_REG_1; i <= BPF_REG_5; i++) callee.registers[i].assignAll(caller.registers[i]);
}

function refuseDepth(env: VerifierEnvironment): never {
  return env.reject(E2BIG, `the call stack of ${env.state.frames.length + 1} frames is too deep`);
}

function enter(env: VerifierEnvironment, subprogram: number, setup: CalleeSetup): void {
  const { state } = env;
  if (state.frames.length >= MAX_CALL_FRAMES) refuseDepth(env);
  const caller = env.frame;
  const callee = newFrame(env.insnIndex, state.frames.length, subprogram, env.scalarsPrecise);
  env.markEverythingChanged();
  callee.references = caller.references;
  setup(caller, callee);
  forgetCallerSaved(env);
  state.frames.push(callee);
  env.insnIndex = env.subprograms[subprogram].start - 1;
  if (env.log.perInstruction) {
    env.verbose("caller:\n");
    env.printState(caller, true);
    env.verbose("callee:\n");
    env.printState(callee, true);
  }
}

/** BPF_CALL of a function of the program. */
export function checkFunctionCall(env: VerifierEnvironment): void {
  const target = env.insnIndex + env.instruction.imm + 1;
  const subprogram = env.findSubprogram(target);
  if (subprogram < 0) env.reject(EFAULT, `verifier bug. No program starts at insn ${target}`);
  if (env.state.frames.length >= MAX_CALL_FRAMES) refuseDepth(env);
  const errno = checkArguments(env, subprogram, true);
  if (!isGlobalFunction(env, subprogram)) {
    enter(env, subprogram, setupCall);
    return;
  }
  if (errno !== 0) env.reject(errno, `Caller passes invalid args into func#${subprogram}`);
  if (env.log.perInstruction) env.verbose(`Func#${subprogram} is global and valid. Skipping.\n`);
  forgetCallerSaved(env);
  const result = env.registers[BPF_REG_0];
  env.markUnknown(result);
  result.subregDef = DEF_NOT_SUBREG;
}

/** A range as the log names it when a value is outside. */
function refuseRange(env: VerifierEnvironment, value: Tnum, range: Tnum, where: string): never {
  const has = tnumIsUnknown(value) ? "has unknown scalar value" : `has value ${tnumString(value)}`;
  return env.reject(EINVAL, `At ${where} the register R0 ${has} should have been in ${tnumString(range)}`);
}

/** BPF_EXIT of a function that the program or a helper called. */
export function leaveFunction(env: VerifierEnvironment): void {
  const { state } = env;
  const callee = env.frame;
  const result = callee.registers[BPF_REG_0];
  if (result.type === PTR_TO_STACK) env.reject(EINVAL, "cannot return stack pointer to the caller");
  const caller = state.frames[state.frames.length - 2];
  if (callee.inCallback) {
    const range = callee.callbackReturnRange ?? tnumConst(0n);
    if (result.type !== SCALAR_VALUE) env.reject(EACCES, "R0 not a scalar value");
    markRead(env, result, result.parent, REG_LIVE_READ64);
    markPrecise(env, BPF_REG_0);
    if (!tnumIn(range, result.varOff)) refuseRange(env, result.varOff, range, "callback return");
  } else {
    caller.registers[BPF_REG_0].assignAll(result);
    caller.references = callee.references;
  }
  env.insnIndex = callee.callsite + 1;
  if (env.log.perInstruction) {
    env.verbose("returning from callee:\n");
    env.printState(callee, true);
    env.verbose(`to caller at ${env.insnIndex}:\n`);
    env.printState(caller, true);
  }
  state.frames.pop();
}

/** Whether bpf_loop can be replaced by a loop: it has no flags, and always the same callback. */
function recordLoop(env: VerifierEnvironment, subprogram: number): void {
  const aux = env.currentAux;
  if (aux.loopCallback === "varies") return;
  const hasNoFlags = env.registers[BPF_REG_4].isNull();
  if (hasNoFlags) markPrecise(env, BPF_REG_4);
  const isSame = aux.loopCallback === null || aux.loopCallback === subprogram;
  aux.loopCallback = hasNoFlags && isSame ? subprogram : "varies";
}

/** A helper calls a function: its arguments are what the helper passes. */
export function enterCallback(
  env: VerifierEnvironment,
  helper: number,
  subprogram: number,
  map: MapDescriptor | null,
): void {
  const pointTo = (callee: FrameState, regno: number, type: number): void => {
    const reg = callee.registers[regno];
    reg.type = type;
    reg.markKnownZero();
    reg.map = map;
  };
  const forget = (callee: FrameState, ...registers: number[]): void => {
    for (const regno of registers) env.markNotInit(callee.registers[regno]);
  };
  const asCallback = (callee: FrameState): void => {
    callee.inCallback = true;
    callee.callbackReturnRange = tnumRange(0n, 1n);
  };
  if (helper === LOOP) recordLoop(env, subprogram);
  if (env.state.frames.length >= MAX_CALL_FRAMES) refuseDepth(env);
  // As for any static function, what does not fit is only noted: these are the helper's registers, not yet the callback's.
  checkArguments(env, subprogram, true);
  switch (helper) {
    case FOR_EACH:
      if (map === null || !isIterable(map.type)) env.reject(EINVAL, "callback function not allowed for map");
      enter(env, subprogram, (caller, callee) => {
        callee.registers[BPF_REG_1].assignAll(caller.registers[BPF_REG_1]);
        pointTo(callee, BPF_REG_2, PTR_TO_MAP_KEY);
        pointTo(callee, BPF_REG_3, PTR_TO_MAP_VALUE);
        callee.registers[BPF_REG_4].assignAll(caller.registers[BPF_REG_3]);
        forget(callee, BPF_REG_5);
        asCallback(callee);
      });
      return;
    case LOOP:
      enter(env, subprogram, (caller, callee) => {
        env.markUnknown(callee.registers[BPF_REG_1]);
        callee.registers[BPF_REG_2].assignAll(caller.registers[BPF_REG_3]);
        forget(callee, BPF_REG_3, BPF_REG_4, BPF_REG_5);
        asCallback(callee);
      });
      return;
    case TIMER_SET_CALLBACK:
      enterTimer(env, subprogram, map);
      return;
    default:
      env.reject(EINVAL);
  }
}

/** The callback of a timer runs later, from an interrupt: it is looked at as a program of its own. */
function enterTimer(env: VerifierEnvironment, subprogram: number, map: MapDescriptor | null): void {
  env.subprograms[subprogram].isAsyncCallback = true;
  const state = pushBranch(env, env.subprograms[subprogram].start, env.insnIndex, false);
  const entries = env.frame.asyncEntryCount + 1;
  const frame = newFrame(BPF_MAIN_FUNC, 0, subprogram, env.scalarsPrecise);
  for (const [regno, type] of [
    [BPF_REG_1, CONST_PTR_TO_MAP],
    [BPF_REG_2, PTR_TO_MAP_KEY],
    [BPF_REG_3, PTR_TO_MAP_VALUE],
  ]) {
    const reg = frame.registers[regno];
    reg.type = type;
    reg.markKnownZero();
    reg.map = map;
  }
  frame.inAsyncCallback = true;
  frame.asyncEntryCount = entries;
  // Its paths end by themselves: they have no stored state to continue from.
  if (state.parent !== null) state.parent.branches--;
  state.parent = null;
  state.branches = 1;
  state.frames = [frame];
  state.firstInstruction = env.subprograms[subprogram].start;
  state.jumpHistory = [];
}
