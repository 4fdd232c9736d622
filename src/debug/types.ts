/**
 * Guest memory with types: structures, pointers and arrays of the guest's kernel by the names of its C source, as its type information
 * (BTF) describes them.
 */
import { Btf, BtfError, type BtfType } from "../bpf/btf.ts";
import type { Elf } from "../machine/elf.ts";
import { SessionError } from "./session-error.ts";
import type { Symbols } from "./symbols.ts";
import { formatValue } from "./type-format.ts";
import type { VirtualMemory } from "./virtual-memory.ts";

/** The kernel's BTF: what lies between the symbols with which Linux encloses it. Undefined if there is none. */
export function kernelBtf(elf: Elf): Btf | undefined {
  const ends = ["__start_BTF", "__stop_BTF"].map(
    (name) => elf.symbols().find((symbol) => symbol.name === name)?.address,
  );
  const [start, stop] = ends;
  if (start === undefined || stop === undefined || stop <= start) return undefined;
  for (const { virtualAddress, data } of elf.segments) {
    const offset = start - virtualAddress;
    if (offset < 0n || stop - virtualAddress > BigInt(data.length)) continue;
    try {
      return new Btf(data.subarray(Number(offset), Number(stop - virtualAddress)));
    } catch (error) {
      if (error instanceof BtfError) return undefined;
      throw error;
    }
  }
  return undefined;
}

/** Makes text of a value of one structure, in place of the general form. */
export type PrettyPrinter = (value: Value) => string;

/** Types by name, over the guest's memory. */
export class Types {
  readonly btf: Btf;
  readonly memory: VirtualMemory;
  readonly symbols: Symbols;
  /** By the structure's or typedef's name; scripts may add their own. */
  readonly printers = new Map<string, PrettyPrinter>();

  constructor(btf: Btf, memory: VirtualMemory, symbols: Symbols) {
    this.btf = btf;
    this.memory = memory;
    this.symbols = symbols;
  }

  /**
   * The type that C would call this: "struct task_struct" or just "task_struct", "u64", "unsigned long", with "*" for pointers and
   * "[n]" for arrays. Throws SessionError.
   */
  find(name: string): BtfType {
    const plain = name.trim().replace(/^(struct|union|enum)\s+/, "");
    const tag = /^(struct|union|enum)\s/.exec(name.trim())?.[1];
    const kinds =
      tag === undefined
        ? (["struct", "union", "typedef", "int", "enum", "enum64", "float"] as const)
        : tag === "enum"
          ? (["enum", "enum64"] as const)
          : ([tag === "struct" ? "struct" : "union"] as const);
    const found = this.btf.find(plain, ...kinds);
    if (found !== undefined) return found;
    const similar = this.btf.types
      .filter((type) => type.name.includes(plain) && plain !== "" && kinds.some((kind) => kind === type.kind))
      .slice(0, 5)
      .map((type) => type.name);
    throw new SessionError(`no type "${name}"${similar.length > 0 ? `; there is ${similar.join(", ")}` : ""}`);
  }

  /** What lies at `address`, as this type. */
  value(name: string, address: bigint): Value {
    return new Value(this, this.find(name).id, address);
  }

  /** Bytes that the type takes. Throws SessionError if there is no such type. */
  sizeof(name: string): number {
    return this.btf.size(this.find(name).id);
  }

  /** Bytes from the start of a structure to a field of it. */
  offsetof(name: string, field: string): number {
    return this.value(name, 0n).offsetOf(field);
  }

  /** The structure whose field `field` lies at `address`. */
  containerOf(address: bigint, name: string, field: string): Value {
    return this.value(name, BigInt.asUintN(64, address - BigInt(this.offsetof(name, field))));
  }

  /** The structures on a list (struct list_head) that are linked by their field `field`. `head` is the list's head itself. */
  *list(head: bigint, name: string, field: string, limit = 100_000): Generator<Value> {
    let at = this.memory.readUint(head, 8);
    for (let count = 0; at !== head && at !== 0n; count++) {
      if (count === limit)
        throw new SessionError(`the list at 0x${head.toString(16)} has no end after ${limit} entries`);
      // Read first: the caller may change the entry.
      const next = this.memory.readUint(at, 8);
      yield this.containerOf(at, name, field);
      at = next;
    }
  }
}

/** One object in guest memory. It is read anew each time. */
export class Value {
  readonly types: Types;
  readonly typeId: number;
  readonly address: bigint;
  /** Of a bit field, counted from `address`. */
  readonly bitOffset: number;
  /** 0: not a bit field. */
  readonly bitSize: number;

  constructor(types: Types, typeId: number, address: bigint, bitOffset = 0, bitSize = 0) {
    this.types = types;
    this.typeId = typeId;
    this.address = address;
    this.bitOffset = bitOffset;
    this.bitSize = bitSize;
  }

  /** Behind typedefs and qualifiers. */
  get type(): BtfType {
    return this.types.btf.resolve(this.typeId);
  }

  /** As C writes it: "struct task_struct *". */
  get typeName(): string {
    return this.types.btf.toC(this.typeId);
  }

  /** Bytes. */
  get size(): number {
    return this.types.btf.size(this.typeId);
  }

  /** Names of a structure's members; those of anonymous ones inside it among them. */
  get fieldNames(): string[] {
    const names = (type: BtfType): string[] =>
      type.kind !== "struct" && type.kind !== "union"
        ? []
        : type.members.flatMap((member) =>
            member.name === "" ? names(this.types.btf.resolve(member.type)) : [member.name],
          );
    return names(this.type);
  }

