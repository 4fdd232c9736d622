/** The shape of generated trampolines; that they work is shown in the guest (test/kernel/trampolines.test.ts). */
import { describe, expect, test } from "vitest";
import {
  generateTrampoline,
  type TrampolineLink,
  type TrampolineRequest,
  trampolineKinds,
} from "../../src/bpf/x86-64/trampoline.ts";

const base = 0xffff_ffff_a000_0000n;
const target = 0xffff_ffff_8100_1000n;

const link = (kind: number, code: bigint): TrampolineLink => ({
  kind,
  code,
  program: 0xffff_8880_0000_1000n,
  instructions: 0n,
  enter: 0xffff_ffff_8100_2000n,
  exit: 0xffff_ffff_8100_3000n,
  cookie: 0n,
});

const request = (links: readonly TrampolineLink[], argumentRegisters = 2): TrampolineRequest => ({
  links,
  argumentRegisters,
  target,
  base,
  runContextSize: 40,
  image: 0xffff_8880_0000_2000n,
  enterImage: 0xffff_ffff_8100_4000n,
  exitImage: 0xffff_ffff_8100_5000n,
});

/** Where calls go, in order. */
function calls(code: Uint8Array): bigint[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const known = new Set([0x2000n, 0x3000n, 0x4000n, 0x5000n, 0x6000n, 0x7000n, 0x8000n]);
  const found: bigint[] = [];
  for (let at = 0; at + 5 <= code.length; at++) {
    if (code[at] !== 0xe8) continue;
    const to = base + BigInt(at + 5 + view.getInt32(at + 1, true));
    if (to === target + 5n || known.has(to - 0xffff_ffff_8100_0000n)) found.push(to - 0xffff_ffff_8100_0000n);
  }
  return found;
}

describe("trampolines", () => {
  const entry = link(trampolineKinds.fentry, 0xffff_ffff_8100_6000n);
  const exit = link(trampolineKinds.fexit, 0xffff_ffff_8100_7000n);
  const modify = link(trampolineKinds.modify_return, 0xffff_ffff_8100_8000n);

  test("with fentry alone returns into the function", () => {
    const { code, afterCall, epilogue } = generateTrampoline(request([entry]));
    expect(calls(code)).toEqual([0x2000n, 0x6000n, 0x3000n]);
    expect([afterCall, epilogue]).toEqual([0, 0]);
    expect([...code.slice(-3)]).toEqual([0x5b, 0xc9, 0xc3]);
  });

  test("with fexit or fmod_ret calls the function and returns past it", () => {
    const { code, afterCall, epilogue } = generateTrampoline(request([exit, modify, entry]));
    const around = (program: bigint): bigint[] => [0x2000n, program, 0x3000n];
    expect(calls(code)).toEqual([
      0x4000n,
      ...around(0x6000n),
      ...around(0x8000n),
      0x1005n,
      ...around(0x7000n),
      0x5000n,
    ]);
    expect([...code.slice(afterCall, afterCall + 5)]).toEqual([0x0f, 0x1f, 0x44, 0x00, 0x00]);
    expect(epilogue).toBeGreaterThan(afterCall + 5);
    expect([...code.slice(-5)]).toEqual([0x48, 0x83, 0xc4, 0x08, 0xc3]);
  });

  test("as many programs as Linux allows fit into a page", () => {
    const links = Array.from({ length: 38 }, () => ({ ...modify, cookie: 1n << 40n }));
    expect(generateTrampoline(request(links, 6)).code.length).toBeLessThanOrEqual(4096);
  });

  test("there are no more than six registers of arguments, and no calls out of reach", () => {
    expect(() => generateTrampoline(request([entry], 7))).toThrow(RangeError);
    expect(() => generateTrampoline({ ...request([entry]), base: 0x1_0000_0000_0000n })).toThrow("out of reach");
  });
});
