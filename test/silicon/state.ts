/**
 * Random but telling processor states: registers, flags, SSE and x87 contents made of the values at which instructions
 * change their behaviour, with some plain random ones between. Recorded vectors are replayed through these functions: the
 * values that a seed gives must not change.
 */
import { layout } from "./layout.ts";
import type { Random } from "./random.ts";

const integerEdges = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0x8000_0000_0000_0001n,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ff80n,
  0xffff_ffff_ffff_8000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_7fff_ffffn,
  0x8080_8080_8080_8080n,
  0x7f7f_7f7f_7f7f_7f7fn,
  0x8000_8000_8000_8000n,
  0x7fff_7fff_7fff_7fffn,
];

const singleEdges = [
  0x0000_0000, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0000, 0x7f80_0001,
  0xff80_1234, 0x7fff_ffff, 0x0000_0001, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x8080_0000, 0x7f7f_ffff, 0xff7f_ffff,
  0x4f00_0000, 0xcf00_0000, 0x4eff_ffff, 0x5f00_0000, 0xdf00_0000, 0x3f00_0000, 0x3fc0_0000, 0xc020_0000, 0x4b80_0001,
  0x3f7f_ffff, 0x3380_0000, 0x3300_0000, 0x4000_0000, 0x4040_0000, 0x0040_0000, 0x1f80_0000, 0x2000_0000,
];

const doubleEdges = [
  0x0000_0000_0000_0000n,
  0x8000_0000_0000_0000n,
  0x3ff0_0000_0000_0000n,
  0xbff0_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  0xfff0_0000_0000_0000n,
  0x7ff8_0000_0000_0000n,
  0xfff8_0000_0000_0000n,
  0x7ff0_0000_0000_0001n,
  0xfff0_0000_dead_beefn,
  0x7fff_ffff_ffff_ffffn,
  0x0000_0000_0000_0001n,
  0x8000_0000_0000_0001n,
  0x000f_ffff_ffff_ffffn,
  0x0010_0000_0000_0000n,
  0x8010_0000_0000_0000n,
  0x7fef_ffff_ffff_ffffn,
  0xffef_ffff_ffff_ffffn,
  0x41e0_0000_0000_0000n,
  0xc1e0_0000_0000_0000n,
  0x41df_ffff_ffc0_0000n,
  0xc1e0_0000_0020_0000n,
  0x43e0_0000_0000_0000n,
  0xc3e0_0000_0000_0000n,
  0x3fe0_0000_0000_0000n,
  0x3ff8_0000_0000_0000n,
  0xc004_0000_0000_0000n,
  0x47ef_ffff_e000_0000n,
  0x47ef_ffff_f000_0000n,
  0x3810_0000_0000_0000n,
  0x380f_ffff_ffff_ffffn,
  0x36a0_0000_0000_0000n,
  0x3690_0000_0000_0000n,
  0x3cb0_0000_0000_0000n,
  0x4000_0000_0000_0000n,
  0x2000_0000_0000_0000n,
];

