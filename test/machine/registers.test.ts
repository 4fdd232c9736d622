/** Registers by every name that they have. */
import { describe, expect, it } from "vitest";
import { BareMachine, InputError } from "../../src/index.ts";
import { namedRegisters } from "../../src/machine/registers.ts";

const registers = () => namedRegisters(new BareMachine({ mode: "long" }).registers);

describe("registers by name", () => {
  it("read parts of general registers", () => {
    const r = registers();
    r.rax = 0x1122_3344_5566_7788n;
    expect([r.eax, r.ax, r.al, r.ah]).toEqual([0x5566_7788n, 0x7788n, 0x88n, 0x77n]);
    r.r9 = 0x1122_3344_5566_7788n;
    expect([r.r9d, r.r9w, r.r9b]).toEqual([0x5566_7788n, 0x7788n, 0x88n]);
    r.rsp = 0xffff_8000_0000_1234n;
    expect([r.esp, r.sp, r.spl]).toEqual([0x1234n, 0x1234n, 0x34n]);
  });

  it("write them as instructions do", () => {
    const r = registers();
    r.rax = 0x1122_3344_5566_7788n;
    r.al = 0xffn;
    expect(r.rax).toBe(0x1122_3344_5566_77ffn);
    r.ah = 0n;
    expect(r.rax).toBe(0x1122_3344_5566_00ffn);
    r.ax = 0xabcdn;
    expect(r.rax).toBe(0x1122_3344_5566_abcdn);
    r.eax = -1n;
    expect(r.rax).toBe(0xffff_ffffn);
    r.rax = -12n;
    expect(r.rax).toBe(0xffff_ffff_ffff_fff4n);
    r.r8w = 0x12345n;
    expect(r.r8).toBe(0x2345n);
  });

  it("read and write single flags", () => {
    const r = registers();
    r.rflags = 0x246n;
    expect([r.zf, r.cf, r.pf, r.if]).toEqual([1n, 0n, 1n, 1n]);
    r.zf = 0n;
    r.cf = 1n;
    expect(r.eflags).toBe(0x207n);
  });

  it("have vector registers, control registers and segments", () => {
    const r = registers();
    r.xmm3 = (1n << 127n) | 5n;
    expect(r.xmm(3)).toBe((1n << 127n) | 5n);
    expect(r.xmm3 & 0xffn).toBe(5n);
    expect(r.cr3).toBeGreaterThan(0n);
    expect(r.cs & 3n).toBe(0n);
    r.gsBase = 0xffff_8880_0000_0000n;
    expect(r.segment("gs").base).toBe(0xffff_8880_0000_0000n);
  });

  it("say which name or value is wrong", () => {
    const r = registers() as unknown as Record<string, unknown>;
    expect(() => r.rxx).toThrow(new InputError('no register "rxx"'));
    expect(() => {
      r.eaxx = 1n;
    }).toThrow(/no register "eaxx"/);
    expect(() => {
      r.rax = 5;
    }).toThrow("registers.rax = 5: expected a bigint, such as 5n");
    expect(() => {
      r.cs = 8n;
    }).toThrow(/setSegment/);
  });
});
