/** The stack of all frames that can be on top of each other fits into the 512 bytes of a program. */
import { isPseudoCall, isPseudoFunc, MAX_BPF_STACK, MAX_CALL_FRAMES } from "../isa.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { E2BIG, EACCES, EFAULT } from "./errors.ts";

/** Frames are this much aligned. */
const GRANULARITY = 32;
/** With a tail call in a callee, the frames before it must leave this much for the next program. */
const TAIL_CALL_STACK = 256;

const rounded = (depth: number): number => Math.ceil(Math.max(depth, 1) / GRANULARITY) * GRANULARITY;

function checkFrom(env: VerifierEnvironment, entry: number): void {
  const { subprograms, instructions } = env;
  const callers: number[] = [];

  const visit = (number: number, above: number): void => {
    const subprogram = subprograms[number];
    if (number !== 0 && subprogram.hasTailCall && above >= TAIL_CALL_STACK) {
      env.reject(EACCES, `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`);
    }
    const depth = above + rounded(subprogram.stackDepth);
    if (depth > MAX_BPF_STACK) {
      env.reject(EACCES, `combined stack size of ${callers.length + 1} calls is ${depth}. Too large`);
    }
    callers.push(number);
    for (let i = subprogram.start; i < subprograms[number + 1].start; i++) {
      const insn = instructions[i];
      if (!isPseudoCall(insn) && !isPseudoFunc(insn)) continue;
      const callee = env.calledSubprogram(i);
      if (callee < 0) env.reject(EFAULT, `verifier bug. No program starts at insn ${i + insn.imm + 1}`);
      if (subprograms[callee].isAsyncCallback) {
        if (subprograms[callee].hasTailCall) env.reject(EFAULT, "verifier bug. subprog has tail_call and async cb");
        // It runs on a stack of its own.
        if (!isPseudoCall(insn)) continue;
      }
      if (callers.length >= MAX_CALL_FRAMES) {
        env.reject(E2BIG, `the call stack of ${callers.length} frames is too deep !`);
      }
      if (subprograms[callee].hasTailCall) {
        for (const caller of callers) subprograms[caller].tailCallReachable = true;
      }
      visit(callee, depth);
    }
    callers.pop();
  };
  visit(entry, 0);
}

/** Checks the main program and every function that runs by itself later. */
export function checkStackDepth(env: VerifierEnvironment): void {
  for (let i = 0; i < env.subprograms.length - 1; i++) {
    if (i === 0 || env.subprograms[i].isAsyncCallback) checkFrom(env, i);
  }
}
