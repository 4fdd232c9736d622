/**
 * Tier 0: turns a definition into the handler of one instruction form. Operands are fields of the decoded record whose
 * address is the handler's parameter; guest registers and flags live in memory; the handler ends in a tail call to the next
 * record's.
 */

import { JUMP_CACHE_ENTRIES, TLB_ADDEND, TLB_ENTRIES, TLB_READ, TLB_WRITE } from "../../mmu/memory-layout.ts";
import {
  c32,
  c64,
  call,
  type Expr,
  type FunctionBuilder,
  i32,
  i64,
  load32,
  load64,
  loadV128,
  select,
} from "../../wasm/index.ts";
import { v128 } from "../../wasm/simd.ts";
import { MemoryForm } from "../decoder.ts";
import type { Definition } from "../definition.ts";
import type { OperandForm } from "../operand-forms.ts";
import { routineId } from "../routines.ts";
import { Flag, layout, SEGMENT_LIMIT, SEGMENTED_ADDRESS_MASK, segmentAddress } from "../state.ts";
import type { Flags, Operand, Size, Tier } from "../tier.ts";
import { type X87Fast, x87FastFunctions } from "../x87/fast.ts";
import { x87Layout } from "../x87/layout.ts";
import { RECORD_BYTES, Record } from "./record.ts";

/** Indices of the functions that every module imports. */
export const Import = { read: 0, write: 1, commit: 2, call: 3, raise: 4 } as const;
/** Behind them those of the x87. */
const FIRST_X87_FUNCTION = Object.keys(Import).length;
const x87FastNames = Object.keys(x87FastFunctions);
/** Bit of the size argument of read and write: a fault is #SS. */
export const STACK_ACCESS = 0x100;
/** Bit of the size argument of write: the old contents are wanted, too. */
export const READS_TOO = 0x200;

/** What, besides its row, a handler is made for. */
export interface Variant {
  readonly size: Size;
  readonly addressSize: 2 | 4 | 8;
  readonly mode: 16 | 32 | 64;
  readonly stackSize: 2 | 4 | 8;
  readonly memoryForm: number;
  readonly repeat: "none" | "rep" | "repne";
}

/** An operand bound to its row. */
export interface Bound extends Operand {
  readonly form: OperandForm;
  /** Evaluated linear address. */
  linear?: Expr;
  /** Host address after readForWrite. */
  host?: Expr;
}

const ZERO = c32(0);
const PAGE_MASK = c64(-4096);
const storeWidth = { 1: "u8", 2: "u16", 4: "i32", 8: "i64" } as const;
const loadWidth = { 1: "u8", 2: "u16", 4: "u32", 8: "i64" } as const;
const signedWidth = { 1: "s8", 2: "s16", 4: "s32", 8: "i64" } as const;
const asSize = (size: number): Size => {
  if (size === 1 || size === 2 || size === 4 || size === 8) return size;
  throw new Error(`operand of ${size} bytes where 1, 2, 4 or 8 are expected`);
};

/** Sign-extends the low `size` bytes. */
export function signExtend(value: Expr, size: number): Expr {
  if (size === 8) return value;
  return size === 4 ? i64.extend32_s(value) : size === 2 ? i64.extend16_s(value) : i64.extend8_s(value);
}
/** Zero-extends the low `size` bytes. */
export function zeroExtend(value: Expr, size: number): Expr {
  return size === 8 ? value : i64.and(value, c64((1n << BigInt(size * 8)) - 1n));
}

/** Linear address outside 64-bit mode, of offset plus effective base. */
const segmented = (sum: Expr): Expr => i64.and(sum, c64(SEGMENTED_ADDRESS_MASK));

export class Emitter implements Tier {
  readonly size: Size;
  readonly addressSize: 2 | 4 | 8;
  readonly mode: 16 | 32 | 64;
  readonly stackSize: 2 | 4 | 8;
  readonly condition: number;
  readonly repeat: "none" | "rep" | "repne";
  readonly flags: Flags;
  protected readonly f: FunctionBuilder;
  protected readonly p: Expr;
  protected readonly definition: Definition;
  protected readonly memoryForm: number;
  /** Offset of this instruction's record from the parameter. */
  protected readonly at: number;
  protected ended = false;

  constructor(f: FunctionBuilder, definition: Definition, variant: Variant, recordOffset = 0) {
    this.f = f;
    this.p = f.param(0);
    this.at = recordOffset;
    this.definition = definition;
    this.size = variant.size;
    this.addressSize = variant.addressSize;
    this.mode = variant.mode;
    this.stackSize = variant.stackSize;
    this.condition = definition.row.condition;
    this.repeat = variant.repeat;
    this.memoryForm = variant.memoryForm;
    this.flags = new LazyFlags(f, this.size);
  }

