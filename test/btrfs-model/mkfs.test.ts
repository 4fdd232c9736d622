/** Disks that mkfs.btrfs of this host makes in the forms that are too large to keep: both readers agree on every file. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FileTree, isDirectory, isRegular } from "../../src/btrfs-model/host/files.ts";
import { FileImage, Volume } from "../../src/btrfs-model/host/volume.ts";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine, userProgram } from "../kernel/guest.ts";

const mkfs =
  spawnSync("mkfs.btrfs", ["--version"]).error === undefined ? [] : ["mkfs.btrfs (Debian package btrfs-progs)"];
const missing = [missingForGuest(), ...mkfs].filter((tool) => tool !== undefined).join(", ");
if (missing !== "") console.log(`skipped: disks made by mkfs.btrfs need ${missing}`);

interface Case {
  readonly name: string;
  readonly megabytes: number;
  readonly options: readonly string[];
  readonly files: number;
}

const cases: readonly Case[] = [
  { name: "10,000 files in a directory", megabytes: 256, options: ["-n", "4096"], files: 10_000 },
  { name: "1 GiB, sparse", megabytes: 1024, options: ["--csum", "xxhash"], files: 20 },
  { name: "nodes of 8 KiB, sha256", megabytes: 128, options: ["-n", "8192", "--csum", "sha256"], files: 500 },
  { name: "nodes of 32 KiB, blake2", megabytes: 128, options: ["-n", "32768", "--csum", "blake2"], files: 500 },
];

const others: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["mixed groups are read", ["--mixed"], /^f +2 \w{8} \/mnt\/d\/file-1$/m],
  ["two copies of everything are read", ["-m", "dup", "-d", "dup"], /^f +2 \w{8} \/mnt\/d\/file-1$/m],
];

/** Runs mount-and-read on a disk that mkfs.btrfs makes of a directory d with this many files. */
async function mountMade(made: Case): Promise<{ output: string; exitCode: number | undefined; files: string[] }> {
  const scratch = mkdtempSync(join(tmpdir(), "mkfs-"));
  try {
    const path = join(scratch, "image");
    mkdirSync(join(scratch, "root/d"), { recursive: true });
    for (let i = 0; i < made.files; i++)
      writeFileSync(join(scratch, "root/d", `file-${i}`), i % 10 === 7 ? "x".repeat(5000 + i) : `${i}\n`);
    writeFileSync(path, "");
    truncateSync(path, made.megabytes << 20);
    execFileSync("mkfs.btrfs", ["-q", ...made.options, "--rootdir", join(scratch, "root"), path], { stdio: "pipe" });
    const image = new FileImage(path);
    const tree = new FileTree(new Volume(image));
    const files = [...tree.walk()]
      .filter(({ inode }) => isRegular(inode) && !isDirectory(inode))
      .map(({ path: file, inode }) => `${inode.size} /mnt${file}`);
    image.close();
    const { output, exitCode } = runInMachine({
      files: { "/bin/mount-and-read": userProgram("mount-and-read") },
      exec: "/bin/mount-and-read /dev/vda /mnt",
      options: "loglevel=4",
      disk: await Disk.fromFile(path),
    });
    return { output, exitCode, files };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

describe.skipIf(missing !== "")("disks of mkfs.btrfs", () => {
  test.each(cases)("$name", async (made) => {
    const { output, exitCode, files } = await mountMade(made);
    const read = [...output.matchAll(/^f +(\d+) \w{8} (\S+)$/gm)].map(([, size, path]) => `${size} ${path}`);
    expect(files.length).toBe(made.files);
    expect(read.sort()).toEqual(files.sort());
    expect(exitCode).toBe(0);
  });

  test.each(others)("%s", async (_, options, expected) => {
    const { output } = await mountMade({ name: "", megabytes: 128, options, files: 3 });
    expect(output).toMatch(expected);
  });
});
