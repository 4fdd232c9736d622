import { describe, expect, it } from "vitest";
import { loadDisassembler } from "../../src/debug/disassemble.ts";
import { parseAddress, Symbols } from "../../src/debug/symbols.ts";

const KERNEL = 0xffff_ffff_8100_0000n;
const symbols = new Symbols([
  { name: "open_ctree", address: KERNEL, size: 0x100n, type: "function", binding: "global" },
  { name: "fs_info", address: KERNEL + 0x1000n, size: 8n, type: "object", binding: "local" },
]);

describe("disassembly", () => {
  it("puts branch targets and rip-relative addresses where they belong, with their names", async () => {
    const disassembler = await loadDisassembler(symbols);
    const bytes = Buffer.from("e8fbffffff488b05f40f000075f2c3", "hex");
    expect(disassembler.all(bytes, KERNEL).map(({ text }) => text)).toEqual([
      "call 0xffffffff81000000 <open_ctree>",
      "mov rax, qword ptr [rip + 0xff4]  # 0xffffffff81001000 <fs_info>",
      "jne 0xffffffff81000000 <open_ctree>",
      "ret",
    ]);
  });

  it("reaches far in both directions and around the end of the address space", async () => {
    const disassembler = await loadDisassembler();
    const call = (displacement: number): Buffer => {
      const bytes = Buffer.from("e800000000", "hex");
      bytes.writeInt32LE(displacement, 1);
      return bytes;
    };
    expect(disassembler.one(call(-0x8000_0000), KERNEL).text).toBe("call 0xffffffff01000005");
    expect(disassembler.one(call(0x7fff_0000), 0xffff_ffff_f000_0000n).text).toBe("call 0x6fff0005");
    expect(disassembler.one(call(-10), 0n).text).toBe("call 0xfffffffffffffffb");
  });

  it("says (bad), one byte long, for what is no instruction, and for nothing", async () => {
    const disassembler = await loadDisassembler();
    expect(disassembler.one(Uint8Array.from([0x06, 0x90]), 0n)).toMatchObject({ text: "(bad)", bytes: { length: 1 } });
    expect(disassembler.one(new Uint8Array(0), 0n).text).toBe("(bad)");
  });

  it("knows 16- and 32-bit code", async () => {
    const disassembler = await loadDisassembler();
    const bytes = Uint8Array.from([0xb8, 0x34, 0x12, 0x78, 0x56]);
    expect(disassembler.one(bytes, 0n, 16).text).toBe("mov ax, 0x1234");
    expect(disassembler.one(bytes, 0n, 32).text).toBe("mov eax, 0x56781234");
  });
});

describe("places", () => {
  it("are symbols, symbols with an offset, and addresses", () => {
    expect(parseAddress("open_ctree", symbols)).toBe(KERNEL);
    expect(parseAddress("open_ctree+0x10", symbols)).toBe(KERNEL + 16n);
    expect(parseAddress("open_ctree+16", symbols)).toBe(KERNEL + 16n);
    expect(parseAddress("0xffffffff81000000", symbols)).toBe(KERNEL);
    for (const nothing of ["open_tree", "123", "0x", "", "+5"]) expect(parseAddress(nothing, symbols)).toBeUndefined();
  });
});
