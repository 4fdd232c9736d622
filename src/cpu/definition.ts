/** The registry of instructions: each is defined once, as rows of opcodes and a description of its effect. */
import { type OpcodeRow, parseRow } from "./operand-forms.ts";
import type { Operand, Tier } from "./tier.ts";

/** Describes an instruction's effect to a tier. Operands come in the order of the row. */
export type Semantics = (t: Tier, ...operands: Operand[]) => void;

export interface Attributes {
  /** #UD outside of 64-bit mode. */
  readonly only64?: boolean;
  /** #UD in 64-bit mode. */
  readonly not64?: boolean;
  /** The operand size is 64 bits in 64-bit mode unless a 66 prefix makes it 16. */
  readonly default64?: boolean;
  /** The operand size is 64 bits in 64-bit mode, whatever the prefixes. */
  readonly force64?: boolean;
  /** The LOCK prefix is allowed when the first operand is memory. */
  readonly lock?: boolean;
  /** Nothing follows it in a block. */
  readonly ends?: boolean;
  /** The 66 of the row is the operand size prefix, too. */
  readonly sizeBy66?: boolean;
  /** F2 and F3 are repeat prefixes. */
  readonly string?: boolean;
  /** #GP(0) unless CPL is 0. */
  readonly privileged?: boolean;
  /** #UD in real and virtual-8086 mode. */
  readonly protectedOnly?: boolean;
  /** The index register of the memory operand is an XMM register. */
  readonly vsib?: boolean;
  /** #UD if CR0.EM, #NM if CR0.TS: "sse" also needs CR4.OSFXSR; "avx" needs CR4.OSXSAVE and XCR0 instead; "xsave" is #NM only if CR0.TS; "x87" and "mmx" report pending exceptions (#MF). */
  readonly unit?: "sse" | "avx" | "x87" | "x87control" | "xsave" | "mmx" | "wait";
}

/** One row of one instruction. `id` is its place in the table. */
export interface Definition {
  readonly id: number;
  readonly name: string;
  readonly row: OpcodeRow;
  readonly semantics: Semantics;
  readonly attributes: Attributes;
}

const table: Definition[] = [];

/** Every row of every instruction defined so far. */
export const definitions: readonly Definition[] = table;

/** Defines an instruction: its rows (see operand-forms.ts), its effect, and what else the decoder must know. */
export function define(
  name: string,
  rows: string | readonly string[],
  semantics: Semantics,
  attributes: Attributes = {},
): void {
  for (const text of typeof rows === "string" ? [rows] : rows)
    for (const row of parseRow(text)) table.push({ id: table.length, name, row, semantics, attributes });
}
