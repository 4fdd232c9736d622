import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { Disk } from "../../src/machine/disk.ts";

const folder = mkdtempSync(join(tmpdir(), "enomem-disk-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 997) bytes[i] = i % 251;
  return bytes;
}

describe("disk", () => {
  it("reads the same from a raw and from a gzip file", async () => {
    const bytes = pattern(300_032);
    writeFileSync(path("raw"), bytes);
    writeFileSync(path("packed"), gzipSync(bytes));
    for (const name of ["raw", "packed"]) {
      const disk = await Disk.fromFile(path(name));
      expect(disk.size).toBe(300_032);
      expect(Buffer.compare(disk.read(0, bytes.length), bytes)).toBe(0);
      expect(Buffer.compare(disk.read(65_000, 70_000), bytes.subarray(65_000, 135_000))).toBe(0);
    }
  });

  it("keeps what is written to itself: the file stays as it is", async () => {
    const bytes = pattern(131_072);
    writeFileSync(path("kept"), bytes);
    const disk = await Disk.fromFile(path("kept"));
    disk.write(65_530, Buffer.from("across chunks"));
    expect(Buffer.from(disk.read(65_530, 13)).toString()).toBe("across chunks");
    expect(disk.read(65_543, 100)).toEqual(bytes.slice(65_543, 65_643));
    expect(Buffer.compare(readFileSync(path("kept")), bytes)).toBe(0);
  });

  it("has whole sectors", async () => {
    const disk = await Disk.fromBytes(new Uint8Array(513).fill(9));
    expect(disk.size).toBe(1024);
    expect([...disk.read(511, 4)]).toEqual([9, 9, 0, 0]);
  });

  it("has the same state exactly when it has the same contents", async () => {
    const one = await Disk.fromBytes(pattern(200_704));
    const two = await Disk.fromBytes(pattern(200_704));
    expect(one.state()).toEqual(two.state());
    one.write(100_000, Buffer.from([1]));
    expect(one.state()).not.toEqual(two.state());
    two.write(100_000, Buffer.from([1]));
    expect(one.state()).toEqual(two.state());
  });

  it("is refused with one clear error when it cannot be read", async () => {
    writeFileSync(path("empty"), "");
    const packed = gzipSync(pattern(100_000));
    writeFileSync(path("cut.gz"), packed.subarray(0, packed.length >> 1));
    const broken = Buffer.from(packed);
    broken[packed.length - 8] ^= 1; // the checksum
    writeFileSync(path("broken.gz"), broken);
    await expect(Disk.fromFile(path("missing"))).rejects.toThrow(/missing: disk cannot be read: no such file$/);
    await expect(Disk.fromFile(folder)).rejects.toThrow(/: disk cannot be read: is a directory$/);
    await expect(Disk.fromFile(path("empty"))).rejects.toThrow(/empty: disk is empty; expected at least one sector/);
    await expect(Disk.fromFile(path("cut.gz"))).rejects.toThrow(
      /cut\.gz: disk is not a whole gzip file: unexpected end/,
    );
    await expect(Disk.fromFile(path("broken.gz"))).rejects.toThrow(/broken\.gz: disk is not a whole gzip file: /);
  });
});
