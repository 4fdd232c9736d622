/** Loads and stores: alignment, bounds and permissions of whatever the pointer points to. */
import {
  accessBytes,
  BPF_ADD,
  BPF_AND,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_FETCH,
  BPF_LDX,
  BPF_MEM,
  BPF_OR,
  BPF_REG_0,
  BPF_STX,
  BPF_W,
  BPF_XCHG,
  BPF_XOR,
  bpfClass,
  bpfMode,
  bpfSize,
  type Instruction,
} from "../isa.ts";
import { coerceToSize } from "./bounds.ts";
import { checkStructureAccess, pointsTo } from "./check-btf.ts";
import { checkStackRead, checkStackWrite } from "./check-stack.ts";
import { contextAccess } from "./context-access/index.ts";
import type { VerifierEnvironment } from "./environment.ts";
import { EACCES, EINVAL, ENOTSUPP } from "./errors.ts";
import type { KernelPointer } from "./interface.ts";
import { BPF_MAX_VAR_OFF } from "./limits.ts";
import { checkRegisterArgument, DST_OP, SRC_OP } from "./liveness.ts";
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG, BPF_MAP_TYPE_ARRAY } from "./map-types.ts";
import {
  baseType,
  CONST_PTR_TO_MAP,
  DEF_NOT_SUBREG,
  isPacketPointer,
  isReadOnlyMemory,
  isSocketPointer,
  mayBeNull,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_UNTRUSTED,
  type RegisterState,
  SCALAR_VALUE,
  TYPE_FLAGS,
  typeName,
} from "./register-state.ts";
import { S64_MIN, tnumAdd, tnumConst, tnumIsAligned, tnumIsConst, tnumString } from "./tnum.ts";

export const BPF_READ = 1;
export const BPF_WRITE = 2;

/** Sizes of the special fields of map values. */
const SPIN_LOCK_SIZE = 4;
const TIMER_SIZE = 16;
const KPTR_SIZE = 8;
/** Bytes that network drivers leave before a packet, so that the IP header is aligned. */
const NET_IP_ALIGN = 2;

/** An access at a fixed offset within an object of known size. False: it is outside, and the log says so. */
function accessFits(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  objectSize: number,
  zeroSizeAllowed: boolean,
): boolean {
  if (offset >= 0 && (size > 0 || (size === 0 && zeroSizeAllowed)) && offset + size <= objectSize) return true;
  const reg = env.registers[regno];
  const place = `off=${offset} size=${size}`;
  switch (reg.type) {
    case PTR_TO_MAP_KEY:
      env.verbose(`invalid access to map key, key_size=${objectSize} ${place}\n`);
      break;
    case PTR_TO_MAP_VALUE:
      env.verbose(`invalid access to map value, value_size=${objectSize} ${place}\n`);
      break;
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET_END:
      env.verbose(`invalid access to packet, ${place}, R${regno}(id=${reg.id},off=${offset},r=${objectSize})\n`);
      break;
    default:
      env.verbose(`invalid access to memory, mem_size=${objectSize} ${place}\n`);
  }
  return false;
}

