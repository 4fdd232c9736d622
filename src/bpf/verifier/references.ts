/** What was acquired and has to be released before the program ends. */
import type { VerifierEnvironment } from "./environment.ts";
import { EINVAL } from "./errors.ts";
import type { FrameState } from "./state.ts";

/** A helper returned something that must be released. Returns its id. */
export function acquireReference(env: VerifierEnvironment, instruction: number): number {
  const { frame } = env;
  const id = env.newId();
  const callbackFrame = frame.inCallback ? frame.frameno : 0;
  frame.references = [...frame.references, { id, instruction, callbackFrame }];
  return id;
}

/** Forgets a reference of a frame. False: there is none with this id, or a callback may not release it. */
export function releaseReferenceState(frame: FrameState, id: number): boolean {
  const reference = frame.references.find((candidate) => candidate.id === id);
  if (reference === undefined) return false;
  if (frame.inCallback && reference.callbackFrame !== frame.frameno) return false;
  frame.references = frame.references.filter((candidate) => candidate !== reference);
  return true;
}

/** A helper released a reference: every copy of the pointer is worthless. */
export function releaseReference(env: VerifierEnvironment, id: number): boolean {
  if (!releaseReferenceState(env.frame, id)) return false;
  env.state.forEachRegister((reg) => {
    if (reg.refObjId !== id) return;
    if (env.allowPointerLeaks) env.markUnknown(reg);
    else env.markNotInit(reg);
  });
  return true;
}

/** Nothing may be left when the program, a callback or a tail call leaves this code. */
export function checkReferenceLeak(env: VerifierEnvironment): void {
  const { frame } = env;
  if (frame.frameno !== 0 && !frame.inCallback) return;
  let leaked = false;
  for (const reference of frame.references) {
    if (frame.inCallback && reference.callbackFrame !== frame.frameno) continue;
    env.verbose(`Unreleased reference id=${reference.id} alloc_insn=${reference.instruction}\n`);
    leaked = true;
  }
  if (leaked) env.reject(EINVAL);
}
