import { beforeEach, describe, expect, it } from "vitest";
import { Cpu } from "../../src/cpu/index.ts";
import { Flag } from "../../src/cpu/state.ts";
import { assemble } from "../run/tiny-guest.ts";
import { bareCpu, CODE, runToHalt } from "./bare-cpu.ts";

const GDT = 0x5000;
const IDT = 0x6000;
const TASK = 0x7000;
const OTHER_TASK = 0x7200;
/** Handlers of one HLT each, 16 bytes apart: where the processor halts tells the vector. */
const HANDLERS = 0x2_0000;
const KERNEL_STACK = 0x7_0000;
const USER_STACK = 0x8_0000;
const USER_CODE = 0x3_0000;
const GATE_TARGET = 0x4_0000;

const SELECTOR = {
  code: 0x08,
  data: 0x10,
  userCode: 0x1b,
  userData: 0x23,
  task: 0x28,
  gate: 0x33,
  other: 0x38,
  small: 0x40,
};

/** A descriptor; `type` has the S, DPL and P bits of bits 40 to 47, `flags` is bits 52 to 55. */
const descriptor = (base: number, limit: number, type: number, flags: number): bigint =>
  BigInt(limit & 0xffff) |
  (BigInt(base & 0xff_ffff) << 16n) |
  (BigInt(type) << 40n) |
  (BigInt(limit >> 16) << 48n) |
  (BigInt(flags) << 52n) |
  (BigInt(base >>> 24) << 56n);
const gate = (selector: number, offset: number, type: number, parameters = 0): bigint =>
  BigInt(offset & 0xffff) |
  (BigInt(selector) << 16n) |
  (BigInt(parameters) << 32n) |
  (BigInt(type) << 40n) |
  (BigInt(offset >>> 16) << 48n);

let cpu: Cpu;
const set = (selector: number, value: bigint): void => cpu.memory.writeUint64(GDT + (selector & ~7), value);
const word = (at: number): number => cpu.memory.readUint(at, 4);
const code = async (at: number, text: string, bits: 16 | 32 = 32): Promise<void> =>
  cpu.memory.write(at, await assemble(text, bits, at));
/** The vector at whose handler the processor halted, and the words on the stack there. */
function haltedIn(): { vector: number; stack: readonly number[] } {
  runToHalt(cpu);
  const stack = Number(cpu.state.rsp);
  return { vector: (Number(cpu.state.rip) - 1 - HANDLERS) / 16, stack: [0, 4, 8, 12, 16].map((i) => word(stack + i)) };
}

beforeEach(() => {
  cpu = new Cpu({ ramBytes: 16 << 20, bus: bareCpu().bus });
  const { state, memory } = cpu;
  set(SELECTOR.code, descriptor(0, 0xf_ffff, 0x9b, 0xc));
  set(SELECTOR.data, descriptor(0, 0xf_ffff, 0x93, 0xc));
  set(SELECTOR.userCode, descriptor(0, 0xf_ffff, 0xfb, 0xc));
  set(SELECTOR.userData, descriptor(0, 0xf_ffff, 0xf3, 0xc));
  set(SELECTOR.task, descriptor(TASK, 0x67, 0x8b, 0));
  set(SELECTOR.gate, gate(SELECTOR.code, GATE_TARGET, 0xec, 2));
  set(SELECTOR.other, descriptor(OTHER_TASK, 0x67, 0x89, 0));
  state.gdtr = { base: BigInt(GDT), limit: 0x5f };
  for (let vector = 0; vector < 256; vector++) {
    memory.writeUint64(IDT + vector * 8, gate(SELECTOR.code, HANDLERS + vector * 16, 0xee));
    memory.write(HANDLERS + vector * 16, Uint8Array.of(0xf4));
  }
  state.idtr = { base: BigInt(IDT), limit: 0x7ff };
  memory.writeUint(TASK + 4, 4, KERNEL_STACK);
  memory.writeUint(TASK + 8, 4, SELECTOR.data);
  memory.writeUint(TASK + 0x66, 2, 0x68);
  state.cr0 = 0x11n;
  state.setSegment("cs", { selector: SELECTOR.code, base: 0n, limit: 0xffff_ffff, attributes: 0xc9b });
  for (const name of ["ds", "es", "ss"] as const)
    state.setSegment(name, { selector: SELECTOR.data, base: 0n, limit: 0xffff_ffff, attributes: 0xc93 });
  state.setSegment("tr", { selector: SELECTOR.task, base: BigInt(TASK), limit: 0x67, attributes: 0x8b });
  state.rip = BigInt(CODE);
  state.rsp = BigInt(KERNEL_STACK - 0x1000);
});

