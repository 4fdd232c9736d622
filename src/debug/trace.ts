/**
 * Prints instructions as they are executed: time, address with symbol, bytes, disassembly, and the registers that changed.
 *
 * By default that is what happens around a kernel breakpoint: from the delivery of a #BP in kernel mode through the handler, whatever it
 * calls and its return, to some instructions after it. Between such windows the guest runs at full speed.
 */

import type { Delivery } from "../cpu/index.ts";
import { generalRegisters } from "../cpu/state.ts";
import type { Machine, RunLimits, Stop } from "../machine/machine.ts";
import type { Disassembler } from "./disassemble.ts";
import type { Symbols } from "./symbols.ts";
import { VirtualMemory } from "./virtual-memory.ts";

/** Where a trace begins or ends: an instruction's address, or a time in ticks. */
export type TracePlace = { readonly address: bigint } | { readonly time: number };

/** What is printed, and where to. */
export interface TraceOptions {
  /** Everything, or (default) around kernel breakpoints; `from` and `until` make one window of everything in between. */
  readonly all?: boolean;
  readonly from?: TracePlace;
  readonly until?: TracePlace;
  /** Print only instructions of these functions. */
  readonly functions?: ReadonlySet<string>;
  /** Gets whole lines. */
  readonly print: (line: string) => void;
}

const BREAKPOINT_VECTOR = 3;
const VECTOR_NAMES: Readonly<Record<number, string>> = {
  0: "#DE",
  1: "#DB",
  2: "NMI",
  3: "#BP",
  6: "#UD",
  7: "#NM",
  8: "#DF",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  19: "#XM",
};
/** Instructions shown after the handler's return: an override's `ret`, and what the caller does with the value. */
const AFTERMATH = 12;
/** A window that gets this long has lost its end (the handler slept, or never returned). */
const LONGEST_WINDOW = 200_000;
const LONGEST_INSTRUCTION = 15;

/** Runs a machine and prints the instructions that it executes. The guest is not affected. */
export class Trace {
  readonly #machine: Machine;
  readonly #symbols: Symbols;
  readonly #disassembler: Disassembler;
  readonly #options: TraceOptions;
  readonly #memory: VirtualMemory;
  /** Around breakpoints only. */
  readonly #automatic: boolean;
  #active = false;
  #startRequested = false;
  #finished = false;
  /** Of the window under way: handlers entered and not left, instructions left of the aftermath, instructions so far. */
  #depth = 0;
  #aftermath = 0;
  #length = 0;
  /** Deliveries during the step under way. */
  #deliveries: string[] = [];

  constructor(machine: Machine, symbols: Symbols, disassembler: Disassembler, options: TraceOptions) {
    this.#machine = machine;
    this.#symbols = symbols;
    this.#disassembler = disassembler;
    this.#options = options;
    this.#memory = new VirtualMemory(machine);
    this.#automatic = options.all !== true && options.from === undefined && options.until === undefined;
    this.#active = !this.#automatic && options.from === undefined;
    machine.cpu.onDelivery = (event) => this.#delivered(event);
  }

  /** As {@link Machine.run}, printing on the way. */
  run(limits: RunLimits = {}): Stop {
    const machine = this.#machine;
    for (;;) {
      if (!this.#active) {
        const stop = this.#runToStart(limits);
        if (stop !== undefined) return stop;
        continue;
      }
      if (machine.ended !== undefined || machine.stopIsRequested) return machine.run();
      if (machine.time >= (limits.time ?? Infinity)) return { reason: "time" };
      if (machine.instructions >= (limits.instructions ?? Infinity)) return { reason: "instruction-limit" };
      const stop = this.step();
      if (stop !== undefined) return stop;
      const rip = machine.cpu.state.rip;
      if (machine.breakpoints.has(rip)) return { reason: "breakpoint", address: rip };
    }
  }

  /** Executes one instruction and prints it. */
  step(): Stop | undefined {
    const { cpu } = this.#machine;
    const before = generalRegisters.map((name) => cpu.state[name]);
    const address = cpu.state.rip;
    const time = this.#machine.time;
    const instruction = this.#disassembler.one(
      this.#memory.readMapped(address, LONGEST_INSTRUCTION),
      address,
      cpu.state.codeBits,
    );
    const retired = cpu.retired;
    this.#deliveries = [];
    const stop = this.#machine.step();
    // Nothing may have been executed but an interrupt taken.
    if (cpu.retired !== retired || this.#deliveries.length === 0) {
      const changes: string[] = [];
      for (const [index, name] of generalRegisters.entries())
        if (cpu.state[name] !== before[index]) changes.push(`${name}=${formatRegister(cpu.state[name])}`);
      this.#print(time, address, instruction.bytes, instruction.text, changes.join(" "));
      if (/^iret/.test(instruction.text)) this.#depth--;
    }
    for (const delivery of this.#deliveries) this.#options.print(delivery);
    this.#deliveries = [];
    this.#advanceWindow();
    return stop;
  }

