/**
 * Trampolines: the code that a patched function entry calls to run fentry, fmod_ret and fexit programs around the function. Laid
 * out as Linux 6.1 lays it out (semantics D2 to D4):
 *
 *     rbp + 8          return address: behind the call at the function's entry
 *     rbp + 0          the caller's rbp
 *     rbp - 8          the function's result
 *     rbp - argsOffset the arguments (what programs get as their context), the result behind them
 *       below          number of arguments; address of the function
 *     rbp - runOffset  struct bpf_tramp_run_ctx
 *     rsp              the caller's rbx, which holds a program's start time
 */
import { CC, Emitter, GROUP1, isImm8, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from "./emitter.ts";

/** Kinds of programs, BPF_TRAMP_ numbers. */
export const trampolineKinds = { fentry: 0, fexit: 1, modify_return: 2 } as const;

export interface TrampolineLink {
  readonly kind: number;
  /** Address of the struct bpf_prog, of its code, and of its instructions if they are to be interpreted (else 0). */
  readonly program: bigint;
  readonly code: bigint;
  readonly instructions: bigint;
  /** What is called before and after the program. */
  readonly enter: bigint;
  readonly exit: bigint;
  readonly cookie: bigint;
}

export interface TrampolineRequest {
  readonly links: readonly TrampolineLink[];
  /** Registers that the function's arguments take: at most six. */
  readonly argumentRegisters: number;
  /** Address of the function. */
  readonly target: bigint;
  /** Where the trampoline is going to be. */
  readonly base: bigint;
  /** sizeof(struct bpf_tramp_run_ctx); the cookie is its first member. */
  readonly runContextSize: number;
  /** The trampoline's own structure, which is told of entry and exit while the function may sleep inside. */
  readonly image: bigint;
  readonly enterImage: bigint;
  readonly exitImage: bigint;
}

export interface Trampoline {
  readonly code: Uint8Array;
  /** Where the function's call returns to: five bytes that may be patched into a jump to `epilogue`. 0: it does not call. */
  readonly afterCall: number;
  readonly epilogue: number;
}

const ARGUMENT_REGISTERS = [RDI, RSI, RDX, RCX, R8, R9];
/** Bytes of the call at the function's entry. */
const PATCH_SIZE = 5;
const RESULT = -8;

class Generator {
  readonly code = new Emitter();
  readonly #request: TrampolineRequest;
  readonly #argsOffset: number;
  readonly #countOffset: number;
  readonly #addressOffset: number;
  readonly #runOffset: number;
  afterCall = 0;
  epilogue = 0;

  constructor(request: TrampolineRequest) {
    this.#request = request;
    this.#argsOffset = 8 + 8 * request.argumentRegisters;
    this.#countOffset = this.#argsOffset + 8;
    this.#addressOffset = this.#countOffset + 8;
    this.#runOffset = this.#addressOffset + ((request.runContextSize + 7) & ~7);
    this.#generate();
  }

  #of(kind: number): TrampolineLink[] {
    return this.#request.links.filter((link) => link.kind === kind);
  }

  #generate(): void {
    const { code } = this;
    const { argumentRegisters, target, image, enterImage, exitImage } = this.#request;
    const exits = this.#of(trampolineKinds.fexit);
    const modifiers = this.#of(trampolineKinds.modify_return);
    const callsFunction = exits.length + modifiers.length > 0;

    code.push(RBP);
    code.mov(true, RBP, RSP);
    code.group1Imm(GROUP1.sub, true, RSP, this.#runOffset);
    code.push(RBX);
    code.movImm64(RAX, target);
    code.store(8, RBP, -this.#addressOffset, RAX);
    code.movImm32(false, RAX, argumentRegisters);
    code.store(8, RBP, -this.#countOffset, RAX);
    for (let i = 0; i < argumentRegisters; i++) {
      code.store(8, RBP, -this.#argsOffset + 8 * i, ARGUMENT_REGISTERS[i]);
    }
    if (callsFunction) {
      code.movImm64(RDI, image);
      this.#call(enterImage);
    }
    for (const link of this.#of(trampolineKinds.fentry)) this.#run(link);
    const overrides = this.#modify(modifiers);
    if (callsFunction) {
      this.#restoreArguments();
      this.#call(target + BigInt(PATCH_SIZE));
      code.store(8, RBP, RESULT, RAX);
      this.afterCall = code.length;
      code.bytes(0x0f, 0x1f, 0x44, 0x00, 0x00);
    }
    const behindCall = code.length;
    for (const link of exits) this.#run(link);
    if (callsFunction) {
      this.epilogue = code.length;
      code.movImm64(RDI, image);
      this.#call(exitImage);
      code.load(8, RAX, RBP, RESULT);
    } else {
      this.#restoreArguments();
    }
    code.pop(RBX);
    code.bytes(0xc9);
    // The function's own return address: it has been called, or is not to be.
    if (callsFunction) code.group1Imm(GROUP1.add, true, RSP, 8);
    code.bytes(0xc3);
    this.#overrides = overrides.map((at) => ({ at, target: behindCall }));
  }

  #overrides: readonly { readonly at: number; readonly target: number }[] = [];

  /** The fmod_ret programs: the first one that returns something else than 0 decides the result. */
  #modify(links: readonly TrampolineLink[]): number[] {
    const { code } = this;
    if (links.length === 0) return [];
    code.movImm32(false, RAX, 0);
    code.store(8, RBP, RESULT, RAX);
    return links.map((link) => {
      this.#run(link);
      code.regMem([0x83], true, 7, RBP, RESULT); // cmp qword [rbp - 8], 0
      code.bytes(0);
      code.bytes(0x0f, 0x80 | CC.ne);
      code.imm32(0);
      return code.length;
    });
  }

  #run(link: TrampolineLink): void {
    const { code } = this;
    code.movImm64(RDI, link.cookie);
    code.store(8, RBP, -this.#runOffset, RDI);
    code.movImm64(RDI, link.program);
    this.#address(RSI, -this.#runOffset);
    this.#call(link.enter);
    code.mov(true, RBX, RAX);

    const run = new Emitter();
    run.regMem([0x8d], true, RDI, RBP, -this.#argsOffset);
    if (link.instructions !== 0n) run.movImm64(RSI, link.instructions);
    const storesResult = link.kind === trampolineKinds.modify_return;
    const store = new Emitter();
    if (storesResult) store.store(8, RBP, RESULT, RAX);
    const skipped = run.length + PATCH_SIZE + store.length;

    code.test(true, RAX, RAX);
    if (!isImm8(skipped)) throw new RangeError("the call of a program is too long to be jumped over");
    code.bytes(0x70 | CC.e, skipped);
    code.bytes(...run.take());
    this.#call(link.code);
    code.bytes(...store.take());

    code.movImm64(RDI, link.program);
    code.mov(true, RSI, RBX);
    this.#address(RDX, -this.#runOffset);
    this.#call(link.exit);
  }

  #address(register: number, offset: number): void {
    this.code.regMem([0x8d], true, register, RBP, offset);
  }

  #restoreArguments(): void {
    for (let i = 0; i < this.#request.argumentRegisters; i++) {
      this.code.load(8, ARGUMENT_REGISTERS[i], RBP, -this.#argsOffset + 8 * i);
    }
  }

  #call(address: bigint): void {
    this.code.bytes(0xe8);
    const distance = BigInt.asIntN(64, address - (this.#request.base + BigInt(this.code.length + 4)));
    if (BigInt.asIntN(32, distance) !== distance) throw new RangeError(`0x${address.toString(16)} is out of reach`);
    this.code.imm32(Number(distance));
  }

  /** The finished code, with the jumps of fmod_ret programs behind the function's call. */
  take(): Uint8Array {
    const bytes = this.code.take();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const { at, target } of this.#overrides) view.setInt32(at - 4, target - at, true);
    return bytes;
  }
}

/** The code of a trampoline. @throws RangeError if something is out of reach, or there are more arguments than registers */
export function generateTrampoline(request: TrampolineRequest): Trampoline {
  if (request.argumentRegisters > ARGUMENT_REGISTERS.length) throw new RangeError("arguments on the stack");
  const generator = new Generator(request);
  return { code: generator.take(), afterCall: generator.afterCall, epilogue: generator.epilogue };
}
