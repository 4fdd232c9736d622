import { describe, expect, it } from "vitest";
import { BareMachine } from "../../src/index.ts";
import { assemble } from "../run/tiny-guest.ts";

const CODE = 0x40_0000n;

async function long(text: string, options: { user?: boolean } = {}): Promise<BareMachine> {
  const bare = new BareMachine({ mode: "long", memory: 8 * 2 ** 20, ...options });
  bare.map(CODE, 4096, { writable: false });
  bare.map(0x50_0000n, 8192, { executable: false });
  bare.write(CODE, await assemble(text, 64, Number(CODE)));
  bare.registers.rip = CODE;
  bare.registers.rsp = 0x50_2000n;
  return bare;
}

describe("bare machine: 64-bit mode", () => {
  it("runs bytes at an address with given registers to HLT", async () => {
    const bare = await long("add rax, rbx; mov [0x500000], rax; hlt");
    bare.registers.rax = 0xffff_ffff_ffff_fff0n;
    bare.registers.rbx = 0x11n;
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect(bare.registers.rax).toBe(1n);
    expect(bare.registers.rflags & 1n).toBe(1n);
    expect([...bare.read(0x50_0000n, 8)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(bare.machine.instructions).toBe(3);
  });

  it("runs to an address, a number of instructions, or a condition", async () => {
    const bare = await long("again: inc rax; nop; jmp again");
    expect(bare.run({ instructions: 5 })).toEqual({ reason: "instructions" });
    expect(bare.registers.rip).toBe(CODE + 4n);
    expect(bare.run({ address: CODE + 3n })).toEqual({ reason: "address" });
    expect(bare.registers.rip).toBe(CODE + 3n);
    expect(bare.run({ until: ({ registers }) => registers.rax === 10n })).toEqual({ reason: "until" });
    expect(bare.registers.rax).toBe(10n);
  });

  it.each([
    ["ud2", { vector: 6, rip: CODE }],
    ["int3", { vector: 3, rip: CODE + 1n }],
    ["xor ecx, ecx; div ecx", { vector: 0, rip: CODE + 2n }],
    ["mov rax, [0x600000]", { vector: 14, errorCode: 4, rip: CODE }],
    ["mov [0x400000], al", { vector: 14, errorCode: 7, rip: CODE }],
    ["push 0x500000; ret", { vector: 14, errorCode: 0x15, rip: 0x50_0000n }],
    ["cli", { vector: 13, errorCode: 0, rip: CODE }],
  ])("reports the exception of %s in ring 3", async (text, exception) => {
    const bare = await long(text, { user: true });
    expect(bare.run()).toEqual({ reason: "exception", ...exception });
    expect(bare.registers.rip).toBe(exception.rip);
    expect(bare.registers.cpl).toBe(3);
  });

  it("leaves registers as they were at the exception, ready to go on", async () => {
    const bare = await long("mov rax, [0x600000]; hlt");
    bare.registers.rflags = 0x8d7n;
    expect(bare.run()).toMatchObject({ reason: "exception", vector: 14, errorCode: 0 });
    expect(bare.registers.rsp).toBe(0x50_2000n);
    expect(bare.registers.rflags).toBe(0x8d7n);
    bare.map(0x60_0000n, 4096);
    bare.write(0x60_0000n, Uint8Array.from([7]));
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect(bare.registers.rax).toBe(7n);
  });

  it("sees the guest end itself through a device", async () => {
    const bare = await long("mov eax, 5; mov dx, 0xf4; out dx, eax; hlt");
    expect(bare.run()).toEqual({ reason: "device", stop: { reason: "exit", code: 5 } });
  });
});

describe("bare machine: other modes", () => {
  it("32-bit protected mode", async () => {
    const bare = new BareMachine({ mode: "protected" });
    bare.write(0x1000n, await assemble("mov esp, 0x8000; push 0x12345678; pop ax; pop bx; hlt", 32, 0x1000));
    bare.registers.rip = 0x1000n;
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect([bare.registers.rax, bare.registers.rbx]).toEqual([0x5678n, 0x1234n]);
    bare.write(0x1000n, await assemble("ud2", 32, 0x1000));
    bare.registers.rip = 0x1000n;
    expect(bare.run()).toEqual({ reason: "exception", vector: 6, rip: 0x1000n });
    expect(bare.registers.rip).toBe(0x1000n);
  });

  it("real mode", async () => {
    const bare = new BareMachine({ mode: "real" });
    bare.write(0x1000n, await assemble("mov ax, 0x1234; mov ds, ax; mov bx, [0]; hlt", 16, 0x1000));
    bare.write(0x12340n, Uint8Array.from([0xcd, 0xab]));
    bare.registers.rip = 0x1000n;
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect(bare.registers.rbx).toBe(0xabcdn);
  });
});
