/** Fault sites and their control file: src/kernel/user/dynamic-fault.c turns them on. (docs/dynamic-fault.md) */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Disk } from "../../src/machine/disk.ts";
import { type GuestResult, missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const image = join(import.meta.dirname, "../../images/disks/btrfs.img.gz");

describe.skipIf(missing !== undefined)("dynamic_fault", () => {
  let run: GuestResult = { output: "", exitCode: undefined };
  /** The lines below a title. */
  const part = (title: string): string[] =>
    (run.output.split(/^== /m).find((text) => text.startsWith(title)) ?? "").split("\n").slice(1, -1);

  beforeAll(async () => {
    const files = { "/dynamic-fault": userProgram("dynamic-fault") };
    run = runInMachine({ files, exec: "/dynamic-fault /dev/vda /mnt", disk: await Disk.fromFile(image) });
  });

  test("every mount ends as it should, and nothing is left", () => {
    expect(run.output).toMatch(/^objects left allocated: 0$/m);
    expect(run.exitCode).toBe(0);
  });

  test("sites are listed in the original's form, all of them off", () => {
    const sites = part("the sites");
    expect(sites.length).toBeGreaterThan(20);
    for (const line of sites) expect(line).toMatch(/^ {2}src\/\S+\.c:\d+ class:\S+ module:\S+ func:\w+ disabled ""$/);
    expect(sites.filter((line) => line.includes(" class:race ")).length).toBe(1);
    expect(sites.filter((line) => line.includes(" class:memory module:btrfs ")).length).toBeGreaterThan(15);
  });

  test("a race that is lost once, or every third time, is handled", () => {
    expect(part("a race").map((line) => line.replace(/c:\d+/, "c:N"))).toEqual([
      "class race oneshot",
      "  mount: succeeds",
      "class race frequency 3",
      "  mount: succeeds",
      '  src/btrfs-model/extent_io.c:N class:race module:btrfs func:alloc_extent_buffer enabled ""',
      "class race frequency 0 disable",
      "  mount: succeeds",
    ]);
  });

  test("a checksum that does not match once costs a copy, always the mount", () => {
    expect(part("in the middle").filter((line) => line.startsWith("  mount"))).toEqual([
      "  mount: succeeds",
      "  mount: Input/output error",
      "  mount: succeeds",
    ]);
  });

  test("each allocation of btrfs fails by itself, and the mount with ENOMEM", () => {
    const outcomes = part("each allocation").map((line) => line.slice(2).split(/ {2,}/)[1] ?? line);
    expect(outcomes.length).toBe(part("the sites").filter((line) => line.includes("class:memory module:btrfs")).length);
    expect(new Set(outcomes)).toEqual(new Set(["not reached", "Cannot allocate memory"]));
    expect(outcomes.filter((outcome) => outcome === "Cannot allocate memory").length).toBeGreaterThan(12);
  });

  test("commands that make no sense are refused", () => {
    const refusals = part("commands").map((line) => line.trim());
    expect(refusals.filter((line) => line.endsWith("accepted"))).toEqual([]);
    expect(refusals.slice(0, 2)).toEqual([
      "func no_such_function enable: No such file or directory",
      "class race: Invalid argument",
    ]);
  });
});
