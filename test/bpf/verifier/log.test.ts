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
