/**
 * A machine for bare code: bytes at an address, registers, mapped memory, run to a condition, read everything back. There is no
 * kernel; an exception ends the run and is reported with its vector, error code and address.
 */
import { type TierOptions, tierOptions } from "../cpu/index.ts";
import { type CpuState, Flag, type Segment } from "../cpu/state.ts";
import { InputError } from "./input-error.ts";
import { Machine, type Stop } from "./machine.ts";
import { PageTables, type Permissions } from "./page-tables.ts";
import {
  enterLongMode,
  enterProtectedMode,
  enterRealMode,
  flatDescriptors,
  loadTaskRegister,
  SELECTOR,
} from "./processor-modes.ts";

export type BareMode =
  /** 64-bit mode; {@link BareMachine.map} decides what is mapped. */
  | "long"
  /** 32-bit protected mode, flat, without paging: all of RAM at its physical address. */
  | "protected"
  | "real";

export interface BareMachineOptions extends TierOptions {
  readonly mode: BareMode;
  /** Bytes of RAM; 16 MiB if not given. The last megabyte is kept for descriptor and page tables. */
  readonly memory?: number;
  /** 64-bit mode only: run in ring 3. */
  readonly user?: boolean;
  /** 64-bit mode only: map all of RAM but that megabyte at its physical address, with all permissions. */
  readonly identity?: boolean;
}

/** When a run ends, besides HLT, an exception and a triple fault, which always end it. */
export interface RunCondition {
  /** Before the instruction at this address. */
  readonly address?: bigint;
  /** After so many instructions. */
  readonly instructions?: number;
  /** Before the first instruction for which it says true: the machine is asked before each, and runs one at a time. */
  readonly until?: (machine: BareMachine) => boolean;
}

