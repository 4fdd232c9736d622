/** The system guests pass here, at both tiers, and on QEMU. */
import { describe, expect, it } from "vitest";
import { assemble, bootGuest, consoleOfQemu, EXPECTED_FAILURES, GUESTS, isInstalled, QEMU_FAILS } from "./guests.ts";

const qemu = isInstalled("qemu-system-x86_64");

describe.skipIf(!isInstalled("gcc"))("system guests (need gcc)", () => {
  it.each(GUESTS)("%s", (name) => {
    const path = assemble(name);
    const consoles = ([0, 1] as const).map((tier) => {
      const { machine } = bootGuest(path, { tier });
      machine.run({ instructions: 1_000_000 });
      return machine.console.text();
    });
    expect(consoles[0]).toMatch(/^((PASS|FAIL) \w\n)+$/);
    expect(failures(consoles[0] ?? "")).toBe(EXPECTED_FAILURES[name]);
    expect(consoles[1]).toBe(consoles[0]);
    if (qemu) expect(failures(consoleOfQemu(path))).toBe(QEMU_FAILS[name]);
  });
});

/** The letters of the checks that failed. */
function failures(text: string): string {
  return [...text.matchAll(/FAIL (\w)/g)].map(([, letter]) => letter).join("");
}
