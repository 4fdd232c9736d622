/**
 * Tries every failure from the same moment on, each in a machine of its own:
 *
 *     npx tsx run.ts images/mount-and-read.bin --script examples/fork-and-compare.ts
 *
 * The machine is stopped where open_ctree begins and forked again and again. In the first fork the calls of kmalloc() under open_ctree are
 * counted; in the nth of the others, the nth of them fails. Each goes on to its own end. The machine itself is left as it was, and
 * mounts its disk as if nothing had happened.
 */
import type { Session } from "../src/index.ts";

const FUNCTION = "kmalloc";
const UNDER = "open_ctree";
const MOST = 5;

export default async function (session: Session): Promise<void> {
  await session.runTo(UNDER);
  const before = session.machine.stateHash();

  const counting = await session.fork();
  const calls = counting.breakAt(FUNCTION, () => undefined);
  const result = BigInt.asIntN(32, await counting.finish());
  session.log(`${UNDER} calls ${FUNCTION} ${calls.hits} times and returns ${result}`);

  for (let nth = 1; nth <= Math.min(calls.hits, MOST); nth++) {
    const fork = await session.fork();
    let where = "";
    fork.breakAt(FUNCTION, {
      skip: nth - 1,
      once: true,
      action: () => {
        where = fork.symbols.at(fork.backtrace()[1].address)?.name ?? "?";
        fork.overrideReturn(0n);
      },
    });
    const outcome = BigInt.asIntN(32, await fork.finish());
    const end = await fork.runToEnd();
    session.log(`call ${nth}, from ${where}: ${UNDER} returns ${outcome}, the run ends with ${end.reason}`);
    session.expectEqual(end.reason, "exit", "the end of a run with a failing call");
  }

  session.expectEqual(session.machine.stateHash(), before, "the machine that was forked");
  await session.expectExit(0);
}
