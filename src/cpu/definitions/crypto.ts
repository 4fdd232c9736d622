/**
 * AES-NI, PCLMULQDQ and SHA (FIPS 197, FIPS 180-4; AMD64 APM volume 4). AES and SHA are computed in TypeScript, carry-less
 * products in generated code.
 */
import { c64, type Expr, i64, select } from "../../wasm/index.ts";
import { i64x2 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import { defineRoutine } from "../routines.ts";
import { layout } from "../state.ts";
import type { Tier } from "../tier.ts";
import { defineLanewise } from "./lanewise.ts";
import { fromHalves, immediateByte, readSource } from "./vector-operands.ts";

/** Defines a routine on the bytes of two vectors and an immediate, which leaves its result in the first. */
function defineVectorRoutine(name: string, compute: (a: DataView, b: DataView, immediate: number) => void): void {
  const a = new DataView(new ArrayBuffer(16));
  const b = new DataView(new ArrayBuffer(16));
  defineRoutine(name, (cpu) => {
    for (let i = 0; i < 2; i++) {
      a.setBigUint64(i * 8, cpu.argument(i), true);
      b.setBigUint64(i * 8, cpu.argument(2 + i), true);
    }
    compute(a, b, cpu.argumentNumber(4));
    cpu.setResult(0, a.getBigUint64(0, true));
    cpu.setResult(1, a.getBigUint64(8, true));
  });
}
function callVectorRoutine(t: Tier, name: string, a: Expr, b: Expr, immediate: Expr = c64(0)): Expr {
  const half = (x: Expr, lane: number): Expr => i64x2.extract_lane(x, lane);
  t.call(name, half(a, 0), half(a, 1), half(b, 0), half(b, 1), immediate);
  return t.let(fromHalves(t.result(0), t.result(1)));
}

// AES

/** Multiplication by x in GF(2^8). */
const times2 = (x: number): number => ((x << 1) ^ (x & 0x80 ? 0x11b : 0)) & 0xff;
function multiply(a: number, b: number): number {
  let product = 0;
  for (let x = a, y = b; y; y >>= 1, x = times2(x)) if (y & 1) product ^= x;
  return product;
}
const substitute = new Uint8Array(256);
const substituteInverse = new Uint8Array(256);
{
  // Inverses: powers of the generator 3 and of its inverse, F6, meet.
  const inverse = new Uint8Array(256);
  for (let i = 0, p = 1, q = 1; i < 255; i++, p = multiply(p, 3), q = multiply(q, 0xf6)) inverse[p] = q;
  for (let x = 0; x < 256; x++) {
    const b = inverse[x];
    const rotated = (n: number): number => ((b << n) | (b >> (8 - n))) & 0xff;
    const value = b ^ rotated(1) ^ rotated(2) ^ rotated(3) ^ rotated(4) ^ 0x63;
    substitute[x] = value;
    substituteInverse[value] = x;
  }
}
const product = (factor: number): Uint8Array => Uint8Array.from({ length: 256 }, (_, x) => multiply(x, factor));
const mixing = [2, 3, 1, 1].map(product);
const mixingInverse = [14, 11, 13, 9].map(product);

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer);
/** Rows shift by their number: to the left, or back; then every byte is substituted. */
function shiftAndSubstitute(state: Uint8Array, inverse: boolean): void {
  const old = state.slice();
  for (let i = 0; i < 16; i++) {
    const from = old[(i + (inverse ? -4 : 4) * (i & 3)) & 15];
    state[i] = inverse ? substituteInverse[from] : substitute[from];
  }
}
function mixColumns(state: Uint8Array, factors: readonly Uint8Array[]): void {
  const old = state.slice();
  for (let i = 0; i < 16; i++) {
    state[i] = 0;
    for (let j = 0; j < 4; j++) state[i] ^= factors[(j - (i & 3)) & 3][old[(i & ~3) + j]];
  }
}
function addRoundKey(state: Uint8Array, key: Uint8Array): void {
  for (let i = 0; i < 16; i++) state[i] ^= key[i];
}
for (const [name, opcode, inverse, last] of [
  ["aesenc", "DC", false, false],
  ["aesenclast", "DD", false, true],
  ["aesdec", "DE", true, false],
  ["aesdeclast", "DF", true, true],
] as const) {
  defineVectorRoutine(name, (a, b) => {
    const state = bytesOf(a);
    shiftAndSubstitute(state, inverse);
    if (!last) mixColumns(state, inverse ? mixingInverse : mixing);
    addRoundKey(state, bytesOf(b));
  });
  defineLanewise(name, `66 0F 38 ${opcode}`, "VHW", (t, a, b) => callVectorRoutine(t, name, a, b), false);
}
defineVectorRoutine("aesimc", (a, b) => {
  bytesOf(a).set(bytesOf(b));
  mixColumns(bytesOf(a), mixingInverse);
});
defineLanewise("aesimc", "66 0F 38 DB", "VW", (t, a, b) => callVectorRoutine(t, "aesimc", a, b), false);
defineVectorRoutine("aeskeygenassist", (a, b, constant) => {
  for (const [to, from] of [
    [0, 4],
    [8, 12],
  ]) {
    const word = [0, 1, 2, 3].map((i) => substitute[b.getUint8(from + i)]);
    for (let i = 0; i < 4; i++) {
      a.setUint8(to + i, word[i]);
      a.setUint8(to + 4 + i, word[(i + 1) & 3]);
    }
    a.setUint8(to + 4, a.getUint8(to + 4) ^ constant);
  }
});
defineLanewise(
  "aeskeygenassist",
  "66 0F 3A DF",
  "VWI",
  (t, a, b, immediate) => callVectorRoutine(t, "aeskeygenassist", a, b, immediate),
  false,
);

