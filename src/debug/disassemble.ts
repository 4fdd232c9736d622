/**
 * Machine code as text, by capstone. Its WebAssembly build cuts addresses to 32 bits with sign, so everything is disassembled at a small base
 * and branch targets are moved to where they belong.
 */
import { Capstone, Const, loadCapstone } from "capstone-wasm";
import type { Symbols } from "./symbols.ts";

/** One instruction as text. */
export interface Instruction {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Mnemonic and operands in Intel syntax, with the names of branch targets and rip-relative addresses. */
  readonly text: string;
}

/** Turns bytes into instructions. */
export interface Disassembler {
  /** The first instruction of `bytes`, which lie at `address`; "(bad)" of one byte if there is none. */
  one(bytes: Uint8Array, address: bigint, bits?: 16 | 32 | 64): Instruction;
  /** All instructions of `bytes`. */
  all(bytes: Uint8Array, address: bigint, bits?: 16 | 32 | 64): Instruction[];
}

const BASE = 0x4000_0000;
const BRANCH = /^(?:j\w+|call|loop\w*|xbegin)$/;
const RELATIVE_MEMORY = /\[[re]ip (?:([+-]) (0x[0-9a-f]+|\d+))?\]/;

let loaded: Promise<void> | undefined;

/** Loads capstone (once) and returns a disassembler that names addresses by `symbols`. */
export async function loadDisassembler(symbols?: Symbols): Promise<Disassembler> {
  loaded ??= loadCapstone();
  await loaded;
  const engines = new Map<number, Capstone>();
  const engine = (bits: 16 | 32 | 64): Capstone => {
    const existing = engines.get(bits);
    if (existing !== undefined) return existing;
    const mode = bits === 64 ? Const.CS_MODE_64 : bits === 32 ? Const.CS_MODE_32 : Const.CS_MODE_16;
    const created = new Capstone(Const.CS_ARCH_X86, mode);
    engines.set(bits, created);
    return created;
  };

  const name = (address: bigint): string => {
    const text = `0x${address.toString(16)}`;
    const symbol = symbols?.describe(address);
    return symbol === undefined ? text : `${text} <${symbol}>`;
  };
  const one = (bytes: Uint8Array, address: bigint, bits: 16 | 32 | 64 = 64): Instruction => {
    const width = bits === 64 ? 64 : 32;
    let decoded: { size: number; mnemonic: string; opStr: string };
    try {
      // Capstone throws when it cannot decode.
      [decoded] = engine(bits).disasm(bytes, { address: BASE, count: 1 });
    } catch {
      return { address, bytes: bytes.subarray(0, 1), text: "(bad)" };
    }
    const { size, mnemonic, opStr } = decoded;
    let operands = opStr;
    if (BRANCH.test(mnemonic) && /^(0x[0-9a-f]+|\d+)$/.test(opStr)) {
      const offset = BigInt.asIntN(32, BigInt(opStr) - BigInt(BASE));
      operands = name(BigInt.asUintN(width, address + offset));
    }
    const relative = bits === 64 ? RELATIVE_MEMORY.exec(opStr) : null;
    if (relative !== null) {
      const displacement = BigInt(relative[2] ?? 0) * (relative[1] === "-" ? -1n : 1n);
      operands += `  # ${name(BigInt.asUintN(64, address + BigInt(size) + displacement))}`;
    }
    return { address, bytes: bytes.subarray(0, size), text: operands === "" ? mnemonic : `${mnemonic} ${operands}` };
  };
  const all = (bytes: Uint8Array, address: bigint, bits: 16 | 32 | 64 = 64): Instruction[] => {
    const instructions: Instruction[] = [];
    for (let position = 0; position < bytes.length; ) {
      const instruction = one(bytes.subarray(position), address + BigInt(position), bits);
      instructions.push(instruction);
      position += instruction.bytes.length;
    }
    return instructions;
  };
  return { one, all };
}
