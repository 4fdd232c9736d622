/**
 * What the verifier knows of one register, or of one spilled register on the stack: its type, the fixed and the variable
 * part of its offset or value, and the marks of liveness and precision. See "Register value tracking" in
 * Documentation/bpf/verifier.rst.
 */
import type { BtfType } from "../btf.ts";
import type { MapDescriptor } from "./interface.ts";
import { S64_MAX, S64_MIN, TNUM_UNKNOWN, type Tnum, tnumEqual, U64_MAX } from "./tnum.ts";

// Base types.
export const NOT_INIT = 0;
export const SCALAR_VALUE = 1;
export const PTR_TO_CTX = 2;
export const CONST_PTR_TO_MAP = 3;
export const PTR_TO_MAP_VALUE = 4;
export const PTR_TO_MAP_KEY = 5;
export const PTR_TO_STACK = 6;
export const PTR_TO_PACKET_META = 7;
export const PTR_TO_PACKET = 8;
export const PTR_TO_PACKET_END = 9;
export const PTR_TO_FLOW_KEYS = 10;
export const PTR_TO_SOCKET = 11;
export const PTR_TO_SOCK_COMMON = 12;
export const PTR_TO_TCP_SOCK = 13;
export const PTR_TO_TP_BUFFER = 14;
export const PTR_TO_XDP_SOCK = 15;
export const PTR_TO_BTF_ID = 16;
export const PTR_TO_MEM = 17;
export const PTR_TO_BUF = 18;
export const PTR_TO_FUNC = 19;
export const PTR_TO_DYNPTR = 20;

// Flags on a base type.
export const PTR_MAYBE_NULL = 1 << 8;
export const MEM_RDONLY = 1 << 9;
export const MEM_ALLOC = 1 << 10;
export const MEM_USER = 1 << 11;
export const MEM_PERCPU = 1 << 12;
export const PTR_UNTRUSTED = 1 << 13;
export const TYPE_FLAGS = ~0xff;

export const baseType = (type: number): number => type & 0xff;
export const mayBeNull = (type: number): boolean => (type & PTR_MAYBE_NULL) !== 0;
export const isReadOnlyMemory = (type: number): boolean => (type & MEM_RDONLY) !== 0;
export const isPacketPointer = (type: number): boolean => type === PTR_TO_PACKET || type === PTR_TO_PACKET_META;
export const isPacketPointerAny = (type: number): boolean => isPacketPointer(type) || type === PTR_TO_PACKET_END;
export const isSocketPointer = (type: number): boolean =>
  type === PTR_TO_SOCKET || type === PTR_TO_SOCK_COMMON || type === PTR_TO_TCP_SOCK || type === PTR_TO_XDP_SOCK;
/** Pointers whose comparison with 0 is decided. */
export const isNeverNull = (type: number): boolean =>
  type === PTR_TO_SOCKET ||
  type === PTR_TO_TCP_SOCK ||
  type === PTR_TO_MAP_VALUE ||
  type === PTR_TO_MAP_KEY ||
  type === PTR_TO_SOCK_COMMON;
/** Types whose references the log shows. */
export const mayBeRefcounted = (type: number): boolean =>
  isSocketPointer(baseType(type)) || (baseType(type) === PTR_TO_MEM && (type & MEM_ALLOC) !== 0);

const TYPE_NAMES: readonly string[] = [
  "?",
  "scalar",
  "ctx",
  "map_ptr",
  "map_value",
  "map_key",
  "fp",
  "pkt_meta",
  "pkt",
  "pkt_end",
  "flow_keys",
  "sock",
  "sock_common",
  "tcp_sock",
  "tp_buffer",
  "xdp_sock",
  "ptr_",
  "mem",
  "buf",
  "func",
  "dynptr_ptr",
];

