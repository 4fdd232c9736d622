import { describe, expect, it } from "vitest";
import { acceptsWhatWasRefused, compareFacts, expectedDifference, maskResult, parseFacts } from "./facts.ts";

const groups = new Set(["run"]);
const facts = (...results: string[]) => parseFacts(results.map((r) => `run\trun.1.x\tdo it\t${r}\tlog`).join("\n"));
const compare = (reference: string, here: string) => compareFacts(facts(reference), facts(here), groups);

describe("facts of kernels", () => {
  it("are read with or without a group column, and other lines left out", () => {
    expect(parseFacts("group\tid\twhat\tresult\tlog\r\nrun\trun.1.a\tx\tOK\tl\r\nrun.2.b\ty\t-1\t\nnoise\n")).toEqual([
      { group: "run", id: "run.1.a", what: "x", result: "OK" },
      { group: "run", id: "run.2.b", what: "y", result: "-1" },
    ]);
  });

  it("agree when they differ in addresses and ids alone", () => {
    expect(maskResult("at 0xffffffff81000000, id 17")).toBe("at 0xADDR, id=N");
    expect(maskResult("OK ; insns=18120000090000000000000000000000b700000000000000")).toBe(
      "OK ; insns=18120000FD0000000000000000b700000000000000",
    );
    expect(compare("OK id=3", "OK id=4").map(({ kind }) => kind)).toEqual(["agrees"]);
    expect(compare("OK", "-1 EPERM(1)").map(({ kind }) => kind)).toEqual(["differs"]);
  });

  it("are told apart by their order when the same question is asked twice", () => {
    const verdicts = compareFacts(facts("OK", "-1 EBUSY(16)"), facts("OK", "OK"), groups);
    expect(verdicts.map(({ kind }) => kind)).toEqual(["agrees", "differs"]);
  });

  it("differ when this kernel gave no answer", () => {
    expect(compareFacts(facts("OK"), [], groups)).toMatchObject([{ kind: "differs", here: undefined }]);
  });

  it.each([
    ["-1 EINVAL(22)", "OK", true],
    ["open OK; SET_BPF -1 EINVAL(22)", "open OK; SET_BPF OK; child", true],
    ["load -1 EACCES(13) ; insns=79", "load OK ; insns=79", true],
    ["-1 EINVAL(22)", "-1 EPERM(1)", false],
    ["OK", "-1 EPERM(1)", false],
    ["-1 EILSEQ(84)", "OK", false],
    ["open OK; SET_BPF -1 EINVAL(22)", "open -1 ENOENT(2)", false],
  ])("Linux says %s, this kernel %s: accepted what was refused is %s", (reference, here, accepted) => {
    expect(compare(reference, here).map(acceptsWhatWasRefused)).toEqual([accepted]);
  });

  it("are expected to differ by id, by prefix, or by what was asked", () => {
    const [fact] = facts("OK");
    if (fact === undefined) throw new Error("no fact");
    expect(expectedDifference(fact, [{ id: "run.1.x", reason: "r" }])?.reason).toBe("r");
    expect(expectedDifference(fact, [{ id: "run.1*", reason: "r" }])?.reason).toBe("r");
    expect(expectedDifference(fact, [{ id: "run.1.x", what: "else", reason: "r" }])).toBeUndefined();
  });
});
