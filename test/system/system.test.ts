/** The system guests pass here, at both tiers, on QEMU, and on Bochs where QEMU is wrong. */
import { describe, expect, it } from "vitest";
import type { TierOptions } from "../../src/cpu/index.ts";
import {
  assemble,
  BOCHS_FAILS,
  bootGuest,
  consoleOfBochs,
  consoleOfQemu,
  EXPECTED_FAILURES,
  GUESTS,
  isInstalled,
  QEMU_FAILS,
} from "./guests.ts";

const TIERS: readonly TierOptions[] = [{ tier: 0 }, { tier: 1 }, { tier: "mixed", hotThreshold: 50 }];

describe.skipIf(!isInstalled("gcc"))("system guests (need gcc)", () => {
  it.each(GUESTS)("%s: the same at every tier", (name) => {
    const path = assemble(name);
    const outcomes = TIERS.map((options) => {
      const { machine } = bootGuest(path, options);
      const stop = machine.run({ instructions: 20_000_000 });
      return [stop, machine.console.text(), machine.instructions, machine.stateHash()] as const;
    });
    const [[stop, console]] = outcomes;
    const expected = EXPECTED_FAILURES[name] ?? "";
    expect(console).toMatch(/^((PASS|FAIL) \w\n)+$/);
    expect(failures(console)).toBe(expected);
    expect(stop).toEqual({ reason: "exit", code: expected === "" ? 0 : 1 });
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
  });

  const bochs = ["bochs", "grub-mkrescue", "xorriso"];
  it.skipIf(!bochs.every(isInstalled)).each(GUESTS)(`%s on Bochs (needs ${bochs.join(", ")})`, (name) => {
    const text = consoleOfBochs(assemble(name));
    const known = BOCHS_FAILS[name] ?? "";
    expect(failures(text)).toBe(known.replace("?", ""));
    expect([...text.matchAll(/PASS \w/g)].length).toBeGreaterThan(10);
  });

  it.skipIf(!isInstalled("qemu-system-x86_64")).each(GUESTS)("%s on QEMU (needs qemu-system-x86_64)", (name) => {
    const text = consoleOfQemu(assemble(name));
    const known = QEMU_FAILS[name] ?? "";
    expect(failures(text)).toBe(known.replace("?", ""));
    // The same checks, in the same order, as far as it gets.
    const { machine } = bootGuest(assemble(name));
    machine.run({ instructions: 20_000_000 });
    const letters = (console: string): string =>
      [...console.matchAll(/(?:PASS|FAIL) (\w)/g)].map(([, l]) => l).join("");
    const ours = letters(machine.console.text());
    if (known.includes("?")) expect([...ours]).toEqual(expect.arrayContaining([...letters(text)]));
    else expect(letters(text)).toBe(ours);
  });
});

/** The letters of the checks that failed. */
function failures(text: string): string {
  return [...text.matchAll(/FAIL (\w)/g)].map(([, letter]) => letter).join("");
}