/** A type as the log names it: "rdonly_mem_or_null". */
export function typeName(type: number): string {
  let prefix = "";
  if (type & MEM_RDONLY) prefix = "rdonly_";
  if (type & MEM_ALLOC) prefix = "alloc_";
  if (type & MEM_USER) prefix = "user_";
  if (type & MEM_PERCPU) prefix = "percpu_";
  if (type & PTR_UNTRUSTED) prefix = "untrusted_";
  const base = baseType(type);
  let postfix = "";
  if (type & PTR_MAYBE_NULL) postfix = base === PTR_TO_BTF_ID ? "or_null_" : "_or_null";
  return `${prefix}${TYPE_NAMES[base]}${postfix}`;
}

// Liveness marks.
export const REG_LIVE_NONE = 0;
export const REG_LIVE_READ32 = 1;
export const REG_LIVE_READ64 = 2;
export const REG_LIVE_READ = REG_LIVE_READ32 | REG_LIVE_READ64;
export const REG_LIVE_WRITTEN = 4;
export const REG_LIVE_DONE = 8;

export const DEF_NOT_SUBREG = 0;

export const S32_MIN = -0x8000_0000;
export const S32_MAX = 0x7fff_ffff;
export const U32_MAX = 0xffff_ffff;

/** `range` of a packet pointer that was compared with the end of the packet, but lies beyond or at it. */
export const BEYOND_PKT_END = -1;
export const AT_PKT_END = -2;

export class RegisterState {
  type = NOT_INIT;
  /** Fixed part of a pointer's offset. */
  off = 0;
  /** Packet pointers: bytes known to be accessible. */
  range = 0;
  /** Map pointers and pointers into map keys and values. */
  map: MapDescriptor | null = null;
  /** Distinguishes inner maps with timers. */
  mapUid = 0;
  /** PTR_TO_MEM: size of the object. */
  memSize = 0;
  /** PTR_TO_BTF_ID: the kernel's structure that it points to. */
  structure: BtfType | null = null;
  /** PTR_TO_FUNC: the callback. */
  subprogram = 0;
  /** Registers with the same id share value (scalars), null check (or_null) or variable offset (packet pointers). */
  id = 0;
  /** The acquired reference that this pointer comes from. */
  refObjId = 0;
  varOff: Tnum = TNUM_UNKNOWN;
  smin = S64_MIN;
  smax = S64_MAX;
  umin = 0n;
  umax = U64_MAX;
  s32min = S32_MIN;
  s32max = S32_MAX;
  u32min = 0;
  u32max = U32_MAX;
  /** The same register in the state that this one was continued from. */
  parent: RegisterState | null = null;
  /** PTR_TO_STACK: the frame it points into. */
  frameno = 0;
  /** 1 + index of the instruction that wrote only the lower half, or DEF_NOT_SUBREG. */
  subregDef = DEF_NOT_SUBREG;
  live = REG_LIVE_NONE;
  /** A scalar whose exact range mattered. */
  precise = false;

  /** A copy of everything, the parent link included. */
  clone(): RegisterState {
    const copy = new RegisterState();
    copy.assignAll(this);
    return copy;
  }

  /** Becomes equal to `from` in everything, parent link and marks included. */
  assignAll(from: RegisterState): void {
    this.assignValue(from);
    this.parent = from.parent;
    this.live = from.live;
  }

  /** Takes over the value of `from`, but keeps its own place in the liveness chain. */
  assign(from: RegisterState): void {
    this.assignValue(from);
  }

  private assignValue(from: RegisterState): void {
    this.type = from.type;
    this.off = from.off;
    this.range = from.range;
    this.map = from.map;
    this.mapUid = from.mapUid;
    this.memSize = from.memSize;
    this.structure = from.structure;
    this.subprogram = from.subprogram;
    this.id = from.id;
    this.refObjId = from.refObjId;
    this.varOff = from.varOff;
    this.smin = from.smin;
    this.smax = from.smax;
    this.umin = from.umin;
    this.umax = from.umax;
    this.s32min = from.s32min;
    this.s32max = from.s32max;
    this.u32min = from.u32min;
    this.u32max = from.u32max;
    this.frameno = from.frameno;
    this.subregDef = from.subregDef;
    this.precise = from.precise;
  }

