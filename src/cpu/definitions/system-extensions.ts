/** RDRAND, RDSEED, RDPID, FSGSBASE, CLFLUSHOPT, CLWB, XGETBV, XSETBV (AMD64 APM volume 3). */
import { c32, c64, i64 } from "../../wasm/index.ts";
import type { Cpu } from "../cpu.ts";
import { define } from "../definition.ts";
import { Fault, generalProtection, Vector } from "../fault.ts";
import { defineRoutine } from "../routines.ts";
import { addressOf, segmentAddress } from "../state.ts";
import type { Tier } from "../tier.ts";
import { requireCr4 } from "./forms.ts";
import { componentsInUse } from "./xsave.ts";

const CR4_FSGSBASE = 0x1_0000;
const CR4_OSXSAVE = 0x4_0000;

/** The next number of the seeded sequence (SplitMix64): the state is part of the processor's. */
function nextRandom(cpu: Cpu): bigint {
  const { state } = cpu;
  state.randomState = BigInt.asUintN(64, state.randomState + 0x9e37_79b9_7f4a_7c15n);
  let z = state.randomState;
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}
defineRoutine("random", (cpu) => cpu.setResult(0, nextRandom(cpu)));
define("rdrand", ["NP 0F C7 /6 Rv", "66 0F C7 /6 Rv"], random, { sizeBy66: true });
define("rdseed", ["NP 0F C7 /7 Rv", "66 0F C7 /7 Rv"], random, { sizeBy66: true });
function random(t: Tier, destination: Parameters<Tier["write"]>[0]): void {
  t.call("random");
  t.write(destination, t.result(0));
  // CF: there was a number; the other flags are cleared.
  t.flags.setImage(c32(1));
}

define("rdpid", "F3 0F C7 /7 Rd", (t, destination) => {
  const value = t.let(t.field("i64", addressOf("tscAux")));
  if (t.mode === 64) t.setWhole(destination, i64.and(value, c64(0xffff_ffff)));
  else t.write(destination, value);
});

for (const [digit, name, segment] of [
  [0, "rdfsbase", "fs"],
  [1, "rdgsbase", "gs"],
] as const) {
  define(
    name,
    `F3 0F AE /${digit} Ry`,
    (t, destination) => {
      requireCr4(t, CR4_FSGSBASE);
      t.write(destination, t.let(t.field("i64", segmentAddress(segment))));
    },
    { only64: true },
  );
  define(
    name.replace("rd", "wr"),
    `F3 0F AE /${digit + 2} Ry`,
    (t, source) => {
      requireCr4(t, CR4_FSGSBASE);
      const base = t.read(source);
      const canonical = i64.shr_s(i64.shl(base, c64(16)), c64(16));
      t.raiseIf(i64.ne(canonical, base), Vector.GP, 0);
      t.setField("i64", segmentAddress(segment), base);
    },
    { only64: true },
  );
}

// Both fault as loads would.
for (const [name, digit] of [
  ["clflushopt", 7],
  ["clwb", 6],
] as const) {
  define(name, `66 0F AE /${digit} Mb`, (t, operand) => {
    t.load(t.linearAddress(operand), 1);
  });
}

// Extended control registers. XCR0: which states XSAVE and its like manage; x87 always, AVX only with SSE.
defineRoutine("readExtendedControl", (cpu) => {
  const index = cpu.argumentNumber(0);
  if (index > 1) throw generalProtection();
  cpu.setResult(0, cpu.state.xcr0);
  if (index === 1) cpu.setResult(0, cpu.state.xcr0 & BigInt(componentsInUse(cpu)));
});
defineRoutine("writeExtendedControl", (cpu) => {
  const value = cpu.argument(1);
  const valid = (value & 1n) !== 0n && value < 8n && (value & 6n) !== 4n;
  if (cpu.state.cpl !== 0 || cpu.argumentNumber(0) !== 0 || !valid) throw new Fault(Vector.GP, 0);
  cpu.state.xcr0 = value;
});
define("xgetbv", "NP 0F 01 =D0", (t) => {
  requireCr4(t, CR4_OSXSAVE);
  t.call("readExtendedControl", t.register(1, 4));
  const value = t.let(t.result(0));
  t.setRegister(0, value, 4);
  t.setRegister(2, i64.shr_u(value, c64(32)), 4);
});
define(
  "xsetbv",
  "NP 0F 01 =D1",
  (t) => {
    requireCr4(t, CR4_OSXSAVE);
    const value = i64.or(i64.shl(t.register(2, 4), c64(32)), t.register(0, 4));
    t.call("writeExtendedControl", t.register(1, 4), value);
    t.endBlock();
  },
  { ends: true },
);
