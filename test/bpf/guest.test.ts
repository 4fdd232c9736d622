/**
 * bpf(2) in the guest: the same user programs, run by Linux as root, printed `bpf-syscall.txt` and `bpf-execute.txt`. The lines are
 * those of Linux 6.1 (a newer one answers the same to these questions).
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildGuest, missingForGuest, runInMachine, userProgram } from "../kernel/guest.ts";

const missing = missingForGuest();
if (missing !== undefined) console.log(`bpf in the guest: skipped, not installed: ${missing}`);

const recorded = (name: string): string => readFileSync(new URL(`./${name}.txt`, import.meta.url), "utf8");

describe.skipIf(missing !== undefined)("bpf(2) in the guest", () => {
  beforeAll(() => buildGuest(), 300_000);

  it.each([
    ["maps, loading and attribute checks", "bpf", "bpf-syscall"],
    ["instructions and helpers", "bpf-execute", "bpf-execute"],
  ])("%s: as on Linux", (_, program, expected) => {
    const run = runInMachine({ files: { [`/${program}`]: userProgram(`tests/${program}`) }, exec: `/${program}` });
    expect(run).toEqual({ output: recorded(expected), exitCode: 0 });
  });
});
