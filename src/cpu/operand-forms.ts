/**
 * Opcode rows in the manual's vocabulary (AMD64 APM volume 3, appendix A; Intel SDM volume 2, appendix A):
 *
 *     [prefix] opcode bytes [/digit] [mod] operands
 *
 * VEX-encoded instructions begin with `VEX.length.prefix.map[.W]` as in the manuals: `VEX.256.66.0F38.W0`; length 128, 256 or LIG
 * (ignored), prefix NP, 66, F2, F3, map 0F, 0F38, 0F3A, W0, W1 or nothing (ignored).
 *
 * prefix: `66`, `F2`, `F3` (mandatory) or `NP` (none of them); absent: any. The last opcode byte may end in `+r` (register in its
 * low three bits) or `+cc` (condition in its low four bits). `/digit`: ModRM.reg is an opcode extension. mod: `mem` or `reg` where
 * only one of them exists; `=C8`: this ModRM byte and no other.
 *
 * Operands: a letter for where, letters for the size.
 * - E ModRM.rm general register or memory; G ModRM.reg general register; Z register in the opcode; M memory only;
 *   R general register in ModRM.rm only; I immediate; J relative target; O absolute address; A far pointer immediate;
 *   S segment, C control, D debug register (ModRM.reg);
 *   V, W, U XMM register in ModRM.reg, in ModRM.rm or memory, in ModRM.rm only; H, B: XMM, general register in VEX.vvvv; L: XMM
 *   register in the immediate's upper half; P, Q, N the same for MMX; T: ST(i) in ModRM.rm.
 * - sizes: b 1, w 2, d 4, q 8, t 10, x (or ps, pd) 16, 32 with VEX.256, dq 16, ss 4, sd 8, v operand size, y 4 or 8 (8 with REX.W or, for `J`-less
 *   default-64 instructions, in long mode), z operand size but at most 4 (immediates: sign-extended), p far pointer, s descriptor
 *   table pointer, a pair of `v`, n: no size. `Ibs`: byte, sign-extended to the operand size.
 * - AL, rAX, CL, DX, eAX and the digits `1`, `3` are themselves.
 */

export type OperandPlace =
  | "rm" // E, and W, Q with their register files
  | "reg" // G, V, P, S, C, D
  | "opcode" // Z
  | "vvvv" // H, B
  | "is4" // L
  | "fixed" // AL, rAX, CL, DX
  | "immediate"
  | "constant" // 1, 3
  | "relative"
  | "offset" // O
  | "far"; // A

export type RegisterFile = "general" | "segment" | "control" | "debug" | "xmm" | "mmx" | "x87";

/** One operand of a row. `size` 0: the operand size of the instruction; -1: 4 or 8 by REX.W; -2: none. */
export interface OperandForm {
  readonly text: string;
  readonly place: OperandPlace;
  readonly file: RegisterFile;
  readonly size: number;
  /** Fixed registers: number; constants: value. */
  readonly value: number;
  /** Immediates: bytes in the instruction; 0: operand size, at most 4; -1: operand size. */
  readonly immediateBytes: number;
  /** Whether ModRM.rm may be memory, may be a register. */
  readonly memory: boolean;
  readonly register: boolean;
}

/** What a VEX prefix must say; undefined: whatever it says. */
export interface VexForm {
  readonly length?: 128 | 256;
  readonly w?: 0 | 1;
}

export interface OpcodeRow {
  readonly text: string;
  /** 0: one byte, 1: after 0F, 2: after 0F 38, 3: after 0F 3A. */
  readonly map: 0 | 1 | 2 | 3;
  readonly opcode: number;
  /** Mandatory prefix: 0x66, 0xf2, 0xf3; 0: none of them; undefined: any. */
  readonly prefix?: number;
  readonly vex?: VexForm;
  readonly digit?: number;
  readonly modrmByte?: number;
  readonly mod?: "mem" | "reg";
  readonly hasModrm: boolean;
  readonly registerInOpcode: boolean;
  readonly condition: number;
  readonly operands: readonly OperandForm[];
}

const sizes: Record<string, number> = {
  b: 1,
  w: 2,
  d: 4,
  q: 8,
  t: 10,
  x: 16,
  dq: 16,
  ps: 16,
  pd: 16,
  ss: 4,
  sd: 8,
  si: 4,
  v: 0,
  y: -1,
  z: 0,
  n: -2,
  p: -2,
  s: -2,
  a: -2,
};
const fixed: Record<string, readonly [register: number, size: number]> = {
  AL: [0, 1],
  rAX: [0, 0],
  CL: [1, 1],
  DX: [2, 2],
  eAX: [0, 4],
  AX: [0, 2],
};

const vectorSizes = new Set(["x", "ps", "pd"]);

