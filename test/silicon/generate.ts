/**
 * Makes test cases: a template gets random prefixes, registers, addressing modes, displacements and immediates, and a state
 * in which its memory operand lies where something can be learnt: aligned or not, across two pages, across the end of mapped
 * memory, in a page that can only be read, nowhere. `makeCase(template, seed)` always gives the same case.
 */
import type { Patch, TestCase } from "./case.ts";
import { layout } from "./layout.ts";
import { Random } from "./random.ts";
import {
  type FloatingPoint,
  randomDouble,
  randomExtended,
  randomFlags,
  randomFxsave,
  randomInteger,
  randomSingle,
  randomYmmHigh,
} from "./state.ts";
import type { Template } from "./templates.ts";

const mask64 = (1n << 64n) - 1n;
const [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi] = [0, 1, 2, 3, 4, 5, 6, 7];

/** What is being put together. */
interface Draft {
  readonly random: Random;
  readonly template: Template;
  readonly gpr: BigUint64Array;
  readonly patches: Patch[];
  fxsave: Uint8Array;
  ymmHigh: Uint8Array;
  fsBase: bigint;
  gsBase: bigint;
  rflags: bigint;
  addressSize32: boolean;
  segmentBase: bigint;
  operandBytes: number;
}

/** An address for a memory operand of `size` bytes. */
function chooseTarget(random: Random, size: number, aligned: boolean): bigint {
  const { data, readOnly } = layout;
  const end = data.address + data.size;
  const mask = size === 32 ? ~31 : ~15;
  const align = (address: number): number => (aligned && !random.chance(1, 8) ? address & mask : address);
  const inside = (): number => align(data.address + 512 + random.below(data.size - 1536));
  switch (random.below(32)) {
    case 0:
    case 1:
      return BigInt(align(end - size + 1 + random.below(Math.max(size - 1, 1))));
    case 2:
      return BigInt(end - size);
    case 3:
      return BigInt(align(data.address - random.below(size)));
    case 4:
    case 5:
    case 6:
      return BigInt(align(data.address + 0x1000 - random.below(size + 1)));
    case 7:
      return BigInt(align(readOnly.address + random.below(readOnly.size - 64)));
    case 8:
      return BigInt(end + random.below(0x1000));
    case 9:
      return random.pick([1n << 47n, 0xffff_7fff_ffff_fff8n, 0x8000_0000_0000_0000n, (1n << 47n) - BigInt(size) + 1n]);
    default:
      return BigInt(random.chance(1, 2) ? inside() : inside() & -size);
  }
}

/** Puts bytes into the data area at an address, as far as it lies there. */
function patch(draft: Draft, address: bigint, bytes: Uint8Array): void {
  const start = Number(BigInt.asIntN(64, address - BigInt(layout.data.address)));
  const from = Math.max(0, -start);
  const to = Math.min(bytes.length, layout.data.size - start);
  if (to > from) draft.patches.push({ offset: start + from, bytes: bytes.slice(from, to) });
}

