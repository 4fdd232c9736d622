/**
 * Local APIC in xAPIC and x2APIC mode, with its timer (Intel SDM volume 3, chapter 11 "Advanced programmable interrupt controller"; AMD APM
 * volume 2, chapter 16). One processor: every destination that names it means this one, all others mean nobody.
 *
 * The timer's input runs at `platform.ticksPerSecond`, the TSC likewise, so one tick of the clock is one count at divisor 1.
 */
import type { AccessSize, Clock, DeviceState, MmioDevice, Stateful, Timer } from "./device.ts";

// Register offsets (SDM table 11-1).
const ID = 0x20;
const VERSION = 0x30;
const TASK_PRIORITY = 0x80;
const ARBITRATION_PRIORITY = 0x90;
const PROCESSOR_PRIORITY = 0xa0;
const END_OF_INTERRUPT = 0xb0;
const LOGICAL_DESTINATION = 0xd0;
const DESTINATION_FORMAT = 0xe0;
const SPURIOUS_VECTOR = 0xf0;
const IN_SERVICE = 0x100;
const TRIGGER_MODE = 0x180;
const REQUEST = 0x200;
const ERROR_STATUS = 0x280;
const COMMAND_LOW = 0x300;
const COMMAND_HIGH = 0x310;
const LVT_TIMER = 0x320;
const LVT_LINT0 = 0x350;
const LVT_ERROR = 0x370;
const INITIAL_COUNT = 0x380;
const CURRENT_COUNT = 0x390;
const DIVIDE_CONFIGURATION = 0x3e0;

/** Version 0x14, six LVT entries (the highest is number 5), as QEMU's. */
const VERSION_VALUE = 0x0005_0014;
const SOFTWARE_ENABLE = 0x100;
const MASKED = 0x1_0000;
const VECTOR = 0xff;
/** Which bits of each LVT register can be written: timer, thermal, performance counter, LINT0, LINT1, error. */
const LVT_WRITABLE = [0x7_00ff, 0x1_07ff, 0x1_07ff, 0x1_a7ff, 0x1_a7ff, 0x1_00ff] as const;

const ERROR_ILLEGAL_SEND_VECTOR = 0x20;
const ERROR_ILLEGAL_RECEIVE_VECTOR = 0x40;
const ERROR_ILLEGAL_REGISTER = 0x80;

export const APIC_BASE_MSR = 0x1b;
export const TSC_DEADLINE_MSR = 0x6e0;
const APIC_BASE_BOOTSTRAP = 0x100;
const APIC_BASE_ENABLE = 0x800;
const APIC_BASE_EXTENDED = 0x400;
/** In x2APIC mode the register at MMIO offset 16 * n is MSR 0x800 + n (SDM table 11-6). */
const X2APIC_FIRST_MSR = 0x800;
const X2APIC_LAST_MSR = 0x8ff;
const PHYSICAL_ADDRESS_BITS = 40n;
const SELF_IPI = 0x3f0;
/** Registers that can be read, and those that can be written, in x2APIC mode; others are #GP. IRR, ISR and TMR can be read, too. */
const X2APIC_READ_ONLY = new Set([ID, VERSION, PROCESSOR_PRIORITY, LOGICAL_DESTINATION, CURRENT_COUNT]);
const X2APIC_WRITE_ONLY = new Set([END_OF_INTERRUPT, SELF_IPI]);
const X2APIC_BOTH = new Set([
  TASK_PRIORITY,
  SPURIOUS_VECTOR,
  ERROR_STATUS,
  COMMAND_LOW,
  INITIAL_COUNT,
  DIVIDE_CONFIGURATION,
]);
/** Which bits may be set in a write; other registers take all 32, the interrupt command 64. */
const X2APIC_WRITABLE = new Map([
  [TASK_PRIORITY, 0xff],
  [END_OF_INTERRUPT, 0],
  [SPURIOUS_VECTOR, 0x1ff],
  [ERROR_STATUS, 0],
  [SELF_IPI, 0xff],
  [DIVIDE_CONFIGURATION, 0xb],
]);

/** Delivery modes of the interrupt command, LVT entries and I/O APIC messages. */
export const Delivery = { fixed: 0, lowestPriority: 1, smi: 2, nmi: 4, init: 5, startUp: 6, external: 7 } as const;

/** What an I/O APIC, or an MSI, sends over the bus. */
export interface InterruptMessage {
  readonly vector: number;
  readonly delivery: number;
  readonly logical: boolean;
  readonly destination: number;
  readonly level: boolean;
}

