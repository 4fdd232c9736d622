/**
 * What devices share: how the bus reaches them, how they raise interrupts, keep time, reach memory, and show their state.
 * Devices know nothing of the machine that holds them; everything comes in through these interfaces.
 */

/** The size of a port or memory access, in bytes. */
export type AccessSize = 1 | 2 | 4;

/** A range of I/O ports. `offset` counts from the start of the range; values are unsigned. */
export interface PortDevice {
  readPort(offset: number, size: AccessSize): number;
  writePort(offset: number, size: AccessSize, value: number): void;
}

/** A range of physical addresses. `offset` counts from the start of the range; values are unsigned. */
export interface MmioDevice {
  readMmio(offset: number, size: AccessSize): number;
  writeMmio(offset: number, size: AccessSize, value: number): void;
}

/** An interrupt wire: the device says whether it is asserted; who is at the other end decides what an edge or a level means. */
export type InterruptLine = (asserted: boolean) => void;

/** One alarm of the machine's clock. Arming it again moves it. */
export interface Timer {
  /** Calls back when the clock reaches `time` (ticks); a time that has passed means at the next instruction boundary. */
  arm(time: number): void;
  disarm(): void;
  /** When it will ring, or undefined. */
  readonly deadline: number | undefined;
}

/** Guest time, in ticks (`platform.ticksPerSecond`). There is no other time. */
export interface Clock {
  now(): number;
  timer(callback: () => void): Timer;
}

/** What devices that do DMA need of guest memory. Addresses and lengths must lie inside RAM: see {@link insideMemory}. */
export interface DmaMemory {
  readonly size: number;
  read(address: number, length: number): Uint8Array;
  write(address: number, data: Uint8Array): void;
  readUint(address: number, size: AccessSize): number;
  writeUint(address: number, size: AccessSize, value: number): void;
  readUint64(address: number): bigint;
  writeUint64(address: number, value: bigint): void;
}

/** Whether `length` bytes at `address` are all RAM. Anything that a guest can write into a register is a valid question. */
export function insideMemory(memory: DmaMemory, address: number, length: number): boolean {
  return address >= 0 && length >= 0 && address + length <= memory.size;
}

/** A device's whole state as plain data, for the state hash: equal states give equal data. */
export type DeviceState =
  | number
  | bigint
  | boolean
  | string
  | undefined
  | Uint8Array
  | readonly DeviceState[]
  | { readonly [name: string]: DeviceState };

export interface Stateful {
  state(): DeviceState;
}