  /** Emits the instruction. True: control has left; false: the next record follows. */
  emit(): boolean {
    const { attributes, row, semantics } = this.definition;
    // VEX-encoded instructions of vector registers look at avxFault instead.
    if (attributes.protectedOnly || (row.vex !== undefined && attributes.unit === undefined)) {
      const real = i32.eqz(i32.and(load32("i32", ZERO, layout.wide), c32(1)));
      const virtual8086 = i32.and(load32("i32", ZERO, layout.systemFlags), c32(Flag.VM));
      this.raiseIf(this.mode === 64 ? c32(0) : i32.or(real, virtual8086), 6);
    }
    if (attributes.privileged) this.raiseIf(load32("i32", ZERO, layout.cpl), 13, 0);
    if (attributes.unit !== undefined) this.checkUnit(attributes.unit);
    semantics(this, ...row.operands.map((form) => this.bind(form)));
    return this.ended;
  }

  /** Raises what SSE, MMX and x87 instructions raise before they do anything. */
  protected checkUnit(unit: NonNullable<Definition["attributes"]["unit"]>): void {
    const word = {
      sse: layout.sseFault,
      avx: layout.avxFault,
      mmx: layout.mmxFault,
      x87: layout.x87Fault,
      x87control: layout.x87Fault,
      xsave: layout.xsaveFault,
      wait: layout.waitFault,
    }[unit];
    const fault = this.f.let(load32("i32", ZERO, word));
    this.if(fault, () => this.raiseNow(fault, -1));
    if (unit === "mmx" || unit === "x87" || unit === "wait") {
      const pending = i32.and(load32("u16", ZERO, layout.x87 + x87Layout.status), c32(0x80));
      this.if(pending, () => this.call("x87Error"));
    }
  }

  /** Goes on at the record after this one. */
  next(): void {
    const following = this.at + RECORD_BYTES;
    this.f.tailCallIndirect(0, load32("i32", this.p, following), i32.add(this.p, c32(following)));
  }

  protected recordAddress(): Expr {
    return i32.add(this.p, c32(this.at));
  }

  protected bind(form: OperandForm): Bound {
    const size =
      form.size === 0 ? this.size : form.size === -1 ? (this.size === 8 ? 8 : 4) : form.size === -2 ? 0 : form.size;
    const { file } = form;
    switch (form.place) {
      case "rm":
        return { kind: this.memoryForm === MemoryForm.none ? "register" : "memory", file, size, form };
      case "offset":
        return { kind: "memory", file, size, form };
      case "immediate":
      case "constant":
        return { kind: "immediate", file, size, form };
      case "relative":
        return { kind: "target", file, size, form };
      case "far":
        return { kind: "far", file, size, form };
      default:
        return { kind: "register", file, size, form };
    }
  }

  // Values

  let(value: Expr): Expr {
    return this.f.let(value);
  }
  variable(initial: Expr): Expr {
    const local = this.f.local(initial.type);
    this.f.set(local, initial);
    return local;
  }
  assign(variable: Expr, value: Expr): void {
    this.f.set(variable, value);
  }
  if(condition: Expr, then: () => void, otherwise?: () => void): void {
    this.f.if(condition, then, otherwise);
  }

  // Operands

  /** Address of a register operand's slot. */
  addressOf(operand: Operand): Expr {
    const { form } = operand as Bound;
    switch (form.place) {
      case "fixed":
        return c32(layout.registers + form.value * 8);
      case "reg":
        return this.field32("u16", Record.reg);
      case "immediate":
        return i32.add(this.recordAddress(), c32(Record.immediate));
      case "vvvv":
        return this.field32("i32", Record.notTaken);
      case "is4":
        return this.field32("i32", Record.target);
      default:
        return this.field32("i32", Record.base);
    }
  }

  number(operand: Operand): Expr {
    if ((operand as Bound).form.place !== "reg") throw new Error("number: a ModRM.reg operand is expected");
    return this.field32("u16", Record.reg);
  }

