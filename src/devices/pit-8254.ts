/**
 * The programmable interval timer, Intel 8254 (data sheet 231164): three 16-bit counters at 1.193182 MHz. Counter 0 raises interrupt
 * request 0; counter 2 drives the speaker and can be gated and watched through port 0x61. Counters are computed from the clock when
 * they are looked at.
 */
import type { AccessSize, Clock, DeviceState, InterruptLine, PortDevice, Stateful, Timer } from "./device.ts";

/** The input clock, in Hz. */
export const PIT_HZ = 1_193_182;

/** Control word: bits 7:6 counter (3: read-back), 5:4 access, 3:1 mode, 0 BCD. */
const READ_BACK = 3;
const ACCESS_LATCH = 0;
const ACCESS_LOW = 1;
const ACCESS_HIGH = 2;
const READ_BACK_NO_COUNT = 0x20;
const READ_BACK_NO_STATUS = 0x10;

/** Counts of the input clock in so many ticks, and ticks until so many counts have passed; exact for a century. */
class InputClock {
  readonly #perSecond: number;
  constructor(ticksPerSecond: number) {
    this.#perSecond = ticksPerSecond;
  }
  counts(ticks: number): number {
    const seconds = Math.floor(ticks / this.#perSecond);
    const rest = ticks - seconds * this.#perSecond;
    return seconds * PIT_HZ + Math.floor((rest * PIT_HZ) / this.#perSecond);
  }
  /** The first tick at which `counts` counts have passed. */
  ticks(counts: number): number {
    const seconds = Math.floor(counts / PIT_HZ);
    const rest = counts - seconds * PIT_HZ;
    return seconds * this.#perSecond + Math.ceil((rest * this.#perSecond) / PIT_HZ);
  }
}

class Counter {
  mode = 0;
  access = 3;
  bcd = false;
  gate = true;
  /** The count register; 0 means 65536 (10000 in BCD). */
  reload = 0;
  /** No count has been written since the control word. */
  idle = true;
  /** Count of the input clock at which counting began, or was last triggered. */
  start = 0;
  /** The count when the gate closed, in modes that it suspends. */
  suspended: number | undefined;
  writeLow = 0;
  writeHighNext = false;
  readHighNext = false;
  latched: number | undefined;
  latchedStatus: number | undefined;

  get period(): number {
    return this.reload === 0 ? (this.bcd ? 10_000 : 0x1_0000) : this.reload;
  }

  /** Input clocks since counting began. */
  #elapsed(now: number): number {
    return this.suspended ?? now - this.start;
  }

  /** OUT. */
  output(now: number): boolean {
    if (this.idle) return this.mode !== 0;
    const elapsed = this.#elapsed(now);
    const { period } = this;
    switch (this.mode) {
      case 0:
      case 1:
        return elapsed >= period;
      case 2:
        return this.suspended !== undefined || elapsed % period !== period - 1;
      case 3:
        return this.suspended !== undefined || elapsed % period < Math.ceil(period / 2);
      default:
        return elapsed !== period;
    }
  }

  /** The counting element, as it is read. */
  count(now: number): number {
    if (this.idle) return 0;
    const elapsed = this.#elapsed(now);
    const { period } = this;
    const range = this.bcd ? 10_000 : 0x1_0000;
    let value: number;
    if (this.mode === 2) value = period - (elapsed % period);
    // Square wave: counts down by two, twice in a period.
    else if (this.mode === 3) value = period - ((2 * elapsed) % period);
    else value = (((period - elapsed) % range) + range) % range;
    value %= range;
    return this.bcd ? toBcd(value) : value;
  }

  /** The count of the input clock, from `now` on, at which OUT changes next; undefined: never. */
  nextChange(now: number): number | undefined {
    if (this.idle || this.suspended !== undefined) return undefined;
    const elapsed = now - this.start;
    const { period } = this;
    const into = elapsed % period;
    switch (this.mode) {
      case 0:
      case 1:
        return elapsed < period ? this.start + period : undefined;
      case 2:
        return now - into + (into < period - 1 ? period - 1 : period);
      case 3: {
        const half = Math.ceil(period / 2);
        return now - into + (into < half ? half : period);
      }
      default:
        return elapsed < period ? this.start + period : elapsed === period ? this.start + period + 1 : undefined;
    }
  }
}

export interface Pit8254Options {
  readonly clock: Clock;
  readonly ticksPerSecond: number;
  /** Interrupt request 0. */
  readonly line: InterruptLine;
}

export class Pit8254 implements Stateful {
  readonly #options: Pit8254Options;
  readonly #input: InputClock;
  readonly #timer: Timer;
  readonly #counters = [new Counter(), new Counter(), new Counter()] as const;
  #speaker = 0;

  constructor(options: Pit8254Options) {
    this.#options = options;
    this.#input = new InputClock(options.ticksPerSecond);
    this.#timer = options.clock.timer(() => this.#update());
    this.#counters[2].gate = false;
  }

  #now(): number {
    return this.#input.counts(this.#options.clock.now());
  }