  /** Full speed until a window opens; undefined then, or why the run stopped. */
  #runToStart(limits: RunLimits): Stop | undefined {
    const machine = this.#machine;
    const { from } = this.#options;
    const startTime = !this.#finished && from !== undefined && "time" in from ? from.time : Infinity;
    const startAddress = !this.#finished && from !== undefined && "address" in from ? from.address : undefined;
    const ownBreakpoint = startAddress !== undefined && !machine.breakpoints.has(startAddress);
    if (ownBreakpoint) machine.breakpoints.add(startAddress);
    const stop = machine.run({ ...limits, time: Math.min(limits.time ?? Infinity, startTime) });
    if (ownBreakpoint) machine.breakpoints.delete(startAddress);
    if (stop.reason === "requested" && this.#startRequested) {
      this.#startRequested = false;
      this.#active = true;
      return undefined;
    }
    const arrived =
      (stop.reason === "time" && machine.time >= startTime) ||
      (stop.reason === "breakpoint" && stop.address === startAddress);
    if (!arrived) return stop;
    this.#active = true;
    return undefined;
  }

  #delivered(event: Delivery): void {
    const kernel = event.rip >> 63n === 1n;
    if (!this.#active && !(this.#automatic && event.vector === BREAKPOINT_VECTOR && kernel)) return;
    const name = VECTOR_NAMES[event.vector] ?? `interrupt 0x${event.vector.toString(16)}`;
    const code = event.errorCode === undefined ? "" : `, error code 0x${event.errorCode.toString(16)}`;
    const line = `${this.#place(this.#machine.time, event.rip)} -> ${name} (${event.kind}${code})`;
    if (this.#active) {
      this.#depth++;
      this.#deliveries.push(line);
      return;
    }
    // The instruction itself was executed at full speed; it comes first.
    const time = this.#machine.time - 1;
    this.#print(time, event.rip - 1n, this.#memory.readMapped(event.rip - 1n, 1), "int3", "");
    this.#options.print(line);
    this.#depth = 1;
    this.#length = 0;
    this.#aftermath = AFTERMATH;
    this.#startRequested = true;
    this.#machine.requestStop();
  }

  /** After a step: whether the window is over. */
  #advanceWindow(): void {
    const { until } = this.#options;
    if (until !== undefined) {
      const { time, cpu } = this.#machine;
      if ("time" in until ? time >= until.time : cpu.state.rip === until.address) {
        this.#active = false;
        this.#finished = true;
      }
      return;
    }
    if (!this.#automatic) return;
    this.#length++;
    if (this.#depth > 0) this.#aftermath = AFTERMATH;
    else this.#aftermath--;
    if (this.#aftermath > 0 && this.#length < LONGEST_WINDOW) return;
    this.#active = false;
    this.#options.print(this.#depth > 0 ? `... (cut after ${this.#length} instructions)` : "...");
  }

  #place(time: number, address: bigint): string {
    const symbol = this.#symbols.describe(address) ?? "";
    return `${String(time).padStart(12)}  ${address.toString(16).padStart(16, "0")} ${symbol.padEnd(32)}`;
  }

  #print(time: number, address: bigint, bytes: Uint8Array, text: string, changes: string): void {
    const { functions } = this.#options;
    if (functions !== undefined && !functions.has(this.#symbols.at(address)?.name ?? "")) return;
    const line = `${this.#place(time, address)} ${Buffer.from(bytes).toString("hex").padEnd(22)} ${text}`;
    this.#options.print(changes === "" ? line : `${line.padEnd(130)} ${changes}`);
  }
}

/** Hexadecimal without leading zeros; small negative numbers, such as error codes of 64 or 32 bits, are shown as such too. */
function formatRegister(value: bigint): string {
  const hex = `0x${value.toString(16)}`;
  const signed = value >> 32n === 0n ? BigInt.asIntN(32, value) : BigInt.asIntN(64, value);
  return signed < 0n && signed >= -4095n ? `${hex} (${signed})` : hex;
}
