/**
 * Walks through an overridden call, instruction by instruction:
 *
 *     npx tsx run.ts images/override-open-ctree.bin --script examples/override-step-by-step.ts
 *
 * From the int3 that the kprobe put at open_ctree through the exception's entry code, the kprobe's handler, the BPF program and the override
 * helper, iretq to just_return_func, and its ret to the caller, which goes on with -ENOMEM. Each step is printed with the registers and the
 * memory that it changed; a heading says when another function begins or goes on.
 */
import type { Session, Step } from "../src/index.ts";

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** "rax 0x0 -> 0xfffffff4, [0xffffc90000013f50] = 0xffffffff81000123" */
function changes(session: Session, step: Step): string {
  // Small numbers are no addresses, whatever absolute symbols there are.
  const name = (value: bigint): string => (value >> 63n === 1n && session.symbols.describe(value)) || hex(value);
  const registers = step.registers.map(({ name: register, before, after }) =>
    register === "rflags" ? `flags ${hex(before)} -> ${hex(after)}` : `${register} ${name(before)} -> ${name(after)}`,
  );
  const writes = step.writes.map(({ address, after }) => `[${name(address)}] = ${name(after)}`);
  return [...registers, ...writes].join(", ");
}

export default async function (session: Session): Promise<void> {
  // Its probe is there already: the program is attached before the mount.
  await session.runTo("open_ctree");
  const { rsp } = session.registers;
  const caller = session.memory.readUint(rsp, 8);
  session.log(`open_ctree is called from ${session.describe(caller)}`);
  for (const { place, armed, probes } of session.kprobes)
    session.log(`probe on ${place}: ${armed ? "armed" : "not armed"}, handled by ${probes[0]?.handler}`);
  session.log("");

  let current = "";
  let steps = 0;
  const passed: string[] = [];
  while (session.registers.rip !== caller || session.registers.rsp !== rsp + 8n) {
    const { rip } = session.registers;
    const place = session.describe(rip);
    const name = session.symbols.at(rip)?.name ?? "?";
    if (name !== current) {
      session.log(`${name === place ? "enter" : "back in"} ${name}`);
      if (!passed.includes(name)) passed.push(name);
      current = name;
    }
    const step = session.stepAndRecord();
    session.log(`  ${place.padEnd(38)} ${step.instruction.text.padEnd(44)} ${changes(session, step)}`.trimEnd());
    for (const { vector } of step.deliveries) session.log(`  -> exception ${vector}`);
    session.expect(++steps < 100_000, "open_ctree to return");
  }

  session.log("");
  session.log(`${steps} steps, through ${passed.join(", ")}`);
  const result = BigInt.asIntN(32, session.registers.rax);
  session.log(`${session.describe(caller)} goes on with eax = ${result}`);
  session.expect(passed.includes("just_return_func"), "open_ctree to be overridden");
  session.expectEqual(result, -12, "what open_ctree's caller gets");
}
