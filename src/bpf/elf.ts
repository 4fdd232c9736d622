/**
 * Reads BPF object files (ELF64, EM_BPF, as clang -target bpf writes them): programs with the functions that they call, maps, global
 * variables, licence. Follows Documentation/bpf/llvm_reloc.rst and, for what sections mean, libbpf.
 */
import { Btf } from "./btf.ts";
import * as isa from "./isa.ts";

const EM_BPF = 247;
const ET_REL = 1;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const STT_SECTION = 3;
const STB_LOCAL = 0;
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_RDONLY_PROG = 1 << 7;

export interface BpfMapDefinition {
  readonly name: string;
  /** BPF_MAP_TYPE_ */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** A section of global variables: the bytes that its one value starts with. */
  readonly initial?: Uint8Array;
}

export interface BpfObjectProgram {
  readonly name: string;
  /** "kprobe/open_ctree" */
  readonly section: string;
  /**
   * The program and the functions that it calls. References to maps have `src` BPF_PSEUDO_MAP_IDX or, for variables,
   * BPF_PSEUDO_MAP_IDX_VALUE, and an index into `maps` in `imm`.
   */
  readonly instructions: readonly isa.Instruction[];
}

export interface BpfObject {
  readonly license: string | undefined;
  readonly version: number | undefined;
  readonly maps: readonly BpfMapDefinition[];
  readonly programs: readonly BpfObjectProgram[];
  readonly btf: Btf | undefined;
}

export class BpfObjectError extends Error {}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly size: number;
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
}

interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  readonly bind: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function stringAt(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end < 0 ? bytes.length : end));
}

function readSections(bytes: Uint8Array): Section[] {
  if (bytes.length < 64 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw new BpfObjectError("not an ELF file");
  }
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new BpfObjectError("not a 64-bit little-endian ELF file");
  const view = viewOf(bytes);
  const machine = view.getUint16(18, true);
  if (machine !== EM_BPF) throw new BpfObjectError(`made for machine ${machine}, not for BPF (${EM_BPF})`);
  if (view.getUint16(16, true) !== ET_REL) throw new BpfObjectError("not a relocatable object file");
  const table = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  const names = view.getUint16(62, true);
  if (table + count * 64 > bytes.length)
    throw new BpfObjectError("truncated: the section table is not inside the file");
  const raw = Array.from({ length: count }, (_, index) => {
    const at = table + index * 64;
    const type = view.getUint32(at + 4, true);
    const offset = Number(view.getBigUint64(at + 24, true));
    const size = Number(view.getBigUint64(at + 32, true));
    if (type !== SHT_NOBITS && type !== 0 && offset + size > bytes.length) {
      throw new BpfObjectError(`truncated: section ${index} is not inside the file`);
    }
    return {
      nameOffset: view.getUint32(at, true),
      type,
      flags: Number(view.getBigUint64(at + 8, true) & 0xffff_ffffn),
      size,
      data: type === SHT_NOBITS || type === 0 ? new Uint8Array(0) : bytes.subarray(offset, offset + size),
      link: view.getUint32(at + 40, true),
      info: view.getUint32(at + 44, true),
    };
  });
  const strings = raw[names]?.data;
  if (strings === undefined) throw new BpfObjectError("no section names");
  return raw.map(({ nameOffset, ...section }) => ({ ...section, name: stringAt(strings, nameOffset) }));
}

function readSymbols(sections: readonly Section[]): ElfSymbol[] {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  const strings = table && sections[table.link]?.data;
  if (table === undefined || strings === undefined) throw new BpfObjectError("no symbol table");
  const view = viewOf(table.data);
  return Array.from({ length: Math.floor(table.data.length / 24) }, (_, index) => {
    const at = index * 24;
    const info = view.getUint8(at + 4);
    const section = view.getUint16(at + 6, true);
    const type = info & 15;
    return {
      name: type === STT_SECTION ? (sections[section]?.name ?? "") : stringAt(strings, view.getUint32(at, true)),
      type,
      bind: info >> 4,
      section,
      value: Number(view.getBigUint64(at + 8, true)),
      size: Number(view.getBigUint64(at + 16, true)),
    };
  });
}

/** Relocations by the section that they apply to. */
function readRelocations(sections: readonly Section[], symbols: readonly ElfSymbol[]): Map<number, Relocation[]> {
  const relocations = new Map<number, Relocation[]>();
  for (const section of sections) {
    if (section.type !== SHT_REL) continue;
    const view = viewOf(section.data);
    const list = relocations.get(section.info) ?? [];
    for (let at = 0; at + 16 <= section.data.length; at += 16) {
      const info = view.getBigUint64(at + 8, true);
      const symbol = symbols[Number(info >> 32n)];
      if (symbol === undefined) throw new BpfObjectError("a relocation has no symbol");
      list.push({ offset: Number(view.getBigUint64(at, true)), type: Number(info & 0xffff_ffffn), symbol });
    }
    relocations.set(section.info, list);
  }
  return relocations;
}

