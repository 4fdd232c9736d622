/**
 * The kernel half of the btrfs model, compiled for this machine with sanitizers: reads every disk like the TypeScript
 * reader, survives the failure of each allocation and each read without leaving anything behind, and survives damage.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { editSuperblock, editTreeBlock } from "../../src/btrfs-model/host/edit.ts";
import { FileTree, isDirectory, isRegular, isSymbolicLink } from "../../src/btrfs-model/host/files.ts";
import { superblockField, treeId } from "../../src/btrfs-model/host/format.ts";
import { loadImage, type MemoryImage, Volume } from "../../src/btrfs-model/host/volume.ts";

const root = join(import.meta.dirname, "../..");
const native = join(import.meta.dirname, "native");
const disks = join(import.meta.dirname, "disks");
const names = readdirSync(disks).map((name) => basename(name, ".img.gz"));
const missing = spawnSync("gcc", ["--version"]).error !== undefined;
if (missing) console.log("skipped: the native btrfs tests need gcc");

let scratch = "";
let program = "";

function build(): void {
  const sanitize = ["-fsanitize=address,undefined", "-fno-sanitize=alignment", "-fno-sanitize-recover=undefined"];
  const kernel = [
    "-std=gnu11",
    "-ffreestanding",
    "-fno-strict-aliasing",
    "-fwrapv",
    "-I",
    join(root, "src/kernel/include"),
  ];
  const sources = [
    ...readdirSync(join(root, "src/btrfs-model")).map((name) => join(root, "src/btrfs-model", name)),
    ...readdirSync(join(root, "src/kernel/crypto")).map((name) => join(root, "src/kernel/crypto", name)),
    join(root, "src/kernel/block/bio.c"),
    join(root, "src/kernel/block/buffer.c"),
    join(native, "vfs.c"),
  ].filter((name) => name.endsWith(".c"));
  const objects = sources.map((source) => {
    const object = join(scratch, `${basename(source)}.o`);
    const flags = ["-O1", "-g", "-w", "-fno-pie", ...sanitize, ...kernel, "-include", join(native, "prefix.h")];
    execFileSync("gcc", [...flags, "-c", source, "-o", object]);
    return object;
  });
  program = join(scratch, "native");
  execFileSync("gcc", ["-O1", "-g", "-no-pie", ...sanitize, join(native, "host.c"), ...objects, "-o", program]);
}

/** Runs the program on an image; its output, whatever it said. */
function run(image: MemoryImage, ...rest: string[]): { status: number | null; output: string } {
  const path = join(scratch, "image");
  writeFileSync(path, image.bytes);
  const { status, stdout, stderr } = spawnSync(program, [path, ...rest], { encoding: "utf8", timeout: 60_000 });
  return { status, output: stdout + stderr };
}

function fnv(bytes: Uint8Array): string {
  let hash = 14695981039346656037n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 1099511628211n);
  return hash.toString(16).padStart(16, "0");
}

const disk = (name: string): MemoryImage => loadImage(join(disks, `${name}.img.gz`));

