/** A bench for devices alone: a clock that moves when told, memory without a processor. */
import type { AccessSize, Clock, DmaMemory, Timer } from "../../src/devices/device.ts";
import { EventQueue } from "../../src/machine/event-queue.ts";

export class TestClock implements Clock {
  time = 0;
  readonly #queue = new EventQueue();

  now(): number {
    return this.time;
  }

  timer(callback: () => void): Timer {
    return this.#queue.timer(callback);
  }

  next(): number | undefined {
    return this.#queue.next();
  }

  /** Moves on by `ticks`, ringing alarms at their own times. */
  advance(ticks: number): void {
    const end = this.time + ticks;
    for (let next = this.#queue.next(); next !== undefined && next <= end; next = this.#queue.next()) {
      this.time = Math.max(this.time, next);
      this.#queue.runDue(this.time);
    }
    this.time = end;
  }
}

export class TestMemory implements DmaMemory {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  get size(): number {
    return this.bytes.length;
  }

  read(address: number, length: number): Uint8Array {
    this.#check(address, length);
    return this.bytes.slice(address, address + length);
  }

  write(address: number, data: Uint8Array): void {
    this.#check(address, data.length);
    this.bytes.set(data, address);
  }

  readUint(address: number, size: AccessSize): number {
    this.#check(address, size);
    if (size === 1) return this.#view.getUint8(address);
    return size === 2 ? this.#view.getUint16(address, true) : this.#view.getUint32(address, true);
  }

  writeUint(address: number, size: AccessSize, value: number): void {
    this.#check(address, size);
    if (size === 1) this.#view.setUint8(address, value);
    else if (size === 2) this.#view.setUint16(address, value, true);
    else this.#view.setUint32(address, value, true);
  }

  readUint64(address: number): bigint {
    this.#check(address, 8);
    return this.#view.getBigUint64(address, true);
  }

  writeUint64(address: number, value: bigint): void {
    this.#check(address, 8);
    this.#view.setBigUint64(address, value, true);
  }

  #check(address: number, length: number): void {
    if (address < 0 || address + length > this.size)
      throw new RangeError(`${length} bytes at ${address} are not in RAM`);
  }
}

/** Records a wire: its level, and how often it rose. */
export class Wire {
  level = false;
  rises = 0;
  readonly line = (asserted: boolean): void => {
    if (asserted && !this.level) this.rises++;
    this.level = asserted;
  };
}

/** A repeatable stream of numbers for hammering devices (xorshift32). */
export function randomNumbers(seed: number): (below: number) => number {
  let x = seed | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}
