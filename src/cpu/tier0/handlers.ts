/**
 * The table of handlers: one WebAssembly function for each instruction form met so far, compiled in batches, and the fixed ones
 * that headers and links use.
 */
import {
  c32,
  callIndirect,
  encodeModule,
  FunctionBuilder,
  i32,
  i64,
  load32,
  load64,
  type Signature,
} from "../../wasm/index.ts";
import { type Definition, definitions } from "../definition.ts";
import { layout } from "../state.ts";
import { instantiateX87Fast, x87FastImports } from "../x87/fast.ts";
import { Emitter, emitLookup, type Variant } from "./emitter.ts";
import { RECORD_BYTES, Record } from "./record.ts";

const handlerSignature: Signature = { params: ["i32"], results: [] };
const accessSignature: Signature = { params: ["i32", "i32", "i32", "i32"], results: ["i32"] };
const recordSignature: Signature = { params: ["i32"], results: ["i32"] };
const routineSignature: Signature = { params: ["i32", "i32"], results: ["i32"] };
const raiseSignature: Signature = { params: ["i32", "i32", "i32"], results: ["i32"] };

/** A region of tier 1: takes the index of one of its blocks; returns the record at which tier 0 goes on, or 0 to leave. */
export const regionSignature: Signature = recordSignature;
/** Slots of the table of regions. Slot 0 is never used. */
export const REGIONS = 8192;

/** The slow paths that generated code calls, in the order of `Import` in emitter.ts. */
export interface SlowPaths {
  /** Host address of memory to read, or 0 to leave. */
  read(record: number, low: number, high: number, size: number): number;
  write(record: number, low: number, high: number, size: number): number;
  /** Finishes a write that went to the scratch area. */
  commit(record: number): number;
  call(record: number, routine: number): number;
  raise(record: number, vector: number, errorCode: number): number;
}
const imports = [
  { name: "read", signature: accessSignature },
  { name: "write", signature: accessSignature },
  { name: "commit", signature: recordSignature },
  { name: "call", signature: routineSignature },
  { name: "raise", signature: raiseSignature },
  ...x87FastImports,
] as const;

/** Table slots of the fixed handlers. */
export const Fixed = {
  /** Block header: charges the block, or leaves. */
  header: 1,
  /** Direct jump within the page, not linked yet. */
  unlinked: 2,
  /** Direct jump to another page. */
  cross: 3,
  /** Instruction of a block that was dropped while it ran. */
  staleRecord: 4,
  /** Header that always leaves: dropped blocks, breakpoints. */
  leave: 5,
  /** Raises the exception in its immediate: what cannot be decoded. */
  raise: 6,
  /** Block header that counts how often the block is entered, and leaves when that was often enough for tier 1. */
  counting: 7,
  /** Header of a block that is part of a region of tier 1. */
  region: 8,
} as const;
const FIRST_FREE = 10;

const ZERO = c32(0);

/** Names one row: those of `+cc` differ in their condition. */
const rowName = ({ row }: Definition): string => `${row.text}#${row.condition}`;