/** 80-bit values as [sign and exponent, significand]. The last six are what the 8087 knew and later ones refuse. */
const extendedEdges: readonly (readonly [number, bigint])[] = [
  [0x0000, 0n],
  [0x8000, 0n],
  [0x3fff, 0x8000_0000_0000_0000n],
  [0xbfff, 0x8000_0000_0000_0000n],
  [0x4000, 0x8000_0000_0000_0000n],
  [0x4000, 0xc90f_daa2_2168_c235n],
  [0x3ffe, 0x8000_0000_0000_0000n],
  [0x7fff, 0x8000_0000_0000_0000n],
  [0xffff, 0x8000_0000_0000_0000n],
  [0x7fff, 0xc000_0000_0000_0000n],
  [0xffff, 0xc000_0000_0000_0000n],
  [0x7fff, 0x8000_0000_0000_0001n],
  [0xffff, 0xa000_0000_1234_5678n],
  [0x7fff, 0xffff_ffff_ffff_ffffn],
  [0x0000, 1n],
  [0x8000, 0x7fff_ffff_ffff_ffffn],
  [0x0000, 0x8000_0000_0000_0000n],
  [0x0001, 0x8000_0000_0000_0000n],
  [0x7ffe, 0xffff_ffff_ffff_ffffn],
  [0xfffe, 0xffff_ffff_ffff_ffffn],
  [0x401e, 0x8000_0000_0000_0000n],
  [0x403e, 0x8000_0000_0000_0000n],
  [0xc03e, 0x8000_0000_0000_0000n],
  [0x403d, 0xffff_ffff_ffff_ffffn],
  [0x400e, 0x8000_0000_0000_0000n],
  [0x3fbf, 0x8000_0000_0000_0000n],
  [0x3fff, 0xc000_0000_0000_0000n],
  [0x3fff, 0xffff_ffff_ffff_ffffn],
  [0x43fe, 0xffff_ffff_ffff_f800n],
  [0x43fe, 0xffff_ffff_ffff_fc00n],
  [0x3c01, 0x8000_0000_0000_0000n],
  [0x3c00, 0xffff_ffff_ffff_ffffn],
  [0x407e, 0xffff_ff80_0000_0000n],
  [0x3f81, 0x8000_0000_0000_0000n],
  [0x3ffd, 0x9a20_9a84_fbcf_f799n],
  [0x3fff, 0x0000_0000_0000_0000n],
  [0x3fff, 0x4000_0000_0000_0000n],
  [0x7fff, 0x0000_0000_0000_0000n],
  [0x7fff, 0x4000_0000_0000_0000n],
  [0xc000, 0x0000_0000_0000_0001n],
  [0x8001, 0x7fff_ffff_ffff_ffffn],
];

/** A 64-bit integer: an edge, a small one, an edge with a few bits changed, or random. */
export function randomInteger(random: Random): bigint {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return random.pick(integerEdges);
    case 3:
      return BigInt(random.below(256));
    case 4:
      return random.pick(integerEdges) ^ (1n << BigInt(random.below(64)));
    case 5:
      return BigInt(random.u32());
    default:
      return random.u64();
  }
}

export function randomSingle(random: Random): number {
  switch (random.below(6)) {
    case 0:
    case 1:
      return random.pick(singleEdges);
    case 2:
      return (random.pick(singleEdges) ^ (1 << random.below(32))) >>> 0;
    case 3: // a small integer or a fraction of one, where results are often exact
      return new Uint32Array(new Float32Array([(random.below(4096) - 2048) / 2 ** random.below(8)]).buffer)[0];
    case 4: // exponents near each other, so that sums round
      return ((random.below(2) << 31) | ((110 + random.below(40)) << 23) | (random.u32() >>> 9)) >>> 0;
    default:
      return random.u32();
  }
}

export function randomDouble(random: Random): bigint {
  switch (random.below(6)) {
    case 0:
    case 1:
      return random.pick(doubleEdges);
    case 2:
      return random.pick(doubleEdges) ^ (1n << BigInt(random.below(64)));
    case 3:
      return new BigUint64Array(new Float64Array([(random.below(65536) - 32768) / 2 ** random.below(20)]).buffer)[0];
    case 4: {
      const exponent = random.chance(1, 4) ? 890 + random.below(270) : 1000 + random.below(80);
      return (BigInt(random.below(2)) << 63n) | (BigInt(exponent) << 52n) | (random.u64() >> 12n);
    }
    default:
      return random.u64();
  }
}

