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
    bare.reset();
    bare.map(CODE, 4096);
    bare.write(CODE, Uint8Array.of(0xf4));
    bare.registers.rip = CODE;
    expect(bare.run()).toEqual({ reason: "hlt" });
  });

  it("has the ports that it is given", async () => {
    const seen: unknown[] = [];
    const bare = new BareMachine({
      mode: "long",
      ports: { write: (port, size, value) => seen.push([port, size, value]), read: (port) => port + 1 },
    });
    bare.map(CODE, 4096);
    bare.write(
      CODE,
      await assemble("mov eax, 5; mov dx, 0xf4; out dx, eax; in al, dx; out 0x80, al; hlt", 64, Number(CODE)),
    );
    bare.registers.rip = CODE;
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect(seen).toEqual([
      [0xf4, 4, 5],
      [0x80, 1, 0xf5],
    ]);
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

  it("32-bit protected mode with paging, in ring 3", async () => {
    const bare = new BareMachine({ mode: "protected", user: true });
    bare.map(0x1000n, 4096, { writable: false });
    bare.map(0xe000_0000n, 4096, { executable: false });
    bare.write(0x1000n, await assemble("push 7; pop eax; int 0x80; mov eax, [0xd0000000]", 32, 0x1000));
    bare.registers.eip = 0x1000n;
    bare.registers.esp = 0xe000_1000n;
    expect(bare.run()).toEqual({ reason: "exception", vector: 0x80, rip: 0x1005n });
    expect([bare.registers.eax, bare.registers.esp, bare.registers.cpl]).toEqual([7n, 0xe000_1000n, 3]);
    expect(bare.run()).toEqual({ reason: "exception", vector: 14, errorCode: 4, rip: 0x1005n });
    expect(bare.registers.cr2).toBe(0xd000_0000n);
    bare.registers.eip = 0xe000_0000n;
    expect(bare.run()).toEqual({ reason: "exception", vector: 14, errorCode: 0x15, rip: 0xe000_0000n });
  });

  it("reports an exception of code without a stack, which stays as it was", async () => {
    const bare = new BareMachine({ mode: "protected" });
    bare.write(0x1000n, await assemble("xor ecx, ecx; div ecx", 32, 0x1000));
    bare.registers.rip = 0x1000n;
    bare.registers.rsp = 0xffff_fff0n;
    expect(bare.run()).toEqual({ reason: "exception", vector: 0, rip: 0x1002n });
    expect(bare.registers.rsp).toBe(0xffff_fff0n);
  });

  it("delivers software interrupts and exceptions to the code's own handlers if asked to", async () => {
    const bare = new BareMachine({ mode: "real" });
    bare.write(0x1000n, await assemble("int 0x21; xor cx, cx; div cx; hlt", 16, 0x1000));
    bare.write(0x2000n, await assemble("mov bx, 0x1234; iret", 16, 0x2000));
    bare.write(0x3000n, await assemble("mov dx, 0x5678; hlt", 16, 0x3000));
    bare.write(0x84n, Uint8Array.of(0, 0x20, 0, 0));
    bare.write(0n, Uint8Array.of(0, 0x30, 0, 0));
    bare.registers.rip = 0x1000n;
    bare.registers.sp = 0x8000n;
    expect(bare.run({ exceptions: "deliver" })).toEqual({ reason: "hlt" });
    expect([bare.registers.bx, bare.registers.dx, bare.registers.sp]).toEqual([0x1234n, 0x5678n, 0x7ffan]);
  });
});

describe("bare machine: state", () => {
  it("begins with x87, SSE, AVX and FSGSBASE as an operating system sets them up", async () => {
    const bare = await long("fld1; vaddps ymm0, ymm0, ymm0; wrfsbase rax; fnstcw [0x500000]; hlt", { user: true });
    bare.registers.rax = 0x1234n;
    expect(bare.run()).toMatchObject({ reason: "exception", vector: 13 }); // HLT in ring 3
    expect(bare.registers.fsBase).toBe(0x1234n);
    expect([...bare.read(0x50_0000n, 2)]).toEqual([0x7f, 0x03]);
    expect([bare.registers.fcw, bare.registers.fsw, bare.registers.ftw]).toEqual([0x37f, 0x3800, 0x3fff]);
    expect([bare.registers.st0, bare.registers.mxcsr]).toEqual([0x3fff_8000_0000_0000_0000n, 0x1f80]);
  });

  it("takes x87, MMX and YMM registers, and gives them back", async () => {
    const bare = await long("faddp; vpaddb ymm2, ymm1, ymm1; paddb mm1, mm1; hlt");
    const { registers } = bare;
    registers.setSt(0, 0x3fff_8000_0000_0000_0000n);
    registers.st1 = 0x4000_8000_0000_0000_0000n;
    registers.ymm1 = (1n << 255n) | 0x21n;
    expect(registers.ftw).toBe(0xfff0);
    expect(bare.run({ instructions: 2 })).toEqual({ reason: "instructions" });
    expect([registers.st0, registers.fsw >> 11]).toEqual([0x4000_c000_0000_0000_0000n, 1]);
    expect([registers.ymm2, registers.xmm2]).toEqual([0x42n, 0x42n]);
    registers.mm1 = 0x0102n;
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect([registers.mm(1), registers.ftw & 0xc, registers.fsw & 0x3800]).toEqual([0x0204n, 8, 0]);
  });

  it("has MSRs", () => {
    const bare = new BareMachine({ mode: "long" });
    bare.writeMsr(0xc000_0082, 0xffff_8000_0000_1234n);
    expect([bare.readMsr(0xc000_0082), bare.registers.lstar]).toEqual([0xffff_8000_0000_1234n, 0xffff_8000_0000_1234n]);
    bare.writeMsr(0xc000_0101, 0x77n);
    expect(bare.registers.gsBase).toBe(0x77n);
  });

  it.each(["long", "protected", "real"] as const)("is as new after a reset, in %s mode", async (mode) => {
    const bare = new BareMachine({ mode, memory: 2 ** 21 });
    const fresh = bare.registers.snapshot();
    for (let round = 0; round < 3; round++) {
      if (mode !== "real") bare.map(0x5000n, 8192);
      expect([...bare.read(0x5000n, 2)]).toEqual([0, 0]);
      bare.write(
        0x6000n,
        await assemble(
          "mov ax, 7; mov [0x5000], ax; fld1; movq mm0, mm1; hlt",
          { real: 16, protected: 32, long: 64 }[mode] as 16 | 32 | 64,
          0x6000,
        ),
      );
      bare.registers.rip = 0x6000n;
      expect(bare.run()).toEqual({ reason: "hlt" });
      expect([...bare.read(0x5000n, 1)]).toEqual([7]);
      bare.reset();
      expect(bare.registers.snapshot()).toEqual(fresh);
      if (mode !== "long") expect([...bare.read(0x6000n, 1)]).toEqual([0]);
      else expect(() => bare.read(0x6000n, 1)).toThrow("not mapped");
    }
  });
});
