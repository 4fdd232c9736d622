/** The TypeScript reader on disks that mkfs.btrfs made: what is in them, and how it says that a disk is damaged. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { editSuperblock, editTreeBlock } from "../../src/btrfs-model/host/edit.ts";
import { FileTree, isDirectory, isRegular, isSymbolicLink } from "../../src/btrfs-model/host/files.ts";
import { superblockField, treeId } from "../../src/btrfs-model/host/format.ts";
import { loadImage, MemoryImage, Volume } from "../../src/btrfs-model/host/volume.ts";

const disks = join(import.meta.dirname, "disks");
const disk = (name: string): MemoryImage => loadImage(join(disks, `${name}.img.gz`));
const names = readdirSync(disks).map((name) => basename(name, ".img.gz"));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `line ${String(i + 1).padStart(6, "0")}\n`).join("");

describe.each(names)("disk %s", (name) => {
  const files = new FileTree(new Volume(disk(name)));
  const content = (path: string): string => text(files.read(files.resolve(path)));

  test("gives every file byte for byte", () => {
    expect(content("/hello.txt")).toBe("Hello from btrfs.\n");
    expect(content("/lines.txt")).toBe(lines(5000));
    expect(content("/empty")).toBe("");
    expect(content("/directory/deeper/page.txt")).toBe(lines(342).slice(0, 4096));
    const sparse = files.read(files.resolve("/sparse"));
    expect(sparse.length).toBe(1_000_000);
    expect(text(sparse.subarray(0, 28))).toBe("start of a file with a hole\n");
    expect(sparse.subarray(28).every((byte) => byte === 0)).toBe(true);
  });

  test("knows modes, links and directories", () => {
    expect(files.resolve("/run.sh").mode).toBe(0o100755);
    const link = files.resolve("/link");
    expect(isSymbolicLink(link)).toBe(true);
    expect(text(files.read(link))).toBe("directory/inner.txt");
    expect(isDirectory(files.resolve("/directory"))).toBe(true);
  });

  test("lists what it can look up", () => {
    for (const { path, inode } of files.walk()) expect(files.resolve(path).number).toBe(inode.number);
  });

  test("has right checksums in every tree block and every data sector", () => {
    const { volume } = files;
    let blocks = 0;
    for (const root of volume.roots()) for (const _ of volume.blocks(root)) blocks++;
    expect(blocks).toBeGreaterThan(8);
    for (const { inode } of files.walk()) if (isRegular(inode)) files.read(inode);
  });
});

test("reads what Linux wrote as Linux reads it: subvolumes, snapshots, shared and preallocated extents", () => {
  const directory = join(import.meta.dirname, "linux-disks");
  const files = new FileTree(new Volume(loadImage(join(directory, "subvolumes.img.gz"))));
  const listing: string[] = [];
  for (const { path, inode } of files.walk()) {
    if (isRegular(inode) && path !== "/compressed")
      listing.push(`${createHash("sha256").update(files.read(inode)).digest("hex")}  .${path}`);
    else if (isSymbolicLink(inode)) listing.push(`.${path} -> ${text(files.read(inode))}`);
  }
  const expected = readFileSync(join(directory, "subvolumes.txt"), "utf8").trim().split("\n");
  expect(listing.sort()).toEqual(expected.sort());
  expect(() => files.read(files.resolve("/compressed"))).toThrow(/compressed/);
});

test("a directory of a thousand files spreads over several levels of small nodes", () => {
  const volume = new Volume(disk("nodes-4k"));
  expect(volume.superblock.nodeSize).toBe(4096);
  expect(volume.root(treeId.filesystem).level).toBeGreaterThan(0);
  const files = new FileTree(volume);
  expect([...files.directory(files.resolve("/many"))].length).toBe(1000);
  expect(text(files.read(files.resolve("/many/file-0777")))).toBe("777\n");
});

describe("damage", () => {
  const original = disk("crc32c");
  const copy = (): MemoryImage => new MemoryImage(original.bytes.slice());

  test("a wrong magic is no btrfs", () => {
    const image = copy();
    image.bytes[0x10000 + superblockField.magic] ^= 1;
    expect(() => new Volume(image)).toThrow(/magic/);
  });

  test("one flipped bit of the superblock breaks its checksum", () => {
    const image = copy();
    image.bytes[0x10000 + superblockField.generation] ^= 1;
    expect(() => new Volume(image)).toThrow("superblock: wrong checksum");
  });

  test("an edited superblock has a right checksum again", () => {
    const image = copy();
    editSuperblock(image, (view) => view.setBigUint64(superblockField.generation, 99n, true));
    expect(new Volume(image).superblock.generation).toBe(99n);
  });

  test("a tree block with a flipped bit is refused, one repaired after the edit is judged by its contents", () => {
    const image = copy();
    const { bytenr } = new Volume(image).root(treeId.filesystem);
    editTreeBlock(image, bytenr, (_, bytes) => bytes.fill(0xff, 200, 201), { repair: false });
    expect(() => new FileTree(new Volume(image)).resolve("/hello.txt")).toThrow(`tree block ${bytenr}: wrong checksum`);
    editTreeBlock(image, bytenr, (view) => view.setUint32(96, 60000, true));
    expect(() => new FileTree(new Volume(image)).resolve("/hello.txt")).toThrow(/items do not fit/);
  });

  test("a flipped bit of a file's data is noticed", () => {
    const image = copy();
    const files = new FileTree(new Volume(image));
    const inode = files.resolve("/lines.txt");
    const extent = [...files.extents(inode)][0];
    image.bytes[files.volume.physicalAddresses(extent.logical, 4096)[0] + 100] ^= 4;
    expect(() => files.read(inode)).toThrow(/wrong checksum/);
  });
});
