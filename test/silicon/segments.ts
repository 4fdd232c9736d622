/**
 * The segments that test cases use: a local descriptor table that Linux's modify_ldt lets a program have, the same on both sides,
 * and Linux's own flat segments. With them a 64-bit process executes 32- and 16-bit code (compatibility mode).
 */

import { layout } from "./layout.ts";
import type { Random } from "./random.ts";

/** The order of segment registers in instructions, and in every array of six here. */
export const segmentNames = ["es", "cs", "ss", "ds", "fs", "gs"] as const;

export const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5];

/** Width of the code segment. */
export type CodeBits = 64 | 32 | 16;

/** Linux's selectors (arch/x86/include/asm/segment.h as programs see them in their signal frames). */
export const flat = { code32: 0x23, data: 0x2b, code64: 0x33 } as const;

/** A segment of the local descriptor table. */
export interface LocalSegment {
  readonly base: number;
  /** Last offset, or for segments that expand down the last offset that is not in them. */
  readonly limit: number;
  readonly kind: "data" | "expand-down" | "code";
  /** D or B. */
  readonly big: boolean;
  /** Data that cannot be written, code that cannot be read. */
  readonly restricted?: true;
  readonly absent?: true;
}

const { code, data } = layout;

/** Entry n has selector 8n + 7. The first two are the code segments of 32- and 16-bit cases. */
export const localSegments: readonly LocalSegment[] = [
  { kind: "code", base: 0, limit: 0xffff_ffff, big: true },
  { kind: "code", base: code.address, limit: code.size - 1, big: false },
  { kind: "data", base: data.address, limit: 0xffff, big: false },
  { kind: "data", base: data.address, limit: data.size - 1, big: true },
  { kind: "data", base: data.address, limit: 0x17fe, big: true },
  { kind: "expand-down", base: data.address, limit: 0x7ff, big: true },
  { kind: "expand-down", base: data.address, limit: 0x7ff, big: false },
  { kind: "data", base: data.address, limit: 0xffff, big: true, restricted: true },
  { kind: "data", base: data.address, limit: 0xffff, big: true, absent: true },
  { kind: "code", base: data.address, limit: 0xffff, big: true, restricted: true },
  { kind: "code", base: data.address, limit: 0xffff, big: true },
  { kind: "code", base: code.address, limit: 0x17ff, big: true },
  { kind: "code", base: 0, limit: 0xffff_ffff, big: true, absent: true },
  // Addresses wrap around at 4 GiB.
  { kind: "data", base: 0xffff_0000, limit: 0xffff_ffff, big: true },
  { kind: "data", base: data.address, limit: 0x17ff, big: false },
  { kind: "code", base: 0, limit: 0xffff_ffff, big: false },
];

const selectorOf = (entry: number): number => entry * 8 + 7;

export const codeSelectors = {
  64: [flat.code64],
  32: [flat.code32, selectorOf(0), selectorOf(0), selectorOf(11)],
  16: [selectorOf(1), selectorOf(1), selectorOf(1), selectorOf(15)],
} as const;

const selectorsWhere = (test: (segment: LocalSegment) => boolean): readonly number[] =>
  localSegments.flatMap((segment, i) => (test(segment) ? [selectorOf(i)] : []));

/** What DS, ES, FS, GS can hold, what SS can. */
const readable = selectorsWhere((s) => !s.absent && !(s.kind === "code" && s.restricted));
const stacks = selectorsWhere((s) => !s.absent && s.kind !== "code" && !s.restricted);
const stacks16 = stacks.filter((selector) => localSegments[selector >> 3]?.big === false);

/** The segment that a selector names; undefined for a null one. */
export function segmentOfSelector(selector: number): LocalSegment | undefined {
  if ((selector & ~3) === 0) return undefined;
  if (selector & 4) return localSegments[selector >> 3];
  return { kind: selector === flat.data ? "data" : "code", base: 0, limit: 0xffff_ffff, big: true };
}

/** Base of the segment that a selector names. */
export const baseOf = (selector: number): bigint => BigInt(segmentOfSelector(selector)?.base ?? 0);

/** Where code ends that is reached through a selector: at the end of the code area or of the segment, from the area's start. */
export function codeEnd(selector: number): number {
  const segment = segmentOfSelector(selector);
  return segment?.base === code.address ? Math.min(code.size, segment.limit + 1) : code.size;
}

