import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareOutcomes, prepareDisassembler, report } from "./compare.ts";
import { Emulator } from "./emulator.ts";
import { isTolerated } from "./exceptions.ts";
import { Random } from "./random.ts";
import { baseMemory } from "./state.ts";
import { readVectors } from "./vectors.ts";

const folder = fileURLToPath(new URL("vectors/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".gz"));

describe("recorded outcomes of the real processor", () => {
  it.each(files)("%s: the emulated processor does the same", async (name) => {
    await prepareDisassembler();
    const emulator = new Emulator(baseMemory(new Random(1)));
    const failures = new Map<string, string>();
    const vectors = [...readVectors(folder + name)];
    emulator.prepare(vectors.map(({ test }) => test));
    for (const { test, expected } of vectors) {
      const got = emulator.run(test);
      const differences = compareOutcomes(expected, got);
      if (isTolerated(test, got, differences)) continue;
      if (!failures.has(test.name)) failures.set(test.name, report(test, differences));
    }
    expect([...failures.values()].slice(0, 5).join("\n\n"), `${failures.size} instruction forms differ`).toBe("");
  });
});
