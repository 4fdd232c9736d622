/** The registers and tags of the x87 where they lie in memory. */
import { extended, unpack } from "../soft-float.ts";
import { x87Layout } from "./layout.ts";

/** The 80-bit value in physical register `index` of the x87 part that lies at `base`. */
export function readPhysical(view: DataView, base: number, index: number): bigint {
  const at = base + x87Layout.registers + index * 16;
  return (BigInt(view.getUint16(at + 8, true)) << 64n) | view.getBigUint64(at, true);
}

export function writePhysical(view: DataView, base: number, index: number, value: bigint): void {
  const at = base + x87Layout.registers + index * 16;
  view.setBigUint64(at, BigInt.asUintN(64, value), true);
  view.setUint16(at + 8, Number(BigInt.asUintN(16, value >> 64n)), true);
}

/** The full tag word: two bits a physical register, 00 valid, 01 zero, 10 special, 11 empty. */
export function tagWord(view: DataView, base: number): number {
  const tags = view.getUint8(base + x87Layout.tags);
  let word = 0;
  for (let i = 0; i < 8; i++) {
    const { kind } = unpack(extended, readPhysical(view, base, i));
    const tag = (tags >> i) & 1 ? (kind === "normal" ? 0 : kind === "zero" ? 1 : 2) : 3;
    word |= tag << (2 * i);
  }
  return word;
}

/** What of a full tag word is kept: one bit a register. */
export function abridgedTags(word: number): number {
  let tags = 0;
  for (let i = 0; i < 8; i++) if (((word >> (2 * i)) & 3) !== 3) tags |= 1 << i;
  return tags;
}
