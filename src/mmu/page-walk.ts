/**
 * The page walk (AMD64 APM volume 2, chapter 5): long mode's four levels, PAE's three, legacy two; permissions, reserved bits, accessed
 * and dirty. Addresses travel as two 32-bit halves: no bigint on this path.
 */
import { RAM } from "./memory-layout.ts";

/** Error code bits of #PF. */
export const PageFault = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;

/** Physical address bits that CPUID announces. */
export const PHYSICAL_ADDRESS_BITS = 40;
/** Reserved bits 51:40 in the high half of an entry. */
const RESERVED_HIGH = 0x000f_ff00;
/** Outside long mode bits 62:52 are reserved, too. */
const RESERVED_HIGH_PAE = 0x7fff_ff00;
const NX = 0x8000_0000;
const P = 1;
const W = 2;
const U = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const FIRMWARE_END = 0x1_0000_0000;
const ONE_MIB = 0x10_0000;

/** What the control registers say about paging. */
export interface PagingMode {
  /** 0: no paging; 2: legacy; 3: PAE; 4: long mode. */
  levels: 0 | 2 | 3 | 4;
  /** CR3's table address. */
  root: number;
  writeProtect: boolean;
  noExecute: boolean;
  smep: boolean;
  /** CR4.SMAP, as far as it forbids the access at hand: EFLAGS.AC lifts it for explicit supervisor accesses. */
  smap: boolean;
  /** CR4.PSE: 4 MiB pages in legacy mode. */
  largePages: boolean;
}

export class PageWalk {
  /** Result: physical address of the 4 KiB page. */
  page = 0;
  /** Result: whether a write by the same privilege would be allowed and needs no change of the dirty bit. */
  writable = false;
  /** Result: the page was part of a larger one. */
  large = false;
  /** Result: the page belongs to user mode. */
  userPage = false;
  /** Result: #PF error code when the walk failed. */
  errorCode = 0;
  /** Bytes below 4 GiB where the same bytes below 1 MiB show again, as a PC's firmware does; whole pages. */
  firmwareBytes = 0;
  readonly #words: Int32Array;
  readonly #ramBytes: number;

  constructor(memory: WebAssembly.Memory, ramBytes: number) {
    this.#words = new Int32Array(memory.buffer, RAM, ramBytes >>> 2);
    this.#ramBytes = ramBytes;
  }

