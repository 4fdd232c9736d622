/**
 * The decoder: bytes in, one decoded instruction out (AMD64 APM volume 3, chapter 1). It is driven by the definitions' rows
 * and knows prefixes, ModRM, SIB, displacements and immediates, for 16-, 32- and 64-bit code.
 */
import { type Definition, definitions } from "./definition.ts";
import type { OperandForm } from "./operand-forms.ts";

/** How a memory operand is addressed: the cheapest form that fits. */
export const MemoryForm = { none: 0, base: 1, indexed: 2, general: 3 } as const;

/** Base "registers" that are none. */
export const NO_REGISTER = -1;
export const RIP_RELATIVE = -2;
export const ABSOLUTE = -3;

export const Decoded = { ok: 0, incomplete: 1, undefined: 2, tooLong: 3 } as const;

const LONGEST = 15;
const DS = 3;
const SS = 2;

/** Definitions by opcode: [map][opcode]; those that are VEX-encoded in the maps from `VEX_MAPS` on. */
const VEX_MAPS = 4;
/** An empty one for VEX.map_select values that there are none for. */
const UNKNOWN_MAP = VEX_MAPS;
let opcodeMaps: Definition[][][] = [];
let known = -1;
function maps(): Definition[][][] {
  if (known !== definitions.length) {
    opcodeMaps = [0, 1, 2, 3, 4, 5, 6, 7].map(() => Array.from({ length: 256 }, () => []));
    for (const definition of definitions) {
      const { map, opcode, registerInOpcode, vex } = definition.row;
      const table = opcodeMaps[map + (vex ? VEX_MAPS : 0)];
      for (let i = 0; i < (registerInOpcode ? 8 : 1); i++) table[opcode + i].push(definition);
    }
    known = definitions.length;
  }
  return opcodeMaps;
}

/** Decodes one instruction at a time into its own fields. */
export class Decoder {
  // What decode() found.
  definition: Definition = definitions[0];
  length = 0;
  size: 1 | 2 | 4 | 8 = 4;
  addressSize: 2 | 4 | 8 = 8;
  /** 0: none, 1: F3, 2: F2. */
  repeat = 0;
  lock = false;
  rex = 0;
  /** Whether the ModRM operand is memory. */
  isMemory = false;
  memoryForm = 0;
  base = NO_REGISTER;
  index = NO_REGISTER;
  scale = 0;
  displacement = 0;
  /** Segment register, 0 to 5. */
  segment = DS;
  /** Whether a fault of the memory operand is #SS. */
  stackSegment = false;
  rm = 0;
  reg = 0;
  opcodeRegister = 0;
  /** Register in VEX.vvvv, and in the upper half of the immediate. */
  vvvv = 0;
  is4 = 0;
  opcode = 0;
  modrm = 0;
  /** First immediate, extended to 64 bits, in two halves; relative targets too. */
  immediateLow = 0;
  immediateHigh = 0;
  /** Second immediate: ENTER's level, a far pointer's selector. */
  immediate2 = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #start = 0;

