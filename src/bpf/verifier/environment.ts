/** Everything that one run of the verifier shares: the program, what is known of its instructions, the current state, counts. */
import {
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  type Instruction,
  isLdImm64,
  isPseudoCall,
  isPseudoFunc,
  ldImm64,
  MAX_BPF_REG,
} from "../isa.ts";
import type { TargetFunction } from "./attach-target.ts";
import { Rejection } from "./errors.ts";
import type { MapDescriptor, ProgramToVerify } from "./interface.ts";
import { VerifierLog } from "./log.ts";
import { printInstruction } from "./print-instruction.ts";
import { printFrame } from "./print-state.ts";
import { DEF_NOT_SUBREG, NOT_INIT, type RegisterState, typeName } from "./register-state.ts";
import { type VerifierRules, verifierRules } from "./rules.ts";
import type { FrameState, VerifierState } from "./state.ts";
import { type LineInfo, lineOf, type ProgramTypes } from "./type-info.ts";

export const BPF_F_STRICT_ALIGNMENT = 1 << 0;
export const BPF_F_ANY_ALIGNMENT = 1 << 1;
export const BPF_F_TEST_STATE_FREQ = 1 << 3;
export const BPF_F_SLEEPABLE = 1 << 4;

/** Branches that may wait to be looked at. */
export const COMPLEXITY_LIMIT_JUMP_SEQUENCE = 8192;
/** States stored at one instruction, for unprivileged programs. */
export const COMPLEXITY_LIMIT_STATES = 64;

/** What is learned of one instruction. */
export class InstructionAux {
  seen = 0;
  prunePoint = false;
  /** Reached by a jump, or by a return. */
  jumpTarget = false;
  /** Type of pointer that a load or store goes through; all paths must agree. */
  pointerType = NOT_INIT;
  /** The map that ld_imm64 loads. */
  map: MapDescriptor | null = null;
  mapOffset = 0;
  /** The map that a helper call gets, when it is always the same one; "varies" otherwise. */
  callMap: MapDescriptor | "varies" | null = null;
  /** bpf_loop: number of the function that it always calls back, without flags; "varies" otherwise. */
  loopCallback: number | "varies" | null = null;
  zeroExtend = false;
  /** Masking of pointer arithmetic for unprivileged programs. */
  aluState = 0;
  aluLimit = 0;
  /** A barrier against speculation is needed before this instruction's successor. */
  sanitizeStackSpill = false;
}

export class SubprogramInfo {
  start: number;
  stackDepth = 0;
  hasTailCall = false;
  tailCallReachable = false;
  hasLoadAbsolute = false;
  isAsyncCallback = false;

  constructor(start: number) {
    this.start = start;
  }
}

/** A branch that still has to be followed. */
export interface PendingBranch {
  readonly state: VerifierState;
  readonly instruction: number;
  readonly previous: number;
  readonly logPosition: number;
}

/** A stored state, with how often it helped. */
export interface ExploredState {
  readonly state: VerifierState;
  hits: number;
  misses: number;
}

export class VerifierEnvironment {
  readonly program: ProgramToVerify;
  readonly instructions: readonly Instruction[];
  readonly log: VerifierLog;
  readonly aux: InstructionAux[];
  /** Sorted by start, the main program first, with an end marker after the last. */
  readonly subprograms: SubprogramInfo[] = [];
  readonly maps: MapDescriptor[] = [];
  /** What the program is loaded for. */
  target: TargetFunction | undefined;
  /** What func_info and line_info say. */
  types: ProgramTypes | undefined;
  /** Functions that were seen to get something else than their prototype says. */
  readonly unreliableFunctions = new Set<number>();
  /** Which of the two has fields that are not known. */
  unknownFields: "functions" | "lines" | undefined;

  /** CAP_BPF. */
  readonly capable: boolean;
  readonly allowPointerLeaks: boolean;
  readonly allowUninitializedStack: boolean;
  readonly bypassSpectreV1: boolean;
  readonly bypassSpectreV4: boolean;
  readonly strictAlignment: boolean;
  readonly testStateFrequency: boolean;
  readonly sleepable: boolean;
  readonly rules: VerifierRules;

