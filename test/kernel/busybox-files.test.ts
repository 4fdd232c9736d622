/**
 * A thousand files, in the guest's root and on a btrfs disk: find and sha256sum of busybox agree with what this host
 * computes from the same contents. And what is mounted, and how full it is.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine } from "./guest.ts";

const busybox = "/bin/busybox";
const isStatic = existsSync(busybox) && !readFileSync(busybox).subarray(0, 4096).includes("/lib64/ld-linux");
const missing = missingForGuest("mkfs.btrfs") ?? (isStatic ? undefined : "busybox-static");
if (missing !== undefined) console.log(`busybox with 1,000 files: skipped, not installed: ${missing}`);

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** Sizes from nothing to beyond some pages, names of several kinds. */
function thousandFiles(): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let i = 0; i < 1000; i++) {
    const size = [0, 1, 100, 2048, 4096, 4097, 10_000, i][i % 8] ?? 0;
    const content = Buffer.alloc(size, `file ${i} `);
    files.set(`dir${i % 13}/sub${i % 7}/${i % 3 === 0 ? "a long name with spaces" : "f"}-${i}`, content);
  }
  return files;
}

describe.skipIf(missing !== undefined)("busybox with 1,000 files", () => {
  const directory = mkdtempSync(join(tmpdir(), "busybox-files-"));
  const files = thousandFiles();
  const paths = [...files.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  /** What `find . -type f | sort | sha256sum` and `... | xargs sha256sum | sha256sum` give. */
  const names = sha256(paths.map((path) => `./${path}\n`).join(""));
  const sums = sha256(paths.map((path) => `${sha256(files.get(path) ?? "")}  ./${path}\n`).join(""));
  const commands = [
    "find . -type f | sort | sha256sum",
    "find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum",
    "find . -type f | wc -l",
    "find . -type d | wc -l",
    "tar cf - . | tar tf - | wc -l",
  ].join("; ");
  const expected = [`${names}  -`, `${sums}  -`, "1000", "105", "1105", ""].join("\n");

  beforeAll(() => {
    for (const [path, content] of files) {
      const full = join(directory, "files", path);
      mkdirSync(join(full, ".."), { recursive: true });
      writeFileSync(full, content);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("in the guest's root", () => {
    const guestFiles: Record<string, string> = { [busybox]: busybox };
    for (const path of paths) guestFiles[`/data/${path}`] = join(directory, "files", path);
    const run = `${busybox} --install -s /bin; export PATH=/bin; cd /data; ${commands}`;
    expect(runInMachine({ files: guestFiles, exec: `${busybox} sh -c '${run}'` }).output).toBe(expected);
  });

  test("on a btrfs disk", async () => {
    const image = join(directory, "disk");
    spawnSync("truncate", ["-s", "110M", image]);
    execFileSync("mkfs.btrfs", ["-q", "-m", "single", "-d", "single", "--rootdir", join(directory, "files"), image]);
    const run = [
      `${busybox} --install -s /bin; export PATH=/bin; mount -t btrfs /dev/vda /mnt; cd /mnt; ${commands}`,
      'mount | grep /mnt | cut -d , -f 1; df /mnt | tail -n 1 | tr -s " " | cut -d " " -f 1,2,6',
      "touch /mnt/x; umount /mnt; cd /; umount /mnt; ls /mnt | wc -l",
    ].join("; ");
    const guest = runInMachine({
      files: { [busybox]: busybox },
      exec: `${busybox} sh -c '${run}'`,
      disk: await Disk.fromFile(image),
    });
    const rest = [
      "/dev/vda on /mnt type btrfs (ro",
      "/dev/vda 112640 /mnt",
      "touch: /mnt/x: Read-only file system",
      "umount: can't unmount /mnt: Device or resource busy",
      "0",
      "",
    ];
    expect(guest.output).toBe(expected + rest.join("\n"));
  });
});
