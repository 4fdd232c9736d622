/**
 * Damaged disks in the machine: every rule of the superblock and damage made from seeds. Every case is refused or read,
 * the answers are Linux 6.1's where linux-6.1-damage.txt has them (scripts/btrfs-damage.ts asked it), nothing stays allocated.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DamageMaker, formatCases, seededRandom, superblockCases } from "../../src/btrfs-model/host/damage.ts";
import { loadImage } from "../../src/btrfs-model/host/volume.ts";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine, userProgram } from "../kernel/guest.ts";

const root = join(import.meta.dirname, "../..");
const missing = missingForGuest();
if (missing !== undefined) console.log(`skipped: damaged disks in the guest need ${missing}`);
const withoutClang = missing !== undefined || spawnSync("clang", ["--version"]).error !== undefined;
if (withoutClang) console.log("skipped: the error exits of open_ctree need clang");

test("the same seed makes the same damage, and leaves the image it is made from alone", () => {
  const image = loadImage(join(import.meta.dirname, "disks/crc32c.img.gz"));
  const before = Buffer.from(image.bytes);
  const cases = (): string => {
    const maker = new DamageMaker(image);
    return formatCases([1, 2, 3, 40].map((seed) => maker.random(seed)));
  };
  expect(cases()).toBe(cases());
  expect(before.equals(image.bytes)).toBe(true);
  const random = seededRandom(5);
  for (let i = 0; i < 100; i++) expect(random(7)).toBeLessThan(7);
});

describe.skipIf(missing !== undefined)("damaged disks", () => {
  test("have the answers that Linux gives, or the errno that it masks with EINVAL", async () => {
    const image = loadImage(join(import.meta.dirname, "disks/crc32c.img.gz"));
    const maker = new DamageMaker(image);
    const cases = [...superblockCases(maker), ...Array.from({ length: 150 }, (_, i) => maker.random(i + 1))];
    const scratch = mkdtempSync(join(tmpdir(), "damage-"));
    try {
      writeFileSync(join(scratch, "cases"), formatCases(cases));
      const { output, exitCode } = runInMachine({
        files: { "/bin/mount-damaged": userProgram("mount-damaged"), "/cases": join(scratch, "cases") },
        exec: "/bin/mount-damaged /cases /dev/vda /mnt",
        options: "loglevel=1",
        disk: await Disk.fromBytes(image.bytes),
      });
      expect(exitCode).toBe(0);
      expect(output).toContain("end of cases\n");
      expect(output).not.toMatch(/left allocated|BUG|umount|leak/);
      const answers = new Map([...output.matchAll(/^([-\w]+): (.*)$/gm)].map(([, name, answer]) => [name, answer]));
      const linux = readFileSync(join(import.meta.dirname, "linux-6.1-damage.txt"), "utf8")
        .trim()
        .split("\n");
      expect(linux.length).toBe(cases.length);
      for (const line of linux) {
        const [name, answer] = line.split(": ");
        // A zoned file system is refused here.
        if (name === "incompat-zoned") continue;
        if (answer === "mount 22") expect(answers.get(name), name).toMatch(/^mount /);
        else expect(answers.get(name), name).toBe(answer);
      }
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

test.skipIf(withoutClang)(
  "each error exit of open_ctree gives its errno, nothing stays, the next mount works",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "exits-"));
    try {
      const object = join(scratch, "exits.o");
      const source = join(root, "images/btrfs-error-exits/btrfs-error-exits.bpf.c");
      const include = ["-idirafter", "/usr/include/x86_64-linux-gnu"];
      execFileSync("clang", ["-O2", "-g", "-target", "bpf", ...include, "-c", source, "-o", object]);
      const { output, exitCode } = runInMachine({
        files: { "/bin/btrfs-exits": userProgram("btrfs-exits"), "/exits.o": object },
        exec: "/bin/btrfs-exits /exits.o /dev/vda /mnt",
        options: "loglevel=1",
        disk: await Disk.fromBytes(loadImage(join(root, "images/disks/btrfs.img.gz")).bytes),
      });
      expect(output).not.toContain("expected:");
      expect(output).toContain("0 not as expected; objects left allocated: 0\n");
      expect(output.split("\n").length).toBeGreaterThan(38);
      expect(exitCode).toBe(0);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  },
);