// PCLMULQDQ

/**
 * The low half of a carry-less product: factors are taken apart into four, of which only every fourth bit may be set, so that
 * the carries of ordinary products stay in the bits between.
 */
function carrylessLow(t: Tier, x: Expr, y: Expr): Expr {
  const mask = (i: number): Expr => c64(0x1111_1111_1111_1111n << BigInt(i));
  const parts = (value: Expr): Expr[] => [0, 1, 2, 3].map((i) => t.let(i64.and(value, mask(i))));
  const a = parts(x);
  const b = parts(y);
  const sum = (of: (i: number) => Expr, combine: (p: Expr, q: Expr) => Expr): Expr =>
    [0, 1, 2, 3].map(of).reduce(combine);
  return t.let(
    sum(
      (k) =>
        i64.and(
          sum((i) => i64.mul(a[i], b[(k - i) & 3]), i64.xor),
          mask(k),
        ),
      i64.or,
    ),
  );
}
function reverseBits(t: Tier, value: Expr): Expr {
  let x = value;
  for (const [shift, mask] of [
    [1, 0x5555_5555_5555_5555n],
    [2, 0x3333_3333_3333_3333n],
    [4, 0x0f0f_0f0f_0f0f_0f0fn],
    [8, 0x00ff_00ff_00ff_00ffn],
    [16, 0x0000_ffff_0000_ffffn],
  ] as const) {
    const old = t.let(x);
    x = i64.or(i64.shl(i64.and(old, c64(mask)), c64(shift)), i64.and(i64.shr_u(old, c64(shift)), c64(mask)));
  }
  return t.let(i64.rotl(x, c64(32)));
}
defineLanewise(
  "pclmulqdq",
  "66 0F 3A 44",
  "VHWI",
  (t, a, b, immediate) => {
    const half = (vector: Expr, bit: number): Expr =>
      t.let(
        select(
          i64x2.extract_lane(vector, 1),
          i64x2.extract_lane(vector, 0),
          i64.ne(i64.and(immediate, c64(bit)), c64(0)),
        ),
      );
    const x = half(a, 1);
    const y = half(b, 0x10);
    // The high half is the low one seen from the other end.
    const reversed = carrylessLow(t, reverseBits(t, x), reverseBits(t, y));
    return fromHalves(carrylessLow(t, x, y), i64.shr_u(reverseBits(t, reversed), c64(1)));
  },
  false,
);

// SHA

const rotateLeft = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
const rotateRight = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
/** Doublewords from the highest down, as the manual's A, B, C, D. */
const doublewords = (view: DataView): [number, number, number, number] => [
  view.getInt32(12, true),
  view.getInt32(8, true),
  view.getInt32(4, true),
  view.getInt32(0, true),
];
const setDoublewords = (view: DataView, values: readonly number[]): void =>
  values.forEach((value, i) => {
    view.setInt32(12 - 4 * i, value, true);
  });

const sha1Functions: readonly ((b: number, c: number, d: number) => number)[] = [
  (b, c, d) => (b & c) ^ (~b & d),
  (b, c, d) => b ^ c ^ d,
  (b, c, d) => (b & c) ^ (b & d) ^ (c & d),
  (b, c, d) => b ^ c ^ d,
];
const sha1Constants = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

