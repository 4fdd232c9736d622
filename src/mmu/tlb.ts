/**
 * The soft TLB that generated code looks into, and the jump cache that depends on it: filling and flushing. Layouts are in
 * memory-layout.ts.
 */
import {
  EMPTY_TLB,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_MODE_BYTES,
  RAM,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_BYTES,
  TLB_MODE_BYTES,
  TLB_PAGE,
  TLB_READ,
  TLB_WRITE,
} from "./memory-layout.ts";

export class Tlb {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  /** 2 MiB-aligned addresses (as page number >> 9) of large pages of which parts are in the TLB. */
  readonly #large = new Set<number>();
  /** Virtual pages, by number, whose blocks may be in the jump cache. */
  readonly #jumpPages = new Set<number>();

  constructor(memory: WebAssembly.Memory) {
    this.#words = new Int32Array(memory.buffer, 0, (JUMP_CACHE + 2 * JUMP_CACHE_MODE_BYTES) >>> 2);
    this.#bytes = new Uint8Array(memory.buffer, 0, JUMP_CACHE + 2 * JUMP_CACHE_MODE_BYTES);
    this.#bytes.fill(0xff, EMPTY_TLB, EMPTY_TLB + TLB_MODE_BYTES);
    this.flush();
  }

  #entry(low: number, high: number, user: boolean): number {
    const index = ((low >>> 12) | (high << 20)) & (TLB_ENTRIES - 1);
    return (TLB + (user ? TLB_MODE_BYTES : 0) + index * TLB_ENTRY_BYTES) >>> 2;
  }

  /** Enters a page for one privilege level. `page` is its physical address, inside RAM. */
  fill(low: number, high: number, user: boolean, page: number, writable: boolean, large: boolean): void {
    const words = this.#words;
    const entry = this.#entry(low, high, user);
    const tag = low & ~0xfff;
    words[entry + TLB_READ / 4] = tag;
    words[entry + TLB_READ / 4 + 1] = high;
    words[entry + TLB_WRITE / 4] = writable ? tag : -1;
    words[entry + TLB_WRITE / 4 + 1] = writable ? high : -1;
    words[entry + TLB_ADDEND / 4] = RAM + page - tag;
    words[entry + TLB_PAGE / 4] = page / 4096;
    if (large) this.#large.add((high >>> 0) * 2048 + (low >>> 21));
  }

  /** Host address of an access that stays within its page, if the TLB allows it; else 0. */
  lookUp(low: number, high: number, user: boolean, write: boolean): number {
    const words = this.#words;
    const entry = this.#entry(low, high, user);
    const tag = entry + (write ? TLB_WRITE : TLB_READ) / 4;
    if (words[tag] !== (low & ~0xfff) || words[tag + 1] !== high) return 0;
    return (low + words[entry + TLB_ADDEND / 4]) >>> 0;
  }

  /** Drops everything, the jump cache too. */
  flush(): void {
    this.#bytes.fill(0xff, TLB, TLB + 2 * TLB_MODE_BYTES);
    this.#large.clear();
    this.flushJumps();
  }

  /** The entries of another TLB, whose memory lies in the same places. */
  copyFrom(other: Tlb): void {
    this.flush();
    this.#bytes.set(other.#bytes.subarray(TLB, TLB + 2 * TLB_MODE_BYTES), TLB);
    for (const page of other.#large) this.#large.add(page);
  }

  flushJumps(): void {
    this.#jumpPages.clear();
    // What no jump leads to: an address that is not canonical. (-1 is one that a guest may jump to.)
    this.#bytes.fill(0x7f, JUMP_CACHE, JUMP_CACHE + 2 * JUMP_CACHE_MODE_BYTES);
  }

  /** Drops one virtual page. */
  flushPage(low: number, high: number): void {
    if (this.#large.has((high >>> 0) * 2048 + (low >>> 21))) {
      this.flush();
      return;
    }
    for (const user of [false, true])
      this.#words.fill(-1, this.#entry(low, high, user), this.#entry(low, high, user) + 4);
    // A block's last instruction may reach into the page from the one before.
    const page = Tlb.#pageNumber(low, high);
    if (this.#jumpPages.has(page) || this.#jumpPages.has(page - 1)) this.flushJumps();
  }

  /** Makes every write to a physical page take the slow way. */
  protect(page: number): void {
    const words = this.#words;
    const step = TLB_ENTRY_BYTES / 4;
    const end = (TLB + 2 * TLB_MODE_BYTES) >>> 2;
    for (let entry = TLB >>> 2; entry < end; entry += step) {
      if (words[entry + TLB_PAGE / 4] !== page) continue;
      words[entry + TLB_WRITE / 4] = -1;
      words[entry + TLB_WRITE / 4 + 1] = -1;
    }
  }

  #jump(low: number, high: number, user: boolean): number {
    const page = (low >>> 12) | (high << 20);
    const index = (low ^ page) & (JUMP_CACHE_ENTRIES - 1);
    return (JUMP_CACHE + (user ? JUMP_CACHE_MODE_BYTES : 0) + index * 16) >>> 2;
  }

  static #pageNumber(low: number, high: number): number {
    return (high >>> 0) * 0x10_0000 + (low >>> 12);
  }

  /** Remembers the block at a virtual address. */
  setJump(low: number, high: number, user: boolean, block: number): void {
    this.#jumpPages.add(Tlb.#pageNumber(low, high));
    const entry = this.#jump(low, high, user);
    this.#words[entry] = low;
    this.#words[entry + 1] = high;
    this.#words[entry + 2] = block;
  }

  /** Forgets a block. */
  dropJump(low: number, high: number, block: number): void {
    for (const user of [false, true]) {
      const entry = this.#jump(low, high, user);
      if (this.#words[entry + 2] === block) this.#words.fill(-1, entry, entry + 3);
    }
  }
}
