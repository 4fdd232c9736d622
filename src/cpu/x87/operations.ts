/**
 * What x87 instructions do, apart from how they are encoded. An operation first computes, then touches memory, then changes the stack: a
 * memory fault leaves everything as it was.
 */
import * as soft from "../soft-float.ts";
import { extended, FloatContext, floatFlags } from "../soft-float.ts";
import { X87Images } from "./images.ts";
import { conditionCode, realIndefinite } from "./stack.ts";
import { transcendental } from "./transcendental.ts";

const { c0, c1, c2, c3 } = conditionCode;
const conditionCodes = c0 | c1 | c2 | c3;
/** Exceptions that stop an instruction before it delivers anything. */
const preComputation = floatFlags.invalid | floatFlags.denormal | floatFlags.zeroDivide;
const integerOne = (0x3fffn << 64n) | (1n << 63n);

function isNan(value: bigint): boolean {
  const { kind } = soft.unpack(extended, value);
  return kind === "quiet" || kind === "signalling" || kind === "unsupported";
}

export class X87Operations extends X87Images {
  protected readonly context = new FloatContext("x87");

  protected begin(): FloatContext {
    return this.context.fromControlWord(this.control);
  }

  /** Adds the context's flags to the status word, sets C1, and recomputes the error summary. */
  protected conclude(roundedUp = this.context.roundedUp && (this.context.flags & floatFlags.precision) !== 0): void {
    this.status = (this.status & ~c1) | this.context.flags | (roundedUp ? c1 : 0);
    this.summarise();
  }

  /** Pushes what `load` gives, unless the stack is full or a signalling NaN stops it; a denormal does not (AMD). */
  protected load(load: (context: FloatContext) => bigint): void {
    if (!this.isEmpty(7)) {
      if (this.stackFault(true)) this.push(realIndefinite);
      return;
    }
    const context = this.begin();
    const value = load(context);
    if ((context.unmasked & floatFlags.invalid) === 0) this.push(value);
    this.conclude(false);
  }

  /** destination = compute(a, b); pops afterwards if asked. Operands by stack index. */
  protected arithmetic(
    destination: number,
    a: number,
    b: number,
    pop: boolean,
    compute: (context: FloatContext, a: bigint, b: bigint) => bigint,
  ): void {
    if (this.isEmpty(a) || this.isEmpty(b)) {
      if (!this.stackFault(false)) return;
      this.set(destination, realIndefinite);
      if (pop) this.pop();
      return;
    }
    const context = this.begin();
    const value = compute(context, this.read(a), this.read(b));
    if ((context.unmasked & preComputation) === 0) {
      this.set(destination, value);
      if (pop) this.pop();
    }
    this.conclude();
  }

  /** ST0 = compute(ST0, memory operand). */
  protected arithmeticMemory(
    operand: (context: FloatContext) => bigint,
    compute: (context: FloatContext, a: bigint, b: bigint) => bigint,
  ): void {
    const probe = this.begin();
    const value = operand(probe);
    const denormal = probe.denormalOperand;
    if (this.isEmpty(0)) {
      if (this.stackFault(false)) this.set(0, realIndefinite);
      return;
    }
    const context = this.begin();
    context.denormalOperand = denormal;
    const result = compute(context, this.read(0), value);
    context.denormalOperand = false;
    if ((context.unmasked & preComputation) === 0) this.set(0, result);
    this.conclude();
  }

  /** FCOM and its kin. `b` undefined: the operand's register is empty. */
  protected compare(
    b: bigint | undefined,
    quiet: boolean,
    pops: number,
    toFlags: boolean,
    denormalOperand = false,
  ): void {
    const deliver = (order: -1 | 0 | 1 | undefined): void => {
      if (toFlags) {
        this.host.writeComparison(order === undefined ? 0x45 : order === 0 ? 0x40 : order < 0 ? 0x01 : 0);
      } else {
        const codes = order === undefined ? c0 | c2 | c3 : order === 0 ? c3 : order < 0 ? c0 : 0;
        this.status = (this.status & ~(c0 | c2 | c3)) | codes;
      }
    };
    // FCOMI and its kin leave C1 alone.
    const oldC1 = this.status & c1;
    if (this.isEmpty(0) || b === undefined) {
      const goOn = this.stackFault(false);
      deliver(undefined);
      if (goOn) for (let i = 0; i < pops; i++) this.pop();
      return;
    }
    const context = this.begin();
    context.denormalOperand = denormalOperand;
    const order = soft.compare(context, extended, this.read(0), b, quiet);
    context.denormalOperand = false;
    deliver(order);
    if ((context.unmasked & preComputation) === 0) for (let i = 0; i < pops; i++) this.pop();
    this.conclude(toFlags && oldC1 !== 0);
  }

