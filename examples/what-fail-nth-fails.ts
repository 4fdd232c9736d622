/**
 * Which requests of pipe(2) the kernel was made to fail, from outside: where each came from, and what the system call returned.
 *
 *     npx tsx run.ts images/fault-injection.bin --script examples/what-fail-nth-fails.ts
 *
 * The guest's program counts through the requests by /proc/self/fail-nth. Each time the framework decides to fail one, the script has the
 * machine's stack and clock; nothing in the guest is changed.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const failed: string[] = [];
  // fail-nth has counted down to the request that fails, which is about to be told.
  const reports = session.breakAt("fail_dump", () => {
    const frames = session.backtrace().map(({ text }) => text.split("+")[0] ?? "");
    const decided = frames.indexOf("should_fail_ex");
    failed.push(frames.slice(decided + 1, decided + 6).join(" < "));
  });
  await session.waitFor("there is no request");
  reports.remove();
  for (const [i, path] of failed.entries()) session.log(`request ${i + 1}: ${path}`);
  await session.expectExit(0);
}