/** Code that goes to ring 3. */
const toUser = `push ${SELECTOR.userData}; push ${USER_STACK}; pushfd; push ${SELECTOR.userCode}; push ${USER_CODE}; iretd`;

describe("call gates", () => {
  it("switch to the inner stack, copy parameters, and RETF goes back without them", async () => {
    await code(CODE, toUser);
    // call 0x33:0, which keystone does not assemble as a far call with a selector of its own.
    await code(USER_CODE, "push 0x1111; push 0x2222; nop; nop; nop; nop; nop; nop; nop; mov ebx, esp; int 0x50");
    cpu.memory.write(USER_CODE + 10, Uint8Array.of(0x9a, 0, 0, 0, 0, SELECTOR.gate, 0));
    await code(GATE_TARGET, "mov eax, [esp + 8]; mov edx, [esp + 12]; mov ecx, esp; mov si, cs; retf 8");
    expect(haltedIn().vector).toBe(0x50);
    const { rax, rbx, rcx, rdx, rsi } = cpu.state;
    expect([rax, rdx].map(Number)).toEqual([0x2222, 0x1111]);
    expect(Number(rcx)).toBe(KERNEL_STACK - 24);
    expect(Number(rsi & 0xffffn)).toBe(SELECTOR.code);
    expect(Number(rbx)).toBe(USER_STACK);
  });

  it.each([
    ["whose privilege level is too low", gate(SELECTOR.code, GATE_TARGET, 0x8c), 13],
    ["that are not present", gate(SELECTOR.code, GATE_TARGET, 0x6c), 11],
  ])("refuse ring 3 %s", async (_what, value, vector) => {
    set(SELECTOR.gate, value);
    await code(CODE, toUser);
    cpu.memory.write(USER_CODE, Uint8Array.of(0x9a, 0, 0, 0, 0, SELECTOR.gate, 0));
    const fault = haltedIn();
    expect(fault.vector).toBe(vector);
    expect(fault.stack[0]).toBe(SELECTOR.gate & ~3);
  });
});

describe("task switches", () => {
  beforeEach(() => {
    const fields: readonly (readonly [number, number])[] = [
      [0x20, USER_CODE], // EIP
      [0x24, 2], // EFLAGS
      [0x28, 0x1234], // EAX
      [0x38, USER_STACK], // ESP
      [0x48, SELECTOR.data],
      [0x4c, SELECTOR.code],
      [0x50, SELECTOR.data],
      [0x54, SELECTOR.data],
    ];
    for (const [at, value] of fields) cpu.memory.writeUint(OTHER_TASK + at, 4, value);
  });
  const far = (opcode: number): Uint8Array => Uint8Array.of(opcode, 0, 0, 0, 0, SELECTOR.other, 0, 0xf4);
  const busy = (selector: number): boolean => (word(GDT + selector + 4) & 0x200) !== 0;

  it("by CALL link back, and IRET with NT returns", async () => {
    cpu.memory.write(CODE, far(0x9a));
    cpu.state.rbx = 0x77n;
    await code(USER_CODE, "mov ecx, eax; pushfd; pop edx; iretd");
    runToHalt(cpu);
    expect(Number(cpu.state.rip)).toBe(CODE + 8);
    expect(Number(cpu.state.rbx)).toBe(0x77);
    expect(word(OTHER_TASK + 0x2c)).toBe(0x1234); // ECX, saved by the IRET
    expect(word(OTHER_TASK + 0x30) & Flag.NT).toBe(Flag.NT); // EDX
    expect(word(OTHER_TASK) & 0xffff).toBe(SELECTOR.task);
    expect([busy(SELECTOR.task), busy(SELECTOR.other)]).toEqual([true, false]);
    expect(cpu.state.cr0 & 8n).toBe(8n);
  });

  it("by JMP leave the old task not busy", async () => {
    cpu.memory.write(CODE, far(0xea));
    await code(USER_CODE, "str bx; hlt");
    runToHalt(cpu);
    expect(Number(cpu.state.rbx & 0xffffn)).toBe(SELECTOR.other);
    expect([busy(SELECTOR.task), busy(SELECTOR.other)]).toEqual([false, true]);
    expect(word(TASK + 0x20)).toBe(CODE + 7);
  });

  it("to a 16-bit task fill what its TSS does not have", async () => {
    set(SELECTOR.other, descriptor(OTHER_TASK, 0x2b, 0x81, 0));
    set(SELECTOR.small, descriptor(USER_CODE, 0xffff, 0x9b, 4));
    const fields: readonly (readonly [number, number])[] = [
      [0x0e, 0], // IP
      [0x10, 2], // FLAGS
      [0x12, 0x1234], // AX
      [0x1a, 0x5678], // SP
      [0x22, SELECTOR.data],
      [0x24, SELECTOR.small],
      [0x26, SELECTOR.data],
      [0x28, SELECTOR.data],
      [0x2a, 0],
    ];
    for (const [at, value] of fields) cpu.memory.writeUint(OTHER_TASK + at, 2, value);
    const { data } = SELECTOR;
    cpu.state.setSegment("fs", { ...cpu.state.segment("ds"), selector: data });
    cpu.memory.write(CODE, far(0xea));
    await code(USER_CODE, "hlt");
    runToHalt(cpu);
    expect([cpu.state.rax, cpu.state.rsp, cpu.state.rip]).toEqual([0xffff_1234n, 0xffff_5678n, 1n]);
    expect(cpu.state.segment("fs").selector).toBe(0);
  });

  it("refuse a busy task", () => {
    set(SELECTOR.other, descriptor(OTHER_TASK, 0x67, 0x8b, 0));
    cpu.memory.write(CODE, far(0xea));
    expect(haltedIn()).toMatchObject({ vector: 13 });
  });

  it("by a task gate take the error code along", async () => {
    cpu.memory.writeUint64(IDT + 13 * 8, gate(SELECTOR.other, 0, 0x85));
    await code(USER_CODE, "pop eax; hlt");
    await code(CODE, "mov ax, 0x58; mov ds, ax; hlt");
    runToHalt(cpu);
    expect(Number(cpu.state.rax)).toBe(0x58);
  });
});

