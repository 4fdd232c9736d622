/**
 * MMX, with the extensions that came with SSE (AMD64 APM volume 5): the packed integers of packed-integer.ts on the low
 * halves of the x87 registers. Whatever touches an MMX register sets the x87's top of stack to 0 and marks all registers as
 * valid; a register written gets an exponent of all ones.
 */
import { c32, c64, type Expr, i32, i64 } from "../../wasm/index.ts";
import { i8x16, i16x8, i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import { layout } from "../state.ts";
import type { Operand, Tier } from "../tier.ts";
import { x87Layout } from "../x87/layout.ts";
import { immediateShifts, packedIntegers, shiftBy, shuffleLowWords, type VectorEffect } from "./packed-integer.ts";
import { bytes, fromHalves, fromLow, immediateByte, readSource } from "./vector-operands.ts";

const mmx = { unit: "mmx" } as const;
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

const controlAndStatus = layout.x87 + x87Layout.control;
const tagWord = layout.x87 + x87Layout.tags;
const topOfStack = 0x3800 << 16;

/** What every MMX instruction does to the x87. */
export function enterMmx(t: Tier): void {
  t.setField("i32", controlAndStatus, i32.and(t.field("i32", controlAndStatus), c32(~topOfStack)));
  t.setField("i32", tagWord, i32.or(t.field("i32", tagWord), c32(0xff)));
}

/** Writes an MMX register: 64 bits, and the exponent that makes it a NaN to the x87. */
export function writeMmx(t: Tier, register: Operand, value: Expr): void {
  enterMmx(t);
  t.writeVector(register, fromHalves(value, c64(0xffff)));
}

/** An MMX register or 8 bytes of memory as the low half of a vector. */
const readMmx = (t: Tier, operand: Operand): Expr => readSource(t, operand);
const low = (vector: Expr): Expr => i64x2.extract_lane(vector, 0);

/** An instruction on two MMX registers, or one and memory. */
export function defineMmx(name: string, row: string, effect: VectorEffect): void {
  define(
    name,
    row,
    (t, destination, source) => {
      const b = readMmx(t, source);
      writeMmx(t, destination, t.let(low(effect(t, t.let(t.readVector(destination)), b))));
    },
    mmx,
  );
}

/** The same with an immediate. */
export function defineMmxImmediate(
  name: string,
  row: string,
  effect: (t: Tier, a: Expr, b: Expr, immediate: Expr) => Expr,
): void {
  define(
    name,
    row,
    (t, destination, source, selector) => {
      const b = readMmx(t, source);
      const a = t.let(t.readVector(destination));
      writeMmx(t, destination, t.let(low(effect(t, a, b, immediateByte(t, selector)))));
    },
    mmx,
  );
}

for (const { opcode, name, effect, mmx: own } of packedIntegers) {
  // Of memory the interleaving of low halves reads 32 bits.
  const source = name.startsWith("punpckl") ? "Qd" : "Qq";
  if (own !== null) defineMmx(name, `NP 0F ${hex(opcode)} Pq,${source}`, own ?? effect);
}
for (const { opcode, digit, name, bits, shift, arithmetic } of immediateShifts) {
  define(
    name,
    `NP 0F ${hex(opcode)} /${digit} Nq,Ib`,
    (t, register, count) => {
      const a = t.let(t.readVector(register));
      writeMmx(t, register, t.let(low(shiftBy(t, a, immediateByte(t, count), bits, shift, arithmetic))));
    },
    mmx,
  );
}

define("movd", "NP 0F 6E Pq,Ey", (t, d, s) => writeMmx(t, d, t.let(t.read(s))), mmx);
define(
  "movd",
  "NP 0F 7E Ey,Pq",
  (t, destination, source) => {
    t.write(destination, t.let(low(t.readVector(source))));
    enterMmx(t);
  },
  mmx,
);
define("movq", "NP 0F 6F Pq,Qq", (t, d, s) => writeMmx(t, d, t.let(low(readMmx(t, s)))), mmx);
const storeQuad = (t: Tier, destination: Operand, source: Operand): void => {
  const value = t.let(low(t.readVector(source)));
  if (destination.kind === "memory") {
    t.write(destination, value);
    enterMmx(t);
  } else {
    writeMmx(t, destination, value);
  }
};
define("movq", "NP 0F 7F Qq,Pq", storeQuad, mmx);
define("movntq", "NP 0F E7 Mq,Pq", storeQuad, mmx);

define(
  "emms",
  "NP 0F 77",
  (t) => {
    t.setField("i32", controlAndStatus, i32.and(t.field("i32", controlAndStatus), c32(~topOfStack)));
    t.setField("i32", tagWord, i32.and(t.field("i32", tagWord), c32(~0xff)));
  },
  mmx,
);

define(
  "pmovmskb",
  "NP 0F D7 Gd,Nq",
  (t, destination, source) => {
    const mask = i32.and(i8x16.bitmask(t.readVector(source)), c32(0xff));
    t.write(destination, t.let(i64.extend_i32_u(mask)));
    enterMmx(t);
  },
  mmx,
);
define(
  "pshufw",
  "NP 0F 70 Pq,Qq,Ib",
  (t, destination, source, selector) => {
    const b = readMmx(t, source);
    writeMmx(t, destination, t.let(low(shuffleLowWords(t, b, immediateByte(t, selector)))));
  },
  mmx,
);
define(
  "pinsrw",
  "NP 0F C4 Pq,Ew,Ib",
  (t, destination, source, selector) => {
    const value = t.let(i32.wrap(t.read(source)));
    const index = i32.and(i32.wrap(immediateByte(t, selector)), c32(3));
    const chosen = i16x8.eq(i16x8.splat(index), bytes(0, 0, 1, 0, 2, 0, 3, 0, 9, 0, 9, 0, 9, 0, 9, 0));
    writeMmx(t, destination, t.let(low(v128.bitselect(i16x8.splat(value), t.readVector(destination), chosen))));
  },
  mmx,
);
define(
  "pextrw",
  "NP 0F C5 Gd,Nq,Ib",
  (t, destination, source, selector) => {
    const index = i64.and(immediateByte(t, selector), c64(3));
    const word = i64.and(i64.shr_u(low(t.readVector(source)), i64.shl(index, c64(4))), c64(0xffff));
    t.write(destination, t.let(word));
    enterMmx(t);
  },
  mmx,
);
define(
  "maskmovq",
  "NP 0F F7 Pq,Nq",
  (t, source, mask) => {
    const address = t.segmentAddress("data", t.register(7, t.addressSize));
    // Also if the store faults.
    enterMmx(t);
    t.call("maskedStore", address, low(t.readVector(source)), c64(0), low(t.readVector(mask)), c64(0), c64(8));
  },
  mmx,
);

// Between MMX and XMM registers
define(
  "movq2dq",
  "F3 0F D6 Vx,Nq",
  (t, destination, source) => {
    t.writeVector(destination, fromLow(low(t.readVector(source))));
    enterMmx(t);
  },
  mmx,
);
define("movdq2q", "F2 0F D6 Pq,Ux", (t, d, s) => writeMmx(t, d, t.let(low(t.readVector(s)))), mmx);
