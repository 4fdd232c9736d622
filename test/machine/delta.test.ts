/** A delta makes the same file again, is small where the files are alike, and is refused for any other base. */
import { describe, expect, test } from "vitest";
import { applyDelta, makeDelta } from "../../src/machine/delta.ts";

/** Bytes that repeat nowhere, the same every time. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);
const old = noise(50_000, 1);
const zeros = (delta: Uint8Array): number => delta.filter((byte) => byte === 0).length;

describe("a delta", () => {
  const changed = Uint8Array.from(old, (byte, i) => (i % 64 === 3 ? byte + 4 : byte));
  test.each<[string, Uint8Array]>([
    ["the same file", old],
    ["an empty file", new Uint8Array(0)],
    ["a short file", Uint8Array.of(1, 2, 3)],
    ["a file with something more in the middle", join(old.subarray(0, 20_001), noise(777, 2), old.subarray(20_001))],
    ["a file without a part", join(old.subarray(0, 9_999), old.subarray(30_000))],
    ["a file in another order", join(old.subarray(25_000), old.subarray(0, 25_000))],
    ["a file with every 64th byte changed", changed],
    ["another file", noise(40_000, 3)],
  ])("makes %s", (_name, target) => {
    expect(Buffer.compare(applyDelta(old, makeDelta(old, target), "d"), target)).toBe(0);
  });

  test("is mostly zeros where the files are alike but shifted and patched", () => {
    const target = join(changed.subarray(0, 10_000), noise(100, 2), changed.subarray(10_000));
    const delta = makeDelta(old, target);
    expect(delta.length - zeros(delta)).toBeLessThan(50_000 / 64 + 500);
  });

  test("is refused for another base, cut off, damaged, or if it is none", () => {
    const delta = makeDelta(old, changed);
    expect(() => applyDelta(changed, delta, "d")).toThrow("d: this delta is for another base");
    expect(() => applyDelta(old, delta.subarray(0, 50), "d")).toThrow("d: the delta is cut off");
    expect(() => applyDelta(old, delta.subarray(0, 5_000), "d")).toThrow("d: the delta is damaged");
    expect(() => applyDelta(old, old, "d")).toThrow("d: not a delta");
  });
});
