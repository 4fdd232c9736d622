/** SSE2 packed integers and the SSE shuffles (AMD64 APM volume 4). */
import { c64, type Expr, i64, select as selectInteger } from "../../wasm/index.ts";
import { i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import {
  doublewordOffsets,
  immediateShifts,
  packedIntegers,
  shiftBy,
  shiftBytes,
  shuffleLowWords,
  type VectorEffect,
} from "./packed-integer.ts";
import { fromHalves, immediateByte, readSource } from "./vector-operands.ts";

const sse = { unit: "sse" } as const;
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

function defineVector(name: string, row: string, effect: VectorEffect): void {
  define(
    name,
    row,
    (t, destination, source) => {
      const b = readSource(t, source);
      t.writeVector(destination, effect(t, t.let(t.readVector(destination)), b));
    },
    sse,
  );
}

for (const { opcode, name, effect } of packedIntegers) defineVector(name, `66 0F ${hex(opcode)} Vx,Wx`, effect);

for (const { opcode, digit, name, bits, shift, arithmetic } of immediateShifts) {
  define(
    name,
    `66 0F ${hex(opcode)} /${digit} Ux,Ib`,
    (t, register, count) => {
      const a = t.let(t.readVector(register));
      t.writeVector(register, shiftBy(t, a, immediateByte(t, count), bits, shift, arithmetic));
    },
    sse,
  );
}
define(
  "psrldq",
  "66 0F 73 /3 Ux,Ib",
  (t, r, count) => t.writeVector(r, shiftBytes(t.readVector(r), immediateByte(t, count), false)),
  sse,
);
define(
  "pslldq",
  "66 0F 73 /7 Ux,Ib",
  (t, r, count) => t.writeVector(r, shiftBytes(t.readVector(r), immediateByte(t, count), true)),
  sse,
);

// Logic of floating-point registers is that of integers.
for (const prefix of ["NP", "66"]) {
  const suffix = prefix === "NP" ? "ps" : "pd";
  defineVector(`and${suffix}`, `${prefix} 0F 54 Vx,Wx`, (_t, a, b) => v128.and(a, b));
  defineVector(`andn${suffix}`, `${prefix} 0F 55 Vx,Wx`, (_t, a, b) => v128.andnot(b, a));
  defineVector(`or${suffix}`, `${prefix} 0F 56 Vx,Wx`, (_t, a, b) => v128.or(a, b));
  defineVector(`xor${suffix}`, `${prefix} 0F 57 Vx,Wx`, (_t, a, b) => v128.xor(a, b));
}

const interleave = (size: 4 | 8, high: boolean): VectorEffect => {
  const from = high ? 8 : 0;
  const order = Array.from({ length: 16 }, (_, i) => {
    const unit = Math.floor(i / size);
    return from + Math.floor(unit / 2) * size + (i % size) + (unit & 1 ? 16 : 0);
  });
  return (_t, a, b) => v128.shuffle(a, b, order);
};
defineVector("unpcklps", "NP 0F 14 Vx,Wx", interleave(4, false));
defineVector("unpckhps", "NP 0F 15 Vx,Wx", interleave(4, true));
defineVector("unpcklpd", "66 0F 14 Vx,Wx", interleave(8, false));
defineVector("unpckhpd", "66 0F 15 Vx,Wx", interleave(8, true));

// Shuffles by an immediate
define(
  "pshufd",
  "66 0F 70 Vx,Wx,Ib",
  (t, destination, source, selector) => {
    const b = readSource(t, source);
    t.writeVector(destination, v128.swizzle(b, doublewordOffsets(immediateByte(t, selector))));
  },
  sse,
);
define(
  "pshuflw",
  "F2 0F 70 Vx,Wx,Ib",
  (t, destination, source, selector) => {
    const b = readSource(t, source);
    t.writeVector(destination, shuffleLowWords(t, b, immediateByte(t, selector)));
  },
  sse,
);
const swapHalves = (a: Expr): Expr => v128.shuffle(a, a, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
define(
  "pshufhw",
  "F3 0F 70 Vx,Wx,Ib",
  (t, destination, source, selector) => {
    const b = t.let(swapHalves(readSource(t, source)));
    t.writeVector(destination, swapHalves(t.let(shuffleLowWords(t, b, immediateByte(t, selector)))));
  },
  sse,
);
define(
  "shufps",
  "NP 0F C6 Vx,Wx,Ib",
  (t, destination, source, selector) => {
    const b = readSource(t, source);
    const offsets = t.let(doublewordOffsets(immediateByte(t, selector)));
    const fromA = i64x2.extract_lane(v128.swizzle(t.readVector(destination), offsets), 0);
    const fromB = i64x2.extract_lane(v128.swizzle(b, offsets), 1);
    t.writeVector(destination, fromHalves(fromA, fromB));
  },
  sse,
);
define(
  "shufpd",
  "66 0F C6 Vx,Wx,Ib",
  (t, destination, source, selector) => {
    const b = readSource(t, source);
    const a = t.let(t.readVector(destination));
    const which = immediateByte(t, selector);
    const half = (vector: Expr, bit: number): Expr => {
      const high = i64.ne(i64.and(which, c64(bit)), c64(0));
      return selectInteger(i64x2.extract_lane(vector, 1), i64x2.extract_lane(vector, 0), high);
    };
    t.writeVector(destination, fromHalves(half(a, 1), half(b, 2)));
  },
  sse,
);