  read(operand: Operand): Expr {
    return this.readAs(operand as Bound, false);
  }
  readSigned(operand: Operand): Expr {
    return this.readAs(operand as Bound, true);
  }
  protected readAs(operand: Bound, signed: boolean): Expr {
    // Evaluated now: what the definition does later must not change it.
    switch (operand.kind) {
      case "immediate":
        return this.f.let(this.immediate(operand, signed));
      case "register":
        return this.f.let(this.loadRegister(this.addressOf(operand), asSize(operand.size), signed));
      case "memory":
        return this.load(this.linearAddress(operand), asSize(operand.size), signed);
      default:
        throw new Error(`read: a ${operand.kind} operand has no value`);
    }
  }

  protected immediate({ form }: Bound, signed: boolean): Expr {
    if (form.place === "constant") return c64(form.value);
    const { size, immediateBytes } = form;
    // The second immediate of a row lies in its own field.
    const immediates = this.definition.row.operands.filter((o) => o.place === "immediate");
    if (immediates.length > 1 && immediates[1] === form) return this.field64("u32", Record.target);
    const field = Record.immediate;
    if (size === 0 && this.size < 8) {
      // Iz and Ibs at a smaller operand size: extended as asked.
      return this.field64((signed ? signedWidth : loadWidth)[this.size], field);
    }
    if (signed && immediateBytes > 0 && size > 0) return this.field64(signedWidth[asSize(size)], field);
    return this.field64("i64", field);
  }

  readForWrite(operand: Operand): Expr {
    return this.readToWrite(operand as Bound, false);
  }
  readForWriteSigned(operand: Operand): Expr {
    return this.readToWrite(operand as Bound, true);
  }
  protected readToWrite(operand: Bound, signed: boolean): Expr {
    if (operand.kind !== "memory") return this.readAs(operand, signed);
    const host = this.access(this.linearAddress(operand), operand.size, true, false, true);
    operand.host = host;
    return this.f.let(this.loadHost(host, asSize(operand.size), signed));
  }

  write(operand: Operand, value: Expr): void {
    const bound = operand as Bound;
    if (bound.kind === "register") this.storeRegister(this.addressOf(bound), asSize(bound.size), value);
    else if (bound.kind === "memory") {
      if (bound.host === undefined) this.store(this.linearAddress(bound), asSize(bound.size), value);
      else this.storeHost(bound.host, bound.size, value);
    } else throw new Error(`write: to a ${bound.kind} operand`);
  }

  // What a tier that keeps operands elsewhere does otherwise.

  protected field32(width: "i32" | "u16", offset: number): Expr {
    return load32(width, this.p, this.at + offset);
  }
  protected field64(width: "i64" | "s32" | "u32" | "s16" | "u16" | "s8" | "u8", offset: number): Expr {
    return load64(width, this.p, this.at + offset);
  }
  /** A register, segment base or the like, by its address in the state. */
  protected loadRegister(address: Expr, size: Size, signed: boolean): Expr {
    return this.loadHost(address, size, signed);
  }
  protected storeVectorRegister(address: Expr, value: Expr): void {
    this.f.store("v128", address, value);
  }
  protected storeRegister(address: Expr, size: Size, value: Expr): void {
    if (size === 4) this.f.store("i64", address, this.zeroExtended32(value));
    else this.f.store(storeWidth[size], address, value);
  }
  protected zeroExtended32(value: Expr): Expr {
    return i64.and(value, c64(0xffff_ffffn));
  }

  readVector(operand: Operand, aligned = false): Expr {
    const bound = operand as Bound;
    if (bound.kind === "register") return loadV128(this.addressOf(bound));
    const linear = this.linearAddress(bound);
    if (aligned) this.raiseIf(i32.and(i32.wrap(linear), c32(15)), 13, 0);
    return this.f.let(loadV128(this.access(linear, 16, false)));
  }
  writeVector(operand: Operand, value: Expr, aligned = false): void {
    const bound = operand as Bound;
    if (bound.kind === "register") {
      this.storeVectorRegister(this.addressOf(bound), value);
      return;
    }
    const linear = this.linearAddress(bound);
    if (aligned) this.raiseIf(i32.and(i32.wrap(linear), c32(15)), 13, 0);
    this.storeHost(this.access(linear, 16, true), 16, value);
  }

