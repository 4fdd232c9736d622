/**
 * Building page tables in guest memory, of four levels or PAE's three (AMD64 APM volume 2, 5.2 and 5.3), for guests that bring none:
 * bare code under the typed API. Tables are taken from the top of a region downwards.
 */
import type { PhysicalMemory } from "../mmu/physical-memory.ts";
import { InputError } from "./input-error.ts";

const PAGE = 4096;
const PRESENT = 1n;
const WRITABLE = 2n;
const USER = 4n;
const NO_EXECUTE = 1n << 63n;
const ADDRESS = 0x000f_ffff_ffff_f000n;

/** What a mapping grants. */
export interface Permissions {
  /** All of them are granted unless false. */
  readonly writable?: boolean;
  readonly executable?: boolean;
  readonly user?: boolean;
}

export class PageTables {
  /** Physical address of the root, for CR3. */
  readonly root: number;
  readonly #memory: PhysicalMemory;
  readonly #lowest: number;
  readonly #levels: 3 | 4;
  #next: number;

  /** Tables go below `top`, and not below `lowest`. */
  constructor(memory: PhysicalMemory, lowest: number, top: number, levels: 3 | 4 = 4) {
    this.#memory = memory;
    this.#lowest = lowest;
    this.#levels = levels;
    this.#next = top;
    this.root = this.#newTable();
    // The processor may keep PAE's four highest entries, which have no permissions: they are there from the start.
    if (levels === 3)
      for (let i = 0; i < 4; i++) memory.writeUint64(this.root + 8 * i, BigInt(this.#newTable()) | PRESENT);
  }

  /** Maps whole pages: `length` bytes from `virtual` on to `physical`. Throws InputError for addresses inside pages or not canonical. */
  map(virtual: bigint, physical: number, length: number, permissions: Permissions = {}): void {
    if (virtual % BigInt(PAGE) !== 0n || physical % PAGE !== 0)
      throw new InputError(`0x${virtual.toString(16)} to 0x${physical.toString(16)}: only whole pages can be mapped`);
    const flags =
      PRESENT |
      (permissions.writable === false ? 0n : WRITABLE) |
      (permissions.user === false ? 0n : USER) |
      (permissions.executable === false ? NO_EXECUTE : 0n);
    for (let offset = 0; offset < length; offset += PAGE)
      this.#memory.writeUint64(this.#entry(virtual + BigInt(offset)), BigInt(physical + offset) | flags);
  }

  /** Takes the mappings of `length` bytes away. What the processor remembers of them stays until it is told. */
  unmap(virtual: bigint, length: number): void {
    for (let offset = 0; offset < length; offset += PAGE)
      this.#memory.writeUint64(this.#entry(virtual + BigInt(offset)), 0n);
  }

  /** The physical address of the last-level entry of a page; makes the tables above it. */
  #entry(virtual: bigint): number {
    if (this.#levels === 3 && virtual >> 32n !== 0n)
      throw new InputError(`0x${virtual.toString(16)}: an address has 32 bits in protected mode`);
    if (BigInt.asUintN(64, BigInt.asIntN(48, virtual)) !== virtual)
      throw new InputError(`0x${virtual.toString(16)}: not a canonical address`);
    let table = this.root;
    for (let level = this.#levels - 1; level > 0; level--) {
      const at = table + 8 * Number((virtual >> BigInt(12 + 9 * level)) & 511n);
      let entry = this.#memory.readUint64(at);
      if ((entry & PRESENT) === 0n) {
        // Permissions are those of the last level: the levels above allow everything.
        entry = BigInt(this.#newTable()) | PRESENT | WRITABLE | USER;
        this.#memory.writeUint64(at, entry);
      }
      table = Number(entry & ADDRESS);
    }
    return table + 8 * Number((virtual >> 12n) & 511n);
  }

  #newTable(): number {
    if (this.#next - PAGE < this.#lowest) throw new InputError("no memory left for page tables; give the machine more");
    this.#next -= PAGE;
    this.#memory.write(this.#next, new Uint8Array(PAGE));
    return this.#next;
  }
}
