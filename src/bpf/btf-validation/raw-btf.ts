/**
 * BTF as a loader handed it over, before anything about it is known to be right: header, strings, and types by their raw
 * fields, with the log that the checks write. Layout: Documentation/bpf/btf.rst, `<linux/btf.h>`.
 */
import { BTF_KINDS, type BtfKind } from "../btf.ts";
import { VerifierLog } from "../verifier/log.ts";

export const BTF_MAX_TYPE = 0x000f_ffff;
const BTF_MAX_NAME_OFFSET = 0x00ff_ffff;
const KSYM_NAME_LEN = 512;

export const EINVAL = 22;
export const E2BIG = 7;
export const EEXIST = 17;
export const ELOOP = 40;
export const ENOTSUPP = 524;

/** BTF that is refused, with a positive errno. */
export class BtfRejection extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** `struct btf_type`; `body` is where what follows it begins. */
export interface RawType {
  readonly nameOffset: number;
  readonly info: number;
  readonly kind: BtfKind;
  readonly vlen: number;
  readonly kindFlag: boolean;
  /** `size` or `type`, one field of a union. */
  readonly sizeOrType: number;
  readonly body: number;
}

export const VOID: RawType = { nameOffset: 0, info: 0, kind: "void", vlen: 0, kindFlag: false, sizeOrType: 0, body: 0 };

/** `struct btf_member`; `offset` holds a bit field's size in its upper byte if the structure has the kind flag. */
export interface RawMember {
  readonly nameOffset: number;
  readonly type: number;
  readonly offset: number;
}