export function littleEndian(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

/** A value for the memory operand that suits the instruction. */
function operandBytes(draft: Draft): Uint8Array {
  const { random, template } = draft;
  const size = template.memorySize;
  const bytes = new Uint8Array(Math.max(size, 8));
  const view = new DataView(bytes.buffer);
  if (template.attributes.has("xstate")) return savedExtendedState(draft);
  if (template.attributes.has("x87state") || size === 108 || size === 28) return savedState(draft);
  if (template.attributes.has("mxcsr")) {
    view.setUint32(0, random.u32() & (random.chance(1, 6) ? 0x1ffff : 0xffff), true);
    return bytes.slice(0, 4);
  }
  const floating = template.attributes.has("floating") || (template.family === "x87" && !/fi|fb/.test(template.name));
  if (template.family === "x87" && (size === 10 || (template.name[1] === "i" && random.chance(1, 4)))) {
    const [exponent, significand] = randomExtended(random);
    view.setBigUint64(0, significand, true);
    if (size === 10) view.setUint16(8, exponent, true);
    // FBLD: mostly real decimal digits.
    if (template.name === "fbld" && random.chance(4, 5)) {
      for (let i = 0; i < 9; i++) bytes[i] = random.below(10) * 16 + random.below(10);
    }
    return bytes.slice(0, size);
  }
  for (let i = 0; i + 8 <= bytes.length; i += 8) {
    if (floating && random.chance(1, 2)) {
      view.setUint32(i, randomSingle(random), true);
      view.setUint32(i + 4, randomSingle(random), true);
    } else {
      view.setBigUint64(i, floating ? randomDouble(random) : randomInteger(random), true);
    }
  }
  return bytes.slice(0, size);
}

/** An image for FXRSTOR, FRSTOR or FLDENV. */
function savedState(draft: Draft): Uint8Array {
  const { random, template } = draft;
  const fxsave = randomFxsave(random, "x87");
  const view = new DataView(fxsave.buffer);
  if (template.memorySize === 512) {
    view.setUint32(24, 0x1f80 ^ (random.u32() & (random.chance(1, 8) ? 0x1_ffff : 0xffff)), true);
    return fxsave;
  }
  const image = new Uint8Array(108);
  const out = new DataView(image.buffer);
  out.setUint32(0, 0xffff_0000 | view.getUint16(0, true), true);
  out.setUint32(4, 0xffff_0000 | view.getUint16(2, true), true);
  out.setUint32(8, 0xffff_0000 | (random.chance(1, 2) ? 0 : random.u32() & 0xffff), true);
  for (let i = 0; i < 8; i++) image.set(fxsave.subarray(32 + i * 16, 42 + i * 16), 28 + i * 10);
  return image.subarray(0, template.memorySize);
}

/** An image for XRSTOR: legacy area, header, upper halves; mostly a valid one. */
function savedExtendedState(draft: Draft): Uint8Array {
  const { random } = draft;
  const image = new Uint8Array(832);
  image.set(randomFxsave(random, "x87"));
  const view = new DataView(image.buffer);
  view.setUint32(24, 0x1f80 ^ (random.u32() & (random.chance(1, 8) ? 0x1_ffff : 0xffff)), true);
  const present = random.below(8);
  view.setUint32(512, random.chance(1, 16) ? random.u32() : present, true);
  if (random.chance(1, 3)) {
    view.setUint32(520, random.chance(1, 8) ? random.below(8) : present | random.below(8), true);
    view.setUint32(524, 0x8000_0000, true);
  }
  if (random.chance(1, 16)) image[528 + random.below(48)] = 1;
  image.set(randomYmmHigh(random, true), 576);
  return image;
}

/** VSIB: base, an XMM or YMM register of indices, a displacement; the indices are small, so that most elements lie near the target. */
function encodeVectorIndex(
  draft: Draft,
  reg: number,
  rex: number,
  target: bigint,
): { bytes: number[]; relative: boolean } {
  const { random, template } = draft;
  const mod = random.below(3);
  const scale = random.below(4);
  const sib = (scale << 6) | (random.below(8) << 3) | random.below(8);
  const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
  const size = template.opcode[2] & 1 ? 8 : 4;
  const indices = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 32; i += size) {
    const value = (random.below(random.chance(1, 8) ? 0x2000 : 64) - 32) >> scale;
    if (size === 4) indices.setInt32(i, value, true);
    else indices.setBigInt64(i, BigInt(value), true);
  }
  draft.fxsave.set(new Uint8Array(indices.buffer, 0, 16), 160 + index * 16);
  draft.ymmHigh.set(new Uint8Array(indices.buffer, 16, 16), index * 16);
  const hasBase = mod !== 0 || (sib & 7) !== 5;
  const displacementSize = mod === 1 ? 1 : mod === 2 || !hasBase ? 4 : 0;
  const offset = target - draft.segmentBase;
  const displacement = !hasBase ? offset : BigInt(random.below(256) - 128);
  const base = (sib & 7) | ((rex & 1) << 3);
  if (hasBase) draft.gpr[base] = (offset - (displacementSize ? displacement : 0n)) & mask64;
  const bytes = littleEndian(BigInt.asUintN(64, displacement), displacementSize);
  return { bytes: [(mod << 6) | ((reg & 7) << 3) | 4, sib, ...bytes], relative: false };
}

