/**
 * The context of fentry, fexit, fmod_ret, LSM and BTF tracepoint programs: the function's arguments, each as wide as a register or two,
 * behind them its result. Their types are those of the kernel's BTF. (btf_ctx_access)
 */
import type { Btf, BtfType } from "../../btf.ts";
import {
  BPF_LSM_CGROUP,
  BPF_LSM_MAC,
  BPF_MODIFY_RETURN,
  BPF_TRACE_FEXIT,
  type FunctionPrototype,
  kindName,
  type TargetFunction,
} from "../attach-target.ts";
import type { VerifierEnvironment } from "../environment.ts";
import { BPF_PROG_TYPE_TRACING } from "../program-types.ts";
import { MEM_PERCPU, MEM_USER, PTR_TO_BTF_ID, SCALAR_VALUE } from "../register-state.ts";
import type { ContextField } from "./index.ts";

const SCALAR: ContextField = { type: SCALAR_VALUE };
const MAX_CONTEXT = 8 * 12;

/** Name of a type as the log shows it. */
const shownName = (type: BtfType): string => type.name || "(anon)";

const slots = (bytes: number): number => 8 * Math.ceil(bytes / 8);

/** Which argument lies at an offset: the number of arguments for the result, one more for what is behind it. */
function argumentAt(btf: Btf, prototype: FunctionPrototype, offset: number): number {
  let end = 0;
  for (const [index, { type }] of prototype.parameters.entries()) {
    const resolved = btf.resolve(type);
    end += resolved.kind === "ptr" || !("size" in resolved) ? 8 : slots(resolved.size);
    if (offset < end) return index;
  }
  const result = btf.resolve(prototype.type);
  end += result.kind === "ptr" ? 8 : slots("size" in result ? result.size : 0);
  return offset < end ? prototype.parameters.length : prototype.parameters.length + 1;
}

/** Flags of a pointer to memory that only user space, or only one processor, can name. */
function tagFlags(type: BtfType): number {
  if (type.kind !== "type_tag") return 0;
  return type.name === "user" ? MEM_USER : type.name === "percpu" ? MEM_PERCPU : 0;
}

/** What the argument or the result is; undefined: the access is refused, and the log says why. */
function valueType(env: VerifierEnvironment, target: TargetFunction, argument: number): BtfType | undefined {
  const { btf, name, prototype, isTracepoint } = target;
  const parameters = isTracepoint ? prototype.parameters.slice(1) : prototype.parameters;
  const missing = (): undefined => {
    env.verbose(`func '${name}' doesn't have ${argument + 1}-th argument\n`);
    return undefined;
  };
  if (argument > parameters.length) return missing();
  if (argument < parameters.length) return btf.resolve(parameters[argument].type);
  const result = btf.resolve(prototype.type);
  switch (env.program.expectedAttachType) {
    case BPF_LSM_CGROUP:
    case BPF_LSM_MAC:
    case BPF_TRACE_FEXIT:
      return result;
    case BPF_MODIFY_RETURN:
      if (result.kind === "int" && result.size <= 8) return result;
      env.verbose(`ret type ${kindName(result)} not allowed for fmod_ret\n`);
      return undefined;
    default:
      return missing();
  }
}

/** A load of the context's value at an offset; null: refused. */
export function btfContextAccess(
  env: VerifierEnvironment,
  offset: number,
  size: number,
  isWrite: boolean,
): ContextField | null {
  const { target } = env;
  if (target === undefined) return null;
  const isTracing = env.program.type === BPF_PROG_TYPE_TRACING;
  if (isTracing && (offset < 0 || offset >= MAX_CONTEXT || isWrite || offset % size !== 0)) return null;
  const { btf, name } = target;
  if (offset % 8 !== 0) {
    env.verbose(`func '${name}' offset ${offset} is not multiple of 8\n`);
    return null;
  }
  const argument = argumentAt(btf, target.prototype, offset);
  const type = valueType(env, target, argument);
  // A store would change what the function gets: nobody may do that.
  if (type === undefined || isWrite || offset < 0) return null;
  if ((type.kind === "int" && type.size <= 8) || ["enum", "enum64", "struct"].includes(type.kind)) return SCALAR;
  if (type.kind !== "ptr") {
    env.verbose(
      `func '${name}' arg${argument} '${shownName(type)}' has type ${kindName(type)}. Only pointer access is allowed\n`,
    );
    return null;
  }
  // A pointer to nothing in particular, or to numbers, is a number itself.
  if (type.type === 0 || btf.resolve(type.type).kind === "int") return SCALAR;
  const pointee = btf.resolve(type.type);
  if (pointee.kind !== "struct" && pointee.kind !== "union") {
    env.verbose(`func '${name}' arg${argument} type ${kindName(pointee)} is not a struct\n`);
    return null;
  }
  env.verbose(
    `func '${name}' arg${argument} has btf_id ${pointee.id} type ${kindName(pointee)} '${shownName(pointee)}'\n`,
  );
  return { type: PTR_TO_BTF_ID | tagFlags(btf.type(type.type)), structure: pointee };
}
