/**
 * Calls of helper functions: whether the program may call this one, whether the arguments are what it expects, and what the
 * registers hold afterwards.
 */
import {
  type ArgumentKind,
  HELPER_COUNT,
  type HelperPrototype,
  hasTrampoline,
  helperId,
  helperName,
  offeredHelper,
} from "../helpers.ts";
import { BPF_REG_0, BPF_REG_1, BPF_REG_2, BPF_REG_3, BPF_REG_5, type Instruction } from "../isa.ts";
import { syncBounds } from "./bounds.ts";
import { kernelStructure, pointsTo } from "./check-btf.ts";
import { enterCallback } from "./check-function-call.ts";
import {
  BPF_READ,
  BPF_WRITE,
  checkAlignment,
  checkMapAccess,
  checkMapPermission,
  checkMemoryAccess,
  checkPacketAccess,
  checkRegion,
  checkUnmodified,
  mayWritePacket,
} from "./check-memory.ts";
import { type BufferUse, checkRangeInitialized } from "./check-stack.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EFAULT, EINVAL, ENOTSUPP } from "./errors.ts";
import { isValidFormat } from "./format-string.ts";
import type { MapDescriptor } from "./interface.ts";
import { BPF_MAX_VAR_OFF } from "./limits.ts";
import { checkRegisterArgument, DST_OP_NO_MARK, SRC_OP } from "./liveness.ts";
import { mapSupports } from "./map-functions.ts";
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PROG_ARRAY } from "./map-types.ts";
import { markPrecise } from "./precision.ts";
import { BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_TRACING, hasPlainContext } from "./program-types.ts";
import { acquireReference, checkReferenceLeak, releaseReference } from "./references.ts";
import {
  baseType,
  CONST_PTR_TO_MAP,
  DEF_NOT_SUBREG,
  isPacketPointer,
  isPacketPointerAny,
  isReadOnlyMemory,
  MEM_ALLOC,
  MEM_RDONLY,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  type RegisterState,
  SCALAR_VALUE,
  typeName,
} from "./register-state.ts";
import { tnumIsConst } from "./tnum.ts";

const FIRST_ARGUMENT = BPF_REG_1;
const CALLER_SAVED = [0, 1, 2, 3, 4, 5];
/** Sizes beyond this are refused before they are added to anything. */
const BPF_MAX_VAR_SIZ = BigInt(BPF_MAX_VAR_OFF);
const MAX_ERRNO = 4095n;

const id = (name: string): number => helperId(name) ?? -1;
const TAIL_CALL = id("tail_call");
const PROBE_READ = id("probe_read");
const GET_FUNC_IP = id("get_func_ip");
const SNPRINTF = id("snprintf");
const SPIN_LOCK = id("spin_lock");
const RINGBUF_RESERVE = id("ringbuf_reserve");
const MAP_WRITERS = new Set(["map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem"].map(id));
/** Helpers whose map the code generator may want to know. */
const RECORDED = new Set([
  ...MAP_WRITERS,
  ...["map_lookup_elem", "map_peek_elem", "for_each_map_elem", "redirect_map", "map_lookup_percpu_elem"].map(id),
  TAIL_CALL,
]);
/** Helpers that return at most the size they were given, or an error. */
const RETURNS_SIZE = new Set(
  ["get_stack", "get_task_stack", "probe_read_str", "probe_read_kernel_str", "probe_read_user_str"].map(id),
);

/** What the arguments tell about the call, as they are looked at one after the other. */
class CallMeta implements BufferUse {
  map: MapDescriptor | null = null;
  mapUid = 0;
  uninitialized = false;
  filledSize = 0;
  filledRegister = 0;
  memSize = 0;
  largestSize = 0n;
  releaseRegister = 0;
  refObjId = 0;
  callback = -1;
  readonly prototype: HelperPrototype;

  constructor(prototype: HelperPrototype) {
    this.prototype = prototype;
  }
}

const VALUE_TYPES = [PTR_TO_STACK, PTR_TO_PACKET, PTR_TO_PACKET_META, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE];
const MEMORY_TYPES = [...VALUE_TYPES, PTR_TO_MEM, PTR_TO_MEM | MEM_ALLOC, PTR_TO_BUF];

interface ArgumentRule {
  readonly types: readonly number[];
  readonly nullable?: boolean;
  readonly readonlyMemory?: boolean;
  /** The kernel's structure that a PTR_TO_BTF_ID must point to. */
  readonly structure?: string;
}