describe("virtual-8086 mode", () => {
  const enter = `push 0; push 0; push 0x2000; push 0; push 0x1000; push 0x100; push 0x20202; push 0x3000; push 0; iretd`;

  it("is entered by IRET; an interrupt leaves it and finds the segments on the stack", async () => {
    await code(CODE, enter);
    await code(0x3_0000, "mov ax, ds; mov bx, 0x55; mov [0x10], bx; cli; hlt", 16);
    // CLI needs IOPL 3 there.
    const { vector, stack } = haltedIn();
    expect(vector).toBe(13);
    expect(Number(cpu.state.rbx & 0xffffn)).toBe(0x55);
    expect(cpu.memory.readUint(0x2_0010, 2)).toBe(0x55);
    const [errorCode, ip, cs, flags, sp] = stack;
    expect([errorCode, cs, sp]).toEqual([0, 0x3000, 0x100]);
    expect(ip).toBe(9);
    expect(flags & Flag.VM).toBe(Flag.VM);
    expect(word(Number(cpu.state.rsp) + 28) & 0xffff).toBe(0x2000); // DS, after SS and ES
    expect(cpu.state.segment("ds").selector).toBe(0);
    expect(cpu.state.cpl).toBe(0);
  });

  it.each([
    ["ANDN", [0xc4, 0xe2, 0x78, 0xf2, 0xc1]],
    ["VADDPS", [0xc5, 0xf8, 0x58, 0xc1]],
  ])("knows no VEX prefix: %s is #UD there and in real mode", async (_, bytes) => {
    cpu.state.cr4 |= 0x4_0200n;
    cpu.state.xcr0 = 7n;
    await code(CODE, enter);
    cpu.memory.write(0x3_0000, Uint8Array.from(bytes));
    expect(haltedIn().vector).toBe(6);
    cpu.state.cr0 &= ~1n;
    cpu.state.idtr = { base: 0n, limit: 0x3ff };
    cpu.memory.writeUint(6 * 4, 4, 0x800);
    cpu.memory.write(0x800, Uint8Array.of(0xf4));
    const place = { base: 0x3_0000n, limit: 0xffff, attributes: 0x93 };
    cpu.state.setSegment("cs", { selector: 0x3000, ...place });
    cpu.state.setSegment("ss", { selector: 0x2000, ...place, base: 0x2_0000n });
    cpu.state.rsp = 0x100n;
    cpu.state.rip = 0n;
    runToHalt(cpu);
    expect(cpu.state.rip).toBe(0x801n);
  });
});

