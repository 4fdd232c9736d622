/** Processor and devices together: interrupts, halting, time. Guests run in 64-bit mode with an identity map. */
import { describe, expect, it } from "vitest";
import { Disk, InputError, Machine } from "../../src/index.ts";
import { PageTables } from "../../src/machine/page-tables.ts";
import { enterLongMode, flatDescriptors, loadTaskRegister } from "../../src/machine/processor-modes.ts";
import { assemble } from "../run/tiny-guest.ts";

const MEMORY = 8 * 2 ** 20;
const GDT = 0x1000;
const TASK_STATE = 0x1800;
const IDT = 0x2000;
const CODE = 0x10_0000;
const HANDLER = 0x11_0000;
const APIC = 0xfee0_0000;
const IO_APIC = 0xfec0_0000;
const VIRTIO = 0xfeb0_0000;

/** `code` runs with interrupts off; vector 0x40 leads to `handler`. */
async function machine(code: string, handler = "hlt", disks: readonly Disk[] = []): Promise<Machine> {
  const result = new Machine({ memory: MEMORY, disks });
  const { memory, cpu } = result;
  const tables = new PageTables(memory, MEMORY - 0x10_0000, MEMORY);
  tables.map(0n, 0, MEMORY - 0x10_0000);
  for (const device of [APIC, IO_APIC, VIRTIO]) tables.map(BigInt(device), device, 0x1000);
  enterLongMode(cpu, { rip: BigInt(CODE), rsp: 0x9000n, pageTables: tables.root });
  memory.write(GDT, flatDescriptors(BigInt(TASK_STATE)));
  cpu.state.gdtr = { base: BigInt(GDT), limit: 0x37 };
  cpu.state.idtr = { base: BigInt(IDT), limit: 0xfff };
  loadTaskRegister(cpu, BigInt(TASK_STATE));
  for (const vector of [0x24, 0x40]) {
    memory.writeUint64(
      IDT + 16 * vector,
      (BigInt(HANDLER >> 16) << 48n) | 0x8e00_0008_0000n | BigInt(HANDLER & 0xffff),
    );
    memory.writeUint64(IDT + 16 * vector + 8, 0n);
  }
  memory.write(CODE, await assemble(code, 64, CODE));
  memory.write(HANDLER, await assemble(handler, 64, HANDLER));
  return result;
}

/** mov dword [address], value, through rdi. */
const store = (address: number, value: number): string => `mov edi, ${address}; mov dword ptr [rdi], ${value}`;
const enableApic = store(APIC + 0xf0, 0x1ff);
const divideBy1 = store(APIC + 0x3e0, 0xb);
const endOfInterrupt = store(APIC + 0xb0, 0);
const exit = (code: string): string => `mov eax, ${code}; mov dx, 0xf4; out dx, eax`;

describe("time", () => {
  it("is one tick for each instruction", async () => {
    const m = await machine("nop; nop; nop; again: jmp again");
    expect(m.run({ instructions: 1000 })).toEqual({ reason: "instruction-limit" });
    expect([m.time, m.instructions]).toEqual([1000, 1000]);
    expect(m.run({ time: 1500 })).toEqual({ reason: "time" });
    expect(m.time).toBe(1500);
  });

  it("is counted in whole ticks, also where a limit falls between two", async () => {
    const timer = `${enableApic}; ${divideBy1}; ${store(APIC + 0x320, 0x40)}; ${store(APIC + 0x380, 1_000_000)}`;
    const m = await machine(`${timer}; sti; hlt; rdtsc; ${exit("1")}`, `${endOfInterrupt}; iretq`);
    expect(m.run({ time: 1000.5 })).toEqual({ reason: "time" });
    expect(m.time).toBe(1001);
    expect(m.run()).toMatchObject({ reason: "exit" });
  });

  it("jumps to the timer's interrupt while the processor is halted", async () => {
    const start = `${enableApic}; ${divideBy1}; ${store(APIC + 0x320, 0x40)}; ${store(APIC + 0x380, 1_000_000)}`;
    const m = await machine(`${start}; sti; hlt; nop; ${exit("1")}`, `${endOfInterrupt}; inc rbx; iretq`);
    expect(m.run()).toEqual({ reason: "exit", code: 1 });
    expect(m.registers.rbx).toBe(1n);
    expect(m.instructions).toBeLessThan(30);
    expect(m.time).toBeGreaterThanOrEqual(1_000_000);
    expect(m.time).toBeLessThan(1_000_030);
  });

  it("a periodic timer interrupts a loop at exact times", async () => {
    const start = `${enableApic}; ${divideBy1}; ${store(APIC + 0x320, 0x2_0040)}; ${store(APIC + 0x380, 1000)}; sti`;
    const handler = `rdtsc; sub eax, r8d; add r8d, eax; cmp eax, 1000; jne irregular; ${endOfInterrupt}; inc ebx; cmp ebx, 100; je enough; iretq; enough: ${exit("0")}; irregular: cmp ebx, 2; jl first; ${exit("eax")}; first: ${endOfInterrupt}; inc ebx; iretq`;
    const m = await machine(`${start}; again: jmp again`, handler);
    expect(m.run()).toEqual({ reason: "exit", code: 0 });
    expect(m.registers.rbx).toBe(100n);
  });

  it("the TSC-deadline timer fires when the TSC gets there", async () => {
    const deadline = "rdtsc; add eax, 5000; mov ecx, 0x6e0; wrmsr";
    const m = await machine(
      `${enableApic}; ${store(APIC + 0x320, 0x4_0040)}; ${deadline}; mov r9d, eax; sti; hlt; ${exit("2")}`,
      `rdtsc; sub eax, r9d; ${exit("eax")}`,
    );
    const stop = m.run();
    // The interrupt comes at the deadline; RDTSC is the first instruction after it.
    expect(stop.reason === "exit" && stop.code).toBeLessThan(4);
  });
});

