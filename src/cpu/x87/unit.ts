/**
 * The x87 floating-point unit (AMD64 APM volumes 1 chapter 6 and 5; volume 2, 11.5): every instruction from D8 to DF, with true 80-bit
 * results from soft float. Here is which instruction is which; operations.ts has what they do.
 */
import * as soft from "../soft-float.ts";
import { double, extended, type FloatContext, type FloatFormat, floatFlags, rounding, single } from "../soft-float.ts";
import type { X87Instruction } from "./host.ts";
import { controlWord } from "./images.ts";
import { X87Operations } from "./operations.ts";
import { conditionCode, realIndefinite } from "./stack.ts";
import { transcendental } from "./transcendental.ts";

const { c1 } = conditionCode;
const signBit = 1n << 79n;

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
export class X87 extends X87Operations {
  /** Executes one instruction. False: no such instruction (#UD). The caller has seen to #NM and #MF. */
  execute(instruction: X87Instruction): boolean {
    const key = ((instruction.opcode & 7) << 3) | ((instruction.modrm >> 3) & 7);
    const isRegister = instruction.modrm >= 0xc0;
    const known = isRegister ? this.#register(instruction, key) : this.#memory(instruction, key);
    if (known && !isControl(instruction)) {
      const opcode = ((instruction.opcode & 7) << 8) | instruction.modrm;
      const { rip, codeSelector } = instruction;
      const { data, dataSelector } = isRegister
        ? this.pointers()
        : { data: instruction.offset, dataSelector: instruction.dataSelector };
      this.setPointers({ opcode, code: rip, codeSelector, data, dataSelector });
    }
    return known;
  }