describe("segment limits", () => {
  it.each(["loop", "loope", "loopne"])("%s to a target behind the limit leaves ECX alone", async (name) => {
    set(SELECTOR.small, descriptor(0, CODE + 0x3f, 0x9b, 4));
    const start = CODE + 0x20;
    await code(
      CODE,
      `mov ecx, 5; xor eax, eax; ${name === "loopne" ? "inc eax" : "nop"}; push ${SELECTOR.small}; push ${start}; retf`,
    );
    await code(start, `${name} ${CODE + 0x60}`);
    expect(haltedIn()).toEqual({ vector: 13, stack: expect.arrayContaining([0, start]) });
    expect(cpu.state.rcx).toBe(5n);
  });

  const small = (limit: number, type: number, flags: number) => set(SELECTOR.small, descriptor(0, limit, type, flags));
  const load = (register: string): string => `mov ax, ${SELECTOR.small}; mov ${register}, ax;`;

  it.each([
    ["a read behind the limit", 0x1fff, 0x93, "ds", "mov ebx, [0x1ffd]", 13],
    ["a write behind the limit", 0x1fff, 0x93, "ds", "mov [0x1ffd], ebx", 13],
    ["a read that ends at the limit", 0x1fff, 0x93, "ds", "mov ebx, [0x1ffc]", undefined],
    ["a write to a read-only segment", 0x1fff, 0x91, "ds", "mov [0x100], ebx", 13],
    ["a read below an expand-down segment", 0x1fff, 0x97, "ds", "mov ebx, [0x1000]", 13],
    ["a read in an expand-down segment", 0x1fff, 0x97, "ds", "mov ebx, [0x2000]", undefined],
    ["a read through ES", 0x1fff, 0x93, "es", "mov ebx, es:[0x2000]", 13],
    ["a string's destination", 0x1fff, 0x93, "es", "mov edi, 0x1ffe; stosd", 13],
    ["a push below the stack's limit", 0x1fff, 0x93, "ss", "mov esp, 0x3000; push eax", 12],
    ["a read through the frame pointer", 0x1fff, 0x93, "ss", "mov ebp, 0x2000; mov eax, [ebp]", 12],
  ])("%s", async (_what, limit, type, register, access, vector) => {
    small(limit, type, 4);
    await code(CODE, `${load(register)} ${access}; int 0x60`);
    // Handlers push onto a stack that is good.
    if (register === "ss") {
      const task = gate(SELECTOR.other, 0, 0x85);
      for (const used of [12, 0x60]) cpu.memory.writeUint64(IDT + used * 8, task);
      const fields: readonly (readonly [number, number])[] = [
        [0x20, HANDLERS + 12 * 16],
        [0x24, 2],
        [0x38, KERNEL_STACK],
        [0x48, SELECTOR.data],
        [0x4c, SELECTOR.code],
        [0x50, SELECTOR.data],
      ];
      for (const [at, value] of fields) cpu.memory.writeUint(OTHER_TASK + at, 4, value);
    }
    expect(haltedIn().vector).toBe(vector ?? 0x60);
  });
});

describe("system instructions", () => {
  it("SYSENTER and SYSEXIT go by their model-specific registers", async () => {
    cpu.state.sysenterCs = BigInt(SELECTOR.code);
    cpu.state.sysenterEsp = BigInt(KERNEL_STACK);
    cpu.state.sysenterEip = BigInt(GATE_TARGET);
    await code(CODE, toUser);
    await code(USER_CODE, `sysenter; nop; nop; mov ebx, esp; int 0x51`);
    await code(GATE_TARGET, `mov edi, esp; mov ecx, ${USER_STACK}; mov edx, ${USER_CODE + 2}; sysexit`);
    expect(haltedIn().vector).toBe(0x51);
    expect(Number(cpu.state.rdi)).toBe(KERNEL_STACK);
    expect(Number(cpu.state.rbx)).toBe(USER_STACK);
  });

  it.each(["sgdt [0x9000]", "sidt [0x9000]", "sldt ax", "str ax", "smsw ax"])(
    "%s is #GP in ring 3 with CR4.UMIP alone",
    async (instruction) => {
      const data = `mov ax, ${SELECTOR.userData}; mov ds, ax;`;
      await code(CODE, `${data} ${toUser}`);
      await code(USER_CODE, `${instruction}; int 0x52`);
      const start = cpu.state.rsp;
      expect(haltedIn().vector).toBe(0x52);
      cpu.state.cr4 = 0x800n;
      cpu.state.rip = BigInt(CODE);
      cpu.state.rsp = start;
      expect(haltedIn().vector).toBe(13);
    },
  );
});

describe("AVX", () => {
  it.each([
    [0x4_0000n, 7n, true],
    [0x4_0000n, 3n, false],
    [0n, 7n, false],
  ])("with CR4 %s and XCR0 %s is there: %s", async (cr4, xcr0, there) => {
    cpu.state.cr4 = cr4;
    cpu.state.xcr0 = xcr0;
    cpu.memory.write(CODE, Uint8Array.of(0xc5, 0xfc, 0x77, 0xcd, 0x53)); // vzeroall; int 0x53
    expect(haltedIn().vector).toBe(there ? 0x53 : 6);
  });
});

it("a handler that itself faults without end does not stop time", () => {
  cpu.memory.write(HANDLERS + 6 * 16, Uint8Array.of(0x0f, 0x0b));
  cpu.memory.write(CODE, Uint8Array.of(0x0f, 0x0b));
  expect(cpu.run(cpu.time + 3000).kind).toBe("time");
});
