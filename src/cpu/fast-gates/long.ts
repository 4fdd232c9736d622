/**
 * The common cases of exception delivery, IRETQ, SYSCALL and SYSRET, without a bigint: 64-bit code, interrupt or trap gate to a 64-bit segment of ring 0,
 * everything present, within its page and in the TLB. They answer false, with nothing changed, wherever anything else is the
 * case; then interrupts.ts does it, whose checks these repeat.
 */
import {
  ARITHMETIC_FLAGS,
  Attribute,
  addressOf,
  Flag,
  layout,
  SEGMENT_ATTRIBUTES,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
} from "../state.ts";
import { CS, DATA, DATA_MASK, dplOf, type FastGatesClient, type GateTables, RSP, SS, TR } from "./tables.ts";

const EFER = addressOf("efer");
const STAR = addressOf("star");
const LSTAR = addressOf("lstar");
const SFMASK = addressOf("sfmask");
const RCX = addressOf("rcx");
const R11 = addressOf("r11");
const RING_3 = 3 << Attribute.dplShift;
const FLAT_CODE = 0x9b | Attribute.granularity | Attribute.longMode;
const FLAT_DATA = 0x93 | Attribute.granularity | Attribute.big;
/** Bits of a descriptor's upper half: present, accessed 64-bit code that does not conform; the DPL apart. */
const CODE_MASK = 0x0060_9d00;
const CODE_64 = 0x0020_9900;
const isCanonical = (high: number): boolean => high >> 15 === 0 || high >> 15 === -1;

export class LongGates {
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

  /**
   * Delivers an event through a gate. `gateChecked`: INT n, whose gate's DPL counts. `flags`: what is pushed; `errorCode`: -1 if
   * there is none.
   */
  deliver(
    vector: number,
    software: boolean,
    ripLow: number,
    ripHigh: number,
    flags: number,
    errorCode: number,
  ): boolean {
    if (!this.#client.mayBeFast64()) return false;
    const i32 = this.#i32;
    const u16 = this.#u16;
    if (vector * 16 + 15 > i32[(layout.idtr + 8) >> 2] >>> 0) return false;
    const gate = this.#tables.inTable(layout.idtr, vector * 16, 16);
    if (gate === 0) return false;
    const low = this.#tables.word(gate);
    const middle = this.#tables.word(gate + 4);
    const targetHigh = this.#tables.word(gate + 8);
    const type = (middle >>> 8) & 0x1f;
    const cpl = i32[layout.cpl >> 2];
    if ((type & 0x1e) !== 0xe || !(middle & 0x8000) || (software && dplOf(middle) < cpl)) return false;
    const selector = low >>> 16;
    const code = this.#tables.descriptor(selector);
    if (code === 0) return false;
    const codeHigh = this.#tables.word(code + 4);
    if ((codeHigh & CODE_MASK) !== CODE_64 || dplOf(codeHigh) !== 0 || !isCanonical(targetHigh)) return false;

    let stackLow = i32[RSP >> 2];
    let stackHigh = i32[(RSP + 4) >> 2];
    const ist = middle & 7;
    if (ist !== 0 || cpl !== 0) {
      const at = ist !== 0 ? 0x24 + 8 * (ist - 1) : 4;
      if (at + 7 > i32[(TR + SEGMENT_LIMIT) >> 2] >>> 0) return false;
      const pointer = this.#tables.inTable(TR, at, 8);
      if (pointer === 0) return false;
      stackLow = this.#tables.word(pointer);
      stackHigh = this.#tables.word(pointer + 4);
    }
    stackLow &= ~0xf;
    const size = errorCode < 0 ? 40 : 48;
    const newLow = (stackLow - size) | 0;
    if (stackLow >>> 0 < size || (newLow & 0xfff) + size > 4096 || !isCanonical(stackHigh)) return false;
    const stack = this.#client.tlb.lookUp(newLow, stackHigh, false, true) >>> 2;
    if (stack === 0) return false;

    let word = stack;
    if (errorCode >= 0) {
      i32[word] = errorCode;
      i32[word + 1] = 0;
      word += 2;
    }
    i32[word] = ripLow;
    i32[word + 1] = ripHigh;
    i32[word + 2] = u16[(CS + SEGMENT_SELECTOR) >> 1];
    i32[word + 3] = 0;
    i32[word + 4] = flags;
    i32[word + 5] = 0;
    i32[word + 6] = i32[RSP >> 2];
    i32[word + 7] = i32[(RSP + 4) >> 2];
    i32[word + 8] = u16[(SS + SEGMENT_SELECTOR) >> 1];
    i32[word + 9] = 0;

    i32[RSP >> 2] = newLow;
    i32[(RSP + 4) >> 2] = stackHigh;
    i32[layout.systemFlags >> 2] &= ~(Flag.TF | Flag.NT | Flag.RF | Flag.VM | (type === 0xe ? Flag.IF : 0));
    this.#tables.loadSegment(CS, selector & 0xfffc, code);
    i32[layout.rip >> 2] = (low & 0xffff) | (middle & 0xffff_0000);
    i32[(layout.rip + 4) >> 2] = targetHigh;
    if (cpl !== 0) {
      this.#tables.clearSegment(SS);
      i32[layout.cpl >> 2] = 0;
      this.#client.privilegeChanged();
    }
    return true;
  }

  /** IRETQ to 64-bit code of the same or an outer level. The arithmetic flags are left to the caller; -1: not done, else RFLAGS. */
  interruptReturn(): number {
    if (!this.#client.mayBeFast64()) return -1;
    const i32 = this.#i32;
    const u16 = this.#u16;
    const cpl = i32[layout.cpl >> 2];
    if (i32[layout.systemFlags >> 2] & Flag.NT) return -1;
    const pointer = i32[RSP >> 2];
    if (pointer & 7 || (pointer & 0xfff) + 40 > 4096) return -1;
    const stack = this.#client.tlb.lookUp(pointer, i32[(RSP + 4) >> 2], cpl === 3, false) >>> 2;
    if (stack === 0) return -1;
    const ripHigh = i32[stack + 1];
    const selector = i32[stack + 2] & 0xffff;
    const flags = i32[stack + 4];
    const stackSelector = i32[stack + 8] & 0xffff;
    const rpl = selector & 3;
    if (rpl < cpl || !isCanonical(ripHigh)) return -1;
    const code = this.#tables.descriptor(selector);
    if (code === 0) return -1;
    const codeHigh = this.#tables.word(code + 4);
    if ((codeHigh & CODE_MASK) !== CODE_64 || dplOf(codeHigh) !== rpl) return -1;
    const isNull = (stackSelector & 0xfffc) === 0;
    const data = isNull ? 0 : this.#tables.descriptor(stackSelector);
    if (isNull) {
      if (rpl === 3) return -1;
    } else {
      if (data === 0 || (stackSelector & 3) !== rpl) return -1;
      const dataHigh = this.#tables.word(data + 4);
      if ((dataHigh & DATA_MASK) !== DATA || dplOf(dataHigh) !== rpl) return -1;
    }

    const iopl = (i32[layout.systemFlags >> 2] >> 12) & 3;
    const writable =
      Flag.DF |
      Flag.TF |
      Flag.NT |
      Flag.AC |
      Flag.ID |
      Flag.RF |
      (cpl === 0 ? Flag.IOPL | Flag.VIF | Flag.VIP : 0) |
      (cpl <= iopl ? Flag.IF : 0);
    i32[layout.systemFlags >> 2] = (i32[layout.systemFlags >> 2] & ~writable) | (flags & writable);
    i32[layout.rip >> 2] = i32[stack];
    i32[(layout.rip + 4) >> 2] = ripHigh;
    const newPointer = i32[stack + 6];
    const newPointerHigh = i32[stack + 7];
    if (data === 0) {
      this.#tables.clearSegment(SS);
      u16[(SS + SEGMENT_SELECTOR) >> 1] = stackSelector;
      u16[(SS + SEGMENT_ATTRIBUTES) >> 1] = rpl << Attribute.dplShift;
    } else this.#tables.loadSegment(SS, stackSelector, data);
    this.#tables.loadSegment(CS, selector, code);
    i32[RSP >> 2] = newPointer;
    i32[(RSP + 4) >> 2] = newPointerHigh;
    if (rpl !== cpl) {
      this.#tables.leaveSegments(rpl);
      i32[layout.cpl >> 2] = rpl;
    }
    // Also for EFLAGS.AC.
    if (rpl !== 0) this.#client.privilegeChanged();
    return flags >>> 0;
  }

  #loadFlat(at: number, selector: number, attributes: number): void {
    const i32 = this.#i32;
    i32[at >> 2] = 0;
    i32[(at + 4) >> 2] = 0;
    i32[(at + SEGMENT_LIMIT) >> 2] = -1;
    this.#u16[(at + SEGMENT_SELECTOR) >> 1] = selector;
    this.#u16[(at + SEGMENT_ATTRIBUTES) >> 1] = attributes;
  }
  #copyWord(to: number, from: number): void {
    this.#i32[to >> 2] = this.#i32[from >> 2];
    this.#i32[(to + 4) >> 2] = this.#i32[(from + 4) >> 2];
  }

