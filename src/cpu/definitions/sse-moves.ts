/** SSE and SSE2 data movement (AMD64 APM volume 4; Intel SDM volume 2). */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { i8x16, i16x8, i32x4, i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import type { Operand, Tier } from "../tier.ts";
import { bytes, fromLow, immediateByte, readLow, writeScalar } from "./vector-operands.ts";

const sse = { unit: "sse" } as const;

// Whole registers
const move =
  (aligned: boolean) =>
  (t: Tier, destination: Operand, source: Operand): void =>
    t.writeVector(destination, t.readVector(source, aligned), aligned);

define("movups", ["NP 0F 10 Vps,Wps", "NP 0F 11 Wps,Vps"], move(false), sse);
define("movupd", ["66 0F 10 Vpd,Wpd", "66 0F 11 Wpd,Vpd"], move(false), sse);
define("movdqu", ["F3 0F 6F Vx,Wx", "F3 0F 7F Wx,Vx"], move(false), sse);
define("movaps", ["NP 0F 28 Vps,Wps", "NP 0F 29 Wps,Vps"], move(true), sse);
define("movapd", ["66 0F 28 Vpd,Wpd", "66 0F 29 Wpd,Vpd"], move(true), sse);
define("movdqa", ["66 0F 6F Vx,Wx", "66 0F 7F Wx,Vx"], move(true), sse);
define("movntps", "NP 0F 2B Mps,Vps", move(true), sse);
define("movntpd", "66 0F 2B Mpd,Vpd", move(true), sse);
define("movntdq", "66 0F E7 Mx,Vx", move(true), sse);
define("movnti", "NP 0F C3 My,Gy", (t, destination, source) => t.write(destination, t.read(source)));

// Scalars: from memory the rest of the register is cleared, from a register it stays.
const loadScalar =
  (size: 4 | 8) =>
  (t: Tier, destination: Operand, source: Operand): void => {
    if (source.kind === "memory") t.writeVector(destination, fromLow(t.read(source)));
    else writeScalar(t, destination, readLow(t, source), size);
  };
const storeScalar =
  (size: 4 | 8) =>
  (t: Tier, destination: Operand, source: Operand): void => {
    if (destination.kind === "memory") t.write(destination, readLow(t, source));
    else writeScalar(t, destination, readLow(t, source), size);
  };
define("movss", "F3 0F 10 Vps,Wss", loadScalar(4), sse);
define("movss", "F3 0F 11 Wss,Vps", storeScalar(4), sse);
define("movsd", "F2 0F 10 Vpd,Wsd", loadScalar(8), sse);
define("movsd", "F2 0F 11 Wsd,Vpd", storeScalar(8), sse);

// Halves
const setLow = (t: Tier, destination: Operand, value: Expr): void =>
  t.writeVector(destination, i64x2.replace_lane(t.readVector(destination), 0, value));
const setHigh = (t: Tier, destination: Operand, value: Expr): void =>
  t.writeVector(destination, i64x2.replace_lane(t.readVector(destination), 1, value));
const high = (t: Tier, source: Operand): Expr => t.let(i64x2.extract_lane(t.readVector(source), 1));

define("movhlps", "NP 0F 12 reg Vps,Uq", (t, destination, source) => setLow(t, destination, high(t, source)), sse);
define("movlps", ["NP 0F 12 mem Vps,Mq", "66 0F 12 mem Vps,Mq"], (t, d, s) => setLow(t, d, readLow(t, s)), sse);
define("movlps", ["NP 0F 13 Mq,Vps", "66 0F 13 Mq,Vps"], (t, d, s) => t.write(d, readLow(t, s)), sse);
define("movlhps", "NP 0F 16 reg Vps,Uq", (t, destination, source) => setHigh(t, destination, readLow(t, source)), sse);
define("movhps", ["NP 0F 16 mem Vps,Mq", "66 0F 16 mem Vps,Mq"], (t, d, s) => setHigh(t, d, readLow(t, s)), sse);
define("movhps", ["NP 0F 17 Mq,Vps", "66 0F 17 Mq,Vps"], (t, d, s) => t.write(d, high(t, s)), sse);

// Between register files
define("movd", "66 0F 6E Vx,Ey", (t, d, s) => t.writeVector(d, fromLow(t.read(s))), sse);
define("movd", "66 0F 7E Ey,Vx", (t, d, s) => t.write(d, readLow(t, s)), sse);
define("movq", "F3 0F 7E Vx,Wq", (t, d, s) => t.writeVector(d, fromLow(readLow(t, s))), sse);
define(
  "movq",
  "66 0F D6 Wq,Vx",
  (t, d, s) => (d.kind === "memory" ? t.write(d, readLow(t, s)) : t.writeVector(d, fromLow(readLow(t, s)))),
  sse,
);

// Sign bits
const mask =
  (bitmask: (a: Expr) => Expr) =>
  (t: Tier, destination: Operand, source: Operand): void =>
    t.write(destination, i64.extend_i32_u(bitmask(t.readVector(source))));
define("movmskps", "NP 0F 50 Gd,Ups", mask(i32x4.bitmask), sse);
define("movmskpd", "66 0F 50 Gd,Upd", mask(i64x2.bitmask), sse);
define("pmovmskb", "66 0F D7 Gd,Ux", mask(i8x16.bitmask), sse);

// Single words: the immediate selects one of eight.
const wordIndices = bytes(0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0);

define(
  "pinsrw",
  "66 0F C4 Vx,Ew,Ib",
  (t, destination, source, selector) => {
    const value = t.read(source);
    const index = i32.and(i32.wrap(immediateByte(t, selector)), c32(7));
    const chosen = i16x8.eq(i16x8.splat(index), wordIndices);
    t.writeVector(destination, v128.bitselect(i16x8.splat(i32.wrap(value)), t.readVector(destination), chosen));
  },
  sse,
);
define(
  "pextrw",
  "66 0F C5 Gd,Ux,Ib",
  (t, destination, source, selector) => {
    const index = i32.and(i32.wrap(immediateByte(t, selector)), c32(7));
    const byteIndices = i16x8.splat(i32.add(i32.mul(index, c32(0x0202)), c32(0x0100)));
    const word = i16x8.extract_lane_u(v128.swizzle(t.readVector(source), byteIndices), 0);
    t.write(destination, i64.extend_i32_u(word));
  },
  sse,
);

// Bytes of the first operand whose mask byte has its sign bit set go to [rDI]; the others are not touched.
define(
  "maskmovdqu",
  "66 0F F7 Vx,Ux",
  (t, source, maskOperand) => {
    const data = t.let(t.readVector(source));
    const chosen = t.let(t.readVector(maskOperand));
    const half = (vector: Expr, lane: number): Expr => i64x2.extract_lane(vector, lane);
    const address = t.segmentAddress("data", t.register(7, t.addressSize));
    t.call("maskedStore", address, half(data, 0), half(data, 1), half(chosen, 0), half(chosen, 1), c64(16));
  },
  sse,
);
