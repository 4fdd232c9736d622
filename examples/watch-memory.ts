/**
 * Finds out which instructions write a variable of the kernel:
 *
 *     npx tsx run.ts images/mount-and-read.bin --script examples/watch-memory.ts
 *
 * A watchpoint stops behind each instruction that writes `current_task`; that is where the kernel goes from one task to another. Only accesses
 * to the watched page are slower.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const writers = new Map<string, number>();
  const pairs = new Set<string>();
  const comm = (task: bigint): string =>
    task === 0n ? "(none)" : session.struct("task_struct", task).field("comm").text;

  // The kernel's addresses mean something once it has its page tables.
  await session.runTo("start_kernel");
  const watch = session.watch("current_task", (_, { instruction, before, after }) => {
    const name = session.symbols.at(instruction)?.name ?? "?";
    writers.set(name, (writers.get(name) ?? 0) + 1);
    if (before !== after) pairs.add(`${comm(before)} -> ${comm(after)}`);
  });
  await session.expectExit(0);

  for (const [name, count] of writers) session.log(`${name} wrote current_task ${count > 1 ? "repeatedly" : "once"}`);
  for (const pair of [...pairs].sort()) session.log(pair);
  session.expectEqual(
    [...writers.values()].reduce((sum, count) => sum + count, 0),
    watch.hits,
    "the number of writes",
  );
}