  readVectors(operand: Operand, aligned = false): Expr[] {
    const bound = operand as Bound;
    if (bound.size < 32) return [this.let(this.readVector(operand, aligned))];
    const host = bound.kind === "register" ? this.addressOf(bound) : this.#accessVectors(bound, false, aligned);
    return [this.f.let(loadV128(host)), this.f.let(loadV128(host, 16))];
  }
  writeVectors(operand: Operand, values: readonly Expr[], aligned = false): void {
    const bound = operand as Bound;
    const f = this.f;
    if (bound.kind === "register") {
      // All values first: they may be computed from the register.
      const ready = values.map((value) => f.let(value));
      const address = f.let(this.addressOf(bound));
      const high = ready.length > 1 ? ready[1] : v128.constant(new Array<number>(16).fill(0));
      this.storeVectorRegister(address, ready[0]);
      this.storeVectorRegister(i32.add(address, c32(16)), high);
    } else if (values.length === 1) this.writeVector(operand, values[0], aligned);
    else this.storeHost(this.#accessVectors(bound, true, aligned), 32, values[0], values[1]);
  }
  #accessVectors(operand: Bound, write: boolean, aligned: boolean): Expr {
    const linear = this.linearAddress(operand);
    if (aligned) this.raiseIf(i32.and(i32.wrap(linear), c32(operand.size - 1)), 13, 0);
    return this.access(linear, operand.size, write);
  }

  readWhole(operand: Operand): Expr {
    return this.f.let(this.loadRegister(this.addressOf(operand), 8, false));
  }
  setWhole(operand: Operand, value: Expr): void {
    this.storeRegister(this.addressOf(operand), this.mode === 64 ? 8 : 4, value);
  }
  farSelector(_operand: Operand): Expr {
    return this.field64("u32", Record.target);
  }
  farOffset(_operand: Operand): Expr {
    return this.field64("u32", Record.immediate);
  }

  // Addresses

  protected offset(displacement?: Expr): Expr {
    const base = this.loadRegister(this.field32("i32", Record.base), 8, false);
    let offset = i64.add(base, this.field64("s32", Record.displacement));
    if (this.memoryForm !== MemoryForm.base) {
      const index = this.loadRegister(this.field32("u16", Record.index), 8, false);
      offset = i64.add(offset, i64.shl(index, this.field64("u8", Record.scale)));
    }
    if (displacement !== undefined) offset = i64.add(offset, displacement);
    return zeroExtend(offset, this.addressSize);
  }

  effectiveAddress(operand: Operand): Expr {
    if (operand.kind !== "memory") throw new Error("effectiveAddress: a memory operand is expected");
    return this.offset();
  }

  linearAddress(operand: Operand, displacement?: Expr): Expr {
    const bound = operand as Bound;
    if (bound.kind !== "memory") throw new Error("linearAddress: a memory operand is expected");
    if (displacement === undefined && bound.linear !== undefined) return bound.linear;
    let linear = this.offset(displacement);
    if (this.memoryForm === MemoryForm.general) {
      linear = i64.add(linear, this.loadRegister(this.field32("u16", Record.segment), 8, false));
      if (this.mode !== 64) linear = segmented(linear);
    }
    const value = this.f.let(linear);
    if (displacement === undefined) bound.linear = value;
    return value;
  }

  segmentAddress(segment: "es" | "data", offset: Expr): Expr {
    if (segment === "es" && this.mode === 64) return offset;
    const base =
      segment === "es"
        ? load64("i64", ZERO, layout.effectiveBases)
        : this.loadRegister(this.field32("u16", Record.segment), 8, false);
    const linear = i64.add(offset, base);
    return this.f.let(this.mode === 64 ? linear : segmented(linear));
  }

  // Memory

  /** Host address of `size` bytes at `linear`, or of the scratch area; leaves the handler on a fault. */
  protected access(linear: Expr, size: number, write: boolean, stack = false, reads = false): Expr {
    const f = this.f;
    const address = f.let(linear);
    const indexMask = (TLB_ENTRIES - 1) << 5;
    const entry = f.let(
      i32.add(i32.and(i32.wrap(i64.shr_u(address, c64(7))), c32(indexMask)), load32("i32", ZERO, layout.tlbBase)),
    );
    const host = f.local("i32");
    const last = i64.and(i64.add(address, c64(size - 1)), PAGE_MASK);
    f.if(
      i64.eq(load64("i64", entry, write ? TLB_WRITE : TLB_READ), last),
      () => f.set(host, i32.add(i32.wrap(address), load32("i32", entry, TLB_ADDEND))),
      () => {
        const high = i32.wrap(i64.shr_u(address, c64(32)));
        const flags = (stack ? STACK_ACCESS : 0) | (reads ? READS_TOO : 0);
        const argument = c32(size | flags);
        f.set(
          host,
          call("i32", write ? Import.write : Import.read, this.recordAddress(), i32.wrap(address), high, argument),
        );
        f.if(i32.eqz(host), () => f.return());
      },
    );
    return host;
  }

  protected loadHost(host: Expr, size: Size, signed: boolean): Expr {
    return load64((signed ? signedWidth : loadWidth)[size], host);
  }

