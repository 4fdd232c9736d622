/**
 * Makes test cases: a template gets random prefixes, registers, addressing modes, displacements and immediates, and a state
 * in which its memory operand lies where something can be learnt: aligned or not, across two pages, across the end of mapped
 * memory, in a page that can only be read, nowhere. `makeCase(template, seed)` always gives the same case.
 */
import { encodeMemory } from "./addressing.ts";
import type { TestCase } from "./case.ts";
import {
  chooseOffset,
  chooseTarget,
  type Draft,
  littleEndian,
  patch,
  segmentBase,
  setAddressRegister,
  setStackRegister,
  stackSize,
  stackTop,
} from "./draft.ts";
import { layout } from "./layout.ts";
import { Random } from "./random.ts";
import {
  baseOf,
  type CodeBits,
  CS,
  codeEnd,
  DS,
  ES,
  endsInSegment,
  FS,
  flat,
  GS,
  randomSegments,
  randomSelector,
} from "./segments.ts";
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
    case "jz": {
      const size = Math.min(operandSize, 4);
      return random.chance(3, 4)
        ? [...littleEndian(BigInt(random.below(0x2000) - 0x1000) & mask64, size)]
        : integer(size);
    }
    case "far":
      return [...farPointer(random, operandSize)];
    case "o":
      return [];
    case "enter":
      return [random.below(256), random.below(4), random.pick([0, 0, 0, 1, 2, 3, 31, 255])];
  }
}

/** Base of the segment in which string instructions have their destination: always ES. */
function destinationBase({ bits, selectors }: Draft): bigint {
  return bits === 64 ? 0n : baseOf(selectors[ES]);
}

/** A far pointer: mostly to code of the case, through some segment or other. */
function farPointer(random: Random, size: number): Uint8Array {
  const selector = randomSelector(random);
  const target = branchTarget(random) - baseOf(selector);
  return Uint8Array.of(...littleEndian(BigInt.asUintN(size * 8, target), size), selector & 0xff, selector >> 8);
}

/** What RET far or IRET finds on the stack; of IRET in 64-bit mode, and of both if they go to another level, with a stack. */
function farFrame(draft: Draft, flags: boolean): void {
  const { random } = draft;
  const size = draft.operandBytes;
  const pointer = farPointer(random, Math.min(size, 4));
  const at = pointer.length - 2;
  const words = [BigInt(pointer[0] | (pointer[1] << 8)), BigInt(pointer[at] | (pointer[at + 1] << 8))];
  if (size > 2) words[0] |= BigInt(pointer[2] << 16) | (BigInt(pointer[3]) << 24n);
  if (size === 8 && random.chance(1, 6)) words[0] = branchTarget(random);
  if (flags) words.push(randomFlags(random) ^ (random.chance(1, 4) ? randomInteger(random) & 0x27_7fd5n : 0n));
  words.push(
    BigInt(layout.data.address + 0x1000 + random.below(64) * 8),
    BigInt(random.chance(3, 4) ? flat.data : randomSelector(random)),
  );
  // RET far with an immediate finds them further up; it seldom gets there.
  patch(draft, stackTop(draft), Uint8Array.from(words.flatMap((word) => [...littleEndian(word & mask64, size)])));
}

