/**
 * Makes a case on which both processors differ as small as it can be while they still do: every input that does not matter becomes
 * zero or the default. What is left tells in one line what is wrong.
 */
import type { TestCase } from "./case.ts";
import { hex, registerName } from "./case.ts";
import { type Difference, disassembleCase, fxsaveParts, vectorText } from "./compare.ts";
import { layout } from "./layout.ts";
import { segmentNames } from "./segments.ts";

const defaultFlags = 0x202n;
const defaultControl = 0x37f;
const defaultMxcsr = 0x1f80;

/** FXSAVE image with some bytes replaced. */
function withBytes(image: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = image.slice();
  copy.set(bytes, at);
  return copy;
}

/** Simpler cases, each in one thing; those that are the case itself are left out. */
function* simpler(test: TestCase): Generator<TestCase> {
  for (let i = 0; i < test.patches.length; i++)
    yield { ...test, patches: test.patches.filter((_, index) => index !== i) };
  for (let i = 0; i < 16; i++)
    for (const value of [0n, test.gpr[i] & 0xffff_ffffn, test.gpr[i] & 0xffn])
      if (test.gpr[i] !== value) yield { ...test, gpr: test.gpr.with(i, value) };
  for (let bit = 0n; bit < 22n; bit++) {
    const rflags = test.rflags & ~(1n << bit);
    if (rflags !== test.rflags && (rflags & defaultFlags) === defaultFlags) yield { ...test, rflags };
  }
  const { fxsave, ymmHigh } = test;
  const view = new DataView(fxsave.buffer, fxsave.byteOffset);
  if (view.getUint16(0, true) !== defaultControl)
    yield { ...test, fxsave: withBytes(fxsave, 0, Uint8Array.of(defaultControl & 0xff, defaultControl >> 8)) };
  if (view.getUint16(2, true) !== 0) yield { ...test, fxsave: withBytes(fxsave, 2, new Uint8Array(2)) };
  if (view.getUint32(24, true) !== defaultMxcsr)
    yield { ...test, fxsave: withBytes(fxsave, 24, Uint8Array.of(defaultMxcsr & 0xff, defaultMxcsr >> 8, 0, 0)) };
  for (let at = 32; at < 416; at += 16)
    if (fxsave.subarray(at, at + 16).some((byte) => byte !== 0))
      yield { ...test, fxsave: withBytes(fxsave, at, new Uint8Array(16)) };
  for (let at = 0; at < 256; at += 16)
    if (ymmHigh.subarray(at, at + 16).some((byte) => byte !== 0))
      yield { ...test, ymmHigh: withBytes(ymmHigh, at, new Uint8Array(16)) };
}

/** The smallest case found, and what differs in it. `compare` runs a case on both sides. */
export async function shrink(
  test: TestCase,
  compare: (test: TestCase) => Promise<readonly Difference[]>,
): Promise<{ test: TestCase; differences: readonly Difference[] }> {
  let smallest = test;
  let differences = await compare(test);
  // What differs only sometimes is told as it is.
  if (differences.length === 0) return { test, differences };
  for (let progress = true; progress; ) {
    progress = false;
    for (const candidate of simpler(smallest)) {
      const found = await compare(candidate);
      if (found.length === 0) continue;
      smallest = candidate;
      differences = found;
      progress = true;
      break;
    }
  }
  return { test: smallest, differences };
}

/** The inputs that are not zero or default. */
function inputs(test: TestCase): string[] {
  const words = [...test.gpr].flatMap((value, i) => (value === 0n ? [] : [`${registerName(i)}=${value.toString(16)}`]));
  if (test.rflags !== defaultFlags) words.push(`rflags=${test.rflags.toString(16)}`);
  if (test.bits !== 64) words.push(...segmentNames.map((name, i) => `${name}=${test.selectors[i].toString(16)}`));
  if (test.fsBase !== 0n) words.push(`fs base=${test.fsBase.toString(16)}`);
  if (test.gsBase !== 0n) words.push(`gs base=${test.gsBase.toString(16)}`);
  for (const [name, value] of fxsaveParts(test.fxsave)) {
    const usual = name === "x87 control" ? "037f" : name === "MXCSR" ? "1f80" : "";
    if (value !== usual && /[1-9a-f]/.test(value)) words.push(`${name}=${value}`);
  }
  for (let i = 0; i < 16; i++) {
    const text = vectorText(test.ymmHigh, i * 16);
    if (/[1-9a-f]/.test(text)) words.push(`ymm${i} high=${text}`);
  }
  for (const { offset, bytes } of test.patches)
    words.push(`[${(layout.data.address + offset).toString(16)}]=${hex(bytes)}`);
  return words;
}

/** A difference in one line: form, case, code, inputs that matter, what the two processors made of them. */
export function oneLine(test: TestCase, differences: readonly Difference[]): string {
  const width = test.bits === 64 ? "" : `${test.bits}-bit `;
  const at = (layout.code.address + test.codeOffset).toString(16);
  const found = differences.map(({ what, expected, got }) => `${what} ${expected}, here ${got}`).join("; ");
  const code = `${hex(test.code)} at ${at}: ${disassembleCase(test)}`;
  return `${width}${test.name} (case ${test.seed}) ${code} | ${inputs(test).join(" ")} | ${found}`;
}
