import { describe, expect, it } from "vitest";
import { Cpu } from "../../src/cpu/index.ts";
import { assemble } from "../run/tiny-guest.ts";
import { bareCpu, CODE, load, runToHalt } from "./bare-cpu.ts";

const GDT = 0x5000;

/** A processor as a PVH kernel finds it: flat 32-bit protected mode, paging off. */
function protectedCpu(): Cpu {
  const source = bareCpu();
  const cpu = new Cpu({ ramBytes: 16 * 2 ** 20, bus: source.bus });
  cpu.memory.write(0x1000, source.memory.read(0x1000, 0x8000));
  const { memory, state } = cpu;
  // null, 64-bit code, data, 32-bit code, 16-bit code
  const descriptors = [
    0n,
    0x00af_9b00_0000_ffffn,
    0x00cf_9300_0000_ffffn,
    0x00cf_9b00_0000_ffffn,
    0x0000_9b00_0000_ffffn,
  ];
  descriptors.forEach((value, i) => {
    memory.writeUint64(GDT + i * 8, value);
  });
  state.gdtr = { base: BigInt(GDT), limit: 0x27 };
  state.cr0 = 0x11n;
  state.setSegment("cs", { selector: 0x18, base: 0n, limit: 0xffff_ffff, attributes: 0xc9b });
  for (const name of ["ds", "es", "ss"] as const)
    state.setSegment(name, { selector: 0x10, base: 0n, limit: 0xffff_ffff, attributes: 0xc93 });
  state.rip = BigInt(CODE);
  state.rsp = 0x8_0000n;
  return cpu;
}

describe("modes", () => {
  it("goes from protected mode to long mode as a kernel does", async () => {
    const cpu = protectedCpu();
    const long = 0x1_8000;
    cpu.memory.write(
      CODE,
      await assemble(
        `mov eax, cr4; or eax, 0x20; mov cr4, eax; mov eax, 0x1000; mov cr3, eax;
         mov ecx, 0xc0000080; rdmsr; or eax, 0x100; wrmsr; mov eax, cr0; or eax, 0x80000000; mov cr0, eax;
         push 8; push ${long}; retf`,
        32,
        CODE,
      ),
    );
    cpu.memory.write(long, await assemble("mov rax, 0x123456789abcdef0; mov r15, rax; hlt", 64, long));
    expect(cpu.state.codeBits).toBe(32);
    runToHalt(cpu);
    expect(cpu.state.codeBits).toBe(64);
    expect(cpu.state.r15).toBe(0x1234_5678_9abc_def0n);
    expect(cpu.state.efer & 0x500n).toBe(0x500n);
  });

  it("adds segment bases and wraps at 32 bits in protected mode", async () => {
    const cpu = protectedCpu();
    cpu.state.setSegment("ds", { selector: 0x10, base: 0x20_0000n, limit: 0xffff_ffff, attributes: 0xc93 });
    cpu.memory.writeUint(0x20_0010, 4, 0xcafe);
    cpu.memory.write(
      CODE,
      await assemble("mov ebx, 0xfffffff0; mov eax, [ebx+0x20]; pusha; popa; inc ecx; hlt", 32, CODE),
    );
    runToHalt(cpu);
    expect(cpu.state.rax).toBe(0xcafen);
    expect(cpu.state.rcx).toBe(1n);
    expect(cpu.state.rsp).toBe(0x8_0000n);
  });

  it("runs 16-bit code with 16-bit addressing", async () => {
    const cpu = protectedCpu();
    cpu.state.setSegment("cs", { selector: 0x20, base: BigInt(CODE), limit: 0xffff, attributes: 0x9b });
    cpu.state.rip = 0n;
    cpu.memory.writeUint(0x1234 + 0x10 + 2, 2, 0xbeef);
    cpu.memory.write(
      CODE,
      await assemble("mov bx, 0x1234; mov si, 0x10; mov ax, [bx+si+2]; mov ecx, 0x12345678; hlt", 16, 0),
    );
    runToHalt(cpu);
    expect(cpu.state.rax).toBe(0xbeefn);
    expect(cpu.state.rcx).toBe(0x1234_5678n);
  });

  it("enters and leaves the kernel by SYSCALL and SYSRET", async () => {
    const cpu = bareCpu();
    const entry = 0x1_8000;
    cpu.state.star = (0x13n << 48n) | (8n << 32n);
    cpu.state.lstar = BigInt(entry);
    cpu.state.sfmask = 0x200n;
    await load(cpu, "inc rbx; mov r12, cs; mov r9, r11; cmp rbx, 2; je done; sysret; done: hlt", entry);
    await load(cpu, "syscall; mov r13, cs; syscall");
    cpu.state.setSegment("cs", { selector: 0x23, base: 0n, limit: 0xffff_ffff, attributes: 0xafb });
    cpu.state.cpl = 3;
    cpu.state.rflags = 0x203n;
    runToHalt(cpu);
    expect([cpu.state.r12, cpu.state.r13]).toEqual([8n, 0x23n]);
    expect(cpu.state.rcx).toBe(BigInt(CODE + 7));
    expect(cpu.state.r9 & 0x203n).toBe(0x203n);
    expect(cpu.state.rflags & 0x200n).toBe(0n);
    expect(cpu.state.cpl).toBe(0);
  });
});