function fixedHandlers(): FunctionBuilder[] {
  const make = (name: string, body: (f: FunctionBuilder) => void): FunctionBuilder => {
    const f = new FunctionBuilder(handlerSignature, name);
    body(f);
    f.unreachable();
    return f;
  };
  const leaveTo = (f: FunctionBuilder, link: boolean): void => {
    f.store("i64", ZERO, load64("i64", f.param(0), Record.nextRip), layout.rip);
    f.store("i32", ZERO, link ? f.param(0) : c32(0), layout.linkSlot);
    f.return();
  };
  const charge = (f: FunctionBuilder): void => {
    const budget = f.let(i32.sub(load32("i32", ZERO, layout.budget), load32("u16", f.param(0), Record.remaining)));
    f.if(i32.lt_s(budget, ZERO), () => leaveTo(f, false));
    f.store("i32", ZERO, budget, layout.budget);
  };
  const first = (f: FunctionBuilder): void => {
    const p = f.param(0);
    f.tailCallIndirect(0, load32("i32", p, RECORD_BYTES), i32.add(p, c32(RECORD_BYTES)));
  };
  return [
    make("header", (f) => {
      charge(f);
      first(f);
    }),
    make("unlinked", (f) => leaveTo(f, true)),
    make("cross", (f) => emitLookup(f, f.let(load64("i64", f.param(0), Record.nextRip)))),
    make("staleRecord", (f) => {
      const p = f.param(0);
      const budget = i32.add(load32("i32", ZERO, layout.budget), load32("u16", p, Record.remaining));
      f.store("i32", ZERO, budget, layout.budget);
      const rip = i64.sub(load64("i64", p, Record.nextRip), load64("u8", p, Record.length));
      f.store("i64", ZERO, rip, layout.rip);
      f.store("i32", ZERO, c32(0), layout.linkSlot);
      f.return();
    }),
    make("leave", (f) => leaveTo(f, false)),
    make("raise", (f) => {
      const p = f.param(0);
      const vector = load32("i32", p, Record.immediate);
      const errorCode = load32("i32", p, Record.immediate + 4);
      // Function import 4; see Import in emitter.ts.
      f.run({ type: "i32", args: [p, vector, errorCode], bytes: [0x10, 4] }, 1);
      f.return();
    }),
    make("counting", (f) => {
      const p = f.param(0);
      const left = f.let(i32.sub(load32("i32", p, Record.immediate), c32(1)));
      f.store("i32", p, left, Record.immediate);
      f.if(i32.lt_s(left, ZERO), () => {
        f.store("i32", ZERO, p, layout.hotBlock);
        leaveTo(f, false);
      });
      charge(f);
      first(f);
    }),
    make("region", (f) => {
      const p = f.param(0);
      charge(f);
      const slot = load32("i32", p, Record.target);
      const next = f.let(callIndirect("i32", 1, 1, slot, load32("i32", p, Record.notTaken)));
      f.if(next, () => f.tailCallIndirect(0, load32("i32", next), next));
      f.store("i32", ZERO, ZERO, layout.linkSlot);
      f.return();
    }),
  ];
}

/** What a handler was made from. */
export interface Form {
  readonly definition: Definition;
  readonly variant: Variant;
}

/** The first batch of forms that was compiled in this process. */
let firstBatch:
  | {
      readonly source: readonly string[];
      readonly definitions: number;
      readonly slots: readonly (readonly [key: number, slot: number])[];
      readonly forms: readonly string[];
      readonly described: readonly (Form | undefined)[];
      readonly free: number;
      readonly module: WebAssembly.Module;
    }
  | undefined;

export class Handlers {
  readonly table: WebAssembly.Table;
  /** Runs a block: what `leave`s comes back here. */
  readonly enter: (block: number) => void;
  readonly #environment: WebAssembly.ModuleImports;
  /** The functions of x87/fast.ts. */
  readonly x87Functions: WebAssembly.ModuleImports;
  #lastModule: WebAssembly.Module | undefined;
  readonly #slots = new Map<number, number>();
  readonly #forms: string[] = [];
  readonly #described: (Form | undefined)[] = [];
  /** Regions of tier 1 by their slots: only the fixed handlers import it, so that filling a slot is cheap. */
  readonly regions: WebAssembly.Table;
  #free = FIRST_FREE;
  #pending: { readonly slot: number; readonly builder: FunctionBuilder }[] = [];

