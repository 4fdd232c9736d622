/** The parts of `npm run bpf-differential` that need no kernel. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assemble } from "../../../src/bpf/assembler.ts";
import { disassemble } from "../../../src/bpf/disassembler.ts";
import { parseAnswers } from "./kernels.ts";
import { differentialProgram, mayDependOnAddresses } from "./programs.ts";
import { shrink } from "./shrink.ts";

function command(...args: string[]): { status: number | null; error: string } {
  const result = spawnSync("npx", ["tsx", join(import.meta.dirname, "run.ts"), ...args], { encoding: "utf8" });
  return { status: result.status, error: result.stderr.replace(/^npm .*\n/gm, "") };
}

describe("bpf-differential", () => {
  it.each([
    ["--programs", "0", "option '--programs <n>' argument '0' is invalid. It must be a whole number from 1 on."],
    ["--linux", "/nowhere", "option '--linux <image>' argument '/nowhere' is invalid. There is no such file."],
    ["--sed", "1", "unknown option '--sed'"],
  ])("%s %s gives one clear error", (option, value, error) => {
    const result = command(option, value);
    expect(result.status).toBe(1);
    expect(result.error.split("\n")[0]).toBe(`error: ${error}`);
  });

  it("makes the same program of the same seed", () => {
    expect(differentialProgram(77)).toEqual(differentialProgram(77));
    expect(differentialProgram(77)).not.toEqual(differentialProgram(78));
  });

  it("knows programs whose result shows an address", () => {
    expect(mayDependOnAddresses({ type: 17, insns: assemble("r0 = r1\nexit") })).toBe(true);
    expect(mayDependOnAddresses({ type: 17, insns: assemble("r0 = *(u64 *)(r1 +8)\nexit") })).toBe(false);
  });

  it("reads what the runner writes", () => {
    const output = "|0: (95) exit\r\n|R0 !read_ok\r\n= 0 13 12345678\r\n= 1 0 0000aaaa 0 0x2a 0badcafe\r\n.\r\n";
    expect(parseAnswers(output)).toEqual([
      { errno: 13, logHash: "12345678", log: ["0: (95) exit", "R0 !read_ok"] },
      { errno: 0, logHash: "0000aaaa", run: "0 0x2a 0badcafe", log: [] },
    ]);
  });

  it("makes a program small and keeps its jumps right", () => {
    const program = assemble("r0 = 7\nr1 = 5\nif r1 == 9 goto pc+3\nr2 = 1\nr1 *= 3\nr3 = 0x100000000 ll\nexit");
    const differs = (text: string): boolean => text.includes("r1 *=") && text.includes("if r1");
    const [small] = shrink([{ type: 1, insns: program }], (candidates) =>
      candidates.map((candidate) => {
        const { insns } = candidate.program;
        return differs(insns.map((_insn, slot) => disassemble(insns, slot)).join("\n"));
      }),
    );
    expect(small.insns.map((_insn, slot) => disassemble(small.insns, slot))).toEqual([
      "if r1 == 9 goto pc+1",
      "r1 *= 0",
    ]);
  });
});