/** Gives a ModRM memory operand and sets registers so that it addresses the target. Returns ModRM, SIB, displacement. */
function encodeMemory(draft: Draft, reg: number, rex: number, target: bigint): { bytes: number[]; relative: boolean } {
  if (draft.template.attributes.has("gather")) return encodeVectorIndex(draft, reg, rex, target);
  const { random, gpr } = draft;
  const offset = target - draft.segmentBase;
  const width = draft.addressSize32 ? 32 : 64;
  const cut = (value: bigint): bigint => BigInt.asUintN(width, value);
  const set = (register: number, value: bigint): void => {
    gpr[register] = draft.addressSize32 ? (gpr[register] & (mask64 ^ 0xffff_ffffn)) | cut(value) : value & mask64;
  };
  const mod = random.below(3);
  const rm = random.pick([0, 1, 2, 3, 4, 4, 5, 6, 7]);
  const displacementSize = mod === 0 ? 0 : mod === 1 ? 1 : 4;
  const displacement = displacementSize === 1 ? random.below(256) - 128 : displacementSize ? random.u32() | 0 : 0;
  const tail = [...littleEndian(BigInt.asUintN(32, BigInt(displacement)), displacementSize)];
  const modrm = (mod << 6) | ((reg & 7) << 3) | rm;
  if (rm !== 4) {
    if (mod === 0 && rm === 5) return { bytes: [modrm], relative: true };
    set(rm | ((rex & 1) << 3), offset - BigInt(displacement));
    return { bytes: [modrm, ...tail], relative: false };
  }
  const scale = random.below(4);
  const sib = (scale << 6) | (random.below(8) << 3) | random.below(8);
  const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
  const base = (sib & 7) | ((rex & 1) << 3);
  const hasIndex = index !== 4;
  if (mod === 0 && (sib & 7) === 5) {
    // No base: an absolute displacement, or an index that makes up for a random one.
    let absolute = BigInt.asIntN(32, offset);
    if (hasIndex) {
      const step = BigInt(random.below(1 << 16));
      absolute = BigInt.asIntN(32, offset - (step << BigInt(scale)));
      set(index, step);
    }
    return { bytes: [modrm, sib, ...littleEndian(BigInt.asUintN(32, absolute), 4)], relative: false };
  }
  if (hasIndex && index !== base) {
    set(base, offset - BigInt(displacement) - (gpr[index] << BigInt(scale)));
  } else if (!hasIndex) {
    set(base, offset - BigInt(displacement));
  } else {
    // The same register twice: choose scale 1 by clearing it in SIB; the register is half of what is wanted.
    set(base, (offset - BigInt(displacement)) / 2n);
    return { bytes: [modrm, sib & 0x3f, ...tail], relative: false };
  }
  return { bytes: [modrm, sib, ...tail], relative: false };
}

export function immediateBytes(random: Random, kind: Template["immediate"], operandSize: number): number[] {
  const integer = (size: number): number[] => [...littleEndian(randomInteger(random), size)];
  switch (kind) {
    case "":
      return [];
    case "1":
    case "j1":
      return random.chance(1, 2) ? [random.below(256)] : integer(1);
    case "2":
      return random.chance(1, 2) ? [random.below(256), 0] : integer(2);
    case "z":
      return integer(Math.min(operandSize, 4));
    case "v":
      return integer(operandSize);
    case "jz":
      return random.chance(3, 4) ? [...littleEndian(BigInt(random.below(0x2000) - 0x1000) & mask64, 4)] : integer(4);
    case "o":
      return [];
    case "enter":
      return [random.below(256), random.below(4), random.pick([0, 0, 0, 1, 2, 3, 31, 255])];
  }
}

