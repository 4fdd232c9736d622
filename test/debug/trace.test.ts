/** The default trace: what happens around a breakpoint in kernel mode, here an override in miniature. */
import { expect, it } from "vitest";
import { loadDisassembler } from "../../src/debug/disassemble.ts";
import { Symbols } from "../../src/debug/symbols.ts";
import { Trace } from "../../src/debug/trace.ts";
import { Machine } from "../../src/machine/machine.ts";
import { PageTables } from "../../src/machine/page-tables.ts";
import { enterLongMode, flatDescriptors } from "../../src/machine/processor-modes.ts";
import { assemble } from "../run/tiny-guest.ts";

const KERNEL = 0xffff_ffff_8000_0000n;
const MEMORY = 4 * 2 ** 20;
/** Offsets in the kernel's mapping, which are physical addresses too. */
const at = { gdt: 0x1000, idt: 0x2000, main: 0x3000, probed: 0x4000, handler: 0x5000, stub: 0x6000, stack: 0x9000 };

async function overrideGuest(): Promise<{ machine: Machine; symbols: Symbols }> {
  const machine = new Machine({ memory: MEMORY });
  const { memory, cpu } = machine;
  const tables = new PageTables(memory, MEMORY / 2, MEMORY);
  tables.map(KERNEL, 0, 0x10000);
  const place = async (name: keyof typeof at, text: string): Promise<number> => {
    const code = await assemble(text, 64, at[name]);
    memory.write(at[name], code);
    return code.length;
  };
  const lengths = {
    main: await place(
      "main",
      `mov ecx, 3; again: nop; call ${at.probed}; dec ecx; jnz again; mov dx, 0xf4; out dx, eax`,
    ),
    probed: await place("probed", "int3; mov eax, 1; ret"),
    // An override: rax and the return address in the exception's frame.
    handler: await place(
      "handler",
      `mov eax, -12; lea rdx, [rip + ${at.stub - at.handler - 12}]; mov [rsp], rdx; iretq`,
    ),
    stub: await place("stub", "ret"),
  };
  const handler = KERNEL + BigInt(at.handler);
  memory.write(at.gdt, flatDescriptors(0n));
  memory.writeUint64(at.idt + 16 * 3, (handler & 0xffffn) | 0x8e00_0008_0000n | (((handler >> 16n) & 0xffffn) << 48n));
  memory.writeUint64(at.idt + 16 * 3 + 8, handler >> 32n);
  enterLongMode(cpu, { rip: KERNEL + BigInt(at.main), rsp: KERNEL + BigInt(at.stack), pageTables: tables.root });
  cpu.state.gdtr = { base: KERNEL + BigInt(at.gdt), limit: 0x37 };
  cpu.state.idtr = { base: KERNEL + BigInt(at.idt), limit: 0xfff };
  const symbols = new Symbols(
    (Object.keys(lengths) as (keyof typeof lengths)[]).map((name) => ({
      name,
      address: KERNEL + BigInt(at[name]),
      size: BigInt(lengths[name]),
      type: "function",
      binding: "global",
    })),
  );
  return { machine, symbols };
}

it("trace: from the breakpoint through its handler to what follows its return, and at full speed in between", async () => {
  const { machine, symbols } = await overrideGuest();
  const lines: string[] = [];
  const trace = new Trace(machine, symbols, await loadDisassembler(symbols), { print: (line) => lines.push(line) });
  expect(trace.run()).toEqual({ reason: "exit", code: 0xffff_fff4 });
  const first = lines.slice(0, lines.findIndex((line) => / main\+\S+ .* dec ecx/.test(line)) + 1);
  // Time and address, symbol, bytes, text, changes: what each line is about.
  expect(
    first.map((line) =>
      line
        .replace(/^ *\d+ {2}[0-9a-f]{16} /, "")
        .replace(/ +/g, " ")
        .trim(),
    ),
  ).toEqual([
    "probed cc int3",
    "probed+0x1 -> #BP (software)",
    "handler b8f4ffffff mov eax, 0xfffffff4 rax=0xfffffff4 (-12)",
    "handler+0x5 488d15f40f0000 lea rdx, [rip + 0xff4] # 0xffffffff80006000 <stub> rdx=0xffffffff80006000",
    "handler+0xc 48891424 mov qword ptr [rsp], rdx",
    "handler+0x10 48cf iretq rsp=0xffffffff80008ff8",
    "stub c3 ret rsp=0xffffffff80009000",
    "main+0xb ffc9 dec ecx rcx=0x2",
  ]);
  expect(lines.filter((line) => line.includes("-> #BP")).length).toBe(3);
});

it("trace: the guest does the same with it as without it", async () => {
  const plain = await overrideGuest();
  plain.machine.run();
  const traced = await overrideGuest();
  const trace = new Trace(traced.machine, traced.symbols, await loadDisassembler(), { all: true, print: () => {} });
  trace.run();
  expect(traced.machine.instructions).toBe(plain.machine.instructions);
  expect(traced.machine.stateHash()).toBe(plain.machine.stateHash());
});
