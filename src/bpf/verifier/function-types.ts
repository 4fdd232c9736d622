/**
 * Functions by their BTF prototypes. A global function is verified once, by itself, for whatever its prototype lets a caller
 * pass; callers only have to keep to the prototype. Of other functions a mismatch is noted in the log and otherwise ignored:
 * compilers change the arguments of functions that nobody outside can call.
 */
import { BTF_FUNC_GLOBAL, type Btf, BtfError, type BtfType } from "../btf.ts";
import { BPF_REG_1 } from "../isa.ts";
import { checkArgumentOffset, checkHelperMemory } from "./check-call.ts";
import { BPF_READ, BPF_WRITE } from "./check-memory.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EINVAL, Rejection } from "./errors.ts";
import { contextStructures } from "./program-types.ts";
import {
  mayBeNull,
  PTR_MAYBE_NULL,
  PTR_TO_CTX,
  PTR_TO_MEM,
  type RegisterState,
  SCALAR_VALUE,
} from "./register-state.ts";

const MAX_ARGUMENTS = 5;

const kindName = (type: BtfType): string => (type.kind === "void" ? "UNKNOWN" : type.kind.toUpperCase());
const isNumber = (type: BtfType): boolean => type.kind === "int" || type.kind === "enum" || type.kind === "enum64";

/** Whether a pointer's target is what programs of this type get as their context. */
function isContext(env: VerifierEnvironment, target: BtfType): boolean {
  return target.kind === "struct" && contextStructures(env.program.type).includes(target.name);
}

/** Size of what a pointer points to; undefined, with a line in the log, if it has none. */
function sizeBehind(env: VerifierEnvironment, btf: Btf, target: BtfType, index: number): number | undefined {
  try {
    return btf.size(target.id);
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
  }
  const name = target.kind === "void" ? "" : target.name;
  env.verbose(`arg#${index} reference type('${kindName(target)} ${name}') size cannot be determined: -22\n`);
  return undefined;
}

interface Prototype {
  readonly btf: Btf;
  readonly id: number;
  readonly name: string;
  readonly result: number;
  readonly parameters: readonly { readonly name: string; readonly type: number }[];
}

function prototypeOf(env: VerifierEnvironment, subprogram: number): Prototype | undefined {
  const types = env.types;
  const fn = types?.functions[subprogram];
  if (types === undefined || fn === undefined) return undefined;
  const type = types.btf.type(fn.type);
  const prototype = type.kind === "func" ? types.btf.type(type.type) : undefined;
  if (prototype?.kind !== "func_proto") return undefined;
  const { type: result, parameters } = prototype;
  return { btf: types.btf, id: fn.type, name: type.name, result, parameters };
}

export function isGlobalFunction(env: VerifierEnvironment, subprogram: number): boolean {
  return env.types?.functions[subprogram]?.linkage === BTF_FUNC_GLOBAL;
}

/** Memory that a global function may read and write. */
function checkMemoryArgument(env: VerifierEnvironment, reg: RegisterState, regno: number, size: number): boolean {
  if (reg.isNull()) return true;
  const { type } = reg;
  reg.type &= ~PTR_MAYBE_NULL;
  try {
    checkHelperMemory(env, regno, size, BPF_READ, true, null);
    checkHelperMemory(env, regno, size, BPF_WRITE, true, null);
    return true;
  } catch (error) {
    if (error instanceof Rejection) return false;
    throw error;
  } finally {
    reg.type = type;
  }
}

/** Whether an argument is what the prototype says. What is wrong goes into the log. */
function matches(env: VerifierEnvironment, prototype: Prototype, index: number, isGlobalCall: boolean): boolean {
  const { btf } = prototype;
  const regno = BPF_REG_1 + index;
  const reg = env.registers[regno];
  const type = btf.resolve(prototype.parameters[index].type);
  const no = (message: string): false => {
    env.verbose(`${message}\n`);
    return false;
  };
  if (isNumber(type)) return reg.type === SCALAR_VALUE || no(`R${regno} is not a scalar`);
  if (type.kind !== "ptr") return no(`Unrecognized arg#${index} type ${kindName(type)}`);
  const target = btf.resolve(type.type);
  checkArgumentOffset(env, regno);
  if (isContext(env, target)) {
    return reg.type === PTR_TO_CTX || no(`arg#${index} expected pointer to ctx, but got ${kindName(type)}`);
  }
  if (!isGlobalCall) return no(`reg type unsupported for arg#${index} function ${prototype.name}#${prototype.id}`);
  const size = sizeBehind(env, btf, target, index);
  if (size === undefined) return false;
  return checkMemoryArgument(env, reg, regno, size);
}

/**
 * Compares registers with the prototype of a function that is about to be called, or of the main program.
 *
 * @returns 0, or the errno for what does not fit
 */
export function checkArguments(env: VerifierEnvironment, subprogram: number, isCall: boolean): number {
  const prototype = prototypeOf(env, subprogram);
  if (prototype === undefined || env.unreliableFunctions.has(subprogram)) return EINVAL;
  const check = (): boolean => {
    const count = prototype.parameters.length;
    if (count > MAX_ARGUMENTS) {
      env.verbose(`Function ${prototype.name} has ${count} > ${MAX_ARGUMENTS} args\n`);
      return false;
    }
    const isGlobalCall = isCall && isGlobalFunction(env, subprogram);
    return prototype.parameters.every((_, index) => matches(env, prototype, index, isGlobalCall));
  };
  let errno: number;
  try {
    errno = check() ? 0 : EINVAL;
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    errno = error.errno;
  }
  if (errno !== 0) env.unreliableFunctions.add(subprogram);
  return errno;
}

/** The registers at the beginning of a global function: anything that its prototype allows. */
export function prepareArguments(env: VerifierEnvironment, subprogram: number): void {
  const prototype = prototypeOf(env, subprogram);
  if (prototype === undefined) return;
  const { btf, name, parameters } = prototype;
  if (env.log.perInstruction) env.verbose(`Validating ${name}() func#${subprogram}...\n`);
  if (parameters.length > MAX_ARGUMENTS) {
    const count = `${parameters.length} > ${MAX_ARGUMENTS}`;
    env.reject(EINVAL, `Global function ${name}() with ${count} args. Buggy compiler.`);
  }
  if (!isNumber(btf.resolve(prototype.result))) {
    env.reject(EINVAL, `Global function ${name}() doesn't return scalar. Only those are supported.`);
  }
  parameters.forEach((parameter, index) => {
    const reg = env.registers[BPF_REG_1 + index];
    const type = btf.resolve(parameter.type);
    if (isNumber(type)) {
      env.markUnknown(reg);
      return;
    }
    if (type.kind !== "ptr") {
      env.reject(EINVAL, `Arg#${index} type ${kindName(type)} in ${name}() is not supported yet.`);
    }
    const target = btf.resolve(type.type);
    if (isContext(env, target)) {
      reg.type = PTR_TO_CTX;
      reg.markKnownZero();
      return;
    }
    const size = sizeBehind(env, btf, target, index);
    if (size === undefined) env.reject(EINVAL);
    reg.markKnownZero();
    reg.type = PTR_TO_MEM | PTR_MAYBE_NULL;
    reg.memSize = size;
    // Linux numbers them when it reads the prototype, and again when it sets the registers up.
    env.newId();
  });
  for (const reg of env.registers.slice(BPF_REG_1)) if (mayBeNull(reg.type)) reg.id = env.newId();
}