/** `struct btf_var_secinfo` */
export interface RawVariable {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

export const memberBitOffset = (structure: RawType, offset: number): number =>
  structure.kindFlag ? offset & 0xff_ffff : offset;
export const memberBitfieldSize = (offset: number): number => offset >>> 24;

const isLetter = (c: number): boolean =>
  (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || (c >= 0xc0 && c !== 0xd7 && c !== 0xf7);
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;

export class RawBtf {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly log: VerifierLog;
  /** By number; 0 is void. */
  readonly types: RawType[] = [VOID];
  /** Where the strings lie in `bytes`. */
  strings = { start: 0, length: 0 };
  /** The type that messages are about. */
  current = 1;
  /** All types have been seen: what is shown of a structure again is shown for an error in it. */
  resolving = false;

  constructor(bytes: Uint8Array, logLevel: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.log = new VerifierLog(logLevel);
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }

  type(id: number): RawType | undefined {
    return this.types[id];
  }

  readType(at: number): RawType {
    const info = this.u32(at + 4);
    return {
      nameOffset: this.u32(at),
      info,
      kind: BTF_KINDS[(info >>> 24) & 0x1f] ?? "void",
      vlen: info & 0xffff,
      kindFlag: info >>> 31 === 1,
      sizeOrType: this.u32(at + 8),
      body: at + 12,
    };
  }

  member(type: RawType, index: number): RawMember {
    const at = type.body + 12 * index;
    return { nameOffset: this.u32(at), type: this.u32(at + 4), offset: this.u32(at + 8) };
  }

  variable(type: RawType, index: number): RawVariable {
    const at = type.body + 12 * index;
    return { type: this.u32(at), offset: this.u32(at + 4), size: this.u32(at + 8) };
  }

  /** `struct btf_param` of a func_proto, or name and value of an enumerator: two words each. */
  pair(type: RawType, index: number): { readonly nameOffset: number; readonly second: number } {
    const at = type.body + 8 * index;
    return { nameOffset: this.u32(at), second: this.u32(at + 4) };
  }

  array(type: RawType): { readonly type: number; readonly indexType: number; readonly count: number } {
    return { type: this.u32(type.body), indexType: this.u32(type.body + 4), count: this.u32(type.body + 8) };
  }

  // --- Names ---------------------------------------------------------------------------------------------------------

  isNameOffset(offset: number): boolean {
    return offset <= BTF_MAX_NAME_OFFSET && offset < this.strings.length;
  }

  /** The string at an offset, or undefined when that lies outside. */
  string(offset: number): string | undefined {
    if (offset >= this.strings.length) return undefined;
    const start = this.strings.start + offset;
    return Buffer.from(this.bytes.subarray(start, this.bytes.indexOf(0, start))).toString("latin1");
  }

  /** As messages show it. */
  name(offset: number): string {
    return offset === 0 ? "(anon)" : (this.string(offset) ?? "(invalid-name-offset)");
  }

  /** A C identifier, or a section's name: letters, digits, underscores and dots, no digit first. */
  isIdentifier(offset: number): boolean {
    const name = this.string(offset) ?? "";
    if (name.length === 0 || name.length > KSYM_NAME_LEN) return false;
    for (let i = 0; i < name.length; i++) {
      const c = name.charCodeAt(i);
      const isOther = c === 0x5f || c === 0x2e;
      if (!isOther && !isLetter(c) && (i === 0 || !isDigit(c))) return false;
    }
    return true;
  }

  // --- Messages ------------------------------------------------------------------------------------------------------

  /** Refuses; what is given is written as it is (Linux ends some of its messages without a newline). */
  reject(message: string, errno: number = EINVAL): never {
    this.log.write(message);
    throw new BtfRejection(errno);
  }

  /** One line about the current type, with its details unless they cannot be read yet. */
  logType(type: RawType, message = "", details = true): void {
    if (this.log.level === 0) return;
    const kind = type.kind === "void" ? "UNKNOWN" : type.kind.toUpperCase();
    const shown = details ? ` ${this.#details(type)}` : "";
    const behind = message === "" ? "" : ` ${message}`;
    this.log.write(`[${this.current}] ${kind} ${this.name(type.nameOffset)}${shown}${behind}\n`);
  }

  rejectType(type: RawType, message: string, errno: number = EINVAL): never {
    this.logType(type, message);
    throw new BtfRejection(errno);
  }

  rejectBasic(type: RawType, message: string): never {
    this.logType(type, message, false);
    throw new BtfRejection(EINVAL);
  }

  logMember(structure: RawType, member: RawMember, message = ""): void {
    if (this.log.level === 0) return;
    if (this.resolving) this.logType(structure);
    const bitField = structure.kindFlag ? ` bitfield_size=${memberBitfieldSize(member.offset)}` : "";
    const at = memberBitOffset(structure, member.offset);
    const behind = message === "" ? "" : ` ${message}`;
    this.log.write(`\t${this.name(member.nameOffset)} type_id=${member.type}${bitField} bits_offset=${at}${behind}\n`);
  }

  rejectMember(structure: RawType, member: RawMember, message: string): never {
    this.logMember(structure, member, message);
    throw new BtfRejection(EINVAL);
  }

  logVariable(section: RawType, variable: RawVariable, message = ""): void {
    if (this.log.level === 0) return;
    if (this.resolving) this.logType(section);
    const behind = message === "" ? "" : ` ${message}`;
    this.log.write(`\t type_id=${variable.type} offset=${variable.offset} size=${variable.size}${behind}\n`);
  }

  rejectVariable(section: RawType, variable: RawVariable, message: string): never {
    this.logVariable(section, variable, message);
    throw new BtfRejection(EINVAL);
  }

  #details(type: RawType): string {
    switch (type.kind) {
      case "int": {
        const data = this.u32(type.body);
        const encodings: Readonly<Record<number, string>> = { 0: "(none)", 1: "SIGNED", 2: "CHAR", 4: "BOOL" };
        const encoding = encodings[(data >>> 24) & 0xf] ?? "UNKN";
        return `size=${type.sizeOrType} bits_offset=${(data >>> 16) & 0xff} nr_bits=${data & 0xff} encoding=${encoding}`;
      }
      case "array": {
        const array = this.array(type);
        return `type_id=${array.type} index_type_id=${array.indexType} nr_elems=${array.count}`;
      }
      case "struct":
      case "union":
      case "enum":
      case "enum64":
      case "datasec":
        return `size=${type.sizeOrType} vlen=${type.vlen}`;
      case "fwd":
        return type.kindFlag ? "union" : "struct";
      case "float":
        return `size=${type.sizeOrType}`;
      case "func_proto":
        return `return=${type.sizeOrType} args=(${this.#parameters(type)})`;
      case "var":
        return `type_id=${type.sizeOrType} linkage=${this.u32(type.body)}`;
      case "decl_tag":
        return `type=${type.sizeOrType} component_idx=${this.u32(type.body) | 0}`;
      default:
        return `type_id=${type.sizeOrType}`;
    }
  }

  #parameters(type: RawType): string {
    if (type.vlen === 0) return "void";
    const shown = Array.from({ length: type.vlen }, (_, index) => {
      const { nameOffset, second } = this.pair(type, index);
      // Only the last one, unless it is the first of several, stands for "...".
      const isVararg = second === 0 && index === type.vlen - 1;
      return isVararg ? "vararg" : `${second} ${this.name(nameOffset)}`;
    });
    return shown.join(", ");
  }
}