  state: VerifierState;
  insnIndex = 0;
  previousIndex = -1;
  pending: PendingBranch[] = [];
  readonly explored: (ExploredState[] | undefined)[];
  idCounter = 0;
  passCount = 0;
  exploreAluLimits = false;
  /** Registers and slots that changed since the state was last shown. */
  changedRegisters = 0;
  changedSlots = 0n;
  private previousLogLength = 0;
  private previousInstructionLength = 0;
  /** The line of source shown last. */
  previousLine: LineInfo | undefined;

  /** Where the last access to the context ends. */
  maxContextOffset = 0;

  instructionsProcessed = 0;
  previousInstructionsProcessed = 0;
  jumpsProcessed = 0;
  previousJumpsProcessed = 0;
  totalStates = 0;
  peakStates = 0;
  maxStatesPerInstruction = 0;
  longestMarkReadWalk = 0;

  constructor(program: ProgramToVerify, initial: VerifierState) {
    this.program = program;
    this.instructions = program.instructions;
    this.log = new VerifierLog(program.logLevel ?? 1);
    this.aux = program.instructions.map(() => new InstructionAux());
    this.explored = new Array(program.instructions.length);
    const privileges = program.privileges ?? { bpf: true, perfmon: true };
    const flags = program.flags ?? 0;
    this.rules = verifierRules(program.rules ?? "6.1");
    this.capable = privileges.bpf;
    this.allowPointerLeaks = privileges.perfmon;
    this.allowUninitializedStack = privileges.perfmon && this.rules.uninitializedStack;
    this.bypassSpectreV1 = privileges.perfmon;
    this.bypassSpectreV4 = privileges.perfmon;
    this.strictAlignment = (flags & BPF_F_STRICT_ALIGNMENT) !== 0 && (flags & BPF_F_ANY_ALIGNMENT) === 0;
    this.testStateFrequency = privileges.bpf && (flags & BPF_F_TEST_STATE_FREQ) !== 0;
    this.sleepable = (flags & BPF_F_SLEEPABLE) !== 0;
    this.state = initial;
  }

  /** Without CAP_BPF precision is not tracked: every scalar counts as precise. */
  get scalarsPrecise(): boolean {
    return !this.capable;
  }

  get frame(): FrameState {
    return this.state.frames[this.state.frames.length - 1];
  }

  get registers(): RegisterState[] {
    return this.frame.registers;
  }

  get instruction(): Instruction {
    return this.instructions[this.insnIndex];
  }

  get currentAux(): InstructionAux {
    return this.aux[this.insnIndex];
  }

  /** Writes a line of the log. */
  verbose(text: string): void {
    this.log.write(text);
  }

  /** Refuses the program: writes the reason as a line of the log. */
  reject(errno: number, reason?: string): never {
    if (reason !== undefined) this.log.write(`${reason}\n`);
    throw new Rejection(errno);
  }

  markUnknown(reg: RegisterState): void {
    reg.markUnknown(this.scalarsPrecise);
  }

  markNotInit(reg: RegisterState): void {
    reg.markNotInit(this.scalarsPrecise);
  }

  newId(): number {
    this.idCounter++;
    return this.idCounter;
  }

  typeName(type: number): string {
    return typeName(type);
  }

  /** Whether a register holds a pointer that this program must not learn the value of. */
  isPointerValue(regno: number): boolean {
    return !this.allowPointerLeaks && this.registers[regno].type !== 1;
  }

