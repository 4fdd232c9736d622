/**
 * The processor: its run loop, exact time, and what holds state, memory and translations together. Instructions are defined in
 * definitions/, executed by generated code; this is what happens between blocks.
 */
import "./definitions/index.ts";
import { EMPTY_TLB, JUMP_CACHE, JUMP_CACHE_MODE_BYTES, TLB, TLB_MODE_BYTES } from "../mmu/memory-layout.ts";
import { PhysicalMemory } from "../mmu/physical-memory.ts";
import { Tlb } from "../mmu/tlb.ts";
import { type Block, Blocks, type CodePlace } from "./blocks.ts";
import { BreakpointSet } from "./breakpoints.ts";
import { Debugging } from "./debug-registers.ts";
import { LongGates } from "./fast-gates/long.ts";
import { ProtectedGates } from "./fast-gates/protected.ts";
import { CR2, GateTables } from "./fast-gates/tables.ts";
import { Fault, Vector } from "./fault.ts";
import { GuestMemory } from "./guest-memory.ts";
import { type DeliveryKind, deliverExternal, pushedFlags, raiseException, WITH_ERROR_CODE } from "./interrupts.ts";
import { resetState } from "./reset.ts";
import { routineById } from "./routines.ts";
import { checkAccess } from "./segmentation.ts";
import {
  ARITHMETIC_FLAGS,
  Attribute,
  addressOf,
  CHECKED_SEGMENT_HIGH,
  type CpuState,
  createCpuState,
  Flag,
  layout,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BYTES,
  SEGMENT_LIMIT,
  SEGMENTED_ADDRESS_MASK,
  type SegmentRegister,
  segmentAddress,
  segmentRegisters,
} from "./state.ts";
import type { Delivery, StopReason, SystemBus } from "./system-bus.ts";
import { commonForms } from "./tier0/common-forms.ts";
import { STACK_ACCESS } from "./tier0/emitter.ts";
import { Handlers, type SlowPaths } from "./tier0/handlers.ts";
import { Record } from "./tier0/record.ts";
import { Regions } from "./tier1/regions.ts";
import { type WatchHit, Watchpoints } from "./watchpoints.ts";

/**
 * 0: the interpreter alone. 1: compiled regions from the first instruction, except for what only tier 0 can do. "mixed": the
 * interpreter, and regions where code is hot. The guest cannot tell the difference.
 */
export type TierChoice = 0 | 1 | "mixed";

export interface TierOptions {
  /** "mixed" if not given. */
  readonly tier?: TierChoice;
  /** "mixed": how often a block of code is entered before it is compiled. */
  readonly hotThreshold?: number;
}
/** The part of other options that is about tiers. */
export const tierOptions = ({ tier, hotThreshold }: TierOptions): TierOptions => ({
  ...(tier !== undefined && { tier }),
  ...(hotThreshold !== undefined && { hotThreshold }),
});

export interface CpuOptions extends TierOptions {
  readonly ramBytes: number;
  readonly bus: SystemBus;
  /** Seed of what RDRAND and RDSEED give. */
  readonly randomSeed?: bigint;
}

/** More than any guest that gets somewhere takes. */
const FRUITLESS_FAULTS = 1000;

/** Entries of a block after which compiling it pays. */
const HOT_THRESHOLD = 8000;

/** Instructions in one stay in generated code: the budget is a signed 32-bit number. */
const LONGEST_SLICE = 2 ** 30;

const EFER_LMA = 0x400;
const CR0_AM = 0x4_0000;
/** Where modeChanged() looks. */
const ADDRESS = {
  cr0: addressOf("cr0"),
  cr3: addressOf("cr3"),
  cr4: addressOf("cr4"),
  efer: addressOf("efer"),
  xcr0: addressOf("xcr0"),
  cs: segmentAddress("cs"),
  ss: segmentAddress("ss"),
} as const;
const STOP_TIME: StopReason = { kind: "time" };

