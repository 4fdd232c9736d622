/** Bad input that only the guest can judge: one clear error on the console, a non-zero exit code, and nothing left behind. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Disk } from "../../src/index.ts";
import { runHere } from "./run-here.ts";

const root = join(import.meta.dirname, "../..");
const image = join(root, "images/override-open-ctree.bin");
const directory = mkdtempSync(join(tmpdir(), "guest-input-"));
afterAll(() => rmSync(directory, { recursive: true }));

async function run(...options: string[]): Promise<{ code: number; console: string; errors: string }> {
  const { code, out, err } = await runHere(image, ...options);
  return { code, console: out.replaceAll("\r\n", "\n"), errors: err };
}

function file(name: string, data: Uint8Array | string): string {
  const path = join(directory, name);
  writeFileSync(path, data);
  return path;
}

/** Lines of the console that are not the kernel's. */
const programLines = (console: string): string[] =>
  console.split("\n").filter((line) => line !== "" && !/^\[ *\d+\.\d{6}\]/.test(line));

describe("BPF objects that cannot be loaded", () => {
  test.each([
    ["not an ELF file", "this is no object file", /not an ELF/i],
    ["an ELF file of another machine", otherMachine(), /x86|machine|BPF/],
    ["an ELF file cut short", otherMachine().subarray(0, 20), /ELF|truncated|short/i],
  ])("%s", async (name, contents, expected) => {
    const path = file(name.replaceAll(" ", "-"), contents);
    const result = await run("--file", `/override.bpf.o=${path}`);
    const lines = programLines(result.console);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(expected);
    expect(result.code).toBe(1);
  });

  test("a program that is not there", async () => {
    const result = await run("--exec", "/bin/no-such-program");
    expect(programLines(result.console).join("\n")).toMatch(/no-such-program.*No such file or directory/);
    expect(result.code).toBe(127);
  });
});

describe("btrfs disks that cannot be mounted", () => {
  /** The image's disk with one byte of its super block changed. */
  async function damaged(at: number): Promise<string> {
    const disk = await Disk.fromFile(join(root, "images/disks/btrfs.img.gz"));
    const bytes = disk.read(0, disk.size);
    bytes[0x10000 + at] ^= 0xff;
    return file(`super-${at}.img`, bytes);
  }

  test("a super block whose checksum is wrong: EINVAL with Linux's message, both times", async () => {
    const result = await run("--disk", await damaged(0x58));
    expect(result.console).toContain("BTRFS error (device vda): superblock checksum mismatch");
    expect(result.console).toContain("mount /dev/vda on /mnt: Invalid argument (errno 22)");
    expect(result.console).not.toMatch(/left allocated|Oops|BUG/);
    expect(result.code).toBe(1);
  });

  test("no btrfs at all", async () => {
    const result = await run("--disk", file("zero.img", new Uint8Array(1 << 20)));
    expect(result.console).toContain("mount /dev/vda on /mnt: Invalid argument (errno 22)");
    expect(result.code).toBe(1);
  });
});

/** The header of an ELF64 object for AArch64. */
function otherMachine(): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set([1, 0, 183, 0, 1, 0, 0, 0], 16);
  bytes[52] = 64;
  return bytes;
}
