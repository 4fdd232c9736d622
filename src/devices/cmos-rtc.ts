/**
 * The real-time clock and its CMOS memory, Motorola MC146818A, at ports 0x70 and 0x71. It starts at a fixed date: the guest's time
 * depends on nothing but its clock. Interrupt request 8: periodic, alarm, end of update.
 */
import type { Clock, DeviceState, InterruptLine, PortDevice, Stateful, Timer } from "./device.ts";

const SECONDS = 0;
const SECONDS_ALARM = 1;
const MINUTES = 2;
const MINUTES_ALARM = 3;
const HOURS = 4;
const HOURS_ALARM = 5;
const DAY_OF_WEEK = 6;
const DAY_OF_MONTH = 7;
const MONTH = 8;
const YEAR = 9;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
/** Where PCs keep the century. */
const CENTURY = 0x32;
/** KiB above 1 MiB, up to 64 MiB; and units of 64 KiB above 16 MiB. */
const EXTENDED_MEMORY = [0x17, 0x30] as const;
const HIGH_MEMORY = 0x34;

const A_UPDATE_IN_PROGRESS = 0x80;
const A_DIVIDER = 0x20;
const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE_ENDED = 0x10;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;
const C_REQUEST = 0x80;
const D_VALID = 0x80;
const PM = 0x80;
/** An alarm byte with both top bits set matches everything. */
const DONT_CARE = 0xc0;
/** The update flag shows 244 us before the registers change. */
const UPDATE_WARNING_SECONDS = 244e-6;

/** Midnight of 1 January 2026 UTC, in seconds since 1970. */
export const RTC_START = 1_767_225_600;

export interface CmosRtcOptions {
  readonly clock: Clock;
  readonly ticksPerSecond: number;
  readonly memoryBytes: number;
  /** Interrupt request 8. */
  readonly line: InterruptLine;
}

export class CmosRtc implements Stateful {
  readonly #options: CmosRtcOptions;
  readonly #timer: Timer;
  readonly #memory = new Uint8Array(128);
  #index = 0;
  /** Seconds since 1970 at tick 0, as the guest has set its clock. */
  #epoch = RTC_START;
  /** Second up to which updates, and tick up to which periods, have been signalled. */
  #signalledSecond: number;
  #signalledPeriods = 0;

  constructor(options: CmosRtcOptions) {
    this.#options = options;
    this.#timer = options.clock.timer(() => this.#update());
    this.#signalledSecond = this.#seconds();
    this.#memory[REGISTER_A] = A_DIVIDER | 6;
    this.#memory[REGISTER_B] = B_24_HOURS;
    this.#memory.fill(DONT_CARE, SECONDS_ALARM, SECONDS_ALARM + 1);
    const kib = Math.min((options.memoryBytes >> 10) - 1024, 0xfc00);
    for (const at of EXTENDED_MEMORY) this.#set16(at, kib);
    this.#set16(HIGH_MEMORY, Math.max(0, Math.min((options.memoryBytes - (16 << 20)) >> 16, 0xffff)));
  }

