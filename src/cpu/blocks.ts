/**
 * Translation: basic blocks of guest code as records in linear memory, found again by physical address, linked directly within
 * a page, dropped when their code is overwritten.
 */
import { RAM, RECORDS, RECORDS_BYTES } from "../mmu/memory-layout.ts";
import type { Tlb } from "../mmu/tlb.ts";
import { ABSOLUTE, Decoded, Decoder, MemoryForm, NO_REGISTER, RIP_RELATIVE } from "./decoder.ts";
import { Vector } from "./fault.ts";
import type { OperandForm } from "./operand-forms.ts";
import { layout, SEGMENT_BYTES, XMM_STRIDE } from "./state.ts";
import { Fixed, type Handlers } from "./tier0/handlers.ts";
import { RECORD_BYTES, Record } from "./tier0/record.ts";
import { x87Layout } from "./x87/layout.ts";

const LONGEST_BLOCK = 64;
/** Room that a block may need: header, instructions, fall-through, links. */
const BLOCK_BYTES = (LONGEST_BLOCK + 8) * RECORD_BYTES;
const LONGEST_INSTRUCTION = 15;
const PAGE = 4096;

export interface Block {
  /** Address of its header record. */
  readonly header: number;
  readonly count: number;
  readonly ripLow: number;
  readonly ripHigh: number;
  readonly mode: number;
  /** CS limit under which it was translated. */
  readonly limit: number;
  /** Physical ranges [start, end) of its code: one, or two if its instruction crosses a page. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
  /** Link records of other blocks that lead here. */
  readonly incoming: number[];
  dropped: boolean;
  readonly key: number;
  /** Physical address of its first byte. */
  readonly physical: number;
  /** The region of tier 1 that it is part of. */
  region: Region | undefined;
}

/** A group of blocks that tier 1 has compiled. */
export interface Region {
  readonly id: number;
  readonly blocks: readonly Block[];
}

/** Where code is to be fetched and in which mode. */
export interface CodePlace {
  ripLow: number;
  ripHigh: number;
  /** Physical address of the first byte. */
  physical: number;
  codeBits: 16 | 32 | 64;
  stackSize: 2 | 4 | 8;
  /** Low halves of RIP and linear address differ by this (CS base). */
  csBaseLow: number;
  /** Largest offset of code: the limit of CS; in 64-bit mode there is none (Infinity). */
  limit: number;
}

export class Blocks {
  readonly #i32: Int32Array;
  readonly #u16: Uint16Array;
  readonly #u8: Uint8Array;
  readonly #ram: Uint8Array;
  readonly #handlers: Handlers;
  readonly #tlb: Tlb;
  readonly #decoder = new Decoder();
  readonly #byKey = new Map<number, Block[]>();
  readonly #byPage = new Map<number, Set<Block>>();
  /** 1: the physical page holds translated code. */
  readonly isCode: Uint8Array;
  #free = RECORDS;
  /** Changes whenever all records are dropped: addresses of records from before mean nothing. */
  generation = 0;
  /** Blocks by the address of their header. */
  readonly byHeader = new Map<number, Block>();
  /** How often a new block is to be entered before tier 1 is told of it; undefined: never. */
  threshold: ((page: number, single: boolean) => number | undefined) | undefined;
  /** Told of blocks that are being dropped while they are part of a region. */
  regionBroken: ((region: Region) => void) | undefined;
  /** Told when all blocks are dropped at once. */
  flushed: (() => void) | undefined;
  readonly #crossing = new Uint8Array(2 * LONGEST_INSTRUCTION);
  /** Whether a block must end before an address (breakpoints). */
  endsBefore: ((ripLow: number, ripHigh: number) => boolean) | undefined;

