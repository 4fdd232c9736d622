/**
 * Alignment checks (#AC): which alignment each kind of access must have, as the real processor has it (a program that set EFLAGS.AC
 * was run natively with each of these instructions at 32 addresses).
 */
import { describe, expect, it } from "vitest";
import type { Cpu, TierOptions } from "../../src/cpu/index.ts";
import { Flag } from "../../src/cpu/state.ts";
import { bareCpu, CODE, DATA, runToHalt, STACK } from "./bare-cpu.ts";

const AC = 17;
/** Machine code of instructions whose operand is at [rdi], by the alignment that they want. */
const INSTRUCTIONS: Readonly<Record<number, string>> = {
  1: `c4e2692c07 c4e26d8e07 c4e26990048f 0f180f 0fae3f`,
  2: `668b07 0fb707 66a5 660fc40700 660f3a150700 df07 d93f d92f dd3f 66d937 8c1f 8e1f 0f0027 0f0207 660fb507`,
  4: `8b07 0107 f0830701 8707 486307 0fa307 0fba2703 a5 a7 f3a5 f30f1007 660f6e07 f30f5807 f20f2a07 660f3a220700
    660f383107 660f3a210700 c4e2791807 0f6e07 0f6007 0fc307 0f38f007 f20f38f107 f30fb807 660f38f607 c4e27bf507
    d907 d91f db07 d937 d927 dd37 dd27 0fae1f 0fae17 0fb507`,
  8: `488b07 488907 0fc70f f00fc70f f20f1007 f30f7e07 660fd607 0f1607 0f1307 f20f5807 0f5a07 0f2a07 660f383007
    c5fb580f c4e2791307 0f6f07 0ffc07 0fe707 480fc307 480f38f107 f2480f38f107 dd07 db2f dd1f db3f df2f df27 df37
    ff37 8f07 ff17`,
  16: `0f1007 0f1107 660f1007 f30f6f07 f20ff007 f30f7f07 c5f81007 c5fc1007 c5fe7f07 c5f8580f c5fc580f c5fdfe0f
    c4e27d1a07 c4e37d380701 c4e37d390701 c4e27d3007 c4e27db80f 660f3a630700`,
};
/** The same with the operand on the stack: PUSH, POP, PUSHF, CALL, LEAVE, ENTER (with a nesting level), RET, far RET, IRET. */
const STACK_INSTRUCTIONS: Readonly<Record<number, string>> = {
  2: "6650 6658",
  4: "cb",
  8: "50 58 9c e800000000 c9 c8100000 c8100002 c3 48cb 48cf",
};

function userCpu(options: TierOptions): Cpu {
  const cpu = bareCpu({}, options);
  const { state } = cpu;
  state.setSegment("cs", { selector: 0x23, base: 0n, limit: 0xffff_ffff, attributes: 0xafb });
  state.setSegment("ss", { selector: 0x1b, base: 0n, limit: 0xffff_ffff, attributes: 0xcf3 });
  state.cpl = 3;
  state.cr0 |= 0x4_0000n;
  state.cr4 |= 0x4_0600n;
  state.xcr0 = 7n;
  return cpu;
}

/** The vector that an instruction raises with its operand at an address; undefined if none. */
function vectorOf(cpu: Cpu, code: Buffer, address: number, stack: number): number | undefined {
  const { state, memory } = cpu;
  memory.write(CODE, Uint8Array.of(...code, 0x90));
  memory.write(DATA, new Uint8Array(8192));
  memory.writeUint64(STACK + 0xff8, 0n);
  state.setSegment("cs", { selector: 0x23, base: 0n, limit: 0xffff_ffff, attributes: 0xafb });
  state.setSegment("ss", { selector: 0x1b, base: 0n, limit: 0xffff_ffff, attributes: 0xcf3 });
  state.cpl = 3;
  state.resetX87();
  for (let i = 0; i < 16; i++) state.setXmm(i, 0n);
  state.setXmm(2, (1n << 128n) - 1n);
  state.rax = 0n;
  state.rbx = 0n;
  state.rdx = 0n;
  state.rcx = 4n;
  state.rdi = BigInt(address);
  state.rsi = BigInt(DATA + 0x1000);
  state.rsp = BigInt(stack);
  state.rbp = BigInt(stack);
  state.rip = BigInt(CODE);
  state.rflags = BigInt(2 | Flag.AC);
  let vector: number | undefined;
  cpu.onDelivery = (event) => {
    vector ??= event.vector;
  };
  cpu.step();
  return vector;
}

