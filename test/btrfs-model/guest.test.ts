/** Disks mounted by the kernel in the machine: what a user program reads there is what the TypeScript reader finds. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { editSuperblock } from "../../src/btrfs-model/host/edit.ts";
import { FileTree, isDirectory, isSymbolicLink } from "../../src/btrfs-model/host/files.ts";
import { superblockField } from "../../src/btrfs-model/host/format.ts";
import { loadImage, type MemoryImage, Volume } from "../../src/btrfs-model/host/volume.ts";
import { boot } from "../../src/index.ts";
import { Disk } from "../../src/machine/disk.ts";
import { RootFiles } from "../../src/machine/initramfs.ts";
import { missingForGuest, userProgram } from "../kernel/guest.ts";

const directory = join(import.meta.dirname, "disks");
const names = readdirSync(directory).map((name) => basename(name, ".img.gz"));
const kernelPath = join(import.meta.dirname, "../../build/kernel/kernel.elf");
const missing = missingForGuest();
if (missing !== undefined) console.log(`skipped: btrfs in the guest needs ${missing}`);

interface Outcome {
  readonly console: string;
  readonly exitCode: number | undefined;
}

/** Runs mount-and-read on the disk, in 256 MiB of memory. */
async function mountAndRead(image: MemoryImage): Promise<Outcome> {
  const root = new RootFiles();
  for (const [path, program] of Object.entries({ "/init": "init", "/bin/mount-and-read": "mount-and-read" }))
    root.set(path, { kind: "file", data: readFileSync(userProgram(program)), mode: 0o755 });
  const { machine } = boot({
    name: kernelPath,
    kernel: readFileSync(kernelPath),
    root,
    disks: [await Disk.fromBytes(image.bytes)],
    memory: 256 << 20,
    commandLine: "",
    exec: "/bin/mount-and-read /dev/vda /tmp",
  });
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  const end = machine.run({ instructions: 5e9 });
  return {
    console: Buffer.concat(chunks).toString().replaceAll("\r\n", "\n"),
    exitCode: end.reason === "exit" ? end.code : undefined,
  };
}

/** The CRC of zlib, which mount-and-read prints. */
function crc32(bytes: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** What mount-and-read should print of a disk. */
function listing(image: MemoryImage): string[] {
  const files = new FileTree(new Volume(image));
  return [...files.walk()].map(({ path, inode }) => {
    const where = `/tmp${path}`;
    if (isDirectory(inode)) return `d                    ${where}`;
    const content = files.read(inode);
    const size = String(inode.size).padStart(9);
    if (isSymbolicLink(inode)) return `l ${size}          ${where} -> ${new TextDecoder().decode(content)}`;
    return `f ${size} ${crc32(content)} ${where}`;
  });
}

const withoutMessages = (console: string): string[] => console.split("\n").filter((line) => /^[dfl?] /.test(line));

describe.skipIf(missing !== undefined)("in the guest", () => {
  test.each(names)(
    "%s: every file reads as the TypeScript reader has it, and nothing stays allocated",
    async (name) => {
      const image = loadImage(join(directory, `${name}.img.gz`));
      const { console, exitCode } = await mountAndRead(image);
      expect(withoutMessages(console).slice(1).sort()).toEqual(listing(image).sort());
      expect(exitCode).toBe(0);
      expect(console).toContain(`BTRFS info (device vda): first mount of filesystem ${uuidText(image)}`);
      expect(console).toContain(`BTRFS info (device vda): last unmount of filesystem ${uuidText(image)}`);
      expect(console).not.toMatch(/left allocated|BUG|leak/);
    },
  );

  test("a damaged superblock: mount fails with EINVAL, Linux's messages and nothing left allocated", async () => {
    const image = loadImage(join(directory, "crc32c.img.gz"));
    image.bytes[0x10000 + superblockField.generation] ^= 1;
    const { console, exitCode } = await mountAndRead(image);
    expect(console).toContain("BTRFS error (device vda): superblock checksum mismatch\n");
    expect(console).toContain("BTRFS error (device vda): open_ctree failed: -22\n");
    expect(console).toContain("mount: Invalid argument\n");
    expect(console).not.toMatch(/left allocated|BUG|leak/);
    expect(exitCode).not.toBe(0);
  });

  test("unknown incompat bits are refused as Linux refuses them", async () => {
    const image = loadImage(join(directory, "crc32c.img.gz"));
    editSuperblock(image, (view) => view.setBigUint64(superblockField.incompat, 1n << 50n, true));
    const { console } = await mountAndRead(image);
    expect(console).toContain("cannot mount because of unknown incompat features (0x4000000000000)\n");
    expect(console).toContain("mount: Invalid argument\n");
  });
});

function uuidText(image: MemoryImage): string {
  const hex = Buffer.from(new Volume(image).superblock.fsid).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
