import { describe, expect, it } from "vitest";
import { bareCpu, CODE, DATA, DEVICE, HANDLERS, load, runToHalt, STACK, setHandler } from "./bare-cpu.ts";

describe("time", () => {
  it("counts each retired instruction once", async () => {
    const cpu = bareCpu();
    await load(cpu, "mov ecx, 10; again: dec ecx; jnz again; hlt");
    const start = cpu.time;
    runToHalt(cpu);
    expect(cpu.time - start).toBe(22);
    expect(cpu.retired).toBe(cpu.time);
  });

  it("stops exactly at the limit, in the middle of a block", async () => {
    const cpu = bareCpu();
    await load(cpu, "inc rax; inc rax; inc rax; inc rax; inc rax; inc rax; inc rax; hlt");
    expect(cpu.run(cpu.time + 3)).toEqual({ kind: "time" });
    expect(cpu.state.rax).toBe(3n);
    expect(cpu.state.rip).toBe(BigInt(CODE + 9));
    expect(cpu.run(cpu.time + 1)).toEqual({ kind: "time" });
    expect(cpu.state.rax).toBe(4n);
  });

  it("does not depend on how a run is sliced", async () => {
    const program = `mov rdi, ${DATA}; mov ecx, 3000; xor eax, eax; cld; rep stosb; mov ecx, 50;
      again: imul rax, rax, 7; add rax, rcx; push rax; pop rbx; rdtsc; dec ecx; jnz again; hlt`;
    const whole = bareCpu();
    await load(whole, program);
    runToHalt(whole);
    const sliced = bareCpu();
    await load(sliced, program);
    while (sliced.run(sliced.time + 3).kind === "time");
    expect(sliced.time).toBe(whole.time);
    expect(sliced.state.snapshot()).toEqual(whole.state.snapshot());
  });

  it("faults on a jump to the last address of all", async () => {
    const cpu = bareCpu();
    await load(cpu, "mov rax, -1; jmp rax");
    runToHalt(cpu);
    expect(cpu.state.rip).toBe(BigInt(HANDLERS + 14 * 16 + 1));
    expect(cpu.state.cr2).toBe(0xffff_ffff_ffff_ffffn);
  });

  it("is exact for RDTSC in the middle of a block", async () => {
    const cpu = bareCpu();
    await load(cpu, "nop; nop; nop; rdtsc; nop; hlt");
    const start = cpu.time;
    runToHalt(cpu);
    expect(cpu.state.rax).toBe(BigInt(start + 3));
  });

  it("is exact for devices in the middle of a block, and a limit set there is met", async () => {
    const times: number[] = [];
    const cpu = bareCpu({
      readMmio: () => {
        times.push(cpu.time);
        cpu.setLimit(cpu.time + 3);
        return 0x1234_5678;
      },
    });
    await load(cpu, `mov rbx, ${DEVICE}; nop; nop; mov eax, [rbx]; inc rcx; inc rcx; inc rcx; inc rcx; hlt`);
    const start = cpu.time;
    expect(cpu.run(start + 1000)).toEqual({ kind: "time" });
    expect(times).toEqual([start + 3]);
    expect(cpu.time).toBe(start + 6);
    expect(cpu.state.rcx).toBe(2n);
    expect(cpu.state.rax).toBe(0x1234_5678n);
  });

  it("passes while halted", async () => {
    const cpu = bareCpu();
    await load(cpu, "hlt");
    expect(cpu.run(cpu.time + 100)).toEqual({ kind: "halted" });
    const { retired } = cpu;
    cpu.advanceTime(1000);
    expect(cpu.time).toBe(retired + 1000);
    expect(cpu.retired).toBe(retired);
  });
});