function parseOperand(text: string, vectorBytes: number): OperandForm {
  const base = { text, value: 0, immediateBytes: 0, memory: false, register: false, file: "general" as RegisterFile };
  if (text in fixed) return { ...base, place: "fixed", size: fixed[text][1], value: fixed[text][0], register: true };
  if (text === "1" || text === "3") return { ...base, place: "constant", size: 1, value: Number(text) };
  const letter = text[0];
  const suffix = text.slice(1);
  if (letter === "I") {
    if (suffix === "bs") return { ...base, place: "immediate", size: 0, immediateBytes: 1 };
    if (suffix === "z") return { ...base, place: "immediate", size: 0, immediateBytes: 0 };
    if (suffix === "v") return { ...base, place: "immediate", size: 0, immediateBytes: -1 };
    return { ...base, place: "immediate", size: sizes[suffix], immediateBytes: sizes[suffix] };
  }
  if (letter === "J") return { ...base, place: "relative", size: 0, immediateBytes: suffix === "bs" ? 1 : 0 };
  const size = vectorSizes.has(suffix) ? vectorBytes : sizes[suffix];
  if (size === undefined) throw new Error(`operand ${text}: unknown size`);
  switch (letter) {
    case "E":
      return { ...base, place: "rm", size, memory: true, register: true };
    case "M":
      return { ...base, place: "rm", size, memory: true };
    case "R":
      return { ...base, place: "rm", size, register: true };
    case "G":
      return { ...base, place: "reg", size, register: true };
    case "Z":
      return { ...base, place: "opcode", size, register: true };
    case "O":
      return { ...base, place: "offset", size, memory: true };
    case "A":
      return { ...base, place: "far", size };
    case "S":
      return { ...base, place: "reg", size, file: "segment" };
    case "C":
      return { ...base, place: "reg", size, file: "control" };
    case "D":
      return { ...base, place: "reg", size, file: "debug" };
    case "V":
      return { ...base, place: "reg", size, file: "xmm", register: true };
    case "W":
      return { ...base, place: "rm", size, file: "xmm", memory: true, register: true };
    case "U":
      return { ...base, place: "rm", size, file: "xmm", register: true };
    case "H":
      return { ...base, place: "vvvv", size, file: "xmm", register: true };
    case "B":
      return { ...base, place: "vvvv", size, register: true };
    case "L":
      return { ...base, place: "is4", size, file: "xmm", register: true };
    case "P":
      return { ...base, place: "reg", size, file: "mmx", register: true };
    case "Q":
      return { ...base, place: "rm", size, file: "mmx", memory: true, register: true };
    case "N":
      return { ...base, place: "rm", size, file: "mmx", register: true };
    case "T":
      return { ...base, place: "rm", size, file: "x87", register: true };
    default:
      throw new Error(`operand ${text}: unknown letter`);
  }
}

/** Parses one row; `+cc` gives sixteen. */
export function parseRow(text: string): OpcodeRow[] {
  const words = text.trim().split(/\s+/);
  let prefix: number | undefined;
  let map: OpcodeRow["map"] = 0;
  let vex: VexForm | undefined;
  if (words[0].startsWith("VEX.")) {
    const [, length, pp, mapName, w] = (words.shift() ?? "").split(".");
    prefix = pp === "NP" ? 0 : Number.parseInt(pp, 16);
    map = mapName === "0F" ? 1 : mapName === "0F38" ? 2 : 3;
    vex = {
      ...(length === "LIG" ? {} : { length: length === "256" ? 256 : 128 }),
      ...(w === undefined ? {} : { w: w === "W1" ? 1 : 0 }),
    };
  }
  if (/^(66|F2|F3|NP)$/.test(words[0]) && words.length > 1 && /^[0-9A-F]{2}/.test(words[1])) {
    prefix = words[0] === "NP" ? 0 : Number.parseInt(words[0], 16);
    words.shift();
  }
  const bytes: number[] = [];
  let registerInOpcode = false;
  let conditional = false;
  while (words.length && /^[0-9A-F]{2}(\+r|\+cc)?$/.test(words[0])) {
    const word = words.shift() ?? "";
    bytes.push(Number.parseInt(word.slice(0, 2), 16));
    registerInOpcode = word.endsWith("+r");
    conditional = word.endsWith("+cc");
  }
  if (vex === undefined && bytes[0] === 0x0f) {
    bytes.shift();
    const second = bytes.length > 1 ? bytes.at(0) : 0;
    map = second === 0x38 ? 2 : second === 0x3a ? 3 : 1;
    if (map > 1) bytes.shift();
  }
  if (bytes.length !== 1) throw new Error(`row "${text}": one opcode byte expected`);
  let digit: number | undefined;
  let mod: OpcodeRow["mod"];
  let modrmByte: number | undefined;
  while (words.length && /^(\/\d|mem|reg|=..)$/.test(words[0])) {
    const word = words.shift() ?? "";
    if (word.startsWith("/")) digit = Number(word[1]);
    else if (word.startsWith("=")) modrmByte = Number.parseInt(word.slice(1), 16);
    else mod = word as "mem" | "reg";
  }
  const operands = words.length
    ? words
        .join("")
        .split(",")
        .map((operand) => parseOperand(operand, vex?.length === 256 ? 32 : 16))
    : [];
  for (const operand of operands) {
    if (operand.place !== "rm") continue;
    if (!operand.register) mod = "mem";
    if (!operand.memory) mod = "reg";
  }
  const hasModrm =
    digit !== undefined ||
    modrmByte !== undefined ||
    mod !== undefined ||
    operands.some((o) => o.place === "rm" || o.place === "reg");
  const row = {
    text,
    map,
    prefix,
    ...(vex ? { vex } : {}),
    digit,
    mod,
    modrmByte,
    hasModrm,
    registerInOpcode,
    operands,
  };
  if (!conditional) return [{ ...row, opcode: bytes[0], condition: 0 }];
  return Array.from({ length: 16 }, (_, condition) => ({ ...row, opcode: bytes[0] + condition, condition }));
}