/** Which pointers an argument may be. The order is the order in which the log names them. */
const RULES: Readonly<Record<Exclude<ArgumentKind, "anything">, ArgumentRule>> = {
  ctx: { types: [PTR_TO_CTX] },
  map: { types: [CONST_PTR_TO_MAP] },
  key: { types: VALUE_TYPES },
  value: { types: VALUE_TYPES },
  valueOrNull: { types: VALUE_TYPES, nullable: true },
  uninitValue: { types: VALUE_TYPES },
  mem: { types: MEMORY_TYPES },
  memOrNull: { types: MEMORY_TYPES, nullable: true },
  readonlyMem: { types: MEMORY_TYPES, readonlyMemory: true },
  readonlyMemOrNull: { types: MEMORY_TYPES, readonlyMemory: true, nullable: true },
  uninitMem: { types: MEMORY_TYPES },
  size: { types: [SCALAR_VALUE] },
  sizeOrZero: { types: [SCALAR_VALUE] },
  allocSize: { types: [SCALAR_VALUE] },
  ringbufMem: { types: [PTR_TO_MEM | MEM_ALLOC] },
  spinLock: { types: [PTR_TO_MAP_VALUE] },
  timer: { types: [PTR_TO_MAP_VALUE] },
  func: { types: [PTR_TO_FUNC] },
  stackOrNull: { types: [PTR_TO_STACK], nullable: true },
  long: { types: MEMORY_TYPES },
  constString: { types: [PTR_TO_MAP_VALUE] },
  taskStruct: { types: [PTR_TO_BTF_ID], structure: "task_struct" },
  inode: { types: [PTR_TO_BTF_ID], structure: "inode" },
};

/** Pointers that an argument may be with an offset added. */
const OFFSET_ALLOWED: ReadonlySet<number> = new Set([
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RDONLY,
  PTR_TO_MEM | MEM_ALLOC,
  PTR_TO_BUF,
  PTR_TO_BUF | MEM_RDONLY,
  SCALAR_VALUE,
]);

function checkType(env: VerifierEnvironment, regno: number, rule: ArgumentRule, kind: ArgumentKind): void {
  const reg = env.registers[regno];
  let type = reg.type;
  if (rule.readonlyMemory) type &= ~MEM_RDONLY;
  if (rule.nullable) type &= ~PTR_MAYBE_NULL;
  if (!rule.types.includes(type)) {
    const expected = rule.types.map(typeName).join(", ");
    env.reject(EACCES, `R${regno} type=${typeName(reg.type)} expected=${expected}`);
  }
  if (rule.structure !== undefined) {
    checkUnmodified(env, reg, regno, true);
    if (!pointsTo(env, reg, rule.structure)) {
      const found = reg.structure?.name ?? "";
      env.reject(EACCES, `R${regno} is of type ${found} but ${rule.structure} is expected`);
    }
    return;
  }
  if (kind === "ringbufMem") checkUnmodified(env, reg, regno);
  else checkArgumentOffset(env, regno);
}

/** A pointer that is passed on has no offset, but for those to memory. (check_func_arg_reg_off) */
export function checkArgumentOffset(env: VerifierEnvironment, regno: number): void {
  const reg = env.registers[regno];
  if (!OFFSET_ALLOWED.has(reg.type)) checkUnmodified(env, reg, regno, reg.type === PTR_TO_BTF_ID);
}

function mayPassPacket(env: VerifierEnvironment, prototype: HelperPrototype): boolean {
  return mayWritePacket(env) && prototype.packetAccess;
}

