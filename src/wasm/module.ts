/** A WebAssembly module from its parts (core specification, section 5.5). */
import { encodeSignature, type FunctionBuilder, type Signature } from "./function.ts";
import { sleb32, uleb } from "./leb128.ts";

export interface ModuleParts {
  /** Function types; index = position. The functions' own types are found here by identity or added. */
  readonly types: readonly Signature[];
  /** Imported from module "env". Function imports take indices 0, 1, ... in order. */
  readonly functionImports: readonly { readonly name: string; readonly signature: Signature }[];
  /** Imports memory "memory" (with at least this many pages). */
  readonly memoryPages: number;
  /** Imports table "table" of funcref with at least this many slots, if given. */
  readonly tableSlots?: number;
  /** Imports a second table, "table1". */
  readonly secondTableSlots?: number;
  readonly functions: readonly FunctionBuilder[];
  /** Exported functions by name, as indices into `functions`. */
  readonly exports?: readonly { readonly name: string; readonly function: number }[];
  /** Table slots to fill: function i of `functions` goes to slot[i]; -1: none. */
  readonly slots?: readonly number[];
}

const section = (id: number, content: number[]): number[] => [id, ...uleb(content.length), ...content];
const text = (s: string): number[] => {
  const bytes = [...new TextEncoder().encode(s)];
  return [...uleb(bytes.length), ...bytes];
};

/** Encodes the module. */
export function encodeModule(parts: ModuleParts): Uint8Array<ArrayBuffer> {
  const types = [...parts.types];
  const typeIndex = (s: Signature): number => {
    const found = types.indexOf(s);
    return found >= 0 ? found : types.push(s) - 1;
  };
  const imports: number[][] = parts.functionImports.map((f) => [
    ...text("env"),
    ...text(f.name),
    0,
    ...uleb(typeIndex(f.signature)),
  ]);
  imports.push([...text("env"), ...text("memory"), 2, 0, ...uleb(parts.memoryPages)]);
  if (parts.tableSlots !== undefined)
    imports.push([...text("env"), ...text("table"), 1, 0x70, 0, ...uleb(parts.tableSlots)]);
  if (parts.secondTableSlots !== undefined)
    imports.push([...text("env"), ...text("table1"), 1, 0x70, 0, ...uleb(parts.secondTableSlots)]);
  const functionTypes = parts.functions.map((f) => uleb(typeIndex(f.signature)));
  const first = parts.functionImports.length;

  const chunks: (number[] | Uint8Array)[] = [[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]];
  chunks.push(section(1, [...uleb(types.length), ...types.flatMap(encodeSignature)]));
  chunks.push(section(2, [...uleb(imports.length), ...imports.flat()]));
  chunks.push(section(3, [...uleb(functionTypes.length), ...functionTypes.flat()]));
  const exports = parts.exports ?? [];
  if (exports.length)
    chunks.push(
      section(7, [
        ...uleb(exports.length),
        ...exports.flatMap((e) => [...text(e.name), 0, ...uleb(first + e.function)]),
      ]),
    );
  const runs = slotRuns(parts.slots ?? []);
  if (runs.length)
    chunks.push(
      section(9, [
        ...uleb(runs.length),
        ...runs.flatMap((run) => [
          0,
          0x41,
          ...sleb32(run.slot),
          0x0b,
          ...uleb(run.count),
          ...Array.from({ length: run.count }, (_, i) => uleb(first + run.function + i)).flat(),
        ]),
      ]),
    );
  const bodies = parts.functions.map((f) => f.encode());
  const count = uleb(bodies.length);
  const size = bodies.reduce((sum, body) => sum + body.length, count.length);
  chunks.push([10, ...uleb(size), ...count]);
  chunks.push(...bodies);

  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Consecutive functions that go to consecutive slots share one element segment. */
function slotRuns(slots: readonly number[]): { slot: number; function: number; count: number }[] {
  const runs: { slot: number; function: number; count: number }[] = [];
  slots.forEach((slot, i) => {
    if (slot < 0) return;
    const last = runs[runs.length - 1];
    if (last && last.slot + last.count === slot && last.function + last.count === i) last.count++;
    else runs.push({ slot, function: i, count: 1 });
  });
  return runs;
}
