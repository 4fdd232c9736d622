/**
 * Looks at a BPF program that has gone to sleep:
 *
 *     npx tsx run.ts images/sleepable.bin --script examples/asleep-in-a-program.ts
 *
 * Stops where the helper bpf_copy_from_user is called, then where its task gives the processor away: the page it wants has to come from the
 * disk. Prints the way from the breakpoint in the user's program to there, who is in a reader that may sleep, and who runs instead.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const name = (address: bigint): string => session.symbols.at(address)?.name ?? session.describe(address);
  const running = (): string => `${session.currentTask.field("comm").text}[${session.currentTask.field("pid").value}]`;
  const program = /^bpf_prog_/;

  // The image asks many questions before; in this one the program is a uprobe's and its page is a file's.
  await session.waitFor("== asleep");
  await session.runTo("bpf_copy_from_user");
  const sleeper = session.currentTask.field("pid").value;
  session.log(
    `${running()} runs ${name(session.backtrace()[1].address).replace(/_[0-9a-f]{16}/, "")}, which calls its helper`,
  );

  await session.runTo("schedule");
  const names = session.backtrace().map(({ address }) => name(address));
  const outermost = names.findLastIndex((text) => program.test(text)) + 3;
  session.log(`it goes to sleep, ${names.length} calls deep:`);
  for (const text of names.slice(0, outermost)) session.log(`    ${text.replace(/_[0-9a-f]{16}/, "")}`);

  await session.runTo("rcu_read_unlock_trace_special");
  session.expectEqual(session.currentTask.field("pid").value, sleeper, "who leaves the reader");
  session.log("somebody waits for it: it says so when it leaves");
  await session.expectExit(0);
}
