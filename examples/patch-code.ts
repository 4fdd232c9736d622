/**
 * Writes over the guest's code while it runs, and puts it back:
 *
 *     npx tsx run.ts images/mount-and-read.bin --script examples/patch-code.ts
 *
 * One function of the kernel is replaced by a line of assembly, in which {symbol} stands for an address: open_ctree goes straight to
 * just_return_func with -EIO. Translations of the old code are dropped, so the very next call runs the new one. The patch is undone before
 * the guest's program reports that its mount failed.
 */
import type { Session } from "../src/index.ts";

const EIO = 5;

export default async function (session: Session): Promise<void> {
  const show = (title: string): void => {
    session.log(title);
    // Addresses change with every build of the kernel: names only.
    for (const { text } of session.disassemble("open_ctree", 2)) session.log(`    ${text.replace(/0x\w{16} /, "")}`);
  };

  // The kernel's addresses mean something once it has its page tables.
  await session.waitFor("Run /init as init process");
  show("open_ctree begins with:");
  const patch = session.patch("open_ctree", `mov eax, -${EIO}; jmp {just_return_func}`);
  show(`with ${patch.bytes.length} bytes written over it:`);

  await session.runTo("open_ctree");
  session.step();
  session.step();
  session.expectEqual(session.describe(session.registers.rip), "just_return_func", "where the patch went");
  session.step();
  session.log(`${session.symbols.at(session.registers.rip)?.name} got ${BigInt.asIntN(32, session.registers.rax)}`);

  patch.undo();
  show("put back:");
  await session.waitFor("Input/output error");
  await session.expectExit(1);
}