const isDataSection = (name: string): boolean => /^\.rodata|^\.data(\.|$)|^\.bss(\.|$)/.test(name);

/** `__uint(name, value)` declares `int (*name)[value]`, `__type(name, T)` declares `T *name`. */
function mapFromBtf(btf: Btf, name: string): Omit<BpfMapDefinition, "name"> {
  const variable = btf.find(name, "var");
  const definition = variable?.kind === "var" ? btf.resolve(variable.type) : undefined;
  if (definition?.kind !== "struct") throw new BpfObjectError(`map ${name}: .BTF does not say what it is`);
  const attributes = { type: 0, key_size: 0, value_size: 0, max_entries: 0, map_flags: 0 };
  for (const member of definition.members) {
    const pointer = btf.resolve(member.type);
    if (pointer.kind !== "ptr") throw new BpfObjectError(`map ${name}: attribute ${member.name} is not understood`);
    const target = pointer.type === 0 ? undefined : btf.resolve(pointer.type);
    if (member.name === "key" || member.name === "value") {
      attributes[`${member.name}_size`] = btf.size(pointer.type);
    } else if (member.name in attributes && target?.kind === "array") {
      attributes[member.name as keyof typeof attributes] = target.count;
    } else if (!["pinning", "map_extra", "numa_node", "values"].includes(member.name)) {
      throw new BpfObjectError(`map ${name}: attribute ${member.name} is not understood`);
    }
  }
  return {
    type: attributes.type,
    keySize: attributes.key_size,
    valueSize: attributes.value_size,
    maxEntries: attributes.max_entries,
    flags: attributes.map_flags,
  };
}

/** struct bpf_map_def of the old "maps" sections. */
function oldMap(section: Section, symbol: ElfSymbol): Omit<BpfMapDefinition, "name"> {
  const bytes = section.data.subarray(symbol.value, symbol.value + symbol.size);
  if (bytes.length < 16) {
    throw new BpfObjectError(`map ${symbol.name}: its definition has ${bytes.length} bytes, at least 16 are needed`);
  }
  const view = viewOf(bytes);
  return {
    type: view.getUint32(0, true),
    keySize: view.getUint32(4, true),
    valueSize: view.getUint32(8, true),
    maxEntries: view.getUint32(12, true),
    flags: bytes.length >= 20 ? view.getUint32(16, true) : 0,
  };
}

/** Where maps were defined, to find them again from relocations. */
interface PlacedMap {
  readonly section: number;
  /** undefined: the whole section is the map. */
  readonly offset: number | undefined;
  readonly definition: BpfMapDefinition;
}

function readMaps(sections: readonly Section[], symbols: readonly ElfSymbol[], btf: Btf | undefined): PlacedMap[] {
  const maps: PlacedMap[] = [];
  for (const symbol of symbols) {
    const section = sections[symbol.section];
    if (symbol.type !== STT_OBJECT || section === undefined) continue;
    if (section.name === "maps") {
      maps.push({
        section: symbol.section,
        offset: symbol.value,
        definition: { name: symbol.name, ...oldMap(section, symbol) },
      });
    } else if (section.name === ".maps") {
      if (btf === undefined) throw new BpfObjectError("it has .maps but no .BTF; compile with -g");
      maps.push({
        section: symbol.section,
        offset: symbol.value,
        definition: { name: symbol.name, ...mapFromBtf(btf, symbol.name) },
      });
    }
  }
  for (const [index, section] of sections.entries()) {
    if ((section.flags & SHF_ALLOC) === 0 || section.size === 0 || !isDataSection(section.name)) continue;
    if (section.type !== SHT_PROGBITS && section.type !== SHT_NOBITS) continue;
    const initial = new Uint8Array(section.size);
    initial.set(section.data);
    maps.push({
      section: index,
      offset: undefined,
      definition: {
        name: section.name,
        type: BPF_MAP_TYPE_ARRAY,
        keySize: 4,
        valueSize: section.size,
        maxEntries: 1,
        flags: section.name.startsWith(".rodata") ? BPF_F_RDONLY_PROG : 0,
        initial,
      },
    });
  }
  return maps;
}

/** Puts programs together from their functions. */
class Linker {
  readonly #sections: readonly Section[];
  readonly #symbols: readonly ElfSymbol[];
  readonly #relocations: ReadonlyMap<number, readonly Relocation[]>;
  readonly #maps: readonly PlacedMap[];

  constructor(
    sections: readonly Section[],
    symbols: readonly ElfSymbol[],
    relocations: ReadonlyMap<number, readonly Relocation[]>,
    maps: readonly PlacedMap[],
  ) {
    this.#sections = sections;
    this.#symbols = symbols;
    this.#relocations = relocations;
    this.#maps = maps;
  }

