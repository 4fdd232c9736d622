/**
 * Whatever is loaded, the co-processor answers: programs, type information and records of it that are random, or nearly valid and then
 * damaged, go through verifier and code generator, which must not fail themselves, and must not accept what they failed on.
 * More seeds: HOSTILE_PROGRAMS=100000 npx vitest run test/bpf/hostile-programs.test.ts
 */
import { describe, expect, it } from "vitest";
import {
  type Block,
  blockSize,
  blocks,
  commands,
  fieldOffsets,
  registers,
  statuses,
} from "../../src/bpf/coprocessor-protocol.ts";
import { HELPER_COUNT } from "../../src/bpf/helpers.ts";
import * as isa from "../../src/bpf/isa.ts";
import { verify } from "../../src/bpf/verifier/index.ts";
import { BpfCoprocessor } from "../../src/devices/bpf-coprocessor.ts";
import { BtfWriter } from "./btf-writer.ts";
import { differentialProgram } from "./differential/programs.ts";
import { FlatMemory } from "./flat-memory.ts";
import { Random } from "./random-program.ts";

const PROGRAMS = Number(process.env.HOSTILE_PROGRAMS ?? 2500);
const REQUEST = 0x1000;
const MAPS = 0x8000;
const DATA = 0x20000;
const MEMORY = 1 << 20;
const FIRST_MAP = 20;

/** A structure, functions with all sorts of prototypes: the kernel's types, and those of programs. */
function types(random: Random, functions: number): { bytes: Uint8Array; functions: number[] } {
  const btf = new BtfWriter();
  const int = btf.int("int", 4);
  const long = btf.int("long", 8);
  const inner = btf.struct("inner", 16, [{ name: "a", type: int, offset: 0 }]);
  const context = btf.struct("__sk_buff", 192, []);
  const task = btf.struct("task_struct", 64, [
    { name: "flags", type: int, offset: 4 },
    { name: "inner", type: inner, offset: 8 },
  ]);
  const parameters = [int, long, btf.pointer(inner), btf.pointer(context), btf.pointer(task), btf.pointer(0), inner];
  const made = Array.from({ length: functions }, (_, index) => {
    const count = random.below(6);
    const list = Array.from({ length: count }, (_empty, at) => ({ name: `p${at}`, type: random.pick(parameters) }));
    return btf.func(`f${index}`, btf.prototype(random.pick([int, long, 0, parameters[2]]), list), random.below(2));
  });
  return { bytes: btf.bytes(), functions: made };
}

function damage(bytes: Uint8Array, random: Random, most: number): Uint8Array {
  const result = bytes.slice();
  for (let count = random.below(most + 1); count > 0 && result.length > 0; count--) {
    const at = random.below(result.length);
    result[at] = random.below(2) === 0 ? random.below(256) : result[at] ^ (1 << random.below(8));
  }
  return result;
}

/** Functions begin at the main program and where calls and addresses of functions lead to. */
function starts(insns: readonly isa.Instruction[]): number[] {
  const found = new Set([0]);
  insns.forEach((insn, slot) => {
    if (isa.isPseudoCall(insn) || isa.isPseudoFunc(insn)) found.add(slot + insn.imm + 1);
  });
  return [...found].sort((a, b) => a - b);
}

/** Maps as runner.c of the comparison with Linux makes them, and stranger ones. */
const SHAPES: readonly Readonly<Record<string, number>>[] = [
  { map_type: 2, key_size: 4, value_size: 8, max_entries: 8 },
  { map_type: 1, key_size: 4, value_size: 8, max_entries: 4 },
  { map_type: 1, key_size: 8, value_size: 64, max_entries: 2, spin_lock: 1, timer: 17 },
  { map_type: 2, key_size: 4, value_size: 48, max_entries: 1, spin_lock: 9 },
  { map_type: 2, key_size: 4, value_size: 16, max_entries: 1, map_flags: 128, frozen: 1 },
  { map_type: 27, max_entries: 4096 },
  { map_type: 3, key_size: 4, value_size: 4, max_entries: 2 },
  { map_type: 6, key_size: 4, value_size: 24, max_entries: 2 },
];

class Guest {
  readonly failures: unknown[] = [];
  readonly memory = new FlatMemory(MEMORY);
  readonly device = new BpfCoprocessor({
    memory: this.memory,
    verify,
    internalError: (error) => this.failures.push(error),
  });

