/**
 * A scripted session: what `--script FILE.ts` gets, and what tests use. The script's default export is called with a session on a
 * machine that has executed nothing yet; docs/scripts.md shows how.
 */

import { readFile } from "node:fs/promises";
import { inspect, isDeepStrictEqual } from "node:util";
import type { Btf } from "../bpf/btf.ts";
import { kprobeAt, type ProbedAddress, readKprobes } from "../kprobes/host/kprobes.ts";
import { type Elf, parseElf } from "../machine/elf.ts";
import type { RootFiles } from "../machine/initramfs.ts";
import type { Machine, RunLimits, Stop } from "../machine/machine.ts";
import { namedRegisters, type Registers } from "../machine/registers.ts";
import { type Assembler, loadAssembler } from "./assemble.ts";
import { type Frame, type FrameStart, formatBacktrace, Unwinder } from "./backtrace.ts";
import { Dialogue, type DialogueOptions } from "./dialogue.ts";
import { type Disassembler, type Instruction, loadDisassembler } from "./disassemble.ts";
import { type Patch, writePatch } from "./patch.ts";
import { type OverrideActions, type ProbeActions, watchOverrides, watchProbe } from "./probe-hits.ts";
import { SessionError } from "./session-error.ts";
import { recordStep, type Step } from "./step.ts";
import {
  type Breakpoint,
  type BreakpointAction,
  type BreakpointOptions,
  Stops,
  type Watch,
  type WatchAction,
  type WatchOptions,
} from "./stops.ts";
import { parseAddress, type Symbols } from "./symbols.ts";
import { standardPrinters } from "./type-format.ts";
import { Types, type Value } from "./types.ts";
import { VirtualMemory } from "./virtual-memory.ts";

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
/** Characters of the console in which a regular expression is looked for. */
const CONSOLE_WINDOW = 4096;
const INT3 = 0xcc;
const LONGEST_INSTRUCTION = 15;

/** Where something is: a symbol, "symbol+0x10", "0x...", or the address itself. */
export type Place = string | bigint;

/**
 * A machine under a script's control: breakpoints, steps, registers, memory, the kernel's structures, the console. docs/scripts.md is its manual.
 */
export class Session {
  readonly machine: Machine;
  readonly symbols: Symbols;
  /** Guest memory by virtual address or symbol, as the page tables are now. */
  readonly memory: VirtualMemory;
  /** The processor's registers: `session.registers.rax`, also by part (`eax`, `al`), and assignment to them. All are bigints. */
  readonly registers: Registers;
  readonly #options: SessionOptions;
  readonly #runner: Runner;
  readonly #disassembler: Disassembler;
  readonly #assembler: Assembler;
  /** Read when first asked for; null if the kernel has none. */
  #types: Types | null | undefined;
  readonly #unwinder: Unwinder;
  readonly #stops: Stops;
  readonly #limits: RunLimits;
  #sliceTicks = 1_000_000;
  /** Up to here the console has been waited for. */
  #consoleMark = 0;

  private constructor(options: SessionOptions, disassembler: Disassembler, assembler: Assembler) {
    this.machine = options.machine;
    this.symbols = options.symbols;
    this.memory = new VirtualMemory(options.machine, (place) => this.address(place));
    this.registers = namedRegisters(options.machine.registers);
    this.#options = options;
    this.#runner = options.runner ?? options.machine;
    this.#disassembler = disassembler;
    this.#assembler = assembler;
    this.#limits = options.limits ?? {};
    this.#stops = new Stops(options.machine, this);
    this.#unwinder = new Unwinder(this.memory, this.symbols, () => this.#knownTypes);
  }

  /** A session on a machine. The disassembler and the assembler are loaded first. */
  static async create(options: SessionOptions): Promise<Session> {
    const disassembler = await loadDisassembler(options.symbols);
    let session: Session | undefined;
    const assembler = await loadAssembler((place) => session?.address(place) ?? 0n);
    session = new Session(options, disassembler, assembler);
    return session;
  }