const aligned = (wanted: number): string =>
  Array.from({ length: 32 }, (_, i) => (i % wanted === 0 ? "." : "A")).join("");

describe.each<[string, TierOptions]>([
  ["tier 0", { tier: 0 }],
  ["tier 1", { tier: 1 }],
])("alignment checks, %s", (_name, options) => {
  it.each(Object.entries(INSTRUCTIONS))("operands that want a multiple of %i", (wanted, list) => {
    const cpu = userCpu(options);
    for (const hex of list.split(/\s+/)) {
      const code = Buffer.from(hex, "hex");
      const seen = Array.from({ length: 32 }, (_, i) => {
        const vector = vectorOf(cpu, code, DATA + 0x400 + i, STACK - 0x100);
        return vector === AC ? "A" : vector === undefined || vector === 14 || vector === 13 ? "." : `[${vector}]`;
      });
      expect(`${hex} ${seen.join("")}`).toBe(`${hex} ${aligned(Number(wanted))}`);
    }
  });

  it.each(Object.entries(STACK_INSTRUCTIONS))("stack accesses that want a multiple of %i", (wanted, list) => {
    const cpu = userCpu(options);
    for (const hex of list.split(" ")) {
      const code = Buffer.from(hex, "hex");
      const seen = Array.from({ length: 32 }, (_, i) =>
        vectorOf(cpu, code, DATA, DATA + 0x800 + i) === AC ? "A" : ".",
      );
      expect(`${hex} ${seen.join("")}`).toBe(`${hex} ${aligned(Number(wanted))}`);
    }
  });

  it("comes before a page fault and behind a non-canonical address", () => {
    const cpu = userCpu(options);
    const load = Buffer.from("8b07", "hex");
    expect(vectorOf(cpu, load, 0x4000_0000, DATA)).toBe(14);
    expect(vectorOf(cpu, load, 0x4000_0001, DATA)).toBe(AC);
    cpu.state.rdi = 0n;
    const far = Buffer.from("48b801000000008000008b00", "hex");
    vectorOf(cpu, far, DATA, DATA);
    let vector: number | undefined;
    cpu.onDelivery = (event) => {
      vector ??= event.vector;
    };
    cpu.step();
    expect(vector).toBe(13);
  });

  it("pushes error code 0; POPF switches the checks on and off; CPL 0 has none", () => {
    const cpu = userCpu(options);
    const { memory, state } = cpu;
    // push 0x40002; popfq; push 2; popfq; mov eax, [rdi]; push 0x40002; popfq; mov eax, [rdi]
    memory.write(CODE, Buffer.from("68020004009d6a029d8b0768020004009d8b07", "hex"));
    state.rdi = BigInt(DATA + 1);
    state.rsp = BigInt(DATA + 0x800);
    state.rip = BigInt(CODE);
    let count = 0;
    cpu.onDelivery = (event) => {
      count++;
      expect(event).toMatchObject({ vector: AC, errorCode: 0, rip: BigInt(CODE + 17) });
    };
    runToHalt(cpu);
    expect(count).toBe(1);
    expect(memory.readUint64(Number(state.rsp))).toBe(0n);
    memory.write(Number(state.rip), Buffer.from("8b07f4", "hex"));
    state.rdi = BigInt(DATA + 1);
    runToHalt(cpu);
    expect(count).toBe(1);
  });
});
