/**
 * What turning a fault site on does to the kernel's code, and what it costs when it is off:
 *
 *     npx tsx run.ts images/dynamic-fault.bin --script examples/fault-site.ts
 *
 * The race in btrfs's alloc_extent_buffer (which the compiler has put into its caller) is a five-byte nop until its site is
 * enabled. Then a jump is written over it; when the one-shot site has fired, the nop is back.
 */
import type { Session } from "../src/index.ts";

export default async function (session: Session): Promise<void> {
  const patch = async (): Promise<bigint> => {
    await session.runTo("text_poke_bp");
    const site = session.registers.rdi;
    const text = (): string => session.disassemble(site)[0]?.text.replace(/^jmp .*/, "jmp ...") ?? "";
    const before = text();
    await session.finish();
    session.log(`in ${session.symbols.at(site)?.name}: ${before} becomes ${text()}`);
    return site;
  };

  const site = await patch();
  const asked = session.breakAt("__dynamic_fault_enabled", () => undefined);
  session.expectEqual(await patch(), site, "the place that is patched back");
  session.log(`the site was asked ${asked.hits} time(s) whether it fires`);
  asked.remove();
  await session.expectExit(0);
}
