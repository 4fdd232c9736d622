/**
 * `npm run lockstep -- GUEST.elf|GUEST [--limit N]`: a multiboot kernel, or a guest of test/system, instruction by instruction on
 * this machine and on QEMU, until the registers differ. It starts at the kernel's entry with QEMU's registers.
 */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadDisassembler } from "../../src/debug/disassemble.ts";
import { assemble, bootGuest, GUESTS, QEMU_OPTIONS } from "../system/guests.ts";
import { GdbClient } from "./gdb-client.ts";

const GENERAL = [
  ...["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"],
  ...["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
] as const;
/** Where each register is in the reply to `g`: offset and bytes, as QEMU's i386-64bit.xml has them. */
const LAYOUT: readonly (readonly [string, number, number])[] = [
  ...GENERAL.map((name, i) => [name, 8 * i, 8] as const),
  ["rip", 128, 8],
  ["eflags", 136, 4],
  ...["cs", "ss", "ds", "es", "fs", "gs"].map((name, i) => [name, 140 + 4 * i, 4] as const),
  ["cr0", 188, 8],
  ["cr2", 196, 8],
  ["cr3", 204, 8],
  ["cr4", 212, 8],
  ["efer", 228, 8],
];
/** Bits that are not compared, and why. */
const IGNORED: Readonly<Record<string, { readonly bits: bigint; readonly why: string }>> = {
  eflags: { bits: 0x1_0000n, why: "RF: QEMU clears it late" },
};
/** Flags that the manuals leave undefined, by mnemonic: ours take QEMU's value where only these differ. */
const UNDEFINED: readonly (readonly [RegExp, bigint])[] = [
  [/^(and|or|xor|test)\b/, 0x10n],
  [/^(shl|shr|sar|sal|shld|shrd)\b/, 0x810n],
  [/^(rol|ror|rcl|rcr)\b/, 0x800n],
  [/^i?mul\b/, 0xd4n],
  [/^i?div\b/, 0x8d5n],
  [/^(bsf|bsr)\b/, 0x895n],
  [/^(bt|btc|btr|bts)\b/, 0x894n],
];
type State = Map<string, bigint>;

function parse(hex: string): State {
  const bytes = Buffer.from(hex, "hex");
  return new Map(
    LAYOUT.filter(([, offset, size]) => offset + size <= bytes.length).map(([name, offset, size]) => [
      name,
      size === 8 ? bytes.readBigUInt64LE(offset) : BigInt(bytes.readUInt32LE(offset)),
    ]),
  );
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: "string", default: "100000" } },
});
const [guest] = positionals;
if (guest === undefined) throw new Error("usage: npm run lockstep -- GUEST [--limit N]");
const path = GUESTS.some((name) => name === guest) ? assemble(guest) : guest;
const { machine } = bootGuest(path);
const { registers } = machine;
const ours = (): State => {
  const state: State = new Map();
  for (const [name] of LAYOUT) {
    if (name === "eflags") state.set(name, registers.rflags);
    else if (name === "cs" || name === "ss" || name === "ds" || name === "es" || name === "fs" || name === "gs")
      state.set(name, BigInt(registers.segment(name).selector));
    else if (name === "cr0" || name === "cr2" || name === "cr3" || name === "cr4" || name === "efer")
      state.set(name, registers[name]);
    else if (name === "rip") state.set(name, registers.rip);
  }
  for (const name of GENERAL) state.set(name, registers[name]);
  return state;
};

const socket = join(mkdtempSync(join(tmpdir(), "lockstep-")), "gdb");
const gdb = ["-S", "-chardev", `socket,path=${socket},server=on,wait=off,id=gdb`, "-gdb", "chardev:gdb"];
const qemu = spawn("qemu-system-x86_64", [...QEMU_OPTIONS, ...gdb, "-serial", "null", "-kernel", path], {
  stdio: "inherit",
});
try {
  const client = await GdbClient.connect(socket);
  await client.request("qXfer:features:read:target.xml:0,ffb");
  const entry = registers.rip.toString(16);
  await client.request(`Z1,${entry},1`);
  await client.request("c");
  await client.request(`z1,${entry},1`);
  const theirs = async (): Promise<State> => parse(await client.request("g"));
  let expected = await theirs();
  for (const name of GENERAL) registers[name] = expected.get(name) ?? 0n;
  registers.rflags = expected.get("eflags") ?? 2n;
  // What the boot loader may leave as it likes, until the guest sets it.
  const free = new Map([...expected].filter(([name, value]) => ours().get(name) !== value));
  const initial = ours();
  const disassembler = await loadDisassembler();
  const limit = Number(values.limit);
  let count = 0;
  let differing: string[] = [];
  while (count < limit) {
    const { rip } = registers;
    const at = machine.cpu.translate(rip + registers.segment("cs").base);
    const code = at === undefined ? new Uint8Array() : machine.memory.read(at, 15);
    const instruction = disassembler.one(code, rip, registers.codeBits);
    const undefinedFlags = UNDEFINED.find(([mnemonic]) => mnemonic.test(instruction.text))?.[1] ?? 0n;
    if (machine.step() !== undefined || machine.ended !== undefined) break;
    const answer = await client.request("s");
    if (answer.startsWith("W")) break;
    count++;
    expected = await theirs();
    const flags = expected.get("eflags") ?? 0n;
    if (((registers.rflags ^ flags) & ~undefinedFlags) === 0n) registers.rflags = flags;
    const actual = ours();
    differing = [...expected].flatMap(([name, value]) => {
      const mine = actual.get(name) ?? 0n;
      const mask = ~(IGNORED[name]?.bits ?? 0n);
      if ((mine & mask) === (value & mask)) return [];
      return free.get(name) === value && initial.get(name) === mine
        ? []
        : [`${name}: ${mine.toString(16)}, QEMU ${value.toString(16)}`];
    });
    if (differing.length > 0) {
      console.log(`instruction ${count} at 0x${rip.toString(16)}: ${instruction.text}\n  ${differing.join("\n  ")}`);
      process.exitCode = 1;
      break;
    }
  }
  if (differing.length === 0) console.log(`${count} instructions, no difference`);
  client.close();
} finally {
  qemu.kill();
}
