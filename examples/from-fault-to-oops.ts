/**
 * How an injected fault became an oops, on a kernel with a planted bug (docs/planted-bugs.md):
 *
 *     npx tsx run.ts images/planted-bugs/stale-error-pointer.bin --script examples/from-fault-to-oops.ts
 *
 * Stops in the second mount, the one with the fault. From there on it notes the override, every write to the pointer that the bug
 * leaves behind, and the report; between them lie so many instructions, and the registers of the report hold the error that was injected.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const name = (address: bigint): string => session.symbols.at(address)?.name ?? "?";
  const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

  session.breakAt("open_ctree", { skip: 1, once: true });
  await session.run();
  const superBlock = session.struct("super_block", session.registers.rdi);
  const fsRoot = session.struct("btrfs_fs_info", superBlock.field("s_fs_info").value).field("fs_root");
  session.log(`the second mount, with fs_root = ${fsRoot.value}`);

  let fault = 0;
  session.onOverride({
    after: ({ caller, result }) => {
      fault = session.machine.instructions;
      session.log(`fault: ${name(caller)} is given ${result}`);
    },
  });
  session.watch(fsRoot.address, (_, { instruction, after }) => {
    session.log(`${name(instruction)} writes ${signed(after)} to fs_root`);
  });

  await session.runTo("die");
  const regs = session.ptRegs(session.registers.rsi);
  const frames = session.backtrace();
  const interrupted = frames.findIndex(({ kind }) => kind === "interrupted");
  const [place, caller] = frames.slice(interrupted).map(({ address }) => name(address));
  session.log(`oops in ${place}, called by ${caller}`);
  session.log(`rbx = ${signed(regs.field("bx").value)}`);
  session.expectEqual(signed(regs.field("bx").value), -5n, "the error pointer");
  session.expect(session.machine.instructions - fault < 1_000_000, "an oops soon after its fault");
  await session.expectExit(0);
}
