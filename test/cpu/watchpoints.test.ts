/** Watchpoints stop behind exactly the instructions that use the watched bytes, and the guest notices nothing of them. */
import { Const, Keystone, loadKeystone } from "keystone-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { BareMachine } from "../../src/index.ts";

const CODE = 0x40_0000n;
const DATA = 0x50_0000n;

let keystone: Keystone;
beforeAll(async () => {
  await loadKeystone();
  keystone = new Keystone(Const.KS_ARCH_X86, Const.KS_MODE_64);
});

function machineWith(code: string): BareMachine {
  const bare = new BareMachine({ mode: "long" });
  bare.map(CODE, 4096);
  bare.map(DATA, 2 * 4096);
  bare.map(0x60_0000n, 4096);
  bare.write(CODE, keystone.asm(code, { address: CODE }));
  bare.registers.rip = CODE;
  bare.registers.rsp = 0x60_1000n;
  bare.registers.rbx = DATA;
  return bare;
}

const watch = (bare: BareMachine, address: bigint, length: number, kind: "read" | "write" | "access" = "write"): void =>
  bare.machine.watchpoints.add({ address, length, reads: kind !== "write", writes: kind !== "read" });

/** Offsets of the instructions behind which the run stopped, and what they did. */
function stops(bare: BareMachine): string[] {
  const found: string[] = [];
  for (;;) {
    const stop = bare.run({ instructions: 1000 });
    if (stop.reason !== "device" || stop.stop.reason !== "watchpoint") return found;
    const { hit } = stop.stop;
    found.push(`${bare.registers.rip - CODE} ${hit.write ? "w" : "r"}${hit.size}@${hit.address - DATA}`);
  }
}

describe("watchpoints", () => {
  it("stop behind a write in the middle of a block, with everything before it done and nothing after it", () => {
    const bare = machineWith("mov eax, 1; mov [rbx + 8], eax; mov ecx, 2; mov [rbx + 16], ecx; hlt");
    watch(bare, DATA + 8n, 4);
    const stop = bare.run();
    expect(stop).toMatchObject({
      reason: "device",
      stop: { reason: "watchpoint", hit: { write: true, size: 4, rip: CODE + 5n } },
    });
    expect(bare.registers.rip).toBe(CODE + 8n);
    expect(bare.registers.rax).toBe(1n);
    expect(bare.registers.rcx).toBe(0n);
    expect(bare.read(DATA + 8n, 1)[0]).toBe(1);
    expect(bare.run()).toEqual({ reason: "hlt" });
  });

  it.each([
    ["a wider access", "mov [rbx], rax; hlt", "write", ["3 w8@0"]],
    ["bytes beside it", "mov [rbx + 3], al; mov [rbx + 5], al; hlt", "write", []],
    ["a read, for a write watchpoint", "mov eax, [rbx + 4]; hlt", "write", []],
    ["a read", "mov eax, [rbx + 4]; hlt", "read", ["3 r4@4"]],
    ["a write, for a read watchpoint", "mov [rbx + 4], eax; hlt", "read", []],
    ["read and write in one", "add [rbx + 4], eax; hlt", "read", ["3 w4@4"]],
    ["an access over two pages", "mov [rbx + 4094], eax; hlt", "page", ["6 w4@4094"]],
    ["an access that ends before the watched page", "mov [rbx + 4092], eax; hlt", "page", []],
    ["a push", "lea rsp, [rbx + 12]; push rax; hlt", "write", ["5 w8@4"]],
    [
      "each turn of a loop",
      "mov ecx, 3; l: inc dword ptr [rbx + 4]; dec ecx; jnz l; hlt",
      "write",
      ["8 w4@4", "8 w4@4", "8 w4@4"],
    ],
    ["a routine of many accesses", "mov eax, 1; fxsave [rbx]; mov eax, 2; hlt", "write", ["8 w8@0"]],
  ] as const)("notice %s", (_, code, kind, expected) => {
    const bare = machineWith(code);
    if (kind === "page") watch(bare, DATA + 4096n, 1);
    else watch(bare, DATA + 4n, 1, kind);
    expect(stops(bare)).toEqual(expected);
    expect(bare.registers.rip).toBe(CODE + BigInt(keystone.asm(code, { address: CODE }).length));
  });

  it("stop a string instruction while it is under way or behind it, with the byte written", () => {
    const bare = machineWith("mov rdi, rbx; mov ecx, 64; mov eax, 7; rep stosb; hlt");
    watch(bare, DATA + 20n, 1);
    const stop = bare.run();
    expect(stop).toMatchObject({ reason: "device", stop: { reason: "watchpoint" } });
    expect(bare.read(DATA + 20n, 1)[0]).toBe(7);
    expect(bare.run()).toEqual({ reason: "hlt" });
    expect(bare.read(DATA + 63n, 1)[0]).toBe(7);
  });

  it("leave result, instruction count and state as they are without them", () => {
    const code = "mov ecx, 200; l: mov [rbx], rcx; add rax, [rbx]; push rax; pop rdx; loop l; hlt";
    const plain = machineWith(code);
    plain.run();
    const watched = machineWith(code);
    watch(watched, DATA, 8, "access");
    expect(stops(watched)).toHaveLength(400);
    expect(watched.machine.stateHash()).toBe(plain.machine.stateHash());
  });

  it("stop code that has long been running, at the next access and each one after it", () => {
    const bare = machineWith("mov ecx, 3000000; l: mov [rbx], rcx; add rax, [rbx + 64]; dec rcx; jnz l; hlt");
    bare.run({ instructions: 4_000_001 });
    const written = bare.registers.rcx;
    expect(written).toBe(2_000_000n);
    watch(bare, DATA, 8);
    for (let turn = 0n; turn < 3n; turn++) {
      expect(bare.run()).toMatchObject({ reason: "device", stop: { reason: "watchpoint", hit: { rip: CODE + 5n } } });
      expect(bare.registers.rcx).toBe(written - turn);
      expect(bare.registers.rip).toBe(CODE + 8n);
      expect(bare.machine.instructions).toBe(4_000_002 + 4 * Number(turn));
    }
    bare.machine.breakpoints.add(CODE + 12n);
    expect(bare.run()).toEqual({ reason: "address" });
    expect(bare.registers.rip).toBe(CODE + 12n);
  });

  it("do not stop behind an access of an instruction that then faults", () => {
    // The push's operand is read, the stack is not there.
    const bare = machineWith("xor esp, esp; push qword ptr [rbx]; hlt");
    watch(bare, DATA, 8, "access");
    expect(bare.run()).toMatchObject({ reason: "exception", vector: 14 });
  });

  it("stop no more once removed", () => {
    const bare = machineWith("mov [rbx], eax; mov [rbx], ecx; hlt");
    const watchpoint = { address: DATA, length: 1, reads: false, writes: true };
    bare.machine.watchpoints.add(watchpoint);
    expect(bare.run()).toMatchObject({ reason: "device" });
    bare.machine.watchpoints.delete(watchpoint);
    expect(bare.run()).toEqual({ reason: "hlt" });
  });
});