describe("interrupts", () => {
  it("are taken at the next instruction when a device asserts the line", async () => {
    const cpu = bareCpu({
      writePort: () => cpu.setInterruptLine(true),
      acknowledgeInterrupt: () => {
        cpu.setInterruptLine(false);
        return 0x31;
      },
    });
    await load(cpu, "sti; nop; out 0x80, al; inc rax; hlt");
    runToHalt(cpu);
    expect(cpu.state.rip).toBe(BigInt(HANDLERS + 0x31 * 16 + 1));
    expect(cpu.state.rax).toBe(0n);
  });

  it("wait for the instruction after STI", async () => {
    const cpu = bareCpu();
    await load(cpu, "sti; inc rax; inc rax; hlt");
    cpu.setInterruptLine(true);
    cpu.run(cpu.time + 100);
    expect(cpu.state.rax).toBe(1n);
  });

  it("wait for the instruction after STI when the run is cut between the two", async () => {
    const cpu = bareCpu();
    await load(cpu, "sti; inc rax; inc rax; hlt");
    cpu.run(cpu.time + 1);
    cpu.setInterruptLine(true);
    cpu.run(cpu.time + 100);
    expect(cpu.state.rax).toBe(1n);
  });

  it("interrupt REP strings between chunks and let them go on", async () => {
    const cpu = bareCpu();
    await load(cpu, `sti; mov rdi, ${DATA}; mov ecx, 50000; mov al, 0x5a; rep stosb; hlt`);
    setHandler(cpu, 0x20, HANDLERS + 0x800);
    await load(cpu, "inc rbx; iretq", HANDLERS + 0x800);
    for (let i = 0; i < 8; i++) {
      cpu.setInterruptLine(true);
      cpu.step();
      cpu.setInterruptLine(false);
      cpu.step();
      cpu.step();
      cpu.step();
    }
    runToHalt(cpu);
    expect(cpu.state.rcx).toBe(0n);
    expect(cpu.memory.read(DATA, 50001)).toEqual(new Uint8Array(50001).fill(0x5a, 0, 50000));
    expect(cpu.state.rbx).toBeGreaterThan(3n);
  });

  it("NMI is masked until IRET", async () => {
    const cpu = bareCpu();
    setHandler(cpu, 2, HANDLERS + 0x800);
    await load(cpu, "inc rbx; nop; nop; iretq", HANDLERS + 0x800);
    await load(cpu, "nop; nop; nop; hlt");
    cpu.raiseNmi();
    cpu.step();
    cpu.step();
    cpu.raiseNmi();
    runToHalt(cpu);
    expect(cpu.state.rbx).toBe(2n);
    expect(cpu.state.rsp).toBe(BigInt(STACK));
  });
});

describe("exceptions", () => {
  it("are precise: the faulting instruction has changed nothing", async () => {
    const cpu = bareCpu();
    cpu.memory.writeUint64(0x3000 + 8, 0n);
    await load(cpu, `mov rax, 5; stc; add [${DATA}], rax; hlt`);
    runToHalt(cpu);
    const frame = Number(cpu.state.rsp);
    expect(cpu.state.cr2).toBe(BigInt(DATA));
    expect(cpu.memory.readUint64(frame)).toBe(2n);
    expect(cpu.memory.readUint64(frame + 24) & 0x8d5n).toBe(1n);
  });

  it("in the handler's stack make a double fault, then shut down", async () => {
    const cpu = bareCpu();
    await load(cpu, "mov rsp, 0x5000000000; int3");
    expect(cpu.run(cpu.time + 100)).toEqual({ kind: "shutdown" });
    expect(cpu.run(cpu.time + 100)).toEqual({ kind: "shutdown" });
    cpu.reset();
    expect(cpu.state.rip).toBe(0xfff0n);
  });

  it("are told to onDelivery", async () => {
    const cpu = bareCpu();
    const seen: unknown[] = [];
    cpu.onDelivery = (event) => seen.push(event);
    await load(cpu, "nop; ud2");
    runToHalt(cpu);
    expect(seen).toEqual([{ vector: 6, kind: "exception", rip: BigInt(CODE + 1) }]);
  });

  it("single-step traps follow each instruction while TF is set", async () => {
    const cpu = bareCpu();
    setHandler(cpu, 1, HANDLERS + 0x800);
    await load(cpu, "inc rbx; iretq", HANDLERS + 0x800);
    await load(
      cpu,
      "pushfq; or qword ptr [rsp], 0x100; popfq; nop; nop; pushfq; and qword ptr [rsp], -257; popfq; nop; hlt",
    );
    runToHalt(cpu);
    expect(cpu.state.rbx).toBe(5n);
    expect(cpu.state.dr6 & 0x4000n).toBe(0x4000n);
  });

  it("hardware breakpoints trap after a watched write and before a watched instruction", async () => {
    const cpu = bareCpu();
    setHandler(cpu, 1, HANDLERS + 0x800);
    await load(cpu, "inc rbx; mov r8, dr6; or qword ptr [rsp+16], 0x10000; iretq", HANDLERS + 0x800);
    await load(
      cpu,
      `mov rax, ${DATA + 8}; mov dr0, rax; mov rax, 0x90001; mov dr7, rax; nop; mov dword ptr [${DATA}], eax;
       mov dword ptr [${DATA + 8}], eax; inc rcx; hlt`,
    );
    runToHalt(cpu);
    expect(cpu.state.rbx).toBe(1n);
    expect(cpu.state.r8 & 0xfn).toBe(1n);
    const code = bareCpu();
    setHandler(code, 1, HANDLERS + 0x800);
    await load(code, "inc rbx; or qword ptr [rsp+16], 0x10000; iretq", HANDLERS + 0x800);
    await load(code, "nop; nop; nop; hlt");
    code.state.dr1 = BigInt(CODE + 2);
    code.state.dr7 = 0x404n;
    code.debugRegistersChanged();
    runToHalt(code);
    expect(code.state.rbx).toBe(1n);
  });
});