/** Whether the segment ends there, or just what is mapped. */
export const endsInSegment = (selector: number): boolean => segmentOfSelector(selector)?.base === code.address;

/** Segment registers of a case, in the order of `segmentNames`. */
export function randomSegments(random: Random, bits: CodeBits): Uint16Array {
  if (bits === 64) return Uint16Array.of(0, flat.code64, flat.data, 0, 0, 0);
  const cs = random.pick(codeSelectors[bits]);
  const isFlat = bits === 32 && random.chance(3, 4);
  const extra = (): number => (random.chance(1, 3) ? 0 : random.chance(1, 2) ? flat.data : random.pick(readable));
  const ordinary = (): number =>
    isFlat
      ? flat.data
      : random.chance(1, 16)
        ? 0
        : bits === 32 && random.chance(1, 3)
          ? flat.data
          : random.pick(readable);
  const ss = isFlat ? flat.data : bits === 16 && random.chance(3, 4) ? random.pick(stacks16) : random.pick(stacks);
  return Uint16Array.of(ordinary(), cs, ss, ordinary(), extra(), extra());
}

/** Segment registers of cases that are about something else: flat, or for 16-bit code the data area. */
export function plainSegments(bits: CodeBits): Uint16Array {
  if (bits === 64) return Uint16Array.of(0, flat.code64, flat.data, 0, 0, 0);
  if (bits === 32) return Uint16Array.of(flat.data, selectorOf(0), flat.data, flat.data, 0, 0);
  return Uint16Array.of(selectorOf(2), selectorOf(1), selectorOf(2), selectorOf(2), 0, 0);
}

/** A selector as an operand: mostly one that names something. */
export function randomSelector(random: Random): number {
  switch (random.below(10)) {
    case 0:
      return random.below(4);
    case 1:
      // The kernel's, and what lies between the program's; not the last entry, in which Linux hides the processor's number.
      return random.below(0x78);
    case 2:
      return random.below(0x1_0000) & (random.chance(1, 2) ? 0xff : 0xffff) & ~0x78;
    case 3:
      return random.pick([flat.code32, flat.data, flat.code64]);
    case 4:
      return selectorOf(random.below(localSegments.length)) & ~random.below(4);
    default:
      return selectorOf(random.below(localSegments.length));
  }
}

/** The table as descriptors (AMD64 APM volume 2, 4.8). */
export function localDescriptors(): bigint[] {
  return localSegments.map(({ base, limit, kind, big, restricted, absent }) => {
    const pages = limit > 0xf_ffff;
    const size = BigInt(pages ? limit >>> 12 : limit);
    const type = (kind === "code" ? 8 : kind === "expand-down" ? 4 : 0) | (restricted ? 0 : 2) | 1;
    const access = BigInt(0x60 | 0x10 | type | (absent ? 0 : 0x80));
    const flags = BigInt((pages ? 8 : 0) | (big ? 4 : 0));
    const b = BigInt(base);
    return (
      (size & 0xffffn) |
      ((b & 0xff_ffffn) << 16n) |
      (access << 40n) |
      ((size >> 16n) << 48n) |
      (flags << 52n) |
      ((b >> 24n) << 56n)
    );
  });
}

/** The table as `struct user_desc` after `struct user_desc` (asm/ldt.h). */
export function userDescriptors(): Uint8Array {
  const bytes = new Uint8Array(localSegments.length * 16);
  const view = new DataView(bytes.buffer);
  localSegments.forEach(({ base, limit, kind, big, restricted, absent }, i) => {
    const pages = limit > 0xf_ffff;
    const contents = kind === "code" ? 2 : kind === "expand-down" ? 1 : 0;
    view.setUint32(i * 16, i, true);
    view.setUint32(i * 16 + 4, base, true);
    view.setUint32(i * 16 + 8, pages ? limit >>> 12 : limit, true);
    const flags = (big ? 1 : 0) | (contents << 1) | (restricted ? 8 : 0) | (pages ? 0x10 : 0) | (absent ? 0x20 : 0);
    view.setUint32(i * 16 + 12, flags, true);
  });
  return bytes;
}
