/**
 * The x87 floating-point unit (AMD64 APM volumes 1 chapter 6 and 5; volume 2, 11.5): register stack, status, control and tag
 * words, every instruction from D8 to DF, with true 80-bit results from soft float. Its state lies in linear memory, in
 * physical register order, where FXSAVE and the debugger find it.
 *
 * An instruction first computes, then touches memory, then changes the stack: a memory fault leaves everything as it was.
 */
import * as soft from "../soft-float.ts";
import { double, extended, FloatContext, type FloatFormat, floatFlags, rounding, single } from "../soft-float.ts";
import { x87Layout } from "./layout.ts";
import { abridgedTags, readPhysical, tagWord, writePhysical } from "./registers.ts";
import { transcendental } from "./transcendental.ts";

/** What the unit needs of the processor around it. Memory accesses throw the processor's faults. */
export interface X87Host {
  /** Little-endian integer at a linear address. */
  read(address: bigint, size: number): bigint;
  write(address: bigint, size: number, value: bigint): void;
  /** Faults if a write of so many bytes would. */
  probeWrite(address: bigint, size: number): void;
  /** RFLAGS, for FCMOVcc. */
  readFlags(): number;
  /** Sets CF, PF and ZF from the low byte and clears OF, SF and AF, for FCOMI. */
  writeComparison(flags: number): void;
  writeAx(value: number): void;
}

/** One x87 instruction as decoded. */
export interface X87Instruction {
  /** First opcode byte, D8 to DF. */
  readonly opcode: number;
  readonly modrm: number;
  /** Linear address of the memory operand; 0 for register forms. */
  readonly address: bigint;
  /** Offset of that operand in its segment: what FDP records. */
  readonly offset: bigint;
  /** RIP of the instruction. */
  readonly rip: bigint;
  /** Selectors of CS and of the memory operand's segment. */
  readonly codeSelector: number;
  readonly dataSelector: number;
  /** Whether the operand size is 16 bits (FNSTENV, FLDENV, FNSAVE, FRSTOR). */
  readonly operandSize16: boolean;
}

/** What the unit remembers of the last instruction that was not a control instruction. */
interface LastInstruction {
  readonly opcode: number;
  readonly code: bigint;
  readonly codeSelector: number;
  readonly data: bigint;
  readonly dataSelector: number;
}

const c0 = 0x100;
const c1 = 0x200;
const c2 = 0x400;
const c3 = 0x4000;
const conditionCodes = c0 | c1 | c2 | c3;
const stackFault = 0x40;
const errorSummary = 0x8080;
/** Exceptions that stop an instruction before it delivers anything. */
const preComputation = floatFlags.invalid | floatFlags.denormal | floatFlags.zeroDivide;

const mask64 = 0xffff_ffff_ffff_ffffn;
const signBit = 1n << 79n;
const realIndefinite = soft.defaultNan(extended);
const integerOne = (0x3fffn << 64n) | (1n << 63n);

/** Constants with more bits than the registers have, as [significand of 128 bits, exponent of its top bit]. */
const constants: Record<number, readonly [bigint, number]> = {
  0: [1n << 127n, 0], // FLD1
  1: [0xd49a784bcd1b8afe492bf6ff4dafdb4cn, 1], // FLDL2T
  2: [0xb8aa3b295c17f0bbbe87fed0691d3e88n, 0], // FLDL2E
  3: [0xc90fdaa22168c234c4c6628b80dc1cd1n, 1], // FLDPI
  4: [0x9a209a84fbcff7988f8959ac0b7c9178n, -2], // FLDLG2
  5: [0xb17217f7d1cf79abc9e3b39803f2f6afn, -1], // FLDLN2
};

/** The FPU of one processor. */
export class X87 {
  readonly #view: () => DataView;
  readonly #base: number;
  readonly #context = new FloatContext("x87");
  #host: X87Host;

  /**
   * @param view of the memory that holds the state (asked for anew each time: memory may grow)
   * @param base offset of the x87 part, laid out as `x87Layout`
   */
  constructor(view: () => DataView, base: number, host: X87Host) {
    this.#view = view;
    this.#base = base;
    this.#host = host;
  }

  get control(): number {
    return this.#view().getUint16(this.#base + x87Layout.control, true);
  }
  set control(value: number) {
    this.#view().setUint16(this.#base + x87Layout.control, value, true);
  }
  get status(): number {
    return this.#view().getUint16(this.#base + x87Layout.status, true);
  }
  set status(value: number) {
    this.#view().setUint16(this.#base + x87Layout.status, value, true);
  }
  get tags(): number {
    return this.#view().getUint8(this.#base + x87Layout.tags);
  }
  set tags(value: number) {
    this.#view().setUint8(this.#base + x87Layout.tags, value);
  }
  get top(): number {
    return (this.status >> 11) & 7;
  }

