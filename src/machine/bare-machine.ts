/**
 * A machine for bare code: bytes at an address, registers, mapped memory, run to a condition, read everything back. There is no
 * kernel; an exception ends the run and is reported with its vector, error code and address.
 */

import { Fault } from "../cpu/fault.ts";
import { type TierOptions, tierOptions } from "../cpu/index.ts";
import { readMsr, writeMsr } from "../cpu/msr.ts";
import type { Delivery } from "../cpu/system-bus.ts";
import { InputError } from "./input-error.ts";
import { Machine, type Stop } from "./machine.ts";
import { PageTables, type Permissions } from "./page-tables.ts";
import {
  enableExtensions,
  enablePaging,
  enterLongMode,
  enterProtectedMode,
  enterRealMode,
  flatDescriptors,
  loadTaskRegister,
  SELECTOR,
} from "./processor-modes.ts";
import { namedRegisters, type Registers } from "./registers.ts";

export type BareMode =
  /** 64-bit mode; {@link BareMachine.map} decides what is mapped. */
  | "long"
  /** 32-bit protected mode, flat: all of RAM at its physical address, until {@link BareMachine.map} turns paging on. */
  | "protected"
  | "real";

export interface BareMachineOptions extends TierOptions {
  readonly mode: BareMode;
  /** Bytes of RAM; 16 MiB if not given. The last megabyte is kept for descriptor and page tables. */
  readonly memory?: number;
  /** Run in ring 3. Not in real mode. */
  readonly user?: boolean;
  /** With paging: map all of RAM but that megabyte at its physical address, with all permissions. Not in real mode. */
  readonly identity?: boolean;
  /** The machine's devices, if not given. */
  readonly ports?: BarePorts;
}

/** What IN and OUT do, at all ports, instead of reaching the machine's devices. Without `read` they read all ones. */
export interface BarePorts {
  readonly read?: (port: number, size: 1 | 2 | 4) => number;
  readonly write?: (port: number, size: 1 | 2 | 4, value: number) => void;
}

/** When a run ends, besides HLT, an exception and a triple fault, which always end it. */
export interface RunCondition {
  /** Before the instruction at this address. */
  readonly address?: bigint;
  /** After so many instructions. */
  readonly instructions?: number;
  /** Before the first instruction for which it says true: the machine is asked before each, and runs one at a time. */
  readonly until?: (machine: BareMachine) => boolean;
  /**
   * "stop", if not given: an exception or software interrupt ends the run. "deliver": it goes to its handler, and the run goes on; the code
   * has set up its own handlers, or in real mode vectors.
   */
  readonly exceptions?: "stop" | "deliver";
}

export type BareStop =
  /** HLT was executed; rip is after it. */
  | { readonly reason: "hlt" }
  | { readonly reason: "address" }
  | { readonly reason: "instructions" }
  | { readonly reason: "until" }
  /**
   * Registers, rip among them, are as the exception left them for its handler to return to; `rip` is what it pushes. In real mode it has
   * been delivered: its frame is on the stack, CS:IP is its handler.
   */
  | { readonly reason: "exception"; readonly vector: number; readonly errorCode?: number; readonly rip: bigint }
  | { readonly reason: "triple-fault" }
  /** The code ended the machine through a device (debug exit, reset). */
  | { readonly reason: "device"; readonly stop: Stop };

const PAGE = 4096;
const RESERVED = 2 ** 20;
const DEFAULT_MEMORY = 16 * 2 ** 20;
/** In the reserved megabyte: descriptor tables, task state, a page of HLTs as handlers, a stack for them; page tables at the end. */
const GDT = 0x0;
const TASK_STATE = 0x400;
const IDT = 0x1000;
const HANDLERS = 0x2000;
const STACK_TOP = 0x5000;
const TABLES = 0x6000;
const HLT = 0xf4;
/** Where the reserved megabyte is mapped, out of the way of what users map. */
const RESERVED_VIRTUAL = { long: 0xffff_ffff_ffe0_0000n, protected: 0xffe0_0000n };
const INTERRUPT_GATE = 0x8e;
const RING_3_GATE = 0xee;

