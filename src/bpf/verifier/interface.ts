/**
 * What goes into the verifier and what comes out of it. The verifier knows nothing of the machine: maps are described,
 * file descriptors are resolved by a function of the caller, and the result is the program ready for code generation.
 * Program types, map types and flags have the numbers of `<linux/bpf.h>`.
 */
import type { Btf, BtfType } from "../btf.ts";
import type { Instruction } from "../isa.ts";
import type { RuleName } from "./rules.ts";
import type { LineInfo } from "./type-info.ts";

/** A pointer to a structure of the kernel in a map's value. */
export interface KernelPointer {
  readonly offset: number;
  readonly structure: BtfType;
  /** The map owns what it points to: it is only ever exchanged. */
  readonly referenced: boolean;
}

/** A map, as far as the verifier has to know it. */
export interface MapDescriptor {
  /** The caller's own handle (an id or an address); two descriptors with one id are one map. */
  readonly id: number | bigint;
  /** BPF_MAP_TYPE_. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_RDONLY_PROG, BPF_F_NO_PREALLOC and the like, as given to BPF_MAP_CREATE. */
  readonly flags: number;
  /** BPF_MAP_FREEZE was called: with BPF_F_RDONLY_PROG the contents of an array are constants. */
  readonly frozen?: boolean;
  /** The value of a frozen array of one element, so that loads from it are known numbers. */
  readonly contents?: Uint8Array;
  /** Where the first value is, for logs. */
  readonly valuesAddress?: bigint;
  /** Offsets in the value, from the map's BTF. */
  readonly spinLockOffset?: number;
  readonly timerOffset?: number;
  readonly kernelPointers?: readonly KernelPointer[];
  /** The template of an array or hash of maps. */
  readonly inner?: MapDescriptor;
}

/** What the loading task may do. A task with CAP_SYS_ADMIN has all of it. */
export interface Privileges {
  /** CAP_BPF: loops, bpf-to-bpf calls, 1,000,000 instructions, dead code removed instead of refused. */
  readonly bpf: boolean;
  /** CAP_PERFMON: pointers may be leaked, uninitialised stack may be read, no speculation barriers. */
  readonly perfmon: boolean;
}

/** Records of func_info or line_info as the loader gave them. */
export interface InfoTable {
  readonly count: number;
  /** Bytes of each; a loader's may be longer or shorter than ours. */
  readonly recordSize: number;
  /** The records, as far as the loader's memory could be read. */
  readonly bytes: Uint8Array;
}

/** Type information of a program. */
export interface TypeInfo {
  /** The types, or the positive errno that resolving their descriptor gave. */
  readonly btf: Btf | number;
  readonly functions: InfoTable;
  readonly lines: InfoTable;
}

/** The function or tracepoint that a TRACING or LSM program is loaded for, by its number in the kernel's types. */
export interface AttachTarget {
  readonly btf: Btf;
  readonly id: number;
  /** The kernel found the function's address. */
  readonly hasAddress: boolean;
  /** It is on the error-injection list. */
  readonly errorInjectable: boolean;
}

export interface ProgramToVerify {
  /** BPF_PROG_TYPE_. */
  readonly type: number;
  readonly instructions: readonly Instruction[];
  /** The licence string passed the kernel's license_is_gpl_compatible(). */
  readonly gplCompatible: boolean;
  /** BPF_F_STRICT_ALIGNMENT, BPF_F_ANY_ALIGNMENT, BPF_F_TEST_STATE_FREQ, BPF_F_SLEEPABLE. */
  readonly flags?: number;
  readonly expectedAttachType?: number;
  readonly privileges?: Privileges;
  /** The map behind a file descriptor of the loader, or a positive errno (EBADF: not open, EINVAL: not a map). */
  readonly mapByFd?: (fd: number) => MapDescriptor | number;
  /** Callbacks need to come with func_info: this lets them pass without. */
  readonly functionInfo?: boolean;
  readonly typeInfo?: TypeInfo;
  readonly attachTarget?: AttachTarget;
  /** The kernel's types. */
  readonly kernelTypes?: Btf;
  /** `fd_array`: the file descriptors that BPF_PSEUDO_MAP_IDX counts in. */
  readonly mapFds?: readonly number[];
  /** BPF_LOG_LEVEL1 = 1, BPF_LOG_LEVEL2 = 2, BPF_LOG_STATS = 4; 0 = no log text. Default 1. */
  readonly logLevel?: number;
  /** The program is going to be interpreted: no callbacks, no tail calls beside functions. */
  readonly interpreted?: boolean;
  /** The year whose rules are in force (the kernel option `bpf_rules=`). Default 6.1. */
  readonly rules?: RuleName;
  /** Microseconds for the "verification time" line of BPF_LOG_STATS; the verifier reads no clock. Default 0. */
  readonly elapsedMicroseconds?: () => number;
}

