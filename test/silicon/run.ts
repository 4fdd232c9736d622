/**
 * `npm run silicon -- [options]`: compares the emulated processor with the real one on random cases and prints what differs.
 * See README.md in this folder. Ends with status 1 if anything differs.
 */
import { Command, InvalidArgumentError } from "commander";
import type { TierChoice } from "../../src/cpu/index.ts";
import type { Outcome, TestCase } from "./case.ts";
import { compareOutcomes, type Difference, prepareDisassembler } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { isTolerated } from "./exceptions.ts";
import { prefixedOpcode } from "./generate.ts";
import { Processor } from "./processor.ts";
import { Random } from "./random.ts";
import type { CodeBits } from "./segments.ts";
import { selectTemplates, sessionCase } from "./select.ts";
import { sequenceCase } from "./sequence.ts";
import { oneLine, shrink } from "./shrink.ts";
import { baseMemory } from "./state.ts";
import type { Family } from "./templates.ts";
import { recordVectors } from "./vectors.ts";
import { walkCase } from "./walk.ts";

const batchSize = 2000;

interface Options {
  readonly cases: number;
  readonly only?: string;
  readonly without: readonly Family[];
  readonly seed: number;
  readonly first: number;
  readonly show: number;
  readonly walk?: boolean | string;
  readonly sequence?: boolean;
  readonly list?: boolean;
  readonly record?: string;
  readonly tier: TierChoice;
  readonly bits: CodeBits;
}

/** Number of failing cases and examples, by instruction form. */
class Tally {
  readonly #failures = new Map<string, { count: number; shown: string[] }>();
  compared = 0;
  failed = 0;

  /** Counts a case. True: it differs, and is one of the first of its form. */
  add(test: TestCase, differs: boolean, show: number): boolean {
    this.compared++;
    if (!differs) return false;
    this.failed++;
    const entry = this.#failures.get(test.name) ?? { count: 0, shown: [] };
    this.#failures.set(test.name, entry);
    return ++entry.count <= show;
  }

  show(test: TestCase, line: string): void {
    this.#failures.get(test.name)?.shown.push(line);
  }

  print(): void {
    const entries = [...this.#failures].sort((a, b) => a[1].count - b[1].count);
    for (const [, { shown }] of entries) for (const text of shown) console.log(text);
    for (const [name, { count }] of entries) console.log(`${String(count).padStart(7)}  ${name}`);
    console.log(`${this.compared} cases compared, ${this.failed} differ (${this.#failures.size} instruction forms)`);
  }
}

async function main(options: Options): Promise<void> {
  const chosen = selectTemplates({
    bits: options.bits,
    ...(options.only ? { only: options.only } : {}),
    without: options.without,
  });
  if (options.list) {
    for (const template of chosen) console.log(`${template.family} ${template.name} ${prefixedOpcode(template)}`);
    return;
  }
  if (options.record) {
    await recordVectors(options.record, options.seed, options.cases, options.bits);
    return;
  }
  await prepareDisassembler();
  const memory = baseMemory(new Random(1));
  const processor = new Processor(memory);
  const emulator = new Emulator(memory, { tier: options.tier });
  const tally = new Tally();
  const compare = (test: TestCase, expected: Outcome): readonly Difference[] => {
    const got = emulator.run(test);
    const differences = compareOutcomes(expected, got, test.bits);
    return isTolerated(test, got, differences) ? [] : differences;
  };
  try {
    for (let done = 0; done < options.cases; done += batchSize) {
      const count = Math.min(batchSize, options.cases - done);
      const cases = Array.from({ length: count }, (_, i) => {
        const index = options.first + done + i;
        if (options.walk) return walkCase(options.seed, index, options.bits);
        if (options.sequence) return sequenceCase(options.seed, index, options.bits);
        return sessionCase(chosen, options.seed, index, options.bits);
      });
      emulator.prepare(cases);
      const expected = await processor.run(cases);
      const different = cases.filter((test, i) => tally.add(test, compare(test, expected[i]).length > 0, options.show));
      for (const test of different) {
        const found = await shrink(test, async (simpler) => compare(simpler, (await processor.run([simpler]))[0]));
        tally.show(test, oneLine(found.test, found.differences));
      }
    }
  } finally {
    processor.close();
  }
  tally.print();
  if (tally.failed > 0) process.exitCode = 1;
}

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("Expected a whole number.");
  return value;
};

function parseTier(text: string): TierChoice {
  if (text === "0") return 0;
  if (text === "1") return 1;
  if (text === "mixed") return "mixed";
  throw new InvalidArgumentError("A tier is 0, 1 or mixed.");
}

function parseBits(text: string): CodeBits {
  if (text === "64") return 64;
  if (text === "32") return 32;
  if (text === "16") return 16;
  throw new InvalidArgumentError("Code is 64, 32 or 16 bits wide.");
}

const program = new Command("silicon")
  .description("Compares the emulated processor with the real one.")
  .option("--cases <n>", "number of cases", number, 20_000)
  .option("--only <what>", "instruction (add), opcode (66:0fd4) or family (integer, sse, mmx, x87)")
  .option("--without <families...>", "families to leave out", [])
  .option("--seed <n>", "another seed gives other cases", number, 1)
  .option("--first <n>", "index of the first case", number, 0)
  .option("--show <n>", "examples printed for each instruction form", number, 2)
  .option("--walk [n]", "random bytes instead of known instructions, so many cases")
  .option("--sequence", "several instructions in a row")
  .option("--list", "list the instruction forms and exit")
  .option("--tier <tier>", "what executes: 0, 1 (compiled from the first instruction) or mixed", parseTier, "mixed")
  .option("--bits <n>", "width of the code segment: 64, 32 or 16", parseBits, 64)
  .option("--record <file>", "record what the real processor does into a vector file and exit");

const parsed = program.parse().opts<Options>();
main(typeof parsed.walk === "string" ? { ...parsed, cases: number(parsed.walk) } : parsed).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
});
