/**
 * Collects the instruction forms that guests use into src/cpu/tier0/common-forms.ts: they are compiled in one batch when a
 * processor is made, since a module apart for each costs much more.
 *
 *     npx tsx scripts/common-forms.ts IMAGE... [--file GUEST=HOST] [--exec 'CMD ARGS'] [--instructions N]
 *
 * Runs each image or bare ELF file and adds what it used to what is there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { definitions } from "../src/cpu/definition.ts";
import { commonForms } from "../src/cpu/tier0/common-forms.ts";
import { boot, readBootSource } from "../src/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    instructions: { type: "string", default: "300000000" },
    file: { type: "string", multiple: true, default: [] },
    exec: { type: "string" },
  },
});

const files = new Map(
  values.file.map((pair): [string, { data: Uint8Array; mode: number }] => {
    const [guest, host] = pair.split("=");
    return [guest, { data: readFileSync(host), mode: 0o755 }];
  }),
);
const known = new Set(definitions.map(({ row }) => `${row.text}#${row.condition}`));
const forms = new Set(commonForms.filter((form) => known.has(form.split("|")[0])));
for (const path of positionals) {
  const exec = values.exec === undefined ? {} : { exec: values.exec };
  const { machine } = boot(await readBootSource(path), { files, ...exec });
  const stop = machine.run({ instructions: Number(values.instructions) });
  const before = forms.size;
  for (const form of machine.cpu.compiledForms()) forms.add(form);
  console.log(`${path}: ${stop.reason} after ${machine.instructions} instructions, ${forms.size - before} new forms`);
}
const header = `/**
 * The instruction forms that ordinary guests use, compiled in one batch at the start: opcode row, operand size, memory form,
 * address size, mode, stack size, repeat prefix. Written by scripts/common-forms.ts; any subset would do.
 */
export const commonForms: readonly string[] = \`
`;
writeFileSync(
  "src/cpu/tier0/common-forms.ts",
  `${header}${[...forms].sort().join("\n")}\n\`\n  .trim()\n  .split("\\n");\n`,
);
