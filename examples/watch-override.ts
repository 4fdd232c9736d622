/**
 * Watches a call being overridden, without changing anything:
 *
 *     npx tsx run.ts images/override-open-ctree.bin --script examples/watch-override.ts
 *
 * Prints where open_ctree was called from, what its probe made of the call, and what the caller got.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  await session.runTo("open_ctree");
  const caller = session.memory.readUint(session.registers.rsp, 8);
  session.log(`${session.machine.time}: open_ctree is about to be entered, from ${session.describe(caller)}`);
  for (const { text } of session.disassemble("open_ctree")) session.log(`    its first instruction is now: ${text}`);

  const overridden = session.breakAt("just_return_func", () => {
    session.log(`${session.machine.time}: rip was moved to ${session.describe(session.registers.rip)}`);
    return undefined;
  });
  await session.runTo(caller);
  const result = BigInt.asIntN(64, session.registers.rax);
  session.log(`${session.machine.time}: back in ${session.describe(caller)} with rax = ${result}`);
  session.expect(overridden.hits > 0, "open_ctree to be overridden");
  overridden.remove();
}