/** Memory of `size` bytes that a helper reads or fills. */
export function checkHelperMemory(
  env: VerifierEnvironment,
  regno: number,
  size: number,
  access: number,
  zeroSizeAllowed: boolean,
  use: BufferUse | null,
): void {
  const reg = env.registers[regno];
  const fills = access === BPF_WRITE;
  const refuse = (): never =>
    env.reject(EACCES, `R${regno} type=${typeName(reg.type)} expected=${typeName(PTR_TO_STACK)}`);
  switch (baseType(reg.type)) {
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
      checkPacketAccess(env, regno, reg.off, size, zeroSizeAllowed);
      return;
    case PTR_TO_MAP_KEY:
      if (fills) env.reject(EACCES, `R${regno} cannot write into ${typeName(reg.type)}`);
      checkRegion(env, regno, reg.off, size, reg.map?.keySize ?? 0, false);
      return;
    case PTR_TO_MAP_VALUE:
      checkMapPermission(env, regno, reg.off, size, access);
      checkMapAccess(env, regno, reg.off, size, zeroSizeAllowed);
      return;
    case PTR_TO_MEM:
      if (isReadOnlyMemory(reg.type) && fills) env.reject(EACCES, `R${regno} cannot write into ${typeName(reg.type)}`);
      checkRegion(env, regno, reg.off, size, reg.memSize, zeroSizeAllowed);
      return;
    case PTR_TO_STACK:
      checkRangeInitialized(env, regno, reg.off, size, zeroSizeAllowed, true, use);
      return;
    case PTR_TO_CTX:
      // Where accesses to the context are not rewritten it is memory like any other.
      if (!hasPlainContext(env.program.type)) refuse();
      if (size > 0) checkMemoryAccess(env, regno, size - 1, 1, access, -1, false);
      else if (!zeroSizeAllowed) env.reject(EACCES);
      return;
    default:
      // Nothing may be read from nowhere.
      if (!zeroSizeAllowed || size !== 0 || !reg.isNull()) refuse();
  }
}

