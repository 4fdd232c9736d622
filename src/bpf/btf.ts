/**
 * BTF, the type information of BPF objects and kernels: reading it, finding types by name, sizes, members, and printing types as C.
 * Follows Documentation/bpf/btf.rst and `<linux/btf.h>`.
 */

export const BTF_MAGIC = 0xeb9f;
/** Linkage of functions. */
export const BTF_FUNC_STATIC = 0;
export const BTF_FUNC_GLOBAL = 1;

/** Kinds by number, named as BTF_KIND_. */
export const BTF_KINDS = [
  "void",
  "int",
  "ptr",
  "array",
  "struct",
  "union",
  "enum",
  "fwd",
  "typedef",
  "volatile",
  "const",
  "restrict",
  "func",
  "func_proto",
  "var",
  "datasec",
  "float",
  "decl_tag",
  "type_tag",
  "enum64",
] as const;

export type BtfKind = (typeof BTF_KINDS)[number];

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** From the start of the structure. */
  readonly bitOffset: number;
  /** 0: not a bit field. */
  readonly bitSize: number;
}

interface Named {
  readonly id: number;
  readonly name: string;
}

/** One type. `type` is the number of another type; 0 is void. */
export type BtfType = Named &
  (
    | { readonly kind: "void" }
    | {
        readonly kind: "int";
        readonly size: number;
        readonly bits: number;
        readonly signed: boolean;
        readonly bool: boolean;
      }
    | { readonly kind: "float"; readonly size: number }
    | {
        readonly kind: "ptr" | "typedef" | "volatile" | "const" | "restrict" | "type_tag" | "func" | "var" | "decl_tag";
        readonly type: number;
        /** func and var: BTF_FUNC_/BTF_VAR_ linkage (0 static, 1 global, 2 extern); decl_tag: component index. */
        readonly linkage: number;
      }
    | { readonly kind: "array"; readonly type: number; readonly count: number }
    | { readonly kind: "struct" | "union"; readonly size: number; readonly members: readonly BtfMember[] }
    | {
        readonly kind: "enum" | "enum64";
        readonly size: number;
        readonly signed: boolean;
        readonly values: readonly { readonly name: string; readonly value: bigint }[];
      }
    | { readonly kind: "fwd"; readonly union: boolean }
    | {
        readonly kind: "func_proto";
        readonly type: number;
        readonly parameters: readonly { readonly name: string; readonly type: number }[];
      }
    | {
        readonly kind: "datasec";
        readonly size: number;
        readonly variables: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
      }
  );

export class BtfError extends Error {}

/** All types of a .BTF section (or /sys/kernel/btf/vmlinux). */
export class Btf {
  readonly types: readonly BtfType[];
  readonly #strings: Uint8Array;
  readonly #byName = new Map<string, BtfType[]>();

  /** @throws BtfError saying what is damaged */
  constructor(bytes: Uint8Array) {
    this.types = readTypes(bytes);
    this.#strings = stringSection(bytes);
    for (const type of this.types) {
      if (type.name === "") continue;
      const same = this.#byName.get(type.name);
      if (same === undefined) this.#byName.set(type.name, [type]);
      else same.push(type);
    }
  }

  /** Type by number. @throws BtfError if there is none */
  type(id: number): BtfType {
    const type = this.types[id];
    if (type === undefined) throw new BtfError(`BTF type ${id} does not exist`);
    return type;
  }

