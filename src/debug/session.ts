/**
 * A scripted session: what `--script FILE.ts` gets, and what tests use. The script's default export is called with a session on a
 * machine that has executed nothing yet; docs/scripts.md shows how.
 */

import type { CpuState } from "../cpu/state.ts";
import type { Machine, RunLimits, Stop } from "../machine/machine.ts";
import { type Disassembler, type Instruction, loadDisassembler } from "./disassemble.ts";
import { parseAddress, type Symbols } from "./symbols.ts";
import { VirtualMemory } from "./virtual-memory.ts";

/** Something that a script expected did not happen, or it asked for what is not there. */
export class SessionError extends Error {
  override readonly name = "SessionError";
}

/** Called when a breakpoint is reached. "stop" ends the run there; anything else lets it go on. */
export type BreakpointAction = (session: Session) => "stop" | undefined | Promise<"stop" | undefined>;

export interface Breakpoint {
  readonly address: bigint;
  /** How often it was reached. */
  readonly hits: number;
  remove(): void;
}

/** Runs the machine: it itself, or a trace around it. */
export interface Runner {
  run(limits?: RunLimits): Stop;
  step(): Stop | undefined;
}

/**
 * The host gets a turn (input, signals, collecting garbage) this often while a guest runs. How many ticks that is depends on what the
 * guest does; where the run is cut into slices makes no difference to the guest.
 */
const SLICE_MS = 30;
const SHORTEST_SLICE = 10_000;
const LONGEST_SLICE = 100_000_000;
/** Ticks between two looks at the console. */
const WAIT_TICKS = 5_000_000;

interface ActiveBreakpoint extends Breakpoint {
  hits: number;
  readonly action: BreakpointAction | undefined;
}

export class Session {
  readonly machine: Machine;
  readonly symbols: Symbols;
  /** Guest memory by virtual address, as the page tables are now. */
  readonly memory: VirtualMemory;
  readonly #runner: Runner;
  readonly #disassembler: Disassembler;
  readonly #log: (line: string) => void;
  readonly #limits: RunLimits;
  readonly #breakpoints = new Set<ActiveBreakpoint>();
  #sliceTicks = 1_000_000;

  private constructor(options: SessionOptions, disassembler: Disassembler) {
    this.machine = options.machine;
    this.symbols = options.symbols;
    this.memory = new VirtualMemory(options.machine);
    this.#runner = options.runner ?? options.machine;
    this.#disassembler = disassembler;
    this.#log = options.log ?? ((line) => console.error(line));
    this.#limits = options.limits ?? {};
  }

  static async create(options: SessionOptions): Promise<Session> {
    return new Session(options, await loadDisassembler(options.symbols));
  }

  /** The processor's registers: `session.registers.rax`, and assignment to them; 64-bit ones are unsigned bigints. */
  get registers(): CpuState {
    return this.machine.registers;
  }

  /** Everything that the guest printed on its console (of very much, the last part). */
  get console(): string {
    return this.machine.console.text();
  }

  /** The address of a symbol, "symbol+0x10", "0x..." or an address itself. Throws SessionError. */
  address(place: string | bigint): bigint {
    if (typeof place === "bigint") return place;
    const address = parseAddress(place, this.symbols);
    if (address !== undefined) return address;
    const similar = this.symbols.similar(place.replace(/\+.*/, ""));
    const hint = similar.length > 0 ? `; there is ${similar.join(", ")}` : "";
    throw new SessionError(`no symbol "${place}"${hint}`);
  }

