import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareOutcomes, prepareDisassembler } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { isTolerated } from "./exceptions.ts";
import { Random } from "./random.ts";
import { oneLine } from "./shrink.ts";
import { baseMemory } from "./state.ts";
import { readVectors } from "./vectors.ts";

const folder = fileURLToPath(new URL("vectors/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".gz"));

describe("recorded outcomes of the real processor", () => {
  // Each case is a module of its own in tier 1: a few of every form show whether the form is right.
  const runs = files.flatMap((name) => [
    { name, tier: 0, every: 1, label: "tier 0" } as const,
    { name, tier: 1, every: name.startsWith("64") ? 23 : 59, label: "tier 1" } as const,
  ]);
  it.each(runs)("$name at $label: the emulated processor does the same", async ({ name, tier, every }) => {
    await prepareDisassembler();
    const emulator = new Emulator(baseMemory(new Random(1)), { tier });
    const failures = new Map<string, string>();
    const vectors = [...readVectors(folder + name)].filter((_, index) => index % every === 0);
    emulator.prepare(vectors.map(({ test }) => test));
    for (const { test, expected } of vectors) {
      const got = emulator.run(test);
      const differences = compareOutcomes(expected, got, test.bits);
      if (isTolerated(test, got, differences)) continue;
      if (!failures.has(test.name)) failures.set(test.name, oneLine(test, differences));
    }
    expect([...failures.values()].slice(0, 5).join("\n\n"), `${failures.size} instruction forms differ`).toBe("");
  });
});
