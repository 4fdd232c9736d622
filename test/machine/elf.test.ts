import { describe, expect, it } from "vitest";
import { Symbols } from "../../src/debug/symbols.ts";
import { parseElf } from "../../src/machine/elf.ts";
import { InputError } from "../../src/machine/input-error.ts";
import { randomNumbers } from "../devices/device-bench.ts";
import { tinyElf } from "../run/tiny-guest.ts";

const code = Uint8Array.from([0x90, 0x90, 0xf4]);
const good = tinyElf(code, { symbols: { start: 0, middle: 1 } });

describe("ELF file", () => {
  it("gives segments, notes and symbols", () => {
    const elf = parseElf(good, "x");
    expect(elf.segments).toMatchObject([{ physicalAddress: 0x10_0000, memorySize: 3 }]);
    expect([...elf.segments[0].data]).toEqual([...code]);
    expect(elf.notes).toMatchObject([{ owner: "Xen", type: 18 }]);
    expect(elf.symbols().map(({ name, address }) => [name, address])).toEqual([
      ["start", 0x10_0000n],
      ["middle", 0x10_0001n],
    ]);
  });

  it("that is cut or has bytes changed is read, or refused with an InputError", () => {
    const random = randomNumbers(5);
    const tryIt = (bytes: Uint8Array): void => {
      try {
        const elf = parseElf(bytes, "x");
        new Symbols(elf.symbols()).describe(elf.entry);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    };
    for (let length = 0; length < good.length; length++) tryIt(good.subarray(0, length));
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from(good);
      for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
      tryIt(bytes);
    }
  });
});

describe("symbols", () => {
  const symbol = (name: string, address: bigint, size: bigint, binding: "local" | "global" = "global") =>
    ({ name, address, size, type: "function", binding }) as const;

  it("name addresses inside functions, and nothing beyond them", () => {
    const symbols = new Symbols([symbol("b", 0x200n, 0x10n), symbol("a", 0x100n, 0x20n)]);
    expect(symbols.describe(0x100n)).toBe("a");
    expect(symbols.describe(0x11fn)).toBe("a+0x1f");
    expect(symbols.describe(0x120n)).toBeUndefined();
    expect(symbols.describe(0x20fn)).toBe("b+0xf");
    expect(symbols.describe(0xffn)).toBeUndefined();
  });

  it("prefer the global of two names for an address, and find both", () => {
    const symbols = new Symbols([symbol("local", 0x100n, 8n, "local"), symbol("global", 0x100n, 8n)]);
    expect(symbols.describe(0x104n)).toBe("global+0x4");
    expect(symbols.find("local")?.address).toBe(0x100n);
  });
});
