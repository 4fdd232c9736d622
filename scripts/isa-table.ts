/**
 * Writes docs/isa.md: every opcode form that is defined, with the number of recorded cases of the real processor that it is compared
 * with, and what is not there.
 *
 *     npx tsx scripts/isa-table.ts [--check]
 *
 * `--check` writes nothing and fails if the file is not what would be written.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Decoded, Decoder } from "../src/cpu/decoder.ts";
import { type Definition, definitions } from "../src/cpu/definition.ts";
import "../src/cpu/definitions/index.ts";
import { readVectors } from "../test/silicon/vectors.ts";

const file = fileURLToPath(new URL("../docs/isa.md", import.meta.url));
const vectors = fileURLToPath(new URL("../test/silicon/vectors/", import.meta.url));

/** What has no rows: it raises #UD, and CPUID does not announce it. */
const missing: readonly (readonly [string, string])[] = [
  ["AVX-512 and AVX10", "EVEX-encoded instructions, opmask registers, ZMM registers"],
  ["AVX-VNNI, VAES, VPCLMULQDQ, GFNI", "later extensions of the vector instructions"],
  ["SSE4a, 3DNow!, XOP, FMA4, TBM, LWP", "AMD's own, most of them withdrawn"],
  ["MONITOR, MWAIT, MONITORX, MWAITX, UMWAIT, TPAUSE", "waiting for a write to memory"],
  ["SVM, VMX", "virtualisation"],
  ["CET: shadow stacks, WRSS, SETSSBSY ...", "RDSSP and ENDBR are the NOPs that they are where CET is off"],
  ["TSX, PKU, MPX, SGX, AMX, UINTR, KEYLOCKER, HRESET, SERIALIZE", "not in the model"],
  ["RDPRU, MOVDIRI, MOVDIR64B, ENQCMD, CLDEMOTE, PTWRITE, PCONFIG, INVLPGB", "not in the model"],
];

const mapNames = ["One byte", "0F", "0F 38", "0F 3A"];
const sectionOf = ({ row }: Definition): string => (row.vex ? `VEX, ${mapNames[row.map]}` : mapNames[row.map]);

/** Widths of code segments, in the order of the table's columns. */
const widths = [64, 32, 16] as const;

/** Recorded cases by name and row of the definition that executes them, for each width of the code segment. */
function countCases(): { counts: Map<string, number[]>; total: number } {
  const counts = new Map<string, number[]>();
  const decoder = new Decoder();
  let total = 0;
  for (const name of readdirSync(vectors).filter((entry) => entry.endsWith(".gz"))) {
    for (const { test } of readVectors(vectors + name)) {
      total++;
      if (decoder.decode(test.code, 0, test.code.length, test.bits) !== Decoded.ok) continue;
      const key = keyOf(decoder.definition);
      const entry = counts.get(key) ?? [0, 0, 0];
      entry[widths.indexOf(test.bits)]++;
      counts.set(key, entry);
    }
  }
  return { counts, total };
}
const keyOf = ({ name, row }: Definition): string => `${name}|${row.text}`;

/** Restrictions worth a word. */
function notes({ attributes, row }: Definition): string {
  const words: string[] = [];
  if (attributes.only64) words.push("64-bit mode only");
  if (attributes.not64) words.push("not in 64-bit mode");
  if (attributes.privileged) words.push("CPL 0");
  if (attributes.lock && row.operands[0].place === "rm" && row.operands[0].memory) words.push("LOCK");
  if (attributes.string) words.push("REP");
  return words.join(", ");
}

/** The whole document. */
export function isaTable(): string {
  const { counts, total } = countCases();
  const sections = new Map<string, string[]>();
  const seen = new Set<string>();
  let forms = 0;
  let compared = 0;
  for (const definition of [...definitions].sort(
    (a, b) => (a.row.vex ? 4 : 0) + a.row.map - ((b.row.vex ? 4 : 0) + b.row.map) || a.row.opcode - b.row.opcode,
  )) {
    const key = keyOf(definition);
    if (seen.has(key)) continue;
    seen.add(key);
    const cases = counts.get(key) ?? [0, 0, 0];
    forms++;
    if (cases.some((count) => count > 0)) compared++;
    const section = sectionOf(definition);
    const lines = sections.get(section) ?? [];
    lines.push(
      `| \`${definition.row.text}\` | ${definition.name} | ${cases.map((count) => count || "").join(" | ")} | ${notes(definition)} |`,
    );
    sections.set(section, lines);
  }
  return [
    "# Instructions",
    "",
    "<!-- Written by scripts/isa-table.ts; `npm test` checks that it is up to date. -->",
    "",
    `${forms} opcode forms are defined; ${compared} of them occur in the ${total} recorded cases that \`npm test\` compares with`,
    "a real processor: in 64-bit user mode, and in compatibility mode with 32- and 16-bit code segments",
    "([test/silicon](../test/silicon/README.md)). What has no cases there is privileged or taken away by Linux, and is tested in",
    "`test/cpu` and `test/system`. The notation of forms is that of [instructions.md](instructions.md).",
    "",
    "## Not there",
    "",
    "These raise #UD and are not announced by CPUID:",
    "",
    ...missing.map(([what, why]) => `- ${what}: ${why}`),
    "",
    ...[...sections].flatMap(([section, lines]) => [
      `## ${section}`,
      "",
      "| form | instruction | 64-bit | 32-bit | 16-bit | |",
      "| --- | --- | ---: | ---: | ---: | --- |",
      ...lines,
      "",
    ]),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = isaTable();
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error("docs/isa.md is out of date: npx tsx scripts/isa-table.ts");
    process.exitCode = 1;
  }
}
