/**
 * Makes the small btrfs disks of the images and tests with mkfs.btrfs, and makes them the same on every run. Needs
 * btrfs-progs 6.2 (Debian 12) and a tmpfs at /dev/shm, where directories are listed in a known order.
 *
 *   npx tsx scripts/btrfs-disks.ts              all of them
 *   npx tsx scripts/btrfs-disks.ts --check      makes them and fails if what is checked in differs
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { normalizeImage } from "../src/btrfs-model/host/normalize.ts";
import { MemoryImage } from "../src/btrfs-model/host/volume.ts";

type Entry =
  | { readonly path: string; readonly content: Uint8Array | string; readonly mode?: number }
  | { readonly path: string; readonly directory: true }
  | { readonly path: string; readonly link: string }
  /** A file with a hole from `content` up to `size`. */
  | { readonly path: string; readonly content: string; readonly size: number };

interface Disk {
  readonly output: string;
  readonly label: string;
  readonly fsid: string;
  readonly options: readonly string[];
  readonly megabytes: number;
  readonly entries: readonly Entry[];
}

/** Numbered lines: text that shows at a glance which part of a file one sees. */
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `line ${String(i + 1).padStart(6, "0")}\n`).join("");

const basicFiles: readonly Entry[] = [
  { path: "hello.txt", content: "Hello from btrfs.\n" },
  { path: "lines.txt", content: lines(5000) },
  { path: "empty", content: "" },
  { path: "run.sh", content: "#!/bin/sh\necho hi\n", mode: 0o755 },
  { path: "directory", directory: true },
  { path: "directory/inner.txt", content: "inner\n" },
  { path: "directory/deeper", directory: true },
  { path: "directory/deeper/page.txt", content: lines(342).slice(0, 4096) },
  { path: "link", link: "directory/inner.txt" },
  { path: "sparse", content: "start of a file with a hole\n", size: 1_000_000 },
];

const manyFiles: readonly Entry[] = [
  { path: "many", directory: true },
  ...Array.from({ length: 1000 }, (_, i) => ({ path: `many/file-${String(i).padStart(4, "0")}`, content: `${i}\n` })),
];

const small = { megabytes: 64, options: ["-m", "single", "-d", "single"] } as const;

const disks: readonly Disk[] = [
  {
    output: "images/disks/btrfs.img.gz",
    label: "enomem",
    fsid: "e0000000-0000-4000-8000-000000000001",
    options: [],
    megabytes: 109,
    entries: basicFiles,
  },
  ...(["crc32c", "xxhash", "sha256", "blake2"] as const).map((checksum, i) => ({
    ...small,
    output: `test/btrfs-model/disks/${checksum}.img.gz`,
    label: checksum,
    fsid: `e0000000-0000-4000-8000-00000000001${i}`,
    options: [...small.options, "--csum", checksum],
    entries: basicFiles,
  })),
  {
    ...small,
    output: "test/btrfs-model/disks/nodes-4k.img.gz",
    label: "multi-level",
    fsid: "e0000000-0000-4000-8000-000000000020",
    options: [...small.options, "-n", "4096"],
    entries: [...basicFiles, ...manyFiles],
  },
  {
    ...small,
    output: "test/btrfs-model/disks/nodes-64k.img.gz",
    label: "large nodes",
    fsid: "e0000000-0000-4000-8000-000000000021",
    options: [...small.options, "-n", "65536"],
    entries: [...basicFiles, ...manyFiles],
  },
];

const uuid = (last: number): Uint8Array => Uint8Array.of(0xe0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 1, last);

function makeTree(root: string, entries: readonly Entry[]): void {
  mkdirSync(root);
  chmodSync(root, 0o755);
  for (const entry of entries) {
    const path = join(root, entry.path);
    if ("directory" in entry) {
      mkdirSync(path);
      chmodSync(path, 0o755);
    } else if ("link" in entry) symlinkSync(entry.link, path);
    else {
      writeFileSync(path, entry.content);
      chmodSync(path, "mode" in entry && entry.mode !== undefined ? entry.mode : 0o644);
      if ("size" in entry) truncateSync(path, entry.size);
    }
  }
}

/** The disk's bytes, not compressed. */
function makeDisk(disk: Disk): Uint8Array {
  const scratch = mkdtempSync("/dev/shm/btrfs-disk-");
  try {
    const image = join(scratch, "image");
    makeTree(join(scratch, "root"), disk.entries);
    writeFileSync(image, "");
    truncateSync(image, disk.megabytes * 1024 * 1024);
    const options = [...disk.options, "-L", disk.label, "-U", disk.fsid, "--rootdir", join(scratch, "root"), image];
    execFileSync("mkfs.btrfs", ["-q", ...options], { stdio: ["ignore", "ignore", "pipe"] });
    const bytes = new MemoryImage(new Uint8Array(readFileSync(image)));
    normalizeImage(bytes, {
      deviceUuid: uuid(1),
      chunkTreeUuid: uuid(2),
      subvolumeUuid: uuid(3),
      time: 1_500_000_000n,
    });
    return bytes.bytes;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (spawnSync("mkfs.btrfs", ["--version"]).error !== undefined) {
  console.error("btrfs-disks: mkfs.btrfs is missing (Debian package btrfs-progs)");
  process.exit(1);
}
const check = process.argv.includes("--check");
const names = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
let differences = 0;
for (const disk of disks) {
  if (names.length > 0 && !names.some((name) => disk.output.includes(name))) continue;
  const path = join(import.meta.dirname, "..", disk.output);
  const bytes = makeDisk(disk);
  if (check) {
    const same = existsSync(path) && Buffer.compare(gunzipSync(readFileSync(path)), bytes) === 0;
    if (!same) differences++;
    console.log(`${disk.output}: ${same ? "same" : "DIFFERENT"}`);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    const compressed = gzipSync(bytes, { level: 9 });
    writeFileSync(path, compressed);
    console.log(`${disk.output}: ${bytes.length} bytes, ${compressed.length} compressed`);
  }
}
process.exitCode = differences === 0 ? 0 : 1;
