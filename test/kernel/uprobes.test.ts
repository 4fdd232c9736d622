/** Uprobes: breakpoints in user programs, and getting over the probed instruction without a trace of it in the results. */
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, runInQemu, userProgram } from "./guest.ts";

const missing = missingForGuest();
const missingQemu = missingForGuest("qemu-system-x86_64");
const run = { files: { "/uprobes": userProgram("tests/uprobes") }, exec: "/uprobes" };

describe.skipIf(missing !== undefined)("uprobes", () => {
  test("a program with probes on every kind of instruction computes what it does without", () => {
    const { output, exitCode } = runInMachine(run);
    expect(output).not.toContain("DIFFERENT");
    expect(output).toContain("recursion: the same, 10 hits");
    expect(exitCode).toBe(0);
  });

  test.skipIf(missingQemu !== undefined)("the same under QEMU", () => {
    expect(runInQemu(run)).toEqual(runInMachine(run));
  });
});
