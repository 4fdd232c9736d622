/**
 * ModRM memory operands: encodings of 64-, 32- and 16-bit addresses, and the registers that make them point where they should.
 */
import { chooseOffset, type Draft, littleEndian, segmentBase, setAddressRegister } from "./draft.ts";
import { DS, SS } from "./segments.ts";

const mask64 = (1n << 64n) - 1n;
const [rbx, rsp, rbp, rsi, rdi] = [3, 4, 5, 6, 7];

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
  const baseRegister = (sib & 7) | ((rex & 1) << 3);
  const offset = target - segmentBase(draft, hasBase && (baseRegister === rsp || baseRegister === rbp) ? SS : DS);
  const displacement = !hasBase ? offset : BigInt(random.below(256) - 128);
  if (hasBase) draft.gpr[baseRegister] = (offset - (displacementSize ? displacement : 0n)) & mask64;
  const bytes = littleEndian(BigInt.asUintN(64, displacement), displacementSize);
  return { bytes: [(mod << 6) | ((reg & 7) << 3) | 4, sib, ...bytes], relative: false };
}

/** A ModRM operand with a 16-bit address: [bx+si], [bx+di], [bp+si], [bp+di], [si], [di], [bp] or a displacement alone, [bx]. */
function encodeMemory16(draft: Draft, reg: number, target: bigint): number[] {
  const { random, gpr } = draft;
  const mod = random.below(3);
  const rm = random.below(8);
  const modrm = (mod << 6) | ((reg & 7) << 3) | rm;
  if (mod === 0 && rm === 6) return [modrm, ...littleEndian(chooseOffset(draft, DS, target), 2)];
  const base = [rbx, rbx, rbp, rbp, rsi, rdi, rbp, rbx][rm];
  const index = rm < 4 ? BigInt.asUintN(16, gpr[rm & 1 ? rdi : rsi]) : 0n;
  const displacement = mod === 0 ? 0 : mod === 1 ? random.below(256) - 128 : random.below(0x1_0000);
  const offset = chooseOffset(draft, base === rbp ? SS : DS, target);
  setAddressRegister(draft, base, offset - index - BigInt(displacement));
  return [modrm, ...littleEndian(BigInt.asUintN(16, BigInt(displacement)), mod)];
}

/** Gives a ModRM memory operand and sets registers so that it addresses the target. Returns ModRM, SIB, displacement. */
export function encodeMemory(
  draft: Draft,
  reg: number,
  rex: number,
  target: bigint,
): { bytes: number[]; relative: boolean } {
  if (draft.template.attributes.has("gather")) return encodeVectorIndex(draft, reg, rex, target);
  if (draft.addressSize === 2) return { bytes: encodeMemory16(draft, reg, target), relative: false };
  const { random, gpr } = draft;
  const offsetFrom = (base: number | undefined): bigint =>
    chooseOffset(draft, base === rsp || base === rbp ? SS : DS, target);
  const set = (register: number, value: bigint): void => setAddressRegister(draft, register, value);
  const mod = random.below(3);
  const rm = random.pick([0, 1, 2, 3, 4, 4, 5, 6, 7]);
  const displacementSize = mod === 0 ? 0 : mod === 1 ? 1 : 4;
  const displacement = displacementSize === 1 ? random.below(256) - 128 : displacementSize ? random.u32() | 0 : 0;
  const tail = [...littleEndian(BigInt.asUintN(32, BigInt(displacement)), displacementSize)];
  const modrm = (mod << 6) | ((reg & 7) << 3) | rm;
  if (rm !== 4) {
    if (mod === 0 && rm === 5) {
      if (draft.bits === 64) return { bytes: [modrm], relative: true };
      return { bytes: [modrm, ...littleEndian(offsetFrom(undefined), 4)], relative: false };
    }
    const base = rm | ((rex & 1) << 3);
    set(base, offsetFrom(base) - BigInt(displacement));
    return { bytes: [modrm, ...tail], relative: false };
  }
  const scale = random.below(4);
  const sib = (scale << 6) | (random.below(8) << 3) | random.below(8);
  const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
  const base = (sib & 7) | ((rex & 1) << 3);
  const hasIndex = index !== 4;
  if (mod === 0 && (sib & 7) === 5) {
    // No base: an absolute displacement, or an index that makes up for a random one.
    const offset = offsetFrom(undefined);
    let absolute = BigInt.asIntN(32, offset);
    if (hasIndex) {
      const step = BigInt(random.below(1 << 16));
      absolute = BigInt.asIntN(32, offset - (step << BigInt(scale)));
      set(index, step);
    }
    return { bytes: [modrm, sib, ...littleEndian(BigInt.asUintN(32, absolute), 4)], relative: false };
  }
  const offset = offsetFrom(base);
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
