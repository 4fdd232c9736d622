/**
 * The common cases of exception delivery and IRETD outside long mode, without a bigint: 32-bit gates to 32-bit code of ring 0, from
 * protected or virtual-8086 mode, flat stacks, everything present, within its page and in the TLB. They answer false, with nothing changed,
 * wherever anything else is the case; then interrupts.ts does it, whose checks these repeat.
 */
import {
  CHECKED_SEGMENT_HIGH,
  Flag,
  layout,
  SEGMENT_ATTRIBUTES,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  segmentAddress,
} from "../state.ts";
import { VIRTUAL_8086_SEGMENT } from "../task-switch.ts";
import { CS, DATA, DATA_MASK, dplOf, type FastGatesClient, type GateTables, RSP, SS, TR } from "./tables.ts";

/** Bits of a descriptor's upper half: present, accessed 32-bit code that does not conform; the DPL apart. */
const CODE_MASK = 0x0040_9d00;
const CODE_32 = 0x0040_9900;
/** D/B of a descriptor's upper half, and of a segment register's attributes. */
const BIG = 0x0040_0000;
/** Type of a 32-bit TSS: bit 3 of the attributes. */
const TASK_32 = 8;
/** Segment registers that a virtual-8086 program loses, in the order in which they are pushed. */
const VIRTUAL_SEGMENTS = (["gs", "fs", "ds", "es"] as const).map(segmentAddress);
/** What RFLAGS holds besides arithmetic flags. */
const DEFINED_SYSTEM_FLAGS = 0x3f_7700;
const EFFECTIVE_STACK = layout.effectiveBases + 2 * 8;

export class ProtectedGates {
  readonly #tables: GateTables;
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  readonly #client: FastGatesClient;

  constructor(tables: GateTables) {
    this.#tables = tables;
    this.#i32 = tables.i32;
    this.#u16 = tables.u16;
    this.#client = tables.client;
  }

  /** Whether the stack that is loaded is flat, as far as accesses go, and ESP its pointer. */
  #stackIsFlat(): boolean {
    const attributes = this.#u16[(SS + SEGMENT_ATTRIBUTES) >> 1];
    return (this.#i32[(EFFECTIVE_STACK + 4) >> 2] & CHECKED_SEGMENT_HIGH) === 0 && (attributes & (BIG >> 12)) !== 0;
  }