/** Memory and registers that the instruction uses without naming them. */
function implyOperands(draft: Draft): void {
  const { random, template, gpr } = draft;
  const has = (word: string): boolean => template.attributes.has(word);
  const target = (size: number): bigint => chooseTarget(random, size, false);
  if (has("string")) {
    const count = random.chance(1, 8) ? randomInteger(random) : BigInt(random.below(24));
    gpr[rcx] = draft.addressSize32 ? count | ((BigInt(random.below(2)) * 0xabcdn) << 32n) : count;
    gpr[rsi] = target(8) - draft.segmentBase;
    gpr[rdi] = target(8);
    if (random.chance(1, 3)) gpr[rdi] = gpr[rsi] + BigInt(random.below(32) - 16);
    // Make comparisons go on for a while.
    if (random.chance(1, 2)) {
      const bytes = new Uint8Array(64).fill(random.below(2) ? 0x5a : 0);
      patch(draft, gpr[rsi] + draft.segmentBase - 32n, bytes);
      patch(draft, gpr[rdi] - 32n, bytes);
      if (random.chance(1, 2)) gpr[rax] = bytes[0] ? 0x5a5a_5a5a_5a5a_5a5an : 0n;
    }
  }
  if (has("stack")) gpr[rsp] = target(8);
  if (has("frame")) gpr[rbp] = target(8);
  if (has("xlat")) gpr[rbx] = target(1) - draft.segmentBase - (gpr[rax] & 0xffn);
  if (has("xstate")) {
    gpr[rax] = BigInt(random.below(8));
    gpr[rdx] = 0n;
  }
  if (has("xcr") && random.chance(7, 8)) gpr[rcx] = 0n;
  if (has("rdi")) gpr[rdi] = target(16) - draft.segmentBase;
  if (has("divide") && random.chance(2, 3)) {
    const negative = random.chance(1, 2);
    gpr[rdx] = random.chance(1, 3) ? BigInt(random.below(16)) : negative ? mask64 : 0n;
    if (random.chance(1, 2)) gpr[rax] &= 0xffff_ffff_ffff_00ffn;
  }
}

/** Where a near branch through a register, memory or the stack goes. */
function branchTarget(random: Random): bigint {
  switch (random.below(12)) {
    case 0:
      return BigInt(layout.data.address + random.below(0x1000));
    case 1:
      return random.pick([1n << 47n, 0x8000_0000_0000_0000n, (1n << 47n) - 1n, 0x1234_5678_9abc_def0n]);
    default:
      return BigInt(layout.code.address + random.below(layout.code.size + 16));
  }
}

/** The registers of a ModRM register operand and its memory get the values that make the instruction interesting. */
function relateOperands(draft: Draft, reg: number, rm: number | undefined, target: bigint | undefined): void {
  const { random, template, gpr } = draft;
  const has = (word: string): boolean => template.attributes.has(word);
  if (has("code")) {
    const to = branchTarget(random);
    if (template.modrm === undefined) patch(draft, gpr[rsp], littleEndian(to, 8));
    else if (rm !== undefined) gpr[rm] = to;
    else if (target !== undefined) patch(draft, target, littleEndian(to, 8));
  }
  if (has("equal") && random.chance(1, 2)) {
    if (rm !== undefined) gpr[rm] = gpr[rax];
    else if (target !== undefined) patch(draft, target, littleEndian(gpr[rax], draft.operandBytes));
  }
  if (has("pair") && random.chance(1, 2) && target !== undefined) {
    const half = draft.operandBytes;
    patch(draft, target, littleEndian(gpr[rax], half));
    patch(draft, target + BigInt(half), littleEndian(gpr[rdx], half));
  }
  if (has("bits") && rm === undefined && reg !== rsp && random.chance(7, 8)) {
    // Only while the register does not take part in the address: that is settled already.
    const bit = BigInt(random.below(4096) - 2048) & mask64;
    const before = gpr[reg];
    gpr[reg] = bit;
    if (target !== undefined && draft.template.modrm === "any" && before === bit) gpr[reg] = before;
  }
}

function floatingPoint(template: Template): FloatingPoint {
  if (template.family === "x87" || template.attributes.has("x87state")) return "x87";
  if (template.attributes.has("floating") || template.attributes.has("mxcsr")) return "sse";
  return "default";
}

