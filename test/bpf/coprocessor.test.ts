/** The BPF co-processor: its protocol, and that nothing a guest writes makes it throw. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assemble } from "../../src/bpf/assembler.ts";
import {
  type Block,
  blockSize,
  blocks,
  COPROCESSOR_MAGIC,
  commands,
  coprocessorHeader,
  fieldOffsets,
  registers,
  statuses,
} from "../../src/bpf/coprocessor-protocol.ts";
import * as isa from "../../src/bpf/isa.ts";
import { progTag } from "../../src/bpf/prog-tag.ts";
import type { ProgramToVerify, VerifyResult } from "../../src/bpf/verifier/index.ts";
import { BpfCoprocessor } from "../../src/devices/bpf-coprocessor.ts";
import { FlatMemory } from "./flat-memory.ts";
import { Random } from "./random-program.ts";

const statistics = {
  instructionsProcessed: 4,
  maxStatesPerInstruction: 0,
  totalStates: 0,
  peakStates: 0,
  longestMarkReadWalk: 0,
};

/** Accepts everything; map references by descriptor become references by index. */
function accept(program: ProgramToVerify): VerifyResult {
  const maps = program.instructions
    .filter((insn) => isa.isLdImm64(insn) && insn.src !== 0)
    .map((insn) => program.mapByFd?.(insn.imm));
  const found = maps.filter((map) => typeof map === "object");
  let next = 0;
  const instructions = program.instructions.map((insn) => {
    if (!isa.isLdImm64(insn) || insn.src === 0) return insn;
    const byValue = insn.src === isa.BPF_PSEUDO_MAP_VALUE;
    return { ...insn, src: byValue ? isa.BPF_PSEUDO_MAP_IDX_VALUE : isa.BPF_PSEUDO_MAP_IDX, imm: next++ };
  });
  return {
    errno: 0,
    log: "accepted\n",
    statistics,
    instructions,
    facts: instructions.map((_insn, original) => ({
      original,
      contextAccess: false,
      zeroExtend: false,
      narrowResult: false,
    })),
    subprograms: [{ start: 0, stackDepth: 8, hasTailCall: false, tailCallReachable: false }],
    lines: [],
    maps: found,
    seen: [],
    kprobeOverride: program.instructions.some((insn) => isa.isHelperCall(insn) && insn.imm === 58),
    tailCall: false,
    helpers: [58],
    stackDepth: 8,
  };
}

/** A driver, as the kernel has one: request block at 0x1000, data at 0x2000. */
class Driver {
  readonly ram = new FlatMemory(1 << 16);
  readonly device: BpfCoprocessor;
  constructor(verify: (program: ProgramToVerify) => VerifyResult = accept) {
    this.device = new BpfCoprocessor({ memory: this.ram, verify });
  }
  set<B extends Block>(block: B, at: number, values: Partial<Record<keyof B, number | bigint>>): void {
    this.ram.write(at, new Uint8Array(blockSize(block)));
    const offsets = fieldOffsets(block);
    for (const field of Object.keys(values) as (keyof B)[]) {
      const value = values[field] ?? 0;
      if (block[field] === "u64") this.ram.writeUint64(at + offsets[field], BigInt(value));
      else this.ram.writeUint(at + offsets[field], 4, Number(value));
    }
  }
  get<B extends Block>(block: B, field: keyof B): number {
    return this.ram.readUint(0x1000 + fieldOffsets(block)[field], 4);
  }
  command(number: number): number {
    this.device.writeMmio(registers.request_low, 4, 0x1000);
    this.device.writeMmio(registers.request_high, 4, 0);
    this.device.writeMmio(registers.command, 4, number);
    return this.device.readMmio(registers.status, 4);
  }
  setup(): void {
    this.ram.writeUint64(0x2000, 58n);
    this.ram.writeUint64(0x2008, 0xffffffff81001000n);
    this.set(blocks.setup, 0x1000, {
      ...{ helpers: 0x2000, helper_count: 1, map_max_entries: 24, array_pointers: 256, prog_function: 40 },
    });
    expect(this.command(commands.setup)).toBe(statuses.ok);
  }
  load(program: readonly isa.Instruction[], maps: readonly Record<string, number | bigint>[] = []): number {
    this.ram.write(0x2000, isa.encodeInstructions(program));
    this.set(blocks.upload, 0x1000, { data: 0x2000, first: 0, count: program.length });
    expect(this.command(commands.upload)).toBe(statuses.ok);
    for (const [index, map] of maps.entries()) this.set(blocks.map, 0x3000 + index * blockSize(blocks.map), map);
    this.set(blocks.load, 0x1000, {
      ...{ prog_type: 2, insn_cnt: program.length, maps: 0x3000, map_count: maps.length, log_level: 1 },
    });
    return this.command(commands.load);
  }
  code(handle: number, length: number, base: bigint): Uint8Array {
    this.set(blocks.read_code, 0x1000, { handle, base, offset: 0, length, data: 0x4000 });
    expect(this.command(commands.read_code)).toBe(statuses.ok);
    return this.ram.read(0x4000, length);
  }
}