  /**
   * Decodes at `at`; bytes from `end` on are not to be read: if the instruction goes on there, the answer is `incomplete`.
   * `mode` is the code segment's 16, 32 or 64.
   */
  decode(bytes: Uint8Array, at: number, end: number, mode: 16 | 32 | 64): number {
    this.#bytes = bytes;
    this.#start = at;
    this.#end = Math.min(end, at + LONGEST);
    const short = (): number => (this.#end - at >= LONGEST ? Decoded.tooLong : Decoded.incomplete);
    this.#at = at;
    let operandPrefix = false;
    let addressPrefix = false;
    let segment = -1;
    let rex = 0;
    this.repeat = 0;
    this.lock = false;
    let opcode = 0;
    prefixes: for (;;) {
      if (this.#at >= this.#end) return short();
      opcode = bytes[this.#at++];
      switch (opcode) {
        case 0x66:
          operandPrefix = true;
          break;
        case 0x67:
          addressPrefix = true;
          break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
          // ES, CS, SS and DS prefixes do nothing in 64-bit mode: an FS or GS prefix before them stays.
          if (mode !== 64) segment = (opcode >> 3) & 3;
          break;
        case 0x64:
          segment = 4;
          break;
        case 0x65:
          segment = 5;
          break;
        case 0xf0:
          this.lock = true;
          break;
        case 0xf2:
          this.repeat = 2;
          break;
        case 0xf3:
          this.repeat = 1;
          break;
        default:
          if (mode === 64 && (opcode & 0xf0) === 0x40) {
            rex = opcode;
            continue;
          }
          break prefixes;
      }
      rex = 0;
    }
    let map = 0;
    let vex = -1;
    /** VEX.W: outside of 64-bit mode it is still part of the opcode, but no operand size. */
    let w = false;
    let refused = false;
    if ((opcode === 0xc4 || opcode === 0xc5) && this.#at >= this.#end) return short();
    // Outside of 64-bit mode what looks like a memory operand is LES or LDS, and so it is, undefined, after REX.
    if ((opcode === 0xc4 || opcode === 0xc5) && (mode === 64 ? rex === 0 : bytes[this.#at] >= 0xc0)) {
      // After these it is no instruction, but fetched as a whole before it is found to be none.
      refused = operandPrefix || this.repeat !== 0 || this.lock;
      const payload = opcode === 0xc4 ? 2 : 1;
      if (this.#at + payload + 1 > this.#end) return short();
      const first = bytes[this.#at];
      const last = bytes[this.#at + payload - 1];
      this.#at += payload;
      map = payload === 2 ? first & 31 : 1;
      opcode = bytes[this.#at++];
      map = map < 1 || map > 3 ? UNKNOWN_MAP : map + VEX_MAPS;
      // R, X and B are inverted, in the order of REX; outside of 64-bit mode there are eight registers.
      rex = 0x40 | ((payload === 2 ? ~first >> 5 : (~first >> 7) << 2) & 7) | (payload === 2 ? (last >> 4) & 8 : 0);
      this.vvvv = (~last >> 3) & 15;
      w = (rex & 8) !== 0;
      if (mode !== 64) {
        rex &= 0x40;
        this.vvvv &= 7;
      }
      vex = last;
    } else if (opcode === 0x0f) {
      if (this.#at >= this.#end) return short();
      opcode = bytes[this.#at++];
      map = 1;
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? 2 : 3;
        if (this.#at >= this.#end) return short();
        opcode = bytes[this.#at++];
      }
    }
    this.rex = rex;
    this.opcode = opcode;
    let candidates = maps()[map][opcode];
    if (vex >= 0 && candidates.length === 0) {
      // As long as the instruction of this opcode without VEX.
      refused = true;
      if (map === VEX_MAPS + 1) {
        candidates = maps()[1][opcode];
        if (candidates.length === 0) return Decoded.undefined;
      }
    }
    if (candidates.length === 0)
      return this.#unknown(map, rex, segment, addressPrefix, mode) ? Decoded.undefined : short();
    let modrm = 0;
    if (candidates[0].row.hasModrm) {
      if (this.#at >= this.#end) return short();
      modrm = bytes[this.#at];
      // MOV to and from control and debug registers (0F 20 to 0F 23) takes ModRM.rm as a register whatever mod says.
      if ((map === 1 || map === VEX_MAPS + 1) && opcode >= 0x20 && opcode <= 0x23) modrm |= 0xc0;
    }
    this.modrm = modrm;
    const selected = refused
      ? undefined
      : vex < 0
        ? this.#select(candidates, modrm, operandPrefix, mode)
        : this.#selectVex(candidates, modrm, vex, w, mode);
    // All of it is fetched before it is found to be none: as long as the first candidate would be.
    const definition = selected ?? candidates[0];
    this.definition = definition;
    const { row, attributes } = definition;

    // A 66 that selects the instruction is not an operand size, as a rule.
    const otherSize = operandPrefix && (row.prefix !== 0x66 || attributes.sizeBy66 === true);
    if (vex >= 0) {
      this.size = rex & 8 ? 8 : 4;
      this.addressSize = mode === 64 ? (addressPrefix ? 4 : 8) : (mode === 32) !== addressPrefix ? 4 : 2;
    } else if (mode === 64) {
      const wide = attributes.force64 || (rex & 8) !== 0;
      this.size = wide ? 8 : otherSize ? 2 : attributes.default64 ? 8 : 4;
      this.addressSize = addressPrefix ? 4 : 8;
    } else {
      this.size = (mode === 32) !== otherSize ? 4 : 2;
      this.addressSize = (mode === 32) !== addressPrefix ? 4 : 2;
    }
    this.opcodeRegister = (opcode & 7) | ((rex & 1) << 3);
    this.isMemory = false;
    this.memoryForm = MemoryForm.none;
    this.stackSegment = false;
    this.segment = segment >= 0 ? segment : DS;
    if (row.hasModrm) {
      this.#at++;
      this.reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
      if (modrm >= 0xc0) this.rm = (modrm & 7) | ((rex & 1) << 3);
      else if (!this.#memory(modrm, rex, segment, mode, attributes.vsib === true)) return short();
    }
    this.immediateLow = 0;
    this.immediateHigh = 0;
    this.immediate2 = 0;
    let first = true;
    for (const operand of row.operands) {
      if (operand.place === "immediate") {
        if (!this.#immediate(operand, first)) return short();
        first = false;
      } else if (operand.place === "relative") {
        const bytesOfIt = operand.immediateBytes || Math.min(4, this.size);
        if (!this.#signed(bytesOfIt)) return short();
      } else if (operand.place === "offset") {
        if (!this.#offset(segment, mode)) return short();
      } else if (operand.place === "is4") {
        if (this.#at >= this.#end) return short();
        this.is4 = (bytes[this.#at++] >> 4) & (mode === 64 ? 15 : 7);
      } else if (operand.place === "far") {
        if (!this.#zeroExtended(this.size === 2 ? 2 : 4)) return short();
        if (this.#at + 2 > this.#end) return short();
        this.immediate2 = bytes[this.#at] | (bytes[this.#at + 1] << 8);
        this.#at += 2;
      }
    }
    this.length = this.#at - this.#start;
    if (attributes.vsib && (this.addressSize === 2 || (modrm & 7) !== 4)) return Decoded.undefined;
    const lockable = attributes.lock && this.isMemory && row.operands[0].place === "rm";
    if (selected === undefined || (this.lock && !lockable)) return Decoded.undefined;
    return Decoded.ok;
  }

  #select(
    candidates: readonly Definition[],
    modrm: number,
    operandPrefix: boolean,
    mode: number,
  ): Definition | undefined {
    const repeatPrefix = this.repeat === 1 ? 0xf3 : this.repeat === 2 ? 0xf2 : 0;
    let fallback: Definition | undefined;
    let by66: Definition | undefined;
    for (const definition of candidates) {
      const { row, attributes } = definition;
      if (row.digit !== undefined && row.digit !== ((modrm >> 3) & 7)) continue;
      if (row.modrmByte !== undefined && row.modrmByte !== modrm) continue;
      if (row.mod !== undefined && (row.mod === "reg") !== modrm >= 0xc0) continue;
      if (mode === 64 ? attributes.not64 : attributes.only64) continue;
      const { prefix } = row;
      if (prefix === undefined) fallback ??= definition;
      else if (prefix === 0x66) {
        if (operandPrefix && repeatPrefix === 0) by66 ??= definition;
      } else if (prefix === repeatPrefix && (prefix !== 0 || !operandPrefix)) return definition;
    }
    return by66 ?? fallback;
  }

  /** Passes over an instruction of the maps in which every opcode has a ModRM byte. False: bytes ran out. */
  #unknown(map: number, rex: number, segment: number, addressPrefix: boolean, mode: number): boolean {
    if (map < 2) return true;
    if (this.#at >= this.#end) return false;
    this.addressSize = mode === 64 ? (addressPrefix ? 4 : 8) : (mode === 32) !== addressPrefix ? 4 : 2;
    const modrm = this.#bytes[this.#at++];
    if (modrm < 0xc0 && !this.#memory(modrm, rex, segment, mode, false)) return false;
    const hasImmediate = map === 3 || map === VEX_MAPS + 3;
    return !hasImmediate || this.#at < this.#end;
  }

  /** `vex`: the last byte of the prefix, W vvvv L pp. */
  #selectVex(
    candidates: readonly Definition[],
    modrm: number,
    vex: number,
    w: boolean,
    mode: number,
  ): Definition | undefined {
    const prefix = [0, 0x66, 0xf3, 0xf2][vex & 3];
    const length = vex & 4 ? 256 : 128;
    for (const definition of candidates) {
      const { row, attributes } = definition;
      if (attributes.only64 && mode !== 64) continue;
      if (row.prefix !== prefix || row.vex === undefined) continue;
      if (row.vex.length !== undefined && row.vex.length !== length) continue;
      if (row.vex.w !== undefined && (row.vex.w === 1) !== w) continue;
      if (row.digit !== undefined && row.digit !== ((modrm >> 3) & 7)) continue;
      if (row.mod !== undefined && (row.mod === "reg") !== modrm >= 0xc0) continue;
      // A register that is not used must be given as none.
      if ((vex & 0x78) !== 0x78 && !row.operands.some(({ place }) => place === "vvvv")) continue;
      return definition;
    }
    return undefined;
  }

  /** ModRM memory operand. False: bytes ran out. */
  #memory(modrm: number, rex: number, segment: number, mode: number, vsib: boolean): boolean {
    this.isMemory = true;
    this.index = NO_REGISTER;
    this.scale = 0;
    this.displacement = 0;
    const mod = modrm >> 6;
    let rm = modrm & 7;
    let stack = false;
    if (this.addressSize === 2) {
      // BX+SI, BX+DI, BP+SI, BP+DI, SI, DI, BP, BX
      this.base = [3, 3, 5, 5, 6, 7, 5, 3][rm];
      if (rm < 4) this.index = 6 + (rm & 1);
      stack = this.base === 5;
      if (mod === 0 && rm === 6) {
        this.base = NO_REGISTER;
        stack = false;
      }
      if (mod === 1 ? !this.#displacement(1) : (mod === 2 || (mod === 0 && rm === 6)) && !this.#displacement(2))
        return false;
    } else {
      if (rm === 4) {
        if (this.#at >= this.#end) return false;
        const sib = this.#bytes[this.#at++];
        this.scale = sib >> 6;
        const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
        if (index !== 4 || vsib) this.index = index;
        rm = sib & 7;
        this.base = rm | ((rex & 1) << 3);
        if (rm === 5 && mod === 0) this.base = NO_REGISTER;
        if ((rm === 5 && mod === 0) || mod === 2) {
          if (!this.#displacement(4)) return false;
        } else if (mod === 1 && !this.#displacement(1)) return false;
      } else {
        this.base = rm | ((rex & 1) << 3);
        if (mod === 0 && rm === 5) {
          this.base = mode === 64 ? RIP_RELATIVE : NO_REGISTER;
          if (!this.#displacement(4)) return false;
        } else if (mod === 1 ? !this.#displacement(1) : mod === 2 && !this.#displacement(4)) return false;
      }
      stack = this.base === 4 || this.base === 5;
    }
    this.stackSegment = segment >= 0 ? segment === SS : stack;
    this.segment = segment >= 0 ? segment : stack ? SS : DS;
    const flat = mode === 64 && this.addressSize === 8 && this.segment < 4;
    this.memoryForm = !flat ? MemoryForm.general : this.index === NO_REGISTER ? MemoryForm.base : MemoryForm.indexed;
    return true;
  }

  #offset(segment: number, mode: number): boolean {
    this.isMemory = true;
    this.base = ABSOLUTE;
    this.index = NO_REGISTER;
    this.scale = 0;
    this.displacement = 0;
    this.segment = segment >= 0 ? segment : DS;
    this.stackSegment = segment === SS;
    const flat = mode === 64 && this.addressSize === 8 && this.segment < 4;
    this.memoryForm = flat ? MemoryForm.base : MemoryForm.general;
    if (this.addressSize !== 8) return this.#zeroExtended(this.addressSize);
    return this.#wide();
  }

  #displacement(size: 1 | 2 | 4): boolean {
    if (this.#at + size > this.#end) return false;
    const bytes = this.#bytes;
    const at = this.#at;
    if (size === 1) this.displacement = (bytes[at] << 24) >> 24;
    else if (size === 2) this.displacement = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
    else this.displacement = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    this.#at += size;
    return true;
  }

  #immediate(operand: OperandForm, first: boolean): boolean {
    const { immediateBytes } = operand;
    if (!first) {
      if (this.#at >= this.#end) return false;
      this.immediate2 = this.#bytes[this.#at++];
      return true;
    }
    if (operand.size === 0 && immediateBytes === 1) return this.#signed(1);
    if (immediateBytes === 0) return this.#signed(Math.min(4, this.size));
    if (immediateBytes === -1) return this.size === 8 ? this.#wide() : this.#zeroExtended(this.size);
    return this.#zeroExtended(immediateBytes);
  }

  #signed(size: number): boolean {
    if (!this.#zeroExtended(size)) return false;
    const shift = 32 - size * 8;
    this.immediateLow = (this.immediateLow << shift) >> shift;
    this.immediateHigh = this.immediateLow >> 31;
    return true;
  }

  #zeroExtended(size: number): boolean {
    if (this.#at + size > this.#end) return false;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#bytes[this.#at++] << (8 * i);
    this.immediateLow = value;
    this.immediateHigh = 0;
    return true;
  }

  #wide(): boolean {
    if (!this.#zeroExtended(4)) return false;
    const low = this.immediateLow;
    if (!this.#zeroExtended(4)) return false;
    this.immediateHigh = this.immediateLow;
    this.immediateLow = low;
    return true;
  }
}
