/**
 * `npm run lockstep -- GUEST.elf|GUEST [--limit N] [--strict]`: a multiboot kernel, or a guest of test/system, instruction by instruction
 * on this machine and on QEMU, until something differs that is not known (deviations.ts; `--strict`: until anything differs). It starts
 * at the kernel's entry with QEMU's registers. Memory is compared as a whole from time to time, and at the end.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { badUsage, parseOptions } from "../../scripts/usage.ts";
import { isRealMode, readDescriptor, segmentOf } from "../../src/cpu/segmentation.ts";
import { loadDisassembler } from "../../src/debug/disassemble.ts";
import { assemble, bootGuest, GUEST_MEMORY, GUESTS, QEMU_OPTIONS } from "../system/guests.ts";
import { DEVIATIONS, type Deviation, FRAME } from "./deviations.ts";
import { GdbClient } from "./gdb-client.ts";

const GENERAL = [
  ...["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"],
  ...["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
] as const;
const SELECTORS = ["cs", "ss", "ds", "es", "fs", "gs"] as const;
const CONTROL = ["cr0", "cr2", "cr3", "cr4", "efer"] as const;
/** Where each register is in the reply to `g`: offset and bytes, as QEMU's i386-64bit.xml has them. */
const LAYOUT: readonly (readonly [string, number, number])[] = [
  ...GENERAL.map((name, i) => [name, 8 * i, 8] as const),
  ["rip", 128, 8],
  ["eflags", 136, 4],
  ...SELECTORS.map((name, i) => [name, 140 + 4 * i, 4] as const),
  ["cr0", 188, 8],
  ["cr2", 196, 8],
  ["cr3", 204, 8],
  ["cr4", 212, 8],
  ["efer", 228, 8],
];
/** Bits that are not compared, and why. */
const IGNORED: Readonly<Record<string, { readonly bits: bigint; readonly why: string }>> = {
  eflags: { bits: 0x1_0000n, why: "RF: QEMU clears it late" },
  cr0: { bits: 0x10n, why: "ET: QEMU lets it be cleared" },
};
/** Flags that the manuals leave undefined, by mnemonic: ours take QEMU's value where only these differ. */
const UNDEFINED: readonly (readonly [RegExp, bigint])[] = [
  [/^(lock )?(and|or|xor|test)\b/, 0x10n],
  [/^(shl|shr|sar|sal|shld|shrd)\b/, 0x810n],
  [/^(rol|ror|rcl|rcr)\b/, 0x800n],
  [/^i?mul\b/, 0xd4n],
  [/^i?div\b/, 0x8d5n],
  [/^(bsf|bsr)\b/, 0x895n],
  [/^(lock )?(bt|btc|btr|bts)\b/, 0x894n],
];
/** Instructions between comparisons of the whole memory. */
const MEMORY_INTERVAL = 20_000;
/** An exception's frame with error code and, in virtual-8086 mode, data segments. */
const FRAME_BYTES = 48;
const RESUME_FLAG = 0x1_0000;
/** Accessed bit of a page table's entry. */
const ACCESSED = 0x20;
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

const { values, positionals } = parseOptions({
  allowPositionals: true,
  options: { limit: { type: "string", default: "1000000" }, strict: { type: "boolean", default: false } },
});
const [guest] = positionals;
if (guest === undefined) badUsage("usage: npm run lockstep -- GUEST [--limit N] [--strict]");
if (!GUESTS.some((name) => name === guest) && !existsSync(guest))
  badUsage(`${guest}: no such file, and no system guest (${GUESTS.join(", ")})`);
const path = GUESTS.some((name) => name === guest) ? assemble(guest) : guest;
const { machine } = bootGuest(path, { tier: 0 });
const { registers, memory, cpu } = machine;
const folder = mkdtempSync(join(tmpdir(), "lockstep-"));

function ours(): State {
  const state: State = new Map([
    ["rip", registers.rip],
    ["eflags", registers.rflags],
  ]);
  for (const name of [...GENERAL, ...CONTROL]) state.set(name, registers[name]);
  for (const name of SELECTORS) state.set(name, BigInt(registers.segment(name).selector));
  return state;
}

