/**
 * What turning a fault site on does to the kernel's code, and what it costs when it is off:
 *
 *     npx tsx run.ts images/dynamic-fault.bin --script examples/fault-site.ts
 *
 * The race in btrfs's alloc_extent_buffer is a five-byte nop until its site is enabled. Then a jump is written over it; when the one-shot site
 * has fired, the nop is back.
 */
import type { Session } from "../src/index.ts";

const FUNCTION = "alloc_extent_buffer";

export default async function (session: Session): Promise<void> {
  const patch = async (): Promise<bigint> => {
    await session.runTo("text_poke_bp", {
      when: ({ registers }) => session.symbols.at(registers.rdi)?.name === FUNCTION,
    });
    const site = session.registers.rdi;
    const text = (): string => session.disassemble(site)[0]?.text.replace(/ (0x\w+|<.*>)$/, " ...") ?? "";
    const before = text();
    await session.finish();
    session.log(`${before} becomes ${text()}`);
    return site;
  };

  const site = await patch();
  const retries = session.breakAt(FUNCTION, () => undefined);
  let calls = 0;
  const fired = session.breakAt("__dynamic_fault_enabled", () => {
    calls++;
    session.log(
      `asked once: called from ${session.symbols.at(session.memory.readUint(session.registers.rsp, 8))?.name}`,
    );
  });
  session.expectEqual(await patch(), site, "the place that is patched back");
  fired.remove();
  session.expectEqual(calls, 1, "how often the site asked whether it fires");
  session.expectEqual(retries.hits, 1, "blocks looked up until then");
  await session.expectExit(0);
}
