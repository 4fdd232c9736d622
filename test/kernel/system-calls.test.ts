/**
 * System calls: the programs in system-calls/ print in our machine what they printed under Linux 6.1 (linux-6.1.txt, made
 * by record.sh). After each family the kernel's objects are counted again.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine } from "./guest.ts";

const directory = join(import.meta.dirname, "system-calls");

/** The lines of each family, by its name. */
function families(output: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const part of `\n${output}`.split(/\n== /).slice(1)) {
    const [name = "", ...lines] = part.split("\n").map((line) => line.trimEnd());
    found.set(name, lines);
  }
  return found;
}

const diskPath = join(import.meta.dirname, "../../images/disks/btrfs.img.gz");
const missing = missingForGuest();
const linux = families(readFileSync(join(directory, "linux-6.1.txt"), "utf8").trimEnd());

describe.skipIf(missing !== undefined)("system calls as under Linux 6.1", () => {
  let ours = new Map<string, string[]>();
  let leaks = "not run";

  beforeAll(async () => {
    const scratch = mkdtempSync(join(tmpdir(), "system-calls-"));
    try {
      const program = join(scratch, "program");
      const sources = readdirSync(directory).filter((name) => name.endsWith(".c"));
      const paths = sources.map((name) => join(directory, name));
      execFileSync("gcc", ["-O1", "-w", "-static", "-pthread", "-o", program, ...paths]);
      const files = { "/system-calls": program };
      const run = async (exec: string) => runInMachine({ files, exec, disk: await Disk.fromFile(diskPath) }).output;
      ours = families((await run("/system-calls")).trimEnd());
      leaks = await run("/system-calls -k");
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }, 300_000);

  test.each([...linux.keys()])("%s", (family) => {
    expect(ours.get(family)).toEqual(linux.get(family));
  });

  test("leave no object of the kernel's behind", () => {
    expect(leaks).toBe("no objects left\n");
  });
});
