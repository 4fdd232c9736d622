/**
 * Calls of helpers that Linux's verifier replaces by what they do (do_misc_fixups, optimize_bpf_loop): look-ups in arrays and
 * hash maps, other operations on a map that is always the same one (a direct call of the map's own function), bpf_loop with a
 * callback that is always the same one, bpf_jiffies64. Only compiled programs get this.
 */
import { internalHelpers } from "./coprocessor-protocol.ts";
import { helperId } from "./helpers.ts";
import * as isa from "./isa.ts";
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_LRU_HASH,
} from "./verifier/map-types.ts";

/** Operations of maps that programs call directly, in the order of `mapOperations` in a kernel's description of a map. */
export const MAP_OPERATIONS = [
  "map_lookup_elem",
  "map_update_elem",
  "map_delete_elem",
  "map_push_elem",
  "map_pop_elem",
  "map_peek_elem",
] as const;

/** Offsets in the kernel's structures, and addresses in it. */
export interface InlineLayout {
  /** In an array map: its first value. */
  readonly arrayValue: number;
  /** In an element of a hash map: its key; the value follows, aligned to 8. */
  readonly hashKey: number;
  /** In an element of an LRU hash map: the byte that says that it was used. */
  readonly hashReferenced: number;
  /** Address of the tick counter. */
  readonly jiffies: bigint;
}

/** A map, as far as calls that name it have to know it. */
export interface InlineMap {
  readonly type: number;
  readonly keySize: number;
  readonly maxEntries: number;
  /** BPF_F_INNER_MAP: how many elements there are is not known. */
  readonly isVariable: boolean;
  /** Bytes from one element of an array to the next. */
  readonly elementSize: number;
  /** A mask for the index, against speculation, or undefined. */
  readonly indexMask?: number;
  /** Numbers that calls of the map's own operations carry instead of a helper's; 0: there is none. */
  readonly operations: readonly number[];
}

/** A program that is about to be compiled. */
export interface InlineProgram {
  readonly instructions: readonly isa.Instruction[];
  /** First slot of each function. */
  readonly starts: readonly number[];
  readonly stackDepths: readonly number[];
  /** By slot of a helper call: the map that it always gets. */
  readonly maps: ReadonlyMap<number, InlineMap>;
  /** By slot of a bpf_loop call without flags: number of the function that it always calls back. */
  readonly loops: ReadonlyMap<number, number>;
}

export interface InlinedProgram {
  readonly instructions: readonly isa.Instruction[];
  readonly starts: readonly number[];
  readonly stackDepths: readonly number[];
  /** New slot of an old one. */
  readonly placeOf: (slot: number) => number;
  /** Old slot that a new one is, or stands for. */
  readonly originOf: (slot: number) => number;
}

const JIFFIES64 = helperId("jiffies64");
const LOOP = helperId("loop");
const OPERATION_OF_HELPER = new Map(MAP_OPERATIONS.map((name, index) => [helperId(name) ?? -1, index]));
const E2BIG = 7;
const BPF_MAX_LOOPS = 8 << 20;
const [R0, R1, R2, R3, R6, R7, R8, R10] = [0, 1, 2, 3, 6, 7, 8, 10];

const alu = (op: number, dst: number, imm: number) => isa.instruction(isa.BPF_ALU64 | op | isa.BPF_K, dst, 0, 0, imm);
const alu32 = (op: number, dst: number, imm: number) => isa.instruction(isa.BPF_ALU | op | isa.BPF_K, dst, 0, 0, imm);
const aluReg = (op: number, dst: number, src: number) => isa.instruction(isa.BPF_ALU64 | op | isa.BPF_X, dst, src);
const mov = (dst: number, src: number) => aluReg(isa.BPF_MOV, dst, src);
const jumpIf = (op: number, dst: number, imm: number, off: number) =>
  isa.instruction(isa.BPF_JMP | op | isa.BPF_K, dst, 0, off, imm);