  #set16(at: number, value: number): void {
    this.#memory[at] = value & 0xff;
    this.#memory[at + 1] = value >> 8;
  }

  #seconds(): number {
    return this.#epoch + Math.floor(this.#options.clock.now() / this.#options.ticksPerSecond);
  }

  /** Ticks of the periodic interrupt, or 0: rates 3 to 15 are 8192 Hz down to 2 Hz, 1 and 2 are 256 and 128 Hz. */
  #period(): number {
    const rate = this.#memory[REGISTER_A] & 0xf;
    if (rate === 0) return 0;
    return (this.#options.ticksPerSecond * 2 ** ((rate < 3 ? rate + 7 : rate) - 1)) / 32768;
  }

  /** Raises the flags of what has happened, and sets the alarm for what comes next. */
  #update(): void {
    const now = this.#options.clock.now();
    const period = this.#period();
    if (period > 0) {
      const periods = Math.floor(now / period);
      if (periods !== this.#signalledPeriods) this.#memory[REGISTER_C] |= B_PERIODIC;
      this.#signalledPeriods = periods;
    }
    const second = this.#seconds();
    if (second !== this.#signalledSecond && (this.#memory[REGISTER_B] & B_SET) === 0) {
      this.#memory[REGISTER_C] |= B_UPDATE_ENDED;
      if (this.#alarmMatches()) this.#memory[REGISTER_C] |= B_ALARM;
    }
    this.#signalledSecond = second;
    const asked = this.#memory[REGISTER_B] & (B_PERIODIC | B_ALARM | B_UPDATE_ENDED);
    const due = (this.#memory[REGISTER_C] & asked) !== 0;
    if (due) this.#memory[REGISTER_C] |= C_REQUEST;
    this.#options.line(due);
    let next = Infinity;
    if (asked & B_PERIODIC && period > 0) next = Math.ceil((this.#signalledPeriods + 1) * period);
    if (asked & (B_ALARM | B_UPDATE_ENDED))
      next = Math.min(next, (this.#signalledSecond - this.#epoch + 1) * this.#options.ticksPerSecond);
    if (next === Infinity) this.#timer.disarm();
    else this.#timer.arm(next);
  }

  #alarmMatches(): boolean {
    return (
      [
        [SECONDS, SECONDS_ALARM],
        [MINUTES, MINUTES_ALARM],
        [HOURS, HOURS_ALARM],
      ] as const
    ).every(
      ([time, alarm]) =>
        (this.#memory[alarm] & DONT_CARE) === DONT_CARE || this.#memory[alarm] === this.#timeRegister(time),
    );
  }

  #encode(value: number): number {
    return this.#memory[REGISTER_B] & B_BINARY ? value : Math.floor(value / 10) * 16 + (value % 10);
  }
  #decode(value: number): number {
    return this.#memory[REGISTER_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
  }

  #timeRegister(register: number): number | undefined {
    const date = new Date(this.#seconds() * 1000);
    switch (register) {
      case SECONDS:
        return this.#encode(date.getUTCSeconds());
      case MINUTES:
        return this.#encode(date.getUTCMinutes());
      case HOURS: {
        const hours = date.getUTCHours();
        if (this.#memory[REGISTER_B] & B_24_HOURS) return this.#encode(hours);
        return this.#encode(hours % 12 || 12) | (hours >= 12 ? PM : 0);
      }
      case DAY_OF_WEEK:
        return this.#encode(date.getUTCDay() + 1);
      case DAY_OF_MONTH:
        return this.#encode(date.getUTCDate());
      case MONTH:
        return this.#encode(date.getUTCMonth() + 1);
      case YEAR:
        return this.#encode(date.getUTCFullYear() % 100);
      case CENTURY:
        return this.#encode(Math.floor(date.getUTCFullYear() / 100));
      default:
        return undefined;
    }
  }

  /** Moves the clock so that one register reads as written. */
  #setTime(register: number, value: number): boolean {
    const date = new Date(this.#seconds() * 1000);
    const decoded = this.#decode(value);
    if (register === SECONDS) date.setUTCSeconds(decoded);
    else if (register === MINUTES) date.setUTCMinutes(decoded);
    else if (register === HOURS) {
      const hour = this.#decode(value & ~PM);
      const twelve = (this.#memory[REGISTER_B] & B_24_HOURS) === 0;
      date.setUTCHours(twelve ? (hour % 12) + (value & PM ? 12 : 0) : decoded);
    } else if (register === DAY_OF_MONTH) date.setUTCDate(decoded);
    else if (register === MONTH) date.setUTCMonth(decoded - 1);
    else if (register === YEAR) date.setUTCFullYear(Math.floor(date.getUTCFullYear() / 100) * 100 + decoded);
    else if (register === CENTURY) date.setUTCFullYear(decoded * 100 + (date.getUTCFullYear() % 100));
    else return register === DAY_OF_WEEK; // follows from the date
    this.#epoch += Math.round(date.getTime() / 1000) - this.#seconds();
    this.#signalledSecond = this.#seconds();
    return true;
  }

  /** Ports 0x70 (index) and 0x71 (data). */
  readonly ports: PortDevice = {
    readPort: (offset) => (offset === 0 ? 0xff : this.#read(this.#index)),
    writePort: (offset, _size, value) => {
      // Bit 7 of the index masks NMI on a PC; nothing here raises one that way.
      if (offset === 0) this.#index = value & 0x7f;
      else this.#write(this.#index, value & 0xff);
    },
  };

  #read(register: number): number {
    const time = this.#timeRegister(register);
    if (time !== undefined) return time;
    if (register === REGISTER_A) return this.#memory[REGISTER_A] | (this.#updating() ? A_UPDATE_IN_PROGRESS : 0);
    if (register === REGISTER_D) return D_VALID;
    if (register !== REGISTER_C) return this.#memory[register];
    this.#update();
    const flags = this.#memory[REGISTER_C];
    this.#memory[REGISTER_C] = 0;
    this.#options.line(false);
    return flags;
  }

  #updating(): boolean {
    const { ticksPerSecond, clock } = this.#options;
    return (
      (this.#memory[REGISTER_B] & B_SET) === 0 &&
      ticksPerSecond - (clock.now() % ticksPerSecond) <= UPDATE_WARNING_SECONDS * ticksPerSecond
    );
  }

  #write(register: number, value: number): void {
    if (this.#setTime(register, value)) {
      this.#update();
      return;
    }
    if (register === REGISTER_C || register === REGISTER_D) return;
    this.#memory[register] = register === REGISTER_A ? value & ~A_UPDATE_IN_PROGRESS : value;
    if (register === REGISTER_A && this.#period() > 0)
      this.#signalledPeriods = Math.floor(this.#options.clock.now() / this.#period());
    if (register <= REGISTER_B) this.#update();
  }

  copyFrom(other: CmosRtc): void {
    this.#memory.set(other.#memory);
    this.#index = other.#index;
    this.#epoch = other.#epoch;
    this.#signalledSecond = other.#signalledSecond;
    this.#signalledPeriods = other.#signalledPeriods;
  }

  state(): DeviceState {
    return {
      memory: this.#memory.slice(),
      index: this.#index,
      epoch: this.#epoch,
      signalledSecond: this.#signalledSecond,
      signalledPeriods: this.#signalledPeriods,
    };
  }
}
