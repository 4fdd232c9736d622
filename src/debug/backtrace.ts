/**
 * Stack traces by frame pointers, across exception, interrupt and system call entries into what they interrupted, and on into user
 * code. An entry leaves rbp odd: the saved registers (struct pt_regs) lie at rbp - 1, as in Linux built with frame pointers.
 */
import type { Symbols } from "./symbols.ts";
import type { Types } from "./types.ts";
import type { VirtualMemory } from "./virtual-memory.ts";

/** One frame of a backtrace. */
export interface Frame {
  /** Where execution is in this frame (virtual). */
  readonly address: bigint;
  /**
   * How the frame above came to be: `current` for the first; `call`: the address is where a call returns to; `interrupted`: an exception
   * or interrupt came here; `user`: the user code that entered the kernel, or its caller.
   */
  readonly kind: "current" | "call" | "interrupted" | "user";
  /** "symbol+0x10", or the address in hexadecimal. */
  readonly text: string;
  /** Where the registers of an interrupted frame are saved: a struct pt_regs. */
  readonly regs?: bigint;
  /** Where the return address of a call lies. */
  readonly slot?: bigint;
}

/** Registers to start from. */
export interface FrameStart {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
}

/** Offsets in struct pt_regs, Linux's on x86-64. */
const PT_REGS = { bp: 32n, ip: 128n, cs: 136n, sp: 152n };
const PUSHED_BY_PROCESSOR = 40;
/** PUSH_REGS and the error code: an entry's code has pushed at most this much on the processor's frame. */
const LARGEST_ENTRY = 17;
const PUSH_RBP = 0x55;
const MOV_RBP_RSP = [0x48, 0x89, 0xe5] as const;
const RET = 0xc3;
const LONGEST_PROLOGUE = 48;

const isKernel = (address: bigint): boolean => address >> 63n === 1n;

export class Unwinder {
  readonly #memory: VirtualMemory;
  readonly #symbols: Symbols;
  readonly #types: () => Types | undefined;

  constructor(memory: VirtualMemory, symbols: Symbols, types: () => Types | undefined) {
    this.#memory = memory;
    this.#symbols = symbols;
    this.#types = types;
  }

  /** Frames from the innermost on. It ends where memory is not mapped or does not look like a frame. */
  *frames(start: FrameStart, limit = 64): Generator<Frame> {
    let count = 0;
    for (const frame of this.#walk(start)) {
      if (count++ === limit) return;
      yield frame;
    }
  }

  *#walk(start: FrameStart): Generator<Frame> {
    const { rip } = start;
    if (!isKernel(rip)) {
      yield* this.#userFrames(rip, start.rbp);
      return;
    }
    yield { address: rip, kind: "current", text: this.#describe(rip) };
    yield* this.#callers(start);
  }

  /** Who called or was interrupted by the kernel code with these registers. */
  *#callers({ rip, rsp, rbp }: FrameStart): Generator<Frame> {
    const pushed = this.#entryFrame(rip, rsp);
    // Once the registers are all saved, rbp says so.
    const saved = rbp - 1n + PT_REGS.ip === pushed;
    if (pushed !== undefined && !saved) {
      yield* this.#interrupted({ ip: pushed, cs: pushed + 8n, sp: pushed + 24n }, rbp);
      return;
    }
    const slot = saved ? undefined : this.#slotWithoutFrame(rip, rsp);
    if (slot !== undefined) {
      const caller = this.#call(slot);
      if (caller === undefined) return;
      yield caller;
    }
    let frame = rbp;
    for (;;) {
      if ((frame & 1n) === 1n) {
        const regs = frame - 1n;
        if (this.#word(regs + PT_REGS.ip) === undefined) return;
        const saved = this.#word(regs + PT_REGS.bp) ?? 0n;
        yield* this.#interrupted({ ip: regs + PT_REGS.ip, cs: regs + PT_REGS.cs, sp: regs + PT_REGS.sp, regs }, saved);
        return;
      }
      if (frame === 0n || !isKernel(frame) || (frame & 7n) !== 0n) return;
      const caller = this.#call(frame + 8n);
      if (caller === undefined) return;
      yield caller;
      const next = this.#word(frame) ?? 0n;
      // Frames lie higher and higher, but for an entry's, whose registers may be on another stack.
      if ((next & 1n) === 0n && next <= frame) return;
      frame = next;
    }
  }