  /** A string of the string section by its offset, or undefined if that lies outside. */
  string(offset: number): string | undefined {
    if (offset < 0 || offset >= this.#strings.length) return undefined;
    return new TextDecoder().decode(this.#strings.subarray(offset, this.#strings.indexOf(0, offset)));
  }

  /** The first type of this name, of one of these kinds if any are given. */
  find(name: string, ...kinds: BtfKind[]): BtfType | undefined {
    return this.#byName.get(name)?.find(({ kind }) => kinds.length === 0 || kinds.includes(kind));
  }

  /** The type behind typedefs and qualifiers. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; depth < 32; depth++) {
      switch (type.kind) {
        case "typedef":
        case "volatile":
        case "const":
        case "restrict":
        case "type_tag":
          type = this.type(type.type);
          break;
        default:
          return type;
      }
    }
    throw new BtfError(`BTF type ${id} goes in a circle`);
  }

  /** sizeof. @throws BtfError for types without a size */
  size(id: number): number {
    const type = this.resolve(id);
    switch (type.kind) {
      case "ptr":
        return 8;
      case "int":
      case "float":
      case "struct":
      case "union":
      case "enum":
      case "enum64":
      case "datasec":
        return type.size;
      case "array":
        return type.count * this.size(type.type);
      default:
        throw new BtfError(`BTF type ${id} (${type.kind}) has no size`);
    }
  }

  /**
   * Where a field of a structure lies, by a path such as "fs_info.sectorsize" or "name[2]"; members of anonymous
   * structures are found as if they were the structure's own. Pointers are not followed.
   */
  field(
    structure: number,
    path: string,
  ): { readonly type: number; readonly bitOffset: number; readonly bitSize: number } {
    let type = structure;
    let bitOffset = 0;
    let bitSize = 0;
    for (const part of path.match(/[^.[\]]+/g) ?? []) {
      const resolved = this.resolve(type);
      if (resolved.kind === "array" && /^\d+$/.test(part)) {
        type = resolved.type;
        bitOffset += 8 * Number(part) * this.size(type);
        bitSize = 0;
        continue;
      }
      const member = this.#member(resolved, part);
      if (member === undefined) throw new BtfError(`${resolved.kind} ${resolved.name} has no field ${part}`);
      type = member.type;
      bitOffset += member.bitOffset;
      bitSize = member.bitSize;
    }
    return { type, bitOffset, bitSize };
  }

  #member(type: BtfType, name: string): BtfMember | undefined {
    if (type.kind !== "struct" && type.kind !== "union") return undefined;
    for (const member of type.members) {
      if (member.name === name) return member;
      if (member.name !== "") continue;
      const inner = this.#member(this.resolve(member.type), name);
      if (inner !== undefined) return { ...inner, bitOffset: inner.bitOffset + member.bitOffset };
    }
    return undefined;
  }

  /** The type as C writes it, with `declarator` (a name, or nothing) in its place: `int (*f)(void)`. */
  toC(id: number, declarator = ""): string {
    const type = this.type(id);
    const after = declarator === "" || declarator.startsWith("[") ? declarator : ` ${declarator}`;
    switch (type.kind) {
      case "void":
        return `void${after}`;
      case "struct":
      case "union":
        return `${type.kind} ${type.name || "{ ... }"}${after}`;
      case "fwd":
        return `${type.union ? "union" : "struct"} ${type.name}${after}`;
      case "enum":
      case "enum64":
        return `enum ${type.name || "{ ... }"}${after}`;
      case "const":
      case "volatile":
      case "restrict": {
        if (this.type(type.type).kind === "ptr") return this.toC(type.type, `${type.kind}${after}`);
        return `${type.kind} ${this.toC(type.type, declarator)}`;
      }
      case "type_tag":
        return this.toC(type.type, declarator);
      case "ptr": {
        const target = this.type(type.type).kind;
        const inner = `*${declarator}`;
        return this.toC(type.type, target === "array" || target === "func_proto" ? `(${inner})` : inner);
      }
      case "array":
        return this.toC(type.type, `${declarator}[${type.count}]`);
      case "func_proto": {
        const parameters = type.parameters.map(({ name, type: parameter }) =>
          parameter === 0 ? "..." : this.toC(parameter, name),
        );
        return this.toC(type.type, `${declarator}(${parameters.join(", ") || "void"})`);
      }
      case "func":
        return this.toC(type.type, type.name);
      case "var":
        return this.toC(type.type, type.name);
      default:
        return `${type.name}${after}`;
    }
  }
}

/** The strings of BTF whose header has been read before. */
function stringSection(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = view.getUint32(4, true) + view.getUint32(16, true);
  return bytes.subarray(start, start + view.getUint32(20, true));
}

function readTypes(bytes: Uint8Array): BtfType[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 24) throw new BtfError(`BTF of ${bytes.length} bytes: shorter than its header`);
  const magic = view.getUint16(0, true);
  if (magic !== BTF_MAGIC) throw new BtfError(`BTF magic is 0x${magic.toString(16)}, expected 0xeb9f`);
  const header = view.getUint32(4, true);
  const typesStart = header + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const stringsStart = header + view.getUint32(16, true);
  const stringsEnd = stringsStart + view.getUint32(20, true);
  if (typesEnd > bytes.length || stringsEnd > bytes.length) throw new BtfError("BTF is truncated");
  const decoder = new TextDecoder();
  const name = (offset: number): string => {
    const start = stringsStart + offset;
    if (start >= stringsEnd) throw new BtfError(`BTF name at ${offset} is outside of the strings`);
    const end = bytes.indexOf(0, start);
    return decoder.decode(bytes.subarray(start, end));
  };

