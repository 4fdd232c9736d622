/**
 * A test case: bytes of code and the complete user-visible state before them; an outcome: the state after one instruction
 * (or up to a breakpoint) and what ended it. Both are plain data that the native program, the emulator, the comparison and
 * the recorded vectors share.
 */
import { layout, registerNames } from "./layout.ts";
import { baseOf, type CodeBits } from "./segments.ts";

/** Bytes of the data area that differ from the session's base memory. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface TestCase {
  /** Number that reproduces the case together with the session's options. */
  readonly seed: number;
  /** Name of the template or mode that made it. */
  readonly name: string;
  /** Width of the code segment that `selectors` names. */
  readonly bits: CodeBits;
  /** es cs ss ds fs gs */
  readonly selectors: Uint16Array;
  readonly code: Uint8Array;
  /** Where the code lies in the code area. */
  readonly codeOffset: number;
  /** Run without the trap flag, up to the int3 that ends the code. */
  readonly runToBreakpoint: boolean;
  readonly gpr: BigUint64Array;
  readonly rflags: bigint;
  readonly fsBase: bigint;
  readonly gsBase: bigint;
  /** The 64-bit FXSAVE image; bytes from 416 on are not used. */
  readonly fxsave: Uint8Array;
  /** Upper halves of YMM0 to YMM15, 16 bytes each. */
  readonly ymmHigh: Uint8Array;
  readonly patches: readonly Patch[];
}

/** RIP at the beginning of a case: an offset in its code segment. */
export function startRip({ selectors, codeOffset }: TestCase): bigint {
  return BigInt(layout.code.address + codeOffset) - baseOf(selectors[1]);
}

/** How a case ended: an exception (1 is the trap flag's #DB, 3 the breakpoint), or one of the two accidents. */
export type Ending =
  | { readonly kind: "exception"; readonly vector: number; readonly error: number; readonly cr2: bigint }
  | { readonly kind: "system call" }
  | { readonly kind: "timeout" };

export interface Outcome {
  readonly ending: Ending;
  readonly gpr: BigUint64Array;
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly fsBase: bigint;
  readonly gsBase: bigint;
  /** es cs ss ds fs gs */
  readonly selectors: Uint16Array;
  readonly fxsave: Uint8Array;
  readonly ymmHigh: Uint8Array;
  /** The data area where it differs from the session's base memory, in multiples of 8 bytes. */
  readonly changes: readonly Patch[];
}

const vectorNames: Record<number, string> = {
  0: "#DE",
  1: "#DB",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  19: "#XM",
};

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function describeEnding(ending: Ending): string {
  if (ending.kind !== "exception") return ending.kind;
  const name = vectorNames[ending.vector] ?? `vector ${ending.vector}`;
  const hasError = [8, 10, 11, 12, 13, 14, 17].includes(ending.vector);
  const cr2 = ending.vector === 14 ? ` cr2=${ending.cr2.toString(16)}` : "";
  return name + (hasError ? `(${ending.error.toString(16)})` : "") + cr2;
}

export function registerName(index: number): string {
  return registerNames[index];
}