export interface LocalApicOptions {
  readonly clock: Clock;
  /** Where the APIC's registers are after reset. */
  readonly address: number;
  /** IA32_APIC_BASE has moved them. */
  readonly moved: (address: number) => void;
  /** The INTR wire to the processor may have changed. */
  readonly changed: () => void;
  readonly nmi: () => void;
  /** The guest asked for INIT of its only processor: a reset. */
  readonly init: () => void;
  /** A level-triggered interrupt was ended; the I/O APIC wants to know. */
  readonly endOfInterrupt: (vector: number) => void;
}

/** 256 bits by vector, as the registers show them: eight words. */
class VectorSet {
  readonly words = new Uint32Array(8);

  set(vector: number): void {
    this.words[vector >> 5] |= 1 << (vector & 31);
  }
  clear(vector: number): void {
    this.words[vector >> 5] &= ~(1 << (vector & 31));
  }
  has(vector: number): boolean {
    return ((this.words[vector >> 5] >>> (vector & 31)) & 1) !== 0;
  }
  /** The highest vector in the set, or -1. */
  highest(): number {
    for (let i = 7; i >= 0; i--) if (this.words[i] !== 0) return i * 32 + 31 - Math.clz32(this.words[i]);
    return -1;
  }
}

export class LocalApic implements MmioDevice, Stateful {
  readonly #options: LocalApicOptions;
  readonly #timer: Timer;

  #globallyEnabled = true;
  #address: number;
  /** x2APIC mode. */
  #extended = false;
  #id = 0;
  #taskPriority = 0;
  #logicalDestination = 0;
  #destinationFormat = 0xffff_ffff;
  #spuriousVector = 0xff;
  #errorStatus = 0;
  #pendingErrors = 0;
  #commandLow = 0;
  #commandHigh = 0;
  /** LINT0 starts open for the 8259, as firmware leaves it on the first processor; there is no firmware here to do so. */
  readonly #lvt = new Uint32Array([MASKED, MASKED, MASKED, Delivery.external << 8, MASKED, MASKED]);
  #initialCount = 0;
  #divideConfiguration = 0;
  /** The count has ended, and changing the timer's mode does not start it again. */
  #stopped = false;
  /** When the count-down under way began. */
  #countStart = 0;
  #tscDeadline = 0n;
  readonly #inService = new VectorSet();
  readonly #triggerMode = new VectorSet();
  readonly #request = new VectorSet();

  constructor(options: LocalApicOptions) {
    this.#options = options;
    this.#address = options.address;
    this.#timer = options.clock.timer(() => this.#timerExpired());
  }

