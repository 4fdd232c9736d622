/**
 * Looks at the kernel's own structures by the names of its C source, through its type information (BTF):
 *
 *     npx tsx run.ts images/override-open-ctree.bin --script examples/inspect-task.ts
 *
 * Stops in the BPF helper that overrides a call: deep inside, on top of the exception that the probe raised. Prints who is running, the
 * backtrace down to the program in user mode, the registers that the exception saved, and the task's credentials and relatives.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  await session.runTo("override_function_with_return");

  const task = session.currentTask;
  session.log(`running: ${task.field("comm").text}, pid ${task.field("pid").value}`);
  session.log(`its parent: ${task.field("real_parent->comm").text}, pid ${task.field("real_parent->pid").value}`);
  session.log(`all tasks: ${session.tasks.map((other) => other.field("comm").text).join(", ")}`);
  session.log(`credentials: ${task.field("cred").deref().format(2)}`);

  session.loadGuestSymbols(`/bin/${task.field("comm").text}`);
  const frames = session.backtrace();
  session.log("backtrace:");
  // Names without offsets, which change with every build.
  for (const { address, kind } of frames) session.log(`    ${session.symbols.at(address)?.name} [${kind}]`);

  // An interrupted frame knows where its registers were saved; so does the helper's argument.
  const interrupted = frames.find(({ kind }) => kind === "interrupted");
  const regs = session.ptRegs(interrupted?.regs ?? 0n);
  session.expectEqual(regs.address, session.registers.rdi, "the struct pt_regs that the program was given");
  session.expectEqual(BigInt.asIntN(64, regs.field("ax").value), -12, "what the program put into ax");
  session.log(
    `probed: ${session.describe(regs.field("ip").value - 1n)}, ax = ${BigInt.asIntN(64, regs.field("ax").value)}`,
  );

  const superBlock = session.struct("super_block", regs.field("di").value);
  session.log(`its first argument is of file system type "${superBlock.field("s_type->name").text}"`);

  await session.expectExit(0);
}
