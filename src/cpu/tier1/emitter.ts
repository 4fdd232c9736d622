/**
 * Tier 1: one instruction inside a region. Operands are constants taken from the decoded record, registers and flags are locals.
 * Whatever cannot be done here (a TLB miss, a fault, a routine) leaves the region before the instruction has had any effect,
 * and tier 0 executes the instruction from its record, and the rest of its block. So there is one copy of every slow path.
 */
import { TLB_ADDEND, TLB_READ, TLB_WRITE } from "../../mmu/memory-layout.ts";
import { c32, c64, type Expr, i32, i64, load32, load64 } from "../../wasm/index.ts";
import type { Definition } from "../definition.ts";
import { layout } from "../state.ts";
import type { Operand, Size } from "../tier.ts";
import { type Bound, Emitter, type Variant } from "../tier0/emitter.ts";
import { Fixed } from "../tier0/handlers.ts";
import { RECORD_BYTES, Record } from "../tier0/record.ts";
import type { X87Fast } from "../x87/fast.ts";
import { type EffectLog, RegionFlags } from "./flags.ts";
import { type Frame, TLB_OFFSET_MASK } from "./frame.ts";

/** Thrown while an instruction is described: it can only be executed by tier 0. One for all: a stack trace of each takes time. */
const ONLY_TIER_0 = new Error("only tier 0 executes this");

/** Where jumps to known addresses lead: see region.ts. */
export interface Edges {
  /** Goes on at an address; `unconditional`: nothing of the block follows. */
  follow(rip: bigint): void;
}

const PAGE_MASK = c64(-4096);

export class RegionEmitter extends Emitter implements EffectLog {
  readonly #frame: Frame;
  readonly #record: number;
  readonly #edges: Edges;
  /** Whether something lasting has been done: what comes behind it must not leave for tier 0. */
  #effects = false;
  #conditions = 0;
  #targetChecked = false;

  constructor(frame: Frame, record: number, definition: Definition, variant: Variant, edges: Edges) {
    super(frame.f, definition, variant);
    this.#frame = frame;
    this.#record = record;
    this.#edges = edges;
    this.flags = new RegionFlags(frame, variant.size, this);
  }
  override readonly flags: RegionFlags;

  /** Emits the instruction; says whether the next one follows, the block has been left, or tier 0 must execute it. */
  emitInRegion(): "next" | "left" | "tier 0" {
    const { f } = this;
    f.reuseLocals();
    const mark = f.mark();
    try {
      return this.emit() ? "left" : "next";
    } catch (error) {
      if (error !== ONLY_TIER_0) throw error;
      f.back(mark);
      this.#frame.known = undefined;
      this.#leave();
      return "tier 0";
    }
  }

