/**
 * Every image under images/ at both tiers: the same console, the same number of instructions, the same state. Compiling all of
 * a run takes some seconds; so tier 1 from the first instruction gets two of the images, and all of them if ENOMEM_ALL_TIERS is set.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TierOptions } from "../../src/cpu/index.ts";
import { boot, readBootSource } from "../../src/index.ts";
import { BareMachine } from "../../src/machine/bare-machine.ts";
import { assemble } from "../run/tiny-guest.ts";

const directory = join(import.meta.dirname, "../../images");
const images = readdirSync(directory).filter((name) => name.endsWith(".bin"));

const always = new Set(["override-open-ctree.bin", "mount-and-read.bin"]);
const fully = images.filter((image) => process.env.ENOMEM_ALL_TIERS || always.has(image));

async function run(image: string, options: TierOptions): Promise<unknown> {
  const { machine } = boot(await readBootSource(join(directory, image)), options);
  const chunks: Uint8Array[] = [];
  machine.console.listener = (bytes) => chunks.push(bytes.slice());
  const end = machine.run({ instructions: 2_000_000_000 });
  if (options.tier !== 0) expect(machine.cpu.compiledRegions).toBeGreaterThan(50);
  return {
    end,
    console: Buffer.concat(chunks).toString(),
    instructions: machine.instructions,
    stateHash: machine.stateHash(),
  };
}

describe.each(images)("%s: as at tier 0", (image) => {
  test("mixed, compiling soon, and at tier 1 from the first instruction", async () => {
    const expected = await run(image, { tier: 0 });
    expect(await run(image, { tier: "mixed", hotThreshold: 100 })).toEqual(expected);
    if (fully.includes(image)) expect(await run(image, { tier: 1 })).toEqual(expected);
  });
});

/** A word sum over memory, twice through a function, with the stack in use; by the mode's own registers. */
const programs = {
  long: `mov rsp, 0x9000; mov ecx, 3000; l: call f; dec ecx; jnz l; hlt; f: push rcx; add eax, [rsp]; mov [rsp-32], rax; pop rcx; ret`,
  protected: `mov esp, 0x9000; mov ecx, 3000; l: call f; dec ecx; jnz l; hlt; f: push ecx; add eax, [esp]; mov [esp-32], eax; pop ecx; ret`,
  real: `mov sp, 0x7000; mov cx, 3000; l: call f; dec cx; jnz l; hlt; f: push cx; add ax, cx; mov bx, cx; and bx, 0xff; mov [bx+0x400], ax; pop cx; ret`,
} as const;
const bits = { long: 64, protected: 32, real: 16 } as const;

describe.each(["long", "protected", "real"] as const)("bare machine in %s mode", (mode) => {
  test("ends the same way at every tier", async () => {
    const outcomes = await Promise.all(
      [{ tier: 0 } as const, { tier: 1 } as const, { tier: "mixed", hotThreshold: 20 } as const].map(
        async (options) => {
          const bare = new BareMachine({ mode, ...(mode === "long" && { identity: true }), ...options });
          bare.write(0x1000n, await assemble(programs[mode], bits[mode], 0x1000));
          bare.registers.rip = 0x1000n;
          const stop = bare.run();
          if (options.tier !== 0) expect(bare.machine.cpu.compiledRegions).toBeGreaterThan(0);
          return { stop, instructions: bare.machine.instructions, hash: bare.machine.stateHash() };
        },
      ),
    );
    expect(outcomes[0].stop).toEqual({ reason: "hlt" });
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
  });
});
