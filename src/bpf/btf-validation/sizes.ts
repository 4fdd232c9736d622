/** Classes of types, and how large types are once what they refer to has been resolved. */
import type { RawBtf, RawType } from "./raw-btf.ts";

const MODIFIERS: ReadonlySet<string> = new Set(["typedef", "volatile", "const", "restrict", "type_tag"]);
const NO_SIZE: ReadonlySet<string> = new Set(["void", "fwd", "func", "func_proto", "decl_tag"]);
const SOURCE_ONLY: ReadonlySet<string> = new Set(["var", "decl_tag", "datasec"]);
const OWN_SIZE: ReadonlySet<string> = new Set(["int", "struct", "union", "enum", "datasec", "float", "enum64"]);
const RESOLVED: ReadonlySet<string> = new Set([
  ...MODIFIERS,
  "ptr",
  "struct",
  "union",
  "array",
  "var",
  "func",
  "decl_tag",
  "datasec",
]);

export const isModifier = (type: RawType): boolean => MODIFIERS.has(type.kind);
export const isStructure = (type: RawType): boolean => type.kind === "struct" || type.kind === "union";
export const isNoSize = (type: RawType): boolean => NO_SIZE.has(type.kind);
/** Nothing may refer to such a type, but for what is made for it. */
export const isSourceOnly = (type: RawType): boolean => SOURCE_ONLY.has(type.kind);
export const needsResolving = (type: RawType): boolean => RESOLVED.has(type.kind);

export interface SizedType {
  readonly id: number;
  readonly type: RawType;
  readonly size: number;
}

export class Sizes {
  readonly #btf: RawBtf;
  /** By number of a type: where its chain of references ends, and an array's size. */
  readonly #ids: number[] = [];
  readonly #sizes: number[] = [];

  constructor(btf: RawBtf) {
    this.#btf = btf;
  }

  resolve(id: number, resolvedId: number, size: number): void {
    this.#ids[id] = resolvedId;
    this.#sizes[id] = size;
  }

  resolvedId(id: number): number {
    return this.#ids[id] ?? 0;
  }

  #own(id: number, type: RawType): number | undefined {
    if (OWN_SIZE.has(type.kind)) return type.sizeOrType;
    if (type.kind === "array") return this.#sizes[id] ?? 0;
    return type.kind === "ptr" ? 8 : undefined;
  }

  /** The type behind modifiers and variables, with its size; undefined if it has none. */
  sizeOf(id: number): SizedType | undefined {
    const type = this.#btf.type(id);
    if (type === undefined || isNoSize(type)) return undefined;
    const size = this.#own(id, type);
    if (size !== undefined) return { id, type, size };
    const behindId = this.resolvedId(id);
    const behind = this.#btf.type(behindId);
    if (behind === undefined || isNoSize(behind)) return undefined;
    const behindSize = this.#own(behindId, behind);
    return behindSize === undefined ? undefined : { id: behindId, type: behind, size: behindSize };
  }

  /** No bit field, and as large as an integer of the machine. */
  isRegularInt(type: RawType): boolean {
    const data = this.#btf.u32(type.body);
    const bits = data & 0xff;
    return (bits & 7) === 0 && ((data >>> 16) & 0xff) === 0 && [1, 2, 4, 8, 16].includes(bits / 8);
  }
}