  constructor(memory: WebAssembly.Memory, ramBytes: number, handlers: Handlers, tlb: Tlb) {
    this.#i32 = new Int32Array(memory.buffer);
    this.#u16 = new Uint16Array(memory.buffer);
    this.#u8 = new Uint8Array(memory.buffer);
    this.#ram = new Uint8Array(memory.buffer, RAM, ramBytes);
    this.#handlers = handlers;
    this.#tlb = tlb;
    this.isCode = new Uint8Array(Math.ceil(ramBytes / PAGE) + 1);
  }

  /**
   * The block at a place, translated now if it is not there. `single`: of one instruction. `secondPage` gives the physical
   * address of the page after the first, or throws the fault of fetching there.
   */
  get(place: CodePlace, single: boolean, secondPage: () => number): Block {
    const mode = (place.codeBits >> 4) * 16 + place.stackSize + (single ? 1 : 0);
    const key = place.physical * 2 + (single ? 1 : 0);
    const candidates = this.#byKey.get(key);
    if (candidates !== undefined)
      for (const block of candidates)
        if (
          block.ripLow === place.ripLow &&
          block.ripHigh === place.ripHigh &&
          block.mode === mode &&
          block.limit === place.limit
        )
          return block;
    if (this.#free + BLOCK_BYTES > RECORDS + RECORDS_BYTES) this.flush();
    return this.#translate(place, single ? 1 : LONGEST_BLOCK, key, mode, secondPage);
  }

  /** The block at an address like `block`'s and in the same mode, if there is one. `physical`: of its first byte. */
  find(block: Block, ripLow: number, ripHigh: number, physical: number): Block | undefined {
    for (const other of this.#byKey.get(physical * 2) ?? [])
      if (
        other.ripLow === ripLow &&
        other.ripHigh === ripHigh &&
        other.mode === block.mode &&
        other.limit === block.limit
      )
        return other;
    return undefined;
  }

  /** The blocks on a physical page. */
  onPage(page: number): Iterable<Block> {
    return this.#byPage.get(page) ?? [];
  }

  #translate(place: CodePlace, limit: number, key: number, mode: number, secondPage: () => number): Block {
    const decoder = this.#decoder;
    const { ripLow, ripHigh, physical, codeBits } = place;
    const header = this.#free;
    const pageStart = physical - (physical % PAGE);
    const pageEnd = Math.min(pageStart + PAGE, this.#ram.length);
    let at = physical;
    let record = header + RECORD_BYTES;
    let count = 0;
    let open = true;
    const ranges: [number, number][] = [];
    while (open && count < limit) {
      const low = (ripLow + (at - physical)) | 0;
      const high = this.#carry(ripLow, at - physical, ripHigh, codeBits);
      if (count > 0 && this.endsBefore?.(low, high)) break;
      // How many bytes from here on are within the limit.
      const room = place.limit - (ripLow >>> 0) - (at - physical) + 1;
      let verdict = decoder.decode(this.#ram, at, Math.min(pageEnd, at + room), codeBits);
      let outside = verdict === Decoded.incomplete && pageEnd - at >= room;
      if (outside && count > 0) break;
      if (verdict === Decoded.incomplete && !outside) {
        if (count > 0) break;
        // The first instruction goes on in the next page: a block of its own.
        const here = pageEnd - at;
        const next = secondPage();
        this.#crossing.fill(0xff);
        this.#crossing.set(this.#ram.subarray(at, pageEnd));
        const there = this.#ram.subarray(next, next + LONGEST_INSTRUCTION - here);
        this.#crossing.set(there, here);
        verdict = decoder.decode(this.#crossing, 0, Math.min(LONGEST_INSTRUCTION, room), codeBits);
        ranges.push([next, next + LONGEST_INSTRUCTION - here]);
        limit = 1;
        outside = verdict === Decoded.incomplete;
      }
      count++;
      if (verdict === Decoded.ok && !outside) {
        at += decoder.length;
        this.#emit(record, place, at - physical);
        open = !decoder.definition.attributes.ends;
      } else {
        const vector = verdict === Decoded.tooLong || outside ? Vector.GP : Vector.UD;
        this.#raise(record, place, at - physical, vector, vector === Vector.GP ? 0 : -1);
        open = false;
        // Whatever of it changes may make it an instruction.
        at = Math.min(at + LONGEST_INSTRUCTION, pageEnd);
      }
      record += RECORD_BYTES;
    }
    // What follows when nothing jumped: also after instructions that end a block on some paths only.
    const after = at - physical;
    record = this.#link(record, 0, (ripLow + after) | 0, this.#carry(ripLow, after, ripHigh, codeBits), place);
    if (!open) record = this.#emitLinks(header, count, record, place);
    this.#free = record;
    for (let i = 0; i < count; i++) this.#u16[(header + RECORD_BYTES * (i + 1) + Record.remaining) >> 1] = count - i;
    const threshold = this.threshold?.(Math.floor(physical / PAGE), limit === 1);
    this.#i32[header >> 2] = threshold === undefined ? Fixed.header : Fixed.counting;
    this.#i32[(header + Record.immediate) >> 2] = threshold ?? 0;
    this.#i32[(header + Record.target) >> 2] = 0;
    this.#u16[(header + Record.remaining) >> 1] = count;
    this.#u8[header + Record.length] = 0;
    this.#i32[(header + Record.nextRip) >> 2] = ripLow;
    this.#i32[(header + Record.nextRip + 4) >> 2] = ripHigh;
    this.#handlers.flush();
    ranges.push([physical, Math.min(at, pageEnd)]);
    const block: Block = {
      header,
      count,
      ripLow,
      ripHigh,
      mode,
      limit: place.limit,
      ranges,
      incoming: [],
      dropped: false,
      key,
      physical,
      region: undefined,
    };
    this.byHeader.set(header, block);
    const same = this.#byKey.get(key);
    if (same === undefined) this.#byKey.set(key, [block]);
    else same.push(block);
    for (const [start] of ranges) {
      const page = Math.floor(start / PAGE);
      const blocks = this.#byPage.get(page);
      if (blocks === undefined) this.#byPage.set(page, new Set([block]));
      else blocks.add(block);
      if (!this.isCode[page]) {
        this.isCode[page] = 1;
        this.#tlb.protect(page);
      }
    }
    return block;
  }

  /** High half of RIP + delta. */
  #carry(low: number, delta: number, high: number, codeBits: number): number {
    if (codeBits !== 64) return 0;
    return (low >>> 0) + delta > 0xffff_ffff ? (high + 1) | 0 : high;
  }

  /** Fills one instruction's record from the decoder. `end`: offset of the next instruction from the block's start. */
  #emit(record: number, place: CodePlace, end: number): void {
    const d = this.#decoder;
    const { row } = d.definition;
    const i32 = this.#i32;
    const u16 = this.#u16;
    const slot = this.#handlers.slot(d.definition, {
      size: d.size,
      addressSize: d.addressSize,
      mode: place.codeBits,
      stackSize: place.stackSize,
      memoryForm: d.isMemory ? d.memoryForm : MemoryForm.none,
      repeat: !d.definition.attributes.string || d.repeat === 0 ? "none" : d.repeat === 1 ? "rep" : "repne",
    });
    i32[record >> 2] = slot;
    this.#u8[record + Record.length] = d.length;
    this.#u8[record + Record.flags] = d.stackSegment ? 1 : 0;
    this.#u8[record + Record.modrm] = d.modrm;
    const next = (place.ripLow + end) | 0;
    i32[(record + Record.nextRip) >> 2] = next;
    i32[(record + Record.nextRip + 4) >> 2] = this.#carry(place.ripLow, end, place.ripHigh, place.codeBits);
    if (d.isMemory) {
      i32[(record + Record.base) >> 2] =
        d.base === NO_REGISTER
          ? layout.zero
          : d.base === RIP_RELATIVE
            ? record + Record.nextRip
            : d.base === ABSOLUTE
              ? record + Record.immediate
              : layout.registers + d.base * 8;
      i32[(record + Record.displacement) >> 2] = d.displacement;
      u16[(record + Record.index) >> 1] =
        d.index === NO_REGISTER
          ? layout.zero
          : d.definition.attributes.vsib
            ? layout.xmm + d.index * XMM_STRIDE
            : layout.registers + d.index * 8;
      this.#u8[record + Record.scale] = d.scale;
    }
    // Segment bases other than FS and GS do not count in 64-bit mode. String instructions have one without ModRM.
    u16[(record + Record.segment) >> 1] =
      place.codeBits !== 64
        ? layout.effectiveBases + d.segment * 8
        : d.segment < 4
          ? layout.zero
          : layout.segments + d.segment * SEGMENT_BYTES;
    for (const operand of row.operands) {
      if (operand.place === "rm" && !d.isMemory) i32[(record + Record.base) >> 2] = this.#slotOf(operand, d.rm);
      else if (operand.place === "opcode") i32[(record + Record.base) >> 2] = this.#slotOf(operand, d.opcodeRegister);
      else if (operand.place === "reg") u16[(record + Record.reg) >> 1] = this.#slotOf(operand, d.reg);
      else if (operand.place === "relative") this.#target(record, place, end);
    }
    if (!row.operands.some((o) => o.place === "relative")) {
      i32[(record + Record.immediate) >> 2] = d.immediateLow;
      i32[(record + Record.immediate + 4) >> 2] = d.immediateHigh;
      i32[(record + Record.target) >> 2] = d.immediate2;
    }
    for (const operand of row.operands) {
      if (operand.place === "vvvv") i32[(record + Record.notTaken) >> 2] = this.#slotOf(operand, d.vvvv);
      else if (operand.place === "is4") i32[(record + Record.target) >> 2] = this.#slotOf(operand, d.is4);
    }
  }