  const types: BtfType[] = [{ id: 0, name: "void", kind: "void" }];
  let at = typesStart;
  const u32 = (offset: number): number => view.getUint32(offset, true);
  while (at < typesEnd) {
    if (at + 12 > typesEnd) throw new BtfError("BTF is truncated in a type");
    const id = types.length;
    const info = u32(at + 4);
    const vlen = info & 0xffff;
    const kindFlag = info >>> 31 === 1;
    const kind = BTF_KINDS[(info >> 24) & 0x1f];
    const sizeOrType = u32(at + 8);
    const common = { id, name: name(u32(at)) };
    const body = at + 12;
    const extra = extraBytes(kind, vlen);
    if (body + extra > typesEnd) throw new BtfError(`BTF is truncated in type ${id}`);
    at = body + extra;
    const entries = <T>(size: number, read: (offset: number) => T): T[] =>
      Array.from({ length: vlen }, (_, index) => read(body + index * size));
    switch (kind) {
      case "int": {
        const encoding = u32(body);
        types.push({
          ...common,
          kind,
          size: sizeOrType,
          bits: encoding & 0xff,
          signed: (encoding & 0x0100_0000) !== 0,
          bool: (encoding & 0x0400_0000) !== 0,
        });
        break;
      }
      case "float":
        types.push({ ...common, kind, size: sizeOrType });
        break;
      case "ptr":
      case "typedef":
      case "volatile":
      case "const":
      case "restrict":
      case "type_tag":
        types.push({ ...common, kind, type: sizeOrType, linkage: 0 });
        break;
      case "func":
        types.push({ ...common, kind, type: sizeOrType, linkage: vlen });
        break;
      case "var":
      case "decl_tag":
        types.push({ ...common, kind, type: sizeOrType, linkage: u32(body) });
        break;
      case "array":
        types.push({ ...common, kind, type: u32(body), count: u32(body + 8) });
        break;
      case "struct":
      case "union":
        types.push({
          ...common,
          kind,
          size: sizeOrType,
          members: entries(12, (entry) => {
            const offset = u32(entry + 8);
            return {
              name: name(u32(entry)),
              type: u32(entry + 4),
              bitOffset: kindFlag ? offset & 0xff_ffff : offset,
              bitSize: kindFlag ? offset >>> 24 : 0,
            };
          }),
        });
        break;
      case "enum":
        types.push({
          ...common,
          kind,
          size: sizeOrType,
          signed: kindFlag,
          values: entries(8, (entry) => ({
            name: name(u32(entry)),
            value: BigInt(kindFlag ? view.getInt32(entry + 4, true) : u32(entry + 4)),
          })),
        });
        break;
      case "enum64":
        types.push({
          ...common,
          kind,
          size: sizeOrType,
          signed: kindFlag,
          values: entries(12, (entry) => {
            const value = BigInt(u32(entry + 4)) | (BigInt(u32(entry + 8)) << 32n);
            return { name: name(u32(entry)), value: kindFlag ? BigInt.asIntN(64, value) : value };
          }),
        });
        break;
      case "fwd":
        types.push({ ...common, kind, union: kindFlag });
        break;
      case "func_proto":
        types.push({
          ...common,
          kind,
          type: sizeOrType,
          parameters: entries(8, (entry) => ({ name: name(u32(entry)), type: u32(entry + 4) })),
        });
        break;
      case "datasec":
        types.push({
          ...common,
          kind,
          size: sizeOrType,
          variables: entries(12, (entry) => ({ type: u32(entry), offset: u32(entry + 4), size: u32(entry + 8) })),
        });
        break;
      default:
        throw new BtfError(`BTF type ${id} has the unknown kind ${(info >> 24) & 0x1f}`);
    }
  }
  return types;
}

/** Bytes that follow the twelve common ones. */
function extraBytes(kind: BtfKind | undefined, vlen: number): number {
  switch (kind) {
    case "int":
    case "var":
    case "decl_tag":
      return 4;
    case "array":
      return 12;
    case "struct":
    case "union":
    case "datasec":
    case "enum64":
      return 12 * vlen;
    case "enum":
    case "func_proto":
      return 8 * vlen;
    default:
      return 0;
  }
}
