/**
 * What a program of type TRACING or LSM is loaded for: a function of the kernel, or a tracepoint, by its number in the kernel's own
 * BTF. Whether it may be attached there at all is decided when it is loaded. (semantics D5, D8, D12; bpf_check_attach_target)
 */
import type { Btf, BtfType } from "../btf.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EINVAL, ENOENT } from "./errors.ts";
import type { AttachModel } from "./interface.ts";
import { DISABLED_LSM_HOOKS, isLsmHook } from "./lsm-hooks.ts";
import { BPF_PROG_TYPE_EXT, BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_TRACING } from "./program-types.ts";
import { refusedSleepableTarget, UNATTACHABLE } from "./sleepable.ts";

// BPF_ATTACH_TYPE_ numbers.
export const BPF_TRACE_RAW_TP = 23;
export const BPF_TRACE_FENTRY = 24;
export const BPF_TRACE_FEXIT = 25;
export const BPF_MODIFY_RETURN = 26;
export const BPF_LSM_MAC = 27;
export const BPF_TRACE_ITER = 28;
export const BPF_LSM_CGROUP = 43;

export type FunctionPrototype = Extract<BtfType, { kind: "func_proto" }>;

/** The target of the program under verification. */
export interface TargetFunction {
  readonly btf: Btf;
  readonly name: string;
  readonly prototype: FunctionPrototype;
  /** A tracepoint, whose first argument the program does not see. */
  readonly isTracepoint: boolean;
  readonly model: AttachModel;
}

const MAX_BPF_FUNC_ARGS = 12;
/** Arguments of structure type lie in at most two registers. */
const MAX_STRUCT_ARGUMENT = 16;
const TRACEPOINT_PREFIX = "btf_trace_";

/** A type's kind as the log names it. */
export const kindName = (type: BtfType): string => (type.kind === "void" ? "UNKNOWN" : type.kind.toUpperCase());

/** Bytes of an argument or result, -1 for what cannot be one. */
function valueSize(type: BtfType): number {
  switch (type.kind) {
    case "void":
      return 0;
    case "ptr":
      return 8;
    case "int":
    case "enum":
    case "enum64":
    case "struct":
      return type.size;
    default:
      return -1;
  }
}

/** What the code around the function must know of it. */
function distill(env: VerifierEnvironment, btf: Btf, prototype: FunctionPrototype, name: string): AttachModel {
  const { parameters } = prototype;
  if (parameters.length > MAX_BPF_FUNC_ARGS) {
    env.reject(EINVAL, `The function ${name} has ${parameters.length} arguments. Too many.`);
  }
  const result = btf.resolve(prototype.type);
  if (valueSize(result) < 0 || result.kind === "struct") {
    env.reject(EINVAL, `The function ${name} return type ${kindName(result)} is unsupported.`);
  }
  let argumentRegisters = 0;
  parameters.forEach(({ type }, index) => {
    if (index === parameters.length - 1 && type === 0) {
      env.reject(EINVAL, `The function ${name} with variable args is unsupported.`);
    }
    const resolved = btf.resolve(type);
    const size = valueSize(resolved);
    if (size < 0 || size > MAX_STRUCT_ARGUMENT) {
      env.reject(EINVAL, `The function ${name} arg${index} type ${kindName(resolved)} is unsupported.`);
    }
    if (size === 0) env.reject(EINVAL, `The function ${name} has malformed void argument.`);
    argumentRegisters += Math.ceil(size / 8);
  });
  return { argumentRegisters, returnsVoid: prototype.type === 0 };
}

function tracepoint(env: VerifierEnvironment, btf: Btf, type: BtfType): TargetFunction {
  if (type.kind !== "typedef") env.reject(EINVAL, `attach_btf_id ${type.id} is not a typedef`);
  if (!type.name.startsWith(TRACEPOINT_PREFIX)) {
    env.reject(EINVAL, `attach_btf_id ${type.id} points to wrong type name ${type.name}`);
  }
  const pointer = btf.type(type.type);
  const prototype = pointer.kind === "ptr" ? btf.type(pointer.type) : pointer;
  if (prototype.kind !== "func_proto") env.reject(EINVAL);
  return {
    btf,
    name: type.name.slice(TRACEPOINT_PREFIX.length),
    prototype,
    isTracepoint: true,
    model: { argumentRegisters: prototype.parameters.length - 1, returnsVoid: true },
  };
}

function checkLsm(env: VerifierEnvironment, id: number, name: string): void {
  if (!env.program.gplCompatible) env.reject(EINVAL, "LSM programs must have a GPL compatible license");
  if (DISABLED_LSM_HOOKS.has(name)) env.reject(EINVAL, `attach_btf_id ${id} points to disabled hook ${name}`);
  if (!isLsmHook(name)) env.reject(EINVAL, `attach_btf_id ${id} points to wrong type name ${name}`);
}

/** Whether the program may be attached to what it names. Sets env.target. */
export function checkAttachTarget(env: VerifierEnvironment): void {
  const { program } = env;
  const { type: programType, expectedAttachType, attachTarget } = program;
  if (programType !== BPF_PROG_TYPE_TRACING && programType !== BPF_PROG_TYPE_LSM && programType !== BPF_PROG_TYPE_EXT) {
    return;
  }
  if (attachTarget === undefined) env.reject(EINVAL, "Tracing programs must provide btf_id");
  const { btf, id } = attachTarget;
  const type = btf.types[id];
  if (type === undefined || id === 0) env.reject(EINVAL, `attach_btf_id ${id} is invalid`);
  switch (expectedAttachType) {
    case BPF_TRACE_RAW_TP:
      env.target = tracepoint(env, btf, type);
      return;
    case BPF_TRACE_ITER:
      if (type.kind !== "func") env.reject(EINVAL, `attach_btf_id ${id} is not a function`);
      // There are no iterators here.
      env.reject(EINVAL);
      break;
    case BPF_MODIFY_RETURN:
    case BPF_LSM_MAC:
    case BPF_LSM_CGROUP:
    case BPF_TRACE_FENTRY:
    case BPF_TRACE_FEXIT:
      break;
    default:
      env.reject(EINVAL);
  }
  if (type.kind !== "func") env.reject(EINVAL, `attach_btf_id ${id} is not a function`);
  const prototype = btf.type(type.type);
  if (prototype.kind !== "func_proto") env.reject(EINVAL);
  const { name } = type;
  const model = distill(env, btf, prototype, name);
  if (!attachTarget.hasAddress) env.reject(ENOENT, `The address of function ${name} cannot be found`);
  const { errorInjectable } = attachTarget;
  if (env.sleepable) {
    const refused = refusedSleepableTarget({ programType, name, errorInjectable }, env.rules);
    if (refused !== undefined) env.reject(EINVAL, refused);
  } else if (expectedAttachType === BPF_MODIFY_RETURN && !errorInjectable && !name.startsWith("security_")) {
    env.reject(EINVAL, `${name}() is not modifiable`);
  }
  if (programType === BPF_PROG_TYPE_LSM) checkLsm(env, id, name);
  else if (UNATTACHABLE.has(name)) env.reject(EINVAL);
  env.target = { btf, name, prototype, isTracepoint: false, model };
}
