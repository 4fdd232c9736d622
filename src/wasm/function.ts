/** The body of one WebAssembly function, written statement by statement. */
import { type Expr, localGet, type ValueType } from "./expression.ts";
import { uleb } from "./leb128.ts";

const typeCode: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A structured block that `branch` can name, by the depth at which it was opened. */
export interface Label {
  readonly depth: number;
}

export class FunctionBuilder {
  readonly signature: Signature;
  readonly name: string;
  private readonly locals: ValueType[] = [];
  private code: number[] = [];
  private depth = 0;
  /** Locals that may be used again, by type; undefined: locals are never given back. */
  private pool: Map<ValueType, number[]> | undefined;
  private lent: { readonly type: ValueType; readonly index: number }[] = [];

  constructor(signature: Signature, name: string) {
    this.signature = signature;
    this.name = name;
  }

  param(index: number): Expr {
    return localGet(this.signature.params[index], index);
  }

  local(type: ValueType): Expr & { readonly local: number } {
    let index = this.pool?.get(type)?.pop();
    if (index === undefined) {
      index = this.signature.params.length + this.locals.length;
      this.locals.push(type);
    }
    if (this.pool !== undefined) this.lent.push({ type, index });
    return { ...localGet(type, index), local: index };
  }

  /**
   * From now on locals are temporary: the next call takes back those given out since the last one. They do not start as zero.
   */
  reuseLocals(): void {
    this.pool ??= new Map();
    for (const { type, index } of this.lent) {
      const free = this.pool.get(type);
      if (free === undefined) this.pool.set(type, [index]);
      else free.push(index);
    }
    this.lent = [];
  }

  /** Where the code written so far ends, to go `back` to. */
  mark(): { readonly length: number; readonly depth: number } {
    return { length: this.code.length, depth: this.depth };
  }
  /** Forgets the code written since. */
  back(mark: { readonly length: number; readonly depth: number }): void {
    this.code.length = mark.length;
    this.depth = mark.depth;
  }
  /** Writes code in front of everything that has been written. */
  before(write: () => void): void {
    const { code, depth } = this;
    this.code = [];
    this.depth = 0;
    write();
    this.code = this.code.concat(code);
    this.depth = depth;
  }

  /** Evaluates now and once; what comes back is free to read again. Constants are passed through. */
  let(value: Expr): Expr {
    if (value.constant !== undefined) return value;
    const local = this.local(value.type);
    this.set(local, value);
    return local;
  }

  set(local: Expr, value: Expr): void {
    if (local.local === undefined) throw new Error("set: not a local");
    this.push(value);
    this.code.push(0x21, ...uleb(local.local));
  }

  /** Evaluates for effect; a value is dropped. */
  run(value: Expr, results = 0): void {
    this.push(value);
    if (results) this.code.push(0x1a);
  }

  store(width: "i64" | "i32" | "f64" | "f32" | "v128", address: Expr, value: Expr, offset?: number): void;
  store(
    width: "i64" | "i32" | "u16" | "u8" | "f64" | "f32" | "v128",
    address: Expr,
    value: Expr,
    offset?: number,
  ): void;
  store(width: string, address: Expr, value: Expr, offset = 0): void {
    this.push(address);
    this.push(value);
    const wide = value.type === "i64";
    switch (width) {
      case "i64":
        this.code.push(0x37);
        break;
      case "i32":
        this.code.push(wide ? 0x3e : 0x36);
        break;
      case "u16":
        this.code.push(wide ? 0x3d : 0x3b);
        break;
      case "u8":
        this.code.push(wide ? 0x3c : 0x3a);
        break;
      case "f64":
        this.code.push(0x39);
        break;
      case "f32":
        this.code.push(0x38);
        break;
      default:
        this.code.push(0xfd, 11);
    }
    this.code.push(0, ...uleb(offset));
  }

  if(condition: Expr, then: () => void, otherwise?: () => void): void {
    this.push(condition);
    this.code.push(0x04, 0x40);
    this.depth++;
    then();
    if (otherwise) {
      this.code.push(0x05);
      otherwise();
    }
    this.depth--;
    this.code.push(0x0b);
  }

  /** `loop` (branching to its label goes round again) or `block` (branching leaves it). */
  loop(body: (label: Label) => void): void {
    this.structured(0x03, body);
  }
  block(body: (label: Label) => void): void {
    this.structured(0x02, body);
  }
  private structured(opcode: number, body: (label: Label) => void): void {
    this.code.push(opcode, 0x40);
    this.depth++;
    body({ depth: this.depth });
    this.depth--;
    this.code.push(0x0b);
  }

  /** The same in two steps; `end` closes what was opened last. */
  begin(kind: "loop" | "block"): Label {
    this.code.push(kind === "loop" ? 0x03 : 0x02, 0x40);
    this.depth++;
    return { depth: this.depth };
  }
  end(): void {
    this.depth--;
    this.code.push(0x0b);
  }

  branch(label: Label): void {
    this.code.push(0x0c, ...uleb(this.depth - label.depth));
  }
  branchIf(condition: Expr, label: Label): void {
    this.push(condition);
    this.code.push(0x0d, ...uleb(this.depth - label.depth));
  }
  /** Jumps to labels[index]; beyond the last, to the last. */
  branchTable(index: Expr, labels: readonly Label[]): void {
    this.push(index);
    const depths = labels.map((label) => this.depth - label.depth);
    const last = depths[depths.length - 1];
    this.code.push(0x0e, ...uleb(depths.length - 1), ...depths.slice(0, -1).flatMap(uleb), ...uleb(last));
  }

  return(value?: Expr): void {
    if (value) this.push(value);
    this.code.push(0x0f);
  }
  unreachable(): void {
    this.code.push(0x00);
  }
  /** Tail call through table 0: `return_call_indirect`. */
  tailCallIndirect(type: number, index: Expr, ...args: Expr[]): void {
    for (const arg of args) this.push(arg);
    this.push(index);
    this.code.push(0x13, ...uleb(type), 0);
  }
  memoryCopy(destination: Expr, source: Expr, length: Expr): void {
    this.push(destination);
    this.push(source);
    this.push(length);
    this.code.push(0xfc, 10, 0, 0);
  }
  memoryFill(destination: Expr, value: Expr, length: Expr): void {
    this.push(destination);
    this.push(value);
    this.push(length);
    this.code.push(0xfc, 11, 0);
  }

  private push(e: Expr): void {
    for (const arg of e.args) this.push(arg);
    for (const byte of e.bytes) this.code.push(byte);
  }

  /** The entry of the module's code section. */
  encode(): number[] {
    const groups: number[] = [];
    let count = 0;
    for (let i = 0; i < this.locals.length; ) {
      let j = i;
      while (j < this.locals.length && this.locals[j] === this.locals[i]) j++;
      groups.push(...uleb(j - i), typeCode[this.locals[i]]);
      count++;
      i = j;
    }
    const body = [...uleb(count), ...groups];
    const size = body.length + this.code.length + 1;
    return uleb(size).concat(body, this.code, [0x0b]);
  }
}

export const encodeSignature = (s: Signature): number[] => [
  0x60,
  ...uleb(s.params.length),
  ...s.params.map((t) => typeCode[t]),
  ...uleb(s.results.length),
  ...s.results.map((t) => typeCode[t]),
];
