/** Ranges are sound: whatever two numbers lie in the operands' ranges, the result lies in the computed one. */
import { describe, expect, it } from "vitest";
import {
  BPF_ADD,
  BPF_AND,
  BPF_ARSH,
  BPF_LSH,
  BPF_MUL,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
} from "../../../src/bpf/isa.ts";
import { scalarArithmetic, syncBounds, zeroExtend32 } from "../../../src/bpf/verifier/bounds.ts";
import { RegisterState, SCALAR_VALUE } from "../../../src/bpf/verifier/register-state.ts";
import { tnumIn } from "../../../src/bpf/verifier/tnum.ts";

/** xorshift64*: the same numbers on every run. */
function* randomNumbers(seed: bigint): Generator<bigint, never> {
  let state = seed;
  for (;;) {
    state ^= state >> 12n;
    state = BigInt.asUintN(64, state ^ (state << 25n));
    state ^= state >> 27n;
    yield BigInt.asUintN(64, state * 0x2545f4914f6cdd1dn);
  }
}

const low = (value: bigint): number => Number(BigInt.asUintN(32, value));

function holds(reg: RegisterState, value: bigint): boolean {
  const signed = BigInt.asIntN(64, value);
  const unsigned32 = low(value);
  return (
    tnumIn(reg.varOff, { value, mask: 0n }) &&
    reg.umin <= value &&
    value <= reg.umax &&
    reg.smin <= signed &&
    signed <= reg.smax &&
    reg.u32min <= unsigned32 &&
    unsigned32 <= reg.u32max &&
    reg.s32min <= (unsigned32 | 0) &&
    (unsigned32 | 0) <= reg.s32max
  );
}

const operations: [string, number, (a: bigint, b: bigint, bits: bigint) => bigint][] = [
  ["add", BPF_ADD, (a, b) => a + b],
  ["sub", BPF_SUB, (a, b) => a - b],
  ["mul", BPF_MUL, (a, b) => a * b],
  ["and", BPF_AND, (a, b) => a & b],
  ["or", BPF_OR, (a, b) => a | b],
  ["xor", BPF_XOR, (a, b) => a ^ b],
  ["lsh", BPF_LSH, (a, b) => a << b],
  ["rsh", BPF_RSH, (a, b) => a >> b],
  ["arsh", BPF_ARSH, (a, b, bits) => BigInt.asIntN(Number(bits), a) >> b],
];

describe("verifier: ranges", () => {
  for (const [name, op, compute] of operations) {
    for (const bits of [32n, 64n]) {
      it(`${name}${bits} keeps every possible result`, () => {
        const random = randomNumbers(BigInt(op) * 77n + bits);
        const next = (): bigint => random.next().value;
        const isShift = op === BPF_LSH || op === BPF_RSH || op === BPF_ARSH;
        for (let round = 0; round < 300; round++) {
          const make = (limit: bigint): [RegisterState, bigint] => {
            const reg = new RegisterState();
            reg.type = SCALAR_VALUE;
            const value = (next() >> (next() & 63n)) % limit;
            const mask = next() & next() & (limit - 1n);
            reg.varOff = { value: value & ~mask, mask };
            const slack = next() >> (next() & 63n);
            if (next() & 1n) {
              reg.umin = value > slack ? value - slack : 0n;
              reg.umax = value + slack > (1n << 64n) - 1n ? (1n << 64n) - 1n : value + slack;
            }
            syncBounds(reg);
            return [reg, value];
          };
          const [dst, a] = make(1n << 64n);
          const [src, b] = make(isShift ? bits : 1n << 64n);
          if (isShift) src.markKnown(b);
          expect(holds(dst, a)).toBe(true);
          const cut = (value: bigint): bigint => BigInt.asUintN(Number(bits), value);
          const result = cut(compute(cut(a), cut(b), bits));
          expect(scalarArithmetic(op, dst, src, bits === 32n)).toBe(true);
          if (bits === 32n) zeroExtend32(dst);
          syncBounds(dst);
          expect(holds(dst, result), `${name}${bits} of ${a} and ${b}`).toBe(true);
        }
      });
    }
  }
});
