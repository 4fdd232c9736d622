/** Kprobes in the guest: a probe on every byte of kernel functions, return probes, probe events and what they record. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, runInQemu, userProgram } from "./guest.ts";

const missing = missingForGuest();
const missingQemu = missingForGuest("qemu-system-x86_64");
const selftest = {
  files: {
    "/ask": userProgram("ask-tracing"),
    "/kmsg.txt": join(import.meta.dirname, "kprobe-events/kmsg.txt"),
  },
  exec: "/ask /kmsg.txt",
  options: "kprobes_selftest",
};
const sweep = { "/sweep": userProgram("tests/kprobe-sweep") };

/** What the sweep says of each function: bytes that took a probe, that are inside instructions, and the rest. */
function summaries(
  output: string,
): Map<string, { size: number; probed: number; inside: number; refused: number; hit: boolean }> {
  const lines = output.matchAll(
    /^(\w+): (\d+) bytes: (\d+) probed, (\d+) inside instructions, (\d+) refused, (hit|never hit)$/gm,
  );
  return new Map(
    [...lines].map(([, name, size, probed, inside, refused, hit]) => [
      name,
      {
        size: Number(size),
        probed: Number(probed),
        inside: Number(inside),
        refused: Number(refused),
        hit: hit === "hit",
      },
    ]),
  );
}

describe.skipIf(missing !== undefined)("kprobes", () => {
  test("a probe on any instruction of what reading /proc runs changes nothing", () => {
    const functions = ["seq_read", "vsnprintf", "strlen", "memset", "kmalloc", "kfree", "vfs_read"];
    const { output, exitCode } = runInMachine({ files: sweep, exec: `/sweep ${functions.join(" ")}` });
    const found = summaries(output);
    expect([...found.keys()]).toEqual(functions);
    for (const [name, f] of found) {
      expect(f.probed + f.inside + f.refused, name).toBe(f.size);
      expect(f.probed, name).toBeGreaterThan(f.size / 8);
      expect(f.refused, name).toBeLessThan(f.size / 32);
      expect(f.hit, name).toBe(true);
    }
    expect(exitCode).toBe(0);
  });

  test.skipIf(missingQemu !== undefined)("the same under QEMU", () => {
    const run = { files: sweep, exec: "/sweep seq_printf strlen vfs_read" };
    const qemu = runInQemu(run);
    expect(qemu.exitCode).toBe(0);
    expect(qemu.output).toBe(runInMachine(run).output);
  });

  // Jumps on every condition, loops, calls, returns, flags, what is relative to rip, what faults; far, masked, undefined.
  test("every kind of instruction does with a probe what it does without, or takes none (C5, C6, C9, C14 to C17)", () => {
    const { output } = runInMachine(selftest);
    expect(output.match(/kprobes selftest: .*/g)).toEqual([
      "kprobes selftest: 61 of 61 instructions as without a probe, 14 of 14 refused",
    ]);
  });

  test.skipIf(missingQemu !== undefined)("and under QEMU", () => {
    expect(runInQemu(selftest).output).toContain(
      "kprobes selftest: 61 of 61 instructions as without a probe, 14 of 14 refused",
    );
  });
});