  /** Drives interrupt request 0 and sets the alarm for its next change. */
  #update(): void {
    const counter = this.#counters[0];
    const now = this.#now();
    this.#options.line(counter.output(now));
    const next = counter.nextChange(now);
    if (next === undefined) this.#timer.disarm();
    else this.#timer.arm(this.#input.ticks(next));
  }

  /** Ports 0x40 to 0x43. */
  readonly ports: PortDevice = {
    readPort: (offset, _size: AccessSize) => (offset === 3 ? 0xff : this.#read(this.#counters[offset as 0 | 1 | 2])),
    writePort: (offset, _size, value) => {
      if (offset === 3) this.#control(value & 0xff);
      else this.#write(this.#counters[offset as 0 | 1 | 2], value & 0xff);
      this.#update();
    },
  };

  /** Port 0x61: bit 0 gate of counter 2, bit 1 speaker; read also bit 4 (memory refresh, changes all the time) and 5 (OUT 2). */
  readonly speakerPort: PortDevice = {
    readPort: () => {
      const now = this.#now();
      // Refresh requests came every 15 us: 18 counts.
      const refresh = Math.floor(now / 18) & 1;
      return this.#speaker | (refresh << 4) | (this.#counters[2].output(now) ? 0x20 : 0);
    },
    writePort: (_offset, _size, value) => {
      this.#speaker = value & 3;
      this.#setGate(this.#counters[2], (value & 1) !== 0);
    },
  };

  #setGate(counter: Counter, gate: boolean): void {
    if (gate === counter.gate) return;
    counter.gate = gate;
    const now = this.#now();
    const suspends = counter.mode === 0 || counter.mode === 4;
    if (!gate) {
      if (counter.mode !== 1 && counter.mode !== 5) counter.suspended = now - counter.start;
    } else if (suspends) {
      // Goes on where it was.
      if (counter.suspended !== undefined) counter.start = now - counter.suspended;
      counter.suspended = undefined;
    } else {
      // A rising gate triggers the other modes anew; 1 and 5 wait for it.
      counter.start = now;
      counter.suspended = undefined;
      counter.idle = false;
    }
  }

  #control(value: number): void {
    const select = value >> 6;
    if (select === READ_BACK) {
      this.#counters.forEach((counter, i) => {
        if ((value & (2 << i)) === 0) return;
        if ((value & READ_BACK_NO_COUNT) === 0) this.#latch(counter);
        if ((value & READ_BACK_NO_STATUS) === 0) counter.latchedStatus ??= this.#status(counter);
      });
      return;
    }
    const counter = this.#counters[select as 0 | 1 | 2];
    const access = (value >> 4) & 3;
    if (access === ACCESS_LATCH) {
      this.#latch(counter);
      return;
    }
    const mode = (value >> 1) & 7;
    counter.mode = mode > 5 ? mode - 4 : mode;
    counter.access = access;
    counter.bcd = (value & 1) !== 0;
    counter.idle = true;
    counter.writeHighNext = false;
    counter.readHighNext = false;
    counter.latched = undefined;
    counter.latchedStatus = undefined;
    counter.suspended = counter.gate ? undefined : 0;
  }

  #latch(counter: Counter): void {
    counter.latched ??= counter.count(this.#now());
  }

  #status(counter: Counter): number {
    const out = counter.output(this.#now()) ? 0x80 : 0;
    return out | (counter.idle ? 0x40 : 0) | (counter.access << 4) | (counter.mode << 1) | (counter.bcd ? 1 : 0);
  }

  #read(counter: Counter): number {
    if (counter.latchedStatus !== undefined) {
      const status = counter.latchedStatus;
      counter.latchedStatus = undefined;
      return status;
    }
    const value = counter.latched ?? counter.count(this.#now());
    const both = counter.access === 3;
    const high = both ? counter.readHighNext : counter.access === ACCESS_HIGH;
    if (both) counter.readHighNext = !counter.readHighNext;
    if (!both || high) counter.latched = undefined;
    return (high ? value >> 8 : value) & 0xff;
  }

  #write(counter: Counter, value: number): void {
    if (counter.access === ACCESS_LOW) this.#load(counter, value);
    else if (counter.access === ACCESS_HIGH) this.#load(counter, value << 8);
    else if (counter.writeHighNext) {
      counter.writeHighNext = false;
      this.#load(counter, counter.writeLow | (value << 8));
    } else {
      counter.writeLow = value;
      counter.writeHighNext = true;
      // In mode 0 the first byte stops the count.
      if (counter.mode === 0) counter.idle = true;
    }
  }

  #load(counter: Counter, count: number): void {
    counter.reload = counter.bcd ? fromBcd(count) : count;
    const now = this.#now();
    const restarts = counter.idle || counter.mode === 0 || counter.mode === 4;
    // In modes 2 and 3 a new count is for the next period; it takes over at once here when none was under way.
    if (!restarts) return;
    counter.idle = counter.mode === 1 || counter.mode === 5;
    counter.start = now;
    counter.suspended = counter.gate ? undefined : 0;
  }

  copyFrom(other: Pit8254): void {
    this.#counters.forEach((counter, i) => {
      Object.assign(counter, other.#counters[i as 0 | 1 | 2]);
    });
    this.#speaker = other.#speaker;
  }

  state(): DeviceState {
    return { counters: this.#counters.map((counter) => ({ ...counter })), speaker: this.#speaker };
  }
}

const toBcd = (value: number): number => Number.parseInt(value.toString(), 16);
const fromBcd = (value: number): number =>
  ((value >> 12) & 15) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15);
