/** What x87/fast.ts does is what the unit does: random numbers near each other, every precision and rounding, all operations. */
import { describe, expect, test } from "vitest";
import { layout } from "../../src/cpu/state.ts";
import { Record } from "../../src/cpu/tier0/record.ts";
import { instantiateX87Fast, Operation, Source, Target, type X87Fast } from "../../src/cpu/x87/fast.ts";
import { x87Layout } from "../../src/cpu/x87/layout.ts";
import { X87 } from "../../src/cpu/x87/unit.ts";

const RECORD = 0x1_0000;
const OPERAND = 0x8000;

/** A generator of 32-bit numbers (xorshift). */
function random(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

const memory = new WebAssembly.Memory({ initial: 2 });
const view = new DataView(memory.buffer);
const fast = instantiateX87Fast(memory) as unknown as { readonly [name in X87Fast]: (...args: unknown[]) => number };
const unit = new X87(() => view, layout.x87, {
  read: (address, size) => BigInt.asUintN(size * 8, view.getBigUint64(Number(address), true)),
  write: (address, size, value) => {
    for (let i = 0; i < size; i++) view.setUint8(Number(address) + i, Number((value >> BigInt(8 * i)) & 0xffn));
  },
  probeWrite: () => undefined,
  readFlags: () => 0,
  writeComparison: (flags) => view.setUint32(OPERAND + 64, flags, true),
  writeAx: () => undefined,
});

const state = (): Uint8Array => new Uint8Array(memory.buffer).slice(layout.x87, layout.x87 + x87Layout.size);
const operand = (): Uint8Array => new Uint8Array(memory.buffer).slice(OPERAND, OPERAND + 80);

/** A significand with runs of ones and zeros, and an exponent near the middle, or near an end now and then. */
function setRegister(index: number, next: () => number): void {
  const at = layout.x87 + x87Layout.registers + index * 16;
  const kind = next() % 16;
  let significand = (BigInt(next()) << 32n) | BigInt(next());
  if (kind < 6) significand = (significand >> BigInt(next() % 64)) << BigInt(next() % 64);
  significand = BigInt.asUintN(64, significand) | (1n << 63n);
  let exponent = 0x3fff - 70 + (next() % 140);
  if (kind === 15) exponent = next() % 3 === 0 ? next() % 80 : 0x7fff - (next() % 80);
  if (kind === 14) {
    exponent = 0;
    significand = 0n;
  }
  view.setBigUint64(at, significand, true);
  view.setUint16(at + 8, exponent | (next() & 1 ? 0x8000 : 0), true);
}

function scramble(next: () => number): void {
  unit.initialise();
  unit.control = 0x40 | (next() % 4 === 0 ? next() & 0x3f : 0x3f) | ((next() & 3) << 8) | ((next() & 3) << 10);
  unit.status = (next() & 0x4700) | ((next() & 7) << 11);
  unit.tags = next() % 8 === 0 ? next() & 0xff : 0xff;
  if (next() % 2) unit.tags = 0x3f << (next() % 3);
  for (let i = 0; i < 8; i++) setRegister(i, next);
  for (let i = 0; i < 80; i += 4) view.setUint32(OPERAND + i, next(), true);
}

/** Runs `attempt`; if it was done, restores the state, lets the unit execute the instruction and compares. Whether it was done. */
function compare(opcode: number, modrm: number, attempt: () => number, what: string): boolean {
  const before = state();
  const operandBefore = operand();
  view.setUint8(RECORD + Record.modrm, modrm);
  const answer = attempt();
  const after = state();
  const operandAfter = operand();
  const bytes = new Uint8Array(memory.buffer);
  if (answer === 0) {
    expect(after, `${what}: nothing changed`).toEqual(before);
    return false;
  }
  bytes.set(before, layout.x87);
  bytes.set(operandBefore, OPERAND);
  unit.execute({
    opcode,
    modrm,
    address: BigInt(OPERAND),
    offset: BigInt(OPERAND),
    rip: view.getBigUint64(RECORD + Record.nextRip, true) - 2n,
    codeSelector: 0,
    dataSelector: 0,
    operandSize16: false,
  });
  // The pointer to data is not a matter of these functions.
  const expected = state();
  expected.set(after.subarray(x87Layout.dataPointer, x87Layout.codeSelector), x87Layout.dataPointer);
  if (Buffer.compare(after, expected) !== 0 || Buffer.compare(operandAfter, operand()) !== 0)
    throw new Error(`${what}: ${Buffer.from(before).toString("hex")}`);
  return true;
}

describe("x87/fast.ts beside the unit", () => {
  view.setBigUint64(RECORD + Record.nextRip, 0x1234n, true);
  view.setUint8(RECORD + Record.length, 2);
  const next = random(4711);
  const CASES = 2000;
  const operations = Object.values(Operation);

  test("arithmetic and comparisons of registers", () => {
    let done = 0;
    for (let i = 0; i < CASES; i++) {
      scramble(next);
      const operation = operations[next() % operations.length];
      const modrm = 0xc0 | (operation << 3) | (next() & 7);
      done += Number(compare(0xd8, modrm, () => fast.x87Register(operation, RECORD, 0xd8), `D8 ${modrm.toString(16)}`));
      if (operation === Operation.compare) continue;
      const pops = next() & 1;
      const opcode = pops ? 0xde : 0xdc;
      const what = operation | 8 | (pops << 4);
      compare(
        opcode,
        modrm,
        () => fast.x87Register(what, RECORD, opcode),
        `${opcode.toString(16)} ${modrm.toString(16)}`,
      );
    }
    expect(done).toBeGreaterThan(CASES / 3);
  });

  test("arithmetic with memory operands", () => {
    let done = 0;
    for (let i = 0; i < CASES; i++) {
      scramble(next);
      const operation = operations[next() % operations.length];
      const [opcode, source, bits] = [
        [0xd8, Source.single, BigInt(view.getUint32(OPERAND, true))],
        [0xdc, Source.double, view.getBigInt64(OPERAND, true)],
        [0xda, Source.integer, BigInt(view.getInt32(OPERAND, true))],
        [0xde, Source.integer, BigInt(view.getInt16(OPERAND, true))],
      ][next() % 4] as [number, number, bigint];
      const what = operation | (source << 3);
      const attempt = (): number => fast.x87Memory(what, bits, RECORD, opcode);
      done += Number(compare(opcode, operation << 3, attempt, `${opcode.toString(16)} /${operation}`));
    }
    expect(done).toBeGreaterThan(CASES / 3);
  });

  test("loads", () => {
    let done = 0;
    for (let i = 0; i < CASES; i++) {
      scramble(next);
      const [opcode, digit, source, bits] = [
        [0xd9, 0, Source.single, BigInt(view.getUint32(OPERAND, true))],
        [0xdd, 0, Source.double, view.getBigInt64(OPERAND, true)],
        [0xdb, 0, Source.integer, BigInt(view.getInt32(OPERAND, true))],
        [0xdf, 0, Source.integer, BigInt(view.getInt16(OPERAND, true))],
        [0xdf, 5, Source.integer, view.getBigInt64(OPERAND, true)],
        [0xdb, 5, Source.extended, view.getBigInt64(OPERAND, true)],
      ][next() % 6] as [number, number, number, bigint];
      const high = BigInt(view.getUint16(OPERAND + 8, true));
      const attempt = (): number => fast.x87Load(source, bits, high, RECORD, opcode);
      done += Number(compare(opcode, digit << 3, attempt, `${opcode.toString(16)} /${digit}`));
    }
    expect(done).toBeGreaterThan(CASES / 10);
  });

  test("stores", () => {
    let done = 0;
    for (let i = 0; i < CASES; i++) {
      scramble(next);
      const [opcode, digit, target, size] = [
        [0xd9, 2, Target.single, 4],
        [0xd9, 3, Target.single, 4],
        [0xdd, 2, Target.double, 8],
        [0xdd, 3, Target.double, 8],
        [0xdb, 1, Target.int32 | Target.truncate, 4],
        [0xdb, 2, Target.int32, 4],
        [0xdb, 7, Target.extended, 10],
        [0xdd, 1, Target.int64 | Target.truncate, 8],
        [0xdf, 1, Target.int16 | Target.truncate, 2],
        [0xdf, 3, Target.int16, 2],
        [0xdf, 7, Target.int64, 8],
      ][next() % 11];
      const attempt = (): number => {
        if (fast.x87Convert(target) === 0) return 0;
        const bytes = new Uint8Array(memory.buffer);
        bytes.copyWithin(OPERAND, layout.arguments, layout.arguments + size);
        fast.x87Stored(digit === 2 ? 0 : 1, RECORD, opcode);
        return 1;
      };
      done += Number(compare(opcode, digit << 3, attempt, `${opcode.toString(16)} /${digit}`));
    }
    expect(done).toBeGreaterThan(CASES / 10);
  });
});
