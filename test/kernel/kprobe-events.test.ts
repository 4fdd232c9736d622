/**
 * What kprobe_events and its neighbours in tracefs answer, against what Linux 6.1 answered to the same questions:
 * kprobe-events/NAME.txt asks (src/kernel/user/ask-tracing.c says how), NAME.linux-6.1.txt is the answer with the
 * same masks as here.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const directory = join(import.meta.dirname, "kprobe-events");

/** Without what belongs to one build: addresses, offsets of code, numbers of events, and how a probe is implemented. */
function masked(answers: string): string {
  return answers
    .replace(/0x\(____ptrval____\)|0x[0-9a-f]{6,}|[0-9a-f]{16}/g, "ADDRESS")
    .replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "+OFFSET")
    .replace(/^ID: \d+/gm, "ID: N")
    .replaceAll("[FTRACE]", "");
}

function expectLinuxAnswers(name: string): void {
  const { output, exitCode } = runInMachine({
    files: { "/oracle": userProgram("ask-tracing"), "/questions": join(directory, `${name}.txt`) },
    exec: "/oracle /questions",
  });
  expect(masked(output)).toBe(readFileSync(join(directory, `${name}.linux-6.1.txt`), "utf8"));
  expect(exitCode).toBe(0);
}

describe.skipIf(missing !== undefined)("kprobe_events", () => {
  test("takes and refuses what Linux does, with the same words and carets (C20, C21)", () => {
    expectLinuxAnswers("grammar");
  });

  test("records show every type of argument as Linux does, faults and long strings too (C21)", () => {
    expectLinuxAnswers("fetch");
  });

  test("nested, several and disabled probes, returns without room, the global switch (C16, C20, C22, C23, A20)", () => {
    expectLinuxAnswers("probes");
  });

  test("dynamic_events, groups, filters, comments and long lines; removing an event empties the trace (C21)", () => {
    expectLinuxAnswers("files");
  });
});