  command(number: number): number {
    this.device.writeMmio(registers.request_low, 4, REQUEST);
    this.device.writeMmio(registers.request_high, 4, 0);
    this.device.writeMmio(registers.command, 4, number);
    return this.device.readMmio(registers.status, 4);
  }
  set<B extends Block>(block: B, at: number, values: Partial<Record<keyof B, number>>): void {
    this.memory.write(at, new Uint8Array(blockSize(block)));
    const offsets = fieldOffsets(block);
    for (const field of Object.keys(values) as (keyof B)[]) {
      this.memory.writeUint(at + offsets[field], 4, (values[field] ?? 0) >>> 0);
    }
  }
  get<B extends Block>(block: B, field: keyof B): number {
    return this.memory.readUint(REQUEST + fieldOffsets(block)[field], 4);
  }
  upload(bytes: Uint8Array): void {
    this.memory.write(DATA, bytes);
    this.set(blocks.upload_data, REQUEST, { data: DATA, length: bytes.length });
    expect(this.command(commands.upload_data)).toBe(statuses.ok);
  }
  setup(): void {
    for (let id = 0; id < HELPER_COUNT; id++) {
      this.memory.writeUint64(DATA + id * 16, BigInt(id));
      this.memory.writeUint64(DATA + id * 16 + 8, 0xffffffff81001000n);
    }
    this.set(blocks.setup, REQUEST, { helpers: DATA, helper_count: HELPER_COUNT, map_max_entries: 24 });
    expect(this.command(commands.setup)).toBe(statuses.ok);
    const kernel = types(new Random(1), 20).bytes;
    this.memory.write(DATA, kernel);
    this.set(blocks.kernel_btf, REQUEST, { data: DATA, length: kernel.length });
    expect(this.command(commands.kernel_btf)).toBe(statuses.ok);
    for (const [index, shape] of SHAPES.entries()) {
      const at = MAPS + index * blockSize(blocks.map);
      this.set(blocks.map, at, { fd: FIRST_MAP + index, ...shape, contents: shape.frozen === 1 ? 0x2000 : 0 });
      this.memory.writeUint64(at + fieldOffsets(blocks.map).address, 0xffff888000100000n + BigInt(index) * 4096n);
    }
  }
  loadBtf(bytes: Uint8Array): number {
    this.upload(bytes);
    this.set(blocks.load_btf, REQUEST, { length: bytes.length, log_level: 1 });
    expect(this.command(commands.load_btf)).toBe(statuses.ok);
    return this.get(blocks.load_btf, "handle");
  }
}

/** Loads the program of a seed; returns whether it was accepted. */
function load(guest: Guest, seed: number): boolean {
  const random = new Random(seed ^ 0x0bad_cafe);
  const { type, insns } = differentialProgram(seed);
  const functions = starts(insns);
  const typed = types(random, functions.length);
  const btf = guest.loadBtf(random.below(6) === 0 ? damage(typed.bytes, random, 4) : typed.bytes);
  const records = new Uint8Array(
    Uint32Array.from(functions.flatMap((start, index) => [start, typed.functions[index]])).buffer,
  );
  const lines = new Uint8Array(Uint32Array.from(functions.flatMap((start) => [start, 1, 1, 1024])).buffer);
  const hasLines = random.below(2) === 0;
  const info = damage(
    Buffer.concat([records, hasLines ? lines : new Uint8Array(0)]),
    random,
    random.pick([0, 0, 0, 2]),
  );
  guest.upload(info);
  const slots = damage(isa.encodeInstructions(insns), random, random.pick([0, 0, 0, 1, 3, 40]));
  guest.memory.write(DATA, slots);
  guest.set(blocks.upload, REQUEST, { data: DATA, first: 0, count: insns.length });
  expect(guest.command(commands.upload)).toBe(statuses.ok);
  guest.set(blocks.load, REQUEST, {
    prog_type: random.below(5) === 0 ? random.below(34) : type,
    expected_attach_type: random.below(5) === 0 ? random.below(46) : 0,
    prog_flags: random.below(6) === 0 ? random.below(64) : 0,
    privileges: random.pick([3, 3, 3, 3, 3, 0, 1, 7, random.next()]),
    gpl_compatible: random.pick([1, 1, 1, 0]),
    log_level: random.below(8),
    insn_cnt: insns.length,
    map_count: SHAPES.length,
    maps: MAPS,
    btf,
    btf_error: btf === 0 ? 22 : 0,
    func_info_cnt: functions.length,
    func_info_rec_size: 8,
    func_info_present: functions.length,
    line_info_cnt: hasLines ? functions.length : 0,
    line_info_rec_size: 16,
    line_info_present: hasLines ? functions.length : 0,
    attach_btf_id: random.below(3) === 0 ? random.below(40) : 0,
    attach_flags: random.below(4),
  });
  expect(guest.command(commands.load), `seed ${seed}`).toBe(statuses.ok);
  const handle = guest.get(blocks.load, "handle");
  const accepted = guest.get(blocks.load, "error") === 0;
  expect(handle !== 0, `seed ${seed}`).toBe(accepted);
  if (accepted) {
    const length = guest.get(blocks.load, "image_size");
    guest.set(blocks.read_code, REQUEST, { handle, data: DATA, length });
    guest.memory.writeUint64(REQUEST + fieldOffsets(blocks.read_code).base, 0xffffffffa0000000n);
    expect(guest.command(commands.read_code), `seed ${seed}`).toBe(statuses.ok);
    guest.set(blocks.free, REQUEST, { handle });
    guest.command(commands.free);
  }
  if (btf !== 0) {
    guest.set(blocks.free, REQUEST, { handle: btf });
    guest.command(commands.free_btf);
  }
  return accepted;
}

describe("hostile programs", () => {
  it("are answered, and nothing of the host fails", { timeout: 3_600_000 }, () => {
    const guest = new Guest();
    guest.setup();
    let accepted = 0;
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      if (load(guest, seed)) accepted++;
      if (guest.failures.length > 0) throw new Error(`seed ${seed}`, { cause: guest.failures[0] });
    }
    expect(accepted).toBeGreaterThan(PROGRAMS / 40);
  });

  it("a failure of the verifier itself refuses the program and is told to the host", () => {
    const result = verify({
      type: 1,
      instructions: [isa.instruction(0xb7), isa.instruction(0x95)],
      gplCompatible: true,
      typeInfo: {
        get btf(): number {
          throw new TypeError("a bug");
        },
        functions: { count: 1, recordSize: 8, bytes: new Uint8Array(8) },
        lines: { count: 0, recordSize: 0, bytes: new Uint8Array(0) },
      },
    });
    expect(result).toMatchObject({ errno: 14, log: "verifier internal error: a bug\n" });
    expect("internalError" in result && result.internalError).toBeInstanceOf(TypeError);
  });
});
