/** Generated BPF code on our own processor: result and memory are the reference interpreter's. */
import { describe, expect, it } from "vitest";
import { compile, type KernelLayout } from "../../src/bpf/x86-64/code-generator.ts";
import { BareMachine } from "../../src/machine/bare-machine.ts";
import { CONTEXT_SIZE, HELPER_COUNT, randomContext, randomProgram } from "./random-program.ts";
import { CONTEXT, runReference } from "./reference.ts";

const CODE = 0x10000000n;
const HELPERS = 0x0fff0000n;
const STACK_TOP = 0x30000000n;
const HELPER_STRIDE = 128n;
const layout: KernelLayout = { mapMaxEntries: 24, arrayPointers: 256, progFunction: 40 };
const helperAddress = (id: number): bigint => HELPERS + HELPER_STRIDE * BigInt(id);

/** rax = ((((id * 31 + rdi) * 31 + rsi) * 31 + rdx) * 31 + rcx) * 31 + r8; then the arguments are destroyed. */
function helperCode(id: number): Uint8Array {
  const timesThirtyOne = [0x48, 0x6b, 0xc0, 0x1f];
  const adds = [
    [0x48, 0x01, 0xf8],
    [0x48, 0x01, 0xf0],
    [0x48, 0x01, 0xd0],
    [0x48, 0x01, 0xc8],
    [0x4c, 0x01, 0xc0],
  ];
  const destroy = [0xc7, 0xc6, 0xc2, 0xc1].flatMap((rm) => [0x48, 0xc7, rm, 0xff, 0xff, 0xff, 0xff]);
  return Uint8Array.from([
    ...[0xb8, id, 0, 0, 0],
    ...adds.flatMap((add) => [...timesThirtyOne, ...add]),
    ...destroy,
    ...[0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff],
    0xc3,
  ]);
}

describe("generated x86-64 code on the machine", () => {
  it("random programs: result and memory are the interpreter's", () => {
    const machine = new BareMachine({ mode: "long" });
    machine.map(HELPERS, 4096);
    machine.map(CODE, 0x10000);
    machine.map(CONTEXT, 4096);
    machine.map(STACK_TOP - 0x4000n, 0x4000);
    for (let id = 1; id <= HELPER_COUNT; id++) machine.write(helperAddress(id), helperCode(id));
    const trap = CODE + 0xfff0n;
    machine.write(trap, Uint8Array.of(0xf4));

    for (let seed = 1; seed <= 150; seed++) {
      const program = randomProgram(seed);
      const context = randomContext(seed);
      const compiled = compile({ instructions: program, helperAddress, layout });
      machine.write(CODE, compiled.bind(CODE));
      machine.write(CONTEXT, context);
      const stack = new Uint8Array(8);
      new DataView(stack.buffer).setBigUint64(0, trap, true);
      machine.write(STACK_TOP - 64n, stack);
      machine.registers.rsp = STACK_TOP - 64n;
      machine.registers.rdi = CONTEXT;
      machine.registers.rip = CODE;
      expect(machine.run({ instructions: 1_000_000 })).toEqual({ reason: "hlt" });
      const outcome = { r0: machine.registers.rax, context: machine.read(CONTEXT, CONTEXT_SIZE) };
      expect({ seed, ...outcome }).toEqual({ seed, ...runReference(program, context) });
    }
  });
});