  /** Members with their values, in the structure's order. */
  get fields(): { readonly name: string; readonly value: Value }[] {
    return this.fieldNames.map((name) => ({ name, value: this.field(name) }));
  }

  /**
   * A field by its path: "comm", "cred.uid", "real_parent->comm", "blocked.sig[0]". Pointers on the way are followed, whether "." or
   * "->" is written. Throws SessionError for fields that do not exist.
   */
  field(path: string): Value {
    const { btf } = this.types;
    let value: Value = this;
    for (const part of path.match(/[^.[\]>-]+/g) ?? []) {
      let { type } = value;
      if (type.kind === "ptr") {
        value = value.deref();
        // An index on a pointer counts objects from where it points.
        if (/^\d+$/.test(part)) {
          value = value.at(Number(part));
          continue;
        }
        type = value.type;
      }
      try {
        const found = btf.field(value.typeId, part);
        const byte = BigInt(Math.floor(found.bitOffset / 8));
        const address = BigInt.asUintN(64, value.address + byte);
        value = new Value(this.types, found.type, address, found.bitOffset % 8, found.bitSize);
      } catch (error) {
        if (!(error instanceof BtfError)) throw error;
        const names = value.fieldNames;
        const hint =
          names.length > 0 ? `; it has ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", ..." : ""}` : "";
        throw new SessionError(`${value.typeName} has no field "${part}" (of "${path}")${hint}`);
      }
    }
    if (value === this && path.trim() !== "") throw new SessionError(`"${path}" names no field`);
    return value;
  }

  /** Bytes from this object's start to one of its fields; no pointer may be on the way. */
  offsetOf(path: string): number {
    try {
      return Math.floor(this.types.btf.field(this.typeId, path).bitOffset / 8);
    } catch (error) {
      if (error instanceof BtfError) throw new SessionError(`${this.typeName} has no field "${path}"`);
      throw error;
    }
  }

  /** The object `index` places further on: of an array's elements if this is an array, otherwise of this type. */
  at(index: number): Value {
    const { type } = this;
    const element = type.kind === "array" ? type.type : this.typeId;
    const address = this.address + BigInt(index * this.types.btf.size(element));
    return new Value(this.types, element, BigInt.asUintN(64, address));
  }

  /** The elements of an array. */
  get elements(): Value[] {
    const { type } = this;
    if (type.kind !== "array") throw new SessionError(`${this.typeName} is not an array`);
    return Array.from({ length: type.count }, (_, index) => this.at(index));
  }

  /** What a pointer points to. Throws SessionError if it is null or points to nothing that has a type. */
  deref(): Value {
    const { type } = this;
    if (type.kind !== "ptr") throw new SessionError(`${this.typeName} is not a pointer`);
    const target = this.value;
    if (target === 0n) throw new SessionError(`the ${this.typeName} at ${this.#where()} is null`);
    return new Value(this.types, type.type, target);
  }

  /** The same place as another type. */
  as(name: string): Value {
    return new Value(this.types, this.types.find(name).id, this.address);
  }

  /** A copy of its memory. Throws RangeError when that is not mapped. */
  bytes(): Uint8Array {
    return this.types.memory.read(this.address, this.size);
  }

  /** The number in an integer, enumeration or pointer; with its sign if its type has one. */
  get value(): bigint {
    const { type } = this;
    const size = this.size;
    const signed = (type.kind === "int" || type.kind === "enum" || type.kind === "enum64") && type.signed;
    if (type.kind !== "int" && type.kind !== "ptr" && type.kind !== "enum" && type.kind !== "enum64")
      throw new SessionError(`${this.typeName} is not a number; take one of its fields`);
    if (this.bitSize > 0) {
      const bytes = this.types.memory.read(this.address, Math.ceil((this.bitOffset + this.bitSize) / 8));
      const raw = bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n) >> BigInt(this.bitOffset);
      return signed ? BigInt.asIntN(this.bitSize, raw) : BigInt.asUintN(this.bitSize, raw);
    }
    const raw = this.types.memory.read(this.address, size).reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n);
    return signed ? BigInt.asIntN(size * 8, raw) : raw;
  }

  /** Writes the number, cut to the size of its type. Throws SessionError if the type is not a number. */
  set value(number: bigint) {
    const { type } = this;
    if (type.kind !== "int" && type.kind !== "ptr" && type.kind !== "enum" && type.kind !== "enum64")
      throw new SessionError(`${this.typeName} is not a number; set one of its fields`);
    const bits = this.bitSize > 0 ? this.bitSize : this.size * 8;
    const bytes = Math.ceil((this.bitOffset + bits) / 8);
    const old = this.types.memory.read(this.address, bytes).reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n);
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(this.bitOffset);
    let changed = (old & ~mask) | ((number << BigInt(this.bitOffset)) & mask);
    const data = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i++, changed >>= 8n) data[i] = Number(changed & 0xffn);
    this.types.memory.write(this.address, data);
  }

  /** {@link value} as a number; exact up to 2^53. */
  get number(): number {
    return Number(this.value);
  }

  /** The zero-terminated text of a char array, or where a char pointer points. */
  get text(): string {
    const { type } = this;
    if (type.kind === "array") return this.types.memory.readString(this.address, this.size);
    if (type.kind === "ptr") return this.types.memory.readString(this.deref().address);
    throw new SessionError(`${this.typeName} is not text`);
  }

  /** The value as C would write it, structures with their fields; `depth` says how many levels of structures. */
  format(depth = 2): string {
    return formatValue(this, depth);
  }

  /** {@link format} with its default depth. */
  toString(): string {
    return this.format();
  }

  #where(): string {
    return this.types.symbols.describe(this.address) ?? `0x${this.address.toString(16)}`;
  }
}
