/** The same programs under the rules of 2015, 2017, 2020 and 6.1: src/kernel/user/eras.c asks. (docs/eras.md) */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { missingForGuest, runInMachine, userProgram } from "./guest.ts";

const missing = missingForGuest();

/** By question, the answers in the order of the columns. */
function rows(output: string): Map<string, string[]> {
  const lines = output.split("\n").filter((line) => line.length > 44 && !line.startsWith("=="));
  return new Map(lines.map((line) => [line.slice(0, 44).trim(), line.slice(44).trim().split(/ {2,}/)]));
}

describe.skipIf(missing !== undefined)("bpf_rules", () => {
  const ask = (exec: string, options = ""): string =>
    runInMachine({ files: { "/eras": userProgram("eras") }, exec, options }).output;

  let all = "";

  beforeAll(() => {
    all = ask("/eras");
  });

  test("each era allows what it allowed, and no more", () => {
    expect(all).toBe(readFileSync(join(import.meta.dirname, "eras.txt"), "utf8"));
  });

  test.each(["2015", "2017", "2020", "6.1"])("%s chosen at boot is the same as chosen later", (year) => {
    const column = ["2015", "2017", "2020", "6.1"].indexOf(year);
    for (const [question, [answer]] of rows(ask("/eras now", `bpf_rules=${year}`))) {
      if (question !== "") expect([question, answer]).toEqual([question, rows(all).get(question)?.[column]]);
    }
  });

  test("a rule that nobody knows is told, and 6.1's hold", () => {
    const { output } = runInMachine({
      files: { "/cat": userProgram("cat") },
      exec: "/cat /proc/sys/kernel/bpf_rules",
      options: "bpf_rules=1999",
    });
    expect(output).toContain("6.1\n");
  });

  test("in 2017 an override on a return makes the next probed function begin inside its first instruction", () => {
    const files = { "/eras": userProgram("eras") };
    const { output } = runInMachine({ files, exec: "/eras stray" });
    expect(output).toMatch(/^getsid: (\d+)\ngetpgid, overridden on its return: ENOSPC\ngetsid: \1\n$/);
    const then = runInMachine({ files, exec: "/eras stray", options: "bpf_rules=2017" });
    expect(then.output).toMatch(/^getsid: \d+\ngetpgid, overridden on its return: ENOSPC\ngetsid: /);
    expect(then.output).not.toMatch(/^getsid: \d+\n.*\ngetsid: \d+\n/);
  });

  test("probes through the function tracer obey the rules of overrides as int3 probes do", () => {
    const files = { "/ask": userProgram("error-injection") };
    const sections = "/ask loading places values probes programs return stored nested";
    const int3 = runInMachine({ files, exec: sections });
    expect(runInMachine({ files, exec: sections, options: "kprobes_on_ftrace" })).toEqual(int3);
  });
});