  link(program: ElfSymbol): isa.Instruction[] {
    const output: isa.Instruction[] = [];
    const pieces: { section: number; offset: number; start: number; count: number }[] = [];
    const fail = (message: string): BpfObjectError => new BpfObjectError(`program ${program.name}: ${message}`);

    const place = (section: number, offset: number): number => {
      const placed = pieces.find((piece) => piece.section === section && piece.offset === offset);
      if (placed !== undefined) return placed.start;
      const symbol = this.#symbols.find(
        (candidate) => candidate.type === STT_FUNC && candidate.section === section && candidate.value === offset,
      );
      const where = `${this.#sections[section]?.name}+${offset}`;
      if (symbol === undefined) throw fail(`it calls something at ${where} that is no function`);
      const bytes = this.#sections[section].data.subarray(offset, offset + symbol.size);
      if (bytes.length !== symbol.size || bytes.length === 0 || bytes.length % isa.SLOT_SIZE !== 0) {
        throw fail(`the function at ${where} is not inside its section`);
      }
      const start = output.length;
      output.push(...isa.decodeInstructions(bytes));
      pieces.push({ section, offset, start, count: output.length - start });
      return start;
    };
    const call = (slot: number, section: number, offset: number): void => {
      output[slot] = { ...output[slot], imm: place(section, offset) - slot - 1 };
    };

    place(program.section, program.value);
    for (let index = 0; index < pieces.length; index++) {
      const { section, offset, start, count } = pieces[index];
      const done = new Set<number>();
      for (const relocation of this.#relocations.get(section) ?? []) {
        const slot = start + (relocation.offset - offset) / isa.SLOT_SIZE;
        if (relocation.offset < offset || slot >= start + count) continue;
        const insn = output[slot];
        const { symbol } = relocation;
        done.add(slot);
        if (symbol.section === 0 || this.#sections[symbol.section] === undefined) {
          throw fail(`${symbol.name} is not defined in this file`);
        }
        if (relocation.type === R_BPF_64_32 && insn.code === (isa.BPF_JMP | isa.BPF_CALL)) {
          const extra = symbol.type === STT_SECTION ? (insn.imm + 1) * isa.SLOT_SIZE : 0;
          call(slot, symbol.section, symbol.value + extra);
        } else if (relocation.type === R_BPF_64_64 && isa.isLdImm64(insn)) {
          this.#relocateLoad(output, slot, symbol, place, fail);
        } else {
          throw fail(`relocation of type ${relocation.type} at instruction ${slot} is not understood`);
        }
      }
      // Calls inside a section need no relocation.
      for (let slot = start; slot < start + count; slot++) {
        const insn = output[slot];
        if (isa.isLdImm64(insn)) slot++;
        else if (isa.isPseudoCall(insn) && !done.has(slot)) {
          call(slot, section, offset + (slot - start + insn.imm + 1) * isa.SLOT_SIZE);
        }
      }
    }
    return output;
  }

  #relocateLoad(
    output: isa.Instruction[],
    slot: number,
    symbol: ElfSymbol,
    place: (section: number, offset: number) => number,
    fail: (message: string) => BpfObjectError,
  ): void {
    const insn = output[slot];
    const target = symbol.value + (insn.imm >>> 0);
    if ((this.#sections[symbol.section].flags & SHF_EXECINSTR) !== 0) {
      const start = place(symbol.section, target);
      output[slot] = { ...output[slot], src: isa.BPF_PSEUDO_FUNC, imm: start - slot - 1 };
      return;
    }
    const index = this.#maps.findIndex(
      ({ section, offset }) => section === symbol.section && (offset === undefined || offset === target),
    );
    if (index < 0) throw fail(`${symbol.name} is neither a map nor a variable`);
    const byValue = this.#maps[index].offset === undefined;
    output[slot] = { ...insn, src: byValue ? isa.BPF_PSEUDO_MAP_IDX_VALUE : isa.BPF_PSEUDO_MAP_IDX, imm: index };
    output[slot + 1] = { ...output[slot + 1], imm: byValue ? target : 0 };
  }
}

/**
 * Reads an object file.
 * @throws BpfObjectError saying what is wrong, BtfError for damaged type information
 */
export function readBpfObject(bytes: Uint8Array): BpfObject {
  const sections = readSections(bytes);
  const symbols = readSymbols(sections);
  const find = (name: string): Section | undefined =>
    sections.find((section) => section.name === name && section.type === SHT_PROGBITS);
  const btfSection = find(".BTF");
  const btf = btfSection && new Btf(btfSection.data);
  const maps = readMaps(sections, symbols, btf);
  const linker = new Linker(sections, symbols, readRelocations(sections, symbols), maps);
  const programs = symbols
    .filter(({ type, bind, section }) => {
      const holder = sections[section];
      return type === STT_FUNC && bind !== STB_LOCAL && holder !== undefined && holder.name !== ".text";
    })
    .map((symbol) => ({
      name: symbol.name,
      section: sections[symbol.section].name,
      instructions: linker.link(symbol),
    }));
  const license = find("license");
  const version = find("version");
  return {
    license: license && stringAt(license.data, 0),
    version: version?.data.length === 4 ? viewOf(version.data).getUint32(0, true) : undefined,
    maps: maps.map(({ definition }) => definition),
    programs,
    btf,
  };
}
