/**
 * Programs that make calls fail, against what Linux 6.1 answered: src/kernel/user/error-injection.c asks, its answers
 * on Linux are in error-injection/linux-6.1.txt, a section for each behaviour.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();
const directory = join(import.meta.dirname, "error-injection");

/** By the title of a section, its text. */
function sections(text: string): Map<string, string> {
  return new Map(
    text
      .split(/^== /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf("\n")), section]),
  );
}

describe.skipIf(missing !== undefined)("overrides", () => {
  let here = new Map<string, string>();
  const linux = sections(readFileSync(join(directory, "linux-6.1.txt"), "utf8"));

  beforeAll(() => {
    const { output } = runInMachine({
      files: { "/ask": userProgram("error-injection") },
      exec: "/ask",
    });
    here = sections(output);
  });

  const behaviours: readonly (readonly [section: string, behaviour: string])[] = [
    ["loading", "only GPL kprobe programs may override, and not from a prog_array (A7, A8, A15)"],
    ["dead code", "a call that was removed as dead code is no override (A9)"],
    ["places", "attach at a listed function's entry, one program an event, checked in Linux's order (A12, A13, A24)"],
    ["many", "at most 64 programs on one probe (A21)"],
    ["privilege", "without CAP_BPF and CAP_PERFMON there is neither program nor probe (A7)"],
    ["values", "the caller sees all 64 bits of the value, whatever the program returns (A10, A17)"],
    ["two probes at one address", "the newer of two probes wins, and the older is not even counted (A20)"],
    [
      "two programs on one event",
      "all programs run, the last override wins, disabling the event does not stop it (A21)",
    ],
    ["return probe", "on a return probe the function has run and its value is replaced (A24)"],
    ["is the event stored", "the last bit of all results, ANDed, decides whether an event is stored (A17, A21)"],
    ["the way back", "the call returns through just_return_func (A11, A18)"],
    ["a probe hit while a program runs", "a program does not run inside another's helper (A22, C16)"],
    [
      "probes of the PMU",
      "probes by name and address without tracefs obey the same rules (A12, A16, A20, C2, C4, C20)",
    ],
  ];

  test.each(behaviours)("%s: %s", (section) => {
    expect(here.get(section)).toBe(linux.get(section));
  });

  test("every section is named here", () => {
    expect(behaviours.map(([section]) => section)).toEqual([...linux.keys()]);
  });
});

test.skipIf(missing !== undefined)(
  "the list has its functions with their types, and every system call (A2 to A5, A28)",
  () => {
    const { output } = runInMachine({
      files: { "/ask": userProgram("ask-tracing"), "/list.txt": join(directory, "list.txt") },
      exec: "/ask /list.txt",
    });
    const [, list = "", symbols = ""] = output.split(/^< .*\n/m);
    const types = new Map(
      list
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t") as [string, string]),
    );
    for (const name of ["open_ctree", "btrfs_search_slot", "should_failslab", "should_fail_bio"])
      expect(types.get(name), name).toBe("ERRNO");
    expect(types.get("should_fail_alloc_page")).toBe("TRUE");
    expect(types.get("kmalloc")).toBe("NULL");
    const systemCalls = [...symbols.matchAll(/ T (__x64_sys_\w+)$/gm)].map(([, name = ""]) => name);
    expect(systemCalls.length).toBeGreaterThan(100);
    // A call without arguments is known by the first of its two names, as on Linux.
    for (const name of systemCalls)
      expect(types.get(name) ?? types.get(name.replace("__x64_", "__do_")), name).toBe("ERRNO");
  },
);

test.skipIf(missing !== undefined)(
  "fail_function: names, values that suit the type, attributes, who else is there (E13, E14)",
  () => {
    const { output, exitCode } = runInMachine({
      files: { "/oracle": userProgram("ask-tracing"), "/questions": join(directory, "fail-function.txt") },
      exec: "/oracle /questions",
    });
    expect(output.replace(/\+0x[0-9a-f]+\/0x[0-9a-f]+/g, "+OFFSET")).toBe(
      readFileSync(join(directory, "fail-function.linux-6.1.txt"), "utf8"),
    );
    expect(exitCode).toBe(0);
  },
);
