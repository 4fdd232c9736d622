/** Guest memory by virtual address, through the page tables as they are now, without side effects. */
import type { Machine } from "../machine/machine.ts";

const PAGE = 4096n;

/** Addresses are virtual: numbers, or places by name. Offsets are in bytes. */
export class VirtualMemory {
  readonly #machine: Machine;
  readonly #resolve: (place: string) => bigint;

  /** `resolve` gives the address of a place that is named; without it, only numbers are addresses. */
  constructor(machine: Machine, resolve: (place: string) => bigint = BigInt) {
    this.#machine = machine;
    this.#resolve = resolve;
  }

  /** As many of `length` bytes at `address` as are mapped, without a gap; perhaps none. */
  readMapped(address: bigint | string, length: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const { physical, size } of this.#pages(this.#address(address), length)) {
      if (physical === undefined) break;
      parts.push(this.#machine.memory.read(physical, size));
    }
    return Buffer.concat(parts);
  }

  /** `length` bytes at `address`. Throws RangeError when a page is not mapped to RAM. */
  read(address: bigint | string, length: number): Uint8Array {
    const start = this.#address(address);
    const bytes = this.readMapped(start, length);
    if (bytes.length < length) throw new RangeError(`0x${(start + BigInt(bytes.length)).toString(16)} is not mapped`);
    return bytes;
  }

  /** Writes, whatever the page's permissions. Throws RangeError, before anything is written, when a page is not mapped to RAM. */
  write(address: bigint | string, data: Uint8Array): void {
    const start = this.#address(address);
    const pages = [...this.#pages(start, data.length)];
    const writes: [number, Uint8Array][] = [];
    for (const { physical, position, size } of pages) {
      if (physical === undefined) throw new RangeError(`0x${(start + BigInt(position)).toString(16)} is not mapped`);
      writes.push([physical, data.subarray(position, position + size)]);
    }
    for (const [physical, part] of writes) this.#machine.memory.write(physical, part);
  }

  /** An unsigned little-endian number of `size` bytes. */
  readUint(address: bigint | string, size: 1 | 2 | 4 | 8): bigint {
    return this.read(address, size).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** Writes the low `size` bytes of a number, little-endian. Throws RangeError as {@link write} does. */
  writeUint(address: bigint | string, size: 1 | 2 | 4 | 8, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
    this.write(address, bytes.subarray(0, size));
  }

  /** The zero-terminated string at `address`, at most `limit` bytes of it. */
  readString(address: bigint | string, limit = 4096): string {
    const bytes = this.readMapped(address, limit);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  #address(place: bigint | string): bigint {
    return typeof place === "bigint" ? place : this.#resolve(place);
  }

  *#pages(
    address: bigint,
    length: number,
  ): Generator<{ physical: number | undefined; position: number; size: number }> {
    for (let position = 0; position < length; ) {
      const at = BigInt.asUintN(64, address + BigInt(position));
      const size = Math.min(Number(PAGE - (at % PAGE)), length - position);
      const physical = this.#machine.cpu.translate(at);
      const isRam = physical !== undefined && physical + size <= this.#machine.memory.size;
      yield { physical: isRam ? physical : undefined, position, size };
      position += size;
    }
  }
}
