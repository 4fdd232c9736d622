/**
 * Mounts that lose a call chosen at random: nothing stays allocated and the kernel lives. The long run of this is
 * `mount-stress 100000 1 /dev/vda /mnt` (docs/btrfs.md).
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadImage } from "../../src/btrfs-model/host/volume.ts";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine, userProgram } from "../kernel/guest.ts";

const missing = missingForGuest();
if (missing !== undefined) console.log(`skipped: mounts with failing calls need ${missing}`);

test.skipIf(missing !== undefined)(
  "1,000 mounts with a failing call leave no object and no page allocated",
  async () => {
    const image = loadImage(join(import.meta.dirname, "disks/crc32c.img.gz"));
    const { output, exitCode } = runInMachine({
      files: { "/bin/mount-stress": userProgram("mount-stress") },
      exec: "/bin/mount-stress 1000 7 /dev/vda /mnt",
      options: "loglevel=1",
      disk: await Disk.fromBytes(image.bytes),
    });
    expect(output).toMatch(
      /^1000 mounts: \d{3} ENOMEM, \d+ EIO, \d+ EFAULT, 0 another errno, 0 done without the call, \d+ did not/m,
    );
    expect(output).toContain("left: 0 objects, 0 KiB of pages\n");
    expect(exitCode).toBe(0);
  },
);
