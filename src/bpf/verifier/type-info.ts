/**
 * Type information that comes with a program: func_info says which type each function has, line_info which line of source
 * each stretch of instructions came from. Both are checked against the program before any path is followed
 * (Documentation/bpf/btf.rst), and followed through the verifier's changes afterwards.
 */
import { type Btf, BtfError, type BtfType } from "../btf.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { E2BIG, EFAULT, EINVAL } from "./errors.ts";
import type { InfoTable } from "./interface.ts";

const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
const MAX_RECORD_SIZE = 252;

/** A function of the program, from func_info. */
export interface FunctionType {
  /** Number of the BTF_KIND_FUNC. */
  readonly type: number;
  readonly linkage: number;
}

/** `struct bpf_line_info` */
export interface LineInfo {
  /** Slot where the line begins. */
  readonly instruction: number;
  /** Offsets in the strings of the type information: the file's name, and the line's text. */
  readonly file: number;
  readonly text: number;
  /** Line in the upper 22 bits, column in the lower 10. */
  readonly lineAndColumn: number;
}

/** Type information of the program that is being verified, once it has been checked. */
export interface ProgramTypes {
  readonly btf: Btf;
  /** One for each subprogram; empty if the loader gave none. */
  readonly functions: readonly FunctionType[];
  readonly lines: readonly LineInfo[];
}

class Records {
  readonly #env: VerifierEnvironment;
  readonly #table: InfoTable;
  readonly #known: number;
  readonly #which: "functions" | "lines";

  constructor(env: VerifierEnvironment, table: InfoTable, known: number, which: "functions" | "lines") {
    this.#env = env;
    this.#table = table;
    this.#known = known;
    this.#which = which;
  }

