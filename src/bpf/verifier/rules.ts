/**
 * What the verifier allowed in the years that the kernel option `bpf_rules=` names: at commit 2541517c32be (2015), when BPF came
 * to kprobes; at 329fca60a959 (2017), which merged bpf_override_return; at 10496f261ed3 (2020), which merged sleepable
 * programs; and in Linux 6.1. What is not listed here is as in 6.1, the text of the log included. (docs/eras.md)
 */
import { helperId } from "../helpers.ts";
import { BPF_JMP32, BPF_PSEUDO_CALL, BPF_PSEUDO_MAP_FD, bpfClass, type Instruction, isLdImm64 } from "../isa.ts";
import type { MapDescriptor } from "./interface.ts";
import {
  BPF_F_NO_PREALLOC,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_INODE_STORAGE,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_RINGBUF,
  BPF_MAP_TYPE_SK_STORAGE,
  BPF_MAP_TYPE_TASK_STORAGE,
  BPF_MAP_TYPE_USER_RINGBUF,
} from "./map-types.ts";
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_LSM,
  BPF_PROG_TYPE_SYSCALL,
  BPF_PROG_TYPE_TRACING,
} from "./program-types.ts";
import { SLEEPABLE_LSM_HOOKS, SLEEPABLE_LSM_HOOKS_2020 } from "./sleepable.ts";

/** Values of `bpf_rules=`, oldest first. */
export const RULE_NAMES = ["2015", "2017", "2020", "6.1"] as const;
export type RuleName = (typeof RULE_NAMES)[number];

/** Which types of program may have BPF_F_SLEEPABLE, and what is said to the others. */
interface SleepableRules {
  readonly types: readonly number[];
  readonly refusedType: string;
  /** LSM hooks that sleepable programs may be on. */
  readonly lsmHooks: ReadonlySet<string>;
  /** Helpers that may sleep are unknown to programs that may not; later they are known and refused. */
  readonly hidesHelpers: boolean;
  /** Why a sleepable program may not use this map; undefined if it may. */
  readonly refusedMap: (map: MapDescriptor) => string | undefined;
}

export interface VerifierRules {
  /** Instructions of a program that a privileged task loads. */
  readonly maxInstructions: number;
  /** Instructions processed on all paths. */
  readonly complexityLimit: number;
  /** Programs may jump backwards. */
  readonly loops: boolean;
  /** Privileged programs may read stack that they have not written. */
  readonly uninitializedStack: boolean;
  /** What the instructions may be; undefined: all that 6.1 knows. Returns the reason of a refusal. */
  readonly refusedInstruction?: (insn: Instruction) => string | undefined;
  /** Helpers with a number from here on are not known yet. */
  readonly helperCount?: number;
  /** The helpers of KPROBE programs, if there were fewer than the numbers say. */
  readonly kprobeHelpers?: ReadonlySet<number>;
  /** bpf_probe_read writes to the stack only, and as much as a constant says. */
  readonly probeReadToStack: boolean;
  readonly sleepable: SleepableRules;
}

const named = (...names: string[]): ReadonlySet<number> => new Set(names.flatMap((name) => helperId(name) ?? []));
const after = (name: string): number => (helperId(name) ?? 0) + 1;

const MAPS_2020: ReadonlySet<number> = new Set([BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_ARRAY]);

const MAPS_6_1: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_RINGBUF,
  BPF_MAP_TYPE_USER_RINGBUF,
  BPF_MAP_TYPE_INODE_STORAGE,
  BPF_MAP_TYPE_SK_STORAGE,
  BPF_MAP_TYPE_TASK_STORAGE,
]);

const SLEEPABLE_2020: SleepableRules = {
  types: [BPF_PROG_TYPE_TRACING, BPF_PROG_TYPE_LSM],
  refusedType: "Only fentry/fexit/fmod_ret and lsm programs can be sleepable",
  lsmHooks: SLEEPABLE_LSM_HOOKS_2020,
  hidesHelpers: true,
  refusedMap: (map) => {
    if (!MAPS_2020.has(map.type)) return "Sleepable programs can only use array and hash maps";
    // An element freed at once could be under the eyes of a program that sleeps.
    const allocated = map.type === BPF_MAP_TYPE_HASH && (map.flags & BPF_F_NO_PREALLOC) !== 0;
    return allocated ? "Sleepable programs can only use preallocated hash maps" : undefined;
  },
};

const SLEEPABLE_6_1: SleepableRules = {
  types: [BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACING, BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_SYSCALL],
  refusedType: "Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable",
  lsmHooks: SLEEPABLE_LSM_HOOKS,
  hidesHelpers: false,
  refusedMap: (map) =>
    MAPS_6_1.has(map.type) ? undefined : "Sleepable programs can only use array, hash, and ringbuf maps",
};

/** Before functions, callbacks, global variables (2019) and 32-bit jumps (2019). */
function refusedBefore2018(insn: Instruction): string | undefined {
  if (bpfClass(insn.code) === BPF_JMP32) return `unknown opcode ${insn.code.toString(16).padStart(2, "0")}`;
  if (isLdImm64(insn)) return insn.src > BPF_PSEUDO_MAP_FD ? "unrecognized bpf_ld_imm64 insn" : undefined;
  const isCall = insn.code === 0x85;
  return isCall && insn.src === BPF_PSEUDO_CALL ? "BPF_CALL uses reserved fields" : undefined;
}

const RULES: Readonly<Record<RuleName, VerifierRules>> = {
  "2015": {
    maxInstructions: 4095,
    complexityLimit: 32_768,
    loops: false,
    uninitializedStack: false,
    refusedInstruction: refusedBefore2018,
    helperCount: after("probe_read"),
    kprobeHelpers: named("map_lookup_elem", "map_update_elem", "map_delete_elem", "probe_read"),
    probeReadToStack: true,
    sleepable: SLEEPABLE_2020,
  },
  "2017": {
    maxInstructions: 4096,
    complexityLimit: 98_304,
    loops: false,
    uninitializedStack: false,
    refusedInstruction: refusedBefore2018,
    helperCount: after("override_return"),
    probeReadToStack: false,
    sleepable: SLEEPABLE_2020,
  },
  "2020": {
    maxInstructions: 1_000_000,
    complexityLimit: 1_000_000,
    loops: true,
    uninitializedStack: false,
    helperCount: after("copy_from_user"),
    probeReadToStack: false,
    sleepable: SLEEPABLE_2020,
  },
  "6.1": {
    maxInstructions: 1_000_000,
    complexityLimit: 1_000_000,
    loops: true,
    uninitializedStack: true,
    probeReadToStack: false,
    sleepable: SLEEPABLE_6_1,
  },
};

export function verifierRules(name: RuleName): VerifierRules {
  return RULES[name];
}
