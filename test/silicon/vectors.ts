/**
 * Recorded outcomes of the real processor, so that hosts without it can compare as well. A file is gzip-compressed: a line of
 * JSON that says what it is, then for each case what the processor changed. The cases themselves are not in it: seed and
 * index give them again, and a check value tells if the generator has changed since (then the file must be recorded again).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Ending, type Outcome, type Patch, startRip, type TestCase } from "./case.ts";
import { Processor } from "./processor.ts";
import { Random } from "./random.ts";
import type { CodeBits } from "./segments.ts";
import { selectTemplates, sessionCase } from "./select.ts";
import { baseMemory } from "./state.ts";

interface Header {
  readonly format: "enomem silicon vectors 3";
  /** /proc/cpuinfo's vendor, family and model. */
  readonly processor: string;
  readonly seed: number;
  readonly cases: number;
  /** Width of the cases' code segments. */
  readonly bits: CodeBits;
}

export interface Vector {
  readonly test: TestCase;
  readonly expected: Outcome;
}

const endings = { exception: 0, "system call": 1, timeout: 2 } as const;
/** What of the FXSAVE image is compared, in units of 16 bytes. */
const fxsaveUnits = 26;

/** A growing byte string. */
class Writer {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  #reserve(count: number): number {
    if (this.#size + count > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    const at = this.#size;
    this.#size += count;
    return at;
  }
  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }
  u64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
  }
  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
  }
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }
  u8(): number {
    return this.#view.getUint8(this.#at++);
  }
  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }
  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }
  bytes(count: number): Uint8Array {
    this.#at += count;
    return this.#bytes.slice(this.#at - count, this.#at);
  }
}

/** FNV-1a over everything that makes a case. */
function checkValue(test: TestCase): number {
  let hash = 0x811c_9dc5;
  const add = (bytes: Uint8Array): void => {
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x0100_0193);
  };
  add(test.code);
  add(new Uint8Array(test.gpr.buffer));
  add(new Uint8Array(test.selectors.buffer));
  add(test.fxsave);
  add(test.ymmHigh);
  add(Uint8Array.of(Number(test.rflags & 0xffn), test.codeOffset & 0xff, test.patches.length));
  for (const patch of test.patches) add(patch.bytes);
  return (hash ^ (hash >>> 16)) & 0xffff;
}

function encode(writer: Writer, { test, expected }: Vector): void {
  writer.u16(checkValue(test));
  const { ending } = expected;
  writer.u8(endings[ending.kind]);
  if (ending.kind === "exception") {
    writer.u8(ending.vector);
    writer.u32(ending.error);
    if (ending.vector === 14) writer.u64(ending.cr2);
  }
  writer.u64(BigInt.asUintN(64, expected.rip - startRip(test)));
  writer.u32(Number(expected.rflags ^ test.rflags));
  const changed = (count: number, differs: (i: number) => boolean): number[] =>
    Array.from({ length: count }, (_, i) => i).filter(differs);
  const registers = changed(16, (i) => expected.gpr[i] !== test.gpr[i]);
  writer.u16(registers.reduce((mask, i) => mask | (1 << i), 0));
  for (const i of registers) writer.u64(expected.gpr[i]);
  const unit = (image: Uint8Array, i: number): Uint8Array => image.subarray(i * 16, i * 16 + 16);
  const units = changed(fxsaveUnits, (i) => Buffer.compare(unit(expected.fxsave, i), unit(test.fxsave, i)) !== 0);
  writer.u32(units.reduce((mask, i) => mask | (1 << i), 0) >>> 0);
  for (const i of units) writer.bytes(unit(expected.fxsave, i));
  const high = changed(16, (i) => Buffer.compare(unit(expected.ymmHigh, i), unit(test.ymmHigh, i)) !== 0);
  writer.u16(high.reduce((mask, i) => mask | (1 << i), 0));
  for (const i of high) writer.bytes(unit(expected.ymmHigh, i));
  const basesChanged = expected.fsBase !== test.fsBase || expected.gsBase !== test.gsBase;
  writer.u8(basesChanged ? 1 : 0);
  if (basesChanged) {
    writer.u64(expected.fsBase);
    writer.u64(expected.gsBase);
  }
  const segments = [0, 1, 2, 3, 4, 5].filter((i) => expected.selectors[i] !== test.selectors[i]);
  writer.u8(segments.reduce((mask, i) => mask | (1 << i), 0));
  for (const i of segments) writer.u16(expected.selectors[i]);
  writer.u8(expected.changes.length);
  for (const { offset, bytes } of expected.changes) {
    writer.u16(offset);
    writer.u16(bytes.length);
    writer.bytes(bytes);
  }
}