interface Exception {
  readonly vector: number;
  readonly errorCode?: number;
  readonly rip: bigint;
}

export class BareMachine {
  readonly machine: Machine;
  readonly mode: BareMode;
  /**
   * The processor's registers by every name that they have: whole ones and parts (rax, eax, ax, ah), single flags, xmm0, ymm0, mm0,
   * st0, fsBase ... as bigints, and the methods of {@link CpuState}. A name that does not exist throws InputError.
   */
  readonly registers: Registers;
  readonly #options: BareMachineOptions;
  readonly #memory: number;
  readonly #reserved: number;
  #tables: PageTables | undefined;
  /** Physical memory that map() hands out, from the reserved megabyte downwards. */
  #free: number;
  /** Where physical memory begins that may have been written. */
  #used = 0;
  readonly #mapped = new Map<bigint, number>();
  #exception: Exception | undefined;

  constructor(options: BareMachineOptions) {
    const memory = options.memory ?? DEFAULT_MEMORY;
    if (!["long", "protected", "real"].includes(options.mode))
      throw new InputError(`mode "${String(options.mode)}": expected "long", "protected" or "real"`);
    if (options.mode === "real" && (options.user === true || options.identity === true))
      throw new InputError("real mode has neither rings nor paging");
    this.machine = new Machine({ memory, bpfCoprocessor: false, ...tierOptions(options) });
    this.mode = options.mode;
    this.#options = options;
    this.#memory = memory;
    this.#reserved = memory - RESERVED;
    this.#free = this.#reserved;
    if (this.#reserved < RESERVED) throw new InputError(`${memory} bytes of memory, a bare machine needs at least 2M`);
    const { ports } = options;
    if (ports !== undefined)
      this.machine.bus.everyPort = {
        readPort: (port, size) => ports.read?.(port, size) ?? 2 ** (8 * size) - 1,
        writePort: (port, size, value) => ports.write?.(port, size, value),
      };
    this.registers = namedRegisters(this.machine.cpu.state);
    this.#enter();
  }

  /**
   * Everything as it was made: registers, mode, nothing mapped, memory all zeros. Much cheaper than another machine. The instruction
   * count goes on.
   */
  reset(): void {
    const { memory, cpu } = this.machine;
    // Page tables are cleared when they are made.
    memory.write(this.#used, new Uint8Array(this.#reserved + TABLES - this.#used));
    this.#free = this.#reserved;
    this.#mapped.clear();
    this.#tables = undefined;
    this.machine.forgetEnd();
    cpu.reset();
    cpu.tlb.flush();
    this.#enter();
  }

  #enter(): void {
    const { cpu } = this.machine;
    this.#used = this.#options.identity === true ? 0 : this.#reserved;
    const start = { rip: 0n, user: this.#options.user === true };
    if (this.mode === "long") {
      this.#tables = this.#makeTables(4);
      enterLongMode(cpu, { ...start, pageTables: this.#tables.root });
      this.#writeDescriptorTables(RESERVED_VIRTUAL.long);
    } else if (this.mode === "protected") {
      enterProtectedMode(cpu, start);
      this.#writeDescriptorTables(BigInt(this.#reserved));
      if (this.#options.identity === true) this.#enablePaging();
    } else {
      enterRealMode(cpu, start);
    }
    enableExtensions(cpu);
  }

  #makeTables(levels: 3 | 4): PageTables {
    const tables = new PageTables(this.machine.memory, this.#reserved + TABLES, this.#memory, levels);
    const virtual = levels === 4 ? RESERVED_VIRTUAL.long : RESERVED_VIRTUAL.protected;
    tables.map(virtual, this.#reserved, TABLES, { user: false });
    if (this.#options.identity === true) tables.map(0n, 0, this.#reserved);
    return tables;
  }

  /** In protected mode. */
  #enablePaging(): PageTables {
    const tables = this.#makeTables(3);
    enablePaging(this.machine.cpu, tables.root);
    this.#writeDescriptorTables(RESERVED_VIRTUAL.protected);
    return tables;
  }

  /**
   * Maps whole pages from `address` on. Pages get zeroed physical memory of their own, unless `physical` says which; pages that are
   * mapped already keep theirs, and get the new permissions. In protected mode the first call turns paging on: nothing is mapped then but
   * what was given. Throws InputError when memory runs out, and in real mode.
   */
  map(address: bigint, length: number, permissions: Permissions = {}, physical?: number): void {
    if (this.mode === "real") throw new InputError("map: real mode has no paging, all of memory is there");
    this.#tables ??= this.#enablePaging();
    for (let offset = 0; offset < length; offset += PAGE) {
      const page = address + BigInt(offset);
      let frame = physical === undefined ? this.#mapped.get(page) : physical + offset;
      if (frame === undefined) {
        this.#free -= PAGE;
        if (this.#free < 0) throw new InputError("no memory left to map; give the machine more");
        frame = this.#free;
      }
      this.#used = Math.min(this.#used, frame);
      this.#mapped.set(page, frame);
      this.#tables.map(page, frame, PAGE, permissions);
    }
    this.#forgetTranslations();
  }

  unmap(address: bigint, length: number): void {
    this.#tables?.unmap(address, length);
    this.#forgetTranslations();
  }

  /** Writes bytes at a virtual address, whatever the page's permissions. Throws RangeError where nothing is mapped. */
  write(address: bigint, data: Uint8Array): void {
    const { memory } = this.machine;
    for (const [physical, start, end] of this.#pieces(address, data.length)) {
      const piece = data.subarray(start, end);
      this.#used = Math.min(this.#used, physical);
      // Code that is there already keeps its translation.
      if (!memory.holds(physical, piece)) memory.write(physical, piece);
    }
  }

  /** Throws RangeError where nothing is mapped. */
  read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const [physical, start, end] of this.#pieces(address, length))
      bytes.set(this.machine.memory.read(physical, end - start), start);
    return bytes;
  }

  /** What RDMSR reads. Throws InputError where it would raise #GP. */
  readMsr(index: number): bigint {
    return this.#msr(index, () => readMsr(this.machine.cpu, index));
  }

  /** What WRMSR does, whatever the privilege level. Throws InputError where it would raise #GP. */
  writeMsr(index: number, value: bigint): void {
    this.#msr(index, () => writeMsr(this.machine.cpu, index, BigInt.asUintN(64, value)));
  }

  #msr<T>(index: number, access: () => T): T {
    try {
      return access();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw new InputError(`MSR 0x${index.toString(16)}: #GP`);
    }
  }

  /** Runs from where rip is (after an HLT too) until one of the conditions holds, or HLT, or an exception. */
  run(condition: RunCondition = {}): BareStop {
    const { machine } = this;
    const { cpu } = machine;
    const { instructions = Infinity } = condition;
    if (!(instructions >= 0)) throw new InputError(`instructions: ${instructions}, expected how many to run at most`);
    const limit = machine.instructions + instructions;
    this.#exception = undefined;
    if (this.#tables === undefined) this.#used = 0;
    cpu.wake();
    const { address, until } = condition;
    if (address !== undefined) machine.breakpoints.add(address);
    if (condition.exceptions !== "deliver") {
      if (this.mode === "real") cpu.onDelivery = (event) => this.#stopOn(event);
      else cpu.interceptor = (event) => this.#stopOn(event);
    }
    try {
      for (;;) {
        if (until?.(this) === true) return { reason: "until" };
        if (address !== undefined && cpu.state.rip === address) return { reason: "address" };
        if (machine.instructions >= limit) return { reason: "instructions" };
        const stop = until === undefined ? machine.run({ instructions: limit }) : machine.step();
        const exception = this.#exceptionOfRun();
        if (exception !== undefined) return { reason: "exception", ...exception };
        if (stop === undefined) continue;
        switch (stop.reason) {
          case "halted":
            return { reason: "hlt" };
          case "breakpoint":
            return { reason: "address" };
          case "instruction-limit":
            return { reason: "instructions" };
          case "triple-fault":
            return { reason: "triple-fault" };
          case "requested":
          case "time":
            break;
          default:
            return { reason: "device", stop };
        }
      }
    } finally {
      if (address !== undefined) machine.breakpoints.delete(address);
      delete cpu.interceptor;
      delete cpu.onDelivery;
    }
  }

  /** Called from the middle of a run by the processor. */
  #stopOn({ vector, rip, errorCode }: Delivery): boolean {
    // The first one is what happened; further ones come of it.
    this.#exception ??= { vector, rip, ...(errorCode !== undefined && { errorCode }) };
    this.machine.requestStop();
    return true;
  }

  #forgetTranslations(): void {
    this.machine.cpu.tlb.flush();
  }

  #exceptionOfRun(): Exception | undefined {
    return this.#exception;
  }

  *#pieces(address: bigint, length: number): Generator<[number, number, number]> {
    for (let start = 0; start < length; ) {
      const at = BigInt.asUintN(64, address + BigInt(start));
      const end = Math.min(length, start + PAGE - Number(at % BigInt(PAGE)));
      const physical = this.#tables === undefined ? Number(at) : this.machine.cpu.translate(at);
      if (physical === undefined) throw new RangeError(`0x${at.toString(16)} is not mapped`);
      yield [physical, start, end];
      start = end;
    }
  }

  /**
   * Descriptor tables at a linear address: every vector's gate leads to an HLT of its own, in ring 0 on a stack of its own (in protected
   * mode only if it comes from ring 3). They are for runs that deliver exceptions.
   */
  #writeDescriptorTables(base: bigint): void {
    const { memory, cpu } = this.machine;
    const long = this.mode === "long";
    const at = (offset: number): bigint => base + BigInt(offset);
    memory.write(this.#reserved + GDT, flatDescriptors(at(TASK_STATE), long ? 64 : 32));
    const task = this.#reserved + TASK_STATE;
    if (long) {
      // RSP0 and IST1 (AMD64 APM volume 2, 12.2.5).
      memory.writeUint64(task + 4, at(STACK_TOP));
      memory.writeUint64(task + 36, at(STACK_TOP));
    } else {
      // ESP0 and SS0 (12.2.3).
      memory.writeUint(task + 4, 4, Number(at(STACK_TOP)));
      memory.writeUint(task + 8, 4, SELECTOR.data);
    }
    for (let vector = 0; vector < 256; vector++) {
      const handler = at(HANDLERS + vector);
      const low =
        (handler & 0xffffn) |
        (BigInt(SELECTOR.code) << 16n) |
        (long ? 1n << 32n : 0n) |
        (BigInt(vector === 3 || vector === 4 ? RING_3_GATE : INTERRUPT_GATE) << 40n) |
        (((handler >> 16n) & 0xffffn) << 48n);
      memory.writeUint64(this.#reserved + IDT + (long ? 16 : 8) * vector, low);
      if (long) memory.writeUint64(this.#reserved + IDT + 16 * vector + 8, handler >> 32n);
      memory.writeUint(this.#reserved + HANDLERS + vector, 1, HLT);
    }
    cpu.state.gdtr = { base: at(GDT), limit: SELECTOR.task + (long ? 15 : 7) };
    cpu.state.idtr = { base: at(IDT), limit: long ? 0xfff : 0x7ff };
    loadTaskRegister(cpu, at(TASK_STATE));
  }
}