  protected storeHost(host: Expr, size: number, value: Expr, high?: Expr): void {
    if (size >= 16) {
      this.f.store("v128", host, value);
      if (high !== undefined) this.f.store("v128", host, high, 16);
    } else this.f.store(storeWidth[asSize(size)], host, value);
    this.finishStore(host);
  }
  /** What was written to the scratch area goes where it belongs. */
  protected finishStore(host: Expr): void {
    this.f.if(i32.lt_u(host, c32(layout.scratchEnd)), () => {
      this.f.run(call("i32", Import.commit, this.recordAddress()), 1);
    });
  }

  load(linear: Expr, size: Size, signed = false): Expr {
    return this.f.let(this.loadHost(this.access(linear, size, false), size, signed));
  }
  store(linear: Expr, size: Size, value: Expr): void {
    // The value first: computing it may fault, and must not see a half-done access.
    const ready = this.f.let(value);
    this.storeHost(this.access(linear, size, true), size, ready);
  }
  modify(linear: Expr, size: Size, change: (old: Expr) => Expr): Expr {
    const host = this.access(linear, size, true, false, true);
    const old = this.f.let(this.loadHost(host, size, false));
    this.storeHost(host, size, change(old));
    return old;
  }

  // Registers

  register(index: number, size: number = this.size): Expr {
    return this.loadRegister(c32(layout.registers + index * 8), asSize(size), false);
  }
  setRegister(index: number, value: Expr, size: number = this.size): void {
    this.storeRegister(c32(layout.registers + index * 8), asSize(size), value);
  }
  highByte(index: number): Expr {
    return this.loadRegister(c32(layout.registers + index * 8 + 1), 1, false);
  }
  setHighByte(index: number, value: Expr): void {
    this.storeRegister(c32(layout.registers + index * 8 + 1), 1, value);
  }

  // Stack

  protected stackLinear(pointer: Expr): Expr {
    if (this.mode === 64) return pointer;
    const base = load64("i64", ZERO, layout.effectiveBases + 2 * 8);
    return segmented(i64.add(zeroExtend(pointer, this.stackSize), base));
  }
  stackPointer(): Expr {
    return this.register(4, this.stackSize);
  }
  setStackPointer(value: Expr): void {
    this.setRegister(4, value, this.stackSize);
  }
  loadStack(displacement: number, size: number): Expr {
    return this.loadStackAt(i64.add(this.stackPointer(), c64(displacement)), size);
  }
  loadStackAt(pointer: Expr, size: number): Expr {
    const host = this.access(this.stackLinear(pointer), size, false, true);
    return this.f.let(this.loadHost(host, asSize(size), false));
  }
  storeStackAt(pointer: Expr, size: number, value: Expr): void {
    const ready = this.f.let(value);
    this.storeHost(this.access(this.stackLinear(pointer), size, true, true), size, ready);
  }
  push(value: Expr, size: number = this.size, check?: () => void): void {
    const ready = this.f.let(value);
    const pointer = this.f.let(i64.sub(this.stackPointer(), c64(size)));
    const host = this.access(this.stackLinear(pointer), size, true, true);
    check?.();
    this.storeHost(host, size, ready);
    this.setStackPointer(pointer);
  }

  // Control

  nextRip(): Expr {
    return this.field64("i64", Record.nextRip);
  }
  test(condition: number): Expr {
    const { flags } = this;
    const negate = (condition & 1) !== 0;
    const [plain, negated] = LazyFlags.tests[condition >> 1];
    return negate ? negated(flags) : plain(flags);
  }
  protected follow(slot: number): void {
    const block = this.f.let(this.field32("i32", slot));
    this.f.tailCallIndirect(0, load32("i32", block), block);
  }
  checkDirectTarget(_target: Operand): void {
    if (this.mode !== 64) this.checkTarget(zeroExtend(this.field64("i64", Record.immediate), 4));
  }
  jump(_target: Operand): void {
    this.follow(Record.target);
    this.ended = true;
  }
  branch(condition: Expr, _target: Operand): void {
    const taken = this.field32("i32", Record.target);
    const notTaken = this.field32("i32", Record.notTaken);
    const block = this.f.local("i32");
    this.f.if(
      condition,
      () => this.f.set(block, taken),
      () => this.f.set(block, notTaken),
    );
    this.f.tailCallIndirect(0, load32("i32", block), block);
    this.ended = true;
  }
  checkTarget(address: Expr): void {
    if (this.mode !== 64) {
      const limit = load64("u32", ZERO, segmentAddress("cs") + SEGMENT_LIMIT);
      this.raiseIf(i64.gt_u(address, limit), 13, 0);
      return;
    }
    const extended = i64.shr_s(i64.shl(address, c64(16)), c64(16));
    this.raiseIf(i64.ne(extended, address), 13, 0);
  }
  jumpTo(address: Expr): void {
    const target = this.f.let(zeroExtend(address, this.size));
    this.checkTarget(target);
    emitLookup(this.f, target);
    this.ended = true;
  }
  endBlock(): void {
    emitLookup(this.f, this.f.let(this.nextRip()));
    this.ended = true;
  }

