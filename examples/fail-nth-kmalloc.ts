/**
 * Makes the third kmalloc() under open_ctree fail from outside, without anything in the guest that knows of it:
 *
 *     npx tsx run.ts images/mount-and-read.bin --script examples/fail-nth-kmalloc.ts
 *
 * A breakpoint with a condition (open_ctree is on the call stack) and a count stops at the call. There the registers are changed to what
 * they are when a function returns: rax the result, rip the return address, rsp behind it. What btrfs makes of it is the guest's affair:
 * the mount fails with ENOMEM, and the program reports it.
 */
import type { Session } from "../src/index.ts";

const FUNCTION = "kmalloc";
const UNDER = "open_ctree";
const NTH = 3;
const RESULT = 0n;

export default async function (session: Session): Promise<void> {
  const name = (address: bigint): string | undefined => session.symbols.at(address)?.name;

  const call = session.breakAt(FUNCTION, {
    when: () => session.backtrace().some(({ address }) => name(address) === UNDER),
    skip: NTH - 1,
    once: true,
    action: () => {
      const { registers, memory } = session;
      session.log(`call ${NTH} of ${FUNCTION}(${registers.rdi}) under ${UNDER} fails, called from:`);
      for (const { address } of session.backtrace().slice(1)) {
        session.log(`    ${name(address)}`);
        if (name(address) === UNDER) break;
      }
      registers.rax = RESULT;
      registers.rip = memory.readUint(registers.rsp, 8);
      registers.rsp += 8n;
    },
  });

  await session.runTo(UNDER);
  const result = await session.finish();
  session.log(`${UNDER} returned ${BigInt.asIntN(32, result)}`);
  session.expectEqual(call.hits, NTH, `calls of ${FUNCTION} that were counted`);
  session.expectEqual(BigInt.asIntN(32, result), -12, `${UNDER}'s result`);

  await session.waitFor("Cannot allocate memory");
  await session.expectExit(1);
}