/** Where the code lies: anywhere, across its two pages, up to its end, or cut off by the end. */
function placeCode(random: Random, code: number[]): { code: Uint8Array; codeOffset: number } {
  const bytes = Uint8Array.from(code);
  const end = layout.code.size;
  switch (random.below(24)) {
    case 0:
      return { code: bytes, codeOffset: end - bytes.length };
    case 1: {
      const keep = random.below(bytes.length);
      return { code: bytes.slice(0, keep), codeOffset: end - keep };
    }
    case 2:
    case 3:
      return { code: bytes, codeOffset: layout.pageSize - random.below(bytes.length + 1) };
    default:
      return { code: bytes, codeOffset: random.below(end - 64) };
  }
}

/** The two or three bytes before the opcode; a register that is not used is sometimes given all the same. */
function vexPrefix(random: Random, { opcode, mandatoryPrefix, vex }: Template, rex: number): number[] {
  const map = opcode.length === 2 ? 1 : opcode[1] === 0x38 ? 2 : 3;
  const vvvv = vex?.vvvv || random.chance(1, 64) ? random.below(16) : 15;
  const length = vex?.length === 256 ? 4 : 0;
  const last = (vvvv << 3) | length | ([0x66, 0xf3, 0xf2].indexOf(mandatoryPrefix ?? 0) + 1);
  const short = map === 1 && (rex & 0xb) === 0 && random.chance(1, 2);
  if (short) return [0xc5, ((~rex & 4) << 5) | last];
  return [0xc4, ((~rex & 7) << 5) | map, ((rex & 8) << 4) | last];
}