  /** The words of a record, as many as are known. */
  read(index: number): number[] {
    const { bytes, recordSize } = this.#table;
    const start = index * recordSize;
    if (start + recordSize > bytes.length) this.#env.reject(EFAULT);
    const record = bytes.subarray(start, start + recordSize);
    if (record.subarray(this.#known).some((byte) => byte !== 0)) {
      this.#env.verbose(`nonzero tailing record in ${this.#which === "functions" ? "func info" : "line_info"}`);
      this.#env.unknownFields = this.#which;
      this.#env.reject(E2BIG);
    }
    const whole = new Uint8Array(this.#known);
    whole.set(record.subarray(0, this.#known));
    const view = new DataView(whole.buffer);
    return Array.from({ length: this.#known / 4 }, (_, word) => view.getUint32(4 * word, true));
  }
}

/** The type behind typedefs and qualifiers, or undefined. */
function behind(btf: Btf, id: number): BtfType | undefined {
  try {
    return btf.resolve(id);
  } catch (error) {
    if (error instanceof BtfError) return undefined;
    throw error;
  }
}

/** An integer of at most 64 bits, or an enumeration. */
const isScalarResult = (type: BtfType | undefined): boolean =>
  (type?.kind === "int" && type.size <= 8) || type?.kind === "enum" || type?.kind === "enum64";

/** A function that may end by itself, by a tail call or a load from a packet, must return a number. */
function checkAbnormalReturn(env: VerifierEnvironment): void {
  for (const subprogram of env.subprograms.slice(1, -1)) {
    if (subprogram.hasLoadAbsolute) env.reject(EINVAL, "LD_ABS is not allowed in subprogs without BTF");
    if (subprogram.hasTailCall) env.reject(EINVAL, "tail_call is not allowed in subprogs without BTF");
  }
}

function checkFunctions(env: VerifierEnvironment, btf: Btf, table: InfoTable): FunctionType[] {
  const { count, recordSize } = table;
  if (count === 0) {
    checkAbnormalReturn(env);
    return [];
  }
  if (count !== env.subprograms.length - 1) {
    env.reject(EINVAL, "number of funcs in func_info doesn't match number of subprogs");
  }
  if (recordSize < FUNC_INFO_SIZE || recordSize > MAX_RECORD_SIZE || recordSize % 4 !== 0) {
    env.reject(EINVAL, `invalid func info rec size ${recordSize}`);
  }
  const records = new Records(env, table, FUNC_INFO_SIZE, "functions");
  // Linux ends these messages without a newline.
  const refuse = (message: string): never => {
    env.verbose(message);
    return env.reject(EINVAL);
  };
  const functions: FunctionType[] = [];
  let previous = 0;
  for (let index = 0; index < count; index++) {
    const [instruction, type] = records.read(index);
    if (index === 0 && instruction !== 0) {
      refuse(`nonzero insn_off ${instruction} for the first func info record`);
    }
    if (index > 0 && instruction <= previous) {
      refuse(`same or smaller insn offset (${instruction}) than previous func info record (${previous})`);
    }
    const subprogram = env.subprograms[index];
    if (subprogram.start !== instruction) {
      env.reject(EINVAL, "func_info BTF section doesn't match subprog layout in BPF program");
    }
    const fn = btf.types[type];
    if (fn?.kind !== "func") return refuse(`invalid type id ${type | 0} in func info`);
    const prototype = btf.types[fn.type];
    if (prototype?.kind !== "func_proto") return env.reject(EINVAL);
    if (index > 0 && !isScalarResult(behind(btf, prototype.type))) {
      if (subprogram.hasLoadAbsolute) env.reject(EINVAL, "LD_ABS is only allowed in functions that return 'int'.");
      if (subprogram.hasTailCall) env.reject(EINVAL, "tail_call is only allowed in functions that return 'int'.");
    }
    functions.push({ type, linkage: fn.linkage });
    previous = instruction;
  }
  return functions;
}

function checkLines(env: VerifierEnvironment, btf: Btf, table: InfoTable): LineInfo[] {
  const { count, recordSize } = table;
  if (count === 0) return [];
  if (count > 0x7fff_ffff / LINE_INFO_SIZE) env.reject(EINVAL);
  if (recordSize < LINE_INFO_SIZE || recordSize > MAX_RECORD_SIZE || recordSize % 4 !== 0) env.reject(EINVAL);
  const records = new Records(env, table, LINE_INFO_SIZE, "lines");
  const length = env.instructions.length;
  const subprograms = env.subprograms.length - 1;
  const lines: LineInfo[] = [];
  let previous = 0;
  let next = 0;
  for (let index = 0; index < count; index++) {
    const [instruction, file, text, lineAndColumn] = records.read(index);
    if ((index > 0 && instruction <= previous) || instruction >= length) {
      const place = `(prev_offset:${previous} prog->len:${length})`;
      env.reject(EINVAL, `Invalid line_info[${index}].insn_off:${instruction} ${place}`);
    }
    if (env.instructions[instruction].code === 0) {
      env.reject(EINVAL, `Invalid insn code at line_info[${index}].insn_off`);
    }
    if (btf.string(text) === undefined || btf.string(file) === undefined) {
      env.reject(EINVAL, `Invalid line_info[${index}].line_off or .file_name_off`);
    }
    if (next < subprograms) {
      const { start } = env.subprograms[next];
      if (instruction === start) next++;
      else if (start < instruction) env.reject(EINVAL, `missing bpf_line_info for func#${next}`);
    }
    lines.push({ instruction, file, text, lineAndColumn });
    previous = instruction;
  }
  if (next !== subprograms) {
    env.reject(EINVAL, `missing bpf_line_info for ${subprograms - next} funcs starting from func#${next}`);
  }
  return lines;
}

/** Checks func_info and line_info of the program, and keeps what they say in `env.types`. */
export function checkTypeInfo(env: VerifierEnvironment): void {
  const info = env.program.typeInfo;
  if (info === undefined || (info.functions.count === 0 && info.lines.count === 0)) {
    if (env.program.functionInfo !== true) checkAbnormalReturn(env);
    return;
  }
  if (typeof info.btf === "number") env.reject(info.btf);
  const functions = checkFunctions(env, info.btf, info.functions);
  const lines = checkLines(env, info.btf, info.lines);
  env.types = { btf: info.btf, functions, lines };
}

/** The line that an instruction belongs to. */
export function lineOf(lines: readonly LineInfo[], index: number): LineInfo | undefined {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle].instruction <= index) low = middle;
    else high = middle - 1;
  }
  return lines[low];
}

/**
 * Lines of the program after the verifier's changes. A line whose instructions are all gone goes, too, unless what follows
 * has no line of its own: then the last of them is that one's.
 *
 * @param placeOf new slot of an old one, or undefined if it was removed
 */
export function linesAfterChanges(
  lines: readonly LineInfo[],
  slots: number,
  placeOf: (slot: number) => number | undefined,
): LineInfo[] {
  const bySlot = new Map(lines.map((line) => [line.instruction, line]));
  const result: LineInfo[] = [];
  let orphan: LineInfo | undefined;
  for (let slot = 0; slot < slots; slot++) {
    const line = bySlot.get(slot);
    const place = placeOf(slot);
    if (place === undefined) {
      orphan = line ?? orphan;
      continue;
    }
    const chosen = line ?? orphan;
    if (chosen !== undefined) result.push({ ...chosen, instruction: place });
    orphan = undefined;
  }
  return result;
}
