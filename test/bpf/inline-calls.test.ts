/** Helper calls that compiled programs do without: the sequences that Linux puts in their place, and what moves with them. */
import { describe, expect, it } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import { internalHelpers } from "../../src/bpf/coprocessor-protocol.ts";
import { type InlineMap, inlineCalls } from "../../src/bpf/inline-calls.ts";

const layout = { arrayValue: 272, hashKey: 48, hashReferenced: 35, jiffies: 0xffffffff81234560n };
const map: InlineMap = {
  type: 2,
  keySize: 4,
  maxEntries: 3,
  isVariable: false,
  elementSize: 24,
  operations: [7, 0, 9, 0, 0, 0],
};

const inlined = (text: string, given: Partial<InlineMap>, slot = 0) =>
  inlineCalls(
    {
      instructions: assemble(text),
      starts: [0],
      stackDepths: [8],
      maps: new Map([[slot, { ...map, ...given }]]),
      loops: new Map(),
    },
    layout,
  );

describe("inlined calls", () => {
  it("a look-up in an array multiplies, or shifts where it can", () => {
    expect(inlined("call 1\nexit", {}).instructions).toEqual(
      assemble("r1 += 272\nr0 = *(u32 *)(r2 +0)\nif r0 >= 3 goto pc+3\nr0 *= 24\nr0 += r1\ngoto pc+1\nr0 = 0\nexit"),
    );
    expect(inlined("call 1\nexit", { elementSize: 16 }).instructions[3].imm).toBe(4);
  });

  it("a map of a task without CAP_PERFMON masks the index", () => {
    const { instructions } = inlined("call 1\nexit", { indexMask: 3 });
    expect(instructions).toHaveLength(9);
    expect(instructions[2].off).toBe(4);
    expect(instructions[3].imm).toBe(3);
  });

  it("a look-up in a hash adds the offset of the value, one in an LRU hash notes the use", () => {
    const plain = inlined("call 1\nexit", { type: 1, keySize: 20 }).instructions;
    expect(plain[0].imm).toBe(internalHelpers.hash_lookup);
    expect(plain[2].imm).toBe(48 + 24);
    const lru = inlined("call 1\nexit", { type: 9 }).instructions;
    expect(lru.map(({ off }) => off)).toEqual([0, 4, 35, 1, 35, 0, 0]);
  });

  it("another operation is a direct call where the map has one, and the helper's where it has not", () => {
    expect(inlined("call 3\nexit", {}).instructions[0].imm).toBe(9);
    expect(inlined("call 2\nexit", {}).instructions[0].imm).toBe(2);
    expect(inlined("call 1\nexit", { isVariable: true }).instructions[0].imm).toBe(7);
  });

  it("jumps over a replaced call still land where they did", () => {
    const { instructions, placeOf, originOf } = inlined("if r1 == 0 goto pc+1\ncall 1\nexit", {}, 1);
    expect(instructions[0].off).toBe(7);
    expect(placeOf(2)).toBe(8);
    expect([originOf(0), originOf(1), originOf(7), originOf(8)]).toEqual([0, 1, 1, 2]);
  });
});