  // State and TypeScript

  field(width: "i64" | "i32" | "u16", address: number): Expr {
    return width === "i64" ? load64("i64", ZERO, address) : load32(width, ZERO, address);
  }
  setField(width: "i64" | "i32", address: number, value: Expr): void {
    this.f.store(width, ZERO, value, address);
  }
  protected callRoutine(routine: string, args: readonly Expr[]): Expr {
    args.forEach((arg, i) => {
      const wide = arg.type === "i32" ? i64.extend_i32_u(arg) : arg;
      this.f.store("i64", ZERO, wide, layout.arguments + i * 8);
    });
    return call("i32", Import.call, this.recordAddress(), c32(routineId(routine)));
  }
  call(routine: string, ...args: Expr[]): void {
    this.f.if(i32.eqz(this.callRoutine(routine, args)), () => this.f.return());
  }
  attempt(name: X87Fast, args: readonly Expr[], done: (answer: Expr) => void, otherwise: () => void): void {
    const answer = this.f.let(call("i32", this.firstX87Function() + x87FastNames.indexOf(name), ...args));
    this.if(answer, () => done(answer), otherwise);
  }
  protected firstX87Function(): number {
    return FIRST_X87_FUNCTION;
  }
  record(): Expr {
    return this.recordAddress();
  }
  transfer(routine: string, ...args: Expr[]): void {
    this.call(routine, ...args);
    emitLookup(this.f, this.f.let(load64("i64", ZERO, layout.rip)));
    this.ended = true;
  }
  result(index: number): Expr {
    return load64("i64", ZERO, layout.arguments + index * 8);
  }
  raiseIf(condition: Expr, vector: number, errorCode = -1): void {
    if (condition.constant === 0n) return;
    this.f.if(condition, () => this.raiseNow(c32(vector), errorCode));
  }
  raise(vector: number, errorCode = -1): void {
    this.raiseNow(c32(vector), errorCode);
    this.ended = true;
  }
  protected raiseNow(vector: Expr, errorCode: number): void {
    this.f.run(call("i32", Import.raise, this.recordAddress(), vector, c32(errorCode)), 1);
    this.f.return();
  }

  repeatString(size: Size, registers: readonly number[], compares: boolean, iteration: () => void): void {
    if (this.repeat === "none") {
      iteration();
      return;
    }
    const f = this.f;
    const counter = (): Expr => this.register(1, this.addressSize);
    const again = f.local("i32");
    f.set(again, c32(0));
    f.if(i32.eqz(i64.eqz(counter())), () => {
      // How many iterations stay within the page of each address: one element may cross its end.
      const chunk = f.local("i64");
      f.set(chunk, counter());
      const backwards = f.let(i32.and(load32("i32", ZERO, layout.systemFlags), c32(Flag.DF)));
      const shift = c64(Math.log2(size));
      for (const index of registers) {
        const inPage = i64.and(this.register(index, this.addressSize), c64(4095));
        const up = i64.shr_u(i64.add(i64.sub(c64(4096), inPage), c64(size - 1)), shift);
        const down = i64.add(i64.shr_u(inPage, shift), c64(1));
        const room = f.let(select(down, up, backwards));
        f.set(chunk, select(chunk, room, i64.lt_u(chunk, room)));
      }
      const stepping = i32.and(load32("i32", ZERO, layout.systemFlags), c32(Flag.TF));
      f.if(i32.or(stepping, load32("i32", ZERO, layout.watchesData)), () => f.set(chunk, c64(1)));
      f.loop((label) => {
        iteration();
        this.setRegister(1, i64.sub(counter(), c64(1)), this.addressSize);
        f.set(chunk, i64.sub(chunk, c64(1)));
        f.set(again, i32.eqz(i64.eqz(counter())));
        if (compares) {
          const zero = this.flags.zero();
          f.set(again, i32.and(again, this.repeat === "rep" ? zero : i32.eqz(zero)));
        }
        f.branchIf(i32.and(again, i32.eqz(i64.eqz(chunk))), label);
      });
    });
    f.if(again, () => this.repeatLater());
  }

