/**
 * Reading ELF executables (System V ABI, chapters 4 and 5): segments to load, notes, symbols. 32-bit and 64-bit, little-endian,
 * x86 only; what does not fit is refused with what was found and what is needed.
 */
import { InputError } from "./input-error.ts";

const PT_LOAD = 1;
const PT_NOTE = 4;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const ET_EXEC = 2;
const ET_DYN = 3;
const EM_386 = 3;
const EM_X86_64 = 62;
const MACHINES: Readonly<Record<number, string>> = {
  2: "SPARC",
  3: "i386",
  8: "MIPS",
  20: "PowerPC",
  21: "PowerPC64",
  22: "S/390",
  40: "ARM",
  50: "IA-64",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
  247: "BPF",
  258: "LoongArch",
};

export interface ElfSegment {
  /** Where the segment is loaded: p_paddr. */
  readonly physicalAddress: number;
  readonly virtualAddress: bigint;
  readonly data: Uint8Array;
  /** Its size in memory; what the file does not fill is zero. */
  readonly memorySize: number;
}

export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** A symbol of .symtab (System V ABI, "Symbol Table"). */
export interface ElfSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: bigint;
  readonly type: "none" | "object" | "function" | "section" | "file" | "other";
  readonly binding: "local" | "global" | "weak" | "other";
}

/** What of an executable matters for loading and looking into it. */
export interface Elf {
  readonly bits: 32 | 64;
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
  readonly notes: readonly ElfNote[];
  /** Defined symbols of .symtab, in the file's order; empty if it was stripped. */
  symbols(): readonly ElfSymbol[];
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** Parses an executable. `name` is what error messages call it. Throws InputError. */
export function parseElf(bytes: Uint8Array, name: string): Elf {
  const fail = (what: string): InputError => new InputError(`${name}: ${what}`);
  if (!isElf(bytes)) throw fail(`not an ELF file (it begins with ${hexBytes(bytes.subarray(0, 4))})`);
  if (bytes.length < 52) throw fail(`truncated ELF header: ${bytes.length} bytes`);
  const bits = bytes[4] === 1 ? 32 : bytes[4] === 2 ? 64 : undefined;
  if (bits === undefined) throw fail(`ELF class ${bytes[4]}, expected 1 (32-bit) or 2 (64-bit)`);
  if (bytes[5] !== 1) throw fail("a big-endian ELF file, expected little-endian x86");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const machine = view.getUint16(18, true);
  const expected = bits === 64 ? EM_X86_64 : EM_386;
  if (machine !== expected)
    throw fail(`an ELF file for ${MACHINES[machine] ?? `machine ${machine}`} (${bits}-bit), expected x86-64 or i386`);
  const type = view.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN)
    throw fail(`ELF type ${type}${type === 1 ? " (an object file)" : ""}, expected an executable`);
  if (bits === 64 && bytes.length < 64) throw fail(`truncated ELF header: ${bytes.length} bytes`);

  /** A word of the class's size. */
  const word = (offset: number): bigint =>
    bits === 64 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
  const contents = (offset: bigint, size: bigint, what: string): Uint8Array => {
    if (offset + size > BigInt(bytes.length))
      throw fail(`truncated: ${what} ends at byte ${offset + size}, the file has ${bytes.length}`);
    return bytes.subarray(Number(offset), Number(offset + size));
  };

  const headers = (tableAt: number, sizeAt: number, minimum: number, what: string): number[] => {
    const table = word(tableAt);
    const size = view.getUint16(sizeAt, true);
    const count = view.getUint16(sizeAt + 2, true);
    if (count === 0) return [];
    if (size < minimum) throw fail(`${what} headers of ${size} bytes, expected at least ${minimum}`);
    contents(table, BigInt(size) * BigInt(count), `${what} header table`);
    return Array.from({ length: count }, (_, i) => Number(table) + i * size);
  };
  const wide = bits === 64;

