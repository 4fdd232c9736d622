/** AVX and AVX2 moves, broadcasts, permutations, blends, masked and gathering loads (AMD64 APM volume 4). */
import { c32, c64, type Expr, i32, i64, select } from "../../wasm/index.ts";
import { i8x16, i16x8, i32x4, i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import { layout, XMM_STRIDE } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { doublewordOffsets } from "./packed-integer.ts";
import { mergeScalar } from "./sse-floating-point.ts";
import {
  extractions,
  extractWide,
  insertElement,
  insertionSize,
  insertions,
  insertSingle,
  testVectors,
  variableBlends,
  widenings,
} from "./sse4-integer.ts";
import { bytes, fromHalves, fromLow, immediateByte, readLow, readSource, repeated } from "./vector-operands.ts";
import { vexRow } from "./vex-row.ts";

const avx = { unit: "avx" } as const;
const lengths = ["128", "256"] as const;
const zero = repeated(0n, 8);
const low = (vector: Expr): Expr => i64x2.extract_lane(vector, 0);
const high = (vector: Expr): Expr => i64x2.extract_lane(vector, 1);
/** What 128-bit forms leave of a register. */
const setVector = (t: Tier, destination: Operand, value: Expr): void => t.writeVectors(destination, [value]);

// Whole registers
const move =
  (aligned: boolean) =>
  (t: Tier, destination: Operand, source: Operand): void =>
    t.writeVectors(destination, t.readVectors(source, aligned), aligned);
for (const length of lengths) {
  for (const [name, load, store, aligned] of [
    ["vmovups", "NP 0F 10", "NP 0F 11", false],
    ["vmovupd", "66 0F 10", "66 0F 11", false],
    ["vmovdqu", "F3 0F 6F", "F3 0F 7F", false],
    ["vmovaps", "NP 0F 28", "NP 0F 29", true],
    ["vmovapd", "66 0F 28", "66 0F 29", true],
    ["vmovdqa", "66 0F 6F", "66 0F 7F", true],
  ] as const) {
    define(name, `${vexRow(length, load)} Vx,Wx`, move(aligned), avx);
    define(name, `${vexRow(length, store)} Wx,Vx`, move(aligned), avx);
  }
  define("vmovntps", `${vexRow(length, "NP 0F 2B")} Mx,Vx`, move(true), avx);
  define("vmovntpd", `${vexRow(length, "66 0F 2B")} Mx,Vx`, move(true), avx);
  define("vmovntdq", `${vexRow(length, "66 0F E7")} Mx,Vx`, move(true), avx);
  define("vlddqu", `${vexRow(length, "F2 0F F0")} Vx,Mx`, move(false), avx);
  define("vmovntdqa", `${vexRow(length, "66 0F 38 2A")} Vx,Mx`, move(true), avx);
}

// Scalars and halves
for (const [suffix, prefix, size] of [
  ["ss", "F3", 4],
  ["sd", "F2", 8],
] as const) {
  const memory = `M${suffix}`;
  define(
    `vmov${suffix}`,
    `VEX.LIG.${prefix}.0F 10 mem Vx,${memory}`,
    (t, d, s) => setVector(t, d, fromLow(t.read(s))),
    avx,
  );
  define(`vmov${suffix}`, `VEX.LIG.${prefix}.0F 11 mem ${memory},Vx`, (t, d, s) => t.write(d, readLow(t, s)), avx);
  const merge = (t: Tier, d: Operand, a: Operand, b: Operand): void =>
    setVector(t, d, mergeScalar(t.readVector(a), t.readVector(b), size));
  define(`vmov${suffix}`, `VEX.LIG.${prefix}.0F 10 reg Vx,Hx,Ux`, merge, avx);
  define(`vmov${suffix}`, `VEX.LIG.${prefix}.0F 11 reg Ux,Hx,Vx`, merge, avx);
}
for (const prefix of ["NP", "66"]) {
  const suffix = prefix === "NP" ? "ps" : "pd";
  const row = (opcode: string, operands: string): string => `${vexRow("128", `${prefix} 0F ${opcode}`)} ${operands}`;
  define(
    `vmovl${suffix}`,
    row("12", "mem Vx,Hx,Mq"),
    (t, d, a, b) => {
      const value = t.read(b);
      setVector(t, d, i64x2.replace_lane(t.readVector(a), 0, value));
    },
    avx,
  );
  define(
    `vmovh${suffix}`,
    row("16", "mem Vx,Hx,Mq"),
    (t, d, a, b) => {
      const value = t.read(b);
      setVector(t, d, i64x2.replace_lane(t.readVector(a), 1, value));
    },
    avx,
  );
  define(`vmovl${suffix}`, row("13", "Mq,Vx"), (t, d, s) => t.write(d, t.let(low(t.readVector(s)))), avx);
  define(`vmovh${suffix}`, row("17", "Mq,Vx"), (t, d, s) => t.write(d, t.let(high(t.readVector(s)))), avx);
}
const joinHalves =
  (from: (b: Expr) => Expr, lane: 0 | 1) =>
  (t: Tier, d: Operand, a: Operand, b: Operand): void =>
    setVector(t, d, i64x2.replace_lane(t.readVector(a), lane, from(t.readVector(b))));
define("vmovhlps", "VEX.128.NP.0F 12 reg Vx,Hx,Ux", joinHalves(high, 0), avx);
define("vmovlhps", "VEX.128.NP.0F 16 reg Vx,Hx,Ux", joinHalves(low, 1), avx);
define("vmovddup", "VEX.128.F2.0F 12 Vx,Wq", (t, d, s) => setVector(t, d, i64x2.splat(readLow(t, s))), avx);
define(
  "vmovddup",
  "VEX.256.F2.0F 12 Vx,Wx",
  (t, d, s) =>
    t.writeVectors(
      d,
      t.readVectors(s).map((part) => i64x2.splat(low(part))),
    ),
  avx,
);

// Between register files
define("vmovd", "VEX.128.66.0F 6E Vx,Ey", (t, d, s) => setVector(t, d, fromLow(t.read(s))), avx);
define("vmovd", "VEX.128.66.0F 7E Ey,Vx", (t, d, s) => t.write(d, readLow(t, s)), avx);
define("vmovq", "VEX.128.F3.0F 7E Vx,Wq", (t, d, s) => setVector(t, d, fromLow(readLow(t, s))), avx);
define(
  "vmovq",
  "VEX.128.66.0F D6 Wq,Vx",
  (t, d, s) => (d.kind === "memory" ? t.write(d, readLow(t, s)) : setVector(t, d, fromLow(readLow(t, s)))),
  avx,
);
for (const [name, opcode, bits, bitmask] of [
  ["vmovmskps", "NP 0F 50", 4, i32x4.bitmask],
  ["vmovmskpd", "66 0F 50", 2, i64x2.bitmask],
  ["vpmovmskb", "66 0F D7", 16, i8x16.bitmask],
] as const) {
  for (const length of lengths) {
    define(
      name,
      `${vexRow(length, opcode)} Gd,Ux`,
      (t, d, s) => {
        const masks = t.readVectors(s).map((part, i) => i32.shl(bitmask(part), c32(bits * i)));
        t.write(d, i64.extend_i32_u(masks.reduce((a, b) => i32.or(a, b))));
      },
      avx,
    );
  }
}
for (const [name, opcode, operands, effect] of extractions)
  define(`v${name}`, `${vexRow("128", opcode.slice(0, 11))}${opcode.slice(11)} ${operands}`, effect, avx);
// VPEXTRQ and VPINSRQ are not there outside 64-bit mode.
define("vpextrd", "VEX.128.66.0F3A.W0 16 Ey,Vx,Ib", extractWide, avx);
define("vpextrd", "VEX.128.66.0F3A.W1 16 Ey,Vx,Ib", extractWide, { ...avx, only64: true });
define(
  "vpextrw",
  "VEX.128.66.0F C5 Gd,Ux,Ib",
  (t, d, s, selector) => {
    const index = i32.and(i32.wrap(immediateByte(t, selector)), c32(7));
    const byteIndices = i16x8.splat(i32.add(i32.mul(index, c32(0x0202)), c32(0x0100)));
    t.write(d, i64.extend_i32_u(i16x8.extract_lane_u(v128.swizzle(t.readVector(s), byteIndices), 0)));
  },
  avx,
);
const vexInsertions = insertions.flatMap(([name, opcode, operands]) => {
  const ws = name === "pinsrd" ? (["W0", "W1"] as const) : ([""] as const);
  return ws.map((w) => {
    const row = `${vexRow("128", opcode.slice(0, 11), w)}${opcode.slice(11)} Vx,Hx,${operands}`;
    return { name, row, attributes: w === "W1" ? { ...avx, only64: true } : avx };
  });
});
for (const { name, row, attributes } of vexInsertions) {
  define(
    `v${name}`,
    row,
    (t, d, a, source, selector) => {
      const value = t.let(t.read(source));
      const index = t.let(i32.wrap(immediateByte(t, selector)));
      setVector(t, d, insertElement(t, t.let(t.readVector(a)), value, index, insertionSize(name, source)));
    },
    attributes,
  );
}
define(
  "vpinsrw",
  "VEX.128.66.0F C4 Vx,Hx,Ew,Ib",
  (t, d, a, source, selector) => {
    const value = t.read(source);
    const index = i32.and(i32.wrap(immediateByte(t, selector)), c32(7));
    const places = bytes(...Array.from({ length: 16 }, (_, i) => (i & 1 ? 0 : i >> 1)));
    const place = i16x8.eq(i16x8.splat(index), places);
    setVector(t, d, v128.bitselect(i16x8.splat(i32.wrap(value)), t.readVector(a), place));
  },
  avx,
);
define(
  "vinsertps",
  "VEX.128.66.0F3A 21 Vx,Hx,Wss,Ib",
  (t, d, first, source, selector) => {
    const b = readSource(t, source);
    const number = t.let(i32.wrap(immediateByte(t, selector)));
    setVector(t, d, insertSingle(t, t.let(t.readVector(first)), b, number, source.kind === "memory"));
  },
  avx,
);
define(
  "vmaskmovdqu",
  "VEX.128.66.0F F7 Vx,Ux",
  (t, source, maskOperand) => {
    const data = t.let(t.readVector(source));
    const mask = t.let(t.readVector(maskOperand));
    const address = t.segmentAddress("data", t.register(7, t.addressSize));
    t.call("maskedStore", address, low(data), high(data), low(mask), high(mask), c64(16));
  },
  avx,
);

// VZEROUPPER, VZEROALL: sixteen registers in 64-bit mode, else eight.
for (const [name, length, from] of [
  ["vzeroupper", "128", 16],
  ["vzeroall", "256", 0],
] as const) {
  define(
    name,
    `VEX.${length}.NP.0F 77`,
    (t) => {
      for (let i = 0; i < (t.mode === 64 ? 16 : 8); i++)
        for (let at = from; at < 32; at += 8) t.setField("i64", layout.xmm + i * XMM_STRIDE + at, c64(0));
    },
    avx,
  );
}

// MXCSR
define(
  "vldmxcsr",
  "VEX.128.NP.0F AE /2 Md",
  (t, source) => {
    const value = t.let(i32.wrap(t.read(source)));
    t.raiseIf(i32.ne(i32.and(value, c32(0xffff_0000 | 0)), c32(0)), 13, 0);
    t.setField("i32", layout.mxcsr, value);
  },
  avx,
);
define("vstmxcsr", "VEX.128.NP.0F AE /3 Md", (t, d) => t.write(d, i64.extend_i32_u(t.field("i32", layout.mxcsr))), avx);

// Widening
for (const [opcode, name, size, signed, unsigned] of widenings) {
  for (const [kind, digit, widen] of [
    ["s", "2", signed],
    ["z", "3", unsigned],
  ] as const) {
    const row = (length: "128" | "256", source: string): string =>
      `${vexRow(length, `66 0F 38 ${digit}${opcode}`)} Vx,${source}`;
    const sources = { 2: ["Ww", "Wd"], 4: ["Wd", "Wq"], 8: ["Wq", "Wdq"] } as const;
    const [narrow, wide] = sources[size];
    define(
      `vpmov${kind}x${name}`,
      row("128", narrow),
      (t, d, s) => setVector(t, d, widen(readSource(t, s, true))),
      avx,
    );
    define(
      `vpmov${kind}x${name}`,
      row("256", wide),
      (t, d, s) => {
        const b = readSource(t, s, true);
        const order = Array.from({ length: 16 }, (_, i) => (i + size) & 15);
        t.writeVectors(d, [widen(b), widen(t.let(v128.shuffle(b, b, order)))]);
      },
      avx,
    );
  }
}

// Broadcasts
for (const [name, opcode, size, splat] of [
  ["vbroadcastss", "18", 4, (x: Expr) => i32x4.splat(i32.wrap(x))],
  ["vbroadcastsd", "19", 8, i64x2.splat],
  ["vpbroadcastb", "78", 1, (x: Expr) => i8x16.splat(i32.wrap(x))],
  ["vpbroadcastw", "79", 2, (x: Expr) => i16x8.splat(i32.wrap(x))],
  ["vpbroadcastd", "58", 4, (x: Expr) => i32x4.splat(i32.wrap(x))],
  ["vpbroadcastq", "59", 8, i64x2.splat],
] as const) {
  for (const length of lengths) {
    if (name === "vbroadcastsd" && length === "128") continue;
    define(
      name,
      `${vexRow(length, `66 0F 38 ${opcode}`, "W0")} Vx,W${{ 1: "b", 2: "w", 4: "d", 8: "q" }[size]}`,
      (t, d, s) => {
        const value = t.let(splat(readLow(t, s)));
        t.writeVectors(d, length === "128" ? [value] : [value, value]);
      },
      avx,
    );
  }
}
for (const [name, opcode] of [
  ["vbroadcastf128", "1A"],
  ["vbroadcasti128", "5A"],
]) {
  define(
    name,
    `VEX.256.66.0F38.W0 ${opcode} Vx,Mdq`,
    (t, d, s) => {
      const [value] = t.readVectors(s);
      t.writeVectors(d, [value, value]);
    },
    avx,
  );
}

// Halves of YMM registers
for (const [name, insert, extract, permute] of [
  ["f128", "18", "19", "06"],
  ["i128", "38", "39", "46"],
]) {
  define(
    `vinsert${name}`,
    `VEX.256.66.0F3A.W0 ${insert} Vx,Hx,Wdq,Ib`,
    (t, d, first, source, selector) => {
      const b = readSource(t, source, true);
      const [a0, a1] = t.readVectors(first);
      const upper = t.let(i32.and(i32.wrap(immediateByte(t, selector)), c32(1)));
      t.writeVectors(d, [select(a0, b, upper), select(b, a1, upper)]);
    },
    avx,
  );
  define(
    `vextract${name}`,
    `VEX.256.66.0F3A.W0 ${extract} Wdq,Vx,Ib`,
    (t, d, source, selector) => {
      const [a0, a1] = t.readVectors(source);
      const upper = i32.and(i32.wrap(immediateByte(t, selector)), c32(1));
      t.writeVectors(d, [t.let(select(a1, a0, upper))]);
    },
    avx,
  );
  define(
    `vperm2${name}`,
    `VEX.256.66.0F3A.W0 ${permute} Vx,Hx,Wx,Ib`,
    (t, d, first, source, selector) => {
      const [b0, b1] = t.readVectors(source);
      const [a0, a1] = t.readVectors(first);
      const immediate = t.let(i32.wrap(immediateByte(t, selector)));
      const half = (shift: number): Expr => {
        const bit = (n: number): Expr => i32.and(immediate, c32(1 << (shift + n)));
        return t.let(select(zero, select(select(b1, b0, bit(0)), select(a1, a0, bit(0)), bit(1)), bit(3)));
      };
      t.writeVectors(d, [half(0), half(4)]);
    },
    avx,
  );
}

// Permutations within lanes
const inLane = v128.constant(Array.from({ length: 16 }, (_, i) => i & 3));
/** Byte offsets of the doublewords whose numbers (0 to 3) are given. */
const offsetsOf = (numbers: Expr): Expr =>
  i8x16.add(i32x4.mul(v128.and(numbers, repeated(3n, 4)), repeated(0x0404_0404n, 4)), inLane);
/** Byte offsets of the quadwords whose numbers are bit 1 of each. */
const quadOffsets = (numbers: Expr): Expr => {
  const number = v128.and(i64x2.shr_u(numbers, c32(1)), repeated(1n, 8));
  const spread = v128.swizzle(number, bytes(0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8));
  return i8x16.add(i8x16.shl(spread, c32(3)), v128.constant(Array.from({ length: 16 }, (_, i) => i & 7)));
};
for (const length of lengths) {
  for (const [name, opcode, offsets] of [
    ["vpermilps", "0C", offsetsOf],
    ["vpermilpd", "0D", quadOffsets],
  ] as const) {
    define(
      name,
      `${vexRow(length, `66 0F 38 ${opcode}`, "W0")} Vx,Hx,Wx`,
      (t, d, first, control) => {
        const b = t.readVectors(control);
        t.writeVectors(
          d,
          t.readVectors(first).map((a, i) => v128.swizzle(a, offsets(b[i]))),
        );
      },
      avx,
    );
  }
  define(
    "vpermilps",
    `${vexRow(length, "66 0F 3A 04", "W0")} Vx,Wx,Ib`,
    (t, d, source, selector) => {
      const parts = t.readVectors(source);
      const offsets = t.let(doublewordOffsets(immediateByte(t, selector)));
      t.writeVectors(
        d,
        parts.map((a) => v128.swizzle(a, offsets)),
      );
    },
    avx,
  );
  define(
    "vpermilpd",
    `${vexRow(length, "66 0F 3A 05", "W0")} Vx,Wx,Ib`,
    (t, d, source, selector) => {
      const parts = t.readVectors(source);
      const immediate = immediateByte(t, selector);
      const chosen = (a: Expr, bit: number): Expr =>
        select(high(a), low(a), i32.wrap(i64.and(immediate, c64(1 << bit))));
      t.writeVectors(
        d,
        parts.map((a, i) => fromHalves(chosen(a, 2 * i), chosen(a, 2 * i + 1))),
      );
    },
    avx,
  );
  define(
    "vpblendd",
    `${vexRow(length, "66 0F 3A 02", "W0")} Vx,Hx,Wx,Ib`,
    (t, d, first, second, selector) => {
      const b = t.readVectors(second);
      const immediate = i32x4.splat(i32.wrap(immediateByte(t, selector)));
      t.writeVectors(
        d,
        t.readVectors(first).map((a, part) => {
          const bits = bytes(...Array.from({ length: 16 }, (_, i) => (i & 3 ? 0 : 1 << ((i >> 2) + 4 * part))));
          return v128.bitselect(b[part], a, i32x4.eq(v128.and(immediate, bits), bits));
        }),
      );
    },
    avx,
  );
  for (const [, opcode, name, widenMask] of variableBlends) {
    define(
      `v${name}`,
      `${vexRow(length, `66 0F 3A ${opcode}`, "W0")} Vx,Hx,Wx,Lx`,
      (t, d, first, second, maskOperand) => {
        const b = t.readVectors(second);
        const a = t.readVectors(first);
        t.writeVectors(
          d,
          t.readVectors(maskOperand).map((mask, i) => v128.bitselect(b[i], a[i], widenMask(mask))),
        );
      },
      avx,
    );
  }
  define(
    "vptest",
    `${vexRow(length, "66 0F 38 17")} Vx,Wx`,
    (t, a, b) => testVectors(t, t.readVectors(a), t.readVectors(b)),
    avx,
  );
  for (const [name, opcode, signs] of [
    ["vtestps", "0E", repeated(0x8000_0000n, 4)],
    ["vtestpd", "0F", repeated(1n << 63n, 8)],
  ] as const) {
    define(
      name,
      `${vexRow(length, `66 0F 38 ${opcode}`, "W0")} Vx,Wx`,
      (t, first, second) => {
        const b = t.readVectors(second).map((part) => t.let(v128.and(part, signs)));
        const a = t.readVectors(first).map((part) => t.let(v128.and(part, signs)));
        testVectors(t, a, b);
      },
      avx,
    );
  }
}

// Permutations of all of a YMM register
/** The doublewords of a pair of vectors whose numbers (0 to 7) are given. */
function permuteDoublewords(t: Tier, [a0, a1]: readonly Expr[], numbers: Expr): Expr {
  const offsets = t.let(offsetsOf(numbers));
  const upper = i32x4.shr_s(i32x4.shl(numbers, c32(29)), c32(31));
  return t.let(v128.bitselect(v128.swizzle(a1, offsets), v128.swizzle(a0, offsets), upper));
}
for (const [name, opcode] of [
  ["vpermps", "16"],
  ["vpermd", "36"],
]) {
  define(
    name,
    `VEX.256.66.0F38.W0 ${opcode} Vx,Hx,Wx`,
    (t, d, numbers, source) => {
      const a = t.readVectors(source);
      t.writeVectors(
        d,
        t.readVectors(numbers).map((part) => permuteDoublewords(t, a, part)),
      );
    },
    avx,
  );
}
for (const [name, opcode] of [
  ["vpermq", "00"],
  ["vpermpd", "01"],
]) {
  define(
    name,
    `VEX.256.66.0F3A.W1 ${opcode} Vx,Wx,Ib`,
    (t, d, source, selector) => {
      const [a0, a1] = t.readVectors(source);
      const immediate = t.let(i32.wrap(immediateByte(t, selector)));
      const quad = (position: number): Expr => {
        const bit = (n: number): Expr => i32.and(immediate, c32(1 << (2 * position + n)));
        return select(select(high(a1), low(a1), bit(0)), select(high(a0), low(a0), bit(0)), bit(1));
      };
      t.writeVectors(d, [fromHalves(quad(0), quad(1)), fromHalves(quad(2), quad(3))]);
    },
    avx,
  );
}

// Shifts by a count for each element
for (const [name, opcode, w, bits, shift] of [
  ["vpsrlvd", "45", "W0", 32, i32.shr_u],
  ["vpsrlvq", "45", "W1", 64, i64.shr_u],
  ["vpsravd", "46", "W0", 32, i32.shr_s],
  ["vpsllvd", "47", "W0", 32, i32.shl],
  ["vpsllvq", "47", "W1", 64, i64.shl],
] as const) {
  for (const length of lengths) {
    define(
      name,
      `${vexRow(length, `66 0F 38 ${opcode}`, w)} Vx,Hx,Wx`,
      (t, d, first, counts) => {
        const b = t.readVectors(counts);
        t.writeVectors(
          d,
          t.readVectors(first).map((a, part) => {
            let result = zero;
            const lanes = bits === 32 ? i32x4 : i64x2;
            for (let i = 0; i < 128 / bits; i++) {
              const count = t.let(lanes.extract_lane(b[part], i));
              const value = lanes.extract_lane(a, i);
              const inRange = bits === 32 ? i32.lt_u(count, c32(32)) : i64.lt_u(count, c64(64));
              const none = bits === 32 ? c32(0) : c64(0);
              const shifted =
                name === "vpsravd"
                  ? shift(value, select(count, c32(31), inRange))
                  : select(shift(value, count), none, inRange);
              result = lanes.replace_lane(result, i, shifted);
            }
            return t.let(result);
          }),
        );
      },
      avx,
    );
  }
}

// Masked and gathering accesses: only elements whose mask has its sign bit set are accessed; see vector-memory.ts.
const half = (parts: readonly Expr[]): Expr[] => parts.flatMap((part) => [low(part), high(part)]);
for (const [name, load, store, w, size] of [
  ["vmaskmovps", "2C", "2E", "W0", 4],
  ["vmaskmovpd", "2D", "2F", "W0", 8],
  ["vpmaskmovd", "8C", "8E", "W0", 4],
  ["vpmaskmovq", "8C", "8E", "W1", 8],
] as const) {
  for (const length of lengths) {
    define(
      name,
      `${vexRow(length, `66 0F 38 ${load}`, w)} Vx,Hx,Mx`,
      (t, d, mask, source) => {
        const parts = t.readVectors(mask);
        t.call("maskedVectorLoad", t.linearAddress(source), c64(size), c64(parts.length), ...half(parts));
        t.writeVectors(
          d,
          parts.map((_, i) => fromHalves(t.result(2 * i), t.result(2 * i + 1))),
        );
      },
      avx,
    );
    define(
      name,
      `${vexRow(length, `66 0F 38 ${store}`, w)} Mx,Hx,Vx`,
      (t, d, mask, source) => {
        const parts = t.readVectors(mask);
        t.call(
          "maskedVectorStore",
          t.linearAddress(d),
          c64(size),
          c64(parts.length),
          ...half(parts),
          ...half(t.readVectors(source)),
        );
      },
      avx,
    );
  }
}
for (const [name, opcode, w, indexSize, size] of [
  ["vpgatherdd", "90", "W0", 4, 4],
  ["vpgatherdq", "90", "W1", 4, 8],
  ["vpgatherqd", "91", "W0", 8, 4],
  ["vpgatherqq", "91", "W1", 8, 8],
  ["vgatherdps", "92", "W0", 4, 4],
  ["vgatherdpd", "92", "W1", 4, 8],
  ["vgatherqps", "93", "W0", 8, 4],
  ["vgatherqpd", "93", "W1", 8, 8],
] as const) {
  for (const length of lengths) {
    define(
      name,
      `${vexRow(length, `66 0F 38 ${opcode}`, w)} Vx,M${size === 4 ? "d" : "q"},Hx`,
      (t, d, _source, mask) => {
        const count = (length === "128" ? 16 : 32) / Math.max(indexSize, size);
        const registers = [d, mask].map((operand) => t.addressOf(operand));
        t.call("gather", c64(indexSize), c64(size), c64(count), ...registers, c64(t.addressSize), c64(t.mode));
      },
      { ...avx, vsib: true },
    );
  }
}