  /** SYSCALL of 64-bit code; `next`: where the address after it lies. Returns RFLAGS as they are to be, -1: not done. */
  systemCall(flags: number, next: number): number {
    const i32 = this.#i32;
    if (!this.#client.mayBeFast64() || !(i32[EFER >> 2] & 1)) return -1;
    const selector = i32[(STAR + 4) >> 2] & 0xfffc;
    this.#copyWord(RCX, next);
    i32[R11 >> 2] = flags & ~Flag.RF;
    i32[(R11 + 4) >> 2] = 0;
    this.#copyWord(layout.rip, LSTAR);
    this.#loadFlat(SS, selector + 8, FLAT_DATA);
    this.#loadFlat(CS, selector, FLAT_CODE);
    i32[layout.cpl >> 2] = 0;
    this.#client.privilegeChanged();
    return flags & ~i32[SFMASK >> 2] & ~Flag.RF;
  }

  /** SYSRET to 64-bit code, likewise. AMD leaves SS alone, but for its selector. */
  systemReturn(): number {
    const i32 = this.#i32;
    if (!this.#client.mayBeFast64() || !(i32[EFER >> 2] & 1) || i32[layout.cpl >> 2] !== 0) return -1;
    const flags = i32[R11 >> 2] & 0x3c_7fd7;
    const selector = i32[(STAR + 4) >> 2] >>> 16;
    this.#copyWord(layout.rip, RCX);
    this.#u16[(SS + SEGMENT_SELECTOR) >> 1] = (selector + 8) | 3;
    this.#loadFlat(CS, (selector + 16) | 3, FLAT_CODE | RING_3);
    i32[layout.systemFlags >> 2] = flags & ~ARITHMETIC_FLAGS & ~2;
    i32[layout.cpl >> 2] = 3;
    this.#client.privilegeChanged();
    return flags;
  }
}