  const segments: ElfSegment[] = [];
  const notes: ElfNote[] = [];
  for (const at of headers(wide ? 32 : 28, wide ? 54 : 42, wide ? 56 : 32, "program")) {
    const kind = view.getUint32(at, true);
    if (kind !== PT_LOAD && kind !== PT_NOTE) continue;
    const offset = word(at + (wide ? 8 : 4));
    const virtualAddress = word(at + (wide ? 16 : 8));
    const physicalAddress = word(at + (wide ? 24 : 12));
    const fileSize = word(at + (wide ? 32 : 16));
    const memorySize = word(at + (wide ? 40 : 20));
    const data = contents(offset, fileSize, `segment at 0x${physicalAddress.toString(16)}`);
    if (kind === PT_NOTE) notes.push(...parseNotes(data));
    else if (memorySize < fileSize)
      throw fail(`segment at 0x${physicalAddress.toString(16)} is smaller in memory than in the file`);
    else if (memorySize > 0n)
      segments.push({ physicalAddress: Number(physicalAddress), virtualAddress, data, memorySize: Number(memorySize) });
  }

  const symbols = (): ElfSymbol[] => {
    const result: ElfSymbol[] = [];
    const sections = headers(wide ? 40 : 32, wide ? 58 : 46, wide ? 64 : 40, "section");
    const section = (at: number) => ({
      type: view.getUint32(at + 4, true),
      offset: word(at + (wide ? 24 : 16)),
      size: word(at + (wide ? 32 : 20)),
      link: view.getUint32(at + (wide ? 40 : 24), true),
    });
    for (const at of sections) {
      const table = section(at);
      if (table.type !== SHT_SYMTAB) continue;
      const stringsAt = sections.at(table.link);
      if (stringsAt === undefined) throw fail(`symbol table names section ${table.link}, there are ${sections.length}`);
      const strings = section(stringsAt);
      if (strings.type === SHT_NOBITS) continue;
      const names = contents(strings.offset, strings.size, "string table");
      contents(table.offset, table.size, "symbol table");
      const size = wide ? 24 : 16;
      for (let entry = Number(table.offset); entry + size <= Number(table.offset + table.size); entry += size) {
        const info = bytes[entry + (wide ? 4 : 12)];
        const sectionIndex = view.getUint16(entry + (wide ? 6 : 14), true);
        const symbol = {
          name: text(names, view.getUint32(entry, true)),
          address: word(entry + (wide ? 8 : 4)),
          size: word(entry + (wide ? 16 : 8)),
          type: (["none", "object", "function", "section", "file"] as const)[info & 0xf] ?? "other",
          binding: (["local", "global", "weak"] as const)[info >> 4] ?? "other",
        };
        if (sectionIndex !== 0 && symbol.name !== "") result.push(symbol);
      }
    }
    return result;
  };
  return { bits, entry: word(24), segments, notes, symbols };
}

/** The notes of a segment (System V ABI, "Note Section"), padded to four bytes. */
function parseNotes(bytes: Uint8Array): ElfNote[] {
  const notes: ElfNote[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 12 <= bytes.length; ) {
    const ownerSize = view.getUint32(at, true);
    const descriptionSize = view.getUint32(at + 4, true);
    const description = at + 12 + Math.ceil(ownerSize / 4) * 4;
    if (description + descriptionSize > bytes.length) break;
    notes.push({
      owner: text(bytes.subarray(0, at + 12 + ownerSize), at + 12),
      type: view.getUint32(at + 8, true),
      description: bytes.subarray(description, description + descriptionSize),
    });
    at = description + Math.ceil(descriptionSize / 4) * 4;
  }
  return notes;
}

/** The zero-terminated string at `offset`. */
function text(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end < 0 ? bytes.length : end));
}

function hexBytes(bytes: Uint8Array): string {
  return bytes.length === 0 ? "nothing" : [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