  /** A memory operand as an extended value that still is what it was: a signalling NaN stays one. */
  #floatOperand(format: FloatFormat, address: bigint): (context: FloatContext) => bigint {
    const bits = this.host.read(address, format === single ? 4 : 8);
    return (context) => soft.widen(context, format, bits);
  }

  #integerOperand(address: bigint, size: number): () => bigint {
    const value = BigInt.asIntN(size * 8, this.host.read(address, size));
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
      const bits = this.host.read(address, format === single ? 4 : 8);
      this.load((context) => soft.convert(context, format, extended, bits));
    };
    const loadInteger = (size: number): void => {
      const operand = this.#integerOperand(address, size);
      this.load(operand);
    };
    const storeFloat = (format: FloatFormat, pop: boolean): void =>
      this.store(address, format === single ? 4 : 8, soft.defaultNan(format), pop, (context, value) =>
        soft.narrow(context, format, value),
      );
    const storeInteger = (size: number, pop: boolean, truncate = false): void =>
      this.store(address, size, 1n << BigInt(size * 8 - 1), pop, (context, value) =>
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
        this.loadEnvironment(address, instruction.operandSize16);
        return true;
      case 0o15:
        this.control = controlWord(Number(this.host.read(address, 2)));
        this.summarise();
        return true;
      case 0o16:
        this.probeImage(address, instruction.operandSize16 ? 14 : 28);
        this.storeEnvironment(address, instruction.operandSize16);
        this.control |= 0x3f;
        this.summarise();
        return true;
      case 0o17:
        this.host.write(address, 2, BigInt(this.control));
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
        const value = this.readExtended(address);
        this.load(() => value);
        return true;
      }
      case 0o37:
        this.store(address, 10, realIndefinite, true, (_context, value) => value);
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
        this.restore(address, instruction.operandSize16);
        return true;
      case 0o56:
        this.save(address, instruction.operandSize16);
        return true;
      case 0o57:
        this.host.write(address, 2, BigInt(this.status));
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
        const value = this.decimalOperand(address);
        this.load(() => value);
        return true;
      }
      case 0o75:
        loadInteger(8);
        return true;
      case 0o76:
        this.store(address, 10, 0xffff_c000_0000_0000_0000n, true, toDecimal);
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
      const probe = this.begin();
      const value = operand(probe);
      const denormal = probe.denormalOperand;
      probe.denormalOperand = false;
      this.compare(value, false, digit - 2, false, denormal);
      return;
    }
    this.arithmeticMemory(operand, arithmetic[digit]);
  }

  #register(instruction: X87Instruction, key: number): boolean {
    const i = instruction.modrm & 7;
    const digit = key & 7;
    switch (key >> 3) {
      case 0:
        if (digit === 2 || digit === 3) this.compareRegister(i, false, digit - 2, false);
        else this.arithmetic(0, 0, i, false, arithmetic[digit]);
        return true;
      case 4:
      case 6: {
        const pop = key >> 3 === 6;
        if (digit === 2 || digit === 3) {
          // FCOM, FCOMP under other opcodes; DE D9 is FCOMPP.
          if (pop && digit === 3 && i !== 1) return false;
          this.compareRegister(i, false, pop ? (digit === 3 ? 2 : 1) : digit - 2, false);
          return true;
        }
        // With ST(i) as the destination /4 is FSUBR and /5 FSUB: the operands stay in the order ST0, ST(i).
        this.arithmetic(i, 0, i, pop, arithmetic[digit]);
        return true;
      }
    }
    const moveIf = (bit: number, wanted: boolean): boolean => {
      this.conditionalMove(i, ((this.host.readFlags() & bit) !== 0) === wanted);
      return true;
    };
    switch (key) {
      case 0o10: {
        if (this.isEmpty(i)) {
          if (this.stackFault(false)) this.push(realIndefinite);
        } else {
          const value = this.read(i);
          this.load(() => value);
        }
        return true;
      }
      case 0o11: // D9 C8+i
      case 0o51: // DD C8+i, DF C8+i: aliases
      case 0o71:
        this.exchange(i);
        return true;
      case 0o12: // D9 D0: FNOP
        return i === 0;
      case 0o13: // D9 D8+i: FSTP that does not mind an empty stack
        if (this.isEmpty(0)) {
          this.status &= ~c1;
          this.pop();
        } else this.storeRegister(i, true);
        return true;
      case 0o53:
      case 0o72:
      case 0o73:
        this.storeRegister(i, true);
        return true;
      case 0o52:
        this.storeRegister(i, false);
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
        this.compareRegister(1, true, 2, false);
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
        this.compareRegister(i, true, 0, true);
        return true;
      case 0o36:
        this.compareRegister(i, false, 0, true);
        return true;
      case 0o50:
        this.tags &= ~(1 << ((this.top + i) & 7));
        this.status &= ~c1;
        return true;
      case 0o54:
        this.compareRegister(i, true, 0, false);
        return true;
      case 0o55:
        this.compareRegister(i, true, 1, false);
        return true;
      case 0o70: // DF C0+i: FFREEP
        this.tags &= ~(1 << ((this.top + i) & 7));
        this.pop();
        this.status &= ~c1;
        return true;
      case 0o74:
        if (i !== 0) return false;
        this.host.writeAx(this.status);
        return true;
      case 0o75:
        this.compareRegister(i, true, 1, true);
        return true;
      case 0o76:
        this.compareRegister(i, false, 1, true);
        return true;
    }
    return false;
  }

  /** D9 E0 to D9 FF: no operands. */
  #special(modrm: number): boolean {
    switch (modrm) {
      case 0xe0:
        return this.unary((_context, value) => value ^ signBit);
      case 0xe1:
        return this.unary((_context, value) => value & ~signBit);
      case 0xe4:
        this.compare(0n, false, 0, false);
        return true;
      case 0xe5:
        this.examine();
        return true;
      case 0xee:
        this.load(() => 0n);
        return true;
      case 0xf4:
        this.extract();
        return true;
      case 0xf5:
        return this.remainder(true);
      case 0xf6:
        this.setTop(this.top - 1);
        this.status &= ~c1;
        return true;
      case 0xf7:
        this.setTop(this.top + 1);
        this.status &= ~c1;
        return true;
      case 0xf8:
        return this.remainder(false);
      case 0xfa:
        return this.unary((context, value) => soft.squareRoot(context, extended, value));
      case 0xfc:
        return this.unary((context, value) => soft.roundToIntegral(context, extended, value));
      case 0xfd:
        this.arithmetic(0, 0, 1, false, soft.scale);
        return true;
      case 0xf0:
        return this.unary(transcendental.twoToXMinus1);
      case 0xf1:
        this.arithmetic(1, 0, 1, true, transcendental.yLog2X);
        return true;
      case 0xf9:
        this.arithmetic(1, 0, 1, true, transcendental.yLog2XPlus1);
        return true;
      case 0xf3:
        this.arithmetic(1, 0, 1, true, transcendental.arcTangent);
        return true;
      case 0xfe:
        return this.trigonometric("sine");
      case 0xff:
        return this.trigonometric("cosine");
      case 0xfb:
        return this.trigonometric("both");
      case 0xf2:
        return this.trigonometric("tangent");
    }
    const constant = modrm >= 0xe8 && modrm <= 0xed ? constants[modrm - 0xe8] : undefined;
    if (constant === undefined) return false;
    this.load((context) => {
      const [significand, exponent] = constant;
      const value = soft.round(context, extended, 0, significand, exponent - 127);
      context.flags = 0; // loading a constant is never inexact
      return value;
    });
    return true;
  }

  /** Packed decimal: 18 digits and a sign. */
  protected decimalOperand(address: bigint): bigint {
    const low = this.host.read(address, 8);
    const high = Number(this.host.read(address + 8n, 2));
    let value = 0n;
    for (let i = 1; i >= 0; i--) value = value * 10n + BigInt((high >> (i * 4)) & 15);
    for (let i = 15; i >= 0; i--) value = value * 10n + ((low >> BigInt(i * 4)) & 15n);
    const result = soft.integerToExtended(value);
    return high & 0x8000 ? result | signBit : result;
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
