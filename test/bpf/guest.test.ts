/**
 * bpf(2) in the guest: the same user programs, run by Linux as root, printed `bpf-syscall.txt`, `bpf-execute.txt` and `bpf-objects.txt`. The lines are
 * those of Linux 6.1 (a newer one answers the same to these questions).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { missingForGuest, runInMachine, userProgram } from "../kernel/guest.ts";

const missing = missingForGuest();
if (missing !== undefined) console.log(`bpf in the guest: skipped, not installed: ${missing}`);

const recorded = (name: string): string => readFileSync(new URL(`./${name}.txt`, import.meta.url), "utf8");

describe.skipIf(missing !== undefined)("bpf(2) in the guest", () => {
  it.each([
    ["maps, loading and attribute checks", "bpf", "", "bpf-syscall"],
    ["instructions and helpers", "bpf-execute", "", "bpf-execute"],
    ["instructions and helpers, interpreted", "bpf-execute", " interpreter", "bpf-execute"],
    ["type information, sound and not, and the log of its checks", "btf", "", "btf-load"],
    ["longest prefixes, locks and pointers in values, local storage", "bpf-map-kinds", "", "map-kinds"],
    ["timers in values", "bpf-timers", "", "timers"],
    ["which keys survive in LRU maps", "lru", "", "lru"],
    ["maps of maps, batches, mappings, pinning, numbers, ring buffer", "bpf-objects", "", "bpf-objects"],
  ])("%s: as on Linux", (_, program, argument, expected) => {
    const files = { [`/${program}`]: userProgram(`tests/${program}`) };
    const run = runInMachine({ files, exec: `/${program}${argument}` });
    expect(run).toEqual({ output: recorded(expected), exitCode: 0 });
  });

  it("what nobody means is answered, and the host has nothing to report", () => {
    const reports = vi.spyOn(console, "error");
    const files = { "/bpf-hostile": userProgram("tests/bpf-hostile") };
    const run = runInMachine({ files, exec: "/bpf-hostile 1 800" });
    expect(run).toMatchObject({ exitCode: 0, output: expect.stringMatching(/^5: \d+\n(.*\n)*done\n$/m) });
    expect(reports).not.toHaveBeenCalled();
    reports.mockRestore();
  });
});

const missingClang = missingForGuest("clang");
if (missing === undefined && missingClang !== undefined)
  console.log("bpf in the guest: no clang, objects are not tested");

describe.skipIf(missingClang !== undefined)("a BPF object on a kprobe in the guest", () => {
  const directory = mkdtempSync(join(tmpdir(), "enomem-bpf-guest-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  it("helpers and maps do what they do on Linux", () => {
    const object = join(directory, "probe-helpers.o");
    const source = new URL("./programs/probe-helpers.bpf.c", import.meta.url).pathname;
    execFileSync("clang", ["-target", "bpf", "-O2", "-g", "-c", source, "-o", object]);
    const { output, exitCode } = runInMachine({
      files: { "/object.o": object, "/bin/bpf-run": userProgram("bpf-run"), "/bin/cat": userProgram("cat") },
      exec: "/bin/bpf-run /object.o /bin/cat /sys/kernel/tracing/trace",
    });
    expect(exitCode).toBe(0);
    const lines = [...output.matchAll(/bpf_trace_printk: (.*)/g)].map(([, line]) =>
      line.replace(/\/0x[0-9a-f]+/g, "").replace(/(do_syscall_64)\+.*/, "$1"),
    );
    expect(lines).toEqual([
      "comm cat cpu 0 pid matches 1",
      "stack __x64_sys_open+0x1 <- do_syscall_64",
      "function __x64_sys_open+0x0, stack id 1",
      "hash: new 0, again -17",
      "hash: value 5, deleted 0, then -2",
      "per CPU: 55",
      "LRU: oldest is gone 1",
      "queue: popped 0 (77), then -2",
      "bad address: -14",
      "first argument is a user address 1",
      "no program to go on with",
    ]);
  });
});
