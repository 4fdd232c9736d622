/** Arithmetic flags in locals. A test behind the comparison that set them compares the operands themselves. */
import { c64, type Expr, i64 } from "../../wasm/index.ts";
import { LazyFlags } from "../tier0/emitter.ts";
import type { Frame, KnownFlags } from "./frame.ts";

/** What the flags need of the instruction around them. */
export interface EffectLog {
  /** Whether what is emitted now is always executed when the instruction is. */
  readonly unconditional: boolean;
  noteEffect(): void;
}

export class RegionFlags extends LazyFlags {
  readonly #frame: Frame;
  readonly #log: EffectLog;
  /** The instruction has used CF: its result is not just the difference of its operands (SBB). */
  #carryRead = false;

  constructor(frame: Frame, size: number, log: EffectLog) {
    super(frame.f, size);
    this.#frame = frame;
    this.#log = log;
  }

  protected override storeAll(result: Expr, carry: Expr, aux: Expr): void {
    const { f } = this;
    f.set(this.#frame.flagResult, result);
    f.set(this.#frame.flagAux, aux);
    this.storeCarry(carry);
  }
  protected override storeCarry(carry: Expr): void {
    this.#frame.flagsWritten = true;
    this.#frame.known = undefined;
    this.#log.noteEffect();
    this.f.set(this.#frame.flagCarry, carry);
  }
  protected override storedResult(): Expr {
    return this.#frame.flagResult;
  }
  protected override storedCarry(): Expr {
    this.#carryRead = true;
    return this.#frame.flagCarry;
  }
  protected override storedAux(): Expr {
    return this.#frame.flagAux;
  }

  #know(known: KnownFlags): void {
    if (this.#log.unconditional) this.#frame.known = known;
  }
  override add(a: Expr, b: Expr, result: Expr, size?: number): void {
    super.add(a, b, result, size);
    this.#know({ kind: "add" });
  }
  override sub(a: Expr, b: Expr, result: Expr, size?: number): void {
    super.sub(a, b, result, size);
    const frame = this.#frame;
    if (this.#carryRead || !frame.isStable(a) || !frame.isStable(b)) {
      this.#know({ kind: "add" });
      return;
    }
    // The operands' own locals are used again by the next instruction.
    const keep = (local: Expr, value: Expr): Expr => {
      if (value.constant !== undefined) return value;
      this.f.set(local, value);
      return local;
    };
    this.#know({ kind: "sub", a: keep(frame.left, a), b: keep(frame.right, b) });
  }
  override logic(result: Expr): void {
    super.logic(result);
    this.#know({ kind: "logic" });
  }
  override increment(old: Expr, result: Expr): void {
    super.increment(old, result);
    this.#know({ kind: "add" });
  }
  override decrement(old: Expr, result: Expr): void {
    super.decrement(old, result);
    this.#know({ kind: "add" });
  }

  /** A condition (0 to 15) from what is known; undefined if it takes the flags themselves. */
  known(condition: number): Expr | undefined {
    const { known, flagResult: result } = this.#frame;
    if (known === undefined) return undefined;
    const zero = c64(0);
    switch (condition) {
      case 4:
        return i64.eqz(result);
      case 5:
        return i64.ne(result, zero);
      case 8:
        return i64.lt_s(result, zero);
      case 9:
        return i64.ge_s(result, zero);
    }
    if (known.kind === "logic") return RegionFlags.#afterLogic(condition, result);
    if (known.kind === "sub") return RegionFlags.#afterComparison(condition, known.a, known.b);
    return undefined;
  }
  static #afterLogic(condition: number, result: Expr): Expr | undefined {
    const zero = c64(0);
    switch (condition) {
      case 6:
        return i64.eqz(result);
      case 7:
        return i64.ne(result, zero);
      case 12:
        return i64.lt_s(result, zero);
      case 13:
        return i64.ge_s(result, zero);
      case 14:
        return i64.le_s(result, zero);
      case 15:
        return i64.gt_s(result, zero);
      default:
        return undefined;
    }
  }
  /** Operands are sign-extended, which keeps the unsigned order too. */
  static #afterComparison(condition: number, a: Expr, b: Expr): Expr | undefined {
    switch (condition) {
      case 2:
        return i64.lt_u(a, b);
      case 3:
        return i64.ge_u(a, b);
      case 6:
        return i64.le_u(a, b);
      case 7:
        return i64.gt_u(a, b);
      case 12:
        return i64.lt_s(a, b);
      case 13:
        return i64.ge_s(a, b);
      case 14:
        return i64.le_s(a, b);
      case 15:
        return i64.gt_s(a, b);
      default:
        return undefined;
    }
  }
}