describe("halting", () => {
  it("ends the run when nothing can wake the processor", async () => {
    expect((await machine("hlt")).run()).toEqual({ reason: "halted" });
    expect((await machine("sti; hlt")).run()).toEqual({ reason: "halted" });
  });

  it("ends the run when interrupts are off, though a timer runs", async () => {
    const m = await machine(`${enableApic}; ${store(APIC + 0x320, 0x2_0040)}; ${store(APIC + 0x380, 100)}; cli; hlt`);
    expect(m.run()).toEqual({ reason: "halted" });
  });

  it("ends the run when the timer's interrupt is held back for ever by priority", async () => {
    const m = await machine(
      `${enableApic}; ${store(APIC + 0x80, 0xf0)}; ${store(APIC + 0x320, 0x2_0040)}; ${store(APIC + 0x380, 100)}; sti; hlt`,
    );
    expect(m.run()).toEqual({ reason: "halted" });
  });

  it("is over when input arrives", async () => {
    const route = `${store(IO_APIC, 0x18)}; ${store(IO_APIC + 0x10, 0x40)}`;
    const receive = "mov dx, 0x3f9; mov al, 1; out dx, al";
    const m = await machine(
      `${enableApic}; ${route}; ${receive}; sti; wait: hlt; jmp wait`,
      "mov dx, 0x3f8; in al, dx; movzx eax, al; mov dx, 0xf4; out dx, eax",
    );
    expect(m.run()).toEqual({ reason: "halted" });
    m.sendInput("A");
    expect(m.run()).toEqual({ reason: "exit", code: 65 });
  });
});

describe("interrupts", () => {
  it("of the UART come through the I/O APIC", async () => {
    const route = `${store(IO_APIC, 0x18)}; ${store(IO_APIC + 0x10, 0x40)}`;
    const transmit = "mov dx, 0x3f9; mov al, 2; out dx, al";
    const m = await machine(`${enableApic}; ${route}; sti; ${transmit}; nop; ${exit("1")}`, exit("0"));
    expect(m.run()).toEqual({ reason: "exit", code: 0 });
  });

  it("of the UART come through the 8259, without an APIC set up", async () => {
    const out = (port: number, value: number): string => `mov al, ${value}; out ${port}, al`;
    const initialise = [out(0x20, 0x11), out(0x21, 0x20), out(0x21, 4), out(0x21, 1), out(0x21, 0xef)].join("; ");
    const transmit = "mov dx, 0x3f9; mov al, 2; out dx, al";
    const m = await machine(`${initialise}; sti; ${transmit}; nop; ${exit("1")}`, exit("0"));
    expect(m.run()).toEqual({ reason: "exit", code: 0 });
  });

  it("respect CR8", async () => {
    const self = store(APIC + 0x300, 0x4_0040);
    const m = await machine(
      `${enableApic}; mov eax, 5; mov cr8, rax; sti; ${self}; nop; mov ebx, 1; xor eax, eax; mov cr8, rax; nop; ${exit("1")}`,
      exit("ebx; add eax, 10"),
    );
    expect(m.run()).toEqual({ reason: "exit", code: 11 });
  });
});

describe("disk", () => {
  it("is found in the last slot; the others are empty", async () => {
    const disk = await Disk.fromBytes(new Uint8Array(1024));
    const m = await machine(
      `mov edi, ${VIRTIO + 0xe08}; mov eax, [rdi]; mov edi, ${VIRTIO + 0xc08}; mov ebx, [rdi]; shl ebx, 4; add eax, ebx; mov edi, ${VIRTIO + 0xf00}; mov ebx, [rdi]; shl ebx, 8; add eax, ebx; mov dx, 0xf4; out dx, eax`,
      "hlt",
      [disk],
    );
    expect(m.run()).toEqual({ reason: "exit", code: 0x202 });
  });
});

describe("determinism", () => {
  it("two machines that did the same have the same state hash at every time, others do not", async () => {
    const code = `${enableApic}; ${divideBy1}; ${store(APIC + 0x320, 0x2_0040)}; ${store(APIC + 0x380, 777)}; sti; again: inc rax; mov [0x5000], rax; jmp again`;
    const handler = `${endOfInterrupt}; inc rbx; iretq`;
    const [one, two] = [await machine(code, handler), await machine(code, handler)];
    const start = one.stateHash();
    for (const time of [10, 1000, 5000, 100_000]) {
      one.run({ time });
      for (let part = two.time; part < time; part += 333) two.run({ time: Math.min(time, part + 333) });
      two.run({ time });
      expect(two.stateHash()).toBe(one.stateHash());
    }
    expect(one.stateHash()).not.toBe(start);
    const before = one.stateHash();
    one.run({ instructions: one.instructions + 1 });
    expect(one.stateHash()).not.toBe(before);
  });
});

describe("breakpoints", () => {
  it("stop before their instruction, and going on executes it", async () => {
    const m = await machine("again: inc rax; nop; jmp again");
    m.breakpoints.add(BigInt(CODE + 3));
    for (let i = 1n; i <= 3n; i++) {
      expect(m.run()).toEqual({ reason: "breakpoint", address: BigInt(CODE + 3) });
      expect(m.registers.rax).toBe(i);
    }
    m.breakpoints.clear();
    expect(m.run({ instructions: 100 })).toEqual({ reason: "instruction-limit" });
  });
});

describe("a machine that cannot be", () => {
  it.each([0, 1000, 2 ** 20 + 1, 2 ** 33, Number.NaN])("memory of %s bytes", (memory) => {
    expect(() => new Machine({ memory })).toThrow(InputError);
  });
});
