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

  test("may be attached where Linux 6.1 lets them, as far as there are the same functions", () => {
    const answers = (text: string): Map<string, string> =>
      new Map(
        [...text.matchAll(/^(\w+ \w+|lsm without a kind \w+): (\w+)\n(?: {2}(.*)\n)?/gm)].map(
          ([, what, result, why = ""]) => [what, `${result} ${why}`],
        ),
      );
    const linux = answers(readFileSync(join(directory, "linux-6.1-targets.txt"), "utf8"));
    const here = answers(runInMachine({ files, exec: "/bin/sleepable targets" }).output);
    const both = [...here].filter(([what]) => linux.has(what));
    expect(both.length).toBeGreaterThan(25);
    for (const [what, answer] of both) expect([what, answer]).toEqual([what, linux.get(what)]);
    for (const [what, answer] of here) if (!linux.has(what)) expect(answer).toMatch(/^EINVAL/);
  });

  test.each([
    ["rcu_tasks_trace", "grace periods: 0\nwaiting: 2\nholdout: sleepable[3]\n", "grace periods: 2\nwaiting: 0\n"],
    ["srcu", "readers: 1\nwaiting: 2\n", "readers: 0\nwaiting: 0\n"],
  ])("a trampoline outlives its link while a program on it sleeps: %s", async (scheme, then, last) => {
    const { output, exitCode } = runInMachine({
      files,
      exec: "/bin/sleepable on-function /dev/vda /mnt/lines.txt",
      options: `bpf_sleepable=${scheme}`,
      disk: await Disk.fromFile(image),
    });
    expect(output).toBe(
      "== on a function\nanother task calls the function too: state 1, misses 1\n" +
        `link and program are closed: state 1, trampolines in memory: 1\n${then}` +
        `the program is through: result 0, it read 'line 000'\ntrampolines in memory: 0\n${last}`,
    );
    expect(exitCode).toBe(0);
  });

  test.each([
    ["rcu_tasks_trace", /grace periods: \d+\nwaiting: 0\n$/],
    ["srcu", /readers: 0\nwaiting: 0\n$/],
  ])("many sleep while programs, events and maps in maps are replaced: %s", async (scheme, last) => {
    const { output, exitCode } = runInMachine({
      files,
      exec: "/bin/sleepable stress /dev/vda /mnt/lines.txt",
      options: `bpf_sleepable=${scheme}`,
      disk: await Disk.fromFile(image),
    });
    expect(output).toContain("== stress\nreplaced while they slept: often; maps that are left: 0\n");
    expect(output).toMatch(last);
    expect(exitCode).toBe(0);
  });

  test("the comparison: SRCU costs most, rcu_tasks_trace little more than an ordinary program", () => {
    const { output } = runInMachine({ files: { "/bench": userProgram("bench") }, exec: "/bench 100000" });
    const shares = [
      ...output.matchAll(/^ +(\d+\.\d\d)% {2}of \d+ samples in 100000 calls, which the program counted$/gm),
    ];
    const [plain, srcu, trace] = shares.map(([, share]) => Number(share));
    expect(plain).toBeGreaterThan(10);
    expect(Math.abs(trace - plain)).toBeLessThan(5);
    expect(srcu).toBeGreaterThan(plain);
    expect(srcu).toBeGreaterThan(trace);
    expect(output).toMatch(/^ +\d+\.\d\d% {2}bench {5}\[k\] __srcu_read_lock$/m);
    expect(output).toMatch(/^ +\d+\.\d\d% {2}bench {5}\[k\] bpf_prog_[0-9a-f]{16}_bench_trigger_fentry_sleep$/m);
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
