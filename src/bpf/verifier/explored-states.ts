/**
 * Pruning: at chosen instructions the state is compared with those stored there before, and stored itself from time to time.
 * Branches that wait to be followed are kept here, too.
 */
import { BPF_REG_6, BPF_REG_FP } from "../isa.ts";
import {
  COMPLEXITY_LIMIT_JUMP_SEQUENCE,
  COMPLEXITY_LIMIT_STATES,
  type ExploredState,
  type VerifierEnvironment,
} from "./environment.ts";
import { EFAULT, EINVAL } from "./errors.ts";
import { cleanStoredState, propagateLiveness } from "./liveness.ts";
import { markAllScalarsImprecise, propagatePrecision } from "./precision.ts";
import { REG_LIVE_DONE, REG_LIVE_NONE } from "./register-state.ts";
import type { VerifierState } from "./state.ts";
import { maybeLooping, statesEqual } from "./states-equal.ts";

/** The jump to the current instruction is remembered for walking back. */
function pushJumpHistory(env: VerifierEnvironment): void {
  if (!env.aux[env.insnIndex].jumpTarget) return;
  env.state.jumpHistory.push({ index: env.insnIndex, previous: env.previousIndex });
}

function cleanLiveStates(env: VerifierEnvironment, index: number, bucket: readonly ExploredState[]): void {
  const current = env.state;
  for (const { state } of bucket) {
    if (state.branches > 0) continue;
    if (state.instruction !== index || state.currentFrame !== current.currentFrame) continue;
    if (state.frames.some((frame, i) => frame.callsite !== current.frames[i].callsite)) continue;
    cleanStoredState(env, state);
  }
}

/** Connects the current state to the one that was just stored: reads travel there, writes start anew. */
function continueFrom(current: VerifierState, stored: VerifierState, index: number): void {
  current.parent = stored;
  current.firstInstruction = index;
  current.jumpHistory = [];
  const last = current.currentFrame;
  for (let f = 0; f <= last; f++) {
    const [frame, from] = [current.frames[f], stored.frames[f]];
    // Of a caller only R6-R9 are alive during the call.
    for (let i = f < last ? BPF_REG_6 : 0; i < BPF_REG_FP; i++) frame.registers[i].parent = from.registers[i];
    for (let i = 0; i < BPF_REG_FP; i++) frame.registers[i].live = REG_LIVE_NONE;
    frame.stack.forEach((slot, i) => {
      slot.spilled.live = REG_LIVE_NONE;
      slot.spilled.parent = from.stack[i].spilled;
    });
  }
}

/** True: a stored state covers the current one, the path may end here. */
export function isStateVisited(env: VerifierEnvironment): boolean {
  const index = env.insnIndex;
  const current = env.state;
  current.lastInstruction = env.previousIndex;
  if (!env.aux[index].prunePoint) return false;

  const jumps = env.jumpsProcessed - env.previousJumpsProcessed;
  const processed = env.instructionsProcessed - env.previousInstructionsProcessed;
  let addState = env.testStateFrequency || (jumps >= 2 && processed >= 8);

  const number = env.exploredBucket(index);
  let bucket = env.explored[number];
  let compared = 0;
  if (bucket !== undefined) {
    cleanLiveStates(env, index, bucket);
    const kept: ExploredState[] = [];
    for (let i = 0; i < bucket.length; i++) {
      const entry = bucket[i];
      const { state } = entry;
      compared++;
      if (state.instruction !== index) {
        kept.push(entry);
        continue;
      }
      if (state.branches > 0) {
        const frame = state.frames[state.currentFrame];
        const otherEntry = frame.inAsyncCallback && frame.asyncEntryCount !== env.frame.asyncEntryCount;
        if (!otherEntry && maybeLooping(state, current) && statesEqual(env, state, current)) {
          env.printSourceLine(index, "; ");
          env.reject(EINVAL, `infinite loop detected at insn ${index}`);
        }
        // Unrolling a loop: too many states would be compared for nothing.
        if (jumps < 20 && processed < 100) addState = false;
      } else if (statesEqual(env, state, current)) {
        entry.hits++;
        env.explored[number] = [...kept, ...bucket.slice(i)];
        propagateLiveness(env, state, current);
        pushJumpHistory(env);
        propagatePrecision(env, state);
        return true;
      }
      if (addState) entry.misses++;
      // It helps rarely: forget it.
      if (entry.misses > entry.hits * 3 + 3) {
        if (state.frames[0].registers[0].live & REG_LIVE_DONE) env.peakStates--;
      } else {
        kept.push(entry);
      }
    }
    bucket = kept;
    env.explored[number] = kept;
  }
  if (env.maxStatesPerInstruction < compared) env.maxStatesPerInstruction = compared;
  if ((!env.capable && compared > COMPLEXITY_LIMIT_STATES) || !addState) {
    pushJumpHistory(env);
    return false;
  }

  env.totalStates++;
  env.peakStates++;
  env.previousJumpsProcessed = env.jumpsProcessed;
  env.previousInstructionsProcessed = env.instructionsProcessed;
  if (env.capable) markAllScalarsImprecise(current);
  const stored = current.clone();
  stored.instruction = index;
  continueFrom(current, stored, index);
  env.explored[number] = [{ state: stored, hits: 0, misses: 0 }, ...(bucket ?? [])];
  return false;
}

/** Remembers a branch to be followed later, from the current state. Returns the state at its start. */
export function pushBranch(
  env: VerifierEnvironment,
  instruction: number,
  previous: number,
  speculative: boolean,
): VerifierState {
  const state = env.state.clone();
  if (speculative) state.speculative = true;
  env.pending.push({ state, instruction, previous, logPosition: env.log.length });
  if (env.pending.length > COMPLEXITY_LIMIT_JUMP_SEQUENCE) {
    env.reject(EFAULT, `The sequence of ${env.pending.length} jumps is too complex.`);
  }
  if (state.parent !== null) state.parent.branches++;
  return state;
}

/** The current path ended: every stored state whose last path this was is complete. */
export function endBranch(state: VerifierState): void {
  for (let st: VerifierState | null = state; st !== null; st = st.parent) {
    st.branches--;
    if (st.branches > 0) break;
  }
}