export function randomExtended(random: Random): readonly [number, bigint] {
  switch (random.below(8)) {
    case 0:
    case 1:
      return random.pick(extendedEdges);
    case 2: {
      const [exponent, significand] = random.pick(extendedEdges);
      return [exponent, significand ^ (1n << BigInt(random.below(64)))];
    }
    case 3: {
      const value = random.below(1 << 20);
      const shift = BigInt(Math.clz32(value)) + 32n;
      const sign = random.below(2) << 15;
      return value === 0
        ? [sign, 0n]
        : [sign | (0x3fff + 63 - Number(shift) - random.below(12)), BigInt(value) << shift];
    }
    case 4: // what a double can hold
      return [(random.below(2) << 15) | (0x3fff - 40 + random.below(80)), (random.u64() | (1n << 63n)) & ~0x7ffn];
    case 5:
      return [random.u32() & 0xffff, random.u64() | (1n << 63n)];
    default:
      return [(random.below(2) << 15) | (0x3fff - 66 + random.below(132)), random.u64() | (1n << 63n)];
  }
}

/** Sixteen bytes, seen by the generator as integers, singles or doubles. */
export function randomVector(random: Random): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  switch (random.below(3)) {
    case 0:
      for (let i = 0; i < 16; i += 8) view.setBigUint64(i, randomInteger(random), true);
      break;
    case 1:
      for (let i = 0; i < 16; i += 4) view.setUint32(i, randomSingle(random), true);
      break;
    default:
      for (let i = 0; i < 16; i += 8) view.setBigUint64(i, randomDouble(random), true);
  }
  return bytes;
}

/** RFLAGS as a user program can have them: arithmetic flags random, IF set, sometimes DF. */
export function randomFlags(random: Random): bigint {
  const arithmetic = BigInt(random.u32()) & 0x8d5n;
  const direction = random.chance(1, 6) ? 0x400n : 0n;
  return arithmetic | direction | 0x202n;
}

/** How much of the floating-point environment varies. */
export type FloatingPoint = "default" | "sse" | "x87";

/** A 64-bit FXSAVE image: random XMM and x87 registers; control registers at their defaults unless asked otherwise. */
export function randomFxsave(random: Random, varied: FloatingPoint): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  let control = 0x37f;
  let status = 0;
  let tags = 0;
  let mxcsr = 0x1f80;
  if (varied === "sse") {
    mxcsr = random.chance(1, 3) ? 0x1f80 : 0x1f80 | (random.below(4) << 13) | (random.u32() & 0x803f);
    if (random.chance(1, 4)) mxcsr |= 0x40;
    if (random.chance(1, 4)) mxcsr &= ~(random.u32() & 0x1f80);
    mxcsr &= 0xffff;
  }
  if (varied === "x87") {
    if (random.chance(2, 3)) control = 0x7f | (random.pick([3, 3, 2, 0, 1]) << 8) | (random.below(4) << 10);
    if (random.chance(1, 5)) control &= ~(random.u32() & 0x3f);
    status = (random.below(8) << 11) | (random.u32() & 0x4700);
    if (random.chance(1, 4)) status |= random.u32() & 0x7f;
    // ES and B follow from the rest.
    if (status & ~control & 0x3f) status |= 0x8080;
    tags = random.chance(3, 4) ? 0xff : random.u32() & 0xff;
  }
  view.setUint16(0, control, true);
  view.setUint16(2, status, true);
  image[4] = tags;
  view.setUint32(24, mxcsr, true);
  for (let i = 0; i < 8; i++) {
    const [exponent, significand] = randomExtended(random);
    view.setBigUint64(32 + i * 16, significand, true);
    view.setUint16(40 + i * 16, exponent, true);
  }
  for (let i = 0; i < 16; i++) image.set(randomVector(random), 160 + i * 16);
  return image;
}

/** The upper halves of the YMM registers, or zeros. */
export function randomYmmHigh(random: Random, varied: boolean): Uint8Array {
  const bytes = new Uint8Array(256);
  if (varied) for (let i = 0; i < 16; i++) bytes.set(randomVector(random), i * 16);
  return bytes;
}

/** The data area before patches: the same in every session. */
export function baseMemory(random: Random): Uint8Array {
  const memory = new Uint8Array(layout.data.size);
  const view = new DataView(memory.buffer);
  for (let i = 0; i < memory.length; i += 8) view.setBigUint64(i, randomInteger(random), true);
  return memory;
}