/** The case that a seed gives for a template. */
export function makeCase(template: Template, seed: number): TestCase {
  const random = new Random(seed);
  const has = (word: string): boolean => template.attributes.has(word);
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = randomInteger(random);
  gpr[rsp] = BigInt(layout.data.address + 0x1800 + random.below(64) * 8);
  const draft: Draft = {
    random,
    template,
    gpr,
    patches: [],
    fxsave: randomFxsave(random, floatingPoint(template)),
    ymmHigh: randomYmmHigh(random, template.family === "sse" || template.family === "avx"),
    fsBase: 0n,
    gsBase: 0n,
    rflags: randomFlags(random),
    addressSize32: false,
    segmentBase: 0n,
    operandBytes: 4,
  };
  const memory = template.modrm === "memory" || (template.modrm === "any" && random.chance(1, 2));
  const usesMemory = memory || template.immediate === "o" || has("string") || has("xlat") || has("rdi");

  const prefixes: number[] = [];
  if (template.operandSize && random.chance(1, 4)) prefixes.push(0x66);
  if (usesMemory && random.chance(1, 12)) {
    prefixes.push(0x67);
    draft.addressSize32 = true;
  }
  if (usesMemory && random.chance(1, 10)) {
    const prefix = random.pick([0x64, 0x65, 0x64, 0x65, 0x26, 0x2e, 0x36, 0x3e]);
    prefixes.push(prefix);
    if (prefix === 0x64) draft.segmentBase = draft.fsBase = random.pick([0x1000n, 0x2000_0000n, 0x7fff_ffff_0000n]);
    if (prefix === 0x65) draft.segmentBase = draft.gsBase = random.pick([0x1000n, 0x2000_0010n, 0x7fff_ffff_0000n]);
  }
  if (has("lock") ? memory && random.chance(1, 3) : template.family === "integer" && random.chance(1, 100)) {
    prefixes.push(0xf0);
  }
  if (has("rep") && random.chance(2, 3)) prefixes.push(random.pick([0xf3, 0xf2, 0xf3]));
  if (template.mandatoryPrefix !== undefined && !template.vex) prefixes.push(template.mandatoryPrefix);

  let rex = has("norex") || random.chance(1, 3) ? 0 : 0x40 | random.below(16);
  if (rex & 8 && !template.operandSize && !has("no66") && random.chance(1, 2)) rex &= ~8;
  if (template.vex)
    rex = (rex & 7) | (template.vex.w === 1 || (template.vex.w === undefined && random.chance(1, 2)) ? 0x48 : 0x40);
  const byteForm = template.memorySize === 1;
  draft.operandBytes = rex & 8 ? 8 : prefixes.includes(0x66) ? 2 : 4;
  const opcode = [...template.opcode];
  if (
    template.mandatoryPrefix === undefined &&
    template.family === "integer" &&
    opcode[0] === 0x90 &&
    !prefixes.length
  ) {
    // Plain NOP and XCHG stay as they are.
  }
  const code = template.vex
    ? [...prefixes, ...vexPrefix(random, template, rex), opcode[opcode.length - 1]]
    : [...prefixes, ...(rex ? [rex] : []), ...opcode];
  implyOperands(draft);

  const reg = template.digit ?? random.below(8);
  const fullReg = reg | (template.digit === undefined ? (rex & 4) << 1 : 0);
  const immediate = immediateBytes(random, template.immediate, draft.operandBytes);
  if (has("interrupt")) immediate[0] = random.pick([3, 4, 0, 1, 6, 13, 32, 0x81, 255]);
  let target: bigint | undefined;
  let rm: number | undefined;
  let relativeAt: number | undefined;
  if (memory) {
    const size = byteForm ? 1 : template.memorySize;
    target = has("anywhere") ? randomInteger(random) : chooseTarget(random, size, template.aligned);
    if (template.memorySize >= 28 && template.memorySize !== 108 && template.memorySize !== 28) {
      // FXSAVE and FXRSTOR: 16-byte alignment, with room most of the time.
      if (!random.chance(1, 12)) target &= has("xstate") ? ~63n : ~15n;
    }
    const encoded = encodeMemory(draft, reg, rex, target);
    code.push(...encoded.bytes);
    if (encoded.relative) {
      relativeAt = code.length;
      code.push(0, 0, 0, 0);
    }
    if (!has("anywhere") && random.chance(4, 5)) patch(draft, target, operandBytes(draft));
  } else if (template.modrm !== undefined) {
    const low = random.below(8);
    rm = low | ((rex & 1) << 3);
    code.push(0xc0 | (reg << 3) | low);
  }
  relateOperands(draft, fullReg, rm, target);
  if (template.immediate === "o") {
    target = chooseTarget(random, template.memorySize, false);
    code.push(...littleEndian(target - draft.segmentBase, draft.addressSize32 ? 4 : 8));
  }
  code.push(...immediate);
  const runToBreakpoint = has("long") && random.chance(1, 2);
  const length = code.length;
  if (runToBreakpoint) code.push(0xcc);
  const placed = placeCode(random, code);
  if (relativeAt !== undefined && target !== undefined) {
    // RIP-relative: counts from the end of the instruction.
    const next = BigInt(layout.code.address + placed.codeOffset + length);
    const bytes = littleEndian(target - draft.segmentBase - next, 4);
    for (let i = 0; i < 4 && relativeAt + i < placed.code.length; i++) placed.code[relativeAt + i] = bytes[i];
  }
  return {
    seed,
    name: `${template.name} ${prefixedOpcode(template)}`,
    ...placed,
    runToBreakpoint,
    gpr,
    rflags: draft.rflags,
    fsBase: draft.fsBase,
    gsBase: draft.gsBase,
    fxsave: draft.fxsave,
    ymmHigh: draft.ymmHigh,
    patches: draft.patches,
  };
}

/** The template's opcode as text: its address in reports and on the command line. */
export function prefixedOpcode(template: Template): string {
  const bytes = [...(template.mandatoryPrefix === undefined ? [] : [template.mandatoryPrefix]), ...template.opcode];
  const { vex } = template;
  const w = vex?.w === undefined ? "" : `w${vex.w}.`;
  const text = `${vex ? `v${vex.length}.${w}` : ""}${Buffer.from(bytes).toString("hex")}`;
  const form = template.modrm === "memory" ? "m" : template.modrm === "register" ? "r" : "";
  return template.digit === undefined ? `${text}${form}` : `${text}/${template.digit}${form}`;
}
