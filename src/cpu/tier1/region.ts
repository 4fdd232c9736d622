/**
 * Code for one region: blocks of tier 0 as labels of a br_table in a loop. Within a virtual page a block is followed directly,
 * as tier 0 links blocks; into another page only if the jump cache still says that the same block lies there; everything else is
 * looked up in the jump cache, and stays in the region if the block found is one of its own.
 */
import { JUMP_CACHE_ENTRIES } from "../../mmu/memory-layout.ts";
import { c32, c64, type Expr, FunctionBuilder, i32, i64, type Label, load32, load64 } from "../../wasm/index.ts";
import type { Block } from "../blocks.ts";
import { layout } from "../state.ts";
import { type Handlers, regionSignature } from "../tier0/handlers.ts";
import { RECORD_BYTES, Record } from "../tier0/record.ts";
import { RegionEmitter } from "./emitter.ts";
import { Frame } from "./frame.ts";

const ZERO = c32(0);

/** The address of a block. */
export const ripOf = (block: Block): bigint =>
  BigInt.asUintN(64, (BigInt(block.ripHigh) << 32n) | BigInt(block.ripLow >>> 0));

/** Addresses to which a block goes on directly: what jumps and falls through, not what returns. */
export function successors(view: DataView, block: Block, handlers: Handlers): bigint[] {
  const last = block.header + block.count * RECORD_BYTES;
  const form = handlers.formOf(view.getInt32(last, true));
  if (form === undefined) return [];
  const next = view.getBigUint64(last + Record.nextRip, true);
  const { attributes, row } = form.definition;
  if (!row.operands.some((operand) => operand.place === "relative")) return attributes.ends ? [] : [next];
  // The instruction after a call follows, too, sooner or later.
  return [view.getBigUint64(last + Record.immediate, true), next];
}

export class RegionBuilder {
  readonly #blocks: readonly Block[];
  readonly #handlers: Handlers;
  readonly #id: number;
  readonly #f: FunctionBuilder;
  readonly #frame: Frame;
  readonly #index = new Map<bigint, number>();
  readonly #labels: Label[] = [];
  /** The block being emitted. */
  #current = 0;
  #self: Label | undefined;
  /** Table slots of instructions that tier 0 has to execute. */
  readonly onlyTier0 = new Set<number>();

  /** `blocks` in the order in which they lie in memory. */
  constructor(blocks: readonly Block[], id: number, view: DataView, handlers: Handlers) {
    this.#blocks = blocks;
    this.#handlers = handlers;
    this.#id = id;
    this.#f = new FunctionBuilder(regionSignature, "region");
    this.#frame = new Frame(this.#f, view);
    blocks.forEach((block, i) => {
      this.#index.set(ripOf(block), i);
    });
  }

  /** Whether the region calls functions of x87/fast.ts. */
  get usesX87(): boolean {
    return this.#frame.usesX87;
  }

  build(): FunctionBuilder {
    const f = this.#f;
    const frame = this.#frame;
    const count = this.#blocks.length;
    frame.exit = f.begin("block");
    frame.dispatch = f.begin("loop");
    for (let i = count; i >= 0; i--) this.#labels[i] = f.begin("block");
    frame.lookup = this.#labels[count];
    f.branchTable(frame.label, this.#labels.slice(0, count));
    for (let i = 0; i < count; i++) {
      f.end();
      this.#current = i;
      this.#emitBlock(this.#blocks[i]);
    }
    f.end();
    this.#emitLookup();
    f.end();
    f.unreachable();
    f.end();
    frame.writeExit();
    frame.writeEntry();
    return f;
  }

  #emitBlock(block: Block): void {
    const f = this.#f;
    const frame = this.#frame;
    const { view } = frame;
    frame.known = undefined;
    frame.checkedUnits.clear();
    const loops = successors(view, block, this.#handlers).includes(ripOf(block));
    this.#self = loops ? f.begin("loop") : undefined;
    const leave = (): void => {
      if (this.#self !== undefined) f.end();
      f.unreachable();
    };
    let record = block.header;
    for (let i = 0; i < block.count; i++) {
      record += RECORD_BYTES;
      const form = this.#handlers.formOf(view.getInt32(record, true));
      if (form === undefined) {
        frame.leaveTo(c32(record));
        leave();
        return;
      }
      const emitter = new RegionEmitter(frame, record, form.definition, form.variant, this);
      const outcome = emitter.emitInRegion();
      if (outcome === "tier 0") this.onlyTier0.add(view.getInt32(record, true));
      if (outcome !== "next") {
        leave();
        return;
      }
    }
    this.follow(view.getBigUint64(record + Record.nextRip, true));
    leave();
  }

  follow(rip: bigint): void {
    const f = this.#f;
    const frame = this.#frame;
    const index = this.#index.get(rip);
    if (index === undefined) {
      frame.lookUp(c64(rip));
      return;
    }
    const from = this.#blocks[this.#current];
    const to = this.#blocks[index];
    const samePage =
      ((to.ripLow ^ from.ripLow) & ~0xfff) === 0 &&
      to.ripHigh === from.ripHigh &&
      ((from.physical - from.ripLow) & 0xfff) === 0;
    if (samePage) {
      this.#enter(index);
      return;
    }
    const hash = Number((rip ^ (rip >> 12n)) & BigInt(JUMP_CACHE_ENTRIES - 1)) * 16;
    const base = load32("i32", ZERO, layout.jumpCacheBase);
    const entry = f.let(hash === 0 ? base : i32.add(base, c32(hash)));
    const same = i32.and(i64.eq(load64("i64", entry), c64(rip)), i32.eq(load32("i32", entry, 8), c32(to.header)));
    f.if(same, () => this.#enter(index));
    frame.lookUp(c64(rip));
  }

  /** Charges for a block of the region and goes there. */
  #enter(index: number): void {
    const f = this.#f;
    const frame = this.#frame;
    const block = this.#blocks[index];
    frame.charge(c32(block.count), c64(ripOf(block)));
    if (index === this.#current && this.#self !== undefined) f.branch(this.#self);
    else if (index > this.#current) f.branch(this.#labels[index]);
    else frame.goTo(c32(index));
  }

  #emitLookup(): void {
    const f = this.#f;
    const frame = this.#frame;
    const { target } = frame;
    f.reuseLocals();
    const hash: Expr = i32.xor(i32.wrap(target), i32.wrap(i64.shr_u(target, c64(12))));
    const offset = i32.shl(i32.and(hash, c32(JUMP_CACHE_ENTRIES - 1)), c32(4));
    const entry = f.let(i32.add(offset, load32("i32", ZERO, layout.jumpCacheBase)));
    f.if(i64.eq(load64("i64", entry), target), () => {
      const block = f.let(load32("i32", entry, 8));
      f.if(i32.eq(load32("i32", block, Record.target), c32(this.#id)), () => {
        frame.charge(load32("u16", block, Record.remaining), target);
        frame.goTo(load32("i32", block, Record.notTaken));
      });
      frame.leaveTo(block);
    });
    frame.leaveToTypeScript(target);
  }
}