export class Cpu {
  readonly memory: PhysicalMemory;
  readonly state: CpuState;
  /** Guest memory by linear address, for routines. */
  readonly linear: GuestMemory;
  readonly tlb: Tlb;
  readonly bus: SystemBus;
  /** Addresses before which run() stops. */
  readonly breakpoints: Set<bigint>;
  /** Memory whose use stops run(). */
  readonly watchpoints: Watchpoints;
  readonly debugging: Debugging;
  /** Called on every exception and interrupt delivery while set. */
  onDelivery?: (event: Delivery) => void;
  /** Asked before every delivery while set: where it says true, nothing is delivered, and the registers stay but for RIP. */
  interceptor?: (event: Delivery) => boolean;
  /** Long mode is active (EFER.LMA). */
  longMode = false;
  readonly view: DataView;
  readonly #blocks: Blocks;
  readonly #handlers: Handlers;
  readonly #longGates: LongGates;
  readonly #protectedGates: ProtectedGates;
  readonly #regions: Regions | undefined;
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  readonly #u8: Uint8Array;
  readonly #u64: BigUint64Array;
  // Time: ticks at which the current slice ends is sliceEnd; what is left of it is the budget.
  #sliceEnd = 0;
  #skipped = 0;
  #limit = 0;
  /** Instructions of the running block that are not finished, while TypeScript is called from it. */
  #unfinished = 0;
  /** Faults in a row since the last instruction that retired, and what was retired at the last one. */
  #fruitless = 0;
  #retiredAtFault = -1;
  #shadowTime = -1;
  /** The same of MOV SS and POP SS alone: they hold off debug traps, too. */
  #stackShadowTime = -1;
  // What generated code left behind.
  #fault: Fault | undefined;
  #faultRecord = 0;
  #runAlone = false;
  /** What the running instruction did to watched memory, first. */
  #watchHit: WatchHit | undefined;
  /** The record from which TypeScript is being called, or 0. */
  #runningRecord = 0;
  // What waits for the next instruction boundary.
  #interruptLine = false;
  #nmiPending = false;
  #nmiMasked = false;
  #stopRequested = false;
  #halted = false;
  #shutDown = false;
  #softwareInterrupted = false;
  readonly #place: CodePlace = {
    ripLow: 0,
    ripHigh: 0,
    physical: 0,
    codeBits: 64,
    stackSize: 8,
    csBaseLow: 0,
    limit: Infinity,
  };
  // What modeChanged() last derived, to notice changes.
  #modeKey = -1;
  #paging = -1;
  #root = -1;
  #csBase = 0;
  #csLimit = Infinity;
  #dropTranslations = false;

  constructor(options: CpuOptions) {
    this.bus = options.bus;
    this.memory = new PhysicalMemory(options.ramBytes);
    const host = this.memory.host;
    this.view = new DataView(host.buffer);
    this.#i32 = new Int32Array(host.buffer);
    this.#u16 = new Uint16Array(host.buffer);
    this.#u8 = new Uint8Array(host.buffer);
    this.#u64 = new BigUint64Array(host.buffer, 0, layout.scratchEnd >> 3);
    this.tlb = new Tlb(host);
    this.state = createCpuState(host, () => this.modeChanged());
    this.#handlers = new Handlers(host, this.#slowPaths());
    this.#handlers.compileForms(commonForms);
    this.#blocks = new Blocks(host, options.ramBytes, this.#handlers, this.tlb);
    const tier = options.tier ?? "mixed";
    if (tier !== 0)
      this.#regions = new Regions({
        memory: host,
        blocks: this.#blocks,
        handlers: this.#handlers,
        threshold: tier === 1 ? 0 : (options.hotThreshold ?? HOT_THRESHOLD),
        translate: (low, high) => this.#translateCode(low, high),
      });
    const unwatched = (): boolean =>
      this.onDelivery === undefined && this.interceptor === undefined && !this.watchpoints.active;
    const gates = new GateTables(host, {
      tlb: this.tlb,
      mayBeFast64: () => this.#place.codeBits === 64 && unwatched(),
      mayBeFast32: () => !this.longMode && (this.#i32[ADDRESS.cr0 >> 2] & 1) !== 0 && unwatched(),
      privilegeChanged: () => this.#privilegeChanged(),
      modeChanged: () => this.modeChanged(),
    });
    this.#longGates = new LongGates(gates);
    this.#protectedGates = new ProtectedGates(gates);
    this.debugging = new Debugging(this.state);
    this.watchpoints = new Watchpoints(() => this.tlb.flush());
    const blocks = this.#blocks;
    const { debugging, watchpoints } = this;
    this.linear = new GuestMemory(host, options.ramBytes, this.tlb, this.bus, {
      mayAccessDevice: () => this.#mustBeAlone(),
      invalidateCode: (start, end) => blocks.invalidate(start, end),
      isCodePage: (page) => blocks.isCode[page] === 1,
      get watches() {
        return debugging.watchesData;
      },
      watched: (address, size, write) => {
        if (!debugging.watchesData || !debugging.hits(address, size, write)) return true;
        if (!this.#mustBeAlone()) return false;
        debugging.noteData(address, size, write);
        return true;
      },
      checkWrap: (low, size, stack) => this.#checkWrap(low, size, stack),
      checkSegment: (low, high, size, write) => this.#checkSegment(low, high, size, write),
      watchpoints,
      debuggerWatched: (address, size, read, write) => {
        const watchpoint = watchpoints.find(address, size, read, write);
        if (watchpoint === undefined && watchpoints.recorder === undefined) return true;
        if (!this.#mustBeAlone()) return false;
        watchpoints.recorder?.(address, size, read, write);
        if (watchpoint === undefined) return true;
        const rip = this.#runningRecord === 0 ? this.state.rip : this.recordRip(this.#runningRecord);
        this.#watchHit ??= { watchpoint, address, size, write, rip };
        this.#breakSlice();
        return true;
      },
    });
    this.memory.writeListener = (address, length) => blocks.invalidate(address, address + length);
    this.breakpoints = new BreakpointSet(() => this.#breakpointsChanged());
    blocks.endsBefore = undefined;
    this.reset();
    this.state.randomState = BigInt.asUintN(64, options.randomSeed ?? 0n);
  }

  // Time

  /** Ticks: instructions retired and ticks skipped while halted. Exact whenever TypeScript runs. */
  get time(): number {
    return this.#sliceEnd - this.#i32[layout.budget >> 2] - this.#unfinished;
  }
  get retired(): number {
    return this.time - this.#skipped;
  }

  /** Lets ticks pass while the processor is halted. */
  advanceTime(ticks: number): void {
    this.#sliceEnd += ticks;
    this.#skipped += ticks;
  }

  /** Ends the slice after the running instruction. */
  #breakSlice(): void {
    this.#sliceEnd -= this.#i32[layout.budget >> 2];
    this.#i32[layout.budget >> 2] = 0;
  }

  /** Changes the limit of the run() that is under way. */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.#breakSlice();
  }

  requestStop(): void {
    this.#stopRequested = true;
    this.#breakSlice();
  }

  // Interrupts

  setInterruptLine(asserted: boolean): void {
    this.#interruptLine = asserted;
    if (asserted) this.#breakSlice();
  }
  raiseNmi(): void {
    this.#nmiPending = true;
    this.#breakSlice();
  }

  /** RFLAGS.IF may have become 1: a waiting interrupt is to be noticed after this instruction. */
  interruptsMayBeOpen(): void {
    if (this.#interruptLine || this.#nmiPending) this.#breakSlice();
    else if (this.state.systemFlags & (Flag.TF | Flag.RF)) this.#breakSlice();
  }

  /** Interrupts stay blocked until the instruction after this one has been executed (STI); debug traps, too, after a load of SS. */
  shadowNext(loadsStack: boolean): void {
    this.#shadowTime = this.time + 1;
    if (loadsStack) this.#stackShadowTime = this.#shadowTime;
    if (this.#interruptLine || this.#nmiPending) this.#breakSlice();
  }

  interruptReturned(): void {
    this.#nmiMasked = false;
    this.interruptsMayBeOpen();
  }

  /** HLT. */
  halt(): void {
    this.#halted = true;
    this.#breakSlice();
  }
  shutDown(): void {
    this.#shutDown = true;
  }
  get isHalted(): boolean {
    return this.#halted;
  }
  /** Ends HLT without an interrupt: for debuggers and tests. */
  wake(): void {
    this.#halted = false;
  }

  /** Asked by the delivery code. */
  intercepts(vector: number, kind: Delivery["kind"], rip: bigint, errorCode: number | undefined): boolean {
    if (this.interceptor?.({ vector, kind, rip, ...(errorCode === undefined ? {} : { errorCode }) }) !== true)
      return false;
    this.#noteDelivery(vector, kind);
    this.jump(rip);
    return true;
  }

  /** Told by the delivery code. */
  delivered(vector: number, kind: Delivery["kind"], rip: bigint, errorCode: number | undefined): void {
    this.#noteDelivery(vector, kind);
    this.onDelivery?.({ vector, kind, rip, ...(errorCode === undefined ? {} : { errorCode }) });
  }

  /** The single-step trap of this instruction is not due: its TF was consumed (SYSCALL with TF masked). */
  forgetSingleStep(): void {
    this.#softwareInterrupted = true;
  }

  /** A page of physical addresses is a device's, even where there is RAM. */
  setDevicePage(address: number): void {
    this.linear.devicePage = Math.floor(address / 4096);
    this.tlb.flush();
  }

  // Running

  /**
   * Runs until `time` reaches the limit, or for another reason. Executes nothing if the time has come already.
   */
  run(limit: number): StopReason {
    this.#limit = limit;
    for (;;) {
      if (this.#stopRequested) {
        this.#stopRequested = false;
        return { kind: "requested" };
      }
      if (this.#shutDown) return { kind: "shutdown" };
      if (this.time >= this.#limit) return STOP_TIME;
      const stop = this.#round(false);
      if (this.#watchHit !== undefined) return this.#watched(this.#watchHit);
      if (stop !== undefined) return stop;
    }
  }

  /** Executes exactly one instruction, or delivers one event. */
  step(): StopReason {
    if (this.#shutDown) return { kind: "shutdown" };
    this.#limit = Number.MAX_SAFE_INTEGER;
    const stop = this.#round(true);
    if (this.#shutDown) return { kind: "shutdown" };
    if (this.#watchHit !== undefined) return this.#watched(this.#watchHit);
    return stop ?? STOP_TIME;
  }

  #watched(hit: WatchHit): StopReason {
    this.#watchHit = undefined;
    return { kind: "watchpoint", hit };
  }

  /** Events first, then one stay in generated code. */
  #round(stepping: boolean): StopReason | undefined {
    if (this.#events()) return undefined;
    if (this.#halted) return { kind: "halted" };
    const { state } = this;
    if (this.#dropTranslations) {
      this.#dropTranslations = false;
      this.#i32[layout.linkSlot >> 2] = 0;
      this.#blocks.flush();
    }
    if (!stepping && this.breakpoints.size > 0 && this.breakpoints.has(state.rip))
      return { kind: "breakpoint", address: state.rip };
    const flags = state.systemFlags;
    if (this.debugging.watchesCode && !(flags & Flag.RF) && this.debugging.noteCode(state.rip)) {
      this.#deliverFault(new Fault(Vector.DB));
      return undefined;
    }
    const now = this.time;
    const trap = (flags & Flag.TF) !== 0;
    const alone =
      stepping ||
      trap ||
      this.#runAlone ||
      now === this.#shadowTime ||
      (flags & Flag.RF) !== 0 ||
      this.debugging.watchesData;
    this.#runAlone = false;
    const room = Math.min(this.#limit - now, LONGEST_SLICE);
    this.#setBudget(now, alone ? 1 : room);
    const generation = this.#blocks.generation;
    let link = this.#i32[layout.linkSlot >> 2];
    this.#i32[layout.linkSlot >> 2] = 0;
    let block: Block;
    let single = alone;
    try {
      block = this.#find(single);
      if (block.count > room) {
        single = true;
        this.#setBudget(now, 1);
        block = this.#find(true);
      }
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.#deliverFault(fault);
      return undefined;
    }
    if (generation !== this.#blocks.generation) link = 0;
    if (!single) {
      // A block at a breakpoint never comes here, so nothing leads to it without a look at the breakpoints.
      if (link !== 0) this.#blocks.connect(link, block);
      this.tlb.setJump(block.ripLow, block.ripHigh, this.linear.user, block.header);
    }
    if (flags & Flag.RF) this.state.systemFlags = flags & ~Flag.RF;
    this.#softwareInterrupted = false;
    this.#handlers.enter(block.header);
    while (this.#i32[layout.hotBlock >> 2] !== 0) this.#handlers.enter(this.#compileHot(single));
    this.#unfinished = 0;
    this.#runningRecord = 0;
    if (this.#fault !== undefined || this.#runAlone) {
      const record = this.#faultRecord;
      const fault = this.#fault;
      this.#fault = undefined;
      // The instruction and what follows it in its block have not been executed.
      this.#i32[layout.budget >> 2] += this.#u16[(record + Record.remaining) >> 1];
      this.#setRip(record);
      this.#i32[layout.linkSlot >> 2] = 0;
      if (fault !== undefined) {
        // What it accessed before it faulted does not count: it has done nothing, and may do it again.
        this.#watchHit = undefined;
        if (flags & Flag.RF && fault.vector !== Vector.DB) this.state.systemFlags |= Flag.RF;
        this.#deliverFault(fault);
        return undefined;
      }
      if (flags & Flag.RF) this.state.systemFlags |= Flag.RF;
    }
    if (alone && this.time > now) {
      if (trap && !this.#softwareInterrupted && this.time !== this.#stackShadowTime) this.debugging.noteStep();
    }
    return undefined;
  }

  /** RIP becomes that of the record's instruction. */
  #setRip(record: number): void {
    const next = this.#i32[(record + Record.nextRip) >> 2];
    const low = (next - this.#u8[record + Record.length]) | 0;
    this.#i32[layout.rip >> 2] = low;
    const high = this.#i32[(record + Record.nextRip + 4) >> 2];
    this.#i32[(layout.rip + 4) >> 2] = low >>> 0 > next >>> 0 ? (high - 1) | 0 : high;
  }

  /** Compiles the block that has become hot; returns the header of the block to go on with. */
  #compileHot(single: boolean): number {
    const header = this.#i32[layout.hotBlock >> 2];
    this.#i32[layout.hotBlock >> 2] = 0;
    const { generation } = this.#blocks;
    this.#regions?.compile(header);
    return generation === this.#blocks.generation ? header : this.#find(single).header;
  }

  /** Physical address of code at a RIP, without side effects. */
  #translateCode(low: number, high: number): number | undefined {
    const { codeBits, csBaseLow } = this.#place;
    const physical = this.linear.probeHalves((low + csBaseLow) | 0, codeBits === 64 ? high : 0);
    return physical !== undefined && physical < this.memory.size ? physical : undefined;
  }

  #setBudget(now: number, budget: number): void {
    this.#i32[layout.budget >> 2] = budget;
    this.#sliceEnd = now + budget;
  }

  #find(single: boolean): Block {
    const place = this.#place;
    place.ripLow = this.#i32[layout.rip >> 2];
    place.ripHigh = this.#i32[(layout.rip + 4) >> 2];
    const low = (place.ripLow + place.csBaseLow) | 0;
    if (place.codeBits !== 64 && place.ripLow >>> 0 > place.limit) throw new Fault(Vector.GP, 0);
    place.physical = this.linear.fetch(low, place.ripHigh);
    if (place.physical >= this.memory.size) throw new Fault(Vector.GP, 0);
    return this.#blocks.get(place, single, () => {
      const next = (low | 0xfff) + 1;
      const high = next === 0 && place.codeBits === 64 ? (place.ripHigh + 1) | 0 : place.ripHigh;
      const physical = this.linear.fetch(next | 0, high);
      if (physical >= this.memory.size) throw new Fault(Vector.GP, 0);
      return physical;
    });
  }

  /** Takes what waits for an instruction boundary. True: something was delivered. */
  #events(): boolean {
    if (this.debugging.trapPending && this.time !== this.#stackShadowTime) {
      this.debugging.takeTrap();
      this.#halted = false;
      this.#deliverFault(new Fault(Vector.DB));
      return true;
    }
    if (!this.#nmiPending && !this.#interruptLine) return false;
    if (this.time === this.#shadowTime) return false;
    if (this.#nmiPending && !this.#nmiMasked) {
      this.#nmiPending = false;
      this.#halted = false;
      this.#deliver(Vector.NMI);
      return true;
    }
    if (this.#interruptLine && this.state.systemFlags & Flag.IF) {
      this.#halted = false;
      this.#deliver(this.bus.acknowledgeInterrupt());
      return true;
    }
    return false;
  }

  #deliver(vector: number): void {
    this.#i32[layout.linkSlot >> 2] = 0;
    deliverExternal(this, vector);
  }

  /** CR2 of a #PF. */
  setFaultAddress({ addressLow, addressHigh }: Fault): void {
    this.#i32[CR2 >> 2] = addressLow;
    this.#i32[(CR2 + 4) >> 2] = addressHigh;
  }

  /** Delivers an event if it is a common case: false if not. `record`: of the INT n that is executed; else RIP is pushed. */
  fastDelivery(vector: number, kind: DeliveryKind, record?: number, errorCode = -1): boolean {
    const flags = pushedFlags(this, vector, kind);
    const at = (record === undefined ? layout.rip : record + Record.nextRip) >> 2;
    const [low, high] = [this.#i32[at], this.#i32[at + 1]];
    const software = kind === "software";
    const done = this.longMode
      ? this.#longGates.deliver(vector, software, low, high, flags, errorCode)
      : this.#protectedGates.deliver(vector, software, low, flags, errorCode);
    if (!done) return false;
    this.#noteDelivery(vector, kind);
    return true;
  }

  /** IRETD outside long mode and IRETQ, if it is a common case: false if not. */
  fastReturn(): boolean {
    const flags = (this.longMode ? this.#longGates : this.#protectedGates).interruptReturn();
    if (flags < 0) return false;
    this.state.arithmeticFlags = flags;
    this.interruptReturned();
    return true;
  }

  /** SYSCALL, SYSRET to 64-bit code, likewise. `next`: where the address after the instruction lies. */
  fastSystemCall(next: number): boolean {
    const flags = this.#longGates.systemCall(this.state.flags, next);
    if (flags < 0) return false;
    this.state.systemFlags = flags & ~ARITHMETIC_FLAGS & ~2;
    this.state.arithmeticFlags = flags;
    return true;
  }
  fastSystemReturn(): boolean {
    const flags = this.#longGates.systemReturn();
    if (flags < 0) return false;
    this.state.arithmeticFlags = flags;
    this.interruptsMayBeOpen();
    return true;
  }

  #noteDelivery(vector: number, kind: DeliveryKind): void {
    this.#halted = false;
    if (vector === Vector.NMI && kind === "interrupt") this.#nmiMasked = true;
    if (kind === "software") this.#softwareInterrupted = true;
  }

  #deliverFault(fault: Fault): void {
    // Handlers whose own first instruction faults, without end, retire nothing: after many such faults each takes a tick, so that time
    // goes on and whoever limits it gets a turn.
    this.#fruitless = this.retired === this.#retiredAtFault ? this.#fruitless + 1 : 0;
    if (this.#fruitless > FRUITLESS_FAULTS) this.#sliceEnd++;
    this.#retiredAtFault = this.retired;
    this.#i32[layout.linkSlot >> 2] = 0;
    const { vector } = fault;
    if (vector === Vector.PF) this.setFaultAddress(fault);
    const errorCode = WITH_ERROR_CODE.has(vector) ? (fault.errorCode ?? 0) : -1;
    if (!this.fastDelivery(vector, "exception", undefined, errorCode)) raiseException(this, fault, this.state.rip);
  }

  // What routines use

  /** Argument of the routine being called. */
  argument(index: number): bigint {
    return this.#u64[(layout.arguments >> 3) + index];
  }
  /** Its low 32 bits, unsigned. */
  argumentNumber(index: number): number {
    return this.#i32[(layout.arguments >> 2) + index * 2] >>> 0;
  }
  setResult(index: number, value: bigint): void {
    this.#u64[(layout.arguments >> 3) + index] = value;
  }
  /** RIP of the instruction after the record's. */
  recordNextRip(record: number): bigint {
    return this.view.getBigUint64(record + Record.nextRip, true);
  }
  /** RIP of the record's instruction. */
  recordRip(record: number): bigint {
    return this.view.getBigUint64(record + Record.nextRip, true) - BigInt(this.#u8[record + Record.length]);
  }
  /** Goes on at an address, once the routine returns to a definition's `transfer`. */
  jump(rip: bigint): void {
    this.#u64[layout.rip >> 3] = rip;
  }

  /** Compiles instruction forms in one batch, which costs much less than one at a time when they are met. */
  compileForms(forms: readonly string[]): void {
    this.#handlers.compileForms(forms);
  }

  /** The instruction forms that have been compiled: what scripts/common-forms.ts collects. */
  compiledForms(): string[] {
    return this.#handlers.forms();
  }

  /** Regions of tier 1 compiled so far. */
  get compiledRegions(): number {
    return this.#regions?.compiled ?? 0;
  }

  /** Physical address of a linear one, without side effects; undefined if it is not mapped. */
  translate(virtual: bigint): number | undefined {
    return this.linear.probe(virtual);
  }

  /**
   * Goes on from where another processor is, with all of its memory. Breakpoints and watchpoints stay its own; translations of
   * addresses come along, since a guest may rely on those that it has not flushed, translations of code are made anew.
   */
  copyFrom(other: Cpu): void {
    this.memory.copyFrom(other.memory);
    this.#u8.set(other.#u8.subarray(0, layout.scratchEnd));
    this.#i32[layout.linkSlot >> 2] = 0;
    this.#sliceEnd = other.#sliceEnd;
    this.#skipped = other.#skipped;
    this.#fruitless = other.#fruitless;
    this.#retiredAtFault = other.#retiredAtFault;
    this.#shadowTime = other.#shadowTime;
    this.#stackShadowTime = other.#stackShadowTime;
    this.#runAlone = other.#runAlone;
    this.#interruptLine = other.#interruptLine;
    this.#nmiPending = other.#nmiPending;
    this.#nmiMasked = other.#nmiMasked;
    this.#halted = other.#halted;
    this.#shutDown = other.#shutDown;
    this.debugging.copyFrom(other.debugging);
    this.modeChanged();
    this.#blocks.flush();
    this.tlb.copyFrom(other.tlb);
    this.linear.walk.firmwareBytes = other.linear.walk.firmwareBytes;
    this.#breakpointsChanged();
  }

  reset(): void {
    this.#halted = false;
    this.#shutDown = false;
    this.#nmiPending = false;
    this.#nmiMasked = false;
    this.#shadowTime = -1;
    this.#stackShadowTime = -1;
    resetState(this.state);
    this.tlb.flush();
    this.#blocks.flush();
    this.modeChanged();
  }

  /** Drops every translation: breakpoints lie at block boundaries. */
  #breakpointsChanged(): void {
    this.#blocks.endsBefore =
      this.breakpoints.size === 0 && !this.debugging.watchesCode
        ? undefined
        : (low, high) => {
            const address = BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
            return this.breakpoints.has(address) || this.debugging.codeAddress(address);
          };
    this.#dropTranslations = true;
    this.#breakSlice();
  }

  /** Debug registers changed. */
  debugRegistersChanged(): void {
    this.debugging.update();
    this.#i32[layout.watchesData >> 2] = this.debugging.watchesData ? 1 : 0;
    this.tlb.flush();
    this.#breakpointsChanged();
  }

  /** Derives what depends on control registers, segments and the privilege level. */
  modeChanged(): void {
    const i32 = this.#i32;
    const cr0 = i32[ADDRESS.cr0 >> 2];
    const cr4 = i32[ADDRESS.cr4 >> 2];
    const efer = i32[ADDRESS.efer >> 2];
    this.longMode = (efer & EFER_LMA) !== 0;
    // Too early: the constructor is not done.
    if (this.linear === undefined) return;
    const { mode } = this.linear;
    mode.levels = cr0 >= 0 ? 0 : this.longMode ? 4 : cr4 & 0x20 ? 3 : 2;
    const cr3Low = i32[ADDRESS.cr3 >> 2];
    const cr3High = i32[(ADDRESS.cr3 + 4) >> 2] & 0xf_ffff;
    mode.root = ((cr3Low & (mode.levels === 3 ? ~0x1f : ~0xfff)) >>> 0) + cr3High * 0x1_0000_0000;
    mode.writeProtect = (cr0 & 0x1_0000) !== 0;
    mode.noExecute = (efer & 0x800) !== 0 && mode.levels >= 3;
    mode.smep = (cr4 & 0x10_0000) !== 0;
    this.linear.supervisorAccessPrevention = (cr4 & 0x20_0000) !== 0;
    mode.smap = false;
    mode.largePages = (cr4 & 0x10) !== 0;
    const paging = (cr0 & 0x8001_0001) ^ ((cr4 & 0x10_00b0) << 1) ^ ((efer & 0xc00) << 12);
    if (paging !== this.#paging || mode.root !== this.#root) {
      this.#paging = paging;
      this.#root = mode.root;
      this.tlb.flush();
    }
    const cs = this.#u16[(ADDRESS.cs + SEGMENT_ATTRIBUTES) >> 1];
    const ss = this.#u16[(ADDRESS.ss + SEGMENT_ATTRIBUTES) >> 1];
    const place = this.#place;
    place.codeBits = this.longMode && cs & Attribute.longMode ? 64 : cs & Attribute.big ? 32 : 16;
    place.stackSize = place.codeBits === 64 ? 8 : ss & Attribute.big ? 4 : 2;
    place.csBaseLow = place.codeBits === 64 ? 0 : i32[ADDRESS.cs >> 2];
    this.linear.segmented = place.codeBits !== 64;
    // Neither real nor virtual-8086 mode.
    const protectedMode = (cr0 & 1) !== 0 && !(i32[layout.systemFlags >> 2] & Flag.VM);
    if (this.linear.segmented) this.#setEffectiveBases(protectedMode);
    this.#privilegeChanged();
    const modeKey = place.codeBits * 16 + place.stackSize;
    place.limit = place.codeBits === 64 ? Infinity : i32[(ADDRESS.cs + SEGMENT_LIMIT) >> 2] >>> 0;
    if (modeKey !== this.#modeKey || place.csBaseLow !== this.#csBase || place.limit !== this.#csLimit) {
      this.#csLimit = place.limit;
      this.#modeKey = modeKey;
      this.#csBase = place.csBaseLow;
      this.tlb.flushJumps();
    }
    const em = (cr0 & 4) !== 0;
    const ts = (cr0 & 8) !== 0;
    i32[layout.sseFault >> 2] = em || !(cr4 & 0x200) ? Vector.UD : ts ? Vector.NM : 0;
    const avx = protectedMode && (cr4 & 0x4_0000) !== 0 && (i32[ADDRESS.xcr0 >> 2] & 6) === 6;
    i32[layout.avxFault >> 2] = !avx ? Vector.UD : ts ? Vector.NM : 0;
    i32[layout.xsaveFault >> 2] = ts ? Vector.NM : 0;
    i32[layout.mmxFault >> 2] = em ? Vector.UD : ts ? Vector.NM : 0;
    i32[layout.x87Fault >> 2] = em || ts ? Vector.NM : 0;
    i32[layout.waitFault >> 2] = (cr0 & 0xa) === 0xa ? Vector.NM : 0;
  }

  /** Derives what depends on the privilege level. */
  #privilegeChanged(): void {
    const i32 = this.#i32;
    const user = i32[layout.cpl >> 2] === 3;
    this.linear.user = user;
    i32[layout.jumpCacheBase >> 2] = JUMP_CACHE + (user ? JUMP_CACHE_MODE_BYTES : 0);
    const aligned = user && (i32[ADDRESS.cr0 >> 2] & CR0_AM) !== 0 && (i32[layout.systemFlags >> 2] & Flag.AC) !== 0;
    this.linear.checksAlignment = aligned;
    i32[layout.tlbBase >> 2] = aligned ? EMPTY_TLB : TLB + (user ? TLB_MODE_BYTES : 0);
  }

  /** The segment bases that accesses outside 64-bit mode add: marked where an access must be checked. */
  #setEffectiveBases(protectedMode: boolean): void {
    for (let i = 0; i < 6; i++) {
      const at = layout.segments + i * SEGMENT_BYTES;
      const attributes = this.#u16[(at + SEGMENT_ATTRIBUTES) >> 1];
      // Flat: present, writable data that expands up. Real mode does not look at types.
      const open = this.#i32[(at + SEGMENT_LIMIT) >> 2] === -1 && (!protectedMode || (attributes & 0x8e) === 0x82);
      const slot = (layout.effectiveBases >> 2) + i * 2;
      this.#i32[slot] = this.#i32[at >> 2];
      this.#i32[slot + 1] = open ? 0 : CHECKED_SEGMENT_HIGH | (i << 1);
    }
  }

  /** Linear address of an offset in a segment, as routines hand it to `linear`: marked if the access must be checked. */
  segmentLinear(name: SegmentRegister, offset: bigint): bigint {
    if (!this.linear.segmented) return BigInt.asUintN(64, offset);
    const base = this.#u64[(layout.effectiveBases >> 3) + segmentRegisters.indexOf(name)];
    return (base + BigInt.asUintN(32, offset)) & SEGMENTED_ADDRESS_MASK;
  }

  // Slow paths of generated code

  /** Whether nothing of the block follows the instruction; if not, it is left and the instruction run alone. */
  #mustBeAlone(): boolean {
    if (this.#unfinished <= 1) return true;
    this.#runAlone = true;
    return false;
  }

  /** An access through a segment that says so in the upper half of its address. */
  #checkSegment(low: number, high: number, size: number, write: boolean): void {
    const name = segmentRegisters[(high >> 1) & 7];
    const offset = (low - this.#i32[segmentAddress(name) >> 2]) >>> 0;
    checkAccess(this, name, offset, size, write);
  }

  /** An access through a flat segment to the end of all addresses and beyond: it must not leave the segment. */
  #checkWrap(low: number, size: number, stack: boolean): void {
    const named = (this.#u16[(this.#runningRecord + Record.segment) >> 1] - layout.effectiveBases) / 8;
    // The destination of a string instruction is in ES whatever its prefix says.
    const isDestination = named === 2 && low === Number(BigInt.asIntN(32, this.state.register(7)));
    const segment = stack ? 2 : isDestination ? 0 : named;
    const known = Number.isInteger(segment) && segment >= 0 && segment < 6;
    const base = known ? this.#i32[(layout.effectiveBases >> 2) + segment * 2] : 0;
    if (((low - base) >>> 0) + size > 0x1_0000_0000) throw new Fault(segment === 2 ? Vector.SS : Vector.GP, 0);
  }

  #slowPaths(): SlowPaths {
    const caught = (fault: unknown, record: number): 0 => {
      if (!(fault instanceof Fault)) throw fault;
      this.#fault = fault;
      this.#faultRecord = record;
      return 0;
    };
    const access = (record: number, low: number, high: number, size: number, write: boolean): number => {
      this.#unfinished = this.#u16[(record + Record.remaining) >> 1];
      this.#runningRecord = record;
      try {
        const stack = this.#u8[record + Record.flags] & 1 ? STACK_ACCESS : 0;
        const host = this.linear.access(low, high, size | stack, write);
        if (host === 0) this.#faultRecord = record;
        this.#unfinished = 0;
        return host;
      } catch (fault) {
        return caught(fault, record);
      }
    };
    return {
      read: (record, low, high, size) => access(record, low, high, size, false),
      write: (record, low, high, size) => access(record, low, high, size, true),
      commit: (record) => {
        this.#unfinished = this.#u16[(record + Record.remaining) >> 1];
        this.linear.commit();
        this.#unfinished = 0;
        return 1;
      },
      call: (record, routine) => {
        this.#unfinished = this.#u16[(record + Record.remaining) >> 1];
        this.#runningRecord = record;
        // A routine cannot be left in the middle when it touches watched memory.
        if (this.watchpoints.active && !this.#mustBeAlone()) {
          this.#faultRecord = record;
          return 0;
        }
        try {
          routineById(routine)(this, record);
          this.#unfinished = 0;
          if (!this.#runAlone) return 1;
          this.#faultRecord = record;
          return 0;
        } catch (fault) {
          return caught(fault, record);
        }
      },
      raise: (record, vector, errorCode) => caught(new Fault(vector, errorCode < 0 ? undefined : errorCode), record),
    };
  }
}