function decode(reader: Reader, test: TestCase): Outcome {
  if (reader.u16() !== checkValue(test)) {
    throw new Error(
      `case ${test.seed} (${test.name}) is not the one that was recorded: the generator has changed; record the vectors again`,
    );
  }
  const kind = reader.u8();
  let ending: Ending = { kind: kind === endings.timeout ? "timeout" : "system call" };
  if (kind === endings.exception) {
    const vector = reader.u8();
    const error = reader.u32();
    ending = { kind: "exception", vector, error, cr2: vector === 14 ? reader.u64() : 0n };
  }
  const rip = BigInt.asUintN(64, reader.u64() + startRip(test));
  const rflags = BigInt(reader.u32()) ^ test.rflags;
  const gpr = test.gpr.slice();
  const registers = reader.u16();
  for (let i = 0; i < 16; i++) if ((registers >> i) & 1) gpr[i] = reader.u64();
  const fxsave = test.fxsave.slice();
  const units = reader.u32();
  for (let i = 0; i < fxsaveUnits; i++) if ((units >>> i) & 1) fxsave.set(reader.bytes(16), i * 16);
  const ymmHigh = test.ymmHigh.slice();
  const high = reader.u16();
  for (let i = 0; i < 16; i++) if ((high >>> i) & 1) ymmHigh.set(reader.bytes(16), i * 16);
  const basesChanged = reader.u8() === 1;
  const fsBase = basesChanged ? reader.u64() : test.fsBase;
  const gsBase = basesChanged ? reader.u64() : test.gsBase;
  const selectors = test.selectors.slice();
  const segments = reader.u8();
  for (let i = 0; i < 6; i++) if ((segments >> i) & 1) selectors[i] = reader.u16();
  const changes: Patch[] = [];
  for (let n = reader.u8(); n > 0; n--) {
    const offset = reader.u16();
    changes.push({ offset, bytes: reader.bytes(reader.u16()) });
  }
  return { ending, gpr, rip, rflags, fsBase, gsBase, selectors, fxsave, ymmHigh, changes };
}

function processorName(): string {
  const text = readFileSync("/proc/cpuinfo", "utf8");
  const field = (name: string): string => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "?";
  return `${field("vendor_id")} family ${field("cpu family")} model ${field("model")}`;
}

/** Runs the cases of a seed on the real processor and writes the file. */
export async function recordVectors(file: string, seed: number, cases: number, bits: CodeBits): Promise<void> {
  const chosen = selectTemplates({ bits });
  const header: Header = {
    format: "enomem silicon vectors 3",
    processor: processorName(),
    seed,
    cases,
    bits,
  };
  const tests = Array.from({ length: cases }, (_, i) => sessionCase(chosen, seed, i, bits));
  const processor = new Processor(baseMemory(new Random(1)));
  const outcomes = await processor.run(tests);
  processor.close();
  const writer = new Writer();
  writer.bytes(Buffer.from(`${JSON.stringify(header)}\n`));
  tests.forEach((test, i) => {
    encode(writer, { test, expected: outcomes[i] });
  });
  writeFileSync(file, gzipSync(writer.written, { level: 9 }));
}

/** Reads a file of vectors, one after the other. */
export function* readVectors(file: string): Generator<Vector> {
  const bytes = gunzipSync(readFileSync(file));
  const end = bytes.indexOf(10);
  const header = JSON.parse(bytes.subarray(0, end).toString()) as Header;
  const chosen = selectTemplates({ bits: header.bits });
  const reader = new Reader(bytes, end + 1);
  for (let i = 0; i < header.cases; i++) {
    const test = sessionCase(chosen, header.seed, i, header.bits);
    yield { test, expected: decode(reader, test) };
  }
}
