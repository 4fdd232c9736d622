/** SSE3, SSE4.1 and SSE4.2 without floating-point arithmetic: moves, blends, packed integers (AMD64 APM volume 4). */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { i8x16, i16x8, i32x4, i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import { layout } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { defineLanewise } from "./lanewise.ts";
import { bytes, fromHalves, fromLow, immediateByte, readLow, readSource, repeated } from "./vector-operands.ts";

const sse = { unit: "sse" } as const;
const zero = repeated(0n, 8);
const lanes = (select: (i: number) => number): number[] => Array.from({ length: 16 }, (_, i) => select(i));

// SSE3
define("lddqu", "F2 0F F0 Vx,Mx", (t, d, s) => t.writeVector(d, t.readVector(s)), sse);
const lowTwice = (low: Expr): Expr => i64x2.splat(low);
define("movddup", "F2 0F 12 Vx,Wq", (t, d, s) => t.writeVector(d, lowTwice(readLow(t, s))), sse);
const evenSingles = lanes((i) => (i & ~7) | (i & 3));
const oddSingles = evenSingles.map((i) => i + 4);
defineLanewise("movsldup", "F3 0F 12", "VW", (_t, _a, b) => v128.shuffle(b, b, evenSingles));
defineLanewise("movshdup", "F3 0F 16", "VW", (_t, _a, b) => v128.shuffle(b, b, oddSingles));

// Packed integers
const plain =
  (operation: (a: Expr, b: Expr) => Expr) =>
  (_t: Tier, a: Expr, b: Expr): Expr =>
    operation(a, b);
/** Products of the even doublewords, signed. */
const multiplyEven = (_t: Tier, a: Expr, b: Expr): Expr => {
  const even = (x: Expr): Expr => v128.shuffle(x, x, [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
  return i64x2.extmul_low_i32x4_s(even(a), even(b));
};
for (const [opcode, name, effect] of [
  ["28", "pmuldq", multiplyEven],
  ["29", "pcmpeqq", plain(i64x2.eq)],
  ["2B", "packusdw", plain(i16x8.narrow_i32x4_u)],
  ["37", "pcmpgtq", plain(i64x2.gt_s)],
  ["38", "pminsb", plain(i8x16.min_s)],
  ["39", "pminsd", plain(i32x4.min_s)],
  ["3A", "pminuw", plain(i16x8.min_u)],
  ["3B", "pminud", plain(i32x4.min_u)],
  ["3C", "pmaxsb", plain(i8x16.max_s)],
  ["3D", "pmaxsd", plain(i32x4.max_s)],
  ["3E", "pmaxuw", plain(i16x8.max_u)],
  ["3F", "pmaxud", plain(i32x4.max_u)],
  ["40", "pmulld", plain(i32x4.mul)],
] as const) {
  defineLanewise(name, `66 0F 38 ${opcode}`, "VHW", effect);
}

/** The smallest word and its place: words with their indices below them. */
defineLanewise(
  "phminposuw",
  "66 0F 38 41",
  "VW",
  (t, _a, b) => {
    const indexed = (words: Expr, first: number): Expr =>
      v128.or(i32x4.shl(words, c32(16)), bytes(...lanes((i) => (i & 3 ? 0 : first + (i >> 2)))));
    const four = t.let(i32x4.min_u(indexed(i32x4.extend_low_i16x8_u(b), 0), indexed(i32x4.extend_high_i16x8_u(b), 4)));
    const two = t.let(
      i32x4.min_u(
        four,
        v128.shuffle(
          four,
          four,
          lanes((i) => (i + 8) & 15),
        ),
      ),
    );
    const one = t.let(
      i32x4.extract_lane(
        i32x4.min_u(
          two,
          v128.shuffle(
            two,
            two,
            lanes((i) => (i + 4) & 15),
          ),
        ),
        0,
      ),
    );
    const word = i32.or(i32.shr_u(one, c32(16)), i32.shl(i32.and(one, c32(7)), c32(16)));
    return fromLow(i64.extend_i32_u(word));
  },
  false,
);

/** Sums of four absolute differences at eight places: the immediate chooses where in both operands. */
defineLanewise(
  "mpsadbw",
  "66 0F 3A 42",
  "VHWI",
  (t, a, b, immediate) => {
    const selector = t.let(i32.wrap(immediate));
    const blockA = i8x16.splat(i32.and(selector, c32(4)));
    const blockB = t.let(i32.shl(i32.and(selector, c32(3)), c32(2)));
    let sum = zero;
    for (let k = 0; k < 4; k++) {
      const x = t.let(v128.swizzle(a, i8x16.add(blockA, bytes(...lanes((i) => (i + k) & 15)))));
      const y = t.let(v128.swizzle(b, i8x16.splat(i32.add(blockB, c32(k)))));
      const difference = i8x16.sub(i8x16.max_u(x, y), i8x16.min_u(x, y));
      sum = i16x8.add(sum, i16x8.extend_low_i8x16_u(difference));
    }
    return sum;
  },
  true,
  3,
);

// Widening: memory operands are as wide as what is widened.
const twice =
  (f: (a: Expr) => Expr, g: (a: Expr) => Expr) =>
  (a: Expr): Expr =>
    g(f(a));
export const widenings: readonly (readonly [
  opcode: string,
  name: string,
  size: 2 | 4 | 8,
  signed: (a: Expr) => Expr,
  unsigned: (a: Expr) => Expr,
])[] = [
  ["0", "bw", 8, i16x8.extend_low_i8x16_s, i16x8.extend_low_i8x16_u],
  [
    "1",
    "bd",
    4,
    twice(i16x8.extend_low_i8x16_s, i32x4.extend_low_i16x8_s),
    twice(i16x8.extend_low_i8x16_u, i32x4.extend_low_i16x8_u),
  ],
  [
    "2",
    "bq",
    2,
    twice(twice(i16x8.extend_low_i8x16_s, i32x4.extend_low_i16x8_s), i64x2.extend_low_i32x4_s),
    twice(twice(i16x8.extend_low_i8x16_u, i32x4.extend_low_i16x8_u), i64x2.extend_low_i32x4_u),
  ],
  ["3", "wd", 8, i32x4.extend_low_i16x8_s, i32x4.extend_low_i16x8_u],
  [
    "4",
    "wq",
    4,
    twice(i32x4.extend_low_i16x8_s, i64x2.extend_low_i32x4_s),
    twice(i32x4.extend_low_i16x8_u, i64x2.extend_low_i32x4_u),
  ],
  ["5", "dq", 8, i64x2.extend_low_i32x4_s, i64x2.extend_low_i32x4_u],
];
export const narrowSource = { 2: "Ww", 4: "Wd", 8: "Wq" } as const;
for (const [opcode, name, size, signed, unsigned] of widenings) {
  const source = narrowSource[size];
  define(
    `pmovsx${name}`,
    `66 0F 38 2${opcode} Vx,${source}`,
    (t, d, s) => t.writeVector(d, signed(readSource(t, s))),
    sse,
  );
  define(
    `pmovzx${name}`,
    `66 0F 38 3${opcode} Vx,${source}`,
    (t, d, s) => t.writeVector(d, unsigned(readSource(t, s))),
    sse,
  );
}

define("movntdqa", "66 0F 38 2A Vx,Mx", (t, d, s) => t.writeVector(d, t.readVector(s, true)), sse);

// Blends
/** Lanes that the immediate's bits choose. */
const chosen = (shape: typeof i16x8 | typeof i32x4, immediate: Expr, bits: Expr): Expr =>
  shape.eq(v128.and(shape.splat(i32.wrap(immediate)), bits), bits);
const bitOfWord = bytes(...lanes((i) => (i & 1 ? 0 : 1 << (i >> 1))));
export const bitOfDoubleword = bytes(...lanes((i) => (i & 3 ? 0 : 1 << (i >> 2))));
const bitOfQuadword = bytes(...lanes((i) => (i & 3 ? 0 : 1 << (i >> 3))));
defineLanewise("pblendw", "66 0F 3A 0E", "VHWI", (_t, a, b, immediate) =>
  v128.bitselect(b, a, chosen(i16x8, immediate, bitOfWord)),
);
defineLanewise(
  "blendps",
  "66 0F 3A 0C",
  "VHWI",
  (_t, a, b, immediate) => v128.bitselect(b, a, chosen(i32x4, immediate, bitOfDoubleword)),
  true,
  4,
);
defineLanewise(
  "blendpd",
  "66 0F 3A 0D",
  "VHWI",
  (_t, a, b, immediate) => v128.bitselect(b, a, chosen(i32x4, immediate, bitOfQuadword)),
  true,
  2,
);
/** By the sign bits of a third operand; in the SSE forms that is XMM0. */
export const variableBlends = [
  ["10", "4C", "pblendvb", (mask: Expr): Expr => i8x16.shr_s(mask, c32(7))],
  ["14", "4A", "blendvps", (mask: Expr): Expr => i32x4.shr_s(mask, c32(31))],
  ["15", "4B", "blendvpd", (mask: Expr): Expr => i64x2.shr_s(mask, c32(63))],
] as const;
for (const [opcode, , name, widenMask] of variableBlends) {
  define(
    name,
    `66 0F 38 ${opcode} Vx,Wx`,
    (t, destination, source) => {
      const b = readSource(t, source);
      const half = (at: number): Expr => t.let(t.field("i64", layout.xmm + at));
      const mask = t.let(widenMask(fromHalves(half(0), half(8))));
      t.writeVector(destination, v128.bitselect(b, t.readVector(destination), mask));
    },
    sse,
  );
}

/** ZF: a & b is zero; CF: b has no bit that a lacks. The others are cleared. */
export const testVectors = (t: Tier, a: Expr[], b: Expr[]): void => {
  const none = (of: (x: Expr, y: Expr) => Expr): Expr =>
    i32.eqz(v128.any_true(a.map((x, i) => of(x, b[i])).reduce((x, y) => v128.or(x, y))));
  const image = i32.or(
    i32.shl(
      none((x, y) => v128.and(x, y)),
      c32(6),
    ),
    none((x, y) => v128.andnot(y, x)),
  );
  t.flags.setImage(image);
};
define(
  "ptest",
  "66 0F 38 17 Vx,Wx",
  (t, first, second) => {
    const b = readSource(t, second);
    testVectors(t, [t.let(t.readVector(first))], [b]);
  },
  sse,
);

// Single elements

const element = (t: Tier, vector: Expr, index: Expr, size: 1 | 2 | 4 | 8): Expr => {
  const first = i32.mul(i32.and(index, c32(16 / size - 1)), c32(size));
  const offsets = i8x16.add(i8x16.splat(first), bytes(...lanes((i) => (i < size ? i : 0x70))));
  return t.let(i64x2.extract_lane(v128.swizzle(vector, offsets), 0));
};
const extract =
  (size: 1 | 2 | 4 | 8) =>
  (t: Tier, destination: Operand, source: Operand, selector: Operand): void => {
    const index = i32.wrap(immediateByte(t, selector));
    t.write(destination, element(t, t.let(t.readVector(source)), index, size));
  };
/** The element whose number the immediate gives, replaced. */
export const insertElement = (t: Tier, vector: Expr, value: Expr, index: Expr, size: 1 | 4 | 8): Expr => {
  const number = i32.and(index, c32(16 / size - 1));
  const places = bytes(...lanes((i) => Math.floor(i / size)));
  const spread =
    size === 1 ? i8x16.splat(i32.wrap(value)) : size === 4 ? i32x4.splat(i32.wrap(value)) : i64x2.splat(value);
  return v128.bitselect(spread, vector, t.let(i8x16.eq(i8x16.splat(number), places)));
};
/** INSERTPS: the source's element by bits 7:6 (register only), its place by bits 5:4, cleared elements by bits 3:0. */
export const insertSingle = (t: Tier, a: Expr, b: Expr, selector: Expr, fromMemory: boolean): Expr => {
  const which = fromMemory ? c32(0) : i32.shr_u(selector, c32(6));
  const value = element(t, b, which, 4);
  const inserted = t.let(insertElement(t, a, value, i32.shr_u(selector, c32(4)), 4));
  return v128.andnot(inserted, chosen(i32x4, i64.extend_i32_u(selector), bitOfDoubleword));
};
// Each with its VEX form, of which the destination is not an operand.
export const extractions = [
  ["pextrb", "66 0F 3A 14 reg", "Rd,Vx,Ib", extract(1)],
  ["pextrb", "66 0F 3A 14 mem", "Mb,Vx,Ib", extract(1)],
  ["pextrw", "66 0F 3A 15 reg", "Rd,Vx,Ib", extract(2)],
  ["pextrw", "66 0F 3A 15 mem", "Mw,Vx,Ib", extract(2)],
  ["extractps", "66 0F 3A 17", "Ed,Vx,Ib", extract(4)],
] as const;
for (const [name, opcode, operands, effect] of extractions) define(name, `${opcode} ${operands}`, effect, sse);
export const extractWide = (t: Tier, destination: Operand, source: Operand, selector: Operand): void =>
  extract(destination.size === 8 ? 8 : 4)(t, destination, source, selector);
define("pextrd", "66 0F 3A 16 Ey,Vx,Ib", extractWide, sse);

export const insertions = [
  ["pinsrb", "66 0F 3A 20 reg", "Rd,Ib"],
  ["pinsrb", "66 0F 3A 20 mem", "Mb,Ib"],
  ["pinsrd", "66 0F 3A 22", "Ey,Ib"],
] as const;
export const insertionSize = (name: string, source: Operand): 1 | 4 | 8 =>
  name === "pinsrb" ? 1 : source.size === 8 ? 8 : 4;
for (const [name, opcode, operands] of insertions) {
  define(
    name,
    `${opcode} Vx,${operands}`,
    (t, destination, source, selector) => {
      const value = t.let(t.read(source));
      const index = t.let(i32.wrap(immediateByte(t, selector)));
      const old = t.let(t.readVector(destination));
      t.writeVector(destination, insertElement(t, old, value, index, insertionSize(name, source)));
    },
    sse,
  );
}
define(
  "insertps",
  "66 0F 3A 21 Vx,Wss,Ib",
  (t, destination, source, selector) => {
    const b = readSource(t, source);
    const number = t.let(i32.wrap(immediateByte(t, selector)));
    const a = t.let(t.readVector(destination));
    t.writeVector(destination, insertSingle(t, a, b, number, source.kind === "memory"));
  },
  sse,
);

// CRC32: polynomial 11EDC6F41, reflected, bit by bit.
for (const [row, size] of [
  ["F2 0F 38 F0 Gy,Eb", 1],
  ["F2 0F 38 F1 Gy,Ev", 0],
] as const) {
  define("crc32", row, (t, destination, source) => {
    const bits = (size === 0 ? source.size : size) * 8;
    let remainder = t.let(i64.xor(i64.and(t.read(destination), c64(0xffff_ffff)), t.read(source)));
    for (let i = 0; i < bits; i++) {
      const feedback = i64.and(i64.sub(c64(0), i64.and(remainder, c64(1))), c64(0x82f6_3b78));
      remainder = t.let(i64.xor(i64.shr_u(remainder, c64(1)), feedback));
    }
    t.write(destination, remainder);
  });
}