const jump = (off: number) => isa.instruction(isa.BPF_JMP | isa.BPF_JA, 0, 0, off);
const load = (size: number, dst: number, src: number, off: number) =>
  isa.instruction(isa.BPF_LDX | isa.BPF_MEM | size, dst, src, off);
const store = (dst: number, src: number, off: number) =>
  isa.instruction(isa.BPF_STX | isa.BPF_MEM | isa.BPF_DW, dst, src, off);
const call = (number: number) => isa.instruction(isa.BPF_JMP | isa.BPF_CALL, 0, 0, 0, number);

const isPowerOf2 = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;
const roundUp8 = (n: number): number => (n + 7) & ~7;

function arrayLookup(map: InlineMap, layout: InlineLayout): isa.Instruction[] {
  const behind =
    map.type === BPF_MAP_TYPE_ARRAY_OF_MAPS ? [load(isa.BPF_DW, R0, R0, 0), jumpIf(isa.BPF_JEQ, R0, 0, 1)] : [];
  const mask = map.indexMask === undefined ? [] : [alu32(isa.BPF_AND, R0, map.indexMask)];
  const scale = isPowerOf2(map.elementSize)
    ? alu(isa.BPF_LSH, R0, 31 - Math.clz32(map.elementSize))
    : alu(isa.BPF_MUL, R0, map.elementSize);
  const found = [...mask, scale, aluReg(isa.BPF_ADD, R0, R1), ...behind, jump(1)];
  return [
    alu(isa.BPF_ADD, R1, layout.arrayValue),
    load(isa.BPF_W, R0, R2, 0),
    jumpIf(isa.BPF_JGE, R0, map.maxEntries | 0, found.length),
    ...found,
    alu(isa.BPF_MOV, R0, 0),
  ];
}

function hashLookup(map: InlineMap, layout: InlineLayout): isa.Instruction[] {
  const toValue = alu(isa.BPF_ADD, R0, layout.hashKey + roundUp8(map.keySize));
  const found =
    map.type === BPF_MAP_TYPE_LRU_HASH
      ? [
          load(isa.BPF_B, R1, R0, layout.hashReferenced),
          jumpIf(isa.BPF_JNE, R1, 0, 1),
          isa.instruction(isa.BPF_ST | isa.BPF_MEM | isa.BPF_B, R0, 0, layout.hashReferenced, 1),
          toValue,
        ]
      : map.type === BPF_MAP_TYPE_HASH_OF_MAPS
        ? [toValue, load(isa.BPF_DW, R0, R0, 0)]
        : [toValue];
  return [call(internalHelpers.hash_lookup), jumpIf(isa.BPF_JEQ, R0, 0, found.length), ...found];
}

/** What stands for a helper call on a map; undefined: the helper itself. */
function mapCall(helper: number, map: InlineMap, layout: InlineLayout): isa.Instruction[] | undefined {
  const operation = OPERATION_OF_HELPER.get(helper);
  if (operation === undefined) return undefined;
  if (MAP_OPERATIONS[operation] === "map_lookup_elem") {
    switch (map.type) {
      case BPF_MAP_TYPE_ARRAY:
        if (!map.isVariable) return arrayLookup(map, layout);
        break;
      case BPF_MAP_TYPE_ARRAY_OF_MAPS:
        return arrayLookup(map, layout);
      case BPF_MAP_TYPE_HASH:
      case BPF_MAP_TYPE_LRU_HASH:
      case BPF_MAP_TYPE_HASH_OF_MAPS:
        return hashLookup(map, layout);
    }
  }
  const number = map.operations[operation];
  return number === 0 ? undefined : [call(number)];
}

/** Where the call of the callback stands in the sequence of `loop`. */
const LOOP_CALL = 12;