  /** Host address of the descriptor of a flat, writable 32-bit stack, or 0. */
  #stackDescriptor(selector: number, privilege: number): number {
    if ((selector & 3) !== privilege) return 0;
    const host = this.#tables.descriptor(selector);
    if (host === 0) return 0;
    const high = this.#tables.word(host + 4);
    const fits = (high & (DATA_MASK | BIG)) === (DATA | BIG) && dplOf(high) === privilege;
    return fits && this.#tables.limit(host) === -1 ? host : 0;
  }

  /** Delivers an event through a gate. `software`: INT n, whose gate's DPL counts; `errorCode`: -1 if there is none. */
  deliver(vector: number, software: boolean, rip: number, flags: number, errorCode: number): boolean {
    if (!this.#client.mayBeFast32()) return false;
    const i32 = this.#i32;
    const u16 = this.#u16;
    const tables = this.#tables;
    if (vector * 8 + 7 > i32[(layout.idtr + 8) >> 2] >>> 0) return false;
    const gate = tables.inTable(layout.idtr, vector * 8, 8);
    if (gate === 0) return false;
    const low = tables.word(gate);
    const high = tables.word(gate + 4);
    const cpl = i32[layout.cpl >> 2];
    if ((high & 0x1e00) !== 0x0e00 || !(high & 0x8000) || (software && dplOf(high) < cpl)) return false;
    const selector = low >>> 16;
    const target = (low & 0xffff) | (high & 0xffff_0000);
    const code = tables.descriptor(selector);
    if (code === 0) return false;
    const codeHigh = tables.word(code + 4);
    if ((codeHigh & CODE_MASK) !== CODE_32 || dplOf(codeHigh) !== 0) return false;
    if (target >>> 0 > tables.limit(code) >>> 0) return false;

    const virtual = (i32[layout.systemFlags >> 2] & Flag.VM) !== 0;
    const oldPointer = i32[RSP >> 2];
    let pointer = oldPointer;
    let stackSelector = 0;
    let stackDescriptor = 0;
    let base: number;
    if (cpl === 0) {
      if (!this.#stackIsFlat()) return false;
      base = i32[SS >> 2];
    } else {
      if (!(u16[(TR + SEGMENT_ATTRIBUTES) >> 1] & TASK_32) || i32[(TR + SEGMENT_LIMIT) >> 2] >>> 0 < 9) return false;
      const inner = tables.inTable(TR, 4, 6);
      if (inner === 0) return false;
      pointer = tables.word(inner);
      stackSelector = tables.word(inner + 4) & 0xffff;
      stackDescriptor = this.#stackDescriptor(stackSelector, 0);
      if (stackDescriptor === 0) return false;
      const stackHigh = tables.word(stackDescriptor + 4);
      base = (tables.word(stackDescriptor) >>> 16) | ((stackHigh & 0xff) << 16) | (stackHigh & 0xff00_0000);
    }
    const size = (cpl === 0 ? 12 : virtual ? 36 : 20) + (errorCode < 0 ? 0 : 4);
    const newPointer = (pointer - size) | 0;
    const linear = (base + newPointer) | 0;
    if (pointer & 3 || base & 3 || pointer >>> 0 < size || (linear & 0xfff) + size > 4096) return false;
    let word = this.#client.tlb.lookUp(linear, 0, false, true) >>> 2;
    if (word === 0) return false;

    if (errorCode >= 0) i32[word++] = errorCode;
    i32[word++] = rip;
    i32[word++] = u16[(CS + SEGMENT_SELECTOR) >> 1];
    i32[word++] = flags;
    if (cpl !== 0) {
      i32[word++] = oldPointer;
      i32[word++] = u16[(SS + SEGMENT_SELECTOR) >> 1];
    }
    if (virtual)
      for (let i = VIRTUAL_SEGMENTS.length - 1; i >= 0; i--) {
        const at = VIRTUAL_SEGMENTS[i];
        i32[word++] = u16[(at + SEGMENT_SELECTOR) >> 1];
        tables.clearSegment(at);
      }

    i32[RSP >> 2] = newPointer;
    i32[(RSP + 4) >> 2] = 0;
    i32[layout.systemFlags >> 2] &= ~(Flag.TF | Flag.NT | Flag.RF | Flag.VM | (high & 0x100 ? 0 : Flag.IF));
    i32[layout.rip >> 2] = target;
    i32[(layout.rip + 4) >> 2] = 0;
    let changed = tables.loadSegment(CS, selector & 0xfffc, code) || virtual;
    if (cpl !== 0) {
      if (tables.loadSegment(SS, stackSelector, stackDescriptor)) changed = true;
      i32[layout.cpl >> 2] = 0;
    }
    if (changed) this.#client.modeChanged();
    else if (cpl !== 0) this.#client.privilegeChanged();
    return true;
  }

  /** IRETD to a virtual-8086 program, from the stack at `stack` (as an index of words), which lies at `linear`. */
  #returnToVirtual(linear: number, stack: number): number {
    if ((linear & 0xfff) + 36 > 4096) return -1;
    const i32 = this.#i32;
    const flags = i32[stack + 2];
    this.#loadVirtual(CS, i32[stack + 1]);
    this.#loadVirtual(SS, i32[stack + 4]);
    VIRTUAL_SEGMENTS.forEach((at, i) => {
      this.#loadVirtual(at, i32[stack + 8 - i]);
    });
    i32[RSP >> 2] = i32[stack + 3];
    i32[(RSP + 4) >> 2] = 0;
    i32[layout.rip >> 2] = i32[stack] & 0xffff;
    i32[(layout.rip + 4) >> 2] = 0;
    i32[layout.systemFlags >> 2] = flags & DEFINED_SYSTEM_FLAGS;
    i32[layout.cpl >> 2] = 3;
    this.#client.modeChanged();
    return flags >>> 0;
  }
  #loadVirtual(at: number, selector: number): void {
    const i32 = this.#i32;
    i32[at >> 2] = (selector & 0xffff) << 4;
    i32[(at + 4) >> 2] = 0;
    i32[(at + SEGMENT_LIMIT) >> 2] = 0xffff;
    this.#u16[(at + SEGMENT_SELECTOR) >> 1] = selector;
    this.#u16[(at + SEGMENT_ATTRIBUTES) >> 1] = VIRTUAL_8086_SEGMENT;
  }

  /** IRETD to 32-bit code of the same or an outer level, or to a virtual-8086 program. The arithmetic flags are left to the caller; -1: not done, else RFLAGS. */
  interruptReturn(): number {
    if (!this.#client.mayBeFast32() || !this.#stackIsFlat()) return -1;
    const i32 = this.#i32;
    const tables = this.#tables;
    const cpl = i32[layout.cpl >> 2];
    const old = i32[layout.systemFlags >> 2];
    if (old & (Flag.NT | Flag.VM)) return -1;
    const pointer = i32[RSP >> 2];
    const linear = (i32[SS >> 2] + pointer) | 0;
    if (linear & 3 || (linear & 0xfff) + 20 > 4096 || pointer >>> 0 > 0xffff_f000) return -1;
    const stack = this.#client.tlb.lookUp(linear, 0, cpl === 3, false) >>> 2;
    if (stack === 0) return -1;
    const rip = i32[stack];
    const selector = i32[stack + 1] & 0xffff;
    const flags = i32[stack + 2];
    const rpl = selector & 3;
    if (cpl === 0 && flags & Flag.VM) return this.#returnToVirtual(linear, stack);
    if (rpl < cpl) return -1;
    const code = tables.descriptor(selector);
    if (code === 0) return -1;
    const codeHigh = tables.word(code + 4);
    if ((codeHigh & CODE_MASK) !== CODE_32 || dplOf(codeHigh) !== rpl) return -1;
    if (rip >>> 0 > tables.limit(code) >>> 0) return -1;
    const outer = rpl !== cpl;
    const stackSelector = outer ? i32[stack + 4] & 0xffff : 0;
    const stackDescriptor = outer ? this.#stackDescriptor(stackSelector, rpl) : 0;
    if (outer && stackDescriptor === 0) return -1;

    const iopl = (old >> 12) & 3;
    const always = Flag.DF | Flag.TF | Flag.NT | Flag.AC | Flag.ID | Flag.RF;
    const writable = always | (cpl === 0 ? Flag.IOPL | Flag.VIF | Flag.VIP : 0) | (cpl <= iopl ? Flag.IF : 0);
    i32[layout.systemFlags >> 2] = (old & ~writable) | (flags & writable);
    i32[layout.rip >> 2] = rip;
    i32[(layout.rip + 4) >> 2] = 0;
    i32[RSP >> 2] = outer ? i32[stack + 3] : pointer + 12;
    i32[(RSP + 4) >> 2] = 0;
    let changed = tables.loadSegment(CS, selector, code);
    if (outer) {
      if (tables.loadSegment(SS, stackSelector, stackDescriptor)) changed = true;
      if (tables.leaveSegments(rpl)) changed = true;
      i32[layout.cpl >> 2] = rpl;
    }
    if (changed) this.#client.modeChanged();
    // Also for EFLAGS.AC.
    else if (rpl !== 0) this.#client.privilegeChanged();
    return flags >>> 0;
  }
}