  /** Takes over what belongs to a pointer's type: packet range, map, memory size. */
  assignPointee(from: RegisterState): void {
    this.range = from.range;
    this.map = from.map;
    this.mapUid = from.mapUid;
    this.memSize = from.memSize;
    this.structure = from.structure;
    this.subprogram = from.subprogram;
  }

  clearPointee(): void {
    this.range = 0;
    this.map = null;
    this.mapUid = 0;
    this.memSize = 0;
    this.structure = null;
    this.subprogram = 0;
  }

  /** Same type, fixed offset and pointee (ids and ranges aside). */
  sameObject(other: RegisterState): boolean {
    return (
      this.type === other.type &&
      this.off === other.off &&
      this.range === other.range &&
      this.map === other.map &&
      this.mapUid === other.mapUid &&
      this.memSize === other.memSize &&
      this.structure === other.structure &&
      this.subprogram === other.subprogram
    );
  }

  /** Same in everything but parent link, frame and marks. */
  sameValue(other: RegisterState): boolean {
    return (
      this.sameObject(other) &&
      this.id === other.id &&
      this.refObjId === other.refObjId &&
      this.u32min === other.u32min &&
      this.u32max === other.u32max &&
      this.s32min === other.s32min &&
      this.s32max === other.s32max &&
      this.umin === other.umin &&
      this.umax === other.umax &&
      this.smin === other.smin &&
      this.smax === other.smax &&
      tnumEqual(this.varOff, other.varOff)
    );
  }

  markUnbounded64(): void {
    this.smin = S64_MIN;
    this.smax = S64_MAX;
    this.umin = 0n;
    this.umax = U64_MAX;
  }

  markUnbounded32(): void {
    this.s32min = S32_MIN;
    this.s32max = S32_MAX;
    this.u32min = 0;
    this.u32max = U32_MAX;
  }

  /** Any number. `precise` when precision is not tracked (unprivileged). */
  markUnknown(precise: boolean): void {
    this.type = SCALAR_VALUE;
    this.off = 0;
    this.clearPointee();
    this.id = 0;
    this.refObjId = 0;
    this.varOff = TNUM_UNKNOWN;
    this.frameno = 0;
    this.precise = precise;
    this.markUnbounded64();
    this.markUnbounded32();
  }

  markNotInit(precise: boolean): void {
    this.markUnknown(precise);
    this.type = NOT_INIT;
  }

  /** The value (or variable offset) is exactly this; id and pointee stay. */
  setBoundsKnown(value: bigint): void {
    const unsigned = BigInt.asUintN(64, value);
    this.varOff = { value: unsigned, mask: 0n };
    this.smin = BigInt.asIntN(64, value);
    this.smax = this.smin;
    this.umin = unsigned;
    this.umax = unsigned;
    const low = Number(unsigned & 0xffff_ffffn);
    this.s32min = low | 0;
    this.s32max = low | 0;
    this.u32min = low;
    this.u32max = low;
  }

  /** The value is exactly this, and nothing else is known of it. The type stays. */
  markKnown(value: bigint): void {
    this.off = 0;
    this.clearPointee();
    this.id = 0;
    this.refObjId = 0;
    this.setBoundsKnown(value);
  }

  markKnownZero(): void {
    this.markKnown(0n);
  }

  /** The lower half is exactly this. */
  setSubregKnown(value: number): void {
    this.varOff = {
      value: (this.varOff.value & 0xffff_ffff_0000_0000n) | BigInt(value >>> 0),
      mask: this.varOff.mask & 0xffff_ffff_0000_0000n,
    };
    this.s32min = value | 0;
    this.s32max = value | 0;
    this.u32min = value >>> 0;
    this.u32max = value >>> 0;
  }

  /** It is a constant null pointer or constant zero. */
  isNull(): boolean {
    return this.type === SCALAR_VALUE && this.varOff.mask === 0n && this.varOff.value === 0n;
  }

  isConstant(): boolean {
    return this.type === SCALAR_VALUE && this.varOff.mask === 0n;
  }
}

/** A scalar of known value. */
export function knownScalar(value: bigint): RegisterState {
  const reg = new RegisterState();
  reg.type = SCALAR_VALUE;
  reg.setBoundsKnown(value);
  return reg;
}