  // Places

  /** The address of a place. Throws SessionError. */
  address(place: Place): bigint {
    if (typeof place === "bigint") return place;
    const address = parseAddress(place, this.symbols);
    if (address !== undefined) return address;
    const similar = this.symbols.similar(place.replace(/\+.*/, ""));
    const hint = similar.length > 0 ? `; there is ${similar.join(", ")}` : "";
    throw new SessionError(`no symbol "${place}"${hint}`);
  }

  /** "symbol+0x10", or the address in hexadecimal. */
  describe(address: bigint): string {
    return this.symbols.describe(address) ?? `0x${address.toString(16)}`;
  }

  /** Adds the symbols of another ELF file, such as a program of the guest, loaded `offset` bytes from where it was linked. */
  async loadSymbols(path: string, offset = 0n): Promise<void> {
    let elf: Elf;
    try {
      elf = parseElf(await readFile(path), path);
    } catch (error) {
      throw new SessionError(`symbols of ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.symbols.add(elf.symbols().map((symbol) => ({ ...symbol, address: symbol.address + offset })));
  }

  /** Adds the symbols of a program in the guest's root, as it was when the guest started. */
  loadGuestSymbols(path: string): void {
    const file = this.#options.root?.get(path);
    if (file?.kind !== "file") throw new SessionError(`symbols of ${path}: the guest's root has no such file`);
    try {
      this.symbols.add(parseElf(file.data, path).symbols());
    } catch (error) {
      throw new SessionError(`symbols of ${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  // Stopping

  /**
   * Stops runs before the instruction at `place`, or calls an action there. The options are conditions and counts; a function alone
   * is the action.
   */
  breakAt(place: Place, options: BreakpointOptions | BreakpointAction = {}): Breakpoint {
    return this.#stops.breakAt(this.address(place), typeof options === "function" ? { action: options } : options);
  }

  /** Stops runs behind each instruction that writes (or as `on` says) the memory at `place`, or calls an action there. */
  watch(place: Place, options: WatchOptions | WatchAction = {}): Watch {
    const address = this.address(place);
    const given = typeof options === "function" ? { action: options } : options;
    const symbol = this.symbols.at(address);
    const whole = symbol !== undefined && symbol.address === address && symbol.size > 0n ? Number(symbol.size) : 8;
    return this.#stops.watch(address, given.size ?? whole, given);
  }

  /** Calls back when a probe of the guest's kernel is hit, at `place` or (undefined) anywhere. */
  onProbe(place: Place | undefined, actions: ProbeActions): Breakpoint {
    return watchProbe(this, place === undefined ? undefined : this.address(place), actions);
  }

  /** Calls back when the guest overrides a call: before rip and rax are changed, and when the function has "returned". */
  onOverride(actions: OverrideActions): Breakpoint {
    return watchOverrides(this, actions);
  }

  // Running

  /** Runs until a breakpoint stops it, the guest ends, or a limit (the run's own or the command's) is reached. */
  async run(limits: RunLimits = {}): Promise<Stop> {
    const time = Math.min(limits.time ?? Infinity, this.#limits.time ?? Infinity);
    const instructions = Math.min(limits.instructions ?? Infinity, this.#limits.instructions ?? Infinity);
    let turn = performance.now();
    for (;;) {
      this.#checkInterrupted();
      const started = performance.now();
      const slice = Math.min(time, this.machine.time + this.#sliceTicks);
      const stop = this.#runner.run({ time: slice, instructions });
      const now = performance.now();
      const took = now - started;
      if (stop.reason !== "time") {
        // Says nothing about how fast the guest is.
      } else if (took < SLICE_MS / 2) this.#sliceTicks = Math.min(LONGEST_SLICE, this.#sliceTicks * 2);
      else if (took > SLICE_MS * 2) this.#sliceTicks = Math.max(SHORTEST_SLICE, Math.floor(this.#sliceTicks / 2));
      if (stop.reason === "breakpoint") {
        if (await this.#stops.reachedBreakpoint(stop.address)) return stop;
      } else if (stop.reason === "watchpoint") {
        if (await this.#stops.used(stop.hit)) return stop;
      } else if (stop.reason !== "time" || this.machine.time >= time) return stop;
      if (now - turn < SLICE_MS && stop.reason !== "time") continue;
      await new Promise((resolve) => setImmediate(resolve));
      turn = performance.now();
    }
  }

  /** Runs until the instruction at `place` is next, and `when` holds there. Throws SessionError if the run stops otherwise. */
  async runTo(place: Place, options: RunLimits & Pick<BreakpointOptions, "when"> = {}): Promise<void> {
    let arrived = false;
    const action = (): "stop" => {
      arrived = true;
      return "stop";
    };
    const { when } = options;
    const breakpoint = this.breakAt(place, { action, ...(when !== undefined && { when }) });
    try {
      const stop = await this.run(options);
      if (arrived) return;
      throw new SessionError(
        `expected to reach ${this.describe(breakpoint.address)}, but ${describeStop(stop, this.symbols)}`,
      );
    } finally {
      breakpoint.remove();
    }
  }

  /**
   * Runs instruction by instruction until `condition` holds before one. That is slow (about a million a second at best) and exact; a
   * breakpoint with `when` is the fast way where the place is known. Throws SessionError if the guest ends first.
   */
  async runUntil(condition: (session: Session) => boolean, limits: RunLimits = {}): Promise<void> {
    let turn = performance.now();
    while (!condition(this)) {
      this.#checkInterrupted();
      const reached =
        this.machine.time >= (limits.time ?? Infinity) ||
        this.machine.instructions >= Math.min(limits.instructions ?? Infinity, this.#limits.instructions ?? Infinity);
      const stop: Stop | undefined = reached ? { reason: "instruction-limit" } : this.#runner.step();
      if (stop !== undefined && stop.reason !== "watchpoint")
        throw new SessionError(`expected the condition to become true, but ${describeStop(stop, this.symbols)}`);
      if (performance.now() - turn < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turn = performance.now();
    }
  }

  /** Runs until the guest ends, past every breakpoint that only stops. Returns how it ended. */
  async runToEnd(limits: RunLimits = {}): Promise<Stop> {
    for (;;) {
      const stop = await this.run(limits);
      if (stop.reason !== "breakpoint" && stop.reason !== "watchpoint") return stop;
    }
  }

  /** Executes `count` instructions. Returns why, if fewer could be executed or watched memory was used. */
  step(count = 1): Stop | undefined {
    for (let i = 0; i < count; i++) {
      const stop = this.#runner.step();
      if (stop !== undefined) return stop;
    }
    return undefined;
  }

  /** Executes one instruction and says what it changed. */
  stepAndRecord(): Step {
    const [instruction] = this.disassemble();
    if (instruction === undefined) throw new SessionError(`no memory at ${this.describe(this.registers.rip)}`);
    return recordStep(this.machine, this.#runner, this.memory, instruction);
  }

  /** Executes one instruction; of a call, the whole function. Interrupts and exceptions on the way are not stopped in either. */
  async stepOver(limits: RunLimits = {}): Promise<void> {
    const [instruction] = this.disassemble();
    if (instruction === undefined) throw new SessionError(`no memory at ${this.describe(this.registers.rip)}`);
    const { rsp } = this.registers;
    const length = BigInt(instruction.bytes.length);
    if (/^call\b/.test(instruction.text))
      await this.runTo(instruction.address + length, { ...limits, when: () => this.registers.rsp >= rsp });
    else this.step();
  }

  /** Runs until the function that is being executed has returned to its caller. Returns rax, its result. */
  async finish(limits: RunLimits = {}): Promise<bigint> {
    const caller = this.backtrace({ limit: 2 }).at(1);
    if (caller?.slot === undefined)
      throw new SessionError(`finish: ${this.describe(this.registers.rip)} has no caller that can be found`);
    // The same code may return there from a deeper call of itself.
    const { slot, address } = caller;
    await this.runTo(address, { ...limits, when: () => this.registers.rsp > slot });
    return this.registers.rax;
  }

  /**
   * Another machine in exactly this state, with a session of its own: what is tried there leaves this one as it is, and given the same,
   * both do the same. Breakpoints are not copied; nothing of it is traced or printed on standard output.
   */
  async fork(): Promise<Session> {
    const machine = this.machine.fork();
    const { runner: _, ...options } = this.#options;
    const session = await Session.create({
      ...options,
      machine,
      symbols: this.symbols.for(() => machine.bpfPrograms()),
    });
    session.#consoleMark = this.#consoleMark;
    return session;
  }

  /**
   * At a function's first instruction: returns to its caller with `result`, and the function has not run. That is what an override does in
   * the guest, from outside.
   */
  overrideReturn(result: bigint): void {
    const { registers } = this;
    const symbol = this.symbols.at(registers.rip);
    if (symbol?.address !== registers.rip)
      throw new SessionError(`overrideReturn: ${this.describe(registers.rip)} is not a function's first instruction`);
    const caller = this.memory.readUint(registers.rsp, 8);
    registers.rax = result;
    registers.rip = caller;
    registers.rsp += 8n;
  }

  // Inspecting

  /** Callers of the code that is being executed, across exceptions and interrupts and into user code. Innermost first. */
  backtrace(options: { readonly from?: FrameStart; readonly limit?: number } = {}): Frame[] {
    const { rip, rsp, rbp } = options.from ?? this.registers;
    return [...this.#unwinder.frames({ rip, rsp, rbp }, options.limit)];
  }

  /** The same as text, one line for each frame. */
  formatBacktrace(options: { readonly from?: FrameStart; readonly limit?: number } = {}): string {
    return formatBacktrace(this.backtrace(options));
  }

  /**
   * `count` instructions from `place` on (by default the next one); fewer where memory is not mapped. Where a probe has put an int3,
   * the instruction under it is shown too.
   */
  disassemble(place?: Place, count = 1): Instruction[] {
    return this.#disassemble(place === undefined ? this.registers.rip : this.address(place), (_, n) => n < count);
  }

  /** All instructions from `start` to `end`, which is not included; without `end`, those of the function `start`. */
  disassembleRange(start: Place, end?: Place): Instruction[] {
    const from = this.address(start);
    const to = end === undefined ? from + (this.symbols.at(from)?.size ?? 0n) : this.address(end);
    return this.#disassemble(from, (address) => address < to);
  }

  /** The kernel's types. Throws SessionError for a kernel without type information. */
  get types(): Types {
    const types = this.#knownTypes;
    if (types === undefined) throw new SessionError("the guest's kernel carries no type information (BTF)");
    return types;
  }

  get #knownTypes(): Types | undefined {
    if (this.#types === undefined) {
      const { btf } = this.#options;
      const read = typeof btf === "function" ? btf() : btf;
      this.#types = read === undefined ? null : new Types(read, this.memory, this.symbols);
      for (const [name, printer] of standardPrinters) this.#types?.printers.set(name, printer);
    }
    return this.#types ?? undefined;
  }

  /** The structure (or other type) `name` at `place`: `session.struct("task_struct", address).field("comm").text`. */
  struct(name: string, place: Place): Value {
    return this.types.value(name, this.address(place));
  }

  /** The saved registers at `place`. */
  ptRegs(place: Place): Value {
    return this.struct("pt_regs", place);
  }

  /** The task that is running: its struct task_struct. */
  get currentTask(): Value {
    return this.types.value("task_struct", this.memory.readUint(this.address("current_task"), 8));
  }

  /** All tasks, threads and the idle task among them. */
  get tasks(): Value[] {
    return [...this.types.list(this.address("task_list"), "task_struct", "tasks")];
  }

  /** The probes that are registered in the guest's kernel, by address. */
  get kprobes(): ProbedAddress[] {
    return readKprobes(this.types);
  }

  /** Machine code for `text` as it would be at `place`; `{symbol}` in it stands for an address. */
  assemble(text: string, place: Place = 0n): Uint8Array {
    return this.#assembler.assemble(text, this.address(place), this.registers.codeBits);
  }

  /**
   * Writes code (text to be assembled, or bytes) over the guest's, and nops up to the end of the last instruction that it cuts, unless
   * `pad` is false. Page permissions do not matter.
   */
  patch(place: Place, code: string | Uint8Array, options: { readonly pad?: boolean } = {}): Patch {
    const address = this.address(place);
    const bytes = typeof code === "string" ? this.assemble(code, address) : code;
    return writePatch(this, address, bytes, options.pad ?? true);
  }

  // The console

  /** Everything that the guest printed on its console (of very much, the last part). */
  get console(): string {
    return this.machine.console.text();
  }

  /** Types on the guest's console. */
  type(text: string): void {
    this.machine.sendInput(text);
  }

  /**
   * Runs until the console has printed `expected` behind what the last waitFor found (or `from`, a position in {@link console}), and stops
   * behind the instruction that sent its last character. A regular expression sees the last 4096 characters. Returns what was printed up to
   * and including the match. Throws SessionError.
   */
  async waitFor(expected: string | RegExp, limits: RunLimits = {}, from = this.#consoleMark): Promise<string> {
    for (;;) {
      const text = this.console.slice(from);
      const found = matchIn(text, expected);
      if (found !== undefined) {
        this.#consoleMark = from + found.end;
        return text.slice(0, found.end);
      }
      const stop = await this.#runUntilPrinted(expected, text, limits);
      if (stop.reason === "requested" || matchIn(this.console.slice(from), expected) !== undefined) continue;
      const last = this.console.trimEnd().split("\n").at(-1) ?? "";
      const tail = last === "" ? "" : `; its last line is "${last.slice(-120)}"`;
      throw new SessionError(
        `expected ${show(expected)} on the console, but ${describeStop(stop, this.symbols)}${tail}`,
      );
    }
  }

  /** Runs until the console's text, which is `text` so far, has a match. */
  async #runUntilPrinted(expected: string | RegExp, text: string, limits: RunLimits): Promise<Stop> {
    const decoder = new TextDecoder();
    const window = typeof expected === "string" ? Math.max(expected.length, CONSOLE_WINDOW) : CONSOLE_WINDOW;
    let seen = text.slice(-window);
    const log = this.machine.console;
    let requested = false;
    log.watcher = (byte) => {
      seen = (seen + decoder.decode(Uint8Array.of(byte), { stream: true })).slice(-window);
      if (typeof expected === "string" ? !seen.endsWith(expected) : matchIn(seen, expected) === undefined) return;
      requested = true;
      this.machine.requestStop();
    };
    try {
      const stop = await this.run(limits);
      if (stop.reason === "requested" && !requested)
        throw new SessionError(`interrupted while waiting for ${show(expected)} on the console`);
      return stop;
    } finally {
      log.watcher = undefined;
    }
  }

  /** A dialogue with a program that shows a prompt when it is ready for a line, such as a shell. */
  dialogue(options: DialogueOptions): Dialogue {
    return new Dialogue(this, options);
  }

  // Expecting

  /** Throws SessionError unless `condition` holds. */
  expect(condition: boolean, message: string): void {
    if (!condition) throw this.#failed(`expected ${message}`);
  }

  /** Throws SessionError unless the two are equal. Numbers and bigints are compared as numbers, arrays and objects by contents. */
  expectEqual(actual: unknown, expected: unknown, what: string): void {
    // 12 and 12n are the same number.
    const plain = (value: unknown): unknown =>
      typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
    const equal = isDeepStrictEqual(plain(actual), plain(expected));
    if (!equal) throw this.#failed(`expected ${what} to be ${show(expected)}, got ${show(actual)}`);
  }

  /** Throws SessionError unless the console has printed this. */
  expectConsole(expected: string | RegExp): void {
    const { console } = this;
    if (typeof expected === "string" ? console.includes(expected) : expected.test(console)) return;
    const last = console.trimEnd().split("\n").slice(-3).join("\n");
    throw this.#failed(`expected ${show(expected)} on the console, which ends with:\n${last}\n`);
  }

  /** Runs to the guest's end and throws SessionError unless it ended with this exit code. */
  async expectExit(code = 0, limits: RunLimits = {}): Promise<void> {
    const stop = await this.runToEnd(limits);
    if (stop.reason !== "exit" || stop.code !== code)
      throw this.#failed(`expected the guest to end with exit code ${code}, but ${describeStop(stop, this.symbols)}`);
  }

  /** Prints a line of the script's own, on standard error. */
  log(line: string): void {
    (this.#options.log ?? ((text: string) => console.error(text)))(line);
  }

  /** Whoever interrupts the command does not want the script to run the guest on. */
  #checkInterrupted(): void {
    if (this.#options.interrupted?.() === true) throw new SessionError("interrupted");
  }

  #failed(message: string): SessionError {
    return new SessionError(`${message} (at ${this.describe(this.registers.rip)}, time ${this.machine.time})`);
  }

  #disassemble(start: bigint, more: (address: bigint, count: number) => boolean): Instruction[] {
    const instructions: Instruction[] = [];
    for (let address = start; more(address, instructions.length); ) {
      const bytes = this.memory.readMapped(address, LONGEST_INSTRUCTION);
      if (bytes.length === 0) break;
      const instruction =
        this.#probed(bytes, address) ?? this.#disassembler.one(bytes, address, this.registers.codeBits);
      instructions.push(instruction);
      address += BigInt(instruction.bytes.length);
    }
    return instructions;
  }

  /** An int3 that a probe has put over an instruction. */
  #probed(bytes: Uint8Array, address: bigint): Instruction | undefined {
    if (bytes[0] !== INT3 || address >> 63n === 0n || this.#knownTypes === undefined) return undefined;
    const probed = kprobeAt(this.#knownTypes, address);
    if (probed === undefined) return undefined;
    const { text } = this.#disassembler.one(probed.instruction, address, this.registers.codeBits);
    return { address, bytes: bytes.subarray(0, probed.instruction.length), text: `int3  # probe on: ${text}` };
  }
}

/** What a session is made of. */
export interface SessionOptions {
  readonly machine: Machine;
  readonly symbols: Symbols;
  /** The guest's files, for the symbols of its programs. */
  readonly root?: RootFiles | undefined;
  /** The kernel's type information, if it has any, or what reads it when it is first needed. */
  readonly btf?: Btf | (() => Btf | undefined) | undefined;
  /** What executes instructions in place of the machine itself: a trace. */
  readonly runner?: Runner;
  /** Gets the script's own lines; standard error by default. */
  readonly log?: (line: string) => void;
  /** While it says true, nothing is run any more. */
  readonly interrupted?: () => boolean;
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

/** The first match, as positions in `text`. */
function matchIn(
  text: string,
  expected: string | RegExp,
): { readonly start: number; readonly end: number } | undefined {
  if (typeof expected === "string") {
    const start = text.indexOf(expected);
    return start < 0 ? undefined : { start, end: start + expected.length };
  }
  const match = new RegExp(expected.source, expected.flags.replace(/[gy]/g, "")).exec(text);
  return match === null ? undefined : { start: match.index, end: match.index + match[0].length };
}

function show(value: unknown): string {
  if (typeof value === "bigint" || typeof value === "number")
    return Number.isInteger(Number(value))
      ? `${value} (0x${BigInt.asUintN(64, BigInt(value)).toString(16)})`
      : `${value}`;
  return inspect(value);
}