  /** What an entry interrupted, and its callers. The arguments are where the values lie. */
  *#interrupted(
    at: { readonly ip: bigint; readonly cs: bigint; readonly sp: bigint; readonly regs?: bigint },
    rbp: bigint,
  ): Generator<Frame> {
    const [rip, cs, rsp] = [this.#word(at.ip), this.#word(at.cs), this.#word(at.sp)];
    if (rip === undefined || cs === undefined || rsp === undefined) return;
    const regs = at.regs === undefined ? {} : { regs: at.regs };
    if ((cs & 3n) === 3n) {
      yield* this.#userFrames(rip, rbp, at.regs);
      return;
    }
    yield { address: rip, kind: "interrupted", text: this.#describe(rip), ...regs };
    yield* this.#callers({ rip, rsp, rbp });
  }

  *#userFrames(rip: bigint, rbp: bigint, regs?: bigint): Generator<Frame> {
    yield { address: rip, kind: "user", text: this.#describe(rip), ...(regs !== undefined && { regs }) };
    for (let frame = rbp; frame !== 0n && (frame & 7n) === 0n && !isKernel(frame); ) {
      const address = this.#word(frame + 8n);
      if (address === undefined || address === 0n || isKernel(address)) return;
      yield { address, kind: "user", text: this.#describe(address), slot: frame + 8n };
      const next = this.#word(frame) ?? 0n;
      if (next <= frame) return;
      frame = next;
    }
  }

  /** A frame whose return address lies at `slot`; undefined if that is no kernel code. */
  #call(slot: bigint): Frame | undefined {
    const stored = this.#word(slot);
    if (stored === undefined || !isKernel(stored)) return undefined;
    const address = this.#hookedReturn(stored, slot);
    // The call itself, not what follows it: it may be a function's last instruction.
    if (this.#symbols.at(address - 1n) === undefined) return undefined;
    return { address, kind: "call", text: this.#describe(address), slot };
  }

  /** A return probe replaces return addresses; the kernel keeps the real ones on a list. */
  #hookedReturn(stored: bigint, slot: bigint): bigint {
    if (this.#symbols.find("arch_rethook_trampoline")?.address !== stored) return stored;
    const followed = this.#symbols.find("followed");
    const types = this.#types();
    if (followed === undefined || types === undefined) return stored;
    for (const instance of types.list(followed.address, "kretprobe_instance", "list")) {
      const real = instance.field("ret_addr").value;
      if (instance.field("frame").value === slot && real !== stored) return real;
    }
    return stored;
  }

  /**
   * In entry code, where rbp is still the interrupted code's: the address of the frame that the processor pushed, which is found by its
   * selectors. Undefined elsewhere.
   */
  #entryFrame(rip: bigint, rsp: bigint): bigint | undefined {
    const [start, end] = ["__entry_text_start", "__entry_text_end"].map((name) => this.#symbols.find(name)?.address);
    if (start === undefined || end === undefined || rip < start || rip >= end) return undefined;
    for (let index = 0; index <= LARGEST_ENTRY; index++) {
      const at = rsp + BigInt(8 * index);
      const bytes = this.#memory.readMapped(at, PUSHED_BY_PROCESSOR);
      if (bytes.length < PUSHED_BY_PROCESSOR) return undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const [cs, ss] = [view.getBigUint64(8, true), view.getBigUint64(32, true)];
      const kernel = cs === 0x10n && (ss === 0x18n || ss === 0n) && isKernel(view.getBigUint64(0, true));
      const user = cs === 0x33n && ss === 0x2bn && !isKernel(view.getBigUint64(0, true));
      if (kernel || user) return at;
    }
    return undefined;
  }

  /**
   * Where the return address lies while the function at `rip` has no frame of its own: before its `push rbp; mov rbp, rsp`, at its `ret`,
   * or all the time, in assembly and generated code that makes none. Undefined if rbp is its frame.
   */
  #slotWithoutFrame(rip: bigint, rsp: bigint): bigint | undefined {
    const symbol = this.#symbols.at(rip);
    if (symbol === undefined) return undefined;
    const offset = Number(rip - symbol.address);
    const code = this.#memory.readMapped(symbol.address, LONGEST_PROLOGUE + MOV_RBP_RSP.length);
    if (this.#memory.readMapped(rip, 1)[0] === RET) return rsp;
    let mov = -1;
    for (let at = 0; at < code.length - 2 && mov < 0; at++)
      if (MOV_RBP_RSP.every((byte, i) => code[at + i] === byte)) mov = at;
    const push = mov < 0 ? -1 : code.subarray(0, mov).lastIndexOf(PUSH_RBP);
    if (push < 0) return this.#looksLikeReturn(rsp) ? rsp : undefined;
    if (offset <= push) return rsp;
    return offset <= mov ? rsp + 8n : undefined;
  }

  #looksLikeReturn(slot: bigint): boolean {
    const stored = this.#word(slot);
    return stored !== undefined && isKernel(stored) && this.#symbols.at(stored - 1n)?.isFunction === true;
  }

  #word(address: bigint): bigint | undefined {
    const bytes = this.#memory.readMapped(BigInt.asUintN(64, address), 8);
    return bytes.length < 8 ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  }

  #describe(address: bigint): string {
    return this.#symbols.describe(address) ?? `0x${address.toString(16)}`;
  }
}

/** One line for each frame, as debuggers print them. */
export function formatBacktrace(frames: Iterable<Frame>): string {
  const lines: string[] = [];
  let index = 0;
  for (const frame of frames) {
    if (frame.kind === "interrupted") lines.push("    <exception or interrupt>");
    if (frame.kind === "user" && lines.length > 0 && frame.regs !== undefined) lines.push("    <entry from user mode>");
    lines.push(`#${String(index++).padEnd(3)}${frame.text}`);
  }
  return lines.join("\n");
}