/** A size, for the memory in the argument before it: the lowest and the highest possible one must both be fine. */
function checkSize(env: VerifierEnvironment, regno: number, zeroSizeAllowed: boolean, meta: CallMeta): void {
  const reg = env.registers[regno];
  meta.largestSize = reg.umax;
  // How much is filled is not known: then all of it must be initialised before.
  const use = tnumIsConst(reg.varOff) ? meta : null;
  const access = meta.uninitialized ? BPF_WRITE : BPF_READ;
  if (reg.smin < 0n) {
    env.reject(EACCES, `R${regno} min value is negative, either use unsigned or 'var &= const'`);
  }
  if (reg.umin === 0n) checkHelperMemory(env, regno - 1, 0, access, zeroSizeAllowed, use);
  if (reg.umax >= BPF_MAX_VAR_SIZ) {
    env.reject(EACCES, `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  }
  checkHelperMemory(env, regno - 1, Number(reg.umax), access, zeroSizeAllowed, use);
  markPrecise(env, regno);
}

/** Whatever is wrong, Linux calls it EACCES, here and for timers. */
function checkSpinLock(env: VerifierEnvironment, regno: number, isLock: boolean): void {
  const reg = env.registers[regno];
  const map = reg.map;
  const value = Number(BigInt.asIntN(64, reg.varOff.value));
  if (!tnumIsConst(reg.varOff)) {
    env.reject(EACCES, `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`);
  }
  if (map?.spinLockOffset === undefined) {
    env.reject(EACCES, "map '' has no valid bpf_spin_lock");
  }
  if (map.spinLockOffset !== value + reg.off) {
    env.reject(EACCES, `off ${value + reg.off} doesn't point to 'struct bpf_spin_lock'`);
  }
  if (isLock) {
    if (env.state.activeSpinLock !== 0) env.reject(EACCES, "Locking two bpf_spin_locks are not allowed");
    env.state.activeSpinLock = reg.id;
    return;
  }
  if (env.state.activeSpinLock === 0) env.reject(EACCES, "bpf_spin_unlock without taking a lock");
  if (env.state.activeSpinLock !== reg.id) env.reject(EACCES, "bpf_spin_unlock of different lock");
  env.state.activeSpinLock = 0;
}

function checkTimer(env: VerifierEnvironment, regno: number, meta: CallMeta): void {
  const reg = env.registers[regno];
  const map = reg.map;
  const value = Number(BigInt.asIntN(64, reg.varOff.value));
  if (!tnumIsConst(reg.varOff)) {
    env.reject(EACCES, `R${regno} doesn't have constant offset. bpf_timer has to be at the constant offset`);
  }
  if (map?.timerOffset === undefined) {
    env.reject(EACCES, "map '' has no valid bpf_timer");
  }
  if (map.timerOffset !== value + reg.off) {
    env.reject(EACCES, `off ${value + reg.off} doesn't point to 'struct bpf_timer' that is at ${map.timerOffset}`);
  }
  if (meta.map !== null) env.reject(EACCES, "verifier bug. Two map pointers in a timer helper");
  meta.map = map;
  meta.mapUid = reg.mapUid;
}

function checkConstantString(env: VerifierEnvironment, regno: number): void {
  const reg = env.registers[regno];
  const map = reg.map;
  const readonly = map?.frozen === true && (map.flags & BPF_F_RDONLY_PROG) !== 0;
  if (map === null || !readonly) env.reject(EACCES, `R${regno} does not point to a readonly map'`);
  if (!tnumIsConst(reg.varOff)) env.reject(EACCES, `R${regno} is not a constant address'`);
  if (map.type !== BPF_MAP_TYPE_ARRAY) {
    env.reject(EACCES, "no direct value access support for this map type");
  }
  checkMapAccess(env, regno, reg.off, map.valueSize - reg.off, false);
  const start = reg.off + Number(reg.varOff.value);
  if (map.contents === undefined || map.contents.indexOf(0, start) < 0) {
    env.reject(EINVAL, "string is not zero-terminated");
  }
}

function checkArgument(env: VerifierEnvironment, index: number, kind: ArgumentKind, meta: CallMeta): void {
  const regno = FIRST_ARGUMENT + index;
  const reg = env.registers[regno];
  checkRegisterArgument(env, regno, SRC_OP);
  if (kind === "anything") {
    if (env.isPointerValue(regno)) env.reject(EACCES, `R${regno} leaks addr into helper function`);
    return;
  }
  if (isPacketPointer(reg.type) && !mayPassPacket(env, meta.prototype)) {
    env.reject(EACCES, "helper access to the packet is not allowed");
  }
  const rule = RULES[kind];
  const isNullAllowed = reg.isNull() && rule.nullable === true;
  if (!isNullAllowed) checkType(env, regno, rule, kind);
  if (kind === "ringbufMem") {
    if (reg.refObjId === 0 && !reg.isNull()) {
      env.reject(EINVAL, `R${regno} must be referenced when passed to release function`);
    }
    meta.releaseRegister = regno;
  }
  if (reg.refObjId !== 0) {
    if (meta.refObjId !== 0) {
      env.reject(
        EFAULT,
        `verifier internal error: more than one arg with ref_obj_id R${regno} ${reg.refObjId} ${meta.refObjId}`,
      );
    }
    meta.refObjId = reg.refObjId;
  }
  switch (kind) {
    case "map":
      if (meta.map !== null && (meta.map !== reg.map || meta.mapUid !== reg.mapUid)) {
        env.reject(
          EINVAL,
          `timer pointer in R1 map_uid=${meta.mapUid} doesn't match map pointer in R2 map_uid=${reg.mapUid}`,
        );
      }
      meta.map = reg.map;
      meta.mapUid = reg.mapUid;
      break;
    case "key":
      if (meta.map === null) env.reject(EACCES, "invalid map_ptr to access map->key");
      checkHelperMemory(env, regno, meta.map.keySize, BPF_READ, false, null);
      break;
    case "value":
    case "valueOrNull":
    case "uninitValue":
      if (isNullAllowed) break;
      if (meta.map === null) env.reject(EACCES, "invalid map_ptr to access map->value");
      meta.uninitialized = kind === "uninitValue";
      checkHelperMemory(env, regno, meta.map.valueSize, meta.uninitialized ? BPF_WRITE : BPF_READ, false, meta);
      break;
    case "mem":
    case "memOrNull":
    case "readonlyMem":
    case "readonlyMemOrNull":
    case "uninitMem":
      // Checked with the size that follows.
      meta.uninitialized = kind === "uninitMem";
      break;
    case "size":
      checkSize(env, regno, false, meta);
      break;
    case "sizeOrZero":
      checkSize(env, regno, true, meta);
      break;
    case "allocSize":
      if (!tnumIsConst(reg.varOff)) env.reject(EACCES, `R${regno} is not a known constant'`);
      meta.memSize = Number(reg.varOff.value & 0xffff_ffffn);
      markPrecise(env, regno);
      break;
    case "spinLock":
      checkSpinLock(env, regno, meta.prototype.id === SPIN_LOCK);
      break;
    case "timer":
      checkTimer(env, regno, meta);
      break;
    case "func":
      meta.callback = reg.subprogram;
      break;
    case "long":
      meta.uninitialized = true;
      checkHelperMemory(env, regno, 8, BPF_WRITE, false, meta);
      checkAlignment(env, reg, 0, 8, true);
      break;
    case "constString":
      checkConstantString(env, regno);
      break;
    default:
      break;
  }
}

/** Remembers the map of a call; a map that programs may not write is not passed to what writes. */
function recordMap(env: VerifierEnvironment, helper: number, map: MapDescriptor | null): void {
  if (!RECORDED.has(helper)) return;
  if (map === null) env.reject(EINVAL, "kernel subsystem misconfigured verifier");
  if (map.flags & BPF_F_RDONLY_PROG && MAP_WRITERS.has(helper)) env.reject(EACCES, "write into map forbidden");
  const aux = env.currentAux;
  if (aux.callMap === null) aux.callMap = map;
  else if (aux.callMap !== map) aux.callMap = "varies";
}

/** A tail call by a known index could become a direct jump: then the index matters exactly. */
function recordTailCallIndex(env: VerifierEnvironment, helper: number, map: MapDescriptor | null): void {
  if (helper !== TAIL_CALL) return;
  if (map === null || map.type !== BPF_MAP_TYPE_PROG_ARRAY) {
    env.reject(EINVAL, "kernel subsystem misconfigured verifier");
  }
  const index = env.registers[BPF_REG_3];
  if (index.isConstant() && index.varOff.value < BigInt(map.maxEntries)) markPrecise(env, BPF_REG_3);
}

/** R0-R5 hold nothing that may be used after a call. */
export function forgetCallerSaved(env: VerifierEnvironment, registers = env.registers): void {
  for (const regno of CALLER_SAVED) {
    env.markNotInit(registers[regno]);
    checkRegisterArgument(env, regno, DST_OP_NO_MARK);
  }
}

function setResult(env: VerifierEnvironment, meta: CallMeta, index: number, result: RegisterState): void {
  const { prototype } = meta;
  result.subregDef = DEF_NOT_SUBREG;
  switch (prototype.returns) {
    case "integer":
      env.markUnknown(result);
      break;
    case "void":
      result.type = NOT_INIT;
      break;
    case "mapValueOrNull":
      result.markKnownZero();
      if (meta.map === null) env.reject(EINVAL, "kernel subsystem misconfigured verifier");
      result.map = meta.map;
      result.mapUid = meta.mapUid;
      result.type = PTR_TO_MAP_VALUE | PTR_MAYBE_NULL;
      break;
    case "taskStruct":
    case "ptRegs":
      result.markKnownZero();
      result.type = PTR_TO_BTF_ID;
      result.structure = kernelStructure(env, prototype.returns === "ptRegs" ? "pt_regs" : "task_struct");
      break;
    case "ringbufMemOrNull":
      result.markKnownZero();
      result.type = PTR_TO_MEM | MEM_ALLOC | PTR_MAYBE_NULL;
      result.memSize = meta.memSize;
      break;
  }
  if (result.type & PTR_MAYBE_NULL) result.id = env.newId();
  if (prototype.id === RINGBUF_RESERVE) {
    const reference = acquireReference(env, index);
    result.id = reference;
    result.refObjId = reference;
  }
  if (prototype.returns === "integer" && RETURNS_SIZE.has(prototype.id)) {
    result.smax = meta.largestSize;
    result.s32max = Number(meta.largestSize);
    result.smin = -MAX_ERRNO;
    result.s32min = -Number(MAX_ERRNO);
    syncBounds(result);
  }
}

/** Pointers into the packet are worthless: it may have moved. */
function forgetPacketPointers(env: VerifierEnvironment): void {
  env.state.forEachRegister((reg) => {
    if (isPacketPointerAny(reg.type)) env.markUnknown(reg);
  });
}

/** As it was in 2015: the destination lies on the stack, and its size is a constant other than 0. */
function checkProbeReadToStack(env: VerifierEnvironment): void {
  const destination = env.registers[BPF_REG_1];
  const size = env.registers[BPF_REG_2];
  if (destination.type !== PTR_TO_STACK) {
    env.reject(EACCES, `R1 type=${typeName(destination.type)} expected=${typeName(PTR_TO_STACK)}`);
  }
  if (size.type !== SCALAR_VALUE || !tnumIsConst(size.varOff)) {
    env.reject(EACCES, `R2 type=${typeName(size.type)} expected=imm`);
  }
  if (size.varOff.value === 0n) env.reject(EACCES, `invalid stack type R1 off=${destination.off} access_size=0`);
}

/** bpf_get_func_ip: where a function was entered is known to kprobes and trampolines. */
function checkFunctionAddress(env: VerifierEnvironment, shown: string): void {
  const { type, expectedAttachType } = env.program;
  if (type === BPF_PROG_TYPE_KPROBE) return;
  if (type !== BPF_PROG_TYPE_TRACING) {
    env.reject(ENOTSUPP, `func ${shown} not supported for program type ${type}`);
  }
  if (!hasTrampoline(type, expectedAttachType ?? 0)) {
    env.reject(ENOTSUPP, `func ${shown} supported only for fentry/fexit/fmod_ret programs`);
  }
}

/** bpf_snprintf: the arguments are 8 bytes each, and the string is known. */
function checkFormatString(env: VerifierEnvironment): void {
  const format = env.registers[BPF_REG_3];
  const size = env.registers[BPF_REG_5].varOff.value;
  if (size % 8n !== 0n) env.reject(EINVAL);
  const start = format.off + Number(format.varOff.value);
  const text = format.map?.contents?.subarray(start) ?? new Uint8Array(0);
  if (!isValidFormat(text.subarray(0, text.indexOf(0)), Number(size / 8n))) env.reject(EINVAL, "Invalid format string");
}

/** BPF_CALL of a helper. */
export function checkHelperCall(env: VerifierEnvironment, insn: Instruction): void {
  const helper = insn.imm;
  const index = env.insnIndex;
  const shown = `${helperName(helper)}#${helper}`;
  if (helper < 0 || helper >= (env.rules.helperCount ?? HELPER_COUNT)) env.reject(EINVAL, `invalid func ${shown}`);
  const prototype = offeredHelper(helper, {
    type: env.program.type,
    attachType: env.program.expectedAttachType ?? 0,
    capable: env.capable,
    perfmon: env.allowPointerLeaks,
  });
  const kprobeHelpers = env.program.type === BPF_PROG_TYPE_KPROBE ? env.rules.kprobeHelpers : undefined;
  const mightSleep = prototype?.mightSleep === true && !env.sleepable;
  const hidden = kprobeHelpers?.has(helper) === false || (mightSleep && env.rules.sleepable.hidesHelpers);
  if (prototype === undefined || hidden) env.reject(EINVAL, `unknown func ${shown}`);
  if (!env.program.gplCompatible && prototype.gplOnly) {
    env.reject(EINVAL, "cannot call GPL-restricted function from non-GPL compatible program");
  }
  if (mightSleep) env.reject(EINVAL, "helper call might sleep in a non-sleepable prog");
  if (env.rules.probeReadToStack && helper === PROBE_READ) checkProbeReadToStack(env);
  const meta = new CallMeta(prototype);
  prototype.arguments.forEach((kind, i) => {
    checkArgument(env, i, kind, meta);
  });
  recordMap(env, helper, meta.map);
  recordTailCallIndex(env, helper, meta.map);
  for (let i = 0; i < meta.filledSize; i++) {
    checkMemoryAccess(env, meta.filledRegister, i, 1, BPF_WRITE, -1, false);
  }
  if (meta.releaseRegister !== 0) {
    const released =
      meta.refObjId !== 0 ? releaseReference(env, meta.refObjId) : env.registers[meta.releaseRegister].isNull();
    if (!released) env.reject(EINVAL, `func ${shown} reference has not been acquired before`);
  }
  if (helper === TAIL_CALL) {
    checkReferenceLeakBefore(env, "tail_call would lead to reference leak");
  }
  if (helper === SNPRINTF) checkFormatString(env);
  // What the helper leaves is in the caller's registers, even if the next instruction is a callback's.
  const { registers } = env;
  if (meta.callback >= 0) enterCallback(env, helper, meta.callback, meta.map);
  forgetCallerSaved(env, registers);
  setResult(env, meta, index, registers[BPF_REG_0]);
  if (meta.map !== null && !mapSupports(meta.map.type, helper)) {
    env.reject(EINVAL, `cannot pass map_type ${meta.map.type} into func ${shown}`);
  }
  if (helper === GET_FUNC_IP) checkFunctionAddress(env, shown);
  if (prototype.changesPacket) forgetPacketPointers(env);
}

/** Nothing may be left unreleased here; says why. */
export function checkReferenceLeakBefore(env: VerifierEnvironment, reason: string): void {
  try {
    checkReferenceLeak(env);
  } catch (error) {
    env.verbose(`${reason}\n`);
    throw error;
  }
}
