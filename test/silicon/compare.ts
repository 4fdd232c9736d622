/**
 * Compares what two processors made of a case, and tells a difference in a few readable lines.
 */
import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { describeEnding, hex, type Outcome, type Patch, registerName, type TestCase } from "./case.ts";
import { layout } from "./layout.ts";
import { type CodeBits, segmentNames } from "./segments.ts";

const trapFlag = 0x100n;
const exceptionsWithError = new Set([8, 10, 11, 12, 13, 14, 17]);
const flagNames: readonly (readonly [number, string])[] = [
  [0, "CF"],
  [2, "PF"],
  [4, "AF"],
  [6, "ZF"],
  [7, "SF"],
  [8, "TF"],
  [9, "IF"],
  [10, "DF"],
  [11, "OF"],
  [14, "NT"],
  [16, "RF"],
  [18, "AC"],
  [21, "ID"],
];

/** One thing in which two outcomes differ. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly got: string;
}

function flags(value: bigint): string {
  const names = flagNames.filter(([bit]) => (value >> BigInt(bit)) & 1n && bit !== 8).map(([, name]) => name);
  return names.join(" ") || "none";
}

export const vectorText = (bytes: Uint8Array, at: number): string =>
  hex(
    bytes
      .subarray(at, at + 16)
      .slice()
      .reverse(),
  );

/** The parts of an FXSAVE image, by name. Registers are those of the stack's order, ST0 first. */
export function fxsaveParts(image: Uint8Array): [string, string][] {
  const view = new DataView(image.buffer, image.byteOffset);
  const word = (offset: number): string => view.getUint16(offset, true).toString(16).padStart(4, "0");
  const parts: [string, string][] = [
    ["x87 control", word(0)],
    ["x87 status", word(2)],
    ["x87 tags", image[4].toString(2).padStart(8, "0")],
    ["x87 opcode", word(6)],
    ["x87 instruction pointer", view.getBigUint64(8, true).toString(16)],
    ["x87 data pointer", view.getBigUint64(16, true).toString(16)],
    ["MXCSR", view.getUint32(24, true).toString(16).padStart(4, "0")],
  ];
  for (let i = 0; i < 8; i++) {
    const at = 32 + i * 16;
    parts.push([`st${i}`, `${word(at + 8)}:${view.getBigUint64(at, true).toString(16).padStart(16, "0")}`]);
  }
  for (let i = 0; i < 16; i++) parts.push([`xmm${i}`, vectorText(image, 160 + i * 16)]);
  return parts;
}

function memoryAfter(changes: readonly Patch[]): Map<number, string> {
  const quads = new Map<number, string>();
  for (const change of changes) {
    for (let i = 0; i < change.bytes.length; i += 8) {
      quads.set(change.offset + i, hex(change.bytes.subarray(i, i + 8)));
    }
  }
  return quads;
}

/** Everything in which `got` differs from `expected`. */
export function compareOutcomes(expected: Outcome, got: Outcome, bits: CodeBits): Difference[] {
  const differences: Difference[] = [];
  const check = (what: string, a: string, b: string): void => {
    if (a !== b) differences.push({ what, expected: a, got: b });
  };
  const ending = (outcome: Outcome): string => {
    const { ending } = outcome;
    if (ending.kind !== "exception" || exceptionsWithError.has(ending.vector)) return describeEnding(ending);
    return describeEnding({ ...ending, error: 0, cr2: 0n });
  };
  check("ends with", ending(expected), ending(got));
  check("rip", expected.rip.toString(16), got.rip.toString(16));
  for (let i = 0; i < 16; i++) {
    // What is above a 16-bit stack pointer comes from the kernel.
    const value = ({ gpr }: Outcome): bigint => (i === 4 && bits !== 64 ? gpr[i] & 0xffff_ffffn : gpr[i]);
    if (value(expected) !== value(got)) check(registerName(i), value(expected).toString(16), value(got).toString(16));
  }
  check("flags", flags(expected.rflags & ~trapFlag), flags(got.rflags & ~trapFlag));
  for (let i = 0; i < 6; i++) {
    // On the way to the signal handler IRETQ makes every null selector 0.
    const selector = ({ selectors }: Outcome): number => (selectors[i] > 3 ? selectors[i] : 0);
    check(segmentNames[i], selector(expected).toString(16), selector(got).toString(16));
  }
  check("fs base", expected.fsBase.toString(16), got.fsBase.toString(16));
  check("gs base", expected.gsBase.toString(16), got.gsBase.toString(16));
  if (Buffer.compare(expected.fxsave.subarray(0, 416), got.fxsave.subarray(0, 416)) !== 0) {
    const parts = fxsaveParts(got.fxsave);
    fxsaveParts(expected.fxsave).forEach(([what, text], i) => {
      check(what, text, parts[i][1]);
    });
  }
  if (Buffer.compare(expected.ymmHigh, got.ymmHigh) !== 0) {
    for (let i = 0; i < 16; i++)
      check(`ymm${i} high`, vectorText(expected.ymmHigh, i * 16), vectorText(got.ymmHigh, i * 16));
  }
  const before = memoryAfter(expected.changes);
  const after = memoryAfter(got.changes);
  for (const offset of new Set([...before.keys(), ...after.keys()])) {
    const where = `[${(layout.data.address + offset).toString(16)}]`;
    check(where, before.get(offset) ?? "unchanged", after.get(offset) ?? "unchanged");
  }
  return differences;
}

const disassemblers = new Map<CodeBits, Capstone>();

/** Loads the disassembler; `disassemble` needs it. */
export async function prepareDisassembler(): Promise<void> {
  await loadCapstone();
  disassemblers.set(64, new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64));
  disassemblers.set(32, new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_32));
  disassemblers.set(16, new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_16));
}

/** The first instruction of the bytes as text, or a line saying that it is none. */
export function disassemble(code: Uint8Array, bits: CodeBits): string {
  const disassembler = disassemblers.get(bits);
  if (!disassembler) return "";
  try {
    const [first] = disassembler.disasm(Buffer.from(code), { address: 0x1000 });
    return first ? `${first.mnemonic} ${first.opStr}`.trim() : "(not an instruction)";
  } catch {
    return "(not an instruction)";
  }
}

/** All instructions of a sequence. */
function disassembleAll(code: Uint8Array, bits: CodeBits): string {
  const disassembler = disassemblers.get(bits);
  if (!disassembler) return "";
  return disassembler
    .disasm(Buffer.from(code), { address: 0x1000 })
    .map(({ mnemonic, opStr }) => `${mnemonic} ${opStr}`.trim())
    .join("; ");
}

/** The instruction of a case as text, or its instructions. */
export const disassembleCase = (test: TestCase): string =>
  test.name === "sequence" ? disassembleAll(test.code, test.bits) : disassemble(test.code, test.bits);
