/**
 * What a BPF program on a function's entry costs, counted instruction by instruction:
 *
 *     npx tsx run.ts images/bench-trigger.bin --script examples/profile-trigger.ts
 *
 * The image calls getpgid many times under each of three programs, and prints shares from samples. Here one call of each is stepped
 * through, from the function's first instruction to its caller, and the instructions of each function are counted.
 */
import type { Session } from "../src/index.ts";

const VARIANTS = ["an ordinary program", "a sleepable one: SRCU", "a sleepable one: rcu_tasks_trace"];

/** Instructions of one call by function, those of the function itself left out. */
function countCall(session: Session): Map<string, number> {
  const caller = session.memory.readUint(session.registers.rsp, 8);
  const counts = new Map<string, number>();
  while (session.registers.rip !== caller) {
    // Code that is neither the kernel's nor a program's is the trampoline's.
    const name = (session.symbols.at(session.registers.rip)?.name ?? "bpf_trampoline").replace(
      /_[0-9a-f]{16}|_\d+$/,
      "",
    );
    counts.set(name, (counts.get(name) ?? 0) + 1);
    session.step();
  }
  for (const name of counts.keys()) if (!/^(bpf_(prog|trampoline)|__bpf_prog_|__srcu_)/.test(name)) counts.delete(name);
  return counts;
}

export default async function (session: Session): Promise<void> {
  const totals: number[] = [];
  for (const variant of VARIANTS) {
    await session.waitFor(variant);
    // Not the first call: what it needs is there by the second.
    for (let call = 0; call < 2; call++) {
      await session.runTo("__x64_sys_getpgid");
      if (call === 0) session.step();
    }
    const counts = countCall(session);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    session.log(`${variant}: ${total} instructions`);
    for (const [name, count] of [...counts].sort(([, a], [, b]) => b - a)) {
      session.log(`${String(count).padStart(6)}  ${name}`);
    }
    totals.push(total);
  }
  const [plain, srcu, trace] = totals;
  session.expect(plain < trace && trace < srcu, "rcu_tasks_trace to lie between the ordinary program and SRCU");
  await session.expectExit(0, { instructions: 2_000_000_000 });
}