  constructor(memory: WebAssembly.Memory, slowPaths: SlowPaths) {
    this.table = new WebAssembly.Table({ initial: 2048, element: "anyfunc" });
    this.regions = new WebAssembly.Table({ initial: REGIONS, element: "anyfunc" });
    this.x87Functions = instantiateX87Fast(memory);
    this.#environment = {
      memory,
      table: this.table,
      table1: this.regions,
      read: slowPaths.read.bind(slowPaths),
      write: slowPaths.write.bind(slowPaths),
      commit: slowPaths.commit.bind(slowPaths),
      call: slowPaths.call.bind(slowPaths),
      raise: slowPaths.raise.bind(slowPaths),
      ...this.x87Functions,
    };
    const enter = new FunctionBuilder(handlerSignature, "enter");
    enter.tailCallIndirect(0, load32("i32", enter.param(0)), enter.param(0));
    const fixed = fixedHandlers();
    const exports = this.#instantiate(
      [...fixed, enter],
      [...fixed.map((_, i) => 1 + i), -1],
      [{ name: "enter", function: fixed.length }],
      REGIONS,
    );
    this.enter = exports.enter as (block: number) => void;
  }

  /** The slot of an instruction form; to be compiled by the next `flush` if it is new. */
  slot(definition: Definition, variant: Variant): number {
    const { size, addressSize, mode, stackSize, memoryForm, repeat } = variant;
    const key =
      ((((definition.id * 4 + (31 - Math.clz32(size))) * 4 + memoryForm) * 8 + (addressSize >> 1)) * 8 + (mode >> 4)) *
        16 +
      (stackSize >> 1) * 3 +
      (repeat === "none" ? 0 : repeat === "rep" ? 1 : 2);
    const found = this.#slots.get(key);
    if (found !== undefined) return found;
    const slot = this.#free++;
    this.#slots.set(key, slot);
    this.#forms.push([rowName(definition), size, memoryForm, addressSize, mode, stackSize, repeat].join("|"));
    this.#pending.push({ slot, builder: this.#build(definition, variant) });
    this.#described[slot] = { definition, variant };
    return slot;
  }

  /** What the handler in a slot was made from; undefined for the fixed ones. */
  formOf(slot: number): Form | undefined {
    return this.#described[slot];
  }

  #build(definition: Definition, variant: Variant): FunctionBuilder {
    const f = new FunctionBuilder(handlerSignature, definition.name);
    const emitter = new Emitter(f, definition, variant);
    const left = emitter.emit();
    if (left && !definition.attributes.ends)
      throw new Error(`${definition.name} (${definition.row.text}): ends its block, but is not declared so`);
    if (!left) emitter.next();
    f.unreachable();
    return f;
  }

  /** Every form compiled so far, as `compileForms` takes them. */
  forms(): string[] {
    return [...this.#forms].sort();
  }

  /** Compiles instruction forms in one batch; those that are not defined (any more) are passed over. */
  compileForms(forms: readonly string[]): void {
    // Every processor of the process starts with the same forms: they are described, encoded and compiled once.
    const isFirst = this.#free === FIRST_FREE;
    if (isFirst && firstBatch?.source === forms && firstBatch.definitions === definitions.length) {
      for (const [key, slot] of firstBatch.slots) this.#slots.set(key, slot);
      this.#forms.push(...firstBatch.forms);
      firstBatch.described.forEach((form, slot) => {
        this.#described[slot] = form;
      });
      this.#free = firstBatch.free;
      new WebAssembly.Instance(firstBatch.module, { env: this.#environment });
      return;
    }
    const rows = new Map<string, Definition>();
    for (const definition of definitions) rows.set(rowName(definition), definition);
    for (const form of forms) {
      const [name, size, memoryForm, addressSize, mode, stackSize, repeat] = form.split("|");
      const definition = rows.get(name);
      if (definition === undefined) continue;
      this.slot(definition, {
        size: Number(size) as Variant["size"],
        memoryForm: Number(memoryForm),
        addressSize: Number(addressSize) as Variant["addressSize"],
        mode: Number(mode) as Variant["mode"],
        stackSize: Number(stackSize) as Variant["stackSize"],
        repeat: repeat as Variant["repeat"],
      });
    }
    this.flush();
    if (isFirst && this.#lastModule !== undefined)
      firstBatch = {
        source: forms,
        definitions: definitions.length,
        slots: [...this.#slots],
        forms: [...this.#forms],
        described: [...this.#described],
        free: this.#free,
        module: this.#lastModule,
      };
  }

  /** Compiles what is new. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    while (this.#free > this.table.length) this.table.grow(this.table.length);
    this.#instantiate(
      pending.map((p) => p.builder),
      pending.map((p) => p.slot),
    );
  }

  #instantiate(
    functions: readonly FunctionBuilder[],
    slots: readonly number[],
    exports: readonly { name: string; function: number }[] = [],
    regionSlots?: number,
  ): WebAssembly.Exports {
    const bytes = encodeModule({
      types: [handlerSignature, regionSignature],
      functionImports: imports,
      memoryPages: 1,
      tableSlots: 1,
      ...(regionSlots !== undefined && { secondTableSlots: regionSlots }),
      functions,
      slots,
      exports,
    });
    const module = new WebAssembly.Module(bytes);
    this.#lastModule = module;
    return new WebAssembly.Instance(module, { env: this.#environment }).exports;
  }
}
