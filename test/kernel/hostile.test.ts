/** Programs that mean harm, or call the kernel by chance: it lives, without an oops or a warning. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForGuest, runInMachine } from "./guest.ts";

const missing = missingForGuest();

describe.skipIf(missing !== undefined)("a hostile program", () => {
  const directory = mkdtempSync(join(tmpdir(), "hostile-"));
  const program = join(directory, "fuzzer");
  beforeAll(() => {
    const source = join(import.meta.dirname, "hostile/system-call-fuzzer.c");
    execFileSync("gcc", ["-O1", "-w", "-static", "-o", program, source]);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([1, 2])("makes system calls by chance, seed %i", (seed) => {
    const run = runInMachine({
      files: { "/fuzzer": program },
      exec: `/fuzzer ${seed} 30 2000`,
      options: "oops=panic panic_on_warn panic=-1",
    });
    expect(run).toEqual({ output: "alive after many calls\n", exitCode: 0 });
  });
});
