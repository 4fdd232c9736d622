/** Every image under images/ at every tier: the same console, the same number of instructions, the same state. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TierOptions } from "../../src/cpu/index.ts";
import { boot, readBootSource } from "../../src/index.ts";
import { BareMachine } from "../../src/machine/bare-machine.ts";
import { assemble } from "../run/tiny-guest.ts";

const directory = join(import.meta.dirname, "../../images");
const images = readdirSync(directory).filter((name) => name.endsWith(".bin"));

const compiled: Readonly<Record<string, TierOptions>> = {
  "tier 1 from the first instruction": { tier: 1 },
  "mixed, compiling soon": { tier: "mixed", hotThreshold: 100 },
};

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

describe.each(images)("%s", (image) => {
  test.each(Object.entries(compiled))("%s: as at tier 0", async (_, options) => {
    expect(await run(image, options)).toEqual(await run(image, { tier: 0 }));
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
