/** Writes type information (Documentation/bpf/btf.rst) for programs and maps of tests. */
import { BTF_KINDS, BTF_MAGIC, type BtfKind } from "../../src/bpf/btf.ts";

const HEADER_BYTES = 24;
const VERSION = 1;

export interface Member {
  readonly name: string;
  readonly type: number;
  /** In bytes. */
  readonly offset: number;
}

export class BtfWriter {
  readonly #types: number[] = [];
  readonly #strings: string[] = [""];
  #stringBytes = 1;
  #count = 0;

  string(text: string): number {
    if (text === "") return 0;
    const offset = this.#stringBytes;
    this.#strings.push(text);
    this.#stringBytes += text.length + 1;
    return offset;
  }

  /** Adds a type; returns its number. */
  type(kind: BtfKind, name: string, sizeOrType: number, vlen = 0, words: readonly number[] = []): number {
    const info = (BTF_KINDS.indexOf(kind) << 24) | vlen;
    this.#types.push(this.string(name), info, sizeOrType, ...words);
    return ++this.#count;
  }

  int(name: string, size: number, signed = true): number {
    return this.type("int", name, size, 0, [(signed ? 1 << 24 : 0) | (size * 8)]);
  }

  pointer(to: number): number {
    return this.type("ptr", "", to);
  }

  struct(name: string, size: number, members: readonly Member[]): number {
    const words = members.flatMap((member) => [this.string(member.name), member.type, member.offset * 8]);
    return this.type("struct", name, size, members.length, words);
  }

  prototype(result: number, parameters: readonly { readonly name: string; readonly type: number }[]): number {
    const words = parameters.flatMap(({ name, type }) => [this.string(name), type]);
    return this.type("func_proto", "", result, parameters.length, words);
  }

  /** Linkage: 0 static, 1 global. */
  func(name: string, prototype: number, linkage: number): number {
    return this.type("func", name, prototype, linkage);
  }

  bytes(): Uint8Array {
    const typeBytes = this.#types.length * 4;
    const result = new Uint8Array(HEADER_BYTES + typeBytes + this.#stringBytes);
    const view = new DataView(result.buffer);
    view.setUint16(0, BTF_MAGIC, true);
    view.setUint8(2, VERSION);
    view.setUint32(4, HEADER_BYTES, true);
    view.setUint32(12, typeBytes, true);
    view.setUint32(16, typeBytes, true);
    view.setUint32(20, this.#stringBytes, true);
    this.#types.forEach((word, index) => {
      view.setUint32(HEADER_BYTES + index * 4, word, true);
    });
    result.set(Buffer.from(this.#strings.map((text) => `${text}\0`).join(""), "latin1"), HEADER_BYTES + typeBytes);
    return result;
  }
}