describe.skipIf(missing)("native btrfs", () => {
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "btrfs-native-"));
    build();
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each(names)("%s: both readers agree on every file", (name) => {
    const image = disk(name);
    const files = new FileTree(new Volume(image));
    const expected = [...files.walk()]
      .filter(({ inode }) => !isDirectory(inode))
      .map(({ path, inode }) => `${path} ${inode.mode.toString(8)} ${inode.size} 0 ${fnv(files.read(inode))}`);
    const { status, output } = run(image, "read");
    expect(output.split("\n").filter((line) => line.startsWith("/"))).toEqual(expected);
    expect(output).toContain("mount 0");
    expect(status).toBe(0);
  });

  test("subvolumes, snapshots, shared extents and colliding names that Linux made: both readers agree on every file", () => {
    const image = loadImage(join(import.meta.dirname, "linux-disks/subvolumes.img.gz"));
    const files = new FileTree(new Volume(image));
    const expected = [...files.walk()]
      .filter(({ path, inode }) => (isRegular(inode) || isSymbolicLink(inode)) && path !== "/compressed")
      .map(({ path, inode }) => `${path} ${inode.mode.toString(8)} ${inode.size} 0 ${fnv(files.read(inode))}`);
    const { status, output } = run(image, "read");
    const read = output.split("\n").filter((line) => line.startsWith("/"));
    expect(read.filter((line) => !line.startsWith("/compressed"))).toEqual(expected);
    expect(output).toMatch(/compressed extents are not supported: root 5 ino \d+ off 0 compression 3/);
    expect(output).toMatch(/\/compressed 100644 \d+ -95 /);
    expect(status).toBe(0);
    expect(run(image, "read", "subvol=origin/inner-read-only").output).toContain("/dir/file 100644 7 0");
    expect(run(image, "read", "subvol=many").output).toContain("'many' is not a valid subvolume");
    expect(run(image, "read", "subvol=absent").output).toContain("mount -2\n");
  });

  test("each failing allocation gives ENOMEM and leaves nothing behind", () => {
    const { status, output } = run(disk("crc32c"), "fail-each-allocation");
    expect(output).toMatch(/^allocation: 1\d\d\n$/);
    expect(status).toBe(0);
  });

  test("each failing read gives EIO and leaves nothing behind", () => {
    const { status, output } = run(disk("crc32c"), "fail-each-read");
    expect(output).toMatch(/^read: \d+\n$/);
    expect(status).toBe(0);
  });

  test.each(["crc32c", "nodes-4k"])("%s: damaged images are refused or read, never trusted", (name) => {
    const { status, output } = run(disk(name), "fuzz", name === "crc32c" ? "3000" : "150", "1");
    expect(output).not.toMatch(/FAILED|Sanitizer|runtime error/);
    expect(status).toBe(0);
  });

  describe("refuses with Linux's errno and message", () => {
    const superblock = (change: (view: DataView) => void): string => {
      const image = disk("crc32c");
      editSuperblock(image, change);
      return run(image, "read").output;
    };
    const field = superblockField;
    const cases: readonly [string, (view: DataView) => void, string, number][] = [
      ["bad magic", (v) => v.setUint8(field.magic, 0), "mount", -22],
      [
        "unknown incompat bits",
        (v) => v.setBigUint64(field.incompat, 1n << 40n, true),
        "cannot mount because of unknown incompat features (0x10000000000)",
        -22,
      ],
      [
        "unknown compat_ro bits",
        (v) => v.setBigUint64(field.compatRo, 1n << 40n, true),
        "cannot mount read-write because of unknown compat_ro features (0x10000000000)",
        -22,
      ],
      [
        "a checksum type that does not exist",
        (v) => v.setUint16(field.checksumType, 9, true),
        "unsupported checksum algorithm: 9",
        -22,
      ],
      ["a level of eight", (v) => v.setUint8(field.rootLevel, 8), "tree_root level too big: 8 >= 8", -22],
      [
        "sectors of 8 KiB",
        (v) => v.setUint32(field.sectorSize, 8192, true),
        "sectorsize 8192 not yet supported for page size 4096",
        -22,
      ],
      ["nodes of odd size", (v) => v.setUint32(field.nodeSize, 20000, true), "invalid nodesize 20000", -22],
      ["no devices", (v) => v.setBigUint64(field.deviceCount, 0n, true), "number of devices is 0", -22],
      ["few bytes used", (v) => v.setBigUint64(field.bytesUsed, 1n, true), "bytes_used is too small 1", -22],
      [
        "an empty chunk array",
        (v) => v.setUint32(field.systemChunkArraySize, 0, true),
        "system chunk array too small 0 < 97",
        -22,
      ],
      [
        "a chunk array that is cut",
        (v) => v.setUint32(field.systemChunkArraySize, 100, true),
        "sys_array too short to read",
        -5,
      ],
      ["a log", (v) => v.setBigUint64(field.logRoot, 30408704n, true), "failed to read log tree", -22],
      ["a missing tree root", (v) => v.setBigUint64(field.root, 0n, true), "open_ctree failed: -22", -22],
    ];
    test.each(cases)("%s", (_, change, message, errno) => {
      const output = superblock(change);
      expect(output).toContain(message);
      expect(output).toContain(`mount ${errno}\n`);
    });

    test("a superblock whose checksum is wrong", () => {
      const image = disk("crc32c");
      image.bytes[0x10000 + field.generation] ^= 1;
      const { output } = run(image, "read");
      expect(output).toContain("<3>BTRFS error (device vda): superblock checksum mismatch\n");
      expect(output).toContain("<3>BTRFS error (device vda): open_ctree failed: -22\n");
    });
  });

  test("a tree root that is damaged can be had from a backup root", () => {
    const image = disk("crc32c");
    const { rootTree } = new Volume(image);
    editTreeBlock(image, rootTree.bytenr, (_, bytes) => bytes.fill(0, 200, 300), { repair: false });
    expect(run(image, "read").output).toContain("mount -5\n");
    const { output } = run(image, "read", "usebackuproot");
    expect(output).toContain("try to load backup roots slot 1");
  });

  test("a bad copy of a tree block is made good by the other mirror", () => {
    const image = loadImage(join(root, "images/disks/btrfs.img.gz"));
    const { bytenr } = new Volume(image).root(treeId.filesystem);
    editTreeBlock(image, bytenr, (_, bytes) => bytes.fill(0, 200, 300), { mirrors: [0], repair: false });
    const { output } = run(image, "read");
    expect(output).toContain("mount 0\n");
    expect(output).toMatch(/checksum verify failed on logical \d+ mirror 1 wanted 0x\w{8} found 0x\w{8} level 0/);
    expect(output).toContain("/hello.txt 100644 18 0");
  });

  test("a file whose data does not match its checksum is not given out", () => {
    const image = disk("crc32c");
    const files = new FileTree(new Volume(image));
    const extent = [...files.extents(files.resolve("/lines.txt"))][0];
    image.bytes[files.volume.physicalAddresses(extent.logical, 4096)[0]] ^= 1;
    const { output } = run(image, "read");
    expect(output).toMatch(/csum failed root 5 ino \d+ off 0 csum 0x\w{8} expected csum 0x\w{8} mirror 1/);
    expect(output).toMatch(/\/lines.txt 100644 60000 -5/);
  });
});
