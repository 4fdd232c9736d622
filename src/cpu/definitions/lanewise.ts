/**
 * Instructions on whole XMM registers of which AVX has forms with a separate destination, doing the same in each 128-bit lane:
 * each is said once, and defined here in its SSE form; avx-lanewise.ts adds the VEX forms.
 */
import { c64, type Expr } from "../../wasm/index.ts";
import { define } from "../definition.ts";
import type { Tier } from "../tier.ts";
import { immediateByte, readSource } from "./vector-operands.ts";

export interface Lanewise {
  readonly name: string;
  readonly prefix: "NP" | "66" | "F2" | "F3";
  /** With its map: "0F 38 00". */
  readonly opcode: string;
  /** Whether the destination is an operand, too. */
  readonly binary: boolean;
  readonly immediate: boolean;
  /** One lane: the first operand (0 if there is none), the second, the immediate (0). */
  readonly effect: (t: Tier, a: Expr, b: Expr, immediate: Expr) => Expr;
  /** The VEX form also exists with 256 bits. */
  readonly wide: boolean;
  /** How many bits of the immediate belong to the low lane alone; 0: both take all of it. */
  readonly laneBits: number;
}

const list: Lanewise[] = [];
/** What avx-lanewise.ts gives VEX forms. */
export const lanewiseInstructions: readonly Lanewise[] = list;

/** Defines the SSE form. `form`: two letters or three, as in the rows: "VW", "VWI" (one operand), "VHW", "VHWI" (two). */
export function defineLanewise(
  name: string,
  row: string,
  form: "VW" | "VWI" | "VHW" | "VHWI",
  effect: Lanewise["effect"],
  wide = true,
  laneBits = 0,
): void {
  const [prefix, ...opcode] = row.split(" ");
  const binary = form.includes("H");
  const immediate = form.endsWith("I");
  const what = { name, binary, immediate, effect, wide, laneBits };
  list.push({ ...what, prefix: prefix as Lanewise["prefix"], opcode: opcode.join(" ") });
  define(
    name,
    `${row} Vx,Wx${immediate ? ",Ib" : ""}`,
    (t, destination, source, selector) => {
      const b = readSource(t, source);
      const a = binary ? t.let(t.readVector(destination)) : b;
      t.writeVector(destination, effect(t, a, b, immediate ? immediateByte(t, selector) : c64(0)));
    },
    { unit: "sse" },
  );
}