  /** A string instruction was not finished. */
  protected repeatLater(): void {
    const { f } = this;
    // Interruptible: retired once, and to be executed again. The rest of the block is not charged.
    const refund = i32.sub(this.field32("u16", Record.remaining), c32(1));
    f.store("i32", ZERO, i32.add(load32("i32", ZERO, layout.budget), refund), layout.budget);
    const length = this.field64("u8", Record.length);
    emitLookup(f, f.let(i64.sub(this.nextRip(), length)));
  }
}

/** Goes to the block at a virtual address through the jump cache; leaves to TypeScript if it is not there. */
export function emitLookup(f: FunctionBuilder, target: Expr): void {
  const low = i32.wrap(target);
  const hash = i32.xor(low, i32.wrap(i64.shr_u(target, c64(12))));
  const entry = f.let(
    i32.add(i32.shl(i32.and(hash, c32(JUMP_CACHE_ENTRIES - 1)), c32(4)), load32("i32", ZERO, layout.jumpCacheBase)),
  );
  f.if(i64.eq(load64("i64", entry), target), () => {
    const block = f.let(load32("i32", entry, 8));
    f.tailCallIndirect(0, load32("i32", block), block);
  });
  f.store("i64", ZERO, target, layout.rip);
  f.store("i32", ZERO, c32(0), layout.linkSlot);
  f.return();
}

/** See `flagResult` and its neighbours in state.ts for the representation. */
export class LazyFlags implements Flags {
  protected readonly f: FunctionBuilder;
  protected readonly size: number;

  constructor(f: FunctionBuilder, size: number) {
    this.f = f;
    this.size = size;
  }

  protected store(result: Expr, carry: Expr, aux: Expr): void {
    // All three first: they may be computed from the old flags.
    const newResult = this.f.let(result);
    const newCarry = this.f.let(carry);
    const newAux = this.f.let(aux);
    this.storeAll(newResult, newCarry, newAux);
  }
  protected storeAll(result: Expr, carry: Expr, aux: Expr): void {
    this.f.store("i64", ZERO, result, layout.flagResult);
    this.storeCarry(carry);
    this.f.store("i32", ZERO, aux, layout.flagAux);
  }
  protected storeCarry(carry: Expr): void {
    this.f.store("i64", ZERO, carry, layout.flagCarry);
  }
  protected storedResult(): Expr {
    return load64("i64", ZERO, layout.flagResult);
  }
  protected storedCarry(): Expr {
    return load64("i64", ZERO, layout.flagCarry);
  }
  protected storedAux(): Expr {
    return load32("i32", ZERO, layout.flagAux);
  }

  add(a: Expr, b: Expr, result: Expr, size = this.size): void {
    const not = i64.xor(result, c64(-1));
    const carries = i64.or(i64.and(a, b), i64.and(i64.or(a, b), not));
    this.store(result, i64.shl(carries, c64(64 - 8 * size)), this.auxOf(a, b, result));
  }
  sub(a: Expr, b: Expr, result: Expr, size = this.size): void {
    const not = i64.xor(a, c64(-1));
    const borrows = i64.or(i64.and(not, b), i64.and(i64.or(not, b), result));
    this.store(result, i64.shl(borrows, c64(64 - 8 * size)), this.auxOf(a, b, result));
  }
  protected auxOf(a: Expr, b: Expr, result: Expr): Expr {
    return i32.and(i32.wrap(i64.xor(i64.xor(a, b), result)), c32(0x10));
  }
  logic(result: Expr): void {
    this.store(result, c64(0), c32(0));
  }
  increment(old: Expr, result: Expr): void {
    this.keepingCarry(result, i64.and(result, i64.xor(old, c64(-1))), old);
  }
  decrement(old: Expr, result: Expr): void {
    this.keepingCarry(result, i64.and(old, i64.xor(result, c64(-1))), old);
  }
  /** `overflow`: its sign bit at the operand size (sign-extended operands: bit 63) is OF. */
  protected keepingCarry(result: Expr, overflow: Expr, old: Expr): void {
    const carry = this.f.let(i64.and(this.storedCarry(), c64(1n << 63n)));
    const vector = i64.or(carry, i64.xor(i64.shr_u(carry, c64(1)), i64.shl(i64.shr_u(overflow, c64(63)), c64(62))));
    this.store(result, vector, this.auxOf(old, c64(1), result));
  }
  result(result: Expr, carry: Expr, overflow: Expr, aux?: Expr): void {
    this.store(result, this.vector(carry, overflow), aux === undefined ? c32(0) : i32.shl(aux, c32(4)));
  }
  protected vector(carry: Expr, overflow: Expr): Expr {
    const c = this.f.let(carry);
    const wide = (value: Expr, at: number): Expr => i64.shl(i64.extend_i32_u(value), c64(at));
    return i64.or(wide(c, 63), wide(i32.xor(c, overflow), 62));
  }
  setCarry(carry: Expr): void {
    this.setCarryAndOverflow(carry, this.f.let(this.overflow()));
  }
  setCarryAndOverflow(carry: Expr, overflow: Expr): void {
    this.storeCarry(this.f.let(this.vector(carry, overflow)));
  }
  setZero(zero: Expr): void {
    const image = i32.or(i32.and(this.image(), c32(~Flag.ZF)), i32.shl(zero, c32(6)));
    this.setImage(this.f.let(image));
  }

