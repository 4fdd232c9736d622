/**
 * How a call was overridden in the kernel of 2017: no exception, but a call in the five bytes that the compiler leaves for the
 * function tracer.
 *
 *     npx tsx run.ts images/override-open-ctree.bin --append bpf_rules=2017 --script examples/override-of-2017.ts
 *
 * Stops at the function's first instruction, then at the helper, then at the lone `ret`, and at last behind the caller's call.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const where = (): string => session.describe(session.registers.rip);
  const first = (name: string): string => session.disassemble(name)[0]?.text.replace(/0x\w+ <(\w+)>/, "$1") ?? "";

  await session.runTo("open_ctree");
  const back = session.memory.readUint(session.registers.rsp, 8);
  session.log(`open_ctree begins with: ${first("open_ctree")}`);

  await session.runTo("bpf_override_return");
  session.log(`the program calls its helper with ${BigInt.asIntN(64, session.registers.rsi)}`);

  await session.runTo("override_func");
  session.log(`${where()}: ${first("override_func")}`);

  await session.step();
  session.expectEqual(session.registers.rip, back, "where the call returns to");
  session.log(`back in ${session.symbols.at(back)?.name} with eax = ${BigInt.asIntN(32, session.registers.rax)}`);
  await session.expectExit(0);
}
