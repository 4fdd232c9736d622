/**
 * Follows one call of a function through its trampoline:
 *
 *     npx tsx run.ts images/trampolines.bin --script examples/inside-a-trampoline.ts
 *
 * Seven programs are attached to the function then: two fentry, two fexit, three fmod_ret, of which the newest says -12. Prints what stands at
 * the function's entry, what the trampoline calls, and what the caller gets. The function itself is never reached.
 */
import type { Session } from "../src/index.ts";

const FUNCTION = "bpf_modify_return_test";

export default async function (session: Session): Promise<void> {
  const nameOf = (address: bigint): string => (session.symbols.at(address)?.name ?? "").replace(/_[0-9a-f]{16}.*/, "");

  await session.waitFor("with program 6: ");
  await session.runTo(FUNCTION);
  const [entry] = session.disassemble(FUNCTION, 1);
  session.log(`${FUNCTION} begins with: ${entry.text.split(" ")[0]}`);
  const caller = session.memory.readUint(session.registers.rsp, 8);

  let ran = false;
  let programs = 0;
  await session.runUntil(({ registers }) => {
    const symbol = session.symbols.at(registers.rip);
    if (registers.rip === session.address(FUNCTION) + 5n) ran = true;
    if (symbol?.address === registers.rip && /^(bpf_prog|__bpf_)/.test(symbol.name)) {
      if (symbol.name.startsWith("bpf_prog_")) programs++;
      session.log(`    ${nameOf(registers.rip)}`);
    }
    return registers.rip === caller;
  });
  session.expectEqual(programs, 5, "programs that ran");
  session.expect(!ran, "the function not to be called");
  session.log(`the caller gets ${BigInt.asIntN(32, session.registers.rax)}`);
  await session.expectExit(0);
}