  /** Whether an interrupt waits that the priorities let through. */
  hasInterrupt(): boolean {
    if (!this.#softwareEnabled()) return false;
    const vector = this.#request.highest();
    return vector >= 0 && vector >> 4 > this.#processorPriority() >> 4;
  }

  /** Whether the 8259's INTR passes through to the processor ("virtual wire", SDM 11.7.2 and MP specification 3.6.2). */
  acceptsExternal(): boolean {
    if (!this.#globallyEnabled) return true;
    const lint0 = this.#lvt[(LVT_LINT0 - LVT_TIMER) >> 4];
    return (lint0 & MASKED) === 0 && ((lint0 >> 8) & 7) === Delivery.external;
  }

  /** The processor takes the highest interrupt: it goes from requested to in service. Spurious when none waits any more. */
  acknowledge(): number {
    if (!this.hasInterrupt()) return this.#spuriousVector & VECTOR;
    const vector = this.#request.highest();
    this.#request.clear(vector);
    this.#inService.set(vector);
    this.#options.changed();
    return vector;
  }

  /** CR8 is bits 7:4 of the task priority. */
  get taskPriority(): number {
    return this.#taskPriority;
  }
  set taskPriority(value: number) {
    this.#taskPriority = value & 0xff;
    this.#options.changed();
  }

  /** An interrupt message arrives from the I/O APIC. Returns whether this processor was meant and took it. */
  receive(message: InterruptMessage): boolean {
    if (!this.#globallyEnabled || !this.#isMeant(message.destination, message.logical)) return false;
    switch (message.delivery) {
      case Delivery.fixed:
      case Delivery.lowestPriority:
        return this.#accept(message.vector, message.level);
      case Delivery.nmi:
        this.#options.nmi();
        return true;
      case Delivery.init:
        this.#options.init();
        return true;
      default:
        return false;
    }
  }

  #softwareEnabled(): boolean {
    return this.#globallyEnabled && (this.#spuriousVector & SOFTWARE_ENABLE) !== 0;
  }

  #isMeant(destination: number, logical: boolean): boolean {
    if (this.#extended) {
      if (destination === 0xffff_ffff || destination === 0xff) return true;
      if (!logical) return destination === this.#id;
      const own = this.#extendedLogicalId();
      return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
    }
    if (!logical) return destination === 0xff || destination === this.#id;
    const own = this.#logicalDestination >>> 24;
    // Flat model when DFR's top bits are ones; else clusters of four.
    if (this.#destinationFormat >>> 28 === 0xf) return (destination & own) !== 0;
    return (destination >> 4 === own >> 4 || destination >> 4 === 0xf) && (destination & own & 0xf) !== 0;
  }

  /** In x2APIC mode the logical id follows from the id: clusters of sixteen (SDM 11.12.10.2). */
  #extendedLogicalId(): number {
    return ((this.#id >>> 4) << 16) | (1 << (this.#id & 0xf));
  }

  #accept(vector: number, level: boolean): boolean {
    if (!this.#softwareEnabled()) return false;
    if (vector < 16) {
      this.#raiseError(ERROR_ILLEGAL_RECEIVE_VECTOR);
      return false;
    }
    this.#request.set(vector);
    if (level) this.#triggerMode.set(vector);
    else this.#triggerMode.clear(vector);
    this.#options.changed();
    return true;
  }

  #raiseError(bit: number): void {
    this.#pendingErrors |= bit;
    const entry = this.#lvt[(LVT_ERROR - LVT_TIMER) >> 4];
    // The vector of the error interrupt itself may be the illegal one: do not report that without end.
    if ((entry & MASKED) === 0 && (entry & VECTOR) >= 16) this.#accept(entry & VECTOR, false);
  }

  #processorPriority(): number {
    const serving = this.#inService.highest();
    const serviceClass = serving < 0 ? 0 : serving & 0xf0;
    return this.#taskPriority >> 4 >= serviceClass >> 4 ? this.#taskPriority : serviceClass;
  }

  #endOfInterrupt(): void {
    const vector = this.#inService.highest();
    if (vector < 0) return;
    this.#inService.clear(vector);
    if (this.#triggerMode.has(vector)) this.#options.endOfInterrupt(vector);
    this.#options.changed();
  }

  // The timer (SDM 11.5.4).

  #divisor(): number {
    const bits = (this.#divideConfiguration & 3) | ((this.#divideConfiguration >> 1) & 4);
    return bits === 7 ? 1 : 2 << bits;
  }

  #timerMode(): "one-shot" | "periodic" | "tsc-deadline" | "reserved" {
    return (["one-shot", "periodic", "tsc-deadline", "reserved"] as const)[(this.#lvt[0] >> 17) & 3];
  }

  #timerExpired(): void {
    if (this.#timerMode() === "tsc-deadline") this.#tscDeadline = 0n;
    if ((this.#lvt[0] & MASKED) === 0) this.#accept(this.#lvt[0] & VECTOR, false);
    if (this.#timerMode() === "periodic") this.#armTimer();
  }

  /** Sets the alarm for the next time that the timer interrupts; a masked timer counts, but needs none. */
  #armTimer(): void {
    this.#timer.disarm();
    if ((this.#lvt[0] & MASKED) !== 0 && this.#timerMode() !== "tsc-deadline") return;
    const now = this.#options.clock.now();
    if (this.#timerMode() === "tsc-deadline") {
      // A deadline beyond what a number holds exactly is centuries away.
      if (this.#tscDeadline !== 0n && this.#tscDeadline <= BigInt(Number.MAX_SAFE_INTEGER))
        this.#timer.arm(Number(this.#tscDeadline));
    } else if (this.#initialCount !== 0 && !this.#stopped) {
      const period = this.#initialCount * this.#divisor();
      const elapsed = now - this.#countStart;
      if (this.#timerMode() === "periodic")
        this.#timer.arm(this.#countStart + (Math.floor(elapsed / period) + 1) * period);
      else if (elapsed < period) this.#timer.arm(this.#countStart + period);
    }
  }

  #currentCount(): number {
    if (this.#initialCount === 0 || this.#stopped || this.#timerMode() === "tsc-deadline") return 0;
    const elapsed = Math.floor((this.#options.clock.now() - this.#countStart) / this.#divisor());
    if (this.#timerMode() === "periodic") return this.#initialCount - (elapsed % this.#initialCount);
    return Math.max(0, this.#initialCount - elapsed);
  }

  /** Keeps the count when its speed or mode changes under way. */
  #changeTimer(change: () => void): void {
    const remaining = this.#currentCount();
    const modeBefore = this.#timerMode();
    const divisorBefore = this.#divisor();
    change();
    if (this.#timerMode() !== modeBefore && (this.#timerMode() === "tsc-deadline" || modeBefore === "tsc-deadline")) {
      // Entering or leaving TSC-deadline mode disarms the timer.
      this.#initialCount = 0;
      this.#tscDeadline = 0n;
    } else if (this.#divisor() !== divisorBefore || this.#timerMode() !== modeBefore) {
      // A one-shot count that has ended stays at 0 until the next initial count, also in periodic mode.
      this.#stopped = remaining === 0;
      this.#countStart = this.#options.clock.now() - (this.#initialCount - remaining) * this.#divisor();
    }
    this.#armTimer();
  }

  /** IA32_APIC_BASE, IA32_TSC_DEADLINE and, in x2APIC mode, the registers; undefined for MSRs that are not the APIC's. */
  readMsr(index: number): bigint | undefined {
    if (index === APIC_BASE_MSR) return BigInt(this.#address) | BigInt(APIC_BASE_BOOTSTRAP | this.#modeBits());
    if (index === TSC_DEADLINE_MSR) return this.#tscDeadline;
    if (!this.#extended || index < X2APIC_FIRST_MSR || index > X2APIC_LAST_MSR) return undefined;
    const register = (index - X2APIC_FIRST_MSR) << 4;
    const readable =
      X2APIC_READ_ONLY.has(register) ||
      X2APIC_BOTH.has(register) ||
      (register >= IN_SERVICE && register < ERROR_STATUS) ||
      (register >= LVT_TIMER && register <= LVT_ERROR);
    if (!readable) return undefined;
    if (register === ID) return BigInt(this.#id);
    if (register === LOGICAL_DESTINATION) return BigInt(this.#extendedLogicalId());
    const low = BigInt(this.#read(register) >>> 0);
    return register === COMMAND_LOW ? low | (BigInt(this.#commandHigh) << 32n) : low;
  }

  #modeBits(): number {
    return (this.#globallyEnabled ? APIC_BASE_ENABLE : 0) | (this.#extended ? APIC_BASE_EXTENDED : 0);
  }

  /** False: #GP. */
  writeMsr(index: number, value: bigint): boolean {
    if (index === APIC_BASE_MSR) return this.#writeBase(value);
    if (index === TSC_DEADLINE_MSR) {
      // Outside TSC-deadline mode the write is ignored (SDM 11.5.4.1).
      if (this.#timerMode() === "tsc-deadline") {
        this.#tscDeadline = value;
        this.#armTimer();
      }
      return true;
    }
    if (!this.#extended || index < X2APIC_FIRST_MSR || index > X2APIC_LAST_MSR) return false;
    const register = (index - X2APIC_FIRST_MSR) << 4;
    const entry = register >= LVT_TIMER && register <= LVT_ERROR;
    if (!entry && !X2APIC_BOTH.has(register) && !X2APIC_WRITE_ONLY.has(register)) return false;
    if (register === COMMAND_LOW) {
      if (value & 0xfff3_2000n) return false;
      this.#commandHigh = Number(value >> 32n);
      this.#write(register, Number(value & 0xffff_ffffn));
      return true;
    }
    const writable = entry ? LVT_WRITABLE[(register - LVT_TIMER) >> 4] : (X2APIC_WRITABLE.get(register) ?? 0xffff_ffff);
    if (value & ~BigInt(writable)) return false;
    if (register === SELF_IPI) this.#sendToSelf(Number(value));
    else this.#write(register, Number(value));
    return true;
  }

  /** From disabled to xAPIC to x2APIC and back to disabled; other changes are #GP (SDM 11.12.5). */
  #writeBase(value: bigint): boolean {
    const bits = Number(value & BigInt(APIC_BASE_ENABLE | APIC_BASE_EXTENDED));
    const base = value & ~BigInt(APIC_BASE_ENABLE | APIC_BASE_EXTENDED | APIC_BASE_BOOTSTRAP);
    if (base & 0xfffn || base >> PHYSICAL_ADDRESS_BITS || bits === APIC_BASE_EXTENDED) return false;
    const enabled = (bits & APIC_BASE_ENABLE) !== 0;
    const extended = (bits & APIC_BASE_EXTENDED) !== 0;
    if (extended ? !this.#globallyEnabled : enabled && this.#extended) return false;
    this.#globallyEnabled = enabled;
    this.#extended = extended;
    if (base !== BigInt(this.#address)) {
      this.#address = Number(base);
      this.#options.moved(this.#address);
    }
    this.#options.changed();
    return true;
  }

  /** Registers are 16 bytes apart and are meant to be accessed as aligned words; other reads see the bytes of the word. */
  readMmio(offset: number, size: AccessSize): number {
    if (!this.#hasMmio() || (offset & 0xf) + size > 4) return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
    const value = this.#read(offset & 0xff0);
    return size === 4 ? value : (value >>> (8 * (offset & 3))) & (2 ** (8 * size) - 1);
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (!this.#hasMmio() || size !== 4 || (offset & 0xf) !== 0) return;
    this.#write(offset, value);
  }

  #hasMmio(): boolean {
    return this.#globallyEnabled && !this.#extended;
  }

  #read(register: number): number {
    if (register >= IN_SERVICE && register < ERROR_STATUS) {
      const set = register < TRIGGER_MODE ? this.#inService : register < REQUEST ? this.#triggerMode : this.#request;
      return set.words[(register >> 4) & 7];
    }
    if (register >= LVT_TIMER && register <= LVT_ERROR) return this.#lvt[(register - LVT_TIMER) >> 4];
    switch (register) {
      case ID:
        return this.#id << 24;
      case VERSION:
        return VERSION_VALUE;
      case TASK_PRIORITY:
        return this.#taskPriority;
      case ARBITRATION_PRIORITY:
      case PROCESSOR_PRIORITY:
        return this.#processorPriority();
      case LOGICAL_DESTINATION:
        return this.#logicalDestination;
      case DESTINATION_FORMAT:
        return this.#destinationFormat;
      case SPURIOUS_VECTOR:
        return this.#spuriousVector;
      case ERROR_STATUS:
        return this.#errorStatus;
      case COMMAND_LOW:
        return this.#commandLow;
      case COMMAND_HIGH:
        return this.#commandHigh;
      case INITIAL_COUNT:
        return this.#initialCount;
      case CURRENT_COUNT:
        return this.#currentCount();
      case DIVIDE_CONFIGURATION:
        return this.#divideConfiguration;
      case END_OF_INTERRUPT:
        return 0;
      default:
        this.#raiseError(ERROR_ILLEGAL_REGISTER);
        return 0;
    }
  }

  #write(register: number, value: number): void {
    if (register >= LVT_TIMER && register <= LVT_ERROR) {
      this.#writeLvt((register - LVT_TIMER) >> 4, value);
      return;
    }
    switch (register) {
      case ID:
        this.#id = value >>> 24;
        return;
      case TASK_PRIORITY:
        this.taskPriority = value;
        return;
      case END_OF_INTERRUPT:
        this.#endOfInterrupt();
        return;
      case LOGICAL_DESTINATION:
        this.#logicalDestination = (value & 0xff00_0000) >>> 0;
        return;
      case DESTINATION_FORMAT:
        this.#destinationFormat = (value | 0x0fff_ffff) >>> 0;
        return;
      case SPURIOUS_VECTOR:
        this.#spuriousVector = value & 0x1ff;
        // Software-disabled: all local entries become masked (SDM 11.4.7.2).
        if (!this.#softwareEnabled()) {
          for (let i = 0; i < this.#lvt.length; i++) this.#lvt[i] |= MASKED;
          this.#armTimer();
        }
        this.#options.changed();
        return;
      case ERROR_STATUS:
        // A write shows the errors gathered since the last one.
        this.#errorStatus = this.#pendingErrors;
        this.#pendingErrors = 0;
        return;
      case COMMAND_LOW:
        this.#commandLow = value & 0x000c_cfff;
        this.#sendCommand();
        return;
      case COMMAND_HIGH:
        this.#commandHigh = (value & 0xff00_0000) >>> 0;
        return;
      case INITIAL_COUNT:
        if (this.#timerMode() === "tsc-deadline") return;
        this.#initialCount = value;
        this.#stopped = false;
        this.#countStart = this.#options.clock.now();
        this.#armTimer();
        return;
      case DIVIDE_CONFIGURATION:
        this.#changeTimer(() => {
          this.#divideConfiguration = value & 0x0b;
        });
        return;
      case VERSION:
      case ARBITRATION_PRIORITY:
      case PROCESSOR_PRIORITY:
      case CURRENT_COUNT:
        return;
      default:
        if (register < IN_SERVICE || register >= ERROR_STATUS) this.#raiseError(ERROR_ILLEGAL_REGISTER);
    }
  }

  #writeLvt(entry: number, value: number): void {
    const enabled = (this.#spuriousVector & SOFTWARE_ENABLE) !== 0;
    const written = (value & LVT_WRITABLE[entry]) | (enabled ? 0 : MASKED);
    if (entry !== 0) {
      this.#lvt[entry] = written;
      this.#options.changed();
      return;
    }
    this.#changeTimer(() => {
      this.#lvt[0] = written;
    });
  }

  /** Interrupt command (SDM 11.6.1): with one processor, only what reaches oneself does anything. */
  #sendCommand(): void {
    const low = this.#commandLow;
    const vector = low & VECTOR;
    const shorthand = (low >> 18) & 3;
    const delivery = (low >> 8) & 7;
    const meant =
      shorthand === 1 ||
      shorthand === 2 ||
      (shorthand === 0 &&
        this.#isMeant(this.#extended ? this.#commandHigh : this.#commandHigh >>> 24, (low & 0x800) !== 0));
    if (delivery === Delivery.fixed || delivery === Delivery.lowestPriority) {
      if (vector < 16) this.#raiseError(ERROR_ILLEGAL_SEND_VECTOR);
      else if (meant) this.#accept(vector, false);
    } else if (meant && delivery === Delivery.nmi) this.#options.nmi();
    // INIT with the level bit clear is the de-assert message that old processors needed.
    else if (meant && delivery === Delivery.init && (low & 0x4000) !== 0) this.#options.init();
  }

  #sendToSelf(vector: number): void {
    if (vector < 16) this.#raiseError(ERROR_ILLEGAL_SEND_VECTOR);
    else this.#accept(vector, false);
  }

  /** Takes over the state of another one, which belongs to a machine of the same make. */
  copyFrom(other: LocalApic): void {
    this.#globallyEnabled = other.#globallyEnabled;
    this.#extended = other.#extended;
    if (this.#address !== other.#address) {
      this.#address = other.#address;
      this.#options.moved(this.#address);
    }
    this.#id = other.#id;
    this.#taskPriority = other.#taskPriority;
    this.#logicalDestination = other.#logicalDestination;
    this.#destinationFormat = other.#destinationFormat;
    this.#spuriousVector = other.#spuriousVector;
    this.#errorStatus = other.#errorStatus;
    this.#pendingErrors = other.#pendingErrors;
    this.#commandLow = other.#commandLow;
    this.#commandHigh = other.#commandHigh;
    this.#initialCount = other.#initialCount;
    this.#divideConfiguration = other.#divideConfiguration;
    this.#countStart = other.#countStart;
    this.#stopped = other.#stopped;
    this.#tscDeadline = other.#tscDeadline;
    this.#lvt.set(other.#lvt);
    this.#inService.words.set(other.#inService.words);
    this.#triggerMode.words.set(other.#triggerMode.words);
    this.#request.words.set(other.#request.words);
  }

  state(): DeviceState {
    return {
      globallyEnabled: this.#globallyEnabled,
      address: this.#address,
      extended: this.#extended,
      id: this.#id,
      taskPriority: this.#taskPriority,
      logicalDestination: this.#logicalDestination,
      destinationFormat: this.#destinationFormat,
      spuriousVector: this.#spuriousVector,
      errorStatus: this.#errorStatus,
      pendingErrors: this.#pendingErrors,
      commandLow: this.#commandLow,
      commandHigh: this.#commandHigh,
      lvt: [...this.#lvt],
      initialCount: this.#initialCount,
      divideConfiguration: this.#divideConfiguration,
      countStart: this.#countStart,
      stopped: this.#stopped,
      tscDeadline: this.#tscDeadline,
      inService: [...this.#inService.words],
      triggerMode: [...this.#triggerMode.words],
      request: [...this.#request.words],
      timer: this.#timer.deadline,
    };
  }
}
