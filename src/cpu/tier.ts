/**
 * What an instruction's definition may say: the interface between definitions and the execution tiers. A definition is run once
 * for each form of the instruction, when code is generated; it describes the effect, it does not compute it.
 *
 * Integers are i64 expressions, whatever their size: `read` zero-extends, `readSigned` sign-extends, `write` takes the low bits.
 *
 * Precision: everything that can fault must come before the first lasting effect. Memory reads and `readForWrite` first, then
 * `write` of a memory operand, then registers and flags.
 */
import type { Expr } from "../wasm/index.ts";
import type { RegisterFile } from "./operand-forms.ts";
import type { X87Fast } from "./x87/fast.ts";

/** Sizes in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** An operand as a definition sees it. */
export interface Operand {
  readonly kind: "register" | "memory" | "immediate" | "target" | "far";
  readonly file: RegisterFile;
  /** Bytes. */
  readonly size: number;
}

/** Lazily computed arithmetic flags. Operands and results are sign-extended to 64 bits from the operand size. */
export interface Flags {
  /** All six, of result = a + b (+ carry) at `size` bytes. */
  add(a: Expr, b: Expr, result: Expr, size?: number): void;
  /** All six, of result = a - b (- borrow). */
  sub(a: Expr, b: Expr, result: Expr, size?: number): void;
  /** ZF, SF, PF of the result; CF, OF, AF cleared. */
  logic(result: Expr): void;
  /** As add and sub, of 1, CF kept. */
  increment(old: Expr, result: Expr): void;
  decrement(old: Expr, result: Expr): void;
  /** ZF, SF, PF of the sign-extended result; CF and OF as given (i32, 0 or 1), AF as given or cleared. */
  result(result: Expr, carry: Expr, overflow: Expr, aux?: Expr): void;
  /** CF alone; the other five keep their values. */
  setCarry(carry: Expr): void;
  setCarryAndOverflow(carry: Expr, overflow: Expr): void;
  /** ZF alone. */
  setZero(zero: Expr): void;
  /** i32, 0 or 1. */
  carry(): Expr;
  zero(): Expr;
  sign(): Expr;
  parity(): Expr;
  overflow(): Expr;
  aux(): Expr;
  /** The six flags in their places in RFLAGS (i32). */
  image(): Expr;
  /** Sets the six from an RFLAGS image (i32). */
  setImage(image: Expr): void;
}

export interface Tier {
  /** Operand size in bytes. */
  readonly size: Size;
  /** Address size in bytes. */
  readonly addressSize: 2 | 4 | 8;
  /** Bits of the code segment. */
  readonly mode: 16 | 32 | 64;
  /** Bytes of the stack pointer: 8 in 64-bit mode, else by SS.B. */
  readonly stackSize: 2 | 4 | 8;
  /** Condition of a `+cc` row. */
  readonly condition: number;
  /** F3 or F2 prefix of a string instruction. */
  readonly repeat: "none" | "rep" | "repne";
  readonly flags: Flags;

  /** Evaluates an expression now and once. */
  let(value: Expr): Expr;
  /** A variable of the definition (i64), to assign under conditions. */
  variable(initial: Expr): Expr;
  assign(variable: Expr, value: Expr): void;
  if(condition: Expr, then: () => void, otherwise?: () => void): void;

  read(operand: Operand): Expr;
  readSigned(operand: Operand): Expr;
  /** Reads an operand that the definition will write: memory is checked for writing now. Zero-extended. */
  readForWrite(operand: Operand): Expr;
  readForWriteSigned(operand: Operand): Expr;
  /** A 4-byte write to a general register clears its upper half. */
  write(operand: Operand, value: Expr): void;
  /** 128 bits. `aligned`: #GP if memory is not on a 16-byte boundary. */
  readVector(operand: Operand, aligned?: boolean): Expr;
  writeVector(operand: Operand, value: Expr, aligned?: boolean): void;
  /** 128 or 256 bits by the operand's size, as one or two values, the low one first; memory as one access. */
  readVectors(operand: Operand, aligned?: boolean): Expr[];
  /** As VEX-encoded instructions write: what a register has above the values is cleared. */
  writeVectors(operand: Operand, values: readonly Expr[], aligned?: boolean): void;
  /** Where a register operand (or the immediate) lies in linear memory (i32): for SIMD lanes and TypeScript routines. */
  addressOf(operand: Operand): Expr;
  /** The number of a segment, control or debug register (i32). */
  number(operand: Operand): Expr;