  /** Address of a register's slot; a number where there is none. */
  #slotOf(operand: OperandForm, register: number): number {
    const d = this.#decoder;
    switch (operand.file) {
      case "general": {
        const size = operand.size === 0 ? d.size : operand.size;
        if (size === 1 && d.rex === 0 && register >= 4 && register < 8)
          return layout.registers + (register - 4) * 8 + 1;
        return layout.registers + register * 8;
      }
      case "xmm":
        return layout.xmm + register * XMM_STRIDE;
      case "mmx":
        return layout.x87 + x87Layout.registers + (register & 7) * 16;
      case "segment":
        // REX.R is ignored.
        return register & 7;
      default:
        return register;
    }
  }

  /** Leaves the jump's target in the record's immediate; links are made when the block is complete. */
  #target(record: number, place: CodePlace, end: number): void {
    const d = this.#decoder;
    const base = BigInt.asUintN(64, (BigInt(place.ripHigh) << 32n) + BigInt(place.ripLow >>> 0)) + BigInt(end);
    const target = BigInt.asUintN(d.size * 8, base + BigInt(d.immediateLow));
    this.#i32[(record + Record.immediate) >> 2] = Number(BigInt.asIntN(32, target));
    this.#i32[(record + Record.immediate + 4) >> 2] = Number(BigInt.asIntN(32, target >> 32n));
  }

  /** The link records of the last instruction's targets. */
  #emitLinks(header: number, count: number, free: number, place: CodePlace): number {
    const d = this.#decoder;
    const last = header + count * RECORD_BYTES;
    if (count === 0 || this.#i32[last >> 2] === Fixed.raise) return free;
    if (!d.definition.row.operands.some((o) => o.place === "relative")) return free;
    const i32 = this.#i32;
    const low = i32[(last + Record.immediate) >> 2];
    const high = i32[(last + Record.immediate + 4) >> 2];
    const next = this.#link(free, last + Record.target, low, high, place);
    if (low >>> 0 > place.limit) {
      // The jump itself faults.
      const length = this.#u8[last + Record.length];
      this.#raise(free, place, i32[(last + Record.nextRip) >> 2] - length - place.ripLow, Vector.GP, 0);
      this.#u16[(free + Record.remaining) >> 1] = 1;
    }
    i32[(last + Record.target) >> 2] = free;
    const afterLow = i32[(last + Record.nextRip) >> 2];
    const afterHigh = i32[(last + Record.nextRip + 4) >> 2];
    const end = this.#link(next, last + Record.notTaken, afterLow, afterHigh, place);
    i32[(last + Record.notTaken) >> 2] = next;
    return end;
  }

  /** A record that leads to an address. `slot`: the field that leads to this record, 0 if it is reached in sequence. */
  #link(record: number, slot: number, low: number, high: number, place: CodePlace): number {
    const samePage = ((low ^ place.ripLow) & ~0xfff) === 0 && high === place.ripHigh && (place.csBaseLow & 0xfff) === 0;
    this.#i32[record >> 2] = samePage && slot !== 0 ? Fixed.unlinked : Fixed.cross;
    this.#u16[(record + Record.remaining) >> 1] = 0;
    this.#u8[record + Record.length] = 0;
    this.#i32[(record + Record.nextRip) >> 2] = low;
    this.#i32[(record + Record.nextRip + 4) >> 2] = high;
    this.#i32[(record + Record.immediate) >> 2] = slot;
    return record + RECORD_BYTES;
  }

  #raise(record: number, place: CodePlace, at: number, vector: number, errorCode: number): void {
    const i32 = this.#i32;
    i32[record >> 2] = Fixed.raise;
    this.#u8[record + Record.length] = 0;
    i32[(record + Record.nextRip) >> 2] = (place.ripLow + at) | 0;
    i32[(record + Record.nextRip + 4) >> 2] = this.#carry(place.ripLow, at, place.ripHigh, place.codeBits);
    i32[(record + Record.immediate) >> 2] = vector;
    i32[(record + Record.immediate + 4) >> 2] = errorCode;
  }

  /** Makes the link record that was just left lead to `block` directly. */
  connect(link: number, block: Block): void {
    // The block that held the link may have been dropped since.
    if (this.#i32[link >> 2] !== Fixed.unlinked) return;
    this.#i32[this.#i32[(link + Record.immediate) >> 2] >> 2] = block.header;
    block.incoming.push(link);
  }

  /** Drops the translations of overwritten code. */
  invalidate(start: number, end: number): void {
    for (let page = Math.floor(start / PAGE); page * PAGE < end; page++) {
      if (!this.isCode[page]) continue;
      const blocks = this.#byPage.get(page);
      if (blocks === undefined) continue;
      for (const block of blocks)
        if (block.ranges.some((range) => range[0] < end && start < range[1])) this.#drop(block);
      if (blocks.size === 0) {
        this.#byPage.delete(page);
        this.isCode[page] = 0;
      }
    }
  }

  #drop(block: Block): void {
    if (block.region !== undefined) this.regionBroken?.(block.region);
    block.dropped = true;
    this.byHeader.delete(block.header);
    const i32 = this.#i32;
    i32[block.header >> 2] = Fixed.leave;
    for (let i = 0, record = block.header + RECORD_BYTES; i <= block.count; i++, record += RECORD_BYTES)
      i32[record >> 2] = Fixed.staleRecord;
    for (const link of block.incoming) i32[i32[(link + Record.immediate) >> 2] >> 2] = link;
    this.#tlb.dropJump(block.ripLow, block.ripHigh, block.header);
    const same = this.#byKey.get(block.key)?.filter((other) => other !== block) ?? [];
    if (same.length > 0) this.#byKey.set(block.key, same);
    else this.#byKey.delete(block.key);
    for (const [start] of block.ranges) this.#byPage.get(Math.floor(start / PAGE))?.delete(block);
  }

  /** Drops everything. Not while a block runs. */
  flush(): void {
    this.flushed?.();
    this.#byKey.clear();
    this.#byPage.clear();
    this.byHeader.clear();
    this.isCode.fill(0);
    this.#free = RECORDS;
    this.generation++;
    this.#tlb.flushJumps();
  }
}
