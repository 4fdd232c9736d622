/**
 * Writes x86-64 machine code: the few instruction forms that generated BPF programs consist of. Encodings follow the AMD64
 * manual, volume 3, chapter 1. Which form is chosen (short immediates, byte displacements) is what Linux's BPF JIT chooses.
 */

/** Hardware register numbers. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

/** The eight operations of opcode group 1; the value is the /digit, and `value << 3` the base opcode. */
export const GROUP1 = { add: 0, or: 1, adc: 2, sbb: 3, and: 4, sub: 5, xor: 6, cmp: 7 } as const;
export type Group1 = (typeof GROUP1)[keyof typeof GROUP1];

/** Shifts of opcode group 2, by /digit. */
export const GROUP2 = { ror: 1, shl: 4, shr: 5, sar: 7 } as const;
export type Group2 = (typeof GROUP2)[keyof typeof GROUP2];

/** Condition codes: the low four bits of Jcc. */
export const CC = { b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, ns: 9, l: 12, ge: 13, le: 14, g: 15 } as const;
export type ConditionCode = (typeof CC)[keyof typeof CC];

export const isImm8 = (value: number): boolean => value >= -128 && value <= 127;

/** A growing piece of machine code. */
export class Emitter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** A copy of the code. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  bytes(...values: number[]): void {
    if (this.#length + values.length > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    for (const value of values) this.#bytes[this.#length++] = value;
  }

  imm32(value: number): void {
    this.bytes(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }

  /** REX prefix for these register fields, if one is needed. `low8`: a byte register beyond bl is used. */
  #rex(wide: boolean, reg: number, base: number, low8 = false): void {
    const rex = (wide ? 8 : 0) | (reg & 8 ? 4 : 0) | (base & 8 ? 1 : 0);
    if (rex !== 0 || low8) this.bytes(0x40 | rex);
  }

  /** `opcode` with two registers: ModRM.reg and ModRM.rm. */
  regReg(opcode: readonly number[], wide: boolean, reg: number, rm: number): void {
    this.#rex(wide, reg, rm);
    this.bytes(...opcode, 0xc0 | ((reg & 7) << 3) | (rm & 7));
  }

  /** `opcode` with a register and memory at [base + displacement]. */
  regMem(
    opcode: readonly number[],
    wide: boolean,
    reg: number,
    base: number,
    displacement: number,
    low8 = false,
  ): void {
    this.#rex(wide, reg, base, low8);
    const sib = (base & 7) === RSP ? [0x24] : [];
    if (isImm8(displacement)) {
      this.bytes(...opcode, 0x40 | ((reg & 7) << 3) | (base & 7), ...sib, displacement & 255);
    } else {
      this.bytes(...opcode, 0x80 | ((reg & 7) << 3) | (base & 7), ...sib);
      this.imm32(displacement);
    }
  }

  /** mov to, from */
  mov(wide: boolean, to: number, from: number): void {
    this.regReg([0x89], wide, from, to);
  }

  /** mov to, imm32 with the upper half sign-extended (`wide`) or zero. */
  movImm32(wide: boolean, to: number, value: number): void {
    if (wide && value < 0) {
      this.#rex(true, 0, to);
      this.bytes(0xc7, 0xc0 | (to & 7));
      this.imm32(value);
    } else if (value === 0) {
      this.regReg([0x31], false, to, to);
    } else {
      this.#rex(false, 0, to);
      this.bytes(0xb8 | (to & 7));
      this.imm32(value);
    }
  }