  /**
   * Stores ST0 to memory as `size` bytes that `compute` makes of it. Nothing is stored or popped if an exception that
   * prevents the result is not masked.
   */
  protected store(
    address: bigint,
    size: number,
    indefinite: bigint,
    pop: boolean,
    compute: (context: FloatContext, value: bigint) => bigint,
  ): void {
    // Memory is checked even if nothing will be stored; ten bytes are two accesses.
    this.host.probeWrite(address, Math.min(size, 8));
    if (size > 8) this.host.probeWrite(address + 8n, 2);
    if (this.isEmpty(0)) {
      if (this.control & floatFlags.invalid) this.writeMemory(address, size, indefinite);
      if (this.stackFault(false) && pop) this.pop();
      return;
    }
    const context = this.begin();
    const value = compute(context, this.read(0));
    if ((context.unmasked & ~floatFlags.precision) === 0) {
      this.writeMemory(address, size, value);
      if (pop) this.pop();
    } else {
      // Nothing was delivered, so nothing was rounded.
      context.flags &= ~floatFlags.precision;
    }
    this.conclude();
  }

  protected compareRegister(i: number, quiet: boolean, pops: number, toFlags: boolean): void {
    this.compare(this.isEmpty(i) ? undefined : this.read(i), quiet, pops, toFlags);
  }

  protected conditionalMove(i: number, condition: boolean): void {
    if (this.isEmpty(0) || this.isEmpty(i)) {
      if (this.stackFault(false)) this.set(0, realIndefinite);
      return;
    }
    if (condition) this.set(0, this.read(i));
  }

  protected exchange(i: number): void {
    if (this.isEmpty(0) || this.isEmpty(i)) {
      if (!this.stackFault(false)) return;
      if (this.isEmpty(0)) this.set(0, realIndefinite);
      if (this.isEmpty(i)) this.set(i, realIndefinite);
    } else {
      this.status &= ~c1;
    }
    const a = this.read(0);
    this.set(0, this.read(i));
    this.set(i, a);
  }

  protected storeRegister(i: number, pop: boolean): void {
    if (this.isEmpty(0)) {
      if (!this.stackFault(false)) return;
      this.set(i, realIndefinite);
    } else {
      this.set(i, this.read(0));
      this.status &= ~c1;
    }
    if (pop) this.pop();
  }

  protected unary(compute: (context: FloatContext, value: bigint) => bigint): boolean {
    this.arithmetic(0, 0, 0, false, (context, value) => compute(context, value));
    return true;
  }

  /** FXAM. */
  protected examine(): void {
    const value = soft.unpack(extended, this.read(0));
    const codes = {
      unsupported: 0,
      quiet: c0,
      signalling: c0,
      normal: c2,
      infinity: c2 | c0,
      zero: c3,
      denormal: c3 | c2,
    } as const;
    const kind = this.isEmpty(0) ? c3 | c0 : codes[value.kind];
    this.status = (this.status & ~conditionCodes) | kind | (value.sign ? c1 : 0);
  }

  /** FXTRACT: exponent into ST0, then push the significand. */
  protected extract(): void {
    if (this.isEmpty(0)) {
      if (this.stackFault(false)) {
        this.set(0, realIndefinite);
        this.push(realIndefinite);
      }
      return;
    }
    if (!this.isEmpty(7)) {
      if (this.stackFault(true)) {
        this.set(0, realIndefinite);
        this.push(realIndefinite);
      }
      return;
    }
    const context = this.begin();
    const [exponent, significand] = soft.extract(context, this.read(0));
    if ((context.unmasked & preComputation) === 0) {
      this.set(0, exponent);
      this.push(significand);
    }
    this.conclude(false);
  }

  /** FPREM, FPREM1. */
  protected remainder(nearest: boolean): boolean {
    if (this.isEmpty(0) || this.isEmpty(1)) {
      this.status &= ~c2;
      if (this.stackFault(false)) this.set(0, realIndefinite);
      return true;
    }
    const context = this.begin();
    const { value, quotient, partial } = soft.remainder(context, this.read(0), this.read(1), nearest);
    if ((context.unmasked & preComputation) === 0) {
      this.set(0, value);
    }
    this.conclude(false);
    if (quotient === undefined) this.status &= ~c2;
    if ((context.unmasked & preComputation) === 0 && quotient !== undefined) {
      const codes = (quotient & 4 ? c0 : 0) | (quotient & 2 ? c3 : 0) | (quotient & 1 ? c1 : 0) | (partial ? c2 : 0);
      this.status = (this.status & ~conditionCodes) | codes;
    }
    return true;
  }

  protected trigonometric(what: "sine" | "cosine" | "both" | "tangent"): boolean {
    const pushes = what === "both" || what === "tangent";
    this.status &= ~c2;
    if (this.isEmpty(0) || (pushes && !this.isEmpty(7))) {
      if (this.stackFault(!this.isEmpty(0))) {
        this.set(0, realIndefinite);
        if (pushes) this.push(realIndefinite);
      }
      return true;
    }
    const context = this.begin();
    const result = transcendental.trigonometric(context, this.read(0), what);
    if (result === undefined) {
      // Too large to be reduced: nothing happens but C2.
      this.conclude(false);
      this.status |= c2;
      return true;
    }
    if ((context.unmasked & preComputation) === 0) {
      this.set(0, result[0]);
      if (pushes) this.push(what === "tangent" && !isNan(result[0]) ? integerOne : result[1]);
    }
    this.conclude();
    return true;
  }
}
