/** The VEX forms of what lanewise.ts and packed-integer.ts describe: a destination apart, 128 or 256 bits (AVX, AVX2). */
import { c64, type Expr, i64 } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import type { Operand, Tier } from "../tier.ts";
import { lanewiseInstructions } from "./lanewise.ts";
import { immediateShifts, packedIntegers, shiftBy, shiftBytes } from "./packed-integer.ts";
import { immediateByte, readSource } from "./vector-operands.ts";
import { vexRow } from "./vex-row.ts";

const avx = { unit: "avx" } as const;
const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

for (const { name, prefix, opcode, binary, immediate, effect, wide, laneBits } of lanewiseInstructions) {
  for (const length of wide ? (["128", "256"] as const) : (["128"] as const)) {
    const operands = `Vx,${binary ? "Hx," : ""}Wx${immediate ? ",Ib" : ""}`;
    define(
      `v${name}`,
      `${vexRow(length, `${prefix} ${opcode}`)} ${operands}`,
      (t, destination, ...sources) => {
        const b = t.readVectors(sources[binary ? 1 : 0]);
        const a = binary ? t.readVectors(sources[0]) : b;
        const selector = immediate ? immediateByte(t, sources[binary ? 2 : 1]) : c64(0);
        const ofLane = (lane: number): Expr =>
          lane === 0 || laneBits === 0 ? selector : t.let(i64.shr_u(selector, c64(laneBits)));
        t.writeVectors(
          destination,
          a.map((x, lane) => t.let(effect(t, x, b[lane], ofLane(lane)))),
        );
      },
      avx,
    );
  }
}

/** What a function of one part makes of all. */
const mapParts =
  (f: (t: Tier, part: Expr, amount: Expr) => Expr) =>
  (t: Tier, destination: Operand, source: Operand, amount: Operand): void => {
    const count = immediateByte(t, amount);
    t.writeVectors(
      destination,
      t.readVectors(source).map((part) => t.let(f(t, part, count))),
    );
  };
for (const length of ["128", "256"] as const) {
  for (const { opcode, name, effect, byCount } of packedIntegers) {
    if (!byCount) continue;
    define(
      `v${name}`,
      `${vexRow(length, `66 0F ${hex(opcode)}`)} Vx,Hx,Wdq`,
      (t, destination, source, count) => {
        const b = readSource(t, count, true);
        t.writeVectors(
          destination,
          t.readVectors(source).map((part) => t.let(effect(t, part, b))),
        );
      },
      avx,
    );
  }
  for (const { opcode, digit, name, bits, shift, arithmetic } of immediateShifts) {
    define(
      `v${name}`,
      `${vexRow(length, `66 0F ${hex(opcode)}`)} /${digit} Hx,Ux,Ib`,
      mapParts((t, part, count) => shiftBy(t, part, count, bits, shift, arithmetic)),
      avx,
    );
  }
  for (const [name, digit, left] of [
    ["vpsrldq", 3, false],
    ["vpslldq", 7, true],
  ] as const) {
    define(
      name,
      `${vexRow(length, "66 0F 73")} /${digit} Hx,Ux,Ib`,
      mapParts((_t, part, count) => shiftBytes(part, count, left)),
      avx,
    );
  }
}
