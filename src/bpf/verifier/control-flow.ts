/**
 * The control-flow graph: a depth-first walk finds instructions that nothing reaches, jumps that leave the program or land in
 * the middle of a two-slot instruction, and (for programs that may not loop) back-edges. It also chooses where states are
 * stored and compared.
 */
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_K,
  bpfClass,
  bpfOp,
  bpfSource,
  isLdImm64,
  isPseudoCall,
  isPseudoFunc,
  jumpDistance,
} from "../isa.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EINVAL } from "./errors.ts";

const DISCOVERED = 0x10;
const EXPLORED = 0x20;
const FALLTHROUGH = 1;
const BRANCH = 2;

const BPF_FUNC_timer_set_callback = 170;

class ControlFlowWalk {
  private readonly env: VerifierEnvironment;
  readonly state: Uint8Array;
  private readonly stack: number[] = [];

  constructor(env: VerifierEnvironment) {
    this.env = env;
    this.state = new Uint8Array(env.instructions.length);
  }

  run(): void {
    this.state[0] = DISCOVERED;
    this.stack.push(0);
    while (this.stack.length > 0) {
      const at = this.stack[this.stack.length - 1];
      if (this.visit(at)) continue;
      this.state[at] = EXPLORED;
      this.stack.pop();
    }
    for (let i = 0; i < this.state.length; i++) {
      if (this.state[i] !== EXPLORED) this.env.reject(EINVAL, `unreachable insn ${i}`);
      if (isLdImm64(this.env.instructions[i])) {
        if (this.state[i + 1] !== 0) this.env.reject(EINVAL, `jump into the middle of ldimm64 insn ${i}`);
        i++;
      }
    }
  }

  /** Follows an edge. True: there is something new to walk first. */
  private follow(from: number, to: number, kind: number, loopAllowed: boolean): boolean {
    const { env, state } = this;
    if (state[from] >= (DISCOVERED | kind)) return false;
    if (to < 0 || to >= state.length) {
      env.printSourceLine(from, `${from}: `);
      env.reject(EINVAL, `jump out of range from insn ${from} to ${to}`);
    }
    if (kind === BRANCH) markJumpTarget(env, to);
    if (state[to] === 0) {
      state[from] = DISCOVERED | kind;
      state[to] = DISCOVERED;
      this.stack.push(to);
      return true;
    }
    if ((state[to] & 0xf0) === DISCOVERED) {
      if (loopAllowed && env.capable && env.rules.loops) return false;
      env.printSourceLine(from, `${from}: `);
      env.printSourceLine(to, `${to}: `);
      env.reject(EINVAL, `back-edge from insn ${from} to ${to}`);
    }
    state[from] = DISCOVERED | kind;
    return false;
  }

  private visitCall(at: number, width: number, visitCallee: boolean): boolean {
    const { env } = this;
    if (this.follow(at, at + width, FALLTHROUGH, false)) return true;
    // Where a function that is left comes back to.
    if (at + width < env.instructions.length) markJumpTarget(env, at + width);
    if (!visitCallee) return false;
    markPrunePoint(env, at);
    const insn = env.instructions[at];
    return this.follow(at, at + insn.imm + 1, BRANCH, isPseudoFunc(insn));
  }

  private visit(at: number): boolean {
    const { env } = this;
    const insn = env.instructions[at];
    if (isPseudoFunc(insn)) return this.visitCall(at, 2, true);
    const group = bpfClass(insn.code);
    if (group !== BPF_JMP && group !== BPF_JMP32) {
      return this.follow(at, at + (isLdImm64(insn) ? 2 : 1), FALLTHROUGH, false);
    }
    switch (bpfOp(insn.code)) {
      case BPF_EXIT:
        return false;
      case BPF_CALL:
        // The state is compared before the callback's own state is set up.
        if (insn.imm === BPF_FUNC_timer_set_callback) markPrunePoint(env, at);
        return this.visitCall(at, 1, isPseudoCall(insn));
      case BPF_JA: {
        if (bpfSource(insn.code) !== BPF_K) env.reject(EINVAL);
        const to = at + 1 + jumpDistance(insn);
        if (this.follow(at, to, FALLTHROUGH, true)) return true;
        markJumpTarget(env, to);
        return false;
      }
      default:
        markPrunePoint(env, at);
        if (this.follow(at, at + 1, FALLTHROUGH, true)) return true;
        return this.follow(at, at + insn.off + 1, BRANCH, true);
    }
  }
}

function markPrunePoint(env: VerifierEnvironment, index: number): void {
  env.aux[index].prunePoint = true;
}

/** States are compared here, and the walk back through the program needs to know where this was reached from. */
function markJumpTarget(env: VerifierEnvironment, index: number): void {
  markPrunePoint(env, index);
  env.aux[index].jumpTarget = true;
}

/** Walks the whole program once. */
export function checkControlFlow(env: VerifierEnvironment): void {
  new ControlFlowWalk(env).run();
}
