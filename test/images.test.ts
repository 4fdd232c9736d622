/** Every image under images/ runs to its end, exits 0 and prints what its console.txt says. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { boot, loadImage, type Machine, readBootSource } from "../src/index.ts";

const directory = join(import.meta.dirname, "../images");
const names = readdirSync(directory)
  .filter((name) => name.endsWith(".bin"))
  .map((name) => name.slice(0, -4));

interface Outcome {
  readonly exitCode: number | undefined;
  readonly console: string;
  readonly instructions: number;
  readonly stateHash: string;
}

async function run(name: string): Promise<Outcome> {
  const { machine }: { machine: Machine } = boot(await readBootSource(join(directory, `${name}.bin`)));
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  const end = machine.run({ instructions: 2_000_000_000 });
  return {
    exitCode: end.reason === "exit" ? end.code : undefined,
    console: Buffer.concat(chunks).toString().replaceAll("\r\n", "\n"),
    instructions: machine.instructions,
    stateHash: machine.stateHash(),
  };
}

test("every recipe has its image checked in", () => {
  const recipes = readdirSync(directory).filter((name) => existsSync(join(directory, name, "image.json")));
  expect(names).toEqual(recipes.sort());
});

describe.each(names)("image %s", (name) => {
  test("exits 0 with the expected console, twice the same", async () => {
    const { expectedConsole } = await loadImage(join(directory, `${name}.bin`));
    const first = await run(name);
    expect(first.console).toBe(expectedConsole);
    expect(first.exitCode).toBe(0);
    expect(await run(name)).toEqual(first);
  });
});
