/**
 * One episode of the guest fuzzer: a machine, random code and random tables for it, and random doings from outside, all from one
 * seed. It must end without an exception of the host, and the same at every tier.
 */

import type { TierOptions } from "../../src/cpu/index.ts";
import { Flag } from "../../src/cpu/state.ts";
import { Disk, Machine, type Stop } from "../../src/index.ts";
import { PageTables } from "../../src/machine/page-tables.ts";
import {
  enterLongMode,
  enterProtectedMode,
  enterRealMode,
  flatDescriptors,
  loadTaskRegister,
} from "../../src/machine/processor-modes.ts";
import { bytes, type Random, REGIONS, randomCode, value } from "./code.ts";

const MEMORY = 4 * 2 ** 20;
const GDT = 0x1000;
const TASK_STATE = 0x2000;
const IDT = 0x3000;
const CODE = 0x1_0000;
const CODE_BYTES = 0x1_0000;
const STACK = 0x8_0000;
const TABLES = MEMORY - 0x8_0000;
const MODES = ["real", "protected", "paged", "virtual-8086", "long", "user", "compatibility"] as const;
const FLAGS_VM = 0x2_0000;
/** 32-bit code for compatibility mode, of ring 0 and of ring 3. */
const CODE_32 = 0x38;
const USER_CODE_32 = 0x43;
const REGISTERS = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r15"] as const;

/** How long the host may take for one run of at most a few thousand instructions, in milliseconds. */
export const TOO_LONG = 20_000;

export interface Outcome {
  readonly instructions: number;
  readonly hash: string;
  readonly stop: Stop["reason"];
}

/** A xorshift generator: the same numbers for the same seed on every host. */
export function randomNumbers(seed: number): Random {
  let x = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) | 1;
  const next = (): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
  for (let i = 0; i < 8; i++) next();
  return (below) => next() % below;
}

function descriptorTables(machine: Machine, random: Random, long: boolean): void {
  const { memory } = machine;
  memory.write(GDT, flatDescriptors(BigInt(TASK_STATE)));
  if (!long) {
    memory.writeUint64(GDT + 8, 0x00cf_9b00_0000_ffffn);
    memory.writeUint64(GDT + 16, 0x00cf_9300_0000_ffffn);
  }
  // Sixteen descriptors: behind the flat ones anything, with a type and a base that are likely to be of use.
  memory.writeUint64(GDT + CODE_32, 0x00cf_9b00_0000_ffffn);
  memory.writeUint64(GDT + (USER_CODE_32 & ~7), 0x00cf_fb00_0000_ffffn);
  for (let i = 9; i < 16; i++) {
    const entry = bytes(random, 8);
    if (random(4) !== 0) entry[5] = 0x80 | random(128);
    if (random(2) === 0) entry.splice(3, 2, random(32), 0);
    if (random(2) === 0) entry[7] = 0;
    memory.write(GDT + 8 * i, Uint8Array.from(entry));
  }
  const size = long ? 16 : 8;
  for (let vector = 0; vector < 256; vector++) {
    const gate = new DataView(new ArrayBuffer(16));
    const handler = CODE + random(CODE_BYTES);
    gate.setUint16(0, handler & 0xffff, true);
    gate.setUint16(2, random(16) === 0 ? 8 * random(16) : 8, true);
    gate.setUint8(4, random(8) === 0 ? random(8) : 0);
    gate.setUint8(5, random(16) === 0 ? random(256) : 0x8e | (random(4) === 0 ? 0x60 : 0) | random(2));
    gate.setUint16(6, handler >>> 16, true);
    memory.write(IDT + size * vector, new Uint8Array(gate.buffer, 0, size));
  }
  for (let i = 1; i < 13; i++) memory.writeUint64(TASK_STATE + 8 * i - 4, BigInt(STACK + 16 * random(0x1000)));
  if (!long)
    for (let i = 1; i < 4; i++) memory.writeUint(TASK_STATE + 8 * i, 4, random(8) === 0 ? 8 * random(16) : 0x10);
  machine.cpu.state.gdtr = { base: BigInt(GDT), limit: 127 };
  machine.cpu.state.idtr = { base: BigInt(IDT), limit: size * 256 - 1 };
}