  /** Whether an unmasked exception waits for the next waiting instruction (#MF). */
  get pending(): boolean {
    return (this.status & 0x80) !== 0;
  }

  /** FNINIT. */
  initialise(): void {
    this.control = 0x37f;
    this.status = 0;
    this.tags = 0;
    this.#setPointers({ opcode: 0, code: 0n, codeSelector: 0, data: 0n, dataSelector: 0 });
  }

  /** The 80-bit value of a register counted from the top of the stack, whatever its tag. */
  read(i: number): bigint {
    return this.#readPhysical((this.top + i) & 7);
  }

  #readPhysical(index: number): bigint {
    return readPhysical(this.#view(), this.#base, index);
  }

  #writePhysical(index: number, value: bigint): void {
    writePhysical(this.#view(), this.#base, index, value);
  }

  /** Writes a register counted from the top and marks it as holding a value. */
  #set(i: number, value: bigint): void {
    const index = (this.top + i) & 7;
    this.#writePhysical(index, value);
    this.tags |= 1 << index;
  }

  #isEmpty(i: number): boolean {
    return ((this.tags >> ((this.top + i) & 7)) & 1) === 0;
  }

  #setTop(top: number): void {
    this.status = (this.status & ~0x3800) | ((top & 7) << 11);
  }

  #pop(): void {
    this.tags &= ~(1 << this.top);
    this.#setTop(this.top + 1);
  }

  #push(value: bigint): void {
    this.#setTop(this.top - 1);
    this.#set(0, value);
  }

  #setPointers({ opcode, code, codeSelector, data, dataSelector }: LastInstruction): void {
    const view = this.#view();
    const base = this.#base;
    view.setUint16(base + x87Layout.opcode, opcode, true);
    view.setBigUint64(base + x87Layout.instructionPointer, code, true);
    view.setUint16(base + x87Layout.codeSelector, codeSelector, true);
    view.setBigUint64(base + x87Layout.dataPointer, data, true);
    view.setUint16(base + x87Layout.dataSelector, dataSelector, true);
  }

  #pointers(): LastInstruction {
    const view = this.#view();
    const base = this.#base;
    return {
      opcode: view.getUint16(base + x87Layout.opcode, true),
      code: view.getBigUint64(base + x87Layout.instructionPointer, true),
      codeSelector: view.getUint16(base + x87Layout.codeSelector, true),
      data: view.getBigUint64(base + x87Layout.dataPointer, true),
      dataSelector: view.getUint16(base + x87Layout.dataSelector, true),
    };
  }

  #begin(): FloatContext {
    return this.#context.fromControlWord(this.control);
  }

  /** Adds the context's flags to the status word, sets C1, and recomputes the error summary. */
  #conclude(roundedUp = this.#context.roundedUp && (this.#context.flags & floatFlags.precision) !== 0): void {
    this.status = (this.status & ~c1) | this.#context.flags | (roundedUp ? c1 : 0);
    this.#summarise();
  }

  #summarise(): void {
    const raised = this.status & ~this.control & 0x3f;
    this.status = raised ? this.status | errorSummary : this.status & ~errorSummary;
  }

  /** Stack overflow (C1 set) or underflow. True if invalid is masked and the instruction goes on with indefinite. */
  #stackFault(overflow: boolean): boolean {
    this.status = (this.status & ~c1) | stackFault | floatFlags.invalid | (overflow ? c1 : 0);
    this.#summarise();
    return (this.control & floatFlags.invalid) !== 0;
  }

  /** Pushes what `load` gives, unless the stack is full or a signalling NaN stops it; a denormal does not (AMD). */
  #load(load: (context: FloatContext) => bigint): void {
    if (!this.#isEmpty(7)) {
      if (this.#stackFault(true)) this.#push(realIndefinite);
      return;
    }
    const context = this.#begin();
    const value = load(context);
    if ((context.unmasked & floatFlags.invalid) === 0) this.#push(value);
    this.#conclude(false);
  }

  /** destination = compute(a, b); pops afterwards if asked. Operands by stack index. */
  #arithmetic(
    destination: number,
    a: number,
    b: number,
    pop: boolean,
    compute: (context: FloatContext, a: bigint, b: bigint) => bigint,
  ): void {
    if (this.#isEmpty(a) || this.#isEmpty(b)) {
      if (!this.#stackFault(false)) return;
      this.#set(destination, realIndefinite);
      if (pop) this.#pop();
      return;
    }
    const context = this.#begin();
    const value = compute(context, this.read(a), this.read(b));
    if ((context.unmasked & preComputation) === 0) {
      this.#set(destination, value);
      if (pop) this.#pop();
    }
    this.#conclude();
  }

  /** ST0 = compute(ST0, memory operand). */
  #arithmeticMemory(
    operand: (context: FloatContext) => bigint,
    compute: (context: FloatContext, a: bigint, b: bigint) => bigint,
  ): void {
    const probe = this.#begin();
    const value = operand(probe);
    const denormal = probe.denormalOperand;
    if (this.#isEmpty(0)) {
      if (this.#stackFault(false)) this.#set(0, realIndefinite);
      return;
    }
    const context = this.#begin();
    context.denormalOperand = denormal;
    const result = compute(context, this.read(0), value);
    context.denormalOperand = false;
    if ((context.unmasked & preComputation) === 0) this.#set(0, result);
    this.#conclude();
  }

  /** FCOM and its kin. `b` undefined: the operand's register is empty. */
  #compare(b: bigint | undefined, quiet: boolean, pops: number, toFlags: boolean, denormalOperand = false): void {
    const deliver = (order: -1 | 0 | 1 | undefined): void => {
      if (toFlags) {
        this.#host.writeComparison(order === undefined ? 0x45 : order === 0 ? 0x40 : order < 0 ? 0x01 : 0);
      } else {
        const codes = order === undefined ? c0 | c2 | c3 : order === 0 ? c3 : order < 0 ? c0 : 0;
        this.status = (this.status & ~(c0 | c2 | c3)) | codes;
      }
    };
    // FCOMI and its kin leave C1 alone.
    const oldC1 = this.status & c1;
    if (this.#isEmpty(0) || b === undefined) {
      const goOn = this.#stackFault(false);
      deliver(undefined);
      if (goOn) for (let i = 0; i < pops; i++) this.#pop();
      return;
    }
    const context = this.#begin();
    context.denormalOperand = denormalOperand;
    const order = soft.compare(context, extended, this.read(0), b, quiet);
    context.denormalOperand = false;
    deliver(order);
    if ((context.unmasked & preComputation) === 0) for (let i = 0; i < pops; i++) this.#pop();
    this.#conclude(toFlags && oldC1 !== 0);
  }

  /**
   * Stores ST0 to memory as `size` bytes that `compute` makes of it. Nothing is stored or popped if an exception that
   * prevents the result is not masked.
   */
  #store(
    address: bigint,
    size: number,
    indefinite: bigint,
    pop: boolean,
    compute: (context: FloatContext, value: bigint) => bigint,
  ): void {
    // Memory is checked even if nothing will be stored; ten bytes are two accesses.
    this.#host.probeWrite(address, Math.min(size, 8));
    if (size > 8) this.#host.probeWrite(address + 8n, 2);
    if (this.#isEmpty(0)) {
      if (this.control & floatFlags.invalid) this.#writeMemory(address, size, indefinite);
      if (this.#stackFault(false) && pop) this.#pop();
      return;
    }
    const context = this.#begin();
    const value = compute(context, this.read(0));
    if ((context.unmasked & ~floatFlags.precision) === 0) {
      this.#writeMemory(address, size, value);
      if (pop) this.#pop();
    } else {
      // Nothing was delivered, so nothing was rounded.
      context.flags &= ~floatFlags.precision;
    }
    this.#conclude();
  }

  #writeMemory(address: bigint, size: number, value: bigint): void {
    for (let at = 0; at < size; ) {
      const step = size - at >= 8 ? 8 : size - at >= 4 ? 4 : 2;
      this.#host.write(address + BigInt(at), step, BigInt.asUintN(step * 8, value >> BigInt(at * 8)));
      at += step;
    }
  }

  #readExtended(address: bigint): bigint {
    const low = this.#host.read(address, 8);
    return (this.#host.read(address + 8n, 2) << 64n) | low;
  }

  /** Executes one instruction. False: no such instruction (#UD). The caller has seen to #NM and #MF. */
  execute(instruction: X87Instruction): boolean {
    const key = ((instruction.opcode & 7) << 3) | ((instruction.modrm >> 3) & 7);
    const isRegister = instruction.modrm >= 0xc0;
    const known = isRegister ? this.#register(instruction, key) : this.#memory(instruction, key);
    if (known && !isControl(instruction)) {
      const opcode = ((instruction.opcode & 7) << 8) | instruction.modrm;
      const { rip, codeSelector } = instruction;
      const { data, dataSelector } = isRegister
        ? this.#pointers()
        : { data: instruction.offset, dataSelector: instruction.dataSelector };
      this.#setPointers({ opcode, code: rip, codeSelector, data, dataSelector });
    }
    return known;
  }

  /** A memory operand as an extended value that still is what it was: a signalling NaN stays one. */
  #floatOperand(format: FloatFormat, address: bigint): (context: FloatContext) => bigint {
    const bits = this.#host.read(address, format === single ? 4 : 8);
    return (context) => soft.widen(context, format, bits);
  }

  #integerOperand(address: bigint, size: number): () => bigint {
    const value = BigInt.asIntN(size * 8, this.#host.read(address, size));
    return () => soft.integerToExtended(value);
  }

  #memory(instruction: X87Instruction, key: number): boolean {
    const { address } = instruction;
    const digit = key & 7;
    switch (key >> 3) {
      case 0:
        this.#arithmeticByDigit(digit, this.#floatOperand(single, address));
        return true;
      case 4:
        this.#arithmeticByDigit(digit, this.#floatOperand(double, address));
        return true;
      case 2:
        this.#arithmeticByDigit(digit, this.#integerOperand(address, 4));
        return true;
      case 6:
        this.#arithmeticByDigit(digit, this.#integerOperand(address, 2));
        return true;
    }
    const loadFloat = (format: FloatFormat): void => {
      const bits = this.#host.read(address, format === single ? 4 : 8);
      this.#load((context) => soft.convert(context, format, extended, bits));
    };
    const loadInteger = (size: number): void => {
      const operand = this.#integerOperand(address, size);
      this.#load(operand);
    };
    const storeFloat = (format: FloatFormat, pop: boolean): void =>
      this.#store(address, format === single ? 4 : 8, soft.defaultNan(format), pop, (context, value) =>
        soft.narrow(context, format, value),
      );
    const storeInteger = (size: number, pop: boolean, truncate = false): void =>
      this.#store(address, size, 1n << BigInt(size * 8 - 1), pop, (context, value) =>
        soft.toInteger(context, extended, value, size * 8, truncate ? rounding.zero : context.rounding),
      );
    switch (key) {
      case 0o10:
        loadFloat(single);
        return true;
      case 0o12:
        storeFloat(single, false);
        return true;
      case 0o13:
        storeFloat(single, true);
        return true;
      case 0o14:
        this.#loadEnvironment(address, instruction.operandSize16);
        return true;
      case 0o15:
        this.control = controlWord(Number(this.#host.read(address, 2)));
        this.#summarise();
        return true;
      case 0o16:
        this.#probeImage(address, instruction.operandSize16 ? 14 : 28);
        this.#storeEnvironment(address, instruction.operandSize16);
        this.control |= 0x3f;
        this.#summarise();
        return true;
      case 0o17:
        this.#host.write(address, 2, BigInt(this.control));
        return true;
      case 0o30:
        loadInteger(4);
        return true;
      case 0o31:
        storeInteger(4, true, true);
        return true;
      case 0o32:
        storeInteger(4, false);
        return true;
      case 0o33:
        storeInteger(4, true);
        return true;
      case 0o35: {
        const value = this.#readExtended(address);
        this.#load(() => value);
        return true;
      }
      case 0o37:
        this.#store(address, 10, realIndefinite, true, (_context, value) => value);
        return true;
      case 0o50:
        loadFloat(double);
        return true;
      case 0o51:
        storeInteger(8, true, true);
        return true;
      case 0o52:
        storeFloat(double, false);
        return true;
      case 0o53:
        storeFloat(double, true);
        return true;
      case 0o54:
        this.#restore(address, instruction.operandSize16);
        return true;
      case 0o56:
        this.#save(address, instruction.operandSize16);
        return true;
      case 0o57:
        this.#host.write(address, 2, BigInt(this.status));
        return true;
      case 0o70:
        loadInteger(2);
        return true;
      case 0o71:
        storeInteger(2, true, true);
        return true;
      case 0o72:
        storeInteger(2, false);
        return true;
      case 0o73:
        storeInteger(2, true);
        return true;
      case 0o74: {
        const value = this.#decimalOperand(address);
        this.#load(() => value);
        return true;
      }
      case 0o75:
        loadInteger(8);
        return true;
      case 0o76:
        this.#store(address, 10, 0xffff_c000_0000_0000_0000n, true, toDecimal);
        return true;
      case 0o77:
        storeInteger(8, true);
        return true;
    }
    return false;
  }

  /** FADD, FMUL, FCOM, FCOMP, FSUB, FSUBR, FDIV, FDIVR with a memory operand. */
  #arithmeticByDigit(digit: number, operand: (context: FloatContext) => bigint): void {
    if (digit === 2 || digit === 3) {
      const probe = this.#begin();
      const value = operand(probe);
      const denormal = probe.denormalOperand;
      probe.denormalOperand = false;
      this.#compare(value, false, digit - 2, false, denormal);
      return;
    }
    this.#arithmeticMemory(operand, arithmetic[digit]);
  }

  #register(instruction: X87Instruction, key: number): boolean {
    const i = instruction.modrm & 7;
    const digit = key & 7;
    switch (key >> 3) {
      case 0:
        if (digit === 2 || digit === 3) this.#compareRegister(i, false, digit - 2, false);
        else this.#arithmetic(0, 0, i, false, arithmetic[digit]);
        return true;
      case 4:
      case 6: {
        const pop = key >> 3 === 6;
        if (digit === 2 || digit === 3) {
          // FCOM, FCOMP under other opcodes; DE D9 is FCOMPP.
          if (pop && digit === 3 && i !== 1) return false;
          this.#compareRegister(i, false, pop ? (digit === 3 ? 2 : 1) : digit - 2, false);
          return true;
        }
        // With ST(i) as the destination /4 is FSUBR and /5 FSUB: the operands stay in the order ST0, ST(i).
        this.#arithmetic(i, 0, i, pop, arithmetic[digit]);
        return true;
      }
    }
    const moveIf = (bit: number, wanted: boolean): boolean => {
      this.#conditionalMove(i, ((this.#host.readFlags() & bit) !== 0) === wanted);
      return true;
    };
    switch (key) {
      case 0o10: {
        if (this.#isEmpty(i)) {
          if (this.#stackFault(false)) this.#push(realIndefinite);
        } else {
          const value = this.read(i);
          this.#load(() => value);
        }
        return true;
      }
      case 0o11: // D9 C8+i
      case 0o51: // DD C8+i, DF C8+i: aliases
      case 0o71:
        this.#exchange(i);
        return true;
      case 0o12: // D9 D0: FNOP
        return i === 0;
      case 0o13: // D9 D8+i: FSTP that does not mind an empty stack
        if (this.#isEmpty(0)) {
          this.status &= ~c1;
          this.#pop();
        } else this.#storeRegister(i, true);
        return true;
      case 0o53:
      case 0o72:
      case 0o73:
        this.#storeRegister(i, true);
        return true;
      case 0o52:
        this.#storeRegister(i, false);
        return true;
      case 0o14:
      case 0o15:
      case 0o16:
      case 0o17:
        return this.#special(instruction.modrm);
      case 0o20:
        return moveIf(0x01, true);
      case 0o21:
        return moveIf(0x40, true);
      case 0o22:
        return moveIf(0x41, true);
      case 0o23:
        return moveIf(0x04, true);
      case 0o25:
        if (i !== 1) return false;
        this.#compareRegister(1, true, 2, false);
        return true;
      case 0o30:
        return moveIf(0x01, false);
      case 0o31:
        return moveIf(0x40, false);
      case 0o32:
        return moveIf(0x41, false);
      case 0o33:
        return moveIf(0x04, false);
      case 0o34:
        if (i === 2) this.status &= 0x7f00;
        else if (i === 3) this.initialise();
        // FENI, FDISI and FSETPM of the 8087 and 80287 do nothing.
        return i <= 4;
      case 0o35:
        this.#compareRegister(i, true, 0, true);
        return true;
      case 0o36:
        this.#compareRegister(i, false, 0, true);
        return true;
      case 0o50:
        this.tags &= ~(1 << ((this.top + i) & 7));
        this.status &= ~c1;
        return true;
      case 0o54:
        this.#compareRegister(i, true, 0, false);
        return true;
      case 0o55:
        this.#compareRegister(i, true, 1, false);
        return true;
      case 0o70: // DF C0+i: FFREEP
        this.tags &= ~(1 << ((this.top + i) & 7));
        this.#pop();
        this.status &= ~c1;
        return true;
      case 0o74:
        if (i !== 0) return false;
        this.#host.writeAx(this.status);
        return true;
      case 0o75:
        this.#compareRegister(i, true, 1, true);
        return true;
      case 0o76:
        this.#compareRegister(i, false, 1, true);
        return true;
    }
    return false;
  }

  #compareRegister(i: number, quiet: boolean, pops: number, toFlags: boolean): void {
    this.#compare(this.#isEmpty(i) ? undefined : this.read(i), quiet, pops, toFlags);
  }

  #conditionalMove(i: number, condition: boolean): void {
    if (this.#isEmpty(0) || this.#isEmpty(i)) {
      if (this.#stackFault(false)) this.#set(0, realIndefinite);
      return;
    }
    if (condition) this.#set(0, this.read(i));
  }

  #exchange(i: number): void {
    if (this.#isEmpty(0) || this.#isEmpty(i)) {
      if (!this.#stackFault(false)) return;
      if (this.#isEmpty(0)) this.#set(0, realIndefinite);
      if (this.#isEmpty(i)) this.#set(i, realIndefinite);
    } else {
      this.status &= ~c1;
    }
    const a = this.read(0);
    this.#set(0, this.read(i));
    this.#set(i, a);
  }

  #storeRegister(i: number, pop: boolean): void {
    if (this.#isEmpty(0)) {
      if (!this.#stackFault(false)) return;
      this.#set(i, realIndefinite);
    } else {
      this.#set(i, this.read(0));
      this.status &= ~c1;
    }
    if (pop) this.#pop();
  }

  /** D9 E0 to D9 FF: no operands. */
  #special(modrm: number): boolean {
    switch (modrm) {
      case 0xe0:
        return this.#unary((_context, value) => value ^ signBit);
      case 0xe1:
        return this.#unary((_context, value) => value & ~signBit);
      case 0xe4:
        this.#compare(0n, false, 0, false);
        return true;
      case 0xe5:
        this.#examine();
        return true;
      case 0xee:
        this.#load(() => 0n);
        return true;
      case 0xf4:
        this.#extract();
        return true;
      case 0xf5:
        return this.#remainder(true);
      case 0xf6:
        this.#setTop(this.top - 1);
        this.status &= ~c1;
        return true;
      case 0xf7:
        this.#setTop(this.top + 1);
        this.status &= ~c1;
        return true;
      case 0xf8:
        return this.#remainder(false);
      case 0xfa:
        return this.#unary((context, value) => soft.squareRoot(context, extended, value));
      case 0xfc:
        return this.#unary((context, value) => soft.roundToIntegral(context, extended, value));
      case 0xfd:
        this.#arithmetic(0, 0, 1, false, soft.scale);
        return true;
      case 0xf0:
        return this.#unary(transcendental.twoToXMinus1);
      case 0xf1:
        this.#arithmetic(1, 0, 1, true, transcendental.yLog2X);
        return true;
      case 0xf9:
        this.#arithmetic(1, 0, 1, true, transcendental.yLog2XPlus1);
        return true;
      case 0xf3:
        this.#arithmetic(1, 0, 1, true, transcendental.arcTangent);
        return true;
      case 0xfe:
        return this.#trigonometric("sine");
      case 0xff:
        return this.#trigonometric("cosine");
      case 0xfb:
        return this.#trigonometric("both");
      case 0xf2:
        return this.#trigonometric("tangent");
    }
    const constant = modrm >= 0xe8 && modrm <= 0xed ? constants[modrm - 0xe8] : undefined;
    if (constant === undefined) return false;
    this.#load((context) => {
      const [significand, exponent] = constant;
      const value = soft.round(context, extended, 0, significand, exponent - 127);
      context.flags = 0; // loading a constant is never inexact
      return value;
    });
    return true;
  }

  #unary(compute: (context: FloatContext, value: bigint) => bigint): boolean {
    this.#arithmetic(0, 0, 0, false, (context, value) => compute(context, value));
    return true;
  }

  /** FXAM. */
  #examine(): void {
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
    const kind = this.#isEmpty(0) ? c3 | c0 : codes[value.kind];
    this.status = (this.status & ~conditionCodes) | kind | (value.sign ? c1 : 0);
  }

  /** FXTRACT: exponent into ST0, then push the significand. */
  #extract(): void {
    if (this.#isEmpty(0)) {
      if (this.#stackFault(false)) {
        this.#set(0, realIndefinite);
        this.#push(realIndefinite);
      }
      return;
    }
    if (!this.#isEmpty(7)) {
      if (this.#stackFault(true)) {
        this.#set(0, realIndefinite);
        this.#push(realIndefinite);
      }
      return;
    }
    const context = this.#begin();
    const [exponent, significand] = soft.extract(context, this.read(0));
    if ((context.unmasked & preComputation) === 0) {
      this.#set(0, exponent);
      this.#push(significand);
    }
    this.#conclude(false);
  }

  /** FPREM, FPREM1. */
  #remainder(nearest: boolean): boolean {
    if (this.#isEmpty(0) || this.#isEmpty(1)) {
      this.status &= ~c2;
      if (this.#stackFault(false)) this.#set(0, realIndefinite);
      return true;
    }
    const context = this.#begin();
    const { value, quotient, partial } = soft.remainder(context, this.read(0), this.read(1), nearest);
    if ((context.unmasked & preComputation) === 0) {
      this.#set(0, value);
    }
    this.#conclude(false);
    if (quotient === undefined) this.status &= ~c2;
    if ((context.unmasked & preComputation) === 0 && quotient !== undefined) {
      const codes = (quotient & 4 ? c0 : 0) | (quotient & 2 ? c3 : 0) | (quotient & 1 ? c1 : 0) | (partial ? c2 : 0);
      this.status = (this.status & ~conditionCodes) | codes;
    }
    return true;
  }

  #trigonometric(what: "sine" | "cosine" | "both" | "tangent"): boolean {
    const pushes = what === "both" || what === "tangent";
    this.status &= ~c2;
    if (this.#isEmpty(0) || (pushes && !this.#isEmpty(7))) {
      if (this.#stackFault(!this.#isEmpty(0))) {
        this.#set(0, realIndefinite);
        if (pushes) this.#push(realIndefinite);
      }
      return true;
    }
    const context = this.#begin();
    const result = transcendental.trigonometric(context, this.read(0), what);
    if (result === undefined) {
      // Too large to be reduced: nothing happens but C2.
      this.#conclude(false);
      this.status |= c2;
      return true;
    }
    if ((context.unmasked & preComputation) === 0) {
      this.#set(0, result[0]);
      if (pushes) this.#push(what === "tangent" && !isNan(result[0]) ? integerOne : result[1]);
    }
    this.#conclude();
    return true;
  }

  /** Packed decimal: 18 digits and a sign. */
  #decimalOperand(address: bigint): bigint {
    const low = this.#host.read(address, 8);
    const high = Number(this.#host.read(address + 8n, 2));
    let value = 0n;
    for (let i = 1; i >= 0; i--) value = value * 10n + BigInt((high >> (i * 4)) & 15);
    for (let i = 15; i >= 0; i--) value = value * 10n + ((low >> BigInt(i * 4)) & 15n);
    const result = soft.integerToExtended(value);
    return high & 0x8000 ? result | signBit : result;
  }

  /** Faults in the order of the processor: the near end, the far end, what is between. */
  #probeImage(address: bigint, size: number): void {
    this.#host.probeWrite(address, size % 4 === 0 ? 4 : 2);
    this.#host.probeWrite(address + BigInt(size - 1), 1);
    this.#host.probeWrite(address, size);
  }

  #storeEnvironment(address: bigint, size16: boolean): void {
    const { opcode, code, codeSelector, data, dataSelector } = this.#pointers();
    const words = [BigInt(this.control), BigInt(this.status), BigInt(tagWord(this.#view(), this.#base))];
    if (size16) {
      const all = [...words, code & 0xffffn, BigInt(codeSelector), data & 0xffffn, BigInt(dataSelector)];
      all.forEach((word, i) => {
        this.#host.write(address + BigInt(i * 2), 2, word);
      });
      return;
    }
    const all = [
      ...words.map((word) => word | 0xffff_0000n),
      code & 0xffff_ffffn,
      BigInt((opcode << 16) | codeSelector),
      data & 0xffff_ffffn,
      BigInt(dataSelector) | 0xffff_0000n,
    ];
    all.forEach((word, i) => {
      this.#host.write(address + BigInt(i * 4), 4, word);
    });
  }

  #loadEnvironment(address: bigint, size16: boolean): void {
    const step = size16 ? 2n : 4n;
    const words: bigint[] = [];
    // First the near end, then the far one.
    this.#host.read(address, Number(step));
    this.#host.read(address + 7n * step - 1n, 1);
    for (let i = 0n; i < 7n; i++) words.push(this.#host.read(address + i * step, Number(step)));
    this.control = controlWord(Number(words[0] & 0xffffn));
    this.status = Number(words[1] & 0xffffn);
    this.tags = abridgedTags(Number(words[2] & 0xffffn));
    const opcode = size16 ? 0 : Number((words[4] >> 16n) & 0x7ffn);
    const selector = (word: bigint): number => Number(word & 0xffffn);
    const [, , , code, codeWord, data, dataWord] = words;
    this.#setPointers({ opcode, code, codeSelector: selector(codeWord), data, dataSelector: selector(dataWord) });
    this.#summarise();
  }

  #save(address: bigint, size16: boolean): void {
    const environment = size16 ? 14 : 28;
    this.#probeImage(address, environment + 80);
    this.#storeEnvironment(address, size16);
    for (let i = 0; i < 8; i++) this.#writeMemory(address + BigInt(environment + i * 10), 10, this.read(i));
    this.initialise();
  }

  #restore(address: bigint, size16: boolean): void {
    const environment = size16 ? 14 : 28;
    const values: bigint[] = [];
    this.#host.read(address, size16 ? 2 : 4);
    this.#host.read(address + BigInt(environment + 79), 1);
    for (let i = 0; i < 8; i++) values.push(this.#readExtended(address + BigInt(environment + i * 10)));
    this.#loadEnvironment(address, size16);
    for (let i = 0; i < 8; i++) this.#writePhysical((this.top + i) & 7, values[i]);
  }

  /** The x87 part of an FXSAVE image: the first 160 bytes, without MXCSR. Pointers are saved while an error is pending. */
  saveImage(image: DataView, rexW: boolean): void {
    image.setUint16(0, this.control, true);
    image.setUint16(2, this.status, true);
    image.setUint16(4, this.tags, true);
    if (this.pending) {
      const { opcode, code, codeSelector, data, dataSelector } = this.#pointers();
      image.setUint16(6, opcode, true);
      if (rexW) {
        image.setBigUint64(8, code, true);
        image.setBigUint64(16, data, true);
      } else {
        image.setUint32(8, Number(code & 0xffff_ffffn), true);
        image.setUint16(12, codeSelector, true);
        image.setUint32(16, Number(data & 0xffff_ffffn), true);
        image.setUint16(20, dataSelector, true);
      }
    }
    for (let i = 0; i < 8; i++) {
      const value = this.read(i);
      image.setBigUint64(32 + i * 16, value & mask64, true);
      image.setBigUint64(40 + i * 16, value >> 64n, true);
    }
  }

  /** The reverse of `saveImage`. */
  restoreImage(image: DataView, rexW: boolean): void {
    this.control = controlWord(image.getUint16(0, true));
    this.status = image.getUint16(2, true);
    this.tags = image.getUint8(4);
    this.#summarise();
    // Pointers count while an error is pending. With REX.W they are linear addresses of 57 bits at most.
    if (!this.pending) {
      this.#setPointers({ opcode: 0, code: 0n, codeSelector: 0, data: 0n, dataSelector: 0 });
    } else {
      const extend = (value: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(57, value));
      const opcode = image.getUint16(6, true) & 0x7ff;
      const code = rexW ? extend(image.getBigUint64(8, true)) : BigInt(image.getUint32(8, true));
      const data = rexW ? extend(image.getBigUint64(16, true)) : BigInt(image.getUint32(16, true));
      const selector = (at: number): number => (rexW ? 0 : image.getUint16(at, true));
      this.#setPointers({ opcode, code, codeSelector: selector(12), data, dataSelector: selector(20) });
    }
    for (let i = 0; i < 8; i++) {
      const at = 32 + i * 16;
      const value = (BigInt(image.getUint16(at + 8, true)) << 64n) | image.getBigUint64(at, true);
      this.#writePhysical((this.top + i) & 7, value);
    }
  }

  /** What every MMX instruction does to the x87: top of stack 0, all registers valid; EMMS empties them. */
  enterMmx(): void {
    this.#setTop(0);
    this.tags = 0xff;
  }
}

