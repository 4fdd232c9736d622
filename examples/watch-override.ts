/**
 * Watches calls being overridden, without changing anything:
 *
 *     npx tsx run.ts images/override-open-ctree.bin --script examples/watch-override.ts
 *
 * Callbacks on every hit of a kernel probe, before and after its handlers, and on every override. The run is the same, instruction for
 * instruction, as without the script.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const caller = (address: bigint): string | undefined => session.symbols.at(address)?.name;
  let overrides = 0;

  session.onProbe(undefined, {
    before: ({ probe, regs }) => {
      session.log(`hit: ${probe.place}, called from ${caller(session.memory.readUint(regs.field("sp").value, 8))}`);
      for (const { text } of session.disassemble(probe.address))
        session.log(`    its first instruction is now: ${text}`);
    },
    after: ({ regs, overridden }) => {
      session.log(`handled: ${overridden ? "overridden" : "goes on"}, at ${session.describe(regs.field("ip").value)}`);
    },
  });
  session.onOverride({
    before: ({ target, result }) => session.log(`override: ${session.describe(target)} will return ${result}`),
    after: ({ caller: to, result }) => {
      overrides++;
      session.log(`returning: ${result} to ${caller(to)}`);
    },
  });

  await session.expectExit(0);
  session.expectEqual(overrides, 1, "the number of overrides");
}