function pageTables(machine: Machine, random: Random): number {
  const tables = new PageTables(machine.memory, TABLES, MEMORY);
  tables.map(0n, 0, TABLES);
  for (const { address } of REGIONS) tables.map(BigInt(address), address, 0x1000);
  // Aliases of the code, pages without permissions, and entries of any bits.
  tables.map(0x4000_0000n, CODE, CODE_BYTES);
  tables.map(0x20_0000n, 0x20_0000, 0x2000, { writable: random(2) === 0, user: random(2) === 0, executable: false });
  for (let i = random(6); i > 0; i--)
    machine.memory.writeUint64(MEMORY - 0x1000 * (1 + random(8)) + 8 * random(512), BigInt(value(random)));
  return tables.root;
}

/** Legacy page tables, or PAE's: RAM once, and the devices. */
function legacyPageTables(machine: Machine, random: Random): void {
  const { memory, cpu } = machine;
  const pae = random(2) === 0;
  const [entry, shift] = pae ? [8, 21] : [4, 22];
  for (let at = 0; at < 0x8000; at += 4) memory.writeUint(TABLES + at, 4, 0);
  const directory = TABLES + 0x1000;
  if (pae) for (let i = 0; i < 4; i++) memory.writeUint64(TABLES + 8 * i, BigInt(directory + 0x1000 * i) | 1n);
  for (const address of [0, 0x40_0000, ...REGIONS.map((region) => region.address)]) {
    const frame = (address >>> shift) * 2 ** shift;
    const target = address === 0x40_0000 ? 0 : frame;
    const bits = 0x81 | (random(4) === 0 ? 0 : 2) | (random(4) === 0 ? 0 : 4);
    memory.writeUint(directory + entry * (address >>> shift), 4, target | bits);
  }
  for (let i = random(3); i > 0; i--) memory.writeUint(directory + 4 * random(0x1000), 4, value(random));
  cpu.state.cr3 = BigInt(pae ? TABLES : directory);
  cpu.state.cr4 = pae ? 0x630n : 0x610n;
  cpu.state.cr0 |= 0x8001_0000n;
}

/** Ring 3 with the segments of a real-mode program. */
function enterVirtual8086(machine: Machine, random: Random): void {
  const { state } = machine.cpu;
  for (const name of ["es", "cs", "ss", "ds", "fs", "gs"] as const) {
    const selector = name === "cs" ? CODE >> 4 : random(0x4000);
    state.setSegment(name, { selector, base: BigInt(selector) << 4n, limit: 0xffff, attributes: 0xf3 });
  }
  state.rflags = BigInt(2 | FLAGS_VM | (random(2) === 0 ? 0x3000 : 0) | 0x200);
  state.cpl = 3;
  state.rip = BigInt(random(0x100));
  state.rsp = BigInt(random(0x8000) * 2);
}

