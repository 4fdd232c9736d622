/**
 * One episode of the guest fuzzer: a machine, random code and random tables for it, and random doings from outside, all from one
 * seed. It must end without an exception of the host, and the same at every tier.
 */

import type { TierOptions } from "../../src/cpu/index.ts";
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
const MODES = ["real", "protected", "long", "user"] as const;
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
  for (let i = 7; i < 16; i++) {
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

function start(machine: Machine, random: Random): void {
  const mode = MODES[random(MODES.length)];
  const { cpu, memory } = machine;
  memory.write(CODE, randomCode(random, CODE_BYTES));
  const at = { rip: BigInt(CODE + random(0x100)), rsp: BigInt(STACK + 16 * random(0x1000)) };
  if (mode === "real") {
    for (let i = 0; i < 256; i++) memory.writeUint(4 * i, 4, (CODE << 12) + random(CODE_BYTES));
    enterRealMode(cpu, { rip: BigInt(random(0x100)), code: CODE >> 4, rsp: BigInt(random(0x8000) * 2) });
    cpu.state.idtr = { base: 0n, limit: 0x3ff };
  } else if (mode === "protected") enterProtectedMode(cpu, at);
  else enterLongMode(cpu, { ...at, pageTables: pageTables(machine, random), user: mode === "user" });
  if (mode !== "real") {
    descriptorTables(machine, random, mode !== "protected");
    loadTaskRegister(cpu, BigInt(TASK_STATE));
  }
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
export async function episode(seed: number, options: TierOptions, budget: number): Promise<Outcome> {
  const random = randomNumbers(seed);
  const disk = await Disk.fromBytes(new Uint8Array(65536));
  const machine = new Machine({ memory: MEMORY, disks: [disk], testDevice: random(2) === 0, ...options });
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
