/**
 * The BPF verifier: decides whether a program is safe to run, with the rules, error codes and log wording of Linux 6.1
 * (Documentation/bpf/verifier.rst), and prepares it for code generation.
 */
export type {
  AttachModel,
  AttachTarget,
  InfoTable,
  InstructionFacts,
  MapDescriptor,
  Privileges,
  ProgramToVerify,
  Subprogram,
  VerifiedProgram,
  VerifierStatistics,
  VerifyResult,
} from "./interface.ts";

import { BPF_MAXINSNS } from "../isa.ts";
import { checkAttachTarget } from "./attach-target.ts";
import { checkPaths, initialState } from "./check-program.ts";
import { checkControlFlow } from "./control-flow.ts";
import { VerifierEnvironment } from "./environment.ts";
import { E2BIG, EFAULT, EINVAL, Rejection } from "./errors.ts";
import { prepareProgram } from "./fixups.ts";
import type { ProgramToVerify, VerifiedProgram, VerifierStatistics, VerifyResult } from "./interface.ts";
import { BPF_LOG_STATS } from "./log.ts";
import { BPF_MAP_TYPE_PROG_ARRAY } from "./map-types.ts";
import { checkSubprograms, findSubprograms, resolveMaps } from "./program-structure.ts";
import { BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_SYSCALL } from "./program-types.ts";
import { checkStackDepth } from "./stack-depth.ts";
import { checkTypeInfo } from "./type-info.ts";

/** BPF_ATTACH_TYPE_ number. */
const BPF_LSM_CGROUP = 43;

function statisticsOf(env: VerifierEnvironment): VerifierStatistics {
  return {
    instructionsProcessed: env.instructionsProcessed,
    maxStatesPerInstruction: env.maxStatesPerInstruction,
    totalStates: env.totalStates,
    peakStates: env.peakStates,
    longestMarkReadWalk: env.longestMarkReadWalk,
  };
}

function logStatistics(env: VerifierEnvironment): void {
  if (env.log.level & BPF_LOG_STATS) {
    env.verbose(`verification time ${Math.floor(env.program.elapsedMicroseconds?.() ?? 0)} usec\n`);
    const depths = env.subprograms.slice(0, -1).map((subprogram) => subprogram.stackDepth);
    env.verbose(`stack depth ${depths.join("+")}\n`);
  }
  env.verbose(
    `processed ${env.instructionsProcessed} insns (limit ${env.rules.complexityLimit}) ` +
      `max_states_per_insn ${env.maxStatesPerInstruction} total_states ${env.totalStates} ` +
      `peak_states ${env.peakStates} mark_read ${env.longestMarkReadWalk}\n`,
  );
}

function check(env: VerifierEnvironment): VerifiedProgram {
  findSubprograms(env);
  checkSubprograms(env);
  checkTypeInfo(env);
  if (env.program.type === BPF_PROG_TYPE_SYSCALL && !env.sleepable) {
    env.reject(EINVAL, "Syscall programs can only be sleepable");
  }
  if (env.sleepable && !env.rules.sleepable.types.includes(env.program.type)) {
    env.reject(EINVAL, env.rules.sleepable.refusedType);
  }
  const cgroup = env.program.type === BPF_PROG_TYPE_LSM && env.program.expectedAttachType === BPF_LSM_CGROUP;
  if (env.sleepable && cgroup) env.reject(EINVAL, "BPF_LSM_CGROUP programs cannot be sleepable");
  checkAttachTarget(env);
  resolveMaps(env);
  checkControlFlow(env);
  checkPaths(env);
  checkStackDepth(env);
  return prepareProgram(env);
}

/**
 * Verifies a program.
 *
 * @returns the program ready for code generation, or a positive errno; in both cases the whole log (a loader's buffer may be
 * smaller: cutting it, and ENOSPC, are the caller's business) and the counts of its last line.
 */
export function verify(program: ProgramToVerify): VerifyResult {
  const capable = program.privileges?.bpf ?? true;
  const env = new VerifierEnvironment(program, initialState(!capable));
  const count = program.instructions.length;
  if (count === 0 || count > (capable ? env.rules.maxInstructions : BPF_MAXINSNS)) {
    return { errno: E2BIG, log: "", statistics: statisticsOf(env) };
  }
  try {
    const verified = check(env);
    logStatistics(env);
    const statistics = statisticsOf(env);
    const log = env.log.toString();
    // No program of a program array may override: its callers could not know.
    if (verified.kprobeOverride && verified.maps.some((map) => map.type === BPF_MAP_TYPE_PROG_ARRAY)) {
      return { errno: EINVAL, log, statistics };
    }
    return { errno: 0, log, statistics, ...verified };
  } catch (error) {
    if (!(error instanceof Rejection)) {
      // A mistake of the verifier itself: whatever the program is, it is not accepted.
      env.verbose(`verifier internal error: ${error instanceof Error ? error.message : String(error)}\n`);
      return { errno: EFAULT, log: env.log.toString(), statistics: statisticsOf(env), internalError: error };
    }
    logStatistics(env);
    const { unknownFields } = env;
    return { errno: error.errno, log: env.log.toString(), statistics: statisticsOf(env), unknownFields };
  }
}
