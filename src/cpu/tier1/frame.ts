/**
 * What the instructions of one region share: the WebAssembly locals that stand for guest registers, flags and the budget, and the
 * ways out. Generated code between the region's entry and its exit touches none of them in memory.
 */
import { TLB_ENTRIES } from "../../mmu/memory-layout.ts";
import { c32, type Expr, type FunctionBuilder, i32, type Label, load32, load64 } from "../../wasm/index.ts";
import { layout } from "../state.ts";

const ZERO = c32(0);
/** Mask of the part of an address, shifted by 7, that is an entry's offset in the TLB. */
export const TLB_OFFSET_MASK = (TLB_ENTRIES - 1) << 5;

/** What is known of the flags beyond their three words: the instruction that set them all, unconditionally, in this block. */
export type KnownFlags =
  | { readonly kind: "sub"; readonly a: Expr; readonly b: Expr }
  | { readonly kind: "logic" }
  | { readonly kind: "add" };

export class Frame {
  readonly f: FunctionBuilder;
  /** Memory that holds the records: they are constants here. */
  readonly view: DataView;
  readonly registers: readonly Expr[];
  readonly #read = new Set<number>();
  readonly #written = new Set<number>();
  readonly #lastShared: number;
  readonly flagResult: Expr;
  readonly flagCarry: Expr;
  readonly flagAux: Expr;
  flagsWritten = false;
  usesX87 = false;
  /** Operands of the last comparison. */
  readonly left: Expr;
  readonly right: Expr;
  known: KnownFlags | undefined;
  /** Execution units whose availability has been checked in this block. */
  readonly checkedUnits = new Set<string>();
  readonly budget: Expr;
  readonly tlbBase: Expr;
  /** Index of the block to go to. */
  readonly label: Expr;
  /** What the region returns: the record or block header at which tier 0 goes on, or 0. */
  readonly next: Expr;
  /** Address to look up. */
  readonly target: Expr;
  /** Where to branch: out of the region; to the block of index `label`; to the look-up of `target`. */
  exit: Label | undefined;
  dispatch: Label | undefined;
  lookup: Label | undefined;

  constructor(f: FunctionBuilder, view: DataView) {
    this.f = f;
    this.view = view;
    this.label = f.param(0);
    this.registers = Array.from({ length: 16 }, () => f.local("i64"));
    this.flagResult = f.local("i64");
    this.flagCarry = f.local("i64");
    this.flagAux = f.local("i32");
    this.left = f.local("i64");
    this.right = f.local("i64");
    this.budget = f.local("i32");
    this.tlbBase = f.local("i32");
    this.next = f.local("i32");
    const target = f.local("i64");
    this.target = target;
    this.#lastShared = target.local;
    f.reuseLocals();
  }

  register(index: number): Expr {
    this.#read.add(index);
    return this.registers[index];
  }
  setRegister(index: number, value: Expr): void {
    this.#written.add(index);
    this.f.set(this.registers[index], value);
  }
  /** Whether evaluating the expression later gives the same value: a constant, or a local that the guest does not see. */
  isStable(value: Expr): boolean {
    return value.constant !== undefined || (value.local !== undefined && value.local > this.#lastShared);
  }

  /** At the region's start, once it is known what it uses. */
  writeEntry(): void {
    const { f } = this;
    f.before(() => {
      for (const index of new Set([...this.#read, ...this.#written]))
        f.set(this.registers[index], load64("i64", ZERO, layout.registers + index * 8));
      f.set(this.flagResult, load64("i64", ZERO, layout.flagResult));
      f.set(this.flagCarry, load64("i64", ZERO, layout.flagCarry));
      f.set(this.flagAux, load32("i32", ZERO, layout.flagAux));
      f.set(this.budget, load32("i32", ZERO, layout.budget));
      f.set(this.tlbBase, load32("i32", ZERO, layout.tlbBase));
    });
  }

  /** At the region's end: everything goes back to memory. */
  writeExit(): void {
    const { f } = this;
    for (const index of this.#written) f.store("i64", ZERO, this.registers[index], layout.registers + index * 8);
    if (this.flagsWritten) {
      f.store("i64", ZERO, this.flagResult, layout.flagResult);
      f.store("i64", ZERO, this.flagCarry, layout.flagCarry);
      f.store("i32", ZERO, this.flagAux, layout.flagAux);
    }
    f.store("i32", ZERO, this.budget, layout.budget);
    f.return(this.next);
  }

  #branch(label: Label | undefined): void {
    if (label === undefined) throw new Error("the region has no such label yet");
    this.f.branch(label);
  }
  /** Tier 0 goes on at a record; the instructions from there on have been charged. */
  leaveTo(record: Expr): void {
    this.f.set(this.next, record);
    this.#branch(this.exit);
  }
  goTo(label: Expr): void {
    this.f.set(this.label, label);
    this.#branch(this.dispatch);
  }
  /** Goes on at an address, by the jump cache. */
  lookUp(target: Expr): void {
    this.f.set(this.target, target);
    this.#branch(this.lookup);
  }

  /** Charges for a block; leaves to TypeScript at its address, uncharged, if that would cross the deadline. */
  charge(instructions: Expr, rip: Expr): void {
    const { f } = this;
    f.set(this.budget, i32.sub(this.budget, instructions));
    f.if(i32.lt_s(this.budget, ZERO), () => {
      f.set(this.budget, i32.add(this.budget, instructions));
      this.leaveToTypeScript(rip);
    });
  }
  leaveToTypeScript(rip: Expr): void {
    this.f.store("i64", ZERO, rip, layout.rip);
    this.leaveTo(ZERO);
  }
}