describe("translated code", () => {
  it("is dropped when the guest overwrites it, also in the block that does it", async () => {
    const cpu = bareCpu();
    await load(cpu, "lea rdi, [rip+target]; mov byte ptr [rdi], 0xf4; nop; target: inc rax; inc rax; hlt");
    runToHalt(cpu);
    expect(cpu.state.rax).toBe(0n);
  });

  it("is dropped when a device overwrites it", async () => {
    const cpu = bareCpu();
    await load(cpu, "inc rax; hlt");
    runToHalt(cpu);
    cpu.memory.write(CODE, Uint8Array.of(0x48, 0xff, 0xc8));
    cpu.state.rip = BigInt(CODE);
    runToHalt(cpu);
    expect(cpu.state.rax).toBe(0n);
  });

  it("follows a loop that patches an instruction thousands of times", async () => {
    const cpu = bareCpu();
    await load(
      cpu,
      `mov ecx, 5000; lea rdi, [rip+patched]; again: mov byte ptr [rdi], 0x90; call patched;
       mov byte ptr [rdi], 0xf4; mov byte ptr [rdi], 0x90; dec ecx; jnz again; hlt; patched: nop; inc rax; ret`,
    );
    runToHalt(cpu);
    expect(cpu.state.rax).toBe(5000n);
  });

  it("stops before breakpoints, added and removed at any time", async () => {
    const cpu = bareCpu();
    await load(cpu, "again: inc rax; nop; jmp again");
    cpu.run(cpu.time + 1000);
    cpu.breakpoints.add(BigInt(CODE + 3));
    expect(cpu.run(cpu.time + 1000)).toEqual({ kind: "breakpoint", address: BigInt(CODE + 3) });
    cpu.step();
    expect(cpu.run(cpu.time + 1000)).toEqual({ kind: "breakpoint", address: BigInt(CODE + 3) });
    cpu.breakpoints.clear();
    expect(cpu.run(cpu.time + 1000)).toEqual({ kind: "time" });
  });

  it("sees a new mapping after INVLPG", async () => {
    const cpu = bareCpu();
    const page = 0x40_0000;
    cpu.memory.writeUint64(0x4000, BigInt(DATA) | 7n);
    cpu.memory.writeUint64(0x3000 + 2 * 8, 0x4007n);
    cpu.memory.write(DATA, Uint8Array.of(0xff, 0xc0, 0xc3));
    cpu.memory.write(DATA + 0x1000, Uint8Array.of(0xff, 0xc3, 0xc3));
    await load(
      cpu,
      `call ${page}; call ${page}; mov qword ptr [0x4000], ${DATA + 0x1007}; invlpg [${page}]; call ${page}; hlt`,
    );
    runToHalt(cpu);
    expect([cpu.state.rax, cpu.state.rbx]).toEqual([2n, 1n]);
  });
});
