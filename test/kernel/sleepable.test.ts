/**
 * Programs that may sleep: src/kernel/user/sleepable.c asks; what Linux 6.1 answered is in sleepable/linux-6.1.txt.
 * (docs/sleepable.md; semantics D7 to D12)
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Disk } from "../../src/machine/disk.ts";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const directory = join(import.meta.dirname, "sleepable");
const image = join(import.meta.dirname, "../../images/disks/btrfs.img.gz");
const files = { "/bin/sleepable": userProgram("sleepable") };

describe.skipIf(missing !== undefined)("sleepable programs", () => {
  test("load and read as on Linux 6.1", () => {
    const { output } = runInMachine({ files, exec: "/bin/sleepable loading reading syscall" });
    expect(output).toBe(readFileSync(join(directory, "linux-6.1.txt"), "utf8"));
  });

  test.each([
    ["rcu_tasks_trace", "grace periods: 0\nwaiting: 1\nholdout: sleepable[3]\n", "grace periods: 2\nwaiting: 0\n"],
    ["srcu", "readers: 1\nwaiting: 1\n", "readers: 0\nwaiting: 0\n"],
  ])(
    "others run while one waits for a page, and what it uses outlives its last reference: %s",
    async (scheme, then, last) => {
      const { output, exitCode } = runInMachine({
        files,
        exec: "/bin/sleepable asleep /dev/vda /mnt/lines.txt",
        options: `bpf_sleepable=${scheme}`,
        disk: await Disk.fromFile(image),
      });
      expect(output).toBe(
        `== asleep\nanother task runs: the program has read nothing yet, state 1\nthe map in the map says 1\n` +
          `nobody refers to it any more, but to free it has to wait:\n${then}` +
          "its descriptor is closed: loaded yes\nthe program is through: result 0, it read 'line 000'\n" +
          `the event is closed: state 2, loaded no\n${last}`,
      );
      expect(exitCode).toBe(0);
    },
  );
});
