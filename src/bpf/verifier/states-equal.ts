/**
 * Whether a path may be cut: a stored state from which every continuation was safe covers the current state, if everything that
 * those continuations read is at least as restricted now.
 */
import { MAX_BPF_REG } from "../isa.ts";
import { rangeWithin } from "./bounds.ts";
import type { VerifierEnvironment } from "./environment.ts";
import {
  baseType,
  mayBeNull,
  NOT_INIT,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  REG_LIVE_READ,
  type RegisterState,
  SCALAR_VALUE,
} from "./register-state.ts";
import { BPF_REG_SIZE, type FrameState, STACK_INVALID, STACK_MISC, STACK_ZERO, type VerifierState } from "./state.ts";
import { tnumIn } from "./tnum.ts";

/** Ids of the stored state paired with ids of the current one; equal ids must stay equal. */
type IdMap = Map<number, number>;

function idsMatch(stored: number, current: number, ids: IdMap): boolean {
  const known = ids.get(stored);
  if (known === undefined) {
    ids.set(stored, current);
    return true;
  }
  return known === current;
}

const valueCovered = (stored: RegisterState, current: RegisterState): boolean =>
  rangeWithin(stored, current) && tnumIn(stored.varOff, current.varOff);

function registerSafe(env: VerifierEnvironment, stored: RegisterState, current: RegisterState, ids: IdMap): boolean {
  // No continuation read it.
  if (!(stored.live & REG_LIVE_READ)) return true;
  const same = stored.sameValue(current);
  if (stored.type === PTR_TO_STACK) return same && stored.frameno === current.frameno;
  if (same) return true;
  if (stored.type === NOT_INIT) return true;
  if (current.type === NOT_INIT) return false;
  switch (baseType(stored.type)) {
    case SCALAR_VALUE:
      if (env.exploreAluLimits || current.type !== SCALAR_VALUE) return false;
      return !stored.precise || valueCovered(stored, current);
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
      if (!stored.sameObject(current)) return false;
      if (mayBeNull(stored.type)) return idsMatch(stored.id, current.id, ids);
      return valueCovered(stored, current);
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET:
      if (stored.type !== current.type || stored.range > current.range || stored.off !== current.off) return false;
      if (stored.id !== 0 && !idsMatch(stored.id, current.id, ids)) return false;
      return valueCovered(stored, current);
    default:
      return false;
  }
}

function stackSafe(env: VerifierEnvironment, stored: FrameState, current: FrameState, ids: IdMap): boolean {
  for (let s = 0; s < stored.stack.length; s++) {
    const slot = stored.stack[s];
    if (!(slot.spilled.live & REG_LIVE_READ)) continue;
    for (let b = 0; b < BPF_REG_SIZE; b++) {
      const type = slot.types[b];
      if (type === STACK_INVALID) continue;
      if (env.allowUninitializedStack && type === STACK_MISC) continue;
      if (s >= current.stack.length) return false;
      const now = current.stack[s].types[b];
      // What worked with unknown bytes works with zeroes.
      if (type === STACK_MISC && now === STACK_ZERO) continue;
      if (type !== now) return false;
      if (b !== BPF_REG_SIZE - 1 || !slot.isSpilled()) continue;
      if (!registerSafe(env, slot.spilled, current.stack[s].spilled, ids)) return false;
    }
  }
  return true;
}

function framesEqual(env: VerifierEnvironment, stored: FrameState, current: FrameState): boolean {
  const ids: IdMap = new Map();
  for (let i = 0; i < MAX_BPF_REG; i++) {
    if (!registerSafe(env, stored.registers[i], current.registers[i], ids)) return false;
  }
  if (!stackSafe(env, stored, current, ids)) return false;
  if (stored.references.length !== current.references.length) return false;
  return stored.references.every((reference, i) => idsMatch(reference.id, current.references[i].id, ids));
}

/** Whether `stored` covers `current`. */
export function statesEqual(env: VerifierEnvironment, stored: VerifierState, current: VerifierState): boolean {
  if (stored.currentFrame !== current.currentFrame) return false;
  if (stored.speculative && !current.speculative) return false;
  if (stored.activeSpinLock !== current.activeSpinLock) return false;
  return stored.frames.every(
    (frame, i) => frame.callsite === current.frames[i].callsite && framesEqual(env, frame, current.frames[i]),
  );
}

/** No register of the current frame changed: the path may be going in circles. */
export function maybeLooping(stored: VerifierState, current: VerifierState): boolean {
  const frame = stored.currentFrame;
  if (frame !== current.currentFrame) return false;
  return stored.frames[frame].registers.every((reg, i) => reg.sameValue(current.frames[frame].registers[i]));
}