const arithmetic: readonly ((context: FloatContext, a: bigint, b: bigint) => bigint)[] = [
  (context, a, b) => soft.add(context, extended, a, b),
  (context, a, b) => soft.multiply(context, extended, a, b),
  (_context, a) => a,
  (_context, a) => a,
  (context, a, b) => soft.add(context, extended, a, b, true),
  (context, a, b) => soft.add(context, extended, b, a, true),
  (context, a, b) => soft.divide(context, extended, a, b),
  (context, a, b) => soft.divide(context, extended, b, a),
];

function isNan(value: bigint): boolean {
  const { kind } = soft.unpack(extended, value);
  return kind === "quiet" || kind === "signalling" || kind === "unsupported";
}

/** The control word as it is kept: bit 6 reads as one, other reserved bits as zero. */
function controlWord(value: number): number {
  return (value & 0x1f3f) | 0x40;
}

/** FBSTP's bytes. */
function toDecimal(context: FloatContext, value: bigint): bigint {
  const indefinite = 0xffff_c000_0000_0000_0000n;
  const integer = BigInt.asIntN(64, soft.toInteger(context, extended, value, 64));
  const magnitude = integer < 0n ? -integer : integer;
  if (context.flags & floatFlags.invalid || magnitude > 999_999_999_999_999_999n) {
    context.flags = floatFlags.invalid;
    return indefinite;
  }
  const sign = value & signBit ? 0x80n : 0n;
  return (sign << 72n) | BigInt(`0x${magnitude.toString()}`);
}

/** Instructions that leave the instruction and data pointers alone. */
function isControl({ opcode, modrm }: X87Instruction): boolean {
  const digit = (modrm >> 3) & 7;
  if (modrm < 0xc0) return (opcode === 0xd9 && digit >= 4) || (opcode === 0xdd && (digit === 4 || digit >= 6));
  return (opcode === 0xdb && digit === 4) || (opcode === 0xdf && modrm === 0xe0);
}
