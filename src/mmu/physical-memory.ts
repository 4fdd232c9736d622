/**
 * Guest RAM as devices, loaders and debuggers see it: physical addresses, bounds-checked, little-endian. A write tells the
 * code tracker, so that translations of what it overwrites are dropped.
 */
import { createMemory, RAM } from "./memory-layout.ts";

/** Told about every write that does not come from a guest instruction. */
export type WriteListener = (address: number, length: number) => void;

/** Guest RAM by physical address, in bytes. Numbers are unsigned and little-endian. */
export class PhysicalMemory {
  /** Bytes of RAM, from physical address 0. */
  readonly size: number;
  /** The WebAssembly memory that holds it. */
  readonly host: WebAssembly.Memory;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #listener: WriteListener | undefined;

  /** RAM of `size` bytes in `host`, which is made if not given. */
  constructor(size: number, host: WebAssembly.Memory = createMemory(size)) {
    this.size = size;
    this.host = host;
    this.#bytes = new Uint8Array(host.buffer, RAM, size);
    this.#view = new DataView(host.buffer, RAM, size);
  }

  /** All of RAM, for reading only; do not keep it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** All of another memory of this size. Nobody is told. */
  copyFrom(other: PhysicalMemory): void {
    this.#bytes.set(other.#bytes);
  }

  /** Who is told about each write from here on. */
  set writeListener(listener: WriteListener | undefined) {
    this.#listener = listener;
  }

  /** A copy of `length` bytes. Throws RangeError outside RAM. */
  read(address: number, length: number): Uint8Array {
    this.#check(address, length);
    return this.#bytes.slice(address, address + length);
  }

  /** Whether these bytes are there. Throws RangeError outside RAM. */
  holds(address: number, data: Uint8Array): boolean {
    this.#check(address, data.length);
    for (let i = 0; i < data.length; i++) if (this.#bytes[address + i] !== data[i]) return false;
    return true;
  }

  /** Throws RangeError outside RAM. */
  write(address: number, data: Uint8Array): void {
    this.#check(address, data.length);
    this.#bytes.set(data, address);
    this.#listener?.(address, data.length);
  }

  /** Throws RangeError outside RAM. */
  readUint(address: number, size: 1 | 2 | 4): number {
    this.#check(address, size);
    if (size === 1) return this.#view.getUint8(address);
    return size === 2 ? this.#view.getUint16(address, true) : this.#view.getUint32(address, true);
  }

  /** Throws RangeError outside RAM. */
  readUint64(address: number): bigint {
    this.#check(address, 8);
    return this.#view.getBigUint64(address, true);
  }

  /** Throws RangeError outside RAM. */
  writeUint(address: number, size: 1 | 2 | 4, value: number): void {
    this.#check(address, size);
    if (size === 1) this.#view.setUint8(address, value);
    else if (size === 2) this.#view.setUint16(address, value, true);
    else this.#view.setUint32(address, value, true);
    this.#listener?.(address, size);
  }

  /** Throws RangeError outside RAM. */
  writeUint64(address: number, value: bigint): void {
    this.#check(address, 8);
    this.#view.setBigUint64(address, value, true);
    this.#listener?.(address, 8);
  }

  #check(address: number, length: number): void {
    if (!(address >= 0 && length >= 0 && address + length <= this.size))
      throw new RangeError(
        `physical memory: ${length} bytes at 0x${address.toString(16)} are outside RAM (${this.size} bytes)`,
      );
  }
}