function start(machine: Machine, random: Random): void {
  const mode = MODES[random(MODES.length)];
  const { cpu, memory } = machine;
  memory.write(CODE, randomCode(random, CODE_BYTES));
  const at = { rip: BigInt(CODE + random(0x100)), rsp: BigInt(STACK + 16 * random(0x1000)) };
  if (mode === "real") {
    for (let i = 0; i < 256; i++) memory.writeUint(4 * i, 4, (CODE << 12) + random(CODE_BYTES));
    enterRealMode(cpu, { rip: BigInt(random(0x100)), code: CODE >> 4, rsp: BigInt(random(0x8000) * 2) });
    cpu.state.idtr = { base: 0n, limit: 0x3ff };
  } else if (mode === "protected" || mode === "paged" || mode === "virtual-8086") enterProtectedMode(cpu, at);
  else {
    const user = mode === "user" || (mode === "compatibility" && random(2) === 0);
    enterLongMode(cpu, { ...at, pageTables: pageTables(machine, random), user });
    if (mode === "compatibility") {
      const selector = user ? USER_CODE_32 : CODE_32;
      cpu.state.setSegment("cs", { selector, base: 0n, limit: 0xffff_ffff, attributes: user ? 0xcfb : 0xc9b });
    }
  }
  if (mode !== "real") {
    descriptorTables(machine, random, cpu.longMode);
    loadTaskRegister(cpu, BigInt(TASK_STATE));
  }
  if (mode === "paged" || (mode === "virtual-8086" && random(2) === 0)) legacyPageTables(machine, random);
  if (mode === "virtual-8086") enterVirtual8086(machine, random);
  // Sometimes alignment checks, SMEP, SMAP, UMIP; the first needs EFLAGS.AC, too.
  if (random(4) === 0) {
    cpu.state.cr0 |= 0x4_0000n;
    cpu.state.rflags |= BigInt(Flag.AC);
  }
  if (random(4) === 0) cpu.state.cr4 |= BigInt(random(4) << 20) | BigInt(random(2) << 11) | BigInt(random(2) << 18);
  for (const name of REGISTERS) cpu.state[name] = BigInt(value(random)) * (random(4) === 0 ? 0x1_0000_0001n : 1n);
  for (let i = 0; i < 16; i++) cpu.state.setXmm(i, BigInt(value(random)) << BigInt(random(96)));
}

/** Something from outside: a device touched, memory changed under the guest, a key pressed. */
function disturb(machine: Machine, random: Random): void {
  switch (random(6)) {
    case 0: {
      const region = REGIONS[random(REGIONS.length)];
      if (region !== undefined) machine.bus.writeMmio(region.address + 4 * random(region.size / 4), 4, value(random));
      break;
    }
    case 1:
      machine.memory.write(random(TABLES - 256), Uint8Array.from(bytes(random, 1 + random(255))));
      break;
    case 2:
      machine.sendInput(Uint8Array.from(bytes(random, 1 + random(20))), random(2) === 0 ? 0 : 1);
      break;
    case 3:
      machine.memory.write(CODE + random(CODE_BYTES - 64), randomCode(random, 64));
      break;
    case 4:
      machine.cpu.raiseNmi();
      break;
  }
}

/** Runs the episode of a seed: at most `budget` instructions. */
export async function episode(
  seed: number,
  options: TierOptions & {
    /** Somebody watches exceptions and interrupts, which then take the general way. */
    readonly watchDeliveries?: boolean;
  },
  budget: number,
): Promise<Outcome> {
  const random = randomNumbers(seed);
  const disk = await Disk.fromBytes(new Uint8Array(65536));
  const machine = new Machine({ memory: MEMORY, disks: [disk], testDevice: random(2) === 0, ...options });
  if (options.watchDeliveries === true) machine.cpu.onDelivery = () => {};
  start(machine, random);
  let stop: Stop = { reason: "instruction-limit" };
  let idle = 0;
  while (machine.instructions < budget && machine.ended === undefined && idle < 20) {
    const before = machine.instructions;
    const began = Date.now();
    const slice = 1 + random(3000);
    stop = machine.run({ instructions: Math.min(budget, before + slice), time: machine.time + 2_000_000 });
    if (Date.now() - began > TOO_LONG) throw new Error(`${slice} instructions took ${Date.now() - began} ms`);
    idle = machine.instructions === before ? idle + 1 : 0;
    disturb(machine, random);
    if (stop.reason === "halted") {
      // Nothing would wake it: on with other code.
      machine.cpu.wake();
      machine.cpu.state.rip += BigInt(random(64));
    }
  }
  return { instructions: machine.instructions, hash: machine.stateHash(), stop: stop.reason };
}
