/** Guests of a few instructions: assembles text with keystone and wraps it in an ELF file with a PVH note. */
import { Const, Keystone, loadKeystone } from "keystone-wasm";

const LOAD_ADDRESS = 0x10_0000;
const HEADERS = 64 + 2 * 56;
const NOTE_BYTES = 20;

export interface TinyElfOptions {
  /** e_machine; x86-64 unless given. */
  readonly machine?: number;
  readonly loadAddress?: number;
  readonly withNote?: boolean;
  readonly memorySize?: number;
  /** Symbols of the code: name and offset. */
  readonly symbols?: Readonly<Record<string, number>>;
}

let keystone: Promise<void> | undefined;

/** Assembles Intel syntax. Labels work; comments do not. */
export async function assemble(text: string, bits: 16 | 32 | 64, address = LOAD_ADDRESS): Promise<Uint8Array> {
  keystone ??= loadKeystone();
  await keystone;
  const mode = bits === 64 ? Const.KS_MODE_64 : bits === 32 ? Const.KS_MODE_32 : Const.KS_MODE_16;
  const engine = new Keystone(Const.KS_ARCH_X86, mode);
  try {
    return Uint8Array.from(engine.asm(text, { address }));
  } finally {
    engine.close();
  }
}

/** An ELF64 executable whose PVH entry point is the first byte of `code`. */
export function tinyElf(code: Uint8Array, options: TinyElfOptions = {}): Uint8Array {
  const address = options.loadAddress ?? LOAD_ADDRESS;
  const names = Object.keys(options.symbols ?? {});
  const strings = Buffer.from(`\0${names.map((name) => `${name}\0`).join("")}`);
  const symbolTable = Buffer.alloc(24 * (names.length + 1));
  let at = 1;
  for (const [index, name] of names.entries()) {
    const entry = 24 * (index + 1);
    symbolTable.writeUInt32LE(at, entry);
    symbolTable[entry + 4] = 0x12; // global function
    symbolTable.writeUInt16LE(0xfff1, entry + 6); // absolute
    symbolTable.writeBigUInt64LE(BigInt(address + (options.symbols?.[name] ?? 0)), entry + 8);
    at += Buffer.byteLength(name) + 1;
  }
  const note = Buffer.alloc(NOTE_BYTES);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(4, 4);
  note.writeUInt32LE(options.withNote === false ? 99 : 18, 8);
  note.write("Xen\0", 12, "latin1");
  note.writeUInt32LE(address, 16);

  const codeAt = HEADERS + NOTE_BYTES;
  const symbolsAt = codeAt + code.length;
  const stringsAt = symbolsAt + symbolTable.length;
  const sectionsAt = stringsAt + strings.length;
  const header = Buffer.alloc(HEADERS);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(options.machine ?? 62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(address), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeBigUInt64LE(BigInt(sectionsAt), 40);
  for (const [offset, value] of [
    [52, 64],
    [54, 56],
    [56, 2],
    [58, 64],
    [60, 3],
  ])
    header.writeUInt16LE(value, offset);
  const segment = (
    index: number,
    type: number,
    offset: number,
    where: number,
    size: number,
    inMemory: number,
  ): void => {
    const base = 64 + 56 * index;
    header.writeUInt32LE(type, base);
    header.writeUInt32LE(7, base + 4);
    for (const [field, value] of [offset, where, where, size, inMemory].entries())
      header.writeBigUInt64LE(BigInt(value), base + 8 + 8 * field);
  };
  segment(0, 1, codeAt, address, code.length, options.memorySize ?? code.length);
  segment(1, 4, HEADERS, 0, NOTE_BYTES, NOTE_BYTES);

  const sections = Buffer.alloc(3 * 64);
  const section = (index: number, type: number, offset: number, size: number, link: number, entry: number): void => {
    const base = 64 * index;
    sections.writeUInt32LE(type, base + 4);
    sections.writeBigUInt64LE(BigInt(offset), base + 24);
    sections.writeBigUInt64LE(BigInt(size), base + 32);
    sections.writeUInt32LE(link, base + 40);
    sections.writeBigUInt64LE(BigInt(entry), base + 56);
  };
  section(1, 2, symbolsAt, symbolTable.length, 2, 24);
  section(2, 3, stringsAt, strings.length, 0, 0);
  return Buffer.concat([header, note, code, symbolTable, strings, sections]);
}

/** Prints `text` on COM1 and writes `code` to the debug-exit port: 32-bit code for a PVH entry. */
export function printAndExit(text: string, code: number): string {
  const print = [...Buffer.from(text)].map((byte) => `mov al, ${byte}; out dx, al`).join("; ");
  return `mov dx, 0x3f8; ${print}; mov eax, ${code}; mov dx, 0xf4; out dx, eax; hlt`;
}
