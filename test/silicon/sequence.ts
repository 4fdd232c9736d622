/**
 * Several instructions in a row, run to a breakpoint: what one leaves behind (flags above all) the next must find, and the
 * emulator executes them as blocks. Memory operands are addressed by RSI and RBP, which no instruction changes, so a sequence
 * seldom faults; if it does, both processors must have got equally far.
 */
import type { TestCase } from "./case.ts";
import { littleEndian } from "./draft.ts";
import { immediateBytes } from "./generate.ts";
import { layout } from "./layout.ts";
import { Random } from "./random.ts";
import { baseOf, type CodeBits, plainSegments } from "./segments.ts";
import { randomFlags, randomFxsave, randomInteger } from "./state.ts";
import { type Template, templates } from "./templates.ts";

/** All but RSP, RBP and RSI. */
const registers = [0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const unsuitable = [
  "stack",
  "code",
  "frame",
  "string",
  "xlat",
  "rdi",
  "interrupt",
  "control",
  "anywhere",
  "x87state",
  "mxcsr",
  "near",
  "count",
  "selector",
  "far",
  "farframe",
  "iretframe",
  "popsegment",
  "bounds",
  "random",
  "xstate",
  "xcr",
];
const never =
  /^(int|hlt|in|out|cli|sti|ud2|invd|wbinvd|rdmsr|wrmsr|lgdt|lidt|invlpg|swapgs|clts|sysret|div|idiv|ret|f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsin|fcos|fsincos|fldenv|frstor|fnsave|fldcw|std|int1|int3|jmp|call|loop|loope|loopne|rdtsc|rdtscp|rdpmc|sysenter|sysexit|into|aam|popa|pop)$/;

const suitable = templates.filter(
  (template) =>
    !never.test(template.name) &&
    !unsuitable.some((word) => template.attributes.has(word)) &&
    template.immediate !== "o" &&
    template.immediate !== "jz" &&
    // The opcode names a register that must not change: push, pop, xchg, mov and bswap of RSP, RBP and RSI.
    !(
      template.modrm === undefined &&
      [4, 5, 6].includes(template.opcode[template.opcode.length - 1] & 7) &&
      /^(xchg|mov|bswap)$/.test(template.name)
    ),
);

/** What sequences of x87 instructions are made of: environments and pending exceptions among them. */
const floating = templates.filter(
  ({ family, attributes }) => family === "x87" && !attributes.has("transcendental") && !attributes.has("x87state"),
);
const storesEnvironment = floating.filter(({ name }) => name === "fnstenv" || name === "fnsave");

/** The registers that are not used for addresses, by width of the code segment. */
const registersOf = (bits: CodeBits): readonly number[] => (bits === 64 ? registers : registers.slice(0, 5));

function instruction(random: Random, template: Template, bits: CodeBits): number[] {
  const code: number[] = [];
  const prefixed = template.operandSize && random.chance(1, 5);
  const narrow = (bits === 16) !== prefixed;
  if (prefixed) code.push(0x66);
  const memory = template.modrm === "memory" || (template.modrm === "any" && random.chance(1, 3));
  // Addresses are 32 bits wide.
  if (memory && bits === 16) code.push(0x67);
  if (template.mandatoryPrefix !== undefined) code.push(template.mandatoryPrefix);
  const wide = bits === 64 && template.operandSize && random.chance(1, 2) ? 8 : 0;
  const operandSize = wide ? 8 : narrow ? 2 : 4;
  const takesRex = bits === 64 && !template.attributes.has("norex");
  if (template.modrm === undefined) {
    // The register in the opcode keeps its low three bits; extending it is harmless.
    if (wide && takesRex) code.push(0x48);
    code.push(...template.opcode);
    const immediate = immediateBytes(random, template.immediate, operandSize);
    if (template.immediate === "j1") immediate[0] = random.below(6);
    code.push(...immediate);
    return code;
  }
  const reg = template.digit ?? random.pick(registersOf(bits));
  const rm = random.pick(registersOf(bits));
  const rex = 0x40 | wide | ((reg & 8) >> 1) | (memory ? 0 : rm >> 3);
  // Without REX byte registers 4 to 7 are AH to BH: all of those may change.
  if (takesRex && (rex !== 0x40 || template.memorySize === 1)) code.push(rex);
  code.push(...template.opcode);
  if (memory) {
    const base = random.pick([5, 6]);
    const displacement = BigInt((random.below(0x800) - 0x400) & (template.aligned ? ~15 : ~0));
    code.push(0x80 | ((reg & 7) << 3) | base, ...littleEndian(BigInt.asUintN(32, displacement), 4));
  } else {
    code.push(0xc0 | ((reg & 7) << 3) | (rm & 7));
  }
  code.push(...immediateBytes(random, template.immediate, operandSize));
  return code;
}

/** A sequence of 2 to 16 instructions. */
export function sequenceCase(seed: number, index: number, bits: CodeBits): TestCase {
  const number = seed * 0x1_0000_0000 + index;
  const random = new Random(number);
  const code: number[] = [];
  const isFloating = random.chance(1, 4);
  const known = suitable.filter(({ attributes }) => !attributes.has(bits === 64 ? "not64" : "only64"));
  for (let n = isFloating ? 1 + random.below(6) : 2 + random.below(15); n > 0; n--)
    code.push(...instruction(random, random.pick(isFloating ? floating : known), bits));
  // The pointers to the last instruction and its operand.
  if (isFloating) code.push(...instruction(random, random.pick(storesEnvironment), bits));
  code.push(0xcc);
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = randomInteger(random);
  const selectors = plainSegments(bits);
  const base = bits === 64 ? 0 : Number(baseOf(selectors[3]));
  gpr[4] = BigInt(layout.data.address - base + 0x1800);
  gpr[5] = BigInt(layout.data.address - base + 0x800);
  gpr[6] = BigInt(layout.data.address - base + 0x1000);
  return {
    seed: number,
    name: "sequence",
    bits,
    selectors,
    code: Uint8Array.from(code),
    codeOffset: random.below(0x1e00),
    runToBreakpoint: true,
    gpr,
    rflags: randomFlags(random) & ~0x400n,
    fsBase: 0n,
    gsBase: 0n,
    fxsave: randomFxsave(random, isFloating ? "x87" : random.chance(1, 3) ? "sse" : "default"),
    ymmHigh: new Uint8Array(256),
    patches: [],
  };
}
