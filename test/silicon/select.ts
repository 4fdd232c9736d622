/** Which cases a session runs: from options to a list that the same options give again. */
import type { TestCase } from "./case.ts";
import { makeCase, prefixedOpcode } from "./generate.ts";
import type { CodeBits } from "./segments.ts";
import { type Family, type Template, templates } from "./templates.ts";

export interface Selection {
  /** Name of an instruction, an opcode as reports show it, or a family (integer, sse, mmx, x87). */
  readonly only?: string;
  /** Width of the code segment: some instructions are there in 64-bit mode only, some in all others. */
  readonly bits: CodeBits;
  /** Families to leave out. */
  readonly without?: readonly Family[];
}

/** The templates that a selection names. Throws if there is none. */
export function selectTemplates({ only, bits, without = [] }: Selection): readonly Template[] {
  const chosen = templates.filter(
    (template) =>
      !without.includes(template.family) &&
      !template.attributes.has(bits === 64 ? "not64" : "only64") &&
      (only === undefined || [template.name, template.family, prefixedOpcode(template)].includes(only)),
  );
  if (chosen.length === 0) {
    throw new Error(`--only ${only}: no such instruction, opcode or family (for example: add, 66:0fd4, sse)`);
  }
  return chosen;
}

/** Case `index` of a session: templates take turns, and the seed of a case tells everything else. */
export function sessionCase(chosen: readonly Template[], seed: number, index: number, bits: CodeBits): TestCase {
  return makeCase(chosen[index % chosen.length], seed * 0x1_0000_0000 + index, bits);
}
