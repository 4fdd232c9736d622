/**
 * Generates the code between a kernel function and the programs on it, laid out as Linux 6.1's arch_prepare_bpf_trampoline() lays
 * it out. The function's first five bytes call it. (semantics D1 to D4, D7)
 *
 *     rbp + 8    where the function goes on: behind its five bytes
 *     rbp + 0    the caller's rbp
 *     rbp - 8    the value that is going to be returned, if the trampoline calls the function itself
 *                arguments, the last first; the first is where the programs' context points
 *                number of arguments
 *                address of the function, if a program asks for it
 *                struct bpf_tramp_run_ctx
 *                rbx
 *
 * With fentry programs only the trampoline returns into the function. With fmod_ret or fexit programs it calls the function (or
 * does not, when a fmod_ret program has decided), and returns to the function's caller.
 */
import { CC, Emitter, GROUP1, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from "./emitter.ts";

export type TrampolineKind = "fentry" | "fexit" | "fmodRet";

/** A program on the function. */
export interface TrampolineProgram {
  readonly kind: TrampolineKind;
  /** struct bpf_prog, its code, and what its code gets as second argument (instructions to interpret, or 0). */
  readonly program: bigint;
  readonly code: bigint;
  readonly instructions: bigint;
  /** Functions that are called before and after it. */
  readonly enter: bigint;
  readonly exit: bigint;
  readonly cookie: bigint;
}

export interface TrampolineToCompile {
  /** The function's first byte. */
  readonly target: bigint;
  /** Registers that its arguments take: 0 to 6. */
  readonly argumentRegisters: number;
  readonly programs: readonly TrampolineProgram[];
  /** Some program asks for the function's address. */
  readonly needsAddress: boolean;
  /** sizeof(struct bpf_tramp_run_ctx), whose first field is the cookie. */
  readonly runContextSize: number;
  /** Called around a call of the function, with the image's owner: it must not go away meanwhile. */
  readonly callBegin: bigint;
  readonly callEnd: bigint;
  readonly image: bigint;
}

export interface CompiledTrampoline {
  readonly code: Uint8Array;
  /** Five bytes of nop behind the call of the function, which become a jump to `epilogue` when the image is no longer in use. 0: there is no call. */
  readonly afterCall: number;
  readonly epilogue: number;
}

/** The target of a call is out of reach. */
export class TrampolineError extends Error {}

const FUNCTION_HEAD = 5;
const ARGUMENTS = [RDI, RSI, RDX, RCX, R8, R9] as const;
const STORE = [0x89];
const LOAD = [0x8b];
const LEA = [0x8d];
const NOP5 = [0x0f, 0x1f, 0x44, 0x00, 0x00];

class TrampolineWriter {
  readonly #emit = new Emitter();
  readonly #base: bigint;
  readonly #plan: TrampolineToCompile;
  readonly #argumentsAt: number;
  readonly #countAt: number;
  readonly #addressAt: number;
  readonly #runContextAt: number;
  readonly #callsFunction: boolean;

  constructor(plan: TrampolineToCompile, base: bigint) {
    this.#plan = plan;
    this.#base = base;
    this.#callsFunction = plan.programs.some(({ kind }) => kind !== "fentry");
    let at = this.#callsFunction ? -8 : 0;
    at -= 8 * plan.argumentRegisters;
    this.#argumentsAt = at;
    at -= 8;
    this.#countAt = at;
    if (plan.needsAddress) at -= 8;
    this.#addressAt = at;
    at -= (plan.runContextSize + 7) & ~7;
    this.#runContextAt = at;
  }

  compile(): CompiledTrampoline {
    const emit = this.#emit;
    const { programs, argumentRegisters, needsAddress, target } = this.#plan;
    const of = (kind: TrampolineKind): TrampolineProgram[] => programs.filter((program) => program.kind === kind);
    emit.push(RBP);
    emit.mov(true, RBP, RSP);
    emit.group1Imm(GROUP1.sub, true, RSP, -this.#runContextAt);
    emit.push(RBX);
    emit.movImm32(false, RAX, argumentRegisters);
    emit.regMem(STORE, true, RAX, RBP, this.#countAt);
    if (needsAddress) {
      emit.movAbs(RAX, target);
      emit.regMem(STORE, true, RAX, RBP, this.#addressAt);
    }
    this.#moveArguments(STORE);
    if (this.#callsFunction) this.#callAround(this.#plan.callBegin);
    for (const program of of("fentry")) this.#run(program, false);
    let afterCall = 0;
    let epilogue = 0;
    if (this.#callsFunction) {
      const decided = this.#decide(of("fmodRet"));
      this.#moveArguments(LOAD);
      this.#call(target + BigInt(FUNCTION_HEAD));
      emit.regMem(STORE, true, RAX, RBP, -8);
      afterCall = emit.length;
      emit.bytes(...NOP5);
      for (const patch of decided) patch();
      for (const program of of("fexit")) this.#run(program, false);
      epilogue = emit.length;
      this.#callAround(this.#plan.callEnd);
      emit.regMem(LOAD, true, RAX, RBP, -8);
    } else {
      this.#moveArguments(LOAD);
    }
    emit.pop(RBX);
    emit.bytes(0xc9);
    // The function's own return address is next.
    if (this.#callsFunction) emit.group1Imm(GROUP1.add, true, RSP, 8);
    emit.bytes(0xc3);
    return { code: emit.take(), afterCall, epilogue };
  }

  #moveArguments(opcode: readonly number[]): void {
    for (let i = 0; i < this.#plan.argumentRegisters; i++) {
      this.#emit.regMem(opcode, true, ARGUMENTS[i], RBP, this.#argumentsAt + 8 * i);
    }
  }

  #callAround(target: bigint): void {
    this.#emit.movImm64(RDI, this.#plan.image);
    this.#call(target);
  }

  /** fmod_ret: as soon as one returns something else than 0 the function is not called. Returns what completes the jumps. */
  #decide(programs: readonly TrampolineProgram[]): (() => void)[] {
    const emit = this.#emit;
    if (programs.length === 0) return [];
    emit.movImm32(false, RAX, 0);
    emit.regMem(STORE, true, RAX, RBP, -8);
    return programs.map((program) => {
      this.#run(program, true);
      emit.regMem([0x83], true, 7, RBP, -8);
      emit.bytes(0);
      return emit.forwardJump(CC.ne);
    });
  }

  #run(program: TrampolineProgram, keepsResult: boolean): void {
    const emit = this.#emit;
    emit.movImm64(RDI, program.cookie);
    emit.regMem(STORE, true, RDI, RBP, this.#runContextAt);
    emit.movImm64(RDI, program.program);
    emit.regMem(LEA, true, RSI, RBP, this.#runContextAt);
    this.#call(program.enter);
    emit.mov(true, RBX, RAX);
    emit.test(true, RAX, RAX);
    const skip = emit.forwardJump(CC.e);
    emit.regMem(LEA, true, RDI, RBP, this.#argumentsAt);
    if (program.instructions !== 0n) emit.movImm64(RSI, program.instructions);
    this.#call(program.code);
    if (keepsResult) emit.regMem(STORE, true, RAX, RBP, -8);
    skip();
    emit.movImm64(RDI, program.program);
    emit.mov(true, RSI, RBX);
    emit.regMem(LEA, true, RDX, RBP, this.#runContextAt);
    this.#call(program.exit);
  }

  #call(target: bigint): void {
    const emit = this.#emit;
    const distance = BigInt.asIntN(64, target - (this.#base + BigInt(emit.length) + 5n));
    if (distance !== BigInt.asIntN(32, distance)) throw new TrampolineError("a call is out of reach");
    emit.bytes(0xe8);
    emit.imm32(Number(distance));
  }
}

/** The trampoline's code for the address `base` of its first byte. @throws TrampolineError */
export function compileTrampoline(plan: TrampolineToCompile, base: bigint): CompiledTrampoline {
  return new TrampolineWriter(plan, base).compile();
}