/** bpf_loop itself, with its variables in r6 to r8, which are kept on the stack meanwhile. */
function loop(stackBase: number): isa.Instruction[] {
  const [r6, r7, r8] = [stackBase, stackBase + 8, stackBase + 16];
  return [
    jumpIf(isa.BPF_JLE, R1, BPF_MAX_LOOPS, 2),
    alu32(isa.BPF_MOV, R0, -E2BIG),
    jump(16),
    store(R10, R6, r6),
    store(R10, R7, r7),
    store(R10, R8, r8),
    mov(R6, R1),
    alu32(isa.BPF_MOV, R7, 0),
    mov(R8, R3),
    isa.instruction(isa.BPF_JMP | isa.BPF_JGE | isa.BPF_X, R7, R6, 5),
    mov(R1, R7),
    mov(R2, R8),
    isa.instruction(isa.BPF_JMP | isa.BPF_CALL, 0, isa.BPF_PSEUDO_CALL),
    alu(isa.BPF_ADD, R7, 1),
    jumpIf(isa.BPF_JEQ, R0, 0, -6),
    mov(R0, R7),
    load(isa.BPF_DW, R6, R10, r6),
    load(isa.BPF_DW, R7, R10, r7),
    load(isa.BPF_DW, R8, R10, r8),
  ];
}

const isJump = (insn: isa.Instruction): boolean => {
  const group = isa.bpfClass(insn.code);
  const op = isa.bpfOp(insn.code);
  return (group === isa.BPF_JMP || group === isa.BPF_JMP32) && op !== isa.BPF_CALL && op !== isa.BPF_EXIT;
};

/** Replaces calls; jumps and calls among functions are adjusted to where things have moved. */
export function inlineCalls(program: InlineProgram, layout: InlineLayout): InlinedProgram {
  const { instructions, starts } = program;
  const stackDepths = program.stackDepths.slice();
  const replacements = new Map<number, isa.Instruction[]>();
  const loopCalls = new Map<number, number>();
  let current = 0;
  instructions.forEach((insn, slot) => {
    while (slot >= (starts[current + 1] ?? Number.POSITIVE_INFINITY)) current++;
    if (!isa.isHelperCall(insn)) return;
    const map = program.maps.get(slot);
    const callback = program.loops.get(slot);
    if (insn.imm === LOOP && callback !== undefined) {
      const depth = roundUp8(program.stackDepths[current]) + 24;
      stackDepths[current] = depth;
      replacements.set(slot, loop(-depth));
      loopCalls.set(slot, callback);
    } else if (insn.imm === JIFFIES64) {
      replacements.set(slot, [...isa.ldImm64(R0, 0, layout.jiffies), load(isa.BPF_DW, R0, R0, 0)]);
    } else if (map !== undefined) {
      const sequence = mapCall(insn.imm, map, layout);
      if (sequence !== undefined) replacements.set(slot, sequence);
    }
  });
  if (replacements.size === 0) {
    return { instructions, starts, stackDepths, placeOf: (slot) => slot, originOf: (slot) => slot };
  }

  const places: number[] = [];
  let length = 0;
  instructions.forEach((_, slot) => {
    places.push(length);
    length += replacements.get(slot)?.length ?? 1;
  });
  const placeOf = (slot: number): number => places[slot] ?? length;
  const result: isa.Instruction[] = [];
  instructions.forEach((insn, slot) => {
    const sequence = replacements.get(slot);
    if (sequence !== undefined) {
      const start = result.length;
      const callback = loopCalls.get(slot);
      result.push(...sequence);
      if (callback !== undefined) {
        const at = start + LOOP_CALL;
        result[at] = { ...result[at], imm: placeOf(starts[callback]) - at - 1 };
      }
      return;
    }
    if (isa.isPseudoCall(insn) || isa.isPseudoFunc(insn)) {
      result.push({ ...insn, imm: placeOf(slot + 1 + insn.imm) - result.length - 1 });
    } else if (isJump(insn)) {
      result.push({ ...insn, off: placeOf(slot + 1 + insn.off) - result.length - 1 });
    } else result.push(insn);
  });
  const origins = instructions.flatMap((_, slot) => new Array<number>(replacements.get(slot)?.length ?? 1).fill(slot));
  const originOf = (slot: number): number => origins[slot] ?? instructions.length;
  return { instructions: result, starts: starts.map(placeOf), stackDepths, placeOf, originOf };
}
