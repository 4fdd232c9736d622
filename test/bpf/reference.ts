/** The reference interpreter with the memory and the helpers that the tests of generated code have. */
import { interpret } from "../../src/bpf/interpreter.ts";
import * as isa from "../../src/bpf/isa.ts";
import { CONTEXT_SIZE, helperResult } from "./random-program.ts";

/** Where the context lies. */
export const CONTEXT = 0x20000000n;
const STACK = 0x7000_0000_0000n;

/** What a program leaves behind. */
export interface Outcome {
  readonly r0: bigint;
  readonly context: Uint8Array;
}

/** Runs a program in the interpreter, on a stack and a context of its own. */
export function runReference(program: readonly isa.Instruction[], context: Uint8Array): Outcome {
  const bytes = context.slice();
  const stack = new Uint8Array(8 * isa.MAX_BPF_STACK);
  const place = (address: bigint): [DataView, number] => {
    if (address >= CONTEXT && address < CONTEXT + BigInt(CONTEXT_SIZE)) {
      return [new DataView(bytes.buffer), Number(address - CONTEXT)];
    }
    return [new DataView(stack.buffer), stack.length - Number(STACK - address)];
  };
  const r0 = interpret(
    program,
    {
      load(address, size) {
        const [view, at] = place(address);
        if (size === 8) return view.getBigUint64(at, true);
        return BigInt(
          size === 4 ? view.getUint32(at, true) : size === 2 ? view.getUint16(at, true) : view.getUint8(at),
        );
      },
      store(address, size, value) {
        const [view, at] = place(address);
        if (size === 8) view.setBigUint64(at, value, true);
        else if (size === 4) view.setUint32(at, Number(value), true);
        else if (size === 2) view.setUint16(at, Number(value), true);
        else view.setUint8(at, Number(value));
      },
      callHelper: helperResult,
    },
    { context: CONTEXT, stackTop: STACK },
  );
  return { r0, context: bytes };
}