  /** A general register operand at the width of the mode (MOV to and from control registers). */
  readWhole(operand: Operand): Expr;
  setWhole(operand: Operand, value: Expr): void;
  /** Parts of a far pointer immediate. */
  farSelector(operand: Operand): Expr;
  farOffset(operand: Operand): Expr;

  /** Effective address: the offset in its segment. */
  effectiveAddress(operand: Operand): Expr;
  /** Linear address of a memory operand, evaluated once. `displacement` (i64) is added to the offset. */
  linearAddress(operand: Operand, displacement?: Expr): Expr;
  /** Memory at a linear address; zero-extended. */
  load(linear: Expr, size: Size, signed?: boolean): Expr;
  store(linear: Expr, size: Size, value: Expr): void;
  /** Reads memory for writing, and writes what `change` makes of the old value, which is returned (zero-extended). */
  modify(linear: Expr, size: Size, change: (old: Expr) => Expr): Expr;
  /** Linear address of offset in ES, or in DS unless overridden: for string instructions. */
  segmentAddress(segment: "es" | "data", offset: Expr): Expr;

  /** A general register by number. */
  register(index: number, size?: number): Expr;
  setRegister(index: number, value: Expr, size?: number): void;
  /** High byte registers AH, CH, DH, BH. */
  highByte(index: number): Expr;
  setHighByte(index: number, value: Expr): void;

  /** Stack memory at rSP + displacement. */
  loadStack(displacement: number, size: number): Expr;
  /** The same at an arbitrary rSP or rBP value. */
  loadStackAt(pointer: Expr, size: number): Expr;
  storeStackAt(pointer: Expr, size: number, value: Expr): void;
  /** rSP or another register at the stack's width, zero-extended. */
  stackPointer(): Expr;
  setStackPointer(value: Expr): void;
  /** Writes below rSP and moves it, in this order. */
  /** `check` may raise what is looked at when the stack is known to be writable. */
  push(value: Expr, size?: number, check?: () => void): void;

  /** Address of the next instruction. */
  nextRip(): Expr;
  /** The condition of this code (0..15), as i32. */
  test(condition: number): Expr;
  /** Faults unless the target can be jumped to, as far as decoding has not seen to it: before the effects of a call. */
  checkDirectTarget(target: Operand): void;
  /** Ends the block: goes on at a target known at decoding. */
  jump(target: Operand): void;
  /** Ends the block: at the target if `condition` (i32), else at the next instruction. */
  branch(condition: Expr, target: Operand): void;
  /** Ends the block: goes on at an address (zero-extended at operand size). #GP if it is not canonical. */
  jumpTo(address: Expr): void;
  /** Faults unless `address` can be jumped to: before the effects of a call. */
  checkTarget(address: Expr): void;
  /** Ends the block: goes on at the next instruction, after whatever the instruction changed has been noticed. */
  endBlock(): void;

  /** One field of the CPU state by its address in state.ts. */
  field(width: "i64" | "i32" | "u16", address: number): Expr;
  setField(width: "i64" | "i32", address: number, value: Expr): void;

  /**
   * Calls a routine in TypeScript with up to sixteen i64 arguments; it may fault. Results are read with `result`. A routine that
   * changes where or how code runs is called by `transfer`.
   */
  call(routine: string, ...args: Expr[]): void;
  /**
   * Calls a function of x87/fast.ts. `done` gets its answer (i32); if that is 0, nothing has been changed, and `otherwise` does it.
   */
  attempt(name: X87Fast, args: readonly Expr[], done: (answer: Expr) => void, otherwise: () => void): void;
  /** Address of the decoded record of this instruction (i32), for such functions. */
  record(): Expr;
  /** Ends the block: calls a routine that has set RIP (far transfers, interrupts, mode changes). */
  transfer(routine: string, ...args: Expr[]): void;
  result(index: number): Expr;
  /** Raises an exception if `condition` (i32) holds. */
  raiseIf(condition: Expr, vector: number, errorCode?: number): void;
  raise(vector: number, errorCode?: number): void;
  /**
   * A string instruction on elements of `size` bytes: `iteration` is executed once, or rCX times with a repeat prefix; a chunk of iterations stays
   * within one page of each address given by `registers` (6 = rSI, 7 = rDI). With `compares`, F3 and F2 end it by ZF.
   */
  repeatString(size: Size, registers: readonly number[], compares: boolean, iteration: () => void): void;
}
