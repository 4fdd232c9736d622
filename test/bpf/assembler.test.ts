/** Assembler and disassembler: the notation of the kernel, there and back. */
import { describe, expect, it } from "vitest";
import { AssemblerError, assemble } from "../../src/bpf/assembler.ts";
import { disassemble, listing } from "../../src/bpf/disassembler.ts";
import * as isa from "../../src/bpf/isa.ts";
import { randomProgram } from "./random-program.ts";

const hex = (program: readonly isa.Instruction[]): string =>
  Buffer.from(isa.encodeInstructions(program)).toString("hex");

describe("BPF assembler", () => {
  it("assembles the override program", () => {
    const program = assemble("r2 = -12\ncall override_return\nr0 = 0\nexit", {
      helperId: (name) => (name === "override_return" ? 58 : undefined),
    });
    expect(hex(program)).toBe("b7020000f4ffffff" + "850000003a000000" + "b700000000000000" + "9500000000000000");
  });

  it("labels, calls of functions, function addresses", () => {
    const program = assemble(`
      if r1 == 0 goto out   ; forward
      call f
      r2 = f ll
      out: exit
      f: r0 = 1
      exit`);
    expect(listing(program)).toBe(
      "   0: if r1 == 0 goto pc+3\n   1: call pc+3\n   2: r2 = func[pc+2]\n   4: exit\n   5: r0 = 1\n   6: exit\n",
    );
  });

  it.each([
    ["b7000000ffffffff", "r0 = -1"],
    ["b4000000ffffffff", "w0 = -1"],
    ["dc00000010000000", "r0 = be16 r0"],
    ["8700000000000000", "r0 = -r0"],
    ["79a0f8ff00000000", "r0 = *(u64 *)(r10 -8)"],
    ["7a0af8ff03000000", "*(u64 *)(r10 -8) = 3"],
    ["7b1af8ff00000000", "*(u64 *)(r10 -8) = r1"],
    ["db1af8ff00000000", "lock *(u64 *)(r10 -8) += r1"],
    ["db1af8ffe1000000", "r1 = atomic64_xchg((u64 *)(r10 -8), r1)"],
    ["db1af8fff1000000", "r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r1)"],
    ["db1af8ff01000000", "r1 = atomic64_fetch_add((u64 *)(r10 -8), r1)"],
    ["200000000e000000", "r0 = *(u32 *)skb[14]"],
    ["6501010000000000", "if r1 s> 0 goto pc+1"],
    ["26010100feffffff", "if w1 > -2 goto pc+1"],
    ["0500010000000000", "goto pc+1"],
    ["0600000001000000", "gotol pc+1"],
    ["8500000006000000", "call unknown#6"],
    ["8510000002000000", "call pc+2"],
    ["ff00000000000000", ".insn 0xff, r0, r0, 0, 0"],
  ])("%s is %s", (bytes, text) => {
    const program = isa.decodeInstructions(Buffer.from(bytes, "hex"));
    expect(disassemble(program, 0)).toBe(text);
    expect(hex(assemble(text))).toBe(bytes);
  });

  it("reads back what it shows", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const program = randomProgram(seed);
      expect(hex(assemble(listing(program)))).toBe(hex(program));
    }
  });

  it.each([
    ["r0 = r11", "line 1: r11 is no register that can stand here"],
    ["exit\nnonsense", "line 2: not understood: nonsense"],
    ["goto nowhere", "line 1: unknown label or helper nowhere"],
    ["a: exit\na: exit", "line 2: label a is there twice"],
    ["r0 = 0x100000000", "line 1: 0x100000000 does not fit 32 bits"],
    ["r0 = *(u8 *)(r1 +40000)", "line 1: offset 40000 does not fit 16 bits"],
  ])("refuses %s", (text, message) => {
    expect(() => assemble(text)).toThrow(new AssemblerError(Number(message.slice(5, 6)), message.slice(8)));
  });
});