/** Memory and registers that the instruction uses without naming them. */
function implyOperands(draft: Draft): void {
  const { random, template, gpr } = draft;
  const has = (word: string): boolean => template.attributes.has(word);
  const target = (size: number): bigint => chooseTarget(draft, size, false);
  const setOffset = (register: number, segment: number, linear: bigint): void =>
    setAddressRegister(draft, register, chooseOffset(draft, segment, linear));
  if (has("string")) {
    const count = random.chance(1, 8) ? randomInteger(random) : BigInt(random.below(24));
    if (draft.addressSize === 8) gpr[rcx] = count;
    else {
      gpr[rcx] = BigInt(random.below(2)) * 0xabcd_0000_0000n;
      setAddressRegister(draft, rcx, count);
    }
    const source = target(8);
    const destination = random.chance(1, 3) ? source + BigInt(random.below(32) - 16) : target(8);
    setOffset(rsi, DS, source);
    setAddressRegister(draft, rdi, destination - destinationBase(draft));
    // Make comparisons go on for a while.
    if (random.chance(1, 2)) {
      const bytes = new Uint8Array(64).fill(random.below(2) ? 0x5a : 0);
      patch(draft, source - 32n, bytes);
      patch(draft, destination - 32n, bytes);
      if (random.chance(1, 2)) gpr[rax] = bytes[0] ? 0x5a5a_5a5a_5a5a_5a5an : 0n;
    }
  }
  if (has("stack")) setStackRegister(draft, rsp, target(8) + BigInt(random.chance(1, 4) ? random.below(40) : 0));
  if (has("frame")) setStackRegister(draft, rbp, target(8));
  if (has("xlat")) setOffset(rbx, DS, target(1) - (gpr[rax] & 0xffn));
  if (has("popsegment"))
    patch(draft, stackTop(draft), littleEndian(BigInt(randomSelector(random)) | ((random.u64() << 16n) & mask64), 8));
  if (has("farframe") || has("iretframe")) farFrame(draft, has("iretframe"));
  if (has("xstate")) {
    gpr[rax] = BigInt(random.below(8));
    gpr[rdx] = 0n;
  }
  if (has("xcr") && random.chance(7, 8)) gpr[rcx] = 0n;
  if (has("rdi")) setOffset(rdi, DS, target(16));
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
    const to = branchTarget(random) - (draft.bits === 64 ? 0n : baseOf(draft.selectors[CS]));
    if (template.modrm === undefined) patch(draft, stackTop(draft), littleEndian(to & mask64, 8));
    else if (rm !== undefined) gpr[rm] = to & mask64;
    else if (target !== undefined) patch(draft, target, littleEndian(to & mask64, 8));
  }
  if (has("far") && target !== undefined) patch(draft, target, farPointer(random, draft.operandBytes === 2 ? 2 : 4));
  if (has("selector")) {
    const selector = BigInt(randomSelector(random));
    if (rm !== undefined) gpr[rm] = (gpr[rm] & ~0xffffn) | selector;
    else if (target !== undefined) patch(draft, target, littleEndian(selector, 2));
  }
  if (has("bounds") && target !== undefined && random.chance(3, 4)) {
    const size = draft.operandBytes;
    const near = BigInt.asUintN(size * 8, gpr[reg] + BigInt(random.below(5) - 3));
    const far = BigInt.asUintN(size * 8, gpr[reg] + BigInt(random.below(0x4000) - 100));
    patch(draft, target, Uint8Array.of(...littleEndian(near, size), ...littleEndian(far, size)));
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
function placeCode(random: Random, code: number[], selector: number): { code: Uint8Array; codeOffset: number } {
  const bytes = Uint8Array.from(code);
  const end = codeEnd(selector);
  switch (random.below(24)) {
    case 0:
      return { code: bytes, codeOffset: end - bytes.length };
    case 1: {
      // IRETQ does not enter a segment behind its end.
      const keep = endsInSegment(selector) ? 1 + random.below(bytes.length) : random.below(bytes.length);
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
function vexPrefix(random: Random, { opcode, mandatoryPrefix, vex }: Template, rex: number, bits: CodeBits): number[] {
  const map = opcode.length === 2 ? 1 : opcode[1] === 0x38 ? 2 : 3;
  // With 8 registers the highest bit is ignored, but must make C5 what it is.
  const vvvv = vex?.vvvv || random.chance(1, 64) ? random.below(16) | (bits === 64 ? 0 : 8) : 15;
  const length = vex?.length === 256 ? 4 : 0;
  const last = (vvvv << 3) | length | ([0x66, 0xf3, 0xf2].indexOf(mandatoryPrefix ?? 0) + 1);
  const short = map === 1 && (rex & 0xb) === 0 && random.chance(1, 2);
  if (short) return [0xc5, ((~rex & 4) << 5) | last];
  return [0xc4, ((~rex & 7) << 5) | map, ((rex & 8) << 4) | last];
}

/** The case that a seed gives for a template. */
export function makeCase(template: Template, seed: number, bits: CodeBits): TestCase {
  const random = new Random(seed);
  const has = (word: string): boolean => template.attributes.has(word);
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = randomInteger(random);
  const selectors = randomSegments(random, bits);
  const draft: Draft = {
    random,
    template,
    gpr,
    patches: [],
    fxsave: randomFxsave(random, floatingPoint(template)),
    ymmHigh: randomYmmHigh(random, template.family === "sse" || template.family === "avx"),
    fsBase: baseOf(selectors[FS]),
    gsBase: baseOf(selectors[GS]),
    rflags: randomFlags(random),
    bits,
    selectors,
    addressSize: bits === 64 ? 8 : bits === 32 ? 4 : 2,
    override: -1,
    operandBytes: 4,
  };
  if (bits !== 64 && random.chance(1, 2)) gpr.set(gpr.map((value) => value & 0xffff_ffffn));
  setStackRegister(draft, rsp, BigInt(layout.data.address + 0x1800 + random.below(64) * 8));
  if (template.attributes.has("selector") && bits === 64 && random.chance(1, 2)) draft.fsBase = draft.gsBase = 0x1000n;
  const memory = template.modrm === "memory" || (template.modrm === "any" && random.chance(1, 2));
  const usesMemory = memory || template.immediate === "o" || has("string") || has("xlat") || has("rdi");
  const usesOperandSize = template.operandSize || has("near");

  const prefixes: number[] = [];
  if (usesOperandSize && random.chance(1, bits === 64 ? 4 : 3)) prefixes.push(0x66);
  if ((usesMemory || has("count")) && random.chance(1, bits === 16 ? (has("gather") ? 1 : 4) : 12)) {
    prefixes.push(0x67);
    draft.addressSize = bits === 32 ? 2 : 4;
  }
  if (usesMemory && random.chance(1, bits === 64 ? 10 : 5)) {
    const prefix = random.pick([0x64, 0x65, 0x64, 0x65, 0x26, 0x2e, 0x36, 0x3e]);
    prefixes.push(prefix);
    if (prefix >= 0x64) draft.override = prefix - 0x60;
    else if (bits !== 64) draft.override = (prefix >> 3) & 3;
    if (bits === 64 && prefix === 0x64) draft.fsBase = random.pick([0x1000n, 0x2000_0000n, 0x7fff_ffff_0000n]);
    if (bits === 64 && prefix === 0x65) draft.gsBase = random.pick([0x1000n, 0x2000_0010n, 0x7fff_ffff_0000n]);
  }
  if (has("lock") ? memory && random.chance(1, 3) : template.family === "integer" && random.chance(1, 100)) {
    prefixes.push(0xf0);
  }
  if (has("rep") && random.chance(2, 3)) prefixes.push(random.pick([0xf3, 0xf2, 0xf3]));
  if (template.mandatoryPrefix !== undefined && !template.vex) prefixes.push(template.mandatoryPrefix);

  let rex = has("norex") || random.chance(1, 3) ? 0 : 0x40 | random.below(16);
  if (rex & 8 && !template.operandSize && !has("no66") && random.chance(1, 2)) rex &= ~8;
  if (bits !== 64) rex = 0;
  if (template.vex)
    rex = (rex & 7) | (template.vex.w === 1 || (template.vex.w === undefined && random.chance(1, 2)) ? 0x48 : 0x40);
  const byteForm = template.memorySize === 1;
  draft.operandBytes =
    bits === 64 ? (rex & 8 ? 8 : prefixes.includes(0x66) ? 2 : 4) : (bits === 32) === prefixes.includes(0x66) ? 2 : 4;
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
    ? [...prefixes, ...vexPrefix(random, template, rex, bits), opcode[opcode.length - 1]]
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
    target = has("anywhere") ? randomInteger(random) : chooseTarget(draft, size, template.aligned);
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
    target = chooseTarget(draft, template.memorySize, false);
    code.push(...littleEndian(BigInt.asUintN(64, chooseOffset(draft, DS, target)), draft.addressSize));
  }
  // A far call from compatibility mode to 64-bit mode: processors under some hypervisors never come to its end.
  if (bits !== 64 && template.name === "call") {
    const selector = immediate.length - 2;
    if (template.immediate === "far" && (immediate[selector] & ~3) === (flat.code64 & ~3))
      immediate[selector] = flat.code32;
    if (has("far") && target !== undefined) {
      const last = draft.patches[draft.patches.length - 1];
      const at = draft.operandBytes === 2 ? 2 : 4;
      if (last && (last.bytes[at] & ~3) === (flat.code64 & ~3)) last.bytes[at] = flat.code32;
    }
  }
  code.push(...immediate);
  // Of RSP IRETQ loads no more than the stack segment uses.
  if (bits !== 64) gpr[rsp] &= stackSize(draft) === 2 ? 0xffffn : 0xffff_ffffn;
  const runToBreakpoint = has("long") && random.chance(1, 2);
  const length = code.length;
  if (runToBreakpoint) code.push(0xcc);
  const placed = placeCode(random, code, selectors[CS]);
  if (relativeAt !== undefined && target !== undefined) {
    // RIP-relative: counts from the end of the instruction.
    const next = BigInt(layout.code.address + placed.codeOffset + length);
    const bytes = littleEndian(BigInt.asUintN(64, target - segmentBase(draft, DS) - next), 4);
    for (let i = 0; i < 4 && relativeAt + i < placed.code.length; i++) placed.code[relativeAt + i] = bytes[i];
  }
  return {
    seed,
    name: `${template.name} ${prefixedOpcode(template)}`,
    bits,
    selectors,
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
