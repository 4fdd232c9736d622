/**
 * A test case while it is put together: what the parts of the generator share.
 */
import type { Patch } from "./case.ts";
import { layout } from "./layout.ts";
import type { Random } from "./random.ts";
import { baseOf, type CodeBits, FS, GS, SS, segmentOfSelector } from "./segments.ts";
import type { Template } from "./templates.ts";

/** What is being put together. */
export interface Draft {
  readonly random: Random;
  readonly template: Template;
  readonly gpr: BigUint64Array;
  readonly patches: Patch[];
  fxsave: Uint8Array;
  ymmHigh: Uint8Array;
  fsBase: bigint;
  gsBase: bigint;
  rflags: bigint;
  readonly bits: CodeBits;
  /** es cs ss ds fs gs */
  readonly selectors: Uint16Array;
  /** In bytes. */
  addressSize: 2 | 4 | 8;
  /** Number of the segment register that a prefix names, or -1. */
  override: number;
  operandBytes: number;
}

/** An address for a memory operand of `size` bytes. */
export function chooseTarget(draft: Draft, size: number, aligned: boolean): bigint {
  const { random } = draft;
  const { data, readOnly } = layout;
  const end = data.address + data.size;
  const mask = size === 32 ? ~31 : ~15;
  const align = (address: number): number => (aligned && !random.chance(1, 8) ? address & mask : address);
  const inside = (): number => align(data.address + 512 + random.below(data.size - 1536));
  switch (random.below(draft.bits === 64 ? 32 : 36)) {
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
      if (draft.bits !== 64)
        return random.pick([0xffff_fffcn, 0xffff_ffffn, 0x1_0000_0000n - BigInt(size), 0n, 0xc000_0000n]);
      return random.pick([1n << 47n, 0xffff_7fff_ffff_fff8n, 0x8000_0000_0000_0000n, (1n << 47n) - BigInt(size) + 1n]);
    default:
      return BigInt(random.chance(1, 2) ? inside() : inside() & -size);
  }
}

/** Puts bytes into the data area at an address, as far as it lies there. */
export function patch(draft: Draft, address: bigint, bytes: Uint8Array): void {
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

/** Linear address at which a segment begins: the one that a prefix names, or else the given one. */
export function segmentBase(draft: Draft, segment: number): bigint {
  const { bits, override, selectors, fsBase, gsBase } = draft;
  const index = override >= 0 ? override : segment;
  if (bits !== 64) return baseOf(selectors[index]);
  return index === FS ? fsBase : index === GS ? gsBase : 0n;
}

/** Where in a segment a linear address is. Sometimes, outside 64-bit mode, rather a place at the end of the segment. */
export function chooseOffset(draft: Draft, segment: number, target: bigint): bigint {
  const { random, template } = draft;
  const index = draft.override >= 0 ? draft.override : segment;
  const limit = draft.bits === 64 ? undefined : segmentOfSelector(draft.selectors[index])?.limit;
  if (limit !== undefined && limit !== 0xffff_ffff && random.chance(1, 8))
    return BigInt(limit + 1 - random.below(template.memorySize + 2) + random.below(2));
  return cutAddress(draft, target - segmentBase(draft, segment));
}

/** As many bits as an address has. */
export const cutAddress = (draft: Draft, value: bigint): bigint => BigInt.asUintN(draft.addressSize * 8, value);

/** Sets a register that is part of an address: what an address does not have of it stays. */
export function setAddressRegister(draft: Draft, register: number, value: bigint): void {
  const mask = (1n << BigInt(draft.addressSize * 8)) - 1n;
  draft.gpr[register] = (draft.gpr[register] & ~mask) | (value & mask);
}

/** Bytes of the stack pointer that count. */
export function stackSize({ bits, selectors }: Draft): 2 | 4 | 8 {
  return bits === 64 ? 8 : segmentOfSelector(selectors[SS])?.big ? 4 : 2;
}

/** RSP or RBP so that the stack's top is at a linear address. */
export function setStackRegister(draft: Draft, register: number, target: bigint): void {
  const size = BigInt(stackSize(draft) * 8);
  const value = target - (draft.bits === 64 ? 0n : baseOf(draft.selectors[SS]));
  draft.gpr[register] = ((draft.gpr[register] >> size) << size) | BigInt.asUintN(Number(size), value);
}

/** Linear address of the stack's top. */
export function stackTop(draft: Draft): bigint {
  const offset = BigInt.asUintN(stackSize(draft) * 8, draft.gpr[4]);
  return draft.bits === 64 ? offset : BigInt.asUintN(32, offset + baseOf(draft.selectors[SS]));
}
