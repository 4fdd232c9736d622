/**
 * Random bytes as code: does the decoder agree with the processor on what is an instruction and how long it is? The bytes end
 * at the end of mapped memory, so an instruction that wants more of them than there are is an instruction fetch #PF at a
 * known address on both sides.
 */
import type { TestCase } from "./case.ts";
import { layout } from "./layout.ts";
import { Random } from "./random.ts";
import { type CodeBits, plainSegments } from "./segments.ts";
import { randomFlags, randomFxsave, randomInteger } from "./state.ts";

/** Prefixes, more often than chance would have them. */
const prefixes64 = [0x66, 0xf2, 0xf3, 0x67, 0x64, 0x65, 0x2e, 0x36, 0x3e, 0x26, 0xf0, 0x40, 0x41, 0x44, 0x48, 0x4f];

/** One case: up to 15 random bytes, shaped so that all opcode maps are visited. */
export function walkCase(seed: number, index: number, bits: CodeBits): TestCase {
  const random = new Random(seed * 0x1_0000_0000 + index);
  const bytes: number[] = [];
  const prefixes = bits === 64 ? prefixes64 : prefixes64.slice(0, -5);
  for (let n = random.pick([0, 0, 0, 1, 1, 2, 3]); n > 0; n--) bytes.push(random.pick(prefixes));
  if (random.chance(1, 2)) {
    bytes.push(0x0f);
    if (random.chance(1, 3)) bytes.push(random.pick([0x38, 0x3a]));
  } else if (random.chance(1, 3)) {
    // VEX: mostly a map that exists, and no second register.
    const last = random.chance(1, 2) ? 0x78 | (random.u32() & 0x87) : random.below(256);
    if (random.chance(1, 2)) bytes.push(0xc5, last);
    else bytes.push(0xc4, (random.below(8) << 5) | random.pick([1, 2, 3, 1, 2, 3, random.below(32)]), last);
  }
  const size = 1 + random.below(15);
  while (bytes.length < size) bytes.push(random.below(256));
  const code = Uint8Array.from(bytes.slice(0, 15));
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) {
    gpr[i] = random.chance(1, 2) ? randomInteger(random) : BigInt(layout.data.address + 0x400 + random.below(0x1800));
  }
  const base = bits === 16 ? layout.data.address : 0;
  if (bits === 16) gpr.set(gpr.map((value) => (value >> 12n === 0x20000n ? value & 0xffffn : value)));
  gpr[4] = BigInt(layout.data.address - base + 0x1800);
  return {
    seed: seed * 0x1_0000_0000 + index,
    name: "walk",
    bits,
    selectors: plainSegments(bits),
    code,
    codeOffset: layout.code.size - code.length,
    runToBreakpoint: false,
    gpr,
    rflags: randomFlags(random),
    fsBase: 0n,
    gsBase: 0n,
    fxsave: randomFxsave(random, "default"),
    ymmHigh: new Uint8Array(256),
    patches: [],
  };
}
