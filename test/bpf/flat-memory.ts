/** Guest memory for tests of the BPF co-processor without a machine. */
import type { DmaMemory } from "../../src/devices/device.ts";

export class FlatMemory implements DmaMemory {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
  get size(): number {
    return this.#bytes.length;
  }
  read(address: number, length: number): Uint8Array {
    if (address < 0 || address + length > this.size) throw new RangeError("outside of memory");
    return this.#bytes.slice(address, address + length);
  }
  write(address: number, data: Uint8Array): void {
    this.#bytes.set(data, address);
  }
  readUint(address: number, size: 1 | 2 | 4): number {
    return size === 4 ? this.#view.getUint32(address, true) : this.#bytes[address];
  }
  writeUint(address: number, _size: 1 | 2 | 4, value: number): void {
    this.#view.setUint32(address, value, true);
  }
  readUint64(address: number): bigint {
    return this.#view.getBigUint64(address, true);
  }
  writeUint64(address: number, value: bigint): void {
    this.#view.setBigUint64(address, value, true);
  }
}
