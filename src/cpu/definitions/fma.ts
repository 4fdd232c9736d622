/**
 * FMA and F16C (AMD64 APM volumes 4 and 1): products and sums with one rounding, always in soft float, since WebAssembly has
 * neither fused operations nor half precision.
 */
import { c64, type Expr } from "../../wasm/index.ts";
import { i64x2, v128 } from "../../wasm/simd.ts";
import { define } from "../definition.ts";
import type { Operand } from "../tier.ts";
import { exactParts, mergeScalar, type Shape, shapes } from "./sse-floating-point.ts";
import { fromHalves, immediateByte, readSource } from "./vector-operands.ts";
import { vexRow } from "./vex-row.ts";

const avx = { unit: "avx" } as const;

/** Which operands are multiplied and which is added, of destination, VEX.vvvv and ModRM.rm. */
const orders = [
  ["132", "9", [0, 2, 1]],
  ["213", "A", [1, 0, 2]],
  ["231", "B", [1, 2, 0]],
] as const;
/** Last digit of the packed opcode; with one more, the scalar one. */
const operations = [
  ["fmaddsub", "6", false],
  ["fmsubadd", "7", false],
  ["fmadd", "8", true],
  ["fmsub", "A", true],
  ["fnmadd", "C", true],
  ["fnmsub", "E", true],
] as const;

function defineFused(name: string, operation: string, opcode: string, order: readonly number[], shape: Shape): void {
  const { suffix, element, scalar } = shape;
  for (const length of scalar ? (["LIG"] as const) : (["128", "256"] as const)) {
    define(
      `v${name}${suffix}`,
      `${vexRow(length, `66 0F 38 ${opcode}`, element.size === 8 ? "W1" : "W0")} Vx,Hx,${scalar ? `W${suffix}` : "Wx"}`,
      (t, destination: Operand, second: Operand, third: Operand) => {
        const last = scalar ? [readSource(t, third, true)] : t.readVectors(third);
        const first = t.readVectors(destination);
        const operands = [first, t.readVectors(second), last];
        const [a, b, c] = order.map((i) => operands[i]);
        const results = exactParts(t, `${operation}${suffix}`, a, b, c64(0), c);
        t.writeVectors(destination, scalar ? [mergeScalar(first[0], results[0], element.size)] : results);
      },
      avx,
    );
  }
}
for (const [order, high, operands] of orders) {
  for (const [operation, low, hasScalar] of operations) {
    for (const shape of shapes) {
      if (shape.scalar && !hasScalar) continue;
      const digit = shape.scalar ? (Number.parseInt(low, 16) + 1).toString(16).toUpperCase() : low;
      defineFused(operation + order, operation, high + digit, operands, shape);
    }
  }
}

// Half precision
for (const [length, source, destination] of [
  ["128", "Wq", "Wq"],
  ["256", "Wdq", "Wdq"],
] as const) {
  define(
    "vcvtph2ps",
    `${vexRow(length, "66 0F 38 13", "W0")} Vx,${source}`,
    (t, d, operand) => {
      const b = readSource(t, operand, true);
      const upper = v128.shuffle(
        b,
        b,
        Array.from({ length: 16 }, (_, i) => (i + 8) & 15),
      );
      const parts = length === "128" ? [b] : [b, t.let(upper)];
      t.writeVectors(d, exactParts(t, "vcvtph2ps", parts, parts));
    },
    avx,
  );
  define(
    "vcvtps2ph",
    `${vexRow(length, "66 0F 3A 1D", "W0")} ${destination},Vx,Ib`,
    (t, d, operand, selector) => {
      const parts = t.readVectors(operand);
      // The destination must be writable before flags are set.
      if (d.kind === "memory") t.call("probeWrite", t.linearAddress(d), c64(d.size));
      const halves = exactParts(t, "vcvtps2ph", parts, parts, immediateByte(t, selector));
      const low = (vector: Expr): Expr => i64x2.extract_lane(vector, 0);
      if (length === "256") t.writeVectors(d, [fromHalves(low(halves[0]), low(halves[1]))]);
      else if (d.kind === "memory") t.write(d, t.let(low(halves[0])));
      else t.writeVectors(d, [halves[0]]);
    },
    avx,
  );
}