  carry(): Expr {
    return this.f.let(i32.wrap(i64.shr_u(this.storedCarry(), c64(63))));
  }
  zero(): Expr {
    return this.f.let(i64.eqz(this.storedResult()));
  }
  sign(): Expr {
    return this.f.let(i32.xor(i64.lt_s(this.storedResult(), c64(0)), i32.shr_u(this.storedAux(), c32(31))));
  }
  parity(): Expr {
    const ones = i32.popcnt(i32.and(i32.wrap(this.storedResult()), c32(0xff)));
    return this.f.let(i32.and(i32.xor(i32.xor(ones, c32(1)), i32.shr_u(this.storedAux(), c32(8))), c32(1)));
  }
  overflow(): Expr {
    const carry = this.f.let(this.storedCarry());
    return this.f.let(i64.lt_s(i64.xor(carry, i64.shl(carry, c64(1))), c64(0)));
  }
  aux(): Expr {
    return this.f.let(i32.and(i32.shr_u(this.storedAux(), c32(4)), c32(1)));
  }
  less(): Expr {
    const carry = this.f.let(this.storedCarry());
    const sign = i64.xor(i64.xor(carry, i64.shl(carry, c64(1))), this.storedResult());
    return i32.xor(i64.lt_s(sign, c64(0)), i32.shr_u(this.storedAux(), c32(31)));
  }

  image(): Expr {
    const at = (bit: Expr, position: number): Expr => i32.shl(bit, c32(position));
    return i32.or(
      i32.or(i32.or(this.carry(), at(this.parity(), 2)), i32.or(at(this.aux(), 4), at(this.zero(), 6))),
      i32.or(at(this.sign(), 7), at(this.overflow(), 11)),
    );
  }
  setImage(image: Expr): void {
    const f = this.f;
    const flags = f.let(image);
    const bit = (position: number): Expr => i32.and(i32.shr_u(flags, c32(position)), c32(1));
    const zero = f.let(bit(6));
    const sign = f.let(bit(7));
    const notZero = f.let(i32.eqz(zero));
    // A result of 0 for ZF, else 1 with the sign; the inverting bits of flagAux put SF and PF right.
    const result = i64.or(i64.extend_i32_u(notZero), i64.shl(i64.extend_i32_u(i32.and(sign, notZero)), c64(63)));
    const aux = i32.or(
      i32.and(flags, c32(0x10)),
      i32.or(i32.shl(i32.and(sign, zero), c32(31)), i32.shl(i32.xor(bit(2), zero), c32(8))),
    );
    this.store(result, this.vector(bit(0), bit(11)), aux);
  }

  /** The eight conditions and their opposites, in the order of their encoding. */
  static readonly tests: readonly (readonly [(f: Flags) => Expr, (f: Flags) => Expr])[] = [
    LazyFlags.#pair((f) => f.overflow()),
    LazyFlags.#pair((f) => f.carry()),
    LazyFlags.#pair((f) => f.zero()),
    LazyFlags.#pair((f) => i32.or(f.carry(), f.zero())),
    LazyFlags.#pair((f) => f.sign()),
    LazyFlags.#pair((f) => f.parity()),
    LazyFlags.#pair((f) => (f as LazyFlags).less()),
    LazyFlags.#pair((f) => i32.or((f as LazyFlags).less(), f.zero())),
  ];
  static #pair(plain: (f: Flags) => Expr): readonly [(f: Flags) => Expr, (f: Flags) => Expr] {
    return [plain, (f) => i32.eqz(plain(f))];
  }
}
