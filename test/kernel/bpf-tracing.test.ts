/** BPF programs on trace events, raw tracepoints, uprobes and clocks. The expected lines are what Linux 6.1 prints. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();

describe.skipIf(missing !== undefined)("BPF programs on events", () => {
  test("are attached, refused and run as on Linux 6.1", () => {
    const files = { "/bpf-tracing": userProgram("tests/bpf-tracing") };
    const { output, exitCode } = runInMachine({ files, exec: "/bpf-tracing" });
    expect(output).toBe(readFileSync(join(import.meta.dirname, "bpf-tracing.txt"), "utf8"));
    expect(exitCode).toBe(0);
  });
});
