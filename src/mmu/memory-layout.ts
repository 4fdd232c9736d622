/**
 * Where everything lies in the one WebAssembly.Memory: CPU state, soft TLB, jump cache, decoded records, guest RAM.
 * Generated code and TypeScript take their addresses from here.
 */

export const PAGE_SIZE = 4096;
const WASM_PAGE = 65536;

/** The CPU state (see src/cpu/state.ts) starts at address 0, so that a field's offset is its address. */
export const STATE_BYTES = 0x2000;

/**
 * Soft TLB: for supervisor and for user mode, direct-mapped entries of 32 bytes:
 * +0 tag for reading (u64), +8 tag for writing (u64), +16 host address minus virtual address (i32), +20 physical page.
 * A tag is the page's virtual address, or {@link NO_TAG}.
 */
export const TLB = 0x10000;
export const TLB_ENTRIES = 1024;
export const TLB_ENTRY_BYTES = 32;
export const TLB_MODE_BYTES = TLB_ENTRIES * TLB_ENTRY_BYTES;
export const TLB_READ = 0;
export const TLB_WRITE = 8;
export const TLB_ADDEND = 16;
export const TLB_PAGE = 20;
/** Compares unequal to every page address: the low bits are never set there. */
export const NO_TAG = 0xffff_ffff_ffff_ffffn;

/** A TLB in which nothing is ever found: every access takes the slow way, where segments are checked. */
export const EMPTY_TLB = TLB + 2 * TLB_MODE_BYTES;

/** Jump cache: for supervisor and for user mode, entries of 16 bytes: +0 virtual address (u64), +8 block (i32). */
export const JUMP_CACHE = EMPTY_TLB + TLB_MODE_BYTES;
export const JUMP_CACHE_ENTRIES = 4096;
export const JUMP_CACHE_MODE_BYTES = JUMP_CACHE_ENTRIES * 16;

/** Decoded records. */
export const RECORDS = JUMP_CACHE + 2 * JUMP_CACHE_MODE_BYTES;
export const RECORDS_BYTES = 48 * 0x8_0000;

/** Guest RAM. */
export const RAM = Math.ceil((RECORDS + RECORDS_BYTES) / WASM_PAGE) * WASM_PAGE;

/** WebAssembly pages for so many bytes of guest RAM. */
export const memoryPages = (ramBytes: number): number => Math.ceil((RAM + ramBytes) / WASM_PAGE);

/** The memory of a machine with so many bytes of RAM. */
export function createMemory(ramBytes: number): WebAssembly.Memory {
  const pages = memoryPages(ramBytes);
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
}