const override = assemble("r2 = -12\ncall 58\nr0 = 0\nexit");

describe("BPF co-processor", () => {
  it("the kernel's header is the generated one", () => {
    const header = readFileSync(new URL("../../src/bpf/guest/coprocessor.h", import.meta.url), "utf8");
    expect(header).toBe(coprocessorHeader());
  });

  it("loads a program and places its code", () => {
    const driver = new Driver();
    expect(driver.device.readMmio(registers.magic, 4)).toBe(COPROCESSOR_MAGIC);
    driver.setup();
    expect(driver.load(override)).toBe(statuses.ok);
    expect(driver.get(blocks.load, "error")).toBe(0);
    expect(driver.get(blocks.load, "result_flags")).toBe(1);
    const size = driver.get(blocks.load, "image_size");
    const code = driver.code(1, size, 0xffffffffa0000000n);
    // mov rsi, -12; call rel32 to 0xffffffff81001000
    expect(Buffer.from(code).toString("hex")).toContain("48c7c6f4ffffffe8e20f00e1");

    driver.set(blocks.free, 0x1000, { handle: 1 });
    expect(driver.command(commands.free)).toBe(statuses.ok);
    driver.set(blocks.free, 0x1000, { handle: 1 });
    expect(driver.command(commands.free)).toBe(statuses.bad_handle);
  });

  it("puts the addresses of maps and of their values into the code", () => {
    const driver = new Driver();
    driver.setup();
    const program = assemble("r1 = map[fd:3]\nr2 = map[fd:4][0]+16\nr0 = 0\nexit");
    const map = { map_type: 2, key_size: 4, value_size: 32, max_entries: 1 };
    expect(
      driver.load(program, [
        { fd: 3, ...map, address: 0xffff888000111000n },
        { fd: 4, ...map, address: 0xffff888000222000n, values: 0xffff888000222100n },
      ]),
    ).toBe(statuses.ok);
    const code = driver.code(1, driver.get(blocks.load, "image_size"), 0xffffffffa0000000n);
    expect(Buffer.from(code).toString("hex")).toContain("48bf0010110080" + "88ffff" + "48be1021220080" + "88ffff");
  });

  it("hands the verifier's refusal and log on", () => {
    const driver = new Driver(() => ({ errno: 13, log: "R0 !read_ok\n", statistics }));
    driver.setup();
    expect(driver.load(override)).toBe(statuses.ok);
    expect(driver.get(blocks.load, "error")).toBe(13);
    expect(driver.get(blocks.load, "handle")).toBe(0);
    const length = driver.get(blocks.load, "log_length");
    driver.set(blocks.read_log, 0x1000, { data: 0x5000, offset: 0, length });
    expect(driver.command(commands.read_log)).toBe(statuses.ok);
    expect(Buffer.from(driver.ram.read(0x5000, length)).toString()).toBe("R0 !read_ok\n");
  });

  it("an error of the verifier itself is a status, not an exception", () => {
    const driver = new Driver(() => {
      throw new Error("bug");
    });
    driver.setup();
    expect(driver.load(override)).toBe(statuses.internal);
  });

  it("equal histories give equal states", () => {
    const states = [1, 2].map(() => {
      const driver = new Driver();
      driver.setup();
      driver.load(override);
      return driver.device.state();
    });
    expect(states[0]).toEqual(states[1]);
  });

  it("random requests are answered with a status", () => {
    const random = new Random(42);
    const driver = new Driver();
    driver.setup();
    for (let count = 0; count < 3000; count++) {
      for (let at = 0x1000; at < 0x1080; at += 4) {
        const value = random.pick([0, 1, 2, 8, 0x2000, 0xfff8, 0x10000, 0xffffffff, random.next()]);
        driver.ram.writeUint(at, 4, value);
      }
      driver.device.writeMmio(registers.request_low, 4, random.pick([0x1000, 0x1000, 0xfff0, 0xffffffff]));
      driver.device.writeMmio(registers.request_high, 4, random.pick([0, 0, 0, 1, 0xffffffff]));
      driver.device.writeMmio(registers.command, 4, random.below(10));
      expect(driver.device.readMmio(registers.status, 4)).toBeLessThan(statuses.internal);
    }
  });

  it("the tag leaves map descriptors out", () => {
    const tag = (text: string): string => Buffer.from(progTag(assemble(text))).toString("hex");
    expect(tag("r1 = map[fd:3]\nexit")).toBe(tag("r1 = map[fd:9]\nexit"));
    expect(tag("r1 = 3 ll\nexit")).not.toBe(tag("r1 = 9 ll\nexit"));
    // What Linux shows for `r0 = 0; exit` (bpftool prog).
    expect(tag("r0 = 0\nexit")).toBe("a04f5eef06a7f555");
  });
});
