/** Guest memory by virtual address, through the page tables as they are now, without side effects. */
import type { Machine } from "../machine/machine.ts";

const PAGE = 4096n;

export class VirtualMemory {
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** As many of `length` bytes at `address` as are mapped, without a gap; perhaps none. */
  readMapped(address: bigint, length: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const { physical, size } of this.#pages(address, length)) {
      if (physical === undefined) break;
      parts.push(this.#machine.memory.read(physical, size));
    }
    return Buffer.concat(parts);
  }

  /** `length` bytes at `address`. Throws RangeError when a page is not mapped to RAM. */
  read(address: bigint, length: number): Uint8Array {
    const bytes = this.readMapped(address, length);
    if (bytes.length < length) throw new RangeError(`0x${(address + BigInt(bytes.length)).toString(16)} is not mapped`);
    return bytes;
  }

  /** Writes, whatever the page's permissions. Throws RangeError, before anything is written, when a page is not mapped to RAM. */
  write(address: bigint, data: Uint8Array): void {
    const pages = [...this.#pages(address, data.length)];
    const writes: [number, Uint8Array][] = [];
    for (const { physical, position, size } of pages) {
      if (physical === undefined) throw new RangeError(`0x${(address + BigInt(position)).toString(16)} is not mapped`);
      writes.push([physical, data.subarray(position, position + size)]);
    }
    for (const [physical, part] of writes) this.#machine.memory.write(physical, part);
  }

  /** An unsigned little-endian number of `size` bytes. */
  readUint(address: bigint, size: 1 | 2 | 4 | 8): bigint {
    return this.read(address, size).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  writeUint(address: bigint, size: 1 | 2 | 4 | 8, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
    this.write(address, bytes.subarray(0, size));
  }

  /** The zero-terminated string at `address`, at most `limit` bytes of it. */
  readString(address: bigint, limit = 4096): string {
    const bytes = this.readMapped(address, limit);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
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