  /** movabs to, value: always ten bytes. */
  movAbs(to: number, value: bigint): void {
    this.#rex(true, 0, to);
    this.bytes(0xb8 | (to & 7));
    this.imm32(Number(BigInt.asIntN(32, value)));
    this.imm32(Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** mov to, value in the shortest form. */
  movImm64(to: number, value: bigint): void {
    if (BigInt.asUintN(64, value) < 1n << 32n) this.movImm32(false, to, Number(BigInt.asIntN(32, value)));
    else this.movAbs(to, value);
  }

  /** add/or/and/sub/xor/cmp to, from */
  group1(operation: Group1, wide: boolean, to: number, from: number): void {
    this.regReg([(operation << 3) | 1], wide, from, to);
  }

  /** add/or/and/sub/xor/cmp to, imm */
  group1Imm(operation: Group1, wide: boolean, to: number, value: number): void {
    this.#rex(wide, 0, to);
    if (isImm8(value)) {
      this.bytes(0x83, 0xc0 | (operation << 3) | (to & 7), value & 255);
    } else {
      if (to === RAX) this.bytes((operation << 3) | 5);
      else this.bytes(0x81, 0xc0 | (operation << 3) | (to & 7));
      this.imm32(value);
    }
  }

  /** test a, b */
  test(wide: boolean, a: number, b: number): void {
    this.regReg([0x85], wide, b, a);
  }

  /** test a, imm32 */
  testImm(wide: boolean, a: number, value: number): void {
    this.#rex(wide, 0, a);
    this.bytes(0xf7, 0xc0 | (a & 7));
    this.imm32(value);
  }

  /** Shift by a constant. */
  shiftImm(operation: Group2, wide: boolean, to: number, count: number): void {
    this.#rex(wide, 0, to);
    if (count === 1) this.bytes(0xd1, 0xc0 | (operation << 3) | (to & 7));
    else this.bytes(0xc1, 0xc0 | (operation << 3) | (to & 7), count);
  }

  /** Shift by cl. */
  shiftCl(operation: Group2, wide: boolean, to: number): void {
    this.#rex(wide, 0, to);
    this.bytes(0xd3, 0xc0 | (operation << 3) | (to & 7));
  }

  /** neg to */
  neg(wide: boolean, to: number): void {
    this.#rex(wide, 0, to);
    this.bytes(0xf7, 0xd8 | (to & 7));
  }

  /** div by: rdx:rax / by (unsigned) */
  div(wide: boolean, by: number): void {
    this.#rex(wide, 0, by);
    this.bytes(0xf7, 0xf0 | (by & 7));
  }

  /** imul to, from */
  imul(wide: boolean, to: number, from: number): void {
    this.regReg([0x0f, 0xaf], wide, to, from);
  }

  /** imul to, to, imm */
  imulImm(wide: boolean, to: number, value: number): void {
    if (isImm8(value)) {
      this.regReg([0x6b], wide, to, to);
      this.bytes(value & 255);
    } else {
      this.regReg([0x69], wide, to, to);
      this.imm32(value);
    }
  }

  push(register: number): void {
    this.#rex(false, 0, register);
    this.bytes(0x50 | (register & 7));
  }

  pop(register: number): void {
    this.#rex(false, 0, register);
    this.bytes(0x58 | (register & 7));
  }

  /** bswap to */
  bswap(wide: boolean, to: number): void {
    this.#rex(wide, 0, to);
    this.bytes(0x0f, 0xc8 | (to & 7));
  }

  /** movzx to32, to16 */
  zeroExtend16(to: number): void {
    this.regReg([0x0f, 0xb7], false, to, to);
  }

  /** ror to16, 8 */
  swap16(to: number): void {
    this.bytes(0x66);
    this.#rex(false, 0, to);
    this.bytes(0xc1, 0xc8 | (to & 7), 8);
  }

  /** Zero-extending load. */
  load(bytes: 1 | 2 | 4 | 8, to: number, base: number, displacement: number): void {
    if (bytes === 1) this.regMem([0x0f, 0xb6], true, to, base, displacement);
    else if (bytes === 2) this.regMem([0x0f, 0xb7], true, to, base, displacement);
    else this.regMem([0x8b], bytes === 8, to, base, displacement);
  }

  store(bytes: 1 | 2 | 4 | 8, base: number, displacement: number, from: number): void {
    if (bytes === 1) {
      this.regMem([0x88], false, from, base, displacement, from >= RSP && from <= RDI);
    } else {
      if (bytes === 2) this.bytes(0x66);
      this.regMem([0x89], bytes === 8, from, base, displacement);
    }
  }

  storeImm(bytes: 1 | 2 | 4 | 8, base: number, displacement: number, value: number): void {
    if (bytes === 1) {
      this.regMem([0xc6], false, 0, base, displacement);
      this.bytes(value & 255);
    } else if (bytes === 2) {
      this.bytes(0x66);
      this.regMem([0xc7], false, 0, base, displacement);
      this.bytes(value & 255, (value >> 8) & 255);
    } else {
      this.regMem([0xc7], bytes === 8, 0, base, displacement);
      this.imm32(value);
    }
  }
}