export type BareStop =
  /** HLT was executed; rip is after it. */
  | { readonly reason: "hlt" }
  | { readonly reason: "address" }
  | { readonly reason: "instructions" }
  | { readonly reason: "until" }
  /** Registers, rip among them, are as the exception left them for its handler to return to; `rip` is what it pushed. */
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
/** Where the reserved megabyte is mapped in 64-bit mode, out of the way of what users map. */
const RESERVED_VIRTUAL = 0xffff_ffff_ffe0_0000n;
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
  readonly #reserved: number;
  readonly #tables: PageTables | undefined;
  /** Physical memory that map() hands out, from the reserved megabyte downwards. */
  #free: number;
  readonly #mapped = new Map<bigint, number>();
  #exception: Exception | undefined;
  /** As they were when the run began: an exception gets these back. */
  readonly #segments = new Map<"cs" | "ss", Segment>();
  #ring = 0;

  constructor(options: BareMachineOptions) {
    const memory = options.memory ?? DEFAULT_MEMORY;
    this.machine = new Machine({ memory, bpfCoprocessor: false, ...tierOptions(options) });
    this.mode = options.mode;
    this.#reserved = memory - RESERVED;
    this.#free = this.#reserved;
    if (this.#reserved < RESERVED) throw new InputError(`${memory} bytes of memory, a bare machine needs at least 2M`);
    if (options.mode === "long") {
      this.#tables = new PageTables(this.machine.memory, this.#reserved + TABLES, memory);
      this.#tables.map(RESERVED_VIRTUAL, this.#reserved, TABLES, { user: false });
      if (options.identity === true) this.#tables.map(0n, 0, this.#reserved);
      enterLongMode(this.machine.cpu, { rip: 0n, pageTables: this.#tables.root, user: options.user === true });
      this.#writeLongTables();
    } else if (options.mode === "protected") {
      enterProtectedMode(this.machine.cpu, { rip: 0n });
      this.#writeProtectedTables();
    } else {
      enterRealMode(this.machine.cpu, { rip: 0n });
    }
    this.machine.cpu.onDelivery = ({ vector, errorCode, rip }) => {
      // The first one is what happened; further ones come of having no handlers.
      this.#exception ??= { vector, rip, ...(errorCode !== undefined && { errorCode }) };
      this.machine.requestStop();
    };
  }

  /** The processor's registers by name. */
  get registers(): CpuState {
    return this.machine.cpu.state;
  }

  /**
   * 64-bit mode: maps whole pages from `address` on. Pages get zeroed physical memory of their own, unless `physical` says which.
   * Throws InputError when memory runs out.
   */
  map(address: bigint, length: number, permissions: Permissions = {}, physical?: number): void {
    if (this.#tables === undefined) throw new InputError(`map: ${this.mode} mode has no page tables here`);
    for (let offset = 0; offset < length; offset += PAGE) {
      const page = address + BigInt(offset);
      let frame = physical === undefined ? this.#mapped.get(page) : physical + offset;
      if (frame === undefined) {
        this.#free -= PAGE;
        if (this.#free < 0) throw new InputError("no memory left to map; give the machine more");
        frame = this.#free;
      }
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
    for (const [physical, start, end] of this.#pieces(address, data.length))
      this.machine.memory.write(physical, data.subarray(start, end));
  }

  /** Throws RangeError where nothing is mapped. */
  read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (const [physical, start, end] of this.#pieces(address, length))
      bytes.set(this.machine.memory.read(physical, end - start), start);
    return bytes;
  }

  /** Runs from where rip is (after an HLT too) until one of the conditions holds, or HLT, or an exception. */
  run(condition: RunCondition = {}): BareStop {
    const { machine } = this;
    const limit = machine.instructions + (condition.instructions ?? Infinity);
    this.#exception = undefined;
    machine.cpu.wake();
    this.#ring = this.registers.cpl;
    for (const name of ["cs", "ss"] as const) this.#segments.set(name, this.registers.segment(name));
    const { address, until } = condition;
    if (address !== undefined) machine.breakpoints.add(address);
    try {
      for (;;) {
        if (until?.(this) === true) return { reason: "until" };
        if (address !== undefined && machine.cpu.state.rip === address) return { reason: "address" };
        if (machine.instructions >= limit) return { reason: "instructions" };
        const stop = until === undefined ? machine.run({ instructions: limit }) : machine.step();
        const exception = this.#exceptionOfRun();
        if (exception !== undefined) {
          this.#undoDelivery(exception);
          return { reason: "exception", ...exception };
        }
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
    }
  }

  #forgetTranslations(): void {
    this.machine.cpu.tlb.flush();
  }

  /** Set from the middle of a run by the processor. */
  #exceptionOfRun(): Exception | undefined {
    return this.#exception;
  }

  /** Takes back what the delivery did to the registers, from the frame that it pushed. */
  #undoDelivery(exception: Exception): void {
    const { state } = this.machine.cpu;
    if (this.mode === "real") return;
    const wide = this.mode === "long";
    const frame = state.rsp + (exception.errorCode === undefined ? 0n : wide ? 8n : 4n);
    const word = (index: number): bigint => {
      const bytes = this.read(frame + BigInt(index * (wide ? 8 : 4)), wide ? 8 : 4);
      const view = new DataView(bytes.buffer);
      return wide ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
    };
    const [rip, flags] = [word(0), word(2)];
    state.rsp = wide ? word(3) : frame + 12n;
    state.rip = rip;
    // The image of RF is the processor's note to itself for restarting a fault.
    state.rflags = flags & ~BigInt(Flag.RF);
    const code = this.#segments.get("cs");
    const stack = this.#segments.get("ss");
    if (code) state.setSegment("cs", code);
    if (stack) state.setSegment("ss", stack);
    state.cpl = this.#ring;
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

  /** 64-bit descriptor tables: every vector's gate leads to an HLT of its own, on a stack of its own. */
  #writeLongTables(): void {
    const { memory, cpu } = this.machine;
    const at = (offset: number): bigint => RESERVED_VIRTUAL + BigInt(offset);
    memory.write(this.#reserved + GDT, flatDescriptors(at(TASK_STATE)));
    // RSP0 and IST1 (AMD64 APM volume 2, 12.2.5).
    memory.writeUint64(this.#reserved + TASK_STATE + 4, at(STACK_TOP));
    memory.writeUint64(this.#reserved + TASK_STATE + 36, at(STACK_TOP));
    for (let vector = 0; vector < 256; vector++) {
      const handler = at(HANDLERS + vector);
      const gate = this.#reserved + IDT + 16 * vector;
      memory.writeUint64(
        gate,
        (handler & 0xffffn) |
          (BigInt(SELECTOR.code) << 16n) |
          (1n << 32n) |
          (BigInt(vector === 3 || vector === 4 ? RING_3_GATE : INTERRUPT_GATE) << 40n) |
          (((handler >> 16n) & 0xffffn) << 48n),
      );
      memory.writeUint64(gate + 8, handler >> 32n);
      memory.writeUint(this.#reserved + HANDLERS + vector, 1, HLT);
    }
    cpu.state.gdtr = { base: at(GDT), limit: SELECTOR.task + 15 };
    cpu.state.idtr = { base: at(IDT), limit: 0xfff };
    loadTaskRegister(cpu, at(TASK_STATE));
  }

  /** The same for 32-bit protected mode, at physical addresses; exceptions use the stack that the code has. */
  #writeProtectedTables(): void {
    const { memory, cpu } = this.machine;
    // Flat 32-bit code and data (type, S and P in the access byte; G and D/B).
    memory.writeUint64(this.#reserved + GDT + SELECTOR.code, 0x00cf_9b00_0000_ffffn);
    memory.writeUint64(this.#reserved + GDT + SELECTOR.data, 0x00cf_9300_0000_ffffn);
    for (let vector = 0; vector < 256; vector++) {
      const handler = this.#reserved + HANDLERS + vector;
      const gate = this.#reserved + IDT + 8 * vector;
      memory.writeUint(gate, 4, (handler & 0xffff) + SELECTOR.code * 65536);
      memory.writeUint(gate + 4, 4, ((handler & 0xffff_0000) | (INTERRUPT_GATE << 8)) >>> 0);
      memory.writeUint(handler, 1, HLT);
    }
    cpu.state.gdtr = { base: BigInt(this.#reserved + GDT), limit: SELECTOR.data + 7 };
    cpu.state.idtr = { base: BigInt(this.#reserved + IDT), limit: 0x7ff };
  }
}
