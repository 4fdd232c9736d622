/** The text of the log beyond its last lines: instructions and states. */
import { describe, expect, it } from "vitest";
import { decodeInstructions } from "../../../src/bpf/isa.ts";
import { verify } from "../../../src/bpf/verifier/index.ts";

function logOf(hex: string, logLevel: number): string[] {
  const instructions = decodeInstructions(Buffer.from(hex, "hex"));
  return verify({ type: 2, instructions, gplCompatible: true, logLevel }).log.split("\n");
}

describe("verifier: log", () => {
  it("level 2 shows instructions and what they changed", () => {
    // r2 = *(u64 *)(r1 +112); *(u64 *)(r10 -8) = r2; r0 = 0; exit
    const log = logOf("79127000000000007b2af8ff00000000b7000000000000009500000000000000", 2);
    expect(log.slice(0, -2)).toEqual([
      "func#0 @0",
      "0: R1=ctx(off=0,imm=0) R10=fp0",
      "0: (79) r2 = *(u64 *)(r1 +112)        ; R1=ctx(off=0,imm=0) R2_w=scalar()",
      "1: (7b) *(u64 *)(r10 -8) = r2         ; R2_w=scalar() R10=fp0 fp-8_w=mmmmmmmm",
      "2: (b7) r0 = 0                        ; R0_w=0",
      "3: (95) exit",
    ]);
  });

  it("stored numbers are remembered, zeroes as zeroed bytes", () => {
    // *(u32 *)(r10 -24) = 4; *(u32 *)(r10 -8) = 0; r0 = 0; exit
    const log = logOf("620ae8ff04000000620af8ff00000000b7000000000000009500000000000000", 2);
    expect(log.slice(2, 4)).toEqual([
      "0: (62) *(u32 *)(r10 -24) = 4         ; R10=fp0 fp-24=4",
      "1: (62) *(u32 *)(r10 -8) = 0          ; R10=fp0 fp-8=????0000",
    ]);
  });

  it("a path that is taken up again shows its state twice, a decided jump shows it under its own number", () => {
    // r6 = r1; call prandom; r7 = r0; if r7 == 0 goto +1; r4 = 3; r4 = 3; if r4 == 3 goto +1; r0 = r9; r0 = 0; exit
    const log = logOf(
      "bf160000000000008500000007000000bf0700000000000015070100000000" +
        "00b704000003000000b70400000300000015040100" +
        "03000000bf90000000000000b7000000000000009500000000000000",
      2,
    );
    const again = log.findIndex((line) => line.startsWith("from 3 to 5:"));
    expect(log[again + 1]).toBe(log[again].replace("from 3 to 5", "5"));
    expect(log).toContain("6: R4_w=3");
  });

  it("a conditional jump asks for the register on its left first", () => {
    // if r3 == r4 goto +0; exit
    expect(logOf("1d430000000000009500000000000000", 1)).toContain("R3 !read_ok");
  });

  it("level 1 keeps only the path that failed", () => {
    // r2 = *(u64 *)(r1 +112); if r2 == 0 goto +2; r0 = 0; exit; exit without a result
    const log = logOf("79127000000000001502020000000000b70000000000000095000000000000009500000000000000", 1);
    expect(log).toContain("4: (95) exit");
    expect(log).toContain("R0 !read_ok");
    expect(log.some((line) => line.includes("3: (95) exit"))).toBe(false);
  });

  it("level 4 has only the statistics", () => {
    const log = logOf("b7000000000000009500000000000000", 4);
    expect(log[0]).toMatch(/^verification time \d+ usec$/);
    expect(log[1]).toBe("stack depth 0");
    expect(log[2]).toMatch(/^processed 2 insns/);
    expect(log.length).toBe(4);
  });

  it("level 0 is silent", () => {
    expect(logOf("9500000000000000", 0)).toEqual([""]);
  });
});
