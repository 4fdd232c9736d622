/**
 * The processor's registers by every name that they have: rax, eax, ax, al, ah; segments; flags. Writing a part does what an
 * instruction that writes it does: a 32-bit part clears the upper half, the smaller ones leave the rest.
 */
import {
  type CpuState,
  Flag,
  type GeneralRegister,
  generalRegisters,
  type SegmentRegister,
  segmentRegisters,
} from "../cpu/state.ts";
import { InputError } from "./input-error.ts";

const lettered = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"] as const;
const numbered = ["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"] as const;
type Lettered = (typeof lettered)[number];
type Numbered = (typeof numbered)[number];

/** Names of parts of general registers. */
export type PartialRegister =
  | `e${Lettered}`
  | Lettered
  | "al"
  | "cl"
  | "dl"
  | "bl"
  | "spl"
  | "bpl"
  | "sil"
  | "dil"
  | "ah"
  | "ch"
  | "dh"
  | "bh"
  | `${Numbered}${"d" | "w" | "b"}`
  | "eip";

/** Single flags of RFLAGS, 0n or 1n. */
export type FlagName = "cf" | "pf" | "af" | "zf" | "sf" | "tf" | "if" | "df" | "of" | "nt" | "ac";

type UpTo7 = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
type UpTo15 = UpTo7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;
/** 256, 128, 64 and (x87, counted from TOP) 80 bits. */
export type VectorName = `${"xmm" | "ymm"}${UpTo15}` | `${"mm" | "st"}${UpTo7}`;

/** Segment selectors, and the two bases that 64-bit mode has. */
type SegmentName = Exclude<SegmentRegister, "ldtr" | "tr"> | "ldtr" | "tr";
type BaseName = "fsBase" | "gsBase";

/** Every register of {@link CpuState}, and the names above; all bigints. */
export type Registers = CpuState &
  Record<PartialRegister | FlagName | VectorName | SegmentName | BaseName | "eflags", bigint>;

interface Access {
  get(): bigint;
  set(value: bigint): void;
}

/** By name, what reads and writes a part of a register of `state`. */
function accessors(state: CpuState): Map<string, Access> {
  const all = new Map<string, Access>();
  const part = (name: string, whole: GeneralRegister | "rip", bits: number, shift = 0): void => {
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift);
    all.set(name, {
      get: () => (state[whole] & mask) >> BigInt(shift),
      set: (value) => {
        const placed = (value << BigInt(shift)) & mask;
        state[whole] = bits === 32 ? placed : (state[whole] & ~mask) | placed;
      },
    });
  };
  for (const name of lettered) {
    const whole = `r${name}` as const;
    part(`e${name}`, whole, 32);
    part(name, whole, 16);
    part(name.endsWith("x") ? `${name[0]}l` : `${name}l`, whole, 8);
    if (name.endsWith("x")) part(`${name[0]}h`, whole, 8, 8);
  }
  for (const name of numbered) {
    part(`${name}d`, name, 32);
    part(`${name}w`, name, 16);
    part(`${name}b`, name, 8);
  }
  part("eip", "rip", 32);
  const flagNames = ["CF", "PF", "AF", "ZF", "SF", "TF", "IF", "DF", "OF", "NT", "AC"] as const;
  for (const flag of flagNames)
    all.set(flag.toLowerCase(), {
      get: () => (state.flags & Flag[flag] ? 1n : 0n),
      set: (value) => {
        state.flags = value === 0n ? state.flags & ~Flag[flag] : state.flags | Flag[flag];
      },
    });
  all.set("eflags", {
    get: () => state.rflags,
    set: (value) => {
      state.rflags = value;
    },
  });
  for (let index = 0; index < 16; index++)
    all.set(`xmm${index}`, { get: () => state.xmm(index), set: (value) => state.setXmm(index, value) });
  for (let index = 0; index < 16; index++)
    all.set(`ymm${index}`, { get: () => state.ymm(index), set: (value) => state.setYmm(index, value) });
  for (let index = 0; index < 8; index++) {
    all.set(`mm${index}`, { get: () => state.mm(index), set: (value) => state.setMm(index, value) });
    all.set(`st${index}`, { get: () => state.st(index), set: (value) => state.setSt(index, value) });
  }
  for (const name of segmentRegisters)
    all.set(name, {
      get: () => BigInt(state.segment(name).selector),
      set: (value) => {
        if ((state.cr0 & 1n) !== 0n || name === "ldtr" || name === "tr")
          throw new InputError(`${name} has a hidden part too: use setSegment("${name}", ...)`);
        // Real mode.
        const selector = Number(BigInt.asUintN(16, value));
        state.setSegment(name, { ...state.segment(name), selector, base: BigInt(selector) << 4n });
      },
    });
  for (const name of ["fs", "gs"] as const)
    all.set(`${name}Base`, {
      get: () => state.segment(name).base,
      set: (base) => state.setSegment(name, { ...state.segment(name), base: BigInt.asUintN(64, base) }),
    });
  return all;
}

/** Names with the general registers first, as they are usually listed. */
export function registerNames(): string[] {
  return [...generalRegisters, "rip", "rflags", "cs", "ss", "ds", "es", "fs", "gs"];
}

/** `state` with all names; a name that does not exist, or a value that is not a bigint, throws InputError. */
export function namedRegisters(state: CpuState): Registers {
  const parts = accessors(state);
  return new Proxy(state, {
    get(_, name) {
      if (typeof name !== "string" || name === "then") return undefined;
      const part = parts.get(name);
      if (part !== undefined) return part.get();
      if (!(name in state)) throw new InputError(`no register "${name}"`);
      const value: unknown = Reflect.get(state, name);
      return typeof value === "function" ? value.bind(state) : value;
    },
    set(_, name, value: unknown) {
      const text = String(name);
      const part = parts.get(text);
      if (part === undefined && !(name in state)) throw new InputError(`no register "${text}"`);
      const kind = part === undefined ? typeof Reflect.get(state, name) : "bigint";
      if (kind === "bigint" && typeof value !== "bigint")
        throw new InputError(`registers.${text} = ${String(value)}: expected a bigint, such as ${String(value)}n`);
      if (kind === "function") throw new InputError(`registers.${text} is a function`);
      if (part !== undefined && typeof value === "bigint") part.set(value);
      else if (typeof value !== "bigint") Reflect.set(state, name, value);
      else Reflect.set(state, name, kind === "number" ? Number(BigInt.asUintN(32, value)) : BigInt.asUintN(64, value));
      return true;
    },
    has: (_, name) => name in state || (typeof name === "string" && parts.has(name)),
  }) as Registers;
}
