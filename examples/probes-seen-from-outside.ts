/**
 * Counts the hits of every probe from outside of the guest, while a program in the guest counts them with BPF: the two must
 * agree.
 *
 *     npx tsx run.ts images/count-calls.bin --script examples/probes-seen-from-outside.ts
 *
 * The guest attaches one program to many functions (kprobe.multi). The script knows nothing of that: it sees probes being hit,
 * and who called the probed function.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const hits = new Map<string, { count: number; readonly callers: Set<string> }>();
  session.onProbe(undefined, {
    before: ({ probe, regs }) => {
      const name = session.symbols.at(probe.address)?.name ?? probe.place;
      const caller = session.symbols.at(session.memory.readUint(regs.field("sp").value, 8))?.name ?? "?";
      const entry = hits.get(name) ?? { count: 0, callers: new Set<string>() };
      entry.count++;
      entry.callers.add(caller);
      hits.set(name, entry);
    },
  });

  await session.expectExit(0);
  for (const [name, { count, callers }] of hits) session.log(`${name}: ${count}, from ${[...callers].join(", ")}`);
  const counted = [...session.console.matchAll(/^ +(\d+) (\w+)\r?$/gm)];
  session.expectEqual(counted.length, hits.size, "the number of functions that were called");
  for (const [, count, name] of counted) session.expectEqual(hits.get(name)?.count, Number(count), `hits of ${name}`);
}