  /** Stops runs before the instruction at `place`, or calls `action` there. */
  breakAt(place: string | bigint, action?: BreakpointAction): Breakpoint {
    const address = this.address(place);
    const breakpoint: ActiveBreakpoint = {
      address,
      hits: 0,
      action,
      remove: () => {
        this.#breakpoints.delete(breakpoint);
        if (![...this.#breakpoints].some((other) => other.address === address))
          this.machine.breakpoints.delete(address);
      },
    };
    this.#breakpoints.add(breakpoint);
    this.machine.breakpoints.add(address);
    return breakpoint;
  }

  /** Runs until a breakpoint stops it, the guest ends, or a limit (the run's own or the command's) is reached. */
  async run(limits: RunLimits = {}): Promise<Stop> {
    const time = Math.min(limits.time ?? Infinity, this.#limits.time ?? Infinity);
    const instructions = Math.min(limits.instructions ?? Infinity, this.#limits.instructions ?? Infinity);
    for (;;) {
      const started = performance.now();
      const slice = Math.min(time, this.machine.time + this.#sliceTicks);
      const stop = this.#runner.run({ time: slice, instructions });
      const took = performance.now() - started;
      if (took < SLICE_MS / 2) this.#sliceTicks = Math.min(LONGEST_SLICE, this.#sliceTicks * 2);
      else if (took > SLICE_MS * 2) this.#sliceTicks = Math.max(SHORTEST_SLICE, this.#sliceTicks / 2);
      if (stop.reason === "breakpoint") {
        if (await this.#reached(stop.address)) return stop;
      } else if (stop.reason !== "time" || this.machine.time >= time) return stop;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Runs until the instruction at `place` is next. Throws SessionError if the run stops otherwise. */
  async runTo(place: string | bigint, limits: RunLimits = {}): Promise<void> {
    const breakpoint = this.breakAt(place);
    try {
      const stop = await this.run(limits);
      if (stop.reason !== "breakpoint" || stop.address !== breakpoint.address)
        throw new SessionError(
          `expected to reach ${this.describe(breakpoint.address)}, but ${describeStop(stop, this.symbols)}`,
        );
    } finally {
      breakpoint.remove();
    }
  }

  /** Executes `count` instructions. Returns why, if fewer could be executed. */
  step(count = 1): Stop | undefined {
    for (let i = 0; i < count; i++) {
      const stop = this.#runner.step();
      if (stop !== undefined) return stop;
    }
    return undefined;
  }

  /** Runs to the return address of the function at whose first instruction the processor is. */
  async finish(limits: RunLimits = {}): Promise<void> {
    await this.runTo(this.memory.readUint(this.registers.rsp, 8), limits);
  }

  /** Runs until the console has printed `expected` (after `from`, a position in {@link console}). Throws SessionError. */
  async waitFor(expected: string | RegExp, limits: RunLimits = {}, from = 0): Promise<void> {
    const found = (): boolean => {
      const text = this.console.slice(from);
      return typeof expected === "string" ? text.includes(expected) : expected.test(text);
    };
    while (!found()) {
      const time = Math.min(limits.time ?? Infinity, this.machine.time + WAIT_TICKS);
      const stop = await this.run({ ...limits, time });
      if (found()) return;
      if (stop.reason !== "time" || this.machine.time >= (limits.time ?? Infinity))
        throw new SessionError(`expected ${expected} on the console, but ${describeStop(stop, this.symbols)}`);
    }
  }

  /** Types on the guest's console. */
  type(text: string): void {
    this.machine.sendInput(text);
  }

  /** Throws SessionError unless `condition` holds. */
  expect(condition: boolean, message: string): void {
    if (!condition) throw new SessionError(`expected ${message} (at ${this.describe(this.registers.rip)})`);
  }

  /** Throws SessionError unless the two are the same number. */
  expectEqual(actual: bigint | number, expected: bigint | number, what: string): void {
    if (BigInt(actual) !== BigInt(expected))
      throw new SessionError(
        `expected ${what} to be ${show(expected)}, got ${show(actual)} (at ${this.describe(this.registers.rip)})`,
      );
  }

  /** "symbol+0x10", or the address in hexadecimal. */
  describe(address: bigint): string {
    return this.symbols.describe(address) ?? `0x${address.toString(16)}`;
  }

  /** `count` instructions from `place` on (by default the next ones); fewer where memory is not mapped. */
  disassemble(place?: string | bigint, count = 1): Instruction[] {
    let address = place === undefined ? this.registers.rip : this.address(place);
    const instructions: Instruction[] = [];
    while (instructions.length < count) {
      const bytes = this.memory.readMapped(address, 15);
      if (bytes.length === 0) break;
      const instruction = this.#disassembler.one(bytes, address, this.registers.codeBits);
      instructions.push(instruction);
      address += BigInt(instruction.bytes.length);
    }
    return instructions;
  }

  /** Prints a line of the script's own, on standard error. */
  log(line: string): void {
    this.#log(line);
  }

  async #reached(address: bigint): Promise<boolean> {
    let stop = false;
    let known = false;
    for (const breakpoint of [...this.#breakpoints]) {
      if (breakpoint.address !== address) continue;
      known = true;
      breakpoint.hits++;
      if (breakpoint.action === undefined || (await breakpoint.action(this)) === "stop") stop = true;
    }
    return stop || !known;
  }
}

export interface SessionOptions {
  readonly machine: Machine;
  readonly symbols: Symbols;
  readonly runner?: Runner;
  /** Gets the script's own lines; standard error by default. */
  readonly log?: (line: string) => void;
  /** Limits of all runs together. */
  readonly limits?: RunLimits;
}

/** A stop in words: "the guest's kernel panicked". */
export function describeStop(stop: Stop, symbols: Symbols): string {
  switch (stop.reason) {
    case "exit":
      return `the guest ended with exit code ${stop.code}`;
    case "reboot":
      return "the guest asked for a reboot";
    case "panic":
      return "the guest's kernel panicked";
    case "triple-fault":
      return "the processor shut down after a triple fault";
    case "halted":
      return "the processor is halted and nothing can wake it";
    case "instruction-limit":
      return "the instruction limit was reached";
    case "time":
      return "its time was over";
    case "breakpoint":
      return `it reached ${symbols.describe(stop.address) ?? `0x${stop.address.toString(16)}`}`;
    case "watchpoint":
      return `it ${stop.hit.write ? "wrote" : "read"} ${symbols.describe(stop.hit.address) ?? `0x${stop.hit.address.toString(16)}`}`;
    case "requested":
      return "it was asked to stop";
  }
}

function show(value: bigint | number): string {
  return `${value} (0x${BigInt.asUintN(64, BigInt(value)).toString(16)})`;
}