/** The counts of the "processed ..." line. */
export interface VerifierStatistics {
  readonly instructionsProcessed: number;
  readonly maxStatesPerInstruction: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly longestMarkReadWalk: number;
}

/** A function of the program: the main program is number 0. */
export interface Subprogram {
  /** Index in `instructions` of its first instruction. */
  readonly start: number;
  /** Bytes of stack it uses below R10, not yet rounded. */
  readonly stackDepth: number;
  /** It contains a tail call, so its prologue must keep the tail call counter. */
  readonly hasTailCall: boolean;
  /** A tail call is reachable from it (its own or one in a callee). */
  readonly tailCallReachable: boolean;
  /** Number of its BTF_KIND_FUNC, if func_info came with the program. */
  readonly type?: number;
}

/** What memory an instruction of the accepted program touches; the code generator needs it for faulting loads. */
export interface InstructionFacts {
  /** Index of the instruction in the program as loaded. */
  readonly original: number;
  /** The pointer that a load or store goes through is the context: the program type may want to convert the access. */
  readonly contextAccess: boolean;
  /** A 32-bit result whose upper half must be cleared explicitly on machines that do not. */
  readonly zeroExtend: boolean;
  /** A helper call: the map that it always gets. */
  readonly map?: MapDescriptor;
  /** A call of bpf_loop without flags: number in `subprograms` of the function that it always calls back. */
  readonly loopCallback?: number;
  /** A call whose result is an int in compiled code: its upper half is zero, not the sign. */
  readonly narrowResult: boolean;
}

/** Errors carry a positive errno and the log; success carries the program to generate code for. */
export type VerifyResult =
  | {
      readonly errno: number;
      readonly log: string;
      readonly statistics: VerifierStatistics;
      /** E2BIG is about records of this table: they have something set behind what is known. */
      readonly unknownFields?: "functions" | "lines";
      /** The exception behind EFAULT, if the verifier itself failed: to be reported. */
      readonly internalError?: unknown;
    }
  | (VerifiedProgram & { readonly errno: 0; readonly log: string; readonly statistics: VerifierStatistics });

export interface AttachModel {
  /** Registers that the arguments take. */
  readonly argumentRegisters: number;
  readonly returnsVoid: boolean;
}

export interface VerifiedProgram {
  /**
   * The program after fix-ups: dead code removed (privileged) or replaced by `ja -1` (unprivileged), division and modulo
   * by a register guarded against zero, bpf_loop and friends left as calls. ld_imm64 of a map has `src`
   * BPF_PSEUDO_MAP_IDX (the address of the map) or BPF_PSEUDO_MAP_IDX_VALUE (the address of its first value, plus the second
   * slot's `imm`), and `imm` indexes `maps`. A helper call has `src` 0 and the helper's id in `imm`; bpf-to-bpf calls have
   * `src` BPF_PSEUDO_CALL and a relative `imm`; ld_imm64 of a callback has `src` BPF_PSEUDO_FUNC and a relative `imm`.
   */
  readonly instructions: readonly Instruction[];
  /** One entry per slot of `instructions`. */
  readonly facts: readonly InstructionFacts[];
  readonly subprograms: readonly Subprogram[];
  /** Where lines of source begin in `instructions`. */
  readonly lines: readonly LineInfo[];
  /** Maps that the program refers to, in the order of first use. */
  readonly maps: readonly MapDescriptor[];
  /** Per slot of the program as loaded: whether any path reaches it. */
  readonly seen: readonly boolean[];
  /** A live call of bpf_override_return remains: such a program attaches only to functions that allow it. */
  readonly kprobeOverride: boolean;
  /** The program calls bpf_tail_call. */
  readonly tailCall: boolean;
  /** Helper ids that live calls use, ascending. */
  readonly helpers: readonly number[];
  /** The stack of the main program, in bytes. */
  readonly stackDepth: number;
  /** Where the last access to the context ends: an event's record must be at least that long. */
  readonly maxContextOffset: number;
  /** What a trampoline must know of the function that the program is for. */
  readonly attach?: AttachModel;
}
