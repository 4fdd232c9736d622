/** SSE2 packed integers and the SSE shuffles (AMD64 APM volume 4). */
import { c64, type Expr, i64, select as selectInteger } from "../../wasm/index.ts";
import { i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import { defineLanewise } from "./lanewise.ts";
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

for (const { opcode, name, effect, byCount } of packedIntegers) {
  const row = `66 0F ${hex(opcode)}`;
  if (!byCount) defineLanewise(name, row, "VHW", effect);
  else
    define(
      name,
      `${row} Vx,Wx`,
      (t, destination, source) => {
        const b = readSource(t, source);
        t.writeVector(destination, effect(t, t.let(t.readVector(destination)), b));
      },
      sse,
    );
}

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
  defineLanewise(`and${suffix}`, `${prefix} 0F 54`, "VHW", (_t, a, b) => v128.and(a, b));
  defineLanewise(`andn${suffix}`, `${prefix} 0F 55`, "VHW", (_t, a, b) => v128.andnot(b, a));
  defineLanewise(`or${suffix}`, `${prefix} 0F 56`, "VHW", (_t, a, b) => v128.or(a, b));
  defineLanewise(`xor${suffix}`, `${prefix} 0F 57`, "VHW", (_t, a, b) => v128.xor(a, b));
}

const interleave = (size: 4 | 8, high: boolean): VectorEffect => {
  const from = high ? 8 : 0;
  const order = Array.from({ length: 16 }, (_, i) => {
    const unit = Math.floor(i / size);
    return from + Math.floor(unit / 2) * size + (i % size) + (unit & 1 ? 16 : 0);
  });
  return (_t, a, b) => v128.shuffle(a, b, order);
};
defineLanewise("unpcklps", "NP 0F 14", "VHW", interleave(4, false));
defineLanewise("unpckhps", "NP 0F 15", "VHW", interleave(4, true));
defineLanewise("unpcklpd", "66 0F 14", "VHW", interleave(8, false));
defineLanewise("unpckhpd", "66 0F 15", "VHW", interleave(8, true));

// Shuffles by an immediate
defineLanewise("pshufd", "66 0F 70", "VWI", (_t, _a, b, selector) => v128.swizzle(b, doublewordOffsets(selector)));
defineLanewise("pshuflw", "F2 0F 70", "VWI", (t, _a, b, selector) => shuffleLowWords(t, b, selector));
const swapHalves = (a: Expr): Expr => v128.shuffle(a, a, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
defineLanewise("pshufhw", "F3 0F 70", "VWI", (t, _a, b, selector) =>
  swapHalves(t.let(shuffleLowWords(t, t.let(swapHalves(b)), selector))),
);
defineLanewise("shufps", "NP 0F C6", "VHWI", (t, a, b, selector) => {
  const offsets = t.let(doublewordOffsets(selector));
  return fromHalves(i64x2.extract_lane(v128.swizzle(a, offsets), 0), i64x2.extract_lane(v128.swizzle(b, offsets), 1));
});
const selectHalf = (vector: Expr, selector: Expr, bit: number): Expr =>
  selectInteger(
    i64x2.extract_lane(vector, 1),
    i64x2.extract_lane(vector, 0),
    i64.ne(i64.and(selector, c64(bit)), c64(0)),
  );
defineLanewise(
  "shufpd",
  "66 0F C6",
  "VHWI",
  (_t, a, b, selector) => fromHalves(selectHalf(a, selector, 1), selectHalf(b, selector, 2)),
  true,
  2,
);