/** An access within an object, at the lowest and at the highest offset that the register may have. */
export function checkRegion(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  objectSize: number,
  zeroSizeAllowed: boolean,
): void {
  const reg = env.registers[regno];
  const low = reg.smin + BigInt(offset);
  if (reg.smin < 0n && (reg.smin === S64_MIN || low !== BigInt.asIntN(32, low) || low < 0n)) {
    env.reject(EACCES, `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  if (!accessFits(env, regno, Number(low), size, objectSize, zeroSizeAllowed)) {
    env.reject(EACCES, `R${regno} min value is outside of the allowed memory range`);
  }
  if (reg.umax >= BigInt(BPF_MAX_VAR_OFF)) {
    env.reject(EACCES, `R${regno} unbounded memory access, make sure to bounds check any such access`);
  }
  if (!accessFits(env, regno, Number(reg.umax) + offset, size, objectSize, zeroSizeAllowed)) {
    env.reject(EACCES, `R${regno} max value is outside of the allowed memory range`);
  }
}

/** The map's flags allow programs this kind of access. */
export function checkMapPermission(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  kind: number,
): void {
  const map = env.registers[regno].map;
  if (map === null) return;
  const place = `value_size=${map.valueSize} off=${offset} size=${size}`;
  if (kind === BPF_WRITE && map.flags & BPF_F_RDONLY_PROG) env.reject(EACCES, `write into map forbidden, ${place}`);
  if (kind === BPF_READ && map.flags & BPF_F_WRONLY_PROG) env.reject(EACCES, `read from map forbidden, ${place}`);
}

/** An access to a map value stays inside it and away from locks and timers; pointers of the kernel are only loaded and stored whole. */
export function checkMapAccess(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  zeroSizeAllowed: boolean,
  direct = false,
): void {
  const reg = env.registers[regno];
  const map = reg.map;
  checkRegion(env, regno, offset, size, map?.valueSize ?? 0, zeroSizeAllowed);
  const low = Number(reg.smin) + offset;
  const high = Number(reg.umax) + offset + size;
  const touches = (start: number | undefined, length: number): boolean =>
    start !== undefined && low < start + length && start < high;
  if (touches(map?.spinLockOffset, SPIN_LOCK_SIZE)) {
    env.reject(EACCES, "bpf_spin_lock cannot be accessed directly by load/store");
  }
  if (touches(map?.timerOffset, TIMER_SIZE)) {
    env.reject(EACCES, "bpf_timer cannot be accessed directly by load/store");
  }
  const pointer = map?.kernelPointers?.find((candidate) => touches(candidate.offset, KPTR_SIZE));
  if (pointer === undefined) return;
  if (!direct) env.reject(EACCES, "kptr cannot be accessed indirectly by helper");
  if (!tnumIsConst(reg.varOff)) env.reject(EACCES, "kptr access cannot have variable offset");
  const at = offset + Number(BigInt.asIntN(64, reg.varOff.value));
  if (pointer.offset !== at) {
    const found = BigInt.asUintN(64, BigInt(at));
    env.reject(EACCES, `kptr access misaligned expected=${pointer.offset} off=${found}`);
  }
  if (size !== KPTR_SIZE) env.reject(EACCES, "kptr access size must be BPF_DW");
}

/** The pointer of the kernel at exactly this place of a map's value. */
function kernelPointerAt(reg: RegisterState, offset: number): KernelPointer | undefined {
  if (!tnumIsConst(reg.varOff)) return undefined;
  const at = offset + Number(BigInt.asIntN(64, reg.varOff.value));
  return reg.map?.kernelPointers?.find((candidate) => candidate.offset === at);
}

/** A register may be stored as a pointer of the kernel: it is one, to a structure of that type. (map_kptr_match_type) */
function checkStoredPointer(env: VerifierEnvironment, pointer: KernelPointer, regno: number): void {
  const reg = env.registers[regno];
  const { name } = pointer.structure;
  const allowed = PTR_MAYBE_NULL | (pointer.referenced ? 0 : PTR_UNTRUSTED);
  const isPointer = baseType(reg.type) === PTR_TO_BTF_ID && (reg.type & TYPE_FLAGS & ~allowed) === 0;
  if (isPointer) checkUnmodified(env, reg, regno, true);
  if (isPointer && pointsTo(env, reg, name)) return;
  const found = isPointer ? (reg.structure?.name ?? "") : "";
  const untrusted = pointer.referenced ? "" : ` or ${typeName(PTR_TO_BTF_ID | PTR_UNTRUSTED)}${name}`;
  const expected = `${typeName(PTR_TO_BTF_ID)}${name}${untrusted}`;
  env.reject(EACCES, `invalid kptr access, R${regno} type=${typeName(reg.type)}${found} expected=${expected}`);
}

/** A load or store of a pointer of the kernel in a map's value. (check_map_kptr_access) */
function checkKernelPointer(env: VerifierEnvironment, pointer: KernelPointer, valueRegno: number): void {
  const insn = env.instruction;
  if (bpfMode(insn.code) !== BPF_MEM) {
    env.reject(EACCES, "kptr in map can only be accessed using BPF_MEM instruction mode");
  }
  const kind = bpfClass(insn.code);
  if (kind !== BPF_LDX && pointer.referenced) env.reject(EACCES, "store to referenced kptr disallowed");
  if (kind === BPF_LDX) {
    const value = env.registers[valueRegno];
    value.markKnownZero();
    value.type = PTR_TO_BTF_ID | PTR_MAYBE_NULL | PTR_UNTRUSTED;
    value.structure = pointer.structure;
    value.id = env.newId();
  } else if (kind === BPF_STX) {
    if (!env.registers[valueRegno].isNull()) checkStoredPointer(env, pointer, valueRegno);
  } else if (insn.imm !== 0) {
    env.reject(EACCES, `BPF_ST imm must be 0 when storing to kptr at off=${pointer.offset}`);
  }
}

export function checkPacketAccess(
  env: VerifierEnvironment,
  regno: number,
  offset: number,
  size: number,
  zeroSizeAllowed: boolean,
): void {
  const reg = env.registers[regno];
  if (reg.smin < 0n) {
    env.reject(EACCES, `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  if (reg.range < 0) env.reject(EINVAL, `R${regno} offset is outside of the packet`);
  if (!accessFits(env, regno, offset, size, reg.range, zeroSizeAllowed)) {
    env.reject(EACCES, `R${regno} offset is outside of the packet`);
  }
}

/** Pointers such as the context may be used only as they were given. */
export function checkUnmodified(
  env: VerifierEnvironment,
  reg: RegisterState,
  regno: number,
  fixedAllowed = false,
): void {
  const name = typeName(reg.type);
  if (reg.off < 0) env.reject(EACCES, `negative offset ${name} ptr R${regno} off=${reg.off} disallowed`);
  if (!fixedAllowed && reg.off !== 0) {
    env.reject(EACCES, `dereference of modified ${name} ptr R${regno} off=${reg.off} disallowed`);
  }
  if (!tnumIsConst(reg.varOff) || reg.varOff.value !== 0n) {
    env.reject(EACCES, `variable ${name} access var_off=${tnumString(reg.varOff)} disallowed`);
  }
}

const ALIGNMENT_NAMES: Readonly<Record<number, string>> = {
  [PTR_TO_FLOW_KEYS]: "flow keys ",
  [PTR_TO_MAP_KEY]: "key ",
  [PTR_TO_MAP_VALUE]: "value ",
  [PTR_TO_CTX]: "context ",
  [PTR_TO_STACK]: "stack ",
};

/** The lowest bits of the address are zero, where that is asked for. */
export function checkAlignment(
  env: VerifierEnvironment,
  reg: RegisterState,
  offset: number,
  size: number,
  strictOnce: boolean,
): void {
  // Spilled registers are tracked by aligned slots: the stack is always strict.
  const strict = env.strictAlignment || strictOnce || reg.type === PTR_TO_STACK;
  if (!strict || size === 1) return;
  const isPacket = isPacketPointer(reg.type);
  const fixed = reg.off + offset + (isPacket ? NET_IP_ALIGN : 0);
  if (tnumIsAligned(tnumAdd(reg.varOff, tnumConst(BigInt(fixed))), BigInt(size))) return;
  const place = `${tnumString(reg.varOff)}+${reg.off}+${offset} size ${size}`;
  if (isPacket) env.reject(EACCES, `misaligned packet access off ${NET_IP_ALIGN}+${place}`);
  let name = ALIGNMENT_NAMES[baseType(reg.type)] ?? "";
  if (isSocketPointer(reg.type))
    name = { sock: "sock ", sock_common: "sock_common " }[typeName(reg.type)] ?? `${typeName(reg.type)} `;
  env.reject(EACCES, `misaligned ${name}access off ${place}`);
}

function refuseLeak(env: VerifierEnvironment, kind: number, valueRegno: number, where: string): void {
  if (kind === BPF_WRITE && valueRegno >= 0 && env.isPointerValue(valueRegno)) {
    env.reject(EACCES, `R${valueRegno} leaks addr into ${where}`);
  }
}

/** The number in a map that nobody can change any more. */
function constantInMap(reg: RegisterState, offset: number, size: number): bigint | null {
  const map = reg.map;
  const constant = map?.frozen === true && (map.flags & BPF_F_RDONLY_PROG) !== 0 && map.type === BPF_MAP_TYPE_ARRAY;
  if (!constant || map.contents === undefined || !tnumIsConst(reg.varOff)) return null;
  const at = offset + Number(reg.varOff.value);
  if (at < 0 || at + size > map.contents.length) return null;
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(map.contents[at + i]);
  return value;
}

/**
 * An access of `size` bytes at register + `off`.
 * @param valueRegno the register that is loaded or stored, or -1
 * @param strictOnce alignment is required whatever the program asked for
 */
export function checkMemoryAccess(
  env: VerifierEnvironment,
  regno: number,
  off: number,
  size: number,
  kind: number,
  valueRegno: number,
  strictOnce: boolean,
): void {
  const reg = env.registers[regno];
  checkAlignment(env, reg, off, size, strictOnce);
  const offset = off + reg.off;
  const value = valueRegno >= 0 ? env.registers[valueRegno] : null;
  const isLoad = kind === BPF_READ && value !== null;
  // A load may overwrite its own pointer: decide by the type it had.
  const type = reg.type;
  const base = baseType(type);
  if (type === PTR_TO_MAP_KEY) {
    if (kind === BPF_WRITE) env.reject(EACCES, `write to change key R${regno} not allowed`);
    checkRegion(env, regno, offset, size, reg.map?.keySize ?? 0, false);
    if (value !== null) env.markUnknown(value);
  } else if (type === PTR_TO_MAP_VALUE) {
    refuseLeak(env, kind, valueRegno, "map");
    checkMapPermission(env, regno, offset, size, kind);
    checkMapAccess(env, regno, offset, size, false, true);
    const pointer = kernelPointerAt(reg, offset);
    if (pointer !== undefined) checkKernelPointer(env, pointer, valueRegno);
    else if (isLoad) {
      const constant = constantInMap(reg, offset, size);
      env.markUnknown(value);
      if (constant !== null) value.markKnown(constant);
    }
  } else if (base === PTR_TO_MEM) {
    if (mayBeNull(type)) env.reject(EACCES, `R${regno} invalid mem access '${typeName(type)}'`);
    if (kind === BPF_WRITE && isReadOnlyMemory(type)) {
      env.reject(EACCES, `R${regno} cannot write into ${typeName(type)}`);
    }
    refuseLeak(env, kind, valueRegno, "mem");
    checkRegion(env, regno, offset, size, reg.memSize, false);
    if (value !== null && (kind === BPF_READ || isReadOnlyMemory(type))) env.markUnknown(value);
  } else if (type === PTR_TO_CTX) {
    refuseLeak(env, kind, valueRegno, "ctx");
    checkUnmodified(env, reg, regno);
    const access = contextAccess(env, offset, size, kind === BPF_WRITE);
    if (access === null) {
      env.verbose(`invalid bpf_context access off=${offset} size=${size}\n`);
      env.printSourceLine(env.insnIndex, "; ");
      env.reject(EACCES);
    }
    env.maxContextOffset = Math.max(env.maxContextOffset, offset + size);
    if (isLoad) {
      env.markUnknown(value);
      if (access.type !== SCALAR_VALUE) {
        value.markKnownZero();
        value.type = access.type;
        value.structure = access.structure ?? null;
        if (mayBeNull(access.type)) value.id = env.newId();
        value.subregDef = DEF_NOT_SUBREG;
      }
    }
  } else if (type === PTR_TO_STACK) {
    if (kind === BPF_READ) checkStackRead(env, regno, offset, size, valueRegno);
    else checkStackWrite(env, regno, offset, size, valueRegno);
  } else if (isPacketPointer(type)) {
    if (kind === BPF_WRITE && !mayWritePacket(env)) env.reject(EACCES, "cannot write into packet");
    refuseLeak(env, kind, valueRegno, "packet");
    checkPacketAccess(env, regno, offset, size, false);
    if (isLoad) env.markUnknown(value);
  } else if (base === PTR_TO_BTF_ID && !mayBeNull(type)) {
    checkStructureAccess(env, regno, offset, size, kind === BPF_WRITE, isLoad ? value : null);
  } else if (type === CONST_PTR_TO_MAP) {
    env.reject(ENOTSUPP, "map_ptr access not supported without CONFIG_DEBUG_INFO_BTF");
  } else {
    if (isSocketPointer(type) && kind === BPF_WRITE) {
      env.reject(EACCES, `R${regno} cannot write into ${typeName(type)}`);
    }
    env.reject(EACCES, `R${regno} invalid mem access '${typeName(type)}'`);
  }
  // Loads of fewer than eight bytes clear the rest.
  if (isLoad && size < 8 && value.type === SCALAR_VALUE) coerceToSize(value, size);
}

/** Classifiers and XDP programs may write packets, socket filters may not. */
export function mayWritePacket(env: VerifierEnvironment): boolean {
  const writers = new Set([3, 4, 6, 10, 14, 16]);
  return writers.has(env.program.type);
}

const ATOMIC_OPERATIONS: ReadonlySet<number> = new Set([
  BPF_ADD,
  BPF_ADD | BPF_FETCH,
  BPF_AND,
  BPF_AND | BPF_FETCH,
  BPF_OR,
  BPF_OR | BPF_FETCH,
  BPF_XOR,
  BPF_XOR | BPF_FETCH,
  BPF_XCHG,
  BPF_CMPXCHG,
]);

/** BPF_STX | BPF_ATOMIC. */
export function checkAtomic(env: VerifierEnvironment, insn: Instruction): void {
  if (!ATOMIC_OPERATIONS.has(insn.imm)) {
    const shown = (insn.imm >>> 0).toString(16).padStart(2, "0");
    env.reject(EINVAL, `BPF_ATOMIC uses invalid atomic opcode ${shown}`);
  }
  if (bpfSize(insn.code) !== BPF_W && bpfSize(insn.code) !== BPF_DW) env.reject(EINVAL, "invalid atomic operand size");
  checkRegisterArgument(env, insn.src, SRC_OP);
  checkRegisterArgument(env, insn.dst, SRC_OP);
  if (insn.imm === BPF_CMPXCHG) {
    checkRegisterArgument(env, BPF_REG_0, SRC_OP);
    if (env.isPointerValue(BPF_REG_0)) env.reject(EACCES, `R${BPF_REG_0} leaks addr into mem`);
  }
  if (env.isPointerValue(insn.src)) env.reject(EACCES, `R${insn.src} leaks addr into mem`);
  const { type } = env.registers[insn.dst];
  if (type === PTR_TO_CTX || isPacketPointer(type) || type === PTR_TO_FLOW_KEYS || isSocketPointer(type)) {
    env.reject(EACCES, `BPF_ATOMIC stores into R${insn.dst} ${typeName(type)} is not allowed`);
  }
  let loaded = -1;
  if (insn.imm & BPF_FETCH) {
    loaded = insn.imm === BPF_CMPXCHG ? BPF_REG_0 : insn.src;
    checkRegisterArgument(env, loaded, DST_OP);
  }
  const size = accessBytes(insn.code);
  // First whether the memory may be read at all, then what the register gets.
  checkMemoryAccess(env, insn.dst, insn.off, size, BPF_READ, -1, true);
  if (loaded >= 0) checkMemoryAccess(env, insn.dst, insn.off, size, BPF_READ, loaded, true);
  checkMemoryAccess(env, insn.dst, insn.off, size, BPF_WRITE, -1, true);
}
