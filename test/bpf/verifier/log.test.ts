/** The text of the log beyond its last lines: instructions and states. */
import { describe, expect, it } from "vitest";
import { assemble } from "../../../src/bpf/assembler.ts";
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

  it("precision goes back through a loop that begins and ends within a state", () => {
    const instructions = assemble("r8 = 0\nr8 += 1\nif r8 s< 6 goto pc-2\nexit");
    const log = verify({ type: 1, instructions, gplCompatible: true, logLevel: 2 }).log;
    expect(log).toContain(
      "regs=100 stack=0 before 1: (07) r8 += 1\nregs=100 stack=0 before 2: (c5) if r8 s< 0x6 goto pc-2\n" +
        "regs=100 stack=0 before 1: (07) r8 += 1\nparent already had regs=100 stack=0 marks:",
    );
  });

  it("precision goes back through what an atomic operation loads", () => {
    const instructions = assemble(
      "r2 = 0\nr8 = 0\n*(u64 *)(r10 -24) = 0\nr2 = atomic64_xchg((u64 *)(r10 -24), r2)\nif w2 s< w8 goto pc+0\nexit",
    );
    const log = verify({ type: 7, instructions, gplCompatible: true, logLevel: 2 }).log;
    expect(log).toContain(
      "regs=4 stack=0 before 3: (db) r2 = atomic64_xchg((u64 *)(r10 -24), r2)\n" +
        "regs=0 stack=4 before 2: (7a) *(u64 *)(r10 -24) = 0\nlast_idx 4 first_idx 0\n",
    );
  });

  it("a jump by 32 bits is shown as any jump with a condition", () => {
    const instructions = assemble("r0 = 0\ngotol pc+0\nexit");
    const { errno, log } = verify({ type: 1, instructions, gplCompatible: true, logLevel: 2 });
    expect(errno).toBe(0);
    expect(log).toContain("1: (06) if w0 jmp 0x0 goto pc+0\n");
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