const shaRoutines: Record<string, (a: DataView, b: DataView, immediate: number) => void> = {
  sha1rnds4: (view, words, immediate) => {
    let [a, b, c, d] = doublewords(view);
    const f = sha1Functions[immediate & 3];
    const constant = sha1Constants[immediate & 3];
    let e = 0;
    for (const word of doublewords(words)) {
      // The caller has added E to the first word.
      const next = (f(b, c, d) + rotateLeft(a, 5) + word + e + constant) | 0;
      [e, d, c, b, a] = [d, c, rotateLeft(b, 30), a, next];
    }
    setDoublewords(view, [a, b, c, d]);
  },
  sha1nexte: (view, words) => {
    const [a] = doublewords(view);
    const [w, ...rest] = doublewords(words);
    setDoublewords(view, [(w + rotateLeft(a, 30)) | 0, ...rest]);
  },
  sha1msg1: (view, words) => {
    const [w0, w1, w2, w3] = doublewords(view);
    const [w4, w5] = doublewords(words);
    setDoublewords(view, [w2 ^ w0, w3 ^ w1, w4 ^ w2, w5 ^ w3]);
  },
  sha1msg2: (view, words) => {
    const [x0, x1, x2, x3] = doublewords(view);
    const [, w13, w14, w15] = doublewords(words);
    const w16 = rotateLeft(x0 ^ w13, 1);
    setDoublewords(view, [w16, rotateLeft(x1 ^ w14, 1), rotateLeft(x2 ^ w15, 1), rotateLeft(x3 ^ w16, 1)]);
  },
  sha256msg1: (view, words) => {
    const small0 = (x: number): number => rotateRight(x, 7) ^ rotateRight(x, 18) ^ (x >>> 3);
    const [w3, w2, w1, w0] = doublewords(view);
    const w4 = doublewords(words)[3];
    setDoublewords(view, [w3 + small0(w4), w2 + small0(w3), w1 + small0(w2), w0 + small0(w1)]);
  },
  sha256msg2: (view, words) => {
    const small1 = (x: number): number => rotateRight(x, 17) ^ rotateRight(x, 19) ^ (x >>> 10);
    const [x3, x2, x1, x0] = doublewords(view);
    const [w15, w14] = doublewords(words);
    const w16 = (x0 + small1(w14)) | 0;
    const w17 = (x1 + small1(w15)) | 0;
    setDoublewords(view, [x3 + small1(w17), x2 + small1(w16), w17, w16]);
  },
};
for (const [name, compute] of Object.entries(shaRoutines)) defineVectorRoutine(name, compute);

for (const [name, row] of [
  ["sha1nexte", "NP 0F 38 C8 Vx,Wx"],
  ["sha1msg1", "NP 0F 38 C9 Vx,Wx"],
  ["sha1msg2", "NP 0F 38 CA Vx,Wx"],
  ["sha256msg1", "NP 0F 38 CC Vx,Wx"],
  ["sha256msg2", "NP 0F 38 CD Vx,Wx"],
  ["sha1rnds4", "NP 0F 3A CC Vx,Wx,Ib"],
] as const) {
  define(
    name,
    row,
    (t, destination, source, selector) => {
      // Memory need not be aligned, on AMD processors.
      const b = readSource(t, source, true);
      const a = t.let(t.readVector(destination));
      const immediate = name === "sha1rnds4" ? immediateByte(t, selector) : c64(0);
      t.writeVector(destination, callVectorRoutine(t, name, a, b, immediate));
    },
    { unit: "sse" },
  );
}

/** Two rounds; C, D, G, H in the destination, A, B, E, F in the source, words and constants in XMM0. */
defineRoutine("sha256rnds2", (cpu) => {
  const word = (index: number, high: boolean): number =>
    Number(BigInt.asIntN(32, high ? cpu.argument(index) >> 32n : cpu.argument(index)));
  let [h, g] = [word(0, false), word(0, true)];
  let [d, c] = [word(1, false), word(1, true)];
  let [f, e] = [word(2, false), word(2, true)];
  let [b, a] = [word(3, false), word(3, true)];
  for (let i = 0; i < 2; i++) {
    const big1 = rotateRight(e, 6) ^ rotateRight(e, 11) ^ rotateRight(e, 25);
    const big0 = rotateRight(a, 2) ^ rotateRight(a, 13) ^ rotateRight(a, 22);
    const first = (h + big1 + ((e & f) ^ (~e & g)) + word(4, i === 1)) | 0;
    const next = (first + big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, next];
  }
  const pair = (high: number, low: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  cpu.setResult(0, pair(e, f));
  cpu.setResult(1, pair(a, b));
});
define(
  "sha256rnds2",
  "NP 0F 38 CB Vx,Wx",
  (t, destination, source) => {
    const b = readSource(t, source, true);
    const a = t.let(t.readVector(destination));
    const half = (x: Expr, lane: number): Expr => i64x2.extract_lane(x, lane);
    t.call("sha256rnds2", half(a, 0), half(a, 1), half(b, 0), half(b, 1), t.field("i64", layout.xmm));
    t.writeVector(destination, fromHalves(t.result(0), t.result(1)));
  },
  { unit: "sse" },
);
