/**
 * What the fast paths of exception delivery and returns share: descriptor tables and segment registers without a bigint. A table is read
 * only where it lies within a page that is in the TLB.
 */
import type { Tlb } from "../../mmu/tlb.ts";
import {
  Attribute,
  addressOf,
  layout,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BYTES,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  segmentAddress,
} from "../state.ts";

export const CS = segmentAddress("cs");
export const SS = segmentAddress("ss");
export const TR = segmentAddress("tr");
export const RSP = layout.registers + 4 * 8;
/** Where #PF leaves its address. */
export const CR2 = addressOf("cr2");
const DATA_SEGMENTS = (["es", "ds", "fs", "gs"] as const).map(segmentAddress);
/** Bits of a descriptor's upper half: present, accessed, writable data that expands up; the DPL apart. */
export const DATA_MASK = 0x9f00;
export const DATA = 0x9300;
export const dplOf = (high: number): number => (high >>> 13) & 3;

/** What the fast paths need of the processor. */
export interface FastGatesClient {
  readonly tlb: Tlb;
  /** Whether long mode is active and 64-bit code runs, and nobody wants to be told about deliveries and accesses. */
  mayBeFast64(): boolean;
  /** Whether protected or virtual-8086 mode is active without long mode, and the like. */
  mayBeFast32(): boolean;
  /** The privilege level has changed, or EFLAGS.AC; segments are as they were but for their selectors and privilege levels. */
  privilegeChanged(): void;
  /** More than that. */
  modeChanged(): void;
}

export class GateTables {
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly client: FastGatesClient;
  readonly #view: DataView;

  constructor(memory: WebAssembly.Memory, client: FastGatesClient) {
    this.i32 = new Int32Array(memory.buffer);
    this.u16 = new Uint16Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.client = client;
  }

  /** A word of a table, which may lie anywhere. */
  word(host: number): number {
    return this.#view.getInt32(host, true);
  }

  /**
   * Host address of `size` bytes at offset `at` of a table whose base lies at `base` in the state, or 0. Tables are read as the supervisor
   * reads them.
   */
  inTable(base: number, at: number, size: number): number {
    const i32 = this.i32;
    const baseLow = i32[base >> 2];
    const low = (baseLow + at) | 0;
    if ((low & 0xfff) + size > 4096) return 0;
    const high = (i32[(base + 4) >> 2] + (low >>> 0 < baseLow >>> 0 ? 1 : 0)) | 0;
    return this.client.tlb.lookUp(low, high, false, false);
  }

  /** Host address of the descriptor in the GDT that a selector names, or 0. */
  descriptor(selector: number): number {
    if ((selector & 0xfffc) === 0 || selector & 4) return 0;
    const offset = selector & 0xfff8;
    if (offset + 7 > this.i32[(layout.gdtr + 8) >> 2] >>> 0) return 0;
    return this.inTable(layout.gdtr, offset, 8);
  }

  /** The limit in bytes that the descriptor at `host` gives, as a signed number. */
  limit(host: number): number {
    const high = this.word(host + 4);
    const raw = (this.word(host) & 0xffff) | (high & 0xf_0000);
    return high & 0x80_0000 ? (raw << 12) | 0xfff : raw;
  }

  /**
   * Loads a segment register from the descriptor at `host`; nothing is checked. True: base, limit or an attribute other than the privilege
   * level has changed.
   */
  loadSegment(at: number, selector: number, host: number): boolean {
    const { i32, u16 } = this;
    const high = this.word(host + 4);
    const base = (this.word(host) >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000);
    const limit = this.limit(host);
    const attributes = ((high >>> 8) & 0xff) | (((high >>> 20) & 0xf) << 8);
    const old = u16[(at + SEGMENT_ATTRIBUTES) >> 1];
    const changed =
      i32[at >> 2] !== base ||
      i32[(at + SEGMENT_LIMIT) >> 2] !== limit ||
      ((attributes ^ old) & ~(3 << Attribute.dplShift)) !== 0;
    i32[at >> 2] = base;
    i32[(at + 4) >> 2] = 0;
    i32[(at + SEGMENT_LIMIT) >> 2] = limit;
    u16[(at + SEGMENT_SELECTOR) >> 1] = selector;
    u16[(at + SEGMENT_ATTRIBUTES) >> 1] = attributes;
    return changed;
  }

  /** Makes a segment register null, all of it. */
  clearSegment(at: number): void {
    this.i32.fill(0, at >> 2, (at + SEGMENT_BYTES) >> 2);
  }

  /** Data segments that the outer level may not have become null, but for their base. True: at least one. */
  leaveSegments(cpl: number): boolean {
    const { i32, u16 } = this;
    let changed = false;
    for (const at of DATA_SEGMENTS) {
      if ((u16[(at + SEGMENT_SELECTOR) >> 1] & 0xfffc) === 0) continue;
      const attributes = u16[(at + SEGMENT_ATTRIBUTES) >> 1];
      if (((attributes >> Attribute.dplShift) & 3) >= cpl || (attributes & 0xc) === 0xc) continue;
      i32[(at + SEGMENT_LIMIT) >> 2] = 0;
      u16[(at + SEGMENT_SELECTOR) >> 1] = 0;
      u16[(at + SEGMENT_ATTRIBUTES) >> 1] = 0;
      changed = true;
    }
    return changed;
  }
}