  /** Number of the subprogram that starts at `index`, or -1. */
  findSubprogram(index: number): number {
    let low = 0;
    let high = this.subprograms.length - 2;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const start = this.subprograms[middle].start;
      if (start === index) return middle;
      if (start < index) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The subprogram that a bpf-to-bpf call or the address of a callback names. */
  calledSubprogram(index: number): number {
    const insn = this.instructions[index];
    if (!isPseudoCall(insn) && !isPseudoFunc(insn)) return -1;
    return this.findSubprogram(index + insn.imm + 1);
  }

  // --- What the log shows of the state -------------------------------------------------------------------------------

  markRegisterChanged(regno: number): void {
    this.changedRegisters |= 1 << regno;
  }

  markSlotChanged(slot: number): void {
    if (this.log.perInstruction) this.changedSlots |= 1n << BigInt(slot);
  }

  markEverythingChanged(): void {
    this.changedRegisters = (1 << MAX_BPF_REG) - 1;
    this.changedSlots = (1n << 64n) - 1n;
  }

  printState(frame: FrameState, everything: boolean): void {
    const registers = everything ? (1 << MAX_BPF_REG) - 1 : this.changedRegisters;
    const slots = everything ? (1n << 64n) - 1n : this.changedSlots;
    this.verbose(`${printFrame(frame, registers, slots)}\n`);
    // After a full picture Linux still shows the changes with the next instruction.
    if (everything) return;
    this.changedRegisters = 0;
    this.changedSlots = 0n;
  }

  /** Shows what changed: at the end of the instruction's line if that was the last thing written. */
  printChanges(frame: FrameState): void {
    if (this.previousLogLength !== 0 && this.previousLogLength === this.log.length) {
      this.log.reset(this.previousLogLength - 1);
      const at = this.previousInstructionLength;
      const column = Math.ceil(Math.max(at + 4, 40) / 8) * 8 - at - 1;
      this.verbose(`${" ".padStart(column)};`);
    } else {
      this.verbose(`${this.insnIndex}:`);
    }
    this.printState(frame, false);
  }

  get somethingChanged(): boolean {
    return this.changedRegisters !== 0 || this.changedSlots !== 0n;
  }

  /** An instruction's text. Maps with a kernel address are shown by it, as Linux has put it into the instruction by then. */
  instructionText(index: number): string {
    const { map, mapOffset } = this.aux[index];
    let insn = this.instructions[index];
    let next: Instruction | undefined = this.instructions[index + 1];
    if (isLdImm64(insn) && map !== null && typeof map.id === "bigint" && next !== undefined) {
      const isValue = insn.src === BPF_PSEUDO_MAP_VALUE || insn.src === BPF_PSEUDO_MAP_IDX_VALUE;
      const address = isValue ? (map.valuesAddress ?? 0n) + BigInt(mapOffset) : map.id;
      const [first, second] = ldImm64(insn.dst, 0, address);
      insn = { ...first, src: insn.src };
      next = second;
    }
    return printInstruction(insn, next, this.allowPointerLeaks);
  }

  /** The line of source that an instruction belongs to, unless it was the last one shown. */
  printSourceLine(index: number, prefix: string): void {
    if (this.log.level === 0 || this.types === undefined || this.types.lines.length === 0) return;
    const line = lineOf(this.types.lines, index);
    if (line === undefined || line === this.previousLine) return;
    this.verbose(`${prefix}${(this.types.btf.string(line.text) ?? "").trimStart()}\n`);
    this.previousLine = line;
  }

  printInstructionLine(text: string): void {
    const before = this.log.length;
    this.verbose(`${this.insnIndex}: ${text}\n`);
    this.previousInstructionLength = this.log.length - before;
    this.previousLogLength = this.log.length;
  }

  // --- Stored states -------------------------------------------------------------------------------------------------

  /** The list that holds states stored at an instruction; other call sites may share it. */
  exploredBucket(index: number): number {
    return ((index ^ this.frame.callsite) >>> 0) % this.instructions.length;
  }

  /** A 32-bit definition is read as 64 bits: its upper half must really be zero. */
  markZeroExtend(reg: RegisterState): void {
    if (reg.subregDef === DEF_NOT_SUBREG) return;
    this.aux[reg.subregDef - 1].zeroExtend = true;
    reg.subregDef = DEF_NOT_SUBREG;
  }

  /** Index of the last slot of the instruction at `index`. */
  lastSlotOf(index: number): number {
    return isLdImm64(this.instructions[index]) ? index + 1 : index;
  }
}