/** Takes over QEMU's registers; segments are loaded from their descriptors. */
function adopt(state: State): void {
  const get = (name: string): bigint => state.get(name) ?? 0n;
  for (const name of CONTROL) registers[name] = get(name);
  registers.rflags = get("eflags");
  const selector = (name: (typeof SELECTORS)[number]): number => Number(get(name));
  const virtual = (registers.flags & 0x2_0000) !== 0;
  for (const name of SELECTORS) {
    if (registers.segment(name).selector === selector(name)) continue;
    if (isRealMode(cpu))
      registers.setSegment(name, {
        ...registers.segment(name),
        selector: selector(name),
        base: BigInt(selector(name)) << 4n,
      });
    else if ((selector(name) & ~3) === 0)
      registers.setSegment(name, { selector: selector(name), base: 0n, limit: 0, attributes: 0 });
    else registers.setSegment(name, segmentOf(selector(name), readDescriptor(cpu, selector(name))));
  }
  registers.cpl = virtual ? 3 : (registers.cr0 & 1n) === 0n ? 0 : selector("cs") & 3;
  for (const name of GENERAL) registers[name] = get(name);
  registers.rip = get("rip");
  cpu.wake();
}

const socket = join(folder, "gdb");
const gdb = ["-S", "-chardev", `socket,path=${socket},server=on,wait=off,id=gdb`, "-gdb", "chardev:gdb"];
const qemu = spawn("qemu-system-x86_64", [...QEMU_OPTIONS, ...gdb, "-serial", "null", "-kernel", path], {
  stdio: ["ignore", "ignore", "inherit"],
});
const found = new Map<Deviation, { count: number; first: string }>();
try {
  const client = await GdbClient.connect(socket);
  await client.request("qXfer:features:read:target.xml:0,ffb");
  const entry = registers.rip.toString(16);
  await client.request(`Z1,${entry},1`);
  await client.request("c");
  await client.request(`z1,${entry},1`);
  const theirs = async (): Promise<State> => parse(await client.request("g"));
  /** QEMU's memory as a whole. */
  const dump = async (): Promise<Uint8Array> => {
    const file = join(folder, "memory");
    await client.monitor(`pmemsave 0 0x${GUEST_MEMORY.toString(16)} "${file}"`);
    return readFileSync(file);
  };
  /** What is different in memory, as far as the guest has written it since `start`. */
  let atEntry = new Uint8Array();
  const upperEntries = new Set<number>();
  const differingMemory = async (): Promise<string | undefined> => {
    const there = await dump();
    const here = memory.read(0, GUEST_MEMORY);
    for (let at = 0; at < GUEST_MEMORY; at++)
      // QEMU sets the accessed bit in the four upper entries of PAE, too.
      if (
        there[at] !== here[at] &&
        there[at] !== atEntry[at] &&
        !(upperEntries.has(at) && there[at] === (here[at] | ACCESSED))
      )
        return `memory at 0x${at.toString(16)}: ${here[at]}, QEMU ${there[at]}`;
    return undefined;
  };
  let expected = await theirs();
  for (const name of GENERAL) registers[name] = expected.get(name) ?? 0n;
  for (const name of CONTROL) registers[name] = expected.get(name) ?? 0n;
  registers.rflags = expected.get("eflags") ?? 2n;
  // What the boot loader left there is taken over, but for its own leavings that the guest does not know of.
  atEntry = Uint8Array.from(await dump());
  memory.write(0, atEntry);
  // What it may leave as it likes, until the guest sets it.
  const free = new Map([...expected].filter(([name, value]) => ours().get(name) !== value));
  const initial = ours();
  const disassembler = await loadDisassembler();
  const limit = Number(values.limit);
  let count = 0;
  let failure: string[] = [];
  let vector: number | undefined;
  cpu.onDelivery = (event) => {
    vector = event.vector;
  };
  const known = (text: string, mode: 16 | 32 | 64, names: readonly string[]): Deviation | undefined =>
    values.strict ? undefined : DEVIATIONS.find((one) => one.matches({ text, mode, vector, registers: names }));

  while (count < limit && failure.length === 0) {
    const { rip } = registers;
    const mode = registers.codeBits;
    const at = cpu.translate(BigInt.asUintN(64, rip + (mode === 64 ? 0n : registers.segment("cs").base)));
    const code = at === undefined ? new Uint8Array() : memory.read(at, 15);
    const instruction = disassembler.one(code, rip, mode);
    const undefinedFlags = UNDEFINED.find(([mnemonic]) => mnemonic.test(instruction.text))?.[1] ?? 0n;
    vector = undefined;
    let stopped = machine.step();
    // A trap is a step of its own here, and part of the instruction's on QEMU; a load of SS holds it off. So is a breakpoint.
    const trapped = cpu.debugging.trapPending && !/^(mov|pop) ss\b/.test(instruction.text);
    const breakpoint = (registers.flags & RESUME_FLAG) === 0 && cpu.debugging.codeAddress(registers.rip);
    if (trapped || breakpoint) stopped ??= machine.step();
    if (stopped !== undefined || machine.ended !== undefined) break;
    if ((await client.request("s")).startsWith("W")) break;
    count++;
    expected = await theirs();
    // Now and then it stops before the instruction, having translated it anew.
    for (let again = 0; again < 3 && expected.get("rip") === rip && registers.rip !== rip; again++) {
      await client.request("s");
      expected = await theirs();
    }
    // QEMU steps through repeated instructions one iteration at a time.
    while (/^rep/.test(instruction.text) && expected.get("rip") === rip && expected.get("rcx") !== registers.rcx) {
      await client.request("s");
      expected = await theirs();
    }
    const { levels, root } = cpu.linear.mode;
    if (levels === 3) for (let i = 0; i < 4; i++) upperEntries.add(root + 8 * i);
    const flags = expected.get("eflags") ?? 0n;
    if (((registers.rflags ^ flags) & ~undefinedFlags) === 0n) registers.rflags = flags;
    const actual = ours();
    const narrow = registers.codeBits !== 64;
    const differing = [...expected].flatMap(([name, value]) => {
      const mine = actual.get(name) ?? 0n;
      // The stub shows no more of general registers outside 64-bit code.
      const shown = !narrow || !GENERAL.some((one) => one === name) ? ~0n : /^r\d/.test(name) ? 0n : 0xffff_ffffn;
      const mask = shown & ~(IGNORED[name]?.bits ?? 0n);
      if ((mine & mask) === (value & mask)) return [];
      return free.get(name) === value && initial.get(name) === mine ? [] : [name];
    });
    let text = differing.map(
      (n) => `${n}: ${(actual.get(n) ?? 0n).toString(16)}, QEMU ${(expected.get(n) ?? 0n).toString(16)}`,
    );
    if (differing.length === 0 && vector !== undefined) {
      // The frame on the stack: error codes and flags.
      const stack = cpu.translate(registers.rsp);
      const length = Math.min(FRAME_BYTES, 4096 - Number(registers.rsp & 0xfffn));
      const there =
        stack === undefined ? "" : await client.request(`m${registers.rsp.toString(16)},${length.toString(16)}`);
      const here = stack === undefined ? "" : Buffer.from(memory.read(stack, length)).toString("hex");
      if (there !== here) text = [`frame of exception ${vector}: ${here}, QEMU ${there}`];
    } else if (differing.length === 0 && count % MEMORY_INTERVAL === 0) {
      const where = await differingMemory();
      if (where !== undefined) failure = [where];
    }
    if (text.length === 0) continue;
    const deviation = text[0]?.startsWith("frame") && !values.strict ? FRAME : known(instruction.text, mode, differing);
    const line = `instruction ${count} at 0x${rip.toString(16)}: ${instruction.text}\n  ${text.join("\n  ")}`;
    if (deviation === undefined) {
      failure = [line];
      break;
    }
    const entry = found.get(deviation);
    if (entry === undefined) found.set(deviation, { count: 1, first: line });
    else entry.count++;
    memory.write(0, await dump());
    cpu.tlb.flush();
    adopt(expected);
  }
  if (failure.length === 0) {
    const where = await differingMemory().catch(() => undefined);
    if (where !== undefined) failure = [where];
  }
  for (const [{ why }, { count: times, first }] of found) console.log(`known, ${times} times: ${why}; first ${first}`);
  if (failure.length > 0) process.exitCode = 1;
  console.log([...failure, `${count} instructions${failure.length === 0 ? ", no other difference" : ""}`].join("\n"));
  client.close();
} finally {
  qemu.kill();
}