  get unconditional(): boolean {
    return this.#conditions === 0;
  }
  noteEffect(): void {
    this.#effects = true;
  }
  /** To tier 0, at this instruction. */
  #leave(): void {
    this.#frame.leaveTo(c32(this.#record));
  }
  #mayLeave(): void {
    if (this.#effects) throw ONLY_TIER_0;
  }

  override if(condition: Expr, then: () => void, otherwise?: () => void): void {
    if (condition.constant !== undefined) {
      if (condition.constant !== 0n) then();
      else otherwise?.();
      return;
    }
    const before = this.#effects;
    let after = before;
    this.#conditions++;
    this.f.if(
      condition,
      then,
      otherwise &&
        (() => {
          after = this.#effects;
          this.#effects = before;
          otherwise();
        }),
    );
    this.#conditions--;
    this.#effects ||= after;
  }

  override assign(variable: Expr, value: Expr): void {
    this.f.set(variable, value);
  }

  protected override checkUnit(unit: NonNullable<Definition["attributes"]["unit"]>): void {
    // Nothing in a block changes CR0, CR4 or XCR0; pending x87 exceptions come and go.
    const lasting = unit === "sse" || unit === "avx";
    if (lasting && this.#frame.checkedUnits.has(unit)) return;
    super.checkUnit(unit);
    if (lasting) this.#frame.checkedUnits.add(unit);
  }

  // Operands

  protected override recordAddress(): Expr {
    return c32(this.#record);
  }
  protected override field32(width: "i32" | "u16", offset: number): Expr {
    const { view } = this.#frame;
    const at = this.#record + offset;
    return c32(width === "i32" ? view.getInt32(at, true) : view.getUint16(at, true));
  }
  protected override field64(width: "i64" | "s32" | "u32" | "s16" | "u16" | "s8" | "u8", offset: number): Expr {
    return this.#constant(width, this.#record + offset);
  }
  #constant(width: "i64" | "s32" | "u32" | "s16" | "u16" | "s8" | "u8", at: number): Expr {
    const { view } = this.#frame;
    switch (width) {
      case "i64":
        return c64(view.getBigUint64(at, true));
      case "s32":
        return c64(view.getInt32(at, true));
      case "u32":
        return c64(view.getUint32(at, true));
      case "s16":
        return c64(view.getInt16(at, true));
      case "u16":
        return c64(view.getUint16(at, true));
      case "s8":
        return c64(view.getInt8(at));
      case "u8":
        return c64(view.getUint8(at));
    }
  }

  /** Number and byte of the general register at an address of the state. */
  #generalRegister(address: Expr): { index: number; byte: number } | undefined {
    const at = Number(address.constant ?? -1n) - layout.registers;
    return at >= 0 && at < 128 ? { index: at >> 3, byte: at & 7 } : undefined;
  }
  protected override loadRegister(address: Expr, size: Size, signed: boolean): Expr {
    const general = this.#generalRegister(address);
    const at = Number(address.constant ?? -1n);
    if (general === undefined) {
      if (at === layout.zero) return c64(0);
      // The next instruction's address as a base, or an address that is an immediate.
      if (at >= this.#record && at < this.#record + RECORD_BYTES) return this.#constant("i64", at);
      return super.loadRegister(address, size, signed);
    }
    const whole = this.#frame.register(general.index);
    const value = general.byte === 0 ? whole : i64.shr_u(whole, c64(general.byte * 8));
    if (size === 8) return value;
    if (signed) return size === 4 ? i64.extend32_s(value) : size === 2 ? i64.extend16_s(value) : i64.extend8_s(value);
    return i64.and(value, c64((1n << BigInt(size * 8)) - 1n));
  }
  protected override storeRegister(address: Expr, size: Size, value: Expr): void {
    this.#effects = true;
    const general = this.#generalRegister(address);
    if (general === undefined) {
      super.storeRegister(address, size, value);
      return;
    }
    const { index, byte } = general;
    if (size >= 4) {
      this.#frame.setRegister(index, size === 8 ? value : this.zeroExtended32(value));
      return;
    }
    const mask = (1n << BigInt(size * 8)) - 1n;
    const shift = c64(byte * 8);
    const kept = i64.and(this.#frame.register(index), c64(~(mask << BigInt(byte * 8))));
    this.#frame.setRegister(index, i64.or(kept, i64.shl(i64.and(value, c64(mask)), shift)));
  }
  protected override storeVectorRegister(address: Expr, value: Expr): void {
    this.#effects = true;
    super.storeVectorRegister(address, value);
  }

  // Memory: in place, or not here

  protected override access(linear: Expr, size: number, write: boolean): Expr {
    this.#mayLeave();
    const { f } = this;
    const address = f.let(linear);
    const offset = i32.and(i32.wrap(i64.shr_u(address, c64(7))), c32(TLB_OFFSET_MASK));
    const entry = f.let(i32.add(offset, this.#frame.tlbBase));
    const last = i64.and(i64.add(address, c64(size - 1)), PAGE_MASK);
    f.if(i64.ne(load64("i64", entry, write ? TLB_WRITE : TLB_READ), last), () => this.#leave());
    return f.let(i32.add(i32.wrap(address), load32("i32", entry, TLB_ADDEND)));
  }
  protected override finishStore(_host: Expr): void {
    // It was in place.
    this.#effects = true;
  }

  // Control

  override test(condition: number): Expr {
    return this.flags.known(condition) ?? super.test(condition);
  }
  #targetOf(operand: Operand): bigint {
    if ((operand as Bound).form.place !== "relative") throw new Error("a relative target is expected");
    return this.#frame.view.getBigUint64(this.#record + Record.immediate, true);
  }
  #next(): bigint {
    return this.#frame.view.getBigUint64(this.#record + Record.nextRip, true);
  }
  /** A target outside the limit of CS raises a fault, by a link record of its own. */
  #leaveIfOutside(): void {
    const { view } = this.#frame;
    if (view.getInt32(view.getInt32(this.#record + Record.target, true), true) === Fixed.raise) throw ONLY_TIER_0;
  }
  override jump(target: Operand): void {
    this.#leaveIfOutside();
    this.#edges.follow(this.#targetOf(target));
    this.ended = true;
  }
  override branch(condition: Expr, target: Operand): void {
    this.#leaveIfOutside();
    this.f.if(condition, () => this.#edges.follow(this.#targetOf(target)));
    this.#edges.follow(this.#next());
    this.ended = true;
  }
  override checkTarget(address: Expr): void {
    super.checkTarget(address);
    this.#targetChecked = true;
  }
  override jumpTo(address: Expr): void {
    const mask = (1n << BigInt(this.size * 8)) - 1n;
    const target = this.f.let(this.size === 8 ? address : i64.and(address, c64(mask)));
    if (!this.#targetChecked) this.checkTarget(target);
    this.#frame.lookUp(target);
    this.ended = true;
  }
  override endBlock(): void {
    this.#frame.lookUp(this.nextRip());
    this.ended = true;
  }
  protected override repeatLater(): void {
    const remaining = this.#frame.view.getUint16(this.#record + Record.remaining, true);
    const length = this.#frame.view.getUint8(this.#record + Record.length);
    this.f.set(this.#frame.budget, i32.add(this.#frame.budget, c32(remaining - 1)));
    this.#frame.lookUp(c64(this.#next() - BigInt(length)));
  }

  // State and TypeScript

  override setField(width: "i64" | "i32", address: number, value: Expr): void {
    this.#effects = true;
    super.setField(width, address, value);
  }
  override call(_routine: string, ..._args: Expr[]): void {
    this.#mayLeave();
    if (this.unconditional) throw ONLY_TIER_0;
    this.#leave();
  }
  override attempt(name: X87Fast, args: readonly Expr[], done: (answer: Expr) => void, otherwise: () => void): void {
    this.#frame.usesX87 = true;
    super.attempt(
      name,
      args,
      (answer) => {
        // A conversion leaves its result aside.
        if (name !== "x87Convert") this.#effects = true;
        done(answer);
      },
      otherwise,
    );
  }
  protected override firstX87Function(): number {
    return 0;
  }
  override transfer(routine: string, ...args: Expr[]): void {
    this.call(routine, ...args);
    this.ended = true;
  }
  override raiseIf(condition: Expr, _vector: number, _errorCode?: number): void {
    if (condition.constant === 0n) return;
    this.#mayLeave();
    this.f.if(condition, () => this.#leave());
  }
  protected override raiseNow(_vector: Expr, _errorCode: number): void {
    this.call("");
  }

  override repeatString(size: Size, registers: readonly number[], compares: boolean, iteration: () => void): void {
    if (this.repeat === "none") {
      iteration();
      return;
    }
    this.#conditions++;
    super.repeatString(size, registers, compares, () => {
      // Between iterations it may be left: it is the same instruction, with less to do.
      this.#effects = false;
      iteration();
    });
    this.#conditions--;
    this.#effects = true;
    this.#frame.known = undefined;
  }

  override field(width: "i64" | "i32" | "u16", address: number): Expr {
    return width === "i64" ? load64("i64", c32(0), address) : load32(width, c32(0), address);
  }
}
