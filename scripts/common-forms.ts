/**
 * Collects the instruction forms that guests use into src/cpu/tier0/common-forms.ts: they are compiled in one batch when a
 * processor is made, since a module apart for each costs much more.
 *
 *     npx tsx scripts/common-forms.ts KERNEL.elf... [--instructions N]
 *
 * Runs each ELF file and adds what it used to what is there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { commonForms } from "../src/cpu/tier0/common-forms.ts";
import { definitions } from "../src/cpu/definition.ts";
import { loadPvh } from "../src/machine/boot/pvh.ts";
import { Machine } from "../src/machine/machine.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { instructions: { type: "string", default: "300000000" } },
});

const known = new Set(definitions.map(({ row }) => `${row.text}#${row.condition}`));
const forms = new Set(commonForms.filter((form) => known.has(form.split("|")[0])));
for (const path of positionals) {
  const machine = new Machine({ memory: 512 * 2 ** 20 });
  loadPvh(machine.cpu, { kernel: readFileSync(path), name: path, commandLine: "" });
  const stop = machine.run({ instructions: Number(values.instructions) });
  for (const form of machine.cpu.compiledForms()) forms.add(form);
  console.log(`${path}: ${stop.reason}, ${machine.cpu.compiledForms().length} forms`);
}
const header = `/**
 * The instruction forms that ordinary guests use, compiled in one batch at the start: opcode row, operand size, memory form,
 * address size, mode, stack size, repeat prefix. Written by scripts/common-forms.ts; any subset would do.
 */
export const commonForms: readonly string[] = \`
`;
writeFileSync("src/cpu/tier0/common-forms.ts", `${header}${[...forms].sort().join("\n")}\n\`.trim().split("\\n");\n`);