  #decoded(page: number): number {
    return page < FIRMWARE_END && page >= FIRMWARE_END - this.firmwareBytes ? page - (FIRMWARE_END - ONE_MIB) : page;
  }

  /**
   * Walks for an access. False: #PF with `errorCode`. With `probe`, nothing is written and permissions are not checked.
   */
  walk(
    low: number,
    high: number,
    mode: PagingMode,
    write: boolean,
    user: boolean,
    fetch: boolean,
    probe = false,
  ): boolean {
    this.large = false;
    if (mode.levels === 0) {
      this.page = this.#decoded((low & ~0xfff) >>> 0);
      this.userPage = false;
      this.writable = true;
      return true;
    }
    if (mode.levels === 2) return this.#walkLegacy(low, mode, write, user, fetch, probe);
    const words = this.#words;
    const size = this.#ramBytes;
    let table = mode.root;
    const reserved = mode.levels === 3 ? RESERVED_HIGH_PAE : RESERVED_HIGH;
    let allowed = W | U;
    let nx = 0;
    // Where the upper entries lie, for their accessed bits.
    let fourth = -1;
    let third = -1;
    let second = -1;
    for (let level: number = mode.levels; ; level--) {
      const index =
        level === 4
          ? (high >>> 7) & 0x1ff
          : level === 3
            ? mode.levels === 3
              ? low >>> 30
              : ((high & 0x7f) << 2) | (low >>> 30)
            : level === 2
              ? (low >>> 21) & 0x1ff
              : (low >>> 12) & 0x1ff;
      const at = table + index * 8;
      if (at + 8 > size) return this.#fail(0, mode, write, user, fetch);
      const word = at >>> 2;
      const entry = words[word];
      const upper = words[word + 1];
      if (!(entry & P)) return this.#fail(0, mode, write, user, fetch);
      if (upper & reserved || (!mode.noExecute && upper & NX))
        return this.#fail(PageFault.present | PageFault.reserved, mode, write, user, fetch);
      const next = (entry & 0xffff_f000) >>> 0;
      table = next + (upper & 0xff) * 0x1_0000_0000;
      if (level === 3 && mode.levels === 3) continue; // PDPTEs of PAE have no permissions
      if (level === 4) fourth = word;
      else if (level === 3) third = word;
      else if (level === 2) second = word;
      allowed &= entry;
      nx |= upper & NX;
      if (level > 1) {
        if (!(entry & PS)) continue;
        const mask = level === 2 ? 0x1f_e000 : 0x3fff_e000;
        if (level === 4 || entry & mask)
          return this.#fail(PageFault.present | PageFault.reserved, mode, write, user, fetch);
        this.large = true;
        const offset = low & (level === 2 ? 0x1f_f000 : 0x3fff_f000);
        table = table - (next & 0x1000) + offset;
      }
      if (!probe) {
        if (
          (user && !(allowed & U)) ||
          (write && !(allowed & W) && (user || mode.writeProtect)) ||
          (fetch && (nx || (!user && mode.smep && allowed & U))) ||
          (mode.smap && !user && !fetch && allowed & U)
        )
          return this.#fail(PageFault.present, mode, write, user, fetch);
        if (fourth >= 0 && !(words[fourth] & A)) words[fourth] |= A;
        if (third >= 0 && !(words[third] & A)) words[third] |= A;
        if (second >= 0 && !(words[second] & A)) words[second] |= A;
        if (!(words[word] & A)) words[word] |= A;
        if (write && !(entry & D)) words[word] |= D;
      }
      this.page = this.#decoded(table);
      this.userPage = (allowed & U) !== 0;
      this.writable = (write || (entry & D) !== 0) && ((allowed & W) !== 0 || (!user && !mode.writeProtect));
      return true;
    }
  }

  #walkLegacy(low: number, mode: PagingMode, write: boolean, user: boolean, fetch: boolean, probe: boolean): boolean {
    const words = this.#words;
    const directory = mode.root + (low >>> 22) * 4;
    if (directory + 4 > this.#ramBytes) return this.#fail(0, mode, write, user, fetch);
    const first = directory >>> 2;
    let at = first;
    let entry = words[at];
    if (!(entry & P)) return this.#fail(0, mode, write, user, fetch);
    let allowed = entry & (W | U);
    if (entry & PS && mode.largePages) {
      this.large = true;
      this.page = this.#decoded(((entry & 0xffc0_0000) | (low & 0x3f_f000)) >>> 0);
    } else {
      const address = ((entry & 0xffff_f000) >>> 0) + ((low >>> 12) & 0x3ff) * 4;
      if (address + 4 > this.#ramBytes) return this.#fail(0, mode, write, user, fetch);
      at = address >>> 2;
      entry = words[at];
      if (!(entry & P)) return this.#fail(0, mode, write, user, fetch);
      allowed &= entry;
      this.page = this.#decoded((entry & 0xffff_f000) >>> 0);
    }
    if (!probe) {
      if (
        (user && !(allowed & U)) ||
        (write && !(allowed & W) && (user || mode.writeProtect)) ||
        (fetch && !user && mode.smep && allowed & U) ||
        (mode.smap && !user && !fetch && allowed & U)
      )
        return this.#fail(PageFault.present, mode, write, user, fetch);
      words[first] |= A;
      words[at] |= write ? A | D : A;
    }
    this.userPage = (allowed & U) !== 0;
    this.writable = (write || (entry & D) !== 0) && ((allowed & W) !== 0 || (!user && !mode.writeProtect));
    return true;
  }

  #fail(reason: number, mode: PagingMode, write: boolean, user: boolean, fetch: boolean): false {
    this.errorCode =
      reason |
      (write ? PageFault.write : 0) |
      (user ? PageFault.user : 0) |
      (fetch && (mode.noExecute || mode.smep) ? PageFault.fetch : 0);
    return false;
  }
}
